"""The program that measures the engine runs, on short tapes, so that it cannot rot; its figures are not looked at."""

from __future__ import annotations

import numpy as np

import fastad as ad
from bench import engine


def test_sweeps_memory_and_recording_are_measured(monkeypatch):
    monkeypatch.setattr(engine, "best_seconds", lambda call, *rest, **options: call() is None or 1e-6)
    tape = ad.record(engine.lorenz, engine.LORENZ_START, 5)
    rows = engine.scalar_stream(tape, 1e-10) + engine.many_directions(tape, 1e-10) + engine.memory(5)
    assert len(rows) > 12 and all(len(row) == len(engine.COLUMNS) for row in rows)


def test_the_functions_that_are_measured():
    x = np.linspace(0.1, 1.0, 20)
    ad.testing.check_derivatives(engine.waves, x)
    assert ad.grad(lambda y: engine.array_chain(y, 2))(x).shape == (20,)
