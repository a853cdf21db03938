"""The adjoint sweep of a program recorded as a program of its own.

Theory of operation. The instructions of a program are run on traced values, with the builder's log on, and the log is
walked backwards as for a nested transform (`derive`): inputs x (n,) and weights w (m,), results w @ J(x) (n,). The
tangents of that program are second derivatives. Programs that call primitives go this way, because a primitive's
second derivatives are those of its rule; and full Hessians (`dense_hessians`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fastad.kernels import layout as at
from fastad.ops import BY_CODE, Op
from fastad.passes import optimise
from fastad.program import Block, Guard, Program, Run
from fastad.record import calls
from fastad.record.builder import CONSTANT, Builder, recording
from fastad.record.elementwise import elementwise
from fastad.record.reductions import array_instruction
from fastad.record.traced import TracedArray, as_array, fresh_array, scalar_of
from fastad.record.traced import plain as _plain
from fastad.recorded_adjoint import pull_back
from fastad.testing import own_value

if TYPE_CHECKING:
    from fastad.tape import Tape


class AdjointTape:
    """Products of a program's second derivatives with directions."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.tape: Tape | None = None

    def _record(self, x: np.ndarray) -> Tape:
        from fastad.tape import Tape

        n, m = self.program.inputs, self.program.outputs.size
        self.tape = Tape(optimise(recorded_adjoint(self.program, x)), (tuple, ("array", (n + m,))), ("array", (n,)))
        return self.tape

    def products(self, x: np.ndarray, weights: np.ndarray, seeds: np.ndarray) -> np.ndarray:
        """The derivatives of weights @ J along the seeds (k, n), shape (k, n)."""
        rows = np.concatenate([seeds, np.zeros((len(seeds), weights.size))], axis=1)
        point = np.concatenate([x, weights])
        found, failed = self._sweep(self.tape or self._record(x), point, rows)
        # A rule that has taken another branch needs this point's tape.
        return found if failed < 0 else self._sweep(self._record(x), point, rows)[0]

    @staticmethod
    def _sweep(tape: Tape, x: np.ndarray, rows: np.ndarray) -> tuple[np.ndarray, int]:
        with tape.linearized(x, at.TANGENTS, max(1, len(rows))) as point:
            return point.sweep(at.TANGENTS, rows), point.failed


def recorded_adjoint(program: Program, x: np.ndarray) -> Program:
    """The adjoint sweep at x and weights w, of the inputs x | w: w @ J(x), with the guards of the program."""
    n, m = program.inputs, program.outputs.size
    with recording() as builder:
        first = builder.add_inputs(n + m)
        independents, weights = fresh_array(builder, x, first), fresh_array(builder, np.ones(m), first + n)
        builder.log = []
        with np.errstate(all="ignore"):
            run = _Run(program, builder, independents)
            entries, builder.log = builder.log, None
            active = np.flatnonzero(program.active)
            (bars,) = pull_back(builder, entries, [independents], [run.of(program.outputs)], [weights])
        slots = np.full(n, builder.constant(0.0))
        slots[active] = as_array(bars).slots[active] if isinstance(bars, TracedArray) else slots[active]
        for guard in program.guards:
            if run.slots[guard.slot] < CONSTANT:
                builder.guards.append(Guard(int(run.slots[guard.slot]), guard.expected, guard.where))
        return builder.finish(slots, np.ones(n + m, bool))


class _Run:
    """A program run on traced values: the value and the new slot of each of its slots."""

    def __init__(self, program: Program, builder: Builder, x: TracedArray) -> None:
        self.program, self.builder = program, builder
        self.values, self.slots = np.zeros(program.slots), np.zeros(program.slots, np.int64)
        self._set(0, x)
        constants = program.constants
        if constants.size:
            first = builder.constant_array(constants)
            self.values[program.inputs : program.first_result] = constants
            self.slots[program.inputs : program.first_result] = first + np.arange(constants.size)
        for segment in program.segments:
            if isinstance(segment, Run):
                self._scalars(segment)
            elif segment.length:
                self._set(segment.first, self._block(segment))

    def of(self, slots: np.ndarray) -> TracedArray:
        """Some slots as a traced array."""
        return TracedArray(self.values[slots], self.slots[slots], self.builder)

    def _set(self, first: int, result: Any) -> None:
        part = slice(first, first + result.value.size)
        self.values[part], self.slots[part] = result.value.reshape(-1), result.slots.reshape(-1)

    def _scalars(self, run: Run) -> None:
        program = self.program
        for i in range(run.start, run.stop):
            op, slot = BY_CODE[int(program.opcode[i])], run.first + i - run.start
            assert isinstance(op, Op)
            operands = [int(program.left[i]), int(program.right[i])][: op.arity]
            result = elementwise(op, *map(self._scalar, operands))
            known = hasattr(result, "slot")
            self.values[slot] = result.value if known else result
            self.slots[slot] = result.slot if known else self.builder.constant(float(result))

    def _scalar(self, slot: int) -> Any:
        return scalar_of(self.builder, int(self.slots[slot]), self.values[slot])

    def _block(self, block: Block) -> Any:
        operands = [self._operand(operand.slots()) for operand in block.operands]
        op: Any = BY_CODE[block.code]
        if block.name == "call":
            call = self.program.calls[block.sizes[0]]
            return calls.record(self.builder, call, operands, call.value([_plain(o) for o in operands]))
        if hasattr(op, "arity"):
            result = elementwise(op, *operands)
            if isinstance(result, TracedArray) and not result.passive:
                return result
            return self._constant(np.asarray(_plain(result), np.float64))
        value = own_value(block, [_plain(o) for o in operands])
        return array_instruction(self.builder, block.code, np.asarray(value), tuple(operands), block.sizes, block.index)

    def _operand(self, slots: np.ndarray) -> Any:
        """Traced where a slot is; operands of constants alone stay plain."""
        if slots.size and (self.slots[slots] < CONSTANT).any():
            return self.of(slots)
        return self.values[slots]

    def _constant(self, value: np.ndarray) -> TracedArray:
        first = self.builder.constant_array(value)
        return TracedArray(value, first + np.arange(value.size), self.builder)
