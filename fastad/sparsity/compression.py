"""From a compressed matrix back to the entries: read off directly, or found by substitution.

Theory of operation. Where each entry is to be found depends on the pattern and the colouring alone, so it is worked out
once, and recovering is a gather. An acyclic colouring needs the order in which entries become known: leaves of the
two-coloured trees first, each taken off the sum in which its mirror image stands.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from fastad import kernels
from fastad.errors import SparsityError
from fastad.sparsity.coloring import ACYCLIC, COLUMNS, ROWS, Coloring, Pattern, as_pattern


class Recovery:
    """How the entries of a matrix are found in its compressed form, for one pattern and colouring.

    Parameters
    ----------
    pattern : sparse matrix or array, shape (m, n)
    coloring : Coloring
        Of its columns, its rows, or (if it is symmetric) its variables.

    Raises
    ------
    SparsityError
        Where the colouring does not tell the entries apart.
    """

    def __init__(self, pattern: Any, coloring: Coloring) -> None:
        self.pattern, self.coloring = as_pattern(pattern), coloring
        rows, columns = self.pattern.rows.astype(np.int64), self.pattern.indices.astype(np.int64)
        colors = coloring.colors.astype(np.int64)
        self._require_size()
        self.width = self.pattern.shape[1 if coloring.kind == ROWS else 0]  # of the compressed matrix
        self.steps = np.empty(0, np.int64)
        if coloring.kind == ROWS:
            self._require_alone(self.pattern.transposed)
            places = colors[rows] * self.width + columns
        elif coloring.kind == COLUMNS:
            self._require_alone(self.pattern)
            places = colors[columns] * self.width + rows
        else:
            places = self._symmetric(rows, columns, colors)
        self.places = places

    def _require_size(self) -> None:
        size = self.pattern.shape[0 if self.coloring.kind == ROWS else 1]
        if self.coloring.colors.size != size:
            raise SparsityError(
                f"a colouring of {self.coloring.colors.size} does not fit a pattern of shape {self.pattern.shape}"
            )

    def _met(self, pattern: Pattern) -> np.ndarray:
        met = np.empty(pattern.entries, np.int64)
        if pattern.entries and self.coloring.colors[pattern.indices].min() < 0:
            raise SparsityError("an entry of the pattern stands in a column or row without a colour")
        kernels.count_met(pattern.indptr, pattern.indices, self.coloring.colors, met)
        return met

    def _require_alone(self, pattern: Pattern) -> None:
        met = self._met(pattern)
        if (met > 1).any():
            at = int(np.argmax(met > 1))
            raise SparsityError(
                f"column {pattern.indices[at]} meets another one of its colour in row {pattern.rows[at]}"
                if self.coloring.kind == COLUMNS
                else f"row {pattern.indices[at]} meets another one of its colour in column {pattern.rows[at]}"
            )

    def _symmetric(self, rows: np.ndarray, columns: np.ndarray, colors: np.ndarray) -> np.ndarray:
        """Places of what is read directly: all entries, or the diagonal alone where the rest is substituted."""
        met = self._met(self.pattern)
        diagonal = rows == columns
        if (met[diagonal] > 1).any() or (colors[rows] == colors[columns])[~diagonal].any():
            raise SparsityError("two neighbours have one colour")
        places = colors[columns] * self.width + rows
        if self.coloring.kind == ACYCLIC:
            self.steps = self._plan(met)
            return places[diagonal]
        mirrored, turned = met > 1, self._turned()
        if (met[turned][mirrored] > 1).any():
            raise SparsityError("a path of four vertices has two colours, so entries cannot be read directly")
        places = np.where(mirrored, colors[rows] * self.width + columns, places)
        return np.where(rows > columns, places[turned], places)  # both entries of a pair are read in one place

    def _turned(self) -> np.ndarray:
        """The entry (j, i) of each entry (i, j)."""
        turned = np.empty(self.pattern.entries, np.int64)
        turned[np.argsort(self.pattern.indices, kind="stable")] = np.arange(self.pattern.entries)
        return turned

    def _plan(self, met: np.ndarray) -> np.ndarray:
        pattern = self.pattern
        pairs = (pattern.entries - int((pattern.rows == pattern.indices).sum())) // 2
        steps = np.empty(4 * pairs, np.int64)
        count = kernels.plan_substitution(
            pattern.indptr, pattern.indices, self._turned(), self.coloring.colors, met, steps
        )
        if count < pairs:
            raise SparsityError("a cycle has two colours, so entries cannot be found by substitution")
        self.diagonal = np.flatnonzero(pattern.rows == pattern.indices)
        return steps

    def recover(self, compressed: np.ndarray) -> np.ndarray:
        """The entries, in the order of the pattern.

        Parameters
        ----------
        compressed : array of float64, shape (count, m), for rows (count, n)
            For each colour the sum of its columns (or rows).

        Returns
        -------
        ndarray of float64, shape (entries,)
        """
        flat = np.ascontiguousarray(compressed, np.float64).reshape(-1)
        if flat.size != self.coloring.count * self.width:
            needed = self.coloring.count, self.width
            raise SparsityError(f"a compressed matrix has shape {np.shape(compressed)}, but {needed} is needed")
        if self.coloring.kind != ACYCLIC:
            return flat.take(self.places)
        data = np.empty(self.pattern.entries)
        data[self.diagonal] = flat.take(self.places)
        kernels.substitute(self.steps, flat.copy(), data)
        return data
