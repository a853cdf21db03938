"""Maxima and minima of rows: NumPy's values, ties split evenly, nan, masks, order by order, and as one instruction."""

from __future__ import annotations

import numpy as np
import pytest

import fastad as ad

random = np.random.default_rng(0)
PLAIN = random.normal(size=(6, 5, 7))
TIED = np.round(PLAIN)
WITH_NAN = np.where(random.random(PLAIN.shape) < 0.05, np.nan, PLAIN)
AXES = [None, 0, 1, -1, (0, 2), (1, 2), (-1, 0), (0, 1, 2)]


def shares(x: np.ndarray, best: np.ndarray, axis) -> np.ndarray:
    """One a result, divided evenly among the elements that reach it; nan where the result is nan."""
    reached = x == best
    with np.errstate(all="ignore"):
        count = np.sum(reached, axis=axis, keepdims=True)
        return np.where(np.isnan(best), np.nan, reached / count)


@pytest.mark.parametrize("name", ["max", "min", "amax", "amin"])
@pytest.mark.parametrize("axis", AXES)
@pytest.mark.parametrize("x", [PLAIN, TIED, WITH_NAN, np.zeros((3, 2, 2)), -np.inf * np.ones((2, 3, 2))])
def test_values_and_first_derivatives(name, axis, x):
    own, dot = getattr(np, name), random.normal(size=x.shape)
    for keepdims in (False, True):

        def f(x, keepdims=keepdims):
            return own(x, axis=axis, keepdims=keepdims)

        value, tangent = ad.jvp(f, (x,), (dot,))
        np.testing.assert_array_equal(value, f(x))
        slopes = shares(x, own(x, axis=axis, keepdims=True), axis)
        np.testing.assert_allclose(tangent, np.sum(slopes * dot, axis=axis, keepdims=keepdims), rtol=1e-14, atol=1e-15)
        weight = random.normal(size=np.shape(value))
        adjoint = ad.vjp(f, x)[1](weight if weight.ndim else float(weight))[0]
        kept = np.reshape(weight, own(x, axis=axis, keepdims=True).shape)
        np.testing.assert_allclose(adjoint, slopes * kept, rtol=1e-15)


@pytest.mark.parametrize("axis", [None, 0, 1])
def test_second_order(axis):
    """The square of a maximum bends, the maximum itself does not; the same recorded, and in groups."""
    x, dot = PLAIN[0], random.normal(size=PLAIN[0].shape)

    def f(x):
        return np.sum(np.max(x, axis=axis) ** 2) + np.sum(np.min(np.sin(x), axis=axis) * 3.0)

    def slope(x):
        best, least = np.max(x, axis=axis, keepdims=True), np.min(np.sin(x), axis=axis, keepdims=True)
        return 2.0 * shares(x, best, axis) * best + 3.0 * shares(np.sin(x), least, axis) * np.cos(x)

    def bend(x):
        best, least = np.max(x, axis=axis, keepdims=True), np.min(np.sin(x), axis=axis, keepdims=True)
        return 2.0 * shares(x, best, axis) * dot - 3.0 * shares(np.sin(x), least, axis) * np.sin(x) * dot

    both = ad.value_and_grad(f)
    for point in (x, -x, np.roll(x, 1)):  # the same tape: the choice is made anew
        value, gradient = both(point)
        assert value == pytest.approx(f(point), rel=1e-14)
        np.testing.assert_allclose(gradient, slope(point), rtol=1e-14)
        np.testing.assert_allclose(ad.hvp(f)(point, dot), bend(point), rtol=1e-13, atol=1e-14)
        nested = ad.grad(lambda x: np.sum(ad.grad(f)(x) * dot))(point)
        np.testing.assert_allclose(nested, bend(point), rtol=1e-13, atol=1e-14)
    points = random.normal(size=(20, *x.shape))
    np.testing.assert_allclose(ad.vmap(ad.grad(f))(points), np.stack(list(map(slope, points))), rtol=1e-13)


def test_nested_ties_and_nans():
    for x in (TIED, WITH_NAN):
        gradient = ad.jvp(lambda x: ad.grad(lambda x: np.sum(np.max(x, axis=1)))(x), (x,), (x,))[0]
        np.testing.assert_allclose(gradient, shares(x, np.max(x, 1, keepdims=True), 1), rtol=1e-15)


def test_one_instruction_whatever_the_axes():
    for axis in AXES:
        tape = ad.record(lambda x, axis=axis: np.max(x, axis=axis), PLAIN)
        assert [block.name for block in tape.program.segments] == ["max"]


def test_masks_and_initial_values():
    x, mask = PLAIN[0], random.random(PLAIN[0].shape) < 0.6
    for initial in (-9.0, 0.25, 9.0):
        value, gradient = ad.value_and_grad(lambda x, i=initial: np.sum(np.max(x, axis=1, where=mask, initial=i)))(x)
        assert value == np.sum(np.max(x, axis=1, where=mask, initial=initial))
        best = np.max(x, axis=1, where=mask, initial=initial, keepdims=True)
        np.testing.assert_array_equal(gradient, (x == best) & mask)
    assert ad.grad(lambda i: np.max(np.zeros((0,)), initial=i) * 2.0)(3.0) == 2.0
    gradient = ad.grad(lambda p: np.max(p["x"], initial=p["i"]))({"x": x, "i": 99.0})
    assert gradient["i"] == 1.0 and not np.any(gradient["x"])
    for wrong in (lambda x: np.max(x, axis=1, where=mask), lambda x: np.max(x[:0])):
        with pytest.raises(ValueError, match=r"identity|initial"):
            ad.grad(lambda x, wrong=wrong: np.sum(wrong(x)))(x)
    with pytest.raises(np.exceptions.AxisError):
        ad.grad(lambda x: np.sum(np.max(x, axis=2)))(x)
