"""The measure of sparse attention: dense and sparse in one run, with their ratios."""

import json

import pytest

from benchmarks import sparse


@pytest.mark.long
def test_it_tells_both_and_the_ratio_of_their_memory(tmp_path, capsys):
    sizes = ["--side=8", "--words=4", "--width=8", "--depth=2", "--heads=2", "--times=1"]
    assert sparse.main([*sizes, f"--out={tmp_path / 'x.json'}"]) in (0, None)
    found = json.loads((tmp_path / "x.json").read_text())
    assert json.loads(capsys.readouterr().out) == found
    for what in ("draw", "caption"):
        both = [found[name][what]["temporary_bytes"] for name in ("sparse", "dense")]
        ratio = found["sparse_over_dense"][what]["temporary_bytes"]
        assert ratio == pytest.approx(both[0] / both[1], abs=1e-3)
