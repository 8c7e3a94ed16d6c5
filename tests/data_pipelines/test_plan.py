"""What becomes of each example: splits, unpairing, duplicates, shards."""

import dataclasses
import functools
import tracemalloc
import types
from unittest import mock

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data_pipelines import plan, scan
from data_pipelines.scan import ROW, TOLD, key_hash

NONE = dict(validation=0.0, test=0.0, pairs=0, unpair=False, drop_duplicates=False)


def make(rows, **options):
    return plan.make(rows, types.SimpleNamespace(**NONE | options))


def rows_of(*examples):
    """ROW of (key, pixels, texts) with more by name."""
    rows = np.zeros(len(examples), ROW)
    for row, (key, pixels, texts, more) in zip(rows, examples):
        row["key"], row["pixels"], row["texts"] = key_hash(key), pixels, texts
        row["image"] = 100 * bool(pixels)
        for name, value in more.items():
            row[name] = value
    return rows


def example(key, pixels=1, texts=1, **more):
    return key, pixels, texts, more


def keys_of(found, keys):
    return {split: {keys[i] for i in found.examples(split)} for split in found.splits()}


EXAMPLES = st.lists(
    st.tuples(st.integers(0, 6), st.integers(0, 2), st.integers(0, 1), st.integers(0, 3)),
    min_size=1, max_size=60,
)  # fmt: skip


def drawn(examples):
    return rows_of(*(
        example(f"k{i}", pixels, texts, asked=asked, told=told)
        for i, (pixels, texts, asked, told) in enumerate(examples)
    ))  # fmt: skip


@settings(max_examples=100, deadline=None)
@given(EXAMPLES, st.integers(0, 9), st.booleans(), st.booleans())
def test_both_halves_of_a_pair_never_meet(examples, pairs, unpair, drop):
    rows = drawn(examples)
    options = dict(pairs=pairs, unpair=unpair, drop_duplicates=drop, test=0.2)
    found = make(rows, **options)
    images, texts = (found.main == side for side in (plan.IMAGES, plan.TEXTS))
    of_pairs = texts & (rows["pixels"] > 0)
    assert not set(rows["pixels"][images]) & set(rows["pixels"][of_pairs])
    assert found.facts["lone_sets_are_apart"] and not (images & texts).any()
    kept = (found.main == plan.PAIRS).sum()
    assert not (pairs or unpair) or kept <= pairs
    assert (found.asked[images & (rows["texts"] > 0)] == 0).all(), "nothing is asked about halves"


@settings(max_examples=50, deadline=None)
@given(EXAMPLES)
def test_every_example_is_somewhere_or_told(examples):
    rows = drawn(examples)
    found = make(rows, drop_duplicates=True, validation=0.3)
    used = (found.main > 0) | (found.asked > 0)
    empty = (rows["pixels"] == 0) & (rows["texts"] == 0)
    assert (used | (found.skipped > 0) | empty).all()
    pixels = rows["pixels"][used & (rows["pixels"] > 0)]
    assert len(np.unique(pixels)) == len(pixels) and not found.leaked.any()


@settings(max_examples=100, deadline=None)
@given(EXAMPLES, st.integers(0, 9), st.booleans(), st.booleans(), st.integers(1, 9))
def test_a_plan_does_not_tell_how_many_rows_were_in_memory(examples, pairs, unpair, drop, part):
    rows = drawn(examples)
    rows["pixels"] *= np.uint64(2**61)  # spread over the passes
    options = dict(pairs=pairs, unpair=unpair, drop_duplicates=drop, test=0.2)
    at_once = make(rows, **options)
    with mock.patch.object(scan, "PART", part), mock.patch.object(plan, "ALIKE", part):
        found = make(rows, **options)
        ends = {name: plan.cuts(found, name, rows, 500).tolist() for name in found.splits()}
        decided = np.concatenate(list(found.decided(rows)))
    for field in dataclasses.fields(plan.Plan):
        np.testing.assert_equal(getattr(found, field.name), getattr(at_once, field.name))
    assert ends == {name: plan.cuts(found, name, rows, 500).tolist() for name in found.splits()}
    assert np.array_equal(decided, *at_once.decided(rows))


def test_a_plan_holds_a_few_bytes_of_an_example(monkeypatch):
    monkeypatch.setattr(scan, "PART", 4000)
    monkeypatch.setattr(plan, "ALIKE", 1000)
    count = 100_000
    rows = np.zeros(count, ROW)
    rows["key"] = rows["pixels"] = np.random.default_rng(0).integers(1, 2**64, count, np.uint64)
    rows["image"], rows["texts"] = 50_000, 1
    tracemalloc.start()
    make(rows, pairs=1000, test=0.1, drop_duplicates=True)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 9 * count


def test_splits_are_chosen_by_the_key_and_stay_when_others_come():
    some = [example(f"k{i}", i + 1) for i in range(400)]
    more = [example(f"new{i}", 500 + i) for i in range(400)]
    first = make(rows_of(*some), validation=0.1, test=0.2).main
    both = make(rows_of(*some, *more), validation=0.1, test=0.2).main
    assert np.array_equal(first, both[:400])
    share = np.bincount(first, minlength=4)[1:4] / 400
    np.testing.assert_allclose(share, [0.7, 0.1, 0.2], atol=0.06)


def test_what_the_source_tells_of_a_split_holds():
    told = [example(f"k{i}", i + 1, told=i % len(TOLD)) for i in range(40)]
    found = make(rows_of(*told), test=0.999).main
    for i in range(40):
        assert i % len(TOLD) == 0 or plan.NAMES[found[i]] == TOLD[i % len(TOLD)]


def test_a_lone_text_that_the_source_holds_out_is_trained_on_nowhere():
    told = [example(f"k{i}", 0, told=i) for i in range(len(TOLD))]
    found = make(rows_of(*told), test=0.999)
    used = {TOLD[i] for i in found.examples("texts")}
    assert used == {"", "pairs"} and found.splits() == {"texts": 2}
    left = {TOLD[i]: plan.REASONS[reason] for i, reason in enumerate(found.skipped) if reason}
    assert left == {"validation": plan.ALONE, "test": plan.ALONE} and found.left_out()


def test_halves_are_as_many_and_the_kept_pairs_are_those_of_the_least_hash():
    rows = rows_of(*(example(f"k{i}", i + 1) for i in range(101)))
    found = make(rows, pairs=21)
    assert found.splits() == {"pairs": 21, "images": 40, "texts": 40}
    least = np.sort(rows["key"])[20]
    assert ((rows["key"] <= least) == (found.main == plan.PAIRS)).all()
    assert found.facts["unpaired"] == {"pairs_kept": 21, "lend_images": 40, "lend_texts": 40}
    assert set(make(rows, unpair=True).splits()) == {"images", "texts"}


def test_examples_of_one_key_lend_the_same_half():
    rows = rows_of(*(example(f"k{i // 4}", i + 1) for i in range(4 * 5)))
    found = make(rows, unpair=True)
    images = set(rows["key"][found.main == plan.IMAGES].tolist())
    assert images.isdisjoint(rows["key"][found.main == plan.TEXTS].tolist()) and len(images) == 3


def test_pictures_in_training_that_are_held_out_too_are_found_and_dropped_from_training():
    rows = rows_of(
        example("a", 5, told=TOLD.index("test")), example("b", 5), example("c", 5, texts=0),
        example("d", 6), example("e", 6), example("f", 7, told=TOLD.index("validation")),
    )  # fmt: skip
    found = make(rows)
    assert found.leaked.tolist() == [True, False, False, False, False, False]
    assert found.facts["pictures_twice"] == 3
    found = make(rows, drop_duplicates=True)
    keys = keys_of(found, "abcdef")
    assert keys == {"pairs": {"d"}, "validation": {"f"}, "test": {"a"}}
    assert [plan.REASONS[i] for i in found.skipped[[1, 2, 4]]] == [plan.TWICE] * 3


def test_a_broken_picture_is_nowhere():
    rows = rows_of(example("a"), example("b", bad=1), example("c", texts=0, asked=2, bad=1))
    assert keys_of(make(rows), "abc") == {"pairs": {"a"}}


@pytest.mark.parametrize("count, shard, shards", [(100, 10**9, 1), (1000, 21_500, 10)])
def test_shards_are_of_one_size(count, shard, shards, monkeypatch):
    rows = np.zeros(count, ROW)
    rows["image"] = np.random.default_rng(0).integers(1, 300, count)
    rows["pixels"] = 1
    monkeypatch.setattr(scan, "PART", 30)
    ends = plan.cuts(make(rows), "images", rows, shard)
    assert len(ends) == shards and ends[-1] == count and (np.diff(ends) > 0).all()
    sizes = np.diff(np.concatenate([[0], (np.cumsum(rows["image"] + 64))[ends - 1]]))
    assert sizes.max() < 1.1 * sizes.min()


def test_pictures_that_will_be_smaller_need_fewer_shards():
    rows = np.zeros(100, ROW)
    rows["image"] = 10**6
    ends = functools.partial(plan.cuts, make(rows), "images", rows, 10**7)
    assert len(ends()) == 10 > len(ends(size=256))
