"""Active numbers and arrays as Numba types: what a compiled function computes with while it is recorded.

Theory of operation. An `Active` is a value, the slot that it has on the tape, and the address of the tape's control
block. Slot 0 means passive: a number that depends on no independent, as every plain number becomes that meets an
active one, so that a variable may hold now this, now that. An active array is two arrays of one shape, values and
slots, and the tape's address; whatever only moves data is done to both.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.core.errors import TypingError
from numba.core.typeconv import Conversion
from numba.extending import intrinsic, lower_cast, make_attribute_wrapper, models, register_model

TAPE = "tape"
_array: Any = types.Array


class ActiveType(types.Type):
    """A number on a tape of one kind."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        super().__init__(name=f"Active[{kind}]")

    def can_convert_from(self, typing_context: Any, other: types.Type) -> Conversion | None:
        return Conversion.safe if isinstance(other, types.Number | types.Boolean) else None

    def unify(self, typing_context: Any, other: types.Type) -> types.Type | None:
        return self if isinstance(other, types.Number | types.Boolean) else None


class ActiveArrayType(types.IterableType):
    """An array of numbers on a tape: arrays of values and of slots."""

    def __init__(self, kind: str, ndim: int, layout: str = "C") -> None:
        self.kind, self.ndim, self.layout = kind, ndim, layout
        self.values, self.slots = _array(types.float64, ndim, layout), _array(types.int64, ndim, layout)
        super().__init__(name=f"ActiveArray[{kind}, {ndim}, {layout}]")

    @property
    def element(self) -> ActiveType:
        return ACTIVE[self.kind]

    @property
    def iterator_type(self) -> Any:
        if self.ndim != 1:
            raise TypingError("only arrays of one axis are looped over: loop over the index")
        return ActiveIteratorType(self)

    def can_convert_from(self, typing_context: Any, other: types.Type) -> Conversion | None:
        if isinstance(other, ActiveArrayType) and (other.kind, other.ndim, self.layout) == (self.kind, self.ndim, "A"):
            return Conversion.safe
        return None

    def unify(self, typing_context: Any, other: types.Type) -> types.Type | None:
        if isinstance(other, ActiveArrayType) and (other.kind, other.ndim) == (self.kind, self.ndim):
            return ActiveArrayType(self.kind, self.ndim, "A")
        return None


class ActiveIteratorType(types.SimpleIteratorType):
    """What a loop over an active array of one axis goes by."""

    def __init__(self, array: ActiveArrayType) -> None:
        self.array = array
        super().__init__(f"iter({array})", array.element)


ACTIVE = {kind: ActiveType(kind) for kind in (TAPE,)}
PASSIVE = (types.Number, types.Boolean)


@register_model(ActiveType)
class _ActiveModel(models.StructModel):
    def __init__(self, manager: Any, kind: ActiveType) -> None:
        super().__init__(manager, kind, [("tape", types.intp), ("slot", types.int64), ("value", types.float64)])


@register_model(ActiveArrayType)
class _ActiveArrayModel(models.StructModel):
    def __init__(self, manager: Any, kind: ActiveArrayType) -> None:
        super().__init__(manager, kind, [("tape", types.intp), ("slots", kind.slots), ("values", kind.values)])


for _field in ("tape", "slot", "value"):
    make_attribute_wrapper(ActiveType, _field, f"_{_field}")
for _field in ("tape", "slots", "values"):
    make_attribute_wrapper(ActiveArrayType, _field, f"_{_field}")


@lower_cast(types.Number, ActiveType)
@lower_cast(types.Boolean, ActiveType)
def _passive_to_active(context: Any, builder: Any, source: Any, target: Any, value: Any) -> Any:
    new = cgutils.create_struct_proxy(target)(context, builder)
    new.tape = new.slot = ir.Constant(ir.IntType(64), 0)
    new.value = context.cast(builder, value, source, types.float64)
    return new._getvalue()


@lower_cast(ActiveArrayType, ActiveArrayType)
def _any_layout(context: Any, builder: Any, source: Any, target: Any, value: Any) -> Any:
    old = cgutils.create_struct_proxy(source)(context, builder, value)
    new = cgutils.create_struct_proxy(target)(context, builder)
    new.tape = old.tape
    new.slots = context.cast(builder, old.slots, source.slots, target.slots)
    new.values = context.cast(builder, old.values, source.values, target.values)
    return new._getvalue()


def active_maker(kind: str) -> Any:
    """The intrinsic (tape, slot, value) -> Active of a kind."""
    target = ACTIVE[kind]

    @intrinsic
    def make(typing_context, tape, slot, value):  # type: ignore[no-untyped-def]
        def codegen(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
            new = cgutils.create_struct_proxy(target)(context, builder)
            new.tape, new.slot, new.value = arguments
            return new._getvalue()

        return target(types.intp, types.int64, types.float64), codegen

    return make


def array_maker(kind: str) -> Any:
    """The intrinsic (tape, slots, values) -> ActiveArray of a kind."""

    @intrinsic
    def make(typing_context, tape, slots, values):  # type: ignore[no-untyped-def]
        layout = slots.layout if slots.layout == values.layout else "A"
        target = ActiveArrayType(kind, slots.ndim, layout)

        def codegen(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
            tape, slots_value, values_value = arguments
            new = cgutils.create_struct_proxy(target)(context, builder)
            new.tape = tape
            new.slots = context.cast(builder, slots_value, slots, target.slots)
            new.values = context.cast(builder, values_value, values, target.values)
            context.nrt.incref(builder, slots, slots_value)
            context.nrt.incref(builder, values, values_value)
            return new._getvalue()

        return target(types.intp, slots, values), codegen

    return make


MAKE = {kind: active_maker(kind) for kind in ACTIVE}
MAKE_ARRAY = {kind: array_maker(kind) for kind in ACTIVE}
