"""The steps of many points from a scalar stream: where values and adjoints stand, and for how long.

Theory of operation. With many points a slot takes LANES numbers, so a long tape would not fit the caches if each
slot had a place of its own. Most values are read for the last time soon after they are computed; their places are
used again. The places of those that an adjoint needs, of partials that are stored, and of what somebody outside the
stream reads (`held`) are not. An adjoint lives from the last reader of its slot, which the reverse sweep comes to
first, to the instruction that computed the slot; the first that reaches it writes it, so that nothing is cleared.
The adjoint of a sum becomes that of one of its operands by changing its owner.
"""

import numpy as np
from numba import njit

from fastad.kernels.layout import (
    B_NEGATE,
    B_PASS,
    B_PULL,
    B_SCALE,
    B_TWICE,
    BAR_WORDS,
    BAR_WORDS_LONG,
    V_LINEARIZE,
    V_PRIMAL,
    VALUE_WORDS,
    VALUE_WORDS_LONG,
    WAY_LEFT,
    WAY_NEGATE,
    WAY_NONE,
    WAY_PASS,
    WAY_PULL,
    WAY_RESULT,
    WAY_RIGHT,
    WAY_TWICE,
)  # fmt: skip

kernel = njit(error_model="numpy", nogil=True, no_cpython_wrapper=True, no_cfunc_wrapper=True)
entry = njit(error_model="numpy", nogil=True, no_cfunc_wrapper=True)


@kernel
def taken_place(free):
    """A place that nobody uses: free[0] counts the free ones, free[1] is the first never used."""
    if free[0] > 0:
        free[0] -= 1
        return free[2 + free[0]]
    free[1] += 1
    return free[1] - 1


@kernel
def give_back(free, place):
    free[2 + free[0]] = place
    free[0] += 1


# --- values -----------------------------------------------------------------------------------------
@kernel
def last_readers(left, right, slots):
    last = np.full(slots, -1, np.int64)
    for i in range(left.size):
        last[left[i]] = i
        last[right[i]] = i
    return last


@entry
def place_values(base, opcode, left, right, result, action, held, place, partials, steps, starts):
    """Write the steps of values; returns the number of places.

    place : by slot; those that are not -1 stay. partials : by instruction, 1 where they are stored; becomes the
    place of the first, the second's follows. starts[i] : the step of instruction i.
    """
    last, free, at = last_readers(left, right, place.size), np.empty(opcode.size + 2, np.int64), 0
    free[0], free[1] = 0, base
    for i in range(opcode.size):
        a, b, v, starts[i] = left[i], right[i], result[i], at
        if place[v] < 0:
            place[v] = free[1] if held[v] else taken_place(free)
            free[1] += held[v]
        kind = V_LINEARIZE if partials[i] else action[opcode[i]]
        steps[at], steps[at + 1], steps[at + 2], steps[at + 3] = kind, place[a], place[b], place[v]
        if kind >= V_PRIMAL:
            steps[at + 4] = opcode[i]
            if partials[i]:
                steps[at + 5], steps[at + 6], partials[i] = free[1], free[1] + 1, free[1]
                free[1] += 2
        at += VALUE_WORDS_LONG if kind >= V_PRIMAL else VALUE_WORDS
        if not held[a] and last[a] == i:
            give_back(free, place[a])
        if not held[b] and last[b] == i and a != b:
            give_back(free, place[b])
        if not held[v] and last[v] < 0:
            give_back(free, place[v])
    starts[opcode.size] = at
    return free[1]


# --- adjoints ---------------------------------------------------------------------------------------
@kernel
def simple_action(way):
    if way == WAY_PASS:
        return B_PASS
    if way == WAY_NEGATE:
        return B_NEGATE
    return B_TWICE if way == WAY_TWICE else B_SCALE


@kernel
def factor_place(way, k, left, right, result, partial):
    if way == WAY_LEFT or way == WAY_TWICE:
        return left
    if way == WAY_RIGHT:
        return right
    return result if way == WAY_RESULT else partial + k


@kernel
def owned(bar, slot, free):
    """Make sure that the adjoint of a slot has a place; 1 if it had none."""
    if bar[slot] >= 0:
        return 0
    bar[slot] = taken_place(free)
    return 1


@entry
def place_adjoints(base, opcode, left, right, result, ways, depends, place, partials, bar, steps, ends):
    """Write the steps of adjoints in the order of the reverse sweep; returns the number of places.

    bar : by slot, the place of its adjoint or -1 while it has none; those of outputs and of what others read are
    given. ends[i] : where the steps of instruction i end, those of i + 1 before them.
    """
    free, at = np.empty(2 * opcode.size + bar.size + 2, np.int64), 0
    free[0], free[1], ends[opcode.size] = 0, base, 0
    for i in range(opcode.size - 1, -1, -1):
        g, lent, pulled = bar[result[i]], False, False
        if g >= 0 and depends[result[i]]:
            x, y, z = place[left[i]], place[right[i]], place[result[i]]
            for k in range(2):
                slot, way = left[i] if k == 0 else right[i], ways[2 * opcode[i] + k]
                if way == WAY_NONE or not depends[slot]:
                    continue
                if way == WAY_PULL:
                    pulled = True
                elif way == WAY_PASS and bar[slot] < 0 and not lent:
                    bar[slot], lent = g, True
                else:
                    fresh = owned(bar, slot, free)
                    steps[at] = 2 * simple_action(way) + fresh
                    steps[at + 1] = factor_place(way, k, x, y, z, partials[i])
                    steps[at + 2], steps[at + 3] = g, bar[slot]
                    at += BAR_WORDS
            if pulled:
                write_pull(opcode[i], left[i], right[i], x, y, z, g, ways, depends, bar, free, steps, at)
                at += BAR_WORDS_LONG
            if not lent:
                give_back(free, g)
        ends[i] = at
    return free[1]


@kernel
def write_pull(op, left, right, x, y, z, g, ways, depends, bar, free, steps, at):
    """The step of an instruction whose partials are computed when the adjoint is."""
    steps[at], steps[at + 1], steps[at + 2], steps[at + 3] = 2 * B_PULL, op, g, 0
    steps[at + 4], steps[at + 5], steps[at + 6] = x, y, z
    for k in range(2):
        slot = left if k == 0 else right
        steps[at + 7 + k] = -1
        if ways[2 * op + k] == WAY_PULL and depends[slot]:
            steps[at + 3] |= owned(bar, slot, free) << k
            steps[at + 7 + k] = bar[slot]
