"""Penn-Treebank tokens of captions, as the official caption scorers see them, without Java.

They come from Stanford's PTBTokenizer 3.4.1, in lower case and without punctuation. It is a lexer:
of all its rules the one with the longest match makes the next token, what must follow a token
counts in the match, and of equal ones the first wins. So it is here, in its order;
tests/evaluation/odd_captions.py compares both where Java is. What the lexer makes of a last word by
the first one of the next caption is left out: a text has the same tokens wherever it stands.
"""

import re
from collections.abc import Callable
from typing import NamedTuple

DROPPED = {"''", "'", "``", "`", ".", "?", "!", ",", ":", "-", "--", "...", ";"}

# What its rules would treat as these, or pass over. No-break spaces stay in a token.
REWRITTEN = str.maketrans(
    {
        "\u00ad": None,  # soft hyphen
        "\u200b": " ",
        "\u200c": None,
        "\u200d": None,
        "\ufe0f": None,
        "‛": "'",
    }
)  # fmt: skip
BRACKETS = {"(": "-lrb-", ")": "-rrb-", "[": "-lsb-", "]": "-rsb-", "{": "-lcb-", "}": "-rcb-"}
ENTITIES = {"&amp;": "&", "&lt;": "<", "&gt;": ">", "&apos;": "'"}
FRACTIONS = {"½": "1/2", "¼": "1/4", "¾": "3/4", "⅓": "1/3", "⅔": "2/3"}
MONEY = {"£": "#", "€": "$", "¤": "$", "¢": "cents"}

# ---- letters, numbers, compounds -----------------------------------------------------------------

# With combining marks, which \w leaves out, and without raised digits, which it holds.
LETTER = (
    r"(?:[^\W\d_²³¹¼½¾⅐-ⅿ]|[\u0300-\u036f\u0483-\u0487\u0591-\u05bd\u064b-\u065f\u0900-\u0dff])"
)
SPACE = r"[ \t\u00a0\u2000-\u200a\u3000]"
ALNUM = r"[^\W_²³¹¼½¾⅐-ⅿ]"
APOS = r"(?:['’]|&apos;)"
TICK = r"(?:['’]|&apos;|[`‘])"
WORD = rf"{LETTER}(?:{LETTER}|\d)*(?:[.!?]{LETTER}(?:{LETTER}|\d)*)*"
NUM = r"(?:\d+(?:[.:,]\d+)*|\d*(?:[.:,]\d+)+)"
PART = rf"(?:[dol]{TICK}{ALNUM})?"
ACRO2 = r"[a-z](?:\.[a-z])+"
ACRO = r"(?:[a-z](?:\.[a-z])*|(?:canada|sino|korean|eu|japan|non)-u\.s|u\.s\.-(?:u\.k|u\.s\.s\.r))"

# ---- abbreviations -------------------------------------------------------------------------------

BEFORE_SMALL = (  # words of small letters follow them
    r"jan|feb|mar|apr|jun|jul|aug|sep|sept|oct|nov|dec|mon|tues?|wed|thu|thurs|fri|"
    r"ala|ariz|(?-i:A)z|(?-i:A)rk|calif|colo|conn|ct|dak|(?-i:D)el|fla|ga|(?-i:I)ll|ind|kans?|ky|"
    r"(?-i:L)a|(?-i:M)ass|md|mich|minn|(?-i:M)iss|mo|mont|neb|nev|okla|(?-i:O)re|(?-i:P)a|penn|tenn|"
    r"(?-i:T)ex|va|vt|(?-i:W)ash|wisc?|wyo|"
    r"inc|cos?|corp|pp?t[ye]s?|ltd|plc|rt|bancorp|bhd|assn|univ|intl|sys|tel|est|ext|sq|"
    r"jr|sr|bros|(?:ed|ph)\.d|esq|etc|al|seq|bldg|blvd|rd"
)
BEFORE_LARGE = (  # words of large letters follow them
    rf"mr|mrs|ms|(?-i:M)iss|drs?|profs?|sens?|reps?|attys?|lt|col|gen|messrs|govs?|adm|rev|maj|sgt|"
    rf"cpl|pvt|capt|ste?|ave|pres|lieut|hon|brig|co?mdr|pfc|spc|supts?|det|mt|ft|adj|adv|asst|"
    rf"assoc|ens|insp|mlle|mme|msgr|sfc|invt|elec|natl|m[ft]g|dept|ass't|"
    rf"(?-i:v)|wm|jos|cie|cf|treas|ph|{ACRO}"
)
BEFORE_NUMBER = r"ca|figs?|prop|nos?|art|bldg|prop|pp|op"
ENDINGS = (  # of names of files
    "3gp|avi|bat|bmp|bz2|c|class|cgi|cpp|dll|docx?|exe|flv|gif|gz|h|html?|jar|java|jpe?g|mov|mp[34g]|"
    "mpeg|o|pdf|php|pl|png|ppt|ps|py|sql|tar|txt|wav|x|xml|zip|wm[va]"
)


class Rule(NamedTuple):
    """What a token looks like, what must follow it, and what becomes of it."""

    token: str
    after: str = ""
    make: Callable[[str], tuple] = lambda token: (
        token,
        len(token),
    )  # -> what is told, letters taken


def _bracketed(token):
    return "".join(BRACKETS.get(letter, letter) for letter in token), len(token)


def _joined(token):
    return token.replace(" ", "\u00a0").replace("&apos;", "'").replace("‘", "`"), len(token)


def _without(count):
    return lambda token: (token[:-count], len(token) - count)


def _of(table):
    return lambda token: (table.get(token.lower(), token), len(token))


def _nothing(token):
    return "", len(token)


def _acronym(token):
    """A single letter before a new sentence is a word."""
    return (token[:1], 2) if len(token) == 2 else (token, len(token))


SENTENCE = (  # words that begin one
    "A|About|According|Additionally|After|All|Also|Although|An|Another|As|At|Before|Both|But|By|Did|"
    "During|Each|Earlier|Following|For|From|He|Her|Here|His|How|However|If|In|It|Its|Last|Later|Many|"
    r"More|Most|Mrs?\.|Ms\.|Now|On|Once|One|Other|Our|She|Since|So|Some|Such|That|The|Their|Then|There|"
    "These|They|This|Two|Under|Upon|We|When|While|What|Who|Why|Yet|You"
)
REDAUX = rf"{TICK}(?:[msd]|re|ve|ll)"
NAME = r"[a-z][\w:.\-]*"
ATTRIBUTE = NAME + r"(?:[ ]*=[ ]*(?:'[^'\r\n]*'|\"[^\"\r\n]*\"|[a-z_][\w:.\-]*))?"
URL = r"[^\s<>|\"()\[\]{}]"
RULES = (
    Rule(rf"cannot|{APOS}twas", make=_without(3)),
    Rule(rf"{APOS}tis|gonna|gotta|lemme|gimme|wanna", make=_without(2)),
    Rule(rf"<(?:[!?][a-z\-][^>\r\n]*|{NAME}(?:[ ]+(?:{ATTRIBUTE}))*[ ]*/?|/{NAME})[ ]*>",
         make=_joined),
    Rule(r"&(?:MD|mdash|ndash);|[–—―]", make=_nothing),
    Rule(r"&amp;", make=_of(ENTITIES)),
    Rule(r"&(?:HT|TL|UR|LR|QC|QL|QR|odq|cdq|\#[0-9]+);"),
    Rule(WORD, REDAUX),
    Rule(r"[a-z]*[a-mo-z]", rf"n{TICK}t"),
    Rule(WORD),
    Rule(rf"{APOS}n", rf"{SPACE}|$", _joined),
    Rule(rf"{APOS}n{APOS}|[ldj]{APOS}|dunkin{APOS}|somethin{APOS}|ol{APOS}|{APOS}em|"
         rf"(?-i:[A-HJ-XZn]){TICK}{LETTER}{{2,}}|{APOS}[2-9]0s|{APOS}till?|"
         rf"{LETTER}+[aeiouy]{TICK}(?-i:[aeiouA-Z]){LETTER}*|{APOS}cause|cont'd\.?|'twixt|"
         r"nor'easter|c'mon|e'er|s'mores|ev'ry|li'l|nat'l", make=_joined),
    Rule(rf"y{APOS}", LETTER, _joined),
    Rule(rf"(?:ftp|svn|svn\+ssh|http|https|mailto)://{URL}+[^\s<>|.!?,;:&\"()\[\]{{}}\-]"),
    Rule(rf"(?:(?:www\.(?:[^\s<>|.!?,()\[\]{{}}\"]+\.)+[a-zA-Z]{{2,4}})|"
         rf"(?:(?:[^\s`'<>|.!?,:/$^@\-()\[\]{{}}\"]+\.)+(?:com|net|org|edu)))"
         rf"(?:/{URL}+[^\s<>|.!?,;:&\"()\[\]{{}}\-])?", r"(?:[^A-Za-z]|$)"),
    Rule(r"(?:&lt;|<)?[a-z0-9][^\s\"<>|()]*@(?:[^\s\"<>|().]+\.)*(?:[^\s\"<>|().]+)(?:&gt;|>)?"),
    Rule(rf"@[a-z_][a-z_\d]*|\#{LETTER}+"),
    Rule(REDAUX, r"(?:[^A-Za-z]|$)", _joined),
    Rule(rf"n{TICK}t", r"(?:[^A-Za-z]|$)", _joined),
    Rule(r"\d{1,2}[\-/]\d{1,2}[\-/]\d{2,4}"),
    Rule(rf"[\-+]?{NUM}"),
    Rule(r"[⁺⁻₊₋]?(?:[⁰¹²³⁴-⁹]+|[₀-₉]+)"),
    Rule(r"(?:\d{1,4}[- \u00a0])?\d{1,4}(?:\\?/|⁄)\d{1,4}", make=_joined),
    Rule(r"[¼½¾⅓-⅞]", make=_of(FRACTIONS)),
    Rule(rf"-(?:RRB|LRB|RCB|LCB|RSB|LSB)-|C\.D\.s|pro-|anti-|S(?:&|&amp;)P-500|S(?:&|&amp;)Ls|"
         rf"cap{APOS}n|c{APOS}est", make=_joined),
    Rule(r"(?:E|Yahoo|Jeopardy)!"),
    Rule(r"[a-z\d]+(?:-[a-z]+){0,2}(?:\\?/[a-z\d]+(?:-[a-z]+){0,2}){1,2}"),
    Rule(r"(?-i:[A-Z])*\$|\#"),
    Rule(r"[¢-¥₠-₿]", make=_of(MONEY)),
    Rule(rf"(?:{BEFORE_LARGE})\.", rf"{SPACE}+(?-i:{SENTENCE})(?:{SPACE}|$)", _acronym),
    Rule(rf"(?:{BEFORE_NUMBER})\.", rf"{SPACE}?\d"),
    Rule(rf"(?:{BEFORE_SMALL})\.", r".{0,2}"),
    Rule(rf"(?:{BEFORE_LARGE}|vs|a\.k\.a)\."),
    Rule(rf"{ACRO}", SPACE),
    Rule(rf"(?:{WORD}|{ALNUM}+)\.", r"[,;:]"),
    Rule(r"(?:\([0-9]{2,3}\)[ \u00a0]?|(?:\+\+?)?(?:[0-9]{2,4}[\- \u00a0])?[0-9]{2,4}[\- \u00a0])"
         r"[0-9]{3,4}[\- \u00a0]?[0-9]{3,5}|"
         r"(?:(?:\+\+?)?[0-9]{2,4}\.)?[0-9]{2,4}\.[0-9]{3,4}\.[0-9]{3,5}",
         make=lambda token: (_bracketed(_joined(token)[0])[0], len(token))),
    Rule(r"\"|&quot;|``|''|[“”„«»‹›]", make=_nothing),
    Rule(r"&lt;|&gt;|<|>", make=_of(ENTITIES)),
    Rule(r"<<|>>"),
    Rule(r"[<>]?[:;=][\-o*']?[()DPdpO\\{@|\[\]]", r"[^A-Za-z\d]|$", _bracketed),
    Rule(r"(?-i:[\^x=~<>]\.[\^x=~<>])|(?-i:[\-\^x=~<>']_[\-\^x=~<>'])|\([\-\^x=~<>'][_.]?[\-\^x=~<>']\)|"
         r"\([\^x=~<>']-[\^x=~<>'`]\)", make=_bracketed),
    Rule(r"[()\[\]{}]", make=_bracketed),
    Rule(r"-+", make=lambda token: ("--" if len(token) in (3, 4) else token, len(token))),
    Rule(r"\.\.\.+|…|\.[ \u00a0](?:\.[ \u00a0])+\.", make=_nothing),
    Rule(r"@+|\#+|_+"),
    Rule(r"\*+|(?:\\\*){1,3}"),
    Rule(r"[,;:.]|[?!]"),
    Rule(r"[?!]+"),
    Rule(rf"{PART}{ALNUM}+(?:[-_]{PART}(?:{ALNUM}+|{NUM}))*", make=_joined),
    Rule(r"(?-i:[A-Z]+(?:(?:[+&]|&amp;)[A-Z]+)+)",
         make=lambda token: (token.replace("&amp;", "&"), len(token))),
    Rule(rf"[a-z\d][a-z\d.,]*(?:-(?:{ACRO2}\.|[a-z\d]+))+"),
    Rule(rf"[a-z\d]+(?:\.[a-z\d]+)*\.(?:{ENDINGS})", rf"{SPACE}|$|[.?!,]"),
    Rule(rf"{APOS}\d\d", rf"{SPACE}"),
    Rule(r"['`‘’]", make=_nothing),
    Rule(r"c(?:\+\+|\#)"),
    Rule(r"\S"),
)  # fmt: skip
COMPILED = [
    (
        re.compile(f"({rule.token})(?:{rule.after})" if rule.after else f"({rule.token})", re.I),
        rule.make,
    )
    for rule in RULES
]
# Most words need no rule.
SIMPLE = re.compile(rf"[A-Za-z]+(?={SPACE}|$)")
SPLIT = {"cannot", "gonna", "gotta", "lemme", "gimme", "wanna"}
SPACES = re.compile(rf"(?:{SPACE}|\s|&nbsp;)+")


def one_line(text: str) -> str:
    """The text with spaces for all that some program takes for the end of a line."""
    return " ".join(text.splitlines())


def tokenize(text: str) -> str:
    """Raw caption -> its tokens in lower case, one space between, punctuation dropped."""
    return " ".join(token for token in _tokens(text) if token and token not in DROPPED)


def _tokens(text):
    text = "".join(c for c in one_line(text) if ord(c) < 0x10000).translate(REWRITTEN)
    at = 0
    while at < len(text):
        if space := SPACES.match(text, at):
            at = space.end()
            continue
        simple = SIMPLE.match(text, at)
        if simple and simple.group().lower() not in SPLIT:
            token, taken = simple.group(), len(simple.group())
        else:
            token, taken = _longest(text, at)
        at += taken
        yield token.lower().replace("’", "'")


def _longest(text, at):
    best, longest, make = None, -1, None
    for pattern, rule_make in COMPILED:
        found = pattern.match(text, at)
        if found and found.end() > longest:
            best, longest, make = found[1], found.end(), rule_make
    return make(best)
