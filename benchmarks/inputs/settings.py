"""Odd settings on the command line."""

import random
import string

from benchmarks.inputs.trial import Trial
from itit_jax import config as settings

FILES = ("configs/itit_tiny.py", "configs/vq_tiny.py", "configs/classifier_tiny.py")
NO_NUMBERS = ("nan", "inf", "-inf", "1e999", "", "one", "0x", "1,5", "--", "1 2", "True", "None")
NO_BOOLS = ("yes", "on", "2", "", "TRUEE", "null", "tru")
PLAIN = ("train.steps", "save.every", "seed", "optimizer.learning_rate", "loss.draw",
         "optimizer.warmup_steps", "data.pairs", "optimizer.weight_decay")  # fmt: skip


def _keys(rng, config, kind):
    keys = settings.declared(config)
    names = [name for name, key in keys.items() if type(key.default) is kind and name != "recipe"]
    return str(rng.choice(names)), keys


def same(rng, config):
    """A key's own value, as people type it."""
    kind = (int, float, bool)[rng.integers(3)]
    name, _ = _keys(rng, config, kind)
    value = settings.flat(config)[name]
    if kind is bool:
        text = str(value) if rng.random() < 0.5 else str(value).lower()
    elif kind is float:
        text = [repr(value), f"{value:e}", f"{value:.12f}", f"+{value!r}"][rng.integers(4)]
        value = float(text)
    else:
        text = f" {value} " if rng.random() < 0.5 else str(value)
    return [f"{name}={text}"], {name: value}, ()


def misspelt(rng, config):
    """A key with a letter more, less or other."""
    name, _ = _keys(rng, config, (int, float, bool)[rng.integers(3)])
    at = int(rng.integers(len(name)))
    letter = random.Random(int(rng.integers(1 << 30))).choice(string.ascii_lowercase)
    wrong = [name[:at] + name[at + 1 :], name[:at] + letter + name[at:],
             name[:at] + letter + name[at + 1 :]][rng.integers(3)]  # fmt: skip
    value = settings.flat(config)[name]  # where the change changes nothing, it is sound
    return [f"{wrong}={value}"], {name: value} if wrong == name else None, (wrong,)


def no_number(rng, config):
    """A number that is none."""
    name, _ = _keys(rng, config, (int, float)[rng.integers(2)])
    return [f"{name}={rng.choice(NO_NUMBERS)}"], None, (name,)


def no_whole(rng, config):
    """A fraction where a whole number is meant."""
    name, _ = _keys(rng, config, int)
    return [f"{name}={rng.choice(['1.5', '2e3', '0.1', '1e-3'])}"], None, (name,)


def no_bool(rng, config):
    """A switch that is neither on nor off."""
    name, _ = _keys(rng, config, bool)
    return [f"{name}={rng.choice(NO_BOOLS)}"], None, (name,)


def twice(rng, config):
    """One key set twice."""
    name, _ = _keys(rng, config, int)
    return [f"{name}=1", f"{name}=2"], None, (name,)


def no_value(rng, config):
    """A key without a value."""
    name, _ = _keys(rng, config, float)
    return [name], None, (name,)


def section(rng, config):
    """A section where a key is meant."""
    name, _ = _keys(rng, config, int)
    part = name.rpartition(".")[0]
    return ([f"{part}=1"] if part else ["=1"]), None, (part or "=",)


def negative(rng, config):
    """Less than nothing where that has no meaning."""
    name = str(rng.choice([name for name in PLAIN if name in settings.declared(config)]))
    number = "-1" if type(settings.declared(config)[name].default) is int else "-0.5"
    return [f"{name}={number}"], None, (name,)


def no_choice(rng, config):
    """A word that is not among the choices."""
    keys = {n: k for n, k in settings.declared(config).items() if k.check and k.check.choices}
    name = str(rng.choice(list(keys)))
    word = keys[name].check.choices[0]
    wrong = [word.upper() + "x", word[:-1] + "_", f"{word},{word}", ""][rng.integers(4)]
    return [f"{name}={wrong}"], None, (name,)


ODD = (same, misspelt, no_number, no_whole, no_bool, twice, no_value, section, negative, no_choice)


def trial(rng) -> Trial:
    """One config file with one odd setting on top of it."""
    file = str(rng.choice(FILES))
    odd = ODD[rng.integers(len(ODD))]
    given, wanted, named = odd(rng, settings.load(file))

    def act(folder):
        del folder
        return settings.flat(settings.load(file, overrides=given))

    def fault(got):
        if wanted is None:
            return f"{given} is accepted"
        wrong = [name for name, value in wanted.items() if got[name] != value]
        return f"{wrong[0]} is {got[wrong[0]]}, not {wanted[wrong[0]]}" if wrong else ""

    return Trial(odd.__name__, act, fault, named if wanted is None else ())
