"""What recorded code sees in place of NumPy's creation functions and of `math`.

NumPy's own arrays cannot hold traced values, and `math` cannot compute with them. `REPLACEMENTS` pairs
each such function with one that can; `fastad.record.namespace` shows them to the code that is being
recorded, and to no other. Arrays of floats come back as traced arrays without slots, so that a traced
value may be assigned into them later; arrays of integers and truth values stay NumPy's own.
"""

from __future__ import annotations

import builtins
import math
from collections.abc import Callable
from typing import Any

import numpy as np

from fastad.errors import DerivativeCut
from fastad.ops import BY_NAME, Op
from fastad.record.builder import user_line
from fastad.record.elementwise import elementwise, on_scalar, power
from fastad.record.traced import TracedArray, TracedScalar, as_array, is_traced, plain, scalar_of


def _holds_traced(x: Any) -> bool:
    """Whether a (nested) list, tuple or object array has traced values in it."""
    if type(x) in (TracedScalar, TracedArray):
        return True
    if isinstance(x, list | tuple):
        return builtins.any(map(_holds_traced, x))
    return type(x) is np.ndarray and x.dtype == object and builtins.any(map(_holds_traced, x.flat))


def gather_objects(x: Any) -> Any:
    """A list, tuple or object array with traced values in it as one traced array; anything else as it is."""
    if type(x) in (TracedScalar, TracedArray, float, int, np.float64):
        return x
    if isinstance(x, list | tuple) or (type(x) is np.ndarray and x.dtype == object):
        if _holds_traced(x):
            return _stack(x)
        return np.asarray(x, np.float64) if type(x) is np.ndarray else x
    return x


def _stack(x: Any) -> Any:
    if type(x) in (TracedScalar, TracedArray):
        return x
    if isinstance(x, list | tuple) or (type(x) is np.ndarray and x.ndim):
        return np.stack([as_array(_stack(part)) if _holds_traced(part) else np.asarray(part, float) for part in x])
    return _stack(x.item()) if type(x) is np.ndarray else x


def _float_array(value: Any) -> Any:
    """A new float64 array that can take traced values; other dtypes stay NumPy's."""
    if type(value) is np.ndarray and value.dtype == np.float64:
        return TracedArray(value if value.base is None else value.copy())
    return value


def _creator(function: Callable[..., Any]) -> Callable[..., Any]:
    def create(*args: Any, **kwargs: Any) -> Any:
        return _float_array(function(*args, **kwargs))

    return create


def _checked(dtype: Any, x: Any) -> None:
    if dtype is not None and np.dtype(dtype) not in (np.dtype(np.float64), np.dtype(object)):
        raise DerivativeCut(f"a conversion to {np.dtype(dtype)} at {user_line()} would cut a traced value's derivative")


def array(obj: Any, dtype: Any = None, *args: Any, copy: Any = True, ndmin: int = 0, **options: Any) -> Any:
    """`np.array` for anything that may hold traced values."""
    if not isinstance(obj, list | tuple | np.ndarray | float | np.bool_) and hasattr(obj, "__next__"):
        obj = list(obj)
    if not _holds_traced(obj):
        return _float_array(np.array(obj, dtype, *args, copy=copy, ndmin=ndmin, **options))
    x = gather_objects(obj)
    if type(x) is TracedArray and x.passive and dtype is not None:
        return _float_array(np.array(x.value, dtype, ndmin=ndmin))
    _checked(dtype, x)
    x = as_array(x).copy() if copy or type(x) is TracedScalar else as_array(x)
    return x.reshape((1,) * (ndmin - x.ndim) + x.shape) if x.ndim < ndmin else x


def _as_array(function: Callable[..., Any]) -> Callable[..., Any]:
    def convert(a: Any, dtype: Any = None, *args: Any, **kwargs: Any) -> Any:
        if not _holds_traced(a):
            result = function(a, dtype, *args, **kwargs)
            return result if result is a else _float_array(result)
        return array(a, dtype, copy=False)

    return convert


def full(shape: Any, fill_value: Any, dtype: Any = None, *args: Any, **kwargs: Any) -> Any:
    """`np.full`, also with a traced fill value."""
    fill_value = gather_objects(fill_value)
    if not is_traced(fill_value):
        return _float_array(np.full(shape, plain(fill_value), dtype, *args, **kwargs))
    _checked(dtype, fill_value)
    return np.broadcast_to(as_array(fill_value), shape).copy()


def _empty(shape: Any, dtype: Any = float, *args: Any, **kwargs: Any) -> Any:
    # Zeros rather than whatever memory held: what is never assigned must not differ from call to call.
    return _float_array(np.zeros(shape, dtype))


def _on_lists(function: Callable[..., Any]) -> Callable[..., Any]:
    """A NumPy function that also takes lists of traced values, which do not dispatch by themselves."""

    def call(*args: Any, **kwargs: Any) -> Any:
        return function(*(_gathered(a) for a in args), **kwargs)

    return call


def _on_sequences(function: Callable[..., Any], move: Callable[..., Any]) -> Callable[..., Any]:
    """`np.stack` and its kin: what stands in the sequence may be traced, or lists of traced values."""

    def call(parts: Any, *args: Any, **kwargs: Any) -> Any:
        parts = list(parts) if hasattr(parts, "__next__") else parts
        return move(parts, *args, **kwargs) if _holds_traced(parts) else function(parts, *args, **kwargs)

    return call


def _gathered(x: Any) -> Any:
    if isinstance(x, list | tuple | np.ndarray) and type(x) is not TracedArray and _holds_traced(x):
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
            if type(x) is not np.ndarray and type(x) is not float and _holds_traced(x):
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


# --- math -------------------------------------------------------------------------------------------
_MATH_ROWS = {
    "acos": "arccos", "acosh": "arccosh", "asin": "arcsin", "asinh": "arcsinh", "atan": "arctan", "atan2": "arctan2",
    "atanh": "arctanh", "cbrt": "cbrt", "copysign": "copysign", "cos": "cos", "cosh": "cosh", "erf": "erf",
    "erfc": "erfc", "exp": "exp", "exp2": "exp2", "expm1": "expm1", "fabs": "absolute", "fmod": "fmod",
    "log10": "log10", "log1p": "log1p", "log2": "log2", "sin": "sin", "sinh": "sinh", "sqrt": "sqrt", "tan": "tan",
    "tanh": "tanh",
}  # fmt: skip


def _number(x: Any) -> Any:
    """A traced array of one element as a traced number, as `math` takes it."""
    return x.reshape(-1)[0] if type(x) is TracedArray and x.size == 1 else x


def _math_function(name: str, row: str) -> Callable[..., Any]:
    original, op = getattr(math, name), BY_NAME[row]

    def call(*args: Any) -> Any:
        if len(args) == 1 and type(args[0]) is TracedScalar:
            return on_scalar(op, args[0], original(args[0].value))
        if not builtins.any(map(is_traced, args)):
            return original(*map(plain, args))
        args = tuple(map(_number, args))
        value = original(*map(plain, args))  # math's own value, and its own error outside the domain
        result = elementwise(op, *args)
        return scalar_of(result.builder, result.slot, value)

    return call


def _math_pow(x: Any, y: Any) -> Any:
    return power(_number(x), _number(y)) if is_traced(x) or is_traced(y) else math.pow(plain(x), plain(y))


def _math_log(x: Any, *base: Any) -> Any:
    logarithm = MATH_LOG(x)
    return logarithm / MATH_LOG(base[0]) if base else logarithm


def _math_hypot(*parts: Any) -> Any:
    if len(parts) == 2 and (is_traced(parts[0]) or is_traced(parts[1])):
        return elementwise(BY_NAME["hypot"], *map(_number, parts))
    if builtins.any(map(is_traced, parts)):
        return np.sqrt(builtins.sum(_number(p) * _number(p) for p in parts))
    return math.hypot(*map(plain, parts))


def _math_dist(p: Any, q: Any) -> Any:
    return _math_hypot(*(a - b for a, b in zip(p, q, strict=True)))


def _math_fsum(items: Any) -> Any:
    items = list(items)
    return builtins.sum(items) if builtins.any(map(is_traced, items)) else math.fsum(map(plain, items))


def _math_prod(items: Any, *, start: Any = 1) -> Any:
    for item in items:
        start = start * item
    return start


def _truth(name: str) -> Callable[[Any], bool]:
    def call(x: Any) -> bool:
        return bool(getattr(np, name)(_number(x))) if is_traced(x) else getattr(math, name)(plain(x))

    return call


def _whole(name: str) -> Callable[[Any], int]:
    original = getattr(math, name)
    return lambda x: original(_number(x))


MATH_LOG = _math_function("log", "log")
_MATH: list[tuple[Any, Any]] = [
    *((getattr(math, name), _math_function(name, row)) for name, row in _MATH_ROWS.items()),
    (math.pow, _math_pow), (math.log, _math_log), (math.hypot, _math_hypot), (math.dist, _math_dist),
    (math.fsum, _math_fsum), (math.prod, _math_prod), (math.degrees, lambda x: np.degrees(_number(x))),
    (math.radians, lambda x: np.radians(_number(x))),
    *((getattr(math, name), _truth(name)) for name in ("isnan", "isinf", "isfinite")),
    *((getattr(math, name), _whole(name)) for name in ("floor", "ceil", "trunc")),
]  # fmt: skip


_CREATORS = "zeros ones arange linspace logspace geomspace eye identity fromiter tri vander".split()


def replacements() -> list[tuple[Any, Any]]:
    """(original, what recorded code sees instead) for NumPy's and math's functions."""
    from fastad.record.choices import OF_SEQUENCES
    from fastad.record.functions import FUNCTIONS, UFUNCS, copy_of
    from fastad.record.movement import SEQUENCE_MOVERS

    pairs: dict[int, tuple[Any, Any]] = {}
    for function in [*FUNCTIONS, *(getattr(np, name) for name in ("einsum", "cross", "kron"))]:
        if function not in SEQUENCE_MOVERS:  # those dispatch on the arrays inside the sequence
            pairs[id(function)] = (function, _on_lists(function))
    for function in OF_SEQUENCES:
        pairs[id(function)] = (function, FUNCTIONS[function])
    for function in SEQUENCE_MOVERS:
        pairs[id(function)] = (function, _on_sequences(function, SEQUENCE_MOVERS[function]))
    for name in dir(np):
        if isinstance(getattr(np, name), np.ufunc):
            ufunc = getattr(np, name)
            pairs[id(ufunc)] = (ufunc, _Ufunc(ufunc, UFUNCS.get(ufunc)))
    for name in _CREATORS:
        pairs[id(getattr(np, name))] = (getattr(np, name), _creator(getattr(np, name)))
    for name in ["asarray", "asanyarray", "ascontiguousarray", "asfortranarray", "asarray_chkfinite", "require"]:
        pairs[id(getattr(np, name))] = (getattr(np, name), _as_array(getattr(np, name)))
    pairs_of_ours = [(np.array, array), (np.full, full), (np.empty, _empty), (np.linspace, _on_lists(np.linspace))]
    for original, ours in [*pairs_of_ours, *_MATH]:
        pairs[id(original)] = (original, ours)
    pairs[id(np.copy)] = (np.copy, lambda a, order="K", subok=False: copy_of(a))
    for name, fill in (("zeros_like", 0.0), ("ones_like", 1.0), ("empty_like", 0.0)):
        pairs[id(getattr(np, name))] = (getattr(np, name), _maker_like(getattr(np, name), fill))
    return list(pairs.values())


def _maker_like(function: Callable[..., Any], fill: float) -> Callable[..., Any]:
    def make(a: Any, dtype: Any = None, *args: Any, **kwargs: Any) -> Any:
        if _holds_traced(a):
            shape = kwargs.get("shape")
            shape = np.shape(a) if shape is None else shape
            return _float_array(np.full(shape, fill, dtype or plain(gather_objects(a)).dtype))
        return _float_array(function(a, dtype, *args, **kwargs))

    return make
