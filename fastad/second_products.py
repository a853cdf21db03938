"""Second derivatives of a tape in products with directions: (w . H) v and J' J v, without the matrices.

Theory of operation. The tangent of a program along v is a program of its own (`tangent_program`), whose gradient is a
product with second derivatives: that of w . (J v) with respect to the point is (w . H) v, and that of |J v|^2 / 2 with
respect to the direction is J' J v. So one gradient, by the fused kernels, gives one product, and many directions are
many points of that program. Programs that call primitives are differentiated through their recorded adjoint sweep
instead (`AdjointTape`).
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from fastad.kernels import layout as at
from fastad.tangent_program import HALF_SQUARES, TANGENTS, WEIGHTED, tangent_program

if TYPE_CHECKING:
    from fastad.tape import Tape

TOGETHER = 1 << 23  # numbers in the rows of directions that are swept together


class SecondProducts:
    """Products of a tape's second derivatives with directions; seeds and products are rows over all inputs."""

    def __init__(self, tape: Tape) -> None:
        self.tape = tape
        self.active = np.flatnonzero(tape.program.active)

    def _derived(self, combination: str) -> Tape:
        from fastad.tape import Tape

        program = tangent_program(self.tape.program, 1, combination)
        return Tape(program, (tuple, ("array", (program.inputs,))), ("float",))

    @cached_property
    def bend(self) -> Tape:
        """w . (J v) of x | v | w (no w where there is one output): its gradient begins with (w . H) v."""
        return self._derived(WEIGHTED if self.tape.outputs != 1 else TANGENTS)

    @cached_property
    def stretch(self) -> Tape:
        """|J v|^2 / 2 of x | v: its gradient ends with J' J v."""
        return self._derived(HALF_SQUARES)

    @property
    def by_adjoints(self) -> bool:
        """Whether the recorded adjoint sweep is needed."""
        return bool(self.tape.program.calls)

    def products(self, x: np.ndarray, weights: np.ndarray, seeds: np.ndarray) -> tuple[np.ndarray, int]:
        """(w . H(x)) v for each of the seeds (k, n), shape (k, n), and the first failed guard or -1."""
        if self.by_adjoints:
            failed = self.tape.evaluate(x)[1] if self.tape.program.guards else -1
            return self.tape.adjoint_tape.products(x, weights, seeds), failed
        one = self.tape.outputs == 1
        found, failed = _gradients(self.bend, x, seeds[:, self.active], np.empty(0) if one else weights)
        products = found[:, : x.size]
        return products if not one or weights[0] == 1.0 else _scaled(products, weights[0]), failed

    def normal_products(self, x: np.ndarray, seeds: np.ndarray) -> tuple[np.ndarray, int]:
        """J' J v for each of the seeds (k, n), shape (k, n), and the first failed guard or -1."""
        if self.by_adjoints:
            with self.tape.linearized(x, at.ADJOINTS, len(seeds)) as point:
                tangents = point.sweep(at.TANGENTS, seeds)
                return point.sweep(at.ADJOINTS, tangents), point.failed
        found, failed = _gradients(self.stretch, x, seeds[:, self.active], np.empty(0))
        rows = np.zeros(seeds.shape)
        rows[:, self.active] = found[:, x.size :]
        return rows, failed


def _gradients(tape: Tape, x: np.ndarray, seeds: np.ndarray, rest: np.ndarray) -> tuple[np.ndarray, int]:
    """Gradients of a derived tape at x | seed | rest for each seed, and the first failed guard or -1."""
    if len(seeds) == 1:
        _, gradient, failed = tape.gradient(np.concatenate([x, seeds[0], rest]))
        return gradient[None, :], failed
    points, out = tape.schedule.points(at.GRADIENT), np.empty((len(seeds), tape.inputs))
    step = max(at.LANES, TOGETHER // max(1, tape.inputs))
    for low in range(0, len(seeds), step):
        part = seeds[low : low + step]
        rows = np.empty((len(part), tape.inputs))
        rows[:, : x.size], rows[:, x.size : x.size + part.shape[1]], rows[:, x.size + part.shape[1] :] = x, part, rest
        _, out[low : low + step], missed = points.run(rows)
        if missed.any():
            return out, tape.gradient(rows[0])[2]
    return out, -1


def _scaled(products: np.ndarray, weight: float) -> np.ndarray:
    """The products of a weight, under the rule of absolute zero."""
    return np.where(products == 0.0, 0.0, products * weight) if weight else np.zeros(products.shape)
