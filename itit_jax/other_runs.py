"""A config beside runs: whether it goes on with the one in its workdir, and whether those that its
keys name are there and of the right kind. No JAX here."""

import pathlib

from data_pipelines.files import is_address
from itit_jax import addresses, exported
from itit_jax import config as settings
from itit_jax.config import ConfigError
from itit_jax.run_files import read_object
from itit_jax.workdir import CONFIG, EXPORTED, Workdir


def check_resume(config, workdir, *, change=False):
    """ConfigError if the workdir holds a run that this config would not continue. change: it may
    go on with other values of the keys that may change on the way."""
    run = Workdir(workdir)
    if not run.is_run():
        return
    old, new = settings.flat(run.config()), settings.flat(config)
    if old["recipe"] != config.recipe:
        raise ConfigError(
            f"{run} holds a run of {old['recipe']}, and this config is of {config.recipe}; take a "
            "new workdir."
        )
    keys = settings.declared(config)
    may_change = lambda name: name in keys and keys[name].changeable
    # First what no --change lets differ.
    for name in sorted(old.keys() | new.keys(), key=lambda name: (may_change(name), name)):
        key = keys.get(name)
        free = key and (key.resumable or key.place or change and key.changeable)
        if not free and old.get(name) != new.get(name):
            way = "add --change to go on with the new one" if may_change(name) else (
                "take a new workdir"
            )  # fmt: skip
            raise ConfigError(
                f"{run} holds a run with {name}={settings.show(old.get(name))}, but "
                f"{settings.show(new.get(name))} is asked for; keep the old value or {way}."
            )


def check_start(config, workdir):
    """ConfigError if no run should begin so, or if it is to start from what is neither a run nor an
    export. One that goes on needs it no more."""
    if not Workdir(workdir).is_run():
        settings.check_begins(config)
    source, run = config.model.start_from, Workdir(workdir)
    if not source or is_address(source) or run.has_checkpoint():
        return
    if not (Workdir(source).has_checkpoint() or exported.is_export(source)):
        raise ConfigError(
            f"model.start_from is {source}, which holds neither a run with a checkpoint nor an "
            "export; give --config.model.start_from=WORKDIR, or leave it out."
        )


def check_runs(config):
    """ConfigError if a key that names another run names none that fits."""
    for key, wanted in settings.spec(config).runs.items():
        path = settings.flat(config)[key]
        addresses.check(path)
        if not path or is_address(path):  # asking a bucket takes seconds
            continue
        if not Workdir(path).is_run():
            raise ConfigError(
                f"{key} is {path}, which holds no {CONFIG}; give --config.{key}=WORKDIR of a run "
                f"of {wanted.recipe}."
            )
        other = Workdir(path).config()
        if other.recipe != wanted.recipe:
            raise ConfigError(
                f"{key} is {path}, which is a run of {other.recipe}; give --config.{key}=WORKDIR "
                f"of a run of {wanted.recipe}."
            )
        if sentence := wanted.fits(config, other):
            raise ConfigError(sentence)
    _check_asked(config)


def _check_asked(config):
    """ConfigError if who is asked in an evaluation is a run of another recipe. Published weights
    are read when they are asked."""
    kind, _, extractor = config.evaluate.features.partition(":")
    for key, path, recipe in (
        ("evaluate.judge", config.evaluate.judge, "towers"),
        ("evaluate.features", extractor, {"scenes": "classifier", "tower": "towers"}.get(kind)),
    ):
        if not path or not recipe or is_address(path):
            continue
        told = read_object(pathlib.Path(path, CONFIG))  # of a run, or of published weights
        if (found := told.get("recipe", recipe)) != recipe:
            raise ConfigError(
                f"{key} names {path}, which is a run of {found}; give a run of {recipe}."
            )


def config_of(section, name, recipe):
    """Config of the model of a recipe that a section with the keys workdir, weights and config
    means: that of a finished run, of an export, or of the file that planning uses."""
    found = _config_of(section, name)
    if found.recipe != recipe:
        given = next(key for key in ("workdir", "weights", "config") if section[key])
        raise ConfigError(
            f"{name}.{given} is {section[given]}, which is of {found.recipe}; give --config.{name}."
            f"{given}= one of {recipe}."
        )
    return found


def exported_run(weights):
    """The file that tells of which run exported weights are; None of others."""
    file = pathlib.Path(weights, EXPORTED)
    return file if file.is_file() else None


def _config_of(section, name):
    if section.workdir:
        if not Workdir(section.workdir).is_run():
            raise ConfigError(
                f"the {name} was looked for in {section.workdir}, which holds no {CONFIG}; put "
                f"that run back there, or give --config.{name}.workdir=WHERE_IT_IS_NOW."
            )
        return Workdir(section.workdir).config()
    if section.weights and (exported := exported_run(section.weights)):
        return settings.from_json(exported.read_text(encoding="utf-8"), str(exported))
    if section.config:
        return settings.load(section.config)
    raise ConfigError(f"{name}.workdir is empty; train one and give --config.{name}.workdir=RUN.")
