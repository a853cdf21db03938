"""Derivatives in SciPy's loops, as people use them."""

import numpy as np
import pytest
from scipy.integrate import solve_ivp
from scipy.optimize import NonlinearConstraint, least_squares, minimize, root, rosen, rosen_der, rosen_hess

import fastad as ad


def rosenbrock(x):
    return np.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1.0 - x[:-1]) ** 2)


START = np.array([-1.2, 1.0, -0.5, 0.8, 1.3])


def test_beside_scipys_own_derivatives():
    x = np.linspace(-1.0, 2.0, 10)
    value, gradient = ad.value_and_grad(rosen)(x)
    assert value == rosen(x)
    np.testing.assert_allclose(gradient, rosen_der(x), rtol=1e-13)
    np.testing.assert_allclose(ad.hessian(rosen)(x), rosen_hess(x), rtol=1e-13, atol=1e-10)


@pytest.mark.parametrize("method", ["BFGS", "L-BFGS-B", "CG", "SLSQP"])
def test_minimize_with_value_and_gradient(method):
    best = minimize(ad.value_and_grad(rosenbrock), START, jac=True, method=method)
    np.testing.assert_allclose(best.x, 1.0, atol=1e-3)


@pytest.mark.parametrize("method", ["Newton-CG", "trust-exact", "dogleg", "trust-ncg"])
def test_minimize_with_a_hessian(method):
    point = np.array([1.01, 1.02, 1.04, 1.08, 1.17])  # where the Hessian is positive definite, as dogleg needs
    assert np.all(np.linalg.eigvalsh(rosen_hess(point)) > 0.0)
    best = minimize(rosenbrock, point, jac=ad.grad(rosenbrock), hess=ad.hessian(rosenbrock), method=method)
    np.testing.assert_allclose(best.x, 1.0, atol=1e-3)


@pytest.mark.parametrize("method", ["Newton-CG", "trust-ncg"])
def test_minimize_with_hessian_products(method):
    best = minimize(rosenbrock, START, jac=ad.grad(rosenbrock), hessp=ad.hvp(rosenbrock), method=method)
    assert best.success
    np.testing.assert_allclose(rosen_der(best.x), 0.0, atol=1e-3)  # there are two minima


def test_a_loop_replays_one_tape_and_leaves_its_points_alone():
    objective, points = ad.value_and_grad(rosenbrock), []

    def watched(x):
        before = x.copy()
        result = objective(x)
        np.testing.assert_array_equal(x, before)
        points.append(before)
        return result

    minimize(watched, START, jac=True)
    assert len(points) > 20
    assert objective.replayer.recordings == 1


def test_gradients_of_a_loop_do_not_share_memory():
    objective = ad.value_and_grad(rosenbrock)
    gradients = [objective(START * scale)[1] for scale in (1.0, 2.0, 3.0, 4.0)]
    expected = [rosen_der(START * scale) for scale in (1.0, 2.0, 3.0, 4.0)]
    np.testing.assert_allclose(gradients, expected, rtol=1e-12)


def test_args_reach_the_function():
    def shifted(x, center, scale):
        return scale * np.sum((x - center) ** 2)

    best = minimize(ad.value_and_grad(shifted), np.zeros(3), args=(np.array([1.0, 2.0, 3.0]), 2.0), jac=True)
    np.testing.assert_allclose(best.x, [1.0, 2.0, 3.0], atol=1e-6)


def test_root_and_least_squares():
    def equations(x):
        return np.array([x[0] ** 2 + x[1] ** 2 - 4.0, np.exp(x[0]) + x[1] - 1.0])

    for solve in (root, least_squares):
        found = solve(equations, np.array([1.0, -1.5]), jac=ad.jacobian(equations)).x
        np.testing.assert_allclose(equations(found), 0.0, atol=1e-8)


def test_constraints():
    def circle(x):
        return x[0] ** 2 + x[1] ** 2

    constraint = NonlinearConstraint(
        circle, 1.0, 1.0, jac=ad.grad(circle), hess=lambda x, v: v[0] * ad.hessian(circle)(x)
    )
    best = minimize(
        ad.value_and_grad(lambda x: x[0] + 2.0 * x[1]), np.array([0.5, 0.5]), jac=True, method="trust-constr",
        hess=lambda x: np.zeros((2, 2)), constraints=[constraint],
    )  # fmt: skip
    np.testing.assert_allclose(best.x, -np.array([1.0, 2.0]) / np.sqrt(5.0), atol=1e-5)


def test_a_stiff_equation_with_its_jacobian():
    def kinetics(t, y):
        fast, slow = 0.04 * y[0], 1e4 * y[1] * y[2]
        return np.array([-fast + slow, fast - slow - 3e7 * y[1] ** 2, 3e7 * y[1] ** 2])

    jacobian, calls = ad.jacobian(kinetics, argnums=1), []

    def counted(t, y):
        calls.append(t)
        return jacobian(float(t), y)

    options = {"method": "BDF", "rtol": 1e-8, "atol": 1e-10}
    found = solve_ivp(kinetics, (0.0, 40.0), [1.0, 0.0, 0.0], jac=counted, **options).y[:, -1]
    np.testing.assert_allclose(found, [0.7158270688, 9.185534765e-06, 0.2841637457], rtol=1e-5)
    assert calls and jacobian.replayer.recordings == 1
