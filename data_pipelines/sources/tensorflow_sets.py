"""Sources that TensorFlow reads: a set of TFDS, or any registered seqio Task or Mixture.

    --from=tfds:coco_captions:1.1.0     that is prepared, or tfds:DIR, the folder of its version
    --from=seqio:my_module:my_task      whose module registers it when it is imported

Pictures are copied as they lie there; a Task's pixels are stored as PNG. Needs the extra `data`.
"""

import importlib
import pathlib
import sys

from data_pipelines.errors import UserError
from data_pipelines.example import Record
from data_pipelines.report import Report
from data_pipelines.sources import columns
from data_pipelines.sources.base import TEXT_COLUMNS, Example, Skipped, emptied

BEFORE_WORDS = "_pretokenized"  # what seqio puts behind the name of a text that it keeps


class _Rows:
    """Rows as dicts, in the order in which the library gives them without shuffling."""

    def __init__(self, options):
        self._kind, _, self._name = options.from_.partition(":")
        self._options, self.told, self.at, self.paired = options, Report(), 0.0, ()
        self._set = self._open()
        self._picture, self._text = self._columns()

    def read(self):
        """Every row; its number is its key."""
        for number, row in enumerate(self._rows()):
            self.at = min(1.0, number / self._count()) if self._count() else 0.0
            where = f"{self._options.split}-{number}"
            texts, bad = (), []
            if self._text:
                texts, bad = columns.texts(self._words(row[self._text]), where)
            yield from bad
            data = columns.picture(row[self._picture], where) if self._picture else b""
            if isinstance(data, Skipped):
                yield data
            elif data or texts:
                yield Example(Record(where, data, texts, self._kind))

    def nothing_left(self, what, held_out, told):
        """Why there is nothing to train on."""
        del what, held_out
        return emptied(f"split {self._options.split} of {self._options.from_}", told())

    def _choose(self, names):
        options, where = self._options, self._options.from_
        picture = columns.choose(
            names, columns.PICTURE_COLUMNS, options.image_column, "--image_column", where
        )
        text = columns.choose(names, TEXT_COLUMNS, options.text_column, "--text_column", where)
        if not picture and not text:
            raise UserError(
                f"{where} has the features {', '.join(names)}; say by --image_column and "
                "--text_column which of them hold pictures and texts."
            )
        return picture, text

    def _check_split(self, known):
        if self._options.split not in known:
            raise UserError(
                f"{self._options.from_} has no split {self._options.split}; give --split="
                f"{' or '.join(map(str, known))}."
            )

    def _words(self, cell):
        return cell

    def _count(self):
        return 0


class Tfds(_Rows):
    """A data set of TFDS that is prepared on this machine."""

    def _open(self):
        tfds = _library("tensorflow_datasets")
        try:
            if pathlib.Path(self._name).is_dir():
                builder = tfds.builder_from_directory(self._name)
            else:
                builder = tfds.builder(self._name)
        except Exception as error:  # what is no such name, folder or version raises many kinds
            told = str(error).strip().splitlines()[0]
            raise UserError(
                f"tfds:{self._name} cannot be opened ({told}); give tfds:NAME:VERSION or the "
                "folder of a version."
            ) from error
        if not builder.is_prepared():
            name = self._name.partition(":")[0]
            raise UserError(f"tfds:{self._name} is not prepared here; run tfds build {name}.")
        return builder

    def _columns(self):
        self._check_split(list(self._set.info.splits))
        return self._choose(list(self._set.info.features))

    def _count(self):
        return self._set.info.splits[self._options.split].num_examples

    def _rows(self):
        tfds = _library("tensorflow_datasets")
        feature = self._set.info.features[self._picture] if self._picture else None
        as_it_is = {self._picture: tfds.decode.SkipDecoding()}
        return self._set.as_dataset(
            split=self._options.split,
            shuffle_files=False,
            decoders=as_it_is if isinstance(feature, tfds.features.Image) else None,
            read_config=tfds.ReadConfig(interleave_cycle_length=1),
        ).as_numpy_iterator()


class Seqio(_Rows):
    """A Task or a Mixture that a module registers."""

    def _open(self):
        module, _, name = self._name.partition(":")
        seqio = _library("seqio")
        sys.path[:0] = [""] if "" not in sys.path else []
        try:
            importlib.import_module(module)
        except ImportError as error:
            raise UserError(
                f"the module {module} of --from={self._options.from_} cannot be imported "
                f"({error}); give --from=seqio:MODULE:NAME from the folder where it lies."
            ) from error
        try:
            return seqio.get_mixture_or_task(name)
        except ValueError as error:
            raise UserError(
                f"{module} registers no Task or Mixture {name}; give one that it does."
            ) from error

    def _columns(self):
        self._check_split(list(self._set.splits))
        names = list(self._set.output_features)
        picture, text = self._choose(names)
        return picture, text

    def _rows(self):
        return self._set.get_dataset(
            sequence_length=None, split=self._options.split, shuffle=False, num_epochs=1, seed=0
        ).as_numpy_iterator()

    def _words(self, cell):
        """Ids as the text that they stand for."""
        if getattr(cell, "dtype", None) is not None and cell.dtype.kind in "iu":
            vocabulary = self._set.output_features[self._text].vocabulary
            ids = [int(i) for i in cell.reshape(-1)]
            end = vocabulary.eos_id
            return vocabulary.decode(ids[: ids.index(end)] if end in ids else ids)
        return cell


def _library(name):
    try:
        return importlib.import_module(name)
    except ImportError:
        raise UserError(
            "--from=tfds and --from=seqio need TensorFlow; pip install 'itit_jax[data]'."
        ) from None
