"""Short rows that a group reads again and again: a bias for all rows, a centre for all points.

Theory of operation. Element i of tiles stands in slot start + i // count * step + i % row: a row is repeated until
`count` elements are through, then comes the next one. Within a block a row is copied to itself by doubling, and its
adjoints are added up by halving, so that short rows cost as little as long ones.
"""

from numba import njit

from fastad.kernels.layout import TILE_COUNT, TILE_ROW, TILE_START, TILE_STEP

kernel = njit(error_model="numpy", nogil=True, no_cpython_wrapper=True, no_cfunc_wrapper=True)


@kernel
def repeat_row(work, slots, row, phase, target, size):
    """target = a row at `slots`, from its element `phase` on, over and over."""
    head = min(row - phase, size)
    for j in range(head):
        work[target + j] = work[slots + phase + j]
    rest = min(row, size)
    for j in range(head, rest):
        work[target + j] = work[slots + j - head]
    done = rest
    while done < size:
        step = min(done, size - done)
        for j in range(step):
            work[target + done + j] = work[target + j]
        done += step


@kernel
def load_tiles(code, work, at, low, size, source, target):
    """The elements low .. low + size."""
    row, count = code[at + TILE_ROW], code[at + TILE_COUNT]
    item, inside, done = low // count, low % count, 0
    while done < size:
        part = min(size - done, count - inside)
        slots = source + code[at + TILE_START] + item * code[at + TILE_STEP]
        repeat_row(work, slots, row, inside % row, target + done, part)
        item, inside, done = item + 1, 0, done + part


@kernel
def add_row(work, g, row, phase, slots, size, part):
    """Add the numbers of `g` to a row that begins with its element `phase`; `part` holds half of them."""
    source = g
    while size > row:
        half = ((size + row - 1) // row + 1) // 2 * row
        for j in range(size - half):
            work[part + j] = work[source + j] + work[source + half + j]
        for j in range(size - half, half if source != part else 0):
            work[part + j] = work[source + j]
        source, size = part, half
    for j in range(min(size, row - phase)):
        work[slots + phase + j] += work[source + j]
    for j in range(row - phase, size):
        work[slots + j - row + phase] += work[source + j]


@kernel
def add_tiles(code, work, at, low, size, g, target, part):
    """Add `g` to the elements low .. low + size; `part` is memory for as many numbers."""
    row, count = code[at + TILE_ROW], code[at + TILE_COUNT]
    item, inside, done = low // count, low % count, 0
    while done < size:
        length = min(size - done, count - inside)
        slots = target + code[at + TILE_START] + item * code[at + TILE_STEP]
        add_row(work, g + done, row, inside % row, slots, length, part)
        item, inside, done = item + 1, 0, done + length
