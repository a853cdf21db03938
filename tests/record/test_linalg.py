"""Linear algebra of NumPy and SciPy through every mode, against differences of the functions themselves."""

from __future__ import annotations

import subprocess
import sys
import zlib

import numpy as np
import pytest
import scipy.linalg as sl
import scipy.sparse

import fastad as ad
from fastad.errors import FastADError
from tests.record.every_mode import check_every_mode

L = np.linalg
RNG = np.random.default_rng(3)
B, V, BATCH = RNG.normal(size=(4, 3)), RNG.normal(size=4), RNG.normal(size=(2, 4, 3))
SPD = np.eye(4) * 5 + np.ones((4, 4))
SYMMETRIC = np.diag([1.0, 3.0, 6.0, 10.0])


def points(name: str, shape: tuple[int, ...]) -> list[np.ndarray]:
    """Two points near a matrix with separate eigenvalues and singular values."""
    rng = np.random.default_rng(zlib.crc32(name.encode()))
    middle = np.diag([2.0, -4.0, 7.0, 11.0, 16.0])[: shape[-2], : shape[-1]] if len(shape) > 1 else 2.0
    return [middle + 0.3 * rng.normal(size=shape) for _ in range(2)]


def spd(x: np.ndarray) -> np.ndarray:
    return x @ np.swapaxes(x, -1, -2) + np.eye(x.shape[-1])


# name: (function, shape of the argument)
NUMPY = {
    "solve": (lambda x: L.solve(x, B), (4, 4)),
    "solve vector": (lambda x: L.solve(x, V), (4, 4)),
    "solve right side": (lambda x: L.solve(SPD, x), (4, 2)),
    "solve both": (lambda x: L.solve(x, x[:, 0] ** 2), (4, 4)),
    "solve stack": (lambda x: L.solve(x, BATCH), (2, 4, 4)),
    "solve stack, one matrix": (lambda x: L.solve(x, BATCH), (4, 4)),
    "solve stack, one right side": (lambda x: L.solve(x, x[0, :, :2]), (2, 4, 4)),
    "solve stack, one vector": (lambda x: L.solve(x, x[0, 0]), (2, 4, 4)),
    "inv": (L.inv, (4, 4)),
    "inv stack": (L.inv, (2, 3, 3)),
    "det": (L.det, (4, 4)),
    "det stack": (L.det, (3, 2, 2)),
    "slogdet": (lambda x: L.slogdet(x)[1] * L.slogdet(x).sign, (4, 4)),
    "slogdet stack": (lambda x: L.slogdet(x).logabsdet, (2, 3, 3)),
    "cholesky": (lambda x: L.cholesky(spd(x)), (4, 4)),
    "cholesky of one triangle": (lambda x: L.cholesky(SPD + 0.1 * x), (4, 4)),
    "cholesky upper": (lambda x: L.cholesky(SPD + 0.1 * x, upper=True), (4, 4)),
    "cholesky stack": (lambda x: L.cholesky(spd(x)), (2, 3, 3)),
    "cholesky of blocks": (lambda x: L.cholesky(spd(np.kron(np.eye(30), x) + 0.01)), (3, 3)),
    "eigh": (lambda x: L.eigh(SYMMETRIC + 0.1 * x)[0], (4, 4)),
    "eigh vectors": (lambda x: L.eigh(SYMMETRIC + 0.1 * x).eigenvectors ** 2, (4, 4)),
    "eigh upper": (lambda x: L.eigh(SYMMETRIC + 0.1 * x, "U")[1] ** 2, (4, 4)),
    "eigh stack": (lambda x: L.eigh(SYMMETRIC[:3, :3] + 0.1 * x)[1] ** 2, (2, 3, 3)),
    "eigvalsh": (lambda x: L.eigvalsh(SYMMETRIC + 0.1 * x), (4, 4)),
    "eigvalsh upper stack": (lambda x: L.eigvalsh(SYMMETRIC[:3, :3] + 0.1 * x, "U"), (2, 3, 3)),
    "eigvals": (L.eigvals, (4, 4)),
    "eig": (lambda x: L.eig(x)[1] ** 2, (4, 4)),
    "svd": (lambda x: (lambda u, s, v: u**2 @ np.diag(s) @ v**2)(*L.svd(x)), (3, 3)),
    "svd tall": (lambda x: (lambda u, s, v: (u * s**2) @ v)(*L.svd(x, full_matrices=False)), (4, 3)),
    "svd tall vectors": (lambda x: L.svd(x, full_matrices=False)[0] ** 2, (4, 3)),
    "svd wide vectors": (lambda x: L.svd(x, full_matrices=False).Vh ** 2, (3, 4)),
    "svd stack": (lambda x: L.svd(x, full_matrices=False)[2] ** 2, (2, 2, 3)),
    "svd values": (lambda x: L.svd(x, compute_uv=False), (4, 3)),
    "svdvals stack": (lambda x: L.svdvals(x), (2, 2, 3)),
    "qr": (lambda x: L.qr(x)[0], (4, 4)),
    "qr tall": (lambda x: np.concatenate(L.qr(x)), (4, 3)),
    "qr wide": (lambda x: L.qr(x).R, (3, 4)),
    "qr wide q": (lambda x: L.qr(x).Q, (3, 4)),
    "qr r": (lambda x: L.qr(x, "r"), (4, 3)),
    "qr stack": (lambda x: L.qr(x).R, (2, 3, 3)),
    "pinv": (L.pinv, (4, 4)),
    "pinv tall": (L.pinv, (4, 3)),
    "pinv wide": (L.pinv, (3, 4)),
    "pinv of less rank": (lambda x: L.pinv(np.outer(x, x**2)), (3,)),
    "pinv stack": (L.pinv, (2, 3, 2)),
    "lstsq tall": (lambda x: L.lstsq(x, B)[0], (4, 3)),
    "lstsq vector": (lambda x: L.lstsq(x, V)[0], (4, 3)),
    "lstsq wide": (lambda x: L.lstsq(x, B[:3])[0], (3, 4)),
    "lstsq right side": (lambda x: L.lstsq(B, x)[0], (4,)),
    "lstsq residuals": (lambda x: L.lstsq(x, V)[1] + np.sum(L.lstsq(x, V)[3]), (4, 3)),
    "lstsq residuals of columns": (lambda x: L.lstsq(x[:, :2], x)[1][2:], (4, 3)),
    "matrix_power": (lambda x: L.matrix_power(x, 3), (3, 3)),
    "matrix_power -2": (lambda x: L.matrix_power(x, -2), (3, 3)),
    "matrix_power stack": (lambda x: L.matrix_power(x, 5), (2, 2, 2)),
    "matrix_rank": (lambda x: x[0] * L.matrix_rank(x), (3, 4)),
    "cond": (lambda x: np.stack([L.cond(x), L.cond(x, -2), L.cond(x + 9 * np.eye(4)[0], 1), L.cond(x, "fro")]), (4, 4)),
    "norms": (lambda x: np.stack([L.norm(x, p) for p in (2, -2, "nuc", "fro", 1, np.inf)]), (4, 3)),
    "norm stack": (lambda x: L.norm(x, "nuc", axis=(-2, -1)), (2, 3, 3)),
    "multi_dot": (lambda x: L.multi_dot([x, B, B.T, x]), (4, 4)),
    "tensorsolve": (lambda x: L.tensorsolve(x.reshape(2, 2, 2, 2), B[:2, :2]), (4, 4)),
    "tensorsolve axes": (lambda x: L.tensorsolve(x.reshape(2, 2, 2, 2), B[:2, :2], axes=(0, 1)), (4, 4)),
    "tensorinv": (lambda x: L.tensorinv(x.reshape(2, 2, 2, 2)), (4, 4)),
    "fortran order": (lambda x: L.solve(x.T[::-1], V) @ L.inv(x[:, ::-1]), (4, 4)),
}
SCIPY = {
    "solve": (lambda x: sl.solve(x, B), (4, 4)),
    "solve pos": (lambda x: sl.solve(SPD + 0.1 * x, B, assume_a="pos"), (4, 4)),
    "solve sym lower": (lambda x: sl.solve(SPD + 0.1 * x, V, lower=True, assume_a="sym"), (4, 4)),
    "solve transposed": (lambda x: sl.solve(x, V, transposed=True), (4, 4)),
    "solve triangle": (lambda x: sl.solve(x, V, assume_a="lower triangular"), (4, 4)),
    "solve diagonal": (lambda x: sl.solve(np.diag(x), V, assume_a="diagonal"), (4,)),
    "solve_triangular": (lambda x: sl.solve_triangular(x, B), (4, 4)),
    "solve_triangular lower": (lambda x: sl.solve_triangular(x, x[0] ** 2, lower=True), (4, 4)),
    "solve_triangular trans": (lambda x: sl.solve_triangular(x, B, trans="T", lower=True), (4, 4)),
    "solve_triangular trans 1": (lambda x: sl.solve_triangular(x, B, trans=1), (4, 4)),
    "solve_triangular unit": (lambda x: sl.solve_triangular(x, x[:, :1], unit_diagonal=True), (4, 4)),
    "cho_solve": (lambda x: sl.cho_solve(sl.cho_factor(spd(x)), B), (4, 4)),
    "cho_solve lower": (lambda x: sl.cho_solve((L.cholesky(spd(x)), True), x[0]), (4, 4)),
    "cho_solve upper": (lambda x: sl.cho_solve((np.sin(x) + SPD, False), x[0]), (4, 4)),
    "cho_factor upper": (lambda x: sl.cho_factor(SPD + 0.1 * x)[0], (4, 4)),
    "cho_factor": (lambda x: sl.cho_factor(SPD + 0.1 * x, lower=True)[0], (4, 4)),
    "cholesky": (lambda x: sl.cholesky(SPD + 0.1 * x), (4, 4)),
    "cholesky lower": (lambda x: sl.cholesky(SPD + 0.1 * x, lower=True), (4, 4)),
    "inv": (sl.inv, (4, 4)),
    "inv pos": (lambda x: sl.inv(SPD + 0.1 * x, assume_a="pos"), (4, 4)),
    "det": (sl.det, (4, 4)),
    "lu_solve": (lambda x: sl.lu_solve(sl.lu_factor(x), B), (4, 4)),
    "lu_solve trans": (lambda x: sl.lu_solve(sl.lu_factor(x), V, trans=1), (4, 4)),
    "lu_factor": (lambda x: sl.lu_factor(x[::-1])[0], (4, 4)),
    "lu": (lambda x: np.stack(sl.lu(x[::-1])), (4, 4)),
    "lu permuted": (lambda x: np.stack(sl.lu(x[::-1], permute_l=True)), (4, 4)),
    "eigh": (lambda x: sl.eigh(SYMMETRIC + 0.1 * x)[1] ** 2, (4, 4)),
    "eigh upper values": (lambda x: sl.eigh(SYMMETRIC + 0.1 * x, lower=False, eigvals_only=True), (4, 4)),
    "eigh generalised": (lambda x: sl.eigh(SYMMETRIC + 0.1 * x, SPD + 0.2 * x)[0], (4, 4)),
    "eigh generalised vectors": (lambda x: sl.eigh(SYMMETRIC + 0.1 * x, SPD)[1] ** 2, (4, 4)),
    "eigvalsh": (lambda x: sl.eigvalsh(SYMMETRIC + 0.1 * x), (4, 4)),
    "svd": (lambda x: sl.svd(x, full_matrices=False)[0] ** 2, (4, 3)),
    "svdvals": (sl.svdvals, (3, 4)),
    "qr": (lambda x: np.concatenate(sl.qr(x, mode="economic")), (4, 3)),
    "qr r": (lambda x: sl.qr(x, mode="r")[0], (4, 4)),
    "pinv": (sl.pinv, (4, 3)),
    "lstsq": (lambda x: sl.lstsq(x, V)[0] * sl.lstsq(x, V)[1], (4, 3)),
    "norm": (lambda x: sl.norm(x) * sl.norm(x, 2), (3, 3)),
    "expm": (lambda x: sl.expm(0.1 * x), (4, 4)),
    "expm stack": (lambda x: sl.expm(0.1 * x), (2, 3, 3)),
    "logm": (lambda x: sl.logm(spd(x)), (3, 3)),
    "sqrtm": (lambda x: sl.sqrtm(spd(x)), (3, 3)),
    "solve_sylvester": (lambda x: sl.solve_sylvester(x @ x + SPD, SPD[:3, :3], x[:, :3]), (4, 4)),
    "solve_continuous_lyapunov": (lambda x: sl.solve_continuous_lyapunov(spd(x), x), (3, 3)),
    "solve_discrete_lyapunov": (lambda x: sl.solve_discrete_lyapunov(0.03 * x, x), (3, 3)),
    "toeplitz": (sl.toeplitz, (4,)),
    "toeplitz of rows": (lambda x: sl.toeplitz(x[:2], x), (4,)),
    "toeplitz stack": (lambda x: sl.toeplitz(x), (2, 3)),
    "circulant": (sl.circulant, (4,)),
    "circulant stack": (sl.circulant, (2, 3)),
    "hankel": (lambda x: sl.hankel(x) + sl.hankel(x[:4], x), (4,)),
    "companion": (sl.companion, (4,)),
    "block_diag": (lambda x: sl.block_diag(x, B, 2.0, x[0]), (2, 3)),
    "khatri_rao": (lambda x: sl.khatri_rao(x, B), (2, 3)),
    "solve_toeplitz": (lambda x: sl.solve_toeplitz(np.array([7.0, 1, 1, 1]) * x, V), (4,)),
    "solve_toeplitz of rows": (lambda x: sl.solve_toeplitz((7 * x, 7 * np.array([1, 0.1, 0.2, 0.1])), B), (4,)),
    "solve_banded": (lambda x: sl.solve_banded((1, 1), x + 9 * np.eye(3)[:, 1:2], V), (3, 4)),
    "solve_banded wide": (lambda x: sl.solve_banded((2, 0), x + 9 * np.eye(3)[:, :1], B), (3, 4)),
    "solveh_banded": (lambda x: sl.solveh_banded(x + 9 * np.eye(2)[:, 1:], V), (2, 4)),
    "solveh_banded lower": (lambda x: sl.solveh_banded(x + 9 * np.eye(2)[:, :1], B, lower=True), (2, 4)),
}
CASES = {
    **{f"numpy {name}": case for name, case in NUMPY.items()},
    **{f"scipy {name}": case for name, case in SCIPY.items()},
}


@pytest.mark.filterwarnings("ignore:logm result may be inaccurate")
@pytest.mark.parametrize("name", CASES)
def test_every_mode(name):
    f, shape = CASES[name]
    check_every_mode(f, *points(name, shape))


# --- closed forms -----------------------------------------------------------------------------------
def test_determinants():
    x = points("det", (4, 4))[0]
    inverse = L.inv(x).T
    np.testing.assert_allclose(ad.grad(L.det)(x), L.det(x) * inverse, rtol=1e-13)
    np.testing.assert_allclose(ad.grad(lambda a: L.slogdet(a)[1])(x), inverse, rtol=1e-13)
    curvature = ad.hvp(lambda a: L.slogdet(a)[1])(x, x)
    np.testing.assert_allclose(curvature, -inverse, rtol=1e-12)


def test_a_determinant_of_zero_has_a_gradient():
    assert np.allclose(ad.grad(L.det)(np.ones((2, 2))), [[1, -1], [-1, 1]], atol=1e-15)
    assert ad.grad(L.det)(np.zeros((3, 3))).tolist() == np.zeros((3, 3)).tolist()
    x = np.diag([0.0, 2.0, 3.0])
    np.testing.assert_allclose(ad.grad(L.det)(x), np.diag([6.0, 0, 0]), atol=1e-15)


# --- sparse matrices --------------------------------------------------------------------------------
SPARSE = {
    "times vector": (lambda s, x: s @ x[0] ** 2, (2, 3)),
    "times matrix": (lambda s, x: s @ np.sin(x), (3, 2)),
    "dot": (lambda s, x: s.dot(x[:, 0]), (3, 2)),
    "transposed": (lambda s, x: s.T @ x, (4, 2)),
    "from the left": (lambda s, x: (x**2) @ s, (2, 4)),
    "vector from the left": (lambda s, x: x[0] @ s, (2, 4)),
}


@pytest.mark.parametrize(
    "kind", ["csr_array", "csr_matrix", "csc_array", "coo_array", "dia_array", "dok_array", "lil_array"]
)
def test_products_of_sparse_matrices(kind):
    matrix = getattr(scipy.sparse, kind)(np.array([[1.0, 0, 2], [0, 0, 0], [0, 3, 0], [4, 0, 5]]))
    for name, (f, shape) in SPARSE.items():
        check_every_mode(lambda x, f=f: f(matrix, x), *points(name, shape))
    with pytest.raises(ValueError, match="dimension mismatch"):
        ad.grad(lambda x: np.sum(matrix @ x))(np.ones(5))


# --- conventions ------------------------------------------------------------------------------------
def test_factors_are_scipys_own_to_the_bit():
    x = SPD + np.arange(16.0).reshape(4, 4) / 100
    for f in (sl.cholesky, lambda a: sl.cho_factor(a)[0], lambda a: sl.cho_solve(sl.cho_factor(a, True), V)):
        assert np.array_equal(ad.record(f, x).primal(x), f(x))


def test_a_saved_tape_finds_scipys_functions(tmp_path):
    x = 9 * np.eye(3) + 1.0
    f = lambda a: sl.solve_banded((1, 1), a, np.ones(3))  # noqa: E731
    ad.record(f, x).save(tmp_path / "tape.npz")
    code = (
        "import sys, fastad as ad, numpy as np; print(ad.Tape.load(sys.argv[1]).primal(9 * np.eye(3) + 1.0).tolist())"
    )
    found = subprocess.run([sys.executable, "-c", code, tmp_path / "tape.npz"], capture_output=True, text=True)
    assert found.stdout.strip() == str(f(x).tolist()), found.stderr


def test_what_is_not_read_has_no_derivative():
    x = SPD + np.arange(16.0).reshape(4, 4) / 100
    lower, upper = np.tri(4), np.tri(4).T
    cases = {
        "cholesky": (lambda a: np.sum(L.cholesky(a)), lower),
        "upper": (lambda a: np.sum(L.cholesky(a, upper=True)), upper),
        "eigvalsh": (lambda a: np.sum(L.eigvalsh(a) ** 2), lower),
        "eigh": (lambda a: np.sum(L.eigh(a, "U")[0] ** 3), upper),
        "triangular": (lambda a: np.sum(sl.solve_triangular(a, V)), upper),
        "scipy cholesky": (lambda a: np.sum(sl.cholesky(a)), upper),
        "solve pos": (lambda a: np.sum(sl.solve(a, V, assume_a="pos")), upper),
        "solve diagonal": (lambda a: np.sum(sl.solve(a, V, assume_a="diagonal")), np.eye(4)),
        "inv sym": (lambda a: np.sum(sl.inv(a, assume_a="sym", lower=True)), lower),
        "inv triangle": (lambda a: np.sum(sl.inv(a, assume_a="upper triangular")), upper),
    }
    for name, (f, read) in cases.items():
        gradient = ad.grad(f)(x)
        assert not np.any(gradient[read == 0]), name
        assert np.all(gradient[read == 1]), name


def test_equal_eigenvalues():
    for f in (lambda x: np.sum(L.eigvalsh(x) ** 2), lambda x: np.sum(L.svd(x, compute_uv=False) ** 2)):
        np.testing.assert_allclose(ad.grad(f)(np.eye(3)), 2 * np.eye(3), atol=1e-14)
    vectors = ad.grad(lambda x: np.sum(L.eigh(x)[1]))(np.eye(3))
    assert np.all(np.isfinite(vectors))


def test_ranks_and_pivots_are_looked_at_again():
    rank = ad.grad(lambda x: np.sum(x) * L.matrix_rank(x))
    assert rank(np.eye(2)).tolist() == [[2, 2], [2, 2]]
    assert rank(np.ones((2, 2))).tolist() == [[1, 1], [1, 1]]
    x, other = np.array([[4.0, 1], [2, 3]]), np.array([[0.2, 1.0], [1, 0.1]])
    factors = lambda x: np.sum(sl.lu_factor(x)[0] ** 2)  # noqa: E731
    replayed = ad.grad(factors)
    replayed(x)
    np.testing.assert_allclose(replayed(other), ad.grad(factors)(other), rtol=1e-14)


def test_empty_matrices():
    empty = np.zeros((0, 0))
    assert ad.grad(L.det)(empty).shape == ad.grad(lambda x: np.sum(L.inv(x)))(empty).shape == (0, 0)


# --- errors -----------------------------------------------------------------------------------------
ERRORS = {
    "eig": (lambda x: L.eigvals(x)[0], np.array([[0.0, 1], [-1, 0]]), "complex"),
    "sqrtm": (lambda x: sl.sqrtm(x)[0, 0], -np.eye(2), "scipy.linalg.sqrtm .* complex"),
    "logm": (lambda x: sl.logm(x)[0, 0], -np.eye(2), "scipy.linalg.logm .* complex"),
    "svd": (lambda x: L.svd(x)[0][0, 0], np.ones((2, 3)), "full_matrices=False"),
    "qr": (lambda x: L.qr(x, "raw")[0][0, 0], np.eye(2), "mode='reduced'"),
    "no rule": (lambda x: sl.schur(x)[0][0, 0], np.eye(2), "scipy.linalg.schur .*test_linalg.py"),
    "lapack": (lambda x: sl.lapack.dpotrf(x)[0][0, 0], np.eye(2), "test_linalg.py"),
    "inv": (lambda x: sl.inv(x, assume_a="odd")[0, 0], np.eye(2), "assume_a"),
}


@pytest.mark.parametrize("name", ERRORS)
def test_what_is_refused(name):
    f, x, message = ERRORS[name]
    with pytest.raises(FastADError, match=message):
        ad.grad(f)(x)


def test_errors_are_numpys_own():
    cases = [
        (lambda x: L.inv(x)[0, 0], np.ones((2, 2)), L.LinAlgError, "Singular"),
        (lambda x: L.cholesky(x)[0, 0], -np.eye(2), L.LinAlgError, "positive definite"),
        (lambda x: L.inv(x)[0, 0], np.ones((2, 3)), L.LinAlgError, "square"),
        (lambda x: L.solve(x, np.ones(3))[0], np.eye(2), ValueError, "mismatch"),
    ]
    for f, x, kind, message in cases:
        with pytest.raises(kind, match=message):
            ad.grad(f)(x)
        if x.shape == (2, 2):
            replayed = ad.grad(lambda x, f=f: f(x))
            with pytest.raises(kind, match=message):
                replayed(2 * np.eye(2))
                replayed(x)


def test_a_large_solution_is_one_instruction():
    size = [len(list(ad.record(lambda x: np.sum(L.solve(x, V[:1] * np.ones(n))), 9 * np.eye(n)).program.segments))
            for n in (10, 100)]  # fmt: skip
    assert size[0] == size[1]
