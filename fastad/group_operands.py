"""What a group reads from memory, and how the adjoints of it get back there.

Consecutive slots are read where they stand; their adjoints are added there as well, but operands that
overlap (neighbours in a sum of differences) form a cluster, because one chunk's adjoints may belong to
the slots of the chunk before. A number a row, few slots read again and again (a row for all rows), and one
number for all have ways of their own; with anything else chunks may meet in a slot.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, field

import numpy as np

from fastad.fuse import ROW, Group, Layout
from fastad.program import Address

TILE = 128  # longest rows that are tiles: longer ones are copied as fast row by row
SPAN = 4096  # slots up to which every chunk adds up the adjoints for itself


@dataclass(eq=False)
class Tiles:
    """Short rows of slots, each read again and again until `count` elements are through (`kernels/tiles.py`)."""

    start: int
    row: int
    count: int
    step: int


@dataclass(eq=False)
class Operand:
    """Something that a group reads from memory.

    Consecutive elements are read where they stand, others are loaded into a register. `direct` says that
    all are inputs, which may stand in the caller's array; consecutive slots that begin among the inputs
    and end behind them do not stand together.
    """

    address: Address
    inputs: int
    row: int = 0
    active: bool = False
    tiles: Tiles | None = field(init=False, default=None)

    def __post_init__(self) -> None:
        address = self.address
        low, high = address.bounds()
        self.direct = high < self.inputs
        self.is_run = address.is_run and (self.direct or low >= self.inputs)
        self.is_single = address.is_single and not self.is_run
        whole = address.table is None and address.inner < address.count and (self.direct or low >= self.inputs)
        # One number a row, each row in one block; or few slots, read again and again.
        self.is_rows = whole and address.step == 0 and address.outer != 0 and address.inner == self.row
        together = self.direct or low >= self.inputs
        plain = self.is_run or self.is_single or self.is_rows
        self.is_private = together and not plain and 0 <= high - low < min(SPAN, address.count)
        self.tiles = tiles_of(address) if together and not plain else None

    @property
    def meets_itself(self) -> bool:
        """Whether elements of different chunks may stand in one slot."""
        return self.active and not (self.is_run or self.is_single or self.is_rows or self.is_private)


def tiles_of(address: Address) -> Tiles | None:
    """The tiles that an address consists of, if it does."""
    if address.table is None:
        short = 1 < address.inner < min(address.count, TILE + 1) and address.step == 1 and address.outer == 0
        return Tiles(address.start, address.inner, address.count, 0) if short else None
    table = address.table
    row = _first_other(np.diff(table[: TILE + 1]), 1) + 1
    if not 1 < row <= TILE or table.size % row:
        return None
    heads = table[::row]
    repeats = _first_other(heads, heads[0])
    if repeats == 1 or heads.size % repeats:
        return None
    firsts = heads[::repeats]
    step = int(firsts[1] - firsts[0]) if firsts.size > 1 else 0
    expected = int(table[0]) + np.arange(firsts.size, dtype=np.int32)[:, None, None] * step + np.arange(row)
    if not np.array_equal(table.reshape(-1, repeats, row), np.broadcast_to(expected, (firsts.size, repeats, row))):
        return None
    return Tiles(int(table[0]), row, repeats * row, step)


def _first_other(numbers: np.ndarray, usual: int) -> int:
    """How many numbers at the beginning are the usual one."""
    others = numbers != usual
    return int(np.argmax(others)) if others.any() else numbers.size


@dataclass(eq=False)
class Cluster:
    """Consecutive operands in memory whose slots overlap."""

    lowest: int
    highest: int
    fresh: bool = False
    carry: int = 0


@dataclass(eq=False)
class Span:
    """Slots that are read again and again: every chunk adds up their adjoints for itself."""

    slot: int
    size: int
    carry: int = 0


class Operands:
    """What a group reads from memory, each address once."""

    def __init__(self, group: Group, layout: Layout) -> None:
        self.known: dict[Hashable, int] = {}
        self.all: list[Operand] = []
        inputs = layout.program.inputs
        for member in group.members:
            for k, operand in enumerate(() if member.is_matvec else member.block.operands):
                if group.inner(operand) is None:
                    number = self.known.setdefault(operand.quick_key, len(self.all))
                    if number == len(self.all):
                        self.all.append(Operand(operand.moved(layout.place), inputs, group.row))
                    self.all[number].active |= bool(member.active >> k & 1)

    def number(self, operand: Address) -> int:
        return self.known[operand.quick_key]


def operands_of(group: Group, layout: Layout) -> Operands:
    """What a group reads, made once."""
    if id(group) not in layout.operands:
        layout.operands[id(group)] = Operands(group, layout)
    return layout.operands[id(group)]


def clusters_of(operands: Operands) -> list[Cluster]:
    """Active consecutive operands, put together where they overlap."""
    found: list[Cluster] = []
    runs = [o.address for o in operands.all if o.active and o.is_run]
    for address in sorted(runs, key=lambda address: address.start):
        if found and address.start < found[-1].highest + address.count:
            found[-1].highest = address.start
        else:
            found.append(Cluster(address.start, address.start))
    return found


def repeated_row(group: Group) -> int:
    """The length of the rows for which the group reads one number each, if they are short, else 0."""
    for member in group.members:
        for operand in member.block.operands:
            if operand.table is None and operand.step == 0 and 1 < operand.inner < min(operand.count, ROW + 1):
                return operand.inner
    return 0
