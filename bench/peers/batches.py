"""Several points, or several seeds, in one call of fastad beside as many single calls.

Seeds are lanes of a tape's sweeps (`tape.tangent` and `tape.adjoint` take several); points are lanes of `ad.vmap`,
where the installed version has it. Both share what a single call pays each time: dispatch, and reading the tape.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

import fastad as ad
from bench.objectives import lorenz, minors, mixture, rosenbrock
from bench.peers.measure import time_by_turns
from bench.peers.table import markdown, verdict
from bench.peers.tool import Prepared

BAR, POINTS, SEEDS = 0.35, 64, 8
Pair = tuple[Callable[[], object], Callable[[], object]]  # at once, one by one


def seeds_at_once(function: Callable, x: np.ndarray) -> Pair:
    """Tangents of eight seeds."""
    tape, seeds = ad.record(function, x), np.random.default_rng(0).normal(size=(SEEDS, x.size))
    return lambda: tape.tangent(x, seeds=seeds), lambda: np.array([tape.tangent(x, seeds=seed) for seed in seeds])


def weights_at_once(function: Callable, x: np.ndarray) -> Pair:
    """Adjoints of eight weights."""
    tape = ad.record(function, x)
    weights = np.random.default_rng(0).normal(size=(SEEDS, tape.outputs))
    return lambda: tape.adjoint(x, weights=weights), lambda: np.array([tape.adjoint(x, weights=w) for w in weights])


def points_at_once(function: Callable, x: np.ndarray) -> Pair:
    """Gradients at 64 points."""
    points = x + 0.01 * np.random.default_rng(0).normal(size=(POINTS, *x.shape))
    one, many = ad.grad(function), ad.vmap(ad.grad(function))
    return lambda: many(points), lambda: np.array([one(point) for point in points])


def eight_outputs(x):
    """Sums of eight slices of an element-wise array."""
    y = np.exp(-(x**2)) * np.sin(x)
    return np.sum(y.reshape(8, -1), axis=1)


def cases() -> list[tuple[str, Callable[[], Pair]]]:
    small, wide = rosenbrock.example(10)[0], mixture.example(1000)[0]
    start, square = lorenz.example(1000)[0], minors.example()[0]

    def path(p):
        return lorenz.objective(p, 1000)

    return [
        ("8 seeds, Lorenz, 10^3 steps", lambda: seeds_at_once(path, start)),
        ("8 seeds, mixture, n = 10^3", lambda: seeds_at_once(mixture.objective, wide)),
        ("8 weights, 8 sums, n = 10^3", lambda: weights_at_once(eight_outputs, wide)),
        ("64 points, Rosenbrock, n = 10", lambda: points_at_once(rosenbrock.objective, small)),
        ("64 points, mixture, n = 10^3", lambda: points_at_once(mixture.objective, wide)),
        ("64 points, determinant by minors", lambda: points_at_once(minors.objective, square)),
        ("64 points, Lorenz, 10^3 steps", lambda: points_at_once(path, start)),
    ]


def measure(title: str, pair: Pair, rounds: int) -> tuple[str, ...]:
    """One row, after both ways have given the same result."""
    at_once, singly = pair
    if not np.allclose(at_once(), singly(), rtol=1e-9):
        return title, "", "", "the results differ: not timed"
    ready = {"at once": Prepared(at_once, _unread), "one by one": Prepared(singly, _unread)}
    best = time_by_turns(ready, rounds)
    cells = [f"{1e6 * best[name]:,.1f}" for name in ready]
    return title, *cells, verdict(best["at once"] / best["one by one"], BAR)


def _unread(result: object) -> tuple[float, np.ndarray]:
    return 0.0, np.asarray(result)


def report(rounds: int) -> str:
    """The table of all cases."""
    rows = []
    for title, build in cases():
        if title.startswith(str(POINTS)) and not hasattr(ad, "vmap"):
            rows.append((title, "", "", "no `ad.vmap` in this version"))
        else:
            rows.append(measure(title, build(), rounds))
    return markdown(("work", "at once, us", "one by one, us", "ratio"), rows)
