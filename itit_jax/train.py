"""The loop: when to step, report, save, draw samples and evaluate. What a step does: step.py."""

import dataclasses
import itertools
import signal
from typing import Any

import jax
import numpy as np

from itit_jax import companions, distributed, inputs, optimizers, sharding, state
from itit_jax import config as settings
from itit_jax.checkpoints import Checkpoints, lock, remove_leftovers
from itit_jax.evaluation import run as evaluation
from itit_jax.recipes import base
from itit_jax.report import Report
from itit_jax.step import make_train_step

STOPPED = 42  # exit code: stopped on purpose, the same command goes on


@dataclasses.dataclass
class Run:
    """Everything that exists once a run is set up."""

    config: Any
    workdir: str
    recipe: Any
    mesh: Any
    streams: Any
    checkpoints: Checkpoints
    report: Report
    train_step: Any
    frozen: Any
    state: Any

    def best_params(self):
        """Parameters to look at and to score: the EMA where there is one."""
        trained = self.state.params if self.state.ema is None else self.state.ema
        return trained | self.frozen


def run(config, workdir):
    """Train to config.train.steps from wherever the workdir stands. Returns the exit code."""
    distributed.initialize()
    with lock(workdir):
        if distributed.is_lead():
            remove_leftovers(workdir)
        this = set_up(config, workdir)
        try:
            return STOPPED if loop(this) else 0
        finally:
            this.checkpoints.wait()
            this.report.close()


def set_up(config, workdir):
    """Mesh, recipe, data, and the state: fresh or from the newest checkpoint."""
    mesh = sharding.make_mesh(config.mesh.data, config.mesh.fsdp, config.mesh.tensor)
    recipe = base.find(config)
    streams = inputs.open_streams(
        config, recipe.streams, host=jax.process_index(), hosts=jax.process_count()
    )
    checkpoints = Checkpoints(workdir, config.save.keep)
    found = checkpoints.latest()
    report = Report(workdir, config.train.steps, config.log.seconds, start=found or 0)
    optimizer = optimizers.make(config.optimizer, config.train.steps)
    begin, frozen = state.begin(recipe, optimizer, config, mesh, checkpoints, report)
    keep_companions(config, workdir, frozen, streams)
    if streams.reads_text and (cut := inputs.share_cut(config, streams.vocabulary)) > 0.005:
        report.say(
            f"{cut:.0%} of the texts have more than data.text_length={config.data.text_length} "
            "tokens and lose their end"
        )
    step = make_train_step(
        recipe, optimizer, seed=config.seed, ema_decay=config.optimizer.ema_decay
    )
    return Run(
        config=config,
        workdir=workdir,
        recipe=recipe,
        mesh=mesh,
        streams=streams,
        checkpoints=checkpoints,
        report=report,
        train_step=jax.jit(step, donate_argnums=0),
        frozen=frozen,
        state=begin,
    )


def keep_companions(config, workdir, frozen, streams):
    """Checks what the run stands on, and writes what is needed to go on with it or to use it."""
    found = companions.of(frozen)
    if streams.reads_text:
        found["vocabulary"] = streams.vocabulary.sha256
    companions.check(workdir, found)
    if config.data.tokens:
        companions.check(config.data.tokens, found)
    if distributed.is_lead():
        settings.write_workdir(config, workdir)
        companions.write(workdir, found)
        if streams.reads_text:
            inputs.copy_vocabulary(streams.vocabulary, workdir)


def loop(this):
    """Steps until the end, or until the process is asked to stop. True if it was."""
    config, total = this.config, this.config.train.steps
    asked = StopSignal()
    first = int(this.state.step)
    if first == 0:
        look(this, 0)
    if first >= total:
        this.report.say(f"all {total:,} steps are done; raise train.steps to go on")
        return False
    rows = sharding.batch_sharding(this.mesh)
    compiling = True
    batches = this.report.time_waits(inputs.read_streams(config, this.streams, first))
    for step, batch in itertools.islice(batches, total - first):
        batch = distributed.to_global(batch, rows)
        if compiling:
            with this.report.phase("compiling the step"), jax.set_mesh(this.mesh):
                this.train_step = this.train_step.lower(this.state, this.frozen, batch).compile()
            compiling = False
        this.state, metrics = this.train_step(this.state, this.frozen, batch)
        done = step + 1
        this.report.tick(done, metrics)
        if asked.stop or done == total or done % config.save.every == 0:
            this.report.flush(done)  # or a kill would lose lines of steps that are saved
            this.checkpoints.save(done, this.state)
        if asked.stop:
            this.report.say(f"stopped on a signal at step {done}; the same command goes on")
            return True
        if done == total or (config.sample.every and done % config.sample.every == 0):
            draw_samples(this, done)
        if done == total or (config.evaluate.every and done % config.evaluate.every == 0):
            score(this, done)
    return False


def look(this, step):
    """Samples and scores before the first step, so that before and after can be compared."""
    draw_samples(this, step)
    score(this, step)


def score(this, step):
    evaluation.write(
        this.config, this.workdir, this.recipe, this.best_params(), step=step, report=this.report
    )


def draw_samples(this, step):
    """One sheet of held-out examples: what is there, rebuilt, drawn and captioned."""
    split = "validation" if "validation" in this.streams.splits else "pairs"
    examples = inputs.held_out(this.config, split, this.config.sample.rows)
    arrays = {"image": examples["image"], "text": examples["text"]}
    results = evaluation.score_rows(this.recipe, this.best_params(), arrays)
    captions = None
    if "caption" in results:
        vocabulary = inputs.open_vocabulary(this.config)
        captions = [vocabulary.decode(ids) for ids in results["caption"]]
    columns = {"picture": examples["image"]}
    columns |= {name: results[name] for name in ("rebuilt", "drawn") if name in results}
    texts = {"text": [texts[0] for texts in examples["texts"]]}
    if captions:
        texts["caption"] = captions
    this.report.grid(step, {k: np.asarray(v) for k, v in columns.items()}, texts)


class StopSignal:
    """Remembers SIGTERM and SIGINT, so that the loop ends after a whole step."""

    def __init__(self):
        self.stop = False
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._ask)

    def _ask(self, number, frame):
        del frame
        if self.stop:  # asked twice: now
            raise KeyboardInterrupt
        self.stop = True
