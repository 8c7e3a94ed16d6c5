"""A study runs each command once as it stands, and goes on where one failed."""

from benchmarks.study import Study

WRITE = "import sys, pathlib; p = pathlib.Path(sys.argv[1]); p.open('a').write('x')"


def command(file, code=0):
    return ["python", "-c", f"{WRITE}; sys.exit({code})", str(file)]


def test_what_ended_is_not_run_again_unless_it_reads_otherwise(tmp_path):
    one, two = tmp_path / "one", tmp_path / "two"
    told = []
    tell = lambda: told.append(sorted(Study(tmp_path).finished))
    assert Study(tmp_path).run([("one", command(one)), ("two", command(two, 3))], tell) == 3
    assert told == [["one"]]
    assert Study(tmp_path).run([("one", command(one)), ("two", command(two))], tell) == 0
    assert (one.read_text(), two.read_text()) == ("x", "xx")
    assert told == [["one"], ["one", "two"]]
    Study(tmp_path).run([("one", [*command(one), "more"])])
    assert one.read_text() == "xx"
    assert Study(tmp_path).spent.total("wall") > 0
