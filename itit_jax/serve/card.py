"""The model card of a run: what it is, how to use it, where it comes from, how good it is."""

import itertools
import json
import os
import pathlib

import jax

from data_pipelines.records import INFO, read_info
from itit_jax import config as settings
from itit_jax.recipes import base
from itit_jax.serve import ecosystem
from itit_jax.workdir import EXPORTED, Workdir

# Licences that the hub knows by the same name in small letters; others are told in words.
KNOWN = ("CC0-1.0", "CC-BY-4.0", "CC-BY-SA-4.0", "CC-BY-NC-4.0", "Apache-2.0", "MIT")
ABILITIES = {
    base.Draws: "draws a text",
    base.Captions: "captions a picture",
    base.Answers: "answers questions about a picture",
    base.Embeds: "puts pictures and texts into one space",
}
# What a hub calls them; the first that a model has is its pipeline.
TASKS = {
    base.Draws: ("text-to-image",),
    base.Captions: ("image-to-text", "image-captioning"),
    base.Answers: ("visual-question-answering",),
}
EMBEDS = """from transformers import AutoModel, AutoTokenizer

towers = AutoModel.from_pretrained("FOLDER", subfolder="tower")
words = AutoTokenizer.from_pretrained("FOLDER", subfolder="tokenizer")"""
FEATURES = "t2i_features"  # of eval.json: a name, not a score
SHOWN = (
    "data.image_size", "data.text_length", "data.pairs", "data.lone_images", "data.lone_texts",
    "model.width", "model.depth", "model.image_decoder.depth", "model.text_decoder.depth",
    "model.vocabulary_size", "text_encoder.layers", "text_encoder.width",
    "text_encoder.trainable", "cycle.mode", "optimizer.name", "optimizer.learning_rate",
    "train.steps", "decode.rounds", "decode.temperature", "decode.guidance", "seed",
)  # fmt: skip


def text(found, name):
    """README.md of a serve.trained.Trained under the name of its folder."""
    data = _data(found.config)
    sections = (
        _front(found, data),
        _what(found, name),
        _use(found),
        _folders(found),
        _training(found, data),
        _scores(found),
        _limits(found, data),
    )
    return "\n\n".join(sections) + "\n"


def _data(config):
    """dataset.json of the training data, or {} where that is gone."""
    there = os.path.isfile(os.path.join(config.data.path, INFO))
    return read_info(config.data.path) if there else {}


def _front(found, data):
    licence = data.get("licence", "")
    known = licence in KNOWN
    lines = [f"license: {licence.lower() if known else 'other'}"]
    if not known:
        lines.append(f"license_name: {json.dumps(licence or 'not told')}")
    able = [names for ability, names in TASKS.items() if isinstance(found.recipe, ability)]
    tags = [*itertools.chain(*able), "jax", "flax", found.config.recipe]
    lines += ["library_name: itit_jax", *(f"pipeline_tag: {names[0]}" for names in able[:1])]
    return "\n".join(["---", *lines, "tags:", *(f"- {tag}" for tag in tags), "---"])


def _what(found, name):
    count = sum(leaf.size for leaf in jax.tree.leaves(found.params))
    size, length = found.config.data.image_size, found.config.data.text_length
    paper = settings.spec(found.config).paper or f"the recipe `{found.config.recipe}`"
    can = [words for ability, words in ABILITIES.items() if isinstance(found.recipe, ability)]
    return (
        f"# {name}\n\n"
        f"{' and '.join(can).capitalize()}, with one model: {count:,} parameters, pictures of "
        f"{size}x{size} pixels, texts of up to {length} tokens. Trained with {paper} in "
        f"`itit_jax`. This is step {found.step:,}."
    )


def _use(found):
    abilities = base.Draws, base.Captions, base.Answers
    draws, captions, answers = (isinstance(found.recipe, ability) for ability in abilities)
    if isinstance(found.recipe, base.Embeds) and not (draws or captions or answers):
        return f"## Use\n\n```python\n{EMBEDS}\n```\n\nTexts are padded to their length with 0."
    python = ["from itit_jax.serve.session import Pipeline", "",
              'pipe = Pipeline.from_pretrained("FOLDER")']  # fmt: skip
    shell = []
    if draws:
        python.append('pictures = pipe("TEXT", num_images_per_prompt=4, generator=0).images')
        shell.append('python -m itit_jax.serve.cli draw "TEXT" --out=x.png --workdir=FOLDER')
    if captions:
        python.append("print(pipe.caption(pictures))")
        shell.append("python -m itit_jax.serve.cli caption x.png --workdir=FOLDER")
    if answers:
        python.append('print(pipe.answer("x.png", "QUESTION"))')
        shell.append('python -m itit_jax.serve.cli answer x.png "QUESTION" --workdir=FOLDER')
    python, shell = "\n".join(python), "\n".join(shell)
    return f"## Use\n\n```python\n{python}\n```\n\n```\n{shell}\n```"


def _folders(found):
    size, lines = found.config.data.image_size, []
    for published in found.recipe.published().values():
        how = ecosystem.describe(published, size)
        line = f"- `{published.folder}/`: `{how.name}` of {how.library} opens it"
        if how.name == "VQModel":
            unit = published.network.unit_pixels
            line += f"; its pixels lie in {'[0, 1]' if unit else '[-1, 1]'}"
        lines.append(line + (f"; `{EXPORTED}`: how it was trained" if published.config else ""))
    words = (
        "- `tokenizer/`: `AutoTokenizer` of transformers opens it (where it holds a "
        "`tokenizer.json`, the `T5Tokenizer` of transformers 5 would make other ids); "
        "`spiece.model` is for SentencePiece\n- `itit_jax.json`: step, config and checksums"
    )
    return "\n".join(["## What is in it\n", *lines, words])


def _training(found, data):
    values = settings.flat(found.config)
    rows = "\n".join(f"| `{name}` | {_value(values, name)} |" for name in SHOWN if name in values)
    started = [
        f"The {part.replace('_', ' ')} started from `{_end(path)}`, which has its own licence."
        for part in found.params
        if (path := values.get(f"{part}.weights")) and not values.get(f"{part}.workdir")
    ]
    return "\n\n".join(
        [
            "## Training",
            _told(data),
            *started,
            f"| key | value |\n| --- | --- |\n{rows}",
        ]
    )


def _end(path):
    """The last two names of a path: what is published says itself so, the rest is private."""
    return "/".join(pathlib.PurePath(path).parts[-2:])


def _told(data):
    if not data:
        return "The data set was not at hand when this card was written."
    counts = ", ".join(f"{name} {part['records']:,}" for name, part in data["splits"].items())
    return (
        f"Data set: `{data['name']}`, made by `{data['made_by']}` ({counts}). Licence of the "
        f"data: {data['licence']}. The licence at the head of this card is that of the data; "
        "put the one there under which you give the weights away."
    )


def _value(values, name):
    value = values[name]
    if value == 0 and name.startswith("data."):
        return "all"
    return str(value).lower() if isinstance(value, bool) else value


def _scores(found):
    """A table of the scores of this step, with the 95 % intervals that eval.json holds."""
    splits = Workdir(found.folder).scores().get(str(found.step), {})
    if not splits:
        return "## Scores\n\nThis step was not scored; `--mode=eval` does, before the export."
    rows = [
        f"| {split} | {name} | {value:.4g} | {_interval(scores, name)} |"
        for split, scores in splits.items()
        for name, value in scores.items()
        if not name.endswith(("_low", "_high")) and name != FEATURES
    ]
    by = sorted({scores[FEATURES] for scores in splits.values() if FEATURES in scores})
    head = "| split | score | value | 95 % interval |\n| --- | --- | --- | --- |"
    told = "`t2i`: text to image, `i2t`: image to text; `examples`: how many were scored."
    told += "".join(f"\nFID and its kin are of the features `{name}`." for name in by)
    return "\n".join([f"## Scores\n\n{told}\n", head, *rows])


def _interval(scores, name):
    """Ends of an interval; those of the Inception Score are one deviation, which is another."""
    low, high = scores.get(f"{name}_low"), scores.get(f"{name}_high")
    return "" if low is None or name.endswith("_is") else f"{low:.4g} to {high:.4g}"


def _limits(found, data):
    name = f"`{data['name']}`" if data else "its training data"
    return f"""## Limits

It knows what {name} shows and says, and nothing else: other words, styles and objects give
pictures and captions that only look like an answer. Texts of more than
{found.config.data.text_length} tokens are refused, pictures are cut to a square and scaled to
{found.config.data.image_size} pixels. No filter looks at what it draws or says."""
