"""Whether a config goes on with a run, and whether the runs that its keys name fit."""

import pytest

from itit_jax import config as settings
from itit_jax.config import ConfigError
from itit_jax.other_runs import check_resume, check_runs, check_start
from itit_jax.workdir import Workdir
from tests.test_workdir import run_at, small


def test_a_run_may_change_what_is_resumable_and_where_things_lie_and_nothing_else(tmp_path):
    run_at(tmp_path)
    check_resume(small(), tmp_path / "new")
    check_resume(small(**{"train.steps": 3000, "save.keep": 7, "mesh.fsdp": 2}), tmp_path)
    check_resume(small(**{"data.path": "elsewhere/", "tokenizer.workdir": "moved"}), tmp_path)
    for changes, words in (({"model.depth": 4}, "model.depth=3"), ({"seed": 1}, "seed=0")):
        with pytest.raises(ConfigError, match=words):
            check_resume(small(**changes), tmp_path)
    with pytest.raises(ConfigError, match="holds a run of itit, and this config is of vq; take a"):
        check_resume(settings.load("configs/vq_tiny.py"), tmp_path)


def test_what_no_change_allows_is_told_first(tmp_path):
    run_at(tmp_path)
    other = small(**{"data.rows.draw": 3, "model.depth": 4})
    with pytest.raises(ConfigError, match="model.depth=3, but 4 is asked for; .* a new workdir"):
        check_resume(other, tmp_path)


def test_who_is_asked_in_an_evaluation_is_of_the_right_recipe(tmp_path):
    run_at(tmp_path / "judge", settings.load("configs/classifier_tiny.py"))
    judge = {"evaluate.judge": tmp_path / "judge", "tokenizer.workdir": ""}
    with pytest.raises(ConfigError, match="judge, which is a run of classifier; give .* towers"):
        check_runs(small(**judge))
    check_runs(small(**{"evaluate.features": f"scenes:{tmp_path / 'judge'}"}))
    with pytest.raises(ConfigError, match="evaluate.features names .* a run of towers"):
        check_runs(small(**{"evaluate.features": f"tower:{tmp_path / 'judge'}"}))
    (tmp_path / "clip").mkdir()  # published weights are no run
    (tmp_path / "clip" / "config.json").write_text('{"model_type": "clip"}')
    check_runs(small(**judge | {"evaluate.judge": tmp_path / "clip"}))
    check_runs(small(**{"evaluate.features": f"tower:{tmp_path / 'clip'}"}))


def test_what_should_not_begin_may_go_on(tmp_path):
    sharp = settings.load(
        "configs/towers_tiny.py", overrides=["loss.contrast=infonce", "loss.temperature=0.005"]
    )
    with pytest.raises(ConfigError, match="multiplied 100 times at most"):
        check_start(sharp, tmp_path)
    run_at(tmp_path, sharp)
    check_start(Workdir(tmp_path).config(), tmp_path)


def test_another_run_that_a_key_names_has_to_fit(tmp_path):
    where = {"tokenizer.workdir": tmp_path / "vq"}
    with pytest.raises(ConfigError, match="holds no config.json; give --config.tokenizer.workdir"):
        check_runs(small(**where))
    run_at(tmp_path / "vq", settings.load("configs/vq_tiny.py"))
    check_runs(small(**where))
    with pytest.raises(ConfigError, match="factor 8 of the tokenizer"):
        check_runs(small(**where, **{"data.image_size": 30}))
    run_at(tmp_path / "itit")
    with pytest.raises(ConfigError, match="is a run of itit; give .* of a run of vq"):
        check_runs(small(**{"tokenizer.workdir": tmp_path / "itit"}))
