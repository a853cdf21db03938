"""A function or its gradient at many points by one call.

Theory of operation. All points whose branches come out alike run on one tape, as lanes of its sweeps
(`fastad/points.py`). Those that leave the recorded path are told by its guards; the other tapes of the signature
are tried on them, and then a new one is recorded at the first of them and tried on the rest, until none is left.

Values, gradients and values with gradients go that way. Other transforms, functions that cannot be recorded and
batches of integers are called point by point; so are batches inside a recording, which makes them differentiable.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from fastad.containers import map_leaves, split_rows, unflatten
from fastad.errors import DerivativeCut, ShapeMismatch, UnsupportedDtype, UnsupportedFunction
from fastad.kernels import layout as at
from fastad.record.builder import current, open_recordings
from fastad.record.recorder import run_substituted
from fastad.replay import Call, Replayer, normal_argnums
from fastad.tape import Tape, require_scalar
from fastad.transforms.base import Transform, per_leaf
from fastad.transforms.batch import Batch, InAxes, checked_axes, stacked
from fastad.transforms.gradients import Grad, ValueAndGrad
from fastad.transforms.products import replayer_kept

_UNRECORDABLE = (UnsupportedFunction, UnsupportedDtype, DerivativeCut)


class Part(NamedTuple):
    """Points that ran on one tape: their numbers (None for all), outputs (points, m) and gradients (points, n)."""

    numbers: np.ndarray | None
    tape: Tape
    out: np.ndarray
    gradient: np.ndarray


class Paths:
    """The points of a batch, each on the tape of its path."""

    def __init__(self, replayer: Replayer, task: int, batch: Batch, argnums: Any) -> None:
        self.replayer, self.task, self.batch, self.argnums = replayer, task, batch, argnums
        self.first = self.call(0)
        self.rows = batch.matrix(self.first)
        self.pending = np.arange(batch.count)
        self.parts: list[Part] = []

    def call(self, number: int) -> Call:
        return Call(self.batch.point(number), self.batch.kwargs, self.argnums)

    def run(self) -> list[Part]:
        """Every point in one of the parts."""
        key = self.first.key
        for tape in self.replayer.tapes.get(key, ()):
            self._try(tape, recorded=False)
        while self.pending.size:
            call = self.call(int(self.pending[0]))
            tape = self.replayer.record(call)
            self.replayer.keep(call, tape)
            self._try(tape, recorded=True)
        if self.replayer.audit_due(key):
            self._audit()
        return self.parts

    def _try(self, tape: Tape, recorded: bool) -> None:
        """Run a tape on all points that are left; at the point of its own recording the path is right even where
        rounding flips a tie."""
        if self.pending.size == 0:
            return
        if self.task == at.GRADIENT:
            require_scalar(tape.out_structure)
        everything = self.pending.size == len(self.rows)
        rows = self.rows if everything else self.rows[self.pending]
        out, gradient, failed = tape.schedule.points(self.task).run(rows)
        if recorded:
            failed[0] = False
        if everything and not failed.any():
            self.parts.append(Part(None, tape, out, gradient))
        elif not failed.all():
            good = ~failed
            self.parts.append(Part(self.pending[good], tape, out[good], gradient[good] if len(gradient) else gradient))
        self.pending = self.pending[failed]

    def _audit(self) -> None:
        """Compare a point of each part with a plain run, another one each time."""
        turn = self.replayer.calls.get(self.first.key, 0)
        for part in self.parts:
            numbers = range(len(self.rows)) if part.numbers is None else part.numbers
            self.replayer.audit(self.call(int(numbers[turn % len(numbers)])), part.tape)


def joined(parts: list[Part], count: int) -> Part:
    """The parts as one, in the order of the points."""
    if parts[0].numbers is None:
        return parts[0]
    tape, size = parts[0].tape, parts[0].out.shape[1]
    for part in parts:
        if part.tape.out_structure != tape.out_structure:
            raise ShapeMismatch(
                f"points {int(parts[0].numbers[0])} and {int(part.numbers[0])} take different branches and return "  # type: ignore[index]
                "results of different structures or shapes, which cannot be put together"
            )
    out, gradient = np.empty((count, size)), np.empty((count, parts[0].gradient.shape[1]))
    for part in parts:
        out[part.numbers] = part.out
        if len(part.gradient):
            gradient[part.numbers] = part.gradient
    return Part(None, tape, out, gradient)


class Vmap:
    """See `vmap`."""

    def __init__(self, function: Callable[..., Any], in_axes: InAxes = 0) -> None:
        if not callable(function):
            raise TypeError(f"a function is needed, not {type(function).__name__}")
        functools.update_wrapper(self, function, updated=())
        self.function, self.in_axes = function, checked_axes(in_axes)
        self.task = at.GRADIENT if isinstance(function, ValueAndGrad) else at.PRIMAL
        self.argnums = function.argnums if isinstance(function, ValueAndGrad) else None
        self.replayer = function.replayer if isinstance(function, ValueAndGrad) else replayer_kept(function)
        records = self.task == at.GRADIENT or not isinstance(function, Transform | Vmap)
        self.has_tapes = records and self.replayer.keeps_tapes
        self._again: Callable[[Any], Any] = _never

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        return self if instance is None else functools.partial(self, instance)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if len(args) == 1 and not kwargs:
            result = self._again(args[0])
            if result is not None:
                return result
        self._again = _never
        batch = Batch(args, kwargs, self.in_axes)
        if current() is not None:
            return self._nested(batch)
        if batch.count == 0:
            return self._empty(batch)
        return self._by_tapes(batch) if self.has_tapes else self._one_by_one(batch)

    # --- by tapes -----------------------------------------------------------------------------------
    def _by_tapes(self, batch: Batch) -> Any:
        if not batch.is_real(() if self.argnums is None else normal_argnums(self.argnums, len(batch.args))):
            return self._one_by_one(batch)
        try:
            paths = Paths(self.replayer, self.task, batch, self.argnums)
            parts, call = paths.run(), paths.first
        except _UNRECORDABLE:
            if self.task == at.GRADIENT:
                raise
            self.has_tapes = False
            return self._one_by_one(batch)
        if len(parts) == 1 and len(batch.args) == 1 and not batch.kwargs:
            self._remember(batch, call, parts[0].tape)
        return self._result(call, joined(parts, batch.count))

    def _result(self, call: Call, part: Part) -> Any:
        count = (len(part.out),)
        if self.task == at.PRIMAL:
            structure = part.tape.out_structure
            return unflatten(structure, split_rows(part.out, structure, count))
        function = self.function
        assert isinstance(function, ValueAndGrad)
        gradients = function.per_argument(call, per_leaf(call, part.gradient, count))
        return gradients if isinstance(function, Grad) else (part.out[:, 0], gradients)

    def _remember(self, batch: Batch, call: Call, tape: Tape) -> None:
        """Take a short way for the next batches of one contiguous array, until an audit is due."""
        arg, replayer = batch.args[0], self.replayer
        if batch.axes != (0,) or not isinstance(arg, np.ndarray) or call.x.size == 0:
            return
        calls = replayer.skip_to_audit(call.key, replayer.calls.setdefault(call.key, 1))
        points, shape = tape.schedule.points(self.task), arg.shape[1:]

        def again(x: Any) -> Any:
            nonlocal calls
            calls -= 1
            if type(x) is not np.ndarray or x.shape[1:] != shape or x.ndim == 0 or calls <= 0 or open_recordings:
                return None
            if x.dtype != np.float64 or not x.flags.carray or len(x) == 0:
                return None
            out, gradient, failed = points.run(x.reshape(len(x), -1))
            return None if failed.any() else self._result(call, Part(None, tape, out, gradient))

        self._again = again

    # --- point by point -----------------------------------------------------------------------------
    def _one_by_one(self, batch: Batch) -> Any:
        return stacked([self.function(*batch.point(i), **batch.kwargs) for i in range(batch.count)])

    def _empty(self, batch: Batch) -> Any:
        """No points: arrays of the right shapes, which a point of ones tells."""
        with np.errstate(all="ignore"):
            one = stacked([self.function(*batch.made_up_point(), **batch.kwargs)])
        return map_leaves(lambda leaf: leaf[:0], one)

    def _nested(self, batch: Batch) -> Any:
        """Inside a recording: points one after the other, so that instructions are recorded."""
        if batch.count == 0:
            return self._empty(batch)
        transform = isinstance(self.function, Transform | Vmap)
        results = []
        for i in range(batch.count):
            args = batch.point(i)
            plainly = self.function(*args, **batch.kwargs) if transform else None
            results.append(plainly if transform else run_substituted(self.function, args, batch.kwargs))
        return stacked(results)


def _never(_: Any) -> None:
    """The short way before there is one."""


def vmap(function: Callable[..., Any], in_axes: InAxes = 0) -> Vmap:
    """A function or transform at many points at once, as lanes of one tape.

    Parameters
    ----------
    function : callable
        A NumPy function, ``ad.grad(f)`` or ``ad.value_and_grad(f)``, whose points travel together; or any other
        transform or callable, which is called point by point.
    in_axes : int, None or tuple of them
        Along which axis of the positional arguments the points follow one another; None for an argument that is
        the same at all points. A tuple has one entry for each argument; in a container, each array has that axis.
        Arguments given by keyword are the same at all points.

    Returns
    -------
    callable
        Takes the batched arguments; returns the results of all points along the first axis of each array of the
        result, in its structure (numbers become arrays of shape (points,)).

    Raises
    ------
    ShapeMismatch, StructureMismatch, ArgumentIndexError
        Numbers of points that differ, an axis that an argument does not have, nothing batched, results of different
        shapes.

    Notes
    -----
    A point at which a branch comes out otherwise than recorded goes to a tape of its own path. Results may differ from
    those of single calls, and with the other points of a batch, by a unit or two in the last place of sine, power and
    the like; they do not depend on the number of threads (``ad.settings.threads``). With no points, the shapes of the
    results are found by calling the function at a point of ones.

    Examples
    --------
    >>> import numpy as np, fastad as ad
    >>> gradients = ad.vmap(ad.grad(lambda x: x[0] * x[1]))
    >>> gradients(np.array([[1.0, 2.0], [3.0, 4.0]])).tolist()
    [[2.0, 1.0], [4.0, 3.0]]
    >>> ad.vmap(np.dot, in_axes=(0, None))(np.eye(2), np.array([5.0, 6.0])).tolist()
    [5.0, 6.0]
    """
    return Vmap(function, in_axes)
