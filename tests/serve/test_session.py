"""An export, asked by the calls of diffusers, beside the run that it came from."""

import fnmatch
import functools
import io
import pathlib
import re
import sys
import types

import jax
import numpy as np
import pytest

from data_pipelines.errors import UserError
from data_pipelines.words.find import KINDS
from itit_jax.exported import read_about
from itit_jax.models import vqgan
from itit_jax.serve import cli
from itit_jax.serve.session import BATCH, Pipeline, Session

ROOT = pathlib.Path(__file__).parents[2]
TEXT = "a big red circle"


@pytest.fixture(scope="module")
def pipe(exported):
    return Pipeline.from_pretrained(exported)


@pytest.fixture(scope="module")
def session(trained):
    return Session(trained)


def test_it_draws_and_captions_as_the_run_does(pipe, session):
    texts = [TEXT, TEXT, "a small cross", "a small cross"]
    drawn = pipe([TEXT, "a small cross"], num_images_per_prompt=2, generator=5).images
    expected = session.draw(texts, seed=5)
    assert len(drawn) == 4
    assert all(np.array_equal(a, b) for a, b in zip(drawn, expected))
    assert pipe.caption(drawn) == session.caption(expected)
    assert pipe.caption(drawn[0]) == session.caption(expected)[:1]


def test_nothing_asked_is_nothing_given(pipe):
    assert pipe([]).images == [] and pipe.caption([]) == []


def test_steps_and_guidance_reach_the_decoding(pipe):
    # Much guidance: after a dozen steps of training the text hardly matters.
    drawn = pipe(
        TEXT, num_images_per_prompt=BATCH, num_inference_steps=3, guidance_scale=40, generator=1
    ).images
    model = pipe.session.trained
    recipe, params = model.recipe, model.params
    words = np.stack([model.vocabulary.encode(TEXT, 24)] * BATCH)
    key = jax.random.fold_in(jax.random.key(1), 0)
    draw = recipe.generation.draw_tokens
    draw = functools.partial(draw, rounds=3, temperature=1.0, guidance=40)
    told = recipe.text_features
    ids = jax.jit(lambda p, words, key: draw(p, *told(p, words), key))(params, words, key)
    decoded = recipe.tokenizer.apply({"params": params["tokenizer"]}, ids, method="decode")
    np.testing.assert_array_equal(np.stack(drawn), vqgan.to_pixels(decoded))


def test_edits_are_drawn_in_the_picture_that_was_given(session):
    """More than a batch; texts, masks and pictures stay together, also of different sizes."""
    rng = np.random.default_rng(0)
    sizes = [(16, 16)] * 7 + [(48, 40), (9, 30)]
    pictures = [rng.integers(0, 255, (*size, 3), np.uint8) for size in sizes]
    masks = [np.zeros(size, bool) for size in sizes]
    for mask in masks:
        mask[4:8, 12:16] = True
    edited = session.edit(pictures, [TEXT] * 9, masks, seed=2)
    for picture, mask, found in zip(pictures, masks, map(np.asarray, edited)):
        np.testing.assert_array_equal(found[~mask], picture[~mask])
        assert (found[mask] != picture[mask]).any()
    again = session.edit(pictures, [TEXT] * 9, masks, seed=2)
    assert all(np.array_equal(a, b) for a, b in zip(edited, again))


def test_an_edit_asks_for_a_text_and_a_mask_of_each_picture(session):
    assert session.edit([], [], []) == []
    with pytest.raises(UserError, match="1 pictures, 2 texts and 1 masks; give one of each"):
        session.edit([np.zeros((16, 16, 3), np.uint8)], [TEXT] * 2, [np.ones((16, 16), bool)])


def test_saving_and_opening_again_changes_no_byte(pipe, exported, tmp_path):
    pipe.save_pretrained(tmp_path / "again")
    for file in exported.rglob("*"):
        if file.is_file():
            again = tmp_path / "again" / file.relative_to(exported)
            assert again.read_bytes() == file.read_bytes(), file


def test_the_command_line_takes_an_export_too(exported, pipe, tmp_path, capsys):
    out = tmp_path / "x.png"
    assert cli.main(["draw", TEXT, f"--out={out}", f"--workdir={exported}", "--scale=1"]) == 0
    from PIL import Image

    np.testing.assert_array_equal(Image.open(out), pipe(TEXT).images[0])


def test_a_name_of_a_hub_is_fetched_without_pickles(exported, monkeypatch):
    asked = {}

    def snapshot_download(name, allow_patterns, **how):
        asked[name] = allow_patterns, how
        return str(exported)

    hub = types.SimpleNamespace(snapshot_download=snapshot_download)
    monkeypatch.setitem(sys.modules, "huggingface_hub", hub)
    pin = dict(revision="v1", cache_dir="here", local_files_only=True, token="x")
    assert Pipeline.from_pretrained("someone/circles", **pin).session.trained.step == 12
    ((patterns, how),) = asked.values()
    assert how == pin
    assert "*.safetensors" in patterns and not {"*.bin", "*.py", "*"} & set(patterns)
    words = (f"tokenizer/{name}" for _, names in KINDS for name in names)
    for sealed in (*read_about(exported)["sha256"], *words):
        assert any(fnmatch.fnmatch(sealed, pattern) for pattern in patterns), sealed


def fail(*_, **__):
    raise ConnectionError("no route\nto the hub")


@pytest.mark.parametrize(
    "hub, sentence",
    [
        (None, "pip install 'itit_jax[hub]'"),
        (types.SimpleNamespace(snapshot_download=fail), "ConnectionError: no route); mend"),
    ],
)
def test_a_name_that_cannot_be_fetched_is_one_sentence(hub, sentence, monkeypatch):
    monkeypatch.setitem(sys.modules, "huggingface_hub", hub)
    with pytest.raises(UserError) as error:
        Pipeline.from_pretrained("someone/circles")
    assert sentence in str(error.value) and "\n" not in str(error.value)


def test_another_folder_is_one_sentence(trained, tmp_path):
    for folder in (trained, tmp_path, tmp_path / "nowhere"):
        with pytest.raises(UserError, match="holds no itit_jax.json; give a folder that"):
            Pipeline.from_pretrained(folder)


@pytest.mark.parametrize(
    "wish, sentence",
    [
        (dict(num_images_per_prompt=0), "num_images_per_prompt is 0 "),
        (dict(num_images_per_prompt="4"), "num_images_per_prompt is '4' "),
        (dict(num_inference_steps=0), "steps .rounds. is 0 .int.; give a whole number from 1"),
        (dict(num_inference_steps=2.5), "steps .rounds. is 2.5"),
        (dict(num_inference_steps=True), "steps .rounds. is True"),
        (dict(num_inference_steps=10_000), "is 10,000 and a picture has 4 tokens; ask for no"),
        (dict(guidance_scale=-1), "guidance is -1"),
        (dict(guidance_scale=float("nan")), "guidance is nan"),
        (dict(guidance_scale="much"), "guidance is 'much'"),
        (dict(temperature=-1), "temperature is -1"),
        (dict(output_type="latent"), "output_type is 'latent'; give 'pil' or 'np'"),
        (dict(generator=-1), "-1 .int. is no seed; give a whole number from 0"),
        (dict(generator=2**32), "is no seed"),
        (dict(generator=1.5), "is no seed"),
        (dict(generator="x"), "is no seed"),
        (dict(generator=np.zeros(2, np.uint32)), "is no seed"),
        (dict(generator=jax.random.split(jax.random.key(0))), "is no seed"),
        (dict(negative_prompt="blue"), "takes no negative_prompt: guidance leads away from"),
        (dict(num_images=4), "takes no num_images: it is num_images_per_prompt"),
        (dict(seed=4), "takes no seed: it is generator"),
        (dict(eta=0.3), "takes no eta: help.Pipeline.__call__. lists"),
    ],
)
def test_a_wrong_wish_is_one_sentence(pipe, wish, sentence):
    with pytest.raises(UserError, match=sentence):
        pipe(TEXT, **wish)


def test_a_seed_is_a_number_or_a_key_of_jax(pipe):
    drawn = [
        np.stack([*map(np.asarray, pipe(TEXT, generator=seed).images)])
        for seed in (3, np.int64(3), jax.random.key(3), jax.random.PRNGKey(3), 4)
    ]
    for other in drawn[1:4]:
        np.testing.assert_array_equal(drawn[0], other)
    assert (drawn[0] != drawn[4]).any()
    wishes = dict(negative_prompt=None, height=None, generator=None)
    assert pipe(TEXT, **wishes).images == pipe(TEXT).images


def test_arrays_are_pictures_in_shares_of_white(pipe):
    found = pipe(TEXT, num_images_per_prompt=3, output_type="np").images
    assert found.shape == (3, 16, 16, 3) and found.dtype == np.float32
    wanted = np.stack([*map(np.asarray, pipe(TEXT, num_images_per_prompt=3).images)])
    np.testing.assert_allclose(found * 255, wanted, atol=1e-4)
    assert pipe([], output_type="np").images.shape == (0, 16, 16, 3)


def test_drawings_of_one_text_are_drawn_apart(pipe):
    """More than a batch of them; without any temperature they differ by chance of the ids alone."""
    found = pipe(TEXT, num_images_per_prompt=BATCH + 2, temperature=50.0).images
    assert len({np.asarray(picture).tobytes() for picture in found}) == BATCH + 2


class Terminal(io.StringIO):
    """What rich takes for one."""

    isatty = lambda self: True


@pytest.mark.parametrize("rows, disable, told", [
    (BATCH + 1, False, True), (BATCH + 1, True, False), (BATCH, False, False),
])  # fmt: skip
def test_a_bar_tells_of_several_batches_unless_it_is_turned_off(rows, disable, told, monkeypatch):
    session = Session.__new__(Session)
    session.progress, session.trained = True, types.SimpleNamespace(params=None)
    monkeypatch.setattr(sys, "stderr", screen := Terminal())
    Pipeline(session).set_progress_bar_config(disable=disable)
    found = session._in_batches(lambda params, row, key: row, 0, list(range(rows)))
    assert found == [*range(rows)] and bool(screen.getvalue()) == told


def test_one_text_and_one_picture_are_one(session, tmp_path):
    (drawn,) = session.draw(TEXT, seed=5)
    np.testing.assert_array_equal(drawn, session.draw([TEXT], seed=5)[0])
    drawn.save(tmp_path / "x.png")
    said = session.caption([drawn])
    assert session.caption(drawn) == session.caption(tmp_path / "x.png") == said
    mask = np.ones((16, 16), bool)
    (edited,) = session.edit(drawn, TEXT, mask, seed=1)
    np.testing.assert_array_equal(edited, session.edit([drawn], [TEXT], [mask], seed=1)[0])
    with pytest.raises(UserError, match="is no text"):
        session.draw([TEXT, 3])


def test_letters_that_the_vocabulary_does_not_know_are_told(session, capsys):
    session.draw(["a red circle", "a \u7ea2 circle"])
    told = capsys.readouterr().err.splitlines()
    assert len(told) == 1 and "% of the pieces of 'a \u7ea2 circle' are unknown" in told[0]


def test_the_script_of_the_readme_runs(exported, tmp_path, monkeypatch, capsys):
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.S)
    (script,) = [block for block in blocks if "Pipeline.from_pretrained" in block]
    monkeypatch.chdir(tmp_path)
    exec(script.replace('"DIR"', repr(str(exported))), {})
    assert sorted(file.name for file in tmp_path.iterdir()) == [f"{i}.png" for i in range(4)]
    assert len(re.findall(r"^\d.png, drawn of 'a .*', shows ", capsys.readouterr().out, re.M)) == 4
