"""What the table of special functions needs beside SciPy: densities, and derivatives in shape parameters.

Theory of operation. Derivatives of incomplete gamma and beta functions in their shape parameters are integrals of the
density times a logarithm that changes its sign once. Each is taken over the side where the integrand has one sign, so
nothing cancels: below by a series of positive terms (gamma) or tanh-sinh quadrature (beta), above by double
exponential quadrature. All functions are of plain arrays of one shape or broadcast.
"""

from __future__ import annotations

from typing import Any

import numpy as np

CONSTANTS = {
    "PI": np.pi, "SQRT_2": np.sqrt(2.0), "SQRT_2PI": 2.5066282746310002, "SQRT_HALF_PI": 1.2533141373155003,
    "HALF_SQRT_PI": 0.88622692545275801, "TWO_OVER_SQRT_PI": 1.1283791670955126, "LOG_2": np.log(2.0),
    "LOG_10": np.log(10.0), "DEGREE": np.pi / 180, "inf": np.inf, "nan": np.nan,
}  # fmt: skip
_STIRLING = (1 / 12, -1 / 360, 1 / 1260, -1 / 1680, 1 / 1188, -691 / 360360, 1 / 156, -3617 / 122400)


def normal(x: Any) -> Any:
    """The density of the standard normal distribution; the square of what is rounded is exact."""
    h = np.rint(16 * x) / 16
    value = np.exp(-0.5 * h * h) * np.exp(0.5 * (h - x) * (h + x)) / CONSTANTS["SQRT_2PI"]
    return np.where(np.abs(x) > 40, np.where(np.isnan(x), x, 0.0), value)[()]


def erfcx_slope(order: Any, x: Any) -> Any:
    """A derivative of erfcx: by recurrence below 1, above by the continued fraction of repeated integrals."""
    from scipy.special import erfcx

    n = int(np.max(order))
    v = erfcx(x)
    below = [v, 2 * x * v - CONSTANTS["TWO_OVER_SQRT_PI"]]
    for k in range(2, n + 1):
        below.append(2 * x * below[-1] + 2 * (k - 1) * below[-2])
    ratio, above, big = np.zeros(np.shape(x)), v, np.maximum(x, 1.0)
    for k in range(160, 0, -1):
        ratio = 1 / (2 * big + 2 * (k + 1) * ratio)
        if k <= n:
            above = above * -2 * k * ratio
    return np.where(x > 1, above, below[n])[()]


def ellip_slope(m: Any) -> Any:
    return ellip_slope_m1(1 - m)


def ellip_slope_m1(p: Any) -> Any:
    from scipy.special import elliprd

    return elliprd(0.0, 1.0, p) / 6


# --- densities --------------------------------------------------------------------------------------
def _stirling_error(a: Any) -> Any:
    """log Gamma(a + 1) less Stirling's formula, for a >= 10."""
    return sum(c / a ** (2 * k + 1) for k, c in enumerate(_STIRLING))


def gamma_density(a: Any, x: Any) -> Any:
    """x^(a-1) e^-x / Gamma(a); for large a by the deviance from a, which stays exact."""
    from scipy.special import gammaln, hyp2f1, rgamma, xlogy

    a, x = np.broadcast_arrays(a, x)
    u = (x - a) / a
    near = np.abs(u) < 0.5
    half = 0.5 * u * u * hyp2f1(1.0, 2.0, 3.0, -np.where(near, u, 0.0))
    deviance = a * np.where(near, half, u - np.log1p(u))
    large = np.exp(-_stirling_error(np.maximum(a, 10.0)) - deviance) * np.sqrt(a) / (x * CONSTANTS["SQRT_2PI"])
    small = np.where(a < 10, np.exp(-x) * np.power(x, a - 1) * rgamma(a), np.exp(xlogy(a - 1, x) - x - gammaln(a)))
    return np.where((a >= 10) & (x > 0), large, small)[()]


def beta_density(a: Any, b: Any, x: Any) -> Any:
    from scipy.special import betaln, xlog1py, xlogy

    return np.exp(xlogy(a - 1, x) + xlog1py(b - 1, -x) - betaln(a, b))


def student_density(df: Any, t: Any) -> Any:
    from scipy.special import poch

    return poch(df / 2, 0.5) / np.sqrt(df * np.pi) * np.exp(-0.5 * (df + 1) * np.log1p(t * t / df))


# --- derivatives in shape parameters ------------------------------------------------------------------
def gamma_shape(a: Any, x: Any) -> Any:
    """-d/da of the lower regularised incomplete gamma function, which is positive."""
    a, x = np.broadcast_arrays(np.asarray(a, float), np.asarray(x, float))
    out = np.where((a > 0) & (x >= 0), 0.0, np.nan)
    inside = (a > 0) & (x > 0) & np.isfinite(x) & np.isfinite(a)
    for part, rule in ((inside & (x <= a), _gamma_below), (inside & (x > a), _gamma_above)):
        if part.any():
            out[part] = rule(a[part], x[part])
    return out[()]


def _gamma_below(a: np.ndarray, x: np.ndarray) -> np.ndarray:
    from scipy.special import psi

    total, k = np.zeros(a.shape), 0
    weight, slope = gamma_density(a + 1, x), psi(a + 1) - np.log(x)
    while True:
        total += weight * slope
        k += 1
        if np.all(weight * slope <= 1e-18 * total) or k > 100_000:
            return total
        weight, slope = weight * x / (a + k), slope + 1 / (a + k)


def _gamma_above(a: np.ndarray, x: np.ndarray) -> np.ndarray:
    from scipy.special import psi

    s = np.linspace(-4.5, 5.5, 401)
    scale = np.maximum(np.sqrt(x), 1.0)[:, None] / np.e
    grid = np.exp(s - np.exp(-s))
    u = scale * grid
    measure = scale * grid * (1 + np.exp(-s)) * (s[1] - s[0])
    a, x = a[:, None], x[:, None]
    density = gamma_density(a, x) * np.exp((a - 1) * np.log1p(u / x) - u)
    return np.sum(density * (np.log(x + u) - psi(a)) * measure, -1)


def beta_shape(a: Any, b: Any, x: Any, y: Any) -> Any:
    """-d/da of the regularised incomplete beta function at x = 1 - y, which is positive."""
    a, b, x, y = np.broadcast_arrays(*(np.asarray(z, float) for z in (a, b, x, y)))
    out = np.where((a > 0) & (b > 0) & (x >= 0) & (y >= 0), 0.0, np.nan)
    inside = (a > 0) & (b > 0) & (x > 0) & (y > 0)
    if inside.any():
        out[inside] = _beta_integral(a[inside], b[inside], x[inside], y[inside])
    return out[()]


def _beta_integral(a: np.ndarray, b: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """The integral over (0, x) or (x, 1), whichever has an integrand of one sign."""
    from scipy.special import betaln, psi

    zero = psi(a) - psi(a + b)  # the logarithm of the place where the sign changes
    lower = np.log(x) <= zero
    end = np.where(lower, x, y)[:, None]
    s = np.linspace(-6.0, 6.0, 1201)  # the left end is an end of the distribution, the right one is x
    part = np.exp(-np.logaddexp(0.0, -np.pi * np.sinh(s)))
    rest = np.exp(-np.logaddexp(0.0, np.pi * np.sinh(s)))
    near = end * part
    far = np.where(lower, y, x)[:, None] + end * rest
    log_t, log_1t = np.where(lower[:, None], (np.log(near), np.log(far)), (np.log(far), np.log(near)))
    log_measure = np.log(end) - np.logaddexp(0.0, -np.pi * np.sinh(s)) - np.logaddexp(0.0, np.pi * np.sinh(s))
    a, b = a[:, None], b[:, None]
    density = np.exp((a - 1) * log_t + (b - 1) * log_1t - betaln(a, b) + log_measure)
    factor = np.abs(log_t - zero[:, None]) * np.pi * np.cosh(s) * (s[1] - s[0])
    return np.sum(np.where(density > 0, density * factor, 0.0), -1)


def student_shape(df: Any, t: Any) -> Any:
    """d/d(df) of Student's distribution function: near 0 the density's derivative is integrated, elsewhere a tail."""
    df, t = np.broadcast_arrays(np.asarray(df, float), np.asarray(t, float))
    out = np.empty(df.shape)
    for part, rule in ((np.abs(t) < 1, _student_middle), (~(np.abs(t) < 1), _student_tail)):
        if part.any():
            out[part] = rule(df[part], t[part])
    return out[()]


def _student_tail(df: np.ndarray, t: np.ndarray) -> np.ndarray:
    """Through the incomplete beta function of df / (df + t^2)."""
    x, y = df / (df + t * t), t * t / (df + t * t)
    direct = 0.5 * beta_shape(df / 2, np.full(df.shape, 0.5), x, y)
    return 0.5 * np.sign(t) * (direct - beta_density(df / 2, 0.5, x) * y / (df + t * t))


def _student_middle(df: np.ndarray, t: np.ndarray) -> np.ndarray:
    from scipy.special import psi

    nodes, weights = np.polynomial.legendre.leggauss(40)
    big = np.maximum(df, 30.0)
    series = sum(c / big ** (2 * k) for k, c in enumerate((1 / 2, -1 / 4, 1 / 2, -17 / 8, 31 / 2, -691 / 4)))
    at_zero = np.where(df > 30, series / big**2, psi((df + 1) / 2) - psi(df / 2) - 1 / df)
    df, t = df[:, None], t[:, None]
    u = t * 0.5 * (1 + nodes)
    slope = at_zero[:, None] + (u * u * (1 + 1 / df) / (df + u * u) - np.log1p(u * u / df))
    return np.sum(0.5 * student_density(df, u) * slope * 0.5 * weights * t, -1)
