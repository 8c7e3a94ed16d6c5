"""FLOPs of the networks, from their sizes.

What is counted: matrix products and convolutions, 2 FLOPs a multiply-add, as the modules write
them. Products with the zeros of a padding are not counted. Left out: norms, softmax, activations,
gathers, losses and the optimizer. What remat computes a second time is told apart.
"""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Flops:
    """Of a pass forward, of the gradients with respect to its weights and its inputs, and of what
    mesh.remat=full computes again for them."""

    forward: int = 0
    weights: int = 0
    inputs: int = 0
    again: int = 0

    def __add__(self, other):
        return Flops(*(a + b for a, b in zip(self._numbers(), other._numbers())))

    def __mul__(self, times):
        return Flops(*(times * number for number in self._numbers()))

    def _numbers(self):
        return dataclasses.astuple(self)

    @property
    def backward(self):
        return self.weights + self.inputs

    @property
    def total(self):
        return self.forward + self.backward

    def forward_only(self):
        """Where nothing is differentiated."""
        return Flops(self.forward)

    def frozen(self):
        """Where gradient only passes through."""
        return dataclasses.replace(self, weights=0)

    def remade(self):
        """Inside a block, of which remat keeps nothing but its input."""
        return dataclasses.replace(self, again=self.forward)

    def of_data(self):
        """Where the inputs need no gradient."""
        return dataclasses.replace(self, inputs=0)


NONE = Flops()


# ---- Transformers --------------------------------------------------------------------------------


def dense(rows, inputs, outputs):
    """[rows, inputs] @ [inputs, outputs]."""
    one = 2 * rows * inputs * outputs
    return Flops(one, one, one)


def attention(batch, queries, keys, width, inner):
    """models.attention.Attention: x [b, queries, d] looks at `keys` places.

    Keys are projected for the places of x alone; the others come from a cache.
    """
    projections = dense(batch * queries, width, inner) * 3 + dense(batch * queries, inner, width)
    return projections + between(batch, queries, keys, inner)


def between(batch, queries, keys, inner):
    """Both products of queries with keys and of weights with values."""
    product = 2 * batch * queries * keys * inner
    return Flops(2 * product, 0, 4 * product)  # both factors need their gradient


def stack(depth, batch, queries, width, mlp_width, keys=None):
    """`depth` of models.layers.Block on x [b, queries, d]. No gradient asks for the last product of
    a block, so that it is not made again."""
    keys = queries if keys is None else keys
    mixed = attention(batch, queries, keys, width, width)
    up, down = dense(batch * queries, width, mlp_width), dense(batch * queries, mlp_width, width)
    return ((mixed + up).remade() + down) * depth


def t5_encoder(network, batch, length):
    """models.t5.T5Encoder on ids [b, t]."""
    inner = network.heads * network.head_width
    mixed = attention(batch, length, length, network.width, inner)
    up = dense(batch * length, network.width, network.mlp_width)
    return ((mixed + up * 2).remade() + up) * network.depth


def t5_rows(network, batch, length):
    """What probability rows [b, t, v] cost more than ids."""
    return dense(batch * length, network.vocabulary_size, network.width)


def token_table(codes, width, features):
    """models.layers.TokenTable [v, d]: the product that makes it, if there is one."""
    return NONE if features is None else dense(codes, features.shape[-1], width).of_data()


def image_tower(network, batch):
    """models.towers.ImageTower of `batch` pictures, which need no gradient."""
    width, patches = network.width, (network.size // network.patch) ** 2
    places = patches + (not network.probe)  # a class token
    cut = dense(batch * patches, 3 * network.patch**2, width).of_data()
    found = cut + stack(network.depth, batch, places, width, network.mlp_width)
    if network.probe:
        # The probe is one query of b rows; keys and values are of all places.
        found += dense(batch, width, width) * 2 + dense(batch * places, width, width) * 2
        found += between(batch, 1, places, width) + dense(batch, width, network.mlp_width) * 2
    return found + _projected(network, batch)


def text_tower(network, batch):
    """models.towers.TextTower on ids [batch, length]."""
    found = stack(network.depth, batch, network.length, network.width, network.mlp_width)
    return found + _projected(network, batch)


def _projected(tower, batch):
    return dense(batch, tower.width, tower.features) if tower.features else NONE


# ---- convolutions --------------------------------------------------------------------------------


def taps(side, kernel, stride=1, padding="SAME"):
    """Pairs of (output place, kernel tap) that meet a pixel, along one side of a picture."""
    if padding == "VALID":
        return ((side - kernel) // stride + 1) * kernel
    out = -(-side // stride)
    before = max((out - 1) * stride + kernel - side, 0) // 2
    return sum(
        0 <= place * stride + tap - before < side for place in range(out) for tap in range(kernel)
    )


def conv(batch, side, inputs, outputs, *, kernel=3, stride=1, padding="SAME"):
    """A square convolution of [batch, side, side, inputs]."""
    one = 2 * batch * taps(side, kernel, stride, padding) ** 2 * inputs * outputs
    return Flops(one, one, one)
