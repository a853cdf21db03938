"""What compiled code is told of a tape: a room, a few words of memory that are known by their address.

Theory of operation. The words (`native/tape_entry.py` names them) say where the packed program stands, what to compute,
and where functions are that compiled code calls. Workspaces are made by the threads that come, and freed with the
Python object, which whatever holds a tape in compiled code keeps alive. A program that calls Python is refused: Python
would wait for its lock, which whoever started a parallel loop may hold.
"""

from __future__ import annotations

import ctypes
import os
import weakref
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Any

import numpy as np

from fastad.errors import UnsupportedFunction
from fastad.kernels import layout as at

if TYPE_CHECKING:
    from fastad.tape import Tape

_C = ctypes.CDLL("msvcrt" if os.name == "nt" else None)  # Python's allocators may wait for its lock


def _address(function: Any) -> int:
    return ctypes.cast(function, ctypes.c_void_p).value or 0


@cache
def _in_parallel() -> int:
    """Address of OpenMP's function of that name, where Numba's parallel loops may run by OpenMP."""
    try:
        library = import_module("numba.np.ufunc.omppool").__file__
        return _address(ctypes.CDLL(library).omp_in_parallel)
    except (ImportError, OSError, AttributeError):
        return 0


class SharedRoom:
    """What compiled code is told of a tape, at `address`; keeps the tape and its program alive."""

    def __init__(self, tape: Tape, task: int, component: int = -1) -> None:
        from fastad.native import tape_code
        from fastad.native import tape_entry as entry

        _require_native(tape)
        schedule = tape.schedule
        code, called = _without_python(tape, schedule.code_for(task))
        constants = np.ascontiguousarray(tape.program.constants, np.float64)
        self.kept = tape, schedule, code, called, constants
        memory = np.zeros(entry.ROOM + entry.LINE, np.int64)
        start = -memory.ctypes.data // 8 % entry.LINE  # seats are lines of the cache
        self.words = memory[start : start + entry.ROOM]
        self.address = self.words.ctypes.data
        values = {
            entry.CODE: code.ctypes.data, entry.SIZE: schedule.size_alone(task), entry.TASK: task,
            entry.INPUTS: tape.inputs, entry.OUTPUTS: tape.outputs, entry.COMPONENT: component,
            entry.CONSTANTS: constants.ctypes.data, entry.CONSTANT_COUNT: constants.size,
            entry.MALLOC: _address(_C.malloc), entry.FREE: _address(_C.free),
            entry.ENTER: tape_code.enter.address, entry.HEARD: tape_code.heard.address,
            entry.THREAD_STATE: _address(ctypes.pythonapi.PyGILState_GetThisThreadState),
            entry.IN_PARALLEL: _in_parallel(),
        }  # fmt: skip
        self.words[list(values)] = list(values.values())
        weakref.finalize(self, _free_workspaces, self.words).atexit = False

    @property
    def failures(self) -> int:
        from fastad.native.tape_entry import FAILURES

        return int(self.words[FAILURES])


def _free_workspaces(words: np.ndarray) -> None:
    from fastad.native.tape_entry import LINE, MEMORY, SEATS

    for memory in words[SEATS + MEMORY :: LINE].tolist():
        _C.free(ctypes.c_void_p(memory))


def _require_native(tape: Tape) -> None:
    """Rules that are called run Python, which would wait for a lock that the caller may hold."""
    for call in tape.program.calls:
        if not call.primitive.is_native:
            where = f" at {call.where}" if call.where else ""
            raise UnsupportedFunction(
                f"the tape calls {call.primitive.name}{where}, whose derivative rules are Python: compiled code cannot "
                "run them; call the tape from Python, or write this with element-wise functions, sums and products"
            )


def _without_python(tape: Tape, code: np.ndarray) -> tuple[np.ndarray, list[np.ndarray]]:
    """A packed program in which no compiled primitive falls back on Python, and what it refers to."""
    from fastad.native import tape_code

    if not tape.program.calls:
        return code, []
    code, called = code.copy(), []
    rows = code[at.AT_SEGMENTS] + at.ROW * np.arange(code[at.SEGMENTS])
    for row in rows[code[rows + at.KIND] == at.CALL].tolist():
        called.append(np.array([code[row + at.LENGTH], tape_code.refuse.address, 0], np.int64))
        code[row + at.SIZE1] = called[-1].ctypes.data
    return code, called
