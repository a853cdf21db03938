"""Sums, extrema, products of elements, and what is composed of them."""

from __future__ import annotations

from typing import Any

import numpy as np

from fastad.errors import UnsupportedFunction
from fastad.ops import ARRAY_BY_NAME, BY_NAME
from fastad.program import Address
from fastad.record.builder import Entry, user_line
from fastad.record.elementwise import elementwise, numeric, operand_address, snapshot
from fastad.record.traced import TracedArray, TracedScalar, as_array, builder_for, fresh_array, is_traced, plain


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


def result_shape(x: TracedArray, axes: tuple[int, ...], keepdims: bool) -> tuple[int, ...]:
    return tuple(1 if i in axes else n for i, n in enumerate(x.shape) if keepdims or i not in axes)


def reduce_rows(name: str, x: TracedArray, axis: Any, keepdims: bool) -> Any:
    """The sum, max or min over axes, as one instruction."""
    axes = normal_axes(axis, x.ndim)
    value = np.asarray(getattr(np, name)(x.value, axis=axes, keepdims=keepdims), np.float64)
    if x.passive or not axes or x.size == 0:
        return x if not axes and not x.passive else (TracedArray(value) if value.ndim else float(value))
    kept = [i for i in range(x.ndim) if i not in axes]
    rows = x.transpose(*kept, *axes) if kept and kept + list(axes) != list(range(x.ndim)) else x
    inner = x.size // max(value.size, 1)
    return array_instruction(builder_for((x,)), ARRAY_BY_NAME[name].code, value, (rows,), (inner,))


def reduce_sum(x: TracedArray, axis: Any, keepdims: bool) -> Any:
    """Sum over axes, as one instruction."""
    return reduce_rows("sum", x, axis, keepdims)


def prepare(a: Any, dtype: Any, out: Any, where: Any, fill: float) -> TracedArray:
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


def finish(result: Any, out: Any, initial: Any = np._NoValue) -> Any:
    if initial is not np._NoValue and initial is not None:
        result = result + initial
    if out is not None and out is not np._NoValue:
        (out[0] if type(out) is tuple else out)[...] = result
        return out
    return result


def flag(keepdims: Any) -> bool:
    return bool(keepdims) if keepdims is not np._NoValue else False


def total(a, axis=None, dtype=None, out=None, keepdims=False, initial=np._NoValue, where=True) -> Any:
    return finish(reduce_sum(prepare(a, dtype, out, where, 0.0), axis, flag(keepdims)), out, initial)


def count(x: TracedArray, axis: Any, where: Any = True) -> Any:
    if where is not True and where is not np._NoValue:
        return np.sum(np.broadcast_to(where, x.shape), axis=axis)
    return np.prod([x.shape[a] for a in normal_axes(axis, x.ndim)], dtype=float)


def mean(a, axis=None, dtype=None, out=None, keepdims=False, *, where=True) -> Any:
    x = prepare(a, dtype, out, where, 0.0)
    return finish(reduce_sum(x, axis, flag(keepdims)) / count(x, axis, where), out)


def var(a, axis=None, dtype=None, out=None, ddof=0, keepdims=False, **options) -> Any:
    x = prepare(a, dtype, out, True, 0.0)
    refuse(options, "np.var")
    deviation = x - mean(x, axis, keepdims=True)
    return finish(reduce_sum(np.square(deviation), axis, flag(keepdims)) / np.maximum(count(x, axis) - ddof, 0), out)


def std(a, axis=None, dtype=None, out=None, ddof=0, keepdims=False, **options) -> Any:
    return finish(np.sqrt(var(a, axis, dtype, None, ddof, keepdims, **options)), out)


def refuse(options: dict[str, Any], name: str) -> None:
    given = [
        key for key, value in options.items() if value is not np._NoValue and value is not None and value is not True
    ]
    if given:
        raise UnsupportedFunction(f"{name} with {', '.join(given)} at {user_line()} is not supported")


def fold(x: TracedArray, axes: tuple[int, ...], op: str, keepdims: bool) -> Any:
    """Combine along axes by halves: log2(n) instructions."""
    shape = result_shape(x, axes, keepdims)
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
    x = prepare(a, dtype, out, where, 1.0)
    if x.passive or x.size == 0:
        return np.prod(x.value, axis=axis, keepdims=flag(keepdims))
    result = fold(x, normal_axes(axis, x.ndim), "multiply", flag(keepdims))
    return finish(result if initial is np._NoValue else result * initial, out)


def _extremum(name: str, fill: float):
    def reduce(a, axis=None, out=None, keepdims=False, initial=np._NoValue, where=True) -> Any:
        x, always = prepare(a, None, out, True, fill), where is True or where is np._NoValue
        # NumPy's own error, say for a mask without `initial`.
        options = {"keepdims": flag(keepdims), "initial": plain(initial), "where": plain(where)}
        value = getattr(np, name)(x.value, axis, **options)
        if not (is_traced(initial) or is_traced(where)) and (x.passive or x.size == 0):
            return finish(value, out)
        x = x if always else as_array(np.where(where, x, fill))
        result = reduce_rows(name, x, axis, flag(keepdims)) if x.size else np.full(np.shape(value), fill)
        if initial is not np._NoValue:
            result = {"max": np.maximum, "min": np.minimum}[name](result, initial)
        return finish(result, out)

    return reduce


largest, smallest = _extremum("max", -np.inf), _extremum("min", np.inf)


def ptp(a, axis=None, out=None, keepdims=False) -> Any:
    return finish(largest(a, axis, keepdims=keepdims) - smallest(a, axis, keepdims=keepdims), out)


def any_true(a, axis=None, out=None, keepdims=False, *, where=True) -> Any:
    return finish(total(as_array(a) != 0.0, axis, keepdims=keepdims, where=where) != 0.0, out)


def all_true(a, axis=None, out=None, keepdims=False, *, where=True) -> Any:
    return finish(total(as_array(a) == 0.0, axis, keepdims=keepdims, where=where) == 0.0, out)


def count_nonzero(a, axis=None, *, keepdims=False) -> Any:
    return total(as_array(a) != 0.0, axis, keepdims=keepdims)


def _accumulate(op: str):
    def accumulate(a, axis=None, dtype=None, out=None) -> Any:
        x = prepare(a, dtype, out, True, 0.0)
        x = x.reshape(-1) if axis is None else x
        rows = np.moveaxis(x, 0 if axis is None else axis, 0)
        result, total = np.zeros(rows.shape), None
        result = TracedArray(result)
        for i in range(rows.shape[0]):
            total = rows[i] if total is None else elementwise(BY_NAME[op], total, rows[i])
            result[i] = total
        return finish(np.moveaxis(result, 0, 0 if axis is None else axis), out)

    return accumulate


cumsum, cumprod = _accumulate("add"), _accumulate("multiply")


FUNCTIONS: dict[Any, Any] = {
    np.sum: total, np.prod: product, np.max: largest, np.amax: largest, np.min: smallest, np.amin: smallest,
    np.any: any_true, np.all: all_true, np.mean: mean, np.var: var, np.std: std, np.ptp: ptp,
    np.count_nonzero: count_nonzero, np.cumsum: cumsum, np.cumprod: cumprod,
}  # fmt: skip
