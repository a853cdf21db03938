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
    AT_ONCE,
    BLOCK_ADJOINT,
    BLOCK_LINEARIZE,
    BLOCK_PRIMAL,
    CARRY,
    FLUSH_ANY,
    FLUSH_RUN,
    FLUSH_SINGLE,
    FLUSH_SPAN,
    FLUSH_TILES,
    FRESH,
    G_STRIDE,
    HIGHEST,
    INPUT_BARS,
    INPUT_VALUES,
    INPUTS,
    LINEARIZED,
    LOAD,
    LOAD_TILES,
    LOWEST,
    MATVEC,
    NOWHERE,
    OPEN,
    PASS,
    PULL,
    PULL_MATVEC,
    SCALE,
    SEED_CONSTANT,
    SEED_ROWS,
    SEED_SLOT,
    SPAN_CARRY,
    SPAN_SLOT,
    STACK,
    STEP_OPCODE,
    STEP_WORDS,
    SUM_ROWS,
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
from fastad.kernels.panels import PANEL, fill_row
from fastad.kernels.pointers import (
    call_adjoint,
    call_block,
    doubles,
    kernel_for,
    shifted,
)
from fastad.kernels.products import LEAF, add_rows, leaf_sum, matvec, pairwise_sum
from fastad.kernels.tiles import add_tiles, load_tiles

kernel = njit(error_model="numpy", nogil=True, no_cpython_wrapper=True, no_cfunc_wrapper=True)


@kernel
def value_place(code, env, scratch, stride, place, low):
    """Offset of the elements from `low` on of a register or of consecutive slots."""
    if place < 0:
        return scratch + (-1 - place) * stride
    return (env[INPUT_VALUES] + place if place < code[INPUTS] else place) + low


@kernel
def bar_place(code, env, slot):
    """Offset of a slot's adjoint."""
    return (env[INPUT_BARS] if slot < code[INPUTS] else env[AT_BARS]) + slot


@kernel
def register(scratch, stride, place):
    return -1 if place == NOWHERE else scratch + (-1 - place) * stride


@kernel
def bar_register(code, env, scratch, stride, place, low):
    """Offset of adjoints in a register or, of consecutive slots, in memory; -1 where there are none."""
    if place == NOWHERE:
        return -1
    return scratch + (-1 - place) * stride if place < 0 else bar_place(code, env, place) + low


@kernel
def target_place(scratch, stride, place, low):
    """Offset of a partial, which is a register or is kept in memory; -1 where there is none."""
    if place == NOWHERE:
        return -1
    return scratch + (-1 - place) * stride if place < 0 else place + low


@kernel
def target_places(code, env, at, scratch, stride, low):
    """Offsets of the three partials, or of the operands' adjoints."""
    if code[at + ACTION] == PULL:
        first = bar_register(code, env, scratch, stride, code[at + T0], low)
        second = bar_register(code, env, scratch, stride, code[at + T1], low)
        return first, second, bar_register(code, env, scratch, stride, code[at + T2], low)
    first, second = (
        target_place(scratch, stride, code[at + T0], low),
        target_place(scratch, stride, code[at + T1], low),
    )
    return first, second, target_place(scratch, stride, code[at + T2], low)


@kernel
def load(code, work, env, at, z, low, size):
    source = env[INPUT_VALUES] if code[at + STEP_OPCODE] == 1 else 0
    found = gather(code, work, code[at + X], low, size, 1, source, z)
    if found != z:
        for j in range(size):
            work[z + j] = work[found + j]


@kernel
def apply(code, work, env, at, low, size, scratch, stride):
    """Carry out an operation, with or without its partials."""
    x = value_place(code, env, scratch, stride, code[at + X], low)
    y = value_place(code, env, scratch, stride, code[at + Y], low)
    w = value_place(code, env, scratch, stride, code[at + W], low)
    z = value_place(code, env, scratch, stride, code[at + Z], low)
    op, action = code[at + STEP_OPCODE], code[at + ACTION]
    first, second, third = target_places(code, env, at, scratch, stride, low)
    if action == APPLY:
        call_block(kernel_for(code, BLOCK_PRIMAL, op), op, work, x, y, w, z, size, first, second, third)
    elif action == LINEARIZED:
        call_block(kernel_for(code, BLOCK_LINEARIZE, op), op, work, x, y, w, z, size, first, second, third)
    else:
        g = bar_register(code, env, scratch, stride, code[at + G], low)
        address, at_once = kernel_for(code, BLOCK_ADJOINT, op), code[at + AT_ONCE]
        call_adjoint(address, op, work, x, y, w, z, size, first, second, third, g, at_once)


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
def sum_rows(work, x, size, row, out):
    for i in range(size // row):
        work[out + i] = leaf_sum(work, x + i * row, row) if row <= LEAF else two_leaves(work, x + i * row, row)


@kernel
def two_leaves(work, x, row):
    """NumPy's order for a row of 129 to 256 numbers."""
    half = row // 2 - row // 2 % 8
    return leaf_sum(work, x, half) + leaf_sum(work, x + half, row - half)


@kernel
def seed_rows(work, at_once, seeds, row, target, size):
    for i in range(size // row):
        seed, place = work[seeds + i], target + i * row
        if at_once and row <= PANEL:
            fill_row(work, place, seed, row)
        elif at_once:
            for j in range(row):
                work[place + j] = seed
        else:
            for j in range(row):
                work[place + j] += seed


@kernel
def reverse_step(code, work, env, at, start, low, size, scratch, stride, cells, carried):
    """A step of the adjoint."""
    action, at_once = code[at + ACTION], code[at + AT_ONCE] == 1
    g = bar_register(code, env, scratch, stride, code[at + G], low)
    target = bar_register(code, env, scratch, stride, code[at + T0], low)
    if action == SCALE:
        scale(work, at_once, value_place(code, env, scratch, stride, code[at + X], low), g, target, size)
    elif action == PASS:
        pass_on(work, at_once, code[at + X], g, target, size)
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
    elif action == SEED_ROWS:
        row = code[at + STEP_OPCODE]
        seed_rows(work, at_once, bar_place(code, env, code[at + X]) + low // row, row, target, size)
    elif action == PULL_MATVEC:
        matrix = value_place(code, env, scratch, stride, code[at + X], 0) + low * code[at + W]
        add_rows(work, matrix, code[at + W], g, carried + code[code[at + Y] + SPAN_CARRY], size)
    elif action == FLUSH_SPAN:
        span = code[at + Y]
        sums = carried + code[span + SPAN_CARRY] - code[span + SPAN_SLOT]
        accumulate(code, work, code[at + X], low, size, 1, sums, g)
    elif action == FLUSH_TILES:
        span = code[at + Y]
        sums = carried + code[span + SPAN_CARRY] - code[span + SPAN_SLOT]
        add_tiles(code, work, code[at + X], low, size, g, sums, target)


@kernel
def run_block(code, work, env, row, steps, start, low, size, scratch, cells, carried):
    """All steps of a list on the elements low .. low + size of the chunk that begins at `start`.

    A block's cells follow those of the block before.
    """
    stride, at = code[row + G_STRIDE], code[row + steps]
    for _ in range(code[row + steps + 1]):
        action = code[at + ACTION]
        if code[at + WHEN] == 1 and low > start:
            pass
        elif action == APPLY or action == LINEARIZED or action == PULL:
            apply(code, work, env, at, low, size, scratch, stride)
        elif action == LOAD:
            load(code, work, env, at, register(scratch, stride, code[at + Z]), low, size)
        elif action == LOAD_TILES:
            source = env[INPUT_VALUES] if code[at + STEP_OPCODE] == 1 else 0
            load_tiles(code, work, code[at + X], low, size, source, register(scratch, stride, code[at + Z]))
        elif action == SUM_ROWS:
            x = value_place(code, env, scratch, stride, code[at + X], low)
            sum_rows(work, x, size, code[at + STEP_OPCODE], code[at + Z] + low // code[at + STEP_OPCODE])
        elif action == MATVEC:
            matrix = value_place(code, env, scratch, stride, code[at + X], 0) + low * code[at + W]
            vector = value_place(code, env, scratch, stride, code[at + Y], 0)
            z = value_place(code, env, scratch, stride, code[at + Z], low)
            matvec(work, matrix, vector, code[at + W], z, size)
        elif action == TOTAL:
            x = value_place(code, env, scratch, stride, code[at + X], low)
            work[cells + code[at + T0]] = pairwise_sum(work, x, size, scratch - STACK)
        else:
            reverse_step(code, work, env, at, start, low, size, scratch, stride, cells, carried)
        at += STEP_WORDS
