"""From a program to what the kernels run: packed int64 arrays, and workspaces to run them in.

Short element-wise blocks are unrolled into the scalar stream, where an instruction costs a few
nanoseconds instead of a block's start-up; their result slots stay what they were. A workspace holds
all memory that a call writes; it is taken from a pool and put back, so threads never share one and a
loop never allocates.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from functools import cached_property
from typing import Any, NamedTuple, TypeGuard

import numpy as np

from fastad import kernels
from fastad.blas import one_thread, wants_one_thread
from fastad.collector import without_collector
from fastad.fused_packing import FusedPacking
from fastad.kernels import layout as at
from fastad.packing import pack_plain
from fastad.passes import is_scalar_op
from fastad.points import Points
from fastad.program import Address, Block, Program, Run
from fastad.threads import pool, settings

_NOTHING: AbstractContextManager[Any] = nullcontext()
UNROLL = 16  # longest element-wise block that is unrolled into the scalar stream
MANY, UNROLL_MANY = 4096, 64  # among so many blocks, packing a longer one as a group would cost more than it saves


def unroll(program: Program) -> Program:
    """Short element-wise blocks as scalar instructions; those of no elements are left out."""
    blocks = sum([isinstance(segment, Block) for segment in program.segments])
    longest = UNROLL if blocks < MANY else UNROLL_MANY
    if not any(_is_short(segment, longest) for segment in program.segments):
        return program
    short: list[Block] = []
    short_at: list[int] = []
    runs: list[tuple[int, Run]] = []
    segments: list[Run | Block] = []
    count = 0
    for segment in program.segments:
        if isinstance(segment, Run):
            runs.append((count, segment))
        elif _is_short(segment, longest):
            if segment.length == 0:
                continue
            short.append(segment)
            short_at.append(count)
        else:
            segments.append(segment)
            continue
        last, first = segments[-1] if segments else None, segment.first
        if isinstance(last, Run):
            segments[-1] = Run(last.start, count + segment.length, last.first)
        else:
            segments.append(Run(count, count + segment.length, first))
        count += segment.length
    opcode, left, right = np.empty(count, np.uint8), np.empty(count, np.int32), np.empty(count, np.int32)
    lengths = np.array([block.length for block in short], np.int64)
    places = _counted(np.array(short_at, np.int64), lengths)
    opcode[places] = np.repeat(np.array([block.code for block in short], np.uint8), lengths)
    left[places] = _all_slots([block.operands[0] for block in short])
    right[places] = _all_slots([block.operands[-1] for block in short])
    for start, run in runs:
        for column, old in ((opcode, program.opcode), (left, program.left), (right, program.right)):
            column[start : start + run.length] = old[run.start : run.stop]
    return Program(program.inputs, program.active, program.constants, opcode, left, right, tuple(segments),
                   program.outputs, program.guards, program.calls)  # fmt: skip


def _is_short(segment: Run | Block, longest: int) -> TypeGuard[Block]:
    return isinstance(segment, Block) and segment.length <= longest and is_scalar_op(segment.code)


def _counted(starts: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """start, start + 1, ... for each of some ranges, one after the other."""
    before = np.cumsum(lengths) - lengths
    return np.repeat(starts - before, lengths) + np.arange(int(lengths.sum()))


def _all_slots(addresses: list[Address]) -> np.ndarray:
    """The slots of many addresses, one after the other."""
    rows = np.array([(a.start, a.count, a.inner, a.step, a.outer) for a in addresses], np.int64).reshape(-1, 5)
    counts = rows[:, 1]
    start, inner, step, outer = (np.repeat(rows[:, k], counts) for k in (0, 2, 3, 4))
    i = _counted(np.zeros(len(rows), np.int64), counts)
    slots = start + i // inner * outer + i % inner * step
    at = np.cumsum(counts) - counts
    for number, address in enumerate(addresses):
        if address.table is not None:
            slots[at[number] : at[number] + address.count] = address.table
    return slots


class Recorded(NamedTuple):
    """Where a tape was recorded, and what raises an error unless the outputs computed there are those recorded."""

    x: np.ndarray
    verify: Callable[[np.ndarray], None]


class Schedule:
    """A program ready to run: two packed forms of it, and a pool of workspaces.

    Attributes
    ----------
    recorded : Recorded or None
        What the form that is compiled first must compute; None once it has been seen to.
    code : ndarray of int64
        The fused form, for values and gradients; made when first needed.
    plain : ndarray of int64
        The form in which every slot has a place, for all other sweeps; made when first needed.
    """

    def __init__(self, program: Program) -> None:
        self._program = program
        self.recorded: Recorded | None = None
        self._pool: list[np.ndarray] = []
        self._ready: set[int] = set()  # tasks whose kernels stand in their form
        self._points: dict[int, Points] = {}

    @cached_property
    def program(self) -> Program:
        """The program with its short blocks unrolled."""
        return unroll(self._program)

    @cached_property
    def fused(self) -> FusedPacking:
        with without_collector():
            return FusedPacking(self.program)

    code = property(lambda self: self.fused.code)
    has_groups = property(lambda self: self.fused.has_groups)
    parallel = property(lambda self: self.fused.parallel)

    @cached_property
    def has_blocks(self) -> bool:
        return any(isinstance(segment, Block) for segment in self.program.segments)

    @cached_property
    def kernels(self) -> dict[int, Any]:
        """The dispatch kernels for the program, by the words in which they stand."""
        blocks = np.array([s.code for s in self.program.segments if isinstance(s, Block)], np.int64)
        slopes = (self.program.opcode >= at.FIRST_SLOPE).any() or ((blocks >= at.FIRST_SLOPE) & (blocks < 128)).any()
        return kernels.dispatch_kernels(bool(slopes))

    @cached_property
    def has_products(self) -> bool:
        return any(isinstance(s, Block) and s.name == "matmul" for s in self.program.segments)

    @cached_property
    def one_thread_of_blas(self) -> bool:
        return wants_one_thread(self.program)

    @cached_property
    def plain(self) -> np.ndarray:
        return pack_plain(self.program)

    def points(self, task: int) -> Points:
        """The way of many points, for the task PRIMAL or GRADIENT."""
        if task not in self._points:
            self._points[task] = Points(self, task)
        return self._points[task]

    def code_for(self, task: int) -> np.ndarray:
        """The form that a task runs, with the dispatch kernels that it needs."""
        if self.recorded is not None:
            recorded, self.recorded = self.recorded, None
            try:
                recorded.verify(self._outputs(recorded.x, task))
            except BaseException:
                self.recorded = recorded
                raise
        code = self.code if task in (at.PRIMAL, at.GRADIENT) else self.plain
        if task not in self._ready:
            for word in self._words(task):
                for place in (word, word + at.OF_SLOPES):
                    if place in self.kernels:
                        code[place] = self.kernels[place].address
            self._ready.add(task)
        return code

    def _words(self, task: int) -> list[int]:
        """The words of the dispatch kernels that a task needs."""
        if task in (at.PRIMAL, at.GRADIENT):
            words = [at.PERFORM, at.SCALAR_PRIMAL if task == at.PRIMAL else at.SCALAR_LINEARIZE]
            words += [at.GATHER, at.ACCUMULATE] if self.has_blocks else []
            words += [at.ADJOINT_BLOCK] if self.has_blocks and task == at.GRADIENT else []
            if self.has_groups or self.has_products:
                words += [at.RUN_CHUNK]
            if self.has_groups or self.parallel:
                words += [at.BLOCK_PRIMAL]
                words += [at.BLOCK_LINEARIZE, at.BLOCK_ADJOINT] if task == at.GRADIENT else []
            return words
        words = [at.PERFORM, at.SCALAR_LINEARIZE, at.BLOCK_PRIMAL, at.BLOCK_PARTIALS]
        words += [at.GATHER, at.ACCUMULATE, at.TANGENT_BLOCK, at.ADJOINT_BLOCK] if self.has_blocks else []
        words += [at.RUN_CHUNK] if self.has_products else []
        return words

    def _outputs(self, x: np.ndarray, task: int) -> np.ndarray:
        """The outputs at x by the form that a task runs."""
        task = at.PRIMAL if task in (at.PRIMAL, at.GRADIENT) else at.LINEARIZE
        out, code, work = (
            np.empty(self.program.outputs.size),
            self.code_for(task),
            self.take(self.workspace_size(task, 1)),
        )
        with self.blas():
            if task == at.PRIMAL:
                self.invite(work)
            kernels.run(task, 1, code, work, x, out)
        self.give(work)
        return out

    def workspace_size(self, task: int, lanes: int) -> int:
        """Numbers in a workspace for a task with that many directions."""
        shared = task in (at.PRIMAL, at.GRADIENT) and self.parallel
        return self._size(task, lanes, max(1, settings.threads) if shared else 1)

    def size_alone(self, task: int) -> int:
        """Numbers in a workspace for a task with one direction on one thread."""
        return self._size(task, 1, 1)

    def _size(self, task: int, lanes: int, threads: int) -> int:
        fused = task in (at.PRIMAL, at.GRADIENT)
        code = self.code if fused else self.plain
        slots, scalars, buffer = (int(code[word]) for word in (at.SLOTS, at.SCALARS, at.BUFFER))
        directions = 0 if task == at.LINEARIZE else slots * lanes
        groups = 0
        if fused and (self.has_groups or self.parallel):
            groups = int(code[at.CELLS]) + 8 + threads * self._thread_size
        return slots + 2 * scalars + directions + groups + at.BUFFERS * buffer * lanes + at.CONTROL + 1

    @property
    def _thread_size(self) -> int:
        """Numbers that one thread needs for itself: the registers of a group, and a stack for its sums."""
        return int(self.code[at.GROUP_SCRATCH]) + at.STACK

    def new_workspace(self, size: int) -> np.ndarray:
        # Registers of groups begin where lines of the cache do.
        memory = np.empty(size + 7)
        start = -memory.ctypes.data // 8 % 8
        work = memory[start : start + size]
        control = work[size - 1 - at.CONTROL : size - 1].view(np.int64)
        control[:] = 0
        control[at.NEXT_CHUNK] = -1
        inputs, constants = self.program.inputs, self.program.constants
        work[inputs : inputs + constants.size] = constants
        return work

    def take(self, size: int) -> np.ndarray:
        """A workspace of at least `size`; give it back with `give`."""
        try:
            work = self._pool.pop()
        except IndexError:
            pass
        else:
            if work.size >= size:
                return work
        # Large enough for a gradient, which mostly comes next; what nobody touches takes no memory.
        return self.new_workspace(max(size, self.workspace_size(at.GRADIENT, 1)) if "fused" in self.__dict__ else size)

    def exchange(self, work: np.ndarray, size: int) -> np.ndarray:
        """The workspace itself if it is large enough, else another."""
        if work.size >= size:
            return work
        self.give(work)
        return self.take(size)

    def give(self, work: np.ndarray) -> None:
        if len(self._pool) < 8:
            self._pool.append(work)

    def blas(self) -> AbstractContextManager[Any]:
        """The context in which a sweep runs."""
        return one_thread if self.one_thread_of_blas else _NOTHING

    def invite(self, work: np.ndarray) -> None:
        """Call threads to help with the call that is about to run in a workspace.

        As many as have registers there: it may have been made when `settings.threads` was smaller.
        """
        if self.parallel and settings.threads > 1:
            room = (work.size - self._size(at.GRADIENT, 1, 1)) // self._thread_size
            pool.invite(self.code, work, max(0, min(settings.threads - 1, room)))

    def bytes(self) -> dict[str, int]:
        """Bytes by purpose, of one gradient at a time."""
        code = self.code
        slots, scalars = int(code[at.SLOTS]), int(code[at.SCALARS])
        whole = 8 * self.workspace_size(at.GRADIENT, 1)
        return {
            "instructions": code.nbytes,
            "values": 8 * slots,
            "partials": 16 * scalars,
            "adjoints": 8 * slots,
            "scratch": whole - 16 * slots - 16 * scalars,
        }
