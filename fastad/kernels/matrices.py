"""Matrix products in the sweeps: BLAS, by chunks where several threads take part, lane by lane.

Arguments as in `sweeps`. An instruction is one product or a batch of them, one behind the other. All are carried
out by `fused.run_chunk`, so that BLAS is called in one place only. In the fused form a batch is cut into chunks of
products, and a single large product into chunks of rows; the right factor's adjoint is then a sum over the chunks,
in their order.
"""

from numba import njit

from fastad.kernels.groups import run_product
from fastad.kernels.layout import (
    ACTIVE,
    BUFFERS,
    FIRST,
    FORWARD,
    LEFT_ADJOINT,
    LENGTH,
    M_BATCH,
    M_CHUNKS,
    M_FRESH,
    RIGHT_ADJOINT,
    SIZE0,
    SIZE1,
    SIZE2,
    START,
    TANGENT,
)  # fmt: skip
from fastad.kernels.operands import accumulate, clear, gather, one_lane, operand_count, operand_row
from fastad.kernels.pointers import integers, shifted

kernel = njit(error_model="numpy", nogil=True, no_cpython_wrapper=True, no_cfunc_wrapper=True)


@kernel
def is_active(code, row, k):
    return code[row + ACTIVE] >> k & 1 == 1


@kernel
def control(work, scratch, room):
    """The control words, which stand behind the gather buffers."""
    return integers(shifted(work, scratch + BUFFERS * room))


@kernel
def factors(code, work, row, scratch, room):
    """Offsets of the two factors of a matrix product, and its sizes."""
    batch, m, p, n = code[row + M_BATCH], code[row + SIZE0], code[row + SIZE1], code[row + SIZE2]
    x = gather(code, work, operand_row(row, 0), 0, batch * m * p, 1, 0, scratch)
    y = gather(code, work, operand_row(row, 1), 0, batch * p * n, 1, 0, scratch + room)
    return x, y, m, p, n


@kernel
def primal_matmul(code, work, row, scratch, room):
    x, y, _m, _p, _n = factors(code, work, row, scratch, room)
    run_product(code, work, control(work, scratch, room), row, FORWARD, x, y, code[row + FIRST])


@kernel
def tangent_matmul(code, work, row, lanes, dots, scratch, room):
    x, y, _m, _p, _n = factors(code, work, row, scratch, room)
    out, part, size = dots + code[row + FIRST] * lanes, scratch + 3 * room, code[row + LENGTH]
    env = control(work, scratch, room)
    clear(work, out, size * lanes)
    for k in range(2):
        if is_active(code, row, k):
            count = operand_count(code, row, k)
            t = gather(code, work, operand_row(row, k), 0, count, lanes, dots, scratch + 4 * room)
            for index in range(lanes):
                one = one_lane(work, t, count, lanes, index, scratch + 2 * room)
                run_product(code, work, env, row, TANGENT, one if k == 0 else x, y if k == 0 else one, part)
                for j in range(size):
                    work[out + j * lanes + index] += work[part + j]


@kernel
def pull_factor(code, work, row, k, x, y, g, part, scratch, room):
    """The adjoint of factor k of a matrix product into `part`."""
    env = control(work, scratch, room)
    if k == 0:
        run_product(code, work, env, row, LEFT_ADJOINT, g, y, part)
        return
    summed = code[row + M_BATCH] == 1 and code[row + M_CHUNKS] > 1
    parts = scratch + 5 * room if summed else part
    run_product(code, work, env, row, RIGHT_ADJOINT, x, g, parts)
    size = code[row + SIZE1] * code[row + SIZE2]
    for j in range(size if summed else 0):
        total = work[parts + j]
        for chunk in range(1, code[row + M_CHUNKS]):
            total += work[parts + chunk * size + j]
        work[part + j] = total


@kernel
def adjoint_matmul(code, work, row, lanes, bars, scratch, room):
    x, y, _m, _p, _n = factors(code, work, row, scratch, room)
    g, whole = bars + code[row + FIRST] * lanes, scratch + 4 * room
    for k in range(2):
        if is_active(code, row, k):
            count, fresh = operand_count(code, row, k), k == 0 and code[row + M_FRESH] == 1
            part = bars + code[operand_row(row, 0) + START] if fresh else scratch + 3 * room
            for index in range(lanes):
                one = one_lane(work, g, code[row + LENGTH], lanes, index, scratch + 2 * room)
                pull_factor(code, work, row, k, x, y, one, part, scratch, room)
                if lanes > 1:
                    for j in range(count):
                        work[whole + j * lanes + index] = work[part + j]
            if not fresh:
                accumulate(code, work, operand_row(row, k), 0, count, lanes, bars, whole if lanes > 1 else part)
