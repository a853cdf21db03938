"""Attributes of traced scalars and arrays: those of NumPy's arrays, or an error that names them.

Most are NumPy functions of the same name (`METHODS` of `fastad.record.functions`). Here are those that belong
to an array's memory, and those that would take the numbers out of it. A passive array has every attribute of
NumPy's, because it is one but for the values that it may take.
"""

from __future__ import annotations

from collections.abc import Callable
from types import MethodType
from typing import Any

import numpy as np

from fastad.record import functions
from fastad.record.traced import TracedArray, TracedScalar, as_array, cut, is_traced, plain


def _view(x: Any, dtype: Any = None, type: Any = None) -> Any:
    if dtype in (None, np.ndarray) or np.dtype(dtype) == x.dtype:
        return as_array(x)[...]
    if not is_traced(x):
        return x.value.view(dtype)
    raise cut(f".view({np.dtype(dtype)})", "the bits of a number have no derivative; keep float64")


def _resize(x: Any, *shape: Any, refcheck: bool = True) -> None:
    if x.root is not x:
        raise ValueError("cannot resize this array: it does not own its data")
    new = np.resize(x, shape[0] if len(shape) == 1 else shape)
    if new.size > x.size:
        new.reshape(-1)[x.size :] = 0.0
    x.become(as_array(new))


def _setflags(x: Any, write: Any = None, align: Any = None, uic: Any = None) -> None:
    x.value.setflags(write, align, uic)


def _compress(x: Any, condition: Any, axis: int | None = None, out: Any = None) -> Any:
    return functions.FUNCTIONS[np.compress](condition, x, axis, out)


def _is_integer(x: Any) -> bool:
    return bool(x == np.floor(x))


def _method(name: str) -> Callable[..., Any]:
    return lambda x, *args, **kwargs: functions.FUNCTIONS[getattr(np, name)](x, *args, **kwargs)


METHODS: dict[str, Callable[..., Any]] = {
    **functions.METHODS,
    "put": _method("put"),
    "view": _view,
    "resize": _resize,
    "setflags": _setflags,
    "compress": _compress,
    "is_integer": _is_integer,
    "to_device": lambda x, device, stream=None: x,
    "__array_namespace__": lambda x, api_version=None: np,
}
# Attributes of a traced number that are not methods: those of an array of no dimension.
_OF_NUMBERS = ("imag", "nbytes", "itemsize", "strides", "flags", "base", "flat", "device")
_WAY_OUT = "the bytes of a number have no derivative; return the values and use them outside"


def attribute(x: Any, name: str) -> Any:
    """What `x.name` is, of a traced scalar or array that has no attribute of its own of that name."""
    method = METHODS.get(name)
    if method is not None:
        return MethodType(method, x)
    if name == "device":
        return "cpu"
    if type(x) is TracedScalar and name in _OF_NUMBERS:
        return 0.0 if name == "imag" else None if name == "base" else getattr(as_array(x), name)
    if name.startswith("_") or not hasattr(np.ndarray, name):
        raise AttributeError(f"a traced {'array' if type(x) is TracedArray else 'number'} has no attribute {name!r}")
    if not is_traced(x):
        return getattr(plain(x), name)
    raise cut(f".{name} of a traced value", _WAY_OUT)
