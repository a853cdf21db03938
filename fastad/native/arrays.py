"""Overloads for active arrays: indexing, views, element-wise operations, reductions, creation.

Whatever only moves data is done to the values and to the slots. Operations on whole arrays are loops over elements:
compiled code is what loops cost nothing in.
"""

from __future__ import annotations

import operator
from typing import Any

import numpy as np
from numba import njit, types
from numba.extending import overload, overload_attribute, overload_method

from fastad.native.elementals import (
    _functions,
    is_active,
    kind_of,
    lift_to,
    number,
    recorded,
)
from fastad.native.types import MAKE, MAKE_ARRAY, ActiveArrayType
from fastad.ops import BY_NAME, OPS, Op


def is_array(x: Any) -> bool:
    return isinstance(x, ActiveArrayType)


def members(kinds: Any) -> tuple[Any, ...]:
    """The types in a tuple's type."""
    return tuple(kinds.types)


def holds_active(kind: Any) -> bool:
    """Whether values of a type have active numbers in them."""
    return any(map(holds_active, members(kind))) if isinstance(kind, types.BaseTuple) else bool(kind_of(kind))


def plain_array(x: Any) -> bool:
    return isinstance(x, types.Array) and isinstance(x.dtype, types.Number | types.Boolean)


# --- shape and views ---------------------------------------------------------------------------------------
for _name in ("shape", "size", "ndim"):

    def _attribute(name: str) -> None:
        @overload_attribute(ActiveArrayType, name)
        def of_array(x):  # type: ignore[no-untyped-def]
            scope: dict[str, Any] = {}
            exec(f"def get(x):\n    return x._values.{name}", scope)
            return scope["get"]

    _attribute(_name)


@overload(len)
def _len(x):  # type: ignore[no-untyped-def]
    if is_array(x):
        return lambda x: len(x._values)


def _moving_method(name: str, arguments: str = "") -> None:
    """A method that does the same to values and slots."""
    comma = ", " if arguments else ""
    source = (
        f"def factory(make):\n    def method(x{comma}{arguments}):\n"
        f"        return make(x._tape, x._slots.{name}({arguments.split('=')[0]}), "
        f"x._values.{name}({arguments.split('=')[0]}))\n    return method"
    )
    scope: dict[str, Any] = {}
    exec(source, scope)

    def implementation(x):  # type: ignore[no-untyped-def]
        return scope["factory"](MAKE_ARRAY[x.kind])

    if arguments:
        overload_method(ActiveArrayType, name)(lambda x, shape: implementation(x))
    else:
        overload_method(ActiveArrayType, name)(lambda x: implementation(x))


for _name in ("copy", "flatten", "ravel", "transpose"):
    _moving_method(_name)
_moving_method("reshape", "shape")


@overload_attribute(ActiveArrayType, "T")
def _transposed(x):  # type: ignore[no-untyped-def]
    make = MAKE_ARRAY[x.kind]
    return lambda x: make(x._tape, x._slots.T, x._values.T)


@overload(operator.getitem)
def _getitem(x, index):  # type: ignore[no-untyped-def]
    if is_array(x):
        make = MAKE[x.kind] if _picks_one(x, index) else MAKE_ARRAY[x.kind]
        return lambda x, index: make(x._tape, x._slots[index], x._values[index])


def _picks_one(x: ActiveArrayType, index: Any) -> bool:
    """Whether an index names one element."""
    if isinstance(index, types.Integer):
        return x.ndim == 1
    return (
        isinstance(index, types.BaseTuple)
        and len(index) == x.ndim
        and all(isinstance(part, types.Integer) for part in members(index))
    )


@overload(operator.setitem)
def _setitem(x, index, value):  # type: ignore[no-untyped-def]
    if not is_array(x):
        return None
    if is_array(value):

        def with_array(x, index, value):  # type: ignore[no-untyped-def]
            slots, values = value._slots.copy(), value._values.copy()  # the two may share memory
            x._slots[index] = slots
            x._values[index] = values

        return with_array
    if plain_array(value):

        def with_plain(x, index, value):  # type: ignore[no-untyped-def]
            x._slots[index] = 0
            x._values[index] = value

        return with_plain
    raised = lift_to(x.kind)

    def with_number(x, index, value):  # type: ignore[no-untyped-def]
        one = raised(value)
        x._slots[index] = one._slot
        x._values[index] = one._value

    return with_number


# --- element by element ------------------------------------------------------------------------------------
def slots_of(x):  # type: ignore[no-untyped-def]
    raise NotImplementedError


def values_of(x):  # type: ignore[no-untyped-def]
    raise NotImplementedError


def tape_of(x):  # type: ignore[no-untyped-def]
    raise NotImplementedError


@overload(slots_of)
def _slots_overload(x):  # type: ignore[no-untyped-def]
    """Slots of an operand, as an array."""
    if is_array(x):
        return lambda x: x._slots
    if is_active(x):
        return lambda x: np.array([x._slot])
    if plain_array(x):
        return lambda x: np.zeros(x.shape, np.int64)
    return lambda x: np.zeros(1, np.int64)


@overload(values_of)
def _values_overload(x):  # type: ignore[no-untyped-def]
    if is_array(x):
        return lambda x: x._values
    if is_active(x):
        return lambda x: np.array([x._value])
    if plain_array(x):
        return lambda x: x.astype(np.float64)
    return lambda x: np.array([np.float64(x)])


@overload(tape_of)
def _tape_overload(x):  # type: ignore[no-untyped-def]
    if isinstance(x, types.BaseTuple):
        kinds = members(x)
        first = next((k for k, kind in enumerate(kinds) if holds_active(kind)), None)
        return (lambda x: 0) if first is None else (lambda x: tape_of(x[first]))
    if is_array(x) or is_active(x):
        return lambda x: x._tape
    return lambda x: 0


def _rank(x: Any) -> int:
    return x.ndim if is_array(x) or plain_array(x) else 0


def _map_one(op: Op, x: Any) -> Any:
    record, make, make_array = recorded(op, x.kind), MAKE[x.kind], MAKE_ARRAY[x.kind]

    def each(x):  # type: ignore[no-untyped-def]
        slots, values = np.empty(x._values.shape, np.int64), np.empty(x._values.shape)
        for i in np.ndindex(x._values.shape):
            result = record(make(x._tape, x._slots[i], x._values[i]))
            slots[i], values[i] = result._slot, result._value
        return make_array(x._tape, slots, values)

    return each


def _map_two(op: Op, kind: str) -> Any:
    record, make, make_array = recorded(op, kind), MAKE[kind], MAKE_ARRAY[kind]

    if op.boolean:

        def compare(x, y):  # type: ignore[no-untyped-def]
            a, b = np.broadcast_arrays(values_of(x), values_of(y))
            out = np.empty(a.shape, np.bool_)
            for i in np.ndindex(a.shape):
                out[i] = record(make(0, 0, a[i]), make(0, 0, b[i]))
            return out

        return compare

    def each(x, y):  # type: ignore[no-untyped-def]
        tape_x, tape_y = tape_of(x), tape_of(y)
        a, b = np.broadcast_arrays(values_of(x), values_of(y))
        left, right = np.broadcast_arrays(slots_of(x), slots_of(y))
        slots, values = np.empty(a.shape, np.int64), np.empty(a.shape)
        for i in np.ndindex(a.shape):
            result = record(make(tape_x, left[i], a[i]), make(tape_y, right[i], b[i]))
            slots[i], values[i] = result._slot, result._value
        return make_array(tape_x if tape_x != 0 else tape_y, slots, values)

    return each


def _fits(x: Any, y: Any) -> bool:
    known = [is_array(z) or is_active(z) or plain_array(z) or number(z) for z in (x, y)]
    return all(known) and (
        is_array(x) or is_array(y) or (is_active(x) and plain_array(y)) or (plain_array(x) and is_active(y))
    )


def _teach() -> None:
    for op in OPS:
        if op.arity > 2 or op.name in ("power", "power_constant"):
            continue
        for function in _functions(op):
            if function in (abs, operator.abs) or op.arity == 1:
                _teach_one(function, op)
            else:
                _teach_two(function, op)


def _teach_one(function: Any, op: Op) -> None:
    @overload(function)
    def of_one(x):  # type: ignore[no-untyped-def]
        if is_array(x):
            return _map_one(op, x)


_IN_PLACE = {operator.iadd, operator.isub, operator.imul, operator.itruediv, operator.ifloordiv, operator.imod}


def _teach_two(function: Any, op: Op) -> None:
    @overload(function)
    def of_two(x, y):  # type: ignore[no-untyped-def]
        if not _fits(x, y):
            return None
        each = _map_two(op, kind_of(x, y))
        if function not in _IN_PLACE or not is_array(x):
            return each
        loop = njit(error_model="numpy", nogil=True)(each)

        def in_place(x, y):  # type: ignore[no-untyped-def]
            result = loop(x, y)
            x._slots[...] = result._slots
            x._values[...] = result._values
            return x

        return in_place


_teach()

_POWERS = {2: "square", 0.5: "sqrt", -1: "reciprocal", 1: "copy"}


def _array_power(x, y):  # type: ignore[no-untyped-def]
    if not _fits(x, y):
        return None
    known = getattr(y, "literal_value", None)
    if is_array(x) and known in _POWERS:
        each = njit(error_model="numpy", nogil=True)(_map_one(BY_NAME[_POWERS[known]], x))
        return lambda x, y: each(x)
    return _map_two(BY_NAME["power_constant" if number(y) or plain_array(y) else "power"], kind_of(x, y))


for _function_of_two in (operator.pow, np.power):
    overload(_function_of_two, prefer_literal=True)(_array_power)


# --- reductions and products -------------------------------------------------------------------------------
@overload(np.sum)
def _sum(a):  # type: ignore[no-untyped-def]
    if is_array(a):
        add, make = recorded(BY_NAME["add"], a.kind), MAKE[a.kind]

        def total(a):  # type: ignore[no-untyped-def]
            result = make(0, 0, 0.0)
            for i in np.ndindex(a._values.shape):
                result = add(result, make(a._tape, a._slots[i], a._values[i]))
            return result

        return total


@overload_method(ActiveArrayType, "sum")
def _sum_method(x):  # type: ignore[no-untyped-def]
    return lambda x: np.sum(x)


@overload(np.mean)
def _mean(a):  # type: ignore[no-untyped-def]
    if is_array(a):
        return lambda a: np.sum(a) / a._values.size


@overload_method(ActiveArrayType, "mean")
def _mean_method(x):  # type: ignore[no-untyped-def]
    return lambda x: np.sum(x) / x._values.size


def _dot(a, b):  # type: ignore[no-untyped-def]
    if not (is_array(a) or is_array(b)) or not all(is_array(z) or plain_array(z) for z in (a, b)):
        return None
    kind = kind_of(a, b)
    raised = lift_to(kind)
    if (a.ndim, b.ndim) == (1, 1):

        def inner(a, b):  # type: ignore[no-untyped-def]
            if len(a) != len(b):
                raise ValueError("incompatible array sizes for np.dot(a, b)")
            total = raised(0.0)
            for i in range(len(a)):
                total = total + a[i] * b[i]
            return total

        return inner
    make_array = MAKE_ARRAY[kind]
    if (a.ndim, b.ndim) == (2, 1):

        def matvec(a, b):  # type: ignore[no-untyped-def]
            slots, values = np.empty(a.shape[0], np.int64), np.empty(a.shape[0])
            for i in range(a.shape[0]):
                total = raised(0.0)
                for k in range(a.shape[1]):
                    total = total + a[i, k] * b[k]
                slots[i], values[i] = total._slot, total._value
            return make_array(max(tape_of(a), tape_of(b)), slots, values)

        return matvec
    if (a.ndim, b.ndim) == (1, 2):
        return lambda a, b: np.dot(b.T, a)

    def product(a, b):  # type: ignore[no-untyped-def]
        shape = (a.shape[0], b.shape[1])
        slots, values = np.empty(shape, np.int64), np.empty(shape)
        for i in range(shape[0]):
            for j in range(shape[1]):
                total = raised(0.0)
                for k in range(a.shape[1]):
                    total = total + a[i, k] * b[k, j]
                slots[i, j], values[i, j] = total._slot, total._value
        return make_array(max(tape_of(a), tape_of(b)), slots, values)

    return product


overload(np.dot)(_dot)
overload(operator.matmul)(_dot)
