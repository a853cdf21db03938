"""NumPy's two protocols: which of fastad's functions answers for which of NumPy's.

`call_ufunc` and `call_function` are what `__array_ufunc__` and `__array_function__` of traced values
do. Ufuncs that stand in a row of the table of operations need nothing else; `FUNCTIONS` holds the
rest. A function that is in neither is an error naming it and the user's line, never a guess.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from fastad.errors import DerivativeCut, UnsupportedFunction
from fastad.ops import BY_NAME, OPS, Op
from fastad.record import (
    calculus,
    choices,
    einsum,
    fourier,
    linalg,
    norms,
    ordering,
    polynomials,
    products,
    quantiles,
    scans,
    special,
    statistics,
)
from fastad.record import operators as operators  # gives the traced types their operators
from fastad.record import reductions as r
from fastad.record.builder import user_line
from fastad.record.creation import gather_objects
from fastad.record.elementwise import apply_operator, elementwise, power
from fastad.record.indexing import guard_zeros
from fastad.record.movement import MOVERS, _where_moving
from fastad.record.passive import any_traced, plain_parts, wrap_passive
from fastad.record.traced import TracedArray, TracedScalar, as_array, copied, is_traced, plain
from fastad.record.ufunc_methods import call_method

UFUNCS: dict[Any, Op] = {
    getattr(np, name): op for op in OPS for name in op.ufuncs if hasattr(np, name) and "." not in name
}
_SPECIAL: dict[str, Op] = {
    name.rpartition(".")[2]: op for op in OPS for name in op.ufuncs if name.startswith("scipy.special.")
}
_LOGICAL = {
    np.bitwise_and: "logical_and",
    np.bitwise_or: "logical_or",
    np.bitwise_xor: "logical_xor",
    np.invert: "logical_not",
}
_COMPOSED: dict[Any, Callable[..., Any]] = {
    **products.UFUNCS,
    np.float_power: power,
    np.deg2rad: lambda x: x * (np.pi / 180),
    np.radians: lambda x: x * (np.pi / 180),
    np.rad2deg: lambda x: x * (180 / np.pi),
    np.degrees: lambda x: x * (180 / np.pi),
    np.conjugate: lambda x: x,
    np.divmod: lambda a, b: (a // b, a % b),
    np.modf: lambda x: (x - np.trunc(x), np.trunc(x)),
}


# --- ufuncs -----------------------------------------------------------------------------------------
def row_of(ufunc: np.ufunc) -> Op | None:
    """The row that a ufunc stands for, SciPy's special functions included."""
    op = UFUNCS.get(ufunc)
    if op is None and ufunc.__name__ in _SPECIAL:
        import scipy.special

        if getattr(scipy.special, ufunc.__name__, None) is ufunc:
            op = UFUNCS[ufunc] = _SPECIAL[ufunc.__name__]
    return op


def call_ufunc(ufunc: Any, method: str, inputs: tuple[Any, ...], options: dict[str, Any]) -> Any:
    """A ufunc, or one of its methods, with a traced operand or output."""
    out, where = options.pop("out", None), options.pop("where", True)
    inputs = tuple(gather_objects(x) for x in inputs)
    if not any(map(is_traced, inputs)) and not is_traced(where):
        result = getattr(ufunc, method)(
            *map(plain, inputs), **options, **({} if where is True else {"where": plain(where)})
        )
        result = wrap_passive(result)
    elif method == "__call__" and set("".join(ufunc.types)) <= set("O->"):
        result = _of_objects(ufunc, inputs)
    elif method == "__call__":
        result = _call(ufunc, inputs, options)
        if where is not True:
            result = np.where(where, result, out[0] if out else 0.0)
    else:
        result = call_method(ufunc, method, inputs, options if where is True else {**options, "where": where})
    return _store(result, out)


def _of_objects(ufunc: Any, inputs: tuple[Any, ...]) -> Any:
    """A ufunc made by `np.frompyfunc`: its function is called for each element."""
    from fastad.record.elements import object_array

    results = ufunc(*(object_array(as_array(x), None) if is_traced(x) else plain(x) for x in inputs))
    return tuple(map(gather_objects, results)) if type(results) is tuple else gather_objects(results)


def _store(result: Any, out: Any) -> Any:
    """Put a result where `out=` says; a plain array cannot hold traced values, so `a += x` rebinds `a`."""
    if not out or out[0] is None:
        return result
    if out[0] is Ellipsis:  # an array, of no dimension too
        return as_array(result) if is_traced(result) else np.asarray(result)
    if type(out[0]) is TracedArray:
        out[0][...] = result
        return out[0]
    shape = np.shape(plain(out[0]))
    return np.array(np.broadcast_to(plain(result), shape)) if not is_traced(result) else _own(result, shape)


def _own(result: Any, shape: tuple[int, ...]) -> Any:
    return np.broadcast_to(as_array(result), shape).copy()


def _call(ufunc: Any, inputs: tuple[Any, ...], options: dict[str, Any]) -> Any:
    dtype = options.pop("dtype", None)
    dtype = dtype() if isinstance(dtype, type) and issubclass(dtype, np.dtype) else dtype  # type: ignore[call-overload]
    if dtype is not None and np.dtype(dtype) not in (np.dtype(np.float64), np.dtype(bool)):
        raise DerivativeCut(
            f"np.{ufunc.__name__}(..., dtype={np.dtype(dtype)}) at {user_line()}: fastad computes in float64"
        )
    composed = _COMPOSED.get(ufunc)
    if composed is not None:
        return composed(*inputs)
    op = row_of(ufunc)
    if ufunc in _LOGICAL:
        op = BY_NAME[_LOGICAL[ufunc]]
    if op is None and (ours := special.of_ufunc(ufunc)) is not None:
        return ours(*inputs)
    if op is None and type(ufunc).__name__ == "DUFunc":
        from fastad.native.traced_calls import call_vectorised  # it teaches Numba hundreds of overloads

        return call_vectorised(ufunc, inputs)
    if op is None:
        raise _unsupported(f"{'scipy.special' if not hasattr(np, ufunc.__name__) else 'np'}.{ufunc.__name__}")
    if op.name == "add" and all(np.asarray(plain(x)).dtype == bool for x in inputs):
        op = BY_NAME["logical_or"]
    return apply_operator(op, *inputs)


def _unsupported(name: str) -> UnsupportedFunction:
    return UnsupportedFunction(
        f"{name} was called on a traced value at {user_line()}, and fastad has no derivative for it: write it with "
        "supported functions, or apply it to values that do not depend on the independents"
    )


# --- functions --------------------------------------------------------------------------------------
def call_function(function: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """A NumPy function with a traced argument."""
    ours = FUNCTIONS.get(function)
    if ours is not None:
        return ours(*args, **kwargs)
    if not any_traced(args) and not any_traced(kwargs.values()):
        return wrap_passive(function(*map(plain_parts, args), **{k: plain_parts(v) for k, v in kwargs.items()}))
    module = getattr(function, "__module__", "numpy")
    raise _unsupported(f"{module}.{getattr(function, '__name__', function)}")


def _where(condition: Any, x: Any = None, y: Any = None) -> Any:
    condition, x, y = gather_objects(condition), gather_objects(x), gather_objects(y)
    if x is None:
        return np.nonzero(guard_zeros(condition) if type(condition) is TracedArray else plain(condition))
    if not is_traced(condition):
        mask = np.asarray(plain(condition))
        if not is_traced(x) and not is_traced(y):
            return wrap_passive(np.where(mask, plain(x), plain(y)))
        return _where_moving(mask.astype(bool), x, y)
    return elementwise(BY_NAME["where"], condition, x, y)


def _round(a: Any, decimals: int = 0, out: Any = None) -> Any:
    scale = 10.0**decimals
    return np.rint(a) if not decimals else np.rint(a * scale) / scale


def _array_equal(a: Any, b: Any, equal_nan: bool = False) -> bool:
    return np.shape(a) == np.shape(b) and bool(r.all_true(as_array(np.equal(a, b))))


def _isclose(a: Any, b: Any, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False) -> Any:
    return np.abs(a - b) <= atol + rtol * np.abs(b)


def _full_like(
    a: Any, fill_value: Any, dtype: Any = None, order: str = "K", subok: bool = True, shape: Any = None
) -> Any:
    from fastad.record.creation import full

    return full(np.shape(a) if shape is None else shape, fill_value, dtype)


def _like(value: float) -> Callable[..., Any]:
    def make(a: Any, dtype: Any = None, order: str = "K", subok: bool = True, shape: Any = None, **_: Any) -> Any:
        if dtype is not None and np.dtype(dtype) != np.float64:
            return np.full(np.shape(a) if shape is None else shape, value, dtype)
        return TracedArray(np.full(np.shape(a) if shape is None else shape, value))

    return make


FUNCTIONS: dict[Any, Callable[..., Any]] = {
    **MOVERS,
    **r.FUNCTIONS,
    **products.FUNCTIONS,
    **norms.FUNCTIONS,
    **linalg.FUNCTIONS,
    **fourier.FUNCTIONS,
    **einsum.FUNCTIONS,
    **calculus.FUNCTIONS,
    **polynomials.FUNCTIONS,
    **scans.FUNCTIONS,
    **ordering.FUNCTIONS,
    **choices.FUNCTIONS,
    **quantiles.FUNCTIONS,
    **statistics.FUNCTIONS,
    np.where: _where,
    np.round: _round,
    np.around: _round,
    np.array_equal: _array_equal,
    np.isclose: _isclose,
    np.allclose: lambda a, b, *args, **kwargs: bool(r.all_true(as_array(_isclose(a, b, *args, **kwargs)))),
    np.nonzero: lambda a: np.nonzero(guard_zeros(a)),
    np.flatnonzero: lambda a: np.flatnonzero(guard_zeros(a)),
    np.argwhere: lambda a: np.argwhere(guard_zeros(a)),
    np.copy: lambda a, order="K", subok=False: copy_of(a),
    np.zeros_like: _like(0.0),
    np.empty_like: _like(0.0),
    np.ones_like: _like(1.0),
    np.full_like: _full_like,
    np.shape: lambda a: np.shape(plain(gather_objects(a))),
    np.ndim: lambda a: np.ndim(plain(a)),
    np.size: lambda a, axis=None: np.size(plain(a), axis),
    np.real: lambda a: a,
    np.imag: lambda a: np.zeros(np.shape(a)),
    np.isrealobj: lambda a: True,
    np.iscomplexobj: lambda a: False,
    np.iscomplex: lambda a: np.zeros(np.shape(a), bool),
    np.isreal: lambda a: np.ones(np.shape(a), bool),
    np.result_type: lambda *a: np.result_type(*(plain(x) for x in a)),
    np.real_if_close: lambda a, tol=100: a,
    np.array_repr: lambda arr, *args, **kwargs: np.array_repr(plain(arr), *args, **kwargs),
    np.array_str: lambda a, *args, **kwargs: np.array_str(plain(a), *args, **kwargs),
    np.array2string: lambda a, *args, **kwargs: np.array2string(plain(a), *args, **kwargs),
    np.shares_memory: lambda a, b, max_work=-1: np.shares_memory(plain(a), plain(b), max_work),
    np.may_share_memory: lambda a, b, max_work=0: np.may_share_memory(plain(a), plain(b), max_work),
    np.common_type: lambda *arrays: np.common_type(*(np.asarray(plain(a)) for a in arrays)),
    np.can_cast: lambda from_, to, casting="safe": np.can_cast(np.asarray(plain(from_)).dtype, to, casting),
    np.fix: lambda x, out=None: np.trunc(x),
}


# --- methods of traced arrays -----------------------------------------------------------------------
def copy_of(x: Any, order: str = "C") -> Any:
    if type(x) is TracedScalar:
        return x
    if type(x) is not TracedArray:
        return TracedArray(np.array(x, np.float64)) if np.ndim(x) else x
    return TracedArray(x.value.copy()) if x.passive else copied(x)


def _astype(x: Any, dtype: Any, *_: Any, **__: Any) -> Any:
    target = np.dtype(dtype)
    if target == np.float64 or (target.kind == "b" and x.dtype.kind == "b"):
        return 1.0 * x if x.dtype.kind == "b" and target.kind != "b" else copy_of(x)
    if target.kind == "b":
        return x != 0.0
    if type(x) is TracedArray and x.passive:
        return x.value.astype(target)
    raise DerivativeCut(f".astype({target}) at {user_line()} would cut the derivative of a traced value: keep float64")


def _item(x: Any, *index: Any) -> Any:
    if type(x) is TracedScalar:
        return x
    if index:
        return x.reshape(-1)[index[0]] if len(index) == 1 else x[index]
    return x.reshape(-1)[0] if x.size == 1 else x.value.item()


def _tolist(x: Any) -> Any:
    return x if type(x) is TracedScalar or x.ndim == 0 else [_tolist(row) if x.ndim > 1 else row for row in x]


def _fill(x: Any, value: Any) -> None:
    x[...] = value


def _reshape(x: Any, *shape: Any, **options: Any) -> Any:
    return np.reshape(x, shape[0] if len(shape) == 1 else shape, **options)


def _transpose(x: Any, *axes: Any) -> Any:
    return np.transpose(x, (axes[0] if len(axes) == 1 else axes) or None)


def _sort_in_place(x: Any, axis: int = -1, **_: Any) -> None:
    x[...] = ordering.sort(x, axis)


def _partition_in_place(x: Any, kth: Any, axis: int = -1, **_: Any) -> None:
    x[...] = ordering.partition(x, kth, axis)


def _method_of(function: Any) -> Callable[..., Any]:
    return lambda x, *args, **kwargs: function(x, *args, **kwargs)


_METHODS_OF_THE_NAME = """sum mean var std prod max min ptp any all argmax argmin argsort cumsum cumprod dot trace round
    clip ravel swapaxes squeeze diagonal repeat take nonzero argpartition searchsorted choose put""".split()
METHODS: dict[str, Callable[..., Any]] = {
    **{name: _method_of(getattr(np, name)) for name in _METHODS_OF_THE_NAME},
    "reshape": _reshape,
    "transpose": _transpose,
    "flatten": lambda x, order="C": np.ravel(x, order=order).copy(),
    "copy": copy_of,
    "astype": _astype,
    "item": _item,
    "tolist": _tolist,
    "fill": _fill,
    "compress": lambda x, condition, axis=None, out=None: np.compress(condition, x, axis, out),
    "sort": _sort_in_place,
    "partition": _partition_in_place,
    "conj": lambda x: x,
    "conjugate": lambda x: x,
}  # fmt: skip
