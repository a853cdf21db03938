"""Passes over the scalar stream, one instruction at a time: sharing, liveness, dependence; lists of slots.

Opcodes appear as literals here because a kernel may not depend on another module; they are those of
`fastad/ops.py`, and a test compares them.
"""

import numpy as np
from numba import njit

kernel = njit(error_model="numpy", nogil=True, no_cpython_wrapper=True, no_cfunc_wrapper=True)
entry = njit(error_model="numpy", nogil=True, no_cfunc_wrapper=True)

ADD, SUBTRACT, MULTIPLY, DIVIDE, COPY = 0, 1, 2, 3, 5


@kernel
def is_constant(slot, value, negative, inputs, constants):
    """Whether a slot is the constant `value`, with its sign (which tells the two zeros apart)."""
    i = slot - inputs
    if i < 0 or i >= constants.size:
        return False
    return constants[i] == value and (np.copysign(1.0, constants[i]) < 0.0) == negative


@kernel
def repeated_operand(op, a, b, inputs, constants):
    """The slot that the instruction merely repeats, or -1."""
    if op == COPY:
        return a
    if op == MULTIPLY or op == DIVIDE:
        if is_constant(b, 1.0, False, inputs, constants):
            return a
        if op == MULTIPLY and is_constant(a, 1.0, False, inputs, constants):
            return b
    elif op == SUBTRACT:
        if is_constant(b, 0.0, False, inputs, constants):
            return a
    elif op == ADD:
        if is_constant(b, 0.0, True, inputs, constants):
            return a
        if is_constant(a, 0.0, True, inputs, constants):
            return b
    return -1


@kernel
def mixed(op, a, b):
    """A hash of an instruction."""
    h = np.uint64(op) * np.uint64(0x9E3779B97F4A7C15)
    h = (h ^ np.uint64(a)) * np.uint64(0xBF58476D1CE4E5B9)
    h ^= h >> np.uint64(29)
    h = (h ^ np.uint64(b)) * np.uint64(0x94D049BB133111EB)
    return h ^ (h >> np.uint64(32))


@entry
def share_run(bounds, opcode, left, right, shift, constants, commutes, table, result_of):
    """Rewrite operands by `shift`; let equal and folded instructions stand for one another in it.

    slot + shift[slot] stands for a slot, so that what nobody stands for is never touched.

    bounds: start, stop, first result slot, number of inputs, first slot after the constants.
    """
    start, stop, first, inputs = bounds[0], bounds[1], bounds[2], bounds[3]
    mask = np.uint64(table.size - 1)
    for i in range(start, stop):
        op, result = opcode[i], first + i - start
        a, b = left[i] + shift[left[i]], right[i] + shift[right[i]]
        if commutes[op] == 1 and b < a:
            a, b = b, a
        left[i], right[i], result_of[i] = a, b, result
        repeated = repeated_operand(op, a, b, inputs, constants)
        if repeated >= 0:
            shift[result] = repeated - result
            continue
        # Operands are mostly recent: their neighbourhood is in cache, and the hash only comes second.
        at = np.uint64(2 * max(a, b) + ((min(a, b) ^ op) & 7)) & mask
        tries = 0
        while True:
            j = table[at]
            if j < 0:
                table[at] = i
                break
            if opcode[j] == op and left[j] == a and right[j] == b:
                shift[result] = result_of[j] - result
                break
            at = (mixed(op, a, b) if tries == 0 else at + np.uint64(1)) & mask
            tries += 1


@entry
def mark_live(bounds, left, right, live):
    """From the results that are needed to the operands that they need, backwards."""
    start, stop, first = bounds[0], bounds[1], bounds[2]
    for i in range(stop - 1, start - 1, -1):
        if live[first + i - start]:
            live[left[i]] = 1
            live[right[i]] = 1


@entry
def mark_dependent(bounds, left, right, depends):
    """A result depends on an active input if an operand does."""
    start, stop, first = bounds[0], bounds[1], bounds[2]
    for i in range(start, stop):
        depends[first + i - start] = depends[left[i]] | depends[right[i]]


@entry
def renumber(slots, inputs, constant, shift):
    """From the slots of a recording to those of the program, in place.

    Inputs stay, constants are numbered from `constant` on and follow the inputs, all others move on by `shift`.
    """
    for i in range(slots.size):
        if slots[i] >= constant:
            slots[i] += inputs - constant
        elif slots[i] >= inputs:
            slots[i] += shift


@entry
def describe(slots, found):
    """Whether slots stand in equal steps, or in rows of them with equal steps from row to row.

    found: elements of a row, step, step from row to row. There are at least two slots.
    """
    count, step = slots.size, slots[1] - slots[0]
    inner = 2
    while inner < count and slots[inner] - slots[inner - 1] == step:
        inner += 1
    found[0], found[1], found[2] = inner, step, 0
    if inner == count:
        return True
    if count % inner != 0:
        return False
    outer = slots[inner] - slots[0]
    found[2] = outer
    i = inner
    while i < count and slots[i] - slots[i - inner] == outer:
        i += 1
    return i == count
