"""Nonlinear programs by Ipopt, with exact sparse derivatives of objective and constraints: `fastad.ipopt.minimize`.

Theory of operation. Ipopt asks for gradient, Jacobian of the constraints, and Hessian of the Lagrangian
sigma f(x) + lambda . g(x), the last two as entries of patterns that it is told once. They are those of the tapes at the
start (`ad.sparse_jacobian`, `ad.sparse_hessian`); multipliers are passive arguments, so one tape serves all of them.
Needs the package cyipopt (the extra `ipopt`), which needs the library Ipopt.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy.optimize import OptimizeResult
from scipy.sparse import csr_array, tril

from fastad.errors import ShapeMismatch, SparsityError
from fastad.transforms.gradients import value_and_grad
from fastad.transforms.sparse import sparse_hessian, sparse_jacobian

SOLVED = 0, 1  # Ipopt's status: to the tolerance asked for, to its acceptable one
UNBOUNDED = 1e20  # what Ipopt takes for infinity


class Problem:
    """What Ipopt asks of a nonlinear program, in the form that cyipopt expects.

    Parameters
    ----------
    function, constraints : callable or None
        Of an array of float64, shape (n,): the objective, and an array of shape (m,).
    x0 : ndarray of float64, shape (n,)
        Where the patterns are found.
    """

    def __init__(self, function: Callable[..., Any], constraints: Callable[..., Any] | None, x0: np.ndarray) -> None:
        self._function, self._constraints = function, constraints
        self._both = value_and_grad(function)
        self.failure: Exception | None = None
        self.count = np.size(constraints(x0)) if constraints else 0
        self._last: tuple[bytes, float, np.ndarray] = (b"", 0.0, x0)
        self._hessian = sparse_hessian(lagrangian)
        self._jacobian = sparse_jacobian(constraints) if constraints else None
        self._rows = self._jacobian(x0) if self._jacobian else csr_array((0, x0.size))
        self._curvature = self._lagrangian_hessian(x0, 1.0, np.ones(self.count))
        self._lower = tril(_numbered(self._curvature), format="coo")

    def _lagrangian_hessian(self, x: np.ndarray, sigma: float, multipliers: np.ndarray) -> csr_array:
        return self._hessian(x, sigma, multipliers, self._function, self._constraints)

    def _at(self, x: np.ndarray) -> tuple[bytes, float, np.ndarray]:
        key = x.tobytes()
        if self._last[0] != key:
            value, gradient = self._both(x)
            self._last = key, float(value), gradient
        return self._last

    def objective(self, x: np.ndarray) -> float:
        """f(x)."""
        return self._at(x)[1]

    def gradient(self, x: np.ndarray) -> np.ndarray:
        """The gradient of the objective, (n,)."""
        return self._at(x)[2].copy()

    def constraints(self, x: np.ndarray) -> np.ndarray:
        """g(x), (m,)."""
        return np.asarray(self._constraints(x), np.float64).reshape(-1) if self._constraints else np.empty(0)

    def jacobianstructure(self) -> tuple[np.ndarray, np.ndarray]:
        """Rows and columns of the entries of the constraints' Jacobian."""
        entries = self._rows.tocoo()
        return entries.row, entries.col

    def jacobian(self, x: np.ndarray) -> np.ndarray:
        """The entries of the constraints' Jacobian."""
        if self._jacobian is None:
            return np.empty(0)
        return _entries(self._jacobian(x), self._rows, "Jacobian of the constraints")

    def hessianstructure(self) -> tuple[np.ndarray, np.ndarray]:
        """Rows and columns of the entries on and below the diagonal of the Lagrangian's Hessian."""
        return self._lower.row, self._lower.col

    def hessian(self, x: np.ndarray, multipliers: np.ndarray, sigma: float) -> np.ndarray:
        """The entries on and below the diagonal of the Hessian of sigma f + multipliers . g."""
        try:
            found = self._lagrangian_hessian(x, float(sigma), np.asarray(multipliers, np.float64))
            return _entries(found, self._curvature, "Hessian of the Lagrangian")[self._lower.data - 1]
        except Exception as error:  # which Ipopt takes for a number that is missing
            self.failure = error
            raise

    def intermediate(self, *_: Any) -> bool:
        """Whether to go on."""
        return self.failure is None


def lagrangian(
    x: Any, sigma: float, multipliers: np.ndarray, function: Callable[..., Any], constraints: Callable[..., Any] | None
) -> Any:
    """sigma f(x) + multipliers . g(x)."""
    value = sigma * function(x)
    return value if constraints is None else value + np.sum(multipliers * constraints(x))


def _numbered(matrix: csr_array) -> csr_array:
    """The numbers of the entries, from 1 on, in their places."""
    return csr_array((np.arange(1, matrix.nnz + 1), matrix.indices, matrix.indptr), shape=matrix.shape)


def _entries(found: csr_array, first: csr_array, what: str) -> np.ndarray:
    """The data of a matrix, whose pattern must be that of the first."""
    if not (np.array_equal(found.indptr, first.indptr) and np.array_equal(found.indices, first.indices)):
        raise SparsityError(
            f"the {what} has other nonzeros here than at x0, on another branch of the function: Ipopt needs one "
            "pattern; write the branches with np.where"
        )
    return found.data


def minimize(
    function: Callable[..., Any],
    x0: Any,
    *,
    bounds: Any = None,
    constraints: Callable[..., Any] | None = None,
    constraint_bounds: Any = (0.0, 0.0),
    options: dict[str, Any] | None = None,
) -> OptimizeResult:
    """Minimise f(x) subject to ``lower <= x <= upper`` and ``g_lower <= g(x) <= g_upper``, by Ipopt.

    Parameters
    ----------
    function : callable
        A NumPy function of one array of shape (n,), or one compiled by Numba, that returns one number.
    x0 : array of float64, shape (n,)
        The start.
    bounds : pair (lower, upper) of floats or arrays of shape (n,), or None
        Infinities where there is none.
    constraints : callable or None
        Of the same array; returns an array of shape (m,).
    constraint_bounds : pair (lower, upper) of floats or arrays of shape (m,)
        Equal ones make an equation; zeros, unless they are given.
    options : dict or None
        Ipopt's own, such as ``{"tol": 1e-10, "max_iter": 500, "print_level": 5}``; it prints nothing otherwise.

    Returns
    -------
    scipy.optimize.OptimizeResult
        With ``x``, ``fun``, ``success``, ``status``, ``message``, ``jac`` (the gradient), ``constraints`` (g at x) and
        ``multipliers``, shape (m,).

    Raises
    ------
    ImportError
        The package cyipopt is missing.
    ShapeMismatch
        The start or bounds have the wrong shape.
    SparsityError
        Another branch of the function has other nonzeros.

    Notes
    -----
    Gradients, Jacobians and Hessians are exact; of the latter two only the entries that can be different from zero are
    computed and kept, so thousands of variables are no difficulty where few of them meet.

    References
    ----------
    Waechter & Biegler, On the implementation of an interior-point filter line-search algorithm for large-scale
    nonlinear programming (2006).
    """
    try:
        import cyipopt
    except ImportError:
        raise ImportError("fastad.ipopt needs the package cyipopt: pip install 'fastad[ipopt]'") from None
    start = np.array(x0, np.float64)
    if start.ndim != 1:
        raise ShapeMismatch(f"x0 has shape {start.shape}, but an array of shape (n,) is needed")
    problem = Problem(function, constraints, start)
    lower, upper = _pair("bounds", (-np.inf, np.inf) if bounds is None else bounds, start.size)
    least, most = _pair("constraint_bounds", constraint_bounds, problem.count)
    solver = cyipopt.Problem(start.size, problem.count, problem, lower, upper, least, most)
    for name, value in ({"print_level": 0, "sb": "yes"} | (options or {})).items():
        solver.add_option(name, value)
    x, info = solver.solve(start)
    if problem.failure is not None:
        raise problem.failure
    message = info["status_msg"]
    return OptimizeResult(
        x=x, fun=info["obj_val"], status=info["status"], success=info["status"] in SOLVED,
        message=message.decode() if isinstance(message, bytes) else message, jac=problem.gradient(x),
        constraints=info["g"], multipliers=info["mult_g"],
    )  # fmt: skip


def _pair(name: str, given: Any, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Lower and upper bounds as arrays."""
    try:
        lower, upper = (np.broadcast_to(np.asarray(side, np.float64), (size,)) for side in given)
    except (TypeError, ValueError):
        raise ShapeMismatch(f"{name} must be a pair (lower, upper) of numbers or arrays of shape ({size},)") from None
    return np.clip(lower, -UNBOUNDED, UNBOUNDED), np.clip(upper, -UNBOUNDED, UNBOUNDED)
