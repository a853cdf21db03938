"""Rosenbrock's function of n variables: short code of cheap operations on slices, so calls weigh most for small n."""

from __future__ import annotations

import numpy as np

ACTIVE = 1


def objective(x):
    return np.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1.0 - x[:-1]) ** 2)


def example(n: int, seed: int = 0) -> tuple[np.ndarray]:
    return (np.random.default_rng(seed).uniform(-1.5, 1.5, n),)
