"""The study of questions: runs that the config accepts, and a page of what is there."""

import json
import pathlib

from benchmarks import vqa
from benchmarks.study import Study
from itit_jax import config as settings


def test_both_runs_differ_in_where_they_begin_alone():
    named = dict(vqa.commands(pathlib.Path("w")))
    flags = {name: [word.removeprefix("--config.") for word in named[name]
                    if word.startswith("--config.")] for name in vqa.RUNS}  # fmt: skip
    load = lambda name: settings.flat(
        settings.load("configs/ernie_vilg_vqa_tiny.py", overrides=flags[name])
    )
    started, fresh = load("started"), load("fresh")
    assert {key for key in fresh if fresh[key] != started[key]} == {"model.start_from"}
    assert fresh["evaluate.splits"] == vqa.SPLITS
    assert list(named) == ["data", "tokenizer", "ernie", *vqa.RUNS]


def test_what_is_finished_stands_on_the_page_and_nothing_else(tmp_path):
    scores = {"answer_exact": 0.9, "answer_exact_low": 0.8, "answer_exact_high": 1.0}
    (tmp_path / "started").mkdir()
    (tmp_path / "started/eval.json").write_text(json.dumps({"20": {"test_questions": scores}}))
    (tmp_path / "finished.json").write_text(json.dumps({"data": [], "started": []}))
    page = vqa.page(vqa.gather(Study(tmp_path)))
    assert [line for line in page.splitlines() if line.startswith("| f")] == [
        "| from a run of both directions | test_questions | 0.90 (0.80 to 1.00) |" + "  |" * 6
    ]
