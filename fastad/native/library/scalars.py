"""Functions of numbers that are no rows of the table: choices, rounding, conversions."""

from __future__ import annotations

import builtins
import math
from typing import Any

import numpy as np
from numba import types
from numba.extending import overload

from fastad.native.creation import allocator
from fastad.native.elementals import lift_to, value_of
from fastad.native.library.registry import FUNCTIONS, function, has_active, is_given
from fastad.native.loops import mapped, rank
from fastad.native.memory import inlined
from fastad.native.types import is_active, is_array, kind_of


# --- Python's max and min -------------------------------------------------------------------------------------
def _choice(target: Any, better: str) -> None:
    """One of the operands, the first of equal ones."""

    def stub(*items):
        raise NotImplementedError

    @overload(stub)
    def typed(*items):
        one = len(items) == 1 and isinstance(items[0], types.BaseTuple)
        parts = items[0].types if one else items
        scope: dict[str, Any] = {"target": target, "value_of": value_of}
        if not has_active(*parts):
            exec("def form(*items):\n    return target(*items)", scope)
        elif len(items) == 1 and not one:
            exec(f"def form(*items):\n{_LOOP.format(better=better)}", scope)
        else:
            scope["lift"] = lift_to(kind_of(*parts))  # type: ignore[arg-type]
            exec(f"def form(*items):\n{_of_tuple(better, len(parts), one)}", scope)
        return scope["form"]

    FUNCTIONS[target] = stub


_LOOP = """    best = items[0][0]
    for x in items[0]:
        if value_of(x) {better} value_of(best):
            best = x
    return best"""


def _of_tuple(better: str, count: int, one: bool) -> str:
    name = "items[0]" if one else "items"
    lines = [f"    best = lift({name}[0])"]
    for k in range(1, count):
        lines.append(f"    if value_of({name}[{k}]) {better} value_of(best):\n        best = lift({name}[{k}])")
    return "\n".join([*lines, "    return best"])


_choice(builtins.max, ">")
_choice(builtins.min, "<")


# --- steps ----------------------------------------------------------------------------------------------------
@function(round)
def round_(x, ndigits=None):
    if not is_active(x):
        return None
    if not is_given(ndigits):
        return ("return round(value_of(x))", {"value_of": value_of})
    return ("return lift(round(value_of(x), ndigits))", {"value_of": value_of, "lift": lift_to(x)})


@function(np.round, np.around, method="round")
def around(a, decimals=None):
    digits = "decimals" if is_given(decimals) else "0"
    kind = kind_of(a)
    scope = {"value_of": value_of, "lift": lift_to(kind), "allocate": allocator(kind)}  # type: ignore[arg-type]
    if is_active(a):
        return (f"return lift(np.round(value_of(a), {digits}))", scope)
    lines = ["out = allocate(a.shape)", "for i in np.ndindex(a.shape):"]
    return ("\n".join([*lines, f"    out[i] = np.round(value_of(a[i]), {digits})", "return out"]), scope)


# --- conversions ----------------------------------------------------------------------------------------------
@function(np.float64, np.double)
def float64(x):
    return (lambda x: x) if is_active(x) or is_array(x) else None


def _by_value(target: Any) -> None:
    @function(target)
    def looked_at(x):
        return ("return target(value_of(x))", {"value_of": value_of, "target": target}) if is_active(x) else None


for _target in (np.int64, np.int32, np.intp, np.bool_, math.isnan, math.isinf, math.isfinite):
    _by_value(_target)


# --- choices of elements --------------------------------------------------------------------------------------
@function(np.where)
def where(condition, x=None, y=None):
    if not is_given(x) or not is_given(y):
        return ("return np.nonzero(values_of(condition))", {"values_of": values_of})
    kind = kind_of(x, y)
    if kind is None:
        return ("return np.where(values_of(condition) != 0.0, x, y)", {"values_of": values_of})
    lift = lift_to(kind)

    def chosen(c, a, b):
        return lift(a) if value_of(c) else lift(b)

    if not any(map(rank, (condition, x, y))):
        return chosen
    return mapped(inlined(chosen), allocator(kind), (condition, x, y))


@function(np.clip, method="clip")
def clip(a, a_min, a_max):
    low, high = is_given(a_min), is_given(a_max)
    inner = "np.maximum(a, a_min)" if low else "a"
    return (f"return np.minimum({inner}, a_max)" if high else f"return {inner}", {})


def values_of(a):
    """The plain numbers in an array, or in a number."""
    raise NotImplementedError


@overload(values_of)
def _values_of(a):
    if is_active(a):
        return lambda a: value_of(a)
    if not is_array(a):
        return lambda a: a

    def values(a):
        out = np.empty(a.shape)
        for i in np.ndindex(a.shape):
            out[i] = value_of(a[i])
        return out

    return values
