"""An index that names a shard again and again is one of as many records."""

import json

from benchmarks.data import starting


def test_what_is_opened_has_as_many_records_as_are_asked_for(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(starting, "IN_SHARD", 40)
    run = lambda command, **_: starting.child(*command[3:])
    monkeypatch.setattr(starting.subprocess, "run", lambda *a, **k: _Done(run(*a, **k), capsys))
    found = starting.start(tmp_path, 3 * 40 * 20)
    assert found["records"] == 2400 and found["shards"] == 60
    assert 0 < found["open_seconds"] < found["first_batch_seconds"]


class _Done:
    def __init__(self, nothing, capsys):
        self.stdout = capsys.readouterr().out
        assert nothing is None and json.loads(self.stdout)
