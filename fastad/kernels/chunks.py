"""A chunk of what threads share: of a group's list of steps, of a matrix product, or of a chain of both.

No chunk touches memory that another one touches. What a group's chunks add to the same slots goes to cells: those of
its blocks first, then what each chunk leaves (`groups` adds them up).
"""

from numba import njit

from fastad.kernels.fused import run_block
from fastad.kernels.layout import (
    ACTIVE,
    AT_CELLS,
    CHAIN,
    CHAIN_BACKWARD,
    CHAIN_FORWARD,
    CHAIN_KEEPING,
    FORWARD,
    G_BACKWARD,
    G_BLOCK,
    G_CARRY,
    G_CELLS,
    G_CHUNK,
    G_FORWARD,
    G_KEEPING,
    G_SINGLES,
    G_SUMS,
    KIND,
    LEFT_ADJOINT,
    LENGTH,
    M_BATCH,
    M_CHUNK,
    MATMUL,
    MATRIX_G,
    MATRIX_OUT,
    MATRIX_RIGHT,
    MATRIX_TURNED,
    MATRIX_X,
    MATRIX_Y,
    PULL_FACTORS,
    RIGHT_ADJOINT,
    ROW,
    SIZE0,
    SIZE1,
    SIZE2,
    TURNED_LEFT_ADJOINT,
)  # fmt: skip
from fastad.kernels.operands import clear
from fastad.kernels.products import multiply

kernel = njit(error_model="numpy", nogil=True, no_cpython_wrapper=True, no_cfunc_wrapper=True)


@kernel
def matrix_chunk(code, work, env, row, which, chunk):
    """Some of a batch of matrix products, or some rows of one, or of the adjoints.

    Chunks of one product's right adjoint are added up afterwards.
    """
    batch, m, p, n = code[row + M_BATCH], code[row + SIZE0], code[row + SIZE1], code[row + SIZE2]
    first, step = chunk * code[row + M_CHUNK], code[row + M_CHUNK]
    if batch > 1:
        rows, right, count = first * m, first, min(step, batch - first)
    else:
        rows, right, count, m = first, 0, 1, min(step, m - first)
    part = right if batch > 1 else chunk
    x, y, out = env[MATRIX_X] + rows * p, env[MATRIX_Y] + right * p * n, env[MATRIX_OUT]
    for k in range(2):
        kind, a, b, target = which, x, y, out + rows * n if k == 0 else -1
        if which == PULL_FACTORS and k == 0:
            kind = TURNED_LEFT_ADJOINT if env[MATRIX_TURNED] == 1 else LEFT_ADJOINT
            a, target = env[MATRIX_G] + rows * n, out + rows * p if out >= 0 else -1
        elif which == PULL_FACTORS:
            kind, b = RIGHT_ADJOINT, env[MATRIX_G] + rows * n
            target = env[MATRIX_RIGHT] + part * p * n if env[MATRIX_RIGHT] >= 0 else -1
        if target >= 0:
            multiply(work, kind, a, b, count, m, p, n, target)


@kernel
def group_chunk(code, work, env, row, steps, chunk, scratch):
    start, block = chunk * code[row + G_CHUNK], code[row + G_BLOCK]
    stop = min(code[row + LENGTH], start + code[row + G_CHUNK])
    width, carries = cell_width(code, row), code[row + G_CARRY]
    carried = first_carry(code, env, row) + chunk * carries
    cells = env[AT_CELLS] + code[row + G_CELLS] + width * chunk * chunk_blocks(code, row)
    clear(work, carried, carries)
    for low in range(start, stop, block):
        run_block(code, work, env, row, steps, start, low, min(block, stop - low), scratch, cells, carried)
        cells += width


@kernel
def part_of_chain(code, row, steps):
    """What a segment does in a chunk of its chain; -1 for nothing."""
    if code[row + KIND] == MATMUL:
        return PULL_FACTORS if steps == CHAIN_BACKWARD else FORWARD
    active = code[row + ACTIVE] == 1
    if steps == CHAIN_BACKWARD:
        return G_BACKWARD if active else -1
    return G_KEEPING if steps == CHAIN_KEEPING and active else G_FORWARD


def run_chunk(code, work, env, row, steps, chunk, scratch):
    """A list on one chunk, or all of a chain on it; touches no memory that another chunk touches."""
    count, at, part = code[row + CHAIN] if steps >= CHAIN_FORWARD else 1, row, steps
    for i in range(count):
        if steps >= CHAIN_FORWARD:
            at = row + (count - 1 - i if steps == CHAIN_BACKWARD else i) * ROW
            part = part_of_chain(code, at, steps)
        if part < 0:
            pass
        elif code[at + KIND] == MATMUL:
            matrix_chunk(code, work, env, at, part, chunk)
        else:
            group_chunk(code, work, env, at, part, chunk, scratch)


@kernel
def cell_width(code, row):
    """Partial sums of a block."""
    return code[row + G_SUMS + 1] + code[row + G_SINGLES + 1]


@kernel
def chunk_blocks(code, row):
    """Blocks of a chunk."""
    return (code[row + G_CHUNK] + code[row + G_BLOCK] - 1) // code[row + G_BLOCK]


@kernel
def blocks(code, row):
    whole, rest = code[row + LENGTH] // code[row + G_CHUNK], code[row + LENGTH] % code[row + G_CHUNK]
    return whole * chunk_blocks(code, row) + (rest + code[row + G_BLOCK] - 1) // code[row + G_BLOCK]


@kernel
def first_carry(code, env, row):
    """Where what the chunks leave begins: behind the cells of the blocks."""
    return env[AT_CELLS] + code[row + G_CELLS] + cell_width(code, row) * blocks(code, row)
