"""Solvers fed with products and sparse matrices: SciPy's and Ipopt's, on problems with known solutions."""

from __future__ import annotations

import numba
import numpy as np
import pytest
from scipy.integrate import solve_ivp
from scipy.optimize import LinearConstraint, NonlinearConstraint, least_squares, minimize, root, rosen
from scipy.sparse import csr_array, issparse
from scipy.sparse.linalg import LinearOperator

import fastad as ad
import fastad.ipopt
from fastad.errors import ShapeMismatch, SparsityError
from tests.sparsity.test_patterns import brusselator

N = 200


def test_newton_conjugate_gradients():
    start = np.linspace(-1.0, 1.0, 30)
    found = minimize(ad.value_and_grad(rosen), start, jac=True, hessp=ad.hvp(rosen), method="trust-ncg", tol=1e-10)
    assert found.success
    np.testing.assert_allclose(found.x, 1.0, atol=1e-8)


def test_trust_region_with_a_sparse_hessian_and_constraints():
    """Of least squares under a budget: the multiplier shifts all alike."""
    target = np.linspace(-1.0, 1.0, N)

    def f(x):
        return np.sum((x - target) ** 2) + 0.25 * np.sum((x[1:] - x[:-1]) ** 4)

    hessian = ad.sparse_hessian(f)
    assert issparse(hessian(target)) and hessian(target).nnz == 3 * N - 2
    ball = NonlinearConstraint(
        lambda x: np.array([np.sum(x**2)]), -np.inf, 10.0, jac=ad.sparse_jacobian(lambda x: np.array([np.sum(x**2)])),
        hess=lambda x, w: ad.sparse_hessian(lambda x, w: w[0] * np.sum(x**2))(x, w),
    )  # fmt: skip
    found = minimize(
        ad.value_and_grad(f), np.zeros(N), jac=True, hess=hessian, method="trust-constr",
        constraints=[ball, LinearConstraint(csr_array(np.ones((1, N))), 0.0, 0.0)], options={"gtol": 1e-9, "maxiter": 300},
    )  # fmt: skip
    assert np.sum(found.x**2) == pytest.approx(10.0, rel=1e-6)
    gradient = ad.grad(f)(found.x)
    multiplier = -(gradient @ found.x) / (2 * found.x @ found.x)
    np.testing.assert_allclose(gradient + 2 * multiplier * found.x, np.mean(gradient), atol=1e-5)


def test_large_least_squares():
    """Broyden's tridiagonal equations; J v and J' w through lsmr."""

    def residuals(x):
        y = (3.0 - 2.0 * x) * x + 1.0
        y[:-1] -= 2.0 * x[1:]
        y[1:] -= x[:-1]
        return y

    found = least_squares(residuals, -np.ones(2000), jac=ad.sparse_jacobian(residuals), tr_solver="lsmr", xtol=1e-12)
    assert issparse(found.jac) and np.max(np.abs(found.fun)) < 1e-9


def test_gauss_newton_steps_without_a_jacobian():
    t = np.linspace(0.0, 3.0, 40)
    data = 2.0 * np.exp(-1.3 * t) + 0.5

    def residuals(p):
        return p[0] * np.exp(-p[1] * t) + p[2] - data

    p, product = np.array([1.0, 1.0, 0.0]), ad.gauss_newton_product(residuals)
    from scipy.sparse.linalg import cg

    for _ in range(15):
        value, pullback = ad.vjp(residuals, p)
        normal = LinearOperator((3, 3), matvec=lambda v, p=p: product(p, v))
        p = p - cg(normal, pullback(value)[0], rtol=1e-12)[0]
    np.testing.assert_allclose(p, [2.0, 1.3, 0.5], rtol=1e-8)


@pytest.mark.parametrize("method", ["BDF", "Radau"])
def test_stiff_equations(method):
    """The Brusselator on a grid, with its sparse Jacobian, beside differences with the same tolerances."""
    n = 6
    start = np.concatenate([1.0 + 0.1 * np.sin(np.arange(n * n)), np.full(n * n, 3.0)])
    jacobian = ad.sparse_jacobian(brusselator)

    calls = []

    def rate(t, y):
        calls.append(t)
        return brusselator(y, n)

    options = {"method": method, "rtol": 1e-8, "atol": 1e-10}
    exact = solve_ivp(rate, (0.0, 1.0), start, jac=lambda t, y: jacobian(y, n), **options)
    by_jacobian = len(calls)
    differences = solve_ivp(rate, (0.0, 1.0), start, **options)
    assert exact.success and by_jacobian < (len(calls) - by_jacobian) / 1.5
    np.testing.assert_allclose(exact.y[:, -1], differences.y[:, -1], rtol=1e-6)


def test_root_of_a_system():
    found = root(lambda x: np.array([x[0] + x[1] - 3.0, x[0] * x[1] - 2.0]), np.array([0.5, 3.0]),
                 jac=lambda x: ad.sparse_jacobian(lambda x: np.array([x[0] + x[1] - 3.0, x[0] * x[1] - 2.0]))(x).toarray())  # fmt: skip
    np.testing.assert_allclose(np.sort(found.x), [1.0, 2.0], rtol=1e-10)


# --- Ipopt --------------------------------------------------------------------------------------------
def hs071(x):
    return x[0] * x[3] * (x[0] + x[1] + x[2]) + x[2]


def hs071_constraints(x):
    return np.array([np.prod(x), np.sum(x**2)])


def test_what_ipopt_is_told():
    """Entries and patterns against dense derivatives of the Lagrangian; without the package."""
    x, multipliers, sigma = np.array([1.1, 4.5, 3.9, 1.4]), np.array([-0.7, 0.3]), 1.5
    problem = fastad.ipopt.Problem(hs071, hs071_constraints, np.array([1.0, 5.0, 5.0, 1.0]))
    assert problem.objective(x) == hs071(x)
    np.testing.assert_allclose(problem.gradient(x), ad.grad(hs071)(x))
    np.testing.assert_allclose(problem.constraints(x), hs071_constraints(x))
    rows = np.zeros((2, 4))
    rows[problem.jacobianstructure()] = problem.jacobian(x)
    np.testing.assert_allclose(rows, ad.jacobian(hs071_constraints)(x), rtol=1e-13)
    lower = np.zeros((4, 4))
    lower[problem.hessianstructure()] = problem.hessian(x, multipliers, sigma)
    whole = ad.hessian(lambda x: sigma * hs071(x) + np.sum(multipliers * hs071_constraints(x)))(x)
    np.testing.assert_allclose(lower, np.tril(whole), rtol=1e-12)


def test_compiled_functions_for_ipopt():
    """Objective and constraints by Numba have the Lagrangian of the same in NumPy."""
    x, multipliers = np.array([1.1, 4.5, 3.9, 1.4]), np.array([-0.7, 0.3])
    own = numba.njit(lambda x: np.array([x[0] * x[1] * x[2] * x[3], np.sum(x**2)]))
    problem = fastad.ipopt.Problem(numba.njit(hs071), own, np.array([1.0, 5.0, 5.0, 1.0]))
    plain = fastad.ipopt.Problem(hs071, hs071_constraints, np.array([1.0, 5.0, 5.0, 1.0]))
    for name, args in (("hessian", (x, multipliers, 1.5)), ("jacobian", (x,)), ("gradient", (x,))):
        np.testing.assert_allclose(getattr(problem, name)(*args), getattr(plain, name)(*args), rtol=1e-12)


def test_another_pattern_stops_ipopt():
    problem = fastad.ipopt.Problem(lambda x: x[0] * x[1] if x[0] > 0.5 else x[0] ** 2 * x[1], None, np.ones(2))
    assert problem.intermediate(0, 0)
    with pytest.raises(SparsityError, match=r"other nonzeros.*np\.where"):
        problem.hessian(np.zeros(2), np.empty(0), 1.0)
    assert not problem.intermediate(0, 1)


def test_the_missing_package_is_named(monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "cyipopt", None)
    with pytest.raises(ImportError, match=r"fastad\[ipopt\]"):
        fastad.ipopt.minimize(rosen, np.zeros(3))


def test_ipopt():
    """Hock & Schittkowski's problem 71, whose solution Waechter & Biegler's documentation prints."""
    pytest.importorskip("cyipopt")
    found = fastad.ipopt.minimize(
        hs071, [1.0, 5.0, 5.0, 1.0], bounds=(1.0, 5.0), constraints=hs071_constraints,
        constraint_bounds=([25.0, 40.0], [np.inf, 40.0]), options={"tol": 1e-10},
    )  # fmt: skip
    assert found.success
    np.testing.assert_allclose(found.x, [1.0, 4.74299963, 3.82114998, 1.37940829], rtol=1e-6)
    assert found.fun == pytest.approx(17.0140173, rel=1e-7)
    np.testing.assert_allclose(found.multipliers, [-0.55229366, 0.16146856], rtol=1e-5)
    with pytest.raises(ShapeMismatch, match="bounds"):
        fastad.ipopt.minimize(hs071, np.ones(4), bounds=3.0)
    with pytest.raises(SparsityError, match="other nonzeros"):
        fastad.ipopt.minimize(
            lambda x: np.sum(x**4) if x[0] > 1 else x[0] ** 4 + x[1] ** 4 + x[1] * x[0], np.full(2, 3.0)
        )
