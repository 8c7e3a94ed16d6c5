"""Penn-Treebank tokens of captions, as the official caption scorers see them, without Java.

They come from Stanford's PTBTokenizer 3.4.1, in lower case and without punctuation. This keeps to
the rules that captions meet; tests/evaluation/test_caption_scores.py holds it to official tokens.
"""

import re

DROPPED = {"''", "'", "``", "`", ".", "?", "!", ",", ":", "-", "--", "...", ";"}

# What Stanford's tokenizer rewrites before or while it cuts. No-break spaces stay in a token.
REWRITTEN = str.maketrans(
    {
        "\u00ad": None,  # soft hyphen
        "\u200b": " ",
        "\u200c": None,
        "\u200d": None,
        "\ufe0f": None,
        "‘": "'", "’": "'", "‛": "'", "‹": "'", "›": "'",
        "“": '"', "”": '"', "„": '"', "«": '"', "»": '"',
        "–": " -- ", "—": " -- ", "―": " -- ",
        "…": " ... ",
        "½": "  1/2", "¼": "  1/4", "¾": "  3/4", "⅓": "  1/3", "⅔": "  2/3",
        "£": "#", "€": "$",
    }
)  # fmt: skip

BRACKETS = {"(": "-lrb-", ")": "-rrb-", "[": "-lsb-", "]": "-rsb-", "{": "-lcb-", "}": "-rcb-"}

# Words that are two tokens: how many letters the first has.
JOINED = {
    "cannot": 3, "gonna": 3, "gotta": 3, "lemme": 3, "gimme": 3, "wanna": 3, "'tis": 2,
    "'twas": 2, "y'all": 2, "d'ye": 2,
}  # fmt: skip

# Abbreviations that keep their full stop.
ABBREVIATIONS = (
    r"mr|mrs|ms|messrs|dr|drs|prof|st|ste|mt|jr|sr|gen|col|sgt|capt|lt|cmdr|gov|sen|rep|rev|hon|"
    r"vs|etc|inc|corp|co|ltd|bros|dept|dist|assn|univ|ave|blvd|rd|hwy|apt|ft|no|nos|vol|pp|fig|"
    r"jan|feb|mar|apr|jun|jul|aug|sep|sept|oct|nov|dec|mon|tue|tues|wed|thu|thurs|fri|"
    r"e\.g|i\.e|ph\.d|ed|est|al|cf|ca|esp|approx"
)

ENTITIES = {"&amp;": "&", "&lt;": "<", "&gt;": ">", "&quot;": "''", "&apos;": "'"}
ENTITY = "|".join(ENTITIES)

# With combining marks, which \w leaves out, and without raised digits, which it holds.
LETTER = r"(?:[^\W\d_²³¹]|[\u0300-\u036f\u0483-\u0487\u0591-\u05bd\u064b-\u065f\u0900-\u0dff])"
PART = rf"(?:{LETTER}|[\d_])+"
WORD = rf"{PART}(?:(?:[-./]|&(?!(?:amp|lt|gt|quot|apos);)){PART})*"
TOKEN = re.compile(
    rf"""
    (?P<entity> {ENTITY} )
  | (?P<bracket> -[lr][rsc]b- )
  | (?P<tag> </?[a-z][^<>\s]*> )
  | (?P<url> (?:https?://|www\.)[^\s"<>]+[^\s"<>.,!?;:()] )
  | (?P<mail> [\w.+-]+@[\w-]+(?:\.[\w-]+)+ )
  | (?P<handle> [@\#]{LETTER}\w* | @@+ )
  | (?P<phone> \(\d{{3}}\)[ ]?\d{{3}}-\d{{4}} )
  | (?P<mixed> \d+[ ]\d+/\d+(?!\w) )
  | (?P<time> \d+:\d\d(?=[ap]m(?!\w)) )
  | (?P<language> (?<!\w)c(?:\+\+|\#) )
  | (?P<acronym> (?<!\w)(?:{LETTER}\.{LETTER}(?:\.{LETTER})*\.?(?!\w) | {LETTER}\.(?=\s+\w)) )
  | (?P<abbreviation> (?<![\w])(?:{ABBREVIATIONS})\.(?!\w) )
  | (?P<year> '\d\ds?(?!\w) )
  | (?P<number> (?:(?<![\w)])[-+])?\d+(?:[-.,:/]\d+)*(?:st|nd|rd|th|s)?(?![\d_]|{LETTER}) )
  | (?P<kept> '[nN]'(?!\w) | ma'am(?!\w) )
  | (?P<joined> (?<!\w)(?:{"|".join(map(re.escape, JOINED))})(?!\w) )
  | (?P<negated> (?:{LETTER})+?(?=n't(?!\w)) )
  | (?P<ending> n't(?!\w) | '(?:s|re|ve|ll|d|m)(?!\w) )
  | (?P<inner> {LETTER}'{LETTER}+(?:-{LETTER}+)* (?<!'s)(?<!'d)(?<!'m)(?<!'re)(?<!'ve)(?<!'ll) )
  | (?P<currency> [a-z]{{1,3}}\$(?=\d) )
  | (?P<word> {WORD} )
  | (?P<dots> \.{{2,}} | (?:\.\ )+\. )
  | (?P<cries> [?!]+ )
  | (?P<dashes> -+ )
  | (?P<quotes> ``|''|"+ )
  | (?P<other> \S )
    """,
    re.VERBOSE | re.IGNORECASE,
)


def one_line(text: str) -> str:
    """The text with spaces for all that some program takes for the end of a line."""
    return " ".join(text.splitlines())


def tokenize(text: str) -> str:
    """Raw caption -> its tokens in lower case, one space between, punctuation dropped."""
    return " ".join(_tokens(text))


def _tokens(text):
    text = "".join(c for c in text if ord(c) < 0x10000).translate(REWRITTEN)
    for match in TOKEN.finditer(text.lower()):
        for token in _cut(match.lastgroup, match.group()):
            if token not in DROPPED:
                yield token


def _cut(kind, token):
    if kind == "joined":
        first = JOINED[token]
        return (token[:first], token[first:])
    if kind in ("quotes", "dots", "dashes"):
        return ()
    if kind in ("mixed", "phone"):  # one token with a no-break space within
        token = token.replace(")", ") ").replace("  ", " ").replace(" ", "\u00a0")
        token = "".join(BRACKETS.get(c, c) for c in token)
    return (ENTITIES.get(token, BRACKETS.get(token, token)),)
