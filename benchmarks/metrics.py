"""Seconds to score captions and sets of features, at the size of a usual evaluation.

python -m benchmarks.metrics
"""

import json
import sys
import time

import numpy as np

from configs.commands import command
from itit_jax.evaluation import caption_scores, fidelity

CAPTIONS, REFERENCES, WORDS = 5_000, 5, 10
FEATURES, WIDTH = 10_000, 2_048
BATCH = 32  # features that come at once


@command("benchmarks.metrics", "seconds of the scores at the size of a usual evaluation")
def main(options):
    """Prints seconds."""
    del options
    rng = np.random.default_rng(0)
    vocabulary = np.array([f"word{i}" for i in range(5_000)])
    make = lambda: " ".join(vocabulary[rng.zipf(1.3, WORDS) % len(vocabulary)])
    texts = [make() for _ in range(CAPTIONS)]
    references = [[make() for _ in range(REFERENCES)] for _ in range(CAPTIONS)]
    features = rng.normal(size=(2, FEATURES, WIDTH))
    seconds = {"captions": timed(lambda: caption_scores.score(texts, references))}
    seconds["frechet_distance"] = timed(
        lambda: fidelity.frechet_distance(*map(fidelity.Statistics.of, features))
    )
    seconds["running_statistics"] = timed(lambda: streamed(features[0]))
    seconds["kernel_distance"] = timed(lambda: fidelity.kernel_distance(*features))
    seconds["neighbours"] = timed(lambda: fidelity.neighbours(*features))
    sizes = {"captions": CAPTIONS, "references": REFERENCES, "features": [FEATURES, WIDTH]}
    print(json.dumps({"seconds": seconds, **sizes}, indent=1))


def streamed(features):
    """Statistics of features that come in batches, as from a network."""
    running = fidelity.Running()
    for start in range(0, len(features), BATCH):
        running.add(features[start : start + BATCH])
    return running.statistics()


def timed(work):
    """Seconds of one call."""
    start = time.perf_counter()
    work()
    return round(time.perf_counter() - start, 2)


if __name__ == "__main__":
    sys.exit(main())
