"""The model card says what the run was, and its commands work."""

import json
import re
import shutil

import pytest

from data_pipelines import records
from itit_jax.serve import card, export


@pytest.fixture(scope="module")
def text(exported):
    return (exported / "README.md").read_text()


def test_the_head_is_what_a_hub_reads(text):
    head = text.split("---\n")[1].splitlines()
    assert "license: cc0-1.0" in head  # of the scenes
    assert "library_name: itit_jax" in head and "pipeline_tag: text-to-image" in head
    assert {"- image-to-text", "- jax"} <= set(head)


def test_it_names_data_licence_and_settings(text):
    assert "--from=scenes --preset=easy" in text and "Licence of the data: CC0-1.0" in text
    assert "| `train.steps` | 12 |" in text and "| `data.pairs` | all |" in text
    assert text.count("\n# red_circles\n") == 1  # the folder's name


def test_its_python_runs(text, exported):
    (code,) = re.findall(r"```python\n(.*?)```", text, re.S)
    names = {}
    exec(code.replace("FOLDER", str(exported)).replace("TEXT", "a circle"), names)
    assert len(names["pictures"]) == 4


def test_scores_stand_with_their_intervals(exported, tmp_path):
    found = export.read(exported)._replace(folder=tmp_path)
    assert "This step was not scored" in card.text(found, "x")
    scores = {"i2t_f1": 0.51234, "i2t_f1_low": 0.48, "i2t_f1_high": 0.549, "draw_loss": 4.0}
    history = {"11": {"test": {"i2t_f1": 0.9}}, "12": {"test": scores}}
    (tmp_path / "eval.json").write_text(json.dumps(history))
    told = card.text(found, "x")
    assert "| test | i2t_f1 | 0.5123 | 0.48 to 0.549 |" in told
    assert "| test | draw_loss | 4 |  |" in told and "0.9" not in told


def test_drawings_are_scored_by_a_named_network(exported, tmp_path):
    scores = {
        "t2i_features": "scenes|w:1",
        "t2i_fid": 3.5,
        "t2i_is": 2.0,
        "t2i_is_low": 1.5,
        "t2i_is_high": 2.5,
        "t2i_kid": 0.5,
        "t2i_kid_low": 0.25,
        "t2i_kid_high": 0.75,
    }
    (tmp_path / "eval.json").write_text(json.dumps({"12": {"test": scores, "held_out": scores}}))
    told = card.text(export.read(exported)._replace(folder=tmp_path), "x")
    assert told.count("FID and its kin are of the features `scenes|w:1`.") == 1
    assert "| test | t2i_kid | 0.5 | 0.25 to 0.75 |" in told
    assert "| test | t2i_is | 2 |  |" in told  # its ends are one deviation, not 95 %


def test_data_of_another_licence_and_weights_of_others_are_told(exported, easy, tmp_path):
    data = shutil.copytree(easy, tmp_path / "data")
    records.write_info(data, records.read_info(data) | {"licence": 'ours: "ask"'})
    found = export.read(exported)
    config = found.config.copy_and_resolve_references()
    config.data.path = str(data)
    config.text_encoder.weights = "/home/me/google/t5-v1_1-base"
    told = card.text(found._replace(config=config), "x")
    assert 'license: other\nlicense_name: "ours: \\"ask\\""\n' in told
    assert "text encoder started from `google/t5-v1_1-base`" in told and "/home/me" not in told
