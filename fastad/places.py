"""Where slots stand once some of them are left out.

What is left out are mostly the results of whole instructions, a few long gaps among millions of slots, so
that gaps are kept and looked up. Where there are many (a long scalar stream with dead instructions in it), a
table with an entry a slot costs less.
"""

from __future__ import annotations

from bisect import bisect_right
from mmap import mmap
from typing import Any, overload

import numpy as np

SPARSE = 64  # slots a gap, from which on gaps are looked up
LARGE = 1 << 20  # bytes, from which on zeros are asked of the system


def zeros(count: int, dtype: type) -> np.ndarray:
    """As `np.zeros`; large ones take neither time nor memory before they are touched.

    NumPy's own may be memory that was used before and is cleared first.
    """
    size = count * np.dtype(dtype).itemsize
    return np.zeros(count, dtype) if size < LARGE else np.frombuffer(mmap(-1, size), dtype, count)


class Places:
    """`places[slot]`, for one slot or an array of them; meaningless for slots that are left out.

    Parameters
    ----------
    slots : int
        Number of slots before.
    starts, lengths : array of int64
        The gaps, in order; they do not overlap.
    """

    def __init__(self, slots: int, starts: np.ndarray, lengths: np.ndarray) -> None:
        self.size = slots - int(lengths.sum())
        self._ends = starts + lengths
        self._gone = np.concatenate([[0], np.cumsum(lengths)])
        self._end_list, self._gone_list = self._ends.tolist(), self._gone.tolist()
        self.tables: dict[int, tuple[np.ndarray, Any]] = {}  # by identity: a table, and the address it has become
        self._table: np.ndarray | None = None
        if starts.size * SPARSE > slots:
            steps = np.ones(slots, np.int64)
            steps[_spread(starts, lengths)] = 0
            self._table = np.cumsum(steps) - steps

    @overload
    def __getitem__(self, slots: int) -> int: ...
    @overload
    def __getitem__(self, slots: np.ndarray) -> np.ndarray: ...
    def __getitem__(self, slots: int | np.ndarray) -> int | np.ndarray:
        if not isinstance(slots, np.ndarray):
            return int(slots) - self._gone_list[bisect_right(self._end_list, slots)]
        if self._table is not None:
            return self._table[slots]
        if not self._end_list:
            return slots.astype(np.int64)
        return slots - self._gone[np.searchsorted(self._ends, slots, "right")]


def _spread(starts: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """All slots of some gaps."""
    before = np.cumsum(lengths) - lengths
    return np.repeat(starts - before, lengths) + np.arange(int(lengths.sum()))


class Gaps:
    """Collects, in order, what is left out."""

    def __init__(self) -> None:
        self.parts: list[np.ndarray] = []
        self.whole_ones: list[tuple[int, int]] = []

    def add(self, first: int, kept: np.ndarray) -> None:
        """Of the slots from `first` on, those whose flag is not set."""
        if not kept.all():
            edges = np.flatnonzero(np.diff(kept.astype(np.int8), prepend=1, append=1))
            self._flush()
            self.parts.append(np.stack([first + edges[::2], edges[1::2] - edges[::2]], 1))

    def whole(self, first: int, length: int) -> None:
        """All of a number of slots."""
        self.whole_ones.append((first, length))

    def _flush(self) -> None:
        if self.whole_ones:
            self.parts.append(np.array(self.whole_ones, np.int64))
            self.whole_ones = []

    def places(self, slots: int) -> Places:
        self._flush()
        rows = np.concatenate([np.empty((0, 2), np.int64), *self.parts])
        return Places(slots, rows[:, 0], rows[:, 1])
