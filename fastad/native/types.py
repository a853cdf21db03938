"""Active numbers as Numba types: what a compiled function computes with while it is differentiated.

Theory of operation. There are three kinds of active numbers. Each is a struct of machine numbers, so that LLVM keeps
its parts in registers; arrays of them are Numba's own arrays with this struct as their element, and whatever only moves
data (slices, views, copies, reshapes, concatenations, sorting) is Numba's own code.

- `Edges` (reverse mode): a value, the slot of an entry on the tape, and the slope of the value against that entry.
  Operations on one active number only change the slope; operations on two append an entry, which holds the slots of
  both operands and the two partials. Nothing else is needed to sweep adjoints.
- `Dual` (forward mode): a value and its tangents along k directions. No tape.
- `Tape`: a value and the slot of an entry that holds the operation, for whatever asks for the program itself.

Values and partials are of a component type: a float64, or a number of another kind, which gives second derivatives
(edges of duals: forward over reverse). All bits zero is the passive number 0.0 in every kind. Slot 0 means passive: a
number that depends on no independent, as every plain number becomes that meets an active one.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.core.typeconv import Conversion
from numba.extending import lower_cast, make_attribute_wrapper, models, register_model

PASSIVE = (types.Number, types.Boolean)
FLOAT: Any = types.float64


class ActiveType(types.Type):
    """A number that carries derivatives."""

    def __init__(self, name: str, component: types.Type, fields: list[tuple[str, types.Type]]) -> None:
        self.component, self.fields = component, fields
        super().__init__(name=name)

    def can_convert_from(self, typing_context: Any, other: types.Type) -> Conversion | None:
        return Conversion.safe if isinstance(other, PASSIVE) and not isinstance(other, types.Complex) else None

    def unify(self, typing_context: Any, other: types.Type) -> types.Type | None:
        return self if self.can_convert_from(typing_context, other) else None


class EdgesType(ActiveType):
    """A value, the slot of the entry that it comes from, and its slope against that entry."""

    def __init__(self, component: types.Type = FLOAT) -> None:
        fields = [("tape", types.intp), ("slot", types.int64), ("value", component), ("slope", component)]
        super().__init__(f"Edges[{component}]", component, fields)


class DualType(ActiveType):
    """A value and its tangents."""

    def __init__(self, lanes: int, component: types.Type = FLOAT) -> None:
        self.lanes = lanes
        self.tangents: types.Type = LanesType(lanes) if component is FLOAT else component
        super().__init__(f"Dual[{lanes}, {component}]", component, [("value", component), ("tangent", self.tangents)])


class TapeType(ActiveType):
    """A value and the slot of the entry that computed it."""

    def __init__(self) -> None:
        super().__init__("Tape", FLOAT, [("tape", types.intp), ("slot", types.int64), ("value", FLOAT)])


class LanesType(types.Type):
    """So many float64 numbers in vector registers."""

    def __init__(self, lanes: int) -> None:
        self.lanes = lanes
        super().__init__(f"Lanes[{lanes}]")


@register_model(EdgesType)
@register_model(DualType)
@register_model(TapeType)
class _ActiveModel(models.StructModel):
    def __init__(self, manager: Any, kind: ActiveType) -> None:
        super().__init__(manager, kind, kind.fields)


@register_model(LanesType)
class _LanesModel(models.PrimitiveModel):
    """A vector in registers; in memory plain numbers side by side, which ask for no alignment."""

    def __init__(self, manager: Any, kind: LanesType) -> None:
        super().__init__(manager, kind, ir.VectorType(ir.DoubleType(), kind.lanes))
        self.lanes = kind.lanes
        self.numbers = ir.ArrayType(ir.DoubleType(), kind.lanes)

    def get_data_type(self) -> Any:
        return self.numbers

    def as_data(self, builder: Any, value: Any) -> Any:
        numbers = [builder.extract_element(value, ir.Constant(ir.IntType(32), k)) for k in range(self.lanes)]
        return cgutils.pack_array(builder, numbers, ir.DoubleType())

    def from_data(self, builder: Any, value: Any) -> Any:
        vector = ir.Constant(self.get_value_type(), ir.Undefined)
        for k in range(self.lanes):
            vector = builder.insert_element(vector, builder.extract_value(value, k), ir.Constant(ir.IntType(32), k))
        return vector

    def load_from_data_pointer(self, builder: Any, ptr: Any, align: int | None = None) -> Any:
        return builder.load(builder.bitcast(ptr, self.get_value_type().as_pointer()), align=8)


for _class, _fields in (
    (EdgesType, ("tape", "slot", "value", "slope")), (DualType, ("value", "tangent")),
    (TapeType, ("tape", "slot", "value")),
):  # fmt: skip
    for _field in _fields:
        make_attribute_wrapper(_class, _field, f"_{_field}")


@lower_cast(types.Number, ActiveType)
@lower_cast(types.Boolean, ActiveType)
def _passive_to_active(context: Any, builder: Any, source: Any, target: Any, value: Any) -> Any:
    new = cgutils.create_struct_proxy(target)(context, builder, ir.Constant(context.get_value_type(target), None))
    new.value = context.cast(builder, value, source, target.component)
    return new._getvalue()


EDGES, TAPE = EdgesType(), TapeType()


def is_active(x: Any) -> bool:
    return isinstance(x, ActiveType)


def is_number(x: Any) -> bool:
    return isinstance(x, PASSIVE) and not isinstance(x, types.Complex)


def is_array(x: Any) -> bool:
    """Whether a type is an array of active numbers."""
    return isinstance(x, types.Array) and is_active(x.dtype)


def is_plain_array(x: Any) -> bool:
    return isinstance(x, types.Array) and is_number(x.dtype)


def members(x: Any) -> tuple[Any, ...]:
    """The types in a tuple's type."""
    return tuple(x.types)


def kind_of(*arguments: Any) -> ActiveType | None:
    """The kind of the active ones among some argument types."""
    for x in arguments:
        inside = getattr(x, "dtype", x)
        if is_active(inside):
            return inside
        if isinstance(x, types.BaseTuple):
            found = kind_of(*members(x))
            if found:
                return found
    return None
