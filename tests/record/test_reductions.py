"""Reductions, cumulative operations, statistics: every option of NumPy's, on all modes (see `cases`)."""

from __future__ import annotations

import numpy as np
import pytest

import fastad as ad
from tests.record.cases import examine

X = np.array([[0.7, -1.3, 2.1, 0.4], [1.9, 0.2, -0.6, 1.1], [-2.2, 0.9, 1.5, -0.35]])
MASK = np.array([[True, False, True, True], [True, True, False, True], [True, True, False, False]])
W = np.array([0.5, 1.5, 1.0, 2.0])
BUFFER = np.zeros(6)
LONG = np.sin(np.arange(75.0)) + 1.2

REDUCTIONS = (
    "sum prod mean var std max min ptp median nansum nanprod nanmean nanvar nanstd nanmax nanmin nanmedian".split()
)
MASKED = "sum prod mean var std nansum nanprod nanmean nanvar nanstd".split()
METHODS = """linear lower higher midpoint nearest inverted_cdf averaged_inverted_cdf closest_observation
    interpolated_inverted_cdf hazen weibull median_unbiased normal_unbiased""".split()
CASES = {
    "ddof": lambda x: np.var(x, axis=1, ddof=1) + x.std(1, ddof=1),
    "correction": lambda x: np.var(x, axis=1, correction=1) + np.std(x, axis=1, correction=2),
    "var with its mean": lambda x: np.var(x, axis=0, mean=np.mean(x, axis=0, keepdims=True)),
    "initial": lambda x: np.sum(x, 0, initial=2.0) + np.prod(x, 0, initial=3.0) + np.max(x, 0, initial=1.0),
    "max where": lambda x: np.max(x, 0, where=MASK, initial=-9.0) + np.min(x, 0, where=MASK, initial=9.0),
    "traced where": lambda x: np.sum(x, 0, where=x > 0) + np.mean(x, 1, where=x > -3.0).sum(),
    "out": lambda x: np.sum(x, axis=0, out=np.zeros(4)) + x.mean(0, None, np.zeros(4)),
    "reduce with where": lambda x: np.add.reduce(x, 0, where=MASK) + np.multiply.reduce(x, 0, where=MASK),
    "logaddexp.reduce": lambda x: np.logaddexp.reduce(x, axis=1) + np.logaddexp2.reduce(x, axis=1),
    "hypot.reduce": lambda x: np.hypot.reduce(x, axis=1) + np.fmax.reduce(x, axis=1),
    "average": lambda x: np.average(x, axis=1, weights=W) + np.average(x) + np.average(x, weights=np.exp(x)),
    "average returned": lambda x: np.multiply(*np.average(x, axis=1, weights=np.exp(x), returned=True)),
    "average keepdims": lambda x: np.average(x, axis=0, weights=[1.0, 2.0, 3.0], keepdims=True),
    "cov": lambda x: np.cov(x),
    "cov of columns": lambda x: np.cov(x, rowvar=False, ddof=0),
    "cov of two": lambda x: np.cov(x[0], x[1]),
    "cov with weights": lambda x: np.cov(x, fweights=[1, 2, 3, 1], aweights=W),
    "cov with traced weights": lambda x: np.cov(x, aweights=np.exp(x[0])),
    "cov of one": lambda x: np.cov(x[0]),
    "corrcoef": lambda x: np.corrcoef(x)[0, 1:] + np.corrcoef(x[0], x[2])[0, 1],
    "bincount": lambda x: np.bincount([0, 2, 2, 4], x[0] * x[1]),
    "bincount minlength": lambda x: np.bincount([0, 2, 2, 4], weights=x[0], minlength=7),
    "histogram weights": lambda x: np.histogram([0.1, 0.5, 0.7, 2.0], 3, weights=x[1])[0],
    "histogram density": lambda x: np.histogram(x, 4, (-3.1, 3.0), weights=x**2, density=True)[0],
    "quantile of many": lambda x: np.quantile(x, [[0.1, 0.5], [0.9, 1.0]], axis=1),
    "percentile": lambda x: np.percentile(x, 30, axis=0, keepdims=True) + np.percentile(x, [20.0, 70.0]).sum(),
    "traced q": lambda x: np.quantile(x[0], np.exp(x[1]) / 9.5) + np.percentile(x, 8.0 + x[0, 0]),
    "iqr": lambda x: np.subtract(*np.percentile(x, [75, 25])),
    "cumsum": lambda x: np.cumsum(x) + x.cumsum(),
    "cumulative on axes": lambda x: np.cumsum(x, axis=0) * np.cumprod(x, axis=-1),
    "cumulative_sum": lambda x: np.cumulative_sum(x, axis=1, include_initial=True),
    "cumulative_prod": lambda x: np.cumulative_prod(x, axis=0, include_initial=True),
    "accumulate": lambda x: np.maximum.accumulate(x, axis=1) + np.add.accumulate(x) + np.logaddexp.accumulate(x, 1),
    "nancumsum": lambda x: np.nancumsum(np.where(MASK, x, np.nan), 1) + np.nancumprod(np.where(MASK, x, np.nan), 0),
    "lists": lambda x: np.array([np.median([x[0, 0], x[1, 1], 0.3]), np.prod([x[0, 0], 2.0]), np.std([x[0, 1], 1.0])]),
}  # fmt: skip


@pytest.mark.parametrize("name", REDUCTIONS)
def test_reductions_over_axes(name):
    function = getattr(np, name)
    axes = (None, -1, (1, 0)) if name != "ptp" else (None, -1)
    for axis in axes:
        examine(lambda x, axis=axis: function(x, axis=axis), X, np.roll(X, 5) + 0.01)
    examine(lambda x: function(x.T, axis=0, keepdims=True) * x[:, 0], X, -X)


@pytest.mark.parametrize("name", MASKED)
def test_reductions_with_where(name):
    examine(lambda x: getattr(np, name)(x, axis=1, where=MASK), X, -X, ulps=8)
    examine(lambda x: getattr(np, name)(x, where=MASK[0]), X, -X, ulps=8)


@pytest.mark.parametrize("name", CASES)
def test_options(name):
    examine(CASES[name], X, np.roll(X, 5) + 0.01, ulps=16)


@pytest.mark.parametrize("method", METHODS)
def test_quantile_methods(method):
    for q in (0.0, 0.2, 0.5, 0.63, 1.0):
        f = lambda x, q=q: np.quantile(x, q, axis=1, method=method)  # noqa: E731
        for x in (X, X[::-1] + 0.01):
            assert np.array_equal(ad.jvp(f, (x,), (x,))[0], f(x))
    examine(lambda x: np.quantile(x, [0.2, 0.63], axis=1, method=method), X, -X)


@pytest.mark.parametrize("n", [1, 2, 15, 16, 17, 18, 33, 64, 75])
def test_long_cumulative_operations(n):
    x = LONG[:n]
    for function in (np.cumsum, np.cumprod, np.maximum.accumulate):
        value, tangent = ad.jvp(function, (x,), (x * 0 + 1,))
        assert np.allclose(value, function(x), rtol=1e-15 * n, atol=0)
        expected = {np.cumsum: np.arange(1.0, n + 1), np.cumprod: np.cumprod(x) * np.cumsum(1 / x)}.get(function, 1.0)
        assert np.allclose(tangent, expected, rtol=1e-14 * n, atol=0)
        weights = np.cos(np.arange(n))
        adjoint = ad.grad(lambda x, f=function, w=weights: f(x) @ w)(x)
        assert np.isclose(np.sum(adjoint), tangent @ weights, rtol=1e-11)
    assert np.isclose(np.prod(x), ad.value_and_grad(np.prod)(x)[0], rtol=1e-14)


def test_few_instructions():
    stats = ad.record(np.cumsum, np.ones(4096)).stats()
    assert stats["scalar instructions"] + stats["block instructions"] <= 40 and stats["slots"] <= 3 * 4096


def test_products_with_zeros():
    for x in ([0.0, 2.0, 3.0], [0.0, 0.0, 3.0], [1.0, 0.0, -2.0, 0.0]):
        x = np.array(x)
        others = np.array([[np.prod(np.delete(x, [i, j])) * (i != j) for j in range(x.size)] for i in range(x.size)])
        singles = np.array([np.prod(np.delete(x, i)) for i in range(x.size)])
        assert ad.grad(np.prod)(x).tolist() == singles.tolist()
        assert np.array_equal(ad.hessian(np.prod)(x), others)
        assert np.array_equal(ad.grad(lambda x: np.cumprod(x)[-1])(x), singles)


def test_nan_is_left_out_where_it_is_now():
    x, other = np.array([1.0, np.nan, 3.0, 2.0]), np.array([np.nan, 5.0, 0.5, 4.0])
    for name in "sum prod mean var std max min median argmax argmin".split():
        with_nan, dense = getattr(np, "nan" + name), getattr(np, name)
        chosen = "arg" in name
        g = ad.value_and_grad(lambda x, f=with_nan, c=chosen: x[f(x)] if c else f(x))
        truth = ad.value_and_grad(lambda x, f=dense, c=chosen: x[f(x)] if c else f(x))
        for point in (x, other, x + 1, np.nan_to_num(x)):
            value, gradient = g(point)
            present = ~np.isnan(point)
            expected, slopes = truth(point[present])
            assert value == pytest.approx(expected, rel=1e-15)
            np.testing.assert_allclose(gradient[present], slopes, rtol=1e-14, atol=1e-15)
            assert not gradient[~present].any()
    for quantile in (np.nanquantile, np.nanpercentile):
        table = np.array([[1.0, np.nan, 3.0, 2.0], [4.0, 1.0, np.nan, np.nan]])
        f = lambda x, f=quantile: f(x, 0.4, axis=1)  # noqa: E731
        for t in (table, table[:, ::-1], table + 1):
            assert np.array_equal(ad.jvp(f, (t,), (t,))[0], f(t))


def test_what_has_nan_is_nan():
    x = np.array([[1.0, np.nan, 3.0], [4.0, 5.0, 6.0]])
    for f in (np.median, lambda x, axis: np.quantile(x, 0.3, axis=axis), np.max, np.sum):
        value = ad.jvp(lambda x, f=f: f(x, axis=1), (x,), (x * 0 + 1,))[0]
        assert np.array_equal(value, f(x, axis=1), equal_nan=True)


def test_spread_of_equal_values():
    for f in (np.std, np.nanstd, lambda x: np.std(x, ddof=1)):
        assert ad.grad(f)(np.ones(3)).tolist() == [0.0, 0.0, 0.0]
    assert ad.grad(np.ptp)(np.ones(2)).tolist() == [0.0, 0.0]


def test_truth_and_counts():
    x = np.array([[0.0, 1.0], [2.0, 0.0], [3.0, 4.0]])
    for f in (np.any, np.all, np.count_nonzero):
        for axis in (None, 0, 1, (0, 1)):
            for point in (x, 1 - x):
                got = ad.jvp(lambda x, f=f, axis=axis: f(x, axis=axis) * 1.0, (point,), (point,))[0]
                assert np.array_equal(got, f(point, axis=axis) * 1.0)
    g = ad.value_and_grad(lambda x: np.ones(np.count_nonzero(x > 1)).sum() * x[0])
    assert [g(x)[0] for x in np.array([[2.0, 0.0], [2.0, 3.0], [0.5, 0.0]])] == [2.0, 4.0, 0.0]
    g = ad.grad(lambda x: np.sum(x**2) if np.count_nonzero(x > 1) == 2 else np.sum(x))
    assert np.all(g(np.array([2.0, 3.0, 0.0])) == [4.0, 6.0, 0.0]) and np.all(g(np.array([2.0, 0.0, 0.0])) == 1.0)


def test_errors():
    x = np.ones((2, 3))
    for f, error in (
        (lambda x: np.sum(x, axis=2), np.exceptions.AxisError),
        (lambda x: np.cumsum(x, axis=5), np.exceptions.AxisError),
        (lambda x: np.max(x[:, :0], axis=1), ValueError),
        (lambda x: np.cumsum(x, out=BUFFER), ad.errors.DerivativeCut),
        (lambda x: np.max(x, where=x > 0), ValueError),
        (lambda x: np.sum(x, dtype=np.float32), ad.errors.UnsupportedFunction),
        (lambda x: np.quantile(x, 1.5), ValueError),
        (lambda x: np.quantile(x, 0.5, method="none"), ValueError),
        (lambda x: np.quantile(x, 0.5, weights=np.ones((2, 3)), method="inverted_cdf"), ad.errors.UnsupportedFunction),
        (lambda x: np.histogram(x)[0], ad.errors.UnsupportedFunction),
        (lambda x: np.average(x, weights=[1.0, 2.0]), TypeError),
        (lambda x: np.average(x, weights=x * 0), ZeroDivisionError),
    ):
        with pytest.raises(error):
            ad.grad(lambda x, f=f: np.sum(f(x)))(x)
