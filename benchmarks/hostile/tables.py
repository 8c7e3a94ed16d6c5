"""Files of safetensors, numpy, Flax and t5x that say what is not so."""

import gzip
import io
import json
import struct
import warnings
import zipfile

import msgpack
import numpy as np

from benchmarks.hostile import damaged
from benchmarks.hostile.pickles import zip_lies

DEEP = 100_000


def one_of(rng, *choices):
    return choices[rng.integers(len(choices))]


def a_name(rng):
    """Of a tensor."""
    return one_of(rng, "a\nb", "\x1b[2J", "x" * 10_000, "w/../w", "", "ü" * 400,
                  f"encoder.block.{'9' * 5000}.layer.0.layer_norm.weight", "w")  # fmt: skip


# ---- safetensors ---------------------------------------------------------------------------------


def safetensors(folder, rng):
    """A header that lies."""
    huge = int(rng.integers(2**30, 2**63))
    good = {"dtype": "F32", "shape": [2, 2], "data_offsets": [0, 16]}
    change = one_of(
        rng, {"shape": [huge, huge]}, {"shape": [1] * 100 + [2, 2]}, {"dtype": "F64"},
        {"dtype": "I32"}, {"dtype": "BOOL", "shape": [16]}, {"dtype": "F8_E4M3", "shape": [16]},
        {"dtype": "C64", "shape": [2]}, {"data_offsets": [0, huge]}, {"data_offsets": [16, 0]},
        {"shape": [-2, -2]}, {"shape": "all"}, {"shape": [0, huge]}, {"dtype": None}, {},
    )  # fmt: skip
    text = json.dumps({a_name(rng): good | change}).encode()
    return _safetensors(folder, text, bytes(16))


def safetensors_headers(folder, rng):
    """A header that is none, or of no reasonable size."""
    entry = '"w%d":{"dtype":"F32","shape":[0],"data_offsets":[0,0]}'
    text, length = one_of(
        rng,
        (b"[" * DEEP, None), (b'{"a":' * DEEP, None), (b"{}", 2**40), (b"{}", 2**63), (b"{}", 1),
        (b"", None), (b'{"__metadata__": ' + b'{"a":' * DEEP, None), (rng.bytes(400), None),
        (("{" + ",".join(entry % i for i in range(30_000)) + "}").encode(), None),
        (b'{"w":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},'
         b'"w":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}', None),
    )  # fmt: skip
    return _safetensors(folder, text, bytes(8), length)


def _safetensors(folder, text, data, length=None):
    length = len(text) if length is None else length
    (folder / "x.safetensors").write_bytes(struct.pack("<Q", length) + text + data)
    return folder / "x.safetensors"


def many_layers(folder, rng):
    """Names of a network that would take for ever to describe."""
    count = int(rng.integers(2000, 20_000))
    pattern = one_of(
        rng, "encoder.block.{}.layer.0.layer_norm.weight", "encoder.down.0.block.{}.norm1.weight",
        "text_model.encoder.layers.{}.layer_norm1.weight", "encoder.down.{}.block.0.norm1.weight",
    )  # fmt: skip
    names = [pattern.format(i) for i in range(count)]
    arrays = {name: np.zeros(1, np.float32) for name in names}
    network = damaged.weights.as_theirs(damaged.network(rng), "t5")
    head = {
        name: {"dtype": "F32", "shape": list(a.shape), "data_offsets": [0, 0]}
        for name, a in {**arrays, **network}.items()
    }
    data, at = [], 0
    for name, array in {**arrays, **network}.items():
        head[name]["data_offsets"] = [at, at + array.nbytes]
        at += array.nbytes
        data.append(np.ascontiguousarray(array).tobytes())
    return _safetensors(folder, json.dumps(head).encode(), b"".join(data))


def numbers(folder, rng):
    """A whole network, but one tensor is of what is no weight."""
    truth = damaged.network(rng)
    theirs = damaged.weights.as_theirs(truth, "t5")
    name = list(theirs)[rng.integers(len(theirs))]
    array = np.array(theirs[name], order="C")
    kind = rng.integers(6)
    if kind < 2:
        array.flat[rng.integers(array.size)] = (np.nan, np.inf)[kind]
    else:
        array = array.astype((np.int32, np.bool_, np.complex64, np.uint8)[kind - 2])
    theirs = {n: np.asarray(a, order="C") for n, a in theirs.items()} | {name: array}
    if kind == 4 or rng.integers(2):
        np.savez(folder / "x.npz", **theirs)
        return folder / "x.npz"
    damaged.safetensors_files.write(theirs, folder / "x.safetensors")
    return folder / "x.safetensors"


def indexes(folder, rng):
    """An index of parts that are not there, not here, or no parts."""
    name = one_of(rng, "model.safetensors.index.json", "pytorch_model.bin.index.json")
    part = one_of(rng, "../x.safetensors", "/etc/passwd", "..", "", "nowhere.safetensors", 3, None,
                  "a\nb.safetensors", name)  # fmt: skip
    text = one_of(
        rng, json.dumps({"weight_map": {"w": part}}), "", "[]", "[" * DEEP, '{"weight_map": 3}',
        '{"weight_map": {"w": "a", "w": "b"}}', "null", '{"weight_map": {}}',
    )  # fmt: skip
    (folder / name).write_text(text)
    return folder


# ---- numpy ---------------------------------------------------------------------------------------


def npz(folder, rng):
    """An entry whose header lies."""
    huge = int(rng.integers(2**30, 2**62))
    descr, shape = one_of(
        rng, ("<f4", (huge,)), ("<f4", (3, 3)), ("<f8", (8,)), ("<f4", (-1,)), ("|O", (8,)),
        ("<U5", (8,)), ("|S4", (8,)), ("<M8[s]", (4,)), ("<m8[D]", (4,)), ("|V4", (8,)),
        ([("a", "<f4")], (8,)), ("<c8", (4,)), ("<f4", (1,) * 70), ("<f4", (0, huge)),
        ("<f4", "all"), ("<f4", (8.0,)), (("<f4", (2,)), (4,)), ("<f4", None),
    )  # fmt: skip
    text = f"{{'descr': {descr!r}, 'fortran_order': False, 'shape': {shape!r}, }}"
    text = one_of(rng, text, text, text, text, "[" * 9000, "(" * 9000, "{" * 9000, "-" * 9000,
                  "'" + "a" * 60_000, "__import__('os').system('x')", "lambda: 3")  # fmt: skip
    entry = io.BytesIO()
    entry.write(one_of(rng, b"\x93NUMPY\x01\x00", b"\x93NUMPY\x02\x00", b"\x93NUMPY\x03\x00"))
    wide = entry.getvalue()[6] > 1
    entry.write(struct.pack("<I" if wide else "<H", len(text)) + text.encode() + bytes(32))
    with zipfile.ZipFile(folder / "x.npz", "w") as archive:
        archive.writestr(f"{a_name(rng)[:60_000]}.npy", entry.getvalue())
    return folder / "x.npz"


def npz_bombs(folder, rng):
    """Zeros that unfold, in one entry or in many, or many entries."""
    kind, file = rng.integers(3), folder / "x.npz"
    if kind == 0:
        np.savez_compressed(file, w=np.zeros(int(rng.integers(10**6, 3 * 10**7)), np.float32))
    elif kind == 1:
        zeros, noise = np.zeros(10**6, np.float32), rng.bytes(700_000)
        arrays = {f"w{i}": zeros for i in range(int(rng.integers(20, 60)))}
        np.savez_compressed(file, noise=np.frombuffer(noise, np.uint8), **arrays)
    else:
        entry = io.BytesIO()
        np.save(entry, np.zeros(1, np.float32))
        with zipfile.ZipFile(file, "w") as archive:
            for i in range(int(rng.integers(3000, 12_000))):
                archive.writestr(f"w{i}.npy", entry.getvalue())
    return file


def npz_twice(folder, rng):
    """Two entries of one name."""
    with warnings.catch_warnings(), zipfile.ZipFile(folder / "x.npz", "w") as archive:
        warnings.simplefilter("ignore")
        for name in one_of(rng, ("w.npy", "w"), ("w", "w.npy"), ("w.npy", "w.npy")):
            entry = io.BytesIO()
            np.save(entry, rng.normal(size=3).astype(np.float32))
            archive.writestr(name, entry.getvalue())
    return folder / "x.npz"


def npz_archives(folder, rng):
    """A sound npz whose zip lies."""
    np.savez(folder / "x.npz", w=np.ones(8, np.float32), v=np.ones(8, np.float32))
    return zip_lies(folder / "x.npz", rng)


# ---- Flax ----------------------------------------------------------------------------------------


def flax(folder, rng):
    """An array that lies."""
    huge, good = int(rng.integers(2**30, 2**62)), bytes(32)
    held = one_of(
        rng, ([huge], "float32", good), ([3, 3], "float32", good), ([-8], "float32", good),
        ("all", "float32", good), ([8.0], "float32", good), ([1] * 90 + [8], "float32", good),
        ([8], "float64", good), ([4], "object", good), ([4], "complex64", good),
        ([8], "float32", "x" * 32), ([8], "float32"), 8, ([0, huge], "float32", b""),
        ([2, 4], "int32", good), ([32], "bool", good), ([8], None, good),
    )  # fmt: skip
    return _msgpack(folder, msgpack.packb({a_name(rng): msgpack.ExtType(1, msgpack.packb(held))}))


def flax_headers(folder, rng):
    """Lengths of which the file holds nothing, or more things than bytes."""
    most, count = b"\xff\xff\xff\xff", int(rng.integers(10_000, 4_000_000))
    start = one_of(
        rng, b"\xdd" + most, b"\xdf" + most, b"\xc6" + most, b"\xc9" + most + b"\x01",
        b"\xdb" + most, b"\x91" * count, b"\x81\xa1a" * count, b"\xdd\x00\x00\x00\x64" * 3000,
        b"\xdc\x00\x64" + b"\x9f" * 100 + b"\x80" * count, b"\xc1", b"\xc7\x04\x01\xdd" + most[:3],
        b"\xdf\x00\x0f\xff\xff" + b"".join(b"\xa4%04d\x80" % (i % 10_000) for i in range(9999)),
    )  # fmt: skip
    return _msgpack(folder, b"\x81\xa1w" + start)


def flax_twice(folder, rng):
    """Two arrays of one name: in one dict, or by a slash."""
    one, two = (_packed(rng.normal(size=3).astype(np.float32)) for _ in range(2))
    return _msgpack(
        folder,
        one_of(
            rng,
            b"\x82\xa1w" + one + b"\xa1w" + two,
            b"\x82\xa1a\x81\xa1b" + one + b"\xa3a/b" + two,
            b"\x82\xa3a/b" + two + b"\xa1a\x81\xa1b" + one,
        ),
    )


def flax_chunks(folder, rng):
    """An array in chunks that do not fit."""
    piece = msgpack.ExtType(1, msgpack.packb(([8], "float32", bytes(32))))
    half = msgpack.ExtType(1, msgpack.packb(([8], "float16", bytes(16))))
    shape, chunks = one_of(
        rng, ({"0": 9}, {"0": piece}), ({"0": 2**50}, {"0": piece}), ({"0": 8}, {}),
        (3, {"0": piece}), ({"0": 12}, {"0": piece, "1": half}), ({"0": 8}, {"1": piece}),
        ({"0": 8}, {"0": 8}), ({"1": 8}, {"0": piece}), ({"0": 8, "1": 2**50}, {"0": piece}),
    )  # fmt: skip
    tree = {"w": {"__msgpack_chunked_array__": True, "shape": shape, "chunks": chunks}}
    return _msgpack(folder, msgpack.packb(tree))


def _packed(array):
    inner = msgpack.packb((list(array.shape), array.dtype.name, array.tobytes()))
    return msgpack.packb(msgpack.ExtType(1, inner))


def _msgpack(folder, data):
    (folder / "x.msgpack").write_bytes(data)
    return folder / "x.msgpack"


# ---- t5x -----------------------------------------------------------------------------------------


def t5x(folder, rng):
    """A folder whose array says of itself what its files do not hold."""
    place, array, meta = _t5x(folder)
    huge = int(rng.integers(2**30, 2**62))
    change = one_of(
        rng, {"shape": [huge]}, {"shape": [huge], "chunks": [huge // 2]}, {"chunks": [huge]},
        {"shape": [8, huge]}, {"shape": [-8]}, {"chunks": [0]}, {"shape": "all"}, {"dtype": "|O"},
        {"dtype": "<c8"}, {"dtype": "<i4"}, {"compressor": {"id": "blosc"}}, {"compressor": 3},
        {"filters": [{"id": "delta"}]}, {"zarr_format": 3}, {"shape": [0, huge], "chunks": [1, 1]},
        {"compressor": None}, {"order": 3}, {"fill_value": "x"}, {"shape": [1] * 70 + [8]},
    )  # fmt: skip
    text = json.dumps(meta | change)
    (array / ".zarray").write_text(one_of(rng, text, text, text, "[" * DEEP, '{"a":' * DEEP, ""))
    return place


def t5x_pieces(folder, rng):
    """A folder whose files are missing, others, bombs, or elsewhere."""
    place, array, _ = _t5x(folder)
    outside = folder.parent / f"{folder.name}-outside"
    piece, kind = array / "1", rng.integers(7)
    if kind == 0:
        piece.unlink()
    elif kind == 1:
        piece.rename(array / one_of(rng, "2", "01", "1.0", "-1", "x"))
    elif kind == 2:
        piece.write_bytes(piece.read_bytes()[: -int(rng.integers(1, 20))])
    elif kind == 3:
        piece.write_bytes(gzip.compress(bytes(int(rng.integers(10**6, 10**8))), 1))
    elif kind == 4:
        piece.write_bytes(rng.bytes(30))
    elif kind == 5:
        piece.rename(outside)
        piece.symlink_to(outside)
    else:
        array.rename(outside)
        array.symlink_to(outside)
    return place


def t5x_indexes(folder, rng):
    """A msgpack that leads out of its folder, or says nothing."""
    place, *_ = _t5x(folder)
    leaf = {"driver": "zarr", "kvstore": {"driver": "file", "path": "/etc"}}
    deep = {}
    for _ in range(40):
        deep = {"a": deep}
    target = one_of(
        rng, {"../../x": {"w": leaf}}, {"a": {"..": leaf}}, deep, {"b": {"driver": "zarr"}}, 3,
        [leaf], {"a": {"w": leaf}, "a/w": leaf}, {"a\x00": leaf}, {"x" * 400: leaf},
    )  # fmt: skip
    tree = one_of(rng, {"optimizer": {"target": target}}, {"optimizer": 3}, {}, 3)
    (place / "checkpoint").write_bytes(msgpack.packb(tree))
    return place


def _t5x(folder):
    """A sound one with one array of two pieces."""
    place = folder / "t5x"
    damaged.WRITERS["t5x"][2]({"a/w": np.arange(8, dtype=np.float32)}, place)
    array = place / "target.a.w"
    meta = json.loads((array / ".zarray").read_text()) | {"chunks": [4]}
    (array / ".zarray").write_text(json.dumps(meta))
    for i in range(2):
        (array / str(i)).write_bytes(gzip.compress(np.arange(4, dtype="f4").tobytes()))
    return place, array, meta


KINDS = (
    safetensors, safetensors_headers, many_layers, numbers, indexes, npz, npz_bombs, npz_twice,
    npz_archives, flax, flax_headers, flax_twice, flax_chunks, t5x, t5x_pieces, t5x_indexes,
)  # fmt: skip
