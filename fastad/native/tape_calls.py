"""What `vg(x)`, `vg.into(x, gradient)` and their kin mean in nopython code, by the types of the arguments.

A point is an array of as many numbers as the tape has inputs, of any shape, or a number if there is one input.
Derivatives have the shape of the point. What has another type is an error when the calling function is compiled; what
has another size, and a guard that fails, is an exception, whose text is a constant because compiled code raises it; in
the threads of a parallel loop, where Numba loses exceptions, the results are nan.
"""

from typing import Any

import numpy as np
from numba import types
from numba.core.errors import TypingError
from numba.extending import overload, overload_method, register_jitable

from fastad.errors import BranchChanged, FastADError, ShapeMismatch
from fastad.kernels.pointers import pointer, words_at
from fastad.native.tape_entry import DONE, ENTER, HEARD, INPUTS, NO_MEMORY, OUTPUTS, RAISED
from fastad.native.tape_pointers import call_enter, call_heard, stack_numbers
from fastad.native.tape_types import TapeType, room_of


# --- numbers on the stack and arrays alike ----------------------------------------------------------
def _data(x):
    raise NotImplementedError


def _count(x):
    raise NotImplementedError


@overload(_data)
def _data_of(x):
    return (lambda x: pointer(x)) if isinstance(x, types.Array) else lambda x: x


@overload(_count)
def _count_of(x):
    return (lambda x: x.size) if isinstance(x, types.Array) else lambda x: 1


# --- replays ----------------------------------------------------------------------------------------
# Arrays enter as arguments, so that whoever calls keeps them alive while their addresses are in use. Numba does not
# give back what is alive where an exception passes: replays return a status, and callers raise when done with arrays.
BAD_POINT, BAD_DIRECTION, BAD_RESULT = -10, -11, -12


@register_jitable
def _finish(room, status):
    """Raise what a status stands for; return where the exception would be lost, and the result must be nan."""
    if call_heard(words_at(room)[HEARD], room) == 0:
        return
    if status == BAD_POINT:
        raise ShapeMismatch("the point has not as many numbers as the tape has inputs")
    if status == BAD_DIRECTION:
        raise ShapeMismatch("the direction has not as many numbers as the tape has inputs")
    if status == BAD_RESULT:
        raise ShapeMismatch("the array for the result has not as many numbers as the result")
    if status == NO_MEMORY:
        raise MemoryError("no memory for the workspace of a tape")
    if status == RAISED:
        raise FastADError(
            "a compiled function of a primitive raised an exception at this point: call the compiled tape from Python "
            "at this point to see it"
        )
    raise BranchChanged(
        "a recorded comparison comes out otherwise at this point, so that the tape does not hold here: call the "
        "compiled tape from Python at this point to see the line, and record a tape for such points"
    )


@register_jitable
def _gradient(tape, x, out, gradient):
    room = room_of(tape)
    words = words_at(room)
    if _count(x) != words[INPUTS]:
        return BAD_POINT
    if _count(gradient) != words[INPUTS]:
        return BAD_RESULT
    return call_enter(words[ENTER], room, _data(x), _data(x), out, _data(gradient))


@register_jitable
def _primal(tape, x, out):
    room = room_of(tape)
    words = words_at(room)
    if _count(x) != words[INPUTS]:
        return BAD_POINT
    if _count(out) != words[OUTPUTS]:
        return BAD_RESULT
    return call_enter(words[ENTER], room, _data(x), _data(x), _data(out), _data(out))


@register_jitable
def _tangent(tape, x, v, out, tangent):
    room = room_of(tape)
    words = words_at(room)
    if _count(x) != words[INPUTS]:
        return BAD_POINT
    if _count(v) != words[INPUTS]:
        return BAD_DIRECTION
    return call_enter(words[ENTER], room, _data(x), _data(v), _data(out), _data(tangent))


# --- arguments --------------------------------------------------------------------------------------
def _require_numbers(x: Any, what: str) -> None:
    dtype = x.dtype if isinstance(x, types.Array) else x
    if not isinstance(dtype, types.Float | types.Integer):
        raise TypingError(f"{what} of a compiled tape is {x}, but a number or an array of numbers is needed")


def _require_array(x: Any, what: str, written: bool = False) -> None:
    plain = isinstance(x, types.Array) and x.dtype == types.float64 and x.layout == "C"
    if not plain or (written and not x.mutable):
        kind = "contiguous, writable" if written else "contiguous"
        raise TypingError(f"{what} of a compiled tape is {x}, but a {kind} array of float64 is needed")


def _in_order(x):
    raise NotImplementedError


@overload(_in_order)
def _in_order_of(x):
    """Consecutive float64, a number's on the stack of the caller."""
    if x.dtype != types.float64:
        return lambda x: np.ascontiguousarray(x).astype(np.float64)
    return (lambda x: x) if x.layout == "C" else lambda x: np.ascontiguousarray(x)


# --- calls ------------------------------------------------------------------------------------------
@overload_method(TapeType, "__call__")
def _call(tape, x, v=None):
    _require_numbers(x, "the point")
    single = v is None or isinstance(v, types.NoneType | types.Omitted)
    if tape.kind == "jvp" and not single:
        _require_numbers(v, "the direction")
        if isinstance(x, types.Array) != isinstance(v, types.Array):
            raise TypingError("point and direction of a compiled tape are both numbers or both arrays")
    elif tape.kind == "jvp" or not single:
        needed = "the point and a direction, (x, v)" if tape.kind == "jvp" else "one argument, the point"
        raise TypingError(f"what njit_{tape.kind}() returns is called with {needed}")
    of = _OF_ARRAYS if isinstance(x, types.Array) else _OF_NUMBERS
    return of[tape.kind, tape.number]


# When `_finish` raises, no array may be alive; what is in use after it returns is made anew.
def _gradient_of_number(tape, x, v=None):
    point, value, gradient = stack_numbers(), stack_numbers(), stack_numbers()
    point[0] = x
    status = _gradient(tape, point, value, gradient)
    if status != DONE:
        _finish(room_of(tape), status)
        return np.nan, np.nan
    return value[0], gradient[0]


def _gradient_of_array(tape, x, v=None):
    room, shape, value = room_of(tape), x.shape, stack_numbers()
    gradient = np.empty(shape)
    status = _gradient(tape, _in_order(x), value, gradient)
    if status != DONE:
        _finish(room, status)
        return np.nan, np.full(shape, np.nan)
    return value[0], gradient


def _number_of_number(tape, x, v=None):
    room, point, out = room_of(tape), stack_numbers(), stack_numbers()
    point[0] = x
    status = _primal(tape, point, out)
    if status != DONE:
        _finish(room, status)
        return np.nan
    return out[0]


def _number_of_array(tape, x, v=None):
    room, out = room_of(tape), stack_numbers()
    status = _primal(tape, _in_order(x), out)
    if status != DONE:
        _finish(room, status)
        return np.nan
    return out[0]


def _array_of_number(tape, x, v=None):
    room, point = room_of(tape), stack_numbers()
    m = words_at(room)[OUTPUTS]
    out = np.empty(m)
    point[0] = x
    status = _primal(tape, point, out)
    if status != DONE:
        _finish(room, status)
        return np.full(m, np.nan)
    return out


def _array_of_array(tape, x, v=None):
    room = room_of(tape)
    m = words_at(room)[OUTPUTS]
    out = np.empty(m)
    status = _primal(tape, _in_order(x), out)
    if status != DONE:
        _finish(room, status)
        return np.full(m, np.nan)
    return out


def _tangent_of_numbers(tape, x, v=None):
    room, point, direction, out, tangent = (
        room_of(tape),
        stack_numbers(),
        stack_numbers(),
        stack_numbers(),
        stack_numbers(),
    )
    point[0], direction[0] = x, v
    status = _tangent(tape, point, direction, out, tangent)
    if status != DONE:
        _finish(room, status)
        return np.nan, np.nan
    return out[0], tangent[0]


def _tangent_of_arrays(tape, x, v=None):
    room, out, tangent = room_of(tape), stack_numbers(), stack_numbers()
    status = _tangent(tape, _in_order(x), _in_order(v), out, tangent)
    if status != DONE:
        _finish(room, status)
        return np.nan, np.nan
    return out[0], tangent[0]


def _tangents_of_numbers(tape, x, v=None):
    room, point, direction = room_of(tape), stack_numbers(), stack_numbers()
    m = words_at(room)[OUTPUTS]
    point[0], direction[0] = x, v
    out, tangent = np.empty(m), np.empty(m)
    status = _tangent(tape, point, direction, out, tangent)
    if status != DONE:
        _finish(room, status)
        return np.full(m, np.nan), np.full(m, np.nan)
    return out, tangent


def _tangents_of_arrays(tape, x, v=None):
    room = room_of(tape)
    m = words_at(room)[OUTPUTS]
    out, tangent = np.empty(m), np.empty(m)
    status = _tangent(tape, _in_order(x), _in_order(v), out, tangent)
    if status != DONE:
        _finish(room, status)
        return np.full(m, np.nan), np.full(m, np.nan)
    return out, tangent


_OF_NUMBERS = {
    ("value_and_grad", True): _gradient_of_number,
    ("primal", True): _number_of_number,
    ("primal", False): _array_of_number,
    ("jvp", True): _tangent_of_numbers,
    ("jvp", False): _tangents_of_numbers,
}  # fmt: skip
_OF_ARRAYS = {
    ("value_and_grad", True): _gradient_of_array,
    ("primal", True): _number_of_array,
    ("primal", False): _array_of_array,
    ("jvp", True): _tangent_of_arrays,
    ("jvp", False): _tangents_of_arrays,
}


@overload_method(TapeType, "into")
def _into(tape, x, out):
    _require_array(x, "the point")
    if tape.kind == "jvp":
        raise TypingError("what njit_jvp() returns has no method `into`: call it")
    _require_array(out, "the array for the result", written=True)
    return _gradient_into if tape.kind == "value_and_grad" else _primal_into


def _gradient_into(tape, x, out):
    value = stack_numbers()
    status = _gradient(tape, x, value, out)
    if status != DONE:
        out[...] = np.nan
        _finish(room_of(tape), status)
        return np.nan
    return value[0]


def _primal_into(tape, x, out):
    status = _primal(tape, x, out)
    if status != DONE:
        out[...] = np.nan
        _finish(room_of(tape), status)
