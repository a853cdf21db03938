"""Which segment of a program makes a slot."""

from __future__ import annotations

from bisect import bisect_right

import numpy as np

from fastad.program import Address, Block, Program, Run


class Makers:
    """Looks up the segments that make the slots of a program.

    Operands are almost always results of one block, inputs or constants. Passes ask for that first,
    because it takes two comparisons, and look at single slots only where it is otherwise.
    """

    def __init__(self, program: Program) -> None:
        self.inputs, self.first_result, self.segments = program.inputs, program.first_result, program.segments
        self.firsts = [segment.first for segment in program.segments]
        self._array = np.array(self.firsts, np.int64)

    def block(self, low: int, high: int) -> int:
        """The number of the block that makes all of low .. high, or -1."""
        at = bisect_right(self.firsts, high) - 1
        return at if at >= 0 and self.firsts[at] <= low and isinstance(self.segments[at], Block) else -1

    def of(self, slots: np.ndarray) -> np.ndarray:
        """The numbers of the segments that make some slots, all of which are results."""
        return np.searchsorted(self._array, slots, "right") - 1

    def of_address(self, address: Address) -> list[int]:
        """The numbers of the segments that make elements of an operand."""
        low, high = address.bounds()
        if high < self.first_result:
            return []
        at = bisect_right(self.firsts, high) - 1
        if self.firsts[at] <= low:
            return [at]
        return np.unique(self.of(self.results(address.slots()))).tolist()

    def results(self, slots: np.ndarray) -> np.ndarray:
        """Those of some slots that are results."""
        return slots[slots >= self.first_result]

    def outside(self, run: Run, program: Program) -> np.ndarray:
        """Results of other segments that a run reads."""
        part = slice(run.start, run.stop)
        parts = [column[part] for column in (program.left, program.right)]
        return np.concatenate([slots[(slots >= self.first_result) & (slots < run.first)] for slots in parts])
