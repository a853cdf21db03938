"""Short ways: `ad.bind`, repeated gradients, and `ad.objective`, against closed forms and the long way."""

from __future__ import annotations

import threading

import numpy as np
import pytest
from scipy.optimize import minimize, rosen, rosen_der, rosen_hess_prod

import fastad as ad
from fastad.errors import ChangedConstant, ShapeMismatch, UnsupportedDtype


def cubes(x):
    return np.sum(x**3)


@pytest.mark.parametrize("shape", [(1,), (5,), (40,), (3, 4), (2, 3, 5), (70_000,)])
def test_bound_functions_write_the_gradient(shape):
    x = np.random.default_rng(0).normal(size=shape)
    g, gradient = ad.bind(cubes, x), np.empty(shape)
    for _ in range(20):
        x = x + 0.25
        gradient[...] = np.nan
        assert g(x, gradient) == pytest.approx(np.sum(x**3), rel=1e-13)
        np.testing.assert_allclose(gradient, 3 * x**2, rtol=1e-14)


@pytest.mark.parametrize("n", [3, 40, 5000])
def test_x_and_the_gradient_may_be_one_array_or_overlap(n):
    memory = np.random.default_rng(1).uniform(0.5, 1.5, n + 3)
    for shift in (0, 1, 3):
        both = memory.copy()
        x, gradient = both[:n], both[shift : n + shift]
        expected = rosen_der(x.copy())
        g = ad.bind(rosen, np.ones(n))
        for _ in range(3):
            g(np.ones(n), np.empty(n))
        g(x, gradient)
        np.testing.assert_allclose(gradient, expected, rtol=1e-11, atol=1e-11)


def test_what_does_not_fit_a_bound_function_is_refused():
    g = ad.bind(cubes, np.ones(4))
    for _ in range(3):
        with pytest.raises(ShapeMismatch, match=r"x has shape \(5,\).*shape \(4,\)"):
            g(np.ones(5), np.empty(4))
        with pytest.raises(ShapeMismatch, match=r"the gradient has shape \(3,\)"):
            g(np.ones(4), np.empty(3))
        with pytest.raises(UnsupportedDtype, match="x is list, but an array"):
            g([1.0, 2.0, 3.0, 4.0], np.empty(4))
        with pytest.raises(UnsupportedDtype, match="the gradient is NoneType"):
            g(np.ones(4), None)
        with pytest.raises(UnsupportedDtype, match="float32"):
            g(np.ones(4), np.empty(4, np.float32))
        with pytest.raises(UnsupportedDtype, match="not contiguous"):
            g(np.ones(4), np.empty(8)[::2])


def test_arrays_of_other_kinds_take_the_long_way():
    g, gradient = ad.bind(cubes, np.ones(4)), np.empty(4)
    for x in (np.arange(4), np.arange(4, dtype=np.float32), np.arange(8.0)[::2], np.arange(4.0)):
        for _ in range(3):
            assert g(x, gradient) == pytest.approx(np.sum(np.asarray(x, float) ** 3))
            np.testing.assert_allclose(gradient, 3 * np.asarray(x, float) ** 2)


def test_another_branch_is_recorded():
    def f(x):
        return np.sum(x**2) if x[0] > 0 else np.sum(-x)

    g, gradient = ad.bind(f, np.ones(3)), np.empty(3)
    for k in range(12):
        x = np.full(3, (-1.0) ** k)
        g(x, gradient)
        np.testing.assert_array_equal(gradient, 2 * x if k % 2 == 0 else -np.ones(3))


@pytest.mark.parametrize("make", [lambda f: ad.value_and_grad(f), lambda f: _bound(f)], ids=["again", "bind"])
def test_captured_arrays_that_change_are_still_found(make):
    scale = np.ones(5)
    both = make(lambda x: np.sum(scale * x))
    x = np.ones(5)
    for _ in range(3):
        both(x)
    scale[0] = 2.0
    with pytest.raises(ChangedConstant):
        for _ in range(10):
            both(x)


def _bound(f):
    g, gradient = ad.bind(f, np.ones(5)), np.empty(5)
    return lambda x: g(x, gradient)


def test_repeated_gradients_of_several_arguments():
    def f(a, b, c):
        return np.sum(a * b[0]) + np.sum(np.sin(c)) * a[0]

    both = ad.value_and_grad(f, (0, 2))
    for k in range(20):
        a, b, c = np.arange(3.0) + k, np.arange(2.0) - k, np.full((2, 2), 0.1 * k)
        value, (da, dc) = both(a, b, c)
        assert value == pytest.approx(f(a, b, c))
        np.testing.assert_allclose(da, b[0] + np.array([np.sum(np.sin(c)), 0.0, 0.0]), rtol=1e-13, atol=1e-13)
        np.testing.assert_allclose(dc, np.cos(c) * a[0], rtol=1e-13, atol=1e-15)


def test_repeated_calls_may_change_shape_dtype_and_layout():
    grad = ad.grad(cubes)
    arrays = [np.ones(4), np.ones(7), np.ones((2, 3)), np.asfortranarray(np.ones((3, 2))), np.ones(8)[::2]]
    for _ in range(4):
        for x in arrays:
            np.testing.assert_array_equal(grad(x), 3 * np.ones(x.shape))
    frozen = np.full(4, 2.0)
    frozen.flags.writeable = False
    for _ in range(4):
        np.testing.assert_array_equal(grad(frozen), np.full(4, 12.0))


def test_many_threads_share_a_bound_function():
    g, wrong = ad.bind(rosen, np.ones(50)), []

    def work(seed):
        random, gradient = np.random.default_rng(seed), np.empty(50)
        for _ in range(200):
            x = random.uniform(-1, 1, 50)
            g(x, gradient)
            if not np.allclose(gradient, rosen_der(x), rtol=1e-9, atol=1e-9):
                wrong.append(seed)

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


# --- ad.objective -----------------------------------------------------------------------------------
def test_an_objective_gives_what_the_transforms_give():
    f, random = ad.objective(rosen), np.random.default_rng(0)
    for _ in range(5):
        x, v = random.normal(size=6), random.normal(size=6)
        assert f.value(x) == pytest.approx(rosen(x), rel=1e-13)
        np.testing.assert_allclose(f.gradient(x), rosen_der(x), rtol=1e-10)
        np.testing.assert_allclose(f.hvp(x, v), rosen_hess_prod(x, v), rtol=1e-10, atol=1e-9)
        np.testing.assert_allclose(f.hessian(x) @ v, rosen_hess_prod(x, v), rtol=1e-10, atol=1e-9)


def test_results_of_an_objective_are_the_callers():
    f, x = ad.objective(rosen), np.full(3, 0.5)
    f.gradient(x)[:] = 7.0
    np.testing.assert_allclose(f.gradient(x), rosen_der(x), rtol=1e-12)
    x[0] = 2.0  # the same array, another point
    np.testing.assert_allclose(f.gradient(x), rosen_der(x), rtol=1e-12)
    product = f.hvp(x, np.ones(3))
    product[:] = 0.0
    np.testing.assert_allclose(f.hvp(x, np.ones(3)), rosen_hess_prod(x, np.ones(3)), rtol=1e-12)


def test_value_and_gradient_at_one_point_are_one_call():
    calls = []

    @ad.primitive(vjp=lambda weight, result, x: (calls.append(1) or 2.0 * x * weight,))
    def squares(x):
        return x**2

    f, x = ad.objective(lambda x: np.sum(squares(x))), np.linspace(0.5, 1.5, 5)
    f.value(x)
    calls.clear()
    for k in range(1, 5):
        assert f.value(x + k) == pytest.approx(np.sum((x + k) ** 2))
        np.testing.assert_allclose(f.gradient(x + k), 2.0 * (x + k))
    assert len(calls) == 4


def test_zeros_of_either_sign_are_two_points():
    f = ad.hvp(lambda x: np.sum(np.copysign(1.0, x) * x**2))
    for sign in (1.0, -1.0, 1.0, -1.0):
        np.testing.assert_array_equal(f(np.array([sign * 0.0]), np.ones(1)), [2.0 * sign])


def test_an_objective_in_scipy():
    f = ad.objective(rosen)
    found = minimize(f.value, np.zeros(5), jac=f.gradient, hessp=f.hvp, method="trust-ncg", options={"gtol": 1e-9})
    np.testing.assert_allclose(found.x, 1.0, atol=1e-5)
