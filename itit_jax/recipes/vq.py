"""The image tokenizer (papers.md 4.2): reconstruct pixels through a small set of codes.

Reconstruction, codebook and commitment terms; revival of unused codes; optional adversarial term
(hinge loss, patch discriminator) and a perceptual term in the discriminator's features.
"""

import jax.numpy as jnp

from itit_jax import losses
from itit_jax.models import picture_flops, tokenizers, vqgan
from itit_jax.recipes import base, critic


class Recipe:
    """Parts: tokenizer, and discriminator where the adversarial or perceptual term is on."""

    def __init__(self, config):
        self.weights = config.loss
        self.image_size = config.data.image_size
        self.tokenizer = tokenizers.from_config(config.model, config.precision.compute)
        self.critic = critic.asked(config.loss)
        self.trainable = ("tokenizer", "discriminator") if self.critic else ("tokenizer",)
        self.weights_from = {}
        self.tables = {"codes": "tokenizer/quantize/embedding"}
        # Any stream with images will do; pairs lend theirs where lone ones are few.
        pictures = {name: ("image",) for name in ("draw", "caption", "images")}
        self.batch_spec = base.batch_spec(config, pictures)

    def init(self, key):
        pixels = jnp.zeros((1, self.image_size, self.image_size, 3))
        params = {"tokenizer": self.tokenizer.init(key, pixels)["params"]}
        if self.critic:
            params["discriminator"] = self.critic.init(key, pixels)["params"]
        return params

    def loss(self, params, batch, key, step, teacher):
        """Of pictures uint8 [b, h, w, 3], all streams joined."""
        del teacher
        images = [rows["image"] for rows in batch.values()]
        pixels = vqgan.to_signed(jnp.concatenate(images))
        apply = lambda *a: self.tokenizer.apply({"params": params["tokenizer"]}, *a)
        rebuilt, latents, quantised, ids = apply(pixels)
        error = rebuilt - pixels
        terms = {"l1": jnp.mean(jnp.abs(error)), "l2": jnp.mean(jnp.square(error))}
        if not self.tokenizer.levels:
            terms["codebook"], terms["commitment"] = losses.codebook_losses(latents, quantised)
            flat = latents.reshape(-1, latents.shape[-1])
            codebook = params["tokenizer"]["quantize"]["embedding"]
            terms["revive"] = losses.revival_loss(codebook, flat, ids.reshape(-1), key)
        if self.critic:
            on = step >= self.weights.adversarial_start
            terms |= critic.terms(self.critic, params["discriminator"], pixels, rebuilt, on)
        total = sum(self.weights.get(name, 1.0) * value for name, value in terms.items())
        used = jnp.zeros(self.tokenizer.codes).at[ids.reshape(-1)].set(1.0)
        terms["codes_used"] = jnp.mean(used)
        return total, terms | {"loss": total}

    def flops(self):
        """{term: Flops} of one global step: encode, decode, and critic where there is one."""
        b, side = sum(base.rows(self).values()), self.image_size
        table = {
            "encode": picture_flops.encode_pixels(self.tokenizer, b, side),
            "decode": picture_flops.decode_pixels(self.tokenizer, b, side),
        }
        if self.critic:
            table["critic"] = picture_flops.critic_terms(self.critic, b, side)
        return table

    def score(self, params, rows, key):
        """Per example: errors of the reconstruction [b], and the reconstruction itself."""
        del key
        variables, pixels = {"params": params["tokenizer"]}, vqgan.to_signed(rows["image"])
        rebuilt, *_ = self.tokenizer.apply(variables, pixels)
        error = rebuilt - pixels
        return {
            "l1": jnp.mean(jnp.abs(error), axis=(1, 2, 3)),
            "l2": jnp.mean(jnp.square(error), axis=(1, 2, 3)),
            "rebuilt": vqgan.to_pixels(rebuilt),
        }
