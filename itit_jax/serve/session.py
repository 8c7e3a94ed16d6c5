"""A trained run or an export of one, loaded once and asked often.

    session = Session("runs/demo/itit")
    pictures = session.draw(["a red circle in the top left"], seed=0)
    captions = session.caption(pictures)
    answers = session.answer(pictures, ["what colour is the circle?"])
    pictures = session.edit(pictures, ["a blue square in the middle"], masks)

An export also answers to the calls that the ecosystem knows:

    pipe = Pipeline.from_pretrained("DIR")            # what --mode=export wrote, or OWNER/NAME
    pictures = pipe("a red circle", num_images_per_prompt=4, generator=0).images
    captions = pipe.caption(pictures)
"""

import functools
import os
import re
import sys
from typing import NamedTuple

import jax
import numpy as np
from PIL import Image
from rich.console import Console
from rich.progress import track

from data_pipelines.errors import UserError
from data_pipelines.places import place
from itit_jax import config as settings
from itit_jax import exported, retold
from itit_jax.batches import batches_of
from itit_jax.recipes import base
from itit_jax.serve import asked, export, rerank, trained
from itit_jax.serve.pictures import Edit, fit
from itit_jax.towers import judge as judges
from itit_jax.towers.trained import open_towers

BATCH = 8  # rows a call; one compiled program serves any number of requests
# What a user may wish of a drawing, and the key of the config.
WISHES = {"rounds": "decode.rounds", "guidance": "decode.guidance"}
WISHES["temperature"] = "decode.temperature"
# Pickles and code of a hub's folder are never fetched.
FETCHED = ["*.json", "*.safetensors", "*.model", "*merges.txt", "*.md"]


class Session:
    """Draws texts, edits and captions pictures with a run's newest checkpoint or an export."""

    def __init__(self, folder, changes=()):
        """changes: "KEY=VALUE" of a run that may differ from what it was trained with."""
        folder = place(folder, bucket=True)
        if exported.is_export(folder):
            if changes:
                raise UserError(
                    f"{folder} is an export, whose config is fixed; take --config.{changes[0]} out "
                    "or give the workdir of its run."
                )
            self.trained = export.read(folder)
        else:
            self.trained = trained.of_run(folder, trained.config_of(folder, changes))
        self.config, self.vocabulary = self.trained.config, self.trained.vocabulary
        self.progress = True  # shown on a terminal
        self._drawer = functools.cache(self._make_drawer)
        self._judge = functools.cache(self._open_judge)

    @functools.cached_property
    def _captioner(self):
        return jax.jit(trained.able(self.trained, base.Captions).caption)

    @functools.cached_property
    def _answerer(self):
        return jax.jit(trained.able(self.trained, base.Answers).answer)

    def _make_drawer(self, ability, *wishes):
        """The compiled `draw` or `edit` with these WISHES; None: the run's own."""
        trained.able(self.trained, ability)
        wishes = dict(zip(WISHES.values(), wishes, strict=True))
        wishes = [f"{key}={value}" for key, value in wishes.items() if value is not None]
        recipe = base.find(settings.override(self.config, wishes, flag=""))
        return jax.jit(recipe.edit if ability is base.Edits else recipe.draw)

    def _drawer_for(self, ability, rounds=None, guidance=None, temperature=None):
        most = getattr(self.trained.recipe, "tokens", self.config.data.image_size**2)
        rounds = asked.whole("the number of steps (rounds)", rounds, most)
        guidance = asked.number("guidance", guidance)
        return self._drawer(ability, rounds, guidance, asked.number("temperature", temperature))

    def _open_judge(self, judge):
        ready = hasattr(judge, "image_features")
        return judge if ready else open_towers(place(judge, bucket=True))

    def draw(self, texts, *, seed=0, best_of=1, judge=None, **wishes):
        """A text, or several -> list of PIL pictures. Equal seeds and texts give equal pictures.

        seed: a number, or a key of JAX. wishes: `rounds`, `guidance` and `temperature` in place of
        the run's decode.rounds, ...; with a low temperature the surest tokens come first, and two
        drawings of one text are more alike. best_of: draws so many of each text and keeps the one
        that the judge likes best, see `ranked`.
        """
        judges.check(best_of, judge)
        wishes["seed"] = seed
        if best_of > 1:
            ranked = self.ranked(texts, best_of=best_of, judge=judge, **wishes)
            return [found.pictures[0] for found in ranked]
        return self._draw(texts, **wishes)

    def ranked(self, texts, *, best_of, judge, **wishes):
        """A text, or several -> list of rerank.Ranked: `best_of` drawings of each, of which the
        plain one of this seed is the first that is drawn. wishes: as in `draw`.

        judge: a folder with a run of towers or with published CLIP or SigLIP, or what has their
        `image_features`, `text_features` and `signature`.
        """
        judges.check(best_of, judge)
        texts = asked.texts(texts)
        if not texts:
            return []
        towers = self._judge(judge)
        drawn = self._draw(texts * best_of, **wishes)
        turns = [drawn[i : i + len(texts)] for i in range(0, len(drawn), len(texts))]
        return rerank.rank(towers, turns, texts)

    def _draw(self, texts, *, seed=0, **wishes):
        texts = asked.texts(texts)
        drawer = self._drawer_for(base.Draws, **wishes)
        if not texts:
            return []
        ids = self._ids(texts, words=retold.of(self.trained.recipe))
        return [Image.fromarray(p) for p in self._in_batches(drawer, seed, ids)]

    def say(self, text):
        """What whoever asks should know beside the answer."""
        print(text, file=sys.stderr, flush=True)

    def edit(self, pictures, texts, masks, *, seed=0, **wishes):
        """A picture, or several, of any size -> list of the same pictures, drawn anew from their
        texts where their masks are white; every other pixel stays as it was.

        masks: pictures, or arrays [h, w], each of its picture's size. Otherwise as `draw`.
        """
        pictures, masks = asked.pictures(pictures), asked.pictures(masks)
        texts = asked.texts(texts)
        if not len(pictures) == len(texts) == len(masks):
            raise UserError(
                f"there are {len(pictures)} pictures, {len(texts)} texts and {len(masks)} masks; "
                "give one of each for every picture."
            )
        if len(pictures) == 0:
            return []
        size = self.config.data.image_size
        edits = [Edit(picture, mask) for picture, mask in zip(pictures, masks)]
        pixels, redraw = zip(*((edit.pixels(size), edit.redraw(size)) for edit in edits))
        drawer = self._drawer_for(base.Edits, **wishes)
        drawn = self._in_batches(drawer, seed, pixels, self._ids(texts), redraw)
        return [edit.finish(picture) for edit, picture in zip(edits, drawn)]

    def _ids(
        self, texts, empty="a text to draw is empty; say what the picture should show.", words=None
    ):
        """Texts -> list of word ids int32 [t]; refuses what the run cannot read. words: a
        retold.Readable, where it reads in others than it writes in."""
        length = words.length if words else self.config.data.text_length
        words = words or self.vocabulary
        for text in texts:
            if not text.strip():
                raise UserError(empty)
            if (count := words.count(text)) > length:
                raise UserError(
                    f"the text '{text[:40]}...' has {count} tokens and this run reads {length}; "
                    "shorten it."
                )
            if (share := words.unknown(text)) > 0:
                self.say(
                    f"{share:.0%} of the pieces of '{text[:40]}' are unknown to the vocabulary of "
                    "this run and say nothing to it; use words that it was trained on."
                )
        return [words.encode(text, length) for text in texts]

    def caption(self, pictures, *, seed=0):
        """A picture, or several, of any size -> list of captions. Each is a path, a PIL picture
        or an array uint8 [h, w, 3]; [b, h, w, 3] are b of them."""
        pictures = asked.pictures(pictures)
        if not pictures:
            return []
        rows = [fit(picture, self.config.data.image_size) for picture in pictures]
        ids = self._in_batches(self._captioner, seed, rows)
        return [self.vocabulary.decode(row) for row in ids]

    def answer(self, pictures, questions, *, seed=0):
        """A picture, or several, as `caption` takes them, and a question about each -> list of
        answers. Of one picture any number of questions may be asked."""
        answerer = self._answerer
        pictures, questions = asked.pictures(pictures), asked.texts(questions)
        if len(pictures) == 1:
            pictures = pictures * len(questions)
        if len(pictures) != len(questions):
            raise UserError(
                f"there are {len(pictures)} pictures and {len(questions)} questions; give one of "
                "each for every picture, or one picture."
            )
        if not pictures:
            return []
        rows = [fit(picture, self.config.data.image_size) for picture in pictures]
        words = self._ids(questions, "a question is empty; ask something about the picture.")
        found = self._in_batches(answerer, seed, rows, words)
        return [self.vocabulary.decode(ids) for ids in found]

    def _in_batches(self, function, seed, *columns):
        """function(params, arrays [BATCH, ...] of each column, key) over all rows -> its rows."""
        out, first = [], asked.key(seed)
        batches = list(batches_of(zip(*columns), BATCH))
        quiet = not self.progress or len(batches) == 1 or not sys.stderr.isatty()
        for number, (rows, count) in enumerate(
            track(batches, "", console=Console(stderr=True), disable=quiet, transient=True)
        ):
            key = jax.random.fold_in(first, number)
            arrays = (np.stack(column) for column in zip(*rows))
            out.extend(np.asarray(function(self.trained.params, *arrays, key))[:count])
        return out


class Drawn(NamedTuple):
    """What a call returns."""

    images: list[Image.Image]


class Pipeline:
    """A Session under the names of diffusers."""

    def __init__(self, session):
        self.session = session

    @classmethod
    def from_pretrained(
        cls, path, *, revision=None, cache_dir=None, local_files_only=False, token=None
    ):
        """path: a folder that --mode=export or `save_pretrained` wrote, or a hub's OWNER/NAME.

        Of a hub: revision, a branch, tag or commit; cache_dir, where it is kept; local_files_only,
        nothing is fetched; token, whose rights.
        """
        path = place(path, bucket=True)
        if not os.path.exists(path) and re.fullmatch(r"[\w.-]+/[\w.-]+", path):
            path = fetch(path, revision=revision, cache_dir=cache_dir,
                         local_files_only=local_files_only, token=token)  # fmt: skip
        elif revision:
            raise UserError(f"{path} is a folder and has no revision '{revision}'; leave it out.")
        if not exported.is_export(path):
            raise UserError(
                f"{path} holds no {exported.ABOUT}; give a folder that --mode=export wrote."
            )
        return cls(Session(path))

    def save_pretrained(self, folder):
        """The same files again, into a fresh folder."""
        export.write(self.session.trained, place(folder))

    def set_progress_bar_config(self, *, disable=False):
        """Whether a bar tells on a terminal how many of the batches are done."""
        self.session.progress = not disable

    def __call__(
        self, prompt, *, num_images_per_prompt=1, num_inference_steps=None, guidance_scale=None,
        generator=0, temperature=None, output_type="pil", best_of=1, judge=None, **others,
    ):  # fmt: skip
        """A text, or several -> Drawn with `num_images_per_prompt` pictures of each, text after
        text.

        num_inference_steps: rounds of parallel decoding. guidance_scale: Muse's convention, logits
        (1 + s) conditional - s unconditional, so 0 is off; diffusers' 1 is our 0, its 4 our 3.
        temperature: of the order in which tokens are settled. All are the run's own where they are
        None. generator: a seed or a key of JAX; equal ones give equal pictures. output_type: "pil",
        or "np" for float32 [n, h, w, 3] in [0, 1]. best_of, judge: each picture is the best of so
        many, as in
        Session.draw.
        """
        _check_known(others)
        if output_type not in ("pil", "np"):
            raise UserError(f"output_type is {output_type!r}; give 'pil' or 'np'.")
        count = asked.whole("num_images_per_prompt", num_images_per_prompt) or 1
        texts = [text for text in asked.texts(prompt) for _ in range(count)]
        wishes = dict(rounds=num_inference_steps, guidance=guidance_scale, temperature=temperature)
        seed = 0 if generator is None else generator
        images = self.session.draw(texts, seed=seed, best_of=best_of, judge=judge, **wishes)
        if output_type == "np":
            side = self.session.config.data.image_size
            images = np.reshape(np.array([*map(np.asarray, images)]), (-1, side, side, 3)) / 255
            images = images.astype(np.float32)
        return Drawn(images)

    def caption(self, images, *, seed=0):
        """As Session.caption."""
        return self.session.caption(images, seed=seed)

    def answer(self, images, questions, *, seed=0):
        """As Session.answer."""
        return self.session.answer(images, questions, seed=seed)


# What diffusers' pipelines take and this one does not, and what to do.
ABSENT = {
    "negative_prompt": "guidance leads away from no text at all; say in the prompt what is wanted",
    "height": "pictures have the size of the run; scale them afterwards",
    "width": "pictures have the size of the run; scale them afterwards",
    "num_images": "it is num_images_per_prompt",
    "steps": "it is num_inference_steps",
    "seed": "it is generator",
}


def _check_known(others):
    """UserError on the first of other arguments that asks for something."""
    for name, value in others.items():
        if name not in ABSENT or not (value is None or isinstance(value, str) and not value):
            why = ABSENT.get(name, "help(Pipeline.__call__) lists what there is")
            raise UserError(f"a drawing takes no {name}: {why}.")


def fetch(name, **how):
    """Folder of OWNER/NAME from the Hugging Face hub. how: as its snapshot_download takes it."""
    try:
        from huggingface_hub import snapshot_download
    except ImportError:
        raise UserError(
            f"{name} is no folder here, and to fetch it from the hub huggingface_hub is needed; "
            "pip install 'itit_jax[hub]', or give a folder."
        ) from None
    try:
        return snapshot_download(name, allow_patterns=FETCHED, **how)
    except Exception as error:  # whatever its HTTP library raises
        reason = (str(error).splitlines() or [""])[0]
        raise UserError(
            f"{name} is no folder here and cannot be fetched from the hub "
            f"({type(error).__name__}: {reason}); mend the name or the network."
        ) from error
