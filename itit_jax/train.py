"""The loop: when to step, report, save, draw samples and evaluate. What a step does: step.py."""

import contextlib
import dataclasses
import itertools
import signal
from typing import Any

import jax
from jax.experimental import multihost_utils

from data_pipelines.errors import UserError
from itit_jax import (
    agreement,
    companions,
    compiled,
    distributed,
    inputs,
    means,
    parts,
    retold,
    sharding,
    watch,
)
from itit_jax.cadence import due
from itit_jax.checkpoints import Saver
from itit_jax.evaluation import run as evaluation
from itit_jax.evaluation import samples
from itit_jax.evaluation.rows import BATCH
from itit_jax.profiler import Profile
from itit_jax.program import Program, describe
from itit_jax.recipes import base
from itit_jax.report import Report
from itit_jax.workdir import Workdir

SHOWN = ("validation", "pairs")  # split of the sample sheets, the first that is there
ASKED = ("validation_questions", "questions")  # ... of a run that learns to answer
STOPPED = 42  # exit code: stopped on purpose, the same command goes on
MOST_SKIPPED = 5  # steps in a row; behind them the run is lost


@dataclasses.dataclass
class Run:
    """Everything that exists once a run is set up."""

    config: Any
    workdir: Workdir
    program: Program
    streams: Any
    saver: Saver
    report: Report
    profile: Profile
    frozen: dict[str, Any]
    state: Any

    def best_params(self):
        """Parameters to look at and to score: the EMA where there is one."""
        trained = self.state.params if self.state.ema is None else self.state.ema
        return trained | self.frozen


def run(config, workdir, profile=None):
    """Train to config.train.steps from wherever the workdir stands. Returns the exit code.

    profile: (first, last) steps between which a trace is taken, or None.
    """
    distributed.initialize()
    compiled.keep(config.compile_cache)
    place = Workdir(workdir)
    with watch.together() as moves, contextlib.ExitStack() as closing:  # what was begun is ended,
        closing.enter_context(place.lock(jax.process_index()))  # also after a fault
        agreement.check_settings(config)
        if distributed.is_lead():
            place.remove_leftovers()
        this = set_up(config, place, profile, closing)
        closing.callback(moves.rest)
        return STOPPED if loop(this, moves) else 0


def set_up(config, place, profile, closing):
    """Program, data, and the state: fresh or from the newest checkpoint that is whole."""
    program = describe(config)
    streams = inputs.open_streams(config, program.recipe, *distributed.readers(program.mesh))
    closing.callback(inputs.stop_reading)
    agreement.check(data_of(config, program.recipe, streams))
    saver = Saver(place, config.save.keep)
    closing.callback(saver.wait)
    frozen = parts.load_frozen(program.recipe, program.frozen)
    means.take_once(config, program.recipe, place)
    frozen |= parts.load_means(place, program.frozen)
    stands_on = keep_companions(config, place, program.recipe, frozen, streams)
    rows = sum(base.rows(program.recipe).values())
    report = Report(place, config.train.steps, config.log.seconds, rows)
    closing.callback(report.close)
    traced = closing.enter_context(contextlib.closing(Profile(place, profile)))
    if saver.latest() is None:
        with report.phase("initialising the parameters"):
            begin = parts.begin(program, config.seed, stands_on, report.say)
    else:
        begin = saver.restore(program.state)
        agreement.check({"checkpoint": str(int(begin.step))})
        for step, became in saver.forget_after(int(begin.step)).items():
            report.say(f"checkpoint {step}, which is damaged, {became}")
        report.say(f"resuming from step {int(begin.step)}")
    if distributed.is_lead():
        place.keep_config(config, int(begin.step))
    report.begin(int(begin.step))
    for line in agreement.who_reads(config.data.path, distributed.all_readers(program.mesh)):
        report.say(line)
    for stream, split in streams.lent().items():
        report.say(f"the data set has no {stream}: stream {stream} reads those of the {split}")
    if streams.reads_text and (cut := inputs.share_cut(config, streams.vocabulary)) > 0.005:
        report.say(
            f"{cut:.0%} of the texts have more than data.text_length={config.data.text_length} "
            "tokens and lose their end"
        )
    if "questions" in streams.rows and (cut := inputs.answers_cut(config, streams.vocabulary)):
        report.say(
            f"{cut:.1%} of the answers have more than data.answer_length="
            f"{config.data.answer_length} tokens and can never be right"
        )
    return Run(
        config=config,
        workdir=place,
        program=program,
        streams=streams,
        saver=saver,
        report=report,
        profile=traced,
        frozen=frozen,
        state=begin,
    )


def data_of(config, recipe, streams):
    """{name: hash} of what is read."""
    found, words = {"dataset": inputs.dataset_digest(config)}, words_of(recipe, streams)
    return found | ({"vocabulary": words.digest} if words else {})


def words_of(recipe, streams):
    """The vocabulary of who reads or writes words, if only in the middle of a cycle; else None."""
    speaks = isinstance(recipe, base.Captions | base.Draws)
    return streams.vocabulary if speaks or streams.reads_text else None


def keep_companions(config, place, recipe, frozen, streams):
    """Checks what the run stands on, and writes what is needed to go on with it or to use it.
    -> {name: hash}."""
    found = companions.of(frozen) | retold.told(recipe) | data_of(config, recipe, streams)
    companions.check(place, found)
    if config.data.tokens:
        size = {"image_size": str(config.data.image_size)}
        companions.check(Workdir(config.data.tokens), found | size, told=("dataset", *size))
    if distributed.is_lead():
        place.keep_companions(found)
        if words := words_of(recipe, streams):
            inputs.keep_vocabulary(words, place)
    return found


def loop(this, moves):
    """Steps until the end, or until the process is asked to stop. True if it was."""
    config, total = this.config, this.config.train.steps
    asked = StopSignal()
    first = int(this.state.step)
    if first == 0:
        look(this)
    else:
        make_up(this, first)
    if first >= total:
        this.report.say(f"all {total:,} steps are done; raise train.steps to go on")
        return False
    with this.report.phase("compiling the step"):
        step_once = this.program.lower().compile()
        distributed.wait_for_all("compiled")
    batches = inputs.read_streams(config, this.streams, this.program.recipe, first)
    rows = sharding.batch_sharding(this.program.mesh)
    for step, batch in itertools.islice(this.report.time_waits(batches), total - first):
        moves.passed()
        batch = distributed.to_global(batch, rows)
        with this.profile.step(step):
            this.state, metrics = step_once(this.state, this.frozen, batch)
        this.profile.end(step, this.state, this.report.say)
        done, stopped = step + 1, asked.after_step()
        this.report.tick(done, metrics)
        moves.passed()
        # Its first wait for devices that are steps behind is over: it tells how long others take.
        moves.regular |= this.report.told > first + 1
        for line in this.streams.news():
            this.report.say(line)
        with moves.aside():
            look_after(this, done, stopped, asked.alone)
        if stopped:
            this.report.say(f"stopped on a signal at step {done}; the same command goes on")
            return True
    return False


def look_after(this, done, stopped, alone):
    """What is due behind a step: a checkpoint, samples, scores."""
    config, total = this.config, this.config.train.steps
    if stopped or due(done, config.save.every, total):
        save(this, done)
    elif alone:  # of several processes each tells at moments of its own
        check_sound(this, done)
    if not stopped and due(done, config.sample.every, total):
        draw_samples(this, done)
    if not stopped and due(done, config.evaluate.every, total):
        score(this, done)


def save(this, step):
    """A checkpoint, and before it what would else be lost with a kill: the lines of its steps."""
    this.report.flush(step)
    this.report.upload()
    check_sound(this, step)
    if this.report.skipped and step < this.config.train.steps:
        this.report.say(f"no checkpoint of step {step}: its update was not finite")
        return
    if reason := this.saver.save(step, this.state):
        this.report.say(f"a checkpoint could not be written ({reason}); training goes on")


def check_sound(this, step):
    """UserError if one step after the other was skipped, up to `step`.

    They need no counter in the state: none of them is saved, so that a run that is continued
    counts them again. A checkpoint is good if the loss of the step that followed was finite.
    """
    report, optimizer = this.report, this.config.optimizer
    if report.skipped < MOST_SKIPPED:
        return
    this.saver.wait()
    steps = this.saver.steps()
    good = next((step for step in steps if step < report.sound), None)
    found = f"Checkpoint {good} is the last good one" if good else "No good checkpoint is there"
    later = ", ".join(f"checkpoints/{step}" for step in steps if good and step > good)
    raise UserError(
        f"loss, gradient or update was not finite in {report.skipped} steps in a row, up to step "
        f"{step}; they were skipped and the run stops. {found}; "
        f"{f'remove {later} and ' if later else ''}give --change and a lower "
        f"--config.optimizer.learning_rate (it is {optimizer.learning_rate:g}) or "
        f"--config.optimizer.clip_norm ({optimizer.clip_norm:g}; 0 = off)."
    )


def look(this):
    """Samples, and scores of a few examples, before the first step: after is compared with it."""
    draw_samples(this, 0)
    score(this, 0, most=BATCH)


def make_up(this, step):
    """Samples and scores of the checkpoint that the run goes on from, where a kill came before."""
    config, total = this.config, this.config.train.steps
    if due(step, config.sample.every, total) and not this.workdir.has_sample(step):
        draw_samples(this, step)
    if due(step, config.evaluate.every, total) and str(step) not in this.workdir.scores():
        score(this, step)


def score(this, step, most=None):
    """Scores of the held-out splits into eval.json."""
    if not this.config.evaluate.splits:
        return
    with this.report.phase(f"evaluating step {step}"):
        scores = evaluation.evaluate(
            this.config, this.program.recipe, this.best_params(), done=step, most=most
        )
        this.report.scores(step, scores)


def draw_samples(this, step):
    """One sheet of held-out examples."""
    shown = ASKED if "questions" in this.streams.rows else SHOWN
    split = next((name for name in shown if name in this.streams.splits), None)
    if split is None:
        return  # nothing here has both a picture and a text
    with this.report.phase(f"drawing samples of step {step}"):
        sheet = samples.sheet(this.config, this.program.recipe, this.best_params(), split)
        this.report.sheet(step, sheet)


class StopSignal:
    """Remembers SIGTERM and SIGINT, so that the loop ends after a whole step.

    Of several processes all have to end after the same one, whichever of them is told: there JAX
    itself listens to SIGTERM, and names a step that none has passed yet. It counts from 0, so steps
    are counted from the start of the process: who is told before the first step names step 1.
    """

    def __init__(self):
        self.stop, self.steps = False, 0
        self.alone = jax.process_count() == 1
        for number in (signal.SIGTERM, signal.SIGINT) if self.alone else (signal.SIGINT,):
            signal.signal(number, self._ask)

    def after_step(self):
        """Whether the run ends after this step; every process asks it after every step."""
        self.steps += 1
        if self.alone:
            return self.stop
        return multihost_utils.reached_preemption_sync_point(self.steps)

    def _ask(self, number, frame):
        del frame
        if self.stop:  # asked twice: now
            raise KeyboardInterrupt
        self.stop = True
