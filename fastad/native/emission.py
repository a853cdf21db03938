"""How an operation gets on a tape from compiled code.

Theory of operation. The tape is a control block of words, whose address travels with every active value: how many
entries there are, for how many there is room, and where the four columns stand (opcode, left, right, value). A tape
that is full goes on counting but stores nothing more (every further entry overwrites entry 0, which means nothing), so
that the caller learns how much room is needed, makes it and runs the function again. Slots are the numbers of entries,
from 1 on.

A passive operand gets an entry of the code CONSTANT; the block holds a small table of the last ones by their bits, so
that the constants of a loop stand on the tape once. The partials of operations that are costly, or have no simple
form, are computed with the value, which is cheaper then, and stand in CONSTANT entries before their own. So the adjoint
sweep of such a tape (`native/sweeps.py`) knows a dozen codes.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import njit, types
from numba.extending import intrinsic

from fastad.native.types import MAKE, TAPE

# words of the control block
LENGTH, ROOM, OPCODE, LEFT, RIGHT, VALUE, TABLE = range(7)
TABLE_SIZE = 32  # constants that are remembered: their bits, and their slots
WORDS = TABLE + 2 * TABLE_SIZE
CONSTANT = 255
# Operations of an active value (the left operand) with a plain number (the right one), whose adjoint nobody needs.
ADD_NUMBER, SUBTRACT_NUMBER, MULTIPLY_NUMBER, DIVIDE_BY_NUMBER, NUMBER_MINUS, NUMBER_DIVIDED = range(200, 206)
_I64, _I32, _I8, _DOUBLE = ir.IntType(64), ir.IntType(32), ir.IntType(8), ir.DoubleType()
_COLUMNS = ((OPCODE, _I8), (LEFT, _I32), (RIGHT, _I32), (VALUE, _DOUBLE))

compiled = njit(error_model="numpy", nogil=True, forceinline=True)
outlined = njit(error_model="numpy", nogil=True)


def _word(builder, control, k):  # type: ignore[no-untyped-def]
    return builder.gep(control, [ir.Constant(_I64, k)])


@intrinsic
def _append(typing_context, tape, opcode, left, right, value):  # type: ignore[no-untyped-def]
    """A new entry; its slot."""

    def codegen(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
        tape, opcode, left, right, value = arguments
        control = builder.inttoptr(tape, _I64.as_pointer())
        place = _word(builder, control, LENGTH)
        slot = builder.load(place)
        builder.store(builder.add(slot, ir.Constant(_I64, 1)), place)
        fits = builder.icmp_signed("<", slot, builder.load(_word(builder, control, ROOM)))
        at = builder.select(fits, slot, ir.Constant(_I64, 0))
        items = builder.trunc(opcode, _I8), builder.trunc(left, _I32), builder.trunc(right, _I32), value
        for (word, kind), item in zip(_COLUMNS, items, strict=True):
            column = builder.inttoptr(builder.load(_word(builder, control, word)), kind.as_pointer())
            builder.store(item, builder.gep(column, [at]))
        return slot

    return types.int64(types.intp, types.int64, types.int64, types.int64, types.float64), codegen


@intrinsic
def _bits_of(typing_context, value):  # type: ignore[no-untyped-def]
    def codegen(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
        return builder.bitcast(arguments[0], _I64)

    return types.int64(types.float64), codegen


@intrinsic
def _word_at(typing_context, tape, word):  # type: ignore[no-untyped-def]
    def codegen(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
        return builder.load(builder.gep(builder.inttoptr(arguments[0], _I64.as_pointer()), [arguments[1]]))

    return types.int64(types.intp, types.int64), codegen


@intrinsic
def _set_word(typing_context, tape, word, value):  # type: ignore[no-untyped-def]
    def codegen(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
        tape, word, value = arguments
        builder.store(value, builder.gep(builder.inttoptr(tape, _I64.as_pointer()), [word]))
        return context.get_dummy_value()

    return types.none(types.intp, types.int64, types.int64), codegen


append: Any = _append
bits_of: Any = _bits_of
word_at: Any = _word_at
set_word: Any = _set_word


@outlined
def new_constant(tape, at, bits, value):  # type: ignore[no-untyped-def]
    slot = append(tape, CONSTANT, 0, 0, value)
    set_word(tape, at, bits)
    set_word(tape, at + 1, slot)
    return slot


@compiled
def constant(tape, value):  # type: ignore[no-untyped-def]
    """The slot of a constant."""
    bits = bits_of(value)
    at = TABLE + 2 * (((bits >> 52) ^ (bits >> 40) ^ (bits >> 20) ^ bits) & (TABLE_SIZE - 1))
    if word_at(tape, at) == bits:
        return word_at(tape, at + 1)
    return new_constant(tape, at, bits, value)


_make = MAKE[TAPE]


@compiled
def slot_of(tape, x):  # type: ignore[no-untyped-def]
    """The slot of an operand, which may be passive."""
    return x._slot if x._slot != 0 else constant(tape, x._value)


@compiled
def emit_one(opcode, x, value):  # type: ignore[no-untyped-def]
    """The result of an operation on one value."""
    if x._slot == 0:
        return _make(0, 0, value)
    return _make(x._tape, append(x._tape, opcode, x._slot, x._slot, value), value)


@compiled
def emit_one_stored(opcode, x, value, slope):  # type: ignore[no-untyped-def]
    """The same with its partial."""
    if x._slot == 0:
        return _make(0, 0, value)
    append(x._tape, CONSTANT, 0, 0, slope)
    return _make(x._tape, append(x._tape, opcode, x._slot, 0, value), value)


@compiled
def emit_two(opcode, x, y, value):  # type: ignore[no-untyped-def]
    """The result of an operation on two values."""
    if x._slot == 0 and y._slot == 0:
        return _make(0, 0, value)
    tape = x._tape if x._slot != 0 else y._tape
    left, right = slot_of(tape, x), slot_of(tape, y)
    return _make(tape, append(tape, opcode, left, right, value), value)


@compiled
def emit_two_stored(opcode, x, y, value, left_slope, right_slope):  # type: ignore[no-untyped-def]
    """The same with its partials."""
    if x._slot == 0 and y._slot == 0:
        return _make(0, 0, value)
    tape = x._tape if x._slot != 0 else y._tape
    left, right = slot_of(tape, x), slot_of(tape, y)
    append(tape, CONSTANT, 0, 0, left_slope)
    append(tape, CONSTANT, 0, 0, right_slope)
    return _make(tape, append(tape, opcode, left, right, value), value)


@compiled
def emit_with_constant(opcode, x, other, value):  # type: ignore[no-untyped-def]
    """The result of an operation on an active value and a plain number."""
    if x._slot == 0:
        return _make(0, 0, value)
    return _make(x._tape, append(x._tape, opcode, x._slot, constant(x._tape, other), value), value)
