"""Power series of all slots of a tape along a direction.

Theory of operation. With the inputs x + t x', every slot is a series in t; its coefficients up to an order stand
beside one another. Elementals go by the steps of their rows (`taylor_rules`), in compiled code, a stretch of
instructions at a time; sums and products of matrices are sums and convolutions of whole coefficients. An instruction
of which nothing changes along the direction is passed over.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fastad import kernels
from fastad.errors import UnsupportedFunction
from fastad.kernels import layout as at
from fastad.kernels.series import OPERANDS
from fastad.ops import BY_CODE, Op
from fastad.program import Address, Block, Run
from fastad.taylor_rules import series_program

if TYPE_CHECKING:
    from fastad.tape import Tape

STRETCH = 1 << 15  # instructions whose coefficients of order 0 are there at a time


class Series:
    """The coefficients of all slots of a tape.

    Attributes
    ----------
    series : ndarray of float64, shape (slots, order + 1)
    failed : int
        The first failed guard, or -1.
    """

    def __init__(self, tape: Tape, x: np.ndarray, direction: np.ndarray, order: int) -> None:
        self.program, self.order = tape.schedule.program, order
        self.series = np.zeros((self.program.slots, order + 1))
        with tape.linearized(x, at.TANGENTS, 1) as point:
            self.series[:, 0], self.failed = point.work[: self.program.slots], point.failed
        self.series[: x.size, 1] = direction

    def run(self) -> np.ndarray:
        """Coefficients of the outputs, (order + 1, m)."""
        with np.errstate(all="ignore"):
            for segment in self.program.segments:
                if isinstance(segment, Run):
                    self._scalars(segment)
                elif segment.length:
                    self._block(segment)
        return np.ascontiguousarray(self.series[self.program.outputs].T)

    # --- elementals -----------------------------------------------------------------------------------
    def _scalars(self, run: Run) -> None:
        for low in range(run.start, run.stop, STRETCH):
            part = slice(low, min(low + STRETCH, run.stop))
            operands = [column[part].astype(np.int64) for column in (self.program.left, self.program.right)]
            self._elementals(run.first + low - run.start, self.program.opcode[part], operands)

    def _elementwise(self, block: Block) -> None:
        operands = [operand.slots() for operand in block.operands]
        for low in range(0, block.length, STRETCH):
            part = slice(low, min(low + STRETCH, block.length))
            opcode = np.full(part.stop - low, block.code, np.uint8)
            self._elementals(block.first + low, opcode, [slots[part] for slots in operands])

    def _elementals(self, first: int, opcode: np.ndarray, operands: list[np.ndarray]) -> None:
        codes, which = np.unique(opcode, return_inverse=True)
        rows = [series_program(BY_CODE[int(code)]) for code in codes]  # type: ignore[arg-type]
        slots = np.stack([*operands, *[operands[-1]] * (OPERANDS - len(operands))], axis=1).astype(np.int64)
        widths = np.array([row.width for row in rows], np.int64)
        places = np.cumsum(widths[which]) - widths[which]
        known = np.zeros(int(widths[which].sum()))
        for p, row in enumerate(rows):
            mine = np.flatnonzero(which == p)
            values = [self.series[slots[mine, k], 0] for k in range(row.op.arity)]
            known[places[mine, None] + np.arange(row.width)] = row.known(values)
        starts = np.concatenate([[0], np.cumsum([len(row.steps) for row in rows])]).astype(np.int64)
        results = np.array([row.result for row in rows], np.int64)
        kernels.run_series(
            first, slots, which.astype(np.int64), starts, np.concatenate([row.steps for row in rows]), results, widths,
            known, self.series, np.zeros((OPERANDS + int(widths.max()), self.order + 1)),
        )  # fmt: skip

    # --- whole arrays ---------------------------------------------------------------------------------
    def _block(self, block: Block) -> None:
        if isinstance(BY_CODE[block.code], Op):
            self._elementwise(block)
            return
        if block.name == "call":
            self._refuse(block)
            return
        own = slice(block.first, block.first + block.length)
        parts = [self._of(operand) for operand in block.operands]
        self.series[own, 1:] = getattr(self, f"_{block.name}")(block, *parts)[:, 1:]

    def _of(self, operand: Address) -> np.ndarray:
        return self.series[operand.slots()]

    def _refuse(self, block: Block) -> None:
        """An error where a primitive's results change along the direction."""
        if any(self._of(operand)[:, 1:].any() for operand in block.operands):
            call = self.program.calls[block.sizes[0]]
            raise UnsupportedFunction(
                f"{call.primitive.name} has no power series: ad.taylor knows the operations of NumPy's elementary "
                "functions, sums and matrix products; nest ad.jvp or ad.grad for derivatives of low order"
            )

    def _sum(self, block: Block, x: np.ndarray) -> np.ndarray:
        return x.reshape(block.length, block.sizes[0], -1).sum(axis=1)

    def _scatter_sum(self, block: Block, x: np.ndarray) -> np.ndarray:
        result = np.zeros((block.length, self.order + 1))
        assert block.index is not None
        np.add.at(result, block.index, x)
        return result

    def _matmul(self, block: Block, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        m, p, n = block.sizes
        left = [part.reshape(-1, m, p) for part in np.ascontiguousarray(x.T)]
        right = [part.reshape(-1, p, n) for part in np.ascontiguousarray(y.T)]
        changes = [part.any() for part in left], [part.any() for part in right]
        result = np.zeros((self.order + 1, block.length))
        for i in np.flatnonzero(changes[0]):
            for j in np.flatnonzero(changes[1][: self.order + 1 - i]):
                result[i + j] += (left[i] @ right[j]).reshape(-1)
        return result.T

    def _max(self, block: Block, x: np.ndarray) -> np.ndarray:
        """The mean of the elements that reach the extremum, nan where it is nan."""
        terms = x.reshape(block.length, block.sizes[0], -1)
        best = self.series[block.first : block.first + block.length, 0]
        reached = (terms[:, :, 0] == best[:, None]).astype(float)
        shares = reached / reached.sum(axis=1, keepdims=True)
        return _product(shares[:, :, None], terms).sum(axis=1)

    _min = _max


def _product(x: Any, y: Any) -> np.ndarray:
    """A product in which a factor that is exactly 0 gives exactly 0."""
    return np.where((x == 0.0) | (y == 0.0), 0.0, x * y)


def taylor_coefficients(tape: Tape, x: np.ndarray, direction: np.ndarray, order: int) -> tuple[np.ndarray, int]:
    """Coefficients (order + 1, m) of the outputs at x + t direction, and the first failed guard or -1."""
    whole = Series(tape, x, direction, order)
    return (np.empty((0, 0)), whole.failed) if whole.failed >= 0 else (whole.run(), -1)
