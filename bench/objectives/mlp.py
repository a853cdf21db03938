"""Cross entropy of a classifier with two hidden layers on one batch: matrix products, tanh, log-softmax."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

ACTIVE = 6


def objective(w1, b1, w2, b2, w3, b3, inputs, rows, labels):
    hidden = np.tanh(inputs @ w1 + b1)
    hidden = np.tanh(hidden @ w2 + b2)
    scores = hidden @ w3 + b3
    shifted = scores - np.amax(scores, axis=1, keepdims=True)
    log_probability = shifted - np.log(np.sum(np.exp(shifted), axis=1, keepdims=True))
    return -np.mean(log_probability[rows, labels])


def example(sizes: tuple[int, ...] = (32, 64, 64, 8), batch: int = 256, seed: int = 0) -> tuple[np.ndarray, ...]:
    random = np.random.default_rng(seed)
    parameters = []
    for inner, outer in pairwise(sizes):
        parameters += [random.normal(size=(inner, outer)) / np.sqrt(inner), 0.1 * random.normal(size=outer)]
    labels = random.integers(0, sizes[-1], batch)
    return *parameters, random.normal(size=(batch, sizes[0])), np.arange(batch), labels
