"""Transforms of compiled functions: what stands in the place of a replayer and of a tape.

Theory of operation. Recording costs a compiled function next to nothing, so it is recorded afresh at every call, and
no branch has to be guarded. A gradient is swept from the columns as they were recorded. Whatever else a transform
asks of the tape is done by the `Program` that the columns are turned into, and the tape's own engine. The first
recording of each kind of call is compared with what the function returns.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np

from fastad.containers import Structure
from fastad.errors import RecordingMismatch, UnsupportedFunction
from fastad.native.emission import (
    ADD_NUMBER,
    CONSTANT,
    DIVIDE_BY_NUMBER,
    LENGTH,
    MULTIPLY_NUMBER,
    NUMBER_DIVIDED,
    NUMBER_MINUS,
    SUBTRACT_NUMBER,
)
from fastad.native.recorder import Entries, Memory, entry_source
from fastad.native.sweeps import adjoint_sweep
from fastad.ops import BY_NAME
from fastad.passes import optimise
from fastad.program import Program, Run
from fastad.replay import Call, Replayer, Result, _agree
from fastad.tape import Tape

_ROWS = {
    ADD_NUMBER: "add", SUBTRACT_NUMBER: "subtract", MULTIPLY_NUMBER: "multiply", DIVIDE_BY_NUMBER: "divide",
    NUMBER_MINUS: "subtract", NUMBER_DIVIDED: "divide",
}  # fmt: skip
_PLAIN_CODE = np.arange(256, dtype=np.uint8)
for _code, _name in _ROWS.items():
    _PLAIN_CODE[_code] = BY_NAME[_name].code


class NativeReplayer(Replayer):
    """Records a compiled function at each call."""

    def __init__(self, dispatcher: Any) -> None:
        super().__init__(dispatcher)
        self.dispatcher: Any = dispatcher
        self.entries, self.free = Entries(dispatcher), list[Memory]()
        self.seen: set[str] = set()

    def run(self, call: Call, action: Callable[[Any], tuple[Result, int]]) -> Result:
        call = self._positional(call)
        try:
            memory = self.free.pop()
        except IndexError:
            memory = Memory()
        tape = NativeTape(call, memory, *self.entries.run(call, memory))
        self._compare_once(call, tape)
        result, _ = action(tape)
        tape.release()
        self.free.append(memory)
        return result

    @property
    def tapes(self) -> Any:
        """None are kept: what asks for them cannot serve compiled functions."""
        raise UnsupportedFunction(
            f"the compiled function {self.entries.name} takes its path through its branches anew at each point, "
            "so many points do not share a tape: call the transform point by point"
        )

    @tapes.setter
    def tapes(self, none: Any) -> None:
        """What a replayer that keeps its tapes begins with."""

    def clear(self) -> None:
        """Forget nothing: nothing is kept."""

    def _positional(self, call: Call) -> Call:
        """The call with its keyword arguments behind the others."""
        args, kwargs = call.plain()
        if not kwargs:
            return call
        bound = inspect.signature(self.dispatcher.py_func).bind(*args, **kwargs)
        if bound.kwargs:
            raise UnsupportedFunction(f"pass the arguments of {self.entries.name} by position")
        return Call(bound.args, {}, call.argnums)

    def _compare_once(self, call: Call, tape: NativeTape) -> None:
        source = entry_source(call, self.entries.name)
        if source in self.seen:
            return
        self.seen.add(source)
        plain = self._plain_value(call)
        if not _agree(tape.value, plain):
            raise RecordingMismatch(
                f"{self.entries.name} returned {plain} compiled by Numba and {tape.value} while it was recorded: "
                "random numbers, or state that changes from call to call"
            )


class NativeTape:
    """The columns of one recording; everything but gradients is left to the tape that they are turned into."""

    def __init__(self, call: Call, memory: Memory, value: np.ndarray, slots: np.ndarray, out: Structure) -> None:
        self.call, self.memory, self.value, self.slots, self.out_structure = call, memory, value, slots, out
        self.full: Tape | None = None

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        if self.full is None:
            program = optimise(program_of(self.call, self.memory, self.value, self.slots))
            self.full = Tape(program, self.call.structure, self.out_structure)
        return getattr(self.full, name)

    def release(self) -> None:
        """The memory is another's from here on."""
        del self.memory

    def gradient(self, x: np.ndarray) -> tuple[float, np.ndarray, int]:
        """As of a tape, at the point of the recording."""
        memory, slot, first = self.memory, int(self.slots[0]), x.size + 1
        bars = memory.bars
        bars[: max(slot + 1, first)] = 0.0
        bars[slot] = 1.0
        adjoint_sweep(memory.opcode, memory.left, memory.right, memory.value, bars, slot, first)
        return float(self.value[0]), bars[1:first].copy(), -1


def program_of(call: Call, memory: Memory, value: np.ndarray, slots: np.ndarray) -> Program:
    """The columns as a program: constants apart, and results numbered behind them."""
    n, part = call.x.size, slice(call.x.size + 1, int(memory.control[LENGTH]))
    code, left, right = memory.opcode[part], memory.left[part], memory.right[part]
    constant, passive = code == CONSTANT, slots == 0
    constants = np.concatenate([memory.value[part][constant], value[passive]])
    place = np.arange(-1, n + code.size)
    place[n + 1 :][constant] = n + np.arange(int(constant.sum()))
    place[n + 1 :][~constant] = n + constants.size + np.arange(int((~constant).sum()))
    outputs = place[slots]
    outputs[passive] = n + int(constant.sum()) + np.arange(int(passive.sum()))
    code, left, right = code[~constant], left[~constant], right[~constant]
    right = np.where(right == 0, left, right)  # one operand
    swapped = (code == NUMBER_MINUS) | (code == NUMBER_DIVIDED)
    first, second = np.where(swapped, right, left), np.where(swapped, left, right)
    columns = (place[first].astype(np.int32), place[second].astype(np.int32))
    segments = (Run(0, code.size, n + constants.size),) if code.size else ()
    return Program(n, call.active, constants, _PLAIN_CODE[code], *columns, segments, outputs)
