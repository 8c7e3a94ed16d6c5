"""ERNIE-ViLG's keys (arXiv 2112.15283; papers.md 3) on top of the loop's, and their checks."""

import dataclasses

from configs import defaults as loop
from configs import itit, vq
from configs.keys import Key, at_least, below_one, between, one_of
from configs.spec import Other, Spec

RULES = (
    *itit.RULES,
    (r"model/(segments|begins)", ()),
    (r"model/latent_(up|out)/kernel", ("fsdp", None)),
    *vq.RULES,
    (r"reconstructor/.*kernel", (None, None, None, "fsdp")),
)

TOKENIZER = {name: key for name, key in itit.KEYS.items() if name.startswith("tokenizer.")}
KEYS = loop.keys(*RULES) | TOKENIZER | {
    # The ablation model of the paper.
    "model.width": Key(1024, "width of the Transformer", at_least(1)),
    "model.depth": Key(24, "its blocks", at_least(1)),
    "model.heads": Key(16, "its attention heads", at_least(1)),
    "model.mlp_width": Key(4096, "width inside its MLPs", at_least(1)),
    "model.vocabulary_size": Key(32128, "words that it reads and says", at_least(3)),
    "model.dropout": Key(0.0, "dropout of the residual branches", below_one(), changeable=True),
    "model.attention": Key(
        "dense", "sparse: along rows, columns, and last what is near", one_of("dense", "sparse")
    ),
    "model.kernel": Key(11, "tokens a side that the last sparse layer sees, odd", at_least(1)),
    # Who makes pixels of what is drawn, and what their error teaches: nobody; the Transformer,
    # through the tokenizer's decoder as it is; or both of them.
    "model.reconstructor": Key(
        "two_stage",
        "what the error of pixels trains: two_stage: nothing; generator: the Transformer; or both",
        one_of("two_stage", "generator", "both"),
    ),
    "model.scan": Key(True, "one compiled block for a whole stack; false = unrolled"),
    "loss.draw": Key(1.0, "weight of text to image", at_least(0), changeable=True),
    "loss.caption": Key(1.0, "weight of image to text", at_least(0), changeable=True),
    "loss.answer": Key(1.0, "weight of answers to questions", at_least(0), changeable=True),
    "loss.reconstruct": Key(1.0, "weight of the error of pixels", at_least(0), changeable=True),
    # A critic of the reconstructed pixels; with it the paper's training was not stable.
    "loss.adversarial": Key(0.0, "weight of a critic's verdict on them", at_least(0)),
    "loss.perceptual": Key(0.0, "weight of the error in that critic's features", at_least(0)),
    "loss.adversarial_start": Key(0, "step at which the critic begins", at_least(0)),
    "loss.over_tokens": Key(
        "sum",
        "of tokens and pixels of an example: sum, as printed in the paper, or mean",
        one_of("sum", "mean"),
    ),
    "decode.temperature": Key(
        1.0, "of drawn tokens; 0 = the likeliest", at_least(0), resumable=True
    ),
    "decode.top_k": Key(
        0, "likeliest tokens that are drawn from; 0 = all", at_least(0), resumable=True
    ),
    "decode.image_top_p": Key(
        1.0, "probability mass of tokens that are drawn from", between(1e-6, 1), resumable=True
    ),
    "decode.text": itit.KEYS["decode.text"],
    "decode.beam": itit.KEYS["decode.beam"],
    "decode.top_p": dataclasses.replace(
        itit.KEYS["decode.top_p"], help="probability mass of decode.text=top_p"
    ),
}  # fmt: skip

# Term: the stream it reads.
TERMS = {"draw": "draw", "caption": "caption", "answer": "questions"}


def objectives(c):
    """Names of the terms that have rows and a weight."""
    return [name for name, stream in TERMS.items() if c.data.rows[stream] and c.loss[name] > 0]


def there_is_an_objective(c):
    if not objectives(c):
        return (
            "nothing is trained; give data.rows.draw, data.rows.caption or data.rows.questions "
            "rows, and loss.draw, loss.caption or loss.answer a weight."
        )


def pairs_alone_are_read(c):
    for name in ("images", "texts"):
        if rows := c.data.rows[name]:
            return (
                f"data.rows.{name} is {rows}, and ERNIE-ViLG learns from pairs alone; set "
                f"data.rows.{name}=0."
            )


def answers_have_places(c):
    if c.data.rows.questions and c.data.answer_length > c.data.text_length:
        return (
            f"data.answer_length is {c.data.answer_length}, and there are places for "
            f"data.text_length = {c.data.text_length} words; set one to the other."
        )


def reconstructor_is_taught_by_pixels(c):
    if c.model.reconstructor == "two_stage":
        if c.loss.adversarial or c.loss.perceptual:
            return (
                "loss.adversarial and loss.perceptual judge pixels, and model.reconstructor is "
                "two_stage, which makes none in training; set both to 0, or another reconstructor."
            )
        return None
    if c.data.tokens:
        return (
            f"model.reconstructor is {c.model.reconstructor}, which learns from pixels; take "
            "data.tokens out."
        )
    if "draw" not in objectives(c) or not c.loss.reconstruct:
        return (
            f"model.reconstructor is {c.model.reconstructor}, but nothing is drawn in training; "
            "give data.rows.draw rows, and loss.draw and loss.reconstruct a weight, or set "
            "model.reconstructor=two_stage."
        )


def kernel_has_a_middle(c):
    if c.model.kernel % 2 == 0:
        return (
            f"model.kernel is {c.model.kernel}, and a token stands in the middle of what it sees; "
            "give an odd number."
        )


SPEC = Spec(
    name="ernie_vilg",
    keys=KEYS,
    checks=(
        *loop.CHECKS,
        there_is_an_objective,
        pairs_alone_are_read,
        answers_have_places,
        kernel_has_a_middle,
        reconstructor_is_taught_by_pixels,
        vq.critic_begins,
        loop.heads_divide_widths("model"),
    ),
    needs=(*loop.NEEDS, itit.has_tokenizer),
    paper="ERNIE-ViLG (*Unified Generative Pre-training for Bidirectional Vision-Language "
    "Generation*, arXiv 2112.15283)",
    runs={"tokenizer.workdir": Other("vq", itit.tokenizer_divides_the_image)},
)
defaults = SPEC.defaults
