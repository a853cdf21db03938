"""Products of vectors and matrices, and what is composed of them."""

from __future__ import annotations

from typing import Any

import numpy as np

from fastad.errors import UnsupportedFunction
from fastad.ops import ARRAY_BY_NAME, BY_NAME
from fastad.record.builder import user_line
from fastad.record.elementwise import elementwise, numeric
from fastad.record.reductions import array_instruction, finish, largest, normal_axes, refuse, smallest, total
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


def _factor(x: Any) -> Any:
    from fastad.record.creation import gather_objects

    x = gather_objects(x)
    return as_array(x) if type(x) in (TracedScalar, TracedArray) else numeric(x)


def matmul(x1: Any, x2: Any, out: Any = None, **options: Any) -> Any:
    refuse(options, "np.matmul")
    x, y = _factor(x1), _factor(x2)
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


def dot(a: Any, b: Any, out: Any = None) -> Any:
    x, y = _factor(a), _factor(b)
    if x.ndim == 0 or y.ndim == 0:
        return finish(elementwise(BY_NAME["multiply"], x, y), out)
    if x.ndim <= 2 and y.ndim <= 2:
        return finish(product2d(x, y), out)
    return finish(tensordot(x, y, ([x.ndim - 1], [max(y.ndim - 2, 0)])), out)


def tensordot(a: Any, b: Any, axes: Any = 2) -> Any:
    x, y = _factor(a), _factor(b)
    if np.ndim(axes) == 0:
        axes = (list(range(x.ndim - axes, x.ndim)), list(range(axes)))
    over_x, over_y = (list(normal_axes(over, t.ndim)) for over, t in zip(axes, (x, y), strict=True))
    free_x = [i for i in range(x.ndim) if i not in over_x]
    free_y = [i for i in range(y.ndim) if i not in over_y]
    size = int(np.prod([x.shape[i] for i in over_x]))
    rows = np.transpose(x, free_x + over_x).reshape(-1, size)
    columns = np.transpose(y, over_y + free_y).reshape(size, -1)
    return product2d(rows, columns).reshape([x.shape[i] for i in free_x] + [y.shape[i] for i in free_y])[()]


def inner(a: Any, b: Any) -> Any:
    x, y = _factor(a), _factor(b)
    return dot(x, y) if x.ndim == 0 or y.ndim == 0 else tensordot(x, y, ([x.ndim - 1], [y.ndim - 1]))


def vdot(a: Any, b: Any) -> Any:
    return product2d(np.ravel(_factor(a)), np.ravel(_factor(b)))


def outer(a: Any, b: Any, out: Any = None) -> Any:
    return finish(np.ravel(_factor(a))[:, None] * np.ravel(_factor(b))[None, :], out)


def trace(a: Any, offset: int = 0, axis1: int = 0, axis2: int = 1, dtype: Any = None, out: Any = None) -> Any:
    return finish(total(np.diagonal(a, offset, axis1, axis2), -1), out)


def scatter_sum(x: TracedArray, index: np.ndarray, count: int) -> Any:
    """result[k] = sum of the x[j] with index[j] == k."""
    value = np.bincount(index, x.value, minlength=count)
    return array_instruction(builder_for((x,)), SCATTER, value, (x,), (x.size,), index.astype(np.int32))


def norm(x: Any, ord: Any = None, axis: Any = None, keepdims: bool = False) -> Any:
    x = _factor(x)
    vector = axis is not None or x.ndim == 1
    if ord in (None, "fro") or (ord == 2 and (x.ndim == 1 or (np.ndim(axis) == 0 and axis is not None))):
        return np.sqrt(total(np.square(x), axis, keepdims=keepdims))
    if vector and ord == 1 and np.size(axis) == 1:
        return total(np.abs(x), axis, keepdims=keepdims)
    if vector and np.size(axis) == 1 and ord in (np.inf, -np.inf):
        return (largest if ord > 0 else smallest)(np.abs(x), axis, keepdims=keepdims)
    if vector and np.size(axis) == 1 and isinstance(ord, int | float) and ord:
        return total(np.abs(x) ** ord, axis, keepdims=keepdims) ** (1.0 / ord)
    raise UnsupportedFunction(f"np.linalg.norm with ord={ord!r} at {user_line()} is not supported for this shape")


FUNCTIONS: dict[Any, Any] = {
    np.dot: dot, np.inner: inner, np.vdot: vdot, np.outer: outer, np.tensordot: tensordot, np.trace: trace,
    np.linalg.norm: norm,
}  # fmt: skip
