"""Which texts can be used, whatever source they come from."""

from data_pipelines import tables
from data_pipelines.report import Report
from data_pipelines.sources.base import LONGEST, Skipped, emptied, usable_texts


def test_usable_texts_are_stripped_and_the_others_told_by_reason():
    cell = [" a text\n", "", "x" * (LONGEST + 1), "half \ud800", "x" * LONGEST]
    good, bad = usable_texts(cell, "row 3")
    assert good == ("a text", "x" * LONGEST)
    reasons = ("empty caption", "text too long", tables.NO_UTF8)
    assert bad == [Skipped(why, "row 3") for why in reasons]
    assert usable_texts(7, "row 3") == ((), [Skipped(tables.NO_TEXT, "row 3")])
    assert usable_texts(" ", "row 3", "question")[1] == [Skipped("empty question", "row 3")]


def test_an_empty_source_is_told_with_what_was_found():
    report = Report()
    assert "(it is empty)" in emptied("--files=x", report)
    report.skip("broken image", "x:1")
    assert emptied("--files=x", report) == (
        "--files=x holds nothing that can be used (broken image: 1, first x:1); check what it "
        "names."
    )
