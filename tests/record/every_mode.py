"""One function of one argument, through every mode and order, at the point of the recording and at another one.

Truth is the plain function: its value, and differences extrapolated three times (error about 1e-11). The modes
are compared with one another more closely.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable

import numpy as np

import fastad as ad


def slope(f: Callable, x: np.ndarray, direction: np.ndarray, step: float = 0.02) -> np.ndarray:
    """The derivative of f along a direction, from central differences with steps halved three times."""
    rows = [
        (np.asarray(f(x + h * direction)) - np.asarray(f(x - h * direction))) / (2 * h)
        for h in (step / 2**k for k in range(4))
    ]
    for order in (4, 16, 64):
        rows = [(order * fine - coarse) / (order - 1) for coarse, fine in itertools.pairwise(rows)]
    return rows[0]


def close(a: object, b: object, tolerance: float) -> bool:
    a, b = np.asarray(a), np.asarray(b)
    scale = max(1.0, float(np.max(np.abs(b), initial=0.0)))
    return a.shape == b.shape and bool(np.all(np.abs(a - b) <= tolerance * scale))


def check_every_mode(f: Callable, x: np.ndarray, y: np.ndarray, second: bool = True, magnitude: float = 1.0) -> None:
    """f, recorded at x and used at y and x too; its terms add up to `magnitude` if none cancels another."""
    rng = np.random.default_rng(5)
    direction = rng.normal(size=x.shape)
    weight = rng.normal(size=np.shape(f(x)))
    total = lambda t: np.sum(weight * f(t))  # noqa: E731
    tape, gradient, product = ad.record(f, x), ad.grad(total), ad.hvp(total)
    assert close(tape.primal(x), f(x), 1e-14 * max(1.0, magnitude)), (tape.primal(x), f(x))
    gradient(x)
    values, gradients = ad.vmap(ad.value_and_grad(total))(np.stack([x, y]))
    for k, point in enumerate((x, y)):
        assert close(values[k], total(point), 1e-13)
        assert close(gradients[k], gradient(point), 1e-12)
    for point in (x, y, x):
        value, tangent = ad.jvp(f, (point,), (direction,))
        assert close(value, f(point), 1e-14 * max(1.0, magnitude)), (value, f(point))
        assert close(tangent, slope(f, point, direction), 1e-9), (tangent, slope(f, point, direction))
        assert close(np.sum(gradient(point) * direction), np.sum(weight * tangent), 1e-12)
        if second:
            curved = product(point, direction)
            assert close(curved, slope(gradient, point, direction), 1e-8), (curved, slope(gradient, point, direction))
            assert close(ad.jvp(ad.grad(total), (point,), (direction,))[1], curved, 1e-12)
            nested = ad.grad(lambda t: np.sum(direction * ad.grad(total)(t)))
            assert close(nested(point), curved, 1e-12)
