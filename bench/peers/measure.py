"""Preparing, checking and timing one work: first calls, agreement of all tools, then best times by turns.

Nothing is timed before its value and gradient agree with JAX's (or, without JAX, with the first other tool's). Times
are taken by turns, a slice of calls of each tool a round, so that noise hits all alike; a tool's time is the mean of
its best batch of about a millisecond. A pause before each slice lets the helper threads of the tool before it fall
asleep: they spin for some milliseconds after parallel work, and would take a core from the next.
"""

from __future__ import annotations

import gc
import importlib
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

import numpy as np

from bench.peers.tool import LeftOut, Prepared
from bench.peers.works import Work

MODULES = ("numpy", "fastad", "jax", "torch", "autograd", "casadi", "hand")
NAMES = {"numpy": "NumPy", "jax": "JAX", "torch": "PyTorch", "casadi": "CasADi", "hand": "by hand"}
TOLERANCE = 1e-9
SLICE, BATCH, PAUSE = 0.04, 1e-3, 0.05  # seconds
ROUNDS, QUICK_ROUNDS = 12, 3
SLOW, FEW = 0.25, 2  # a call of so many seconds gets so few rounds


@dataclass
class Result:
    """Seconds of one work: a gradient (best) and the first call, by tool."""

    work: Work
    best: dict[str, float] = field(default_factory=dict)
    first: dict[str, float] = field(default_factory=dict)


def tools() -> list[ModuleType]:
    """The modules of the tools that are installed; the others get a printed line."""
    found = []
    for name in MODULES:
        try:
            found.append(importlib.import_module(f"bench.peers.tool_{name}"))
        except ImportError as error:
            print(f"{NAMES.get(name, name)} is left out: {error}", flush=True)
    return found


def prepare(work: Work, modules: list[ModuleType], result: Result) -> dict[str, Prepared]:
    """The tools that take part, each after its first call."""
    ready: dict[str, Prepared] = {}
    for module in modules:
        started = time.perf_counter()
        try:
            prepared = module.prepare(work)
            prepared.run()
        except LeftOut:
            continue
        except Exception as error:  # one tool's failure is a line of the report and not its end
            print(f"{work.title}: {module.NAME} failed: {type(error).__name__}: {str(error)[:300]}", flush=True)
            continue
        result.first[module.NAME] = time.perf_counter() - started
        ready[module.NAME] = prepared
    return ready


def check(work: Work, ready: dict[str, Prepared]) -> None:
    """Drop the tools whose value or gradient is not the truth's, with a printed line."""
    read = {name: prepared.read(prepared.run()) for name, prepared in ready.items()}
    truth = next((name for name in ("JAX", "PyTorch", "CasADi", "autograd") if name in read), None)
    if truth is None:
        print(f"{work.title}: no other tool to check against", flush=True)
        return
    for name, (value, gradient) in read.items():
        wrong = max(_error(value, read[truth][0]), _error(gradient, read[truth][1]) if gradient.size else 0.0)
        if not wrong <= TOLERANCE:
            print(f"{work.title}: {name} differs from {truth} by {wrong:.1e}: not timed", flush=True)
            del ready[name]


def _error(value: float | np.ndarray, truth: float | np.ndarray) -> float:
    """The largest difference, of the largest element."""
    return float(np.max(np.abs(np.subtract(value, truth))) / max(np.max(np.abs(truth)), 1e-300))


def time_by_turns(ready: dict[str, Prepared], rounds: int) -> dict[str, float]:
    """Seconds a call: for each tool the best batch of all its slices."""
    once = {name: _once(prepared.run) for name, prepared in ready.items()}
    best = dict.fromkeys(ready, float("inf"))
    for k in range(rounds):
        for name, prepared in ready.items():
            if once[name] < SLOW or k < FEW:
                time.sleep(PAUSE)
                best[name] = min(best[name], _slice(prepared.run, once[name]))
    return best


def _once(run: Callable[[], Any]) -> float:
    run()  # fastad's calls 2 and 4 are audited: they run the function itself, once
    return max(min(_batch(run, 1) for _ in range(1 if _batch(run, 1) > SLOW else 8)), 1e-7)


def _slice(run: Callable[[], Any], once: float) -> float:
    calls = max(1, int(BATCH / once))
    run()
    return min(_batch(run, calls) for _ in range(max(1, int(SLICE / (calls * once)))))


def _batch(run: Callable[[], Any], calls: int) -> float:
    started = time.perf_counter()
    for _ in range(calls):
        run()
    return (time.perf_counter() - started) / calls


def measure(work: Work, modules: list[ModuleType], rounds: int = ROUNDS) -> Result:
    """First calls, check, best times of one work."""
    result = Result(work)
    ready = prepare(work, modules, result)
    check(work, ready)
    result.best = time_by_turns(ready, rounds)
    gc.collect()
    return result
