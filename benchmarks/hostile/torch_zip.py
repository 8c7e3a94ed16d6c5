"""Writes torch.save's formats by hand, opcode by opcode, so that tests need no torch and can say
what torch never would."""

import struct
import zipfile

import numpy as np

STORAGE = {"float32": "FloatStorage", "float16": "HalfStorage", "int64": "LongStorage"}


def text(value):
    data = value.encode()
    return b"X" + struct.pack("<I", len(data)) + data


def number(value):
    data = value.to_bytes(max(9, value.bit_length() // 8 + 1), "little", signed=True)
    return b"\x8a" + bytes([len(data)]) + data


def items(*parts):
    """A tuple."""
    return b"(" + b"".join(parts) + b"t"


def name(module, attribute):
    return b"c" + f"{module}\n{attribute}\n".encode()


def call(function, *arguments):
    return function + items(*arguments) + b"R"


def table(entries):
    """A dict of {text: opcodes}."""
    return b"}(" + b"".join(text(k) + v for k, v in entries.items()) + b"u"


def storage(key, kind, count, *more):
    where = (text("storage"), name("torch", kind), text(key), text("cpu"), number(count))
    return items(*where, *more) + b"Q"


def tensor(stored, shape, strides=None, offset=0):
    strides = strides or [int(np.prod(shape[i + 1 :])) for i in range(len(shape))]
    return call(
        name("torch._utils", "_rebuild_tensor_v2"),
        stored,
        number(offset),
        items(*map(number, shape)),
        items(*map(number, strides)),
        b"\x89",
        call(name("collections", "OrderedDict")),
    )


def write(file, program, arrays=(), compression=zipfile.ZIP_STORED):
    """A file whose data.pkl is `program` and whose storages are `arrays`."""
    with zipfile.ZipFile(file, "w", compression) as archive:
        archive.writestr("archive/data.pkl", b"\x80\x02" + program + b".")
        for i, array in enumerate(arrays):
            archive.writestr(f"archive/data/{i}", array.tobytes())
        archive.writestr("archive/version", "3\n")


def save(file, tensors, wrap=lambda entries: entries):
    """What torch.save(tensors) writes; `wrap` puts the table of tensors into another one."""
    entries = {}
    for i, (key, array) in enumerate(tensors.items()):
        stored = storage(str(i), STORAGE[str(array.dtype)], array.size)
        entries[key] = tensor(stored, array.shape)
    write(file, wrap(table(entries)), tensors.values())


def row(program, arrays, *, keys=None, counts=None, magic=0x1950A86A20F9469CFC6C):
    """Bytes of a file from before torch 1.6; its storages have a sixth item, b"N"."""
    keys = [str(i) for i in range(len(arrays))] if keys is None else keys
    counts = [array.size for array in arrays] if counts is None else counts
    listed = b"](" + b"".join(map(text, keys)) + b"e"
    pickles = (number(magic), number(1001), table({}), program, listed)
    stored = (struct.pack("<q", n) + array.tobytes() for n, array in zip(counts, arrays))
    return b"".join(b"\x80\x02" + p + b"." for p in pickles) + b"".join(stored)
