"""Odd files of captions handed to the scorer."""

import json

from benchmarks.inputs import tables
from benchmarks.inputs.tables import EITHER, SKIPPED
from benchmarks.inputs.trial import Trial, call
from itit_jax.evaluation import caption_scores, captions

REFERENCES = "references.json"


def twice(rng, sheet):
    """Two captions of one id."""
    sheet.rows.append(tables.Row(sheet.rows[0].key, "another", fate=SKIPPED))
    sheet.named = ("two captions", sheet.rows[0].key)


def unknown_id(rng, sheet):
    """An id that the references do not have."""
    sheet.rows.append(tables.Row("nobody", "another", fate=SKIPPED))
    sheet.named = ("nobody",)


def spaces(rng, sheet):
    """Spaces around ids."""
    for row in sheet.rows:
        row.name = f" {row.key} "


def numbers(rng, sheet):
    """Ids that are numbers in one file and texts in the other."""
    sheet.format = "jsonl"
    for row in sheet.rows:
        row.name = int(row.key)


# A caption that is skipped changes the score, so a scorer refuses where a builder counts.
FOREIGN = (tables.cut_row, tables.wide_row, tables.no_objects, tables.foreign_bytes,
           tables.foreign_values, tables.open_quote)  # fmt: skip
SAME = (tables.sound, tables.headers, tables.mark, tables.suffix, tables.packed, tables.unix,
        tables.separators, tables.breaks, tables.old_lines, tables.one_in_a_list)  # fmt: skip
ODD = (*SAME, *FOREIGN, twice, unknown_id, spaces, numbers)


def trial(rng) -> Trial:
    """Hypotheses with one odd thing about them, beside sound references."""
    keys = [str(n) for n in rng.choice(1000, rng.integers(3, 6), replace=False)]
    rows = [tables.Row(key, f"{tables.sentence(rng)} {i}") for i, key in enumerate(keys)]
    sheet = tables.Sheet(rows, ("id", "caption"), str(rng.choice(tables.FORMATS)))
    references = {key: [tables.sentence(rng), f"a dog {key}"] for key in keys}
    odd = ODD[rng.integers(len(ODD))]
    odd(rng, sheet)
    if odd in FOREIGN or odd in (tables.separators, tables.breaks, tables.old_lines):
        _new_keys(sheet, references)
        sheet.named = (*sheet.named, "line", "row", "id", "sheet.")

    def act(folder):
        (folder / sheet.file).write_bytes(sheet.data())
        said = [{"image_id": k, "caption": t} for k, texts in references.items() for t in texts]
        (folder / REFERENCES).write_text(json.dumps(said))
        out = folder / "scores.json"
        call(captions.main, folder / sheet.file, folder / REFERENCES, f"--out={out}")
        return json.loads(out.read_text())

    return Trial(odd.__name__, act, lambda got: fault(got, sheet, references), sheet.named)


def _new_keys(sheet, references):
    """Rows that an oddity added speak of ids of their own: one caption an id."""
    seen = set()
    for number, row in enumerate(sheet.rows):
        if row.key in seen or not row.key.isdecimal():
            row.key = row.name = str(2000 + number)
        seen.add(row.key)
        references.setdefault(row.key, ["a dog", "the dog of nobody"])


def fault(got, sheet, references) -> str:
    """What is wrong with scores, or "": they are those of the texts that are meant."""
    rows = {row.key: row for row in sheet.rows}
    foreign = [key for key in got["ids"] if key not in rows]
    if foreign:
        return f"id {foreign[0]} is in no row"
    lost = [key for key, row in rows.items() if row.fate not in (SKIPPED, EITHER)
            and key not in got["ids"]]  # fmt: skip
    if lost:
        return f"id {lost[0]} is lost"
    bent = [key for key in got["ids"] if rows[key].fate == SKIPPED]
    if bent:
        return f"id {bent[0]} is scored, whose row is unsound"
    texts = [rows[key].meant for key in got["ids"]]
    wanted = caption_scores.score(texts, [references[key] for key in got["ids"]])
    for name, entry in wanted.items():
        if entry.get("score") != got["scores"][name].get("score"):
            return f"{name} is {got['scores'][name]}, not {entry}"
    return ""
