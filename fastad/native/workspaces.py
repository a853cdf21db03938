"""Tapes that compiled code takes and gives back, without Python and without locks.

Theory of operation. Each compiled derivative has some cells, words of memory, each of which holds the address of a tape
that nobody uses, or 0. To take a tape is to exchange a cell's content for 0; to give it back is to exchange it for the
tape's address, and what was there goes on to the next cell, from the last one back to the system. So any number of
threads work at once, each with a tape of its own, and find the memory as it was left. A call of the function that
is differentiated goes through `guarded_call`, which gives the tape back before an exception of that function goes on.
"""

from __future__ import annotations

import ctypes
import weakref
from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.core.imputils import impl_ret_new_ref
from numba.core.runtime import _nrt_python  # type: ignore[attr-defined]
from numba.core.typing import signature as numba_signature
from numba.extending import intrinsic

from fastad.native.effects import writes_to_arguments
from fastad.native.emission import TABLE, WORDS
from fastad.native.memory import (
    ARENA,
    ARENA_ROOM,
    BARS,
    BARS_ROOM,
    BARS_USED,
    BYTES,
    ENTRIES,
    FIRST_ROOM,
    LENGTH,
    ROOM,
    inlined,
    outlined,
    set_word,
    word_at,
)

CELLS = 8
FREE = ctypes.CFUNCTYPE(None, ctypes.c_void_p)(_nrt_python.c_helpers["Free"])
_I64 = ir.IntType(64)
_VOID = ir.IntType(8).as_pointer()


@intrinsic
def _exchange(typing_context, cell, value):
    """Put a word into a cell; the word that was there."""

    def codegen(context, builder, signature, arguments):
        place = builder.inttoptr(arguments[0], _I64.as_pointer())
        return builder.atomic_rmw("xchg", place, arguments[1], "seq_cst")

    return types.int64(types.int64, types.int64), codegen


@intrinsic
def _allocate(typing_context, size):
    """The address of so many new bytes."""

    def codegen(context, builder, signature, arguments):
        kind = ir.FunctionType(_VOID, [_I64])
        function = cgutils.get_or_insert_function(builder.module, kind, "NRT_Allocate")
        return builder.ptrtoint(builder.call(function, [arguments[0]]), _I64)

    return types.int64(types.int64), codegen


@intrinsic
def _free(typing_context, address):
    def codegen(context, builder, signature, arguments):
        function = cgutils.get_or_insert_function(builder.module, ir.FunctionType(ir.VoidType(), [_VOID]), "NRT_Free")
        builder.call(function, [builder.inttoptr(arguments[0], _VOID)])
        return context.get_dummy_value()

    return types.none(types.int64), codegen


@intrinsic
def _clear(typing_context, address, size):
    """Set so many bytes to zero."""

    def codegen(context, builder, signature, arguments):
        cgutils.memset(builder, builder.inttoptr(arguments[0], _VOID), arguments[1], 0)
        return context.get_dummy_value()

    return types.none(types.int64, types.int64), codegen


exchange: Any = _exchange
allocate: Any = _allocate
free: Any = _free
clear: Any = _clear


@outlined
def new_tape(entry_bytes):
    tape = allocate(WORDS * 8)
    clear(tape, WORDS * 8)
    set_word(tape, BYTES, entry_bytes)
    set_word(tape, ROOM, FIRST_ROOM)
    set_word(tape, ENTRIES, allocate(FIRST_ROOM * entry_bytes))
    return tape


@outlined
def drop_tape(tape):
    free(word_at(tape, ENTRIES))
    for word in (BARS, ARENA):
        if word_at(tape, word) != 0:
            free(word_at(tape, word))
    free(tape)


@inlined
def take(cell, entry_bytes):
    """A tape that nobody else uses."""
    for k in range(CELLS):
        tape = exchange(cell + 8 * k, 0)
        if tape != 0:
            return tape
    return new_tape(entry_bytes)


@inlined
def give(cell, tape):
    """Give a tape back."""
    for k in range(CELLS):
        tape = exchange(cell + 8 * k, tape)
        if tape == 0:
            return
    drop_tape(tape)


@outlined
def make_room(tape, count, entry_bytes):
    room = word_at(tape, ROOM)
    while room < 2 * count:
        room *= 2
    free(word_at(tape, ENTRIES))
    set_word(tape, ENTRIES, allocate(room * entry_bytes))
    set_word(tape, ROOM, room)


@outlined
def reserve_arena(tape, size):
    """Memory for arrays of so many bytes that live as long as the recording."""
    if word_at(tape, ARENA) != 0:
        free(word_at(tape, ARENA))
    set_word(tape, ARENA, allocate(2 * size))
    set_word(tape, ARENA_ROOM, 2 * size)


@inlined
def begin(tape, count, entry_bytes, number_bytes):
    """An empty tape behind so many independents, with memory for active arrays of them."""
    if word_at(tape, ROOM) <= count:
        make_room(tape, count, entry_bytes)
    if word_at(tape, ARENA_ROOM) < number_bytes * count:
        reserve_arena(tape, number_bytes * count)
    set_word(tape, LENGTH, count + 1)


@inlined
def forget_constants(tape):
    clear(tape + 8 * TABLE, (WORDS - TABLE) * 8)


@outlined
def reserve_bars(tape, size):
    """Memory for so many bytes of adjoints and more, all zero."""
    if word_at(tape, BARS) != 0:
        free(word_at(tape, BARS))
    room = size + size // 2
    bars = allocate(room)
    clear(bars, room)
    set_word(tape, BARS, bars)
    set_word(tape, BARS_ROOM, room)
    set_word(tape, BARS_USED, 0)


@inlined
def cleared_bars(tape, size, left):
    """The address of so many bytes of adjoints that are zero, of which a sweep leaves the first `left` as they are.

    A sweep sets the others back to zero as it goes, so that they need not be cleared before the next one.
    """
    if word_at(tape, BARS_ROOM) < size:
        reserve_bars(tape, size)
    bars = word_at(tape, BARS)
    clear(bars, max(word_at(tape, BARS_USED), left))
    set_word(tape, BARS_USED, left)
    return bars


class Cell:
    """The words that hold free tapes; frees them at the end."""

    def __init__(self) -> None:
        self.words = np.zeros(CELLS, np.int64)
        self.address = int(self.words.ctypes.data)
        weakref.finalize(self, _drop_all, self.words).atexit = False


def _drop_all(words: np.ndarray) -> None:
    for tape in words[words != 0]:
        word = ctypes.cast(int(tape), ctypes.POINTER(ctypes.c_int64))
        for address in (word[ENTRIES], word[BARS], word[ARENA], int(tape)):
            if address:
                FREE(address)


# --- calls ----------------------------------------------------------------------------------------------------
def _copied(a):
    return a.copy()


def _protected(context: Any, builder: Any, kind: Any, value: Any, wanted: Any) -> Any:
    """A plain array as a copy that the function may write to."""
    if isinstance(kind, types.Array):
        copy = _ARRAY(kind.dtype, kind.ndim, "F" if kind.layout == "F" else "C")
        value = context.compile_internal(builder, _copied, numba_signature(copy, kind), (value,))
        kind = copy
    return context.cast(builder, value, kind, wanted)


_ARRAY: Any = types.Array


@intrinsic
def _guarded_call(typing_context, function, arguments, cell, tape):
    """function(*arguments); an exception gives the tape back (if it is not 0) before it goes on."""
    inner = function.get_call_type(typing_context, arguments.types, {})

    def codegen(context, builder, signature, values):
        _, packed, cell, tape = values
        compiled = function.dispatcher.get_compile_result(inner)
        context.active_code_library.add_linking_library(compiled.library)
        context.declare_function(builder.module, compiled.fndesc)
        parts = cgutils.unpack_tuple(builder, packed, len(arguments))
        copying = writes_to_arguments(function.dispatcher)
        passed = [
            _protected(context, builder, kind, part, wanted) if copying else context.cast(builder, part, kind, wanted)
            for kind, part, wanted in zip(arguments.types, parts, inner.args, strict=True)
        ]
        status, result = context.call_internal_no_propagate(builder, compiled.fndesc, inner, passed)
        with cgutils.if_unlikely(builder, status.is_error):
            back = numba_signature(types.none, types.int64, types.int64)
            context.compile_internal(builder, _give_if_any, back, (cell, tape))
            context.call_conv.return_status_propagate(builder, status)
        return impl_ret_new_ref(context, builder, inner.return_type, result)

    return inner.return_type(function, arguments, types.int64, types.int64), codegen


def _give_if_any(cell, tape):
    if tape != 0:
        give(cell, tape)


guarded_call: Any = _guarded_call
