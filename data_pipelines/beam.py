"""Makes a data set on many machines: an Apache Beam pipeline, on any runner.

python -m data_pipelines.beam --from=webdataset --shards='gs://BUCKET/cc3m/*.tar' --pairs=N \
    --out=gs://BUCKET/data/cc3m -- --runner=DataflowRunner --project=P --region=R \
    --temp_location=gs://BUCKET/tmp

The data set is that of data_pipelines.build, record by record, and either command says of what the
other made that it is there already. What machines do is told in on_workers.py; the plan is made
here, from 32 bytes an example, and a vocabulary is learnt here. Beam does not go together with what
training pins: pip install -r requirements/beam.txt, in an environment of its own.
"""

import copy
import dataclasses
import functools
import itertools
import json
import os
import shutil
import sys
import tempfile

from configs.commands import Argument, command
from configs.keys import one_of
from data_pipelines import build, hashes, importing, parts, plan, scan, wheel
from data_pipelines.errors import UserError
from data_pipelines.files import check_writable, is_address, put, whole
from data_pipelines.on_workers import (
    DECIDED,
    FAULTS,
    ROWS,
    TOLD,
    Task,
    Work,
    called,
    look,
    parts_of,
    tell_split,
    write_shard,
)
from data_pipelines.report import Report

KINDS = ("webdataset", "parquet", "texts")  # sources of files that can be read one by one
SHARED = (
    "--shard_size", "--vocabulary", "--vocabulary_size", "--pairs", "--unpair",
    "--drop_duplicates", "--resize", "--quality", "--shards", "--files", "--texts",
    "--image_column", "--text_column", "--validation", "--test",
)  # fmt: skip
ARGUMENTS = {
    "--from": Argument("", "what to make it of", one_of(*KINDS), form="KIND", needed=True),
    "--out": Argument("", "folder to make", form="DIR", needed=True, bucket=True),
    **{name: dataclasses.replace(build.ARGUMENTS[name], bucket=True) for name in SHARED},
    "runner": Argument((), "flags of the Beam runner", many=True, unset=True),
}


@command("data_pipelines.beam", "make a data set of many files on many machines", ARGUMENTS)
def main(options):
    """Build, unless the folder already holds what this command makes."""
    if not is_address(options.out):
        check_writable(options.out, "--out")
    _library()
    build.make(main, options, _fill, apart=("--out", "runner"))


def _library():
    try:
        import apache_beam

        return apache_beam
    except ImportError:
        raise UserError(
            "data_pipelines.beam needs Apache Beam; pip install -r requirements/beam.txt, in an "
            "environment of its own."
        ) from None


def _fill(draft, options, report):
    """All shards, as `build.make` asks for them."""
    source = build.SOURCES[options.from_](options)
    files = [_anywhere(file) for file in source.files]
    light = copy.copy(source)
    light.files = []  # machines are told of one at a time
    work = Work(str(draft), light, options)
    for name in (ROWS, TOLD, FAULTS):
        work.place(name).mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as here:
        rows, ends = _look(work, files, os.path.join(here, ROWS))
        written, facts, texts = _written(work, source, files, rows, ends, report)
    _remove(work)
    given = {name: v for name, v in vars(options).items() if name not in ("out", "runner")}
    return written, facts, texts, given


def _written(work, source, files, rows, ends, report):
    """Shards of what was looked at. -> ({split: told}, facts, texts to learn words from)."""
    options = work.options
    planned = plan.make(rows, options)
    importing.check(planned, source, lambda: _report(work, files, ROWS))
    splits, cuts = planned.splits(), importing.cuts(planned, rows, options)
    work = dataclasses.replace(
        work, cuts={name: behind.tolist() for name, behind in cuts.items()},
        every=parts.every(splits, options),
    )  # fmt: skip
    with whole(work.place(DECIDED)) as file:
        for some in planned.decided(rows):
            file.write(some.tobytes())
    _run(work, _writing, _tasks(files, ends, planned))
    leaks, texts = _told(work, files, report)
    written = {name: _split(work, name, count, planned.rows(name, rows))
               for name, count in splits.items()}  # fmt: skip
    return written, planned.facts | {"leaks": leaks}, texts


def _anywhere(file):
    """The file by a path that is the same for a machine that works in another folder."""
    path = str(file.path)
    return file._replace(path=path if is_address(path) else os.path.abspath(path))


# ---- pipelines ----------------------------------------------------------------------------------


def _run(work, steps, tasks):
    """Steps over all tasks, by the runner that was asked for; UserError if one has a fault that the
    user can mend."""
    beam = _library()
    from apache_beam.options.pipeline_options import PipelineOptions

    with tempfile.TemporaryDirectory() as folder:
        flags = [*work.options.runner, f"--extra_package={wheel.write(folder)}"]
        with beam.Pipeline(options=PipelineOptions(flags)) as pipeline:
            shared_out = pipeline | "tasks" >> beam.Create(tasks) | beam.Reshuffle()
            steps(beam, work, shared_out)
    faults = work.place(FAULTS)  # a bucket has no empty folders
    for fault in sorted(faults.iterdir()) if faults.exists() else ():
        sentence = fault.read_text(encoding="utf-8")
        fault.unlink()  # or it would be told again once it is mended
        raise UserError(sentence)


def _looking(beam, work, files):
    return files | "look" >> beam.MapTuple(functools.partial(look, work))


def _writing(beam, work, tasks):
    doing = lambda function: functools.partial(function, work)
    return (
        tasks
        | "parts" >> beam.FlatMap(doing(parts_of))
        | "by shard" >> beam.GroupByKey()
        | "write" >> beam.MapTuple(doing(write_shard))
        | "by split" >> beam.GroupByKey()
        | "tell" >> beam.MapTuple(doing(tell_split))
    )


# ---- between and behind them, here --------------------------------------------------------------


def _look(work, files, out):
    """-> (rows of all examples in the file `out`, behind which of them each file ends)."""
    _run(work, _looking, list(enumerate(files)))
    read = lambda number: work.place(ROWS, called(number)).read_bytes()
    ends = [0]
    with open(out, "wb") as file:
        for found in scan.in_order(read, range(len(files))):
            file.write(found)
            ends.append(ends[-1] + len(found) // scan.ROW.itemsize)
    return scan.Rows(out), ends[1:]


def _tasks(files, ends, planned):
    counts = dict.fromkeys(planned.splits(), 0)
    for number, (first, last) in enumerate(itertools.pairwise([0, *ends])):
        yield Task(number, files[number], first, last, dict(counts))
        for name in counts:
            counts[name] += len(planned.examples(name, first, last))


def _read(work, files, folder):
    """What was told of each file, in order."""
    read = lambda number: json.loads(work.place(folder, f"{called(number)}.json").read_bytes())
    return scan.in_order(read, range(len(files)))


def _report(work, files, folder):
    """Of all files, from what was told of each."""
    report = Report()
    for told in _read(work, files, folder):
        report.add(Report(told))
    return report


def _told(work, files, report):
    """-> (leaks, texts to learn words from) of all files; the report hears of what was skipped."""
    leaks, texts = {}, {}
    for told in _read(work, files, TOLD):
        report.add(Report(told["report"]))
        parts.add_leaks(leaks, told["leaks"])
        for name, some in told["texts"].items():
            texts.setdefault(name, []).extend(some)
    return leaks, parts.texts_in_order(texts)


def _split(work, name, count, rows):
    """What dataset.json tells of a split, the hashes of its records beside its shards."""
    told = json.loads(work.place(TOLD, f"{name}.json").read_bytes())
    with tempfile.TemporaryDirectory() as folder:
        about = hashes.write(folder, name, count, rows)
        put(os.path.join(folder, about["file"]), work.place().parent / about["file"])
    return told | {"hashes": about}


def _remove(work):
    """What machines told each other."""
    folder = work.place()
    folder.rmtree() if is_address(folder) else shutil.rmtree(folder)


if __name__ == "__main__":
    sys.exit(main())
