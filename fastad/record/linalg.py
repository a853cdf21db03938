"""NumPy's linear algebra on traced values: options and shapes here, rules in `linalg_rules`."""

from __future__ import annotations

from typing import Any

import numpy as np

from fastad.errors import UnsupportedDtype, UnsupportedFunction
from fastad.record import linalg_rules as rules
from fastad.record.builder import user_line
from fastad.record.calls import call, tried
from fastad.record.cholesky_rules import CHOLESKY
from fastad.record.indexing import guard_array
from fastad.record.products import factor
from fastad.record.traced import as_array, is_traced, plain

LINALG: Any = np.linalg


def _result_type(name: str) -> Any:
    """The named tuple that NumPy's function returns."""
    return getattr(LINALG._linalg, name, lambda *parts: parts)


def _checked(function: Any, *args: Any, **options: Any) -> None:
    """NumPy's own errors for wrong shapes."""
    function(*(plain(a) for a in args), **options)


def solve(a: Any, b: Any) -> Any:
    a, b = factor(a), factor(b)
    value_shape = np.linalg.solve(plain(a), plain(b)).shape
    if b.ndim > 1 and b.ndim < len(value_shape):
        b = np.broadcast_to(b, (*value_shape[:-2], *b.shape[-2:]))
    elif b.ndim == 1 and a.ndim > 2:
        return solve(a, b[:, None])[..., 0]
    return call(rules.SOLVE, a, b)


def inv(a: Any) -> Any:
    return call(rules.INV, factor(a))


def det(a: Any) -> Any:
    return call(rules.DET, factor(a))


def slogdet(a: Any) -> Any:
    sign, logdet = call(rules.SLOGDET, factor(a))
    return _result_type("SlogdetResult")(sign, logdet)


def cholesky(a: Any, /, *, upper: bool = False) -> Any:
    a = factor(a)
    if upper:
        return rules.transposed(call(CHOLESKY, rules.transposed(a)))
    return call(CHOLESKY, a)


def _triangle(name: str) -> str:
    if name.upper() not in ("L", "U"):
        raise ValueError("UPLO argument must be 'L' or 'U'")
    return name.upper()


def eigh(a: Any, UPLO: str = "L") -> Any:
    w, v = call(rules.EIGH, factor(a), triangle=_triangle(UPLO))
    return _result_type("EighResult")(w, v)


def eigvalsh(a: Any, UPLO: str = "L") -> Any:
    return call(rules.EIGVALSH, factor(a), triangle=_triangle(UPLO))


def eig(a: Any) -> Any:
    try:
        w, v = call(rules.EIG, factor(a))
    except rules.ComplexResult:
        raise UnsupportedDtype(
            f"np.linalg.eig at {user_line()} has complex eigenvalues: fastad differentiates real arithmetic"
        ) from None
    return _result_type("EigResult")(w, v)


def eigvals(a: Any) -> Any:
    return eig(a)[0]


def svd(a: Any, full_matrices: bool = True, compute_uv: bool = True, hermitian: bool = False) -> Any:
    a = factor(a)
    _checked(np.linalg.svd, a, compute_uv=False)
    if not compute_uv:
        return svdvals(a)
    if full_matrices and a.shape[-2] != a.shape[-1]:
        raise UnsupportedFunction(
            f"np.linalg.svd of a matrix that is not square at {user_line()}: its full matrices are not functions of "
            "it; use full_matrices=False"
        )
    return _result_type("SVDResult")(*call(rules.SVD, a))


def svdvals(x: Any, /) -> Any:
    return call(rules.SVDVALS, factor(x))


def qr(a: Any, mode: str = "reduced") -> Any:
    a = factor(a)
    if mode == "r":
        return call(rules.QR, a)[1]
    if mode == "reduced" or (mode == "complete" and a.shape[-2] <= a.shape[-1]):
        return _result_type("QRResult")(*call(rules.QR, a))
    raise UnsupportedFunction(f"np.linalg.qr with mode={mode!r} at {user_line()}: use mode='reduced'")


def pinv(a: Any, rcond: Any = None, hermitian: bool = False, *, rtol: Any = None) -> Any:
    cut = next((float(plain(c)) for c in (rcond, rtol) if c is not None and c is not np._NoValue), 1e-15)
    return call(rules.PINV, factor(a), rcond=cut)


def lstsq(a: Any, b: Any, rcond: Any = None) -> Any:
    a, b = factor(a), factor(b)
    _, residuals, rank, _ = np.linalg.lstsq(plain(a), plain(b), rcond)
    x = call(rules.LSTSQ, a, b, rcond=None if rcond is None else float(rcond))
    if np.size(residuals):
        difference = b - a @ x
        residuals = np.sum(np.square(difference), axis=0, keepdims=difference.ndim == 1)
    _guard_rank(a, rank, rcond)
    return x, residuals, rank, svdvals(a)


def _guard_rank(a: Any, rank: int, rcond: Any) -> None:
    """A replay must find the same rank."""
    if not is_traced(a):
        return
    s = svdvals(a)
    cut = np.finfo(float).eps * max(a.shape) if rcond is None else rcond
    guard_array(as_array(s > cut * s[0]))


def matrix_rank(A: Any, tol: Any = None, hermitian: bool = False, *, rtol: Any = None) -> Any:
    a = factor(A)
    s = svdvals(a)
    if tol is None:
        tol = s.max(axis=-1, keepdims=True) * (max(a.shape[-2:]) * np.finfo(float).eps if rtol is None else rtol)
    return np.sum(plain(guard_array(as_array(s > tol))) != 0.0, axis=-1)


def cond(x: Any, p: Any = None) -> Any:
    x = factor(x)
    if p in (None, 2, -2):
        s = svdvals(x)
        return s[..., -1] / s[..., 0] if p == -2 else s[..., 0] / s[..., -1]
    return np.linalg.norm(x, p, axis=(-2, -1)) * np.linalg.norm(inv(x), p, axis=(-2, -1))


def tensorsolve(a: Any, b: Any, axes: Any = None) -> Any:
    a, b = factor(a), factor(b)
    if axes is not None:
        a = np.moveaxis(a, axes, tuple(range(a.ndim - len(axes), a.ndim)))
    shape = a.shape[b.ndim :]
    return solve(a.reshape(b.size, -1), b.reshape(-1)).reshape(shape)


def tensorinv(a: Any, ind: int = 2) -> Any:
    a = factor(a)
    shape = a.shape[ind:] + a.shape[:ind]
    return inv(a.reshape(int(np.prod(a.shape[:ind])), -1)).reshape(shape)


_NAMES = """solve inv det slogdet cholesky eigh eigvalsh eig eigvals svd qr pinv lstsq matrix_rank cond tensorsolve
    tensorinv svdvals""".split()
_KNOWN = [name for name in _NAMES if hasattr(np.linalg, name)]
FUNCTIONS: dict[Any, Any] = {
    getattr(np.linalg, name): tried(getattr(np.linalg, name), globals()[name]) for name in _KNOWN
}
