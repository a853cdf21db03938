"""Functions that call SciPy's compiled parts on traced values: they work, or say what was called and where."""

from __future__ import annotations

import math

import numpy as np
import pytest
import scipy.fft
import scipy.integrate
import scipy.interpolate
import scipy.ndimage
import scipy.optimize
import scipy.signal
import scipy.sparse
import scipy.spatial.distance
import scipy.special

import fastad as ad
from fastad.errors import FastADError

X, OTHER = np.array([0.7, 1.3, -0.4, 0.9]), np.array([1.1, 0.6, -0.8, 0.5])


def differences(f, x):
    step = 1e-3
    out = np.zeros(x.size)
    for i in range(x.size):
        for k, weight in enumerate((4 / 5, -1 / 5, 4 / 105, -1 / 280), 1):
            for sign in (1, -1):
                moved = x.copy()
                moved[i] += sign * k * step
                out[i] += sign * weight * f(moved) / step
    return out


def sparse_made_inside(x):
    A = scipy.sparse.diags([1.0, -2.0, 1.0], [-1, 0, 1], shape=(4, 4)).tocsr()
    return np.sum((A @ x) ** 2) + x @ A.dot(x)


WORKS = {
    "scipy.fft": lambda x: np.sum(np.abs(scipy.fft.rfft(x)) ** 2 * np.arange(3)),
    "scipy.integrate.simpson": lambda x: scipy.integrate.simpson(np.exp(x[0] * np.linspace(0, 1, 5)), dx=0.25) * x[1],
    "scipy.signal.convolve": lambda x: np.sum(scipy.signal.convolve(x, np.array([1.0, 2.0, 1.0])) ** 2),
    "scipy.sparse": sparse_made_inside,
    "math.gamma": lambda x: math.gamma(x[0] + 1.0) * math.lgamma(x[1] + 2.0),
    "rosen": lambda x: scipy.optimize.rosen(x) + scipy.optimize.rosen_der(x)[1],
}


@pytest.mark.parametrize("name", WORKS)
def test_it_works(name):
    f = WORKS[name]
    gradient = ad.grad(f)
    for x in (X, OTHER):
        np.testing.assert_allclose(gradient(x), differences(f, x), rtol=1e-8, atol=1e-9)


REFUSED = {
    "scipy.signal.lfilter": lambda x: np.sum(scipy.signal.lfilter([1.0], [1.0, -0.5], x)),
    "scipy.integrate.quad": lambda x: scipy.integrate.quad(lambda t: np.exp(-x[0] * t**2), 0, 1)[0],
    "scipy.integrate.solve_ivp": lambda x: scipy.integrate.solve_ivp(lambda t, y: -x[0] * y, (0, 1), [1.0]).y[0, -1],
    "scipy.optimize.brentq": lambda x: scipy.optimize.brentq(lambda z: z**3 - x[0] ** 2 - 1.0, 0, 10),
    "scipy.interpolate.CubicSpline": lambda x: scipy.interpolate.CubicSpline(np.arange(4.0), x)(1.5),
    "scipy.ndimage.gaussian_filter": lambda x: np.sum(scipy.ndimage.gaussian_filter(x, 1.0)),
    "scipy.spatial.distance.cdist": lambda x: scipy.spatial.distance.cdist(x.reshape(2, 2), np.ones((1, 2))).sum(),
}


@pytest.mark.parametrize("name", REFUSED)
def test_it_is_refused_by_name_or_line(name):
    with pytest.raises(FastADError) as caught:
        ad.grad(REFUSED[name])(X)
    assert ".py:" in str(caught.value)


def test_an_error_of_the_users_own_is_left_alone():
    def f(x):
        list(map(str, np.array([x[0], None], dtype=object)))  # traced numbers among objects
        if x[0] > 0.0:
            raise ValueError("mine")
        return x[0]

    with pytest.raises(ValueError, match=r"^mine$"):
        ad.grad(f)(X)
