"""Derivatives of Bessel functions in their order.

Theory of operation. J, Y and K are differentiated under their integrals (DLMF 10.9.6, 10.9.7, 10.32.9): over a half
circle by Gauss's rule, over (0, inf) by the double exponential formula s = exp(t - exp(-t)) (Takahasi & Mori 1974), or,
where the integrand is even, by the trapezoidal rule. J at small arguments and I are differentiated term by term in
their power series (DLMF 10.15.1, 10.38.1). Arguments are positive.
"""

from __future__ import annotations

from typing import Any

import numpy as np

_FINE_T = np.arange(-5.0, 4.0, 0.0125)
_FINE = np.exp(_FINE_T - np.exp(-_FINE_T))  # nodes on (0, inf)
_FINE_W = 0.0125 * (1.0 + np.exp(-_FINE_T)) * _FINE
_EVEN = np.arange(0.0, 15.0, 0.01)
_TERMS = np.arange(300.0)
_HALF_CIRCLE, _HALF_WEIGHTS = np.polynomial.legendre.leggauss(200)
_ANGLE, _ANGLE_W = 0.5 * np.pi * (_HALF_CIRCLE + 1.0), 0.5 * np.pi * _HALF_WEIGHTS


def _columns(*arguments: Any) -> list[np.ndarray]:
    """Arguments broadcast against one another, with an axis for the nodes."""
    return [np.asarray(a, float)[..., None] for a in np.broadcast_arrays(*arguments)]


def _integral(integrand: np.ndarray, weights: np.ndarray) -> Any:
    return np.sum(np.where(np.isfinite(integrand), integrand, 0.0) * weights, axis=-1)


def _decaying(nu: np.ndarray, decay: np.ndarray, sign: float, power: int) -> Any:
    """Integrals over t > 0 of t**power exp(-decay(t) + sign nu t); `decay` is given at the fine nodes."""
    return _integral(_FINE**power * np.exp(sign * nu * _FINE - decay), _FINE_W)


def _series(nu: np.ndarray, x: np.ndarray, sign: float) -> Any:
    """The power series of J (sign -1) or I (sign 1), differentiated term by term (DLMF 10.15.1, 10.38.1)."""
    from scipy.special import gammaln, gammasgn, psi

    order = nu + _TERMS + 1.0
    half = np.log(0.5 * x)
    size = np.exp((2.0 * _TERMS + nu) * half - gammaln(_TERMS + 1.0) - gammaln(order)) * gammasgn(order)
    return np.sum(sign**_TERMS * size * (half - psi(order)), axis=-1)


def jv_order(nu: Any, x: Any) -> Any:
    """The derivative of the Bessel function J_nu(x) in its order; x > 0."""
    nu, x = _columns(nu, x)
    with np.errstate(all="ignore"):
        circle = _integral(-_ANGLE * np.sin(nu * _ANGLE - x * np.sin(_ANGLE)), _ANGLE_W)
        decay = x * np.sinh(_FINE)
        tails = _decaying(nu, decay, -1.0, 0), _decaying(nu, decay, -1.0, 1)
        small = _series(nu, x, -1.0)
    turn = np.pi * nu[..., 0]
    result = circle / np.pi - np.cos(turn) * tails[0] + np.sin(turn) / np.pi * tails[1]
    result = np.where((x * x < 4.0 * (np.abs(nu) + 1.0))[..., 0], small, result)
    return np.where(x[..., 0] > 0.0, result, np.nan)[()]


def yv_order(nu: Any, x: Any) -> Any:
    """The derivative of the Bessel function Y_nu(x) in its order; x > 0."""
    nu, x = _columns(nu, x)
    with np.errstate(all="ignore"):
        circle = _integral(-_ANGLE * np.cos(x * np.sin(_ANGLE) - nu * _ANGLE), _ANGLE_W)
        decay = x * np.sinh(_FINE)
        up, down = _decaying(nu, decay, 1.0, 1), _decaying(nu, decay, -1.0, 1)
        plain = _decaying(nu, decay, -1.0, 0)
    turn = np.pi * nu[..., 0]
    result = (circle - up + np.cos(turn) * down + np.pi * np.sin(turn) * plain) / np.pi
    return np.where(x[..., 0] > 0.0, result, np.nan)[()]


def iv_order(nu: Any, x: Any) -> Any:
    """The derivative of the modified Bessel function I_nu(x) in its order; 0 < x < 200."""
    nu, x = _columns(nu, x)
    with np.errstate(all="ignore"):
        result = _series(nu, x, 1.0)
    inside = (x > 0.0) & (x < 200.0)
    return np.where(inside[..., 0], result, np.nan)[()]


def kv_order(nu: Any, x: Any) -> Any:
    """The derivative of the modified Bessel function K_nu(x) in its order; x > 0."""
    nu, x = _columns(nu, x)
    with np.errstate(all="ignore"):
        # The integrand is even and decays doubly exponentially: the trapezoidal rule converges to rounding.
        result = _integral(_EVEN * np.sinh(nu * _EVEN) * np.exp(-x * np.cosh(_EVEN)), np.full(_EVEN.size, 0.01))
    return np.where(x[..., 0] > 0.0, result, np.nan)[()]
