"""The best of several drawings is the one that a judge likes best, and one is the plain one."""

import pathlib
import shutil

import numpy as np
import pytest
from PIL import Image

from data_pipelines.words.train import train_pieces
from itit_jax.evaluation.pair_scores import similarity
from itit_jax.serve import cli
from itit_jax.serve.rerank import rank
from itit_jax.serve.session import Pipeline, Session
from itit_jax.towers.published import load_towers
from itit_jax.towers.trained import open_towers
from tests.towers.test_judge import Reds, plain

GOLDEN = pathlib.Path(__file__).parent.parent / "weights/golden"
TEXTS = ["a big red circle", "a small blue square", "a cross"]


@pytest.fixture(scope="module")
def session(trained):
    return Session(trained)


def equal(some, others):
    return all(np.array_equal(a, b) for a, b in zip(some, others, strict=True))


def test_drawings_are_ordered_by_their_cosine_and_equal_ones_by_their_turn():
    turns = [[plain(3, 4, 0), plain(0, 0, 1)], [plain(9, 0, 0), plain(0, 3, 4)]]
    turns.append([plain(6, 8, 0), plain(0, 0, 9)])
    turns = [[Image.fromarray(picture) for picture in turn] for turn in turns]
    red, blue = rank(Reds(), turns, ["red", "blue"])
    assert equal(red.pictures, [turns[1][0], turns[0][0], turns[2][0]])
    assert red.cosines == pytest.approx([1, 0.6, 0.6])
    assert equal(blue.pictures, [turns[0][1], turns[2][1], turns[1][1]])
    assert str(red) == "cosine 1.0000, best of 3 (worst 0.6000) by reds"
    assert red.sheet().height > 3 * 96


@pytest.mark.long
def test_the_best_of_one_is_the_plain_drawing(session, exported, towers_run):
    drawn = session.draw(TEXTS, seed=3)
    assert equal(session.draw(TEXTS, seed=3, best_of=1, judge=towers_run), drawn)
    pipe = Pipeline.from_pretrained(exported)
    for more in ({}, dict(best_of=1, judge=towers_run)):
        assert equal(pipe(TEXTS, generator=3, **more).images, drawn)


@pytest.mark.long
def test_the_judge_sees_the_plain_drawing_and_others_and_keeps_the_best(session, towers_run):
    ranked = session.ranked(TEXTS, best_of=3, judge=towers_run, seed=3)
    towers, plain = open_towers(towers_run), session.draw(TEXTS, seed=3)
    for text, one, found in zip(TEXTS, plain, ranked):
        pixels = [np.asarray(picture) for picture in found.pictures]
        assert len(pixels) == 3 and any(np.array_equal(one, other) for other in pixels)
        assert not equal(pixels[:1], pixels[1:2])
        cosines = towers.image_features(pixels) @ towers.text_features([text])[0]
        np.testing.assert_allclose(found.cosines, cosines, atol=1e-5)
        assert found.cosines == sorted(found.cosines, reverse=True)
    best = [found.pictures[0] for found in ranked]
    assert equal(session.draw(TEXTS, seed=3, best_of=3, judge=towers_run), best)
    assert session.ranked([], best_of=3, judge=towers_run) == []


@pytest.mark.long
def test_published_towers_of_another_picture_size_judge_too(session, tmp_path):
    """As they score pairs of pictures and texts, from weights without anything of ours."""
    folder = tmp_path / "siglip"
    shutil.copytree(GOLDEN / "siglip_wide", folder)
    (folder / "spiece.model").write_bytes(train_pieces(["ab ba"] * 9, 10))
    (found,) = session.ranked("ab ba", best_of=4, judge=folder)
    towers = load_towers(folder)
    assert towers.module.image.size != found.pictures[0].width and found.judge == towers.signature
    pixels = [np.asarray(picture) for picture in found.pictures]
    scores = similarity(towers.image_features(pixels), towers.text_features(["ab ba"] * 4))
    np.testing.assert_allclose(100 * np.maximum(found.cosines, 0), scores, atol=1e-3)
    assert found.cosines == sorted(found.cosines, reverse=True)


@pytest.mark.long
def test_the_shell_keeps_the_best_and_tells_its_cosine(trained, towers_run, session, tmp_path,
                                                       capsys):  # fmt: skip
    out, sheet = tmp_path / "x.png", tmp_path / "all.png"
    asked = ["draw", TEXTS[0], f"--out={out}", f"--workdir={trained}", "--scale=1"]
    best_of = ["--best_of=3", f"--judge={towers_run}"]
    assert cli.main([*asked, *best_of, f"--sheet={sheet}"]) == 0
    (found,) = session.ranked(TEXTS[:1], best_of=3, judge=towers_run)
    assert equal([Image.open(out)], found.pictures[:1])
    assert capsys.readouterr().out.splitlines() == [str(out), str(found), str(sheet)]
    assert equal([Image.open(sheet)], [found.sheet()])


@pytest.mark.parametrize(
    "arguments, sentence",
    [
        (["--best_of=0", "--judge=x"], "--best_of must be at least 1, not 0"),
        (["--best_of=2"], "nobody chooses among them; give a judge (--judge=DIR)"),
        (["--sheet=x.png"], "give --judge=DIR"),
        (["--best_of=2", "--judge=nowhere"], "nowhere do not exist"),
        (["--best_of=2", "--judge=TOKENIZER"], "is a run of vq, which has no towers; give a run"),
    ],
)
def test_a_wrong_judge_is_one_sentence(trained, tokenizer, arguments, sentence, capsys):
    arguments = [each.replace("TOKENIZER", str(tokenizer)) for each in arguments]
    assert cli.main(["draw", "a circle", f"--workdir={trained}", *arguments]) == 2
    error = capsys.readouterr().err
    assert sentence in error and len(error.splitlines()) == 1
