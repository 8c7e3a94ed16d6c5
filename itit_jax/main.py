"""The command: reads the settings, checks them before JAX starts, and hands over to a mode.

    python -m itit_jax.main --config=configs/itit_tiny.py --workdir=DIR --config.data.path=DATA

Flags are read here and not by ml_collections.config_flags, which was measured: it is as fast
(0.1 s), but answers a misspelt key with a traceback of 20 lines, accepts NaN and a key that is
given twice, ignores `config.x=1` without dashes, and knows no order of gin files and flags.
"""

import importlib
import shlex
import sys

from absl import logging

from configs.commands import Argument, exit_code, help_lines, parse
from configs.keys import at_least, one_of
from data_pipelines.files import check_file
from itit_jax import config as settings
from itit_jax import sweep
from itit_jax.config import ConfigError
from itit_jax.config_files import known_keys
from itit_jax.other_runs import check_resume, check_runs, check_start
from itit_jax.workdir import Workdir

MODES = {
    "train": ("itit_jax.train", "train, or continue the run of the workdir (the default)"),
    "eval": ("itit_jax.evaluation.run", "score the newest checkpoint of the workdir"),
    "encode": ("itit_jax.encode", "say once what a frozen part says of each record"),
    "export": ("itit_jax.serve.export", "give the newest checkpoint away, in the folder --out"),
    "plan": ("itit_jax.planner.plan", "tell what a run takes on the chips of --topology"),
}
PLANNED = ("topology", "quick", "search")  # flags of planning alone
ARGUMENTS = {
    "--config": Argument(
        "", "the experiment, e.g. configs/itit_tiny.py; absent: that of the workdir", form="FILE"
    ),
    "--workdir": Argument(
        "", "folder of the run; the same command continues it", form="DIR", bucket=True
    ),
    "--mode": Argument("train", "what to do, see below", one_of(*MODES), form="MODE"),
    "--out": Argument("", "fresh folder of --mode=export; file of --mode=plan", form="PATH"),
    "--topology": Argument("", "chips of --mode=plan, e.g. v5e:16x16", form="KIND:SHAPE"),
    "--slices": Argument(1, "of that topology", at_least(1), form="N"),
    "--price": Argument(0.0, "dollars an hour a chip", at_least(0), form="X", unset=True),
    "--quick": Argument(False, "count alone, and compile nothing"),
    "--search": Argument(False, "other meshes, remats and batches, the fastest that fits first"),
    "--sweep": Argument(
        "", "a list of settings; each is a run of its own below the workdir", form="FILE"
    ),
    "--dry_run": Argument(False, "check the settings, print the runs, and start none"),
    "--config.": Argument((), "set one key", many=True),
    "--gin_file": Argument(
        (), "set keys from lines such as `train.steps = 10`", form="FILE", many=True
    ),
    "--gin.": Argument((), "the same as --config.KEY=VALUE, read before it", many=True),
    "--change": Argument(
        False, "go on with other values of the keys that may change on the way; see --help"
    ),
    "--profile": Argument(
        "", "trace these steps of training into WORKDIR/profile", form="FIRST:LAST"
    ),
    "--verbosity": Argument(
        "warning", "of libraries", one_of("debug", "info", "warning", "error"), form="LEVEL"
    ),
    "--traceback": Argument(False, "show where a fault was found"),
    "--help": Argument(False, "this text, with the keys of --config if it is given"),
}


def main(arguments=None):
    """-> exit code: 0 done, 2 the user can mend it, 42 stopped on purpose and resumable."""
    texts = ["--help" if text == "-h" else text for text in
             (sys.argv[1:] if arguments is None else arguments)]  # fmt: skip
    return exit_code("itit_jax", lambda: run(read(texts)), show_traceback="--traceback" in texts)


def read(texts):
    """Options of a list of arguments."""
    return parse(texts, ARGUMENTS, keys=known_keys)


def run(options):
    """Checks all that can be checked without JAX, then starts the mode."""
    if options.help:
        print(help_text(options))
        return 0
    if options.mode == "plan":
        return plan(options)
    if given := next((name for name in PLANNED if getattr(options, name)), None):
        raise ConfigError(f"--{given} plans; take it out or take --mode=plan.")
    if not options.workdir:
        raise ConfigError("No workdir is given; add --workdir=DIR.")
    if bool(options.out) != (options.mode == "export"):
        raise ConfigError("--mode=export writes to a folder --out=DIR; give both or neither.")
    if options.change and options.mode != "train":
        raise ConfigError("--change goes on with training; take it out or take --mode=train.")
    if options.profile and options.mode != "train":
        raise ConfigError("--profile traces training; take it out or take --mode=train.")
    if options.sweep and options.mode not in ("train", "eval"):
        raise ConfigError("--sweep trains or scores; take it out or take --mode=train.")
    config = read_config(options)
    if options.sweep or options.dry_run:
        return run_several(options, config)
    if options.mode != "export":
        Workdir(options.workdir).check_writable()
    more = [options.out] if options.out else steps_of(options.profile, config.train.steps)
    if options.mode != "encode":  # whose folder is no run, and lies here
        Workdir(options.workdir).check_reach()
        check_resume(config, options.workdir, change=options.change)
    if options.mode in ("train", "eval"):
        Workdir(options.workdir).check_whole()
    if options.mode in ("eval", "export"):
        Workdir(options.workdir).config()  # there has to be a run
    if options.mode != "export":  # which reads no data
        settings.check_needs(config)
        check_runs(config)
    if options.mode in ("train", "eval"):
        from itit_jax.data_checks import check_data  # NumPy only once the settings are good

        check_data(config)
    if options.mode == "eval" and not config.evaluate.splits:
        raise ConfigError("evaluate.splits names no split, so there is nothing to score; give one.")
    if options.mode == "train":
        Workdir(options.workdir).check_free()
        check_start(config, options.workdir)
    logging.set_verbosity(options.verbosity)
    return importlib.import_module(MODES[options.mode][0]).run(config, options.workdir, *more)


def plan(options):
    """Hands over to planning, which needs neither a workdir nor data."""
    if not options.topology:
        raise ConfigError("--mode=plan needs chips; give --topology=v5e:16x16.")
    for name in ("sweep", "profile", "change"):
        if getattr(options, name):
            raise ConfigError(f"--{name} does not plan; take it out.")
    if options.out:
        check_file(options.out, "--out")
    config = read_config(options)
    from itit_jax.planner import topology  # nor does it start JAX before what is asked is good

    asked = topology.parse(options.topology, options.slices)
    if options.dry_run:
        print(shlex.join(command(options, options.workdir)))
        return 0
    if options.search:
        from itit_jax.planner import search

        return search.run(config, asked, options.out, options.price)
    run = importlib.import_module(MODES["plan"][0]).run
    more = dict(price=options.price, compiled=not options.quick)
    return run(config, options.workdir, asked, options.out, **more)


def run_several(options, config):
    """The runs of a sweep in turn, or what would be run."""
    if not options.sweep:
        print(shlex.join(command(options, options.workdir)))
        return 0
    found = sweep.members(options.sweep, config, options.workdir)
    typed = lambda member: command(options, member.workdir, member.overrides)
    if not options.dry_run:
        return sweep.run(found, typed)
    for member in found:
        local = Workdir(member.workdir).local  # a bucket is asked when it is time
        done = " (is done)" if local and member.is_done() else ""
        print(f"# {member.name}{done}\n{shlex.join(typed(member))}")
    return 0


def command(options, workdir, overrides=()):
    """The words that ask for one run of these options in a workdir, with KEY=VALUE on top."""
    replaced = {setting.partition("=")[0] for setting in overrides}
    kept = [text for text in options.config_keys if text.partition("=")[0] not in replaced]
    given = {"--config": options.config, "--workdir": workdir}
    words = [f"{name}={value}" for name, value in given.items() if value]
    for name in ("--mode", "--out", "--topology", "--slices", "--profile", "--verbosity"):
        value = getattr(options, name.strip("-"))
        words += [f"{name}={value}"] if value != ARGUMENTS[name].default else []
    words += [f"--gin_file={path}" for path in options.gin_file]
    words += [f"--gin.{text}" for text in options.gin_keys]
    words += [f"--config.{text}" for text in (*kept, *overrides)]
    words += [f"--{name}" for name in ("change", "traceback") if getattr(options, name)]
    return ["python", "-m", "itit_jax.main", *words]


def read_config(options):
    """The config of the file, or without one that of the workdir, with the options' settings."""
    changes = dict(
        gin_files=options.gin_file, gin=options.gin_keys, overrides=options.config_keys
    )
    if options.config:
        return settings.load(options.config, **changes)
    if not options.workdir:
        raise ConfigError("No config is given; add --config=FILE, e.g. configs/itit_tiny.py.")
    run = Workdir(options.workdir)
    run.check_reach()
    if options.mode == "train" and not run.is_run():
        raise ConfigError(
            f"{run} holds no run to go on with; add --config=FILE to begin one there, e.g. "
            "configs/itit_tiny.py."
        )
    return settings.change(run.config(), **changes)


def steps_of(text, steps):
    """[(first, last)] of FIRST:LAST of a run of so many steps; [] of nothing."""
    if not text:
        return []
    first, _, last = text.partition(":")
    if not (first.isdecimal() and last.isdecimal() and int(first) < int(last)):
        raise ConfigError(f"--profile={text} names no steps; write --profile=100:105.")
    if int(first) >= steps:
        raise ConfigError(
            f"--profile={text} begins behind the {steps} steps of the run; take earlier ones."
        )
    return [(int(first), int(last))]


def help_text(options):
    """Flags, modes and keys; the keys of the recipe too where a config is given."""
    config = read_config(options) if options.config or options.workdir else None
    title = "Keys of every recipe (with --config=FILE also those of its recipe):"
    return "\n".join(
        [
            "python -m itit_jax.main --config=FILE --workdir=DIR [FLAGS]",
            "\nFlags:",
            *help_lines(ARGUMENTS),
            "\nModes:",
            *(f"  {mode:10}{text}" for mode, (_, text) in MODES.items()),
            f"\n{f'Keys of {options.config or options.workdir}:' if config else title}",
            settings.describe(config),
        ]
    )


if __name__ == "__main__":
    sys.exit(main())
