"""The functions of the bench programs: each is recorded as it stands, and its gradient agrees with differences."""

import importlib

import numpy as np
import pytest
from numba import njit, prange

import fastad as ad
from bench.peers import table, tool_fastad, tool_numpy
from bench.peers.measure import Result, check, prepare
from bench.peers.tool import LeftOut, Prepared, under
from bench.peers.works import WORKS, Work

SMALL = {
    "rosenbrock": (7,),
    "mixture": (40,),
    "logistic": (30, 4),
    "mlp": ((5, 6, 6, 3), 8),
    "gmm": (3, 4, 20),
    "bundle": (3, 9, 25),
    "hand": (12,),
    "hand_complicated": (12,),
    "lstm": (2, 6, 5),
    "lorenz": (20,),
    "minors": (4,),
    "mixed": (300,),
}


def directional_difference(function, active, directions, step=1e-6):
    """Central difference; its error is about step**2 and rounding about 1e-16 / step, of the values."""
    ahead, behind = ([a + s * step * d for a, d in zip(active, directions, strict=True)] for s in (1.0, -1.0))
    return (function(*ahead) - function(*behind)) / (2.0 * step)


@pytest.mark.parametrize("name", SMALL)
def test_gradient_agrees_with_differences(name):
    module = importlib.import_module(f"bench.objectives.{name}")
    args = module.example(*SMALL[name])
    active, data = args[: module.ACTIVE], args[module.ACTIVE :]

    def function(*variables):
        return module.objective(*variables, *data)

    random = np.random.default_rng(1)
    directions = [random.normal(size=np.shape(a)) / np.sqrt(np.size(a)) for a in active]
    value, gradients = ad.value_and_grad(function, tuple(range(len(active))))(*active)
    expected = directional_difference(function, active, directions)
    computed = sum(np.sum(g * d) for g, d in zip(gradients, directions, strict=True))
    assert value == pytest.approx(function(*active), rel=1e-13)
    assert computed == pytest.approx(expected, rel=1e-6, abs=1e-8 * max(1.0, abs(value)))


@njit(parallel=True)
def at_points(vg, points, gradients):
    values = np.empty(len(points))
    for i in prange(len(points)):
        values[i] = vg.into(points[i], gradients[i])
    return values


@pytest.mark.parametrize("name", SMALL)
def test_compiled_code_gets_the_same_numbers(name):
    module = importlib.import_module(f"bench.objectives.{name}")
    args = module.example(*SMALL[name])
    active, data = args[: module.ACTIVE], args[module.ACTIVE :]
    tape = ad.record(lambda *variables: module.objective(*variables, *data), *active)
    x = np.concatenate([np.ravel(a) for a in active])
    points = x * (1.0 + 1e-9 * np.arange(6)[:, None])
    gradients = np.empty_like(points)
    values = at_points(tape.njit_value_and_grad(), points, gradients)
    for k in range(6):
        value, gradient, failed = tape.gradient(points[k])
        if failed >= 0:
            assert np.isnan(values[k])
            continue
        assert values[k] == value
        np.testing.assert_array_equal(gradients[k], gradient)
    assert not np.isnan(values[0])


def test_every_work_has_its_objective():
    assert {work.objective for work in WORKS} == set(SMALL)


def test_values_that_are_known():
    rosenbrock, minors, lorenz = (
        importlib.import_module(f"bench.objectives.{n}") for n in ("rosenbrock", "minors", "lorenz")
    )
    assert rosenbrock.objective(np.ones(5)) == 0.0
    square = np.random.default_rng(2).normal(size=(5, 5))
    assert minors.objective(square) == pytest.approx(np.linalg.det(square), rel=1e-12)
    fixed = np.array([10.0, 28.0, 8.0 / 3.0, np.sqrt(72.0), np.sqrt(72.0), 27.0])
    assert lorenz.objective(fixed, 10) == pytest.approx(72.0 + 72.0 + 27.0**2, rel=1e-12)


def test_a_gaussian_mixture_of_one_is_its_density():
    gmm = importlib.import_module("bench.objectives.gmm")
    alphas, means, icf, x, place, zeros, constants = gmm.example(3, 1, 10)
    factor = np.zeros((3, 3))
    factor[np.triu_indices(3, 1)[::-1]] = icf[0, 3:]
    factor += np.diag(np.exp(icf[0, :3]))
    scaled = (x - means[0]) @ factor.T
    density = np.sum(icf[0, :3]) - 0.5 * np.sum(scaled**2, axis=1) - 1.5 * np.log(2.0 * np.pi)
    prior = 0.5 * (np.sum(np.exp(2.0 * icf[0, :3])) + np.sum(icf[0, 3:] ** 2)) - constants[1]
    assert gmm.objective(alphas, means, icf, x, place, zeros, constants) == pytest.approx(np.sum(density) + prior)


class _Other:
    """NumPy's names, with another `exp`."""

    exp = staticmethod(lambda x: 0.0)

    def __getattr__(self, name):
        return getattr(np, name)


def test_objectives_run_under_another_numpy():
    hand = importlib.import_module("bench.objectives.hand_complicated")
    mixture = importlib.import_module("bench.objectives.mixture")
    x = np.array([0.5, 1.0])
    assert under(mixture, _Other())["objective"](x) == np.sum(np.log(1.0 + x**2) * np.tanh(x))
    assert mixture.objective(x) != under(mixture, _Other())["objective"](x)
    assert under(hand, _Other())["vertex_positions"].__globals__["np"] is not np


class _Wrong:
    """A tool whose gradient is wrong, and that has a name the check trusts others above."""

    NAME = "autograd"

    @staticmethod
    def prepare(work):
        return Prepared(lambda: None, lambda _: (0.0, np.zeros(work.arguments[0][0].size)))


class _Failing:
    NAME = "CasADi"

    @staticmethod
    def prepare(work):
        raise ValueError("no such function")


class _Absent:
    NAME = "JAX"

    @staticmethod
    def prepare(work):
        raise LeftOut("too slow")


def test_a_tool_that_fails_or_differs_is_a_printed_line(capsys):
    work = Work("small", "rosenbrock", (10,), {"NumPy": 1.0})
    result = Result(work)
    ready = prepare(work, [tool_numpy, tool_fastad, _Wrong, _Failing, _Absent], result)
    assert set(ready) == {"NumPy", "fastad", "autograd"}
    check(work, ready)
    assert set(ready) == {"autograd"}  # the only other tool is taken for the truth
    printed = capsys.readouterr().out
    assert "CasADi failed: ValueError: no such function" in printed
    assert "fastad differs from autograd" in printed


def test_tables_show_bars_met_and_missed():
    work = Work("small", "rosenbrock", (10,), {"NumPy": 0.5, "JAX": 0.5, "by hand": 4.0}, microseconds=3.0)
    best = {"NumPy": 4e-6, "fastad": 2e-6, "JAX": 3e-6, "by hand": 1e-6}
    text = table.times([Result(work, best, dict.fromkeys(best, 1.0))])
    assert "0.50 <= 0.5: met" in text and "0.67 <= 0.5: MISSED" in text
    assert "by hand 2.00 <= 4: met; 2.00 us <= 3: met" in text
    assert "1.00 <= 0.05: MISSED" in table.first_calls([Result(work, best, dict.fromkeys(best, 1.0))])
