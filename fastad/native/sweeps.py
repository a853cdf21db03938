"""The adjoint sweep over a tape of edges: no opcodes, two products an entry."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import types

from fastad.native.components import plus, times, zero_of
from fastad.native.elementals import inner_kind, passive_maker
from fastad.native.memory import ENTRIES, inlined, load, outlined, store, word_at
from fastad.native.types import FLOAT, ActiveType, EdgesType, LanesType
from fastad.native.workspaces import cleared_bars

_INT64, _FLOAT64 = np.dtype(np.int64), np.dtype(np.float64)


def bytes_of(component: types.Type) -> int:
    """The size of a value, a partial or an adjoint."""
    if isinstance(component, LanesType):
        return 8 * component.lanes
    return 8 if component is FLOAT else 8 * (1 + component.lanes)  # type: ignore[attr-defined]


def entry_size(kind: ActiveType) -> int:
    return 8 + 2 * bytes_of(kind.component) if isinstance(kind, EdgesType) else 24


def number_size(kind: ActiveType) -> int:
    """The size of an active number in an array."""
    return 8 * sum(1 if field in (types.intp, types.int64) else bytes_of(field) // 8 for _, field in kind.fields)


_sweeps: dict[ActiveType, Any] = {}


def sweeps(kind: EdgesType) -> Any:
    """The compiled adjoint sweeps (from one dependent, from several) of a kind of edges, made once.

    Both return the address of the adjoints, where slot i + 1 is independent i's: `(tape, slot, slope, n)` takes the
    slot and the slope of the dependent; `(tape, slots, slopes, weights, n)` arrays of them and a weight for each.
    """
    if kind not in _sweeps:
        _sweeps[kind] = _from_one(kind), _from_several(kind)
    return _sweeps[kind]


def _from_one(kind: EdgesType) -> Any:
    size, downward = bytes_of(kind.component), _downward(kind)

    @outlined
    def sweep(tape, slot, slope, n):
        bars = cleared_bars(tape, size * (max(slot, n) + 1), size * (n + 1))
        store(bars + size * slot, slope)
        downward(tape, bars, slot, n)
        return bars

    return sweep


def _from_several(kind: EdgesType) -> Any:
    size, downward, read = bytes_of(kind.component), _downward(kind), _reader(kind.component)
    number = passive_maker(inner_kind(kind)) if kind.component is not FLOAT else inlined(lambda w: w)

    @outlined
    def sweep(tape, slots, slopes, weights, n):
        last = n
        for k in range(slots.size):
            last = max(last, slots[k])
        bars = cleared_bars(tape, size * (last + 1), size * (n + 1))
        for k in range(slots.size):
            bar = bars + size * slots[k]
            store(bar, plus(read(bar), times(slopes[k], number(weights[k]))))
        downward(tape, bars, last, n)
        return bars

    return sweep


def _downward(kind: EdgesType) -> Any:
    """The loop over the entries from the last one down to the independents."""
    size, width = bytes_of(kind.component), entry_size(kind)
    read, add, zero = _reader(kind.component), _adder(kind.component), zero_of(kind.component)
    is_zero = inlined((lambda g: g == 0.0) if kind.component is FLOAT else (lambda g: False))

    @inlined
    def downward(tape, bars, last, n):
        entries = word_at(tape, ENTRIES)
        for i in range(last, n, -1):
            g = read(bars + size * i)
            if is_zero(g):
                continue
            store(bars + size * i, zero())
            entry = entries + width * i
            slots = load(_INT64, entry)
            add(bars + size * (slots & 0xFFFFFFFF), read(entry + 8), g)
            add(bars + size * (slots >> 32), read(entry + 8 + size), g)

    return downward


def _adder(component: Any) -> Any:
    """The compiled function (address, d, g): add d * g to what stands there."""
    read = _reader(component)
    return inlined(lambda address, d, g: store(address, plus(read(address), times(d, g))))


def _reader(component: Any) -> Any:
    """The compiled function address -> what stands there."""
    if component is FLOAT:
        return inlined(lambda address: load(_FLOAT64, address))
    example = zero_of(component)
    return inlined(lambda address: load(example(), address))
