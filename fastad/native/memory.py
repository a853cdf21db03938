"""The memory of tapes of compiled functions.

Theory of operation. A tape is a block of entries and a control block of a few words, whose address travels with every
active number: how many entries there are, for how many there is room, and where they stand. An entry is two slots
(int32), and two more items that the kind of active number gives a meaning: 24 bytes with numbers. A tape that is full
grows where it stands, until the limit; beyond it only counts, and whoever recorded raises an error at the end.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import njit, types
from numba.core import cgutils
from numba.extending import intrinsic, overload

# words of the control block
LENGTH, ROOM, ENTRIES, BYTES, BARS, BARS_ROOM, BARS_USED, ARENA, ARENA_ROOM = range(9)
WORDS = 9
LIMIT = 1 << 28  # entries: 6.4 GB, and 2.1 GB of adjoints
FIRST_ROOM = 1 << 10
_I64, _I32, _I8, _DOUBLE = ir.IntType(64), ir.IntType(32), ir.IntType(8), ir.DoubleType()

_njit: Any = njit
inlined = _njit(error_model="numpy", nogil=True, forceinline=True, no_cpython_wrapper=True, no_cfunc_wrapper=True)
outlined = _njit(error_model="numpy", nogil=True, no_cpython_wrapper=True, no_cfunc_wrapper=True)


def rule(function: Any, **options: Any) -> Any:
    """`overload` whose implementations are compiled into their callers."""
    return overload(function, jit_options={"error_model": "numpy", "nogil": True, "forceinline": True}, **options)


def _word(builder: Any, control: Any, k: int) -> Any:
    return builder.gep(control, [ir.Constant(_I64, k)])


def _grow(module: Any) -> Any:
    """The function that makes room: void grow(i64* control)."""
    kind = ir.FunctionType(ir.VoidType(), [_I64.as_pointer()])
    function = cgutils.get_or_insert_function(module, kind, "fastad_grow")
    if not function.is_declaration:
        return function
    function.linkage = "linkonce_odr"
    function.attributes.add("noinline")
    function.attributes.add("cold")
    bytes_of = ir.FunctionType(_I8.as_pointer(), [_I64])
    allocate = cgutils.get_or_insert_function(module, bytes_of, "NRT_Allocate")
    free = cgutils.get_or_insert_function(module, ir.FunctionType(ir.VoidType(), [_I8.as_pointer()]), "NRT_Free")
    builder = ir.IRBuilder(function.append_basic_block("entry"))
    control = function.args[0]
    room, old = builder.load(_word(builder, control, ROOM)), builder.load(_word(builder, control, ENTRIES))
    with builder.if_then(builder.icmp_signed("<", room, ir.Constant(_I64, LIMIT))):
        doubled, width = builder.mul(room, ir.Constant(_I64, 2)), builder.load(_word(builder, control, BYTES))
        size = builder.mul(doubled, width)
        new, former = builder.call(allocate, [size]), builder.inttoptr(old, _I8.as_pointer())
        cgutils.raw_memcpy(builder, new, former, builder.mul(room, width), 1)
        builder.call(free, [former])
        builder.store(doubled, _word(builder, control, ROOM))
        builder.store(builder.ptrtoint(new, _I64), _word(builder, control, ENTRIES))
    builder.ret_void()
    return function


def entry_bytes(context: Any, *items: Any) -> tuple[int, list[int]]:
    """The size of an entry whose two items are of given types, and where they stand in it."""
    sizes = [context.get_abi_sizeof(context.get_data_type(item)) for item in items]
    return 8 + sum(sizes), [8, 8 + sizes[0]]


@intrinsic
def _append(typing_context, tape, left, right, first, second):
    """A new entry of two slots and two items; its slot."""

    def codegen(context, builder, signature, arguments):
        tape, left, right, *items = arguments
        size, offsets = entry_bytes(context, first, second)
        control = builder.inttoptr(tape, _I64.as_pointer())
        slot = builder.load(_word(builder, control, LENGTH))
        full = builder.icmp_signed(">=", slot, builder.load(_word(builder, control, ROOM)))
        with builder.if_then(full, likely=False):
            builder.call(_grow(builder.module), [control])
        builder.store(builder.add(slot, ir.Constant(_I64, 1)), _word(builder, control, LENGTH))
        at = builder.and_(slot, ir.Constant(_I64, LIMIT - 1))
        start = builder.add(builder.load(_word(builder, control, ENTRIES)), builder.mul(at, ir.Constant(_I64, size)))
        slots = builder.or_(left, builder.shl(right, ir.Constant(_I64, 32)))
        stored = [
            context.data_model_manager[t].as_data(builder, v) for t, v in zip((first, second), items, strict=True)
        ]
        for offset, item in zip((0, *offsets), (slots, *stored), strict=True):
            place = builder.inttoptr(builder.add(start, ir.Constant(_I64, offset)), item.type.as_pointer())
            builder.store(item, place, align=8)
        return slot

    return types.int64(types.intp, types.int64, types.int64, first, second), codegen


append: Any = _append


@intrinsic
def _word_at(typing_context, tape, word):
    def codegen(context, builder, signature, arguments):
        return builder.load(builder.gep(builder.inttoptr(arguments[0], _I64.as_pointer()), [arguments[1]]))

    return types.int64(types.intp, types.int64), codegen


@intrinsic
def _set_word(typing_context, tape, word, value):
    def codegen(context, builder, signature, arguments):
        tape, word, value = arguments
        builder.store(value, builder.gep(builder.inttoptr(tape, _I64.as_pointer()), [word]))
        return context.get_dummy_value()

    return types.none(types.intp, types.int64, types.int64), codegen


word_at: Any = _word_at
set_word: Any = _set_word


@intrinsic
def _load(typing_context, kind, address):
    """What stands at an address, of the type that a dtype or an example gives."""
    inside = getattr(kind, "dtype", kind)

    def codegen(context, builder, signature, arguments):
        place = builder.inttoptr(arguments[1], context.get_data_type(inside).as_pointer())
        return context.data_model_manager[inside].load_from_data_pointer(builder, place, 8)

    return inside(kind, types.intp), codegen


@intrinsic
def _store(typing_context, address, value):
    def codegen(context, builder, signature, arguments):
        item = context.data_model_manager[value].as_data(builder, arguments[1])
        builder.store(item, builder.inttoptr(arguments[0], item.type.as_pointer()), align=8)
        return context.get_dummy_value()

    return types.none(types.intp, value), codegen


load: Any = _load
store: Any = _store
