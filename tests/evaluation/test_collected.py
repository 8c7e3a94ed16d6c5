"""Streamed statistics, and when those on disk are used again."""

import dataclasses

import numpy as np
import pytest

from data_pipelines import pictures
from data_pipelines.errors import UserError
from data_pipelines.folder import Report
from itit_jax.evaluation import collected, fidelity
from itit_jax.evaluation.collected import collect
from itit_jax.evaluation.fidelity import Running, Statistics
from tests.evaluation import toy


def counting():
    """(extractor, list that grows by every picture that it prepares)."""
    seen = []
    prepare = lambda picture: seen.append(1) or toy.EXTRACTOR.prepare(picture)
    return dataclasses.replace(toy.EXTRACTOR, prepare=prepare), seen


def ask(folder, cache, extractor=toy.EXTRACTOR, keep=False):
    return collect(pictures.find(str(folder)), extractor, Report(), keep=keep, folder=cache)


@pytest.mark.parametrize("size", [1, 7, 50])
def test_running_statistics_are_those_of_all_features_at_once(size, monkeypatch):
    monkeypatch.setattr(fidelity, "BLOCK", 10)
    x = np.random.default_rng(0).normal(3, 2, (50, 6)) @ np.diag([1, 10, 1, 0.1, 1, 1e3])
    running = Running()
    for start in range(0, 50, size):
        running.add(x[start : start + size])
    found, want = running.statistics(), Statistics.of(x)
    np.testing.assert_allclose(found.mean, want.mean, rtol=1e-12)
    np.testing.assert_allclose(found.covariance, want.covariance, rtol=1e-9, atol=1e-9)


def test_statistics_with_and_without_kept_rows_are_equal(tmp_path):
    folder = toy.fill(tmp_path / "x", 40)
    bare, full = ask(folder, tmp_path / "a"), ask(folder, tmp_path / "b", keep=True)
    assert bare.features is None and full.features.shape == (40, 4)
    assert full.probabilities.shape == (40, 3) and bare.count == full.count == 40
    want = Statistics.of(full.features)
    for found in (bare, full):
        np.testing.assert_allclose(found.statistics.mean, want.mean, rtol=1e-12)
        np.testing.assert_allclose(found.statistics.covariance, want.covariance, atol=1e-12)


def test_the_same_question_is_answered_from_disk(tmp_path):
    folder, (extractor, seen) = toy.fill(tmp_path / "x", 5), counting()
    (folder / "broken.png").write_bytes(b"")
    first = ask(folder, tmp_path / "cache", extractor, keep=True)
    again = ask(folder, tmp_path / "cache", extractor)
    assert len(seen) == 5
    np.testing.assert_array_equal(first.statistics.covariance, again.statistics.covariance)
    np.testing.assert_array_equal(first.features, again.features)
    assert again.skipped == first.skipped and again.skipped["broken image"]["count"] == 1


def test_other_pictures_another_extractor_or_missing_rows_ask_anew(tmp_path):
    folder, (extractor, seen) = toy.fill(tmp_path / "x", 5), counting()
    cache = tmp_path / "cache"
    ask(folder, cache, extractor)
    ask(folder, cache, extractor, keep=True)
    assert len(seen) == 10
    (folder / "000.png").write_bytes((folder / "001.png").read_bytes())
    changed = ask(folder, cache, extractor, keep=True)
    assert len(seen) == 15
    np.testing.assert_array_equal(changed.features[0], changed.features[1])
    ask(folder, cache, dataclasses.replace(extractor, name="toy|weights:1"))
    assert len(seen) == 20


def test_a_damaged_file_is_made_anew_and_a_failed_write_leaves_the_old_one(tmp_path, monkeypatch):
    folder, cache = toy.fill(tmp_path / "x", 5), tmp_path / "cache"
    first = ask(folder, cache)
    (file,) = cache.iterdir()
    whole = file.read_bytes()
    for damage in (whole[: len(whole) // 2], b"", whole[:100] + b"????" + whole[104:]):
        file.write_bytes(damage)
        again = ask(folder, cache)
        np.testing.assert_array_equal(first.statistics.mean, again.statistics.mean)
        assert file.read_bytes() == whole

    def full(draft, **_):
        draft.write(b"half")
        raise OSError("no space left")

    monkeypatch.setattr(collected.np, "savez", full)
    with pytest.raises(UserError, match="give another --cache"):
        ask(folder, cache, keep=True)
    assert file.read_bytes() == whole and list(cache.iterdir()) == [file]


def test_what_could_not_be_read_for_a_while_is_read_the_next_time(tmp_path):
    folder = toy.fill(tmp_path / "x", 4)
    (folder / "000.png").rename(tmp_path / "away.png")
    (folder / "000.png").symlink_to(tmp_path / "gone.png")
    harmed = ask(folder, tmp_path / "cache")
    assert harmed.count == 3 and not list((tmp_path / "cache").iterdir())
    (tmp_path / "away.png").rename(tmp_path / "gone.png")
    mended = ask(folder, tmp_path / "cache")
    assert mended.count == 4 and not mended.skipped


def test_progress_is_told_in_pictures(tmp_path, monkeypatch):
    monkeypatch.setattr(collected, "SECONDS", 0)
    lines, source = [], pictures.find(str(toy.fill(tmp_path / "x", 3)))
    where = dict(keep=False, folder=tmp_path / "cache", say=lines.append)
    collect(source, toy.EXTRACTOR, Report(), **where)
    assert lines == [f"{tmp_path / 'x'}: {n} of 3 pictures" for n in range(3)]


def test_fewer_than_two_pictures_are_refused(tmp_path):
    with pytest.raises(UserError, match="fewer than 2 pictures"):
        ask(toy.fill(tmp_path / "x", 1), tmp_path / "cache")
