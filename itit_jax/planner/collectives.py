"""What a compiled step sends between devices, read in the text of the compiler's own program."""

import math
import re
from collections import Counter, defaultdict

BETWEEN_SLICES = "between slices"
SHARES = {  # of the bytes of its result, those that each of n devices in a ring sends
    "all-gather": lambda n: (n - 1) / n,
    "all-reduce": lambda n: 2 * (n - 1) / n,
    "reduce-scatter": lambda n: n - 1,
    "all-to-all": lambda n: (n - 1) / n,
    "collective-permute": lambda n: 1,
    BETWEEN_SLICES: lambda n: 1,
}
BITS = {"pred": 8, "bf16": 16, **{f"{kind}{n}": n for kind in "suf" for n in (8, 16, 32, 64)}}
HEAD = re.compile(r"^(?:ENTRY )?%?(\S+) \(.*\{$")
COLLECTIVE = re.compile(rf" = (.*?) ({'|'.join(SHARES)}|send)(-start)?\(")
SUM_KEPT_APART = "all-reduce-scatter"  # computations in which each keeps its part of a sum only
GROUP = re.compile(r"replica_groups=\{\{([\d,]+)\}")  # the first; all are as large
GROUPS = re.compile(r"replica_groups=\[\d+,(\d+)\]<=")  # how many, and how large
DEVICES = re.compile(r"num_partitions=(\d+)")
ARRAY = re.compile(r"\b([a-z]+\d*)\[([\d,]*)\]")
CALLED = re.compile(r"(?:calls|true_computation|false_computation)=%?([\w.-]+)")
BRANCHES = re.compile(r"branch_computations=\{([^}]*)\}")
LOOP = re.compile(r" while\(.*condition=%?([\w.-]+), body=%?([\w.-]+)")
KNOWN = re.compile(r'known_trip_count"?:\{"?n"?:"?(\d+)')
CHANNEL = re.compile(r"channel_id=(\d+)")


def collectives(text):
    """{kind: {"count", "bytes"}} of one step on one device: how often, and what it sends.

    Loops are multiplied by their rounds where the program tells them, and count once where it does
    not; of branches all count.
    """
    bodies, entry = _computations(text)
    devices = int(found[1]) if (found := DEVICES.search(text)) else 1
    counts, sent, seen = Counter(), Counter(), set()
    for name, times in _times(bodies, entry).items():
        for kind, channel, size in _sent(name, bodies[name], devices):
            if (kind, channel) in seen:  # a part of one that is under way while others compute
                continue
            seen.update([(kind, channel)] if channel else [])
            counts[kind] += times
            sent[kind] += times * size
    return {
        kind: {"count": counts[kind], "bytes": round(sent[kind])} for kind in SHARES if counts[kind]
    }


def _computations(text):
    """-> ({name: its lines}, the name of that which is run)."""
    bodies, entry, lines = {}, "", []
    for line in text.splitlines():
        if head := HEAD.match(line):
            lines = bodies[head[1]] = []
            entry = head[1] if line.startswith("ENTRY") else entry
        else:
            lines.append(line)
    return bodies, entry


def _times(bodies, entry):
    """{computation: how often it is run}."""
    times = defaultdict(int)

    def run(name, often):
        times[name] += often
        for callee, rounds in _calls(bodies, name):
            run(callee, often * rounds)

    run(entry, 1)
    return times


def _calls(bodies, name):
    """(computation, rounds) of each call in one."""
    for line in bodies[name]:
        if loop := LOOP.search(line):
            condition, body = loop.groups()
            yield body, _rounds(line, bodies[condition])
            continue
        callees = CALLED.findall(line)
        for branches in BRANCHES.findall(line):
            callees += re.findall(r"[\w.-]+", branches)
        yield from ((callee, 1) for callee in callees if callee in bodies)


def _rounds(line, condition):
    """Of a loop: told, or the bound that its counter, which begins at 0, is compared with."""
    if told := KNOWN.search(line):
        return int(told[1])
    bounds = re.findall(r"s32\[\]\S* constant\((\d+)\)", "\n".join(condition))
    plain = any("direction=LT" in step for step in condition) and len(bounds) == 1
    return int(bounds[0]) if plain else 1


def _sent(name, lines, devices):
    """(kind, channel or "", bytes that a device sends) of each collective of a computation."""
    for line in lines:
        found = COLLECTIVE.search(line)
        if not found or (found[2] == "send" and "megascale" not in line):
            continue
        channel, kind = CHANNEL.search(line), found[2]
        arrays = [math.prod(map(int, filter(None, shape.split(",")))) * BITS.get(kind, 32) // 8
                  for kind, shape in ARRAY.findall(found[1])]  # fmt: skip
        # What is started has its operands in front of its results, what is sent a token behind.
        size = max(arrays) if found[3] or kind == "send" else sum(arrays)
        ring = _ring(line, devices)
        if kind == "send":
            kind = BETWEEN_SLICES
        elif kind == "all-reduce" and name.startswith(SUM_KEPT_APART):
            kind, size = "reduce-scatter", size / ring
        yield kind, channel[1] if channel else "", size * SHARES[kind](ring)


def _ring(line, devices):
    """How many devices take part."""
    if group := GROUP.search(line):
        return group[1].count(",") + 1
    groups = GROUPS.search(line)
    return int(groups[1]) if groups else devices
