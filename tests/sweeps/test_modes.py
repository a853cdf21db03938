"""Forward equals reverse, and a factor that is exactly 0 contributes exactly 0 in every mode."""

from __future__ import annotations

import numpy as np
import pytest

import fastad as ad
from tests.sweeps.programs import array_cases, elementwise_cases

ATOL = 1e-13
KERNEL_FUNCTIONS = {
    "scalars": lambda x: sum(np.sin(x[i]) * x[i - 1] / (2.0 + x[i - 2] ** 2) for i in range(4)),
    "short arrays": lambda x: np.sin(x[:4]) * np.exp(-x[:1]) + np.hypot(x[:4], x[3::-1]),
    "long arrays": lambda x: np.cumsum(np.tanh(x) * np.roll(x, 5))[::7] + np.arctan2(x[0], x[::7] + 3.0),
    "sums": lambda x: np.sum(np.outer(x[:30], np.cos(x)), axis=0) * np.mean(x),
    "matrices": lambda x: (np.sin(x[:1600]).reshape(40, 40) @ x[:1600].reshape(40, 40)) @ x[:40],
    "gathers": lambda x: x[np.arange(3000) * 7 % x.size] ** 3 * x[np.arange(3000) * 11 % x.size],
}


@pytest.mark.parametrize("name", KERNEL_FUNCTIONS)
def test_forward_and_reverse_jacobians_agree(name):
    f = KERNEL_FUNCTIONS[name]
    x = np.random.default_rng(1).uniform(0.2, 1.2, {"scalars": 4, "short arrays": 4, "matrices": 1600}.get(name, 700))
    tape = ad.record(f, x)
    n, m = min(tape.inputs, 50), min(tape.outputs, 50)
    forward = tape.tangent(x, np.eye(tape.inputs)[:n])[:, :m]
    reverse = tape.adjoint(x, np.eye(tape.outputs)[:m])[:, :n].T
    scale = np.maximum(1.0, np.abs(forward) + np.abs(reverse))
    assert np.max(np.abs(forward - reverse) / scale) <= ATOL


def test_tangents_and_adjoints_are_transposes():
    """weight @ (J @ seed) = (weight @ J) @ seed, for every array instruction and for some rows."""
    draw = np.random.default_rng(2)
    rows = [op for op in ad.ops.OPS if op.name in ("multiply", "hypot", "where", "tanh", "power")]
    for case in [*array_cases(), *(case for op in rows for case in elementwise_cases(op))]:
        x, tape = case.x, case.tape
        seed, weight = draw.normal(size=x.size), draw.normal(size=tape.outputs)
        with np.errstate(over="ignore"):
            left, right = weight * tape.tangent(x, seed), tape.adjoint(x, weight) * seed
        assert abs(left.sum() - right.sum()) <= ATOL * (np.sum(np.abs(left)) + np.sum(np.abs(right))), case.layout


# --- absolute zero ----------------------------------------------------------------------------------
def guarded_root(x):
    return np.where(x > 0.0, np.sqrt(x), 0.0)


CLEAN = {
    "where and sqrt": (guarded_root, [0.0, -1.0, -0.0]),
    "where and log": (lambda x: np.where(x > 0.0, x * np.log(x), 0.0), [0.0, -2.0, -0.0]),
    "where and reciprocal": (lambda x: np.where(x != 0.0, 1.0 / x, 0.0), [0.0, -0.0]),
    "where and power": (lambda x: np.where(x > 0.0, x**-1.5, 0.0), [0.0, -0.0]),
    "where and arccosh": (lambda x: np.where(x > 1.0, np.arccosh(x), 0.0), [1.0, 0.5]),
    "zero times sqrt": (lambda x: 0.0 * np.sqrt(x), [0.0]),
}


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("size", [None, 1, 3, 600])
@pytest.mark.parametrize("name", CLEAN)
def test_the_side_not_taken_contributes_exactly_zero(name, size):
    f, points = CLEAN[name]
    for point in points:
        x = point if size is None else np.full(size, point)
        total = f if size is None else lambda x: np.sum(f(x))
        one, zero = (1.0, 0.0) if size is None else (np.ones(size), np.zeros(size))
        assert np.array_equal(ad.grad(total)(x), zero), "gradient"
        assert ad.jvp(total, (x,), (one,))[1] == 0.0, "jvp"
        assert np.array_equal(ad.jvp(f, (x,), (one,))[1], zero), "jvp of the array"
        assert np.array_equal(ad.vjp(f, x)[1](one)[0], zero), "vjp"
        assert np.array_equal(ad.hvp(total)(x, one), zero), "hvp"
        assert np.array_equal(ad.grad(lambda x: np.sum(ad.grad(total)(x) * one))(x), zero), "grad of grad"
        assert np.array_equal(ad.grad(lambda x: ad.jvp(total, (x,), (one,))[1])(x), zero), "grad of jvp"
        if size is None or size < 10:
            assert not np.any(ad.jacobian(f, mode="forward")(x)), "jacobian, forward"
            assert not np.any(ad.jacobian(f, mode="reverse")(x)), "jacobian, reverse"
            assert not np.any(ad.hessian(total)(x)), "hessian"


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("n", [3, 40])
@pytest.mark.parametrize("bad", [np.inf, -np.inf, np.nan])
def test_matrix_products_know_absolute_zero(n, bad):
    """Where a factor is infinite or nan, weights and seeds that are 0 contribute 0, small products and BLAS alike."""
    draw = np.random.default_rng(n)
    left, right = draw.normal(size=(n, n)), draw.normal(size=(n, n))
    left[1, 2] = right[2, 1] = bad

    def f(x, y):
        return x @ y

    tape = ad.record(f, left, right)
    weight, seed = np.zeros((n, n)), np.zeros(2 * n * n)
    weight[0, 0] = 1.0
    adjoint = tape.adjoint(left, right, weights=weight.ravel()).reshape(2, n, n)
    expected = np.zeros((2, n, n))
    expected[0, 0], expected[1, :, 0] = right[:, 0], left[0]
    np.testing.assert_array_equal(adjoint, expected)
    seed[0] = 1.0  # the first entry of the left factor
    expected = np.zeros((n, n))
    expected[0] = right[0]
    np.testing.assert_array_equal(tape.tangent(left, right, seeds=seed).reshape(n, n), expected)
    zero = ad.vjp(f, left, right)[1](np.zeros((n, n)))
    assert not np.any(zero[0]) and not np.any(zero[1])


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("n", [2, 40])
def test_second_derivatives_of_matrix_products_know_absolute_zero(n):
    """A guarded root after a product: its derivatives of every order are 0 where it is not taken."""
    a = np.eye(n)
    a[0, 0] = 0.0

    def f(x):
        return np.sum(guarded_root(a @ guarded_root(x)) ** 2) + x[1]

    x = np.ones(n)
    x[0] = 0.0
    expected = np.zeros(n)
    expected[1] = 1.0
    for gradient in (ad.grad(f)(x), ad.jacobian(f, mode="forward")(x)):
        assert gradient[0] == 0.0
    assert ad.hvp(f)(x, np.ones(n))[0] == 0.0
    nested = ad.grad(lambda x: np.sum(ad.grad(f)(x)))(x)
    assert nested[0] == 0.0
    np.testing.assert_allclose(nested, ad.hvp(f)(x, np.ones(n)), rtol=1e-14, atol=1e-14)
