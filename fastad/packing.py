"""A program as the kernels read it: rows, columns and tables in one int64 array (`kernels/layout.py`).

Two forms are packed. The plain one gives every slot its place and every segment its row; the sweeps with
seeds, weights and second derivatives run it. `fused_packing` packs the other, for values and gradients.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from fastad.kernels import layout as at
from fastad.ops import ARRAY_BY_NAME
from fastad.passes import activity
from fastad.primitives import Call
from fastad.program import Address, Block, Program, Run

_KINDS = {
    ARRAY_BY_NAME[name].code: kind
    for name, kind in (
        ("sum", at.SUM),
        ("matmul", at.MATMUL),
        ("scatter_sum", at.SCATTER_SUM),
        ("max", at.EXTREMUM),
        ("min", at.EXTREMUM),
        ("call", at.CALL),
    )
}


class Words:
    """An int64 array that grows, with a header; parts of other types are padded to whole words."""

    def __init__(self) -> None:
        self.header = np.zeros(at.HEADER, np.int64)
        self.parts: list[np.ndarray] = [self.header]
        self.size = at.HEADER

    def add(self, values: Any) -> int:
        """Append, and say at which word the values start."""
        start, data = self.size, np.ascontiguousarray(values).tobytes()
        data += b"\0" * (-len(data) % 8)
        self.parts.append(np.frombuffer(data, np.int64))
        self.size += len(data) // 8
        return start

    def add_ranges(self, ranges: Sequence[tuple[int, int]], count_word: int) -> None:
        """Ranges (start, stop), their number in one header word and where they stand in the next."""
        self.header[count_word] = len(ranges)
        self.header[count_word + 1] = self.add(np.array(ranges, np.int64).reshape(-1, 2))

    def add_program(self, program: Program, rows: Sequence[list[int]], slots: int) -> None:
        """All that both forms have in common."""
        header = self.header
        header[at.INPUTS], header[at.SLOTS], header[at.SCALARS] = program.inputs, slots, program.opcode.size
        header[at.SEGMENTS], header[at.AT_SEGMENTS] = len(rows), self.add(np.array(rows, np.int64))
        header[at.AT_OPCODES] = self.add(program.opcode)
        header[at.AT_LEFT], header[at.AT_RIGHT] = self.add(program.left), self.add(program.right)
        header[at.OUTPUTS], header[at.AT_OUTPUTS] = program.outputs.size, self.add(program.outputs)
        header[at.GUARDS] = len(program.guards)
        header[at.AT_GUARDS] = self.add(np.array([guard.slot for guard in program.guards], np.int64))
        self.add(np.array([guard.expected for guard in program.guards], np.float64))

    def joined(self) -> np.ndarray:
        return np.concatenate(self.parts)


def pack_plain(program: Program) -> np.ndarray:
    """The plain form; int64, shape (words,)."""
    words = Words()
    active = activity(program)
    rows = [segment_row(s, words, bits, program.calls) for s, bits in zip(program.segments, active, strict=True)]
    words.add_program(program, rows, program.slots)
    words.add_ranges([(0, program.inputs)], at.COPIES)
    words.header[at.BUFFER] = max([64, *map(buffer_size, program.segments)])
    code = words.joined()
    return code


def segment_row(segment: Run | Block, words: Words, active: int, calls: tuple[Call, ...]) -> list[int]:
    """The words of one segment; index tables go to `words`."""
    row = [0] * at.ROW
    row[at.FIRST], row[at.LENGTH] = segment.first, segment.length
    if isinstance(segment, Run):
        row[at.KIND], row[at.SIZE0] = at.SCALAR_RUN, segment.start
        return row
    row[at.KIND], row[at.OPCODE], row[at.ACTIVE] = kind_of(segment), segment.code, active
    row[at.SIZE0 : at.SIZE0 + len(segment.sizes)] = segment.sizes
    if row[at.KIND] == at.CALL:
        called = calls[segment.sizes[0]]
        row[at.SIZE1], row[at.SIZE2] = called.primitive.reference(called), called.primitive.address(called)
    if segment.index is not None:
        row[at.SIZE0] = words.add(segment.index.astype(np.int32))
    for k, operand in enumerate(segment.operands):
        place = at.OPERAND + k * at.OPERAND_WORDS
        row[place : place + at.OPERAND_WORDS] = operand_words(operand, words)
    if row[at.KIND] == at.MATMUL:
        row[at.M_BATCH], row[at.M_CHUNKS] = segment.batch, 1
        row[at.M_CHUNK] = segment.batch if segment.batch > 1 else segment.sizes[0]
    elif row[at.KIND] == at.EXTREMUM:
        row[at.SIZE1] = 1 if segment.name == "max" else -1
    return row


def kind_of(block: Block) -> int:
    return _KINDS.get(block.code, at.ELEMENTWISE)


def operand_words(operand: Address, words: Words) -> list[int]:
    if operand.table is not None:
        return [0, words.add(operand.table), 0, 0, 0, operand.count]
    return [1, operand.start, operand.inner, operand.step, operand.outer, operand.count]


def buffer_size(segment: Run | Block) -> int:
    """Numbers that one gather buffer must hold for this segment."""
    if isinstance(segment, Run):
        return 0
    kind = kind_of(segment)
    if kind == at.ELEMENTWISE:
        return min(at.BLOCK, segment.length)
    if kind in (at.SUM, at.EXTREMUM):
        return max(256, segment.sizes[0], segment.length if kind == at.EXTREMUM else 0)
    return max(segment.length, *(operand.count for operand in segment.operands))
