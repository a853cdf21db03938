"""The adjoint sweep, recorded: how derivatives become instructions.

While a function is run with the builder's log on, every instruction leaves an entry with its operands and its result.
`pull_back` walks these entries backwards. The partials of each operation are evaluated from their formulas in the
table on the traced operands, and so become instructions themselves, which outer transforms differentiate in turn.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np

from fastad import formula
from fastad.array_rules import extremum_part, product_parts
from fastad.ops import ARRAY_BY_NAME, BY_CODE, BY_NAME, Op, slope_row
from fastad.record.builder import CONSTANT, Builder, Entry
from fastad.record.elementwise import elementwise
from fastad.record.products import scatter_sum
from fastad.record.traced import TracedArray, TracedScalar, as_array, is_traced, plain, scalar_of

SUM, MATMUL, CALL = (ARRAY_BY_NAME[name].code for name in ("sum", "matmul", "call"))
EXTREMA = ARRAY_BY_NAME["max"].code, ARRAY_BY_NAME["min"].code
_NONE = -1


class _Bars:
    """Adjoints of slots while the log is walked backwards: their values and slots, _NONE where zero."""

    def __init__(self, builder: Builder, size: int, depends: np.ndarray) -> None:
        self.builder, self.depends = builder, depends
        self.values, self.slots = np.zeros(size), np.full(size, _NONE, np.int64)

    def gather(self, slots: np.ndarray) -> Any:
        """Adjoints of some slots, shaped like them; None if all are zero."""
        inside = slots < self.slots.size
        known = np.where(inside, slots, 0)
        at = np.where(inside, self.slots[known], _NONE)
        if np.all(at == _NONE):
            return None
        zero = self.builder.constant(0.0)
        value, at = np.where(at == _NONE, 0.0, self.values[known]), np.where(at == _NONE, zero, at)
        return scalar_of(self.builder, int(at), value[()]) if slots.ndim == 0 else TracedArray(value, at, self.builder)

    def add(self, slots: np.ndarray, part: Any) -> None:
        """Add contributions to the adjoints of some slots (which may repeat)."""
        if slots.ndim == 0:
            slots, part = slots.reshape(1), np.reshape(part, 1)
        slots, part = slots.ravel(), np.ravel(part)
        wanted = self.depends[np.minimum(slots, self.depends.size - 1)] & (slots < self.depends.size)
        if not wanted.all():
            where = np.flatnonzero(wanted)
            slots, part = slots[where], part[where]
        if slots.size == 0:
            return
        unique, index = np.unique(slots, return_inverse=True)
        if unique.size < slots.size:
            part = as_array(scatter_sum(self._traced(part), index, unique.size))
            slots = unique
        old = self.slots[slots] != _NONE
        if old.any():
            part = part + TracedArray(np.where(old, self.values[slots], 0.0), self._or_zero(slots), self.builder)
        part = self._traced(part)
        self.values[slots], self.slots[slots] = part.value, part.slots

    def _or_zero(self, slots: np.ndarray) -> np.ndarray:
        at = self.slots[slots]
        return np.where(at == _NONE, self.builder.constant(-0.0), at)

    def _traced(self, part: Any) -> TracedArray:
        if is_traced(part):
            return as_array(part)
        values = np.asarray(plain(part), np.float64)
        return TracedArray(
            values, np.array([self.builder.constant(v) for v in values.tolist()], np.int64), self.builder
        )


def _slots(x: Any) -> np.ndarray:
    """Slots of a logged value; passive values have none that matter."""
    if type(x) is TracedScalar:
        return np.array(x.slot)
    return x.slots if is_traced(x) else np.full(np.shape(plain(x)), CONSTANT)


def _dependence(entries: list[Entry], independents: list[Any], size: int) -> np.ndarray:
    """Which slots depend on the independents."""
    depends = np.zeros(size, bool)
    for leaf in independents:
        depends[_slots(leaf)] = True
    for entry in entries:
        kinds = BY_CODE[entry.code].linearity
        for operand, kind in zip(entry.operands, kinds, strict=True):
            if kind in ("step", "constant"):
                continue
            slots = _slots(operand)
            if depends[slots[slots < size]].any():
                depends[_slots(entry.result)] = True
    return depends


@cache
def _formulas(op: Op) -> formula.Formulas:
    """The row's formulas for traced arrays."""
    return formula.Formulas(op, formula.numpy_functions(), on_arrays=True)


def _contributions(entry: Entry, g: Any, depends: Callable[[Any], bool]) -> list[tuple[np.ndarray, Any]]:
    """(slots, contribution) for each operand that depends on the independents."""
    x = entry.operands[0]
    if entry.code == SUM:
        return [(_slots(x).ravel(), np.repeat(np.ravel(g), entry.sizes[0]))]
    if entry.code == MATMUL:
        return [(_slots(factor).ravel(), part) for factor, part in product_parts(entry, g, depends)]
    if entry.code in EXTREMA:
        return [(_slots(x).ravel(), extremum_part(entry, g))]
    if entry.code == CALL:
        return _call_contributions(entry, g, depends)
    op = BY_CODE[entry.code]
    if not isinstance(op, Op):  # scatter_sum
        return [(_slots(x).ravel(), np.ravel(g)[entry.table])]
    parts = []
    for k, operand in enumerate(entry.operands):
        if op.partials[k] == "0" or not depends(operand):
            continue
        slots = np.broadcast_to(_slots(operand), np.shape(plain(entry.result)))
        parts.append((slots, _scaled(op, k, entry, g)))
    return parts


def _scaled(op: Op, k: int, entry: Entry, g: Any) -> Any:
    """The k-th partial times the adjoint, under the absolute-zero rule."""
    text = op.partials[k]
    if text in ("1", "-1"):
        return g if text == "1" else -g
    with np.errstate(all="ignore"):
        if op.slopes:
            slope = elementwise(slope_row(op, k), *entry.operands)
        else:
            known = dict(zip((*op.operands, "v"), (*entry.operands, entry.result), strict=True))
            slope = _formulas(op).evaluate(op.partials[k], known)
        return elementwise(BY_NAME["absolute_zero_multiply"], slope, g)


def _call_contributions(entry: Entry, g: Any, depends: Callable[[Any], bool]) -> list[tuple[np.ndarray, Any]]:
    """The rule of a primitive, run on traced arrays."""
    from fastad.record.recorder import run_substituted

    assert entry.call is not None
    active = sum(1 << k for k, operand in enumerate(entry.operands) if np.size(plain(operand)) and depends(operand))
    with np.errstate(all="ignore"):
        bars = run_substituted(entry.call.pull, (entry.result, entry.operands, g, active), {})
    pairs = zip(entry.operands, bars, strict=True)
    return [(_slots(x), bar) for k, (x, bar) in enumerate(pairs) if bar is not None and active >> k & 1]


def pull_back(
    builder: Builder, entries: list[Entry], independents: list[Any], outputs: list[Any], weights: list[Any]
) -> list[Any]:
    """Adjoints of the independents, recorded."""
    size = builder.next
    depends = _dependence(entries, independents, size)
    bars = _Bars(builder, size, depends)

    def is_wanted(operand: Any) -> bool:
        slots = _slots(operand)
        return bool(depends[slots[slots < size]].any())

    for output, weight in zip(outputs, weights, strict=True):
        if is_traced(output):
            bars.add(_slots(output), weight)
    for entry in reversed(entries):
        if is_wanted(entry.result):
            g = bars.gather(_slots(entry.result))
            if g is not None:
                for slots, part in _contributions(entry, g, is_wanted):
                    bars.add(slots, part)
    return [_leaf_adjoint(bars, leaf) for leaf in independents]


def _leaf_adjoint(bars: _Bars, leaf: Any) -> Any:
    g = bars.gather(_slots(leaf))
    if g is None:
        return 0.0 if type(leaf) is TracedScalar else np.zeros(leaf.shape)
    return g
