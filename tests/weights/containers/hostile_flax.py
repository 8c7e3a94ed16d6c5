"""Damaged and malicious msgpack files of Flax and folders of t5x."""

import gzip
import json

import msgpack
import numpy as np
from flax import serialization

from itit_jax.weights.containers import t5x_folders
from itit_jax.weights.containers.find import read_tensors
from tests.weights.containers.hostile import HUGE, hostile


def packed(folder, tree):
    (folder / "x.msgpack").write_bytes(msgpack.packb(tree))
    return folder / "x.msgpack"


@hostile(18)
def a_msgpack_array_that_lies(folder, i):
    good = bytes(32)
    held = (
        ([HUGE], "float32", good), ([3, 3], "float32", good), ([-8], "float32", good),
        ([-2, -4], "float32", good), ("all", "float32", good), ([8.0], "float32", good),
        ([[8]], "float32", good), ([2**63, 2], "float32", good), ([8], "float64", good),
        ([4], "object", good), ([4], "complex64", good), ([4], None, good), ([8], "float32", 32),
        ([8], "float32", "x" * 32), ([8], "float32"), 8, ([0, HUGE], "float32", good),
        ([8], "float32", good, good),
    )[i]  # fmt: skip
    return packed(folder, {"w": msgpack.ExtType(1, msgpack.packb(held))})


@hostile(12)
def a_msgpack_header_that_lies(folder, i):
    most = b"\xff\xff\xff\xff"
    start = (
        b"\xdd" + most, b"\xdf" + most, b"\xc6" + most, b"\xc9" + most + b"\x01", b"\xdb" + most,
        b"\x91" * 50_000, b"\x81\xa1a" * 50_000, b"\xdd\x00\x00\x00\x64" * 3000,
        b"\xdd\x00\x98\x96\x80" * 100 + bytes(10_000_000), b"\xc1", b"\xc7\x00\x01",
        b"\xc7\x04\x01\xdd" + most[:3],
    )[i]  # fmt: skip
    (folder / "x.msgpack").write_bytes(b"\x81\xa1w" + start)
    return folder / "x.msgpack"


@hostile(16)
def a_msgpack_that_was_cut(folder, i):
    data = serialization.msgpack_serialize({"w": np.ones((20, 20), np.float32)})
    (folder / "x.msgpack").write_bytes(data[: len(data) * i // 16])
    return folder / "x.msgpack"


@hostile(8)
def a_msgpack_of_no_arrays(folder, i):
    deep = {}
    for _ in range(30):
        deep = {"a": deep}
    return packed(folder, (None, [1], 3, "w", {}, {"w": [1.5]}, {1: {"w": 2}}, deep)[i])


@hostile(8)
def an_array_in_chunks_that_do_not_fit(folder, i):
    piece, half = (serialization._ndarray_to_bytes(np.ones(8, t)) for t in ("f4", "f2"))
    piece, half = msgpack.ExtType(1, piece), msgpack.ExtType(1, half)
    shape, chunks = (
        ({"0": 9}, {"0": piece}), ({"0": HUGE}, {"0": piece}), ({"0": 8}, {}), (3, {"0": piece}),
        ({"0": 12}, {"0": piece, "1": half}), ({"0": 8}, {"1": piece}), ({"0": 8}, {"0": 8}),
        ({"1": 8}, {"0": piece}),
    )[i]  # fmt: skip
    return packed(
        folder, {"w": {"__msgpack_chunked_array__": True, "shape": shape, "chunks": chunks}}
    )


def t5x(folder):
    """A sound t5x folder with one array of two pieces."""
    place = folder / "t5x"
    t5x_folders.write({"a/w": np.arange(8, dtype=np.float32)}, place)
    array = place / "target.a.w"
    meta = json.loads((array / ".zarray").read_text()) | {"chunks": [4]}
    (array / ".zarray").write_text(json.dumps(meta))
    for i in range(2):
        (array / str(i)).write_bytes(gzip.compress(np.arange(4, dtype="f4").tobytes()))
    read_tensors(place)["a/w"].read()
    return place, array, meta


@hostile(20)
def a_zarr_array_that_lies(folder, i):
    place, array, meta = t5x(folder)
    change = (
        {"shape": [HUGE]}, {"shape": [HUGE], "chunks": [HUGE // 2]}, {"chunks": [HUGE]},
        {"shape": [8, HUGE]}, {"shape": [-8]}, {"chunks": [0]}, {"shape": "all"},
        {"shape": [[8]]}, {"dtype": "|O"}, {"dtype": "<f16"}, {"dtype": ["<f4"]}, {"dtype": "<f8"},
        {"compressor": {"id": "blosc"}}, {"compressor": "gzip"}, {"filters": [{"id": "delta"}]},
        {"zarr_format": 3}, {"dimension_separator": "/"}, {"shape": [0, HUGE], "chunks": [1, 1]},
        {"shape": [8.0]}, {"compressor": None},
    )[i]  # fmt: skip
    (array / ".zarray").write_text(json.dumps(meta | change))
    return place


@hostile(10)
def a_zarr_array_of_wrong_pieces(folder, i):
    place, array, _ = t5x(folder)
    if i == 0:
        (array / "1").unlink()
    elif i == 1:
        (array / "1").rename(array / "2")
    elif i == 2:
        (array / "1").rename(array / "01")
    elif i == 3:
        (array / "1.0").write_bytes(b"")
    elif i == 4:
        (array / "1").write_bytes((array / "1").read_bytes()[:-9])
    elif i == 5:
        (array / "1").write_bytes(b"no gzip")
    elif i == 6:
        (array / "1").write_bytes(gzip.compress(bytes(200_000_000), 1))
    elif i == 7:
        (array / "1").write_bytes(gzip.compress(bytes(12)))
    elif i == 8:
        (array / ".zarray").write_text("[" * 100_000)
    else:
        (array / ".zarray").unlink()
    return place


@hostile(4)
def a_t5x_folder_that_leads_out(folder, i):
    place, array, _ = t5x(folder)
    outside = folder.parent / "outside"
    if i == 0:
        array.rename(outside)
        array.symlink_to(outside)
    elif i in (1, 2):
        name = ("1", ".zarray")[i - 1]
        (array / name).rename(outside)
        (array / name).symlink_to(outside)
    else:
        array.rename(folder / "target.w")
        leaf = {"driver": "zarr", "kvstore": {"driver": "file", "path": str(folder / "target.w")}}
        index = {"optimizer": {"target": {"../../weights/target": {"w": leaf}}}}
        (place / "checkpoint").write_bytes(msgpack.packb(index))
    return place


@hostile(6)
def an_index_of_t5x_that_is_none(folder, i):
    place, *_ = t5x(folder)
    tree = (3, {}, {"optimizer": 3}, {"optimizer": {"target": [1]}}, {"optimizer": {"target": 1}},
            {"optimizer": {"target": {"b": {"driver": "zarr"}}}})[i]  # fmt: skip
    (place / "checkpoint").write_bytes(msgpack.packb(tree))
    return place
