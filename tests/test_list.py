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


WRITING = [each for each in COMMANDS if "--out" in each.arguments]


@pytest.mark.parametrize("each", WRITING, ids=[each.name for each in WRITING])
def test_a_place_that_cannot_be_written_is_told_before_the_work(
    each, tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "x").write_text("")
    needed = [f"{n}={good(a)}" for n, a in each.arguments.items() if a.needed and n != "--out"]
    places = ["x" for n in each.arguments if not n.startswith("-")]
    suffix = ".png" if each.arguments["--out"].default.endswith(".png") else ""
    for out in (f"/proc/none{suffix}", f"x/y{suffix}"):
        assert each([*places, *needed, f"--out={out}"]) == 2
        said, error = capsys.readouterr()
        assert not said and len(error.splitlines()) == 1, error
        assert "cannot be written" in error or "does not exist; make it first" in error, error
    assert [path.name for path in tmp_path.iterdir()] == ["x"]


def test_nothing_is_asked_of_a_home_that_a_command_does_not_need(tmp_path):
    """As in a container, where a user may have neither a name nor HOME."""
    code = (
        "import os, sys; os.environ.pop('HOME', 0); os.getuid = lambda: 2**31 - 7\n"
        "from itit_jax import __main__ as listing\n"
        "codes = [each(['--help']) for each in listing.declared()]\n"
        "from itit_jax.evaluation.images import main\n"
        "codes += [main(['a', 'b', '--features=x:y', *more]) for more in ([], ['--cache=c'])]\n"
        "print(codes, file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, text=True,
                          env={"PYTHONPATH": str(ROOT)}, capture_output=True)  # fmt: skip
    home, cache, codes = done.stderr.splitlines()
    assert "your home folder is not known here; write the path out, --cache=DIR" in home
    assert "a is neither a folder of pictures nor a zip" in cache
    assert codes == str([0] * len(COMMANDS) + [2, 2])


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
