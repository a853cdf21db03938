"""Full Hessians of a tape, by whichever of three ways costs least.

Theory of operation. Where the pattern has few colours, a product a colour is enough. Otherwise there is a product
with each unit vector: of short array programs forward over reverse, the adjoint sweep as a program whose tangents are
taken along LANES directions at once, so that what does not depend on the direction is computed once; of all others
reverse over forward, a gradient of the tangent for each direction, as many points of one tape.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from fastad.adjoint_tape import recorded_adjoint
from fastad.kernels import layout as at
from fastad.linearization import taken
from fastad.passes import optimise
from fastad.program import Block
from fastad.sparsity.plans import HessianPlan, hessian_pattern
from fastad.tangent_program import tangent_program

if TYPE_CHECKING:
    from fastad.tape import Tape

LANES = 16  # directions of one program
WORTH_COLORS = 16  # inputs from which on a pattern is looked for
SPARSE = 4  # inputs a colour from which on products of colours cost least
SCALARS, BLOCKS, ELEMENTS = 64, 64, 1 << 14  # of programs whose adjoint sweep is made a program


def unit_products(tape: Any, inputs: np.ndarray, x: np.ndarray) -> tuple[np.ndarray, int]:
    """H(x) by its products with the unit vectors of some inputs, in these, and the first failed guard or -1."""
    seeds = np.zeros((inputs.size, x.size))
    seeds[np.arange(inputs.size), inputs] = 1.0
    products, failed = tape.second.products(x, np.ones(1), seeds)
    return products[:, inputs], failed


def symmetric(products: np.ndarray) -> np.ndarray:
    """The mean of a matrix and its transpose."""
    matrix = products + products.T
    matrix *= 0.5
    return matrix


class DenseHessian:
    """The Hessian of the one output of a tape."""

    def __init__(self, tape: Tape) -> None:
        self.tape, self.program = tape, tape.program
        self.active = np.flatnonzero(self.program.active)
        self._rows: list[np.ndarray] = []
        sweeps = -(-self.active.size // LANES)
        self.lanes = -(-self.active.size // max(1, sweeps))  # so many that the last sweep is full

    def matrix(self, x: np.ndarray) -> tuple[np.ndarray, int]:
        """The second derivatives with respect to the p active inputs, (p, p), and the first failed guard or -1."""
        if self.plan is not None:
            data, failed = self.plan.entries(self.tape, x)
            return (np.empty((0, 0)) if failed >= 0 else self.plan.pattern.matrix(data).toarray()), failed
        by = self._by_lanes if self._is_short else self._by_unit_vectors
        products, failed = by(x)
        if failed >= 0:
            return np.empty((0, 0)), failed
        return symmetric(products), failed

    @cached_property
    def plan(self) -> HessianPlan | None:
        """How the Hessian is found from few products, if it is."""
        if self.active.size < WORTH_COLORS or self.program.calls:
            return None
        pattern = hessian_pattern(self.program)
        if pattern.entries * SPARSE > self.active.size**2:
            return None
        plan = HessianPlan(self.program, pattern, "auto", "best")
        return plan if plan.coloring.count * SPARSE <= self.active.size else None

    @cached_property
    def _is_short(self) -> bool:
        """Whether the adjoint sweep is made a program."""
        blocks = [segment.length for segment in self.program.segments if isinstance(segment, Block)]
        small = self.program.opcode.size <= SCALARS and len(blocks) <= BLOCKS and sum(blocks) <= ELEMENTS
        return small and not self.program.calls and self.active.size >= LANES

    def _by_unit_vectors(self, x: np.ndarray) -> tuple[np.ndarray, int]:
        return unit_products(self.tape, self.active, x)

    # --- forward over reverse -----------------------------------------------------------------------
    def _by_lanes(self, x: np.ndarray) -> tuple[np.ndarray, int]:
        p, tangents = self.active.size, self._tangents(x)
        rows = taken(self._rows)
        if rows is None:
            rows = self._unit_rows(tangents.inputs, x.size)
        rows[:, : x.size] = x
        products, _, failed = tangents.schedule.points(at.PRIMAL).run(rows)
        self._rows.append(rows)
        if failed.any():
            return products, tangents.evaluate(rows[0])[1]
        return products.reshape(-1, p)[:p], -1

    def _unit_rows(self, width: int, n: int) -> np.ndarray:
        """Rows x | weight | seeds of all lanes, the unit vectors one after the other."""
        p = self.active.size
        rows = np.zeros((-(-p // self.lanes), width))
        rows[:, n] = 1.0
        units = np.arange(p)
        rows[units // self.lanes, n + 1 + units % self.lanes * p + units] = 1.0
        return rows

    def _tangents(self, x: np.ndarray) -> Tape:
        """The tangents of the gradient along several directions."""
        from fastad.tape import Tape

        if self._derived is None:
            program = optimise(recorded_adjoint(self.program, x))
            program = replace(
                program, active=np.append(self.program.active, False), outputs=program.outputs[self.active]
            )
            program = tangent_program(program, self.lanes)
            size = program.outputs.size
            self._derived = Tape(program, (tuple, ("array", (program.inputs,))), ("array", (size,)))
        return self._derived

    _derived: Tape | None = None
