"""Paths mean what they mean in a shell, everywhere that one may be given."""

import importlib.util
import os
import pathlib
import subprocess

import hypothesis
import pytest
from hypothesis import strategies as st

from configs.commands import Argument, parse
from data_pipelines.errors import UserError
from data_pipelines.places import address_fault, meant, place, several
from itit_jax import __main__ as listing
from itit_jax import main
from itit_jax.config_files import find_spec, recipes

ROOT = pathlib.Path(__file__).parent.parent.parent
SET = {"HOME": "/home/me", "RUNS": "my runs", "N_1": "7"}
FLAGS = {f"{each.name} {n}": a for each in listing.declared() for n, a in each.arguments.items()}
FLAGS |= {f"itit_jax.main {n}": a for n, a in main.ARGUMENTS.items()}
KEYS = {name: key for recipe in recipes() for name, key in find_spec(recipe).keys.items()}
PLACES = {name: each for name, each in (FLAGS | KEYS).items() if each.place}


@pytest.fixture(autouse=True)
def surroundings(monkeypatch):
    for name, value in SET.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("NOT_SET", raising=False)


PIECES = st.sampled_from(["$RUNS", "${N_1}", "x", "~", "a.b", "é", "x$", "-", "$RUNS.$N_1"])
PATHS = st.tuples(
    st.sampled_from(["", "~/", "/", "./", "../"]),
    st.lists(PIECES, min_size=1, max_size=4).map("/".join),
    st.sampled_from(["", "/"]),
).map("".join)


def read_by_a_shell(paths):
    """No word is split behind a `=`, and `~` is a home there, in the shell's own variables."""
    script = "".join(f'p={path}; printf "%s\\0" "$p"\n' for path in paths)
    done = subprocess.run(
        ["sh", "-c", script], env=os.environ | {"LC_ALL": "C.UTF-8"}, capture_output=True
    )
    return done.stdout.decode().split("\0")[:-1]


@hypothesis.settings(max_examples=10, deadline=None)
@hypothesis.given(st.lists(PATHS, min_size=30, max_size=30))
def test_a_path_is_read_as_a_shell_reads_it(paths):
    with pytest.MonkeyPatch.context() as patch:
        for name, value in SET.items():
            patch.setenv(name, value)
        assert [meant(path) for path in paths] == read_by_a_shell(paths)


def test_a_path_once_read_is_read_as_itself():
    for path in ("~/x", "$RUNS/y", "file:///a%20b", "/p/", "a$"):
        assert meant(meant(path)) == meant(path)


@pytest.mark.parametrize(
    "address, path",
    [("file:///a/b%20c", "/a/b c"), ("file:/a", "/a"), ("FILE://localhost/a#b", "/a#b")],
)
def test_a_file_address_is_a_path_of_this_machine(address, path):
    assert meant(address) == path


@pytest.mark.parametrize(
    "path, words",
    [
        ("$NOT_SET/x", "names $NOT_SET, which has no value here"),
        ("a/${NOT_SET}", "names $NOT_SET"),
        ("~nobody_of_this_name/x", "no home folder of nobody_of_this_name is known here"),
        ("file://elsewhere/x", "must be a path of this machine"),
        ("gs://b/x", "must be a file or folder of this machine"),
        ("s3://b/x", "must be a file or folder of this machine"),
        ("a\0b", "zero byte"),
    ],
)
def test_a_path_that_leads_nowhere_is_one_sentence(path, words):
    with pytest.raises(UserError) as caught:
        place(path)
    assert words in str(caught.value) and str(caught.value).count(". ") == 0


def test_a_name_with_a_dollar_is_itself_where_a_file_has_it(tmp_path):
    (tmp_path / "a$NOT_SET").touch()
    assert meant(tmp_path / "a$NOT_SET") == str(tmp_path / "a$NOT_SET")


def test_without_a_home_what_needs_one_is_refused(monkeypatch):
    monkeypatch.delenv("HOME")
    monkeypatch.setattr(os, "getuid", lambda: 2**31 - 7)
    assert meant("x") == "x"
    with pytest.raises(UserError, match="your home folder is not known here; write the path out"):
        place("~/x")


def test_commas_stand_between_paths_unless_a_name_holds_them(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert several("a, b") == ["a", "b"]
    (tmp_path / "c, d").mkdir()
    assert several("c, d") == ["c, d"]


# ---- every flag and key -------------------------------------------------------------------------


def kind(argument):
    return "scenes:" if argument.place == "kind:path" else ""


@pytest.mark.parametrize("name", PLACES)
def test_every_flag_and_key_of_a_path_reads_it_so(name):
    read = lambda path: PLACES[name].parse(kind(PLACES[name]) + path)
    expected = {"~/x y/": "/home/me/x y/", "$RUNS/a": "my runs/a", "file:///q": "/q", "/p": "/p"}
    assert {path: read(path) for path in expected} == {
        path: kind(PLACES[name]) + wanted for path, wanted in expected.items()
    }
    for wrong in ("$NOT_SET/x", "~nobody_of_this_name", "gs:/b/x", "s3://b/x"):
        with pytest.raises(ValueError):
            read(wrong)


@pytest.mark.parametrize("name", FLAGS)
def test_every_flag_that_is_told_as_a_place_is_one(name):
    told = any(word in FLAGS[name].form for word in ("FILE", "DIR", "PATH", "PATTERN"))
    assert told == bool(FLAGS[name].place)


def test_paths_of_one_flag_are_each_read():
    argument = Argument("", "some", form="DIR,DIR")
    assert argument.parse("~/a, $RUNS,b") == "/home/me/a,my runs,b"
    with pytest.raises(UserError, match="--images must be paths with one comma between"):
        parse(["--images=a,,b"], {"--images": argument})


def test_nothing_else_asks_where_a_home_is():
    for package in ("itit_jax", "data_pipelines", "configs"):
        for file in (ROOT / package).rglob("*.py"):
            text = file.read_text()
            asks = any(word in text for word in ("expanduser", "expandvars", "Path.home"))
            assert not asks or file.name == "places.py", file


# ---- addresses of buckets -----------------------------------------------------------------------


@pytest.mark.parametrize("path", ["runs/x", "/a/b", "x.y", "gs://b/run", "gs://b/a/b_1.2/"])
def test_folders_and_folders_of_a_bucket_are_served(path):
    assert address_fault(path) is None and meant(path, bucket=True) == path


def test_files_of_a_bucket_may_be_named_by_a_pattern():
    for path in ("gs://b/a/*.tar", "gs://b/a/{00..11}.tar", "gs://b/a[01]/?.tar"):
        assert meant(path, bucket=True, pattern=True) == path
    for path in ("gs://b/../*.tar", "s3://b/*.tar", "gs:/b/*.tar"):
        with pytest.raises(ValueError):
            meant(path, bucket=True, pattern=True)


@pytest.mark.parametrize(
    "path, words",
    [
        ("s3://b/run", "s3:// is not served"),
        ("memory://run", "memory:// is not served"),
        ("https://x.org/run", "https:// is not served"),
        ("gs:/b/run", "write gs://b/run"),
        ("GS://b/run", "write gs://b/run"),
        ("gs://b", "write gs://b/FOLDER"),
        ("gs://", "write gs://BUCKET/FOLDER"),
        ("gs://b/run*", "take a plain name"),
        ("gs://b/run?x", "take a plain name"),
        ("gs://b/../run", "take a plain name"),
        ("gs://b/a//run", "take a plain name"),
    ],
)
def test_any_other_is_one_sentence(path, words):
    found = address_fault(path)
    assert words in found
    assert found.count(". ") == 0
    with pytest.raises(UserError, match="gs://|folder|plain name"):
        place(path, bucket=True)


def test_a_missing_package_is_named_with_the_command_that_brings_it(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert "pip install 'itit_jax[gcs]'" in address_fault("gs://b/run")
