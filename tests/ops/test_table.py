"""The table is well formed, and what its rows say about themselves is true.

Proved here, for every row: the opcodes are those of the first release; the row is complete and its
formulas stay in the language; linearity classes, `commutative` and the conventions pinned by `edges` are
what the formulas do; the text for kernels and the form for arrays mean what the scalar formulas mean.
The formulas themselves are proved in `test_sympy` and their accuracy in `test_mpmath`.
"""

from __future__ import annotations

import ast
import math
import random
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import scipy.special

from fastad.formula import CONSTANTS, FUNCTIONS, kernel_text, numpy_functions, parse
from fastad.ops import ARRAY_OPS, BILINEAR, CONSTANT, ELEMENTALS, LINEAR, NONLINEAR, OPS, PIECEWISE, SLOPES, STEP, Op
from tests.ops.render import ROWS, Rendering, Values, all_names, random_points, second_pairs, used_names

SCALAR = Rendering(numpy_functions())
ARRAY = Rendering(numpy_functions(), on_arrays=True)

# Saved tapes hold these numbers: an entry is never changed or taken out, and a new row adds one.
REGISTRY = {
    "add": 0, "subtract": 1, "multiply": 2, "divide": 3, "negative": 4, "copy": 5,
    "absolute_zero_multiply": 6, "absolute": 7, "square": 8, "reciprocal": 9, "sqrt": 10, "cbrt": 11,
    "power": 12, "power_constant": 13, "exp": 14, "exp2": 15, "expm1": 16, "log": 17, "log2": 18,
    "log10": 19, "log1p": 20, "logaddexp": 21, "logaddexp2": 22, "sin": 23, "cos": 24, "tan": 25,
    "arcsin": 26, "arccos": 27, "arctan": 28, "arctan2": 29, "sinh": 30, "cosh": 31, "tanh": 32,
    "arcsinh": 33, "arccosh": 34, "arctanh": 35, "hypot": 36, "erf": 37, "erfc": 38, "expit": 39,
    "maximum": 40, "minimum": 41, "fmax": 42, "fmin": 43, "where": 44, "copysign": 45, "heaviside": 46,
    "sign": 47, "floor": 48, "ceil": 49, "trunc": 50, "rint": 51, "floor_divide": 52, "remainder": 53,
    "fmod": 54, "stop_gradient": 55, "less": 64, "less_equal": 65, "greater": 66, "greater_equal": 67,
    "equal": 68, "not_equal": 69, "logical_and": 70, "logical_or": 71, "logical_xor": 72,
    "logical_not": 73, "isnan": 74, "isinf": 75, "isfinite": 76, "signbit": 77, "sum": 128,
    "power_slope_a": 80, "power_slope_b": 81, "power_constant_slope": 82, "log_slope": 83, "log2_slope": 84,
    "log10_slope": 85, "log1p_slope": 86, "logaddexp_slope_a": 87, "logaddexp_slope_b": 88, "logaddexp2_slope_a": 89,
    "logaddexp2_slope_b": 90, "arcsin_slope": 91, "arccos_slope": 92, "arctan_slope": 93, "arctan2_slope_a": 94,
    "arctan2_slope_b": 95, "tanh_slope": 96, "arcsinh_slope": 97, "arccosh_slope": 98, "arctanh_slope": 99,
    "hypot_slope_a": 100, "hypot_slope_b": 101, "erf_slope": 102, "erfc_slope": 103, "expit_slope": 104,
    "sqrt_slope": 105, "cbrt_slope": 106, "matmul": 129, "scatter_sum": 130, "max": 132, "min": 133, "call": 140,
}  # fmt: skip

# What the generated kernels call their own variables: a setup name must not be one of them.
KERNEL_NAMES = {
    "a", "b", "c", "v", "da", "db", "dc", "daa", "dab", "dbb", "i", "j", "n", "op", "opcode", "left", "right",
    "start", "stop", "first", "second", "third", "values", "target", "work", "x", "y", "w", "z", "math", "np",
}  # fmt: skip
SPECIALS = (0.0, -0.0, 1.0, -1.0, 2.0, -2.0, 0.5, 3.0, math.inf, -math.inf, math.nan, 1e-310, 1e300, -1e300)

every_row = pytest.mark.parametrize("op", ELEMENTALS, ids=[op.name for op in ELEMENTALS])


def formulas(op: Op) -> Iterator[str]:
    yield from (op.primal, *op.partials, *op.second)
    yield from (text for _, text in op.setup)


def scalar_row(op: Op, operands: tuple[float, ...]) -> Values:
    with np.errstate(all="ignore"):
        return SCALAR.row(op, tuple(map(np.float64, operands)))


def interior(op: Op, count: int = 20) -> list[tuple[float, ...]]:
    return [*op.points, *random_points(op, count)]


def special_points(op: Op) -> list[tuple[float, ...]]:
    """Kinks, edges, infinities and nan, mixed at random where there are several operands."""
    if op.arity == 1:
        return [(x,) for x in SPECIALS]
    draw = random.Random(op.code)
    mixed = [tuple(draw.choice(SPECIALS) for _ in range(op.arity)) for _ in range(60)]
    return [*mixed, *((x,) * op.arity for x in SPECIALS), *(point for point, _ in op.edges)]


def same(x: Any, y: Any) -> bool:
    """Equal, nan being equal to nan; the sign of zero is not looked at."""
    return bool(np.array_equal(np.float64(x), np.float64(y), equal_nan=True))


def all_same(xs: tuple[Any, ...], ys: tuple[Any, ...]) -> bool:
    return len(xs) == len(ys) and all(map(same, xs, ys))


# --- the registry -----------------------------------------------------------------------------------
def test_opcodes_never_change() -> None:
    codes = {op.name: op.code for op in (*ELEMENTALS, *ARRAY_OPS)}
    changed = {name: code for name, code in REGISTRY.items() if codes.get(name) != code}
    assert not changed, f"saved tapes hold the opcodes {changed}"
    assert codes == REGISTRY, "pin the opcodes of new rows in REGISTRY"


def test_opcodes_are_unique() -> None:
    codes = [op.code for op in (*ELEMENTALS, *ARRAY_OPS)]
    assert len(set(codes)) == len(codes)
    assert len(ROWS) == len(OPS)


def test_constants_are_the_nearest_doubles() -> None:
    assert CONSTANTS["LN2"] == math.log(2)
    assert CONSTANTS["LN10"] == math.log(10)
    assert CONSTANTS["TWO_OVER_SQRT_PI"] == 2 / math.sqrt(math.pi)


def test_a_ufunc_belongs_to_one_row() -> None:
    names = [name for op in OPS for name in op.ufuncs]
    assert len(set(names)) == len(names)


# --- each row is complete -----------------------------------------------------------------------------
@every_row
def test_row_is_complete(op: Op) -> None:
    assert op.latex, "no formula for people"
    assert len(op.points) >= 3
    assert all(len(point) == op.arity for point in op.points)
    assert len(op.linearity) == op.arity
    assert set(op.linearity) <= {CONSTANT, LINEAR, BILINEAR, PIECEWISE, STEP, NONLINEAR}
    assert len(op.second) == (0 if op in SLOPES else op.arity * (op.arity + 1) // 2)
    assert op.edge or not op.edges, "pinned edges need the convention in words"


@every_row
def test_formulas_stay_in_the_language(op: Op) -> None:
    for text in formulas(op):
        parse(text, frozenset(all_names(op)))
        compared = [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Compare)]
        chained = [ast.unparse(node) for node in compared if len(node.ops) > 1]
        assert not chained, "these do not run on arrays"


@every_row
def test_setup_is_defined_before_it_is_used(op: Op) -> None:
    defined = {*op.operands, "v", *FUNCTIONS, *CONSTANTS}
    for name, text in op.setup:
        assert used_names(text) <= defined
        assert name not in KERNEL_NAMES, f"kernels have a variable {name} of their own"
        defined.add(name)
    early = {name for name, text in op.setup if "v" not in used_names(text)}
    assert used_names(op.primal) <= {*op.operands, *early, *FUNCTIONS, *CONSTANTS}
    wanted = set().union(*map(used_names, formulas(op)))
    assert {name for name, _ in op.setup} <= wanted, "setup that no formula uses"


@every_row
def test_ufuncs_exist(op: Op) -> None:
    for name in op.ufuncs:
        home, leaf = (scipy.special, name.removeprefix("scipy.special.")) if "." in name else (np, name)
        assert callable(getattr(home, leaf)), name


# --- what the row says about itself -------------------------------------------------------------------
@pytest.mark.parametrize("op", OPS, ids=[op.name for op in OPS])
def test_linearity_class_is_true(op: Op) -> None:
    """The classes of `test_linearity_of_the_value` (SymPy) hold for the formulas in floating point too."""
    rows = [scalar_row(op, point) for point in interior(op)]
    for k, kind in enumerate(op.linearity):
        touching = [n for n, pair in enumerate(second_pairs(op)) if k in pair]
        diagonal = second_pairs(op).index((k, k))
        if kind == LINEAR:
            assert all(same(row.partials[k], rows[0].partials[k]) for row in rows)
        if kind in (LINEAR, STEP, CONSTANT):
            assert all(row.second[n] == 0 for row in rows for n in touching)
        if kind in (BILINEAR, PIECEWISE):
            assert all(row.second[diagonal] == 0 for row in rows)
        if kind in (STEP, CONSTANT):
            assert all(row.partials[k] == 0 for row in rows)
        if kind == NONLINEAR:
            assert any(row.second[diagonal] != 0 for row in rows), "a narrower class would do"


@every_row
def test_bilinear_partial_ignores_its_own_operand(op: Op) -> None:
    for k in (k for k, kind in enumerate(op.linearity) if kind == BILINEAR):
        for point in interior(op):
            moved = (*point[:k], 1.375 * point[k] + 0.25, *point[k + 1 :])
            assert same(scalar_row(op, point).partials[k], scalar_row(op, moved).partials[k])


@every_row
def test_commutative_says_whether_operands_may_be_exchanged(op: Op) -> None:
    """Value and partials do not change by a bit; of rows that do not commute, one point shows it."""
    if op.arity != 2:
        assert not op.commutative
        return
    if not op.commutative:
        pairs = [*interior(op), *special_points(op)]
        values = [(scalar_row(op, (a, b)).value, scalar_row(op, (b, a)).value) for a, b in pairs]
        assert op.boolean or op.name in SAME_VALUE or not all(same(*pair) for pair in values)
        return
    for a, b in [*interior(op), *special_points(op)]:
        there, back = scalar_row(op, (a, b)), scalar_row(op, (b, a))
        assert same(there.value, back.value)
        assert all_same(there.partials, back.partials[::-1])
        assert all_same(there.second, back.second[::-1])


# Rows whose value commutes up to the sign of zero only, so that they are not marked.
SAME_VALUE = {"maximum", "minimum", "fmax", "fmin"}


@every_row
def test_edges_are_as_pinned(op: Op) -> None:
    for operands, pinned in op.edges:
        assert all_same(scalar_row(op, operands).partials, pinned), f"{op.name}{operands}"


@every_row
def test_truth_values_are_zero_or_one(op: Op) -> None:
    if op.boolean:
        points = [*interior(op), *special_points(op)]
        assert {float(scalar_row(op, point).value) for point in points} == {0.0, 1.0}


# --- other renderings mean the same -------------------------------------------------------------------
@every_row
def test_form_for_arrays_means_the_same(op: Op) -> None:
    """Conditionals as `where`: equal to the scalar form at interior points, kinks, infinities and nan."""
    points = [*interior(op), *special_points(op)]
    columns = tuple(np.array(column) for column in zip(*points, strict=True))
    with np.errstate(all="ignore"):
        on_arrays = ARRAY.row(op, columns)
    scalar = [scalar_row(op, point) for point in points]
    assert_close(on_arrays.value, [row.value for row in scalar])
    for n in range(op.arity):
        assert_close(on_arrays.partials[n], [row.partials[n] for row in scalar])
    for n in range(len(op.second)):
        assert_close(on_arrays.second[n], [row.second[n] for row in scalar])


def assert_close(actual: Any, expected: list[Any]) -> None:
    """Equal but for the last digits, in which NumPy's loops over arrays differ from those over scalars."""
    column = np.broadcast_to(actual, len(expected))
    np.testing.assert_allclose(column, np.array(expected, float), rtol=1e-13, atol=0)


@every_row
def test_kernel_text_means_the_same(op: Op) -> None:
    """The text for kernels compiles, and with `math` and `np` it gives the row's values at its points."""
    names = all_names(op)
    for text in formulas(op):
        compile(kernel_text(text, frozenset(names)), op.name, "eval")
    for point in op.points:
        expected = scalar_row(op, point)
        known: dict[str, Any] = dict(zip(op.operands, point, strict=True), v=float(expected.value))
        for name, text in op.setup:
            known[name] = run_kernel_text(op, text, known)
        texts = (op.primal, *op.partials, *op.second)
        actual = [run_kernel_text(op, text, known) for text in texts]
        wanted = [expected.value, *expected.partials, *expected.second]
        np.testing.assert_allclose(actual, wanted, rtol=1e-12, atol=0)


def run_kernel_text(op: Op, text: str, known: dict[str, Any]) -> float:
    spelled = kernel_text(text, frozenset(all_names(op)))
    with np.errstate(all="ignore"):
        return eval(spelled, {"math": math, "np": np, "sech": lambda x: 1 / math.cosh(x)}, known)
