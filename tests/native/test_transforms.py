"""Compiled functions, differentiated as they are: against the NumPy recorder on the same Python code."""

from __future__ import annotations

import math
from concurrent.futures import ThreadPoolExecutor
from types import FunctionType

import numpy as np
import pytest
from numba import njit, prange, vectorize
from numba.core.dispatcher import Dispatcher

import fastad as ad
from fastad.errors import (
    BranchChanged,
    NanFound,
    NonScalarOutput,
    NoSecondDerivative,
    RecordingMismatch,
    TapeTooLarge,
    UnsupportedDtype,
    UnsupportedFunction,
)
from fastad.native import nopython

X = np.array([1.1, 0.7, 0.3])


def python_code(dispatcher):
    """The function as Python runs it, and so those that it calls."""
    f = dispatcher.py_func
    scope = {k: python_code(v) if isinstance(v, Dispatcher) and v is not dispatcher else v
             for k, v in f.__globals__.items() if k in f.__code__.co_names}  # fmt: skip
    twin = FunctionType(f.__code__, scope, f.__name__, f.__defaults__, f.__closure__)
    if dispatcher.__name__ in scope:
        scope[dispatcher.__name__] = twin
    return twin


@njit
def helper(x, k):
    u = np.zeros(3)
    for i in range(3):
        u[i] = x[i] ** k + math.sin(x[i])
    return u


@njit
def branches(x, n=7):
    u = helper(x, 2)
    s = 0.5 * x[0]
    for i in range(n):
        if s > 1.0:
            s = s / x[0]
        else:
            s += u[i % 3] * x[1]
        s = max(s, 0.1)
        s -= np.hypot(x[1], x[1])
    return s + np.sum(u * x) + np.dot(u, x) - np.exp(-x[2]) + 2.0 / x[0] + (3.0 - x[1])


@njit
def views(x):
    v = x.copy()
    v[1:] *= 2.0
    v[0] += v[1]
    v += 1.0
    m = np.empty((2, 2))
    m[0, 0] = v[0]
    m[0, 1] = v[1] * v[2]
    m[1] = v[:2]
    m[:, 1] -= x[0]
    return np.sum(m @ m) + v.T.sum() + m.reshape((4,))[2] * m.ravel()[1] + len(v) * m.shape[0]


@njit
def powers(x):
    y = x[0]
    return y**3 + y**2 + y**-1 + y**0.5 + 2.0**y + y**y + math.pow(y, 2.5) + y // 0.7 + y % 0.7 + abs(-y)


@njit
def swaps(x):
    u, v = x.copy(), np.ones_like(x)
    a, b = x[0], x[1]
    for _ in range(4):
        u, v = v + 0.1 * u, u
        a, b = b, a * u[0]
    return np.mean(u * v) + a - b


@njit
def factorial(x, n):
    return x if n == 0 else x * factorial(x, n - 1)


@njit
def recursion(x):
    return factorial(x[0], 4) + factorial(x[1], 2)


@njit
def halving(x):
    y = x[0] * 5.0
    while y > x[1]:
        y = y * 0.5
    return y * x[2]


@njit
def lists(x):
    items = [x[0], x[1]]
    items.append(x[0] * x[1])
    a = np.array([x[0], x[1] * 2, 1.0])
    d = np.zeros((3,), np.int64)
    d[0] = 2
    return items[2] * items[0] + np.sum(a * np.full(3, x[0])) + d[0] * int(x[0]) * x[1]


@njit
def loops(x):
    s, v = 0.0, x * x[::-1]
    for e in v:
        s += e * e
    for i, e in enumerate(v[1:]):
        s += i * e
    for a, b in zip(v, x):  # noqa: B905  # as Numba has it
        s -= a / b
    return s


@njit
def repeated_operand(x):
    y = x[0] * 1.0
    return np.hypot(y, y) + np.power(y, y) + np.maximum(y, y) + np.arctan2(y, y) + y * y + y / y + (y - y)


@njit
def constant(x):
    return 3.0


FUNCTIONS = [branches, views, powers, swaps, recursion, halving, lists, loops, repeated_operand, constant]


@pytest.mark.parametrize("f", FUNCTIONS, ids=lambda f: f.__name__)
def test_all_modes_agree_with_the_recorder_of_numpy_code(f):
    numpy_code = python_code(f)
    native, direction = ad.value_and_grad(f), np.array([0.3, -1.0, 0.5])
    hessian, both = ad.hessian(f), ad.value_and_grad(numpy_code)
    for x in (X, np.array([0.4, 2.2, 1.7])):
        value, gradient = native(x)
        assert value == pytest.approx(f(x), rel=1e-14)
        np.testing.assert_allclose(gradient, both(x)[1], rtol=2e-14, atol=1e-15)
        np.testing.assert_allclose(ad.jvp(f, (x,), (direction,))[1], gradient @ direction, rtol=1e-13, atol=1e-14)
        np.testing.assert_allclose(ad.jacobian(f, mode="reverse")(x), gradient, rtol=1e-14, atol=1e-15)
        second = ad.hessian(numpy_code)(x)
        np.testing.assert_allclose(hessian(x), second, rtol=1e-12, atol=1e-13)


@njit
def of_containers(p, k, scale=1.0):
    a, (b, c) = p
    for _ in range(k):
        a, b = b * scale, a * c.sum()
    return a - b


@njit
def apply(g, x):
    return g(x)


@njit
def square(x):
    return x * x


def test_arguments():
    p, numpy_code = (0.3, (0.4, X)), python_code(of_containers)
    for args in ((p, 3), (p, 4, 1.5)):
        a, (b, c) = ad.grad(of_containers)(*args)
        expected = ad.grad(numpy_code)(*args)
        assert (a, b) == pytest.approx((expected[0], expected[1][0]), rel=1e-14)
        np.testing.assert_allclose(c, expected[1][1], rtol=1e-14)
    assert ad.grad(of_containers)(p, k=4, scale=1.5)[0] == a
    assert ad.grad(of_containers, (0, 2))(p, 4, 1.5)[1] == pytest.approx(ad.grad(numpy_code, 2)(p, 4, 1.5), rel=1e-14)
    assert ad.grad(apply, 1)(square, 1.5) == 3.0
    assert ad.grad(square)(3) == 6.0
    np.testing.assert_array_equal(ad.jacobian(square)(X), np.diag(2 * X))
    np.testing.assert_array_equal(ad.vjp(square, X)[1](np.ones(3))[0], 2 * X)


@njit
def work_array(p):
    u = np.zeros(2)
    u[0] = p[0][0] * p[1]
    u[1] = u[0] * p[0][0]
    return np.sum(u)


def test_arrays_are_made_active_by_arguments_inside_tuples():
    assert ad.grad(work_array)(((3.0,), 5.0)) == ((35.0,), 12.0)
    assert ad.grad(work_array)(((3.0,), 5.0)) == ((35.0,), 12.0)


@njit
def noisy(x):
    return x * np.random.random()


@njit
def decomposed(x):
    return np.linalg.svd(np.outer(x, x))[1][0]


@njit
def complex_numbers(x):
    return abs(np.exp(1j * x[0]))


@njit
def nothing(x):
    x[0] = 1.0


ERRORS = [
    (lambda: ad.grad(decomposed)(X), UnsupportedFunction, r"decomposed.*svd.*test_transforms.py:\d+"),
    (lambda: ad.grad(complex_numbers)(X), UnsupportedFunction, r"complex_numbers.*test_transforms.py:\d+"),
    (lambda: ad.grad(nothing)(X), NonScalarOutput, "nothing"),
    (lambda: ad.grad(square)(X), NonScalarOutput, "square returns no single number"),
    (lambda: ad.grad(square)([1.0]), UnsupportedDtype, "list"),
    (lambda: ad.grad(noisy)(1.0), RecordingMismatch, "random"),
    (lambda: ad.record(square, 1.0).primal(2.0), BranchChanged, "square, whose tape holds where it was recorded"),
]


@pytest.mark.parametrize(("call", "kind", "message"), ERRORS, ids=range(len(ERRORS)))
def test_errors_say_what_and_where(call, kind, message):
    with pytest.raises(kind, match=message):
        call()


@njit
def long(x, n):
    s = x
    for _ in range(n):
        s = s * 0.5 + x
    return s


def test_tapes_grow():
    g = ad.grad(long)
    for n in (10, 100_000, 10, 300_000):
        assert g(1.0, n) == pytest.approx(2.0, rel=1e-2 if n == 10 else 1e-15)
    for n in (100_000, 300_000):
        assert ad.grad(long, mode="reverse")(1.0, n) == pytest.approx(2.0, rel=1e-15)


def test_tapes_are_bounded(monkeypatch):
    monkeypatch.setattr(nopython, "LIMIT", 1 << 12)
    between = njit(product_of_all.py_func)
    with pytest.raises(TapeTooLarge, match="carries out more than"):
        ad.grad(between, mode="reverse")(X, 10_000)
    assert ad.grad(between, mode="forward")(X, 10_000)[1] == 2.0


@njit
def product_of_all(x, n):
    s = x[0]
    for _ in range(n):
        s = 0.5 * s + x[1]
    return s


def test_threads_have_memory_of_their_own():
    g = ad.grad(branches)
    points = [X + 0.01 * k for k in range(40)]
    expected = [g(x) for x in points]
    with ThreadPoolExecutor(4) as pool:
        for one, other in zip(pool.map(g, points), expected, strict=True):
            np.testing.assert_array_equal(one, other)


@njit
def counted(x, n, text):
    s = x[0]
    for _ in range(n):
        s = s * x[1] + len(text)
    return s


def test_arguments_that_count_or_choose_are_passed_on():
    gradient = ad.grad(counted)(X, 3, "two")
    value, tangent = ad.jvp(counted, (X, 3, "two"), (X, 0, None))
    assert value == counted(X, 3, "two")
    assert tangent == pytest.approx(gradient @ X, rel=1e-14)
    assert ad.vjp(counted, X, 3, "two")[1](2.0)[1:] == (None, None)
    np.testing.assert_allclose(ad.vjp(counted, X, 3, "two")[1](2.0)[0], 2.0 * gradient, rtol=1e-14)
    assert ad.jvp(square, (3,), (1,)) == (9.0, 6.0)


def test_what_serves_functions_of_numpy_serves_compiled_ones():
    points = X * np.linspace(0.5, 2.0, 7)[:, None]
    expected = np.array([ad.grad(branches)(x) for x in points])
    np.testing.assert_array_equal(ad.vmap(ad.grad(branches))(points), expected)
    np.testing.assert_allclose(ad.vmap(branches)(points), [branches(x) for x in points], rtol=1e-14)
    bound, gradient = ad.bind(branches, X), np.empty(3)
    assert bound(points[2], gradient) == pytest.approx(branches(points[2]), rel=1e-14)
    np.testing.assert_array_equal(gradient, expected[2])
    objective = ad.objective(branches)
    np.testing.assert_array_equal(objective.gradient(points[3]), expected[3])
    np.testing.assert_allclose(objective.hvp(points[3], X), objective.hessian(points[3]) @ X, rtol=1e-10)
    assert "multiply" in ad.record(square, 2.0).show()


# --- calls from recorded code ---------------------------------------------------------------------------------
@njit
def fill(out, x):
    for i in range(len(x)):
        out[i] = x[i] ** 2 * np.sin(x[i - 1])


@njit
def potential(x, k):
    return k * np.sum(x**4), x[:2] * k


def mixed_code(x):
    out = np.zeros(3)
    fill(out, np.tanh(x))
    energy, part = potential(x, 0.5)
    return np.sum(out * x) + np.exp(-energy) + part @ part


def plain_code(x):
    out = np.zeros(3)
    fill.py_func(out, np.tanh(x))
    energy, part = potential.py_func(x, 0.5)
    return np.sum(out * x) + np.exp(-energy) + part @ part


def test_compiled_functions_called_by_recorded_code():
    for x in (X, X[::-1].copy()):
        np.testing.assert_allclose(ad.grad(mixed_code)(x), ad.grad(plain_code)(x), rtol=1e-13)
        np.testing.assert_allclose(ad.hessian(mixed_code)(x), ad.hessian(plain_code)(x), rtol=1e-11, atol=1e-13)
    np.testing.assert_allclose(ad.jvp(mixed_code, (X,), (X,))[1], ad.grad(plain_code)(X) @ X, rtol=1e-13)
    twice = ad.grad(lambda x: ad.grad(square)(x) * x)
    assert twice(1.5) == 4 * 1.5
    assert ad.grad(ad.grad(lambda x: factorial(x, 3) * x))(0.7) == pytest.approx(20.0 * 0.7**3, rel=1e-12)
    with pytest.raises(NoSecondDerivative, match="third derivative"):
        ad.grad(ad.grad(ad.grad(square)))(1.0)


def test_derivatives_inside_compiled_code():
    value_and_grad, gradient, along = ad.njit_value_and_grad(branches), ad.njit_grad(branches), ad.njit_jvp(counted)

    @njit(parallel=True)
    def at_all(points, values, gradients):
        for i in prange(len(points)):
            values[i], gradients[i] = value_and_grad(points[i])

    points = X * np.linspace(0.5, 2.0, 40)[:, None]
    values, gradients = np.empty(40), np.empty((40, 3))
    at_all(points, values, gradients)
    expected = [ad.value_and_grad(branches, mode="reverse")(x) for x in points]
    np.testing.assert_array_equal(values, [v for v, _ in expected])
    np.testing.assert_array_equal(gradients, [g for _, g in expected])
    np.testing.assert_array_equal(gradient(points[4], n=7), gradients[4])

    @njit
    def nested(x):
        return along((x, 3, "two"), (x, 0, "two"))

    assert nested(X) == pytest.approx(ad.jvp(counted, (X, 3, "two"), (X, 0, None)), rel=1e-15)
    of_both = ad.njit_value_and_grad(factorial, argnums=(0,), mode="forward")(2.0, 3)
    assert of_both == (16.0, (32.0,))
    with pytest.raises(TypeError, match="compiled by Numba"):
        ad.njit_grad(np.sin)
    with pytest.raises(ValueError, match="mode"):
        ad.njit_grad(square, mode="auto")


@njit
def raising(x, limit):
    if x[0] > limit:
        raise ValueError("above the limit")
    return x[0] * x[1]


def test_exceptions_of_the_function_pass_and_lose_no_memory():
    gradient = ad.njit_grad(raising)
    for _ in range(3):
        with pytest.raises(ValueError, match="above the limit"):
            gradient(X, 0.5)
        with pytest.raises(ValueError, match="above the limit"):
            ad.grad(raising)(X, 0.5)
    assert np.count_nonzero(gradient.fastad_cell.words) == 1
    np.testing.assert_array_equal(gradient(X, 2.0), [X[1], X[0], 0.0])


cached_square = njit(cache=True)(lambda x: x * x)


def test_functions_that_numba_caches():
    assert ad.grad(cached_square)(3.0) == 6.0
    assert cached_square(3.0) == 9.0


def test_questions_about_a_point():
    found = ad.kinks(njit(lambda x: abs(x[0]) + apply(square, x[1])), np.array([0.0, 2.0]))
    assert [(k.operation, k.operands) for k in found] == [("absolute", (0.0,))]
    with ad.debug_nans():
        with pytest.raises(NanFound, match=r"log\(-0.3\) at .*test_transforms.py:\d+"):
            ad.grad(logarithms)(-X)
        with pytest.raises(NanFound, match="log"):
            ad.hessian(logarithms)(-X)
        np.testing.assert_allclose(ad.grad(logarithms)(X), [0.0, 0.0, 1 / X[2]])


@njit
def logarithms(x):
    return np.log(x[2]) + 0.0 * x[0]


@vectorize(["float64(float64, float64)"])
def damped(x, k):
    if x < 0:
        return 0.0
    return x**2 * np.exp(-k * x)


@njit
def with_vectorised(x):
    return np.sum(damped(x, 0.5)) + damped(x[0], x[1]) + damped(2.0, 1.0)


def test_functions_that_numba_vectorised():
    def plainly(x):
        return np.sum(x**2 * np.exp(-0.5 * x)) + x[0] ** 2 * np.exp(-x[1] * x[0])

    np.testing.assert_allclose(ad.grad(with_vectorised)(X), ad.grad(plainly)(X), rtol=1e-14)
    np.testing.assert_allclose(ad.grad(lambda x: np.sum(damped(x, 0.5)) + damped(x[0], x[1]))(X),
                               ad.grad(plainly)(X), rtol=1e-14)  # fmt: skip
