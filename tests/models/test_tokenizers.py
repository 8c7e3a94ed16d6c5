"""Ids of the pictures of a step."""

import numpy as np

from itit_jax.models import tokenizers


def test_all_pictures_of_a_step_are_read_in_one_pass(monkeypatch):
    seen = []
    read = lambda network, params, images: (seen.append(images), images[:, :, 0, 0])[1]
    monkeypatch.setattr(tokenizers, "ids", read)
    picture = lambda *values: np.array(values, np.uint8).reshape(-1, 1, 1, 1)
    batch = {
        "draw": {"image": picture(1, 2), "text": "a"},
        "texts": {"text": "b"},
        "images": {"image": picture(3)},
        "caption": {"image": picture(4), "tokens": "known"},
    }
    found = tokenizers.tokenized(None, {"tokenizer": None}, batch)
    assert [images.shape for images in seen] == [(3, 1, 1, 1)]
    assert np.asarray(found["draw"]["tokens"]).tolist() == [[1], [2]]
    assert np.asarray(found["images"]["tokens"]).tolist() == [[3]]
    assert found["draw"]["text"] == "a" and found["caption"]["tokens"] == "known"
    assert found["texts"] == batch["texts"]
    assert tokenizers.tokenized(None, {}, {"texts": {}}) == {"texts": {}} and len(seen) == 1
