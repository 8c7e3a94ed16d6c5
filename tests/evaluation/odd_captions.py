"""Odd captions that people might write, from a seed, and how many get the official tokens.

python -m tests.evaluation.odd_captions --seed=0 --out=results/tokens.json

Sentences with numbers, quotes, marks, compounds, abbreviations, addresses, entities and letters of
other languages in them, and whatever of that was glued together. Needs Java and pycocoevalcap.
"""

import argparse
import json
import sys

import numpy as np

from itit_jax.evaluation import caption_scores, java_scorers
from itit_jax.evaluation.ptb import tokenize

NOUNS = ("dog", "man", "bus", "pizza", "cat", "street sign", "umbrella", "café", "Hawai'i", "kite",
         "naïve artist", "o'clock show", "cap'n", "Ma'am", "rock 'n' roll band", "U.S. flag", "TV",
         "jalapeño", "Zürich tram", "smörgåsbord", "C++ book", "girl's doll",
         "dogs' bowls")  # fmt: skip
WORDS = ("red", "18-wheeler", "2-story", "5-year-old", "7-Eleven", "3-D", "1st-class", "pb&j",
         "AT&T", "R&B", "black-and-white", "T-shirt", "e-mail", "co-ed", "50-50", "4x4", "2x4",
         "mid-air", "semi-truck", "hot-dog/burger", "and/or", "his/her", "20th-century", "x-ray",
         "b/w", "w/o", "half-eaten", "no-parking", "pre-1950s", "2-for-1", "24/7", "1/2-eaten",
         "under_score", "snow_board", "M&Ms", "Q&A", "non-U.S.", "self-made", "-old", "old-",
         "A.M.", "p.m.", "Mr. Smith's", "St. Paul", "No. 1", "No.1", "vs.", "etc.", "Jr.", "Inc.",
         "e.g.", "i.e.", "Ph.D.", "D.C.", "J.F.K.", "a.k.a.", "Dr.", "Ave.", "approx.", "Fig. 3",
         "Sept. 5", "Mon. night", "ft. tall", "oz.", "lbs.")  # fmt: skip
NUMBERS = ("3", "1,000", "3.5", ".5", "10:30", "1/2", "3 1/2", "20%", "$5", "$3.99", "A$9", "US$20",
           "£5", "€10", "#1", "1990s", "'90s", "90's", "5'10\"", "6'", "10\"", "2nd", "100th", "3x",
           "+1", "-5", "1-2", "2012-05-06", "5/6/12", "555-1234", "(555) 123-4567", "v1.2.3",
           "192.168.0.1", "1.", "2)", "10am", "5pm", "5 p.m.", "½", "2½", "10°", "20°C", "3,5",
           "50mm", "5kg", "60mph", "1080p", "24hr", "7up", "3D", "4K", "747-400",
           "F-16")  # fmt: skip
MARKS = (":)", ":-)", ";)", ":(", ":D", "<3", "...", "..", ". . .", "!!!", "?!", "!", "?", ",", ";",
         ":", "-", "--", "---", "&", "&amp;", "&nbsp;", "&quot;", "&lt;3", "&#39;", "*", "**", "/",
         "\\", "|", "~", "^", "_", "__", "@", "#", "%", "+", "=", "<", ">", "<b>", "</b>", "<br/>",
         "(", ")", "[", "]", "{", "}", "'", "\"", "``", "''", "`", "“", "”", "‘", "’", "–", "—",
         "…", "•", "©", "®", "™", "°", "×", "¿", "¡", "«", "»", "x!y", "a.b", "end.Start",
         "no,comma", "www.foo.com", "http://foo.com/a?b=c", "foo.com", "a@b.com", "@home", "#fun",
         "file.jpg", "IMG_1234.JPG", "and/", "/or", "o.k.", "O.K", "ok!ok",
         "why?because")  # fmt: skip
VERBS = ("isn't", "can't", "cannot", "won't", "it's", "they're", "he'd", "we'll", "I'm", "gonna",
         "wanna", "gotta", "lemme", "gimme", "'tis", "'twas", "y'all", "ain't", "don't've", "dont",
         "shouldn't", "who's", "C'mon", "d'ye", "more'n", "'em", "ol'", "goin'", "ma'am's",
         "IT'S", "ISN'T", "let's", "would've", "mustn't", "rock'n'roll", "fo'c'sle")  # fmt: skip
PLAIN = ("a", "the", "two", "with", "on", "of", "in", "and", "is", "sits", "near", "A", "The")
KINDS = (NOUNS, WORDS, NUMBERS, MARKS, VERBS)


def captions(count, seed):
    """`count` texts, each with one to three odd things in it."""
    rng = np.random.default_rng(seed)
    return [_caption(rng) for _ in range(count)]


def _caption(rng):
    words = [_one(rng, PLAIN if rng.random() < 0.6 else NOUNS) for _ in range(rng.integers(2, 8))]
    for _ in range(rng.integers(1, 4)):
        odd = _one(rng, KINDS[rng.integers(len(KINDS))])
        at = rng.integers(len(words) + 1)
        way = rng.integers(6)
        if way < 3 or at == len(words):
            words.insert(at, odd)
        elif way == 3:
            words[at] = odd + words[at]
        elif way == 4:
            words[at] += odd
        else:
            words[at] = _one(rng, ("({})", '"{}"', "'{}'", "{},", "{}.", "{}'s", "{}-{}")).replace(
                "{}", odd
            )
    text = " ".join(words)
    return text + _one(rng, ("", ".", ".", " .", "!", "...", "  "))


def _one(rng, things):
    return things[rng.integers(len(things))]


def agreement(count, seed):
    """Share of texts with equal tokens, the largest difference of a score by both, some texts."""
    texts = captions(count, seed)
    # The lexer looks at the next line; between texts there is one that says nothing.
    official = java_scorers.tokens([line for text in texts for line in (text, "zzz")])[::2]
    ours = [tokenize(text) for text in texts]
    scores = [_scores(tokens) for tokens in (official, ours)]
    others = [(t, a, b) for t, a, b in zip(texts, official, ours) if a != b]
    return {
        "texts": count,
        "seed": seed,
        "equal_tokens": 1 - len(others) / count,
        "largest_difference": max(abs(scores[0][name] - scores[1][name]) for name in scores[0]),
        "others": [dict(zip(("text", "official", "ours"), other)) for other in others[:20]],
    }


def _scores(tokens):
    """Of each third text against the two that follow it."""
    found = caption_scores.score(tokens[::3], list(zip(tokens[1::3], tokens[2::3])), "given")
    return {name: entry["score"] for name, entry in found.items()}


def main():
    """Prints and writes the table; returns 1 where more than one text in a thousand differs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--count", type=int, default=6000)
    parser.add_argument("--out", required=True)
    options = parser.parse_args()
    try:
        found = agreement(options.count, options.seed)
    except java_scorers.NotMeasured as why:
        print(f"tokens of odd captions are not compared: {why}")
        return 0
    print(json.dumps({name: value for name, value in found.items() if name != "others"}))
    with open(options.out, "w") as file:
        file.write(json.dumps(found, indent=1) + "\n")
    return int(found["equal_tokens"] < 0.999 or found["largest_difference"] > 0.001)


if __name__ == "__main__":
    sys.exit(main())
