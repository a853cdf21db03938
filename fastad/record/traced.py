"""Traced values: what a user's function sees in place of its arguments while it is recorded.

A `TracedArray` is a pair of arrays of one shape, the values and the slots where the tape keeps them.
Whatever moves data is done to both, so it needs no instruction. An array in which nothing is traced
yet (made by `np.zeros` inside the function, say) has no slots until a traced value is assigned into
it or into a view of it. A `TracedScalar` is one number: code that works number by number spends its
recording time in its operators, which therefore append to the tape themselves.
"""

from __future__ import annotations

import sys
from typing import Any

import numpy as np

from fastad.errors import DerivativeCut, StaleValue
from fastad.record.builder import CONSTANT, Builder, constant_slots, current, is_assignment, user_line

FLOAT = np.dtype(np.float64)
ASSIGNMENT = "an assignment into a plain array", "make or copy it in the function, as floats: np.array(a)"


class TracedScalar:
    """One traced number: its slot, and its value at the point of the recording."""

    __slots__ = ("builder", "slot", "value")
    __array_priority__ = 1000.0
    __hash__ = None  # type: ignore[assignment]
    shape: tuple[int, ...] = ()
    ndim = 0
    size = 1

    def __init__(self, builder: Builder, slot: int, value: float) -> None:
        self.builder, self.slot, self.value = builder, slot, value

    @property
    def __class__(self) -> type:  # isinstance(x, float) holds, as for NumPy's own scalars
        return np.bool_ if type(self.value) is bool else np.float64

    @property
    def dtype(self) -> np.dtype:
        return np.dtype(bool) if type(self.value) is bool else FLOAT

    @property
    def real(self) -> TracedScalar:
        return self

    @property
    def T(self) -> TracedScalar:
        return self

    def conjugate(self) -> TracedScalar:
        return self

    conj = item = copy = conjugate

    def __bool__(self) -> bool:
        truth = self if type(self.value) is bool else self != 0.0
        if type(truth) is not TracedScalar:
            return bool(truth)
        self.builder.guard(truth.slot, truth.value)
        return truth.value

    def __float__(self) -> float:
        if is_assignment(sys._getframe(1)):
            raise cut(*ASSIGNMENT)
        raise cut("float(x)", "leave the conversion out: a traced number is a float already")

    def __complex__(self) -> complex:
        raise cut("complex(x)", "fastad differentiates real arithmetic")

    def __int__(self) -> int:
        return _as_index(self, "trunc")

    __trunc__ = __int__

    def __floor__(self) -> int:
        return _as_index(self, "floor")

    def __ceil__(self) -> int:
        return _as_index(self, "ceil")

    def __round__(self, digits: int | None = None) -> Any:
        if digits is None:
            return _as_index(self, "rint")
        scale = 10.0**digits
        return np.rint(self * scale) / scale

    def __len__(self) -> int:
        raise TypeError("object of type 'float' has no len()")

    def __iter__(self) -> Any:
        raise TypeError("'float' object is not iterable")

    def __getitem__(self, key: Any) -> Any:
        return as_array(self)[key]

    def __array__(self, dtype: Any = None, copy: Any = None) -> np.ndarray:
        from fastad.record.elements import object_array

        return object_array(as_array(self), dtype)

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **options: Any) -> Any:
        from fastad.record.functions import call_ufunc

        return call_ufunc(ufunc, method, inputs, options)

    def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any) -> Any:
        from fastad.record.functions import call_function

        return call_function(function, args, kwargs)

    def __getattr__(self, name: str) -> Any:
        from fastad.record.methods import attribute

        return attribute(self, name)

    def __repr__(self) -> str:
        return f"traced({self.value!r})"

    def __format__(self, spec: str) -> str:
        return format(self.value, spec)

    def __reduce_ex__(self, protocol: Any) -> Any:
        raise cut("pickling", "a traced value cannot leave its recording")


class TracedArray:
    """An array of traced numbers: values and slots, element by element.

    A root owns its memory, a view is part of a root's. The root that an instruction (or an argument) made
    has consecutive slots from `first` on, in C order like its values: as long as nobody has written into
    it, where an element stands in memory says which slot it has, and no array of slots is made. A write
    sets `first` to None.
    """

    __slots__ = ("_slots", "builder", "first", "pointer", "root", "value")
    __array_priority__ = 1000.0
    __hash__ = None  # type: ignore[assignment]

    def __init__(
        self, value: np.ndarray, slots: np.ndarray | None = None, builder: Builder | None = None,
        root: TracedArray | None = None, first: int | None = None,
    ) -> None:  # fmt: skip
        self.value, self._slots, self.builder = value, slots, builder
        self.root = self if root is None else root
        self.first, self.pointer = first, 0  # of a root only; the pointer to its values, once it is asked for

    # --- what NumPy code asks -----------------------------------------------------------------------
    @property
    def __class__(self) -> type:  # isinstance(x, np.ndarray) holds
        return np.ndarray

    shape = property(lambda self: self.value.shape, lambda self, shape: self._set_shape(shape))
    ndim = property(lambda self: self.value.ndim)
    size = property(lambda self: self.value.size)
    dtype = property(lambda self: self.value.dtype)
    itemsize = property(lambda self: self.value.itemsize)
    nbytes = property(lambda self: self.value.nbytes)
    strides = property(lambda self: self.value.strides)
    flags = property(lambda self: self.value.flags)
    T = property(lambda self: self.transpose())
    mT = property(lambda self: np.matrix_transpose(self))
    real = property(lambda self: self)
    imag = property(lambda self: np.zeros(self.shape))
    base = property(lambda self: None if self.root is self else self.root)

    @property
    def flat(self) -> Any:
        from fastad.record.indexing import Flat

        return self.reshape(-1) if self.value.flags.c_contiguous else Flat(self)

    @flat.setter
    def flat(self, values: Any) -> None:
        self[...] = np.resize(values, self.shape)

    def __len__(self) -> int:
        return len(self.value)

    def __iter__(self) -> Any:
        if self.ndim == 0:
            raise TypeError("iteration over a 0-d array")
        return (self[i] for i in range(len(self)))

    def __bool__(self) -> bool:
        if self.size != 1:
            return bool(self.value)  # NumPy's own error, or its rule for empty arrays
        return bool(self[(0,) * self.ndim])

    def __float__(self) -> float:
        return self.value.__float__() if self.passive else float(self[(0,) * self.ndim])

    def __int__(self) -> int:
        return int(self[(0,) * self.ndim]) if self.size == 1 else int(self.value)

    def __index__(self) -> int:
        return self.value.__index__()

    def __complex__(self) -> complex:
        raise cut("complex(x)", "fastad differentiates real arithmetic")

    def __contains__(self, item: Any) -> bool:
        return bool((self == item).any())

    def __array__(self, dtype: Any = None, copy: Any = None) -> np.ndarray:
        if self.passive:
            return self.value.astype(dtype or self.value.dtype)
        from fastad.record.elements import object_array

        return object_array(self, dtype)

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **options: Any) -> Any:
        from fastad.record.functions import call_ufunc

        return call_ufunc(ufunc, method, inputs, options)

    def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any) -> Any:
        from fastad.record.functions import call_function

        return call_function(function, args, kwargs)

    def __getattr__(self, name: str) -> Any:
        from fastad.record.methods import attribute

        return attribute(self, name)

    def __getitem__(self, key: Any) -> Any:
        if type(key) is int and self.value.ndim == 1 and self.builder is not None:
            slot = self.slots.item(key)  # the commonest index, without the way round
            return TracedScalar(self.builder, slot, self.value.item(key)) if slot < CONSTANT else self.value[key]
        from fastad.record.indexing import get_item

        return get_item(self, key)

    def __setitem__(self, key: Any, value: Any) -> None:
        from fastad.record.indexing import set_item

        set_item(self, key, value)

    def __repr__(self) -> str:
        return f"traced({self.value!r})"

    def __reduce_ex__(self, protocol: Any) -> Any:
        raise cut("pickling", "a traced value cannot leave its recording")

    def __copy__(self, memo: Any = None) -> Any:
        return self.copy()

    __deepcopy__ = __copy__

    def _set_shape(self, shape: Any) -> None:
        new = self.reshape(shape)
        slots = self._slots.reshape(new.shape) if new._slots is None and self._slots is not None else new._slots
        self.value, self._slots, self.root = new.value, slots, new.root

    def become(self, other: TracedArray) -> None:
        """Take the place of a new array, as `resize` does; of roots only."""
        self.value, self._slots, self.builder = other.value, None if other.passive else other.slots, other.builder
        self.first, self.pointer = None, 0

    # --- slots --------------------------------------------------------------------------------------
    @property
    def passive(self) -> bool:
        """Whether nothing in this array (or in the array it is a view of) is traced."""
        return self.builder is None and self.root.builder is None

    @property
    def slots(self) -> np.ndarray:
        """Slots of the elements, int64, shape of the array."""
        if self._slots is None:
            root, value = self.root, self.value
            if root is not self:
                strides = tuple([8 // value.itemsize * stride for stride in value.strides])
                self._slots = np.ndarray(value.shape, np.int64, root.slots, 8 * self.offset, strides)
                self.builder = root.builder
            elif self.first is not None:
                self._slots = np.arange(self.first, self.first + value.size).reshape(value.shape)
            else:
                raise StaleValue("internal: the slots of a passive array were asked for")
        return self._slots

    @property
    def offset(self) -> int:
        """How many elements of the root stand before the first one in memory."""
        root = self.root
        if root.pointer == 0:
            root.pointer = root.value.__array_interface__["data"][0]
        return (self.value.__array_interface__["data"][0] - root.pointer) // self.value.itemsize

    def part(self, value: np.ndarray) -> TracedArray | None:
        """What was made of the values as a view; None where it is a copy or slots must be looked at."""
        root = self.root
        if (root.first is None and root.builder is not None) or owner(value) is not owner(root.value):
            return None
        return TracedArray(value, None, root.builder, root)

    def make_traced(self, builder: Builder) -> None:
        """Give the whole array that this one is a view of slots, so that traced values can go in."""
        root = self.root
        if root.builder is None:
            if root.value.dtype != FLOAT:
                raise cut(f"assigning into an array of {root.value.dtype}", "make the array with dtype float")
            root._slots, root.builder = constant_slots(builder, root.value), builder
        self.slots.shape  # noqa: B018  derive this view's slots from the root's


# --- making traced values ---------------------------------------------------------------------------
def fresh_array(builder: Builder | None, value: np.ndarray, first: int) -> TracedArray:
    """The traced array whose slots are first, first + 1, ..."""
    if not value.flags.c_contiguous:
        value = np.ascontiguousarray(value)
    return TracedArray(value, None, builder, first=first)


def owner(a: np.ndarray) -> np.ndarray:
    """The array that owns the memory of a view."""
    while isinstance(a.base, np.ndarray):
        a = a.base
    return a


def copied(x: TracedArray) -> TracedArray:
    """A traced array that later writes into `x` do not change."""
    root = x.root
    if root.first is not None and x.value.flags.c_contiguous:
        return fresh_array(root.builder, x.value.copy(), root.first + x.offset)
    return TracedArray(x.value.copy(), x.slots.copy(), x.builder)


def moved(source: TracedArray, value: Any, slots: Any) -> Any:
    """What a data movement made of `source`: a scalar, a view that shares its root, or a copy."""
    if not isinstance(slots, np.ndarray):
        return scalar_of(source.builder, int(slots), value)
    root = source.root if owner(slots) is owner(source.root.slots) else None
    return TracedArray(value, slots, source.builder, root)


def scalar_of(builder: Builder, slot: int, value: Any) -> Any:
    """A traced number; a constant is a number and needs no tracing."""
    if slot >= CONSTANT:
        return np.float64(value) if not isinstance(value, np.bool_ | bool) else bool(value)
    return TracedScalar(builder, slot, value.item() if isinstance(value, np.generic) else value)


def as_array(x: Any) -> TracedArray:
    """A traced value as a `TracedArray`."""
    if type(x) is TracedArray:
        return x
    return TracedArray(np.array(x.value), np.array(x.slot), x.builder)


def is_traced(x: Any) -> bool:
    return type(x) is TracedScalar or (type(x) is TracedArray and not x.passive)


def plain(x: Any) -> Any:
    """The values of a traced value, or what was given."""
    return x.value if type(x) is TracedScalar or type(x) is TracedArray else x


def cut(what: str, way_out: str) -> DerivativeCut:
    return DerivativeCut(f"{what} at {user_line()} would cut the derivative of a traced value: {way_out}")


def _as_index(x: TracedScalar, name: str) -> int:
    """An integer made from a value: the replay must come to the same one."""
    whole = getattr(np, name)(x)
    if type(whole) is TracedScalar:
        whole.builder.guard(whole.slot, whole.value)
    return int(plain(whole))


def common_builder(values: tuple[Any, ...]) -> Builder | None:
    """The recording that the traced ones among `values` belong to."""
    builder: Builder | None = None
    for x in values:
        kind = type(x)
        mine = (x.root.builder or x.builder) if kind is TracedArray else x.builder if kind is TracedScalar else None
        if mine is not None and mine is not builder:
            if builder is not None:
                raise StaleValue(
                    f"values of two different recordings meet at {user_line()}: a traced value was kept from an "
                    "earlier call or passed to another thread"
                )
            builder = mine
    return builder


def builder_for(values: tuple[Any, ...]) -> Builder:
    """The recording that an operation on these values belongs to."""
    builder = common_builder(values) or current()
    if builder is None:
        raise StaleValue("a traced array was used outside a recording")
    return builder
