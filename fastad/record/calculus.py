"""Differences, integrals and grids.

Nearly all of them are NumPy's own code, recorded. `sinc` is not: the quotient sin(y) / y loses the digits of
its derivatives where y is small, so there its series is taken. Neither is `gradient` over traced coordinates: NumPy
takes another formula where they happen to be evenly spaced, which as a function of them has another derivative.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from fastad.record.library import from_numpy
from fastad.record.products import factor
from fastad.record.reductions import normal_axes
from fastad.record.traced import is_traced, plain

_SMALL = 1.25  # below, the series; above, the quotient, whose derivative loses less than two bits there
_SERIES = [(-1.0) ** k / math.factorial(2 * k + 1) for k in range(11, -1, -1)]


def sinc(x: Any) -> Any:
    """sin(pi x) / (pi x), 1 at 0."""
    y = np.pi * factor(x)
    small = np.abs(y) < _SMALL
    near = np.square(np.where(small, y, 0.0))
    series: Any = _SERIES[0]
    for coefficient in _SERIES[1:]:
        series = series * near + coefficient
    far = np.where(small, 1.0, y)
    return np.where(small, series, np.sin(far) / far)[()]


def gradient(f: Any, *varargs: Any, axis: Any = None, edge_order: int = 1) -> Any:
    x, steps = factor(f), [factor(step) for step in varargs]
    if not any(is_traced(step) and step.ndim == 1 for step in steps):
        return _GRADIENT(f, *varargs, axis=axis, edge_order=edge_order)
    _check_gradient(plain(x), *map(plain, steps), axis=axis, edge_order=edge_order)
    axes = normal_axes(axis, x.ndim)
    steps = steps * len(axes) if len(steps) == 1 else steps
    slopes = [
        _slope(x, step, i, edge_order) if step.ndim else _GRADIENT(x, step[()], axis=i, edge_order=edge_order)
        for i, step in zip(axes, steps, strict=True)
    ]
    return slopes[0] if len(slopes) == 1 else tuple(slopes)


def _slope(f: Any, places: Any, axis: int, edge_order: int) -> Any:
    """NumPy's differences of second order over places that are not evenly spaced."""
    y = np.moveaxis(f, axis, -1)
    d = np.diff(places)
    before, after = d[:-1], d[1:]
    both = before + after
    weights = [-after / (before * both), (after - before) / (before * after), before / (after * both)]
    inside = sum(w * part for w, part in zip(weights, (y[..., :-2], y[..., 1:-1], y[..., 2:]), strict=True))
    first, last = (y[..., 1] - y[..., 0]) / d[0], (y[..., -1] - y[..., -2]) / d[-1]
    if edge_order == 2:
        (p, q), (r, s) = (d[0], d[1]), (d[-2], d[-1])
        weights = [-(2.0 * p + q) / (p * (p + q)), (p + q) / (p * q), -p / (q * (p + q))]
        first = sum(w * y[..., i] for i, w in enumerate(weights))
        weights = [s / (r * (r + s)), -(s + r) / (r * s), (2.0 * s + r) / (s * (r + s))]
        last = sum(w * y[..., i - 3] for i, w in enumerate(weights))
    ends = [np.reshape(end, (*y.shape[:-1], 1)) for end in (first, last)]
    return np.moveaxis(np.concatenate([ends[0], inside, ends[1]], axis=-1), -1, axis)


_check_gradient: Any = np.gradient  # for NumPy's own errors
_GRADIENT = from_numpy(np.gradient)
_FROM_NUMPY = """diff ediff1d trapezoid trapz unwrap angle vander linspace logspace geomspace
    apply_along_axis apply_over_axes""".split()
FUNCTIONS: dict[Any, Any] = {
    **{getattr(np, name): from_numpy(getattr(np, name)) for name in _FROM_NUMPY if hasattr(np, name)},
    np.gradient: gradient,
    np.sinc: sinc,
}
