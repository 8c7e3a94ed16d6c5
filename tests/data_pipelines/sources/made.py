"""What tests of sources share: pictures, and a build of them."""

import json

import numpy as np

from data_pipelines import build
from data_pipelines.images import encode_png
from data_pipelines.records import Records, read_info
from data_pipelines.words.train import train_pieces

WORDS = train_pieces(["a picture of something else, and a lone text " * 3] * 5, 40)


def png(shade):
    return encode_png(np.full((6, 8, 3), shade % 256, np.uint8))


def run(out, *flags):
    """Exit code of a build whose words are there already."""
    words = out.with_name("w.model")
    words.parent.mkdir(exist_ok=True)
    words.write_bytes(WORDS)
    return build.main([f"--out={out}", f"--vocabulary={words}", *flags])


def records(out, *flags):
    """{split: [Record]} of a build, of which nothing is held out unless somebody tells so."""
    pairs = [] if "--from=texts" in flags else ["--validation=0", "--test=0"]
    assert run(out, *pairs, *flags) == 0
    return {split: list(Records(out, split)) for split in read_info(out)["splits"]}


def told(out):
    """{reason: count} of report.json."""
    report = json.loads((out / "report.json").read_text(encoding="utf-8"))
    return {reason: found["count"] for reason, found in report.items()}
