"""From a source of any size to shards: it is read twice and never held.

    scan    every picture is decoded once, on all cores; one short row an example stays on disk
    plan    splits, unpairing, duplicates and shards, from the rows alone
    write   the examples that are used, as they are or smaller, each into its shard

Whoever is killed goes on where they were, to the same bytes.
"""

import itertools

from data_pipelines import hashes, parts, plan, scan
from data_pipelines.errors import UserError
from data_pipelines.progress import Bar
from data_pipelines.scan import in_order, tasks
from data_pipelines.shards import Writer
from data_pipelines.sources.base import Skipped

ROWS = ".rows"  # of the first reading, in the draft of the data set


def build(folder, source, options, report):
    """Write all shards into a folder. -> ({split: told}, facts, texts to learn words from)."""
    with Bar("looked at", "examples") as bar:
        rows = scan.scan(source, folder / ROWS, bar)
    planned = plan.make(rows, options)
    check(planned, source, lambda: _tell_all(source, rows, report))
    work = _Writing(folder, planned, rows, options, report)
    with Bar("wrote", "examples") as bar:
        work.run(source, bar)
    facts = planned.facts | {"leaks": work.parts.leaks}
    written = work.told()
    for name, count in planned.splits().items():
        written[name]["hashes"] = hashes.write(folder, name, count, planned.rows(name, rows))
    return written, facts, parts.texts_in_order(work.parts.texts)


def clean(folder):
    """Remove what is of use to whoever goes on, and to nobody when all is done."""
    if (rows := folder / ROWS).exists():
        rows.unlink()


def check(planned, source, told):
    """UserError if nothing is left to train on. told() -> Report of what cannot be used."""
    for what in source.paired:
        if not planned.trained[what]:
            raise UserError(source.nothing_left(what, planned.held_out(what), told))
    if not planned.splits():
        raise UserError(source.nothing_left("texts", planned.left_out(), told))


def _tell_all(source, rows, report):
    """Count what cannot be used without writing what can. -> the report."""
    report.add(source.told)
    bad = (row["bad"] for _, part in scan.parts(rows) for row in part)
    for each in source.read():
        if isinstance(each, Skipped):
            report.skip(*each)
        elif next(bad):
            report.skip(*parts.why(each.record))
    return report


class _Writing:
    """The second reading."""

    def __init__(self, folder, planned, rows, options, report):
        self._options, self._report = options, report
        splits = planned.splits()
        self._writers = {name: Writer(folder, name) for name in splits}
        ends = cuts(planned, rows, options)
        self._cuts = {name: set(behind.tolist()) for name, behind in ends.items()}
        every = parts.every(splits, options)
        decided = itertools.chain.from_iterable(planned.decided(rows))
        self.parts = parts.Parts(decided, dict.fromkeys(splits, 0), every, report)

    def run(self, source, bar):
        """Write every example that is used; the report hears of the others."""
        self._report.add(source.told)
        for task in in_order(self._encoded, tasks(self.parts.of(source.read()))):
            for part, data in task:
                self._add(part, data)
            bar.at(sum(self.parts.counts.values()), source.at)

    def told(self):
        """{split: what dataset.json tells of it}."""
        return {name: writer.finish() for name, writer in self._writers.items()}

    def _encoded(self, some):
        return [(part, self._bytes(part)) for part in some]

    def _bytes(self, part):
        """Of the record; nothing of one that lies in a shard that is whole."""
        there = part.number < self._writers[part.split].there
        return b"" if there else parts.data(part.record, self._options)

    def _add(self, part, data):
        writer = self._writers[part.split]
        if data:
            writer.add(data)
        if part.number + 1 in self._cuts[part.split]:
            writer.cut()


def cuts(planned, rows, options):
    """{split: behind which numbers of records its shards end}."""
    size = options.shard_size * 10**6
    return {
        name: plan.cuts(planned, name, rows, size, options.resize) for name in planned.splits()
    }
