"""What the step, the loop and the evaluation need of a paper, and what else one may be able to do.

A new paper is configs/NAME.py (its keys), itit_jax/recipes/NAME.py (class Recipe) and a network
under models/ if it has a new one. Whoever wants more than `Recipe` promises asks for an ability:
isinstance(recipe, Draws).
"""

import importlib
from collections.abc import Callable
from typing import Any, NamedTuple, Protocol, runtime_checkable

import jax
import jax.numpy as jnp

from itit_jax.config_files import find_spec
from itit_jax.models.flops import Flops


class Recipe(Protocol):
    """One paper. Parameters are a dict of parts, e.g. {"model", "text_encoder", "tokenizer"}."""

    trainable: tuple[str, ...]  # parts that get updates; the others are inputs of the step
    weights_from: dict[str, str]  # part -> run or weight file it starts from; frozen ones need it
    batch_spec: dict[str, dict[str, jax.ShapeDtypeStruct]]  # what it reads, see `batch_spec`

    def init(self, key) -> dict[str, Any]:
        """Fresh parameters of every part; pure, usable under jax.eval_shape."""

    def loss(self, params, batch, key, step, teacher):
        """-> (loss [], metrics {name: []}); pure. batch: arrays as batch_spec says, such as
        {"draw": {"image": [b, h, w, 3], "text": [b, t]}}. teacher: EMA parameters, or `params`."""

    def score(self, params, rows, key) -> dict[str, Any]:
        """Of held-out examples {"image", "text"}: losses [b], and arrays to look at and score:
        "drawn", "rebuilt" pixels uint8 [b, h, w, 3], "caption" word ids [b, t]."""

    def flops(self) -> dict[str, Flops]:
        """Of one global step by term, from the sizes of the networks."""


# ---- abilities ---------------------------------------------------------------------------------


@runtime_checkable
class Draws(Protocol):
    """Texts to pictures."""

    def draw(self, params, text, key):
        """Word ids int32 [b, t] -> pictures uint8 [b, h, w, 3]."""


@runtime_checkable
class Edits(Protocol):
    """Parts of pictures, drawn anew from texts."""

    def edit(self, params, images, text, redraw, key):
        """Pictures uint8 [b, h, w, 3], word ids int32 [b, t], redraw bool [b, h, w] -> pictures
        uint8 [b, h, w, 3], as they were where `redraw` is false."""


@runtime_checkable
class Captions(Protocol):
    """Pictures to texts."""

    def caption(self, params, images, key):
        """Pictures uint8 [b, h, w, 3] -> word ids int32 [b, t]."""


@runtime_checkable
class Answers(Protocol):
    """Questions about pictures to answers."""

    def answer(self, params, images, question, key):
        """Pictures uint8 [b, h, w, 3], word ids int32 [b, t] -> word ids int32 [b, t]."""


@runtime_checkable
class Features(Protocol):
    """Pictures to vectors that they can be measured by."""

    def features(self, params, images):
        """Pictures uint8 [b, h, w, 3] -> float32 [b, d]."""


@runtime_checkable
class Embeds(Protocol):
    """Pictures and texts to vectors of one space."""

    def embed_images(self, params, images):
        """Pictures uint8 [b, h, w, 3] -> float32 [b, d], each of length 1."""

    def embed_texts(self, params, text):
        """Word ids int32 [b, t] -> float32 [b, d], each of length 1."""


@runtime_checkable
class Tables(Protocol):
    """Has parameters whose rows stand for words, codes or places; see start.py."""

    tables: dict[str, str]  # {companion that says what the rows are: regex of their paths}


class Encoding(NamedTuple):
    """What some parts say of one half of a record, always the same once they are trained."""

    reads: str  # "image": pixels uint8 [b, h, w, 3]; "text": word ids int32 [b, t]
    parts: tuple[str, ...]  # whose parameters it needs
    apply: Callable[[dict[str, Any], jax.Array], jax.Array]  # (params, those) -> [b, ...]


@runtime_checkable
class Encodes(Protocol):
    """Can say once and for all what training would ask again in every epoch (--mode=encode)."""

    encodings: dict[str, Encoding]  # by name; the first is meant if none is named


@runtime_checkable
class Copies(Protocol):
    """Has trained parts that start as a piece of a frozen one."""

    copies: dict[str, str]  # part: frozen part of whose leaves it has some, under the same paths


@runtime_checkable
class Loads(Protocol):
    """Has parts whose published weights lie otherwise than `weights.load` takes them."""

    loads: dict[str, Callable[[Any, Any], Any]]  # {part: function(path, abstract) -> parameters}


@runtime_checkable
class Reads(Protocol):
    """May read texts in other words than it writes them in, see itit_jax.retold."""

    reads: Any  # retold.Readable; None: in the same


MEANS = "means"  # the frozen part {name: [d]} of who can `Means`


@runtime_checkable
class Means(Protocol):
    """Stands on means over the training data, taken once, before the first step."""

    means: dict[str, Encoding]  # by name in the part "means": whose mean over all its rows


class Published(NamedTuple):
    """How a part is given away."""

    folder: str  # inside the export
    layout: str  # whose names its weights have, one of weights.layouts; "itit_jax" is ours
    network: Any  # for the config.json that goes with it
    config: Any = None  # of the run that made a frozen part, to build it again
    words: Any = None  # data_pipelines.words.base.Words or the like, of a published part that reads


@runtime_checkable
class Publishes(Protocol):
    """Can be exported."""

    def published(self) -> dict[str, Published]:
        """{part: how it is given away} of every part."""


# ---- help for those who implement it -----------------------------------------------------------


def find(config) -> Recipe:
    """The recipe that config.recipe names, built."""
    name = find_spec(config.recipe).name
    return importlib.import_module(f"itit_jax.recipes.{name}").Recipe(config)


def batch_spec(config, streams, tokens=0):
    """{stream: {array: shape and type}} of one global step, for the streams that have rows.

    streams: {name: ("image", "text"), ("image", "question", "answer") or a part of it}. tokens: how
    many ids stand for a picture where the data set's pictures are encoded already, [b, n]; 0:
    pixels [b, h, w, 3].
    """
    size, length = config.data.image_size, config.data.text_length
    kinds = {"image": ("image", (size, size, 3), jnp.uint8), "text": ("text", (length,), jnp.int32)}
    kinds["question"] = ("question", (length,), jnp.int32)
    kinds["answer"] = ("answer", (config.data.answer_length,), jnp.int32)
    if config.data.tokens and tokens:
        kinds["image"] = ("tokens", (tokens,), jnp.int32)
    spec = {}
    for name, parts in streams.items():
        if rows := config.data.rows[name]:
            arrays = (kinds[part] for part in parts)
            spec[name] = {key: jax.ShapeDtypeStruct((rows, *shape), dtype)
                          for key, shape, dtype in arrays}  # fmt: skip
    return spec


def rows(recipe):
    """{stream: rows of one global step}."""
    return {name: next(iter(arrays.values())).shape[0]
            for name, arrays in recipe.batch_spec.items()}  # fmt: skip
