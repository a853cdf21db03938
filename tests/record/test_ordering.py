"""Orders, places, sets and choices: on all modes, at points where the order is another, in ties and with nan."""

from __future__ import annotations

import numpy as np
import pytest

import fastad as ad
from tests.record.cases import examine

X = np.array([[0.7, -1.3, 2.1, 0.4], [1.9, 0.2, -0.6, 1.1], [-2.2, 0.9, 1.5, -0.35]])
KNOTS, HEIGHTS = np.array([-2.0, -0.5, 0.3, 1.7]), np.array([1.0, -1.0, 2.0, 0.5])
MASK = X > 0.3


def written(function, *arguments, base=np.zeros_like):
    """A function that writes into its first argument, as one of the array."""

    def f(x):
        y = base(x)
        function(y, *(a(x) if callable(a) else a for a in arguments))
        return y

    return f


def cubes(x):
    return x**3


CASES = {
    "sort": lambda x: np.sort(x) + np.sort(x, axis=0) + np.sort(x, axis=None)[:4],
    "sort in place": written(lambda y: y.sort(0), base=np.copy),
    "argsort": lambda x: np.take_along_axis(x, np.argsort(x, axis=1), 1) * np.argsort(x, axis=0),
    "ranks": lambda x: x[0] * x[0].argsort().argsort(),
    "partition": lambda x: np.partition(x, 2, axis=1) + np.partition(x, (0, 2), axis=0),
    "partition in place": written(lambda y: y.partition(1), base=np.copy),
    "argpartition": lambda x: x[0][np.argpartition(x[0], 1)[:2]] + x[1][x[1].argpartition(2)[:2]],
    "lexsort": lambda x: x[2][np.lexsort(x)] + x[0][np.lexsort((x[1], x[0]))],
    "arg extrema": lambda x: x[np.argmax(x, axis=0), np.arange(4)] * x[0][np.argmin(x[1])] + x.argmax(keepdims=True),
    "searchsorted": lambda x: np.cumsum(KNOTS)[np.searchsorted(KNOTS, x) - 1] * x,
    "searchsorted in traced": lambda x: x * np.searchsorted(np.sort(x[0]), x, side="right"),
    "searchsorted sorter": lambda x: x * x[0].searchsorted([0.0, 0.5, 0.9, 2.0], sorter=np.argsort(x[0])),
    "digitize": lambda x: x * np.digitize(x, KNOTS) + x * np.digitize(x, KNOTS[::-1], right=True),
    "digitize in traced": lambda x: x * np.digitize([0.1, 0.9, 1.2, -3.0], np.sort(x[1])),
    "unique": lambda x: np.unique(np.concatenate([x[0], x[0], x[1]])) + np.unique(x[0], return_counts=True)[1].sum(),
    "unique inverse": lambda x: np.unique(x[0], return_inverse=True)[1] * x[0] + x[1][np.unique(x[1], True)[1]],
    "sets": lambda x: np.union1d(x[0], x[1]).sum() + np.intersect1d(x[0], x[0][1:]) + np.setdiff1d(x[2], x[2, :1]),
    "setxor1d": lambda x: np.setxor1d(x[0], x[0, :2]),
    "isin": lambda x: np.where(np.isin(x, x[0, 1:]), x**2, x),
    "select": lambda x: np.select([x > 1, x > 0], [x**2, x**3], np.sin(x)),
    "select of shapes": lambda x: np.select([x > 1, X > 0, True], [1.0, x[0], x[:, :1]]),
    "piecewise": lambda x: np.piecewise(x, [x < 0, x > 1], [np.exp, cubes, lambda t: t * 2]),
    "piecewise of numbers": lambda x: x * np.piecewise(x, [x < 0, x >= 0], [-1.0, 2.0]),
    "piecewise of a number": lambda x: np.piecewise(x[0, 0], [x[0, 0] < 0, x[0, 0] >= 0], [np.exp, cubes]),
    "piecewise with more": lambda x: np.piecewise(x, [x < 0], [lambda t, k: t * k, lambda t, k: t**k], 3),
    "choose": lambda x: np.choose([0, 2, 1, 0], [x, x**2, 3.0]) + np.choose(np.array([0, 1, 5, 9]), x[:2], mode="clip"),
    "clip": lambda x: np.clip(x, -0.5, 1.0) + x.clip(0.3) + x.clip(None, 1.3) + np.clip(x, min=-1.0, max=x[0] + 1),
    "clip by arrays": lambda x: np.clip(x, KNOTS, KNOTS + 1) + x.clip(min=KNOTS) + np.clip(0.3, x, 5.0),
    "clip out": lambda x: np.clip(x, -0.5, 1.0, out=np.zeros((3, 4))),
    "interp": lambda x: np.interp(x, KNOTS, HEIGHTS) + np.interp(x, KNOTS, HEIGHTS, left=-7.0, right=x[0, 0]),
    "interp heights": lambda x: np.interp([-3.0, -0.4, 0.31, 1.7, 9.0], KNOTS, x[1]) * np.interp(x[0, 0], KNOTS, x[2]),
    "interp knots": lambda x: np.interp([-1.0, 0.35, 1.0], np.sort(x[0]), x[1]) + np.interp(0.25, np.sort(x[1]), x[0]),
    "interp period": lambda x: np.interp(x, KNOTS, HEIGHTS, period=2.95) + np.interp(x, [0.1, 0.5, 2.0], x[0, :3], period=3.35),
    "where": lambda x: np.where(x > 0, x**2, -x) + x[np.where(x == x.max())] + np.where(MASK, x, 2.0),
    "heaviside": lambda x: np.heaviside(x, 0.5) * x + np.sign(x) * x**2 + np.heaviside(0.0, x),
    "extrema of two": lambda x: np.maximum(x, x[::-1] * 1.01) * np.fmin(x, 0.5),
    "extract": lambda x: np.extract(MASK, x) * np.extract(X < 9, x)[: MASK.sum()],
    "extract by traced": lambda x: np.sum(np.extract(x > 0, x) ** 2),
    "compress": lambda x: np.compress([True, False, True], x, axis=0) * x.compress([0, 1, 0, 1, 1]).sum(),
    "compress by traced": lambda x: np.sum(x[0].compress(x[0] > 0) ** 2),
    "trim_zeros": lambda x: np.trim_zeros(np.where(x[0] > 0.5, x[0], 0.0)).sum() * np.trim_zeros(x[1], "f"),
    "place": written(np.place, MASK, lambda x: x[0, :3] ** 2),
    "place by traced": written(np.place, lambda x: x > 0, lambda x: x[0, :3] ** 2, base=np.copy),
    "putmask": written(np.putmask, MASK, lambda x: x**2),
    "putmask by traced": written(np.putmask, lambda x: x > 0, lambda x: x[1, :3] ** 2, base=np.copy),
    "put": written(np.put, [1, 5, -1], lambda x: x[0, :2] ** 2),
    "put_along_axis": written(np.put_along_axis, np.array([[1], [0], [3]]), lambda x: x[:, :1] ** 2, 1, base=np.copy),
    "take_along_axis": lambda x: np.take_along_axis(x, np.argmin(x, axis=1, keepdims=True), 1),
    "nan_to_num": lambda x: np.nan_to_num(np.where(MASK, x, np.nan), nan=2.0) * x + np.nan_to_num(x / 0.5),
    "built-ins": lambda x: sorted(x[0])[1] * max(x[0]) + min(x[0, 0], x[1, 0], 0.1) * sum(x[1]) + max([*x[2], 0.0]),
    "sorted by key": lambda x: sorted(x[0], key=lambda v: -abs(v))[0] * sorted(x[1], reverse=True)[1],
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_orders_and_choices(name):
    examine(CASES[name], X, np.roll(X, 5) + 0.01, ulps=16)


def test_ties_keep_forward_and_reverse_the_same():
    x = np.array([1.0, 1.0, 0.0, 2.0, 1.0])
    w = np.array([1.0, 3.0, 5.0, 7.0, 11.0])
    for f in (np.sort, np.median, lambda x: np.partition(x, 2), lambda x: np.quantile(x, 0.4), np.max, np.unique):
        g = lambda x, f=f: np.sum(f(x) * w[: np.size(f(x))])  # noqa: E731
        gradient = ad.grad(g)(x)
        for direction in np.eye(5):
            assert ad.jvp(g, (x,), (direction,))[1] == gradient @ direction
    assert sorted(ad.grad(lambda x: np.sort(x) @ w)(x)) == sorted(w)


def test_a_sorted_tape_holds_in_ties_and_positions_are_looked_at_again():
    g = ad.value_and_grad(lambda x: np.sort(x) @ np.arange(3.0))
    for point in ([1.0, 2.0, 3.0], [1.0, 1.0, 3.0], [2.0, 2.0, 2.0]):
        assert g(np.array(point))[0] == np.sort(point) @ np.arange(3.0)
    assert g.replayer.recordings == 1
    ranks = lambda x: np.sum(np.argsort(x) * x * np.array([1.0, 2.0, 4.0]))  # noqa: E731
    g = ad.value_and_grad(ranks)
    for point in ([2.0, 1.0, 3.0], [1.0, 1.0, 3.0], [3.0, 1.0, 1.0], [1.0, 1.0, 1.0]):
        assert g(np.array(point))[0] == ranks(np.array(point))


def test_a_median_needs_only_its_own_place():
    g = ad.value_and_grad(np.median)
    for point in ([1.0, 2.0, 3.0, 9.0, 8.0], [2.0, 1.0, 3.0, 8.0, 9.0], [0.0, 3.0, 3.0, 5.0, 4.0]):
        assert g(np.array(point))[0] == np.median(point)
    assert g.replayer.recordings == 1


@pytest.mark.parametrize("name", "sort argsort argmax argmin median unique partition".split())
def test_nan_moves(name):
    function = {"partition": lambda x: np.partition(x, 1)}.get(name, getattr(np, name))
    f = lambda x: np.nan_to_num(function(x) * 1.0, nan=50.0)  # noqa: E731
    total = ad.value_and_grad(lambda x: np.sum(f(x) * np.arange(1.0, np.size(f(x)) + 1)))
    points = (
        [1.0, np.nan, 3.0],
        [np.nan, 1.0, 3.0],
        [4.0, 2.0, np.nan],
        [3.0, 2.0, 1.0],
        [np.nan, np.nan, 1.0],
        [1, 2, -5],
    )
    for point in (*points, *points[::-1]):
        x = np.array(point)
        assert total(x)[0] == np.sum(f(x) * np.arange(1.0, np.size(f(x)) + 1))


def test_ends_of_interpolation():
    for point in (-2.0, 1.7, -0.5, 5.0, -5.0, np.nan, 0.2):
        value = ad.value_and_grad(lambda x: np.interp(x, KNOTS, HEIGHTS))(point)[0]
        assert np.array_equal(value, np.interp(point, KNOTS, HEIGHTS), equal_nan=True)
    g = ad.value_and_grad(lambda x: np.interp(x, KNOTS, HEIGHTS, left=0.5, right=np.nan))
    for point in (0.1, 1.7, 1.71, -2.0, -2.1, 0.3):
        assert np.array_equal(g(point)[0], np.interp(point, KNOTS, HEIGHTS, 0.5, np.nan), equal_nan=True)
    assert ad.grad(lambda x: np.interp(x, [1.0], [2.0]))(0.3) == 0.0


def test_nan_to_num_in_place_and_infinities():
    x = np.array([np.nan, np.inf, -np.inf, 1.0])
    f = lambda x: np.nan_to_num(x, posinf=4.0, neginf=-3.0)  # noqa: E731
    assert ad.jvp(f, (x,), (x * 0 + 1,))[0].tolist() == [0.0, 4.0, -3.0, 1.0]
    assert ad.grad(lambda x: np.sum(np.nan_to_num(x)))(x).tolist() == [0.0, 0.0, 0.0, 1.0]
    assert ad.grad(lambda x: np.sum(written(lambda y: np.nan_to_num(y, copy=False), base=np.copy)(x)[3:]))(x)[3] == 1.0


def test_many_points_at_once():
    points = np.stack([X[0], X[1], X[2], X[0][::-1]])
    for f in (np.median, np.max, lambda x: np.sort(x) @ HEIGHTS, lambda x: np.cumsum(x) @ HEIGHTS, np.std):
        each = np.array([ad.grad(f)(x) for x in points])
        np.testing.assert_allclose(ad.vmap(ad.grad(f))(points), each, rtol=1e-13)


def test_errors():
    unsupported = ad.errors.UnsupportedFunction
    for f, error in (
        (lambda x: np.sort(x, axis=3), np.exceptions.AxisError),
        (lambda x: np.argmax(x, axis=3), np.exceptions.AxisError),
        (lambda x: np.partition(x, 9), ValueError),
        (lambda x: np.digitize(x, [1.0, 3.0, 2.0]), ValueError),
        (lambda x: np.interp(x, [1.0, 2.0], [1.0]), ValueError),
        (lambda x: np.select([x > 0], [x, x]), ValueError),
        (lambda x: np.piecewise(x, [x > 0], [1.0, 2.0, 3.0]), ValueError),
        (lambda x: np.unique(x, axis=0), unsupported),
        (lambda x: np.clip(x, 0, 1, min=2), ValueError),
        (lambda x: np.nanargmax(x * np.nan), ValueError),
    ):  # fmt: skip
        with pytest.raises(error):
            ad.grad(lambda x, f=f: np.sum(f(x)))(X)
