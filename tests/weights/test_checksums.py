"""Digests as sha256sum says them, and a changed bit of what convert wrote is told."""

import hashlib
import json

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from data_pipelines.errors import UserError
from itit_jax.weights import checksums, convert
from itit_jax.weights import load as weights
from tests.weights.networks import t5, t5_params


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    file = tmp_path_factory.mktemp("weights") / "x.safetensors"
    weights.save(t5_params(t5(scan=False)), "t5", file)
    return file


def test_a_file_has_the_digest_of_its_bytes_and_parts_that_of_their_lines(file, tmp_path):
    wanted = hashlib.sha256(file.read_bytes()).hexdigest()
    assert checksums.digest(file) == wanted
    save_file({"w": np.ones(2, np.float32)}, tmp_path / "a.safetensors")
    index = tmp_path / "model.safetensors.index.json"
    index.write_text(json.dumps({"weight_map": {"w": "a.safetensors"}}))
    lines = [f"{hashlib.sha256(f.read_bytes()).hexdigest()}  {f.name}\n"
             for f in (index, tmp_path / "a.safetensors")]  # fmt: skip
    assert checksums.digest(tmp_path) == hashlib.sha256("".join(lines).encode()).hexdigest()


def test_whoever_insists_gets_these_weights_or_none(file, tmp_path, capsys):
    right = checksums.digest(file)
    command = [str(file), f"--out={tmp_path / 'out'}"]
    assert convert.main([*command, f"--sha256={right[::-1]}"]) == 2
    assert f"has the SHA-256 {right}, not {right[::-1]}" in capsys.readouterr().err
    assert convert.main([*command, "--sha256=12"]) == 2
    assert "64 hexadecimal digits" in capsys.readouterr().err
    assert convert.main([*command, f"--sha256={right.upper()}"]) == 0
    assert f"sha256 {right} of {file}" in capsys.readouterr().out


@pytest.mark.parametrize("layout, name", [
    ("t5", "model.safetensors"), ("t5", "config.json"), ("t5x", "an array"),
    ("t5x", "checkpoint"),
])  # fmt: skip
def test_a_bit_of_what_was_written_is_told(layout, name, file, tmp_path):
    out = tmp_path / "out"
    assert convert.main([str(file), f"--out={out}", f"--layout={layout}"]) == 0
    weights.read(out)
    spoiled = out / name if (out / name).exists() else next(out.glob("target.*/0*"))
    data = bytearray(spoiled.read_bytes())
    data[-9] ^= 1
    spoiled.write_bytes(data)
    with pytest.raises(UserError, match="is not as it was written: checksums.json says so"):
        weights.read(out)


def test_what_convert_tells_of_a_t5_is_what_its_weights_say(file, tmp_path):
    assert convert.main([str(file), f"--out={tmp_path / 'out'}", "--layout=t5"]) == 0
    config = json.loads((tmp_path / "out" / "config.json").read_text())
    assert (config["d_model"], config["num_heads"], config["num_layers"]) == (12, 3, 2)
    assert config["vocab_size"] == len(load_file(file)["shared.weight"])
    assert config["feed_forward_proj"] == "gated-gelu"
