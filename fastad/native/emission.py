"""What an operation leaves behind, in each kind of active number.

Theory of operation. An emitter makes the result of an operation of its operands, its value and its partials. For edges
it multiplies the partials into the slopes, and appends an entry only if two operands come from different entries. For
duals it combines the tangents. For the program it appends the operation; there a plain number gets an entry too, and
the control block holds a small table of the last ones by their bits, so that the constants of a loop stand there once.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from fastad.native.components import make_of, one_of, plus, times, zero_of
from fastad.native.memory import WORDS as FIRST_WORD
from fastad.native.memory import append, inlined, outlined, set_word, word_at
from fastad.native.types import TAPE, ActiveType, DualType, EdgesType

TABLE, TABLE_SIZE = FIRST_WORD, 32  # constants that are remembered: their bits, and their slots
WORDS = FIRST_WORD + 2 * TABLE_SIZE
CONSTANT = 255


class Emitters:
    """`one(x, v, da)` and `two(x, y, v, da, db)` of a kind; `passive(v)`, a number without derivatives."""

    def __init__(self, kind: ActiveType) -> None:
        make, zeros = make_of(kind), [zero_of(field) for _, field in kind.fields if field is not kind.component]
        self.kind = kind
        if isinstance(kind, EdgesType):
            zero, none = zero_of(types.int64), zero_of(kind.component)
            self.passive = inlined(lambda v: make(zero(), zero(), v, none()))
            self.one, self.two = _edges(kind)
        elif isinstance(kind, DualType):
            none = zeros[0] if zeros else zero_of(kind.component)
            self.passive = inlined(lambda v: make(v, none()))
            self.one, self.two = _duals(kind)


def _edges(kind: EdgesType) -> tuple[Any, Any]:
    make, unit = make_of(kind), one_of(kind.component)

    def one(x, v, da):
        return make(x._tape, x._slot, v, times(x._slope, da))

    def two(x, y, v, da, db):
        left, right = times(x._slope, da), times(y._slope, db)
        if (x._slot != 0) & (y._slot != 0) & (x._slot != y._slot):
            return make(x._tape, append(x._tape, x._slot, y._slot, left, right), v, unit())
        return make(x._tape | y._tape, x._slot | y._slot, v, plus(left, right))

    return inlined(one), inlined(two)


def _duals(kind: DualType) -> tuple[Any, Any]:
    make = make_of(kind)

    def one(x, v, da):
        return make(v, times(x._tangent, da))

    def two(x, y, v, da, db):
        return make(v, plus(times(x._tangent, da), times(y._tangent, db)))

    return inlined(one), inlined(two)


_emitters: dict[ActiveType, Emitters] = {}


def emitters(kind: ActiveType) -> Emitters:
    """The emitters of a kind, made once."""
    if kind not in _emitters:
        _emitters[kind] = Emitters(kind)
    return _emitters[kind]


# --- the program --------------------------------------------------------------------------------------------
@intrinsic
def _bits_of(typing_context, value):
    def codegen(context, builder, signature, arguments):
        return builder.bitcast(arguments[0], ir.IntType(64))

    return types.int64(types.float64), codegen


bits_of: Any = _bits_of
_make = make_of(TAPE)


@outlined
def new_constant(tape, at, bits, value):
    slot = append(tape, 0, 0, value, CONSTANT)
    set_word(tape, at, bits)
    set_word(tape, at + 1, slot)
    return slot


@inlined
def slot_of(tape, x):
    """The slot of an operand, which may be passive."""
    if x._slot != 0:
        return x._slot
    bits = bits_of(x._value)
    at = TABLE + 2 * (((bits >> 52) ^ (bits >> 40) ^ (bits >> 20) ^ bits) & (TABLE_SIZE - 1))
    if word_at(tape, at) == bits and word_at(tape, at + 1) != 0:
        return word_at(tape, at + 1)
    return new_constant(tape, at, bits, x._value)


@inlined
def record_one(opcode, x, value):
    """The result of an operation on one number, as a program has it."""
    if x._slot == 0:
        return _make(0, 0, value)
    return _make(x._tape, append(x._tape, x._slot, 0, value, opcode), value)


@inlined
def record_two(opcode, x, y, value):
    """The result of an operation on two numbers, as a program has it."""
    if x._slot == 0 and y._slot == 0:
        return _make(0, 0, value)
    tape = x._tape | y._tape
    left, right = slot_of(tape, x), slot_of(tape, y)
    return _make(tape, append(tape, left, right, value, opcode), value)


@inlined
def program_passive(value):
    return _make(0, 0, value)
