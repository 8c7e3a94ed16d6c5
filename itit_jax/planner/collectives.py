"""What a compiled step sends between devices, read in the text of the compiler's own program."""

import math
import re
from collections import Counter, defaultdict

KINDS = ("all-gather", "all-reduce", "reduce-scatter", "all-to-all", "collective-permute")
BITS = {"pred": 8, "bf16": 16, **{f"{kind}{n}": n for kind in "suf" for n in (8, 16, 32, 64)}}
HEAD = re.compile(r"^(?:ENTRY )?%?(\S+) \(.*\{$")
COLLECTIVE = re.compile(rf" = (.*?) ({'|'.join(KINDS)})(-start)?\(")
ARRAY = re.compile(r"\b([a-z]+\d*)\[([\d,]*)\]")
CALLED = re.compile(r"(?:calls|true_computation|false_computation)=%?([\w.-]+)")
BRANCHES = re.compile(r"branch_computations=\{([^}]*)\}")
LOOP = re.compile(r" while\(.*condition=%?([\w.-]+), body=%?([\w.-]+)")
KNOWN = re.compile(r'known_trip_count"?:\{"?n"?:"?(\d+)')
CHANNEL = re.compile(r"channel_id=(\d+)")


def collectives(text):
    """{kind: {"count", "bytes"}} of one step on one device: how often, and what is received.

    Bytes of the result of each. Loops are multiplied by their rounds where the program tells them,
    and count once where it does not; of branches all count.
    """
    bodies, entry = _computations(text)
    counts, received, seen = Counter(), Counter(), set()
    for name, times in _times(bodies, entry).items():
        for kind, channel, size in _sent(bodies[name]):
            if channel in seen:  # another part of one that is under way while others compute
                continue
            seen.update([channel] if channel else [])
            counts[kind] += times
            received[kind] += times * size
    return {
        kind: {"count": counts[kind], "bytes": received[kind]} for kind in KINDS if counts[kind]
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


def _sent(lines):
    """(kind, channel or "", bytes) of each collective."""
    for line in lines:
        if not (found := COLLECTIVE.search(line)):
            continue
        channel = CHANNEL.search(line)
        arrays = [math.prod(map(int, filter(None, shape.split(",")))) * BITS.get(kind, 32) // 8
                  for kind, shape in ARRAY.findall(found[1])]  # fmt: skip
        # What is started has its operands in front of its results.
        size = max(arrays) if found[3] else sum(arrays)
        yield found[2], channel[1] if channel else "", size
