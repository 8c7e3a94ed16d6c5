"""Source: COCO: pictures in zips or folders, captions in its annotation JSON, and the splits of
Karpathy's dataset_coco.json if you like, which has captions of its own.

A caption goes with the id of its picture, and so does Karpathy's split, also where his names are
those of another year. Several caption files may tell splits by their names (captions_val2017).
"""

import collections
import pathlib
import re

from data_pipelines import tables
from data_pipelines.errors import UserError
from data_pipelines.folder import with_pictures
from data_pipelines.picture_files import Pictures
from data_pipelines.picture_names import Names, outside
from data_pipelines.places import several
from data_pipelines.report import Report
from data_pipelines.sources.base import NO_SPLIT, SPLITS, emptied, usable_texts
from data_pipelines.sources.files import told_splits

READ = ("images", "annotations", "id", "image_id", "file_name", "caption", "cocoid", "filename",
        "split", "sentences", "raw")  # fmt: skip


class Coco:
    """The pictures one by one; the captions are read at its beginning."""

    def __init__(self, options):
        if not options.images or not (options.captions or options.karpathy):
            raise UserError(
                "--from=coco needs --images=train2017.zip and --captions=captions_train2017.json, "
                "--karpathy=dataset_coco.json or both."
            )
        self.told, self.at, self.paired = Report(), 0.0, ("texts",)
        self._options = options
        self.pictures = Pictures(_places(several(options.images)))
        self._by_name = _ByName(self.pictures)
        self.captions, self.splits = collections.defaultdict(list), {}
        ids = self._read_captions(several(options.captions) if options.captions else ())
        if options.karpathy:
            self._read_karpathy(options.karpathy, ids)

    def read(self):
        """Every picture with its captions."""
        yield from with_pictures(self, "coco")

    def nothing_left(self, what, held_out, told):
        """Why there is nothing to train on."""
        del what
        given = self._options.captions or self._options.karpathy
        if held_out:
            return f"{given} holds out all its pictures; leave some to train on."
        return emptied(given, told())

    def _read_captions(self, files):
        """-> {id: picture} of all files."""
        ids, told = {}, told_splits(files)
        for file in files:
            found, name = _parsed(file, "annotations"), pathlib.Path(file).name
            of_file = self._read_ids(found.get("images"), name)
            for number, row in enumerate(found["annotations"], start=1):
                self._add(row, f"{name}:{number}", of_file)
            ids |= {i: picture for i, picture in of_file.items() if picture}
            for picture in of_file.values() if file in told else ():
                self.splits.setdefault(picture, told[file])
        return ids

    def _read_ids(self, rows, name):
        """{id: picture, or None of one that is not there} of the list of images."""
        found = {}
        for number, row in enumerate(rows if isinstance(rows, list) else (), start=1):
            where = f"{name}: image {number}"
            row = row if isinstance(row, dict) else {}
            key, file = tables.name_of(row.get("id")), tables.name_of(row.get("file_name"))
            if not key or not file:
                self.told.skip("no id or no file named", where)
            elif key in found:
                self.told.skip("an id that another picture has", f"{where} {file}")
            else:
                found[key] = self._find(file, where)
        return found

    def _find(self, file, where):
        if outside(file):
            return self.told.skip("file outside of the folder", f"{where} {file}")
        if (found := self._by_name.find(file)) is None:
            self.told.skip("image missing", f"{where} {file}")
        return found

    def _add(self, row, where, ids):
        """One caption."""
        if not isinstance(row, dict):
            return self.told.skip("no JSON object", where)
        key = tables.name_of(row.get("image_id"))
        if key not in ids:
            return self.told.skip("caption of a picture that is not listed", f"{where} {key}")
        if ids[key] is None:
            return self.told.skip("caption of a picture that is not there", f"{where} {key}")
        self._add_texts(ids[key], row.get("caption"), where)

    def _add_texts(self, picture, found, where):
        good, bad = usable_texts(found, where)
        self.captions[picture] += good
        for each in bad:
            self.told.skip(*each)

    def _read_karpathy(self, file, ids):
        """Splits, and captions where no other file tells any. ids: {id: picture} of those."""
        name, own = pathlib.Path(file).name, not ids
        for number, row in enumerate(_parsed(file, "images")["images"], start=1):
            where = f"{name}: image {number}"
            row = row if isinstance(row, dict) else {}
            picture = self._meant(row, ids, where)
            split = SPLITS.get(str(row.get("split", "")).lower())
            if picture and split is None:
                self.told.skip(NO_SPLIT, f"{where} {row.get('split')}")
            elif picture:
                self.splits[picture] = split
                for each in row.get("sentences") or () if own else ():
                    raw = each.get("raw") if isinstance(each, dict) else None
                    self._add_texts(picture, raw, where)

    def _meant(self, row, ids, where):
        """The picture of one of Karpathy's rows, or None."""
        number, file = (tables.name_of(row.get(cell)) for cell in ("cocoid", "filename"))
        if ids:  # those whose captions nobody gave are none of ours
            return ids.get(number)
        if found := self._by_number.get(number):
            return found
        return self._find(file, where) if file else self.told.skip("no file named", where)

    @property
    def _by_number(self):
        return self._by_name.numbers


class _ByName:
    """Pictures by their path or by their last name alone, and by the number that it ends in."""

    def __init__(self, pictures):
        self._names, self._last, self.numbers = Names(pictures, pictures.sources), {}, {}
        for name in pictures:
            last = name.rpartition("/")[2]
            self._last[last] = None if last in self._last else name
            if number := re.search(r"(\d+)\.\w+$", last):
                key = str(int(number[1]))
                self.numbers[key] = None if key in self.numbers else name

    def find(self, file):
        """The picture of a file's name, or None."""
        return self._names.find(file) or self._last.get(file.rpartition("/")[2])


def _places(paths):
    """Folders and zips; of a folder that holds zips those."""
    found = []
    for path in map(pathlib.Path, paths):
        zips = sorted(path.glob("*.zip")) if path.is_dir() else []
        found += zips or [path]
    return found


def _parsed(file, needed):
    """The file's object, in little memory: of each object in it only what is read."""
    only = lambda found: {name: found[name] for name in READ if name in found}
    found = tables.parsed(tables.text_of(file), only)
    if not isinstance(found, dict) or not isinstance(found.get(needed), list):
        raise UserError(
            f"{file} is no JSON with a list of {needed}, as COCO's captions and Karpathy's "
            "dataset_coco.json are; check the path or fetch it again."
        )
    return found
