"""The vectorisable functions are within 1 ulp of the truth wherever their predicate says so.

Independent truth: mpmath with 200 bits. Every function is evaluated, in a compiled loop as the kernels have
it, on a few thousand points: magnitudes spread evenly over all exponents, both signs, the borders of its range,
the neighbourhood of 0, of 1 and of the multiples of pi / 2, subnormal numbers, and uniform ones. Proved:

- the error is at most 1 ulp (promised are 1.5), and where the truth is a double, the result is it;
- the predicate holds wherever `INSIDE` says, and nowhere for nan, infinities and outside the domain;
- zeros keep their sign;
- a changed constant shows: where the smallest coefficient of a table is off by a tenth, or the low part of a
  constant is missing, the error is above 1.5 ulp.
"""

from __future__ import annotations

import importlib.util
import math
from collections.abc import Callable
from fractions import Fraction
from types import ModuleType
from typing import Any

import mpmath
import numpy as np
import pytest
from mpmath import mp, mpf
from numba import njit

from fastad.formula import FUNCTIONS
from fastad.kernels import (
    vector_error,
    vector_exponential,
    vector_inverse,
    vector_logarithm,
    vector_math,
    vector_roots,
    vector_trigonometry,
)  # fmt: skip
from fastad.kernels.vector_math import FAST

Loop = Callable[..., tuple[np.ndarray, np.ndarray]]  # operands to values and what fits
HUGE, TINY = 1.7976931348623157e308, 2.2250738585072014e-308
TRUTH: dict[str, Callable[..., Any]] = {
    "arccos": mpmath.acos, "arccosh": mpmath.acosh, "arcsin": mpmath.asin, "arcsinh": mpmath.asinh,
    "arctan": mpmath.atan, "arctan2": mpmath.atan2, "arctanh": mpmath.atanh, "cos": mpmath.cos, "cosh": mpmath.cosh,
    "cbrt": lambda x: mpmath.sign(x) * mpmath.cbrt(abs(x)), "erf": mpmath.erf, "erfc": mpmath.erfc,
    "exp": mpmath.exp, "exp2": lambda x: mpmath.power(2, x), "expm1": mpmath.expm1, "hypot": mpmath.hypot,
    "log": mpmath.log, "log10": lambda x: mpmath.log(x) / mpmath.log(10), "log1p": mpmath.log1p,
    "log2": lambda x: mpmath.log(x) / mpmath.log(2), "power": mpmath.power, "sech": mpmath.sech,
    "sin": mpmath.sin, "sinh": mpmath.sinh, "tan": mpmath.tan, "tanh": mpmath.tanh,
}  # fmt: skip
# The interval in which the fast function must be used; two operands have rows of their own.
INSIDE: dict[str, tuple[float, float]] = {
    "arccos": (-1, 1), "arccosh": (1, 1e150), "arcsin": (-1, 1), "arcsinh": (-1e150, 1e150),
    "arctan": (-1e300, 1e300), "arctanh": (math.nextafter(-1, 0), math.nextafter(1, 0)), "cbrt": (TINY, HUGE),
    "cos": (-1e6, 1e6), "cosh": (-708, 708), "erf": (-1e300, 1e300), "erfc": (-1e300, 26.5), "exp": (-1e300, 709.78),
    "exp2": (-1e300, 1023.999), "expm1": (-1e300, 709), "log": (TINY, HUGE), "log10": (TINY, HUGE),
    "log1p": (math.nextafter(-1, 0), 1e300), "log2": (TINY, HUGE), "sech": (-708, 708), "sin": (-1e6, 1e6),
    "sinh": (-708, 708), "tan": (-1e6, 1e6), "tanh": (-1e300, 1e300),
}  # fmt: skip
PAIRS = ("arctan2", "hypot", "power")
ODD = ("arcsin", "arcsinh", "arctan", "arctanh", "cbrt", "erf", "expm1", "log1p", "sin", "sinh", "tan", "tanh")


def loop(name: str, module: ModuleType = vector_math) -> Loop:
    """The function and its predicate on arrays."""
    fast, fits = getattr(module, f"fast_{name}"), getattr(module, f"fits_{name}")

    @njit(error_model="numpy")
    def one(x, values, fitting):
        for i in range(x.size):
            values[i] = fast(x[i])
            fitting[i] = fits(x[i])

    @njit(error_model="numpy")
    def two(x, y, values, fitting):
        for i in range(x.size):
            values[i] = fast(x[i], y[i])
            fitting[i] = fits(x[i], y[i])

    def call(*operands: Any) -> tuple[np.ndarray, np.ndarray]:
        arrays = [np.atleast_1d(np.asarray(operand, dtype=float)) for operand in operands]
        values, fitting = np.empty(arrays[0].size), np.empty(arrays[0].size, dtype=bool)
        (two if len(arrays) == 2 else one)(*arrays, values, fitting)
        return values, fitting

    return call


def points(seed: int = 0) -> np.ndarray:
    """Numbers of every kind that is hard for some function."""
    random = np.random.default_rng(seed)

    def signs(count: int) -> np.ndarray:
        return random.choice([-1.0, 1.0], count)

    multiples = np.concatenate([np.arange(1.0, 100.0), np.rint(10.0 ** random.uniform(2, 5.8, 300))])
    return np.concatenate([
        2.0 ** random.uniform(-1074, 1024, 400) * signs(400),
        10.0 ** random.uniform(-10, 6, 1000) * signs(1000),
        random.uniform(-1, 1, 500), random.uniform(-7, 7, 1000), random.uniform(-760, 760, 500),
        random.uniform(-30, 30, 500),
        signs(300) * (1 + signs(300) * 2.0 ** random.uniform(-53, -1, 300)),
        signs(399) * np.array([float(mpf(n) * mp.pi / 2) for n in multiples]),
        np.outer([-1, 1], np.arange(0.25, 30, 0.25)).ravel(), np.log(2) * np.arange(-1020.5, 1024),
    ])  # fmt: skip


def spread(name: str) -> np.ndarray:
    """Points of every kind, and many between the ends of the range and at them."""
    low, high = INSIDE[name]
    ends = np.array([low, np.nextafter(low, np.inf), np.nextafter(high, -np.inf), high])
    return np.concatenate([points(), ends, [5e-324, -5e-324, TINY, -TINY, 0.0, -0.0]])


def pairs(name: str) -> tuple[np.ndarray, np.ndarray]:
    """Operands of all scales and of similar ones; for powers, exponents that keep the result in range, whole ones, halves."""
    random = np.random.default_rng(1)
    x = np.concatenate([points(2), random.uniform(-5, 5, 2000)])
    if name != "power":
        y = random.permutation(x)
        y[::2] = x[::2] * random.uniform(0.1, 1, y[::2].size)
        return x, y
    sign = random.choice([-1, 1], x.size)
    y = 10.0 ** random.uniform(-3, 2, x.size) * sign
    y[::2] = np.rint(2 * y[::2]) / 2
    x[1::2] = abs(x[1::2])
    exponent = np.frexp(abs(x) * math.sqrt(0.5))[1]
    border = slice(4, None, 9)
    x[border], y[border] = abs(x[border]), (sign * 1019 / (abs(exponent) + 0.5))[border]
    return x, y


def operands(name: str) -> tuple[np.ndarray, ...]:
    return pairs(name) if name in PAIRS else (spread(name),)


def largest_error(name: str, call: Loop) -> tuple[float, tuple[float, ...]]:
    """The largest error in ulp of the truth where the function fits, and the operands."""
    arrays = operands(name)
    values, fitting = call(*arrays)
    worst: tuple[float, tuple[float, ...]] = (0.0, ())
    assert fitting.mean() > 0.2
    with mp.workprec(200):
        for i in np.flatnonzero(fitting):
            at = tuple(float(array[i]) for array in arrays)
            truth = mpf(TRUTH[name](*map(mpf, at)))
            ulp = math.ulp(float(truth))
            error = float(abs(mpf(float(values[i])) - truth) / ulp)
            if not error <= worst[0]:
                worst = (error, at)
    return worst


def test_names():
    assert set(FAST) <= {*FUNCTIONS, "power", "sech"}
    assert set(FAST.values()) == set(TRUTH) == {*INSIDE, *PAIRS}


@pytest.mark.parametrize("name", sorted(TRUTH))
def test_error(name):
    worst, at = largest_error(name, loop(name))
    assert worst <= 1.0, (worst, at)


@pytest.mark.parametrize("name", sorted(INSIDE))
def test_range(name):
    low, high = INSIDE[name]
    call = loop(name)
    x = spread(name)
    _, fitting = call(x)
    assert fitting[(x >= low) & (x <= high)].all()
    assert not call([np.nan, np.inf, -np.inf])[1].any()
    below, above = math.nextafter(low, -math.inf), math.nextafter(high, math.inf)
    assert not call([below, above, -abs(below) if name != "cbrt" else -below])[1].any()


@pytest.mark.parametrize("name", PAIRS)
def test_range_of_pairs(name):
    call = loop(name)
    for odd in (np.nan, np.inf, -np.inf):
        for usual in (1.5, 0.0, -2.0, odd):
            assert not call(odd, usual)[1] and not call(usual, odd)[1]
    x, y = np.meshgrid([1.0, 1e-3, 1e100, 0.7], [1e-3, 2.0, -3.0, 1.0])
    assert call(x.ravel(), y.ravel())[1].all()
    outside = {
        "arctan2": ([0.0, -0.0, 1e200, 1e-200, 1.0], [0.0, 0.0, 1.0, 1.0, 1e-160]),
        "hypot": ([1e200, 1e-200, 5e-324], [1.0, 1e-200, 0.0]),
        "power": ([0.0, -1.0, -2.0, 2.0, 2.0, 1e-310], [-1.0, 0.5, 2.5, 1024.0, -1024.0, 2.0]),
    }[name]
    assert not call(*outside)[1].any()


@pytest.mark.parametrize("name", ODD)
def test_signed_zeros(name):
    values, fitting = loop(name)([0.0, -0.0, 5e-324, -5e-324, TINY, -TINY])
    assert fitting[:2].all()
    assert list(values[:2]) == [0.0, 0.0] and list(np.signbit(values)) == [False, True] * 3


def test_zeros_of_pairs():
    angle, fitting = loop("arctan2")([0.0, -0.0, 0.0, -0.0, 2.0, -2.0], [1.0, 1.0, -1.0, -1.0, -0.0, 0.0])
    assert fitting.all() and list(np.signbit(angle)) == [False, True] * 3
    assert list(abs(angle)) == [0.0, 0.0, math.pi, math.pi, math.pi / 2, math.pi / 2]
    power, fitting = loop("power")([0.0, -0.0, -0.0, -0.0, 0.0, -0.0, -3.0], [2.0, 3.0, 2.0, 0.5, 0.0, 0.0, 0.0])
    assert fitting.all() and list(power) == [0, 0, 0, 0, 1, 1, 1]
    assert list(np.signbit(power)) == [False, True, *[False] * 5]


CONSTANTS = (
    (vector_exponential, "EXP", "exp"), (vector_exponential, "EXP", "expm1"), (vector_exponential, "EXP2", "exp2"),
    (vector_exponential, "COSH", "cosh"), (vector_exponential, "SINH", "sinh"), (vector_exponential, "LN2_LOW", "exp"),
    (vector_logarithm, "LOG", "log"), (vector_logarithm, "LOG", "log2"), (vector_logarithm, "TAIL", "power"),
    (vector_logarithm, "LN2_REST", "log"), (vector_logarithm, "LOG10_2_REST", "log10"),
    (vector_logarithm, "TWO_THIRDS_LOW", "power"), (vector_trigonometry, "SIN", "sin"),
    (vector_trigonometry, "COS", "cos"), (vector_trigonometry, "COS", "tan"), (vector_trigonometry, "PIO2_3", "sin"),
    (vector_inverse, "ARCTAN", "arctan"), (vector_inverse, "ARCSIN", "arcsin"), (vector_error, "ERF", "erf"),
    (vector_error, "SCALED", "erfc"), (vector_roots, "INVERSE_ROOT", "cbrt"),
)  # fmt: skip


@pytest.mark.parametrize("module, constant, name", CONSTANTS, ids=lambda value: getattr(value, "__name__", value))
def test_changed_constant_shows(module, constant, name):
    spec = importlib.util.spec_from_file_location("changed", module.__file__)
    changed = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(changed)
    value = getattr(module, constant)
    setattr(changed, constant, (1.1 * value[0], *value[1:]) if isinstance(value, tuple) else 0.0)
    assert largest_error(name, loop(name, changed))[0] > 1.5


def test_exact_results():
    """Where the truth is a double, so is the result: the error before the last rounding is below 1/2 ulp."""
    whole = np.arange(-1022.0, 1024.0)
    assert (loop("exp2")(whole)[0] == [math.ldexp(1.0, int(n)) for n in whole]).all()
    assert (loop("log2")([math.ldexp(1.0, int(n)) for n in whole])[0] == whole).all()
    assert (loop("log10")([float(10**n) for n in range(23)])[0] == range(23)).all()
    assert (loop("cbrt")([float(n**3) for n in range(-200, 200)])[0] == range(-200, 200)).all()
    base, exponent = map(np.ravel, np.meshgrid(np.arange(-30.0, 31.0), np.arange(0.0, 11.0)))
    truth = [Fraction(a) ** int(b) for a, b in zip(base.tolist(), exponent.tolist(), strict=True)]
    assert (loop("power")(base, exponent)[0] == [float(value) for value in truth]).all()
    assert (loop("hypot")([3.0, -5.0, 8.0, 0.0], [4.0, 12.0, 15.0, 0.0])[0] == [5, 13, 17, 0]).all()
    for name in ("exp", "cos", "cosh", "sech"):
        assert loop(name)(0.0)[0] == 1.0
    assert loop("arccos")(1.0)[0] == 0.0 and loop("log")(1.0)[0] == 0.0 and loop("arccosh")(1.0)[0] == 0.0
