"""Checkpoints of a run: written by Orbax, asynchronously and whole or not at all.

Behind each comes its manifest, and none is read whose files are not as that says.
"""

import concurrent.futures
import logging
import sys
import time

import jax
import orbax.checkpoint as ocp

from configs.commands import MENDABLE
from data_pipelines.errors import UserError
from itit_jax import distributed, manifest
from itit_jax.distributed import is_lead
from itit_jax.sharding import path_of
from itit_jax.state import not_finite

PAUSE = 0.05  # seconds between two looks whether a save has come to its end
FULL = (OSError, ValueError)  # what a save meets where no more can be written
UNREADABLE = (AttributeError, KeyError, OSError, TypeError, ValueError)
AGAIN = (1, 4, 16)  # seconds before another look at what could not be read


class Damaged(Exception):
    """A step is not as it was written."""


class Passing(UserError):
    """A disk cannot read now what it may read later: launchers give the command again."""

    exit_code = 42


class Checkpoints:
    """Steps of a run, as whoever reads sees them."""

    def __init__(self, run):
        self.folder = run.checkpoints
        # Orbax's Checkpointer would look for a file that a manager does not write, and warn.
        self._handler = ocp.PyTreeCheckpointHandler()

    def steps(self):
        """Steps that were saved to their end, the newest first."""
        if not self.folder.exists():
            return []
        return sorted(ocp.utils.checkpoint_steps(self.folder), reverse=True)

    def latest(self):
        """Newest step, or None."""
        return max(self.steps(), default=None)

    def whole_step(self):
        """Newest step whose files are as they were written, for who reads; others are told."""
        for step in self.steps():
            if not (fault := self._patiently(self._fault, step)):
                return step
            _tell(step, fault)
        if self.steps():
            raise UserError(f"no checkpoint under {self.folder} is whole; train that run anew.")
        raise UserError(f"{self.folder} holds no checkpoint yet; finish that run first.")

    def restore(self, abstract):
        """The newest step that restores, as `abstract` describes: shapes, dtypes, shardings.

        A kill while an old step is being deleted leaves it listed but not whole, so the next
        older one is tried.
        """
        for step in self.steps():
            try:
                return type(abstract)(**self._read(step, _as_dict(abstract)))
            except Damaged as error:
                _tell(step, error)
        raise UserError(f"no checkpoint under {self.folder} can be restored; take a new workdir.")

    def restore_part(self, section, name, abstract, step=None):
        """One part of a step (by default the newest), e.g. params/tokenizer, and nothing else."""
        step = self.whole_step() if step is None else step
        try:
            return self._read(step, {section: {name: abstract}}, partial=True)[section][name]
        except Damaged as error:
            raise UserError(
                f"checkpoint {self.folder / str(step)} cannot be read ({error}); the "
                "command that trained it saves it anew, or remove it and an older one is taken."
            ) from error

    def _read(self, step, wanted, *, partial=False):
        """Damaged says what is wrong with the files. Where they are as they were written, nothing
        is, whoever cannot read them."""
        if fault := self._patiently(self._fault, step):
            raise Damaged(fault)
        found = self._patiently(self._restore, step, wanted, partial)
        if path := not_finite(found):  # no run writes that, see step.py
            raise Damaged(f"{path} is not finite")
        return found

    def _fault(self, step):
        return manifest.fault(self.folder / str(step), step)

    def _patiently(self, look, step, *more):
        """look(step, *more), again where the disk, or who reads it, fails for a moment."""
        for pause in (*AGAIN, None):
            try:
                return look(step, *more)
            except UNREADABLE as error:
                if getattr(error, "errno", None) in MENDABLE:
                    raise
                if pause is None:
                    fault = Passing if isinstance(error, OSError) else UserError
                    raise fault(
                        f"checkpoint {self.folder / str(step)} cannot be read ({_reason(error)}), "
                        "and no damage is known of it; give the same command again, or remove that "
                        "folder if it does not help: an older one is taken then."
                    ) from error
            time.sleep(pause)

    def _restore(self, step, wanted, partial):
        """Without a manifest nothing else tells of damage than that it cannot be read."""
        try:
            return self._restore_once(step, wanted, partial)
        except UNREADABLE as error:
            away = isinstance(error, OSError) and not isinstance(error, manifest.MISSING)
            if away or manifest.there(self.folder / str(step)):
                raise
            raise Damaged(_reason(error)) from error

    def _restore_once(self, step, wanted, partial):
        self._check_shapes(step, wanted, partial)
        return self._handler.restore(
            self.folder / str(step) / "default",
            args=ocp.args.PyTreeRestore(
                item=wanted,
                restore_args=ocp.checkpoint_utils.construct_restore_args(wanted),
                partial_restore=partial,
            ),
        )

    def shapes(self, step):
        """{path: shape} of every leaf of a step, such as params/tokenizer/conv_in/kernel."""
        tree = self._handler.metadata(self.folder / str(step) / "default").tree
        return {path_of(k): tuple(v.shape) for k, v in jax.tree_util.tree_leaves_with_path(tree)}

    def _check_shapes(self, step, wanted, partial):
        """Sentence for the first leaf that the config shapes otherwise than the checkpoint."""
        found = self.shapes(step)
        leaves = {path_of(k): leaf for k, leaf in jax.tree_util.tree_leaves_with_path(wanted)}
        for path, leaf in leaves.items():
            if path not in found:
                raise UserError(
                    f"checkpoint {self.folder / str(step)} has no {path}, which its config asks "
                    "for; it may be of another version: take a new workdir."
                )
            if found.get(path) != tuple(leaf.shape):
                raise UserError(
                    f"checkpoint {self.folder / str(step)} has {path} of shape "
                    f"{found.get(path)}, the config {tuple(leaf.shape)}; "
                    "use the config of that run or another workdir."
                )
        for path in () if partial else sorted(found.keys() - leaves.keys()):
            raise UserError(
                f"checkpoint {self.folder / str(step)} has {path}, which its config does not "
                "train; give data.rows as that run had them, or start another run from it "
                "(model.start_from)."
            )


class Saver(Checkpoints):
    """The same for the run itself, which alone writes: its newest `keep` steps stay."""

    def __init__(self, run, keep):
        super().__init__(run)
        self._run = run
        options = ocp.CheckpointManagerOptions(max_to_keep=keep, create=True)
        self._manager = ocp.CheckpointManager(self.folder, options=options)
        self._beside = concurrent.futures.ThreadPoolExecutor(1)
        self._begun = []  # what is still to be told of a save
        for name in ("absl", "asyncio"):
            logging.getLogger(name).addFilter(_is_news)
        sys.unraisablehook = _tell_unraisable

    def save(self, step, state):
        """Begin to save; training goes on meanwhile. A step that is there already stays.

        -> why the save before or this one failed, such as a full disk; "" if none did. The older
        steps are there as they were, what the save has left is gone, and the next may succeed.
        """
        before = self._finish()
        if step in self._manager.all_steps():
            return before
        try:
            self._manager.save(step, args=ocp.args.StandardSave(_as_dict(state)))
        except FULL as error:
            return self._give_up(error)
        if is_lead():
            self._begun.append(self._beside.submit(self._sign, step))
        return before

    def _finish(self):
        """Until all that was begun is on disk. -> why it is not; "" if it is."""
        try:
            self._manager.wait_until_finished()
            while self._begun:
                self._begun.pop().result()
            return ""
        except FULL as error:
            return self._give_up(error)

    def _give_up(self, error):
        self._begun.clear()
        if is_lead():
            self._run.remove_leftovers()
        return _reason(error)

    def _sign(self, step):
        """Writes the manifest of a step once Orbax has given it its name."""
        while self._manager.is_saving_in_progress():
            time.sleep(PAUSE)
        if (self.folder / str(step)).exists():
            manifest.write(self.folder / str(step), step)

    def wait(self):
        """Until all that was begun is on disk, or UserError."""
        if reason := self._finish():
            raise UserError(
                f"the newest checkpoint could not be written ({reason}); make room and give the "
                f"same command: it goes on from step {self.latest() or 0}."
            )

    def forget_after(self, step):
        """Put later steps aside: damaged ones, which the run comes to again and then saves anew.
        -> {step: what became of it}, where it is known."""
        found = [later for later in self._manager.all_steps() if later > step if is_lead()]
        became = {later: self._run.put_aside(later) for later in found}
        distributed.wait_for_all("damaged checkpoints put aside")
        self._manager.reload()
        return became


def _is_news(record):
    """Not the tracebacks that Orbax logs of an error which it raises too: that is told by us."""
    return not (record.exc_info and "orbax" in record.pathname + record.getMessage())


def _tell_unraisable(found):
    """As Python does, but for the writes that were under way when a save failed: each of them
    finds that nobody waits for it any more."""
    if "Event loop is closed" not in str(found.exc_value):
        sys.__unraisablehook__(found)


def _tell(step, fault):
    print(f"checkpoint {step} is damaged ({fault}); trying an older one", file=sys.stderr)


def _reason(error):
    """The first line of what a reader has against a file."""
    return (str(error).splitlines() or [type(error).__name__])[0][:200]


def _as_dict(state):
    """Plain dicts, so that what is stored does not depend on our classes."""
    if isinstance(state, dict):
        return state
    return dict(vars(state))
