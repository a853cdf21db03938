"""Gradients written by hand in Numba, on one core: the limit. They use fastad's vectorised functions if it has them.

Value and gradient come from one pass over the data. The mixture's terms are summed block by block in a loop of their
own, because a running sum keeps the loop around it from being vectorised.
"""

from __future__ import annotations

import importlib
import importlib.util
import math

import numpy as np
from numba import njit

from bench.peers.tool import LeftOut, Prepared, read_pair
from bench.peers.works import Work

NAME = "by hand"
BLOCK = 512


def _functions() -> tuple:
    """exp, sin, cos, log, tanh: fastad's own for arrays, else the C library's."""
    names = ("exp", "sin", "cos", "log", "tanh")
    if importlib.util.find_spec("fastad.kernels.vector_math") is None:
        return tuple(getattr(math, name) for name in names)
    fast = importlib.import_module("fastad.kernels.vector_math")
    return tuple(getattr(fast, f"fast_{name}", getattr(math, name)) for name in names)


exp, sin, cos, log, tanh = _functions()


@njit(error_model="numpy", fastmath={"contract"})
def rosenbrock(x, gradient):
    total, n = 0.0, x.size
    gradient[0] = 0.0
    for i in range(n - 1):
        step, miss = x[i + 1] - x[i] * x[i], 1.0 - x[i]
        total += 100.0 * step * step + miss * miss
        gradient[i] += -400.0 * x[i] * step - 2.0 * miss
        gradient[i + 1] = 200.0 * step
    return total


@njit(error_model="numpy", fastmath={"contract"})
def mixture(x, gradient):
    total, n, terms = 0.0, x.size, np.empty(BLOCK)
    for start in range(0, n, BLOCK):
        size = min(BLOCK, n - start)
        for j in range(size):
            a = x[start + j]
            e, s, c, t, u = exp(-a * a), sin(a), cos(a), tanh(a), 1.0 + a * a
            logarithm = log(u)
            terms[j] = e * s + logarithm * t
            gradient[start + j] = e * (c - 2.0 * a * s) + 2.0 * a / u * t + logarithm * (1.0 - t * t)
        total += _sum(terms[:size])
    return total


@njit(error_model="numpy", fastmath={"contract", "reassoc"})
def _sum(terms):
    total = 0.0
    for term in terms:
        total += term
    return total


KERNELS = {"rosenbrock": rosenbrock, "mixture": mixture}


def prepare(work: Work) -> Prepared:
    if work.objective not in KERNELS:
        raise LeftOut("no gradient by hand")
    (x,), kernel = work.arguments[0], KERNELS[work.objective]
    gradient = np.empty_like(x)
    return Prepared(lambda: (kernel(x, gradient), gradient), read_pair)
