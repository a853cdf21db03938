"""Sparse derivatives of one tape: pattern, colouring and recovery, worked out once, and the sweeps that they need.

Theory of operation. The directions of a compressed Jacobian are known beforehand, so the tangent sweep along all of
them becomes one program (`tangent_program`) whose outputs are the entries of the matrix themselves, in their order:
one fused sweep, and nothing to decompress. Long scalar streams and calls of primitives keep to the sweep over stored
partials, with several directions at a time. A compressed Hessian is a gradient of the tangent for each colour
(`SecondProducts`).
"""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from fastad.kernels import layout as at
from fastad.linearization import taken
from fastad.program import Block, Program
from fastad.sparsity.coloring import (
    ACYCLIC,
    COLUMNS,
    STAR,
    Coloring,
    Order,
    Pattern,
    color_columns,
    color_rows,
    color_symmetric,
)
from fastad.sparsity.compression import Recovery
from fastad.sparsity.detection import hessian_rows, jacobian_rows
from fastad.tangent_program import tangent_program

if TYPE_CHECKING:
    from fastad.tape import Tape

TOGETHER = 32  # directions of one program
STAMPED = 1 << 17  # scalar instructions, times directions, of which a program of tangents is made
ELEMENTS = 1 << 26  # elements of arrays, times directions
TAKEN = 1 << 23  # numbers in a batch of gradients that is kept
MANY, SAVING = 6, 0.7  # products of a Hessian, and the part of them, for which entries are found by substitution
REVERSE = 2.0  # what an adjoint costs, in tangents


def jacobian_pattern(program: Program) -> Pattern:
    """Where the Jacobian may differ from zero, (m, p) for p active inputs."""
    indptr, indices = jacobian_rows(program)
    return Pattern(indptr, indices, (program.outputs.size, int(program.active.sum())))


def hessian_pattern(program: Program) -> Pattern:
    """Where the Hessian of the sum of the outputs may differ from zero, (p, p)."""
    indptr, indices = hessian_rows(program)
    return Pattern(indptr, indices, (int(program.active.sum()),) * 2)


class Plan:
    """How a sparse derivative of one tape is computed.

    Attributes
    ----------
    pattern : Pattern
    coloring : Coloring
        For a Jacobian of columns (tangents) or of rows (adjoints), for a Hessian of variables.
    calls : int
        How often it has served.
    """

    def __init__(self, program: Program, pattern: Pattern, coloring: Coloring) -> None:
        self.program, self.pattern, self.coloring, self.calls = program, pattern, coloring, 0
        self.recovery = Recovery(pattern, coloring)
        self.active = np.flatnonzero(program.active)

    def entries(self, tape: Any, x: np.ndarray) -> tuple[np.ndarray, int]:
        """The entries at x, in the order of the pattern, and the first failed guard or -1."""
        raise NotImplementedError

    def _seeds(self) -> np.ndarray:
        """The directions of the colours of inputs, over all inputs."""
        seeds = np.zeros((self.coloring.count, self.program.inputs))
        seeds[:, self.active] = self.coloring.seeds()
        return seeds


class JacobianPlan(Plan):
    """How the Jacobian of one tape is computed."""

    def __init__(self, program: Program, pattern: Pattern, mode: str, order: Order) -> None:
        super().__init__(program, pattern, _cheapest(pattern, mode, order))
        self.forward = self.coloring.kind == COLUMNS

    def entries(self, tape: Any, x: np.ndarray) -> tuple[np.ndarray, int]:
        from fastad.tape import Tape

        if type(tape) is Tape and self._is_one_program:
            return self.tangents.evaluate(x)
        compressed, failed = self._by_tangents(tape, x) if self.forward else self._by_adjoints(tape, x)
        return self.recovery.recover(compressed), failed

    @cached_property
    def _is_one_program(self) -> bool:
        """Whether the tangents along all colours are made a program."""
        k, program = self.coloring.count, self.program
        if not self.forward or program.calls or k > TOGETHER or program.opcode.size * k > STAMPED:
            return False
        return k * sum(s.length for s in program.segments if isinstance(s, Block)) <= ELEMENTS

    @cached_property
    def tangents(self) -> Tape:
        """The entries as outputs of one program."""
        from fastad.tape import Tape

        program = tangent_program(self.program, self.coloring.seeds())
        program = replace(program, outputs=program.outputs[self.recovery.places])
        return Tape(program, (tuple, ("array", (program.inputs,))), ("array", (self.pattern.entries,)))

    def _by_tangents(self, tape: Any, x: np.ndarray) -> tuple[np.ndarray, int]:
        seeds = self._seeds()
        with tape.linearized(x, at.TANGENTS, len(seeds)) as point:
            return point.sweep(at.TANGENTS, seeds), point.failed

    def _by_adjoints(self, tape: Any, x: np.ndarray) -> tuple[np.ndarray, int]:
        weights = self.coloring.seeds()
        with tape.linearized(x, at.ADJOINTS, len(weights)) as point:
            return point.sweep(at.ADJOINTS, weights)[:, self.active], point.failed


def _cheapest(pattern: Pattern, mode: str, order: Order) -> Coloring:
    """The colouring of columns or of rows, as asked for or by what the sweeps would cost."""
    if mode != "auto":
        return (color_columns if mode == "forward" else color_rows)(pattern, order)
    forward = color_columns(pattern, order)
    if forward.count <= REVERSE * _most(pattern.transposed):
        return forward
    reverse = color_rows(pattern, order)
    return forward if forward.count <= REVERSE * reverse.count else reverse


def _most(pattern: Pattern) -> int:
    """The most entries in a row: so many colours are needed at least."""
    return int(np.diff(pattern.indptr).max(initial=0))


class HessianPlan(Plan):
    """How the Hessian of one tape is computed."""

    def __init__(self, program: Program, pattern: Pattern, method: str, order: Order) -> None:
        few = method == "auto"
        super().__init__(
            program, pattern, _few_products(pattern, order) if few else color_symmetric(pattern, method, order)
        )
        self._batches: list[_Batch] = []

    def entries(self, tape: Any, x: np.ndarray) -> tuple[np.ndarray, int]:
        if self._is_gradients(tape):
            return self._by_gradients(tape.second.bend, x)
        products, failed = tape.second.products(x, np.ones(1), self._seeds())
        return self.recovery.recover(products[:, self.active]), failed

    def _is_gradients(self, tape: Any) -> bool:
        """Whether all colours fit into one batch of gradients."""
        from fastad.tape import Tape

        if type(tape) is not Tape or tape.second.by_adjoints or not self.coloring.count:
            return False
        return self.coloring.count * tape.second.bend.inputs <= TAKEN

    def _by_gradients(self, bend: Tape, x: np.ndarray) -> tuple[np.ndarray, int]:
        """A gradient of the tangent for each colour, in memory that is used again."""
        batch = taken(self._batches) or _Batch(bend, self.coloring.seeds())
        batch.rows[:, : x.size] = x
        _, gradients, failed = bend.schedule.points(at.GRADIENT).run(batch.rows, batch.gradients)
        try:
            if failed.any():
                return np.empty(0), bend.gradient(batch.rows[0])[2]
            if self.coloring.kind == ACYCLIC:
                return self.recovery.recover(gradients[:, self.active]), -1
            return gradients.reshape(-1).take(self._places), -1
        finally:
            self._batches.append(batch)

    @cached_property
    def _places(self) -> np.ndarray:
        """Where the entries stand among the gradients with respect to point and direction."""
        colors, variables = np.divmod(self.recovery.places, self.recovery.width)
        return colors * (self.program.inputs + self.active.size) + self.active[variables]


def _few_products(pattern: Pattern, order: Order) -> Coloring:
    """A star colouring, unless an acyclic one saves a good part of many products."""
    star = color_symmetric(pattern, STAR, order)
    if star.count <= MANY:
        return star
    acyclic = color_symmetric(pattern, ACYCLIC, order)
    return acyclic if acyclic.count <= SAVING * star.count else star


class _Batch:
    """Rows x | seed for all colours, and room for the gradients."""

    def __init__(self, bend: Tape, seeds: np.ndarray) -> None:
        self.rows = np.empty((len(seeds), bend.inputs))
        self.rows[:, bend.inputs - seeds.shape[1] :] = seeds
        self.gradients = np.empty(self.rows.shape)
