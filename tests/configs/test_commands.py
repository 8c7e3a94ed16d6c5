"""Arguments of commands: what is read, what is refused in which words, and the exit code."""

import os
import pathlib
import shlex
import subprocess
import sys

import pytest

from configs.commands import Argument, Choice, Command, command, exit_code, help_lines, parse
from configs.keys import Check, at_least, one_of, words
from data_pipelines.errors import UserError

ROOT = pathlib.Path(__file__).parent.parent.parent
ARGUMENTS = {
    "first": Argument("", "a file", form="FILE"),
    "rest": Argument("", "texts", many=True),
    "--out": Argument("", "where it goes", form="DIR", needed=True),
    "--size": Argument(8, "how many", at_least(1), form="N"),
    "--kind": Argument("tiny", "which", one_of("tiny", "easy"), form="KIND"),
    "--names": Argument(("a",), "some", words(), form="NAME,NAME"),
    "--share": Argument(0.5, "how much", form="SHARE"),
    "--from": Argument("", "whence"),
    "--rounds": Argument(1, "how often", at_least(1), form="N", unset=True),
    "--fast": Argument(False, "skip the slow part"),
    "--set": Argument((), "KEY=VALUE, often", many=True),
    "--config.": Argument((), "a key", many=True),
}


def ask(*texts, arguments=ARGUMENTS):
    """(options or None, exit code)."""
    seen = []
    code = Command("toy.tool", "does nothing", arguments, seen.append)(list(texts))
    return (vars(seen[0]) if seen else None), code


def test_every_form_is_read_into_its_type():
    options, code = ask(
        "~/x", "a", "b", "--out=~/y", "--size", "3", "--fast", "--kind=easy", "--names=c,d",
        "--set=p=1", "--set", "q=~", "--share=1", "--from=z=1", "--rounds=2",
        "--config.k.l=2", "--config.m", "n", "--", "--c",
    )  # fmt: skip
    home = str(pathlib.Path.home())
    assert code == 0 and options == {
        "first": f"{home}/x", "rest": ("a", "b", "--c"), "out": f"{home}/y", "size": 3,
        "kind": "easy", "names": ("c", "d"), "share": 1.0, "from_": "z=1", "rounds": 2,
        "fast": True, "set": ("p=1", "q=~"), "config_keys": ("k.l=2", "m=n"),
    }  # fmt: skip


def test_what_may_be_none_comes_behind_dashes_and_is_shown_so():
    more = Argument((), "flags", many=True, unset=True)
    arguments = {"--size": ARGUMENTS["--size"], "more": more}
    assert ask(arguments=arguments)[0] == {"size": 8, "more": ()}
    given = ("--size=3", "--", "--size=4", "x")
    assert ask(*given, arguments=arguments)[0] == {"size": 3, "more": ("--size=4", "x")}
    toy = Command("toy", "", arguments, print)
    assert toy.usage() == "python -m toy [-- MORE...]"


def test_what_is_not_given_has_its_default():
    options, _ = ask("x", "a", "--out=y")
    assert options == {
        "first": "x", "rest": ("a",), "out": "y", "size": 8, "kind": "tiny", "names": ("a",),
        "share": 0.5, "from_": "", "rounds": None, "fast": False, "set": (), "config_keys": (),
    }  # fmt: skip


def test_texts_keep_their_quotes_and_spaces():
    options, _ = ask("x", "'a'", " b ", "--out=y", "--from='z'")
    assert options["rest"] == ("'a'", " b ") and options["from_"] == "'z'"


@pytest.mark.parametrize(
    "texts, sentence",
    [
        (["--size=0"], "--size must be at least 1, not 0."),
        (["--size=many"], "--size must be a whole number, not 'many'."),
        (["--size=1.5"], "--size must be a whole number, not '1.5'."),
        (["--share=nan"], "--share must be a finite number, not nan."),
        (["--kind=tny"], "--kind must be one of tiny, easy, not 'tny' (did you mean tiny?)."),
        (["--fast=maybe"], "--fast must be true or false, not 'maybe'."),
        (["--siez=3"], "--siez=3 is no flag; did you mean --size=3?"),
        (["-size=3"], "-size=3 is no flag; did you mean --size=3?"),
        (["--zzz"], "--zzz is no flag; --help lists the flags."),
        (["--size=3", "--size=3"], "--size is given twice; give it once."),
        (["--size", "--fast"], "--size has no value; write --size=N."),
        (["--out="], "--out is empty; write --out=DIR."),
    ],
)
def test_a_wrong_flag_is_one_sentence_and_runs_nothing(texts, sentence, capsys):
    assert ask("x", "a", *texts, "--out=y") == (None, 2)
    assert capsys.readouterr() == ("", f"toy: {sentence}\n")


def test_what_is_needed_is_asked_for(capsys):
    assert ask("x", "a") == ask("x", "a", "--out") == (None, 2)
    told = "--out is missing; give --out=DIR.", "--out has no value; write --out=DIR."
    assert capsys.readouterr().err == "".join(f"toy: {sentence}\n" for sentence in told)


@pytest.mark.parametrize(
    "names, texts, sentence",
    [
        (["first", "rest"], [], "FIRST is missing; give it: a file."),
        (["first", "rest"], ["x"], "REST... is missing; give it: texts."),
        (["first"], ["x", "y"], "'y' is one argument too many; give FIRST only."),
        ([], ["x\ny"], "x y is no flag; --help lists the flags."),
    ],
)
def test_too_few_and_too_many_places_are_named(names, texts, sentence, capsys):
    assert ask(*texts, arguments={name: ARGUMENTS[name] for name in names}) == (None, 2)
    assert capsys.readouterr().err == f"toy: {sentence}\n"


def test_the_exit_code_is_what_the_work_returns_and_2_for_a_fault_of_the_user(capsys):
    assert exit_code("toy", lambda: 42) == 42 and exit_code("toy", lambda: None) == 0

    def work():
        raise UserError("the file\nx is gone; make it.")

    assert exit_code("toy.tool", work) == 2
    assert capsys.readouterr().err == "toy: the file x is gone; make it.\n"
    with pytest.raises(ZeroDivisionError):  # a fault of ours keeps its traceback
        exit_code("toy", lambda: 1 / 0)


def test_an_argument_of_other_kinds_is_refused_if_given_and_shown_as_theirs(capsys):
    arguments = {
        "--from": Argument("", "whence", Check(bool, "a kind", tuple("abcd")), needed=True),
        "--one": Argument(1, "of one", only=("b",)),
        "--some": Argument(False, "of some", only=("d", "b", "a", "elsewhere")),
        "--every": Argument("", "of all", only=("a", "b", "c", "d")),
    }
    for given in (["--from=b:x:1", "--one=2", "--some", "--every=x"], ["--from=c", "--every=x"]):
        assert ask(*given, arguments=arguments)[1] == 0
    for given in (["--one=1", "--from=a"], ["--from=c", "--some"]):
        assert ask(*given, arguments=arguments) == (None, 2)
    one, some = capsys.readouterr().err.splitlines()
    assert one == "toy: --one is for --from=b; take it out."
    assert some == "toy: --some is for --from=a, b or d; take it out."
    lines = [line.split(maxsplit=1)[1] for line in help_lines(arguments)]
    assert lines[1:] == ["b: of one (default 1)", "not c: of some", "of all"]


def test_ctrl_c_is_one_sentence_and_130(capsys):
    def stop(options):
        raise KeyboardInterrupt

    assert command("data_pipelines.build", "", {})(stop)([]) == 130
    assert capsys.readouterr().err.strip().startswith("data_pipelines: stopped; nothing is half-")


def test_help_tells_every_argument_its_choices_and_default(capsys):
    assert ask("--help", "--size=0") == (None, 0)
    told = capsys.readouterr().out
    assert told.startswith("python -m toy.tool FIRST REST... --out=DIR\n\ndoes nothing\n")
    for line in (
        "  --size=N                  how many; at least 1 (default 8)",
        "  --kind=KIND               which [tiny | easy] (default tiny)",
        "  --out=DIR                 where it goes (needed)",
        "  --rounds=N                how often; at least 1",
        "  --fast                    skip the slow part",
        "  --config.KEY=VALUE        a key",
    ):
        assert line in told.splitlines()


def test_a_command_is_told_as_it_could_be_typed():
    @command("toy.tool", "", {n: ARGUMENTS[n] for n in ("--out", "--size", "--from", "--kind")})
    def main(options):
        told.append(main.typed(options, without=("--out",)))

    told = []
    assert main(["--kind=easy", "--out=x", "--from", "y", "--size=8"]) == 0
    assert told == ["python -m toy.tool --from=y --kind=easy"]


def test_a_choice_runs_the_command_of_its_first_argument(capsys):
    ran = []
    each = [
        Command(f"toy.cli {word}", word, {}, lambda _, word=word: ran.append(word))
        for word in ("draw", "caption")
    ]
    main = Choice("toy.cli", *each)
    assert main(["caption"]) == 0 and main(["draw"]) == 0 and ran == ["caption", "draw"]
    assert main(["drw"]) == 2 and main([]) == 2 and main(["draw", "x"]) == 2
    assert capsys.readouterr().err.splitlines() == [
        "toy: the first argument must be draw or caption, not 'drw' (did you mean draw?).",
        "toy: the first argument must be draw or caption, not ''.",
        "toy: x is no flag; --help lists the flags.",
    ]
    assert main(["--help"]) == 0
    assert "python -m toy.cli caption" in capsys.readouterr().out


@pytest.mark.parametrize("text", ["traim.steps=3", "--traim.steps=3", "config.train.steps=3"])
def test_a_key_is_told_with_its_family(text):
    with pytest.raises(UserError, match="did you mean --config.train.steps=3"):
        parse([text], {"--config": Argument("", "x")} | {"--config.": ARGUMENTS["--config."]},
              keys=lambda: ("train.steps", "seed"))  # fmt: skip


# ---- what is printed --------------------------------------------------------------------------


def shell(script, **variables):
    """What a shell prints of a script, with the command `toy` that says a text of some letters."""
    toy = f"{sys.executable} -c {shlex.quote(TOY)}"
    return subprocess.run(
        ["bash", "-c", f"toy() {{ {toy} \"$@\"; }}\n{script}"], cwd=ROOT, capture_output=True,
        text=True, errors="replace", env=os.environ | {"PYTHONPATH": str(ROOT)} | variables,
    )  # fmt: skip


TOY = """
from configs.commands import Argument, command
@command("toy.tool", "says a text", {"text": Argument("", "what"), "--often": Argument(1, "so")})
def main(options):
    for _ in range(options.often):
        print(options.text)
import sys
sys.exit(main())
"""


@pytest.mark.parametrize("coding", ["ascii", "latin-1", "utf-8"])
def test_what_a_terminal_cannot_spell_is_told_in_escapes(coding):
    done = shell("toy '\u540d \u00e9 \U0001f600'; toy --\u540d", PYTHONIOENCODING=coding)
    assert "Traceback" not in done.stderr and done.returncode == 2
    assert ("\u540d" in done.stdout) == (coding == "utf-8")
    assert "is no flag" in done.stderr


def test_a_reader_that_has_had_enough_is_no_fault():
    script = "set -o pipefail; toy x --often=100000 | head -n 1"
    done = shell(script)
    assert (done.returncode, done.stdout, done.stderr) == (0, "x\n", "")
    assert shell("toy --help | true; exit ${PIPESTATUS[0]}").returncode == 0
    assert shell("toy x >&-").returncode == 0


def test_output_that_cannot_be_written_is_one_sentence():
    done = shell("toy x > /dev/full")
    assert done.returncode == 2 and len(done.stderr.splitlines()) == 1
    assert done.stderr.startswith("toy: a file cannot be read or written: [Errno 28] No space")


def test_a_file_that_the_system_refuses_is_one_sentence(tmp_path, capsys):
    for fault in (lambda: open(tmp_path), lambda: open(f"{__file__}/x")):
        assert exit_code("toy", fault) == 2
        error = capsys.readouterr().err
        assert error.startswith("toy: a file cannot be read or written") and error.count("\n") == 1
    with pytest.raises(FileNotFoundError):  # whose place in the work only a traceback tells
        exit_code("toy", lambda: open(tmp_path / "none"))
