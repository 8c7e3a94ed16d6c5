"""C3 on published weights: CLIP reads in its words, GPT-2 writes in its own, and both are found."""

import json
import types

import jax
import numpy as np
import pytest

from configs import c3_tiny
from data_pipelines.errors import UserError
from data_pipelines.words.bpe import Bpe
from data_pipelines.words.t5_layout import FIRST
from data_pipelines.words.train import training_texts
from itit_jax import inputs, main
from itit_jax.models.gpt2 import GPT2
from itit_jax.models.towers import CLIP_PIXELS, ImageTower, TextTower, Towers
from itit_jax.recipes.c3 import Recipe
from itit_jax.retold import READ
from itit_jax.serve.ecosystem import towers_config
from itit_jax.serve.session import Session
from itit_jax.towers.published import load_towers
from itit_jax.weights import load as weights
from itit_jax.weights.told import gpt2_config
from tests import runs, tiny
from tests.data_pipelines.words import byte_bpe

SIZE, FEATURES, WORDS = 16, 12, 24
TEXTS = ["a red circle in the top left", "two blue squares"] * 2


def network(vocabulary):
    """A small GPT-2 as it is published: more places than are used."""
    return GPT2(16, 2, 2, 32, vocabulary, 64, scan=False)


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    """A folder as CLIP's are: random weights, settings, and a vocabulary of its own."""
    folder = tmp_path_factory.mktemp("clip")
    byte_bpe.write(folder, byte_bpe.learn(TEXTS, 30, "</w>"), "</w>")
    words = Bpe(folder / "vocab.json", folder / "merges.txt")
    words._table.save(str(folder / "tokenizer.json"))
    sizes = dict(width=16, mlp_width=20, depth=2, features=FEATURES, activation="quick_gelu",
                 epsilon=1e-5)  # fmt: skip
    image = ImageTower(size=SIZE, patch=8, heads=2, probe=False, pixels=CLIP_PIXELS, **sizes)
    text = TextTower(words.size, WORDS, heads=2, end=words.end, **sizes)
    module = Towers(image, text)
    shapes = jax.eval_shape(
        module.init, jax.random.key(0), np.zeros((1, SIZE, SIZE, 3), np.uint8),
        np.zeros((1, WORDS), np.int32),
    )["params"]  # fmt: skip
    weights.save(tiny.filled(shapes), "clip", folder / "model.safetensors")
    (folder / "config.json").write_text(json.dumps(towers_config(module)))
    return folder


@pytest.fixture(scope="module")
def gpt2(tmp_path_factory):
    """A folder as GPT-2's are."""
    folder = tmp_path_factory.mktemp("gpt2")
    byte_bpe.write(folder, byte_bpe.learn(TEXTS, 40, ""), "")
    words = Bpe(folder / "vocab.json", folder / "merges.txt")
    module = network(words.size)
    arguments = np.zeros((1, 1, 16), np.float32), np.zeros((1, 4), np.int32)
    shapes = jax.eval_shape(module.init, jax.random.key(0), *arguments)["params"]
    weights.save(tiny.filled(shapes), "gpt2", folder / "model.safetensors")
    (folder / "config.json").write_text(json.dumps(gpt2_config(module)))
    return folder


@pytest.fixture(scope="module")
def config(clip, gpt2, easy):
    c = c3_tiny.get_config()
    c.data.update(path=str(easy), image_size=SIZE, vocabulary=str(gpt2))
    c.data.rows.update(texts=8, images=0)
    c.tower.weights, c.decoder.weights = str(clip), str(gpt2)
    c.model.vocabulary_size = FIRST + Bpe(gpt2 / "vocab.json", gpt2 / "merges.txt").size
    c.model.captioner.update(prefix=2, width=16, depth=2, heads=2, mlp_width=32)
    return c


def test_the_decoder_gives_the_logits_of_gpt2_two_places_higher(config, gpt2):
    recipe = Recipe(config)
    shapes = jax.eval_shape(recipe.init, jax.random.key(0))["decoder"]
    here = jax.sharding.SingleDeviceSharding(jax.devices()[0])
    shapes = jax.tree.map(lambda x: jax.ShapeDtypeStruct(x.shape, x.dtype, sharding=here), shapes)
    ours = recipe.loads["decoder"](gpt2, shapes)
    theirs = network(config.model.vocabulary_size - 2)
    arguments = np.zeros((1, 1, 16), np.float32), np.zeros((1, 4), np.int32)
    whole = jax.eval_shape(theirs.init, jax.random.key(0), *arguments)["params"]
    whole = jax.tree.map(lambda x: jax.ShapeDtypeStruct(x.shape, x.dtype, sharding=here), whole)
    published = weights.load(gpt2, whole)
    rng = np.random.default_rng(0)
    prefix = rng.normal(size=(2, 2, 16)).astype(np.float32)
    words = rng.integers(0, theirs.vocabulary_size, (2, 9))
    expected = theirs.apply({"params": published}, prefix, words)
    found = recipe.captioner.decoder.apply({"params": ours}, prefix, words + 2)
    np.testing.assert_allclose(found[..., 2:], expected, atol=1e-5)
    np.testing.assert_allclose(found[..., 1], expected[..., -1], atol=1e-5)  # <|endoftext|>


def test_the_tower_reads_the_same_texts_in_its_own_words(config, clip):
    recipe, towers = Recipe(config), load_towers(clip)
    streams = inputs.open_streams(config, recipe, 0, 1)
    _, batch = next(inputs.read_streams(config, streams, recipe, 0))
    rows = batch["texts"]
    assert {name: (x.shape, x.dtype) for name, x in rows.items()} == {
        name: (x.shape, x.dtype) for name, x in recipe.batch_spec["texts"].items()
    }
    texts = [streams.vocabulary.decode(ids) for ids in rows["text"]]
    whole = set(training_texts(config.data.path))  # of which a vocabulary of bytes cuts some
    assert all(text and any(one.startswith(text) for one in whole) for text in texts)
    found = recipe.embed_texts({"tower": towers.params}, rows[READ])
    expected = towers.text_features(texts)
    expected /= np.linalg.norm(expected, axis=1, keepdims=True)
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_what_the_tower_cannot_read_whole_is_not_drawn(config, capsys):
    session = object.__new__(Session)
    session.config, session.trained = config, types.SimpleNamespace(recipe=Recipe(config))
    session._drawer_for = lambda ability: None
    session._in_batches = lambda drawer, seed, ids: [np.full((1, 1, 3), len(ids), np.uint8)]
    with pytest.raises(UserError, match="a text to draw is empty"):
        session.draw([TEXTS[0], "  "])
    whole = "a red circle in" + " the" * WORDS
    count = session.trained.recipe.reads.count(whole)
    with pytest.raises(UserError, match=f"has {count} tokens and this run reads {WORDS}; shorten"):
        session.draw(whole)
    assert count > WORDS and session.draw(TEXTS[0]) and not capsys.readouterr().err


@pytest.mark.long
def test_a_run_on_both_trains_captions_draws_and_is_told_when_its_words_are_others(
    config, clip, gpt2, easy, tokenizer, tmp_path
):
    workdir = tmp_path / "run"
    runs.run(
        "--config=configs/c3_tiny.py", f"--workdir={workdir}", f"--config.data.path={easy}",
        f"--config.data.image_size={SIZE}", f"--config.data.vocabulary={gpt2}",
        f"--config.tower.weights={clip}", f"--config.decoder.weights={gpt2}",
        f"--config.model.vocabulary_size={config.model.vocabulary_size}",
        f"--config.tokenizer.workdir={tokenizer}", "--config.data.rows.texts=8",
        "--config.data.rows.images=8", "--config.model.captioner.prefix=2",
        "--config.model.captioner.width=16", "--config.model.captioner.heads=2",
        "--config.model.captioner.mlp_width=32", "--config.model.drawer.width=16",
        "--config.model.drawer.depth=1", "--config.model.drawer.image_depth=1",
        "--config.model.drawer.heads=2", "--config.model.drawer.mlp_width=16",
        "--config.optimizer.warmup_steps=1", "--config.train.steps=2", "--config.decode.rounds=2",
        "--config.evaluate.examples=4", "--config.evaluate.scenes=",
        "--config.evaluate.splits=test,", "--config.sample.rows=2",
    )  # fmt: skip
    session = Session(workdir)
    (picture,) = session.draw(TEXTS[0])
    assert picture.size == (SIZE, SIZE) and isinstance(session.caption(picture)[0], str)
    assert main.main(["--mode=export", f"--workdir={workdir}", f"--out={tmp_path / 'out'}"]) == 0
    table = clip / "tokenizer.json"
    table.rename(clip / "away")
    given = Session(tmp_path / "out")  # which asks no other folder
    (clip / "away").rename(table)
    assert given.caption(picture) == session.caption(picture)
    assert given.draw(TEXTS[0])[0].tobytes() == picture.tobytes()
    told = json.loads((tmp_path / "out/tower/config.json").read_text())
    assert told["text_config"]["eos_token_id"] == Bpe(clip / "tokenizer.json").end
    before = table.read_text()
    table.write_text(before + "\n")
    try:
        with pytest.raises(UserError, match="words of the tower is not the one that"):
            Session(workdir)
    finally:
        table.write_text(before)


@pytest.mark.parametrize(
    "change, sentence",
    [
        (
            "data.image_size=32",
            "data.image_size is 32, but the tower in .* --config.data.image_size=16",
        ),
        ("model.captioner.heads=4", "has 2 attention heads, which no tensor tells, and this run 4"),
        ("model.vocabulary_size=400", "words and 64 places, and this run 400 and 26; set"),
    ],
)
def test_what_does_not_fit_the_weights_is_one_sentence(change, sentence, config, gpt2):
    from itit_jax import config as settings

    other = settings.override(config, [change], flag="")
    with pytest.raises(UserError, match=sentence):
        recipe = Recipe(other)
        shapes = jax.eval_shape(recipe.init, jax.random.key(0))
        recipe.loads["decoder"](gpt2, shapes["decoder"])
