"""The rows are the functions that their names say, and their derivatives are accurate in float64.

Independent truth: `SMOOTH` holds each function as a SymPy expression written down from its name, `PIECES`
each piecewise one with its slopes, computed exactly. Derivatives are SymPy's, evaluated by mpmath with as
many digits as it takes until 25 of them stand still. Formulas are evaluated on NumPy scalars, as the
reference interpreter does. Proved on a grid of operands from 1e-300 to 1e300 (`operands`), both signs,
near the ends of the domain, and with mixed scales for two operands:

- the value is within 2 ulp of NumPy's own function, or within 4 ulp of the truth;
- a partial whose true value is a normal number is within 8 ulp of it, and one that is beyond the largest
  or below the smallest normal number is so, too, and not nan (points where the value itself overflows
  or loses digits as a subnormal number are left out);
- second partials are within 64 ulp at the row's points and at random points of the domain;
- outside the domain, derivatives are nan where the value is; at infinity they are not nan.
"""

from __future__ import annotations

import itertools
import math
import random
import sys
from collections.abc import Callable
from fractions import Fraction
from functools import cache
from typing import Any

import mpmath
import numpy as np
import pytest
import scipy.special
import sympy
from mpmath import mp

from fastad.formula import numpy_functions
from fastad.ops import CONSTANT, NONLINEAR, OPS, STEP, Op
from tests.ops.render import ROWS, Rendering, Values, random_points, second_pairs

TINY, HUGE = sys.float_info.min, sys.float_info.max
FLOAT = Rendering(numpy_functions())
a, b = sympy.symbols("a b")

SMOOTH: dict[str, sympy.Expr] = {
    "add": a + b, "subtract": a - b, "multiply": a * b, "divide": a / b, "negative": -a, "copy": a,
    "absolute_zero_multiply": a * b, "square": a**2, "reciprocal": 1 / a, "sqrt": sympy.sqrt(a),
    "cbrt": a / sympy.cbrt(a**2), "power": a**b, "power_constant": a**b, "exp": sympy.exp(a), "exp2": 2**a,
    "expm1": sympy.exp(a) - 1, "log": sympy.log(a), "log2": sympy.log(a, 2), "log10": sympy.log(a, 10),
    "log1p": sympy.log(1 + a), "logaddexp": sympy.log(sympy.exp(a) + sympy.exp(b)),
    "logaddexp2": sympy.log(2**a + 2**b, 2), "sin": sympy.sin(a), "cos": sympy.cos(a), "tan": sympy.tan(a),
    "arcsin": sympy.asin(a), "arccos": sympy.acos(a), "arctan": sympy.atan(a), "arctan2": sympy.atan2(a, b),
    "sinh": sympy.sinh(a), "cosh": sympy.cosh(a), "tanh": sympy.tanh(a), "arcsinh": sympy.asinh(a),
    "arccosh": sympy.acosh(a), "arctanh": sympy.atanh(a), "hypot": sympy.sqrt(a**2 + b**2),
    "erf": sympy.erf(a), "erfc": sympy.erfc(a), "expit": 1 / (1 + sympy.exp(-a)),
}  # fmt: skip


def _quotient(rounding: Callable[[Fraction], int]) -> Callable[[float, float], tuple[Any, tuple[Any, Any]]]:
    """a - n b and its slopes, where n is the exact quotient, rounded."""

    def pieces(x: float, y: float) -> tuple[Any, tuple[Any, Any]]:
        n = rounding(Fraction(x) / Fraction(y))
        return _fraction(Fraction(x) - n * Fraction(y)), (1, -n)

    return pieces


def _fraction(x: Fraction) -> mpmath.mpf:
    return mpmath.mpf(x.numerator) / x.denominator


# name -> value and slopes, away from kinks
PIECES: dict[str, Callable[..., tuple[Any, tuple[Any, ...]]]] = {
    "absolute": lambda x: (abs(x), (1 if x > 0 else -1,)),
    "maximum": lambda x, y: (max(x, y), (x > y, y > x)), "minimum": lambda x, y: (min(x, y), (x < y, y < x)),
    "fmax": lambda x, y: (max(x, y), (x > y, y > x)), "fmin": lambda x, y: (min(x, y), (x < y, y < x)),
    "where": lambda x, y, z: (y if x else z, (0, bool(x), not x)),
    "copysign": lambda x, y: (math.copysign(x, y), (1 if (x > 0) == (y > 0) else -1, 0)),
    "heaviside": lambda x, y: (float(x > 0), (0, 0)),
    "remainder": _quotient(math.floor), "fmod": _quotient(math.trunc),
}  # fmt: skip


# --- operands ---------------------------------------------------------------------------------------
_EXPONENTS = (-300, -200, -150, -100, -50, -20, -16, -12, -8, -5, -3, -2, -1)
_SMALL = tuple(m * 10.0**e for e in _EXPONENTS for m in (1.0, 3.7))
_MIDDLE = (0.1875, 0.3, 0.5, 0.7, 0.99, 1.0, 1.3, 1.7, 2.0, 2.5, 3.2, 5.0, 7.1, 10.0, 17.3, 20.3, 26.0)
_LARGE = (26.6, 33.3, 50.0, 98.7, 200.3, 300.1, 354.0, 371.9, 500.5, 700.7, 708.0, 720.0, 745.0, 800.0)
_HUGE = tuple(m * 10.0**e for e in (3, 5, 8, 16, 50, 100, 153, 155, 200, 300) for m in (1.0, 7.3))
_NEAR_ONE = tuple(1 - d for d in (1e-16, 1e-15, 1e-12, 1e-8, 1e-4, 1e-2))
_BEYOND_ONE = tuple(1 + d for d in (2.3e-16, 1e-15, 1e-12, 1e-8, 1e-4, 1e-2))
_POSITIVE = (*_SMALL, *_MIDDLE, *_LARGE, *_HUGE, *_NEAR_ONE, *_BEYOND_ONE)
_INSIDE_ONE = tuple(x for x in _POSITIVE if x < 1)


def _both(xs: tuple[float, ...]) -> tuple[float, ...]:
    return (*xs, *(-x for x in xs))


_UNARY: dict[str, tuple[float, ...]] = {
    **dict.fromkeys(("sqrt", "log", "log2", "log10"), _POSITIVE),
    **dict.fromkeys(("arcsin", "arccos", "arctanh"), _both(_INSIDE_ONE)),
    "log1p": (*_POSITIVE, *(-x for x in _INSIDE_ONE)),
    "arccosh": tuple(x for x in _POSITIVE if x > 1),
    "erf": (*_both(_POSITIVE), *_both(tuple(np.linspace(0.01, 26.6, 60)))),
    "erfc": (*_both(_POSITIVE), *_both(tuple(np.linspace(0.01, 26.6, 60)))),
    "tan": (*_both(_POSITIVE), 1.5707963267948966, 1.5707963, 4.71238898038469),
}


def _mixed_scales(draw: random.Random, count: int) -> list[tuple[float, float]]:
    """Magnitudes from 1e-200 to 1e200, half of them within a factor of 1000 of each other."""
    pairs = []
    for n in range(count):
        x = draw.uniform(-200, 200)
        y = x + draw.uniform(-3, 3) if n % 2 else draw.uniform(-200, 200)
        pairs.append((draw.choice((1, -1)) * 10**x, draw.choice((1, -1)) * 10**y))
    return pairs


def _near_and_far(draw: random.Random, count: int) -> list[tuple[float, float]]:
    """Operands of all sizes up to 1e5 that differ by up to 700."""
    bases = (0.1, -0.3, 12.7, -340.9, 1e5, -1e5, 1e-200)
    gaps = (0.0, 1e-9, 0.5, 3.3, 40.1, 350.2, 700.3)
    pairs = [(x, x + sign * gap) for x in bases for gap in gaps for sign in (1, -1)]
    return pairs + [(draw.uniform(-350, 350), draw.uniform(-350, 350)) for _ in range(count)]


def _powers(draw: random.Random, count: int) -> list[tuple[float, float]]:
    """Bases of all sizes with exponents such that the power stays in range, or its derivative does."""
    exponents = (0.0, 1.0, 2.0, 0.5, -1.0, 1.7, 1.53, -0.37, 1e-20)
    pairs = [(10.0**e, y) for e in (-200, -3, 5, 200) for y in exponents]
    for _ in range(count):
        x = draw.choice((draw.uniform(-300, 300), draw.uniform(-2, 2), draw.uniform(-0.01, 0.01)))
        pairs.append((10**x, draw.uniform(-300, 300) / (abs(x) + 1e-2)))
    return pairs


def _quotients(draw: random.Random, count: int) -> list[tuple[float, float]]:
    """Moderate and large quotients, near-integer ones among them."""
    pairs = [(1.0, 0.1), (-1.0, 0.1), (1.0, -0.1), (0.3, 0.1), (6.0, 2.0), (1e-300, -1e-5), (1e300, 7e280)]
    for _ in range(count):
        y = draw.choice((1, -1)) * 10 ** draw.uniform(-100, 100)
        pairs.append((draw.choice((1, -1)) * abs(y) * 10 ** draw.uniform(-3, 14), y))
    return pairs


_BINARY: dict[str, Callable[[random.Random, int], list[tuple[float, float]]]] = {
    "logaddexp": _near_and_far, "logaddexp2": _near_and_far, "power": _powers, "power_constant": _powers,
    "remainder": _quotients, "fmod": _quotients, "floor_divide": _quotients,
}  # fmt: skip


def operands(op: Op) -> list[tuple[float, ...]]:
    """The grid on which values and partials of a row are checked."""
    if op.arity == 1:
        return [*op.points, *((x,) for x in _UNARY.get(op.name, _both(_POSITIVE)))]
    if op.arity == 3:
        return [*op.points, *itertools.product((0.0, -2.5), (1e-200, 3.0), (-1e200, 0.5))]
    grid = _BINARY.get(op.name, _mixed_scales)(random.Random(op.code), 60)
    if op.name == "power_constant":
        grid += [(-x, n) for x, _ in grid[:9] for n in (-3.0, 2.0, 5.0)]
    return [*op.points, *grid]


# --- truth --------------------------------------------------------------------------------------------
@cache
def derivative(name: str, by: tuple[int, ...]) -> Callable[..., mpmath.mpf]:
    """A derivative of a function in `SMOOTH` by the operands with these numbers, for mpmath."""
    expression = SMOOTH[name]
    for k in by:
        expression = expression.diff((a, b)[k])
    return sympy.lambdify((a, b)[: ROWS[name].arity], expression, "mpmath")


def exactly(function: Callable[..., Any], point: tuple[float, ...]) -> mpmath.mpf:
    """The function at the point with at least 25 digits.

    The digits are doubled until two results agree. They begin with so many that 1 + x is not 1, and
    a zero is believed at the highest number of digits only.
    """
    sizes = [abs(math.log10(abs(x))) for x in point if x]
    digits, before = 60 + int(2.2 * max(sizes, default=0)), mpmath.mpf(0)
    while digits < 3000:
        with mp.workdps(digits):
            result = mpmath.mpf(mpmath.re(function(*map(mpmath.mpf, point))))
        if result and abs(result - before) <= abs(result) * mpmath.mpf("1e-25"):
            return result
        digits, before = 2 * digits, result
    assert before == 0, "no digits stand still"
    return before


def true_value(op: Op, point: tuple[float, ...]) -> mpmath.mpf:
    if op.name in PIECES:
        return mpmath.mpf(PIECES[op.name](*point)[0])
    return exactly(derivative(op.name, ()), point)


def true_partial(op: Op, k: int, point: tuple[float, ...]) -> mpmath.mpf:
    if op.linearity[k] in (STEP, CONSTANT):
        return mpmath.mpf(0)
    if op.name in PIECES:
        with mp.workdps(400):
            return mpmath.mpf(PIECES[op.name](*point)[1][k])
    return exactly(derivative(op.name, (k,)), point)


# --- the rows in floating point -----------------------------------------------------------------------
def row(op: Op, point: tuple[float, ...]) -> Values:
    with np.errstate(all="ignore"):
        return FLOAT.row(op, tuple(map(np.float64, point)))


def ulps(actual: float, truth: mpmath.mpf) -> float:
    """The error of a float in units of the last place of the truth, which is a normal number or zero."""
    if not math.isfinite(actual):
        return math.inf
    with mp.workdps(60):
        return float(abs(mpmath.mpf(float(actual)) - truth) / math.ulp(float(truth)))


def error(actual: float, truth: mpmath.mpf) -> float:
    """Error in ulp; where the truth leaves the normal numbers, zero if the float does so on the same side."""
    if abs(truth) > HUGE:
        return 0.0 if abs(actual) > 0.999 * HUGE and (actual > 0) == (truth > 0) else math.inf
    if 0 < abs(truth) < TINY:
        return 0.0 if abs(actual) < 1.001 * TINY else math.inf
    return ulps(actual, truth)


def has_normal_value(value: float) -> bool:
    """Whether the value did not overflow, nor lose digits as a subnormal number."""
    return math.isfinite(value) and (value == 0 or abs(value) >= TINY)


def assert_accurate(op: Op, errors: dict[Any, float], limit: float) -> None:
    bad = {key: size for key, size in errors.items() if not size <= limit}
    worst = sorted(bad.items(), key=lambda item: -item[1])[:5]
    assert not bad, f"{op.name}: {len(bad)} of {len(errors)} beyond {limit} ulp; the worst are {worst}"


def numpy_value(op: Op, point: tuple[float, ...]) -> float:
    name = op.ufuncs[0]
    home, leaf = (scipy.special, name.removeprefix("scipy.special.")) if "." in name else (np, name)
    with np.errstate(all="ignore"):
        return float(getattr(home, leaf)(*map(np.float64, point)))


def _rows(wanted: Callable[[Op], bool]) -> Any:
    chosen = [op for op in OPS if wanted(op)]
    return pytest.mark.parametrize("op", chosen, ids=[op.name for op in chosen])


def _is_differentiable(op: Op) -> bool:
    return any(kind not in (STEP, CONSTANT) for kind in op.linearity)


# --- the proofs ---------------------------------------------------------------------------------------
def test_every_row_has_an_independent_truth() -> None:
    known = SMOOTH.keys() | PIECES.keys()
    unknown = {op.name for op in OPS if op.name not in known and _is_differentiable(op)}
    assert not unknown, "write these functions down in SMOOTH or PIECES"
    assert known <= ROWS.keys()


@_rows(lambda op: not op.ufuncs or _is_differentiable(op))
def test_value(op: Op) -> None:
    """Within 2 ulp of NumPy's function or 4 ulp of the truth."""
    if op.name == "stop_gradient":
        assert all(row(op, point).value == point[0] for point in operands(op))
        return
    errors = {}
    for point in operands(op):
        value = float(row(op, point).value)
        own = numpy_value(op, point) if op.ufuncs else math.nan
        if not (value == own or abs(value - own) <= 2 * math.ulp(own)):
            errors[point] = error(value, true_value(op, point))
    assert_accurate(op, errors, 4)


@_rows(lambda op: bool(op.ufuncs) and not _is_differentiable(op))
def test_step_has_the_value_of_numpy(op: Op) -> None:
    specials = (0.0, -0.0, 0.5, -0.5, 1.5, 2.0, -2.0, math.inf, -math.inf, math.nan)
    special_points = itertools.product(specials, repeat=op.arity)
    for point in [*operands(op), *special_points]:
        np.testing.assert_array_equal(float(row(op, point).value), numpy_value(op, point), err_msg=str(point))


@_rows(_is_differentiable)
def test_partials(op: Op) -> None:
    """Within 8 ulp wherever the derivative is a normal number."""
    errors = {}
    for point in operands(op):
        values = row(op, point)
        if has_normal_value(float(values.value)):
            for k, partial in enumerate(values.partials):
                errors[k, point] = error(float(partial), true_partial(op, k, point))
    assert_accurate(op, errors, 8)


@_rows(lambda op: op.name in SMOOTH)
def test_second_partials(op: Op) -> None:
    """Within 64 ulp at the row's points and at random points of the domain."""
    errors = {}
    for point in [*op.points, *random_points(op, 20)]:
        for (i, j), second in zip(second_pairs(op), row(op, point).second, strict=True):
            if op.linearity[j] != CONSTANT:
                errors[i, j, point] = error(float(second), exactly(derivative(op.name, (i, j)), point))
    assert_accurate(op, errors, 64)


_BOUNDED = ("log", "log2", "log10", "log1p", "sqrt", "arccosh", "arctanh", "arcsin", "arccos")
_OUTSIDE = (-math.inf, -1e300, -2.0, -1.5, -1.0000000000000002, -0.5, -5e-324, 0.5, 0.9999999999999999,
            1.0000000000000002, 2.0, 1e300, math.inf, math.nan)  # fmt: skip


@pytest.mark.parametrize("name", _BOUNDED)
def test_derivatives_are_nan_where_the_value_is(name: str) -> None:
    rows = [row(ROWS[name], (x,)) for x in _OUTSIDE]
    outside = [values for values in rows if math.isnan(values.value)]
    assert len(outside) > 1, "nothing but nan is outside of the domain"
    for values in outside:
        assert math.isnan(values.partials[0])
        assert math.isnan(values.second[0])


@_rows(lambda op: op.arity == 1 and op.linearity == (NONLINEAR,))
def test_derivatives_at_infinity_are_not_nan(op: Op) -> None:
    for values in (row(op, (x,)) for x in (math.inf, -math.inf)):
        if not math.isnan(values.value):
            assert not math.isnan(values.partials[0])
            assert not math.isnan(values.second[0])


def test_partials_of_powers_where_the_power_underflows() -> None:
    """The derivative of a**b by a may be a normal number where a**b is not."""
    points = ((1e-200, 1.7), (1e-160, 2.0), (-1e-160, 2.0))
    for name, point in itertools.product(("power", "power_constant"), points):
        partial = row(ROWS[name], point).partials[0]
        assert ulps(float(partial), exactly(derivative(name, (0,)), point)) <= 8
