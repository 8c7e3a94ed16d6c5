"""Scene -> caption: compact English with synonyms, several sentence patterns and free order.

A caption names all four attributes of every object. Within one caption the places stand either
all before or all after their objects, which keeps it unambiguous without punctuation.
"""

import numpy as np

from data_pipelines.errors import UserError
from data_pipelines.scenes.world import Object, Scene, World

WORDS = {
    "shape": {
        "circle": ("circle", "disc"),
        "square": ("square", "box"),
        "triangle": ("triangle", "wedge"),
        "cross": ("cross", "plus"),
        "diamond": ("diamond", "rhombus"),
        "ring": ("ring", "hoop"),
    },
    "colour": {
        "red": ("red", "crimson"),
        "green": ("green", "emerald"),
        "blue": ("blue", "azure"),
        "yellow": ("yellow", "golden"),
        "purple": ("purple", "violet"),
        "black": ("black", "dark"),
        "orange": ("orange", "amber"),
        "cyan": ("cyan", "turquoise"),
    },
    "size": {"small": ("small", "little"), "big": ("big", "large")},
    "row": {"top": ("top", "upper"), "bottom": ("bottom", "lower")},
    "column": {"left": ("left",), "right": ("right",)},
    "centre": {"centre": ("middle", "center")},
}
ROWS = {2: ("top", "bottom"), 3: ("top", "centre", "bottom")}
COLUMNS = {2: ("left", "right"), 3: ("left", "centre", "right")}

# (before the first object, one object, between objects). A world uses the first so many: from
# the fifth on places stand before their objects, and words alone no longer tell what is where.
PATTERNS = (
    ("", "a {thing} in the {place}", " and "),
    ("", "a {thing} at the {place}", ", "),
    ("there is ", "a {thing} in the {place}", " and "),
    ("", "{thing} {place}", ", "),
    ("", "{place}: {thing}", "; "),
    ("", "in the {place} a {thing}", ", "),
    ("", "at the {place} is a {thing}", " and "),
)


def caption(scene: Scene, world: World, rng: np.random.Generator) -> str:
    """One random caption: at most 19 words for two objects."""
    head, pattern, joint = PATTERNS[rng.integers(world.patterns)]
    objects = [scene.objects[i] for i in rng.permutation(len(scene.objects))]
    phrases = (
        pattern.format(thing=_thing(o, rng), place=place(o.place, world, rng)) for o in objects
    )
    return head + joint.join(phrases)


def place_names(world: World) -> list[tuple[str, str]]:
    """(row, column) names of every place, such as ("top", "centre")."""
    rows, columns = world.places
    if rows not in ROWS or columns not in COLUMNS:
        raise UserError(
            f"The grammar has no words for {rows} x {columns} places; give a scenes world with "
            "2 or 3 rows and columns."
        )
    return [(row, column) for row in ROWS[rows] for column in COLUMNS[columns]]


def _thing(thing: Object, rng: np.random.Generator) -> str:
    return " ".join(word(f, getattr(thing, f), rng) for f in ("size", "colour", "shape"))


def place(number: int, world: World, rng: np.random.Generator | None = None) -> str:
    """What a place is called: by a random name, or without `rng` by its first."""
    row, column = place_names(world)[number]
    if row == column:
        return word("centre", row, rng)
    row = word("centre" if row == "centre" else "row", row, rng)
    return f"{row} {word('centre' if column == 'centre' else 'column', column, rng)}"


def word(field: str, meaning: str, rng: np.random.Generator | None = None) -> str:
    """A random word for a meaning, or without `rng` its first."""
    words = WORDS[field][meaning]
    return words[rng.integers(len(words)) if rng else 0]
