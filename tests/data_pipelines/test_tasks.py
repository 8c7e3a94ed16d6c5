"""The seqio engine yields the bytes of the grain engine."""

import itertools

import numpy as np
import pytest

from data_pipelines import engines
from data_pipelines.augment import Augment
from tests.data_pipelines.test_streams import equal, streams

seqio = pytest.importorskip("seqio")


def read_by_both(**options):
    return zip(*(engines.read(streams(**options), 0, engine) for engine in ("grain", "seqio")))


def test_both_engines_yield_equal_bytes_over_hundreds_of_steps(easy):
    pairs = read_by_both(folder=easy)
    for (step, ours), (other, theirs) in itertools.islice(pairs, 300):
        assert step == other and equal(ours, theirs), step


def test_both_engines_yield_equal_augmented_bytes_over_hundreds_of_steps(easy):
    rows, augment = dict.fromkeys(("draw", "images"), 1), Augment(crop=0.8, flip=True, colour=0.2)
    pairs, plain = read_by_both(folder=easy, rows=rows, augment=augment), streams(easy, rows=rows)
    for (step, ours), (other, theirs) in itertools.islice(pairs, 300):
        assert step == other and equal(ours, theirs), step
    assert not equal(ours, plain.batch(step))


@pytest.mark.parametrize("host", [0, 1])
def test_both_engines_yield_equal_bytes_after_a_jump_on_each_host(easy, host):
    found = streams(easy, host=host, hosts=2)
    pairs = zip(*(engines.read(found, 123_457, engine) for engine in ("grain", "seqio")))
    for (step, ours), (other, theirs) in itertools.islice(pairs, 5):
        assert step == other and equal(ours, theirs)


def test_registered_tasks_and_their_mixture_are_ordinary_seqio(easy):
    from data_pipelines import tasks

    found = streams(easy)
    tasks.register(found, "easy")
    first = next(seqio.get_mixture_or_task("easy_draw").get_dataset(
        sequence_length=None, split="train", shuffle=False
    ).as_numpy_iterator())
    np.testing.assert_array_equal(first["image"], found.batch(0)["draw"]["image"][0])
    assert "easy" in seqio.MixtureRegistry.names()
    text = seqio.SentencePieceVocabulary(str(easy / "vocabulary.model")).decode(
        first["text"].tolist()
    )
    assert text == found.vocabulary.decode(first["text"])


def test_both_engines_yield_the_same_questions_and_answers(easy_asked):
    found = streams(easy_asked, rows={"questions": 4, "draw": 2}, answer_length=5)
    pairs = zip(*(engines.read(found, 31, engine) for engine in ("grain", "seqio")))
    for (step, ours), (other, theirs) in itertools.islice(pairs, 20):
        assert step == other and equal(ours, theirs)
        assert ours["questions"].keys() == {"image", "question", "answer"}
