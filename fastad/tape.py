"""The public tape: a recorded function that can be replayed, differentiated, printed and saved.

`Tape` puts together a `Program` (what to compute), the structure of arguments and result (how to pass
and return containers) and a `Schedule` (how to run it). Its methods work on flat arrays: n numbers in,
m numbers out.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from fastad import kernels
from fastad.compiled_tape import Compilable
from fastad.containers import (
    Structure,
    flatten,
    leaf_shapes,
    leaves_like,
    pack,
    split,
    total_size,
    unflatten,
)  # fmt: skip
from fastad.errors import (
    BranchChanged,
    InvalidTape,
    NonScalarOutput,
    ShapeMismatch,
    StructureMismatch,
    UnsupportedDtype,
)  # fmt: skip
from fastad.kernels import layout as at
from fastad.linearization import LANES, Linearization, taken
from fastad.ops import BY_CODE, Op
from fastad.primitives import forget_pending, raise_pending
from fastad.program import Block, Guard, Program
from fastad.schedule import Schedule

if TYPE_CHECKING:
    from fastad.adjoint_tape import AdjointTape
    from fastad.dense_hessians import DenseHessian
    from fastad.second_products import SecondProducts


class Tape(Compilable):
    """A recorded function.

    Attributes
    ----------
    program : Program
        The instructions, constants, outputs and guards.
    inputs, outputs : int
        n, the number of independents, and m, the number of dependents.
    """

    def __init__(self, program: Program, in_structure: Structure, out_structure: Structure) -> None:
        self.program, self.in_structure, self.out_structure = program, in_structure, out_structure
        self.counters = {"replays": 0, "flips": 0, "ties": 0}
        self._last_point: list[Linearization] = []

    @cached_property
    def schedule(self) -> Schedule:
        return Schedule(self.program)

    @cached_property
    def adjoint_tape(self) -> AdjointTape:
        """The adjoint sweep as a tape of its own, for what the second-order kernels cannot do."""
        from fastad.adjoint_tape import AdjointTape

        return AdjointTape(self.program)

    @cached_property
    def second(self) -> SecondProducts:
        """Products with second derivatives."""
        from fastad.second_products import SecondProducts

        return SecondProducts(self)

    @cached_property
    def full_hessian(self) -> DenseHessian:
        """The Hessian of the one output."""
        from fastad.dense_hessians import DenseHessian

        return DenseHessian(self)

    inputs = property(lambda self: self.program.inputs)
    outputs = property(lambda self: self.program.outputs.size)

    def __getstate__(self) -> dict[str, Any]:
        return {"program": self.program, "in_structure": self.in_structure, "out_structure": self.out_structure}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__(**state)  # type: ignore[misc]

    def __repr__(self) -> str:
        return f"<Tape: {self.inputs} inputs, {self.instructions} instructions, {self.outputs} outputs>"

    # --- flat sweeps --------------------------------------------------------------------------------
    def evaluate(self, x: np.ndarray) -> tuple[np.ndarray, int]:
        """Outputs (m,) at x (n,), and the index of the first failed guard or -1."""
        out, schedule = np.empty(self.outputs), self.schedule
        code = schedule.code_for(at.PRIMAL)
        forget_pending()
        with self._workspace(at.PRIMAL, 1) as work:
            schedule.invite(work)
            kernels.run(at.PRIMAL, 1, code, work, x, out)
            return out, int(work[-1])

    def gradient(self, x: np.ndarray) -> tuple[float, np.ndarray, int]:
        """Value of the one output, its gradient (n,), and the index of the first failed guard or -1."""
        out, schedule = np.empty(self.inputs), self.schedule
        code = schedule.code_for(at.GRADIENT)
        forget_pending()
        with self._workspace(at.GRADIENT, 1) as work:
            schedule.invite(work)
            value = kernels.run(at.GRADIENT, 1, code, work, x, out)
            return value, out, int(work[-1])

    def forward_is_cheaper(self, directions: int) -> bool:
        """Whether so many tangents cost less than the adjoints of every output."""
        return directions <= self.outputs

    @contextmanager
    def linearized(self, x: np.ndarray, task: int, lanes: int) -> Iterator[Linearization]:
        """The tape at the point x, ready for sweeps of one kind with up to `lanes` directions at once.

        The last point is kept: products asked for at one point, as an iterative solver does, share one
        forward sweep.
        """
        schedule = self.schedule
        code, size = schedule.code_for(task), schedule.workspace_size(task, max(1, min(lanes, LANES)))
        forget_pending()
        with schedule.blas():
            point = taken(self._last_point)
            if point is None or not point.serves(x, size):
                work = schedule.take(size) if point is None else schedule.exchange(point.work, size)
                out = np.empty(self.outputs)
                kernels.run(at.LINEARIZE, 1, code, work, x, out)
                point = Linearization(self, code, x.copy(), work, out, int(work[-1]))
            try:
                yield point
            finally:
                other = taken(self._last_point)
                if point.failed < 0:
                    self._last_point.append(point)
                else:  # why it failed is known to the sweep alone
                    schedule.give(point.work)
                if other is not None:
                    schedule.give(other.work)

    @contextmanager
    def _workspace(self, task: int, lanes: int) -> Iterator[np.ndarray]:
        schedule = self.schedule
        work = schedule.take(schedule.workspace_size(task, lanes))
        try:
            with schedule.blas():
                yield work
        finally:
            schedule.give(work)

    # --- the contract's methods ---------------------------------------------------------------------
    def primal(self, *args: Any) -> Any:
        """The function's result at other arguments of the same structure.

        Parameters
        ----------
        *args : as recorded

        Returns
        -------
        The result, structured as the function's.

        Raises
        ------
        BranchChanged
            Where a recorded comparison comes out otherwise.
        """
        x = self._flat(args)
        out, failed = self.evaluate(x)
        self._require_path(failed, x)
        return unflatten(self.out_structure, split(out, self.out_structure))

    def tangent(self, *args: Any, seeds: Any = None) -> np.ndarray:
        """Tangents of the outputs: ``J @ seed``, one forward sweep for all seeds.

        Parameters
        ----------
        *args : as recorded
            Where the point is; `seeds` may follow as the last positional argument.
        seeds : array of float64, shape (n,) or (k, n)

        Returns
        -------
        ndarray of float64, shape (m,) or (k, m)

        References
        ----------
        Griewank & Walther, Evaluating Derivatives (2008), section 3.1.
        """
        args, seeds = (args, seeds) if seeds is not None else (args[:-1], args[-1])
        return self._directions(args, seeds, at.TANGENTS, self.inputs, "seeds")

    def adjoint(self, *args: Any, weights: Any = None) -> np.ndarray:
        """Adjoints of the inputs: ``weight @ J``, one reverse sweep for all weights.

        Parameters
        ----------
        *args : as recorded
            Where the point is; `weights` may follow as the last positional argument.
        weights : array of float64, shape (m,) or (k, m)

        Returns
        -------
        ndarray of float64, shape (n,) or (k, n)

        References
        ----------
        Griewank & Walther, Evaluating Derivatives (2008), section 3.2.
        """
        args, weights = (args, weights) if weights is not None else (args[:-1], args[-1])
        return self._directions(args, weights, at.ADJOINTS, self.outputs, "weights")

    def trace(self, *args: Any, mode: str = "primal", seed: Any = None, weight: Any = None) -> Any:
        """The textbook's evaluation trace as a table.

        Parameters
        ----------
        *args : as recorded
        mode : "primal", "tangent" or "adjoint"
        seed : array of float64, shape (n,), for the tangent trace; default: the first unit vector
        weight : array of float64, shape (m,), for the adjoint trace; default: the first unit vector

        Returns
        -------
        fastad.explain.traces.Trace
            Prints as an aligned table; ``.to_markdown()``, ``.to_html()``.
        """
        from fastad.explain.traces import trace

        return trace(self, self._flat(args), mode, seed, weight)

    def graph(self) -> Any:
        """The computation graph: ``.to_dot()``, ``.to_mermaid()``, ``.save("g.svg")``."""
        from fastad.explain.graph import Graph

        return Graph(self)

    def show(self) -> str:
        """One line an instruction, in register notation: ``r5 = r3 * r4   # multiply``."""
        from fastad.explain.listing import listing

        return listing(self.program)

    @property
    def instructions(self) -> int:
        """Number of instructions: scalar ones and blocks."""
        return self.program.opcode.size + sum(isinstance(s, Block) for s in self.program.segments)

    def stats(self) -> dict[str, Any]:
        """Counts and bytes by purpose.

        ``replays`` counts the calls that this tape served (those of the short way of gradients when an audit is due),
        ``flips`` and ``ties`` those at which a recorded comparison came out otherwise.
        """
        blocks = sum(isinstance(segment, Block) for segment in self.program.segments)
        return {
            "inputs": self.inputs,
            "outputs": self.outputs,
            "constants": self.program.constants.size,
            "slots": self.program.slots,
            "scalar instructions": self.program.opcode.size,
            "block instructions": blocks,
            "guards": len(self.program.guards),
            "bytes": self.schedule.bytes(),
            **self.counters,
        }

    def check(self) -> None:
        """Check that the tape can be run: the invariants of its program, and that all sizes fit.

        Raises
        ------
        InvalidTape
            Naming what is broken, and in which instruction.
        """
        self.program.check()
        sizes = total_size(self.in_structure), total_size(self.out_structure)
        if sizes != (self.inputs, self.outputs):
            raise InvalidTape(
                f"the program has {self.inputs} inputs and {self.outputs} outputs, but its arguments hold {sizes[0]} "
                f"numbers and its results {sizes[1]}"
            )

    # --- files --------------------------------------------------------------------------------------
    def save(self, path: str | Path) -> None:
        """Write the tape to a file (NumPy's npz, no pickled objects)."""
        from fastad.files import save

        save(self, path)

    @classmethod
    def load(cls, path: str | Path) -> Tape:
        """Read a tape that `save` wrote; the file is checked, not trusted."""
        from fastad.files import load

        return load(path)

    # --- inner --------------------------------------------------------------------------------------
    def _flat(self, args: tuple[Any, ...]) -> np.ndarray:
        """Arguments of the recorded structure as one array (n,)."""
        expected = self.in_structure[1]
        if len(args) != len(expected) - 1:
            raise StructureMismatch(f"the tape was recorded with {len(expected) - 1} arguments, not {len(args)}")
        leaves: list[Any] = []
        for number, (arg, structure) in enumerate(zip(args, expected[1:], strict=True)):
            known = len(leaves)
            if flatten(arg, leaves, numbers=structure[0] in ("float", "array")) != structure:
                leaves[known:] = leaves_like(arg, structure, f"argument {number}")
        return pack(leaves)

    def _directions(self, args: Any, given: Any, task: int, size: int, what: str) -> np.ndarray:
        rows = _real_rows(given, what)
        if rows.ndim not in (1, 2) or rows.shape[-1] != size:
            raise ShapeMismatch(f"{what} have shape {rows.shape}, but ({size},) or (k, {size}) is needed")
        x = self._flat(args)
        with self.linearized(x, task, 1 if rows.ndim == 1 else len(rows)) as point:
            self._require_path(point.failed, x)
            out = point.sweep(task, np.atleast_2d(rows))
        return out[0] if rows.ndim == 1 else out

    def _require_path(self, failed: int, x: np.ndarray) -> None:
        if failed >= 0:
            raise_pending()
            raise BranchChanged(self.explain_guard(failed, x))

    def explain_guard(self, failed: int, x: np.ndarray) -> str:
        """What happened at a failed guard: the user's line, flip or tie, and both operands."""
        guard, work = self.program.guards[failed], self._slot_values(x)
        op, values = self._compared(guard, work)
        kind = "tie" if len(values) == 2 and values[0] == values[1] else "flip"
        text = f" `{op.synopsis(*(f'{value:.17g}' for value in values))}`" if op else ""
        self.counters["ties" if kind == "tie" else "flips"] += 1
        return (
            f"{kind}: the branch on{text or ' a value'} at {guard.where} came out as {guard.expected:g} when the tape "
            f"was recorded and as {work[guard.slot]:g} at this point; record a tape for this point"
        )

    def count_failure(self, x: np.ndarray) -> None:
        """Count a flip or a tie, if a guard fails at x."""
        failed = self.evaluate(x)[1]
        if 0 <= failed < len(self.program.guards):
            self.explain_guard(failed, x)

    def _compared(self, guard: Guard, work: np.ndarray) -> tuple[Op | None, list[float]]:
        """The comparison that a guard is about, and its operands' values."""
        for slot, code, operands in self.program.instructions():
            op = BY_CODE[code]
            if slot == guard.slot and isinstance(op, Op) and not isinstance(operands[0], Block):
                return op, [work[operand] for operand in operands]
        return None, []

    def _slot_values(self, x: np.ndarray) -> np.ndarray:
        """The values of all slots at x, by the form of the program that gives each a place."""
        code, size = self.schedule.code_for(at.LINEARIZE), self.schedule.workspace_size(at.LINEARIZE, 1)
        work = self.schedule.new_workspace(size)
        kernels.run(at.LINEARIZE, 1, code, work, x, np.empty(self.outputs))
        return work


def _real_rows(given: Any, what: str) -> np.ndarray:
    """Seeds or weights as an array of float64."""
    try:
        rows = np.asarray(given)
    except ValueError:
        raise ShapeMismatch(f"{what} have rows of different lengths") from None
    if rows.dtype.kind not in "fiub":
        raise UnsupportedDtype(f"{what} of dtype {rows.dtype}: real numbers are needed")
    return rows.astype(np.float64)


def require_scalar(out_structure: Structure) -> None:
    """`grad` and its kin need one number."""
    shapes = leaf_shapes(out_structure)
    if total_size(out_structure) != 1:
        found = shapes[0] if len(shapes) == 1 else f"leaves of shapes {shapes}"
        raise NonScalarOutput(
            f"the function returned {found}, but a scalar is needed here: sum it, or use ad.jacobian for vector "
            "functions"
        )
