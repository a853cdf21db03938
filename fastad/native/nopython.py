"""Derivatives of compiled functions as compiled functions, which nopython code can call.

Theory of operation. A derivative is written as the text of a small function with the signature of the function that
it belongs to: take a tape, make the arguments active, call the function's active version, sweep, collect the
derivatives in the structure of the arguments, give the tape back. Numba compiles it like any other, once for each
kind of call, with the function inlined where it sees fit. Forward derivatives need no tape; they carry `LANES`
directions at a time.
"""

from __future__ import annotations

import inspect
import re
from typing import Any
from weakref import WeakSet

import numpy as np
from numba import njit, types

from fastad.errors import ArgumentIndexError, TapeTooLarge, UnsupportedFunction
from fastad.native.creation import allocator, creators
from fastad.native.diagnosis import explains_errors
from fastad.native.elementals import value_of
from fastad.native.independents import activator, collect, pairing, size_of
from fastad.native.memory import LENGTH, LIMIT, inlined, load, rule, word_at
from fastad.native.pipeline import active_version
from fastad.native.results import (
    count_of,
    result_tangents,
    result_values,
    scalar,
    slope_of,
    slot_of,
    tangent_of,
    write_edges,
    write_second_tangents,
    write_slots,
    write_tangents,
    write_values,
)
from fastad.native.sweeps import bytes_of, entry_size, number_size, sweeps
from fastad.native.types import EDGES, TAPE, ActiveType, DualType, EdgesType
from fastad.native.workspaces import Cell, begin, drop_tape, forget_constants, give, guarded_call, take

LANES = 8
DUALS = DualType(LANES)


def lanes_for(directions: int) -> int:
    """How many tangents are carried at a time: twice as many cost about one and a half times as much."""
    return 1 if directions == 1 else (LANES if directions <= LANES else 2 * LANES)


def cost_of_tangents(directions: int) -> float:
    """What so many tangents cost, in runs of the function (bench/native)."""
    return 2.0 if directions <= LANES else 3.0 * -(-directions // (2 * LANES))


work_arrays: WeakSet[Any] = WeakSet()  # functions that assign active numbers to arrays that they are passed
_passives: dict[tuple[ActiveType, bool], Any] = {}


def passive_argument(kind: ActiveType, with_work_arrays: bool) -> Any:
    """An argument that is not differentiated: a compiled function in its version for a kind, an array that is worked
    in as an active one, all else as it is."""
    if (kind, with_work_arrays) not in _passives:
        to_active = creators(kind)["to_active"]

        def passive(a):
            raise NotImplementedError

        @rule(passive)
        def _passive(a):
            if isinstance(a, types.Dispatcher):
                version = active_version(a.dispatcher, kind)
                return lambda a: version
            return (lambda a: to_active(a)) if with_work_arrays else (lambda a: a)

        _passives[kind, with_work_arrays] = passive
    return _passives[kind, with_work_arrays]


# --- the text of a derivative ---------------------------------------------------------------------------------
class Call:
    """How a function is called: its parameters, by names of our own, and which of them are active."""

    def __init__(self, dispatcher: Any, argnums: tuple[int, ...], before: str = "") -> None:
        self.parameters = list(inspect.signature(dispatcher.py_func).parameters.values())
        if any(p.kind in (p.VAR_POSITIONAL, p.VAR_KEYWORD) for p in self.parameters):
            raise UnsupportedFunction(
                f"the compiled function {dispatcher.__name__} takes any number of arguments (*args): "
                "give it a parameter for each, or a tuple"
            )
        self.names = [f"argument_{k}" for k in range(len(self.parameters))]
        self.defaults = {f"default_{k}": p.default for k, p in enumerate(self.parameters) if p.default is not p.empty}
        self.text = self._signature(self.names, before)
        self.active = [self.names[k] for k in argnums]

    def _signature(self, names: list[str], before: str) -> str:
        written = [f"{n}=default_{k}" if f"default_{k}" in self.defaults else n for k, n in enumerate(names)]
        return ", ".join([before] * bool(before) + written)

    def named_as_the_function(self, text: str, scope: dict[str, Any]) -> str:
        """The text with the user's names of parameters; names of ours that are the same are changed."""
        for name in {p.name for p in self.parameters} & set(re.findall(r"\b[A-Za-z_]\w*", text)):
            text = re.sub(rf"(?<![.\w]){name}\b", f"fastad_{name}", text)
            if name in scope:
                scope[f"fastad_{name}"] = scope[name]
        for own, parameter in zip(self.names, self.parameters, strict=True):
            text = re.sub(rf"\b{own}\b", parameter.name, text)
        return text

    def starts(self) -> list[str]:
        """Statements that count the independents: `start_x` is the number of x's first one, `size` that of all."""
        lines, start = [], "0"
        for name in self.active:
            lines.append(f"start_{name} = {start}")
            start = f"start_{name} + size_of({name})"
        return [*lines, f"size = {start}"]

    def arguments(self, tape: str, seeds: str) -> str:
        """The tuple of arguments, the active ones made active."""
        parts = [
            f"activate({n}, start_{n}, {tape}, {seeds})" if n in self.active else f"passive({n})" for n in self.names
        ]
        return "(" + "".join(f"{part}, " for part in parts) + ")"

    def collected(self, source: str, several: bool) -> str:
        parts = [f"collect({name}, {source}, start_{name})" for name in self.active]
        return "(" + "".join(f"{part}, " for part in parts) + ")" if several else parts[0]


def normalised(argnums: Any, dispatcher: Any) -> tuple[tuple[int, ...], bool]:
    """Argument numbers as a tuple, and whether a tuple was given."""
    several = isinstance(argnums, tuple)
    numbers = argnums if several else (argnums,)
    count = len(inspect.signature(dispatcher.py_func).parameters)
    for k in numbers:
        if not isinstance(k, int | np.integer) or not -count <= k < count:
            raise ArgumentIndexError(f"argnums={argnums!r}: {dispatcher.__name__} has {count} arguments")
    return tuple(int(k) % count for k in numbers), several


def _compiled(name: str, dispatcher: Any, kind: ActiveType, lines: list[str], call: Call, **more: Any) -> Any:
    cell = Cell()
    scope: dict[str, Any] = {
        "f": active_version(dispatcher, kind), "activate": activator(kind), "size_of": size_of, "collect": collect,
        "passive": passive_argument(kind, dispatcher in work_arrays), "scalar": scalar, "value_of": value_of,
        "slot_of": slot_of, "slope_of": slope_of, "tangent_of": tangent_of,
        "take": take, "give": give, "drop_tape": drop_tape, "begin": begin,
        "guarded_call": guarded_call, "word_at": word_at, "np": np,
        "CELL": cell.address, "BYTES": entry_size(kind), "NUMBER": number_size(kind),
        "LENGTH": LENGTH, "LIMIT": LIMIT, "LANES": LANES,
        "TapeTooLarge": TapeTooLarge, "count_of": count_of, "write_tangents": write_tangents,
        "write_edges": write_edges,
        "load": load, "FLOAT64": np.dtype(np.float64),
        **call.defaults, **more,
    }  # fmt: skip
    text = f"def {name}({call.text}):\n" + "\n".join("    " + line for line in lines)
    text = call.named_as_the_function(text, scope) if name == "value_and_grad" else text
    exec(compile(text, f"<{name} of {dispatcher.__name__}>", "exec"), scope)
    compiled = njit(error_model="numpy", nogil=True)(scope[name])
    compiled.fastad_cell = cell  # type: ignore[attr-defined]  # lives as long as the function
    return explains_errors(compiled, dispatcher)


TOO_LARGE = (
    f"a compiled function carries out more than {LIMIT} operations, which is what its tape has room for: differentiate "
    "it in parts, with respect to fewer arguments, or with mode='forward'"
)


def reverse_value_and_grad(dispatcher: Any, argnums: Any = 0, with_value: bool = True) -> Any:
    """value_and_grad by a tape of edges and one adjoint sweep."""
    numbers, several = normalised(argnums, dispatcher)
    call = Call(dispatcher, numbers)
    lines = [
        *call.starts(), "tape = take(CELL, BYTES)", "begin(tape, size, BYTES, NUMBER)",
        f"result = scalar(guarded_call(f, {call.arguments('tape', '0')}, CELL, tape))",
        "if word_at(tape, LENGTH) > LIMIT:", "    drop_tape(tape)", f"    raise TapeTooLarge({TOO_LARGE!r})",
        "bars = sweep(tape, slot_of(result), slope_of(result), size)",
        f"gradient = {call.collected('bars', several)}", "give(CELL, tape)",
        "return value_of(result) + 0.0, gradient" if with_value else "return gradient",
    ]  # fmt: skip
    return _compiled("value_and_grad", dispatcher, EDGES, lines, call, sweep=sweeps(EDGES)[0])


def forward_value_and_grad(dispatcher: Any, argnums: Any = 0, with_value: bool = True, lanes: int = LANES) -> Any:
    """value_and_grad by tangents, `lanes` independents at a time."""
    numbers, several = normalised(argnums, dispatcher)
    call = Call(dispatcher, numbers)
    lines = [
        *call.starts(), "flat, value, first = np.empty(size), 0.0, 0", "while True:",
        f"    result = scalar(guarded_call(f, {call.arguments('0', 'first')}, CELL, 0))",
        "    value = value_of(result) + 0.0", f"    for k in range(min({lanes}, size - first)):",
        "        flat[first + k] = tangent_of(result, k)", f"    first += {lanes}",
        "    if first >= size:", "        break",
        f"gradient = {call.collected('flat', several)}", "return value, gradient" if with_value else "return gradient",
    ]  # fmt: skip
    return _compiled("value_and_grad", dispatcher, DualType(lanes), lines, call)


# --- passes over flat numbers, for the transforms of Python ----------------------------------------------------
def tangents_pass(dispatcher: Any, argnums: tuple[int, ...], lanes: int) -> Any:
    """(seeds (k, n), *arguments) -> tangents (k, m), k <= lanes."""
    call = Call(dispatcher, argnums, "seeds")
    lines = [
        *call.starts(), f"result = guarded_call(f, {call.arguments('0', 'seeds')}, CELL, 0)",
        "out = np.zeros((seeds.shape[0], count_of(result)))", "write_tangents(result, out, 0)", "return out",
    ]  # fmt: skip
    return _compiled("tangents", dispatcher, DualType(lanes), lines, call)


def _recording(call: Call) -> list[str]:
    return [
        *call.starts(), "tape = take(CELL, BYTES)", "begin(tape, size, BYTES, NUMBER)",
        f"result = guarded_call(f, {call.arguments('tape', 'seeds')}, CELL, tape)",
        "if word_at(tape, LENGTH) > LIMIT:", "    drop_tape(tape)", f"    raise TapeTooLarge({TOO_LARGE!r})",
        "count = count_of(result)", "slots, slopes = np.empty(count, np.int64), component_zeros(count)",
        "write_edges(result, (slots, slopes), 0)",
    ]  # fmt: skip


def adjoints_pass(dispatcher: Any, argnums: tuple[int, ...]) -> Any:
    """(weights (k, m), *arguments) -> adjoints (k, n)."""
    call = Call(dispatcher, argnums, "weights")
    lines = [
        "seeds = 0", *_recording(call), "out = np.empty((weights.shape[0], size))", "for k in range(weights.shape[0]):",
        "    bars = sweep(tape, slots, slopes, weights[k], size)", "    for i in range(size):",
        "        out[k, i] = load(FLOAT64, bars + 8 * (i + 1))", "give(CELL, tape)", "return out",
    ]  # fmt: skip
    zeros = inlined(lambda count: np.zeros(count))
    return _compiled("adjoints", dispatcher, EDGES, lines, call, sweep=sweeps(EDGES)[1], component_zeros=zeros)


def recorded_value(dispatcher: Any, argnums: tuple[int, ...]) -> Any:
    """(*arguments) -> the value, recorded and not swept: what recording costs."""
    call = Call(dispatcher, argnums)
    lines = ["seeds = 0", *_recording(call), "give(CELL, tape)", "return value_of(scalar(result))"]
    zeros = inlined(lambda count: np.zeros(count))
    return _compiled("recorded_value", dispatcher, EDGES, lines, call, component_zeros=zeros)


def second_order_pass(dispatcher: Any, argnums: tuple[int, ...], lanes: int) -> Any:
    """(weights (m,), seeds (k, n), *arguments) -> the tangents (k, n) of the adjoints, k <= lanes."""
    call, kind = Call(dispatcher, argnums, "weights, seeds"), EdgesType(DualType(lanes))
    width = bytes_of(kind.component)
    lines = [
        *_recording(call), "bars = sweep(tape, slots, slopes, weights, size)", "out = np.empty(seeds.shape)",
        "for i in range(size):", "    for k in range(seeds.shape[0]):",
        f"        out[k, i] = load(FLOAT64, bars + {width} * (i + 1) + 8 * (k + 1))", "give(CELL, tape)", "return out",
    ]  # fmt: skip
    zeros = allocator(kind.component)  # type: ignore[arg-type]
    return _compiled("second_order", dispatcher, kind, lines, call, sweep=sweeps(kind)[1], component_zeros=zeros)


def second_tangents_pass(dispatcher: Any, argnums: tuple[int, ...]) -> Any:
    """(weights (m,), seeds (k, n), *arguments) -> the derivatives along each seed and each input, (k, n), weighted."""
    call = Call(dispatcher, argnums, "weights, seeds")
    lines = [
        *call.starts(), "out = np.zeros(seeds.shape)", "for k in range(seeds.shape[0]):",
        "    for first in range(0, size, LANES):",
        f"        result = guarded_call(f, {call.arguments('0', '(seeds[k], first)')}, CELL, 0)",
        "        write_second(result, (weights, out[k, first : first + LANES]), 0)", "return out",
    ]  # fmt: skip
    kind = DualType(1, DUALS)
    return _compiled("second_tangents", dispatcher, kind, lines, call, write_second=write_second_tangents)


def recording_pass(dispatcher: Any, argnums: tuple[int, ...]) -> Any:
    """(*arguments) -> the tape's address, values (m,) and slots (m,); the caller gives the tape back."""
    call = Call(dispatcher, argnums)
    lines = [
        *call.starts(), "tape = take(CELL, BYTES)", "begin(tape, size, BYTES, NUMBER)", "forget_constants(tape)",
        f"result = guarded_call(f, {call.arguments('tape', '0')}, CELL, tape)",
        "if word_at(tape, LENGTH) > LIMIT:", "    drop_tape(tape)", f"    raise TapeTooLarge({TOO_LARGE!r})",
        "count = count_of(result)", "slots, values = np.empty(count, np.int64), np.empty(count)",
        "write_slots(result, slots, 0)", "write_values(result, values, 0)", "return tape, values, slots",
    ]  # fmt: skip
    more = {"forget_constants": forget_constants, "write_slots": write_slots, "write_values": write_values}
    return _compiled("recorded", dispatcher, TAPE, lines, call, **more)


def jvp(dispatcher: Any) -> Any:
    """(primals, tangents) -> value and tangent in the structure of the result."""
    kind = DualType(1)
    scope: dict[str, Any] = {
        "f": active_version(dispatcher, kind), "paired": pairing(kind, passive_argument(kind, False)),
        "guarded_call": guarded_call,
        "result_values": result_values, "result_tangents": result_tangents,
    }  # fmt: skip
    lines = ["def jvp(primals, tangents):", "    result = guarded_call(f, paired(primals, tangents), 0, 0)",
             "    return result_values(result), result_tangents(result)"]  # fmt: skip
    exec(compile("\n".join(lines), f"<jvp of {dispatcher.__name__}>", "exec"), scope)
    return explains_errors(njit(error_model="numpy", nogil=True)(scope["jvp"]), dispatcher)
