"""Passes: program in, equivalent program out.

`optimise` shares what is computed twice, folds what is exact, and drops what no output and no guard
needs. Only identities that hold for every float are folded: x * 1, x / 1, x - (+0.0), x + (-0.0), and
never x * 0, x - x or x / x, which would hide a nan or an infinity, nor x + (+0.0), which changes the
sign of a zero.

A pass works on a map from slots to the slots that stand for them (`same`), so that sharing an
instruction and folding one are the same thing; `_renumber` then closes the gaps.
"""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np

from fastad import kernels
from fastad.ops import BY_CODE, OPS, Op
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
            kernels.share_run(
                bounds, program.opcode, left, right, aliases.same, program.constants, _COMMUTES, table, result_of
            )
            aliases.note(segment.first, segment.length)
            segments.append(segment)
        else:
            segments.append(_share_block(program, segment, aliases, known))
    same = aliases.same
    guards = tuple(Guard(int(same[g.slot]), g.expected, g.where) for g in program.guards)
    columns = (left.astype(np.int32), right.astype(np.int32))
    return Program(program.inputs, program.active, program.constants, program.opcode, *columns,
                   tuple(segments), same[program.outputs], guards)  # fmt: skip


class _Aliases:
    """Which slot stands for each slot, and between which bounds any slot is not its own."""

    def __init__(self, slots: int) -> None:
        self.same = np.arange(slots, dtype=np.int64)
        self.low, self.high = slots, 0

    def note(self, first: int, length: int) -> None:
        """The slots first .. first + length may have been given others to stand for them."""
        self.low, self.high = min(self.low, first), max(self.high, first + length)

    def follow(self, address: Address) -> Address:
        """The address with every slot replaced by the one that stands for it."""
        low = address.start
        high = low + (address.count if address.is_run else 1)
        if self.low >= self.high or ((address.is_run or address.is_single) and (high <= self.low or low >= self.high)):
            return address
        slots, moved = address.entries(self._own), address.entries(self.same)
        if np.array_equal(slots, moved):
            return address
        return Address(int(moved[0]), address.count, address.count, 0) if address.is_single else address_of(moved)

    @cached_property
    def _own(self) -> np.ndarray:
        return np.arange(self.same.size)


def _table_size(instructions: int) -> int:
    return 1 << max(4, int(2 * instructions).bit_length())


def _share_block(program: Program, block: Block, aliases: _Aliases, known: dict[Any, int]) -> Block:
    operands = tuple(map(aliases.follow, block.operands))
    if operands != block.operands:
        block = Block(block.code, block.first, block.length, operands, block.sizes, block.index)
    folded = _identity_operand(program, block)
    index = None if block.index is None else block.index.tobytes()
    key = (block.code, block.length, tuple(operand.key for operand in operands), block.sizes, index)
    first = known.setdefault(key, block.first)
    results = slice(block.first, block.first + block.length)
    if folded is not None:
        aliases.same[results] = operands[folded].slots()
    elif first != block.first:
        aliases.same[results] = np.arange(first, first + block.length)
    if folded is not None or first != block.first:
        aliases.note(block.first, block.length)
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
    if operand.table is None and not program.inputs <= operand.start < program.first_result:
        return False
    if operand.is_single:
        number = program.constants[operand.start - program.inputs]
        return bool(number == value and np.signbit(number) == np.signbit(value))
    slots = operand.slots() - program.inputs
    if slots.size == 0 or slots.min() < 0 or slots.max() >= program.constants.size:
        return False
    numbers = program.constants[slots]
    return bool(np.all(numbers == value) and np.all(np.signbit(numbers) == np.signbit(value)))


# --- dead code --------------------------------------------------------------------------------------
def drop_dead(program: Program) -> Program:
    """Only what outputs and guards need, with slots renumbered."""
    live = np.zeros(program.slots, bool)
    live[: program.inputs] = True
    live[program.outputs] = True
    live[[guard.slot for guard in program.guards]] = True
    for segment in reversed(program.segments):
        if isinstance(segment, Run):
            bounds = np.array([segment.start, segment.stop, segment.first])
            kernels.mark_live(bounds, program.left, program.right, live.view(np.uint8))
        elif live[segment.first : segment.first + segment.length].any():
            live[segment.first : segment.first + segment.length] = True
            for operand in segment.operands:
                mark(operand, live)
    return program if live.all() else _renumber(program, live)


def mark(address: Address, flags: np.ndarray) -> None:
    """Set the flags of all slots of an address."""
    if address.is_run or address.is_single:
        flags[address.start : address.start + (address.count if address.is_run else 1)] = True
    elif address.count:
        flags[address.slots()] = True


def _renumber(program: Program, live: np.ndarray) -> Program:
    place = np.cumsum(live) - 1
    constants = program.constants[live[program.inputs : program.first_result]]
    segments: list[Run | Block] = []
    kept_parts: list[np.ndarray] = []
    count = 0
    for segment in program.segments:
        mine = live[segment.first : segment.first + segment.length]
        if not mine.any():
            continue
        first = int(place[segment.first + int(np.argmax(mine))])
        if isinstance(segment, Run):
            kept = segment.start + np.flatnonzero(mine)
            segments.append(Run(count, count + kept.size, first))
            kept_parts.append(kept)
            count += kept.size
        else:
            operands = tuple(operand.moved(place) for operand in segment.operands)
            segments.append(Block(segment.code, first, segment.length, operands, segment.sizes, segment.index))
    kept = np.concatenate(kept_parts) if kept_parts else np.empty(0, np.int64)
    guards = tuple(Guard(int(place[g.slot]), g.expected, g.where) for g in program.guards)
    left, right = (place[column[kept]].astype(np.int32) for column in (program.left, program.right))
    return Program(program.inputs, program.active, constants, program.opcode[kept], left, right,
                   merge_runs(segments), place[program.outputs], guards)  # fmt: skip


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
def activity(program: Program) -> tuple[np.ndarray, list[int]]:
    """Which slots depend on an active input, and which operands of each segment carry derivatives.

    Returns
    -------
    depends : ndarray of bool, shape (slots,)
    operands : list of int
        For each segment, bit k for operand k of a block; 0 for a run.
    """
    depends = np.zeros(program.slots, bool)
    depends[: program.inputs] = program.active
    operands = []
    for segment in program.segments:
        bits = 0
        if isinstance(segment, Run):
            bounds = np.array([segment.start, segment.stop, segment.first])
            kernels.mark_dependent(bounds, program.left, program.right, depends.view(np.uint8))
        else:
            for k, (operand, kind) in enumerate(zip(segment.operands, BY_CODE[segment.code].linearity, strict=True)):
                if kind not in ("constant", "step") and operand.entries(depends).any():
                    bits |= 1 << k
            if bits:
                depends[segment.first : segment.first + segment.length] = True
        operands.append(bits)
    return depends, operands


def is_scalar_op(code: int) -> bool:
    """Whether an operation fits the scalar stream."""
    op = BY_CODE[code]
    return isinstance(op, Op) and op.arity <= 2
