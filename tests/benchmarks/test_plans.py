"""The table of plans, of one plan that the command makes."""

import json

from benchmarks import plans


def test_a_plan_that_is_there_is_not_made_anew_and_its_row_tells_it(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(plans, "CONFIGS", ("classifier_tiny",))
    monkeypatch.setattr(plans, "TOPOLOGIES", ("v5e:2x2",))
    assert plans.main([f"--out={tmp_path}"]) == 0
    file = tmp_path / "classifier_tiny@v5e:2x2.json"
    made, before = json.loads(file.read_text()), file.stat().st_mtime_ns
    row = (tmp_path / "README.md").read_text().splitlines()[-1].split(" | ")
    assert row[:3] == ["| classifier_tiny on v5e:2x2", "4", "4 x 1 x 1"]
    assert row[3].startswith("about 0.0") and row[3].endswith("(16)")
    assert row[7] == made["binds"]
    assert plans.main([f"--out={tmp_path}"]) == 0
    assert file.stat().st_mtime_ns == before
