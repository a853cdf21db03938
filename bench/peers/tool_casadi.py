"""CasADi: one SX function of value and gradient for the scalar works, called through its buffers (no conversions)."""

from __future__ import annotations

import casadi as ca
import numpy as np

from bench.peers.tool import LeftOut, Prepared, under
from bench.peers.works import Work

NAME = "CasADi"


def rosenbrock(x):
    return ca.sumsqr(10.0 * (x[1:] - x[:-1] ** 2)) + ca.sumsqr(1.0 - x[:-1])


def mixture(x):
    return ca.sum1(ca.exp(-(x**2)) * ca.sin(x) + ca.log(1.0 + x**2) * ca.tanh(x))


def minors(names, x, n):
    return names["determinant"]([[x[n * i + j] for j in range(n)] for i in range(n)])


def symbolic(work: Work, x: ca.SX, arguments: tuple) -> ca.SX:
    """The objective of flat symbols."""
    names, (active, data) = under(work.module, ca), arguments
    if work.objective == "minors":
        return minors(names, x, active[0].shape[0])
    whole = {"rosenbrock": rosenbrock, "mixture": mixture}.get(work.objective)
    if whole:
        return whole(x)
    return names["objective"](ca.vertsplit(x) if work.objective == "lorenz" else x, *data)


def prepare(work: Work) -> Prepared:
    if NAME in work.left_out:
        raise LeftOut(work.left_out[NAME])
    if work.objective not in ("rosenbrock", "mixture", "minors", "lorenz", "mixed"):
        raise LeftOut("SX takes part in the scalar works only")
    arguments = work.arguments
    point = np.ascontiguousarray(arguments[0][0]).reshape(-1)
    x = ca.SX.sym("x", point.size)
    value = symbolic(work, x, arguments)
    return _buffered(ca.Function("f", [x], [value, ca.densify(ca.gradient(value, x))]), point)


def _buffered(function: ca.Function, point: np.ndarray) -> Prepared:
    buffer, call = function.buffer()
    value, gradient = np.empty(1), np.empty(point.size)
    buffer.set_arg(0, memoryview(point))
    buffer.set_res(0, memoryview(value))
    buffer.set_res(1, memoryview(gradient))

    def run():
        # The buffer keeps addresses only, so it and the arrays must outlive it.
        call()
        return buffer, function, point, value, gradient

    return Prepared(run, lambda result: (float(result[3][0]), result[4].copy()))
