"""Processes that do not do the same are told by name, each in the same words.

With real processes: tests/test_meshes.py.
"""

import jax
import numpy as np
import pytest

from data_pipelines.errors import UserError
from itit_jax import agreement
from itit_jax import config as settings


@pytest.fixture
def processes(monkeypatch):
    """run(works) as so many processes in step -> the sentence that each ends with, or None."""

    def run(*works):
        monkeypatch.setattr(jax, "process_count", lambda: len(works))
        told = []

        def talk(gathered):
            """Every process in turn, with what all said so far; returns whether more was said."""
            said = []

            def gather(data):
                if len(said) == len(gathered):
                    said.append(data)
                    raise StopAsyncIteration
                said.append(None)
                rows = gathered[len(said) - 1]
                return np.stack([np.frombuffer(row, np.uint8) for row in rows])

            monkeypatch.setattr(agreement, "_gather", gather)
            new = []
            told.clear()
            for work in works:
                said.clear()
                try:
                    work()
                    told.append(None)
                except UserError as error:
                    told.append(str(error))
                except StopAsyncIteration:
                    new.append(said[-1])
            assert len(new) in (0, len(works)), "some processes wait for others for ever"
            return new

        rounds = []
        while new := talk(rounds):
            rounds.append(new)
        return told

    return run


def config(*overrides, file="configs/classifier_tiny.py"):
    return settings.load(file, overrides=overrides)


def told_of(processes, *configs):
    return processes(*(lambda c=c: agreement.check_settings(c) for c in configs))


def test_equal_settings_are_no_word(processes):
    assert told_of(processes, config(), config(), config()) == [None] * 3


@pytest.mark.parametrize(
    "overrides, key",
    [
        (["optimizer.learning_rate=0.1"], "optimizer.learning_rate"),
        (["save.every=7"], "save.every"),  # saves wait for each other
        (["seed=1"], "seed"),
        (["data.tokens=/x"], "data.tokens"),  # one reads pixels
    ],
)
def test_another_setting_of_one_is_told_by_all_by_its_name(overrides, key, processes):
    told = told_of(processes, config(), config(), config(*overrides))
    assert len(set(told)) == 1
    assert told[0].startswith("process 2 (") and f"has another {key} than process 0 (" in told[0]


def test_another_recipe_is_told(processes):
    told = told_of(processes, config(), config(file="configs/vq_tiny.py"))
    assert len(set(told)) == 1 and "process 1" in told[0] and "another recipe" in told[0]


def test_a_place_may_be_another_on_every_machine(processes):
    assert told_of(processes, config("data.path=/a"), config("data.path=/b")) == [None, None]


def test_another_data_set_is_told(processes):
    told = processes(*(lambda d=d: agreement.check({"dataset": d, "x": "y"}) for d in "aab"))
    assert len(set(told)) == 1 and "process 2" in told[0] and "another dataset" in told[0]


def test_one_process_has_nobody_to_ask(processes):
    assert told_of(processes, config()) == [None]
    assert agreement.who_reads("data", {0: (0, 1)}) == []


def test_who_reads_what_is_told_in_few_lines(monkeypatch):
    monkeypatch.setattr(agreement, "machines", lambda: [f"m{n}" for n in range(64)])
    lines = agreement.who_reads("data", {n: (n // 2, 32) for n in range(64)})
    assert lines[1] == "process 1 (m1) reads part 1 of 32 of the rows of every step from its data"
    assert len(lines) == 8 and lines[-1].startswith("... process 63 (m63) reads part 32 of 32")
