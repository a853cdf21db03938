"""Functions that choose among values by conditions, indices or places.

A choice by a traced condition is a `where`, which holds for every condition; what needs the places of the
true ones (their number shapes the result) guards the condition instead.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from fastad.errors import UnsupportedFunction
from fastad.record.builder import user_line
from fastad.record.indexing import concrete, guard_zeros
from fastad.record.movement import slots_of
from fastad.record.ordering import argsort, array_of, searchsorted
from fastad.record.passive import into, unless_passive
from fastad.record.reductions import finish
from fastad.record.traced import TracedArray, as_array, builder_for, is_traced, plain


@unless_passive(np.clip)
def clip(a, a_min=np._NoValue, a_max=np._NoValue, out=None, *, min=np._NoValue, max=np._NoValue, **options: Any) -> Any:
    if a_min is np._NoValue and a_max is np._NoValue:
        a_min, a_max = min, max
    elif min is not np._NoValue or max is not np._NoValue:
        raise ValueError("Passing `min` or `max` keyword argument when `a_min` and `a_max` are provided is forbidden.")
    result = a if a_min is np._NoValue or a_min is None else np.maximum(a, a_min)
    result = result if a_max is np._NoValue or a_max is None else np.minimum(result, a_max)
    return finish(np.copy(result) if result is a else result, out)


def _mask_of(condition: Any) -> Any:
    """A condition as NumPy's `select` and `piecewise` take it: truth values, traced or not."""
    from fastad.record.creation import gather_objects

    return gather_objects(condition) if is_traced(gather_objects(condition)) else np.asarray(plain(condition))


@unless_passive(np.select)
def select(condlist, choicelist, default=0) -> Any:
    """The first choice whose condition holds."""
    conditions, choices = [_mask_of(c) for c in condlist], list(choicelist)
    np.select([np.asarray(plain(c)).astype(bool) for c in conditions], [np.asarray(plain(c)) for c in choices], 0.0)
    shape = np.broadcast_shapes(*(np.shape(plain(x)) for x in (*conditions, *choices)))
    result = np.broadcast_to(array_of(default), shape)
    for condition, choice in zip(reversed(conditions), reversed(choices), strict=True):
        result = np.where(condition, choice, result)
    return as_array(result) if is_traced(result) else result


@unless_passive(np.piecewise)
def piecewise(x, condlist, funclist, *args: Any, **options: Any) -> Any:
    """Functions on the parts of an array; the conditions are looked at."""
    x = array_of(x)
    masks = concrete(condlist)
    alone = not isinstance(masks, list | tuple) or (x.ndim and not np.ndim(plain(masks[0])))
    masks = [np.asarray(plain(mask)).astype(bool) for mask in ([masks] if alone else masks)]
    if len(masks) + 1 == len(funclist):
        masks.append(~np.any(masks, axis=0))
    elif len(masks) != len(funclist):
        raise ValueError(
            f"with {len(masks)} condition(s), either {len(masks)} or {len(masks) + 1} functions are expected"
        )
    result = TracedArray(np.zeros(x.shape))
    for mask, function in zip(masks, funclist, strict=True):
        part = x[mask]
        if not callable(function):
            result[mask] = function
        elif part.size:
            result[mask] = function(part, *args, **options)
    return result


@unless_passive(np.choose)
def choose(a, choices, out=None, mode="raise") -> Any:
    """Elements of one of several arrays, by index."""
    index = np.asarray(plain(concrete(a)))
    index = index.astype(np.intp) if index.dtype == bool else index
    parts = [array_of(c) for c in choices]
    builder = builder_for(tuple(parts))
    value = np.choose(index, [part.value for part in parts], mode=mode)
    slots = np.choose(index, [slots_of(builder, part) for part in parts], mode=mode)
    return finish(TracedArray(np.asarray(value), np.asarray(slots), builder)[()], out)


@unless_passive(np.nan_to_num)
def nan_to_num(x, copy=True, nan=0.0, posinf=None, neginf=None) -> Any:
    largest = np.finfo(np.float64).max
    posinf, neginf = largest if posinf is None else posinf, -largest if neginf is None else neginf
    result = np.where(x == np.inf, posinf, np.where(x == -np.inf, neginf, x))
    result = np.where(np.isnan(x), nan, result)
    return result if copy or type(x) is not TracedArray else into(x, result)


@unless_passive(np.compress)
def compress(condition, a, axis=None, out=None) -> Any:
    kept = np.asarray(plain(concrete(condition)))
    if kept.ndim != 1:
        raise ValueError("condition must be a 1-d array")
    return finish(np.take(array_of(a), np.flatnonzero(kept), axis), out)


@unless_passive(np.extract)
def extract(condition, arr) -> Any:
    return compress(np.ravel(plain(concrete(condition))), np.ravel(array_of(arr)))


@unless_passive(np.trim_zeros)
def trim_zeros(filt, trim="fb", axis=None) -> Any:
    x = array_of(filt)
    if x.ndim != 1:
        raise UnsupportedFunction(f"np.trim_zeros of {x.ndim} dimensions at {user_line()}: slice the array instead")
    np.trim_zeros(x.value, trim)  # NumPy's own error
    kept = np.flatnonzero(guard_zeros(x))
    if not kept.size:
        return x[:0]
    ends = trim.lower()
    return x[kept[0] if "f" in ends else 0 : kept[-1] + 1 if "b" in ends else x.size]


def _in_order(values: Any, count: int) -> Any:
    """The first `count` of the values, repeated as often as needed."""
    flat = np.ravel(array_of(values))
    if flat.size == 0 and count:
        raise ValueError("Cannot insert from an empty array!")
    return flat[np.arange(count) % max(flat.size, 1)]


def _mask(mask: Any) -> np.ndarray:
    """Truth values; of traced numbers it is looked at, and guarded, whether they are 0."""
    return np.asarray(plain(concrete(mask != 0 if is_traced(mask) else mask))).astype(bool)


def place(arr, mask, vals) -> None:
    mask = _mask(mask).reshape(np.shape(arr))
    arr[mask] = _in_order(vals, int(mask.sum()))


def putmask(a, mask, values) -> None:
    mask = _mask(mask).reshape(np.shape(a))
    if np.shape(plain(values)) == a.shape:
        a[...] = np.where(mask, values, a)
    else:
        a[mask] = _in_order(values, a.size)[np.flatnonzero(mask)]


def put(a, ind, v, mode="raise") -> None:
    index = np.ravel(plain(concrete(ind)))
    where = np.take(np.arange(a.size), index, mode=mode)  # NumPy's own error
    a[np.unravel_index(where, a.shape)] = _in_order(v, where.size)


def put_along_axis(arr, indices, values, axis=-1) -> None:
    indices = np.asarray(plain(concrete(indices)))
    places = np.arange(arr.size).reshape(arr.shape)
    places = np.take_along_axis(places.reshape(-1) if axis is None else places, indices, 0 if axis is None else axis)
    arr[np.unravel_index(places, arr.shape)] = values


# --- interpolation ----------------------------------------------------------------------------------
@unless_passive(np.interp)
def interp(x, xp, fp, left=None, right=None, period=None) -> Any:
    """Piecewise linear interpolation; the intervals that the points lie in are guarded."""
    x, xp, fp = (array_of(part) for part in (x, xp, fp))
    np.interp(x.value, xp.value, fp.value, period=plain(period))  # NumPy's own errors
    if period is not None:
        x, xp, fp = _periodic(x, xp, fp, np.abs(period))
        left = right = None
    below, above = fp[0] if left is None else left, fp[-1] if right is None else right
    inside = _segment(x, xp, fp) if xp.size > 1 else fp[0]
    result = np.where(x < xp[0], below, np.where(x > xp[-1], above, inside))
    return np.where(np.isnan(x), x, result)[()]


def _segment(x: TracedArray, xp: TracedArray, fp: TracedArray) -> Any:
    """On the segment to the right of a node; the last node belongs to the last segment."""
    index = np.asarray(searchsorted(xp, x, "right")) - 1
    low = np.clip(index, 0, xp.size - 2)
    slope = (fp[low + 1] - fp[low]) / (xp[low + 1] - xp[low])
    return np.where(index == xp.size - 1, fp[low + 1] + slope * (x - xp[low + 1]), slope * (x - xp[low]) + fp[low])


def _periodic(x: Any, xp: Any, fp: Any, period: Any) -> tuple[Any, Any, Any]:
    x, xp = np.remainder(x, period), np.remainder(xp, period)
    order = argsort(xp)
    xp, fp = xp[order], fp[order]
    xp = np.concatenate([xp[-1:] - period, xp, xp[:1] + period])
    return as_array(x), xp, np.concatenate([fp[-1:], fp, fp[:1]])


FUNCTIONS: dict[Any, Any] = {
    np.clip: clip, np.select: select, np.piecewise: piecewise, np.choose: choose, np.nan_to_num: nan_to_num,
    np.extract: extract, np.compress: compress, np.trim_zeros: trim_zeros, np.place: place,
    np.putmask: putmask, np.put: put, np.put_along_axis: put_along_axis, np.interp: interp,
}  # fmt: skip
# Their lists hold operands of different shapes, which are not to be stacked.
OF_SEQUENCES = (np.select, np.piecewise, np.choose)
