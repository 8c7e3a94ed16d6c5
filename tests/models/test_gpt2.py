"""GPT-2 behind a prefix: against its formulas in NumPy, and cached against teacher-forced."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from itit_jax.decoding import autoregressive
from itit_jax.models.gpt2 import GPT2, PrefixCaptioner, PrefixMapper
from tests import tiny

WIDTH, HEADS, WORDS, LENGTH, PREFIX = 8, 2, 11, 5, 3
NETWORK = GPT2(WIDTH, 2, HEADS, 16, WORDS, PREFIX + LENGTH, scan=False)
CAPTIONER = PrefixCaptioner(PrefixMapper(PREFIX, WIDTH), NETWORK)


def inputs():
    rng = np.random.default_rng(1)
    words = rng.integers(2, WORDS, (2, LENGTH)).astype(np.int32)
    return rng.normal(size=(2, 6)).astype(np.float32), words


def parameters():
    shapes = jax.eval_shape(lambda: CAPTIONER.init(jax.random.key(0), *inputs()))
    return tiny.filled(shapes["params"])


def norm(x, p):
    x = (x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + 1e-5)
    return x * p["scale"] + p["bias"]


def linear(x, p):
    return x @ p["kernel"] + p["bias"]


def gelu(x):
    return 0.5 * x * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3)))


def attention(x, p):
    n, size = len(x), WIDTH // HEADS
    q, k, v = (linear(x, p[name]).reshape(n, HEADS, size) for name in ("query", "key", "value"))
    out = np.zeros((n, HEADS, size))
    for head in range(HEADS):
        for i in range(n):
            scores = k[: i + 1, head] @ q[i, head] / np.sqrt(size)
            shares = np.exp(scores - scores.max())
            out[i, head] = shares / shares.sum() @ v[: i + 1, head]
    return linear(out.reshape(n, WIDTH), p["out"])


def by_hand(prefix, words, p):
    """Logits [p + t, v] of one sample, from the paper's formulas in float64."""
    x = np.concatenate([prefix, p["word_embedding"][words]]) + p["word_positions"]
    for i in range(2):
        block = p["blocks"][f"layers_{i}"]
        x = x + attention(norm(x, block["attention_norm"]), block["attention"])
        hidden = gelu(linear(norm(x, block["mlp_norm"]), block["mlp"]["up"]))
        x = x + linear(hidden, block["mlp"]["down"])
    return norm(x, p["norm"]) @ p["word_embedding"].T


def test_logits_are_those_of_the_formulas_and_each_word_sees_only_what_stands_before_it():
    vectors, words = inputs()
    params = parameters()
    logits = jax.jit(CAPTIONER.apply)({"params": params}, vectors, words)
    exact = jax.tree.map(lambda a: np.asarray(a, np.float64), params)
    hidden = np.tanh(linear(vectors.astype(np.float64), exact["mapper"]["up"]))
    prefix = linear(hidden, exact["mapper"]["down"]).reshape(2, PREFIX, WIDTH)
    for row in range(2):
        told = by_hand(prefix[row], words[row], exact["decoder"])
        # The last of the prefix predicts the first word.
        np.testing.assert_allclose(logits[row], told[PREFIX - 1 : -1], rtol=2e-5, atol=2e-5)


@pytest.mark.parametrize("prefix", [1, PREFIX])
def test_cached_steps_give_the_teacher_forced_logits(prefix):
    captioner = PrefixCaptioner(PrefixMapper(prefix, WIDTH), NETWORK)
    vectors, words = inputs()
    shapes = jax.eval_shape(lambda: captioner.init(jax.random.key(0), vectors, words))
    variables = tiny.filled(shapes)
    told = captioner.apply(variables, vectors, words)
    cache = captioner.apply(variables, vectors, LENGTH, method="prefill")
    step = jax.jit(lambda c, w, i: captioner.apply(variables, c, w, i, method="step"))
    last = np.zeros(2, np.int32)  # read by nobody: the prefix ends with a vector
    for position in range(LENGTH):
        logits, cache = step(cache, last, position)
        np.testing.assert_allclose(logits, told[:, position], rtol=1e-4, atol=1e-5)
        last = words[:, position]


def test_one_beam_is_greedy_and_many_find_no_unlikelier_text():
    vectors, words = inputs()
    variables = {"params": parameters()}
    apply = lambda method: lambda *a: CAPTIONER.apply(variables, *a, method=method)
    ids = dict(batch=2, length=LENGTH, begin=0, end=1, pad=0)
    greedy = autoregressive.generate(apply("step"), apply("prefill")(vectors, LENGTH), **ids)
    one = autoregressive.beam(apply("step"), apply("prefill")(vectors, LENGTH), width=1, **ids)
    np.testing.assert_array_equal(greedy, one)
    many = jnp.repeat(vectors, 4, axis=0)
    found = autoregressive.beam(
        apply("step"), apply("prefill")(many, LENGTH), width=4, penalty=0.0, **ids
    )

    def likelihood(texts):
        log_p = jax.nn.log_softmax(CAPTIONER.apply(variables, vectors, texts))
        chosen = np.take_along_axis(np.asarray(log_p), np.asarray(texts)[..., None], axis=2)
        return (chosen[..., 0] * (np.asarray(texts) > 0)).sum(axis=1)

    assert np.all(likelihood(found) >= likelihood(greedy) - 1e-5)
