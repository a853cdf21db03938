"""The transforms in SciPy's optimisers, as the documentation shows them."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.integrate import solve_ivp
from scipy.optimize import (
    LinearConstraint,
    NonlinearConstraint,
    approx_fprime,
    basinhopping,
    check_grad,
    fsolve,
    least_squares,
    minimize,
    root,
    rosen,
    rosen_der,
    rosen_hess,
    rosen_hess_prod,
)

import fastad as ad


def rosenbrock(x):
    return np.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1.0 - x[:-1]) ** 2)


START = np.array([1.3, 0.7, 0.8, 1.9, 1.2])


def test_scipy_s_own_derivatives():
    for x in np.random.default_rng(0).normal(size=(20, 6)):
        np.testing.assert_allclose(ad.grad(rosen)(x), rosen_der(x), rtol=1e-12, atol=1e-12)
        np.testing.assert_allclose(ad.hessian(rosen)(x), rosen_hess(x), rtol=1e-12, atol=1e-12)
        np.testing.assert_allclose(ad.hvp(rosen)(x, x[::-1]), rosen_hess_prod(x, x[::-1]), rtol=1e-11, atol=1e-11)
    assert check_grad(rosenbrock, ad.grad(rosenbrock), START) < 1e-3
    np.testing.assert_allclose(approx_fprime(START, rosenbrock), ad.grad(rosenbrock)(START), rtol=1e-4)


@pytest.mark.parametrize("method", ["CG", "BFGS", "L-BFGS-B", "TNC", "SLSQP"])
def test_minimize_with_value_and_gradient(method):
    made = ad.value_and_grad(rosenbrock)
    result = minimize(made, START, jac=True, method=method)
    np.testing.assert_allclose(result.x, np.ones(5), atol=1e-3)
    assert made.replayer.recordings == 1


@pytest.mark.parametrize("method", ["Newton-CG", "trust-ncg", "trust-krylov", "trust-constr"])
def test_minimize_with_hessian_products(method):
    result = minimize(ad.value_and_grad(rosenbrock), START, jac=True, hessp=ad.hvp(rosenbrock), method=method,
                      options={"maxiter": 500})  # fmt: skip
    np.testing.assert_allclose(result.x, np.ones(5), atol=1e-3)


@pytest.mark.parametrize("method", ["Newton-CG", "dogleg", "trust-exact", "trust-ncg"])
def test_minimize_with_hessians(method):
    start = START if method != "dogleg" else np.full(5, 1.1)  # which asks for positive definite ones
    result = minimize(rosenbrock, start, jac=ad.grad(rosenbrock), hess=ad.hessian(rosenbrock), method=method)
    np.testing.assert_allclose(result.x, np.ones(5), atol=1e-3)


def test_minimize_with_further_arguments():
    """`args` arrive as passive inputs: data that change need no new recording."""
    made = ad.value_and_grad(lambda x, t, y: 1.0 + np.sum((y - x[0] * np.exp(-x[1] * t)) ** 2))
    t = np.linspace(0.0, 2.0, 30)
    for rate in (0.5, 1.0, 1.5):
        result = minimize(made, np.array([1.0, 1.0]), args=(t, 3.0 * np.exp(-rate * t)), jac=True, tol=1e-12)
        np.testing.assert_allclose(result.x, [3.0, rate], rtol=1e-5)
    assert made.replayer.recordings == 1


def test_constraints():
    square = lambda x: x[0] ** 2 + x[1] ** 2  # noqa: E731
    bend = ad.hessian(square)
    circle = NonlinearConstraint(square, 1.0, 1.0, jac=ad.jacobian(square), hess=lambda x, v: v[0] * bend(x))
    f = lambda x: x[0] + 2.0 * x[1]  # noqa: E731
    result = minimize(ad.value_and_grad(f), np.array([0.3, 0.7]), jac=True, constraints=[circle], method="trust-constr",
                      hess=ad.hessian(f))  # fmt: skip
    np.testing.assert_allclose(result.x, np.array([-1.0, -2.0]) / np.sqrt(5.0), atol=1e-4)
    result = minimize(rosenbrock, START, jac=ad.grad(rosenbrock), method="SLSQP",
                      constraints=[LinearConstraint(np.ones(5), -np.inf, 3.0)])  # fmt: skip
    assert result.success and np.sum(result.x) <= 3.0 + 1e-8


@pytest.mark.parametrize("method", ["trf", "dogbox", "lm"])
def test_least_squares(method):
    t = np.linspace(0.0, 3.0, 40)
    truth = np.array([2.0, 0.7, 0.5])
    y = truth[0] * np.exp(-truth[1] * t) + truth[2] + 0.01 * np.cos(37.0 * t)

    def residuals(p):
        return p[0] * np.exp(-p[1] * t) + p[2] - y

    made = ad.jacobian(residuals)
    result = least_squares(residuals, np.ones(3), jac=made, method=method, xtol=1e-15, ftol=1e-15, gtol=1e-15)
    np.testing.assert_allclose(result.x, truth, rtol=0.05)
    np.testing.assert_allclose(result.jac.T @ result.fun, 0.0, atol=1e-8)
    assert made.replayer.recordings == 1


def test_equations():
    def f(x):
        return np.array([x[0] * np.cos(x[1]) - 4.0, x[1] * x[0] - x[1] - 5.0])

    solution = [6.50409711, 0.90841421]
    np.testing.assert_allclose(root(f, [1.0, 1.0], jac=ad.jacobian(f)).x, solution, rtol=1e-7)
    np.testing.assert_allclose(fsolve(f, [1.0, 1.0], fprime=ad.jacobian(f)), solution, rtol=1e-7)


def test_stiff_equations_of_motion():
    """Robertson's problem: the Jacobian of the right-hand side, with respect to the second argument."""

    def rates(t, y):
        a, b, c = 0.04 * y[0], 1e4 * y[1] * y[2], 3e7 * y[1] ** 2
        return np.array([-a + b, a - b - c, c])

    made = ad.jacobian(rates, 1)
    solved = solve_ivp(rates, (0.0, 100.0), [1.0, 0.0, 0.0], method="BDF", jac=made, rtol=1e-8, atol=1e-12)
    assert solved.success and np.sum(solved.y[:, -1]) == pytest.approx(1.0, rel=1e-9)
    assert made.replayer.recordings == 1


def test_a_callback_may_keep_what_it_gets():
    kept = []
    minimize(ad.value_and_grad(rosenbrock), START, jac=True, callback=lambda x: kept.append(x))
    assert len({tuple(x) for x in kept}) == len(kept) > 5


def test_global_optimisation_with_local_gradients():
    f = lambda x: np.sum(x**2 + 3.0 * np.sin(3.0 * x))  # noqa: E731
    local = {"jac": True, "method": "BFGS"}
    result = basinhopping(ad.value_and_grad(f), np.full(2, 2.0), niter=20, minimizer_kwargs=local, rng=1)
    np.testing.assert_allclose(ad.grad(f)(result.x), 0.0, atol=1e-4)
