"""A trained run as a folder that it is given away in, written and read.

python -m itit_jax.main --mode=export --workdir=RUN --out=DIR

    model_index.json  README.md                  which library opens what; the model card
    itit/             config.json, weights       encoder and decoders; format, step, checksums
    text_encoder/     config.json, weights       Hugging Face's T5EncoderModel
    tokenizer/        spiece.model, ...          Hugging Face's AutoTokenizer
    vqvae/            config.json, weights       diffusers' VQModel where it has such a network
"""

import hashlib
import json
import os
import pathlib
import shutil

from safetensors import SafetensorError

from data_pipelines.errors import UserError
from data_pipelines.words.pieces import Pieces
from itit_jax import config as settings
from itit_jax import parts
from itit_jax.recipes import base
from itit_jax.serve import card, ecosystem, trained
from itit_jax.serve.tokenizer_files import tokenizer_files
from itit_jax.weights import load as weights
from itit_jax.workdir import EXPORTED, config_of

FORMAT = 1
INDEX = "model_index.json"
OWN, DIFFUSERS = "model.safetensors", "diffusion_pytorch_model.safetensors"
# Where things lay on the machine of the run: nobody else's business, and of no use there.
PLACES = ("data.path", "data.vocabulary", "data.tokens", "tokenizer.workdir", "tokenizer.weights",
          "tokenizer.config", "text_encoder.weights", "evaluate.features")  # fmt: skip


def run(config, workdir, out):
    """--mode=export: the newest checkpoint of `workdir` into the fresh folder `out`."""
    check_free(out)
    write(trained.of_run(workdir, config), out)
    print(f"{out}: {', '.join(sorted(os.listdir(out)))}")
    return 0


def is_export(folder):
    """Whether a folder is one of ours."""
    return (pathlib.Path(folder) / INDEX).is_file()


# ---- out ---------------------------------------------------------------------------------------


def check_free(out):
    """Refuses a folder that something would be lost or mixed in."""
    if "://" in str(out):
        raise UserError(f"{out} is an address; export to a folder here and copy that.")
    out = pathlib.Path(out)
    if out.is_file() or out.is_dir() and any(out.iterdir()):
        raise UserError(f"{out} is not empty; choose another folder.")


def write(found, out):
    """A Trained into the folder `out`, whole or not at all."""
    check_free(out)
    out = pathlib.Path(out).absolute()
    draft = out.with_name(f".{out.name}.{os.getpid()}")
    try:
        _write_all(found, draft, out.name)
        if out.exists():
            out.rmdir()
        os.replace(draft, out)
    except (OSError, SafetensorError) as error:  # the latter also where a disk is full
        raise UserError(f"{out} cannot be written ({error}); choose another place.") from error
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def _write_all(found, folder, name):
    about = describe(found)
    for part in ("itit", "text_encoder", "tokenizer", "vqvae"):
        (folder / part).mkdir(parents=True)
    vqmodel = ecosystem.vqmodel_config(found.recipe.tokenizer, found.config.data.image_size)
    _write_json(folder / INDEX, ecosystem.model_index(bool(vqmodel)))
    head = json.dumps({name: about[name] for name in ("format", "step", "config_sha256")})
    _write_weights(found, "model", folder / "itit" / OWN, weights.OURS, {weights.OURS: head})
    encoder = folder / "text_encoder"
    _write_json(encoder / "config.json", ecosystem.t5_config(found.recipe.text_encoder))
    _write_weights(found, "text_encoder", encoder / OWN, "t5")
    _write_vqvae(found, folder / "vqvae", vqmodel)
    length = found.config.data.text_length
    for file, data in tokenizer_files(found.vocabulary.path, length).items():
        (folder / "tokenizer" / file).write_bytes(data)
    (folder / "README.md").write_text(_card(found, name))
    about["sha256"] = {file: _digest(folder / file) for file in needed(folder)}
    _write_json(folder / "itit" / "config.json", about)


def _write_vqvae(found, folder, vqmodel):
    run_of_it = config_of(found.config.tokenizer, "tokenizer")
    (folder / EXPORTED).write_text(settings.to_json(without_places(run_of_it)))
    size = found.config.data.image_size
    layout = run_of_it.model.layout
    described = vqmodel or ecosystem.own_vqgan_config(found.recipe.tokenizer, size, layout)
    _write_json(folder / "config.json", described)
    kind, file = ("diffusers_vq", DIFFUSERS) if vqmodel else (weights.OURS, OWN)
    _write_weights(found, "tokenizer", folder / file, kind)


def _write_weights(found, part, file, kind, head=None):
    weights.save(found.params[part], kind, file, head)


def describe(found):
    """What itit/config.json says, without the checksums of the files."""
    config = settings.to_json(without_places(found.config))
    return {
        "_class_name": "ITIT",
        "_library": "itit_jax",
        "format": FORMAT,
        "step": int(found.step),
        "config_sha256": hashlib.sha256(config.encode()).hexdigest(),
        "config": json.loads(config),
    }


def without_places(config):
    """The config with nothing said of where files lay."""
    keys = settings.declared(config)
    return settings.override(config, [f"{name}=" for name in PLACES if name in keys])


def _card(found, name):
    before = found.folder / "README.md"
    if is_export(found.folder) and before.is_file():
        return before.read_text()
    return card.text(found, name)


def needed(folder):
    """Files that are read to open an export, but for itit/config.json, which names their sums."""
    return [*_weight_files(folder).values(), "tokenizer/spiece.model", f"vqvae/{EXPORTED}"]


def _weight_files(folder):
    """{part: its weight file}."""
    vqgan = DIFFUSERS if (folder / "vqvae" / DIFFUSERS).is_file() else OWN
    return {"model": f"itit/{OWN}", "text_encoder": f"text_encoder/{OWN}",
            "tokenizer": f"vqvae/{vqgan}"}  # fmt: skip


def _write_json(file, tree):
    file.write_text(json.dumps(tree, indent=1) + "\n")


def _digest(file):
    with open(file, "rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


# ---- in ----------------------------------------------------------------------------------------


def read(folder):
    """-> Trained of an export. Needs neither the run nor its data."""
    folder = pathlib.Path(folder)
    about = _read_about(folder / "itit" / "config.json")
    for name in needed(folder):
        if not (folder / name).is_file() or _digest(folder / name) != about["sha256"].get(name):
            raise UserError(f"{folder / name} is not as it was exported; get the folder again.")
    config = settings.from_json(json.dumps(about["config"]), str(folder / "itit" / "config.json"))
    # Nothing else that a stranger's config may name is ever opened.
    config = settings.override(without_places(config), [f"tokenizer.weights={folder / 'vqvae'}"])
    recipe = base.find(config)
    abstract = parts.abstract_local(recipe, config.mesh.rules)
    # By file: of a folder, another one that lies there might be taken, which nobody checked.
    files = _weight_files(folder)
    params = {part: weights.load(folder / files[part], abstract[part]) for part in abstract}
    vocabulary = Pieces(folder / "tokenizer" / "spiece.model")
    return trained.Trained(folder, config, recipe, params, about["step"], vocabulary)


def _read_about(file):
    if not file.is_file():
        raise UserError(f"{file} does not exist; give a folder that --mode=export wrote.")
    try:
        about = json.loads(file.read_text())
        found = about["format"]
    except (ValueError, KeyError, TypeError):
        raise UserError(f"{file} is not as it was exported; get the folder again.") from None
    if found != FORMAT:
        raise UserError(
            f"{file} is of format {found} and this itit_jax reads {FORMAT}; "
            "take the version of itit_jax that wrote it."
        )
    whole = {"step", "sha256", "config"} <= about.keys() and isinstance(about["sha256"], dict)
    if not whole:
        raise UserError(f"{file} is not as it was exported; get the folder again.")
    return about
