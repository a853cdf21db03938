"""Functions that order values: Python then knows an order, which the replay is guarded to keep.

An order is guarded by comparing neighbours, so that n values need n - 1 comparisons and one guard. Sorted
values stay right when neighbours become equal; positions, and values that are only partly sorted, do not,
so there equal neighbours must stay equal and others apart. Nan goes to the end, and where one has been
seen its place is guarded.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from fastad.errors import UnsupportedFunction
from fastad.ops import BY_NAME
from fastad.record.builder import user_line
from fastad.record.elementwise import elementwise
from fastad.record.indexing import concrete, guard_array, only_for_guards
from fastad.record.passive import unless_passive
from fastad.record.reductions import finish, flag, fold, normal_axes, prepare
from fastad.record.traced import TracedArray, as_array


def array_of(a: Any) -> Any:
    """Any operand as a `TracedArray` of float64."""
    return prepare(a, None, None, True, 0.0)


def guard_nan(x: TracedArray) -> None:
    """Guard which elements are nan; where there is none, the comparisons of the caller must show a new one."""
    if not x.passive and np.isnan(x.value).any():
        guard_array(np.isnan(x))


def _compare(op: str, low: Any, high: Any) -> None:
    guard_array(as_array(elementwise(BY_NAME[op], low, high)))


def guard_order(x: Any, order: np.ndarray, axis: int, ties: bool) -> None:
    """Guard an order along an axis; with `ties`, also which neighbours are equal."""
    n = x.shape[axis]
    if x.passive or n < 2:
        return
    guard_nan(x)
    ordered: Any = np.moveaxis(np.take_along_axis(x, order, axis), axis, -1)
    low, high = ordered[..., :-1], ordered[..., 1:]
    if ties:
        _compare("less", low, high)
    if not ties or not np.all(low.value < high.value):
        _compare("less_equal", low, high)


def _flat_or(x: TracedArray, axis: Any) -> tuple[TracedArray, int]:
    return (x.reshape(-1), -1) if axis is None else (x, axis)


def _refuse_fields(order: Any) -> None:
    if order is not None:
        raise ValueError("Cannot specify order when the array has no fields.")


@unless_passive(np.argsort)
def argsort(a, axis=-1, kind=None, order=None, *, stable=None) -> np.ndarray:
    """The order of the values, guarded to stay the one that NumPy finds."""
    _refuse_fields(order)
    x, axis = _flat_or(array_of(a), axis)
    found = np.argsort(x.value, axis=axis, kind=kind, stable=stable)
    guard_order(x, found, axis, ties=True)
    return found


@unless_passive(np.sort)
def sort(a, axis=-1, kind=None, order=None, *, stable=None) -> Any:
    _refuse_fields(order)
    x, axis = _flat_or(array_of(a), axis)
    found = np.argsort(x.value, axis=axis, kind="stable")
    guard_order(x, found, axis, ties=False)
    return np.take_along_axis(x, found, axis)


@unless_passive(np.partition)
def partition(a, kth, axis=-1, kind="introselect", order=None) -> Any:
    _refuse_fields(order)
    x, axis = _flat_or(array_of(a), axis)
    value = np.partition(x.value, kth, axis=axis)
    found = np.argsort(x.value, axis=axis, kind="stable")
    guard_order(x, found, axis, ties=True)
    place = np.argsort(np.argsort(value, axis=axis, kind="stable"), axis=axis)
    return np.take_along_axis(x, np.take_along_axis(found, place, axis), axis)


@unless_passive(np.argpartition)
def argpartition(a, kth, axis=-1, kind="introselect", order=None) -> np.ndarray:
    _refuse_fields(order)
    x, axis = _flat_or(array_of(a), axis)
    found = np.argpartition(x.value, kth, axis=axis)
    guard_order(x, np.argsort(x.value, axis=axis, kind="stable"), axis, ties=True)
    return found


@unless_passive(np.lexsort)
def lexsort(keys, axis=-1) -> Any:
    keys = array_of(keys)
    found = np.lexsort(keys.value, axis)
    if keys.ndim > 1:
        along = axis % (keys.ndim - 1) + 1
        guard_order(keys, np.argsort(keys.value, axis=along, kind="stable"), along, ties=True)
    return found


def _arg_extremum(function: Callable[..., Any], op: str) -> Callable[..., Any]:
    @unless_passive(function)
    def find(a, axis=None, out=None, *, keepdims=False) -> Any:
        x = array_of(a)
        found = function(x.value, axis=axis, keepdims=flag(keepdims))
        guard_nan(x)
        largest = elementwise(BY_NAME["equal"], x, fold(x, normal_axes(axis, x.ndim), op, True))
        guard_array(only_for_guards(largest))
        return finish(found, out)

    return find


argmax, argmin = _arg_extremum(np.argmax, "maximum"), _arg_extremum(np.argmin, "minimum")


def _arg_without_nan(function: Callable[..., Any], find: Callable[..., Any], fill: float) -> Callable[..., Any]:
    @unless_passive(function)
    def call(a, axis=None, out=None, *, keepdims=False) -> Any:
        x = array_of(a)
        function(x.value, axis=axis)  # NumPy's own error where all is nan
        missing = guard_array(np.isnan(x))
        return find(np.where(missing, fill, x), axis, out, keepdims=keepdims)

    return call


nanargmax, nanargmin = _arg_without_nan(np.nanargmax, argmax, -np.inf), _arg_without_nan(np.nanargmin, argmin, np.inf)


# --- places among sorted values ---------------------------------------------------------------------
@unless_passive(np.searchsorted)
def searchsorted(a, v, side="left", sorter=None) -> Any:
    """Where values would be inserted, guarded by the comparison with both neighbours."""
    x, points = array_of(a), array_of(v)
    x = x if sorter is None else x[np.asarray(concrete(sorter))]
    index = np.asarray(np.searchsorted(x.value, points.value, side))
    guard_order(x, np.arange(x.size), 0, ties=False)
    guard_nan(points)
    ends = np.concatenate([[-np.inf], x, [np.inf]])
    below, above = ("less", "less_equal") if side.startswith("l") else ("less_equal", "less")
    _compare(below, ends[index], points)
    _compare(above, points, ends[index + 1])
    return index[()]


@unless_passive(np.digitize)
def digitize(x, bins, right=False) -> Any:
    points, edges = array_of(x), array_of(bins)
    np.digitize(points.value, edges.value, right)  # NumPy's own error where the bins are not in order
    if edges.size > 1 and edges.value[0] > edges.value[-1]:
        return edges.size - searchsorted(edges[::-1], points, "right" if right else "left")
    return searchsorted(edges, points, "left" if right else "right")


# --- sets -------------------------------------------------------------------------------------------
def _guard_all(*arrays: Any) -> None:
    x: Any = np.concatenate([np.ravel(array_of(a)) for a in arrays])
    guard_order(x, np.argsort(x.value, kind="stable"), 0, ties=True)


@unless_passive(np.unique)
def unique(
    ar, return_index=False, return_inverse=False, return_counts=False, axis=None, *, equal_nan=True, **options: Any
) -> Any:  # fmt: skip
    """The distinct values, the order and the ties being guarded."""
    if axis is not None or options.get("sorted", True) is not True:
        raise UnsupportedFunction(f"np.unique of traced values with axis= or sorted= at {user_line()}: ravel it first")
    x = array_of(ar)
    _, index, inverse, counts = np.unique(x.value, True, True, True, equal_nan=equal_nan)
    _guard_all(x)
    parts = [np.ravel(x)[index]]
    wanted = ((return_index, index), (return_inverse, inverse), (return_counts, counts))
    parts += [part for asked, part in wanted if asked]
    return parts[0] if len(parts) == 1 else tuple(parts)


def _of_sets(function: Callable[..., Any]) -> Callable[..., Any]:
    """A function of two sets: its values are found again among the elements of both."""

    @unless_passive(function)
    def call(ar1, ar2, assume_unique=False) -> Any:
        x, y = array_of(ar1).reshape(-1), array_of(ar2).reshape(-1)
        result = function(x.value, y.value) if function is np.union1d else function(x.value, y.value, assume_unique)
        _guard_all(x, y)
        both: Any = np.concatenate([x, y])
        order = np.argsort(both.value, kind="stable")
        return both[order[np.searchsorted(both.value[order], result)]]

    return call


@unless_passive(np.isin)
def isin(element, test_elements, assume_unique=False, invert=False, *, kind=None) -> Any:
    x, among = array_of(element), np.ravel(array_of(test_elements))
    found = np.any(as_array(elementwise(BY_NAME["equal"], x[..., None], among)), axis=-1)
    return np.logical_not(found) if invert else found


FUNCTIONS: dict[Any, Any] = {
    np.argmax: argmax, np.argmin: argmin, np.nanargmax: nanargmax, np.nanargmin: nanargmin,
    np.argsort: argsort, np.sort: sort, np.partition: partition, np.argpartition: argpartition, np.lexsort: lexsort,
    np.searchsorted: searchsorted, np.digitize: digitize, np.unique: unique, np.isin: isin,
    **{function: _of_sets(function) for function in (np.intersect1d, np.union1d, np.setdiff1d, np.setxor1d)},
}  # fmt: skip
