"""Solutions of equations, and their derivatives by the implicit function theorem.

Theory of operation. `Problem` is a system F(x, args) = 0 with as many equations as unknowns. Its solution is the
result of one primitive, whatever the solver did, because by the theorem dx = -J^-1 (dF/dargs) dargs with J = dF/dx: one
linear system for each direction, forward or (transposed) in reverse. The linear solution u, J u = g, is a primitive
too. Its own rules need derivatives of J(x, args) u only, which is a directional derivative of F: fastad's transforms
give it, so derivatives go on to any order. The factors of J are kept for the directions at one point.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache, partial
from typing import Any

import numpy as np

from fastad.containers import Structure, unflatten
from fastad.errors import DerivativeCut, NotConverged, ShapeMismatch, SingularJacobian
from fastad.primitives import Primitive
from fastad.record.builder import outside_recordings, user_line
from fastad.record.calls import call
from fastad.record.creation import gather_objects
from fastad.record.recorder import normal_output
from fastad.record.stand_ins import CURRENT
from fastad.record.traced import as_array, is_traced
from fastad.rule_results import shaped
from fastad.transforms.gradients import value_and_grad
from fastad.transforms.jacobians import jacobian
from fastad.transforms.products import jvp, vjp

POLISHING = 5  # Newton steps after the solver's last one
SMALL_STEP = 1e-7  # a Newton step, relative to x, that a solution may still take


class Problem:
    """A system of equations with its derivatives.

    Attributes
    ----------
    kind : {"root", "fixed_point", "argmin"}
    function : callable
        The user's: residual, step or objective.
    shape : tuple of int or None
        Of the unknown; None for a number.
    arguments : structure
        Of the user's arguments after the first.
    settings : tuple of (name, value)
        Method, tolerance and options of the solver.
    """

    def __init__(
        self, kind: str, function: Callable[..., Any], shape: Any, arguments: Structure, settings: tuple[Any, ...]
    ) -> None:
        self.key = (kind, function, shape, arguments, settings)
        self.kind, self.function, self.shape, self.arguments, self.settings = self.key
        self.objective = value_and_grad(function) if kind == "argmin" else None
        self._factors: tuple[Any, Any] = (None, None)

        # Functions of their own, which keep their tapes.
        def residual(x: Any, *leaves: Any) -> Any:
            return self._residual(x, leaves)

        def product(x: Any, r: Any, *leaves: Any) -> Any:
            return jvp(lambda z: self._residual(z, leaves), (x,), (r,))[1]

        def transposed_product(x: Any, r: Any, *leaves: Any) -> Any:
            return vjp(lambda z: self._residual(z, leaves), x)[1](r)[0]

        self.residual, self.products = residual, (product, transposed_product)
        self.jacobian = jacobian(residual)

    def __reduce__(self) -> Any:
        return problem_of, self.key

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Problem) and other.key == self.key

    def __hash__(self) -> int:
        return hash(self.key)

    # --- the equations --------------------------------------------------------------------------------
    def unknown(self, x: Any) -> Any:
        """The unknown as the user's function takes it."""
        return x[0] if self.shape is None else np.reshape(x, self.shape)

    def user_arguments(self, leaves: Any) -> tuple[Any, ...]:
        return unflatten(self.arguments, iter(shaped(leaves, self.arguments)))

    def _residual(self, x: Any, leaves: Any) -> Any:
        """F, flat; recorded if the arguments are traced."""
        unknown, args = self.unknown(x), self.user_arguments(leaves)
        if self.objective is not None:
            value = self.objective(unknown, *args)[1]
        else:
            value = gather_objects(normal_output(CURRENT.view.see(self.function)(unknown, *args)))
        size = int(np.size(value)) if not is_traced(value) else as_array(value).size
        if size != np.size(x):
            raise ShapeMismatch(
                f"{self.name} returned {size} numbers for {np.size(x)} unknowns: as many equations are needed"
            )
        flat = np.reshape(as_array(value) if is_traced(value) else np.asarray(value, np.float64), -1)
        return x - flat if self.kind == "fixed_point" else flat

    @property
    def name(self) -> str:
        return f"the function {getattr(self.function, '__qualname__', type(self.function).__name__)} of ad.{self.kind}"

    # --- the solution ---------------------------------------------------------------------------------
    def solve(self, x0: np.ndarray, *leaves: np.ndarray) -> np.ndarray:
        """A solution, from a start; always the same one."""
        from fastad.solvers import solution

        with outside_recordings():
            self._check_closed(x0, leaves)
            with np.errstate(all="ignore"):
                x, succeeded, message = solution(self, x0, leaves)
                x, step = self._polished(x, leaves)
                norm = float(np.linalg.norm(self.residual(x, *leaves)))
                kept = self.objective is None or self._is_minimum(x, leaves)
        scale = max(1.0, float(np.max(np.abs(x), initial=0.0)))
        if not np.isfinite(norm) or not (step <= SMALL_STEP * scale or (np.isnan(step) and succeeded and norm < 1e-6)):
            raise NotConverged(
                f"ad.{self.kind} at {user_line()} found no solution: the residual has the norm {norm:.3g} where the "
                f"solver stopped ({message}); start nearer to a solution (x0), or give another method= or more "
                "iterations"
            )
        if not kept:
            raise NotConverged(
                f"ad.argmin at {user_line()} found a point where the gradient is zero, but the objective falls in some "
                "direction: a saddle point or a maximum; start elsewhere (x0)"
            )
        return x

    def _is_minimum(self, x: np.ndarray, leaves: Any) -> bool:
        """Whether the second derivatives are not negative in any direction, but for rounding."""
        hessian = self.jacobian(x, *leaves)
        if not x.size or not np.all(np.isfinite(hessian)):
            return True
        return bool(np.linalg.eigvalsh(hessian)[0] >= -1e-8 * np.max(np.abs(hessian)))

    def _check_closed(self, x0: np.ndarray, leaves: tuple[Any, ...]) -> None:
        value = CURRENT.view.see(self.function)(self.unknown(x0), *self.user_arguments(leaves))
        if is_traced(gather_objects(normal_output(value))):
            raise DerivativeCut(
                f"{self.name} at {user_line()} uses a traced value of the function around it, which it does not take "
                f"as an argument: pass it as one, ad.{self.kind}(f, x0, value)"
            )

    def _polished(self, x: np.ndarray, leaves: Any) -> tuple[np.ndarray, float]:
        """Newton's steps as long as they help; the size of the last one, nan if there is none."""
        f, size = self.residual(x, *leaves), np.nan
        for _ in range(POLISHING):
            if not np.any(f):
                return x, 0.0
            try:
                step = np.linalg.solve(self.jacobian(x, *leaves), f)
            except np.linalg.LinAlgError:
                return x, np.nan
            size, nearer = float(np.max(np.abs(step))), x - step
            further = self.residual(nearer, *leaves)
            if not np.linalg.norm(further) < np.linalg.norm(f):
                break
            x, f = nearer, further
        return x, size

    def factors(self, x: np.ndarray, leaves: Any) -> Factors:
        """Factors of J at a point; those of the last point are kept."""
        key = (x.tobytes(), *(leaf.tobytes() for leaf in leaves))
        known, found = self._factors
        if known != key:
            found = Factors(self.jacobian(x, *leaves), f"ad.{self.kind}")
            self._factors = (key, found)
        return found


@lru_cache(maxsize=128)
def _cached(*key: Any) -> Problem:
    return Problem(*key)


def problem_of(*key: Any) -> Problem:
    """The problem of a function, with the tapes that it already has."""
    try:
        return _cached(*key)
    except TypeError:  # a callable object that cannot be hashed
        kind, function, *rest = key
        return Problem(kind, partial(function), *rest)


class Factors:
    """LU factors of a matrix that is scaled by powers of two, so that its condition says something."""

    def __init__(self, matrix: np.ndarray, what: str) -> None:
        from scipy.linalg import lapack

        size = np.abs(matrix)
        self.rows = _scale(size.max(axis=1, initial=0.0))
        self.columns = _scale((self.rows[:, None] * size).max(axis=0, initial=0.0))
        scaled = self.rows[:, None] * matrix * self.columns
        self.lu, self.pivots, info = lapack.dgetrf(scaled)
        norm = np.abs(scaled).sum(axis=0).max(initial=0.0)
        condition = lapack.dgecon(self.lu, norm)[0] if info == 0 and np.isfinite(norm) and len(matrix) else 0.0
        if len(matrix) and not condition > np.finfo(float).eps:
            raise SingularJacobian(
                f"{what} at {user_line()}: the Jacobian at the solution is singular or not finite (its reciprocal "
                f"condition is {condition:.1e}), so the solution has no derivative there: check that the equations are "
                "independent and the solution isolated"
            )

    def solve(self, g: np.ndarray, transposed: bool) -> np.ndarray:
        from scipy.linalg import lapack

        if not g.size:
            return g
        before, after = (self.columns, self.rows) if transposed else (self.rows, self.columns)
        return after * lapack.dgetrs(self.lu, self.pivots, before * g, trans=int(transposed))[0]


def _scale(size: np.ndarray) -> np.ndarray:
    with np.errstate(all="ignore"):
        return np.where(np.isfinite(size) & (size > 0), np.exp2(-np.floor(np.log2(size))), 1.0)


# --- primitives ---------------------------------------------------------------------------------------
def _dense(values: list[Any], dots: list[Any]) -> tuple[Any, ...]:
    return tuple(np.zeros(np.shape(v)) if dot is None else dot for v, dot in zip(values, dots, strict=True))


def _solution_pull(x: Any, args: list[Any], weight: Any, wanted: list[bool], problem: Problem) -> list[Any]:
    leaves = args[1:]
    w = call(LINEAR, weight, x, *leaves, problem=problem, transposed=True)
    return [None, *vjp(problem.residual, x, *leaves)[1](-w)[1:]]


def _solution_push(x: Any, args: list[Any], tangents: list[Any], problem: Problem) -> Any:
    leaves = args[1:]
    dots = _dense(leaves, tangents[1:])
    slope = jvp(problem.residual, (x, *leaves), (np.zeros(np.shape(x)), *dots))[1]
    return call(LINEAR, -slope, x, *leaves, problem=problem, transposed=False)


def _linear_value(g: Any, x: Any, *leaves: Any, problem: Problem, transposed: bool) -> Any:
    with outside_recordings():
        return problem.factors(x, leaves).solve(g, transposed)


def _linear_pull(
    u: Any, args: list[Any], weight: Any, wanted: list[bool], problem: Problem, transposed: bool
) -> list[Any]:
    x, *leaves = args[1:]
    w = call(LINEAR, weight, x, *leaves, problem=problem, transposed=not transposed)
    bars = vjp(problem.products[transposed], x, u, *leaves)[1](-w)
    return [w, bars[0], *bars[2:]]


def _linear_push(u: Any, args: list[Any], tangents: list[Any], problem: Problem, transposed: bool) -> Any:
    x, *leaves = args[1:]
    dg, dx, *dots = _dense(args, tangents)
    slope = jvp(problem.products[transposed], (x, u, *leaves), (dx, np.zeros(np.shape(u)), *dots))[1]
    return call(LINEAR, dg - slope, x, *leaves, problem=problem, transposed=transposed)


SOLUTION = Primitive(
    "fastad.implicit.solution", lambda x0, *leaves, problem: problem.solve(x0, *leaves), _solution_pull,
    _solution_push, steps=(0,),
)  # fmt: skip
LINEAR = Primitive("fastad.implicit.linear", _linear_value, _linear_pull, _linear_push)
