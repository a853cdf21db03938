"""The Lorenz system by Runge-Kutta's method, number by number in plain Python: one long scalar program.

The result is the squared distance from the origin after so many steps; `p` holds s, r, b, x, y, z.
"""

from __future__ import annotations

import numpy as np

ACTIVE = 1
STEP = 0.001


def slopes(s, r, b, x, y, z):
    return s * (y - x), x * (r - z) - y, x * y - b * z


def step(s, r, b, x, y, z):
    h = STEP
    a = slopes(s, r, b, x, y, z)
    c = slopes(s, r, b, x + h / 2 * a[0], y + h / 2 * a[1], z + h / 2 * a[2])
    d = slopes(s, r, b, x + h / 2 * c[0], y + h / 2 * c[1], z + h / 2 * c[2])
    e = slopes(s, r, b, x + h * d[0], y + h * d[1], z + h * d[2])
    return (
        x + h / 6 * (a[0] + 2.0 * c[0] + 2.0 * d[0] + e[0]),
        y + h / 6 * (a[1] + 2.0 * c[1] + 2.0 * d[1] + e[1]),
        z + h / 6 * (a[2] + 2.0 * c[2] + 2.0 * d[2] + e[2]),
    )


def objective(p, steps):
    s, r, b, x, y, z = p
    for _ in range(steps):
        x, y, z = step(s, r, b, x, y, z)
    return x * x + y * y + z * z


def example(steps: int = 10_000, seed: int = 0) -> tuple[np.ndarray, int]:
    start = np.random.default_rng(seed).uniform(0.9, 1.1, 3)
    return np.concatenate([[10.0, 28.0, 8.0 / 3.0], start]), steps
