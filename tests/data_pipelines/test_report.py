"""What was skipped: all of it is counted, the first are named."""

from data_pipelines.report import NAMED, Report


def test_all_are_counted_and_the_first_named():
    report, other = Report(), Report()
    for i in range(1000):
        report.skip("broken", f"{i}" * 300)
    other.skip("broken", "late")
    other.skip("a reason of its own", "x")
    report.add(other)
    found = report.summary()
    assert list(found) == ["a reason of its own", "broken"]
    assert found["broken"]["count"] == 1001 and len(found["broken"]["first"]) == NAMED
    assert found["broken"]["first"][1] == "1" * 200
    assert found["a reason of its own"] == {"count": 1, "first": ["x"]}
