"""`ad.sparse_jacobian` and `ad.sparse_hessian`: equal to the dense ones, at every point, and loud about bad input."""

from __future__ import annotations

import tracemalloc

import numba
import numpy as np
import pytest
from scipy.optimize import rosen, rosen_hess
from scipy.sparse import csr_array

import fastad as ad
from fastad.errors import NonScalarOutput, SparsityError, UnsupportedFunction
from tests.sparsity.test_patterns import brusselator, chained


@numba.njit
def compiled(x):
    y = np.empty(x.size)
    for i in range(x.size):
        y[i] = x[i] ** 2 * (x[i - 1] if i > 0 else 1.0)
        if x[i] > 0.5:
            y[i] += x[0]
    return y


@numba.njit
def compiled_sum(x):
    total = 0.0
    for i in range(x.size - 1):
        total += 100 * (x[i + 1] - x[i] ** 2) ** 2 + (1 - x[i]) ** 2
    return total


JACOBIANS = [
    (lambda x: x[1:] * x[:-1], 6), (compiled, 7), (lambda x: np.outer(x[:3], x[3:]), 8), (lambda x: x.sum(), 5),
    (lambda x: np.linalg.solve(np.eye(3) * x[0] + 1, x[1:4]), 5), (lambda x: 3.0, 4), (lambda x: x[:0], 3),
    (lambda x: brusselator(x, 4), 32), (lambda x: np.cumsum(x) * x[::-1], 9),
]  # fmt: skip
HESSIANS = [
    (rosen, 6), (chained, 7), (compiled_sum, 7), (lambda x: np.prod(x), 5), (lambda x: x.sum() * 0, 3),
    (lambda x: np.log(np.sum(np.exp(x))), 700), (lambda x: np.linalg.slogdet(np.diag(x) + 1)[1], 5),
    (lambda x: np.sum(x[1:-1] ** 3 * x[2:] * x[:-2]), 40),
]  # fmt: skip


@pytest.mark.parametrize("mode", ["auto", "forward", "reverse"])
@pytest.mark.parametrize(("f", "n"), JACOBIANS)
def test_sparse_jacobians(f, n, mode):
    transform, draw = ad.sparse_jacobian(f, mode=mode), np.random.default_rng(n)
    for _ in range(4):
        x = draw.normal(size=n)
        found = transform(x)
        assert isinstance(found, csr_array) and found.has_canonical_format
        expected = np.reshape(ad.jacobian(f)(x), (-1, n))
        np.testing.assert_allclose(found.toarray(), expected, rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("method", ["auto", "star", "acyclic"])
@pytest.mark.parametrize(("f", "n"), HESSIANS)
def test_sparse_hessians(f, n, method):
    transform, draw = ad.sparse_hessian(f, method=method), np.random.default_rng(n)
    for _ in range(4):
        x = draw.uniform(0.2, 1.2, n)
        found, expected = transform(x), ad.hessian(f)(x)
        np.testing.assert_allclose(found.toarray(), expected, rtol=1e-10, atol=1e-11)
        assert abs(found - found.T).max() == 0.0


def test_against_scipys_own_hessian():
    x = np.linspace(-1.0, 2.0, 300)
    np.testing.assert_allclose(ad.sparse_hessian(rosen)(x).toarray(), rosen_hess(x), rtol=1e-12, atol=1e-10)


def test_containers_and_other_arguments():
    def f(p, scale):
        return np.concatenate([p["a"] * p["b"], scale * p["a"] ** 2])

    p = {"a": np.arange(1.0, 4.0), "b": np.arange(4.0, 7.0)}
    found = ad.sparse_jacobian(f)(p, 2.0).toarray()
    np.testing.assert_array_equal(
        found, np.block([[np.diag(p["b"]), np.diag(p["a"])], [4 * np.diag(p["a"]), np.zeros((3, 3))]])
    )
    np.testing.assert_array_equal(ad.sparse_jacobian(f, 1)(p, 2.0).toarray().ravel(), [0, 0, 0, 1, 4, 9])


def test_the_result_is_the_callers():
    transform, x = ad.sparse_hessian(rosen), np.linspace(0.0, 1.0, 30)
    found = transform(x)
    expected = found.toarray()
    found.data[:] = 0.0
    np.testing.assert_array_equal(transform(x).toarray(), expected)


def test_a_pattern_that_misses_a_nonzero_is_found():
    x = np.arange(1.0, 6.0)
    with pytest.raises(SparsityError, match=r"the pattern that was given misses a nonzero of row 0 of the Jacobian"):
        ad.sparse_jacobian(lambda x: x[1:] * x[:-1], pattern=np.eye(4, 5))(x)
    with pytest.raises(SparsityError, match="misses a nonzero of row 0 of the Hessian"):
        ad.sparse_hessian(rosen, pattern=np.eye(5))(x)
    wide = ad.sparse_jacobian(lambda x: x[1:] * x[:-1], pattern=np.ones((4, 5)))(x)
    np.testing.assert_array_equal(wide.toarray(), ad.jacobian(lambda x: x[1:] * x[:-1])(x))
    assert wide.nnz == 20


def test_a_pattern_that_comes_to_miss_one_is_found():
    """The first points do not show the nonzero; the probe comes back."""

    def f(x):
        return x * np.maximum(x[::-1], 0.0)

    transform = ad.sparse_jacobian(f, pattern=np.eye(4))
    transform(np.full(4, -1.0))
    with pytest.raises(SparsityError, match="misses a nonzero"):
        for _ in range(20):
            transform(np.full(4, 2.0))


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda x: ad.sparse_jacobian(rosen, pattern=np.eye(5))(x), SparsityError, "shape"),
        (lambda x: ad.sparse_hessian(rosen, pattern=np.eye(5, k=1))(x), SparsityError, "symmetric"),
        (lambda x: ad.sparse_hessian(lambda x: x**2)(x), NonScalarOutput, "scalar"),
        (lambda x: ad.sparse_jacobian(rosen, argnums=(0,))(x), TypeError, "argnums"),
        (lambda x: ad.sparse_jacobian(rosen, mode="sideways")(x), ValueError, "mode"),
        (lambda x: ad.sparse_jacobian(rosen, order="sideways")(x), SparsityError, "order"),
        (lambda x: ad.sparse_hessian(rosen, method="sideways")(x), ValueError, "method"),
        (lambda x: ad.sparse_jacobian(rosen, pattern="abc")(x), SparsityError, "pattern"),
        (lambda x: ad.grad(lambda x: ad.sparse_jacobian(rosen)(x).sum())(x), UnsupportedFunction, "ad.jacobian"),
    ],
)  # fmt: skip
def test_bad_input(call, error, message):
    with pytest.raises(error, match=f"(?i){message}"):
        call(np.arange(1.0, 6.0))


def test_memory_is_proportional_to_the_nonzeros():
    n = 50_000
    transform, x = ad.sparse_hessian(rosen), np.linspace(-1.0, 1.0, n)
    tracemalloc.start()
    found = transform(x)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.reset_peak()
    transform(x)
    again = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert found.nnz == 3 * n - 2
    assert peak < 1500 * n and again < 600 * n, (peak / n, again / n)


def test_by_hand():
    """Pattern, colours, compressed matrix and recovery apart."""
    x = np.linspace(0.5, 1.5, 20)
    for pattern, color, compressed, matrix in (
        (ad.sparsity.hessian_pattern(rosen, x), ad.sparsity.color_symmetric, ad.sparsity.compressed_hessian, rosen_hess(x)),
        (
            ad.sparsity.jacobian_pattern(np.diff, x), ad.sparsity.color_rows, ad.sparsity.compressed_jacobian,
            np.diff(np.eye(20), axis=0),
        ),
    ):  # fmt: skip
        coloring = color(pattern)
        function = rosen if color is ad.sparsity.color_symmetric else np.diff
        sums = compressed(function, coloring, x)
        found = pattern.copy().astype(float)
        found.data = ad.sparsity.Recovery(pattern, coloring).recover(sums)
        np.testing.assert_allclose(found.toarray(), matrix, rtol=1e-12, atol=1e-10)
