"""Transforms of transforms, to any depth and in any mixture."""

from __future__ import annotations

import functools
import itertools
import math

import numpy as np
import pytest

import fastad as ad

CLOSE = {"rtol": 1e-12, "atol": 1e-12}


def by_jvp(f):
    return lambda x: ad.jvp(f, (x,), (1.0,))[1]


def by_vjp(f):
    return lambda x: ad.vjp(f, x)[1](1.0)[0]


def by_direction(f):
    return lambda x: ad.directional_derivative(f, x, 1.0)


def by_value(f):
    return lambda x: ad.value_and_grad(f)(x)[1]


def by_hvp(f):
    """Two orders at once."""
    return lambda x: ad.hvp(f)(x, 1.0)


FIRST = [ad.grad, ad.jacobian, by_jvp, by_vjp, by_direction, by_value]
FUNCTIONS = {
    "sin": (np.sin, lambda x, n: math.sin(x + n * math.pi / 2)),
    "exp(2x)": (lambda x: np.exp(2.0 * x), lambda x, n: 2.0**n * math.exp(2.0 * x)),
    "x^5": (lambda x: x**5, lambda x, n: math.perm(5, n) * x ** (5 - n)),
    "1/x": (lambda x: 1.0 / x, lambda x, n: (-1) ** n * math.factorial(n) / x ** (n + 1)),
    "log": (np.log, lambda x, n: (-1) ** (n - 1) * math.factorial(n - 1) / x**n),
    "sqrt": (np.sqrt, lambda x, n: math.prod(0.5 - k for k in range(n)) * x ** (0.5 - n)),
    "math": (lambda x: math.cosh(x) * 1.0, lambda x, n: math.cosh(x) if n % 2 == 0 else math.sinh(x)),
}


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize("depth", [1, 2, 3, 4])
def test_grad_of_grad(name, depth):
    f, derivative = FUNCTIONS[name]
    for _ in range(depth):
        f = ad.grad(f)
    for x in (0.7, 1.3, 2.9):
        assert f(x) == pytest.approx(derivative(x, depth), rel=1e-12)


@pytest.mark.parametrize("transforms", list(itertools.product(FIRST, repeat=2)))
def test_every_transform_of_every_other(transforms):
    f = functools.reduce(lambda f, transform: transform(f), transforms, lambda x: np.sin(x) * x)
    for x in (0.7, -1.3):
        assert f(x) == pytest.approx(2.0 * math.cos(x) - x * math.sin(x), rel=1e-13)


@pytest.mark.parametrize("transforms", list(itertools.product([ad.grad, by_jvp, by_vjp, ad.hessian, by_hvp], repeat=3)))
def test_three_deep_in_every_mixture(transforms):
    order = sum(2 if transform in (ad.hessian, by_hvp) else 1 for transform in transforms)
    f = functools.reduce(lambda f, transform: transform(f), transforms, lambda x: np.exp(2.0 * x))
    assert f(0.3) == pytest.approx(2.0**order * math.exp(0.6), rel=1e-12)


def test_arrays_and_blocks():
    """The gradient of v . grad f is the product of the Hessian with v, for long arrays too."""

    def f(x):
        return np.sum(np.sin(x) * np.roll(x, 1)) + np.sum(x[:10].reshape(5, 2) @ x[10:20].reshape(2, 5))

    for n in (20, 700):
        x, v = np.random.default_rng(n).normal(size=(2, n))
        product = ad.hvp(f)(x, v)
        nested = [
            ad.grad(lambda x: np.sum(ad.grad(f)(x) * v)), ad.grad(lambda x: ad.jvp(f, (x,), (v,))[1]),
            lambda x: ad.jvp(ad.grad(f), (x,), (v,))[1], lambda x: ad.vjp(ad.grad(f), x)[1](v)[0],
        ]  # fmt: skip
        for again in nested:
            np.testing.assert_allclose(again(x), product, **CLOSE)


def test_hessian_inside_a_function():
    """The gradient of the log-determinant of a Hessian."""
    x = np.array([0.5, -1.0])

    def log_determinant(x):
        h = ad.hessian(lambda x: np.sum(np.exp(x)) + 0.1 * x[0] * x[1])(x)
        return np.log(h[0, 0] * h[1, 1] - h[0, 1] * h[1, 0])

    product = math.exp(-0.5)
    np.testing.assert_allclose(ad.grad(log_determinant)(x), [product / (product - 0.01)] * 2, rtol=1e-13)


def test_jacobian_inside_a_function():
    a = np.array([[1.0, 2.0], [3.0, 4.0]])

    def f(x):
        return np.sum(ad.jacobian(lambda x: a @ np.sin(x))(x) ** 2)

    x = np.array([0.3, 0.7])
    expected = -2.0 * np.sum(a**2, axis=0) * np.cos(x) * np.sin(x)
    np.testing.assert_allclose(ad.grad(f)(x), expected, rtol=1e-13)
    np.testing.assert_allclose(ad.jacobian(f)(x), expected, rtol=1e-13)


def test_containers_inside():
    def f(p):
        g = ad.grad(lambda q: q["a"] ** 3 * np.sum(q["b"] ** 2))(p)
        return g["a"] + np.sum(g["b"])

    p = {"a": 2.0, "b": np.array([1.0, 2.0, 3.0])}
    found = ad.grad(f)(p)
    assert found["a"] == pytest.approx(6 * 2 * 14 + 3 * 4 * 2 * 6, rel=1e-14)
    np.testing.assert_allclose(found["b"], 3 * 4 * 2 * p["b"] + 2 * 8, rtol=1e-14)


def test_argnums_inside():
    f = lambda x, y, z: x**2 * y**3 * z  # noqa: E731
    assert ad.grad(lambda x, y: ad.grad(f, 1)(x, y, 5.0))(2.0, 3.0) == 2 * 2 * 3 * 9 * 5
    assert ad.grad(lambda y: sum(ad.grad(f, (0, -1))(2.0, y, 5.0)))(3.0) == (2 * 2 * 5 + 4) * 3 * 9
    assert ad.grad(lambda x, y: ad.grad(f, -1)(x, y, 5.0), 1)(2.0, 3.0) == 4 * 27


# --- perturbation confusion -------------------------------------------------------------------------------
@pytest.mark.parametrize("outer", FIRST)
@pytest.mark.parametrize("inner", FIRST)
def test_perturbations_are_not_confused(outer, inner):
    """d/dx (x d/dy (x + y)) at x = 1 is 1, not 2; Siskind & Pearlmutter (2005)."""
    assert outer(lambda x: x * inner(lambda y: x + y)(1.0))(1.0) == 1.0
    assert outer(lambda x: x * inner(lambda y: x * y)(2.0))(3.0) == 6.0
    assert outer(lambda x: inner(lambda y: x * y**2)(x))(3.0) == 12.0
    thrice = outer(lambda x: inner(lambda y: inner(lambda z: x * y**2 * z**3)(y))(x))
    assert thrice(2.0) == pytest.approx(48.0 * 2.0**3, rel=1e-14)


def test_captured_outer_values_are_constants_of_the_inner_derivative():
    def outer(x):
        def inner(y):
            return np.sum(x * y) ** 2

        return np.sum(ad.grad(inner)(np.ones(3)) * x)

    x = np.array([1.0, 2.0, 3.0])
    # g = 2 sum(x) x, so the result is 2 sum(x) |x|^2
    np.testing.assert_allclose(ad.grad(outer)(x), 2.0 * (np.sum(x**2) + np.sum(x) * 2.0 * x), rtol=1e-14)


def test_the_inner_derivative_of_a_constant_is_zero():
    assert ad.grad(lambda x: x * ad.grad(lambda y: x)(2.0))(3.0) == 0.0
    assert ad.grad(lambda x: x + ad.grad(lambda y: 5.0)(x))(3.0) == 1.0
    assert ad.grad(lambda x: ad.jvp(lambda y: x, (2.0,), (1.0,))[1])(3.0) == 0.0


def test_differentiating_with_respect_to_a_tangent():
    """jvp is linear in its tangent, vjp in its weight."""
    x = np.array([1.0, 2.0, 3.0])
    found = ad.jacobian(lambda v: ad.jvp(np.sin, (x,), (v,))[1])(np.zeros(3))
    np.testing.assert_allclose(found, np.diag(np.cos(x)), rtol=1e-14)
    found = ad.jacobian(lambda w: ad.vjp(np.sin, x)[1](w)[0])(np.zeros(3))
    np.testing.assert_allclose(found, np.diag(np.cos(x)), rtol=1e-14)
    assert ad.grad(lambda s: ad.directional_derivative(np.exp, 0.0, s, normalize=False))(2.0) == 1.0


def test_the_same_function_inside_and_outside():
    def f(x):
        return x**3

    def g(x):
        return f(x) + ad.grad(f)(x)

    assert ad.grad(g)(2.0) == 12.0 + 12.0
    assert ad.grad(g)(3.0) == 27.0 + 18.0


def test_nested_values_replay_at_new_points():
    """The outer recording holds the inner derivative: new points need no new recording of either."""
    inner = ad.grad(lambda x: np.sum(np.exp(x)))
    outer = ad.grad(lambda x: np.sum(inner(x) ** 2))
    for k in range(10):
        x = np.full(4, 0.1 * k)
        np.testing.assert_allclose(outer(x), 2.0 * np.exp(2.0 * x), rtol=1e-13)
    assert outer.replayer.recordings == 1


def test_branches_inside_are_guarded_outside():
    def inner(x):
        return x**2 if x > 1.0 else x**3

    outer = ad.grad(ad.grad(inner))
    assert [outer(x) for x in (2.0, 0.5, 3.0, 0.25)] == [2.0, 3.0, 2.0, 1.5]


def test_newton_steps_differentiated():
    """Through Newton's iteration for z^2 = a: dz/da = 1 / (2 sqrt(a))."""

    def root(a):
        z = 1.0
        for _ in range(8):
            g = lambda z: (z**2 - a) ** 2  # noqa: E731
            z = z - ad.grad(g)(z) / ad.grad(ad.grad(g))(z)
        return z

    def residual_root(a):
        z = 1.0
        for _ in range(8):
            z = z - (z**2 - a) / ad.grad(lambda z: z**2)(z)
        return z

    assert ad.value_and_grad(residual_root)(2.0) == pytest.approx((math.sqrt(2.0), 0.5 / math.sqrt(2.0)), rel=1e-14)
    assert np.isfinite(ad.grad(root)(2.0))


def test_assignments_inside():
    """In-place writes between uses: each use sees what stood there then."""

    def f(x):
        y = np.zeros(3)
        y[0] = x[0]
        a = y * 2.0
        y[:] = x
        y[1] *= y[0]
        return np.sum(a) + np.sum(y**2)

    def g(x):
        return np.sum(ad.grad(f)(x) ** 2)

    x = np.array([1.5, 2.0, -1.0])
    gradient = np.array([2 + 2 * 1.5 + 2 * 1.5 * 4.0, 2 * 2.0 * 1.5**2, -2.0])
    np.testing.assert_allclose(ad.grad(f)(x), gradient, rtol=1e-15)
    hessian = np.array([[2 + 2 * 4.0, 4 * 1.5 * 2.0, 0.0], [4 * 1.5 * 2.0, 2 * 1.5**2, 0.0], [0.0, 0.0, 2.0]])
    np.testing.assert_allclose(ad.grad(g)(x), 2.0 * hessian @ gradient, rtol=1e-14)


def test_functions_may_write_into_their_arguments_inside():
    """As outside: each call works on copies, whichever argument it is."""

    def f(x, y):
        x *= 2.0
        y[0] = 1.0
        x[0] = x[1] ** 2
        return np.sum(x**2 * y)

    def g(x):
        y = x * 3.0
        first = ad.grad(f)(x, y)
        return np.sum(first * x) + np.sum(y)

    x = np.array([1.0, 2.0, 0.5])
    # f = (2 x1)^4 + (2 x1)^2 y1 + (2 x2)^2 y2, and y = 3 x
    expected = [3.0, 64.0 * 4 * 8.0 + 24.0 * 3 * 4.0 + 3.0, 24.0 * 3 * 0.25 + 3.0]
    np.testing.assert_allclose(ad.grad(g)(x), expected, rtol=1e-14)


def test_results_of_vjp_may_be_written_into_inside():
    def f(x):
        value, pullback = ad.vjp(lambda y: y * y, x)
        value[0] = 7.0
        return np.sum(pullback(np.ones(2))[0] * x) + np.sum(value)

    np.testing.assert_array_equal(ad.grad(f)(np.array([1.0, 3.0])), [4.0, 4.0 * 3.0 + 6.0])
