"""Functions that only move data: NumPy's own function, applied to the values and to the slots.

No instruction is recorded and no derivative rule is needed. Where NumPy fills with zeros (`diag`,
`tril`, ...), slots are counted from the slot of the constant 0 while NumPy works on them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from fastad.errors import UnsupportedFunction
from fastad.record.builder import constant_slots, user_line
from fastad.record.elementwise import numeric
from fastad.record.indexing import _view_root, concrete
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
    broadcast_to flip fliplr flipud rot90 roll take take_along_axis repeat tile diagonal
    delete split array_split hsplit vsplit dsplit unstack""".split()
FILLING = "diag diagflat tril triu pad resize".split()
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


def wrap_passive(value: Any, source: TracedArray | None = None) -> Any:
    """Results of a function of passive arrays: float arrays may take traced values later."""
    if isinstance(value, list | tuple) and type(value) in (list, tuple):
        return type(value)(wrap_passive(v, source) for v in value)
    if type(value) is np.ndarray and value.dtype == np.float64 and value.ndim:
        return TracedArray(value, root=_view_root(source, value) if source is not None else None)
    return value


def _move_one(function: Callable[..., Any], filling: bool) -> Callable[..., Any]:
    def move(a: Any, *args: Any, **kwargs: Any) -> Any:
        args, kwargs = concrete(args), {k: concrete(v) for k, v in kwargs.items()}
        x = as_array(a) if type(a) in (TracedScalar, TracedArray) else TracedArray(np.array(numeric(a)))
        if filling and function is np.pad:
            _check_padding(args, kwargs)
        value = function(x.value, *args, **kwargs)
        if x.passive:
            return wrap_passive(value, x)
        part = x.part(value) if type(value) is np.ndarray and not filling else None
        if part is not None:
            return part
        zero = builder_for((x,)).constant(0.0) if filling else 0
        slots = function(x.slots - zero, *args, **kwargs) + zero if filling else function(x.slots, *args, **kwargs)
        return _wrap(x, value, slots)

    return move


def _check_padding(args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
    mode = args[1] if len(args) > 1 else kwargs.get("mode", "constant")
    moves = mode in ("edge", "reflect", "symmetric", "wrap", "constant")
    if not moves or np.any(kwargs.get("constant_values", 0) != 0):
        raise UnsupportedFunction(
            f"np.pad with mode={mode!r} at {user_line()}: fastad supports the modes that move data, and zeros; "
            "concatenate the padding yourself"
        )


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
    def move(parts: Any, *args: Any, **kwargs: Any) -> Any:
        from fastad.record.creation import gather_objects

        kwargs.pop("dtype", None), kwargs.pop("casting", None)
        parts = list(parts) if type(parts) is not TracedArray else [parts[i] for i in range(len(parts))]
        if function is not np.block:
            parts = [gather_objects(part) for part in parts]
        traced = _traced_parts(parts)
        if not traced:
            return wrap_passive(function(_several(None, [])[0] or [plain(p) for p in parts], *args, **kwargs))
        builder = builder_for(tuple(traced))
        values, slots = _several(builder, parts)
        joined = function(slots, *args, **kwargs)
        return TracedArray(function(values, *args, **kwargs), joined, builder)

    return move


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


def _insert(arr: Any, obj: Any, values: Any, axis: int | None = None) -> Any:
    builder = builder_for(tuple(x for x in (arr, values) if is_traced(x)))
    value = np.insert(plain(arr), obj, plain(values), axis)
    return TracedArray(value, np.insert(slots_of(builder, arr), obj, slots_of(builder, values), axis), builder)


def _append(arr: Any, values: Any, axis: int | None = None) -> Any:
    if axis is None:
        return MOVERS[np.concatenate]([np.ravel(arr), np.ravel(values)])
    return MOVERS[np.concatenate]([arr, values], axis)


def _copyto(dst: Any, src: Any, casting: str = "same_kind", where: Any = True) -> None:
    if where is True:
        dst[...] = src
    else:
        dst[...] = np.where(where, src, dst)


def _fill_diagonal(a: Any, val: Any, wrap: bool = False) -> None:
    n = min(a.shape)
    if a.ndim == 2 and not wrap:
        a[np.arange(n), np.arange(n)] = val
    else:
        raise UnsupportedFunction(f"np.fill_diagonal with wrap or ndim != 2 at {user_line()}: assign by index instead")


def _functions(names: list[str]) -> list[Callable[..., Any]]:
    """Those of the names that this version of NumPy has."""
    return [getattr(np, name) for name in names if hasattr(np, name)]


SEQUENCE_MOVERS = {function: _move_several(function) for function in _functions(SEVERAL)}
MOVERS: dict[Callable[..., Any], Callable[..., Any]] = {
    **{function: _move_one(function, False) for function in _functions(ONE)},
    **{function: _move_one(function, True) for function in _functions(FILLING)},
    **SEQUENCE_MOVERS,
    **{function: _move_spread(function) for function in _functions(SPREAD)},
    np.insert: _insert,
    np.append: _append,
    np.copyto: _copyto,
    np.fill_diagonal: _fill_diagonal,
}
