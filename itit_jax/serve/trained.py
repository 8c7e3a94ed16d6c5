"""A trained model, wherever it was read from."""

import pathlib
from typing import Any, NamedTuple

from data_pipelines.errors import UserError
from data_pipelines.words.base import Words
from itit_jax import compiled, inputs, parts
from itit_jax import config as settings
from itit_jax.other_runs import check_resume
from itit_jax.recipes import base
from itit_jax.workdir import Workdir


class Trained(NamedTuple):
    """What can be asked."""

    folder: pathlib.Path  # workdir or export
    config: Any
    recipe: Any
    params: dict[str, Any]  # of every part
    step: int
    vocabulary: Words | None  # of a recipe that reads texts


def config_of(workdir, changes=()):
    """The config of a run with "KEY=VALUE" changes of keys that may differ."""
    config = settings.change(Workdir(workdir).config(), overrides=changes)
    check_resume(config, workdir)
    return config


def of_run(workdir, config=None):
    """The newest checkpoint of a run; `config`: its config with other settings of decoding."""
    run = Workdir(workdir)
    config = run.config() if config is None else config
    compiled.keep(config.compile_cache)
    recipe = base.find(config)
    params, step = parts.restore_params(recipe, config, workdir)
    vocabulary = inputs.kept_vocabulary(run) if "vocabulary" in run.companions() else None
    return Trained(run.path, config, recipe, params, step, vocabulary)


def able(found, ability):
    """The recipe, if it has this ability of recipes.base; else a sentence."""
    if not isinstance(found.recipe, ability):
        raise UserError(
            f"{found.folder} is a run of {found.config.recipe}, which cannot do this "
            f"({ability.__doc__.rstrip('.')}); give the workdir of a run that can."
        )
    return found.recipe
