"""--mode=encode: what a frozen part says of each record, once."""

import json
import re
import time

import jax
import numpy as np
import pytest

from data_pipelines import build, encoded, records, streams
from data_pipelines.records import Records, digest, read_info
from data_pipelines.words.find import open_words
from itit_jax import encode, main, parts
from itit_jax.recipes import base
from itit_jax.workdir import Workdir
from launch import local
from tests import runs


def command(folder, data, *more):
    return main.main(["--mode=encode", f"--workdir={folder}", f"--config.data.path={data}", *more])


def itit(folder, data, tokenizer, *more):
    return command(folder, data, *runs.ITIT, f"--config.tokenizer.workdir={tokenizer}", *more)


def of(data):
    return digest(read_info(data))


def restored(workdir):
    """(recipe, parameters) of a run."""
    config = Workdir(workdir).config()
    recipe = base.find(config)
    return recipe, parts.restore_params(recipe, config, workdir)[0]


@pytest.fixture(scope="module")
def tokens(easy, tokenizer, tmp_path_factory):
    folder = tmp_path_factory.mktemp("encoded") / "tokens"
    assert itit(folder, easy, tokenizer) == 0
    return folder


@pytest.fixture(scope="module")
def other(tmp_path_factory):
    """Another data set of the same size."""
    out = tmp_path_factory.mktemp("data") / "other"
    assert build.main(["--from=scenes", "--preset=easy", "--seed=1", f"--out={out}"]) == 0
    return out


@pytest.fixture
def written(monkeypatch):
    """Parts as they are encoded; `written.stop_at` kills the command in front of one."""

    class Written(list):
        stop_at = None

    found, write = Written(), encoded.write

    def record(folder, split, *rest, **more):
        if split == found.stop_at:
            raise KeyboardInterrupt
        found.extend([split] * ("." in split))
        write(folder, split, *rest, **more)

    monkeypatch.setattr(encoded, "write", record)
    return found


# ---- what is said ------------------------------------------------------------------------------


def test_tokens_are_what_the_tokenizer_says_of_each_picture(tokens, easy, tokenizer):
    recipe, params = restored(tokenizer)
    alone = jax.jit(lambda x: recipe.tokenizer.apply({"params": params["tokenizer"]}, x)[3])
    for split in ("pairs", "images"):
        pictures = np.stack(list(streams.images(easy, split, 16)))
        found = encoded.Encoded(tokens, split, "tokens", len(pictures), of(easy))
        assert found.rows.dtype == np.int32
        ids = alone(pictures.astype(np.float32) / 127.5 - 1)
        np.testing.assert_array_equal(found.rows, np.reshape(ids, found.rows.shape))
    assert not (tokens / "texts.tokens.npy").exists()  # they have no pictures


@pytest.mark.long
def test_a_run_on_tokens_has_the_losses_of_the_run_on_pixels(
    tokens, trained, easy, tokenizer, tmp_path
):
    flags = runs.itit(tmp_path / "run", easy, tokenizer)
    flags = ["--config.train.steps=2" if "train.steps" in flag else flag for flag in flags]
    runs.run(
        *flags, f"--config.data.tokens={tokens}", "--config.cycle.mode=none",
        "--config.sample.every=0", "--config.evaluate.every=1000",
    )
    pixels, found = Workdir(trained).metrics()[0], Workdir(tmp_path / "run").metrics()[0]
    for name in ("draw", "caption"):
        np.testing.assert_allclose(found[name], pixels[name], rtol=1e-5)


def test_pictures_that_are_asked_about_have_tokens_too(easy_asked, tokenizer, tmp_path):
    """Those of the same pictures among the pairs, in a stream that shows no pixels."""
    assert itit(tmp_path / "tokens", easy_asked, tokenizer) == 0
    rows = dict(questions=60, draw=60)  # each record once
    opened = streams.Streams(
        easy_asked, rows, seed=0, image_size=16, text_length=24, answer_length=4,
        vocabulary=open_words(easy_asked), tokens=tmp_path / "tokens",
    )  # fmt: skip
    found = opened.batch(0)
    assert found["questions"].keys() == {"tokens", "question", "answer"}
    seen = [sorted(map(bytes, found[name]["tokens"])) for name in rows]
    assert seen[0] == seen[1]


def test_features_of_a_trained_classifier_need_its_run(easy, classifier, tmp_path, capsys):
    flags = ["--config=configs/classifier_tiny.py"]
    assert command(tmp_path / "f", easy, *flags) == 2
    assert "no trained classifier is given" in capsys.readouterr().err
    assert command(tmp_path / "f", easy, *flags, f"--config.encode.run={classifier}") == 0
    recipe, params = restored(classifier)
    pictures = np.stack(list(streams.images(easy, "images", 32)))
    found = encoded.Encoded(tmp_path / "f", "images", "features", len(pictures), of(easy))
    assert found.rows.dtype == np.float32
    np.testing.assert_allclose(found.rows, jax.jit(recipe.features)(params, pictures), atol=1e-5)


def test_features_of_texts_lie_by_record_and_are_those_of_its_texts(
    trained, easy, tokenizer, tmp_path
):
    flags = [f"--config.encode.run={trained}", "--config.encode.what=features"]
    assert itit(tmp_path / "f", easy, tokenizer, *flags) == 0
    recipe, params = restored(trained)
    words, length = open_words(trained), Workdir(trained).config().data.text_length
    alone = jax.jit(lambda p, ids: recipe.text_encoder.apply({"params": p}, ids, ids > 0))
    for split in ("pairs", "texts"):
        every = Records(easy, split)
        found = encoded.Encoded(tmp_path / "f", split, "features", len(every), of(easy))
        assert found.starts[-1] == sum(len(record.texts) for record in every)
        for index in (0, len(every) - 1):
            ids = np.stack([words.encode(text, length) for text in every[index].texts])
            said = alone(params["text_encoder"], ids)
            expected = np.where(ids[..., None] > 0, said, 0)
            np.testing.assert_allclose(found.of(index), expected, atol=1e-5)
    told = Workdir(tmp_path / "f").companions()
    assert told["vocabulary"] == words.digest and told["text_length"] == str(length)


# ---- going on ----------------------------------------------------------------------------------


def test_the_same_command_goes_on_and_encodes_nothing_twice(
    tokens, easy, tokenizer, tmp_path, written, capsys
):
    folder = tmp_path / "again"
    written.stop_at = "images.00000"
    assert itit(folder, easy, tokenizer) == 130
    written.stop_at = None
    assert itit(folder, easy, tokenizer) == 0
    told = capsys.readouterr().out
    assert written == ["pairs.00000", "images.00000"] and "pairs: tokens are there already" in told
    assert "images: tokens 200/200  100 %  eta 0 s" in told
    for file in tokens.glob("*.npy"):
        assert (folder / file.name).read_bytes() == file.read_bytes()


def test_tokens_of_unknown_origin_are_refused_and_made_again(
    tokens, easy, tokenizer, tmp_path, written, capsys
):
    for file in (*tokens.glob("*.npy"), *tokens.glob("*.tokens.json")):  # no companions.json
        (tmp_path / file.name).write_bytes(file.read_bytes())
    flags = [*runs.itit(tmp_path / "run", easy, tokenizer), f"--config.data.tokens={tmp_path}"]
    assert main.main(flags) == 2
    assert "does not tell with which dataset it was made; make it again" in capsys.readouterr().err
    assert itit(tmp_path, easy, tokenizer) == 0
    assert written == ["pairs.00000", "images.00000"]


def test_what_was_made_anew_and_stopped_is_not_taken_for_done(
    tokens, easy, tokenizer, tmp_path, written
):
    for file in (*tokens.glob("*.npy"), *tokens.glob("*.tokens.json")):
        (tmp_path / file.name).write_bytes(file.read_bytes())
    written.stop_at = "images.00000"  # of unknown origin, and never made anew
    assert itit(tmp_path, easy, tokenizer) == 130
    written.stop_at = None
    assert itit(tmp_path, easy, tokenizer) == 0 and written == ["pairs.00000", "images.00000"]


def test_a_second_command_into_one_folder_is_refused(easy, tokenizer, tmp_path, capsys):
    with Workdir(tmp_path).lock():
        assert itit(tmp_path, easy, tokenizer) == 2
    assert f"another run is alive in {tmp_path}" in capsys.readouterr().err
    assert not list(tmp_path.glob("*.*y"))


@pytest.fixture(scope="module")
def shards(easy, tmp_path_factory):
    """The same records in many small shards."""
    folder = tmp_path_factory.mktemp("shards")
    splits = {name: records.Records(easy, name) for name in ("pairs", "images")}
    written = records.write_splits(folder, splits, shard_bytes=4000)
    records.finish(folder, *written, open_words(easy).files(), name="x", licence="", made_by="",
                   made_of={}, parameters={})  # fmt: skip
    return folder


def equal_files(folder, other):
    """Of what is not a lock."""
    there = [{file.name: file.read_bytes() for file in place.iterdir() if ".lock" not in file.name}
             for place in (folder, other)]  # fmt: skip
    return there[0].keys() == there[1].keys() and there[0] == there[1]


@pytest.fixture(scope="module")
def by_one(shards, tokenizer, tmp_path_factory):
    """What one process writes that nobody disturbs."""
    folder = tmp_path_factory.mktemp("by_one")
    assert itit(folder, shards, tokenizer) == 0
    return folder


def test_who_was_killed_and_another_share_leave_parts_that_are_not_done_again(
    by_one, shards, tokenizer, tmp_path, written, monkeypatch
):
    count, share = len(records.Records(shards, "pairs").runs), encode._share
    assert count > 4
    monkeypatch.setattr(encode, "_share", lambda sizes: range(count // 2, count))
    written.stop_at = encoded.part("pairs", count - 1)
    assert itit(tmp_path, shards, tokenizer) == 130
    monkeypatch.setattr(encode, "_share", share)
    for number in (2, None):
        written.stop_at = number and encoded.part("pairs", number)
        assert itit(tmp_path, shards, tokenizer) == (130 if number else 0)
    pairs = [part for part in written if part.startswith("pairs")]
    assert sorted(pairs) == [encoded.part("pairs", number) for number in range(count)]
    assert equal_files(tmp_path, by_one)


@pytest.mark.long
def test_two_processes_of_which_one_is_killed_write_the_bytes_of_one(
    by_one, shards, tokenizer, tmp_path
):
    flags = ["--mode=encode", *runs.ITIT, f"--config.data.path={shards}",
             f"--config.tokenizer.workdir={tokenizer}", f"--workdir={tmp_path}"]  # fmt: skip
    first, last = (encoded.part("pairs", number) for number in (0, 12))
    both = runs.start_many(*flags, processes=2, devices=8)
    while not any(encoded.there(tmp_path, part, "tokens") for part in (first, last)):
        assert all(process.poll() is None for process in both), both[0].communicate()[0]
        time.sleep(0.01)
    both[1].kill()
    assert [process.wait(300) for process in both] == [134, -9], both[0].communicate()[0]
    assert not equal_files(tmp_path, by_one)
    both = runs.start_many(*flags, processes=2, devices=8)
    outputs = [process.communicate(timeout=300)[0] for process in both]
    assert [process.returncode for process in both] == [0, 0], outputs
    assert equal_files(tmp_path, by_one), outputs


@pytest.mark.long
def test_processes_that_do_not_share_the_folder_are_told(shards, tokenizer, tmp_path):
    flags = ["--mode=encode", *runs.ITIT, f"--config.data.path={shards}"]
    port = local.free_port()
    both = [
        runs.start(*flags, f"--config.tokenizer.workdir={tokenizer}",
                   f"--workdir={tmp_path / str(number)}", **local.environment(number, 2, port))
        for number in range(2)
    ]  # fmt: skip
    outputs = [process.communicate(timeout=300)[0] for process in both]
    assert [process.returncode for process in both] == [2, 2], outputs
    for output in outputs:
        assert re.search(r"process 1 \(.*\) has another --workdir than process 0", output)


SIZES = ([9], [10] * 4 + [1] * 40, [5, 0, 0], [0, 0], [3, 50, 3])


@pytest.mark.parametrize("sizes", SIZES)
def test_processes_share_rows_and_no_part_twice(sizes, monkeypatch):
    shares = []
    for count in (1, 2, 3):
        monkeypatch.setattr(encode.jax, "process_count", lambda: count)  # noqa: B023
        for me in range(count):
            monkeypatch.setattr(encode.jax, "process_index", lambda: me)  # noqa: B023
            shares.append([number for number in encode._share(sizes)])
        assert sum(shares[-count:], []) == list(range(len(sizes)))
        rows = [sum(sizes[number] for number in share) for share in shares[-count:]]
        assert max(rows) <= sum(sizes) / count + max(sizes)


# ---- refusals ----------------------------------------------------------------------------------


def test_tokens_of_another_data_set_or_size_are_refused(
    tokens, other, easy, tokenizer, tmp_path, capsys
):
    assert set(json.loads((tokens / "companions.json").read_text())) == {
        "tokenizer", "dataset", "image_size",
    }
    before = {file: file.read_bytes() for file in tokens.iterdir()}
    assert itit(tokens, other, tokenizer) == 2
    assert "the dataset is not the one" in capsys.readouterr().err
    assert before == {file: file.read_bytes() for file in tokens.iterdir()}
    flags = [f"--config.data.tokens={tokens}"]
    assert main.main([*runs.itit(tmp_path / "a", other, tokenizer), *flags]) == 2
    assert "was made of another data set; run --mode=encode" in capsys.readouterr().err


def test_what_cannot_be_said_is_one_sentence(trained, easy, tokenizer, tmp_path, capsys):
    cases = (
        (itit(trained, easy, tokenizer), "holds a run"),
        (itit(tmp_path, easy, tokenizer, "--config.encode.what=token"), "it says tokens, features"),
        (itit("gs://bucket/x", easy, tokenizer), "is no folder of this machine"),
        (itit(tmp_path, easy, tokenizer, "--config.encode.run=nowhere"), "which does not exist"),
        (command(tmp_path, easy, "--config=configs/vq_tiny.py"), "vq encodes nothing"),
    )
    told = capsys.readouterr().err.splitlines()
    assert [code for code, _ in cases] == [2] * len(cases) and len(told) == len(cases), told
    for sentence, (_, words) in zip(told, cases):
        assert words in sentence
    assert not list(tmp_path.iterdir())
