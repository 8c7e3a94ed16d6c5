"""ERNIE-ViLG (arXiv 2112.15283; papers.md 3): one Transformer draws texts and captions pictures.

    draw      sum_k -log P(z_k | t, z_<k)    of image tokens z, given the words t
    caption   sum_k -log P(t_k | z, t_<k)    of words, given the image tokens
    answer    sum_k -log P(a_k | z, q, a_<k) of an answer, given them and a question

Image tokens come from a frozen tokenizer.
"""

import jax
import jax.numpy as jnp

from configs.ernie_vilg import TERMS, objectives
from itit_jax import losses
from itit_jax.decoding import autoregressive
from itit_jax.models import t5, tokenizers, vqgan
from itit_jax.other_runs import config_of
from itit_jax.recipes import base, critic
from itit_jax.recipes.ernie_vilg_flops import flops
from itit_jax.recipes.ernie_vilg_networks import build

TABLES = {
    "vocabulary": r"model/word_(embedding|bias)",
    "tokenizer": r"model/(code_table/.*|code_bias)",
    "places": r"model/(positions/.*|word_positions)",
}


READS = {"answer": ("image", "question", "answer")}  # any other term: image and text


class Recipe:
    """Parts: model, the Transformer of both directions; tokenizer (frozen); reconstructor, which
    begins as its decoder, where that is trained too; discriminator, where pixels have a critic."""

    tables = TABLES

    def __init__(self, config):
        self.config = config
        self.tokenizer, self.model = build(config)
        self.copies = {}
        if config.model.reconstructor == "both":
            self.copies = {"reconstructor": "tokenizer"}
        self.critic = critic.asked(config.loss)
        self.trainable = ("model", *self.copies, *["discriminator"] * bool(self.critic))
        self.weights_from = {"tokenizer": config.tokenizer.workdir or config.tokenizer.weights}
        streams = {TERMS[name]: READS.get(name, ("image", "text")) for name in objectives(config)}
        self.batch_spec = base.batch_spec(config, streams, self.model.tokens)
        if "answer" in objectives(config):  # the ability of a run that learned it
            self.answer = self._answer
        self.encodings = {"tokens": base.Encoding("image", ("tokenizer",), self._encode_image)}

    def published(self):
        """{part: how it is given away}."""
        tokenizer = config_of(self.config.tokenizer, "tokenizer", "vq")
        parts = {
            "model": base.Published("ernie_vilg", "itit_jax", self.model),
            "tokenizer": base.Published("vqvae", "diffusers_vq", self.tokenizer, tokenizer),
        }
        if self.copies:
            parts["reconstructor"] = base.Published("reconstructor", "itit_jax", self.tokenizer)
        if self.critic:
            parts["discriminator"] = base.Published("discriminator", "itit_jax", self.critic)
        return parts

    def flops(self):
        """{term: models.flops.Flops} of one global step."""
        return flops(self)

    def init(self, key):
        model_key, tokenizer_key = jax.random.split(key)
        size = self.config.data.image_size
        image = jnp.zeros((1, self.model.tokens), jnp.int32)
        words = jnp.zeros((1, self.model.text_length), jnp.int32)
        pixels = jnp.zeros((1, size, size, 3))
        params = {
            "model": self.model.init(model_key, image, words)["params"],
            "tokenizer": self.tokenizer.init(tokenizer_key, pixels)["params"],
        }
        if self.copies:
            side = size // self.tokenizer.factor
            latents = jnp.zeros((1, side, side, self.tokenizer.latent_width))
            params["reconstructor"] = self.tokenizer.init(
                tokenizer_key, latents, method="decode_latents"
            )["params"]
        if self.critic:
            params["discriminator"] = self.critic.init(tokenizer_key, pixels)["params"]
        return params

    # ---- the objectives ---------------------------------------------------------------------

    def loss(self, params, batch, key, step, teacher):
        """Weighted sum [] of the terms; the metrics hold each [] without its weight."""
        del teacher
        keys = dict(zip(TERMS, jax.random.split(key, len(TERMS))))
        batch = tokenizers.tokenized(self.tokenizer, params, batch)
        total, metrics = 0.0, {}
        for name in objectives(self.config):
            terms = getattr(self, f"{name}_terms")(params, batch[TERMS[name]], keys[name], step)
            weight = self.config.loss.get  # what the critic learns from has none
            total = total + sum(weight(term, 1.0) * value for term, value in terms.items())
            metrics |= terms
        return total, metrics | {"loss": total}

    @jax.named_scope("draw")
    def draw_terms(self, params, rows, key, step=0):
        """Of pairs "tokens" [b, n] or "image" [b, h, w, 3], and "text" [b, t]."""
        ids = self.image_ids(params, rows)
        states = self.drawing_states(params, rows["text"], ids, dropout=key)
        wrong = losses.cross_entropy(self._next_tokens(params, states), ids)
        terms = {"draw": self._over_tokens(wrong, jnp.ones(ids.shape, bool))}
        if self.model.latent_width:
            terms |= self._pixel_terms(params, states, rows["image"], step)
        return terms

    def _pixel_terms(self, params, states, images, step):
        """States [b, 1 + n, d] of a drawing, images uint8 [b, h, w, 3] that it should be."""
        made, pixels = self.pixels_of_states(params, states), vqgan.to_signed(images)
        over = jnp.sum if self.config.loss.over_tokens == "sum" else jnp.mean
        terms = {"reconstruct": jnp.mean(over(jnp.square(made - pixels), axis=(1, 2, 3)))}
        if self.critic:
            on = step >= self.config.loss.adversarial_start
            terms |= critic.terms(self.critic, params["discriminator"], pixels, made, on)
        return terms

    @jax.named_scope("caption")
    def caption_terms(self, params, rows, key, step=0):
        """Of pairs "tokens" [b, n] or "image" [b, h, w, 3], and "text" [b, t]."""
        del step
        ids, words = self.image_ids(params, rows), rows["text"]
        logits = self.caption_logits(params, ids, words, dropout=key)
        return {"caption": self._over_tokens(losses.cross_entropy(logits, words), words > 0)}

    @jax.named_scope("answer")
    def answer_terms(self, params, rows, key, step=0):
        """Of "tokens" [b, n] or "image" [b, h, w, 3], "question" [b, t] and "answer" [b, t]."""
        del step
        ids, words = self.image_ids(params, rows), rows["answer"]
        logits = self.caption_logits(params, ids, words, rows["question"], dropout=key)
        return {"answer": self._over_tokens(losses.cross_entropy(logits, words), words > 0)}

    def _over_tokens(self, loss, told):
        """Losses [b, k] of tokens, of which those `told` [b, k] count -> []."""
        if self.config.loss.over_tokens == "mean":
            return losses.masked_mean(loss, told)
        return jnp.mean(jnp.sum(loss * told, axis=1))

    # ---- forward passes ---------------------------------------------------------------------

    def drawing_states(self, params, words, ids, *, dropout=None):
        """Words int [b, t], image tokens int [b, n] -> last states [b, 1 + n, d] of `begin` and of
        the tokens."""
        return self._apply(params, dropout, "states", (None, words), "image", ids)

    def draw_logits(self, params, words, ids):
        """Words int [b, t], image tokens int [b, n] -> logits [b, n, c], each given those left
        of it."""
        return self._next_tokens(params, self.drawing_states(params, words, ids))

    def _next_tokens(self, params, states):
        return self._apply(params, None, "logits", "image", states[:, :-1])

    @jax.named_scope("reconstructor")
    def pixels_of_states(self, params, states):
        """States [b, 1 + n, d] of `begin` and the tokens -> pixels [b, h, w, 3] about [-1, 1]."""
        latents = self._apply(params, None, "latents", states[:, 1:])
        reconstructor = params.get("reconstructor", params["tokenizer"])
        return self.tokenizer.apply({"params": reconstructor}, latents, method="decode_latents")

    def pictures(self, params, words, ids):
        """Image tokens int [b, n], drawn from words int [b, t] -> pictures uint8 [b, h, w, 3].

        A reconstructor that was trained reads the states of the finished sequence, any other the
        tokens.
        """
        if "reconstructor" not in params:
            return tokenizers.pictures(self.tokenizer, params["tokenizer"], ids)
        states = self.drawing_states(params, words, ids)
        return vqgan.to_pixels(self.pixels_of_states(params, states))

    def caption_logits(self, params, ids, words, question=None, *, dropout=None):
        """Image tokens int [b, n], words int [b, t] -> logits [b, t, v], likewise; of an answer,
        given the words of the question int [b, t] too."""
        states = self._apply(params, dropout, "states", (ids, question), "text", words[:, :-1])
        return self._apply(params, None, "logits", "text", states)

    @jax.named_scope("tokenizer")
    def image_ids(self, params, rows):
        """Token ids int [b, n] of a stream that holds "tokens", or "image" to be tokenised."""
        if "tokens" in rows:
            return rows["tokens"]
        return tokenizers.ids(self.tokenizer, params["tokenizer"], rows["image"])

    def _encode_image(self, params, images):
        """uint8 [b, h, w, 3] -> token ids int32 [b, n]."""
        return self.image_ids(params, {"image": images})

    def _apply(self, params, dropout, method, *arguments):
        used = dropout is not None and self.model.dropout > 0
        rngs = {"dropout": dropout} if used else None
        return self.model.apply({"params": params["model"]}, *arguments, method=method, rngs=rngs)

    # ---- what users and the evaluation call --------------------------------------------------

    def draw(self, params, text, key):
        """Word ids int32 [b, t] -> pictures uint8 [b, h, w, 3], as `decode.*` says."""
        return self.pictures(params, text, self.draw_ids(params, text, key))

    def draw_ids(self, params, text, key):
        """Word ids int32 [b, t] -> image token ids int32 [b, n], one after another."""
        decode, tokens = self.config.decode, self.model.tokens
        choose = autoregressive.sampled(decode.temperature, decode.top_k, decode.image_top_p)
        return autoregressive.generate(
            *self._writer(params, (None, text), "image", tokens), key, choose=choose,
            batch=len(text), length=tokens, begin=0, end=None,
        )  # fmt: skip

    def caption(self, params, images, key):
        """Pictures uint8 [b, h, w, 3] -> word ids int32 [b, t], as `decode.*` says."""
        return self.caption_ids(params, self.image_ids(params, {"image": images}), key)

    def caption_ids(self, params, ids, key):
        """Image token ids int [b, n] -> word ids int32 [b, t]."""
        return self._say(params, (ids, None), key, self.model.text_length)

    def _answer(self, params, images, question, key):
        """Pictures uint8 [b, h, w, 3], word ids int32 [b, t] -> those of the answer int32 [b, t],
        as `decode.*` says."""
        ids = self.image_ids(params, {"image": images})
        return self._say(params, (ids, question), key, self.config.data.answer_length)

    def _say(self, params, source, key, length):
        """Source as the network reads it, of b rows -> word ids int32 [b, t], t = `length`."""

        def speaker(copies):
            repeated = jax.tree.map(lambda ids: jnp.repeat(ids, copies, axis=0), source)
            return self._writer(params, repeated, "text", length)

        return autoregressive.say(
            speaker, key, self.config.decode, batch=len(source[0]), length=length,
            begin=t5.PAD, end=t5.EOS, pad=t5.PAD,
        )  # fmt: skip

    def _writer(self, params, source, kind, length):
        """-> (step(cache, ids, position) -> (logits, cache), the cache to begin with)."""
        cache, valid = self._apply(params, None, "prefill", kind, source, length)
        step = lambda cache, ids, position: self._apply(
            params, None, "step", kind, cache, valid, ids, position
        )
        return step, cache

    def score(self, params, rows, key):
        """Of "image" uint8 [b, h, w, 3] and "text" int32 [b, t]: mean losses of a token [b],
        drawings, captions, and the ceiling "rebuilt"."""
        draw_key, caption_key = jax.random.split(key)
        ids, words = self.image_ids(params, rows), rows["text"]
        drawn = losses.cross_entropy(self.draw_logits(params, words, ids), ids)
        said = losses.cross_entropy(self.caption_logits(params, ids, words), words)
        rebuilt = self.pictures(params, words, ids)
        error = vqgan.to_signed(rebuilt) - vqgan.to_signed(rows["image"])
        return {
            "draw_loss": jnp.mean(drawn, axis=-1),
            "caption_loss": losses.masked_mean(said, words > 0, axis=-1),
            "drawn": self.draw(params, words, draw_key),
            "caption": self.caption_ids(params, ids, caption_key),
            "rebuilt": rebuilt,
            "rebuilt_error": jnp.mean(jnp.square(error), axis=(1, 2, 3)),
        }
