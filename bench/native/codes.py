"""Five codes as people write them for Numba; each takes parameters (n,) and returns one number."""

from __future__ import annotations

import math

import numpy as np
from numba import njit


@njit
def lorenz(p, steps=10_000):
    """Sum of squares of the state after RK4 steps; p = (sigma, rho, beta, x, y, z)."""
    s, r, b, x, y, z = p[0], p[1], p[2], p[3], p[4], p[5]
    h = 0.001
    for _ in range(steps):
        k1x = s * (y - x)
        k1y = x * (r - z) - y
        k1z = x * y - b * z
        u, v, w = x + h * 0.5 * k1x, y + h * 0.5 * k1y, z + h * 0.5 * k1z
        k2x = s * (v - u)
        k2y = u * (r - w) - v
        k2z = u * v - b * w
        u, v, w = x + h * 0.5 * k2x, y + h * 0.5 * k2y, z + h * 0.5 * k2z
        k3x = s * (v - u)
        k3y = u * (r - w) - v
        k3z = u * v - b * w
        u, v, w = x + h * k3x, y + h * k3y, z + h * k3z
        k4x = s * (v - u)
        k4y = u * (r - w) - v
        k4z = u * v - b * w
        x = x + (h / 6) * (k1x + 2.0 * k2x + 2.0 * k3x + k4x)
        y = y + (h / 6) * (k1y + 2.0 * k2y + 2.0 * k3y + k4y)
        z = z + (h / 6) * (k1z + 2.0 * k2z + 2.0 * k3z + k4z)
    return x * x + y * y + z * z


@njit
def accelerations(q, m, a):
    n = len(m)
    a[:] = 0.0
    for i in range(n):
        for j in range(i):
            r2 = 0.01
            for k in range(3):
                r2 += (q[i, k] - q[j, k]) ** 2
            inverse = 1.0 / (r2 * math.sqrt(r2))
            for k in range(3):
                d = (q[i, k] - q[j, k]) * inverse
                a[i, k] -= m[j] * d
                a[j, k] += m[i] * d


@njit
def n_body(p):
    """Kinetic energy of eight bodies after 100 leapfrog steps; p holds their positions and velocities."""
    n, h = 8, 0.01
    m = np.linspace(0.5, 1.5, n)
    q, v = p[: 3 * n].copy().reshape((n, 3)), p[3 * n :].copy().reshape((n, 3))
    a = np.zeros((n, 3))
    accelerations(q, m, a)
    for _ in range(100):
        v += 0.5 * h * a
        q += h * v
        accelerations(q, m, a)
        v += 0.5 * h * a
    energy = 0.0
    for i in range(n):
        energy += 0.5 * m[i] * np.sum(v[i] ** 2)
    return energy


@njit
def pendulum(p):
    """Where a pendulum that bounces off a wall hangs after five seconds; p = (angle, speed, damping, restitution)."""
    angle, speed, t, h = p[0], p[1], 0.0, 0.001
    while t < 5.0:
        speed -= h * (9.81 * math.sin(angle) + p[2] * speed)
        angle += h * speed
        if angle < -0.3 and speed < 0.0:
            angle = -0.6 - angle
            speed = -p[3] * speed
        t += h
    return angle + 0.1 * speed


@njit
def heat(p):
    """Squared temperatures on a plate of 32 x 32 after 200 steps of an in-place stencil; p are the sources."""
    n = 32
    u, new = np.zeros((n, n)), np.zeros((n, n))
    for _ in range(200):
        for i in range(1, n - 1):
            for j in range(1, n - 1):
                new[i, j] = u[i, j] + 0.2 * (u[i - 1, j] + u[i + 1, j] + u[i, j - 1] + u[i, j + 1] - 4.0 * u[i, j])
        for k in range(len(p)):
            new[3 + 2 * k, 16] += 0.1 * p[k]
        u, new = new, u
    return np.sum(u**2)


@njit
def kalman(p):
    """Log-likelihood of 500 observations of a position with drift; p = (log of three noises, two for the start)."""
    q1, q2, r = math.exp(p[0]), math.exp(p[1]), math.exp(p[2])
    m, P = np.zeros(2), np.eye(2)
    m[0], m[1] = p[3], p[4]
    total, h = 0.0, 0.1
    for k in range(500):
        m[0] += h * m[1]
        P[0, 0] += h * (P[0, 1] + P[1, 0]) + h * h * P[1, 1] + q1
        P[0, 1] += h * P[1, 1]
        P[1, 0] += h * P[1, 1]
        P[1, 1] += q2
        s = P[0, 0] + r
        error = math.sin(0.05 * k) + 0.1 * math.cos(3.0 * k) - m[0]
        g0, g1 = P[0, 0] / s, P[1, 0] / s
        total -= 0.5 * (math.log(2.0 * math.pi * s) + error * error / s)
        m[0] += g0 * error
        m[1] += g1 * error
        P[1, 0], P[1, 1] = P[1, 0] - g1 * P[0, 0], P[1, 1] - g1 * P[0, 1]
        P[0, 0], P[0, 1] = (1.0 - g0) * P[0, 0], (1.0 - g0) * P[0, 1]
    return total


POINTS = {
    "lorenz": np.array([10.0, 28.0, 8.0 / 3.0, 1.0, 1.0, 1.0]),
    "n_body": np.random.default_rng(0).normal(size=48),
    "pendulum": np.array([1.0, 0.0, 0.1, 0.8]),
    "heat": np.linspace(0.5, 1.5, 12),
    "kalman": np.array([-2.0, -3.0, -1.0, 0.0, 0.5]),
}
CODES = {
    "lorenz": (lorenz,),
    "n_body": (accelerations, n_body),
    "pendulum": (pendulum,),
    "heat": (heat,),
    "kalman": (kalman,),
}
