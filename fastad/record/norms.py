"""Norms of vectors and matrices.

The norm of the zero vector has derivative 0, of every order: its root is not chosen there, and what is not
chosen contributes exactly 0.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from fastad.record.library import from_numpy
from fastad.record.products import factor, product2d
from fastad.record.reductions import normal_axes, total
from fastad.record.traced import TracedArray, is_traced, plain

_NORM = from_numpy(np.linalg.norm)
_FROBENIUS = ("f", "fro")


def _root(sums: Any, order: float = 2) -> Any:
    """sums ** (1 / order)."""
    root = np.sqrt(sums) if order == 2 else sums ** (1.0 / order)
    return np.where(sums == 0.0, 0.0, root)[()] if order > 0 else root


def norm(x: Any, ord: Any = None, axis: Any = None, keepdims: bool = False) -> Any:
    x = factor(x)
    x = x if is_traced(x) else TracedArray(np.array(plain(x), np.float64))
    axes = tuple(range(x.ndim)) if axis is None else (axis,) if np.ndim(axis) == 0 else tuple(axis)
    if x.size == 0 or (ord in (2, -2, "nuc") and len(axes) == 2):
        return _NORM(x, ord, axis, keepdims)
    np.linalg.norm(x.value, ord, axis, keepdims)  # NumPy's own errors
    if axis is None and (ord is None or ord in _FROBENIUS or (ord == 2 and x.ndim == 1)):
        flat = x.ravel(order="K")
        root = _root(product2d(flat, flat))
        return np.reshape(root, (1,) * x.ndim) if keepdims else root
    if ord is None or ord in _FROBENIUS or ord == 2:
        return _root(total(np.square(x), axes, keepdims=keepdims))
    if len(axes) == 1 and ord not in (0, 1, np.inf, -np.inf):
        return _root(total(np.abs(x) ** ord, axes, keepdims=keepdims), ord)
    return _NORM(x, ord, axis, keepdims)


def _vector_norm(x: Any, /, *, axis: Any = None, keepdims: bool = False, ord: Any = 2) -> Any:
    x = factor(x)
    np.linalg.vector_norm(plain(x), axis=axis, keepdims=keepdims, ord=ord)
    axes = normal_axes(axis, x.ndim)
    kept = [i for i in range(x.ndim) if i not in axes]
    rows = np.transpose(x, [*kept, *axes]).reshape([x.shape[i] for i in kept] + [-1])
    result = norm(rows, ord, -1)
    return np.reshape(result, [1 if i in axes else n for i, n in enumerate(x.shape)]) if keepdims else result


def _matrix_norm(x: Any, /, *, keepdims: bool = False, ord: Any = "fro") -> Any:
    return norm(x, ord, (-2, -1), keepdims)


FUNCTIONS: dict[Any, Any] = {
    np.linalg.norm: norm,
    np.linalg.vector_norm: _vector_norm,
    np.linalg.matrix_norm: _matrix_norm,
}
