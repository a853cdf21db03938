"""Linear algebra of NumPy and SciPy through every mode and to second order, and closed forms."""

from __future__ import annotations

import zlib

import numpy as np
import pytest
import scipy.linalg

import fastad as ad
import fastad.scipy.linalg
from fastad.errors import UnsupportedDtype, UnsupportedFunction
from tests.record.every_mode import check_every_mode

RNG = np.random.default_rng(3)
W, W2, B, B5 = RNG.normal(size=(4, 4)), RNG.normal(size=(2, 3, 3)), RNG.normal(size=4), RNG.normal(size=5)
L, S = np.linalg, scipy.linalg
SQUARE, STACK, TALL, WIDE = (4, 4), (2, 3, 3), (5, 3), (3, 5)


def spd(x):
    """A symmetric positive definite matrix, or a stack of them."""
    return x @ np.swapaxes(x, -1, -2) + np.eye(x.shape[-1])


def gram(result):
    """What of a decomposition does not depend on signs."""
    return [part**2 for part in result]


def flat(*parts):
    return np.concatenate([np.ravel(part) for part in parts])


CASES = {
    "solve vector": (lambda x: L.solve(x, x[0] + B), SQUARE),
    "solve matrix": (lambda x: L.solve(x, np.sin(x.T)), SQUARE),
    "solve stack": (lambda x: L.solve(x, x[0]), STACK),
    "solve constant matrix": (lambda x: L.solve(W + 3.0 * np.eye(4), x), SQUARE),
    "inv": (lambda x: L.inv(x), SQUARE),
    "inv stack": (lambda x: L.inv(x), STACK),
    "det": (lambda x: L.det(x), SQUARE),
    "det stack": (lambda x: L.det(x) ** 2, STACK),
    "slogdet": (lambda x: L.slogdet(x)[1] * L.slogdet(x).sign, SQUARE),
    "cholesky": (lambda x: L.cholesky(spd(x)), SQUARE),
    "cholesky of what is given": (lambda x: L.cholesky(x + 9.0 * np.eye(4)), SQUARE),
    "cholesky upper": (lambda x: L.cholesky(spd(x), upper=True), SQUARE),
    "cholesky stack": (lambda x: L.cholesky(spd(x)), STACK),
    "eigh": (lambda x: flat(L.eigh(x + x.T)[0], *gram(L.eigh(x + x.T)[1])), SQUARE),
    "eigh of what is given": (lambda x: flat(L.eigh(x).eigenvalues, *gram(L.eigh(x).eigenvectors)), SQUARE),
    "eigh upper": (lambda x: flat(L.eigh(x, "U")[0], *gram(L.eigh(x, UPLO="U")[1])), SQUARE),
    "eigh stack": (lambda x: flat(L.eigh(x)[0], *gram(L.eigh(x)[1])), STACK),
    "eigvalsh": (lambda x: L.eigvalsh(x), SQUARE),
    "eig": (lambda x: flat(*gram(L.eig(np.diag([1.0, 3.0, 6.0, 10.0]) + 0.1 * x))), SQUARE),
    "eigvals": (lambda x: np.sort(L.eigvals(np.diag([1.0, 3.0, 6.0, 10.0]) + 0.1 * x)), SQUARE),
    "svd square": (lambda x: flat(*gram(L.svd(x))), SQUARE),
    "svd tall": (lambda x: flat(*gram(L.svd(x, full_matrices=False))), TALL),
    "svd wide": (lambda x: flat(*gram(L.svd(x, full_matrices=False))), WIDE),
    "svd stack": (lambda x: flat(*gram(L.svd(x))), STACK),
    "svd values": (lambda x: L.svd(x, compute_uv=False), TALL),
    "svdvals": (lambda x: L.svdvals(x), WIDE),
    "qr": (lambda x: flat(*gram(L.qr(x))), SQUARE),
    "qr tall": (lambda x: flat(*L.qr(x)), TALL),
    "qr wide": (lambda x: flat(*L.qr(x)), WIDE),
    "qr r": (lambda x: L.qr(x, mode="r"), TALL),
    "pinv tall": (lambda x: L.pinv(x), TALL),
    "pinv wide": (lambda x: L.pinv(x), WIDE),
    "lstsq tall": (lambda x: flat(*L.lstsq(x, B5, rcond=None)[:2]), TALL),
    "lstsq wide": (lambda x: L.lstsq(x, B5[:3] * np.sum(x), rcond=None)[0], WIDE),
    "lstsq several": (lambda x: L.lstsq(x, np.outer(B5, x[0]), rcond=None)[0], TALL),
    "matrix_power": (lambda x: L.matrix_power(x, 3) + L.matrix_power(x, -2), SQUARE),
    "norms of singular values": (lambda x: flat(L.norm(x, 2), L.norm(x, "nuc"), L.norm(x, -2)), SQUARE),
    "cond": (lambda x: flat(L.cond(x), L.cond(x, -2), L.cond(x, 1), L.cond(x, "fro")), SQUARE),
    "matrix_rank": (lambda x: np.sum(x) * L.matrix_rank(x), TALL),
    "tensorsolve": (lambda x: L.tensorsolve(x.reshape(2, 2, 2, 2), np.ones((2, 2))), SQUARE),
    "tensorinv": (lambda x: L.tensorinv(x.reshape(2, 2, 2, 2)), SQUARE),
    "scipy solve": (lambda x: S.solve(x, B) + S.solve(x, B, transposed=True), SQUARE),
    "scipy solve pos": (lambda x: S.solve(spd(x), B, assume_a="pos"), SQUARE),
    "scipy solve sym lower": (lambda x: S.solve(x + x.T, B, assume_a="sym", lower=True), SQUARE),
    "solve_triangular": (lambda x: S.solve_triangular(x, x[0], lower=True), SQUARE),
    "solve_triangular trans": (lambda x: S.solve_triangular(x, x.T, trans="T"), SQUARE),
    "solve_triangular unit": (lambda x: S.solve_triangular(x, B, unit_diagonal=True), SQUARE),
    "cho_factor and cho_solve": (lambda x: S.cho_solve(S.cho_factor(spd(x)), B), SQUARE),
    "cho_factor lower": (lambda x: S.cho_factor(spd(x), lower=True)[0] * np.tri(4), SQUARE),
    "scipy cholesky": (lambda x: S.cholesky(spd(x)) + S.cholesky(spd(x), lower=True), SQUARE),
    "scipy inv and det": (lambda x: S.inv(x) * S.det(x), SQUARE),
    "lu_factor and lu_solve": (lambda x: S.lu_solve(S.lu_factor(x), B), SQUARE),
    "lu_solve trans": (lambda x: S.lu_solve(S.lu_factor(x), x, trans=1), SQUARE),
    "scipy eigh": (lambda x: flat(S.eigh(spd(x))[0], S.eigvalsh(x, lower=False)), SQUARE),
    "generalised eigh": (lambda x: flat(S.eigh(x + x.T, spd(W))[0], *gram(S.eigh(x + x.T, spd(W))[1])), SQUARE),
    "scipy svd and svdvals": (lambda x: flat(S.svdvals(x), S.svd(x)[1]), SQUARE),
    "scipy qr": (lambda x: flat(*gram(S.qr(x, mode="economic"))), TALL),
    "scipy pinv and lstsq": (lambda x: flat(S.pinv(x), S.lstsq(x, B5)[0]), TALL),
    "expm": (lambda x: S.expm(0.3 * x), SQUARE),
    "expm stack": (lambda x: S.expm(0.3 * x), STACK),
    "solve_sylvester": (lambda x: S.solve_sylvester(x + 5.0 * np.eye(4), np.eye(4) * 5.0 - x.T, W), SQUARE),
    "lyapunov": (lambda x: S.solve_continuous_lyapunov(x - 7.0 * np.eye(4), W), SQUARE),
    "discrete lyapunov": (lambda x: S.solve_discrete_lyapunov(0.1 * x, W), SQUARE),
    "sqrtm": (lambda x: S.sqrtm(spd(x)), SQUARE),
    "made of vectors": (
        lambda x: S.toeplitz(x[0], x[1]) * S.circulant(x[1]) + S.hankel(x[2], x[3]) * S.toeplitz(x[3]),
        SQUARE,
    ),
    "block_diag and khatri_rao": (lambda x: flat(S.block_diag(x, x[:2] ** 2, x[0, 0]), S.khatri_rao(x, x)), SQUARE),
    "scipy norm": (lambda x: S.norm(x) + S.norm(x, 1) + S.norm(x[0]), SQUARE),
}


def points(name, shape):
    """Two points with singular values well apart from one another and from zero."""
    rng = np.random.default_rng(zlib.crc32(name.encode()))
    found = []
    while len(found) < 2:
        x = rng.normal(size=shape) + 2.0 * np.eye(*shape[-2:])
        s = np.linalg.svd(x, compute_uv=False)
        gaps = np.abs(np.diff(np.linalg.eigvalsh(x[..., : min(x.shape[-2:]), : min(x.shape[-2:])])))
        if s.min() > 0.6 and np.abs(np.diff(s)).min() > 0.3 and gaps.min() > 0.3:
            found.append(x)
    return found


@pytest.mark.parametrize("name", CASES)
def test_every_mode(name):
    f, shape = CASES[name]
    check_every_mode(f, *points(name, shape))


def test_closed_forms():
    x = points("closed forms", SQUARE)[0]
    inverse = np.linalg.inv(x)
    np.testing.assert_allclose(ad.grad(lambda x: np.linalg.slogdet(x)[1])(x), inverse.T, rtol=1e-13)
    np.testing.assert_allclose(ad.grad(np.linalg.det)(x), np.linalg.det(x) * inverse.T, rtol=1e-12)
    np.testing.assert_allclose(ad.grad(lambda x: B @ np.linalg.solve(x, B))(x), -np.outer(inverse.T @ B, inverse @ B))
    np.testing.assert_allclose(ad.grad(lambda x: np.sum(np.linalg.svd(x)[1] ** 2))(x), 2.0 * x, rtol=1e-12)


def test_the_determinant_of_a_singular_matrix():
    """Its gradient is the matrix of cofactors, which is finite."""
    x = np.array([[1.0, 2.0, 3.0], [2.0, 4.0, 6.0], [1.0, 0.0, 1.0]])
    cofactors = [[4.0, 4.0, -4.0], [-2.0, -2.0, 2.0], [0.0, 0.0, 0.0]]
    np.testing.assert_allclose(ad.grad(np.linalg.det)(x), cofactors, atol=1e-12)


def test_equal_eigenvalues():
    """Of the identity: sums over all eigenvalues are smooth, and come out."""
    np.testing.assert_allclose(ad.grad(lambda x: np.sum(np.linalg.eigvalsh(x) ** 3))(np.eye(3)), 3.0 * np.eye(3))
    np.testing.assert_allclose(ad.grad(lambda x: np.sum(np.linalg.svd(x)[1] ** 3))(np.eye(3)), 3.0 * np.eye(3))


def test_large_matrices_are_one_instruction_each():
    n = 300
    A = RNG.normal(size=(n, n)) + n * np.eye(n)

    def f(x):
        return np.sum(np.linalg.solve(A * x[0] + np.diag(x), x))

    tape = ad.record(f, np.ones(n))
    assert tape.instructions < 12
    x = 1.0 + 0.1 * RNG.random(n)
    step = 1e-6 * RNG.normal(size=n)
    assert ad.grad(f)(x) @ step == pytest.approx((f(x + step) - f(x - step)) / 2, rel=1e-6)


def test_a_large_cholesky_factor():
    """By blocks in a sweep, as a whole where it is recorded: both are the same."""
    n = 150
    A = RNG.normal(size=(n, n))
    A, weight = A @ A.T / n + np.eye(n), RNG.normal(size=(n, n))

    def f(t):
        return np.sum(weight * np.linalg.cholesky(A + t * np.diag(np.arange(n) / n)))

    first = ad.grad(f)(0.3)
    second = ad.hessian(f)(0.3)
    assert first == pytest.approx((f(0.3 + 1e-5) - f(0.3 - 1e-5)) / 2e-5, rel=1e-7)
    assert second == pytest.approx((ad.grad(f)(0.3 + 1e-5) - ad.grad(f)(0.3 - 1e-5)) / 2e-5, rel=1e-7)


def test_another_order_of_pivots_is_another_recording():
    """The rows of an LU factorisation change places where another pivot is larger."""
    f = lambda x: np.sum(scipy.linalg.lu_solve(scipy.linalg.lu_factor(x), B[:2]))  # noqa: E731
    g, h = ad.grad(f), ad.grad(lambda x: np.sum(np.linalg.solve(x, B[:2])))
    for x in (np.array([[2.0, 1.0], [1.0, 3.0]]), np.array([[1.0, 2.0], [3.0, 1.0]])):
        np.testing.assert_allclose(g(x), h(x), rtol=1e-13)
    assert g.replayer.recordings == 2


def test_mirrors_are_scipys_on_plain_arrays():
    x = points("mirror", SQUARE)[0]
    mirror = fastad.scipy.linalg
    for name in ("expm", "inv", "det", "cholesky", "svdvals", "norm"):
        argument = spd(x)
        np.testing.assert_array_equal(getattr(mirror, name)(argument), getattr(scipy.linalg, name)(argument))
    np.testing.assert_allclose(ad.grad(lambda x: np.sum(mirror.expm(x)))(np.zeros((2, 2))), np.ones((2, 2)))
    with pytest.raises(AttributeError, match=r"fastad\.scipy\.linalg"):
        mirror.schur  # noqa: B018


REFUSED = {
    "svd of a tall matrix": (lambda x: L.svd(x)[0], TALL, UnsupportedFunction, "full_matrices=False"),
    "complete qr": (lambda x: L.qr(x, mode="complete")[0], TALL, UnsupportedFunction, "mode='complete'"),
    "complex eigenvalues": (lambda x: L.eigvals(x - x.T), SQUARE, UnsupportedDtype, "complex eigenvalues"),
    "schur": (lambda x: S.schur(x)[0], SQUARE, UnsupportedFunction, r"scipy\.linalg\.schur .*fastad\.scipy\.linalg"),
    "shapes": (lambda x: L.solve(x, x[:2]), SQUARE, ValueError, "mismatch"),
    "not square": (lambda x: L.inv(x), TALL, np.linalg.LinAlgError, "square"),
    "not positive": (lambda x: L.cholesky(-spd(x)), SQUARE, np.linalg.LinAlgError, "positive"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_refused(name):
    f, shape, error, message = REFUSED[name]
    with pytest.raises(error, match=message):
        ad.grad(lambda x: np.sum(f(x)))(points(name, shape)[0])
