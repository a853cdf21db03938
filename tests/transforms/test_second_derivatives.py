"""Hessians and products with them: closed forms, agreement of all ways, nesting to any depth, bad input."""

from __future__ import annotations

import math

import numba
import numpy as np
import pytest
import sympy
from scipy.optimize import rosen, rosen_hess, rosen_hess_prod

import fastad as ad
from fastad.dense_hessians import DenseHessian
from fastad.errors import NonScalarOutput, ShapeMismatch
from fastad.ops import OPS

random = np.random.default_rng(8)
KERNEL = np.exp(-((np.arange(40)[:, None] - np.arange(40)) ** 2) / 50)


def chained(x):
    total = 0.0
    for i in range(len(x) - 1):
        total = total + np.log(1 + x[i] ** 2) * np.sin(x[i + 1]) / (2 + np.cos(x[i] * x[i + 1])) + abs(x[i + 1])
    return total


FUNCTIONS = {
    "few colours": (rosen, 40),
    "lanes": (lambda x: np.sum(np.exp(x)) ** 2 + np.prod(np.cos(x)), 40),
    "matrix": (lambda x: np.sum(np.tanh(KERNEL @ x) ** 2) + np.exp(-x @ x / 100), 40),
    "loop": (chained, 40),
    "small": (lambda x: x[0] ** x[1] * np.hypot(x[1], x[2]), 3),
    "maximum": (lambda x: np.max(x[1:] * x[:-1]) * np.sum(x**3), 40),
    "solve": (lambda x: np.sum(np.linalg.solve(np.eye(4) + np.outer(x[:4], x[:4]), x[4:])), 8),
    "compiled": (numba.njit(lambda x: np.sum(np.sin(x) * x[::-1])), 6),
    "linear": (lambda x: np.sum(x), 20),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_hessians_are_jacobians_of_gradients(name):
    f, n = FUNCTIONS[name]
    hessian, product = ad.hessian(f), ad.hvp(f)
    for _ in range(4):
        x, v = random.uniform(0.2, 1.2, n), random.normal(size=n)
        matrix = hessian(x)
        assert np.array_equal(matrix, matrix.T), "symmetric to the bit"
        np.testing.assert_allclose(matrix @ v, product(x, v), rtol=1e-9, atol=1e-11)
        step = 1e-6
        slopes = [(ad.grad(f)(x + step * e) - ad.grad(f)(x - step * e)) / (2 * step) for e in np.eye(n)]
        np.testing.assert_allclose(matrix, slopes, rtol=1e-5, atol=1e-6 * max(1.0, np.max(np.abs(matrix))))


def test_the_three_ways_of_a_dense_hessian_agree():
    x = random.uniform(0.2, 1.2, 40)
    for f in (FUNCTIONS["few colours"][0], FUNCTIONS["lanes"][0], FUNCTIONS["matrix"][0]):
        way = DenseHessian(ad.record(f, x))
        by_units, by_lanes = way._by_unit_vectors(x), way._by_lanes(x)
        assert by_units[1] == by_lanes[1] == -1
        np.testing.assert_allclose(by_lanes[0], by_units[0], rtol=1e-11, atol=1e-12)
        np.testing.assert_allclose(way.matrix(x)[0], by_units[0], rtol=1e-11, atol=1e-12)
    assert DenseHessian(ad.record(rosen, x)).plan is not None
    assert DenseHessian(ad.record(FUNCTIONS["matrix"][0], x)).plan is None


def test_another_branch_is_recorded():
    def f(x):
        return np.sum(np.exp(x)) ** 2 if x[0] > 0 else np.sum(x**2) ** 2

    hessian = ad.hessian(f)
    for sign in (1.0, -1.0, 1.0, -1.0, -1.0):
        x = sign * random.uniform(0.1, 1.0, 20)
        y = np.exp(x)
        expected = (
            2 * np.outer(y, y) + 2 * np.sum(y) * np.diag(y)
            if sign > 0
            else 8 * np.outer(x, x) + 4 * (x @ x) * np.eye(20)
        )
        np.testing.assert_allclose(hessian(x), expected, rtol=1e-12)


def test_products_along_a_solver_s_way():
    """The short way from the third call on: new points, new directions, other arguments, copies of the caller's."""
    product = ad.hvp(rosen)
    for k in range(30):
        x, v = random.normal(size=12), random.normal(size=12)
        found = product(x, v)
        np.testing.assert_allclose(found, rosen_hess_prod(x, v), rtol=1e-10, atol=1e-9)
        found[:] = k
    np.testing.assert_allclose(product(np.ones(3), np.ones(3)), rosen_hess_prod(np.ones(3), np.ones(3)))
    for bad in (np.ones(4), np.ones((12, 1)), 1.0, None):
        with pytest.raises(Exception, match="direction"):
            product(np.ones(12), bad)
    np.testing.assert_allclose(ad.hessian(rosen)(x), rosen_hess(x), rtol=1e-12, atol=1e-10)


def test_weighted_hessians():
    def f(x):
        return {"a": x**3, "b": np.sum(np.sin(x) * x[::-1])}

    x, v = random.normal(size=5), random.normal(size=5)
    w = {"a": random.normal(size=5), "b": 1.5}
    found = ad.vhp(f)(x, w, v)
    expected = ad.hessian(lambda x: np.sum(w["a"] * f(x)["a"]) + w["b"] * f(x)["b"])(x) @ v
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-13)
    nested = ad.jacobian(lambda x: ad.vhp(f)(x, w, v))(x)
    assert nested.shape == (5, 5)
    with pytest.raises(ShapeMismatch):
        ad.vhp(f)(x, {"a": np.ones(4), "b": 1.0}, v)
    with pytest.raises(TypeError, match="more"):
        ad.vhp(f)(x, w)


@pytest.mark.parametrize(
    "f",
    [
        lambda x: np.tanh(KERNEL[:7, :5] @ x),
        lambda x: np.linalg.solve(KERNEL[:5, :5], x**2),
        numba.njit(lambda x: x[1:] * x[:-1]),
    ],
)
def test_gauss_newton_products(f):
    x, v = random.uniform(0.5, 1.0, 5), random.normal(size=5)
    product, jacobian = ad.gauss_newton_product(f), ad.jacobian(f)
    for _ in range(4):
        x = x + 0.1
        np.testing.assert_allclose(product(x, v), jacobian(x).T @ (jacobian(x) @ v), rtol=1e-10, atol=1e-11)
    if not hasattr(f, "py_func"):
        nested = ad.grad(lambda x: v @ ad.gauss_newton_product(f)(x, v))(x)
        direct = ad.grad(lambda x: np.sum(ad.jvp(f, (x,), (v,))[1] ** 2))(x)
        np.testing.assert_allclose(nested, direct, rtol=1e-9)


@pytest.mark.parametrize("depth", [1, 2, 3, 4, 5, 6])
def test_gradients_of_gradients_to_any_depth(depth):
    t = sympy.Symbol("t")
    expression = (
        sympy.exp(sympy.sin(t)) / (1 + t**2) + sympy.atan(t) * sympy.sqrt(t) + sympy.log(t) * t ** sympy.Rational(5, 2)
    )

    def f(t):
        return np.exp(np.sin(t)) / (1 + t**2) + np.arctan(t) * np.sqrt(t) + np.log(t) * t**2.5

    derivative = f
    for _ in range(depth):
        derivative = ad.grad(derivative)
    for point in (0.4, 1.3, 2.2):
        assert derivative(point) == pytest.approx(
            float(expression.diff(t, depth).subs(t, sympy.Rational(point)).evalf(40)), rel=1e-11
        )


def test_a_gradient_inside_a_function():
    def f(x):
        return np.sum(ad.grad(lambda y: np.sum(y**4))(x) * x) + ad.hessian(lambda y: np.sum(y**3))(x)[0, 0]

    x = np.array([1.0, 2.0, 3.0])
    np.testing.assert_allclose(ad.grad(f)(x), 16 * x**3 + [6.0, 0.0, 0.0], rtol=1e-13)
    np.testing.assert_allclose(ad.hvp(f)(x, x), 48 * x**3, rtol=1e-13)
    np.testing.assert_allclose(ad.hessian(f)(x), np.diag(48 * x**2), rtol=1e-13)


SLOPED = [op for op in OPS if op.slopes and op.arity == 1 and op.ufuncs and "." not in op.ufuncs[0]]


@pytest.mark.parametrize("op", SLOPED, ids=lambda op: op.name)
def test_second_derivatives_are_exact_by_every_way(op):
    """Products, Hessians and nested gradients take the second partials of the table, with all their digits."""
    from tests.sweeps.test_truth import truth

    function = getattr(np, op.ufuncs[0])
    for (point,) in op.points:
        exact = float(truth(op, (point,), (2,)))
        ways = (
            ad.hvp(function)(point, 1.0), ad.hessian(function)(point), ad.grad(ad.grad(function))(point),
            ad.hvp(lambda x: np.sum(function(x)))(np.full(40, point), np.ones(40))[7],
        )  # fmt: skip
        assert ways == pytest.approx((exact,) * 4, rel=1e-14, abs=1e-300), point


@pytest.mark.parametrize("function", [np.log, np.log1p, np.log2, np.log10, np.sqrt, np.arctanh, np.arccosh, np.arcsin])
def test_derivatives_of_any_order_are_nan_outside_the_domain(function):
    derivative = function
    for _ in range(4):
        derivative = ad.grad(derivative)
        assert math.isnan(derivative(-7.0)) and math.isnan(ad.hvp(function)(-7.0, 1.0))


def test_infinite_curvature_is_infinite():
    assert ad.hvp(np.sqrt)(0.0, 1.0) == -math.inf and ad.grad(ad.grad(np.sqrt))(0.0) == -math.inf
    np.testing.assert_array_equal(
        ad.hvp(lambda x: np.sum(np.where(x > 0, np.sqrt(x), 0.0)))(np.zeros(3), np.ones(3)), np.zeros(3)
    )


@pytest.mark.parametrize("transform", [ad.hessian, lambda f: lambda x: ad.hvp(f)(x, x), ad.sparse_hessian])
def test_vector_functions_are_refused(transform):
    with pytest.raises(NonScalarOutput):
        transform(lambda x: x**2)(np.ones(3))
