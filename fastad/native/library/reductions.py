"""Sums, means, extrema and their kin, over all elements or along an axis; cumulative operations.

Theory of operation. Each reduction is a function of an array of one axis. Over all elements it is applied to the
flattened array; along an axis, in a loop over the others, whose text is made for the array's rank.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba import types
from numba.core.errors import TypingError
from numba.extending import overload

from fastad.native.creation import allocator
from fastad.native.elementals import lift_to, value_of
from fastad.native.library.registry import function, is_given
from fastad.native.memory import outlined
from fastad.native.types import is_active, is_array, kind_of


def zero_like(a):
    """The passive number 0 of an array's kind."""
    raise NotImplementedError


@overload(zero_like)
def _zero_like(a):
    lift = lift_to(kind_of(a))  # type: ignore[arg-type]
    return lambda a: lift(0.0)


# --- of one axis ----------------------------------------------------------------------------------------------
@outlined
def total(a):
    s = zero_like(a)
    for i in range(a.size):
        s = s + a[i]
    return s


@outlined
def product(a):
    p = zero_like(a) + 1.0
    for i in range(a.size):
        p = p * a[i]
    return p


@outlined
def mean(a):
    return total(a) / a.size


@outlined
def variance(a, ddof):
    m, s = mean(a), zero_like(a)
    for i in range(a.size):
        s = s + (a[i] - m) ** 2
    return s / (a.size - ddof)


def _extremum(sign: float) -> Any:
    """The greatest (sign 1) or least (-1) element; a tie is split evenly, and a nan wins."""

    @outlined
    def extremum(a):
        if a.size == 0:
            raise ValueError("zero-size array to reduction operation which has no identity")
        first, best, ties = 0, value_of(a[0]), 0
        for i in range(a.size):
            v = value_of(a[i])
            if v != v:
                return a[i]
            if sign * v > sign * best:
                first, best, ties = i, v, 1
            elif v == best:
                ties += 1
        if ties == 1 or math.isinf(best):
            return a[first]
        s = zero_like(a) + best
        for i in range(first, a.size):
            if value_of(a[i]) == best:
                s = s + (a[i] - best) * (1.0 / ties)
        return s

    return extremum


maximum_of, minimum_of = _extremum(1.0), _extremum(-1.0)


@outlined
def peak_to_peak(a):
    return maximum_of(a) - minimum_of(a)


@outlined
def median(a):
    values = np.empty(a.size)
    for i in range(a.size):
        values[i] = value_of(a[i])
        if values[i] != values[i]:
            return a[i]
    order = np.argsort(values)
    middle = a.size // 2
    if a.size % 2 == 1:
        return a[order[middle]] + 0.0
    return 0.5 * (a[order[middle - 1]] + a[order[middle]])


@outlined
def running_total(a, out):
    s = zero_like(a)
    for i in range(a.size):
        s = s + a[i]
        out[i] = s


@outlined
def running_product(a, out):
    p = zero_like(a) + 1.0
    for i in range(a.size):
        p = p * a[i]
        out[i] = p


# --- of any rank ----------------------------------------------------------------------------------------------
def axis_of(a: Any, axis: Any) -> int | None:
    """The axis that a call names; None for all of them."""
    if not is_given(axis):
        return None
    if not isinstance(axis, types.IntegerLiteral):
        raise TypingError("axis has to be a number in the text of the function")
    if not -a.ndim <= axis.literal_value < a.ndim:
        raise TypingError(f"axis {axis.literal_value} is out of bounds for {a.ndim} axes")
    return axis.literal_value % a.ndim


def reduced(a: Any, axis: Any, reduce: Any, more: str = "") -> Any:
    """The form of a reduction: over all elements, or along an axis."""
    if not is_array(a):
        return None
    k = axis_of(a, axis)
    scope = {"reduce": reduce, "allocate": allocator(a.dtype)}
    if k is None or a.ndim == 1:
        return (f"return reduce(a{'' if a.ndim == 1 else '.ravel()'}{more})", scope)
    lengths = ", ".join(f"a.shape[{j}]" for j in range(a.ndim) if j != k)
    places = [f"i[{j}]" for j in range(a.ndim - 1)]
    index = ", ".join([*places[:k], ":", *places[k:]])
    lines = [f"shape = ({lengths},)", "out = allocate(shape)", "for i in np.ndindex(shape):"]
    return ("\n".join([*lines, f"    out[i] = reduce(a[{index}]{more})", "return out"]), scope)


def _accumulated(a: Any, axis: Any, run: Any) -> Any:
    if not is_array(a):
        return None
    k = axis_of(a, axis)
    scope = {"run": run, "allocate": allocator(a.dtype)}
    if k is None or a.ndim == 1:
        return ("v = a.ravel()\nout = allocate(v.shape)\nrun(v, out)\nreturn out", scope)
    places = [f"i[{j}]" for j in range(a.ndim - 1)]
    index = ", ".join([*places[:k], ":", *places[k:]])
    lengths = ", ".join(f"a.shape[{j}]" for j in range(a.ndim) if j != k)
    lines = ["out = allocate(a.shape)", f"for i in np.ndindex(({lengths},)):", f"    run(a[{index}], out[{index}])"]
    return ("\n".join([*lines, "return out"]), scope)


@function(np.sum, method="sum")
def sum_(a, axis=None):
    return reduced(a, axis, total)


@function(np.prod, method="prod")
def prod(a, axis=None):
    return reduced(a, axis, product)


@function(np.mean, np.average, method="mean")
def mean_(a, axis=None):
    return reduced(a, axis, mean)


@function(np.max, np.amax, method="max")
def max_(a, axis=None):
    return reduced(a, axis, maximum_of)


@function(np.min, np.amin, method="min")
def min_(a, axis=None):
    return reduced(a, axis, minimum_of)


@function(np.ptp)
def ptp(a, axis=None):
    return reduced(a, axis, peak_to_peak)


@function(np.median)
def median_(a, axis=None):
    return reduced(a, axis, median)


@function(np.var, method="var")
def var(a, axis=None, ddof=None):
    return reduced(a, axis, variance, ", ddof" if is_given(ddof) else ", 0")


@outlined
def deviation(a, ddof):
    return variance(a, ddof) ** 0.5


@function(np.std, method="std")
def std(a, axis=None, ddof=None):
    return reduced(a, axis, deviation, ", ddof" if is_given(ddof) else ", 0")


@function(np.cumsum, method="cumsum")
def cumsum(a, axis=None):
    return _accumulated(a, axis, running_total)


@function(np.cumprod, method="cumprod")
def cumprod(a, axis=None):
    return _accumulated(a, axis, running_product)


@function(np.trapezoid, *([np.trapz] if hasattr(np, "trapz") else []))  # type: ignore[attr-defined]
def trapezoid(y, x=None, dx=None):
    width = "x[i + 1] - x[i]" if is_given(x) else ("dx" if is_given(dx) else "1.0")
    lines = [
        "s = 0.0 * y[0]",
        "for i in range(len(y) - 1):",
        f"    s = s + 0.5 * ({width}) * (y[i] + y[i + 1])",
        "return s",
    ]
    return ("\n".join(lines), {})


@function(sum)
def builtin_sum(items, start=None):
    if is_active(items):
        return None
    begin = "start" if is_given(start) else "0.0"
    return (f"s = {begin}\nfor x in items:\n    s = s + x\nreturn s", {})
