"""Sums and matrix products: the array instructions that are not element by element.

Sums are pairwise with NumPy's own splitting, so that they come out bit for bit as NumPy's do on
contiguous data. Matrix products go to BLAS when they are large enough; where a product with an adjoint
or tangent shows a nan it is done again element by element under the absolute-zero rule, which BLAS
does not know. All arrays are offsets into one workspace.
"""

import numpy as np
from numba import carray, njit

from fastad.kernels.layout import LEFT_ADJOINT, RIGHT_ADJOINT, TANGENT, TURNED_LEFT_ADJOINT
from fastad.kernels.panels import panel_product, suits
from fastad.kernels.pointers import shifted

kernel = njit(error_model="numpy", nogil=True, no_cpython_wrapper=True, no_cfunc_wrapper=True)

summing = njit(error_model="numpy", nogil=True, no_cpython_wrapper=True, no_cfunc_wrapper=True,
               fastmath={"reassoc", "contract"})  # fmt: skip

LEAF = 128  # NumPy's PW_BLOCKSIZE
SMALL = 1024  # multiply-adds below which a plain loop beats the call of BLAS


@kernel
def leaf_sum(work, low, size):
    """Sum of at most 128 numbers with eight accumulators."""
    if size < 8:
        total = 0.0
        for i in range(low, low + size):
            total += work[i]
        return total
    r0, r1, r2, r3 = work[low], work[low + 1], work[low + 2], work[low + 3]
    r4, r5, r6, r7 = work[low + 4], work[low + 5], work[low + 6], work[low + 7]
    whole = size - size % 8
    for i in range(low + 8, low + whole, 8):
        r0 += work[i]
        r1 += work[i + 1]
        r2 += work[i + 2]
        r3 += work[i + 3]
        r4 += work[i + 4]
        r5 += work[i + 5]
        r6 += work[i + 6]
        r7 += work[i + 7]
    total = ((r0 + r1) + (r2 + r3)) + ((r4 + r5) + (r6 + r7))
    for i in range(low + whole, low + size):
        total += work[i]
    return total


@kernel
def pairwise_sum(work, low, size, stack):
    """Sum of size numbers, halves added recursively (NumPy's loops_utils, with a stack in the workspace).

    A frame is low, size, how many of its halves are done, the sum of its left half.
    """
    if size <= LEAF:
        return leaf_sum(work, low, size)
    top, total = stack, 0.0
    work[top], work[top + 1], work[top + 2] = low, size, 0.0
    while top >= stack:
        n = np.int64(work[top + 1])
        half = n // 2 - n // 2 % 8
        if n <= LEAF:
            total = leaf_sum(work, np.int64(work[top]), n)
            top -= 4
        elif work[top + 2] == 2.0:
            total = work[top + 3] + total
            top -= 4
        else:
            right = work[top + 2] == 1.0
            if right:
                work[top + 3] = total
            work[top + 2] += 1.0
            work[top + 4] = work[top] + (half if right else 0)
            work[top + 5] = n - half if right else half
            work[top + 6] = 0.0
            top += 4
    return total


@kernel
def matmul(work, x, y, m, p, n, out):
    """out (m, n) = x (m, p) @ y (p, n)."""
    if m * p * n <= SMALL:
        for i in range(m):
            for j in range(n):
                total = 0.0
                for k in range(p):
                    total += work[x + i * p + k] * work[y + k * n + j]
                work[out + i * n + j] = total
    elif n == 1:
        np.dot(carray(shifted(work, x), (m, p)), carray(shifted(work, y), (p,)), carray(shifted(work, out), (m,)))
    elif m == 1:
        np.dot(carray(shifted(work, y), (p, n)).T, carray(shifted(work, x), (p,)), carray(shifted(work, out), (n,)))
    else:
        np.dot(carray(shifted(work, x), (m, p)), carray(shifted(work, y), (p, n)), carray(shifted(work, out), (m, n)))


@kernel
def matmul_transposed(work, x, y, m, p, n, out):
    """out (m, n) = x (m, p) @ y.T with y (n, p)."""
    if m * p * n <= SMALL:
        for i in range(m):
            for j in range(n):
                total = 0.0
                for k in range(p):
                    total += work[x + i * p + k] * work[y + j * p + k]
                work[out + i * n + j] = total
    elif m == 1:
        np.dot(carray(shifted(work, y), (n, p)), carray(shifted(work, x), (p,)), carray(shifted(work, out), (n,)))
    else:
        np.dot(carray(shifted(work, x), (m, p)), carray(shifted(work, y), (n, p)).T, carray(shifted(work, out), (m, n)))


@kernel
def transposed_matmul(work, x, y, m, p, n, out):
    """out (m, n) = x.T @ y with x (p, m), y (p, n)."""
    if m * p * n <= SMALL:
        clear_start, clear_stop = out, out + m * n
        for i in range(clear_start, clear_stop):
            work[i] = 0.0
        for k in range(p):
            for i in range(m):
                factor = work[x + k * m + i]
                for j in range(n):
                    work[out + i * n + j] += factor * work[y + k * n + j]
    elif n == 1:
        np.dot(carray(shifted(work, x), (p, m)).T, carray(shifted(work, y), (p,)), carray(shifted(work, out), (m,)))
    else:
        np.dot(carray(shifted(work, x), (p, m)).T, carray(shifted(work, y), (p, n)), carray(shifted(work, out), (m, n)))


@kernel
def repair(work, x, x_row, x_column, y, y_row, y_column, m, p, n, out):
    """Where out (m, n) shows a nan, compute the product again under the absolute-zero rule.

    Element (i, k) of x stands at x + i * x_row + k * x_column, and so on.
    """
    odd = 0
    for i in range(m * n):
        odd += 0 if work[out + i] == work[out + i] else 1
    if odd == 0:
        return
    for i in range(m):
        for j in range(n):
            if work[out + i * n + j] != work[out + i * n + j]:
                total = 0.0
                for k in range(p):
                    a, b = work[x + i * x_row + k * x_column], work[y + k * y_row + j * y_column]
                    if a != 0.0 and b != 0.0:
                        total += a * b
                work[out + i * n + j] = total


@kernel
def multiply(work, which, x, y, count, m, p, n, out):
    """`count` products, one behind the other; all but FORWARD under the absolute-zero rule.

    FORWARD, TANGENT: out (m, n) = x (m, p) @ y (p, n). LEFT_ADJOINT: out (m, p) = x (m, n) @ y.T with y (p, n),
    which is transposed already for TURNED_LEFT_ADJOINT. RIGHT_ADJOINT: out (p, n) = x.T @ y with x (m, p), y (m, n).
    """
    for _ in range(count):
        if which == LEFT_ADJOINT:
            matmul_transposed(work, x, y, m, n, p, out)
            repair(work, x, n, 1, y, 1, n, m, n, p, out)
            x, y, out = x + m * n, y + p * n, out + m * p
        elif which == TURNED_LEFT_ADJOINT:
            panel_product(work, x, n, 1, y, m, n, p, out)
            repair(work, x, n, 1, y, p, 1, m, n, p, out)
            x, y, out = x + m * n, y + p * n, out + m * p
        elif which == RIGHT_ADJOINT:
            if suits(p, m, n):
                panel_product(work, x, 1, p, y, p, m, n, out)
            else:
                transposed_matmul(work, x, y, p, m, n, out)
            repair(work, x, 1, p, y, n, 1, p, m, n, out)
            x, y, out = x + m * p, y + m * n, out + p * n
        else:
            if suits(m, p, n):
                panel_product(work, x, p, 1, y, m, p, n, out)
            else:
                matmul(work, x, y, m, p, n, out)
            if which == TANGENT:
                repair(work, x, p, 1, y, n, 1, m, p, n, out)
            x, y, out = x + m * p, y + p * n, out + m * n


@summing
def dot(work, x, y, size):
    """The inner product; the order of its sums is the compiler's, its error at most that of any order."""
    total = 0.0
    for i in range(size):
        total += work[x + i] * work[y + i]
    return total


@kernel
def matvec(work, x, y, p, out, rows):
    """out (rows,) = x (rows, p) @ y (p,)."""
    for i in range(rows):
        work[out + i] = dot(work, x + i * p, y, p)


@kernel
def add_rows(work, x, p, g, out, rows):
    """out (p,) += g (rows,) @ x (rows, p), under the absolute-zero rule.

    Where all of g are ordinary numbers, IEEE arithmetic follows the rule, and four rows go at once.
    """
    odd = 0
    for i in range(rows):
        odd += 0 if 0.0 < abs(work[g + i]) < np.inf else 1
    whole = rows - rows % 4 if odd == 0 else 0
    for i in range(0, whole, 4):
        a, b, c, d = work[g + i], work[g + i + 1], work[g + i + 2], work[g + i + 3]
        row = x + i * p
        for k in range(p):
            work[out + k] += (a * work[row + k] + b * work[row + p + k]) + (
                c * work[row + 2 * p + k] + d * work[row + 3 * p + k]
            )
    for i in range(whole, rows):
        factor = work[g + i]
        if factor != 0.0:
            row = x + i * p
            for k in range(p):
                work[out + k] += 0.0 if work[row + k] == 0.0 else factor * work[row + k]
