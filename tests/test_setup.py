"""What is imported is what setup.py names, and the other way round."""

import ast
import importlib.metadata
import pathlib
import re
import sys
import types
from unittest import mock

import pytest

ROOT = pathlib.Path(__file__).parent.parent
PACKAGES = ("itit_jax", "data_pipelines", "configs", "benchmarks", "launch")
EXTRAS = {
    "pyarrow": "data",
    "seqio": "data",
    "tensorflow": "data",
    "tensorflow_datasets": "data",
    "tokenizers": "towers",
    "huggingface_hub": "hub",
    "etils": "gcs",  # the rest of etils comes with Orbax; epath alone is ours, in buckets
    "fsspec": "gcs",
}
HEAVY = "data_pipelines/tasks.py"  # the seqio engine, imported where it is asked for
PEERS = "benchmarks/versus/peers/"  # for the Python that has them
# Programs of others, used where a person has put them; from torch on those of PEERS.
BESIDE = {"pycocoevalcap", "apache_beam", "torch", "diffusers", "transformers", "accelerate",
          "ema_pytorch", "vector_quantize_pytorch", "muse_maskgit_pytorch"}  # fmt: skip
UNIMPORTED = {"gcsfs", "tensorflow-datasets"}  # fsspec and seqio look for these by their names


def normal(requirement):
    """Name of a distribution, spelt as names are compared."""
    return re.sub(r"[-_.]+", "-", re.match(r"[\w.-]+", requirement)[0]).lower()


def named():
    """{"core" or extra: distributions} as setup.py hands them over."""
    given = {}
    tools = types.SimpleNamespace(find_packages=lambda **_: [], setup=given.update)
    with mock.patch.dict(sys.modules, setuptools=tools):
        exec(compile((ROOT / "setup.py").read_text(), "setup.py", "exec"), {})
    lists = {"core": given["install_requires"], **given["extras_require"]}
    return {name: {normal(r) for r in requirements} for name, requirements in lists.items()}


def imports(text):
    """{first part of a foreign name: whether the file itself imports it, not a function of it}."""
    tree, found = ast.parse(text), {}
    outer = {id(node) for node in tree.body}
    for node in ast.walk(tree):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and not node.level:
            names = [node.module]
        for name in {name.partition(".")[0] for name in names}:
            if name not in (*PACKAGES, *sys.stdlib_module_names):
                found[name] = found.get(name, False) or id(node) in outer
    return found


NAMED = named()
OWNERS = importlib.metadata.packages_distributions()  # {import name: distributions}
FOUND = {
    file.relative_to(ROOT).as_posix(): imports(file.read_text())
    for package in PACKAGES
    for file in sorted((ROOT / package).rglob("*.py"))
}


def distributions(name):
    return {normal(owner) for owner in OWNERS.get(name, [name])}


@pytest.mark.parametrize("name", sorted({name for found in FOUND.values() for name in found}))
def test_every_import_is_named_where_it_belongs(name):
    if name in BESIDE:
        assert not any(distributions(name) & listed for listed in NAMED.values())
    else:
        assert distributions(name) & NAMED[EXTRAS.get(name, "core")], name


def test_what_is_not_of_the_core_is_imported_where_it_is_needed():
    for file, found in FOUND.items():
        early = {name for name, outer in found.items() if outer and name in {*EXTRAS, *BESIDE}}
        assert not early or file == HEAVY or file.startswith(PEERS), (file, early)


def test_every_requirement_is_imported():
    met = set().union(*(distributions(name) for found in FOUND.values() for name in found))
    for extra in ("core", "data", "towers", "hub", "gcs"):
        assert NAMED[extra] <= met | UNIMPORTED, (extra, NAMED[extra] - met)


def test_what_a_user_types_imports_nothing_of_others():
    assert not any(found for file, found in FOUND.items() if file.startswith("launch/"))


def test_imports_of_functions_and_parts_of_packages_are_seen():
    text = "import os, jax.numpy\nfrom PIL import Image\ndef f():\n    from etils import epath"
    assert imports(text) == {"jax": True, "PIL": True, "etils": False}
