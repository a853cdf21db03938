"""Arguments as active numbers, and derivatives in the structure of the arguments.

Theory of operation. The numbers of the active arguments are counted through, in order, as they stand in floats,
arrays and tuples; number i is the independent of slot i + 1, and column i of the seeds. Seeds are given as an array
(lanes, n), or as an integer, the first of the directions x_i that the lanes stand for; duals of duals
take a pair of both, a direction (n,) for the outer ones.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import types
from numba.extending import overload

from fastad.native.components import make_of, one_of, with_lane, zero_of
from fastad.native.creation import allocator, array_at
from fastad.native.elementals import passive_maker
from fastad.native.memory import ARENA, inlined, load, rule, word_at
from fastad.native.sweeps import number_size
from fastad.native.types import FLOAT, TAPE, ActiveType, DualType, EdgesType, is_number, is_plain_array


def size_of(a):
    """How many numbers there are in an argument."""
    raise NotImplementedError


@rule(size_of)
def _size_of(a):
    if isinstance(a, types.BaseTuple):
        return _written("a", " + ".join([f"size_of(a[{k}])" for k in range(len(a))] or ["0"]), size_of=size_of)
    if is_number(a):
        return lambda a: 1
    return (lambda a: a.size) if is_plain_array(a) else None


def _written(parameters: str, expression: str, **scope: Any) -> Any:
    return eval(f"lambda {parameters}: {expression}", scope)


# --- one number -----------------------------------------------------------------------------------------------
def seeded(lanes: Any) -> Any:
    """The compiled function (seeds, i) -> the tangents of independent i."""
    zero, count = zero_of(lanes), lanes.lanes

    def tangents(seeds, i):
        raise NotImplementedError

    @rule(tangents)
    def _tangents(seeds, i):
        if isinstance(seeds, types.Integer):

            def unit(seeds, i):
                k = i - seeds
                return with_lane(zero(), k, 1.0) if 0 <= k < count else zero()

            return unit

        def given(seeds, i):
            t = zero()
            for k in range(count):
                t = with_lane(t, k, seeds[k, i])
            return t

        return given

    return tangents


def independent(kind: ActiveType) -> Any:
    """The compiled function (value, i, tape, seeds) -> independent i."""
    make = make_of(kind)
    if kind is TAPE:
        return inlined(lambda v, i, tape, seeds: make(tape, i + 1, v))
    if isinstance(kind, DualType) and kind.component is not FLOAT:
        inside, passive = independent(kind.component), passive_maker(kind.component)  # type: ignore[arg-type]
        return inlined(lambda v, i, tape, seeds: make(inside(v, i, tape, seeds[1]), passive(seeds[0][i])))
    if isinstance(kind, DualType):
        tangents = seeded(kind.tangents)
        return inlined(lambda v, i, tape, seeds: make(v, tangents(seeds, i)))
    assert isinstance(kind, EdgesType)
    unit = one_of(kind.component)
    if kind.component is FLOAT:
        return inlined(lambda v, i, tape, seeds: make(tape, i + 1, v, unit()))
    inner = independent(kind.component)  # type: ignore[arg-type]
    return inlined(lambda v, i, tape, seeds: make(tape, i + 1, inner(v, i, tape, seeds), unit()))


def _arrays_of(kind: ActiveType) -> Any:
    """The compiled function (tape, first, shape) -> array for independents, in the tape's arena if there is one."""
    if isinstance(kind, DualType):
        allocate = allocator(kind, cleared=False)
        return inlined(lambda tape, first, shape: allocate(shape))
    place, size = array_at(kind), number_size(kind)
    return inlined(lambda tape, first, shape: place(word_at(tape, ARENA) + size * first, shape))


_activators: dict[ActiveType, Any] = {}


def activator(kind: ActiveType) -> Any:
    """What makes an argument active: activate(a, first, tape, seeds)."""
    if kind in _activators:
        return _activators[kind]
    number, allocate = independent(kind), _arrays_of(kind)

    def activate(a, first, tape, seeds):
        raise NotImplementedError

    @overload(activate)
    def activated(a, first, tape, seeds):
        if isinstance(a, types.BaseTuple):
            return _of_tuple(
                a, "a, first, tape, seeds", "activate(a[{k}], first{before}, tape, seeds)", activate=activate
            )
        if is_number(a):
            return lambda a, first, tape, seeds: number(np.float64(a), first, tape, seeds)
        if not is_plain_array(a):
            return None

        if a.ndim == 1:

            def of_vector(a, first, tape, seeds):
                out = allocate(tape, first, a.size)
                for i in range(a.size):
                    out[i] = number(np.float64(a[i]), first + i, tape, seeds)
                return out

            return of_vector

        def of_array(a, first, tape, seeds):
            out, i = allocate(tape, first, a.shape), first
            for index in np.ndindex(a.shape):
                out[index] = number(np.float64(a[index]), i, tape, seeds)
                i += 1
            return out

        return of_array

    _activators[kind] = activate
    return activate


def _of_tuple(a: Any, parameters: str, part: str, **scope: Any) -> Any:
    """A function that makes a tuple of the same kind, part by part; `before` counts the numbers before a part."""
    befores = ["".join(f" + size_of(a[{j}])" for j in range(k)) for k in range(len(a))]
    parts = ", ".join(part.format(k=k, before=before) for k, before in enumerate(befores))
    named = isinstance(a, types.BaseNamedTuple)
    text = f"make({parts})" if named else f"({parts}{',' if len(a) else ''})"
    return _written(parameters, text, size_of=size_of, make=getattr(a, "instance_class", None), **scope)


# --- derivatives ----------------------------------------------------------------------------------------------
def collect(a, source, first):
    """Numbers in the structure of an argument, from an array (n,) or from the address of adjoints."""
    raise NotImplementedError


def number_at(source, i):
    raise NotImplementedError


_FLOAT64 = np.dtype(np.float64)


@rule(number_at)
def _number_at(source, i):
    if isinstance(source, types.Array):
        return lambda source, i: source[i]
    return lambda source, i: load(_FLOAT64, source + 8 * (i + 1))


@overload(collect)
def _collect(a, source, first):
    if isinstance(a, types.BaseTuple):
        return _of_tuple(a, "a, source, first", "collect(a[{k}], source, first{before})", collect=collect)
    if is_number(a):
        return lambda a, source, first: number_at(source, first)

    if a.ndim == 1:

        def of_vector(a, source, first):
            out = np.empty(a.size)
            for i in range(a.size):
                out[i] = number_at(source, first + i)
            return out

        return of_vector

    def of_array(a, source, first):
        out, i = np.empty(a.shape), first
        for index in np.ndindex(a.shape):
            out[index] = number_at(source, i)
            i += 1
        return out

    return of_array


_pairings: dict[ActiveType, Any] = {}


def pairing(kind: DualType, passive: Any) -> Any:
    """What makes a primal and its tangent, of one structure, one argument: paired(a, t).

    An integer with an integer tangent stays what it is: it counts something.
    """
    if kind in _pairings:
        return _pairings[kind]
    make, allocate, zero = make_of(kind), allocator(kind), zero_of(kind.tangents)

    @inlined
    def dual(value, tangent):
        return make(np.float64(value), with_lane(zero(), 0, np.float64(tangent)))

    def paired(a, t):
        raise NotImplementedError

    @overload(paired)
    def _paired(a, t):
        if isinstance(a, types.BaseTuple) and isinstance(t, types.BaseTuple) and len(a) == len(t):
            return _of_tuple(a, "a, t", "paired(a[{k}], t[{k}])", paired=paired)
        if isinstance(a, types.Integer | types.Boolean) and isinstance(t, types.Integer | types.Boolean):
            return lambda a, t: a
        if is_number(a) and is_number(t):
            return lambda a, t: dual(a, t)
        if not (is_plain_array(a) or is_number(a) or isinstance(a, types.BaseTuple)):
            return lambda a, t: passive(a)  # a string, a function: it chooses something
        if not (is_plain_array(a) and is_plain_array(t) and a.ndim == t.ndim):
            return None

        def of_array(a, t):
            if a.shape != t.shape:
                raise ValueError("a tangent has another shape than its primal")
            out = allocate(a.shape)
            for i in np.ndindex(a.shape):
                out[i] = dual(a[i], t[i])
            return out

        return of_array

    _pairings[kind] = paired
    return paired
