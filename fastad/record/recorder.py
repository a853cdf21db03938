"""Recording: `record_function(f, args, ...)` runs f on traced arguments and returns its program."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cache, update_wrapper
from typing import Any

import numpy as np

from fastad.containers import Structure, flatten, unflatten
from fastad.errors import FastADError, UnsupportedDtype, UnsupportedFunction
from fastad.program import Program
from fastad.record.builder import Builder, current, raised_by_user, raising_line, recording
from fastad.record.complex_numbers import TracedComplex
from fastad.record.creation import gather_objects, replacements
from fastad.record.libraries import of_scipy
from fastad.record.library import library
from fastad.record.namespace import Substitution
from fastad.record.objects import function_of, vectorize_of
from fastad.record.traced import TracedArray, TracedScalar, fresh_array, is_traced, plain


@dataclass(frozen=True)
class Recording:
    """What came of running a function once: its program, and the structure and value of its result."""

    program: Program
    out_structure: Structure
    value: Any


_as_python: ContextVar[bool] = ContextVar("as_python", default=False)


@contextmanager
def compiled_as_python() -> Iterator[None]:
    """While this lasts, functions compiled by Numba are recorded line by line, as Python would run them."""
    token = _as_python.set(True)
    try:
        yield
    finally:
        _as_python.reset(token)


def of_compiled(dispatcher: Any) -> Callable[..., Any]:
    """A function compiled by Numba, as recorded code calls it: one instruction if a value is traced."""

    def call(*args: Any, **kwargs: Any) -> Any:
        leaves: list[Any] = []
        flatten((args, kwargs), leaves)
        if any(map(is_traced, leaves)):
            if _as_python.get():
                return run_substituted(dispatcher.py_func, args, kwargs)
            from fastad.native.traced_calls import call_on_traced  # it teaches Numba hundreds of overloads

            return call_on_traced(dispatcher, args, kwargs)
        return dispatcher(*map(plain, args), **{name: plain(value) for name, value in kwargs.items()})

    update_wrapper(call, dispatcher)
    call.py_func = dispatcher.py_func  # type: ignore[attr-defined]  # as of the dispatcher
    return call


@cache
def _substitution() -> Substitution:
    wholes: Any = {np.vectorize: (function_of, vectorize_of)}
    pairs = [*replacements(), *library().classes()]
    return Substitution(pairs, compiled=of_compiled, wholes=wholes, late=of_scipy)


def run_substituted(function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Call a user's function so that its NumPy and math can hold traced values."""
    with _substitution().recording() as view:
        args, kwargs = view.see_arguments(args, kwargs)
        try:
            return view.see(function)(*args, **kwargs)
        except FastADError:
            raise
        except Exception as error:
            _explain(error)
            raise


def _explain(error: Exception) -> None:
    """Raise the error behind one of a library's; one that says what happened where compiled code got traced values."""
    cause = error.__cause__ or error.__context__
    if isinstance(cause, FastADError):  # NumPy and others hide the error of a conversion behind one of their own
        raise cause from None
    builder = current()
    given = (
        builder is not None and builder.gave_objects and isinstance(error, _OF_COMPILED) and not raised_by_user(error)
    )
    if given or any(sign in str(error) for sign in _GIVEN_OBJECTS):
        raise _given_objects(error) from error


_OF_COMPILED = (TypeError, ValueError, NotImplementedError, RuntimeError, SystemError)
# What compiled functions say of traced values.
_GIVEN_OBJECTS = (
    "'TracedArray'", "type TracedScalar", "'TracedScalar'", "not supported for the input types",
    "No matching signature found",
)  # fmt: skip


def _given_objects(error: Exception) -> UnsupportedFunction:
    return UnsupportedFunction(
        f"a compiled function was called on a traced value at {raising_line(error)} ({error}): write it with "
        "supported functions, or apply it to values that do not depend on the independents"
    )


def traced_inputs(builder: Builder, leaves: list[Any]) -> list[Any]:
    """Traced stand-ins for the argument leaves, in input slots in order."""
    traced: list[Any] = []
    for leaf in leaves:
        value = np.array(leaf, np.float64)
        first = builder.add_inputs(value.size)
        if isinstance(leaf, np.ndarray):
            traced.append(fresh_array(builder, value, first))
        else:
            traced.append(TracedScalar(builder, first, float(value)))
    return traced


def normal_output(result: Any) -> Any:
    """A function's result with object arrays and lists of traced numbers made regular."""
    if type(result) in (TracedScalar, TracedArray):
        return result
    if isinstance(result, np.ndarray) and result.dtype == object:
        return gather_objects(result)
    if isinstance(result, tuple | list) and not hasattr(result, "_fields"):
        return type(result)(map(normal_output, result))
    if isinstance(result, dict):
        return {key: normal_output(value) for key, value in result.items()}
    return result


def output_leaves(result: Any) -> tuple[list[Any], Structure]:
    """Leaves and structure of a function's (normalised) result, which must be real numbers."""
    leaves: list[Any] = []
    if result is None or isinstance(result, str | complex | np.complexfloating) or type(result) is TracedComplex:
        raise UnsupportedDtype(
            f"the function returned {_kind(result)}, not real numbers"
            + (": is a return statement missing?" if result is None else "")
        )
    return leaves, flatten(_numbers(result), leaves, numbers=True)


def _kind(result: Any) -> str:
    if type(result) is TracedComplex:
        return "complex numbers (take .real, .imag or abs)"
    return "None" if result is None else type(result).__name__


def _numbers(result: Any) -> Any:
    """Truth values among the results count as 0.0 and 1.0."""
    if isinstance(result, bool | np.bool_) and type(result) is not TracedScalar:
        return float(result)
    if type(result) is TracedArray and result.passive and result.dtype != np.float64:
        return result.value.astype(np.float64)
    if isinstance(result, np.ndarray) and type(result) is not TracedArray and result.dtype == bool:
        return result.astype(np.float64)
    return result


def _output_slots(builder: Builder, leaf: Any) -> np.ndarray:
    if type(leaf) is TracedScalar:
        return np.array([leaf.slot])
    if type(leaf) is TracedArray and not leaf.passive:
        return leaf.slots.ravel()
    values = np.asarray(plain(leaf), np.float64).ravel()
    return np.array([builder.constant(v) for v in values.tolist()], np.int64)


def record_function(
    function: Callable[..., Any],
    structure: Structure,
    leaves: list[Any],
    active: np.ndarray,
    lines: list[str] | None = None,
) -> Recording:
    """Run `function(*args, **kwargs)` on traced stand-ins for the leaves of (args, kwargs).

    `active` says for every input slot whether derivatives are taken of it. `lines` gets the user's line of each
    instruction; the log is on then, because the short ways of operators note no lines.
    """
    with recording() as builder:
        if lines is not None:
            builder.lines, builder.log = lines, []
        args, kwargs = unflatten(structure, iter(traced_inputs(builder, leaves)))
        result = normal_output(run_substituted(function, args, kwargs))
        out_leaves, out_structure = output_leaves(result)
        for leaf in out_leaves:
            if is_traced(leaf) and leaf.builder is not builder:
                leaf + 0.0  # a value of another recording: the operation raises the error that says so
        slots = [_output_slots(builder, leaf) for leaf in out_leaves]
        outputs = np.concatenate(slots) if slots else np.empty(0, np.int64)
        values = [np.asarray(plain(leaf), np.float64).ravel() for leaf in out_leaves]
        value = np.concatenate(values) if values else np.empty(0)
        return Recording(builder.finish(outputs, active), out_structure, value)
