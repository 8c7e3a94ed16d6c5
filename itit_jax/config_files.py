"""Reads what a person wrote: config files, which are Python, and gin files, which are bindings.

Both come back as plain values; config.py compares them with the declared keys.
"""

import dataclasses
import difflib
import functools
import importlib
import importlib.util
import os
import pathlib
import re
import tokenize
import traceback

from gin import config_parser as gin_parser
from ml_collections import ConfigDict

import configs
from configs.keys import TYPES, unknown
from data_pipelines.errors import UserError

CONFIGS = pathlib.Path(configs.__file__).parent
SWEEPS = CONFIGS / "sweeps"
RECIPES = pathlib.Path(__file__).parent / "recipes"


class ConfigError(UserError):
    """A setting that the user can mend; the message is one sentence with what to do."""


# ---- recipes -----------------------------------------------------------------------------------


def find_spec(name):
    """What the recipe of this name declares in configs/NAME.py: a configs.spec.Spec."""
    if name in recipes():
        return importlib.import_module(f"configs.{name}").SPEC
    raise ConfigError(f"recipe is {name!r}; set it to one of {', '.join(recipes())}.")


@functools.cache
def recipes():
    """Names of all recipes: what has both a declaration in configs/ and a file in recipes/."""
    declared, written = ({f.stem for f in folder.glob("*.py")} for folder in (CONFIGS, RECIPES))
    return sorted((declared & written) - {"__init__"})


def known_keys():
    """Names of the keys of all recipes, for telling the nearest where the recipe is unknown."""
    return {key for name in recipes() for key in find_spec(name).keys}


# ---- config files ------------------------------------------------------------------------------


def find_file(path):
    """A path as seen from here, or from the folder that holds configs/."""
    return _find(path, "config", CONFIGS, "def get_config")


def find_sweep(path):
    """The same for the file of a sweep."""
    return _find(path, "sweep", SWEEPS, "def get_sweep")


def _find(path, kind, folder, holds):
    for place in (pathlib.Path(path), CONFIGS.parent / path):
        if place.is_file():
            return place
    text = lambda file: file.read_text(encoding="utf-8")
    names = sorted(file.stem for file in folder.glob("*.py") if holds in text(file))
    near = difflib.get_close_matches(pathlib.Path(path).stem, names, 1, 0.0)
    hint = f"{folder.relative_to(CONFIGS.parent).as_posix()}/{near[0]}.py"
    raise ConfigError(f"The {kind} file {path} does not exist; did you mean {hint}?")


def run_file(path):
    """Nested dict of what get_config() of the file returns."""
    return executed(path, "get_config", ConfigDict, "a config; see configs/itit_tiny.py").to_dict()


def executed(path, name, kind, told):
    """What the function of a name in a Python file returns, of a kind that is told."""
    spec = importlib.util.spec_from_file_location("itit_jax_experiment", path)
    if spec is None:
        raise ConfigError(f"The config file {path} is not a Python file; give one ending in .py.")
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
        found = getattr(module, name)() if hasattr(module, name) else None
    except Exception as error:  # whatever the user's file raises is the user's to mend
        raise ConfigError(_file_fault(path, error)) from error
    if not isinstance(found, kind):
        raise ConfigError(f"{path} has no {name}() for {told}.")
    return found


def _file_fault(path, error):
    """One sentence: the line of the file, what is wrong with it, the nearest key."""
    frames = [f for f in traceback.extract_tb(error.__traceback__) if f.filename == str(path)]
    number = frames[-1].lineno if frames else getattr(error, "lineno", None)
    where = f"{path}, line {number}" if number else str(path)
    return f"{where}: {_key_fault(error, frames[-1].line if frames else '')}"


def _key_fault(error, source):
    """What a locked ConfigDict has against a line of a config file, told by whole keys."""
    text = str(error)
    absent = re.search(r'Key "(\w+)" does not exist', text)
    if isinstance(error, AttributeError):
        absent = absent or re.match(r"[\\']+(\w+)[\\']+(n?Did you mean|\n|$)", text)
    if absent:
        return unknown(_whole_name(absent[1], source), known_keys())
    cast = re.search(r"override field '(\w+)'.* casted to type <class '([\w.]+)'>", text)
    if cast:
        words = {kind.__name__: words for kind, words in TYPES.items()}
        words = words.get(cast[2], "left a section; set the keys inside it")
        return f"{_whole_name(cast[1], source)} must be {words}."
    return f"{type(error).__name__}: {(text.splitlines() or [source])[0].rstrip('.')}."


def _whole_name(name, source):
    """`train.steps` for the name `steps` in the line `c.train.steps = 10` or `c.train.update(`."""
    dotted = re.search(rf"\w+\.((?:\w+\.)*)(?:update\(|{name}\b((?:\.\w+)*))", source)
    return f"{dotted[1]}{name}{dotted[2] or ''}" if dotted else name


# ---- gin files ---------------------------------------------------------------------------------


def read_gin(path):
    """[(line, key, value)] of a gin file. Only bindings: nothing is imported or called."""
    if not os.path.isfile(path):
        raise ConfigError(f"The gin file {path} does not exist; give --gin_file=FILE.")
    bindings = []
    try:
        with open(path, encoding="utf-8") as file:
            for statement in gin_parser.ConfigParser(file, _References()):
                bindings.append(_binding(statement, path))
    except (SyntaxError, ValueError, tokenize.TokenError, RecursionError) as error:
        line = f", line {error.lineno}" if getattr(error, "lineno", None) else ""
        reason = str((error.args or ["unreadable"])[0]).splitlines()[0].rstrip(" .=")
        raise ConfigError(f"{path}{line}: cannot be read as KEY = VALUE: {reason}.") from None
    return [binding for binding in bindings if binding]


def _binding(statement, path):
    line = statement.location.line_num
    if isinstance(statement, gin_parser.BlockDeclaration):
        return None  # its bindings follow as statements of their own
    if not isinstance(statement, gin_parser.BindingStatement):
        raise ConfigError(f"{path}, line {line}: only KEY = VALUE can be read; take this line out.")
    scope = f"{statement.scope}/" if statement.scope else ""
    name = ".".join(filter(None, (statement.selector, statement.arg_name)))
    return line, scope + name, statement.value


@dataclasses.dataclass(frozen=True)
class _Reference:
    """A gin @function or %macro, of no type that a key has, so that every key refuses it."""

    text: str

    def __repr__(self):
        return self.text


class _References(gin_parser.ParserDelegate):
    """What gin's parser makes of references: nothing is looked up, imported or called."""

    def configurable_reference(self, scoped_configurable_name, evaluate):
        return _Reference(f"@{scoped_configurable_name}{'()' if evaluate else ''}")

    def macro(self, macro_name):
        return _Reference(f"%{macro_name}")
