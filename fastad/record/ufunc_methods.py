"""The methods of ufuncs on traced values: reduce, accumulate, outer, reduceat, at.

Sums, products, extrema and their kin have ways of their own (`reductions`); whatever other ufunc of two operands is
applied row after row.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from fastad.errors import DerivativeCut, UnsupportedFunction
from fastad.record import reductions as r
from fastad.record import scans
from fastad.record.builder import user_line
from fastad.record.elementwise import numeric
from fastad.record.products import scatter_sum
from fastad.record.traced import TracedArray, as_array, is_traced, plain

_REDUCE: dict[Any, Callable[..., Any]] = {
    np.add: r.total, np.multiply: r.product, np.maximum: r.largest, np.minimum: r.smallest,
    np.logical_and: r.all_true, np.logical_or: r.any_true,
    **{getattr(np, name): r.by_halves(name) for name in ("logaddexp", "logaddexp2", "hypot", "fmax", "fmin")},
}  # fmt: skip
_ACCUMULATE: dict[Any, Callable[..., Any]] = {
    np.add: scans.cumsum, np.multiply: scans.cumprod, np.maximum: scans.running_max, np.minimum: scans.running_min,
    np.logaddexp: scans.running_logaddexp,
}  # fmt: skip


def call_method(ufunc: Any, method: str, inputs: tuple[Any, ...], options: dict[str, Any]) -> Any:
    """A method of a ufunc with a traced operand; NumPy's own error where the method does not fit the ufunc."""
    options.pop("dtype", None)
    if method == "at":
        return _at(ufunc, *inputs)
    if method in _METHODS and ufunc.nin == 2 and ufunc.nout == 1:
        return _METHODS[method](ufunc, *inputs, **options)
    getattr(ufunc, method)(*map(plain, inputs))
    raise UnsupportedFunction(f"np.{ufunc.__name__}.{method} at {user_line()} has no derivative in fastad")


def _reduce(ufunc: Any, a: Any, axis: Any = 0, keepdims: bool = False, **options: Any) -> Any:
    if ufunc in _REDUCE:
        return _REDUCE[ufunc](a, axis=axis, keepdims=keepdims, **options)
    x = _array(a)
    plain_result = ufunc.reduce(plain(x), axis=axis, keepdims=keepdims)  # NumPy's own errors
    axes = r.normal_axes(axis, x.ndim)
    kept = [i for i in range(x.ndim) if i not in axes]
    rows = np.transpose(x, (*axes, *kept)).reshape((-1, *(x.shape[i] for i in kept)))
    if options or len(rows) == 0:
        raise UnsupportedFunction(f"np.{ufunc.__name__}.reduce with {', '.join(options) or 'no rows'} at {user_line()}")
    result = rows[0]
    for row in rows[1:]:
        result = ufunc(result, row)
    return np.reshape(result, np.shape(plain_result))[()]


def _accumulate(ufunc: Any, a: Any, axis: int = 0) -> Any:
    if ufunc in _ACCUMULATE:
        return _ACCUMULATE[ufunc](a, axis=axis)
    x = _array(a)
    ufunc.accumulate(plain(x), axis=axis)
    results = list(np.moveaxis(x, axis, 0))
    for i in range(1, len(results)):
        results[i] = ufunc(results[i - 1], results[i])
    return np.stack([_array(row) for row in results], axis=axis)


def _outer(ufunc: Any, a: Any, b: Any) -> Any:
    x = _array(a)
    return ufunc(x.reshape(x.shape + (1,) * np.ndim(plain(b))), b)


def _reduceat(ufunc: Any, a: Any, indices: Any, axis: int = 0) -> Any:
    x = np.moveaxis(_array(a), axis, 0)
    starts = np.asarray(plain(indices)).tolist()
    ufunc.reduceat(plain(x), starts)
    stops = [*starts[1:], len(x)]
    parts = [_reduce(ufunc, x[i:j], 0) if i < j else x[i] for i, j in zip(starts, stops, strict=True)]
    return np.moveaxis(np.stack([_array(part) for part in parts]), 0, axis)


def _at(ufunc: Any, a: Any, indices: Any, *operand: Any) -> None:
    """`ufunc.at`: a sum over equal indices for `add`, else those elements at once whose index has not come before."""
    if type(a) is not TracedArray:
        raise DerivativeCut(
            f"np.{ufunc.__name__}.at puts a traced value into a plain array at {user_line()}: make the array inside "
            "the function"
        )
    ufunc.at(a.value.copy(), plain(indices), *map(plain, operand))
    places = np.arange(a.size).reshape(a.shape)[plain(indices)]
    values: list[Any] = [np.broadcast_to(_array(b), places.shape).reshape(-1) for b in operand]
    index = places.ravel()
    if ufunc is np.add and is_traced(values[0]):
        a[...] = a + np.reshape(scatter_sum(values[0], index, a.size), a.shape)
        return
    left = np.arange(index.size)
    while left.size:
        first = np.sort(np.unique(index[left], return_index=True)[1])
        now = left[first]
        where = np.unravel_index(index[now], a.shape)
        a[where] = ufunc(a[where], *(b[now] for b in values))
        left = np.delete(left, first)


def _array(x: Any) -> Any:
    return as_array(x) if is_traced(x) else numeric(x)


_METHODS: dict[str, Callable[..., Any]] = {
    "reduce": _reduce,
    "accumulate": _accumulate,
    "outer": _outer,
    "reduceat": _reduceat,
}
