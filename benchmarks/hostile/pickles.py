"""Programs in torch's two containers that weights would not hold."""

import struct

import numpy as np

from benchmarks.hostile import torch_zip as tz

CALLS = """os.system posix.system subprocess.Popen subprocess.call subprocess.check_output
builtins.eval builtins.exec builtins.__import__ builtins.getattr builtins.setattr builtins.open
builtins.compile importlib.import_module runpy.run_path shutil.rmtree pickle.loads _pickle.loads
marshal.loads codecs.decode operator.attrgetter operator.methodcaller functools.partial
functools.reduce types.FunctionType types.CodeType ctypes.CDLL socket.socket pty.spawn
torch.load torch.storage._load_from_bytes torch.FloatStorage.from_file numpy.load numpy.dtype
numpy.core.multiarray._reconstruct numpy.core.multiarray.scalar ml_dtypes.bfloat16 sys.exit
copyreg._reconstructor copy_reg._reconstructor collections._sys.modules threading.Thread
pytorch_lightning.os.system argparse.ArgumentParser lightning.__builtins__ omegaconf.eval
torch._utils.__builtins__ collections.Counter itit_jax.weights.load.save builtins.set
torch.jit._pickle.build_intlist.__globals__ __torch__.os.system""".split()  # noqa: SIM905
LIVE = ("BFloat16Storage", "FloatStorage", "LongStorage", "BoolStorage")
MUCH = 2**31 - 1


def written(folder, rng, program, arrays=None):
    """The program in a zip, or in a file as they were before torch 1.6."""
    arrays = [np.ones(8, np.float32)] if arrays is None else arrays
    if rng.integers(2):
        tz.write(folder / "x.pt", program, arrays)
    else:
        (folder / "x.pt").write_bytes(tz.row(program, arrays))
    return folder / "x.pt"


def calls(folder, rng):
    """It calls what runs something, by any of the opcodes that call."""
    module, _, attribute = CALLS[rng.integers(len(CALLS))].rpartition(".")
    argument = tz.text(f"touch {folder / 'executed'}")
    name = tz.name(module, attribute)
    stacked = tz.text(module) + tz.text(attribute) + b"\x93"
    way = (
        tz.call(name, argument),
        tz.call(stacked, argument),
        name + tz.items(argument) + b"\x81",
        name + tz.items(argument) + b"}\x92",
        b"(" + argument + b"i" + f"{module}\n{attribute}\n".encode(),
        b"(" + name + argument + b"o",
        b"\x82\x01",
    )[rng.integers(7)]
    return written(folder, rng, tz.table({"w": way}))


def sets_state(folder, rng):
    """It gives a state to what lives in this process."""
    target = (
        tz.name("torch", LIVE[rng.integers(len(LIVE))]),
        tz.name("collections", "OrderedDict"),
        tz.name("torch._utils", "_rebuild_tensor_v2"),
        tz.name("torch._utils", "_rebuild_parameter"),
        tz.tensor(tz.storage("0", "FloatStorage", 8), (8,)),
    )[rng.integers(5)]
    size = int(rng.integers(1, 64))
    dtype = (tz.number(3), b"U\x01|", b"NNN", tz.number(size), tz.number(size), tz.number(63))
    state = tz.items(*dtype) if rng.integers(2) else tz.table({"__class__": tz.number(1)})
    return written(folder, rng, tz.table({"w": target + state + b"b"}))


def asks_for_much(folder, rng):
    """A length of which the file holds nothing."""
    much = int(rng.integers(2**20, 2**40))
    program = (
        b"\x96" + struct.pack("<Q", much),
        b"\x8e" + struct.pack("<Q", much),
        b"\x8d" + struct.pack("<Q", much),
        b"\x8b" + struct.pack("<i", much % MUCH),
        b"X" + struct.pack("<I", much % MUCH),
        b"\x95" + struct.pack("<Q", much),
        b"Nr" + struct.pack("<I", much % MUCH),
        b"j" + struct.pack("<I", much % MUCH),
        b"\x97\x98",
        b"I" + b"9" * 5000 + b"\n",
        b"\x8a\xff" + b"\x7f" * 255,
    )[rng.integers(11)]
    return written(folder, rng, tz.table({"w": program}))


def nests(folder, rng):
    """Containers in containers."""
    count = int(rng.integers(1000, 400_000))
    start = (b")", b"]", b"}")[rng.integers(3)]
    inner, outer = (
        (b"", b"\x85" * count),
        (b"", b"\x85" * count + b"Ns"),  # as a key
        (b"](" * count, b"e" * count),
        (b"(" * count, b"t" * count),
        (b"}X\x01\x00\x00\x00a" * count, b"s" * count),
        (b"", b"\x85" * count + b"Q"),
    )[rng.integers(6)]
    return written(folder, rng, b"}" * rng.integers(2) + inner + start + outer)


def shares(folder, rng):
    """Dicts, tensors or pairs that stand in many places."""
    depth = int(rng.integers(15, 60))
    stored = tz.tensor(tz.storage("0", "FloatStorage", 8), (8,))
    kind = rng.integers(4)
    if kind == 0:  # a dict in a dict in a dict, twice in each
        program = tz.table({"w": stored}) + b"q\x00"
        for _ in range(depth):
            program = b"}q\x01(" + tz.text("a") + program + tz.text("b") + b"h\x00u" + b"q\x00"
    elif kind == 1:  # one list of pairs, made to a dict again and again
        pairs = b"](" + b"".join(b"K\x01N\x86" for _ in range(30_000)) + b"eq\x00\x85q\x01"
        again = tz.name("collections", "OrderedDict") + b"q\x02" + b"h\x02h\x01R" * 20_000
        program = pairs + again
    elif kind == 2:  # arguments without end
        many = b"(" + b"N" * 100_000 + b"tq\x01" + tz.name("argparse", "Namespace") + b"q\x02"
        program = many + b"h\x02h\x01R" * 50_000
    else:
        many = b"(" + b"N" * 100_000 + b"tq\x01" + b"h\x01Q" * 50_000
        program = many
    return written(folder, rng, program)


def collides(folder, rng):
    """Numbers that all have one hash, as keys."""
    prime, count = 2**61 - 1, int(rng.integers(20_000, 60_000))
    keys = b"".join(tz.number(int(i) * prime) + b"N" for i in range(1, count))
    return written(folder, rng, b"}(" + keys + b"u")


def views(folder, rng):
    """Many tensors of one storage."""
    count, size = int(rng.integers(50, 600)), int(rng.integers(10_000, 2_000_000))
    stored = tz.storage("0", "FloatStorage", size) + b"q\x07"
    first = tz.tensor(stored, (size,))
    kind = rng.integers(3)
    shape, strides = (((size,), None), ((1, 2), (1, size - 1)), ((1,) * 40, (1,) * 40))[kind]
    again = tz.tensor(b"h\x07", shape, strides)
    entries = {"w0": first} | {f"w{i}": again for i in range(1, count)}
    tz.write(folder / "x.pt", tz.table(entries), [np.ones(size, np.float32)])
    return folder / "x.pt"


def lies(folder, rng):
    """Tensors and storages that are not what they say."""
    huge = int(rng.integers(2**30, 2**62))
    shape, strides, offset, count = (
        ((huge,), (0,), 0, 8), ((9,), (1,), 0, 8), ((8,), (1,), 1, 8), ((-1, 4), (4, 1), 0, 8),
        ((8,), (-1,), 7, 8), ((huge, huge), (0, 0), 0, 8), ((2, 2), (1,), 0, 8),
        ((8,), (huge,), 0, 8), ((8,), (1,), 0, huge), ((8,), (1,), 0, -8),
        ((1,) * 70, (1,) * 70, 0, 8), ((0, huge), (huge, 1), 0, 8), ((0,) * 65, (0,) * 65, 0, 8),
    )[rng.integers(13)]  # fmt: skip
    more = [b"N"] * int(rng.integers(2))
    key = ("0", "1", "../data.pkl", "", "0/0", "\x00")[rng.integers(6)]
    stored = tz.storage(key, LIVE[rng.integers(len(LIVE))], count, *more)
    name = ("w", "a\nb", "\x1b[2J", "x" * 5000, "encoder.block." + "9" * 5000 + ".w")
    return written(
        folder, rng,
        tz.table({name[rng.integers(len(name))]: tz.tensor(stored, shape, strides, offset)}),
    )  # fmt: skip


def babbles(folder, rng):
    """Opcodes in any order, or any bytes."""
    known = b"}]()0N\x88\x89\x85\x86\x87RQbsuetqh2(K\x01K\x02q\x00h\x00\x93\x94"
    length = int(rng.integers(1, 5000))
    anything = bytes(known[i] for i in rng.integers(len(known), size=length))
    return written(folder, rng, anything if rng.integers(3) else rng.bytes(length))


def archive_lies(folder, rng):
    """A sound program in a zip whose flags, methods, sums or places are wrong."""
    tensor = tz.tensor(tz.storage("0", "FloatStorage", 8), (8,))
    tz.write(folder / "x.pt", tz.table({"w": tensor}), [np.ones(8, np.float32)])
    return zip_lies(folder / "x.pt", rng)


def zip_lies(file, rng):
    """One field of one header of a zip gets another value."""
    data = bytearray(file.read_bytes())
    sign, fields = (
        (b"PK\x01\x02", ((8, 2), (10, 2), (16, 4), (20, 4), (24, 4), (28, 2), (30, 2), (42, 4))),
        (b"PK\x03\x04", ((6, 2), (8, 2), (14, 4), (18, 4), (22, 4), (26, 2), (28, 2))),
        (b"PK\x05\x06", ((8, 2), (10, 2), (12, 4), (16, 4), (20, 2))),
    )[rng.integers(3)]
    starts = [i for i in range(len(data)) if data[i : i + 4] == sign]
    at, (offset, width) = starts[rng.integers(len(starts))], fields[rng.integers(len(fields))]
    value = (1, 8, 12, 14, 99, 2**16 - 1, 2**31, 2**32 - 1, int(rng.integers(2**32)))
    field = int(value[rng.integers(len(value))]) % 2 ** (8 * width)
    data[at + offset : at + offset + width] = field.to_bytes(width, "little")
    file.write_bytes(bytes(data))
    return file


KINDS = (calls, sets_state, asks_for_much, nests, shares, collides, views, lies, babbles,
         archive_lies)  # fmt: skip
