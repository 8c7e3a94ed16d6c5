"""Sources that are measured are what img2dataset writes."""

import io
import tarfile

from PIL import Image

from benchmarks.data import made


def test_tars_hold_as_many_examples_of_three_files(tmp_path, monkeypatch):
    monkeypatch.setattr(made, "IN_TAR", 4)
    pattern = made.tars(tmp_path / "t", 10, 32)
    files = sorted((tmp_path / "t").glob("*.tar"))
    assert pattern == f"{tmp_path}/t/*.tar" and len(files) == 3
    names = [name for file in files for name in tarfile.open(file).getnames()]
    assert len(names) == 30 and len(set(names)) == 30
    picture = Image.open(io.BytesIO(made.jpeg(32, 0)))
    assert picture.size == (32, 32) and made.jpeg(32, 0) != made.jpeg(32, 1)
