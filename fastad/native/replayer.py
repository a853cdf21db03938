"""Compiled functions in the place that tapes and replayers have for others.

Theory of operation. Recording costs a compiled function next to nothing, so each transform asks for what it needs at
its point: tangents without a tape, adjoints from a tape of edges, tangents of adjoints from one of duals. No tape is
kept, and no branch has to be guarded. `NativeTape` answers what transforms ask of a tape; listings, graphs and files
come from the program that `fastad.native.program` records. The first call of each kind is compared with what the
function returns.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from fastad.containers import flatten, pack
from fastad.dense_hessians import symmetric, unit_products
from fastad.errors import RecordingMismatch, UnsupportedDtype, UnsupportedFunction
from fastad.kernels import layout as at
from fastad.native.derivatives import Derivatives, derivatives_of
from fastad.native.nopython import cost_of_tangents
from fastad.passes import optimise
from fastad.replay import Call, Replayer, Result, _agree
from fastad.tape import Tape


class NativeReplayer(Replayer):
    """Runs a compiled function afresh at each call."""

    keeps_tapes = False

    def __init__(self, dispatcher: Any) -> None:
        super().__init__(dispatcher)
        self.derivatives = derivatives_of(dispatcher)

    def _run(self, call: Call, action: Callable[[Any], tuple[Result, int]]) -> Result:
        return action(NativeTape(self.derivatives, self.positional(call)))[0]

    @property
    def tapes(self) -> Any:
        """None are kept: what asks for them cannot serve compiled functions."""
        raise UnsupportedFunction(
            f"the compiled function {self.derivatives.name} takes its path through its branches anew at each point, "
            "so many points do not share a tape: call the transform point by point"
        )

    @tapes.setter
    def tapes(self, none: Any) -> None:
        """What a replayer that keeps its tapes begins with."""

    def clear(self) -> None:
        """Forget nothing: nothing is kept."""

    def positional(self, call: Call) -> Call:
        """The call with its keyword arguments behind the others."""
        args, kwargs = call.plain()
        if not kwargs:
            return call
        bound = inspect.signature(self.derivatives.dispatcher.py_func).bind(*args, **kwargs)
        bound.apply_defaults()
        return Call(bound.args, {}, call.argnums)


class NativeTape:
    """A compiled function at a point, with the methods of a tape."""

    def __init__(self, derivatives: Derivatives, call: Call) -> None:
        self.derivatives, self.call = derivatives, call
        self.full: Tape | None = None
        for number in call.argnums:
            refuse_lists(call.structure[1][1 + number], derivatives.name)
        self.independents = np.concatenate([np.arange(call.x.size)[call.parts[k]] for k in call.argnums])
        leaves: list[Any] = []
        result = derivatives.plain(*self.args)
        self.out_structure = flatten(result, leaves, numbers=True)
        self.value = pack(leaves)
        self.outputs = self.value.size

    @property
    def args(self) -> tuple[Any, ...]:
        """The arguments, as copies that the function may write to."""
        return self.call.plain()[0]

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return getattr(self.whole(), name)

    def spread(self, rows: np.ndarray) -> np.ndarray:
        """Rows over the independents as rows over all inputs."""
        out = np.zeros((len(rows), self.call.x.size))
        out[:, self.independents] = rows
        return out

    def whole(self) -> Tape:
        """The tape of the program."""
        if self.full is None:
            from fastad.native.program import program_of

            program = optimise(program_of(self.derivatives, self.call, self.args))
            self.full = Tape(program, self.call.structure, self.out_structure)
        return self.full

    def evaluate(self, x: np.ndarray) -> tuple[np.ndarray, int]:
        return self.value, -1

    def forward_is_cheaper(self, directions: int) -> bool:
        """Whether that many tangents cost less than the adjoints of every output, by the figures of bench/native."""
        return cost_of_tangents(directions) <= 8.0 + 3.0 * self.outputs

    @property
    def second(self) -> NativeSecondProducts:
        return NativeSecondProducts(self)

    @property
    def full_hessian(self) -> NativeHessian:
        return NativeHessian(self)

    @contextmanager
    def linearized(self, x: np.ndarray, task: int, lanes: int) -> Iterator[NativePoint]:
        yield NativePoint(self)


class NativePoint:
    """What a tape's linearization does, by compiled passes."""

    failed = -1

    def __init__(self, tape: NativeTape) -> None:
        self.tape, self.value = tape, tape.value

    def sweep(self, task: int, rows: np.ndarray) -> np.ndarray:
        """Tangents (k, m) of seeds (k, n), or adjoints (k, n) of weights (k, m)."""
        tape = self.tape
        derivatives, argnums, args = tape.derivatives, tape.call.argnums, tape.args
        if task == at.TANGENTS:
            return derivatives.tangents(argnums, args, np.ascontiguousarray(rows[:, tape.independents]))
        return tape.spread(derivatives.adjoints(argnums, args, np.ascontiguousarray(rows)))


class NativeSecondProducts:
    """What `SecondProducts` does, by compiled passes."""

    def __init__(self, tape: NativeTape) -> None:
        self.tape = tape

    def products(self, x: np.ndarray, weights: np.ndarray, seeds: np.ndarray) -> tuple[np.ndarray, int]:
        """(w . H) v for each of the seeds (k, n), shape (k, n), and -1."""
        tape, own = self.tape, self._own(seeds)
        return tape.spread(tape.derivatives.second_order(tape.call.argnums, tape.args, weights, own)), -1

    def normal_products(self, x: np.ndarray, seeds: np.ndarray) -> tuple[np.ndarray, int]:
        """J' J v for each of the seeds (k, n), shape (k, n), and -1."""
        tape, derivatives = self.tape, self.tape.derivatives
        tangents = derivatives.tangents(tape.call.argnums, tape.args, self._own(seeds))
        return tape.spread(derivatives.adjoints(tape.call.argnums, tape.args, tangents)), -1

    def _own(self, seeds: np.ndarray) -> np.ndarray:
        return np.ascontiguousarray(seeds[:, self.tape.independents])


class NativeHessian:
    """What `DenseHessian` does, by compiled passes."""

    def __init__(self, tape: NativeTape) -> None:
        self.tape = tape

    def matrix(self, x: np.ndarray) -> tuple[np.ndarray, int]:
        """The second derivatives with respect to the p independents, in the order of the inputs, (p, p), and -1."""
        return symmetric(unit_products(self.tape, np.sort(self.tape.independents), x)[0]), -1


def refuse_lists(structure: Any, name: str) -> None:
    """An error unless an argument is made of numbers, arrays and tuples."""
    if structure[0] in ("float", "array"):
        return
    if not (isinstance(structure[0], type) and issubclass(structure[0], tuple)):
        raise UnsupportedDtype(
            f"an argument of the compiled function {name} is a {getattr(structure[0], '__name__', structure[0])}: "
            "it is differentiated with respect to numbers, arrays of floats, and tuples of them"
        )
    for part in structure[1:]:
        refuse_lists(part, name)


def compare(name: str, value: float, plain: Any) -> None:
    """An error unless a derivative's run came to the value that the function returns."""
    if not _agree(np.array([value]), np.array([plain], np.float64)):
        raise RecordingMismatch(
            f"{name} returned {plain} compiled by Numba and {value} while it was differentiated: "
            "random numbers, or state that changes from call to call"
        )
