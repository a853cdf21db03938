"""Linear algebra of small active matrices, as loops."""

from __future__ import annotations

import numpy as np
from numba.extending import overload

from fastad.native.creation import allocator
from fastad.native.elementals import value_of
from fastad.native.library.reductions import total
from fastad.native.library.registry import function, is_given
from fastad.native.loops import fill
from fastad.native.memory import outlined
from fastad.native.types import is_array, kind_of


def active_copy(a, like):
    """A copy of a matrix or vector that can hold active numbers, of the kind that one of two arrays has."""
    raise NotImplementedError


@overload(active_copy)
def _active_copy(a, like):
    allocate = allocator(kind_of(a, like))  # type: ignore[arg-type]

    def copy(a, like):
        out = allocate(a.shape)
        fill(out, a)
        return out

    return copy


@outlined
def eliminate(a, b):
    """Gaussian elimination with partial pivoting in place of a (n, n) and b (n, k); the sign of the permutation."""
    n, sign = a.shape[0], 1.0
    if a.shape[1] != n or b.shape[0] != n:
        raise ValueError("Last 2 dimensions of the array must be square, and shapes must match.")
    for j in range(n):
        pivot = j
        for i in range(j + 1, n):
            if abs(value_of(a[i, j])) > abs(value_of(a[pivot, j])):
                pivot = i
        if pivot != j:
            sign = -sign
            for k in range(n):
                a[j, k], a[pivot, k] = a[pivot, k], a[j, k]
            for k in range(b.shape[1]):
                b[j, k], b[pivot, k] = b[pivot, k], b[j, k]
        if value_of(a[j, j]) == 0.0:
            return 0.0
        for i in range(j + 1, n):
            factor = a[i, j] / a[j, j]
            for k in range(j + 1, n):
                a[i, k] = a[i, k] - factor * a[j, k]
            for k in range(b.shape[1]):
                b[i, k] = b[i, k] - factor * b[j, k]
    return sign


@outlined
def back_substitute(a, b):
    n = a.shape[0]
    for k in range(b.shape[1]):
        for i in range(n - 1, -1, -1):
            s = b[i, k]
            for j in range(i + 1, n):
                s = s - a[i, j] * b[j, k]
            b[i, k] = s / a[i, i]


@outlined
def solved(a, b):
    if eliminate(a, b) == 0.0:
        raise np.linalg.LinAlgError("Matrix is singular to machine precision.")
    back_substitute(a, b)
    return b


@function(np.linalg.solve)
def solve(a, b):
    scope = {"solved": solved, "active_copy": active_copy}
    if b.ndim == 2:
        return ("return solved(active_copy(a, b), active_copy(b, a))", scope)
    return ("return solved(active_copy(a, b), active_copy(b, a).reshape((b.size, 1)))[:, 0].copy()", scope)


@function(np.linalg.inv)
def inv(a):
    return (
        "return solved(a.copy(), active_copy(np.eye(a.shape[0]), a))",
        {"solved": solved, "active_copy": active_copy},
    )


@function(np.linalg.det)
def det(a):
    lines = ["m = a.copy()", "s = eliminate(m, m[:, :0]) * m[0, 0]", "for i in range(1, m.shape[0]):",
             "    s = s * m[i, i]", "return s"]  # fmt: skip
    return ("\n".join(lines), {"eliminate": eliminate})


@function(np.linalg.cholesky)
def cholesky(a):
    lines = [
        "out = allocate(a.shape)", "for j in range(a.shape[0]):", "    for i in range(j, a.shape[0]):",
        "        s = a[i, j]", "        for k in range(j):", "            s = s - out[i, k] * out[j, k]",
        "        if i == j:", "            if not value_of(s) > 0.0:",
        "                raise np.linalg.LinAlgError('Matrix is not positive definite.')",
        "            out[j, j] = np.sqrt(s)", "        else:", "            out[i, j] = s / out[j, j]", "return out",
    ]  # fmt: skip
    return ("\n".join(lines), {"allocate": allocator(a.dtype), "value_of": value_of})


@outlined
def euclidean(a):
    return np.sqrt(total(a * a))


@function(np.linalg.norm)
def norm(x, ord=None):
    """The Euclidean norm (Frobenius of a matrix), 1 and inf of vectors."""
    if not is_array(x):
        return None
    known = getattr(ord, "literal_value", None)
    if not is_given(ord) or (known == 2 and x.ndim == 1):
        return ("return euclidean(x.ravel())", {"euclidean": euclidean})
    if x.ndim == 1 and known == 1:
        return ("return total(np.abs(x))", {"total": total})
    return None
