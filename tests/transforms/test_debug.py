"""`debug_nans` and `kinks`: the instruction, the sweep, and the user's line."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

import fastad as ad
from fastad.errors import ManyBranches, NanFound

pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")
GOOD, ZERO, NEGATIVE = np.array([1.0, 2.0]), np.array([1.0, 0.0]), np.array([1.0, -2.0])

# transform, function, point, whether infinities count, what is said
CASES = {
    "a value": (ad.grad, lambda x: np.sum(np.log(x)), NEGATIVE, False, r"nan in the primal sweep, by log\(-2\)"),
    "a quotient": (ad.grad, lambda x: np.sum(x / x), ZERO, False, r"primal sweep, by divide\(0, 0\)"),
    "a scalar": (ad.grad, lambda x: np.log(x[1]) * x[0], NEGATIVE, False, r"primal sweep, by log\(-2\)"),
    "an adjoint": (ad.grad, lambda x: np.sum(np.sqrt(x)), ZERO, True, r"inf times the adjoint 1 .* by sqrt\(0\)"),
    "a Jacobian": (ad.jacobian, lambda x: np.arcsin(x), GOOD, False, r"primal sweep, by arcsin\(2\)"),
    "a second derivative": (ad.hessian, lambda x: np.sum(x**1.5), ZERO, True, "second partial inf in the second-order"),
    "a tangent": (lambda f: lambda x: ad.jvp(f, (x,), (x + 1.0,)), lambda x: np.sqrt(x), ZERO, True,
                  r"tangent inf in the tangent sweep, by sqrt\(0\)"),
    "a point of many": (lambda f: lambda x: ad.vmap(ad.grad(f))(np.stack([GOOD, x])), lambda x: np.sum(np.log(x)), NEGATIVE,
                        False, r"^point 1: .*primal sweep, by log\(-2\)"),
    "many values": (lambda f: lambda x: ad.vmap(f)(np.stack([x, GOOD])), lambda x: np.log(x), NEGATIVE, False,
                    r"^point 0: .*by log\(-2\)"),
    "an argument": (ad.grad, lambda x: np.sum(np.exp(x)), np.array([1.0, np.nan]), False,
                    r"an argument or a constant that is nan, first used in the primal sweep, by exp\(nan\)"),
    "an overflow": (ad.grad, lambda x: np.sum(np.exp(x * 800.0)), GOOD, True, r"by exp\(800\)"),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_the_culprit_is_named(name):
    transform, f, x, infinities, message = CASES[name]
    made = transform(f)
    with ad.debug_nans(infinities=infinities), pytest.raises(NanFound, match=message) as caught:
        made(x)
    assert "test_debug.py:" in str(caught.value)
    made(x)  # off again: no error


def test_replays_are_looked_at():
    g = ad.grad(lambda x: np.sum(np.log(x) * x))
    for _ in range(9):
        g(GOOD)
    with ad.debug_nans():
        np.testing.assert_allclose(g(GOOD), np.log(GOOD) + 1.0)
        with pytest.raises(NanFound, match="log"):
            g(NEGATIVE)
    assert np.isnan(g(NEGATIVE)[1])


def test_what_is_not_chosen_is_nobodys_fault():
    f = lambda x: np.sum(np.where(x > 0.0, np.sqrt(x), 0.0))  # noqa: E731
    with ad.debug_nans(infinities=True):
        np.testing.assert_array_equal(ad.grad(f)(NEGATIVE), [0.5, 0.0])


def test_a_switch():
    switch = ad.debug_nans()
    try:
        with pytest.raises(NanFound):
            ad.grad(lambda x: np.log(x))(-1.0)
        ad.debug_nans(False)
        assert np.isnan(ad.grad(lambda x: np.log(x))(-1.0))
    finally:
        switch.__exit__()
    assert np.isnan(ad.grad(lambda x: np.log(x))(-1.0))


# --- kinks ----------------------------------------------------------------------------------------------
def rough(x):
    return (
        abs(x[0])
        + np.maximum(x[1], x[2])
        + np.floor(x[3])
        + np.max(x[1:3])
        + np.linalg.norm(x[:1])
        + (x[1] if x[1] > x[2] else x[2])
    )


def test_kinks_are_listed_with_lines():
    found = ad.kinks(rough, np.array([0.0, 2.0, 2.0, 3.0]))
    kinds = {(kink.operation, kink.kind) for kink in found}
    expected = {("absolute", "kink"), ("maximum", "tie"), ("floor", "jump"), ("max", "tie"), ("greater", "tie")}
    assert expected <= kinds
    assert all("test_debug.py:" in kink.where and kink.distance == 0.0 for kink in found)
    table = str(found).splitlines()
    assert table[0].split() == ["line", "operation", "kind", "operands", "distance"]
    assert len(table) == len(found) + 2


SMOOTH = {
    "a mask": lambda x: np.sum(x[x > 1.0]),
    "argmax": lambda x: x[np.argmax(x)],
    "sort": lambda x: np.sort(x)[0],
    "median": lambda x: np.median(x),
    "interp": lambda x: np.interp(x[0], [0.0, 9.0], [0.0, 5.0]),
    "nonzero": lambda x: np.sum(x[np.nonzero(x)]),
    "searchsorted": lambda x: x[0] * np.searchsorted([0.0, 1.0], x[1]),
    "any": lambda x: x[0] if np.any(x > 0.0) and not np.all(x > 0.0) else x[1],
    "int": lambda x: x[0] * int(x[1]),
}


@pytest.mark.parametrize("name", SMOOTH)
def test_what_guards_compare_is_no_tie(name):
    assert ad.kinks(SMOOTH[name], np.array([5.3, -3.2])) == []


def test_the_cut_of_arctan2_is_a_jump():
    found = ad.kinks(lambda x: np.arctan2(x[0], x[1]), np.array([0.0, -2.0]))
    assert [(kink.operation, kink.kind) for kink in found] == [("arctan2", "jump")]
    assert ad.kinks(lambda x: np.arctan2(x[0], x[1]), np.array([0.0, 2.0])) == []


def test_kinks_within_a_tolerance():
    x = np.array([1e-4, 2.0, 2.5, 3.3])
    assert ad.kinks(rough, x) == []
    near = ad.kinks(rough, x, tolerance=0.31)
    assert ("absolute", 1e-4) in [(kink.operation, kink.distance) for kink in near]
    assert [kink.distance for kink in near] == sorted(kink.distance for kink in near)
    assert ("floor", 0.3) in [(kink.operation, round(kink.distance, 6)) for kink in near]
    assert str(ad.kinks(lambda x: x * x, 1.0)) == "no kinks"
    with pytest.raises(ValueError, match="tolerance=-1"):
        ad.kinks(rough, x, tolerance=-1)


# --- branches that never come back --------------------------------------------------------------------------
def test_a_function_that_branches_differently_at_every_call():
    """It is recorded each time, says so once, and keeps a bounded number of tapes."""
    g = ad.grad(lambda x: x * int(x * 1e6))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for i in range(60):
            x = 1.0 + 1e-3 * i
            assert g(x) == int(x * 1e6)
    assert [w.category for w in caught] == [ManyBranches]
    assert "recorded at each call" in str(caught[0].message)
    assert g.replayer.recordings == 60
    assert len(next(iter(g.replayer.tapes.values()))) <= 8


def test_counters():
    f = lambda x: x[0] * 2.0 if x[0] > x[1] else x[1] * 3.0  # noqa: E731
    g = ad.grad(f)
    up, down, tie = np.array([2.0, 1.0]), np.array([1.0, 2.0]), np.array([1.0, 1.0])
    g(up)
    (tape,) = g.replayer.tapes[next(iter(g.replayer.tapes))]
    g(down)
    assert (tape.stats()["flips"], tape.stats()["ties"]) == (1, 0)
    np.testing.assert_array_equal(g(tie), [0.0, 3.0])
    for _ in range(6):
        g(up)
    assert tape.stats()["replays"] >= 2
    h = ad.grad(lambda x: np.sum(x**2))
    for i in range(20):
        h(np.full(3, float(i)))
    assert next(iter(h.replayer.tapes.values()))[0].stats()["replays"] == 15  # an audit was due at call 16
