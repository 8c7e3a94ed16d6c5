"""What a run survives: real processes, killed at random moments, and wrong input."""

import json
import random
import shutil
import signal
import time

import jax
import numpy as np
import pytest

from tests import runs


@pytest.mark.long
def test_a_run_killed_asked_to_stop_and_damaged_at_random_moments_ends_bit_identical(
    trained, easy, tokenizer, tmp_path
):
    workdir, moments = tmp_path / "run", random.Random(0)
    for number, latest in ((signal.SIGKILL, 0.5), (signal.SIGTERM, 0)):
        process = runs.start(*runs.itit(workdir, easy, tokenizer))
        saved = workdir / "checkpoints"
        before = len(list(saved.glob("[0-9]*")))
        while process.poll() is None and len(list(saved.glob("*"))) <= before:
            time.sleep(0.01)  # let it get somewhere, or it would only ever die while starting
        time.sleep(moments.uniform(0, latest))
        process.send_signal(number)
        out, _ = process.communicate(timeout=1500)
    assert process.returncode == 42, out
    assert "the same command goes on" in out
    steps = sorted(int(file.name) for file in saved.glob("[0-9]*"))
    assert steps[-1] == max(runs.metrics(workdir)), "every step until then is kept"
    for file in (saved / str(steps[-1])).rglob("*"):
        if file.is_file():
            file.write_bytes(b"")
    out = runs.run(*runs.itit(workdir, easy, tokenizer))
    assert f"checkpoint {steps[-1]} is damaged" in out
    assert f"resuming from step {steps[-2]}" in out
    jax.tree.map(np.testing.assert_array_equal, runs.state(workdir), runs.state(trained))
    assert (workdir / "metrics.jsonl").read_bytes() == (trained / "metrics.jsonl").read_bytes()


@pytest.mark.long
def test_a_run_whose_updates_are_not_finite_stops_and_keeps_what_is_good(easy, tmp_path):
    ruin = [
        "--config.optimizer.learning_rate=1e16",
        "--config.optimizer.clip_norm=0",
        "--config.save.every=1",
        "--config.train.steps=30",
        "--config.sample.every=0",
    ]
    arguments = [*runs.VQ, f"--workdir={tmp_path}", f"--config.data.path={easy}", *ruin]
    out = runs.run(*arguments, code=2)
    assert "5 steps in a row, up to step 7" in out and "Checkpoint 1 is the last good one" in out
    assert "remove checkpoints/2 and give --change" in out and "(it is 1e+16)" in out
    assert "NaN" not in (tmp_path / "metrics.jsonl").read_text()
    told = runs.metrics(tmp_path)
    assert [told[step]["skipped"] for step in range(1, 8)] == [0, 0, 1, 1, 1, 1, 1]
    before = {p.name for p in (tmp_path / "checkpoints").iterdir()}
    assert before == {"1", "2"}
    again = runs.run(*arguments, code=2)
    assert "up to step 7" in again, "who continues counts anew"
    assert {p.name for p in (tmp_path / "checkpoints").iterdir()} == before
    shutil.rmtree(tmp_path / "checkpoints" / "2")
    mended = ["--config.optimizer.learning_rate=1e-3", "--config.train.steps=3", "--change"]
    out = runs.run(*[x for x in arguments if x not in (ruin[0], ruin[3])], *mended)
    assert "resuming from step 1" in out and "skipped" not in out


def test_a_finished_run_has_everything_that_was_promised(trained):
    names = {p.name for p in trained.iterdir()}
    assert {"config.json", "log.txt", "metrics.jsonl", "checkpoints", "samples"} <= names
    assert any(name.startswith("events.") for name in names)
    history = json.loads((trained / "eval.json").read_text())
    assert sorted(history, key=int) == ["0", str(runs.STEPS)]
    assert history[str(runs.STEPS)]["test"]["draw_loss"] < history["0"]["test"]["draw_loss"]


@pytest.mark.long
def test_one_flipped_bit_of_the_newest_checkpoint_is_seen_by_all_who_read_it(
    tokenizer, easy, tmp_path
):
    whole, workdir = tokenizer, shutil.copytree(tokenizer, tmp_path / "run")
    arguments = [*runs.VQ, f"--config.data.path={easy}", *runs.FOUR]
    data = max((workdir / "checkpoints" / "4").rglob("d/*"), key=lambda file: file.stat().st_size)
    flipped = bytearray(data.read_bytes())
    flipped[len(flipped) // 2] ^= 4
    data.write_bytes(flipped)
    said = f"checkpoint 4 is damaged (default/{data.relative_to(workdir / 'checkpoints/4/default')}"
    out = runs.run("--mode=eval", f"--workdir={workdir}")
    assert said in out and "2" in json.loads((workdir / "eval.json").read_text())
    out = runs.run(*arguments, f"--workdir={workdir}")
    assert said in out and "resuming from step 2" in out
    assert (workdir / "metrics.jsonl").read_bytes() == (whole / "metrics.jsonl").read_bytes()
    history = json.loads((workdir / "eval.json").read_text())
    sheet = (workdir / "samples" / "00000004.png").read_bytes()
    (workdir / "samples" / "00000004.png").unlink()
    (workdir / "eval.json").write_text(json.dumps({"0": history["0"]}))
    (workdir / "metrics.jsonl").write_bytes((whole / "metrics.jsonl").read_bytes()[:-9])
    out = runs.run(*arguments, f"--workdir={workdir}")  # as if killed between save and scores
    assert json.loads((workdir / "eval.json").read_text())["4"] == history["4"]
    assert (workdir / "samples" / "00000004.png").read_bytes() == sheet
    assert "it lacks 1 of 4 steps" in out
    jax.tree.map(np.testing.assert_array_equal, *(runs.state(x, 4) for x in (whole, workdir)))


@pytest.mark.long
def test_eval_repeats_the_scores_of_the_run(trained, classifier, tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(trained, copy)
    written = json.loads((copy / "eval.json").read_text())
    (copy / "eval.json").unlink()
    with open(copy / "metrics.jsonl", "a") as file:  # the run itself is two steps further
        file.write('{"step": 13, "loss": 1.0}\n{"step": 14, "lo')
    others = {f: f.read_bytes() for f in copy.rglob("*") if f.is_file() and f.name != "eval.json"}
    out = runs.run(
        "--mode=eval",
        f"--workdir={copy}",
        "--config.evaluate.captions=true",
        "--config.evaluate.cycles=true",
        f"--config.evaluate.features=scenes:{classifier}",
    )
    assert "WARNING" not in out
    assert all(file.read_bytes() == data for file, data in others.items()), "readers never write"
    again = json.loads((copy / "eval.json").read_text())[str(runs.STEPS)]["test"]
    for name, value in written[str(runs.STEPS)]["test"].items():
        assert again[name] == pytest.approx(value, rel=1e-5), name
    for task in ("i2t", "t2i2t"):
        low, score, high = (again[f"{task}_bleu_1{end}"] for end in ("_low", "", "_high"))
        assert 0 <= low <= score <= high
    assert again["t2i_fid"] > 0
    assert 0 <= again["i2t2i_token_accuracy"] <= 1 and 0 <= again["t2i2t_word_accuracy"] <= 1


@pytest.mark.parametrize(
    "more, sentence",
    [
        (["--config.model.depth=2"], "model.depth"),
        (["--config.data.rows.draw=7"], "rows"),
        (["--config.data.vocabulary=nowhere.model"], "nowhere.model"),
        (["--config.model.vocabulary_size=16"], "model.vocabulary_size"),
    ],
)
def test_wrong_input_is_one_sentence_and_changes_nothing(trained, easy, tokenizer, more, sentence):
    before = {p: p.stat().st_mtime for p in trained.rglob("*") if p.name != ".lock"}
    out = runs.run(*runs.itit(trained, easy, tokenizer, *more), code=2, devices=2)
    told = [line for line in out.splitlines() if line.startswith("itit_jax: ")]
    assert len(told) == 1 and sentence in told[0], out
    assert "Traceback" not in out
    assert before == {p: p.stat().st_mtime for p in trained.rglob("*") if p.name != ".lock"}


def test_a_missing_tokenizer_is_one_sentence(easy, tmp_path):
    out = runs.run(*runs.itit(tmp_path / "run", easy, "nowhere"), code=2)
    assert "nowhere" in out and "Traceback" not in out


def test_a_second_run_in_a_live_workdir_is_refused(easy, tokenizer, tmp_path):
    from itit_jax.workdir import Workdir

    with Workdir(tmp_path / "run").lock():
        out = runs.run(*runs.itit(tmp_path / "run", easy, tokenizer), code=2)
    assert "another run is alive" in out
