"""Rows of the table of operations as functions: shared by the tests in this folder.

A `Rendering` gives the formulas' names a meaning (NumPy, SymPy expressions, ...) and evaluates whole rows:
setup, value, partials and second partials, in the order that their dependences ask for.
"""

from __future__ import annotations

import ast
import random
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from fastad.formula import compile_formula
from fastad.ops import OPS, Op

ROWS = {op.name: op for op in OPS}

# Where random operands of a row are drawn from; (-3, 3) for all others.
_UNIT, _POSITIVE = ((-1.0, 1.0),), ((0.0, 5.0),)
_BOXES: dict[str, tuple[tuple[float, float], ...]] = {
    "sqrt": _POSITIVE, "log": _POSITIVE, "log2": _POSITIVE, "log10": _POSITIVE, "log1p": ((-1.0, 5.0),),
    "arcsin": _UNIT, "arccos": _UNIT, "arctanh": _UNIT, "arccosh": ((1.0, 5.0),),
    "power": ((0.0, 3.0), (-3.0, 3.0)), "power_constant": ((0.0, 3.0), (-3.0, 3.0)),
}  # fmt: skip


class Values(NamedTuple):
    """What a row says at one point."""

    value: Any
    partials: tuple[Any, ...]
    second: tuple[Any, ...]


class Rendering:
    """The rows with a given meaning of the functions and constants of the formula language."""

    def __init__(self, functions: Mapping[str, Any], on_arrays: bool = False) -> None:
        self.functions, self.on_arrays = functions, on_arrays
        self._compiled: dict[tuple[str, str], Callable[..., Any]] = {}

    def formula(self, op: Op, text: str, known: Mapping[str, Any]) -> Any:
        """One formula of a row, with the names known so far."""
        if (op.name, text) not in self._compiled:
            compiled = compile_formula(text, all_names(op), self.functions, self.on_arrays)
            self._compiled[op.name, text] = compiled
        return self._compiled[op.name, text](*(known.get(name) for name in all_names(op)))

    def row(self, op: Op, operands: tuple[Any, ...]) -> Values:
        """Value, partials and second partials at `operands`."""
        known = dict(zip(op.operands, operands, strict=True))
        for name, text in setup_before_value(op):
            known[name] = self.formula(op, text, known)
        known["v"] = self.formula(op, op.primal, known)
        for name, text in op.setup:
            if name not in known:
                known[name] = self.formula(op, text, known)
        partials = tuple(self.formula(op, text, known) for text in op.partials)
        return Values(known["v"], partials, tuple(self.formula(op, text, known) for text in op.second))


def all_names(op: Op) -> tuple[str, ...]:
    """Every name that a formula of the row may use."""
    return (*op.operands, "v", *(name for name, _ in op.setup))


def used_names(text: str) -> set[str]:
    return {node.id for node in ast.walk(ast.parse(text, mode="eval")) if isinstance(node, ast.Name)}


def setup_before_value(op: Op) -> list[tuple[str, str]]:
    """The setup that does not need the value `v`, in order."""
    late, rows = {"v"}, []
    for name, text in op.setup:
        if used_names(text) & late:
            late.add(name)
        else:
            rows.append((name, text))
    return rows


def random_points(op: Op, count: int) -> list[tuple[float, ...]]:
    """Reproducible operands inside the row's domain; almost surely away from kinks."""
    boxes = _BOXES.get(op.name.partition("_slope")[0], ((-3.0, 3.0),) * op.arity)
    draw = random.Random(op.code)
    return [tuple(draw.uniform(*box) for box in boxes) for _ in range(count)]


def second_pairs(op: Op) -> list[tuple[int, int]]:
    """The operands that each entry of `op.second` belongs to: aa, ab, bb, ..."""
    return [(i, j) for i in range(op.arity) for j in range(i, op.arity)]
