"""C3 (ICLR 2024; papers.md 2): captions learned from texts, drawings learned from pictures.

    caption   a text's own vector -> that text            lone texts
    draw      a picture's own vector -> its tokens        lone pictures
    pairs     a picture's vector -> its text              pairs, to fine-tune: no noise

The vectors are those of a frozen contrastive space, conditioned in one way (models/condition.py),
so that at test time a picture's vector is captioned and a text's vector is drawn.
"""

import functools

import jax
import jax.numpy as jnp

from configs.c3 import TERMS, objectives
from data_pipelines.errors import UserError
from itit_jax import losses
from itit_jax.decoding import autoregressive, parallel
from itit_jax.models import condition, t5, tokenizers, towers
from itit_jax.other_runs import config_of
from itit_jax.recipes import base, c3_published
from itit_jax.recipes.c3_flops import flops
from itit_jax.recipes.c3_networks import build
from itit_jax.retold import READ

STREAMS = {"texts": ("text",), "images": ("image",), "caption": ("image", "text")}

CAPTIONER = ("mapper", "decoder")  # its parts

TABLES = {
    "vocabulary": "decoder/word_embedding",
    "tokenizer": "drawer/(code_table/.*|mlm_bias)",
    "places": "decoder/word_positions|drawer/.*positions/.*",
    "tower": "mapper/up/kernel|drawer/text_projection/kernel",  # a row a dimension
}


class Recipe:
    """Parts: mapper and decoder of the captioner, and the drawer, those that are trained; tower,
    means, tokenizer (frozen)."""

    def __init__(self, config):
        self.config = config
        self.tower = c3_published.tower(config)
        self.captioner, self.tokenizer, self.drawer = build(config)
        captions = CAPTIONER if self.captioner else ()
        self.trainable = captions + (("drawer",) if self.drawer else ())
        self.weights_from = {
            "tower": config.tower.workdir or config.tower.weights,
            "tokenizer": config.tokenizer.workdir or config.tokenizer.weights,
            "decoder": config.decoder.weights,
        }
        heads = config.model.captioner.heads
        self.loads = {"decoder": functools.partial(c3_published.load_decoder, heads=heads)}
        self.reads = c3_published.words(config, self.tower)
        self.tables = TABLES
        self.length = config.data.text_length
        self.batch_spec = base.batch_spec(
            config, {TERMS[name]: STREAMS[TERMS[name]] for name in objectives(config)}
        )
        if self.reads and (rows := self.batch_spec.get("texts")):
            shape = (len(rows["text"]), self.reads.length)
            rows[READ] = jax.ShapeDtypeStruct(shape, jnp.int32)
        self.means = {
            "image": base.Encoding("image", ("tower",), self.embed_images),
            "text": base.Encoding("text", ("tower",), self.embed_texts),
        }
        if self.drawer:
            self.slots = parallel.slots_of(config, "draw_min", self.drawer.tokens)

    def init(self, key):
        keys = jax.random.split(key, 4)
        size, width = self.config.data.image_size, self.tower.text.features
        words, pixels = jnp.zeros((1, self.length), jnp.int32), jnp.zeros((1, size, size, 3))
        read = jnp.zeros((1, self.reads.length if self.reads else self.length), jnp.int32)
        vectors = jnp.zeros((1, width))
        params = {
            "tower": self.tower.init(keys[0], pixels, read)["params"],
            "means": {name: jnp.zeros((width,)) for name in self.means},
        }
        if self.captioner:
            params |= self.captioner.init(keys[1], vectors, words)["params"]
        if self.drawer:
            places = jnp.arange(self.drawer.tokens)[None]
            known = jnp.ones(places.shape, bool)
            arguments = (jnp.zeros_like(places), places, known, vectors[:, None], known[:, :1])
            params["drawer"] = self.drawer.init(keys[2], *arguments, method=_draws)["params"]
            params["tokenizer"] = self.tokenizer.init(keys[3], pixels)["params"]
        return params

    def published(self):
        """{part: how it is given away}."""
        made_by = lambda name, recipe: config_of(self.config[name], name, recipe)
        run_of_it = None if self.reads else made_by("tower", "towers")
        layout = "siglip" if self.tower.image.probe else "clip"
        means = condition.Means(self.tower.text.features)
        given = {
            "tower": base.Published("tower", layout, self.tower, run_of_it, self.reads),
            "means": base.Published("means", "itit_jax", means),
        }
        if self.captioner:
            for name in CAPTIONER:
                network = getattr(self.captioner, name)
                given[name] = base.Published(name, "itit_jax", network)
        if self.drawer:
            tokenizer = made_by("tokenizer", "vq")
            given["drawer"] = base.Published("drawer", "itit_jax", self.drawer)
            given["tokenizer"] = base.Published("vqvae", "diffusers_vq", self.tokenizer, tokenizer)
        return given

    def flops(self):
        """{term: models.flops.Flops} of one global step."""
        return flops(self)

    # ---- vectors of the space ---------------------------------------------------------------

    @jax.named_scope("tower")
    def embed_images(self, params, images):
        """uint8 [b, h, w, 3] -> vectors [b, d] of length 1, float32."""
        return self._embed(params, images, "image_features")

    @jax.named_scope("tower")
    def embed_texts(self, params, text):
        """Ids int32 [b, t] of the words that the tower reads -> vectors [b, d] of length 1,
        float32."""
        return self._embed(params, text, "text_features")

    def _embed(self, params, rows, method):
        found = self.tower.apply({"params": params["tower"]}, rows, method=method)
        return towers.unit(found.astype(jnp.float32))

    def condition(self, params, vectors, kind, noise=None):
        """Vectors [b, d] of "image" or "text" -> [b, d], what captioner and drawer read."""
        mean = params["means"][kind] if self.config.condition.collapse else 0.0
        return condition.condition(vectors, mean, noise)

    def _noise(self, key):
        asked = self.config.condition
        return {
            "none": None,
            "gaussian": condition.gaussian(key, asked.energy),
            "lafite": condition.lafite(key, asked.share),
        }[asked.corrupt]

    # ---- the objectives ---------------------------------------------------------------------

    def loss(self, params, batch, key, step, teacher):
        """Weighted sum [] of the terms; the metrics hold each [] without its weight."""
        del step, teacher
        keys = dict(zip(TERMS, jax.random.split(key, len(TERMS))))
        total, metrics = 0.0, {}
        for name in objectives(self.config):
            value = getattr(self, f"{name}_loss")(params, batch[TERMS[name]], keys[name])
            total, metrics[name] = total + self.config.loss[name] * value, value
        return total, metrics | {"loss": total}

    @jax.named_scope("caption")
    def caption_loss(self, params, rows, key):
        """Of lone "text" [b, t], each said again from its own conditioned vector; a published tower
        has it as READ [b, t'] in words of its own."""
        noise_key, dropout = jax.random.split(key)
        vectors = self.embed_texts(params, rows.get(READ, rows["text"]))
        vectors = self.condition(params, vectors, "text", self._noise(noise_key))
        return self._word_loss(params, vectors, rows["text"], dropout)

    @jax.named_scope("draw")
    def draw_loss(self, params, rows, key):
        """Of lone "image" [b, h, w, 3]: the masked tokens from its own conditioned vector."""
        noise_key, drop_key, mask_key, dropout = jax.random.split(key, 4)
        images = rows["image"]
        vectors = self.embed_images(params, images)
        vectors = self.condition(params, vectors, "image", self._noise(noise_key))
        drop = self.config.loss.condition_drop
        kept = ~jax.random.bernoulli(drop_key, drop, (len(images), 1))
        ids = self.image_ids(params, images)
        known = parallel.training_mask(mask_key, len(ids), self.drawer.tokens, self.slots)
        logits = self.draw_logits(params, ids, known, vectors, kept, dropout=dropout)
        return jnp.mean(losses.masked_tokens(logits, ids, known, self.config.loss.smoothing))

    @jax.named_scope("pairs")
    def pairs_loss(self, params, rows, key):
        """Of pairs "image" [b, h, w, 3] and "text" [b, t]; collapse, and no noise."""
        vectors = self.condition(params, self.embed_images(params, rows["image"]), "image")
        return self._word_loss(params, vectors, rows["text"], key)

    def _word_loss(self, params, vectors, words, dropout):
        """Vectors [b, d], words int [b, t] -> mean over all words of the batch, their end too."""
        logits = self.caption_logits(params, vectors, words, dropout=dropout)
        loss = losses.cross_entropy(logits, words, self.config.loss.text_smoothing)
        return losses.masked_mean(loss, words > 0)

    # ---- forward passes ---------------------------------------------------------------------

    def caption_logits(self, params, vectors, words, *, dropout=None):
        """Conditioned vectors [b, d], words int [b, t] -> logits [b, t, v]."""
        variables = {"params": {name: params[name] for name in CAPTIONER}}
        return self.captioner.apply(variables, vectors, words, rngs=self._rngs(dropout))

    def draw_logits(self, params, ids, known, vectors, kept, *, slots=None, dropout=None):
        """ids int [b, n], known bool [b, n], conditioned vectors [b, d], kept bool [b, 1] (false:
        drawn without its vector) -> logits [b, n, c]."""
        read = parallel.gather_known(ids, known, self.slots if slots is None else slots)
        return self.drawer.apply(
            {"params": params["drawer"]}, *read, vectors[:, None], kept, method=_draws,
            rngs=self._rngs(dropout),
        )  # fmt: skip

    @jax.named_scope("tokenizer")
    def image_ids(self, params, images):
        """uint8 [b, h, w, 3] -> token ids int [b, n]."""
        return tokenizers.ids(self.tokenizer, params["tokenizer"], images)

    def _rngs(self, dropout):
        used = dropout is not None and self.config.model.dropout > 0
        return {"dropout": dropout} if used else None

    # ---- what users and the evaluation call --------------------------------------------------

    def caption(self, params, images, key):
        """Pictures uint8 [b, h, w, 3] -> word ids int32 [b, t], as `decode.*` says."""
        self._check(self.captioner, "captioner", "texts")
        vectors = self.condition(params, self.embed_images(params, images), "image")
        return self.say(params, vectors, key)

    def draw(self, params, text, key):
        """Ids int32 [b, t] of the words that the tower reads -> pictures uint8 [b, h, w, 3], as
        `decode.*` says."""
        self._check(self.drawer, "drawer", "images")
        vectors = self.condition(params, self.embed_texts(params, text), "text")
        return self.decode_pixels(params, self.draw_ids(params, vectors, key))

    def _check(self, network, name, stream):
        if network is None:
            raise UserError(
                f"this run has no {name}: it was trained with data.rows.{stream}=0; give the "
                "workdir of a run that has one."
            )

    def say(self, params, vectors, key):
        """Conditioned vectors [b, d] -> word ids int32 [b, t]."""
        variables = {"params": {name: params[name] for name in CAPTIONER}}
        apply = lambda method, *rest: self.captioner.apply(variables, *rest, method=method)
        step = lambda cache, words, position: apply("step", cache, words, position)
        speaker = lambda copies: (
            step, apply("prefill", jnp.repeat(vectors, copies, axis=0), self.length)
        )  # fmt: skip
        return autoregressive.say(
            speaker, key, self.config.decode, batch=len(vectors), length=self.length,
            begin=t5.PAD, end=t5.EOS, pad=t5.PAD,
        )  # fmt: skip

    def draw_ids(self, params, vectors, key):
        """Conditioned vectors [b, d] -> image token ids int32 [b, n] by parallel decoding."""
        decode, kept = self.config.decode, jnp.ones((len(vectors), 1), bool)

        def logits_fn(ids, known, slots, ratio):
            conditional = self.draw_logits(params, ids, known, vectors, kept, slots=slots)
            if not decode.guidance:
                return conditional
            free = self.draw_logits(params, ids, known, vectors, ~kept, slots=slots)
            return parallel.guided(conditional, free, decode.guidance * ratio)

        return parallel.draw(
            logits_fn, key, batch=len(vectors), tokens=self.drawer.tokens, rounds=decode.rounds,
            temperature=decode.temperature,
        )  # fmt: skip

    def decode_pixels(self, params, ids):
        """Image token ids int [b, n] -> pictures uint8 [b, h, w, 3]."""
        return tokenizers.pictures(self.tokenizer, params["tokenizer"], ids)

    def score(self, params, rows, key):
        """Of "image" uint8 [b, h, w, 3] and "text" int32 [b, t]: losses without noise [b], from the
        other modality's vector and from the own (`own_`); drawings, captions."""
        images, text = rows["image"], rows["text"]
        seen = self.condition(params, self.embed_images(params, images), "image")
        read = self.embed_texts(params, rows.get(READ, text))
        read = self.condition(params, read, "text")
        results = {}
        if self.captioner:
            results["caption_loss"] = self._text_score(params, seen, text)
            results["own_caption_loss"] = self._text_score(params, read, text)
            results["caption"] = self.say(params, seen, key)
        if self.drawer:
            ids = self.image_ids(params, images)
            known = parallel.training_mask(key, len(ids), self.drawer.tokens, self.slots)
            kept = jnp.ones((len(ids), 1), bool)
            for name, vectors in (("draw_loss", read), ("own_draw_loss", seen)):
                logits = self.draw_logits(params, ids, known, vectors, kept)
                results[name] = losses.masked_tokens(logits, ids, known)
            results["drawn"] = self.decode_pixels(params, self.draw_ids(params, read, key))
            results["rebuilt"] = self.decode_pixels(params, ids)
        return results

    def _text_score(self, params, vectors, words):
        loss = losses.cross_entropy(self.caption_logits(params, vectors, words), words)
        return losses.masked_mean(loss, words > 0, axis=-1)


def _draws(network, tokens, places, visible, words, words_valid):
    """ITIT's encoder and image decoder: tokens, places int and visible bool [b, s], words
    [b, 1, d], words_valid bool [b, 1] -> logits [b, n, c]."""
    states, valid = network.encode(tokens, places, visible, words, words_valid)
    return network.decode_image(states, valid, places, visible)
