"""What a user asks of a trained run, from the shell and from Python."""

import io

import numpy as np
import pytest
from PIL import Image

from data_pipelines.images import decode
from itit_jax.serve import cli
from itit_jax.serve.session import Session, fit


@pytest.fixture(scope="module")
def session(trained):
    return Session(trained)


def test_draw_writes_a_picture_and_caption_says_something_of_it(trained, tmp_path, capsys):
    out = tmp_path / "new" / "x.png"
    text = "a big red circle in the top left"
    assert cli.main(["draw", text, f"--out={out}", f"--workdir={trained}", "--scale=2"]) == 0
    assert Image.open(out).size == (32, 32)  # 16 pixels, enlarged twice
    assert cli.main(["caption", str(out), f"--workdir={trained}"]) == 0
    shown = capsys.readouterr().out.splitlines()
    assert shown[0] == str(out) and shown[1].startswith(f"{out}: ")


def test_equal_seeds_draw_equal_pictures_and_others_differ(session):
    texts = ["a red circle"] * 9  # more than one batch
    one, same = session.draw(texts, seed=3), session.draw(texts, seed=3)
    other = session.draw(texts, seed=4)
    assert len(one) == 9
    assert all(np.array_equal(a, b) for a, b in zip(one, same))
    assert not all(np.array_equal(a, b) for a, b in zip(one, other))


def test_a_caption_does_not_depend_on_its_neighbours(session):
    rng = np.random.default_rng(0)
    pictures = list(rng.integers(0, 255, (9, 16, 16, 3), np.uint8))
    assert session.caption(pictures)[8] == session.caption(pictures[8:])[0]


def test_a_run_serves_without_its_data_set(session, trained):
    assert session.vocabulary.path == str(trained / "vocabulary.model")


def test_pictures_of_any_size_are_cut_to_their_middle():
    wide = np.zeros((10, 30, 3), np.uint8)
    wide[:, 10:20] = 255
    assert fit(wide, 10).min() == 255
    assert fit(Image.fromarray(wide).convert("L"), 5).shape == (5, 5, 3)


def test_a_picture_that_was_enlarged_for_the_eye_is_taken_as_it_was():
    pixels = np.random.default_rng(0).integers(0, 256, (9, 9, 3)).astype(np.uint8)
    enlarged = pixels.repeat(8, axis=0).repeat(8, axis=1)
    np.testing.assert_array_equal(fit(enlarged, 9), pixels)
    touched = enlarged.copy()
    touched[0, 0] ^= 255  # blocks no longer
    assert (fit(touched, 9) != pixels).any()


def test_a_picture_is_brought_to_its_size_as_the_data_set_brings_it():
    pixels = np.random.default_rng(0).integers(0, 256, (23, 37, 4)).astype(np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, format="PNG")  # half transparent
    np.testing.assert_array_equal(fit(Image.open(file), 10), decode(file.getvalue(), 10))


@pytest.mark.parametrize(
    "arguments, sentence",
    [
        (["draw", "a circle", "--out=x.txt"], "is no picture file"),
        (["draw", "  "], "a text to draw is empty"),
        (["draw", "a circle " * 40], "tokens and this run reads"),
        (["caption", "nowhere.png"], "nowhere.png does not exist"),
        (["caption", __file__], "is no picture that Pillow can read"),
        (["draw", "a circle", "--workdir=nowhere"], "nowhere"),
    ],
)
def test_wrong_requests_are_one_sentence(trained, arguments, sentence, capsys):
    if not any(a.startswith("--workdir") for a in arguments):
        arguments = [*arguments, f"--workdir={trained}"]
    assert cli.main(arguments) == 2
    error = capsys.readouterr().err
    assert sentence in error and len(error.splitlines()) == 1


def test_a_tokenizer_neither_draws_nor_captions(tokenizer, capsys):
    assert cli.main(["draw", "a circle", f"--workdir={tokenizer}"]) == 2
    assert "neither draws nor captions" in capsys.readouterr().err
