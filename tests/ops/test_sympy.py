"""The partials and second partials of every row are the derivatives of its value, by SymPy.

What is proved. Each formula of a row is evaluated at a point on pairs of a SymPy expression and its number
at that point. A conditional takes the branch that its condition selects there; a step (sign, floor, rint, the
integer quotient in fmod) counts as the constant that it is around the point. So every formula becomes
one expression, valid in a neighbourhood of the point. Then, at all of the row's points and at random
points of its domain,

1. the value's expression is differentiated by SymPy, once and twice, and the difference to the row's
   partials and second partials simplifies to zero: equality as expressions, for all operands in that
   neighbourhood, and without exception;
2. both are evaluated with 50 digits and agree to 1e-40, which does not trust SymPy's simplification;
3. the linearity class of each operand is the one of the value's derivatives;
4. the row's second partials are the derivatives of its partials' formulas, also where a conditional
   meets equality at a smooth point (`SMOOTH_SPECIALS`). Nested transforms differentiate those formulas,
   and would take a conditional's constant branch for a constant function.

Not proved here: that the value is the function that the row's name says (`test_mpmath`), and rounding
errors (there, too).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import mpmath
import pytest
import sympy
from mpmath import mp

from fastad.formula import FUNCTIONS
from fastad.ops import BILINEAR, CONSTANT, LINEAR, OPS, PIECEWISE, STEP, Op
from tests.ops.render import ROWS, Rendering, Values, random_points, second_pairs

DIGITS, AGREEMENT = 50, mpmath.mpf("1e-40")

# Derivatives that are zero by definition, whatever the value depends on.
DEFINED_ZERO = {("power_constant", 1), ("stop_gradient", 0)}

# Smooth points at which a condition in a formula meets equality.
SMOOTH_SPECIALS: dict[str, list[tuple[float, ...]]] = {
    "logaddexp": [(1.0, 1.0), (-2.5, -2.5)],
    "logaddexp2": [(1.0, 1.0), (-2.5, -2.5)],
    "power": [(1.5, 0.0), (1.5, 1.0), (1.5, 2.0), (1.0, 0.5)],
    "power_constant": [(1.5, 0.0), (-1.5, 0.0), (1.5, 1.0), (-1.5, 1.0), (1.5, 2.0)],
    "erf": [(0.0,), (0.03125,), (-1.09375,)],
    "erfc": [(0.0,), (0.03125,), (-1.09375,)],
    "expit": [(0.0,)],
    "hypot": [(0.0, 1.0), (-1.0, 0.0)],
    "arctan2": [(0.0, 1.0), (-1.0, 0.0), (1.0, 1.0)],
}


class Near:
    """An expression together with its number at the point around which the expression is valid."""

    def __init__(self, expression: sympy.Expr, number: mpmath.mpf) -> None:
        self.expression, self.number = expression, number

    def __bool__(self) -> bool:
        raise TypeError("a formula uses a number as a truth value")

    __hash__ = None  # type: ignore[assignment]


def near(x: Any) -> Near:
    """A pair for a number as it stands in a formula; doubles are taken as the exact numbers they are."""
    return x if isinstance(x, Near) else Near(sympy.Rational(x), mpmath.mpf(x))


def constant(number: Any) -> Near:
    """An integer that does not change around the point."""
    return Near(sympy.Integer(int(number)), mpmath.mpf(int(number)))


def _operator(name: str) -> Callable[..., Any]:
    def apply(*operands: Any) -> Any:
        pairs = [near(x) for x in operands]
        expression, number = ([getattr(pair, part) for pair in pairs] for part in ("expression", "number"))
        return Near(_METHODS[name](*expression), _METHODS[name](*number))

    return apply


def _comparison(name: str) -> Callable[..., bool]:
    return lambda x, y: bool(_METHODS[name](near(x).number, near(y).number))


_METHODS: dict[str, Callable[..., Any]] = {
    "__add__": lambda x, y: x + y, "__radd__": lambda x, y: y + x,
    "__sub__": lambda x, y: x - y, "__rsub__": lambda x, y: y - x,
    "__mul__": lambda x, y: x * y, "__rmul__": lambda x, y: y * x,
    "__truediv__": lambda x, y: x / y, "__rtruediv__": lambda x, y: y / x,
    "__pow__": lambda x, y: x**y, "__rpow__": lambda x, y: y**x, "__neg__": lambda x: -x,
    "__lt__": lambda x, y: x < y, "__le__": lambda x, y: x <= y, "__gt__": lambda x, y: x > y,
    "__ge__": lambda x, y: x >= y, "__eq__": lambda x, y: x == y, "__ne__": lambda x, y: x != y,
}  # fmt: skip
for _name in _METHODS:
    _is_comparison = _name in ("__lt__", "__le__", "__gt__", "__ge__", "__eq__", "__ne__")
    setattr(Near, _name, (_comparison if _is_comparison else _operator)(_name))


# --- the functions of the formula language ------------------------------------------------------------
def _smooth(expression: Callable[..., Any], number: Callable[..., Any]) -> Callable[..., Near]:
    def apply(*operands: Any) -> Near:
        pairs = [near(x) for x in operands]
        return Near(expression(*(p.expression for p in pairs)), number(*(p.number for p in pairs)))

    return apply


def _step(number: Callable[[mpmath.mpf], Any]) -> Callable[[Any], Near]:
    return lambda x: constant(number(near(x).number))


def _sign_bit(x: Near) -> Near:
    return constant(1 if x.number >= 0 else -1)


def _trunc(x: mpmath.mpf) -> mpmath.mpf:
    return mpmath.sign(x) * mpmath.floor(abs(x))


_SAME_NAME = ("cos", "cosh", "erf", "erfc", "exp", "log", "sin", "sinh", "sqrt", "tan", "tanh", "sech")
_OTHER_NAME = {"arccos": "acos", "arccosh": "acosh", "arcsin": "asin", "arcsinh": "asinh", "arctan": "atan",
               "arctan2": "atan2", "arctanh": "atanh"}  # fmt: skip
MEANING: dict[str, Any] = {
    **{name: _smooth(getattr(sympy, name), getattr(mpmath, name)) for name in _SAME_NAME},
    **{name: _smooth(getattr(sympy, other), getattr(mpmath, other)) for name, other in _OTHER_NAME.items()},
    "cbrt": lambda x: _sign_bit(near(x)) * _smooth(sympy.cbrt, mpmath.cbrt)(_sign_bit(near(x)) * x),
    "exp2": _smooth(lambda x: 2**x, lambda x: mpmath.mpf(2) ** x),
    "expm1": _smooth(lambda x: sympy.exp(x) - 1, mpmath.expm1),
    "hypot": _smooth(lambda x, y: sympy.sqrt(x**2 + y**2), mpmath.hypot),
    "log10": _smooth(lambda x: sympy.log(x) / sympy.log(10), mpmath.log10),
    "log1p": _smooth(lambda x: sympy.log(1 + x), mpmath.log1p),
    "log2": _smooth(lambda x: sympy.log(x) / sympy.log(2), lambda x: mpmath.log(x, 2)),
    "ceil": _step(mpmath.ceil), "floor": _step(mpmath.floor), "rint": _step(mpmath.nint),
    "sign": _step(mpmath.sign), "trunc": _step(_trunc),
    "abs": lambda x: _sign_bit(near(x)) * x,
    "copysign": lambda x, y: _sign_bit(near(x)) * _sign_bit(near(y)) * x,
    "fmod": lambda x, y: x - constant(_trunc(near(x / y).number)) * y,
    "inf": Near(sympy.oo, mpmath.inf), "nan": Near(sympy.nan, mpmath.nan),
    "LN2": _smooth(sympy.log, mpmath.log)(2), "LN10": _smooth(sympy.log, mpmath.log)(10),
    "TWO_OVER_SQRT_PI": Near(2 / sympy.sqrt(sympy.pi), 2 / mpmath.sqrt(mpmath.pi)),
}  # fmt: skip
SYMBOLIC = Rendering(MEANING)


# --- one row at one point -----------------------------------------------------------------------------
def symbols(op: Op, point: tuple[float, ...]) -> list[sympy.Symbol]:
    """The operands as symbols that know their sign."""
    signs = ({"positive": x > 0, "negative": x < 0, "zero": None, "real": True} for x in point)
    facts = ({key: True for key, value in sign.items() if value} for sign in signs)
    return [sympy.Symbol(name, **fact) for name, fact in zip(op.operands, facts, strict=True)]


def local(op: Op, point: tuple[float, ...]) -> Values:
    """The row's formulas as expressions valid around the point."""
    with mp.workdps(DIGITS):
        pairs = tuple(Near(s, mpmath.mpf(x)) for s, x in zip(symbols(op, point), point, strict=True))
        value, partials, second = SYMBOLIC.row(op, pairs)
    expressions = (tuple(near(x).expression for x in xs) for xs in ((value,), partials, second))
    (value,), partials, second = expressions
    return Values(value, partials, second)


def derivatives(op: Op, point: tuple[float, ...]) -> Values:
    """The value's expression and its derivatives by SymPy."""
    value, operands = local(op, point).value, symbols(op, point)

    def slope(expression: sympy.Expr, k: int) -> sympy.Expr:
        return sympy.Integer(0) if (op.name, k) in DEFINED_ZERO else expression.diff(operands[k])

    partials = tuple(slope(value, k) for k in range(op.arity))
    return Values(value, partials, tuple(slope(partials[i], j) for i, j in second_pairs(op)))


def _in_exponentials(expression: sympy.Expr) -> sympy.Expr:
    return sympy.simplify(sympy.expand(expression.rewrite(sympy.exp)))


@cache
def vanishes(expression: sympy.Expr) -> bool:
    """Whether SymPy shows that the expression is zero."""
    attempts = (sympy.expand, sympy.radsimp, sympy.simplify, _in_exponentials)
    return any(attempt(expression) == 0 for attempt in attempts)


def assert_agree(actual: sympy.Expr, expected: sympy.Expr, op: Op, point: tuple[float, ...]) -> None:
    """Relative agreement of the numbers with 50 digits; where they are zero, exactly."""
    exact = {s: sympy.Rational(x) for s, x in zip(symbols(op, point), point, strict=True)}
    with mp.workdps(DIGITS):
        x, y = (mpmath.mpf(side.evalf(DIGITS, subs=exact, maxn=5000)) for side in (actual, expected))
        agree = abs(x - y) <= AGREEMENT * abs(y) or sympy.simplify((actual - expected).subs(exact)) == 0
    assert agree, f"{op.name}{point}: {actual} is not {expected}"


def points(op: Op) -> list[tuple[float, ...]]:
    return [*op.points, *random_points(op, 5)]


every_row = pytest.mark.parametrize("op", OPS, ids=[op.name for op in OPS])


# --- the proofs ---------------------------------------------------------------------------------------
def test_every_function_has_a_meaning() -> None:
    assert FUNCTIONS.keys() <= MEANING.keys()


@every_row
def test_formulas_equal_derivatives_as_expressions(op: Op) -> None:
    differences = set()
    for point in points(op):
        row, truth = local(op, point), derivatives(op, point)
        pairs = zip((*row.partials, *row.second), (*truth.partials, *truth.second), strict=True)
        differences |= {actual - expected for actual, expected in pairs}
    assert [difference for difference in differences if not vanishes(difference)] == []


@every_row
def test_formulas_equal_derivatives_to_40_digits(op: Op) -> None:
    for point in points(op):
        row, truth = local(op, point), derivatives(op, point)
        pairs = zip((*row.partials, *row.second), (*truth.partials, *truth.second), strict=True)
        for actual, expected in pairs:
            assert_agree(actual, expected, op, point)


@every_row
def test_linearity_of_the_value(op: Op) -> None:
    """The value's derivative is zero (STEP, CONSTANT), constant (LINEAR), free of the operand (BILINEAR)."""
    for point in points(op):
        truth, operands = derivatives(op, point), symbols(op, point)
        for partial, operand, kind in zip(truth.partials, operands, op.linearity, strict=True):
            if kind in (STEP, CONSTANT):
                assert partial == 0
            if kind == LINEAR:
                assert not partial.free_symbols
            if kind in (BILINEAR, PIECEWISE):
                assert sympy.simplify(partial.diff(operand)) == 0
            if kind == PIECEWISE:
                assert not sympy.simplify(partial).free_symbols, "a piece has a constant slope"


@every_row
def test_formulas_of_partials_have_the_second_partials_as_derivatives(op: Op) -> None:
    for point in [*points(op), *SMOOTH_SPECIALS.get(op.name, [])]:
        row, operands = local(op, point), symbols(op, point)
        for (i, j), second in zip(second_pairs(op), row.second, strict=True):
            for k, by in {(i, j), (j, i)}:
                if DEFINED_ZERO.isdisjoint({(op.name, k), (op.name, by)}):
                    assert_agree(row.partials[k].diff(operands[by]), second, op, point)


def test_smooth_specials_name_rows() -> None:
    assert SMOOTH_SPECIALS.keys() <= ROWS.keys()
