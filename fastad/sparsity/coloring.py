"""Colourings: which columns, rows or variables may share one direction, so that a few directions show all entries.

Theory of operation. Columns that meet in no row can be added up and told apart again (Curtis, Powell & Reid). In a
symmetric matrix each entry stands twice, so less will do: a star colouring shows one of the two directly, an acyclic
one after what is known has been subtracted. Colours are given greedily, vertex by vertex; how many there are depends
on the order.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from fastad import kernels
from fastad.errors import SparsityError

if TYPE_CHECKING:
    from scipy import sparse

COLUMNS, ROWS, STAR, ACYCLIC = "columns", "rows", "star", "acyclic"
ORDERS = ("natural", "largest-first", "smallest-last")
MEETINGS = 1 << 26  # pairs of columns that meet, up to which their graph is made for an order

Order = str | np.ndarray
Colored = Callable[[np.ndarray], tuple[np.ndarray, int]]  # order -> colours, and how many


@dataclass(frozen=True, eq=False)
class Pattern:
    """Where entries of a matrix may differ from zero, by rows.

    Attributes
    ----------
    indptr : ndarray of int64, shape (rows + 1,)
    indices : ndarray of int32, shape (entries,)
        The columns of each row's entries, in order.
    shape : (rows, columns)
    """

    indptr: np.ndarray
    indices: np.ndarray
    shape: tuple[int, int]

    @property
    def entries(self) -> int:
        return self.indices.size

    @cached_property
    def rows(self) -> np.ndarray:
        """The row of each entry; int32, shape (entries,)."""
        return np.repeat(np.arange(self.shape[0], dtype=np.int32), np.diff(self.indptr))

    @cached_property
    def transposed(self) -> Pattern:
        return Pattern(*_transposed(self), (self.shape[1], self.shape[0]))

    def matrix(self, data: np.ndarray | None = None) -> sparse.csr_array:
        """The pattern with values (entries,), or with True everywhere."""
        values = np.ones(self.entries, bool) if data is None else data
        from scipy import sparse

        made = sparse.csr_array((values, self.indices, self.starts), shape=self.shape)
        made.has_sorted_indices = made.has_canonical_format = True
        return made

    @cached_property
    def starts(self) -> np.ndarray:
        """`indptr` as SciPy keeps it: of int32 if the entries can be counted so."""
        return self.indptr if self.entries > np.iinfo(np.int32).max else self.indptr.astype(np.int32)


def _transposed(pattern: Pattern) -> tuple[np.ndarray, np.ndarray]:
    order = np.argsort(pattern.indices, kind="stable")
    counts = np.bincount(pattern.indices, minlength=pattern.shape[1])
    return np.concatenate([[0], np.cumsum(counts)]).astype(np.int64), pattern.rows[order]


def as_pattern(given: Any) -> Pattern:
    """A pattern from a `Pattern`, a sparse matrix or an array: its nonzeros, and the stored zeros of a sparse one."""
    if isinstance(given, Pattern):
        return given
    from scipy import sparse

    if not sparse.issparse(given):
        try:
            array = np.asarray(given)
        except ValueError:
            array = np.asarray(None)
        if array.ndim != 2 or array.dtype.kind not in "biuf":
            raise SparsityError(f"a pattern is a sparse matrix or an array with two axes, not {given!r:.80}")
        given = sparse.csr_array(array != 0)
    if given.ndim != 2:
        raise SparsityError(f"a pattern has two axes, not {given.ndim}")
    entries = given.tocoo()
    made = sparse.csr_array((np.ones(entries.nnz, bool), (entries.row, entries.col)), shape=given.shape)
    made.sum_duplicates()
    return Pattern(
        made.indptr.astype(np.int64), made.indices.astype(np.int32), (int(given.shape[0]), int(given.shape[1]))
    )


@dataclass(frozen=True, eq=False)
class Coloring:
    """Which vertices share a direction.

    Attributes
    ----------
    kind : "columns", "rows", "star" or "acyclic"
    colors : ndarray of int32, shape (vertices,)
        From 0 on; -1 for an empty column or row, which needs no direction.
    count : int
        The number of colours.
    """

    kind: str
    colors: np.ndarray
    count: int

    def seeds(self) -> np.ndarray:
        """For each colour the sum of its unit vectors; float64, shape (count, vertices)."""
        seeds = np.zeros((self.count, self.colors.size))
        colored = np.flatnonzero(self.colors >= 0)
        seeds[self.colors[colored], colored] = 1.0
        return seeds


# --- Jacobians ----------------------------------------------------------------------------------------
def color_columns(pattern: Any, order: Order = "best") -> Coloring:
    """Colours of the columns of a matrix such that two columns of one colour meet in no row.

    Parameters
    ----------
    pattern : sparse matrix or array, shape (m, n)
        Whose entries may differ from zero.
    order : "best", "natural", "largest-first", "smallest-last" or array of int, shape (n,)
        In which columns get their colours; "best" tries all and keeps the fewest colours.

    Returns
    -------
    Coloring

    Raises
    ------
    SparsityError

    Examples
    --------
    >>> import numpy as np
    >>> color_columns(np.eye(5) + np.eye(5, k=1)).colors.tolist()
    [0, 1, 0, 1, 0]

    References
    ----------
    Curtis, Powell & Reid (1974); Coleman & Moré (1983); Gebremedhin, Manne & Pothen (2005).
    """
    return _of_columns(as_pattern(pattern), order, COLUMNS)


def color_rows(pattern: Any, order: Order = "best") -> Coloring:
    """Colours of the rows of a matrix such that two rows of one colour meet in no column; see `color_columns`.

    Examples
    --------
    >>> import numpy as np
    >>> color_rows([[1, 1, 1], [1, 0, 0], [0, 1, 0]]).count
    2
    """
    return _of_columns(as_pattern(pattern).transposed, order, ROWS)


def _of_columns(pattern: Pattern, order: Order, kind: str) -> Coloring:
    turned = pattern.transposed

    def color(order: np.ndarray) -> tuple[np.ndarray, int]:
        colors = np.full(pattern.shape[1], -1, np.int32)
        starts = pattern.indptr, pattern.indices, turned.indptr, turned.indices
        return colors, kernels.color_distance_two(*starts, order, colors)

    return _fewest(kind, order, pattern.shape[1], lambda: _meetings(pattern), color)


def _meetings(pattern: Pattern) -> Pattern | None:
    """Which columns meet in a row; None if they are too many."""
    lengths = np.diff(pattern.indptr)
    if int((lengths * lengths).sum()) > MEETINGS:
        return None
    matrix = pattern.matrix(np.ones(pattern.entries, np.float32))
    return as_pattern(matrix.T @ matrix)


# --- Hessians -----------------------------------------------------------------------------------------
def color_symmetric(pattern: Any, method: str = "star", order: Order = "best") -> Coloring:
    """Colours of the variables of a symmetric matrix, of which half the entries need to be told apart.

    Parameters
    ----------
    pattern : sparse matrix or array, shape (n, n)
        Symmetric; the diagonal counts as present.
    method : "star" or "acyclic"
        Whether entries are read off, or found by substitution, for which fewer colours will do.
    order : as of `color_columns`

    Returns
    -------
    Coloring

    Raises
    ------
    SparsityError

    Examples
    --------
    >>> import numpy as np
    >>> tridiagonal = np.eye(6, k=-1) + np.eye(6) + np.eye(6, k=1)
    >>> color_symmetric(tridiagonal).count, color_symmetric(tridiagonal, "acyclic").count
    (3, 2)

    References
    ----------
    Gebremedhin, Tarafdar, Manne & Pothen (2007), algorithms 3.1 and 4.1.
    """
    found = as_pattern(pattern)
    require_symmetric(found)
    if method not in (STAR, ACYCLIC):
        raise SparsityError(f"method={method!r}: 'star' or 'acyclic' is needed")
    edges = np.empty(found.entries, np.int32)
    count = kernels.number_edges(found.indptr, found.indices, edges)
    run = kernels.color_star if method == STAR else kernels.color_acyclic

    def color(order: np.ndarray) -> tuple[np.ndarray, int]:
        colors = np.full(found.shape[0], -1, np.int32)
        return colors, run(found.indptr, found.indices, edges, count, order, colors)

    best = _fewest(method, order, found.shape[0], lambda: found, color)
    if method == STAR and isinstance(order, str) and order == "best":
        return _of_columns_if_fewer(found, best)
    return best


def _of_columns_if_fewer(pattern: Pattern, star: Coloring) -> Coloring:
    """A star colouring, or one in which no two columns of a colour meet, which is a star colouring too."""
    from scipy import sparse

    whole = as_pattern(pattern.matrix() + sparse.eye_array(pattern.shape[0], dtype=bool))
    fullest = int(np.diff(whole.indptr).max(initial=0))
    if star.count <= fullest:
        return star
    columns = _of_columns(whole, "best", STAR)
    return columns if columns.count < star.count else star


def require_symmetric(pattern: Pattern) -> None:
    """An error unless a pattern is that of a symmetric matrix."""
    if pattern.shape[0] != pattern.shape[1]:
        raise SparsityError(f"a symmetric pattern is needed, not one of shape {pattern.shape}")
    turned = pattern.transposed
    if not (np.array_equal(turned.indptr, pattern.indptr) and np.array_equal(turned.indices, pattern.indices)):
        from scipy import sparse

        missing = sparse.coo_array(pattern.matrix() > turned.matrix())
        i, j = int(missing.row[0]), int(missing.col[0])
        raise SparsityError(f"a symmetric pattern is needed, but it has the entry ({i}, {j}) and not ({j}, {i})")


# --- orders -------------------------------------------------------------------------------------------
def _fewest(kind: str, order: Order, n: int, graph: Callable[[], Pattern | None], color: Colored) -> Coloring:
    """The colouring by an order, or the one with the fewest colours by all of them."""
    found = graph() if not isinstance(order, str) or order != "natural" else None
    names: Any = ORDERS if isinstance(order, str) and order == "best" else (order,)
    results = [color(_permutation(name, n, found)) for name in names if found is not None or name != "smallest-last"]
    colors, count = min(results, key=lambda result: result[1])
    return Coloring(kind, colors, int(count))


def _permutation(order: Order, n: int, graph: Pattern | None) -> np.ndarray:
    if isinstance(order, str) and order == "natural":
        return np.arange(n)
    if isinstance(order, str) and order == "largest-first":
        return np.argsort(-np.diff(graph.indptr), kind="stable") if graph is not None else np.arange(n)
    if isinstance(order, str) and order == "smallest-last":
        assert graph is not None
        found = np.empty(n, np.int64)
        kernels.smallest_last(graph.indptr, graph.indices, found)
        return found
    numbers = np.asarray(order)
    if numbers.dtype.kind not in "iu" or not np.array_equal(np.sort(numbers.reshape(-1)), np.arange(n)):
        raise SparsityError(
            f"order={order!r:.80}: one of 'best', {', '.join(map(repr, ORDERS))} or a permutation of {n} is needed"
        )
    return numbers.astype(np.int64)
