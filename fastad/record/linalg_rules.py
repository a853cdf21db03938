"""Primitives of linear algebra: values by LAPACK, rules by matrix calculus, all over stacks of matrices.

Theory of operation. Each decomposition or solution is one call on the tape, whatever its size. Its rules are matrix
products and further calls (`transposed`, `diagonal` and the masks move data only), so they run by BLAS on plain arrays
in a sweep, and are recorded where a further derivative is wanted. What NumPy does not read (the upper triangle of the
argument of `cholesky` and `eigh`) has derivative 0. Where singular values or eigenvalues are equal, the vectors are
not functions of the matrix; the terms that would divide by their difference are left out.

Sources: Giles, "An extended collection of matrix derivative results" (2008); Townsend, "Differentiating the singular
value decomposition" (2016); Golub & Pereyra, "The differentiation of pseudo-inverses" (1973); Walter & Lehmann,
"Algorithmic differentiation of linear algebra functions" (2012).
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np

from fastad.primitives import Primitive
from fastad.record.calls import call
from fastad.record.traced import is_traced


# --- parts of matrices ------------------------------------------------------------------------------
def transposed(x: Any) -> Any:
    return np.swapaxes(x, -1, -2)


def spread(d: Any) -> Any:
    """Diagonal matrices from stacks of diagonals."""
    return d[..., None] * np.eye(d.shape[-1])


def diagonal(x: Any) -> Any:
    return np.diagonal(x, axis1=-2, axis2=-1)


@lru_cache(maxsize=16)
def _mask(rows: int, columns: int, k: int) -> np.ndarray:
    return np.tri(rows, columns, k)


def lower_part(x: Any, k: int = 0) -> Any:
    return x * _mask(x.shape[-2], x.shape[-1], k)


def symmetric(x: Any, triangle: str = "L") -> Any:
    """The symmetric matrix whose lower (or upper) triangle is given."""
    x = x if triangle == "L" else transposed(x)
    return lower_part(x) + transposed(lower_part(x, -1))


def folded(x: Any, triangle: str = "L") -> Any:
    """The adjoint of `symmetric`: what the triangle is answerable for."""
    part = lower_part(x) + lower_part(transposed(x), -1)
    return part if triangle == "L" else transposed(part)


def summed_to(x: Any, shape: tuple[int, ...]) -> Any:
    """The adjoint of broadcasting: sums over the axes along which a stack of this shape was repeated."""
    extra = np.ndim(x) - len(shape)
    x = np.sum(x, axis=tuple(range(extra))) if extra else x
    axes = tuple(i for i, n in enumerate(shape) if n == 1 and x.shape[i] != 1)
    return np.sum(x, axis=axes, keepdims=True) if axes else x


def _inverse_differences(x: Any) -> Any:
    """1 / (x_j - x_i), and 0 where they are equal."""
    d = x[..., None, :] - x[..., :, None]
    same = np.equal(d, 0.0)
    return np.where(same, 0.0, 1.0 / np.where(same, 1.0, d))


def _outer(u: Any, x: Any, vectors: bool | None = None) -> Any:
    """u x', of matrices or vectors."""
    vectors = np.ndim(x) == 1 if vectors is None else vectors
    return u[..., :, None] * x[..., None, :] if vectors else u @ transposed(x)


def _zero(x: Any) -> Any:
    return 0.0 if x is None else x


# --- solving ----------------------------------------------------------------------------------------
def _solve_pull(x: Any, args: Any, weight: Any, wanted: Any) -> list[Any]:
    a, b = args
    u = call(SOLVE, transposed(a), weight)
    a_bar = summed_to(-_outer(u, x, b.ndim == 1), a.shape) if wanted[0] else None
    return [a_bar, summed_to(u, b.shape) if wanted[1] else None]


def _solve_push(x: Any, args: Any, dots: Any) -> Any:
    change = 0.0 if dots[0] is None else dots[0] @ x
    return call(SOLVE, args[0], np.broadcast_to(_zero(dots[1]) - change, np.shape(x)))


SOLVE = Primitive("numpy.linalg.solve", np.linalg.solve, _solve_pull, _solve_push)
INV = Primitive(
    "numpy.linalg.inv",
    np.linalg.inv,
    lambda v, args, w, wanted: [-transposed(v) @ w @ transposed(v)],
    lambda v, args, dots: -v @ dots[0] @ v,
)


def cofactors(a: Any, det: Any) -> Any:
    """The partials of the determinant, also where it is 0."""
    if is_traced(a):
        return np.asarray(det)[..., None, None] * transposed(call(INV, a))
    u, s, vh = np.linalg.svd(a)
    others = np.where(np.eye(s.shape[-1], dtype=bool), 1.0, s[..., None, :])
    sign = np.linalg.det(u) * np.linalg.det(vh)
    return (sign[..., None, None] * u * np.prod(others, axis=-1)[..., None, :]) @ vh


DET = Primitive(
    "numpy.linalg.det",
    np.linalg.det,
    lambda d, args, w, wanted: [np.asarray(w)[..., None, None] * cofactors(args[0], d)],
    lambda d, args, dots: np.sum(cofactors(args[0], d) * dots[0], axis=(-2, -1)),
)
SLOGDET = Primitive(
    "numpy.linalg.slogdet",
    lambda a: tuple(np.linalg.slogdet(a)),
    lambda r, args, w, wanted: [np.asarray(w[1])[..., None, None] * transposed(call(INV, args[0]))],
    lambda r, args, dots: (np.zeros(np.shape(r[0])), np.sum(transposed(call(INV, args[0])) * dots[0], axis=(-2, -1))),
)


# --- triangles --------------------------------------------------------------------------------------
def _triangular_value(a: Any, b: Any, *, lower: bool, unit: bool) -> Any:
    from scipy.linalg import solve_triangular

    return solve_triangular(a, b, lower=lower, unit_diagonal=unit, check_finite=False)


def one_triangle(x: Any, lower: bool, unit: bool) -> Any:
    """What a triangular solver reads."""
    k = -1 if unit else 0
    return lower_part(x, k) if lower else transposed(lower_part(transposed(x), k))


def _triangular_pull(x: Any, args: Any, weight: Any, wanted: Any, *, lower: bool, unit: bool) -> list[Any]:
    u = call(TRIANGULAR, transposed(args[0]), weight, lower=not lower, unit=unit)
    if not wanted[0]:
        return [None, u]
    return [one_triangle(-_outer(u, x), lower, unit), u]


def _triangular_push(x: Any, args: Any, dots: Any, *, lower: bool, unit: bool) -> Any:
    change = 0.0 if dots[0] is None else one_triangle(dots[0], lower, unit) @ x
    return call(TRIANGULAR, args[0], np.broadcast_to(_zero(dots[1]) - change, np.shape(x)), lower=lower, unit=unit)


TRIANGULAR = Primitive("scipy.linalg.solve_triangular", _triangular_value, _triangular_pull, _triangular_push)


# --- eigenvalues ------------------------------------------------------------------------------------
def _eigh_pull(result: Any, args: Any, weight: Any, wanted: Any, *, triangle: str) -> list[Any]:
    w, v = result
    inner = spread(weight[0]) + _inverse_differences(w) * (transposed(v) @ weight[1])
    s = v @ inner @ transposed(v)
    return [folded(0.5 * (s + transposed(s)), triangle)]


def _eigh_push(result: Any, args: Any, dots: Any, *, triangle: str) -> Any:
    w, v = result
    inner = transposed(v) @ symmetric(dots[0], triangle) @ v
    return diagonal(inner), v @ (_inverse_differences(w) * inner)


EIGH = Primitive("numpy.linalg.eigh", lambda a, *, triangle: tuple(np.linalg.eigh(a, triangle)), _eigh_pull, _eigh_push)


def _eigvalsh_pull(w: Any, args: Any, weight: Any, wanted: Any, *, triangle: str) -> list[Any]:
    v = call(EIGH, args[0], triangle=triangle)[1]
    return [folded((v * weight[..., None, :]) @ transposed(v), triangle)]


def _eigvalsh_push(w: Any, args: Any, dots: Any, *, triangle: str) -> Any:
    v = call(EIGH, args[0], triangle=triangle)[1]
    return np.sum(v * (symmetric(dots[0], triangle) @ v), axis=-2)


EIGVALSH = Primitive(
    "numpy.linalg.eigvalsh", lambda a, *, triangle: np.linalg.eigvalsh(a, triangle), _eigvalsh_pull, _eigvalsh_push
)


def _eig_value(a: Any) -> Any:
    w, v = np.linalg.eig(a)
    if np.iscomplexobj(w):
        raise ComplexResult
    return w, v


class ComplexResult(Exception):
    """A real matrix whose eigenvalues are complex."""


def _eig_pull(result: Any, args: Any, weight: Any, wanted: Any) -> list[Any]:
    w, v = result
    along = weight[1] - v * np.sum(v * weight[1], axis=-2, keepdims=True)  # vectors keep their length
    inner = spread(weight[0]) + _inverse_differences(w) * (transposed(v) @ along)
    return [call(SOLVE, transposed(v), inner @ transposed(v))]


def _eig_push(result: Any, args: Any, dots: Any) -> Any:
    w, v = result
    inner = call(SOLVE, v, dots[0] @ v)
    change = v @ (_inverse_differences(w) * inner)
    return diagonal(inner), change - v * np.sum(v * change, axis=-2, keepdims=True)


EIG = Primitive("numpy.linalg.eig", _eig_value, _eig_pull, _eig_push)


# --- singular values --------------------------------------------------------------------------------
def _svd_parts(result: Any) -> tuple[Any, Any, Any, Any, Any]:
    u, s, vh = result
    return u, s, transposed(vh), _inverse_differences(s**2), np.where(np.equal(s, 0.0), 0.0, 1.0 / s)


def _beside(x: Any, basis: Any) -> Any:
    """What of x the columns of a basis do not span."""
    return x - basis @ (transposed(basis) @ x)


def _svd_pull(result: Any, args: Any, weight: Any, wanted: Any) -> list[Any]:
    u, s, v, f, over = _svd_parts(result)
    u_bar, s_bar, v_bar = weight[0], weight[1], transposed(weight[2])
    left, right = transposed(u) @ u_bar, transposed(v) @ v_bar
    inner = (f * (left - transposed(left))) * s[..., None, :] + s[..., :, None] * (f * (right - transposed(right)))
    a_bar = u @ (inner + spread(s_bar)) @ transposed(v)
    m, n = args[0].shape[-2:]
    if m > n:
        a_bar = a_bar + (_beside(u_bar, u) * over[..., None, :]) @ transposed(v)
    if n > m:
        a_bar = a_bar + (u * over[..., None, :]) @ transposed(_beside(v_bar, v))
    return [a_bar]


def _svd_push(result: Any, args: Any, dots: Any) -> Any:
    u, s, v, f, over = _svd_parts(result)
    change = dots[0]
    p = transposed(u) @ change @ v
    ps, sp = p * s[..., None, :], s[..., :, None] * p
    du, dv = u @ (f * (ps + transposed(ps))), v @ (f * (sp + transposed(sp)))
    m, n = args[0].shape[-2:]
    if m > n:
        du = du + _beside(change @ v, u) * over[..., None, :]
    if n > m:
        dv = dv + _beside(transposed(change) @ u, v) * over[..., None, :]
    return du, diagonal(p), transposed(dv)


SVD = Primitive("numpy.linalg.svd", lambda a: tuple(np.linalg.svd(a, full_matrices=False)), _svd_pull, _svd_push)


def _svdvals_pull(s: Any, args: Any, weight: Any, wanted: Any) -> list[Any]:
    u, _, vh = call(SVD, args[0])
    return [(u * weight[..., None, :]) @ vh]


def _svdvals_push(s: Any, args: Any, dots: Any) -> Any:
    u, _, vh = call(SVD, args[0])
    return diagonal(transposed(u) @ dots[0] @ transposed(vh))


SVDVALS = Primitive("numpy.linalg.svdvals", lambda a: np.linalg.svd(a, compute_uv=False), _svdvals_pull, _svdvals_push)


# --- least squares ----------------------------------------------------------------------------------
def _pinv_pull(p: Any, args: Any, w: Any, wanted: Any, *, rcond: Any) -> list[Any]:
    a, pt, wt = args[0], transposed(p), transposed(w)
    m, n = a.shape[-2:]
    square = np.eye(m) - a @ p, np.eye(n) - p @ a
    return [-pt @ w @ pt + square[0] @ wt @ p @ pt + pt @ p @ wt @ square[1]]


def _pinv_push(p: Any, args: Any, dots: Any, *, rcond: Any) -> Any:
    a, pt, change = args[0], transposed(p), transposed(dots[0])
    m, n = a.shape[-2:]
    return -p @ dots[0] @ p + p @ pt @ change @ (np.eye(m) - a @ p) + (np.eye(n) - p @ a) @ change @ pt @ p


PINV = Primitive("numpy.linalg.pinv", lambda a, *, rcond: np.linalg.pinv(a, rcond), _pinv_pull, _pinv_push)


def _lstsq_pull(x: Any, args: Any, weight: Any, wanted: Any, *, rcond: Any) -> list[Any]:
    a, b = args
    p = call(PINV, a, rcond=rcond if rcond is not None else np.finfo(float).eps * max(a.shape))
    if b.ndim == 1:
        x, b, weight = x[:, None], b[:, None], weight[:, None]
    u = transposed(p) @ weight
    beside = weight - p @ (a @ weight)
    a_bar = -u @ transposed(x) + (b - a @ x) @ transposed(p @ u) + transposed(p) @ x @ transposed(beside)
    return [a_bar, np.reshape(u, args[1].shape)]


def _lstsq_push(x: Any, args: Any, dots: Any, *, rcond: Any) -> Any:
    a, b = args
    p = call(PINV, a, rcond=rcond if rcond is not None else np.finfo(float).eps * max(a.shape))
    change, right = (np.zeros(arg.shape) if dot is None else dot for arg, dot in zip(args, dots, strict=True))
    moved = transposed(change) @ (transposed(p) @ x)
    return p @ (right - change @ x) + p @ (transposed(p) @ (transposed(change) @ (b - a @ x))) + moved - p @ (a @ moved)


LSTSQ = Primitive(
    "numpy.linalg.lstsq", lambda a, b, *, rcond: np.linalg.lstsq(a, b, rcond)[0], _lstsq_pull, _lstsq_push
)


# --- orthogonal factors -----------------------------------------------------------------------------
def _qr_pull(result: Any, args: Any, weight: Any, wanted: Any) -> list[Any]:
    q, r = result
    q_bar, r_bar = weight
    k, n = r.shape[-2:]
    square, right = r[..., :, :k], args[0][..., :, k:]
    r_bar = r_bar * np.tri(n, k).T
    if n > k:  # a wide matrix: its last columns are q times those of r
        q_bar = q_bar + right @ transposed(r_bar[..., :, k:])
    inner = square @ transposed(r_bar[..., :, :k]) - transposed(q_bar) @ q
    inner = lower_part(inner) + transposed(lower_part(inner, -1))
    left = transposed(call(SOLVE, square, transposed(q_bar + q @ inner)))
    return [np.concatenate([left, q @ r_bar[..., :, k:]], axis=-1) if n > k else left]


def _qr_push(result: Any, args: Any, dots: Any) -> Any:
    q, r = result
    k, n = r.shape[-2:]
    square, change = r[..., :, :k], dots[0]
    scaled = transposed(call(SOLVE, transposed(square), transposed(change[..., :, :k])))
    inner = transposed(q) @ scaled
    turn = lower_part(inner, -1) - transposed(lower_part(inner, -1))
    dq = q @ turn + scaled - q @ inner
    dr = (inner - turn) @ square
    if n > k:
        tail = transposed(dq) @ args[0][..., :, k:] + transposed(q) @ change[..., :, k:]
        dr = np.concatenate([dr, tail], axis=-1)
    return dq, dr


QR = Primitive("numpy.linalg.qr", lambda a: tuple(np.linalg.qr(a)), _qr_pull, _qr_push)


for _primitive in (SOLVE, INV, DET, SLOGDET, TRIANGULAR):
    _primitive.borrows = True  # the matrices are large, and nobody keeps them
