"""Compiled functions that recorded NumPy code calls: one instruction, with compiled derivatives.

Theory of operation. Called on traced values, a compiled function is a primitive whose rules are its own compiled
derivatives: adjoints from a tape of edges, tangents by duals. Both are primitives themselves, linear in the weight
and in the tangents, and their rules are each other and the second-order pass; so there are two derivatives in all. A
function that assigns elements of its arguments stands for one that returns them too, and they are assigned on behind
the call.
"""

from __future__ import annotations

from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
from numba import njit

from fastad.containers import flatten, leaf_shapes, leaf_size, pack, split, unflatten
from fastad.errors import NoSecondDerivative
from fastad.native.derivatives import derivatives_of
from fastad.native.effects import writes_to_arguments
from fastad.native.vectorized import as_dispatcher
from fastad.replay import Call
from fastad.user_primitives import VectorPrimitive

_known: WeakKeyDictionary[Any, Any] = WeakKeyDictionary()


def call_on_traced(dispatcher: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """The result of a compiled function for arguments of which some are traced."""
    if not writes_to_arguments(dispatcher):
        return primitive_of(dispatcher)(*args, **kwargs)
    args = primitive_of(dispatcher)._bound(args, kwargs)[0]
    result, after = primitive_of(returning_arguments(dispatcher))(*args)
    for argument, value in zip(args, after, strict=True):
        if isinstance(argument, np.ndarray) or hasattr(argument, "slots"):
            argument[...] = value
    return result


def call_vectorised(function: Any, args: tuple[Any, ...]) -> Any:
    """The result of a function that Numba has vectorised, for arguments of which some are traced."""
    return call_on_traced(as_dispatcher(function), args, {})


def returning_arguments(dispatcher: Any) -> Any:
    """The function that returns its arguments, as it left them, behind its result."""
    made = _known.setdefault(dispatcher, {})
    if "returning" not in made:
        code = dispatcher.py_func.__code__
        names = ", ".join(code.co_varnames[: code.co_argcount])
        scope: dict[str, Any] = {"f": dispatcher}
        exec(f"def returning({names}):\n    return f({names}), ({names},)", scope)
        scope["returning"].__name__ = scope["returning"].__qualname__ = dispatcher.__name__
        made["returning"] = njit(error_model="numpy")(scope["returning"])
    return made["returning"]


def primitive_of(dispatcher: Any) -> VectorPrimitive:
    """The function as a primitive, made once."""
    made = _known.setdefault(dispatcher, {})
    if "primitive" not in made:
        made["primitive"] = _primitive(dispatcher)
    return made["primitive"]


def _primitive(dispatcher: Any) -> VectorPrimitive:
    name = f"{dispatcher.__module__}.{dispatcher.__name__}"
    point = _Point(dispatcher)

    def tangents_of_second(tangents, result, weight, direction, *args):
        raise NoSecondDerivative(
            f"a third derivative was asked for through the compiled function {dispatcher.__name__}, which has two: "
            f"write it in NumPy, or "
            f"differentiate {dispatcher.__name__}.py_func"
        )

    second = VectorPrimitive(point.second, jvp=tangents_of_second, name=f"{name} (second)", differentiable_rules=False)
    push = VectorPrimitive(point.push, name=f"{name} (tangents)")
    pull = VectorPrimitive(point.pull, name=f"{name} (adjoints)")

    @pull.vjp
    def _(bars, result, weight, *args):
        return push(bars, *args), *second(weight, bars, *args)

    @push.vjp
    def _(weight, result, direction, *args):
        return pull(weight, *args), *second(weight, direction, *args)

    def pulled(weight, result, *args):
        return pull(weight, *args)

    def pushed(tangents, result, *args):
        return push(tangents, *args)

    return VectorPrimitive(dispatcher, pulled, pushed, name)


class _Point:
    """The passes of a compiled function, on what the rules of a primitive are given."""

    def __init__(self, dispatcher: Any) -> None:
        self.derivatives = derivatives_of(dispatcher)

    def _call(self, args: tuple[Any, ...]) -> Call:
        numbers = tuple(k for k, a in enumerate(args) if sum(map(leaf_size, leaf_shapes(flatten(a, [])))) > 0)
        return Call(args, {}, numbers)

    def _collected(self, call: Call, flat: np.ndarray) -> tuple[Any, ...]:
        """What belongs to each argument: adjoints in its structure, None for those without numbers."""
        parts: list[Any] = [None] * len(call.parts)
        start = 0
        for number, structure in zip(call.argnums, call.arg_structures, strict=True):
            stop = start + call.parts[number].stop - call.parts[number].start
            parts[number] = unflatten(structure, split(flat[start:stop], structure))
            start = stop
        return tuple(parts)

    def _flat(self, tree: Any) -> np.ndarray:
        leaves: list[Any] = []
        flatten(tree, leaves)
        return pack(leaves)

    def pull(self, weight: Any, *args: Any) -> tuple[Any, ...]:
        call = self._call(args)
        rows = self.derivatives.adjoints(call.argnums, call.plain()[0], self._flat(weight)[None, :])
        return self._collected(call, rows[0])

    def push(self, direction: Any, *args: Any) -> Any:
        call, leaves = self._call(args), []  # type: ignore[var-annotated]
        structure = flatten(self.derivatives.plain(*call.plain()[0]), leaves)
        rows = self.derivatives.tangents(call.argnums, call.plain()[0], self._flat(direction)[None, :])
        return unflatten(structure, split(rows[0], structure))

    def second(self, weight: Any, direction: Any, *args: Any) -> tuple[Any, ...]:
        call = self._call(args)
        seeds = self._flat(direction)[None, :]
        rows = self.derivatives.second_order(call.argnums, call.plain()[0], self._flat(weight), seeds)
        return self._collected(call, rows[0])
