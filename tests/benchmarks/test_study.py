"""A study runs each command once as it stands, and goes on where one failed."""

import threading

from benchmarks.study import Study

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


def test_what_two_studies_need_is_run_once_even_at_the_same_time(tmp_path):
    words = command(tmp_path / "file", first="import time; time.sleep(0.5); ")
    run = lambda: Study(tmp_path, [("both", words)]).run()
    studies = [threading.Thread(target=run) for _ in range(2)]
    for study in studies:
        study.start()
    for study in studies:
        study.join()
    assert (tmp_path / "file").read_text() == "x"
