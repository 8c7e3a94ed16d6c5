"""One odd input, what became of it, and what should have."""

import contextlib
import io
import pathlib
import traceback
from collections.abc import Callable
from typing import Any, NamedTuple

from data_pipelines.errors import UserError

OUTCOMES = ("right", "refused", "needless", "silent", "traceback")
TOLD = {
    "right": "what was meant is what was got",
    "refused": "unsound, and refused in a sentence that names it",
    "needless": "sound, but refused",
    "silent": "accepted, but not as it was meant; or refused without naming it",
    "traceback": "an exception instead of a sentence",
}


class Refused(Exception):
    """A command ended with exit code 2; the text is what it said."""


class Trial(NamedTuple):
    """The generator knows the answer; the project is only asked."""

    kind: str  # what is odd about it
    act: Callable[[pathlib.Path], Any]  # in an empty folder -> what a user gets
    fault: Callable[[Any], str]  # of what was got: what is wrong with it, or ""
    named: tuple[str, ...] = ()  # a refusal has one of these in it; (): it is sound


def run(trial: Trial, folder: pathlib.Path) -> tuple[str, str]:
    """-> (outcome, what was said or is wrong)."""
    try:
        got = trial.act(folder)
    except (Refused, UserError) as refusal:
        said = str(refusal)
        if not trial.named:
            return "needless", said
        return ("refused" if any(word in said for word in trial.named) else "silent"), said
    except Exception:  # whatever comes is the finding
        return "traceback", traceback.format_exc()
    fault = trial.fault(got)
    return ("silent", fault) if fault else ("right", "")


def call(main, *arguments) -> str:
    """What a command printed. Refused: its sentence."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = main([str(argument) for argument in arguments])
    if code == 2:
        raise Refused(err.getvalue())
    if code:
        raise RuntimeError(f"exit code {code}: {err.getvalue()}")
    return out.getvalue()
