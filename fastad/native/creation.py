"""Arrays of active numbers that are made inside a compiled function.

Theory of operation. The compiler puts these functions in place of NumPy's own, for one kind of active number. What
would hold floats holds active numbers, passive ones at first; all bits zero is the passive 0.0. Arrays of integers,
booleans and complex numbers stay NumPy's.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic, overload
from numba.np.arrayobj import _empty_nd_impl, _parse_shape, make_array, populate_array

from fastad.native.elementals import lift_to
from fastad.native.loops import fill
from fastad.native.memory import rule
from fastad.native.types import ActiveType, is_active, is_array, is_number, is_plain_array, members

_array: Any = types.Array
_allocators: dict[tuple[ActiveType, bool], Any] = {}


def allocator(kind: ActiveType, cleared: bool = True) -> Any:
    """The intrinsic (shape) -> array of the passive number 0.0; of nothing yet, if not to be cleared."""
    if (kind, cleared) in _allocators:
        return _allocators[kind, cleared]

    @intrinsic
    def allocate(typing_context, shape):
        result = _array(kind, 1 if isinstance(shape, types.Integer) else len(shape), "C")

        def codegen(context, builder, signature, arguments):
            array = _empty_nd_impl(context, builder, result, _parse_shape(context, builder, shape, arguments[0]))
            if cleared:
                size = builder.mul(array.itemsize, array.nitems)
                cgutils.memset(builder, builder.bitcast(array.data, cgutils.voidptr_t), size, 0)
            return array._getvalue()

        return result(shape), codegen

    _allocators[kind, cleared] = allocate
    return allocate


def array_at(kind: ActiveType) -> Any:
    """The intrinsic (address, shape) -> array of active numbers in memory that somebody else owns."""

    @intrinsic
    def at_address(typing_context, address, shape):
        result = _array(kind, 1 if isinstance(shape, types.Integer) else len(shape), "C")

        def codegen(context, builder, signature, arguments):
            address, shape_value = arguments
            shapes = _parse_shape(context, builder, shape, shape_value)
            size = context.get_abi_sizeof(context.get_data_type(kind))
            strides = [context.get_constant(types.intp, size)]
            for length in reversed(shapes[1:]):
                strides.insert(0, builder.mul(strides[0], length))
            array = make_array(result)(context, builder)
            data = builder.inttoptr(address, context.get_data_type(kind).as_pointer())
            itemsize = context.get_constant(types.intp, size)
            populate_array(array, data=data, shape=shapes, strides=strides, itemsize=itemsize, meminfo=None)
            return array._getvalue()

        return result(types.int64, shape), codegen

    return at_address


def holds_floats(dtype: Any) -> bool:
    """Whether the argument `dtype` of a creator means numbers that may become active."""
    if dtype is None or isinstance(dtype, types.NoneType | types.Omitted):
        return True
    if isinstance(dtype, types.Function):  # `float`
        return float in getattr(dtype.typing_key, "__mro__", ())
    if isinstance(dtype, types.StringLiteral):
        return np.dtype(dtype.literal_value).kind == "f"
    kind = getattr(dtype, "dtype", dtype)
    return isinstance(kind, types.Float) or is_active(kind)


def _filled(kind: ActiveType, of_numpy: Any, start: float) -> Any:
    """np.zeros and its kin."""
    allocate, lift = allocator(kind), lift_to(kind)

    def create(shape, dtype=None):
        raise NotImplementedError

    @overload(create)
    def created(shape, dtype=None):
        if not holds_floats(dtype):
            return lambda shape, dtype=None: of_numpy(shape, dtype)
        if start == 0.0:
            return lambda shape, dtype=None: allocate(shape)

        def ones(shape, dtype=None):
            out = allocate(shape)
            fill(out, lift(start))
            return out

        return ones

    return create


def _filled_like(kind: ActiveType, of_numpy: Any, start: float) -> Any:
    """np.zeros_like and its kin."""
    allocate, lift = allocator(kind), lift_to(kind)

    def create(a, dtype=None):
        raise NotImplementedError

    @overload(create)
    def created(a, dtype=None):
        given = dtype is not None and not isinstance(dtype, types.NoneType | types.Omitted)
        if not holds_floats(dtype if given else getattr(a, "dtype", a)):
            return (lambda a, dtype=None: of_numpy(a, dtype)) if given else (lambda a, dtype=None: of_numpy(a))

        def like(a, dtype=None):
            out = allocate(np.shape(a))
            if start != 0.0:
                fill(out, lift(start))
            return out

        return like

    return create


def _full(kind: ActiveType) -> Any:
    allocate, lift = allocator(kind), lift_to(kind)

    def full(shape, fill_value, dtype=None):
        raise NotImplementedError

    @overload(full)
    def _of_shape(shape, fill_value, dtype=None):
        given = dtype is not None and not isinstance(dtype, types.NoneType | types.Omitted)
        if not holds_floats(dtype if given else fill_value):
            if given:
                return lambda shape, fill_value, dtype=None: np.full(shape, fill_value, dtype)
            return lambda shape, fill_value, dtype=None: np.full(shape, fill_value)

        def filled(shape, fill_value, dtype=None):
            out = allocate(shape)
            fill(out, lift(fill_value))
            return out

        return filled

    return full


def _full_like(kind: ActiveType, full: Any) -> Any:
    def full_like(a, fill_value, dtype=None):
        raise NotImplementedError

    @overload(full_like)
    def _of_array(a, fill_value, dtype=None):
        return lambda a, fill_value, dtype=None: full(np.shape(a), fill_value, dtype)

    return full_like


# --- conversion ---------------------------------------------------------------------------------------------
def _converter(kind: ActiveType) -> Any:
    """What makes a fresh array active: plain floats become passive numbers; all else stays what it is."""
    allocate = allocator(kind)

    def to_active(a):
        raise NotImplementedError

    @overload(to_active)
    def converted(a):
        if not (is_plain_array(a) and isinstance(a.dtype, types.Float)):
            return lambda a: a

        def convert(a):
            out = allocate(a.shape)
            fill(out, a)
            return out

        return convert

    return to_active


def _item_lifter(kind: ActiveType) -> Any:
    """What makes an item of a list active if it is a float."""
    lift = lift_to(kind)

    def lift_item(x):
        raise NotImplementedError

    @rule(lift_item)
    def lifted(x):
        return (lambda x: lift(x)) if isinstance(x, types.Float) else (lambda x: x)

    return lift_item


def _array_of(kind: ActiveType) -> Any:
    """np.array and np.asarray of numbers, lists, tuples and arrays."""
    allocate, lift = allocator(kind), lift_to(kind)

    def array(object, dtype=None):
        raise NotImplementedError

    @overload(array)
    def made(object, dtype=None):
        depth, inner = _depth(object)
        if not is_active(inner):
            if dtype is None or isinstance(dtype, types.NoneType | types.Omitted):
                return lambda object, dtype=None: np.array(object)
            return lambda object, dtype=None: np.array(object, dtype)
        if is_array(object):
            return lambda object, dtype=None: object.copy()
        scope: dict[str, Any] = {"allocate": allocate, "lift": lift}
        exec(_stacking(object, depth), scope)
        return scope["stack"]

    return array


def _depth(x: Any) -> tuple[int, Any]:
    """How deeply numbers are nested in lists and tuples, and their type (an active one if there is one)."""
    if is_array(x):
        return x.ndim, x.dtype
    if isinstance(x, types.BaseTuple):
        inside = [_depth(part) for part in members(x)]
        kinds = [kind for _, kind in inside]
        return 1 + max((depth for depth, _ in inside), default=0), next(filter(is_active, kinds), kinds and kinds[0])
    if isinstance(x, types.List | types.ListType):
        depth, kind = _depth(x.dtype)
        return 1 + depth, kind
    return (x.ndim, x.dtype) if is_plain_array(x) else (0, x)


def _stacking(x: Any, depth: int) -> str:
    """Source of a function that makes an array of nested lists and tuples."""
    lines, size, inside = ["def stack(object, dtype=None):"], "object", x
    sizes = []
    for _ in range(depth):
        sizes.append(f"len({size})")
        size += "[0]"
    lines.append(f"    out = allocate(({', '.join(sizes)},))")
    _fill(lines, inside, "object", [], depth)
    return "\n".join([*lines, "    return out"])


def _fill(lines: list[str], x: Any, source: str, index: list[str], depth: int) -> None:
    pad = "    " * (1 + sum(part.startswith("i") for part in index))
    if depth == 0:
        lines.append(f"{pad}out[{', '.join(index)}] = lift({source})")
    elif isinstance(x, types.BaseTuple):
        for k, part in enumerate(members(x)):
            _fill(lines, part, f"{source}[{k}]", [*index, str(k)], depth - 1)
    else:
        name = f"i{len(index)}"
        lines.append(f"{pad}for {name} in range(len({source})):")
        inside = x.dtype if not isinstance(x, types.Array) or x.ndim == 1 else _array(x.dtype, x.ndim - 1, "A")
        _fill(lines, inside, f"{source}[{name}]", [*index, name], depth - 1)


_creators: dict[ActiveType, dict[Any, Any]] = {}


def creators(kind: ActiveType) -> dict[Any, Any]:
    """What stands in place of NumPy's functions that make arrays."""
    if kind not in _creators:
        full, array = _full(kind), _array_of(kind)
        _creators[kind] = {
            np.zeros: _filled(kind, np.zeros, 0.0), np.empty: _filled(kind, np.empty, 0.0),
            np.ones: _filled(kind, np.ones, 1.0), np.zeros_like: _filled_like(kind, np.zeros_like, 0.0),
            np.empty_like: _filled_like(kind, np.empty_like, 0.0), np.ones_like: _filled_like(kind, np.ones_like, 1.0),
            np.full: full, np.full_like: _full_like(kind, full), np.array: array, np.asarray: array,
            "to_active": _converter(kind), "lift_item": _item_lifter(kind),
        }  # fmt: skip
    return _creators[kind]


def is_known(x: Any) -> bool:
    """Whether a type is one that array operations take: a number or an array of numbers, active or plain."""
    return is_active(x) or is_number(x) or is_array(x) or is_plain_array(x)
