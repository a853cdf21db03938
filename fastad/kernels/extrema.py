"""The greatest or least element of each row; a tie shares its tangent and adjoint evenly.

A nan among the elements is the result, and makes all partials nan. Rows that lie side by side in memory (the
maximum over the first axis of a matrix) are compared column by column, a vector of rows at a time.
Arguments as in `sweeps`; `width` is the number of lanes of the values: 1, or `lanes` with many points.
"""

import numpy as np
from numba import njit

from fastad.kernels.layout import (
    AFFINE,
    FIRST,
    INNER,
    INNER_STRIDE,
    LENGTH,
    OUTER_STRIDE,
    SIZE0,
    SIZE1,
    START,
)  # fmt: skip
from fastad.kernels.operands import accumulate, clear, gather, operand_row, product

kernel = njit(error_model="numpy", nogil=True, no_cpython_wrapper=True, no_cfunc_wrapper=True)


@kernel
def better(v, best, sign):
    """Whether v takes the place of the best so far; nan does, and is not displaced."""
    return (sign * v > sign * best) | (v != v)


@kernel
def is_reached(v, best):
    """Whether an element has a share in the result."""
    return (v == best) | (best != best)


@kernel
def share(count):
    """The partial of each of `count` tied elements."""
    return 1.0 / count if count > 0.0 else np.nan


@kernel
def stand_side_by_side(code, row):
    at = operand_row(row, 0)
    return (code[at + AFFINE] == 1 and code[at + OUTER_STRIDE] == 1 and code[at + INNER] == code[row + SIZE0]
            and code[row + LENGTH] > 1)  # fmt: skip


@kernel
def best_of_columns(work, x, step, inner, count, sign, out):
    for i in range(count):
        work[out + i] = work[x + i]
    for j in range(1, inner):
        for i in range(count):
            v, best = work[x + j * step + i], work[out + i]
            work[out + i] = v if better(v, best, sign) else best


@kernel
def best_of_row(work, x, size, sign):
    """The best of consecutive numbers, by four runs."""
    a = b = c = d = work[x]
    whole = size - size % 4
    for j in range(x, x + whole, 4):
        a = work[j] if better(work[j], a, sign) else a
        b = work[j + 1] if better(work[j + 1], b, sign) else b
        c = work[j + 2] if better(work[j + 2], c, sign) else c
        d = work[j + 3] if better(work[j + 3], d, sign) else d
    for j in range(x + whole, x + size):
        a = work[j] if better(work[j], a, sign) else a
    a, c = b if better(b, a, sign) else a, d if better(d, c, sign) else c
    return c if better(c, a, sign) else a


@kernel
def best_of_lane(work, x, size, lanes, lane, sign):
    best = work[x + lane]
    for j in range(x + lane, x + size * lanes, lanes):
        best = work[j] if better(work[j], best, sign) else best
    return best


@kernel
def primal_extremum(code, work, row, lanes, scratch):
    inner, sign, at = code[row + SIZE0], code[row + SIZE1], operand_row(row, 0)
    if lanes == 1 and stand_side_by_side(code, row):
        step = code[at + INNER_STRIDE]
        best_of_columns(work, code[at + START], step, inner, code[row + LENGTH], sign, code[row + FIRST])
        return
    for i in range(code[row + LENGTH]):
        x = gather(code, work, at, i * inner, inner, lanes, 0, scratch)
        out = (code[row + FIRST] + i) * lanes
        if lanes == 1:
            work[out] = best_of_row(work, x, inner, sign)
        else:
            for lane in range(lanes):
                work[out + lane] = best_of_lane(work, x, inner, lanes, lane, sign)


@kernel
def shares(work, x, best, inner, width, lanes, target):
    """For each lane, the partial of an element that reaches the best."""
    for lane in range(lanes):
        own, count = lane if width > 1 else 0, 0.0
        if lane > 0 and width == 1:
            work[target + lane] = work[target]
            continue
        for j in range(inner):
            count += 1.0 if work[x + j * width + own] == work[best + own] else 0.0
        work[target + lane] = share(count)


@kernel
def tangent_extremum(code, work, row, lanes, dots, scratch, room):
    inner, at, part = code[row + SIZE0], operand_row(row, 0), scratch + 2 * room
    for i in range(code[row + LENGTH]):
        x = gather(code, work, at, i * inner, inner, 1, 0, scratch)
        t = gather(code, work, at, i * inner, inner, lanes, dots, scratch + room)
        best, out = code[row + FIRST] + i, dots + (code[row + FIRST] + i) * lanes
        shares(work, x, best, inner, 1, lanes, part)
        clear(work, out, lanes)
        for j in range(inner):
            if is_reached(work[x + j], work[best]):
                for lane in range(lanes):
                    work[out + lane] += product(work[part + lane], work[t + j * lanes + lane])


@kernel
def pull_columns(code, work, row, bars, scratch):
    inner, count, at = code[row + SIZE0], code[row + LENGTH], operand_row(row, 0)
    x, step, best, g = code[at + START], code[at + INNER_STRIDE], code[row + FIRST], bars + code[row + FIRST]
    clear(work, scratch, count)
    for j in range(inner):
        for i in range(count):
            work[scratch + i] += 1.0 if work[x + j * step + i] == work[best + i] else 0.0
    for i in range(count):
        work[scratch + i] = product(share(work[scratch + i]), work[g + i])
    for j in range(inner):
        for i in range(count):
            reached = is_reached(work[x + j * step + i], work[best + i])
            work[bars + x + j * step + i] += work[scratch + i] if reached else 0.0


@kernel
def adjoint_extremum(code, work, row, width, lanes, bars, scratch, room):
    """Also of changes of adjoints: the choice itself has no second derivative."""
    if lanes == 1 and stand_side_by_side(code, row):
        pull_columns(code, work, row, bars, scratch)
        return
    inner, at, part, own = code[row + SIZE0], operand_row(row, 0), scratch + room, 1 if width > 1 else 0
    for i in range(code[row + LENGTH]):
        x = gather(code, work, at, i * inner, inner, width, 0, scratch)
        best, g = (code[row + FIRST] + i) * width, bars + (code[row + FIRST] + i) * lanes
        shares(work, x, best, inner, width, lanes, part)
        for j in range(inner):
            reached = 0
            for lane in range(lanes):
                hit = is_reached(work[x + j * width + lane * own], work[best + lane * own])
                reached += hit
                work[part + lanes + lane] = product(work[part + lane], work[g + lane]) if hit else 0.0
            if reached > 0:
                accumulate(code, work, at, i * inner + j, 1, lanes, bars, part + lanes)
