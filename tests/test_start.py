"""A run that starts from a trained model takes what fits, says what it took, and needs it once."""

import json
import re
import shutil

import jax
import numpy as np
import pytest

from configs import vq_tiny
from data_pipelines.errors import UserError
from itit_jax import companions, parts
from itit_jax.checkpoints import Saver
from itit_jax.config import ConfigError
from itit_jax.other_runs import check_start
from itit_jax.program import Program, describe
from itit_jax.serve import export
from itit_jax.start import flat
from itit_jax.workdir import Workdir
from tests import runs, tiny
from tests.serve import exported

SAME = {"vocabulary": "a", "tokenizer": "b"}


def config(**changes):
    changes = {"text_encoder__trainable": True, "optimizer__ema_decay": 0.9} | changes
    return tiny.itit_config(**changes)


@pytest.fixture(autouse=True)
def filled(monkeypatch):
    """What begins anew is filled, which no compiler has to see."""
    monkeypatch.setattr(Program, "init", lambda program, seed: tiny.begun(program))


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    """(workdir of a run at step 7, its state): parameters and average differ everywhere."""
    run = Workdir(tmp_path_factory.mktemp("start") / "run")
    program = describe(config())
    state = tiny.begun(program).replace(step=jax.numpy.int32(7))
    state = state.replace(
        params=tiny.filled(state.params, 1), ema=tiny.filled(state.params, 2)
    )
    run.keep_config(program.config)
    run.keep_companions(SAME)
    saver = Saver(run, 1)
    saver.save(7, state)
    saver.wait()
    return run.path, state


def begun(source, stands_on=SAME, **changes):
    """-> (state of a run that starts from there, without the start, lines that it says)."""
    said, program = [], describe(config(model__start_from=str(source), **changes))
    state = parts.begin(program, 0, dict(stands_on), said.append)
    return state, program.init(0), said


def differ(found, expected):
    """Paths at which two trees are not equal."""
    found, expected = flat(found), flat(expected)
    assert found.keys() == expected.keys()
    return {path for path in found if not np.array_equal(found[path], expected[path])}


def test_all_of_an_equal_model_is_taken_from_its_average(source):
    folder, trained = source
    state, _, said = begun(folder)
    assert not differ(state.params, trained.ema) and not differ(state.ema, trained.ema)
    assert int(state.step) == 0
    for name in ("model", "text_encoder"):
        count = sum(x.size for x in jax.tree.leaves(trained.params[name]))
        told = f"{name}: {count:,} of {count:,} parameters are those of {folder}, step 7"
        assert told in said


def test_tables_of_other_words_codes_and_sizes_are_new_and_all_else_is_taken(source):
    folder, trained = source
    words = {"model/text_decoder/word_embedding", "model/text_decoder/word_bias",
             "text_encoder/token_embedding"}  # fmt: skip
    codes = {"model/code_table/embedding", "model/code_table/projection", "model/mlm_bias"}
    for other, new in (("vocabulary", words), ("tokenizer", codes)):
        state, fresh, said = begun(folder, SAME | {other: "c"})
        assert differ(state.params, trained.ema) == new & flat(fresh.params).keys()
        assert all(np.array_equal(flat(state.params)[p], flat(fresh.params)[p])
                   for p in new & flat(fresh.params).keys())  # fmt: skip
        assert any(f"new, of another {other}: " in line for line in said)
    state, fresh, said = begun(folder, data__text_length=12)
    assert any("new, of another size: text_" in line for line in said)


def test_layers_that_are_not_there_are_new_and_those_too_many_are_left(source):
    folder, trained = source
    state, fresh, said = begun(folder, model__depth=2)
    taken = flat(trained.ema)
    for path, leaf in flat(state.params).items():
        expected = taken[path] if path in taken else flat(fresh.params)[path]
        np.testing.assert_array_equal(leaf, expected)
    new = sum(x.size for path, x in flat(fresh.params).items() if path not in taken)
    assert re.search(rf"new, not there: encoder/layers_1/.* more \({new:,}\)", "\n".join(said))


def test_a_parameter_of_another_shape_is_refused_with_the_flags_that_mend_it(source):
    with pytest.raises(UserError) as caught:
        begun(source[0], model__width=32, model__heads=4)
    assert re.search(r"model/\S+ is (\d+x)?16 in \S+run, step 7 and (\d+x)?32 in this config; "
                     r"give its sizes, --config.model.width=16 --config.model.heads=2.",
                     str(caught.value))  # fmt: skip


def test_another_recipe_has_nothing_that_fits(source, tmp_path):
    run = Workdir(shutil.copytree(source[0], tmp_path / "run"))
    program = describe(vq_tiny.get_config())
    with pytest.raises(UserError, match="it has model, text_encoder, and this config trains tok"):
        program.config.model.start_from = str(run)
        parts.begin(program, 0, {}, print)


def test_it_starts_from_an_export_too(tmp_path):
    given = exported.trained(tmp_path)
    export.write(given, tmp_path / "out")
    changes = dict(
        tokenizer__weights=str(tmp_path / "out" / "vqvae"),
        tokenizer__config="configs/vq_tiny.py",
        text_encoder__layers=2,
        data__text_length=exported.LENGTH,
        model__vocabulary_size=exported.PIECES,
        data__image_size=exported.SIDE,
    )
    program = describe(config(model__start_from=str(tmp_path / "out"), **changes))
    said = []
    frozen = parts.load_frozen(program.recipe, program.frozen)
    same = companions.of(frozen) | {"vocabulary": given.vocabulary.digest}
    state = parts.begin(program, 0, same, said.append)
    for name in ("model", "text_encoder"):
        assert not differ(state.params[name], given.params[name]), said
    state = parts.begin(program, 0, same | {"vocabulary": "x", "tokenizer": "y"}, said.append)
    new = differ(state.params["model"], given.params["model"])
    tables = {"word_embedding", "word_bias", "embedding", "projection", "mlm_bias"}
    assert new and {path.rpartition("/")[2] for path in new} <= tables
    assert any("of another vocabulary" in line for line in said)


def test_what_is_neither_a_run_nor_an_export_is_told_before_the_start(source, tmp_path):
    check_start(config(model__start_from=str(source[0])), tmp_path / "new")
    wrong = config(model__start_from=str(tmp_path))
    with pytest.raises(ConfigError, match="neither a run with a checkpoint nor an export"):
        check_start(wrong, tmp_path / "new")
    check_start(wrong, source[0])  # goes on, and needs it no more


@pytest.mark.long
def test_the_command_starts_from_a_run_and_goes_on_without_it(tokenizer, easy, tmp_path):
    gone = shutil.copytree(tokenizer, tmp_path / "gone")
    ask = [*runs.VQ, f"--workdir={tmp_path / 'run'}", f"--config.data.path={easy}",
           f"--config.model.start_from={gone}"]  # fmt: skip
    out = runs.run(*ask, "--config.train.steps=2")
    assert re.search(r"tokenizer: ([\d,]+) of \1 parameters are those of \S+gone, step 4", out)
    shutil.rmtree(gone)
    assert "resuming from step 2" in runs.run(*ask, "--config.train.steps=3")
    scores = json.loads((tmp_path / "run" / "eval.json").read_text())
    before = json.loads((tokenizer / "eval.json").read_text())
    assert scores["0"]["test"]["l2"] == pytest.approx(before["4"]["test"]["l2"], rel=0.5)
