"""When a run is scored by what, and over how many examples."""

import jax
import numpy as np
import pytest

from data_pipelines.errors import UserError
from itit_jax.cadence import due
from itit_jax.evaluation import run
from itit_jax.evaluation.scorers import Scorer
from tests import tiny
from tests.towers.test_judge import Reds


@pytest.mark.parametrize(
    "done, every, expected",
    [(0, 0, False), (100, 0, True), (50, 0, False), (50, 25, True), (51, 25, False), (0, 25, True)],
)
def test_something_is_due_every_so_many_steps_and_at_the_end(done, every, expected):
    assert due(done, every, 100) is expected


@pytest.fixture
def asked(monkeypatch):
    """Names of the scorers that scored, of one at every evaluation and one each 20 steps."""
    monkeypatch.setattr(run, "evaluate_split", lambda *a: {"scorers": a[-1], "examples": a[-2]})
    always = Scorer(lambda c: True, lambda c: 0, "always")
    seldom = Scorer(lambda c: True, lambda c: 20, "seldom")
    never = Scorer(lambda c: False, lambda c: 0, "never")
    monkeypatch.setattr(run, "SCORERS", (always, seldom, never))
    config = tiny.itit_config(train__steps=50, evaluate__examples=7)

    def names(**more):
        found = run.evaluate(config, None, {}, **more)["test"]
        return [scorer.score for scorer in found["scorers"]], found["examples"]

    return names


@pytest.mark.parametrize(
    "done, expected",
    [(10, ["always"]), (20, ["always", "seldom"]), (50, ["always", "seldom"]),
     (None, ["always", "seldom"])],
)  # fmt: skip
def test_each_scorer_has_its_own_cadence(asked, done, expected):
    assert asked(done=done) == (expected, 7)


def test_fewer_examples_may_be_asked_for_but_not_more(asked):
    assert asked(most=3)[1] == 3 and asked(most=50)[1] == 7


class Counts:
    """A recipe that says which rows it was shown."""

    def score(self, params, rows, key):
        return {"seen": rows["text"][:, 0] + 0 * params["x"]}


def test_every_example_is_scored_once_whatever_the_batches_are():
    mesh = jax.sharding.Mesh(jax.devices()[:1], "x")
    x = jax.device_put(np.int32(0), jax.NamedSharding(mesh, jax.P()))
    text = np.arange(2 * (run.BATCH + 7), dtype=np.int32).reshape(-1, 2)
    examples = {"image": np.zeros((len(text), 1, 1, 3), np.uint8), "text": text, "keys": []}
    found = run.score_rows(Counts(), {"x": x}, examples)
    np.testing.assert_array_equal(found["seen"], text[:, 0])


class Draws:
    """A recipe whose drawings of a text are its word and one colour of three, by the key."""

    def draw(self, params, text, key):
        colours = jax.random.randint(key, (len(text), 1, 1, 3), 0, 256) + 0 * params["x"]
        return colours.astype(np.uint8)


def test_the_best_of_several_drawings_is_scored_beside_the_first(monkeypatch):
    """More than a batch; the judge's choice by hand, from the same keys."""
    monkeypatch.setattr(run, "judge_of", lambda folder: Reds())
    mesh = jax.sharding.Mesh(jax.devices()[:1], "x")
    params = {"x": jax.device_put(np.int32(0), jax.NamedSharding(mesh, jax.P()))}
    count = run.BATCH + 3
    text, words = np.zeros((count, 2), np.int32), [["red"], ["blue"]] * (count // 2) + [["red"]]
    drawn = np.random.default_rng(0).integers(0, 256, (count, 1, 1, 3)).astype(np.uint8)
    config = tiny.itit_config(evaluate__best_of=4, evaluate__judge="x").evaluate
    examples = {"text": text, "texts": words}
    found = run.choose(Draws(), params, examples, drawn, config)

    turns = [drawn]
    for turn in (1, 2, 3):
        keys = [jax.random.fold_in(jax.random.key(number), turn) for number in (0, 1)]
        turns.append(np.concatenate([Draws().draw(params, text[:50], key) for key in keys])[:count])
    vectors = np.stack(turns)[:, :, 0, 0].astype(float)
    channel = np.where([word == ["red"] for word in words], 0, 2)
    cosines = vectors[:, np.arange(count), channel] / np.linalg.norm(vectors, axis=-1)
    np.testing.assert_allclose(found["drawn_cosine"], cosines[0])
    np.testing.assert_allclose(found["best_cosine"], cosines.max(0))
    best = vectors[cosines.argmax(0), np.arange(count)]
    np.testing.assert_array_equal(found["best"][:, 0, 0], best)
    np.testing.assert_array_equal(found["distinct_drawings"], np.full(count, 4.0))


def test_equal_drawings_of_a_text_count_once():
    turns = np.array([[1, 1, 2], [1, 2, 2], [1, 3, 2], [1, 1, 5]], np.uint8)[..., None, None, None]
    np.testing.assert_array_equal(run.distinct_of(turns), [1, 3, 2])


class Answers:
    """A recipe whose answer is the first word of the question and the brightness of the picture."""

    def answer(self, params, images, question, key):
        light = images[:, 0, 0, :1].astype(np.int32) + 0 * params["x"]
        return jax.numpy.concatenate([question[:, :1], light], axis=1)


def test_every_question_is_asked_of_its_own_picture():
    mesh = jax.sharding.Mesh(jax.devices()[:1], "x")
    params = {"x": jax.device_put(np.int32(0), jax.NamedSharding(mesh, jax.P()))}
    of = np.arange(run.BATCH + 9) // 3
    images = np.arange(of[-1] + 1, dtype=np.uint8)[:, None, None, None] * np.ones(3, np.uint8)
    question = np.arange(2 * len(of), dtype=np.int32).reshape(-1, 2)
    found = run.answer_rows(Answers(), params, {"image": images, "question": question, "of": of})
    np.testing.assert_array_equal(found["answer"], np.stack([question[:, 0], of], axis=1))


def test_questions_for_a_recipe_that_does_not_answer_are_one_sentence():
    config = tiny.itit_config(evaluate__splits=("test", "test_questions"))
    with pytest.raises(UserError, match="asks for test_questions, and the recipe itit answers no"):
        run.evaluate(config, Counts(), {})
    run.check_answers(config, Answers())
