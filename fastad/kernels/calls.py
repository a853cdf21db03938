"""Calls out of the kernels: instructions whose value and rules are functions of their own.

A row holds the address that is called and the number by which the other side knows what is meant. Operands are
gathered; tangents and adjoints go over in the layout of the sweeps, `lanes` consecutive numbers a slot. Arguments
as in `sweeps`.
"""

from numba import njit

from fastad.kernels.layout import (
    ACTIVE,
    CALL_PULL,
    CALL_PUSH,
    CALL_VALUE,
    FAILED,
    FIRST,
    SIZE1,
    SIZE2,
)  # fmt: skip
from fastad.kernels.matrices import control, is_active
from fastad.kernels.operands import accumulate, gather, operand_count, operand_row
from fastad.kernels.pointers import call_outside, shifted

kernel = njit(error_model="numpy", nogil=True, no_cpython_wrapper=True, no_cfunc_wrapper=True)


@kernel
def gathered(code, work, row, k, lanes, source, buffer):
    """Offset of operand k, whole."""
    return gather(code, work, operand_row(row, k), 0, operand_count(code, row, k), lanes, source, buffer)


@kernel
def call(code, work, row, task, lanes, a0, a1, a2, b, scratch, room):
    x0 = gathered(code, work, row, 0, 1, 0, scratch)
    x1 = gathered(code, work, row, 1, 1, 0, scratch + room)
    x2 = gathered(code, work, row, 2, 1, 0, scratch + 2 * room)
    failed = shifted(control(work, scratch, room), FAILED)
    call_outside(code[row + SIZE2], code[row + SIZE1], task, code[row + ACTIVE], lanes, work, failed, x0, x1, x2,
                 code[row + FIRST], a0, a1, a2, b)  # fmt: skip


@kernel
def primal_call(code, work, row, scratch, room):
    call(code, work, row, CALL_VALUE, 1, 0, 0, 0, 0, scratch, room)


@kernel
def tangent_call(code, work, row, lanes, dots, scratch, room):
    t0 = gathered(code, work, row, 0, lanes, dots, scratch + 3 * room)
    t1 = gathered(code, work, row, 1, lanes, dots, scratch + 4 * room)
    t2 = gathered(code, work, row, 2, lanes, dots, scratch + 5 * room)
    call(code, work, row, CALL_PUSH, lanes, t0, t1, t2, dots + code[row + FIRST] * lanes, scratch, room)


@kernel
def adjoint_call(code, work, row, lanes, bars, scratch, room):
    part = scratch + 3 * room
    g = bars + code[row + FIRST] * lanes
    call(code, work, row, CALL_PULL, lanes, part, part + room, part + 2 * room, g, scratch, room)
    for k in range(3):
        if is_active(code, row, k):
            count = operand_count(code, row, k)
            accumulate(code, work, operand_row(row, k), 0, count, lanes, bars, part + k * room)
