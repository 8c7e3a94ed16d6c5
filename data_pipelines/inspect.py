"""Shows a data set on one page, to be looked at before training on it.

python -m data_pipelines.inspect data/mine --out=page.html

Counts by split, lengths of texts in tokens and what is cut, sizes and shapes of pictures, captions
a picture, the commonest and the rarest words, samples at random and at the extremes, duplicates,
what was skipped and why, what unpairing did. The page asks nobody for anything. Of a large split
some records are looked at, spread evenly over it.
"""

import collections
import dataclasses
import json
import pathlib
import re
import sys

import numpy as np

from configs.commands import Argument, command
from configs.keys import at_least
from data_pipelines import images, page
from data_pipelines.example import asks
from data_pipelines.files import check_file, whole
from data_pipelines.records import Records, read_info
from data_pipelines.words.find import holds_words, open_words

SHOWN = 24  # pictures or texts of a split
WORDS = 40  # the commonest and as many rare ones
ARGUMENTS = {
    "data": Argument("", "the data set", form="DIR"),
    "--out": Argument("", "page to write", form="FILE", needed=True),
    "--most": Argument(2000, "records of a split that are looked at", at_least(1), form="N"),
    "--text_length": Argument(64, "tokens beyond which a text is cut", at_least(1), form="N"),
}


@command("data_pipelines.inspect", "show a data set on one page", ARGUMENTS)
def main(options):
    """Writes the page."""
    check_file(options.out, "--out")
    folder = pathlib.Path(options.data)
    info, words = read_info(folder), open_words(folder) if holds_words(folder) else None
    looked = {name: look(folder, name, options.most, words) for name in info["splits"]}
    report = folder / "report.json"
    skipped = json.loads(report.read_text(encoding="utf-8")) if report.is_file() else {}
    with whole(options.out, "w") as file:
        file.write(page.render(folder.name, info, looked, skipped, options.text_length))
    print(f"{options.out}: {sum(len(each.keys) for each in looked.values()):,} records looked at")


@dataclasses.dataclass
class Looked:
    """Some records of a split. Lists hold one entry a record, those of texts one a text."""

    keys: list = dataclasses.field(default_factory=list)
    sides: list = dataclasses.field(default_factory=list)  # (width, height)
    image_bytes: list = dataclasses.field(default_factory=list)
    texts: list = dataclasses.field(default_factory=list)  # how many
    tokens: list = dataclasses.field(default_factory=list)  # of each text
    words: collections.Counter = dataclasses.field(default_factory=collections.Counter)
    samples: list = dataclasses.field(default_factory=list)  # page.Sample
    extremes: dict = dataclasses.field(default_factory=dict)  # {what: page.Sample}


def look(folder, split, most, words) -> Looked:
    """At most so many records of a split."""
    records, found = Records(folder, split), Looked()
    count = min(most, len(records))
    places = [i * len(records) // count for i in range(count)]
    for place in places:
        _add(found, records[place], words, split)
    shown = np.random.default_rng(0).permutation(count)[:SHOWN]
    found.samples = [_sample(records[places[i]]) for i in sorted(shown)]
    found.extremes = _extremes(found, records, places)
    return found


def _add(found, record, words, split):
    said = [each.question for each in record.asked] if asks(split) else record.texts
    found.keys.append(record.key)
    found.texts.append(len(said))
    for text in said:
        found.tokens += [words.count(text)] if words else []
        found.words.update(re.findall(r"\w+", text.lower()))
    if record.image:
        found.sides.append(images.size_of(record.image))
        found.image_bytes.append(len(record.image))


def _extremes(found, records, places):
    """{what: sample}: the largest, smallest and most oblong picture, the most texts."""
    at = {}
    if found.sides:
        area = np.array([width * height for width, height in found.sides])
        oblong = np.array([max(side) / max(1, min(side)) for side in found.sides])
        at = {"largest picture": area.argmax(), "smallest picture": area.argmin(),
              "most oblong picture": oblong.argmax()}  # fmt: skip
    elif found.texts:
        at = {"most texts": int(np.argmax(found.texts))}
    return {what: _sample(records[places[i]]) for what, i in at.items()}


def _sample(record):
    said = [*record.texts, *(f"{each.question} — {each.answer}" for each in record.asked)]
    return page.Sample(record.key, record.image, said)


if __name__ == "__main__":
    sys.exit(main())
