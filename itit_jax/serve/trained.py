"""A trained ITIT, wherever it was read from."""

import pathlib
from typing import Any, NamedTuple

from data_pipelines.errors import UserError
from data_pipelines.words.base import Words
from itit_jax import inputs, parts
from itit_jax.recipes import base
from itit_jax.workdir import Workdir


class Trained(NamedTuple):
    """What drawing and captioning need."""

    folder: pathlib.Path  # workdir or export
    config: Any
    recipe: Any
    params: dict[str, Any]  # of every part
    step: int
    vocabulary: Words


def of_run(workdir, config=None):
    """The newest checkpoint of a run; `config`: its config with other settings of decoding."""
    run = Workdir(workdir)
    config = run.config() if config is None else config
    if config.recipe != "itit":
        raise UserError(
            f"{workdir} is a run of {config.recipe}, which neither draws nor captions; "
            "give the workdir of an itit run."
        )
    recipe = base.find(config)
    params, step = parts.restore_params(recipe, config, workdir)
    vocabulary = inputs.kept_vocabulary(run)
    return Trained(run.path, config, recipe, params, step, vocabulary)
