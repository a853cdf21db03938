"""Sums whose adjoint does not depend on any value: those that reach the result by constant factors.

The mean of squares, a loss plus a penalty, half a sum: almost every objective ends like that. The walk
goes from a slot to its readers, so that only the few instructions after the sums are looked at.
"""

from __future__ import annotations

import numpy as np

from fastad.ops import ARRAY_BY_NAME, BY_CODE
from fastad.program import Block, Program

STEPS = 256  # slots looked at before the walk gives up
_SUM = ARRAY_BY_NAME["sum"].code


def known_seeds(program: Program) -> dict[int, float]:
    """Adjoints of the sums that are constants, by the slot of the sum; the one output has adjoint 1."""
    if program.outputs.size != 1:
        return {}
    walk = _Walk(program)
    sums = [s.first for s in program.segments if isinstance(s, Block) and s.code == _SUM and s.length == 1]
    found = {slot: walk.adjoint(slot) for slot in sums}
    return {slot: adjoint for slot, adjoint in found.items() if adjoint is not None}


class _Walk:
    def __init__(self, program: Program) -> None:
        self.program = program
        self.known: dict[int, float | None] = {}
        self.result = np.zeros(program.opcode.size, np.int64)
        self.read_by_blocks: list[tuple[int, int]] = []
        for segment in program.segments:
            if isinstance(segment, Block):
                self.read_by_blocks += [operand.bounds() for operand in segment.operands]
            else:
                self.result[segment.start : segment.stop] = np.arange(segment.first, segment.first + segment.length)

    def adjoint(self, slot: int) -> float | None:
        """The adjoint of a slot, or None where it is not a constant."""
        if slot not in self.known:
            self.known[slot] = None  # stands if the walk gives up
            self.known[slot] = self._adjoint(slot) if len(self.known) <= STEPS else None
        return self.known[slot]

    def _adjoint(self, slot: int) -> float | None:
        program = self.program
        if any(low <= slot <= high for low, high in self.read_by_blocks):
            return None
        total = 1.0 if slot == program.outputs[0] else 0.0
        for i in np.flatnonzero((program.left == slot) | (program.right == slot)).tolist():
            partial = self._partial(i, slot)
            above = self.adjoint(int(self.result[i])) if partial is not None else None
            if partial is None or above is None:
                return None
            total += 0.0 if partial == 0.0 or above == 0.0 else partial * above
        return total

    def _partial(self, i: int, slot: int) -> float | None:
        """The partial of instruction i with respect to a slot, where it is a constant."""
        name = BY_CODE[int(self.program.opcode[i])].name
        left, right = int(self.program.left[i]), int(self.program.right[i])
        if name in ("add", "subtract"):
            return float(left == slot) + (1.0 if name == "add" else -1.0) * float(right == slot)
        if name in ("negative", "copy"):
            return -1.0 if name == "negative" else 1.0
        if name == "multiply" and left != right:
            return self._constant(right if left == slot else left)
        if name == "divide" and right != slot:
            factor = self._constant(right)
            return None if factor is None or factor == 0.0 else 1.0 / factor
        return None

    def _constant(self, slot: int) -> float | None:
        number = slot - self.program.inputs
        return float(self.program.constants[number]) if 0 <= number < self.program.constants.size else None
