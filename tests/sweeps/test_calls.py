"""Calls: instructions whose value and rules are functions of their own, in every sweep."""

from __future__ import annotations

import gc
import pickle
import threading

import mpmath
import numpy as np
import pytest
import scipy.special

import fastad as ad
from fastad.errors import InvalidTape, RuleMismatch
from fastad.primitives import Elementwise, Primitive
from fastad.record.calls import call
from fastad.testing import Reference


def _solve_pull(x, args, weight, wanted):
    u = call(SOLVE, np.transpose(args[0]), weight)
    return [-np.outer(u, x) if wanted[0] else None, u]


def _solve_push(x, args, dots):
    change = 0.0 if dots[0] is None else dots[0] @ x
    return call(SOLVE, args[0], (0.0 if dots[1] is None else dots[1]) - change)


SOLVE = Primitive("tests.solve", np.linalg.solve, _solve_pull, _solve_push)
J0 = Elementwise("tests.j0", scipy.special.j0, (lambda r, x: -call(J1, x),))
J1 = Elementwise("tests.j1", scipy.special.j1, (lambda r, x: call(J0, x) - r / x,))
# Five arguments, two results, an option, no tangent rule.
FIVE = Primitive(
    "tests.five",
    lambda a, b, c, d, e, *, power=1: (a * b + c**power, np.sum(d) * e),
    lambda result, args, weight, wanted, *, power=1: [
        weight[0] * args[1],
        weight[0] * args[0],
        weight[0] * power * args[2] ** (power - 1),
        np.ones(np.shape(args[3])) * np.sum(weight[1] * args[4]),
        weight[1] * np.sum(args[3]),
    ],
)
POINT, OTHER = np.array([0.3, 0.7, 1.2]), np.array([-0.4, 1.1, 0.25])


def _system(x):
    return np.outer(x, x) + 3.0 * np.eye(3) + np.diag(x**3)


def f(x):
    return np.sum(call(SOLVE, _system(x), np.sin(x)) ** 2) + np.sum(call(J0, 2.0 * x)) + call(J0, x[0])


def f_mp(x):
    """The same in mpmath's arithmetic."""
    system = mpmath.matrix(3, 3)
    for i in range(3):
        for j in range(3):
            system[i, j] = x[i] * x[j] + (3 + x[i] ** 3 if i == j else 0)
    solution = mpmath.lu_solve(system, mpmath.matrix([mpmath.sin(v) for v in x]))
    return sum(v**2 for v in solution) + sum(mpmath.besselj(0, 2 * v) for v in x) + mpmath.besselj(0, x[0])


def _truth(x, order):
    with mpmath.workdps(40):
        x = [mpmath.mpf(float(v)) for v in x]
        indices = np.eye(3, dtype=int)
        if order == 1:
            return np.array([float(mpmath.diff(lambda *p: f_mp(p), x, tuple(map(int, e)))) for e in indices])
        return np.array(
            [[float(mpmath.diff(lambda *p: f_mp(p), x, tuple(map(int, a + b)))) for b in indices] for a in indices]
        )


@pytest.mark.parametrize("x", [POINT, OTHER])
def test_every_mode_agrees_with_mpmath(x):
    """The functions are recorded at POINT, so OTHER is a replay."""
    g, h = ad.grad(f), ad.hessian(f)
    g(POINT), h(POINT)
    first, second = _truth(x, 1), _truth(x, 2)
    np.testing.assert_allclose(g(x), first, rtol=1e-13)
    tangents = [ad.jvp(f, (x,), (e,))[1] for e in np.eye(3)]
    np.testing.assert_allclose(tangents, first, rtol=1e-13)
    np.testing.assert_allclose(h(x), second, rtol=1e-12)
    np.testing.assert_allclose(ad.hvp(f)(x, np.array([1.0, -2.0, 0.5])), second @ [1.0, -2.0, 0.5], rtol=1e-12)
    np.testing.assert_allclose(ad.jacobian(ad.grad(f))(x), second, rtol=1e-12)
    np.testing.assert_allclose(ad.grad(lambda x: np.sum(ad.grad(f)(x) ** 2))(x), 2.0 * second @ first, rtol=1e-12)


def test_jacobians_of_both_modes_agree():
    def solution(x):
        return call(SOLVE, _system(x), x)

    forward, reverse = (ad.jacobian(solution, mode=mode)(POINT) for mode in ("forward", "reverse"))
    np.testing.assert_allclose(forward, reverse, rtol=1e-13, atol=1e-15)


def test_many_points():
    points = np.stack([POINT, OTHER, POINT, OTHER, POINT + 1.0, OTHER])
    np.testing.assert_allclose(ad.vmap(ad.grad(f))(points), [_truth(x, 1) for x in points], rtol=1e-12)


@pytest.mark.parametrize("power", [1, 3])
def test_many_arguments_several_results_an_option(power):
    """c and d and e share an operand; the tangent is found by pulls."""

    def g(x):
        first, second = call(FIVE, x, x**2, np.sin(x), x[:2], x[2], power=power)
        return np.sum(first) * second

    def g_plain(x):
        return np.sum(x**3 + np.sin(x) ** power) * (x[0] + x[1]) * x[2]

    for x in (POINT, OTHER):
        np.testing.assert_allclose(ad.grad(g)(x), ad.grad(g_plain)(x), rtol=1e-14)
        np.testing.assert_allclose(ad.hessian(g)(x), ad.hessian(g_plain)(x), rtol=1e-13)
        direction = np.array([1.0, 2.0, -1.0])
        np.testing.assert_allclose(ad.jvp(g, (x,), (direction,))[1], ad.grad(g_plain)(x) @ direction, rtol=1e-13)


def test_a_call_is_one_instruction_whatever_the_sizes():
    sizes = []
    for n in (3, 200):
        b = np.ones(n)
        tape = ad.record(lambda a, b=b: np.sum(call(SOLVE, a, b)), np.eye(n) * 2.0)
        sizes.append(tape.instructions)
    assert sizes == [2, 2]


def test_equal_calls_are_shared():
    tape = ad.record(lambda x: np.sum(call(J0, x) * call(J0, x)), POINT)
    assert tape.show().count("tests.j0") == 1


def test_the_reference_interpreter_knows_calls():
    tape = ad.record(f, POINT)
    reference = Reference(tape.program, OTHER)
    np.testing.assert_allclose(reference.adjoint([1.0])[:3], tape.gradient(OTHER)[1], rtol=1e-13)
    seed = np.array([1.0, 0.5, -2.0])
    np.testing.assert_allclose(
        reference.tangent(seed)[tape.program.outputs], tape.tangent(OTHER, seeds=seed), rtol=1e-13
    )


def test_files_and_pickles(tmp_path):
    tape = ad.record(f, POINT)
    tape.save(tmp_path / "f.tape")
    for other in (pickle.loads(pickle.dumps(tape)), ad.Tape.load(tmp_path / "f.tape")):
        assert other.primal(OTHER) == tape.primal(OTHER)
        assert np.array_equal(other.gradient(OTHER)[1], tape.gradient(OTHER)[1])


def test_a_file_that_names_an_unknown_primitive(tmp_path):
    def write():
        gone = Primitive("tests.gone", np.sin, lambda r, args, w, wanted: [w * np.cos(args[0])])
        ad.record(lambda x: np.sum(call(gone, x)), POINT).save(tmp_path / "gone.tape")

    write()
    gc.collect()
    with pytest.raises(InvalidTape, match=r"tests\.gone"):
        ad.Tape.load(tmp_path / "gone.tape")


def test_an_error_of_the_function_is_raised_on_replay():
    """A singular matrix at a later point: NumPy's own error, and the tape is as good as before."""
    g = ad.grad(lambda x: np.sum(call(SOLVE, np.outer(x, x) - np.eye(2), x)))
    before = g(np.array([3.0, 4.0]))
    with pytest.raises(np.linalg.LinAlgError):
        g(np.array([0.0, 1.0]))
    assert np.array_equal(g(np.array([3.0, 4.0])), before)


def test_a_failure_is_said_each_time():
    tape = ad.record(lambda x: np.sum(np.linalg.inv(x * np.ones((2, 2)) + np.eye(2))), 1.0)
    for _ in range(3):
        with pytest.raises(np.linalg.LinAlgError):
            tape.tangent(-0.5, np.ones(1))


WRONG = {
    "count": Primitive("tests.count", np.sin, lambda r, args, w, wanted: []),
    "shape": Primitive("tests.shape", np.sin, lambda r, args, w, wanted: [w[:1]]),
}


@pytest.mark.parametrize(("name", "message"), [("count", "0 adjoints for 1 argument"), ("shape", r"shape \(1,\)")])
def test_wrong_rules_are_named(name, message):
    with pytest.raises(RuleMismatch, match=message):
        ad.grad(lambda x: np.sum(call(WRONG[name], x)))(POINT)
    with pytest.raises(RuleMismatch, match=message):
        ad.jacobian(lambda x: call(WRONG[name], x), mode="reverse")(POINT)


def test_a_rule_that_raises_in_a_thread_of_its_own():
    def broken(r, args, w, wanted):
        raise ZeroDivisionError("on purpose")

    primitive = Primitive("tests.broken", np.sin, broken)
    g, caught = ad.grad(lambda x: np.sum(call(primitive, x))), []

    def work():
        try:
            g(POINT)
        except ZeroDivisionError as error:
            caught.append(str(error))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert caught == ["on purpose"] * 4


def test_a_zero_adjoint_asks_nothing():
    """Under an adjoint of exactly 0 no rule is run, so that what it would make (nan) cannot get in."""
    bad = Primitive("tests.bad", np.sqrt, lambda r, args, w, wanted: [w * np.nan])
    assert np.array_equal(ad.grad(lambda x: np.sum(np.where(x > 9.0, call(bad, x), x)))(POINT), np.ones(3))


def test_traces_and_listing_name_the_primitive():
    tape = ad.record(lambda x: np.sum(call(SOLVE, _system(x), np.sin(x))), POINT)
    assert "= tests.solve(r" in tape.show()
    adjoint = tape.trace(POINT, mode="adjoint")
    assert "pull((" in str(adjoint)
    np.testing.assert_allclose(adjoint.adjoints, tape.gradient(POINT)[1], rtol=1e-13)
    tangent = tape.trace(POINT, mode="tangent", seed=np.ones(3))
    assert "push((" in str(tangent)
    np.testing.assert_allclose(tangent.tangents, tape.tangent(POINT, seeds=np.ones(3)), rtol=1e-13)
    assert "tests.solve" in tape.graph().to_dot()


def test_the_short_ways_see_errors_too():
    """`bind`, and gradients from the third call on, take a way of their own."""

    def singular(x):
        return np.sum(call(SOLVE, np.outer(x, x) - np.eye(2), x))

    good, bad = np.array([3.0, 4.0]), np.array([0.0, 1.0])
    g, bound, out = ad.value_and_grad(singular), ad.bind(singular, good), np.empty(2)
    for _ in range(5):
        g(good), bound(good, out)
    for function in (lambda: g(bad), lambda: bound(bad, out)):
        with pytest.raises(np.linalg.LinAlgError):
            function()
    assert np.array_equal(g(good)[1], ad.grad(singular)(good))


def test_an_error_that_was_caught_does_not_come_again():
    """An error of one tape is not another's, nor that of a later branch."""

    def singular(x):
        return np.sum(call(SOLVE, np.outer(x, x) - np.eye(2), x))

    def branching(x):
        return call(J0, x) if x > 0.0 else call(J1, x)

    tape, g = ad.record(singular, np.array([3.0, 4.0])), ad.grad(branching)
    g(1.0)
    for _ in range(3):
        with pytest.raises(np.linalg.LinAlgError):
            tape.gradient(np.array([0.0, 1.0])) and tape.primal(np.array([0.0, 1.0]))
        tape.gradient(np.array([0.0, 1.0]))  # fails, and says so by its index
        assert g(-1.0) == pytest.approx(scipy.special.j0(1.0) - scipy.special.j1(1.0), rel=1e-14)
        assert ad.jvp(branching, (1.0,), (1.0,))[1] == pytest.approx(-scipy.special.j1(1.0), rel=1e-14)
