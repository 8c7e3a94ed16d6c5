"""What a host does: the data set is copied once and whole, and the image has what a host has."""

import pathlib
import subprocess
import sys

import pytest

from launch import hosts, start
from tests.launch import stubs

ROOT = pathlib.Path(__file__).parent.parent.parent


@pytest.fixture
def fetched(tmp_path, monkeypatch):
    """run() of the command that fetches, from a folder in place of a bucket."""
    source = tmp_path / "bucket" / "data set"
    (source / "inner").mkdir(parents=True)
    (source / "dataset.json").write_text("{}")
    (source / "inner" / "shard").write_text("rows")
    monkeypatch.setattr(start, "ON_HOST", str(tmp_path / "here"))
    monkeypatch.setattr(hosts, "COPY", hosts.COPY.replace("'gcs'", "'local'"))
    options = stubs.job("gke", "--data=gs://b/d").options
    options.data = str(source)

    def run(address=source):
        options.data = str(address)
        done = subprocess.run(["bash", "-c", hosts.fetch(options, sys.executable)])
        return done.returncode, pathlib.Path(start.on_host(options.data))

    return run


def test_the_data_set_is_copied_once_and_whole(fetched, tmp_path):
    part = pathlib.Path(start.on_host(str(tmp_path / "bucket" / "data set")) + ".part")
    part.mkdir()
    (part / "torn").write_text("of a copy that was killed")
    code, here = fetched()
    assert code == 0 and not part.exists()
    files = {path.relative_to(here).as_posix() for path in here.rglob("*") if path.is_file()}
    assert files == {"dataset.json", "inner/shard"}
    (tmp_path / "bucket" / "data set" / "new").write_text("")
    assert fetched() == (0, here) and not (here / "new").exists()


def test_another_data_set_is_another_copy_and_takes_its_room(fetched, tmp_path):
    _, before = fetched()
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "rows").write_text("")
    code, here = fetched(tmp_path / "other")
    assert code == 0 and [path.name for path in here.iterdir()] == ["rows"]
    assert not before.exists()


def test_a_copy_that_fails_leaves_nothing_and_is_a_failure(fetched, tmp_path):
    code, here = fetched(tmp_path / "nowhere")
    assert code != 0 and not here.exists()


def test_the_image_has_what_a_host_is_sent():
    lines = (ROOT / "launch" / "Dockerfile").read_text().splitlines()
    copied = {line.split()[1] for line in lines if line.startswith("COPY")}
    assert copied == set(hosts.SENT)
    assert all((ROOT / name).exists() for name in hosts.SENT)
