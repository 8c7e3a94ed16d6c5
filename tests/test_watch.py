"""Who gives no sign of life is named, who is only slow is not, and a fault of one ends all.

With real processes: tests/test_meshes.py.
"""

import errno
import threading
import time

import pytest

from data_pipelines.errors import UserError
from itit_jax import watch


class Store:
    """The store of a coordination service: a dict of all processes, while process 0 lives."""

    def __init__(self):
        self.notes, self.alive, self.answers = {}, True, threading.Event()
        self.answers.set()

    def key_value_set(self, key, value, allow_overwrite=False):
        self._answer()
        assert allow_overwrite or key not in self.notes
        self.notes[key] = value

    def key_value_dir_get(self, prefix):
        self._answer()
        return [(key, value) for key, value in self.notes.items() if key.startswith(prefix)]

    def _answer(self):
        self.answers.wait()
        if not self.alive:
            raise RuntimeError("UNAVAILABLE: Socket closed")


@pytest.fixture
def watched(monkeypatch):
    """start(process, of so many) -> (its Watch, what it said); all are stopped at the end."""
    monkeypatch.setattr(watch, "PAUSE", 0.02)
    monkeypatch.setattr(watch, "PATIENCE", 10)
    ended = []
    monkeypatch.setattr(watch, "_leave", ended.append)
    store, started = Store(), []

    def start(process, count, moves=None):
        said = []
        one = watch.Watch(store, process, count, moves or watch.Moves(), said.append)
        one.start()
        started.append(one)
        return one, said

    start.store, start.ended = store, ended
    yield start
    store.answers.set()
    for one in started:
        one.stop()


def until(condition):
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


def test_who_falls_silent_is_named_by_all_others_once(watched):
    (_, first), (second, _), (_, third) = (watched(number, 3) for number in range(3))
    until(lambda: len(watched.store.notes) == 3)
    time.sleep(0.5)
    assert not first and not third, "all are alive"
    second.stop()
    until(lambda: first and third)
    time.sleep(0.3)
    for said in (first, third):
        assert len(said) == 1 and said[0].startswith("process 1 of 3 (")
        assert "gives no sign of life" in said[0] and "the same command goes on" in said[0]


def test_who_never_came_is_named(watched):
    _, said = watched(0, 2)
    until(lambda: said)
    assert said[0].startswith("process 1 of 2 (a machine that never answered)")


@pytest.mark.parametrize("stopped", [False, True])
def test_process_0_is_named_where_its_store_does_not_answer_and_nobody_else(stopped, watched):
    (_, _), (_, said) = watched(0, 3), watched(1, 3)
    watched(2, 3)
    until(lambda: len(watched.store.notes) == 3)
    if stopped:
        watched.store.answers.clear()
    else:
        watched.store.alive = False
    until(lambda: said)
    time.sleep(0.3)
    assert len(said) == 1 and said[0].startswith("process 0 of 3 (")


def test_a_fault_of_ours_is_told_apart_from_that_of_a_lost_process(watched, monkeypatch):
    (first, _), (second, _) = watched(0, 2), watched(1, 2)
    until(lambda: len(watched.store.notes) == 2)
    second.stop()
    assert first.find_lost()
    monkeypatch.setattr(watch, "PATIENCE", 0.2)
    third, _ = watched(1, 2)
    assert not third.find_lost()


def test_all_end_by_the_fault_of_one_with_its_sentence(watched):
    (first, _), (_, said) = watched(0, 2), watched(1, 2)
    first.tell_end(42, "The disk is full; make room.")
    until(lambda: watched.ended)
    assert watched.ended[0] == 42 and said[0] == "process 0 ended: The disk is full; make room."


@pytest.mark.parametrize("error, code, sentence", [
    (UserError("The data are gone."), 2, "The data are gone."),
    (RuntimeError("RESOURCE_EXHAUSTED: Out of memory"), 2, "the memory is not enough (RESOURCE_EX"),
    (OSError(errno.ENOSPC, "No space left on device", "x"), 2, "a file cannot be read or written"),
])  # fmt: skip
def test_what_a_user_can_mend_ends_all_with_its_sentence_and_code_as_it_ends_one(
    error, code, sentence, watched, monkeypatch, capsys
):
    monkeypatch.setattr(watch.jax, "process_count", lambda: 2)
    monkeypatch.setattr(watch.distributed, "store", lambda: watched.store)

    def leave(code):
        watched.ended.append(code)
        if threading.current_thread() is threading.main_thread():
            raise SystemExit(code)

    monkeypatch.setattr(watch, "_leave", leave)
    _, said = watched(1, 2)
    with pytest.raises(SystemExit), watch.together():
        raise error
    until(lambda: said and len(watched.ended) > 1)
    assert set(watched.ended) == {code} and said[0].startswith(f"process 0 ended: {sentence}")
    told = capsys.readouterr().err
    assert told.startswith(f"itit_jax: {sentence}") and told.count("\n") == 1


@pytest.fixture
def pair(watched, monkeypatch):
    """Moves of two processes that are known to be regular, and what each says."""
    monkeypatch.setattr(watch, "STUCK", 1.0)
    both = [watch.Moves(), watch.Moves()]
    for moves in both:
        moves.regular = True
    return both, [watched(number, 2, moves)[1] for number, moves in enumerate(both)]


def test_who_hangs_while_its_signs_come_is_named_and_ends_all(pair, watched, capfd):
    (first, _), said = pair
    first.passed()  # and waits from then on for the second
    until(lambda: said[0] and said[1] and len(watched.ended) > 1)
    for sentence in (said[0][0], said[1][0]):
        assert sentence.startswith("process 1 (") and "of 2 has hung for 1 s" in sentence
    assert set(watched.ended) == {134}
    assert "test_watch.py" in capfd.readouterr().err, "where it hangs"


def test_where_nobody_is_behind_and_nobody_moves_all_hang(pair):
    _, said = pair
    until(lambda: said[0] and said[1])
    assert said[0][0].startswith("process 0 (") and "), 1 (" in said[0][0]


def test_nobody_hangs_who_moves_or_scores_or_waits_for_who_does(pair):
    (first, second), said = pair
    first.passed()
    for _ in range(75):
        time.sleep(0.02)
        second.passed()
        first.passed()
    with second.aside():
        second.longest = 0.0  # in here it takes more than the patience of a loaded machine
        time.sleep(2)
    second.longest = 1.0  # one move took so long
    time.sleep(2)
    assert second.patience() == 10 and not said[0] and not said[1]
    first.rest(), second.rest()
    assert first.patience() == second.patience() == 0


def test_one_process_is_not_watched(monkeypatch):
    monkeypatch.setattr(watch.Watch, "start", lambda self: pytest.fail("started"))
    with watch.together():
        pass
