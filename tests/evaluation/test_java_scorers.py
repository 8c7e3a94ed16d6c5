"""METEOR and SPICE: asked where they are, named where they are not. The programs are stood in for,
as a test must run without Java; what they are given and what is made of their answers is ours."""

import os
import sys

import pytest

from itit_jax.evaluation import java_scorers

PACKAGE = {
    "__init__": "",
    "tokenizer/__init__": "",
    "tokenizer/ptbtokenizer": """
class PTBTokenizer:
    def tokenize(self, rows):
        return {i: [row["caption"].lower() for row in found] for i, found in rows.items()}
""",
    "meteor/__init__": "",
    "meteor/meteor": """
class Meteor:
    def compute_score(self, references, hypotheses):
        assert references == {0: ["a dog", "one dog"], 1: ["two men"]}, references
        assert hypotheses == {0: ["a dog"], 1: ["bikes"]}, hypotheses
        return 0.5, [1.0, 0.0]
""",
    "spice/__init__": "",
    "spice/spice": """
class Spice:
    def compute_score(self, references, hypotheses):
        return 0.25, [{"All": {"f": 0.5, "pr": 1.0}}, {"All": {"f": 0.0, "pr": 0.0}}]
""",
}
TEXTS = ["A dog", "bikes"], [["a dog", "one dog"], ["Two men"]]


@pytest.fixture
def installed(tmp_path, monkeypatch):
    """A folder that is first on the paths of programs and packages."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("LC_ALL", "C")
    monkeypatch.syspath_prepend(tmp_path)
    yield tmp_path
    for name in [name for name in sys.modules if name.startswith("pycocoevalcap")]:
        del sys.modules[name]


def put_java(folder):
    (folder / "java").write_text("")
    (folder / "java").chmod(0o755)


def put_package(folder):
    for name, text in PACKAGE.items():
        file = folder / "pycocoevalcap" / f"{name}.py"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)


@pytest.mark.parametrize("put", [lambda folder: None, put_package])
def test_without_java_both_say_what_to_install(put, installed):
    put(installed)
    found = java_scorers.score(*TEXTS)
    assert found["METEOR"] == found["SPICE"]
    assert "install Java and pycocoevalcap" in found["METEOR"]["missing"]


def test_without_its_models_spice_alone_is_missing(installed):
    put_java(installed)
    put_package(installed)
    found = java_scorers.score(*TEXTS)
    assert found["METEOR"] == {"score": 0.5, "items": [1, 0], "signature": "meteor:1.5-java|n:2"}
    assert java_scorers.MODELS in found["SPICE"]["missing"]
    assert os.environ["LC_ALL"] == "C.UTF-8"  # the JVM would spoil other letters


def test_spice_is_the_f_score_of_all_tuples(installed):
    put_java(installed)
    put_package(installed)
    models = installed / "pycocoevalcap" / java_scorers.MODELS
    models.parent.mkdir(parents=True)
    models.touch()
    found = java_scorers.score(*TEXTS)["SPICE"]
    assert found == {"score": 0.25, "items": [0.5, 0], "signature": "spice:1.0-java|n:2"}
