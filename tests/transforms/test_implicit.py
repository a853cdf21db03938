"""Derivatives of solutions, against closed forms and mpmath."""

import pickle
import threading

import mpmath
import numpy as np
import pytest

import fastad as ad
from fastad import errors

RNG = np.random.default_rng(5)
DESIGN, TARGET = RNG.normal(size=(7, 3)), RNG.normal(size=7)


def square_root(a):
    return ad.root(lambda x, a: x * x - a, 1.0, a)


def by_newton(a):
    return ad.root(lambda x, a: x * x - a, 1.0, a, method="newton")


def by_bracket(a):
    return ad.root(lambda x, a: x * x - a, 1.0, a, method="brentq", bracket=(0.0, 100.0))


def babylonian(a):
    return ad.fixed_point(lambda x, a: 0.5 * (x + a / x), a, a)


def distance(a):
    return ad.argmin(lambda x, a: (x**2 - a) ** 2, 1.0, a)


def from_outer_start(a):
    return ad.root(lambda x, a: x * x - a, 0.5 * a + 0.5, a)


ROOTS = (square_root, by_newton, by_bracket, babylonian, distance, from_outer_start)


@pytest.mark.parametrize("f", ROOTS)
def test_square_roots(f):
    gradient = ad.grad(f)
    third = ad.grad(ad.grad(ad.grad(f)))
    for a in (4.0, 2.0, 7.3):
        expected = (a**0.5, 0.5 * a**-0.5, -0.25 * a**-1.5, 0.375 * a**-2.5)
        np.testing.assert_allclose(f(a), expected[0], rtol=1e-15)
        np.testing.assert_allclose(gradient(a), expected[1], rtol=3e-15)
        np.testing.assert_allclose(ad.jvp(f, (a,), (2.0,))[1], 2.0 * expected[1], rtol=3e-15)
        for second in (ad.grad(ad.grad(f))(a), ad.hessian(f)(a), ad.hvp(f)(a, 1.0), ad.jacobian(ad.grad(f))(a)):
            np.testing.assert_allclose(second, expected[2], rtol=2e-14)
        np.testing.assert_allclose(third(a), expected[3], rtol=1e-13)
    points = np.array([1.0, 4.0, 9.0])
    np.testing.assert_allclose(ad.vmap(gradient)(points), 0.5 / np.sqrt(points), rtol=3e-15)


# --- Kepler's equation --------------------------------------------------------------------------------
def anomaly(mean, e):
    return ad.root(lambda x, mean, e: x - e * np.sin(x) - mean, mean, mean, e)


def test_kepler():
    with mpmath.workdps(40):
        for mean, e in ((1.0, 0.1), (2.5, 0.7)):

            def exact(m, e):
                return mpmath.findroot(lambda x: x - e * mpmath.sin(x) - m, m)

            orders = ((0, 0), (1, 0), (0, 1), (2, 0), (1, 1), (0, 2))
            value, m, s, mm, ms, ss = (float(mpmath.diff(exact, (mean, e), n)) if any(n) else float(exact(mean, e))
                                       for n in orders)  # fmt: skip
            np.testing.assert_allclose(anomaly(mean, e), value, rtol=1e-15)
            np.testing.assert_allclose(ad.grad(anomaly, (0, 1))(mean, e), (m, s), rtol=1e-14)
            np.testing.assert_allclose(ad.hessian(anomaly, (0, 1))(mean, e), ((mm, ms), (ms, ss)), rtol=1e-13)


# --- systems ------------------------------------------------------------------------------------------
def system(x, parts):
    a, b = parts["a"], parts["b"]
    return [x[0] ** 2 + a * x[1] - 3.0, np.exp(x[0] - 1.0) + b[0] * x[1] ** 3 - 2.0 * b[1]]


def solved(a, b):
    return ad.root(system, np.array([1.0, 1.0]), {"a": a, "b": b, "label": "a static one"})


def test_a_system_against_mpmath():
    b = np.array([1.1, 1.02])
    with mpmath.workdps(40):

        def exact(k):
            def of(a):
                f = lambda x, y: (x**2 + a * y - 3, mpmath.exp(x - 1) + b[0] * y**3 - 2 * b[1])  # noqa: E731
                return mpmath.findroot(f, (1, 1))[k]

            return [float(mpmath.diff(of, 2.0, n)) if n else float(of(2.0)) for n in (0, 1, 2)]

        first, second = exact(0), exact(1)
    np.testing.assert_allclose(solved(2.0, b), [first[0], second[0]], rtol=1e-15)
    for mode in ("forward", "reverse"):
        np.testing.assert_allclose(ad.jacobian(solved, mode=mode)(2.0, b), [first[1], second[1]], rtol=1e-13)
    for k, row in enumerate((first, second)):
        np.testing.assert_allclose(ad.hessian(lambda a, k=k: solved(a, b)[k])(2.0), row[2], rtol=1e-12)
    ad.testing.check_derivatives(lambda a, b: np.sum(solved(a, b) ** 2), 2.0, b)


def linear(matrix, b):
    return ad.root(lambda x, m, b: m @ x - b, np.zeros_like(b), matrix, b)


def test_linear_systems():
    matrix, b = np.array([[3.0, 1.0], [0.5, 2.0]]), np.array([[1.0, -2.0]]).T
    inverse = np.linalg.inv(matrix)
    jacobian = ad.jacobian(linear, argnums=1)(matrix, b)
    np.testing.assert_allclose(jacobian[:, 0, :, 0], inverse, rtol=1e-14)
    by_root = ad.hessian(lambda m: np.sum(linear(m, b) ** 3))(matrix)
    by_inverse = ad.hessian(lambda m: np.sum((adjugate(m) @ b / determinant(m)) ** 3))(matrix)
    np.testing.assert_allclose(by_root, by_inverse, rtol=1e-12)


def determinant(m):
    return m[0, 0] * m[1, 1] - m[0, 1] * m[1, 0]


def adjugate(m):
    return np.array([[m[1, 1], -m[0, 1]], [-m[1, 0], m[0, 0]]])


def test_badly_scaled_systems():
    scales = np.array([1e-15, 1.0, 1e3])
    f = ad.jacobian(lambda b: ad.root(lambda x, b: scales * (x + x**3) - scales * b, np.zeros(3), b))
    np.testing.assert_allclose(f(np.full(3, 2.0)), np.eye(3) / 4.0, rtol=1e-13)


# --- minimisers ---------------------------------------------------------------------------------------
def ridge_loss(w, penalty, x, y):
    return np.sum((x @ w - y) ** 2) + np.exp(penalty) * np.sum(w**2)


@pytest.mark.parametrize("method", (None, "Newton-CG", "trust-exact", "L-BFGS-B"))
def test_ridge_regression(method):
    def outer(penalty, x):
        w = ad.argmin(ridge_loss, np.zeros(3), penalty, x, TARGET, method=method)
        return np.sum((x @ w - 0.5 * TARGET) ** 2)

    def closed(penalty, x):
        gram = x.T @ x + np.exp(penalty) * np.eye(3)
        w = linear(gram, x.T @ TARGET)
        return np.sum((x @ w - 0.5 * TARGET) ** 2)

    for penalty in (0.3, -1.0):
        np.testing.assert_allclose(outer(penalty, DESIGN), closed(penalty, DESIGN), rtol=1e-13)
        for ours, theirs in zip(*(ad.grad(f, (0, 1))(penalty, DESIGN) for f in (outer, closed)), strict=True):
            np.testing.assert_allclose(ours, theirs, rtol=1e-11, atol=1e-12)
        np.testing.assert_allclose(ad.hessian(outer)(penalty, DESIGN), ad.hessian(closed)(penalty, DESIGN), rtol=1e-10)
    w = np.linalg.solve(DESIGN.T @ DESIGN + np.exp(0.3) * np.eye(3), DESIGN.T @ TARGET)
    slope = -np.linalg.solve(DESIGN.T @ DESIGN + np.exp(0.3) * np.eye(3), np.exp(0.3) * w)
    exact = 2.0 * (DESIGN @ w - 0.5 * TARGET) @ DESIGN @ slope
    np.testing.assert_allclose(ad.grad(outer)(0.3, DESIGN), exact, rtol=1e-11)


def test_nested_problems():
    """A minimiser whose objective solves an equation."""

    def outer(c):
        return ad.argmin(lambda x, c: (ad.root(lambda y, x, c: y**3 - x - c, 1.0, x, c) - 2.0) ** 2, 5.0, c)

    np.testing.assert_allclose(outer(1.5), 6.5, rtol=1e-12)
    np.testing.assert_allclose(ad.grad(outer)(1.5), -1.0, rtol=1e-11)


# --- what it costs, and what goes wrong ---------------------------------------------------------------
def test_one_instruction_and_one_factorisation():
    tape = ad.record(lambda b: ad.root(lambda x, b: x + 0.1 * np.sin(x) - b, np.zeros(30), b), np.ones(30))
    assert len(tape.program.segments) == 1
    assert tape.adjoint(np.ones(30), weights=np.eye(30)).shape == (30, 30)


def test_errors():
    cases = (
        (errors.NotConverged, "no solution", lambda a: ad.root(lambda x, a: x * x + a, 1.0, a)),
        (errors.NotConverged, "no solution", lambda a: ad.fixed_point(lambda x, a: x + a, 1.0, a)),
        (errors.NotConverged, "no solution", lambda a: ad.argmin(lambda x, a: a * x, 1.0, a)),
        (errors.NotConverged, "no solution", lambda a: ad.root(lambda x, a: x * x + a, 1.0, a, method="lm")),
        (errors.NotConverged, "maximum", lambda a: ad.argmin(lambda x, a: a * np.cos(x), 0.0, a)),
        (errors.NotConverged, "saddle", lambda a: ad.argmin(lambda x, a: x[0] ** 2 - a * x[1] ** 2, np.zeros(2), a)),
        (errors.SingularJacobian, "singular", lambda a: ad.root(lambda x, a: (x - a) ** 3, 2.0, a)),
        (errors.DerivativeCut, "pass it as one", lambda a: ad.root(lambda x: x * x - a, 1.0)),
        (errors.DerivativeCut, "pass it as one", lambda a: ad.argmin(lambda x: (x - a) ** 2, 1.0)),
        (errors.ShapeMismatch, "as many equations", lambda a: ad.root(lambda x, a: np.array([x, a]), 1.0, a)),
        (errors.UnsupportedDtype, "x0", lambda a: ad.root(lambda x, a: x - a, "text", a)),
        (TypeError, "needs a function", lambda a: ad.root(a, 1.0)),
    )
    for error, message, f in cases:
        with pytest.raises(error, match=message):
            ad.grad(f)(2.0)


def test_replays_that_fail_and_recover():
    gradient = ad.grad(square_root)
    assert gradient(4.0) == 0.25
    with pytest.raises(errors.NotConverged):
        gradient(-4.0)
    assert gradient(16.0) == 0.125


def test_plain_calls():
    assert type(square_root(4.0)) is float
    assert ad.root(lambda x: x - 3.0, np.zeros((2, 2))).tolist() == [[3.0, 3.0], [3.0, 3.0]]
    assert ad.root(lambda x, flag: [x[0] - (2 if flag else 3)], [1.0], True).tolist() == [2.0]
    assert ad.argmin(lambda x: np.sum((x - 1.0) ** 2), [0, 0]).tolist() == [1.0, 1.0]


def plain_residual(x, a):
    return x**3 + x - a


def test_pickles_and_files(tmp_path):
    tape = ad.record(lambda a: ad.root(plain_residual, 1.0, a), 2.0)
    assert pickle.loads(pickle.dumps(tape)).adjoint(10.0, weights=[1.0]) == 1.0 / 13.0
    with pytest.raises(errors.UnsupportedDtype, match="pickle"):
        tape.save(tmp_path / "tape")


def test_threads():
    gradient, wrong = ad.grad(lambda a: ad.root(plain_residual, 1.0, a)), []

    def work(x):
        for _ in range(20):
            wrong.extend([x] if abs(gradient(x**3 + x) - 1.0 / (3.0 * x * x + 1.0)) > 1e-14 else [])

    threads = [threading.Thread(target=work, args=(x,)) for x in (1.0, 2.0, 3.0, 0.5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
