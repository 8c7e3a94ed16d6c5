"""The folder of a run: what is written there, and that whoever reads changes nothing."""

import errno
import fcntl
import json
import multiprocessing

import pytest

from data_pipelines.errors import UserError
from itit_jax import config as settings
from itit_jax.config import ConfigError
from itit_jax.other_runs import check_resume, config_of
from itit_jax.workdir import METRICS, Workdir

TINY = "configs/itit_tiny.py"


def small(**changes):
    """An ITIT config that passes every check, with dotted changes."""
    return settings.load(TINY, overrides=[f"{key}={value}" for key, value in changes.items()])


def run_at(folder, config=None):
    """A run that was begun."""
    run = Workdir(folder)
    run.keep_config(config or small())
    return run


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_run_gives_its_config_back(tmp_path):
    run_at(tmp_path / "a" / "b")
    found = Workdir(tmp_path / "a" / "b").config()
    assert found.to_dict() == settings.rooted(small()).to_dict()
    assert names(tmp_path / "a" / "b") == ["config.json"]


def test_to_ask_changes_nothing(tmp_path):
    run = Workdir(tmp_path / "none")
    assert (run.is_run(), run.scores(), run.metrics(), run.companions()) == (False, {}, [], {})
    assert run.best_step("f1") is None
    with pytest.raises(ConfigError, match="none does not exist; check the path"):
        run.config()
    assert not (tmp_path / "none").exists()


def test_a_misspelt_run_is_told_its_neighbour(tmp_path):
    Workdir(tmp_path / "itit_full").keep_config(settings.load("configs/itit_tiny.py"))
    with pytest.raises(ConfigError, match="itit_fulll does not exist; did you mean .*/itit_full?"):
        Workdir(tmp_path / "itit_fulll").config()


def test_a_home_is_a_home(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    run_at("~/run")
    assert names(tmp_path) == ["run"]


def test_a_home_behind_an_equals_sign_is_a_home(monkeypatch):
    monkeypatch.setenv("HOME", "/home/me")
    config = small(**{"data.path": "~/data", "evaluate.features": "scenes:~/run"})
    assert (config.data.path, config.evaluate.features) == ("/home/me/data", "scenes:/home/me/run")
    assert small().compile_cache.startswith("~")  # of whoever reads it


def test_what_lies_somewhere_is_told_so_that_it_is_found_from_anywhere(tmp_path, monkeypatch):
    run_at(tmp_path / "vq", settings.load("configs/vq_tiny.py"))
    (tmp_path / "data").mkdir()
    monkeypatch.chdir(tmp_path)
    run = run_at("run", small(**{"tokenizer.workdir": "vq/", "data.path": "data",
                                 "evaluate.features": "scenes:vq", "data.tokens": "gone"}))
    found = run.config()
    assert found.tokenizer.workdir == str(tmp_path / "vq")
    assert found.data.path == str(tmp_path / "data")
    assert found.evaluate.features == f"scenes:{tmp_path / 'vq'}"
    assert found.data.tokens == "gone"
    assert found.compile_cache == "~/.cache/itit_jax/compiled"  # the home of whoever reads it


@pytest.mark.parametrize(
    "text, words",
    [
        ('{"recipe": ', "is not JSON"),
        ('{"recipe": "itit", "train": {"stepz": 1}}', "did you mean train.steps"),
        ('{"recipe": "gan"}', "set it to one of .*itit"),
    ],
)
def test_a_damaged_config_is_refused(tmp_path, text, words):
    (tmp_path / "config.json").write_text(text)
    with pytest.raises(ConfigError, match=words):
        Workdir(tmp_path).config()


# ---- lines and scores ----------------------------------------------------------------------------


def test_a_resumed_run_forgets_what_it_will_do_again(tmp_path):
    rows = [json.dumps({"step": s}) for s in (1, 2, 3, 4)]
    (tmp_path / METRICS).write_text("\n".join(rows) + '\n{"step": 5, "lo')  # cut by a kill
    run = Workdir(tmp_path)
    assert [row["step"] for row in run.metrics()] == [1, 2, 3, 4]
    run.forget_after(2)
    assert (tmp_path / METRICS).read_text() == '{"step": 1}\n{"step": 2}\n'


def test_the_best_step_is_that_of_the_best_score(tmp_path):
    run = Workdir(tmp_path)
    for step, f1 in ((0, 0.1), (100, 0.9), (200, 0.8)):
        run.keep_scores(step, {"test": {"f1": f1, "loss": 1 - f1}})
    run.keep_scores(300, {"held_out": {"f1": 1.0}})
    assert run.best_step("f1") == 100 and run.best_step("loss", lowest=True) == 100
    assert run.best_step("f1", "held_out") == 300


def test_no_score_that_is_no_number_gets_into_the_file(tmp_path):
    run = Workdir(tmp_path)
    run.keep_scores(1, {"test": {"f1": 0.5, "loss": float("nan"), "features": "toy"}})
    assert run.scores() == {"1": {"test": {"f1": 0.5, "features": "toy"}}}


def write_beside(folder, count):
    run = Workdir(folder)
    file = run.lines(METRICS)
    for step in range(1, count + 1):
        file.write(json.dumps({"step": step, "loss": 1.0, "name": "x" * (step % 97)}) + "\n")
        if step % 10 == 0:
            run.keep_scores(step, {"test": {"f1": 0.5, "filler": list(range(step % 50))}})


def test_a_reader_beside_a_writer_sees_only_whole_lines_and_loses_none(tmp_path):
    count, run = 1000, Workdir(tmp_path)
    writer = multiprocessing.get_context("spawn").Process(
        target=write_beside, args=(tmp_path, count)
    )
    writer.start()
    reads, seen = 0, 0
    while writer.is_alive() or reads < 1000:
        steps = [row["step"] for row in run.metrics()]
        assert steps == list(range(1, len(steps) + 1)) and len(steps) >= seen
        assert all(splits["test"]["f1"] == 0.5 for splits in run.scores().values())
        reads, seen = reads + 1, len(steps)
    writer.join()
    assert len(run.metrics()) == count and len(run.scores()) == count // 10


def test_two_who_score_at_once_lose_nothing(tmp_path):
    pair = [
        multiprocessing.get_context("spawn").Process(target=score_some, args=(tmp_path, first))
        for first in (0, 1)
    ]
    for process in pair:
        process.start()
    for process in pair:
        process.join()
    assert sorted(map(int, Workdir(tmp_path).scores())) == list(range(100))


def score_some(folder, first):
    for step in range(first, 100, 2):
        Workdir(folder).keep_scores(step, {"test": {"f1": 1.0}})


# ---- the lock ------------------------------------------------------------------------------------


def test_a_run_is_locked_while_it_lives_and_free_after(tmp_path):
    run = Workdir(tmp_path)
    with run.lock(), pytest.raises(UserError, match="another run is alive"), run.lock():
        pass
    with run.lock(0), run.lock(1):  # two processes of one run
        for process in (0, 1):  # one alone, or one of other two
            with pytest.raises(UserError, match="another run is alive"), run.lock(process):
                pass
    with run.lock():
        pass


def test_a_file_system_without_locks_is_told_once_and_no_live_run(tmp_path, monkeypatch, capsys):
    def flock(file, how):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", flock)
    run = Workdir(tmp_path)
    with run.lock(0), run.lock(1):
        run.keep_scores(5, {"test": {"f1": 1.0}})
    assert run.scores() == {"5": {"test": {"f1": 1.0}}}
    told = capsys.readouterr().err
    assert told.count("\n") == 1 and "cannot be locked (No locks available)" in told


# ---- what changes on the way ---------------------------------------------------------------------


def test_what_may_change_on_the_way_is_refused_without_change_and_noted_with_its_step(tmp_path):
    run = run_at(tmp_path)
    slower = small(**{"optimizer.learning_rate": 1e-4, "data.rows.draw": 4})
    with pytest.raises(ConfigError, match="data.rows.draw=16, but 4 .*; keep .* or add --change"):
        check_resume(slower, tmp_path)
    check_resume(slower, tmp_path, change=True)
    with pytest.raises(ConfigError, match="model.depth=3.* take a new workdir"):
        check_resume(small(**{"model.depth": 4}), tmp_path, change=True)
    run.keep_config(slower, 120)
    changed = {"optimizer.learning_rate": [3e-3, 1e-4], "data.rows.draw": [16, 4]}
    assert run.changes() == [{"step": 120, **changed}]
    check_resume(slower, tmp_path)  # the same command goes on
    run.keep_config(slower, 300)
    assert run.changes() == [{"step": 120, **changed}]
    run.keep_config(small(**{"data.rows.draw": 4, "train.steps": 9000}), 100)  # went back
    assert run.changes() == [
        {"step": 100, **changed}, {"step": 100, "optimizer.learning_rate": [1e-4, 3e-3]}
    ]  # fmt: skip
    assert run.config().train.steps == 9000


def test_no_key_that_shapes_a_parameter_may_change_on_the_way():
    import jax

    from itit_jax.program import describe
    from tests import tiny

    shapes = lambda config: jax.tree.map(lambda x: x.shape, describe(config).state)
    before = tiny.itit_config(text_encoder__trainable=True)
    expected = shapes(before)
    new = {float: 0.25, int: 16, bool: True, str: None, tuple: None}
    free = {name: key for name, key in settings.declared(before).items() if key.changeable}
    assert {"optimizer.learning_rate", "data.rows.draw", "loss.draw"} <= free.keys()
    changes = {}
    for name, key in free.items():
        value = new[type(key.default)]
        words = key.check.choices if key.check else ()
        changes[name.replace(".", "__")] = words[-1] if value is None else value
    changes["train__accumulate"] = 2  # which divides the rows of each device
    changes["cycle__generator"] = "params"  # the average is there or not from the beginning
    after = tiny.itit_config(text_encoder__trainable=True, **changes)
    assert shapes(after) == expected


def test_a_run_that_was_moved_with_its_neighbours_finds_them(tmp_path, monkeypatch):
    old, new = tmp_path / "a" / "runs", tmp_path / "b" / "other"
    for name in ("vq", "data", "deep/data"):
        (old / name).mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    where = {"tokenizer.workdir": "a/runs/vq", "data.path": "a/runs/deep/data/",
             "evaluate.features": f"scenes:{old}/vq", "data.tokens": old / "none"}  # fmt: skip
    run_at(old / "itit", small(**where))
    (tmp_path / "b").mkdir()
    old.rename(new)
    monkeypatch.chdir("/")
    found = Workdir(new / "itit").config()
    assert found.tokenizer.workdir == str(new / "vq")
    assert found.data.path == str(new / "deep/data")
    assert found.evaluate.features == f"scenes:{new}/vq"
    assert found.data.tokens == str(old / "none")
    (new / "vq").rename(tmp_path / "gone")
    assert Workdir(new / "itit").config().tokenizer.workdir == str(old / "vq")


def test_a_model_of_another_recipe_is_one_sentence_wherever_it_was_named(tmp_path):
    run_at(tmp_path / "itit")
    (tmp_path / "weights").mkdir()
    (tmp_path / "weights" / "run.json").write_text(settings.to_json(small()))
    for key, value in (("workdir", tmp_path / "itit"), ("weights", tmp_path / "weights"),
                       ("config", TINY)):  # fmt: skip
        section = small(**{"tokenizer.config": "", f"tokenizer.{key}": value}).tokenizer
        words = f"tokenizer.{key} is .* of itit; give --config.tokenizer.{key}= one of vq"
        with pytest.raises(ConfigError, match=words):
            config_of(section, "tokenizer", "vq")
