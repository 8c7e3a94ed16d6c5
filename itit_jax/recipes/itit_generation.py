"""What ITIT's networks make: the middle of each cycle, and pictures and captions for users.

`decode.*` says how users are served, `cycle.*` how the middle of a cycle is made, with fewer
rounds and no guidance: that is where the cost of a cycle lies (results/cycle_cost.json).
"""

import math

import jax.numpy as jnp

from itit_jax import sharding
from itit_jax.decoding import autoregressive, parallel
from itit_jax.models import t5, tokenizers


class Generation:
    """Decoding over the forward passes of the recipe, `passes`."""

    def __init__(self, config, passes):
        self.cycle, self.decode, self.passes = config.cycle, config.decode, passes
        self.rules = config.mesh.rules

    # ---- for users ------------------------------------------------------------------------

    def draw(self, params, text, key):
        """Word ids int32 [b, t] -> pictures uint8 [b, h, w, 3]."""
        return self.decode_pixels(params, self.draw_ids(params, text, key))

    def draw_ids(self, params, text, key, given=None):
        """Word ids int32 [b, t] -> image token ids int32 [b, n]; given: see parallel.draw."""
        decode, told = self.decode, self.passes.text_features(params, text)
        return self.draw_tokens(
            params, *told, key, rounds=decode.rounds, temperature=decode.temperature,
            guidance=decode.guidance, given=given,
        )  # fmt: skip

    def edit(self, params, images, text, redraw, key):
        """Pictures uint8 [b, h, w, 3], word ids int32 [b, t] and redraw bool [b, h, w] -> pictures
        uint8 [b, h, w, 3], drawn anew from the text where `redraw` holds.

        A token of which any pixel is redrawn is drawn from the text and from the other tokens.
        """
        ids = self.passes.image_ids(params, {"image": images})
        known = ~any_pixel(redraw, math.isqrt(self.passes.tokens))
        drawn = self.draw_ids(params, text, key, given=(ids, known))
        return jnp.where(redraw[..., None], self.decode_pixels(params, drawn), images)

    def caption(self, params, images, key):
        """Pictures uint8 [b, h, w, 3] -> word ids int32 [b, t]."""
        ids = self.passes.image_ids(params, {"image": images})
        speaker = lambda copies: self._speaker(params, jnp.repeat(ids, copies, axis=0))
        return autoregressive.say(speaker, key, self.decode, **self._texts(ids))

    def decode_pixels(self, params, ids):
        """Image token ids int [b, n] -> pictures uint8 [b, h, w, 3]."""
        return tokenizers.pictures(self.passes.tokenizer, params["tokenizer"], ids)

    # ---- inside training ------------------------------------------------------------------

    def draw_in_training(self, params, features, valid, key):
        """Features of texts [b, t, e], valid bool [b, t] -> image token ids int32 [b, n]."""
        return self.draw_tokens(
            params, features, valid, key, rounds=self.cycle.rounds,
            temperature=self.cycle.temperature,
        )  # fmt: skip

    def caption_in_training(self, params, ids, key):
        """Image token ids int [b, n] -> word ids int32 [b, t].

        Greedy as in the paper, or sampled: a greedy captioner always names the same object first
        in the same words, and the drawer would learn to read no other text.
        """
        return self.caption_tokens(params, ids, key, self.cycle.top_p)

    # ---- ids of one medium from ids of the other --------------------------------------------

    def draw_tokens(
        self, params, features, valid, key, *, rounds, temperature, guidance=0.0, given=None
    ):
        """Features of texts [b, t, e], valid bool [b, t] -> image token ids int32 [b, n] by
        parallel decoding."""

        def logits_fn(ids, known, slots, ratio):
            logits = self.passes.draw_logits
            conditional = logits(params, ids, known, features, valid, slots=slots)
            if not guidance:
                return conditional
            free = logits(params, ids, known, None, None, slots=slots)
            return parallel.guided(conditional, free, guidance * ratio)

        return parallel.draw(
            logits_fn, key, batch=valid.shape[0], tokens=self.passes.tokens, rounds=rounds,
            temperature=temperature, given=given,
        )  # fmt: skip

    def caption_tokens(self, params, ids, key, top_p=0.0):
        """Image token ids int [b, n] -> word ids int32 [b, t], from the whole image; sampled from
        the nucleus `top_p`, or greedy where that is 0."""
        return autoregressive.generate(
            *self._speaker(params, ids), key, **self._texts(ids),
            choose=autoregressive.nucleus(top_p) if top_p else autoregressive.greedy,
        )  # fmt: skip

    def _texts(self, ids):
        length = self.passes.model.text_length
        return dict(batch=ids.shape[0], length=length, begin=t5.PAD, end=t5.EOS, pad=t5.PAD)

    def _speaker(self, params, ids):
        """-> (step(cache, words, position) -> (logits, cache), the cache to begin with)."""
        model = params["model"]  # its decoder gathered once, not once a word
        decoder = sharding.gathered(self.rules, "model/text_decoder", model["text_decoder"])
        params = params | {"model": model | {"text_decoder": decoder}}
        cache, valid = self.passes.caption_prefill(params, ids)
        step = lambda cache, words, position: self.passes.caption_step(
            params, cache, valid, words, position
        )
        return step, cache


def any_pixel(pixels, side):
    """bool [b, h, w] -> bool [b, n]: which of side x side tokens hold a true pixel, n = side^2."""
    b, h, w = pixels.shape
    patches = pixels.reshape(b, side, h // side, side, w // side)
    return jnp.any(patches, axis=(2, 4)).reshape(b, side * side)
