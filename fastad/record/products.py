"""Products of vectors and matrices, and what is composed of them.

Every product is brought to matrix products, one instruction each: `tensordot` by transposing, `convolve` by a
matrix whose rows are the windows of the longer operand (its slots, repeated: no instruction).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from fastad.errors import DerivativeCut, UnsupportedFunction
from fastad.ops import ARRAY_BY_NAME, BY_NAME
from fastad.record.builder import user_line
from fastad.record.elementwise import elementwise, numeric
from fastad.record.library import from_numpy
from fastad.record.reductions import array_instruction, finish, normal_axes, total
from fastad.record.traced import TracedArray, TracedScalar, as_array, builder_for, is_traced, plain

MATMUL, SCATTER = ARRAY_BY_NAME["matmul"].code, ARRAY_BY_NAME["scatter_sum"].code


def product2d(x: Any, y: Any) -> Any:
    """The product of two vectors or matrices as one instruction."""
    value = np.matmul(plain(x), plain(y))
    if not is_traced(x) and not is_traced(y):
        return TracedArray(value) if np.ndim(value) else value
    m, n = (x.shape[0] if x.ndim == 2 else 1), (y.shape[1] if y.ndim == 2 else 1)
    value = np.asarray(value, np.float64)
    if x.shape[-1] == 0 or value.size == 0:
        return TracedArray(value) if value.ndim else float(value)
    return array_instruction(builder_for((x, y)), MATMUL, value, (x, y), (m, x.shape[-1], n))


def products(x: Any, y: Any) -> Any:
    """Products of the matrices of two stacks, x (b, m, p) and y (b, p, n), as one instruction."""
    value = np.matmul(plain(x), plain(y))
    if x.shape[2] == 0 or value.size == 0 or not (is_traced(x) or is_traced(y)):
        return TracedArray(value)
    value = np.asarray(value, np.float64)
    return array_instruction(builder_for((x, y)), MATMUL, value, (x, y), (x.shape[1], x.shape[2], y.shape[2]))


def factor(x: Any) -> Any:
    from fastad.record.creation import gather_objects

    x = gather_objects(x)
    return as_array(x) if type(x) in (TracedScalar, TracedArray) else numeric(x)


def matmul(x1: Any, x2: Any, out: Any = None, **options: Any) -> Any:
    _refuse(options, "matmul")
    if hasattr(x2, "_rmatmul_dispatch"):  # a sparse matrix of SciPy's
        return x2.__rmatmul__(x1)
    x, y = factor(x1), factor(x2)
    if x.ndim == 0 or y.ndim == 0:
        raise ValueError("matmul: Input operand does not have enough dimensions")
    if x.ndim <= 2 and y.ndim <= 2:
        return finish(product2d(x, y), out)
    np.matmul(plain(x), plain(y))  # NumPy's own error where the shapes do not fit
    left, right = x[None, :] if x.ndim == 1 else x, y[:, None] if y.ndim == 1 else y
    batch = np.broadcast_shapes(left.shape[:-2], right.shape[:-2])
    (m, p), n = left.shape[-2:], right.shape[-1]
    if right.ndim == 2:  # one right factor for all rows
        result = product2d(left.reshape(-1, p), right)
    else:
        left, right = (np.broadcast_to(t, batch + t.shape[-2:]) for t in (left, right))
        result = products(left.reshape(-1, m, p), right.reshape(-1, p, n))
    result = result.reshape((*batch, m, n))
    result = result[..., 0, :] if x.ndim == 1 else result
    return finish(result[..., 0] if y.ndim == 1 else result, out)


def _along(function: Callable[..., Any], ufunc: np.ufunc) -> Callable[..., Any]:
    """One of NumPy's products with core dimensions, with the arguments that they all have."""

    def product(x1: Any, x2: Any, /, out: Any = None, *, axis: int = -1, **options: Any) -> Any:
        _refuse(options, ufunc.__name__)
        x, y = factor(x1), factor(x2)
        if axis != -1:
            x, y = np.moveaxis(x, axis, -1), np.moveaxis(y, axis, -1)
        ufunc(plain(x), plain(y))  # NumPy's own error where the shapes do not fit
        return finish(function(x, y), out)

    return product


def _refuse(options: dict[str, Any], name: str) -> None:
    if np.dtype(options.pop("dtype", None) or np.float64) != np.float64:
        raise DerivativeCut(f"np.{name} with dtype= at {user_line()}: fastad computes in float64")
    for harmless in ("casting", "order", "subok", "keepdims"):
        if options.get(harmless) is not True:
            options.pop(harmless, None)
    if options:
        raise UnsupportedFunction(f"np.{name} with {', '.join(options)} at {user_line()} is not supported")


def _vecdot(x: Any, y: Any) -> Any:
    return product2d(x, y) if x.ndim == y.ndim == 1 else total(x * y, -1)


def _matvec(x: Any, y: Any) -> Any:
    return matmul(x, y) if x.ndim <= 2 and y.ndim == 1 else matmul(x, y[..., None])[..., 0]


def _vecmat(x: Any, y: Any) -> Any:
    return matmul(x, y) if x.ndim == 1 and y.ndim <= 2 else matmul(x[..., None, :], y)[..., 0, :]


def dot(a: Any, b: Any, out: Any = None) -> Any:
    x, y = factor(a), factor(b)
    if x.ndim == 0 or y.ndim == 0:
        return finish(elementwise(BY_NAME["multiply"], x, y), out)
    if x.ndim <= 2 and y.ndim <= 2:
        return finish(product2d(x, y), out)
    return finish(tensordot(x, y, ([x.ndim - 1], [max(y.ndim - 2, 0)])), out)


def tensordot(a: Any, b: Any, axes: Any = 2) -> Any:
    x, y = factor(a), factor(b)
    if np.ndim(axes) == 0:
        axes = (list(range(x.ndim - axes, x.ndim)), list(range(axes)))
    over_x, over_y = (list(normal_axes(over, t.ndim)) for over, t in zip(axes, (x, y), strict=True))
    if [x.shape[i] for i in over_x] != [y.shape[i] for i in over_y]:
        raise ValueError("shape-mismatch for sum")
    free_x = [i for i in range(x.ndim) if i not in over_x]
    free_y = [i for i in range(y.ndim) if i not in over_y]
    size = math.prod(x.shape[i] for i in over_x)
    shape = [x.shape[i] for i in free_x] + [y.shape[i] for i in free_y]
    if size == 0 or 0 in shape:
        return TracedArray(np.zeros(shape)) if shape else 0.0
    rows = np.transpose(x, free_x + over_x).reshape(-1, size)
    columns = np.transpose(y, over_y + free_y).reshape(size, -1)
    return np.reshape(product2d(rows, columns), shape)[()]


def inner(a: Any, b: Any) -> Any:
    x, y = factor(a), factor(b)
    return dot(x, y) if x.ndim == 0 or y.ndim == 0 else tensordot(x, y, ([x.ndim - 1], [y.ndim - 1]))


def vdot(a: Any, b: Any) -> Any:
    return product2d(np.ravel(factor(a)), np.ravel(factor(b)))


def outer(a: Any, b: Any, out: Any = None) -> Any:
    return finish(np.ravel(factor(a))[:, None] * np.ravel(factor(b))[None, :], out)


def trace(a: Any, offset: int = 0, axis1: int = 0, axis2: int = 1, dtype: Any = None, out: Any = None) -> Any:
    return total(np.diagonal(factor(a), offset, axis1, axis2), -1, dtype, out)


def _sliding(a: Any, v: Any, mode: Any = "valid") -> Any:
    """Products of v with every window of a, which is not shorter, as one matrix product."""
    if mode not in _MARGINS:
        raise ValueError(f"mode must be one of 'valid', 'same', or 'full' (got {mode!r})")
    x, y = factor(a), factor(v)
    left, right = _MARGINS[mode](y.size)
    if left or right:
        x = np.concatenate([np.zeros(left), x, np.zeros(right)])
    return product2d(sliding_window_view(x, y.size), y)


_MARGINS: dict[Any, Callable[[int], tuple[int, int]]] = {
    mode: margins
    for names, margins in (
        (("valid", "v", 0), lambda m: (0, 0)),
        (("same", "s", 1), lambda m: (m // 2, m - m // 2 - 1)),
        (("full", "f", 2), lambda m: (m - 1, m - 1)),
    )
    for mode in names
}


def _vector(x: Any, name: str) -> Any:
    x = np.atleast_1d(factor(x))
    if x.ndim != 1:
        raise ValueError("object too deep for desired array")
    if x.size == 0:
        raise ValueError(f"{name} cannot be empty")
    return x


def convolve(a: Any, v: Any, mode: Any = "full") -> Any:
    x, y = _vector(a, "a"), _vector(v, "v")
    x, y = (y, x) if y.size > x.size else (x, y)
    return _sliding(x, y[::-1], mode)


def correlate(a: Any, v: Any, mode: Any = "valid") -> Any:
    x, y = _vector(a, "first array argument"), _vector(v, "second array argument")
    return _sliding(y, x, mode)[::-1] if y.size > x.size else _sliding(x, y, mode)


def scatter_sum(x: TracedArray, index: np.ndarray, count: int) -> Any:
    """result[k] = sum of the x[j] with index[j] == k."""
    value = np.bincount(index, x.value, minlength=count)
    return array_instruction(builder_for((x,)), SCATTER, value, (x,), (x.size,), index.astype(np.int32))


_FROM_NUMPY = [
    np.kron,
    np.cross,
    np.linalg.matrix_power,
    np.linalg.cross,
    np.linalg.outer,
    np.linalg.trace,
    np.linalg.diagonal,
    np.linalg.matrix_transpose,
]
FUNCTIONS: dict[Any, Any] = {
    **{function: from_numpy(function) for function in _FROM_NUMPY},
    np.dot: dot, np.inner: inner, np.vdot: vdot, np.outer: outer, np.tensordot: tensordot, np.trace: trace,
    np.convolve: convolve, np.correlate: correlate,
    np.linalg.matmul: lambda x1, x2, /: matmul(x1, x2),
    np.linalg.tensordot: lambda x1, x2, /, *, axes=2: tensordot(x1, x2, axes),
    np.linalg.vecdot: lambda x1, x2, /, *, axis=-1: _along(_vecdot, np.vecdot)(x1, x2, axis=axis),
}  # fmt: skip
# The ufuncs with core dimensions that this version of NumPy has.
UFUNCS: dict[Any, Callable[..., Any]] = {
    getattr(np, name): _along(function, getattr(np, name))
    for name, function in (("vecdot", _vecdot), ("matvec", _matvec), ("vecmat", _vecmat))
    if hasattr(np, name)
} | {np.matmul: matmul}
