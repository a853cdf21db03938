"""One recording for a signature and a path, and never a stale one."""

from __future__ import annotations

import math
import sys
import threading

import numpy as np
import pytest

import fastad as ad
from fastad.errors import ChangedConstant, RecordingMismatch
from fastad.replay import settings

TRANSFORMS = [ad.grad, ad.value_and_grad, ad.jacobian, ad.hessian]


@pytest.fixture(autouse=True)
def default_settings():
    yield
    settings.audit, settings.paths = "doubling", 8


def recordings(transform) -> int:
    return transform.replayer.recordings


# --- one recording for a signature ----------------------------------------------------------------------
@pytest.mark.parametrize("transform", TRANSFORMS)
def test_new_values_need_no_new_recording(transform):
    made = transform(lambda x: np.sum(np.sin(x) * x))
    for seed in range(20):
        made(np.random.default_rng(seed).normal(size=7))
    assert recordings(made) == 1


@pytest.mark.parametrize("transform", TRANSFORMS)
def test_passive_arguments_are_inputs(transform):
    made = transform(lambda x, a, data, p: np.sum(a * x**3 * data["w"]) + p[0] * p[1][0])
    x = np.arange(1.0, 4.0)
    for k in range(1, 6):
        result = made(x, 2.0 * k, {"w": np.full(3, float(k))}, (1.0 * k, [3.0]))
        value = {ad.hessian: np.diag(12.0 * k * k * x)}.get(transform, 6.0 * k * k * x**2)
        np.testing.assert_allclose(result[1] if transform is ad.value_and_grad else result, value, rtol=1e-15)
    assert recordings(made) == 1


@pytest.mark.parametrize("find", [np.nonzero, np.flatnonzero, np.argwhere, np.where])
def test_which_numbers_are_zero_is_looked_at_and_not_the_numbers(find):
    made = ad.grad(lambda x: np.sum(x**2) * np.size(find(x)))
    for k in range(1, 5):
        assert made(np.array([0.0, 1.0 * k, 2.0])).tolist() == [0.0, 4.0 * k, 8.0]
    assert recordings(made) == 1
    assert made(np.ones(3)).tolist() == [6.0, 6.0, 6.0]
    assert recordings(made) == 2


def test_how_many_paths_are_kept_is_a_setting():
    made = ad.grad(lambda x: x * int(x))
    settings.paths = 3
    for k in range(7):
        assert made(k + 0.5) == float(k)
    assert [len(tapes) for tapes in made.replayer.tapes.values()] == [3]


def test_passive_keywords_are_inputs():
    made = ad.grad(lambda x, *, scale: scale * x**2)
    assert [made(3.0, scale=float(k)) for k in range(4)] == [0.0, 6.0, 12.0, 18.0]
    assert recordings(made) == 1


STATICS = ["a", "b", 1, 2, True, False, None, 2.0, (1, "a"), (1, "b"), {"k": 1}, {"k": 2}, {"j": 1}, np.arange(2),
           np.arange(3), np.array([1, 0]), np.array(["a"]), np.int64(1), frozenset({1}), sum, max]  # fmt: skip


def test_static_arguments_are_part_of_the_key():
    seen = []
    made = ad.grad(lambda x, static: seen.append(static) or x * 2.0)
    for _ in range(3):
        for static in STATICS:
            made(1.0, static)
    assert recordings(made) == len(STATICS)
    plain_runs = seen[1 : 2 * len(STATICS) : 2]
    assert all(isinstance(a, type(b)) for a, b in zip(plain_runs, STATICS, strict=True))


def test_equal_statics_share_a_recording():
    made = ad.grad(lambda x, static: x * 2.0)
    for static in ("ab", "a" + "b", "".join(["a", "b"])):
        made(1.0, static)
    made(1.0, np.arange(3)), made(1.0, np.arange(3))
    assert recordings(made) == 2


def test_true_and_one_are_different_statics():
    made = ad.grad(lambda x, flag: x * 5.0 if flag is True else x * 7.0)
    assert (made(1.0, True), made(1.0, 1)) == (5.0, 7.0)
    assert (made(1.0, {"k": True}), made(1.0, {"k": 1})) == (7.0, 7.0)


def test_an_object_changed_in_place_is_found_by_the_audit():
    class Options:
        scale = 2.0

    options = Options()
    made = ad.grad(lambda x, options: options.scale * x)
    settings.audit = "always"
    assert made(1.0, options) == 2.0
    options.scale = 3.0
    with pytest.raises(ChangedConstant):
        made(1.0, options)


def test_integers_of_a_differentiated_argument_are_numbers():
    made = ad.grad(lambda x: x**2)
    assert (made(3), made(4), made(np.int8(5))) == (6.0, 8.0, 10.0)
    assert recordings(made) == 1


def test_shapes_and_structures_are_part_of_the_key():
    made = ad.grad(lambda x: np.sum(np.asarray(x) ** 2))
    points = [
        np.ones(3),
        np.ones(4),
        np.ones((2, 2)),
        np.ones((4, 1)),
        np.array(1.0),
        np.ones((1,)),
        [1.0, 2.0],
        (1.0, 2.0),
    ]
    for count, x in enumerate(points, 1):
        np.testing.assert_array_equal(np.asarray(made(x)), 2.0 * np.asarray(x))
        made(x)
        assert recordings(made) == count


def test_argument_counts_are_part_of_the_key():
    made = ad.grad(lambda x, *rest: x * sum(rest, 1.0))
    assert (made(1.0), made(1.0, 2.0), made(1.0, 2.0, 3.0), made(2.0, 5.0)) == (1.0, 3.0, 6.0, 6.0)
    assert recordings(made) == 3


def test_clear_forgets():
    made = ad.grad(lambda x: x**2)
    made(1.0), made.replayer.clear(), made(1.0)
    assert recordings(made) == 2


def test_jvp_and_vjp_keep_the_function_s_tapes():
    calls = []

    def f(x):
        calls.append(1)
        return x**2

    for k in range(1, 10):
        assert ad.jvp(f, (float(k),), (1.0,)) == (float(k * k), 2.0 * k)
        assert ad.vjp(f, float(k))[1](1.0) == (2.0 * k,)
    assert len(calls) <= 2 + 5, "one recording, and audits at calls 2, 4, 8, ..."


def test_a_pullback_belongs_to_its_point():
    """Later calls at other points, and on other branches, do not change it."""

    def f(x):
        return x**2 if x > 0 else x**3

    pullbacks = [ad.vjp(f, x)[1] for x in (3.0, -2.0, 5.0)]
    assert [p(1.0)[0] for p in pullbacks] == [6.0, 12.0, 10.0]
    assert [p(2.0)[0] for p in pullbacks] == [12.0, 24.0, 20.0]
    x = np.array([1.0, 2.0])
    _, pullback = ad.vjp(lambda x: np.sum(x**2), x)
    x[:] = 100.0
    np.testing.assert_array_equal(pullback(1.0)[0], [2.0, 4.0])


# --- branches -------------------------------------------------------------------------------------------
def piecewise(x):
    if x > 1.0:
        return x**2
    if x < -1.0:
        return x**3
    return np.sin(x)


SLOPES = {2.0: 4.0, 0.5: math.cos(0.5), -2.0: 12.0, 3.0: 6.0, 0.25: math.cos(0.25), -3.0: 27.0}
BENDS = {2.0: 2.0, 0.5: -math.sin(0.5), -2.0: -12.0, 3.0: 2.0, 0.25: -math.sin(0.25), -3.0: -18.0}


def test_each_path_is_recorded_once_and_kept():
    made, bends, tangents = ad.grad(piecewise), ad.hessian(piecewise), []
    for _ in range(3):
        for x, slope in SLOPES.items():
            assert made(x) == pytest.approx(slope, rel=1e-15)
            assert bends(x) == pytest.approx(BENDS[x], rel=1e-15)
            tangents.append(ad.jvp(piecewise, (x,), (1.0,))[1])
            assert tangents[-1] == pytest.approx(slope, rel=1e-15)
    assert recordings(made) == recordings(bends) == 3


def test_paths_of_arrays():
    def f(x):
        return np.sum(x[x > 0.0] ** 2) if x[0] < x[1] else np.prod(x)

    made = ad.grad(f)
    for _ in range(3):
        np.testing.assert_array_equal(made(np.array([-1.0, 2.0, 3.0])), [0.0, 4.0, 6.0])
        np.testing.assert_array_equal(made(np.array([1.0, 2.0, -3.0])), [2.0, 4.0, 0.0])
        np.testing.assert_array_equal(made(np.array([3.0, 2.0, 4.0])), [8.0, 12.0, 6.0])
    assert recordings(made) == 3


def test_a_loop_that_runs_longer():
    def f(x):
        y, n = x, 0
        while y < 100.0:
            y, n = y * x, n + 1
        return y

    made = ad.grad(f)
    for x in (2.0, 3.0, 10.0, 2.1, 3.1, 11.0):
        n = math.floor(math.log(100.0) / math.log(x))
        n = next(k for k in range(1, 20) if x**k >= 100.0)
        assert made(x) == pytest.approx(n * x ** (n - 1), rel=1e-14)


def test_ties_go_their_own_way():
    def f(x):
        if x[0] == x[1]:
            return x[0] * 7.0
        return x[0] if x[0] > x[1] else x[1]

    made = ad.grad(f)
    for point, slope in (([2.0, 1.0], [1.0, 0.0]), ([1.0, 1.0], [7.0, 0.0]), ([1.0, 2.0], [0.0, 1.0])) * 2:
        assert made(np.array(point)).tolist() == slope
    assert recordings(made) == 3


def test_branches_on_passive_arguments():
    made = ad.grad(lambda x, t: x**2 if t > 0.0 else x**3)
    assert [made(3.0, t) for t in (1.0, -1.0, 2.0, -2.0)] == [6.0, 27.0, 6.0, 27.0]
    assert recordings(made) == 2


def test_nan_takes_the_else_branch():
    made = ad.grad(lambda x: x * 2.0 if x > 0 else x * 3.0)
    assert (made(1.0), made(np.nan), made(1.0)) == (2.0, 3.0, 2.0)


def test_many_paths_are_bounded():
    made = ad.grad(lambda x: x * int(x))
    for k in range(30):
        assert made(k + 0.5) == k
    assert max(len(tapes) for tapes in made.replayer.tapes.values()) <= 8


# --- the audit ------------------------------------------------------------------------------------------
def test_a_captured_array_that_changed_is_found():
    """At calls 2, 4, 8, ... the function is run in plain NumPy and compared."""
    for made_of, x in ((lambda f: ad.grad(f), np.ones(3)), (lambda f: ad.grad(f), [1.0, 1.0, 1.0]),
                       (lambda f: ad.hessian(f), np.ones(3))):  # fmt: skip
        captured = np.array([1.0, 2.0, 3.0])
        made = made_of(lambda x: np.sum(captured * np.asarray(x) ** 2))
        made(x), made(x), made(x)
        captured[0] = 5.0
        with pytest.raises(ChangedConstant, match=r"changed constant.*pass it as an argument"):
            made(x)  # call 4
        result = np.asarray(made(x))  # recorded again
        assert result.flat[0] == 10.0


def test_audits_come_at_doubling_calls():
    calls = []

    def f(x):
        calls.append(1)
        return np.sum(x**2)

    made, seen = ad.grad(f), []
    for _ in range(40):
        made(np.ones(2))
        seen.append(len(calls))
    audited = [k + 1 for k in range(1, 40) if seen[k] > seen[k - 1]]
    assert audited == [2, 4, 8, 16, 32]


def test_audit_settings():
    captured = np.ones(2)
    made = ad.grad(lambda x: np.sum(captured * x))
    settings.audit = "never"
    for k in range(20):
        captured[0] = k
        assert made(np.ones(2)).tolist() == [0.0, 1.0]
    settings.audit = "always"
    made = ad.grad(lambda x: np.sum(captured * x))
    made(np.ones(2))
    for k in range(3):
        made(np.ones(2))
        captured[0] = -k - 1.0
        with pytest.raises(ChangedConstant):
            made(np.ones(2))
        assert made(np.ones(2))[0] == -k - 1.0


def test_random_functions_are_refused():
    with pytest.raises(RecordingMismatch, match="random numbers"):
        ad.grad(lambda x: x * np.random.default_rng().normal())(1.0)
    state = [0]

    def counting(x):
        state[0] += 1
        return x * state[0]

    with pytest.raises(RecordingMismatch, match="counting"):
        ad.grad(counting)(1.0)


def test_rounding_is_no_change():
    """A chaotic function's replays may differ from plain runs in every digit."""

    def logistic(x):
        for _ in range(120):
            x = np.sin(3.9 * x * (1.0 - x)) + np.exp(-x)
        return x

    settings.audit = "always"
    made = ad.grad(logistic)
    for k in range(5):
        assert np.isfinite(made(0.3 + 0.01 * k))


# --- threads --------------------------------------------------------------------------------------------
def in_threads(count, work):
    failures = []

    def run(number):
        try:
            work(number)
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=run, args=(k,)) for k in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]


@pytest.fixture
def many_switches():
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    yield
    sys.setswitchinterval(interval)


def rosenbrock(x):
    return np.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1.0 - x[:-1]) ** 2)


def test_threads_share_a_transform(many_switches):
    """8 threads, 500 calls each at points of their own: to the bit what one thread computes."""
    made, bends, big = ad.value_and_grad(rosenbrock), ad.hvp(rosenbrock), ad.grad(lambda x: np.sum(np.sin(x) * x))
    points = np.random.default_rng(0).normal(size=(8, 10))
    wide = np.random.default_rng(1).normal(size=(8, 3000))
    expected = [(made(x), bends(x, x), big(w)) for x, w in zip(points, wide, strict=True)]

    def work(number):
        x, w, (value_and_gradient, product, slope) = points[number], wide[number], expected[number]
        for k in range(500):
            value, gradient = made(x)
            assert value == value_and_gradient[0] and np.array_equal(gradient, value_and_gradient[1])
            if k % 10 == 0:
                assert np.array_equal(bends(x, x), product)
                assert np.array_equal(big(w), slope)

    in_threads(8, work)
    assert recordings(made) == 1


def test_threads_record_at_the_same_time(many_switches):
    """Each thread's first call, on a function that branches and fills an array made by np.zeros."""

    def f(x):
        y = np.zeros(4)
        for i in range(4):
            y[i] = x[i] * 2.0 if x[i] > 0 else x[i] * 3.0
        return np.sum(y)

    made = ad.grad(f)

    def work(number):
        for k in range(30):
            signs = np.where((number + k) >> np.arange(4) & 1, 1.0, -1.0)
            assert made(signs).tolist() == np.where(signs > 0, 2.0, 3.0).tolist()

    in_threads(8, work)


def test_one_tape_in_many_threads(many_switches):
    tape = ad.record(rosenbrock, np.zeros(10))
    points = np.random.default_rng(0).normal(size=(8, 10))
    expected = [tape.adjoint(x, [1.0]) for x in points]

    def work(number):
        for _ in range(300):
            assert np.array_equal(tape.adjoint(points[number], [1.0]), expected[number])

    in_threads(8, work)


# --- state ----------------------------------------------------------------------------------------------
def test_an_exception_in_the_function_leaves_no_state():
    class Own(Exception):
        pass

    def f(x, fail):
        y = np.zeros(2)
        y[0] = x
        if fail:
            raise Own("mine")
        return y[0] ** 2

    made = ad.grad(f)
    for _ in range(3):
        with pytest.raises(Own, match="mine"):
            made(2.0, True)
        assert made(2.0, False) == 4.0
        with pytest.raises(Own, match="mine"):
            ad.grad(lambda x: ad.grad(f)(x, True))(2.0)
        assert ad.grad(lambda x: ad.grad(f)(x, False))(2.0) == 2.0
    assert type(np.zeros(2)) is np.ndarray
    assert math.sin(1.0) == np.sin(1.0)


def test_the_function_may_write_into_its_argument():
    def f(x):
        x *= 2.0
        x[0] = x[1] ** 2
        return np.sum(x)

    x = np.array([1.0, 3.0])
    made = ad.grad(f)
    for _ in range(5):
        np.testing.assert_array_equal(made(x), [0.0, 2.0 * 6.0 * 2.0 + 2.0])
        np.testing.assert_array_equal(x, [1.0, 3.0])


def test_results_are_not_shared_between_calls():
    made = ad.grad(rosenbrock)
    x = np.linspace(0.0, 1.0, 4)
    first = made(x)
    kept = first.copy()
    first[:] = 99.0
    second = made(x)
    made(x + 1.0)
    np.testing.assert_array_equal(second, kept)
    assert second is not first


def test_the_point_is_copied():
    """Writing into the argument after the call changes nothing that was returned."""
    x = np.array([1.0, 2.0])
    value, gradient = ad.value_and_grad(lambda x: np.sum(x**2))(x)
    result = ad.jvp(lambda x: x, (x,), (x,))
    x[:] = 0.0
    assert value == 5.0 and gradient.tolist() == [2.0, 4.0]
    assert result[0].tolist() == result[1].tolist() == [1.0, 2.0]


def test_rounding_is_no_mismatch():
    """At a solution, a residual is nothing but rounding, which depends on the order of sums."""
    rng = np.random.default_rng(8)
    matrix, b = rng.normal(size=(40, 40)), rng.normal(size=40)
    x = np.linalg.solve(matrix, b)
    np.testing.assert_array_equal(ad.jacobian(lambda y: matrix @ y - b)(x), matrix)
    np.testing.assert_array_equal(ad.jacobian(lambda y: np.sum(matrix * y, axis=1) - b)(x), matrix)


def test_small_noise_is_a_mismatch():
    with pytest.raises(ad.errors.RecordingMismatch):
        ad.grad(lambda x: x * (1.0 + 1e-7 * np.random.random()) - 3.0 * x)(1.0)
