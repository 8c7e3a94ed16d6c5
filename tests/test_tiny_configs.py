"""Every tiny config takes three real steps through the plain command, on any supported JAX."""

import json

import pytest

from data_pipelines import build
from tests import runs


def small_pictures(folder, size=64, count=12):
    """A folder set of random pictures with captions, as a user would bring it."""
    import numpy as np

    from data_pipelines.images import encode_png

    rng = np.random.default_rng(0)
    pictures = folder / "pictures"
    pictures.mkdir()
    rows = ["file\tcaption\tsplit"]
    for i in range(2 * count):
        pixels = rng.integers(0, 256, (size, size, 3)).astype(np.uint8)
        (pictures / f"{i}.png").write_bytes(encode_png(pixels))
        if i < count:
            split = ("train", "train", "validation", "test")[i % 4]
            rows.append(f"{i}.png\tpicture number {i} of noise\t{split}")
    (folder / "captions.tsv").write_text("\n".join(rows) + "\n")
    (folder / "texts.txt").write_text("\n".join(f"a lone text {i}" for i in range(count)))
    return [
        "--from=folder", f"--images={pictures}", f"--captions={folder / 'captions.tsv'}",
        f"--texts={folder / 'texts.txt'}", "--vocabulary_size=200",
    ]


@pytest.fixture(scope="module")
def datasets(easy, tmp_path_factory):
    """{name of the configs: data set}."""
    folder = tmp_path_factory.mktemp("own")
    own = folder / "data"
    assert build.main([*small_pictures(folder), f"--out={own}"]) == 0
    return {"tiny": easy, "emoji": own}


@pytest.mark.parametrize("name, cycle", [("tiny", "full"), ("emoji", "none")])
def test_three_steps_of_tokenizer_and_itit(name, cycle, datasets, tmp_path):
    shared = [
        f"--config.data.path={datasets[name]}", "--config.train.steps=3",
        "--config.optimizer.warmup_steps=1", "--config.evaluate.examples=3",
        "--config.evaluate.scenes=", "--config.evaluate.splits=test,", "--config.sample.rows=2",
    ]
    rows = [f"--config.data.rows.{s}=4" for s in ("draw", "caption", "images", "texts")]
    vq, itit = tmp_path / "vq", tmp_path / "itit"
    runs.run(f"--config=configs/vq_{name}.py", f"--workdir={vq}", *shared,
             "--config.data.rows.images=4")
    runs.run(
        f"--config=configs/itit_{name}.py", f"--workdir={itit}", *shared, *rows,
        f"--config.tokenizer.workdir={vq}", f"--config.cycle.mode={cycle}",
        "--config.cycle.t2i2t_start=1", "--config.cycle.i2t2i_start=2",
    )
    lines = [json.loads(line) for line in (itit / "metrics.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines] == [1, 2, 3]
    assert all(line["draw"] > 0 < line["caption"] for line in lines)
    if cycle == "full":
        assert lines[0]["t2i2t"] == 0 < lines[1]["t2i2t"] and lines[2]["i2t2i"] > 0
