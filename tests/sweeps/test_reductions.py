"""Sums, means and matrix products of NumPy functions, against their closed forms."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

import fastad as ad

TIGHT = {"rtol": 1e-13, "atol": 1e-13}
AXES = [None, 0, 1, 2, -1, (0, 1), (0, 2), (1, 2), (0, 1, 2), (-1, 0)]
# (left shape, right shape): vectors and matrices, small and large enough for BLAS
SHAPES = [((3,), (3,)), ((2, 3), (3,)), ((3,), (3, 4)), ((2, 3), (3, 4)), ((1, 1), (1, 1)), ((5, 1), (1, 5)),
          ((2000,), (2000,)), ((50, 60), (60,)), ((60,), (60, 50)), ((40, 35), (35, 45)), ((1, 40), (40, 40)),
          ((40, 40), (40, 1))]  # fmt: skip


def normal(shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape)


@pytest.mark.parametrize("keepdims", [False, True])
@pytest.mark.parametrize("axis", AXES)
@pytest.mark.parametrize("shape", [(3, 4, 5), (2, 300, 3), (9, 1, 40)])
def test_sum_and_mean(shape, axis, keepdims):
    """Both are linear: the tangent is the sum of the tangent, the adjoint is the weight repeated."""
    x, dot = normal(shape), normal(shape, 1)
    for function, scale in ((np.sum, 1.0), (np.mean, np.sum(x, axis).size / x.size)):

        def f(x, function=function):
            return function(x, axis=axis, keepdims=keepdims)

        value, tangent = ad.jvp(f, (x,), (dot,))
        np.testing.assert_allclose(value, f(x), **TIGHT)
        np.testing.assert_allclose(tangent, f(dot), **TIGHT)
        weight = normal(np.shape(value), 2)
        kept = np.reshape(weight, np.sum(x, axis=axis, keepdims=True).shape)
        adjoint = ad.vjp(f, x)[1](weight if np.ndim(weight) else float(weight))[0]
        np.testing.assert_allclose(adjoint, scale * np.broadcast_to(kept, shape), **TIGHT)
        second = ad.hvp(lambda x: np.sum(weight * f(x) ** 2))(x, dot)
        bend = scale * 2.0 * kept * f(dot).reshape(kept.shape)
        np.testing.assert_allclose(second, np.broadcast_to(bend, shape), **TIGHT)


@pytest.mark.parametrize("product", [np.matmul, np.dot, lambda a, b: a @ b, lambda a, b: a.dot(b)])
@pytest.mark.parametrize(("left", "right"), SHAPES)
def test_products(product, left, right):
    """d(x y) = dx y + x dy; the adjoints of x and y are g y' and x' g."""
    x, y, x_dot, y_dot = (normal(shape, i) for i, shape in enumerate((left, right, left, right)))
    value, tangent = ad.jvp(product, (x, y), (x_dot, y_dot))
    np.testing.assert_allclose(value, x @ y, **TIGHT)
    np.testing.assert_allclose(tangent, x_dot @ y + x @ y_dot, **TIGHT)
    g = normal(np.shape(value), 4)
    rows, columns = np.atleast_2d(x), y if y.ndim == 2 else y[:, None]
    weight = np.reshape(g, (rows.shape[0], columns.shape[1]))
    x_bar, y_bar = ad.vjp(product, x, y)[1](g if np.ndim(g) else float(g))
    np.testing.assert_allclose(x_bar, (weight @ columns.T).reshape(left), **TIGHT)
    np.testing.assert_allclose(y_bar, (rows.T @ weight).reshape(right), **TIGHT)


@pytest.mark.parametrize(("left", "right"), SHAPES)
def test_second_derivatives_of_products(left, right):
    """phi = |x y|^2 / 2: the change of the gradient along (dx, dy), by the product rule."""
    x, y, x_dot, y_dot = (normal(shape, i) for i, shape in enumerate((left, right, left, right)))

    def phi(p):
        return 0.5 * np.sum((p["x"] @ p["y"]) ** 2)

    found = ad.hvp(phi)({"x": x, "y": y}, {"x": x_dot, "y": y_dot})
    rows, columns = np.atleast_2d(x), y if y.ndim == 2 else y[:, None]
    rows_dot, columns_dot = x_dot.reshape(rows.shape), y_dot.reshape(columns.shape)
    g, g_dot = rows @ columns, rows_dot @ columns + rows @ columns_dot
    tight = {"rtol": 1e-12, "atol": 1e-12 * np.abs(g_dot).max() * np.abs(rows).max()}
    np.testing.assert_allclose(found["x"], (g_dot @ columns.T + g @ columns_dot.T).reshape(left), **tight)
    np.testing.assert_allclose(found["y"], (rows.T @ g_dot + rows_dot.T @ g).reshape(right), **tight)


@pytest.mark.parametrize("n", [2, 5, 40])
def test_product_of_a_matrix_with_itself(n):
    """One array as both factors: d(x x) = dx x + x dx; also with its transpose."""
    x, dot = normal((n, n)), normal((n, n), 1)
    for f, tangent in ((lambda x: x @ x, dot @ x + x @ dot), (lambda x: x @ x.T, dot @ x.T + x @ dot.T),
                       (lambda x: x.T @ x[::-1], dot.T @ x[::-1] + x.T @ dot[::-1])):  # fmt: skip
        np.testing.assert_allclose(ad.jvp(f, (x,), (dot,))[1], tangent, **TIGHT)
        weight = normal((n, n), 2)
        adjoint = ad.vjp(f, x)[1](weight)[0]
        assert np.sum(adjoint * dot) == pytest.approx(np.sum(weight * tangent), rel=1e-12)


@pytest.mark.parametrize("fixed", [0, 1])
@pytest.mark.parametrize(("left", "right"), SHAPES)
def test_products_with_a_constant_factor(left, right, fixed):
    factors = [normal(left), normal(right, 1)]
    dot = normal(factors[1 - fixed].shape, 2)

    def f(z):
        return np.matmul(*(factors[fixed] if k == fixed else z for k in range(2)))

    tangent = np.matmul(*(factors[fixed] if k == fixed else dot for k in range(2)))
    np.testing.assert_allclose(ad.jvp(f, (factors[1 - fixed],), (dot,))[1], tangent, **TIGHT)
    weight = normal(np.shape(tangent), 3)
    adjoint = ad.vjp(f, factors[1 - fixed])[1](weight if np.ndim(weight) else float(weight))[0]
    assert np.sum(adjoint * dot) == pytest.approx(np.sum(weight * tangent), rel=1e-12)


def test_gathered_elements_add_up():
    """Reading an element k times makes its adjoint k weights; reading by any index is the same."""
    x = normal(50)
    index = np.random.default_rng(0).integers(0, 50, 2000)
    counts = np.bincount(index, minlength=50)
    np.testing.assert_array_equal(ad.grad(lambda x: np.sum(x[index]))(x), counts)
    np.testing.assert_array_equal(ad.grad(lambda x: np.sum(np.take(x, index)))(x), counts)
    hessian = ad.hessian(lambda x: np.sum(x[index] ** 2))(x)
    np.testing.assert_array_equal(hessian, 2.0 * np.diag(counts))
    nested = ad.grad(lambda x: np.sum(ad.grad(lambda x: np.sum(x[index] ** 3))(x)))(x)  # a recorded scatter
    np.testing.assert_allclose(nested, 6.0 * counts * x, rtol=1e-13)


def test_pairwise_sums_are_numpy_s_to_the_bit():
    """One block of a group; longer sums are added block by block, with compensation."""
    for n in (1, 7, 8, 9, 127, 128, 129, 511, 512):
        x = normal(n, n)
        assert ad.value_and_grad(np.sum)(x)[0] == np.sum(x)


def test_long_sums_are_as_good_as_numpy_s():
    ours, theirs = [], []
    for n in (513, 4097, 100_003):
        for seed in range(20):
            x = np.exp(normal(n, seed) * 5) * np.sign(normal(n, seed + 100))
            exact, size = math.fsum(x), math.fsum(np.abs(x))
            ours.append(abs(ad.value_and_grad(np.sum)(x)[0] - exact) / size)
            theirs.append(abs(np.sum(x) - exact) / size)
    assert max(ours) < 5e-16 and max(ours) <= 2 * max(theirs)


def test_sums_of_strided_operands():
    x = normal((40, 30))
    for view in (lambda x: x[::2, 1::3], lambda x: x.T, lambda x: x[::-1]):
        for axis in (None, 0, 1):
            weight = normal(np.shape(np.sum(view(x), axis)), 1)
            found = ad.grad(lambda x, view=view, axis=axis, w=weight: np.sum(w * np.sum(view(x), axis=axis)))(x)
            expected = np.zeros_like(x)
            target = view(expected)
            target += np.broadcast_to(weight if axis != 1 else np.reshape(weight, (-1, 1)), target.shape)
            np.testing.assert_allclose(found, expected, **TIGHT)


def test_empty_sums_and_products():
    assert ad.value_and_grad(lambda x: np.sum(x))(np.empty(0))[0] == 0.0
    x = normal((3, 4))
    assert not np.any(ad.grad(lambda x: np.sum(x[:, :0]) + np.sum(x[:0] @ np.ones((4, 2))))(x))
    for shape, axis in itertools.product([(0, 3), (3, 0)], [0, 1, None]):
        x = np.zeros(shape)
        value, pullback = ad.vjp(lambda x, axis=axis: np.sum(x, axis=axis), x)
        assert np.shape(value) == np.sum(x, axis).shape
        assert pullback(value)[0].shape == shape


BATCHES = [((4, 2, 3), (4, 3, 5)), ((4, 2, 3), (3, 5)), ((2, 3), (4, 3, 5)), ((2, 1, 2, 3), (4, 3, 5)), ((3,), (4, 3, 5)),
           ((4, 2, 3), (3,)), ((5, 1, 1), (1, 1, 4)), ((3, 40, 20), (3, 20, 30)), ((9, 200, 10), (9, 10, 10)),
           ((60, 40, 10), (60, 10, 12)), ((6, 1, 50), (6, 50, 40)), ((6, 50, 40), (6, 40, 1)), ((2, 7, 3, 1), (7, 1, 3))]  # fmt: skip


@pytest.mark.parametrize(("left", "right"), BATCHES)
def test_batches_of_products(left, right):
    """One instruction each; against differences that are exact, because a product is linear in each factor."""
    x, y, x_dot, y_dot = (normal(shape, i) for i, shape in enumerate((left, right, left, right)))
    value, tangent = ad.jvp(np.matmul, (x, y), (x_dot, y_dot))
    np.testing.assert_allclose(value, x @ y, rtol=1e-14, atol=1e-13)
    np.testing.assert_allclose(tangent, x_dot @ y + x @ y_dot, rtol=1e-12, atol=1e-12)
    g, g_dot = normal(value.shape, 4), tangent
    x_bar, y_bar = ad.vjp(np.matmul, x, y)[1](g)
    np.testing.assert_allclose(np.sum(x_bar * x_dot), np.sum(g * (x_dot @ y)), rtol=1e-10)
    np.testing.assert_allclose(np.sum(y_bar * y_dot), np.sum(g * (x @ y_dot)), rtol=1e-10)

    def phi(p):
        return 0.5 * np.sum(np.sin(p["x"] @ p["y"]))

    tape = ad.record(phi, {"x": x, "y": y})
    assert [s.name for s in tape.program.segments if hasattr(s, "code")].count("matmul") == 1
    both = ad.value_and_grad(phi)
    for _ in range(3):
        value, gradient = both({"x": x, "y": y})
        assert value == pytest.approx(phi({"x": x, "y": y}), rel=1e-12)
        slope = 0.5 * np.cos(x @ y)
        expected = ad.vjp(np.matmul, x, y)[1](slope)
        for key, bar in zip("xy", expected, strict=True):
            np.testing.assert_allclose(gradient[key], bar, rtol=1e-11, atol=1e-12 * np.abs(bar).max())
    product = ad.hvp(phi)({"x": x, "y": y}, {"x": x_dot, "y": y_dot})
    nested = ad.grad(lambda p: np.sum(ad.grad(phi)(p)["x"] * x_dot) + np.sum(ad.grad(phi)(p)["y"] * y_dot))(
        {"x": x, "y": y}
    )
    bend, slope = -0.5 * np.sin(x @ y) * g_dot, 0.5 * np.cos(x @ y)
    for found in (product, nested):
        by_slope, by_change = ad.vjp(np.matmul, x, y)[1](bend), ad.vjp(np.matmul, x_dot, y_dot)[1](slope)
        for k, key in enumerate("xy"):
            np.testing.assert_allclose(found[key], by_slope[k] + by_change[k], rtol=1e-9, atol=1e-9)


def test_batches_in_lanes_and_under_absolute_zero():
    x, y = normal((4, 2, 3)), normal((4, 3, 2), 1)
    points = normal((20, 4, 2, 3), 2)
    found = ad.vmap(ad.grad(lambda x: np.sum(np.tanh(x @ y))))(points)
    np.testing.assert_allclose(found, (1 - np.tanh(points @ y) ** 2) @ np.swapaxes(y, 1, 2), rtol=1e-12)
    y[1, 0, 0], chosen = np.inf, np.ones((4, 2, 2))
    chosen[1, :, 0] = 0.0
    x[1, :, 0] = 1.0
    gradient = ad.grad(lambda x: np.sum(np.where(chosen > 0, x @ y, 0.0)))(x)
    assert np.all(np.isfinite(gradient))
    with pytest.raises(ValueError, match="matmul"):
        ad.grad(lambda x: np.sum(np.matmul(x, np.ones((4, 2, 2)))))(x)
