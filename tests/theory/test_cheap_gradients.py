"""The cheap gradient principle, in numbers of instructions rather than in time.

A gradient costs a small multiple of the function, however many inputs there are (Griewank & Walther, section
3.3: at most 5 in their measure), and a Hessian-vector product a small multiple of the gradient. A derivative
that is recorded inside another function is a list of instructions, which can be counted.
"""

from __future__ import annotations

import math

import numpy as np
import pytest

import fastad as ad
from fastad.tape import Linearization


def elements(tape: ad.Tape) -> int:
    """Numbers that the tape computes: scalar instructions, and the elements of whole-array ones."""
    return tape.program.slots - tape.program.first_result


def product(x):
    return math.prod(x[i] for i in range(x.size))


def rosenbrock(x):
    return np.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1.0 - x[:-1]) ** 2)


def waves(x):
    return np.sum(np.sin(x) * np.exp(-x * x) / (2.0 + np.cos(x)))


def recurrence(x):
    z = 0.0
    for i in range(x.size):
        z = np.tanh(z + x[i]) * 0.5 + z * x[i]
    return z


def layers(x):
    h, m = x, np.linspace(-1.0, 1.0, x.size**2).reshape(x.size, x.size)
    for _ in range(3):
        h = np.tanh(m @ h + x)
    return h @ h


FUNCTIONS = [product, rosenbrock, waves, recurrence, layers]
SIZES = (10, 40, 160)


@pytest.mark.parametrize("f", FUNCTIONS)
def test_a_gradient_is_a_few_functions(f):
    ratios = []
    for n in SIZES:
        x = np.linspace(0.5, 1.5, n)
        plain, gradient = ad.record(f, x), ad.record(lambda x: ad.grad(f)(x), x)
        np.testing.assert_allclose(gradient.primal(x), ad.grad(f)(x), rtol=1e-12)
        ratios.append(elements(gradient) / elements(plain))
    assert max(ratios) < 8.0, ratios
    assert ratios[-1] < 1.5 * ratios[0], f"the ratio must not grow with the number of inputs: {ratios}"


@pytest.mark.parametrize("f", FUNCTIONS)
def test_a_hessian_product_is_a_few_gradients(f):
    ratios = []
    for n in SIZES:
        x = np.linspace(0.5, 1.5, n)
        plain, product = ad.record(f, x), ad.record(lambda x: ad.hvp(f)(x, np.ones(x.size)), x)
        ratios.append(elements(product) / elements(plain))
    assert ratios[-1] < 1.5 * ratios[0], f"the ratio must not grow with the number of inputs: {ratios}"


@pytest.mark.parametrize("f", FUNCTIONS)
def test_memory_is_a_multiple_of_the_slots(f):
    """Nothing but the tape's own length decides: per scalar instruction a value, an adjoint and two partials."""
    for n in SIZES:
        tape = ad.record(f, np.linspace(0.5, 1.5, n))
        sizes, unrolled = tape.stats()["bytes"], tape.schedule.program
        assert sizes["values"] == sizes["adjoints"] <= 8 * tape.program.slots
        assert sizes["partials"] == 16 * unrolled.opcode.size
        assert sum(sizes.values()) <= 60 * tape.program.slots + 12 * 8 * 2 * n * n + 10_000


def test_a_jacobian_takes_the_smaller_number_of_sweeps(monkeypatch):
    rows, original = [], Linearization.sweep

    def sweep(self, task, seeds):
        rows.append((task, len(seeds)))
        return original(self, task, seeds)

    monkeypatch.setattr(Linearization, "sweep", sweep)
    tall, wide = (lambda x: np.outer(np.sin(x), np.ones(5)).ravel()), (lambda x: np.array([np.sum(x), x @ x]))
    ad.jacobian(tall)(np.ones(3)), ad.jacobian(wide)(np.ones(30)), ad.jacobian(np.sin)(np.ones(4))
    assert rows == [(3, 3), (4, 2), (3, 4)]


def test_shared_subexpressions_are_differentiated_once():
    """Straight-line code with n lines that each use the last one twice: 2^n paths, n instructions."""

    def f(x):
        for _ in range(60):
            x = x + x * 0.5
        return x

    tape = ad.record(f, 1.0)
    assert tape.instructions == 120
    assert tape.adjoint(1.0, [1.0])[0] == pytest.approx(1.5**60, rel=1e-13)
    assert ad.record(lambda x: ad.grad(f)(x), 1.0).instructions <= 4 * 120
