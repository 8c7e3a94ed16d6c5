"""Two numbers of each record of a split, beside its shards: which example it is of, and which
picture. A text that was torn from its picture keeps the number of that: so can be told, without a
look at a record, that no lone picture is that of a lone text, also of another data set.

    SPLIT.hashes.npy    [records] of HASHES
"""

import pathlib

import numpy as np

from data_pipelines.errors import UserError
from data_pipelines.records import AGAIN, Records, concept, read_info
from data_pipelines.scan import key_hash
from data_pipelines.shards import file_sum

KIND = "xxh3"  # how pixels are hashed; others tell nothing of the same picture
HASHES = np.dtype([("key", "<u8"), ("pixels", "<u8")])  # as in scan.ROW; 0: no picture


def write(folder, split, count, rows) -> dict:
    """The two columns of scan.ROW of `count` records, some of them at a time. -> what dataset.json
    tells of the file."""
    file = pathlib.Path(folder) / f"{split}.hashes.npy"
    about = {"descr": np.lib.format.dtype_to_descr(HASHES), "fortran_order": False}
    with open(file, "wb") as out:
        np.lib.format.write_array_header_1_0(out, about | {"shape": (count,)})
        for some in rows:
            found = np.zeros(len(some), HASHES)
            for name in HASHES.names:
                found[name] = some[name]
            out.write(found.tobytes())
    return {"file": file.name, "kind": KIND, "sha256": file_sum(file)}


def read(folder, split) -> np.ndarray:
    """HASHES [records]. Of a data set that was drawn the keys are read, and pictures unknown."""
    told = read_info(folder)["splits"][split].get("hashes")
    if told is None:
        keys = [key_hash(concept(record.key)) for record in Records(folder, split)]
        return np.array([(key, 0) for key in keys], HASHES)
    if told.get("kind") != KIND:
        raise UserError(f"{folder} knows its pictures by an older hash; build the data set anew.")
    file = pathlib.Path(folder) / told["file"]
    if not file.is_file() or file_sum(file) != told["sha256"]:
        raise UserError(f"{file} is missing or damaged; {AGAIN}")
    return np.load(file)
