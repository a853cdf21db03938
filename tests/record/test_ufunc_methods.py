"""reduce, accumulate, outer, reduceat and at of ufuncs, against the same written in plain operations."""

from __future__ import annotations

import numpy as np
import pytest

import fastad as ad
from fastad.errors import DerivativeCut, UnsupportedFunction

X = np.array([[0.7, 1.3, -0.4], [0.9, 0.2, 1.8], [1.1, -0.6, 0.5], [0.35, 1.25, 0.8]])
Y = X[::-1] * 1.1 + 0.05
INDEX = [0, 2, 2, 1]


def _add_at(x):
    y = np.ones(3)
    np.add.at(y, INDEX, x[:, 0])
    return y


def _add_at_plain(x):
    return np.array([1.0 + x[0, 0], 1.0 + x[3, 0], 1.0 + x[1, 0] + x[2, 0]])


def _multiply_at(x):
    y = x[:3, 1].copy()
    np.multiply.at(y, INDEX, x[:, 0])
    return y


def _multiply_at_plain(x):
    return np.array([x[0, 1] * x[0, 0], x[1, 1] * x[3, 0], x[2, 1] * x[1, 0] * x[2, 0]])


def _negative_at(x):
    y = np.array([x[0, 0], x[1, 1]])
    np.negative.at(y, [1])
    return y


# what is written with the method, and the same without
CASES = {
    "subtract.reduce": (lambda x: np.subtract.reduce(x), lambda x: x[0] - x[1] - x[2] - x[3]),
    "hypot.reduce": (
        lambda x: np.hypot.reduce(x, axis=1, keepdims=True),
        lambda x: np.sqrt((x**2).sum(1, keepdims=True)),
    ),
    "logaddexp.reduce": (lambda x: np.logaddexp.reduce(x, axis=None), lambda x: np.log(np.exp(x).sum())),
    "add.reduce": (lambda x: np.add.reduce(x, axis=(0, 1)), lambda x: x.sum()),
    "add.reduce where": (lambda x: np.add.reduce(x, where=x > 0.4), lambda x: np.where(x > 0.4, x, 0.0).sum(0)),
    "multiply.reduce": (lambda x: np.multiply.reduce(x, -1), lambda x: x[:, 0] * x[:, 1] * x[:, 2]),
    "maximum.accumulate": (
        lambda x: np.maximum.accumulate(x, axis=1)[:, 2],
        lambda x: np.maximum(np.maximum(x[:, 0], x[:, 1]), x[:, 2]),
    ),
    "divide.accumulate": (
        lambda x: np.divide.accumulate(x),
        lambda x: np.stack([x[0], x[0] / x[1], x[0] / x[1] / x[2], x[0] / x[1] / x[2] / x[3]]),
    ),
    "subtract.outer": (lambda x: np.subtract.outer(x[0], x[:, 1]), lambda x: x[0][:, None] - x[:, 1][None, :]),
    "power.outer": (lambda x: np.power.outer(x[1], 2.0), lambda x: x[1] ** 2.0),
    "add.reduceat": (
        lambda x: np.add.reduceat(x, [0, 2, 1]),
        lambda x: np.stack([x[0] + x[1], x[2], x[1] + x[2] + x[3]]),
    ),
    "multiply.reduceat": (
        lambda x: np.multiply.reduceat(x, [0, 1], axis=1),
        lambda x: np.stack([x[:, 0], x[:, 1] * x[:, 2]], axis=1),
    ),
    "add.at": (_add_at, _add_at_plain),
    "multiply.at": (_multiply_at, _multiply_at_plain),
    "negative.at": (_negative_at, lambda x: np.array([x[0, 0], -x[1, 1]])),
}


@pytest.mark.parametrize("name", CASES)
def test_methods(name):
    """Recorded at X, replayed at Y; values, Jacobians of both modes, and a second derivative."""
    with_method, without = CASES[name]
    jacobians = [ad.jacobian(with_method, mode=mode) for mode in ("forward", "reverse")]
    weighted, expected = (lambda x, f=f: np.sum(np.sin(f(x))) for f in (with_method, without))
    for x in (X, Y):
        value = ad.jvp(with_method, (x,), (x,))[0]
        np.testing.assert_array_max_ulp(value, with_method(x), 4)
        np.testing.assert_allclose(value, without(x), rtol=1e-14)
        for jacobian in jacobians:
            np.testing.assert_allclose(jacobian(x), ad.jacobian(without)(x), rtol=1e-12, atol=1e-14)
        np.testing.assert_allclose(ad.hvp(weighted)(x, Y), ad.hvp(expected)(x, Y), rtol=1e-10, atol=1e-12)


def test_errors():
    with pytest.raises(ValueError, match="reduce"):
        ad.grad(lambda x: np.sin.reduce(x))(X)
    with pytest.raises(UnsupportedFunction, match=r"np\.divmod\.reduce|np\.divmod\.outer"):
        ad.grad(lambda x: np.divmod.outer(x, x)[0].sum())(X)
    target = np.zeros(3)
    with pytest.raises(DerivativeCut, match=r"np\.add\.at"):
        ad.grad(lambda x: np.add.at(target, INDEX, x[:, 0]))(X)
    with pytest.raises(IndexError):
        ad.grad(lambda x: np.add.at(np.zeros(2), [5], x[0, :1]))(X)
