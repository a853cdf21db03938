"""The program that measures compiled functions: its codes are differentiated right, and it runs; figures are not looked at."""

from __future__ import annotations

import numpy as np
import pytest

import fastad as ad
from bench.native import __main__ as program
from bench.native import codes


@pytest.mark.parametrize("name", codes.CODES)
def test_the_codes_are_differentiated_right(name):
    function, x = codes.CODES[name][-1], codes.POINTS[name]
    forward, reverse = (ad.grad(function, mode=mode)(x) for mode in ("forward", "reverse"))
    np.testing.assert_allclose(forward, reverse, rtol=1e-9, atol=1e-10 * np.abs(reverse).max())
    v = np.random.default_rng(0).normal(size=x.size)
    h = 1e-6
    slope = (8 * (function(x + h * v) - function(x - h * v)) - (function(x + 2 * h * v) - function(x - 2 * h * v))) / (
        12 * h
    )
    assert reverse @ v == pytest.approx(slope, rel=1e-6)


def test_the_program_runs(monkeypatch):
    monkeypatch.setattr(program, "best_seconds", lambda call, *rest: call() is None or 1e-6)
    monkeypatch.setattr(program, "of_jax", lambda *_: ("", "", "", float("nan")))
    assert program.table_of_codes(0.01).count("\n") == 1 + len(codes.CODES)
    assert "13" in program.table_of_figures()


def test_lines_that_a_rewriting_changes():
    def old(x):
        return x[0] * 2.0

    def new(x):
        """With another text."""
        y = x[0]
        return y * 2.0

    assert program.lines_changed([old], [old]) == (0, 2)
    assert program.lines_changed([old], [new]) == (2, 2)
