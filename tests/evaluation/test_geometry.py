"""The command, on a run and on published towers."""

import json
import pathlib
import shutil

import numpy as np
import pytest

from data_pipelines import streams
from data_pipelines.records import Records
from data_pipelines.words.train import train_pieces
from itit_jax.evaluation import geometry
from itit_jax.towers.trained import open_towers

GOLDEN = pathlib.Path(__file__).parent.parent / "weights/golden"


def test_a_run_is_measured_at_its_start_and_at_every_checkpoint(towers_run, easy, tmp_path, capsys):
    out = tmp_path / "found"
    assert geometry.main([f"{easy}:test", f"--tower={towers_run}", f"--out={out}"]) == 0
    found = json.loads((out / "geometry.json").read_text())
    assert list(found["along"]) == ["0", "2", "4"]
    assert found["tower"] == open_towers(towers_run).signature
    assert found["gap"] == found["along"]["4"]["gap"] != found["along"]["0"]["gap"]
    assert found["pairs"] == len(Records(easy, "test")) and found["width"] == 16
    assert (out / "geometry.png").read_bytes().startswith(b"\x89PNG")
    printed = " ".join(capsys.readouterr().out.split())
    assert f"gap length {found['gap']['length'][0]:.3f}" in printed


def test_published_towers_are_measured_as_they_are(easy, tmp_path):
    tower = tmp_path / "tower"
    shutil.copytree(GOLDEN / "siglip_small", tower)
    (tower / "spiece.model").write_bytes(train_pieces(["ab ba"] * 9, 10))
    assert geometry.main([f"{easy}:test", f"--tower={tower}", f"--out={tmp_path}"]) == 0
    found = json.loads((tmp_path / "geometry.json").read_text())
    assert found["along"] == {} and found["pairs"] == len(Records(easy, "test"))
    folder, texts = geometry.read_texts(f"{easy}:test")
    pictures = streams.images(folder, "test", 0)
    for rows in geometry.vectors(open_towers(tower), pictures, texts):
        np.testing.assert_allclose(np.linalg.norm(rows, axis=1), 1, rtol=1e-5)


@pytest.mark.parametrize(
    "split, sentence",
    [
        ("{easy}", "names no split of a data set"),
        ("{easy}:images", "holds no pairs of pictures and texts"),
        ("{easy}:elsewhere", "has no split elsewhere"),
    ],
)
def test_a_place_without_pairs_is_one_sentence(split, sentence, easy, tmp_path, capsys):
    given = split.format(easy=easy)
    assert geometry.main([given, "--tower=nowhere", f"--out={tmp_path / 'x'}"]) == 2
    error = capsys.readouterr().err
    assert sentence in error and len(error.splitlines()) == 1 and not (tmp_path / "x").exists()
