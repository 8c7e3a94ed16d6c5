"""When a run is scored by what, and over how many examples."""

import pytest

from data_pipelines.errors import UserError
from itit_jax.cadence import due
from itit_jax.evaluation import run
from itit_jax.evaluation.scorers import Scorer
from tests import tiny


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


class Answers:
    """A recipe that answers."""

    def answer(self, params, images, question, key):
        raise NotImplementedError


def test_questions_for_a_recipe_that_does_not_answer_are_one_sentence():
    config = tiny.itit_config(evaluate__splits=("test", "test_questions"))
    with pytest.raises(UserError, match="asks for test_questions, and the recipe itit answers no"):
        run.evaluate(config, object(), {})
    run.check_answers(config, Answers())
