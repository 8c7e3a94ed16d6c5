"""The table of three systems: who sees which pairs, and what is told of which run."""

import json
import pathlib

import pytest

from benchmarks import c3, compare, ernie_vilg, few_pairs, vqa
from itit_jax import config as settings
from tests.benchmarks import finished

WORK = pathlib.Path("w")
ENDS = ("", "_low", "_high")


def test_studies_of_one_folder_never_make_two_runs_of_one_name():
    known = {}
    studies = (compare, c3, few_pairs, ernie_vilg, vqa)
    for study, *seeds in ((compare, 3), *((other,) for other in studies)):
        for name, words in study.commands(WORK, *seeds):
            assert known.setdefault(name, words) == words, (name, study.__name__)


def test_every_system_of_a_table_sees_its_pairs_and_draws_with_the_same_tokenizer():
    for row in compare.rows(WORK, seeds=3):
        for seed in range(len(row.seeds)):
            for name, words in compare.runs_of(row, seed).values():
                config = finished.config_of(words, settings)
                assert config.tokenizer.workdir.endswith("w/tokenizer") and config.seed == seed
                if name.startswith(("plain", "strong")):  # of C3 the space sees them
                    config = finished.config_of(row.seeds[seed][0][1], settings)
                assert config.data.pairs == row.pairs, name


def test_models_of_one_direction_have_one_objective():
    apart = next(row for row in compare.rows(WORK) if "apart" in row.name)
    losses = {what: finished.config_of(words, settings).loss
              for what, (_, words) in compare.runs_of(apart, 0).items()}  # fmt: skip
    assert (losses["caption"].draw, losses["caption"].caption) == (0, 1)
    assert (losses["draw"].draw, losses["draw"].caption) == (1, 0)


RUNS = {  # name: (FID, F1 of captions, F1 of drawings)
    "captioner_500": (9.0, 0.5, 0.0),
    "drawer_500": (3.0, 0.0, 0.7),
    "itit_none_500_0": (2.0, 0.6, 1.0),
    "itit_none_500_1": (2.0, 0.8, 1.0),
    "drawer_20000": (1.0, 0.0, 0.7),
}


@pytest.fixture
def study(tmp_path, monkeypatch):
    """A study of which these runs are done, all with the tokenizer "one"."""
    run = type("Run", (), {"config": lambda self: settings.load("configs/itit_tiny.py"),
                           "companions": lambda self: {"tokenizer": "onetokenizer"}})  # fmt: skip
    monkeypatch.setattr(compare, "Workdir", lambda workdir: run())
    monkeypatch.setattr(compare, "parameters", lambda workdir: 500_000)

    def scores(fid, captions, drawings):
        ways = {"i2t": captions, "t2i": drawings}
        ends = {f"{way}_scene_f1{end}": f1 for way, f1 in ways.items() for end in ENDS}
        return {"test": ends | {"t2i_fid": fid}}

    runs = {name: scores(*given) for name, given in RUNS.items()}
    return finished.study(tmp_path, compare.commands(tmp_path, seeds=2), runs)


def test_captions_and_drawings_are_told_of_the_run_that_makes_them(study):
    found = compare.gather(study, seeds=2)
    assert [row["name"] for row in found["rows"]] == [
        "captioner and drawer apart", "ITIT without cycles"
    ]  # fmt: skip
    page = compare.page(found)
    assert (
        "| captioner and drawer apart | 0.50 | 0.70 |  | 3.00 | 1 | 1.00 M | 4,800 | 3.0 |  |  |"
        in page
    )
    assert "| ITIT without cycles | 0.70 (0.60 to 0.80) | 1.00 (1.00 to 1.00) |" in page


def test_runs_of_other_tokenizers_stay_and_those_of_this_one_are_told_anew(study):
    known = compare.gather(study, seeds=1)["rows"]
    other = json.loads(json.dumps(known).replace('"onetok"', '"twotok"'))
    ernie = {"name": "ERNIE-ViLG", "pairs": 500, "runs": other[0]["runs"]}
    both = [known[1] | {"runs": other[1]["runs"] + known[1]["runs"]}, ernie]
    rows = {row["name"]: row for row in compare.gather(study, 2, both)["rows"]}
    told = [(run["tokenizer"], run["seed"]) for run in rows["ITIT without cycles"]["runs"]]
    assert told == [("twotok", 0), ("onetok", 0), ("onetok", 1)]
    assert rows["ERNIE-ViLG"] == ernie


@pytest.mark.parametrize("values, cell", [([[0.5, 0.1, 0.9]], "0.50"), ([None, 1.0], "")])
def test_a_single_seed_has_no_range_and_what_is_missing_no_mean(values, cell):
    assert compare.over(values) == cell
