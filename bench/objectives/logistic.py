"""Negative log-likelihood of a logistic regression: one tall matrix, read once forward and once in reverse."""

from __future__ import annotations

import numpy as np

ACTIVE = 1


def objective(weights, features, labels):
    z = features @ weights
    return np.sum(np.log1p(np.exp(z)) - labels * z)


def example(rows: int = 20_000, columns: int = 50, seed: int = 0) -> tuple[np.ndarray, ...]:
    random = np.random.default_rng(seed)
    features, weights = random.normal(size=(rows, columns)), 0.2 * random.normal(size=columns)
    labels = (random.uniform(size=rows) < 1.0 / (1.0 + np.exp(-features @ weights))).astype(float)
    return 0.1 * random.normal(size=columns), features, labels
