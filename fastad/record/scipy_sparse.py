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


def _entries(matrix: Any) -> Any:
    """Places and numbers of the entries, by SciPy's code as it is, not as recorded code sees it."""
    with Substitution((), opaque=("scipy",)).recording():
        return matrix.tocoo()


def _product(matrix: Any, other: Any) -> Any:
    x, (m, n) = as_array(other), matrix.shape
    if x.ndim not in (1, 2):
        raise UnsupportedFunction(f"a sparse matrix times an array of {x.ndim} axes at {user_line()} is not supported")
    if x.shape[0] != n:
        raise ValueError("matmul: dimension mismatch with signature (n,k=...),(k=...,m?)->(n,m?)")
    entries = _entries(matrix)
    rows: Any
    rows, columns, numbers = (np.asarray(plain(part)) for part in (entries.row, entries.col, entries.data))
    if not numbers.size:
        return np.zeros((m, *x.shape[1:]))
    if x.ndim == 1:
        return scatter_sum(as_array(numbers * x[columns]), rows, m)
    width = x.shape[1]
    parts = np.reshape(numbers[:, None] * x[columns], -1)
    return np.reshape(scatter_sum(parts, (rows[:, None] * width + np.arange(width)).reshape(-1), m * width), (m, width))


def _multiplying(original: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    def multiply(self: Any, other: Any) -> Any:
        return _product(self, other) if is_traced(other) else original(self, plain(other))

    return multiply


def methods() -> list[tuple[Any, Any]]:
    """(original, ours) for the methods that multiply."""
    from scipy.sparse._base import _spbase
    from scipy.sparse._coo import _coo_base

    found = [vars(cls).get("_matmul_dispatch") for cls in (_spbase, _coo_base)]
    return [(f, _multiplying(f)) for f in found if f is not None]
