"""Running a compiled function on active values.

Theory of operation. For each way of calling the function (which arguments are active, numbers or arrays of which rank)
a small entry is written and compiled; it makes active values of the arguments, whose slots are 1 .. n, calls the
function and takes its result apart into values and slots. A tape that turns out too small is made larger, and the
function is run again on fresh copies of its arguments. Memory is kept for the next call; a call that runs at the same
time as another has memory of its own.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit, types
from numba.core.errors import NumbaError
from numba.extending import overload

import fastad.native.iteration  # noqa: F401  # loops over arrays
from fastad.containers import Structure
from fastad.errors import TapeTooLarge, UnsupportedDtype
from fastad.native.arrays import is_array, plain_array
from fastad.native.diagnosis import unsupported
from fastad.native.elementals import is_active, number
from fastad.native.emission import LEFT, LENGTH, OPCODE, RIGHT, ROOM, TABLE, VALUE, WORDS
from fastad.native.pipeline import active_version, is_compiled
from fastad.native.types import MAKE, MAKE_ARRAY, TAPE
from fastad.replay import Call

LIMIT = 1 << 28  # entries of a tape, 25 bytes each with their adjoints


# --- results ------------------------------------------------------------------------------------------------
def expose(y):  # type: ignore[no-untyped-def]
    """A result as (values, slots); a tuple as (tuple of such pairs,)."""
    raise NotImplementedError


@overload(expose)
def _expose(y):  # type: ignore[no-untyped-def]
    if isinstance(y, types.BaseTuple):
        return _expose_tuple(len(y))
    if is_active(y):
        return lambda y: (y._value, y._slot)
    if number(y) and not isinstance(y, types.Complex):
        return lambda y: (np.float64(y), 0)
    if is_array(y):
        return lambda y: (y._values, y._slots)
    if plain_array(y) and not isinstance(y.dtype, types.Complex):
        return lambda y: (y.astype(np.float64), np.zeros(y.shape, np.int64))
    return None


def _expose_tuple(count: int) -> Any:
    scope: dict[str, Any] = {"expose": expose}
    exec(f"def parts(y):\n    return (({''.join(f'expose(y[{k}]), ' for k in range(count))}),)", scope)
    return scope["parts"]


def _taken_apart(result: Any, values: list[Any], slots: list[Any]) -> Structure:
    """Append values and slots of an exposed result; its structure."""
    if len(result) == 1:
        return (tuple, *(_taken_apart(part, values, slots) for part in result[0]))
    value, slot = result
    values.append(np.asarray(value, np.float64).reshape(-1))
    slots.append(np.asarray(slot, np.int64).reshape(-1))
    return ("array", value.shape) if isinstance(value, np.ndarray) else ("float",)


# --- memory -------------------------------------------------------------------------------------------------
class Memory:
    """The columns of a tape, and its control block."""

    def __init__(self, room: int = 1 << 12) -> None:
        self.control = np.zeros(WORDS, np.int64)
        self.reserve(room)

    def reserve(self, room: int) -> None:
        """Make the columns anew, for so many entries."""
        self.opcode, self.left = np.empty(room, np.uint8), np.empty(room, np.int32)
        self.right, self.value, self.bars = np.empty(room, np.int32), np.empty(room), np.empty(room)
        self.control[ROOM] = room
        for word, column in ((OPCODE, self.opcode), (LEFT, self.left), (RIGHT, self.right), (VALUE, self.value)):
            self.control[word] = column.ctypes.data

    def begin(self, x: np.ndarray) -> None:
        """An empty tape behind the independents."""
        if x.size + 1 > self.control[ROOM]:
            self.reserve(2 * (x.size + 1))
        self.control[LENGTH] = x.size + 1
        self.control[TABLE:] = 0
        self.control[TABLE] = 1  # the bits 0 would be found here, the bits 1 would not: no entry is a constant yet
        self.value[1 : x.size + 1] = x

    def fits(self, name: str) -> bool:
        """Whether everything has been stored; if not, there is room for it now."""
        length = int(self.control[LENGTH])
        if length <= self.control[ROOM]:
            return True
        if length > LIMIT:
            raise TapeTooLarge(
                f"{name} carries out {length} operations, and a tape of a compiled function has room for {LIMIT}: "
                "differentiate it in parts, or with respect to fewer arguments"
            )
        self.reserve(min(LIMIT, length + length // 8))
        return False


# --- entries ------------------------------------------------------------------------------------------------
class Entries:
    """A compiled function's entries, by the way of calling it."""

    def __init__(self, dispatcher: Any) -> None:
        self.name, self.function = dispatcher.__name__, active_version(dispatcher)
        self.known: dict[str, Any] = {}

    def run(self, call: Call, memory: Memory) -> tuple[np.ndarray, np.ndarray, Structure]:
        """Record; the result's values (m,) and slots (m,), and its structure."""
        entry = self.entry_for(call)
        while True:
            memory.begin(call.x)
            result = self._call(entry, memory.control, *_passed(call))
            if memory.fits(self.name):
                break
        values: list[Any] = []
        slots: list[Any] = []
        structure = _taken_apart(result, values, slots)
        empty = [np.empty(0)]
        return np.concatenate(values or empty), np.concatenate(slots or empty).astype(np.int64), structure

    def _call(self, entry: Any, *arguments: Any) -> Any:
        try:
            return entry(*arguments)
        except NumbaError as error:
            raise unsupported(self.function, error) from None

    def entry_for(self, call: Call) -> Any:
        source = entry_source(call, self.name)
        if source not in self.known:
            scope: dict[str, Any] = {
                "f": self.function, "expose": expose, "make": MAKE[TAPE], "make_array": MAKE_ARRAY[TAPE], "np": np,
            }  # fmt: skip
            exec(compile(source, f"<entry of {self.name}>", "exec"), scope)
            self.known[source] = njit(error_model="numpy", nogil=True)(scope["entry"])
        return self.known[source]


def entry_source(call: Call, name: str) -> str:
    """Text of the entry for calls of this kind: `control, a0, a1, ...` are its arguments."""
    arguments = []
    for k, structure in enumerate(call.structure[1][1:]):
        active = k in call.argnums
        arguments.append(_active_text(structure, f"a{k}", f"s{k}", name) if active else f"a{k}")
    count = len(arguments)
    parameters = "".join(f", a{k}, s{k}" for k in range(count))
    return (
        f"def entry(control{parameters}):\n    tape = control.ctypes.data\n    return expose(f({', '.join(arguments)}))"
    )


def _active_text(structure: Structure, value: str, slot: str, name: str) -> str:
    if structure[0] == "float":
        return f"make(tape, {slot}, {value})"
    if structure[0] == "array":
        return f"make_array(tape, {slot}, {value})"
    if structure[0] is not tuple:
        raise UnsupportedDtype(
            f"an argument of the compiled function {name} is a {getattr(structure[0], '__name__', structure[0])}: "
            "it is differentiated with respect to numbers, arrays of floats, and tuples of them"
        )
    parts = (_active_text(part, f"{value}[{k}]", f"{slot}[{k}]", name) for k, part in enumerate(structure[1:]))
    return "(" + "".join(f"{part}, " for part in parts) + ")"


def _passed(call: Call) -> list[Any]:
    """What an entry is called with: fresh copies of the arguments, and the slots of their numbers."""
    args, _ = call.plain()
    passed: list[Any] = []
    for k, (arg, structure) in enumerate(zip(args, call.structure[1][1:], strict=True)):
        if k in call.argnums:
            passed += [arg, _slots(structure, np.arange(call.parts[k].start + 1, call.parts[k].stop + 1))[0]]
        else:
            passed += [active_version(arg) if is_compiled(arg) else arg, 0]
    return passed


def _slots(structure: Structure, free: np.ndarray) -> tuple[Any, np.ndarray]:
    """The slots of a container's numbers, the first ones of those that are free, and the rest of them."""
    if structure[0] == "float":
        return int(free[0]), free[1:]
    if structure[0] == "array":
        count = int(np.prod(structure[1]))
        return free[:count].reshape(structure[1]), free[count:]
    parts = []
    for part in structure[1:]:
        slots, free = _slots(part, free)
        parts.append(slots)
    return tuple(parts), free
