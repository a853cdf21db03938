"""Recording an elemental: operands of any kind in, one instruction on the tape, a traced result out.

The value is computed by the function of NumPy (or SciPy) that the row of the table stands for, so
recorded values are NumPy's own. A result of no dimension goes to the scalar stream; an array becomes a
block instruction, whose operands are described by strides as long as nobody has written into them.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from fastad import formula
from fastad.errors import UnsupportedDtype
from fastad.ops import BY_NAME, Op
from fastad.program import Address
from fastad.record.builder import Builder, Entry, user_line
from fastad.record.traced import FLOAT, TracedArray, TracedScalar, common_builder, copied, fresh_array, is_traced, plain

_REAL = (TracedArray, TracedScalar, float, int, np.float64)


def numeric(x: Any) -> np.ndarray:
    """A passive operand as an array of real numbers."""
    value = np.asarray(plain(x))
    if value.dtype.kind not in "fiub":
        raise UnsupportedDtype(
            f"an operand of dtype {value.dtype} at {user_line()}: fastad differentiates real arithmetic in float64"
        )
    return value


def is_complex(x: Any) -> bool:
    return getattr(x, "dtype", None) == np.complex128 or isinstance(x, complex)


def elementwise_complex(name: str, *operands: Any) -> Any:
    from fastad.record.complex_numbers import elementwise_complex as on_pairs

    return on_pairs(name, *operands)


def operand_address(builder: Builder, x: Any, value: np.ndarray, shape: tuple[int, ...]) -> Address:
    """Where the elements of one operand stand, broadcast to `shape`."""
    count = math.prod(shape)
    if type(x) is TracedArray and x.root is x and x.first is not None and x.value.shape == shape:
        return Address(x.first, count, max(count, 1))  # the commonest: the whole result of an instruction
    if type(x) is TracedScalar:
        return Address(x.slot, count, count, 0)
    if type(x) is TracedArray and not x.passive:
        if x.root.first is None:
            return _table(x.slots, shape, count)
        strided = _strided(x.root.first + x.offset, value.shape, value.strides, value.itemsize, shape, count)
        return strided or _table(x.slots, shape, count)
    if value.ndim == 0:
        return Address(builder.constant(float(value)), count, count, 0)
    value = np.ascontiguousarray(value, FLOAT)
    start = builder.constant_array(value)
    strided = _strided(start, value.shape, value.strides, 8, shape, count)
    return strided or _table(np.arange(start, start + value.size).reshape(value.shape), shape, count)


def _table(slots: np.ndarray, shape: tuple[int, ...], count: int) -> Address:
    return Address(0, count, 1, table=np.broadcast_to(slots, shape).flatten())


def _strided(
    start: int, own: tuple[int, ...], strides: tuple[int, ...], item: int, shape: tuple[int, ...], count: int
) -> Address | None:
    """The address of a strided range broadcast to `shape`, if two levels suffice."""
    levels: list[tuple[int, int]] = []  # (size, step), innermost first
    missing = len(shape) - len(own)
    for axis in range(len(shape) - 1, -1, -1):
        size = shape[axis]
        if size == 1:
            continue
        step = 0 if axis < missing or own[axis - missing] == 1 else strides[axis - missing] // item
        if levels and step == levels[-1][0] * levels[-1][1]:
            levels[-1] = (levels[-1][0] * size, levels[-1][1])
        elif len(levels) == 2:
            return None
        else:
            levels.append((size, step))
    if not levels:
        return Address(start, count, max(count, 1))
    outer = levels[1][1] if len(levels) == 2 else 0
    return Address(start, count, levels[0][0], levels[0][1], outer)


def elementwise(op: Op, *operands: Any) -> Any:
    """Record an elemental on scalars and arrays with broadcasting, and return its traced result."""
    for x in operands:
        if type(x) not in _REAL and is_complex(x):
            return elementwise_complex(op.name, *operands)
    builder = common_builder(operands)
    values = [numeric(x) if type(x) not in (TracedScalar, TracedArray) else x.value for x in operands]
    value = numpy_value(op)(*values)
    if builder is None:
        return TracedArray(value) if isinstance(value, np.ndarray) and value.ndim else value
    if value.ndim == 0 and op.arity <= 2:
        slots = [_scalar_slot(builder, x, v) for x, v in zip(operands, values, strict=True)]
        result: Any = TracedScalar(builder, builder.scalar(op.code, slots[0], slots[-1]), value.item())
    else:
        value = np.asarray(value)
        shape = value.shape
        addresses = tuple([operand_address(builder, x, v, shape) for x, v in zip(operands, values, strict=True)])
        result = fresh_array(builder, value, builder.block(op.code, value.size, addresses))
        if not shape:
            result = TracedScalar(builder, result.first, value.item())
    if builder.log is not None:
        builder.log.append(Entry(op.code, tuple(map(snapshot, operands)), snapshot(result)))
    return result


def on_scalar(op: Op, x: TracedScalar, value: float) -> Any:
    """An operation with one operand on a traced number, its value being known: the short way."""
    builder = x.builder
    if builder.log is not None or type(x.value) is bool:
        return elementwise(op, x)
    return TracedScalar(builder, builder.scalar(op.code, x.slot, x.slot), value)


def snapshot(x: Any) -> Any:
    """A traced value that later assignments cannot change."""
    if type(x) is not TracedArray or x.passive:
        return np.array(plain(x)) if type(x) is not TracedScalar else x
    return copied(x)


def _scalar_slot(builder: Builder, x: Any, value: Any) -> int:
    if type(x) is TracedScalar:
        return x.slot
    if type(x) is TracedArray and not x.passive:
        return int(x.slots)
    return builder.constant(float(value))


_VALUES: dict[str, Callable[..., Any]] = {
    "where": lambda a, b, c: np.where(a, b, c)[()],
    "power_constant": np.power,
    "copy": lambda a: np.float64(a) if np.ndim(a) == 0 else np.array(a, FLOAT),
    "stop_gradient": lambda a: np.float64(a) if np.ndim(a) == 0 else np.array(a, FLOAT),
    "absolute_zero_multiply": lambda a, b: np.where((a == 0) | (b == 0), 0.0, np.multiply(a, b))[()],
}


def numpy_value(op: Op) -> Callable[..., Any]:
    """NumPy's (or SciPy's) own function for the operation, so that recorded values are NumPy's; or its formula."""
    function = _VALUES.get(op.name)
    if function is None:
        name = op.ufuncs[0] if op.ufuncs else ""
        if not name:
            function = _by_formula(op)
        elif name.startswith("scipy.special."):
            import scipy.special

            function = getattr(scipy.special, name.rpartition(".")[2])
        else:
            function = getattr(np, name)
        _VALUES[op.name] = function
    return function


def _by_formula(op: Op) -> Callable[..., Any]:
    row = formula.Formulas(op, formula.numpy_functions(), on_arrays=True)

    def value(*operands: Any) -> Any:
        known = dict(zip(op.operands, (np.asarray(x, FLOAT) for x in operands), strict=True))
        return np.asarray(row.evaluate(op.primal, known))[()]

    return value


def _power_row(base: Any, exponent: Any) -> tuple[Op, tuple[Any, ...]]:
    """The row for base ** exponent: constant exponents have rows of their own."""
    if is_traced(exponent) or is_complex(exponent) or is_complex(base):
        return BY_NAME["power"], (base, exponent)
    known = numeric(exponent)
    special = (
        {2.0: "square", 0.5: "sqrt", -1.0: "reciprocal", 1.0: "copy"}.get(float(known)) if known.ndim == 0 else None
    )
    if special:
        return BY_NAME[special], (base,)
    return BY_NAME["power_constant"], (base, known)


def power(base: Any, exponent: Any) -> Any:
    """base ** exponent."""
    op, operands = _power_row(base, exponent)
    return elementwise(op, *operands)


def apply_operator(op: Op, *operands: Any) -> Any:
    if op.name == "power":
        return power(*operands)
    return elementwise(op, *operands)
