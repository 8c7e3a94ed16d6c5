"""Keys of C3 (Connect, Collapse, Corrupt; papers.md 2.2) on top of the loop's, and their checks.

The streams say what is trained: `texts` the captioner, `images` the drawer, and the pairs of
`caption` fine-tune the captioner. The paper's four methods are two keys:

    C1      condition.collapse=false, condition.corrupt=none
    C2_1    condition.collapse=true,  condition.corrupt=none
    C2_2    condition.collapse=false, condition.corrupt=gaussian
    C3      condition.collapse=true,  condition.corrupt=gaussian
"""

from configs import defaults as loop
from configs import itit, towers, vq
from configs.keys import Key, at_least, below_one, between, one_of
from configs.spec import Other, Spec

RULES = (*itit.RULES, *towers.RULES, *vq.RULES, (r"means/.*", ()))

KEYS = loop.keys(*RULES) | {
    "tower.workdir": Key(
        "", "workdir of the finished towers run whose space is used", place="path", bucket=True
    ),
    "tower.weights": Key(
        "", "published CLIP or SigLIP, or an export of such a run, instead of it", place="path"
    ),
    "decoder.weights": Key("", "GPT-2's weights, from which the captioner starts", place="path"),
    "tower.config": Key("", "config file with its sizes, to plan without a run", place="path"),
    "tokenizer.workdir": Key(
        "", "workdir of the finished vq run, which the drawer needs", place="path", bucket=True
    ),
    "tokenizer.weights": Key(
        "", "published weights of the tokenizer, instead of a workdir", place="path"
    ),
    "tokenizer.config": Key(
        "", "config file with its sizes, where there is no workdir", place="path"
    ),
    "condition.collapse": Key(True, "subtract the mean of each modality"),
    "condition.corrupt": Key(
        "gaussian", "noise in training", one_of("gaussian", "lafite", "none")
    ),
    # sigma^2 d of the paper: 0.016 a coordinate, of 512.
    "condition.energy": Key(8.192, "what gaussian noise adds to a squared length", at_least(0)),
    "condition.share": Key(0.75, "xi, the share of lafite's noise", between(0, 1)),
    "model.vocabulary_size": Key(32128, "words of the captioner", at_least(3)),
    "model.scan": Key(True, "one compiled block for a whole stack; false = unrolled"),
    "model.dropout": Key(0.0, "dropout of the residual branches", below_one()),
    # GPT-2 small behind ten vectors, as in the paper.
    "model.captioner.prefix": Key(10, "vectors that stand for the picture", at_least(1)),
    "model.captioner.width": Key(768, "width of the captioner", at_least(1)),
    "model.captioner.depth": Key(12, "its blocks", at_least(1)),
    "model.captioner.heads": Key(12, "its attention heads", at_least(1)),
    "model.captioner.mlp_width": Key(3072, "width inside its MLPs", at_least(1)),
    # ITIT's masked image model; it stands where the paper has the GAN of LAFITE.
    "model.drawer.width": Key(768, "width of the drawer", at_least(1)),
    "model.drawer.depth": Key(12, "blocks of its encoder", at_least(1)),
    "model.drawer.image_depth": Key(8, "blocks of its decoder", at_least(1)),
    "model.drawer.heads": Key(12, "its attention heads", at_least(1)),
    "model.drawer.mlp_width": Key(3072, "width inside its MLPs", at_least(1)),
    "masks.draw_min": itit.KEYS["masks.draw_min"],
    "loss.caption": Key(1.0, "weight of texts said from their own vectors", at_least(0)),
    "loss.draw": Key(1.0, "weight of pictures drawn from their own vectors", at_least(0)),
    "loss.pairs": Key(1.0, "weight of texts said from their pictures' vectors", at_least(0)),
    "loss.smoothing": itit.KEYS["loss.smoothing"],
    "loss.text_smoothing": itit.KEYS["loss.text_smoothing"],
    "loss.condition_drop": Key(0.1, "share of pictures drawn without a vector", below_one()),
} | {name: key for name, key in itit.KEYS.items() if name.startswith("decode.")}

# Term: the stream it reads.
TERMS = {"caption": "texts", "draw": "images", "pairs": "caption"}


def objectives(c):
    """Names of the terms that have rows and a weight."""
    return [name for name, stream in TERMS.items() if c.data.rows[stream] and c.loss[name] > 0]


def has_captioner(c):
    """Whether this run trains one."""
    return "caption" in objectives(c) or "pairs" in objectives(c)


def has_drawer(c):
    """Whether this run trains one."""
    return "draw" in objectives(c)


def there_is_an_objective(c):
    if not objectives(c):
        return (
            "nothing is trained; give data.rows.texts (captioner) or data.rows.images (drawer) "
            "rows, and loss.caption or loss.draw a weight."
        )


def pairs_are_captioned(c):
    if c.data.rows.draw:
        return (
            f"data.rows.draw is {c.data.rows.draw}, and C3 draws from lone pictures; set "
            "data.rows.draw=0 and give data.rows.images."
        )


def pictures_are_pixels(c):
    if c.data.tokens:
        return "data.tokens is given, but the tower reads pixels; take data.tokens out."


def has_tower(c):
    if not (c.tower.workdir or c.tower.weights):
        return (
            "tower.workdir is empty; train the two towers (configs/towers_tiny.py) and give "
            "--config.tower.workdir=ITS_WORKDIR, or published ones, --config.tower.weights=FOLDER."
        )


def drawer_has_tokenizer(c):
    return itit.has_tokenizer(c) if has_drawer(c) else None


def tower_reads_this_data(c, tower):
    for key, name in (("image_size", "pixels a side"), ("text_length", "ids of a text")):
        if c.data[key] != tower.data[key]:
            return (
                f"data.{key} is {c.data[key]}, but the tower in {c.tower.workdir} reads "
                f"{tower.data[key]} {name}; set --config.data.{key}={tower.data[key]}."
            )
    if c.model.vocabulary_size != tower.model.vocabulary_size:
        size = tower.model.vocabulary_size
        return (
            f"model.vocabulary_size is {c.model.vocabulary_size}, but the tower in "
            f"{c.tower.workdir} knows {size} words; set --config.model.vocabulary_size={size}."
        )


SPEC = Spec(
    name="c3",
    keys=KEYS,
    checks=(
        *loop.CHECKS,
        there_is_an_objective,
        pairs_are_captioned,
        loop.heads_divide_widths("model.captioner", "model.drawer"),
        pictures_are_pixels,
    ),
    needs=(*loop.NEEDS, has_tower, drawer_has_tokenizer),
    runs={
        "tower.workdir": Other("towers", tower_reads_this_data),
        "tokenizer.workdir": Other("vq", itit.tokenizer_divides_the_image),
    },
    paper="C3 (*Connect, Collapse, Corrupt: Learning Cross-Modal Tasks with Uni-Modal Data*, "
    "ICLR 2024)",
)
defaults = SPEC.defaults
