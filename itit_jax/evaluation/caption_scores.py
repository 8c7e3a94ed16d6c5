"""BLEU, ROUGE-L and CIDEr-D of captions, as the official COCO scorers compute them."""

import math
from collections import Counter

import numpy as np

from data_pipelines.errors import UserError
from itit_jax.evaluation.intervals import bootstrap, entry
from itit_jax.evaluation.ptb import one_line, tokenize

VERSION = 2  # of the signature: raised when a score of the same texts would change
OURS = "ptb-py"  # tokens of evaluation.ptb
ORDERS = 4  # n-grams up to this length
ROUGE_BETA = 1.2
CIDER_SIGMA = 6.0
ONE = "it weighs words by how rare they are in a set; give two pictures or more"


def score(hypotheses, references, tokens="", groups=None):
    """Scores of captions, [n] texts against [n] lists of reference texts.

    tokens: what made them, where the texts are tokens already; in signatures.

    -> {metric: {"score", "low", "high", "items" [n], "signature"}, or {"missing": why}} for
    Bleu_1..4, ROUGE_L and CIDEr. The intervals resample captions, those of one of the `groups` [n]
    together; CIDEr keeps the document frequencies of the whole set.
    """
    check(hypotheses, references)
    cut = one_line if tokens else tokenize
    hypotheses = [cut(text) for text in hypotheses]
    references = [[cut(text) for text in texts] for texts in references]
    scores = {}
    statistics = bleu_statistics(hypotheses, references)
    for order in range(1, ORDERS + 1):
        statistic = lambda sums, order=order: bleu(sums, order)
        found = bootstrap(statistics, groups=groups, statistic=statistic)
        scores[f"Bleu_{order}"] = _entry(found, statistic(statistics))
    means = {"ROUGE_L": rouge_l(hypotheses, references)}
    if len(hypotheses) > 1:
        means["CIDEr"] = cider(hypotheses, references)
    scores |= {name: _entry(bootstrap(of, groups=groups), of) for name, of in means.items()}
    few, many = min(map(len, references)), max(map(len, references))
    counted = f"refs:{few}" if few == many else f"refs:{few}-{many}"
    how = f"{tokens or OURS}|{counted}|n:{len(hypotheses)}|v:{VERSION}"
    for name, found in scores.items():
        found["signature"] = f"{name.lower()}:{how}"
    return scores if "CIDEr" in scores else scores | {"CIDEr": {"missing": ONE}}


def check(hypotheses, references):
    """Refuses, by item, what is no caption, and captions without references."""
    if len(hypotheses) != len(references) or not len(hypotheses):
        raise UserError(f"there are {len(hypotheses)} captions and references of "
                        f"{len(references)}; give a list of references for each.")  # fmt: skip
    for i, (text, texts) in enumerate(zip(hypotheses, references)):
        if isinstance(texts, str) or not isinstance(texts, list | tuple) or not texts:
            raise UserError(f"item {i} has no list of references but {_short(texts)}; give one.")
        for kind, each in (("hypothesis", text), *(("reference", each) for each in texts)):
            if not isinstance(each, str):
                raise UserError(f"a {kind} of item {i} is no text but {_short(each)}; mend it.")


def _short(value):
    return f"{repr(value)[:40]} ({type(value).__name__})"


def _entry(found, items):
    return entry(*found) | {"items": [float(x) for x in items]}


# ---- BLEU --------------------------------------------------------------------------------------


def bleu_statistics(hypotheses, references):
    """float64 [n, 2 * ORDERS + 2]: matches of each order, guesses of each order, both lengths."""
    return np.array([_bleu_row(h, r) for h, r in zip(hypotheses, references)], np.float64)


def _bleu_row(hypothesis, references):
    words, lists = hypothesis.split(), [text.split() for text in references]
    most = Counter()
    for found in map(ngrams, lists):
        most |= found
    right = [0] * ORDERS
    for gram, count in ngrams(words).items():
        right[len(gram) - 1] += min(count, most[gram])
    guesses = [max(0, len(words) - order) for order in range(ORDERS)]
    nearest = min((abs(len(r) - len(words)), len(r)) for r in lists)[1]
    return [*right, *guesses, len(words), nearest]


def bleu(sums, order):
    """BLEU of that order from statistics [..., 2 * ORDERS + 2] that are summed over a corpus."""
    right, guesses = sums[..., :order], sums[..., ORDERS : ORDERS + order]
    precision = np.prod((right + 1e-15) / (guesses + 1e-9), axis=-1) ** (1 / order)
    ratio = (sums[..., -2] + 1e-15) / (sums[..., -1] + 1e-9)
    return precision * np.exp(np.minimum(0.0, 1 - 1 / ratio))


def ngrams(words):
    """Counter of all n-grams of length 1 to ORDERS."""
    return Counter(
        tuple(words[i : i + order])
        for order in range(1, ORDERS + 1)
        for i in range(len(words) - order + 1)
    )


# ---- ROUGE-L -----------------------------------------------------------------------------------


def rouge_l(hypotheses, references):
    """[n]: F of the longest common subsequence, best precision and best recall of all references.

    Words lie between ASCII spaces, as in the official scorer; an empty text is one empty word.
    """
    return np.array([_rouge_item(h, r) for h, r in zip(hypotheses, references)])


def _rouge_item(hypothesis, references):
    words = hypothesis.split(" ")
    common = [(_common_length(words, text.split(" ")), text) for text in references]
    precision = max(length / len(words) for length, _ in common)
    recall = max(length / len(text.split(" ")) for length, text in common)
    if not precision or not recall:
        return 0.0
    weight = ROUGE_BETA**2
    return (1 + weight) * precision * recall / (recall + weight * precision)


def _common_length(a, b):
    """Length of the longest common subsequence."""
    row = [0] * (len(b) + 1)
    for word in a:
        before = 0  # row[j - 1] of the row above
        for j, other in enumerate(b, 1):
            above = row[j]
            row[j] = before + 1 if word == other else max(above, row[j - 1])
            before = above
    return row[-1]


# ---- CIDEr-D -----------------------------------------------------------------------------------


def cider(hypotheses, references):
    """[n]: CIDEr-D. Document frequencies come from the references of the whole set."""
    hypothesis_grams = [ngrams(text.split()) for text in hypotheses]
    reference_grams = [[ngrams(text.split()) for text in texts] for texts in references]
    frequency = Counter(g for texts in reference_grams for g in set().union(*texts))
    documents = math.log(len(references))
    rarity = {gram: documents - math.log(count) for gram, count in frequency.items()}
    vector = lambda grams: _weigh(grams, rarity, documents)
    return np.array(
        [
            np.mean([_similarity(vector(grams), vector(other)) for other in others]) * 10
            for grams, others in zip(hypothesis_grams, reference_grams)
        ]
    )


def _weigh(grams, rarity, unseen):
    """-> (tf-idf of every n-gram, norm of each order, number of bigrams)."""
    weights = {gram: count * rarity.get(gram, unseen) for gram, count in grams.items()}
    squares = [0.0] * ORDERS
    for gram, weight in weights.items():
        squares[len(gram) - 1] += weight**2
    bigrams = sum(count for gram, count in grams.items() if len(gram) == 2)
    return weights, [math.sqrt(s) for s in squares], bigrams


def _similarity(hypothesis, reference):
    """Mean over orders of the clipped cosine, times the penalty of the difference in length."""
    weights, norms, length = hypothesis
    other_weights, other_norms, other_length = reference
    dots = [0.0] * ORDERS
    for gram, weight in weights.items():
        if gram in other_weights:
            dots[len(gram) - 1] += min(weight, other_weights[gram]) * other_weights[gram]
    cosines = [d / (n * m) if n and m else 0.0 for d, n, m in zip(dots, norms, other_norms)]
    penalty = math.exp(-((length - other_length) ** 2) / (2 * CIDER_SIGMA**2))
    return sum(cosines) / ORDERS * penalty
