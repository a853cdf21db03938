"""Products of the Jacobian with one direction: tangents forward, adjoints in reverse."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numba.core.dispatcher import Dispatcher

from fastad import derive
from fastad.containers import Structure, pack, pack_like, split, unflatten, weight_leaves
from fastad.errors import ShapeMismatch
from fastad.kernels import layout as at
from fastad.record.builder import current
from fastad.replay import Call, Replayer
from fastad.tape import Tape
from fastad.transforms.base import per_leaf, replayer_of


def replayer_kept(function: Callable[..., Any]) -> Replayer:
    """The tapes of a function, for transforms that are called with the function each time."""
    try:
        found = function.__dict__.get("__fastad_replayer__")
    except AttributeError:
        return replayer_of(function)
    if found is None or found.function is not function:
        found = function.__dict__["__fastad_replayer__"] = replayer_of(function)
    return found


def _checked_tuple(name: str, values: Any) -> tuple[Any, ...]:
    if not isinstance(values, tuple | list):
        raise TypeError(f"{name} must be a tuple with one entry an argument, not {type(values).__name__}")
    return tuple(values)


def _differentiated(function: Any, primals: tuple[Any, ...], tangents: tuple[Any, ...]) -> tuple[int, ...]:
    """Which arguments are active: all, but for those of compiled functions that count or choose something."""
    if not isinstance(function, Dispatcher):
        return tuple(range(len(primals)))
    return tuple(k for k, primal in enumerate(primals) if not _counts(primal) or _is_tangent(primal, tangents[k]))


def _counts(x: Any) -> bool:
    return (
        x is None
        or isinstance(x, int | np.integer | np.bool_ | str | Dispatcher)
        or (isinstance(x, np.ndarray) and x.dtype.kind in "iub")
    )


def _is_tangent(primal: Any, tangent: Any) -> bool:
    return tangent is not primal and tangent is not None and bool(np.any(tangent))


def jvp(function: Callable[..., Any], primals: tuple[Any, ...], tangents: tuple[Any, ...]) -> tuple[Any, Any]:
    """The value of a function and its derivative along given tangents, by one forward sweep.

    Parameters
    ----------
    function : callable
        A NumPy function.
    primals : tuple
        The function's arguments.
    tangents : tuple
        One tangent an argument, in its structure and shapes.

    Returns
    -------
    value, tangent
        Both in the structure of the function's result (floats and float64 arrays): f(x) and J(x) @ x_dot.

    Raises
    ------
    ShapeMismatch, StructureMismatch, UnsupportedFunction, UnsupportedDtype, DerivativeCut, ChangedConstant

    Examples
    --------
    >>> import fastad as ad
    >>> ad.jvp(lambda x, y: x * y, (2.0, 3.0), (1.0, 10.0))
    (6.0, 23.0)

    References
    ----------
    Griewank & Walther, Evaluating Derivatives (2008), section 3.1.
    """
    primals, tangents = _checked_tuple("primals", primals), _checked_tuple("tangents", tangents)
    if len(primals) != len(tangents):
        raise ShapeMismatch(f"{len(tangents)} tangents were given for {len(primals)} primals")
    if current() is not None:
        return derive.jvp(function, primals, tangents)
    numbers = _differentiated(function, primals, tangents)
    call = Call(primals, {}, numbers)
    call.forward = True
    parts = [pack_like(tangents[k], s, f"tangent {k}") for k, s in zip(numbers, call.arg_structures, strict=True)]
    seed = np.concatenate(parts)[None, :]

    def action(tape: Tape) -> tuple[tuple[np.ndarray, np.ndarray, Structure], int]:
        with tape.linearized(call.x, at.TANGENTS, 1) as point:
            return (point.value, point.sweep(at.TANGENTS, seed)[0], tape.out_structure), point.failed

    value, tangent, out = replayer_kept(function).run(call, action)
    return unflatten(out, split(value, out)), unflatten(out, split(tangent, out))


def vjp(function: Callable[..., Any], *primals: Any) -> tuple[Any, Callable[[Any], tuple[Any, ...]]]:
    """The value of a function, and the pullback of weights to adjoints, by one reverse sweep each.

    Parameters
    ----------
    function : callable
        A NumPy function.
    *primals
        The function's arguments.

    Returns
    -------
    value
        The function's result.
    pullback : callable
        ``pullback(weight)``, with a weight in the structure of the result, returns a tuple with one
        adjoint an argument, ``weight @ J``, in its structure and shapes (float64).

    Raises
    ------
    ShapeMismatch, StructureMismatch, UnsupportedFunction, UnsupportedDtype, DerivativeCut, ChangedConstant

    Examples
    --------
    >>> import fastad as ad
    >>> value, pullback = ad.vjp(lambda x, y: x * y, 2.0, 3.0)
    >>> value, pullback(1.0)
    (6.0, (3.0, 2.0))

    References
    ----------
    Griewank & Walther, Evaluating Derivatives (2008), section 3.2.
    """
    if current() is not None:
        return derive.vjp(function, primals)
    numbers = _differentiated(function, primals, primals)
    call = Call(primals, {}, numbers)

    def action(tape: Tape) -> tuple[tuple[np.ndarray, Tape], int]:
        value, failed = tape.evaluate(call.x)
        return (value, tape), failed

    value, tape = replayer_kept(function).run(call, action)
    out = tape.out_structure

    def pullback(weight: Any) -> tuple[Any, ...]:
        weights = pack(weight_leaves(weight, out))[None, :]
        with tape.linearized(call.x, at.ADJOINTS, 1) as point:
            adjoint = point.sweep(at.ADJOINTS, weights)[0]
        of_arguments = dict(zip(numbers, per_leaf(call, adjoint, ()), strict=True))
        return tuple(of_arguments.get(k) for k in range(len(primals)))

    return unflatten(out, split(value, out)), pullback


def directional_derivative(function: Callable[..., Any], x: Any, direction: Any, normalize: bool = True) -> Any:
    """The derivative of a function along a direction, by one forward sweep.

    Parameters
    ----------
    function : callable
        A NumPy function of one argument.
    x : float, array of float64 or container of them
        The point.
    direction : like x
    normalize : bool
        Scale the direction to a unit vector first (Euclidean norm), so that the result is the slope a
        unit of length.

    Returns
    -------
    In the structure of the function's result: ``J(x) @ u``, for scalar functions ``grad f(x) . u``.

    Raises
    ------
    ShapeMismatch
        The direction is not shaped like `x`, or is zero and cannot be scaled.

    Examples
    --------
    >>> import numpy as np, fastad as ad
    >>> ad.directional_derivative(lambda x: np.sum(x**2), np.array([3.0, 4.0]), np.array([3.0, 4.0]))
    10.0

    References
    ----------
    Griewank & Walther, Evaluating Derivatives (2008), section 3.1.
    """
    if current() is not None:
        return derive.directional(function, x, direction, normalize)
    call = Call((x,), {}, 0)
    flat = pack_like(direction, call.arg_structures[0], "the direction")
    length = float(np.linalg.norm(flat))
    if normalize and not length:
        raise ShapeMismatch("the direction is zero, so it cannot be scaled to a unit vector")
    seed = flat / length if normalize else flat
    structure = call.arg_structures[0]
    return jvp(function, (x,), (unflatten(structure, split(seed, structure)),))[1]
