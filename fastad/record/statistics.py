"""Averages, covariances, counts, and reductions that leave nan out.

Where elements are nan is not looked at: a traced condition chooses between them and the neutral element of the
reduction, so that a replay leaves out what is nan then.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from fastad.errors import UnsupportedFunction
from fastad.ops import BY_NAME
from fastad.record.builder import user_line
from fastad.record.elementwise import elementwise
from fastad.record.indexing import concrete, guard_array
from fastad.record.ordering import array_of, digitize
from fastad.record.passive import unless_passive
from fastad.record.products import scatter_sum
from fastad.record.reductions import (
    all_true,
    finish,
    flag,
    given,
    largest,
    mean,
    normal_axes,
    product,
    smallest,
    total,
    var,
)  # fmt: skip
from fastad.record.traced import TracedArray, as_array, is_traced, plain


# --- without nan ------------------------------------------------------------------------------------
def _present(x: TracedArray, where: Any) -> Any:
    present = np.logical_not(np.isnan(x))
    return np.logical_and(present, where) if given(where) else present


def _filled(reduce: Callable[..., Any], fill: float, original: Callable[..., Any]) -> Callable[..., Any]:
    @unless_passive(original)
    def call(a, axis=None, dtype=None, out=None, keepdims=False, initial=np._NoValue, where=True) -> Any:
        x = array_of(a)
        return reduce(np.where(_present(x, where), x, fill), axis, dtype, out, flag(keepdims), initial)

    return call


@unless_passive(np.nanmean)
def nanmean(a, axis=None, dtype=None, out=None, keepdims=False, *, where=True) -> Any:
    x = array_of(a)
    return mean(x, axis, dtype, out, keepdims, where=_present(x, where))


@unless_passive(np.nanvar)
def nanvar(a, axis=None, dtype=None, out=None, ddof=0, keepdims=False, *, where=True, **options: Any) -> Any:
    x = array_of(a)
    present = _present(x, where)
    ddof = options.pop("correction") if given(options.get("correction")) else ddof
    with np.errstate(invalid="ignore", divide="ignore"):
        result = var(x, axis, dtype, None, ddof, keepdims, where=present, **options)
    free = total(present, axis, keepdims=keepdims) > ddof
    return finish(np.where(free, result, np.nan)[()], out)


@unless_passive(np.nanstd)
def nanstd(a, axis=None, dtype=None, out=None, ddof=0, keepdims=False, **options: Any) -> Any:
    return finish(np.sqrt(nanvar(a, axis, dtype, None, ddof, keepdims, **options)), out)


def _extremum_without_nan(reduce: Callable[..., Any], fill: float, original: Callable[..., Any]) -> Callable[..., Any]:
    @unless_passive(original)
    def call(a, axis=None, out=None, keepdims=False, initial=np._NoValue, where=True) -> Any:
        x = array_of(a)
        missing = np.isnan(x)
        result = reduce(np.where(missing, fill, x), axis, None, keepdims, initial, where)
        if initial is np._NoValue:
            result = np.where(all_true(missing, axis, keepdims=keepdims), np.nan, result)[()]
        return finish(result, out)

    return call


# --- averages and covariances -----------------------------------------------------------------------
def _weights(a: TracedArray, weights: Any, axis: Any) -> TracedArray:
    """Weights in the shape of the array, or one that broadcasts to it."""
    weights = array_of(weights)
    if weights.shape == a.shape:
        return weights
    if axis is None:
        raise TypeError("Axis must be specified when shapes of a and weights differ.")
    axes = normal_axes(axis, a.ndim)
    if weights.shape != tuple(a.shape[i] for i in axes):
        raise ValueError("Shape of weights must be consistent with shape of a along specified axis.")
    weights = weights.transpose(np.argsort(axes))
    return weights.reshape([n if i in axes else 1 for i, n in enumerate(a.shape)])


@unless_passive(np.average)
def average(a, axis=None, weights=None, returned=False, *, keepdims=np._NoValue) -> Any:
    x, keep = array_of(a), flag(keepdims)
    if weights is None:
        result, scale = mean(x, axis, keepdims=keep), np.float64(x.size / max(np.size(x.value.mean(axis)), 1))
    else:
        w = _weights(x, weights, axis)
        scale = total(np.broadcast_to(w, x.shape) if w.shape != x.shape and axis is None else w, axis, keepdims=keep)
        if np.any(plain(scale) == 0.0):
            raise ZeroDivisionError("Weights sum to zero, can't be normalized")
        result = total(x * w, axis, keepdims=keep) / scale
    return (result, np.broadcast_to(scale, np.shape(result)).copy()[()]) if returned else result


def _variables(m: Any, y: Any, rowvar: bool) -> Any:
    """One variable a row."""

    def rows(a: Any) -> TracedArray:
        x = array_of(a)
        if x.ndim > 2:
            raise ValueError("m has more than 2 dimensions")
        x = x.reshape((1,) * (2 - x.ndim) + x.shape)
        return x.T if not rowvar and np.ndim(plain(a)) == 2 else x

    x = rows(m)
    return x if y is None else np.concatenate([x, rows(y)], axis=0)


@unless_passive(np.cov)
def cov(m, y=None, rowvar=True, bias=False, ddof=None, fweights=None, aweights=None, *, dtype=None) -> Any:
    if ddof is not None and ddof != int(ddof):
        raise ValueError("ddof must be integer")
    ddof = (1 if not bias else 0) if ddof is None else ddof
    x = _variables(m, y, rowvar)
    w = None if fweights is None else array_of(fweights)
    if aweights is not None:
        w = array_of(aweights) if w is None else w * aweights
    deviations = x - average(x, axis=1, weights=w)[:, None]
    if w is None:
        freedom: Any = x.shape[1] - ddof
    elif aweights is None or ddof == 0:
        freedom = total(w) - ddof
    else:
        freedom = total(w) - ddof * total(w * aweights) / total(w)
    freedom = np.where(freedom <= 0, 0.0, freedom)[()]
    weighted = deviations.T if w is None else (deviations * w).T
    return np.squeeze(np.matmul(deviations, weighted) * np.true_divide(1, freedom))[()]


@unless_passive(np.corrcoef)
def corrcoef(x, y=None, rowvar=True, *, dtype=None) -> Any:
    c = cov(x, y, rowvar)
    if np.ndim(plain(c)) == 0:
        return c / c
    deviations = np.sqrt(np.diagonal(c))
    return np.clip(c / deviations[:, None] / deviations[None, :], -1, 1)


# --- counts -----------------------------------------------------------------------------------------
@unless_passive(np.bincount)
def bincount(x, /, weights=None, minlength=0) -> Any:
    """Sums of weights by index; the indices are integers, and so not traced."""
    index = np.asarray(plain(concrete(x)))
    w = array_of(weights).reshape(-1)
    value = np.bincount(index, w.value, minlength)
    return scatter_sum(w, index.astype(np.int64), value.size) if w.size else TracedArray(value)


@unless_passive(np.histogram)
def histogram(a, bins=10, range=None, density=None, weights=None) -> Any:
    """Counts (guarded) or sums of weights in bins that do not depend on traced values."""
    if is_traced(bins) or (is_traced(a) and np.ndim(bins) == 0 and range is None) or type(bins) is str:
        raise UnsupportedFunction(
            f"np.histogram with bins that depend on traced values at {user_line()}: give range=, or edges as numbers"
        )
    x = array_of(a).reshape(-1)
    edges = np.histogram_bin_edges(x.value, bins, range)
    index = np.asarray(digitize(x, edges)) - 1
    last = guard_array(as_array(elementwise(BY_NAME["equal"], x, edges[-1])))
    index = np.where(last, edges.size - 2, index)
    inside = (index >= 0) & (index < edges.size - 1)
    if weights is None:
        counts: Any = np.bincount(index[inside], minlength=edges.size - 1)
    else:
        counts = bincount(index[inside], array_of(weights).reshape(-1)[inside], edges.size - 1)
    return (counts / np.diff(edges) / total(counts) if density else counts), edges


FUNCTIONS: dict[Any, Any] = {
    np.nansum: _filled(total, 0.0, np.nansum), np.nanprod: _filled(product, 1.0, np.nanprod),
    np.nanmean: nanmean, np.nanvar: nanvar, np.nanstd: nanstd,
    np.nanmax: _extremum_without_nan(largest, -np.inf, np.nanmax),
    np.nanmin: _extremum_without_nan(smallest, np.inf, np.nanmin),
    np.average: average, np.cov: cov, np.corrcoef: corrcoef, np.bincount: bincount, np.histogram: histogram,
}  # fmt: skip
