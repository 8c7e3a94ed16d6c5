"""A trained run as a folder that it is given away in, written and read.

python -m itit_jax.main --mode=export --workdir=RUN --out=DIR

    itit_jax.json               format, recipe, step, config; which file holds which part, checksums
    model_index.json README.md  which library opens what; the model card
    PART/                       config.json, weights, in the layout of whoever opens it (of ITIT:
                                itit, text_encoder, vqvae)
    tokenizer/                  spiece.model, ... for Hugging Face's AutoTokenizer
"""

import hashlib
import json
import os
import pathlib

from safetensors import SafetensorError

from data_pipelines.errors import UserError
from data_pipelines.files import check_writable, is_address, whole_folder
from data_pipelines.words.pieces import Pieces
from itit_jax import compiled, inputs, parts
from itit_jax import config as settings
from itit_jax.exported import (
    ABOUT,
    FORMAT,
    SEAL,
    WORDS,
    broken,
    is_export,
    read_about,
    seal_of,
    sums_of,
)
from itit_jax.recipes import base
from itit_jax.serve import card, ecosystem, trained
from itit_jax.serve.tokenizer_files import tokenizer_files
from itit_jax.towers import words
from itit_jax.towers.pixels import PREPARED
from itit_jax.weights import load as weights
from itit_jax.workdir import EXPORTED


def run(config, workdir, out):
    """--mode=export: the newest checkpoint of `workdir` into the fresh folder `out`."""
    check_free(out)
    write(trained.of_run(workdir, config), out)
    print(f"{out}: {', '.join(sorted(os.listdir(out)))}")
    return 0


# ---- out ---------------------------------------------------------------------------------------


def check_free(out):
    """Refuses a folder that something would be lost or mixed in."""
    if is_address(out):
        raise UserError(f"{out} is an address; export to a folder here and copy that.")
    out = pathlib.Path(out)
    if out.is_file() or out.is_dir() and any(out.iterdir()):
        raise UserError(f"{out} is not empty; choose another folder.")
    check_writable(out)


def write(found, out):
    """A Trained into the folder `out`, whole or not at all."""
    check_free(out)
    if not isinstance(found.recipe, base.Publishes):
        raise UserError(
            f"{found.folder} is a run of {found.config.recipe}, which does not say how it is given "
            "away; export a run of a recipe that does."
        )
    try:
        with whole_folder(out) as draft:
            _write_all(found, draft, pathlib.Path(out).absolute().name)
    except (OSError, SafetensorError) as error:  # the latter also where a disk is full
        raise UserError(f"{out} cannot be written ({error}); choose another place.") from error


def _write_all(found, folder, name):
    about, given = describe(found), found.recipe.published()
    size = found.config.data.image_size
    described = {part: ecosystem.describe(how, size) for part, how in given.items()}
    for part, how in described.items():
        _write_part(found, part, given[part], how, folder, about)
    index = {given[part].folder: how for part, how in described.items()}
    if found.vocabulary is not None:
        _write_words(found, folder / WORDS, given.values())
    told = isinstance(found.vocabulary, Pieces)  # with our ids; others' are two higher here
    _write_json(folder / "model_index.json", ecosystem.model_index(index, told))
    (folder / "README.md").write_text(_card(found, name), encoding="utf-8")
    about["parts"] = {part: f"{given[part].folder}/{how.file}" for part, how in described.items()}
    about["sha256"] = sums_of(folder)
    about[SEAL] = seal_of(about)
    _write_json(folder / ABOUT, about)


def _write_words(found, folder, given):
    folder.mkdir()
    length = found.config.data.text_length
    # SigLIP's tower attends to padding, as it was trained; transformers' obeys a mask it is given.
    masked = not any(how.layout == "siglip" and not how.words for how in given)
    for file, data in tokenizer_files(found.vocabulary, length, masked).items():
        (folder / file).write_bytes(data)


def _write_part(found, part, published, how, folder, about):
    inside = folder / published.folder
    inside.mkdir()
    _write_json(inside / "config.json", how.config)
    if published.config:
        run_of_it = without_places(published.config)
        (inside / EXPORTED).write_text(settings.to_json(run_of_it), encoding="utf-8")
    if how.pictures:
        _write_json(inside / PREPARED, how.pictures)
    for file, data in published.words.files().items() if published.words else ():
        (inside / file).write_bytes(data)
    head = {key: about[key] for key in ("format", "step", "config_sha256")}
    head = {weights.OURS: json.dumps(head)} if how.layout == weights.OURS else None
    weights.save(found.params[part], how.layout, inside / how.file, head)


def describe(found):
    """What itit_jax.json says of a Trained, without its files."""
    config = settings.to_json(without_places(found.config))
    return {
        "format": FORMAT,
        "recipe": found.config.recipe,
        "step": int(found.step),
        "config_sha256": hashlib.sha256(config.encode()).hexdigest(),
        "config": json.loads(config),
    }


def without_places(config):
    """The config with nothing said of where files lay: nobody else's business, and of no use."""
    places = {name: key for name, key in settings.declared(config).items() if key.place}
    return settings.override(config, [f"{name}={key.default}" for name, key in places.items()])


def _card(found, name):
    before = found.folder / "README.md"
    if is_export(found.folder) and before.is_file():
        return before.read_text(encoding="utf-8")
    return card.text(found, name)


def _write_json(file, tree):
    file.write_text(json.dumps(tree, indent=1) + "\n", encoding="utf-8")


# ---- in ----------------------------------------------------------------------------------------


def read(folder):
    """-> Trained of an export. Needs neither the run nor its data."""
    folder = pathlib.Path(folder)
    about = read_about(folder)
    config = settings.from_json(json.dumps(about["config"]), str(folder / ABOUT))
    config = _rooted(config, folder, about)
    compiled.keep(config.compile_cache)
    recipe = base.find(config)
    abstract = parts.abstract_local(recipe, config.mesh.rules)
    # By file: of a folder, another one that lies there might be taken, which nobody checked.
    files = about["parts"]
    if abstract.keys() - files.keys():
        raise broken(folder / ABOUT)
    kinds = {p: weights.OURS for p, how in recipe.published().items() if how.layout == weights.OURS}
    params = {
        part: weights.load(folder / files[part], abstract[part], kind=kinds.get(part, ""))
        for part in abstract
    }
    vocabulary = inputs.given_vocabulary(folder, about)
    return trained.Trained(folder, config, recipe, params, about["step"], vocabulary)


def _rooted(config, folder, about):
    """The config where parts that others made are those of the export. Nothing else that a
    stranger's config may name is ever opened."""
    known = (EXPORTED, *words.FILES)  # of a part that a run made; beside one that was published
    made = [part for part, file in about["parts"].items()
            if {f"{pathlib.PurePath(file).parent}/{name}" for name in known} & set(about["sha256"])]
    places = [f"{part}.weights={(folder / about['parts'][part]).parent}" for part in made]
    return settings.override(without_places(config), places)
