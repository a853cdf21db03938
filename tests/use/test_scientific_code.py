"""Functions as scientists write them, without a thought of differentiation: recorded at one point, used at another.

The truth is differences of eighth order of the plain function, which are good to some 1e-11 for functions of
moderate size; values are compared with the plain function's own.
"""

from __future__ import annotations

import itertools
import math
from math import exp

import numpy as np
import pytest
import scipy.linalg
import scipy.optimize
import scipy.special
from numpy import sin, zeros

import fastad as ad

WEIGHTS = np.array([4 / 5, -1 / 5, 4 / 105, -1 / 280])


def differences(f, x, h=2e-3):
    """Central differences of eighth order, one coordinate after the other."""
    out = np.zeros(x.shape)
    for i in np.ndindex(x.shape):
        step = h * max(1.0, abs(x[i]))
        for k, weight in enumerate(WEIGHTS, 1):
            for sign in (1, -1):
                moved = x.copy()
                moved[i] += sign * k * step
                out[i] += sign * weight * float(f(moved)) / step
    return out


# --- physics ----------------------------------------------------------------------------------------
def n_body_energy(positions):
    """Pairs in a double loop, a branch that skips the diagonal."""
    p = positions.reshape(-1, 3)
    masses = [1.0, 0.5, 2.0, 0.1]
    energy = 0.0
    for i in range(len(p)):
        for j in range(len(p)):
            if i < j:
                d = p[i] - p[j]
                energy -= masses[i] * masses[j] / np.sqrt(np.dot(d, d) + 1e-3)
    return energy


def n_body_leapfrog(state):
    """A few steps of leapfrog with accelerations by broadcasting."""
    x, v = state[:6].reshape(3, 2).copy(), state[6:].reshape(3, 2).copy()
    m = np.array([1.0, 2.0, 0.5])
    for _ in range(5):
        d = x[None, :, :] - x[:, None, :]
        r2 = (d**2).sum(axis=-1) + 0.1
        a = (m[None, :, None] * d / r2[..., None] ** 1.5).sum(axis=1)
        v += 0.05 * a
        x += 0.05 * v
    return np.sum(x * v) + np.linalg.norm(x[0])


def lotka_volterra(p):
    """A hand-written Runge-Kutta integrator that calls a helper."""

    def rhs(y):
        return np.array([p[0] * y[0] - p[1] * y[0] * y[1], p[2] * y[0] * y[1] - p[3] * y[1]])

    y, h = np.array([1.0, 0.5]), 0.1
    for _ in range(20):
        k1 = rhs(y)
        k2 = rhs(y + 0.5 * h * k1)
        k3 = rhs(y + 0.5 * h * k2)
        k4 = rhs(y + h * k3)
        y = y + h / 6 * (k1 + 2 * k2 + 2 * k3 + k4)
    return y[0] + 2 * y[1]


def heat_in_place(u0):
    """A stencil written into a work array, boundaries kept."""
    u = zeros((6, 6))
    u[1:-1, 1:-1] = u0.reshape(4, 4)
    for _ in range(4):
        new = u.copy()
        for i in range(1, 5):
            new[i, 1:-1] = u[i, 1:-1] + 0.2 * (u[i + 1, 1:-1] + u[i - 1, 1:-1] + u[i, 2:] + u[i, :-2] - 4 * u[i, 1:-1])
        u[...] = new
    return (u**2).sum()


def ray_through_spheres(p):
    """The first sphere that is hit decides: a branch on values."""
    origin, direction = p[:3], p[3:] / np.linalg.norm(p[3:])
    nearest = float("inf")
    for center, radius in (((0.0, 0.0, 5.0), 1.0), ((0.5, 0.2, 9.0), 2.0)):
        oc = origin - np.asarray(center)
        b = np.dot(oc, direction)
        disc = b * b - (np.dot(oc, oc) - radius**2)
        if disc > 0:
            t = -b - math.sqrt(disc)
            if t > 0 and t < nearest:
                nearest = t
    return nearest


def pendulum_with_contact(p):
    """A bounce where the sign of the angle changes."""
    theta, omega = p[0], p[1]
    for _ in range(60):
        omega -= 0.02 * 9.81 * math.sin(theta)
        theta += 0.02 * omega
        if theta < 0:
            theta, omega = -theta, -0.8 * omega
    return theta**2 + 0.1 * omega**2


def ising_mean_field(p):
    """A fixed number of self-consistent iterations."""
    m = 0.5
    for _ in range(30):
        m = np.tanh((p[0] * m + p[1]) / p[2])
    return m


def van_der_waals(p):
    t, v = p
    return 8 * t / (3 * v - 1) - 3 / v**2


def quantum_oscillator(p):
    """Overlap of two Gaussians on a grid, by the trapezoidal rule."""
    x = np.linspace(-6.0, 6.0, 121)
    psi = np.exp(-0.5 * p[0] * (x - p[1]) ** 2)
    norm = np.sqrt(np.trapezoid(psi * psi, x))
    return np.trapezoid(psi / norm * x**2 * psi / norm, x)


# --- statistics -------------------------------------------------------------------------------------
TIMES = np.linspace(0.0, 3.0, 12)
COUNTS = np.array([1, 0, 2, 3, 1, 5, 4, 6, 8, 7, 12, 11])
SIGNAL = np.sin(2.0 * TIMES) + 0.1 * np.cos(7.0 * TIMES)


def kalman(p):
    """A filter in lists and small matrices; the logarithm of the likelihood."""
    q, r, m0, v0 = np.exp(p[0]), np.exp(p[1]), p[2], np.exp(p[3])
    mean, cov = np.array([m0, 0.0]), np.diag([v0, 1.0])
    F, H = np.array([[1.0, 0.25], [0.0, 1.0]]), np.array([[1.0, 0.0]])
    total = 0.0
    for z in SIGNAL:
        mean, cov = F @ mean, F @ cov @ F.T + q * np.eye(2)
        s = (H @ cov @ H.T)[0, 0] + r
        gain = (cov @ H.T).ravel() / s
        innovation = z - H.dot(mean)[0]
        mean = mean + gain * innovation
        cov = cov - np.outer(gain, H @ cov)
        total += -0.5 * (np.log(2 * np.pi * s) + innovation**2 / s)
    return -total


def gaussian_process(p):
    """Squared exponential covariance, Cholesky, two triangular solves."""
    length, scale, noise = np.exp(p)
    d = TIMES[:, None] - TIMES[None, :]
    K = scale**2 * np.exp(-0.5 * d**2 / length**2) + (noise + 1e-3) * np.eye(len(TIMES))
    L = np.linalg.cholesky(K)
    alpha = np.linalg.solve(L.T, np.linalg.solve(L, SIGNAL))
    return 0.5 * SIGNAL @ alpha + np.log(np.diag(L)).sum() + 0.5 * len(SIGNAL) * np.log(2 * np.pi)


def gaussian_process_with_scipy(p):
    d = np.abs(np.subtract.outer(TIMES, TIMES))
    K = np.exp(p[1]) * (1 + np.sqrt(3) * d / np.exp(p[0])) * np.exp(-np.sqrt(3) * d / np.exp(p[0]))
    factor = scipy.linalg.cho_factor(K + np.exp(p[2]) * np.eye(len(d)), lower=True)
    return 0.5 * SIGNAL.dot(scipy.linalg.cho_solve(factor, SIGNAL)) + np.sum(np.log(np.diag(factor[0])))


def poisson_regression(beta):
    design = np.vander(TIMES, 3, increasing=True)
    eta = design @ beta
    return -np.sum(COUNTS * eta - np.exp(eta) - scipy.special.gammaln(COUNTS + 1))


def negative_binomial(p):
    mu, r = np.exp(p[0] + p[1] * TIMES), np.exp(p[2])
    g = scipy.special.gammaln
    return -np.sum(g(COUNTS + r) - g(r) - g(COUNTS + 1) + r * np.log(r / (r + mu)) + COUNTS * np.log(mu / (r + mu)))


def mixture(p):
    """log-sum-exp over components with the maximum taken out by hand."""
    means, spread = p[:3], np.exp(p[3])
    logs = -0.5 * ((SIGNAL[:, None] - means) / spread) ** 2 - np.log(spread)
    top = logs.max(axis=1, keepdims=True)
    return -np.sum(top[:, 0] + np.log(np.exp(logs - top).mean(axis=1)))


def softmax_regression(w):
    W = w.reshape(3, 2)
    X = np.column_stack([TIMES, SIGNAL])
    scores = X @ W.T
    labels = np.arange(len(TIMES)) % 3
    return -np.mean(scores[np.arange(len(labels)), labels] - scipy.special.logsumexp(scores, axis=1))


def weibull_hazard(p):
    shape, scale = p
    return sum(-(math.log(shape / scale) + (shape - 1) * math.log(t / scale) - (t / scale) ** shape) for t in TIMES[1:])


def ridge(p):
    """The error of a linear fit in the penalty: a solve."""
    A = np.vander(TIMES, 4)
    w = np.linalg.solve(A.T @ A + np.exp(p[0]) * np.eye(4), A.T @ (SIGNAL * p[1]))
    return np.sum((A @ w - SIGNAL) ** 2) / np.linalg.det(np.eye(2) + p[0] * np.ones((2, 2)))


def black_scholes(p):
    spot, strike, rate, vol, t = p
    d1 = (np.log(spot / strike) + (rate + vol**2 / 2) * t) / (vol * np.sqrt(t))
    d2 = d1 - vol * np.sqrt(t)
    cdf = scipy.special.ndtr
    return spot * cdf(d1) - strike * exp(-rate * t) * cdf(d2)


def binomial_tree(p):
    """American put: a maximum at each node, backwards in place."""
    spot, vol = p
    n, dt, rate, strike = 12, 1.0 / 12, 0.05, 1.0
    up = np.exp(vol * np.sqrt(dt))
    prob = (np.exp(rate * dt) - 1 / up) / (up - 1 / up)
    prices = spot * up ** (2.0 * np.arange(n + 1) - n)
    values = np.maximum(strike - prices, 0.0)
    for step in range(n - 1, -1, -1):
        values = np.exp(-rate * dt) * (prob * values[1:] + (1 - prob) * values[:-1])
        prices = spot * up ** (2.0 * np.arange(step + 1) - step)
        values = np.maximum(values, strike - prices)
    return values[0]


# --- learning and signals ---------------------------------------------------------------------------
def recurrent_network(w):
    W, U, v = w[:9].reshape(3, 3), w[9:12], w[12:]
    h, loss = np.zeros(3), 0.0
    for x, y in itertools.pairwise(SIGNAL):
        h = np.tanh(W.dot(h) + U * x)
        loss += (v.dot(h) - y) ** 2
    return loss / len(SIGNAL)


class Autoregression:
    """State in attributes, a property and a method with a default."""

    def __init__(self, coefficients):
        self.coefficients = coefficients

    @property
    def order(self):
        return len(self.coefficients)

    def predict(self, history, offset=0.0):
        return offset + sum(c * h for c, h in zip(self.coefficients, history[::-1], strict=True))

    def loss(self, series):
        errors = [series[i] - self.predict(series[i - self.order : i]) for i in range(self.order, len(series))]
        return np.mean(np.square(errors))


def autoregression(c):
    return Autoregression(c).loss(SIGNAL)


def spectrum(x):
    power = np.abs(np.fft.rfft(x)) ** 2
    return np.sum(power * np.arange(power.size)) / np.sum(power)


def smoothing(x):
    kernel = np.array([0.25, 0.5, 0.25])
    y = np.convolve(x, kernel, mode="same")
    return np.sum(np.diff(y, 2) ** 2) + np.sum((y - x) ** 2)


def interpolation(x):
    grid = np.cumsum(np.abs(x) + 0.1)
    return np.interp(1.05, grid, np.sin(grid)) + np.sum(np.gradient(grid**2, grid))


def robust(x):
    """Medians, quantiles and sorted values."""
    centre = np.median(x)
    scale = np.median(np.abs(x - centre)) + 0.5
    z = (x - centre) / scale
    return np.sum(np.where(np.abs(z) < 1.0, 0.5 * z**2, np.abs(z) - 0.5)) + np.percentile(x, 30) * np.sort(x)[-2]


def tensor_contraction(x):
    a, b = x[:8].reshape(2, 2, 2), x[8:].reshape(2, 2)
    return np.einsum("ijk,kl,ijl->", a, b, a) + np.kron(b, b).sum() + np.trace(np.tensordot(a, b, axes=1)[0])


def matrix_functions(x):
    A = x.reshape(3, 3)
    S = A @ A.T + np.eye(3)
    sign, logdet = np.linalg.slogdet(S)
    return sign * logdet + np.sum(np.linalg.inv(S)) + np.linalg.eigvalsh(S)[-1] + np.sum(scipy.linalg.expm(0.1 * A))


def newton_by_hand(p):
    """A loop that ends when a value is small enough."""
    x = 1.0
    while abs(x**3 - p[0] * x - p[1]) > 1e-13:
        x -= (x**3 - p[0] * x - p[1]) / (3 * x**2 - p[0])
    return x


def polynomial_and_trig(x):
    coefficients = [1.0, x[0], x[1] ** 2, 0.5]
    return np.polyval(coefficients, x[2]) + np.sum(sin(np.outer(x, x))) + np.hypot(*x[:2]) + np.arctan2(x[0], x[2])


def accumulate_in_dict(x):
    sums = {"even": 0.0, "odd": 0.0}
    for i, value in enumerate(x):
        sums["even" if i % 2 == 0 else "odd"] += value**2
    return sums["even"] * math.exp(-sums["odd"])


def normal(size, seed, scale=1.0, shift=0.0):
    return shift + scale * np.random.default_rng(seed).normal(size=size)


CASES = {
    n_body_energy: (12, 1.0, 0.0),
    n_body_leapfrog: (12, 1.0, 0.0),
    lotka_volterra: (4, 0.05, 0.8),
    heat_in_place: (16, 1.0, 0.0),
    ray_through_spheres: (6, 0.02, np.array([0.1, 0.0, 0.0, 0.05, 0.02, 1.0])),
    pendulum_with_contact: (2, 0.1, 0.9),
    ising_mean_field: (3, 0.1, 1.0),
    van_der_waals: (2, 0.1, 1.5),
    quantum_oscillator: (2, 0.1, 0.8),
    kalman: (4, 0.3, 0.0),
    gaussian_process: (3, 0.3, 0.0),
    gaussian_process_with_scipy: (3, 0.3, 0.0),
    poisson_regression: (3, 0.2, 0.1),
    negative_binomial: (3, 0.3, 0.2),
    mixture: (4, 0.5, 0.0),
    softmax_regression: (6, 0.7, 0.0),
    weibull_hazard: (2, 0.1, 1.5),
    ridge: (2, 0.3, 0.8),
    black_scholes: (5, 0.02, np.array([1.0, 1.1, 0.05, 0.3, 0.8])),
    binomial_tree: (2, 0.02, np.array([0.95, 0.3])),
    recurrent_network: (15, 0.4, 0.0),
    autoregression: (3, 0.5, 0.0),
    spectrum: (9, 1.0, 0.0),
    smoothing: (10, 1.0, 0.0),
    interpolation: (5, 0.3, 0.0),
    robust: (9, 1.0, 0.0),
    tensor_contraction: (12, 0.7, 0.0),
    matrix_functions: (9, 0.7, 0.0),
    newton_by_hand: (2, 0.2, 1.0),
    polynomial_and_trig: (3, 0.5, 0.7),
    accumulate_in_dict: (6, 0.6, 0.0),
    scipy.optimize.rosen: (7, 0.5, 1.0),
}
STEPS = {binomial_tree: 1e-5}  # of differences, where a kink is near


@pytest.mark.parametrize("f", CASES, ids=lambda f: f.__name__)
def test_value_and_gradient(f):
    size, scale, shift = CASES[f]
    run = ad.value_and_grad(f)
    for seed in (1, 2, 3):
        x = normal(size, seed, scale, shift)
        before = x.copy()
        value, gradient = run(x)
        truth = differences(f, x, STEPS.get(f, 2e-3))
        assert np.array_equal(x, before)
        assert abs(value - f(x)) <= 1e-12 * max(1.0, abs(f(x)))
        np.testing.assert_allclose(gradient, truth, rtol=2e-8, atol=2e-9 * max(1.0, np.abs(truth).max()))


@pytest.mark.parametrize("f", CASES, ids=lambda f: f.__name__)
def test_second_derivatives(f):
    """Hessian times vector against differences of the gradient, which the test above has checked."""
    size, scale, shift = CASES[f]
    gradient, product = ad.grad(f), ad.hvp(f)
    for seed in (1, 2):
        x, v = normal(size, seed, scale, shift), normal(size, 7)
        truth = differences(lambda t: gradient(x + t[0] * v) @ np.ones(size), np.zeros(1), h=1e-3)[0]
        assert abs(product(x, v) @ np.ones(size) - truth) <= 1e-7 * max(1.0, abs(truth))
