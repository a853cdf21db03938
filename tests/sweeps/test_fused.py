"""Fused groups of element-wise instructions: values and gradients at every length, layout and ending.

Truths: plain NumPy for values, the unfused adjoint sweep (`Tape.adjoint`) and the reference interpreter for
gradients, closed forms. Each gradient is taken twice, the second time in a workspace full of nan, so that whatever is
read before it is written shows. Most tests run with chunks of 512 elements too, so that short arrays have many.
"""

from __future__ import annotations

import itertools
import tracemalloc

import numpy as np
import pytest

import fastad as ad
from fastad import fused_packing
from fastad.kernels import layout as at
from fastad.ops import ARRAY_BY_NAME, BY_NAME, ELEMENTALS, Op
from fastad.program import Block, Program
from fastad.testing import Reference
from tests.sweeps.programs import Case, contiguous

pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")
LENGTHS = [1, 2, 7, 8, 16, 17, 511, 512, 513, 1023, 1024, 1025, 16383, 16384, 16385, 32767, 32768, 32769, 65539, 100000]


@pytest.fixture(params=[16384, 512], ids=["whole chunks", "short chunks"])
def chunks(request, monkeypatch):
    monkeypatch.setattr(fused_packing, "CHUNK", request.param)


def draw(n, seed=0):
    return np.random.default_rng(seed).uniform(-1.0, 1.5, n)


def poison(tape):
    """Fill all that a call must not rely on with nan."""
    program = tape.schedule.program
    for work in tape.schedule._pool:
        work[: program.inputs] = np.nan
        work[program.first_result : work.size - 1 - at.CONTROL] = np.nan


def fused(tape, x):
    """Value and gradient, twice the same to the bit."""
    value, gradient, _ = tape.gradient(x)
    poison(tape)
    again, repeated, _ = tape.gradient(x)
    np.testing.assert_array_equal(again, value)
    np.testing.assert_array_equal(repeated, gradient)
    poison(tape)
    np.testing.assert_allclose(tape.evaluate(x)[0], value, rtol=1e-13, atol=1e-13)
    return value, gradient


def check(f, *args, rtol=1e-11):
    """Value and gradient of a function of arrays; returns the gradient, flat."""
    tape, x = ad.record(f, *args), np.concatenate([np.ravel(arg) for arg in args])
    value, gradient = fused(tape, x)
    np.testing.assert_allclose(value, f(*args), rtol=rtol, atol=rtol)
    plain = tape.adjoint(*args, weights=np.ones(1))
    scale = np.max(np.abs(plain), initial=1.0, where=np.isfinite(plain))
    np.testing.assert_allclose(gradient, plain, rtol=rtol, atol=rtol * scale)
    return gradient


# --- lengths and layouts ----------------------------------------------------------------------------
@pytest.mark.parametrize("n", LENGTHS)
def test_lengths(n):
    """Sums, means and products of them, against closed forms."""
    x = draw(n)
    wave = check(lambda x: np.sum(np.sin(x) * x), x)
    np.testing.assert_allclose(wave, np.cos(x) * x + np.sin(x), rtol=1e-13, atol=1e-13)
    mean = check(lambda x: np.mean(np.exp(x)) * 3.0 - np.sum(x), x)
    np.testing.assert_allclose(mean, 3.0 * np.exp(x) / n - 1.0, rtol=1e-13, atol=1e-13)
    nonlinear = check(lambda x: np.sqrt(1.0 + np.sum(x**2)) * np.sum(x * x), x)
    s = np.sum(x**2)
    np.testing.assert_allclose(nonlinear, x * s / np.sqrt(1 + s) + np.sqrt(1 + s) * 2.0 * x, rtol=1e-12)


@pytest.mark.parametrize("n", [1, 17, 40, 513, 1100])
def test_reference_interpreter(n):
    def f(x):
        y = np.where(x > 0.3, np.tanh(x) / (1.0 + x * x), x[::-1])
        return np.sum(y * y[0]) * np.mean(np.maximum(y, 0.1)) + 0.5 * np.sum(y)

    x = draw(n)
    tape = ad.record(f, x)
    reference = Reference(tape.program, x)
    value, gradient = fused(tape, x)
    assert value == pytest.approx(reference.values[tape.program.outputs[0]], rel=1e-12)
    np.testing.assert_allclose(gradient, reference.adjoint([1.0])[:n], rtol=1e-11, atol=1e-12 * n)


@pytest.mark.parametrize("shift", [1, 7, 255, 256, 257, 511, 512, 513, 5000, 8191, 8192, 8193, 9000])
@pytest.mark.usefixtures("chunks")
def test_overlapping_slices(shift):
    """Adjoints that cross from one chunk into those before, beside groups that have written there already."""
    x = draw(3 * 16384 + 5)
    check(lambda x: np.sum((x[shift:] - x[:-shift] ** 2) ** 2), x)
    check(lambda x: np.sum(x[shift:-1] * np.sin(x[: -shift - 1]) * x[1:-shift]), x)
    check(lambda x: np.sum(np.tanh(x[shift:] * x[:-shift])) * np.sum(x) + np.sum(x[2:] - 2.0 * x[1:-1] + x[:-2]), x)

    def of_results(x):
        y = np.exp(-x) * x
        return np.sqrt(np.sum((y[shift:] - y[:-shift]) ** 2) + 1.0)

    check(of_results, x)


TABLE = np.random.default_rng(5).integers(0, 1100, 1500)
LAYOUTS = {
    "reversed": lambda x: np.sum(np.sin(x[::-1]) * x),
    "strided": lambda x: np.sum(x[::2] * np.cos(x[1::2])) + np.sum(x[::3]) ** 2,
    "shifts of results": lambda x: np.sum(np.roll(np.tanh(x), 3) * np.roll(x, -2)),
    "fancy with repeats": lambda x: np.sum(x[TABLE] ** 2 * np.sin(x[TABLE[::-1]])),
    "rows and columns": lambda x: np.sum(np.exp(-(x.reshape(50, 22) * x[:22] + x[:50, None]))),
    "transposed": lambda x: np.sum(np.sin(x.reshape(50, 22).T) * x[::-1].reshape(22, 50)),
    "inputs and constants": lambda x: np.sum(np.concatenate([x, np.linspace(0, 1, 50)]) * np.sin(np.concatenate([x[:50], x]))),
    "constants first": lambda x: np.sum(np.concatenate([np.ones(30), x, np.zeros(9)]) ** 3),
    "constants all along": lambda x: np.sum((x - np.linspace(0, 2, 1100)) ** 2 * np.arange(1100.0)),
    "one element for all": lambda x: np.sum(np.exp(x * x[3]) - x[0]) * x[-1],
    "a broadcast element alone": lambda x: np.sum(np.full(600, 1.0) * x[5]) + x[5] * np.sum(x[:17]),
    "groups and matmul": lambda x: np.sum(np.tanh(x).reshape(22, 50) @ x[:50] * np.sin(x[:22])) + x @ x,
    "groups and scalars": lambda x: np.sum(np.sin(x)) + np.sin(x[7]) * x[8] + np.cos(x[7]) * np.sum(x[7:60] ** 2),
    "escaping results": lambda x: (lambda y: np.sum(np.sin(y) * x) + y[4] * y[-1] + np.sum(y[::2]))(np.exp(-x) * x),
    "cumulative sum": lambda x: np.sum(np.cumsum(np.sin(x)) * x),
    "reduction of rows": lambda x: np.sum((x.reshape(50, 22) - np.mean(x.reshape(50, 22), 1, keepdims=True)) ** 2),
    "sums of sums": lambda x: np.sum(np.sum(np.sin(x)) * x) + np.sum(np.cos(x) * np.sum(x * np.sum(x**2))),
    "maximum and ties": lambda x: np.sum(np.maximum(x, np.where(x > 0.5, x, 0.25))) + np.max(x) * np.min(x[:40]),
    "where of three": lambda x: np.sum(np.where(x * x > 0.3, np.sin(x), np.where(x > 0, x, x**2))),
    "sum, minus, constants": lambda x: -np.sum(np.sin(x)) / 3.0 + 2.0 * (np.sum(x**2) - np.sum(x)) * 0.5,
    "standard deviation": lambda x: np.std(x) + np.var(np.exp(x)) + np.linalg.norm(x),
    "an input": lambda x: x[3],
    "an element of a group": lambda x: (np.sin(x) * x)[17] + 0.0 * np.sum(x),
    "a constant": lambda x: np.sum(np.sign(x) * 2.0),
    "a sum twice": lambda x: (lambda s: s + s * s)(np.sum(np.sin(x))),
    "uses itself twice": lambda x: np.sum((x + x) * (x * x) / (x - (x + 3.0))),
    "long chain": lambda x: np.sum(_chain(x, 150)) + np.sum(_chain(x[1:], 20) * x[:-1]),
}  # fmt: skip


def _chain(x, count):
    y = x
    for _ in range(count):
        y = np.sin(y) * 1.1 + 0.1 * x
    return y


@pytest.mark.parametrize("name", LAYOUTS)
@pytest.mark.usefixtures("chunks")
def test_layouts(name):
    check(LAYOUTS[name], draw(1100))


def test_several_arguments_and_containers():
    """Gradients come to the arguments that were asked for; those that are not used get exact zeros."""
    x, y, unused = draw(700), draw(700, 1), draw(90, 2)

    def f(p, unused, y):
        return np.sum(np.sin(p["a"]) * y[1:]) * p["b"] + np.sum(y**2)

    check(lambda x, unused, y: f({"a": x[1:], "b": x[0]}, unused, y), x, unused, y)
    made = ad.grad(f, argnums=(0, 1, 2))
    for _ in range(3):
        of_p, of_unused, of_y = made({"a": x[1:], "b": 2.0}, unused, y)
        np.testing.assert_allclose(of_p["a"], 2.0 * np.cos(x[1:]) * y[1:], rtol=1e-14)
        assert of_p["b"] == pytest.approx(np.sum(np.sin(x[1:]) * y[1:]), rel=1e-12)
        np.testing.assert_array_equal(of_unused, np.zeros(90))
        assert of_y[0] == 2.0 * y[0]
        np.testing.assert_allclose(ad.grad(f, argnums=2)({"a": x[1:], "b": 2.0}, unused, y), of_y, rtol=1e-14)


@pytest.mark.parametrize("n", [17, 700, 20000])
def test_no_adjoint_where_only_steps_read(n):
    """What is read by steps and truth values alone gets exact zeros, elements and broadcast ones as well."""
    x = draw(n)
    assert not np.any(check(lambda x: np.sum(np.sign(np.log1p(x * x)) * np.floor(x * x[0])), x))
    assert not np.any(check(lambda x: np.sum(np.where(x * x[3] > np.sin(x), 2.0, 1.0)) * 0.25, x))
    half = check(lambda x: np.sum(np.floor(np.exp(x[: n // 2]) * x[0])) + np.sum(x[n // 2 :] ** 2), x)
    np.testing.assert_array_equal(half, np.where(np.arange(n) < n // 2, 0.0, 2.0 * x))
    stopped = check(lambda x: np.sum(ad.stop_gradient(np.sin(x)) * x), x)
    np.testing.assert_allclose(stopped, np.sin(x), rtol=1e-15)


def test_arrays_without_elements():
    x = draw(40)
    f = lambda x: np.sum(np.sin(x[40:]) * x[:0]) + np.sum(x * x)  # noqa: E731
    np.testing.assert_array_equal(check(f, x), 2.0 * x)
    assert ad.grad(lambda x: np.sum(np.exp(x)))(np.empty(0)).shape == (0,)
    assert ad.vjp(lambda x: np.where(x > 0.0, np.exp(x), x), np.empty(0))[1](np.empty(0))[0].shape == (0,)


def test_vector_functions():
    """Products with Jacobians run the plain form; it shares workspaces with the fused one."""
    x, v = draw(900), draw(900, 1)
    f = lambda x: np.sin(x) * x[::-1]  # noqa: E731
    pullback = ad.vjp(f, x)[1]
    expected = v * np.cos(x) * x[::-1] + (v * np.sin(x))[::-1]
    np.testing.assert_allclose(pullback(v)[0], expected, rtol=1e-13, atol=1e-13)
    np.testing.assert_allclose(ad.grad(lambda x: np.sum(v * f(x)))(x), expected, rtol=1e-13, atol=1e-13)


# --- random programs ----------------------------------------------------------------------------------
UNARY = [np.sin, np.tanh, np.abs, np.floor, np.square, np.sign, np.cbrt, lambda v: 1.0 / (2.0 + v * v), np.negative,
         lambda v: np.abs(v) ** 1.5, lambda v: v - v, lambda v: 0.0 * v, lambda v: np.exp(-v * v)]  # fmt: skip
BINARY = [np.add, np.subtract, np.multiply, np.hypot, np.maximum, np.copysign, lambda a, b: np.arctan2(a, 2.0 + b * b),
          lambda a, b: np.where(a > b, a, b * b), lambda a, b: a / (1.0 + b * b)]  # fmt: skip
MOVES = [lambda a: a[1:], lambda a: a[:-1], lambda a: a[::-1], lambda a: a[a.size // 2 :], lambda a: a * a[0] + a[-1],
         lambda a: a[2:] - 2.0 * a[1:-1] + a[:-2], lambda a: np.concatenate([a[3:], np.ones(5), a[:3]]),
         lambda a: a[TABLE % a.size], lambda a: a + np.tanh(np.mean(a)), lambda a: a.reshape(-1, 1)[:, 0] * 1.0,
         lambda a: np.cumsum(a) / a.size, lambda a: np.tile(a[:7], a.size // 7 + 3)[: a.size] * a]  # fmt: skip


def random_function(rng):
    steps = [(int(rng.integers(5)), *rng.integers(0, 10**6, 3).tolist()) for _ in range(rng.integers(1, 30))]

    def f(x):
        values, total = [x], 0.0
        for kind, which, first, second in steps:
            a, b = values[first % len(values)], values[second % len(values)]
            size = min(a.size, b.size)
            if kind < 2:
                values.append(UNARY[which % len(UNARY)](a))
            elif kind < 4:
                values.append(BINARY[which % len(BINARY)](a[a.size - size :], b[:size]))
            elif which % 3:
                values.append(np.tanh(MOVES[which % len(MOVES)](a)) if a.size > 20 else np.sin(x))
            else:
                total = total + (np.sum(a) * 0.5 if which % 2 else np.mean(a * a) * np.sum(np.sin(b)) / x.size)
        return total - np.sum(values[-1]) / 3.0 + np.sum(np.tanh(values[-1])) * values[-1][0]

    return f


@pytest.mark.parametrize("seed", range(60))
@pytest.mark.usefixtures("chunks")
def test_random_functions(seed):
    rng = np.random.default_rng(seed)
    n = int(rng.choice([17, 64, 513, 1025, 2047, 4097]))
    check(random_function(rng), rng.uniform(-1.0, 1.0, n), rtol=1e-9)


# --- special values -----------------------------------------------------------------------------------
SPECIAL_CASES = {
    "untaken root": (lambda x: np.sum(np.where(x > 0.0, np.sqrt(x), 0.0)), [0.0, -0.0, -1.0, np.inf]),
    "untaken logarithm": (lambda x: np.sum(np.where(x > 0.0, x * np.log(x), x)), [0.0, -2.0, -np.inf]),
    "untaken reciprocal": (lambda x: np.sum(np.where(x != 0.0, 1.0 / x, 0.0)), [0.0, -0.0, 1e-310]),
    "zero factor": (lambda x: np.sum(0.0 * np.exp(1e3 * x) * np.sin(x)), [1.0, np.inf, 0.0]),
    "zero sum factor": (lambda x: 0.0 * np.sum(np.sqrt(x)) + np.sum(x), [0.0, 4.0]),
    "product of zero and infinity": (lambda x: np.sum(x * (1.0 / x)) + np.sum(x[1:] * x[:-1]), [0.0, np.inf]),
    "nan": (lambda x: np.sum(np.maximum(x, 0.5)) + np.sum(np.sin(x) * x) * 2.0, [np.nan, np.inf, 0.5]),
    "ties": (lambda x: np.sum(np.maximum(x, 0.5) * np.minimum(x, x)), [0.5, -0.0, np.inf]),
    "nonlinear ending": (lambda x: np.sqrt(np.sum(x * x)), [0.0]),
}  # fmt: skip


@pytest.mark.parametrize("name", SPECIAL_CASES)
@pytest.mark.parametrize("n", [17, 600])
@pytest.mark.usefixtures("chunks")
def test_special_values_as_in_the_plain_sweep(name, n):
    f, specials = SPECIAL_CASES[name]
    for everywhere, special in itertools.product((False, True), specials):
        x = np.full(n, special) if everywhere else draw(n) ** 2 + 0.1
        x[n // 2] = special
        tape = ad.record(f, x)
        gradient = fused(tape, x)[1]
        np.testing.assert_allclose(gradient, tape.adjoint(x, np.ones(1)), rtol=1e-12, err_msg=f"{special}")


def test_known_seeds_know_absolute_zero():
    """A sum that reaches the result by the factors inf and 0 contributes 0."""
    x = draw(40)
    gradient = check_nan(lambda x: 0.0 * (np.inf * np.sum(x)) + np.sum(x * x), x)
    np.testing.assert_array_equal(gradient, 2.0 * x)


def check_nan(f, x):
    tape = ad.record(f, x)
    gradient = fused(tape, x)[1]
    np.testing.assert_array_equal(gradient, tape.adjoint(x, np.ones(1)))
    return gradient


# --- vectorised functions and the library's -------------------------------------------------------------
ODD = [0.0, -0.0, 1.0, -1.0, 5e-324, -1e-310, 2.3e-308, 1e300, -1e155, np.inf, -np.inf, np.nan, 1e22, -3e7, 709.9,
       -745.5, 1023.9999, -1074.5, 27.5, 0.9999999999999999, 2.0, -3.0]  # fmt: skip
LONG, UNROLLED = 525, 15  # elements of a block, and few enough for the scalar stream


def weighted_sum(op: Op, weights: np.ndarray) -> Program:
    """sum(weights * op(x)): one group, or the scalar stream where there are few weights."""
    length, n = weights.size, op.arity * weights.size
    first, operands = n + length, tuple(contiguous(k * length, length) for k in range(op.arity))
    product = (contiguous(first, length), contiguous(n, length))
    terms = (contiguous(first + length, length),)
    blocks = (Block(op.code, first, length, operands), Block(BY_NAME["multiply"].code, first + length, length, product),
              Block(ARRAY_BY_NAME["sum"].code, first + 2 * length, 1, terms, (length,)))  # fmt: skip
    empty = np.empty(0, np.int32)
    return Program(
        n, np.ones(n, bool), weights, np.empty(0, np.uint8), empty, empty, blocks, np.array([n + 3 * length])
    )


def partials(op: Op, points: np.ndarray) -> np.ndarray:
    """The gradient of the sum of op over the rows of `points`."""
    case = Case("", weighted_sum(op, np.ones(len(points))), np.ascontiguousarray(points.T).ravel())
    return case.tape.gradient(case.x)[1].reshape(op.arity, -1)


def ulps(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    same = (a == b) | ((a != a) & (b != b))
    small = np.maximum(np.minimum(np.abs(a), np.abs(b)), 2.3e-308)
    return np.where(same, 0.0, np.nan_to_num(np.abs(a - b) / np.spacing(small), nan=np.inf))


@pytest.mark.parametrize("op", [op for op in ELEMENTALS if op.arity < 3 and not op.boolean], ids=lambda op: op.name)
def test_odd_elements_among_normal_ones(op: Op) -> None:
    """A block with elements that the vectorised functions do not know: to a few ulp what each is in scalar code."""
    rng, normal = np.random.default_rng(op.code), np.array(op.points)
    odd = np.array(list(itertools.product(ODD, repeat=op.arity)))
    rng.shuffle(odd)
    for part in np.array_split(odd[:132], 11):
        points = normal[rng.integers(0, len(normal), LONG)] * rng.uniform(0.99, 1.0, (LONG, 1))
        where = rng.choice(LONG, len(part), replace=False)
        points[where] = part
        looked_at = np.concatenate([where, np.arange(8 * UNROLLED)])
        alone = np.hstack([partials(op, points[few]) for few in np.array_split(looked_at, 9)])
        assert np.max(ulps(partials(op, points)[:, looked_at], alone)) <= 8.0


# --- memory ---------------------------------------------------------------------------------------------
def test_intermediates_have_no_slot():
    n = 100000
    tape = ad.record(lambda x: np.sum(_chain(x, 30)), draw(n))
    assert tape.stats()["bytes"]["values"] < 8 * n + 1000


def test_memory_of_a_long_chain():
    """150 operations: inputs, adjoints and gradient, and what two groups pass on, not 150 arrays."""
    n = 200000
    x = draw(n)
    tape = ad.record(lambda x: np.sum(_chain(x, 50)), x)
    tape.schedule._pool.clear()
    tracemalloc.start()
    tape.gradient(x)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 8 * 8 * n
