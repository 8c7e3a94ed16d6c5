"""ITIT's keys (arXiv 2310.03734; papers.md 1) on top of the loop's, and their checks."""

import dataclasses

from configs import defaults as loop
from configs import vq
from configs.keys import Key, at_least, below_one, between, one_of
from configs.spec import Other, Spec

RULES = (
    (r".*/(text_projection|prefix_projection|image_in|mlm_dense)/kernel", ("fsdp", None)),
    # Small, and replicated on purpose.
    (r".*/(mlm_bias|word_bias)", ()),
    (r".*/(rows|columns|text_positions|word_positions|empty_text|mask_vector)", ()),
)

KEYS = loop.keys(*RULES, *vq.RULES) | {
    "tokenizer.workdir": Key(
        "", "workdir of the finished vq run that makes the image tokens", place="path", bucket=True
    ),
    "tokenizer.weights": Key(
        "", "published weights of the tokenizer, instead of a workdir", place="path", bucket=True
    ),
    "tokenizer.config": Key(
        "", "config file with its sizes, where there is no workdir", place="path"
    ),
    "text_encoder.layers": Key(12, "blocks of the T5 encoder", at_least(1)),
    "text_encoder.width": Key(768, "width of its features", at_least(1)),
    "text_encoder.mlp_width": Key(2048, "width inside its gated MLP", at_least(1)),
    "text_encoder.heads": Key(12, "attention heads", at_least(1)),
    "text_encoder.head_width": Key(64, "width of a head", at_least(1)),
    "text_encoder.weights": Key(
        "", "T5 1.1 weights, or the workdir of a run, to start from", place="path", bucket=True
    ),
    "text_encoder.trainable": Key(False, "whether it gets updates"),
    "model.width": Key(768, "width of joint encoder and image decoder", at_least(1)),
    "model.depth": Key(12, "blocks of the joint encoder", at_least(1)),
    "model.heads": Key(12, "attention heads of encoder and image decoder", at_least(1)),
    "model.mlp_width": Key(3072, "width inside their MLPs", at_least(1)),
    "model.image_decoder.depth": Key(8, "blocks of the image decoder", at_least(1)),
    "model.text_decoder.depth": Key(6, "blocks of the text decoder", at_least(1)),
    "model.text_decoder.width": Key(768, "width of the text decoder", at_least(1)),
    "model.text_decoder.heads": Key(12, "its attention heads", at_least(1)),
    "model.text_decoder.mlp_width": Key(3072, "width inside its MLPs", at_least(1)),
    "model.vocabulary_size": Key(32128, "words of text encoder and text decoder", at_least(3)),
    "model.dropout": Key(0.0, "dropout of the residual branches", below_one()),
    "model.scan": Key(True, "one compiled block for a whole stack; false = unrolled"),
    "masks.draw_min": Key(0.5, "smallest masked share when drawing", below_one()),
    "masks.caption_drop": Key(0.5, "share of image tokens dropped in captioning", below_one()),
    "loss.draw": Key(1.0, "weight of text to image on pairs", at_least(0)),
    "loss.caption": Key(1.0, "weight of image to text on pairs", at_least(0)),
    "loss.t2i2t": Key(1.0, "weight of the cycle that starts at lone texts", at_least(0)),
    "loss.i2t2i": Key(1.0, "weight of the cycle that starts at lone images", at_least(0)),
    "loss.smoothing": Key(0.1, "label smoothing of image tokens", below_one()),
    "loss.text_smoothing": Key(0.0, "label smoothing of words", below_one()),
    "loss.condition_drop": Key(0.1, "share of pairs drawn without their text", below_one()),
    "cycle.mode": Key(
        "full", "half = no gradient through the middle", one_of("none", "half", "full")
    ),
    "cycle.t2i2t_start": Key(0, "step at which the cycle of texts begins", at_least(0)),
    "cycle.i2t2i_start": Key(0, "step at which the cycle of images begins", at_least(0)),
    "cycle.ramp": Key(0, "steps from its start to its full weight", at_least(0)),
    "cycle.generator": Key("params", "who makes the middle", one_of("params", "ema")),
    "cycle.top_p": Key(
        0.0, "nucleus of the image cycle's sampled captions; 0: greedy, the paper's", below_one()
    ),
    "cycle.rounds": Key(8, "rounds of drawing inside training", at_least(1)),
    "cycle.temperature": Key(1.0, "choice temperature inside training", at_least(0)),
    "decode.rounds": Key(24, "rounds of drawing", at_least(1), resumable=True),
    "decode.temperature": Key(4.5, "choice temperature", at_least(0), resumable=True),
    "decode.guidance": Key(0.0, "classifier-free guidance; 0 = off", at_least(0), resumable=True),
    "decode.text": Key(
        "greedy", "how captions are decoded", one_of("greedy", "top_p", "beam"), resumable=True
    ),
    "decode.beam": Key(4, "captions kept by the beam", at_least(1), resumable=True),
    "decode.top_p": Key(0.9, "probability mass of top_p", between(1e-6, 1), resumable=True),
}

# What shapes no parameter may change on the way.
KEYS |= {
    name: dataclasses.replace(key, changeable=True)
    for name, key in KEYS.items()
    if name.startswith(("masks.", "loss.", "cycle.")) or name == "model.dropout"
}

# Term: the stream it reads.
TERMS = {"draw": "draw", "caption": "caption", "t2i2t": "texts", "i2t2i": "images"}
CYCLES = ("t2i2t", "i2t2i")


def objectives(c):
    """Names of the terms that have a weight."""
    names = [name for name in TERMS if c.loss[name] > 0]
    return [name for name in names if c.cycle.mode != "none" or name not in CYCLES]


def there_is_an_objective(c):
    if not objectives(c):
        return "loss.draw, loss.caption and the cycles are all off; give one of them a weight."


def objectives_have_rows(c):
    for name in objectives(c):
        if c.data.rows[TERMS[name]] == 0:
            return (
                f"loss.{name} is {c.loss[name]} but data.rows.{TERMS[name]} is 0; "
                f"give it rows or set loss.{name}=0."
            )


def cycles_begin_within_the_run(c):
    for name in CYCLES:
        start = c.cycle[f"{name}_start"]
        if name in objectives(c) and start >= c.train.steps:
            return (
                f"cycle.{name}_start is {start} but train.steps is {c.train.steps}; "
                f"start earlier or set loss.{name}=0."
            )


def generator_exists(c):
    if c.cycle.generator == "ema" and c.optimizer.ema_decay == 0:
        return "cycle.generator is ema but optimizer.ema_decay is 0; set the decay, e.g. 0.999."


def has_tokenizer(c):
    if c.tokenizer.workdir:
        return None  # a run, see SPEC
    if c.tokenizer.weights:
        return loop.path_fault("tokenizer.weights", c.tokenizer.weights)
    return (
        "tokenizer.workdir is empty; train a tokenizer (configs/vq_tiny.py) and give "
        "--config.tokenizer.workdir=ITS_WORKDIR."
    )


def tokenizer_divides_the_image(c, tokenizer):
    factor = vq.factor(tokenizer.model)
    if c.data.image_size % factor:
        return (
            f"data.image_size is {c.data.image_size}, which the factor {factor} of the tokenizer "
            f"in {c.tokenizer.workdir} does not divide; choose a multiple of {factor}."
        )


def text_encoder_has_weights(c):
    if c.text_encoder.weights:
        return loop.path_fault("text_encoder.weights", c.text_encoder.weights)
    if not c.text_encoder.trainable:
        return (
            "text_encoder.weights is empty and text_encoder.trainable is false; give "
            "--config.text_encoder.weights=PATH, or train it from scratch."
        )


SPEC = Spec(
    name="itit",
    keys=KEYS,
    checks=(
        *loop.CHECKS,
        there_is_an_objective,
        objectives_have_rows,
        loop.heads_divide_widths("model", "model.text_decoder"),
        cycles_begin_within_the_run,
        generator_exists,
    ),
    needs=(*loop.NEEDS, has_tokenizer, text_encoder_has_weights),
    paper="ITIT (*Leveraging Unpaired Data for Vision-Language Generative Models via Cycle "
    "Consistency*, arXiv 2310.03734)",
    runs={"tokenizer.workdir": Other("vq", tokenizer_divides_the_image)},
)
defaults = SPEC.defaults
