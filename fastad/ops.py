r"""The table of operations: one row an operation, and everything else loops over it.

Theory of operation. A row holds the value, the first and the second partials of one elemental as
formulas over the operands `a`, `b`, `c` and the result `v` (the language is `fastad.formula`), with the
domain, the convention at kinks and edges, and points to test it at. The recorder's overloads, the
generated kernels, the reference interpreter, the trace tables and the tests are all made from the
rows; `python -m fastad._codegen` rewrites the kernels after a change here.

Opcodes are explicit and never reused: saved tapes hold them. Opcodes below 128 are elementals (this
table); from 128 on they are whole-array instructions (`ARRAY_OPS`), whose derivative rules are linear
algebra and live in the sweeps.

Partials are written so that they lose no digits where the derivative is a normal number: tanh' is
1/cosh^2 rather than 1 - tanh^2, hypot' divides by the scaled result, and so on. Outside the domain a
partial is nan, never the finite number that the formula would give.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

INF, NAN = float("inf"), float("nan")
OPERANDS = ("a", "b", "c")

# How the result depends on an operand: not at all for derivatives (CONSTANT), by a factor that depends
# on nothing (LINEAR) or on the other operand alone (BILINEAR), by pieces that are linear (PIECEWISE)
# or constant (STEP), or in general (NONLINEAR).
CONSTANT, LINEAR, BILINEAR, PIECEWISE, STEP, NONLINEAR = (
    "constant", "linear", "bilinear", "piecewise", "step", "nonlinear",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Op:
    """One elemental operation.

    `second` lists the second partials aa (one operand), aa ab bb (two), or is all zero (three).
    `setup` names shared sub-expressions. `points` are tuples of operands inside the domain, away from
    kinks; `edges` are pairs (operands, partials) that pin the written convention. `ufuncs` are the
    names of the NumPy (or `scipy.special.`) functions that the row stands for. `slopes` are opcodes: the
    partials as elementals of their own, where a formula taken apart would lose digits or a convention.
    """

    code: int
    name: str
    ufuncs: tuple[str, ...]
    primal: str
    partials: tuple[str, ...]
    second: tuple[str, ...]
    linearity: tuple[str, ...]
    points: tuple[tuple[float, ...], ...]
    symbol: str | None = None
    latex: str = ""
    domain: str = ""
    edge: str = ""
    edges: tuple[tuple[tuple[float, ...], tuple[float, ...]], ...] = ()
    setup: tuple[tuple[str, str], ...] = ()
    boolean: bool = False
    commutative: bool = False
    slopes: tuple[int, ...] = ()

    @property
    def arity(self) -> int:
        return len(self.partials)

    @property
    def operands(self) -> tuple[str, ...]:
        return OPERANDS[: self.arity]

    def synopsis(self, *operands: str) -> str:
        """The instruction for people: `r0 * r1`, `sin(r2)`."""
        if self.symbol and self.arity == 2:
            return f"{operands[0]} {self.symbol} {operands[1]}"
        if self.symbol:
            return f"{self.symbol}{operands[0]}"
        return f"{self.name}({', '.join(operands[: self.arity])})"


def _unary(code, name, primal, partial, second, points, *, linearity=NONLINEAR, ufuncs=None, **rest) -> Op:
    operands = tuple((float(point),) for point in points)
    names = (name,) if ufuncs is None else ufuncs
    return Op(code, name, names, primal, (partial,), (second,), (linearity,), operands, **rest)


def _binary(code, name, primal, partials, second, points, *, linearity=NONLINEAR, ufuncs=None, **rest) -> Op:
    kinds = (linearity, linearity) if isinstance(linearity, str) else linearity
    names = (name,) if ufuncs is None else ufuncs
    return Op(code, name, names, primal, partials, second, kinds, tuple(points), **rest)


def _step(code, name, primal, points, **rest) -> Op:
    return _unary(code, name, primal, "0", "0", points, linearity=STEP, **rest)


def _truth(code, name, primal, symbol=None, arity=2, **rest) -> Op:
    """A comparison or a logical operation: 1 or 0, with zero derivative."""
    points = ((1.5, 0.5), (-2.0, 3.0), (0.0, 4.0)) if arity == 2 else ((1.5,), (-2.0,), (0.0,))
    zeros = ("0",) * (3 if arity == 2 else 1)
    return Op(
        code, name, (name,), f"1 if {primal} else 0", ("0",) * arity, zeros, (STEP,) * arity, points,
        symbol=symbol, boolean=True, edge="zero derivative everywhere", **rest,
    )  # fmt: skip


_PAIRS = ((1.5, 0.5), (-0.7, 2.25), (3.0, -1.25))
_POSITIVE_PAIRS = ((1.5, 0.5), (0.3, 2.25), (7.0, -1.25), (1e-8, 3.0))
_LINE = (-2.5, -0.3, 0.4, 1.7)
_WIDE = (-30.0, -2.5, -0.3, 1e-9, 0.4, 1.7, 30.0)
_ZERO_ORDER = ("0", "0", "0")
# a**(b - 1) and a**(b - 2). Dividing the result loses no digits, while rounding b - 1 before raising to it
# loses log10 |log a| of them; where the result left the range of normal numbers, b - 1 is exact or nearly so.
_LOWER_POWERS = (
    ("p", "v / a if abs(v) > 2.3e-308 and abs(v) < inf else a ** (b - 1)"),
    ("q", "p / a if abs(p) > 2.3e-308 and abs(p) < inf else a ** (b - 2)"),
)
# d + e = b - a without rounding: an exponential would magnify the rounding of d alone.
_DIFFERENCE = (("d", "b - a"), ("e", "(b - (d - (d - b))) - (a + (d - b)) if abs(d) < inf else 0"))

OPS: tuple[Op, ...] = (
    # --- arithmetic ------------------------------------------------------------------------------
    _binary(0, "add", "a + b", ("1", "1"), _ZERO_ORDER, _PAIRS, linearity=LINEAR, symbol="+", latex="a + b", commutative=True),
    _binary(1, "subtract", "a - b", ("1", "-1"), _ZERO_ORDER, _PAIRS, linearity=LINEAR, symbol="-", latex="a - b"),
    _binary(2, "multiply", "a * b", ("b", "a"), ("0", "1", "0"), _PAIRS, linearity=BILINEAR, symbol="*", latex=r"a\,b", commutative=True),
    _binary(3, "divide", "a / b", ("1 / b", "-v / b"), ("0", "-1 / b / b", "2 * v / b / b"), _PAIRS,
            linearity=(BILINEAR, NONLINEAR), symbol="/", latex=r"a / b", domain="b != 0",
            edge="IEEE quotient at b = 0", edges=(((1.0, 0.0), (INF, -INF)),)),
    _unary(4, "negative", "-a", "-1", "0", _LINE, linearity=LINEAR, symbol="-", latex="-a"),
    _unary(5, "copy", "a", "1", "0", _LINE, linearity=LINEAR, ufuncs=("positive",), latex="a"),
    _binary(6, "absolute_zero_multiply", "0 if a == 0 or b == 0 else a * b", ("b", "a"), ("0", "1", "0"), _PAIRS,
            linearity=BILINEAR, ufuncs=(), latex=r"a \odot b", commutative=True,
            edge="a factor that is exactly 0 makes the product exactly 0, whatever the other factor",
            edges=(((0.0, 2.0), (2.0, 0.0)),)),
    _unary(7, "absolute", "abs(a)", "sign(a)", "0", _LINE, linearity=PIECEWISE, ufuncs=("absolute", "fabs"), latex="|a|",
           edge="abs'(0) = 0", edges=(((0.0,), (0.0,)), ((-0.0,), (0.0,)), ((NAN,), (NAN,)))),
    _unary(8, "square", "a * a", "2 * a", "2", _WIDE, latex="a^2"),
    _unary(9, "reciprocal", "1 / a", "-v * v", "2 * v * v * v", (-2.5, -0.3, 0.4, 1.7), latex="1 / a", domain="a != 0",
           edge="IEEE quotient at a = 0", edges=(((0.0,), (-INF,)),)),
    _unary(10, "sqrt", "sqrt(a)", "0.5 / abs(v)", "-0.25 / abs(v) / abs(a)", (0.01, 0.4, 1.7, 30.0), latex=r"\sqrt{a}", domain="a >= 0",
           edge="sqrt'(0) = inf (an adjoint of exactly 0 still gives 0); nan below 0",
           edges=(((0.0,), (INF,)), ((-1.0,), (NAN,))), slopes=(105,)),
    _unary(11, "cbrt", "cbrt(a)", "1 / (3 * v * v)", "-2 / (9 * v * v) / a", (-2.5, -0.3, 0.4, 1.7), latex=r"\sqrt[3]{a}",
           edge="cbrt'(0) = inf", edges=(((0.0,), (INF,)),), slopes=(106,)),
    # --- powers ----------------------------------------------------------------------------------
    _binary(12, "power", "a ** b",
            ("b * p if b != 0 or abs(p) < inf else 0", "0 if a == 0 and b >= 0 else v * log(a)"),
            ("b * (b - 1) * q if (b != 0 and b != 1) or abs(q) < inf else 0",
             "0 if a == 0 and b > 1 else p * (1 + b * log(a))",
             "0 if a == 0 and b >= 0 else v * log(a) * log(a)"),
            _POSITIVE_PAIRS, symbol="**", latex="a^b", domain="a > 0", setup=_LOWER_POWERS,
            edge="a**0 has derivative 0 in a; 0**b with b >= 0 has derivative 0 in b; nan in b for a < 0",
            edges=(((0.0, 0.0), (0.0, 0.0)), ((3.0, 0.0), (0.0, 1.0986122886681098)), ((0.0, 2.0), (0.0, 0.0)),
                   ((-2.0, 3.0), (12.0, NAN))), slopes=(80, 81)),
    _binary(13, "power_constant", "a ** b", ("b * p if b != 0 or abs(p) < inf else 0", "0"),
            ("b * (b - 1) * q if (b != 0 and b != 1) or abs(q) < inf else 0", "0", "0"),
            (*_POSITIVE_PAIRS, (-1.5, 3.0), (-1.5, -2.0)), linearity=(NONLINEAR, CONSTANT), ufuncs=(), latex=r"a^{\mathrm{const}}",
            symbol="**", domain="a > 0 or b an integer", setup=_LOWER_POWERS, edge="a**0 has derivative 0",
            edges=(((0.0, 0.0), (0.0, 0.0)), ((0.0, 1.0), (1.0, 0.0)), ((0.0, 2.0), (0.0, 0.0)), ((0.0, 0.5), (INF, 0.0)),
                   ((-2.0, 3.0), (12.0, 0.0)), ((-2.0, 0.5), (NAN, 0.0))), slopes=(82,)),
    # --- exponentials and logarithms -------------------------------------------------------------
    _unary(14, "exp", "exp(a)", "v", "v", _WIDE, latex="e^a"),
    _unary(15, "exp2", "exp2(a)", "LN2 * v", "LN2 * LN2 * v", _WIDE, latex="2^a"),
    _unary(16, "expm1", "expm1(a)", "exp(a)", "exp(a)", _WIDE, latex="e^a - 1"),
    _unary(17, "log", "log(a)", "1 / a if a >= 0 else nan", "-1 / a / a if a >= 0 else nan", (1e-9, 0.4, 1.7, 1e9),
           latex=r"\log a", domain="a > 0", edge="nan below 0", edges=(((-2.0,), (NAN,)), ((0.0,), (INF,))), slopes=(83,)),
    _unary(18, "log2", "log2(a)", "1 / LN2 / a if a >= 0 else nan", "-1 / LN2 / a / a if a >= 0 else nan", (1e-9, 0.4, 1.7, 1e9),
           latex=r"\log_2 a", domain="a > 0", edge="nan below 0", edges=(((-2.0,), (NAN,)),), slopes=(84,)),
    _unary(19, "log10", "log10(a)", "1 / LN10 / a if a >= 0 else nan", "-1 / LN10 / a / a if a >= 0 else nan",
           (1e-9, 0.4, 1.7, 1e9), latex=r"\log_{10} a", domain="a > 0", edge="nan below 0", edges=(((-2.0,), (NAN,)),), slopes=(85,)),
    _unary(20, "log1p", "log1p(a)", "1 / (1 + a) if a >= -1 else nan", "-1 / (1 + a) / (1 + a) if a >= -1 else nan",
           (-0.9, -1e-9, 0.4, 1e9), latex=r"\log(1 + a)", domain="a > -1", edge="nan below -1", edges=(((-2.0,), (NAN,)),), slopes=(86,)),
    _binary(21, "logaddexp", "a + LN2 if a == b else (a if a > b else b) + log1p(exp(-abs(a - b)))", ("p", "q"),
            ("p * q", "-p * q", "p * q"), (*_PAIRS, (30.0, -30.0), (-40.0, 2.0), (1e5, 99999.0)),
            setup=(*_DIFFERENCE, ("p", "0.5 if a == b and abs(a) == inf else 1 / (1 + exp(d) * (1 + e))"),
                   ("q", "0.5 if a == b and abs(a) == inf else 1 / (1 + exp(-d) * (1 - e))")),
            latex=r"\log(e^a + e^b)", commutative=True, edge="equal infinities count as a tie", slopes=(87, 88)),
    _binary(22, "logaddexp2", "a + 1 if a == b else (a if a > b else b) + log1p(exp2(-abs(a - b))) / LN2", ("p", "q"),
            ("LN2 * (p * q)", "-LN2 * (p * q)", "LN2 * (p * q)"), (*_PAIRS, (30.0, -30.0)),
            setup=(*_DIFFERENCE, ("p", "0.5 if a == b and abs(a) == inf else 1 / (1 + exp2(d) * (1 + LN2 * e))"),
                   ("q", "0.5 if a == b and abs(a) == inf else 1 / (1 + exp2(-d) * (1 - LN2 * e))")),
            latex=r"\log_2(2^a + 2^b)", commutative=True, edge="equal infinities count as a tie", slopes=(89, 90)),
    # --- trigonometry ----------------------------------------------------------------------------
    _unary(23, "sin", "sin(a)", "cos(a)", "-v", _WIDE, latex=r"\sin a"),
    _unary(24, "cos", "cos(a)", "-sin(a)", "-v", _WIDE, latex=r"\cos a"),
    _unary(25, "tan", "tan(a)", "1 + v * v", "2 * v * (1 + v * v)", _LINE, latex=r"\tan a"),
    _unary(26, "arcsin", "arcsin(a)", "p", "a * p * p * p", (-0.9, -0.3, 1e-9, 0.7), latex=r"\arcsin a",
           setup=(("p", "1 / sqrt((1 - a) * (1 + a))"),), domain="-1 < a < 1", edge="inf at +-1, nan outside",
           edges=(((1.0,), (INF,)), ((2.0,), (NAN,))), slopes=(91,)),
    _unary(27, "arccos", "arccos(a)", "-p", "-a * p * p * p", (-0.9, -0.3, 1e-9, 0.7), latex=r"\arccos a",
           setup=(("p", "1 / sqrt((1 - a) * (1 + a))"),), domain="-1 < a < 1", edge="-inf at +-1, nan outside",
           edges=(((-1.0,), (-INF,)), ((2.0,), (NAN,))), slopes=(92,)),
    _unary(28, "arctan", "arctan(a)", "p", "-2 * a * p * p if p != 0 else 0", (*_WIDE, 1e100), latex=r"\arctan a", setup=(("p", "1 / (1 + a * a)"),), slopes=(93,)),
    _binary(29, "arctan2", "arctan2(a, b)", ("s / r if r != 0 else 0", "-t / r if r != 0 else 0"),
            ("-2 * t * s / r / r if r != 0 else 0", "4 * ((0.5 * a - 0.5 * b) / r) * ((0.5 * a + 0.5 * b) / r) / r / r if r != 0 else 0", "2 * t * s / r / r if r != 0 else 0"),
            (*_PAIRS, (1e-200, 1e-200), (-3e200, 1e200)), latex=r"\operatorname{arctan2}(a, b)",
            setup=(("r", "hypot(a, b)"), ("t", "a / r if r != 0 else 0"), ("s", "b / r if r != 0 else 0")),
            domain="(a, b) != (0, 0)", edge="both partials are 0 at the origin", edges=(((0.0, 0.0), (0.0, 0.0)),), slopes=(94, 95)),
    # --- hyperbolic functions --------------------------------------------------------------------
    _unary(30, "sinh", "sinh(a)", "cosh(a)", "v", _WIDE, latex=r"\sinh a"),
    _unary(31, "cosh", "cosh(a)", "sinh(a)", "v", _WIDE, latex=r"\cosh a"),
    _unary(32, "tanh", "tanh(a)", "u * u", "-2 * v * u * u", (*_WIDE, 300.0), latex=r"\tanh a", setup=(("u", "sech(a)"),), slopes=(96,)),
    _unary(33, "arcsinh", "arcsinh(a)", "p", "-a * p * p * p if p != 0 else 0", (*_WIDE, 1e200), latex=r"\operatorname{arsinh} a",
           setup=(("p", "1 / hypot(1, a)"),), slopes=(97,)),
    _unary(34, "arccosh", "arccosh(a)", "p", "-a * p * p * p if p != 0 else 0", (1.0001, 1.7, 30.0), latex=r"\operatorname{arcosh} a",
           setup=(("p", "1 / (sqrt(a - 1) * sqrt(a + 1))"),), domain="a > 1", edge="inf at 1, nan below",
           edges=(((1.0,), (INF,)), ((0.5,), (NAN,))), slopes=(98,)),
    _unary(35, "arctanh", "arctanh(a)", "p", "2 * a * p * p",
           (-0.999, -0.3, 1e-9, 0.7), latex=r"\operatorname{artanh} a", setup=(("p", "1 / ((1 - a) * (1 + a)) if abs(a) <= 1 else nan"),),
           domain="-1 < a < 1", edge="inf at +-1, nan outside", edges=(((1.0,), (INF,)), ((2.0,), (NAN,))), slopes=(99,)),
    _binary(36, "hypot", "hypot(a, b)", ("t", "s"),
            ("s / v * s if v != 0 else 0", "-t * s / v if v != 0 else 0", "t / v * t if v != 0 else 0"),
            (*_PAIRS, (1e-200, 1e-200), (-3e200, 1e200)), latex=r"\sqrt{a^2 + b^2}", commutative=True,
            setup=(("t", "a / v if v != 0 else 0"), ("s", "b / v if v != 0 else 0")),
            edge="both partials are 0 at the origin", edges=(((0.0, 0.0), (0.0, 0.0)), ((3.0, 0.0), (1.0, 0.0))), slopes=(100, 101)),
    # --- special functions -----------------------------------------------------------------------
    _unary(37, "erf", "erf(a)", "g", "-2 * a * g if g != 0 else 0", (-2.5, -0.3, 1e-9, 1.7, 20.3), ufuncs=("scipy.special.erf",), latex=r"\operatorname{erf} a",
           setup=(("h", "rint(a * 16) / 16"), ("g", "0 if abs(a) > 28 else TWO_OVER_SQRT_PI * exp(-h * h) * exp((h - a) * (h + a))")), slopes=(102,)),
    _unary(38, "erfc", "erfc(a)", "-g", "2 * a * g if g != 0 else 0", (-2.5, -0.3, 1e-9, 1.7, 20.3), ufuncs=("scipy.special.erfc",), latex=r"\operatorname{erfc} a",
           setup=(("h", "rint(a * 16) / 16"), ("g", "0 if abs(a) > 28 else TWO_OVER_SQRT_PI * exp(-h * h) * exp((h - a) * (h + a))")), slopes=(103,)),
    _unary(39, "expit", "p", "p * q", "-p * q * tanh(0.5 * a)", _WIDE, ufuncs=("scipy.special.expit",), latex=r"1 / (1 + e^{-a})",
           setup=(("e", "exp(-a if a >= 0 else a)"), ("p", "1 / (1 + e) if a >= 0 else e / (1 + e)"),
                  ("q", "e / (1 + e) if a >= 0 else 1 / (1 + e)")), slopes=(104,)),
    # --- choices ---------------------------------------------------------------------------------
    _binary(40, "maximum", "a if a >= b or a != a else b",
            ("1 if a > b else (0.5 if a == b else (0 if a < b else nan))", "1 if a < b else (0.5 if a == b else (0 if a > b else nan))"),
            _ZERO_ORDER, _PAIRS, linearity=PIECEWISE, latex=r"\max(a, b)",
            edge="a tie is split evenly; nan if either operand is nan", edges=(((2.0, 2.0), (0.5, 0.5)), ((NAN, 0.0), (NAN, NAN)))),
    _binary(41, "minimum", "a if a <= b or a != a else b",
            ("1 if a < b else (0.5 if a == b else (0 if a > b else nan))", "1 if a > b else (0.5 if a == b else (0 if a < b else nan))"),
            _ZERO_ORDER, _PAIRS, linearity=PIECEWISE, latex=r"\min(a, b)",
            edge="a tie is split evenly; nan if either operand is nan", edges=(((2.0, 2.0), (0.5, 0.5)), ((NAN, 0.0), (NAN, NAN)))),
    _binary(42, "fmax", "a if a >= b or b != b else b",
            ("1 if a > b or b != b else (0.5 if a == b else 0)", "1 if a < b or (a != a and b == b) else (0.5 if a == b else 0)"),
            _ZERO_ORDER, _PAIRS, linearity=PIECEWISE, latex=r"\mathrm{fmax}(a, b)",
            edge="a tie is split evenly; an operand that is nan counts as absent", edges=(((2.0, 2.0), (0.5, 0.5)), ((NAN, 1.0), (0.0, 1.0)))),
    _binary(43, "fmin", "a if a <= b or b != b else b",
            ("1 if a < b or b != b else (0.5 if a == b else 0)", "1 if a > b or (a != a and b == b) else (0.5 if a == b else 0)"),
            _ZERO_ORDER, _PAIRS, linearity=PIECEWISE, latex=r"\mathrm{fmin}(a, b)",
            edge="a tie is split evenly; an operand that is nan counts as absent", edges=(((2.0, 2.0), (0.5, 0.5)), ((NAN, 1.0), (0.0, 1.0)))),
    Op(44, "where", (), "b if a != 0 else c", ("0", "1 if a != 0 else 0", "0 if a != 0 else 1"), ("0",) * 6, (STEP, PIECEWISE, PIECEWISE),
       ((1.0, 0.5, 2.0), (0.0, -0.7, 2.25), (-3.0, 1.5, -0.5)), latex=r"b \text{ where } a \text{ else } c",
       edge="the side that is not chosen contributes exactly 0, whatever its value"),
    _binary(45, "copysign", "copysign(a, b)", ("copysign(1, a) * copysign(1, b)", "0"), _ZERO_ORDER, _PAIRS,
            linearity=(PIECEWISE, STEP), latex=r"|a| \operatorname{sign} b", edge="the derivative at a = 0 is the one of the side that a's sign bit names"),
    _binary(46, "heaviside", "0 if a < 0 else (b if a == 0 else (1 if a > 0 else nan))", ("0", "1 if a == 0 else 0"), _ZERO_ORDER, _PAIRS,
            linearity=(STEP, PIECEWISE), latex=r"H(a)", edge="zero derivative in a everywhere; 1 in b where a = 0",
            edges=(((0.0, 0.5), (0.0, 1.0)),)),
    # --- steps: zero derivative ------------------------------------------------------------------
    _step(47, "sign", "sign(a)", _LINE, latex=r"\operatorname{sign} a", edge="zero derivative everywhere", edges=(((0.0,), (0.0,)),)),
    _step(48, "floor", "floor(a)", _LINE, latex=r"\lfloor a \rfloor", edge="zero derivative everywhere", edges=(((2.0,), (0.0,)),)),
    _step(49, "ceil", "ceil(a)", _LINE, latex=r"\lceil a \rceil", edge="zero derivative everywhere", edges=(((2.0,), (0.0,)),)),
    _step(50, "trunc", "trunc(a)", _LINE, ufuncs=("trunc", "fix"), latex=r"\operatorname{trunc} a", edge="zero derivative everywhere"),
    _step(51, "rint", "rint(a)", _LINE, latex=r"\operatorname{rint} a", edge="zero derivative everywhere"),
    _binary(52, "floor_divide", "a / b if b == 0 else (floor(q) + 1 if q - floor(q) > 0.5 else floor(q))", ("0", "0"), _ZERO_ORDER,
            ((7.5, 2.0), (-7.5, 2.0), (3.0, -1.25)), linearity=STEP, symbol="//", latex=r"\lfloor a / b \rfloor",
            setup=(("m", "fmod(a, b)"), ("q", "(a - m) / b - 1 if m != 0 and (b < 0) != (m < 0) else (a - m) / b")),
            edge="zero derivative everywhere"),
    _binary(53, "remainder", "m + b if m != 0 and (b < 0) != (m < 0) else (m if m != 0 else copysign(m, b))", ("1", "(1 if m != 0 and (b < 0) != (m < 0) else 0) - rint(a / b - m / b)"), _ZERO_ORDER,
            ((7.5, 2.0), (-7.5, 2.0), (3.0, -1.25)), linearity=(PIECEWISE, PIECEWISE), ufuncs=("remainder", "mod"), symbol="%",
            latex=r"a \bmod b", setup=(("m", "fmod(a, b)"),), domain="b != 0", edge="at a jump, the derivative of the branch that is taken"),
    _binary(54, "fmod", "fmod(a, b)", ("1", "-rint(a / b - v / b)"), _ZERO_ORDER, ((7.5, 2.0), (-7.5, 2.0), (3.0, -1.25)),
            linearity=(PIECEWISE, PIECEWISE), latex=r"\mathrm{fmod}(a, b)", domain="b != 0", edge="at a jump, the derivative of the branch that is taken"),
    _step(55, "stop_gradient", "a", _LINE, ufuncs=(), latex="a", edge="passes the value and no derivative"),
    # --- truth values: 1 or 0, zero derivative ---------------------------------------------------
    _truth(64, "less", "a < b", "<", latex="a < b"),
    _truth(65, "less_equal", "a <= b", "<=", latex=r"a \le b"),
    _truth(66, "greater", "a > b", ">", latex="a > b"),
    _truth(67, "greater_equal", "a >= b", ">=", latex=r"a \ge b"),
    _truth(68, "equal", "a == b", "==", latex="a = b"),
    _truth(69, "not_equal", "a != b", "!=", latex=r"a \ne b"),
    _truth(70, "logical_and", "a != 0 and b != 0", latex=r"a \land b"),
    _truth(71, "logical_or", "a != 0 or b != 0", latex=r"a \lor b"),
    _truth(72, "logical_xor", "(a != 0) != (b != 0)", latex=r"a \oplus b"),
    _truth(73, "logical_not", "a == 0", arity=1, latex=r"\lnot a"),
    _truth(74, "isnan", "a != a", arity=1, latex=r"a \text{ is nan}"),
    _truth(75, "isinf", "abs(a) == inf", arity=1, latex=r"|a| = \infty"),
    _truth(76, "isfinite", "abs(a) < inf", arity=1, latex=r"|a| < \infty"),
    _truth(77, "signbit", "copysign(1, a) < 0", arity=1, latex=r"a \text{ has the sign bit}"),
)  # fmt: skip


def _slope(op: Op, k: int, code: int) -> Op:
    """The k-th partial of a row as a row of its own, whose partials are the second partials."""
    partials = op.second if op.arity == 1 else op.second[k : k + 2]
    texts = [_with_value_renamed(text) for text in (op.partials[k], *partials)]
    name = f"{op.name}_slope" + (f"_{OPERANDS[k]}" if len(op.slopes) > 1 else "")
    latex = f"({op.latex})'" if op.arity == 1 else rf"\partial_{OPERANDS[k]}\,({op.latex})"
    kinds = tuple(CONSTANT if text == "0" else NONLINEAR for text in partials)
    setup, needed = [], set(_NAME.findall(" ".join(texts)))
    for row in reversed([("f", op.primal), *((n, _with_value_renamed(text)) for n, text in op.setup)]):
        if row[0] in needed:
            setup.append(row)
            needed.update(_NAME.findall(row[1]))
    return Op(
        code, name, (), texts[0], tuple(texts[1:]), (), kinds, op.points, latex=latex, domain=op.domain,
        setup=tuple(setup[::-1]),
    )  # fmt: skip


def _with_value_renamed(text: str) -> str:
    """A formula of a row in which `v` is the result of another one."""
    return _NAME.sub(lambda found: "f" if found[0] == "v" else found[0], text)


_NAME = re.compile(r"[a-z]\w*")
SLOPES: tuple[Op, ...] = tuple(_slope(op, k, code) for op in OPS for k, code in enumerate(op.slopes))
ELEMENTALS: tuple[Op, ...] = (*OPS, *SLOPES)


def slope_row(op: Op, k: int) -> Op:
    """The row of the k-th partial of an elemental that has such rows."""
    return BY_CODE[op.slopes[k]]  # type: ignore[return-value]


@dataclass(frozen=True, slots=True)
class ArrayOp:
    """A whole-array instruction; its primal and its adjoint are kernels of their own.

    `meaning` states the value with the instruction's sizes (`Tape.blocks[i].sizes`).
    """

    code: int
    name: str
    meaning: str
    linearity: tuple[str, ...] = field(default=(LINEAR,))


ARRAY_OPS: tuple[ArrayOp, ...] = (
    ArrayOp(128, "sum", "result[i] = sum over j < inner of x[i * inner + j], pairwise as in NumPy; sizes (inner,)"),
    ArrayOp(
        129,
        "matmul",
        "result = x (m, p) @ y (p, n), or as many such products as fit, one behind the other; sizes (m, p, n)",
        (BILINEAR, BILINEAR),
    ),
    ArrayOp(130, "scatter_sum", "result[k] = sum of x[j] with index[j] == k, in order of j; sizes (count,)"),
    ArrayOp(
        132,
        "max",
        "result[i] = the greatest of the x[i * inner + j] with j < inner, nan if one is; a tie is split evenly; sizes (inner,)",
        (PIECEWISE,),
    ),
    ArrayOp(
        133,
        "min",
        "result[i] = the least of the x[i * inner + j] with j < inner, nan if one is; a tie is split evenly; sizes (inner,)",
        (PIECEWISE,),
    ),
    ArrayOp(
        140,
        "call",
        "results of a function with derivative rules of its own; sizes (which of the program's calls,)",
        (NONLINEAR, NONLINEAR, NONLINEAR),
    ),
)

BY_NAME: dict[str, Op] = {op.name: op for op in ELEMENTALS}
_ALL: tuple[Op | ArrayOp, ...] = (*ELEMENTALS, *ARRAY_OPS)
BY_CODE: dict[int, Op | ArrayOp] = {op.code: op for op in _ALL}
ARRAY_BY_NAME: dict[str, ArrayOp] = {op.name: op for op in ARRAY_OPS}

assert len(BY_CODE) == len(_ALL), "an opcode stands in two rows"
assert all(op.code < 128 for op in ELEMENTALS) and all(op.code >= 128 for op in ARRAY_OPS)
