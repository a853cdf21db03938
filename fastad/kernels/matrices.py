"""Matrix products in the sweeps: BLAS, row by row where several threads take part, lane by lane.

Arguments as in `sweeps`. In the fused form a large product is cut into chunks of rows (`groups.run_product`);
the right factor's adjoint is then a sum over the chunks, in their order.
"""

from numba import njit

from fastad.kernels.groups import run_product
from fastad.kernels.layout import (
    ACTIVE,
    BUFFERS,
    FIRST,
    FORWARD,
    LEFT_ADJOINT,
    M_CHUNKS,
    M_FRESH,
    RIGHT_ADJOINT,
    SIZE0,
    SIZE1,
    SIZE2,
    START,
)  # fmt: skip
from fastad.kernels.operands import accumulate, clear, gather, one_lane, operand_count, operand_row
from fastad.kernels.pointers import integers, shifted
from fastad.kernels.products import absolute_matmul, left_adjoint, matmul, right_adjoint

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
    m, p, n = code[row + SIZE0], code[row + SIZE1], code[row + SIZE2]
    x = gather(code, work, operand_row(row, 0), 0, m * p, 1, 0, scratch)
    y = gather(code, work, operand_row(row, 1), 0, p * n, 1, 0, scratch + room)
    return x, y, m, p, n


@kernel
def by_chunks(code, row):
    """Whether a matrix product is large enough for several threads; only the fused form has chunks."""
    return code[row + M_CHUNKS] > 1


@kernel
def primal_matmul(code, work, row, scratch, room):
    x, y, m, p, n = factors(code, work, row, scratch, room)
    if by_chunks(code, row):
        run_product(code, work, control(work, scratch, room), row, FORWARD, x, y, code[row + FIRST])
    else:
        matmul(work, x, y, m, p, n, code[row + FIRST])


@kernel
def tangent_matmul(code, work, row, lanes, dots, scratch, room):
    x, y, m, p, n = factors(code, work, row, scratch, room)
    out, part = dots + code[row + FIRST] * lanes, scratch + 3 * room
    clear(work, out, m * n * lanes)
    for k in range(2):
        if is_active(code, row, k):
            count = operand_count(code, row, k)
            t = gather(code, work, operand_row(row, k), 0, count, lanes, dots, scratch + 4 * room)
            for index in range(lanes):
                one = one_lane(work, t, count, lanes, index, scratch + 2 * room)
                absolute_matmul(work, one if k == 0 else x, y if k == 0 else one, m, p, n, part)
                for j in range(m * n):
                    work[out + j * lanes + index] += work[part + j]


@kernel
def adjoint_by_chunks(code, work, row, k, x, y, g, part, scratch, room):
    """An adjoint of a matrix product into `part`."""
    env, parts = control(work, scratch, room), scratch + 5 * room
    if k == 0:
        run_product(code, work, env, row, LEFT_ADJOINT, g, y, part)
        return
    run_product(code, work, env, row, RIGHT_ADJOINT, x, g, parts)
    size = code[row + SIZE1] * code[row + SIZE2]
    for j in range(size):
        total = work[parts + j]
        for chunk in range(1, code[row + M_CHUNKS]):
            total += work[parts + chunk * size + j]
        work[part + j] = total


@kernel
def adjoint_matmul(code, work, row, lanes, bars, scratch, room):
    x, y, m, p, n = factors(code, work, row, scratch, room)
    g, whole = bars + code[row + FIRST] * lanes, scratch + 4 * room
    for k in range(2):
        if is_active(code, row, k):
            count, fresh = operand_count(code, row, k), k == 0 and code[row + M_FRESH] == 1
            part = bars + code[operand_row(row, 0) + START] if fresh else scratch + 3 * room
            for index in range(lanes):
                one = one_lane(work, g, m * n, lanes, index, scratch + 2 * room)
                if by_chunks(code, row):
                    adjoint_by_chunks(code, work, row, k, x, y, one, part, scratch, room)
                elif k == 0:
                    left_adjoint(work, one, y, m, p, n, part)
                else:
                    right_adjoint(work, x, one, m, p, n, part)
                if lanes > 1:
                    for j in range(count):
                        work[whole + j * lanes + index] = work[part + j]
            if not fresh:
                accumulate(code, work, operand_row(row, k), 0, count, lanes, bars, whole if lanes > 1 else part)
