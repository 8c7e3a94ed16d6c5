"""From a weight file to our parameters and back, every key accounted for.

params = load(path, abstract)      # shapes, dtypes and places of the parameters wanted
kind, arrays = read(path)          # {our path: Tensor} of whatever the file holds
save(params, "t5", path)           # the layout of the ecosystem
"""

import difflib
import itertools
import pathlib
import re

import jax
import numpy as np

from data_pipelines.errors import UserError
from itit_jax.sharding import path_of
from itit_jax.state import not_finite
from itit_jax.weights import checksums, settings
from itit_jax.weights.containers.find import WRITERS, find_file, read_tensors
from itit_jax.weights.containers.tensors import Tensor
from itit_jax.weights.layouts.kinds import KINDS, OURS
from itit_jax.weights.layouts.rows import Row, layers_of

FLOATS = ("float32", "bfloat16", "float16", "float64")
PATH = re.compile(r"\w+(/\w+)*")  # of our own parameters
COMPARED = 2000  # names that a misspelt one may be like
# Stage-2 files hold stage 1 under such a name, Flax its parameters.
WRAPPERS = ("", "first_stage_model.", "module.", "model.", "transformer.", "params/")


def read(path, part="", kind="") -> tuple[str, dict[str, Tensor]]:
    """-> (kind, {our path: Tensor}); layers unrolled. Refuses what it cannot account for.

    `part` of ours (tokenizer, text_encoder) chooses among those of a pipeline's folder. `kind`:
    OURS where the file is known to be; by default its names tell.
    """
    checksums.check(path, part)
    tensors = read_tensors(path, part)
    kind, names = (kind, tensors) if kind else _recognise(path, tensors)
    if kind == OURS:
        return kind, {n: _transformed(path, t, Row(n, n)) for n, t in tensors.items()}
    found, known = {}, set()
    for row in KINDS[kind].from_theirs(names):
        known.add(row.theirs)
        if row.theirs in names:
            found[row.ours] = _transformed(path, names[row.theirs], row)
    ignored = re.compile(KINDS[kind].passed_over)
    strange = [n for n in names if n not in known and not ignored.match(n)]
    if strange:
        raise UserError(
            f"{path} is read as {kind}, which has no {_some(strange)}{_near(strange[0], known)}."
        )
    for again, name in KINDS[kind].again.items():
        _check_again(path, again, names.get(again, tensors.get(again)), name, names.get(name))
    settings.check(find_file(path, part), kind, found)
    return kind, found


def load(path, abstract, part="", kind=""):
    """Parameters of a file, cast and placed as the leaves of `abstract` say.

    One tensor is in memory at a time beside what is placed already.
    """
    kind, found = read(path, part, kind)
    wanted = {path_of(p): leaf for p, leaf in jax.tree_util.tree_leaves_with_path(abstract)}
    sources = {name: layers_of(name, leaf) for name, leaf in wanted.items()}
    _compare(path, kind, found, wanted, sources)
    params = take(found, abstract)
    if name := not_finite(params):
        raise _spoiled(path, name)
    return params


def check_finite(path, name, array):
    """Refuses NaN and Inf."""
    if not np.isfinite(array).all():
        raise _spoiled(path, name)


def _spoiled(path, name):
    return UserError(f"{path} holds {name} with NaN or Inf in it; take a whole file.")


def _check_again(path, again, other, name, tensor):
    """Refuses a table under a second name that is another than the one that is read."""
    if other is None or tensor is None:
        return
    if other.shape != tensor.shape or not np.array_equal(other.read(), tensor.read()):
        raise UserError(
            f"{path} holds '{again}' that is not '{name}' once more, and here they are one table; "
            "give weights of which these are tied."
        )


def take(found, abstract):
    """The leaves of `abstract` out of {our path: Tensor}, which holds them in these shapes."""
    place = lambda keys, leaf: _place(found, layers_of(path_of(keys), leaf), leaf)
    return jax.tree_util.tree_map_with_path(place, abstract)


def save(params, kind, path, head=None, **known):
    """Write parameters in the layout of `kind`, one of KINDS, or OURS.

    `path` is the file, or the folder where the layout is one (t5x). head: {text: text} in place
    of the usual metadata of safetensors. Give one entry: safetensors writes several in any
    order, and equal parameters should give equal bytes. known: what a layout needs and
    parameters do not say, such as heads.
    """
    flat = {}
    for place, leaf in jax.tree_util.tree_leaves_with_path(params):
        name, array = path_of(place), np.asarray(leaf)
        parts = layers_of(name, array)
        flat |= {part: array if len(parts) == 1 and part == name else array[i]
                 for i, part in enumerate(parts)}  # fmt: skip
    arrays = flat if kind == OURS else as_theirs(flat, kind, known)
    arrays = {name: np.asarray(array, order="C") for name, array in arrays.items()}
    pathlib.Path(path).parent.mkdir(parents=True, exist_ok=True)
    WRITERS[container(kind)](arrays, path, **({"head": head} if head else {}))


def container(kind):
    """What weights of this layout are written as: one of find.WRITERS."""
    return OURS if kind == OURS else KINDS[kind].container


def as_theirs(flat, kind, known=None):
    """{our path: array} -> {their name: array}; parts of one of their tensors are joined."""
    rows = [row for row in KINDS[kind].from_ours(flat, **known or {}) if row.ours in flat]
    unknown = sorted(flat.keys() - {row.ours for row in rows})
    if unknown:
        raise UserError(f"the layout {kind} has no place for {_some(unknown)}.")
    pieces = {}
    for row in rows:
        pieces.setdefault(row.theirs, []).append((row, row.transform.theirs(flat[row.ours])))
    return {theirs: _joined(found) for theirs, found in pieces.items()}


def _joined(pieces):
    (row, array), *more = pieces
    if row.part is None:
        return array
    ordered = sorted([(row, array), *more], key=lambda piece: piece[0].part.index)
    return row.part.join([piece for _, piece in ordered])


def _recognise(path, tensors):
    """-> (kind, {name without its wrapper: Tensor})."""
    for kind, layout in KINDS.items():
        signs = (layout.sign,) if isinstance(layout.sign, str) else layout.sign
        for wrapper in WRAPPERS:
            if any(wrapper + sign in tensors for sign in signs):
                if not wrapper:
                    return kind, tensors
                cut = len(wrapper)
                return kind, {n[cut:]: t for n, t in tensors.items() if n.startswith(wrapper)}
    if any("/" in name for name in tensors) and all(map(PATH.fullmatch, tensors)):
        return OURS, tensors
    raise UserError(
        f"{path} holds none of the layouts {', '.join(KINDS)}; its first key is "
        f"'{next(iter(tensors), '')}'."
    )


def _transformed(path, tensor, row):
    view = np.broadcast_to(np.zeros(()), tensor.shape)  # no memory
    try:
        shape = row.read(view).shape
    except (ValueError, IndexError) as error:
        raise UserError(
            f"{row.theirs} of {path} has the shape {tensor.shape}, which its layout does not know."
        ) from error
    if tensor.dtype.name not in FLOATS:
        raise UserError(
            f"{row.theirs} of {path} holds {tensor.dtype.name}, and weights are of "
            f"{', '.join(FLOATS)}; give weights that are neither quantised nor of another kind."
        )
    return Tensor(shape, tensor.dtype, lambda: row.read(tensor.read()))


def _compare(path, kind, found, wanted, sources):
    """Refuses tensors that are missing, too many or of another shape."""
    asked = {part for parts in sources.values() for part in parts}
    missing, unused = sorted(asked - found.keys()), sorted(found.keys() - asked)
    if missing:
        raise UserError(
            f"{path} ({kind}) lacks {_some(missing)}{_near(missing[0], unused or found)}."
        )
    if unused:
        raise UserError(
            f"the model of this config has no {_some(unused)} of {path} ({kind})"
            f"{_near(unused[0], asked)}; mend its sizes in the config."
        )
    for name, parts in sources.items():
        want = wanted[name].shape[1:] if parts != [name] else wanted[name].shape
        for part in parts:
            if found[part].shape != tuple(want):
                raise UserError(
                    f"{part} of {path} has the shape {found[part].shape} and the model of this "
                    f"config {tuple(want)}; mend its sizes in the config."
                )


def _place(found, parts, leaf):
    arrays = [found[part].read() for part in parts]
    array = arrays[0] if len(leaf.shape) == arrays[0].ndim else np.stack(arrays)
    return jax.device_put(np.asarray(array).astype(leaf.dtype), leaf.sharding)


def _some(names):
    more = f" and {len(names) - 1} more" if len(names) > 1 else ""
    return f"'{names[0]}'{more}"


def _near(name, candidates):
    some = list(itertools.islice(candidates, COMPARED))
    close = difflib.get_close_matches(name, some, 1, 0.8)
    return f", only '{close[0]}'" if close else ""
