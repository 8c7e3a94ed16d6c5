"""Reads every byte of a data set and compares it with what dataset.json tells.

python -m data_pipelines.verify data/coco
"""

import pathlib
import sys

from configs.commands import Argument, command
from data_pipelines.errors import UserError
from data_pipelines.progress import Bar
from data_pipelines.records import AGAIN, INFO, read_info
from data_pipelines.scan import in_order
from data_pipelines.shards import file_sum

ARGUMENTS = {"data": Argument("", "the data set", form="DIR")}


@command("data_pipelines.verify", "compare every file of a data set with its checksum", ARGUMENTS)
def main(options):
    """Names every file that is not as it was written; exit code 2 if there is one."""
    folder = pathlib.Path(options.data)
    told = dict(_files(read_info(folder)))
    faults, done, size = [], 0, sum(each["bytes"] for each in told.values()) or 1
    with Bar("compared", "bytes") as bar:
        for name, fault in in_order(lambda each: (each[0], _fault(folder, *each)), told.items()):
            done += told[name]["bytes"]
            bar.at(done, done / size)
            if fault:
                faults.append(name)
                print(f"{folder / name} {fault}")
    if faults:
        raise UserError(f"{len(faults)} of {len(told)} files of {folder} are damaged; {AGAIN}")
    print(f"{folder}: {len(told):,} files and {INFO} are as they were written")


def _files(info):
    """(name, {"bytes", "sha256"}) of all that has a checksum."""
    for split in info["splits"].values():
        for shard in split["shards"]:
            yield shard["file"], shard
        if "hashes" in split:
            yield split["hashes"]["file"], {"bytes": 0} | split["hashes"]
    yield from info.get("files", {}).items()


def _fault(folder, name, told):
    """What is wrong with a file, or ""."""
    file = folder / name
    if not file.is_file():
        return "is missing"
    if told["bytes"] and file.stat().st_size != told["bytes"]:
        return f"has {file.stat().st_size:,} bytes, not {told['bytes']:,}"
    try:
        return "" if file_sum(file) == told["sha256"] else "has other contents"
    except OSError as error:
        return f"cannot be read ({error.strerror})"


if __name__ == "__main__":
    sys.exit(main())
