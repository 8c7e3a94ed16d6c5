"""The command: what it refuses."""

from benchmarks.versus import __main__ as versus


def test_peers_that_are_not_there_are_refused(tmp_path, capsys):
    assert versus.main([f"--peers={tmp_path / 'python'}"]) == 2
    assert "does not exist; `make versus` makes one." in capsys.readouterr().err
