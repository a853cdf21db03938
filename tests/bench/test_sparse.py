"""The program that measures sparse derivatives runs, at small sizes; it checks its results, its figures are not looked at."""

from __future__ import annotations

import pytest

import fastad as ad
from bench import sparse


@pytest.mark.parametrize("section", ["products", "sparse_matrices", "colors", "series"])
def test_sections_run(monkeypatch, section):
    monkeypatch.setattr(sparse, "best_seconds", lambda call, *rest, **options: call() is None or 1e-6)
    rows = getattr(sparse, section)(quick=True)
    assert len(rows) >= 3 and len({len(row) for row in rows}) == 1


def test_dense_hessians_run(monkeypatch):
    monkeypatch.setattr(sparse, "best_seconds", lambda call, *rest, **options: call() is None or 1e-6)
    assert len(sparse.dense()) == 4


def test_the_functions_that_are_measured():
    for f, n in ((sparse.loop, 5), (sparse.mixed, 6), (sparse.molecule, 6), (lambda y: sparse.brusselator(y, 3), 18)):
        ad.testing.check_derivatives(f, sparse.point(n) + 1.0 if f is not sparse.molecule else sparse.point(n))
