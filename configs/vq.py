"""Keys of the image tokenizer (papers.md 4.2) on top of the loop's, and their checks.

The stream `images` of this recipe holds every image: those of the pairs and the lone ones.
"""

from configs import defaults as loop
from configs.keys import Key, at_least, one_of, whole_numbers
from configs.spec import Spec

# Convolutions: the output channels, but where these are 3 or a code's digits, the input's.
RULES = (
    (r"tokenizer/encoder/(patch_in|patch_out|up_\d+|down_\d+)/kernel", (None, "fsdp")),
    (r".*/(conv_out|quant_conv|score)/kernel", (None, None, "fsdp", None)),
    (r"(tokenizer|discriminator)/.*kernel", (None, None, None, "fsdp")),
)

KEYS = loop.keys(*RULES) | {
    "model.layout": Key(
        "taming",
        "whose weights fit: taming's; amused: the same on pixels in [0, 1]; or maskgit's",
        one_of("taming", "amused", "maskgit"),
    ),
    "model.base_channels": Key(128, "channels of the first level", at_least(1)),
    "model.channel_multipliers": Key(
        (1, 1, 2, 2, 4), "channels of each level over the base; each halves", whole_numbers(1)
    ),
    "model.res_blocks": Key(2, "residual blocks of a level", at_least(1)),
    "model.attention_resolutions": Key(
        (16,), "feature map sides with attention", whole_numbers(1, empty=True)
    ),
    "model.latent_channels": Key(256, "channels between the two halves", at_least(1)),
    "model.encoder": Key(
        "conv", "conv: as published; patch: a token sees its own pixels", one_of("conv", "patch")
    ),
    "model.patch": Key(
        1, "pixels a side folded into channels first; 1 = the published layout", at_least(1)
    ),
    "model.quantizer": Key("vq", "learned codebook or fixed grid", one_of("vq", "fsq")),
    "model.codes": Key(8192, "codes of the codebook (vq)", at_least(2)),
    "model.code_width": Key(256, "channels of a code (vq)", at_least(1)),
    "model.levels": Key((8, 8, 8), "levels of each digit of a code (fsq)", whole_numbers(2)),
    "loss.l1": Key(0.0, "weight of the absolute error", at_least(0)),
    "loss.l2": Key(1.0, "weight of the squared error", at_least(0)),
    "loss.codebook": Key(1.0, "weight that draws codes to latents (vq)", at_least(0)),
    "loss.commitment": Key(0.25, "weight that draws latents to codes (vq)", at_least(0)),
    "loss.revive": Key(1.0, "weight that draws unused codes to random latents (vq)", at_least(0)),
    "loss.perceptual": Key(0.0, "weight of the error in the critic's features", at_least(0)),
    "loss.adversarial": Key(0.0, "weight of the critic's verdict", at_least(0)),
    "loss.adversarial_start": Key(0, "step at which the critic begins", at_least(0)),
}


def factor(model):
    """Pixels a side of one token, of the section `model` of a config of this recipe."""
    return model.patch * 2 ** (len(model.channel_multipliers) - 1)


def has_images(c):
    if c.data.rows.images == 0:
        return "data.rows.images is 0, so the tokenizer sees nothing; give at least 1."


def size_divides(c):
    side = factor(c.model)
    if c.data.image_size % side:
        return (
            f"data.image_size is {c.data.image_size}, which the tokenizer's factor {side} "
            f"(model.patch x 2 per level) does not divide; choose a multiple of {side}."
        )


def critic_begins(c):
    start, steps = c.loss.adversarial_start, c.train.steps
    if c.loss.adversarial and start >= steps:
        return (
            f"loss.adversarial_start is {start} but train.steps is {steps}; "
            "start earlier or set loss.adversarial=0."
        )


def something_is_reconstructed(c):
    if not (c.loss.l1 or c.loss.l2):
        return "loss.l1 and loss.l2 are both 0, so no pixel is learned; give one a weight."


def revival_sees_all_rows(c):
    if c.train.accumulate > 1 and c.model.quantizer == "vq" and c.loss.revive:
        return (
            f"train.accumulate is {c.train.accumulate}, and loss.revive would take codes that "
            "other parts of a step use for unused; set train.accumulate=1 and mesh.remat=full, or "
            "loss.revive=0."
        )


def maskgit_has_what_its_layout_has(c):
    fixed = {"attention_resolutions": (), "encoder": "conv", "patch": 1, "quantizer": "vq"}
    fixed["latent_channels"] = c.model.code_width  # nothing lies between them
    for name, value in fixed.items():
        if c.model.layout == "maskgit" and c.model[name] != value:
            return (
                f"model.layout=maskgit has no other model.{name} than {value!r}, and this config "
                f"says {c.model[name]!r}; set that, or take another layout."
            )


SPEC = Spec(
    name="vq",
    keys=KEYS,
    checks=(
        *loop.CHECKS,
        has_images,
        size_divides,
        critic_begins,
        something_is_reconstructed,
        maskgit_has_what_its_layout_has,
    ),
    needs=loop.NEEDS,
    begins=(revival_sees_all_rows,),
)
defaults = SPEC.defaults
