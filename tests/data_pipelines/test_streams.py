"""Batches are a function of (seed, step, host)."""

import itertools

import numpy as np
import pytest

from data_pipelines import build, engines
from data_pipelines.errors import Damaged, UserError
from data_pipelines.images import decode
from data_pipelines.records import Records, finish, read_info, write, write_splits
from data_pipelines.spread import asked_examples, examples
from data_pipelines.streams import Streams, images
from data_pipelines.words.pieces import Pieces

ROWS = {"draw": 4, "caption": 6, "images": 2, "texts": 8}


@pytest.fixture
def folder(easy):
    return easy


def streams(folder, **changes):
    options = dict(seed=3, image_size=16, text_length=24) | changes
    rows = options.pop("rows", ROWS)
    return Streams(folder, rows, **{"vocabulary": folder / "vocabulary.model"} | options)


def equal(a, b):
    return all(np.array_equal(a[s][f], b[s][f]) for s in a for f in a[s]) and a.keys() == b.keys()


def test_every_record_appears_once_in_an_epoch(folder):
    found = streams(folder, rows={"images": 4})
    pictures = [found.batch(step)["images"]["image"] for step in range(50)]  # 200 records
    assert len({p.tobytes() for batch in pictures for p in batch}) == 200


def test_a_batch_does_not_depend_on_what_was_read_before(folder):
    one, other = streams(folder), streams(folder)
    batches = [one.batch(step) for step in range(40)]
    for step in (39, 3, 17):
        assert equal(other.batch(step), batches[step])


def test_iterating_from_a_step_gives_that_steps_batches(folder):
    found = streams(folder)
    for step, batch in itertools.islice(engines.read(found, 11), 5):
        assert equal(batch, found.batch(step))
    assert step == 15


def test_slices_of_two_hosts_are_the_batch_of_one(folder):
    whole = streams(folder)
    halves = [streams(folder, host=h, hosts=2) for h in (0, 1)]
    for step in (0, 30):
        parts = [half.batch(step) for half in halves]
        joined = {
            s: {f: np.concatenate([p[s][f] for p in parts]) for f in parts[0][s]} for s in parts[0]
        }
        assert equal(joined, whole.batch(step))


def test_all_captions_of_a_record_are_used(folder):
    found = streams(folder, rows={"draw": 60})
    seen = {}
    for step in range(30):
        for image, text in zip(*found.batch(step)["draw"].values()):
            seen.setdefault(image.tobytes(), set()).add(text.tobytes())
    assert np.mean([len(texts) for texts in seen.values()]) > 2


def test_streams_show_only_their_half(folder):
    batch = streams(folder).batch(0)
    assert set(batch["images"]) == {"image"} and set(batch["texts"]) == {"text"}
    assert batch["draw"]["image"].dtype == np.uint8 and batch["draw"]["text"].dtype == np.int32


def test_limits_keep_the_first_records(folder):
    found = streams(folder, rows={"draw": 5}, limits={"pairs": 5})
    first = {p.tobytes() for p in found.batch(0)["draw"]["image"]}
    assert first == {p.tobytes() for p in itertools.islice(images(folder, "pairs", 16), 5)}


def test_examples_are_spread_evenly_over_their_split(folder):
    vocabulary = Pieces(folder / "vocabulary.model")
    every = np.stack(list(images(folder, "pairs", 16)))  # 60 records
    found = examples(folder, "pairs", 5, image_size=16, text_length=24, vocabulary=vocabulary)
    assert np.array_equal(found["image"], every[[0, 12, 24, 36, 48]])


@pytest.mark.parametrize(
    "changes, sentence",
    [
        (dict(hosts=4), "do not divide over 4 hosts"),
        (dict(limits={"pairs": 999}), "lower the number"),
        (dict(tokens="/nowhere"), "mode=encode"),
    ],
)
def test_wrong_wishes_get_one_sentence(folder, changes, sentence):
    with pytest.raises(UserError, match=sentence):
        streams(folder, **changes)


def test_lone_sets_with_a_shared_example_are_refused(tmp_path):
    from data_pipelines import records
    from data_pipelines.words import train

    record = lambda key, split: records.Record(
        key, b"i" if split == "images" else b"", ("a text",) if split == "texts" else (), "s"
    )
    splits = {s: [record("same", s), record(f"own-{s}", s)] for s in ("images", "texts")}
    model = train.train_pieces(["a text of words"] * 5, 30)
    records.write(
        tmp_path / "d",
        splits,
        extra={"vocabulary.model": model},
        name="n",
        licence="l",
        made_by="m",
        parameters={},
    )
    with pytest.raises(UserError, match="same stands in both"):
        streams(tmp_path / "d", rows={"images": 1, "texts": 1})


def test_pairs_alone_lend_their_halves_to_the_lone_streams(folder, tmp_path):
    about = dict(name="x", licence="x", made_by="x", parameters={})
    pairs = [Records(folder, "pairs")[i] for i in range(9)]
    write(tmp_path / "alone", {"pairs": pairs}, **about)
    found = streams(tmp_path / "alone", vocabulary=folder / "vocabulary.model")
    assert found.lent() == {"images": "pairs", "texts": "pairs"} and not streams(folder).lent()
    batch, shown = found.batch(0), {decode(pair.image, 16).tobytes() for pair in pairs}
    assert {name: set(rows) for name, rows in batch.items()} == {
        "draw": {"image", "text"}, "caption": {"image", "text"}, "images": {"image"},
        "texts": {"text"},
    }  # fmt: skip
    assert all(picture.tobytes() in shown for picture in batch["images"]["image"])
    write(tmp_path / "bare", {"texts": pairs}, **about)
    with pytest.raises(UserError, match="bare has no pairs, but 4 rows of stream draw are asked"):
        streams(tmp_path / "bare", vocabulary=folder / "vocabulary.model")


def test_texts_survive_their_ids(folder):
    vocabulary = Pieces(folder / "vocabulary.model")
    found = examples(folder, "test", 20, image_size=16, text_length=32, vocabulary=vocabulary)
    for ids, texts in zip(found["text"], found["texts"]):
        assert vocabulary.decode(ids) == texts[0]
        assert (ids[ids.tolist().index(1) + 1 :] == 0).all()


def test_fewer_examples_than_there_are_spread_over_the_split(folder):
    vocabulary = Pieces(folder / "vocabulary.model")
    shape = dict(image_size=16, text_length=32, vocabulary=vocabulary)
    every, some = (examples(folder, "test", n, **shape)["keys"] for n in (60, 4))
    assert some == [every[0], every[15], every[30], every[45]]


def test_a_long_text_is_cut_and_still_ended(folder):
    ids = Pieces(folder / "vocabulary.model").encode("a red circle " * 20, 6)
    assert len(ids) == 6 and ids[-1] == 1 and 0 not in ids


def test_building_twice_changes_nothing_and_another_command_is_refused(folder, capsys):
    before = (folder / "dataset.json").read_bytes()
    assert build.main(["--preset=easy", "--from=scenes", f"--out={folder}"]) == 0
    assert "there already" in capsys.readouterr().out
    assert build.main(["--from=scenes", "--preset=tiny", f"--out={folder}"]) == 2
    assert "--preset was easy and is left out. Give another --out" in capsys.readouterr().err
    assert (folder / "dataset.json").read_bytes() == before


@pytest.mark.parametrize("kind", [UserError, Damaged])
@pytest.mark.parametrize("engine", ["grain", "seqio"])
def test_a_damaged_record_is_one_sentence_from_either_engine(engine, kind, folder, monkeypatch):
    if engine == "seqio":
        pytest.importorskip("seqio")
    found = streams(folder, rows={"images": 4})
    whole = Records.__getitem__

    def read(records, index):
        if index == 7:
            raise kind("the shard x.array_record is damaged; copy it again.")
        return whole(records, index)

    monkeypatch.setattr(Records, "__getitem__", read)
    with pytest.raises(UserError) as error:
        list(itertools.islice(engines.read(found, 0, engine), 60))
    assert str(error.value) == "the shard x.array_record is damaged; copy it again."


def test_a_row_of_questions_is_a_picture_with_one_of_its_questions_and_that_answer(easy_asked):
    found = streams(easy_asked, rows={"questions": 8}, answer_length=5)
    words, splits = found.vocabulary, Records(easy_asked, "questions")
    truth = {decode(r.image, 16).tobytes(): {each[:2] for each in r.asked} for r in splits}
    seen, asked = set(), set()
    for step in range(45):  # six epochs of 60
        rows = found.batch(step)["questions"]
        assert rows["question"].shape == (8, 24) and rows["answer"].shape == (8, 5)
        for picture, *texts in zip(rows["image"], rows["question"], rows["answer"]):
            pair = tuple(map(words.decode, texts))
            assert pair in truth[picture.tobytes()]
            seen.add(picture.tobytes())
            asked.add((picture.tobytes(), pair))
    assert len(seen) == len(truth) and len(asked) > 3 * len(seen)
    again = streams(easy_asked, rows={"questions": 8}, answer_length=5)
    assert equal(again.batch(44), found.batch(44))


def test_a_data_set_without_questions_is_told(easy):
    with pytest.raises(UserError, match="has no questions, but 4 rows .* data.rows.questions=0"):
        streams(easy, rows={"questions": 4}, answer_length=5)


def test_all_questions_about_some_pictures_are_examples(easy_asked):
    size = dict(image_size=16, text_length=24, vocabulary=Pieces(easy_asked / "vocabulary.model"))
    found = asked_examples(easy_asked, "test_questions", 7, **size)
    records = list(Records(easy_asked, "test_questions"))
    assert len(found["image"]) == len(found["keys"]) == 7
    by_key = {record.key: record for record in records}
    for number, key in enumerate(found["keys"]):
        index = np.flatnonzero(found["of"] == number)
        record = by_key[key]
        assert [found["asked"][i] for i in index] == list(record.asked)
        said = [size["vocabulary"].decode(found["question"][i]) for i in index]
        assert said == [each.question for each in record.asked]
        np.testing.assert_array_equal(found["image"][number], decode(record.image, 16))


def test_a_data_set_that_tells_that_its_lone_sets_are_apart_is_opened_without_reading_keys(
    easy, monkeypatch
):
    assert read_info(easy)["lone_sets_are_apart"]
    read, taken = Records.__getitem__, []
    monkeypatch.setattr(Records, "__getitem__", lambda r, i: taken.append(i) or read(r, i))
    found = streams(easy)
    assert not taken
    found.batch(0)
    assert len(taken) <= 2 * sum(ROWS.values())


@pytest.fixture
def sharded(folder, tmp_path):
    """The same records in many small shards."""
    found = {name: Records(folder, name) for name in ("pairs", "images")}
    info = read_info(folder)
    finish(tmp_path, *write_splits(tmp_path, found, shard_bytes=4000), name="x", licence="",
           made_by="", made_of={}, parameters=info["parameters"])  # fmt: skip
    assert len(Records(tmp_path, "images").shards) > 20
    return tmp_path


@pytest.mark.parametrize("limit", [0, 120])
def test_an_order_by_windows_shows_every_record_once_and_few_shards_at_a_time(
    sharded, folder, limit
):
    words = folder / "vocabulary.model"
    options = dict(rows={"images": 4}, vocabulary=words, window=3, limits={"images": limit})
    found = streams(sharded, **options)
    halves = [streams(sharded, **options, host=host, hosts=2) for host in (0, 1)]
    records, steps = Records(sharded, "images"), (limit or 200) // 4
    read, plain = [], records._shard
    records_of = found._splits["images"].records
    records_of._shard = lambda number: read.append(number) or plain(number)
    pictures, touched = [], []
    for step in range(steps):
        read.clear()
        batch = found.batch(step)["images"]["image"]
        parts = [half.batch(step)["images"]["image"] for half in halves]
        np.testing.assert_array_equal(np.concatenate(parts), batch)
        pictures += [picture.tobytes() for picture in batch]
        touched.append(set(read))
    assert len(set(pictures)) == len(pictures) == (limit or 200)
    first = {number: min(s for s in range(steps) if number in touched[s]) for s in touched
             for number in s}  # fmt: skip
    last = {number: max(s for s in range(steps) if number in touched[s]) for number in first}
    for step in range(steps):  # a batch may lie in two windows
        assert sum(first[number] <= step <= last[number] for number in first) <= 2 * 3


def test_a_record_that_cannot_be_read_is_passed_over_told_once_and_counted(folder, monkeypatch):
    whole, bad, whence = Records.__getitem__, {7, 31}, []

    def read(records, index):
        if index in bad:
            raise Damaged(f"record {index} of split images cannot be read; copy it again.")
        return whole(records, index)

    sound = streams(folder, rows={"images": 4})
    order = sound._index("images", sound._splits["images"], np.arange(201))  # and one behind
    monkeypatch.setattr(Records, "__getitem__", read)
    options = dict(rows={"images": 4}, bad_budget=0.01)
    one, two = streams(folder, **options), streams(folder, **options)
    for step in reversed(range(50)):  # two of 200
        assert equal(one.batch(step), two.batch(step))
    for step in range(50):
        whence += list(one.batch(step)["images"]["image"])
    for place, picture in enumerate(whence):
        meant = next(i for i in order[place:].tolist() if i not in bad)
        np.testing.assert_array_equal(picture, sound._splits["images"].image(meant))
    told = list(one.news())
    assert len(told) == 2 and told[1].endswith("; the next one stands in its place (2 so far)")
    assert not list(one.news())
    bad.add(90)  # a third
    with pytest.raises(UserError, match="of split images cannot be read; copy it again"):
        over = streams(folder, **options)
        for step in range(50):
            over.batch(step)
