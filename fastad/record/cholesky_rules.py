"""SciPy's Cholesky factors, and solving with them: one call for both triangles.

Theory of operation. `cho_factor` leaves in the other triangle what its argument has there; otherwise its rules are those
of `cholesky`. With L from a = L L' and x = inv(a) b, the adjoint of L is the lower triangle of -(u p' + x q'), where
p = inv(L) b, q = inv(L) w for the weight w of x, and u = inv(L') q: a product of matrices with few columns instead of
several passes over n * n numbers. An upper factor is a lower one, transposed.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from fastad.primitives import Primitive
from fastad.record.calls import call
from fastad.record.linalg_rules import TRIANGULAR, cholesky_pull, cholesky_push, one_triangle, transposed


def _turned(x: Any, lower: bool) -> Any:
    return x if lower else transposed(x)


# --- factors ----------------------------------------------------------------------------------------
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
