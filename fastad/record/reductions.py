"""Sums, extrema, products of elements, and what is composed of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from fastad.errors import UnsupportedFunction
from fastad.ops import ARRAY_BY_NAME, BY_NAME
from fastad.program import Address
from fastad.record.builder import Entry, user_line
from fastad.record.elementwise import elementwise, numeric, operand_address, snapshot
from fastad.record.passive import into, unless_passive
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
    if dtype is not None and dtype is not np._NoValue and np.dtype(dtype) != np.float64:
        raise UnsupportedFunction(
            f"a reduction with dtype={np.dtype(dtype)} at {user_line()}: fastad computes in float64, leave dtype out"
        )
    return as_array(np.where(where, x, fill)) if given(where) else x


def finish(result: Any, out: Any, initial: Any = np._NoValue) -> Any:
    if initial is not np._NoValue and initial is not None:
        result = result + initial
    return into(out, result) if out is not None and out is not np._NoValue else result


def given(option: Any) -> bool:
    """Whether an option of a reduction says anything."""
    return option is not np._NoValue and option is not None and option is not True


def flag(keepdims: Any) -> bool:
    return bool(keepdims) if keepdims is not np._NoValue else False


@unless_passive(np.sum)
def total(a, axis=None, dtype=None, out=None, keepdims=False, initial=np._NoValue, where=True) -> Any:
    return finish(reduce_sum(prepare(a, dtype, out, where, 0.0), axis, flag(keepdims)), out, initial)


def count(x: TracedArray, axis: Any, where: Any = True, keepdims: Any = False) -> Any:
    """How many elements are reduced into one."""
    if given(where):
        return total(np.broadcast_to(where, x.shape), axis, keepdims=flag(keepdims))
    return np.prod([x.shape[a] for a in normal_axes(axis, x.ndim)], dtype=float)


@unless_passive(np.mean)
def mean(a, axis=None, dtype=None, out=None, keepdims=False, *, where=True) -> Any:
    x = prepare(a, dtype, out, where, 0.0)
    return finish(np.true_divide(reduce_sum(x, axis, flag(keepdims)), count(x, axis, where, keepdims)), out)


@unless_passive(np.var)
def var(
    a, axis=None, dtype=None, out=None, ddof=0, keepdims=False, *, where=True, mean=np._NoValue, correction=np._NoValue
) -> Any:  # fmt: skip
    if correction is not np._NoValue:
        if ddof != 0:
            raise ValueError("ddof and correction can't be provided simultaneously.")
        ddof = correction
    x = prepare(a, dtype, out, True, 0.0)
    squares = np.square(x - (mean if given(mean) else _mean(x, axis, keepdims=True, where=where)))
    squares = prepare(squares, None, None, where, 0.0)
    freedom = np.maximum(count(x, axis, where, keepdims) - ddof, 0)
    return finish(np.true_divide(reduce_sum(squares, axis, flag(keepdims)), freedom), out)


_mean = mean  # `var` has an option of that name


@unless_passive(np.std)
def std(a, axis=None, dtype=None, out=None, ddof=0, keepdims=False, **options) -> Any:
    return finish(np.sqrt(var(a, axis, dtype, None, ddof, keepdims, **options)), out)


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


@unless_passive(np.prod)
def product(a, axis=None, dtype=None, out=None, keepdims=False, initial=np._NoValue, where=True) -> Any:
    x = prepare(a, dtype, out, where, 1.0)
    axes = normal_axes(axis, x.ndim)
    if x.size:
        result = fold(x, axes, "multiply", flag(keepdims)) if axes else x.copy()
    else:
        result = np.prod(x.value, axes, keepdims=flag(keepdims))
    return finish(result * initial if given(initial) or initial is True else result, out)


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
        if initial is not np._NoValue and initial is not None:
            result = {"max": np.maximum, "min": np.minimum}[name](result, initial)
        return finish(result, out)

    return reduce


largest, smallest = _extremum("max", -np.inf), _extremum("min", np.inf)


def ptp(a, axis=None, out=None, keepdims=False) -> Any:
    return finish(largest(a, axis, keepdims=keepdims) - smallest(a, axis, keepdims=keepdims), out)


def _true(a: Any) -> TracedArray:
    return as_array(elementwise(BY_NAME["not_equal"], prepare(a, None, None, True, 0.0), 0.0))


@unless_passive(np.any)
def any_true(a, axis=None, out=None, keepdims=False, *, where=True) -> Any:
    return finish(total(_true(a), axis, keepdims=keepdims, where=where) != 0.0, out)


@unless_passive(np.all)
def all_true(a, axis=None, out=None, keepdims=False, *, where=True) -> Any:
    return finish(total(np.logical_not(_true(a)), axis, keepdims=keepdims, where=where) == 0.0, out)


@unless_passive(np.count_nonzero)
def count_nonzero(a, axis=None, *, keepdims=False) -> Any:
    """A count is an integer, which sizes and loops take, so it is looked at."""
    from fastad.record.indexing import guard_array

    number = total(_true(a), axis, keepdims=keepdims)
    return guard_array(number).astype(int)[()] if is_traced(number) else np.asarray(plain(number)).astype(int)[()]


def by_halves(op: str) -> Callable[..., Any]:
    """The `reduce` of an associative ufunc: `np.logaddexp.reduce` and its like."""

    def reduce(a, axis=0, dtype=None, out=None, keepdims=False, initial=np._NoValue) -> Any:
        x = prepare(a, dtype, None, True, 0.0)
        result = fold(x, normal_axes(axis, x.ndim), op, flag(keepdims))
        return finish(elementwise(BY_NAME[op], result, initial) if given(initial) else result, out)

    return reduce


FUNCTIONS: dict[Any, Any] = {
    np.sum: total, np.prod: product, np.max: largest, np.amax: largest, np.min: smallest, np.amin: smallest,
    np.any: any_true, np.all: all_true, np.mean: mean, np.var: var, np.std: std, np.ptp: ptp,
    np.count_nonzero: count_nonzero,
}  # fmt: skip
