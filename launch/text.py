"""Words as a shell reads them, and trees as YAML: no value of a user is ever read as more.

A shell's word that holds line ends or other control characters becomes $'...', so that every
command stays one line: in a script, in a manifest, in what is handed to ssh.
"""

import re
import shlex

_CONTROL = re.compile(r"[\x01-\x1f\x7f]")


def quote(word):
    """One word of bash."""
    if not _CONTROL.search(word):
        return shlex.quote(word)
    plain = word.replace("\\", r"\\").replace("'", r"\'")
    plain = plain.replace("\n", r"\n")
    plain = _CONTROL.sub(lambda match: rf"\x{ord(match[0]):02x}", plain)
    return f"$'{plain}'"


def join(words):
    """One command of bash."""
    return " ".join(map(quote, words))


def here(command, text):
    """The command, which reads the text from its standard input."""
    end = "END"
    while re.search(rf"^{end}$", text, re.M):
        end += "_"
    return f"{command} <<'{end}'\n{text.rstrip()}\n{end}\n"


def yaml(tree, indent=0):
    """YAML of a tree of dicts, lists, texts, numbers and booleans."""
    pad = " " * indent
    if isinstance(tree, dict):
        rows = ((scalar(key), _value(value, indent + 2)) for key, value in tree.items())
        return "".join(f"{pad}{key}:{value}" for key, value in rows)
    # The first key of a dict stands behind the dash.
    inner = (_value(value, indent + 2).lstrip("\n ") for value in tree)
    return "".join(f"{pad}- {text}" for text in inner)


def _value(value, indent):
    if isinstance(value, list) and all(isinstance(one, int) for one in value):
        return f" {value}\n"
    if isinstance(value, dict | list) and value:
        return "\n" + yaml(value, indent)
    if isinstance(value, str) and _is_block(value):
        lines = (" " * indent + line if line else "" for line in value.split("\n")[:-1])
        return " |\n" + "\n".join(lines) + "\n"
    return f" {scalar(value)}\n"


def _is_block(text):
    """Whether a literal block gives the text back: printable lines, the first of which has no space
    in front, and one line end at the end."""
    return bool(re.fullmatch(r"[!-~][ -~\n]*[!-~]\n", text))


def scalar(value):
    """One value of YAML: plain where that is safe."""
    if isinstance(value, dict | list):
        return "{}" if isinstance(value, dict) else "[]"
    if not isinstance(value, str):
        return str(value).lower() if isinstance(value, bool) else str(value)
    if re.fullmatch(r"[A-Za-z][A-Za-z0-9_./-]*", value) and value.lower() not in _WORDS:
        return value
    plain = (c if " " <= c <= "~" else f"\\U{ord(c):08x}" for c in _escaped(value))
    return f'"{"".join(plain)}"'


def _escaped(text):
    return text.replace("\\", r"\\").replace('"', r"\"")


_WORDS = ("true", "false", "yes", "no", "on", "off", "null", "y", "n")  # that YAML means otherwise
