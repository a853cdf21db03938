"""Taylor coefficients to order 10: every row against mpmath, compositions against closed forms and known numbers."""

from __future__ import annotations

from math import comb, factorial, inf

import mpmath
import numba
import numpy as np
import pytest
from mpmath import mp

import fastad as ad
from fastad.errors import OrderError, ShapeMismatch, StructureMismatch, UnsupportedDtype, UnsupportedFunction
from fastad.ops import CONSTANT, OPS, STEP, Op
from fastad.record.elementwise import elementwise
from tests.sweeps.test_truth import FUNCTIONS

ORDER = 10
DIRECTION = (0.7, -1.3, 0.4)
# Where a digit is lost because a coefficient almost vanishes beside its neighbours, or overflows.
CLOSE_CALLS = {("power", 1e-8), ("expit", 1e-9), ("arctan2", 1e-200), ("hypot", 1e-200)}


def direction_of(op: Op) -> np.ndarray:
    """Away from the point; exponents of `power_constant` and conditions stay."""
    still = [kind == CONSTANT or (op.name == "where" and k == 0) for k, kind in enumerate(op.linearity)]
    return np.where(still, 0.0, DIRECTION[: op.arity])


def truth(op: Op, point: tuple[float, ...]) -> np.ndarray:
    with mp.workdps(400):
        step = mpmath.mpf(10) ** -30 * min(mpmath.mpf(1), *(abs(mpmath.mpf(x)) for x in point if x))

        def along(t):
            moved = [mpmath.mpf(x) + t * mpmath.mpf(d) for x, d in zip(point, direction_of(op), strict=True)]
            return mpmath.mpf(mpmath.re(FUNCTIONS[op.name](*moved)))

        return np.array([float(c) for c in mp.taylor(along, mpmath.mpf(0), ORDER, h=step)])


SMOOTH = [op for op in OPS if not op.boolean and op.name in FUNCTIONS and set(op.linearity) - {STEP, CONSTANT}]


def coefficients(op: Op, point: tuple[float, ...]) -> tuple[np.ndarray, np.ndarray]:
    """By an instruction of the scalar stream, and by a block."""
    alone = ad.taylor(
        lambda x: elementwise(op, *[x[k] for k in range(op.arity)]), np.array(point), direction_of(op), ORDER
    )
    rows = np.repeat(np.array(point)[:, None], 40, axis=1)
    dots = np.repeat(direction_of(op)[:, None], 40, axis=1)
    block = ad.taylor(lambda x: elementwise(op, *[x[k] for k in range(op.arity)]), rows, dots, ORDER)
    return alone, block


@pytest.mark.parametrize("op", SMOOTH, ids=lambda op: op.name)
def test_every_row_to_order_ten(op):
    for point in op.points:
        if (op.name, abs(point[0])) not in CLOSE_CALLS:
            alone, block = coefficients(op, point)
            np.testing.assert_allclose(alone, truth(op, point), rtol=4e-12, atol=0.0, err_msg=f"{op.name} at {point}")
            np.testing.assert_allclose(block, np.repeat(alone[:, None], 40, axis=1), rtol=1e-13)


def test_close_calls_keep_their_first_coefficients():
    for op in SMOOTH:
        for point in op.points:
            if (op.name, abs(point[0])) in CLOSE_CALLS:
                alone, expected = coefficients(op, point)[0], truth(op, point)
                np.testing.assert_allclose(alone[:2], expected[:2], rtol=1e-13)
                finite = np.isfinite(alone)
                # What is lost is a rounding of the neighbours, beside which the coefficient almost vanishes.
                sizes = np.max([np.abs(expected), np.roll(np.abs(expected), 1), np.roll(np.abs(expected), -1)], axis=0)
                # A power with a moving exponent is exp(b log a), whose terms at 1e-8 are 10^30 times the coefficient.
                limit = 1e-5 if op.name == "power" else 4e-12
                assert (np.abs(alone - expected)[finite] <= limit * sizes[finite]).all(), f"{op.name} at {point}"
                assert not np.isfinite(expected[~finite]).any(), "no finite number is lost"


def numbers(f, at=0.0):
    """Derivatives of all orders."""
    return ad.taylor(f, at, 1.0, ORDER) * [factorial(k) for k in range(ORDER + 1)]


CLOSED_FORMS = {
    "exp of sin (OEIS A002017)": (lambda t: np.exp(np.sin(t)), [1, 1, 1, 0, -3, -8, -3, 56, 217, 64, -2951]),
    "Bell numbers": (lambda t: np.exp(np.exp(t) - 1), [1, 1, 2, 5, 15, 52, 203, 877, 4140, 21147, 115975]),
    "Euler and tangent numbers": (
        lambda t: 1 / np.cos(t) + np.tan(t), [1, 1, 1, 2, 5, 16, 61, 272, 1385, 7936, 50521],
    ),
    "Fibonacci numbers": (
        lambda t: 1 / (1 - t - t**2), [factorial(k) * f for k, f in enumerate((1, 1, 2, 3, 5, 8, 13, 21, 34, 55, 89))],
    ),
    "Catalan numbers": (
        lambda t: 2 / (1 + np.sqrt(1 - 4 * t)), [factorial(k) * comb(2 * k, k) // (k + 1) for k in range(11)],
    ),
    "Runge": (lambda t: 1 / (1 + 25 * t**2), [factorial(k) * (-25) ** (k // 2) * (k % 2 == 0) for k in range(11)]),
    "binomial": (lambda t: (1 + t) ** 7, [factorial(k) * comb(7, k) for k in range(11)]),
    "Hermite (probabilists')": (lambda t: np.exp(-(t**2) / 2), [1, 0, -1, 0, 3, 0, -15, 0, 105, 0, -945]),
}  # fmt: skip


@pytest.mark.parametrize("name", CLOSED_FORMS)
def test_closed_forms_to_order_ten(name):
    f, expected = CLOSED_FORMS[name]
    np.testing.assert_allclose(numbers(f), np.array(expected, float), rtol=1e-13, atol=1e-9)


def test_whole_powers_where_the_base_is_zero():
    for n in range(8):
        np.testing.assert_array_equal(ad.taylor(lambda t, n=n: t**n, 0.0, 1.0, 7), np.arange(8) == n)
    np.testing.assert_allclose(ad.taylor(lambda t: (t**2 + t) ** 5, 0.0, 1.0, 10)[5:], [comb(5, k) for k in range(6)])


def test_what_has_no_series_is_not_a_finite_number():
    assert ad.taylor(np.sqrt, 0.0, 1.0, 3).tolist()[:2] == [0.0, inf]
    assert not np.isfinite(ad.taylor(np.sqrt, 0.0, 1.0, 3)[2:]).any()
    assert ad.taylor(lambda t: t**1.5, 0.0, 1.0, 4)[:3].tolist() == [0.0, 0.0, inf]
    assert np.isnan(ad.taylor(np.log, -1.0, 1.0, 4)).all()
    np.testing.assert_array_equal(ad.taylor(np.sqrt, 0.0, 0.0, 4), np.zeros(5))  # nothing changes
    np.testing.assert_array_equal(ad.taylor(lambda t: np.where(t > 0, np.log(t), 0.0), -1.0, 1.0, 3), np.zeros(4))


def test_kinks_follow_the_convention():
    np.testing.assert_array_equal(ad.taylor(np.abs, 0.0, 1.0, 3), np.zeros(4))
    np.testing.assert_array_equal(ad.taylor(lambda t: np.maximum(t, 0.0), 0.0, 1.0, 3), [0.0, 0.5, 0.0, 0.0])
    np.testing.assert_array_equal(ad.taylor(lambda t: t if t > 0 else t**3, -1.0, 1.0, 3), [-1.0, 3.0, -3.0, 1.0])
    x = np.array([2.0, 5.0, 5.0])
    np.testing.assert_array_equal(ad.taylor(lambda x: np.max(x**2), x, np.array([0.0, 1.0, 3.0]), 2), [25.0, 20.0, 5.0])


def test_matrices_against_the_geometric_series():
    """(I + t A)^k, and its exponential by sums: binomial coefficients times powers of A."""
    a = np.random.default_rng(0).normal(size=(4, 4)) / 2
    found = ad.taylor(lambda t: np.linalg.multi_dot([np.eye(4) + t * a] * 5), 0.0, 1.0, 6)
    assert found.shape == (7, 4, 4)
    expected = [comb(5, k) * np.linalg.matrix_power(a, k) for k in range(7)]
    np.testing.assert_allclose(found, expected, atol=1e-14)

    def exponential(t):
        term = total = np.eye(4)
        for k in range(1, 12):
            term = term @ a * (t / k)
            total = total + term
        return total

    found = ad.taylor(exponential, 0.0, 1.0, ORDER)
    expected = [np.linalg.matrix_power(a, k) / factorial(k) for k in range(ORDER + 1)]
    np.testing.assert_allclose(found, expected, atol=1e-15)


def test_an_integration_of_a_differential_equation():
    """y' = y (1 - y) by many steps, in y(0): the logistic curve's own derivatives, to the error of the method."""

    def flow(y):
        for _ in range(200):
            k = y + 0.0025 * y * (1 - y)
            y = y + 0.005 * k * (1 - k)
        return y

    def exact(y):
        return y * mpmath.e / (1 + y * (mpmath.e - 1))

    with mp.workdps(60):
        expected = [float(c) for c in mp.taylor(exact, mpmath.mpf("0.3"), 6)]
    np.testing.assert_allclose(ad.taylor(flow, 0.3, 1.0, 6), expected, rtol=1e-3)


def test_coefficients_are_nested_derivatives():
    def f(x):
        return np.sum(np.tanh(x) * x[::-1]) / (1.0 + np.sum(np.sqrt(x)))

    x, v = np.linspace(0.5, 1.5, 6), np.linspace(-1.0, 1.0, 6)
    found, nested = ad.taylor(f, x, v, 3), f
    for k in range(4):
        assert found[k] * factorial(k) == pytest.approx(nested(x), rel=1e-12)
        nested = lambda x, g=nested: ad.jvp(g, (x,), (v,))[1]  # noqa: E731


def test_gradients_inside_have_series():
    """The slopes of a recorded gradient are instructions like others."""
    found = ad.taylor(lambda t: ad.grad(lambda s: np.tanh(s) + np.log(s) + s**2.5)(t), 0.8, 1.0, 5)
    whole = ad.taylor(lambda t: np.tanh(t) + np.log(t) + t**2.5, 0.8, 1.0, 6)
    np.testing.assert_allclose(found, whole[1:] * np.arange(1, 7), rtol=1e-12)


def test_containers_and_shapes():
    p, d = {"a": 2.0, "b": np.array([1.0, 2.0])}, {"a": 1.0, "b": np.array([0.0, 1.0])}
    found = ad.taylor(lambda p: {"s": p["a"] * p["b"][0], "q": (p["b"] ** 2, 1.0)}, p, d, 2)
    assert found["s"].tolist() == [2.0, 1.0, 0.0] and found["q"][1].tolist() == [1.0, 0.0, 0.0]
    np.testing.assert_array_equal(found["q"][0], [[1.0, 4.0], [0.0, 4.0], [0.0, 1.0]])
    assert ad.taylor(lambda x: x[:0], np.ones(3), np.ones(3), 2).shape == (3, 0)
    assert ad.taylor(lambda x: x, np.ones((2, 0, 3)), np.ones((2, 0, 3)), 1).shape == (2, 2, 0, 3)
    assert ad.taylor(np.exp, 3, 1, np.int64(2)).shape == (3,)


def test_compiled_functions():
    def plain(x):
        total = 0.0
        for i in range(x.size):
            if x[i] > 0.5:
                total += np.sin(x[i]) * total + x[i] ** 3
        return total

    x, v = np.linspace(0.0, 1.0, 9), np.linspace(1.0, -1.0, 9)
    compiled = numba.njit(plain)
    for point in (x, 1.0 - x, x):
        np.testing.assert_allclose(ad.taylor(compiled, point, v, 6), ad.taylor(plain, point, v, 6), rtol=1e-14)


def test_another_branch_is_recorded():
    def f(t):
        return np.exp(t) if t > 0 else t**2

    for t in (1.0, -1.0, 2.0, -2.0, 3.0):
        expected = [np.exp(t)] * 3 if t > 0 else [t**2, 2 * t, 2.0]
        np.testing.assert_allclose(ad.taylor(f, t, 1.0, 2) * [1, 1, 2], expected, rtol=1e-14)


def test_long_tapes_go_by_stretches():
    def f(x):
        y = x[0]
        for _ in range(20_000):
            y = y + 0.0001 * y * x[1]
        return y

    found = ad.taylor(f, np.array([2.0, 0.5]), np.array([0.0, 1.0]), 4)
    with mp.workdps(40):
        grown = mp.taylor(lambda t: 2 * (1 + mpmath.mpf(0.0001) * (mpmath.mpf(0.5) + t)) ** 20_000, 0, 4)
    np.testing.assert_allclose(found, [float(c) for c in grown], rtol=1e-11)


@pytest.mark.parametrize("order", [0, -3, 2.5, True, "2", None])
def test_orders_below_one_are_refused(order):
    with pytest.raises(OrderError, match="at least 1"):
        ad.taylor(np.exp, 0.0, 1.0, order)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: ad.taylor(np.exp, np.ones(3), np.ones(4), 2), ShapeMismatch, r"the direction has shape \(4,\)"),
        (lambda: ad.taylor(lambda x: x["a"], {"a": 1.0}, (1.0,), 2), StructureMismatch, "direction"),
        (
            lambda: ad.taylor(np.linalg.inv, np.eye(3), np.ones((3, 3)), 2),
            UnsupportedFunction,
            "inv has no power series",
        ),
        (lambda: ad.grad(lambda x: np.sum(ad.taylor(np.exp, x, 1.0, 2)))(1.0), UnsupportedFunction, "nest ad.jvp"),
        (lambda: ad.taylor(np.exp, 1j, 1.0, 2), UnsupportedDtype, "complex"),
        (lambda: ad.taylor(3, 1.0, 1.0, 2), TypeError, "a function is needed, not int"),
    ],
)
def test_bad_input(call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_what_does_not_change_needs_no_series():
    a = np.random.default_rng(1).normal(size=(3, 3))
    found = ad.taylor(lambda p: np.linalg.inv(p[0]) @ p[1], (a, np.ones(3)), (np.zeros((3, 3)), np.ones(3)), 2)
    np.testing.assert_allclose(found[1], np.linalg.inv(a) @ np.ones(3), rtol=1e-12)
