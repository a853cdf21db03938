"""Programs nobody thought of: random compositions of the table's operations on numbers and arrays.

For each, the tape's primal is compared with plain NumPy, forward with reverse, both with the reference
interpreter, and Hessian products with the nested gradient.
"""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import fastad as ad
from fastad.testing import interpret, interpret_adjoint, interpret_tangent

# Smooth on the whole line and slow to grow, so that compositions stay in range.
UNARY = [np.sin, np.cos, np.tanh, np.arctan, np.arcsinh, np.square, np.negative, lambda v: np.sqrt(1.0 + v * v),
         lambda v: np.exp(-v * v), lambda v: np.log1p(v * v), np.expm1]  # fmt: skip
BINARY = [np.add, np.subtract, np.multiply, np.hypot, np.logaddexp, lambda a, b: a / (1.0 + b * b),
          lambda a, b: np.arctan2(a, 2.0 + b * b)]  # fmt: skip
MOVES = [lambda v: v[::-1], lambda v: np.roll(v, 2), lambda v: np.concatenate([v[3:], v[:3]]), lambda v: v + v[0],
         lambda v: np.where([True, False] * (v.size // 2), v, 0.5), lambda v: np.cumsum(v) / v.size]  # fmt: skip

STEPS = st.lists(
    st.tuples(st.integers(0, 2), st.integers(0, 99), st.integers(0, 99), st.integers(0, 99)), min_size=1, max_size=14
)


def program(steps):
    """A function of a vector that carries out the steps on a growing list of values."""

    def f(x):
        values = [x, 0.3 * x + 0.1]
        for kind, which, first, second in steps:
            a, b = values[first % len(values)], values[second % len(values)]
            if kind == 0:
                values.append(UNARY[which % len(UNARY)](a))
            elif kind == 1:
                values.append(BINARY[which % len(BINARY)](a, b))
            else:
                values.append(MOVES[which % len(MOVES)](a))
        return np.sum(values[-1]) + values[-1][0] * values[-2][-1]

    return f


@pytest.mark.parametrize("n", [6, 30], ids=["unrolled into scalars", "blocks"])
@settings(max_examples=60, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(steps=STEPS, seed=st.integers(0, 10))
def test_random_program(n, steps, seed) -> None:
    f, rng = program(steps), np.random.default_rng(seed)
    x, other, v = rng.uniform(-1, 1, n), rng.uniform(-1, 1, n), rng.normal(size=n)
    with np.errstate(all="ignore"):
        tape = ad.record(f, x)
        plain = f(other)
    if not np.isfinite(plain) or abs(plain) > 1e8:
        return
    assert tape.primal(other) == pytest.approx(plain, rel=1e-12, abs=1e-12)
    gradient, tangent = tape.adjoint(other, np.ones(1)), tape.tangent(other, v)[0]
    scale = np.linalg.norm(gradient) * np.linalg.norm(v) + 1e-300
    assert abs(gradient @ v - tangent) <= 1e-12 * max(1.0, scale)
    assert interpret(tape.program, other)[tape.program.outputs] == pytest.approx([plain], rel=1e-11, abs=1e-12)
    reference = interpret_adjoint(tape.program, other, [1.0])[:n]
    assert np.max(np.abs(reference - gradient)) <= 1e-12 * max(1.0, np.max(np.abs(reference)))
    reference = interpret_tangent(tape.program, other, v)[tape.program.outputs]
    assert abs(reference[0] - tangent) <= 1e-12 * max(1.0, scale)
    product, nested = ad.hvp(f)(other, v), ad.jvp(ad.grad(f), (other,), (v,))[1]
    assert np.max(np.abs(product - nested)) <= 1e-9 * max(1.0, np.max(np.abs(product)))
