"""Arguments and results of user-defined primitives, between flat leaves and what users see.

Theory of operation. A rule returns containers like the arguments (adjoints) or like the result (tangents), with None
for zeros. They are taken apart along the known structure, and what does not fit it is an error that names the rule.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from fastad.containers import Structure, flatten, leaf_shapes, unflatten
from fastad.errors import RuleMismatch, UnsupportedDtype
from fastad.record.creation import gather_objects
from fastad.record.indexing import guard_array
from fastad.record.traced import TracedArray, TracedScalar, as_array, is_traced, plain


def adjoint_leaves(bars: Any, arguments: Structure, what: str) -> list[Any]:
    """The leaves of what a vjp returned, for arguments of a structure."""
    children = arguments[1:]
    if len(children) == 1 and not (isinstance(bars, tuple) and len(bars) == 1):
        bars = (bars,)
    if not isinstance(bars, tuple | list) or len(bars) != len(children):
        found = f"{len(bars)} adjoints" if isinstance(bars, tuple | list) else f"a {type(bars).__name__}"
        raise RuleMismatch(
            f"{what} returned {found}; a tuple with one adjoint for each of the {len(children)} positional arguments "
            "is needed (None for an argument without one)"
        )
    pairs = enumerate(zip(bars, children, strict=True))
    return [leaf for k, (bar, child) in pairs for leaf in rule_leaves(bar, child, f"{what} for argument {k}")]


def rule_leaves(tree: Any, structure: Structure, what: str) -> list[Any]:
    """The leaves of a container like `structure`; None stands for zeros."""
    kind = structure[0]
    if kind == "static":
        return []
    if kind in ("float", "array"):
        return [_rule_leaf(tree, structure, what)]
    names, children = range(len(structure) - 1), structure[1:]
    if issubclass(kind, dict):
        names, children = structure[1], structure[2:]
    if tree is None:
        return [np.zeros(shape or ()) for shape in leaf_shapes(structure)]
    fits = isinstance(tree, dict if issubclass(kind, dict) else tuple | list)
    if not fits or (set(tree) != set(names) if issubclass(kind, dict) else len(tree) != len(children)):
        parts = f"the keys {list(names)}" if issubclass(kind, dict) else f"{len(children)} entries"
        raise RuleMismatch(f"{what} is {tree!r:.80}, but a {kind.__name__} with {parts} is needed")
    return [x for name, child in zip(names, children, strict=True) for x in rule_leaves(tree[name], child, what)]


def _rule_leaf(tree: Any, structure: Structure, what: str) -> Any:
    shape = leaf_shapes(structure)[0] or ()
    if tree is None:
        return np.zeros(shape)
    leaf = gather_objects(tree)
    values = np.asarray(plain(leaf))
    if values.dtype.kind not in "fiub" or values.dtype.itemsize > 8:
        raise UnsupportedDtype(f"{what} is of dtype {values.dtype}: real numbers are needed")
    if values.shape != shape:
        raise RuleMismatch(f"{what} has the shape {values.shape}, but {shape} is needed")
    return as_array(leaf) if is_traced(leaf) else values.astype(np.float64)


class Static:
    """A keyword argument as it was given, hashable."""

    __slots__ = ("leaves", "structure")

    def __init__(self, structure: Structure, leaves: tuple[Any, ...]) -> None:
        self.structure, self.leaves = structure, leaves

    @classmethod
    def of(cls, value: Any) -> Static:
        leaves: list[Any] = []
        structure = flatten(value, leaves)
        return cls(structure, tuple(np.array(plain(x)) for x in leaves))

    def value(self) -> Any:
        return unflatten(self.structure, iter(x.copy() if x.ndim else x.item() for x in self.leaves))

    def _key(self) -> Any:
        return (self.structure, tuple((x.dtype.str, x.shape, x.tobytes()) for x in self.leaves))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Static) and other._key() == self._key()

    def __hash__(self) -> int:
        return hash(self._key())

    def __reduce__(self) -> Any:
        return Static, (self.structure, self.leaves)


def without_static(structure: Structure) -> Structure:
    """The structure with None in place of what is static."""
    kind = structure[0]
    if kind == "static":
        return ("static", type(None), None)
    if kind in ("float", "array"):
        return structure
    if issubclass(kind, dict):
        return (kind, structure[1], *map(without_static, structure[2:]))
    return (kind, *map(without_static, structure[1:]))


def gather_parts(tree: Any) -> Any:
    """A container with object arrays made regular, and truth values that are traced guarded: they are static."""
    kind = type(tree)
    if kind is TracedScalar and isinstance(tree.value, bool | np.bool_):
        return np.bool_(bool(tree))
    if kind is TracedArray and tree.dtype.kind != "f":
        return guard_array(tree) if is_traced(tree) else tree.value
    if kind is np.ndarray and tree.dtype == object:
        return gather_objects(tree)
    if isinstance(tree, tuple | list):
        parts = map(gather_parts, tree)
        return kind(*parts) if hasattr(kind, "_fields") else kind(parts)
    if isinstance(tree, dict):
        return kind((key, gather_parts(value)) for key, value in tree.items())
    return tree


def shaped(leaves: Sequence[Any], structure: Structure) -> list[Any]:
    """The leaves as users know them: what is a number in the structure as a number, not as an array."""

    def parts() -> Iterator[Any]:
        for leaf, shape in zip(leaves, leaf_shapes(structure), strict=True):
            if shape is not None or type(leaf) is TracedScalar:
                yield leaf
            elif type(leaf) is TracedArray:
                yield leaf.reshape(-1)[0]
            else:
                yield np.float64(leaf)

    return list(parts())


def static(value: Any) -> Any:
    """A static value as part of a structure."""
    return value if type(value) in (str, int, float, bool, type(None)) else Static.of(value)
