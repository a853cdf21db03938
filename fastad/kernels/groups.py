"""Groups of fused instructions as a whole: their chunks, and the threads that share them.

A group is cut into chunks that never depend on the number of threads. Partial sums and the few adjoints
that cross from one chunk into the one before are put aside in cells (`fused`) and added in order here,
when all chunks are done, so that results are the same to the bit however many threads took part.
"""

from numba import njit

from fastad.kernels.chunks import blocks, cell_width, first_carry
from fastad.kernels.fused import bar_place
from fastad.kernels.layout import (
    AT_CELLS,
    AT_REGISTERS,
    CARRY,
    CLUSTER_WORDS,
    DONE,
    G_CARRY,
    G_CELLS,
    G_CHUNK,
    G_CHUNKS,
    G_CLUSTERS,
    G_SINGLES,
    G_SPANS,
    G_SUMS,
    GROUP_SCRATCH,
    HELPERS,
    HIGHEST,
    LOWEST,
    M_CHUNKS,
    MATRIX_OUT,
    MATRIX_X,
    MATRIX_Y,
    NEXT_CHUNK,
    PHASE,
    PULL_FACTORS,
    RUN_CHUNK,
    SHARED_CHUNKS,
    SHARED_ROW,
    SHARED_STEPS,
    SPAN_CARRY,
    SPAN_COUNT,
    SPAN_SLOT,
    SPAN_WORDS,
    STACK,
)  # fmt: skip
from fastad.kernels.pointers import atomic_add, atomic_exchange, atomic_load, atomic_store, call_chunk, pause, shifted

kernel = njit(error_model="numpy", nogil=True, no_cpython_wrapper=True, no_cfunc_wrapper=True)

WORTH_SHARING = 4  # chunks
PHASES = (1 << 30) - 1  # then they are counted from 0 again
PATIENCE = 20_000  # looks for a chunk, about 0.5 ms, before a helper goes away


@kernel
def column_sum(code, work, env, row, index):
    """The sum over all blocks of one cell, in order."""
    width, total, lost = cell_width(code, row), 0.0, 0.0
    first = env[AT_CELLS] + code[row + G_CELLS] + index
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
    carries, carried = code[row + G_CARRY], first_carry(code, env, row)
    for cluster in range(code[row + G_CLUSTERS], code[row + G_CLUSTERS] + code[row + G_CLUSTERS + 1] * CLUSTER_WORDS,
                         CLUSTER_WORDS):  # fmt: skip
        lowest = code[cluster + LOWEST]
        for chunk in range(1, code[row + G_CHUNKS]):
            out = bar_place(code, env, lowest) + chunk * code[row + G_CHUNK]
            place = carried + chunk * carries + code[cluster + CARRY]
            for j in range(code[cluster + HIGHEST] - lowest):
                work[out + j] += work[place + j]
    spans = code[row + G_SPANS]
    for span in range(spans, spans + code[row + G_SPANS + 1] * SPAN_WORDS, SPAN_WORDS):
        out = bar_place(code, env, code[span + SPAN_SLOT])
        for chunk in range(code[row + G_CHUNKS]):
            place = carried + chunk * carries + code[span + SPAN_CARRY]
            for j in range(code[span + SPAN_COUNT]):
                work[out + j] += work[place + j]


@kernel
def run_group(code, work, env, row, steps):
    """A list on all chunks of a group, by this thread and those that come to help."""
    run_chunks(code, work, env, row, steps, code[row + G_CHUNKS], WORTH_SHARING)


@kernel
def run_chunks(code, work, env, row, steps, chunks, worth_sharing):
    if chunks >= worth_sharing and env[HELPERS] > 0:
        share_chunks(code, work, env, row, steps, chunks)
        return
    for chunk in range(chunks):
        call_chunk(code[RUN_CHUNK], code, work, env, row, steps, chunk, env[AT_REGISTERS])


@kernel
def run_product(code, work, env, row, which, x, y, out):
    """A matrix product, or one of its adjoints, by chunks of rows."""
    env[MATRIX_X], env[MATRIX_Y], env[MATRIX_OUT] = x, y, out
    run_chunks(code, work, env, row, which, code[row + M_CHUNKS], 2)


@kernel
def run_pull(code, work, env, row):
    """The adjoints of a matrix product's factors; `matrices.prepare_pull` has said where they are."""
    run_chunks(code, work, env, row, PULL_FACTORS, code[row + M_CHUNKS], 2)


@kernel
def share_chunks(code, work, env, row, steps, chunks):
    """Chunks are given away one by one; each thread, this one too, takes the next that is left.

    The word NEXT_CHUNK holds the phase with the chunk, so that nobody takes one of a group that is over. Between
    groups it is -1: while the row and the list of the next one are written, no word is there to be taken.
    """
    phase = (env[PHASE] + 1) & PHASES
    env[PHASE], env[SHARED_ROW], env[SHARED_STEPS], env[SHARED_CHUNKS] = phase, row, steps, chunks
    atomic_store(shifted(env, DONE), 0)
    atomic_store(shifted(env, NEXT_CHUNK), phase << 32)
    while take_chunk(code, work, env, 0):
        pass
    while atomic_load(shifted(env, DONE)) < chunks:
        pause()
    atomic_exchange(shifted(env, NEXT_CHUNK), phase << 32 | chunks, -1)


@kernel
def take_chunk(code, work, env, helper):
    """Carry out the next chunk in the registers of a helper (0: the thread that makes the call); False if none is left.

    Nothing else in `env` may be read before the word: the call that writes it may not have begun.
    """
    word = atomic_load(shifted(env, NEXT_CHUNK))
    if word < 0:
        return False
    row, steps, chunk = env[SHARED_ROW], env[SHARED_STEPS], word & 0xFFFFFFFF
    # Only if the word has not changed are row and steps those of its phase.
    if chunk >= env[SHARED_CHUNKS] or not atomic_exchange(shifted(env, NEXT_CHUNK), word, word + 1):
        return False
    scratch = env[AT_REGISTERS] + helper * (code[GROUP_SCRATCH] + STACK)
    call_chunk(code[RUN_CHUNK], code, work, env, row, steps, chunk, scratch)
    atomic_add(shifted(env, DONE), 1)
    return True


@kernel
def assist(code, work, env, helper):
    """Take chunks until none has been given away for a while."""
    idle = 0
    while idle < PATIENCE:
        if take_chunk(code, work, env, helper):
            idle = 0
        else:
            idle += 1
            pause()
