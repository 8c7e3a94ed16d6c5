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

from configs.itit import CYCLES, TERMS, objectives
from itit_jax import losses
from itit_jax.decoding import parallel
from itit_jax.models import tokenizers
from itit_jax.other_runs import config_of
from itit_jax.recipes import base, itit_flops, itit_scoring
from itit_jax.recipes.itit_generation import Generation
from itit_jax.recipes.itit_networks import build

STREAMS = {
    "draw": ("image", "text"),
    "caption": ("image", "text"),
    "images": ("image",),
    "texts": ("text",),
}


TABLES = {
    "vocabulary": r"model/text_decoder/word_(embedding|bias)|text_encoder/token_embedding",
    "tokenizer": r"model/(code_table/.*|mlm_bias)",
    "places": r"model/((decoder_)?positions/.*|text_positions|text_decoder/word_positions)",
}


class Recipe:
    """Parts: model (encoder and decoders), text_encoder (T5), tokenizer (frozen)."""

    def __init__(self, config):
        self.config = config
        self.tokenizer, self.text_encoder, self.model = build(config)
        self.generation = Generation(config, self)
        self.trainable = ("model", "text_encoder") if config.text_encoder.trainable else ("model",)
        # Whether who makes the middle of a cycle reads texts with the very text encoder.
        self.one_text_encoder = (
            config.cycle.generator == "params" or not config.text_encoder.trainable
        )
        self.weights_from = {
            "tokenizer": config.tokenizer.workdir or config.tokenizer.weights,
            "text_encoder": config.text_encoder.weights,
        }
        self.tables = TABLES
        self.tokens = self.model.tokens
        streams = {TERMS[name]: STREAMS[TERMS[name]] for name in objectives(config)}
        self.batch_spec = base.batch_spec(config, streams, self.tokens)
        self.encodings = {
            "tokens": base.Encoding("image", ("tokenizer",), self._encode_image),
            "features": base.Encoding("text", ("text_encoder",), self._encode_text),
        }
        # Static numbers of image tokens that the encoder reads (papers.md 1.2, MAGE's way).
        self.draw_slots = parallel.slots_of(config, "draw_min", self.tokens)
        self.caption_slots = parallel.slots_of(config, "caption_drop", self.tokens)

    def published(self):
        """{part: how it is given away}."""
        tokenizer = config_of(self.config.tokenizer, "tokenizer", "vq")
        return {
            "model": base.Published("itit", "itit_jax", self.model),
            "text_encoder": base.Published("text_encoder", "t5", self.text_encoder),
            "tokenizer": base.Published("vqvae", "diffusers_vq", self.tokenizer, tokenizer),
        }

    def flops(self):
        """{term: models.flops.Flops} of one global step."""
        return itit_flops.flops(self)

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

    # ---- the objectives -------------------------------------------------------------------

    def loss(self, params, batch, key, step, teacher):
        """Weighted sum [] of the terms that have a weight; the metrics hold each [] without it."""
        generator = teacher if self.config.cycle.generator == "ema" else params
        generator = jax.lax.stop_gradient(generator)
        keys = dict(zip(TERMS, jax.random.split(key, len(TERMS))))
        batch = tokenizers.tokenized(self.tokenizer, params, batch)
        total, metrics = 0.0, {}
        for name in objectives(self.config):
            weight, rows = self.config.loss[name], batch[TERMS[name]]
            if name in CYCLES:
                weight = weight * self._ramp(name, step)
                # One compiled program for all phases: a cycle that has not begun is skipped.
                value = losses.when(
                    weight > 0, self._cycle(name), *self._split(params), generator, rows, keys[name]
                )
            else:
                value = getattr(self, f"{name}_loss")(params, rows, keys[name])
            total, metrics[name] = total + weight * value, value
        return total, metrics | {"loss": total}

    def _ramp(self, name, step):
        return ramp(step, self.config.cycle[f"{name}_start"], self.config.cycle.ramp)

    def _cycle(self, name):
        loss = getattr(self, f"{name}_loss")
        return lambda trained, frozen, *rest: loss(trained | frozen, *rest)

    def _split(self, params):
        """-> (parts that get updates, frozen parts)."""
        trained = {part: params[part] for part in self.trainable}
        return trained, {part: params[part] for part in params.keys() - trained.keys()}

    @jax.named_scope("draw")
    def draw_loss(self, params, rows, key):
        """Equation 2: cross-entropy of the masked tokens given the visible ones and the text.

        rows: "tokens" [b, n] or "image" [b, h, w, 3], and "text" [b, t].
        """
        mask_key, drop_key, dropout = jax.random.split(key, 3)
        ids, text = self.image_ids(params, rows), rows["text"]
        dropped = jax.random.bernoulli(
            drop_key, self.config.loss.condition_drop, (text.shape[0], 1)
        )
        features, valid = self.text_features(params, text)
        known = self.draw_mask(mask_key, ids.shape[0])
        logits = self.draw_logits(params, ids, known, features, valid & ~dropped, dropout=dropout)
        return jnp.mean(self._masked_token_loss(logits, ids, known))

    @jax.named_scope("caption")
    def caption_loss(self, params, rows, key):
        """Equation 1: cross-entropy of the words given the image tokens that were not dropped.

        rows: "tokens" [b, n] or "image" [b, h, w, 3], and "text" [b, t].
        """
        ids = self.image_ids(params, rows)
        logits = self._train_caption(params, ids, rows["text"], key)
        return self._word_loss(logits, rows["text"])

    def t2i2t_loss(self, params, generator, rows, key):
        """Equation 3, on lone "text" [b, t]."""
        draw_key, *keys = jax.random.split(key, 4)
        text = rows["text"]
        with jax.named_scope("t2i2t/cycle"):
            told = self.text_features(params, text)  # read by both steps, a and b
        # a. Draw the text. No gradient at all.
        with jax.named_scope("t2i2t/generation"):
            read = told if self.one_text_encoder else self.text_features(generator, text)
            read = jax.lax.stop_gradient(read)
            drawn = self.generation.draw_in_training(generator, *read, draw_key)
            drawn = jax.lax.stop_gradient(drawn)
        return self._text_comes_back(params, text, told, drawn, keys)

    @jax.named_scope("t2i2t/cycle")
    def _text_comes_back(self, params, text, told, drawn, keys):
        """Steps b to d: text int [b, t], its features, drawn int [b, n] -> loss."""
        mask_key, dropout, caption_key = keys
        # b. Mask the drawing and run the training forward once.
        known = self.draw_mask(mask_key, drawn.shape[0])
        logits = self.draw_logits(params, drawn, known, *told, dropout=dropout)
        # c. Keep what was visible, redraw the rest by argmax.
        kept = jax.nn.one_hot(drawn, logits.shape[-1], dtype=jnp.float32)
        redrawn = jnp.where(known[..., None], kept, self._pass_on(logits))
        # d. Caption the redrawn image with the original text as the answer.
        return self._word_loss(self._train_caption(params, redrawn, text, caption_key), text)

    def i2t2i_loss(self, params, generator, rows, key):
        """Equation 4, on lone "tokens" [b, n] or "image" [b, h, w, 3]."""
        generate_key, *keys = jax.random.split(key, 4)
        ids = self.image_ids(params, rows)
        # a. Caption the image. No gradient at all.
        with jax.named_scope("i2t2i/generation"):
            words = self.generation.caption_in_training(generator, ids, generate_key)
            words = jax.lax.stop_gradient(words)
        return self._image_comes_back(params, ids, words, keys)

    @jax.named_scope("i2t2i/cycle")
    def _image_comes_back(self, params, ids, words, keys):
        """Steps b to d: ids int [b, n], words int [b, t] -> loss."""
        caption_key, mask_key, dropout = keys
        # b. Run the training forward once, teacher-forced on that caption.
        logits = self._train_caption(params, ids, words, caption_key)
        # c. The words go on, through the text encoder's embedding; the length is kept.
        sampled = words if self.config.cycle.top_p else None
        rewritten = self._pass_on(logits, sampled)
        features, valid = self.text_features(params, rewritten, valid=words > 0)
        # d. Draw the image's masked tokens from the rewritten text.
        known = self.draw_mask(mask_key, ids.shape[0])
        drawn = self.draw_logits(params, ids, known, features, valid, dropout=dropout)
        return jnp.mean(self._masked_token_loss(drawn, ids, known))

    def _train_caption(self, params, tokens, words, key):
        """The training forward of captions, teacher-forced: `caption_logits` with dropout."""
        mask_key, dropout = jax.random.split(key)
        return self.caption_logits(params, tokens, words, mask_key, dropout=dropout)

    def _pass_on(self, logits, chosen=None):
        """Step c of both cycles: one-hot rows of the argmax, or of the `chosen` ids, with or
        without the straight-through gradient."""
        if self.config.cycle.mode == "half":
            logits = jax.lax.stop_gradient(logits)
        return losses.straight_through(logits, chosen)

    def _masked_token_loss(self, logits, ids, known):
        return losses.masked_tokens(logits, ids, known, self.config.loss.smoothing)

    def _word_loss(self, logits, words):
        """logits [b, t, v], words int [b, t] -> mean over all words of the batch, EOS included."""
        loss = losses.cross_entropy(logits, words, self.config.loss.text_smoothing)
        return losses.masked_mean(loss, words > 0)

    # ---- masks ----------------------------------------------------------------------------

    def draw_mask(self, key, batch):
        """Known tokens, bool [b, n]; at least the share masks.draw_min is masked."""
        return parallel.training_mask(key, batch, self.tokens, self.draw_slots)

    def caption_mask(self, key, batch):
        """Exactly `caption_slots` known tokens a sample, bool [b, n]."""
        return parallel.random_ranks(key, batch, self.tokens) < self.caption_slots

    # ---- forward passes, shared by training, the cycles and inference ----------------------

    @jax.named_scope("tokenizer")
    def image_ids(self, params, rows):
        """Token ids int [b, n] of a stream that holds "tokens", or "image" to be tokenised."""
        if "tokens" in rows:
            return rows["tokens"]
        return tokenizers.ids(self.tokenizer, params["tokenizer"], rows["image"])

    @jax.named_scope("text_encoder")
    def text_features(self, params, words, valid=None):
        """words int [b, t] or rows [b, t, v] -> (features [b, t, e], valid bool [b, t])."""
        valid = words > 0 if valid is None else valid
        return self.text_encoder.apply({"params": params["text_encoder"]}, words, valid), valid

    def _encode_image(self, params, images):
        """uint8 [b, h, w, 3] -> token ids int32 [b, n]."""
        return self.image_ids(params, {"image": images})

    def _encode_text(self, params, words):
        """Word ids int32 [b, t] -> features [b, t, e], 0 behind the end."""
        features, valid = self.text_features(params, words)
        return features * valid[..., None]

    def draw_logits(self, params, ids, known, features, valid, *, slots=None, dropout=None):
        """ids int [b, n], known bool [b, n], features [b, t, e] and valid bool [b, t], or None for
        the empty text -> logits [b, n, c] of every position given the known tokens and the text."""
        slots = self.draw_slots if slots is None else slots
        kept, places, visible = parallel.gather_known(ids, known, slots)
        apply = functools.partial(self._apply, params, dropout)
        states, seen = apply("encode", kept, places, visible, features, valid)
        return apply("decode_image", states, seen, places, visible)

    def caption_logits(self, params, tokens, words, mask_key, *, dropout=None):
        """tokens int [b, n] or rows [b, n, c], words int [b, t] -> logits [b, t, v] of the words
        given a random part of the tokens."""
        known = self.caption_mask(mask_key, tokens.shape[0])
        kept = parallel.gather_known(tokens, known, self.caption_slots)
        states, seen = self._apply(params, dropout, "encode", *kept)
        return self._apply_text(params, dropout, "__call__", states, seen, words)

    def caption_prefill(self, params, ids):
        """ids int [b, n] -> (cache of the text decoder, valid bool [b, p]), from all tokens."""
        kept = parallel.gather_known(ids, jnp.ones(ids.shape, bool), self.tokens)
        states, valid = self._apply(params, None, "encode", *kept)
        return self._apply_text(params, None, "prefill", states, valid), valid

    def caption_step(self, params, cache, valid, words, position):
        """words int [b] at `position`, valid bool [b, p] -> (logits [b, v], cache)."""
        return self._apply_text(params, None, "step", cache, valid, words, position)

    def _apply(self, params, dropout, method, *arguments):
        rngs = self._rngs(dropout)
        return self.model.apply({"params": params["model"]}, *arguments, method=method, rngs=rngs)

    def _apply_text(self, params, dropout, method, *arguments):
        decoder, variables = self.model.text_decoder, {"params": params["model"]["text_decoder"]}
        return decoder.apply(variables, *arguments, method=method, rngs=self._rngs(dropout))

    def _rngs(self, dropout):
        return {"dropout": dropout} if dropout is not None and self.model.dropout > 0 else None

    # ---- what users and the evaluation call ------------------------------------------------

    def draw(self, params, text, key):
        """Word ids int32 [b, t] -> pictures uint8 [b, h, w, 3], as `decode.*` says."""
        return self.generation.draw(params, text, key)

    def caption(self, params, images, key):
        """Pictures uint8 [b, h, w, 3] -> word ids int32 [b, t], as `decode.*` says."""
        return self.generation.caption(params, images, key)

    def edit(self, params, images, text, redraw, key):
        """Pictures uint8 [b, h, w, 3], word ids int32 [b, t] and redraw bool [b, h, w] -> the
        pictures drawn anew where `redraw` holds, uint8 [b, h, w, 3]."""
        return self.generation.edit(params, images, text, redraw, key)

    def score(self, params, rows, key):
        """Of held-out examples "image" uint8 [b, h, w, 3] and "text" int32 [b, t]."""
        return itit_scoring.score(self, params, rows, key)


def ramp(step, start, length):
    """0 before `start`, then linear to 1 over `length` steps (at once if 0)."""
    return jnp.clip((step - start + 1) / max(length, 1), 0.0, 1.0) * (step >= start)
