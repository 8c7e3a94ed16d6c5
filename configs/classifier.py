"""Keys of the classifier, which tells from a picture the words of its caption, and their checks.

Its features stand where Inception's would: for pictures that Inception never saw the like of.
"""

from configs import defaults as loop
from configs.keys import Key, at_least, whole_numbers
from configs.spec import Spec

RULES = (
    (r"classifier/conv_\d+/kernel", (None, None, None, "fsdp")),
    (r"classifier/(features|words)/kernel", (None, "fsdp")),
)

KEYS = loop.keys(*RULES) | {
    "model.vocabulary_size": Key(256, "words that it tells apart", at_least(2)),
    "model.channels": Key(
        (32, 64, 128), "channels of each level; each halves the sides", whole_numbers(1)
    ),
    "model.width": Key(64, "features of a picture", at_least(1)),
}


def has_pairs(c):
    if not (c.data.rows.draw or c.data.rows.caption):
        return "data.rows.draw and data.rows.caption are 0, so no picture has words; give rows."


SPEC = Spec("classifier", KEYS, (*loop.CHECKS, has_pairs), loop.NEEDS)
defaults = SPEC.defaults
