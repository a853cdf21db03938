"""Many points of one tape: which way they go, and how they are shared out among threads.

Theory of operation. In scalar code and short arrays LANES points travel together (`kernels/points.py`); a program of
long arrays is as fast point by point, without Python in between. Slices of LANES points are the same whatever the
number of threads, and so are the results, to the bit. Threads share the slices where there is work enough for that.
"""

from __future__ import annotations

import math
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from fastad import kernels
from fastad.kernels import layout as at
from fastad.point_packing import PointPacking
from fastad.program import Block
from fastad.threads import helpers, settings

if TYPE_CHECKING:
    from fastad.schedule import Schedule

FEW = 4  # points that are not worth a slice
LARGEST = 1 << 27  # numbers in a workspace beyond which points go one by one
WORTH_THREADS = 500e3  # nanoseconds
# Nanoseconds, measured: one point's call, a scalar instruction, an element of an array instruction; and for all
# lanes together a step and an element.
CALL, INSTRUCTION, ELEMENT = 250.0, 3.0, 0.35
STEP, LANE_ELEMENT = 3.0, 12.0
_KERNELS = (at.BLOCK_PRIMAL, at.BLOCK_LINEARIZE, at.BLOCK_PARTIALS, at.BLOCK_ADJOINT, at.GATHER, at.ACCUMULATE)


class Points:
    """A tape at many points, for the task PRIMAL or GRADIENT."""

    def __init__(self, schedule: Schedule, task: int) -> None:
        self.schedule, self.task, self.program = schedule, task, schedule.program
        self.elements = sum(map(_work, (s for s in self.program.segments if isinstance(s, Block))))
        scalars = self.program.opcode.size
        self.one_by_one = CALL + INSTRUCTION * scalars + ELEMENT * self.elements
        self.by_lanes = LANE_ELEMENT * self.elements + 2 * STEP * scalars
        self._pool: list[np.ndarray] = []

    @cached_property
    def packing(self) -> PointPacking:
        """The program for lanes, with the addresses of the kernels that it calls."""
        packing = PointPacking(self.program, self.task == at.GRADIENT)
        for word, kernel in self.schedule.kernels.items():
            if word in _KERNELS or word - at.OF_SLOPES in _KERNELS:
                packing.code[word] = kernel.address
        return packing

    def takes_lanes(self, points: int) -> bool:
        """Whether points travel together."""
        # What is called outside of the kernels takes one point at a time.
        worth = not self.program.calls and points >= FEW and self.by_lanes <= self.one_by_one * at.LANES
        return worth and self.packing.size <= LARGEST

    def run(self, x: np.ndarray, gradient: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Outputs (points, m), gradients (points, n) or (0, n), and where a guard failed (points,) of bool.

        x : contiguous float64, shape (points, n).
        gradient : likewise, into which the gradients are written.
        """
        count = len(x)
        out = np.empty((count, self.program.outputs.size))
        if gradient is None:
            gradient = np.empty((count if self.task == at.GRADIENT else 0, self.program.inputs))
        failed = np.empty(count, np.uint8)
        arrays = x.reshape(-1), out.reshape(-1), gradient.reshape(-1), failed
        lanes = self.takes_lanes(count)
        work = -(-count // at.LANES) * self.by_lanes if lanes else count * self.one_by_one
        threads = settings.threads if work > WORTH_THREADS else 1
        with self.schedule.blas():
            if threads > 1 and count > at.LANES:
                helpers.share(_parts(count, threads), lambda part: self._run_part(lanes, part, arrays, False), threads)
            else:
                self._run_part(lanes, (0, count), arrays, True)
        return out, gradient, failed.view(np.bool_)

    def _run_part(self, lanes: bool, part: tuple[int, int], arrays: tuple[np.ndarray, ...], invite: bool) -> None:
        """Points part[0] .. part[1]; with `invite`, threads may help with each of them."""
        if lanes:
            work = self._workspace()
            kernels.run_points(self.task, self.packing.code, work, *part, *arrays)
            self._pool.append(work)
            return
        schedule = self.schedule
        work = schedule.take(schedule.workspace_size(self.task, 1))
        if invite:
            schedule.invite(work)
        kernels.run_one_by_one(self.task, schedule.code_for(self.task), work, *part, *arrays)
        schedule.give(work)

    def _workspace(self) -> np.ndarray:
        """A workspace for lanes; constants are repeated in each."""
        try:
            return self._pool.pop()
        except IndexError:
            memory = np.empty(self.packing.size + 7)
            start = -memory.ctypes.data // 8 % 8  # whole lines of the cache
            work = memory[start : start + self.packing.size]
            first, constants = self.program.inputs * at.LANES, np.repeat(self.program.constants, at.LANES)
            work[first : first + constants.size] = constants
            return work


def _work(block: Block) -> int:
    """Elements of a block; products that BLAS would do count in full."""
    if block.name == "matmul":
        size = block.batch * math.prod(block.sizes)
        return size if size > 1024 else size // 4
    return sum(operand.count for operand in block.operands[:1])


def _parts(count: int, threads: int) -> list[tuple[int, int]]:
    """Ranges of whole slices, a few for each thread."""
    slices = -(-count // at.LANES)
    step = max(1, slices // (4 * threads)) * at.LANES
    return [(low, min(low + step, count)) for low in range(0, count, step)]
