"""A study runs each command once as it stands, and goes on where one failed."""

import threading

import pytest

from benchmarks.study import Study
from data_pipelines.errors import UserError

WRITE = "import sys, pathlib; p = pathlib.Path(sys.argv[1]); p.open('a').write('x')"


def command(file, code=0, first=""):
    return ["python", "-c", f"{first}{WRITE}; sys.exit({code})", str(file)]


def test_what_ended_is_not_run_again_unless_it_reads_otherwise(tmp_path):
    one, two, told = tmp_path / "one", tmp_path / "two", []
    fails = Study(tmp_path, [("one", command(one)), ("two", command(two, 3))])
    assert fails.run(lambda: told.append(fails.finished)) == 3
    holds = Study(tmp_path, [("one", command(one)), ("two", command(two))])
    assert holds.run(lambda: told.append(holds.finished)) == 0
    assert (one.read_text(), two.read_text()) == ("x", "xx")
    assert told == [["one"], ["one", "two"]]
    other = Study(tmp_path, [("one", [*command(one), "more"])])
    assert other.finished == [] and other.run() == 0 and one.read_text() == "xx"
    assert holds.spent()["wall"] > holds.spent("two")["wall"] > 0


def test_places_that_cannot_be_written_are_told_before_anything_runs(tmp_path):
    words = command(tmp_path / "file")
    with pytest.raises(UserError, match="/proc/x cannot be written .* give another --work"):
        Study("/proc/x", [("one", words)]).run()
    with pytest.raises(UserError, match="the folder of --out=.*/nowhere/x.json does not exist"):
        Study(tmp_path / "work", [("one", words)]).tell(tmp_path / "nowhere/x", dict, str)
    assert not list(tmp_path.iterdir())


def test_what_two_studies_need_is_run_once_even_at_the_same_time(tmp_path):
    words = command(tmp_path / "file", first="import time; time.sleep(0.5); ")
    run = lambda: Study(tmp_path, [("both", words)]).run()
    studies = [threading.Thread(target=run) for _ in range(2)]
    for study in studies:
        study.start()
    for study in studies:
        study.join()
    assert (tmp_path / "file").read_text() == "x"
