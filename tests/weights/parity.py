"""Our networks beside the reference libraries, on the same random weights.

python -m tests.weights.parity --golden=FOLDER --out=results/parity.json

FOLDER holds what tests/weights/reference.py wrote: NAME.safetensors or NAME.weights.npz with the
weights and NAME.npz with sizes, inputs and outputs. Of Inception (reference_inception.py) there
are outputs and names; weights and pictures come from a seed. Towers lie in the folder NAME, with
their config.json.
"""

import argparse
import functools
import json
import pathlib
import sys
import tempfile

import jax
import jax.numpy as jnp
import numpy as np
from safetensors.numpy import save_file

from itit_jax.models import inception
from itit_jax.models.gpt2 import GPT2
from itit_jax.models.maskgit_vqgan import MaskGITVQGAN
from itit_jax.models.t5 import T5Encoder
from itit_jax.models.vqgan import VQGAN
from itit_jax.towers import published as towers
from itit_jax.weights import load as weights
from tests.weights import seeded

TOLERANCE = 1e-5  # largest difference over the largest magnitude, float32


def names(folder):
    """Names of the models in a folder."""
    return sorted(file.stem for file in pathlib.Path(folder).glob("*.npz") if "." not in file.stem)


def differences(folder, name):
    """{what: largest relative difference} of one model."""
    file = weights_of(folder, name)
    arrays = dict(np.load(pathlib.Path(folder) / f"{name}.npz"))
    compare = {
        "t5": _t5,
        "gpt2": _gpt2,
        "vq": _vqgan,
        "taming": _vqgan,
        "maskgit": _maskgit,
        "inception": _inception,
        "clip": _towers,
        "siglip": _towers,
    }[name.split("_")[0]]
    with jax.default_matmul_precision("highest"):
        return compare(file, arrays)


def agrees(found):
    """Whether {what: difference} are all small; NaN is not."""
    return all(value <= TOLERANCE for value in found.values())


def weights_of(folder, name):
    """The weight file of one model, or its folder where settings lie beside it."""
    files = [pathlib.Path(folder) / f"{name}{end}" for end in (".safetensors", ".weights.npz", "")]
    return next((file for file in files[:2] if file.exists()), files[-1])


def _t5(file, arrays):
    vocabulary, width, mlp_width, depth, heads, head_width = map(int, arrays["sizes"])
    model = T5Encoder(vocabulary, width, mlp_width, depth, heads, head_width)
    ids, valid = jnp.asarray(arrays["ids"]), jnp.asarray(arrays["mask"] > 0)
    params = load(file, model, ids, valid)
    features = np.asarray(model.apply({"params": params}, ids, valid))
    read = arrays["mask"] > 0  # what stands at padding is never used
    return {"features": relative(features[read], arrays["features"][read])}


def _gpt2(file, arrays):
    vocabulary, width, depth, heads, positions = map(int, arrays["sizes"])
    model = GPT2(width, depth, heads, 4 * width, vocabulary, positions)
    prefix, words = jnp.asarray(arrays["prefix"]), jnp.asarray(arrays["words"])
    params = load(file, model, prefix, words)
    logits = np.asarray(model.apply({"params": params}, prefix, words))
    # Theirs also tell what comes after the last word.
    return {"logits": relative(logits, arrays["logits"][:, prefix.shape[1] - 1 : -1])}


def _vqgan(file, arrays):
    base, blocks, latent, codes, width, resolution = map(int, arrays["sizes"])
    multipliers = tuple(map(int, arrays["multipliers"]))
    attention = (resolution,) if resolution else ()
    model = VQGAN(base, multipliers, blocks, attention, latent, codes, width)
    return _compare_tokenizer(file, model, arrays)


def _maskgit(file, arrays):
    return _compare_tokenizer(file, maskgit(arrays), arrays)


def maskgit(arrays):
    """Our network of the sizes of MaskGIT's."""
    base, blocks, codes, width = map(int, arrays["sizes"])
    multipliers = tuple(map(int, arrays["multipliers"]))
    return MaskGITVQGAN(base, multipliers, blocks, (), width, codes, width)


def _compare_tokenizer(file, model, arrays):
    pixels = jnp.asarray(arrays["pixels"])
    variables = {"params": load(file, model, pixels)}
    found = lambda method, x: run(model, variables, method, x)
    decoded = found("decode", jnp.asarray(arrays["ids"]))
    return {
        "latents": relative(found("latents", pixels), arrays["latents"]),
        "decoded": relative(decoded, arrays["decoded"]),
        "share_of_other_ids": float(np.mean(found("encode", pixels) != arrays["ids"])),
    }


def _towers(folder, arrays):
    _, module = towers.describe(folder)
    variables = {"params": towers.load_params(folder, module)}
    image, text = module.apply(variables, arrays["pixels"], arrays["ids"])
    logits = module.apply(variables, image, text, method="logits")
    return {
        "image": relative(np.asarray(image), arrays["image"]),
        "text": relative(np.asarray(text), arrays["text"]),
        "logits": relative(np.asarray(logits), arrays["logits"]),
    }


def _inception(file, arrays):
    seed, (_, variant, _) = int(arrays["seed"]), file.stem.split("_")
    shapes = json.loads((file.parent / "inception_tensors.json").read_text())
    pictures = seeded.pictures(arrays["shape"], seed)
    pixels = jnp.stack([inception.prepare(variant, picture) for picture in pictures])
    model = inception.Inception()
    with tempfile.TemporaryDirectory() as folder:
        made = pathlib.Path(folder) / "weights.safetensors"
        save_file(seeded.tensors(shapes, seed), made)
        params = load(made, model, pixels)
    features, logits = jax.jit(model.apply)({"params": params}, pixels)
    return {
        "features": relative(np.asarray(features), arrays["features"]),
        "logits": relative(np.asarray(logits), arrays["logits"]),
    }


def load(file, model, *inputs):
    """Parameters of a file for a network that reads such inputs."""
    place = jax.sharding.SingleDeviceSharding(jax.devices()[0])
    shapes = jax.eval_shape(model.init, jax.random.key(0), *inputs)["params"]
    described = lambda x: jax.ShapeDtypeStruct(x.shape, x.dtype, sharding=place)
    return weights.load(file, jax.tree.map(described, shapes))


def run(model, variables, method, x):
    """A method of a network, compiled."""
    return np.asarray(jax.jit(functools.partial(model.apply, method=method))(variables, x))


def relative(ours, theirs):
    """Largest difference over the largest magnitude."""
    return float(np.abs(ours - theirs).max() / np.abs(theirs).max())


def main():
    """Prints and writes the differences; returns 1 where one is too large or NaN."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--golden", required=True)
    parser.add_argument("--out", required=True)
    options = parser.parse_args()
    made = json.loads((pathlib.Path(options.golden) / "made.json").read_text())
    found = {name: differences(options.golden, name) for name in names(options.golden)}
    table = {"made_by": made, "tolerance": TOLERANCE, "largest_relative_difference": found}
    pathlib.Path(options.out).write_text(json.dumps(table, indent=1) + "\n")
    print(json.dumps(found, indent=1))
    return int(not all(map(agrees, found.values())))


if __name__ == "__main__":
    sys.exit(main())
