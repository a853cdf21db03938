"""Traced arrays as compiled code sees them that asks for plain ones: arrays of objects.

Arithmetic on the objects comes back to the traced scalars; whatever would need numbers fails there. The commonest
such code is `A.dot(x)` with a plain array on the left, a method that no protocol overrides. It multiplies and adds
the objects one by one; they collect the factors, and are one product when the last one has come.
"""

from __future__ import annotations

import dis
import sys
from functools import cache
from types import CodeType
from typing import Any

import numpy as np

from fastad.record.builder import is_assignment
from fastad.record.traced import ASSIGNMENT, TracedArray, builder_for, cut, scalar_of


def object_array(x: TracedArray, dtype: Any) -> np.ndarray:
    """The elements as Python objects, for C code that asks for a plain array.

    Arithmetic on objects comes back to the traced scalars; whatever would need numbers fails there.
    """
    frame = sys._getframe(2)
    if is_assignment(frame):
        raise cut(*ASSIGNMENT)
    if dtype is not None and np.dtype(dtype) != object:
        raise cut(
            f"a conversion to a plain array of {np.dtype(dtype)}",
            "use np.asarray(x) in the function that is differentiated",
        )
    if x.ndim and x.size and "dot" in frame.f_code.co_names and _calls_dot(frame.f_code, frame.f_lasti):
        return _factors(x)
    out = np.empty(x.shape, object)
    slots, builder = x.slots, builder_for((x,))
    builder.gave_objects = True
    for index in np.ndindex(x.shape):
        out[index] = scalar_of(builder, int(slots[index]), x.value[index])
    return out


# --- the method dot of plain arrays -----------------------------------------------------------------
@cache
def _calls_dot(code: CodeType, offset: int) -> bool:
    """Whether the instruction at a place calls a method that is named dot."""
    instructions = list(dis.get_instructions(code))
    call = next(i for i in instructions if i.offset == offset)
    if "CALL" not in call.opname or call.positions is None or call.positions.lineno is None:
        return False
    begins = call.positions.lineno, call.positions.col_offset
    named = [
        (i.positions.end_lineno, i.positions.end_col_offset, i.argval)
        for i in instructions
        if i.offset < offset and i.opname in ("LOAD_METHOD", "LOAD_ATTR") and i.positions is not None
        and (i.positions.lineno, i.positions.col_offset) == begins
    ]  # fmt: skip
    return bool(named) and max(named)[-1] == "dot"


class _Factor:
    """An element of the right operand."""

    __slots__ = ("array", "count", "index")

    def __init__(self, array: TracedArray, index: tuple[int, ...], count: int) -> None:
        self.array, self.index, self.count = array, index, count

    def __rmul__(self, coefficient: Any) -> Any:
        if type(coefficient) not in (float, int) or self.count == 1:
            return coefficient * self.array[self.index]
        return _Sum(self, coefficient)


class _Sum:
    """Products of numbers with elements, of which more are to come."""

    __slots__ = ("coefficients", "factor")

    def __init__(self, factor: _Factor, coefficient: float) -> None:
        self.factor, self.coefficients = factor, [coefficient]

    def __add__(self, other: _Sum) -> Any:
        self.coefficients += other.coefficients
        if len(self.coefficients) < self.factor.count:
            return self
        x, index = self.factor.array, self.factor.index
        column = x if x.ndim == 1 else x[(*index[:-2], slice(None), index[-1])]
        return np.dot(np.array(self.coefficients, np.float64), column)


def _factors(x: TracedArray) -> np.ndarray:
    out = np.empty(x.shape, object)
    count = x.shape[-2] if x.ndim > 1 else x.size
    for index in np.ndindex(x.shape):
        out[index] = _Factor(x, index, count)
    return out
