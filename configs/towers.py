"""Keys of the two towers, which put pictures and texts into one space (papers.md 2.4), and their
checks.

The stream `caption` of this recipe holds the pairs: every text is contrasted with every picture of
its global step.
"""

from configs import defaults as loop
from configs.keys import Key, at_least, between, one_of
from configs.spec import Spec

RULES = (
    (r".*/patches/kernel", (None, None, None, "fsdp")),
    (r".*/projection/kernel", ("fsdp", None)),
    # Small, and replicated on purpose.
    (r".*/(positions|probe)", ()),
)

KEYS = loop.keys(*RULES) | {
    "model.family": Key(
        "siglip", "whose layout the towers have, and who can open them", one_of("siglip", "clip")
    ),
    "model.features": Key(768, "width of the space; SigLIP's: that of its pictures", at_least(2)),
    "model.vocabulary_size": Key(32128, "words that the text tower knows", at_least(3)),
    "model.image.patch": Key(16, "pixels a side of a patch", at_least(1)),
    "model.image.width": Key(768, "width of the image tower", at_least(1)),
    "model.image.depth": Key(12, "its blocks", at_least(1)),
    "model.image.heads": Key(12, "its attention heads", at_least(1)),
    "model.image.mlp_width": Key(3072, "width inside its MLPs", at_least(1)),
    "model.text.width": Key(768, "width of the text tower", at_least(1)),
    "model.text.depth": Key(12, "its blocks", at_least(1)),
    "model.text.heads": Key(12, "its attention heads", at_least(1)),
    "model.text.mlp_width": Key(3072, "width inside its MLPs", at_least(1)),
    "model.scan": Key(True, "one compiled block for a whole stack; false = unrolled"),
    "loss.contrast": Key(
        "sigmoid", "SigLIP's sigmoid of every pair, or CLIP's InfoNCE", one_of("sigmoid", "infonce")
    ),
    "loss.temperature": Key(
        0.0, "what cosines are divided by, held; 0: learned", between(0, 100)
    ),
    # A batch hardly ever holds the same words about another picture (NegCLIP, arXiv 2210.01936).
    "loss.exchanged": Key(
        0.0, "weight of telling each text from itself with two words exchanged", at_least(0)
    ),
}


def all_rows_are_contrasted(c):
    if c.train.accumulate > 1:
        return (
            f"train.accumulate is {c.train.accumulate}, but towers contrast all rows of a step "
            "with each other; set train.accumulate=1, and mesh.remat=full for less memory."
        )


def infonce_can_be_that_sharp(c):
    if c.loss.contrast == "infonce" and 0 < c.loss.temperature < 0.01:
        return (
            f"loss.temperature is {c.loss.temperature}, but InfoNCE's cosines are multiplied 100 "
            "times at most, as CLIP's are; give at least 0.01, or 0 to learn it."
        )


def has_pairs_to_contrast(c):
    if c.data.rows.caption < 2:
        return (
            f"data.rows.caption is {c.data.rows.caption}, and a pair is told from other pairs of "
            "its step; give at least 2 rows."
        )


def patches_divide_the_image(c):
    if c.data.image_size % c.model.image.patch:
        return (
            f"data.image_size is {c.data.image_size}, which model.image.patch = "
            f"{c.model.image.patch} does not divide; choose a multiple of it."
        )


def siglip_has_the_width_of_its_pictures(c):
    if c.model.family == "siglip" and c.model.features != c.model.image.width:
        return (
            f"model.features is {c.model.features}, but SigLIP projects no picture: its space is "
            f"model.image.width = {c.model.image.width} wide; make them equal."
        )


def the_sigmoid_has_its_bias(c):
    if c.model.family == "clip" and c.loss.contrast == "sigmoid":
        return (
            "loss.contrast is sigmoid, and model.family=clip has no bias for it; "
            "set loss.contrast=infonce or model.family=siglip."
        )


SPEC = Spec(
    name="towers",
    keys=KEYS,
    checks=(
        *loop.CHECKS,
        all_rows_are_contrasted,
        has_pairs_to_contrast,
        patches_divide_the_image,
        loop.heads_divide_widths("model.image", "model.text"),
        siglip_has_the_width_of_its_pictures,
        the_sigmoid_has_its_bias,
    ),
    needs=loop.NEEDS,
    begins=(infonce_can_be_that_sharp,),
    paper="two towers and a contrast over all pairs of a step: CLIP (arXiv 2103.00020), SigLIP "
    "(arXiv 2303.15343)",
)
defaults = SPEC.defaults
