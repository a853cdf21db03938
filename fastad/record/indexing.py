"""Reading and writing elements of traced arrays: the same index on values and slots.

An index that is itself traced (a mask from a comparison) is looked at by Python, so it is guarded; a
masked assignment of one number is a `where` instead, which holds for every mask.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from fastad.errors import DerivativeCut
from fastad.ops import BY_NAME
from fastad.record.builder import constant_slots, user_line
from fastad.record.elementwise import elementwise
from fastad.record.traced import (
    TracedArray,
    TracedScalar,
    as_array,
    builder_for,
    is_traced,
    moved,
    owner,
    plain,
)


def only_for_guards(truth: Any) -> Any:
    """A comparison just recorded for a guard, not by the user: it gets no line and is no tie for `ad.kinks`."""
    if is_traced(truth) and truth.builder.lines and np.size(truth.value):
        truth.builder.lines[-1] = ""
    return truth


def guard_array(mask: Any) -> np.ndarray:
    """The values of a traced array of truth values (or numbers), guarded to stay as they are."""
    from fastad.record.reductions import reduce_sum

    x = as_array(mask)
    if x.passive:
        return x.value
    differs = only_for_guards(elementwise(BY_NAME["not_equal"], x, x.value.copy()))
    count = reduce_sum(as_array(differs).reshape(-1), None, False)  # of no dimension there is no sum
    if type(count) is TracedScalar:
        count.builder.guard(count.slot, count.value)
    return x.value


def guard_zeros(a: Any) -> np.ndarray:
    """Which elements are not zero, guarded to stay so; the numbers themselves may change."""
    return guard_array(elementwise(BY_NAME["not_equal"], a, 0.0))


def concrete(key: Any) -> Any:
    """An index without traced parts."""
    if type(key) is tuple:
        return tuple(concrete(part) for part in key)
    if type(key) is list:
        return [concrete(part) for part in key]
    if type(key) is TracedScalar:
        if type(key.value) is bool:
            return bool(key)
        raise DerivativeCut(
            f"a traced number is used as an index at {user_line()}: write int(x) if it is meant; the replay is then "
            "guarded to come to the same index"
        )
    if type(key) is TracedArray:
        return guard_array(key)
    return key


def _view_root(source: TracedArray, value: np.ndarray) -> TracedArray | None:
    return source.root if owner(value) is owner(source.root.value) else None


def get_item(x: TracedArray, key: Any) -> Any:
    """x[key]."""
    key = concrete(key)
    value = x.value[key]
    if not x.passive:
        part = x.part(value) if isinstance(value, np.ndarray) else None
        return moved(x, value, x.slots[key]) if part is None else part
    if not isinstance(value, np.ndarray):
        return value
    return TracedArray(value, root=_view_root(x, value))


def set_item(x: TracedArray, key: Any, value: Any) -> None:
    """x[key] = value."""
    from fastad.record.creation import gather_objects

    value = gather_objects(value)
    masked = type(key) is TracedArray and not key.passive and key.shape == x.shape
    if masked and np.ndim(plain(value)) == 0:
        key, value = Ellipsis, elementwise(BY_NAME["where"], key, value, x)
    key = concrete(key)
    if x.passive and not is_traced(value):
        x.value[key] = plain(value)
        return
    if x.dtype == bool and is_traced(value) and plain(value).__class__ is float:
        raise DerivativeCut(f"a traced number is assigned into an array of bool at {user_line()}: use dtype float")
    builder = builder_for((x, value))
    x.make_traced(builder)
    if type(value) is TracedScalar:
        x.slots[key] = value.slot
    elif is_traced(value):
        x.slots[key] = value.slots
    else:
        target = np.broadcast_to(np.asarray(plain(value), np.float64), x.value[key].shape)
        x.slots[key] = constant_slots(builder, np.array(target))
    x.value[key] = plain(value)
    x.root.first = None


class Flat:
    """The elements of an array that is not contiguous, in order, as `x.flat` gives them: also to write to."""

    def __init__(self, x: TracedArray) -> None:
        self._x = x

    def __getitem__(self, key: Any) -> Any:
        return self._x.reshape(-1)[key]

    def __setitem__(self, key: Any, value: Any) -> None:
        places = np.arange(self._x.size)[concrete(key)]
        self._x[np.unravel_index(places, self._x.shape)] = value

    def __getattr__(self, name: str) -> Any:
        return getattr(self._x.reshape(-1), name)

    def __len__(self) -> int:
        return self._x.size

    def __iter__(self) -> Any:
        return iter(self._x.reshape(-1))
