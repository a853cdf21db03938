"""Recording the call of a primitive: one block, whatever the sizes of its arguments and results."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from functools import wraps
from typing import Any

import numpy as np

from fastad.ops import ARRAY_BY_NAME
from fastad.primitives import OPERANDS, Call, Primitive
from fastad.record.builder import Builder, Entry, is_tried, user_line
from fastad.record.creation import gather_objects
from fastad.record.elementwise import numeric, operand_address, snapshot
from fastad.record.traced import TracedArray, TracedScalar, as_array, common_builder, fresh_array, is_traced, plain

CALL = ARRAY_BY_NAME["call"].code
_attempts = itertools.count()


def call(primitive: Primitive, *args: Any, **options: Any) -> Any:
    """The result of a primitive; traced if an argument is.

    Arguments may be numbers, arrays and nested lists, traced or not; `options` are static and hashable.
    """
    args = tuple(map(gather_objects, args))
    values = [numeric(x).astype(np.float64, copy=False) for x in args]
    value = primitive.value(*values, **options)
    builder = common_builder(args)
    if builder is None or not any(map(is_traced, args)):
        return value
    single = not isinstance(value, tuple)
    outputs = [np.asarray(part, np.float64) for part in ((value,) if single else value)]
    shapes = [v.shape for v in values]
    made = Call(primitive, shapes, [part.shape for part in outputs], single, tuple(sorted(options.items())))
    flat = np.concatenate([part.reshape(-1) for part in outputs])
    whole = record(builder, made, operands_of(args), flat)
    parts = _results(whole, outputs)
    return parts[0] if single else tuple(parts)


def tried(original: Callable[..., Any], ours: Callable[..., Any]) -> Callable[..., Any]:
    """Ours; where it fails and the user's code may catch that, the replay is guarded to fail as well."""

    @wraps(ours)
    def attempt(*args: Any, **options: Any) -> Any:
        try:
            return ours(*args, **options)
        except np.linalg.LinAlgError:
            if is_tried():
                _guard_failure(original, args, options)
            raise

    return attempt


def _guard_failure(function: Callable[..., Any], args: tuple[Any, ...], options: dict[str, Any]) -> None:
    """Guard that a function of arrays goes on failing; where a call begins to fail, the sweep itself says so."""
    args = tuple(map(gather_objects, args))
    places = [k for k, x in enumerate(args) if is_traced(x)]
    known = [plain(x) for x in args]

    def succeeds(*values: np.ndarray) -> np.float64:
        now = list(known)
        for k, value in zip(places, values, strict=True):
            now[k] = value
        try:
            function(*now, **options)
        except np.linalg.LinAlgError:
            return np.float64(0.0)
        return np.float64(1.0)

    name = f"whether {getattr(function, '__name__', 'a function')} succeeds, {next(_attempts)}"
    truth = Primitive(name, succeeds, lambda r, a, w, wanted: [None] * len(a), lambda r, a, dots: np.zeros(()))
    result = call(truth, *(args[k] for k in places))
    if is_traced(result):
        result.builder.guard(result.slot, result.value)


def operands_of(args: tuple[Any, ...]) -> list[Any]:
    """The operands of the block: an argument each, and all that are left in the last one."""
    flat = [_flat(x) for x in args]
    flat += [np.empty(0)] * (OPERANDS - len(flat))
    rest = flat[OPERANDS - 1 :]
    return [*flat[: OPERANDS - 1], rest[0] if len(rest) == 1 else np.concatenate(list(map(_as_traced_or_plain, rest)))]


def _as_traced_or_plain(x: Any) -> Any:
    return as_array(x) if is_traced(x) else x


def _flat(x: Any) -> Any:
    return np.reshape(as_array(x), -1) if is_traced(x) else np.asarray(plain(x), np.float64).reshape(-1)


def record(builder: Builder, made: Call, operands: list[Any], value: np.ndarray) -> TracedArray:
    """Append a call whose value is known; all its results as one flat traced array."""
    addresses = tuple(operand_address(builder, x, np.asarray(plain(x)), np.shape(plain(x))) for x in operands)
    made.where = user_line()
    number = builder.call(made)
    result = fresh_array(builder, value, builder.block(CALL, value.size, addresses, (number,)))
    if builder.log is not None:
        kept = tuple(map(snapshot, operands))
        builder.log.append(Entry(CALL, kept, snapshot(result), (number,), None, made))
    return result


def _results(whole: TracedArray, outputs: list[np.ndarray]) -> list[Any]:
    parts, start = [], 0
    for output in outputs:
        size = math.prod(output.shape)
        part: Any = fresh_array(whole.builder, output.copy(), whole.first + start)  # type: ignore[operator]
        parts.append(part if output.ndim else TracedScalar(part.builder, part.first, output.item()))
        start += size
    return parts
