"""ADBench's Gaussian mixture: log-likelihood of n points under k Gaussians in d dimensions, with a Wishart prior.

`icf` holds, for each Gaussian, the logarithms of the diagonal of the inverse Cholesky factor and then its part below
the diagonal, column by column. Published as `gmm_objective` of ADBench (Srajer, Kukelova, Fitzgibbon,
A benchmark of selected algorithmic differentiation tools, 2018); the constants that depend on no variable are here too.
"""

from __future__ import annotations

import numpy as np
from scipy.special import multigammaln

ACTIVE = 3
WISHART_GAMMA, WISHART_M = 1.0, 0


def log_sum_exp(x):
    highest = np.amax(x, axis=-1, keepdims=True)
    return np.log(np.sum(np.exp(x - highest), axis=-1)) + highest[..., 0]


def wishart_prior(diagonal, log_diagonal, below, constant):
    squares = np.sum(diagonal**2) + np.sum(below**2)
    return 0.5 * WISHART_GAMMA**2 * squares - WISHART_M * np.sum(log_diagonal) - constant


def objective(alphas, means, icf, x, place, zeros, constants):
    n, d = x.shape
    log_diagonal, below = icf[:, :d], icf[:, d:]
    diagonal = np.exp(log_diagonal)
    # A column of zeros stands for every element that is not below the diagonal.
    factors = np.concatenate([below, zeros], axis=1)[:, place]
    centred = x[None, :, :] - means[:, None, :]
    scaled = diagonal[:, None, :] * centred + np.matmul(centred, np.swapaxes(factors, 1, 2))
    exponents = (alphas + np.sum(log_diagonal, axis=1))[:, None] - 0.5 * np.sum(scaled**2, axis=2)
    likelihood = np.sum(log_sum_exp(exponents.T)) - n * log_sum_exp(alphas)
    return constants[0] + likelihood + wishart_prior(diagonal, log_diagonal, below, constants[1])


def places_below(d: int) -> np.ndarray:
    """(d, d): where in `icf`'s second part each element of a factor stands, or behind its end."""
    place = np.full((d, d), d * (d - 1) // 2)
    columns, rows = np.triu_indices(d, 1)
    place[rows, columns] = np.arange(rows.size)
    return place


def constant_terms(d: int, k: int, n: int) -> tuple[float, float]:
    """The likelihood's and the prior's terms without variables."""
    freedom = d + WISHART_M + 1
    prior = k * (freedom * d * np.log(WISHART_GAMMA / np.sqrt(2.0)) - multigammaln(0.5 * freedom, d))
    return -0.5 * n * d * float(np.log(2.0 * np.pi)), float(prior)


def example(d: int = 10, k: int = 25, n: int = 1000, seed: int = 0) -> tuple:
    random = np.random.default_rng(seed)
    alphas, means = random.normal(size=k), random.uniform(size=(k, d))
    icf, x = random.normal(size=(k, d * (d + 1) // 2)), random.normal(size=(n, d))
    return alphas, means, icf, x, places_below(d), np.zeros((k, 1)), constant_terms(d, k, n)
