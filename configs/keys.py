"""What a configuration key is: its default, one line of help, and which values it takes.

The type of a key is that of its default. Only ml_collections is imported, so that a mistake in a
configuration costs no start-up of JAX.
"""

import ast
import dataclasses
import difflib
import math
import os
import re
from collections.abc import Callable
from typing import Any, NamedTuple

import ml_collections

from data_pipelines.places import meant, several

TYPES = {
    bool: "true or false",
    int: "a whole number",
    float: "a finite number",
    str: "text",
    tuple: "a list such as 1,2 or (1,2)",
}


class Check(NamedTuple):
    """Which values a key takes."""

    holds: Callable[[Any], bool]
    words: str  # continues "must be "
    choices: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True)
class Key:
    """One key. `resumable`: may differ when a run is continued, since its results stay valid.
    `changeable`: may too where --change asks for it, from the step on at which that is noted.

    place: "path" for the key of a file or folder, "paths" for several with commas between,
    "patterns" for such of many files, "kind:path" where a word stands in front. Where a thing lies
    is not what it is: what a run stands on is known by its contents (companions). bucket: it may be
    an address, gs://BUCKET/...
    """

    default: Any
    help: str
    check: Check | None = None
    resumable: bool = False
    place: str = ""
    bucket: bool = False
    changeable: bool = False

    def rooted(self, value):
        """The value with a path that is there from here as an absolute one.

        A default is everybody's: `~` in it is the home of whoever reads it.
        """
        kind, path = self._parts(value)
        there = path and value != self.default and os.path.exists(path)
        return kind + os.path.abspath(path) if self.place and there else value

    def moved(self, value, before, now):
        """A path that is not there any more, as it lies from the folder `now` where what names it
        has been moved there from `before`; the value where nothing lies there either."""
        kind, path = self._parts(value)
        if not self.place or not os.path.isabs(path) or os.path.exists(path):
            return value
        beside = os.path.normpath(os.path.join(now, os.path.relpath(path, before)))
        return kind + beside if os.path.exists(beside) else value

    def _meant(self, value):
        """A place that somebody gave, as a shell would read it. ValueError says what is wrong."""
        if not self.place or not value or value == self.default:
            return value
        kind, path = self._parts(value)
        many, pattern = self.place in ("paths", "patterns"), self.place == "patterns"
        given = several(path) if many else [path]
        if many and not all(given):
            raise ValueError(f"must be paths with one comma between, not {value!r}")
        read = [meant(one, bucket=self.bucket, pattern=pattern) for one in given]
        return kind + ",".join(read)

    def _parts(self, value):
        """-> (the kind in front with its colon, path) of a place."""
        if self.place != "kind:path" or re.match(r"[\w+.-]+://", value):
            return "", value
        kind, colon, path = value.partition(":")
        return kind + colon, path

    def parse(self, text):
        """Value of what stands behind the `=` of a flag. ValueError: text on what it must be."""
        return self.accept(_read(text.strip(), type(self.default)))

    def accept(self, value):
        """The value in the key's type and within its check, or ValueError saying what must be."""
        try:
            value = _cast(value, type(self.default))
        except (TypeError, ValueError, OverflowError):
            raise ValueError(f"must be {TYPES[type(self.default)]}, not {value!r}") from None
        if self.check is None or self.check.holds(value):
            return self._meant(value)
        message = f"must be {self.check.words}, not {value!r}"
        others = [name for name in self.check.choices if name != value]  # tfds is for tfds:NAME
        near = difflib.get_close_matches(str(value), others, 1)
        raise ValueError(message + (f" (did you mean {near[0]}?)" if near else ""))


def build(keys):
    """Locked ConfigDict of the defaults of {"section.name": Key}."""
    config = ml_collections.ConfigDict()
    for name, key in keys.items():
        *sections, last = name.split(".")
        place = config
        for section in sections:
            if section not in place:
                place[section] = ml_collections.ConfigDict()
            place = place[section]
        place[last] = key.default
    return config.lock()


def unknown(name, keys):
    """Sentence for a name that none of `keys` has."""
    inside = sorted(key for key in keys if key.startswith(f"{name}."))
    if inside:
        return f"{name} is a section; set one of its keys, e.g. {inside[0]}."
    near = nearest(name, keys)
    return f"there is no key {name}; " + (f"did you mean {near}?" if near else "see --help.")


def nearest(name, names):
    """The most similar of `names`, or None. Whole names and their last parts count alike."""

    def likeness(other):
        pairs = ((name, other), (name.rpartition(".")[2], other.rpartition(".")[2]))
        return sum(difflib.SequenceMatcher(None, *pair).ratio() for pair in pairs)

    best = max(sorted(names), key=likeness, default=None)
    return best if best and likeness(best) > 1.0 else None


def _read(text, kind):
    """A Python value of the text of a flag; what cannot be read stays text."""
    if kind is bool:
        return {"true": True, "false": False}.get(text.lower(), text)
    if kind is str:
        return text[1:-1] if re.fullmatch(r"'[^']*'|\"[^\"]*\"", text) else text
    if kind is tuple:
        return _read_tuple(text)
    try:
        return kind(text)
    except ValueError:
        return text


def _read_tuple(text):
    if not text:
        return ()
    try:
        value = ast.literal_eval(text)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        # Plain words need no quotes: evaluate.splits=test,held_out
        words = tuple(part.strip() for part in text.split(",") if part.strip())
        return words if all(re.fullmatch(r"\w+", word) for word in words) else text
    return value if isinstance(value, (tuple, list)) else (value,)


def _cast(value, kind):
    """`value` as `kind` where nothing is lost by it, else TypeError."""
    if kind is tuple and isinstance(value, (tuple, list)):
        return _frozen(value)
    if kind is float and type(value) is int:
        value = float(value)
    if type(value) is not kind:
        raise TypeError
    if kind is float and not math.isfinite(value):
        raise ValueError
    return value


def _frozen(value):
    return tuple(map(_frozen, value)) if isinstance(value, (tuple, list)) else value


# ---- checks -------------------------------------------------------------------------------------


def one_of(*choices):
    """One of a few words."""
    return Check(lambda value: value in choices, f"one of {', '.join(choices)}", choices)


def at_least(low):
    """low or more."""
    return Check(lambda value: value >= low, f"at least {low}")


def between(low, high):
    """From low to high, both included."""
    return Check(lambda value: low <= value <= high, f"between {low} and {high}")


def below_one():
    """A share or a decay: from 0 up to, without, 1."""
    return Check(lambda value: 0 <= value < 1, "at least 0 and below 1")


def words():
    """A tuple of words, or of none."""
    holds = lambda value: all(isinstance(word, str) for word in value)
    return Check(holds, "words with commas between")


def positive():
    """Above 0."""
    return Check(lambda value: value > 0, "above 0")


def axis_size():
    """Size of a mesh axis."""
    return Check(lambda v: v == -1 or v >= 1, "at least 1, or -1 for what is left of the devices")


def whole_numbers(low, *, empty=False):
    """A tuple of whole numbers, each at least `low`."""

    def holds(values):
        return (empty or values) and all(type(v) is int and v >= low for v in values)

    return Check(holds, f"whole numbers of at least {low}")


def sharding_rules(*axes):
    """Ordered (path regex, one axis or None per dimension) pairs; an axis at most once a rule."""

    def is_rule(rule):
        if not (isinstance(rule, tuple) and len(rule) == 2 and isinstance(rule[1], tuple)):
            return False
        used = [axis for axis in rule[1] if axis is not None]
        return _is_regex(rule[0]) and set(used) <= set(axes) and len(set(used)) == len(used)

    words = f"(path regex, axes) pairs with axes out of None, {', '.join(axes)}, each once a rule"
    return Check(lambda rules: all(map(is_rule, rules)), words)


def _is_regex(text):
    try:
        return isinstance(text, str) and bool(re.compile(text))
    except re.error:
        return False
