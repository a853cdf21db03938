"""Coefficients of truncated power series, instruction by instruction.

An instruction's series is worked out by a few steps, coefficient by coefficient: `work` holds one series a row, first
the three operands, then what the steps make. A step is (kind, own, x, y, z), numbers of rows. Coefficients of order 0
are there from the beginning, conditions are decided by them, and a step reads what is known: coefficients of its order
of rows before it, and of lower orders of any row. A coefficient that is exactly 0 contributes exactly 0.
"""

import numpy as np
from numba import njit

kernel = njit(error_model="numpy", nogil=True, no_cpython_wrapper=True, no_cfunc_wrapper=True)
entry = njit(error_model="numpy", nogil=True, no_cfunc_wrapper=True)

HELD, ADD, SUBTRACT, NEGATE, SCALE, MULTIPLY, SHRINK, DIVIDE, SELECT, CHAIN, POWER = range(11)
OPERANDS = 3  # rows of the operands
SQUARINGS = 6  # integer powers below 2**6 are products
POWERS = 2 * SQUARINGS  # rows behind the one of a power, for its partial products


@kernel
def product(x, y):
    return 0.0 if x == 0.0 or y == 0.0 else x * y


@kernel
def convolved(work, x, y, k, first):
    """Coefficient k of a product, without the terms in which x has an order below `first`."""
    total = 0.0
    for j in range(first, k + 1):
        total += product(work[x, j], work[y, k - j])
    return total


@kernel
def chained(work, x, slope, k):
    """Coefficient k of v where v' = slope x'."""
    total = 0.0
    for j in range(1, k + 1):
        total += product(j * work[x, j], work[slope, k - j])
    return total / k


@kernel
def raised(work, own, x, exponent, k):
    """Coefficient k of x to a whole power, by squaring."""
    last, made = -1, own + SQUARINGS
    for i in range(SQUARINGS):
        if exponent >> i == 0:
            break
        square = own + i
        work[square, k] = work[x, k] if i == 0 else convolved(work, square - 1, square - 1, k, 0)
        if exponent >> i & 1:
            if last < 0:
                last = square
            else:
                work[made, k] = convolved(work, last, square, k, 0)
                last = made
                made += 1
    return work[last, k] if last >= 0 else (1.0 if k == 0 else 0.0)


@kernel
def raised_zero(work, x, exponent, k):
    """Coefficient k of x to a power that is not whole, or is negative, where x is 0."""
    if k < exponent:
        return 0.0
    size = np.inf * work[x, 1] ** k
    for j in range(k):
        size *= exponent - j
    return size


@kernel
def power(work, own, x, exponent, logs, k):
    """Coefficient k of x ** exponent; `logs` is the row of exponent * log(x), or -1."""
    if logs >= 0:
        for j in range(1, work.shape[1]):
            if work[exponent, j] != 0.0:
                return chained(work, logs, own, k)
    number, base = work[exponent, 0], work[x, 0]
    if 0.0 <= number < 1 << SQUARINGS and number == np.floor(number):
        if k == 1:
            raised(work, own + 1, x, np.int64(number), 0)
        return raised(work, own + 1, x, np.int64(number), k)
    if base == 0.0:
        return raised_zero(work, x, number, k)
    total = 0.0
    for j in range(1, k + 1):
        total += product((number * j - (k - j)) * work[x, j], work[own, k - j])
    return total / (k * base)


@kernel
def coefficient(work, kind, own, x, y, z, k):
    """Coefficient k of the series that a step makes."""
    if kind == HELD:
        return np.nan if np.isnan(work[own, 0]) else 0.0
    if kind == ADD:
        return work[x, k] + work[y, k]
    if kind == SUBTRACT:
        return work[x, k] - work[y, k]
    if kind == NEGATE:
        return -work[x, k]
    if kind == SCALE:
        return product(work[x, k], work[y, 0])
    if kind == MULTIPLY:
        return convolved(work, x, y, k, 0)
    if kind == SHRINK:
        return 0.0 if work[x, k] == 0.0 else work[x, k] / work[y, 0]
    if kind == DIVIDE:
        return (work[x, k] - convolved(work, y, own, k, 1)) / work[y, 0]
    if kind == SELECT:
        return work[y, k] if work[x, 0] != 0.0 else work[z, k]
    if kind == CHAIN:
        return chained(work, x, y, k)
    return power(work, own, x, y, z, k)


@kernel
def load_operands(series, slots, work):
    """Whether any of the operands changes at all."""
    changes = False
    for row in range(OPERANDS):
        for k in range(work.shape[1]):
            work[row, k] = series[slots[row], k]
            changes |= k > 0 and work[row, k] != 0.0
    return changes


@entry
def run_series(first, slots, programs, starts, steps, results, widths, known, series, work):
    """Series of the slots from `first` on, whose coefficients of order 0 are there.

    slots : (count, 3), operands. programs : (count,), which steps each instruction has: starts[p] .. starts[p + 1] of
    steps (n, 5). results, widths : the row of the result and the number of rows besides the operands, by program.
    known : coefficients of order 0 of those rows, one instruction after the other.
    """
    at, orders = 0, work.shape[1]
    for i in range(programs.size):
        p, own = programs[i], first + i
        if load_operands(series, slots[i], work):
            for row in range(widths[p]):
                work[OPERANDS + row, 0] = known[at + row]
            work[results[p], 0] = series[own, 0]
            for k in range(1, orders):
                for s in range(starts[p], starts[p + 1]):
                    row = steps[s, 1]
                    work[row, k] = coefficient(work, steps[s, 0], row, steps[s, 2], steps[s, 3], steps[s, 4], k)
                series[own, k] = work[results[p], k]
        at += widths[p]
