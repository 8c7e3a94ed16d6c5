"""A run of two steps, small enough to be made anew by each benchmark."""

import numpy as np

from benchmarks.inputs.trial import call
from data_pipelines import build, images
from itit_jax.main import main

PICTURES, SIDE = 60, 16
VQ = (
    "config=configs/vq_tiny.py", "config.model.base_channels=8", "config.model.latent_channels=8",
)  # fmt: skip
ITIT = (
    "config=configs/itit_tiny.py", "config.text_encoder.layers=1", "config.model.depth=1",
    "config.model.image_decoder.depth=1", "config.model.text_decoder.depth=1",
    "config.cycle.t2i2t_start=0", "config.cycle.i2t2i_start=0", "config.data.rows.draw=8",
    "config.data.rows.caption=8", "config.data.rows.texts=8", "config.data.pairs=0",
    "config.data.lone_images=0", "config.data.lone_texts=0", "config.sample.rows=2",
    "config.evaluate.splits=test,",
)  # fmt: skip
BOTH = (
    f"config.data.image_size={SIDE}", "config.data.rows.images=8", "config.train.steps=2",
    "config.optimizer.warmup_steps=1", "config.evaluate.examples=4", "config.evaluate.scenes=",
)  # fmt: skip


def small_run(folder):
    """Workdir of an ITIT run on a few pictures of noise, made under `folder`."""
    rng = np.random.default_rng(0)
    (folder / "noise").mkdir()
    for number in range(PICTURES):
        pixels = rng.integers(0, 256, (SIDE, SIDE, 3)).astype(np.uint8)
        (folder / f"noise/{number}.png").write_bytes(images.encode_png(pixels))
    rows = "".join(f"{number}.png,a red dog {number % 7}\n" for number in range(PICTURES))
    (folder / "noise.csv").write_text("file,caption\n" + rows)
    data, tokenizer, run = folder / "data", folder / "vq", folder / "itit"
    call(
        build.main, "--from=folder", f"--images={folder}/noise", f"--captions={folder}/noise.csv",
        "--pairs=20", "--test=0.2", "--vocabulary_size=64", f"--out={data}",
    )  # fmt: skip
    _train(tokenizer, data, *VQ)
    _train(run, data, *ITIT, f"config.tokenizer.workdir={tokenizer}")
    return run


def _train(workdir, data, *given):
    flags = (*given, *BOTH, f"workdir={workdir}", f"config.data.path={data}")
    call(main, *(f"--{flag}" for flag in flags))
