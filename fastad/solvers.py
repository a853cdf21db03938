"""SciPy's solvers for `Problem`s, with exact derivatives: (x, whether it succeeded, its message)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fastad.rule_results import Static
from fastad.transforms.products import jvp

if TYPE_CHECKING:
    from fastad.implicit_rules import Problem

Solution = tuple[np.ndarray, bool, str]
_SCALAR = ("bisect", "brentq", "brenth", "ridder", "toms748", "newton", "secant", "halley")
_WITH_JACOBIAN = ("hybr", "lm")
_WITH_HESSIAN = ("dogleg", "trust-exact")
_WITH_PRODUCT = ("newton-cg", "trust-ncg", "trust-krylov", "trust-constr")
_WITHOUT_GRADIENT = ("nelder-mead", "powell", "cobyla", "cobyqa")


def solution(problem: Problem, x0: np.ndarray, leaves: Any) -> Solution:
    """A solution by the method that the problem's settings name."""
    settings = {name: value.value() if isinstance(value, Static) else value for name, value in problem.settings}
    method, tol = settings.pop("method"), settings.pop("tol")
    if problem.kind == "argmin":
        return _minimum(problem, x0, leaves, method, tol, settings)
    if problem.kind == "fixed_point":
        return _fixed_point(problem, x0, leaves, method, tol, settings)
    if problem.shape is None and (method in _SCALAR or "bracket" in settings):
        return _scalar_root(problem, x0, leaves, method, tol, settings)
    return _root(problem, x0, leaves, method or "hybr", tol, settings)


def _root(problem: Problem, x0: np.ndarray, leaves: Any, method: str, tol: Any, options: dict[str, Any]) -> Solution:
    from scipy.optimize import root

    def slopes(x: np.ndarray) -> Any:
        return problem.jacobian(x, *leaves)

    jac = slopes if method in _WITH_JACOBIAN else None
    found = root(lambda x: problem.residual(x, *leaves), x0, jac=jac, method=method, tol=tol, options=options)
    return np.asarray(found.x, np.float64), bool(found.success), str(found.message)


def _scalar_root(
    problem: Problem, x0: np.ndarray, leaves: Any, method: Any, tol: Any, options: dict[str, Any]
) -> Solution:
    from scipy.optimize import root_scalar

    def residual(x: float) -> float:
        return float(problem.residual(np.array([x]), *leaves)[0])

    def slope(x: float) -> float:
        return float(problem.jacobian(np.array([x]), *leaves)[0, 0])

    fprime = slope if method == "newton" else None
    start = None if "bracket" in options else float(x0[0])
    found = root_scalar(residual, method=method, x0=start, fprime=fprime, xtol=tol, **options)
    return np.array([found.root], np.float64), bool(found.converged), str(found.flag)


def _fixed_point(
    problem: Problem, x0: np.ndarray, leaves: Any, method: Any, tol: Any, options: dict[str, Any]
) -> Solution:
    from scipy.optimize import fixed_point

    last = [x0]

    def step(x: np.ndarray) -> np.ndarray:
        last[0] = x
        return x - problem.residual(x, *leaves)

    try:
        tolerance = 1e-10 if tol is None else tol
        return fixed_point(step, x0, method=method or "iteration", xtol=tolerance, **options), True, "converged"
    except RuntimeError as error:
        return last[0], False, str(error)


def _minimum(problem: Problem, x0: np.ndarray, leaves: Any, method: Any, tol: Any, options: dict[str, Any]) -> Solution:
    from scipy.optimize import minimize

    args, objective = problem.user_arguments(leaves), problem.objective
    assert objective is not None

    def value_and_gradient(x: np.ndarray) -> Any:
        value, gradient = objective(problem.unknown(x), *args)
        return value, np.reshape(gradient, -1)

    def product(x: np.ndarray, v: np.ndarray) -> Any:
        zeros = [np.zeros(np.shape(leaf)) for leaf in leaves]
        return jvp(problem.residual, (x, *leaves), (np.asarray(v, np.float64), *zeros))[1]

    name = (method or "BFGS").lower()
    further: dict[str, Any] = {}
    if name in _WITH_HESSIAN:
        further["hess"] = lambda x: problem.jacobian(x, *leaves)
    elif name in _WITH_PRODUCT:
        further["hessp"] = product
    if name in _WITHOUT_GRADIENT:
        found = minimize(lambda x: value_and_gradient(x)[0], x0, method=name, tol=tol, options=options)
    else:
        found = minimize(value_and_gradient, x0, jac=True, method=name, tol=tol, options=options, **further)
    return np.asarray(found.x, np.float64), bool(found.success), str(found.message)
