"""What the step, the loop and the evaluation need of a paper, and nothing more."""

import importlib
from typing import Any, Protocol

from itit_jax.config import ConfigError

RECIPES = ("vq", "itit", "classifier")


class Recipe(Protocol):
    """One paper. Parameters are a dict of parts, e.g. {"model", "text_encoder", "tokenizer"}."""

    trainable: tuple[str, ...]  # parts that get updates; the others are inputs of the step
    weights_from: dict[str, str]  # part -> run or weight file it starts from
    streams: dict[str, int]  # rows of each stream in one global step

    def init(self, key) -> dict[str, Any]:
        """Fresh parameters of every part; pure, usable under jax.eval_shape."""

    def loss(self, params, batch, key, step, teacher):
        """-> (loss, metrics); pure. teacher: EMA parameters, or `params` without an EMA."""

    def score(self, params, rows, key) -> dict[str, Any]:
        """Of held-out examples {"image", "text"}: losses [b], and arrays to look at and score:
        "drawn", "rebuilt" pixels uint8 [b, h, w, 3], "caption" word ids [b, t]."""


def find(config) -> Recipe:
    """The recipe that config.recipe names, built."""
    if config.recipe not in RECIPES:
        raise ConfigError(
            f"config.recipe is {config.recipe!r}; set it to one of {', '.join(RECIPES)}."
        )
    return importlib.import_module(f"itit_jax.recipes.{config.recipe}").Recipe(config)
