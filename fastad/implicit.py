"""`ad.root`, `ad.fixed_point` and `ad.argmin`: solutions of equations as functions of what they depend on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from fastad.containers import flatten
from fastad.errors import UnsupportedDtype
from fastad.implicit_rules import SOLUTION, problem_of
from fastad.record.calls import call
from fastad.record.creation import gather_objects
from fastad.record.stand_ins import CURRENT
from fastad.record.traced import TracedArray, as_array, is_traced, plain
from fastad.rule_results import gather_parts, static


def _solved(kind: str, function: Callable[..., Any], x0: Any, args: tuple[Any, ...], settings: dict[str, Any]) -> Any:
    if not callable(function):
        raise TypeError(f"ad.{kind} needs a function, not {type(function).__name__}")
    x0 = gather_objects(x0)
    start = np.asarray(plain(x0))
    if start.dtype.kind not in "fiu" or start.dtype.itemsize > 8:
        raise UnsupportedDtype(
            f"ad.{kind}: x0 is {x0!r:.80}, but a number or an array of real numbers is needed: put several unknowns "
            "into one array"
        )
    is_number = start.ndim == 0 and type(x0) is not TracedArray and not isinstance(x0, np.ndarray)
    leaves: list[Any] = []
    arguments = flatten(gather_parts(args), leaves)
    kept = tuple(sorted((name, static(value)) for name, value in settings.items()))
    original = CURRENT.view.unsee(function)
    problem = problem_of(kind, original, None if is_number else start.shape, arguments, kept)
    flat = np.reshape(as_array(x0) if is_traced(x0) else start.astype(np.float64), -1)
    x = problem.unknown(call(SOLUTION, flat, *leaves, problem=problem))
    return float(x) if is_number and not is_traced(x) else x


def root(
    residual: Callable[..., Any], x0: Any, *args: Any, method: str | None = None, tol: float | None = None,
    **options: Any,
) -> Any:  # fmt: skip
    """A solution x of ``residual(x, *args) = 0``, differentiable in `args`.

    Parameters
    ----------
    residual : callable
        A NumPy function of the unknown and `args` with as many numbers in its result as in `x0`. It must not use values
        of a function around it that is being differentiated, other than through `args`.
    x0 : float or array of float64
        Where the solver starts, at every replay too. The solution has its shape, and derivative zero in it.
    *args
        Floats, arrays and containers of them, which the solution depends on; anything else is static.
    method : str, optional
        One of `scipy.optimize.root` (``"hybr"``), or, for a number, of `scipy.optimize.root_scalar`.
    tol : float, optional
        The solver's tolerance. Up to five steps of Newton's method follow, as long as they help.
    **options
        The solver's; ``bracket=(a, b)`` for numbers.

    Returns
    -------
    float or array of float64

    Raises
    ------
    NotConverged
        No solution was found.
    SingularJacobian
        A derivative was asked for where the implicit function theorem does not hold.
    DerivativeCut
        `residual` uses a traced value that is not among `args`.

    Notes
    -----
    The solver's steps are not recorded. By the implicit function theorem, a direction costs one linear system with
    the Jacobian at the solution, whose factors are kept. Derivatives of any order.

    Examples
    --------
    >>> import fastad as ad
    >>> square_root = lambda a: ad.root(lambda x, a: x * x - a, 1.0, a)
    >>> square_root(4.0), ad.grad(square_root)(4.0), ad.grad(ad.grad(square_root))(4.0)
    (2.0, 0.25, -0.03125)

    References
    ----------
    Griewank & Walther, Evaluating Derivatives (2008), section 15.3.
    """
    return _solved("root", residual, x0, args, {"method": method, "tol": tol, **options})


def fixed_point(
    step: Callable[..., Any], x0: Any, *args: Any, method: str | None = None, tol: float | None = None, **options: Any
) -> Any:
    """A solution x of ``x = step(x, *args)``, differentiable in `args`.

    Parameters
    ----------
    step : callable
        A NumPy function of the unknown and `args`; its result is shaped like `x0`.
    x0, *args
        As for `root`.
    method : {"iteration", "del2"}, optional
        Of `scipy.optimize.fixed_point`.
    tol : float, optional
        Relative change at which the iteration ends, 1e-10; steps of Newton's method follow, as for `root`.
    **options
        ``maxiter``.

    Returns
    -------
    float or array of float64

    Raises
    ------
    NotConverged, SingularJacobian, DerivativeCut
        As for `root`.

    Examples
    --------
    >>> import numpy as np, fastad as ad
    >>> anomaly = lambda m, e: ad.fixed_point(lambda x, m, e: m + e * np.sin(x), m, m, e)
    >>> x = anomaly(1.0, 0.1)
    >>> bool(abs(ad.grad(anomaly)(1.0, 0.1) - 1.0 / (1.0 - 0.1 * np.cos(x))) < 1e-15)
    True

    References
    ----------
    Griewank & Walther, Evaluating Derivatives (2008), section 15.3.
    """
    return _solved("fixed_point", step, x0, args, {"method": method, "tol": tol, **options})


def argmin(
    objective: Callable[..., Any], x0: Any, *args: Any, method: str | None = None, tol: float | None = None,
    **options: Any,
) -> Any:  # fmt: skip
    """A local minimiser x of ``objective(x, *args)``, without constraints, differentiable in `args`.

    Parameters
    ----------
    objective : callable
        A NumPy function of the unknown and `args` that returns a number and has second derivatives.
    x0, *args
        As for `root`.
    method : str, optional
        One of `scipy.optimize.minimize`, ``"BFGS"``. It gets exact gradients and, if it takes them, second derivatives.
    tol : float, optional
        The solver's tolerance. Steps of Newton's method on the gradient follow, as for `root`.
    **options
        The solver's.

    Returns
    -------
    float or array of float64

    Raises
    ------
    NotConverged, SingularJacobian, DerivativeCut
        As for `root`; the equations are that the gradient is zero.

    Examples
    --------
    >>> import numpy as np, fastad as ad
    >>> data = np.array([1.0, 2.0, 6.0])
    >>> shrunk = lambda c: ad.argmin(lambda x, c: np.sum((x - data) ** 2) + c * x**2, 0.0, c)
    >>> shrunk(0.0), shrunk(3.0), round(ad.grad(shrunk)(3.0), 12)
    (3.0, 1.5, -0.25)

    References
    ----------
    Gould et al., On differentiating parameterized argmin and argmax problems (2016), arXiv:1607.05447.
    """
    return _solved("argmin", objective, x0, args, {"method": method, "tol": tol, **options})
