"""What the modules of the tools share: the form of a prepared work, and objectives under another NumPy.

A tool module has `NAME` and `prepare(work)`, which returns a `Prepared` or raises `LeftOut` with the reason. `run` is
what gets timed: one value and gradient from inputs the tool already holds to results it has finished computing, without
conversions; `read` turns what `run` returned into a float and one flat gradient.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from types import FunctionType, ModuleType
from typing import Any, NamedTuple

import numpy as np


class LeftOut(Exception):
    """Why a tool does not take part in a work."""


class Prepared(NamedTuple):
    """A value and gradient ready to run, and how to read its result."""

    run: Callable[[], Any]
    read: Callable[[Any], tuple[float, np.ndarray]]


def joined(gradients: Sequence[Any]) -> np.ndarray:
    """The gradients of several arrays as one flat array."""
    return np.concatenate([np.asarray(gradient, float).reshape(-1) for gradient in gradients])


def read_pair(result: tuple[Any, Any]) -> tuple[float, np.ndarray]:
    """(value, gradient or tuple of gradients) as (float, flat array)."""
    value, gradients = result
    return float(value), joined(gradients if isinstance(gradients, tuple | list) else (gradients,))


def under(module: ModuleType, numpy: Any) -> dict[str, Any]:
    """The names of an objective's module with `np` standing for another module of the same functions.

    The functions keep their code and get other globals; those from other modules get the other `np` too.
    """
    names = dict(vars(module)) | {"np": numpy}
    for name, value in vars(module).items():
        if isinstance(value, FunctionType):
            home = sys.modules[value.__module__]
            own = FunctionType(value.__code__, names, name, value.__defaults__)
            names[name] = own if home is module else under(home, numpy)[name]
    return names


def converted(data: Any, convert: Callable[[np.ndarray], Any]) -> Any:
    """Passive arguments with every array converted, also those in tuples."""
    if isinstance(data, np.ndarray):
        return convert(data)
    return tuple(converted(part, convert) for part in data) if isinstance(data, tuple) else data
