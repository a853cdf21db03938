"""Arguments and results: nested tuples, lists and dicts of numbers and arrays as one flat list.

`flatten` takes a container apart into float64 leaves and a hashable structure; `unflatten` puts
leaves back. Floats and float arrays are leaves; everything else (strings, truth values, integers, None,
arrays of integers, objects) is static: part of the structure, so part of the key under which a
recording is kept.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from fastad.errors import ShapeMismatch, StructureMismatch, UnsupportedDtype
from fastad.record.traced import TracedArray, TracedScalar

Structure = tuple[Any, ...]
FLOAT: Structure = ("float",)


@dataclass(frozen=True, slots=True, eq=False)
class ById:
    """A static object without a usable hash: equal only to itself."""

    value: Any

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ById) and other.value is self.value

    def __hash__(self) -> int:
        return id(self.value)


@dataclass(frozen=True, slots=True, eq=False)
class ByContent:
    """A static array: equal to arrays of the same dtype, shape and bytes."""

    value: np.ndarray
    key: tuple[Any, ...]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ByContent) and other.key == self.key

    def __hash__(self) -> int:
        return hash(self.key)


def flatten(tree: Any, leaves: list[Any], numbers: bool = False) -> Structure:
    """Append the leaves of `tree` to `leaves` and return its structure.

    With `numbers`, integers count as numbers too (for what is differentiated), and what is neither a
    number nor a container is an error.
    """
    kind = type(tree)
    if kind is float or kind is np.float64 or kind is TracedScalar:
        leaves.append(tree)
        return FLOAT
    if kind is TracedArray or isinstance(tree, np.ndarray):
        return _flatten_array(tree, leaves, numbers)
    if isinstance(tree, tuple | list):
        return (kind, *(flatten(child, leaves, numbers) for child in tree))
    if isinstance(tree, dict):
        return (kind, tuple(tree), *(flatten(child, leaves, numbers) for child in tree.values()))
    if isinstance(tree, np.floating) or (numbers and isinstance(tree, int | np.integer) and kind is not bool):
        if isinstance(tree, np.longdouble) and np.longdouble is not np.float64:
            raise UnsupportedDtype("a longdouble argument: fastad computes in float64, convert it first")
        leaves.append(float(tree))
        return FLOAT
    if numbers and tree is not None:
        raise UnsupportedDtype(
            f"cannot differentiate with respect to {tree!r:.80} of type {kind.__name__}: a float or an array of floats "
            "is needed"
        )
    return _static(tree)


def _flatten_array(tree: Any, leaves: list[Any], numbers: bool) -> Structure:
    dtype = tree.dtype
    if dtype.kind == "f" or (numbers and dtype.kind in "iu"):
        if dtype.itemsize > 8:
            raise UnsupportedDtype(f"an argument of dtype {dtype}: fastad computes in float64, convert it first")
        if type(tree) is not TracedArray and type(tree) not in (np.ndarray, np.memmap):
            raise UnsupportedDtype(
                f"an argument of type {type(tree).__name__}: pass a plain NumPy array (np.asarray(x))"
            )
        leaves.append(tree)
        return ("array", tree.shape)
    if numbers or dtype.kind in "cO":
        raise UnsupportedDtype(f"an argument of dtype {dtype}: fastad differentiates real floating-point arrays")
    return ("static", ByContent(tree.copy(), (dtype.str, tree.shape, tree.tobytes())))


def _static(value: Any) -> Structure:
    try:
        hash(value)
    except TypeError:
        return ("static", ById(value))
    return ("static", type(value), value)


def unflatten(structure: Structure, leaves: Iterator[Any]) -> Any:
    """Put leaves (in order) back into a structure."""
    kind = structure[0]
    if kind == "float" or kind == "array":
        return next(leaves)
    if kind == "static":
        value = structure[-1]
        return value.value if isinstance(value, ById | ByContent) else value
    if issubclass(kind, dict):
        values = {key: unflatten(child, leaves) for key, child in zip(structure[1], structure[2:], strict=True)}
        return values if kind is dict else kind(values)
    children = [unflatten(child, leaves) for child in structure[1:]]
    return kind(*children) if hasattr(kind, "_fields") else kind(children)


def leaf_shapes(structure: Structure) -> list[tuple[int, ...] | None]:
    """Shapes of the leaves in order; None stands for a number."""
    kind = structure[0]
    if kind == "float":
        return [None]
    if kind == "array":
        return [structure[1]]
    if kind == "static":
        return []
    children = structure[2:] if issubclass(kind, dict) else structure[1:]
    return [shape for child in children for shape in leaf_shapes(child)]


def leaf_size(shape: tuple[int, ...] | None) -> int:
    return 1 if shape is None else math.prod(shape)


def total_size(structure: Structure) -> int:
    return sum(leaf_size(shape) for shape in leaf_shapes(structure))


def pack(leaves: list[Any], out: np.ndarray | None = None) -> np.ndarray:
    """The leaves one after the other as a flat float64 array."""
    if len(leaves) == 1 and isinstance(leaves[0], np.ndarray):
        return np.array(leaves[0], np.float64).reshape(-1)
    parts = [np.asarray(leaf, np.float64).reshape(-1) for leaf in leaves]
    return np.concatenate(parts) if parts else np.empty(0)


def split(flat: np.ndarray, structure: Structure, number: Callable[[Any], Any] = float) -> Iterator[Any]:
    """The leaves that a flat array holds: numbers, and arrays in their shapes (views of `flat`)."""
    start = 0
    for shape in leaf_shapes(structure):
        stop = start + leaf_size(shape)
        yield number(flat[start]) if shape is None else flat[start:stop].reshape(shape)
        start = stop


def split_rows(rows: np.ndarray, structure: Structure, leading: tuple[int, ...]) -> Iterator[np.ndarray]:
    """As `split`, for an array whose last axis is the flat one: leaves of shape leading + leaf shape."""
    start = 0
    for shape in leaf_shapes(structure):
        stop = start + leaf_size(shape)
        yield rows[..., start:stop].reshape(leading + (shape or ()))
        start = stop


def leaves_like(tree: Any, structure: Structure, what: str) -> list[Any]:
    """The leaves of a container that must have the given structure, in the structure's order.

    A list will do for a tuple or an array of its numbers; the entries of a dict may come in any order.
    """
    kind = structure[0]
    if kind in ("float", "array"):
        return [_leaf_like(tree, structure, what)]
    if kind == "static":
        if flatten(tree, []) != structure:
            static = unflatten(structure, iter(()))
            raise StructureMismatch(f"{what} is {tree!r:.80}, but it is static and was {static!r:.80} when recorded")
        return []
    names, children = range(len(structure) - 1), structure[1:]
    if issubclass(kind, dict):
        names, children = structure[1], structure[2:]
    of_kind = isinstance(tree, dict) if issubclass(kind, dict) else isinstance(tree, tuple | list)
    if not of_kind or (set(tree) != set(names) if issubclass(kind, dict) else len(tree) != len(names)):
        parts = f"the keys {list(names)}" if issubclass(kind, dict) else f"{len(names)} entries"
        raise StructureMismatch(f"{what} is {_described(tree)}, but a {kind.__name__} with {parts} is needed")
    return [leaf for name, child in zip(names, children, strict=True)
            for leaf in leaves_like(tree[name], child, f"{what}[{name!r}]")]  # fmt: skip


def _leaf_like(tree: Any, structure: Structure, what: str) -> Any:
    if structure[0] == "array" and type(tree) in (list, tuple) and not _holds_traced(tree):
        try:
            tree = np.asarray(tree)
        except ValueError:
            raise ShapeMismatch(f"{what} is {_described(tree)} that makes no array") from None
    leaves: list[Any] = []
    found = flatten(tree, leaves, numbers=True)
    if found[0] not in ("float", "array"):
        raise StructureMismatch(f"{what} is {_described(tree)}, but an array or a number is needed")
    shapes = [leaf_shapes(one)[0] or () for one in (found, structure)]
    if shapes[0] != shapes[1]:
        raise ShapeMismatch(f"{what} has shape {shapes[0]}, but shape {shapes[1]} is needed")
    return leaves[0]


def _holds_traced(tree: Any) -> bool:
    if type(tree) in (list, tuple):
        return any(map(_holds_traced, tree))
    return type(tree) in (TracedScalar, TracedArray)


def _described(tree: Any) -> str:
    if isinstance(tree, dict):
        return f"a {type(tree).__name__} with the keys {list(tree)}"
    return f"a {type(tree).__name__} with {len(tree)} entries" if isinstance(tree, tuple | list) else f"{tree!r:.80}"


def pack_like(tree: Any, structure: Structure, what: str) -> np.ndarray:
    """Flat float64 array of a container that must have the given structure (a seed, tangent, weight)."""
    return pack(leaves_like(tree, structure, what))


def weight_leaves(weight: Any, structure: Structure) -> list[Any]:
    """The leaves of a weight for a result of the given structure; for one number, a number will do."""
    is_number = not isinstance(weight, tuple | list | dict) and np.ndim(weight) == 0
    return leaves_like(weight, FLOAT if is_number and total_size(structure) == 1 else structure, "the weight")


def map_leaves(function: Callable[[Any], Any], tree: Any) -> Any:
    """The container with every leaf replaced."""
    leaves: list[Any] = []
    structure = flatten(tree, leaves)
    return unflatten(structure, iter([function(leaf) for leaf in leaves]))
