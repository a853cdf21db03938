"""Compiled tapes as Numba sees them: one type for all tapes of a kind, a value that is the address of a room.

A value owns a reference to the Python object, as Numba's arrays do, so that a room outlives whatever holds it. Nothing
here depends on a single tape: a function that takes one as an argument is compiled once. What runs is
`tape_entry.enter`, called by the address that the room holds.
"""

import hashlib
from functools import cache
from pathlib import Path
from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.core.imputils import lower_constant
from numba.extending import NativeValue, box, intrinsic, lower_builtin, models, register_model, typeof_impl, unbox

from fastad.compiled_tape import CompiledTape


@cache
def source_digest() -> str:
    """SHA-256 over the sources that are compiled into callers."""
    digest = hashlib.sha256()
    for name in ("calls", "entry", "pointers", "types"):
        digest.update((Path(__file__).parent / f"tape_{name}.py").read_bytes() + b"\0")
    return digest.hexdigest()


class TapeType(types.Type):
    """Numba's type of compiled tapes.

    Attributes
    ----------
    kind : "value_and_grad", "primal" or "jvp"
    number : bool
        Whether a value is a number, not an array.
    version : str
        Of the code that Numba compiles into a caller; a caller in its disk cache with another one is not used.
    """

    def __init__(self, kind: str, number: bool) -> None:
        self.kind, self.number, self.version = kind, number, source_digest()
        super().__init__(f"fastad.tape({kind}, {'number' if number else 'array'})")

    @property
    def key(self) -> Any:
        return self.kind, self.number, self.version


@typeof_impl.register(CompiledTape)
def _typeof(tape: Any, context: Any) -> TapeType:
    return TapeType(tape.kind, tape.number)


@register_model(TapeType)
class _Model(models.StructModel):
    def __init__(self, manager: Any, tape_type: Any) -> None:
        members = [("room", types.int64), ("owner", types.MemInfoPointer(types.voidptr))]
        super().__init__(manager, tape_type, members)


@unbox(TapeType)
def _unbox(tape_type: Any, tape: Any, c: Any) -> Any:
    value = cgutils.create_struct_proxy(tape_type)(c.context, c.builder)
    room = c.pyapi.object_getattr_string(tape, "room_address")
    value.room = c.pyapi.long_as_longlong(room)
    c.pyapi.decref(room)
    value.owner = c.pyapi.nrt_meminfo_new_from_pyobject(c.builder.bitcast(tape, cgutils.voidptr_t), tape)
    return NativeValue(value._getvalue(), is_error=cgutils.is_not_null(c.builder, c.pyapi.err_occurred()))


@box(TapeType)
def _box(tape_type: Any, value: Any, c: Any) -> Any:
    """The Python object itself, which the owner's data points to."""
    owner = cgutils.create_struct_proxy(tape_type)(c.context, c.builder, value=value).owner
    tape = c.builder.bitcast(c.context.nrt.meminfo_data(c.builder, owner), c.pyapi.pyobj)
    c.pyapi.incref(tape)
    c.context.nrt.decref(c.builder, tape_type, value)
    return tape


_constants: list[Any] = []  # compiled code may run as long as the process does, and so these tapes stay


@lower_constant(TapeType)
def _constant(context: Any, builder: Any, tape_type: Any, tape: Any) -> Any:
    _constants.append(tape)
    value = cgutils.create_struct_proxy(tape_type)(context, builder)
    value.room = builder.ptrtoint(context.add_dynamic_addr(builder, tape.room_address, info="a tape"), ir.IntType(64))
    value.owner = cgutils.get_null_value(value.owner.type)
    return value._getvalue()


@intrinsic
def room_of(typing_context: Any, tape: Any) -> Any:
    """The address of a tape's room."""

    def codegen(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return cgutils.create_struct_proxy(tape)(context, builder, value=arguments[0]).room

    return types.int64(tape), codegen


@lower_builtin(TapeType, TapeType, types.VarArg(types.Any))
def _call(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
    """A call is one of the method `__call__`, which Numba types by itself but does not lower."""
    method = context.typing_context.resolve_getattr(signature.args[0], "__call__")
    typed = method.get_call_type(context.typing_context, signature.args[1:], {})
    return context.get_function(method, typed)(builder, arguments)
