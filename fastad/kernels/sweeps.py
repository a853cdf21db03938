"""The first-order sweeps: opcode-free passes over a packed program.

The scalar stream stores its partials while the primal runs; tangent and adjoint are then a
multiplication and an addition an operand. A block instruction computes the partials of `BLOCK`
elements into scratch that stays in cache and uses them at once. `lanes` directions travel together:
an array holds `lanes` consecutive numbers a slot.

Absolute zero, in every sweep: a factor that is exactly 0 (an adjoint, a tangent, a partial)
contributes exactly 0, whatever the other factor is.

Arguments: `code` points to the program (`layout`), `work` to the workspace, of which the slot values
are the first part; `partials`, `dots`, `bars` (two a scalar instruction; tangents and adjoints of the
slots) and the gather buffers (`scratch`, each `room` numbers) are offsets into it.
"""

from numba import njit

from fastad.kernels.calls import adjoint_call, primal_call, tangent_call
from fastad.kernels.chains import adjoint_chain, primal_chain
from fastad.kernels.extrema import adjoint_extremum, primal_extremum, tangent_extremum
from fastad.kernels.groups import finish_adjoints, finish_values, run_group
from fastad.kernels.layout import (
    ACTIVE,
    ADJOINT_BLOCK,
    AT_GUARDS,
    AT_LEFT,
    AT_OPCODES,
    AT_RIGHT,
    AT_SEGMENTS,
    BLOCK,
    BLOCK_PARTIALS,
    BLOCK_PRIMAL,
    CALL,
    CHAIN,
    CHAIN_BACK,
    ELEMENTWISE,
    EXTREMUM,
    FIRST,
    G_BACKWARD,
    G_BOTH,
    G_FORWARD,
    G_KEEPING,
    G_SEEDED,
    GRADIENT,
    GROUP,
    GUARDS,
    KIND,
    LENGTH,
    MATMUL,
    OPCODE,
    PRIMAL,
    ROW,
    SCALAR_LINEARIZE,
    SCALAR_PRIMAL,
    SCALAR_RUN,
    SEGMENTS,
    SIZE0,
    START,
    SUM,
    TANGENT_BLOCK,
)  # fmt: skip
from fastad.kernels.matrices import adjoint_matmul, control, is_active, primal_matmul, tangent_matmul
from fastad.kernels.operands import (
    accumulate,
    clear,
    gather,
    operand_count,
    operand_row,
    product,
    spread,
    stands_in_one_level,
)  # fmt: skip
from fastad.kernels.pointers import (
    byte_codes,
    call_block,
    call_rows,
    call_scalar,
    doubles,
    indices,
    kernel_for,
    shifted,
    table,
)
from fastad.kernels.products import pairwise_sum

kernel = njit(error_model="numpy", nogil=True, no_cpython_wrapper=True, no_cfunc_wrapper=True)


# --- parts of the program ---------------------------------------------------------------------------
@kernel
def left_slots(code):
    return indices(shifted(code, code[AT_LEFT]))


@kernel
def right_slots(code):
    return indices(shifted(code, code[AT_RIGHT]))


@kernel
def run_scalar_kernel(code, work, which, row, target):
    """Carry out a run of the scalar stream by the dispatch kernel that the header names."""
    start, opcode = code[row + SIZE0], byte_codes(shifted(code, code[AT_OPCODES]))
    stop = start + code[row + LENGTH]
    call_scalar(code[which], opcode, left_slots(code), right_slots(code), start, stop, code[row + FIRST],
                work, shifted(work, target))  # fmt: skip


@kernel
def block_operands(code, work, row, low, size, scratch, room):
    """Offsets of the three operands of an element-wise instruction; a missing one repeats the first."""
    x = gather(code, work, operand_row(row, 0), low, size, 1, 0, scratch)
    y, w = x, x
    if operand_count(code, row, 1) > 0:
        y = gather(code, work, operand_row(row, 1), low, size, 1, 0, scratch + room)
    if operand_count(code, row, 2) > 0:
        w = gather(code, work, operand_row(row, 2), low, size, 1, 0, scratch + 2 * room)
    return x, y, w


@kernel
def run_block_kernel(code, work, which, row, low, size, scratch, room, target):
    """Carry out a dispatch kernel on the elements low .. low + size; the targets are `room` apart."""
    x, y, w = block_operands(code, work, row, low, size, scratch, room)
    z, op = code[row + FIRST] + low, code[row + OPCODE]
    address = kernel_for(code, which, op)
    call_block(address, op, work, x, y, w, z, size, target, target + room, target + 2 * room)


# --- primal -----------------------------------------------------------------------------------------
@kernel
def sum_rows(code, work, row, lanes, source, scratch, room):
    """result[i] = sum of the operand's elements i * inner .. (i + 1) * inner, for every lane."""
    inner = code[row + SIZE0]
    for i in range(code[row + LENGTH]):
        x = gather(code, work, operand_row(row, 0), i * inner, inner, lanes, source, scratch)
        place = source + (code[row + FIRST] + i) * lanes
        if lanes == 1:
            work[place] = pairwise_sum(work, x, inner, scratch + room)
        else:
            clear(work, place, lanes)
            for j in range(inner):
                for lane in range(lanes):
                    work[place + lane] += work[x + j * lanes + lane]


@kernel
def scatter_rows(code, work, row, lanes, source, scratch):
    """result[index[j]] += x[j]: the sums of the elements that share an index."""
    count = operand_count(code, row, 0)
    index, out = table(shifted(code, code[row + SIZE0])), source + code[row + FIRST] * lanes
    clear(work, out, code[row + LENGTH] * lanes)
    x = gather(code, work, operand_row(row, 0), 0, count, lanes, source, scratch)
    for j in range(count):
        for lane in range(lanes):
            work[out + index[j] * lanes + lane] += work[x + j * lanes + lane]


@kernel
def primal_group(code, work, env, task, row):
    """A group's values; its adjoints too where their seed is known and they are asked for."""
    if task == GRADIENT and code[row + G_SEEDED] == 1:
        run_group(code, work, env, row, G_BOTH)
        finish_adjoints(code, work, env, row)
    else:
        keeping = task == GRADIENT and code[row + ACTIVE] == 1
        run_group(code, work, env, row, G_KEEPING if keeping else G_FORWARD)
    finish_values(code, work, env, row)


@kernel
def adjoint_group(code, work, env, row):
    if code[row + G_SEEDED] == 0:
        run_group(code, work, env, row, G_BACKWARD)
        finish_adjoints(code, work, env, row)


@kernel
def primal_block(code, work, row, scratch, room):
    kind, length = code[row + KIND], code[row + LENGTH]
    if kind == ELEMENTWISE:
        for low in range(0, length, BLOCK):
            run_block_kernel(code, work, BLOCK_PRIMAL, row, low, min(BLOCK, length - low), scratch, room, 0)
    elif kind == SUM:
        sum_rows(code, work, row, 1, 0, scratch, room)
    elif kind == MATMUL:
        primal_matmul(code, work, row, scratch, room)
    elif kind == CALL:
        primal_call(code, work, row, scratch, room)
    elif kind == EXTREMUM:
        primal_extremum(code, work, row, 1, scratch)
    else:
        scatter_rows(code, work, row, 1, 0, scratch)


@kernel
def primal_sweep(code, work, task, partials, scratch, room):
    """Values of all slots; unless the task is PRIMAL, the partials of the scalar stream too."""
    scalar_kernel = SCALAR_PRIMAL if task == PRIMAL else SCALAR_LINEARIZE
    behind = 0  # the end of the chain that has been carried out
    for segment in range(code[SEGMENTS]):
        row = code[AT_SEGMENTS] + segment * ROW
        if segment < behind:
            pass
        elif code[row + CHAIN] > 1:
            primal_chain(code, work, task, row, scratch, room)
            behind = segment + code[row + CHAIN]
        elif code[row + KIND] == SCALAR_RUN:
            run_scalar_kernel(code, work, scalar_kernel, row, partials)
        elif code[row + KIND] == GROUP:
            primal_group(code, work, control(work, scratch, room), task, row)
        else:
            primal_block(code, work, row, scratch, room)


@kernel
def first_failed_guard(code, work):
    """Index of the first guard whose value is not the recorded one, or -1."""
    at, count = code[AT_GUARDS], code[GUARDS]
    expected = doubles(shifted(code, at + count))
    for i in range(count):
        if work[code[at + i]] != expected[i]:
            return i
    return -1


# --- tangent ----------------------------------------------------------------------------------------
@kernel
def scalar_tangent(code, work, row, partials, lanes, dots):
    left, right, start = left_slots(code), right_slots(code), code[row + SIZE0]
    out = dots + code[row + FIRST] * lanes
    for i in range(start, start + code[row + LENGTH]):
        da, db = work[partials + 2 * i], work[partials + 2 * i + 1]
        a, b = dots + left[i] * lanes, dots + right[i] * lanes
        for lane in range(lanes):
            work[out + lane] = product(da, work[a + lane]) + product(db, work[b + lane])
        out += lanes


@kernel
def tangent_elementwise(code, work, row, lanes, dots, scratch, room):
    length, step = code[row + LENGTH], max(1, BLOCK // lanes)
    for low in range(0, length, step):
        size = min(step, length - low)
        run_block_kernel(code, work, BLOCK_PARTIALS, row, low, size, scratch, room, scratch + 3 * room)
        out = dots + (code[row + FIRST] + low) * lanes
        clear(work, out, size * lanes)
        for k in range(3):
            if is_active(code, row, k):
                t = gather(code, work, operand_row(row, k), low, size, lanes, dots, scratch + 6 * room)
                d = spread(work, scratch + (3 + k) * room, size, lanes, scratch + 7 * room)
                for j in range(size * lanes):
                    work[out + j] += product(work[d + j], work[t + j])


def tangent_block(code, work, row, lanes, dots, scratch, room):
    """Tangents of a block instruction's results."""
    kind = code[row + KIND]
    if kind == ELEMENTWISE:
        tangent_elementwise(code, work, row, lanes, dots, scratch, room)
    elif kind == SUM:
        sum_rows(code, work, row, lanes, dots, scratch, room)
    elif kind == MATMUL:
        tangent_matmul(code, work, row, lanes, dots, scratch, room)
    elif kind == CALL:
        tangent_call(code, work, row, lanes, dots, scratch, room)
    elif kind == EXTREMUM:
        tangent_extremum(code, work, row, lanes, dots, scratch, room)
    else:
        scatter_rows(code, work, row, lanes, dots, scratch)


@kernel
def tangent_sweep(code, work, partials, lanes, dots, scratch, room):
    """Tangents of all slots from the tangents of the inputs (the first slots of `dots`)."""
    for segment in range(code[SEGMENTS]):
        row = code[AT_SEGMENTS] + segment * ROW
        if code[row + KIND] == SCALAR_RUN:
            scalar_tangent(code, work, row, partials, lanes, dots)
        else:
            call_rows(code[TANGENT_BLOCK], code, work, row, lanes, dots, scratch, room)


# --- adjoint ----------------------------------------------------------------------------------------
@kernel
def scalar_adjoint(code, work, row, partials, bars):
    """One direction: the loop that a gradient of scalar code spends its time in."""
    left, right, start = left_slots(code), right_slots(code), code[row + SIZE0]
    shift = bars + code[row + FIRST] - start
    for i in range(start + code[row + LENGTH] - 1, start - 1, -1):
        g = work[shift + i]
        if g != 0.0:
            work[bars + left[i]] += product(work[partials + 2 * i], g)
            work[bars + right[i]] += product(work[partials + 2 * i + 1], g)


@kernel
def scalar_adjoint_lanes(code, work, row, partials, lanes, bars):
    left, right, start = left_slots(code), right_slots(code), code[row + SIZE0]
    shift = code[row + FIRST] - start
    for i in range(start + code[row + LENGTH] - 1, start - 1, -1):
        da, db = work[partials + 2 * i], work[partials + 2 * i + 1]
        g, a, b = bars + (i + shift) * lanes, bars + left[i] * lanes, bars + right[i] * lanes
        for lane in range(lanes):
            work[a + lane] += product(da, work[g + lane])
        for lane in range(lanes):
            work[b + lane] += product(db, work[g + lane])


@kernel
def adjoint_elementwise(code, work, row, lanes, bars, scratch, room):
    length, step, part = code[row + LENGTH], max(1, BLOCK // lanes), scratch + 6 * room
    for low in range(0, length, step):
        size = min(step, length - low)
        run_block_kernel(code, work, BLOCK_PARTIALS, row, low, size, scratch, room, scratch + 3 * room)
        g = bars + (code[row + FIRST] + low) * lanes
        for k in range(3):
            if is_active(code, row, k):
                d, at = spread(work, scratch + (3 + k) * room, size, lanes, scratch + 7 * room), operand_row(row, k)
                if stands_in_one_level(code, at, 1):
                    out = bars + (code[at + START] + low) * lanes
                    for j in range(size * lanes):
                        work[out + j] += product(work[d + j], work[g + j])
                else:
                    for j in range(size * lanes):
                        work[part + j] = product(work[d + j], work[g + j])
                    accumulate(code, work, at, low, size, lanes, bars, part)


@kernel
def adjoint_sum(code, work, row, lanes, bars, scratch):
    inner, step = code[row + SIZE0], max(1, BLOCK // lanes)
    for i in range(code[row + LENGTH]):
        g = bars + (code[row + FIRST] + i) * lanes
        for j in range(min(step, inner)):
            for lane in range(lanes):
                work[scratch + j * lanes + lane] = work[g + lane]
        for low in range(0, inner, step):
            size = min(step, inner - low)
            accumulate(code, work, operand_row(row, 0), i * inner + low, size, lanes, bars, scratch)


@kernel
def adjoint_scatter(code, work, row, lanes, bars, scratch):
    count, g = operand_count(code, row, 0), bars + code[row + FIRST] * lanes
    index = table(shifted(code, code[row + SIZE0]))
    for j in range(count):
        for lane in range(lanes):
            work[scratch + j * lanes + lane] = work[g + index[j] * lanes + lane]
    accumulate(code, work, operand_row(row, 0), 0, count, lanes, bars, scratch)


def adjoint_block(code, work, row, lanes, bars, scratch, room):
    """Adjoints of a block instruction's operands. This and `tangent_block` are called by address (`operands`)."""
    kind = code[row + KIND]
    if kind == ELEMENTWISE:
        adjoint_elementwise(code, work, row, lanes, bars, scratch, room)
    elif kind == SUM:
        adjoint_sum(code, work, row, lanes, bars, scratch)
    elif kind == MATMUL:
        adjoint_matmul(code, work, row, lanes, bars, scratch, room)
    elif kind == CALL:
        adjoint_call(code, work, row, lanes, bars, scratch, room)
    elif kind == EXTREMUM:
        adjoint_extremum(code, work, row, 1, lanes, bars, scratch, room)
    else:
        adjoint_scatter(code, work, row, lanes, bars, scratch)


@kernel
def adjoint_sweep(code, work, partials, lanes, bars, scratch, room):
    """Adjoints of all slots from those of the outputs, which the caller has put into `bars`."""
    before = code[SEGMENTS]  # the beginning of the chain that has been carried out
    for segment in range(code[SEGMENTS] - 1, -1, -1):
        row = code[AT_SEGMENTS] + segment * ROW
        if segment >= before:
            pass
        elif code[row + CHAIN_BACK] > 1:
            before = segment + 1 - code[row + CHAIN_BACK]
            adjoint_chain(code, work, code[AT_SEGMENTS] + before * ROW, bars, scratch, room)
        elif code[row + KIND] == SCALAR_RUN and lanes == 1:
            scalar_adjoint(code, work, row, partials, bars)
        elif code[row + KIND] == SCALAR_RUN:
            scalar_adjoint_lanes(code, work, row, partials, lanes, bars)
        elif code[row + KIND] == GROUP:
            if code[row + ACTIVE] != 0:
                adjoint_group(code, work, control(work, scratch, room), row)
        elif code[row + ACTIVE] != 0:
            call_rows(code[ADJOINT_BLOCK], code, work, row, lanes, bars, scratch, room)
