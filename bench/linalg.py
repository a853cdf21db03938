"""Value and gradient of linear algebra beside NumPy's own value, as Markdown: `python -m bench.linalg`.

Theory of operation. Every row is one function of plain NumPy and SciPy; its ratio is the time of `ad.value_and_grad`
over that of the function itself. The likelihoods are those of a Gaussian process with a squared exponential kernel.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.linalg

import fastad as ad
from bench.measure import best_seconds, machine, table

COLUMNS = ("function", "n", "value, ms", "value and gradient, ms", "ratio", "target", "instructions")


class Process:
    """The data of a Gaussian process, and its negative log likelihood in the ways in which people write it."""

    def __init__(self, n: int) -> None:
        rng = np.random.default_rng(0)
        self.x = rng.normal(size=(n, 3))
        self.y = np.sin(self.x.sum(axis=1)) + 0.1 * rng.normal(size=n)
        self.distances = np.sum((self.x[:, None] - self.x[None]) ** 2, axis=-1)

    def kernel(self, t: np.ndarray) -> np.ndarray:
        scaled = np.exp(-0.5 * self.distances / np.exp(2 * t[1]))
        return np.exp(2 * t[0]) * scaled + np.exp(2 * t[2]) * np.eye(len(self.y))

    def by_solve(self, t: np.ndarray) -> float:
        factor = np.linalg.cholesky(self.kernel(t))
        alpha = np.linalg.solve(factor.T, np.linalg.solve(factor, self.y))
        return 0.5 * self.y @ alpha + np.sum(np.log(np.diag(factor)))

    def by_cho_solve(self, t: np.ndarray) -> float:
        factor = np.linalg.cholesky(self.kernel(t))
        alpha = scipy.linalg.cho_solve((factor, True), self.y)
        return 0.5 * self.y @ alpha + np.sum(np.log(np.diag(factor)))

    def by_cho_factor(self, t: np.ndarray) -> float:
        factor = scipy.linalg.cho_factor(self.kernel(t))
        return 0.5 * self.y @ scipy.linalg.cho_solve(factor, self.y) + np.sum(np.log(np.diag(factor[0])))

    def by_slogdet(self, t: np.ndarray) -> float:
        kernel = self.kernel(t)
        return 0.5 * self.y @ np.linalg.solve(kernel, self.y) + 0.5 * np.linalg.slogdet(kernel)[1]


def works(n: int) -> list[tuple[str, Callable[..., Any], np.ndarray]]:
    """(name, function, point)."""
    process, t = Process(n), np.array([0.1, 0.2, -1.0])
    matrix = 30 * np.eye(n) + np.random.default_rng(1).normal(size=(n, n))
    return [
        ("likelihood, cholesky and solve", process.by_solve, t),
        ("likelihood, cholesky and cho_solve", process.by_cho_solve, t),
        ("likelihood, cho_factor and cho_solve", process.by_cho_factor, t),
        ("likelihood, solve and slogdet", process.by_slogdet, t),
        ("solve", lambda a: np.sum(np.linalg.solve(a, process.y)), matrix),
        ("slogdet", lambda a: np.linalg.slogdet(a)[1], matrix),
        ("inv", lambda a: np.sum(np.linalg.inv(a) ** 2), matrix),
    ]


def row(name: str, f: Callable[..., Any], x: np.ndarray, n: int) -> tuple[str, ...]:
    both = ad.value_and_grad(f)
    value, total = best_seconds(lambda: f(x)), best_seconds(lambda: both(x))
    segments = len(ad.record(f, x).program.segments)
    return name, str(n), f"{1e3 * value:.2f}", f"{1e3 * total:.2f}", f"{total / value:.2f}", "4", str(segments)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=[100, 500])
    options = parser.parse_args()
    print(machine(), end="\n\n")
    table("Linear algebra", COLUMNS, [row(*work, n) for n in options.sizes for work in works(n)])


if __name__ == "__main__":
    main()
