"""The study of questions: runs that the config accepts, and a page of what is there."""

import pathlib

from benchmarks import vqa
from itit_jax import config as settings
from tests.benchmarks import finished


def test_both_runs_differ_in_where_they_begin_alone():
    named = dict(vqa.commands(pathlib.Path("w")))
    started, fresh = (settings.flat(finished.config_of(named[run], settings)) for run in vqa.RUNS)
    assert {key for key in fresh if fresh[key] != started[key]} == {"model.start_from"}
    assert fresh["evaluate.splits"] == vqa.SPLITS
    assert [*named][-3:] == ["ernie_all", *vqa.RUNS]


def test_what_is_finished_stands_on_the_page_and_nothing_else(tmp_path):
    scores = {"answer_exact": 0.9, "answer_exact_low": 0.8, "answer_exact_high": 1.0}
    runs = {"vqa_started": {"test_questions": scores}}
    study = finished.study(tmp_path, vqa.commands(tmp_path), runs, ["data"])
    page = vqa.page(vqa.gather(study))
    assert [line for line in page.splitlines() if line.startswith("| f")] == [
        "| from a run of both directions | test_questions | 0.90 (0.80 to 1.00) |" + "  |" * 6
    ]
