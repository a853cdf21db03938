"""Cholesky factors, NumPy's and SciPy's, and solving with them: one call for both triangles.

Theory of operation. The adjoint of a factor of a plain matrix goes by blocks, in products of matrices; where a further
derivative is recorded, by few operations on the whole. `cho_factor` leaves in the other triangle what its argument has
there; otherwise its rules are those of `cholesky`. An upper factor is a lower one, transposed.

With L from a = L L' and x = inv(a) b, the adjoint of L is the lower triangle of -(u p' + x q'), where p = inv(L) b,
q = inv(L) w for the weight w of x, and u = inv(L') q: a product of matrices with few columns instead of several passes
over n * n numbers.

Source: Murray, "Differentiation of the Cholesky decomposition" (2016).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from fastad.primitives import Primitive
from fastad.record.calls import call
from fastad.record.linalg_rules import SOLVE, TRIANGULAR, folded, lower_part, one_triangle, symmetric, transposed
from fastad.record.traced import is_traced


# --- NumPy's factors --------------------------------------------------------------------------------
def _solved(factor: Any, b: Any, lower: bool) -> Any:
    """The solution of a triangular system; SciPy's solver takes one at a time."""
    if np.ndim(factor) > 2:
        return call(SOLVE, factor, b)
    return call(TRIANGULAR, factor, b, lower=lower, unit=False)


def _halved(x: Any) -> Any:
    """The lower triangle with half of the diagonal."""
    return x * (np.tri(x.shape[-1]) - 0.5 * np.eye(x.shape[-1]))


def cholesky_pull(factor: Any, args: Any, weight: Any, wanted: Any) -> list[Any]:
    if not (is_traced(factor) or is_traced(weight)) and np.ndim(factor) == 2:
        return [_blocked_pull(factor, lower_part(weight))]
    return [_whole_pull(factor, lower_part(weight))]


def _whole_pull(factor: Any, weight: Any) -> Any:
    inner = _halved(transposed(factor) @ weight)
    left = _solved(transposed(factor), inner, lower=False)
    s = transposed(_solved(transposed(factor), transposed(left), lower=False))
    return folded(0.5 * (s + transposed(s)))


def _blocked_pull(factor: np.ndarray, weight: np.ndarray, size: int = 64) -> np.ndarray:
    """Murray's blocked algorithm, on plain arrays: a third of the multiplications, all in matrix products."""
    from scipy.linalg.blas import dtrsm

    bar, n = weight, len(factor)
    for stop in range(n, 0, -size):
        at, rest = slice(max(0, stop - size), stop), slice(stop, n)
        left = slice(0, at.start)
        block = factor[at, at]
        bar[rest, at] = dtrsm(1.0, block.T, bar[rest, at].T, side=0, lower=0, trans_a=0).T
        bar[rest, left] -= bar[rest, at] @ factor[at, left]
        bar[at, at] -= lower_part(bar[rest, at].T @ factor[rest, at])
        inner = dtrsm(1.0, block, _halved(block.T @ bar[at, at]), side=0, lower=1, trans_a=1)
        inner = dtrsm(1.0, block, inner, side=1, lower=1)
        bar[at, at] = folded(0.5 * (inner + inner.T))
        both = bar[at, at] + bar[at, at].T
        bar[at, left] -= bar[rest, at].T @ factor[rest, left] + both @ factor[at, left]
    return bar


def cholesky_push(factor: Any, args: Any, dots: Any) -> Any:
    left = _solved(factor, symmetric(dots[0]), lower=True)
    return factor @ _halved(transposed(_solved(factor, transposed(left), lower=True)))


CHOLESKY = Primitive("numpy.linalg.cholesky", np.linalg.cholesky, cholesky_pull, cholesky_push)
CHOLESKY.borrows = True


# --- SciPy's factors --------------------------------------------------------------------------------
def _turned(x: Any, lower: bool) -> Any:
    return x if lower else transposed(x)


def _factor_value(a: Any, *, lower: bool, clean: bool) -> Any:
    from scipy.linalg import cho_factor, cholesky

    return cholesky(a, lower, check_finite=False) if clean else cho_factor(a, lower, check_finite=False)[0]


def _factor_pull(c: Any, args: Any, weight: Any, wanted: Any, *, lower: bool, clean: bool) -> list[Any]:
    factor = one_triangle(_turned(c, lower), True, False)
    bar = _turned(cholesky_pull(factor, args, _turned(weight, lower), wanted)[0], lower)
    return [bar if clean else bar + one_triangle(weight, not lower, True)]


def _factor_push(c: Any, args: Any, dots: Any, *, lower: bool, clean: bool) -> Any:
    factor = one_triangle(_turned(c, lower), True, False)
    change = _turned(cholesky_push(factor, args, [_turned(dots[0], lower)]), lower)
    return change if clean else change + one_triangle(dots[0], not lower, True)


CHO_FACTOR = Primitive("scipy.linalg.cho_factor", _factor_value, _factor_pull, _factor_push)
CHO_FACTOR.borrows = True


# --- solving ----------------------------------------------------------------------------------------
def _value(c: Any, b: Any, *, lower: bool) -> Any:
    from scipy.linalg import cho_solve

    return cho_solve((c, lower), b, check_finite=False)


def _columns(x: Any) -> Any:
    return x if x.ndim == 2 else x[:, None]


def _forth(c: Any, b: Any, lower: bool) -> Any:
    return call(TRIANGULAR, _turned(c, lower), b, lower=True, unit=False)


def _back(c: Any, b: Any, lower: bool) -> Any:
    return call(TRIANGULAR, _turned(c, not lower), b, lower=False, unit=False)


def _pull(x: Any, args: Any, weight: Any, wanted: Any, *, lower: bool) -> list[Any]:
    c, b = args
    q = _forth(c, weight, lower)
    u = _back(c, q, lower)
    if not wanted[0]:
        return [None, u]
    p = _forth(c, b, lower)
    left = np.concatenate([_columns(u), _columns(x)], axis=1)
    right = np.concatenate([_columns(p), _columns(q)], axis=1)
    bar = -left @ transposed(right) if lower else -right @ transposed(left)
    return [one_triangle(bar, lower, False), u]


def _push(x: Any, args: Any, dots: Any, *, lower: bool) -> Any:
    c, b = args
    right = np.zeros(np.shape(b)) if dots[1] is None else dots[1]
    if dots[0] is None:
        return call(CHO_SOLVE, c, right, lower=lower)
    change = one_triangle(dots[0], lower, False)
    change = _turned(change, lower)
    inner = _forth(c, right - change @ _forth(c, b, lower), lower) - transposed(change) @ x
    return _back(c, inner, lower)


CHO_SOLVE = Primitive("scipy.linalg.cho_solve", _value, _pull, _push)
CHO_SOLVE.borrows = True
