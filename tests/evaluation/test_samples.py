"""Which questions a sheet of samples shows."""

import numpy as np

from data_pipelines.example import Asked
from itit_jax.evaluation import samples


class Words:
    def decode(self, ids):
        return " ".join(map(str, ids))


def test_a_sheet_of_questions_shows_one_of_each_picture_in_turn(monkeypatch):
    of = np.array([0, 0, 0, 1, 1, 1, 2, 2])
    asked = [(f"{i}?", "yes", "yes_no") for i in range(8)]
    examples = {
        "image": np.arange(3, dtype=np.uint8)[:, None, None, None] * np.ones((4, 4, 3), np.uint8),
        "question": np.arange(8)[:, None], "of": of, "asked": [Asked(*each) for each in asked],
    }  # fmt: skip
    shown = {}
    monkeypatch.setattr(samples.inputs, "held_out", lambda *_: examples)
    monkeypatch.setattr(samples.inputs, "open_vocabulary", lambda _: Words())
    monkeypatch.setattr(samples, "draw_sheet", lambda *both: shown.update(both=both))
    monkeypatch.setattr(samples, "answer_rows", lambda r, p, rows: {"answer": rows["question"]})
    config = type("Config", (), {"sample": type("Sample", (), {"rows": 3})})
    samples.sheet(config, None, None, "validation_questions")
    pictures, texts = shown["both"]
    assert pictures["picture"][:, 0, 0, 0].tolist() == [0, 1, 2]
    assert texts["question"] == ["0?", "4?", "6?"] and texts["answer"] == ["0", "4", "6"]
    assert texts["right"] == ["yes"] * 3
