"""Gradients of tapes inside `@njit`, beside gradients written by hand, as Markdown: `python -m bench.compiled`.

Theory of operation. Both run in the same compiled loop, whose point changes from call to call and whose results are
added up, so that no call can be left out. Results are compared first.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np
from numba import njit

import fastad as ad
from bench.measure import best_seconds, machine, table

COLUMNS = ("function", "n", "by hand, ns", "tape, ns", "ratio", "target, ns")
CALLS = 1_000_000


def small(x: np.ndarray) -> Any:
    """Five operations."""
    return np.sin(x[0]) * x[1] + x[0] / x[1] - x[1]


@njit(error_model="numpy")
def small_by_hand(x, gradient):
    s, q = np.sin(x[0]), x[0] / x[1]
    gradient[0] = np.cos(x[0]) * x[1] + 1.0 / x[1]
    gradient[1] = s - q / x[1] - 1.0
    return s * x[1] + q - x[1]


def rosenbrock(x: np.ndarray) -> Any:
    return np.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1.0 - x[:-1]) ** 2)


@njit(error_model="numpy")
def rosenbrock_by_hand(x, gradient):
    value = 0.0
    gradient[:] = 0.0
    for i in range(x.size - 1):
        a, b = x[i + 1] - x[i] * x[i], 1.0 - x[i]
        value += 100.0 * a * a + b * b
        gradient[i] += -400.0 * a * x[i] - 2.0 * b
        gradient[i + 1] += 200.0 * a
    return value


@njit
def hand_loop(f, x, gradient, calls):
    total = 0.0
    for _ in range(calls):
        x[0] += 1e-9
        total += f(x, gradient) + gradient[0]
    return total


@njit
def tape_loop(vg, x, gradient, calls):
    total = 0.0
    for _ in range(calls):
        x[0] += 1e-9
        total += vg.into(x, gradient) + gradient[0]
    return total


def row(name: str, f: Callable[..., Any], by_hand: Any, x: np.ndarray, calls: int, target: str) -> tuple[str, ...]:
    vg = ad.record(f, x).njit_value_and_grad()
    ours, theirs = np.empty(x.size), np.empty(x.size)
    assert np.isclose(vg.into(x, ours), by_hand(x, theirs), rtol=1e-13)
    np.testing.assert_allclose(ours, theirs, rtol=1e-12)
    hand = best_seconds(lambda: hand_loop(by_hand, x.copy(), theirs, calls), 1.0) / calls * 1e9
    tape = best_seconds(lambda: tape_loop(vg, x.copy(), ours, calls), 1.0) / calls * 1e9
    return name, str(x.size), f"{hand:.0f}", f"{tape:.0f}", f"{tape / hand:.1f}", target


def new_tape_ms() -> float:
    """Milliseconds of a first compiled call with a new tape, recording included."""
    x, gradient = np.ones(2), np.empty(2)
    started = time.perf_counter()
    tape_loop(ad.record(small, x).njit_value_and_grad(), x, gradient, 1)
    return 1e3 * (time.perf_counter() - started)


def main() -> None:
    print(machine(), end="\n\n")
    rows = [
        row("five operations", small, small_by_hand, np.array([0.3, 0.7]), CALLS, "150"),
        row("Rosenbrock", rosenbrock, rosenbrock_by_hand, np.linspace(0.5, 1.5, 10), CALLS // 10, ""),
        row("Rosenbrock", rosenbrock, rosenbrock_by_hand, np.linspace(0.5, 1.5, 1000), CALLS // 100, ""),
    ]
    table("Value and gradient inside `@njit`", COLUMNS, rows)
    print(f"A new tape, recorded and called from a function that is compiled already: {new_tape_ms():.1f} ms.")


if __name__ == "__main__":
    main()
