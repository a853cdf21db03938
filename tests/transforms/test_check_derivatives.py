"""`ad.testing.check_derivatives` passes what is right, whatever its form, and finds what is wrong."""

from __future__ import annotations

import math

import numpy as np
import pytest

import fastad as ad
from fastad.errors import ArgumentIndexError, DerivativeCheckFailed, FastADError
from fastad.second_products import SecondProducts
from fastad.tape import Linearization
from fastad.testing import check_derivatives

X = np.array([0.5, 1.5, -2.0])
RIGHT = {
    "scalar": (lambda x: x**3 * np.sin(x), 1.3),
    "scalar of an array": (lambda x: np.sum(np.exp(x) * x), X),
    "array": (lambda x: np.outer(x, np.sin(x)), X),
    "containers": (lambda p, q: {"a": p["w"] @ q[0], "b": (q[1] * p["s"], [q[1] ** 2])},
                   {"w": np.ones((2, 3)), "s": 2.0}, (X, 0.7)),
    "static arguments": (lambda x, n, name, flag: x**n if name == "power" and flag else x, X, 3, "power", True),
    "many inputs": (lambda x: np.sum(np.sin(x[:-1]) * x[1:] ** 2), np.linspace(-1.0, 1.0, 60)),
    "tiny": (lambda x: np.log(x), np.array([1e-9, 1e-3])),
    "huge": (lambda x: np.sqrt(x), np.array([1e9, 1e100])),
    "mixed sizes": (lambda x: x[0] * 1e12 + x[1] * 1e-12 + x[0] * x[1], np.array([1e-6, 1e6])),
    "at zero": (lambda x: np.sin(x) * np.exp(x), np.zeros(3)),
    "a kink nearby": (lambda x: np.abs(x) ** 3 + np.maximum(x, 0.25), np.array([0.26, -0.01])),
    "the edge of a domain": (lambda x: np.arcsin(x), np.array([0.999, -0.5])),
    "a guarded root": (lambda x: np.where(x > 0.0, np.sqrt(np.where(x > 0.0, x, 1.0)), 0.0), np.array([2.0, -1.0])),
    "branches": (lambda x: x**2 if x > 1.0 else 2.0 * x - 1.0, 1.7),
    "a staircase": (lambda x: np.floor(x) * x, np.array([0.5, 1.2])),
    "constant": (lambda x: 3.0, X),
    "nothing": (lambda x: x[:0], X),
    "matrices": (lambda a: np.sum(a @ a.T @ a), np.arange(6.0).reshape(2, 3)),
    "nested": (lambda x: np.sum(ad.grad(lambda y: np.sum(np.sin(y) * x))(x)), X),
    "filled arrays": (lambda x: filled(x), X),
    "math": (lambda x: math.sin(x) * math.hypot(x, 2.0), 0.7),
    "oscillating": (lambda x: np.sin(1000.0 * x), 0.7),
    "an int": (lambda x: x**2, 3.0),
}  # fmt: skip


def filled(x):
    y = np.zeros(4)
    for i in range(3):
        y[i + 1] = y[i] + x[i] ** 2
    return y


@pytest.mark.parametrize("name", RIGHT)
def test_right_derivatives_pass(name):
    f, *args = RIGHT[name]
    for order in (1, 2):
        report = check_derivatives(f, *args, order=order)
        assert max(report.modes.values()) < 1e-12
        lines = str(report).splitlines()
        assert "agree" in lines[0] and len(lines) == 2 + len(report.modes) + len(report.differences)
    assert report.inputs == sum(map(np.size, flat(args)))
    assert report.outputs == sum(map(np.size, flat([f(*args)])))


def flat(tree):
    if isinstance(tree, dict):
        return flat(list(tree.values()))
    if isinstance(tree, tuple | list):
        return [leaf for part in tree for leaf in flat(part)]
    return [tree] if isinstance(tree, float | np.ndarray) else []


def test_differences_confirm_smooth_functions():
    """They are sure of all entries, and close."""
    for name in ("scalar", "scalar of an array", "array", "containers", "many inputs", "matrices", "tiny", "math"):
        f, *args = RIGHT[name]
        report = check_derivatives(f, *args)
        assert report.unsure == 0 and max(report.differences.values()) < 1e-8, name


def test_a_dropped_derivative_is_found():
    message = r"jacobian, forward and differences disagree.*\[0, 1\]: 1\.5 against"
    with pytest.raises(DerivativeCheckFailed, match=message) as caught:
        check_derivatives(lambda x: x[0] + ad.stop_gradient(x[1]) * x[1], np.array([1.0, 1.5]))
    found = float(str(caught.value).rsplit(" ", 1)[1])
    assert found == pytest.approx(3.0, rel=1e-9)
    assert isinstance(caught.value, AssertionError) and isinstance(caught.value, FastADError)


def test_a_wrong_second_derivative_is_found():
    """The gradient is right, but as a function of x it says nothing about its own change."""

    def f(x):
        g = ad.stop_gradient(2.0 * x)
        return np.sum(ad.stop_gradient(x) ** 2 + g * (x - ad.stop_gradient(x)))

    check_derivatives(f, X, order=1)
    with pytest.raises(DerivativeCheckFailed, match="hessian and differences"):
        check_derivatives(f, X)


@pytest.mark.parametrize(
    ("kernel", "named"),
    [("tangent_sweep", "forward"), ("adjoint_sweep", "reverse|vjp|grad"), ("second", "hvp|hessian|grad")],
)
def test_each_mode_is_held_against_the_others(monkeypatch, kernel, named):
    """A sweep that is off by one part in 10^9 disagrees with the others."""
    original, second = Linearization.sweep, SecondProducts.products
    task = {"tangent_sweep": 3, "adjoint_sweep": 4}.get(kernel)

    def sweep(self, wanted, rows):
        return original(self, wanted, rows) * (1.0 + 1e-9 * (wanted == task))

    def products(self, x, weights, seeds):
        found, failed = second(self, x, weights, seeds)
        return found * (1.0 + 1e-9), failed

    monkeypatch.setattr(Linearization, "sweep", sweep)
    if kernel == "second":
        monkeypatch.setattr(SecondProducts, "products", products)
    with pytest.raises(DerivativeCheckFailed, match=named):
        check_derivatives(lambda x: np.sum(np.sin(x) * x[::-1] ** 2), X)


def test_tolerances_are_the_caller_s():
    f = lambda x: np.sum(x**2)  # noqa: E731
    check_derivatives(f, X, rtol=1e-15)
    with pytest.raises(DerivativeCheckFailed):
        check_derivatives(lambda x: ad.stop_gradient(x) * 1e-6 * x + x, 2.0)
    check_derivatives(lambda x: ad.stop_gradient(x) * 1e-6 * x + x, 2.0, order=1, difference_rtol=1e-3)


def test_an_infinity_where_differences_are_finite_is_found():
    """The root of a difference that is always 0."""
    with pytest.raises(DerivativeCheckFailed, match="inf against"):
        check_derivatives(lambda x: x + np.sqrt(x - ad.stop_gradient(x)), 2.0, order=1)


def test_argnums_and_order():
    f = lambda x, y: np.sum(x * ad.stop_gradient(y) * y)  # noqa: E731
    check_derivatives(f, X, X, argnums=0)
    with pytest.raises(DerivativeCheckFailed):
        check_derivatives(f, X, X)
    with pytest.raises(ArgumentIndexError):
        check_derivatives(f, X, X, argnums=2)
    with pytest.raises(ValueError, match="order=3"):
        check_derivatives(f, X, X, order=3)
    with pytest.raises(ArgumentIndexError):
        check_derivatives(lambda n: n, 3)


def test_seeds_are_reproducible():
    f = lambda x: np.sum(np.sin(x) ** 2)  # noqa: E731
    x = np.linspace(0.0, 1.0, 40)
    first, second, other = (str(check_derivatives(f, x, seed=seed)) for seed in (1, 1, 2))
    assert first == second != other


def test_the_function_s_arguments_are_not_written_to():
    def f(x):
        x *= 2.0
        return np.sum(x**2)

    x = X.copy()
    check_derivatives(f, x)
    np.testing.assert_array_equal(x, X)
