"""Captions in files: a table (see tables.py) with the columns id and caption, such as COCO's,
or file and caption, such as data sets are built of."""

from data_pipelines import tables
from data_pipelines.errors import UserError
from data_pipelines.folder import FILE_COLUMNS
from data_pipelines.report import Report

# What COCO calls id is that of the caption; a table of pictures and captions names its pictures.
IDS = ("image_id", "id", "key", *FILE_COLUMNS)
TEXTS = ("caption", "text", "sentence")


def read_hypotheses(path):
    """{id: caption}; exactly one caption an id."""
    hypotheses = {}
    for key, caption in _rows(path):
        if key in hypotheses:
            raise UserError(f"{path} has two captions for id {key}; give one each.")
        hypotheses[key] = caption
    if not hypotheses:
        raise UserError(f"{path} holds no caption under the columns id and caption; give one.")
    return hypotheses


def read_references(path, hypotheses):
    """-> (the references of every hypothesis, in the order of the hypotheses: lists of captions,
    {reason: {"count", "first"}} of those without a hypothesis)."""
    references = {}
    for key, caption in _rows(path):
        references.setdefault(key, []).append(caption)
    missing = [key for key in hypotheses if key not in references]
    if missing:
        raise UserError(
            f"{path} has no reference for {len(missing)} of {len(hypotheses)} captions, such as "
            f"id {missing[0]}; give references for every id or leave those captions out."
        )
    others = Report()
    for key in (key for key in references if key not in hypotheses):
        others.skip("no caption", key)
    return [references[key] for key in hypotheses], others.summary()


def _rows(path):
    """(id, caption) of every row; ids are compared as strings.

    A row that cannot be used is refused: left out it would change the score.
    """
    rows = tables.read(path)
    _check_columns(path, [row.cells for row in rows] or [tables.columns(path)])
    for row in rows:
        key, found = tables.name_of(row.pick(IDS)), tables.texts(row.pick(TEXTS))
        fault = row.fault or ("no id" if key is None else "")
        if not fault and (found is None or len(found) != 1):
            fault = f"the caption of id {key} is no text"
        if fault:
            raise UserError(f"{row.where}: {fault}; mend that row.")
        yield key, found[0]


def _check_columns(path, rows):
    """UserError if the columns of no row are those of ids and captions. rows: of each its columns,
    none of one that is harmed."""
    has = lambda there, wanted: any(column in there for column in wanted)
    named = [there for there in rows if there]
    if named and not any(has(there, IDS) and has(there, TEXTS) for there in named):
        raise UserError(
            f"{path} has the columns {', '.join(named[0])}; name the picture's column `file` or "
            "`id` and the text's `caption`."
        )
