"""The leanest gradient: one shape, no allocation, for inner loops."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numba.core.dispatcher import Dispatcher

from fastad import kernels
from fastad.errors import ShapeMismatch, UnsupportedDtype
from fastad.replay import Call
from fastad.tape import Tape
from fastad.transforms.gradients import ValueAndGrad, value_and_grad
from fastad.transforms.repeated import Room, Rooms


class _Careful(ValueAndGrad):
    """Takes the long way every time it is asked: `Bound` counts the calls until it must be."""

    def _remember(self, call: Call, tape: Tape) -> None:
        pass


class Bound:
    """A function bound to one shape of its argument; see `bind`."""

    def __init__(self, function: Callable[[np.ndarray], Any], x0: np.ndarray) -> None:
        self.long_way = _Careful(function)
        self.shape = x0.shape
        self.calls = 0
        self.rooms: Rooms | None = None
        self(x0, np.empty(x0.shape))

    def __call__(self, x: np.ndarray, gradient: np.ndarray) -> float:
        """The value at x; the gradient is written into the given array."""
        self.calls -= 1
        rooms = self.rooms
        if self.calls <= 0 or rooms is None or not (type(x) is type(gradient) is np.ndarray):
            return self._long_way(x, gradient)
        if x.shape != self.shape or gradient.shape != self.shape:
            return self._long_way(x, gradient)
        if len(self.shape) != 1 or not rooms.simple or rooms.guarded:
            return self._with_care(rooms, x, gradient)
        room = rooms.free.pop() if rooms.free else Room(rooms.schedule)
        try:
            return kernels.gradient.dispatcher(room.address, x, gradient)
        except TypeError:
            return self._long_way(x, gradient)
        finally:
            rooms.free.append(room)

    def _with_care(self, rooms: Rooms, x: np.ndarray, gradient: np.ndarray) -> float:
        if not (self._fits(x) and self._fits(gradient)):
            return self._long_way(x, gradient)
        value = rooms.evaluate(x.reshape(-1), gradient.reshape(-1))
        return self._long_way(x, gradient) if value is None else value

    def _fits(self, x: np.ndarray) -> bool:
        return x.dtype == np.float64 and x.flags.carray

    def _long_way(self, x: np.ndarray, gradient: np.ndarray) -> float:
        """Checks, audit, another path through the function."""
        for what, array in (("x", x), ("the gradient", gradient)):
            if not isinstance(array, np.ndarray):
                raise UnsupportedDtype(f"{what} is {type(array).__name__}, but an array of float64 is needed")
            if array.shape != self.shape:
                raise ShapeMismatch(
                    f"{what} has shape {array.shape}, but the function is bound to arrays of shape {self.shape}"
                )
        if not self._fits(gradient):
            raise UnsupportedDtype(
                f"the gradient is written into a contiguous, writable array of float64, not {gradient.dtype}"
                f"{'' if gradient.flags.c_contiguous else ', not contiguous'}"
                f"{'' if gradient.flags.writeable else ', read-only'}"
            )
        value, gradient[...] = self.long_way(np.array(x, np.float64))
        self._bind_tape()
        return float(value)

    def _bind_tape(self) -> None:
        """The tape that has just been used, until the next audit."""
        replayer = self.long_way.replayer
        ((key, tapes),) = replayer.tapes.items()
        kernels.gradient.load()
        self.rooms = Rooms(tapes[0])
        self.calls = replayer.skip_to_audit(key, replayer.calls.setdefault(key, 1))


class _BoundCompiled(Bound):
    """A function that Numba has compiled, bound to one shape: its gradient is compiled as well, and has no tape."""

    def __init__(self, function: Callable[[np.ndarray], Any], x0: np.ndarray) -> None:
        self.long_way: Any = value_and_grad(function)
        self.shape, self.calls, self.rooms = x0.shape, 0, None
        self(x0, np.empty(x0.shape))

    def _bind_tape(self) -> None:
        """There is none."""


def bind(function: Callable[[np.ndarray], Any], x0: np.ndarray) -> Bound:
    """A function's value and gradient for one shape of its argument, with as little around it as can be.

    Parameters
    ----------
    function : callable
        A NumPy function of one array that returns one number.
    x0 : array of float64
        A point at which the function is recorded; later arguments have its shape.

    Returns
    -------
    callable
        ``g(x, gradient)`` returns the value as a float and writes df/dx into `gradient`; both arrays are
        contiguous float64 of the shape of `x0`. Nothing is allocated. Any number of threads may call it.

    Raises
    ------
    ShapeMismatch, UnsupportedDtype, NonScalarOutput, UnsupportedFunction, ChangedConstant

    Examples
    --------
    >>> import numpy as np, fastad as ad
    >>> g, gradient = ad.bind(lambda x: np.sum(x**2), np.ones(2)), np.empty(2)
    >>> g(np.array([3.0, 4.0]), gradient), gradient.tolist()
    (25.0, [6.0, 8.0])
    """
    kind = _BoundCompiled if isinstance(function, Dispatcher) else Bound
    return kind(function, np.array(x0, np.float64))
