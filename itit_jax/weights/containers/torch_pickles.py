"""The pickles of torch, read by a reader that knows tensors and plain containers only.

A pickle is a program. None of it is run: `pickletools` tells its opcodes, and those that weights
need are followed here, one small function each. A name that the program asks for is a pair of
texts, never what lives under that name in this process; what is called must be one of a short
list; objects of training frameworks that checkpoints carry along become inert; all else is refused.
"""

import collections
import math
import pickletools
from collections.abc import Callable
from typing import NamedTuple

import ml_dtypes
import numpy as np

from data_pipelines.errors import UserError
from itit_jax.weights.containers.tensors import AXES

STORAGES = {
    "DoubleStorage": np.dtype(np.float64),
    "FloatStorage": np.dtype(np.float32),
    "HalfStorage": np.dtype(np.float16),
    "BFloat16Storage": np.dtype(ml_dtypes.bfloat16),
    "LongStorage": np.dtype(np.int64),
    "IntStorage": np.dtype(np.int32),
    "ShortStorage": np.dtype(np.int16),
    "CharStorage": np.dtype(np.int8),
    "ByteStorage": np.dtype(np.uint8),
    "BoolStorage": np.dtype(np.bool_),
}
# Their objects stand beside the weights in checkpoints (callbacks, settings) and are passed over.
INERT = ("pytorch_lightning.", "lightning.", "lightning_fabric.", "omegaconf.", "argparse.")
MODULES = "__torch__."  # of TorchScript: each holds its tensors as its state
MOST = 2_000_000  # opcodes; a checkpoint of a thousand tensors and its optimizer has a tenth
LARGEST = 2**60  # of a dict's numbers: larger ones can be made to have one hash


class Storage(NamedTuple):
    """The numbers that tensors are views of."""

    key: str
    dtype: np.dtype
    count: int


class StoredTensor(NamedTuple):
    """A view of a storage; `read` makes the array."""

    bytes_of: Callable[[Storage, int, int], bytes]
    storage: Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]

    @property
    def dtype(self):
        """That of its storage."""
        return self.storage.dtype

    @property
    def span(self):
        """Numbers of the storage from its first to its last."""
        if 0 in self.shape:
            return 0
        return 1 + sum((n - 1) * step for n, step in zip(self.shape, self.strides))

    def read(self):
        """-> numpy array of its own."""
        values = np.frombuffer(self.bytes_of(self.storage, self.offset, self.span), self.dtype)
        strides = [step * values.itemsize for step in self.strides]
        view = np.lib.stride_tricks.as_strided(values, self.shape, strides, writeable=False)
        return np.ascontiguousarray(view).reshape(self.shape)


class Name(NamedTuple):
    """What a program asks for, as it is spelt."""

    module: str
    attribute: str


class Inert:
    """Stands for an object that is not wanted."""


class Module(dict):
    """A module of TorchScript: {attribute: value}."""


class Unpickler:
    """Reads one pickle of `stream`, which must not allocate what it does not hold.

    container: where storages lie. `check(storage)` refuses what the file cannot hold, and
    `bytes_of(storage, first, count)` gives bytes of that many of its numbers once they are wanted.
    """

    def __init__(self, stream, file, container):
        self._stream, self._file, self._container = stream, file, container
        self._stack, self._waiting, self._memo = [], [], {}  # waiting: stacks below a mark
        self._left = MOST

    def load(self):
        """ValueError where the program is broken, UserError where it asks for what is not ours."""
        try:
            return self._follow()
        except (UserError, ValueError):
            raise
        except Exception as error:  # a broken program fails in any way it likes
            raise ValueError(f"its pickle fails: {type(error).__name__}: {error}") from error

    def _follow(self):
        for opcode, given, _ in pickletools.genops(self._stream):
            self._spend(1)
            if opcode.name == "STOP":
                return self._stack.pop()
            if opcode.name in VALUES:
                self._stack.append(given)
            elif opcode.name in STEPS:
                STEPS[opcode.name](self, given)
            elif opcode.name not in FRAMING:
                raise ValueError(f"its pickle has the opcode {opcode.name}, which weights need not")
        raise ValueError("its pickle has no end")

    def _spend(self, steps):
        self._left -= steps
        if self._left < 0:
            raise ValueError(f"its pickle has more than {MOST:,} steps")

    # ---- containers ------------------------------------------------------------------------------

    def _push(self, value):
        self._stack.append(value)

    def _mark(self, _):
        self._waiting.append(self._stack)
        self._stack = []

    def _marked(self):
        items, self._stack = self._stack, self._waiting.pop()
        return items

    def _last(self, count):
        if count > len(self._stack):
            raise ValueError("its pickle takes what it has not put down")
        items = self._stack[-count:]
        del self._stack[-count:]
        return items

    def _extend(self, items):
        if type(self._stack[-1]) is list:
            self._stack[-1].extend(items)
        elif not isinstance(self._stack[-1], Inert):
            raise ValueError("its pickle appends to what is no list")

    def _set(self, items):
        target = self._stack[-1]
        if type(target) in (dict, collections.OrderedDict):
            target.update(_pairs(items))
        elif not isinstance(target, Inert):
            raise ValueError("its pickle sets an item of what is no dict")

    # ---- names and what is made of them ----------------------------------------------------------

    def _name(self, module, attribute):
        if type(module) is not str or type(attribute) is not str:
            raise ValueError("a name is no text")
        name = Name(module, attribute)
        if not (name in CALLED or _is_storage(name) or _lies_in(name, (*INERT, MODULES))):
            raise UserError(
                f"{self._file} asks for {_spelt(module)}.{_spelt(attribute)}, which weights do not "
                "need; it may be harmful. Convert it to safetensors where you trust it."
            )
        self._stack.append(name)

    def _call(self, count):
        """Calls the name below its last `count` arguments; keywords are of inert objects only."""
        name, given, *_ = self._last(1 + count)
        if type(name) is not Name or type(given) is not tuple:
            raise ValueError("its pickle calls what is no name")
        self._spend(len(given))
        if name in CALLED:
            self._stack.append(CALLED[name](self, *given))
        elif _is_storage(name):
            raise ValueError(f"its pickle calls {name.attribute}")
        else:
            self._stack.append(Module() if _lies_in(name, MODULES) else Inert())

    def _build(self, _):
        """The state of an object is nobody's business, but for what a module holds."""
        target, state = self._last(2)
        if type(target) is Module and type(state) is dict:
            self._spend(len(state))
            target.update(state)
        elif type(target) not in (Inert, collections.OrderedDict):
            raise ValueError("its pickle gives a state to what has none")
        self._stack.append(target)

    def _ordered(self, pairs=()):
        self._spend(len(pairs))
        found = collections.OrderedDict()
        for key, value in pairs:
            found[_key(key)] = value
        return found

    def _storage(self, _):
        given = self._stack.pop()
        self._spend(len(given))
        kind, name, key, _, count, *view = given
        if kind != "storage" or not _is_storage(name) or any(v is not None for v in view):
            raise ValueError("a storage is of a kind that weights do not need")
        if type(key) not in (str, int) or type(count) is not int or count < 0:
            raise ValueError("a storage has no sound length")
        storage = Storage(str(key), STORAGES[name.attribute], count)
        self._container.check(storage)
        self._stack.append(storage)

    def _tensor(self, storage, offset, shape, strides, *_):
        if type(storage) is not Storage or type(shape) is not tuple or type(strides) is not tuple:
            raise ValueError("a tensor has no storage")
        if len(shape) != len(strides) or len(shape) > AXES:
            raise ValueError(f"a tensor has {len(shape)} axes and {len(strides)} strides")
        numbers = (offset, *shape, *strides)
        if not all(type(n) is int and n >= 0 for n in numbers):
            raise ValueError("a tensor has no sound shape")
        tensor = StoredTensor(self._container.bytes_of, storage, offset, shape, strides)
        # No view may be larger than its storage: a stride of 0 makes anything of one number.
        if max(offset + tensor.span, math.prod(shape)) > storage.count:
            raise ValueError(f"a tensor of shape {shape} leaves its storage")
        return tensor

    def _parameter(self, tensor, *_):
        return tensor

    def _listed(self, items, *_):
        return items

    def _put(self, index):
        self._memo[len(self._memo) if index is None else index] = self._stack[-1]

    def _get(self, index):
        self._stack.append(self._memo[index])


def _pairs(items):
    """key, value, key, value, ... -> pairs."""
    if len(items) % 2:
        raise ValueError("a dict lacks a value")
    return [(_key(key), value) for key, value in zip(items[::2], items[1::2])]


def _key(key):
    # Others hash slowly, in the same way every time, or through all that lies in them.
    if type(key) is str or key is None or (type(key) in (int, bool) and abs(key) < LARGEST):
        return key
    raise ValueError(f"a dict has a {type(key).__name__} among its keys")


def _is_storage(name):
    return type(name) is Name and name.module == "torch" and name.attribute in STORAGES


def _lies_in(name, modules):
    return f"{name.module}.".startswith(modules)


def _spelt(name):
    return ascii(name[:100])[1:-1]


# What may be called.
CALLED = {
    Name("collections", "OrderedDict"): Unpickler._ordered,
    Name("torch._utils", "_rebuild_tensor_v2"): Unpickler._tensor,
    Name("torch._utils", "_rebuild_parameter"): Unpickler._parameter,
} | {
    Name("torch.jit._pickle", name): Unpickler._listed
    for name in ("build_intlist", "build_doublelist", "build_boollist", "build_tensorlist",
                 "restore_type_tag")
}  # fmt: skip
# Opcodes that put down what stands behind them.
VALUES = {
    "BININT", "BININT1", "BININT2", "LONG1", "BINFLOAT", "BINUNICODE", "SHORT_BINUNICODE",
    "BINUNICODE8", "BINSTRING", "SHORT_BINSTRING", "BINBYTES", "SHORT_BINBYTES", "BINBYTES8",
}  # fmt: skip
FRAMING = {"PROTO", "FRAME"}
# Opcodes that do something: what, of the reader and what stands behind them.
STEPS = {
    "NONE": lambda self, _: self._push(None),
    "NEWTRUE": lambda self, _: self._push(True),
    "NEWFALSE": lambda self, _: self._push(False),
    "EMPTY_TUPLE": lambda self, _: self._push(()),
    "EMPTY_LIST": lambda self, _: self._push([]),
    "EMPTY_DICT": lambda self, _: self._push({}),
    "MARK": Unpickler._mark,
    "TUPLE": lambda self, _: self._push(tuple(self._marked())),
    "TUPLE1": lambda self, _: self._push(tuple(self._last(1))),
    "TUPLE2": lambda self, _: self._push(tuple(self._last(2))),
    "TUPLE3": lambda self, _: self._push(tuple(self._last(3))),
    "LIST": lambda self, _: self._push(self._marked()),
    "DICT": lambda self, _: self._push(dict(_pairs(self._marked()))),
    "APPEND": lambda self, _: self._extend(self._last(1)),
    "APPENDS": lambda self, _: self._extend(self._marked()),
    "SETITEM": lambda self, _: self._set(self._last(2)),
    "SETITEMS": lambda self, _: self._set(self._marked()),
    "BINPUT": Unpickler._put,
    "LONG_BINPUT": Unpickler._put,
    "MEMOIZE": Unpickler._put,
    "BINGET": Unpickler._get,
    "LONG_BINGET": Unpickler._get,
    "GLOBAL": lambda self, given: self._name(*given.split(" ", 1)),
    "STACK_GLOBAL": lambda self, _: self._name(*self._last(2)),
    "REDUCE": lambda self, _: self._call(1),
    "NEWOBJ": lambda self, _: self._call(1),
    "NEWOBJ_EX": lambda self, _: self._call(2),
    "BUILD": Unpickler._build,
    "BINPERSID": Unpickler._storage,
}
