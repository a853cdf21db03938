"""From a program to what the kernels run: one packed int64 array, and workspaces to run it in.

Short element-wise blocks are unrolled into the scalar stream, where an instruction costs a few
nanoseconds instead of a block's start-up; their result slots stay what they were. A workspace holds
all memory that a call writes; it is taken from a pool and put back, so threads never share one and a
loop never allocates.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from fastad import kernels
from fastad.kernels import layout as at
from fastad.ops import ARRAY_BY_NAME
from fastad.passes import activity, is_scalar_op, merge_runs
from fastad.program import Address, Block, Program, Run

UNROLL = 16  # longest element-wise block that is unrolled into the scalar stream
_KINDS = {
    ARRAY_BY_NAME[name].code: kind
    for name, kind in (("sum", at.SUM), ("matmul", at.MATMUL), ("scatter_sum", at.SCATTER_SUM))
}


def _kind(block: Block) -> int:
    return _KINDS.get(block.code, at.ELEMENTWISE)


def unroll(program: Program) -> Program:
    """Short element-wise blocks as scalar instructions."""
    if not any(map(_is_short, program.segments)):
        return program
    opcode: list[np.ndarray] = []
    left: list[np.ndarray] = []
    right: list[np.ndarray] = []
    segments: list[Run | Block] = []
    count = 0
    for segment in program.segments:
        if isinstance(segment, Run):
            part = slice(segment.start, segment.stop)
            columns = program.opcode[part], program.left[part], program.right[part]
        elif _is_short(segment):
            slots = program.operand_slots(segment)
            columns = np.full(segment.length, segment.code, np.uint8), slots[0], slots[-1]
        else:
            segments.append(segment)
            continue
        for whole, column in zip((opcode, left, right), columns, strict=True):
            whole.append(column)
        segments.append(Run(count, count + segment.length, segment.first))
        count += segment.length
    return Program(
        program.inputs, program.active, program.constants,
        _joined(opcode, np.uint8), _joined(left, np.int32), _joined(right, np.int32),
        merge_runs(segments), program.outputs, program.guards,
    )  # fmt: skip


def _is_short(segment: Run | Block) -> bool:
    return isinstance(segment, Block) and segment.length <= UNROLL and is_scalar_op(segment.code)


def _joined(parts: list[np.ndarray], dtype: Any) -> np.ndarray:
    return np.concatenate(parts).astype(dtype) if parts else np.empty(0, dtype)


class _Words:
    """An int64 array that grows; parts of other types are padded to whole words."""

    def __init__(self) -> None:
        self.parts: list[np.ndarray] = []
        self.size = 0

    def add(self, values: np.ndarray) -> int:
        """Append, and say at which word the values start."""
        start, data = self.size, np.ascontiguousarray(values).tobytes()
        data += b"\0" * (-len(data) % 8)
        self.parts.append(np.frombuffer(data, np.int64))
        self.size += len(data) // 8
        return start


def pack(program: Program) -> np.ndarray:
    """The program as the kernels read it (`kernels/layout.py`); int64, shape (words,)."""
    words, header = _Words(), [0] * at.HEADER
    words.add(np.zeros(at.HEADER, np.int64))
    active = activity(program)[1]
    rows = np.array([_row(s, words, bits) for s, bits in zip(program.segments, active, strict=True)], np.int64)
    header[at.INPUTS], header[at.SLOTS], header[at.SCALARS] = program.inputs, program.slots, program.opcode.size
    header[at.SEGMENTS], header[at.AT_SEGMENTS] = len(rows), words.add(rows)
    header[at.AT_OPCODES] = words.add(program.opcode)
    header[at.AT_LEFT], header[at.AT_RIGHT] = words.add(program.left), words.add(program.right)
    header[at.OUTPUTS], header[at.AT_OUTPUTS] = program.outputs.size, words.add(program.outputs)
    header[at.GUARDS] = len(program.guards)
    header[at.AT_GUARDS] = words.add(np.array([guard.slot for guard in program.guards], np.int64))
    words.add(np.array([guard.expected for guard in program.guards], np.float64))
    header[at.BUFFER] = max([64, *map(_buffer, program.segments)])
    code = np.concatenate(words.parts)
    code[: at.HEADER] = header
    return code


def _row(segment: Run | Block, words: _Words, active: int) -> list[int]:
    """The words of one segment; index tables go to `words`."""
    row = [0] * at.ROW
    row[at.FIRST], row[at.LENGTH] = segment.first, segment.length
    if isinstance(segment, Run):
        row[at.KIND], row[at.SIZE0] = at.SCALAR_RUN, segment.start
        return row
    row[at.KIND], row[at.OPCODE], row[at.ACTIVE] = _kind(segment), segment.code, active
    row[at.SIZE0 : at.SIZE0 + len(segment.sizes)] = segment.sizes
    if segment.index is not None:
        row[at.SIZE0] = words.add(segment.index.astype(np.int32))
    for k, operand in enumerate(segment.operands):
        place = at.OPERAND + k * at.OPERAND_WORDS
        row[place : place + at.OPERAND_WORDS] = _operand_words(operand, words)
    return row


def _operand_words(operand: Address, words: _Words) -> list[int]:
    if operand.table is not None:
        return [0, words.add(operand.table), 0, 0, 0, operand.count]
    return [1, operand.start, operand.inner, operand.step, operand.outer, operand.count]


def _buffer(segment: Run | Block) -> int:
    """Numbers that one gather buffer must hold for this segment."""
    if isinstance(segment, Run):
        return 0
    kind = _kind(segment)
    if kind == at.ELEMENTWISE:
        return min(at.BLOCK, segment.length)
    if kind == at.SUM:
        return max(256, segment.sizes[0])
    return max(segment.length, *(operand.count for operand in segment.operands))


class Schedule:
    """A packed program and its pool of workspaces; `run` carries out one task."""

    def __init__(self, program: Program) -> None:
        program = unroll(program)
        self.program, self.code = program, pack(program)
        self._sizes = (program.slots, program.opcode.size, int(self.code[at.BUFFER]))
        self._pool: list[np.ndarray] = []
        self._ready: set[int] = set()

    def prepare(self, *words: int) -> None:
        """Load the dispatch kernels that stand in the given header words."""
        for kernel in kernels.DISPATCH:
            if kernel.word in words and kernel.word not in self._ready:
                self.code[kernel.word] = kernel.address
                self._ready.add(kernel.word)

    def prepare_task(self, task: int) -> None:
        """Load the dispatch kernels that a task needs."""
        self.prepare(at.SCALAR_PRIMAL if task == at.PRIMAL else at.SCALAR_LINEARIZE, at.BLOCK_PRIMAL)
        if task != at.PRIMAL:
            self.prepare(at.BLOCK_PARTIALS)
        if task == at.SECOND_ORDER:
            self.prepare(at.SCALAR_CURVATURE, at.BLOCK_CURVATURE)

    def workspace_size(self, task: int, lanes: int) -> int:
        """Numbers in a workspace for a task with that many directions."""
        slots, scalars, buffer = self._sizes
        directions = 0 if task in (at.PRIMAL, at.LINEARIZE) else slots * lanes
        if task == at.SECOND_ORDER:
            directions = 2 * slots * lanes + slots + 3 * scalars
        return slots + 2 * scalars + directions + at.BUFFERS * buffer * lanes + 1

    def new_workspace(self, size: int) -> np.ndarray:
        work = np.empty(size)
        inputs, constants = self.program.inputs, self.program.constants
        work[inputs : inputs + constants.size] = constants
        return work

    def take(self, size: int) -> np.ndarray:
        """A workspace of at least `size`; give it back with `give`."""
        try:
            work = self._pool.pop()
        except IndexError:
            return self.new_workspace(size)
        return work if work.size >= size else self.new_workspace(size)

    def give(self, work: np.ndarray) -> None:
        if len(self._pool) < 8:
            self._pool.append(work)

    def bytes(self) -> dict[str, int]:
        """Bytes by purpose."""
        slots, scalars, buffer = self._sizes
        return {
            "instructions": self.code.nbytes,
            "values": 8 * slots,
            "partials": 16 * scalars,
            "adjoints": 8 * slots,
            "scratch": 8 * at.BUFFERS * buffer,
        }
