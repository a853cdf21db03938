"""Products of SciPy's sparse matrices of numbers with traced arrays: a gather, a product, a sum by rows.

Theory of operation. What ``A @ x``, ``A.dot(x)`` and ``x @ A`` come to in every class of sparse matrices is one method,
which recorded code sees replaced (`libraries`). The entries of A are numbers; their places are known.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from fastad.errors import UnsupportedFunction
from fastad.record.builder import user_line
from fastad.record.namespace import Substitution
from fastad.record.products import scatter_sum
from fastad.record.traced import as_array, is_traced, plain


def _as_it_is(method: Callable[..., Any]) -> Callable[..., Any]:
    """A method of SciPy's that runs as SciPy has it, not as recorded code would see it."""

    def run(*args: Any, **options: Any) -> Any:
        with Substitution((), opaque=("scipy",)).recording():
            return method(*args, **options)

    return run


def _product(matrix: Any, other: Any) -> Any:
    x, (m, n) = as_array(other), matrix.shape
    if x.ndim not in (1, 2):
        raise UnsupportedFunction(f"a sparse matrix times an array of {x.ndim} axes at {user_line()} is not supported")
    if x.shape[0] != n:
        raise ValueError("matmul: dimension mismatch with signature (n,k=...),(k=...,m?)->(n,m?)")
    entries = _as_it_is(matrix.tocoo)()
    rows, columns, numbers = (np.asarray(plain(part)) for part in (entries.row, entries.col, entries.data))
    if not numbers.size:
        return np.zeros((m, *x.shape[1:]))
    if x.ndim == 1:
        return scatter_sum(as_array(numbers * x[columns]), rows, m)
    width = x.shape[1]
    parts: Any = np.reshape(numbers[:, None] * x[columns], -1)
    return np.reshape(scatter_sum(parts, (rows[:, None] * width + np.arange(width)).reshape(-1), m * width), (m, width))


def _multiplying(original: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    def multiply(self: Any, other: Any) -> Any:
        return _product(self, other) if is_traced(other) else original(self, plain(other))

    return multiply


def methods() -> list[tuple[Any, Any]]:
    """(original, ours) for the methods that multiply, and for those that move the entries of lists and blocks."""
    from scipy.sparse import _base, _bsr, _coo, _lil

    products = [vars(cls).get("_matmul_dispatch") for cls in (_base._spbase, _coo._coo_base)]
    moves = [vars(cls).get("transpose") for cls in (_bsr._bsr_base, _lil._lil_base)]
    return [(f, _multiplying(f)) for f in products if f] + [(f, _as_it_is(f)) for f in moves if f]
