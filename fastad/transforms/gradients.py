"""Gradients by one reverse sweep.

A gradient is asked for again and again at new points of one shape, so `ValueAndGrad` keeps a short way
for that (`transforms/repeated.py`). Whatever does not fit it, and every call at which an audit is due,
takes the long way.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numba.core.dispatcher import Dispatcher

from fastad import derive
from fastad.kernels import layout as at
from fastad.replay import Call
from fastad.tape import Tape, require_scalar
from fastad.transforms.base import Argnums, Transform, per_leaf
from fastad.transforms.repeated import count_replays, has_short_way, many_arrays, never, one_array


class ValueAndGrad(Transform):
    """See `value_and_grad`."""

    def __init__(self, function: Callable[..., Any], argnums: Argnums = 0, mode: str = "auto") -> None:
        super().__init__(function, argnums)
        self.mode = mode
        self._again_one: Callable[[Any], Any] = never
        self._again_many: Callable[[tuple[Any, ...]], Any] = never
        self._short: tuple[Tape, int] | None = None  # whose short way it is, and for how many calls it was made

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if not kwargs:
            result = self._again_one(args[0]) if len(args) == 1 else self._again_many(args)
            if result is not None:
                return result
        count_replays(self._short, self._again_many if self._again_one is never else self._again_one)
        self._short = None
        self._again_one = self._again_many = never  # the long way decides afresh which tape is good
        return super().__call__(*args, **kwargs)

    def plain(self, call: Call) -> Any:
        used: list[Tape] = []

        def action(tape: Tape) -> tuple[tuple[float, np.ndarray], int]:
            require_scalar(tape.out_structure)
            used[:] = [tape]
            value, gradient, failed = _by_tangents(tape, call) if call.forward else tape.gradient(call.x)
            return (value, gradient), failed

        call.forward = self.mode == "forward"
        value, gradient = self.replayer.run(call, action)
        if not call.forward:
            self._remember(call, used[0])
        return value, self.per_argument(call, per_leaf(call, gradient, ()))

    def _remember(self, call: Call, tape: Tape) -> None:
        """Take the short way next time, until the next audit is due."""
        several = isinstance(self.argnums, tuple)
        if not has_short_way(call):
            return
        calls = self.replayer.skip_to_audit(call.key, self.replayer.calls.setdefault(call.key, 1))
        self._short = tape, calls
        if len(call.structure[1]) == 2 and not several:
            self._again_one = one_array(tape, call, calls)
        else:
            self._again_many = many_arrays(tape, call, several, calls)

    def nested(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        value, gradients = derive.value_and_gradients(self.function, args, kwargs, self.argnums)
        return value, gradients[0] if isinstance(self.argnums, int | np.integer) else tuple(gradients)


def _by_tangents(tape: Tape, call: Call) -> tuple[float, np.ndarray, int]:
    """Value, gradient (n,) and failed guard, by one tangent for each independent."""
    active = np.flatnonzero(call.active)
    seeds, gradient = np.zeros((active.size, call.x.size)), np.zeros(call.x.size)
    seeds[np.arange(active.size), active] = 1.0
    with tape.linearized(call.x, at.TANGENTS, active.size) as point:
        gradient[active] = point.sweep(at.TANGENTS, seeds)[:, 0]
        return float(point.value[0]), gradient, point.failed


class Grad(ValueAndGrad):
    """See `grad`."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return super().__call__(*args, **kwargs)[1]


def _of_compiled(function: Any, argnums: Argnums, mode: str, with_value: bool) -> Any:
    """The gradient of a function that Numba has compiled; None for others."""
    if mode not in ("auto", "forward", "reverse"):
        raise ValueError(f"mode={mode!r}: 'auto', 'forward' or 'reverse' is needed")
    if not isinstance(function, Dispatcher):
        return None
    from fastad.native import gradients  # it teaches Numba hundreds of overloads

    return (gradients.NativeValueAndGrad if with_value else gradients.NativeGrad)(function, argnums, mode)


def value_and_grad(function: Callable[..., Any], argnums: Argnums = 0, mode: str = "auto") -> ValueAndGrad:
    """The value and the gradient of a scalar-valued function, by one forward and one reverse sweep.

    Parameters
    ----------
    function : callable
        A NumPy function, or one compiled by Numba (`@njit`), that returns one number.
    argnums : int or tuple of int
        Which positional arguments to differentiate with respect to.
    mode : "auto", "forward" or "reverse"
        Reverse is one sweep with adjoints, forward a tangent for each of the n inputs. "auto" takes reverse; for
        functions that Numba has compiled, forward up to 32 inputs, whose tangents need no tape.

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
    return _of_compiled(function, argnums, mode, True) or ValueAndGrad(function, argnums, mode)


def grad(function: Callable[..., Any], argnums: Argnums = 0, mode: str = "auto") -> Grad:
    """The gradient of a scalar-valued function, by one reverse sweep.

    Parameters
    ----------
    function : callable
        A NumPy function, or one compiled by Numba (`@njit`), that returns one number.
    argnums : int or tuple of int
        Which positional arguments to differentiate with respect to.
    mode : "auto", "forward" or "reverse"
        Reverse is one sweep with adjoints, forward a tangent for each of the n inputs. "auto" takes reverse; for
        functions that Numba has compiled, forward up to 32 inputs, whose tangents need no tape.

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
    return _of_compiled(function, argnums, mode, False) or Grad(function, argnums, mode)
