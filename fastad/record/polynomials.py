"""Polynomials: NumPy's functions and classes for them, which are written in Python, recorded as they are."""

from __future__ import annotations

from types import FunctionType
from typing import Any

import numpy as np
from numpy.polynomial import chebyshev, hermite, hermite_e, laguerre, legendre, polynomial

from fastad.errors import UnsupportedFunction
from fastad.record.builder import user_line
from fastad.record.library import from_numpy
from fastad.record.products import factor
from fastad.record.traced import is_traced, plain

_FUNCTIONS = "poly polyadd polyder polydiv polyint polymul polysub polyval".split()
_MODULES = (chebyshev, hermite, hermite_e, laguerre, legendre, polynomial)


def polyfit(
    x: Any, y: Any, deg: Any, rcond: Any = None, full: bool = False, w: Any = None, cov: Any = False
) -> Any:  # fmt: skip
    """Where the abscissas and weights are constants, the coefficients are a product of a constant matrix with y."""
    x, y, w = factor(x), factor(y), None if w is None else factor(w)
    if is_traced(x) or is_traced(w):
        return _POLYFIT(x, y, deg, rcond, full, w, cov)
    x, w = plain(x), plain(w)
    known: Any = np.polyfit(x, plain(y), deg, rcond, full, w, cov)  # type: ignore[call-overload]  # NumPy's own errors
    if not is_traced(y):
        return known
    if full or cov:
        raise UnsupportedFunction(
            f"np.polyfit with full or cov at {user_line()}: fastad differentiates the coefficients alone; compute "
            "residuals and covariances from them"
        )
    columns = np.vander(x, np.shape(plain(known))[0])
    weights = np.ones(len(x)) if w is None else w
    matrix = columns * weights[:, None]
    scale = np.sqrt(np.square(matrix).sum(axis=0))
    rcond = len(x) * np.finfo(float).eps if rcond is None else rcond
    solution = np.linalg.lstsq(matrix / scale, np.diag(weights), rcond)[0]
    return np.matmul(solution / scale[:, None], y)


def _of(module: Any) -> list[Any]:
    """The functions of one of NumPy's modules of polynomials, but for roots and fits."""
    named = [getattr(module, name) for name in module.__all__ if not name.endswith(("roots", "fit", "gauss"))]
    return [f for f in named if type(getattr(f, "_implementation", f)) is FunctionType]


_POLYFIT = from_numpy(np.polyfit)
FUNCTIONS: dict[Any, Any] = {
    **{getattr(np, name): from_numpy(getattr(np, name)) for name in _FUNCTIONS},
    **{function: from_numpy(function) for module in _MODULES for function in _of(module)},
    np.polyfit: polyfit,
}
