"""Answers to questions about scenes by reading: knows the words, not how they were put together.

Written apart from the grammar of the questions, to hold its answers against.
"""

import re

LOOKS = {
    "circle disc": ("shape", "circle"), "square box": ("shape", "square"),
    "triangle wedge": ("shape", "triangle"), "cross plus": ("shape", "cross"),
    "diamond rhombus": ("shape", "diamond"), "ring hoop": ("shape", "ring"),
    "red crimson": ("colour", "red"), "green emerald": ("colour", "green"),
    "blue azure": ("colour", "blue"), "yellow golden": ("colour", "yellow"),
    "purple violet": ("colour", "purple"), "black dark": ("colour", "black"),
    "orange amber": ("colour", "orange"), "cyan turquoise": ("colour", "cyan"),
    "small little": ("size", "small"), "big large": ("size", "big"),
}  # fmt: skip
LOOKS = {word: look for words, look in LOOKS.items() for word in words.split()}
ROWS = {"top": 0, "upper": 0, "bottom": -1, "lower": -1, "middle": 1, "center": 1}
COLUMNS = {"left": 0, "right": -1, "middle": 1, "center": 1}
PLACE = re.compile(
    r"\b(?:in|at) the (?:(top|upper|bottom|lower|middle|center) (left|right|middle|center)"
    r"|(middle|center))\b"
)
PLURALS = {"crosses": "cross", "pluses": "plus", "boxes": "box", "rhombuses": "rhombus"}


def answer(question, objects, grid):
    """The answer to a question about objects on a grid (rows, columns)."""
    text = question.rstrip("?.")
    if text.startswith(("how many", "count")):
        return ("zero", "one", "two", "three")[len(meant(text, objects, grid))]
    if text.startswith(("is there", "do you see", "does the picture show")):
        return "yes" if meant(text, objects, grid) else "no"
    if text.startswith(("is the", "would you say")):
        return is_so(text, objects, grid)
    if text.startswith(("where", "in which place")):
        return place_name(only(meant(text, objects, grid)).place, grid)
    (field,) = re.findall(r"colour|shape|size", text)
    return getattr(only(meant(text, objects, grid)), field)


def is_so(text, objects, grid):
    """Whether what is said last holds of what is meant before it; only the right cut leaves one
    object, so every cut of the words is tried, the longest name first."""
    words = text.removeprefix("would you say that ").removeprefix("is ").split()
    for end in range(len(words) - 1, 1, -1):
        name, said = " ".join(words[:end]).removesuffix(" is"), " ".join(words[end:])
        if is_name(name) and is_predicate(said):
            found = only(meant(name, objects, grid))
            return "yes" if meant(said, [found], grid) else "no"
    raise ValueError(text)


def is_name(text):
    """A whole name: it ends with its noun, or with its place behind that."""
    noun = re.split(r"\s+", PLACE.sub("", text).strip())[-1]
    whole = noun in ("thing", "object") or LOOKS.get(noun, ("",))[0] == "shape"
    return whole and len(PLACE.findall(text)) <= 1


def is_predicate(text):
    return bool(PLACE.fullmatch(text)) or text.removeprefix("a ") in LOOKS


def only(found):
    (one,) = found
    return one


def meant(text, objects, grid):
    """The objects of which all that is said in the text holds."""
    wanted = dict(LOOKS[w] for w in map(singular, text.split()) if w in LOOKS)
    if found := PLACE.search(text):
        row, column = found[1] or found[3], found[2] or found[3]
        wanted["place"] = ROWS[row] % grid[0] * grid[1] + COLUMNS[column] % grid[1]
    return [o for o in objects if all(getattr(o, k) == v for k, v in wanted.items())]


def singular(word):
    return PLURALS.get(word, word[:-1] if word.endswith("s") and word[:-1] in LOOKS else word)


def place_name(place, grid):
    row, column = divmod(place, grid[1])
    rows = {2: ("top", "bottom"), 3: ("top", "middle", "bottom")}[grid[0]]
    columns = {2: ("left", "right"), 3: ("left", "middle", "right")}[grid[1]]
    return rows[row] if rows[row] == columns[column] else f"{rows[row]} {columns[column]}"
