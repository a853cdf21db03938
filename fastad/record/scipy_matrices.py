"""Matrices that SciPy makes of vectors, and the systems of equations that have such matrices.

Theory of operation. A Toeplitz matrix or its like is data that moves: one gather. Of a banded matrix SciPy keeps the
diagonals, ``ab[upper + i - j, j] == a[i, j]``; the transposed matrix and the adjoint are banded again, so that rules of
the banded solver need n numbers a diagonal. Places of the array of diagonals that are outside the matrix are not read.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np

from fastad.primitives import Primitive
from fastad.record import linalg
from fastad.record.calls import call
from fastad.record.products import factor
from fastad.record.traced import plain


# --- data that moves --------------------------------------------------------------------------------
def _vector(x: Any) -> Any:
    x = factor(x)
    return x if x.ndim else x.reshape(1)


def _joined(first: Any, last: Any) -> Any:
    """Stacks of vectors, one after another."""
    stack = np.broadcast_shapes(first.shape[:-1], last.shape[:-1])
    return np.concatenate([np.broadcast_to(x, (*stack, x.shape[-1])) for x in (first, last)], axis=-1)


def toeplitz(c: Any, r: Any = None) -> Any:
    c = _vector(c)
    r = c if r is None else _vector(r)
    rows, columns = c.shape[-1], r.shape[-1]
    index = np.arange(rows)[:, None] - np.arange(columns)
    return _joined(c, r)[..., np.where(index >= 0, index, rows - index)]


def circulant(c: Any) -> Any:
    c = _vector(c)
    n = c.shape[-1]
    return c[..., (np.arange(n)[:, None] - np.arange(n)) % n]


def hankel(c: Any, r: Any = None) -> Any:
    c = np.ravel(factor(c))
    r = np.zeros(len(c)) if r is None else np.ravel(factor(r))
    return np.concatenate([c, r[1:]])[np.arange(len(c))[:, None] + np.arange(len(r))]


def companion(a: Any) -> Any:
    from scipy.linalg import companion as original

    a = factor(a)
    rest = np.array(original(plain(a)))  # SciPy's own errors
    row = -a[..., 1:] / a[..., :1]
    return np.concatenate([row[..., None, :], rest[..., 1:, :]], axis=-2)


def block_diag(*arrs: Any) -> Any:
    parts = [np.atleast_2d(factor(a)) for a in arrs]
    stack = np.broadcast_shapes(*(p.shape[:-2] for p in parts))
    width, left, rows = sum(p.shape[-1] for p in parts), 0, []
    for p in (np.broadcast_to(p, (*stack, *p.shape[-2:])) for p in parts):
        m, n = p.shape[-2:]
        sides = (np.zeros((*stack, m, k)) for k in (left, width - left - n))
        rows.append(np.concatenate([next(sides), p, next(sides)], axis=-1))
        left += n
    return np.concatenate(rows, axis=-2)


def khatri_rao(a: Any, b: Any) -> Any:
    a, b = factor(a), factor(b)
    columns = a[..., :, None, :] * b[..., None, :, :]
    return columns.reshape((*columns.shape[:-3], -1, columns.shape[-1]))


# --- systems of equations ---------------------------------------------------------------------------
def solve_toeplitz(c_or_cr: Any, b: Any, check_finite: bool = True) -> Any:
    from scipy.linalg import solve_toeplitz as original

    c, r = c_or_cr if type(c_or_cr) is tuple else (c_or_cr, c_or_cr)
    c, r, b = factor(c), factor(r), factor(b)
    original((plain(c), plain(r)), plain(b))  # SciPy's own errors
    return linalg.solve(toeplitz(c, r), b)


@lru_cache(maxsize=16)
def _places(lower: int, upper: int, n: int) -> tuple[np.ndarray, np.ndarray]:
    """For every place of the array of diagonals its row in the matrix, and whether it lies in it."""
    rows = np.arange(lower + upper + 1)[:, None] - upper + np.arange(n)
    inside = (rows >= 0) & (rows < n)
    return np.clip(rows, 0, n - 1), inside


def _transposed(ab: Any, lower: int, upper: int) -> Any:
    """The diagonals of the transposed matrix, 0 outside of it."""
    rows, inside = _places(upper, lower, ab.shape[1])
    flipped = np.arange(lower + upper, -1, -1)[:, None]
    return np.where(inside, ab[flipped, rows], 0.0)


def _columns(b: Any) -> Any:
    return b if b.ndim == 2 else b[:, None]


def _banded_value(ab: Any, b: Any, *, lower: int, upper: int) -> Any:
    from scipy.linalg import solve_banded as original

    return original((lower, upper), ab, b)


def _banded_pull(x: Any, args: Any, weight: Any, wanted: Any, *, lower: int, upper: int) -> list[Any]:
    u = call(BANDED, _transposed(args[0], lower, upper), weight, lower=upper, upper=lower)
    if not wanted[0]:
        return [None, u]
    rows, inside = _places(lower, upper, x.shape[0])
    return [np.where(inside, -np.sum(_columns(u)[rows] * _columns(x), axis=-1), 0.0), u]


def _banded_push(x: Any, args: Any, dots: Any, *, lower: int, upper: int) -> Any:
    right = np.zeros(np.shape(x)) if dots[1] is None else dots[1]
    if dots[0] is not None:  # by rows: the transposed matrix's columns
        columns, _ = _places(upper, lower, x.shape[0])
        change = np.sum(_transposed(dots[0], lower, upper)[..., None] * _columns(x)[columns], axis=0)
        right = right - np.reshape(change, x.shape)
    return call(BANDED, args[0], right, lower=lower, upper=upper)


BANDED = Primitive("scipy.linalg.solve_banded", _banded_value, _banded_pull, _banded_push)


def solve_banded(
    l_and_u: Any, ab: Any, b: Any, overwrite_ab: bool = False, overwrite_b: bool = False, check_finite: bool = True
) -> Any:
    lower, upper = map(int, l_and_u)
    return call(BANDED, factor(ab), factor(b), lower=lower, upper=upper)


def solveh_banded(
    ab: Any, b: Any, overwrite_ab: bool = False, overwrite_b: bool = False, lower: bool = False,
    check_finite: bool = True,
) -> Any:  # fmt: skip
    from scipy.linalg import solveh_banded as original

    ab, b = factor(ab), factor(b)
    original(plain(ab), plain(b), lower=lower)  # SciPy's own errors: not positive definite, say
    width = ab.shape[0] - 1
    other = _transposed(ab, width, 0) if lower else _transposed(ab, 0, width)
    full = np.concatenate([other[:-1], ab] if lower else [ab, other[1:]])
    return call(BANDED, full, b, lower=width, upper=width)


FUNCTIONS: dict[str, Any] = {
    f.__name__: f
    for f in (
        toeplitz, circulant, hankel, companion, block_diag, khatri_rao, solve_toeplitz, solve_banded, solveh_banded
    )
}  # fmt: skip
