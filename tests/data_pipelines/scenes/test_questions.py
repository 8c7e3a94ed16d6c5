"""Questions of the grammar: answered by a reader that was written apart, and without leaks."""

import collections

import numpy as np
import pytest

from data_pipelines.scenes.grammar import WORDS
from data_pipelines.scenes.questions import questions
from data_pipelines.scenes.world import PRESETS, Scene, preset, sample
from tests.data_pipelines.scenes import question_reader

KINDS = {"colour", "shape", "size", "place", "count", "yes_no"}
SCENES = 1500


def asked(name, *, held_out=False, count=8, seed=0):
    """[(scene, its questions)] of a preset."""
    world = preset(name)
    number = 40 if name == "easy" else SCENES
    scenes = sample(world, number, np.random.default_rng(7), held_out=held_out)
    keys = [f"{scene.code()}#{i}" for i, scene in enumerate(scenes)]
    return [(s, questions(k, world, count, seed, held_out=held_out)) for s, k in zip(scenes, keys)]


@pytest.fixture(scope="module")
def tiny():
    return asked("tiny")


@pytest.mark.parametrize("held_out", [False, True])
@pytest.mark.parametrize("name", PRESETS)
def test_a_reader_of_the_words_gives_the_same_answers(name, held_out):
    found = asked(name, held_out=held_out, count=12 if name == "harder" else 8)
    for scene, some in found:
        for each in some:
            told = question_reader.answer(each.question, scene.objects, preset(name).places)
            assert told == each.answer, (scene.code(), each)


def test_the_reader_reads_a_scene_by_hand():
    scene = Scene.parse("0-big-red-circle+3-small-red-cross").objects
    for question, told in (
        ("how many crimson objects are there?", "two"),
        ("count the pluses.", "one"),
        ("where is the small thing?", "bottom right"),
        ("what shape is the object at the upper left?", "circle"),
        ("is the thing in the top left in the lower right?", "no"),
        ("would you say that the little cross is crimson?", "yes"),
        ("do you see a big cross?", "no"),
    ):
        assert question_reader.answer(question, scene, (2, 2)) == told, question


def test_every_kind_is_asked_equally_often_and_nothing_twice_of_a_picture(tiny):
    counts = collections.Counter(each.kind for _, some in tiny for each in some)
    assert counts.keys() == KINDS
    assert max(counts.values()) < 1.08 * min(counts.values())
    assert all(len({each.question for each in some}) == len(some) for _, some in tiny)
    assert np.mean([len(some) for _, some in tiny]) > 7.9  # of 8


def test_phrasings_are_several(tiny):
    starts = collections.defaultdict(set)
    for _, some in tiny:
        for each in some:
            words = each.question.split()
            starts[each.kind].add((*words[:2], words[-1] == "see?"))
    assert all(len(found) >= 3 for found in starts.values()), starts


def test_questions_are_a_function_of_seed_and_key():
    key, world = "0-big-red-circle+3-small-blue-square#7", preset("tiny")
    ask = lambda key, seed: questions(key, world, 8, seed, held_out=False)
    assert ask(key, 3) == ask(key, 3)
    assert ask(key, 3) != ask(key, 4) and ask(key, 3) != ask(key.replace("#7", "#8"), 3)


def test_an_answer_never_stands_in_its_question(tiny):
    for _, some in tiny:
        for each in some:
            if each.kind in ("colour", "shape", "size"):
                words = {w for synonyms in WORDS[each.kind].values() for w in synonyms}
                assert words.isdisjoint(each.question.strip("?").split()), each
            elif each.kind == "place":
                words = {"top", "upper", "bottom", "lower", "left", "right", "middle"}
                assert words.isdisjoint(each.question.strip("?").split()), each


def test_yes_and_no_are_equally_frequent_in_every_form(tiny):
    forms = collections.defaultdict(list)
    for _, some in tiny:
        for each in some:
            if each.kind == "yes_no":
                forms["all"].append(each.answer == "yes")
                forms[each.question.split()[0]].append(each.answer == "yes")
    for form, yes in forms.items():
        deviation = 0.5 / np.sqrt(len(yes))
        assert abs(np.mean(yes) - 0.5) < 4 * deviation, form


def test_words_alone_do_not_tell_yes_from_no(tiny):
    """A naive Bayes reader of pairs of words, taught on half, is right by chance on the other."""
    rows = [each for _, some in tiny for each in some if each.kind == "yes_no"]
    terms = lambda text: set(zip(text.strip("?").split(), text.strip("?").split()[1:]))
    known, unknown = rows[::2], rows[1::2]
    counts = {answer: collections.Counter() for answer in ("yes", "no")}
    for each in known:
        counts[each.answer].update(terms(each.question))
    log_odds = lambda term: np.log((counts["yes"][term] + 1) / (counts["no"][term] + 1))
    guesses = ["yes" if sum(map(log_odds, terms(r.question))) > 0 else "no" for r in unknown]
    right = np.mean([guess == each.answer for guess, each in zip(guesses, unknown)])
    assert right < 0.5 + 3 * 0.5 / np.sqrt(len(unknown)), right


def test_training_asks_nothing_about_combinations_that_it_never_shows(tiny):
    for _, some in tiny:
        for each in some:
            words = set(each.question.strip("?.").split())
            told = {question_reader.LOOKS.get(question_reader.singular(w)) for w in words}
            for colour, shape in preset("tiny").held_out:
                assert not {("colour", colour), ("shape", shape)} <= told, each
