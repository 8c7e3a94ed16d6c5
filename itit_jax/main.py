"""The command: reads the settings, checks them before JAX starts, and hands over to a mode.

    python -m itit_jax.main --config=configs/itit_tiny.py --workdir=DIR --config.data.path=DATA

Flags are read here and not by ml_collections.config_flags, which was measured: it is as fast
(0.1 s), but answers a misspelt key with a traceback of 20 lines, accepts NaN and a key that is
given twice, ignores `config.x=1` without dashes, and knows no order of gin files and flags.
"""

import dataclasses
import difflib
import importlib
import sys
import traceback

from absl import logging

from configs.keys import nearest
from data_pipelines.errors import UserError
from itit_jax import config as settings
from itit_jax.config import ConfigError
from itit_jax.config_files import known_keys
from itit_jax.workdir import Workdir, check_resume, check_runs

MODES = {
    "train": ("itit_jax.train", "train, or continue the run of the workdir (the default)"),
    "eval": ("itit_jax.evaluation.run", "score the newest checkpoint of the workdir"),
    "encode": ("itit_jax.encode", "say once what a frozen part says of each record"),
    "export": ("itit_jax.serve.export", "give the newest checkpoint away, in the folder --out"),
}
FLAGS = {
    "--config": "=FILE  the experiment, e.g. configs/itit_tiny.py; absent = that of the workdir",
    "--workdir": "=DIR  folder of the run; the same command continues it",
    "--mode": "=MODE  what to do, see below",
    "--out": "=DIR  fresh folder of --mode=export",
    "--config.": "KEY=VALUE  set one key",
    "--gin_file": "=FILE  set keys from lines such as `train.steps = 10`; may be repeated",
    "--gin.": "KEY=VALUE  the same as --config.KEY=VALUE, read before it",
    "--profile": "=FIRST:LAST  trace these steps of training into WORKDIR/profile",
    "--verbosity": "=LEVEL  of libraries: debug, info, warning (the default) or error",
    "--traceback": "  show where a fault was found",
    "--help": "  this text, with the keys of --config if it is given",
}
PREFIXES = {"--config.": "overrides", "--gin.": "gin"}
SWITCHES = {"--traceback": "traceback", "--help": "help", "-h": "help"}
CHOICES = {"--mode": MODES, "--verbosity": ("debug", "info", "warning", "error")}
USER_FAULT = 2


@dataclasses.dataclass
class Command:
    """A command line, read."""

    config: str = ""
    workdir: str = ""
    out: str = ""
    mode: str = "train"
    profile: tuple[int, int] | None = None
    verbosity: str = "warning"
    traceback: bool = False
    help: bool = False
    gin_files: list[str] = dataclasses.field(default_factory=list)
    gin: list[str] = dataclasses.field(default_factory=list)
    overrides: list[str] = dataclasses.field(default_factory=list)


def main(arguments=None):
    """-> exit code: 0 done, 2 the user can mend it, 42 stopped on purpose and resumable."""
    arguments = sys.argv[1:] if arguments is None else arguments
    try:
        command = parse(arguments)
        if command.help:
            print(help_text(command))
            return 0
        return run(command)
    except UserError as error:
        if "--traceback" in arguments:
            traceback.print_exc()
        print(f"itit_jax: {error}", file=sys.stderr)
        return USER_FAULT


def run(command):
    """Checks all that can be checked without JAX, then starts the mode."""
    if not command.workdir:
        raise ConfigError("No workdir is given; add --workdir=DIR.")
    if bool(command.out) != (command.mode == "export"):
        raise ConfigError("--mode=export writes to a folder --out=DIR; give both or neither.")
    if command.profile and command.mode != "train":
        raise ConfigError("--profile traces training; take it out or take --mode=train.")
    Workdir(command.workdir).check_reach()
    config = read_config(command)
    if command.mode in ("eval", "export"):
        Workdir(command.workdir).config()  # there has to be a run
    if command.mode != "encode":  # whose folder is no run
        check_resume(config, command.workdir)
    if command.mode != "export":  # which reads no data
        settings.check_needs(config)
        check_runs(config)
    logging.set_verbosity(command.verbosity)
    mode = importlib.import_module(MODES[command.mode][0])
    return mode.run(config, command.workdir, *filter(None, (command.out, command.profile)))


def read_config(command):
    """The config of the file, or without one that of the workdir, with the command's settings."""
    changes = dict(gin_files=command.gin_files, gin=command.gin, overrides=command.overrides)
    if command.config:
        return settings.load(command.config, **changes)
    if not command.workdir:
        raise ConfigError("No config is given; add --config=FILE, e.g. configs/itit_tiny.py.")
    return settings.change(Workdir(command.workdir).config(), **changes)


def parse(arguments):
    """Command of a list of arguments; ConfigError names the nearest flag."""
    command, given, waiting = Command(), set(), list(arguments)
    while waiting:
        argument = waiting.pop(0)
        flag, equals, value = argument.partition("=")
        if flag in SWITCHES:
            setattr(command, SWITCHES[flag], _switch(flag, value))
            continue
        kind = next((prefix for prefix in PREFIXES if flag.startswith(prefix)), flag)
        if kind not in FLAGS:
            raise ConfigError(_unknown_flag(argument))
        if not equals:
            if not waiting or waiting[0].startswith("--"):
                raise ConfigError(f"{flag} has no value; write {flag}=VALUE.")
            value = waiting.pop(0)
        if flag in given and flag != "--gin_file":
            raise ConfigError(f"{flag} is given twice; give it once.")
        given.add(flag)
        _store(command, kind, flag.removeprefix(kind), value)
    return command


def _switch(flag, value):
    if value.lower() not in ("", "true", "false"):
        raise ConfigError(f"{flag}={value}: {flag} takes no value; write {flag} alone.")
    return value.lower() != "false"


def _store(command, kind, key, value):
    if kind in PREFIXES:
        getattr(command, PREFIXES[kind]).append(f"{key}={value}")
    elif not value:
        raise ConfigError(f"{kind} is empty; write {kind}=VALUE.")
    elif kind == "--gin_file":
        command.gin_files.append(value)
    elif kind in CHOICES and value not in CHOICES[kind]:
        near = difflib.get_close_matches(value, CHOICES[kind], 1, 0.0)[0]
        raise ConfigError(
            f"{kind}={value} is none of {', '.join(CHOICES[kind])}; did you mean {kind}={near}?"
        )
    elif kind == "--profile":
        command.profile = _steps(value)
    else:
        setattr(command, kind[2:], value)


def _steps(text):
    """(first, last) of FIRST:LAST."""
    first, _, last = text.partition(":")
    if not (first.isdecimal() and last.isdecimal() and int(first) < int(last)):
        raise ConfigError(f"--profile={text} names no steps; write --profile=100:105.")
    return int(first), int(last)


def _unknown_flag(argument):
    """Sentence for an argument that is no flag: a key without its --config., or a misspelling."""
    flag, equals, value = argument.lstrip("-").partition("=")
    key = flag.removeprefix("config.").removeprefix("gin.")
    key = nearest(key, known_keys()) if "." in flag else None
    names = [name.strip("-.") for name in FLAGS]
    near = f"config.{key}" if key else next(iter(difflib.get_close_matches(flag, names, 1)), "")
    hint = f"did you mean --{near}{equals}{value}?" if near else "--help lists the flags."
    return f"{argument} is no flag; {hint}"


def help_text(command):
    """Flags, modes and keys; the keys of the recipe too where a config is given."""
    config = read_config(command) if command.config or command.workdir else None
    title = "Keys of every recipe (with --config=FILE also those of its recipe):"
    return "\n".join(
        [
            "python -m itit_jax.main --config=FILE --workdir=DIR [FLAGS]",
            "\nFlags:",
            *(f"  {flag}{text}" for flag, text in FLAGS.items()),
            "\nModes:",
            *(f"  {mode:10}{text}" for mode, (_, text) in MODES.items()),
            f"\n{f'Keys of {command.config or command.workdir}:' if config else title}",
            settings.describe(config),
        ]
    )


if __name__ == "__main__":
    sys.exit(main())
