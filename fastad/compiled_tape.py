"""Tapes that compiled code calls: `tape.njit_value_and_grad()` and its kin, and C functions for SciPy.

Theory of operation. A compiled tape is a *room* (`tape_room.py`), all that compiled code needs to run the sweeps of one
tape without Python, and its Python side. Nothing is compiled for a tape; Numba's type of compiled tapes
(`native/tape_types.py`) is the same for all of a kind, so that a function compiled for one takes all. Large tapes run
on the thread that calls: under `prange` the others are busy.
"""

from __future__ import annotations

import ctypes
from typing import TYPE_CHECKING, Any

import numpy as np

from fastad.containers import leaf_shapes
from fastad.errors import (
    ArgumentIndexError,
    DerivativeCut,
    FastADError,
    ShapeMismatch,
    UnsupportedDtype,
)  # fmt: skip
from fastad.kernels import layout as at
from fastad.tape_room import SharedRoom

if TYPE_CHECKING:
    from fastad.tape import Tape

TASKS = {"value_and_grad": at.GRADIENT, "primal": at.PRIMAL, "jvp": at.TANGENTS}
_POINTER = ctypes.POINTER(ctypes.c_double)
ENTER = ctypes.CFUNCTYPE(ctypes.c_int64, ctypes.c_void_p, *(_POINTER,) * 4)
INTEGRAND = ctypes.CFUNCTYPE(ctypes.c_double, ctypes.c_int, _POINTER, ctypes.c_void_p)


class CompiledTape:
    """A tape that nopython code calls, as Python does; see `Tape.njit_value_and_grad`.

    Attributes
    ----------
    tape : Tape
    kind : "value_and_grad", "primal" or "jvp"
    address : int
        A C function ``int64_t f(void *user_data, double *x, double *v, double *y, double *derivative)`` that returns -1
        where the tape holds. x (n,), v (n,), y (m,), derivative (n,) of a gradient or (m,) of a tangent; what the kind
        does not use is ignored.
    user_data : int
        What this function gets as its first argument; valid as long as the compiled tape is alive.
    ctypes : ctypes function
        The same C function.
    """

    def __init__(self, tape: Tape, kind: str) -> None:
        from fastad.native import tape_calls, tape_code  # noqa: F401  (the first makes it known to Numba)

        if kind == "value_and_grad":
            from fastad.tape import require_scalar

            require_scalar(tape.out_structure)
        self.tape, self.kind = tape, kind
        shapes = leaf_shapes(tape.out_structure)
        self.number = kind == "value_and_grad" or shapes == [None]
        self._room = SharedRoom(tape, TASKS[kind])
        self.room_address = self.user_data = self._room.address
        self.address = tape_code.enter.address
        self.ctypes = ENTER(self.address)

    @property
    def failures(self) -> int:
        """At how many points the result was nan, because a thread of a parallel loop could not raise an exception."""
        return self._room.failures

    def __repr__(self) -> str:
        return f"<compiled tape: {self.kind} of {self.tape!r}>"

    def __reduce__(self) -> Any:
        return CompiledTape, (self.tape, self.kind)

    def __call__(self, x: Any, v: Any = None) -> Any:
        """The same from Python as from nopython code: see `Tape.njit_value_and_grad`, `njit_primal` and `njit_jvp`."""
        if (v is not None) != (self.kind == "jvp"):
            needed = "the point and a direction, (x, v)" if self.kind == "jvp" else "one argument, the point"
            raise TypeError(f"what njit_{self.kind}() returns is called with {needed}")
        point, number = self._fitting(x, "point"), np.ndim(x) == 0
        if self.kind == "value_and_grad":
            gradient = np.empty(point.shape)
            value = self.into(point, gradient)
            return value, gradient.item() if number else gradient
        out = np.empty(self.tape.outputs)
        if self.kind == "primal":
            self._run(point, point, out, out)
            return out.item() if self.number else out
        tangent = np.empty(self.tape.outputs)
        self._run(point, self._fitting(v, "direction"), out, tangent)
        return (out.item(), tangent.item()) if self.number else (out, tangent)

    def into(self, x: np.ndarray, out: np.ndarray) -> float | None:
        """Write the gradient (and return the value), or the primal's result, into an array of contiguous float64."""
        if self.kind == "jvp":
            raise TypeError("what njit_jvp() returns has no method `into`: call it")
        if not (isinstance(out, np.ndarray) and out.dtype == np.float64 and out.flags.carray):
            raise UnsupportedDtype("the result is written into a contiguous, writable array of float64")
        point, value = self._fitting(x, "point"), np.empty(1)
        size = self.tape.outputs if self.kind == "primal" else self.tape.inputs
        if out.size != size:
            raise ShapeMismatch(f"the result has {size} numbers, but the array for it has {out.size}")
        if self.kind == "primal":
            self._run(point, point, out, out)
            return None
        self._run(point, point, value, out)
        return value.item()

    def _fitting(self, x: Any, what: str) -> np.ndarray:
        """Contiguous float64, as many as the tape has inputs."""
        from fastad.record.builder import user_line
        from fastad.record.traced import is_traced

        if is_traced(x):
            raise DerivativeCut(
                f"a compiled tape ({self.kind}) was called on a traced value at {user_line()}: its derivatives are not "
                "recorded; call the function itself, which the tape was recorded from"
            )
        array = np.asarray(x)
        if array.dtype.kind not in "fiu":
            raise UnsupportedDtype(f"the {what} has dtype {array.dtype}: real numbers are needed")
        if array.size != self.tape.inputs:
            raise ShapeMismatch(f"the {what} has {array.size} numbers, but the tape has {self.tape.inputs} inputs")
        return np.ascontiguousarray(array, np.float64).reshape(array.shape)

    def _run(self, *arrays: np.ndarray) -> None:
        failed = self.ctypes(self.user_data, *(x.ctypes.data_as(_POINTER) for x in arrays))
        if failed == -1:
            return
        if failed == -2:
            raise MemoryError("no memory for the workspace of a tape")
        x = arrays[0].reshape(-1)
        with self.tape.linearized(x, at.LINEARIZE, 1) as point:  # once more, with what says why
            self.tape._require_path(point.failed, x)
        raise FastADError("a compiled partial of a primitive raised an exception at this point")


def low_level_callable(tape: Tape, component: int | None) -> Any:
    """See `Tape.low_level_callable`."""
    from scipy import LowLevelCallable

    from fastad.native import tape_code
    from fastad.tape import require_scalar

    require_scalar(tape.out_structure)
    if component is not None and not 0 <= component < tape.inputs:
        raise ArgumentIndexError(f"component {component} of the gradient: the tape has {tape.inputs} inputs")
    room = SharedRoom(tape, at.PRIMAL) if component is None else SharedRoom(tape, at.GRADIENT, int(component))
    function = INTEGRAND(tape_code.integrand.address)
    function.room = room  # type: ignore[attr-defined]  # as long as the function lives
    return LowLevelCallable(function, ctypes.c_void_p(room.address), "double (int, double *, void *)")


class Compilable:
    """The methods of a tape that make it part of compiled code."""

    def njit_value_and_grad(self) -> CompiledTape:
        """Value and gradient for nopython code: a function that `@njit` functions call, as Python does.

        Returns
        -------
        CompiledTape
            ``value, gradient = vg(x)``, and ``value = vg.into(x, gradient)``, which allocates nothing. `x` is an array
            of n numbers, the leaves of the arguments one after the other, of any shape, or a number if n is 1; the
            gradient has its shape. Pass it to compiled functions as an argument: one compilation serves all tapes. Any
            number of threads may call it, those of ``prange`` too. Where a call raises, the gradient is not defined.

        Raises
        ------
        NonScalarOutput, UnsupportedFunction
            Here, for tapes with several outputs, or with calls of linear algebra or of primitives.
        BranchChanged, ShapeMismatch
            From the call, in compiled code too.

        Examples
        --------
        >>> import numpy as np, fastad as ad
        >>> from numba import njit
        >>> vg = ad.record(lambda x: np.sum(x**2), np.ones(2)).njit_value_and_grad()
        >>> @njit
        ... def descend(vg, x, steps):
        ...     for _ in range(steps):
        ...         x = x - 0.25 * vg(x)[1]
        ...     return x
        >>> descend(vg, np.array([4.0, 8.0]), 2)
        array([1., 2.])
        """
        return self._compiled("value_and_grad")

    def njit_primal(self) -> CompiledTape:
        """The function itself for nopython code: ``y = f(x)``, and ``f.into(x, y)``, which allocates nothing.

        Returns
        -------
        CompiledTape
            As `njit_value_and_grad`; y is a number if the function returned one, else an array (m,).
        """
        return self._compiled("primal")

    def njit_jvp(self) -> CompiledTape:
        """Value and tangent for nopython code: ``y, tangent = jvp(x, v)``, the tangent being ``J @ v``.

        Returns
        -------
        CompiledTape
            As `njit_value_and_grad`; y and its tangent are numbers if the function returned one, else arrays (m,).
        """
        return self._compiled("jvp")

    def _compiled(self, kind: str) -> CompiledTape:
        return CompiledTape(self, kind)  # type: ignore[arg-type]

    def low_level_callable(self, component: int | None = None) -> Any:
        """The function, or a component of its gradient, as a C function for SciPy's integrators.

        Parameters
        ----------
        component : int, optional
            Which component of the gradient; default: the value.

        Returns
        -------
        scipy.LowLevelCallable
            Of the signature ``double (int, double *, void *)``, for `scipy.integrate.quad` and `nquad`: the integration
            variables, then ``args``, are the n inputs. Nan where a guard fails, or if their number is not n.

        Raises
        ------
        NonScalarOutput, UnsupportedFunction, ArgumentIndexError

        Examples
        --------
        >>> import numpy as np, fastad as ad
        >>> from scipy.integrate import quad
        >>> tape = ad.record(lambda x, a: np.exp(-a * x), 1.0, 1.0)
        >>> value, _ = quad(tape.low_level_callable(), 0, np.inf, args=(2.0,))
        >>> derivative, _ = quad(tape.low_level_callable(component=1), 0, np.inf, args=(2.0,))
        >>> round(value, 9), round(derivative, 9)
        (0.5, -0.25)
        """
        return low_level_callable(self, component)  # type: ignore[arg-type]
