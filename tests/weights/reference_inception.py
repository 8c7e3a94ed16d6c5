"""Outputs of the Inception networks of pytorch-fid and torch-fidelity on weights from a seed.

python -m tests.weights.reference_inception --out=tests/weights/golden --seed=0

Needs torch and requirements/parity_inception.txt, not this project.
"""

import argparse
import importlib.metadata
import json
import pathlib
import sys
import tempfile
import types

import numpy as np
import torch

from tests.weights import seeded

# Nothing here needs the compiled operators of torchvision; to register them fails beside a torch
# of another build.
sys.modules["torchvision._meta_registrations"] = types.ModuleType("nothing")

from pytorch_fid import inception as pytorch_fid  # noqa: E402
from torch_fidelity import FeatureExtractorInceptionV3  # noqa: E402

# Smaller than 299 in both ways, and larger in one.
SIZES = ((1, 32, 32, 3), (1, 320, 250, 3))


def network(seed):
    """The network that pytorch-fid builds, with weights from the seed; and their shapes."""
    pytorch_fid.load_state_dict_from_url = lambda *_, **__: {}
    torch.nn.Module.load_state_dict, load = lambda *_: None, torch.nn.Module.load_state_dict
    model = pytorch_fid.fid_inception_v3()
    torch.nn.Module.load_state_dict = load
    shapes = {name: list(tensor.shape) for name, tensor in model.state_dict().items()}
    weights = {n: torch.from_numpy(np.asarray(a)) for n, a in seeded.tensors(shapes, seed).items()}
    model.load_state_dict(weights)
    return model, weights, shapes


def by_pytorch_fid(model, pictures):
    """Features of pytorch-fid's own wrapper, in double precision."""
    pytorch_fid.fid_inception_v3 = lambda: model
    wrapper = pytorch_fid.InceptionV3().eval().double()
    pixels = torch.from_numpy(pictures).permute(0, 3, 1, 2).double() / 255
    features = wrapper(pixels)[0][:, :, 0, 0]
    return features, features @ model.fc.weight.double().T


def by_torch_fidelity(weights, pictures):
    """Features and unbiased logits of torch-fidelity's extractor."""
    with tempfile.NamedTemporaryFile(suffix=".pth") as file:
        torch.save(weights, file.name)
        extractor = FeatureExtractorInceptionV3(
            "reference", ["2048", "logits_unbiased"], feature_extractor_weights_path=file.name
        )
    return extractor(torch.from_numpy(pictures).permute(0, 3, 1, 2))


@torch.no_grad()
def main():
    """Write every case."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", required=True)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    out = pathlib.Path(options.out)
    out.mkdir(parents=True, exist_ok=True)
    for number, shape in enumerate(SIZES):
        seed = options.seed + number
        model, weights, shapes = network(seed)
        pictures = seeded.pictures(shape, seed)
        found = {"pytorchfid": by_pytorch_fid(model.eval(), pictures)}
        if number:  # the same network once more: one case tells its own resize
            found["tf1"] = by_torch_fidelity(weights, pictures)
        for variant, (features, logits) in found.items():
            np.savez_compressed(
                out / f"inception_{variant}_{number}.npz", seed=seed, shape=shape,
                features=features.float().numpy(), logits=logits.float().numpy(),
            )  # fmt: skip
    (out / "inception_tensors.json").write_text(json.dumps(shapes, separators=(",", ":")))
    made = out / "made.json"
    known = json.loads(made.read_text()) if made.exists() else {}
    packages = ("torchvision", "pytorch-fid", "torch-fidelity")
    known |= {p: importlib.metadata.version(p) for p in packages}
    made.write_text(json.dumps(known, indent=1) + "\n")


if __name__ == "__main__":
    main()
