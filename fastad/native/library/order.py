"""Sorting, searching, counting and comparing: what looks at values and at most moves active numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import types
from numba.extending import overload

from fastad.native.creation import allocator
from fastad.native.elementals import lift_to
from fastad.native.library.reductions import axis_of
from fastad.native.library.registry import function, is_given
from fastad.native.library.scalars import values_of
from fastad.native.loops import fill as fill_elements
from fastad.native.types import is_array, kind_of


# --- answers that are no active numbers -----------------------------------------------------------------------
def _by_values(target: Any, count: int, method: str | None = None) -> None:
    """A function of `count` arguments that sees plain numbers in place of active ones."""
    names = [f"a{k}" for k in range(count)]
    text = ", ".join([names[0], *(f"{n}=None" for n in names[1:])])
    scope: dict[str, Any] = {"form": _values_form(target, names)}
    exec(f"def {target.__name__}({text}):\n    return form({', '.join(names)})", scope)
    function(target, method=method)(scope[target.__name__])


def _values_form(target: Any, names: list[str]) -> Any:
    def form(*kinds: Any) -> Any:
        given = [f"values_of({n})" for n, k in zip(names, kinds, strict=True) if is_given(k)]
        return (f"return target({', '.join(given)})", {"values_of": values_of, "target": target})

    return form


for _target, _count, _method in (
    (np.argmax, 2, "argmax"), (np.argmin, 2, "argmin"), (np.nonzero, 1, "nonzero"), (np.count_nonzero, 2, None),
    (np.any, 1, "any"), (np.all, 1, "all"), (np.array_equal, 2, None), (np.isclose, 2, None), (np.allclose, 4, None),
    (np.digitize, 3, None), (np.argwhere, 1, None), (np.flatnonzero, 1, None),
    (np.argsort, 1, "argsort"), (np.searchsorted, 3, "searchsorted"),
):  # fmt: skip
    _by_values(_target, _count, _method)


# --- what moves active numbers --------------------------------------------------------------------------------
@function(np.sort)
def sort(a, axis=None):
    if not is_array(a) or (a.ndim > 1 and axis_of(a, axis) not in (None, a.ndim - 1)):
        return None
    if a.ndim == 1:
        return ("return a[np.argsort(values_of(a), kind='mergesort')]", {"values_of": values_of})
    lines = [
        "out = a.copy()", f"for i in np.ndindex(a.shape[:{a.ndim - 1}]):",
        "    row = a[i]", "    out[i] = row[np.argsort(values_of(row), kind='mergesort')]", "return out",
    ]  # fmt: skip
    return ("\n".join(lines), {"values_of": values_of})


@function(method="sort")
def sort_in_place(a):
    if is_array(a) and a.ndim == 1:
        return ("a[:] = a[np.argsort(values_of(a), kind='mergesort')]", {"values_of": values_of})
    return None


@function(method="fill")
def fill(a, value):
    return ("fill(a, value)", {"fill": fill_elements})


@function(np.diff)
def diff(a, n=None):
    if not is_array(a) or is_given(n):
        return None
    return ("return a[..., 1:] - a[..., :-1]", {})


@function(np.flip)
def flip(m):
    return (f"return m[{', '.join(['::-1'] * m.ndim)}]", {})


@function(np.interp)
def interp(x, xp, fp):
    scope = {"values_of": values_of, "at_point": at_point}
    if not isinstance(x, types.Array):
        return ("return at_point(x, values_of(x), xp, values_of(xp), fp)", scope)
    lines = [
        "places, known = values_of(x), values_of(xp)", "first = at_point(x[0], places[0], xp, known, fp)",
        "out = [first]", "for i in range(1, len(x)):", "    out.append(at_point(x[i], places[i], xp, known, fp))",
    ]  # fmt: skip
    return ("\n".join([*lines, "return as_array(out)"]), {**scope, "as_array": as_array})


def as_array(items):
    """An array of a list of active numbers."""
    raise NotImplementedError


def at_point(x, place, xp, known, fp):
    """Linear interpolation at one point; the piece to the right at a knot, the last one at the end."""
    raise NotImplementedError


@overload(as_array)
def _as_array(items):
    allocate = allocator(items.dtype)

    def stack(items):
        out = allocate(len(items))
        for i in range(len(items)):
            out[i] = items[i]
        return out

    return stack


@overload(at_point)
def _at_point(x, place, xp, known, fp):
    lift = lift_to(kind_of(x, xp, fp))  # type: ignore[arg-type]

    def interpolated(x, place, xp, known, fp):
        last = len(known) - 1
        if place != place:
            return lift(x)
        if place < known[0]:
            return lift(fp[0])
        if place > known[last]:
            return lift(fp[last])
        k = min(np.searchsorted(known, place, "right") - 1, last - 1)
        slope = (fp[k + 1] - fp[k]) / (xp[k + 1] - xp[k])
        return lift(fp[k] + slope * (x - xp[k]))

    return interpolated
