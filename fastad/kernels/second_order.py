"""Forward over reverse: how the adjoints change along `lanes` directions, in one reverse pass.

For v = phi(a, b) with adjoint g and tangents a', b' of the operands, the adjoint of a and its change are

    a_bar  += phi_a g
    a_bar' += phi_a g' + g (phi_aa a' + phi_ab b')

so a Hessian-vector product needs the tangents of all slots (a tangent sweep before this one), and the
second partials: stored for the scalar stream, computed block by block for the block stream.
Arguments as in `sweeps`; `curvatures` (three a scalar instruction) and `bar_dots` are offsets too.
"""

from numba import njit

from fastad.kernels.groups import run_pull
from fastad.kernels.layout import (
    ACTIVE,
    ADJOINT_BLOCK,
    AT_SEGMENTS,
    BLOCK,
    BLOCK_CURVATURE,
    BLOCK_PARTIALS,
    ELEMENTWISE,
    FIRST,
    KIND,
    LENGTH,
    MATMUL,
    OPCODE,
    ROW,
    SCALAR_CURVATURE,
    SCALAR_RUN,
    SEGMENTS,
    SIZE0,
)  # fmt: skip
from fastad.kernels.matrices import control, is_active, prepare_pull, summed_right
from fastad.kernels.operands import accumulate, gather, one_lane, operand_count, operand_row, product
from fastad.kernels.pointers import call_block, call_rows
from fastad.kernels.sweeps import (
    block_operands,
    left_slots,
    right_slots,
    run_scalar_kernel,
)  # fmt: skip

kernel = njit(error_model="numpy", nogil=True, no_cpython_wrapper=True, no_cfunc_wrapper=True)


@kernel
def curvature_sweep(code, work, curvatures):
    """Second partials aa, ab, bb of the scalar stream."""
    for segment in range(code[SEGMENTS]):
        row = code[AT_SEGMENTS] + segment * ROW
        if code[row + KIND] == SCALAR_RUN:
            run_scalar_kernel(code, work, SCALAR_CURVATURE, row, curvatures)


@kernel
def scalar_second(code, work, row, partials, curvatures, lanes, dots, bars, bar_dots):
    left, right, start = left_slots(code), right_slots(code), code[row + SIZE0]
    shift = code[row + FIRST] - start
    for i in range(start + code[row + LENGTH] - 1, start - 1, -1):
        a, b, v = left[i], right[i], i + shift
        da, db = work[partials + 2 * i], work[partials + 2 * i + 1]
        at = curvatures + 3 * i
        daa, dab, dbb = work[at], work[at + 1], work[at + 2]
        g = work[bars + v]
        work[bars + a] += product(da, g)
        work[bars + b] += product(db, g)
        for lane in range(lanes):
            at_a, at_b = a * lanes + lane, b * lanes + lane
            a_dot, b_dot, g_dot = work[dots + at_a], work[dots + at_b], work[bar_dots + v * lanes + lane]
            work[bar_dots + at_a] += product(da, g_dot) + product(g, product(daa, a_dot) + product(dab, b_dot))
            work[bar_dots + at_b] += product(db, g_dot) + product(g, product(dab, a_dot) + product(dbb, b_dot))


@kernel
def bend(work, size, lanes, own, own_dot, other, other_dot, g, slope, g_dot, part):
    """part = slope g' + g (own a' + other b'), element by element and lane by lane."""
    for j in range(size):
        for i in range(j * lanes, (j + 1) * lanes):
            curve = product(work[own + j], work[own_dot + i]) + product(work[other + j], work[other_dot + i])
            work[part + i] = product(work[slope + j], work[g_dot + i]) + product(work[g + j], curve)


@kernel
def second_elementwise(code, work, row, lanes, dots, bars, bar_dots, scratch, room):
    length, step = code[row + LENGTH], max(1, BLOCK // lanes)
    slopes, curves, part = scratch + 3 * room, scratch + 6 * room, scratch + 9 * room
    for low in range(0, length, step):
        size, z = min(step, length - low), code[row + FIRST] + low
        x, y, w = block_operands(code, work, row, low, size, scratch, room)
        op = code[row + OPCODE]
        call_block(code[BLOCK_PARTIALS], op, work, x, y, w, z, size, slopes, slopes + room, slopes + 2 * room)
        call_block(code[BLOCK_CURVATURE], op, work, x, y, w, z, size, curves, curves + room, curves + 2 * room)
        g, g_dot = bars + z, bar_dots + z * lanes
        x_dot = gather(code, work, operand_row(row, 0), low, size, lanes, dots, scratch)
        y_dot = x_dot
        if operand_count(code, row, 1) > 0:
            y_dot = gather(code, work, operand_row(row, 1), low, size, lanes, dots, scratch + room)
        for k in range(3):
            if is_active(code, row, k):
                own, own_dot, other_dot = curves, x_dot, y_dot
                if k > 0:
                    own, own_dot, other_dot = curves + 2 * room, y_dot, x_dot
                slope = slopes + k * room
                bend(work, size, lanes, own, own_dot, curves + room, other_dot, g, slope, g_dot, part)
                accumulate(code, work, operand_row(row, k), low, size, lanes, bar_dots, part)
                for j in range(size):
                    work[part + j] = product(work[slope + j], work[g + j])
                accumulate(code, work, operand_row(row, k), low, size, 1, bars, part)


@kernel
def cross_matmul(code, work, row, lanes, dots, bars, bar_dots, scratch, room):
    """The term of g with the tangent of the other factor."""
    g, left, whole = bars + code[row + FIRST], scratch + 3 * room, scratch + 4 * room
    for k in range(2):
        if is_active(code, row, k) and is_active(code, row, 1 - k):
            count, others = operand_count(code, row, k), operand_count(code, row, 1 - k)
            t = gather(code, work, operand_row(row, 1 - k), 0, others, lanes, dots, scratch)
            for index in range(lanes):
                one = one_lane(work, t, others, lanes, index, scratch + 2 * room)
                prepare_pull(code, work, row, one if k == 1 else -1, one, g, left if k == 0 else -1, scratch, room)
                run_pull(code, work, control(work, scratch, room), row)
                part = left if k == 0 else summed_right(code, work, row, scratch, room)
                for j in range(count):
                    work[whole + j * lanes + index] = work[part + j]
            accumulate(code, work, operand_row(row, k), 0, count, lanes, bar_dots, whole)


@kernel
def second_block(code, work, row, lanes, dots, bars, bar_dots, scratch, room):
    """Element-wise rows bend; of the other instructions only the matrix product is not linear."""
    if code[row + KIND] == ELEMENTWISE:
        second_elementwise(code, work, row, lanes, dots, bars, bar_dots, scratch, room)
    else:
        if code[row + KIND] == MATMUL:
            cross_matmul(code, work, row, lanes, dots, bars, bar_dots, scratch, room)
        for order in range(2):
            width, target = 1 if order == 0 else lanes, bars if order == 0 else bar_dots
            call_rows(code[ADJOINT_BLOCK], code, work, row, width, target, scratch, room)


@kernel
def second_sweep(code, work, partials, curvatures, lanes, dots, bars, bar_dots, scratch, room):
    """Adjoints and their changes along the directions whose tangents stand in `dots`."""
    for segment in range(code[SEGMENTS] - 1, -1, -1):
        row = code[AT_SEGMENTS] + segment * ROW
        if code[row + KIND] == SCALAR_RUN:
            scalar_second(code, work, row, partials, curvatures, lanes, dots, bars, bar_dots)
        elif code[row + ACTIVE] != 0:
            second_block(code, work, row, lanes, dots, bars, bar_dots, scratch, room)
