"""Pictures -> features by a network: the one module of the metrics that meets a model.

    extractor = find("inception:pt_inception-2015-12-05-6726825d.pth")
    for features, probabilities in extractor(pictures): ...
"""

import dataclasses
import functools
import hashlib
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np

from data_pipelines.errors import UserError
from data_pipelines.images import fit
from data_pipelines.places import place
from itit_jax import parts, sharding
from itit_jax.batches import batches_of
from itit_jax.models import inception
from itit_jax.recipes import base
from itit_jax.towers.published import load_towers
from itit_jax.weights import load as weights
from itit_jax.workdir import Workdir

BATCH = 32  # pictures a call, over all devices of this process


@dataclasses.dataclass(frozen=True)
class Extractor:
    """A network with its way of bringing pictures to its size.

    `name` says what a score was measured with: the network, its resize, its weights.
    """

    name: str
    prepare: Callable  # pixels uint8 [h, w, 3] -> array of one shape
    apply: Callable  # prepared [b, ...] -> (features [b, d], probabilities [b, c] or None)

    def __call__(self, pictures):
        """Pictures uint8 [h, w, 3] -> batches of (features [b, d], probabilities or None)."""
        mesh = sharding.make_mesh(devices=jax.local_devices())
        size = -(-BATCH // mesh.size) * mesh.size
        for rows, count in batches_of(map(self.prepare, pictures), size):
            batch = jax.device_put(np.stack(rows), sharding.batch_sharding(mesh))
            features, probabilities = jax.device_get(self.apply(batch))
            yield features[:count], None if probabilities is None else probabilities[:count]


@functools.cache
def find(spec) -> Extractor:
    """The extractor of "KIND:PATH"; loaded and compiled once however often it is asked for."""
    kind, colon, path = spec.partition(":")
    if kind not in KINDS or not path:
        forms = ", ".join(f"{name}:PATH" for name in KINDS)
        raise UserError(f"--features={spec} names no features; give one of {forms}.")
    return KINDS[kind](place(path, bucket=True))


def _inception(variant, resize):
    def make(path):
        network = inception.Inception()
        pixels = jnp.zeros((1, inception.SIDE, inception.SIDE, 3))
        shapes = jax.eval_shape(network.init, jax.random.key(0), pixels)["params"]
        place = sharding.replicated(sharding.make_mesh(devices=jax.local_devices()))
        described = lambda x: jax.ShapeDtypeStruct(x.shape, x.dtype, sharding=place)
        params = weights.load(path, jax.tree.map(described, shapes))

        def apply(params, pixels):
            with jax.default_matmul_precision("highest"):  # or accelerators would round inputs
                features, logits = network.apply({"params": params}, pixels)
            return features, jax.nn.softmax(logits)

        name = f"inception-{variant}|resize:{resize}|weights:{_short(params)}"
        prepare = lambda picture: inception.prepare(variant, picture)
        return Extractor(name, prepare, _with(params, apply))

    return make


def _scenes(workdir):
    config = Workdir(workdir).config()
    recipe, size = base.find(config), config.data.image_size
    if not isinstance(recipe, base.Features):
        raise UserError(
            f"{workdir} is a run of {config.recipe}, which has no features; give the workdir of a "
            "run that has (configs/classifier_tiny.py)."
        )
    params, _ = parts.restore_params(recipe, config, workdir)

    def apply(params, images):
        with jax.default_matmul_precision("highest"):
            return recipe.features(params, images), None  # words exclude each other in no way

    name = f"scenes|resize:lanczos{size}|weights:{_short(params)}"
    return Extractor(name, lambda picture: fit(picture, size), _with(params, apply))


def _tower(path):
    towers = load_towers(path)
    # Where the rows of a batch lie: on every local device.
    everywhere = sharding.replicated(sharding.make_mesh(devices=jax.local_devices()))

    def apply(params, images):
        with jax.default_matmul_precision("highest"):
            features = towers.module.apply({"params": params}, images, method="image_features")
        return features, None

    params = jax.device_put(towers.params, everywhere)
    return Extractor(f"tower:{towers.signature}", towers.prepare, _with(params, apply))


def _short(params):
    """A hash of the weights. On the host: companions.fingerprint compiles a sum for each leaf."""
    hashed = hashlib.sha256()
    for keys, leaf in jax.tree_util.tree_leaves_with_path(params):
        hashed.update(sharding.path_of(keys).encode())
        hashed.update(np.ascontiguousarray(leaf))
    return hashed.hexdigest()[:12]


def _with(params, apply):
    compiled = jax.jit(apply)
    return lambda rows: compiled(params, rows)


KINDS = {
    "inception": _inception("pytorchfid", "bilinear299"),
    "inception-tf1": _inception("tf1", "tf1bilinear299"),
    "scenes": _scenes,
    "tower": _tower,
}
