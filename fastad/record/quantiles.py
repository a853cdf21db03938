"""Medians and quantiles: elements of the sorted array, and what lies between two of them.

Only the elements that are chosen matter: a replay is guarded to have the same ones, with none that was below
now above and none that was above now below, whatever the order among these. Which elements a method chooses
NumPy itself says, asked for the quantile of 0, 1, 2, ...; the place between two of them follows its formulas.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from fastad.errors import UnsupportedFunction
from fastad.ops import BY_NAME
from fastad.record.builder import user_line
from fastad.record.elementwise import elementwise
from fastad.record.indexing import guard_array
from fastad.record.ordering import array_of, guard_nan
from fastad.record.passive import unless_passive
from fastad.record.reductions import finish, flag, mean, normal_axes, result_shape
from fastad.record.traced import TracedArray, as_array, is_traced, plain

# Parameters alpha and beta of the continuous methods (Hyndman and Fan, 1996).
_CONTINUOUS = {
    "interpolated_inverted_cdf": (0.0, 1.0), "hazen": (0.5, 0.5), "weibull": (0.0, 0.0), "linear": (1.0, 1.0),
    "median_unbiased": (1 / 3.0, 1 / 3.0), "normal_unbiased": (3 / 8.0, 3 / 8.0),
}  # fmt: skip
MIDDLE = np.array(0.5)
quantile: Callable[..., Any] = np.quantile


def chosen(rows: Any, places: np.ndarray) -> Any:
    """Elements of each sorted row (the last axis), guarded to stay the ones at these places."""
    guard_nan(rows)
    order = np.argsort(rows.value, axis=-1, kind="stable")
    ordered, at = np.take_along_axis(rows, order, -1), np.unique(places)
    if not rows.passive and at.size and rows.shape[-1] > 1:
        n = np.arange(rows.shape[-1])
        upper, lower = n[n > at[0]], np.setdiff1d(n[n < at[-1]], at)
        _not_above(ordered[..., at[np.searchsorted(at, upper, "left") - 1]], ordered[..., upper])
        _not_above(ordered[..., lower], ordered[..., at[np.searchsorted(at, lower, "left")]])
    return ordered[..., places]


def _not_above(low: Any, high: Any) -> None:
    if low.size:
        guard_array(as_array(elementwise(BY_NAME["less_equal"], low, high)))


def _rows(x: TracedArray, axes: tuple[int, ...]) -> TracedArray:
    """The array with the reduced axes as one, the last."""
    kept = [i for i in range(x.ndim) if i not in axes]
    size = int(np.prod([x.shape[i] for i in axes]))
    return x.transpose(*kept, *axes).reshape([x.shape[i] for i in kept] + [size]) if x.ndim else x.reshape(1)


def _middle(rows: TracedArray, _: Any) -> Any:
    n = rows.shape[-1]
    return mean(chosen(rows, np.arange((n - 1) // 2, n // 2 + 1)) if n else rows, axis=-1, keepdims=True)


def _or_nan(of_rows: Callable[..., Any]) -> Callable[..., Any]:
    """Nan for rows that have one."""

    def call(rows: TracedArray, q: Any) -> Any:
        result, missing = of_rows(rows, q), np.isnan(rows.value).any(axis=-1)
        return np.where(missing[..., None], np.nan, result) if missing.any() else result

    return call


@unless_passive(np.median)
def median(a, axis=None, out=None, overwrite_input=False, keepdims=False) -> Any:
    x = array_of(a)
    return finish(_reduced(x, MIDDLE, axis, keepdims, _or_nan(_middle)), out)


# --- between two elements ---------------------------------------------------------------------------
def _continuous_place(n: int, q: Any, method: str) -> Any:
    alpha, beta = _CONTINUOUS[method]
    return (n - 1) * q if method == "linear" else n * q + (alpha + q * (1 - alpha - beta)) - 1


def _neighbours(n: int, q: Any, method: str) -> tuple[np.ndarray, np.ndarray, Any]:
    """Places of the two elements, and how far from the first to the second the quantile lies."""
    if method in _CONTINUOUS:
        place = _continuous_place(n, q, method)
        low = np.clip(guard_array(np.floor(place)) if is_traced(place) else np.floor(place), -1, n - 1).astype(int)
        first, second = np.clip(low, 0, n - 1), np.clip(low + 1, 0, n - 1)
        return first, second, np.where(first == second, 0.0, place - np.floor(place))
    place = np.asarray(quantile(np.arange(float(n)), q, method=method))
    return np.floor(place).astype(int), np.ceil(place).astype(int), place - np.floor(place)


def _quantiles(rows: TracedArray, q: Any, method: str) -> Any:
    """Quantiles of each row, along a new last axis."""
    first, second, fraction = _neighbours(rows.shape[-1], q, method)
    both = chosen(rows, np.concatenate([first, second]))
    low, high = both[..., : first.size], both[..., first.size :]
    with np.errstate(invalid="ignore"):
        step = np.where(low.value == high.value, 0.0, 1.0) * (high - low) if np.isinf(both.value).any() else high - low
        # From the nearer element, as NumPy interpolates.
        nearer = plain(fraction) >= 0.5
        between = np.where(nearer, high - step * (1 - fraction), low + step * fraction)
    return np.where(np.broadcast_to(first == second, low.shape), low, between)


def _reduced(x: TracedArray, q: Any, axis: Any, keepdims: Any, of_rows: Callable[..., Any]) -> Any:
    """Quantiles of the rows in NumPy's shape: that of q comes first."""
    axes, flat = normal_axes(axis, x.ndim), np.reshape(q, -1)
    rows = _rows(x, axes)
    result = np.moveaxis(of_rows(rows, flat), -1, 0)
    return np.reshape(result, np.shape(plain(q)) + result_shape(x, axes, flag(keepdims)))[()]


def _checked(name: str, x: TracedArray, q: Any, axis: Any, method: str, options: dict[str, Any]) -> None:
    if options.pop("weights", None) is not None or any(v is not None for v in options.values()):
        raise UnsupportedFunction(
            f"np.{name} of traced values with weights or {', '.join(options) or 'more'} at {user_line()}: "
            "sort the values by np.argsort and interpolate their cumulative weights by np.interp"
        )
    if is_traced(q) and method not in _CONTINUOUS:
        raise UnsupportedFunction(
            f"np.{name} with a traced q and method={method!r} at {user_line()}: it is a step function of q"
        )
    if x.size:
        quantile(np.zeros((1,) * x.ndim), plain(q), axis=axis, method=method)  # NumPy's own errors


def _quantile_of(name: str, scale: float, without_nan: bool) -> Callable[..., Any]:
    @unless_passive(getattr(np, name))
    def call(
        a, q, axis=None, out=None, overwrite_input=False, method="linear", keepdims=False, **options: Any
    ) -> Any:  # fmt: skip
        x, q = array_of(a), array_of(q) if is_traced(q) else np.asarray(plain(q), np.float64)
        q = q / scale if scale != 1 else q
        _checked(name, x, q, axis, method, options)
        keep = False if keepdims is np._NoValue else keepdims

        def of_rows(rows: TracedArray, p: Any) -> Any:
            return _quantiles(rows, p, method)

        missing = without_nan and np.isnan(x.value).any()
        return finish(_reduced(x, q, axis, keep, _each_without_nan(of_rows) if missing else _or_nan(of_rows)), out)

    return call


def _each_without_nan(of_row: Callable[..., Any]) -> Callable[..., Any]:
    """Rows one by one, because each has its own number of elements that are not nan."""

    def call(rows: TracedArray, q: Any) -> Any:
        keep = ~guard_array(np.isnan(rows)).reshape(-1, rows.shape[-1])
        flat = rows.reshape(-1, rows.shape[-1])
        parts = [
            of_row(flat[i][keep[i]], q) if keep[i].any() else np.full(np.shape(plain(q)), np.nan)
            for i in range(len(keep))
        ]
        return np.stack(parts).reshape(rows.shape[:-1] + np.shape(plain(q)))

    return call


@unless_passive(np.nanmedian)
def nanmedian(a, axis=None, out=None, overwrite_input=False, keepdims=np._NoValue) -> Any:
    x = array_of(a)
    if not np.isnan(x.value).any():
        return median(x, axis, out, keepdims=flag(keepdims))
    return finish(_reduced(x, MIDDLE, axis, keepdims, _each_without_nan(_middle)), out)


FUNCTIONS: dict[Any, Any] = {
    np.median: median, np.nanmedian: nanmedian,
    np.quantile: _quantile_of("quantile", 1.0, False), np.nanquantile: _quantile_of("nanquantile", 1.0, True),
    np.percentile: _quantile_of("percentile", 100.0, False),
    np.nanpercentile: _quantile_of("nanpercentile", 100.0, True),
}  # fmt: skip
