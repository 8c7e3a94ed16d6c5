"""What only Java programs measure, where Java and pycocoevalcap are installed: METEOR 1.5, SPICE,
and the official tokens.

A program gets its work as a whole and has a limit of time: one that hangs or dies costs its own
score and no other. The lines that it gives back are counted, since a text that it takes for two
would shift all that follow.
"""

import importlib.util
import json
import os
import pathlib
import shutil
import subprocess
import tempfile

from itit_jax.evaluation.ptb import DROPPED, one_line

TOKENIZER = "tokenizer/stanford-corenlp-3.4.1.jar"
METEOR = "meteor/meteor-1.5.jar"
SPICE = "spice/spice-1.0.jar"
MODELS = "spice/lib/stanford-corenlp-3.6.0-models.jar"  # not in the package
START, EACH = 300.0, 0.5  # seconds that a program may take, and more of them a text


class NotMeasured(Exception):
    """Why a program did not answer."""


def score(hypotheses, references):
    """{"METEOR": entry, "SPICE": entry} of raw texts.

    entry: {"score", "items", "signature"}, or {"missing": why}.
    """
    try:
        said, meant = cut(hypotheses, references)
    except NotMeasured as why:
        return {name: {"missing": str(why)} for name in ("METEOR", "SPICE")}
    programs = {"METEOR": (_meteor, "meteor:1.5-java"), "SPICE": (_spice, "spice:1.0-java")}
    return {name: _entry(*program, said, meant) for name, program in programs.items()}


def _entry(program, name, said, meant):
    try:
        total, items = program(said, meant)
    except NotMeasured as why:
        return {"missing": str(why)}
    return {"score": total, "items": items, "signature": f"{name}|n:{len(items)}"}


def cut(hypotheses, references):
    """The official tokens of both, in one run."""
    found = iter(tokens([*hypotheses, *(text for texts in references for text in texts)]))
    return [next(found) for _ in hypotheses], [[next(found) for _ in t] for t in references]


def tokens(texts):
    """Raw texts -> their official tokens, one space between, in lower case, no punctuation."""
    jar = _package() / TOKENIZER
    program = "edu.stanford.nlp.process.PTBTokenizer"
    arguments = ["-cp", str(jar), program, "-preserveLines", "-lowerCase"]
    lines = _java("Stanford's tokenizer", arguments, [one_line(text) for text in texts])
    cut = (line.rstrip().split(" ") for line in lines)
    return [" ".join(word for word in words if word not in DROPPED) for words in cut]


def _meteor(said, meant):
    jar = str(_package() / METEOR)
    arguments = ["-Xmx2G", "-jar", jar, "-", "-", "-stdio", "-l", "en", "-norm"]
    plain = lambda text: text.replace("|||", "").replace("  ", " ")
    lines = [" ||| ".join(["SCORE", *map(plain, texts), plain(text)])
             for text, texts in zip(said, meant)]  # fmt: skip
    counts = _java("METEOR", arguments, lines)
    *items, total = _java("METEOR", arguments, [" ||| ".join(["EVAL", *counts])], len(counts) + 1)
    try:
        return float(total), [float(item) for item in items]
    except ValueError:
        raise NotMeasured(f"METEOR answered {total[:60]!a}, which is no number") from None


def _spice(said, meant):
    package = _package()
    if not (package / MODELS).is_file():
        raise NotMeasured(
            f"Stanford CoreNLP 3.6.0 is not there; put its jars beside pycocoevalcap/{MODELS}"
        )
    with tempfile.TemporaryDirectory() as folder:
        given, found = (pathlib.Path(folder) / name for name in ("in.json", "out.json"))
        rows = zip(said, meant)
        table = [{"image_id": i, "test": t, "refs": texts} for i, (t, texts) in enumerate(rows)]
        given.write_text(json.dumps(table), encoding="utf-8")
        arguments = ["-Xmx8G", "-jar", str(package / SPICE), str(given), "-cache", folder]
        arguments += ["-out", str(found), "-subset", "-silent"]
        _java("SPICE", arguments, [], None, len(said))
        try:
            scores = {row["image_id"]: row["scores"]["All"]["f"] for row in
                      json.loads(found.read_text(encoding="utf-8"))}  # fmt: skip
            items = [float(scores[i]) for i in range(len(said))]
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise NotMeasured(f"SPICE left no scores ({type(error).__name__})") from None
    return sum(items) / len(items), items


def _package():
    found = importlib.util.find_spec("pycocoevalcap")
    if not shutil.which("java") or found is None:
        raise NotMeasured("it is a Java program; install Java and pycocoevalcap")
    return pathlib.Path(found.submodule_search_locations[0])


def _java(name, arguments, lines, answers=..., texts=None):
    """Lines that a program gives back, one for each of `lines`, or `answers` of them; None: any."""
    seconds = START + EACH * (len(lines) if texts is None else texts)
    try:
        ended = subprocess.run(
            ["java", *arguments],
            input="".join(f"{line}\n" for line in lines).encode(),
            capture_output=True,
            timeout=seconds,
            env=os.environ | {"LC_ALL": "C.UTF-8"},  # in another locale Java spoils all but ASCII
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise NotMeasured(f"{name} did not end within {seconds:.0f} seconds") from None
    except OSError as error:
        raise NotMeasured(f"Java cannot be started ({error})") from None
    if ended.returncode:
        told = ended.stderr.decode(errors="replace").split("\n")
        last = ([line.strip() for line in told if line.strip()] or ["without a word"])[-1]
        raise NotMeasured(f"{name} ended with the exit code {ended.returncode}: {last[:200]}")
    found = ended.stdout.decode(errors="replace").split("\n")[:-1]
    wanted = len(lines) if answers is ... else answers
    if wanted is not None and len(found) != wanted:
        raise NotMeasured(f"{name} gave {len(found):,} lines and not {wanted:,}")
    return found
