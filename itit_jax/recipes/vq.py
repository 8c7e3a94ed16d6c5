"""The image tokenizer (papers.md 4.2): reconstruct pixels through a small set of codes.

Reconstruction, codebook and commitment terms; revival of unused codes; optional adversarial term
(hinge loss, patch discriminator) and a perceptual term in the discriminator's features.
"""

import jax
import jax.numpy as jnp

from itit_jax import losses
from itit_jax.models import picture_flops, tokenizers, vqgan
from itit_jax.models.discriminator import PatchDiscriminator
from itit_jax.recipes import base


class Recipe:
    """Parts: tokenizer, and discriminator where the adversarial or perceptual term is on."""

    def __init__(self, config):
        self.weights = config.loss
        self.image_size = config.data.image_size
        self.tokenizer = tokenizers.from_config(config.model, config.precision.compute)
        self.critic = PatchDiscriminator() if self._needs_critic() else None
        self.trainable = ("tokenizer", "discriminator") if self.critic else ("tokenizer",)
        self.weights_from = {}
        self.tables = {"codes": "tokenizer/quantize/embedding"}
        # Any stream with images will do; pairs lend theirs where lone ones are few.
        pictures = {name: ("image",) for name in ("draw", "caption", "images")}
        self.batch_spec = base.batch_spec(config, pictures)

    def _needs_critic(self):
        return bool(self.weights.adversarial or self.weights.perceptual)

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
            terms |= self._critic_terms(params["discriminator"], pixels, rebuilt, step)
        total = sum(self.weights.get(name, 1.0) * value for name, value in terms.items())
        used = jnp.zeros(self.tokenizer.codes).at[ids.reshape(-1)].set(1.0)
        terms["codes_used"] = jnp.mean(used)
        return total, terms | {"loss": total, "images": float(pixels.shape[0])}

    def _critic_terms(self, critic_params, pixels, rebuilt, step):
        """Adversarial and perceptual terms of the tokenizer, and the critic's own loss.

        One optimizer serves both: the tokenizer's terms see frozen critic parameters, the
        critic's term sees detached reconstructions.
        """
        stop = jax.lax.stop_gradient
        critic = lambda p, x: self.critic.apply({"params": p}, x)
        fake, fake_features = critic(stop(critic_params), rebuilt)
        _, real_features = critic(stop(critic_params), pixels)
        perceptual = [jnp.mean(jnp.abs(a - b)) for a, b in zip(fake_features, real_features)]
        on = step >= self.weights.adversarial_start
        hinge = losses.hinge_discriminator(
            critic(critic_params, pixels)[0], critic(critic_params, stop(rebuilt))[0]
        )
        return {
            "adversarial": jnp.where(on, -jnp.mean(fake), 0.0),
            "perceptual": sum(perceptual) / len(perceptual),
            "discriminator": jnp.where(on, hinge, 0.0),
        }

    def flops(self):
        """{term: Flops} of one global step: encode, decode, and critic where there is one."""
        b, side = sum(base.rows(self).values()), self.image_size
        table = {
            "encode": picture_flops.encode_pixels(self.tokenizer, b, side),
            "decode": picture_flops.decode_pixels(self.tokenizer, b, side),
        }
        if self.critic:
            first, rest = picture_flops.critic(self.critic, b, side)
            whole, learned = first + rest, first.of_data() + rest
            # Rebuilt pictures judged, the features of real ones, and both to learn from.
            table["critic"] = whole.frozen() + whole.forward_only() + learned * 2
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
