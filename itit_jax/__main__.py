"""Lists the commands: python -m itit_jax. Nothing here loads JAX."""

import importlib
import sys

from configs.commands import command
from itit_jax.main import MODES

MODULES = (
    "itit_jax.serve.cli",
    "data_pipelines.build",
    "data_pipelines.beam",
    "data_pipelines.merge",
    "data_pipelines.verify",
    "data_pipelines.inspect",
    "data_pipelines.words.train",
    "data_pipelines.scenes.oracle",
    "itit_jax.evaluation.captions",
    "itit_jax.evaluation.images",
    "itit_jax.evaluation.clip_score",
    "itit_jax.evaluation.geometry",
    "itit_jax.evaluation.binding",
    "itit_jax.weights.convert",
)


def declared():
    """Every Command of the modules, in their order."""
    return [each for name in MODULES for each in importlib.import_module(name).main.all]


def table():
    """[(what to type, what it does)] of every command, the modes of itit_jax.main in front."""
    modes = [(f"python -m itit_jax.main --mode={mode}", told) for mode, (_, told) in MODES.items()]
    return modes + [(each.usage(), each.help) for each in declared()]


@command("itit_jax", "list the commands")
def main(options):
    """Prints two lines a command."""
    del options
    for usage, told in table():
        print(f"{usage}\n    {told}")
    print("\nEach explains its arguments with --help.")


if __name__ == "__main__":
    sys.exit(main())
