"""What is written appears whole or not at all."""

import ast
import contextlib
import os
import pathlib
import signal
import subprocess
import sys

import pytest

from data_pipelines import files
from data_pipelines.errors import UserError
from data_pipelines.files import check_file, check_writable, whole, whole_folder


def names(folder):
    return sorted(path.name for path in pathlib.Path(folder).iterdir())


@pytest.mark.parametrize("mode, data", [("wb", b"new"), ("w", "ne\u0175")])
def test_a_file_takes_the_place_of_the_old_one_at_the_end(tmp_path, mode, data):
    file = tmp_path / "a.json"
    file.write_text("old")
    with whole(file, mode) as opened:
        opened.write(data)
        assert file.read_text() == "old"
    assert file.read_bytes() == (data if mode == "wb" else data.encode())
    assert names(tmp_path) == ["a.json"]


def test_a_fault_leaves_the_old_file_and_no_draft(tmp_path):
    (tmp_path / "a").write_text("old")
    with pytest.raises(ZeroDivisionError), whole(tmp_path / "a") as opened:
        opened.write(b"half")
        raise ZeroDivisionError
    assert (tmp_path / "a").read_text() == "old" and names(tmp_path) == ["a"]


def test_a_killed_writer_leaves_the_old_file(tmp_path):
    (tmp_path / "a").write_text("old")
    code = (
        "import os, signal; from data_pipelines.files import whole\n"
        f"with whole({str(tmp_path / 'a')!r}) as file:\n"
        "    file.write(b'half'); file.flush(); os.kill(os.getpid(), signal.SIGKILL)"
    )
    root = pathlib.Path(__file__).parent.parent.parent
    done = subprocess.run([sys.executable, "-c", code], cwd=root)
    assert done.returncode == -signal.SIGKILL
    assert (tmp_path / "a").read_text() == "old"


def test_a_new_file_may_be_read_by_whom_the_umask_lets(tmp_path):
    before = os.umask(0o022)
    try:
        with whole(tmp_path / "a") as file:
            file.write(b"x")
    finally:
        os.umask(before)
    assert (tmp_path / "a").stat().st_mode & 0o777 == 0o644


def test_a_folder_appears_with_all_its_files_or_not_at_all(tmp_path):
    (tmp_path / "out").mkdir()
    with whole_folder(tmp_path / "out") as draft:
        (draft / "x").write_text("1")
        assert names(tmp_path / "out") == []
    assert names(tmp_path) == ["out"] and names(tmp_path / "out") == ["x"]
    with pytest.raises(ZeroDivisionError), whole_folder(tmp_path / "other"):
        raise ZeroDivisionError
    assert names(tmp_path) == ["out"]


def places_that_cannot_be_written(folder):
    """{path: why}; the tests may run as root, to whom no permission is denied."""
    (folder / "file").touch()
    return {
        folder / "file" / "x": "Not a directory",
        folder / ("n" * 300): "File name too long",
        folder / ("n" * 300) / "x": "File name too long",
        pathlib.Path("/proc/itit/x"): "cannot be written",
        pathlib.Path("/sys/x"): "cannot be written",
    }


def test_a_place_that_cannot_be_written_is_told_and_one_that_can_stays_as_it_was(tmp_path):
    for inside in (True, False):
        for path, why in places_that_cannot_be_written(tmp_path).items():
            with pytest.raises(UserError, match=f"(?s)cannot be written.*{why}|{why}"):
                check_writable(path, inside=inside)
        check_writable(tmp_path, inside=inside)
        check_writable(tmp_path / "a" / "b", inside=inside)
    assert names(tmp_path) == ["file"]


def test_no_file_takes_the_place_of_a_folder_or_a_device(tmp_path):
    for path in (tmp_path, "/dev/null"):
        with pytest.raises(UserError, match="is there and is no file"):
            check_file(path)
    (tmp_path / "old").write_text("old")
    check_file(tmp_path / "old")
    check_file(tmp_path / "new")
    assert names(tmp_path) == ["old"] and (tmp_path / "old").read_text() == "old"


def test_a_second_maker_of_a_folder_is_refused_before_it_writes(tmp_path):
    with whole_folder(tmp_path / "out") as draft:
        (draft / "x").write_text("1")
        second, told = whole_folder(tmp_path / "out"), "out is being made by another process; wait"
        with pytest.raises(UserError, match=told), second:
            pytest.fail("two at once")
        assert names(draft) == ["x"]
    assert names(tmp_path) == ["out"] and names(tmp_path / "out") == ["x"]


def test_what_a_killed_maker_left_is_removed_by_the_next(tmp_path):
    code = (
        "import os, signal; from data_pipelines.files import whole_folder\n"
        f"with whole_folder({str(tmp_path / 'deep/out')!r}) as draft:\n"
        "    (draft / 'half').write_text('x'); os.kill(os.getpid(), signal.SIGKILL)"
    )
    root = pathlib.Path(__file__).parent.parent.parent
    done = subprocess.run([sys.executable, "-c", code], cwd=root)
    assert done.returncode == -signal.SIGKILL and not (tmp_path / "deep/out").exists()
    with whole_folder(tmp_path / "deep/out") as draft:
        assert names(draft) == []
    assert names(tmp_path / "deep") == ["out"]


def test_a_fault_takes_the_folders_around_with_it_unless_others_use_them(tmp_path):
    for used, left in ((False, []), (True, ["a"])):
        with pytest.raises(ZeroDivisionError), whole_folder(tmp_path / "a/b/out"):
            if used:
                (tmp_path / "a/other").write_text("")
            raise ZeroDivisionError
        assert names(tmp_path) == left


def test_texts_are_utf_8_whatever_the_surroundings_say():
    """Else a terminal in another country reads and writes other files."""
    root = pathlib.Path(__file__).parent.parent.parent
    files = [f for p in ("configs", "data_pipelines", "itit_jax") for f in (root / p).rglob("*.py")]
    for file in files:
        for call in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(call, ast.Call) and _is_of_text(call):
                assert "encoding" in {k.arg for k in call.keywords}, (file, call.lineno)


def _is_of_text(call):
    """Whether it opens, reads or writes a file as text."""
    if isinstance(call.func, ast.Attribute):
        return call.func.attr in ("read_text", "write_text")
    mode = call.args[1] if len(call.args) > 1 else ast.Constant("r")
    opens = isinstance(call.func, ast.Name) and call.func.id == "open"
    return opens and isinstance(mode, ast.Constant) and "b" not in mode.value


def test_what_is_said_to_be_writable_can_be_written(tmp_path):
    path = tmp_path / "not" / "there" / "x.json"
    check_writable(path)
    with whole(path, "w") as file:
        file.write("{}")
    assert path.read_text() == "{}"


def test_a_folder_of_a_bucket_is_gone_on_with_by_the_same_work_alone(bucket):
    folder = "gs://bucket/drafts/a"
    for of, there in (("one", []), ("one", ["done"]), ("another", [])):
        with contextlib.suppress(KeyboardInterrupt), whole_folder(folder, of) as draft:
            assert files.is_draft(draft)
            assert [name for name in bucket.objects if name == "drafts/a/done"] == [
                f"drafts/a/{name}" for name in there
            ]
            (draft / "done").write_bytes(b"x")
            raise KeyboardInterrupt
    with whole_folder(folder, "another"):
        pass
    assert [name for name in bucket.objects if name.startswith("drafts/")] == ["drafts/a/done"]


def test_a_file_of_a_bucket_is_here_as_long_as_it_is_asked_for(bucket, tmp_path):
    (tmp_path / "x").write_bytes(b"data")
    files.put(tmp_path / "x", "gs://bucket/copies/y.tar")
    with files.here("gs://bucket/copies/y.tar") as copy:
        assert copy.name == "y.tar" and copy.read_bytes() == b"data"
    assert not copy.exists()
    with files.here(tmp_path / "x") as itself:
        assert itself == tmp_path / "x"
    assert itself.exists()
