"""Overloads of operators and functions for active numbers, made by looping over the table of operations."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from typing import Any

import numpy as np
from numba.extending import overload

from fastad.formula import kernel_text
from fastad.kernels.vector_math import sech
from fastad.native.emission import (
    ADD_NUMBER,
    DIVIDE_BY_NUMBER,
    MULTIPLY_NUMBER,
    NUMBER_DIVIDED,
    NUMBER_MINUS,
    SUBTRACT_NUMBER,
    compiled,
    emit_one,
    emit_one_stored,
    emit_two,
    emit_two_stored,
    emit_with_constant,
)
from fastad.native.types import MAKE, PASSIVE, ActiveType
from fastad.ops import BY_NAME, OPS, Op
from fastad.pullback import used_names

_OPERATORS = {
    "add": (operator.add, operator.iadd), "subtract": (operator.sub, operator.isub),
    "multiply": (operator.mul, operator.imul), "divide": (operator.truediv, operator.itruediv),
    "floor_divide": (operator.floordiv, operator.ifloordiv), "remainder": (operator.mod, operator.imod),
    "negative": (operator.neg,), "absolute": (abs, operator.abs), "less": (operator.lt,), "less_equal": (operator.le,),
    "greater": (operator.gt,), "greater_equal": (operator.ge,), "equal": (operator.eq,), "not_equal": (operator.ne,),
}  # fmt: skip
MATH = {
    "acos": "arccos", "acosh": "arccosh", "asin": "arcsin", "asinh": "arcsinh", "atan": "arctan", "atan2": "arctan2",
    "atanh": "arctanh", "copysign": "copysign", "cos": "cos", "cosh": "cosh", "erf": "erf", "erfc": "erfc",
    "exp": "exp", "expm1": "expm1", "fabs": "absolute", "fmod": "fmod", "hypot": "hypot", "log": "log",
    "log10": "log10", "log1p": "log1p", "log2": "log2", "sin": "sin", "sinh": "sinh", "sqrt": "sqrt", "tan": "tan",
    "tanh": "tanh",
}  # fmt: skip


# --- the formulas as compiled functions -------------------------------------------------------------------
def compiled_formulas(op: Op) -> tuple[Any, Any]:
    """The value, and the value with the partials, as functions that Numba compiles into their callers."""
    value, both = [("v", op.primal)], [("v", op.primal), *zip(("da", "db", "dc"), op.partials, strict=False)]
    return _function(op, value), _function(op, both)


def _function(op: Op, targets: list[tuple[str, str]]) -> Any:
    needed = _needed(op, targets)
    names = frozenset((*op.operands, "v", *(name for name, _ in op.setup)))
    statements = [row for row in op.setup if row[0] in needed] + targets
    if op.primal in names:  # the row's value is one of its own names
        statements = [row for row in op.setup if row[0] in needed | {op.primal}] + targets
    body = [f"    {name} = {kernel_text(text, names)}" for name, text in _ordered(op, statements)]
    source = "\n".join(
        [f"def {op.name}({', '.join(op.operands)}):", *body, f"    return {', '.join(n for n, _ in targets)}"]
    )
    scope: dict[str, Any] = {"math": math, "np": np, "sech": sech}
    exec(compile(source, f"<row {op.name} of the table>", "exec"), scope)
    return compiled(scope[op.name])


def _needed(op: Op, targets: list[tuple[str, str]]) -> set[str]:
    setup, found, queue = dict(op.setup), set(), [text for _, text in targets]
    while queue:
        for name in used_names(queue.pop()):
            if name in setup and name not in found:
                found.add(name)
                queue.append(setup[name])
    return found


def _ordered(op: Op, statements: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Names before their uses: the value comes before what is set up from it."""
    done: list[tuple[str, str]] = []
    left = list(statements)
    while left:
        open_names = {name for name, _ in left}
        ready = [row for row in left if not (used_names(row[1]) - {row[0]}) & open_names]
        done += ready[:1]
        left.remove(ready[0])
    return done


FORMULAS: dict[str, tuple[Any, Any]] = {op.name: compiled_formulas(op) for op in OPS if op.arity <= 2}


# --- one elemental on active numbers ----------------------------------------------------------------------
def is_active(x: Any) -> bool:
    return isinstance(x, ActiveType)


def number(x: Any) -> bool:
    return isinstance(x, PASSIVE)


def kind_of(*arguments: Any) -> Any:
    """The kind of tape of the active ones among some argument types."""
    return next((x.kind for x in arguments if hasattr(x, "kind") and isinstance(x.kind, str)), None)


def lift_to(kind: str) -> Any:
    """What makes an active value of an active or a plain number."""
    return _LIFT[kind]


def _lifter(kind: str) -> Any:
    make = MAKE[kind]

    def lift(x):  # type: ignore[no-untyped-def]
        raise NotImplementedError

    @overload(lift, inline="always")
    def lifted(x):  # type: ignore[no-untyped-def]
        if is_active(x):
            return lambda x: x
        return lambda x: make(0, 0, np.float64(x))

    return lift


_LIFT = {kind: _lifter(kind) for kind in MAKE}


SIMPLE = {
    "add",
    "subtract",
    "multiply",
    "divide",
    "negative",
    "copy",
    "square",
}  # the adjoint sweep knows their partials


def applied(op: Op, kind: str) -> Callable[..., Any]:
    """The row as a function of lifted operands that records."""
    value, both = FORMULAS[op.name]
    code, stored = op.code, op.name not in SIMPLE
    if op.boolean:
        if op.arity == 1:
            return lambda x: value(x._value) != 0.0
        return lambda x, y: value(x._value, y._value) != 0.0
    if op.arity == 1 and stored:

        def one(x):  # type: ignore[no-untyped-def]
            v, da = both(x._value)
            return emit_one_stored(code, x, v, da)

        return one
    if stored:

        def two(x, y):  # type: ignore[no-untyped-def]
            v, da, db = both(x._value, y._value)
            return emit_two_stored(code, x, y, v, da, db)

        return two
    if op.arity == 1:
        return lambda x: emit_one(code, x, value(x._value))
    return lambda x, y: emit_two(code, x, y, value(x._value, y._value))


WITH_NUMBER = {
    "add": ADD_NUMBER, "subtract": SUBTRACT_NUMBER, "multiply": MULTIPLY_NUMBER, "divide": DIVIDE_BY_NUMBER,
}  # fmt: skip
NUMBER_WITH = {
    "add": ADD_NUMBER, "subtract": NUMBER_MINUS, "multiply": MULTIPLY_NUMBER, "divide": NUMBER_DIVIDED,
}  # fmt: skip


def with_number(op: Op, reflected: bool) -> Any:
    """x op number (or number op x): the other operand is a plain number."""
    value, code = FORMULAS[op.name][0], (NUMBER_WITH if reflected else WITH_NUMBER)[op.name]
    if reflected:
        return compiled(lambda x, y: emit_with_constant(code, y, np.float64(x), value(np.float64(x), y._value)))
    return compiled(lambda x, y: emit_with_constant(code, x, np.float64(y), value(x._value, np.float64(y))))


RECORDED: dict[tuple[str, str], Any] = {}


def recorded(op: Op, kind: str) -> Any:
    """The compiled form of `applied`."""
    if (op.name, kind) not in RECORDED:
        RECORDED[op.name, kind] = compiled(applied(op, kind))
    return RECORDED[op.name, kind]


def _teach_one(function: Any, op: Op) -> None:
    @overload(function)
    def of_one(x):  # type: ignore[no-untyped-def]
        if is_active(x):
            record = recorded(op, x.kind)
            return lambda x: record(x)


def _teach_two(function: Any, op: Op) -> None:
    @overload(function)
    def of_two(x, y):  # type: ignore[no-untyped-def]
        if (is_active(x) and (is_active(y) or number(y))) or (number(x) and is_active(y)):
            kind = kind_of(x, y)
            if op.name in WITH_NUMBER and (number(x) or number(y)):
                record = with_number(op, number(x))
                return lambda x, y: record(x, y)
            record, raised = recorded(op, kind), lift_to(kind)
            return lambda x, y: record(raised(x), raised(y))


def _functions(op: Op) -> list[Any]:
    names = [name for name in op.ufuncs if "." not in name and hasattr(np, name)]
    return [*_OPERATORS.get(op.name, ()), *(getattr(np, name) for name in names)]


def _teach() -> None:
    for op in OPS:
        if op.arity > 2 or op.name in ("power", "power_constant"):
            continue
        for function in _functions(op):
            (_teach_one if op.arity == 1 else _teach_two)(function, op)
    for name, row in MATH.items():
        op = BY_NAME[row]
        (_teach_one if op.arity == 1 else _teach_two)(getattr(math, name), op)


_teach()


# --- powers: constant exponents have rows of their own -----------------------------------------------------
_POWERS = {2: "square", 0.5: "sqrt", -1: "reciprocal", 1: "copy"}


def _power(x, y):  # type: ignore[no-untyped-def]
    kind = kind_of(x, y)
    if is_active(x) and number(y):
        known = getattr(y, "literal_value", None)
        if known in _POWERS:
            record = recorded(BY_NAME[_POWERS[known]], kind)
            return lambda x, y: record(x)
        row, raised = recorded(BY_NAME["power_constant"], kind), lift_to(kind)
        return lambda x, y: row(x, raised(y))
    if is_active(y) and (is_active(x) or number(x)):
        row, raised = recorded(BY_NAME["power"], kind), lift_to(kind)
        return lambda x, y: row(raised(x), y)
    return None


for _function_of_two in (operator.pow, operator.ipow, np.power, np.float_power, math.pow):
    overload(_function_of_two, prefer_literal=True)(_power)


# --- Python's own functions --------------------------------------------------------------------------------
@overload(bool)
def _bool(x):  # type: ignore[no-untyped-def]
    if is_active(x):
        return lambda x: x._value != 0.0


@overload(operator.truth)
def _truth(x):  # type: ignore[no-untyped-def]
    if is_active(x):
        return lambda x: x._value != 0.0


@overload(operator.not_)
def _not(x):  # type: ignore[no-untyped-def]
    if is_active(x):
        return lambda x: x._value == 0.0


@overload(float)
def _float(x):  # type: ignore[no-untyped-def]
    if is_active(x):
        return lambda x: x


@overload(int)
def _int(x):  # type: ignore[no-untyped-def]
    if is_active(x):
        return lambda x: int(x._value)


@overload(operator.pos)
def _pos(x):  # type: ignore[no-untyped-def]
    if is_active(x):
        return lambda x: x


def _choice(function: Any, is_better: Any) -> None:
    """`max` and `min` of Python: one of the operands, the first of equal ones."""

    @overload(function)
    def of_two(x, y):  # type: ignore[no-untyped-def]
        if (is_active(x) and (is_active(y) or number(y))) or (number(x) and is_active(y)):
            raised = lift_to(kind_of(x, y))
            return lambda x, y: raised(y) if is_better(y, x) else raised(x)


_choice(max, operator.gt)
_choice(min, operator.lt)
