"""Compiled sweeps against derivatives that owe nothing to the table: mpmath with 600 digits.

Each row is written down once more, by its name, as mpmath's function, which mpmath differentiates by
differences (tanh'(300) is 1e-260, beside a value of 1, hence the digits). Values, gradients and second
derivatives of the compiled sweeps must be within a few units in the last place of it, at the row's points.
"""

from __future__ import annotations

import mpmath
import numpy as np
import pytest
from mpmath import mp

from fastad.ops import CONSTANT, ELEMENTALS, NONLINEAR, OPS, STEP, Op
from tests.sweeps.programs import elementwise_cases

mpf, DIGITS, ULPS = mpmath.mpf, 600, 8
FUNCTIONS = {
    "add": lambda a, b: a + b, "subtract": lambda a, b: a - b, "multiply": lambda a, b: a * b,
    "divide": lambda a, b: a / b, "negative": lambda a: -a, "copy": lambda a: a, "absolute": abs,
    "absolute_zero_multiply": lambda a, b: a * b, "square": lambda a: a**2, "reciprocal": lambda a: 1 / a,
    "sqrt": mp.sqrt, "cbrt": lambda a: mp.sign(a) * mp.cbrt(abs(a)), "power": lambda a, b: a**b,
    "power_constant": lambda a, b: a**b, "exp": mp.exp, "exp2": lambda a: mpf(2) ** a, "expm1": mp.expm1,
    "log": mp.log, "log2": lambda a: mp.log(a, 2), "log10": mp.log10, "log1p": mp.log1p,
    "logaddexp": lambda a, b: mp.log(mp.exp(a) + mp.exp(b)),
    "logaddexp2": lambda a, b: mp.log(mpf(2) ** a + mpf(2) ** b, 2),
    "sin": mp.sin, "cos": mp.cos, "tan": mp.tan, "arcsin": mp.asin, "arccos": mp.acos, "arctan": mp.atan,
    "arctan2": mp.atan2, "sinh": mp.sinh, "cosh": mp.cosh, "tanh": mp.tanh, "arcsinh": mp.asinh, "arccosh": mp.acosh,
    "arctanh": mp.atanh, "hypot": mp.hypot, "erf": mp.erf, "erfc": mp.erfc, "expit": lambda a: 1 / (1 + mp.exp(-a)),
    "maximum": max, "minimum": min, "fmax": max, "fmin": min, "where": lambda a, b, c: b if a != 0 else c,
    "copysign": lambda a, b: abs(a) * mp.sign(b), "heaviside": lambda a, b: mpf(a > 0),
    "remainder": lambda a, b: a - b * mp.floor(a / b),
    "fmod": lambda a, b: a - b * (mp.sign(a / b) * mp.floor(abs(a / b))),
    "floor_divide": lambda a, b: mp.floor(a / b), "sign": mp.sign, "floor": mp.floor, "ceil": mp.ceil,
    "trunc": lambda a: mp.sign(a) * mp.floor(abs(a)), "rint": mp.nint,
}  # fmt: skip


BASES = {code: (op, k) for op in OPS for k, code in enumerate(op.slopes)}


def truth(op: Op, point: tuple[float, ...], order: tuple[int, ...]) -> mpmath.mpf:
    """The derivative of the given order (one number an operand), exact to many more digits than a double."""
    if any(n and kind in (STEP, CONSTANT) for kind, n in zip(op.linearity, order, strict=True)):
        return mpf(0)  # by definition
    if op.code in BASES:
        base, slope = BASES[op.code]
        return truth(base, point, tuple(n + (k == slope) for k, n in enumerate(order)))
    with mp.workdps(DIGITS):
        exact = tuple(map(mpf, point))
        if not any(order):
            return FUNCTIONS[op.name](*exact)
        # Steps relative to the operands, so that tiny and huge ones are differenced alike.
        scales = [abs(x) if 0 < abs(x) < 1e-3 or abs(x) > 1e3 else mpf(1) for x in exact]

        def scaled(*units):
            return FUNCTIONS[op.name](*(x + s * u for x, s, u in zip(exact, scales, units, strict=True)))

        origin, orders = ((mpf(0),) * op.arity, order) if op.arity > 1 else (mpf(0), order[0])
        found = mp.diff(scaled, origin, orders, h=mpf("1e-18"))
        for s, n in zip(scales, order, strict=True):
            found /= s**n
        return found


def assert_few_ulps(actual: float, exact: mpmath.mpf, what: str) -> None:
    expected = float(exact)
    if abs(expected) < 2.3e-308 or not np.isfinite(expected):
        assert abs(actual - expected) < 1e-300 or actual == expected, f"{what}: {actual!r}, not {expected!r}"
    else:
        distance = abs(mpf(float(actual)) - exact) / float(np.spacing(abs(expected)))
        assert distance <= ULPS, f"{what}: {actual!r}, not {expected!r}"


@pytest.mark.parametrize(
    "op", [op for op in ELEMENTALS if op.name in FUNCTIONS or op.code in BASES], ids=lambda op: op.name
)
def test_sweeps_are_within_ulps_of_the_truth(op: Op) -> None:
    units = np.eye(op.arity, dtype=int)
    for case in elementwise_cases(op):
        if case.layout not in ("scalar stream", "short block", "contiguous"):
            continue
        x, m = case.x, case.program.outputs.size
        value, adjoint = case.tape.evaluate(x)[0], case.tape.adjoint(x, np.ones(m))
        for i, point in enumerate(op.points[:m]):
            assert_few_ulps(value[i], truth(op, point, (0,) * op.arity), f"{case.layout}, value at {point}")
            for k in range(op.arity):
                exact = truth(op, point, tuple(units[k].tolist()))
                assert_few_ulps(adjoint[k * m + i], exact, f"{case.layout}, partial {k} at {point}")


@pytest.mark.parametrize("op", [op for op in OPS if NONLINEAR in op.linearity], ids=lambda op: op.name)
def test_second_order_is_within_rounding_of_the_truth(op: Op) -> None:
    """Second partials may cancel among their terms, so they are held to digits, not units in the last place."""
    case = next(elementwise_cases(op))
    tape, x, m = case.tape, case.x, case.program.outputs.size
    for k in range(op.arity):
        seed = np.zeros((1, x.size))
        seed[0, k * m : (k + 1) * m] = 1.0
        product = tape.second.products(x, np.ones(m), seed)[0][0]
        for i, operands in enumerate(op.points[:m]):
            for j in range(op.arity):
                order = tuple((np.eye(op.arity, dtype=int)[j] + np.eye(op.arity, dtype=int)[k]).tolist())
                expected = float(truth(op, operands, order))
                assert product[j * m + i] == pytest.approx(expected, rel=1e-14, abs=1e-300), f"{order} at {operands}"


def test_every_row_is_covered() -> None:
    """Truth values and the passing of no derivative are pinned elsewhere."""
    assert {op.name for op in OPS if not op.boolean} - FUNCTIONS.keys() == {"stop_gradient"}
