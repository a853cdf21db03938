"""Sums, extrema, matrix products and what is composed of them."""

from __future__ import annotations

from typing import Any

import numpy as np

from fastad.errors import UnsupportedFunction
from fastad.ops import ARRAY_BY_NAME, BY_NAME
from fastad.program import Address
from fastad.record.builder import Entry, user_line
from fastad.record.elementwise import elementwise, numeric, operand_address, snapshot
from fastad.record.indexing import guard_array
from fastad.record.traced import TracedArray, TracedScalar, as_array, builder_for, fresh_array, is_traced, plain

SUM, MATMUL, SCATTER = (ARRAY_BY_NAME[name].code for name in ("sum", "matmul", "scatter_sum"))


def array_instruction(
    builder: Any, code: int, value: np.ndarray, operands: tuple[Any, ...], sizes=(), index=None
) -> Any:
    """Append a whole-array instruction on traced or passive operands (each used as one flat range)."""
    addresses = tuple(_flat_operand(builder, x) for x in operands)
    first = builder.block(code, value.size, addresses, sizes, index)
    result = fresh_array(builder, value, first) if value.ndim else TracedScalar(builder, first, value.item())
    if builder.log is not None:
        builder.log.append(Entry(code, tuple(map(snapshot, operands)), snapshot(result), sizes, index))
    return result


def _flat_operand(builder: Any, x: Any) -> Address:
    value = np.asarray(plain(x), np.float64) if not is_traced(x) else x.value
    return operand_address(builder, x, np.asarray(value), np.shape(value))


def normal_axes(axis: Any, ndim: int) -> tuple[int, ...]:
    """The reduced axes, non-negative."""
    if axis is None:
        return tuple(range(ndim))
    axes = (axis,) if np.ndim(axis) == 0 else tuple(axis)
    for a in axes:
        if not -ndim <= a < ndim:
            raise np.exceptions.AxisError(a, ndim)
    return tuple(int(a) % ndim for a in axes)


def _result_shape(x: TracedArray, axes: tuple[int, ...], keepdims: bool) -> tuple[int, ...]:
    return tuple(1 if i in axes else n for i, n in enumerate(x.shape) if keepdims or i not in axes)


def reduce_sum(x: TracedArray, axis: Any, keepdims: bool) -> Any:
    """Sum over axes, as one instruction."""
    axes = normal_axes(axis, x.ndim)
    value = np.asarray(np.sum(x.value, axis=axes, keepdims=keepdims), np.float64)
    if x.passive or not axes or x.size == 0:
        return x if not axes and not x.passive else (TracedArray(value) if value.ndim else float(value))
    kept = [i for i in range(x.ndim) if i not in axes]
    rows = x.transpose(*kept, *axes) if kept and kept + list(axes) != list(range(x.ndim)) else x
    inner = x.size // max(value.size, 1)
    return array_instruction(builder_for((x,)), SUM, value, (rows,), (inner,))


def _prepare(a: Any, dtype: Any, out: Any, where: Any, fill: float) -> TracedArray:
    """The array to reduce, after the options that all reductions share."""
    from fastad.record.creation import gather_objects

    x = gather_objects(a)
    x = as_array(x) if type(x) in (TracedScalar, TracedArray) else TracedArray(np.array(numeric(x), np.float64))
    if dtype is not None and np.dtype(dtype) != np.float64:
        raise UnsupportedFunction(
            f"a reduction with dtype={np.dtype(dtype)} at {user_line()}: fastad computes in float64"
        )
    if where is not True and where is not np._NoValue:
        x = as_array(np.where(where, x, fill))
    return x


def _finish(result: Any, out: Any, initial: Any = np._NoValue) -> Any:
    if initial is not np._NoValue and initial is not None:
        result = result + initial
    if out is not None and out is not np._NoValue:
        (out[0] if type(out) is tuple else out)[...] = result
        return out
    return result


def _flag(keepdims: Any) -> bool:
    return bool(keepdims) if keepdims is not np._NoValue else False


def total(a, axis=None, dtype=None, out=None, keepdims=False, initial=np._NoValue, where=True) -> Any:
    return _finish(reduce_sum(_prepare(a, dtype, out, where, 0.0), axis, _flag(keepdims)), out, initial)


def _count(x: TracedArray, axis: Any, where: Any = True) -> Any:
    if where is not True and where is not np._NoValue:
        return np.sum(np.broadcast_to(where, x.shape), axis=axis)
    return np.prod([x.shape[a] for a in normal_axes(axis, x.ndim)], dtype=float)


def mean(a, axis=None, dtype=None, out=None, keepdims=False, *, where=True) -> Any:
    x = _prepare(a, dtype, out, where, 0.0)
    return _finish(reduce_sum(x, axis, _flag(keepdims)) / _count(x, axis, where), out)


def var(a, axis=None, dtype=None, out=None, ddof=0, keepdims=False, **options) -> Any:
    x = _prepare(a, dtype, out, True, 0.0)
    _refuse(options, "np.var")
    deviation = x - mean(x, axis, keepdims=True)
    return _finish(reduce_sum(np.square(deviation), axis, _flag(keepdims)) / np.maximum(_count(x, axis) - ddof, 0), out)


def std(a, axis=None, dtype=None, out=None, ddof=0, keepdims=False, **options) -> Any:
    return _finish(np.sqrt(var(a, axis, dtype, None, ddof, keepdims, **options)), out)


def _refuse(options: dict[str, Any], name: str) -> None:
    given = [
        key for key, value in options.items() if value is not np._NoValue and value is not None and value is not True
    ]
    if given:
        raise UnsupportedFunction(f"{name} with {', '.join(given)} at {user_line()} is not supported")


def _fold(x: TracedArray, axes: tuple[int, ...], op: str, keepdims: bool) -> Any:
    """Combine along axes by halves: log2(n) instructions."""
    shape = _result_shape(x, axes, keepdims)
    kept = [i for i in range(x.ndim) if i not in axes]
    flat = x.transpose(*kept, *axes).reshape([x.shape[i] for i in kept] + [-1]) if x.ndim else x.reshape(1)
    while flat.shape[-1] > 1:
        half = flat.shape[-1] // 2
        rest = flat[..., 2 * half :]
        flat = as_array(elementwise(BY_NAME[op], flat[..., :half], flat[..., half : 2 * half]))
        if rest.shape[-1]:
            flat = np.concatenate([flat, rest], axis=-1)
    return flat.reshape(shape)[()]


def product(a, axis=None, dtype=None, out=None, keepdims=False, initial=np._NoValue, where=True) -> Any:
    x = _prepare(a, dtype, out, where, 1.0)
    if x.passive or x.size == 0:
        return np.prod(x.value, axis=axis, keepdims=_flag(keepdims))
    result = _fold(x, normal_axes(axis, x.ndim), "multiply", _flag(keepdims))
    return _finish(result if initial is np._NoValue else result * initial, out)


def _extremum(name: str, fill: float):
    def reduce(a, axis=None, out=None, keepdims=False, initial=np._NoValue, where=True) -> Any:
        x = _prepare(a, None, out, where, fill)
        if x.passive or x.size == 0:
            return getattr(np, name)(x.value, axis=axis, keepdims=_flag(keepdims))
        axes = normal_axes(axis, x.ndim)
        best = _fold(x, axes, {"max": "maximum", "min": "minimum"}[name], True)
        # The adjoint is split evenly among all elements that reach the extremum.
        reached = elementwise(BY_NAME["equal"], x, best)
        share = total(elementwise(BY_NAME["where"], reached, x, 0.0), axes, keepdims=_flag(keepdims))
        result = share / total(reached, axes, keepdims=_flag(keepdims))
        if initial is not np._NoValue:
            result = {"max": np.maximum, "min": np.minimum}[name](result, initial)
        return _finish(result, out)

    return reduce


largest, smallest = _extremum("max", -np.inf), _extremum("min", np.inf)


def ptp(a, axis=None, out=None, keepdims=False) -> Any:
    return _finish(largest(a, axis, keepdims=keepdims) - smallest(a, axis, keepdims=keepdims), out)


def any_true(a, axis=None, out=None, keepdims=False, *, where=True) -> Any:
    return _finish(total(as_array(a) != 0.0, axis, keepdims=keepdims, where=where) != 0.0, out)


def all_true(a, axis=None, out=None, keepdims=False, *, where=True) -> Any:
    return _finish(total(as_array(a) == 0.0, axis, keepdims=keepdims, where=where) == 0.0, out)


def count_nonzero(a, axis=None, *, keepdims=False) -> Any:
    return total(as_array(a) != 0.0, axis, keepdims=keepdims)


def _arg_extremum(name: str, op: str):
    def find(a, axis=None, out=None, *, keepdims=False) -> Any:
        x = as_array(a)
        if not x.passive:
            best = _fold(x, normal_axes(axis, x.ndim), op, True)
            guard_array(elementwise(BY_NAME["equal"], x, best))
        return getattr(np, name)(x.value, axis=axis, keepdims=_flag(keepdims))

    return find


argmax, argmin = _arg_extremum("argmax", "maximum"), _arg_extremum("argmin", "minimum")


def argsort(a, axis=-1, kind=None, order=None, *, stable=None) -> np.ndarray:
    """The order of the values, guarded to stay a valid order."""
    x = as_array(a).reshape(-1) if axis is None else as_array(a)
    axis = -1 if axis is None else axis
    order_ = np.argsort(x.value, axis=axis, kind="stable")
    if not x.passive and x.shape[axis] > 1:
        sorted_ = np.take_along_axis(x, order_, axis)
        n = x.shape[axis]
        low, high = (np.take(sorted_, np.arange(i, n - 1 + i), axis) for i in (0, 1))
        guard_array(elementwise(BY_NAME["less_equal"], low, high))
    return order_


def sort(a, axis=-1, kind=None, order=None, *, stable=None) -> Any:
    x = as_array(a).reshape(-1) if axis is None else as_array(a)
    return np.take_along_axis(x, argsort(x, -1 if axis is None else axis), -1 if axis is None else axis)


def _accumulate(op: str):
    def accumulate(a, axis=None, dtype=None, out=None) -> Any:
        x = _prepare(a, dtype, out, True, 0.0)
        x = x.reshape(-1) if axis is None else x
        rows = np.moveaxis(x, 0 if axis is None else axis, 0)
        result, total = np.zeros(rows.shape), None
        result = TracedArray(result)
        for i in range(rows.shape[0]):
            total = rows[i] if total is None else elementwise(BY_NAME[op], total, rows[i])
            result[i] = total
        return _finish(np.moveaxis(result, 0, 0 if axis is None else axis), out)

    return accumulate


cumsum, cumprod = _accumulate("add"), _accumulate("multiply")


# --- products ---------------------------------------------------------------------------------------
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


def _factor(x: Any) -> Any:
    from fastad.record.creation import gather_objects

    x = gather_objects(x)
    return as_array(x) if type(x) in (TracedScalar, TracedArray) else numeric(x)


def matmul(x1: Any, x2: Any, out: Any = None, **options: Any) -> Any:
    x, y = _factor(x1), _factor(x2)
    if x.ndim == 0 or y.ndim == 0:
        raise ValueError("matmul: Input operand does not have enough dimensions")
    if x.ndim <= 2 and y.ndim <= 2:
        return _finish(product2d(x, y), out)
    np.matmul(plain(x), plain(y))  # NumPy's own error where the shapes do not fit
    left, right = x[None, :] if x.ndim == 1 else x, y[:, None] if y.ndim == 1 else y
    batch = np.broadcast_shapes(left.shape[:-2], right.shape[:-2])
    left = np.broadcast_to(left, batch + left.shape[-2:])
    right = np.broadcast_to(right, batch + right.shape[-2:])
    result = np.stack([product2d(left[i], right[i]) for i in np.ndindex(batch)])
    result = result.reshape((*batch, left.shape[-2], right.shape[-1]))
    result = result[..., 0, :] if x.ndim == 1 else result
    return _finish(result[..., 0] if y.ndim == 1 else result, out)


def dot(a: Any, b: Any, out: Any = None) -> Any:
    x, y = _factor(a), _factor(b)
    if x.ndim == 0 or y.ndim == 0:
        return _finish(elementwise(BY_NAME["multiply"], x, y), out)
    if x.ndim <= 2 and y.ndim <= 2:
        return _finish(product2d(x, y), out)
    return _finish(tensordot(x, y, ([x.ndim - 1], [max(y.ndim - 2, 0)])), out)


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
    return _finish(np.ravel(_factor(a))[:, None] * np.ravel(_factor(b))[None, :], out)


def trace(a: Any, offset: int = 0, axis1: int = 0, axis2: int = 1, dtype: Any = None, out: Any = None) -> Any:
    return _finish(total(np.diagonal(a, offset, axis1, axis2), -1), out)


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
