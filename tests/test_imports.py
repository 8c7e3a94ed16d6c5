"""The import table of the house: a line imports only lines below it, and no circles."""

import ast
import pathlib

import pytest

ROOT = pathlib.Path(__file__).parent.parent
PACKAGES = ("itit_jax", "data_pipelines", "configs", "benchmarks")
# First prefix that fits gives the floor. evaluation.run is a mode, evaluation.captions, images and
# clip_score are commands, evaluation.features meets models; the rest of evaluation are metrics.
FLOORS = (
    ("itit_jax.main", 8),
    ("itit_jax.__main__", 8),
    ("benchmarks", 8),
    ("itit_jax.train", 7),
    ("itit_jax.tokenize", 7),
    ("itit_jax.evaluation.run", 7),
    ("itit_jax.evaluation.captions", 7),
    ("itit_jax.evaluation.images", 7),
    ("itit_jax.evaluation.clip_score", 7),
    ("itit_jax.serve", 7),
    ("itit_jax.program", 6),
    ("itit_jax.parts", 6),
    ("itit_jax.checkpoints", 6),
    ("itit_jax.companions", 6),
    ("itit_jax.report", 6),
    ("itit_jax.weights", 6),
    ("itit_jax.evaluation.samples", 7),
    ("itit_jax.evaluation.scorers", 7),
    ("itit_jax.towers", 6),
    ("itit_jax.evaluation.features", 6),
    ("itit_jax.sheets", 6),
    ("itit_jax.inputs", 6),
    ("itit_jax.recipes", 5),
    ("itit_jax.evaluation", 4),
    ("itit_jax.decoding", 3),
    ("itit_jax.models", 3),
    ("itit_jax.losses", 3),
    ("itit_jax.step", 3),
    ("itit_jax.state", 3),
    ("itit_jax.curves", 3),
    ("itit_jax.profiler", 3),
    ("itit_jax.sharding", 2),
    ("itit_jax.optimizers", 2),
    ("itit_jax.distributed", 2),
    ("itit_jax.batches", 2),
    ("itit_jax.compiled", 2),
    ("itit_jax.workdir", 2),
    ("itit_jax.screen", 1),
    ("itit_jax.cadence", 1),
    ("itit_jax.config", 1),
    ("data_pipelines", 0),
    ("configs", 0),
)
SAME_FLOOR = {"itit_jax.recipes": "recipes never import each other"}
SHARED = {"data_pipelines.errors", "data_pipelines.files"}  # of both sides
MEETS_DATA = (
    "itit_jax.inputs",
    "itit_jax.tokenize",
    "itit_jax.evaluation.scorers",
    "itit_jax.evaluation.images",
    "itit_jax.evaluation.features",
    "itit_jax.evaluation.clip_score",
    "itit_jax.serve",
)


def modules():
    for package in PACKAGES:
        for file in sorted((ROOT / package).rglob("*.py")):
            name = ".".join(file.relative_to(ROOT).with_suffix("").parts)
            yield name.removesuffix(".__init__"), file


NAMES = dict(modules())


def imports(file):
    """Project modules that a file imports anywhere, inside functions too."""
    found = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                found.add(inner if inner in NAMES else node.module)
    return {name for name in found if name in NAMES}


def floor(name):
    for prefix, level in FLOORS:
        if name == prefix or name.startswith((f"{prefix}.", f"{prefix}_")):
            return level
    raise AssertionError(f"{name} has no floor; add it to the table")


GRAPH = {name: imports(file) for name, file in NAMES.items() if name not in PACKAGES}


@pytest.mark.parametrize("name", GRAPH)
def test_imports_only_lower_floors(name):
    higher = [other for other in GRAPH[name] if other in GRAPH and floor(other) > floor(name)]
    assert not higher, f"{name} imports {higher}"


def test_there_are_no_circles():
    done, path = set(), []

    def visit(name):
        assert name not in path, f"circle: {' -> '.join([*path, name])}"
        if name in done:
            return
        path.append(name)
        for other in GRAPH.get(name, ()):
            visit(other)
        path.pop()
        done.add(name)

    for name in GRAPH:
        visit(name)


def test_recipes_never_import_each_other():
    recipes = {n for n in GRAPH if n.startswith("itit_jax.recipes.")} - {"itit_jax.recipes.base"}
    for name in recipes:
        others = {o for o in GRAPH[name] if o in recipes}
        assert all(o.startswith(f"{name}_") for o in others), (name, others)


def test_readers_of_weight_files_never_import_each_other():
    room = "itit_jax.weights.containers."
    shared = {f"{room}tensors", f"{room}msgpack_trees"}
    inside = {n: f for n, f in GRAPH.items() if n.startswith(room) and n != f"{room}find"}
    assert len(inside) == 8
    for name, found in inside.items():
        others = {o for o in found if o.startswith(room)} - shared
        kind = name.removeprefix(room).split("_")[0]
        assert all(o.startswith(f"{room}{kind}_") for o in others), (name, others)


def test_only_base_names_a_recipe():
    allowed = ("itit_jax.recipes", "configs", "benchmarks")
    for name, found in GRAPH.items():
        named = {o for o in found if o.startswith("itit_jax.recipes.")} - {"itit_jax.recipes.base"}
        assert not named or name.startswith(allowed), (name, named)


def test_the_package_meets_data_pipelines_in_few_places():
    for name, found in GRAPH.items():
        meets = {o for o in found if o.startswith("data_pipelines")} - SHARED
        if name.startswith("itit_jax") and meets:
            assert name.startswith(MEETS_DATA), (name, meets)


def test_configs_and_data_stand_alone():
    for name, found in GRAPH.items():
        if name.startswith(("configs", "data_pipelines")):
            assert not {o for o in found if o.startswith("itit_jax")}, name


def test_packages_have_empty_inits():
    for package in PACKAGES:
        for file in (ROOT / package).rglob("__init__.py"):
            assert not file.read_text().strip(), file
