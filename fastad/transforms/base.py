"""What all transforms share: the function, its tapes, and the way from flat results to containers."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np
from numba.core.dispatcher import Dispatcher

from fastad.containers import split, split_rows, unflatten
from fastad.record.builder import current
from fastad.replay import Call, Replayer, checked_argnums

Argnums = int | tuple[int, ...]


def replayer_of(function: Callable[..., Any]) -> Replayer:
    """What records the function: from compiled code if Numba has compiled it."""
    if isinstance(function, Dispatcher):
        from fastad.native.replayer import NativeReplayer  # teaches Numba thousands of overloads

        return NativeReplayer(function)
    return Replayer(function)


class Transform:
    """A derivative of a function; keeps the function's tapes.

    Attributes
    ----------
    replayer : Replayer
        The tapes by signature and path; ``replayer.clear()`` forgets them.
    """

    def __init__(self, function: Callable[..., Any], argnums: Argnums = 0) -> None:
        if not callable(function):
            raise TypeError(f"a function is needed, not {type(function).__name__}")
        checked_argnums(argnums)
        functools.update_wrapper(self, function, updated=())
        self.function, self.argnums = function, argnums
        self.replayer = replayer_of(function)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if current() is not None:
            return self.nested(args, kwargs)
        return self.plain(Call(args, kwargs, self.argnums))

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        return self if instance is None else functools.partial(self, instance)

    def plain(self, call: Call) -> Any:
        """The result at a point, by a tape."""
        raise NotImplementedError

    def nested(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """The result while another function is being recorded."""
        raise NotImplementedError

    def per_argument(self, call: Call, results: list[Any]) -> Any:
        """One result for an int `argnums`, a tuple for a tuple."""
        return results[0] if isinstance(self.argnums, int | np.integer) else tuple(results)


def per_leaf(call: Call, rows: np.ndarray, leading: tuple[int, ...]) -> list[Any]:
    """For each differentiated argument, its container with leaves of shape leading + leaf shape."""
    results = []
    for number, structure in zip(call.argnums, call.arg_structures, strict=True):
        part = rows[..., call.parts[number]]
        leaves = split_rows(part, structure, leading) if leading else split(part, structure)
        results.append(unflatten(structure, leaves))
    return results
