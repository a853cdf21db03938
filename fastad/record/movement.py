"""Functions that only move data: NumPy's own function, applied to the values and to the slots.

No instruction is recorded and no derivative rule is needed. Where NumPy fills with zeros (`diag`,
`tril`, ...), slots are counted from the slot of the constant 0 while NumPy works on them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.lib import stride_tricks

from fastad.errors import UnsupportedFunction
from fastad.record.builder import constant_slots, user_line
from fastad.record.elementwise import numeric
from fastad.record.indexing import concrete
from fastad.record.library import from_numpy, named_first
from fastad.record.passive import wrap_passive
from fastad.record.reductions import finish
from fastad.record.traced import (
    TracedArray,
    TracedScalar,
    as_array,
    builder_for,
    is_traced,
    moved,
    plain,
    scalar_of,
)

ONE = """reshape ravel transpose permute_dims matrix_transpose moveaxis swapaxes rollaxis squeeze expand_dims
    broadcast_to flip fliplr flipud rot90 roll take take_along_axis repeat tile diagonal delete split array_split
    hsplit vsplit dsplit unstack""".split()
FILLING = "diag diagflat tril triu resize".split()
FROM_NUMPY = """append insert pad fill_diagonal tril_indices_from triu_indices_from
    diag_indices_from""".split()
SEVERAL = "concatenate concat stack vstack hstack dstack column_stack block".split()
SPREAD = "atleast_1d atleast_2d atleast_3d broadcast_arrays meshgrid".split()


def slots_of(builder: Any, x: Any) -> np.ndarray:
    """Slots of a traced or passive array-like."""
    if type(x) is TracedScalar:
        return np.array(x.slot)
    if type(x) is TracedArray and not x.passive:
        return x.slots
    return constant_slots(builder, np.asarray(numeric(x), np.float64))


def _wrap(source: TracedArray, value: Any, slots: Any) -> Any:
    if isinstance(value, list | tuple):
        return type(value)(_wrap(source, v, s) for v, s in zip(value, slots, strict=True))
    return moved(source, value, slots)


def _move_one(function: Callable[..., Any], filling: bool) -> Callable[..., Any]:
    def move(a: Any, *args: Any, out: Any = None, **kwargs: Any) -> Any:
        from fastad.record.creation import gather_objects

        x = gather_objects(a)
        x = as_array(x) if type(x) in (TracedScalar, TracedArray) else TracedArray(np.array(numeric(x)))
        options = {name: concrete(value) for name, value in kwargs.items()}
        return finish(moved_by(function, filling, x, *concrete(args), **options), out)

    return named_first(function, move)


def moved_by(function: Callable[..., Any], filling: bool, x: TracedArray, *args: Any, **kwargs: Any) -> Any:
    """What a data movement makes of an array."""
    value = function(x.value, *args, **kwargs)
    if x.passive:
        return wrap_passive(value, x)
    part = x.part(value) if type(value) is np.ndarray and not filling else None
    if part is not None:
        return part
    zero = builder_for((x,)).constant(0.0) if filling else 0
    slots = function(x.slots - zero, *args, **kwargs) + zero if filling else function(x.slots, *args, **kwargs)
    return _wrap(x, value, slots)


def _several(builder: Any, parts: Any) -> tuple[Any, Any]:
    """Values and slots of a sequence of arrays, nested as `np.block` allows."""
    if isinstance(parts, list | tuple) and type(parts) is not TracedArray:
        pairs = [_several(builder, part) for part in parts]
        return [value for value, _ in pairs], [slots for _, slots in pairs]
    return np.asarray(plain(parts)), slots_of(builder, parts)


def _traced_parts(parts: Any) -> list[Any]:
    if type(parts) in (list, tuple):
        return [traced for part in parts for traced in _traced_parts(part)]
    return [parts] if is_traced(parts) else []


def _move_several(function: Callable[..., Any]) -> Callable[..., Any]:
    def move(parts: Any, *args: Any, out: Any = None, dtype: Any = None, casting: Any = None, **kwargs: Any) -> Any:
        from fastad.record.creation import checked, gather_objects

        parts = list(parts) if type(parts) is not TracedArray else [parts[i] for i in range(len(parts))]
        if function is not np.block:
            parts = [gather_objects(part) for part in parts]
        traced = _traced_parts(parts)
        if not traced:
            values = _several(None, parts)[0] if function is np.block else [plain(p) for p in parts]
            return finish(wrap_passive(function(values, *args, **kwargs)), out)
        checked(dtype)
        builder = builder_for(tuple(traced))
        values, slots = _several(builder, parts)
        joined = TracedArray(function(values, *args, **kwargs), function(slots, *args, **kwargs), builder)
        return finish(joined, out)

    return named_first(function, move)


def _move_spread(function: Callable[..., Any]) -> Callable[..., Any]:
    def move(*parts: Any, **kwargs: Any) -> Any:
        from fastad.record.creation import gather_objects

        arrays = [as_array(p) if is_traced(p) else p for p in map(gather_objects, parts)]
        values = function(*(np.asarray(plain(p)) for p in arrays), **kwargs)
        traced = [p for p in arrays if is_traced(p)]
        if not traced:
            return wrap_passive(values)
        builder = builder_for(tuple(traced))
        slots = function(*(slots_of(builder, p) for p in arrays), **kwargs)
        if not isinstance(values, list | tuple):
            return moved(arrays[0], values, slots)
        return type(values)(
            moved(a, v, s) if is_traced(a) else TracedArray(v, s, builder)
            for a, v, s in zip(arrays, values, slots, strict=True)
        )

    return move


def _where_moving(mask: np.ndarray, a: Any, b: Any) -> Any:
    """`np.where` with a mask that depends on nothing: a choice of slots."""
    builder = builder_for((a, b))
    value = np.where(mask, plain(a), plain(b))
    slots = np.where(mask, slots_of(builder, a), slots_of(builder, b))
    return TracedArray(value, slots, builder) if value.ndim else scalar_of(builder, int(slots), value[()])


def _compress(condition: Any, a: Any, axis: int | None = None, out: Any = None) -> Any:
    kept = np.flatnonzero(concrete(condition))
    return MOVERS[np.take](np.ravel(a) if axis is None else a, kept, 0 if axis is None else axis, out=out)


# --- in place ---------------------------------------------------------------------------------------
def _copyto(dst: Any, src: Any, casting: str = "same_kind", where: Any = True) -> None:
    if where is True:
        dst[...] = src
    else:
        dst[...] = np.where(where, src, dst)


def _put(a: Any, ind: Any, v: Any, mode: Any = "raise") -> None:
    np.put(np.empty(np.shape(a)), ind := np.asarray(concrete(ind)).ravel(), 0.0, mode)  # NumPy's own error
    ind = np.clip(ind, 0, a.size - 1) if mode == "clip" else ind % a.size
    a[np.unravel_index(ind, a.shape)] = np.resize(v, ind.size)


def _strided(function: Callable[..., Any]) -> Callable[..., Any]:
    """A function that makes a view by strides; NumPy's own result hides whose memory it is."""

    def view(x: Any, *args: Any, **kwargs: Any) -> Any:
        from fastad.record.creation import gather_objects

        x = gather_objects(x)
        x = as_array(x) if type(x) in (TracedScalar, TracedArray) else TracedArray(np.array(numeric(x)))
        value, memory = function(x.value, *args, **kwargs), x.root.value
        if not memory.flags.c_contiguous:
            raise UnsupportedFunction(f"np.{function.__name__} at {user_line()} of an array in another order: copy it")
        offset = value.__array_interface__["data"][0] - memory.__array_interface__["data"][0]
        shared = np.ndarray(value.shape, value.dtype, memory, offset, value.strides)
        shared.flags.writeable = value.flags.writeable
        return TracedArray(shared, None, x.root.builder, x.root)

    return named_first(function, view)


def _functions(names: list[str]) -> list[Callable[..., Any]]:
    """Those of the names that this version of NumPy has."""
    return [getattr(np, name) for name in names if hasattr(np, name)]


SEQUENCE_MOVERS = {
    **{function: _move_several(function) for function in _functions(SEVERAL)},
    np.linalg.multi_dot: from_numpy(np.linalg.multi_dot),
}
MOVERS: dict[Callable[..., Any], Callable[..., Any]] = {
    **{function: _move_one(function, False) for function in _functions(ONE)},
    **{function: _move_one(function, True) for function in _functions(FILLING)},
    **SEQUENCE_MOVERS,
    **{function: _move_spread(function) for function in _functions(SPREAD)},
    **{function: from_numpy(function) for function in _functions(FROM_NUMPY)},
    np.compress: _compress,
    np.copyto: _copyto,
    np.put: _put,
    stride_tricks.as_strided: _strided(stride_tricks.as_strided),
    stride_tricks.sliding_window_view: _strided(stride_tricks.sliding_window_view),
}
