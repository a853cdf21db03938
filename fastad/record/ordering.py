"""Functions that order values: Python then knows an order, which the replay is guarded to keep.

An order is guarded by comparing neighbours, so that n values need n - 1 comparisons and one guard.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from fastad.ops import BY_NAME
from fastad.record.elementwise import elementwise
from fastad.record.indexing import guard_array
from fastad.record.reductions import flag, fold, normal_axes
from fastad.record.traced import as_array


def _arg_extremum(name: str, op: str):
    def find(a, axis=None, out=None, *, keepdims=False) -> Any:
        x = as_array(a)
        if not x.passive:
            best = fold(x, normal_axes(axis, x.ndim), op, True)
            guard_array(elementwise(BY_NAME["equal"], x, best))
        return getattr(np, name)(x.value, axis=axis, keepdims=flag(keepdims))

    return find


argmax, argmin = _arg_extremum("argmax", "maximum"), _arg_extremum("argmin", "minimum")


def argsort(a, axis=-1, kind=None, order=None, *, stable=None) -> np.ndarray:
    """The order of the values, guarded to stay a valid order."""
    x = as_array(a).reshape(-1) if axis is None else as_array(a)
    axis = -1 if axis is None else axis
    order_ = np.argsort(x.value, axis=axis, kind="stable")
    if not x.passive and x.shape[axis] > 1:
        sorted_ = np.take_along_axis(x, order_, axis)
        n = x.shape[axis]
        low, high = (np.take(sorted_, np.arange(i, n - 1 + i), axis) for i in (0, 1))
        guard_array(elementwise(BY_NAME["less_equal"], low, high))
    return order_


def sort(a, axis=-1, kind=None, order=None, *, stable=None) -> Any:
    x = as_array(a).reshape(-1) if axis is None else as_array(a)
    return np.take_along_axis(x, argsort(x, -1 if axis is None else axis), -1 if axis is None else axis)


FUNCTIONS: dict[Any, Any] = {np.argmax: argmax, np.argmin: argmin, np.argsort: argsort, np.sort: sort}
