"""ERNIE-ViLG: its losses by hand, what learns, what it draws and says, and a whole run."""

import functools
import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from benchmarks import traced_flops
from configs import ernie_vilg_tiny
from itit_jax import config as settings
from itit_jax.program import describe
from itit_jax.recipes import base
from itit_jax.recipes.ernie_vilg import Recipe
from tests import tiny

KEY, ROWS, WORDS, LENGTH = jax.random.key(3), 3, 40, 6


ANSWERS = dict(
    data__rows__draw=0, data__rows__caption=0, data__rows__questions=ROWS, data__answer_length=4
)


def small(**changes):
    c = ernie_vilg_tiny.get_config()
    c.data.text_length = LENGTH
    c.data.rows.update(draw=ROWS, caption=ROWS)
    c.model.update(width=16, depth=1, heads=2, mlp_width=16, vocabulary_size=WORDS)
    return settings.override(c, [f"{key.replace('__', '.')}={v}" for key, v in changes.items()])


@functools.cache
def recipe(**changes):
    return Recipe(small(**changes))


@functools.cache
def params():
    return tiny.filled(jax.eval_shape(recipe().init, jax.random.key(0)))


@functools.cache
def batch():
    rows = tiny.batch(rows=ROWS)
    return {name: rows[name] | {"text": rows[name]["text"][:, -LENGTH:]}
            for name in ("draw", "caption")}  # fmt: skip


def log_p(logits, ids):
    """Of each id, in float64 numpy."""
    logits = np.asarray(logits, np.float64)
    norm = np.log(np.exp(logits).sum(-1))
    return np.take_along_axis(logits, np.asarray(ids)[..., None], -1)[..., 0] - norm


@pytest.mark.parametrize("over", ["sum", "mean"])
def test_the_losses_are_sums_of_log_probabilities_or_means_of_a_token(over):
    r, rows = recipe(loss__over_tokens=over), batch()
    metrics = jax.jit(r.loss)(params(), rows, KEY, 0, params())[1]
    tokens, words = rows["draw"]["tokens"], rows["caption"]["text"]
    drawn = log_p(r.draw_logits(params(), rows["draw"]["text"], tokens), tokens)
    said = log_p(r.caption_logits(params(), rows["caption"]["tokens"], words), words)
    said = said * (np.asarray(words) > 0)
    by_hand = {
        "sum": (-drawn.sum(1).mean(), -said.sum(1).mean()),
        "mean": (-drawn.mean(), -said.sum() / np.sum(np.asarray(words) > 0)),
    }[over]
    np.testing.assert_allclose((metrics["draw"], metrics["caption"]), by_hand, rtol=1e-5)
    np.testing.assert_allclose(metrics["loss"], sum(by_hand), rtol=1e-5)


def test_the_tokenizer_is_fixed_in_both_directions():
    program = describe(small(), jax.devices()[:1])
    assert program.state.params.keys() == {"model"} and program.frozen.keys() == {"tokenizer"}
    images = jnp.zeros((ROWS, tiny.IMAGE, tiny.IMAGE, 3), jnp.uint8)
    rows = {name: {"image": images, "text": rows["text"]} for name, rows in batch().items()}
    grads = jax.jit(jax.grad(lambda p: recipe().loss(p, rows, KEY, 0, p)[0]))(params())
    assert not any(np.any(leaf) for leaf in jax.tree.leaves(grads["tokenizer"]))


def test_an_answer_is_learned_from_the_picture_and_its_question_alone():
    """The loss by hand; and no word of the answer reaches a place before it."""
    r, tokens = recipe(**ANSWERS), batch()["draw"]["tokens"]
    question, answer = batch()["draw"]["text"], batch()["caption"]["text"][:, -4:]
    rows = {"questions": {"tokens": tokens, "question": question, "answer": answer}}
    loss, metrics = jax.jit(r.loss)(params(), rows, KEY, 0, params())
    logits = jax.jit(r.caption_logits)(params(), tokens, answer, question)
    by_hand = -(log_p(logits, answer) * (np.asarray(answer) > 0)).sum(1).mean()
    np.testing.assert_allclose((loss, metrics["answer"]), by_hand, rtol=1e-5)
    other = jax.jit(r.caption_logits)(params(), tokens, answer.at[:, 1:].set(7), question)
    np.testing.assert_array_equal(other[:, :2], logits[:, :2])
    assert np.abs(other[:, 2] - logits[:, 2]).max() > 1e-3
    asked = jax.jit(r.caption_logits)(params(), tokens, answer, question[::-1])
    assert np.abs(asked[:, 0] - logits[:, 0]).max() > 1e-3


def test_a_run_that_learned_no_answers_does_not_answer():
    assert isinstance(recipe(**ANSWERS), base.Answers) and not isinstance(recipe(), base.Answers)
    r, question = recipe(**ANSWERS), batch()["draw"]["text"]
    images = np.random.default_rng(0).integers(0, 256, (ROWS, 16, 16, 3)).astype(np.uint8)
    ids = np.asarray(jax.jit(r.answer)(params(), images, question, KEY))
    tokens = r.image_ids(params(), {"image": images})
    logits = r.caption_logits(params(), tokens, ids, question)
    told = np.cumsum(ids == 1, axis=1) - (ids == 1) == 0
    likeliest = np.argmax(logits, -1)
    assert ids.shape == (ROWS, 4) and np.all((ids == likeliest)[told])


@pytest.mark.parametrize("kind", ["image", "text"])
def test_greedy_decoding_takes_the_likeliest_token_given_those_before(kind):
    r = recipe(decode__temperature=0)
    source, length = batch()["draw"]["tokens" if kind == "text" else "text"], LENGTH
    if kind == "image":
        ids, length = jax.jit(r.draw_ids)(params(), source, KEY), tiny.TOKENS
        logits = r.draw_logits(params(), source, ids)
    else:
        ids = jax.jit(r.caption_ids)(params(), source, KEY)
        logits = r.caption_logits(params(), source, ids)
    best = np.asarray(jnp.argmax(logits, axis=-1))
    told = np.cumsum(np.asarray(ids) == 1, axis=1) - (np.asarray(ids) == 1) == 0
    told |= kind == "image"  # no token ends a picture
    assert ids.shape == (ROWS, length) and np.all((ids == best)[told]) and told.sum() > ROWS


def test_it_draws_and_captions_and_can_be_given_away():
    assert isinstance(recipe(), base.Draws) and isinstance(recipe(), base.Captions)
    assert isinstance(recipe(), base.Encodes) and isinstance(recipe(), base.Tables)
    assert recipe().published().keys() == params().keys() and not isinstance(recipe(), base.Edits)


STEPS = [
    {},
    dict(data__tokens="made"),
    dict(data__rows__draw=0),
    dict(loss__caption=0),
    ANSWERS,
    dict(model__attention="sparse", model__depth=2, model__kernel=3),
    dict(model__reconstructor="generator"),
    dict(model__reconstructor="both"),
    dict(model__reconstructor="both", loss__adversarial=0.1),
    ANSWERS | dict(model__attention="sparse", model__depth=3),
]


@pytest.mark.parametrize("changes", STEPS)
def test_flops_are_those_of_the_traced_step(changes):
    r = recipe(**changes)
    rows = jax.tree.map(lambda x: jnp.zeros(x.shape, x.dtype), r.batch_spec)
    parts = jax.eval_shape(r.init, KEY)
    trained = {part: parts.pop(part) for part in r.trainable}
    loss = lambda trained, frozen: r.loss(trained | frozen, rows, KEY, 0, None)[0]
    told = sum(found.total for found in r.flops().values())
    assert traced_flops.count(jax.grad(loss), trained, parts) == told > 0


@pytest.mark.parametrize("size, billions, layers", [("300m", 0.302, 24), ("10b", 10, 48)])
def test_published_sizes_within_three_percent(size, billions, layers):
    """10B are those of the whole Transformer; 300M those of its layers: words are not told."""
    r = base.find(settings.load(f"configs/ernie_vilg_{size}.py"))
    model = jax.eval_shape(r.init, KEY)["model"]
    counted = model["blocks"] if size == "300m" else model
    found = sum(leaf.size for leaf in jax.tree.leaves(counted)) / 1e9
    assert abs(found / billions - 1) < 0.03 and r.model.tokens == 1024
    assert len(r.model.patterns) == layers and r.tokenizer.codes == 8192


# ---- end to end with the reconstructor ----------------------------------------------------------


def pixel_gradients(mode):
    """(value, gradient by part) of what the error of pixels adds to the loss."""
    r = recipe(model__reconstructor=mode)
    p = tiny.filled(jax.eval_shape(r.init, jax.random.key(0)))
    image = jax.random.randint(KEY, (ROWS, tiny.IMAGE, tiny.IMAGE, 3), 0, 256).astype(jnp.uint8)
    rows = {"image": image, "text": batch()["draw"]["text"]}
    error = lambda p: r.draw_terms(p, rows, KEY).get("reconstruct", jnp.zeros(()))
    return jax.jit(jax.value_and_grad(error))(p)


@pytest.mark.parametrize("mode", ["two_stage", "generator", "both"])
def test_pixels_teach_the_transformer_end_to_end_and_nobody_in_two_stages(mode):
    value, grads = pixel_gradients(mode)
    moved = {part: any(np.any(x) for x in jax.tree.leaves(tree)) for part, tree in grads.items()}
    blocks = moved["model"] and any(np.any(x) for x in jax.tree.leaves(grads["model"]["blocks"]))
    assert blocks == (value > 0) == (mode != "two_stage")
    assert moved.get("reconstructor") == (True if mode == "both" else None)
    # The tokenizer's encoder makes the answers, in all of them; its decoder is used as it is.
    trained = recipe(model__reconstructor=mode).trainable
    assert "tokenizer" not in trained and ("reconstructor" in trained) == (mode == "both")


def test_a_critic_judges_from_its_step_on_and_learns_from_pixels_that_it_does_not_move():
    r = recipe(model__reconstructor="both", loss__adversarial=0.5, loss__adversarial_start=5)
    p = tiny.filled(jax.eval_shape(r.init, jax.random.key(0)))
    image = jax.random.randint(KEY, (ROWS, tiny.IMAGE, tiny.IMAGE, 3), 0, 256).astype(jnp.uint8)
    rows = {"image": image, "text": batch()["draw"]["text"]}
    run = jax.jit(jax.value_and_grad(
        lambda p, step, name: r.draw_terms(p, rows, KEY, step)[name]
    ), static_argnums=2)  # fmt: skip
    moved = lambda name: {part for part, tree in run(p, 5, name)[1].items()
                          if any(np.any(x) for x in jax.tree.leaves(tree))}  # fmt: skip
    assert r.trainable == ("model", "reconstructor", "discriminator")
    assert moved("discriminator") == {"discriminator"}
    assert moved("adversarial") == {"model", "reconstructor"}
    assert run(p, 4, "discriminator")[0] == run(p, 4, "adversarial")[0] == 0


def test_a_pixel_hangs_on_its_own_token_and_on_none_right_of_it():
    """The state AT a token, which has seen it, makes its patch: the reading that we take."""
    r = recipe(model__reconstructor="both")
    p = tiny.filled(jax.eval_shape(r.init, jax.random.key(0)))
    words, ids = batch()["draw"]["text"], batch()["draw"]["tokens"]
    latents = jax.jit(lambda i: r.model.apply(
        {"params": p["model"]}, r.drawing_states(p, words, i)[:, 1:], method="latents"
    ).reshape(ROWS, tiny.TOKENS, -1))  # fmt: skip
    moved = jnp.any(latents(ids) != latents(ids.at[:, 5].set((ids[:, 5] + 1) % 512)), axis=(0, 2))
    assert moved.tolist() == [place >= 5 for place in range(tiny.TOKENS)]


@pytest.mark.parametrize("over", ["sum", "mean"])
def test_the_error_of_pixels_is_a_sum_of_squares_or_their_mean(over, monkeypatch):
    r = recipe(model__reconstructor="both", loss__over_tokens=over)
    made = np.random.default_rng(0).normal(0, 1, (2, 4, 4, 3))
    monkeypatch.setattr(r, "pixels_of_states", lambda params, states: jnp.asarray(made))
    black = jnp.zeros(made.shape, jnp.uint8)
    squares = np.square(made + 1.0)  # black is -1
    by_hand = {"sum": squares.sum((1, 2, 3)).mean(), "mean": squares.mean()}[over]
    found = r._pixel_terms({}, None, black, 0)
    np.testing.assert_allclose(found["reconstruct"], by_hand, rtol=1e-5)


@pytest.mark.parametrize(
    "change, sentence",
    [
        (dict(data__rows__draw=0, data__rows__caption=0), "nothing is trained"),
        (dict(data__rows__texts=4), "set data.rows.texts=0"),
        (dict(data__rows__images=4), "set data.rows.images=0"),
        (dict(model__reconstructor="both", data__tokens="made"), "take data.tokens out"),
        (dict(model__reconstructor="both", data__rows__draw=0), "nothing is drawn in training"),
        (dict(loss__adversarial=0.1), "which makes none in training"),
        (dict(model__kernel=4), "give an odd number"),
        (dict(model__heads=3), "model.heads = 3 does not divide"),
        (ANSWERS | dict(data__answer_length=9), "answer_length is 9, and there are places for"),
    ],
)
def test_what_cannot_be_trained_is_one_sentence(change, sentence):
    with pytest.raises(settings.ConfigError, match=sentence):
        settings.check(small(**change))


def step_on(devices, **mesh):
    """Metrics of the first step, sparse and end to end, on a mesh."""
    rows = dict(data__rows__draw=4, data__rows__caption=4)
    layers = dict(model__attention="sparse", model__kernel=3, model__depth=2)
    program = describe(small(model__reconstructor="both", **rows, **layers, **mesh), devices)
    put = lambda tree: jax.tree.map(lambda x, like: jax.device_put(x, like.sharding),
                                    tiny.filled(tree), tree)  # fmt: skip
    batch = jax.tree.map(
        lambda x: jax.device_put(np.ones(x.shape, x.dtype), x.sharding), program.batch
    )
    with jax.set_mesh(program.mesh):
        return program.train_step(tiny.begun(program), put(program.frozen), batch)[1]


@pytest.mark.long
def test_a_step_on_eight_devices_has_the_losses_of_one():
    one = step_on(jax.devices()[:1])
    many = step_on(jax.devices(), mesh__data=2, mesh__fsdp=2, mesh__tensor=2)
    for name in ("draw", "caption", "reconstruct", "grad_norm"):
        np.testing.assert_allclose(many[name], one[name], rtol=1e-4, err_msg=name)


# ---- a whole run -------------------------------------------------------------------------------

COLOURS, SHAPES = ("红色", "蓝色", "绿色"), ("圆形", "方形")


@pytest.fixture(scope="module")
def chinese(tmp_path_factory):
    """A data set of pictures with Chinese captions."""
    from data_pipelines import build
    from data_pipelines.images import encode_png

    folder = tmp_path_factory.mktemp("chinese")
    (folder / "p").mkdir()
    rng, rows = np.random.default_rng(0), ["file\tcaption\tsplit"]
    texts = [f"左上角有一个{colour}的{shape}" for colour in COLOURS for shape in SHAPES]
    for number, text in enumerate(texts * 2):
        pixels = rng.integers(0, 256, (16, 16, 3)).astype(np.uint8)
        (folder / "p" / f"{number}.png").write_bytes(encode_png(pixels))
        rows.append(f"{number}.png\t{text}\t{'test' if number % 3 == 2 else 'train'}")
    (folder / "c.tsv").write_text("\n".join(rows), encoding="utf-8")
    out = folder / "data"
    flags = [f"--images={folder / 'p'}", f"--captions={folder / 'c.tsv'}", "--vocabulary_size=60"]
    assert build.main(["--from=folder", *flags, f"--out={out}"]) == 0
    return out, texts


@pytest.fixture(scope="module")
def run(chinese, tokenizer, tmp_path_factory):
    """Workdir of three steps on it, end to end."""
    from itit_jax import main

    workdir = tmp_path_factory.mktemp("ernie") / "run"
    flags = [
        "data.image_size=16", "data.rows.draw=8", "data.rows.caption=8", "model.width=16",
        "model.depth=1", "model.heads=2", "model.mlp_width=16", "optimizer.warmup_steps=1",
        "train.steps=3", "evaluate.examples=2", "evaluate.splits=test,", "evaluate.scenes=",
        "evaluate.captions=true", "sample.rows=2", f"data.path={chinese[0]}",
        f"tokenizer.workdir={tokenizer}", "model.reconstructor=both",
        "loss.reconstruct=0.001",
    ]  # fmt: skip
    config = "--config=configs/ernie_vilg_tiny.py"
    assert main.main([config, f"--workdir={workdir}", *(f"--config.{flag}" for flag in flags)]) == 0
    return workdir


@pytest.mark.long
def test_three_steps_on_chinese_captions_leave_losses_samples_and_scores(run):
    lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines] == [1, 2, 3]
    assert lines[2]["caption"] < lines[0]["caption"] and lines[2]["draw"] < lines[0]["draw"]
    assert lines[0]["reconstruct"] > 0
    assert (run / "samples" / "00000003.png").exists()
    scores = json.loads((run / "eval.json").read_text())["3"]["test"]
    assert scores.keys() >= {"draw_loss", "caption_loss", "i2t_cider"}


@pytest.mark.long
def test_the_run_and_its_export_draw_and_say_chinese_alike(run, chinese, tmp_path):
    from itit_jax import main
    from itit_jax.serve.session import Pipeline, Session

    session, text = Session(run), chinese[1][0]
    words = session.vocabulary
    assert words.decode(words.encode(text, 24)) == text and words.unknown(text) == 0
    drawn = session.draw([text], seed=1)
    said = session.caption(drawn)
    out = tmp_path / "export"
    assert main.main(["--mode=export", f"--workdir={run}", f"--out={out}"]) == 0
    given = Pipeline.from_pretrained(out)
    pictures = given(text, generator=1).images
    np.testing.assert_array_equal(np.asarray(pictures[0]), np.asarray(drawn[0]))
    assert given.caption(pictures) == said and isinstance(said[0], str)


@pytest.mark.long
def test_three_steps_of_questions_start_from_a_run_and_answer(run, easy_asked, tokenizer, tmp_path,
                                                              capsys):  # fmt: skip
    from itit_jax import main
    from itit_jax.serve import cli

    workdir = tmp_path / "run"
    flags = [
        "data.image_size=16", "data.rows.questions=8", "model.width=16", "model.depth=1",
        "model.heads=2", "model.mlp_width=16", "optimizer.warmup_steps=1", "train.steps=3",
        "evaluate.examples=3", "sample.rows=2", f"data.path={easy_asked}",
        f"tokenizer.workdir={tokenizer}", f"model.start_from={run}",
    ]  # fmt: skip
    config = "--config=configs/ernie_vilg_vqa_tiny.py"
    assert main.main([config, f"--workdir={workdir}", *(f"--config.{flag}" for flag in flags)]) == 0
    assert "parameters are those of" in capsys.readouterr().out
    assert (workdir / "samples" / "00000003.png").exists()
    scores = json.loads((workdir / "eval.json").read_text())["3"]
    kinds = {"colour", "shape", "size", "place", "count", "yes_no"}
    for split in ("test_questions", "held_out_questions"):
        told = {name for name in scores[split] if name.endswith("_exact")}
        assert told == {"answer_exact"} | {f"answer_{kind}_exact" for kind in kinds}
    picture = str(workdir / "samples" / "00000003.png")
    question = "what colour is the circle?"
    assert cli.main(["answer", picture, question, f"--workdir={workdir}"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 1
    assert cli.main(["answer", picture, question, f"--workdir={run}"]) == 2
    told = capsys.readouterr().err
    assert "is a run of ernie_vilg, which cannot do this (Questions about pictures" in told
