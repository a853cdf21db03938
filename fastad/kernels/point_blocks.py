"""Block instructions with many points: as in `sweeps`, but the values have lanes too, one a point.

An element-wise row is LANES times as long; sums and scattered sums add lane by lane; a matrix product runs its plain
loops over whole places, and so needs no care for absolute zeros that BLAS would need.
"""

from numba import njit

from fastad.kernels.extrema import adjoint_extremum, primal_extremum
from fastad.kernels.lanes import lanes_multiply_add, lanes_plus_scaled
from fastad.kernels.layout import (
    BLOCK,
    BLOCK_PARTIALS,
    BLOCK_PRIMAL,
    ELEMENTWISE,
    EXTREMUM,
    FIRST,
    KIND,
    LANES,
    LENGTH,
    M_BATCH,
    MATMUL,
    OPCODE,
    SIZE0,
    SIZE1,
    SIZE2,
    SUM,
)  # fmt: skip
from fastad.kernels.operands import accumulate, clear, gather, operand_count, operand_row, product
from fastad.kernels.pointers import call_block, kernel_for
from fastad.kernels.sweeps import adjoint_scatter, adjoint_sum, is_active, scatter_rows, sum_rows

kernel = njit(error_model="numpy", nogil=True, no_cpython_wrapper=True, no_cfunc_wrapper=True)

STEP = BLOCK // LANES  # elements at a time


@kernel
def lane_operands(code, work, row, low, size, scratch, room):
    """Offsets of the three operands of an element-wise instruction; a missing one repeats the first."""
    x = gather(code, work, operand_row(row, 0), low, size, LANES, 0, scratch)
    y, w = x, x
    if operand_count(code, row, 1) > 0:
        y = gather(code, work, operand_row(row, 1), low, size, LANES, 0, scratch + room)
    if operand_count(code, row, 2) > 0:
        w = gather(code, work, operand_row(row, 2), low, size, LANES, 0, scratch + 2 * room)
    return x, y, w


@kernel
def run_lanes(code, work, which, row, low, size, scratch, room, target):
    """Carry out a dispatch kernel on all lanes of the elements low .. low + size."""
    x, y, w = lane_operands(code, work, row, low, size, scratch, room)
    z, count, op = (code[row + FIRST] + low) * LANES, size * LANES, code[row + OPCODE]
    address = kernel_for(code, which, op)
    call_block(address, op, work, x, y, w, z, count, target, target + room, target + 2 * room)


@kernel
def matmul_factors(code, work, row, scratch, room):
    x = gather(code, work, operand_row(row, 0), 0, operand_count(code, row, 0), LANES, 0, scratch)
    y = gather(code, work, operand_row(row, 1), 0, operand_count(code, row, 1), LANES, 0, scratch + room)
    return x, y, code[row + SIZE0], code[row + SIZE1], code[row + SIZE2]


@kernel
def matmul_points(code, work, row, scratch, room):
    x, y, m, p, n = matmul_factors(code, work, row, scratch, room)
    out = code[row + FIRST] * LANES
    clear(work, out, code[row + LENGTH] * LANES)
    for i in range(code[row + M_BATCH] * m):
        right = y + i // m * p * n * LANES
        for k in range(p):
            for j in range(n):
                a, b, c = x + (i * p + k) * LANES, right + (k * n + j) * LANES, out + (i * n + j) * LANES
                lanes_multiply_add(work, a, b, c)


@kernel
def value_block(code, work, row, scratch, room):
    """Values of a block instruction."""
    kind, length = code[row + KIND], code[row + LENGTH]
    if kind == ELEMENTWISE:
        for low in range(0, length, STEP):
            run_lanes(code, work, BLOCK_PRIMAL, row, low, min(STEP, length - low), scratch, room, 0)
    elif kind == SUM:
        sum_rows(code, work, row, LANES, 0, scratch, room)
    elif kind == MATMUL:
        matmul_points(code, work, row, scratch, room)
    elif kind == EXTREMUM:
        primal_extremum(code, work, row, LANES, scratch)
    else:
        scatter_rows(code, work, row, LANES, 0, scratch)


# --- adjoints ---------------------------------------------------------------------------------------
@kernel
def pull_elementwise(code, work, row, bars, scratch, room):
    length, part = code[row + LENGTH], scratch + 6 * room
    for low in range(0, length, STEP):
        size = min(STEP, length - low)
        run_lanes(code, work, BLOCK_PARTIALS, row, low, size, scratch, room, scratch + 3 * room)
        g = bars + (code[row + FIRST] + low) * LANES
        for k in range(3):
            if is_active(code, row, k):
                d = scratch + (3 + k) * room
                for j in range(size * LANES):
                    work[part + j] = product(work[d + j], work[g + j])
                accumulate(code, work, operand_row(row, k), low, size, LANES, bars, part)


@kernel
def pull_matmul(code, work, row, bars, scratch, room):
    x, y, m, p, n = matmul_factors(code, work, row, scratch, room)
    g, parts = bars + code[row + FIRST] * LANES, scratch + 2 * room
    for k in range(2):
        clear(work, parts + k * room, operand_count(code, row, k) * LANES)
    for i in range(code[row + M_BATCH] * m):
        right = i // m * p * n
        for k in range(p):
            for j in range(n):
                a, b = (i * p + k) * LANES, (right + k * n + j) * LANES
                seed = g + (i * n + j) * LANES
                lanes_plus_scaled(work, y + b, seed, parts + a)
                lanes_plus_scaled(work, x + a, seed, parts + room + b)
    for k in range(2):
        if is_active(code, row, k):
            count = operand_count(code, row, k)
            accumulate(code, work, operand_row(row, k), 0, count, LANES, bars, parts + k * room)


@kernel
def pull_block(code, work, row, bars, scratch, room):
    """Adjoints of the operands of a block instruction."""
    kind = code[row + KIND]
    if kind == ELEMENTWISE:
        pull_elementwise(code, work, row, bars, scratch, room)
    elif kind == SUM:
        adjoint_sum(code, work, row, LANES, bars, scratch)
    elif kind == MATMUL:
        pull_matmul(code, work, row, bars, scratch, room)
    elif kind == EXTREMUM:
        adjoint_extremum(code, work, row, LANES, LANES, bars, scratch, room)
    else:
        adjoint_scatter(code, work, row, LANES, bars, scratch)
