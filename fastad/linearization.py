"""A tape at one point, ready for sweeps: what is shared by products that are asked for at one point."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

import numpy as np

from fastad import kernels
from fastad.kernels import layout as at
from fastad.primitives import forget_pending, raise_pending

if TYPE_CHECKING:
    from fastad.tape import Tape

Kept = TypeVar("Kept")
LANES = 16  # directions that travel together


class Linearization:
    """A tape at one point: values and partials are in the workspace, sweeps are cheap."""

    def __init__(
        self, tape: Tape, code: np.ndarray, x: np.ndarray, work: np.ndarray, value: np.ndarray, failed: int
    ) -> None:
        self.tape, self.code, self.x, self.work, self._value, self.failed = tape, code, x, work, value, failed

    def serves(self, x: np.ndarray, size: int) -> bool:
        """Whether this is the point x, to the bit, and its workspace is large enough."""
        return self.work.size >= size and np.array_equal(self.x.view(np.int64), x.view(np.int64))

    @property
    def value(self) -> np.ndarray:
        """The outputs (m,)."""
        return self._value.copy()

    def sweep(self, task: int, rows: np.ndarray) -> np.ndarray:
        """Tangents (k, m) of seeds (k, n), or adjoints (k, n) of weights (k, m)."""
        tape = self.tape
        out = np.empty((len(rows), tape.outputs if task == at.TANGENTS else tape.inputs))
        rows = np.ascontiguousarray(rows, np.float64)
        forget_pending()
        for low in range(0, len(rows), LANES):
            part, target = rows[low : low + LANES], out[low : low + LANES]
            kernels.run(task, len(part), self.code, self.work, part.reshape(-1), target.reshape(-1))
        if tape.program.calls:
            raise_pending()
        return out


def taken(kept: list[Kept]) -> Kept | None:
    """What is kept, if another thread has not taken it."""
    try:
        return kept.pop()
    except IndexError:
        return None
