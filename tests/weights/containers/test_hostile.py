"""Damaged and malicious weight files: nothing is run, nothing large is allocated, one sentence."""

import io
import json
import struct
import tracemalloc
import warnings
import zipfile

import numpy as np
import pytest
from safetensors.numpy import save_file

from benchmarks.hostile import torch_zip as tz
from data_pipelines.errors import UserError
from itit_jax.weights.containers.find import read_tensors
from tests.weights.containers.hostile import FILES, HUGE, hostile
from tests.weights.containers.hostile_flax import a_msgpack_array_that_lies

SPARE = 4_000_000  # bytes that reading may use beside the file's own size

CALLS = """os.system posix.system nt.system subprocess.Popen subprocess.call subprocess.check_output
builtins.eval builtins.exec builtins.__import__ builtins.getattr builtins.open builtins.compile
__builtin__.eval importlib.import_module runpy.run_path runpy._run_code shutil.rmtree shutil.copy
pickle.loads _pickle.loads marshal.loads codecs.decode operator.attrgetter operator.methodcaller
functools.partial functools.reduce types.FunctionType types.CodeType ctypes.CDLL socket.socket
pty.spawn webbrowser.open timeit.timeit pdb.run code.interact multiprocessing.Process
torch.load torch._utils._rebuild_device_tensor_from_numpy torch._utils.__builtins__
torch.storage._load_from_bytes torch.FloatStorage.from_file torch.os.system numpy.load
numpy.core.multiarray._reconstruct numpy.f2py.compile collections.Counter collections.abc.eval
collections._sys.modules pathlib.Path.unlink tempfile.mkdtemp site.main antigravity.geohash
sys.exit threading.Thread asyncio.run http.client.HTTPConnection urllib.request.urlopen
ftplib.FTP logging.config.dictConfig pydoc.pipepager distutils.spawn.spawn""".split()  # noqa: SIM905


@hostile(len(CALLS))
def a_pickle_that_calls(folder, i):
    module, _, attribute = CALLS[i].rpartition(".")
    marker = tz.text(f"touch {folder / 'executed'}")
    program = tz.table({"w": tz.call(tz.name(module, attribute), marker)})
    return written(folder, program)


@hostile(10)
def an_inert_name_and_no_tensor(folder, i):
    name = tz.name("pytorch_lightning.os", ("system", "eval", "exec", "open", "popen")[i % 5])
    call = tz.call(name, tz.text(f"touch {folder / 'executed'}"))
    built = call + tz.table({"__dict__": tz.number(1)}) + b"b" if i >= 5 else call
    return written(folder, tz.table({"w": built}))


@hostile(12)
def a_tensor_that_leaves_its_storage(folder, i):
    shape, strides, offset = (
        ((HUGE,), (0,), 0), ((HUGE,), (1,), 0), ((9,), (1,), 0), ((8,), (1,), 1),
        ((2, 4), (5, 1), 0), ((-1, 4), (4, 1), 0), ((8,), (-1,), 7), ((8,), (1,), -1),
        ((HUGE, HUGE), (0, 0), 0), ((2, 2), (1,), 0), ((3, 8), (0, 1), 0), ((8,), (HUGE,), 0),
    )[i]  # fmt: skip
    stored = tz.storage("0", "FloatStorage", 8)
    return written(folder, tz.table({"w": tz.tensor(stored, shape, strides, offset)}))


@hostile(8)
def a_storage_that_lies(folder, i):
    key, kind, count = (
        ("0", "FloatStorage", HUGE), ("0", "FloatStorage", 9), ("0", "DoubleStorage", 8),
        ("7", "FloatStorage", 8), ("../data.pkl", "FloatStorage", 8), ("0", "FloatStorage", -1),
        ("0", "Tensor", 8), ("", "FloatStorage", 8),
    )[i]  # fmt: skip
    return written(folder, tz.table({"w": tz.tensor(tz.storage(key, kind, count), (8,))}))


@hostile(4)
def a_compressed_bomb(folder, i):
    array = np.zeros(2_000_000 * (i + 1), np.float32)
    stored = tz.storage("0", "FloatStorage", array.size)
    file = folder / "x.pt"
    tz.write(file, tz.table({"w": tz.tensor(stored, array.shape)}), [array], zipfile.ZIP_DEFLATED)
    return file


@hostile(12)
def a_program_that_is_no_table_of_tensors(folder, i):
    program = (
        b"N", b"}", b"]", tz.number(3), tz.text("weights"), b"(" * 5000, b"0", b"R", b"Q",
        b"h\xff", b"r\xff\xff\xff\x7f", b"\x8b\xff\xff\xff\x7f",
    )[i]  # fmt: skip
    return written(folder, program)


@hostile(20)
def a_torch_file_that_was_cut(folder, i):
    file = folder / "x.pt"
    tz.save(file, {"w": np.ones((30, 30), np.float32), "b": np.ones(9, np.float32)})
    data = file.read_bytes()
    file.write_bytes(data[: len(data) * i // 20])
    return file


def a_row(stored=None, **lies):
    """Bytes of a file from before torch 1.6 with one tensor of 8 numbers."""
    stored = stored or tz.storage("0", "FloatStorage", 8, b"N")
    return tz.row(tz.table({"w": tz.tensor(stored, (8,))}), [np.ones(8, np.float32)], **lies)


@hostile(10)
def a_row_of_pickles_that_lies(folder, i):
    storage = lambda key, kind, count: tz.storage(key, kind, count, b"N")
    (folder / "x.pt").write_bytes((
        a_row(counts=[HUGE]), a_row(counts=[9]), a_row(counts=[-1]), a_row(keys=[]),
        a_row(keys=["1"]), a_row(keys=["0", "0"]), a_row(magic=7),
        a_row(storage("0", "FloatStorage", HUGE)), a_row(storage("0", "DoubleStorage", 8)),
        a_row(tz.storage("0", "FloatStorage", 8, tz.items(tz.text("1"), tz.number(0)))),
    )[i])  # fmt: skip
    return folder / "x.pt"


@hostile(10)
def a_row_of_pickles_that_calls_or_asks_for_much(folder, i):
    call = tz.call(tz.name("os", "system"), tz.text(f"touch {folder / 'executed'}"))
    lengths = b"X\xff\xff\xff\x7f", b"\x8b\xff\xff\xff\x7f", b"T\xff\xff\xff\x7f"
    program = (call, *lengths, b"r\xff\xff\xff\x7f")[i % 5]
    first = b"" if i < 5 else program + b"."  # in the place of the magic number
    (folder / "x.pt").write_bytes((b"\x80\x02" + first if first else b"") + tz.row(program, []))
    return folder / "x.pt"


@hostile(20)
def a_row_of_pickles_that_was_cut(folder, i):
    data = a_row()
    (folder / "x.pt").write_bytes(data[: len(data) * i // 20])
    return folder / "x.pt"


@hostile(2)
def a_file_without_one_pickle(folder, i):
    with zipfile.ZipFile(folder / "x.pt", "w") as archive:
        for name in ("a/data.pkl", "b/data.pkl")[: 2 * i]:
            archive.writestr(name, b"\x80\x02}.")
        archive.writestr("readme", "nothing")
    return folder / "x.pt"


def written(folder, program):
    tz.write(folder / "x.pt", program, [np.ones(8, np.float32)])
    return folder / "x.pt"


@hostile(20)
def a_safetensors_header_that_lies(folder, i):
    good = {"dtype": "F32", "shape": [2, 2], "data_offsets": [0, 16]}
    header = (
        good | {"shape": [HUGE, HUGE]}, good | {"shape": [2, 3]}, good | {"dtype": "F64"},
        good | {"data_offsets": [0, HUGE]}, good | {"data_offsets": [8, 24]},
        good | {"data_offsets": [16, 0]}, good | {"shape": [-2, -2]}, good | {"dtype": "OBJECT"},
        good | {"shape": "all"}, good | {"data_offsets": [0]}, [good], "none", None, {},
        good | {"data_offsets": [-16, 0]}, good | {"shape": [2**63, 2]}, good | {"dtype": 4},
        good | {"shape": [[2], 2]}, {"dtype": "F32"}, good | {"shape": [1.5, 2]},
    )[i]  # fmt: skip
    text = json.dumps({"w": header}).encode()
    file = folder / "x.safetensors"
    file.write_bytes(struct.pack("<Q", len(text)) + text + bytes(16))
    return file


@hostile(6)
def a_safetensors_header_of_wrong_length(folder, i):
    length = (2**63, 2**40, 2**27, 10_000, 1, 0)[i]
    file = folder / "x.safetensors"
    file.write_bytes(struct.pack("<Q", length) + b'{"w": {"dtype": "F32"}}' + bytes(16))
    return file


@hostile(18)
def a_safetensors_file_that_was_cut(folder, i):
    file = folder / "x.safetensors"
    save_file({"w": np.ones((20, 20), np.float32)}, file)
    data = file.read_bytes()
    file.write_bytes(data[: len(data) * i // 18])
    return file


@hostile(8)
def an_index_that_leaves_its_folder(folder, i):
    part = (
        "../x.safetensors", "/etc/passwd", "a/../../x.safetensors", "..", "nowhere.safetensors",
        "C:/x.safetensors/", "a/b.safetensors", "",
    )[i]  # fmt: skip
    save_file({"w": np.ones(3, np.float32)}, folder.parent / "x.safetensors")
    (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": {"w": part}}))
    return folder


@hostile(3)
def an_index_that_is_none(folder, i):
    text = ("", "[]", '{"weight_map": {"w": 3}}')[i]
    (folder / "model.safetensors.index.json").write_text(text)
    return folder


@hostile(6)
def an_npz_that_lies(folder, i):
    shape, dtype = (
        ((HUGE,), "<f4"), ((3, 3), "<f4"), ((8,), "<f8"), ((-1,), "<f4"), ((8,), "|O"),
        ((2**62, 8), "<f4"),
    )[i]  # fmt: skip
    entry = io.BytesIO()
    header = {"descr": dtype, "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(entry, header)
    with zipfile.ZipFile(folder / "x.npz", "w") as archive:
        archive.writestr("w.npy", entry.getvalue() + bytes(32))
    return folder / "x.npz"


@hostile(3)
def an_npz_with_two_of_one_name(folder, i):
    first, second = (("w.npy", "w"), ("w", "w.npy"), ("w.npy", "w.npy"))[i]
    with warnings.catch_warnings(), zipfile.ZipFile(folder / "x.npz", "w") as archive:
        warnings.simplefilter("ignore")
        for name, value in ((first, 1), (second, 2)):
            entry = io.BytesIO()
            np.save(entry, np.full(3, value, np.float32))
            archive.writestr(name, entry.getvalue())
    return folder / "x.npz"


@hostile(3)
def an_npz_that_unfolds(folder, i):
    np.savez_compressed(folder / "x.npz", w=np.zeros(3_000_000 * (i + 1), np.float32))
    return folder / "x.npz"


@hostile(12)
def an_npz_that_was_cut(folder, i):
    np.savez(folder / "x.npz", w=np.ones((20, 20), np.float32))
    data = (folder / "x.npz").read_bytes()
    (folder / "x.npz").write_bytes(data[: len(data) * i // 12])
    return folder / "x.npz"


@hostile(4)
def no_weight_file_at_all(folder, i):
    file = folder / ("x.txt", "x.pt", "x.safetensors", "x.npz")[i]
    file.write_text("a red circle\n" * 100)
    return file


def test_there_are_three_hundred_of_them():
    assert len(FILES) >= 300


@pytest.mark.parametrize("case", FILES)
def test_a_hostile_file_is_refused_in_one_sentence(case, tmp_path):
    maker, number = FILES[case]
    folder = tmp_path / "weights"
    folder.mkdir()
    path = maker(folder, number)
    files = [path] if path.is_file() else path.rglob("*")
    size = sum(f.stat().st_size for f in files if f.is_file())
    tracemalloc.start()
    try:
        with pytest.raises(UserError) as error:
            for tensor in read_tensors(path).values():
                tensor.read()
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert len(str(error.value).splitlines()) == 1, error.value
    assert peak < size + SPARE
    assert not (folder / "executed").exists()


@pytest.mark.parametrize("number", range(18))
def test_an_array_of_flax_that_lies_is_refused_before_it_is_read(number, tmp_path):
    with pytest.raises(UserError):
        read_tensors(a_msgpack_array_that_lies(tmp_path, number))
