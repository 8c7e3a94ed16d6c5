"""Where the time of the demo's ITIT run goes: core-milliseconds (user and system) of its parts.

python -m benchmarks.demo_profile --demo=runs/demo

Beside each figure stand the page faults of one call. What each command of the demo cost as a whole
is in the demo's scores.json.
"""

import json
import pathlib
import resource
import sys

import jax
import jax.numpy as jnp

from benchmarks.study import commit, machine
from configs.commands import Argument, command
from configs.keys import at_least
from itit_jax import distributed, inputs, optimizers, parts, sharding
from itit_jax.evaluation.rows import BATCH
from itit_jax.program import describe
from itit_jax.workdir import Workdir

ARGUMENTS = {
    "--demo": Argument("runs/demo", "folder of a demo that was run", form="DIR"),
    "--calls": Argument(20, "of each part, after two that do not count", at_least(1), form="N"),
}


@command("benchmarks.demo_profile", "where the time of the demo goes", ARGUMENTS)
def main(options):
    """Prints the figures as JSON."""
    measured = Measured(options.calls)
    profile(Workdir(pathlib.Path(options.demo) / "itit").config(), measured)
    head = {"device": machine(), "commit": commit(), "calls": options.calls}
    print(json.dumps(head | {"core_ms_and_faults": measured.figures}, indent=1))


class Measured:
    """{part: [core-milliseconds, page faults] of one call}."""

    def __init__(self, calls):
        self.calls, self.figures = calls, {}

    def once(self, name, work):
        """The result of work(), measured."""
        before = _used()
        result = jax.block_until_ready(work())
        self._add(name, before, 1)
        return result

    def often(self, name, work):
        """A mean over many calls, the first two left out: they compile and fill caches."""
        for _ in range(2):
            jax.block_until_ready(work())
        before = _used()
        for _ in range(self.calls):
            result = work()
        jax.block_until_ready(result)
        self._add(name, before, self.calls)

    def _add(self, name, before, calls):
        core, faults = ((now - then) / calls for now, then in zip(_used(), before))
        self.figures[name] = [round(1e3 * core, 1), round(faults)]
        print(f"{name}: {1e3 * core:.1f} ms, {faults:,.0f} faults", file=sys.stderr, flush=True)


def _used():
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime, used.ru_minflt


def profile(config, measured):
    """Start, step in each phase, and what a step is made of."""
    program = measured.once("describe", lambda: describe(config))
    recipe = program.recipe
    frozen = parts.load_frozen(recipe, program.frozen)
    state = measured.once("initialise", lambda: parts.begin(program, config.seed))
    lowered = measured.once("lower", program.lower)
    step = measured.once("compile", lowered.compile)
    streams = inputs.open_streams(config, recipe, 0, 1)
    _, rows = next(inputs.read_streams(config, streams, recipe, 0))
    batch = distributed.to_global(rows, sharding.batch_sharding(program.mesh))
    kept = jax.tree.map(jnp.copy, state)
    for name, at in _phases(config).items():
        run = Stepper(step, jax.tree.map(jnp.copy, kept), frozen, batch, at)
        measured.often(f"step, {name}", run)
    with jax.set_mesh(program.mesh):
        _terms(measured, recipe, kept.params, frozen, batch)
        _updates(measured, program, kept)
        _scores(measured, config, recipe, kept.params | frozen)


def _phases(config):
    cycle = config.cycle
    begins = sorted({0, cycle.t2i2t_start + cycle.ramp, cycle.i2t2i_start + cycle.ramp})
    return dict(zip(("pairs", "and one cycle", "and both cycles"), begins))


class Stepper:
    """Steps from one state to the next, each as if it were that of the number `at`."""

    def __init__(self, step, state, frozen, batch, at):
        self.step, self.state, self.inputs, self.at = step, state, (frozen, batch), at

    def __call__(self):
        state = self.state.replace(step=jnp.asarray(self.at, jnp.int32))
        self.state, metrics = self.step(state, *self.inputs)
        return metrics


def _terms(measured, recipe, params, frozen, batch):
    key = jax.random.key(0)
    generate = recipe.generation
    terms = {
        "draw": lambda p: recipe.draw_loss(p | frozen, batch["draw"], key),
        "caption": lambda p: recipe.caption_loss(p | frozen, batch["caption"], key),
        "t2i2t": lambda p: recipe.t2i2t_loss(p | frozen, params | frozen, batch["texts"], key),
        "i2t2i": lambda p: recipe.i2t2i_loss(p | frozen, params | frozen, batch["images"], key),
    }
    for name, term in terms.items():
        gradient = jax.jit(jax.grad(term))
        measured.often(f"gradient of {name}", lambda gradient=gradient: gradient(params))
    texts, images = batch["texts"]["text"], batch["images"]
    told = jax.jit(recipe.text_features)(params | frozen, texts)
    draw = jax.jit(lambda p: generate.draw_in_training(p | frozen, *told, key))
    measured.often("of it drawing, t2i2t", lambda: draw(params))
    caption = jax.jit(
        lambda p: generate.caption_in_training(p | frozen, recipe.image_ids(p, images), key)
    )
    measured.often("of it captioning, i2t2i", lambda: caption(params))


def _updates(measured, program, state):
    gradients = jax.tree.map(jnp.ones_like, state.params)
    update = jax.jit(program.optimizer.update)
    measured.often("optimizer", lambda: update(gradients, state.opt_state, state.params))
    average = jax.jit(lambda e, p: optimizers.ema(e, p, program.config.optimizer.ema_decay, 1000))
    measured.often("moving average", lambda: average(state.params, state.params))


def _scores(measured, config, recipe, params):
    examples = inputs.held_out(config, config.evaluate.splits[0], BATCH)
    rows = {name: examples[name] for name in ("image", "text")}
    score = jax.jit(recipe.score)
    measured.once("score, compiled", lambda: score(params, rows, jax.random.key(0)))
    measured.often(f"score of {BATCH} examples", lambda: score(params, rows, jax.random.key(0)))


if __name__ == "__main__":
    sys.exit(main())
