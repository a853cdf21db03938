"""A function recorded once more, with the user's line of every instruction: for questions about one point.

Functions compiled by Numba are recorded as the Python code that they come from. Tapes hold no lines, because a
recording would pay for them. Whoever asks where something comes from has the function recorded again, without any
pass over the program, and looks at its elementals one by one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np

from fastad.containers import split
from fastad.ops import BY_CODE
from fastad.program import Block, Program
from fastad.record.recorder import compiled_as_python, record_function
from fastad.replay import Call
from fastad.testing import Elemental, Reference


class Located(NamedTuple):
    """An elemental of a program: its number, the name of its operation, and the user's line that recorded it."""

    number: int
    elemental: Elemental
    name: str
    where: str


class LocatedProgram:
    """A program at the point of its recording, with lines."""

    def __init__(self, function: Callable[..., Any], call: Call) -> None:
        lines: list[str] = []
        leaves = list(split(call.x, call.structure))
        with compiled_as_python():
            recording = record_function(function, call.structure, leaves, call.active, lines)
        self.program: Program = recording.program
        self.reference = Reference(self.program, call.x)
        self._places = list(_places(self.program, lines))

    @property
    def values(self) -> np.ndarray:
        return self.reference.values

    def elementals(self) -> Iterator[Located]:
        """All elementals in order."""
        for number, (elemental, (name, where)) in enumerate(zip(self.reference.elementals, self._places, strict=True)):
            yield Located(number, elemental, name, where)

    def operands(self, located: Located) -> list[float]:
        """The values of an elemental's operands."""
        return [float(self.values[slot]) for slot in located.elemental.operands]


def _places(program: Program, lines: list[str]) -> Iterator[tuple[str, str]]:
    """(operation, line) for every elemental; an array instruction has one for each of its results."""
    for (_, code, operands), where in zip(program.instructions(), lines, strict=True):
        block = operands[0]
        name = program.calls[block.sizes[0]].primitive.name if BY_CODE[code].name == "call" else BY_CODE[code].name
        for _ in range(block.length if isinstance(block, Block) else 1):
            yield name, where
