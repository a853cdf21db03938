"""Jacobians: unit seeds forward or unit weights in reverse, several at a time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from fastad import derive
from fastad.containers import Structure, leaf_shapes, leaf_size, unflatten
from fastad.kernels import layout as at
from fastad.replay import Call
from fastad.tape import Tape
from fastad.transforms.base import Argnums, Transform, per_leaf


class Jacobian(Transform):
    """See `jacobian`."""

    def __init__(self, function: Callable[..., Any], argnums: Argnums = 0, mode: str = "auto") -> None:
        super().__init__(function, argnums)
        if mode not in ("auto", "forward", "reverse"):
            raise ValueError(f"mode={mode!r}: 'auto', 'forward' or 'reverse' is needed")
        self.mode = mode

    def plain(self, call: Call) -> Any:
        call.forward = self.mode == "forward"

        def action(tape: Tape) -> tuple[tuple[np.ndarray, Structure], int]:
            rows, failed = dense_jacobian(tape, call.x, call.active, self.mode)
            return (rows, tape.out_structure), failed

        rows, out_structure = self.replayer.run(call, action)
        return assemble_jacobian(
            rows, out_structure, lambda part, lead: self.per_argument(call, per_leaf(call, part, lead))
        )

    def nested(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        results = derive.jacobians(self.function, args, kwargs, self.argnums)
        return results[0] if isinstance(self.argnums, int | np.integer) else tuple(results)


def dense_jacobian(tape: Tape, x: np.ndarray, active: np.ndarray, mode: str) -> tuple[np.ndarray, int]:
    """J (m, n) with zero columns for passive inputs, and the first failed guard or -1."""
    n, m = int(active.sum()), tape.outputs
    forward = mode == "forward" or (mode == "auto" and tape.forward_is_cheaper(n))
    task, count = (at.TANGENTS, n) if forward else (at.ADJOINTS, m)
    with tape.linearized(x, task, count) as point:
        if not forward:
            return point.sweep(task, np.eye(m)), point.failed
        jacobian = np.zeros((m, x.size))
        seeds = np.zeros((n, x.size))
        seeds[np.arange(n), np.flatnonzero(active)] = 1.0
        jacobian[:, active] = point.sweep(task, seeds).T
        return jacobian, point.failed


def is_vector_like(structure: Structure) -> bool:
    """A list or tuple of plain numbers, which NumPy's users mean as a vector."""
    return structure[0] in (list, tuple) and len(structure) > 1 and all(child == ("float",) for child in structure[1:])


def assemble_jacobian(rows: np.ndarray, out: Structure, place: Callable[[np.ndarray, tuple[int, ...]], Any]) -> Any:
    """Rows (m, ...) in the structure of the output; `place` builds what stands at each leaf."""
    if is_vector_like(out):
        return place(rows, (len(rows),))
    leaves, start = [], 0
    for shape in leaf_shapes(out):
        size = leaf_size(shape)
        part = rows[start : start + size]
        leaves.append(place(part.reshape((shape or ()) + rows.shape[1:]), shape or ()))
        start += size
    return unflatten(out, iter(leaves))


def jacobian(function: Callable[..., Any], argnums: Argnums = 0, mode: str = "auto") -> Jacobian:
    """The Jacobian of a function, by forward sweeps with unit seeds or reverse sweeps with unit weights.

    Parameters
    ----------
    function : callable
        A NumPy function that returns numbers or arrays, in containers or not; a list or tuple of
        numbers counts as a vector.
    argnums : int or tuple of int
        Which positional arguments to differentiate with respect to.
    mode : "auto", "forward" or "reverse"
        Forward needs as many directions as inputs, reverse as many as outputs; "auto" takes the
        smaller number (forward for equal ones).

    Returns
    -------
    callable
        Takes the function's arguments and returns an array of shape ``out.shape + in.shape``
        (float64), with entry ``d out[i] / d in[j]``.

    Raises
    ------
    ArgumentIndexError, UnsupportedFunction, UnsupportedDtype, DerivativeCut, ChangedConstant

    Examples
    --------
    >>> import numpy as np, fastad as ad
    >>> ad.jacobian(lambda x: np.array([x[0] * x[1], x[0]]))(np.array([2.0, 3.0])).tolist()
    [[3.0, 2.0], [1.0, 0.0]]

    References
    ----------
    Griewank & Walther, Evaluating Derivatives (2008), sections 3.1-3.3.
    """
    return Jacobian(function, argnums, mode)
