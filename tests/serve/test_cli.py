"""What a user asks of a trained run, from the shell and from Python."""

import json
import shutil

import numpy as np
import pytest
from PIL import Image

from itit_jax.serve import cli
from itit_jax.serve.session import Session


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


def test_an_edit_keeps_what_the_mask_does_not_show(trained, tmp_path, capsys):
    x, y, mask = tmp_path / "x.png", tmp_path / "new" / "y.png", tmp_path / "mask.png"
    pixels = np.random.default_rng(0).integers(0, 255, (40, 48, 3), np.uint8)
    white = np.zeros((40, 48), bool)
    white[10:30, 20:40] = True
    Image.fromarray(pixels).save(x)
    Image.fromarray(white).save(mask)
    asked = ["edit", str(x), "a red circle", f"--mask={mask}", f"--workdir={trained}"]
    assert cli.main([*asked, f"--out={y}", "--rounds=3", "--guidance=2"]) == 0
    assert capsys.readouterr().out == f"{y}\n"
    found = np.asarray(Image.open(y))
    np.testing.assert_array_equal(found[~white], pixels[~white])
    assert (found[white] != pixels[white]).any(axis=-1).mean() > 0.9
    Image.fromarray(white & False).save(mask)
    assert cli.main(asked) == 2
    assert "the mask has no white pixel" in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments, sentence",
    [
        (["draw", "a circle", "--out=x.txt"], "is no picture file"),
        (["draw", "  "], "a text to draw is empty"),
        (["draw", "a circle " * 40], "tokens and this run reads"),
        (["caption", "nowhere.png"], "nowhere.png does not exist"),
        (["caption", __file__], "no image; give another picture"),
        (["draw", "a circle", "--workdir=nowhere"], "nowhere"),
        (["draw", "a circle", "--rounds=0"], "must be at least 1, not 0"),
        (["edit", "nowhere.png", "a circle", "--mask=x.png"], "nowhere.png does not exist"),
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
    assert "cannot do this (Texts to pictures)" in capsys.readouterr().err


def test_a_tokenizer_that_was_moved_is_told_and_found_again(
    trained, tokenizer, tmp_path, capsys, monkeypatch
):
    run, moved = shutil.copytree(trained, tmp_path / "run"), tmp_path / "moved"
    config = json.loads((run / "config.json").read_text())
    config["tokenizer"]["workdir"] = str(tmp_path / "gone")
    (run / "config.json").write_text(json.dumps(config))
    shutil.copytree(tokenizer, moved)
    monkeypatch.chdir(tmp_path)
    Image.fromarray(np.zeros((16, 16, 3), np.uint8)).save("x.png")
    assert cli.main(["caption", "x.png", "--workdir=run"]) == 2
    told = capsys.readouterr().err
    assert f"looked for in {tmp_path / 'gone'}" in told and "--config.tokenizer.workdir=" in told
    assert cli.main(["caption", "x.png", "--workdir=run", "--config.tokenizer.workdir=moved"]) == 0
