"""A determinant by expansion along the first row, in plain recursive Python: CppAD's `det_by_minor`."""

from __future__ import annotations

import numpy as np

ACTIVE = 1


def determinant(rows):
    if len(rows) == 1:
        return rows[0][0]
    total = 0.0
    for j in range(len(rows)):
        minor = determinant([row[:j] + row[j + 1 :] for row in rows[1:]])
        total = total + (-rows[0][j] if j % 2 else rows[0][j]) * minor
    return total


def objective(a):
    n = a.shape[0]
    return determinant([[a[i, j] for j in range(n)] for i in range(n)])


def example(n: int = 6, seed: int = 0) -> tuple[np.ndarray]:
    return (np.random.default_rng(seed).uniform(-1.0, 1.0, (n, n)),)
