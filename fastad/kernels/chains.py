"""Chains: a batch of matrix products with the groups before and behind it, chunk by chunk.

Theory of operation. Where the products of a batch take what a group has just computed, and another group goes on
with their results, a chunk of all three is carried out before the next: what passes between them is still in cache,
and threads meet once instead of three times. Each chunk is some of the products and their share of the groups'
elements (`chunks.run_chunk`); what chunks leave is added up when the whole chain is done, as for a single group.
"""

from numba import njit

from fastad.kernels.groups import finish_adjoints, finish_values, run_chunks
from fastad.kernels.layout import (
    ACTIVE,
    CHAIN,
    CHAIN_BACKWARD,
    CHAIN_FORWARD,
    CHAIN_KEEPING,
    FIRST,
    G_CHUNKS,
    GRADIENT,
    KIND,
    M_CHUNKS,
    MATMUL,
    MATRIX_OUT,
    MATRIX_X,
    MATRIX_Y,
    ROW,
)  # fmt: skip
from fastad.kernels.matrices import control, factors, is_active, left_target, prepare_pull, summed_right
from fastad.kernels.operands import accumulate, operand_count, operand_row

kernel = njit(error_model="numpy", nogil=True, no_cpython_wrapper=True, no_cfunc_wrapper=True)


@kernel
def chunks_of(code, row):
    return code[row + M_CHUNKS] if code[row + KIND] == MATMUL else code[row + G_CHUNKS]


@kernel
def primal_chain(code, work, task, first, scratch, room):
    """Values of the chain that begins with the row `first`."""
    env, stop = control(work, scratch, room), first + code[first + CHAIN] * ROW
    for row in range(first, stop, ROW):
        if code[row + KIND] == MATMUL:
            env[MATRIX_X], env[MATRIX_Y], _m, _p, _n = factors(code, work, row, scratch, room)
            env[MATRIX_OUT] = code[row + FIRST]
    steps = CHAIN_KEEPING if task == GRADIENT else CHAIN_FORWARD
    run_chunks(code, work, env, first, steps, chunks_of(code, first), 2)
    for row in range(first, stop, ROW):
        if code[row + KIND] != MATMUL:
            finish_values(code, work, env, row)


@kernel
def adjoint_chain(code, work, first, bars, scratch, room):
    """Adjoints of the same chain; the left factors' go straight to their place."""
    env, stop = control(work, scratch, room), first + code[first + CHAIN] * ROW
    for row in range(first, stop, ROW):
        if code[row + KIND] == MATMUL:
            x, y, _m, _p, _n = factors(code, work, row, scratch, room)
            left = left_target(code, work, row, bars, scratch, room)
            prepare_pull(code, work, row, x, y, bars + code[row + FIRST], left, scratch, room)
    run_chunks(code, work, env, first, CHAIN_BACKWARD, chunks_of(code, first), 2)
    for row in range(first, stop, ROW):
        if code[row + KIND] != MATMUL:
            if code[row + ACTIVE] == 1:
                finish_adjoints(code, work, env, row)
        elif is_active(code, row, 1):
            part, at = summed_right(code, work, row, scratch, room), operand_row(row, 1)
            accumulate(code, work, at, 0, operand_count(code, row, 1), 1, bars, part)
