"""One page that shows a data set: what stands on it is true, and it asks nobody for anything."""

import base64
import html.parser
import io
import re
import shutil
import subprocess

import numpy as np
import pytest
from PIL import Image

from data_pipelines import inspect
from tests.data_pipelines.sources.made import png, run

ODD = '<script src="http://x/y.js">alert("1")</script> & "a text"'


class Reader(html.parser.HTMLParser):
    """Tags with their attributes, and what is written."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.open, self.texts = [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        if tag not in ("meta", "img", "br"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.texts.append(data)


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """The page of 40 pairs, of which most are torn, with one odd text and one broken picture."""
    place = tmp_path_factory.mktemp("set")
    (place / "p").mkdir()
    for i in range(40):
        (place / f"p/{i}.png").write_bytes(png(6 * i))
    (place / "p/5.png").write_bytes(b"no picture")
    (place / "p/7.png").write_bytes(png(6))  # as 1
    tall = Image.new("RGB", (3, 90), "white")
    tall.save(place / "p/9.png")
    Image.new("RGB", (60, 60), "red").save(place / "p/39.png")
    rows = [f"{i}.png\ta dog called {i} {'very ' * i}" for i in range(38)] + [f"38.png\t{ODD}"]
    (place / "c.tsv").write_text("\n".join(["file\tcaption", *rows]))
    flags = [f"--images={place}/p", f"--captions={place}/c.tsv", "--pairs=8", "--test=0.2"]
    assert run(place / "out", "--from=folder", *flags) == 0
    page = place / "page.html"
    assert inspect.main([str(place / "out"), f"--out={page}", "--text_length=30"]) == 0
    return page.read_text(encoding="utf-8")


def test_the_page_is_sound_and_asks_nobody_for_anything(written):
    found = Reader(written)
    assert found.open == []
    assert {tag for tag, _ in found.tags}.isdisjoint({"script", "link", "iframe", "object"})
    places = [a[name] for _, a in found.tags for name in ("src", "href", "action") if name in a]
    assert places and all(place.startswith("data:image/jpeg;base64,") for place in places)
    assert "url(" not in written and "@import" not in written
    assert ODD in "".join(found.texts) or "38.png" not in written


def test_a_browser_shows_the_pictures(written, tmp_path):
    browser = next(filter(None, map(shutil.which, ("chromium", "google-chrome"))), None)
    if browser is None:
        pytest.skip("there is no Chromium")
    (tmp_path / "page.html").write_text(written, encoding="utf-8")
    shot = tmp_path / "page.png"
    flags = ["--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path / 'home'}"]
    subprocess.run(
        [browser, *flags, "--window-size=1000,9000", f"--screenshot={shot}",
         f"file://{tmp_path / 'page.html'}"], capture_output=True, timeout=100,
    )  # fmt: skip
    pixels = np.asarray(Image.open(shot).convert("RGB")).reshape(-1, 3).astype(int)
    red = (abs(pixels - (254, 0, 0)) < 4).all(axis=1).sum()
    assert red >= 60 * 60, "one picture is red"


def test_what_it_tells_is_so(written):
    text = " ".join(Reader(written).texts)
    assert "8 pairs are kept" in text and "no example stands in both" in text
    assert "no image" in text and "5.png" in text and "most oblong picture" in text
    assert "1 pictures have the pixels of another" in text
    lent = re.search(r"([\d,]+)\s+others lend their pictures and ([\d,]+) their texts", text)
    pairs = re.search(r"texts are longer than 30 tokens", text)
    assert lent and pairs and abs(int(lent[1]) - int(lent[2])) <= 2


def test_pictures_on_it_are_those_of_the_records(written):
    shown = re.findall(r'base64,([^"]+)"', written)
    pixels = [np.asarray(Image.open(io.BytesIO(base64.b64decode(each)))) for each in shown]
    shades = {int(each.mean() / 6 + 0.5) for each in pixels if each.shape == (6, 8, 3)}
    assert len(shades) > 20 and max(max(each.shape[:2]) for each in pixels) <= 112


def test_all_of_a_small_split_and_some_of_a_large_one_are_looked_at(easy):
    from data_pipelines.words.find import open_words

    words = open_words(easy)
    every, some = (inspect.look(easy, "texts", most, words) for most in (10**6, 7))
    assert len(set(some.keys)) == 7 and set(some.keys) < set(every.keys)
    assert len(every.tokens) == sum(every.texts) > len(every.keys)
    assert every.words.most_common(1)[0][1] > 100 and not every.sides
