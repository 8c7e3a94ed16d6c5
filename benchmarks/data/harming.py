"""Damaged and hostile sources: what a builder makes of them.

A small sound source is harmed in one way. Whatever is lost has to be told in report.json, or the
whole refused in a sentence; an exception, or a loss that nobody tells, is a finding.
"""

import collections
import gzip
import io
import json
import pathlib
import tarfile
import tempfile
import zlib

import numpy as np

from benchmarks.data import made
from benchmarks.inputs.trial import Trial, call, run
from data_pipelines import build
from data_pipelines.images import encode_png
from data_pipelines.records import Records, read_info

COUNT = 7  # examples of a source
SAID = [f"picture of something {'very ' * i}red" for i in range(COUNT)]
PNG = [encode_png(np.full((8, 8, 3), 9 * i, np.uint8)) for i in range(COUNT)]


def harmed(count, words) -> dict:
    """{kind: {outcome: how often}} and the first finding of each kind."""
    found = {}
    for number in range(count):
        rng = np.random.default_rng((7, number))
        harm = list(HARMS.values())[number % len(HARMS)]
        trial = _trial(rng, harm, words)
        with tempfile.TemporaryDirectory() as place:
            outcome, text = run(trial, pathlib.Path(place))
        entry = found.setdefault(trial.kind, {"counts": collections.Counter(), "first": {}})
        entry["counts"][outcome] += 1
        if outcome in ("silent", "traceback"):
            entry["first"].setdefault(outcome, f"#{number} {text[-800:]}")
    return found


def _trial(rng, harm, words):
    def act(folder):
        flags = harm(rng, folder)
        pairs = [] if "--from=texts" in flags else ["--test=0"]
        call(build.main, *flags, f"--vocabulary={words}", f"--out={folder}/out", *pairs)
        return folder / "out"

    return Trial(harm.__name__.strip("_"), act, _fault, named=("",))  # any sentence will do


def _fault(out):
    """What was lost and is told nowhere."""
    said = {text for split in read_info(out)["splits"] for record in Records(out, split)
            for text in record.texts}  # fmt: skip
    report = json.loads((out / "report.json").read_text())
    lost = [text for text in SAID if text not in said]
    return f"{len(lost)} are lost and nothing is told" if lost and not report else ""


# ---- sources, and how each is harmed -----------------------------------------------------------


def _members():
    return [member for i in range(COUNT)
            for member in made.example(i, PNG[i], SAID[i]).items()]  # fmt: skip


def _tar(folder, members, mode="w"):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode=mode) as archive:
        for name, data in members:
            about = tarfile.TarInfo(name)
            about.size = len(data)
            archive.addfile(about, io.BytesIO(data))
    (folder / "a.tar").write_bytes(out.getvalue())
    return ["--from=webdataset", f"--shards={folder}/a.tar"]


def _rewritten(file, change):
    file.write_bytes(bytes(change(bytearray(file.read_bytes()))))


def _cut(rng, data):
    return data[: rng.integers(len(data))]


def _flipped(rng, data):
    """Some bytes of a header or of a body are others."""
    at = int(rng.integers(len(data)))
    data[at : at + 16] = rng.bytes(min(16, len(data) - at))
    return data


def cut_tars(rng, folder):
    flags = _tar(folder, _members(), rng.choice(["w", "w:gz"]))
    _rewritten(folder / "a.tar", lambda data: _cut(rng, data))
    return flags


def tars_with_other_bytes(rng, folder):
    """Headers only: bytes of a text have no checksum, so that nobody can know."""
    flags = _tar(folder, _members())
    with tarfile.open(folder / "a.tar") as archive:
        header = rng.choice([member.offset for member in archive.getmembers()])
    _rewritten(folder / "a.tar", lambda data: data[:header] + _flipped(
        rng, data[header : header + 512]) + data[header + 512 :])  # fmt: skip
    return flags


def tars_with_hostile_names(rng, folder):
    names = ["../../../tmp/x", "/etc/passwd", "a\nb", "CON", "x" * 300, "é\udcff", "", ".", "-rf"]
    members = [(f"{rng.choice(names)}{name}" if rng.random() < 0.5 else name, data)
               for name, data in _members()]  # fmt: skip
    return _tar(folder, members)


def bad_json(rng, folder):
    bad = [b"", b"{cut", b"[]", b"7", b'{"caption": [[]]}', b"[" * 10_000, b"\xff",
           b'{"caption": 1}']  # fmt: skip
    members = [(name, bad[rng.integers(len(bad))] if name.endswith("json") else data)
               for name, data in _members() if not name.endswith("txt")]  # fmt: skip
    return _tar(folder, members)


def bombs(rng, folder):
    """Pictures that claim to be huge, texts that unfold to be."""
    head = b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", bytes([0, 1, 0, 0]) * 2 + bytes([8, 2, 0, 0, 0]))
    picture = head + _chunk(b"IDAT", zlib.compress(bytes(10**6))) + _chunk(b"IEND", b"")
    bad = {"jpg": picture, "txt": b"x" * 10**6, "json": b'{"caption": "' + b"y" * 10**6 + b'"}'}
    members = [(name, bad[name[-3:]] if name[-3:] in bad and rng.random() < 0.5 else data)
               for name, data in _members()]  # fmt: skip
    return _tar(folder, members)


def _chunk(kind, data):
    return len(data).to_bytes(4, "big") + kind + data + zlib.crc32(kind + data).to_bytes(4, "big")


def _parquet(folder, pictures, said, **more):
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = pa.table({"image": pictures, "caption": said, **more})
    pq.write_table(table, folder / "a.parquet", row_group_size=3)
    return ["--from=parquet", f"--files={folder}/a.parquet"]


def _cells():
    return [{"bytes": data, "path": None} for data in PNG]


def wrong_types_in_columns(rng, folder):
    columns = [
        (_cells(), list(range(COUNT))), ([f"{i}.png" for i in range(COUNT)], SAID),
        (list(range(COUNT)), SAID), (_cells(), [[text, None] for text in SAID]),
        (_cells(), [{"raw": text} for text in SAID]), (_cells(), [None] * COUNT),
        ([{"bytes": None, "path": "x"}] * COUNT, SAID), (PNG, [text.encode() for text in SAID]),
        ([[data] for data in PNG], SAID), (_cells(), [1.5] * COUNT),
    ]  # fmt: skip
    return _parquet(folder, *columns[rng.integers(len(columns))])


def cut_parquet(rng, folder):
    flags = _parquet(folder, _cells(), SAID)
    _rewritten(folder / "a.parquet", lambda data: _cut(rng, data))
    return flags


def parquet_with_other_bytes(rng, folder):
    flags = _parquet(folder, _cells(), SAID)
    with_footer = lambda data: data[:-300] + _flipped(rng, data[-300:])
    _rewritten(folder / "a.parquet", with_footer)
    return flags


def odd_coco(rng, folder):
    rows = {
        "images": [{"id": i, "file_name": f"{i}.png"} for i in range(COUNT)],
        "annotations": [{"image_id": i, "caption": SAID[i]} for i in range(COUNT)],
    }
    odd = [None, 7, "x", [], {}, {"id": [1]}, {"id": 1, "file_name": "../../etc/passwd"},
           {"image_id": 1, "caption": {"a": 1}}, {"image_id": 10**30, "caption": "x"},
           1e308]  # fmt: skip
    for listed in rows.values():
        listed[rng.integers(COUNT)] = odd[rng.integers(len(odd))]
    if rng.random() < 0.2:
        rows[rng.choice(list(rows))] = odd[rng.integers(len(odd))]
    (folder / "p").mkdir()
    for i, data in enumerate(PNG):
        (folder / f"p/{i}.png").write_bytes(data)
    data = json.dumps(rows).encode()
    (folder / "c.json").write_bytes(_cut(rng, data) if rng.random() < 0.2 else data)
    return ["--from=coco", f"--images={folder}/p", f"--captions={folder}/c.json"]


def cut_and_bad_texts(rng, folder):
    lines = [text.encode() for text in SAID]
    lines[rng.integers(COUNT)] = [b"\xff\xfe", b"x" * 5000, b"a\rb", b"\0" * 9][rng.integers(4)]
    data = gzip.compress(b"\n".join(lines))
    data = _cut(rng, data) if rng.random() < 0.5 else bytes(_flipped(rng, bytearray(data)))
    (folder / "a.txt.gz").write_bytes(data)
    return ["--from=texts", f"--texts={folder}/a.txt.gz"]


KINDS = (cut_tars, tars_with_other_bytes, tars_with_hostile_names, bad_json, bombs,
         wrong_types_in_columns, cut_parquet, parquet_with_other_bytes, odd_coco,
         cut_and_bad_texts)  # fmt: skip
HARMS = {harm.__name__: harm for harm in KINDS}
