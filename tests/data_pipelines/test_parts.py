"""What becomes of an example is the same whether all are asked for or those of one file."""

import io

import numpy as np
import pytest
from PIL import Image

from data_pipelines import parts, plan
from data_pipelines.errors import UserError
from data_pipelines.example import Record
from data_pipelines.images import encode_png
from data_pipelines.report import Report
from data_pipelines.scan import key_hash
from data_pipelines.sources.base import Example, Skipped

SPLITS = ("", "pairs", "images", "texts", "test")


def given(count):
    """What a source gives, and plan.DECIDED of its examples."""
    found, decided = [], np.zeros(count, plan.DECIDED)
    for i in range(count):
        found += [Skipped("odd", f"before {i}")] * (i % 3 == 0)
        found.append(Example(Record(f"k{i}", b"x", (f"text {i}",), "s")))
        main = plan.NAMES.index(SPLITS[i % len(SPLITS)])
        decided[i] = key_hash(f"k{i}"), main == 0, main, 0, main == 0, i % 7 == 4
    return found, decided


def told(of, report, found):
    return [*found], of.texts, of.leaks, report.summary()


def test_what_is_found_of_files_one_after_the_other_is_what_is_found_of_all():
    found, decided = given(60)
    report, counts = Report(), dict.fromkeys(SPLITS, 0)
    whole = parts.Parts(decided, dict(counts), 3, report)
    wanted = told(whole, report, whole.of(found))
    places = [i for i, each in enumerate(found) if isinstance(each, Example)]
    rows, texts, leaks, report = [], {name: [] for name in whole.texts}, {}, Report()
    for first, last in ((0, 0), (0, 1), (1, 33), (33, 60)):
        begin, end = ((places + [len(found)])[i] if i else 0 for i in (first, last))
        part, of_it = Report(), decided[first:last]
        one = parts.Parts(of_it, counts, 3, part)
        rows += one.of(found[begin:end])
        report.add(Report(part.summary()))
        parts.add_leaks(leaks, one.leaks)
        for name, some in one.texts.items():
            texts[name] += some
    assert (rows, texts, leaks, report.summary()) == wanted
    assert len(rows) == 48 and report.summary()["odd"]["count"] == 20 and leaks


@pytest.mark.parametrize("change", [lambda f: f[:-1], lambda f: f + f[-1:], lambda f: f[::-1]])
def test_other_examples_than_were_looked_at_are_refused(change):
    found, decided = given(5)
    with pytest.raises(UserError, match="the source changed while it was read"):
        list(parts.Parts(decided, dict.fromkeys(SPLITS, 0), 0, Report()).of(change(found)))


def test_a_picture_is_made_smaller_once_and_keeps_its_shape():
    pixels = np.asarray(Image.linear_gradient("L").convert("RGB").resize((300, 200)))
    data = encode_png(pixels)
    small = Image.open(io.BytesIO(parts.smaller(data, 50, 90)))
    assert small.size == (75, 50) and small.format == "JPEG"
    assert parts.smaller(data, 200, 90) is data
    assert len(parts.smaller(data, 50, 10)) < len(parts.smaller(data, 50, 95))


def test_a_picture_too_long_for_jpeg_is_made_smaller_all_the_same():
    data = encode_png(np.full((80_000, 10, 3), 7, np.uint8))
    small = Image.open(io.BytesIO(parts.smaller(data, 9, 90)))
    assert small.size == (9, 72_000) and small.getcolors() == [(9 * 72_000, (7, 7, 7))]
