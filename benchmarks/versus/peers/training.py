"""Peers that train to fill masked image tokens: forward, backward, AdamW."""

import torch
from torch.nn import functional

from benchmarks.versus.peers import drawing

MASKED = 0.64  # mean share of masked tokens under a cosine schedule


def plain(size, batch):
    """torch.nn's own encoder over text and tokens in one row."""
    return _train(Plain(size), size, batch)


def plain_compiled(size, batch):
    """The same through torch.compile."""
    network = Plain(size)
    network.compile()
    return _train(network, size, batch)


def muse(size, batch):
    """The transformer of muse-maskgit-pytorch."""
    network = drawing.muse_network(size)
    network.mask_id = size.codes
    return _train(network, size, batch, lambda ids, text: network(ids, text_embeds=text))


def uvit2d(size, batch):
    """aMUSEd's transformer without the convolutions around it."""
    network, told = drawing.uvit2d_network(size), drawing.uvit2d_condition(size, batch)

    def forward(ids, text):
        grid = ids.view(batch, size.side, size.side)
        logits = network(grid, **told | {"encoder_hidden_states": text})
        return logits.flatten(2).transpose(1, 2)

    return _train(network, size, batch, forward)


class Plain(torch.nn.Module):
    """Projected text features and embedded tokens, learned positions, a pre-norm encoder."""

    def __init__(self, size):
        super().__init__()
        self.words, self.mask_id = size.words, size.codes
        self.text = torch.nn.Linear(size.features, size.width)
        self.table = torch.nn.Embedding(size.codes + 1, size.width)
        positions = torch.randn(size.words + size.side**2, size.width)
        self.positions = torch.nn.Parameter(0.02 * positions)
        layer = torch.nn.TransformerEncoderLayer(
            size.width, size.heads, 4 * size.width, dropout=0.0, activation="gelu",
            batch_first=True, norm_first=True,
        )  # fmt: skip
        norm = torch.nn.LayerNorm(size.width)
        self.layers = torch.nn.TransformerEncoder(
            layer, size.layers, norm, enable_nested_tensor=False
        )
        self.head = torch.nn.Linear(size.width, size.codes)

    def forward(self, ids, text):
        """ids [b, n], text [b, t, e] -> logits [b, n, c]."""
        row = torch.cat([self.text(text), self.table(ids)], dim=1) + self.positions
        return self.head(self.layers(row)[:, self.words :])


def _train(network, size, batch, forward=None):
    """-> (one step, parameters). forward(ids, text) -> logits [b, n, c]."""
    optimizer = torch.optim.AdamW(network.parameters(), 1e-4, weight_decay=0.05)
    shape = (batch, size.side**2)

    def call():
        ids, text = torch.randint(0, size.codes, shape), _text(size, batch)
        hidden = torch.rand(shape).argsort(1) < int(MASKED * shape[1])
        logits = (forward or network)(torch.where(hidden, network.mask_id, ids), text)
        functional.cross_entropy(logits[hidden], ids[hidden]).backward()
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)

    return call, drawing.parameters(network)


def _text(size, batch):
    return torch.randn(batch, size.words, size.features)
