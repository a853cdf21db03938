"""Passes: program in, equivalent program out.

`optimise` shares what is computed twice, folds what is exact, and drops what no output and no guard
needs. Only identities that hold for every float are folded: x * 1, x / 1, x - (+0.0), x + (-0.0), and
never x * 0, x - x or x / x, which would hide a nan or an infinity, nor x + (+0.0), which changes the
sign of a zero.

A pass works on a map from slots to the slots that stand for them (`same`), so that sharing an
instruction and folding one are the same thing; `_renumber` then closes the gaps.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable
from typing import Any

import numpy as np

from fastad import kernels
from fastad.makers import Makers
from fastad.ops import BY_CODE, OPS, Op
from fastad.places import Gaps, Places, zeros
from fastad.program import Address, Block, Guard, Program, Run, address_of

_COMMUTES = np.zeros(256, np.uint8)
_COMMUTES[[op.code for op in OPS if op.commutative]] = 1


def optimise(program: Program) -> Program:
    """Share common sub-expressions, fold exact identities, drop dead instructions."""
    return drop_dead(share(program))


# --- sharing and folding ----------------------------------------------------------------------------
def share(program: Program) -> Program:
    """One instruction for equal operations on equal operands; results of folded ones are aliases."""
    aliases = _Aliases(program.slots)
    left, right = program.left.astype(np.int64), program.right.astype(np.int64)
    table = np.full(_table_size(program.opcode.size), -1, np.int64)
    result_of = np.zeros(program.opcode.size, np.int64)
    known: dict[Any, int] = {}
    segments: list[Run | Block] = []
    for segment in program.segments:
        if isinstance(segment, Run):
            bounds = np.array([segment.start, segment.stop, segment.first, program.inputs, program.first_result])
            for column in (left, right):
                aliases.write_out(column[segment.start : segment.stop])
            kernels.share_run(
                bounds, program.opcode, left, right, aliases.shift, program.constants, _COMMUTES, table, result_of
            )
            aliases.note(segment.first, segment.length)
            segments.append(segment)
        else:
            segments.append(_share_block(program, segment, aliases, known))
    guards = _moved_guards(program.guards, aliases.of)
    columns = (left.astype(np.int32), right.astype(np.int32))
    return Program(program.inputs, program.active, program.constants, program.opcode, *columns,
                   tuple(segments), aliases.of(program.outputs), guards, program.calls)  # fmt: skip


def _moved_guards(guards: tuple[Guard, ...], move: Callable[[np.ndarray], np.ndarray]) -> tuple[Guard, ...]:
    slots = move(np.array([guard.slot for guard in guards], np.int64)).tolist()
    return tuple(Guard(slot, g.expected, g.where) for slot, g in zip(slots, guards, strict=True))


class _Aliases:
    """Which slot stands for each slot.

    Where a whole block repeats consecutive slots, only that is noted: `firsts`, `stops` and `shifts` of such
    blocks, in order. All others have an entry in `shift` (slot + shift[slot] stands for a slot), whose zeros
    take no memory as long as nobody touches them; `low` and `high` bound those that are not zero.
    """

    def __init__(self, slots: int) -> None:
        self.shift = zeros(slots, np.int64)
        self.low, self.high = slots, -1
        self.firsts: list[int] = []
        self.stops: list[int] = []
        self.shifts: list[int] = []
        self.tables: dict[bytes, np.ndarray] = {}
        self.noted: set[int] = set()  # whole blocks that `shift` knows nothing of

    def note(self, first: int, length: int) -> None:
        """The slots first .. first + length may have been given others to stand for them."""
        self.low, self.high = min(self.low, first), max(self.high, first + length - 1)

    def stand(self, block: Block, other: Address) -> None:
        """The elements of an address stand for the results of a block."""
        if other.is_run:
            self.noted.add(len(self.firsts))
            self.firsts.append(block.first)
            self.stops.append(block.first + block.length)
            self.shifts.append(other.start - block.first)
        else:
            own = np.arange(block.first, block.first + block.length)
            self.shift[own] = other.slots() - own
            self.note(block.first, block.length)

    def of(self, slots: np.ndarray) -> np.ndarray:
        """The slots that stand for some."""
        self.write_out(slots)
        return slots + self.shift[slots]

    def write_out(self, slots: np.ndarray) -> None:
        """Make `shift` know what stands for these slots."""
        if not self.noted or slots.size == 0:
            return
        at = np.searchsorted(self.firsts, slots, "right") - 1
        reached = at[(at >= 0) & (slots < np.take(self.stops, at))]
        for number in self.noted.intersection(reached.tolist()):
            first, stop = self.firsts[number], self.stops[number]
            self.shift[first:stop] = self.shifts[number]
            self.note(first, stop - first)
            self.noted.discard(number)

    def follow(self, address: Address) -> Address:
        """The address with every slot replaced by the one that stands for it; equal tables are made one."""
        address = self._followed(address)
        if address.table is None:
            return address
        table = self.tables.setdefault(address.table.tobytes(), address.table)
        return address if table is address.table else Address(0, address.count, 1, table=table)

    def _followed(self, address: Address) -> Address:
        low, high = address.bounds()
        number = bisect_right(self.firsts, high) - 1
        if number >= 0 and self.firsts[number] <= low and high < self.stops[number]:
            return address.shifted(self.shifts[number])
        if (number < 0 or low >= self.stops[number]) and (high < self.low or low > self.high):
            return address
        slots = address.slots()
        moved = self.of(slots)
        if np.array_equal(slots, moved):
            return address
        return Address(int(moved[0]), address.count, address.count, 0) if address.is_single else address_of(moved)


def _table_size(instructions: int) -> int:
    return 1 << max(4, int(2 * instructions).bit_length())


def _share_block(program: Program, block: Block, aliases: _Aliases, known: dict[Any, int]) -> Block:
    operands = tuple([aliases.follow(operand) for operand in block.operands])
    if operands != block.operands:
        block = Block(block.code, block.first, block.length, operands, block.sizes, block.index)
    folded = _identity_operand(program, block)
    index = None if block.index is None else block.index.tobytes()
    key = (block.code, block.length, block.sizes, index, *[operand.quick_key for operand in operands])
    first = known.setdefault(key, block.first)
    if folded is not None:
        aliases.stand(block, operands[folded])
    elif first != block.first:
        aliases.stand(block, Address(first, block.length, max(1, block.length)))
    return block


_NEUTRAL = {
    "multiply": (1.0, (0, 1)),
    "divide": (1.0, (0,)),
    "subtract": (0.0, (0,)),
    "add": (-0.0, (0, 1)),
    "copy": (None, (0,)),
}


def _identity_operand(program: Program, block: Block) -> int | None:
    """Which operand an element-wise block merely repeats, if any."""
    neutral = _NEUTRAL.get(block.name)
    if neutral is None:
        return None
    value, kept = neutral
    if value is None:
        return 0
    return next((k for k in kept if _is_constant(program, block.operands[1 - k], value)), None)


def _is_constant(program: Program, operand: Address, value: float) -> bool:
    """Whether every element is the constant `value`, sign of zero included."""
    low, high = operand.bounds()
    if low > high or low < program.inputs or high >= program.first_result:
        return False
    if not _equal(program.constants[low - program.inputs], value):
        return False
    return operand.is_single or bool(np.all(_equal(program.constants[operand.slots() - program.inputs], value)))


def _equal(numbers: Any, value: float) -> Any:
    return (numbers == value) & (np.signbit(numbers) == np.signbit(value))


# --- dead code --------------------------------------------------------------------------------------
def drop_dead(program: Program) -> Program:
    """Only what outputs and guards need, with slots renumbered."""
    needs = _Needs(program)
    for number in range(len(program.segments) - 1, -1, -1):
        segment = program.segments[number]
        if isinstance(segment, Run):
            needs.of_run(segment)
        elif needs.blocks[number]:
            for operand in segment.operands:
                needs.of_operand(operand)
    return _renumber(program, needs)


class _Needs:
    """What is needed: inputs, constants and scalar results one by one in `slots`, blocks as a whole in `blocks`."""

    def __init__(self, program: Program) -> None:
        self.program, self.makers = program, Makers(program)
        self.slots = zeros(program.slots, bool)
        self.blocks = [False] * len(program.segments)
        self.of_slots(np.concatenate([program.outputs, [guard.slot for guard in program.guards]]).astype(np.int64))

    def of_slots(self, slots: np.ndarray) -> None:
        self.slots[slots] = True
        self._of_makers(self.makers.results(slots))

    def _of_makers(self, results: np.ndarray) -> None:
        for number in self.makers.of_slots(results):
            self.blocks[number] = True

    def of_run(self, run: Run) -> None:
        bounds = np.array([run.start, run.stop, run.first])
        kernels.mark_live(bounds, self.program.left, self.program.right, self.slots.view(np.uint8))
        outside = self.makers.outside(run, self.program)
        self._of_makers(outside[self.slots[outside]])

    def of_operand(self, operand: Address) -> None:
        low, high = operand.bounds()
        if high < self.program.inputs:
            return
        number = self.makers.block(low, high)
        if number >= 0:
            self.blocks[number] = True
            return
        mark(operand, self.slots)
        for number in self.makers.of_address(operand):
            self.blocks[number] = True


def mark(address: Address, flags: np.ndarray) -> None:
    """Set the flags of all slots of an address."""
    if address.table is None:
        address.part(flags)[...] = True
    else:
        flags[address.table] = True


def _renumber(program: Program, needs: _Needs) -> Program:
    """The program without what is not needed."""
    gaps = Gaps()
    gaps.add(program.inputs, needs.slots[program.inputs : program.first_result])
    for segment, wanted in zip(program.segments, needs.blocks, strict=True):
        if isinstance(segment, Run):
            gaps.add(segment.first, needs.slots[segment.first : segment.first + segment.length])
        elif not wanted:
            gaps.whole(segment.first, segment.length)
    place = gaps.places(program.slots)
    if place.size == program.slots:
        return program
    constants, count = _kept_constants(program, needs), 0
    segments: list[Run | Block] = []
    kept: list[np.ndarray] = []
    for segment, wanted in zip(program.segments, needs.blocks, strict=True):
        if isinstance(segment, Run):
            mine = np.flatnonzero(needs.slots[segment.first : segment.first + segment.length])
            if mine.size:
                segments.append(Run(count, count + mine.size, place[segment.first + int(mine[0])]))
                kept.append(segment.start + mine)
                count += mine.size
        elif wanted:
            segments.append(_moved_block(segment, place))
    part = np.concatenate(kept) if kept else np.empty(0, np.int64)
    left, right = (place[column[part]].astype(np.int32) for column in (program.left, program.right))
    return Program(program.inputs, program.active, constants, program.opcode[part], left, right,
                   merge_runs(segments), place[program.outputs],
                   _moved_guards(program.guards, place.__getitem__), program.calls)  # fmt: skip


def _kept_constants(program: Program, needs: _Needs) -> np.ndarray:
    flags = needs.slots[program.inputs : program.first_result]
    return program.constants if flags.all() else program.constants[flags]


def _moved_block(block: Block, place: Places) -> Block:
    operands = tuple([operand.moved(place) for operand in block.operands])
    return Block(block.code, place[block.first], block.length, operands, block.sizes, block.index)


def merge_runs(segments: list[Run | Block]) -> tuple[Run | Block, ...]:
    """Neighbouring runs as one."""
    merged: list[Run | Block] = []
    for segment in segments:
        last = merged[-1] if merged else None
        if isinstance(segment, Run) and isinstance(last, Run):
            merged[-1] = Run(last.start, segment.stop, last.first)
        else:
            merged.append(segment)
    return tuple(merged)


# --- activity ---------------------------------------------------------------------------------------
def activity(program: Program) -> list[int]:
    """Which operands of each segment carry derivatives: bit k for operand k of a block; 0 for a run."""
    return dependence(program).bits


def dependence(program: Program) -> Dependence:
    """What depends on an active input."""
    dependence = Dependence(program)
    for number, segment in enumerate(program.segments):
        if isinstance(segment, Run):
            dependence.of_run(segment)
            continue
        bits = 0
        for k, (operand, kind) in enumerate(zip(segment.operands, BY_CODE[segment.code].linearity, strict=True)):
            if kind not in ("constant", "step") and dependence.has(operand):
                bits |= 1 << k
        dependence.bits[number], dependence.blocks[number] = bits, bits != 0
    return dependence


class Dependence:
    """What depends on an active input: inputs and scalar results one by one, blocks as a whole.

    Attributes
    ----------
    bits : list of int
        Which operands of each segment do.
    """

    def __init__(self, program: Program) -> None:
        self.program, self.makers = program, Makers(program)
        self.slots = zeros(program.slots, bool)
        self.slots[: program.inputs] = program.active
        self.all_active = bool(program.active.all())
        self.bits, self.blocks = [0] * len(program.segments), np.zeros(len(program.segments), bool)

    def of_run(self, run: Run) -> None:
        self._look_up(self.makers.outside(run, self.program))
        bounds = np.array([run.start, run.stop, run.first])
        kernels.mark_dependent(bounds, self.program.left, self.program.right, self.slots.view(np.uint8))

    def _look_up(self, results: np.ndarray) -> None:
        """Set the entries of some results of blocks."""
        if results.size:
            self.slots[results[self.blocks[self.makers.of(results)]]] = True

    def has(self, operand: Address) -> bool:
        low, high = operand.bounds()
        if low > high or (low >= self.program.inputs and high < self.program.first_result):
            return False
        number = self.makers.block(low, high)
        if number >= 0:
            return self.bits[number] != 0
        if high < self.program.inputs and self.all_active:
            return True
        if low >= self.program.first_result:
            found = list(self.makers.of_address(operand))
            if all(isinstance(self.program.segments[number], Block) for number in found):
                return bool(self.blocks[found].any())
        return bool(self.of(operand.slots()).any())

    def of(self, slots: np.ndarray) -> np.ndarray:
        """A flag for each of some slots."""
        self._look_up(self.makers.results(slots))
        return self.slots[slots]

    def of_all(self) -> np.ndarray:
        """A flag for every slot; bool, shape (slots,)."""
        for number, segment in enumerate(self.program.segments):
            if self.blocks[number]:
                self.slots[segment.first : segment.first + segment.length] = True
        return self.slots


def is_scalar_op(code: int) -> bool:
    """Whether an operation fits the scalar stream."""
    op = BY_CODE[code]
    return isinstance(op, Op) and op.arity <= 2
