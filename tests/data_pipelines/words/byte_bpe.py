"""Byte-level BPE in plain Python, after the papers' own code: learns, and tells the ids of a text.

Slow and naive on purpose, and right for the letters that the tests use (re knows no \\p{L}).
"""

import collections
import json
import re
import unicodedata

APOSTROPHES = "'s|'t|'re|'ve|'m|'ll|'d"
GPT2 = rf"{APOSTROPHES}| ?[^\W\d_]+| ?\d+| ?(?:[^\s\w]|_)+|\s+(?!\S)|\s+"
CLIP = rf"{APOSTROPHES}|[^\W\d_]+|\d|(?:[^\s\w]|_)+"
SPECIAL = {"": ["<|endoftext|>"], "</w>": ["<|startoftext|>", "<|endoftext|>"]}


def letters():
    """{byte: the printable letter that stands for it}."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    rest = [b for b in range(256) if b not in printable]
    return {b: chr(b) for b in printable} | {b: chr(256 + i) for i, b in enumerate(rest)}


def split(text, ending):
    """Text -> words, each a tuple of letters; the last letter carries `ending`."""
    if ending:
        text = "".join(letter.lower() for letter in unicodedata.normalize("NFC", text))
    table = letters()
    for word in re.findall(CLIP if ending else GPT2, text):
        spelt = [table[byte] for byte in word.encode()]
        yield (*spelt[:-1], spelt[-1] + ending)


def join(word, pair):
    """The word with every neighbouring `pair` made one."""
    out, i = [], 0
    while i < len(word):
        both = word[i : i + 2] == pair
        out.append("".join(pair) if both else word[i])
        i += 2 if both else 1
    return tuple(out)


def learn(texts, count, ending):
    """The `count` merges that make most of each next pair."""
    words, merges = [word for text in texts for word in split(text, ending)], []
    for _ in range(count):
        pairs = collections.Counter(pair for word in words for pair in zip(word, word[1:]))
        if not pairs:
            break
        merges.append(max(sorted(pairs), key=pairs.get))
        words = [join(word, merges[-1]) for word in words]
    return merges


def vocabulary(merges, ending):
    """{piece: id}: letters, letters that end a word, merges, special tokens."""
    spelt = list(letters().values())
    ended = [letter + ending for letter in spelt] if ending else []
    pieces = [*spelt, *ended, *map("".join, merges), *SPECIAL[ending]]
    return {piece: i for i, piece in enumerate(dict.fromkeys(pieces))}


def ids(text, merges, ending):
    """Ids of a text, without begin and end."""
    known = vocabulary(merges, ending)
    out = []
    for word in split(text, ending):
        while here := [pair for pair in merges if pair in set(zip(word, word[1:]))]:
            word = join(word, here[0])
        out += [known[piece] for piece in word]
    return out


def write(folder, merges, ending):
    """vocab.json and merges.txt as they are published."""
    known = json.dumps(vocabulary(merges, ending), ensure_ascii=False)
    (folder / "vocab.json").write_text(known, encoding="utf-8")
    lines = ["#version: 0.2", *map(" ".join, merges)]
    (folder / "merges.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder
