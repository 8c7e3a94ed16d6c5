"""Inception v3 of pytorch-fid and torch-fidelity <-> models.inception.Inception (weights.md 4)."""

from itit_jax.weights.layouts.rows import CONV, Kind, Row, linear

NORM = {"weight": "scale", "bias": "bias", "running_mean": "mean", "running_var": "var"}


def pytorch_fid(units):
    """Rows of units such as Mixed_5b.branch1x1, and of the last linear map."""
    for unit in sorted(set(units)):
        ours = unit.replace(".", "/")
        yield Row(f"{unit}.conv.weight", f"{ours}/conv/kernel", CONV)
        for theirs, name in NORM.items():
            yield Row(f"{unit}.bn.{theirs}", f"{ours}/bn/{name}")
    yield from linear("fc", "fc")


KINDS = {
    "inception": Kind(
        "Mixed_7c.branch_pool.conv.weight",
        lambda names: pytorch_fid(n.rpartition(".conv.")[0] for n in names if ".conv." in n),
        lambda paths: pytorch_fid(
            p.removesuffix("/conv/kernel").replace("/", ".") for p in paths if "/conv/" in p
        ),
        r".*num_batches_tracked$",
    ),
}
