"""The distributions of `scipy.stats`, as they are, in functions that are differentiated."""

import numpy as np
import pytest
import scipy.stats as st
from scipy.stats import norm

import fastad as ad
from tests.record.every_mode import check_every_mode

# Name and shape parameters; all methods are examined in point, location and scale.
CONTINUOUS = {
    "norm": (), "lognorm": (0.7,), "expon": (), "gamma": (2.3,), "invgamma": (2.3,), "beta": (1.5, 2.5), "t": (3.5,),
    "chi2": (3.2,), "f": (3.0, 5.0), "cauchy": (), "laplace": (), "logistic": (), "gumbel_r": (), "gumbel_l": (),
    "weibull_min": (1.7,), "uniform": (), "halfnorm": (), "halfcauchy": (), "rayleigh": (), "genpareto": (0.2,),
    "maxwell": (), "powerlaw": (1.5,),
}  # fmt: skip
METHODS = "logpdf pdf cdf sf logcdf logsf ppf isf".split()
DISCRETE = {"poisson": (2.3,), "binom": (7, 0.3), "nbinom": (4, 0.3), "geom": (0.3,), "bernoulli": (0.3,)}


def differences(f, x):
    """Central differences of sixth order."""
    steps = ((1, 45), (2, -9), (3, 1))
    return (
        np.array([sum(c * (f(x + s * 1e-3 * e) - f(x - s * 1e-3 * e)) for s, c in steps) for e in np.eye(x.size)])
        / 0.06
    )


def check(f, *points):
    gradient = ad.grad(f)
    for x in points:
        np.testing.assert_allclose(gradient(x), differences(f, x), rtol=1e-7, atol=1e-9)
        np.testing.assert_allclose(ad.value_and_grad(f)(x)[0], f(x), rtol=1e-14)


@pytest.mark.parametrize("name", sorted(CONTINUOUS))
def test_continuous(name):
    distribution, shapes = getattr(st, name), CONTINUOUS[name]
    for method in METHODS:
        f = getattr(distribution, method)
        check(
            lambda p, f=f: f(p[0], *shapes, loc=p[1], scale=p[2]),
            np.array([0.4, 0.03, 1.1]),
            np.array([0.44, 0.02, 1.05]),
        )


@pytest.mark.parametrize("name", ["gamma", "beta", "t", "f", "chi2"])
def test_shapes(name):
    distribution, shapes = getattr(st, name), CONTINUOUS[name]
    for method in METHODS:
        f = getattr(distribution, method)
        check(lambda p, f=f: f(0.35, *p), np.array(shapes), np.array(shapes) + 0.4)


@pytest.mark.parametrize("name", sorted(DISCRETE))
def test_discrete(name):
    distribution, shapes = getattr(st, name), DISCRETE[name]
    for method in "logpmf pmf cdf sf logcdf".split():
        f = getattr(distribution, method)
        check(lambda p, f=f: f(1, *shapes[:-1], p[0]), np.array([shapes[-1]]), np.array([shapes[-1] + 0.1]))


def test_likelihoods():
    data = np.array([0.3, 1.7, -0.4, 2.2])
    cases = [
        lambda p: np.sum(norm.logpdf(data, p[0], p[1])),
        lambda p: np.sum(norm(p[0], p[1]).logpdf(data)),
        lambda p: np.sum(st.t.logpdf(data, 4.0, p[0], p[1])),
        lambda p: np.sum(st.gamma.logpdf(data**2, p[1], scale=p[0] ** 2)),
        lambda p: st.multivariate_normal.logpdf(p, np.zeros(2), np.array([[2.0, 0.3], [0.3, 1.0]])),
        lambda p: st.dirichlet.logpdf(np.array([0.3, 0.7]), p),
    ]
    for f in cases:
        check_every_mode(f, np.array([0.4, 1.3]), np.array([0.6, 0.9]))
    f = lambda p: norm.nnlf((p[0], p[1]), data)  # noqa: E731
    check(f, np.array([0.4, 1.3]))
