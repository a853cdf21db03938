"""How an elemental's power series comes about: its row of the table as steps on series.

Theory of operation. For v = phi(a, b) the chain rule v' = phi_a a' + phi_b b' gives

    k v_k = sum over j = 1 .. k of j (a_j [phi_a]_{k - j} + b_j [phi_b]_{k - j}),

so the series of v follows from those of its partials, of lower orders. A partial's formula is taken apart into sums,
products and quotients of series and into functions, which have rows of their own: cos for sin and sin for cos. What has
been met before is not made again, so there are finitely many series a row, and each costs O(order^2) at most. Where
phi is arithmetic, and for powers, there are shorter ways than the chain rule. Conditions are decided at order 0.
"""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple

import numpy as np

from fastad.formula import CONSTANTS, compile_formula, numpy_functions, parse
from fastad.kernels.series import (
    ADD,
    CHAIN,
    DIVIDE,
    HELD,
    MULTIPLY,
    NEGATE,
    OPERANDS,
    POWER,
    POWERS,
    SCALE,
    SELECT,
    SHRINK,
    SUBTRACT,
)
from fastad.ops import BY_CODE, BY_NAME, CONSTANT, Op
from fastad.record.elementwise import numpy_value

_BINARY: dict[type, tuple[int, Callable[..., Any]]] = {
    ast.Add: (ADD, operator.add), ast.Sub: (SUBTRACT, operator.sub), ast.Mult: (MULTIPLY, operator.mul),
    ast.Div: (DIVIDE, operator.truediv), ast.Pow: (POWER, np.power),
}  # fmt: skip
_ARITHMETIC = (ast.BinOp, ast.UnaryOp, ast.Name, ast.Constant, ast.operator, ast.unaryop, ast.expr_context)
_ROWS = {"abs": "absolute"}  # functions of formulas whose rows have other names


class Step(NamedTuple):
    """One series: how its coefficients come about, from which rows, and how the one of order 0 does."""

    kind: int
    rows: tuple[int, ...]
    start: Callable[..., Any]
    needs: tuple[int, ...]  # rows whose coefficients of order 0 `start` takes


class SeriesProgram:
    """The steps of a row.

    Attributes
    ----------
    steps : ndarray of int32, shape (n, 5)
        (kind, own, x, y, z), each after those whose coefficients of the same order it needs.
    result : int
        The row of the result.
    width : int
        Rows besides the operands.
    """

    def __init__(self, op: Op) -> None:
        self.op, self.made = op, dict[int, Step]()
        self._known: dict[Any, int] = {}
        self._next = OPERANDS
        self.fixed = {k for k, kind in enumerate(op.linearity) if kind == CONSTANT}
        self.result = self._applied(op, tuple(range(op.arity)))
        self.width = self._next - OPERANDS
        self.steps = self._in_order()

    def known(self, operands: list[np.ndarray]) -> np.ndarray:
        """Coefficients of order 0 of all rows besides the operands, (count, width), from values (count,) of these."""
        values: dict[int, Any] = dict(enumerate(operands))

        def value(row: int) -> Any:
            if row not in values:
                step = self.made[row]
                values[row] = step.start(*(value(need) for need in step.needs))
            return values[row]

        out = np.zeros((operands[0].size, self.width))
        with np.errstate(all="ignore"):
            for row in self.made:
                out[:, row - OPERANDS] = value(row)
        return out

    def _in_order(self) -> np.ndarray:
        """The steps that the result needs."""
        order: list[int] = []
        seen: set[int] = set()
        later = [self.result]

        def visit(row: int) -> None:
            if row < OPERANDS or row in seen:
                return
            seen.add(row)
            kind, rows = self.made[row][:2]
            for k, other in enumerate(rows):
                if kind == CHAIN and k == 1:
                    later.append(other)  # of which lower orders will do
                elif kind not in (SCALE, SHRINK, SELECT) or k != (0 if kind == SELECT else 1):
                    visit(other)
            order.append(row)

        while later:
            visit(later.pop())
        table = [(self.made[row].kind, row, *self.made[row].rows) for row in order]
        return np.array([(*row, *(-1,) * (5 - len(row))) for row in table], np.int32).reshape(-1, 5)

    # --- making steps -------------------------------------------------------------------------------
    def _step(
        self, key: Any, kind: int, rows: tuple[int, ...], start: Any, needs: tuple[int, ...] | None = None
    ) -> int:
        if key not in self._known:
            self._known[key] = own = self._place(kind)
            self.made[own] = Step(kind, rows, start, rows if needs is None else needs)
        return self._known[key]

    def _place(self, kind: int) -> int:
        own = self._next
        self._next += 1 + (POWERS if kind == POWER else 0)
        return own

    def _is_held(self, row: int) -> bool:
        return row in self.fixed if row < OPERANDS else self.made[row].kind == HELD

    def _number(self, value: float) -> int:
        return self._step(("number", repr(value)), HELD, (), lambda: value)

    def _applied(self, op: Op, rows: tuple[int, ...]) -> int:
        """The series of an elemental."""
        key = (op.name, rows)
        if key in self._known:
            return self._known[key]
        names = dict(zip(op.operands, rows, strict=True))
        if all(map(self._is_held, rows)):
            return self._step(key, HELD, (), numpy_value(op), rows)
        if op.partials == ("b", "a"):
            return self._step(key, MULTIPLY, rows, numpy_value(op))
        if _is_arithmetic(op):
            self._known[key] = found = self._series(parse(op.primal, frozenset(op.operands)).body, op, names)
            return found
        own = self._known[key] = self._place(CHAIN)
        self.made[own] = Step(CHAIN, (), numpy_value(op), rows)
        names["v"] = own
        if not op.second:  # a slope: what its row calls p is its own series
            self._name_slope(op.primal, own, names)
        for k, code in enumerate(op.slopes):
            if op.partials[k].lstrip("-") in dict(op.setup):
                self._name_slope(op.partials[k], self._applied(BY_CODE[code], rows), names)  # type: ignore[arg-type]
        terms = [
            self._term(row, self._formula(text, op, names))
            for row, text in zip(rows, op.partials, strict=True)
            if text != "0" and not self._is_held(row)
        ]
        kind, parts = terms[0] if terms else (HELD, ())
        if len(terms) > 1:
            kind, parts = ADD, tuple(self._step((key, part), *part, lambda: 0.0, ()) for part in terms)
        self.made[own] = Step(kind, parts, numpy_value(op), rows)
        return own

    def _name_slope(self, text: str, row: int, names: dict[str, int]) -> None:
        """Let the name in a formula like p or -p stand for a series, which is found with fewer steps and roundings."""
        name = text.lstrip("-")
        if name.isidentifier():
            names[name] = row if text == name else self._step(("-", row), NEGATE, (row,), operator.neg)

    def _term(self, row: int, slope: int) -> tuple[int, tuple[int, ...]]:
        """What an operand contributes by its partial."""
        return SCALE if self._is_held(slope) else CHAIN, (row, slope)

    # --- formulas -----------------------------------------------------------------------------------
    def _formula(self, text: str, op: Op, names: dict[str, int]) -> int:
        known = frozenset((*op.operands, "v", *(name for name, _ in op.setup)))
        return self._series(parse(text, known).body, op, names)

    def _named(self, name: str, op: Op, names: dict[str, int]) -> int:
        if name in CONSTANTS:
            return self._number(CONSTANTS[name])
        if name not in names:
            names[name] = self._formula(dict(op.setup)[name], op, names)
        return names[name]

    def _series(self, node: ast.expr, op: Op, names: dict[str, int]) -> int:
        match node:
            case ast.Constant(value=value):
                return self._number(float(value))  # type: ignore[arg-type]
            case ast.Name(id=name):
                return self._named(name, op, names)
            case ast.UnaryOp(operand=operand):
                x = self._series(operand, op, names)
                return self._step(("-", x), HELD if self._is_held(x) else NEGATE, (x,), operator.neg)
            case ast.BinOp(left=left, op=sign, right=right):
                x, y = self._series(left, op, names), self._series(right, op, names)
                return self._arithmetic(*_BINARY[type(sign)], x, y)
            case ast.IfExp(test=test, body=body, orelse=orelse):
                condition = self._condition(test, op, names)
                sides = self._series(body, op, names), self._series(orelse, op, names)
                kind = HELD if all(map(self._is_held, sides)) else SELECT
                return self._step(("if", condition, sides), kind, (condition, *sides), np.where)
            case ast.Call(func=ast.Name(id=name), args=args):
                rows = tuple(self._series(argument, op, names) for argument in args)
                if name == "sech":
                    return self._arithmetic(
                        DIVIDE, operator.truediv, self._number(1.0), self._applied(BY_NAME["cosh"], rows)
                    )
                return self._applied(BY_NAME[_ROWS.get(name, name)], rows)
        raise AssertionError(f"{ast.unparse(node)} stands in a formula of {op.name} as a number")

    def _condition(self, test: ast.expr, op: Op, names: dict[str, int]) -> int:
        """A truth value, which does not change."""
        used = sorted({n.id for n in ast.walk(test) if isinstance(n, ast.Name)} & {*op.operands, "v", *dict(op.setup)})
        rows = tuple(self._named(name, op, names) for name in used)
        text = ast.unparse(test)
        start = compile_formula(text, tuple(used), numpy_functions(), on_arrays=True)
        return self._step(("condition", text, rows), HELD, (), start, rows)

    def _arithmetic(self, kind: int, start: Callable[..., Any], x: int, y: int) -> int:
        rows = (x, y)
        held = self._is_held(x), self._is_held(y)
        if all(held):
            return self._step((kind, rows), HELD, (), start, rows)
        if kind == MULTIPLY and any(held):
            return self._step((SCALE, rows), SCALE, (x, y) if held[1] else (y, x), start)
        if kind == DIVIDE and held[1]:
            return self._step((SHRINK, rows), SHRINK, rows, start)
        if kind == POWER:
            logs = -1 if held[1] else self._arithmetic(MULTIPLY, operator.mul, y, self._applied(BY_NAME["log"], (x,)))
            return self._step((kind, rows), POWER, (*rows, logs), start, rows)
        return self._step((kind, rows), kind, rows, start)


def _is_arithmetic(op: Op) -> bool:
    """Whether the value is sums, products, quotients and powers of the operands."""
    return all(isinstance(node, _ARITHMETIC) for node in ast.walk(ast.parse(op.primal, mode="eval").body)) and not (
        {node.id for node in ast.walk(ast.parse(op.primal)) if isinstance(node, ast.Name)} - set(op.operands)
    )


@cache
def series_program(op: Op) -> SeriesProgram:
    """The steps by which an elemental's series comes about."""
    return SeriesProgram(op)
