"""What the cycles cost, part by part: none, half, full, and full as the paper's words say it.

python -m benchmarks.cycle_cost --out=results/cycle_cost.json

Large sizes are counted: matrix products and convolutions of the traced step, without what remat
computes again (--set=mesh.remat=full counts it too). A small one is compiled and run on the device
that is here, the steps in turn, so that other work meets all alike. All steps have equally many
samples; `none` has pairs alone.
"""

import collections
import dataclasses
import json
import math
import shlex
import statistics
import sys
import time

import jax
import jax.numpy as jnp

from benchmarks import traced_flops
from benchmarks.study import commit, machine
from configs.commands import Argument, command
from configs.keys import at_least
from data_pipelines.files import whole
from itit_jax import config as settings
from itit_jax.program import describe
from itit_jax.recipes import base
from itit_jax.recipes.itit import Recipe

SIZES = tuple(f"configs/itit_{size}.py" for size in ("base", "large", "huge"))

ARGUMENTS = {
    "--counted": Argument((), "configs that are counted, often; base, large and huge", form="FILE",
                          many=True),
    "--measured": Argument("configs/itit_tiny.py", "the one that is run", form="FILE"),
    "--times": Argument(15, "timed turns; 0: nothing is run", at_least(0), form="N"),
    "--set": Argument((), "a key of all configs, often", form="KEY=VALUE", many=True),
    "--out": Argument("", "JSON file of it", form="FILE"),
}  # fmt: skip

# Part: whose names, of a forward pass (True), of a backward one (False) or of both (None). The
# first that fits counts.
PARTS = {
    "tokenizer": (("tokenizer",), None),
    "text encoder, forward": (("text_encoder",), True),
    "text encoder, through": (("text_encoder",), False),
    "generation of images": (("t2i2t/generation",), None),
    "generation of texts": (("i2t2i/generation",), None),
    "paired passes": (("(draw)", "(caption)"), None),
    "cycle passes": (("t2i2t/cycle", "i2t2i/cycle"), None),
}
GENERATION = ("generation of images", "generation of texts")


class Naive(Recipe):
    """ITIT whose cycle draws as users are served: in all rounds, each reading every token, and the
    text read anew."""

    def __init__(self, config):
        super().__init__(config)
        self.one_text_encoder = False
        self.generation.draw_in_training = self._draw

    def _draw(self, params, features, valid, key):
        shape, decode = (valid.shape[0], self.tokens), self.config.decode
        nothing = jnp.zeros(shape, jnp.int32), jnp.zeros(shape, bool)
        return self.generation.draw_tokens(
            params, features, valid, key, rounds=decode.rounds,
            temperature=decode.temperature, given=nothing,
        )  # fmt: skip


@command("benchmarks.cycle_cost", "what the cycles cost, part by part", ARGUMENTS)
def main(options):
    """Prints both tables."""
    found = {
        "counted": {path: counted(steps(path, ["mesh.remat=none", *options.set]))
                    for path in options.counted or SIZES},
        "measured": {path: measured(steps(path, options.set), options.times)
                     for path in [options.measured] if options.times},
        "device": machine(),
        "command": shlex.join(["python", "-m", "benchmarks.cycle_cost", *sys.argv[1:]]),
        "commit": commit(),
    }  # fmt: skip
    print(text := json.dumps(found, indent=1))
    if options.out:
        with whole(options.out, "w") as file:
            file.write(text + "\n")


def steps(path, overrides=()):
    """{name: recipe} of the four steps, cycles begun, equally many samples in each."""
    begun = ["cycle.t2i2t_start=0", "cycle.i2t2i_start=0", "cycle.ramp=0", "mesh.fsdp=1",
             *overrides]  # fmt: skip
    load = lambda *more: settings.load(path, overrides=[*begun, *more])
    rows = sum(load().data.rows.values())
    pairs = ["cycle.mode=none", f"data.rows.draw={rows // 2}", f"data.rows.caption={rows // 2}",
             "data.rows.images=0", "data.rows.texts=0"]  # fmt: skip
    configs = {"none": load(*pairs), "half": load("cycle.mode=half"), "full": load()}
    return {name: base.find(one) for name, one in configs.items()} | {"naive": Naive(load())}


# ---- counted -------------------------------------------------------------------------------------


def counted(recipes):
    """{step: FLOPs by part, their sum, the same over `none`'s, share of generation}."""
    tables = {name: parts(recipe) for name, recipe in recipes.items()}
    pairs = sum(tables["none"].values())
    return {
        name: {
            "flops": table,
            "total": sum(table.values()),
            "over_none": round(sum(table.values()) / pairs, 3),
            "generation": round(sum(table[part] for part in GENERATION) / sum(table.values()), 3),
        }
        for name, table in tables.items()
    }


def parts(recipe):
    """FLOPs of one step by part, from its traced gradient."""
    trained, frozen = split(recipe, jax.eval_shape(recipe.init, jax.random.key(0)))
    scopes = traced_flops.by_scope(
        jax.grad(loss(recipe)), trained, frozen, recipe.batch_spec, trips=recipe.model.text_length
    )
    table = collections.Counter({name: 0 for name in PARTS})
    for names, flops in scopes.items():
        table[part_of(names)] += flops
    return dict(table)


def part_of(names):
    """The part that an operation of these scopes belongs to."""
    forward = "transpose(" not in names
    for part, (scopes, wanted) in PARTS.items():
        if any(scope in names for scope in scopes) and wanted in (None, forward):
            return part
    raise ValueError(f"{names} belong to no part")


def loss(recipe):
    """(trained, frozen, batch) -> [] of a step in which all cycles have begun."""
    key = jax.random.key(0)
    return lambda trained, frozen, batch: recipe.loss(
        trained | frozen, batch, key, 0, trained | frozen
    )[0]


def split(recipe, params):
    """-> (trained parts, frozen ones)."""
    trained = {part: params[part] for part in recipe.trainable}
    return trained, {part: params[part] for part in params.keys() - trained.keys()}


# ---- measured ------------------------------------------------------------------------------------


def measured(recipes, times):
    """Whole steps, optimizer included, and the parts of `full` alone."""
    calls = {name: whole_step(recipe) for name, recipe in recipes.items()}
    calls |= parts_alone(recipes["full"])
    spent = {name: [] for name in calls}
    for turn in range(times + 1):  # the first one warms up
        for name, (_, call) in calls.items():
            began = time.perf_counter(), time.process_time()
            jax.block_until_ready(call())
            used = time.perf_counter() - began[0], time.process_time() - began[1]
            spent[name] += [used] if turn else []
    found = {name: told(compiled, spent[name]) for name, (compiled, _) in calls.items()}
    none = found["none"]
    return {
        name: row | {f"{what}_over_none": round(row[what] / none[what], 3) for what in row}
        if name in recipes else row
        for name, row in found.items()
    }  # fmt: skip


def whole_step(recipe):
    """-> (the compiled step that trains, a call of it)."""
    program = dataclasses.replace(describe(recipe.config), recipe=recipe)
    compiled, state = program.lower().compile(), program.init(0)
    _, frozen = split(recipe, jax.jit(recipe.init)(jax.random.key(0)))
    batch, kept = rows_of(program.batch), [state]

    def call():
        kept[0], metrics = compiled(kept[0], frozen, batch)
        return metrics

    return compiled, call


def parts_alone(recipe):
    """{part: (compiled, call)}; what a gradient of the part takes, where it has one."""
    params = jax.jit(recipe.init)(jax.random.key(0))
    trained, frozen = split(recipe, params)
    batch, key, make = rows_of(recipe.batch_spec), jax.random.key(0), recipe.generation
    text, images = batch["texts"]["text"], batch["images"]
    told, ids = recipe.text_features(params, text), recipe.image_ids(params, images)
    gradient = lambda term: jax.grad(lambda p, *rest: term(p | frozen, *rest))
    pairs = lambda p, rows: (recipe.draw_loss(p, rows["draw"], key)
                             + recipe.caption_loss(p, rows["caption"], key))  # fmt: skip
    functions = {
        "tokenizer": (recipe.image_ids, params, images),
        "text encoder, forward": (recipe.text_features, params, text),
        "generation of images": (make.draw_in_training, params, *told, key),
        "generation of texts": (make.caption_in_training, params, ids, key),
        "paired passes": (gradient(pairs), trained, batch),
        "t2i2t with its generation": (
            gradient(recipe.t2i2t_loss), trained, params, batch["texts"], key
        ),
        "i2t2i with its generation": (gradient(recipe.i2t2i_loss), trained, params, images, key),
    }  # fmt: skip
    compiled = {name: (jax.jit(f).lower(*rest).compile(), rest)
                for name, (f, *rest) in functions.items()}  # fmt: skip
    return {name: (run, lambda run=run, rest=rest: run(*rest))
            for name, (run, rest) in compiled.items()}  # fmt: skip


def rows_of(spec):
    """Rows of the shapes of a batch: grey pictures, texts of half the length."""

    def fill(x):
        if x.dtype == jnp.uint8:
            return jnp.full(x.shape, 128, x.dtype)
        words, end = jnp.arange(x.shape[1]), x.shape[1] // 2
        return jnp.broadcast_to(jnp.where(words < end, 5, words == end), x.shape).astype(x.dtype)

    return jax.tree.map(fill, spec)


def told(compiled, spent):
    """{"seconds", "core_seconds", "compiled_flops", "temporary_bytes"} of one call. The compiler
    counts the body of a loop once."""
    wall, core = (statistics.median(column) for column in zip(*spent))
    flops = compiled.cost_analysis().get("flops", math.nan)
    memory = compiled.memory_analysis().temp_size_in_bytes
    return {"seconds": round(wall, 5), "core_seconds": round(core, 5),
            "compiled_flops": flops, "temporary_bytes": memory}  # fmt: skip


if __name__ == "__main__":
    sys.exit(main())
