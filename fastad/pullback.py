"""How a group of fused instructions gets from the adjoint of a result to those of the operands.

Theory of operation. Read off the formulas of the table: a partial that is 1 or -1 passes the adjoint on;
one that is an operand or the result scales by what is in a register anyway; one that calls a costly
function is stored while the value is computed, because the two share most of the work (sine and cosine,
a power and its slope); any other is computed when the adjoint is.
"""

from __future__ import annotations

import ast
from functools import cache

from fastad.ops import BY_CODE, Op

PASS, SCALE, STORED, PULL = "pass", "scale", "stored", "pull"
# Calls that LLVM turns into an instruction or two.
CHEAP = frozenset({"abs", "sign", "copysign", "floor", "ceil", "rint", "trunc", "sqrt"})


def used_names(text: str) -> set[str]:
    """The names that a formula mentions."""
    return {node.id for node in ast.walk(ast.parse(text, mode="eval")) if isinstance(node, ast.Name)}


def setup_for(op: Op, texts: list[str]) -> list[tuple[str, str]]:
    """The setup rows that the given formulas need, in order."""
    needed = set().union(*map(used_names, texts))
    for name, text in reversed(op.setup):
        if name in needed:
            needed |= used_names(text)
    return [(name, text) for name, text in op.setup if name in needed]


def _is_costly(text: str) -> bool:
    nodes = list(ast.walk(ast.parse(text, mode="eval")))
    called = {node.func.id for node in nodes if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)}
    return bool(called - CHEAP) or any(isinstance(node, ast.Pow) for node in nodes)


@cache
def stores_partials(code: int) -> bool:
    """Whether the partials of an operation are computed together with its value."""
    op = BY_CODE[code]
    assert isinstance(op, Op)
    texts = [*op.partials, *(text for _, text in setup_for(op, list(op.partials)))]
    return any(map(_is_costly, texts))


@cache
def way(code: int, k: int) -> tuple[str, str]:
    """How the adjoint of operand k comes about: a way, and its sign (PASS) or factor (SCALE)."""
    op = BY_CODE[code]
    assert isinstance(op, Op)
    text = op.partials[k]
    if text in ("1", "-1"):
        return PASS, text
    if stores_partials(code):
        return STORED, ""
    if text in (*op.operands, "v"):
        return SCALE, text
    return PULL, ""


@cache
def values_needed(code: int, k: int) -> frozenset[str]:
    """Operands and result (`a`, `b`, `c`, `v`) that the adjoint of operand k is computed from."""
    op = BY_CODE[code]
    assert isinstance(op, Op)
    kind, factor = way(code, k)
    if kind == SCALE:
        return frozenset(factor)
    if kind != PULL:
        return frozenset()
    text = op.partials[k]
    names = used_names(text).union(*(used_names(row) for _, row in setup_for(op, [text])))
    return frozenset(names & {*op.operands, "v"})
