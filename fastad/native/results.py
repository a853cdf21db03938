"""Results of a function on active numbers, taken apart.

Theory of operation. The numbers of a result are counted through, in order, as they stand in floats, arrays and tuples;
its values, tangents, slots and slopes are written into flat arrays at these places. A plain number in a result is one
without derivatives.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import types
from numba.core.errors import TypingError
from numba.extending import overload

from fastad.native.components import lane, zero_of
from fastad.native.elementals import value_of
from fastad.native.memory import inlined, rule
from fastad.native.types import is_active, is_array, is_number, is_plain_array

NOT_SCALAR = "fastad needs a function that returns one number here"


def slot_of(y):
    """The slot of a result; 0 of a plain number."""
    raise NotImplementedError


def slope_of(y):
    raise NotImplementedError


def tangent_of(y, k):
    """The tangent of a result along direction k."""
    raise NotImplementedError


@rule(slot_of)
def _slot_of(y):
    return (lambda y: y._slot) if is_active(y) else (lambda y: 0)


@rule(slope_of)
def _slope_of(y):
    return (lambda y: y._slope) if is_active(y) else (lambda y: 0.0)


@rule(tangent_of)
def _tangent_of(y, k):
    return (lambda y, k: lane(y._tangent, k)) if is_active(y) else (lambda y, k: 0.0)


def scalar(y):
    """The result, which has to be one number."""
    raise NotImplementedError


@rule(scalar)
def _scalar(y):
    if is_active(y) or is_number(y):
        return lambda y: y
    if (is_array(y) or is_plain_array(y)) and y.ndim == 0:
        return lambda y: y[()]
    raise TypingError(NOT_SCALAR)


# --- results of any structure ---------------------------------------------------------------------------------
def count_of(y):
    """How many numbers there are in a result."""
    raise NotImplementedError


@rule(count_of)
def _count_of(y):
    if isinstance(y, types.BaseTuple):
        text = " + ".join([f"count_of(y[{k}])" for k in range(len(y))] or ["0"])
        return eval(f"lambda y: {text}", {"count_of": count_of})
    if isinstance(y, types.NoneType):
        return lambda y: 0
    if is_active(y) or is_number(y):
        return lambda y: 1
    return (lambda y: y.size) if is_array(y) or is_plain_array(y) else None


def writer(put: Any) -> Any:
    """What writes a result's numbers: write(y, target, first) calls put(number, target, place) for each of them."""

    def write(y, target, first):
        raise NotImplementedError

    @overload(write)
    def written(y, target, first):
        if isinstance(y, types.BaseTuple):
            lines, start = ["def form(y, target, first):"], "first"
            for k in range(len(y)):
                lines += [f"    write(y[{k}], target, {start})"]
                start += f" + count_of(y[{k}])"
            scope: dict[str, Any] = {"write": write, "count_of": count_of}
            exec("\n".join([*lines, "    return None"]), scope)
            return scope["form"]
        if isinstance(y, types.NoneType):
            return lambda y, target, first: None
        if is_active(y) or is_number(y):
            return lambda y, target, first: put(y, target, first)
        if not (is_array(y) or is_plain_array(y)):
            return None

        def of_array(y, target, first):
            place = first
            for i in np.ndindex(y.shape):
                put(y[i], target, place)
                place += 1

        return of_array

    return write


@inlined
def _put_tangents(y, target, place):
    for k in range(target.shape[0]):
        target[k, place] = tangent_of(y, k)


@inlined
def _put_edge(y, target, place):
    slots, slopes = target
    slots[place], slopes[place] = slot_of(y), edge_slope(y, slopes)


def edge_slope(y, slopes):
    """The slope of a result; of a plain number, what will not matter."""
    raise NotImplementedError


@rule(edge_slope)
def _edge_slope(y, slopes):
    if is_active(y):
        return lambda y, slopes: y._slope
    zero = zero_of(slopes.dtype)
    return lambda y, slopes: zero()


@inlined
def _put_slot(y, target, place):
    target[place] = slot_of(y)


@inlined
def _put_value(y, target, place):
    target[place] = value_of(y)


@inlined
def _put_second_tangents(y, target, place):
    weights, row = target
    for k in range(row.size):
        row[k] += weights[place] * second_tangent_of(y, k)


def second_tangent_of(y, k):
    """The tangent along inner direction k of the tangent of a result."""
    raise NotImplementedError


@rule(second_tangent_of)
def _second_tangent_of(y, k):
    return (lambda y, k: lane(y._tangent._tangent, k)) if is_active(y) else (lambda y, k: 0.0)


write_second_tangents = writer(_put_second_tangents)
write_slots, write_values = writer(_put_slot), writer(_put_value)
write_tangents, write_edges = writer(_put_tangents), writer(_put_edge)


# --- results in their structure -------------------------------------------------------------------------------
def _in_structure(of_number: Any) -> Any:
    """What makes of a result the same structure of plain numbers."""

    def taken(y):
        raise NotImplementedError

    @overload(taken)
    def _taken(y):
        if isinstance(y, types.BaseTuple):
            return eval(f"lambda y: ({''.join(f'taken(y[{k}]), ' for k in range(len(y)))})", {"taken": taken})
        if isinstance(y, types.NoneType):
            return lambda y: y
        if is_active(y) or is_number(y):
            return lambda y: of_number(y)
        if not (is_array(y) or is_plain_array(y)):
            return None

        def of_array(y):
            out = np.empty(y.shape)
            for i in np.ndindex(y.shape):
                out[i] = of_number(y[i])
            return out

        return of_array

    return taken


result_values = _in_structure(inlined(lambda y: np.float64(value_of(y))))
result_tangents = _in_structure(inlined(lambda y: tangent_of(y, 0)))
