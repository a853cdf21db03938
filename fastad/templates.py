"""Templates of tangents: the instructions by which an elemental's tangent comes about, made from its row.

Theory of operation. The tangent of v = phi(a, b, c) is phi_a a' + phi_b b' + phi_c c'. The formulas of the partials are
recorded once, on seven stand-ins (the operands, the result, the operands' tangents), for each elemental and each way in
which its operands can be active; `tangent_program` then stamps the recording wherever the elemental occurs. Products
with a tangent keep the rule of absolute zero, unless the other factor is known to be finite and not zero.
"""

from __future__ import annotations

from functools import cache
from typing import Any, NamedTuple

import numpy as np

from fastad import formula
from fastad.ops import BY_NAME, Op, slope_row
from fastad.passes import optimise
from fastad.program import Block, Program
from fastad.record import operators as operators  # gives the traced types their operators
from fastad.record.builder import recording
from fastad.record.elementwise import elementwise, power
from fastad.record.traced import TracedScalar, is_traced

# What an operand of a template is: an operand of the elemental, its result, a tangent of an operand, an earlier row;
# -1 - k for its constant number k.
OPERAND, RESULT, TANGENT, ROW = 0, 3, 4, 7
PASSIVE, ACTIVE, KNOWN = 0, 1, 2  # kinds of operand; a known one is a constant that is finite and not zero


class Template(NamedTuple):
    """Rows (opcode, operands) in order; the first `shared` of them do not depend on tangents."""

    rows: tuple[tuple[int, tuple[int, ...]], ...]
    shared: int
    constants: tuple[float, ...]
    result: int


@cache
def template(op: Op, kinds: tuple[int, ...], exponent: float | None, flat: bool) -> Template | None:
    """The tangent of an elemental; None where it is zero.

    `exponent` is that of `power_constant` where it is one number. A flat template has no row with three operands.
    """
    with recording() as builder, np.errstate(all="ignore"):
        builder.add_inputs(ROW)
        point = np.array([*op.points[0], 1.0, 1.0])[:3]
        stand_ins = [TracedScalar(builder, slot, float(point[slot % RESULT])) for slot in range(ROW)]
        total: Any = None
        for k, kind in enumerate(kinds):
            if kind == ACTIVE and op.partials[k] != "0":
                part = _part(op, k, kinds, stand_ins, exponent, flat)
                total = part if total is None else total + part
        if not is_traced(total):
            return None
        program = builder.finish(np.array([total.slot]), np.ones(ROW, bool))
    return _sorted(optimise(program))


def _part(
    op: Op, k: int, kinds: tuple[int, ...], stand_ins: list[Any], exponent: float | None, flat: bool
) -> Any:  # fmt: skip
    """The k-th partial times the tangent of the k-th operand."""
    t, text = stand_ins[TANGENT + k], op.partials[k]
    if text in ("1", "-1"):
        return t if text == "1" else -t
    if op.name == "divide" and kinds[1] == KNOWN:
        return t / stand_ins[1]
    if op.name in ("multiply", "absolute_zero_multiply") and kinds[1 - k] == KNOWN:
        return stand_ins[1 - k] * t
    return elementwise(BY_NAME["absolute_zero_multiply"], _slope(op, k, stand_ins, exponent, flat), t)


def _slope(op: Op, k: int, stand_ins: list[Any], exponent: float | None, flat: bool) -> Any:
    if exponent is not None and (2.0 * exponent).is_integer():
        return exponent * power(stand_ins[0], exponent - 1.0) if exponent else 0.0
    if op.slopes:
        return elementwise(slope_row(op, k), *stand_ins[: op.arity])
    functions = formula.numpy_functions() | ({"where": _flat_where} if flat else {})
    known = dict(zip(op.operands, stand_ins, strict=False)) | {"v": stand_ins[RESULT]}
    return formula.Formulas(op, functions, on_arrays=True).evaluate(op.partials[k], known)


def _flat_where(condition: Any, x: Any, y: Any) -> Any:
    """A choice by instructions with two operands: what is not chosen counts as absolute zero."""
    if not is_traced(condition):
        return x if condition else y
    choose = BY_NAME["absolute_zero_multiply"]
    return elementwise(choose, condition, x) + elementwise(choose, np.logical_not(condition), y)


def _sorted(program: Program) -> Template:
    """The rows of a recording, those that all directions share first."""
    rows, depends = _rows(program)
    order = sorted(range(len(rows)), key=lambda i: depends[i])
    place = {ROW + old: ROW + new for new, old in enumerate(order)}
    moved = tuple((rows[i][0], tuple(place.get(x, x) for x in rows[i][1])) for i in order)
    result = _reference(program, int(program.outputs[0]))
    return Template(moved, depends.count(False), tuple(program.constants.tolist()), place.get(result, result))


def _reference(program: Program, slot: int) -> int:
    if slot < program.inputs:
        return slot
    return program.inputs - 1 - slot if slot < program.first_result else slot - program.first_result + ROW


def _rows(program: Program) -> tuple[list[tuple[int, tuple[int, ...]]], list[bool]]:
    rows: list[tuple[int, tuple[int, ...]]] = []
    depends: list[bool] = []
    for _, code, operands in program.instructions():
        if operands and isinstance(operands[0], Block):
            operands = tuple(int(part.slots()[0]) for part in operands[0].operands)
        references = tuple(_reference(program, slot) for slot in operands)
        rows.append((code, references))
        depends.append(any(TANGENT <= x < ROW or (x >= ROW and depends[x - ROW]) for x in references))
    return rows, depends
