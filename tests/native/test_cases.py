"""Functions that nobody planned for, against finite differences of the plain compiled function, in every mode."""

from __future__ import annotations

import copy

import numpy as np
import pytest

import fastad as ad
from fastad.containers import flatten, pack, split, unflatten
from tests.native.cases import CASES

STENCIL = ((1, 4 / 5), (2, -1 / 5), (3, 4 / 105), (4, -1 / 280))  # central differences of order 8


def flat(tree):
    leaves = []
    structure = flatten(tree, leaves, numbers=True)
    return pack(leaves), structure


def differences(function, point):
    """The derivative of a function of flat numbers, to some eleven digits."""
    rows = []
    for k in range(point.size):
        h = 3e-4 * max(1.0, abs(point[k])) * np.eye(point.size)[k]
        rows.append(sum(w * (function(point + j * h) - function(point - j * h)) for j, w in STENCIL) / h[k])
    return np.array(rows)


@pytest.mark.parametrize(("function", "points"), CASES, ids=[function.__name__ for function, _ in CASES])
def test_derivatives_of_unplanned_functions(function, points):
    modes = [ad.value_and_grad(function, mode=mode) for mode in ("forward", "reverse")]
    for first, *rest in points:
        x, structure = flat(first)

        def plain(z, structure=structure, rest=rest):
            return function(unflatten(structure, split(z, structure)), *copy.deepcopy(rest))

        expected = differences(plain, x)
        for value_and_grad in modes:
            value, gradient = value_and_grad(first, *copy.deepcopy(rest))
            assert value == pytest.approx(plain(x), rel=1e-13, abs=1e-14)
            np.testing.assert_allclose(flat(gradient)[0], expected, rtol=2e-8, atol=2e-9)
