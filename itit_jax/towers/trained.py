"""Towers of a run, asked as published ones are; and whichever of the two lies at a path."""

import jax

from data_pipelines.errors import UserError
from data_pipelines.images import fit
from itit_jax import compiled, inputs, parts
from itit_jax.checkpoints import Checkpoints
from itit_jax.companions import fingerprint
from itit_jax.recipes import base
from itit_jax.towers.published import load_towers, rows_of
from itit_jax.workdir import Workdir

BEGIN = 0  # the step before the first


def open_towers(path):
    """Towers of the workdir of a run, or published ones of a file or folder."""
    run = Workdir(path)
    if not run.local or run.checkpoints.exists():  # a bucket holds runs alone
        return TrainedTowers(path)
    return load_towers(path)


class TrainedTowers:
    """Of the newest checkpoint of a run, or of the one after `step` steps. `signature` names them
    in every score."""

    def __init__(self, workdir, step=None):
        self.run = Workdir(workdir)
        self.config = self.run.config()
        self.recipe = base.find(self.config)
        if not isinstance(self.recipe, base.Embeds):
            raise UserError(
                f"{workdir} is a run of {self.config.recipe}, which has no towers; give a run of "
                "configs/towers_tiny.py, or published weights."
            )
        compiled.keep(self.config.compile_cache)
        self._words = inputs.kept_vocabulary(self.run)
        self._image, self._text = map(jax.jit, (self.recipe.embed_images, self.recipe.embed_texts))
        self.take(step)

    def take(self, step=None):
        """Go to another step: the newest, or one of `steps`."""
        if step == BEGIN:
            self.params, self.step = jax.jit(self.recipe.init)(jax.random.key(self.config.seed)), 0
        else:
            self.params, self.step = parts.restore_params(self.recipe, self.config, self.run, step)
        name = f"{self.config.recipe}-step{self.step}"
        self.signature = f"{name}-{fingerprint(self.params)[:12]}"

    def steps(self):
        """Steps that can be looked at: the start, where it can be made again, and checkpoints."""
        begin = [] if any(self.recipe.weights_from.values()) else [BEGIN]
        return begin + sorted(Checkpoints(self.run).steps())

    def image_features(self, pictures):
        """uint8 [b, h, w, 3], or b arrays [h, w, 3], of any size -> float32 [b, d] of length 1."""
        size = self.config.data.image_size
        return rows_of(self._image, self.params, [fit(picture, size) for picture in pictures])

    def text_features(self, texts):
        """b strings -> float32 [b, d] of length 1."""
        length = self.config.data.text_length
        ids = [self._words.encode(text, length) for text in texts]
        return rows_of(self._text, self.params, ids)
