"""The fused form of a program: what the kernels run for values and gradients.

Theory of operation. Three questions are settled here, once a program. Which adjoints are known before
the reverse sweep begins: a sum that goes into the result by constant factors only has a constant
adjoint, so its group takes its value and its gradient in one pass. Which adjoints must be cleared: not
those that a group is the first to write. And whether the inputs and their adjoints are read and written
in the caller's arrays: if nobody but groups touches them.
"""

from __future__ import annotations

import math

import numpy as np

from fastad.blas import LARGE
from fastad.chains import ROW_CHUNKS, chains_of
from fastad.chains import ROWS as PRODUCT
from fastad.fuse import Group, Layout, Single, fuse
from fastad.fused_steps import Lists, lists_of
from fastad.group_operands import Cluster, Operand, Span, Tiles, operands_of
from fastad.kernels import layout as at
from fastad.packing import Words, buffer_size, kind_of, operand_words, segment_row
from fastad.passes import mark
from fastad.places import Places
from fastad.program import Address, Block, Guard, Program, Run
from fastad.registers import Register, Step, Word
from fastad.seeds import known_seeds

REGISTERS = 32  # up to as many, a register holds a whole block
CHUNK = 16384  # elements of a chunk, fewer where one is a row of a matrix: some 0.05 ms of work
GAP = 64  # ranges to be cleared that lie closer are made one


class FusedPacking:
    """Packs one program; `code` is the result (int64, shape (words,)).

    Attributes
    ----------
    has_groups : bool
    parallel : bool
        Whether a group has enough elements for more than one thread.
    """

    def __init__(self, program: Program) -> None:
        self.layout = layout = fuse(program)
        self.words = Words()
        self.addresses: dict[int, int] = {}
        self.cells = self.scratch = 0
        self.buffer = 64
        groups = [step for step in layout.steps if isinstance(step, Group)]
        seeds = known_seeds(program) if groups else {}
        self.lists = {id(group): lists_of(group, layout, seeds) for group in groups}
        self.has_groups, self.parallel = bool(groups), False
        self._settle_memory(groups)
        self.chains = chains_of(layout, self.lists, self.fresh_products)
        rows = [self._row(step) for step in layout.steps]
        for chain in dict.fromkeys(self.chains.values()):
            rows[chain.first][at.CHAIN] = rows[chain.first + chain.count - 1][at.CHAIN_BACK] = chain.count
        self.words.add_program(_placed(layout), rows, layout.size + layout.kept)
        header = self.words.header
        header[at.BUFFER], header[at.CELLS], header[at.GROUP_SCRATCH] = self.buffer, self.cells, self.scratch
        self.code = self.words.joined()

    # --- memory -----------------------------------------------------------------------------------
    def _settle_memory(self, groups: list[Group]) -> None:
        copied, bars = _copied_inputs(self.layout), _Bars(self.layout, self.lists)
        self.words.add_ranges(_ranges(copied, GAP), at.COPIES)
        self.words.add_ranges(_ranges(bars.state == _Bars.CLEARED, GAP), at.CLEARS)
        self.words.header[at.DIRECT] = bars.direct
        self.fresh_products = bars.fresh_products

    # --- rows -------------------------------------------------------------------------------------
    def _row(self, step: Group | Single) -> list[int]:
        if isinstance(step, Group):
            return self._group_row(step, self.lists[id(step)])
        segment = step.segment
        if isinstance(segment, Run):
            moved: Run | Block = Run(segment.start, segment.stop, int(self.layout.place[segment.first]))
        else:
            moved = _placed_block(segment, self.layout.place)
        self.buffer = max(self.buffer, buffer_size(moved))
        row = segment_row(moved, self.words, step.active, self.layout.program.calls)
        if isinstance(moved, Block) and kind_of(moved) == at.MATMUL:
            chain = self.chains.get(id(step))
            row[at.M_CHUNK], row[at.M_CHUNKS] = (
                (chain.items, chain.chunks) if chain else _product_chunks(moved.batch, *moved.sizes)
            )
            row[at.M_FRESH] = int(id(step) in self.fresh_products)
            self.parallel |= row[at.M_CHUNKS] > 1
        return row

    def _group_row(self, group: Group, lists: Lists) -> list[int]:
        row, words = [0] * at.ROW, self.words
        row[at.KIND], row[at.LENGTH] = at.GROUP, group.length
        row[at.ACTIVE] = int(any(member.active for member in group.members))
        chain, block = self.chains.get(id(group)), _block_length(group, lists.registers)
        row[at.G_CHUNK] = chunk = chain.elements(group) if chain else _chunk_length(group, block, lists)
        row[at.G_BLOCK] = block = min(block, chunk)
        row[at.G_STRIDE] = stride = -(-block // 8) * 8
        row[at.G_CHUNKS] = chunks = -(-group.length // chunk)
        row[at.G_SEEDED] = int(bool(lists.both))
        row[at.G_CARRY] = carry = _number_carries(lists, chunks)
        clusters = {id(c): words.add([c.lowest, c.highest, int(c.fresh), c.carry]) for c in lists.clusters}
        spans = {id(c): words.add([c.slot, c.size, c.carry]) for c in lists.spans}
        row[at.G_SPANS], row[at.G_SPANS + 1] = min(spans.values(), default=0), len(spans)
        clusters |= spans
        for word, steps in (
            (at.G_FORWARD, lists.forward),
            (at.G_KEEPING, lists.keeping),
            (at.G_BACKWARD, lists.backward),
            (at.G_BOTH, lists.both),
        ):
            row[word], row[word + 1] = self._add_steps(steps, clusters), len(steps)
        for word, slots in ((at.G_SUMS, lists.sums), (at.G_SINGLES, lists.singles)):
            row[word], row[word + 1] = words.add(np.array(slots, np.int64)), len(slots)
        row[at.G_CLUSTERS], row[at.G_CLUSTERS + 1] = min(clusters.values(), default=0), len(lists.clusters)
        width = len(lists.sums) + len(lists.singles)
        whole, rest = divmod(group.length, chunk)
        cells = width * (whole * -(-chunk // block) + -(-rest // block)) + carry * chunks
        if chain:
            row[at.G_CELLS] = chain.cells
            cells = chain.cells = chain.cells + cells
        self.cells = max(self.cells, cells)
        self.scratch = max(self.scratch, lists.registers * stride)
        self.parallel |= chunks >= (2 if chain else 4)
        return row

    def _add_steps(self, steps: list[Step], clusters: dict[int, int]) -> int:
        rows = [[word if type(word) is int else self._word(word, clusters) for word in step.words()] for step in steps]
        return self.words.add(np.array(rows, np.int64).reshape(-1))

    def _word(self, word: Word, clusters: dict[int, int]) -> int:
        if isinstance(word, Cluster | Span):
            return clusters[id(word)]
        if isinstance(word, Tiles):
            return self.words.add([word.start, word.row, word.count, word.step])
        if isinstance(word, Address):
            if id(word) not in self.addresses:
                self.addresses[id(word)] = self.words.add(operand_words(word, self.words))
            return self.addresses[id(word)]
        return -1 - word.number if isinstance(word, Register) else word


def _block_length(group: Group, registers: int) -> int:
    """Elements of a block: few enough for the cache, whole rows, and a multiple of 8 if that can be had."""
    block = at.BLOCK
    while block > 64 and block * max(registers, _widest(group) / 2) > at.BLOCK * REGISTERS:
        block //= 2
    if group.row:
        step = math.lcm(8, group.row)
        step = step if step <= block else group.row
        return max(step, block // step * step)
    return min(block, -(-group.length // 8) * 8)


def _chunk_length(group: Group, block: int, lists: Lists) -> int:
    """Elements of a chunk: whole blocks, or all where the chunks would meet in memory."""
    if lists.serial or any(c.highest - c.lowest > CHUNK // 2 for c in lists.clusters):
        return max(1, group.length)
    chunk = CHUNK // max(1, _widest(group) // 8)
    return min(max(1, chunk // block) * block, max(1, group.length))


def _product_chunks(batch: int, m: int, p: int, n: int) -> tuple[int, int]:
    """Products of a chunk, or rows of a chunk of the only one, and the number of chunks.

    BLAS has ways of its own with large products.
    """
    size = m * p * n
    if batch > 1:
        items = batch if size >= LARGE else min(batch, -(-PRODUCT // max(1, 2 * size)))
        return items, -(-batch // items)
    chunks = min(ROW_CHUNKS, m, size // PRODUCT) if n > 1 and size < LARGE else 1
    rows = -(-m // max(1, chunks))
    return rows, -(-m // rows)


def _widest(group: Group) -> int:
    """Numbers in a row of the widest matrix that the group reads."""
    return max([1, *(member.block.sizes[1] for member in group.members if member.is_matvec)])


def _number_carries(lists: Lists, chunks: int) -> int:
    """Give every cluster and row its place among what a chunk leaves; returns how much that is."""
    count = 0
    for span in lists.spans:
        span.carry = count
        count += span.size
    for cluster in lists.clusters if chunks > 1 else ():
        cluster.carry = count
        count += cluster.highest - cluster.lowest
    return count


def _placed(layout: Layout) -> Program:
    """The program with slots where they stand in memory (segments are packed apart)."""
    program, place = layout.program, layout.place
    guards = tuple(Guard(int(place[g.slot]), g.expected, g.where) for g in program.guards)
    left, right = (place[column].astype(np.int32) for column in (program.left, program.right))
    return Program(program.inputs, program.active, program.constants, program.opcode, left, right, (),
                   place[program.outputs], guards)  # fmt: skip


def _placed_block(block: Block, place: Places) -> Block:
    operands = tuple(operand.moved(place) for operand in block.operands)
    first = int(place[block.first]) if block.length else 0
    return Block(block.code, first, block.length, operands, block.sizes, block.index)


def _copied_inputs(layout: Layout) -> np.ndarray:
    """Inputs that somebody reads from the workspace; bool, shape (inputs,)."""
    program = layout.program
    read = np.zeros(layout.size, bool)
    for column in (program.left, program.right, program.outputs):
        read[layout.place[column]] = True
    read[[layout.place[guard.slot] for guard in program.guards]] = True
    for step in layout.steps:
        if isinstance(step, Group):
            for operand in operands_of(step, layout).all:
                if not operand.direct:
                    mark(operand.address, read)
        elif isinstance(step.segment, Block):
            for address in step.segment.operands:
                mark(address.moved(layout.place), read)
    return read[: program.inputs]


class _Bars:
    """What happens to the adjoints, in the order in which they are written and read.

    Attributes
    ----------
    state : ndarray of uint8, shape (places,)
        UNTOUCHED, CLEARED (before the sweep) or WRITTEN (by a group that is the first to do so).
    direct : bool
        Whether only groups touch those of the inputs.
    fresh_products : set of int
        Identities of the products that are the first to write their left factor's adjoints.
    """

    UNTOUCHED, CLEARED, WRITTEN = 0, 1, 2

    def __init__(self, layout: Layout, lists: dict[int, Lists]) -> None:
        self.layout, self.lists, self.direct = layout, lists, True
        self.fresh_products: set[int] = set()
        self.state = np.zeros(layout.size, np.uint8)
        self.inputs = layout.program.inputs
        self._touch_slots(layout.place[layout.program.outputs])
        seeded = [step for step in layout.steps if isinstance(step, Group) and lists[id(step)].both]
        for group in seeded:
            self._group(group)
        for step in reversed(layout.steps):
            if isinstance(step, Single):
                self._single(step)
            elif not lists[id(step)].both:
                self._group(step)
        inputs = self.state[: self.inputs]
        inputs[inputs == self.UNTOUCHED] = self.CLEARED

    def _touch(self, part: np.ndarray) -> None:
        np.maximum(part, self.CLEARED, out=part)

    def _touch_slots(self, places: np.ndarray) -> None:
        self.direct &= places.size == 0 or int(places.min()) >= self.inputs
        self.state[places] = np.maximum(self.state[places], self.CLEARED)

    def _touch_address(self, address: Address) -> None:
        if address.table is None:
            self._touch(address.part(self.state))
        else:
            self.state[address.table] = np.maximum(self.state[address.table], self.CLEARED)

    def _single(self, step: Single) -> None:
        segment, place = step.segment, self.layout.place
        if segment.length:
            first = int(place[segment.first])
            self._touch(self.state[first : first + segment.length])
        if isinstance(segment, Run):
            program, part = self.layout.program, slice(segment.start, segment.stop)
            self._touch_slots(place[np.concatenate([program.left[part], program.right[part]])])
            return
        for k, operand in enumerate(segment.operands):
            if step.active >> k & 1:
                self.direct &= operand.bounds()[0] >= self.inputs
                self._operand(step, k, operand.moved(place))

    def _operand(self, step: Single, k: int, address: Address) -> None:
        """An operand's adjoints; a product writes those of its left factor at once if nobody has before."""
        part = self.state[address.start : address.start + address.count]
        is_left = k == 0 and isinstance(step.segment, Block) and kind_of(step.segment) == at.MATMUL
        if is_left and address.is_run and address.start >= self.inputs and not part.any():
            part[:] = self.WRITTEN
            self.fresh_products.add(id(step))
        else:
            self._touch_address(address)

    def _group(self, group: Group) -> None:
        lists, place = self.lists[id(group)], self.layout.place
        for member in group.members:
            if member.stored and member.active:
                first = int(place[member.block.first])
                self._touch(self.state[first : first + member.block.length])
        written = [operand for operand in operands_of(group, self.layout).all if operand.active]
        others = [operand for operand in written if not operand.is_run]
        for cluster in lists.clusters:
            part = self.state[cluster.lowest : cluster.highest + group.length]
            apart = not any(_meet(operand, cluster, group.length) for operand in others)
            cluster.fresh = apart and not part.any()
            if cluster.fresh:
                part[:] = self.WRITTEN
            else:
                self._touch(part)
        for member in group.members:
            if member.is_matvec and member.active:
                self._touch_address(member.block.operands[1].moved(place))
        for operand in others:
            self.direct &= operand.direct or operand.address.bounds()[0] >= self.inputs
            self._touch_address(operand.address)


def _meet(operand: Operand, cluster: Cluster, length: int) -> bool:
    low, high = operand.address.bounds()
    return low < cluster.highest + length and high >= cluster.lowest


def _ranges(flags: np.ndarray, gap: int) -> list[tuple[int, int]]:
    """Where the flags are set, as (start, stop); closer ones than `gap` are made one."""
    edges = np.flatnonzero(flags[1:] != flags[:-1]) + 1
    edges = np.concatenate([[0] if flags[:1].any() else [], edges, [flags.size] if flags[-1:].any() else []])
    starts, stops = edges[::2].astype(np.int64), edges[1::2].astype(np.int64)
    if starts.size == 0:
        return []
    keep = starts[1:] - stops[:-1] > gap
    starts, stops = starts[np.concatenate([[True], keep])], stops[np.concatenate([keep, [True]])]
    return list(zip(starts.tolist(), stops.tolist(), strict=True))
