"""Primitives that work element by element, by a scalar rule: formulas, compiled functions, or NumPy functions.

Theory of operation. Operands are broadcast to one shape before the call, which costs no instruction, so that the rule
sees arrays of one size. Formulas and functions compiled by Numba become native code (`native_calls`), at the first
sweep of a process; with a NumPy function among value and partials, the interpreter is called instead. A second
derivative comes from the partials: formulas and NumPy functions are recorded, primitives called, and for compiled
functions the table of second partials makes primitives of them.
"""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from fastad import formula
from fastad.errors import DerivativeCut, InvalidExpression, RuleMismatch, UnsupportedFunction
from fastad.native_calls import Native, of_operands, scalar_source
from fastad.primitives import CALLBACK, OPERANDS, Call, absolute_product
from fastad.record import calls
from fastad.record.builder import outside_recordings
from fastad.record.creation import gather_objects
from fastad.record.elementwise import numeric
from fastad.record.traced import is_traced
from fastad.user_primitives import UserPrimitive, full_name, is_compiled

NAMES = ("a", "b", "c")


class ElementwisePrimitive(UserPrimitive):
    """A function of numbers, applied element by element; made by `primitive`.

    Attributes
    ----------
    function : str or callable
    partials : tuple of str, callable or primitive
        As the user wrote them.
    """

    _made: Native | None

    def __init__(
        self, function: Any, partials: Sequence[Any], second: Any = None, name: str | None = None,
        differentiable_rules: bool = True,
    ) -> None:  # fmt: skip
        self.function, self.partials = function, tuple(partials)
        self.arity = len(self.partials)
        for rule in (function, *self.partials):
            self._check_rule(rule)
        name = name or (f"formula {function}" if isinstance(function, str) else full_name(function))
        self._lock, self._made = threading.Lock(), None
        super().__init__(name, self._value, self._pull, self._push, differentiable_rules)
        if not isinstance(function, str):
            functools.update_wrapper(self, function, updated=())
        self.__name__, self._rules = name, [self._rule(k, second) for k in range(self.arity)]

    def _check_rule(self, rule: Any) -> None:
        if isinstance(rule, str):
            names = NAMES[: self.arity] + (("v",) if rule is not self.function else ())
            try:
                formula.parse(rule, frozenset(names))
            except (ValueError, SyntaxError) as error:
                raise InvalidExpression(
                    f"{error}; the operands are called {', '.join(NAMES[: self.arity])} here, and the result, in "
                    "partials, v"
                ) from None
        elif not callable(rule):
            raise TypeError(f"a formula or a function is needed, not {rule!r:.80}")

    # --- calls ----------------------------------------------------------------------------------------
    def __call__(self, *args: Any) -> Any:  # type: ignore[override]
        if len(args) != self.arity:
            raise TypeError(f"the primitive {self.name} takes {self.arity} arguments, and got {len(args)}")
        args = tuple(map(gather_objects, args))
        for x in args:
            if numeric(x).dtype.kind not in "fiub":
                raise DerivativeCut(f"the primitive {self.name} computes with real numbers, not {numeric(x).dtype}")
        if not any(map(is_traced, args)):
            result = self._value(*np.broadcast_arrays(*(numeric(x).astype(np.float64) for x in args)))
            return result if result.ndim else float(result)
        shape = np.broadcast_shapes(*map(np.shape, args))
        return calls.call(self, *(x if np.shape(x) == shape else np.broadcast_to(x, shape) for x in args))

    def _value(self, *args: Any) -> np.ndarray:
        shape = np.shape(args[0])
        with outside_recordings(), np.errstate(all="ignore"):
            if is_compiled(self.function):
                out = np.empty(shape)
                self._native.each(*(np.ascontiguousarray(x).reshape(-1) for x in args), out.reshape(-1))
                return out
            function = self.function if callable(self.function) else _on_arrays(self.function, NAMES[: self.arity])
            value = np.asarray(function(*(np.array(x) for x in args)))
        if value.shape != shape and value.ndim:
            raise RuleMismatch(f"the value of {self.name} has the shape {value.shape}, but {shape} is needed")
        if value.dtype.kind not in "fiub":
            raise DerivativeCut(f"the value of the primitive {self.name} is of dtype {value.dtype}, not real numbers")
        return np.array(np.broadcast_to(value, shape), np.float64)

    # --- rules on arrays --------------------------------------------------------------------------------
    def _rule(self, k: int, second: Any) -> Callable[..., Any]:
        """The k-th partial as a function of result and operands, plain or traced."""
        partial = self.partials[k]
        if isinstance(partial, str):
            on_arrays = _on_arrays(partial, (*NAMES[: self.arity], "v"))
            return lambda v, *args: on_arrays(*args, v)
        if isinstance(partial, ElementwisePrimitive):
            return lambda v, *args: partial(*args)
        if second is not None:
            further = ElementwisePrimitive(partial, second[k], None, f"{self.name}, partial {k}")
            return lambda v, *args: further(*args)
        if is_compiled(partial):
            return self._compiled_rule(k, partial)
        return lambda v, *args: self.run_rule(f"partial {k}", partial, args, {})

    def _compiled_rule(self, k: int, partial: Any) -> Callable[..., Any]:
        def rule(v: Any, *args: Any) -> Any:
            if any(map(is_traced, args)):
                raise self.not_differentiable(
                    f"partial {k}", "it is a compiled function; give the second partials (second=...)"
                )
            return np.vectorize(partial, otypes=[float])(*args)

        return rule

    def _slope(self, k: int, result: Any, args: Any) -> Any:
        if not self.differentiable_rules and any(map(is_traced, (result, *args))):
            raise self.not_differentiable(f"partial {k}", "it was declared so (differentiable_rules=False)")
        slope = self._rules[k](result, *args)
        if np.shape(slope) not in ((), np.shape(result)):
            raise RuleMismatch(
                f"partial {k} of {self.name} has the shape {np.shape(slope)}, but {np.shape(result)} is needed"
            )
        return slope

    def _pull(self, result: Any, args: list[Any], weight: Any, wanted: list[bool]) -> list[Any]:
        return [
            absolute_product(self._slope(k, result, args), weight) if wanted[k] else None for k in range(self.arity)
        ]

    def _push(self, result: Any, args: list[Any], tangents: list[Any]) -> Any:
        total: Any = np.zeros(np.shape(result))
        for k, dot in enumerate(tangents):
            if dot is not None:
                total = total + absolute_product(self._slope(k, result, args), dot)
        return total

    # --- native code ------------------------------------------------------------------------------------
    @property
    def is_native(self) -> bool:
        """Whether the kernels can call this primitive without the interpreter."""
        rules = [self.function, *self.partials]
        inner = [rule.function if isinstance(rule, ElementwisePrimitive) else rule for rule in rules]
        return self.arity <= OPERANDS and all(isinstance(rule, str) or is_compiled(rule) for rule in inner)

    @property
    def _native(self) -> Native:
        with self._lock:  # made once, because programs hold its address
            if self._made is None:
                self._made = self._compiled()
            return self._made

    def _compiled(self) -> Native:
        try:
            return Native(self._scalar(self.function, False), tuple(self._scalar(p, True) for p in self.partials))
        except Exception as error:
            if not type(error).__module__.startswith("numba"):
                raise
            raise UnsupportedFunction(
                f"the primitive {self.name} cannot be compiled as a function of {self.arity} numbers: {error}"
            ) from error

    def _scalar(self, rule: Any, is_partial: bool) -> Any:
        """A rule as a compiled function of the operands, and, for partials, the result."""
        if isinstance(rule, ElementwisePrimitive):
            rule = rule.function
            if isinstance(rule, str):
                return of_operands(scalar_source(rule, NAMES[: self.arity]), self.arity)
        if isinstance(rule, str):
            return scalar_source(rule, NAMES[: self.arity] + (("v",) if is_partial else ()))
        return of_operands(rule, self.arity)

    def address(self, call: Call) -> int:
        return self._native.address if self.is_native else CALLBACK

    def reference(self, call: Call) -> int:
        if not self.is_native:
            return call.handle
        if call.native_words is None:  # several forms of a program may refer to them, as long as it lives
            call.native_words = np.array([call.length, CALLBACK, call.handle], np.int64)
        return int(call.native_words.ctypes.data)


def _on_arrays(text: str, names: tuple[str, ...]) -> Callable[..., Any]:
    return formula.compile_formula(text, names, formula.numpy_functions(), on_arrays=True)
