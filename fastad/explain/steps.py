"""A program at a point in the textbook's notation: names of slots, and instructions as steps of a trace.

A step is one elemental, or a whole array instruction where its elements are not to be shown one by one.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from fastad.explain.listing import called, range_name
from fastad.ops import BY_CODE, Op
from fastad.program import Block, Program, address_of
from fastad.testing import Reference

EXTREMA = ("max", "min")


@dataclass
class Values:
    """Slots that stand in one row, with their name."""

    name: str
    slots: np.ndarray
    is_constant: bool = False

    def marked(self, mark: str) -> str:
        """The name of the tangents (') or adjoints (_bar)."""
        return f"({self.name}){mark}" if ":" in self.name else f"{self.name}{mark}"


@dataclass
class Step:
    """An elemental, or an array instruction (then with its block) as a whole; `parts` are its elementals."""

    result: Values
    formula: str
    operands: list[Values]
    parts: range
    block: Block | None = None


class Names:
    """A program at a point, with the textbook's names for its slots."""

    def __init__(self, program: Program, x: np.ndarray) -> None:
        self.program, self.reference = program, Reference(program, x)
        self.values = self.reference.values
        self.most_elements = self.values.size  # of what is taken apart

    def name(self, slot: int) -> str:
        """`v_2`, or the number where the slot is a constant."""
        program = self.program
        if slot < program.inputs:
            return f"v_{slot - program.inputs + 1}"
        if slot < program.first_result:
            return f"{program.constants[slot - program.inputs]:g}"
        return f"v_{slot - program.first_result + 1}"

    def is_constant(self, slots: Any) -> bool:
        return bool(np.all((self.program.inputs <= slots) & (slots < self.program.first_result)))

    def one(self, slot: int) -> Values:
        return Values(self.name(slot), np.array([slot]), self.is_constant(slot))

    def many(self, slots: np.ndarray) -> Values:
        address = address_of(slots)
        name = range_name(self.program, address, self.name, 3)
        return Values(name, slots[:1] if address.is_single else slots, self.is_constant(slots))

    def arrays(self, slots: np.ndarray, letter: str) -> list[tuple[Values, str]]:
        """The independents (x) or dependents (y), a row each or all in one, with their own names."""
        if slots.size > self.most_elements:
            return [(self.many(slots), f"{letter}1:{letter}{slots.size}")]
        labels = [f"{letter}{i + 1}" for i in range(slots.size)]
        return list(zip(map(self.one, slots.tolist()), labels, strict=True))

    @property
    def independents(self) -> list[tuple[Values, str]]:
        return self.arrays(np.arange(self.program.inputs), "x")

    @property
    def dependents(self) -> list[tuple[Values, str]]:
        rows = self.arrays(self.program.outputs, "y")
        return [(rows[0][0], "y")] if self.program.outputs.size == 1 else rows

    def steps(self) -> Iterator[Step]:
        """The instructions in order, array instructions taken apart where they are short enough."""
        k = 0
        for _, code, operands in self.program.instructions():
            op, block = BY_CODE[code], operands[0]
            length = block.length if isinstance(block, Block) else 1
            parts = range(k, k + length)
            k += length
            if not isinstance(block, Block):
                yield self._step(k - 1, op)
            elif block.name == "call":
                yield self._called(block, parts)
            elif max(length, *(operand.count for operand in block.operands)) > self.most_elements:
                yield self._whole(block, op, parts)
            else:
                yield from (self._step(part, op) for part in parts)

    def _step(self, k: int, op: Any) -> Step:
        elemental = self.reference.elementals[k]
        operands = [self.one(slot) for slot in elemental.operands]
        names = [operand.name for operand in operands]
        if not isinstance(op, Op) and len(op.linearity) == 2:  # an entry of a matrix product
            half = len(names) // 2
            names = [f"{a} * {b}" for a, b in zip(names[:half], names[half:], strict=True)]
        if isinstance(op, Op):
            formula = op.synopsis(*names)
        else:
            formula = f"{op.name}({', '.join(names)})" if op.name in EXTREMA else sum_of(names)
        return Step(self.one(elemental.result), formula, operands, range(k, k + 1))

    def _whole(self, block: Block, op: Any, parts: range) -> Step:
        result = self.many(np.arange(block.first, block.first + block.length))
        operands = [self.many(operand.slots()) for operand in block.operands]
        return Step(result, applied(op, [operand.name for operand in operands]), operands, parts, block)

    def _called(self, block: Block, parts: range) -> Step:
        """A call is one step, because its rules are."""
        result = self.many(np.arange(block.first, block.first + block.length))
        operands = [self.many(operand.slots()) for operand in block.operands if operand.count]
        name = called(self.program, block)
        return Step(result, f"{name}({', '.join(operand.name for operand in operands)})", operands, parts, block)

    def slopes(self, step: Step, j: int) -> np.ndarray:
        """The partials of a step with respect to its operand j, one an elemental."""
        return np.array([self.reference.slopes[k][j] for k in step.parts], np.float64)


def applied(op: Any, names: list[str]) -> str:
    return op.synopsis(*names) if isinstance(op, Op) else f"{op.name}({', '.join(names)})"


def sum_of(terms: list[str], most: int = 6) -> str:
    """The terms with plus signs between them; the middle of a long sum is left out."""
    return " + ".join(terms if len(terms) <= most else [*terms[: most - 2], "...", terms[-1]]) or "0"
