"""A recording of a compiled function as a `Program`: what listings, traces, graphs and files are made of.

Theory of operation. The function runs once on numbers that append operations to a tape; constants stand between them.
The columns are copied, the constants are taken out, and the slots are numbered anew. Compiled code takes its branches
without leaving a trace, so the program has a guard on every independent: it serves at the point of its recording only.
"""

from __future__ import annotations

import ctypes
from typing import Any

import numpy as np
from numba import njit

from fastad.native.derivatives import Derivatives
from fastad.native.emission import CONSTANT
from fastad.native.memory import ENTRIES, LENGTH, word_at
from fastad.native.workspaces import give
from fastad.program import Guard, Program, Run
from fastad.replay import Call

ENTRY = np.dtype([("left", "<u4"), ("right", "<u4"), ("value", "<f8"), ("code", "<i8")])


@njit(nogil=True)
def _where(tape):
    return word_at(tape, LENGTH), word_at(tape, ENTRIES)


@njit(nogil=True)
def _give(cell, tape):
    give(cell, tape)


def program_of(derivatives: Derivatives, call: Call, args: tuple[Any, ...]) -> Program:
    """The program of a compiled function at the point of a call."""
    tape, values, slots, cell = derivatives.recorded(call.argnums, args)
    try:
        entries = _copied(tape)
    finally:
        _give(cell.address, tape)
    independents = np.concatenate([np.arange(p.start, p.stop) for p in (call.parts[k] for k in call.argnums)])
    return _numbered(call, entries[independents.size + 1 :], values, slots, independents, derivatives.name)


def _copied(tape: int) -> np.ndarray:
    length, address = _where(tape)
    memory = (ctypes.c_char * (length * ENTRY.itemsize)).from_address(address)
    return np.frombuffer(memory, ENTRY).copy()


def _numbered(
    call: Call, entries: np.ndarray, values: np.ndarray, slots: np.ndarray, independents: np.ndarray, name: str
) -> Program:
    constant, passive, n = entries["code"] == CONSTANT, slots == 0, call.x.size
    own, operations = int(constant.sum()), entries[~constant]
    constants = np.concatenate([entries["value"][constant], values[passive]])
    place = np.empty(entries.size, np.int64)
    place[constant] = n + np.arange(own)
    place[~constant] = n + constants.size + np.arange(operations.size)
    place = np.concatenate([[-1], independents, place])
    outputs = place[slots]
    outputs[passive] = n + own + np.arange(int(passive.sum()))
    second = np.where(operations["right"] == 0, operations["left"], operations["right"])  # of one operand
    columns = (place[operations["left"]].astype(np.int32), place[second].astype(np.int32))
    segments = (Run(0, operations.size, n + constants.size),) if operations.size else ()
    where = f"the arguments of the compiled function {name}, whose tape holds where it was recorded,"
    guards = tuple(Guard(int(i), float(call.x[i]), where) for i in independents)
    code = operations["code"].astype(np.uint8)
    return Program(n, call.active, constants, code, *columns, segments, outputs, guards)
