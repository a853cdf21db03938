"""The functions of `scipy.linalg` on traced values, by name."""

from __future__ import annotations

from typing import Any

import numpy as np

from fastad.errors import UnsupportedDtype, UnsupportedFunction
from fastad.primitives import Primitive
from fastad.record import linalg, scipy_matrices
from fastad.record import linalg_rules as rules
from fastad.record.builder import user_line
from fastad.record.calls import call
from fastad.record.cholesky_rules import CHO_FACTOR, CHO_SOLVE
from fastad.record.indexing import guard_array
from fastad.record.linalg_rules import TRIANGULAR, diagonal, spread, symmetric, transposed
from fastad.record.products import factor
from fastad.record.traced import as_array, is_traced, plain

_SYMMETRIC = ("sym", "her", "pos", "symmetric", "hermitian", "positive definite")
_HARMLESS = {"overwrite_a", "overwrite_b", "overwrite_ab", "check_finite", "lapack_driver", "driver", "turbo"}


def _known(options: dict[str, Any], name: str) -> None:
    """An error for options that change the result."""
    rest = [
        key for key, value in options.items() if key not in _HARMLESS or (key[:6] == "subset" and value is not None)
    ]
    if rest:
        raise UnsupportedFunction(f"scipy.linalg.{name} with {', '.join(rest)} at {user_line()} is not supported")


# --- solving ----------------------------------------------------------------------------------------
def solve(
    a: Any, b: Any, lower: bool = False, overwrite_a: bool = False, overwrite_b: bool = False,
    check_finite: bool = True, assume_a: str | None = None, transposed: bool = False,
) -> Any:  # fmt: skip
    a, b = factor(a), factor(b)
    if assume_a in _SYMMETRIC:
        a = symmetric(a, "L" if lower else "U")
    elif assume_a == "diagonal":
        return (b.T / np.diagonal(a)).T if b.ndim < 3 and a.ndim == 2 else linalg.solve(spread(diagonal(a)), b)
    elif assume_a in ("lower triangular", "upper triangular"):
        return solve_triangular(a, b, lower=assume_a == "lower triangular", trans=int(transposed))
    elif assume_a not in (None, "gen", "general"):
        raise UnsupportedFunction(f"scipy.linalg.solve with assume_a={assume_a!r} at {user_line()} is not supported")
    return linalg.solve(rules.transposed(a) if transposed else a, b)


def solve_triangular(
    a: Any, b: Any, trans: Any = 0, lower: bool = False, unit_diagonal: bool = False, overwrite_b: bool = False,
    check_finite: bool = True,
) -> Any:  # fmt: skip
    a, b = factor(a), factor(b)
    if trans in (1, 2, "T", "C"):
        a, lower = transposed(a), not lower
    if a.ndim > 2 or b.ndim > 2:
        raise UnsupportedFunction(f"scipy.linalg.solve_triangular of a stack at {user_line()}: solve one by one")
    return call(TRIANGULAR, a, b, lower=bool(lower), unit=bool(unit_diagonal))


def inv(
    a: Any, overwrite_a: bool = False, check_finite: bool = True, *, assume_a: str | None = None, lower: bool = False
) -> Any:
    a = factor(a)
    if assume_a in _SYMMETRIC:
        a = symmetric(a, "L" if lower else "U")
    elif assume_a in ("lower triangular", "upper triangular"):
        a = rules.one_triangle(a, assume_a == "lower triangular", unit=False)
    elif assume_a == "diagonal":
        a = spread(diagonal(a))
    elif assume_a not in (None, "gen", "general"):
        raise UnsupportedFunction(f"scipy.linalg.inv with assume_a={assume_a!r} at {user_line()} is not supported")
    return linalg.inv(a)


def det(a: Any, *args: Any, **options: Any) -> Any:
    return linalg.det(a)


def cholesky(a: Any, lower: bool = False, overwrite_a: bool = False, check_finite: bool = True) -> Any:
    return call(CHO_FACTOR, factor(a), lower=bool(lower), clean=True)


def cho_factor(a: Any, lower: bool = False, overwrite_a: bool = False, check_finite: bool = True) -> Any:
    """The factor in one triangle, and what `a` has in the other, as LAPACK leaves it there."""
    return call(CHO_FACTOR, factor(a), lower=bool(lower), clean=False), lower


def cho_solve(c_and_lower: Any, b: Any, overwrite_b: bool = False, check_finite: bool = True) -> Any:
    c, lower = c_and_lower
    return call(CHO_SOLVE, factor(c), factor(b), lower=bool(lower))


def _lu_value(a: Any) -> Any:
    from scipy.linalg import lu_factor as original

    lu, pivots = original(a)
    return lu, pivots.astype(np.float64)


def _permutation(pivots: Any) -> np.ndarray:
    order = np.arange(len(pivots))
    for i, k in enumerate(np.asarray(plain(pivots)).astype(int)):
        order[[i, k]] = order[[k, i]]
    return order


def _lu_pull(result: Any, args: Any, weight: Any, wanted: Any) -> list[Any]:
    lu, pivots = result
    n = lu.shape[0]
    below = np.tri(n, k=-1)
    lower, upper = lu * below + np.eye(n), lu * (1.0 - below)
    inner = below * (transposed(lower) @ (weight[0] * below))
    inner = inner + (1.0 - below) * ((weight[0] * (1.0 - below)) @ transposed(upper))
    left = call(TRIANGULAR, transposed(lower), inner, lower=False, unit=True)
    moved = transposed(call(TRIANGULAR, upper, transposed(left), lower=False, unit=False))
    return [moved[np.argsort(_permutation(pivots))]]


def _lu_push(result: Any, args: Any, dots: Any) -> Any:
    lu, pivots = result
    below = np.tri(lu.shape[0], k=-1)
    lower, upper = lu * below + np.eye(lu.shape[0]), lu * (1.0 - below)
    left = call(TRIANGULAR, lower, dots[0][_permutation(pivots)], lower=True, unit=True)
    inner = transposed(call(TRIANGULAR, transposed(upper), transposed(left), lower=True, unit=False))
    return lower @ (inner * below) + (inner * (1.0 - below)) @ upper, np.zeros(np.shape(pivots))


LU = Primitive("scipy.linalg.lu_factor", _lu_value, _lu_pull, _lu_push)


def lu_factor(a: Any, overwrite_a: bool = False, check_finite: bool = True, **options: Any) -> Any:
    lu, pivots = call(LU, factor(a))
    if is_traced(pivots):
        guard_array(as_array(pivots))  # another order of rows is another factorisation
    return lu, np.asarray(plain(pivots)).astype(np.int32)


def lu(
    a: Any, permute_l: bool = False, overwrite_a: bool = False, check_finite: bool = True, p_indices: bool = False
) -> Any:
    a = factor(a)
    if a.ndim != 2 or a.shape[0] != a.shape[1]:
        raise UnsupportedFunction(f"scipy.linalg.lu at {user_line()} is supported for one square matrix")
    both, pivots = lu_factor(a)
    lower, upper = rules.one_triangle(both, True, True) + np.eye(len(a)), rules.one_triangle(both, False, False)
    back = np.argsort(_permutation(pivots))
    if permute_l:
        return lower[back], upper
    return back if p_indices else np.eye(len(a))[back], lower, upper


def lu_solve(lu_and_piv: Any, b: Any, trans: int = 0, overwrite_b: bool = False, check_finite: bool = True) -> Any:
    (lu, pivots), b = lu_and_piv, factor(b)
    order = _permutation(pivots)
    if trans == 0:
        first = solve_triangular(lu, b[order], lower=True, unit_diagonal=True)
        return solve_triangular(lu, first)
    first = solve_triangular(lu, b, trans=1)
    return solve_triangular(lu, first, trans=1, lower=True, unit_diagonal=True)[np.argsort(order)]


# --- decompositions ---------------------------------------------------------------------------------
def eigh(a: Any, b: Any = None, *, lower: bool = True, eigvals_only: bool = False, **options: Any) -> Any:
    _known(options, "eigh")
    triangle = "L" if lower else "U"
    if b is None:
        return linalg.eigvalsh(a, triangle) if eigvals_only else tuple(linalg.eigh(a, triangle))
    # a x = w b x with b = c c': the eigenvectors of inv(c) a inv(c)' are c' x.
    a, c = symmetric(factor(a), triangle), linalg.cholesky(symmetric(factor(b), triangle))
    left = solve_triangular(c, a, lower=True)
    reduced = solve_triangular(c, transposed(left), lower=True)
    reduced = 0.5 * (reduced + transposed(reduced))
    if eigvals_only:
        return linalg.eigvalsh(reduced)
    w, v = linalg.eigh(reduced)
    return w, solve_triangular(c, v, trans=1, lower=True)


def eigvalsh(a: Any, b: Any = None, *, lower: bool = True, **options: Any) -> Any:
    return eigh(a, b, lower=lower, eigvals_only=True, **options)


def eig(a: Any, b: Any = None, left: bool = False, right: bool = True, **options: Any) -> Any:
    if b is not None or left:
        raise UnsupportedFunction(f"scipy.linalg.eig with b= or left=True at {user_line()} is not supported")
    return tuple(linalg.eig(a)) if right else linalg.eigvals(a)


def svd(a: Any, full_matrices: bool = True, compute_uv: bool = True, **options: Any) -> Any:
    result = linalg.svd(a, full_matrices, compute_uv)
    return tuple(result) if compute_uv else result


def qr(
    a: Any, overwrite_a: bool = False, lwork: Any = None, mode: str = "full", pivoting: bool = False, **_: Any
) -> Any:
    if pivoting or mode not in ("full", "economic", "r"):
        raise UnsupportedFunction(f"scipy.linalg.qr with pivoting or mode={mode!r} at {user_line()} is not supported")
    a = factor(a)
    if mode != "economic" and a.shape[0] > a.shape[1]:
        raise UnsupportedFunction(f"scipy.linalg.qr of a tall matrix at {user_line()}: use mode='economic'")
    result = linalg.qr(a)
    return (result[1],) if mode == "r" else tuple(result)


def pinv(a: Any, *, atol: Any = None, rtol: Any = None, return_rank: bool = False, check_finite: bool = True) -> Any:
    if atol is not None or return_rank:
        raise UnsupportedFunction(f"scipy.linalg.pinv with atol= or return_rank=True at {user_line()}")
    a = factor(a)
    return linalg.pinv(a, max(a.shape) * np.finfo(float).eps if rtol is None else rtol)


def lstsq(a: Any, b: Any, cond: Any = None, *args: Any, **options: Any) -> Any:
    return linalg.lstsq(a, b, cond)


def norm(a: Any, ord: Any = None, axis: Any = None, keepdims: bool = False, check_finite: bool = True) -> Any:
    return np.linalg.norm(factor(a), ord, axis, keepdims)


# --- functions of matrices --------------------------------------------------------------------------
def _expm_value(a: Any) -> Any:
    from scipy.linalg import expm as original

    return original(a)


def _frechet(a: Any, e: Any) -> Any:
    """The derivative of expm at a along e."""
    if not (is_traced(a) or is_traced(e)) and a.ndim == 2:
        from scipy.linalg import expm_frechet

        return expm_frechet(a, e, compute_expm=False)
    return _along(EXPM, a, e)


def _along(primitive: Primitive, a: Any, e: Any) -> Any:
    """The derivative of a function of matrices at a along e: a block of the function of a block matrix."""
    n = a.shape[-1]
    top = np.concatenate([a, e], axis=-1)
    bottom = np.concatenate([np.zeros(np.shape(a)), a], axis=-1)
    return call(primitive, np.concatenate([top, bottom], axis=-2))[..., :n, n:]


EXPM = Primitive(
    "scipy.linalg.expm",
    _expm_value,
    lambda v, args, w, wanted: [_frechet(transposed(args[0]), w)],
    lambda v, args, dots: _frechet(args[0], dots[0]),
)


def expm(A: Any) -> Any:
    return call(EXPM, factor(A))


def _sylvester_value(a: Any, b: Any, q: Any) -> Any:
    from scipy.linalg import solve_sylvester as original

    return original(a, b, q)


def _sylvester_pull(x: Any, args: Any, weight: Any, wanted: Any) -> list[Any]:
    a, b, _ = args
    u = call(SYLVESTER, transposed(a), transposed(b), weight)
    return [-u @ transposed(x), -transposed(x) @ u, u]


def _sylvester_push(x: Any, args: Any, dots: Any) -> Any:
    a, b, _ = args
    da, db, dq = (np.zeros(np.shape(z)) if dot is None else dot for z, dot in zip(args, dots, strict=True))
    return call(SYLVESTER, a, b, dq - da @ x - x @ db)


SYLVESTER = Primitive("scipy.linalg.solve_sylvester", _sylvester_value, _sylvester_pull, _sylvester_push)


def solve_sylvester(a: Any, b: Any, q: Any) -> Any:
    return call(SYLVESTER, factor(a), factor(b), factor(q))


def solve_continuous_lyapunov(a: Any, q: Any) -> Any:
    a = factor(a)
    return solve_sylvester(a, transposed(a), q)


def solve_discrete_lyapunov(a: Any, q: Any, method: Any = None) -> Any:
    a, q = factor(a), factor(q)
    n = a.shape[0]
    return np.linalg.solve(np.eye(n * n) - np.kron(a, a), np.reshape(q, -1)).reshape(n, n)


def _real(value: Any, name: str) -> Any:
    if np.iscomplexobj(value):
        raise UnsupportedDtype(
            f"the result of scipy.linalg.{name} at {user_line()} is complex: fastad differentiates real matrices"
        )
    return value


def _sqrtm_value(a: Any) -> Any:
    from scipy.linalg import sqrtm as original

    root = original(a)
    return _real(root, "sqrtm")


SQRTM = Primitive(
    "scipy.linalg.sqrtm",
    _sqrtm_value,
    lambda s, args, w, wanted: [call(SYLVESTER, transposed(s), transposed(s), w)],
    lambda s, args, dots: call(SYLVESTER, s, s, dots[0]),
)


def _logm_value(a: Any) -> Any:
    from scipy.linalg import logm as original

    return _real(original(a), "logm")


LOGM: Primitive = Primitive(
    "scipy.linalg.logm",
    _logm_value,
    lambda v, args, w, wanted: [_along(LOGM, transposed(args[0]), w)],
    lambda v, args, dots: _along(LOGM, args[0], dots[0]),
)


def logm(A: Any, disp: Any = None) -> Any:
    return call(LOGM, factor(A))


def sqrtm(A: Any, disp: Any = None, blocksize: Any = None) -> Any:
    return call(SQRTM, factor(A))


_NAMES = """solve solve_triangular inv det cholesky cho_factor cho_solve lu_factor lu_solve eigh eigvalsh eig svd qr
    pinv lstsq norm expm solve_sylvester solve_continuous_lyapunov solve_lyapunov solve_discrete_lyapunov sqrtm logm lu
    eigvals svdvals""".split()
solve_lyapunov, eigvals, svdvals = solve_continuous_lyapunov, linalg.eigvals, linalg.svdvals
OF_SCIPY: dict[str, Any] = {**scipy_matrices.FUNCTIONS, **{name: globals()[name] for name in _NAMES}}
