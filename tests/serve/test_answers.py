"""Questions about pictures, from Python and from the shell, to a recipe that answers."""

import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image

from data_pipelines.errors import UserError
from itit_jax.recipes import base
from itit_jax.serve import cli
from itit_jax.serve.session import BATCH, Session
from itit_jax.serve.trained import Trained


class Echo:
    """Says the first word of a question as often as the picture is bright."""

    def answer(self, params, images, question, key):
        count = images[:, 0, 0, :1].astype(np.int32) + params["x"]
        return jnp.where(jnp.arange(4) < count, question[:, :1], 1)


@pytest.fixture
def session(trained, monkeypatch):
    """A session of such a recipe, with the config and the words of a run."""
    from itit_jax.serve import session as module

    run = module.trained.of_run(trained)
    echo = Trained(run.folder, run.config, Echo(), {"x": 0}, 1, run.vocabulary)
    monkeypatch.setattr(module.trained, "of_run", lambda *_: echo)
    return Session(trained)


def bright(level):
    return np.full((16, 16, 3), level, np.uint8)


def test_each_question_is_asked_of_its_picture(session):
    assert isinstance(session.trained.recipe, base.Answers)
    pictures = [bright(i % 3) for i in range(BATCH + 2)]
    questions = ["red", "blue"] * (BATCH // 2 + 1)
    told = session.answer(pictures, questions)
    first = [session.answer(bright(1), question)[0] for question in questions[:2]]
    assert all(each.strip() for each in first)
    assert [said.split() for said in told[:6]] == [
        [], first[1].split(), first[0].split() * 2, [], first[0].split(), first[1].split() * 2,
    ]  # fmt: skip
    assert session.answer(bright(1), questions[:2]) == first
    assert session.answer([], []) == []


def test_what_cannot_be_asked_is_one_sentence(session, trained, tmp_path, capsys):
    with pytest.raises(UserError, match="2 pictures and 3 questions; give one of each"):
        session.answer([bright(1)] * 2, ["red"] * 3)
    Image.fromarray(bright(1)).save(tmp_path / "x.png")
    for picture, question, sentence in (
        (tmp_path / "x.png", " ", "a question is empty"),
        (tmp_path / "x.png", "red " * 40, "tokens and this run reads"),
        (tmp_path / "y.png", "red", "y.png does not exist"),
    ):
        assert cli.main(["answer", str(picture), question, f"--workdir={trained}"]) == 2
        told = capsys.readouterr().err
        assert sentence in told and len(told.splitlines()) == 1
    assert cli.main(["answer", str(tmp_path / "x.png"), "red", f"--workdir={trained}"]) == 0
    assert capsys.readouterr().out.strip()


def test_a_run_that_does_not_answer_says_so(trained, tmp_path, capsys):
    Image.fromarray(bright(1)).save(tmp_path / "x.png")
    asked = ["answer", str(tmp_path / "x.png"), "what colour is the circle?"]
    assert cli.main([*asked, f"--workdir={trained}"]) == 2
    told = capsys.readouterr().err
    assert "is a run of itit, which cannot do this (Questions about pictures to answers)" in told
    assert len(told.splitlines()) == 1
