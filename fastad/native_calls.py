"""Element-wise primitives as native code, which the kernels call without the interpreter's lock.

Theory of operation. From the scalar functions of value and partials, a function with the arguments of a call out of the
kernels (`kernels.pointers.OUTSIDE_ARGUMENTS`) is written as text and compiled by Numba; nothing of the package is
compiled anew. What the kernels pass on is the address of three numbers: how many elements there are, and address and
number of the interpreted call. Where a user's function raises an exception, the native code leaves the task to that
call, in which it is raised again and kept.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

_TEMPLATE = """
def each({inputs}, out):
    for i in range(out.size):
        out[i] = value({elements})

def run(n, task, active, lanes, work, x0, x1, x2, y, a0, a1, a2, b):
    if task == 0:
        for i in range(n):
            work[y + i] = value({operands})
    elif task == 1:
        for i in range(n * lanes):
            work[b + i] = 0.0
{pushes}
    else:
{pulls}

def enter(handle, task, active, lanes, work, failed, x0, x1, x2, y, a0, a1, a2, b):
    words = words_at(handle)
    try:
        run(words[0], task, active, lanes, work, x0, x1, x2, y, a0, a1, a2, b)
    except Exception:
        call_outside(words[1], words[2], task, active, lanes, work, failed, x0, x1, x2, y, a0, a1, a2, b)
"""
_PUSH = """
        if active & {bit}:
            for i in range(n):
                d = partial{k}({operands}, work[y + i])
                for lane in range(lanes):
                    t = work[a{k} + i * lanes + lane]
                    if d != 0.0 and t != 0.0:
                        work[b + i * lanes + lane] += d * t
"""
_PULL = """
        if active & {bit}:
            for i in range(n):
                d = partial{k}({operands}, work[y + i])
                for lane in range(lanes):
                    g = work[b + i * lanes + lane]
                    work[a{k} + i * lanes + lane] = d * g if d != 0.0 and g != 0.0 else 0.0
"""


def scalar_source(text: str, names: tuple[str, ...]) -> Callable[..., Any]:
    """A formula as a compiled function of numbers."""
    import math

    from numba import njit

    from fastad.formula import kernel_text

    scope: dict[str, Any] = {"math": math, "np": np, "sech": njit(_sech)}
    exec(f"def formula({', '.join(names)}):\n    return {kernel_text(text, frozenset(names))}", scope)
    return njit(error_model="numpy")(scope["formula"])


def _sech(x: float) -> float:
    return 1.0 / np.cosh(x)


def of_operands(function: Any, count: int) -> Callable[..., Any]:
    """A user's compiled function of the operands as one of the operands and the result, giving a float."""
    from numba import njit

    names = ", ".join("abc"[:count])
    scope: dict[str, Any] = {"function": function}
    exec(f"def partial({names}, v=0.0):\n    return float(function({names}))", scope)
    return njit(error_model="numpy")(scope["partial"])


class Native:
    """The compiled code of one primitive: `each` for arrays, and the address for the kernels."""

    def __init__(self, value: Any, partials: tuple[Any, ...]) -> None:
        from numba import cfunc, njit, types

        from fastad.kernels.pointers import OUTSIDE_ARGUMENTS, call_outside, words_at

        count = len(partials)
        operands = ", ".join(f"work[x{k} + i]" for k in range(count))
        rules = [{"k": k, "bit": 1 << k, "operands": operands} for k in range(count)]
        text = _TEMPLATE.format(
            inputs=", ".join(f"x{k}" for k in range(count)), elements=", ".join(f"x{k}[i]" for k in range(count)),
            operands=operands, pushes="".join(_PUSH.format(**r) for r in rules),
            pulls="".join(_PULL.format(**r) for r in rules),
        )  # fmt: skip
        scope: dict[str, Any] = {"value": value, "words_at": words_at, "call_outside": call_outside}
        scope |= {f"partial{k}": partial for k, partial in enumerate(partials)}
        exec(text, scope)
        self.each = njit(error_model="numpy")(scope["each"])
        scope["run"] = njit(error_model="numpy")(scope["run"])
        self._code = cfunc(types.void(*OUTSIDE_ARGUMENTS), error_model="numpy")(scope["enter"])
        self.address = int(self._code.address or 0)
