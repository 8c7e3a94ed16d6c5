"""Keys of the classifier, which tells from a picture the words of its caption, and their checks.

Its features stand where Inception's would: for pictures that Inception never saw the like of.
"""

import dataclasses

from configs import defaults as loop
from configs.keys import Key, at_least, build, whole_numbers

RULES = (
    (r"classifier/conv_\d+/kernel", (None, None, None, "fsdp")),
    (r"classifier/(features|words)/kernel", (None, "fsdp")),
    *loop.RULES,
)

KEYS = loop.KEYS | {
    "mesh.rules": dataclasses.replace(loop.KEYS["mesh.rules"], default=RULES),
    "model.vocabulary_size": Key(256, "words that it tells apart", at_least(2)),
    "model.channels": Key(
        (32, 64, 128), "channels of each level; each halves the sides", whole_numbers(1)
    ),
    "model.width": Key(64, "features of a picture", at_least(1)),
}


def defaults():
    """Every key of this recipe at its default, locked."""
    c = build(KEYS)
    c.recipe = "classifier"
    return c


def has_pairs(c):
    if not (c.data.rows.draw or c.data.rows.caption):
        return "data.rows.draw and data.rows.caption are 0, so no picture has words; give rows."


CHECKS = loop.CHECKS + (has_pairs,)
NEEDS = loop.NEEDS
