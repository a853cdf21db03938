"""The five codes of `codes.py` in JAX: pure functions, loops as scans, branches as selections, float64."""

from __future__ import annotations

import jax
import jax.numpy as jnp
from jax import lax

jax.config.update("jax_enable_x64", True)


def lorenz(p):
    s, r, b = p[0], p[1], p[2]
    h = 0.001

    def slope(state):
        x, y, z = state
        return jnp.array([s * (y - x), x * (r - z) - y, x * y - b * z])

    def step(state, _):
        k1 = slope(state)
        k2 = slope(state + 0.5 * h * k1)
        k3 = slope(state + 0.5 * h * k2)
        k4 = slope(state + h * k3)
        return state + h / 6 * (k1 + 2.0 * k2 + 2.0 * k3 + k4), None

    state, _ = lax.scan(step, p[3:], None, length=10_000)
    return jnp.sum(state**2)


def accelerations(q, m):
    d = q[:, None, :] - q[None, :, :]
    r2 = jnp.sum(d**2, axis=-1) + 0.01
    return -jnp.sum(m[None, :, None] * d / (r2 * jnp.sqrt(r2))[:, :, None], axis=1)


def n_body(p):
    n, h = 8, 0.01
    m = jnp.linspace(0.5, 1.5, n)
    q, v = p[: 3 * n].reshape((n, 3)), p[3 * n :].reshape((n, 3))

    def step(state, _):
        q, v, a = state
        v = v + 0.5 * h * a
        q = q + h * v
        a = accelerations(q, m)
        return (q, v + 0.5 * h * a, a), None

    (q, v, _), _ = lax.scan(step, (q, v, accelerations(q, m)), None, length=100)
    return jnp.sum(0.5 * m[:, None] * v**2)


def pendulum(p):
    h = 0.001
    steps, t = 0, 0.0
    while t < 5.0:  # reverse mode needs a fixed number of steps
        steps, t = steps + 1, t + h

    def step(state, _):
        angle, speed = state
        speed = speed - h * (9.81 * jnp.sin(angle) + p[2] * speed)
        angle = angle + h * speed
        hit = (angle < -0.3) & (speed < 0.0)
        return (jnp.where(hit, -0.6 - angle, angle), jnp.where(hit, -p[3] * speed, speed)), None

    (angle, speed), _ = lax.scan(step, (p[0], p[1]), None, length=steps)
    return angle + 0.1 * speed


def heat(p):
    n = 32
    rows = 3 + 2 * jnp.arange(len(p))

    def step(u, _):
        inside = u[1:-1, 1:-1]
        around = u[:-2, 1:-1] + u[2:, 1:-1] + u[1:-1, :-2] + u[1:-1, 2:]
        new = jnp.zeros_like(u).at[1:-1, 1:-1].set(inside + 0.2 * (around - 4.0 * inside))
        new = new.at[rows, 16].add(0.1 * p)
        return new, None

    u, _ = lax.scan(step, jnp.zeros((n, n)), None, length=200)
    return jnp.sum(u**2)


def kalman(p):
    q, r = jnp.diag(jnp.exp(p[:2])), jnp.exp(p[2])
    h = 0.1
    F = jnp.array([[1.0, h], [0.0, 1.0]])
    times = jnp.arange(500)
    observed = jnp.sin(0.05 * times) + 0.1 * jnp.cos(3.0 * times)

    def step(state, z):
        m, P = state
        m, P = F @ m, F @ P @ F.T + q
        s = P[0, 0] + r
        error, gain = z - m[0], P[:, 0] / s
        loglik = -0.5 * (jnp.log(2.0 * jnp.pi * s) + error**2 / s)
        return (m + gain * error, P - jnp.outer(gain, P[0])), loglik

    _, parts = lax.scan(step, (p[3:], jnp.eye(2)), observed)
    return jnp.sum(parts)


CODES = {
    "lorenz": (lorenz,),
    "n_body": (accelerations, n_body),
    "pendulum": (pendulum,),
    "heat": (heat,),
    "kalman": (kalman,),
}
