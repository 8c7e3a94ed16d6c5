"""Settings: what is accepted, what is refused and in which words, and that JAX is not needed."""

import pathlib
import subprocess
import sys

import pytest

from configs import itit, vq
from itit_jax import config as settings
from itit_jax.config import ConfigError

ROOT = pathlib.Path(__file__).parent.parent
TINY = "configs/itit_tiny.py"
FILES = sorted((ROOT / "configs").glob("*.py"))
EXPERIMENTS = [f"configs/{f.name}" for f in FILES if "def get_config" in f.read_text()]


def refusal(function, *arguments, **named):
    """The one sentence with which something is refused."""
    with pytest.raises(ConfigError) as caught:
        function(*arguments, **named)
    sentence = str(caught.value)
    assert "\n" not in sentence and sentence.endswith((".", "?"))
    return sentence


def small(**changes):
    """An ITIT config that passes every check, with dotted changes."""
    return settings.load(TINY, overrides=[f"{key}={value}" for key, value in changes.items()])


# ---- the experiments ----------------------------------------------------------------------------


@pytest.mark.parametrize("path", EXPERIMENTS)
def test_every_experiment_passes_its_checks(path):
    config = settings.load(path)
    assert config.is_locked
    assert settings.flat(config).keys() == settings.declared(config).keys()


@pytest.mark.parametrize("path", EXPERIMENTS)
def test_json_gives_back_an_equal_config(path):
    config = settings.load(path)
    again = settings.from_json(settings.to_json(config))
    assert again.to_dict() == config.to_dict()
    types = {name: type(value) for name, value in settings.flat(config).items()}
    assert {name: type(value) for name, value in settings.flat(again).items()} == types
    assert isinstance(again.mesh.rules[0][1], tuple)


def test_every_key_has_help_and_a_default_that_passes_its_check():
    for keys in (itit.KEYS, vq.KEYS):
        for key in keys.values():
            assert key.help and "\n" not in key.help
            assert key.accept(key.default) == key.default


def test_sizes_are_those_of_vit():
    sizes = {"base": (12, 768, 12), "large": (24, 1024, 16), "huge": (32, 1280, 16)}
    for name, (depth, width, heads) in sizes.items():
        model = settings.load(f"configs/itit_{name}.py").model
        assert (model.depth, model.width, model.heads) == (depth, width, heads)
        assert model.mlp_width == 4 * width
        assert model.text_decoder.width == 768  # constant over the sizes


def test_loading_imports_neither_jax_nor_numpy():
    code = (
        "import sys, itit_jax.main; from itit_jax import config;"
        f"config.load({TINY!r}, overrides=['train.steps=2000']);"
        "print([m for m in ('jax', 'flax', 'numpy', 'tensorflow') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.stdout.strip() == "[]", done.stderr


# ---- single settings ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("data.rows.draw=8", 8),
        ("train.steps=1_000_000", 1_000_000),
        ("optimizer.learning_rate=1e-3", 1e-3),
        ("optimizer.learning_rate=1", 1.0),
        ("model.scan=false", False),
        ("text_encoder.trainable=True", True),
        ("tokenizer.workdir=gs://a/b=c d", "gs://a/b=c d"),
        ("data.path='quoted'", "quoted"),
        ("data.path=", ""),
        ("mesh.rules=((r'.*kernel', (None, 'fsdp')),)", ((".*kernel", (None, "fsdp")),)),
    ],
)
def test_a_value_is_read_by_the_type_of_its_key(setting, value):
    read = settings.flat(settings.load(TINY, overrides=[setting]))[setting.partition("=")[0]]
    assert read == value and type(read) is type(value)


@pytest.mark.parametrize("text", ["(1,2)", "1,2", "[1, 2]", "1,2,"])
def test_lists_are_read_in_any_usual_form(text):
    config = settings.load("configs/vq_tiny.py", overrides=[f"model.channel_multipliers={text}"])
    assert config.model.channel_multipliers == (1, 2)


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ("data.rows.drw=3", "there is no key data.rows.drw; did you mean data.rows.draw?"),
        ("data.rows=3", "data.rows is a section; set one of its keys, e.g. data.rows.caption."),
        ("train.steps=ten", "train.steps must be a whole number, not 'ten'."),
        ("train.steps=1e3", "must be a whole number"),
        ("train.steps=-1", "must be between 1 and"),
        ("train.steps", "has no value"),
        ("optimizer.learning_rate=nan", "must be a finite number"),
        ("optimizer.learning_rate=inf", "must be a finite number"),
        ("optimizer.learning_rate=-5", "must be above 0"),
        ("optimizer.b1=99", "must be at least 0 and below 1"),
        ("data.augment.crop=0", "must be above 0 and at most 1"),
        ("data.augment.crop=80", "must be above 0 and at most 1"),
        ("data.augment.flip=0.5", "must be true or false"),
        ("data.augment.colour=1.5", "must be between 0 and 1"),
        ("data.augment.sides=1,2", "must be words with commas between"),
        ("data.augment.color=0.2", "did you mean data.augment.colour?"),
        ("model.scan=1", "must be true or false"),
        ("mesh.data=(1,2)", "must be a whole number"),
        ("mesh.data=0", "must be at least 1, or -1"),
        ("mesh.rules=3", "mesh.rules must be"),
        ("mesh.rules=(('a(', ()),)", "mesh.rules must be"),
        ("mesh.rules=(('a', ('fsdp', 'fsdp')),)", "mesh.rules must be"),
        ("mesh.rules=(('a', ('model',)),)", "mesh.rules must be"),
        ("cycle.mode=ful", "must be one of none, half, full, not 'ful' (did you mean full?)."),
        ("recipe=vq", "the config file chooses the recipe"),
    ],
)
def test_a_wrong_setting_is_refused(setting, words):
    sentence = refusal(settings.load, TINY, overrides=[setting])
    assert words in sentence and f"--config.{setting}" in sentence


def test_a_key_given_twice_is_refused():
    assert "given twice" in refusal(
        settings.load, TINY, overrides=["train.steps=1900", "train.steps=9010"]
    )


def test_override_leaves_the_given_config_alone():
    config = settings.load(TINY)
    assert settings.override(config, ["data.rows.draw=8"]).data.rows.draw == 8
    assert config.data.rows.draw != 8


# ---- gin ----------------------------------------------------------------------------------------

SETTINGS = {
    "data.rows.draw": ("8", "8"),
    "train.steps": ("9000", "9000"),
    "optimizer.name": ("adafactor", '"adafactor"'),
    "optimizer.weight_decay": ("0", "0"),
    "model.scan": ("false", "False"),
    "mesh.rules": ("(('.*',()),)", "[('.*', ())]"),
    "data.path": ("a b", "'a ' 'b'"),
}


def test_gin_files_gin_flags_and_config_flags_give_equal_configs(tmp_path):
    flags = [f"{key}={text}" for key, (text, _) in SETTINGS.items()]
    file = tmp_path / "all.gin"
    file.write_text("# all\n" + "".join(f"{k} = {gin}\n" for k, (_, gin) in SETTINGS.items()))
    by_flags = settings.load(TINY, overrides=flags).to_dict()
    assert settings.load(TINY, gin=flags).to_dict() == by_flags
    assert settings.load(TINY, gin_files=[str(file)]).to_dict() == by_flags
    assert settings.load(TINY).to_dict() != by_flags


def test_later_settings_win_over_earlier_kinds(tmp_path):
    file = tmp_path / "a.gin"
    file.write_text("train.steps = 1000\ndata.rows.draw = 1\nseed = 1\ndata.rows:\n  texts = 1\n")
    config = settings.load(
        TINY,
        gin_files=[str(file)],
        gin=["train.steps=9001", "data.rows.draw=2"],
        overrides=["train.steps=9002"],
    )
    assert (config.train.steps, config.data.rows.draw, config.seed) == (9002, 2, 1)
    assert config.data.rows.texts == 1


# ---- checks of several keys ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"model.heads": 5}, ("model.width", "model.heads")),
        ({"model.text_decoder.heads": 5}, ("model.text_decoder.width",)),
        ({"data.rows.texts": 0}, ("loss.t2i2t", "data.rows.texts")),
        ({"data.rows.draw": 0}, ("loss.draw", "data.rows.draw")),
        ({"optimizer.warmup_steps": 50000}, ("optimizer.warmup_steps", "train.steps")),
        ({"cycle.t2i2t_start": 50000}, ("cycle.t2i2t_start", "train.steps")),
        ({"mesh.data": 5, "mesh.fsdp": 1}, ("data.rows", "mesh.data")),
        ({"mesh.fsdp": -1}, ("mesh.data", "mesh.fsdp")),
        ({"cycle.generator": "ema", "optimizer.ema_decay": 0}, ("optimizer.ema_decay",)),
        ({"loss.draw": 0, "loss.caption": 0, "cycle.mode": "none"}, ("loss.draw",)),
    ],
)
def test_keys_that_contradict_each_other_are_named(changes, named):
    sentence = refusal(small, **changes)
    assert all(name in sentence for name in named)


@pytest.mark.parametrize("augment", ["crop=0.8", "flip=true", "colour=0.2"])
def test_augmentation_wants_pixels_to_change(augment):
    load = lambda *more: settings.load(
        "configs/ernie_vilg_vqa_tiny.py", overrides=[f"data.augment.{augment}", *more]
    )
    encoded = ["data.tokens=made", "data.augment.sides=top"]  # no change by itself
    assert settings.load(TINY, overrides=encoded)
    sentence = refusal(settings.load, TINY, overrides=[*encoded, f"data.augment.{augment}"])
    assert "data.augment changes pixels" in sentence and "take data.tokens out" in sentence
    assert "data.augment.crop=1, flip=false and colour=0" in refusal(load)  # reads questions alone
    assert load("data.rows.caption=2")


def test_a_cycle_that_is_off_needs_no_rows():
    off = {"cycle.mode": "none", "data.rows.texts": 0, "data.rows.images": 0}
    assert small(**off, **{"cycle.t2i2t_start": 10**6}).data.rows.texts == 0


@pytest.mark.parametrize(
    ("setting", "named"),
    [
        ("data.image_size=30", "factor 8"),
        ("data.rows.images=0", "data.rows.images"),
        ("loss.l1=0", "loss.l2"),
    ],
)
def test_a_tokenizer_that_cannot_work_is_refused(setting, named):
    overrides = [setting, "loss.l2=0"]
    assert named in refusal(settings.load, "configs/vq_tiny.py", overrides=overrides)


@pytest.mark.parametrize(
    ("path", "setting", "words"),
    [
        ("configs/vq_maskgit.py", "train.accumulate=2", "revive would take codes that other"),
        ("configs/towers_tiny.py", "loss.temperature=0.005", "multiplied 100 times at most"),
    ],
)
def test_what_a_loss_cannot_do_does_not_begin_and_is_read_of_a_run(path, setting, words):
    overrides = [setting, "loss.revive=1" if "vq" in path else "loss.contrast=infonce"]
    config = settings.load(path, overrides=overrides)
    assert words in refusal(settings.check_begins, config)


def test_missing_data_is_told_before_the_run(tmp_path):
    assert "data.path is empty" in refusal(settings.check_needs, small())
    gone = small(**{"data.path": tmp_path / "gone"})
    assert "gone, which does not exist" in refusal(settings.check_needs, gone)
    empty = small(**{"data.path": tmp_path})
    assert "holds no dataset.json" in refusal(settings.check_needs, empty)


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ("inception", "which names no features; give one of inception:PATH"),
        ("inception:", "which names no features"),
        ("vgg:/", "which names no features"),
        ("scenes:/gone", "/gone does not exist"),
        ("scenes:/", "evaluate.examples is 1"),
    ],
)
def test_features_that_cannot_measure_are_told_before_the_run(spec, words, tmp_path):
    (tmp_path / "dataset.json").write_text("{}")
    examples = 1 if spec == "scenes:/" else 2
    config = small(**{"data.path": tmp_path, "evaluate.features": spec,
                      "evaluate.examples": examples})  # fmt: skip
    sentence = refusal(settings.check_needs, config)
    assert sentence.startswith("evaluate.") and words in sentence


def test_maskgit_s_layout_allows_no_part_that_it_lacks():
    path = "configs/vq_maskgit.py"
    for setting, words in (("patch=2", "patch than 1"), ("code_width=8", "latent_channels than 8")):
        sentence = refusal(settings.load, path, overrides=[f"model.{setting}"])
        assert f"model.layout=maskgit has no other model.{words}" in sentence


def test_help_lists_every_key_with_value_and_default():
    text = settings.describe(small(**{"train.steps": 2000}))
    for name, key in itit.KEYS.items():
        assert f"--config.{name}=" in text and key.help in text
    assert "--config.train.steps=2000" in text and "(default 1000)" in text
