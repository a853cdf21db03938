"""Every row of the table, recorded from compiled code: partials at its points and edges."""

from __future__ import annotations

import numpy as np
import pytest
from numba import njit
from numba.np.ufunc_db import get_ufuncs

import fastad as ad
from fastad.native.elementals import elementwise_functions
from fastad.ops import OPS

SUPPORTED = set(get_ufuncs())
ROWS = [op for op in OPS if op.arity <= 2 and not op.boolean and any(f in SUPPORTED for f in elementwise_functions(op))]


def choosing(rows):
    """A compiled function of the row's number and two operands."""
    lines, scope = ["def f(k, a, b):", "    r = a * 0.0"], {}
    for k, op in enumerate(rows):
        scope[f"f{k}"] = next(f for f in elementwise_functions(op) if f in SUPPORTED)
        lines += [f"    if k == {k}:", f"        r = f{k}({', '.join('ab'[: op.arity])})"]
    exec("\n".join([*lines, "    return r"]), scope)
    return njit(error_model="numpy")(scope["f"]), scope["f"]


COMPILED, PYTHON = choosing(ROWS)
NATIVE, RECORDED = ad.value_and_grad(COMPILED, (1, 2)), ad.value_and_grad(PYTHON, (1, 2))


@pytest.mark.parametrize("k", range(len(ROWS)), ids=[op.name for op in ROWS])
def test_partials_are_those_of_the_table(k):
    op = ROWS[k]
    for point in op.points:
        a, b = (*point, 1.0)[:2]
        value, gradient = NATIVE(k, a, b)
        expected, wanted = RECORDED(k, a, b)
        np.testing.assert_allclose(value, expected, rtol=1e-15, atol=0)
        np.testing.assert_allclose(gradient, wanted, rtol=2e-15, atol=0)
    for point, partials in op.edges:
        a, b = (*point, 1.0)[:2]
        np.testing.assert_allclose(NATIVE(k, a, b)[1][: op.arity], partials, rtol=1e-15, atol=0)
