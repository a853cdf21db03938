"""Compiled functions, differentiated as they are: against the NumPy recorder on the same Python code."""

from __future__ import annotations

import math
from concurrent.futures import ThreadPoolExecutor
from types import FunctionType

import numpy as np
import pytest
from numba import njit
from numba.core.dispatcher import Dispatcher

import fastad as ad
from fastad.errors import NonScalarOutput, RecordingMismatch, TapeTooLarge, UnsupportedDtype, UnsupportedFunction
from fastad.native import recorder

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
def sorting(x):
    return np.sort(x)[0]


@njit
def flat(x):
    return x.flat[0]


@njit
def nothing(x):
    x[0] = 1.0


ERRORS = [
    (lambda: ad.grad(sorting)(X), UnsupportedFunction, r"sorting.*sort at .*test_transforms.py:\d+"),
    (lambda: ad.grad(flat)(X), UnsupportedFunction, "'flat'.*test_transforms"),
    (lambda: ad.grad(nothing)(X), UnsupportedFunction, "nothing"),
    (lambda: ad.grad(square)(X), NonScalarOutput, "scalar"),
    (lambda: ad.grad(square)([1.0]), UnsupportedDtype, "list"),
    (lambda: ad.grad(noisy)(1.0), RecordingMismatch, "random"),
    (lambda: ad.vmap(ad.grad(square))(X), UnsupportedFunction, "point by point"),
    (lambda: ad.bind(branches, X)(X, np.empty(3)), UnsupportedFunction, "point by point"),
    (lambda: ad.record(square, 1.0), UnsupportedFunction, "py_func"),
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


def test_tapes_grow_and_are_bounded(monkeypatch):
    g = ad.grad(long)
    for n in (10, 100_000, 10, 300_000):
        assert g(1.0, n) == pytest.approx(2.0, rel=1e-2 if n == 10 else 1e-15)
    monkeypatch.setattr(recorder, "LIMIT", 1 << 16)
    with pytest.raises(TapeTooLarge, match="long carries out"):
        ad.grad(long)(1.0, 100_000)


def test_threads_have_memory_of_their_own():
    g = ad.grad(branches)
    points = [X + 0.01 * k for k in range(40)]
    expected = [g(x) for x in points]
    with ThreadPoolExecutor(4) as pool:
        for one, other in zip(pool.map(g, points), expected, strict=True):
            np.testing.assert_array_equal(one, other)
