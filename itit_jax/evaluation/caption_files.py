"""Captions in files: COCO JSON or TSV with the columns id and caption."""

import csv
import json
import pathlib

from data_pipelines.errors import UserError


def read_hypotheses(path):
    """{id: caption}; exactly one caption an id."""
    hypotheses = {}
    for key, caption in _rows(path):
        if key in hypotheses:
            raise UserError(f"{path} has two captions for id {key}; give one each.")
        hypotheses[key] = caption
    if not hypotheses:
        raise UserError(f"{path} holds no caption; give a file with at least one.")
    return hypotheses


def read_references(path, hypotheses):
    """The references of every hypothesis, in the order of the hypotheses: lists of captions."""
    references = {}
    for key, caption in _rows(path):
        references.setdefault(key, []).append(caption)
    missing = [key for key in hypotheses if key not in references]
    if missing:
        raise UserError(
            f"{path} has no reference for {len(missing)} of {len(hypotheses)} captions, such as "
            f"id {missing[0]}; give references for every id or leave those captions out."
        )
    return [references[key] for key in hypotheses]


def _rows(path):
    """(id, caption) of every row; ids are compared as strings."""
    file = pathlib.Path(path)
    if not file.is_file():
        raise UserError(f"{path} does not exist; give a JSON or TSV file of captions.")
    try:
        text = file.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise UserError(f"{path} is no UTF-8 text; give a JSON or TSV file.") from error
    return _json_rows(path, text) if file.suffix == ".json" else _table_rows(path, text)


def _json_rows(path, text):
    try:
        found = json.loads(text)
        rows = found["annotations"] if isinstance(found, dict) else found
        return [(str(row["image_id"]), str(row["caption"])) for row in rows]
    except (json.JSONDecodeError, KeyError, TypeError) as error:
        raise UserError(
            f"{path} is no COCO caption file ({type(error).__name__}: {error}); it holds a list "
            'of {"image_id", "caption"}, or such a list under "annotations".'
        ) from error


def _table_rows(path, text):
    table = csv.DictReader(text.splitlines(), delimiter="\t", quoting=csv.QUOTE_NONE)
    if not {"id", "caption"} <= set(table.fieldnames or ()):
        raise UserError(f"{path} lacks a first line with the columns id and caption; add it.")
    return [(row["id"], row["caption"] or "") for row in table]
