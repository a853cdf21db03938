"""The compiled derivatives of one function, each made when it is first asked for, and their errors in words."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
from numba.core.errors import NumbaError

from fastad.errors import UnsupportedFunction
from fastad.native import nopython
from fastad.native.diagnosis import explained
from fastad.native.nopython import LANES, lanes_for

_known: WeakKeyDictionary[Any, Derivatives] = WeakKeyDictionary()


class Derivatives:
    """Of one function that Numba has compiled."""

    def __init__(self, dispatcher: Any) -> None:
        self.dispatcher, self.name = dispatcher, dispatcher.__name__
        self.made: dict[tuple[Any, ...], Any] = {}

    def make(self, maker: Callable[..., Any], *options: Any) -> Any:
        """A compiled derivative, made once."""
        key = (maker, *options, self.dispatcher in nopython.work_arrays)
        if key not in self.made:
            self.made[key] = maker(self.dispatcher, *options)
        return self.made[key]

    def call(self, options: tuple[Any, ...], *args: Any) -> Any:
        """The result of a compiled derivative, with Numba's errors in words.

        A function that assigns active numbers to an array that it was passed gets such arrays as active ones.
        """
        try:
            return self.make(*options)(*args)
        except UnsupportedFunction as error:
            if not getattr(error, "assigns_plain_array", False) or self.dispatcher in nopython.work_arrays:
                raise
        nopython.work_arrays.add(self.dispatcher)
        return self.call(options, *args)

    def plain(self, *args: Any) -> Any:
        """The result of the function itself."""
        try:
            return self.dispatcher(*args)
        except NumbaError as error:
            raise explained(self.dispatcher, error) from None

    def tangents(self, argnums: tuple[int, ...], args: tuple[Any, ...], seeds: np.ndarray) -> np.ndarray:
        """Tangents (k, m) along seeds (k, n)."""
        lanes = lanes_for(len(seeds))
        options = (nopython.tangents_pass, argnums, lanes)
        parts = [self.call(options, seeds[k : k + lanes], *args) for k in range(0, len(seeds), lanes)]
        return np.concatenate(parts)

    def adjoints(self, argnums: tuple[int, ...], args: tuple[Any, ...], weights: np.ndarray) -> np.ndarray:
        """Adjoints (k, n) of weights (k, m)."""
        return self.call((nopython.adjoints_pass, argnums), weights, *args)

    def second_order(
        self, argnums: tuple[int, ...], args: tuple[Any, ...], weights: np.ndarray, seeds: np.ndarray
    ) -> np.ndarray:
        """Tangents (k, n) of the adjoints of weights (m,), along seeds (k, n).

        By duals of duals where their runs, each about ten of the function, cost less than a tape of duals.
        """
        if len(seeds) * -(-seeds.shape[1] // LANES) <= runs_of_a_tape(len(seeds)):
            return self.call((nopython.second_tangents_pass, argnums), weights, seeds, *args)
        lanes = lanes_for(len(seeds))
        options = (nopython.second_order_pass, argnums, lanes)
        parts = [self.call(options, weights, seeds[k : k + lanes], *args) for k in range(0, len(seeds), lanes)]
        return np.concatenate(parts)

    def recorded_edges(self, argnums: tuple[int, ...], args: tuple[Any, ...]) -> float:
        """The value; what it comes from is recorded and not swept."""
        return self.call((nopython.recorded_value, argnums), *args)

    def recorded(self, argnums: tuple[int, ...], args: tuple[Any, ...]) -> Any:
        """The address of a tape, the result's values (m,) and slots (m,), and the cell that the tape goes back to."""
        options = (nopython.recording_pass, argnums)
        return *self.call(options, *args), self.make(*options).fastad_cell


def runs_of_a_tape(directions: int) -> int:
    """How many runs of duals of duals cost as much as a tape of duals of so many directions (bench/native's codes)."""
    return 2 if directions == 1 else 10 * -(-directions // LANES)


def derivatives_of(dispatcher: Any) -> Derivatives:
    """The derivatives of a function, shared by all transforms."""
    known = _known.get(dispatcher)
    if known is None:
        known = _known[dispatcher] = Derivatives(dispatcher)
    return known
