"""Which inputs each node of a dependency graph depends on, and which pairs of inputs interact: sets and words of
bits.

A graph (`fastad/sparsity/dependency.py`) has the nodes 0 (nothing), 1 .. p (the inputs), and then one a row of
`left`, `right` and `flags`. Sets of inputs are kept in one of two ways. As lists of numbers: a set is a stretch of
`pool`, or the union of two others that nobody has asked for yet, so that a long chain of sums costs a node each and
not a list each; it is written out when it is referred to a second time. Or as bits, `words` of 64 inputs a node at a
time, in sweeps over the graph forwards (which inputs) and, for second derivatives, backwards (on which inputs the
adjoint depends).
"""

import numpy as np
from numba import njit

kernel = njit(error_model="numpy", nogil=True, no_cpython_wrapper=True, no_cfunc_wrapper=True)
entry = njit(error_model="numpy", nogil=True, no_cfunc_wrapper=True)

# flags of a node: whether it depends on its operands, and which of its second partials are not zero
ON_LEFT, ON_RIGHT, LEFT_LEFT, LEFT_RIGHT, RIGHT_RIGHT = 1, 2, 4, 8, 16
# kinds of set: a union that nobody has referred to, one that somebody has, a list of numbers
FRESH, REFERRED, WRITTEN = 0, 1, 2
# words of the state
SETS, POOL, PAIRS, STAMP = 0, 1, 2, 3
SMALL = 64  # numbers up to which a union is written out at once
MEMORY = 1 << 16  # unions that are remembered


@entry
def mark_useful(inputs, left, right, flags, useful):
    """From the nodes that count to those that their derivatives depend on, backwards."""
    for k in range(left.size - 1, -1, -1):
        if useful[inputs + 1 + k]:
            if flags[k] & (ON_LEFT | LEFT_RIGHT):
                useful[left[k]] = 1
            if flags[k] & (ON_RIGHT | LEFT_RIGHT):
                useful[right[k]] = 1


# --- sets as lists ------------------------------------------------------------------------------------
@kernel
def write_out(s, kinds, first, second, pool, state, stamps, stack):
    """Turn a union into a list of numbers, in order."""
    start = state[POOL]
    at, depth = start, 1
    state[STAMP] += 1
    stamp = state[STAMP]
    stack[0] = s
    whole = -1  # a list that turns out to hold everything
    while depth > 0:
        depth -= 1
        t = stack[depth]
        if kinds[t] == WRITTEN:
            before = at
            for i in range(first[t], first[t] + second[t]):
                if stamps[pool[i]] != stamp:
                    stamps[pool[i]] = stamp
                    pool[at] = pool[i]
                    at += 1
            if before == start:
                whole = t
        else:
            stack[depth], stack[depth + 1] = first[t], second[t]
            depth += 2
    kinds[s] = WRITTEN
    if whole >= 0 and second[whole] == at - start:
        first[s], second[s] = first[whole], second[whole]
    else:
        pool[start:at].sort()
        first[s], second[s] = start, at - start
        state[POOL] = at


@kernel
def merged(a, b, kinds, first, second, pool, state):
    """The union of two short lists: one of them if it holds the other, else a new one."""
    i, j, at = first[a], first[b], state[POOL]
    end_i, end_j = i + second[a], j + second[b]
    start = at
    while i < end_i or j < end_j:
        if j == end_j or (i < end_i and pool[i] < pool[j]):
            pool[at] = pool[i]
            i += 1
        else:
            if i < end_i and pool[i] == pool[j]:
                i += 1
            pool[at] = pool[j]
            j += 1
        at += 1
    if at - start == second[a]:
        return a
    if at - start == second[b]:
        return b
    s = state[SETS]
    state[SETS] = s + 1
    kinds[s], first[s], second[s] = WRITTEN, start, at - start
    state[POOL] = at
    return s


@kernel
def referred(s, kinds, first, second, pool, state, stamps, stack):
    """Note that a set is part of another one; the second time it is written out."""
    if kinds[s] == FRESH:
        kinds[s] = REFERRED
    elif kinds[s] == REFERRED:
        write_out(s, kinds, first, second, pool, state, stamps, stack)


@kernel
def united(a, b, kinds, first, second, pool, state, stamps, stack, memory):
    """The union of two sets; 0 is the empty one."""
    if a == b or b == 0:
        return a
    if a == 0:
        return b
    if b < a:
        a, b = b, a
    place = ((a * 2654435761) ^ (b * 40503)) & (MEMORY - 1)
    if memory[3 * place] == a and memory[3 * place + 1] == b:
        return memory[3 * place + 2]
    if kinds[a] == WRITTEN and kinds[b] == WRITTEN and second[a] + second[b] <= SMALL:
        s = merged(a, b, kinds, first, second, pool, state)
    else:
        referred(a, kinds, first, second, pool, state, stamps, stack)
        referred(b, kinds, first, second, pool, state, stamps, stack)
        s = state[SETS]
        state[SETS] = s + 1
        kinds[s], first[s], second[s] = FRESH, a, b
    memory[3 * place], memory[3 * place + 1], memory[3 * place + 2] = a, b, s
    return s


@kernel
def interact(a, b, kinds, first, second, pool, state, stamps, stack, pairs, seen):
    """Note that every input of one set interacts with every input of another, unless that is known."""
    if a == 0 or b == 0:
        return
    if kinds[a] != WRITTEN:
        write_out(a, kinds, first, second, pool, state, stamps, stack)
    if kinds[b] != WRITTEN:
        write_out(b, kinds, first, second, pool, state, stamps, stack)
    if b < a:
        a, b = b, a
    place = ((a * 2654435761) ^ (b * 40503)) & (seen.size - 1)
    known = seen[place]
    if known >= 0 and pairs[2 * known] == a and pairs[2 * known + 1] == b:
        return
    at = state[PAIRS]
    seen[place] = at
    pairs[2 * at], pairs[2 * at + 1] = a, b
    state[PAIRS] = at + 1


@entry
def unite(
    begin,
    inputs,
    left,
    right,
    flags,
    useful,
    sets,
    kinds,
    first,
    second,
    pool,
    state,
    stamps,
    stack,
    memory,
    pairs,
    seen,
):
    """Sets of the nodes from `begin` on; where it stopped because the pool is nearly full, or their number."""
    collects = seen.size > 0
    for k in range(begin, left.size):
        if pool.size - state[POOL] < 4 * inputs + 2 * SMALL:
            return k
        own, flag = inputs + 1 + k, flags[k]
        a, b = sets[left[k]], sets[right[k]]
        if collects and useful[own]:
            if flag & LEFT_LEFT:
                interact(a, a, kinds, first, second, pool, state, stamps, stack, pairs, seen)
            if flag & LEFT_RIGHT:
                interact(a, b, kinds, first, second, pool, state, stamps, stack, pairs, seen)
            if flag & RIGHT_RIGHT:
                interact(b, b, kinds, first, second, pool, state, stamps, stack, pairs, seen)
        a, b = a if flag & ON_LEFT else 0, b if flag & ON_RIGHT else 0
        sets[own] = united(a, b, kinds, first, second, pool, state, stamps, stack, memory)
    return left.size


@entry
def write_sets(begin, inputs, wanted, kinds, first, second, pool, state, stamps, stack):
    """Write out sets; where it stopped because the pool is nearly full, or their number."""
    for i in range(begin, wanted.size):
        if pool.size - state[POOL] < inputs + SMALL:
            return i
        if kinds[wanted[i]] != WRITTEN:
            write_out(wanted[i], kinds, first, second, pool, state, stamps, stack)
    return wanted.size


@entry
def rows_of_pairs(fills, first, second, pool, stamps, heads, partners, indptr, indices):
    """The pattern that pairs of sets amount to: the numbers of entries in `indptr`, or, filling, the entries.

    `heads` (one a row, and one more) and `partners` list the sets with which each row interacts.
    """
    for row in range(indptr.size - 1):
        at = indptr[row] if fills else 0
        start = at
        for i in range(heads[row], heads[row + 1]):
            s = partners[i]
            for j in range(first[s], first[s] + second[s]):
                if stamps[pool[j]] != row:
                    stamps[pool[j]] = row
                    if fills:
                        indices[at] = pool[j]
                    at += 1
        if fills:
            indices[start:at].sort()
        else:
            indptr[row + 1] = at


@entry
def partners_of_rows(fills, pairs, first, second, pool, heads, partners):
    """With which sets each input interacts: their numbers in `heads`, or, filling, the sets."""
    for k in range(pairs.size // 2):
        for side in range(2):
            a, b = pairs[2 * k + side], pairs[2 * k + 1 - side]
            if side == 1 and a == b:
                break
            for i in range(first[a], first[a] + second[a]):
                row = pool[i]
                if fills:
                    partners[heads[row]] = b
                    heads[row] += 1
                else:
                    heads[row + 1] += 1


# --- sets as bits -------------------------------------------------------------------------------------
@entry
def spread_bits(inputs, words, left, right, flags, bits):
    """The inputs that each node depends on, of those whose bits are set."""
    for k in range(left.size):
        own, a, b, flag = (inputs + 1 + k) * words, left[k] * words, right[k] * words, flags[k]
        for w in range(words):
            x = bits[a + w] if flag & ON_LEFT else np.uint64(0)
            y = bits[b + w] if flag & ON_RIGHT else np.uint64(0)
            bits[own + w] = x | y


@entry
def bend_bits(inputs, words, left, right, flags, useful, bits, bends):
    """The inputs that the adjoint of each node depends on."""
    nothing = np.uint64(0)
    for k in range(left.size - 1, -1, -1):
        if useful[inputs + 1 + k]:
            own, a, b, flag = (inputs + 1 + k) * words, left[k] * words, right[k] * words, flags[k]
            for w in range(words):
                g, x, y = bends[own + w], bits[a + w], bits[b + w]
                to_a = (g if flag & ON_LEFT else nothing) | (x if flag & LEFT_LEFT else nothing)
                to_b = (g if flag & ON_RIGHT else nothing) | (y if flag & RIGHT_RIGHT else nothing)
                if flag & LEFT_RIGHT:
                    to_a, to_b = to_a | y, to_b | x
                bends[a + w] |= to_a
                bends[b + w] |= to_b


@entry
def read_bits(words, nodes, bits, low, counts, indices):
    """The numbers whose bits are set, node by node, from `low` on; how many there are of each in `counts`.

    Without room in `indices` they are only counted.
    """
    at = 0
    for i in range(nodes.size):
        count = 0
        for w in range(words):
            word = bits[nodes[i] * words + w]
            bit = 0
            while word != np.uint64(0):
                if word & np.uint64(1):
                    if indices.size > 0:
                        indices[at + count] = low + 64 * w + bit
                    count += 1
                word >>= np.uint64(1)
                bit += 1
        counts[i] = count
        at += count
    return at
