"""The program of a tape: flat, immutable instructions over one array of slots.

Theory of operation. Slots are numbered inputs first, then constants, then results in the order in
which the instructions produce them. A tape is a sequence of segments of two kinds. A `Run` is a
stretch of the scalar stream: instruction i applies opcode[i] to the slots left[i] and right[i], and
its result slot is implicit. A `Block` applies one operation to whole arrays: its results are
consecutive slots, its operands are slot ranges (`Address`). Moving data (slicing, transposing,
concatenating, ...) is a matter of addresses and leaves no instruction.

A guard says that the recording depended on a slot having had a certain value (a branch that was
taken); a replay in which it has another is refused.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from fastad import kernels
from fastad.errors import InvalidTape
from fastad.ops import BY_CODE, Op
from fastad.places import Places
from fastad.primitives import Call


# Addresses and blocks are never changed once made, but not frozen: that would make a recording pay 0.5 us
# for each one more.
@dataclass(slots=True, eq=False)
class Address:
    """The slots of one operand: element i stands in start + (i // inner) * outer + (i % inner) * step,
    or in table[i] where there is a table (int32)."""

    start: int
    count: int
    inner: int
    step: int = 1
    outer: int = 0
    table: np.ndarray | None = None

    def slots(self) -> np.ndarray:
        """All slots, int64, shape (count,)."""
        if self.table is not None:
            return self.table.astype(np.int64)
        inner = min(self.inner, self.count)
        if inner == self.count:
            return self.start + np.arange(self.count) * self.step
        rows = np.arange(-(-self.count // inner)) * self.outer + self.start
        return (rows[:, None] + np.arange(inner) * self.step).reshape(-1)[: self.count]

    def bounds(self) -> tuple[int, int]:
        """The lowest and the highest slot; (0, -1) of nothing."""
        if self.count == 0:
            return 0, -1
        if self.table is not None:
            return int(self.table.min()), int(self.table.max())
        if self.inner >= self.count and self.step >= 0:
            return self.start, self.start + (self.count - 1) * self.step
        if self.inner < self.count and self.count % self.inner:
            slots = self.slots()
            return int(slots.min()), int(slots.max())
        across = (min(self.inner, self.count) - 1) * self.step
        down = ((self.count - 1) // self.inner) * self.outer
        return self.start + min(0, across) + min(0, down), self.start + max(0, across) + max(0, down)

    def moved(self, place: Places) -> Address:
        """The address after renumbering; `place` never changes the order of slots."""
        if self.table is None:
            return self._moved(place)
        if id(self.table) not in place.tables:
            place.tables[id(self.table)] = self.table, self._moved(place)
        return place.tables[id(self.table)][1]

    def _moved(self, place: Places) -> Address:
        low, high = self.bounds()
        shift = place[low] - low if low <= high else 0
        if low <= high and place[high] - high != shift:
            return address_of(place[self.slots()])
        return self.shifted(shift) if shift else self

    def shifted(self, shift: int) -> Address:
        """The same so many slots further on."""
        if self.table is not None:
            return Address(0, self.count, 1, table=self.table + np.int32(shift))
        return Address(self.start + shift, self.count, self.inner, self.step, self.outer)

    @property
    def key(self) -> tuple[Any, ...]:
        table = None if self.table is None else self.table.tobytes()
        return (self.start, self.count, self.inner, self.step, self.outer, table)

    @property
    def quick_key(self) -> tuple[int, ...]:
        """The same for a program whose equal tables are one (`passes.share`)."""
        return (self.start, self.count, self.inner, self.step, self.outer, id(self.table))

    def part(self, array: np.ndarray) -> np.ndarray:
        """A view of the array's entries (contiguous) at the slots, shape (rows, columns); not with a table."""
        inner = min(self.inner, self.count)
        rows, size = self.count // max(inner, 1), array.itemsize
        strides = self.outer * size, self.step * size
        return np.ndarray((rows, inner), array.dtype, array, self.start * size, strides)

    @property
    def is_single(self) -> bool:
        """Whether all elements stand in one slot."""
        return self.table is None and self.step == 0 and self.inner >= self.count

    @property
    def is_run(self) -> bool:
        """Whether the slots are consecutive."""
        return self.table is None and self.step == 1 and self.inner >= self.count


def address_of(slots: np.ndarray) -> Address:
    """The shortest description of a list of slots (int64, shape (count,))."""
    count = slots.size
    if count == 0:
        return Address(0, 0, 1)
    start = int(slots[0])
    if count == 1:
        return Address(start, 1, 1)
    found = np.empty(3, np.int64)
    if kernels.describe(slots, found):
        inner, step, outer = found.tolist()
        return Address(start, count, inner, step, outer)
    return Address(0, count, 1, table=slots.astype(np.int32))


@dataclass(frozen=True, slots=True)
class Run:
    """Instructions start .. stop of the scalar stream; the first one's result is slot `first`."""

    start: int
    stop: int
    first: int

    @property
    def length(self) -> int:
        return self.stop - self.start


@dataclass(slots=True, eq=False)
class Block:
    """One whole-array instruction; its results are the slots first .. first + length."""

    code: int
    first: int
    length: int
    operands: tuple[Address, ...]
    sizes: tuple[int, ...] = ()
    index: np.ndarray | None = None

    @property
    def name(self) -> str:
        return BY_CODE[self.code].name

    @property
    def batch(self) -> int:
        """Of a matrix product, the number of products."""
        return self.length // max(1, self.sizes[0] * self.sizes[-1])


@dataclass(frozen=True, slots=True)
class Guard:
    """The recording took a path because slot `slot` was `expected`, at the user's line `where`."""

    slot: int
    expected: float
    where: str


@dataclass(frozen=True, eq=False)
class Program:
    """The instructions and what they need: a tape without the structure of arguments and results.

    Attributes
    ----------
    inputs : int
        Number of input slots (slots 0 .. inputs).
    active : ndarray of bool, shape (inputs,)
        Which inputs derivatives are taken of.
    constants : ndarray of float64, shape (c,)
        Values of the slots inputs .. inputs + c.
    opcode : ndarray of uint8, left, right : ndarray of int32, shape (scalars,)
        The scalar stream. An instruction with one operand has left == right.
    segments : tuple of Run and Block
    outputs : ndarray of int64, shape (m,)
        Slots of the results.
    guards : tuple of Guard
    calls : tuple of Call
        What the blocks of the operation `call` call, by number.
    """

    inputs: int
    active: np.ndarray
    constants: np.ndarray
    opcode: np.ndarray
    left: np.ndarray
    right: np.ndarray
    segments: tuple[Run | Block, ...]
    outputs: np.ndarray
    guards: tuple[Guard, ...] = ()
    calls: tuple[Call, ...] = ()

    @property
    def first_result(self) -> int:
        return self.inputs + self.constants.size

    @cached_property
    def slots(self) -> int:
        return self.first_result + sum(segment.length for segment in self.segments)

    def operand_slots(self, segment: Block) -> list[np.ndarray]:
        return [operand.slots() for operand in segment.operands]

    def instructions(self) -> Iterator[tuple[int, int, tuple[Any, ...]]]:
        """(result slot, opcode, operands) of every instruction, in order; operands are slots for the
        scalar stream and the `Block` itself for a block."""
        for segment in self.segments:
            if isinstance(segment, Block):
                yield segment.first, segment.code, (segment,)
                continue
            for i in range(segment.start, segment.stop):
                op = BY_CODE[int(self.opcode[i])]
                operands = (int(self.left[i]), int(self.right[i]))[: op.arity if isinstance(op, Op) else 2]
                yield segment.first + i - segment.start, op.code, operands

    def check(self) -> None:
        """Raise InvalidTape where an invariant is broken, naming the instruction and the operand."""
        for name, dtype in _COLUMNS.items():
            column = getattr(self, name)
            fits = isinstance(column, np.ndarray) and column.dtype == dtype and column.ndim == 1
            _require(fits, f"the column {name!r} is no array of {np.dtype(dtype)} with one axis")
        _require(self.active.shape == (self.inputs,), "one activity flag an input is needed")
        _require(self.opcode.size == self.left.size == self.right.size, "scalar columns differ in length")
        following, instruction = self.first_result, 0
        for number, segment in enumerate(self.segments):
            _require(segment.first == following, f"segment {number} starts at slot {segment.first}, not {following}")
            if isinstance(segment, Run):
                whole = instruction == segment.start < segment.stop <= self.opcode.size
                _require(whole, f"segment {number} is no stretch of scalar instructions from {instruction} on")
                self._check_run(segment)
                instruction = segment.stop
            else:
                _check_block(number, segment, self.calls)
            following += segment.length
        _require(instruction == self.opcode.size, "scalar instructions are left over")
        for what, slots in (("output", self.outputs), ("guard", np.array([g.slot for g in self.guards], np.int64))):
            bad = slots[(slots < 0) | (slots >= self.slots)]
            _require(bad.size == 0, f"the {what} in slot {bad[:1]} is outside the tape, which has {self.slots} slots")

    def _check_run(self, run: Run) -> None:
        part = slice(run.start, run.stop)
        opcode, left, right = self.opcode[part], self.left[part], self.right[part]
        self._require_all(run, np.isin(opcode, _SCALAR), "instruction {} has an unknown opcode")
        own = run.first + np.arange(run.length)
        for side, column in (("left", left), ("right", right)):
            before = (column >= 0) & (column < own)
            self._require_all(run, before, f"the {side} operand of instruction {{}} does not come before it")
        alike = (left == right) | ~np.isin(opcode, _UNARY)
        self._require_all(run, alike, "instruction {} has one operand, but names two")

    @staticmethod
    def _require_all(run: Run, holds: np.ndarray, message: str) -> None:
        if not holds.all():
            raise InvalidTape(message.format(run.start + int(np.argmin(holds))))


_COLUMNS = {
    "active": np.bool_, "constants": np.float64, "opcode": np.uint8, "left": np.int32, "right": np.int32,
    "outputs": np.int64,
}  # fmt: skip
_UNARY = [code for code, op in BY_CODE.items() if isinstance(op, Op) and op.arity == 1]
_SCALAR = [code for code, op in BY_CODE.items() if isinstance(op, Op) and op.arity <= 2]


def _require(condition: bool, message: str) -> None:
    if not condition:
        raise InvalidTape(message)


def _check_block(number: int, block: Block, calls: tuple[Call, ...]) -> None:
    _require(block.code in BY_CODE, f"segment {number} has the unknown opcode {block.code}")
    op = BY_CODE[block.code]
    arity = op.arity if isinstance(op, Op) else len(op.linearity)
    where = f"segment {number} ({op.name})"
    _require(len(block.operands) == arity, f"{where} needs {arity} operands, not {len(block.operands)}")
    fits = len(block.sizes) == _SIZES.get(op.name, 0) and min(block.length, *block.sizes, 0) >= 0
    _require(fits, f"{where} has the length {block.length} and the sizes {block.sizes}")
    _require(op.name != "matmul" or _is_whole_batch(block), f"{where} has a wrong length")
    _require(
        op.name not in ("max", "min") or block.sizes[0] > 0 or block.length == 0, f"{where} has nothing to choose from"
    )
    if op.name == "call":
        _require(block.sizes[0] < len(calls), f"{where} calls number {block.sizes[0]} of {len(calls)} calls")
        _require(block.length == calls[block.sizes[0]].length, f"{where} has a wrong length")
    for k, (operand, count) in enumerate(zip(block.operands, operand_counts(block, calls), strict=True)):
        fits = operand.count == count and _stands_before(operand, block.first)
        _require(fits, f"operand {k} of {where} is no range of {count} slots before its results")
    if op.name == "scatter_sum":
        index = block.index
        fits = index is not None and index.shape == block.sizes and _within(index, block.length)
        _require(fits, f"{where} has an index outside its results")


_SIZES = {"sum": 1, "matmul": 3, "scatter_sum": 1, "max": 1, "min": 1, "call": 1}


def _is_whole_batch(block: Block) -> bool:
    """Whether the results are those of whole products."""
    size = block.sizes[0] * block.sizes[-1]
    return block.length == 0 if size == 0 else block.length > 0 and block.length % size == 0


def _within(indices: np.ndarray, stop: int) -> bool:
    return indices.size == 0 or bool(0 <= indices.min() <= indices.max() < stop)


def _stands_before(operand: Address, stop: int) -> bool:
    """Whether all slots of an operand are among 0 .. stop; of an affine one, by its corners."""
    if operand.table is not None:
        return operand.table.shape == (operand.count,) and _within(operand.table, stop)
    if operand.count == 0:
        return True
    if operand.inner < 1 or operand.count % min(operand.inner, operand.count):
        return False
    inside, across = min(operand.inner, operand.count) - 1, (operand.count - 1) // operand.inner
    corners = [operand.start + i * operand.step + j * operand.outer for i in (0, inside) for j in (0, across)]
    return _within(np.array(corners, object), stop)


def operand_counts(block: Block, calls: tuple[Call, ...]) -> tuple[int, ...]:
    """How many elements each operand of a block must have."""
    match block.name:
        case "sum" | "max" | "min":
            return (block.length * block.sizes[0],)
        case "matmul":
            m, p, n = block.sizes
            return (block.batch * m * p, block.batch * p * n)
        case "scatter_sum":
            return (block.sizes[0],)
        case "call":
            return calls[block.sizes[0]].operand_counts
    return (block.length,) * len(block.operands)
