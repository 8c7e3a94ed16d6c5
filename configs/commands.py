"""What a command of the shell is: its arguments, declared as keys are, and its exit code.

    @command("data_pipelines.words.train", "learn a vocabulary from the texts of a data set", {
        "--data": Argument("", "the data set", form="DIR", needed=True),
        "--size": Argument(1000, "most pieces", at_least(4), form="N"),
    })
    def main(options): ...

`main(["--data=x"])` reads the arguments, calls the function with the options and returns the exit
code. No JAX and no NumPy here, so that a wrong flag costs no start-up.
"""

import contextlib
import dataclasses
import difflib
import errno
import keyword
import os
import shlex
import sys
import traceback
import types
from collections.abc import Callable

from configs.keys import Key, nearest
from data_pipelines.errors import UserError

USER_FAULT = 2
INTERRUPTED = 130  # as shells tell of Ctrl-C
EXHAUSTED = "RESOURCE_EXHAUSTED"  # how XLA begins to tell that memory is
# What a system has against a file and a person can mend: rights, room, kinds and names.
MENDABLE = (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOSPC, errno.EDQUOT, errno.EISDIR,
            errno.ENOTDIR, errno.ENAMETOOLONG)  # fmt: skip
HELP = ("-h", "--help")
# Forms that are places.
PLACES = {"FILE": "path", "DIR": "path", "PATH": "path", "DIR,DIR": "paths", "FILE,FILE": "paths",
          "PATTERN": "patterns", "DIR:SPLIT": "path", "KIND:PATH": "kind:path"}  # fmt: skip


@dataclasses.dataclass(frozen=True)
class Argument(Key):
    """One argument, whose type is that of its default; a bool is a switch.

    form: what the user puts there, for the help; some forms are places. many: any number of
    texts, as a tuple. unset: None where it is not given; the default then only says the type. Many
    that stand without a flag may then be none, and come behind --. only: of the kinds that --from
    chooses those that it is for; empty: all.
    """

    form: str = "TEXT"
    needed: bool = False
    many: bool = False
    unset: bool = False
    only: tuple[str, ...] = ()

    def __post_init__(self):
        object.__setattr__(self, "place", PLACES.get(self.form, ""))

    def parse(self, text):
        """The value of one text. ValueError: text on what it must be."""
        if self.many:
            return self._meant(text)
        if isinstance(self.default, str):  # the shell has taken quotes away
            return self.accept(text)
        return super().parse(text)


@dataclasses.dataclass(frozen=True)
class Command:
    """`python -m NAME ARGUMENTS`. Called with a list of arguments it returns the exit code.

    arguments: {name: Argument}. Names with dashes are flags, the others stand in their order; the
    last of those may be many. A name that ends in a dot takes any KEY=VALUE behind it, often.
    """

    name: str
    help: str  # one line
    arguments: dict[str, Argument]
    work: Callable

    def __call__(self, arguments=None) -> int:
        arguments = sys.argv[1:] if arguments is None else arguments
        if set(HELP) & set(arguments):
            return exit_code(self.name, lambda: print(self.help_text()))
        return exit_code(self.name, lambda: self.work(parse(arguments, self.arguments)))

    @property
    def all(self):
        """Itself; those of a Choice are several."""
        return (self,)

    def usage(self):
        """What to type, with the needed arguments."""
        shown = lambda name: self.arguments[name].needed or not name.startswith("-")
        words = [_form(name, a) for name, a in self.arguments.items() if shown(name)]
        return " ".join([f"python -m {self.name}", *words])

    def help_text(self):
        """Usage, help, and every argument with its choices and default."""
        return "\n".join([self.usage(), "", self.help, "", *help_lines(self.arguments)])

    def typed(self, options, *, without=()):
        """The command that gives these options; defaults are left out, and flags in `without`."""
        given = self.given(options).items()
        words = [f"{n}={shlex.quote(str(value))}" for n, value in given if n not in without]
        return " ".join([f"python -m {self.name}", *words])

    def given(self, options):
        """{name: value} of the options that are not the default."""
        values = {name: getattr(options, _attribute(name)) for name in self.arguments}
        return {name: v for name, v in values.items() if v != self.arguments[name].default}


def command(name, help, arguments=()):
    """Decorator: a function of options becomes the Command that runs it."""
    return lambda work: Command(name, help, dict(arguments), work)


class Choice:
    """Commands of one module, told apart by their first argument; called like a Command."""

    def __init__(self, name, *commands):
        self.name, self.all = name, commands
        self._by_word = {each.name.removeprefix(name).strip(): each for each in commands}

    def __call__(self, arguments=None) -> int:
        word, *rest = (sys.argv[1:] if arguments is None else arguments) or [""]
        if word in HELP:
            every = "\n\n".join(each.help_text() for each in self.all)
            return exit_code(self.name, lambda: print(every))
        if word in self._by_word:
            return self._by_word[word](rest)
        return exit_code(self.name, lambda: self._refuse(word))

    def _refuse(self, word):
        near = difflib.get_close_matches(word, self._by_word, 1)
        hint = f" (did you mean {near[0]}?)" if near else ""
        raise UserError(f"the first argument must be {' or '.join(self._by_word)}, "
                        f"not {word!r}{hint}.")  # fmt: skip


def exit_code(name, work, *, show_traceback=False):
    """What `work` returns, 0 for None; a fault of the user is one sentence on stderr and 2, or the
    `exit_code` that it has.

    Whatever the terminal cannot spell is told in escapes. Who reads no further has had enough.
    """
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):  # a notebook's has not, and no need of it
            stream.reconfigure(errors="backslashreplace")
    try:
        code = work() or 0
        if sys.stdout:
            sys.stdout.flush()
        return code
    except BrokenPipeError:
        print_nowhere()
        return 0
    except KeyboardInterrupt:
        print(f"\n{name.partition('.')[0]}: stopped; nothing is half-written, give the same "
              "command again.", file=sys.stderr)  # fmt: skip
        return INTERRUPTED
    except (UserError, OSError, MemoryError, RuntimeError) as error:
        sentence = sentence_of(error)
        if not sentence:
            raise
        if show_traceback:
            traceback.print_exc()
        print(f"{name.partition('.')[0]}: {sentence}", file=sys.stderr)
        return getattr(error, "exit_code", USER_FAULT)


def sentence_of(error):
    """What a user is told of it; "" of an error that is ours."""
    if isinstance(error, UserError):
        return str(error).replace("\n", " ")
    if isinstance(error, MemoryError) or str(error).startswith(EXHAUSTED):
        why = str(error).splitlines()[0][:200] if str(error) else "of this machine"
        return f"the memory is not enough ({why}); lower data.rows or the sizes of the model."
    if getattr(error, "errno", None) not in MENDABLE:
        return ""
    if error.filename is None:  # what was printed has no name
        print_nowhere()
    return f"a file cannot be read or written: {error}; mend that and ask again."


def print_nowhere():
    """From now on what is printed is lost: nobody reads it, and Python would say so at its end."""
    with contextlib.suppress(AttributeError, ValueError):  # there is none, or it is no file
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


# ---- reading -----------------------------------------------------------------------------------


def parse(texts, arguments, keys=tuple):
    """Namespace of the arguments' values. UserError says what is wrong and what may be meant.

    Attributes are the names without dashes; that of --from is from_, of --config. config_keys.
    keys() -> what may stand behind a family such as --config., for the nearest.
    """
    waiting, given, places = list(texts), {}, []
    while waiting:
        text = waiting.pop(0)
        if text == "--":
            places, waiting = places + waiting, []
        elif text.startswith("-") and text != "-":
            name, value = _flag(text, waiting, arguments, keys)
            if name in given and not arguments[name].many:
                raise UserError(f"{name} is given twice; give it once.")
            given.setdefault(name, []).append(value)
        else:
            places.append(text)
    given |= _placed(places, arguments, keys)
    values = {_attribute(n): _value(n, a, given.get(n, ())) for n, a in arguments.items()}
    for name in given:
        _check_kind(name, arguments, values)
    return types.SimpleNamespace(**values)


def _check_kind(name, arguments, values):
    """UserError if an argument that was given is for other kinds of --from."""
    kinds = _kinds(arguments[name], arguments)
    if kinds and values["from_"].partition(":")[0] not in kinds:
        either = " or ".join(filter(None, (", ".join(kinds[:-1]), kinds[-1])))
        raise UserError(f"{name} is for --from={either}; take it out.")


def _kinds(argument, arguments):
    """Those of --from that an argument is for; none where it is for all."""
    every = arguments["--from"].check.choices if argument.only else ()
    kinds = [kind for kind in every if kind in argument.only]
    return [] if len(kinds) == len(every) else kinds


def _flag(text, waiting, arguments, keys):
    """(name, value) of a flag. Without a `=` the value is the first of those waiting."""
    flag, equals, value = text.partition("=")
    family = next((n for n in arguments if n.endswith(".") and flag.startswith(n)), flag)
    if family not in arguments:
        raise UserError(_unknown(text, arguments, keys))
    argument = arguments[family]
    if isinstance(argument.default, bool):
        return flag, value if equals else "true"
    if not equals:
        if not waiting or waiting[0].startswith("--"):
            raise UserError(f"{flag} has no value; write {_form(flag, argument)}.")
        value = waiting.pop(0)
    if family != flag:
        return family, f"{flag.removeprefix(family)}={value}"
    if not value.strip():
        raise UserError(f"{flag} is empty; write {_form(flag, argument)}.")
    return flag, value


def _placed(texts, arguments, keys):
    """{name: texts} of what stands without a flag."""
    names = [name for name in arguments if not name.startswith("-")]
    if names and not texts and arguments[names[0]].unset:
        return {}
    if texts and not names:
        raise UserError(_unknown(texts[0], arguments, keys))
    forms = [_form(name, arguments[name]) for name in names]
    if len(texts) < len(names):
        told = arguments[names[len(texts)]].help
        raise UserError(f"{forms[len(texts)]} is missing; give it: {told}.")
    given = {name: [text] for name, text in zip(names, texts)}
    if len(texts) > len(names):
        if not arguments[names[-1]].many:
            last = texts[len(names)]
            raise UserError(f"{last!r} is one argument too many; give {' '.join(forms)} only.")
        given[names[-1]] = texts[len(names) - 1 :]
    return given


def _value(name, argument, texts):
    if not texts and argument.needed:
        raise UserError(f"{name} is missing; give {_form(name, argument)}.")
    try:
        values = tuple(argument.parse(text) for text in texts)
    except ValueError as error:
        raise UserError(f"{name} {error}.") from None
    if argument.many:
        return values
    return (*values, None if argument.unset else argument.default)[0]


def _unknown(text, arguments, keys):
    """Sentence for what is no flag: a key without its --config., or a misspelling."""
    name, equals, value = text.partition("=")
    name = name.lstrip("-")
    families = [flag for flag in arguments if flag.endswith(".")]
    for family in families:
        name = name.removeprefix(family.lstrip("-"))
    key = nearest(name, keys()) if "." in name and families else None
    flags = [flag for flag in arguments if flag.startswith("-") and flag not in families]
    near = difflib.get_close_matches(f"--{name}", flags, 1)
    near = f"{families[0]}{key}" if key else "".join(near)
    hint = f"did you mean {near}{equals}{value}?" if near else "--help lists the flags."
    return f"{text} is no flag; {hint}"


# ---- as text -----------------------------------------------------------------------------------


def _attribute(name):
    word = name.strip("-.")
    if name.endswith("."):
        return f"{word}_keys"
    return f"{word}_" if keyword.iskeyword(word) else word


def _form(name, argument):
    """How an argument is typed."""
    if not name.startswith("-"):
        shown = name.upper() + "..." * argument.many
        return f"[-- {shown}]" if argument.unset else shown
    if isinstance(argument.default, bool):
        return name
    return f"{name}KEY=VALUE" if name.endswith(".") else f"{name}={argument.form}"


def help_lines(arguments):
    """A line an argument, with its choices and default."""
    return [_help_line(name, arguments) for name in arguments]


def _help_line(name, arguments):
    argument = arguments[name]
    told = _prefix(argument, arguments) + argument.help
    if argument.check:
        choices = argument.check.choices
        told += f" [{' | '.join(choices)}]" if choices else f"; {argument.check.words}"
    if argument.needed:
        told += " (needed)"
    elif not argument.unset and argument.default not in ("", (), False):
        told += f" (default {argument.default})"
    return f"  {_form(name, argument):24}  {told}"


def _prefix(argument, arguments):
    """The kinds of --from that it is for, or, where those are fewer, the others."""
    if not (kinds := _kinds(argument, arguments)):
        return ""
    others = [kind for kind in arguments["--from"].check.choices if kind not in kinds]
    fewer = len(others) < len(kinds)
    return f"{'not ' * fewer}{', '.join(others if fewer else kinds)}: "
