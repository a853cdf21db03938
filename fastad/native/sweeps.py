"""The adjoint sweep over a tape that compiled code has recorded."""

from __future__ import annotations

from numba import njit

from fastad.native.emission import (
    ADD_NUMBER,
    CONSTANT,
    DIVIDE_BY_NUMBER,
    MULTIPLY_NUMBER,
    NUMBER_DIVIDED,
    NUMBER_MINUS,
    SUBTRACT_NUMBER,
)
from fastad.ops import BY_NAME

ADD, SUBTRACT, MULTIPLY, DIVIDE, NEGATIVE, COPY, SQUARE = (
    BY_NAME[name].code for name in ("add", "subtract", "multiply", "divide", "negative", "copy", "square")
)


@njit(error_model="numpy", nogil=True)
def adjoint_sweep(opcode, left, right, value, bars, last, first):  # type: ignore[no-untyped-def]
    """Adjoints of the slots below `first` (the independents), from those of the slots up to `last`."""
    for i in range(last, first - 1, -1):
        g = bars[i]
        if g == 0.0:
            continue
        op, a, b = opcode[i], left[i], right[i]
        if op == MULTIPLY:
            x, y = value[a], value[b]
            bars[a] += g * y if y != 0.0 else 0.0
            bars[b] += g * x if x != 0.0 else 0.0
        elif op == ADD:
            bars[a] += g
            bars[b] += g
        elif op == SUBTRACT:
            bars[a] += g
            bars[b] -= g
        elif op == MULTIPLY_NUMBER:
            y = value[b]
            bars[a] += g * y if y != 0.0 else 0.0
        elif op == ADD_NUMBER or op == SUBTRACT_NUMBER or op == COPY:
            bars[a] += g
        elif op == CONSTANT:
            continue
        elif op == DIVIDE:
            q, v = g / value[b], value[i]
            bars[a] += q
            bars[b] -= q * v if v != 0.0 else 0.0
        elif op == DIVIDE_BY_NUMBER:
            bars[a] += g / value[b]
        elif op == NUMBER_MINUS or op == NEGATIVE:
            bars[a] -= g
        elif op == NUMBER_DIVIDED:
            v = value[i]
            bars[a] -= g / value[a] * v if v != 0.0 else 0.0
        elif op == SQUARE:
            x = value[a]
            bars[a] += 2.0 * x * g if x != 0.0 else 0.0
        elif b == 0:  # one operand
            d = value[i - 1]
            bars[a] += d * g if d != 0.0 else 0.0
        else:
            d = value[i - 2]
            bars[a] += d * g if d != 0.0 else 0.0
            d = value[i - 1]
            bars[b] += d * g if d != 0.0 else 0.0
