"""Real runs for tests: the plain commands, on the smallest data and networks."""

import json
import os
import pathlib
import subprocess
import sys

from launch import local

ROOT = pathlib.Path(__file__).parent.parent

VQ = [
    "--config=configs/vq_tiny.py",
    "--config.data.image_size=16",
    "--config.data.rows.images=8",
    "--config.model.base_channels=8",
    "--config.model.latent_channels=8",
    "--config.optimizer.warmup_steps=1",
    "--config.evaluate.examples=4",
    "--config.evaluate.scenes=",
]
CLASSIFIER = [
    "--config=configs/classifier_tiny.py",
    "--config.data.rows.caption=8",
    "--config.optimizer.warmup_steps=1",
    "--config.evaluate.examples=4",
]
TOWERS = [
    "--config=configs/towers_tiny.py",
    "--config.data.image_size=16",
    "--config.data.rows.caption=8",
    "--config.model.features=16",
    "--config.model.image.width=16",
    "--config.model.image.depth=1",
    "--config.model.image.heads=2",
    "--config.model.image.mlp_width=16",
    "--config.model.text.width=16",
    "--config.model.text.depth=1",
    "--config.model.text.heads=2",
    "--config.model.text.mlp_width=16",
    "--config.optimizer.warmup_steps=1",
    "--config.evaluate.examples=4",
    "--config.evaluate.splits=test,",
]
ITIT = [
    "--config=configs/itit_tiny.py",
    "--config.data.image_size=16",
    "--config.data.rows.draw=8",
    "--config.data.rows.caption=8",
    "--config.data.rows.images=8",
    "--config.data.rows.texts=8",
    "--config.text_encoder.layers=1",
    "--config.text_encoder.width=16",
    "--config.text_encoder.mlp_width=16",
    "--config.text_encoder.heads=2",
    "--config.text_encoder.head_width=8",
    "--config.model.width=16",
    "--config.model.depth=1",
    "--config.model.heads=2",
    "--config.model.mlp_width=16",
    "--config.model.image_decoder.depth=1",
    "--config.model.text_decoder.depth=1",
    "--config.model.text_decoder.width=16",
    "--config.model.text_decoder.heads=2",
    "--config.model.text_decoder.mlp_width=16",
    "--config.cycle.t2i2t_start=2",
    "--config.cycle.i2t2i_start=3",
    "--config.cycle.rounds=2",
    "--config.decode.rounds=2",
    "--config.data.pairs=0",
    "--config.data.lone_images=0",
    "--config.data.lone_texts=0",
    "--config.optimizer.warmup_steps=1",
    "--config.evaluate.examples=4",
    "--config.evaluate.scenes=",
    "--config.evaluate.splits=test,",
    "--config.sample.rows=2",
]


FOUR = ("--config.train.steps=4", "--config.save.every=2")
STEPS = 12


def itit(workdir, data, tokenizer, *more, save=2):
    """Arguments of a whole small run."""
    return [
        *ITIT, f"--workdir={workdir}", f"--config.data.path={data}",
        f"--config.tokenizer.workdir={tokenizer}", f"--config.train.steps={STEPS}",
        f"--config.save.every={save}", "--config.optimizer.ema_decay=0.9", *more,
    ]


def xla_flags(devices):
    """So many CPU devices; programs that are compiled fast and run once."""
    fast = "--xla_backend_optimization_level=0 --xla_cpu_use_fusion_emitters=false"
    return f"--xla_force_host_platform_device_count={devices} {fast}"


def environment(devices=1, **more):
    """Variables of a child process with so many CPU devices."""
    ours = {"XLA_FLAGS": xla_flags(devices), "JAX_PLATFORMS": "cpu", "PYTHONPATH": str(ROOT)}
    return os.environ | ours | more


def start(*arguments, devices=1, module="itit_jax.main", **more):
    """A child process of the command; its output is kept."""
    return subprocess.Popen(
        [sys.executable, "-m", module, *map(str, arguments)],
        cwd=ROOT, env=environment(devices, **more), text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )


def start_many(*arguments, processes, devices=1):
    """The command as so many processes of one run."""
    port = local.free_port()
    return [
        start(*arguments, devices=devices, **cluster)
        for cluster in (local.environment(number, processes, port) for number in range(processes))
    ]


def run(*arguments, code=0, **more):
    """The command to its end; its output."""
    process = start(*arguments, **more)
    out, _ = process.communicate(timeout=1500)
    assert process.returncode == code, out
    return out


def metrics(workdir):
    """{step: {name: value}} that a run told."""
    lines = [json.loads(line) for line in (workdir / "metrics.jsonl").read_text().splitlines()]
    return {line["step"]: line for line in lines}


def state(workdir, step=STEPS):
    """Arrays of a checkpoint, by default the last of an undisturbed run."""
    import orbax.checkpoint as ocp  # `make test-beam` has none

    return ocp.StandardCheckpointer().restore(workdir / "checkpoints" / str(step) / "default")
