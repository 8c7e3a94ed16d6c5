"""METEOR 1.5 and SPICE by their own Java programs, where Java and pycocoevalcap are installed."""

import importlib.util
import os
import pathlib
import shutil

MODELS = "spice/lib/stanford-corenlp-3.6.0-models.jar"  # not in the package


def score(hypotheses, references):
    """{"METEOR": entry, "SPICE": entry} of raw texts.

    entry: {"score", "items", "signature"}, or {"missing": what to install}.
    """
    missing, spice_missing = _missing()
    if missing:
        return {"METEOR": {"missing": missing}, "SPICE": {"missing": missing}}
    os.environ["LC_ALL"] = "C.UTF-8"  # in another locale Java spoils all but ASCII
    tokens = _tokens(references), _tokens([text] for text in hypotheses)
    spice = {"missing": spice_missing} if spice_missing else _spice(*tokens)
    return {"METEOR": _meteor(*tokens), "SPICE": spice}


def _missing():
    """What to install for both, or else for SPICE; "" where nothing is missing."""
    package = importlib.util.find_spec("pycocoevalcap")
    if not shutil.which("java") or package is None:
        return "it is a Java program; install Java and pycocoevalcap", ""
    if (pathlib.Path(package.submodule_search_locations[0]) / MODELS).is_file():
        return "", ""
    return "", f"Stanford CoreNLP 3.6.0 is not there; put its jars beside pycocoevalcap/{MODELS}"


def _tokens(texts):
    from pycocoevalcap.tokenizer.ptbtokenizer import PTBTokenizer

    rows = {i: [{"caption": caption} for caption in captions] for i, captions in enumerate(texts)}
    return PTBTokenizer().tokenize(rows)


def _meteor(references, hypotheses):
    from pycocoevalcap.meteor.meteor import Meteor

    total, items = Meteor().compute_score(references, hypotheses)
    return _entry(total, items, "meteor:1.5-java")


def _spice(references, hypotheses):
    from pycocoevalcap.spice.spice import Spice

    total, items = Spice().compute_score(references, hypotheses)
    return _entry(total, [item["All"]["f"] for item in items], "spice:1.0-java")


def _entry(total, items, name):
    items = [float(x) for x in items]
    return {"score": float(total), "items": items, "signature": f"{name}|n:{len(items)}"}
