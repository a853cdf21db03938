"""Which segment of a program makes a slot."""

from __future__ import annotations

from bisect import bisect_right

import numpy as np

from fastad.program import Address, Block, Program, Run

MANY = 64  # progressions that are not looked at one by one


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

    def of_address(self, address: Address) -> set[int]:
        """The numbers of the segments that make elements of an operand."""
        low, high = address.bounds()
        if high < self.first_result:
            return set()
        at = bisect_right(self.firsts, high) - 1
        if self.firsts[at] <= low:
            return {at}
        inner = min(address.inner, address.count)
        rows = address.count // inner
        if address.table is not None or min(inner, rows) > MANY:
            return self.of_slots(address.slots())
        # The parts of a stack: each is a progression, and mostly in one segment.
        ways = (inner, address.step, rows, address.outer), (rows, address.outer, inner, address.step)
        parts, apart, count, step = ways[inner > rows]
        starts = range(address.start, address.start + parts * apart, apart) if apart else (address.start,)
        return set().union(*(self._of_progression(start, count, step) for start in starts))

    def _of_progression(self, start: int, count: int, step: int) -> set[int]:
        stop = start + (count - 1) * step
        if max(start, stop) < self.first_result:
            return set()
        ends = {bisect_right(self.firsts, end) - 1 for end in (start, stop)}
        return ends if len(ends) == 1 else self.of_slots(start + np.arange(count) * step)

    def of_slots(self, slots: np.ndarray) -> set[int]:
        found = np.zeros(len(self.firsts), bool)
        found[self.of(self.results(slots))] = True
        return set(np.flatnonzero(found).tolist())

    def results(self, slots: np.ndarray) -> np.ndarray:
        """Those of some slots that are results."""
        return slots[slots >= self.first_result]

    def outside(self, run: Run, program: Program) -> np.ndarray:
        """Results of other segments that a run reads."""
        part = slice(run.start, run.stop)
        parts = [column[part] for column in (program.left, program.right)]
        return np.concatenate([slots[(slots >= self.first_result) & (slots < run.first)] for slots in parts])
