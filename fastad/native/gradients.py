"""Gradients of compiled functions: the compiled gradient, called with the arguments as they are."""

from __future__ import annotations

import copy
import inspect
from typing import Any

import numpy as np

from fastad.containers import flatten
from fastad.native import nopython
from fastad.native.derivatives import derivatives_of
from fastad.native.nopython import LANES, lanes_for
from fastad.native.replayer import compare, refuse_lists
from fastad.record.builder import current
from fastad.replay import Call, normal_argnums
from fastad.transforms.base import Argnums
from fastad.transforms.gradients import Grad, ValueAndGrad

FORWARD_UP_TO = 4 * LANES  # independents: beyond, tangents cost as much as a tape for codes with work arrays


class NativeValueAndGrad(ValueAndGrad):
    """Value and gradient of a function that Numba has compiled.

    With `mode="auto"`, functions of up to 32 numbers go forward, 8 or 16 tangents at a time, and others in reverse.
    """

    def __init__(self, dispatcher: Any, argnums: Argnums = 0, mode: str = "auto") -> None:
        super().__init__(dispatcher, argnums)
        self.mode, self.derivatives = mode, derivatives_of(dispatcher)
        self.compared: dict[Any, int] = {}

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if current() is not None:
            return self.nested(args, kwargs)
        if kwargs:
            bound = inspect.signature(self.derivatives.dispatcher.py_func).bind(*args, **kwargs)
            bound.apply_defaults()
            args = bound.args
        return self._at(self._prepared(args))

    def _at(self, args: tuple[Any, ...]) -> Any:
        options = self._options(args)
        result = self.derivatives.call(options, *args)
        function = self.derivatives.make(*options)
        if len(function.overloads) != self.compared.get(function, 0):
            self.compared[function] = len(function.overloads)
            plain = self.derivatives.plain(*copy.deepcopy(args))
            compare(self.derivatives.name, result[0], plain)
        if self.replayer.examine is not None:
            self.replayer.examine(Call(args, {}, self.argnums), result)
        return result

    def _options(self, args: tuple[Any, ...]) -> tuple[Any, ...]:
        """Which compiled derivative is called."""
        count = sum(count_numbers(args[k]) for k in self._numbers(args))
        argnums = self.argnums if isinstance(self.argnums, tuple) else int(self.argnums)
        if self.mode == "forward" or (self.mode == "auto" and count <= FORWARD_UP_TO):
            return nopython.forward_value_and_grad, argnums, True, max(LANES, lanes_for(count))
        return nopython.reverse_value_and_grad, argnums

    def _numbers(self, args: tuple[Any, ...]) -> tuple[int, ...]:
        return normal_argnums(self.argnums, len(args))

    def _prepared(self, args: tuple[Any, ...]) -> tuple[Any, ...]:
        """The arguments, with those that are differentiated as float64."""
        for k in self._numbers(args):
            a = args[k]
            if type(a) is float or (type(a) is np.ndarray and a.dtype == np.float64 and a.flags.carray and a.ndim):
                continue
            args = (*args[:k], prepared(a, self.derivatives.name), *args[k + 1 :])
        return args


class NativeGrad(NativeValueAndGrad, Grad):
    """The gradient of a function that Numba has compiled."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return NativeValueAndGrad.__call__(self, *args, **kwargs)[1]


def count_numbers(a: Any) -> int:
    if isinstance(a, tuple):
        return sum(map(count_numbers, a))
    return a.size if isinstance(a, np.ndarray) else 1


def prepared(a: Any, name: str) -> Any:
    """An argument as float64 numbers, arrays and tuples; an error if it is none of those."""
    refuse_lists(flatten(a, [], numbers=True), name)
    if isinstance(a, tuple):
        parts = [prepared(part, name) for part in a]
        return type(a)(*parts) if hasattr(a, "_fields") else tuple(parts)
    if isinstance(a, np.ndarray):
        if a.ndim == 0:
            return float(a)
        return np.require(a, np.float64, ["C", "W", "A"])
    return float(a)
