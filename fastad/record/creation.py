"""What recorded code sees in place of NumPy's creation functions and of functions that take lists.

NumPy's own arrays cannot hold traced values. `replacements` pairs each such function with one that can;
`fastad.record.namespace` shows them to the code that is being recorded, and to no other. Arrays of floats come
back as traced arrays without slots, so that a traced value may be assigned into them later; arrays of integers
and truth values stay NumPy's own.
"""

from __future__ import annotations

import builtins
from collections.abc import Callable
from functools import cache
from itertools import islice
from typing import Any

import numpy as np

from fastad.errors import DerivativeCut
from fastad.ops import Op
from fastad.record.builder import user_line
from fastad.record.complex_numbers import TracedComplex
from fastad.record.elementwise import on_scalar
from fastad.record.library import named_first
from fastad.record.traced import TracedArray, TracedScalar, as_array, is_traced, plain


def holds_traced(x: Any) -> bool:
    """Whether a (nested) list, tuple or object array has traced values in it."""
    if type(x) in (TracedScalar, TracedArray):
        return True
    if isinstance(x, list | tuple):
        return builtins.any(map(holds_traced, x))
    if isinstance(x, np.poly1d):
        return holds_traced(x.coeffs)
    return type(x) is np.ndarray and x.dtype == object and builtins.any(map(holds_traced, x.flat))


def gather_objects(x: Any) -> Any:
    """A list, tuple or object array with traced values in it as one traced array; anything else as it is."""
    if type(x) in (TracedScalar, TracedArray, float, int, np.float64):
        return x
    if isinstance(x, list | tuple) or (type(x) is np.ndarray and x.dtype == object):
        if holds_traced(x):
            return _stack(x)
        return np.asarray(x, np.float64) if type(x) is np.ndarray else x
    return x.coeffs if isinstance(x, np.poly1d) else x


def _stack(x: Any) -> Any:
    if type(x) in (TracedScalar, TracedArray):
        return x
    if isinstance(x, list | tuple) or (type(x) is np.ndarray and x.ndim):
        return np.stack([as_array(_stack(part)) if holds_traced(part) else np.asarray(part, float) for part in x])
    return _stack(x.item()) if type(x) is np.ndarray else x


def float_array(value: Any) -> Any:
    """A new float64 array that can take traced values; other dtypes stay NumPy's."""
    if type(value) is np.ndarray and value.dtype == np.float64:
        return TracedArray(value if value.base is None else value.copy())
    return value


def _creator(function: Callable[..., Any]) -> Callable[..., Any]:
    def create(*args: Any, **kwargs: Any) -> Any:
        return float_array(function(*args, **kwargs))

    return create


def checked(dtype: Any) -> None:
    if dtype is not None and np.dtype(dtype) not in (np.dtype(np.float64), np.dtype(object)):
        raise DerivativeCut(f"a conversion to {np.dtype(dtype)} at {user_line()} would cut a traced value's derivative")


def array(obj: Any, dtype: Any = None, *args: Any, copy: Any = True, ndmin: int = 0, **options: Any) -> Any:
    """`np.array` for anything that may hold traced values."""
    if not isinstance(obj, list | tuple | np.ndarray | float | np.bool_) and hasattr(obj, "__next__"):
        obj = list(obj)
    if not holds_traced(obj):
        return float_array(np.array(obj, dtype, *args, copy=copy, ndmin=ndmin, **options))
    x = gather_objects(obj)
    if type(x) is TracedArray and x.passive and dtype is not None:
        return float_array(np.array(x.value, dtype, ndmin=ndmin))
    checked(dtype)
    x = as_array(x).copy() if copy is True or type(x) is TracedScalar else as_array(x)
    return x.reshape((1,) * (ndmin - x.ndim) + x.shape) if x.ndim < ndmin else x


def _as_array(function: Callable[..., Any]) -> Callable[..., Any]:
    def convert(a: Any, dtype: Any = None, *args: Any, **kwargs: Any) -> Any:
        if not holds_traced(a):
            result = function(a, dtype, *args, **kwargs)
            return result if result is a else float_array(result)
        return array(a, dtype, copy=False)

    return convert


def full(shape: Any, fill_value: Any, dtype: Any = None, *args: Any, **kwargs: Any) -> Any:
    """`np.full`, also with a traced fill value."""
    fill_value = gather_objects(fill_value)
    if not is_traced(fill_value):
        return float_array(np.full(shape, plain(fill_value), dtype, *args, **kwargs))
    checked(dtype)
    return np.broadcast_to(as_array(fill_value), shape).copy()


def _empty(shape: Any, dtype: Any = float, *args: Any, **kwargs: Any) -> Any:
    # Zeros rather than whatever memory held: what is never assigned must not differ from call to call.
    made = np.empty if np.dtype(dtype).hasobject else np.zeros
    return float_array(made(shape, dtype, *args, **kwargs))


def _arange(*args: Any, dtype: Any = None, **options: Any) -> Any:
    """`np.arange`: how many numbers there are is looked at, and guarded."""
    args = tuple(map(gather_objects, args))
    if not builtins.any(map(is_traced, args)) and not builtins.any(map(is_traced, options.values())):
        return float_array(np.arange(*map(plain, args), dtype=dtype, **options))
    checked(dtype)
    start, stop, step = _range(*args, **options)
    count = int(np.ceil((stop - start) / step))
    return start + np.arange(max(count, 0)) * ((start + step) - start)


def _range(start: Any, stop: Any = None, step: Any = 1.0, *_: Any) -> tuple[Any, Any, Any]:
    return (0.0, start, step) if stop is None else (start, stop, step)


def _fromiter(iter: Any, dtype: Any, count: int = -1, **options: Any) -> Any:
    items = list(iter if count < 0 else islice(iter, count))
    return array(items, dtype) if holds_traced(items) else float_array(np.fromiter(items, dtype, count, **options))


def _on_lists(function: Callable[..., Any], ours: Callable[..., Any]) -> Callable[..., Any]:
    """A NumPy function that also takes lists of traced values, which do not dispatch by themselves."""

    def call(*args: Any, **kwargs: Any) -> Any:
        for x in args:
            if type(x) is TracedComplex:
                return x.__array_function__(function, (), args, kwargs)
        if builtins.any(map(holds_traced, args)) or builtins.any(map(holds_traced, kwargs.values())):
            return ours(*map(_gathered, args), **{name: _gathered(value) for name, value in kwargs.items()})
        return function(*args, **kwargs)

    return call


def _on_sequences(function: Callable[..., Any], move: Callable[..., Any]) -> Callable[..., Any]:
    """`np.stack` and its kin: what stands in the sequence may be traced, or lists of traced values."""

    def call(parts: Any, *args: Any, **kwargs: Any) -> Any:
        parts = list(parts) if hasattr(parts, "__next__") else parts
        return move(parts, *args, **kwargs) if holds_traced(parts) else function(parts, *args, **kwargs)

    return named_first(function, call)


def _gathered(x: Any) -> Any:
    if isinstance(x, list | tuple | np.ndarray) and type(x) is not TracedArray and holds_traced(x):
        return gather_objects(x)
    return list(x) if hasattr(x, "__next__") else x


class _Ufunc:
    """A ufunc that also takes lists and object arrays of traced values; its methods are the ufunc's own."""

    def __init__(self, ufunc: np.ufunc, op: Op | None) -> None:
        self._ufunc, self._op = ufunc, op

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if len(args) == 1 and type(args[0]) is TracedScalar and not kwargs and self._op is not None:
            return on_scalar(self._op, args[0], self._ufunc(args[0].value).item())
        for x in args:
            if type(x) is not np.ndarray and type(x) is not float and holds_traced(x):
                return self._traced(args, kwargs)
        return self._ufunc(*map(_gathered, args), **kwargs)

    def _traced(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        from fastad.record.functions import call_ufunc

        inputs, out = args[: self._ufunc.nin], args[self._ufunc.nin :] or kwargs.pop("out", None)
        if out is not None:
            kwargs["out"] = out if type(out) is tuple else (out,)
        return call_ufunc(self._ufunc, "__call__", inputs, kwargs)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._ufunc, name)


_CREATORS = "zeros ones eye identity tri".split()


@cache
def replacements() -> list[tuple[Any, Any]]:
    """(original, what recorded code sees instead) for NumPy's and math's functions."""
    from fastad.record.choices import OF_SEQUENCES
    from fastad.record.functions import FUNCTIONS, UFUNCS, copy_of
    from fastad.record.mathematics import MATH
    from fastad.record.movement import SEQUENCE_MOVERS
    from fastad.record.objects import objects

    pairs: dict[int, tuple[Any, Any]] = {}
    for function, ours in FUNCTIONS.items():
        if function not in SEQUENCE_MOVERS:  # those dispatch on the arrays inside the sequence
            pairs[id(function)] = (function, _on_lists(function, ours))
    for function in OF_SEQUENCES:
        pairs[id(function)] = (function, FUNCTIONS[function])
    for function in SEQUENCE_MOVERS:
        pairs[id(function)] = (function, _on_sequences(function, SEQUENCE_MOVERS[function]))
    for ufunc in vars(np).values():  # not by name: to look at some names of NumPy's imports modules
        if isinstance(ufunc, np.ufunc):
            pairs[id(ufunc)] = (ufunc, _Ufunc(ufunc, UFUNCS.get(ufunc)))
    for name in _CREATORS:
        pairs[id(getattr(np, name))] = (getattr(np, name), _creator(getattr(np, name)))
    for name in ["asarray", "asanyarray", "ascontiguousarray", "asfortranarray", "asarray_chkfinite", "require"]:
        pairs[id(getattr(np, name))] = (getattr(np, name), _as_array(getattr(np, name)))
    pairs_of_ours = [
        (np.array, array),
        (np.full, full),
        (np.empty, _empty),
        (np.arange, _arange),
        (np.fromiter, _fromiter),
    ]
    for original, ours in [*pairs_of_ours, *objects(), *MATH]:
        pairs[id(original)] = (original, ours)
    pairs[id(np.copy)] = (np.copy, lambda a, order="K", subok=False: copy_of(a))
    for name, fill in (("zeros_like", 0.0), ("ones_like", 1.0), ("empty_like", 0.0)):
        pairs[id(getattr(np, name))] = (getattr(np, name), _maker_like(getattr(np, name), fill))
    return list(pairs.values())


def _maker_like(function: Callable[..., Any], fill: float) -> Callable[..., Any]:
    def make(a: Any, dtype: Any = None, *args: Any, **kwargs: Any) -> Any:
        if holds_traced(a):
            shape = kwargs.get("shape")
            shape = np.shape(a) if shape is None else shape
            return float_array(np.full(shape, fill, dtype or plain(gather_objects(a)).dtype))
        return float_array(function(a, dtype, *args, **kwargs))

    return make
