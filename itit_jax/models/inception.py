"""Inception v3 as the FID of Heusel et al. reads it (weights.md 4), for inference only.

It differs from the one that torchvision has: average pools leave out their padding, the last block
pools the maximum, there are 1008 classes and no auxiliary head. Published numbers come from two
ways of bringing a picture to 299 x 299; they give different FIDs, so each has a name.
"""

import functools

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np

SIDE = 299  # pixels
CLASSES = 1008
EPSILON = 1e-3

# Where the samples of one axis lie in the source, by variant.
POSITIONS = {
    "pytorchfid": lambda n, size: np.maximum((np.arange(n) + 0.5) * size / n - 0.5, 0.0),
    "tf1": lambda n, size: np.arange(n) * size / n,
}


def bilinear(variant, size, n=SIDE):
    """Weights float32 [n, size] that sample `size` values at n places; no antialiasing."""
    place = POSITIONS[variant](n, size)
    low = np.minimum(place.astype(np.int64), size - 1)
    high = np.minimum(low + 1, size - 1)
    rows, out = np.arange(n), np.zeros((n, size))
    out[rows, low] += 1 - (place - low)
    out[rows, high] += place - low
    return out.astype(np.float32)


def prepare(variant, picture):
    """Pixels uint8 [h, w, 3] -> float32 [299, 299, 3] in [-1, 1], as the variant scales them."""
    down, across = (bilinear(variant, size) for size in picture.shape[:2])
    resized = np.einsum("ah,hwc,bw->abc", down, picture.astype(np.float32), across, optimize=True)
    if variant == "tf1":
        return (resized - 128) / 128
    return resized / 127.5 - 1


class Norm(nn.Module):
    """Batch normalisation by the statistics of training, which are parameters here."""

    @nn.compact
    def __call__(self, x):
        """[b, h, w, c] -> the same."""
        shape = x.shape[-1:]
        ones, zeros = nn.initializers.ones, nn.initializers.zeros
        scale, bias = self.param("scale", ones, shape), self.param("bias", zeros, shape)
        mean, var = self.param("mean", zeros, shape), self.param("var", ones, shape)
        return (x - mean) * (scale * jax.lax.rsqrt(var + EPSILON)) + bias


class Unit(nn.Module):
    """Convolution without bias, normalisation, ReLU. A stride goes without padding."""

    channels: int
    kernel: tuple[int, int] = (1, 1)
    stride: int = 1
    padding: str = "SAME"

    @nn.compact
    def __call__(self, x):
        """[b, h, w, c] -> [b, h/stride, w/stride, channels]."""
        strides = (self.stride, self.stride)
        conv = nn.Conv(self.channels, self.kernel, strides, self.padding, use_bias=False,
                       name="conv")  # fmt: skip
        return nn.relu(Norm(name="bn")(conv(x)))


def average(x):
    """Mean of the neighbours that there are; [b, h, w, c] -> the same."""
    return nn.avg_pool(x, (3, 3), (1, 1), "SAME", count_include_pad=False)


def largest(x):
    """Maximum of the neighbours; [b, h, w, c] -> the same."""
    return nn.max_pool(x, (3, 3), (1, 1), "SAME")


def halve(x):
    """Maximum of 3 x 3 at every second place; [b, h, w, c] -> [b, (h-1)/2, (w-1)/2, c]."""
    return nn.max_pool(x, (3, 3), (2, 2), "VALID")


ONE, THREE, FIVE, WIDE, TALL = (1, 1), (3, 3), (5, 5), (1, 7), (7, 1)
FLAT, STEEP = (1, 3), (3, 1)


class Mixed(nn.Module):
    """Branches side by side, joined by channels.

    A branch is a chain of units (name, channels, kernel) and pooling functions; a pair of units
    within it reads the same input and is joined. `halving`: the last units have stride 2.
    """

    branches: tuple
    halving: bool = False

    @nn.compact
    def __call__(self, x):
        """[b, h, w, c] -> [b, h, w, channels of all branches], half the side if `halving`."""
        return jnp.concatenate([self._chain(x, branch) for branch in self.branches], axis=-1)

    def _chain(self, x, branch):
        for number, part in enumerate(branch):
            if callable(part):
                x = part(x)
            elif isinstance(part[0], tuple):
                x = jnp.concatenate([self._unit(x, one, False) for one in part], axis=-1)
            else:
                x = self._unit(x, part, self.halving and number == len(branch) - 1)
        return x

    def _unit(self, x, part, last):
        name, channels, kernel = part
        stride, padding = (2, "VALID") if last else (1, "SAME")
        return Unit(channels, kernel, stride, padding, name=name)(x)


def mixed_5(pooled):
    """Blocks 5b to 5d."""
    return (
        (("branch1x1", 64, ONE),),
        (("branch5x5_1", 48, ONE), ("branch5x5_2", 64, FIVE)),
        (("branch3x3dbl_1", 64, ONE), ("branch3x3dbl_2", 96, THREE), ("branch3x3dbl_3", 96, THREE)),
        (average, ("branch_pool", pooled, ONE)),
    )


MIXED_6A = (
    (("branch3x3", 384, THREE),),
    (("branch3x3dbl_1", 64, ONE), ("branch3x3dbl_2", 96, THREE), ("branch3x3dbl_3", 96, THREE)),
    (halve,),
)


def mixed_6(c):
    """Blocks 6b to 6e, of c inner channels."""
    dbl = [(f"branch7x7dbl_{i}", c, kernel)
           for i, kernel in enumerate((ONE, TALL, WIDE, TALL), start=1)]  # fmt: skip
    return (
        (("branch1x1", 192, ONE),),
        (("branch7x7_1", c, ONE), ("branch7x7_2", c, WIDE), ("branch7x7_3", 192, TALL)),
        (*dbl, ("branch7x7dbl_5", 192, WIDE)),
        (average, ("branch_pool", 192, ONE)),
    )


MIXED_7A = (
    (("branch3x3_1", 192, ONE), ("branch3x3_2", 320, THREE)),
    (
        ("branch7x7x3_1", 192, ONE), ("branch7x7x3_2", 192, WIDE), ("branch7x7x3_3", 192, TALL),
        ("branch7x7x3_4", 192, THREE),
    ),
    (halve,),
)  # fmt: skip


def mixed_7(pool):
    """Blocks 7b and 7c, which differ in how they pool."""
    ends = lambda name: ((f"{name}a", 384, FLAT), (f"{name}b", 384, STEEP))
    return (
        (("branch1x1", 320, ONE),),
        (("branch3x3_1", 384, ONE), ends("branch3x3_2")),
        (("branch3x3dbl_1", 448, ONE), ("branch3x3dbl_2", 384, THREE), ends("branch3x3dbl_3")),
        (pool, ("branch_pool", 192, ONE)),
    )


MIXED = {
    "Mixed_5b": mixed_5(32),
    "Mixed_5c": mixed_5(64),
    "Mixed_5d": mixed_5(64),
    "Mixed_6a": MIXED_6A,
    "Mixed_6b": mixed_6(128),
    "Mixed_6c": mixed_6(160),
    "Mixed_6d": mixed_6(160),
    "Mixed_6e": mixed_6(192),
    "Mixed_7a": MIXED_7A,
    "Mixed_7b": mixed_7(average),
    "Mixed_7c": mixed_7(largest),
}


class Inception(nn.Module):
    """Prepared pixels -> what FID and the Inception Score are made of."""

    @nn.compact
    def __call__(self, pixels):
        """[b, 299, 299, 3] in [-1, 1] -> (features [b, 2048], logits [b, 1008] without bias).

        The score of the original reads the logits before their bias is added.
        """
        unit = functools.partial(Unit, padding="VALID")
        x = unit(32, THREE, 2, name="Conv2d_1a_3x3")(pixels)
        x = unit(32, THREE, name="Conv2d_2a_3x3")(x)
        x = halve(Unit(64, THREE, name="Conv2d_2b_3x3")(x))
        x = unit(80, name="Conv2d_3b_1x1")(x)
        x = halve(unit(192, THREE, name="Conv2d_4a_3x3")(x))
        for name, branches in MIXED.items():
            x = Mixed(branches, name.endswith("a"), name=name)(x)
        features = x.mean((1, 2))
        return features, Head(CLASSES, name="fc")(features)


class Head(nn.Module):
    """A linear map whose bias is known but left out."""

    classes: int

    @nn.compact
    def __call__(self, x):
        """[b, d] -> [b, classes]."""
        self.param("bias", nn.initializers.zeros, (self.classes,))
        init = nn.initializers.lecun_normal()
        return x @ self.param("kernel", init, (x.shape[-1], self.classes))
