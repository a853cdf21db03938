"""The tangent sweep of a program, written as a program of its own.

Theory of operation. Each instruction of the program is followed by those that compute its tangents, one or several
directions of them: an elemental by the template of its row (`templates`), a sum by the sum of the tangents, a matrix
product by the product rule. What results is an ordinary program, so the passes share and fold what they can, groups are
fused, and its own adjoint sweep gives second derivatives: the gradient of y' = grad f(x) . x' is H(x) x'. Calls of
primitives are not taken apart; programs that have some go another way (`AdjointTape`).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from fastad import kernels
from fastad.ops import BY_CODE, BY_NAME, Op
from fastad.passes import dependence, optimise
from fastad.program import Address, Block, Guard, Program, Run
from fastad.record.builder import CONSTANT, recording
from fastad.record.elementwise import elementwise, numpy_value
from fastad.record.traced import TracedArray, as_array, fresh_array
from fastad.templates import ACTIVE, KNOWN, PASSIVE, RESULT, ROW, TANGENT, Template, template

ZERO_MULTIPLY = BY_NAME["absolute_zero_multiply"]
# Operations whose results every machine rounds alike.
EXACT = frozenset(BY_NAME[name].code for name in (
    "add", "subtract", "multiply", "divide", "negative", "copy", "absolute_zero_multiply",
))  # fmt: skip
# What the outputs are: the tangents y', weight @ y', or y' @ y' / 2.
TANGENTS, WEIGHTED, HALF_SQUARES = "tangents", "weighted", "half squares"


def tangent_program(program: Program, directions: int | np.ndarray = 1, combination: str = TANGENTS) -> Program:
    """The tangents of a program's outputs along directions, as functions of the point and the directions.

    Parameters
    ----------
    program : Program
        Without calls; n inputs, p of them active, m outputs.
    directions : int, or array of float64, shape (k, p)
        How many travel together, k; or the seeds, if they are the same at all points.
    combination : TANGENTS, WEIGHTED or HALF_SQUARES
        What the outputs are: the tangents y' of all outputs (k, m), or for one direction the number ``weight @ y'``,
        or ``y' @ y' / 2``.

    Returns
    -------
    Program
        Of the inputs x (n,), seeds (k, p) unless they are given, and, if they are weighted, weights (m,). Its
        derivatives are those with respect to x; of half the squares, those with respect to the seed.
    """
    with recording() as builder, np.errstate(all="ignore"):
        return optimise(_Tangents(program, builder, directions, combination).finish())


class _Tangents:
    """A program with its tangents under way: where values and tangents of its slots stand in the builder."""

    def __init__(self, program: Program, builder: Any, directions: int | np.ndarray, combination: str) -> None:
        self.program, self.builder, self.combination = program, builder, combination
        given = directions if isinstance(directions, np.ndarray) else None
        self.lanes = range(directions if isinstance(directions, int) else len(directions))
        active = np.flatnonzero(program.active)
        n, p, m = program.inputs, active.size, program.outputs.size
        self.weights = n + (0 if given is not None else len(self.lanes) * p)
        builder.add_inputs(self.weights + (m if combination == WEIGHTED else 0))
        self.zero = builder.constant(0.0)
        self.place = np.zeros(program.slots, np.int64)
        self.place[:n] = np.arange(n)
        if program.constants.size:
            first = builder.constant_array(np.ascontiguousarray(program.constants))
            self.place[n : program.first_result] = first + np.arange(program.constants.size)
        self.dots = [np.full(program.slots, self.zero) for _ in self.lanes]
        for lane in self.lanes:
            first = n + lane * p if given is None else builder.constant_array(np.ascontiguousarray(given[lane]))
            self.dots[lane][active] = first + np.arange(p)
        self.dependence = dependence(program)
        self.depends = self.dependence.of_all()

    def finish(self) -> Program:
        program, builder = self.program, self.builder
        for segment in program.segments:
            if isinstance(segment, Run):
                _StampedRun(self, segment).write()
            elif segment.length:
                self._block(segment)
        outputs = np.concatenate([np.empty(0, np.int64), *(dots[program.outputs] for dots in self.dots)])
        if self.combination != TANGENTS:
            outputs = self._combined(outputs)
        active = np.zeros(builder.inputs, bool)
        if self.combination == HALF_SQUARES:
            active[program.inputs :] = True
        else:
            active[: program.inputs] = program.active
        builder.guards = [Guard(int(self.place[g.slot]), g.expected, g.where) for g in program.guards]
        return builder.finish(outputs, active)

    def _combined(self, outputs: np.ndarray) -> np.ndarray:
        m, builder = outputs.size, self.builder
        values = TracedArray(np.ones(m), outputs, builder)
        if self.combination == HALF_SQUARES:
            terms = 0.5 * np.square(values)
        else:
            terms = elementwise(ZERO_MULTIPLY, fresh_array(builder, np.ones(m), self.weights), values)
        total = np.sum(as_array(terms))
        return np.array([total.slot if m else self.zero])

    # --- blocks -------------------------------------------------------------------------------------
    def _block(self, block: Block) -> None:
        op = BY_CODE[block.code]
        addresses = [self.address(self.place, operand) for operand in block.operands]
        first = self.builder.block(block.code, block.length, tuple(addresses), block.sizes, block.index)
        own = slice(block.first, block.first + block.length)
        self.place[own] = first + np.arange(block.length)
        kinds = tuple(self._kind(operand) for operand in block.operands)
        if ACTIVE not in kinds:
            return
        if isinstance(op, Op):
            self._elementwise(op, block, kinds, first)
        elif block.name in ("max", "min"):
            self._extremum(block)
        else:
            for dots in self.dots:
                dots[own] = self._linear(block, kinds, dots) + np.arange(block.length)

    def address(self, places: np.ndarray, operand: Address) -> Address:
        """An operand's elements by their places in the builder."""
        slots = places[operand.slots()]
        found = np.empty(3, np.int64)
        if slots.size < 2:
            return Address(int(slots[0]) if slots.size else 0, slots.size, 1)
        if self._moves_together(int(slots.min()), int(slots.max())) and kernels.describe(slots, found):
            inner, step, outer = found.tolist()
            return Address(int(slots[0]), slots.size, inner, step, outer)
        return Address(0, slots.size, 1, table=slots)

    def _moves_together(self, low: int, high: int) -> bool:
        """Whether all slots between two are inputs, constants or results, which `finish` numbers apart."""
        inputs = self.builder.inputs
        return high < inputs or low >= CONSTANT or inputs <= low <= high < CONSTANT

    def _kind(self, operand: Address) -> int:
        if self.dependence.has(operand):
            return ACTIVE
        low, high = operand.bounds()
        n = self.program.inputs
        if not n <= low <= high < self.program.first_result:
            return PASSIVE
        numbers = self.program.constants[low - n : high - n + 1]
        return KNOWN if np.isfinite(numbers).all() and numbers.all() else PASSIVE

    def _exponent(self, op: Op, operand: Address) -> float | None:
        """The exponent of a power, if it is one number."""
        if op.name != "power_constant" or not operand.is_single:
            return None
        at = operand.start - self.program.inputs
        return float(self.program.constants[at]) if 0 <= at < self.program.constants.size else None

    def _elementwise(self, op: Op, block: Block, kinds: tuple[int, ...], first: int) -> None:
        made = template(op, kinds, self._exponent(op, block.operands[-1]), flat=False)
        if made is None:
            return
        shared: list[int] = []
        for i in range(made.shared):
            shared.append(self._row(made, i, block, first, shared, None))
        for dots in self.dots:
            rows = list(shared)
            for i in range(made.shared, len(made.rows)):
                rows.append(self._row(made, i, block, first, rows, dots))
            dots[block.first : block.first + block.length] = self._result(made, block, rows, dots)

    def _row(self, made: Template, i: int, block: Block, first: int, rows: list[int], dots: Any) -> int:
        code, references = made.rows[i]
        operands = tuple([self._operand(made, x, block, first, rows, dots) for x in references])
        return self._folded(code, operands) or self.builder.block(code, block.length, operands)

    def _folded(self, code: int, operands: tuple[Address, ...]) -> int | None:
        """First slot of the results if all operands are constants and the arithmetic is exact."""
        if code not in EXACT or any(x.bounds()[0] < CONSTANT for x in operands):
            return None
        numbers = np.frombuffer(self.builder.constants, np.float64)
        values = [numbers[x.slots() - CONSTANT] for x in operands]
        del numbers  # the constants cannot grow while they are looked at
        return self.builder.constant_array(np.asarray(numpy_value(BY_CODE[code])(*values), np.float64))  # type: ignore[arg-type]

    def _operand(self, made: Template, x: int, block: Block, first: int, rows: list[int], dots: Any) -> Address:
        count = block.length
        if x < 0:
            return Address(self.builder.constant(made.constants[-1 - x]), count, count, 0)
        if x < RESULT:
            return self.address(self.place, block.operands[x])
        if x == RESULT:
            return Address(first, count, count)
        return Address(rows[x - ROW], count, count) if x >= ROW else self.address(dots, block.operands[x - TANGENT])

    def _result(self, made: Template, block: Block, rows: list[int], dots: np.ndarray) -> np.ndarray:
        if made.result >= ROW:
            return rows[made.result - ROW] + np.arange(block.length)
        return dots[block.operands[made.result - TANGENT].slots()]

    def _linear(self, block: Block, kinds: tuple[int, ...], dots: np.ndarray) -> int:
        """First slot of the tangents of a sum or a product, by the product rule."""
        parts = []
        for k, kind in enumerate(kinds):
            if kind == ACTIVE:
                maps = [dots if j == k else self.place for j in range(len(kinds))]
                operands = tuple(self.address(m, x) for m, x in zip(maps, block.operands, strict=True))
                parts.append(self.builder.block(block.code, block.length, operands, block.sizes, block.index))
        if len(parts) == 1:
            return parts[0]
        terms = tuple(Address(part, block.length, block.length) for part in parts)
        return self.builder.block(BY_NAME["add"].code, block.length, terms)

    def _extremum(self, block: Block) -> None:
        """The tangents of the elements that reach the extremum, in even shares; nan where it is nan."""
        inner, slots = block.sizes[0], block.operands[0].slots()
        x, result = (
            self._traced(self.place, slots),
            self._traced(self.place, np.arange(block.first, block.first + block.length)),
        )
        reached = as_array(elementwise(BY_NAME["equal"], x, np.repeat(result, inner)))
        share = reached / np.repeat(np.sum(np.reshape(reached, (-1, inner)), axis=1), inner)
        for dots in self.dots:
            parts = as_array(elementwise(ZERO_MULTIPLY, share, self._traced(dots, slots)))
            total = as_array(np.sum(np.reshape(parts, (-1, inner)), axis=1))
            dots[block.first : block.first + block.length] = total.slots

    def _traced(self, places: np.ndarray, slots: np.ndarray) -> TracedArray:
        return TracedArray(np.ones(slots.size), places[slots], self.builder)


class _StampedRun:
    """A run of the scalar stream with its tangents, all instructions of one kind at a time."""

    def __init__(self, tangents: _Tangents, run: Run) -> None:
        self.tangents, self.run = tangents, run
        program, part = tangents.program, slice(run.start, run.stop)
        self.opcode, self.left, self.right = (c[part] for c in (program.opcode, program.left, program.right))
        self.kinds = self._classes()

    def _classes(self) -> list[tuple[np.ndarray, Template | None]]:
        """Positions of the instructions of one kind, and the template of their tangents."""
        left, right = self._kinds(self.left), self._kinds(self.right)
        exponents, which = self._exponents()
        key = self.opcode + (left + 3 * right + 9 * which) * 256
        _, inverse = np.unique(key, return_inverse=True)
        order = np.argsort(inverse, kind="stable")
        groups = np.split(order, np.cumsum(np.bincount(inverse))[:-1]) if order.size else []
        result = []
        for positions in groups:
            i = positions[0]
            op: Any = BY_CODE[int(self.opcode[i])]
            kinds = (int(left[i]), int(right[i]))[: op.arity]
            exponent = float(exponents[which[i]]) if which[i] >= 0 else None
            result.append((positions, template(op, kinds, exponent, True) if ACTIVE in kinds else None))
        return result

    def _kinds(self, slots: np.ndarray) -> np.ndarray:
        tangents, program = self.tangents, self.tangents.program
        kinds = np.where(tangents.depends[slots], ACTIVE, PASSIVE)
        at = slots - program.inputs
        constant = (at >= 0) & (at < program.constants.size)
        if constant.any():
            numbers = program.constants[at[constant]]
            kinds[constant] = np.where(np.isfinite(numbers) & (numbers != 0.0), KNOWN, PASSIVE)
        return kinds

    def _exponents(self) -> tuple[np.ndarray, np.ndarray]:
        """The exponents of powers by constants, and which of them each instruction has (-1: it is no such power)."""
        program, which = self.tangents.program, np.full(self.opcode.size, -1)
        at = self.right - program.inputs
        powers = (self.opcode == BY_NAME["power_constant"].code) & (at >= 0) & (at < program.constants.size)
        exponents, which[powers] = np.unique(program.constants[at[powers]], return_inverse=True)
        return exponents, which

    def write(self) -> None:
        tangents, run, builder = self.tangents, self.run, self.tangents.builder
        lanes = len(tangents.lanes)
        counts = np.ones(run.length, np.int64)
        for positions, made in self.kinds:
            if made is not None:
                counts[positions] += made.shared + lanes * (len(made.rows) - made.shared)
        first = builder.next
        self.own = first + np.cumsum(counts) - counts
        tangents.place[run.first : run.first + run.length] = self.own
        self._place_tangents()
        self.columns = np.zeros((3, int(counts.sum())), np.int64)
        self._put(self.own - first, self.opcode, tangents.place[self.left], tangents.place[self.right])
        for positions, made in self.kinds:
            if made is not None:
                self._stamp(positions, made, first)
        assert builder.scalars(*self.columns) == first

    def _put(self, at: np.ndarray, opcode: Any, left: np.ndarray, right: np.ndarray) -> None:
        self.columns[0, at], self.columns[1, at], self.columns[2, at] = opcode, left, right

    def _place_tangents(self) -> None:
        """Where each tangent stands: behind its value, or where the tangent of an operand does."""
        run = self.run
        for lane, dots in enumerate(self.tangents.dots):
            alias = np.arange(run.length)  # by position in the run; what is outside is known already
            mine = np.full(run.length, self.tangents.zero)
            for positions, made in self.kinds:
                if made is None:
                    continue
                if made.result >= ROW:
                    mine[positions] = self.own[positions] + 1 + self._row_place(made, lane, made.result - ROW)
                    continue
                slots = (self.left if made.result == TANGENT else self.right)[positions]
                inside = slots >= run.first
                mine[positions] = dots[slots]
                alias[positions[inside]] = slots[inside] - run.first
            while not np.array_equal(alias, further := alias[alias]):
                alias = further
            dots[run.first : run.first + run.length] = mine[alias]

    @staticmethod
    def _row_place(made: Template, lane: int, row: int) -> int:
        """Where a row of a template stands among those of all lanes."""
        return row if row < made.shared else row + lane * (len(made.rows) - made.shared)

    def _stamp(self, positions: np.ndarray, made: Template, first: int) -> None:
        for lane in self.tangents.lanes:
            for row in range(made.shared if lane else 0, len(made.rows)):
                code, references = made.rows[row]
                operands = [self._operand(made, x, positions, lane) for x in references]
                at = self.own[positions] - first + 1 + self._row_place(made, lane, row)
                self._put(at, code, operands[0], operands[-1])

    def _operand(self, made: Template, x: int, positions: np.ndarray, lane: int) -> Any:
        tangents = self.tangents
        if x < 0:
            return tangents.builder.constant(made.constants[-1 - x])
        if x >= ROW:
            return self.own[positions] + 1 + self._row_place(made, lane, x - ROW)
        if x == RESULT:
            return self.own[positions]
        column = (self.left, self.right)[(x - TANGENT if x >= TANGENT else x)][positions]
        return (tangents.dots[lane] if x >= TANGENT else tangents.place)[column]
