"""Loops over the elements of arrays, written for the ranks of the operands, with NumPy's broadcasting.

Theory of operation. An operand whose axis has one element is read at index 0 there: its index is multiplied by 0. The
text of the nested loops is made for the ranks; compiled code of its own for each beats what Numba has for all, in the
time that it takes to compile most of all.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from numba import types
from numba.extending import overload

from fastad.native.memory import inlined, outlined


def rank(x: Any) -> int:
    """The rank of a type: 0 of numbers."""
    return x.ndim if isinstance(x, types.Array) else 0


@outlined
def common_length(m, n):
    if m == n or n == 1:
        return m
    if m == 1:
        return n
    raise ValueError("operands could not be broadcast together: their shapes do not match")


@inlined
def step(n):
    return 0 if n == 1 else 1


def mapped(function: Any, result: Any, operands: Sequence[Any]) -> Any:
    """The function of operands of given types (arrays and numbers) that applies a function element by element.

    `result` makes the array of results of a shape; without it the first operand gets them, element after element, as
    in Numba's own loops (so operands that overlap are read as they have become).
    """
    names, ranks = [f"x{k}" for k in range(len(operands))], [rank(x) for x in operands]
    count = max(ranks)
    lines = [f"def each({', '.join(names)}):"]
    for axis in range(count):
        own = [f"{n}.shape[{axis - count + r}]" for n, r in zip(names, ranks, strict=True) if axis - count + r >= 0]
        length = own[0]
        for other in own[1:]:
            length = f"common_length({length}, {other})"
        lines.append(f"    n{axis} = {length}")
    shape = f"({''.join(f'n{axis}, ' for axis in range(count))})"
    lines.append("    out = x0" if result is None else f"    out = result({shape})")
    if result is None:
        lines += [
            f"    if out.shape != {shape}:",
            "        raise ValueError('the result of an assignment in place has another shape')",
        ]
    several = sum(r > 0 for r in ranks) > 1
    reads = []
    for name, r in zip(names, ranks, strict=True):
        index = []
        for axis in range(count - r, count):
            if several:
                lines.append(f"    {name}_{axis} = step({name}.shape[{axis - count + r}])")
            index.append(f"i{axis} * {name}_{axis}" if several else f"i{axis}")
        reads.append(f"{name}[{', '.join(index)}]" if r else name)
    for axis in range(count):
        lines.append(f"    {'    ' * axis}for i{axis} in range(n{axis}):")
    place = ", ".join(f"i{axis}" for axis in range(count))
    lines += [f"    {'    ' * count}out[{place}] = function({', '.join(reads)})", "    return out"]
    scope: dict[str, Any] = {"function": function, "result": result, "common_length": common_length, "step": step}
    exec("\n".join(lines), scope)
    return scope["each"]


def fill(out, value):
    """out[...] = value, a number or an array of the same shape."""
    raise NotImplementedError


@overload(fill)
def _fill(out, value):
    place = ", ".join(f"i{axis}" for axis in range(out.ndim))
    lines = ["def form(out, value):"]
    if rank(value):
        lines += [
            "    if out.shape != value.shape:",
            "        raise ValueError('shapes do not match in an assignment')",
        ]
    lines += [f"    {'    ' * axis}for i{axis} in range(out.shape[{axis}]):" for axis in range(out.ndim)]
    lines.append(f"    {'    ' * out.ndim}out[{place}] = value{f'[{place}]' if rank(value) else ''}")
    scope: dict[str, Any] = {}
    exec("\n".join(lines), scope)
    return scope["form"]
