"""Derivatives that books and data sets give: Speelpenning's product, cofactors, Lotka-Volterra, NIST's models."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import rosen, rosen_der, rosen_hess, rosen_hess_prod

import fastad as ad
from fastad import nist

RNG = np.random.default_rng(3)


@pytest.mark.parametrize("n", [1, 2, 7, 40])
def test_speelpennings_product(n) -> None:
    """Griewank & Walther, section 3.4: the gradient is the product of the others."""

    def speelpenning(x):
        product = 1.0
        for value in x:
            product = product * value
        return product

    x = RNG.uniform(0.5, 1.5, n)
    others = [np.prod(np.delete(x, i)) for i in range(n)]
    assert ad.grad(speelpenning)(x) == pytest.approx(others, rel=1e-13)
    assert ad.grad(np.prod)(x) == pytest.approx(others, rel=1e-13)


def test_the_gradient_of_a_determinant_is_the_matrix_of_cofactors() -> None:
    def minors(m):
        if len(m) == 1:
            return m[0][0]
        columns = range(len(m))
        rest = [[[row[k] for k in columns if k != j] for row in m[1:]] for j in columns]
        return sum((-1) ** j * m[0][j] * minors(rest[j]) for j in columns)

    a = RNG.normal(size=(5, 5))
    cofactors = np.linalg.det(a) * np.linalg.inv(a).T
    assert ad.grad(minors)(a) == pytest.approx(cofactors, rel=1e-11, abs=1e-12)


@pytest.mark.parametrize("n", [2, 10, 100])
def test_rosenbrock(n) -> None:
    x, v = RNG.normal(size=n), RNG.normal(size=n)
    assert ad.value_and_grad(rosen)(x)[0] == pytest.approx(rosen(x), rel=1e-15)
    assert ad.grad(rosen)(x) == pytest.approx(rosen_der(x), rel=1e-12, abs=1e-10)
    assert ad.hessian(rosen)(x) == pytest.approx(rosen_hess(x), rel=1e-12, abs=1e-10)
    assert ad.hvp(rosen)(x, v) == pytest.approx(rosen_hess_prod(x, v), rel=1e-11, abs=1e-9)


def lotka_volterra(p):
    """The state after 40 steps of RK4; p = rates and start."""
    a, b, c, d, x, y = p

    def rate(x, y):
        return x * (a - b * y), y * (c * x - d)

    h = 0.05
    for _ in range(40):
        k = rate(x, y)
        l = rate(x + h / 2 * k[0], y + h / 2 * k[1])  # noqa: E741
        m = rate(x + h / 2 * l[0], y + h / 2 * l[1])
        n = rate(x + h * m[0], y + h * m[1])
        x = x + h / 6 * (k[0] + 2 * l[0] + 2 * m[0] + n[0])
        y = y + h / 6 * (k[1] + 2 * l[1] + 2 * m[1] + n[1])
    return [x, y]


def complex_step(f, p):
    """The Jacobian, exact to rounding, of a function of analytic operations."""
    columns = []
    for i in range(p.size):
        moved = p.astype(complex)
        moved[i] += 1e-200j
        columns.append(np.imag(np.array(f(moved))) / 1e-200)
    return np.stack(columns, -1)


def test_lotka_volterra_against_complex_step() -> None:
    p = np.array([1.1, 0.4, 0.1, 0.4, 10.0, 5.0])
    expected = complex_step(lotka_volterra, p)
    for mode in ("forward", "reverse"):
        assert ad.jacobian(lotka_volterra, mode=mode)(p) == pytest.approx(expected, rel=1e-12)


def test_the_model_of_hahn1_against_complex_step() -> None:
    """NIST StRD: each column of the Jacobian to 1e-14 of its largest entry."""
    data = nist.load("Hahn1")

    def model(b):
        x = data.x
        return (b[0] + b[1] * x + b[2] * x**2 + b[3] * x**3) / (1 + b[4] * x + b[5] * x**2 + b[6] * x**3)

    jacobian = ad.jacobian(model)
    for b in (*data.starts, data.certified):
        expected = complex_step(model, b)
        error = np.abs(jacobian(b) - expected) / np.max(np.abs(expected), axis=0)
        assert np.max(error) <= 1e-14


def test_a_gradient_costs_a_small_multiple_of_the_tape() -> None:
    """The cheap gradient principle in instructions: the nested gradient is recorded with a bounded factor."""

    def f(x):
        return np.sum(np.sin(x[:-1]) * x[1:] ** 2)

    x = RNG.normal(size=50)
    sizes = [ad.record(g, x).stats() for g in (f, ad.grad(f))]
    counts = [s["slots"] - s["inputs"] - s["constants"] for s in sizes]
    assert counts[1] <= 8 * counts[0]
