"""What recorded code sees in place of NumPy's classes, and of the objects that are used like functions."""

from __future__ import annotations

import builtins
import sys
from typing import Any

import numpy as np

from fastad.errors import UnsupportedFunction
from fastad.record.builder import is_assignment, user_line
from fastad.record.creation import float_array, holds_traced
from fastad.record.library import library
from fastad.record.traced import ASSIGNMENT, TracedArray, builder_for, cut, plain, scalar_of


class _Joining:
    """`np.r_` and its kin: what stands between the brackets may be traced."""

    def __init__(self, original: Any) -> None:
        self._original = original

    def __getitem__(self, key: Any) -> Any:
        parts = key if type(key) is tuple else (key,)
        bounds = [b for part in parts if type(part) is slice for b in (part.start, part.stop, part.step)]
        if not builtins.any(map(holds_traced, (*parts, *bounds))):
            return float_array(self._original[key])
        return library().function(type(self._original).__getitem__)(self._original, key)

    def __len__(self) -> int:
        return len(self._original)


class Vectorize:
    """`np.vectorize`, whose calls and copies run NumPy's own code, recorded."""

    def __call__(self, *args: Any, **options: Any) -> Any:
        return library().subclass(np.vectorize)(*args, **options)

    @staticmethod
    def parts(vectorized: Any) -> tuple[Any, ...]:
        return (vectorized.pyfunc,)

    @staticmethod
    def joined(vectorized: Any, function: Any) -> Any:
        names = ("otypes", "excluded", "cache", "signature")
        options = {name: getattr(vectorized, name) or None for name in names}
        return library().subclass(np.vectorize)(function, **options)


def _nditer(*args: Any, **options: Any) -> Any:
    if builtins.any(map(holds_traced, args)):
        raise UnsupportedFunction(
            f"np.nditer of a traced array at {user_line()}: iterate over np.ndindex(x.shape) or np.ndenumerate(x)"
        )
    return np.nditer(*map(plain, args), **options)


def object_array(x: TracedArray, dtype: Any) -> np.ndarray:
    """The elements as Python objects, for C code that asks for a plain array.

    Arithmetic on objects comes back to the traced scalars; whatever would need numbers fails there.
    """
    if is_assignment(sys._getframe(2)):
        raise cut(*ASSIGNMENT)
    if dtype is not None and np.dtype(dtype) != object:
        raise cut(
            f"a conversion to a plain array of {np.dtype(dtype)}",
            "use np.asarray(x) in the function that is differentiated",
        )
    out = np.empty(x.shape, object)
    slots, builder = x.slots, builder_for((x,))
    for index in np.ndindex(x.shape):
        out[index] = scalar_of(builder, int(slots[index]), x.value[index])
    return out


def objects() -> list[tuple[Any, Any]]:
    """(original, what recorded code sees instead)."""
    grids = [(grid, _Joining(grid)) for grid in (np.r_, np.c_, np.mgrid, np.ogrid)]
    return [*grids, (np.nditer, _nditer), (np.vectorize, Vectorize())]
