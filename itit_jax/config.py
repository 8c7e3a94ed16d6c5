"""Settings: read a config file, set single keys, check everything, turn them to text and back.

Files, gin files and flags set the same tree of declared keys (configs/defaults.py and the
recipe's file) under the same checks, in this order: file, gin files, --gin.KEY, --config.KEY.
Nothing here imports JAX or NumPy, so that a mistake is told within a fraction of a second.
"""

import json

from configs import defaults as loop
from configs.keys import build, unknown
from itit_jax.config_files import ConfigError, find_file, find_spec, read_gin, run_file

BESIDE = "run"  # the section of config.json that is no setting

# ---- from a file -------------------------------------------------------------------------------


def load(path, *, gin_files=(), gin=(), overrides=()):
    """Checked, locked ConfigDict of a config file with settings on top of it.

    gin_files: paths; gin, overrides: "KEY=VALUE" texts, e.g. "data.rows.draw=32".
    """
    config = _from_tree(run_file(find_file(path)), str(path))
    return change(config, gin_files=gin_files, gin=gin, overrides=overrides)


def change(config, *, gin_files=(), gin=(), overrides=()):
    """The config with settings on top of it, in that order, and checked as a whole."""
    for path in gin_files:
        config = _override_from_gin(config, path)
    config = override(config, gin, flag="--gin.")
    config = override(config, overrides)
    check(config)
    return config


# ---- declared keys -----------------------------------------------------------------------------


def spec(config):
    """What the config's recipe declares: configs.spec.Spec."""
    return find_spec(config.recipe)


def declared(config):
    """{"section.name": Key} of the config's recipe."""
    return spec(config).keys


def rooted(config):
    """A copy in which the path of everything that is there from here is absolute."""
    tree, keys = config.to_dict(), declared(config)
    config = _from_tree(tree, "config")
    for name, value in flat(config).items():
        _set(config, keys, name, keys[name].rooted(value) if keys[name].place else value, "config")
    return config


def moved(config, before, now):
    """A copy in which what lay beside the folder `before` and is gone is sought beside `now`."""
    tree, keys = config.to_dict(), declared(config)
    config = _from_tree(tree, "config")
    for name, value in flat(config).items():
        if keys[name].place:
            _set(config, keys, name, keys[name].moved(value, before, now), "config")
    return config


def _from_tree(tree, origin, *, whole=True):
    """Locked config of a nested dict; `whole`: that has to hold every declared key."""
    keys = find_spec(tree.get("recipe", "")).keys
    values = _flatten(tree)
    config = build(keys)
    config.recipe = tree["recipe"]
    for name, value in values.items():
        _set(config, keys, name, value, origin)
    missing = sorted(keys.keys() - values.keys())
    if whole and missing:
        section = missing[0].rpartition(".")[0]
        raise ConfigError(
            f"{origin} replaces the section {section} and so loses {missing[0]}; "
            f"change single keys with c.{section}.update(...)."
        )
    return config


def _set(config, keys, name, value, origin):
    """Sets one key that a person gave; `origin` says where, for the sentence."""
    if name not in keys:
        raise ConfigError(f"{origin}: {unknown(name, keys)}")
    try:
        read = keys[name].parse if isinstance(value, _Text) else keys[name].accept
        value = read(value)
    except ValueError as error:
        raise ConfigError(f"{origin}: {name} {error}.") from None
    if name == "recipe" and value != config.recipe:
        raise ConfigError(f"{origin}: the config file chooses the recipe; give --config=FILE.")
    *sections, last = name.split(".")
    for section in sections:
        config = config[section]
    config[last] = value


class _Text(str):
    """A value as typed in a flag, to be read by the type of its key."""


# ---- single settings ---------------------------------------------------------------------------


def override(config, settings, flag="--config."):
    """A copy with "KEY=VALUE" texts set; the whole is not checked, see `change`."""
    config, keys = _from_tree(config.to_dict(), "config"), declared(config)
    seen = set()
    for setting in settings:
        name, equals, text = setting.partition("=")
        if not equals:
            raise ConfigError(f"{flag}{setting} has no value; write {flag}{name}=VALUE.")
        if name in seen:
            raise ConfigError(f"{flag}{name} is given twice; give it once.")
        seen.add(name)
        _set(config, keys, name, _Text(text), f"{flag}{setting}")
    return config


def _override_from_gin(config, path):
    """A copy with the bindings of a gin file set, e.g. `data.rows.draw = 32`."""
    config, keys = _from_tree(config.to_dict(), "config"), declared(config)
    seen = set()
    for line, name, value in read_gin(path):
        origin = f"{path}, line {line}"
        if name in seen:
            raise ConfigError(f"{origin}: {name} is set twice; set it once.")
        seen.add(name)
        _set(config, keys, name, value, origin)
    return config


# ---- checks of the whole -----------------------------------------------------------------------


def check(config):
    """ConfigError with the first sentence that a check has against the config."""
    _from_tree(config.to_dict(), "config")
    _raise_first(spec(config).checks, config)


def check_needs(config):
    """ConfigError if something that a run reads is not there."""
    _raise_first(spec(config).needs, config)


def check_begins(config):
    """ConfigError if no run should begin so, though one that is there may be so."""
    _raise_first(spec(config).begins, config)


def _raise_first(checks, config):
    for fault in checks:
        sentence = fault(config)
        if sentence:
            raise ConfigError(sentence)


# ---- as text -----------------------------------------------------------------------------------


def flat(config):
    """{"section.name": value}."""
    return _flatten(config.to_dict())


def _flatten(tree, prefix=""):
    values = {}
    for name, value in tree.items():
        inside = _flatten(value, f"{prefix}{name}.") if isinstance(value, dict) else None
        values.update(inside or {f"{prefix}{name}": value})
    return values


def to_json(config, **beside):
    """Text that `from_json` turns into an equal config. beside: what else it tells."""
    tree = config.to_dict() | ({BESIDE: beside} if beside else {})
    return json.dumps(tree, indent=1, allow_nan=False) + "\n"


def from_json(text, origin="the config"):
    """Checked, locked config. Keys declared since the text was written have their defaults."""
    try:
        tree = json.loads(text)
    except (RecursionError, ValueError) as error:
        raise ConfigError(
            f"{origin} is not JSON ({error}); restore it or take a new workdir."
        ) from None
    if not isinstance(tree, dict):
        raise ConfigError(f"{origin} holds no settings; restore it or take a new workdir.")
    tree.pop(BESIDE, None)
    config = _from_tree(tree, origin, whole=False)
    try:
        check(config)
    except ConfigError as error:
        raise ConfigError(f"{origin}: {error}") from None
    return config


def describe(config=None):
    """Every key with its value, its default where that differs, and its help."""
    keys = declared(config) if config else loop.KEYS
    values = flat(config) if config else {}
    lines = []
    for name, key in keys.items():
        value = values.get(name, key.default)
        default = "" if value == key.default else f" (default {show(key.default)})"
        choices = f" [{' | '.join(key.check.choices)}]" if key.check and key.check.choices else ""
        free = " *" if key.resumable or key.place else " **" if key.changeable else ""
        lines.append(f"  --config.{name}={show(value)}{free}\n      {key.help}{choices}{default}")
    lines.append("\n*  may differ when a run is continued; ** with --change, from that step on")
    return "\n".join(lines)


def show(value):
    """A value as it may be typed in a flag; long ones are cut."""
    text = str(value).lower() if isinstance(value, bool) else str(value).replace(" ", "")
    return text if len(text) <= 60 else text[:57] + "..."
