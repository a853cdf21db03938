"""Differences, integrals, grids and polynomials, through every mode."""

from __future__ import annotations

import mpmath
import numpy as np
import pytest
from numpy.polynomial import Chebyshev, Polynomial, chebyshev, hermite, hermite_e, laguerre, legendre, polynomial

import fastad as ad
from tests.record.every_mode import check_every_mode

RNG = np.random.default_rng(12)
GRID = np.array([0.1, 0.5, 0.6, 0.9, 1.5, 2.0])
P, Q, C = np.poly1d([1.0, 2.0, -3.0]), Polynomial([1.0, 2.0, -3.0]), Chebyshev([1.0, 2.0, -3.0], domain=[-2, 3])

# name: (function, shape of the argument)
CASES = {
    "gradient": (lambda x: np.gradient(x), (6,)),
    "gradient step": (lambda x: np.gradient(x**2, 0.3, edge_order=2), (6,)),
    "gradient traced step": (lambda x: np.gradient(GRID, x[0]), (2,)),
    "gradient grid": (lambda x: np.gradient(x, GRID, edge_order=2), (6,)),
    "gradient traced grid": (lambda x: np.gradient(GRID**2, np.cumsum(x**2 + 0.1)), (6,)),
    "gradient traced grid, order 2": (
        lambda x: np.gradient(x**2, x[0, 0] ** 2 + 1, np.cumsum(x[0] ** 2 + 0.2), edge_order=2)[1],
        (3, 4),
    ),
    "gradient axes": (lambda x: np.gradient(x, 2.0, [0.0, 0.5, 2.0], axis=(0, 2))[1], (2, 2, 3)),
    "gradient all": (lambda x: sum(np.gradient(x)), (3, 4)),
    "diff": (lambda x: np.diff(x**2), (6,)),
    "diff ends": (lambda x: np.diff(x, 2, prepend=0.0, append=x[:2]), (6,)),
    "diff axis": (lambda x: np.diff(x, axis=0, prepend=x[:1] * 2), (3, 4)),
    "diff list": (lambda x: np.diff([x[0], 2.0, x[1] * x[2]], n=1), (3,)),
    "diff nothing": (lambda x: np.diff(x, n=0), (3,)),
    "ediff1d": (lambda x: np.ediff1d(x, to_end=x[0, :2], to_begin=3.0), (2, 3)),
    "trapezoid": (lambda x: np.trapezoid(x**2), (6,)),
    "trapezoid x": (lambda x: np.trapezoid(x**2, GRID), (6,)),
    "trapezoid traced x": (lambda x: np.trapezoid(GRID, x), (6,)),
    "trapezoid axis": (lambda x: np.trapezoid(x, dx=0.5, axis=0), (3, 4)),
    "trapezoid rows": (lambda x: np.trapezoid(x, x**2, axis=-1), (3, 4)),
    "unwrap": (lambda x: np.unwrap(4 * x), (6,)),
    "sinc": (lambda x: np.sinc(x), (2, 3)),
    "sinc of a number": (lambda x: np.sinc(x[0]) * x, (2,)),
    "vander": (lambda x: np.vander(x, 4), (3,)),
    "vander increasing": (lambda x: np.vander(x, increasing=True), (4,)),
    "meshgrid": (lambda x: sum(a * a for a in np.meshgrid(x[:2], x[2:], indexing="ij")), (5,)),
    "meshgrid sparse": (lambda x: np.multiply(*np.meshgrid(x[:2], x[2:], sparse=True)), (5,)),
    "linspace": (lambda x: np.linspace(x[0], x[1], 5) ** 2, (2,)),
    "linspace axis": (lambda x: np.linspace(x[:2], x[2:4], 5, axis=1, endpoint=False), (4,)),
    "linspace step": (lambda x: np.linspace(x[0], 1.0, 5, retstep=True)[1] * x, (2,)),
    "linspace one": (lambda x: np.linspace(x[0], 1.0, 1), (2,)),
    "logspace": (lambda x: np.logspace(x[0], x[1], 4, base=2.0), (2,)),
    "geomspace": (lambda x: np.geomspace(x[0] ** 2 + 1, x[1] ** 2 + 2, 4), (2,)),
    "along axis": (lambda x: np.apply_along_axis(lambda row: row * row.sum(), 0, x), (3, 4)),
    "over axes": (lambda x: np.apply_over_axes(np.sum, x**2, [0, 2]), (2, 3, 2)),
    "angle, real, imag": (lambda x: np.angle(x) + np.real(x) * np.conj(x) + np.imag(x) + x.real * x.conj(), (3,)),
    # polynomials
    "polyval": (lambda x: np.polyval(x[:3], x[3:]), (6,)),
    "polyval number": (lambda x: np.polyval([x[0], 1.0, x[1]], 0.5) * x, (2,)),
    "polyval polynomial": (lambda x: np.polyval(P, x), (4,)),
    "polyder": (lambda x: np.polyder(x * x, 2), (5,)),
    "polyint": (lambda x: np.polyint(x, 2, k=x[:2]), (4,)),
    "arithmetic": (lambda x: np.polyadd(np.polysub(x, x[:2] ** 2), np.polymul(x[:2], x[2:])), (4,)),
    "polydiv": (lambda x: np.polydiv(x, x[:2])[0], (5,)),
    "poly": (lambda x: np.poly(x), (4,)),
    "polyfit": (lambda x: np.polyfit(GRID, x**2, 2), (6,)),
    "polyfit weights": (lambda x: np.polyfit(GRID, x.T, 1, w=GRID), (2, 6)),
    "polyfit traced x": (lambda x: np.polyfit(x, GRID, 2), (6,)),
    "Polynomial.fit": (lambda x: Polynomial.fit(GRID, x**2, 2)(x), (6,)),
    "poly1d": (lambda x: np.poly1d(x[:3])(x[3:]), (6,)),
    "poly1d at traced": (lambda x: P(x) + P.deriv()(x[0]), (3,)),
    "poly1d algebra": (lambda x: np.array((np.poly1d([x[0], x[1], 2.0]) * P + 2.0).coeffs), (2,)),
    "Polynomial": (lambda x: Polynomial(x[:3])(x[3:]), (6,)),
    "Polynomial at traced": (lambda x: Q(x) * C(x[0]) * C.deriv()(x), (3,)),
    "constant zeros": (
        lambda x: (Polynomial([x[0], 0.0, 0.0]) * Q)(x) * np.poly1d([0.0, x[1], 0.0])(x[2]) * isinstance(Q, Polynomial),
        (3,),
    ),
    "Polynomial algebra": (lambda x: np.array((Polynomial(x[:3]) * Q).integ().coef), (3,)),
    "Chebyshev": (lambda x: Chebyshev([x[0], x[1], 1.0], domain=[-3, 3])(x[2:]), (5,)),
    "polynomial.polyval": (lambda x: polynomial.polyval(x[:2], x), (4,)),
    "polynomial.polyval2d": (lambda x: polynomial.polyval2d(x[0], x[1], x), (3, 4)),
    "polyvander": (lambda x: polynomial.polyvander(x, 3), (3,)),
    "polyfromroots": (lambda x: polynomial.polyfromroots(x), (3,)),
    "chebval": (lambda x: chebyshev.chebval(x, x[:4]), (5,)),
    "chebder": (lambda x: chebyshev.chebder(chebyshev.chebmul(x, x)), (4,)),
    "legval": (lambda x: legendre.legval(x, [1.0, x[0], 0.5, -1.0]), (5,)),
    "lagval": (lambda x: laguerre.lagval(0.3, x), (4,)),
    "hermval": (lambda x: hermite.hermval(x, [1.0, 2.0, 3.0]) * hermite_e.hermeval(x, x), (3,)),
}


def distinct(shape: tuple[int, ...]) -> np.ndarray:
    return RNG.permutation(np.arange(1, 1 + np.prod(shape)).reshape(-1)).reshape(shape) / 5 - 0.7


@pytest.mark.parametrize("name", CASES)
def test_calculus(name) -> None:
    f, shape = CASES[name]
    check_every_mode(f, distinct(shape), distinct(shape))


def exact_sinc(order: int, x: float) -> float:
    with mpmath.workdps(700):
        if order and x == 0:
            return {1: 0.0, 2: float(-(mpmath.pi**2) / 3)}[order]
        y = mpmath.mpf(np.pi * x) / mpmath.pi  # what NumPy multiplies by is not pi
        return float(mpmath.diff(mpmath.sincpi, y, order))


@pytest.mark.parametrize("x", [0.0, 1e-300, 1e-20, 1e-9, 1e-4, 0.05, 0.2, 0.39, 0.4, 0.6, 1.3, -2.7, 17.2])
def test_sinc_against_high_precision(x) -> None:
    x0, one = np.array([x]), np.ones(1)
    total = lambda v: np.sum(np.sinc(v))  # noqa: E731
    eps = np.finfo(float).eps
    results = total(x0), ad.grad(total)(x0)[0], ad.hvp(total)(x0, one)[0]
    assert abs(ad.record(total, x0).primal(x0) - results[0]) <= 4 * np.spacing(abs(results[0]))
    for order, scale in ((1, 8), (2, 8)):
        expected = exact_sinc(order, x)
        size = max(abs(expected), min(1.0, abs(x)) if order == 1 else 1.0)  # where it crosses zero, of its size nearby
        assert abs(results[order] - expected) <= scale * eps * size


def test_gradient_at_evenly_spaced_traced_places() -> None:
    even = np.arange(6.0)
    for edge in (1, 2):
        f = lambda x: np.sum(GRID * np.gradient(GRID**2, x, edge_order=edge))  # noqa: E731
        uneven = even + 1e-9 * np.array([1.0, -1.0, 2.0, 0.5, -0.7, 0.1])
        assert ad.grad(f)(even) == pytest.approx(ad.grad(f)(uneven), rel=1e-6)
        check_every_mode(lambda x: np.gradient(GRID**2, x, edge_order=edge), uneven * 2, even + GRID)


REFUSED = [
    lambda x: np.poly1d((x - x) ** 2)(0.3),
    lambda x: np.sum(polynomial.polymul(x - x[-1], [1.0, 2.0])),
    lambda x: np.sum(chebyshev.chebadd(x, -x)),
    lambda x: np.polyfit(GRID, x, 2, cov=True)[0],
    lambda x: np.roots(x),
    lambda x: np.i0(x),
]


@pytest.mark.parametrize("f", REFUSED)
def test_what_is_refused_names_the_line(f) -> None:
    with pytest.raises(ad.errors.FastADError, match=r"test_calculus\.py:"):
        ad.record(f, GRID * 1.3)


WRONG = [
    lambda x: np.gradient(x, axis=2),
    lambda x: np.gradient(x[:1]),
    lambda x: np.gradient(x, [1.0, 2.0]),
    lambda x: np.diff(x, n=-1),
    lambda x: np.diff(x, axis=1),
    lambda x: np.linspace(x[0], 1.0, -1),
    lambda x: np.vander(x[None]),
    lambda x: np.polyder(x, -1),
    lambda x: np.polyfit(GRID, x[:2], 1),
]


@pytest.mark.parametrize("f", WRONG)
def test_errors_are_those_of_numpy(f) -> None:
    with pytest.raises(Exception) as plain:
        f(GRID)
    with pytest.raises(type(plain.value), match=str(plain.value)[:12]):
        ad.record(f, GRID)
