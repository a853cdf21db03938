"""Derivatives recorded as instructions: how transforms nest.

Called while another function is being recorded, a transform goes on in that recording: it copies its
arguments to fresh slots (so that they are told apart from everything else, captured outer values
included), runs the function with the log of the builder on, and then walks the log backwards
(`recorded_adjoint`), to any depth.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

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
from fastad.ops import BY_NAME
from fastad.program import Address
from fastad.record.builder import Builder, Entry, current
from fastad.record.elementwise import elementwise
from fastad.record.traced import TracedArray, TracedScalar, as_array, copied, fresh_array, is_traced, plain
from fastad.recorded_adjoint import pull_back


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
        flat = pull_back(self.builder, self.entries, self.independents, self.outputs, weights)
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
    outputs = pull_back(builder, entries, weights, adjoints, directions)
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


def hessian_product(
    function: Callable[..., Any], args: Any, kwargs: Any, argnums: int, v: Any, weight: Any = None
) -> Any:
    """H @ v as the gradient of the directional derivative, of the outputs combined by a weight where there is one."""
    section, x = _section(function, args, kwargs, argnums)

    def slope(x: Any) -> Any:
        dots = jvp(section, (x,), (v,))[1]
        return dots if weight is None else _inner(weight, dots)

    return value_and_gradients(slope, (x,), {}, 0)[1][0]


def normal_product(function: Callable[..., Any], args: Any, kwargs: Any, argnums: int, v: Any) -> Any:
    """J' J v: the tangent, pulled back."""
    section, x = _section(function, args, kwargs, argnums)
    return vjp(section, (x,))[1](jvp(section, (x,), (v,))[1])[0]


def _section(function: Callable[..., Any], args: Any, kwargs: Any, argnums: int) -> tuple[Callable[[Any], Any], Any]:
    """The function of one of its arguments, and that argument."""
    number, rest = argnums % len(args), list(args)

    def section(z: Any) -> Any:
        return function(*rest[:number], z, *rest[number + 1 :], **kwargs)

    return section, args[number]


def _inner(weight: Any, dots: Any) -> Any:
    leaves: list[Any] = []
    structure = flatten(dots, leaves, numbers=True)
    pairs = zip(weight_leaves(weight, structure), leaves, strict=True)
    return sum(np.sum(elementwise(BY_NAME["absolute_zero_multiply"], w, dot)) for w, dot in pairs)
