"""Colourings and recovery: exact on random matrices, as few colours as the literature gives."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from scipy import sparse

import fastad as ad
from fastad.errors import SparsityError
from fastad.sparsity.coloring import ORDERS, as_pattern

EVERY_ORDER = (*ORDERS, "best")


def random_matrix(seed: int, symmetric: bool = False) -> np.ndarray:
    """Small integers, so that sums are exact; of any density, empty ones among them."""
    draw = np.random.default_rng(seed)
    m, n = draw.integers(0, 9, 2)
    shape = (n, n) if symmetric else (m, n)
    matrix = (draw.random(shape) < draw.random()) * draw.integers(1, 100, shape).astype(float)
    return np.triu(matrix) + np.triu(matrix, 1).T if symmetric else matrix


def grid(n: int) -> sparse.csr_array:
    """The five-point stencil on n x n points."""
    line = sparse.diags_array([np.ones(n - 1), np.ones(n), np.ones(n - 1)], offsets=[-1, 0, 1])
    return (sparse.kron(line, sparse.eye_array(n)) + sparse.kron(sparse.eye_array(n), line)).tocsr()


def band(n: int, half: int) -> sparse.csr_array:
    offsets = list(range(-half, half + 1))
    return sparse.diags_array([np.ones(n - abs(k)) for k in offsets], offsets=offsets).tocsr()


def arrow(n: int) -> np.ndarray:
    matrix = np.eye(n)
    matrix[0], matrix[:, 0] = 1.0, 1.0
    return matrix


@pytest.mark.parametrize("order", EVERY_ORDER)
@pytest.mark.parametrize("kind", ["columns", "rows"])
def test_recovery_of_matrices_is_exact(kind, order):
    color = ad.sparsity.color_columns if kind == "columns" else ad.sparsity.color_rows
    for seed in range(150):
        matrix = random_matrix(seed)
        coloring = color(matrix, order)
        sums = coloring.seeds() @ (matrix.T if kind == "columns" else matrix)
        data = ad.sparsity.Recovery(matrix, coloring).recover(sums)
        np.testing.assert_array_equal(as_pattern(matrix).matrix(data).toarray(), matrix)


@pytest.mark.parametrize("order", EVERY_ORDER)
@pytest.mark.parametrize("method", ["star", "acyclic"])
def test_recovery_of_symmetric_matrices_is_exact(method, order):
    for seed in range(150):
        matrix = random_matrix(seed, symmetric=True)
        coloring = ad.sparsity.color_symmetric(matrix, method, order)
        data = ad.sparsity.Recovery(matrix, coloring).recover(coloring.seeds() @ matrix)
        np.testing.assert_array_equal(as_pattern(matrix).matrix(data).toarray(), matrix)


def neighbours(matrix: np.ndarray) -> list[set[int]]:
    return [set(np.flatnonzero(row)) - {i} for i, row in enumerate(matrix)]


@pytest.mark.parametrize("order", ORDERS)
def test_colourings_are_what_their_names_say(order):
    """By the definitions: Gebremedhin, Manne & Pothen (2005), sections 3 and 4; every path of four, every cycle."""
    for seed in range(80):
        matrix = random_matrix(seed, symmetric=True)
        near = neighbours(matrix)
        colors = ad.sparsity.color_columns(matrix, order).colors
        for row in matrix != 0:
            assert np.unique(colors[row]).size == row.sum(), "two columns of a colour meet in a row"
        for method in ("star", "acyclic"):
            colors = ad.sparsity.color_symmetric(matrix, method, order).colors
            edges = [(a, b) for a in range(len(near)) for b in near[a] if a < b]
            assert all(colors[a] != colors[b] for a, b in edges)
            for one, two in itertools.combinations(range(int(colors.max(initial=-1)) + 1), 2):
                forest = [(a, b) for a, b in edges if {colors[a], colors[b]} == {one, two}]
                graph = sparse.csr_array((np.ones(len(forest)), tuple(np.array(forest).reshape(-1, 2).T)), matrix.shape)
                parts = sparse.csgraph.connected_components(graph, directed=False)[0]
                assert len(forest) == len(near) - parts, "a cycle of two colours"
                degree = np.bincount(np.array(forest, int).reshape(-1), minlength=len(near))
                if method == "star":
                    assert all(min(degree[a], degree[b]) == 1 for a, b in forest), "a path of four in two colours"


@pytest.mark.parametrize("half", [1, 2, 3, 5])
def test_colours_of_bands(half):
    """2 b + 1 columns meet; Coleman & More (1983)."""
    matrix = band(200, half)
    assert ad.sparsity.color_columns(matrix).count == 2 * half + 1
    assert ad.sparsity.color_symmetric(matrix, "star").count <= 2 * half + 1
    assert ad.sparsity.color_symmetric(matrix, "acyclic").count <= 2 * half


def test_colours_of_known_problems():
    """An arrow has a full row, yet two colours by symmetry; a tridiagonal matrix two by substitution; a grid few."""
    assert ad.sparsity.color_columns(arrow(50)).count == 50
    assert ad.sparsity.color_symmetric(arrow(50), "star").count == 2
    assert ad.sparsity.color_symmetric(band(50, 1), "acyclic").count == 2
    assert ad.sparsity.color_symmetric(band(50, 1), "star").count == 3
    assert 5 <= ad.sparsity.color_columns(grid(40)).count <= 7
    assert ad.sparsity.color_symmetric(grid(40), "star").count <= 6
    assert ad.sparsity.color_symmetric(grid(40), "acyclic").count <= 5
    full = as_pattern(sparse.kron(band(30, 1), band(30, 1)))  # nine points
    assert ad.sparsity.color_columns(full).count == ad.sparsity.color_symmetric(full, "star").count == 9
    assert ad.sparsity.color_columns(np.ones((4, 6))).count == 6
    assert ad.sparsity.color_columns(np.zeros((4, 6))).count <= 1


def test_patterns_in_every_format():
    matrix = np.array([[1.0, 0.0, 2.0], [0.0, 0.0, 3.0], [4.0, 5.0, 6.0]])
    for made in (
        sparse.csr_array,
        sparse.csc_matrix,
        sparse.coo_array,
        sparse.lil_array,
        sparse.dia_array,
        sparse.dok_array,
    ):
        np.testing.assert_array_equal(as_pattern(made(matrix)).matrix().toarray(), matrix != 0)


def test_any_order_may_be_given():
    order = np.random.default_rng(0).permutation(40)
    coloring = ad.sparsity.color_columns(band(40, 1), order)
    assert 3 <= coloring.count <= 5
    for bad in ([0, 1], np.zeros(40, int), "sideways", 7):
        with pytest.raises(SparsityError, match="order="):
            ad.sparsity.color_columns(band(40, 1), bad)


def test_what_does_not_fit_is_refused():
    with pytest.raises(SparsityError, match="symmetric"):
        ad.sparsity.color_symmetric(np.eye(3, k=1))
    with pytest.raises(SparsityError):
        ad.sparsity.color_symmetric(np.ones((2, 3)))
    with pytest.raises(SparsityError, match=r"method|star"):
        ad.sparsity.color_symmetric(np.eye(3), "stars")
    with pytest.raises(SparsityError):
        ad.sparsity.color_columns("a pattern")
    coloring = ad.sparsity.color_columns(np.eye(3))
    with pytest.raises(SparsityError, match="does not fit"):
        ad.sparsity.Recovery(np.eye(4), coloring)
    with pytest.raises(SparsityError):
        ad.sparsity.Recovery(np.ones((3, 3)), coloring)
    with pytest.raises(SparsityError, match="is needed"):
        ad.sparsity.Recovery(np.eye(3), coloring).recover(np.ones(7))
