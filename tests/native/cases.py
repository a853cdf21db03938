"""Compiled functions as people write them, each with points: nothing in them knows of derivatives.

Every one is differentiated with respect to its first argument.
"""

from __future__ import annotations

import math
from collections import namedtuple
from math import exp, sqrt

import numpy as np
from numba import njit, prange

V3 = np.array([1.1, 0.7, 0.3])
V4 = np.array([0.4, 2.2, 1.7, 0.9])
V6 = np.array([0.3, -1.2, 0.8, 1.9, 0.5, -0.4])
M33 = np.array([[2.0, 0.3, 0.1], [0.2, 1.5, -0.4], [0.3, 0.1, 1.2]])
NOISE = np.array([0.2, -0.1, 0.4, 0.05, -0.3, 0.6])
GRAVITY = 9.81
CASES: list[tuple] = []


def case(*points, **options):
    """Register a function with points: an argument, or a tuple of arguments marked by `args`."""

    def register(function):
        compiled = function if hasattr(function, "py_func") else njit(**options)(function)
        CASES.append((compiled, [p if type(p) is Args else Args((p,)) for p in points]))
        return compiled

    return register


class Args(tuple):
    """Arguments of one call."""


def args(*values):
    return Args(values)


# --- helpers, closures, constants -----------------------------------------------------------------------------
@njit
def softplus(x):
    return math.log1p(math.exp(-abs(x))) + max(x, 0.0)


@njit
def total_energy(q, p, masses):
    kinetic = 0.0
    for i in range(len(masses)):
        kinetic += 0.5 * p[i] ** 2 / masses[i]
    return kinetic + GRAVITY * np.sum(q)


@case(V6, V6 * 0.5)
def helpers_and_globals(x):
    return softplus(x[0]) + total_energy(x[:3], x[3:], M33[0]) * exp(-x[1]) + sqrt(2.0 + x[2])


def _scaled(factor, offsets):
    @njit
    def f(x):
        s = 0.0
        for i in range(len(offsets)):
            s += factor * (x[i] - offsets[i]) ** 3
        return s

    return f


CASES.append((_scaled(1.7, (0.1, 0.2, 0.3)), [args(V3), args(V4)]))


@case(V3, -V3)
def inner_function(x):
    def g(t, k):
        return t * math.sin(k * t)

    s = 0.0
    for k in range(3):
        s += g(x[k], k + 1.0)
    return s


@njit
def apply_twice(g, x):
    return g(g(x))


@case(0.3, 1.2)
def function_as_argument(x):
    return apply_twice(softplus, x) * x


@njit
def ackermann_like(x, n):
    if n <= 0:
        return x * x + 1.0
    return ackermann_like(x, n - 1) / (1.0 + x) + x


@case(0.4, 2.0)
def recursion(x):
    return ackermann_like(x, 5)


# --- loops ----------------------------------------------------------------------------------------------------
@case(1.7, 5.0)
def newton_square_root(a):
    x = 1.0
    while abs(x * x - a) > 1e-13 * a:
        x = 0.5 * (x + a / x)
    return x


@case(V3)
def bisection(p):
    low, high = 0.0, 4.0
    for _ in range(80):
        middle = 0.5 * (low + high)
        if middle**3 - 2.0 * middle - 1.0 > 0:
            high = middle
        else:
            low = middle
    return p[0] * low + p[1] * high**2


@case(V6, V4)
def break_continue_else(x):
    s = 0.0
    for i in range(x.size):
        if x[i] < 0:
            continue
        if x[i] > 1.8:
            s += 10.0 * x[i]
            break
        s += x[i] ** 2
    else:
        s -= 1.5 * x[0]
    return s


@case(V6)
def reversed_and_steps(x):
    s = x[0]
    for i in range(len(x) - 1, 0, -2):
        s = s * 0.5 + x[i] * x[i - 1]
    for v in x[::-1]:
        s = s * 0.9 + v
    return s


@case(V6, V4)
def enumerate_zip(x):
    s = 0.0
    for i, v in enumerate(x):
        s += (i + 1) * v**2
    for a, b in zip(x[:-1], x[1:]):  # noqa: B905, RUF007  # as Numba has it
        s += a * b
    return s


@case(V4, parallel=True)
def parallel_loop(x):
    s = 0.0
    for i in prange(x.size):
        s += math.exp(-x[i]) * i
    return s


@case(args(V3, 4), args(V3, 7))
def integer_arguments(x, n=3):
    s = 1.0
    for k in range(n):
        s = s * x[k % 3] + k / n
    return s


@case(args(V3, "cube"), args(V3, "sine"), args(V3, "other"))
def string_flags(x, kind):
    if kind == "cube":
        return np.sum(x**3)
    elif kind == "sine":
        return np.sum(np.sin(x))
    return x[0]


@case(args(V3, True), args(V3, False))
def truth_flags(x, squared):
    return np.sum(x * x) if squared else np.sum(x) * 2.0


# --- arrays ---------------------------------------------------------------------------------------------------
@case(V6, V4)
def work_array(x):
    n = x.size
    u = np.zeros(n + 2)
    for i in range(n):
        u[i + 1] = x[i] * (i + 1)
    for _ in range(3):
        v = u.copy()
        for i in range(1, n + 1):
            u[i] = v[i] + 0.1 * (v[i - 1] - 2 * v[i] + v[i + 1])
    return np.sum(u**2)


@case(V6)
def two_dimensional(x):
    u = np.zeros((4, 5))
    u[1, 1:4] = x[:3]
    u[2, 1:-1] += x[3:]
    for _ in range(4):
        u[1:-1, 1:-1] += 0.1 * (u[:-2, 1:-1] + u[2:, 1:-1] + u[1:-1, :-2] + u[1:-1, 2:] - 4 * u[1:-1, 1:-1])
    return (u * u).sum() + u[2, 2]


@case(V6)
def three_dimensional(x):
    a = np.ones((2, 3, 2))
    for i in range(2):
        for j in range(3):
            for k in range(2):
                a[i, j, k] *= x[j] * x[3 + j] + i - k
    return np.sum(a[0] * a[1]) + a[:, 1, :].sum() + np.prod(a[1, :, 0])


@case(V6)
def views_write_through(x):
    a = x.copy()
    left, right = a[:3], a[3:]
    left += right
    right *= 2.0
    b = a.reshape((2, 3))
    b[0, :] = b[1, :] * b[0, :]
    c = b.T
    c[0, 1] = x[0] ** 2
    return np.sum(a * np.arange(6.0))


@case(V4)
def overlapping_operands(x):
    a = x.copy()
    a[1:] += a[:-1]  # Numba's loop reads what it has just written
    a[:-1] *= a[1:]
    a[2:] **= 2
    return np.sum(a * np.arange(4.0))


@case(V4)
def slices_and_steps(x):
    y = np.empty(8)
    y[::2] = x
    y[1::2] = -x[::-1] * 2.0
    y[-3:] /= 3.0
    return y[1:-1].sum() * y[3] - y[::-3].sum()


@case(V6)
def masks(x):
    y = x * 2.0
    y[y < 0] = 0.0
    z = x[x > 0.4]
    return np.sum(y**2) + np.sum(z) * z[0]


@case(V6)
def index_arrays(x):
    order = np.array([3, 1, 4, 0])
    picked = x[order]
    count = np.zeros(4, dtype=np.int64)
    for i in range(6):
        count[i % 4] += i
    s = 0.0
    for k in range(4):
        s += picked[k] * count[k]
    return s


@case(V4, V3)
def swaps(x):
    old, new = x.copy(), np.zeros_like(x)
    for _ in range(3):
        for i in range(x.size):
            new[i] = 0.7 * old[i] + 0.3 * old[i - 1] * x[i]
        old, new = new, old
    return old.sum() + new[0]


@case(V3)
def creation(x):
    a = np.full(3, x[0])
    b = np.full((2, 2), 0.5)
    b[0, 1] = x[1]
    c = np.linspace(0.0, 1.0, 5)
    c[2] = x[2] ** 2
    d = np.eye(3)
    d[1] = x
    e = np.arange(3.0)
    e[1:] = x[:2]
    f = np.ones_like(x)
    f -= x
    g = np.empty_like(x)
    g[:] = x[::-1]
    return a.sum() + np.sum(b @ b) + c.sum() * c[2] + np.sum(d @ x) + e @ f + g[0] * g[1]


@case(V3, V4)
def array_of_lists(x):
    a = np.array([x[0], 1.0, x[1] * x[2]])
    m = np.array([[x[0], 2.0], [x[1], x[2]]])
    t = np.array((x[0], x[2]))
    return a.sum() * m[0, 0] - m[1, 0] * m[0, 1] * m[1, 1] + t[1] + np.array([v**2 for v in x]).sum()


@case(V4)
def lists(x):
    items = [0.0] * 4
    for i in range(4):
        items[i] = x[i] ** 2
    more = [x[0]]
    for v in x:
        more.append(v * more[-1])
    squares = [v * v for v in x]
    return sum(items) + more[-1] + len(more) * squares[2] + max(items)


@case(V4)
def tuples(x):
    pair = (x[0], x[1] * 2.0)
    a, b = pair
    (c, d), e = (x[2], a * b), x[3]
    best = min(a, b, c, 3.0)
    return a * c + d * e + best + max(pair) + len(pair)


@case(V3)
def dictionary(x):
    known = {1: x[0] * x[1]}
    known[2] = known[1] + x[2]
    return known[2] * known[1]


Point = namedtuple("Point", ["x", "y"])


@case(Point(0.4, 1.3), Point(2.0, -0.3))
def named_tuple(p):
    q = Point(p.x * p.y, p.x)
    return q.x**2 + math.cos(q.y) * p.y


@case((0.4, (V3, 1.2)))
def nested_arguments(p):
    a, (v, b) = p
    return a * np.sum(v * v) + b * v[1] ** a


@case(M33)
def matrix_argument(m):
    s = 0.0
    for i in range(m.shape[0]):
        for j in range(m.shape[1]):
            s += m[i, j] * m[j, i] + (i - j) * m[i, j]
    return s + m.T[0, 2] ** 2 + m.ndim


# --- functions of NumPy and math ------------------------------------------------------------------------------
@case(0.4, 0.9)
def scalar_functions(x):
    a = math.sin(x) + math.cos(x) * math.tan(x) + math.atan2(x, 2.0) + math.hypot(x, 1.0) + math.erf(x)
    b = np.exp(x) + np.log(x) + np.sqrt(x) + np.cbrt(x) + np.arctan(x) + np.tanh(x) + np.log1p(x) + np.expm1(x)
    c = np.arcsin(x) + math.acos(x) + math.sinh(x) + np.cosh(x) + math.asinh(x) + np.arctanh(x) + math.log10(x)
    return a + b * c + math.pow(x, 2.5) + x**3 + x**-2 + 2.0**x + x**x + abs(-x) + math.fabs(x)


@case(2.7, 5.9)
def steps_and_remainders(x):
    return (
        x // 0.7 + x % 0.7 + math.floor(x) * x + int(x) * x + round(x) * x + math.ceil(x) + np.floor(x) + np.sign(x) * x
    )


@case(V6)
def elementwise(x):
    y = np.sin(x) * np.exp(-(x**2)) + np.abs(x) + np.maximum(x, 0.1) - np.minimum(x * 2, x**2) + np.sqrt(x**2 + 1)
    return np.sum(y / (1 + np.cosh(x))) + np.sum(np.where(x > 0, x**2, -x)) + np.sum(np.clip(x, -0.5, 1.0) * x)


@case(V6)
def reductions(x):
    m = x.reshape((2, 3))
    a = np.mean(x) + np.std(x) + np.var(x) + x.max() + np.min(x) + x.mean() + np.prod(x) + np.median(x) + np.ptp(x)
    b = m.sum(axis=0)[1] * np.sum(m, axis=1)[0]
    return a + b + np.cumsum(x)[3] + np.cumprod(x)[2] + np.sum(np.diff(x) ** 2) + np.trapezoid(x)


@case(V6)
def order(x):
    s = np.sort(x)
    i, j = np.argmax(x), np.argmin(x)
    k = np.argsort(x)
    n = np.searchsorted(s, 0.4)
    return s[0] * s[-1] + x[i] - 2 * x[j] * x[k[2]] + n * x[0] + np.any(x > 1) * x[1] + np.all(x > 1) * x[2]


@case(V4)
def broadcasting(x):
    m = x.reshape((4, 1)) * x + np.arange(4.0)
    m = m - x[0]
    return np.sum(m * np.ones((3, 1, 1))) + np.sum(m / x.reshape((-1, 1)))


@case(V6)
def products(x):
    a, b = x[:4].copy().reshape((2, 2)), x[2:].copy().reshape((2, 2))
    v = x[:2]
    return (
        np.sum(a @ b) + (a @ v).sum() + np.dot(v, b).sum() + v @ v + np.outer(v, v)[0, 1] + np.trace(a) + np.vdot(v, v)
    )


@case(M33)
def linear_algebra(m):
    b = np.array([1.0, 2.0, 3.0])
    s = m @ m.T
    return (
        np.linalg.solve(m, b)[0]
        + np.linalg.det(m)
        + np.linalg.inv(m)[1, 2]
        + np.linalg.norm(m)
        + np.linalg.cholesky(s)[2, 1]
    )


@case(V6)
def stacking(x):
    a = np.concatenate((x[:2], x[3:]))
    b = np.vstack((x[:3], x[3:]))
    c = np.hstack((x[:1], x[1:2]))
    d = np.stack((x[:2], x[2:4]))
    return a.sum() * a[2] + b[1, 2] * b[0, 1] + c[1] ** 2 + d[0, 1] * d[1, 0] + np.append(x, 2.0)[5] + np.roll(x, 1)[0]


@case(args(V3, np.array([1, 2, 3]), np.float32(0.5)), args(V3, np.array([3, 0, 1]), np.float32(1.5)))
def passive_data(x, k, w):
    s = 0.0
    for i in range(3):
        s += w * x[i] ** k[i] * k[i]
    return s


@case(args(V3, np.zeros(3)))
def work_array_argument(x, out):
    for i in range(3):
        out[i] = x[i] * x[i - 1]
    return out[0] * out[1] + out.sum()


@case(V4)
def interpolation(x):
    grid = np.linspace(-3.0, 3.0, 7)
    values = grid**2
    s = 0.0
    for v in x:
        k = int(np.floor(v)) + 3
        t = v - grid[k]
        s += values[k] * (1 - t) + values[k + 1] * t
    return s + np.interp(x[0], grid, values)


@case(0.3, -2.0)
def several_returns(x):
    if x < -1.0:
        return 0.0
    if x < 0.5:
        return x
    return x * x


@case(V3, fastmath=True)
def fast_math(x):
    return np.sum(x) / x[0] + x[1] ** 2


@case(V3, boundscheck=True, error_model="numpy")
def options(x):
    return x[0] / x[1] + x[2]


@case(V4)
def comparisons(x):
    s = 0.0
    if 0.0 < x[0] < 1.0 and not x[1] < 1:
        s += x[2] ** 2
    s += x[3] if x[0] == x[0] else 0.0
    s = s if s >= 1 or x[1] != 2.0 else -s
    return s + (x > 1.0).sum() * x[0] + (x[1] > x[0]) * x[1]


@case(V4)
def isnan_guards(x):
    y = x * 1.0
    y[0] = np.nan
    s = 0.0
    for v in y:
        if np.isnan(v) or math.isinf(v):
            continue
        s += v**2
    return s + np.isfinite(x[1]) * x[1]


# --- scientific codes -----------------------------------------------------------------------------------------
@njit
def lotka_volterra(t, y, p):
    return np.array([p[0] * y[0] - p[1] * y[0] * y[1], -p[2] * y[1] + p[3] * y[0] * y[1]])


@case(np.array([1.1, 0.4, 0.9, 0.3]))
def runge_kutta(p):
    y, h = np.array([1.0, 0.5]), 0.1
    for i in range(20):
        t = i * h
        k1 = lotka_volterra(t, y, p)
        k2 = lotka_volterra(t + h / 2, y + h / 2 * k1, p)
        k3 = lotka_volterra(t + h / 2, y + h / 2 * k2, p)
        k4 = lotka_volterra(t + h, y + h * k3, p)
        y = y + h / 6 * (k1 + 2 * k2 + 2 * k3 + k4)
    return y[0] ** 2 + y[1]


@case(V6)
def verlet(x):
    q, v = x[:3].copy(), x[3:].copy()
    a = -q * (1 + q**2)
    for _ in range(25):
        q += 0.05 * v + 0.5 * 0.05**2 * a
        b = -q * (1 + q**2)
        v += 0.5 * 0.05 * (a + b)
        a = b
    return np.sum(q**2) + v[0]


@case(V6)
def thomas_algorithm(d):
    n = d.size
    c, g = np.zeros(n), np.zeros(n)
    c[0], g[0] = 0.5 / (4 + d[0]), d[0] / (4 + d[0])
    for i in range(1, n):
        w = 4 + d[i] - 0.5 * c[i - 1]
        c[i] = 0.5 / w
        g[i] = (d[i] - 0.5 * g[i - 1]) / w
    x = np.zeros(n)
    x[-1] = g[-1]
    for i in range(n - 2, -1, -1):
        x[i] = g[i] - c[i] * x[i + 1]
    return np.sum(x * x)


@case(M33)
def lu_by_hand(m):
    a, n = m.copy(), m.shape[0]
    for k in range(n):
        for i in range(k + 1, n):
            a[i, k] /= a[k, k]
            for j in range(k + 1, n):
                a[i, j] -= a[i, k] * a[k, j]
    logdet = 0.0
    for k in range(n):
        logdet += np.log(np.abs(a[k, k]))
    return logdet


@case(V3)
def kalman_filter(p):
    mean, variance, loglik = 0.0, 1.0, 0.0
    for z in NOISE:
        mean, variance = p[0] * mean, p[0] ** 2 * variance + p[1] ** 2
        s = variance + p[2] ** 2
        loglik -= 0.5 * (np.log(2 * np.pi * s) + (z - mean) ** 2 / s)
        gain = variance / s
        mean, variance = mean + gain * (z - mean), (1 - gain) * variance
    return loglik


@case(V6)
def neural_network(w):
    h = np.zeros(2)
    for i in range(2):
        s = w[i]
        for j in range(2):
            s += w[2 + j] * (i + 1.0)
        h[i] = np.tanh(s)
    return (h[0] * w[4] + h[1] * w[5] - 1.0) ** 2


@case(np.array([1.0, 4.0, 0.8]))
def bouncing_ball(p):
    y, v, t = p[0], p[1], 0.0
    while t < 2.0:
        v -= GRAVITY * 0.01
        y += v * 0.01
        if y < 0.0:
            y, v = -y, -p[2] * v
        t += 0.01
    return y + 0.1 * v


@case(V4)
def edit_distance(c):
    a, b = (0, 1, 1, 2), (1, 2, 2)
    d = np.zeros((5, 4))
    for i in range(1, 5):
        d[i, 0] = d[i - 1, 0] + c[0]
    for j in range(1, 4):
        d[0, j] = d[0, j - 1] + c[1]
    for i in range(1, 5):
        for j in range(1, 4):
            swap = c[2] if a[i - 1] != b[j - 1] else 0.1 * c[3]
            d[i, j] = min(d[i - 1, j] + c[0], d[i, j - 1] + c[1], d[i - 1, j - 1] + swap)
    return d[4, 3]


@case(V6)
def histogram(x):
    bins = np.zeros(4)
    for v in x:
        k = min(max(int((v + 2.0) / 1.0), 0), 3)
        bins[k] += v**2
    return np.sum(bins * np.array([1.0, -2.0, 3.0, 0.5]))


@case(np.array([-0.4, 0.3]))
def mandelbrot_like(c):
    x, y, n = 0.0, 0.0, 0
    while x * x + y * y < 4.0 and n < 15:
        x, y = x * x - y * y + c[0], 2 * x * y + c[1]
        n += 1
    return x + y * n


@case(V4)
def horner_and_simpson(c):
    def p(t):
        s = 0.0
        for k in range(3, -1, -1):
            s = s * t + c[k]
        return s

    s, n = p(0.0) + p(1.0), 10
    for i in range(1, n):
        s += (4 if i % 2 else 2) * p(i / n)
    return s / (3 * n)


@case(V6)
def n_body(x):
    pos = x.copy().reshape((3, 2))
    energy = 0.0
    for i in range(3):
        for j in range(i):
            r = 0.0
            for k in range(2):
                d = pos[i, k] - pos[j, k]
                r += d * d
            energy -= (i + 1.0) * (j + 1.0) / np.sqrt(r + 0.01)
    return energy
