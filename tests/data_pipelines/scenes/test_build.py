import dataclasses
import json

import numpy as np
import pytest

from data_pipelines import images
from data_pipelines.errors import UserError
from data_pipelines.scenes.build import make
from data_pipelines.scenes.oracle import agreement, read_caption, read_pictures
from data_pipelines.scenes.world import Scene, preset

EASY = preset("easy")


@pytest.fixture(scope="module")
def splits():
    return {name: list(records) for name, records in make("easy", 0)[0].items()}


def test_every_split_holds_what_the_preset_counts(splits):
    assert {k: len(v) for k, v in splits.items()} == dataclasses.asdict(EASY.counts)


def test_lone_images_have_no_text_and_lone_texts_no_image(splits):
    assert all(r.image and not r.texts for r in splits["images"])
    assert all(not r.image and len(r.texts) == 4 for r in splits["texts"])
    for name in ("pairs", "validation", "test", "held_out"):
        assert all(r.image and len(r.texts) == 4 for r in splits[name])


def test_keys_tell_the_truth_about_pictures_and_texts(splits):
    for name, records in splits.items():
        truths = [Scene.parse(record.key) for record in records]
        if name != "texts":
            pictures = np.stack([images.decode(r.image, EASY.image_size) for r in records])
            assert agreement(read_pictures(pictures, EASY), truths) == 1
        for text in range(len(records[0].texts)):
            read = [read_caption(record.texts[text], EASY) for record in records]
            assert agreement(read, truths) == 1


def test_keys_are_unique_in_a_split(splits):
    keys = [f"{split}/{r.key}" for split, records in splits.items() for r in records]
    assert len(set(keys)) == len(keys)


def test_equal_seeds_make_equal_records(splits):
    again = make("easy", 0)[0]
    assert list(again["test"]) == splits["test"]
    assert list(make("easy", 1)[0]["test"]) != splits["test"]


def test_parameters_can_be_written_as_json():
    parameters = json.loads(json.dumps(make("easy", 7)[1]))
    assert parameters["preset"] == "easy" and parameters["seed"] == 7
    assert parameters["world"]["counts"]["pairs"] == 60


def test_an_unknown_preset_is_refused():
    with pytest.raises(UserError):
        make("nope", 0)


def test_more_pairs_may_be_drawn_and_none_of_them_is_a_test_scene():
    splits, parameters = make("easy", 0, pairs=90)
    scenes = {name: {record.key.split("#")[0] for record in records}
              for name, records in splits.items()}  # fmt: skip
    assert parameters["world"]["counts"]["pairs"] == 90
    assert len(list(make("easy", 0, pairs=90)[0]["pairs"])) == 90
    assert not scenes["pairs"] & (scenes["test"] | scenes["validation"] | scenes["held_out"])


def test_questions_are_about_the_pictures_of_their_split_and_change_no_other_record(splits):
    asked = {name: list(records) for name, records in make("easy", 0, asked=6)[0].items()}
    assert {name: asked[name] for name in splits} == splits
    held_out = ("validation", "test", "held_out")
    more = {"pairs": "questions"} | {name: f"{name}_questions" for name in held_out}
    assert asked.keys() == splits.keys() | set(more.values())
    for split, name in more.items():
        of = [(r.key, r.image) for r in splits[split]]
        assert [(r.key, r.image) for r in asked[name]] == of
        assert all(not r.texts and len(r.asked) >= 5 for r in asked[name])


def test_only_held_out_scenes_are_asked_about_combinations_that_training_never_shows():
    made = make("easy", 0, asked=12)[0]
    held_out = {"blue", "azure"}, {"circle", "disc"}
    for split in ("questions", "test_questions", "held_out_questions"):
        words = [set(a.question.strip("?.").split()) for r in made[split] for a in r.asked]
        asked = any(all(each & some for some in held_out) for each in words)
        assert asked == (split == "held_out_questions"), split
