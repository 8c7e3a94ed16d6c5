"""Every command of the house: listed, in the README, and deaf to wrong values of its flags."""

import pathlib
import re
import subprocess
import sys

import pytest

from itit_jax import __main__ as listing

ROOT = pathlib.Path(__file__).parent.parent
# Each argument that has a check or is no text refuses some of these.
TEXTS = ("nonsense", "-1", "0", "0.5", "2.5", "3", "nan", "1e999", "9" * 30, "x,y", "()")
COMMANDS = listing.declared()


def refused(argument):
    """Those of TEXTS that the argument does not take."""
    wrong = []
    for text in TEXTS:
        try:
            argument.parse(text)
        except ValueError:
            wrong.append(text)
    return wrong


def good(argument):
    """A text that it takes."""
    return argument.check.choices[0] if argument.check and argument.check.choices else "x"


CHECKED = [
    (each, name)
    for each in COMMANDS
    for name, argument in each.arguments.items()
    if argument.check or not isinstance(argument.default, str | tuple)
]


@pytest.mark.parametrize("each, name", CHECKED, ids=[f"{e.name} {n}" for e, n in CHECKED])
def test_a_wrong_value_is_one_sentence_and_writes_nothing(
    each, name, tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    wrong = refused(each.arguments[name])
    assert wrong, "TEXTS has nothing that this argument refuses"
    others = {n: good(a) for n, a in each.arguments.items() if a.needed and n != name}
    places = ["x" for n in each.arguments if not n.startswith("-")]
    for text in wrong:
        flags = [f"{n}={value}" for n, value in others.items()]
        assert each([*places, *flags, f"{name}={text}"]) == 2
        out, error = capsys.readouterr()
        assert not out and len(error.splitlines()) == 1, error
        assert re.match(rf"\w+: {name} must be .*\.\n", error), error
    assert not list(tmp_path.iterdir())


def test_every_module_that_is_run_is_listed():
    run = set()
    for package in ("itit_jax", "data_pipelines"):
        for file in (ROOT / package).rglob("*.py"):
            if '\nif __name__ == "__main__":' in file.read_text():
                run.add(".".join(file.relative_to(ROOT).with_suffix("").parts))
    assert run - {"itit_jax.main", "itit_jax.__main__"} == set(listing.MODULES)
    for each in COMMANDS:
        assert each.name.split()[0] in listing.MODULES


def test_the_readme_has_the_table_of_commands():
    rows = [f"| `{usage}` | {told} |" for usage, told in listing.table()]
    part = (ROOT / "README.md").read_text().partition("\n## Commands\n")[2].partition("\n## ")[0]
    assert [line for line in part.splitlines() if line.startswith("| `")] == rows


def test_the_list_is_printed_without_jax():
    code = (
        "import sys; from itit_jax.__main__ import main; main([]); "
        "print(sorted({'jax', 'tensorflow'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.endswith("--help.\n[]\n")
    for usage, told in listing.table():
        assert f"{usage}\n    {told}\n" in done.stdout
