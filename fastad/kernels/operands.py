"""Reading and accumulating the operands of block instructions.

An operand is the slot range that its row describes: affine in at most two levels (element i stands in
slot start + (i // inner) * outer_stride + (i % inner) * inner_stride) or an index table. With `lanes`
directions an array holds `lanes` consecutive numbers a slot. Contiguous operands are used in place;
everything else is gathered into a buffer first, so that the formula loops always run over contiguous
memory. All arrays are offsets into one workspace. What is not contiguous is left to two kernels that are called by
address, because a copy of them in every caller would take long to compile.
"""

from numba import njit

from fastad.kernels.layout import (
    ACCUMULATE,
    AFFINE,
    COUNT,
    GATHER,
    INNER,
    INNER_STRIDE,
    OPERAND,
    OPERAND_WORDS,
    OUTER_STRIDE,
    START,
)  # fmt: skip
from fastad.kernels.pointers import call_gather, table

kernel = njit(error_model="numpy", nogil=True, no_cpython_wrapper=True, no_cfunc_wrapper=True)


@kernel
def product(d, t):
    """d * t, where a factor that is exactly 0 gives exactly 0 (absolute zero)."""
    return 0.0 if d == 0.0 or t == 0.0 else d * t


@kernel
def operand_row(row, k):
    return row + OPERAND + k * OPERAND_WORDS


@kernel
def operand_count(code, row, k):
    return code[operand_row(row, k) + COUNT]


@kernel
def stands_in_one_level(code, at, stride):
    return code[at + AFFINE] == 1 and code[at + INNER_STRIDE] == stride and code[at + INNER] >= code[at + COUNT]


@kernel
def gather(code, work, at, low, size, lanes, source, buffer):
    """Offset of the elements low .. low + size of an operand, `lanes` numbers each, contiguous."""
    if stands_in_one_level(code, at, 1):
        return source + (code[at + START] + low) * lanes
    call_gather(code[GATHER], code, work, at, low, size, lanes, source, buffer)
    return buffer


def gather_apart(code, work, at, low, size, lanes, source, buffer):
    """Fill a buffer with the elements of an operand that does not stand in one level."""
    if lanes == 1:  # a copy of the loops for it
        gather_lanes(code, work, at, low, size, 1, source, buffer)
    else:
        gather_lanes(code, work, at, low, size, lanes, source, buffer)


@kernel
def gather_lanes(code, work, at, low, size, lanes, source, buffer):
    start = code[at + START]
    if code[at + AFFINE] == 0:
        slots = table(code)
        for j in range(size):
            slot = source + slots[2 * start + low + j] * lanes
            for lane in range(lanes):
                work[buffer + j * lanes + lane] = work[slot + lane]
        return
    inner, step, jump = code[at + INNER], code[at + INNER_STRIDE], code[at + OUTER_STRIDE]
    inside, line = low % inner, start + (low // inner) * jump
    j = 0
    while j < size:
        run = min(inner - inside, size - j)
        slot, place = source + (line + inside * step) * lanes, buffer + j * lanes
        if lanes == 1:
            for i in range(run):
                work[place + i] = work[slot + i * step]
        else:
            for i in range(run):
                for lane in range(lanes):
                    work[place + i * lanes + lane] = work[slot + i * step * lanes + lane]
        j += run
        line += jump
        inside = 0


@kernel
def add_all(work, slot, lanes, part, size):
    """Add all elements of `part` to one slot."""
    for lane in range(lanes):
        total = 0.0
        for j in range(size):
            total += work[part + j * lanes + lane]
        work[slot + lane] += total


@kernel
def accumulate(code, work, at, low, size, lanes, target, part):
    """Add `part` (size * lanes numbers) to the elements low .. low + size of an operand."""
    if stands_in_one_level(code, at, 1):
        place = target + (code[at + START] + low) * lanes
        for j in range(size * lanes):
            work[place + j] += work[part + j]
    else:
        call_gather(code[ACCUMULATE], code, work, at, low, size, lanes, target, part)


def accumulate_apart(code, work, at, low, size, lanes, target, part):
    """`accumulate` for an operand that does not stand in consecutive slots."""
    if lanes == 1:
        accumulate_lanes(code, work, at, low, size, 1, target, part)
    else:
        accumulate_lanes(code, work, at, low, size, lanes, target, part)


@kernel
def accumulate_lanes(code, work, at, low, size, lanes, target, part):
    start = code[at + START]
    if stands_in_one_level(code, at, 0):
        add_all(work, target + start * lanes, lanes, part, size)
    elif code[at + AFFINE] == 0:
        slots = table(code)
        for j in range(size):
            slot = target + slots[2 * start + low + j] * lanes
            for lane in range(lanes):
                work[slot + lane] += work[part + j * lanes + lane]
    else:
        inner, step, jump = code[at + INNER], code[at + INNER_STRIDE], code[at + OUTER_STRIDE]
        inside, line = low % inner, start + (low // inner) * jump
        j = 0
        while j < size:
            run = min(inner - inside, size - j)
            slot, place = target + (line + inside * step) * lanes, part + j * lanes
            if step == 0:
                add_all(work, slot, lanes, place, run)
            elif lanes == 1 and step == 1:
                for i in range(run):
                    work[slot + i] += work[place + i]
            else:
                for i in range(run):
                    for lane in range(lanes):
                        work[slot + i * step * lanes + lane] += work[place + i * lanes + lane]
            j += run
            line += jump
            inside = 0


@kernel
def spread(work, source, size, lanes, buffer):
    """Offset of the numbers of `source`, each repeated for every lane."""
    if lanes == 1:
        return source
    for j in range(size):
        for lane in range(lanes):
            work[buffer + j * lanes + lane] = work[source + j]
    return buffer


@kernel
def one_lane(work, source, size, lanes, index, buffer):
    """Offset of one direction of an array of `lanes` directions."""
    if lanes == 1:
        return source
    for j in range(size):
        work[buffer + j] = work[source + j * lanes + index]
    return buffer


@kernel
def clear(work, start, size):
    for i in range(start, start + size):
        work[i] = 0.0
