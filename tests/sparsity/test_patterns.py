"""Patterns: they miss no nonzero, lists and bits agree, and where the structure is known they hold nothing else."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
import scipy.special
from scipy.sparse import csr_array

import fastad as ad
from fastad.kernels import layout as at
from fastad.sparsity.detection import hessian_rows, jacobian_rows
from tests.tape.randomly import INPUTS, random_point, random_program

draw = np.random.default_rng(5)
THREE_DIAGONALS = np.triu(np.tril(draw.normal(size=(8, 8)), 1), -1)
WIDE = draw.normal(size=(3, 8))


def brusselator(y: np.ndarray, n: int) -> np.ndarray:
    u, v = y.reshape(2, n, n)

    def spread(w):
        return np.roll(w, 1, 0) + np.roll(w, -1, 0) + np.roll(w, 1, 1) + np.roll(w, -1, 1) - 4 * w

    return np.concatenate(
        [(1 + u * u * v - 4.4 * u + 0.1 * spread(u)).ravel(), (3.4 * u - u * u * v + 0.1 * spread(v)).ravel()]
    )


def chained(x):
    total = 0.0
    for i in range(len(x) - 1):
        total = total + 100.0 * (x[i + 1] - x[i] ** 2) ** 2 + (1 - x[i]) ** 2
    return total


FUNCTIONS = {
    "chained": (chained, 8, (8, 22)),
    "stencil": (lambda y: brusselator(y, 3), 18, None),
    "sparse product": (lambda x: np.sin(THREE_DIAGONALS @ x) + x @ THREE_DIAGONALS, 8, None),
    "full product": (lambda x: np.tanh(WIDE @ x), 8, (24, 64)),
    "sums": (lambda x: np.array([np.sum(x[:3] ** 2), np.log(np.sum(x[3:] ** 2)), x[0] * x[7]]), 8, (10, 30)),
    "special": (lambda x: scipy.special.gammaln(1 + x**2)[::2] * x[1::2], 8, (8, 12)),
    "bilinear": (lambda x: (x[:4].reshape(2, 2) @ x[4:].reshape(2, 2)).ravel(), 8, (16, 16)),
    "choices": (lambda x: np.where(x > 0, x[::-1] ** 2, x), 8, None),
    "cumulative": (lambda x: np.cumsum(x**2), 8, (36, 8)),
    "largest": (lambda x: np.maximum(x[1:], x[:-1]) * np.max(x[:2]), 8, None),
    "solve": (lambda x: np.linalg.solve(np.eye(4) + np.outer(x[:4], x[:4]), x[4:]), 8, None),
    "linear": (lambda x: 3.0 * x[::-1] - np.roll(x, 2), 8, (16, 0)),
    "separable": (lambda x: np.sum(np.exp(x) * x), 8, (8, 8)),
    "constant": (lambda x: np.ones(3), 4, (0, 0)),
}


def dense(rows, shape) -> np.ndarray:
    indptr, indices = rows
    assert all((np.diff(row) > 0).all() for row in np.split(indices, indptr[1:-1]))
    return csr_array((np.ones(indices.size, bool), indices, indptr), shape=shape).toarray()


@pytest.mark.parametrize("name", FUNCTIONS)
def test_patterns_hold_every_nonzero(name):
    f, n, counts = FUNCTIONS[name]
    tape = ad.record(f, draw.normal(size=n))
    m = tape.outputs
    first = [dense(jacobian_rows(tape.program, by), (m, n)) for by in ("lists", "bits", "auto")]
    second = [dense(hessian_rows(tape.program, by), (n, n)) for by in ("lists", "bits", "auto")]
    for others in (first, second):
        assert np.array_equal(others[0], others[1]) and np.array_equal(others[0], others[2])
    jacobian, hessian = np.zeros((m, n), bool), np.zeros((n, n), bool)
    for _ in range(3):
        x = draw.normal(size=n)
        weights = draw.normal(size=np.shape(f(x)))
        jacobian |= np.reshape(ad.jacobian(f)(x), (m, n)) != 0
        hessian |= ad.hessian(lambda t, w=weights: np.sum(w * f(t)))(x) != 0
    assert (jacobian <= first[0]).all() and (hessian <= second[0]).all()
    if counts:
        assert (int(first[0].sum()), int(second[0].sum())) == counts


def test_patterns_of_random_programs():
    """Scalar and block streams, index tables, sums, products: against derivatives at random points."""
    missed = []
    for seed in range(60):
        program = random_program(seed)
        m = program.outputs.size
        shape = ("array", (m,))
        tape = ad.Tape(program, (tuple, (tuple, ("array", (INPUTS,))), (dict, ())), shape)
        first = [dense(jacobian_rows(program, by), (m, INPUTS)) for by in ("lists", "bits")]
        second = [dense(hessian_rows(program, by), (INPUTS, INPUTS)) for by in ("lists", "bits")]
        assert np.array_equal(*first) and np.array_equal(*second) and np.array_equal(second[0], second[0].T)
        x = random_point(seed)
        with tape.linearized(x, at.ADJOINTS, m) as point:
            rows = point.sweep(at.ADJOINTS, np.eye(m))
        products = tape.second.products(x, np.linspace(1.0, 2.0, m), np.eye(INPUTS))[0]
        missed += [seed for found, pattern in ((rows, first[0]), (products, second[0])) if (found != 0)[~pattern].any()]
    assert not missed


def test_products_contribute_their_cross_terms_alone():
    """x y has no xx and no yy; a sum of squares of pairs keeps to its pairs: partial separability."""
    pattern = ad.sparsity.hessian_pattern(lambda x: x[0] * x[1] + x[2] / x[3], np.ones(4)).toarray()
    np.testing.assert_array_equal(pattern, [[0, 1, 0, 0], [1, 0, 0, 0], [0, 0, 0, 1], [0, 0, 1, 1]])
    pairs = ad.sparsity.hessian_pattern(lambda x: np.sum((x[::2] - x[1::2]) ** 4), np.ones(6)).toarray()
    np.testing.assert_array_equal(pairs, np.kron(np.eye(3), np.ones((2, 2))))


def test_a_pattern_belongs_to_its_branch():
    def f(x):
        return x[0] * x[1] if x[0] > 0 else x[1] * x[2]

    transform, seen = ad.sparse_hessian(f), []
    for sign in (1.0, -1.0, 1.0):
        found = transform(np.array([sign, 2.0, 3.0]))
        seen.append(found.nnz)
        np.testing.assert_array_equal(found.toarray(), ad.hessian(f)(np.array([sign, 2.0, 3.0])))
    assert seen == [2, 2, 2]
    there, here = (ad.sparsity.hessian_pattern(f, np.array([sign, 2.0, 3.0])).toarray() for sign in (1.0, -1.0))
    assert there[0, 1] and not there[1, 2] and here[1, 2] and not here[0, 1]


def test_a_long_chain_costs_no_list_an_instruction():
    """Sums of sums of sums: one union a node, not n^2 / 2 numbers (800 MB); and the last depends on all."""

    def f(x):
        total = x[0]
        for i in range(1, x.size):
            total = total + np.sin(x[i])
        return np.array([total, x[0]])

    tape = ad.record(f, np.ones(20_000))
    tracemalloc.start()
    indptr, indices = jacobian_rows(tape.program, "lists")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 20e6
    assert indptr.tolist() == [0, 20_000, 20_001] and indices[-1] == 0
