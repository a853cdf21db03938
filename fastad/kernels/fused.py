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
    AT_ONCE,
    AT_REGISTERS,
    BLOCK_ADJOINT,
    BLOCK_LINEARIZE,
    BLOCK_PRIMAL,
    CARRY,
    CLUSTER_WORDS,
    DONE,
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
    GROUP_SCRATCH,
    HELPERS,
    HIGHEST,
    INPUT_BARS,
    INPUT_VALUES,
    INPUTS,
    LENGTH,
    LINEARIZED,
    LOAD,
    LOWEST,
    NEXT_CHUNK,
    NOWHERE,
    OPEN,
    PASS,
    PHASE,
    PULL,
    RUN_CHUNK,
    SCALE,
    SEED_CONSTANT,
    SEED_SLOT,
    SHARED_ROW,
    SHARED_STEPS,
    STACK,
    STEP_OPCODE,
    STEP_WORDS,
    T0,
    T1,
    T2,
    TOTAL,
    WHEN,
    G,
    W,
    X,
    Y,
    Z,
)  # fmt: skip
from fastad.kernels.operands import accumulate, clear, gather, product
from fastad.kernels.pointers import (
    atomic_add,
    atomic_exchange,
    atomic_load,
    atomic_store,
    call_adjoint,
    call_block,
    call_chunk,
    doubles,
    pause,
    shifted,
)
from fastad.kernels.products import pairwise_sum

kernel = njit(error_model="numpy", nogil=True, no_cpython_wrapper=True, no_cfunc_wrapper=True)

WORTH_SHARING = 4  # chunks
PATIENCE = 4000  # looks for a chunk, about 0.1 ms, before a helper goes away


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
        call_adjoint(code[BLOCK_ADJOINT], op, work, x, y, w, z, size, first, second, third, g, code[at + AT_ONCE])


@kernel
def fill(work, target, size, number):
    for j in range(size):
        work[target + j] = number


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
    if code[cluster + FRESH] == 1 and code[cluster + HIGHEST] > code[cluster + LOWEST]:
        clear(work, bar_place(code, env, first) + low, code[cluster + HIGHEST] + size - first)


@kernel
def flush_run(code, work, env, at, carried, start, low, size, g):
    """Add to the adjoints of consecutive slots, or write them where nobody else does.

    Those before the chunk's own go to the cells.
    """
    slot, cluster = code[at + X] + low, code[at + Y]
    out = bar_place(code, env, code[at + X]) + low
    if code[cluster + FRESH] == 1 and code[cluster + HIGHEST] == code[cluster + LOWEST]:
        for j in range(size):
            work[out + j] = work[g + j]
        return
    head = 0
    if start > 0:
        head = min(size, max(0, code[cluster + HIGHEST] + start - slot))
        place = carried + code[cluster + CARRY] + slot - code[cluster + LOWEST] - start
        for j in range(head):
            work[place + j] += work[g + j]
    for j in range(head, size):
        work[out + j] += work[g + j]


@kernel
def flush_any(code, work, env, at, low, size, g):
    target = env[INPUT_BARS] if code[at + STEP_OPCODE] == 1 else env[AT_BARS]
    accumulate(code, work, code[at + X], low, size, 1, target, g)


@kernel
def reverse_step(code, work, env, at, start, low, size, scratch, block, cells, carried):
    """A step of the adjoint."""
    action, at_once = code[at + ACTION], code[at + AT_ONCE] == 1
    g, target = register(scratch, block, code[at + G]), register(scratch, block, code[at + T0])
    if action == SCALE:
        scale(work, at_once, value_place(code, env, scratch, block, code[at + X], low), g, target, size)
    elif action == PASS:
        pass_on(work, at_once, code[at + X], g, target, size)
    elif action == FETCH:
        place = bar_place(code, env, code[at + X]) + low
        for j in range(size):
            work[target + j] = work[place + j]
    elif action == SEED_CONSTANT:
        fill(work, target, size, doubles(shifted(code, at + X))[0])
    elif action == SEED_SLOT:
        fill(work, target, size, work[bar_place(code, env, code[at + X])])
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
        if code[at + WHEN] == 1 and low > start:
            pass
        elif action == APPLY or action == LINEARIZED or action == PULL:
            apply(code, work, env, at, low, size, scratch, block)
        elif action == LOAD:
            load(code, work, env, at, register(scratch, block, code[at + Z]), low, size)
        elif action == TOTAL:
            x = value_place(code, env, scratch, block, code[at + X], low)
            work[cells + code[at + T0]] = pairwise_sum(work, x, size, scratch - STACK)
        else:
            reverse_step(code, work, env, at, start, low, size, scratch, block, cells, carried)
        at += STEP_WORDS


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
    """A list on all chunks of a group, by this thread and those that come to help."""
    if code[row + G_CHUNKS] >= WORTH_SHARING and env[HELPERS] > 0:
        share_group(code, work, env, row, steps)
        return
    for chunk in range(code[row + G_CHUNKS]):
        call_chunk(code[RUN_CHUNK], code, work, env, row, steps, chunk, env[AT_REGISTERS])


@kernel
def share_group(code, work, env, row, steps):
    """Chunks are given away one by one; each thread, this one too, takes the next that is left.

    The word NEXT_CHUNK holds the phase with the chunk, so that nobody takes one of a group that is over.
    """
    chunks, phase = code[row + G_CHUNKS], env[PHASE] + 1
    env[PHASE], env[SHARED_ROW], env[SHARED_STEPS] = phase, row, steps
    atomic_store(shifted(env, DONE), 0)
    atomic_store(shifted(env, NEXT_CHUNK), phase << 32)
    while take_chunk(code, work, env, env[AT_REGISTERS]):
        pass
    while atomic_load(shifted(env, DONE)) < chunks:
        pause()


@kernel
def take_chunk(code, work, env, scratch):
    """Carry out the next chunk; False where none is left."""
    word = atomic_load(shifted(env, NEXT_CHUNK))
    if word < 0:
        return False
    row, steps, chunk = env[SHARED_ROW], env[SHARED_STEPS], word & 0xFFFFFFFF
    # Only if the word has not changed are row and steps those of its phase.
    if chunk >= code[row + G_CHUNKS] or not atomic_exchange(shifted(env, NEXT_CHUNK), word, word + 1):
        return False
    call_chunk(code[RUN_CHUNK], code, work, env, row, steps, chunk, scratch)
    atomic_add(shifted(env, DONE), 1)
    return True


@kernel
def assist(code, work, env, helper):
    """Take chunks until none has been given away for a while."""
    scratch = env[AT_REGISTERS] + helper * (code[GROUP_SCRATCH] + STACK)
    idle = 0
    while idle < PATIENCE:
        if take_chunk(code, work, env, scratch):
            idle = 0
        else:
            idle += 1
            pause()
