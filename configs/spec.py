"""One recipe, declared in one place: what may be set, what must hold, what it stands on."""

from collections.abc import Callable
from typing import Any, NamedTuple

from configs.keys import Key, build


class Other(NamedTuple):
    """A key that names the workdir of another run."""

    recipe: str  # what that run must be one of
    fits: Callable[[Any, Any], str | None] = lambda config, other: None  # sentence if it does not


class Spec(NamedTuple):
    """A check or a need is a function of the config that returns None or one sentence."""

    name: str  # of configs/NAME.py and itit_jax/recipes/NAME.py
    keys: dict[str, Key]
    checks: tuple[Callable[[Any], str | None], ...] = ()  # hold for any config
    needs: tuple[Callable[[Any], str | None], ...] = ()  # hold only when a run starts
    begins: tuple[Callable[[Any], str | None], ...] = ()  # ... when it starts for the first time
    runs: dict[str, Other] = {}  # {key: the run that its value names}
    paper: str = ""  # in Markdown, for the card of a trained model

    def defaults(self):
        """Every key at its default, locked."""
        config = build(self.keys)
        config.recipe = self.name
        return config
