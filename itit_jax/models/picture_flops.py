"""FLOPs of the convolutional networks: image tokenizers, critic, classifier. See models.flops."""

from itit_jax.models.flops import NONE, attention, conv, dense
from itit_jax.models.maskgit_vqgan import MaskGITVQGAN

# ---- image tokenizers ----------------------------------------------------------------------------


def encode_pixels(network, batch, image_size):
    """models.vqgan.VQGAN.latents of pixels [b, h, w, 3], and the search for the nearest code."""
    side = image_size // network.patch
    pixels = 3 * network.patch**2
    code_width = len(network.levels) or network.code_width
    if network.local:
        found = _patch_encoder(network, batch * side**2, pixels)
    elif isinstance(network, MaskGITVQGAN):
        found = _maskgit_encoder(network, batch, side)
    else:
        found = _encoder(network, batch, side, pixels)
    places = batch * (image_size // network.factor) ** 2
    if not isinstance(network, MaskGITVQGAN):
        found += dense(places, network.latent_channels, code_width)
    nearest = NONE if network.levels else dense(places, code_width, network.codes).forward_only()
    return found + nearest


def decode_pixels(network, batch, image_size):
    """models.vqgan.VQGAN.decode_latents to pixels [b, h, w, 3]."""
    side = image_size // network.factor
    if isinstance(network, MaskGITVQGAN):
        return _maskgit_decoder(network, batch, side)
    width = len(network.levels) or network.code_width
    between = dense(batch * side**2, width, network.latent_channels)
    return between + _decoder(network, batch, side)


def _patch_encoder(network, places, pixels):
    width = network.base
    block = dense(places, width, 2 * width) + dense(places, 2 * width, width)
    first = dense(places, pixels, width).of_data()
    return first + block * network.res_blocks + dense(places, width, network.latent_channels)


def _res_block(batch, side, inputs, outputs):
    shortcut = conv(batch, side, inputs, outputs, kernel=1) if inputs != outputs else NONE
    return conv(batch, side, inputs, outputs) + conv(batch, side, outputs, outputs) + shortcut


def _attention_block(network, batch, side, width):
    if side not in network.attention_resolutions:
        return NONE
    return attention(batch, side**2, side**2, width, width)


def _middle(network, batch, side, width):
    mixed = attention(batch, side**2, side**2, width, width)
    blocks = _res_block(batch, side, width, width) * 2
    return blocks + mixed if network.attention_resolutions else blocks


def _encoder(network, batch, side, pixels):
    width = network.base
    found = conv(batch, side, pixels, width).of_data()
    for level, multiplier in enumerate(network.multipliers):
        for _ in range(network.res_blocks):
            found += _res_block(batch, side, width, network.base * multiplier)
            width = network.base * multiplier
            found += _attention_block(network, batch, side, width)
        if level < len(network.multipliers) - 1:
            found += conv(batch, side + 1, width, width, stride=2, padding="VALID")
            side //= 2
    found += _middle(network, batch, side, width)
    return found + conv(batch, side, width, network.latent_channels)


def _decoder(network, batch, side):
    width = network.base * network.multipliers[-1]
    found = conv(batch, side, network.latent_channels, width)
    found += _middle(network, batch, side, width)
    for level in reversed(range(len(network.multipliers))):
        for _ in range(network.res_blocks + 1):
            channels = network.base * network.multipliers[level]
            found += _res_block(batch, side, width, channels)
            width = channels
            found += _attention_block(network, batch, side, width)
        if level > 0:
            side *= 2
            found += conv(batch, side, width, width)
    return found + conv(batch, side, width, 3 * network.patch**2)


def _maskgit_block(batch, side, inputs, outputs):
    shortcut = conv(batch, side, outputs, outputs, kernel=1) if inputs != outputs else NONE
    return conv(batch, side, inputs, outputs) + conv(batch, side, outputs, outputs) + shortcut


def _maskgit_level(network, batch, side, inputs, outputs):
    """`res_blocks` blocks, of which the first changes the channels."""
    first = _maskgit_block(batch, side, inputs, outputs)
    return first + _maskgit_block(batch, side, outputs, outputs) * (network.res_blocks - 1)


def _maskgit_encoder(network, batch, side):
    width = network.base
    found = conv(batch, side, 3, width).of_data()
    for level, multiplier in enumerate(network.multipliers):
        found += _maskgit_level(network, batch, side, width, network.base * multiplier)
        width = network.base * multiplier
        if level < len(network.multipliers) - 1:
            side //= 2
    found += _maskgit_level(network, batch, side, width, width)
    return found + conv(batch, side, width, network.code_width, kernel=1)


def _maskgit_decoder(network, batch, side):
    width = network.base * network.multipliers[-1]
    found = conv(batch, side, network.code_width, width)
    found += _maskgit_level(network, batch, side, width, width)
    for level in reversed(range(len(network.multipliers))):
        channels = network.base * network.multipliers[level]
        found += _maskgit_level(network, batch, side, width, channels)
        width = channels
        if level > 0:
            side *= 2
            found += conv(batch, side, width, width)
    return found + conv(batch, side, width, 3)


# ---- the others ----------------------------------------------------------------------------------


def critic(network, batch, side):
    """models.discriminator.PatchDiscriminator of pixels [b, h, w, 3]: (its first convolution, the
    others)."""
    found, inputs = [], 3
    for level in range(3):
        outputs = network.width * 2**level
        found.append(conv(batch, side, inputs, outputs, kernel=4, stride=2))
        side, inputs = -(-side // 2), outputs
    return found[0], found[1] + found[2] + conv(batch, side, inputs, 1, kernel=4)


def critic_terms(network, batch, side):
    """recipes.critic.terms: made pictures judged, the features of real ones, both to learn from."""
    first, rest = critic(network, batch, side)
    whole, learned = first + rest, first.of_data() + rest
    return whole.frozen() + whole.forward_only() + learned * 2


def classifier(network, batch, side):
    """models.classifier.Classifier of pixels [b, h, w, 3], which need no gradient."""
    found, inputs = [], 3
    for outputs in network.channels:
        found.append(conv(batch, side, inputs, outputs, stride=2))
        side, inputs = -(-side // 2), outputs
    last = dense(batch, side**2 * inputs, network.width) + dense(
        batch, network.width, network.words
    )
    return sum(found[1:], found[0].of_data()) + last
