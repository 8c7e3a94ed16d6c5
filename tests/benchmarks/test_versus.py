"""The command: what it refuses, and what it keeps."""

import pytest

from benchmarks.versus import __main__ as versus
from data_pipelines.errors import UserError


def test_peers_that_are_not_there_are_refused(tmp_path, capsys):
    assert versus.main([f"--peers={tmp_path / 'python'}"]) == 2
    assert "does not exist; `make versus` makes one." in capsys.readouterr().err


def test_a_file_keeps_the_contests_that_are_not_held_again(tmp_path):
    file = tmp_path / "x.json"
    assert versus.kept(str(file)) == versus.kept("") == {}
    file.write_text('{"contests": {"drawing": 1}}')
    assert versus.kept(str(file)) == {"drawing": 1}
    file.write_text("[]")
    with pytest.raises(UserError, match="holds no contests"):
        versus.kept(str(file))
