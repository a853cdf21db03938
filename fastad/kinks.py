"""`kinks`: which operations of a function stand at a kink, a jump, a tie or an edge of their domain.

Derivatives there are conventions (docs/explanation/nonsmooth.md). The function is recorded with lines (`located`), and
the distance of every elemental's operands from where it is not smooth is looked at.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from fastad.located import LocatedProgram
from fastad.replay import Call


class Kink(NamedTuple):
    """An operation at (or near) a place where it is not smooth.

    `distance` is how far its operands are from there, in the units of the operands.
    """

    where: str
    operation: str
    kind: str
    operands: tuple[float, ...]
    distance: float


class Kinks(list[Kink]):
    """A list of `Kink` that prints as an aligned table."""

    def __repr__(self) -> str:
        if not self:
            return "no kinks"
        rows = [("line", "operation", "kind", "operands", "distance")]
        rows += [
            (k.where, k.operation, k.kind, ", ".join(f"{x:.6g}" for x in k.operands), f"{k.distance:.3g}") for k in self
        ]
        widths = [max(len(row[i]) for row in rows) for i in range(5)]
        lines = ["  ".join(cell.ljust(w) for cell, w in zip(row, widths, strict=True)).rstrip() for row in rows]
        return "\n".join([lines[0], "-" * max(map(len, lines)), *lines[1:]])

    __str__ = __repr__


def _jump(x: float) -> float:
    return abs(x - round(x)) if math.isfinite(x) else math.inf


def _quotient_jump(a: float, b: float) -> float:
    return _jump(a / b) * abs(b) if b else math.inf


def _gap(*x: float) -> float:
    """Between the largest two."""
    if len(x) < 2:
        return math.inf
    low, high = sorted(x)[-2:]
    return high - low


_ZERO: Callable[..., float] = abs
_TIE: Callable[..., float] = lambda a, b: abs(a - b) if a != b else 0.0  # noqa: E731
_ORIGIN: Callable[..., float] = math.hypot
_COMPARISONS = ("less", "less_equal", "greater", "greater_equal", "equal", "not_equal")
# operation: the kind of place, and the distance of the operands from it
PLACES: dict[str, tuple[str, Callable[..., float]]] = {
    "absolute": ("kink", _ZERO), "sign": ("jump", _ZERO), "cbrt": ("edge", _ZERO), "sqrt": ("edge", _ZERO),
    "log": ("edge", _ZERO), "log2": ("edge", _ZERO), "log10": ("edge", _ZERO), "reciprocal": ("edge", _ZERO),
    "log1p": ("edge", lambda a: abs(a + 1.0)), "arcsin": ("edge", lambda a: abs(1.0 - abs(a))),
    "arccos": ("edge", lambda a: abs(1.0 - abs(a))), "arccosh": ("edge", lambda a: abs(a - 1.0)),
    "arctanh": ("edge", lambda a: abs(1.0 - abs(a))), "divide": ("edge", lambda a, b: abs(b)),
    "floor": ("jump", _jump), "ceil": ("jump", _jump), "trunc": ("jump", _jump),
    "rint": ("jump", lambda a: _jump(a - 0.5)), "floor_divide": ("jump", _quotient_jump),
    "remainder": ("jump", _quotient_jump), "fmod": ("jump", _quotient_jump),
    "heaviside": ("jump", lambda a, b: abs(a)), "copysign": ("kink", lambda a, b: min(abs(a), abs(b))),
    "maximum": ("tie", _TIE), "minimum": ("tie", _TIE), "fmax": ("tie", _TIE), "fmin": ("tie", _TIE),
    "max": ("tie", _gap), "min": ("tie", lambda *x: _gap(*(-v for v in x))),
    "hypot": ("kink", _ORIGIN), "arctan2": ("jump", lambda a, b: abs(a) if b < 0.0 else math.hypot(a, b)),
    "power": ("edge", lambda a, b: abs(a)),
    "power_constant": ("edge", lambda a, b: abs(a) if b < 1.0 or b != round(b) else math.inf),
    **dict.fromkeys(_COMPARISONS, ("tie", _TIE)),
}  # fmt: skip


def kinks(function: Callable[..., Any], *args: Any, tolerance: float = 0.0) -> Kinks:
    """What of a function sits on, or within a tolerance of, a kink, a jump, a tie or an edge at a point.

    Parameters
    ----------
    function : callable
        A NumPy function.
    *args
        The point: floats, arrays and containers of them.
    tolerance : float
        The largest distance that is reported, in the units of each operation's operands.

    Returns
    -------
    Kinks
        A list of `Kink` (where, operation, kind, operands, distance), nearest first; prints as a table. Comparisons
        are among them: a branch on a tie is one.

    Raises
    ------
    ValueError
        A negative tolerance.

    Examples
    --------
    >>> import numpy as np, fastad as ad
    >>> found = ad.kinks(lambda x: abs(x[0]) + max(x[1], x[2]), np.array([0.0, 2.0, 2.0]))
    >>> [(k.operation, k.kind, k.operands) for k in found]
    [('absolute', 'kink', (0.0,)), ('greater', 'tie', (2.0, 2.0))]
    """
    if not tolerance >= 0.0:
        raise ValueError(f"tolerance={tolerance!r}: a number that is not negative is needed")
    with np.errstate(all="ignore"):
        program = LocatedProgram(function, Call(args, {}, None))
    found, truths = Kinks(), set[int]()
    for at in program.elementals():
        variable = _variable(program, at.elemental.operands)
        # Truth values jump where the comparison that they come from has its tie; among themselves they have none.
        of_truths = truths.issuperset(variable)
        if at.name in _COMPARISONS or of_truths:
            truths.add(at.elemental.result)
        if at.where and at.name in PLACES and not of_truths:
            kind, distance = PLACES[at.name]
            operands = tuple(program.operands(at))
            far = distance(*operands)
            if far <= tolerance:
                found.append(Kink(at.where, at.name, kind, operands, far))
    found.sort(key=lambda kink: kink.distance)
    return found


def _variable(program: LocatedProgram, slots: list[int]) -> list[int]:
    """The operands that are no constants."""
    first, last = program.program.inputs, program.program.first_result
    return [slot for slot in slots if not first <= slot < last]
