"""The tiny configs take three real steps through the plain command, on any supported JAX."""

import json

import pytest

from tests import runs

# One layer of each kind: what is compiled is less, what could be refused is the same.
ONE_LAYER = [
    "--config.model.depth=1", "--config.model.image_decoder.depth=1",
    "--config.model.text_decoder.depth=1", "--config.text_encoder.layers=1",
]  # fmt: skip


@pytest.mark.long
def test_three_steps_of_tokenizer_and_itit_with_both_cycles(easy, tmp_path):
    shared = [
        f"--config.data.path={easy}", "--config.train.steps=3",
        "--config.optimizer.warmup_steps=1", "--config.evaluate.examples=3",
        "--config.evaluate.scenes=", "--config.evaluate.splits=test,", "--config.sample.rows=2",
    ]
    rows = [f"--config.data.rows.{s}=4" for s in ("draw", "caption", "images", "texts")]
    vq, itit = tmp_path / "vq", tmp_path / "itit"
    runs.run("--config=configs/vq_tiny.py", f"--workdir={vq}", *shared,
             "--config.data.rows.images=4")
    runs.run(
        "--config=configs/itit_tiny.py", f"--workdir={itit}", *shared, *rows, *ONE_LAYER,
        f"--config.tokenizer.workdir={vq}", "--config.cycle.t2i2t_start=1",
        "--config.cycle.i2t2i_start=2",
    )
    lines = [json.loads(line) for line in (itit / "metrics.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines] == [1, 2, 3]
    assert all(line["draw"] > 0 < line["caption"] for line in lines)
    assert lines[0]["t2i2t"] == 0 < lines[1]["t2i2t"] and lines[2]["i2t2i"] > 0
