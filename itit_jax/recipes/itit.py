"""ITIT (arXiv 2310.03734; papers.md 1): paired captioning and drawing, and two cycles.

    draw      text, visible tokens -> masked tokens            paired, equation 2
    caption   visible tokens -> text                           paired, equation 1
    t2i2t     text -> drawn tokens -> redrawn -> text          lone texts, equation 3
    i2t2i     image -> caption -> recaptioned -> image         lone images, equation 4

A cycle first generates its middle without gradient, then runs the training forward once on that
middle and passes it on by argmax: with the straight-through gradient (`full`) or without (`half`).
"""

import functools

import jax
import jax.numpy as jnp

from itit_jax import losses
from itit_jax.decoding import image as parallel
from itit_jax.decoding import text as autoregressive
from itit_jax.models import vqgan
from itit_jax.recipes import base, itit_flops
from itit_jax.recipes.itit_networks import build
from itit_jax.workdir import config_of

STREAMS = {
    "draw": ("image", "text"),
    "caption": ("image", "text"),
    "images": ("image",),
    "texts": ("text",),
}


class Recipe:
    """Parts: model (encoder and decoders), text_encoder (T5), tokenizer (frozen)."""

    def __init__(self, config):
        self.config = config
        self.tokenizer, self.text_encoder, self.model = build(config)
        self.trainable = ("model", "text_encoder") if config.text_encoder.trainable else ("model",)
        self.weights_from = {
            "tokenizer": config.tokenizer.workdir or config.tokenizer.weights,
            "text_encoder": config.text_encoder.weights,
        }
        self.tokens = self.model.tokens
        self.batch_spec = base.batch_spec(config, STREAMS, self.tokens)
        self.encodings = {
            "tokens": base.Encoding("image", ("tokenizer",), self._encode_image),
            "features": base.Encoding("text", ("text_encoder",), self._encode_text),
        }
        # Static numbers of image tokens that the encoder reads (papers.md 1.2, MAGE's way).
        self.draw_slots = self.tokens - round(self.tokens * config.masks.draw_min)
        self.caption_slots = self.tokens - round(self.tokens * config.masks.caption_drop)
        # Few rounds of a cycle are unrolled, so that each encodes only the tokens it knows.
        self.unrolled = config.cycle.rounds <= 8

    def published(self):
        """{part: how it is given away}."""
        tokenizer = config_of(self.config.tokenizer, "tokenizer")
        return {
            "model": base.Published("itit", "itit_jax", self.model),
            "text_encoder": base.Published("text_encoder", "t5", self.text_encoder),
            "tokenizer": base.Published("vqvae", "diffusers_vq", self.tokenizer, tokenizer),
        }

    def init(self, key):
        keys = jax.random.split(key, 3)
        words = jnp.zeros((1, self.model.text_length), jnp.int32)
        valid = jnp.ones(words.shape, bool)
        features = jnp.zeros((*words.shape, self.text_encoder.width))
        places = jnp.arange(self.tokens)[None]
        tokens, visible = jnp.zeros_like(places), jnp.ones(places.shape, bool)
        size = self.config.data.image_size
        return {
            "model": self.model.init(keys[0], tokens, places, visible, features, valid, words)[
                "params"
            ],
            "text_encoder": self.text_encoder.init(keys[1], words, valid)["params"],
            "tokenizer": self.tokenizer.init(keys[2], jnp.zeros((1, size, size, 3)))["params"],
        }

    def flops(self):
        """{term: Flops} of one global step."""
        return itit_flops.flops(self)

    # ---- the objectives -------------------------------------------------------------------

    def loss(self, params, batch, key, step, teacher):
        """Weighted sum of the four terms; a cycle that has not begun costs nothing."""
        cycle, weights = self.config.cycle, self.config.loss
        generator = teacher if cycle.generator == "ema" else params
        generator = jax.lax.stop_gradient(generator)
        trained = {part: params[part] for part in self.trainable}
        frozen = {part: params[part] for part in params.keys() - trained.keys()}
        keys = dict(zip(("draw", "caption", "t2i2t", "i2t2i"), jax.random.split(key, 4)))
        terms, metrics = {}, {}
        if "draw" in batch:
            terms["draw"] = weights.draw * self.draw_loss(params, batch["draw"], keys["draw"])
        if "caption" in batch:
            terms["caption"] = weights.caption * self.caption_loss(
                params, batch["caption"], keys["caption"]
            )
        for name, stream in (("t2i2t", "texts"), ("i2t2i", "images")):
            if cycle.mode == "none" or stream not in batch or not weights[name]:
                continue
            term = functools.partial(self._cycle, name)
            weight = weights[name] * ramp(step, cycle[f"{name}_start"], cycle.ramp)
            # One compiled program for all phases: a cycle that has not begun is skipped.
            value = losses.when(
                weight > 0, term, trained, frozen, generator, batch[stream], keys[name]
            )
            terms[name] = weight * value
            metrics[name] = value
        for name in ("draw", "caption"):
            if name in terms:
                metrics[name] = terms[name] / weights[name]
        total = sum(terms.values())
        rows = sum(jax.tree.leaves(v)[0].shape[0] for v in batch.values())
        return total, metrics | {"loss": total, "images": float(rows)}

    def _cycle(self, name, trained, frozen, generator, rows, key):
        return getattr(self, f"{name}_loss")(trained | frozen, generator, rows, key)

    def draw_loss(self, params, rows, key):
        """Equation 2: cross-entropy of the masked tokens given the visible ones and the text."""
        mask_key, drop_key, dropout = jax.random.split(key, 3)
        ids, text = self.image_ids(params, rows), rows["text"]
        dropped = jax.random.bernoulli(
            drop_key, self.config.loss.condition_drop, (text.shape[0], 1)
        )
        features, valid = self.text_features(params, text)
        known = self.draw_mask(mask_key, ids.shape[0])
        logits = self.draw_logits(params, ids, known, features, valid & ~dropped, dropout=dropout)
        return jnp.mean(self._masked_token_loss(logits, ids, known))

    def caption_loss(self, params, rows, key):
        """Equation 1: cross-entropy of the words given the image tokens that were not dropped."""
        ids = self.image_ids(params, rows)
        logits = self.caption_logits(params, ids, rows["text"], key)
        return self._word_loss(logits, rows["text"])

    def t2i2t_loss(self, params, generator, rows, key):
        """Equation 3, on lone texts."""
        draw_key, mask_key, dropout, caption_key = jax.random.split(key, 4)
        text = rows["text"]
        # a. Draw the text. No gradient at all.
        drawn = jax.lax.stop_gradient(self._draw_tokens_in_training(generator, text, draw_key))
        # b. Mask the drawing and run the training forward once.
        known = self.draw_mask(mask_key, drawn.shape[0])
        features, valid = self.text_features(params, text)
        logits = self.draw_logits(params, drawn, known, features, valid, dropout=dropout)
        # c. Keep what was visible, redraw the rest by argmax.
        kept = jax.nn.one_hot(drawn, logits.shape[-1], dtype=jnp.float32)
        redrawn = jnp.where(known[..., None], kept, self._pass_on(logits))
        # d. Caption the redrawn image with the original text as the answer.
        return self._word_loss(self.caption_logits(params, redrawn, text, caption_key), text)

    def i2t2i_loss(self, params, generator, rows, key):
        """Equation 4, on lone images."""
        generate_key, caption_key, mask_key, dropout = jax.random.split(key, 4)
        ids = self.image_ids(params, rows)
        # a. Caption the image. No gradient at all.
        words = self._caption_in_training(generator, ids, generate_key)
        words = jax.lax.stop_gradient(words)
        # b. Run the training forward once, teacher-forced on that caption.
        logits = self.caption_logits(params, ids, words, caption_key)
        # c. The words go on, through the text encoder's embedding; the length is kept.
        sampled = words if self.config.cycle.top_p else None
        rewritten = self._pass_on(logits, sampled)
        features, valid = self.text_features(params, rewritten, valid=words > 0)
        # d. Draw the image's masked tokens from the rewritten text.
        known = self.draw_mask(mask_key, ids.shape[0])
        drawn = self.draw_logits(params, ids, known, features, valid, dropout=dropout)
        return jnp.mean(self._masked_token_loss(drawn, ids, known))

    def _pass_on(self, logits, chosen=None):
        """Step c of both cycles: one-hot rows of the argmax, or of the `chosen` ids, with or
        without the straight-through gradient."""
        if self.config.cycle.mode == "half":
            logits = jax.lax.stop_gradient(logits)
        return losses.straight_through(logits, chosen)

    def _masked_token_loss(self, logits, ids, known):
        """Mean over the masked positions of each sample (MaskGIT): [b]."""
        loss = losses.cross_entropy(logits, ids, self.config.loss.smoothing)
        return losses.masked_mean(loss, ~known, axis=-1)

    def _word_loss(self, logits, words):
        """Mean over all words of the batch, EOS included."""
        loss = losses.cross_entropy(logits, words, self.config.loss.text_smoothing)
        return losses.masked_mean(loss, words > 0)

    # ---- masks ----------------------------------------------------------------------------

    def draw_mask(self, key, batch):
        """Known tokens, bool [batch, tokens]. Masked share r = cos(pi u / 2), u uniform, and at
        least masks.draw_min (Muse's law, papers.md 1.2)."""
        ratio_key, order_key = jax.random.split(key)
        ratio = jnp.cos(jnp.pi / 2 * jax.random.uniform(ratio_key, (batch, 1)))
        masked = jnp.clip(jnp.ceil(ratio * self.tokens), self.tokens - self.draw_slots)
        return random_ranks(order_key, batch, self.tokens) >= jnp.maximum(masked, 1)

    def caption_mask(self, key, batch):
        """Exactly `caption_slots` known tokens a sample, bool [batch, tokens]."""
        return random_ranks(key, batch, self.tokens) < self.caption_slots

    # ---- forward passes, shared by training, the cycles and inference ----------------------

    def image_ids(self, params, rows):
        """Token ids [b, k] of a stream that holds tokens, or pixels to be tokenised."""
        if "tokens" in rows:
            return rows["tokens"]
        pixels = vqgan.to_signed(rows["image"])
        return self.tokenizer.apply({"params": params["tokenizer"]}, pixels, method="encode")

    def text_features(self, params, words, valid=None):
        """words int [b, t] or rows [b, t, v] -> (features [b, t, e], valid bool [b, t])."""
        valid = words > 0 if valid is None else valid
        return self.text_encoder.apply({"params": params["text_encoder"]}, words, valid), valid

    def _encode_image(self, params, images):
        """uint8 [b, h, w, 3] -> token ids int32 [b, k]."""
        return self.image_ids(params, {"image": images})

    def _encode_text(self, params, words):
        """Word ids int32 [b, t] -> features [b, t, e], 0 behind the end."""
        features, valid = self.text_features(params, words)
        return features * valid[..., None]

    def draw_logits(self, params, ids, known, features, valid, *, slots=None, dropout=None):
        """Logits [b, k, codes] of every position given the known tokens and the text."""
        slots = self.draw_slots if slots is None else slots
        kept, places, visible = parallel.gather_known(ids, known, slots)
        apply = functools.partial(self._apply, params, dropout)
        states, seen = apply("encode", kept, places, visible, features, valid)
        return apply("decode_image", states, seen, places, visible)

    def caption_logits(self, params, tokens, words, key):
        """Logits [b, t, v] of the words given a random part of the tokens (ids or rows)."""
        mask_key, dropout = jax.random.split(key)
        known = self.caption_mask(mask_key, tokens.shape[0])
        apply = functools.partial(self._apply, params, dropout)
        states, seen = apply("encode", *parallel.gather_known(tokens, known, self.caption_slots))
        return apply("decode_text", states, seen, words)

    def _apply(self, params, dropout, method, *arguments):
        use_dropout = dropout is not None and self.model.dropout > 0
        rngs = {"dropout": dropout} if use_dropout else None
        return self.model.apply({"params": params["model"]}, *arguments, method=method, rngs=rngs)

    # ---- generation -----------------------------------------------------------------------

    def draw_tokens(self, params, text, key, *, rounds, temperature, guidance=0.0, drop=False):
        """text ids [b, t] -> image token ids [b, k] by parallel decoding."""
        features, valid = self.text_features(params, text)

        def logits_fn(ids, known, slots, ratio):
            conditional = self.draw_logits(params, ids, known, features, valid, slots=slots)
            if not guidance:
                return conditional
            nothing = jnp.zeros_like(valid)
            free = self.draw_logits(params, ids, known, features, nothing, slots=slots)
            return parallel.guided(conditional, free, guidance * ratio)

        return parallel.draw(
            logits_fn, key, batch=text.shape[0], tokens=self.tokens, rounds=rounds,
            temperature=temperature, drop=drop,
        )

    def _draw_tokens_in_training(self, params, text, key):
        cycle = self.config.cycle
        return self.draw_tokens(
            params, text, key, rounds=cycle.rounds, temperature=cycle.temperature,
            drop=self.unrolled,
        )

    def _caption_in_training(self, params, ids, key):
        """Greedy as in the paper, or sampled: a greedy captioner always names the same object
        first in the same words, and the drawer would learn to read no other text."""
        top_p = self.config.cycle.top_p
        choose = autoregressive.nucleus(top_p) if top_p else autoregressive.greedy
        return self._caption_tokens(params, ids, choose, key)

    def _caption_tokens(self, params, ids, choose=autoregressive.greedy, key=None):
        """Image token ids [b, k] -> word ids [b, t], from the whole image."""
        batch = ids.shape[0]
        cache, valid = self._caption_prefill(params, ids)
        step = lambda c, w, p: self._apply(params, None, "text_step", c, valid, w, p)
        return autoregressive.generate(
            step, cache, key, batch=batch, length=self.model.text_length, choose=choose
        )

    def _caption_prefill(self, params, ids):
        everything = jnp.ones(ids.shape, bool)
        kept = parallel.gather_known(ids, everything, self.tokens)
        states, valid = self._apply(params, None, "encode", *kept)
        return self._apply(params, None, "text_prefill", states, valid)

    def _caption_beam(self, params, ids, width):
        cache, valid = self._caption_prefill(params, jnp.repeat(ids, width, axis=0))
        step = lambda c, w, p: self._apply(params, None, "text_step", c, valid, w, p)
        return autoregressive.beam(
            step, cache, batch=ids.shape[0], length=self.model.text_length, width=width
        )

    # ---- what users call ------------------------------------------------------------------

    def draw(self, params, text, key):
        """Word ids int32 [b, t] -> pictures uint8 [b, h, w, 3], as `decode.*` says."""
        return self._decode_pixels(params, self._draw_ids(params, text, key))

    def _draw_ids(self, params, text, key):
        decode = self.config.decode
        return self.draw_tokens(
            params, text, key, rounds=decode.rounds, temperature=decode.temperature,
            guidance=decode.guidance,
        )

    def caption(self, params, images, key):
        """Pictures uint8 [b, h, w, 3] -> word ids int32 [b, t], as `decode.*` says."""
        decode = self.config.decode
        ids = self.image_ids(params, {"image": images})
        if decode.text == "beam":
            return self._caption_beam(params, ids, decode.beam)
        top_p = decode.text == "top_p"
        choose = autoregressive.nucleus(decode.top_p) if top_p else autoregressive.greedy
        return self._caption_tokens(params, ids, choose, key)

    def score(self, params, rows, key):
        """Per example: losses without smoothing [b], what is drawn and captioned, the ceiling."""
        mask_key, caption_key, draw_key = jax.random.split(key, 3)
        ids, text = self.image_ids(params, rows), rows["text"]
        features, valid = self.text_features(params, text)
        known = self.draw_mask(mask_key, ids.shape[0])
        logits = self.draw_logits(params, ids, known, features, valid)
        draw_loss = losses.masked_mean(losses.cross_entropy(logits, ids), ~known, axis=-1)
        word_loss = losses.cross_entropy(
            self.caption_logits(params, ids, text, caption_key), text
        )
        results = {
            "draw_loss": draw_loss,
            "caption_loss": losses.masked_mean(word_loss, valid, axis=-1),
            "drawn": self.draw(params, text, draw_key),
            "caption": self.caption(params, rows["image"], caption_key),
            "rebuilt": self._decode_pixels(params, ids),
        }
        if self.config.evaluate.cycles:
            results |= self._close_cycles(params, results, ids, text, key)
        return results

    def _close_cycles(self, params, results, ids, text, key):
        """Pictures drawn from their captions, captions of their drawings, and the share of image
        tokens and of words that came back [b]."""
        redrawn = self._draw_ids(params, results["caption"], key)
        recaption = self.caption(params, results["drawn"], key)
        return {
            "redrawn": self._decode_pixels(params, redrawn),
            "recaption": recaption,
            "i2t2i_token_accuracy": jnp.mean(redrawn == ids, axis=-1),
            "t2i2t_word_accuracy": losses.masked_mean(recaption == text, text > 0, axis=-1),
        }

    def _decode_pixels(self, params, ids):
        variables = {"params": params["tokenizer"]}
        return vqgan.to_pixels(self.tokenizer.apply(variables, ids, method="decode"))


def random_ranks(key, batch, count):
    """An independent random permutation of 0..count-1 in each row [batch, count]."""
    noise = jax.random.uniform(key, (batch, count))
    return jnp.argsort(jnp.argsort(noise, axis=-1), axis=-1)


def ramp(step, start, length):
    """0 before `start`, then linear to 1 over `length` steps (at once if 0)."""
    return jnp.clip((step - start + 1) / max(length, 1), 0.0, 1.0) * (step >= start)
