"""The short way of a gradient that is asked for again: arrays in, one compiled call, arrays out.

Theory of operation. A first call goes the long way: structure of the arguments, tape, guards. What it found
is then bound into a function that only looks whether the next arguments have the same shapes. It
returns None where they do not, where a guard fails, inside a recording, and when an audit is due; then
the long way is taken again. A `Room` is a workspace with all that the kernel needs, known by one number.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from fastad import kernels
from fastad.kernels import layout as at
from fastad.record.builder import open_recordings
from fastad.replay import Call
from fastad.schedule import Schedule
from fastad.tape import Tape

_FLOAT64 = np.dtype(np.float64)


def never(_: Any) -> None:
    """The short way of a function that has none yet."""


class Room:
    """A workspace for gradients of one tape; `address` is all that the kernel is told."""

    __slots__ = ("address", "schedule", "words", "work")

    def __init__(self, schedule: Schedule) -> None:
        code = schedule.code_for(at.GRADIENT)
        self.schedule = schedule
        self.work = schedule.take(schedule.workspace_size(at.GRADIENT, 1))
        self.words = np.array([code.ctypes.data, self.work.ctypes.data, self.work.size], np.int64)
        self.address = self.words.ctypes.data


class Rooms:
    """The rooms of one tape, one for each thread that is in a call."""

    def __init__(self, tape: Tape) -> None:
        self.schedule, self.free = tape.schedule, [Room(tape.schedule)]
        self.guarded = bool(tape.program.guards or tape.program.calls)
        # A program that neither calls helpers nor counts the threads of BLAS needs no more than the call.
        self.simple = not (self.schedule.parallel or self.schedule.one_thread_of_blas)

    def evaluate(self, x: np.ndarray, gradient: np.ndarray) -> float | None:
        """The value at x (n,), with the gradient (n,) written; None where a guard fails."""
        free = self.free
        room = free.pop() if free else Room(self.schedule)
        if self.simple:
            value = kernels.gradient.dispatcher(room.address, x, gradient)
        else:
            if room.work.size < self.schedule.workspace_size(at.GRADIENT, 1):
                room = Room(self.schedule)  # `settings.threads` has been raised
            self.schedule.invite(room.work)
            with self.schedule.blas():
                value = kernels.gradient.dispatcher(room.address, x, gradient)
        failed = self.guarded and room.work[-1] >= 0.0
        free.append(room)
        return None if failed else value


def has_short_way(call: Call) -> bool:
    """Whether all arguments are arrays by position."""
    arrays = all(structure[0] == "array" for structure in call.structure[1][1:])
    return arrays and call.structure[2] == (dict, ()) and call.x.size > 0


def left(again: Any) -> int:
    """For how many calls a short way is still good."""
    names = again.__code__.co_freevars
    return again.__closure__[names.index("calls")].cell_contents if "calls" in names else 0


def count_replays(short: tuple[Tape, int] | None, again: Any) -> None:
    """Count the calls that a short way served, of so many planned, as replays of its tape."""
    if short is not None:
        tape, planned = short
        tape.counters["replays"] += planned - left(again) - 1


def one_array(tape: Tape, call: Call, calls: int) -> Callable[[Any], Any]:
    """The short way of a function of one array, for so many calls."""
    kernels.gradient.load()
    rooms, shape = Rooms(tape), call.structure[1][1][1]
    if len(shape) != 1 or rooms.guarded or not rooms.simple:
        return _one_array_of_any_kind(rooms, shape, calls)
    free, run, empty, array, schedule = rooms.free, kernels.gradient.dispatcher, np.empty, np.ndarray, tape.schedule

    def again(x: Any) -> Any:
        nonlocal calls
        calls -= 1
        if type(x) is not array or x.shape != shape or calls <= 0 or open_recordings:
            return None
        room, gradient = free.pop() if free else Room(schedule), empty(shape)
        try:
            value = run(room.address, x, gradient)
        except TypeError:  # another dtype or layout
            return None
        finally:
            free.append(room)
        return value, gradient

    return again


def _one_array_of_any_kind(rooms: Rooms, shape: tuple[int, ...], calls: int) -> Callable[[Any], Any]:
    def again(x: Any) -> Any:
        nonlocal calls
        calls -= 1
        if type(x) is not np.ndarray or x.shape != shape or calls <= 0 or open_recordings:
            return None
        if x.dtype != _FLOAT64 or not x.flags.carray:
            return None
        gradient = np.empty(shape)
        value = rooms.evaluate(x.reshape(-1), gradient.reshape(-1))
        return None if value is None else (value, gradient)

    return again


def many_arrays(tape: Tape, call: Call, several: bool, calls: int) -> Callable[[tuple[Any, ...]], Any]:
    """The short way of a function of arrays; `several` says that the result is a tuple with a gradient each."""
    kernels.gradient.load()
    rooms, shapes = Rooms(tape), [structure[1] for structure in call.structure[1][1:]]
    wanted = [(call.parts[number], shapes[number]) for number in call.argnums]

    def again(args: tuple[Any, ...]) -> Any:
        nonlocal calls
        calls -= 1
        if len(args) != len(shapes) or calls <= 0 or open_recordings:
            return None
        for x, shape in zip(args, shapes, strict=True):
            if type(x) is not np.ndarray or x.shape != shape or x.dtype != _FLOAT64:
                return None
        point = np.concatenate([x.reshape(-1) for x in args])
        gradient = np.empty(point.size)
        value = rooms.evaluate(point, gradient)
        if value is None:
            return None
        parts = tuple(gradient[part].reshape(shape) for part, shape in wanted)
        return (value, parts) if several else (value, parts[0])

    return again


def derived_gradient(tape: Tape, start: int, call: Call, number: int, calls: int) -> Callable[[tuple[Any, ...]], Any]:
    """The short way of a product that is part of the gradient of another tape, at the point and a direction.

    It takes the differentiated argument, the direction, and the other arguments; the part begins at `start` for a
    direction, and at the argument's own place for the point.
    """
    kernels.gradient.load()
    rooms, shapes = Rooms(tape), [structure[1] for structure in call.structure[1][1:]]
    shape, inputs, own = shapes[number], tape.inputs, call.parts[number]
    found = slice(start, inputs) if start else own
    expected = [shape, shape, *shapes[:number], *shapes[number + 1 :]]
    if len(shapes) == len(shape) == 1 and not rooms.guarded and rooms.simple:
        return _point_and_direction(rooms, shape, inputs, found, calls)

    def again(args: tuple[Any, ...]) -> Any:
        nonlocal calls
        calls -= 1
        if len(args) != len(expected) or calls <= 0 or open_recordings:
            return None
        for x, wanted in zip(args, expected, strict=True):
            if type(x) is not np.ndarray or x.shape != wanted or x.dtype != _FLOAT64:
                return None
        x, v, *rest = args
        point = np.concatenate([part.reshape(-1) for part in (*rest[:number], x, *rest[number:], v)])
        gradient = np.empty(inputs)
        if rooms.evaluate(point, gradient) is None:
            return None
        return gradient[found].reshape(shape).copy()

    return again


def _point_and_direction(
    rooms: Rooms, shape: tuple[int, ...], inputs: int, found: slice, calls: int
) -> Callable[[tuple[Any, ...]], Any]:  # fmt: skip
    """The same for a function of one vector, without detours: a short product takes a few microseconds."""
    free, run, empty, array, schedule = rooms.free, kernels.gradient.dispatcher, np.empty, np.ndarray, rooms.schedule
    concatenate = np.concatenate

    def again(args: tuple[Any, ...]) -> Any:
        nonlocal calls
        calls -= 1
        if len(args) != 2 or calls <= 0 or open_recordings:
            return None
        x, v = args
        if type(x) is not array or x.shape != shape or type(v) is not array or v.shape != shape:
            return None
        if x.dtype != _FLOAT64 or v.dtype != _FLOAT64:
            return None
        room, gradient = free.pop() if free else Room(schedule), empty(inputs)
        run(room.address, concatenate(args), gradient)
        free.append(room)
        return gradient[found].copy()

    return again
