"""Tapes inside `@njit` code and as C functions, against closed forms and against the same tape called from Python."""

from __future__ import annotations

import gc
import os
import pickle
import subprocess
import sys
import threading
import weakref
from pathlib import Path

import numpy as np
import pytest
from numba import njit, prange
from numba.core.errors import TypingError
from numba.typed import List
from scipy.integrate import IntegrationWarning, nquad, quad
from scipy.optimize import rosen, rosen_der
from scipy.special import erf

import fastad as ad
from fastad.errors import (
    ArgumentIndexError,
    BranchChanged,
    DerivativeCut,
    FastADError,
    NonScalarOutput,
    ShapeMismatch,
    UnsupportedDtype,
    UnsupportedFunction,
)  # fmt: skip


@njit
def call(f, x):
    return f(x)


@njit
def call_into(f, x, out):
    return f.into(x, out)


@njit
def call_jvp(f, x, v):
    return f(x, v)


def scan(x):
    state = 0.5
    for k in range(len(x)):
        state = np.sin(state * x[k]) + 0.1 * x[k] ** 2
    return state


def in_place(x):
    y = np.zeros(len(x))
    y[1:] = x[:-1] * x[1:]
    y[0] = 2.0
    return np.sum(np.where(y > 0.5, y, y**2))


SCALAR_FUNCTIONS = [
    (rosen, np.linspace(0.5, 1.5, 6)),
    (rosen, np.linspace(0.5, 1.5, 5000)),
    (lambda x: np.sum(np.exp(-(x**2))), np.linspace(-2.0, 2.0, 70_001)),
    (scan, np.linspace(0.2, 0.9, 12)),
    (in_place, np.linspace(0.2, 1.9, 9)),
    (lambda x: np.sum(np.tanh(x @ x.T)), np.linspace(-1.0, 1.0, 12).reshape(4, 3)),
    (lambda x: x[1], np.array([1.0, 2.0, 3.0])),
    (lambda x: 3.0 + 0.0 * x[0], np.ones(2)),
    (lambda x: np.max(x) * x[0], np.array([1.0, 3.0, 2.0])),
]


@pytest.mark.parametrize(("f", "x"), SCALAR_FUNCTIONS)
def test_values_and_gradients_are_those_of_the_tape(f, x):
    tape = ad.record(f, x)
    vg, primal = tape.njit_value_and_grad(), tape.njit_primal()
    for point in (x, x + 1e-3):
        value, gradient, failed = tape.gradient(point.reshape(-1))
        assert failed == -1
        for found, by in (call(vg, point), vg(point)):
            assert found == value and by.shape == point.shape
            np.testing.assert_array_equal(by.reshape(-1), gradient)
        out = np.full(point.shape, np.nan)
        assert call_into(vg, point, out) == value == vg.into(point, out)
        np.testing.assert_array_equal(out.reshape(-1), gradient)
        assert call(primal, point) == primal(point) == tape.evaluate(point.reshape(-1))[0][0]
    both = x.copy()
    call_into(vg, both, both)
    np.testing.assert_allclose(both.reshape(-1), tape.gradient(x.reshape(-1))[1], rtol=1e-14)


def test_several_arguments_are_one_flat_point():
    def f(a, b, parameters):
        return a * np.sum(b**2) + parameters["c"][0] * parameters["d"]

    vg = ad.record(f, 2.0, np.ones((2, 2)), {"c": np.ones(2), "d": 3.0}).njit_value_and_grad()
    value, gradient = call(vg, np.array([2.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0]))
    assert value == 2.0 * 30.0 + 5.0 * 7.0
    np.testing.assert_array_equal(gradient, [30.0, 4.0, 8.0, 12.0, 16.0, 7.0, 0.0, 5.0])


def test_numbers_in_numbers_out():
    tape = ad.record(lambda t: np.sin(t) * t, 1.0)
    vg, primal, jvp = tape.njit_value_and_grad(), tape.njit_primal(), tape.njit_jvp()
    for t in (0.3, 2.0, 3):
        slope = np.cos(t) * t + np.sin(t)
        for value, derivative in (call(vg, t), vg(t), call_jvp(jvp, t, 1.0), jvp(t, 1)):
            assert type(value) is type(derivative) is float
            np.testing.assert_allclose([value, derivative], [np.sin(t) * t, slope], rtol=1e-15)
        assert call(primal, t) == primal(t) == pytest.approx(np.sin(t) * t, rel=1e-15)


def test_vector_functions_and_their_tangents():
    def f(x):
        return np.array([x[0] * x[1], np.sin(x[0]), x[1] ** 2])

    tape, x, v = ad.record(f, np.ones(2)), np.array([0.4, 1.7]), np.array([2.0, -1.0])
    primal, jvp, out = tape.njit_primal(), tape.njit_jvp(), np.empty(3)
    jacobian = np.array([[x[1], x[0]], [np.cos(x[0]), 0.0], [0.0, 2 * x[1]]])
    for y in (call(primal, x), primal(x)):
        np.testing.assert_allclose(y, f(x), rtol=1e-15)
    assert call_into(primal, x, out) is None and primal.into(x, out) is None
    np.testing.assert_allclose(out, f(x), rtol=1e-15)
    for y, tangent in (call_jvp(jvp, x, v), jvp(x, v)):
        np.testing.assert_allclose(y, f(x), rtol=1e-15)
        np.testing.assert_allclose(tangent, jacobian @ v, rtol=1e-14)
    of_a_number = ad.record(lambda t: np.array([t, t**2]), 1.0)
    np.testing.assert_array_equal(call(of_a_number.njit_primal(), 3.0), [3.0, 9.0])
    np.testing.assert_array_equal(call_jvp(of_a_number.njit_jvp(), 3.0, 2.0), [[3.0, 9.0], [2.0, 12.0]])
    scalar = ad.record(rosen, np.ones(3)).njit_jvp()
    value, slope = call_jvp(scalar, np.array([0.3, 0.5, 2.0]), np.array([1.0, 2.0, 3.0]))
    assert value == pytest.approx(rosen([0.3, 0.5, 2.0]), rel=1e-13)
    assert slope == pytest.approx(rosen_der(np.array([0.3, 0.5, 2.0])) @ [1.0, 2.0, 3.0], rel=1e-13)


def test_points_of_other_dtypes_and_layouts():
    vg, x = ad.record(rosen, np.ones(4)).njit_value_and_grad(), np.arange(8.0)
    frozen = x[:4].copy()
    frozen.flags.writeable = False
    for point in (x[::2], x[3::-1], np.arange(4), np.arange(4, dtype=np.float32), frozen):
        expected = np.asarray(point, float)
        for value, gradient in (call(vg, point), vg(point)):
            assert value == pytest.approx(rosen(expected))
            np.testing.assert_allclose(gradient, rosen_der(expected), rtol=1e-13)


# --- programs compiled as a whole -------------------------------------------------------------------
@njit
def descend(vg, x, tolerance, most):
    """Gradient descent with Barzilai and Borwein's steps (IMA J. Numer. Anal. 8, 1988)."""
    _, g = vg(x)
    step = 1e-3
    for k in range(most):
        if np.max(np.abs(g)) < tolerance:
            return x, k
        new = x - step * g
        _, after = vg(new)
        s, y = new - x, after - g
        step = abs(np.sum(s * s) / np.sum(s * y))
        x, g = new, after
    return x, most


def test_an_optimiser_compiled_as_a_whole():
    vg = ad.record(rosen, np.ones(3)).njit_value_and_grad()
    x, steps = descend(vg, np.full(3, 0.7), 1e-10, 5000)
    assert steps < 5000
    np.testing.assert_allclose(x, 1.0, atol=1e-8)
    bowl = ad.record(lambda x: np.sum((x - 3.0) ** 2), np.ones(3)).njit_value_and_grad()
    np.testing.assert_allclose(descend(bowl, np.zeros(3), 1e-12, 100)[0], 3.0)
    assert len(descend.signatures) == 1, "one compilation serves all tapes"


@njit
def chain(vg, start, noise, step, leaps):
    """Hamiltonian Monte Carlo (Neal 2011); `noise` (draws, n + 1): the momenta, and a uniform number."""
    x, n = start.copy(), start.size
    value, g = vg(x)
    draws = np.empty((len(noise), n))
    for k in range(len(noise)):
        p = noise[k, :n].copy()
        before = value - 0.5 * np.sum(p * p)
        new, at, slope = x.copy(), value, g
        for _ in range(leaps):
            p += 0.5 * step * slope
            new += step * p
            at, slope = vg(new)
            p += 0.5 * step * slope
        if np.log(noise[k, n]) < at - 0.5 * np.sum(p * p) - before:
            x, value, g = new, at, slope
        draws[k] = x
    return draws


@njit(parallel=True)
def chains(vg, starts, noise, step, leaps):
    out = np.empty((len(starts), noise.shape[1], starts.shape[1]))
    for c in prange(len(starts)):
        out[c] = chain(vg, starts[c], noise[c], step, leaps)
    return out


def test_a_sampler_under_prange_is_each_chain_by_itself():
    sizes, means = np.array([1.0, 2.0, 0.5]), np.array([1.0, -1.0, 0.0])
    density = ad.record(lambda x: -0.5 * np.sum(((x - means) / sizes) ** 2), np.ones(3)).njit_value_and_grad()
    random = np.random.default_rng(0)
    starts, noise = random.normal(size=(8, 3)), random.normal(size=(8, 1500, 4))
    noise[..., 3] = random.uniform(size=(8, 1500))
    found = chains(density, starts, noise, 0.4, 6)
    for c in range(8):
        np.testing.assert_array_equal(found[c], chain(density, starts[c], noise[c], 0.4, 6))
    draws = found[:, 100:].reshape(-1, 3)
    np.testing.assert_allclose(draws.mean(0), means, atol=0.06)
    np.testing.assert_allclose(draws.std(0), sizes, rtol=0.06)


@njit(parallel=True)
def at_points(vg, points):
    out = np.empty_like(points)
    for i in prange(len(points)):
        vg.into(points[i], out[i])
    return out


@pytest.mark.parametrize("n", [3, 3000])
def test_prange_and_threads_give_what_single_calls_give(n):
    vg, points = ad.record(rosen, np.ones(n)).njit_value_and_grad(), np.random.default_rng(1).normal(size=(400, n))
    expected, wrong = np.array([vg(x)[1] for x in points]), []
    np.testing.assert_array_equal(at_points(vg, points), expected)

    @njit(nogil=True)
    def work(vg, points, out):
        for i in range(len(points)):
            vg.into(points[i], out[i])

    work(vg, points[:1], np.empty_like(points[:1]))

    def in_a_thread():
        out = np.empty_like(points)
        for _ in range(5):
            work(vg, points, out)
            if not np.array_equal(out, expected):
                wrong.append(True)

    threads = [threading.Thread(target=in_a_thread) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_more_threads_than_seats():
    """All seats taken: a workspace for each call."""
    from fastad.native import tape_entry as entry

    vg, x = ad.record(rosen, np.ones(3)).njit_value_and_grad(), np.array([0.5, 0.2, 0.9])
    vg._room.words[entry.SEATS + entry.TAKEN :: entry.LINE] = 1
    for _ in range(3):
        np.testing.assert_allclose(call(vg, x)[1], rosen_der(x), rtol=1e-13)
    assert not vg._room.words[entry.SEATS + entry.MEMORY :: entry.LINE].any()


# --- what must not pass -----------------------------------------------------------------------------
def branching(x):
    return np.sum(x**2) if x[0] > 0.0 else np.sum(x)


@njit
def or_nan(vg, x):
    try:
        return vg(x)[0]
    except Exception:
        return np.nan


def test_a_failing_guard_is_an_exception():
    tape, off = ad.record(branching, np.ones(3)), np.array([-1.0, 2.0, 3.0])
    vg, primal, jvp = tape.njit_value_and_grad(), tape.njit_primal(), tape.njit_jvp()
    for way in (lambda: call(vg, off), lambda: call_into(vg, off, np.empty(3)), lambda: call(primal, off),
                lambda: call_jvp(jvp, off, off)):  # fmt: skip
        with pytest.raises(BranchChanged, match="comparison comes out otherwise"):
            way()
    for way in (lambda: vg(off), lambda: primal(off), lambda: jvp(off, off)):
        with pytest.raises(BranchChanged, match=r"-1 > 0.*test_compiled_tape.py:"):
            way()
    assert np.isnan(or_nan(vg, off)) and or_nan(vg, -off + 1.0) == np.sum((1.0 - off) ** 2)
    np.testing.assert_array_equal(call(vg, np.full(3, 2.0))[1], np.full(3, 4.0))


@njit(parallel=True)
def by_calls(vg, primal, jvp, points):
    out = np.empty((len(points), 4))
    for i in prange(len(points)):
        value, gradient = vg(points[i])
        out[i, 0], out[i, 1], out[i, 2], out[i, 3] = value, gradient[0], primal(points[i]), jvp(points[i], points[i])[1]
    return out


@pytest.mark.parametrize("bad", [[0], [7], [0, 1, 5], list(range(8))])
def test_in_a_parallel_loop_where_exceptions_are_lost_there_is_nan(bad):
    tape, points = ad.record(branching, np.ones(3)), np.random.default_rng(0).uniform(0.5, 1.5, (8, 3))
    points[bad] *= -1
    vg, good = tape.njit_value_and_grad(), np.setdiff1d(np.arange(8), bad)
    for _ in range(3):
        found, gradients = by_calls(vg, tape.njit_primal(), tape.njit_jvp(), points), at_points(vg, points)
        values = np.sum(points**2, 1)
        expected = np.stack([values, 2 * points[:, 0], values, 2 * values], 1)
        np.testing.assert_allclose(found[good], expected[good], rtol=1e-14)
        np.testing.assert_array_equal(gradients[good], 2 * points[good])
        assert np.isnan(found[bad]).all() and np.isnan(gradients[bad]).all()
    assert vg.failures == 6 * len(bad)
    if len(bad) < 8:
        assert np.isnan(at_points(vg, np.ones((8, 4)))).all()


def test_wrong_sizes_are_exceptions():
    tape = ad.record(lambda x: x * 2.0, np.ones(3))
    primal, jvp, vg = tape.njit_primal(), tape.njit_jvp(), ad.record(rosen, np.ones(3)).njit_value_and_grad()
    good, bad = np.ones(3), np.ones(4)
    for way in (lambda: call(vg, bad), lambda: call(vg, 1.0), lambda: call_into(vg, bad, good), lambda: vg(bad), lambda: vg(1.0),
                lambda: call_into(vg, good, bad), lambda: vg.into(good, bad), lambda: call(primal, bad), lambda: primal(bad),
                lambda: call_into(primal, good, bad), lambda: primal.into(good, bad), lambda: call_jvp(jvp, bad, good),
                lambda: call_jvp(jvp, good, bad), lambda: jvp(good, bad), lambda: jvp(bad, good)):  # fmt: skip
        with pytest.raises(ShapeMismatch, match="numbers"):
            way()


def test_wrong_types_are_errors_when_compiling():
    tape = ad.record(rosen, np.ones(3))
    vg, primal, jvp, x = tape.njit_value_and_grad(), tape.njit_primal(), tape.njit_jvp(), np.ones(3)
    for way, text in [
        (lambda: call(vg, x + 1j), "array of numbers is needed"),
        (lambda: call(vg, "text"), "array of numbers is needed"),
        (lambda: call_jvp(vg, x, x), "one argument, the point"),
        (lambda: call(jvp, x), "the point and a direction"),
        (lambda: call_jvp(jvp, x, 1.0), "both numbers or both arrays"),
        (lambda: call_into(vg, np.ones(6)[::2], x), "contiguous array of float64"),
        (lambda: call_into(vg, x, np.ones(6)[::2]), "contiguous, writable array of float64"),
        (lambda: call_into(primal, x, np.ones(1, np.float32)), "contiguous, writable array of float64"),
        (lambda: call_into(jvp, x, x), "no method `into`"),
    ]:
        with pytest.raises(TypingError, match=text):
            way()
    for wrong in (x + 1j, "text", np.array(["a"])):
        with pytest.raises(UnsupportedDtype, match="real numbers"):
            vg(wrong)
    with pytest.raises(DerivativeCut, match=r"traced value at .*test_compiled_tape\.py:"):
        ad.grad(lambda x: vg(x)[0])(x)
    for out in (np.empty(6)[::2], np.empty(3, np.float32), [1.0, 2.0, 3.0]):
        with pytest.raises(UnsupportedDtype, match="contiguous"):
            vg.into(x, out)
    for wrong_call in (lambda: vg(x, x), lambda: jvp(x), lambda: jvp.into(x, x)):
        with pytest.raises(TypeError):
            wrong_call()


def test_what_cannot_be_compiled_is_refused():
    with pytest.raises(NonScalarOutput):
        ad.record(lambda x: x * 2.0, np.ones(3)).njit_value_and_grad()
    tape = ad.record(lambda a: np.sum(np.linalg.solve(a, np.ones(2))), np.eye(2))
    for make in (tape.njit_value_and_grad, tape.njit_primal, tape.njit_jvp, tape.low_level_callable):
        with pytest.raises(UnsupportedFunction, match=r"solve at .*test_compiled_tape\.py:\d+"):
            make()


def test_compiled_primitives_are_part_of_compiled_code():
    @njit
    def root(a):
        if a < 0.0:
            raise ValueError("negative")
        return np.sqrt(a)

    half = ad.primitive(root, partials=[njit(lambda a: 0.5 / np.sqrt(a))])
    cube = ad.primitive("a**3", partials=["3*a**2"])
    tape = ad.record(lambda x: np.sum(half(x) * cube(x)) + cube(x[0]), np.ones(3))
    vg, jvp, primal = tape.njit_value_and_grad(), tape.njit_jvp(), tape.njit_primal()
    for x in (np.array([0.5, 1.0, 2.0]), np.array([4.0, 0.1, 9.0])):
        value, slope = np.sum(x**3.5) + x[0] ** 3, 3.5 * x**2.5 + [3 * x[0] ** 2, 0.0, 0.0]
        assert call(vg, x)[0] == pytest.approx(value) == call(primal, x)
        np.testing.assert_allclose(call(vg, x)[1], slope, rtol=1e-14)
        np.testing.assert_allclose(call_jvp(jvp, x, np.ones(3)), [value, slope.sum()], rtol=1e-14)
    np.testing.assert_allclose(at_points(vg, np.ones((40, 3))), np.tile([6.5, 3.5, 3.5], (40, 1)))
    bad = np.array([1.0, -1.0, 1.0])
    for way in (lambda: call(vg, bad), lambda: call(primal, bad), lambda: call_jvp(jvp, bad, bad)):
        with pytest.raises(FastADError, match="raised an exception"):
            way()
    for way in (lambda: vg(bad), lambda: primal(bad), lambda: jvp(bad, bad)):
        with pytest.raises(ValueError, match="negative"):
            way()
    assert np.isnan(at_points(vg, np.array([bad] * 4))).all()
    assert ad.value_and_grad(lambda x: np.sum(half(x)))(np.ones(3))[0] == 3.0, "other sweeps keep their way out"


# --- lifetimes --------------------------------------------------------------------------------------
def test_compiled_code_keeps_what_it_holds():
    @njit
    def total(tapes, x):
        out = 0.0
        for k in range(len(tapes)):
            out += tapes[k](x)[0]
        return out

    tapes, known = List(), []
    for k in range(5):
        vg = ad.record(lambda x: k * x[0] * x[1], np.ones(2)).njit_value_and_grad()
        known.append(weakref.ref(vg))
        tapes.append(vg)
    del vg
    gc.collect()
    assert total(tapes, np.array([2.0, 3.0])) == 6.0 * 10.0
    assert tapes[2] is known[2]()
    del tapes
    gc.collect()
    assert [ref() for ref in known] == [None] * 5


def test_a_global_tape_stays_as_long_as_the_code():
    vg = ad.record(rosen, np.ones(3)).njit_value_and_grad()

    @njit
    def f(x):
        return vg(x)

    x = np.array([0.1, 0.2, 0.3])
    expected = vg(x)
    f(x)
    vg = None
    gc.collect()
    for found, by in zip(f(x), expected, strict=True):
        np.testing.assert_array_equal(found, by)


def resident() -> int:
    """Bytes of this process in memory."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="reads Linux's count of pages")
def test_memory_does_not_grow():
    tape, x, off = ad.record(branching, np.ones(20_000)), np.ones(20_000), -np.ones(20_000)

    def work():
        for _ in range(20):
            vg = tape.njit_value_and_grad()
            for _ in range(20):
                call(vg, x)
                assert np.isnan(or_nan(vg, off))
            at_points(vg, np.ones((4, 20_000)))
            assert sys.getrefcount(vg) == 2

    work()
    before = resident()
    for _ in range(3):
        work()
    assert resident() - before < 4e6  # a single gradient kept of each call would be 190 MB


CACHED = """
import sys
sys.path.insert(0, {folder!r})
import numpy as np
import fastad as ad
from cached_caller import loop
for power in (2, 3):
    vg = ad.record(lambda x: np.sum(x**power), np.ones(3)).njit_value_and_grad()
    print(loop(vg, np.full(3, 2.0)), sum(loop.stats.cache_hits.values()), end=" ")
"""


def test_callers_may_be_cached_on_disk(tmp_path):
    source = "from numba import njit\n@njit(cache=True)\ndef loop(vg, x):\n    return vg(x)[0] + vg(x)[1][0]\n"
    (tmp_path / "cached_caller.py").write_text(source)
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    for hits in (0, 1):
        command = [sys.executable, "-c", CACHED.format(folder=str(tmp_path))]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
        assert done.stdout.split() == ["16.0", str(hits), "36.0", str(hits)]


# --- C functions ------------------------------------------------------------------------------------
def test_scipy_integrates_values_and_components_of_gradients():
    tape = ad.record(lambda x, a, b: np.exp(-a * x**2) * np.cos(b * x), 0.1, 1.0, 1.0)
    a, b = 1.3, 0.7
    whole = np.sqrt(np.pi / a) * np.exp(-(b**2) / (4 * a))
    expected = [whole, whole * (b**2 / (4 * a**2) - 1 / (2 * a)), -whole * b / (2 * a)]
    for component, truth in zip((None, 1, 2), expected, strict=True):
        found, _ = quad(tape.low_level_callable(component), -np.inf, np.inf, args=(a, b))
        assert found == pytest.approx(truth, rel=1e-9)
    normal = ad.record(lambda x: np.exp(-(x[0] ** 2)) * np.exp(-(x[1] ** 2)) * x[2], np.ones(3))
    found, _ = nquad(normal.low_level_callable(component=2), [[0.0, 1.0], [-1.0, 2.0]], args=(5.0,))
    assert found == pytest.approx(np.pi / 4 * erf(1.0) * (erf(2.0) + erf(1.0)), rel=1e-9)


def test_a_c_function_has_no_number_where_the_tape_does_not_hold():
    tape = ad.record(lambda x: x**2 if x < 0.5 else x, 0.1)
    inside, _ = quad(tape.low_level_callable(), 0.0, 0.5)
    assert inside == pytest.approx(1 / 24)
    with pytest.warns(IntegrationWarning):
        assert np.isnan(quad(tape.low_level_callable(), 0.0, 1.0)[0])
        assert np.isnan(quad(tape.low_level_callable(), 0.0, 0.1, args=(1.0,))[0])
    for component in (-1, 1):
        with pytest.raises(ArgumentIndexError, match="1 inputs"):
            tape.low_level_callable(component)
    with pytest.raises(NonScalarOutput):
        ad.record(lambda x: np.array([x, x]), 0.1).low_level_callable()


def test_a_low_level_callable_keeps_its_tape():
    functions = [ad.record(lambda x: k * x**2, 0.5).low_level_callable() for k in range(4)]
    gc.collect()
    for k, function in enumerate(functions):
        assert quad(function, 0.0, 3.0)[0] == pytest.approx(9.0 * k)


def test_the_address_is_a_c_function():
    import ctypes

    vg, x = ad.record(rosen, np.ones(3)).njit_value_and_grad(), np.array([0.4, 0.5, 0.6])
    value, gradient = np.empty(1), np.empty(3)
    function = ctypes.CFUNCTYPE(ctypes.c_int64, *(ctypes.c_void_p,) * 5)(vg.address)
    assert function(vg.user_data, x.ctypes.data, None, value.ctypes.data, gradient.ctypes.data) == -1
    assert value[0] == pytest.approx(rosen(x), rel=1e-13)
    np.testing.assert_allclose(gradient, rosen_der(x), rtol=1e-13)


def test_compiled_tapes_pickle():
    vg, x = ad.record(rosen, np.ones(3)).njit_value_and_grad(), np.array([0.4, 0.5, 0.6])
    again = pickle.loads(pickle.dumps(vg))
    np.testing.assert_array_equal(call(again, x)[1], call(vg, x)[1])
