"""The wait for data is that of the steps behind the first, weighed by their time."""

from benchmarks.data import waiting

LOG = """compiling the step took 9 s
step 1/30  3 %  eta 2 min  loss 0.589  2 rows/s  wait 91.7 %
step 11/30  36 %  eta 1 min  loss 0.139  8 rows/s  wait 2.0 %
step 31/30  100 %  eta 0 s  loss 0.139  80 rows/s  wait 0.5 %
"""


def test_the_wait_is_told_by_the_lines_of_the_log_but_that_of_the_first_step():
    assert waiting.told(LOG) == {
        "steps": 30, "step_seconds": 0.4, "wait_percent": 1.75, "worst_line_percent": 2.0,
    }  # fmt: skip
