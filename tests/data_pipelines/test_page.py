"""Parts of the page: drawings count every value, and nothing that a user wrote is HTML."""

import re

import numpy as np

from data_pipelines import page


def test_a_histogram_counts_every_value_and_tells_the_ends_and_the_middle():
    values = np.random.default_rng(0).normal(100, 10, 1000).round()
    drawn = page._histogram("width", values)
    counts = [int(n.replace(",", "")) for n in re.findall(r": ([\d,]+)</title></rect>", drawn)]
    assert sum(counts) == 1000 and len(counts) == page.BARS
    for value in (values.min(), np.median(values), values.max()):
        assert f"{value:,.4g}" in drawn
    assert page._histogram("width", []) == ""


def test_what_a_user_wrote_is_text_everywhere():
    odd = "<b onclick='x'>&"
    sample = page.Sample(odd, b"no picture", [odd])
    told = {odd: {"count": 2, "first": [odd]}}
    found = page._figure(sample, odd) + page._skipped(told) + page._words(page_words(odd))
    assert odd not in found and found.count("&lt;b onclick=&#x27;x&#x27;&gt;&amp;") == 6


def page_words(word):
    from collections import Counter

    return Counter({word: 3})
