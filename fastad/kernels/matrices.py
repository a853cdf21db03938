"""Matrix products in the sweeps: BLAS, by chunks where several threads take part, lane by lane.

Arguments as in `sweeps`. An instruction is one product or a batch of them, one behind the other. All are carried
out by `chunks.run_chunk`, so that BLAS is called in one place only. In the fused form a batch is cut into chunks of
products, and a single large product into chunks of rows; the right factor's adjoint is then a sum over the chunks,
in their order.
"""

from numba import njit

from fastad.kernels.groups import run_product, run_pull
from fastad.kernels.layout import (
    ACTIVE,
    BUFFERS,
    FIRST,
    FORWARD,
    LENGTH,
    M_BATCH,
    M_CHUNK,
    M_CHUNKS,
    M_FRESH,
    MATRIX_G,
    MATRIX_OUT,
    MATRIX_RIGHT,
    MATRIX_TURNED,
    MATRIX_X,
    MATRIX_Y,
    SIZE0,
    SIZE1,
    SIZE2,
    START,
    TANGENT,
)  # fmt: skip
from fastad.kernels.operands import accumulate, clear, gather, one_lane, operand_count, operand_row
from fastad.kernels.panels import ROWS, suits
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
def prepare_pull(code, work, row, x, y, g, left, scratch, room):
    """Say where a product's adjoint is pulled from and to; -1 for what nobody asks for.

    Right factors of narrow products are transposed first, so that those products find rows.
    """
    env, m, p, n = control(work, scratch, room), code[row + SIZE0], code[row + SIZE1], code[row + SIZE2]
    turned = left >= 0 and suits(code[row + M_CHUNK] if code[row + M_BATCH] == 1 else m, n, p)
    turned = turned and (code[row + M_BATCH] > 1 or m - (code[row + M_CHUNKS] - 1) * code[row + M_CHUNK] >= ROWS)
    if turned:
        for item in range(0, code[row + M_BATCH] * p * n, p * n):
            for i in range(p):
                for j in range(n):
                    work[scratch + 10 * room + item + j * p + i] = work[y + item + i * n + j]
    env[MATRIX_X], env[MATRIX_Y], env[MATRIX_TURNED] = x, scratch + 10 * room if turned else y, 1 if turned else 0
    env[MATRIX_G], env[MATRIX_OUT] = g, left
    env[MATRIX_RIGHT] = scratch + 6 * room if is_active(code, row, 1) and x >= 0 else -1


@kernel
def summed_right(code, work, row, scratch, room):
    """Where the right factors' adjoints stand once all chunks are done."""
    parts, size, chunks = scratch + 6 * room, code[row + SIZE1] * code[row + SIZE2], code[row + M_CHUNKS]
    if code[row + M_BATCH] == 1:
        for chunk in range(1, chunks):
            for j in range(size):
                work[parts + j] += work[parts + chunk * size + j]
    return parts


@kernel
def left_target(code, work, row, bars, scratch, room):
    """Where the left factors' adjoints go: to their place where nobody has written them before."""
    if not is_active(code, row, 0):
        return -1
    return bars + code[operand_row(row, 0) + START] if code[row + M_FRESH] == 1 else scratch + 3 * room


@kernel
def adjoint_matmul(code, work, row, lanes, bars, scratch, room):
    x, y, _m, _p, _n = factors(code, work, row, scratch, room)
    g, left, right = bars + code[row + FIRST] * lanes, left_target(code, work, row, bars, scratch, room), -1
    for index in range(lanes):
        one = one_lane(work, g, code[row + LENGTH], lanes, index, scratch + 2 * room)
        prepare_pull(code, work, row, x, y, one, left, scratch, room)
        run_pull(code, work, control(work, scratch, room), row)
        right = summed_right(code, work, row, scratch, room)
        for k in range(2 if lanes > 1 else 0):
            part, whole = left if k == 0 else right, scratch + (4 if k == 0 else 11) * room
            for j in range(operand_count(code, row, k) if is_active(code, row, k) else 0):
                work[whole + j * lanes + index] = work[part + j]
    for k in range(2):
        if is_active(code, row, k) and (k == 1 or code[row + M_FRESH] == 0):
            part, count = left if k == 0 else right, operand_count(code, row, k)
            whole = scratch + (4 if k == 0 else 11) * room
            accumulate(code, work, operand_row(row, k), 0, count, lanes, bars, whole if lanes > 1 else part)
