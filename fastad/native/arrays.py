"""Operators and element-wise functions of arrays of active numbers, from the table of operations.

Theory of operation. A function of whole arrays is a loop over elements here, with NumPy's broadcasting: compiled code
is what loops cost nothing in. Indexing, views and whatever else only moves elements is Numba's own code.
"""

from __future__ import annotations

import operator
from typing import Any

import numpy as np
from numba.extending import overload

from fastad.native.creation import allocator, is_known
from fastad.native.elementals import elementwise_functions, power_row, scalar_form
from fastad.native.loops import mapped, rank
from fastad.native.memory import inlined, outlined
from fastad.native.types import ActiveType, is_active, is_array, kind_of
from fastad.ops import BY_NAME, OPS, Op

IN_PLACE = {
    operator.iadd: operator.add, operator.isub: operator.sub, operator.imul: operator.mul,
    operator.itruediv: operator.truediv, operator.ifloordiv: operator.floordiv, operator.imod: operator.mod,
    operator.ipow: operator.pow,
}  # fmt: skip


def meets_array(*arguments: Any) -> bool:
    """Whether the arguments are numbers and arrays, one of them an array, one of them active."""
    return all(map(is_known, arguments)) and any(map(rank, arguments)) and kind_of(*arguments) is not None


@outlined
def _truth_values(shape):
    return np.empty(shape, np.bool_)


def result_maker(op: Op, kind: ActiveType) -> Any:
    """What makes the array of results."""
    return _truth_values if op.boolean else allocator(kind)


def array_form(op: Op, *arguments: Any) -> Any:
    """The row as a function of arrays and numbers of given types; None if it is none of those."""
    if not meets_array(*arguments):
        return None
    kind = kind_of(*arguments)
    assert kind is not None
    inside = [getattr(x, "dtype", x) if rank(x) else x for x in arguments]
    form = scalar_form(op, *(kind if is_active(x) else x for x in inside))
    each = outlined(mapped(inlined(form), result_maker(op, kind), arguments))
    return (lambda x: each(x)) if len(arguments) == 1 else (lambda x, y: each(x, y))


def _in_place(function: Any) -> Any:
    """x op= y, as a function: Numba's own typing of it fails for arrays that it does not know."""
    plain = IN_PLACE[function]

    def assign(x, y):
        raise NotImplementedError

    @overload(assign, prefer_literal=True)
    def assigned(x, y):
        if is_array(x) and meets_array(x, y):
            each = outlined(mapped(inlined(_of_elements(plain, y)), None, (x, y)))
            return lambda x, y: each(x, y)
        return lambda x, y: function(x, y)

    return assign


def _of_elements(plain: Any, y: Any) -> Any:
    """The operator on elements; the exponent of a power, where it stands in the text, says which row it is."""
    known = getattr(y, "literal_value", None)
    if plain is operator.pow and known is not None:
        return lambda a, b: a**known
    return lambda a, b: plain(a, b)


def _teach_row(function: Any, op: Op) -> None:
    if op.arity == 1:
        overload(function)(lambda x: array_form(op, x))
    elif function not in IN_PLACE:
        overload(function)(lambda x, y: array_form(op, x, y))


def _power(x, y):
    op = BY_NAME[power_row(x, y)]
    if op.arity == 1 and is_array(x):
        each = outlined(array_form(op, x))
        return lambda x, y: each(x)
    return array_form(op, x, y)


def _teach() -> None:
    for op in OPS:
        if op.arity > 2 or op.name in ("power", "power_constant"):
            continue
        for function in elementwise_functions(op):
            _teach_row(function, op)
    for function in (operator.pow, np.power, np.float_power):
        overload(function, prefer_literal=True)(_power)


_teach()
ASSIGNING = {function: _in_place(function) for function in IN_PLACE}


@overload(operator.pos)
def _pos(x):
    if is_array(x):
        return lambda x: x.copy()
