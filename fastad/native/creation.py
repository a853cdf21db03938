"""What makes arrays in functions that are recorded: put by the compiler in place of NumPy's own.

Theory of operation. The first argument, the anchor, is an active argument of the function that makes the array, and
tells the tape. Arrays of floats become active arrays of passive numbers; arrays of other types stay NumPy's.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import types
from numba.extending import overload

from fastad.native.arrays import holds_active, is_array, members, plain_array, tape_of
from fastad.native.elementals import is_active, lift_to
from fastad.native.types import MAKE_ARRAY


def _creator(fill: Any) -> Any:
    def create(anchor, shape, dtype=None):  # type: ignore[no-untyped-def]
        raise NotImplementedError

    @overload(create)
    def created(anchor, shape, dtype=None):  # type: ignore[no-untyped-def]
        if not _is_float(dtype):
            if fill is None:
                return lambda anchor, shape, dtype=None: np.empty(shape, dtype)
            return (
                (lambda anchor, shape, dtype=None: np.zeros(shape, dtype))
                if fill == 0.0
                else (lambda anchor, shape, dtype=None: np.ones(shape, dtype))
            )
        make_array, start = MAKE_ARRAY[_kind_in(anchor)], 0.0 if fill is None else fill
        return lambda anchor, shape, dtype=None: make_array(
            tape_of(anchor), np.zeros(shape, np.int64), np.full(shape, start)
        )

    return create


def _creator_like(fill: Any) -> Any:
    def create(anchor, a, dtype=None):  # type: ignore[no-untyped-def]
        raise NotImplementedError

    @overload(create)
    def created(anchor, a, dtype=None):  # type: ignore[no-untyped-def]
        whole = plain_array(a) and not isinstance(a.dtype, types.Float)
        if not _is_float(dtype) or (whole and dtype in (None, types.none)):
            return (
                (lambda anchor, a, dtype=None: np.zeros_like(a))
                if fill == 0.0
                else (lambda anchor, a, dtype=None: np.ones_like(a))
            )
        make_array = MAKE_ARRAY[_kind_in(anchor)]
        return lambda anchor, a, dtype=None: make_array(
            tape_of(anchor), np.zeros(a.shape, np.int64), np.full(a.shape, fill)
        )

    return create


def _is_float(dtype: Any) -> bool:
    if dtype is None or isinstance(dtype, types.NoneType | types.Omitted):
        return True
    kind = getattr(dtype, "dtype", dtype)
    if isinstance(dtype, types.Function):  # `float`
        return float in getattr(dtype.typing_key, "__mro__", ())
    return isinstance(kind, types.Float)


def _kind_in(anchor: Any) -> str:
    if isinstance(anchor, types.BaseTuple):
        return next(_kind_in(kind) for kind in members(anchor) if holds_active(kind))
    return anchor.kind


def full(anchor, shape, fill_value, dtype=None):  # type: ignore[no-untyped-def]
    raise NotImplementedError


@overload(full)
def _full(anchor, shape, fill_value, dtype=None):  # type: ignore[no-untyped-def]
    if isinstance(fill_value, types.Integer) and (dtype is None or isinstance(dtype, types.NoneType | types.Omitted)):
        return lambda anchor, shape, fill_value, dtype=None: np.full(shape, fill_value)
    if not _is_float(dtype):
        return lambda anchor, shape, fill_value, dtype=None: np.full(shape, fill_value, dtype)
    kind = _kind_in(anchor)
    make_array, raised = MAKE_ARRAY[kind], lift_to(kind)

    def filled(anchor, shape, fill_value, dtype=None):  # type: ignore[no-untyped-def]
        one = raised(fill_value)
        return make_array(tape_of(anchor), np.full(shape, one._slot), np.full(shape, one._value))

    return filled


def array(anchor, numbers):  # type: ignore[no-untyped-def]
    raise NotImplementedError


@overload(array)
def _array(anchor, numbers):  # type: ignore[no-untyped-def]
    if is_array(numbers):
        return lambda anchor, numbers: numbers.copy()
    inside: Any = getattr(numbers, "dtype", None)
    if isinstance(numbers, types.UniTuple | types.List | types.ListType) and is_active(inside):
        make_array = MAKE_ARRAY[inside.kind]

        def stacked(anchor, numbers):  # type: ignore[no-untyped-def]
            slots, values = np.empty(len(numbers), np.int64), np.empty(len(numbers))
            for i in range(len(numbers)):
                slots[i], values[i] = numbers[i]._slot, numbers[i]._value
            return make_array(tape_of(anchor), slots, values)

        return stacked
    if isinstance(numbers, types.Tuple) and any(map(is_active, numbers.types)):
        return None
    return lambda anchor, numbers: np.array(numbers)


CREATORS: dict[Any, Any] = {
    np.zeros: _creator(0.0), np.ones: _creator(1.0), np.empty: _creator(None), np.zeros_like: _creator_like(0.0),
    np.ones_like: _creator_like(1.0), np.empty_like: _creator_like(0.0), np.full: full, np.array: array,
}  # fmt: skip
