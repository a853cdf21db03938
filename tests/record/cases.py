"""How a NumPy function is examined: value, gradient, forward, second order, and a replay at another point.

Values are compared with NumPy's own, gradients with differences of sixth order of the plain function, Hessians
with differences of the gradient, forward with reverse. Each replay meets another order of the elements.
"""

from __future__ import annotations

import numpy as np

import fastad as ad

_STEPS, _FACTORS = np.array([-3, -2, -1, 1, 2, 3]), np.array([-1, 9, -45, 45, -9, 1]) / 60
H = 1e-3


def differences(f, x):
    """Derivative of sixth order of `f` (any shape) in each element of `x`, along the first axis."""
    rows = []
    for direction in np.eye(x.size).reshape(x.size, *x.shape):
        rows.append(sum(c * np.asarray(f(x + s * H * direction)) for s, c in zip(_STEPS, _FACTORS, strict=True)) / H)
    return np.array(rows)


def weighted(f):
    """A number of whatever shape `f` returns, each element with a weight of its own."""

    def number(x):
        y = f(x) * 1.0
        return np.sum(y**2 * (1.0 + np.arange(np.size(y))).reshape(np.shape(y)))

    return number


def examine(f, *points, ulps=4):
    """All of the above, the first point being the one that is recorded at."""
    f = weighted(f)
    value_and_grad, hessian = ad.value_and_grad(f), ad.hessian(f)
    for x in points:
        value, gradient = value_and_grad(x)
        np.testing.assert_array_max_ulp(np.float64(value), np.float64(f(x)), ulps)
        scale = max(1.0, np.abs(gradient).max())
        np.testing.assert_allclose(gradient.ravel(), differences(f, x), rtol=1e-8, atol=1e-8 * scale)
        direction = np.cos(np.arange(x.size)).reshape(x.shape)
        _, forward = ad.jvp(f, (x,), (direction,))
        np.testing.assert_allclose(forward, np.sum(gradient * direction), rtol=1e-12, atol=1e-12 * scale)
    # Second order after a replay, at the last point.
    hessian(points[0])
    second = hessian(x).reshape(x.size, x.size)
    first = ad.grad(f)
    slopes = differences(lambda y: first(y).ravel(), x)
    np.testing.assert_allclose(second, slopes, rtol=1e-7, atol=1e-7 * max(1.0, np.abs(second).max()))
    nested = ad.grad(lambda y: np.sum(ad.grad(f)(y) * direction))(x)
    np.testing.assert_allclose(
        nested.ravel(), second @ direction.ravel(), rtol=1e-11, atol=1e-11 * max(1.0, np.abs(second).max())
    )
