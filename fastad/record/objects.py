"""What recorded code sees in place of NumPy's classes, and of the objects that are used like functions."""

from __future__ import annotations

import builtins
from typing import Any

import numpy as np

from fastad.errors import UnsupportedFunction
from fastad.record.builder import user_line
from fastad.record.creation import float_array, holds_traced
from fastad.record.library import library
from fastad.record.traced import plain


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


def function_of(vectorized: Any) -> tuple[Any, ...]:
    return (vectorized.pyfunc,)


def vectorize_of(vectorized: Any, function: Any) -> Any:
    """A copy of an `np.vectorize` for another function, whose calls are recorded."""
    names = ("otypes", "excluded", "cache", "signature")
    options = {name: getattr(vectorized, name) or None for name in names}
    return dict(library().classes())[np.vectorize](function, **options)


def _nditer(*args: Any, **options: Any) -> Any:
    if builtins.any(map(holds_traced, args)):
        raise UnsupportedFunction(
            f"np.nditer of a traced array at {user_line()}: iterate over np.ndindex(x.shape) or np.ndenumerate(x)"
        )
    return np.nditer(*map(plain, args), **options)


def objects() -> list[tuple[Any, Any]]:
    """(original, what recorded code sees instead)."""
    grids = [(grid, _Joining(grid)) for grid in (np.r_, np.c_, np.mgrid, np.ogrid)]
    return [*grids, (np.nditer, _nditer)]
