"""Gradients by one reverse sweep.

A gradient is asked for again and again at new points of one shape, so `ValueAndGrad` keeps a short way
for that: one contiguous float64 array in, one compiled call, no look at tapes or containers. Whatever
does not fit, and every call at which an audit is due, takes the long way.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from fastad import derive, kernels
from fastad.kernels import layout as at
from fastad.record.builder import open_recordings
from fastad.replay import Call
from fastad.tape import Tape, require_scalar
from fastad.transforms.base import Argnums, Transform, per_leaf

_FLOAT64 = np.dtype(np.float64)


class _Fast:
    """What a repeated call with one contiguous float64 array needs, and no more."""

    __slots__ = ("code", "flat", "guarded", "pool", "run", "schedule", "shape", "size")

    def __init__(self, tape: Tape, shape: tuple[int, ...]) -> None:
        schedule = tape.schedule
        kernels.run.load()
        self.run, self.code, self.pool, self.schedule = (
            kernels.run.dispatcher,
            schedule.code_for(at.GRADIENT),
            schedule._pool,
            schedule,
        )
        self.shape, self.flat, self.guarded = shape, len(shape) == 1, bool(tape.program.guards)
        self.size = schedule.workspace_size(at.GRADIENT, 1)


class ValueAndGrad(Transform):
    """See `value_and_grad`."""

    def __init__(self, function: Callable[..., Any], argnums: Argnums = 0) -> None:
        super().__init__(function, argnums)
        self._fast: _Fast | None = None
        self._countdown = 0

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        fast = self._fast
        if fast is not None and len(args) == 1 and not kwargs and not open_recordings:
            x = args[0]
            if type(x) is np.ndarray and x.shape == fast.shape and x.dtype is _FLOAT64 and x.flags.carray:
                self._countdown -= 1
                if self._countdown > 0:
                    result = self._replay(fast, x)
                    if result is not None:
                        return result
        self._fast = None  # the long way decides afresh which tape is good
        return super().__call__(*args, **kwargs)

    def _replay(self, fast: _Fast, x: np.ndarray) -> tuple[float, np.ndarray] | None:
        pool = fast.pool
        work = pool.pop() if pool else fast.schedule.new_workspace(fast.size)
        if work.size < fast.size:
            return None
        gradient = np.empty(fast.shape)
        if fast.schedule.parallel:
            fast.schedule.invite(work)
        source, target = (x, gradient) if fast.flat else (x.reshape(-1), gradient.reshape(-1))
        if fast.schedule.one_thread_of_blas:
            with fast.schedule.blas():
                value = fast.run(0, 1, fast.code, work, source, target)
        else:
            value = fast.run(0, 1, fast.code, work, source, target)
        if fast.guarded and work[-1] >= 0.0:
            return None
        pool.append(work)
        return value, gradient

    def plain(self, call: Call) -> Any:
        used: list[Tape] = []

        def action(tape: Tape) -> tuple[tuple[float, np.ndarray], int]:
            require_scalar(tape.out_structure)
            used[:] = [tape]
            value, gradient, failed = tape.gradient(call.x)
            return (value, gradient), failed

        value, gradient = self.replayer.run(call, action)
        self._remember(call, used[0])
        return value, self.per_argument(call, per_leaf(call, gradient, ()))

    def _remember(self, call: Call, tape: Tape) -> None:
        """Take the short way next time, until the next audit is due."""
        structure = call.structure[1]
        simple = len(structure) == 2 and structure[1][0] == "array" and call.structure[2] == (dict, ())
        if not simple or not isinstance(self.argnums, int) or call.x.size == 0:
            return
        self._fast = _Fast(tape, structure[1][1])
        calls = self.replayer.calls.setdefault(call.key, 1)
        self._countdown = self.replayer.skip_to_audit(call.key, calls)

    def nested(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        value, gradients = derive.value_and_gradients(self.function, args, kwargs, self.argnums)
        return value, gradients[0] if isinstance(self.argnums, int | np.integer) else tuple(gradients)


class Grad(ValueAndGrad):
    """See `grad`."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return super().__call__(*args, **kwargs)[1]


def value_and_grad(function: Callable[..., Any], argnums: Argnums = 0) -> ValueAndGrad:
    """The value and the gradient of a scalar-valued function, by one forward and one reverse sweep.

    Parameters
    ----------
    function : callable
        A NumPy function that returns one number.
    argnums : int or tuple of int
        Which positional arguments to differentiate with respect to.

    Returns
    -------
    callable
        Takes the function's arguments and returns ``(value, gradient)``: a float, and the partial
        derivatives df/dx in the structure, shapes and order of the argument (float64); a tuple of them
        for a tuple `argnums`.

    Raises
    ------
    NonScalarOutput, ArgumentIndexError, UnsupportedFunction, UnsupportedDtype, DerivativeCut, ChangedConstant

    Examples
    --------
    >>> import numpy as np, fastad as ad
    >>> value, gradient = ad.value_and_grad(lambda x: np.sum(x**2))(np.array([1.0, 2.0]))
    >>> value, gradient.tolist()
    (5.0, [2.0, 4.0])

    References
    ----------
    Griewank & Walther, Evaluating Derivatives (2008), section 3.2; the cheap gradient principle.
    """
    return ValueAndGrad(function, argnums)


def grad(function: Callable[..., Any], argnums: Argnums = 0) -> Grad:
    """The gradient of a scalar-valued function, by one reverse sweep.

    Parameters
    ----------
    function : callable
        A NumPy function that returns one number.
    argnums : int or tuple of int
        Which positional arguments to differentiate with respect to.

    Returns
    -------
    callable
        Takes the function's arguments and returns the partial derivatives df/dx in the structure and
        shapes of the argument (float64); a tuple of them for a tuple `argnums`.

    Raises
    ------
    NonScalarOutput, ArgumentIndexError, UnsupportedFunction, UnsupportedDtype, DerivativeCut, ChangedConstant

    Examples
    --------
    >>> import numpy as np, fastad as ad
    >>> ad.grad(np.sin)(0.0)
    1.0

    References
    ----------
    Griewank & Walther, Evaluating Derivatives (2008), section 3.2.
    """
    return Grad(function, argnums)
