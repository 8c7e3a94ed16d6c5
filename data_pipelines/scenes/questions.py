"""Questions about a scene and their answers, by grammar: of its colours, shapes, sizes, places and
counts, and whether something is so.

A question means one object by what it says of it, never by what it asks for. Yes and no are drawn
first, then a question of any form that has this answer, and nothing is asked of combinations that
training never shows: the words of a question do not tell its answer.
"""

import hashlib
import itertools
from collections.abc import Callable

import numpy as np

from data_pipelines.example import Asked
from data_pipelines.scenes.grammar import place, word
from data_pipelines.scenes.world import Object, Scene, World

NUMBERS = ("zero", "one", "two", "three")
THINGS = ("thing", "object")
FIELDS = ("size", "colour", "shape", "place")
LOOKS = FIELDS[:3]
WHICH = {
    "colour": ("what colour is {}?", "which colour does {} have?", "what is the colour of {}?"),
    "shape": ("what shape is {}?", "which shape does {} have?", "what is the shape of {}?"),
    "size": ("what size is {}?", "which size does {} have?", "what is the size of {}?"),
    "place": ("where is {}?", "in which place is {}?", "where do you see {}?"),
}
COUNT = ("how many {} are there?", "how many {} do you see?", "count the {}.")
IS_THERE = ("is there {}?", "do you see {}?", "does the picture show {}?")
IS_SO = ("is {} {}?", "would you say that {} is {}?")
TRIES = 20  # for a question that was not asked yet


def questions(key: str, world: World, count: int, seed: int, *, held_out: bool) -> list[Asked]:
    """`count` different questions about the scene of a record key, every kind equally often; a
    function of (seed, key). held_out: also of combinations that training never shows.
    """
    asker = Asker(Scene.parse(key), world, _generator(seed, key), held_out)
    kinds = list(asker.kinds)
    order = [kinds[i] for i in asker.rng.permutation(len(kinds))]
    found: dict[str, Asked] = {}
    for kind in itertools.islice(itertools.cycle(order), count):
        tries = (asker.ask(kind) for _ in range(TRIES))
        new = (each for each in tries if each and each.question not in found)
        if asked := next(new, None):  # of one small scene there may be no more of a kind
            found[asked.question] = asked
    return list(found.values())


def _generator(seed: int, key: str) -> np.random.Generator:
    return np.random.default_rng([seed, *hashlib.sha256(key.encode()).digest()[:8]])


class Asker:
    """Asks about one scene, in words that it draws."""

    def __init__(self, scene: Scene, world: World, rng: np.random.Generator, held_out: bool):
        self.objects, self.world, self.rng = scene.objects, world, rng
        self._allowed = world.kinds(held_out)
        self._values = dict(
            size=world.sizes, colour=world.colours, shape=world.shapes,
            place=range(world.places[0] * world.places[1]),
        )  # fmt: skip
        self.kinds: dict[str, Callable[[], tuple[str, str] | None]] = {
            **{field: lambda field=field: self._which(field) for field in WHICH},
            "count": self._count,
            "yes_no": self._yes_no,
        }

    def ask(self, kind: str) -> Asked | None:
        """A random question of a kind, or None where the words drawn for it fit no object."""
        found = self.kinds[kind]()
        return found and Asked(*found, kind)

    def _which(self, field: str) -> tuple[str, str] | None:
        meant = self._pick(self.objects)
        if (name := self._the(meant, field)) is None:
            return None
        return self._pick(WHICH[field]).format(name), self._said(field, getattr(meant, field))

    def _count(self) -> tuple[str, str] | None:
        """Of all things, of some that are there, or of some that are not."""
        case = self.rng.integers(3)
        fields = self._subset(LOOKS) if case else ()
        said = self._absent(fields) if case == 2 else self._pick(self.objects)
        if said is None:
            return None
        number = sum(self._alike(said, each, fields) for each in self.objects)
        return self._pick(COUNT).format(self._phrase(said, fields, many=True)), NUMBERS[number]

    def _yes_no(self) -> tuple[str, str] | None:
        yes = bool(self.rng.integers(2))
        found = (self._is_there if self.rng.integers(2) else self._is_so)(yes)
        return found and (found, "yes" if yes else "no")

    def _is_there(self, yes: bool) -> str | None:
        fields = self._subset(FIELDS)
        if fields == ("size",):
            return None  # of two objects both sizes may be there, so that it tends to yes
        said = self._pick(self.objects) if yes else self._absent(fields)
        return said and self._pick(IS_THERE).format(_one(self._phrase(said, fields)))

    def _is_so(self, yes: bool) -> str | None:
        field = self._pick(FIELDS)
        meant = self._pick(self.objects)
        name, others = self._the(meant, field), self._others(meant, field)
        if name is None or not others:  # without others it could only be so
            return None
        said = meant if yes else self._pick(others)
        return self._pick(IS_SO).format(name, self._predicate(said, field))

    # ---- what is said -----------------------------------------------------------------------

    def _the(self, meant: Object, asked: str) -> str | None:
        """What means this object and no other, without the field that is asked for."""
        fields = self._subset([field for field in FIELDS if field != asked])
        if sum(self._alike(meant, each, fields) for each in self.objects) > 1:
            return None
        return f"the {self._phrase(meant, fields)}"

    def _phrase(self, said: Object, fields: tuple[str, ...], *, many: bool = False) -> str:
        """Size, colour, shape and place, as far as they are among the fields."""
        words = [word(f, getattr(said, f), self.rng) for f in ("size", "colour") if f in fields]
        noun = word("shape", said.shape, self.rng) if "shape" in fields else self._pick(THINGS)
        words.append(_plural(noun) if many else noun)
        return " ".join(words) + (self._at(said) if "place" in fields else "")

    def _at(self, said: Object) -> str:
        return f" {self._pick(('in', 'at'))} the {place(said.place, self.world, self.rng)}"

    def _predicate(self, said: Object, field: str) -> str:
        if field == "place":
            return self._at(said).strip()
        told = word(field, getattr(said, field), self.rng)
        return _one(told) if field == "shape" else told

    def _said(self, field: str, value) -> str:
        return place(value, self.world) if field == "place" else word(field, value)

    # ---- what it is said of -----------------------------------------------------------------

    def _absent(self, fields: tuple[str, ...]) -> Object | None:
        """An object that training may show, like none that is there in these fields; None where
        none is found."""
        for _ in range(TRIES):
            said = Object(self._pick(self._values["place"]), *self._pick(self._allowed))
            if not any(self._alike(said, each, fields) for each in self.objects):
                return said
        return None

    def _others(self, meant: Object, field: str) -> list[Object]:
        """The object with other values of a field, as training may show it."""
        others = [meant._replace(**{field: value}) for value in self._values[field]]
        return [other for other in others if other != meant and other[1:] in self._allowed]

    def _alike(self, one: Object, other: Object, fields: tuple[str, ...]) -> bool:
        return all(getattr(one, field) == getattr(other, field) for field in fields)

    # ---- chance -----------------------------------------------------------------------------

    def _pick(self, choices):
        return choices[self.rng.integers(len(choices))]

    def _subset(self, fields) -> tuple[str, ...]:
        """Some of the fields, at least one."""
        chosen = 1 + int(self.rng.integers(2 ** len(fields) - 1))
        return tuple(field for i, field in enumerate(fields) if chosen >> i & 1)


def _one(name: str) -> str:
    return f"{'an' if name[0] in 'aeio' else 'a'} {name}"


def _plural(noun: str) -> str:
    return noun + ("es" if noun.endswith(("s", "x")) else "s")
