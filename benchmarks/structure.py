"""The house in figures: who imports whom, how long things are, what is tested and told.

python -m benchmarks.structure
"""

import ast
import functools
import pathlib
import re
import statistics
import sys

from configs.commands import command

ROOT = pathlib.Path(__file__).parent.parent
PACKAGES = ("itit_jax", "data_pipelines", "configs", "benchmarks", "launch")
# First prefix that fits gives the floor; a line imports only from its own floor or lower ones.
# Modes and commands stand above what they call; evaluation.features meets models, the rest of
# evaluation are metrics.
FLOORS = (
    ("itit_jax.main", 8),
    ("itit_jax.__main__", 8),
    ("benchmarks", 8),
    ("launch", 8),
    ("itit_jax.train", 7),
    ("itit_jax.encode", 7),
    ("itit_jax.means", 7),
    ("itit_jax.planner", 7),
    ("itit_jax.evaluation.run", 7),
    ("itit_jax.evaluation.rows", 7),
    ("itit_jax.evaluation.best_of", 7),
    ("itit_jax.evaluation.samples", 7),
    ("itit_jax.evaluation.scorers", 7),
    ("itit_jax.evaluation.captions", 7),
    ("itit_jax.evaluation.images", 7),
    ("itit_jax.evaluation.clip_score", 7),
    ("itit_jax.evaluation.geometry", 7),
    ("itit_jax.evaluation.binding", 7),
    ("itit_jax.serve", 7),
    ("itit_jax.program", 6),
    ("itit_jax.parts", 6),
    ("itit_jax.start", 6),
    ("itit_jax.checkpoints", 6),
    ("itit_jax.report", 6),
    ("itit_jax.towers.trained", 6),
    ("itit_jax.evaluation.features", 6),
    ("itit_jax.sheets", 6),
    ("itit_jax.inputs", 6),
    ("itit_jax.recipes", 5),
    ("itit_jax.evaluation", 4),
    ("itit_jax.towers", 4),
    ("itit_jax.weights", 4),
    ("itit_jax.retold", 4),
    ("itit_jax.companions", 3),
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
    ("itit_jax.manifest", 2),
    ("itit_jax.run_files", 2),
    ("itit_jax.workdir", 2),
    ("itit_jax.other_runs", 2),
    ("itit_jax.screen", 1),
    ("itit_jax.cadence", 1),
    ("itit_jax.sweep", 2),
    ("itit_jax.agreement", 2),
    ("itit_jax.watch", 2),
    ("itit_jax.cluster", 1),
    ("itit_jax.addresses", 1),
    ("itit_jax.exported", 1),
    ("itit_jax.data_checks", 2),
    ("itit_jax.config", 1),
    ("data_pipelines", 0),
    ("configs", 0),
)
# Where arrays are handled, and the names that they have there.
ROOMS = ("itit_jax/models", "itit_jax/decoding", "itit_jax/recipes", "itit_jax/losses.py",
         "itit_jax/evaluation/fidelity.py", "data_pipelines/order.py")  # fmt: skip
ARRAYS = {
    "x", "ids", "known", "logits", "tokens", "text", "words", "images", "pixels", "states", "valid",
    "features", "index", "rows", "batch", "values", "mask", "latents", "table", "real", "fake",
    "visible", "places", "probabilities", "codebook",
}  # fmt: skip
SHAPE = re.compile(r"\[[\w .+*,|/-]*\]")
# Papers, whose names their readers ask no question about: they ask for abilities.
SUBJECTS = ("itit", "vq", "classifier", "ernie_vilg")
RUN_FILES = re.compile(r"[\"'](?:companions\.json|eval\.json|metrics\.jsonl|log\.txt|"
                       r"curves\.png|checkpoints|samples)[\"']")  # fmt: skip
SMALL = 40  # lines of a module that may do without a test file of its own


# ---- files and imports -------------------------------------------------------------------------


@functools.cache
def modules():
    """{module: file} of the packages."""
    found = {}
    for package in PACKAGES:
        for file in sorted((ROOT / package).rglob("*.py")):
            name = ".".join(file.relative_to(ROOT).with_suffix("").parts)
            found[name.removesuffix(".__init__")] = file
    return found


def floor(name):
    """Floor of a module."""
    for prefix, level in FLOORS:
        if name == prefix or name.startswith((f"{prefix}.", f"{prefix}_")):
            return level
    raise LookupError(f"{name} has no floor; add it to the table")


@functools.cache
def graph():
    """{module: modules of ours that it imports anywhere, inside functions too}."""
    return {name: imports(file) for name, file in modules().items() if name not in PACKAGES}


def imports(file):
    """Modules of ours that a file imports."""
    known, found = modules(), set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                found.add(inner if inner in known else node.module)
    return {name for name in found if name in known}


def upward():
    """[(module, module above it that it imports)]."""
    found = graph()
    return [(name, other) for name in found for other in found[name]
            if other in found and floor(other) > floor(name)]  # fmt: skip


def circles():
    """Lists of modules that import each other in a ring."""
    found, done, path = [], set(), []

    def visit(name):
        if name in path:
            found.append([*path[path.index(name) :], name])
            return
        if name not in done:
            path.append(name)
            for other in sorted(graph().get(name, ())):
                visit(other)
            path.pop()
            done.add(name)

    for name in graph():
        visit(name)
    return found


def stands_on(name):
    """Every module that a module needs, itself included."""
    needed, waiting = set(), [name]
    while waiting:
        module = waiting.pop()
        if module not in needed:
            needed.add(module)
            waiting += graph().get(module, ())
    return needed


# ---- functions ---------------------------------------------------------------------------------


def functions():
    """[(module, function node)] of all, nested ones too."""
    return [
        (name, node)
        for name, file in modules().items()
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]


def length(node):
    """Lines of a function."""
    return node.end_lineno - node.lineno + 1


def positional(node):
    """Parameters that may be given by place, without self."""
    names = [a.arg for a in (*node.args.posonlyargs, *node.args.args)]
    return len(names) - (names[:1] in (["self"], ["cls"]))


def over_arrays():
    """[(module, public function that takes arrays)] of the rooms where arrays are handled."""
    rooms = tuple(room.removesuffix(".py").replace("/", ".") for room in ROOMS)
    found = []
    for name, node in _outer_functions():
        takes = {a.arg for a in (*node.args.args, *node.args.kwonlyargs)} & ARRAYS
        if name.startswith(rooms) and takes and _is_public(node):
            found.append((name, node))
    return found


def _outer_functions():
    """Functions and methods, those inside of functions left out."""
    for name, file in modules().items():
        for node in ast.parse(file.read_text()).body:
            inside = node.body if isinstance(node, ast.ClassDef) else [node]
            yield from ((name, inner) for inner in inside if isinstance(inner, ast.FunctionDef))


def _is_public(node):
    return not node.name.startswith("_") or node.name == "__call__"


def without_shapes():
    """[(module, name)] of those whose docstring shows no shape."""
    return [(name, node.name) for name, node in over_arrays()
            if not SHAPE.search(ast.get_docstring(node) or "")]  # fmt: skip


# ---- seams -------------------------------------------------------------------------------------


def papers_named():
    """[(module, line)] that ask for a recipe by its name, outside of configs and recipes."""
    asked = re.compile(rf"recipe\w*\s*(?:==|!=|in)\s*[(\"'].*(?:{'|'.join(SUBJECTS)})")
    return _lines(asked, lambda name: name.startswith("itit_jax") and ".recipes" not in name)


def run_file_names():
    """Modules of itit_jax that spell the name of a file of a run."""
    return sorted({name for name, _ in _lines(RUN_FILES, lambda n: n.startswith("itit_jax"))})


def registries():
    """Modules that list recipes: itit_jax.config_files, which looks at the two folders."""
    name = rf"[\"'](?:{'|'.join(SUBJECTS)})[\"']"
    listed = re.compile(rf"\(\s*{name},\s*{name}")
    found = {name for name, _ in _lines(listed, lambda n: not n.startswith("benchmarks"))}
    return sorted(found | {"itit_jax.config_files"})


def _lines(pattern, wanted):
    return [
        (name, number)
        for name, file in modules().items()
        if wanted(name)
        for number, line in enumerate(file.read_text().splitlines(), start=1)
        if pattern.search(line)
    ]


def untested():
    """Modules above SMALL lines without a test file of their stem."""
    stems = {file.stem.removeprefix("test_") for file in (ROOT / "tests").rglob("test_*.py")}
    return [name for name in _large() if name.rpartition(".")[2].strip("_") not in stems]


def _large():
    return [
        name
        for name, file in modules().items()
        if len(file.read_text().splitlines()) > SMALL and not name.startswith("configs.")
    ]


# ---- the command -------------------------------------------------------------------------------


def figures():
    """{what: figure}."""
    lengths = sorted(length(node) for _, node in functions())
    files = sorted(len(file.read_text().splitlines()) for file in modules().values())
    arrays, bare, large = len(over_arrays()), len(without_shapes()), len(_large())
    return {
        "modules": len(modules()),
        "import circles": len(circles()),
        "imports that run up": len(upward()),
        "modules that step stands on": len(stands_on("itit_jax.step")),
        "modules that train stands on": len(stands_on("itit_jax.train")),
        "function lines, median / 90 % / longest": _spread(lengths),
        "file lines, median / 90 % / longest": _spread([n for n in files if n]),
        "most positional parameters": max(positional(node) for _, node in functions()),
        "public functions over arrays": arrays,
        "of them with shapes": f"{1 - bare / arrays:.0%}",
        f"modules above {SMALL} lines": large,
        "of them without a test of their stem": f"{len(untested()) / large:.0%}",
        "papers named by readers": len(papers_named()),
        "registries of recipes": len(registries()),
        "modules that spell a run's file names": len(run_file_names()),
    }


def _spread(numbers):
    return f"{statistics.median(numbers):.0f} / {numbers[int(0.9 * len(numbers))]} / {numbers[-1]}"


@command("benchmarks.structure", "the house in figures")
def main(options):
    """Prints a line a figure."""
    del options
    for what, figure in figures().items():
        print(f"{what:45s} {figure}")


if __name__ == "__main__":
    sys.exit(main())
