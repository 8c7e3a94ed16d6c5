"""Patch discriminator of the tokenizer's adversarial term (papers.md 4.2)."""

import flax.linen as nn


class PatchDiscriminator(nn.Module):
    """Three stride-2 convolutions and a score a patch; GroupNorm keeps it free of state."""

    width: int = 64

    @nn.compact
    def __call__(self, x):
        """pixels [b, h, w, 3] in [-1, 1] -> (scores [b, h/8, w/8, 1], list of feature maps)."""
        init = nn.initializers.normal(0.02)
        features = []
        for i in range(3):
            channels = self.width * 2**i
            x = nn.Conv(channels, (4, 4), (2, 2), kernel_init=init, name=f"conv_{i}")(x)
            if i > 0:
                x = nn.GroupNorm(min(32, channels), name=f"norm_{i}")(x)
            x = nn.leaky_relu(x, 0.2)
            features.append(x)
        return nn.Conv(1, (4, 4), kernel_init=init, name="score")(x), features
