"""The growing tape of one recording.

Slots while recording: inputs are 0 .. n, results follow in order, and constants are numbered from
`CONSTANT` on, because how many there will be is not known before the end. `finish` renumbers:
inputs, then constants, then results. Equal constants share a slot, by their bits.

A thread has a stack of recordings; the innermost one is `current()`. A nested transform does not open
a recording of its own: it goes on with the current one and, while it is at work, keeps a log of the
traced values from which the derivative is recorded (`fastad.derive`).
"""

from __future__ import annotations

import dis
import math
import sys
import threading
from array import array
from traceback import walk_tb
from types import FrameType
from typing import Any, NamedTuple

import numpy as np

from fastad import kernels
from fastad.errors import StaleValue
from fastad.primitives import Call
from fastad.program import Address, Block, Guard, Program, Run, address_of
from fastad.record.stand_ins import CURRENT, Originals

CONSTANT = 1 << 40
_STORE_SUBSCRIPT = dis.opmap["STORE_SUBSCR"]
_RAISES = {dis.opmap[name] for name in ("RAISE_VARARGS", "RERAISE") if name in dis.opmap}
SAMPLE = 256  # numbers by which an array of constants is found
_threads = threading.local()
open_recordings: list[Builder] = []  # of all threads: empty means that no thread is recording


class Entry(NamedTuple):
    """One instruction in the log of a nested transform: operands and result as they were then."""

    code: int
    operands: tuple[Any, ...]
    result: Any
    sizes: tuple[int, ...] = ()
    table: np.ndarray | None = None
    call: Call | None = None


class _Closed:
    """Stands in for the columns of a finished recording: whoever appends is told."""

    def append(self, _: Any) -> None:
        raise StaleValue(
            "a traced value was used after its recording had ended; return what you need from the function "
            "instead of keeping it in a global, a closure or an attribute"
        )

    frombytes = append

    def __len__(self) -> int:
        return 0


class Builder:
    """Appends instructions; `finish` makes the immutable `Program`."""

    def __init__(self) -> None:
        self.opcode: Any = bytearray()
        self.left: Any = array("q")
        self.right: Any = array("q")
        self.next = 0
        self.inputs = 0
        self.blocks: list[tuple[int, Block]] = []
        self.constants: Any = array("d")
        self.guards: list[Guard] = []
        self.log: list[Entry] | None = None
        self.gave_objects = False  # whether compiled code has got object arrays of traced numbers
        self.lines: list[str] | None = None  # the user's line of each instruction, where it is asked for
        self.calls: dict[Any, Call] = {}
        self._scalars: dict[Any, int] = {}
        self._arrays: dict[tuple[int, bytes], list[int]] = {}

    # --- slots --------------------------------------------------------------------------------------
    def add_inputs(self, count: int) -> int:
        """First of `count` new input slots; only before the first instruction."""
        first = self.next
        self.next = self.inputs = first + count
        return first

    def constant(self, value: float) -> int:
        """Slot of a constant number."""
        key: Any = value if value and value == value else (repr(value), math.copysign(1.0, value))
        slot = self._scalars.get(key)
        if slot is None:
            slot = self._scalars[key] = CONSTANT + len(self.constants)
            self.constants.append(value)
        return slot

    def constant_array(self, values: np.ndarray) -> int:
        """First slot of a contiguous copy of an array of constants (float64, any shape)."""
        # Large arrays are found by a sample of their numbers, and then compared.
        bits = values.reshape(-1).view(np.int64)
        apart = bits.size // SAMPLE + 1
        known = self._arrays.setdefault((bits.size, bits[::apart].tobytes()), [])
        for slot in known:
            if apart == 1 or np.array_equal(self._bits(slot, bits.size), bits):
                return slot
        known.append(slot := CONSTANT + len(self.constants))
        if bits.size:
            self.constants.frombytes(bits.view(np.uint8).data)
        return slot

    def _bits(self, slot: int, count: int) -> np.ndarray:
        return np.frombuffer(self.constants, np.int64, count, 8 * (slot - CONSTANT))

    # --- instructions -------------------------------------------------------------------------------
    def scalar(self, code: int, left: int, right: int) -> int:
        """Append to the scalar stream; the result's slot."""
        self.opcode.append(code)
        self.left.append(left)
        self.right.append(right)
        if self.lines is not None:
            self.lines.append(user_line())
        slot = self.next
        self.next = slot + 1
        return slot

    def scalars(self, opcode: np.ndarray, left: np.ndarray, right: np.ndarray) -> int:
        """Append many to the scalar stream (columns of int64); the first of their result slots."""
        self.opcode.extend(opcode.astype(np.uint8).tobytes())
        self.left.frombytes(left.tobytes())
        self.right.frombytes(right.tobytes())
        first = self.next
        self.next = first + opcode.size
        return first

    def block(self, code: int, length: int, operands: tuple[Address, ...], sizes=(), index=None) -> int:
        """Append a block instruction; the first of its result slots."""
        if type(self.opcode) is _Closed:
            self.opcode.append(code)
        if self.lines is not None:
            self.lines.append(user_line())
        first = self.next
        self.blocks.append((len(self.opcode), Block(code, first, length, operands, sizes, index)))
        self.next = first + length
        return first

    def call(self, call: Call) -> int:
        """The number of a call; equal ones have one."""
        if call.key not in self.calls:
            self.calls[call.key] = call
        return list(self.calls).index(call.key)

    def guard(self, slot: int, expected: float) -> None:
        """A value that Python looked at; constants need no guard."""
        if slot < CONSTANT:
            self.guards.append(Guard(slot, float(expected), user_line()))

    # --- the end ------------------------------------------------------------------------------------
    def finish(self, outputs: np.ndarray, active: np.ndarray) -> Program:
        """The program; this recording accepts nothing any more."""
        shift = len(self.constants)
        place = _Renumbering(self.inputs, shift)
        opcode = np.frombuffer(self.opcode, np.uint8)
        left, right = (place(np.frombuffer(column, np.int64)).astype(np.int32) for column in (self.left, self.right))
        guards = tuple(Guard(place.one(g.slot), g.expected, g.where) for g in self.guards)
        program = Program(
            self.inputs, active, np.frombuffer(self.constants, np.float64), opcode, left, right,
            self._segments(place), place(outputs.copy()), guards, tuple(self.calls.values()),
        )  # fmt: skip
        self.opcode = self.left = self.right = self.constants = _Closed()
        return program

    def _segments(self, place: _Renumbering) -> tuple[Run | Block, ...]:
        segments: list[Run | Block] = []
        done, slot = 0, self.inputs + place.shift
        for position, block in self.blocks:
            if position > done:
                segments.append(Run(done, position, slot))
                slot += position - done
                done = position
            block.first, block.operands = slot, tuple([place.address(operand) for operand in block.operands])
            segments.append(block)
            slot += block.length
        if len(self.opcode) > done:
            segments.append(Run(done, len(self.opcode), slot))
        return tuple(segments)


class _Renumbering:
    """From the slots of a recording to those of the finished program."""

    def __init__(self, inputs: int, shift: int) -> None:
        self.inputs, self.shift = inputs, shift

    def __call__(self, slots: np.ndarray) -> np.ndarray:
        """The slots (contiguous), which are overwritten."""
        kernels.renumber(slots, self.inputs, CONSTANT, self.shift)
        return slots

    def one(self, slot: int) -> int:
        if slot >= CONSTANT:
            return slot - CONSTANT + self.inputs
        return slot + self.shift if slot >= self.inputs else slot

    def address(self, address: Address) -> Address:
        if address.table is not None:
            return address_of(self(address.table))
        address.start = self.one(address.start)  # nobody else knows this address yet
        return address


def constant_slots(builder: Builder, value: np.ndarray) -> np.ndarray:
    """Slots of constants, writable, in the shape of `value`; equal elements may share one."""
    flat = value.ravel()
    if flat.size and (flat == flat[0]).all() and flat[0]:
        return np.full(value.shape, builder.constant(float(flat[0])), np.int64)
    if flat.size > 16 and np.any(flat):
        return (builder.constant_array(flat) + np.arange(flat.size)).reshape(value.shape)
    return np.array([builder.constant(v) for v in flat.tolist()], np.int64).reshape(value.shape)


# --- the recordings of a thread ---------------------------------------------------------------------
def _stack() -> list[Builder | None]:
    stack = getattr(_threads, "stack", None)
    if stack is None:
        stack = _threads.stack = []
    return stack


def current() -> Builder | None:
    """The innermost recording of this thread."""
    stack = _stack()
    return stack[-1] if stack else None


class outside_recordings:
    """Context in which this thread is not recording: for plain functions that a recorded one calls."""

    def __enter__(self) -> None:
        CURRENT.view.flush()
        self.view, CURRENT.view = CURRENT.view, Originals()
        _stack().append(None)

    def __exit__(self, *_: object) -> None:
        _stack().pop()
        CURRENT.view = self.view


class recording:
    """Context in which a new `Builder` is current."""

    def __enter__(self) -> Builder:
        builder = Builder()
        _stack().append(builder)
        open_recordings.append(builder)
        return builder

    def __exit__(self, *_: object) -> None:
        builder = _stack().pop()
        assert builder is not None
        open_recordings.remove(builder)
        builder.opcode = builder.left = builder.right = builder.constants = _Closed()


def _is_users(frame: FrameType, others: tuple[str, ...] = ()) -> bool:
    return frame.f_globals.get("__name__", "").partition(".")[0] not in ("fastad", "numpy", "contextlib", *others)


def user_line() -> str:
    """`file:line` of the innermost frame that belongs neither to fastad nor to NumPy."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        if _is_users(frame):
            return f"{frame.f_code.co_filename}:{frame.f_lineno}"
        frame = frame.f_back
    return "<unknown>"


def raising_line(error: BaseException) -> str:
    """As `user_line`, of the place where an error was raised."""
    lines = [
        f"{frame.f_code.co_filename}:{line}"
        for frame, line in walk_tb(error.__traceback__)
        if _is_users(frame, ("scipy",))
    ]
    return lines[-1] if lines else "<unknown>"


def raised_by_user(error: BaseException) -> bool:
    """Whether an error comes from a `raise` (or an `assert`) in the user's code, not from what it calls."""
    frames = list(walk_tb(error.__traceback__))
    if not frames or not _is_users(frames[-1][0], ("scipy",)):
        return False
    tb = error.__traceback__
    while tb is not None and tb.tb_next is not None:
        tb = tb.tb_next
    assert tb is not None
    return tb.tb_frame.f_code.co_code[tb.tb_lasti] in _RAISES


def is_tried() -> bool:
    """Whether a caller in the user's code has a handler of exceptions."""
    frame: FrameType | None = sys._getframe(2)
    while frame is not None:
        name = frame.f_globals.get("__name__", "")
        if frame.f_code.co_exceptiontable and _is_users(frame, ("scipy",)):
            return True
        if name == "fastad.record.recorder":
            return False
        frame = frame.f_back
    return False


def is_assignment(frame: FrameType) -> bool:
    """Whether what a frame is doing is `a[...] = b`."""
    return frame.f_code.co_code[frame.f_lasti] == _STORE_SUBSCRIPT
