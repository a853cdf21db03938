"""`debug_nans`: which instruction of which sweep made a nan or an infinity, and which line of the user's.

Theory of operation. Nothing is watched: a transform's results are looked at, and only where they are not finite is the
function recorded again with lines (`located`) and taken through the sweeps one elemental at a time, until the first one
that makes a nan of operands that are none. While debugging is off, nothing costs anything; gradients then take their
short way, and the long way has a hook that is empty.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from fastad import replay
from fastad.errors import NanFound
from fastad.located import Located, LocatedProgram
from fastad.record.builder import current
from fastad.transforms.base import Transform
from fastad.transforms.batch import Batch
from fastad.transforms.gradients import ValueAndGrad
from fastad.transforms.second_products import SecondProduct
from fastad.transforms.vmap import Vmap

_SHORT_WAY, _MANY, _PRODUCT = ValueAndGrad.__call__, Vmap.__call__, SecondProduct.__call__


class debug_nans:
    """Raise an error that names the first instruction that produced a nan, in which sweep, and the line of user code.

    A switch for all threads, and a context manager that undoes it. Results of all transforms are looked at, recorded
    anew or replayed; those of `ad.bind` and of a tape's methods are not.

    Parameters
    ----------
    enabled : bool
    infinities : bool
        Whether an infinity in a result counts as well.

    Raises
    ------
    NanFound
        By the transforms, while debugging is on.

    Examples
    --------
    >>> import fastad as ad
    >>> with ad.debug_nans():
    ...     try:
    ...         ad.grad(lambda x: 0.0 / x * x)(0.0)
    ...     except ad.errors.NanFound as error:
    ...         print(str(error).partition(" at ")[0])
    the value nan in the primal sweep, by divide(0, 0)
    """

    def __init__(self, enabled: bool = True, infinities: bool = False) -> None:
        self._before = _state.enabled, _state.infinities
        _state.switch(enabled, infinities)

    def __enter__(self) -> debug_nans:
        return self

    def __exit__(self, *_: object) -> None:
        _state.switch(*self._before)


class _State:
    enabled, infinities = False, False

    def switch(self, enabled: bool, infinities: bool) -> None:
        self.enabled, self.infinities = enabled, infinities
        replay.Replayer.examine = _examine if enabled else None  # type: ignore[assignment]
        ValueAndGrad.__call__ = Transform.__call__ if enabled else _SHORT_WAY  # type: ignore[method-assign]
        SecondProduct.__call__ = SecondProduct.the_long_way if enabled else _PRODUCT  # type: ignore[method-assign]
        Vmap.__call__ = _many if enabled else _MANY  # type: ignore[method-assign]


_state = _State()


def _bad(value: Any) -> bool:
    """Whether a number is what is looked for."""
    value = np.asarray(value, np.float64)
    return not bool(np.isfinite(value).all()) if _state.infinities else bool(np.isnan(value).any())


def _results(result: Any) -> list[np.ndarray]:
    """The arrays of numbers among what an action returned."""
    if isinstance(result, tuple | list):
        return [array for part in result for array in _results(part)]
    return [np.asarray(result)] if isinstance(result, float | np.ndarray) else []


def _examine(self: replay.Replayer, call: replay.Call, result: Any) -> None:
    """Look at what a transform got at a point."""
    if any(map(_bad, _results(result))):
        culprit = find(self.function, call)
        if culprit is not None:
            raise NanFound(culprit)


def _many(self: Vmap, *args: Any, **kwargs: Any) -> Any:
    """`vmap` with a look at its results; other transforms than gradients look at theirs themselves."""
    result = _MANY(self, *args, **kwargs)
    if current() is None and self.has_tapes and any(map(_bad, _results(result))):
        function, batch = getattr(self.function, "function", self.function), Batch(args, kwargs, self.in_axes)
        for number in range(batch.count):
            culprit = find(function, replay.Call(batch.point(number), kwargs, self.argnums))
            if culprit is not None:
                raise NanFound(f"point {number}: {culprit}")
    return result


def find(function: Callable[..., Any], call: replay.Call) -> str | None:
    """What made the first nan at the point of a call; None if no sweep makes one."""
    derivatives = (_tangent, _adjoint) if call.forward else (_adjoint, _tangent)
    with np.errstate(all="ignore"):
        program = LocatedProgram(function, call)
        for sweep in (_primal, _given, *derivatives, _second):
            found = sweep(program, call)
            if found is not None:
                return found
    return None


def _report(program: LocatedProgram, at: Located, sweep: str, what: str) -> str:
    shown = ", ".join(f"{value:.6g}" for value in program.operands(at)[:4])
    more = ", ..." if len(at.elemental.operands) > 4 else ""
    return f"{what} in the {sweep} sweep, by {at.name}({shown}{more}) at {at.where}"


def _primal(program: LocatedProgram, call: replay.Call) -> str | None:
    wanted = _needed(program)
    for at in program.elementals():
        value = program.values[at.elemental.result]
        if wanted[at.elemental.result] and _bad(value) and not _bad(program.operands(at)):
            return _report(program, at, "primal", f"the value {value:g}")
    return None


def _given(program: LocatedProgram, call: replay.Call) -> str | None:
    """Where a nan among the arguments or constants comes in, if it reaches an output."""
    wanted = _needed(program)
    for at in program.elementals():
        if wanted[at.elemental.result] and _bad(program.operands(at)):
            bad = next(value for value in program.operands(at) if _bad(value))
            return _report(program, at, "primal", f"an argument or a constant that is {bad:g}, first used")
    return None


def _needed(program: LocatedProgram) -> np.ndarray:
    """Slots whose value gets into an output that is bad: what `where` has left out is nobody's fault."""
    needed = np.zeros(program.values.size, bool)
    outputs = program.program.outputs
    needed[outputs[[_bad(program.values[slot]) for slot in outputs]]] = True
    for at in reversed(list(program.elementals())):
        if needed[at.elemental.result]:
            bad = [slot for slot in at.elemental.operands if _bad(program.values[slot])]
            needed[bad] = True
    return needed


def _product(d: Any, t: Any) -> Any:
    return 0.0 if d == 0.0 or t == 0.0 else d * t


def _adjoint(program: LocatedProgram, call: replay.Call) -> str | None:
    bars = np.zeros(program.values.size)
    np.add.at(bars, program.program.outputs, 1.0)
    for at in reversed(list(program.elementals())):
        g = bars[at.elemental.result]
        for slot, d in zip(at.elemental.operands, program.reference.slopes[at.number], strict=True):
            part = _product(d, g)
            if _bad(part) and not _bad(g):
                return _report(program, at, "adjoint", f"the partial {d:g} times the adjoint {g:g}")
            bars[slot] += part
            if _bad(bars[slot]) and not _bad(part):
                return _report(program, at, "adjoint", f"the sum of contributions to an adjoint, {bars[slot]:g},")
    return None


def _tangent(program: LocatedProgram, call: replay.Call) -> str | None:
    dots = np.zeros(program.values.size)
    dots[: program.program.inputs] = call.active
    for at in program.elementals():
        slopes = program.reference.slopes[at.number]
        parts = [_product(d, dots[slot]) for d, slot in zip(slopes, at.elemental.operands, strict=True)]
        dots[at.elemental.result] = np.sum(parts)
        if _bad(dots[at.elemental.result]) and not _bad(dots[at.elemental.operands]):
            return _report(program, at, "tangent", f"the tangent {dots[at.elemental.result]:g}")
    return None


def _second(program: LocatedProgram, call: replay.Call) -> str | None:
    if program.program.calls:
        return None
    bars = program.reference.adjoint(np.ones(program.program.outputs.size))
    for at in program.elementals():
        bad = [d for d in program.reference.curves[at.number].values() if _bad(d)]
        if bad and bars[at.elemental.result] != 0.0:
            return _report(program, at, "second-order", f"the second partial {bad[0]:g}")
    return None
