"""Whatever a word holds, bash and YAML give it back."""

import subprocess

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from launch import text
from tests.launch.stubs import HOSTILE

ANY = st.text(st.characters(blacklist_categories=("Cs",), blacklist_characters="\0"))
KEYS = st.from_regex(r"[a-z]{1,9}", fullmatch=True)
TREES = st.recursive(
    st.booleans() | st.integers() | ANY,
    lambda inner: st.lists(inner) | st.dictionaries(KEYS, inner),
    max_leaves=12,
)


def read_by_bash(line):
    """Words of a line as bash sees them."""
    script = f"printf '%s\\0' {line}"
    done = subprocess.run(["bash", "-c", script], stdout=subprocess.PIPE, check=True, cwd="/")
    return done.stdout.decode().split("\0")[:-1]


def test_bash_reads_the_words_that_were_quoted():
    words = [*HOSTILE, *(f"a{chr(code)}b" for code in range(1, 0x180))]
    line = text.join(words)
    assert "\n" not in line
    assert read_by_bash(line) == words


@settings(max_examples=10)
@given(st.lists(ANY, min_size=1))
def test_bash_reads_any_words(words):
    assert read_by_bash(text.join(words)) == words


ODD = ("yes", "Null", "1e3", "a: b\nc\n", " a\n", "a\n\n", "x\ny", "aé\nb\n")


@pytest.mark.parametrize("value", [*HOSTILE, *ODD])
def test_yaml_reads_a_text_as_that_text(value):
    tree = {"a": value, "b": [value], "c": {"d": [{"e": value}]}}
    assert yaml.safe_load(text.yaml(tree)) == tree


@settings(max_examples=50)
@given(TREES.filter(lambda tree: isinstance(tree, dict | list) and tree))
def test_yaml_reads_any_tree(tree):
    assert yaml.safe_load(text.yaml(tree)) == tree


@pytest.mark.parametrize("value", ["a", "END", "x\nEND\ny", "END\nEND_\n", "$HOME `x` \\"])
def test_bash_hands_over_the_very_text(value):
    words = ["bash", "-c", text.here("cat", value)]
    done = subprocess.run(words, stdout=subprocess.PIPE, check=True)
    assert done.stdout.decode() == value.rstrip() + "\n"
