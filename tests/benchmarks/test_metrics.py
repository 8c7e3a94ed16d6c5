"""What is timed does its work."""

import time

import numpy as np

from benchmarks import metrics


def test_features_that_come_in_batches_have_the_statistics_of_all():
    features = np.random.default_rng(0).normal(size=(2 * metrics.BATCH + 3, 4))
    found = metrics.streamed(features)
    np.testing.assert_allclose(found.mean, features.mean(0))
    np.testing.assert_allclose(found.covariance, np.cov(features.T))


def test_seconds_are_those_of_one_call():
    calls = []
    assert metrics.timed(lambda: calls.append(time.sleep(0.02))) >= 0.02
    assert len(calls) == 1
