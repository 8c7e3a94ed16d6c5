"""CLIP and SigLIP from a published file or folder, ready to ask.

    towers = load_towers(path)
    towers.image_features(pictures)    # uint8 [b, h, w, 3] of any size -> [b, d]
    towers.text_features(texts)        # strings -> [b, d]
"""

import hashlib
import math

import jax
import numpy as np
from PIL import Image

from data_pipelines.errors import UserError
from itit_jax.batches import batches_of
from itit_jax.companions import fingerprint
from itit_jax.models.towers import CLIP_PIXELS, SIGLIP_PIXELS, ImageTower, TextTower, Towers
from itit_jax.towers import compared, pixels
from itit_jax.towers import settings as told
from itit_jax.towers.words import open_words
from itit_jax.weights import load as weights
from itit_jax.weights.containers.find import folder_of
from itit_jax.weights.layouts import towers as layouts
from itit_jax.weights.layouts.rows import count

CLIP = ("clip", "open_clip")  # the other layouts of towers are SigLIP's
BATCH = 32  # rows a call


def describe(path) -> tuple[str, Towers]:
    """-> (layout, module) of the towers that a file or folder holds; sizes are read off it."""
    kind, found = weights.read(path)
    if kind not in layouts.KINDS:
        raise UserError(f"{path} is read as {kind}, which has no towers; give CLIP or SigLIP.")
    siglip = kind not in CLIP
    image = _image(path, kind, found, siglip) if "image/positions" in found else None
    text = _text(path, kind, found, siglip) if "text/positions" in found else None
    if not image and not text:
        raise UserError(f"{path} holds no whole tower of {kind}; get it again.")
    compared.check(path, kind, image, text)
    return kind, Towers(image, text)


def _image(path, kind, found, siglip):
    patch, _, _, width = _shape(path, found, "image/patches/kernel", 4)
    places, _ = _shape(path, found, "image/positions", 2)
    side = math.isqrt(places) * patch  # a class token more changes no root
    settings = told.of(path, kind, "image", width)
    return ImageTower(
        size=side,
        patch=patch,
        probe=siglip,
        pixels=pixels.of(path, kind, side, SIGLIP_PIXELS if siglip else CLIP_PIXELS),
        **_shared(path, found, "image", settings),
    )


def _text(path, kind, found, siglip):
    vocabulary, width = _shape(path, found, "text/token_embedding", 2)
    settings = told.of(path, kind, "text", width)
    end = vocabulary - 1 if settings.end is None else settings.end
    return TextTower(
        vocabulary_size=vocabulary,
        length=_shape(path, found, "text/positions", 2)[0],
        end=None if siglip else end,
        **_shared(path, found, "text", settings),
    )


def _shared(path, found, tower, settings):
    projection = f"{tower}/projection/kernel"
    width, mlp_width = _shape(path, found, f"{tower}/encoder/layers_0/mlp/up/kernel", 2)
    return dict(
        width=width,
        mlp_width=mlp_width,
        depth=count(rf"{tower}/encoder/layers_(\d+)/", found),
        heads=settings.heads,
        features=_shape(path, found, projection, 2)[1] if projection in found else 0,
        activation=settings.activation,
        epsilon=settings.epsilon,
    )


def _shape(path, found, name, rank):
    shape = found[name].shape if name in found else ()
    if len(shape) != rank or 0 in shape:
        has = f"has the shape {shape} in" if shape else "is missing in"
        raise UserError(f"{name} {has} {path}; it may be a variant that is not read.")
    return shape


def load_params(path, module):
    """Parameters of `module`, as `describe` gives it, on the first device of this process."""
    place = jax.sharding.SingleDeviceSharding(jax.local_devices()[0])
    described = lambda x: jax.ShapeDtypeStruct(x.shape, x.dtype, sharding=place)
    side = module.image.size if module.image else 1
    length = module.text.length if module.text else 1
    inputs = np.zeros((1, side, side, 3), np.uint8), np.zeros((1, length), np.int32)
    shapes = jax.eval_shape(module.init, jax.random.key(0), *inputs)["params"]
    return weights.load(path, jax.tree.map(described, shapes))


def load_towers(path) -> "LoadedTowers":
    """Towers of a file or folder, with how they take pictures and texts."""
    kind, module = describe(path)
    return LoadedTowers(path, kind, module)


class LoadedTowers:
    """Networks, parameters and the way in. `signature` names them in every score.

    Products are taken at full precision on every device: features are compared across machines.
    """

    def __init__(self, path, kind, module):
        self.path, self.module = path, module
        self.params = load_params(path, module)
        tower = module.image or module.text
        size = f"-p{tower.patch}-{tower.size}" if module.image else ""
        family = "clip" if kind in CLIP else "siglip"
        digest = fingerprint(self.params)[:12]
        sizes = f"w{tower.width}x{tower.depth}{size}"
        self.signature = f"{family}-{sizes}-{tower.activation}-{digest}-{_settings_hash(module)}"
        apply = lambda method: jax.jit(lambda p, x: module.apply({"params": p}, x, method=method))
        self._image, self._text = apply("image_features"), apply("text_features")
        self._words = None

    def prepare(self, picture) -> np.ndarray:
        """uint8 [h, w, 3] of any size -> uint8 [size, size, 3] as the image tower takes it."""
        tower = self.module.image
        if tower is None:
            raise UserError(f"{self.path} holds no image tower; give weights that do.")
        return fit(picture, tower.size, tower.pixels)

    def image_features(self, pictures) -> np.ndarray:
        """uint8 [b, h, w, 3], or b arrays [h, w, 3], of any size -> float32 [b, d], raw."""
        return rows_of(self._image, self.params, [self.prepare(picture) for picture in pictures])

    def text_features(self, texts) -> np.ndarray:
        """b strings -> float32 [b, d], raw. The words lie in the folder of the weights."""
        tower = self.module.text
        if tower is None:
            raise UserError(f"{self.path} holds no text tower; give weights of both towers.")
        if self._words is None:
            self._words = open_words(folder_of(self.path), tower)
        return rows_of(self._text, self.params, [self._words(text) for text in texts])


def rows_of(function, params, inputs):
    """function(params, [b, ...]) of all inputs, in batches of one size -> float32 [n, ...]."""
    parts = []
    for rows, real in batches_of(inputs, BATCH):
        with jax.default_matmul_precision("highest"):
            found = function(params, np.stack(rows))
        parts.append(np.asarray(found, np.float32)[:real])
    return np.concatenate(parts)


def _settings_hash(module):
    """Short digest of what changes features and neither sizes nor parameters say."""
    image, text = module.image, module.text
    told = [tower and (tower.heads, tower.activation, tower.epsilon) for tower in (image, text)]
    told += [image and tuple(image.pixels), text and text.end]
    return hashlib.sha256(repr(told).encode()).hexdigest()[:8]


def fit(picture, size, way):
    """uint8 [h, w, 3] -> uint8 [size, size, 3], resized as the Pixels `way` says.

    A centre is cut out rounding down, as transformers does it (torchvision rounds to even).
    """
    image = Image.fromarray(np.asarray(picture))
    width, height = image.size
    short = min(width, height)
    scaled = (size * width // short, size * height // short)
    sides = scaled if way.crop else (size, size)
    if image.size != sides:
        image = image.resize(sides, way.resample)
    left, top = ((side - size) // 2 for side in sides)
    return np.asarray(image)[top : top + size, left : left + size]
