"""Batched arguments taken apart into points, and the results of points put together.

A batched argument is an array, or a container of arrays, each of which has one axis along which the points follow one
another. Everything here also works on traced arrays, for batches inside a function that is differentiated.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Any

import numpy as np

from fastad.containers import flatten, unflatten
from fastad.errors import ArgumentIndexError, ShapeMismatch, StructureMismatch
from fastad.record.traced import TracedArray, TracedScalar, as_array, is_traced
from fastad.replay import Call

InAxes = int | None | tuple[int | None, ...]


def checked_axes(in_axes: Any) -> InAxes:
    """in_axes as given, a list as a tuple; an error where it is neither axes nor None."""
    entries = tuple(in_axes) if isinstance(in_axes, tuple | list) else (in_axes,)
    for axis in entries:
        if axis is not None and (not isinstance(axis, int | np.integer) or isinstance(axis, bool)):
            raise TypeError(f"in_axes={in_axes!r}: an int, None or a tuple of them is needed, one for each argument")
    return entries if isinstance(in_axes, tuple | list) else in_axes


def map_arrays(function: Callable[[Any, str], Any], tree: Any, where: str) -> Any:
    """A batched argument with each of its arrays replaced; `where` is how messages call it."""
    if isinstance(tree, dict):
        values = {key: map_arrays(function, value, f"{where}[{key!r}]") for key, value in tree.items()}
        return values if type(tree) is dict else type(tree)(values)
    if isinstance(tree, tuple | list):
        children = [map_arrays(function, child, f"{where}[{i}]") for i, child in enumerate(tree)]
        return type(tree)(*children) if hasattr(tree, "_fields") else type(tree)(children)
    return function(tree, where)


class Batch:
    """The arguments of a batched call.

    Attributes
    ----------
    count : int
        The number of points.
    axes : tuple of int and None
        One for each positional argument.
    """

    def __init__(self, args: tuple[Any, ...], kwargs: dict[str, Any], in_axes: InAxes) -> None:
        self.axes = in_axes if isinstance(in_axes, tuple) else (in_axes,) * len(args)
        if len(self.axes) != len(args):
            raise ArgumentIndexError(f"in_axes={in_axes!r} has {len(self.axes)} entries for {len(args)} arguments")
        self.kwargs, self.sizes = kwargs, dict[str, int]()
        self.args = [
            arg if axis is None else map_arrays(lambda leaf, where: self._points_first(leaf, axis, where), arg, str(i))
            for i, (arg, axis) in enumerate(zip(args, self.axes, strict=True))
        ]
        self.count = self._common_size()

    def _points_first(self, leaf: Any, axis: int, where: str) -> Any:
        """The array with the points along its first axis."""
        if not isinstance(leaf, np.ndarray) and type(leaf) is not TracedArray:
            raise StructureMismatch(
                f"argument {where} is {leaf!r:.80}, which has no axis to take points from: pass an array, or say None "
                "in in_axes for an argument that is the same at all points"
            )
        if not -leaf.ndim <= axis < leaf.ndim:
            raise ShapeMismatch(f"argument {where} has shape {leaf.shape}: it has no axis {axis}, which in_axes names")
        moved: Any = np.moveaxis(leaf, axis, 0)  # type: ignore[type-var]
        self.sizes[where] = moved.shape[0]
        return moved

    def _common_size(self) -> int:
        if not self.sizes:
            raise ShapeMismatch("nothing is batched: in_axes names no axis of an array among the arguments")
        (first, count), *others = self.sizes.items()
        for where, size in others:
            if size != count:
                raise ShapeMismatch(
                    f"argument {first} has {count} points along its axis and argument {where} has {size}: the batched "
                    "arguments need equally many"
                )
        return count

    def point(self, i: int) -> tuple[Any, ...]:
        """The arguments at one point."""
        return self._arguments(lambda leaf, _: leaf[i])

    def made_up_point(self) -> tuple[Any, ...]:
        """Arguments of the right shapes, all ones, where there is no point to take."""
        return self._arguments(lambda leaf, _: np.ones(leaf.shape[1:], leaf.dtype)[()])

    def _arguments(self, of_leaf: Callable[[Any, str], Any]) -> tuple[Any, ...]:
        pairs = zip(self.args, self.axes, strict=True)
        return tuple(arg if axis is None else map_arrays(of_leaf, arg, "") for arg, axis in pairs)

    @cached_property
    def leaves(self) -> list[list[np.ndarray]]:
        """The arrays of each argument, of which the unbatched have none."""
        found: list[list[np.ndarray]] = [[] for _ in self.args]
        for arg, axis, into in zip(self.args, self.axes, found, strict=True):
            if axis is not None:
                map_arrays(lambda leaf, _, into=into: into.append(leaf), arg, "")  # type: ignore[misc]
        return found

    def is_real(self, argnums: tuple[int, ...]) -> bool:
        """Whether all that is batched are floats, or integers that are differentiated: others are static at each
        point, and part of the key under which a recording is kept."""
        return all(
            leaf.dtype.kind == "f" or (number in argnums and leaf.dtype.kind in "iu")
            for number, leaves in enumerate(self.leaves)
            for leaf in leaves
        )

    def matrix(self, call: Call) -> np.ndarray:
        """All points as rows, (points, n), contiguous; `call` is that of any of them."""
        rows = np.empty((self.count, call.x.size))
        if not all(self.leaves):
            rows[:] = call.x
        for part, leaves in zip(call.parts, self.leaves, strict=True):
            start = part.start
            for leaf in leaves:
                stop = start + int(np.prod(leaf.shape[1:]))
                rows[:, start:stop] = leaf.reshape(self.count, stop - start)
                start = stop
        if call.parts and call.parts[-1].stop < call.x.size:
            rows[:, call.parts[-1].stop :] = call.x[call.parts[-1].stop :]
        return rows


# --- results ----------------------------------------------------------------------------------------
def stacked(results: list[Any]) -> Any:
    """Results of the points, leaf by leaf along a new first axis."""
    columns, structure = _leaves_of(results[0])
    rows = [columns]
    for i, result in enumerate(results[1:], 1):
        leaves, other = _leaves_of(result)
        if other != structure:
            raise ShapeMismatch(
                f"point {i} returned {_described(other)}, point 0 {_described(structure)}: results that are put "
                "together need one structure and equal shapes"
            )
        rows.append(leaves)
    return unflatten(structure, iter([_stack(list(column)) for column in zip(*rows, strict=True)]))


def _leaves_of(result: Any) -> tuple[list[Any], Any]:
    """Leaves and structure of a result; truth values and integers are leaves too."""
    arrays = map_arrays(lambda leaf, _: leaf if is_traced(leaf) else _as_leaf(leaf), result, "")
    leaves: list[Any] = []

    def place(leaf: Any, _: str) -> Any:
        leaves.append(leaf)
        return np.empty(np.shape(leaf)) if isinstance(leaf, np.ndarray) or type(leaf) is TracedArray else 0.0

    return leaves, flatten(map_arrays(place, arrays, ""), [])


def _as_leaf(leaf: Any) -> Any:
    if leaf is None or isinstance(leaf, str):
        raise StructureMismatch(f"a point returned {leaf!r:.80}: numbers and arrays, or containers of them, are needed")
    return leaf if np.ndim(leaf) == 0 else np.asarray(leaf)


def _stack(leaves: list[Any]) -> Any:
    if any(map(is_traced, leaves)):
        return np.stack([as_array(leaf) if type(leaf) in (TracedScalar, TracedArray) else np.asarray(leaf)
                         for leaf in leaves])  # fmt: skip
    return np.stack(leaves)


def _described(structure: Any) -> str:
    if structure[0] == "array":
        return f"an array of shape {structure[1]}"
    return "a number" if structure[0] == "float" else f"a {getattr(structure[0], '__name__', structure[0])}"
