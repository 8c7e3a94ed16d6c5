"""Checkpoints of a workdir: written by Orbax, asynchronously and whole or not at all."""

import contextlib
import fcntl
import pathlib
import shutil
import sys

import jax
import orbax.checkpoint as ocp

from itit_jax.config import ConfigError
from itit_jax.sharding import path_of


class Checkpoints:
    """Steps under WORKDIR/checkpoints; the newest `keep` of them stay."""

    def __init__(self, workdir, keep=2):
        self.folder = pathlib.Path(workdir).absolute() / "checkpoints"
        options = ocp.CheckpointManagerOptions(max_to_keep=keep, create=True)
        self._manager = ocp.CheckpointManager(self.folder, options=options)

    def save(self, step, state):
        """Begin to save; training goes on meanwhile. A step that is there already stays."""
        if step not in self._manager.all_steps():
            self._manager.save(step, args=ocp.args.StandardSave(_as_dict(state)))

    def wait(self):
        """Until all that was begun is on disk."""
        self._manager.wait_until_finished()

    def latest(self):
        """Newest step, or None."""
        return self._manager.latest_step()

    def restore(self, abstract):
        """The newest step that restores, as `abstract` describes: shapes, dtypes, shardings.

        A kill while an old step is being deleted leaves it listed but not whole, so the next
        older one is tried.
        """
        steps = sorted(self._manager.all_steps(), reverse=True)
        for step in steps:
            try:
                self._check_shapes(step, _as_dict(abstract))
                restored = self._manager.restore(
                    step, args=ocp.args.StandardRestore(_as_dict(abstract))
                )
            except (AttributeError, KeyError, OSError, TypeError, ValueError) as error:
                reason = str(error).splitlines()[0][:200]
                print(
                    f"checkpoint {step} is damaged ({reason}); trying an older one",
                    file=sys.stderr,
                )
                continue
            return type(abstract)(**restored)
        raise ConfigError(
            f"no checkpoint under {self.folder} can be restored; take a new workdir."
        )

    def restore_part(self, section, name, abstract):
        """One part of the newest step, e.g. params/tokenizer, and nothing else read."""
        step = self.latest()
        if step is None:
            raise ConfigError(f"{self.folder} holds no checkpoint yet; finish that run first.")
        wanted = {section: {name: abstract}}
        self._check_shapes(step, wanted)
        restored = ocp.PyTreeCheckpointer().restore(
            self.folder / str(step) / "default",
            args=ocp.args.PyTreeRestore(
                item=wanted,
                restore_args=ocp.checkpoint_utils.construct_restore_args(wanted),
                partial_restore=True,
            ),
        )
        return restored[section][name]

    def _check_shapes(self, step, wanted):
        """Sentence for the first leaf that the config shapes otherwise than the checkpoint."""
        metadata = ocp.PyTreeCheckpointer().metadata(self.folder / str(step) / "default")
        tree = metadata.item_metadata.tree if hasattr(metadata, "item_metadata") else metadata
        found = {path_of(k): tuple(v.shape) for k, v in jax.tree_util.tree_leaves_with_path(tree)}
        for keys, leaf in jax.tree_util.tree_leaves_with_path(wanted):
            path = path_of(keys)
            if found.get(path) != tuple(leaf.shape):
                raise ConfigError(
                    f"checkpoint {self.folder / str(step)} has {path} of shape "
                    f"{found.get(path)}, the config {tuple(leaf.shape)}; "
                    "use the config of that run or another workdir."
                )


def _as_dict(state):
    """Plain dicts, so that what is stored does not depend on our classes."""
    if isinstance(state, dict):
        return state
    return dict(vars(state))


def remove_leftovers(workdir):
    """Half-written steps of killed saves; nobody else cleans them up.

    Only for the run that holds the lock: to another they may be a save that goes on.
    """
    for file in pathlib.Path(workdir, "checkpoints").glob("*.orbax-checkpoint-tmp*"):
        shutil.rmtree(file, ignore_errors=True)


@contextlib.contextmanager
def lock(workdir):
    """Refuses a second run in a live workdir. The kernel lets go when the process dies."""
    folder = pathlib.Path(workdir)
    folder.mkdir(parents=True, exist_ok=True)
    name = ".lock" if jax.process_count() == 1 else f".lock-{jax.process_index()}"
    with open(folder / name, "w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise ConfigError(
                f"another run is alive in {workdir}; wait for it, or take another workdir."
            ) from None
        yield
