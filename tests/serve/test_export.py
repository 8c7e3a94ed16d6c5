"""What a run gives away: whole, checked, and nothing of the machine it was made on."""

import json
import os
import resource
import shutil
import signal

import jax
import numpy as np
import pytest
from safetensors import safe_open

from data_pipelines.errors import UserError
from itit_jax.serve import export
from itit_jax.serve import trained as models
from itit_jax.workdir import Workdir


@pytest.fixture(scope="module")
def read(exported):
    return export.read(exported)


@pytest.fixture
def copy(exported, tmp_path):
    return shutil.copytree(exported, tmp_path / "copy")


def files(folder):
    """{path inside: bytes} of all files."""
    return {str(f.relative_to(folder)): f.read_bytes() for f in folder.rglob("*") if f.is_file()}


def test_every_parameter_comes_back_as_the_run_has_it(trained, read):
    run = models.of_run(trained)
    assert (read.step, read.vocabulary.digest) == (run.step, run.vocabulary.digest)
    assert jax.tree.structure(read.params) == jax.tree.structure(run.params)
    jax.tree.map(np.testing.assert_array_equal, read.params, run.params)


def test_the_averaged_parameters_go_out(trained, read):
    from itit_jax import parts
    from itit_jax.checkpoints import Checkpoints

    abstract = parts.abstract_local(read.recipe, read.config.mesh.rules)["model"]
    average = Checkpoints(Workdir(trained)).restore_part("ema", "model", abstract)
    jax.tree.map(np.testing.assert_array_equal, read.params["model"], average)


def test_no_path_of_the_machine_goes_out(trained, exported):
    told = [str(trained), str(trained.parent), Workdir(trained).config().data.path]
    for name, data in files(exported).items():
        assert not any(path.encode() in data for path in told), name


def test_the_weights_name_format_step_and_config(exported):
    about = json.loads((exported / "itit_jax.json").read_text())
    with safe_open(exported / "itit" / "model.safetensors", "numpy") as opened:
        head = json.loads(opened.metadata()["itit_jax"])
    assert head == {name: about[name] for name in ("format", "step", "config_sha256")}
    assert head["step"] == 12 and len(head["config_sha256"]) == 64


def test_a_tokenizer_that_diffusers_lacks_is_not_said_to_be_one(exported):
    index = json.loads((exported / "model_index.json").read_text())
    assert index["vqvae"][0] == "itit_jax"
    assert json.loads((exported / "vqvae" / "config.json").read_text())["levels"] == [8, 8, 8]


def cut(file):
    file.write_bytes(file.read_bytes()[:-100])


def flip(file):
    data = bytearray(file.read_bytes())
    data[-3] ^= 1
    file.write_bytes(data)


def other_guidance(file):
    about = json.loads(file.read_text())
    about["config"]["decode"]["guidance"] = 9.0
    file.write_text(json.dumps(about))


def other_width(file):
    file.write_text(file.read_text().replace("32", "64"))


def other_format(file):
    file.write_text(file.read_text().replace('"format": 4', '"format": 5'))


@pytest.mark.parametrize(
    "name, harm, sentence",
    [
        ("itit/model.safetensors", cut, "is not as it was exported; get the folder again."),
        ("vqvae/model.safetensors", flip, "is not as it was exported"),
        ("vqvae/run.json", flip, "is not as it was exported"),
        ("text_encoder/model.safetensors", os.remove, "is not as it was exported"),
        ("tokenizer/spiece.model", os.remove, "is not as it was exported"),
        ("itit_jax.json", other_guidance, "its sha256_of_this is another"),
        ("itit/config.json", flip, "is not as it was exported"),
        ("text_encoder/config.json", other_width, "is not as it was exported"),
        ("tokenizer/tokenizer_config.json", os.remove, "is not as it was exported"),
        ("model_index.json", cut, "is not as it was exported"),
        ("itit_jax.json", other_format, "is of format 5 and this itit_jax reads 4"),
        ("itit_jax.json", cut, "is not as it was exported"),
        ("itit_jax.json", os.remove, "does not exist; give a folder that --mode=export wrote"),
    ],
)
def test_a_folder_that_is_not_as_written_is_one_sentence(copy, name, harm, sentence):
    harm(copy / name)
    with pytest.raises(UserError) as error:
        export.read(copy)
    assert sentence in str(error.value) and name in str(error.value)
    assert "\n" not in str(error.value)


def test_the_card_is_for_whoever_publishes_it_and_spacing_for_anybody(copy):
    (copy / "README.md").write_text("another licence")
    (copy / ".gitattributes").write_text("*.safetensors filter=lfs")
    about = json.loads((copy / "itit_jax.json").read_text())
    (copy / "itit_jax.json").write_text(json.dumps(about, sort_keys=True))
    assert export.read(copy).step == 12


def test_a_full_folder_is_refused_and_stays(read, tmp_path):
    (tmp_path / "mine.txt").write_text("mine")
    for out in (tmp_path, tmp_path / "mine.txt", "gs://bucket/x"):
        with pytest.raises(UserError):
            export.write(read, out)
    assert files(tmp_path) == {"mine.txt": b"mine"}


def test_an_empty_folder_is_taken(read, exported, tmp_path):
    export.write(read, tmp_path / "empty")
    assert files(tmp_path / "empty") == files(exported)


def test_a_disk_that_fills_leaves_nothing_behind(read, tmp_path):
    before, largest = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, largest))  # fails within the weights
    try:
        with pytest.raises(UserError, match="cannot be written.*choose another place"):
            export.write(read, tmp_path / "out")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (before, largest))
        signal.signal(signal.SIGXFSZ, handler)
    assert not list(tmp_path.iterdir())


def test_a_run_of_a_tokenizer_is_not_exported(tokenizer, tmp_path):
    with pytest.raises(UserError, match="is a run of vq, which does not say how it is given away"):
        export.run(Workdir(tokenizer).config(), tokenizer, tmp_path / "out")


def test_a_model_without_words_goes_out_and_comes_back_without(read, tmp_path):
    export.write(read._replace(vocabulary=None), tmp_path / "out")
    assert not (tmp_path / "out" / "tokenizer").exists()
    assert "tokenizer" not in json.loads((tmp_path / "out" / "model_index.json").read_text())
    assert export.read(tmp_path / "out").vocabulary is None
