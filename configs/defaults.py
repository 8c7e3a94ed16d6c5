"""The keys of the loop, which every recipe shares, and the checks that need several of them.

A recipe's file (itit.py, vq.py) adds its own to them, see spec.py.
"""

import dataclasses
import functools
import os

from configs.keys import (
    Check,
    Key,
    at_least,
    axis_size,
    below_one,
    between,
    one_of,
    positive,
    sharding_rules,
    words,
)

FEATURES = ("inception", "inception-tf1", "scenes", "tower")  # KIND of evaluate.features
WEIGHTS = Check(
    lambda values: all(type(v) in (int, float) and 0 < v < float("inf") for v in values),
    "numbers above 0 with commas between",
)
SHARE = Check(lambda value: 0 < value <= 1, "above 0 and at most 1")
STEPS = between(1, 2**31 - 1)  # the step counter is int32

# Places of the parameters of Transformer blocks and tables, which all recipes have. First match
# wins; axes speak of one layer, a scanned stack has its layer axis in front.
BLOCKS = (
    (r".*/(query|key|value|up|wi_0|wi_1)/kernel", ("fsdp", "tensor")),
    (r".*/(out|down|wo)/kernel", ("tensor", "fsdp")),
    (r".*/(embedding|token_embedding|word_embedding)", ("tensor", "fsdp")),
)
SMALL = ((r".*/(bias|scale|projection|relative_bias)", ()),)  # replicated on purpose


def whole_over_fsdp(part):
    """Rules that keep the blocks of a part on every device of mesh.fsdp: never gathered, and of
    more memory. They go in front of the others."""
    apart = lambda axis: None if axis == "fsdp" else axis
    return tuple((f"{part}{path}", tuple(map(apart, axes))) for path, axes in BLOCKS)


def keys(*rules):
    """The loop's keys, where a recipe adds its own sharding rules to those of all."""
    default = (*BLOCKS, *rules, *SMALL)
    return KEYS | {"mesh.rules": dataclasses.replace(KEYS["mesh.rules"], default=default)}


KEYS = {
    "recipe": Key("", "which paper: a file of itit_jax/recipes"),
    "seed": Key(0, "seed of parameters, data order and everything drawn", between(0, 2**31 - 1)),
    # More steps may be asked of a run; its cosine is then stretched from there on.
    "train.steps": Key(1000, "optimizer steps of the whole run", STEPS, resumable=True),
    "train.accumulate": Key(
        1,
        "parts that the rows of a step are taken in, one after the other, for less memory; a mean "
        "over words is then one over those of a part",
        at_least(1),
        changeable=True,
    ),
    "model.start_from": Key(
        "", "run or export to start from; empty = fresh parameters", place="path", bucket=True
    ),
    "data.path": Key(
        "", "folder of the data set, made by data_pipelines.build", place="path", bucket=True
    ),
    "data.cache": Key(
        "~/.cache/itit_jax/shards", "where shards of a bucket are kept here", place="path"
    ),
    "data.cache_gigabytes": Key(100.0, "most that they may take", positive(), resumable=True),
    # Both engines yield the same bytes.
    "data.engine": Key(
        "grain", "who reads and prefetches", one_of("grain", "seqio"), resumable=True
    ),
    "data.vocabulary": Key(
        "",
        "SentencePiece file or its folder; empty = that of the data set",
        place="path",
        bucket=True,
    ),
    "data.image_size": Key(256, "pixels a side", at_least(4)),
    "data.text_length": Key(64, "token ids of a text, end included", at_least(2)),
    "data.answer_length": Key(8, "token ids of an answer, end included", at_least(2)),
    "data.pairs": Key(0, "use only the first N pairs; 0 = all", at_least(0), changeable=True),
    "data.lone_images": Key(
        0, "use only the first N lone images; 0 = all", at_least(0), changeable=True
    ),
    "data.lone_texts": Key(
        0, "use only the first N lone texts; 0 = all", at_least(0), changeable=True
    ),
    "data.bad_budget": Key(
        0.001, "share of a split that may be unreadable and is passed over", below_one(), True
    ),
    "data.window": Key(
        0, "shards whose rows are mixed at a time, where a disk is slow; 0 = all", at_least(0)
    ),
    **{
        f"data.mixture.{stream}": Key(
            (), "weights of what its split was merged of; empty: as many rows as there are", WEIGHTS
        )
        for stream in ("draw", "caption", "images", "texts", "questions")
    },
    "data.tokens": Key(
        "", "folder made by --mode=encode; empty = encode pixels in the step", place="path"
    ),
    # Pictures of training rows alone, and of these not those that a question is about.
    "data.augment.crop": Key(
        1.0,
        "share of the area that a random crop keeps at least; 1 = no crop",
        SHARE,
        changeable=True,
    ),
    "data.augment.flip": Key(
        False, "mirror one picture in two, but none whose text has sides in it", changeable=True
    ),
    "data.augment.colour": Key(
        0.0,
        "brightness, contrast and saturation times 1 - this to 1 + this",
        between(0, 1),
        changeable=True,
    ),
    "data.augment.sides": Key(
        ("left", "right"), "sides, in the language of the texts; empty = mirror any", words()
    ),
    "data.rows.draw": Key(
        0, "pairs of a global step to draw from text", at_least(0), changeable=True
    ),
    "data.rows.caption": Key(0, "pairs of a global step to caption", at_least(0), changeable=True),
    "data.rows.images": Key(0, "lone images of a global step", at_least(0), changeable=True),
    "data.rows.texts": Key(0, "lone texts of a global step", at_least(0), changeable=True),
    "data.rows.questions": Key(
        0, "pictures of a global step with a question and its answer", at_least(0), changeable=True
    ),
    "optimizer.name": Key("adamw", "optimizer", one_of("adamw", "adafactor", "muon")),
    "optimizer.learning_rate": Key(1e-3, "peak learning rate", positive(), changeable=True),
    "optimizer.schedule": Key(
        "cosine", "after the warm-up", one_of("cosine", "linear", "constant"), changeable=True
    ),
    "optimizer.warmup_steps": Key(100, "steps from 0 to the peak", at_least(0), changeable=True),
    "optimizer.final_fraction": Key(
        0.0, "end of the cosine or the line as share of the peak", between(0, 1), changeable=True
    ),
    "optimizer.b1": Key(0.9, "decay of the first moment", below_one(), changeable=True),
    "optimizer.b2": Key(0.98, "decay of the second moment", below_one(), changeable=True),
    "optimizer.mu_dtype": Key(
        "float32", "type that the first moment is kept in", one_of("float32", "bfloat16")
    ),
    "optimizer.weight_decay": Key(0.0, "decoupled weight decay", at_least(0)),
    "optimizer.clip_norm": Key(
        1.0, "largest global norm of the gradient; 0 = off", at_least(0), changeable=True
    ),
    "optimizer.ema_decay": Key(0.0, "decay of the averaged parameters; 0 = none", below_one()),
    # How work is laid out changes no result beyond rounding, so a run may move to other chips.
    "mesh.data": Key(-1, "replicas of the model", axis_size(), resumable=True),
    "mesh.fsdp": Key(1, "devices that share parameters and batch", axis_size(), resumable=True),
    "mesh.tensor": Key(1, "devices that share each matrix product", axis_size(), resumable=True),
    "mesh.rules": Key(
        (*BLOCKS, *SMALL),
        "ordered (path regex, axes) pairs; the first match places a leaf",
        sharding_rules("fsdp", "tensor"),
        resumable=True,
    ),
    "mesh.remat": Key(
        "none",
        "what a block recomputes in its gradient",
        one_of("none", "full", "dots"),
        resumable=True,
    ),
    "precision.compute": Key(
        "float32", "type of activations; parameters stay float32", one_of("float32", "bfloat16")
    ),
    "evaluate.every": Key(0, "steps between evaluations; 0 = at the end", at_least(0), True),
    "evaluate.examples": Key(200, "records of the split, spread over it", at_least(1), True),
    "evaluate.splits": Key(
        ("test",), "splits that are scored; empty = none", words(), resumable=True
    ),
    "evaluate.scenes": Key("", "scenes preset whose oracle scores; empty = none", resumable=True),
    "evaluate.captions": Key(False, "BLEU, ROUGE-L and CIDEr of captions", resumable=True),
    "evaluate.features": Key(
        "",
        "KIND:PATH by which drawings are measured, e.g. scenes:WORKDIR",
        place="kind:path",
        bucket=True,
    ),
    "evaluate.best_of": Key(
        1, "drawings of each text; above 1 the judge's choice is scored too", at_least(1), True
    ),
    "evaluate.judge": Key(
        "", "run of towers, or published ones, that chooses", place="path", bucket=True
    ),
    "evaluate.cycles": Key(
        False, "what comes back of image > text > image and text > image > text", resumable=True
    ),
    "evaluate.captions_every": Key(0, "steps between these; 0 = as all", at_least(0), True),
    "evaluate.features_every": Key(0, "steps between these; 0 = as all", at_least(0), True),
    "evaluate.scenes_every": Key(0, "steps between these; 0 = as all", at_least(0), True),
    "encode.what": Key("", "what --mode=encode says; empty = the recipe's first", resumable=True),
    "encode.run": Key(
        "", "run whose parts say it; empty = those given here", place="path", bucket=True
    ),
    "save.every": Key(500, "steps between checkpoints", at_least(1), True),
    "save.keep": Key(2, "newest checkpoints that stay", at_least(1), True),
    "sample.every": Key(500, "steps between sample sheets; 0 = at both ends", at_least(0), True),
    "sample.rows": Key(8, "examples on a sample sheet", at_least(1), True),
    "compile_cache": Key(
        "~/.cache/itit_jax/compiled",
        "folder of compiled programs; empty = none",
        place="path",
        bucket=True,
    ),
    "log.seconds": Key(5.0, "seconds between progress lines", at_least(0), True),
}


# ---- checks of several keys ---------------------------------------------------------------------


def warmup_ends_before_the_run(c):
    warmup, steps = c.optimizer.warmup_steps, c.train.steps
    if warmup >= steps:
        return (
            f"optimizer.warmup_steps is {warmup} but train.steps is {steps}; "
            "warm up for fewer steps than the run has."
        )


def one_mesh_axis_is_free(c):
    free = [name for name in ("data", "fsdp", "tensor") if c.mesh[name] == -1]
    if len(free) > 1:
        return f"mesh.{free[0]} and mesh.{free[1]} are both -1; give the size of one of them."


def rows_divide_over_the_mesh(c):
    if c.mesh.data == -1 or c.mesh.fsdp == -1:
        return None
    ways = c.mesh.data * c.mesh.fsdp
    for name, rows in sorted(c.data.rows.items()):
        if rows % ways:
            return (
                f"data.rows.{name} is {rows}, which mesh.data x mesh.fsdp = {c.mesh.data} x "
                f"{c.mesh.fsdp} does not divide; choose a multiple of {ways}."
            )


def rows_divide_into_parts(c):
    for name, rows in sorted(c.data.rows.items()):
        if rows % c.train.accumulate:
            return (
                f"data.rows.{name} is {rows}, which train.accumulate={c.train.accumulate} does not "
                "divide; choose a multiple of it."
            )


def augmented_pictures_are_read(c):
    augment, rows = c.data.augment, c.data.rows
    if augment.crop == 1 and not augment.flip and not augment.colour:
        return None
    if c.data.tokens:
        return (
            "data.augment changes pixels, and data.tokens has pictures that are encoded already; "
            "take data.tokens out, or set data.augment.crop=1, flip=false and colour=0."
        )
    if not (rows.draw or rows.caption or rows.images):
        return (
            "data.augment changes the pictures of data.rows.draw, caption and images, and all of "
            "these are 0; set data.augment.crop=1, flip=false and colour=0."
        )


CHECKS = (
    warmup_ends_before_the_run,
    one_mesh_axis_is_free,
    rows_divide_over_the_mesh,
    rows_divide_into_parts,
    augmented_pictures_are_read,
)


# ---- what a run needs on disk ------------------------------------------------------------------


def path_fault(key, path, holds=""):
    """Sentence if nothing is at `path`, or if that folder lacks the file `holds`.

    Addresses such as gs:// are left to whoever opens them: asking a bucket takes seconds.
    """
    if "://" in path:
        return None
    if not os.path.exists(path):
        return f"{key} is {path}, which does not exist; give --config.{key}=PATH."
    if holds and not os.path.isfile(os.path.join(path, holds)):
        return f"{key} is {path}, which holds no {holds}; give --config.{key}=FOLDER that does."


def has_data(c):
    if not c.data.path:
        return "data.path is empty; give --config.data.path=FOLDER of a data set."
    return path_fault("data.path", c.data.path, "dataset.json")


def heads_divide_widths(*sections):
    """-> the check of networks whose heads share their width evenly."""

    def check(c):
        for name in sections:
            part = functools.reduce(lambda place, key: place[key], name.split("."), c)
            if part.width % part.heads:
                return (
                    f"{name}.width is {part.width}, which {name}.heads = {part.heads} "
                    "does not divide; change one of them."
                )

    return check


def has_vocabulary(c):
    if c.data.vocabulary:
        return path_fault("data.vocabulary", c.data.vocabulary)


def has_tokens(c):
    if c.data.tokens:
        return path_fault("data.tokens", c.data.tokens)


def has_encode_run(c):
    if c.encode.run:
        return path_fault("encode.run", c.encode.run, "config.json")


def has_features(c):
    spec = c.evaluate.features
    kind, _, path = spec.partition(":")
    if not spec:
        return None
    if kind not in FEATURES or not path:
        forms = ", ".join(f"{name}:PATH" for name in FEATURES)
        return f"evaluate.features is {spec}, which names no features; give one of {forms}."
    if c.evaluate.examples < 2:
        return "evaluate.examples is 1, and evaluate.features needs two pictures; give at least 2."
    if "://" not in path and not os.path.exists(path):
        return f"evaluate.features is {spec}, but {path} does not exist; mend the path."


def has_judge(c):
    if c.evaluate.judge:
        return path_fault("evaluate.judge", c.evaluate.judge)
    if c.evaluate.best_of > 1:
        return (
            f"evaluate.best_of is {c.evaluate.best_of}, but nobody chooses among them; give "
            "--config.evaluate.judge=DIR, a run of configs/towers_tiny.py or published weights of "
            "CLIP or SigLIP."
        )


NEEDS = (has_data, has_vocabulary, has_tokens, has_encode_run, has_features, has_judge)
