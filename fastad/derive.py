"""Derivatives recorded as instructions: how transforms nest.

Called while another function is being recorded, a transform goes on in that recording: it copies its
arguments to fresh slots (so that they are told apart from everything else, captured outer values
included), runs the function with the log of the builder on, and then walks the log backwards. The
partials of each operation are evaluated from their formulas in the table on the traced operands, and
so become instructions themselves, which outer transforms differentiate in turn, to any depth.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np

from fastad import formula
from fastad.array_rules import extremum_part, product_parts
from fastad.containers import (
    Structure,
    flatten,
    leaf_shapes,
    leaf_size,
    leaves_like,
    map_leaves,
    unflatten,
    weight_leaves,
)
from fastad.errors import NonScalarOutput, ShapeMismatch
from fastad.ops import ARRAY_BY_NAME, BY_CODE, BY_NAME, Op
from fastad.program import Address
from fastad.record.builder import CONSTANT, Builder, Entry, current
from fastad.record.elementwise import elementwise
from fastad.record.products import scatter_sum
from fastad.record.traced import TracedArray, TracedScalar, as_array, copied, fresh_array, is_traced, plain, scalar_of

SUM, MATMUL = ARRAY_BY_NAME["sum"].code, ARRAY_BY_NAME["matmul"].code
EXTREMA = ARRAY_BY_NAME["max"].code, ARRAY_BY_NAME["min"].code
_NONE = -1


# --- fresh independents -----------------------------------------------------------------------------
def _independent(builder: Builder, leaf: Any) -> Any:
    """A copy of a leaf in slots of its own."""
    code = BY_NAME["copy"].code
    if not is_traced(leaf):
        value = np.array(plain(leaf), np.float64)
        if np.ndim(leaf) == 0 and not isinstance(leaf, np.ndarray):
            return TracedScalar(builder, builder.scalar(code, *(builder.constant(float(value)),) * 2), float(value))
        address = Address(builder.constant_array(value), value.size, max(value.size, 1))
        return fresh_array(builder, value, builder.block(code, value.size, (address,)))
    return elementwise(BY_NAME["copy"], leaf)


def _own(leaf: Any) -> Any:
    """The leaf, or a copy of an array: the function may write into its arguments, its caller into results."""
    if type(leaf) is TracedArray:
        return TracedArray(leaf.value.copy()) if leaf.passive else copied(leaf)
    return TracedArray(np.array(leaf, np.float64)) if isinstance(leaf, np.ndarray) else leaf


class _Log:
    """Context in which the builder logs; `entries` are those of this context."""

    def __init__(self, builder: Builder) -> None:
        self.builder = builder

    def __enter__(self) -> _Log:
        self.owner = self.builder.log is None
        if self.owner:
            self.builder.log = []
        self.start = len(self.builder.log or ())
        return self

    def __exit__(self, *_: object) -> None:
        if self.owner:
            self.builder.log = None

    def entries(self) -> list[Entry]:
        return list((self.builder.log or [])[self.start :])


# --- the recorded adjoint sweep ---------------------------------------------------------------------
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
def _partial(op: Op, k: int) -> Callable[..., Any]:
    """The k-th partial as a function of operands and result that runs on traced arrays."""
    functions = formula.numpy_functions()
    names = (*op.operands, "v")
    steps = []
    for name, text in op.setup:
        steps.append((name, formula.compile_formula(text, names, functions, on_arrays=True)))
        names = (*names, name)
    final = formula.compile_formula(op.partials[k], names, functions, on_arrays=True)

    def partial(*values: Any) -> Any:
        known = list(values)
        for _, step in steps:
            known.append(step(*known))
        return final(*known)

    return partial


def _contributions(entry: Entry, g: Any, depends: Callable[[Any], bool]) -> list[tuple[np.ndarray, Any]]:
    """(slots, contribution) for each operand that depends on the independents."""
    x = entry.operands[0]
    if entry.code == SUM:
        return [(_slots(x).ravel(), np.repeat(np.ravel(g), entry.sizes[0]))]
    if entry.code == MATMUL:
        return [(_slots(factor).ravel(), part) for factor, part in product_parts(entry, g, depends)]
    if entry.code in EXTREMA:
        return [(_slots(x).ravel(), extremum_part(entry, g))]
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
        slope = _partial(op, k)(*entry.operands, entry.result)
        return elementwise(BY_NAME["absolute_zero_multiply"], slope, g)


def _pull_back(
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


# --- transforms inside a recording ------------------------------------------------------------------
class _Nested:
    """A function run in the current recording on fresh copies of some of its arguments."""

    def __init__(
        self, function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any], argnums: Any
    ) -> None:
        from fastad.record.recorder import normal_output, output_leaves, run_substituted
        from fastad.replay import normal_argnums

        builder = current()
        assert builder is not None
        self.builder = builder
        self.argnums = normal_argnums(argnums, len(args))
        self.structures: list[Structure] = []
        self.independents: list[Any] = []
        new_args = [map_leaves(_own, arg) for arg in args]
        for number in self.argnums:
            leaves: list[Any] = []
            self.structures.append(flatten(args[number], leaves, numbers=True))
            fresh = [_independent(builder, leaf) for leaf in leaves]
            self.independents += fresh
            new_args[number] = unflatten(self.structures[-1], iter(map(_own, fresh)))
        with _Log(builder) as log:
            result = normal_output(run_substituted(function, tuple(new_args), map_leaves(_own, kwargs)))
            self.outputs, self.out_structure = output_leaves(result)
            self.entries = log.entries()
        self.value = unflatten(self.out_structure, iter(map(_own, self.outputs)))

    def scalar_output(self) -> Any:
        shapes = leaf_shapes(self.out_structure)
        if len(shapes) != 1 or leaf_size(shapes[0]) != 1:
            raise NonScalarOutput(f"the function returned leaves of shapes {shapes}, but a scalar is needed here")
        out = self.outputs[0]
        return out.reshape(-1)[0] if np.ndim(plain(out)) else out

    def adjoints(self, weights: list[Any]) -> list[Any]:
        """Adjoints of the differentiated arguments for weights of the output leaves."""
        flat = _pull_back(self.builder, self.entries, self.independents, self.outputs, weights)
        leaves = iter(flat)
        return [unflatten(structure, leaves) for structure in self.structures]

    def unit_weights(self, position: int) -> list[np.ndarray]:
        """Weights that pick the output number at `position`."""
        weights, start = [], 0
        for shape in leaf_shapes(self.out_structure):
            weight = np.zeros(leaf_size(shape))
            if start <= position < start + weight.size:
                weight[position - start] = 1.0
            weights.append(weight.reshape(shape or ()))
            start += weight.size
        return weights


def value_and_gradients(function: Callable[..., Any], args: Any, kwargs: Any, argnums: Any) -> tuple[Any, list[Any]]:
    """The value, and one gradient an argument in `argnums`."""
    nested = _Nested(function, args, kwargs, argnums)
    value = nested.scalar_output()
    shape = np.shape(plain(nested.outputs[0]))
    return value, nested.adjoints([np.ones(shape)])


def vjp(function: Callable[..., Any], primals: tuple[Any, ...]) -> tuple[Any, Callable[[Any], tuple[Any, ...]]]:
    """The value and the pullback."""
    nested = _Nested(function, primals, {}, tuple(range(len(primals))))

    def pullback(weight: Any) -> tuple[Any, ...]:
        return tuple(nested.adjoints(weight_leaves(weight, nested.out_structure)))

    return nested.value, pullback


def jvp(function: Callable[..., Any], primals: tuple[Any, ...], tangents: tuple[Any, ...]) -> tuple[Any, Any]:
    """The value and the tangent: the pullback is linear in its weight, and the tangent is its transpose."""
    nested = _Nested(function, primals, {}, tuple(range(len(primals))))
    builder = nested.builder
    weights = [
        _independent(builder, np.zeros(shape) if shape is not None else 0.0)
        for shape in leaf_shapes(nested.out_structure)
    ]
    with _Log(builder) as log:
        adjoints: list[Any] = []
        for part in nested.adjoints(weights):
            flatten(part, adjoints)
        entries = log.entries()
    directions: list[Any] = []
    for number, (tangent, structure) in enumerate(zip(tangents, nested.structures, strict=True)):
        directions += leaves_like(tangent, structure, f"tangent {number}")
    outputs = _pull_back(builder, entries, weights, adjoints, directions)
    return nested.value, unflatten(nested.out_structure, iter(outputs))


def directional(function: Callable[..., Any], x: Any, direction: Any, normalize: bool) -> Any:
    """The derivative along a direction."""
    if normalize:
        leaves: list[Any] = []
        structure = flatten(direction, leaves, numbers=True)
        length = np.sqrt(sum(np.sum(np.square(leaf)) for leaf in leaves))
        direction = unflatten(structure, iter([leaf / length for leaf in leaves]))
    return jvp(function, (x,), (direction,))[1]


def _rows(nested: _Nested) -> list[list[Any]]:
    """For every output number, the adjoints of the differentiated arguments."""
    count = sum(leaf_size(shape) for shape in leaf_shapes(nested.out_structure))
    return [nested.adjoints(nested.unit_weights(i)) for i in range(count)]


def jacobians(function: Callable[..., Any], args: Any, kwargs: Any, argnums: Any) -> list[Any]:
    """One Jacobian an argument in `argnums`, row by row; for arrays and numbers, not containers."""
    nested = _Nested(function, args, kwargs, argnums)
    shapes = leaf_shapes(nested.out_structure)
    lead = (len(shapes),) if all(shape is None for shape in shapes) and len(shapes) > 1 else shapes[0] or ()
    rows = _rows(nested)
    results = []
    for k, structure in enumerate(nested.structures):
        if structure[0] not in ("array", "float") or (len(shapes) > 1 and lead == shapes[0]):
            raise ShapeMismatch("a Jacobian inside a function being differentiated takes and gives single arrays")
        parts = [as_array(row[k]) if is_traced(row[k]) else np.asarray(row[k]) for row in rows]
        results.append(np.reshape(np.stack(parts), lead + (leaf_shapes(structure)[0] or ())))
    return results


def hessians(function: Callable[..., Any], args: Any, kwargs: Any, argnums: Any) -> tuple[tuple[Any, ...], ...]:
    """Blocks of the Hessian: the Jacobian of the gradient."""
    from fastad.replay import normal_argnums

    numbers = normal_argnums(argnums, len(args))

    def gradient(k: int) -> Callable[..., Any]:
        return lambda *inner, **options: value_and_gradients(function, inner, options, numbers)[1][k]

    return tuple(tuple(jacobians(gradient(k), args, kwargs, numbers)) for k in range(len(numbers)))


def hessian_product(function: Callable[..., Any], args: Any, kwargs: Any, argnums: int, v: Any) -> Any:
    """H @ v as the gradient of the directional derivative."""
    number = argnums % len(args)

    def slope(x: Any) -> Any:
        rest = list(args)

        def section(z: Any) -> Any:
            rest[number] = z
            return function(*rest, **kwargs)

        return jvp(section, (x,), (v,))[1]

    return value_and_gradients(slope, (args[number],), {}, 0)[1][0]
