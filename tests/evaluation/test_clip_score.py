"""The command on published towers."""

import json
import pathlib
import shutil

import numpy as np
import pytest
from PIL import Image

from data_pipelines.words.train import train_pieces
from itit_jax.evaluation import clip_score
from itit_jax.towers.published import load_towers

GOLDEN = pathlib.Path(__file__).parent.parent / "weights/golden"


@pytest.fixture
def files(tmp_path):
    shutil.copytree(GOLDEN / "siglip_small", tmp_path / "tower")
    model = train_pieces(["ab ba"] * 9, 10)
    (tmp_path / "tower/spiece.model").write_bytes(model)
    (tmp_path / "pictures").mkdir()
    rng = np.random.default_rng(0)
    for i in range(3):
        pixels = rng.integers(0, 256, (20 + i, 18, 3), np.uint8)
        Image.fromarray(pixels).save(tmp_path / f"pictures/{i}.png")
    (tmp_path / "pictures/3.png").write_text("no picture")
    rows = ["file\tcaption", "0.png\tab ba", "1.png\tba", "3.png\tab", "4.png\tab", "1.png\tab"]
    (tmp_path / "captions.tsv").write_text("\n".join(rows))
    return tmp_path


def test_the_command_scores_a_folder_and_says_what_it_left_out(files, capsys):
    out = files / "scores.json"
    arguments = [str(files / "pictures"), str(files / "captions.tsv")]
    assert clip_score.main([*arguments, f"--tower={files / 'tower'}", f"--out={out}"]) == 0
    written, printed = json.loads(out.read_text()), capsys.readouterr()
    towers = load_towers(files / "tower")
    pictures = [np.asarray(Image.open(files / f"pictures/{i}.png")) for i in (0, 1, 1)]
    seen = towers.image_features(pictures)
    said = towers.text_features(["ab ba", "ba", "ab"])
    cosines = (seen * said).sum(1) / np.linalg.norm(seen, axis=1) / np.linalg.norm(said, axis=1)
    one, two, three = 100 * np.maximum(cosines, 0)
    assert written["files"] == ["0.png", "1.png"]
    np.testing.assert_allclose(written["items"], [one, (two + three) / 2], rtol=1e-4, atol=1e-3)
    assert written["signature"].endswith(f"tower:{towers.signature}|n:2|v:2")
    assert f"CLIP score {written['score']:.2f}" in printed.out
    assert "image missing: 1, first captions.tsv:5 4.png" in printed.err
    assert "no caption: 1, first 2.png" in printed.err
    assert "no image: 1, first 3.png" in printed.err


def test_towers_of_a_run_score_too(files, towers_run, capsys):
    arguments = [str(files / "pictures"), str(files / "captions.tsv"), f"--tower={towers_run}"]
    assert clip_score.main(arguments) == 0
    assert "tower:towers-step4-" in capsys.readouterr().out


def test_wrong_files_are_one_sentence(files, capsys):
    pictures, captions = str(files / "pictures"), str(files / "captions.tsv")
    for arguments, sentence in (
        ([pictures, captions, f"--tower={files / 'nowhere'}"], "do not exist"),
        ([pictures, str(files / "none.tsv"), f"--tower={files / 'tower'}"], "does not exist"),
        ([pictures, captions, f"--tower={files / 'tower'}", "--out=/nowhere/x"], "make it first"),
    ):
        assert clip_score.main(arguments) == 2
        error = capsys.readouterr().err
        assert sentence in error and len(error.splitlines()) == 1
