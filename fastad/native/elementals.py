"""Overloads of operators and functions for active numbers, made by looping over the table of operations.

Theory of operation. A row's formulas become a compiled function of plain numbers that returns the value, the partials
and the curvature; what nobody uses of them LLVM leaves out. From it comes the row's form for each kind of active
number. Where values are active numbers of another kind themselves (edges of duals), the row is applied to them first:
its value has its partials, and its partials have its curvature, so second derivatives are the table's too.
"""

from __future__ import annotations

import math
import operator
from typing import Any

import numpy as np

from fastad.formula import kernel_text
from fastad.kernels.vector_math import sech
from fastad.native.emission import emitters, program_passive, record_one, record_two
from fastad.native.memory import inlined, rule
from fastad.native.types import FLOAT, TAPE, ActiveType, is_active, is_number, kind_of
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
def compiled_formulas(op: Op, targets: tuple[str, ...]) -> Any:
    """The row as a compiled function of numbers that returns (v, da, db, daa, dab, dbb) or the first ones of them."""
    second = ("daa", "dab", "dbb") if op.arity == 2 else ("daa",)
    texts = dict(
        [("v", op.primal), *zip(("da", "db", "dc"), op.partials, strict=False), *zip(second, op.second, strict=False)]
    )
    rows = _ordered(_needed(op, [(name, texts[name]) for name in targets]))
    names = frozenset((*op.operands, "v", *(name for name, _ in op.setup)))
    body = [f"    {name} = {kernel_text(text, names)}" for name, text in rows]
    result = ", ".join(targets) + ("," if len(targets) == 1 else "")
    source = "\n".join([f"def {op.name}({', '.join(op.operands)}):", *body, f"    return {result}"])
    scope: dict[str, Any] = {"math": math, "np": np, "sech": sech}
    exec(compile(source, f"<row {op.name} of the table>", "exec"), scope)
    return inlined(scope[op.name])


def _needed(op: Op, targets: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """The targets and the rows of the setup (and the value) that they come from."""
    known = dict([("v", op.primal), *op.setup])
    rows, queue = dict(targets), [text for _, text in targets]
    while queue:
        for name in used_names(queue.pop()) & known.keys():
            if name not in rows:
                rows[name] = known[name]
                queue.append(known[name])
    return list(rows.items())


def _ordered(statements: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Names before their uses: the value comes before what is set up from it."""
    done: list[tuple[str, str]] = []
    left = list(statements)
    while left:
        open_names = {name for name, _ in left}
        ready = next(row for row in left if not (used_names(row[1]) - {row[0]}) & open_names)
        done.append(ready)
        left.remove(ready)
    return done


_formulas: dict[tuple[str, int], Any] = {}


def formulas(op: Op, order: int) -> Any:
    """The value (order 0), with the partials (1), with the curvature (2)."""
    if (op.name, order) not in _formulas:
        targets = (("v",), ("da", "db"), ("daa", "dab", "dbb")) if op.arity == 2 else (("v",), ("da",), ("daa",))
        _formulas[op.name, order] = compiled_formulas(op, sum(targets[: order + 1], ()))
    return _formulas[op.name, order]


def inner_kind(kind: ActiveType) -> ActiveType:
    """The kind that the values of a kind are numbers of."""
    assert isinstance(kind.component, ActiveType)
    return kind.component


# --- one elemental on active numbers ----------------------------------------------------------------------
def applied(op: Op, kind: ActiveType) -> Any:
    """The row as a function of active numbers."""
    if op.boolean:
        return _comparison(op, kind)
    if kind is TAPE:
        return _program_entry(op)
    return (_nested if is_active(kind.component) else _plain)(op, kind)


def _comparison(op: Op, kind: ActiveType) -> Any:
    (value,) = (formulas(op, 0),)
    if op.arity == 1:
        return lambda x: value(value_of(x))[0] != 0.0
    return lambda x, y: value(value_of(x), value_of(y))[0] != 0.0


def _program_entry(op: Op) -> Any:
    value, code = formulas(op, 0), op.code
    if op.arity == 1:
        return lambda x: record_one(code, x, value(x._value)[0])
    return lambda x, y: record_two(code, x, y, value(x._value, y._value)[0])


def _plain(op: Op, kind: ActiveType) -> Any:
    both, emit = formulas(op, 1), emitters(kind)
    if op.arity == 1:
        one = emit.one

        def of_one(x):
            v, da = both(x._value)
            return one(x, v, da)

        return of_one
    two = emit.two

    def of_two(x, y):
        v, da, db = both(x._value, y._value)
        return two(x, y, v, da, db)

    return of_two


def _nested(op: Op, kind: ActiveType) -> Any:
    every, emit, inner = formulas(op, 2), emitters(kind), emitters(inner_kind(kind))
    if op.arity == 1:
        one, inner_one = emit.one, inner.one

        def of_one(x):
            a = x._value
            v, da, daa = every(a._value)
            return one(x, inner_one(a, v, da), inner_one(a, da, daa))

        return of_one
    two, inner_two = emit.two, inner.two

    def of_two(x, y):
        a, b = x._value, y._value
        v, da, db, daa, dab, dbb = every(a._value, b._value)
        return two(x, y, inner_two(a, b, v, da, db), inner_two(a, b, da, daa, dab), inner_two(a, b, db, dab, dbb))

    return of_two


def value_of(x):
    """The plain number in an active one (or in a plain one)."""
    raise NotImplementedError


@rule(value_of)
def _value_of(x):
    if is_active(x):
        return (lambda x: x._value) if x.component is FLOAT else (lambda x: value_of(x._value))
    return lambda x: x


_passives: dict[ActiveType, Any] = {}


def passive_maker(kind: ActiveType) -> Any:
    """The compiled function (plain number) -> active number without derivatives."""
    if kind not in _passives:
        if kind is TAPE:
            _passives[kind] = program_passive
        elif kind.component is FLOAT:
            _passives[kind] = emitters(kind).passive
        else:
            outer, inner = emitters(kind).passive, emitters(inner_kind(kind)).passive
            _passives[kind] = inlined(lambda v: outer(inner(v)))
    return _passives[kind]


_lifts: dict[ActiveType, Any] = {}


def lift_to(kind: ActiveType) -> Any:
    """What makes an active number of an active or a plain one."""
    if kind not in _lifts:
        passive = passive_maker(kind)

        def lift(x):
            raise NotImplementedError

        @rule(lift)
        def lifted(x):
            return (lambda x: x) if is_active(x) else (lambda x: passive(np.float64(x)))

        _lifts[kind] = lift
    return _lifts[kind]


_recorded: dict[tuple[str, ActiveType], Any] = {}


def recorded(op: Op | str, kind: ActiveType) -> Any:
    """The compiled form of a row for active numbers of a kind."""
    row = BY_NAME[op] if isinstance(op, str) else op
    if (row.name, kind) not in _recorded:
        _recorded[row.name, kind] = inlined(applied(row, kind))
    return _recorded[row.name, kind]


def scalar_form(op: Op, *arguments: Any) -> Any:
    """The row as a function of numbers of given types, one of them active; None if these are no such numbers."""
    if not all(is_active(x) or is_number(x) for x in arguments) or not any(map(is_active, arguments)):
        return None
    kind = kind_of(*arguments)
    assert kind is not None
    record = recorded(op, kind)
    if all(map(is_active, arguments)):
        return record.py_func
    lift = lift_to(kind)
    return lambda x, y: record(lift(x), lift(y))


def _teach_row(function: Any, op: Op) -> None:
    if op.arity == 1:
        rule(function)(lambda x: scalar_form(op, x))
    else:
        rule(function)(lambda x, y: scalar_form(op, x, y))


def elementwise_functions(op: Op) -> list[Any]:
    names = [name for name in op.ufuncs if "." not in name and hasattr(np, name)]
    return [*_OPERATORS.get(op.name, ()), *(getattr(np, name) for name in names)]


def _teach() -> None:
    for op in OPS:
        if op.arity > 2 or op.name in ("power", "power_constant"):
            continue
        for function in elementwise_functions(op):
            _teach_row(function, op)
    for name, row in MATH.items():
        _teach_row(getattr(math, name), BY_NAME[row])


_teach()


# --- powers: constant exponents have rows of their own -----------------------------------------------------
_POWERS = {2: "square", 0.5: "sqrt", -1: "reciprocal", 1: "copy"}


def power_row(x: Any, y: Any) -> str:
    """The row that computes x ** y for operands of these types."""
    if not is_number(getattr(y, "dtype", y)):
        return "power"
    return _POWERS.get(getattr(y, "literal_value", math.nan), "power_constant")


def _power(x, y):
    op = BY_NAME[power_row(x, y)]
    if op.arity == 1:
        form = scalar_form(op, x)
        return form and (lambda x, y: form(x))
    return scalar_form(op, x, y)


for _function_of_two in (operator.pow, operator.ipow, np.power, np.float_power, math.pow):
    rule(_function_of_two, prefer_literal=True)(_power)


# --- Python's own functions --------------------------------------------------------------------------------
def _by_value(function: Any, source: str) -> None:
    """A function that looks at the value only."""
    scope: dict[str, Any] = {"value_of": value_of, "math": math}
    form = eval(f"lambda x: {source}", scope)
    rule(function)(lambda x: form if is_active(x) else None)


for _function, _source in (
    (bool, "value_of(x) != 0.0"), (operator.truth, "value_of(x) != 0.0"), (operator.not_, "value_of(x) == 0.0"),
    (float, "x"), (operator.pos, "x"), (int, "int(value_of(x))"), (math.floor, "math.floor(value_of(x))"),
    (math.ceil, "math.ceil(value_of(x))"), (math.trunc, "math.trunc(value_of(x))"),
):  # fmt: skip
    _by_value(_function, _source)
