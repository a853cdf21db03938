"""Test functions of Moré, Garbow & Hillstrom (ACM TOMS 7, 1981), written from the paper in the ways people write them.

Gradients of the sums of squares at the paper's starting points and at points moved away from them (replays), against
differences of eighth order; where the paper states a minimiser exactly, the gradient there is zero.
"""

from __future__ import annotations

import math

import numpy as np
import pytest

import fastad as ad

WEIGHTS = (4 / 5, -1 / 5, 4 / 105, -1 / 280)


def differences(f, x):
    out = np.zeros(x.size)
    for i in range(x.size):
        h = 1e-3 * max(abs(x[i]), 1e-2)
        for k, weight in enumerate(WEIGHTS, 1):
            up, down = x.copy(), x.copy()
            up[i] += k * h
            down[i] -= k * h
            out[i] += weight * (f(up) - f(down)) / h
    return out


def rosenbrock(x):
    return [10 * (x[1] - x[0] ** 2), 1 - x[0]]


def freudenstein_roth(x):
    return [-13 + x[0] + ((5 - x[1]) * x[1] - 2) * x[1], -29 + x[0] + ((x[1] + 1) * x[1] - 14) * x[1]]


def beale(x):
    y = [1.5, 2.25, 2.625]
    return [y[i] - x[0] * (1 - x[1] ** (i + 1)) for i in range(3)]


def jennrich_sampson(x):
    i = np.arange(1, 11)
    return 2 + 2 * i - (np.exp(i * x[0]) + np.exp(i * x[1]))


def helical_valley(x):
    if x[0] > 0:
        theta = math.atan(x[1] / x[0]) / (2 * math.pi)
    else:
        theta = math.atan(x[1] / x[0]) / (2 * math.pi) + 0.5
    return [10 * (x[2] - 10 * theta), 10 * (math.sqrt(x[0] ** 2 + x[1] ** 2) - 1), x[2]]


def bard(x):
    y = [0.14, 0.18, 0.22, 0.25, 0.29, 0.32, 0.35, 0.39, 0.37, 0.58, 0.73, 0.96, 1.34, 2.10, 4.39]
    f = np.zeros(15)
    for i in range(15):
        u, v = i + 1, 15 - i
        f[i] = y[i] - (x[0] + u / (v * x[1] + min(u, v) * x[2]))
    return f


def gaussian(x):
    y = np.array([0.0009, 0.0044, 0.0175, 0.0540, 0.1295, 0.2420, 0.3521, 0.3989])
    y = np.concatenate([y, y[-2::-1]])
    t = (8 - np.arange(1, 16)) / 2
    return x[0] * np.exp(-x[1] * (t - x[2]) ** 2 / 2) - y


def box_three_dimensional(x):
    f = []
    for i in range(1, 11):
        t = 0.1 * i
        f.append(math.exp(-t * x[0]) - math.exp(-t * x[1]) - x[2] * (math.exp(-t) - math.exp(-10 * t)))
    return f


def powell_singular(x):
    x1, x2, x3, x4 = x
    return np.array([x1 + 10 * x2, 5**0.5 * (x3 - x4), (x2 - 2 * x3) ** 2, 10**0.5 * (x1 - x4) ** 2])


def wood(x):
    f = np.empty(6)
    f[0], f[1] = 10 * (x[1] - x[0] ** 2), 1 - x[0]
    f[2], f[3] = 90**0.5 * (x[3] - x[2] ** 2), 1 - x[2]
    f[4], f[5] = 10**0.5 * (x[1] + x[3] - 2), 10**-0.5 * (x[1] - x[3])
    return f


def kowalik_osborne(x):
    y = np.array([0.1957, 0.1947, 0.1735, 0.1600, 0.0844, 0.0627, 0.0456, 0.0342, 0.0323, 0.0235, 0.0246])
    u = np.array([4.0, 2.0, 1.0, 0.5, 0.25, 0.167, 0.125, 0.1, 0.0833, 0.0714, 0.0625])
    return y - x[0] * (u**2 + u * x[1]) / (u**2 + u * x[2] + x[3])


def brown_dennis(x):
    t = np.arange(1, 21) / 5
    return (x[0] + t * x[1] - np.exp(t)) ** 2 + (x[2] + x[3] * np.sin(t) - np.cos(t)) ** 2


def biggs_exp6(x):
    t = 0.1 * np.arange(1, 14)
    y = np.exp(-t) - 5 * np.exp(-10 * t) + 3 * np.exp(-4 * t)
    return x[2] * np.exp(-t * x[0]) - x[3] * np.exp(-t * x[1]) + x[5] * np.exp(-t * x[4]) - y


def watson(x):
    f, n = [], len(x)
    for i in range(1, 30):
        t = i / 29
        first = sum((j - 1) * x[j - 1] * t ** (j - 2) for j in range(2, n + 1))
        second = sum(x[j - 1] * t ** (j - 1) for j in range(1, n + 1))
        f.append(first - second**2 - 1)
    return [*f, x[0], x[1] - x[0] ** 2 - 1]


def extended_rosenbrock(x):
    f = np.zeros_like(x)
    f[::2], f[1::2] = 10 * (x[1::2] - x[::2] ** 2), 1 - x[::2]
    return f


def penalty_one(x):
    return np.append(np.sqrt(1e-5) * (x - 1), np.dot(x, x) - 0.25)


def variably_dimensioned(x):
    j = np.arange(1, x.size + 1)
    total = np.sum(j * (x - 1))
    return np.hstack([x - 1, total, total**2])


def trigonometric(x):
    n = len(x)
    s = sum(map(math.cos, x))
    return [n - s + (i + 1) * (1 - math.cos(x[i])) - math.sin(x[i]) for i in range(n)]


def brown_almost_linear(x):
    n = x.size
    f = x[:-1] + x.sum() - (n + 1)
    return np.concatenate((f, [np.prod(x) - 1]))


def discrete_boundary_value(x):
    n, h = x.size, 1 / (x.size + 1)
    padded = np.zeros(n + 2)
    padded[1:-1] = x
    t = np.linspace(h, 1 - h, n)
    return 2 * x - padded[:-2] - padded[2:] + h**2 * (x + t + 1) ** 3 / 2


def discrete_integral(x):
    n = len(x)
    h = 1 / (n + 1)
    t = [(i + 1) * h for i in range(n)]
    f = []
    for i in range(n):
        low = sum(t[j] * (x[j] + t[j] + 1) ** 3 for j in range(i + 1))
        high = sum((1 - t[j]) * (x[j] + t[j] + 1) ** 3 for j in range(i + 1, n))
        f.append(x[i] + h * ((1 - t[i]) * low + t[i] * high) / 2)
    return f


def broyden_tridiagonal(x):
    f = (3 - 2 * x) * x + 1
    f[1:] -= x[:-1]
    f[:-1] -= 2 * x[1:]
    return f


def broyden_banded(x):
    n, f = len(x), []
    for i in range(n):
        neighbours = [j for j in range(max(0, i - 5), min(n, i + 2)) if j != i]
        f.append(x[i] * (2 + 5 * x[i] ** 2) + 1 - sum(x[j] * (1 + x[j]) for j in neighbours))
    return f


def linear_full_rank(x):
    m = 2 * len(x)
    A = np.vstack([np.eye(len(x)), np.zeros((m - len(x), len(x)))]) - 2.0 / m
    return A.dot(x) - 1


PROBLEMS = {
    rosenbrock: [-1.2, 1.0],
    freudenstein_roth: [0.5, -2.0],
    beale: [1.0, 1.0],
    jennrich_sampson: [0.3, 0.4],
    helical_valley: [-1.0, 0.1, 0.05],
    bard: [1.0, 1.0, 1.0],
    gaussian: [0.4, 1.0, 0.1],
    box_three_dimensional: [0.1, 10.0, 20.0],
    powell_singular: [3.0, -1.0, 0.0, 1.0],
    wood: [-3.0, -1.0, -3.0, -1.0],
    kowalik_osborne: [0.25, 0.39, 0.415, 0.39],
    brown_dennis: [25.0, 5.0, -5.0, -1.0],
    biggs_exp6: [1.0, 2.0, 1.0, 1.0, 1.0, 1.0],
    watson: [0.1, -0.2, 0.3, 0.05, -0.1, 0.2],
    extended_rosenbrock: [-1.2, 1.0] * 4,
    penalty_one: [1.0, 2.0, 3.0, 4.0],
    variably_dimensioned: [0.75, 0.5, 0.25, 0.1],
    trigonometric: [0.2] * 5,
    brown_almost_linear: [0.5] * 6,
    discrete_boundary_value: [-0.1, -0.2, -0.25, -0.2, -0.1],
    discrete_integral: [-0.1, -0.2, -0.25, -0.2, -0.1],
    broyden_tridiagonal: [-1.0] * 7,
    broyden_banded: [-1.0] * 9,
    linear_full_rank: [1.0] * 5,
}
# The paper's value at the starting point, and minimisers that it states exactly.
AT_START = {rosenbrock: 24.2, freudenstein_roth: 400.5, beale: 14.203125, powell_singular: 215.0, wood: 19192.0}
MINIMISERS = {
    rosenbrock: [1, 1],
    freudenstein_roth: [5, 4],
    beale: [3, 0.5],
    helical_valley: [1, 0, 0],
    box_three_dimensional: [1, 10, 1],
    powell_singular: [0, 0, 0, 0],
    wood: [1, 1, 1, 1],
    biggs_exp6: [1, 10, 1, 5, 4, 3],
    extended_rosenbrock: [1] * 8,
    variably_dimensioned: [1, 1, 1, 1],
    brown_almost_linear: [1] * 6,
}


def sum_of_squares(residuals):
    def objective(x):
        f = np.asarray(residuals(x))
        return f @ f

    return objective


@pytest.mark.parametrize("residuals", PROBLEMS, ids=lambda f: f.__name__)
def test_gradients_and_jacobians(residuals):
    f, start = sum_of_squares(residuals), np.array(PROBLEMS[residuals])
    run, jacobian = ad.value_and_grad(f), ad.jacobian(lambda x: np.asarray(residuals(x)))
    for x in (start, start * 0.9 + 0.07, -0.6 * start + 0.3):
        value, gradient = run(x)
        assert value == pytest.approx(f(x), rel=1e-14)
        truth = differences(f, x)
        np.testing.assert_allclose(gradient, truth, rtol=1e-8, atol=3e-10 * max(np.abs(truth).max(), abs(value), 1.0))
        of_jacobian = 2.0 * np.asarray(residuals(x)) @ jacobian(x)
        np.testing.assert_allclose(of_jacobian, gradient, rtol=1e-11, atol=1e-12 * np.abs(gradient).max())


@pytest.mark.parametrize("residuals", AT_START, ids=lambda f: f.__name__)
def test_published_values(residuals):
    value = ad.value_and_grad(sum_of_squares(residuals))(np.array(PROBLEMS[residuals]))[0]
    assert value == pytest.approx(AT_START[residuals], rel=1e-13)


@pytest.mark.parametrize("residuals", MINIMISERS, ids=lambda f: f.__name__)
def test_gradients_vanish_at_published_minimisers(residuals):
    gradient = ad.grad(sum_of_squares(residuals))(np.array(MINIMISERS[residuals], float))
    np.testing.assert_allclose(gradient, 0.0, atol=1e-12)
