"""Primitives that users define: any Python code, with derivative rules of its own.

Theory of operation. The arguments of a call are taken apart: floats and arrays of floats (in containers too) become
the arguments of a `Primitive`, and everything else is part of a hashable structure, which is an option of the call, as
the structure of the result is. The function and its rules see what the user wrote: containers, numbers and arrays.

The function runs outside of all recordings, and so do its rules in sweeps. While a further derivative is recorded, the
rules run as recorded code, on traced values; where a rule cannot be recorded, an error says so.
"""

from __future__ import annotations

import functools
import inspect
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from fastad.containers import Structure, flatten, leaf_shapes, unflatten
from fastad.errors import DerivativeCut, MissingRule, NoSecondDerivative, RuleMismatch, UnsupportedDtype
from fastad.primitives import Call, Primitive, _known
from fastad.record import calls
from fastad.record.builder import CONSTANT, outside_recordings, user_line
from fastad.record.creation import gather_objects
from fastad.record.recorder import normal_output, output_leaves, run_substituted
from fastad.record.stand_ins import CURRENT
from fastad.record.traced import TracedScalar, common_builder, is_traced, plain
from fastad.rule_results import Static, adjoint_leaves, gather_parts, rule_leaves, shaped, static, without_static

NEXT_DERIVATIVE = "write the rule in NumPy, from functions that fastad records or further primitives"


def is_compiled(function: Any) -> bool:
    """Whether a function is a dispatcher of Numba."""
    return callable(getattr(function, "py_func", None)) and hasattr(function, "signatures")


def full_name(function: Any) -> str:
    """Module and qualified name of a function."""
    plain_function = getattr(function, "py_func", function)
    module = getattr(plain_function, "__module__", None) or "__main__"
    return f"{module}.{getattr(plain_function, '__qualname__', type(plain_function).__name__)}"


class UserPrimitive(Primitive):
    """What vector and element-wise primitives have in common: their names, and their check."""

    is_user_defined = True

    def __init__(self, name: str, value: Callable[..., Any], pull: Any, push: Any, differentiable_rules: bool) -> None:
        known = _known.get(name)
        if known is not None and not known.is_user_defined:
            raise ValueError(f"the name {name!r} is that of one of fastad's own primitives: give another one")
        super().__init__(name, value, pull, push)
        self.differentiable_rules = differentiable_rules

    def __reduce__(self) -> Any:
        return find_primitive, (self.saved_name(),)

    def saved_name(self) -> str:
        """The name, by which another process must find this very primitive."""
        if "<" in self.name or _known.get(self.name) is not self:
            raise UnsupportedDtype(
                f"the primitive {self.name!r} cannot be saved or pickled: it was defined inside a function, or its "
                "name has been given again; define it in a module, or give it a name of its own (name=...)"
            )
        return self.name

    def run_rule(self, kind: str, rule: Callable[..., Any], args: tuple[Any, ...], options: dict[str, Any]) -> Any:
        """A rule on plain values, or recorded where a value is traced."""
        leaves: list[Any] = []
        flatten((args, options), leaves)
        if not any(map(is_traced, leaves)):
            with outside_recordings():
                return rule(*args, **options)
        if not self.differentiable_rules:
            raise self.not_differentiable(kind, "it was declared so (differentiable_rules=False)")
        try:
            return normal_output(run_substituted(getattr(rule, "py_func", rule), args, options))
        except NoSecondDerivative:
            raise
        except Exception as error:
            raise self.not_differentiable(kind, f"{type(error).__name__}: {error}") from error

    def not_differentiable(self, kind: str, why: str) -> NoSecondDerivative:
        return NoSecondDerivative(
            f"a further derivative was asked for at {user_line()}, but the {kind} of the primitive {self.name} cannot "
            f"be differentiated: {why}. For further derivatives, {NEXT_DERIVATIVE}"
        )

    def check(self, *args: Any, order: int = 1, **options: Any) -> Any:
        """Compare the rules with finite differences, and forward with reverse.

        Parameters
        ----------
        *args, **options
            Those of a call, as plain values.
        order : {1, 2}
            With 2, the derivatives of the rules as well.

        Returns
        -------
        What `fastad.testing.check_derivatives` does.

        Raises
        ------
        DerivativeCheckFailed
            Some of them disagree.
        """
        from fastad.testing import check_derivatives

        leaves: list[Any] = []
        structure = flatten(args, leaves)

        def on_leaves(*values: Any) -> Any:
            return self(*unflatten(structure, iter(values)), **options)

        return check_derivatives(on_leaves, *leaves, order=order)

    def __call__(self, *args: Any, **options: Any) -> Any:
        raise NotImplementedError

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        return self if instance is None else functools.partial(self, instance)


def find_primitive(name: str) -> Primitive:
    """The primitive of a name; the module that defines it is imported if need be."""
    import importlib

    from fastad.primitives import primitive_named

    module = name
    while name not in _known and "." in module:
        module = module.rpartition(".")[0]
        try:
            importlib.import_module(module)
        except ImportError:
            continue
    return primitive_named(name)


class VectorPrimitive(UserPrimitive):
    """A function of arrays with rules of its own; made by `primitive`.

    Attributes
    ----------
    function, vjp_rule, jvp_rule : callable
        As the user wrote them.
    """

    def __init__(
        self, function: Callable[..., Any], vjp: Any = None, jvp: Any = None, name: str | None = None,
        differentiable_rules: bool = True,
    ) -> None:  # fmt: skip
        super().__init__(name or full_name(function), self._value, self._pull, None, differentiable_rules)
        functools.update_wrapper(self, function, updated=())
        self.function, self.vjp_rule, self.jvp_rule = function, vjp, jvp
        plain_function = getattr(function, "py_func", function)
        has_signature = inspect.isfunction(plain_function)  # those of C often cannot take their defaults
        self._signature = inspect.signature(plain_function) if has_signature else None
        self._set_push()

    def _set_push(self) -> None:
        self.push = self._push if self.jvp_rule is not None else None

    def vjp(self, rule: Callable[..., Any]) -> Callable[..., Any]:
        """Decorator: the rule for adjoints, ``rule(weight, result, *args, **options)``."""
        self.vjp_rule = CURRENT.view.unsee(rule)
        return rule

    def jvp(self, rule: Callable[..., Any]) -> Callable[..., Any]:
        """Decorator: the rule for tangents, ``rule(tangents, result, *args, **options)``."""
        self.jvp_rule = CURRENT.view.unsee(rule)
        self._set_push()
        return rule

    # --- calls ----------------------------------------------------------------------------------------
    def __call__(self, *args: Any, **options: Any) -> Any:
        leaves: list[Any] = []
        args, options = self._bound(args, options)
        arguments = flatten(gather_parts(args), leaves)
        structure = (tuple, arguments, self._static(gather_parts(options)))
        values = [np.array(plain(leaf), np.float64) for leaf in leaves]
        outputs, out = self._outputs(values, structure)
        if not any(map(is_traced, leaves)):
            return unflatten(out, iter(outputs))
        if self.vjp_rule is None and self.jvp_rule is None:
            raise MissingRule(
                f"the primitive {self.name} was called on a traced value at {user_line()}, and has no derivative rule: "
                "give it one by the decorators .vjp or .jvp"
            )
        arrays = [np.asarray(x, np.float64) for x in outputs]
        made = Call(
            self, [v.shape for v in values], [x.shape for x in arrays], False, (("out", out), ("structure", structure))
        )
        builder = common_builder(tuple(leaves))
        assert builder is not None
        flat = np.concatenate([x.reshape(-1) for x in arrays]) if arrays else np.empty(0)
        parts = calls._results(calls.record(builder, made, calls.operands_of(tuple(leaves)), flat), arrays)
        return unflatten(out, iter(shaped(parts, out)))

    def _bound(self, args: tuple[Any, ...], options: dict[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """The arguments as the rules get them, however the call was written: defaults included."""
        if self._signature is None:
            return args, options
        bound = self._signature.bind(*args, **options)
        bound.apply_defaults()
        return bound.args, bound.kwargs

    def _static(self, options: dict[str, Any]) -> Structure:
        """Keyword arguments as a static part of the structure; nothing is differentiated in them."""
        found: list[Any] = []
        flatten(tuple(options.values()), found)
        if any(map(is_traced, found)):
            raise DerivativeCut(
                f"a keyword argument of the primitive {self.name} is a traced value at {user_line()}: keyword "
                "arguments are not differentiated; pass it by position"
            )
        kept = [static(value) for value in options.values()]
        return (dict, tuple(options), *(("static", type(value), value) for value in kept))

    def _outputs(self, values: Sequence[np.ndarray], structure: Structure) -> tuple[list[Any], Structure]:
        """The leaves of the function's result, and its structure."""
        args, options = self._arguments(structure, [v.copy() for v in values])
        with outside_recordings():
            result = self.function(*args, **options)
        try:
            leaves, out = output_leaves(result)
        except UnsupportedDtype as error:
            raise UnsupportedDtype(f"the value of the primitive {self.name}: {error}") from None
        if any(map(is_traced, leaves)):
            raise DerivativeCut(
                f"the primitive {self.name} uses a traced value of the function around it, which it does not take as "
                f"an argument, at {user_line()}: pass it as an argument"
            )
        return [np.array(x, np.float64) if isinstance(x, np.ndarray) else float(x) for x in leaves], out

    @staticmethod
    def _arguments(structure: Structure, leaves: Sequence[Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
        args, options = unflatten(structure, iter(shaped(leaves, structure)))
        return args, {name: x.value() if isinstance(x, Static) else x for name, x in options.items()}

    # --- rules, as sweeps ask for them ------------------------------------------------------------------
    def _value(self, *values: Any, structure: Structure, out: Structure) -> tuple[Any, ...]:
        outputs, found = self._outputs(values, structure)
        if found != out:
            raise RuleMismatch(
                f"the value of the primitive {self.name} has the shapes {leaf_shapes(found)}, but had "
                f"{leaf_shapes(out)} when recorded: a result whose shape depends on values cannot be replayed"
            )
        return tuple(map(np.asarray, outputs))

    def _pull(
        self, result: Any, values: list[Any], weight: Any, wanted: list[bool], structure: Structure, out: Structure
    ) -> list[Any]:
        if self.vjp_rule is None:
            return self._pull_by_pushes(result, values, weight, wanted, structure, out)
        args, options = self._arguments(structure, values)
        weight = shaped(weight, out)
        inner = (unflatten(out, iter(weight)), unflatten(out, iter(shaped(result, out))), *args)
        bars = self.run_rule("vjp", self.vjp_rule, inner, options)
        leaves = adjoint_leaves(bars, structure[1], f"the vjp of the primitive {self.name}")
        self._require_traced("vjp", leaves, weight)
        return leaves

    def _push(self, result: Any, values: list[Any], tangents: Any, structure: Structure, out: Structure) -> Any:
        assert self.jvp_rule is not None
        args, options = self._arguments(structure, values)
        dots = [np.zeros(np.shape(v)) if dot is None else dot for v, dot in zip(values, tangents, strict=True)]
        directions = self._tangents(structure, dots)
        inner = (directions, unflatten(out, iter(shaped(result, out))), *args)
        what = f"the tangent of the primitive {self.name}"
        dot = self.run_rule("jvp", self.jvp_rule, inner, options)
        return tuple(rule_leaves(dot, out, what))

    def _tangents(self, structure: Structure, dots: list[Any]) -> tuple[Any, ...]:
        return unflatten(without_static(structure[1]), iter(shaped(dots, structure)))

    def _pull_by_pushes(
        self, result: Any, values: list[Any], weight: Any, wanted: list[bool], structure: Structure, out: Structure
    ) -> list[Any]:
        """The transpose of the rule for tangents: one tangent for each number among the arguments."""
        bars: list[Any] = [None] * len(values)
        for k, value in enumerate(values):
            if not wanted[k]:
                continue
            slopes = []
            for unit in np.eye(math.prod(np.shape(value))):
                dots: list[Any] = [None] * len(values)
                dots[k] = unit.reshape(np.shape(value))
                tangent = self._push(result, values, dots, structure, out)
                slopes.append(sum(np.sum(w * t) for w, t in zip(weight, tangent, strict=True)))
            bars[k] = np.reshape(gather_objects(slopes) if slopes else np.empty(0), np.shape(value))
        return bars

    def _require_traced(self, kind: str, leaves: list[Any], linear_in: list[Any]) -> None:
        """A rule is linear in its weight: numbers that do not depend on a traced one have lost the derivative."""
        if not any(_is_variable(x) for x in linear_in):
            return
        if any(np.any(plain(x)) for x in leaves) and not any(map(is_traced, leaves)):
            raise self.not_differentiable(kind, "it returned plain numbers for a traced weight")


def _is_variable(x: Any) -> bool:
    if type(x) is TracedScalar:
        return x.slot < CONSTANT
    return is_traced(x) and bool(x.slots.size) and bool(np.all(x.slots < CONSTANT))
