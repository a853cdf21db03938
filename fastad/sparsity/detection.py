"""Patterns of Jacobians and Hessians, from the dependency graph of a tape.

Theory of operation. Inputs are propagated as lists of numbers or as bits (`kernels/patterns.py`). A sweep of bits
costs a few nanoseconds a node for each 64 inputs; lists cost some tens of nanoseconds a node and what is in them. So
bits are taken where inputs are few, lists where they are many, and bits again, some hundred inputs at a time, where
the lists turn out to be long: where much depends on much. For a Hessian, lists say which pairs of sets interact in a
nonlinear instruction; bits go backwards as well, with the inputs on which each adjoint depends.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from fastad import kernels
from fastad.errors import SparsityError
from fastad.kernels.patterns import FRESH, MEMORY, PAIRS, SMALL, WRITTEN
from fastad.program import Program
from fastad.sparsity.dependency import SECOND, DependencyGraph

FEW = 512  # inputs whose bits travel together
BUDGET = 1 << 26  # numbers in lists, beyond which bits take over
LARGEST = 1 << 28  # entries of a pattern

Rows = tuple[np.ndarray, np.ndarray]  # indptr (rows + 1,) int64, indices (entries,) int32, in order


class _TooLong(Exception):
    """The lists take more memory than they may."""


def jacobian_rows(program: Program, by: str = "auto") -> Rows:
    """The entries of each row of the Jacobian that may differ from zero.

    Parameters
    ----------
    program : Program
        With m outputs and p active inputs, which are the columns.
    by : "auto", "lists" or "bits"

    Returns
    -------
    indptr, indices : ndarray of int64, shape (m + 1,), and of int32, shape (entries,)
    """
    return _rows(DependencyGraph(program), _Lists.jacobian, _jacobian_by_bits, by)


def hessian_rows(program: Program, by: str = "auto") -> Rows:
    """The entries of each row of the Hessian of the sum of the outputs that may differ from zero.

    Parameters and result as of `jacobian_rows`, with p rows.
    """
    return _rows(DependencyGraph(program), _Lists.hessian, _hessian_by_bits, by)


def _rows(graph: DependencyGraph, by_lists: Any, by_bits: Any, by: str) -> Rows:
    if by == "bits" or (by == "auto" and graph.inputs <= FEW):
        return by_bits(graph)
    try:
        return by_lists(_Lists(graph, second=by_lists is _Lists.hessian))
    except _TooLong:
        return by_bits(graph)


# --- lists --------------------------------------------------------------------------------------------
class _Lists:
    """Sets of inputs as lists of numbers."""

    def __init__(self, graph: DependencyGraph, second: bool) -> None:
        p, count = graph.inputs, graph.left.size
        capacity = 1 + p + count
        self.graph = graph
        self.sets = np.zeros(capacity, np.int32)
        self.sets[: p + 1] = np.arange(p + 1)
        self.kinds = np.full(capacity, FRESH, np.uint8)
        self.kinds[: p + 1] = WRITTEN
        self.first, self.second = np.zeros(capacity, np.int32), np.zeros(capacity, np.int32)
        self.first[1 : p + 1], self.second[1 : p + 1] = np.arange(p), 1
        self.pool = np.empty(max(8 * p, 4 * count) + 8 * p + 8 * SMALL, np.int32)
        self.pool[:p] = np.arange(p)
        self.state = np.array([p + 1, p, 0, 0], np.int64)
        self.stamps, self.stack = np.zeros(p, np.int32), np.empty(capacity + 1, np.int32)
        self.pairs = np.empty(2 * _count_pairs(graph) if second else 0, np.int32)
        self.seen = np.full(1 << max(8, int(self.pairs.size).bit_length()) if second else 0, -1, np.int32)
        self._unite()

    def _unite(self) -> None:
        g, memory, at = self.graph, np.full(3 * MEMORY, -1, np.int64), 0
        while True:
            at = kernels.unite(
                at, g.inputs, g.left, g.right, g.flags, g.useful, self.sets, self.kinds, self.first, self.second,
                self.pool, self.state, self.stamps, self.stack, memory, self.pairs, self.seen,
            )  # fmt: skip
            if at == g.left.size:
                return
            self._grow()

    def _grow(self) -> None:
        if self.pool.size > max(BUDGET, 32 * self.graph.inputs):
            raise _TooLong
        self.pool = np.concatenate([self.pool, np.empty(self.pool.size, np.int32)])

    def jacobian(self) -> Rows:
        g, at = self.graph, 0
        wanted = self.sets[g.outputs]
        while at < wanted.size:
            at = kernels.write_sets(
                at, g.inputs, wanted, self.kinds, self.first, self.second, self.pool, self.state, self.stamps,
                self.stack,
            )  # fmt: skip
            if at < wanted.size:
                self._grow()
        lengths = self.second[wanted].astype(np.int64)
        indptr = _starts(lengths)
        places = np.repeat(self.first[wanted] - indptr[:-1], lengths) + np.arange(indptr[-1])
        return indptr, self.pool[places]

    def hessian(self) -> Rows:
        p, pairs = self.graph.inputs, self.pairs[: 2 * self.state[PAIRS]]
        heads = np.zeros(p + 1, np.int64)
        nothing = np.empty(0, np.int32)
        kernels.partners_of_rows(False, pairs, self.first, self.second, self.pool, heads, nothing)
        heads = np.cumsum(heads)
        if max(heads[-1], self._meetings(pairs)) > max(BUDGET / 4, p * self.graph.left.size / 32):
            raise _TooLong
        partners = np.empty(heads[-1], np.int32)
        kernels.partners_of_rows(True, pairs, self.first, self.second, self.pool, heads[:-1].copy(), partners)
        indptr = np.zeros(p + 1, np.int64)
        for fills in (False, True):
            stamps = np.full(p, -1, np.int32)
            indices = np.empty(indptr[-1] if fills else 0, np.int32)
            kernels.rows_of_pairs(fills, self.first, self.second, self.pool, stamps, heads, partners, indptr, indices)
            if not fills:
                indptr = np.cumsum(indptr)
                _require_sparse(int(indptr[-1]))
        return indptr, indices

    def _meetings(self, pairs: np.ndarray) -> float:
        """How many pairs of inputs meet, one that meets in several instructions as often."""
        sizes = self.second[pairs].astype(np.float64)
        return float(sizes[::2] @ sizes[1::2])


def _count_pairs(graph: DependencyGraph) -> int:
    """How many second partials are not zero."""
    bits = np.unpackbits(graph.flags & np.uint8(SECOND))
    return int(bits.sum())


def _starts(lengths: np.ndarray) -> np.ndarray:
    _require_sparse(int(lengths.sum()))
    return np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)


def _require_sparse(entries: int) -> None:
    if entries > LARGEST:
        raise SparsityError(
            f"the pattern has {entries} entries: the matrix is too full for a sparse one; use products with directions "
            "(ad.hvp, ad.jvp, ad.vjp) instead"
        )


# --- bits ---------------------------------------------------------------------------------------------
def _jacobian_by_bits(graph: DependencyGraph) -> Rows:
    return _by_bits(graph, graph.outputs, second=False)


def _hessian_by_bits(graph: DependencyGraph) -> Rows:
    return _by_bits(graph, np.arange(1, graph.inputs + 1, dtype=np.int32), second=True)


def _by_bits(graph: DependencyGraph, nodes: np.ndarray, second: bool) -> Rows:
    """The bits of some nodes, some columns after others, as rows in order."""
    words = max(1, min(FEW // 64, -(-graph.inputs // 64)))
    bits = np.zeros((1 + graph.inputs + graph.left.size) * words, np.uint64)
    bends = np.zeros(bits.size if second else 0, np.uint64)
    parts, total = [], 0
    for low in range(0, graph.inputs, 64 * words):
        _sweep(graph, words, low, bits, bends)
        counts = np.empty(nodes.size, np.int64)
        source, none = bends if second else bits, np.empty(0, np.int32)
        found = np.empty(kernels.read_bits(words, nodes, source, low, counts, none), np.int32)
        kernels.read_bits(words, nodes, source, low, counts, found)
        parts.append((counts, found))
        total += found.size
        _require_sparse(total)
    return _beside(parts, nodes.size)


def _sweep(graph: DependencyGraph, words: int, low: int, bits: np.ndarray, bends: np.ndarray) -> None:
    p = graph.inputs
    bits[: (p + 1) * words] = 0
    columns = np.arange(low, min(low + 64 * words, p))
    bits[(columns + 1) * words + (columns - low) // 64] = np.uint64(1) << ((columns - low) % 64).astype(np.uint64)
    kernels.spread_bits(p, words, graph.left, graph.right, graph.flags, bits)
    if bends.size:
        bends[:] = 0
        kernels.bend_bits(p, words, graph.left, graph.right, graph.flags, graph.useful, bits, bends)


def _beside(parts: list[tuple[np.ndarray, np.ndarray]], rows: int) -> Rows:
    """Rows of which each part holds the next columns."""
    if not parts:
        return np.zeros(rows + 1, np.int64), np.empty(0, np.int32)
    indptr = _starts(np.sum([counts for counts, _ in parts], axis=0))
    indices, at = np.empty(indptr[-1], np.int32), indptr[:-1].copy()
    for counts, found in parts:
        starts = np.cumsum(counts) - counts
        indices[np.repeat(at - starts, counts) + np.arange(found.size)] = found
        at += counts
    return indptr, indices
