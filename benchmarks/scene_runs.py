"""Runs on scenes that several studies share: one data set, one tokenizer, one evaluation.

Studies of one folder make each of them once. 20,000 pairs with eight questions about each picture,
6,000 lone pictures and 6,000 lone texts; who sees few pairs sees the first 500 of them.
"""

from benchmarks.study import interval

PAIRS, FEW, QUESTIONS = 20_000, 500, 8
FOLDER = "runs/scenes"
SCORES = {"captioning": "i2t_scene_f1", "drawing": "t2i_scene_f1"}
NUMBERS = {"CIDEr": "i2t_cider", "FID": "t2i_fid"}
INTERVALS = "95 %, bootstrap over the scenes of the 500 test pictures of one run"


def data(work):
    """("data", what a user would type)."""
    build = ["python", "-m", "data_pipelines.build", "--from=scenes", "--preset=tiny"]
    sizes = [f"--pairs={PAIRS}", f"--questions_each={QUESTIONS}", f"--out={work / 'data'}"]
    return "data", [*build, *sizes]


def base(work):
    """What every study of drawings begins with."""
    yield data(work)
    yield train(work, "tokenizer", "vq")
    encode = ("--mode=encode", f"--config.tokenizer.workdir={work / 'tokenizer'}")
    name, words = train(work, "tokens", "itit")
    yield name, [*words, *encode]
    yield train(work, "classifier", "classifier")


def train(work, name, preset, *keys):
    """(name, the training of a tiny config in a workdir of that name)."""
    words = ["python", "-m", "itit_jax.main", f"--config=configs/{preset}_tiny.py"]
    places = [f"--workdir={work / name}", f"--config.data.path={work / 'data'}"]
    return name, [*words, *places, *(f"--config.{key}" for key in keys)]


def space(work, name, pairs, *keys):
    """Towers that saw so many pairs."""
    return train(work, name, "towers", f"data.pairs={pairs}", *keys)


def itit(work, cycle, pairs=FEW, seed=0, *keys, name=None):
    """ITIT by the mode of its cycles, in the folder CYCLE_PAIRS_SEED."""
    own = (f"cycle.mode={cycle}", f"data.pairs={pairs}", f"seed={seed}", tokens(work), *keys)
    return train(work, name or f"itit_{cycle}_{pairs}_{seed}", "itit", *drawn(work), *own)


def c3(work, name, tower, *keys):
    """C3 in the space of a run; its captioner sees lone texts, its drawer lone pictures."""
    place = (f"tower.workdir={work / tower}", f"data.pairs={FEW}")
    return train(work, name, "c3", *drawn(work), *place, *keys)


def ernie(work, name, pairs, *keys):
    """ERNIE-ViLG of so many pairs; where its reconstructor learns from pixels, from pixels."""
    pixels = any(key.startswith("model.reconstructor=") for key in keys)
    own = (f"data.pairs={pairs}", *(() if pixels else (tokens(work),)), *keys)
    return train(work, name, "ernie_vilg", *drawn(work), *own)


def drawn(work):
    """Keys of every run that draws: its tokenizer, and how it is scored."""
    features = f"evaluate.features=scenes:{work / 'classifier'}"
    return (f"tokenizer.workdir={work / 'tokenizer'}", "evaluate.captions=true", features)


def tokens(work):
    """The key by which a run reads tokens instead of pixels: the same, and sooner."""
    return f"data.tokens={work / 'tokens'}"


def scored(scores):
    """{label: [score, low, high] or score} of one split of a run."""
    intervals = {label: interval(scores, key) for label, key in SCORES.items()}
    return intervals | {label: scores.get(key) for label, key in NUMBERS.items()}
