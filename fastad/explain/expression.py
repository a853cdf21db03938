"""Formulas given as text, parsed and never evaluated as Python: `parse_expression("log(x1) + x1*x2")`.

The text becomes a syntax tree, every node of which must be on the list below; the function made of it
walks the tree and calls NumPy, so it can be recorded like any other function.
"""

from __future__ import annotations

import ast
import math
import operator
from collections.abc import Callable
from typing import Any

import numpy as np

from fastad.errors import InvalidExpression
from fastad.ops import OPS
from fastad.record.elementwise import numpy_value

LONGEST, DEEPEST = 10_000, 200
CONSTANTS = {"pi": math.pi, "e": math.e}
ALIASES = {
    "ln": "log", "abs": "absolute", "asin": "arcsin", "acos": "arccos", "atan": "arctan", "atan2": "arctan2",
    "asinh": "arcsinh", "acosh": "arccosh", "atanh": "arctanh", "max": "maximum", "min": "minimum", "pow": "power",
}  # fmt: skip
_NAMED = {op.name: op for op in OPS if op.ufuncs and op.code < 64}
_BINARY: dict[type, Callable[[Any, Any], Any]] = {
    ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: operator.truediv,
    ast.Pow: operator.pow, ast.Mod: operator.mod, ast.FloorDiv: operator.floordiv,
}  # fmt: skip


class Expression:
    """A formula; calling it with the values of its variables (by name) evaluates it."""

    def __init__(self, text: str, tree: ast.expr) -> None:
        self.text, self.tree = text, tree
        self.variables = sorted({n.id for n in ast.walk(tree) if isinstance(n, ast.Name) and _is_variable(n.id)})

    def __call__(self, **values: Any) -> Any:
        with np.errstate(all="ignore"):  # infinities and nan are results like others
            return _evaluate(self.tree, values)


def _is_variable(name: str) -> bool:
    return name not in CONSTANTS and ALIASES.get(name, name) not in _NAMED


def parse_expression(text: str) -> Expression:
    """A formula as a function of its variables.

    Parameters
    ----------
    text : str
        Numbers, names, ``+ - * / // % **``, parentheses, ``pi``, ``e`` and the functions of the table of
        operations under NumPy's names and the usual short ones (``ln``, ``asin``, ...).

    Returns
    -------
    Expression
        Call it with the variables as keywords; ``.variables`` names them.

    Raises
    ------
    InvalidExpression
        With the column where the text is not such a formula.
    """
    if not text.strip() or len(text) > LONGEST:
        raise InvalidExpression("the expression is empty" if not text.strip() else f"longer than {LONGEST} characters")
    try:
        tree = ast.parse(text.strip(), mode="eval").body
    except SyntaxError as error:
        raise InvalidExpression(f"cannot read {_short(text)!r}: {error.msg} at column {error.offset}") from None
    except (ValueError, MemoryError, RecursionError) as error:
        raise InvalidExpression(f"cannot read the expression: {error or 'nested too deeply'}") from None
    _check(tree, 0)
    return Expression(text, tree)


def _short(text: str) -> str:
    return text if len(text) <= 60 else f"{text[:57]}..."


def _check(node: ast.AST, depth: int) -> None:
    if depth > DEEPEST:
        raise InvalidExpression(f"the expression is nested more than {DEEPEST} deep")
    children = list(ast.iter_child_nodes(node))
    match node:
        case ast.Constant(value=value) if (
            isinstance(value, int | float) and type(value) is not bool and abs(value) < 1e308
        ):
            return
        case ast.Name():
            if not _is_variable(node.id) and node.id not in CONSTANTS:
                raise _bad(node, f"{node.id} is a function and needs arguments")
            return
        case ast.BinOp(op=ast.BitXor()):
            raise _bad(node, "^ is not a power: write **")
        case ast.BinOp(left=left, op=op, right=right) if type(op) in _BINARY:
            children = [left, right]
        case ast.UnaryOp(op=ast.USub() | ast.UAdd(), operand=operand):
            children = [operand]
        case ast.Call():
            children = _call_arguments(node)
        case _:
            raise _bad(node, f"{_what(node)} is not part of a formula")
    for child in children:
        _check(child, depth + 1)


def _call_arguments(node: ast.Call) -> list[ast.AST]:
    name = node.func.id if isinstance(node.func, ast.Name) else None
    op = _NAMED.get(ALIASES.get(name, name)) if name else None
    if op is None:
        raise _bad(node, f"unknown function {name or _what(node.func)}")
    if node.keywords or len(node.args) != op.arity:
        raise _bad(node, f"{name} takes {op.arity} argument{'s' * (op.arity > 1)}, not {len(node.args)}")
    return list(node.args)


def _what(node: ast.AST) -> str:
    return {"Attribute": "an attribute (a.b)", "Subscript": "an index (a[i])", "Compare": "a comparison"}.get(
        type(node).__name__, f"a Python {type(node).__name__}"
    )


def _bad(node: Any, message: str) -> InvalidExpression:
    return InvalidExpression(f"{message} (column {getattr(node, 'col_offset', 0) + 1})")


def _evaluate(node: Any, values: dict[str, Any]) -> Any:
    if isinstance(node, ast.Constant):
        return float(node.value)  # type: ignore[arg-type]
    if isinstance(node, ast.Name):
        return CONSTANTS[node.id] if node.id in CONSTANTS else values[node.id]
    if isinstance(node, ast.UnaryOp):
        value = _evaluate(node.operand, values)
        return -value if isinstance(node.op, ast.USub) else value
    if isinstance(node, ast.BinOp):
        left, right = (np.float64(v) if type(v) is float else v
                       for v in (_evaluate(node.left, values), _evaluate(node.right, values)))  # fmt: skip
        return _BINARY[type(node.op)](left, right)
    op = _NAMED[ALIASES.get(node.func.id, node.func.id)]
    return numpy_value(op)(*(_evaluate(argument, values) for argument in node.args))
