"""What every launcher takes: flags, their checks, and what goes on to the program.

    python -m launch.gke --config=FILE --workdir=gs://BUCKET/RUN --accelerator=v5litepod-256 \
        --config.train.steps=9 -- --profile=100:105

Keys of the config go on to itit_jax.main as they are, and so does all behind `--`. Python's own
library alone is used in this room, so that a launcher runs where nothing is installed.
"""

import difflib
import re
import types
from typing import NamedTuple

USER_FAULT = 2
RESTARTED = (42, *range(128, 256))  # stopped on purpose, or by a signal; 2 is the user's to mend
FAMILIES = ("--config.", "--gin.")  # go on as they are


class Fault(Exception):
    """What the user can mend; one sentence."""


class Form(NamedTuple):
    """What a flag takes: a pattern, and its words."""

    pattern: str
    words: str


TEXT = Form(r"(?s).+", "text")
LABEL = Form(r"[a-z]([a-z0-9-]{0,38}[a-z0-9])?", "at most 40 small letters, digits and dashes")
WORD = Form(r"[A-Za-z0-9]([\w.:-]*[A-Za-z0-9])?", "letters, digits and . : _ - without spaces")
IMAGE = Form(r"[a-z0-9][\w.:/@-]*", "REGISTRY/IMAGE:TAG")
ADDRESS = Form(r"gs://[^/?#*\[\]]+/[^?#*\[\]]*[^?#*\[\]/]", "gs://BUCKET/FOLDER")
NUMBER = Form(r"0|[1-9]\d{0,8}", "a whole number")
POSITIVE = Form(r"[1-9]\d{0,8}", "a whole number of at least 1")


class Option(NamedTuple):
    """One flag; a bool is a switch."""

    default: object
    help: str
    form: Form = TEXT


OPTIONS = {
    "config": Option("", "the experiment, e.g. configs/itit_large.py"),
    "workdir": Option("", "folder or address of the run; the same command continues it"),
    "sweep": Option("", "a file of lists of settings; each is a run of its own below the workdir"),
    "name": Option("", "of the job; absent: the last part of the workdir", LABEL),
    "accelerator": Option("", "e.g. v5litepod-256 for a TPU slice, h100:8 for GPUs", WORD),
    "slices": Option(1, "slices of TPUs, or machines with GPUs", POSITIVE),
    "zone": Option("", "of the cloud; the partition of SLURM", WORD),
    "project": Option("", "of the cloud; the account of SLURM", WORD),
    "cluster": Option("", "of Kubernetes, made with xpk", LABEL),
    "image": Option("", "made of launch/Dockerfile", IMAGE),
    "spot": Option(False, "machines that may be taken away: cheaper, and started again"),
    "queued": Option(False, "wait in the queue of the cloud for machines"),
    "data": Option("", "gs://BUCKET/FOLDER of a data set, copied to every machine", ADDRESS),
    "hours": Option(24, "that SLURM is asked for at a time", POSITIVE),
    "cores": Option(8, "of the machine for each GPU, asked of SLURM", POSITIVE),
    "processes": Option(1, "to start", POSITIVE),
    "devices": Option(0, "CPU devices of each; 0 = the accelerators of this machine", NUMBER),
    "no_plan": Option(False, "do not tell first what the run takes and costs"),
    "max_restarts": Option(50, "after preemptions and lost machines", NUMBER),
    "grace": Option(120, "seconds that a save has after the signal to stop", POSITIVE),
    "dry_run": Option(False, "print what would run, and run nothing"),
}
EVERYWHERE = ("config", "workdir", "sweep", "name", "max_restarts", "dry_run")


def parse(texts, takes):
    """Namespace of the options in `takes`, and `.more`: what goes on to the program. The others
    have their defaults."""
    for text in texts:
        if text != text.encode(errors="surrogateescape").decode(errors="replace"):
            raise Fault(f"{text!a} is no UTF-8; write it in letters that are.")
    waiting, given, more = list(texts), {}, []
    while waiting:
        text = waiting.pop(0)
        if text == "--":
            more, waiting = more + waiting, []
        elif text.startswith(FAMILIES):
            more.append(text)
            if "=" not in text:
                more.append(_next(text, waiting))
        else:
            name, value = _flag(text, waiting, takes)
            if name in given:
                raise Fault(f"--{name} is given twice; give it once.")
            given[name] = value
    return types.SimpleNamespace(**defaults() | given, more=tuple(more))


def defaults():
    """{name: default} of all options."""
    return {name: option.default for name, option in OPTIONS.items()}


def _flag(text, waiting, takes):
    """(name, value) of one of our own flags."""
    flag, equals, value = text.partition("=")
    name = flag.removeprefix("--")
    if not flag.startswith("--") or name not in OPTIONS:
        near = difflib.get_close_matches(name.lstrip("-"), takes, 1)
        hint = f"did you mean --{near[0]}{equals}{value}?" if near else "--help lists the flags."
        raise Fault(f"{text} is no flag; {hint} What is for the program stands behind `--`.")
    if name not in takes:
        raise Fault(f"--{name} says nothing here; leave it out. --help lists the flags.")
    if isinstance(OPTIONS[name].default, bool):
        if equals:
            raise Fault(f"{flag} is a switch; give it without a value, or leave it out.")
        return name, True
    return name, checked(name, value if equals else _next(flag, waiting))


def _next(flag, waiting):
    if not waiting:
        raise Fault(f"{flag} has no value; write {flag}=VALUE.")
    return waiting.pop(0)


def checked(name, text):
    """The value of a flag, or a Fault with the nearest that would do."""
    option = OPTIONS[name]
    if not re.fullmatch(option.form.pattern, text):
        near = nearest(text, option.form)
        hint = f" (did you mean {near}?)" if near else ""
        raise Fault(f"--{name} must be {option.form.words}, not {text!r}{hint}.")
    return int(text) if isinstance(option.default, int) else text


def nearest(text, form):
    """The text as the form wants it, or "" where that cannot be told."""
    plain = re.sub(r"[^A-Za-z0-9]+", "-", text).strip("-")
    for likely in (plain, plain.lower(), plain.lower()[:40].strip("-")):
        if likely and re.fullmatch(form.pattern, likely):
            return likely
    return ""


def help_text(module, told, takes, needs):
    """Usage and a line a flag."""
    lines = [f"python -m {module} FLAGS [--config.KEY=VALUE ...] [-- FLAGS OF itit_jax.main]", ""]
    lines += [told, ""]
    for name in (name for name in OPTIONS if name in takes):
        option = OPTIONS[name]
        form = "" if isinstance(option.default, bool) else "=VALUE"
        default = f" (default {option.default})" if option.default else ""
        end = " (needed)" if name in needs else default
        lines.append(f"  {f'--{name}{form}':22}  {option.help}{end}")
    return "\n".join(lines)
