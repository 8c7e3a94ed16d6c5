"""METEOR 1.5 by its own Java program, where Java and pycocoevalcap are installed."""

import os
import shutil


def score(hypotheses, references):
    """{"score", "items", "signature"} of raw texts, or {"missing": what to install}."""
    if not shutil.which("java"):
        return {"missing": "METEOR is a Java program; install Java and pycocoevalcap"}
    try:
        from pycocoevalcap.meteor.meteor import Meteor
        from pycocoevalcap.tokenizer.ptbtokenizer import PTBTokenizer
    except ImportError:
        return {"missing": "METEOR comes with pycocoevalcap; pip install pycocoevalcap"}
    os.environ["LC_ALL"] = "C.UTF-8"  # in another locale Java spoils all but ASCII
    rows = lambda texts: {i: [{"caption": c} for c in t] for i, t in enumerate(texts)}
    tokens = PTBTokenizer()
    found = tokens.tokenize(rows(references)), tokens.tokenize(rows([t] for t in hypotheses))
    total, items = Meteor().compute_score(*found)
    signature = f"meteor:1.5-java|n:{len(items)}"
    return {"score": float(total), "items": [float(x) for x in items], "signature": signature}
