"""The folder of a run: every name in it, and how each is written and read.

    run = Workdir("runs/demo/itit")              # or gs://bucket/run
    run.config().model.width; run.scores()["2400"]["test"]; run.metrics()[-1]["loss"]

Only the run itself writes, and holds the lock while it does; whoever reads changes nothing. Small
files appear whole or not at all, and lines are only ever added. No JAX here.
"""

import contextlib
import difflib
import functools
import json
import os
import pathlib
import shutil
import sys

from data_pipelines.errors import UserError
from data_pipelines.files import check_writable, is_address, whole
from data_pipelines.places import place
from itit_jax import addresses
from itit_jax import config as settings
from itit_jax.config import ConfigError
from itit_jax.run_files import (
    Lines,
    Rewritten,
    finite,
    read_object,
    read_rows,
    read_scores,
    read_text,
)

CONFIG = "config.json"
COMPANIONS = "companions.json"  # hashes of what the run stands on
MEANS_FILE = "means.json"  # of what frozen parts say of the training data
SCORES = "eval.json"
METRICS = "metrics.jsonl"
LOG = "log.txt"
CHECKPOINTS = "checkpoints"
SAMPLES = "samples"
CURVES = "curves.png"
PROFILE = "profile"
COMMITTED = "commit_success.txt"  # Orbax writes it into a checkpoint in a bucket that is whole
LOCK = ".lock"
FILES = (CONFIG, COMPANIONS, MEANS_FILE, SCORES, METRICS, LOG, CURVES, LOCK)
FOLDERS = (CHECKPOINTS, SAMPLES, PROFILE)
SHARDS = (".array_record", ".parquet", ".tar")
PICTURES, FEW = (".jpeg", ".jpg", ".png", ".webp"), 3  # so many are no data set
EXPORTED = "run.json"  # config beside exported weights, whose config.json is another library's


class Workdir:
    """A run by its folder or address; nothing is made before something is written."""

    def __init__(self, path):
        self.name = path.name if isinstance(path, Workdir) else place(path, bucket=True)
        self.local = not is_address(self.name)
        self.path = pathlib.Path(self.name) if self.local else addresses.open_path(self.name)

    def __str__(self):
        return self.name

    def check_reach(self):
        """UserError if this is in a bucket that is not there or that does not let us in."""
        if not self.local:
            addresses.check_reach(self.name)

    def check_writable(self):
        """UserError if nothing can be written here; a bucket is not asked."""
        if self.local:
            check_writable(self.path, "--workdir", inside=True)

    # ---- what is there ----------------------------------------------------------------------

    def is_run(self):
        """Whether a run was begun here."""
        return (self.path / CONFIG).exists()

    def has_checkpoint(self):
        """Whether a step was saved here."""
        folder = self.checkpoints
        return folder.exists() and any(path.name.isdecimal() for path in folder.iterdir())

    def config(self):
        """The checked config of the run."""
        file = self.path / CONFIG
        if not file.exists():
            raise ConfigError(self._no_run())
        config = settings.from_json(read_text(file), str(file))
        if self.local and (before := self._beside().get("at")):
            return settings.moved(config, before, str(self.path.absolute()))
        return config

    def _no_run(self):
        if not self.local or self.path.exists():
            return f"{self} holds no {CONFIG}; give the workdir of a run."
        # Without a word about neighbours that we may not look into.
        beside = [path for path in self.path.parent.glob("*") if os.path.exists(path / CONFIG)]
        near = difflib.get_close_matches(self.path.name, [path.name for path in beside], 1)
        hint = f"did you mean {self.path.with_name(near[0])}?" if near else "check the path."
        return f"{self} does not exist; {hint}"

    def check_free(self):
        """UserError if a run would begin among somebody's data; logs, notes and a plot may be
        there."""
        if not self.local or self.is_run() or not self.path.is_dir():
            return
        there = sorted(path.name for path in self.path.iterdir())
        of = lambda kinds: [name for name in there if name.lower().endswith(kinds)]
        found, pictures = of(("dataset.json", *SHARDS)), of(PICTURES)
        if found or len(pictures) > FEW:
            raise UserError(
                f"--workdir={self} is a folder of data, it holds {[*found, *pictures][0]}; give "
                "another place, "
                f"such as --workdir={self.path / 'run'}."
            )

    def changes(self):
        """[{"step", key: [before, from that step on]}] of what --change changed, in order."""
        return self._beside().get("changes", [])

    def _beside(self):
        return read_object(self.path / CONFIG).get(settings.BESIDE, {})

    def companions(self):
        """{name: hash} of what the run stands on; {} before its start."""
        return read_object(self.path / COMPANIONS)

    def scores(self):
        """{step as text: {split: {score: value}}}."""
        return read_scores(self.path / SCORES)

    def metrics(self):
        """[{"step", metric...}] of every step, in order; a line still being written is left out."""
        return [json.loads(line) for line in read_rows(self.path / METRICS).values()]

    def check_whole(self):
        """UserError if a small file is damaged, or if a run is here without its checkpoints."""
        for name in FILES if self.local else ():
            if (self.path / name).is_dir():
                raise UserError(f"{self.path / name} is a folder; give another --workdir.")
        for name in FOLDERS if self.local else ():
            if os.path.lexists(self.path / name) and not (self.path / name).is_dir():
                raise UserError(f"{self.path / name} is no folder; give another --workdir.")
        if not self.is_run():
            return
        self.config(), self.companions(), self.scores(), self.means()
        # A run makes their folder before its first step; in a bucket there are no folders.
        if self.local and not self.checkpoints.exists() and (rows := self.metrics()):
            raise UserError(
                f"{self} holds the metrics of {len(rows):,} steps, but its {CHECKPOINTS} are gone; "
                f"put them back, or remove {METRICS} to begin anew."
            )

    def best_step(self, score, split="test", *, lowest=False):
        """Step whose evaluation has the highest (or lowest) value of a score; None without."""
        found = {
            int(step): splits[split][score]
            for step, splits in self.scores().items()
            if score in splits.get(split, {})
        }
        choose = min if lowest else max
        return choose(found, key=found.get) if found else None

    def means(self):
        """{name: numbers [d]} of the training data; {} before they are taken."""
        return read_object(self.path / MEANS_FILE)

    @property
    def checkpoints(self):
        """Folder of the checkpoints; absolute, as Orbax wants it."""
        return (self.path.absolute() if self.local else self.path) / CHECKPOINTS

    @property
    def profile(self):
        """Folder of the profiler's traces."""
        return self.path / PROFILE

    # ---- what the run writes ----------------------------------------------------------------

    def make(self):
        """The folder, if it is not there."""
        self.path.mkdir(parents=True, exist_ok=True)

    def keep(self, name, data):
        """A small file, text or bytes, whole or not at all."""
        file = self.path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        with whole(file, "w" if isinstance(data, str) else "wb") as opened:
            opened.write(data)

    def keep_config(self, config, step=0):
        """The config as used from `step` on, with what has changed there. What lies somewhere is
        told so that it is found from anywhere, also when this folder and that were moved."""
        changes = [change | {"step": min(change["step"], step)} for change in self.changes()]
        if new := self._changed(config):
            changes.append({"step": step} | new)
        at = str(self.path.absolute()) if self.local else ""
        self.keep(CONFIG, settings.to_json(settings.rooted(config), at=at, changes=changes))

    def _changed(self, config):
        """{key: [before, now]} of the keys that only --change lets differ."""
        before = settings.flat(self.config()) if self.is_run() else {}
        now, keys = settings.flat(config), settings.declared(config)
        return {name: [before[name], now[name]] for name, key in keys.items()
                if key.changeable and name in before and before[name] != now[name]}  # fmt: skip

    def keep_means(self, found):
        """Remember {name: numbers [d]}."""
        self.keep(MEANS_FILE, json.dumps(found))

    def keep_companions(self, found):
        """Remember {name: hash}."""
        self.keep(COMPANIONS, json.dumps(found, indent=1))

    def has_sample(self, step):
        """Whether there is a sample sheet of a step."""
        return (self.path / _sample(step)).exists()

    def keep_sample(self, step, data):
        """A sample sheet, PNG."""
        self.keep(_sample(step), data)

    def keep_scores(self, step, scores):
        """File {split: {score: value}} under a step, beside those of other steps."""
        scores = {split: finite(values) for split, values in scores.items()}
        with self._alone(f".{SCORES}.lock"):  # --mode=eval may score beside the run itself
            history = self.scores() | {str(step): scores}
            self.keep(SCORES, json.dumps(history, indent=1, allow_nan=False))

    def forget_after(self, step):
        """Drop the metrics past `step`, which a resumed run is about to write anew.
        -> how many lines (stay, went)."""
        rows = read_rows(self.path / METRICS)
        kept = [line for done, line in rows.items() if done <= step]
        if (self.path / METRICS).exists():
            self.keep(METRICS, "".join(f"{line}\n" for line in kept))
        return len(kept), len(rows) - len(kept)

    def lines(self, name):
        """A file to which whole lines, or events, are added."""
        self.make()
        if not self.local:
            return Rewritten(self.path / name, functools.partial(self.keep, name))
        return Lines(self.path / name)

    @contextlib.contextmanager
    def lock(self, process=0):
        """Refuses a second run in a live workdir. The kernel lets go when the process dies.

        A store of objects has no locks, nor has every file system that machines share: there, who
        starts two runs in one place loses one.
        """
        name = f"{LOCK}-{process}" if process else LOCK  # LOCK however many the other run has
        with self._alone(
            name,
            f"another run is alive in {self}; wait for it, or take another workdir.",
        ) as fault:
            if fault and name == LOCK:
                told = f"{self} is where files cannot be locked ({fault})"
                print(f"{told}: nothing keeps a second run out of it", file=sys.stderr)
            yield

    @contextlib.contextmanager
    def _alone(self, name, otherwise=""):
        """Alone in here by the file `name`; who is not waits, or is told `otherwise`. Gives why
        that cannot be had here; "" where it can."""
        self.make()
        if not self.local:
            yield ""
            return
        import fcntl

        with open(self.path / name, "w", encoding="utf-8") as file:
            fault = ""
            try:
                fcntl.flock(file, fcntl.LOCK_EX | (fcntl.LOCK_NB if otherwise else 0))
            except BlockingIOError:
                raise UserError(otherwise) from None
            except OSError as error:
                fault = error.strerror
            yield fault

    def put_aside(self, step):
        """A damaged checkpoint becomes STEP.bad, in the place of an older one of that name; in a
        bucket, where nothing can be moved, it is removed. -> what became of it."""
        damaged, bad = self.checkpoints / str(step), self.checkpoints / f"{step}.bad"
        if not self.local:
            damaged.rmtree()
            return "is removed"
        shutil.rmtree(bad, ignore_errors=True)
        damaged.rename(bad)
        return f"is kept as {CHECKPOINTS}/{bad.name}"

    def remove_leftovers(self):
        """Half-written steps of killed saves; nobody else cleans them up.

        Only for the run that holds the lock: to another they may be a save that goes on.
        """
        if self.local:
            for folder in self.checkpoints.glob("*.orbax-checkpoint-tmp*"):
                shutil.rmtree(folder, ignore_errors=True)
        elif self.checkpoints.exists():  # in a store Orbax writes in place, and COMMITTED last
            for folder in self.checkpoints.iterdir():
                if not (folder / COMMITTED).exists():
                    folder.rmtree()


def _sample(step):
    return f"{SAMPLES}/{step:08d}.png"
