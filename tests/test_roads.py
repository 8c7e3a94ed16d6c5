"""A picture is the same pixels, or the same fault, on every road that pictures come in by."""

import json
import os

import numpy as np
import pytest
from PIL import Image

from data_pipelines import build, images, pictures, streams
from data_pipelines.folder import Report
from data_pipelines.records import Records
from itit_jax import main
from itit_jax.evaluation import clip_score
from itit_jax.serve import asked, cli
from itit_jax.serve.pictures import fit
from itit_jax.workdir import Workdir
from tests import runs
from tests.data_pipelines.test_images import GREYS, PIXELS, RAMP, odd_exif, stored

SIZE = 16
WHOLE = {
    "8.png": stored(RAMP),
    "16.png": GREYS["16 bits"],
    "16.tif": GREYS["16 bits, white is 0"],
    "floats.tiff": GREYS["floats"],
    "inks.jfif": GREYS["inks"],
    "no_suffix": GREYS["palette"],
    "turned.png": stored(np.rot90(np.repeat(RAMP[..., None], 3, axis=2)), exif=odd_exif(6)),
}
FAULTS = {
    "cut.png": (stored(np.tile(PIXELS, (9, 9, 1)))[:200], images.BROKEN),
    "page.png": (b"<html>not found</html>", images.NO_IMAGE),
    "bomb.png": (stored(Image.new("1", (150, 150))), images.TOO_LARGE),
    "dark.tif": (stored(np.full((4, 4), -9, np.int32), "TIFF"), images.NO_SCALE),
}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """WHOLE, FAULTS and a pipe, with a table of captions beside them."""
    monkeypatch.setattr(images, "MOST_PIXELS", 20_000)
    place = tmp_path / "p"
    place.mkdir()
    for name, data in WHOLE.items():
        (place / name).write_bytes(data)
    for name, (data, _) in FAULTS.items():
        (place / name).write_bytes(data)
    os.mkfifo(place / "pipe.png")
    names = sorted(os.listdir(place))
    rows = ["file\tcaption", *(f"{name}\ta picture called {name}" for name in names)]
    (tmp_path / "c.tsv").write_text("\n".join(rows))
    return tmp_path


def told(skipped):
    return {what.split(" (")[0]: why for why, rows in skipped.items() for what in rows["first"]}


EXPECTED = {name: reason for name, (_, reason) in FAULTS.items()} | {"pipe.png": images.NO_FILE}


def test_building_and_training_read_it(folder):
    out = folder / "out"
    flags = [f"--images={folder / 'p'}", f"--captions={folder / 'c.tsv'}", "--vocabulary_size=60"]
    more = ["--validation=0", "--test=0"]
    assert build.main(["--from=folder", *flags, *more, f"--out={out}"]) == 0
    assert Records(out, "pairs").keys() == sorted(WHOLE)
    for pixels in streams.images(out, "pairs", SIZE):
        np.testing.assert_array_equal(pixels[..., 0], RAMP)
    assert told(json.loads((out / "report.json").read_text())) == EXPECTED


def test_scoring_reads_it(folder):
    report = Report()
    found = list(pictures.find(str(folder / "p")).read(report))
    names, pixels, captions, skipped = clip_score.read_pairs(folder / "p", folder / "c.tsv")
    assert names == sorted(WHOLE) and captions[0] == ["a picture called 16.png"]
    for picture in [*found, *(each() for each in pixels)]:
        np.testing.assert_array_equal(picture[..., 0], RAMP)
    assert told(report.summary()) == told(skipped) == EXPECTED


def test_serving_reads_it(folder, capsys):
    for name in WHOLE:
        path = folder / "p" / name
        np.testing.assert_array_equal(fit(asked.opened(path), SIZE)[..., 0], RAMP)
        if name != "no_suffix":
            np.testing.assert_array_equal(fit(Image.open(path), SIZE)[..., 0], RAMP)
    for name, reason in EXPECTED.items():
        assert cli.main(["caption", str(folder / "p" / name), "--workdir=nowhere"]) == 2
        error = capsys.readouterr().err
        assert f"{name}: {reason}" in error and len(error.splitlines()) == 1


@pytest.mark.long
def test_pairs_alone_train_by_the_command_that_building_prints(folder, tmp_path, capsys):
    flags = [f"--images={folder / 'p'}", f"--captions={folder / 'c.tsv'}", "--vocabulary_size=60"]
    more = ["--validation=0", "--test=0", f"--out={tmp_path / 'out'}"]
    assert build.main(["--from=folder", *flags, *more]) == 0
    command = capsys.readouterr().out.splitlines()[-1].removeprefix("next: ")
    assert command.startswith("python -m itit_jax.main ") and "evaluate.splits=pairs," in command
    words = command.replace("configs/vq_emoji.py", "configs/vq_tiny.py").split()[3:]
    words = [word.replace("=RUN", f"={tmp_path / 'run'}") for word in words]
    tiny = [word for word in runs.VQ if "--config=" not in word]  # the same, in seconds
    assert main.main([*words, *tiny, "--config.train.steps=2"]) == 0
    told = capsys.readouterr().out
    assert "the data set has no images: stream images reads those of the pairs" in told
    assert list(Workdir(tmp_path / "run").scores()["2"]) == ["pairs"]
