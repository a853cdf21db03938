"""Power series of functions along a direction."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from fastad.containers import Structure, pack_like, split_rows, unflatten
from fastad.errors import OrderError, UnsupportedFunction
from fastad.record.builder import current, user_line
from fastad.replay import Call
from fastad.tape import Tape
from fastad.transforms.products import replayer_kept


def taylor(function: Callable[..., Any], x: Any, direction: Any, order: int) -> Any:
    """The Taylor coefficients of a function along a direction.

    The coefficients ``c_0 ... c_order`` of ``t -> f(x + t * direction)`` at ``t = 0``; the k-th derivative there is
    ``k! * c_k``. An instruction costs O(order) if it is linear and O(order**2) if it is not.

    Parameters
    ----------
    function : callable
        A NumPy function of one argument, or one compiled by Numba.
    x : float, array of float64 or container of them
        The point.
    direction : like x
    order : int
        The highest order, at least 1.

    Returns
    -------
    In the structure of the function's result: a float becomes an array of shape (order + 1,), an array of shape s one
    of shape (order + 1, *s). Comparisons and kinks count with the branch that is taken at `x`; where operands of a
    maximum are equal, their coefficients are averaged.

    Raises
    ------
    OrderError
        The order is not a whole number of at least 1.
    ShapeMismatch, StructureMismatch
        The direction is not shaped like `x`.
    UnsupportedFunction
        The function uses an operation that has no power series here: linear solvers, factorisations, special functions
        and primitives; or it is being recorded by another transform.
    UnsupportedDtype, DerivativeCut, ChangedConstant

    Examples
    --------
    >>> import numpy as np, fastad as ad
    >>> ad.taylor(np.exp, 0.0, 1.0, 4).tolist()
    [1.0, 1.0, 0.5, 0.16666666666666666, 0.041666666666666664]
    >>> ad.taylor(lambda x: x[0] * x[1], np.array([2.0, 3.0]), np.array([1.0, 1.0]), 3).tolist()
    [6.0, 5.0, 1.0, 0.0]

    References
    ----------
    Griewank & Walther, Evaluating Derivatives (2008), section 13.2 (propagation of Taylor coefficients).
    """
    from fastad.taylor_sweep import taylor_coefficients

    if not isinstance(order, int | np.integer) or isinstance(order, bool) or order < 1:
        raise OrderError(f"order={order!r}: a whole number of at least 1 is needed")
    if not callable(function):
        raise TypeError(f"a function is needed, not {type(function).__name__}")
    if current() is not None:
        raise UnsupportedFunction(
            f"ad.taylor at {user_line()}, inside a function that is being recorded: its coefficients are plain "
            "numbers; nest ad.jvp, ad.grad or ad.hessian there"
        )
    call = Call((x,), {}, 0)
    seed = pack_like(direction, call.arg_structures[0], "the direction")

    def action(tape: Any) -> tuple[tuple[np.ndarray, Structure], int]:
        # A compiled function's tape is recorded at its point.
        whole = tape if isinstance(tape, Tape) else tape.whole()
        coefficients, failed = taylor_coefficients(whole, call.x, seed, int(order))
        return (coefficients, tape.out_structure), failed

    coefficients, out = replayer_kept(function).run(call, action)
    return unflatten(out, split_rows(coefficients, out, (int(order) + 1,)))
