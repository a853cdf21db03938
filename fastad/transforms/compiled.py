"""Derivatives of compiled functions that nopython code can call."""

from __future__ import annotations

from typing import Any

from numba.core.dispatcher import Dispatcher

from fastad.transforms.base import Argnums


def _derivative(function: Any, name: str, *options: Any) -> Any:
    if not isinstance(function, Dispatcher):
        raise TypeError(
            f"a function compiled by Numba (@njit) is needed, not {type(function).__name__}: compile it, or replay its "
            "tape, ad.record(f, x).njit_value_and_grad()"
        )
    from fastad.native import nopython  # it teaches Numba hundreds of overloads
    from fastad.native.derivatives import derivatives_of

    return derivatives_of(function).make(getattr(nopython, name), *options)


def _checked_mode(mode: str) -> str:
    if mode not in ("forward", "reverse"):
        raise ValueError(f"mode={mode!r}: 'forward' or 'reverse' is needed")
    return mode


def njit_value_and_grad(function: Any, argnums: Argnums = 0, mode: str = "reverse") -> Any:
    """The value and the gradient of a compiled function, as a compiled function.

    Parameters
    ----------
    function : function compiled by Numba (`@njit`)
        Returns one number.
    argnums : int or tuple of int
        Which arguments to differentiate with respect to: floats, arrays of float64 and tuples of them.
    mode : "reverse" or "forward"
        Reverse records a tape of edges and sweeps adjoints; forward carries tangents, eight at a time, and needs no
        memory, which is faster for up to some 32 numbers.

    Returns
    -------
    function compiled by Numba
        Takes the function's arguments and returns ``(value, gradient)``, the gradient in the structure of the argument;
        a tuple of them for a tuple `argnums`. Nopython code can call it, several threads at once (`prange`) too; it
        keeps no lock, and its memory is used again by the next call.

    Raises
    ------
    TypeError, ArgumentIndexError, TapeTooLarge

    Examples
    --------
    >>> import numpy as np, fastad as ad
    >>> from numba import njit
    >>> @njit
    ... def f(x):
    ...     return x[0] ** 2 * x[1]
    >>> value_and_grad = ad.njit_value_and_grad(f)
    >>> @njit
    ... def descend(x, steps):
    ...     for _ in range(steps):
    ...         x = x - 0.1 * value_and_grad(x)[1]
    ...     return x
    >>> descend(np.array([1.0, 2.0]), 1).tolist()
    [0.6, 1.9]

    References
    ----------
    Griewank & Walther, Evaluating Derivatives (2008), sections 3.1 and 3.2.
    """
    return _derivative(function, f"{_checked_mode(mode)}_value_and_grad", argnums)


def njit_grad(function: Any, argnums: Argnums = 0, mode: str = "reverse") -> Any:
    """The gradient of a compiled function, as a compiled function.

    Parameters
    ----------
    function : function compiled by Numba (`@njit`)
        Returns one number.
    argnums : int or tuple of int
        Which arguments to differentiate with respect to.
    mode : "reverse" or "forward"
        As of `njit_value_and_grad`.

    Returns
    -------
    function compiled by Numba
        Takes the function's arguments and returns the gradient in the structure of the argument.

    Raises
    ------
    TypeError, ArgumentIndexError, TapeTooLarge

    Examples
    --------
    >>> import fastad as ad
    >>> from numba import njit
    >>> ad.njit_grad(njit(lambda x: x**3))(2.0)
    12.0
    """
    return _derivative(function, f"{_checked_mode(mode)}_value_and_grad", argnums, False)


def njit_jvp(function: Any) -> Any:
    """The value of a compiled function and its derivative along tangents, as a compiled function.

    Parameters
    ----------
    function : function compiled by Numba (`@njit`)

    Returns
    -------
    function compiled by Numba
        ``jvp(primals, tangents)``, two tuples with an entry for every argument; returns ``(value, tangent)`` in the
        structure of the result. An integer with an integer tangent is passed on as it is.

    Raises
    ------
    TypeError

    Examples
    --------
    >>> import fastad as ad
    >>> from numba import njit
    >>> ad.njit_jvp(njit(lambda x, y: x * y))((2.0, 3.0), (1.0, 10.0))
    (6.0, 23.0)

    References
    ----------
    Griewank & Walther, Evaluating Derivatives (2008), section 3.1.
    """
    return _derivative(function, "jvp")
