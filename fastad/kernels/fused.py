"""Fused groups: element-wise instructions that run together, a block of elements at a time.

A group is a list of steps over registers, each as long as a block, that stay in cache; only what somebody
else needs goes to memory. There are three lists: forward, backward (which computes again what the
adjoints need), and both at once for a group whose seed is known. A group is cut into chunks that never
depend on the number of threads: partial sums and the few adjoints that cross from one chunk into the
one before are put aside in cells and added in order at the end, so that results are the same to the bit
however many threads took part.

`env` points to the control words (`layout`): inputs and their adjoints may stand in the caller's arrays.
"""

from numba import njit

from fastad.kernels.layout import (
    ACTION,
    APPLY,
    AT_BARS,
    AT_CELLS,
    AT_REGISTERS,
    BLOCK_ADJOINT,
    BLOCK_LINEARIZE,
    BLOCK_PRIMAL,
    CARRY,
    CLUSTER_WORDS,
    EMPTY,
    FETCH,
    FLUSH_ANY,
    FLUSH_RUN,
    FLUSH_SINGLE,
    FRESH,
    G_BLOCK,
    G_CARRY,
    G_CHUNK,
    G_CHUNKS,
    G_CLUSTERS,
    G_SINGLES,
    G_SUMS,
    HIGHEST,
    INPUT_BARS,
    INPUT_VALUES,
    INPUTS,
    LENGTH,
    LINEARIZED,
    LOAD,
    LOWEST,
    NOWHERE,
    OPEN,
    PASS,
    PULL,
    SCALE,
    SEED_CONSTANT,
    SEED_SLOT,
    STACK,
    STEP_OPCODE,
    STEP_WORDS,
    T0,
    T1,
    T2,
    TOTAL,
    G,
    W,
    X,
    Y,
    Z,
)  # fmt: skip
from fastad.kernels.operands import accumulate, clear, gather, product
from fastad.kernels.pointers import call_adjoint, call_block, doubles, shifted
from fastad.kernels.products import pairwise_sum

kernel = njit(error_model="numpy", nogil=True, no_cpython_wrapper=True, no_cfunc_wrapper=True)


@kernel
def value_place(code, env, scratch, block, place, low):
    """Offset of the elements from `low` on of a register or of consecutive slots."""
    if place < 0:
        return scratch + (-1 - place) * block
    return (env[INPUT_VALUES] + place if place < code[INPUTS] else place) + low


@kernel
def bar_place(code, env, slot):
    """Offset of a slot's adjoint."""
    return (env[INPUT_BARS] if slot < code[INPUTS] else env[AT_BARS]) + slot


@kernel
def register(scratch, block, place):
    return -1 if place == NOWHERE else scratch + (-1 - place) * block


@kernel
def load(code, work, env, at, z, low, size):
    source = env[INPUT_VALUES] if code[at + STEP_OPCODE] == 1 else 0
    found = gather(code, work, code[at + X], low, size, 1, source, z)
    if found != z:
        for j in range(size):
            work[z + j] = work[found + j]


@kernel
def apply(code, work, env, at, low, size, scratch, block):
    """Carry out an operation, with or without its partials."""
    x = value_place(code, env, scratch, block, code[at + X], low)
    y = value_place(code, env, scratch, block, code[at + Y], low)
    w = value_place(code, env, scratch, block, code[at + W], low)
    z = value_place(code, env, scratch, block, code[at + Z], low)
    op, action = code[at + STEP_OPCODE], code[at + ACTION]
    first = register(scratch, block, code[at + T0])
    second = register(scratch, block, code[at + T1])
    third = register(scratch, block, code[at + T2])
    if action == APPLY:
        call_block(code[BLOCK_PRIMAL], op, work, x, y, w, z, size, first, second, third)
    elif action == LINEARIZED:
        call_block(code[BLOCK_LINEARIZE], op, work, x, y, w, z, size, first, second, third)
    else:
        g = register(scratch, block, code[at + G])
        call_adjoint(code[BLOCK_ADJOINT], op, work, x, y, w, z, size, first, second, third, g)


@kernel
def spread_seed(work, at_once, seed, target, size):
    if at_once:
        for j in range(size):
            work[target + j] = seed
    else:
        for j in range(size):
            work[target + j] += seed


@kernel
def pass_on(work, at_once, sign, g, target, size):
    if at_once:
        if sign > 0:
            for j in range(size):
                work[target + j] = work[g + j]
        else:
            for j in range(size):
                work[target + j] = -work[g + j]
    elif sign > 0:
        for j in range(size):
            work[target + j] += work[g + j]
    else:
        for j in range(size):
            work[target + j] -= work[g + j]


@kernel
def scale(work, at_once, d, g, target, size):
    if at_once:
        for j in range(size):
            work[target + j] = product(work[d + j], work[g + j])
    else:
        for j in range(size):
            work[target + j] += product(work[d + j], work[g + j])


@kernel
def open_cluster(code, work, env, cluster, start, low, size):
    """Clear the adjoints that this block is the first to reach, and at a chunk's start what it will leave."""
    first = code[cluster + HIGHEST] if low > 0 else code[cluster + LOWEST]
    if code[cluster + FRESH] == 1:
        clear(work, bar_place(code, env, first) + low, code[cluster + HIGHEST] + size - first)


@kernel
def flush_run(code, work, env, at, carried, start, low, size, g):
    """Add to the adjoints of consecutive slots; those before the chunk's own go to the cells."""
    slot, cluster = code[at + X] + low, code[at + Y]
    head = 0
    if start > 0:
        head = min(size, max(0, code[cluster + HIGHEST] + start - slot))
        place = carried + code[cluster + CARRY] + slot - code[cluster + LOWEST] - start
        for j in range(head):
            work[place + j] += work[g + j]
    out = bar_place(code, env, code[at + X]) + low
    for j in range(head, size):
        work[out + j] += work[g + j]


@kernel
def flush_any(code, work, env, at, low, size, g):
    target = env[INPUT_BARS] if code[at + STEP_OPCODE] == 1 else env[AT_BARS]
    accumulate(code, work, code[at + X], low, size, 1, target, g)


@kernel
def reverse_step(code, work, env, at, start, low, size, scratch, block, cells, carried):
    """A step of the adjoint."""
    action, at_once = code[at + ACTION], code[at + STEP_OPCODE] == 1
    g, target = register(scratch, block, code[at + G]), register(scratch, block, code[at + T0])
    if action == SCALE:
        scale(work, at_once, value_place(code, env, scratch, block, code[at + X], low), g, target, size)
    elif action == PASS:
        pass_on(work, at_once, code[at + X], g, target, size)
    elif action == EMPTY:
        clear(work, target, size)
    elif action == FETCH:
        place = bar_place(code, env, code[at + X]) + low
        for j in range(size):
            work[target + j] = work[place + j]
    elif action == SEED_CONSTANT:
        spread_seed(work, at_once, doubles(shifted(code, at + X))[0], target, size)
    elif action == SEED_SLOT:
        spread_seed(work, at_once, work[bar_place(code, env, code[at + X])], target, size)
    elif action == OPEN:
        open_cluster(code, work, env, code[at + X], start, low, size)
    elif action == FLUSH_RUN:
        flush_run(code, work, env, at, carried, start, low, size, g)
    elif action == FLUSH_SINGLE:
        work[cells + code[at + T0]] = pairwise_sum(work, g, size, scratch - STACK)
    elif action == FLUSH_ANY:
        flush_any(code, work, env, at, low, size, g)


@kernel
def run_block(code, work, env, row, steps, start, low, size, scratch, cells, carried):
    """All steps of a list on the elements low .. low + size of the chunk that begins at `start`.

    A block's cells follow those of the block before.
    """
    block = code[row + G_BLOCK]
    at = code[row + steps]
    for _ in range(code[row + steps + 1]):
        action = code[at + ACTION]
        if action == APPLY or action == LINEARIZED or action == PULL:
            apply(code, work, env, at, low, size, scratch, block)
        elif action == LOAD:
            load(code, work, env, at, register(scratch, block, code[at + Z]), low, size)
        elif action == TOTAL:
            x = value_place(code, env, scratch, block, code[at + X], low)
            work[cells + code[at + T0]] = pairwise_sum(work, x, size, scratch - STACK)
        else:
            reverse_step(code, work, env, at, start, low, size, scratch, block, cells, carried)
        at += STEP_WORDS


@kernel
def run_chunk(code, work, env, row, steps, chunk, scratch):
    """A list on one chunk; touches no memory that another chunk touches."""
    start, block = chunk * code[row + G_CHUNK], code[row + G_BLOCK]
    stop = min(code[row + LENGTH], start + code[row + G_CHUNK])
    width, carries = cell_width(code, row), code[row + G_CARRY]
    carried = env[AT_CELLS] + width * blocks(code, row) + chunk * carries
    clear(work, carried, carries)
    for low in range(start, stop, block):
        cells = env[AT_CELLS] + width * (low // block)
        run_block(code, work, env, row, steps, start, low, min(block, stop - low), scratch, cells, carried)


@kernel
def cell_width(code, row):
    """Partial sums of a block."""
    return code[row + G_SUMS + 1] + code[row + G_SINGLES + 1]


@kernel
def blocks(code, row):
    return (code[row + LENGTH] + code[row + G_BLOCK] - 1) // code[row + G_BLOCK]


@kernel
def column_sum(code, work, env, row, index):
    """The sum over all blocks of one cell, in order."""
    width, total, lost = cell_width(code, row), 0.0, 0.0
    first = env[AT_CELLS] + index
    for i in range(blocks(code, row)):
        part = work[first + i * width]
        after = total + part
        error = (total - after) + part if abs(total) >= abs(part) else (part - after) + total
        lost += error
        total = after
    return total + lost if lost == lost else total


@kernel
def finish_values(code, work, env, row):
    """The group's sums, from the cells of its blocks."""
    for i in range(code[row + G_SUMS + 1]):
        work[code[code[row + G_SUMS] + i]] = column_sum(code, work, env, row, i)


@kernel
def finish_adjoints(code, work, env, row):
    """Adjoints of operands that stand in one slot, and those that chunks left for the one before."""
    sums, singles = code[row + G_SUMS + 1], code[row + G_SINGLES + 1]
    for i in range(singles):
        slot = code[code[row + G_SINGLES] + i]
        work[bar_place(code, env, slot)] += column_sum(code, work, env, row, sums + i)
    carries, carried = code[row + G_CARRY], env[AT_CELLS] + cell_width(code, row) * blocks(code, row)
    for cluster in range(code[row + G_CLUSTERS], code[row + G_CLUSTERS] + code[row + G_CLUSTERS + 1] * CLUSTER_WORDS,
                         CLUSTER_WORDS):  # fmt: skip
        lowest = code[cluster + LOWEST]
        for chunk in range(1, code[row + G_CHUNKS]):
            out = bar_place(code, env, lowest) + chunk * code[row + G_CHUNK]
            place = carried + chunk * carries + code[cluster + CARRY]
            for j in range(code[cluster + HIGHEST] - lowest):
                work[out + j] += work[place + j]


@kernel
def run_group(code, work, env, row, steps):
    """A list on all chunks of a group."""
    scratch = env[AT_REGISTERS]
    for chunk in range(code[row + G_CHUNKS]):
        run_chunk(code, work, env, row, steps, chunk, scratch)
