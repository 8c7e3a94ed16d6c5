"""Which word belongs to which object: asked of spaces whose answer is known."""

import json
import zlib

import numpy as np

from data_pipelines.scenes.oracle import read_caption
from data_pipelines.scenes.world import PRESETS, Scene
from itit_jax.evaluation import binding

TINY = PRESETS["tiny"]
SCENES = [
    Scene.parse("0-big-red-circle+3-small-blue-square"),
    Scene.parse("0-big-red-circle"),  # one object binds nothing
    Scene.parse("1-big-red-circle+2-big-blue-circle"),
]


class Space:
    """Pictures and texts as counts of words: wherever they stand, or each at its place."""

    def __init__(self, ordered):
        self.ordered = ordered

    def text_features(self, texts):
        return np.stack([self._counts(text) for text in texts])

    image_features = text_features  # here a picture is its caption

    def _counts(self, text):
        counts = np.full(997, 1e-3)
        for place, word in enumerate(text.split()):
            counts[(zlib.crc32(word.encode()) + 31 * place * self.ordered) % 997] += 1
        return counts


def shares(ordered):
    pictures = [binding.said(scene, TINY) for scene in SCENES]
    return {k: v[0] for k, v in binding.score(Space(ordered), SCENES, pictures, TINY).items()}


def test_a_space_that_hears_no_order_is_never_nearer_and_one_that_does_always():
    assert set(shares(True).values()) == {1.0}
    assert shares(False)["all"] == 0.0


def test_an_exchange_is_another_scene_in_the_same_words():
    for name in binding.EXCHANGES:
        other = binding.exchanged(SCENES[0], name)
        own, theirs = binding.said(SCENES[0], TINY), binding.said(other, TINY)
        assert own != theirs and sorted(own.split()) == sorted(theirs.split())
        assert read_caption(theirs, TINY) == other.objects
    assert binding.exchanged(SCENES[2], "shape") is None, "both are circles"


def test_the_command_leaves_what_it_prints(towers_run, easy, tmp_path, capsys):
    out = tmp_path / "binding.json"
    assert binding.main([f"{easy}:test", f"--tower={towers_run}", f"--out={out}"]) == 0
    found = json.loads(out.read_text())
    assert set(binding.EXCHANGES) <= set(found) and 0 <= found["all"][0] <= 1
    assert f"colour   {found['colour'][0]:.3f}" in capsys.readouterr().out
