"""Element-wise code of mathematical functions and a sum: speed here is speed of exp, sin, log and tanh over arrays."""

from __future__ import annotations

import numpy as np

ACTIVE = 1


def objective(x):
    return np.sum(np.exp(-(x**2)) * np.sin(x) + np.log(1.0 + x**2) * np.tanh(x))


def example(n: int, seed: int = 0) -> tuple[np.ndarray]:
    return (np.random.default_rng(seed).uniform(-3.0, 3.0, n),)
