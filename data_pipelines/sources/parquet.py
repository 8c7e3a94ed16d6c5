"""Source: parquet files with pictures in them, as Hugging Face's `datasets` writes them: a column
image of {bytes, path} or bytes, and one of a caption or a list of them.

Needs pyarrow, of the extra `data`. Files without a column of pictures give lone texts, those
without one of texts lone pictures. A split is told by a column of it, or by the names of the files
(train-00000-of-00002.parquet).
"""

from data_pipelines.errors import UserError
from data_pipelines.example import Record
from data_pipelines.sources import columns
from data_pipelines.sources.base import NO_SPLIT, SPLITS, TEXT_COLUMNS, Example, Skipped
from data_pipelines.sources.files import InFiles

AT_ONCE = 16  # rows that are read together
CUT = "the rest of a parquet file that cannot be read"


class Parquet(InFiles):
    """The rows of all files, in order."""

    def __init__(self, options):
        if not options.files:
            raise UserError("--from=parquet needs --files='DIR/*.parquet'.")
        super().__init__(options.files, "--files")
        self._options = options
        _library()

    def read_file(self, file):
        """Each with the file and row that it stands in as its key."""
        for inside, where, found in self._rows(file):
            for each in [found] if isinstance(found, Skipped) else self._example(where, *found):
                yield inside, each

    def _rows(self, file):
        """(share read, where, (picture's cell, text's cell, split) or Skipped); None stands for a
        column that is not there."""
        name, row = file.name, 0
        try:
            with _library().ParquetFile(file.path) as opened:
                count = max(1, opened.metadata.num_rows)
                chosen = self._columns(opened.schema_arrow, name)
                only = [column for column in chosen if column]
                for batch in opened.iter_batches(AT_ONCE, columns=only):
                    for cells in batch.to_pylist():
                        found = [(cells[c],) if c else None for c in chosen]
                        yield row / count, f"{name}:{row}", (*found[:2], found[2] or file.split)
                        row += 1
        except UserError:
            raise
        except Exception as error:  # a damaged file raises many kinds
            yield 1.0, name, Skipped(CUT, f"{name}:{row} ({str(error).splitlines()[0][:100]})")

    def _columns(self, schema, name):
        """Columns of picture, text and split."""
        options, names = self._options, schema.names
        picture = columns.choose(
            names, columns.PICTURE_COLUMNS, options.image_column, "--image_column", name
        )
        text = columns.choose(names, TEXT_COLUMNS, options.text_column, "--text_column", name)
        if not picture and not options.text_column and "url" in map(str.lower, names):
            raise UserError(
                f"{name} holds addresses of pictures and not their bytes; fetch them by "
                "img2dataset and give --from=webdataset what it wrote, or say by --text_column "
                "that the texts alone are meant."
            )
        if not picture and not text:
            raise UserError(
                f"{name} has the columns {', '.join(names)}; say by --image_column and "
                "--text_column which of them hold pictures and texts."
            )
        return picture, text, columns.choose(names, ("split",), "", "", name)

    def _example(self, where, picture, text, split):
        data, texts, bad = b"", (), []
        if text:
            texts, bad = columns.texts(text[0], where)
        yield from bad
        if picture:
            data = columns.picture(picture[0], where)
        if isinstance(split, tuple):  # of a cell, and not of the file's name
            word = str(split[0] or "").lower()
            split = SPLITS.get(word, "" if not word else None)
        if isinstance(data, Skipped):
            yield data
        elif split is None:
            yield Skipped(NO_SPLIT, f"{where} {word}")
        elif data or texts:
            yield Example(Record(where, data, texts, "parquet"), split)


def _library():
    try:
        import pyarrow.parquet

        return pyarrow.parquet
    except ImportError:
        raise UserError("--from=parquet needs pyarrow; pip install 'itit_jax[data]'.") from None
