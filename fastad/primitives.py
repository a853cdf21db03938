"""Operations with derivative rules of their own: linear algebra, special functions, what users define.

Theory of operation. A `Primitive` knows its value, its tangent (`push`) and its adjoint (`pull`) as functions of
NumPy arrays. On a tape it is one block of the operation `call`, whatever the sizes; what is called, and with arrays of
which shapes, is a `Call`, which the program keeps. The kernels reach a call through an address: that of native code
where a rule is compiled, else of one callback that takes the interpreter's lock and shows the rule a part of the
workspace as arrays. An error inside a rule cannot pass through a kernel: it is kept (`raise_pending`) and the kernel
told that the sweep has failed.

While another derivative is recorded, the rules run on traced arrays and become instructions themselves; so they are
written in NumPy, without branches on values, and second derivatives need no further rule.
"""

from __future__ import annotations

import ctypes
import itertools
import math
import threading
import weakref
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from fastad.errors import InvalidTape, RuleMismatch
from fastad.kernels import layout as at

Shape = tuple[int, ...]
OPERANDS = 3  # of a block; further arguments share the last one
_known: weakref.WeakValueDictionary[str, Primitive] = weakref.WeakValueDictionary()
_calls: weakref.WeakValueDictionary[int, Call] = weakref.WeakValueDictionary()
_handles = itertools.count(1)
_thread = threading.local()


class Primitive:
    """A function of real arrays with rules for its derivatives.

    Attributes
    ----------
    name : str
        By which saved tapes find it; for NumPy's and SciPy's functions theirs.
    value : callable
        ``value(*args, **options)``: an array or a tuple of arrays of float64.
    pull : callable
        ``pull(result, args, weight, wanted, **options)``: for every argument an array of its shape, its adjoint;
        None where it is zero or, by `wanted` (a bool each), not asked for. `weight` is shaped like the result.
    push : callable, optional
        ``push(result, args, tangents, **options)``: the tangent of the result; a tangent that is None is zero.
        Without it, as many pulls are done as the result has elements.
    steps : tuple of int
        Positions of arguments on which the result depends without a derivative.
    borrows : bool
        Whether the rules neither keep nor change what they are given, so that a sweep need not copy it for them.
    """

    is_user_defined = False
    borrows = False

    def __init__(
        self, name: str, value: Callable[..., Any], pull: Callable[..., Any], push: Callable[..., Any] | None = None,
        steps: tuple[int, ...] = (),
    ) -> None:  # fmt: skip
        self.name, self.value, self.pull, self.push, self.steps = name, value, pull, push, steps
        _known[name] = self

    def __repr__(self) -> str:
        return f"<primitive {self.name}>"

    def __reduce__(self) -> Any:
        return primitive_named, (self.saved_name(),)

    @property
    def is_native(self) -> bool:
        """Whether the kernels can call this primitive without the interpreter."""
        return False

    def saved_name(self) -> str:
        """The name in pickles and files."""
        return self.name

    def address(self, call: Call) -> int:
        """Where the kernels enter; a compiled rule has an address of its own."""
        return CALLBACK

    def reference(self, call: Call) -> int:
        """The number that the kernels pass on to that address."""
        return call.handle


def primitive_named(name: str) -> Primitive:
    """The primitive that a saved tape names."""
    from importlib import import_module

    from fastad.record.libraries import TABLES

    import_module("fastad.record.functions")  # what fastad itself defines is there then,
    for module, ours in TABLES.items():
        if name.startswith(f"{module}."):
            import_module(ours)  # and what needs SciPy here
    found = _known.get(name)
    if found is None:
        raise InvalidTape(f"the tape calls the primitive {name!r}, which nobody has defined: define it first")
    return found


class Call:
    """A primitive with the shapes of its arguments and results, and its options.

    Attributes
    ----------
    shapes, results : tuple of shapes
    single : bool
        Whether the primitive returns an array, not a tuple.
    options : tuple of (name, value)
    handle : int
        The number by which the kernels name it, in this process.
    where : str
        The user's line that recorded it; empty once the tape has been saved.
    native_words : array of int64 or None
        What native code is told of the call.
    """

    native_words: np.ndarray | None

    def __init__(
        self, primitive: Primitive, shapes: Sequence[Shape], results: Sequence[Shape], single: bool,
        options: tuple[tuple[str, Any], ...] = (),
    ) -> None:  # fmt: skip
        self.primitive, self.options, self.single = primitive, options, single
        self.shapes, self.results = tuple(map(tuple, shapes)), tuple(map(tuple, results))
        self.handle, self.native_words, self.where = next(_handles), None, ""
        _calls[self.handle] = self

    def __reduce__(self) -> Any:
        return Call, (self.primitive, self.shapes, self.results, self.single, self.options)

    @property
    def key(self) -> tuple[Any, ...]:
        return (self.primitive, self.shapes, self.results, self.single, self.options)

    @property
    def operand_counts(self) -> tuple[int, ...]:
        """Numbers in each operand of the block: an argument each, and all that are left in the last one."""
        sizes = [math.prod(shape) for shape in self.shapes]
        sizes += [0] * (OPERANDS - len(sizes))
        return (*sizes[: OPERANDS - 1], sum(sizes[OPERANDS - 1 :]))

    @property
    def length(self) -> int:
        """Numbers in all results."""
        return sum(math.prod(shape) for shape in self.results)

    # --- rules on flat arrays -----------------------------------------------------------------------
    def arguments(self, operands: Sequence[Any]) -> list[Any]:
        """The arguments, from the block's operands (flat arrays, traced or not)."""
        own = [np.reshape(x, shape) for x, shape in zip(operands[:-1], self.shapes[: OPERANDS - 1], strict=False)]
        return own + _parts(operands[-1], self.shapes[OPERANDS - 1 :])

    def result(self, flat: Any) -> Any:
        """The result as the rules see it."""
        parts = _parts(flat, self.results)
        return parts[0] if self.single else tuple(parts)

    def value(self, operands: Sequence[np.ndarray]) -> np.ndarray:
        """All results in one array."""
        value = self.primitive.value(*self.arguments(operands), **dict(self.options))
        return _joined(self._outputs(value), self.results, f"the value of {self.primitive.name}")

    def _outputs(self, value: Any) -> Sequence[Any]:
        return (value,) if self.single else value

    def push(self, y: Any, operands: Sequence[Any], tangents: Sequence[Any]) -> Any:
        """The tangent of the results; a tangent that is None is zero."""
        if all(tangent is None for tangent in tangents):
            return np.zeros(self.length)
        args, result = self.arguments(operands), self.result(y)
        dots = self._spread(tangents)
        if self.primitive.push is None:
            return self._push_by_pulls(result, args, dots)
        out = self.primitive.push(result, args, dots, **dict(self.options))
        return _joined(self._outputs(out), self.results, f"the tangent of {self.primitive.name}")

    def _spread(self, per_operand: Sequence[Any]) -> list[Any]:
        """What each argument has of what each operand has (None or a flat array)."""
        empty = [None] * len(self.shapes[OPERANDS - 1 :])
        own = [
            x if x is None else np.reshape(x, s)
            for x, s in zip(per_operand[:-1], self.shapes[: OPERANDS - 1], strict=False)
        ]
        return own + (empty if per_operand[-1] is None else _parts(per_operand[-1], self.shapes[OPERANDS - 1 :]))

    def _push_by_pulls(self, result: Any, args: list[Any], dots: list[Any]) -> np.ndarray:
        wanted, out = [dot is not None for dot in dots], np.zeros(self.length)
        for i, unit in enumerate(np.eye(self.length)):
            bars = self.primitive.pull(result, args, self.result(unit), wanted, **dict(self.options))
            pairs = [(b, d) for b, d in zip(bars, dots, strict=True) if b is not None and d is not None]
            out[i] = sum(float(np.sum(absolute_product(b, d))) for b, d in pairs)
        return out

    def pull(self, y: Any, operands: Sequence[Any], weight: Any, active: int) -> list[Any]:
        """The adjoints of the operands, each flat or None, for a weight of the results."""
        args, result = self.arguments(operands), self.result(y)
        wanted = [active >> min(k, OPERANDS - 1) & 1 == 1 for k in range(len(args))]
        bars = self.primitive.pull(result, args, self.result(weight), wanted, **dict(self.options))
        if len(bars) != len(args):
            raise RuleMismatch(
                f"the pull of {self.primitive.name} returned {len(bars)} adjoints for {len(args)} arguments"
            )
        flat = [self._flat_adjoint(k, bar) for k, bar in enumerate(bars)]
        own, rest = flat[: OPERANDS - 1], flat[OPERANDS - 1 :]
        own += [None] * (OPERANDS - 1 - len(own))
        if all(bar is None for bar in rest):
            return [*own, None]
        zeros = [np.zeros(math.prod(shape)) for shape in self.shapes[OPERANDS - 1 :]]
        filled = [zero if bar is None else bar for bar, zero in zip(rest, zeros, strict=True)]
        return [*own, np.concatenate(filled) if len(filled) > 1 else filled[0]]

    def _flat_adjoint(self, k: int, bar: Any) -> Any:
        if bar is None:
            return None
        if np.shape(bar) != self.shapes[k]:
            raise RuleMismatch(
                f"the pull of {self.primitive.name} returned an array of shape {np.shape(bar)} for argument {k}, whose "
                f"shape is {self.shapes[k]}"
            )
        return np.reshape(bar, -1)


def _parts(flat: Any, shapes: Sequence[Shape]) -> list[Any]:
    """Consecutive parts of a flat array, shaped."""
    parts, start = [], 0
    for shape in shapes:
        size = math.prod(shape)
        parts.append(np.reshape(flat[start : start + size], shape))
        start += size
    return parts


def _joined(parts: Sequence[Any], shapes: Sequence[Shape], what: str) -> Any:
    found = [np.shape(part) for part in parts]
    if found != list(shapes):
        raise RuleMismatch(f"{what} has the shapes {found}, but {list(shapes)} are needed")
    flat = [np.reshape(part, -1) for part in parts]
    return flat[0] if len(flat) == 1 else np.concatenate(flat)


def absolute_product(d: Any, t: Any) -> Any:
    """d * t, where a factor that is exactly 0 gives exactly 0; on plain and on traced arrays."""
    from fastad.ops import BY_NAME
    from fastad.record.elementwise import elementwise
    from fastad.record.traced import is_traced

    if is_traced(d) or is_traced(t):
        return elementwise(BY_NAME["absolute_zero_multiply"], d, t)
    with np.errstate(all="ignore"):
        return np.where((np.equal(d, 0.0)) | (np.equal(t, 0.0)), 0.0, np.multiply(d, t))[()]


class Elementwise(Primitive):
    """A primitive that works element by element, with broadcasting.

    `partials` has a function for each argument, ``partial(result, *args, **options)``, or None where the result is
    a step in it.
    """

    def __init__(self, name: str, value: Callable[..., Any], partials: tuple[Callable[..., Any] | None, ...]) -> None:
        super().__init__(name, value, self._pull, self._push, tuple(k for k, p in enumerate(partials) if p is None))
        self.partials = partials

    def _pull(self, result: Any, args: list[Any], weight: Any, wanted: list[bool], **options: Any) -> list[Any]:
        bars: list[Any] = []
        for partial, is_wanted in zip(self.partials, wanted, strict=True):
            use = is_wanted and partial is not None
            bars.append(absolute_product(partial(result, *args, **options), weight) if use else None)  # type: ignore[misc]
        return bars

    def _push(self, result: Any, args: list[Any], tangents: list[Any], **options: Any) -> Any:
        total: Any = np.zeros(np.shape(result))
        for partial, dot in zip(self.partials, tangents, strict=True):
            if partial is not None and dot is not None:
                total = total + absolute_product(partial(result, *args, **options), dot)
        return total


# --- what the kernels call ----------------------------------------------------------------------------
def _enter(handle, task, active, lanes, work, failed, x0, x1, x2, y, a0, a1, a2, b):  # type: ignore[no-untyped-def]
    """Carry out a task of a call on parts of the workspace; the arguments are offsets into it."""
    try:
        call = _calls[handle]
        with np.errstate(all="ignore"):
            _run(call, task, active, lanes, _Memory(work), (x0, x1, x2), y, (a0, a1, a2), b)
    except BaseException as error:
        _thread.pending = (task, error)
        ctypes.c_int64.from_address(failed).value = 1


class _Memory:
    """Parts of the workspace as arrays."""

    def __init__(self, address: int) -> None:
        self.address = address

    def part(self, offset: int, count: int) -> np.ndarray:
        if count == 0:
            return np.empty(0)
        return np.frombuffer((ctypes.c_double * count).from_address(self.address + 8 * offset), np.float64)  # type: ignore[call-overload]


def _given(part: np.ndarray, borrowed: bool) -> np.ndarray:
    """What a rule gets of the workspace, which is used again: a copy, or a view that it cannot write to."""
    if not borrowed:
        return part.copy()
    part = part.view()
    part.flags.writeable = False
    return part


def _run(call: Call, task: int, active: int, lanes: int, memory: _Memory, x: Any, y: int, a: Any, b: int) -> None:
    counts, length, borrows = call.operand_counts, call.length, call.primitive.borrows
    operands = [_given(memory.part(start, count), borrows) for start, count in zip(x, counts, strict=True)]
    if task == at.CALL_VALUE:
        memory.part(y, length)[:] = call.value(operands)
        return
    result = _given(memory.part(y, length), borrows)
    others = [memory.part(start, count * lanes) for start, count in zip(a, counts, strict=True)]
    others = [part.reshape(-1, lanes) for part in others]
    out = memory.part(b, length * lanes).reshape(-1, lanes)
    for lane in range(lanes):
        if task == at.CALL_PUSH:
            dots = [part[:, lane].copy() if active >> k & 1 else None for k, part in enumerate(others)]
            out[:, lane] = call.push(result, operands, dots)
            continue
        weight = _given(out[:, lane], borrows and lanes == 1)
        bars = call.pull(result, operands, weight, active) if weight.any() else [None] * OPERANDS
        for k, (part, bar) in enumerate(zip(others, bars, strict=True)):
            if active >> k & 1:
                part[:, lane] = 0.0 if bar is None else bar


_PROTOTYPE = ctypes.CFUNCTYPE(None, *(ctypes.c_int64,) * 4, *(ctypes.c_void_p,) * 2, *(ctypes.c_int64,) * 8)
_callback = _PROTOTYPE(_enter)  # lives as long as kernels may call it
CALLBACK: int = ctypes.cast(_callback, ctypes.c_void_p).value or 0


def forget_pending() -> None:
    """Before a sweep: what an earlier one ended in is not this one's."""
    _thread.pending = None


def raise_pending(values_too: bool = True) -> None:
    """Raise the error that a rule ended in, in this thread's last sweep.

    Without `values_too`, an error of a value is dropped: the function itself, run again, will raise it.
    """
    pending, _thread.pending = getattr(_thread, "pending", None), None
    if pending is not None and (values_too or pending[0] != at.CALL_VALUE):
        raise pending[1]
