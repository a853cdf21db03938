"""A program packed for many points at once: `kernels/points.py` runs it.

Slots that block instructions read or write keep their numbers as places, for blocks need neighbours; inputs and
constants do too. All else in the scalar stream gets a place for as long as it is needed (`kernels/places.py`): with
adjoints, the values that a partial is computed from stay; outputs and guards stay always.
"""

from __future__ import annotations

from functools import cache

import numpy as np

from fastad import kernels
from fastad.kernels import layout as at
from fastad.ops import BY_CODE, BY_NAME, Op
from fastad.packing import Words, buffer_size, segment_row
from fastad.passes import dependence
from fastad.program import Block, Program, Run
from fastad.pullback import PASS, PULL, SCALE, values_needed, way

BUFFERS = 7  # gather buffers in a workspace
_ACTIONS = {"add": at.V_ADD, "subtract": at.V_SUBTRACT, "multiply": at.V_MULTIPLY, "divide": at.V_DIVIDE,
            "negative": at.V_NEGATIVE}  # fmt: skip
_FACTORS = {"a": at.WAY_LEFT, "b": at.WAY_RIGHT, "v": at.WAY_RESULT}


def way_code(op: Op, k: int) -> int:
    """How the adjoint of operand k comes about."""
    if k >= op.arity or op.boolean or op.linearity[k] in ("step", "constant") or op.partials[k] == "0":
        return at.WAY_NONE
    if op.name == "square":
        return at.WAY_TWICE
    kind, detail = way(op.code, k)
    if kind == PASS:
        return at.WAY_PASS if detail == "1" else at.WAY_NEGATE
    if kind == SCALE:
        return _FACTORS[detail]
    return at.WAY_PULL if kind == PULL else at.WAY_STORED


@cache
def tables() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """By opcode: the action of its value; the ways of its operands; which of a, b, v each way reads (bits)."""
    actions = np.full(256, at.V_PRIMAL, np.int64)
    ways, reads = np.full((256, 2), at.WAY_NONE, np.int64), np.zeros((256, 2), np.int64)
    for name, action in _ACTIONS.items():
        actions[BY_NAME[name].code] = action
    for code, op in BY_CODE.items():
        if isinstance(op, Op) and op.arity <= 2:
            for k in range(op.arity):
                ways[code, k] = way_code(op, k)
                names = values_needed(code, k) if ways[code, k] else ()
                reads[code, k] = sum(1 << "abv".index(name) for name in names)
    return actions, ways, reads


class PointPacking:
    """A program for many points.

    Attributes
    ----------
    code : ndarray of int64
    size : int
        Numbers in a workspace.
    steps : int
        How many steps the scalar stream takes, forward and backward.
    """

    def __init__(self, program: Program, with_adjoints: bool) -> None:
        self.program = program
        found = dependence(program)
        self.depends, self.bits = found.of_all(), found.bits
        self.runs = [segment for segment in program.segments if isinstance(segment, Run)]
        self.blocks = [segment for segment in program.segments if isinstance(segment, Block)]
        self.result = np.concatenate([np.arange(r.first, r.first + r.length) for r in self.runs] or [np.empty(0, int)])
        self.fixed = self._fixed()
        self.actions, self.ways, self.reads = tables()
        self.partials = np.zeros(program.opcode.size, np.int64)
        self.bars = np.full(program.slots, -1, np.int64)
        forward, starts = self._values(with_adjoints)
        backward, ends = np.empty(0, np.int32), np.zeros(program.opcode.size + 1, np.int64)
        self.bar_places, self.seed = 0, -1
        if with_adjoints:
            backward, ends = self._adjoints()
        self.steps = (forward.size + backward.size) // 4
        self._pack(forward, starts, backward, ends)

    def _fixed(self) -> np.ndarray:
        """Slots that are their own places."""
        fixed = np.zeros(self.program.slots, bool)
        fixed[: self.program.first_result] = True
        for block in self.blocks:
            fixed[block.first : block.first + block.length] = True
            for operand in block.operands:
                fixed[operand.slots()] = True
        return fixed

    def _held(self, with_adjoints: bool) -> np.ndarray:
        """Slots whose values must stay; notes which instructions store their partials."""
        program, held = self.program, self.fixed.copy()
        held[program.outputs] = True
        held[[guard.slot for guard in program.guards]] = True
        if with_adjoints:
            for k, column in enumerate((program.left, program.right)):
                pulls = self.depends[column]
                self.partials |= pulls & (self.ways[program.opcode, k] == at.WAY_STORED)
                reads = self.reads[program.opcode, k] * pulls
                for bit, slots in enumerate((program.left, program.right, self.result)):
                    held[slots[reads >> bit & 1 == 1]] = True
        return held

    def _values(self, with_adjoints: bool) -> tuple[np.ndarray, np.ndarray]:
        """Steps of values, and at which step each instruction starts."""
        program, count = self.program, self.program.opcode.size
        held = self._held(with_adjoints).view(np.uint8)
        self.place = np.where(self.fixed, np.arange(program.slots), -1)
        steps, starts = np.empty(at.VALUE_WORDS_LONG * count, np.int32), np.empty(count + 1, np.int64)
        base = program.slots if self.blocks else program.first_result
        self.places = kernels.place_values(
            base, program.opcode, program.left, program.right, self.result, self.actions, held, self.place,
            self.partials, steps, starts,
        )  # fmt: skip
        return steps[: starts[-1]], starts

    def _adjoints(self) -> tuple[np.ndarray, np.ndarray]:
        """Steps of adjoints, and where those of each instruction end."""
        program, count = self.program, self.program.opcode.size
        base, output = program.slots if self.blocks else program.inputs, int(program.outputs[0])
        self.bars = np.where(self.fixed, np.arange(program.slots), -1)
        if self.depends[output]:
            self.seed = self.bars[output] = output if self.fixed[output] else base
        steps, ends = np.empty((at.BAR_WORDS + at.BAR_WORDS_LONG) * count, np.int32), np.empty(count + 1, np.int64)
        self.bar_places = kernels.place_adjoints(
            base + 1, program.opcode, program.left, program.right, self.result, self.ways.ravel(),
            self.depends.view(np.uint8), self.place, self.partials, self.bars, steps, ends,
        )  # fmt: skip
        return steps[: ends[0]], ends

    def _cleared(self) -> list[tuple[int, int]]:
        """Ranges of adjoints that others than the scalar stream write first."""
        own = self.fixed & (self.depends | (np.arange(self.fixed.size) < self.program.inputs))
        edges = np.flatnonzero(np.diff(np.concatenate([[0], own.view(np.int8), [0]])))
        return [(int(start), int(stop)) for start, stop in edges.reshape(-1, 2)]

    def _pack(self, forward: np.ndarray, starts: np.ndarray, backward: np.ndarray, ends: np.ndarray) -> None:
        program, words = self.program, Words()
        rows = []
        for segment, bits in zip(program.segments, self.bits, strict=True):
            row = segment_row(segment, words, bits, program.calls)
            if isinstance(segment, Run):
                row[at.FORWARD_FROM], row[at.FORWARD_TO] = starts[segment.start], starts[segment.stop]
                row[at.BACKWARD_FROM], row[at.BACKWARD_TO] = ends[segment.stop], ends[segment.start]
            rows.append(row)
        header = words.header
        header[at.INPUTS], header[at.SLOTS], header[at.BAR_PLACES] = program.inputs, self.places, self.bar_places
        header[at.SEGMENTS], header[at.AT_SEGMENTS] = len(rows), words.add(np.array(rows, np.int64))
        header[at.AT_FORWARD], header[at.AT_BACKWARD] = words.add(forward), words.add(backward)
        header[at.OUTPUTS], header[at.AT_OUTPUTS] = program.outputs.size, words.add(self.place[program.outputs])
        header[at.GUARDS] = len(program.guards)
        header[at.AT_GUARDS] = words.add(self.place[np.array([guard.slot for guard in program.guards], np.int64)])
        words.add(np.array([guard.expected for guard in program.guards], np.float64))
        words.add_ranges(self._cleared(), at.CLEARS)
        header[at.SEED] = self.seed
        header[at.BUFFER] = max([64, *map(buffer_size, program.segments)])
        self.code = words.joined()
        buffers = BUFFERS * int(header[at.BUFFER]) if self.blocks else 0
        self.size = (self.places + self.bar_places + buffers) * at.LANES
