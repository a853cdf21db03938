"""Formulas given as text, parsed and never evaluated as Python: `parse_expression("log(x1) + x1*x2")`.

The text becomes a syntax tree, every node of which must be on the list below; the function made of it
walks the tree and calls NumPy, so it can be recorded like any other function.

>>> formula = parse_expression("log(x1) + x1*x2")
>>> formula.variables
['x1', 'x2']
>>> float(formula(x1=1.0, x2=5.0))
5.0
>>> parse_expression("x1 ^ 2")
Traceback (most recent call last):
fastad.errors.InvalidExpression: ^ is not a power: write ** (column 4)
"""

from __future__ import annotations

import ast
import math
import operator
import re
import warnings
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
        missing = [name for name in self.variables if name not in values]
        if missing:
            raise InvalidExpression(f"no value for {', '.join(missing)}")
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
    line = re.sub(r"\s", " ", text)  # one line, so that a column says where
    tree = _tree(line)
    _Check(line).check(tree, 0)
    return Expression(text, tree)


def _tree(line: str) -> ast.expr:
    """The syntax tree; columns in it are those of the line without spaces in front."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Python's remarks about style, such as about `2if`
            return ast.parse(line.strip(), mode="eval").body
    except SyntaxError as error:
        raise InvalidExpression(f"cannot read {_short(line)!r}: {_reason(error, line)}") from None
    except UnicodeEncodeError as error:
        raise InvalidExpression(f"cannot read the expression: no character at column {error.start + 1}") from None
    except (ValueError, MemoryError, RecursionError) as error:
        raise InvalidExpression(f"cannot read the expression: {error or 'nested too deeply'}") from None


def _reason(error: SyntaxError, line: str) -> str:
    """What is wrong, in Python's words without its advice, and in which column of the line."""
    if "digits" in error.msg:
        return "a number has too many digits"
    if error.msg == "invalid syntax" and not error.offset:  # Python's way to say so
        return f"something is missing after its end, column {len(line.rstrip())}"
    message = re.split(r"\. |; | \(", error.msg)[0]
    return f"{message} at column {max(error.offset or 1, 1) + _indent(line)}"


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())


def _short(text: str) -> str:
    return text if len(text) <= 60 else f"{text[:57]}..."


class _Check:
    """Raises where a node is not on the list."""

    def __init__(self, line: str) -> None:
        self.indent, self.line = _indent(line), line.strip().encode()

    def check(self, node: ast.AST, depth: int) -> None:
        if depth > DEEPEST:
            raise InvalidExpression(f"the expression is nested more than {DEEPEST} deep")
        for child in self.children(node):
            self.check(child, depth + 1)

    def children(self, node: ast.AST) -> list[Any]:
        """What is to be checked below a node that is on the list."""
        match node:
            case ast.Constant(value=value) if isinstance(value, int | float) and type(value) is not bool:
                if abs(value) >= 1e308:
                    raise self.bad(node, "a number is too large")
                return []
            case ast.Name():
                if not _is_variable(node.id) and node.id not in CONSTANTS:
                    raise self.bad(node, f"{node.id} is a function and needs arguments")
                return []
            case ast.BinOp(op=ast.BitXor()):
                raise self.bad(node, "^ is not a power: write **", self.line.index(b"^", node.left.end_col_offset))
            case ast.BinOp(left=left, op=op, right=right) if type(op) in _BINARY:
                return [left, right]
            case ast.UnaryOp(op=ast.USub() | ast.UAdd(), operand=operand):
                return [operand]
            case ast.Call():
                return self.arguments(node)
        raise self.bad(node, f"{_what(node)} is not part of a formula")

    def arguments(self, node: ast.Call) -> list[ast.expr]:
        if not isinstance(node.func, ast.Name):
            self.children(node.func)
            raise self.bad(node, "only a function's name can stand before parentheses; a product needs *")
        name = node.func.id
        op = _NAMED.get(ALIASES.get(name, name))
        if op is None:
            raise self.bad(node, f"unknown function {name}")
        if node.keywords:
            raise self.bad(node, f"{name} takes arguments without names")
        if len(node.args) != op.arity:
            raise self.bad(node, f"{name} takes {op.arity} argument{'s' * (op.arity > 1)}, not {len(node.args)}")
        return node.args

    def bad(self, node: Any, message: str, offset: int | None = None) -> InvalidExpression:
        """The error; offsets of Python count bytes, and ours characters."""
        before = self.line[: node.col_offset if offset is None else offset].decode()
        return InvalidExpression(f"{message} (column {self.indent + len(before) + 1})")


_WORDS = {
    ast.Attribute: "an attribute (a.b)", ast.Subscript: "an index (a[i])", ast.Compare: "a comparison",
    ast.Lambda: "a lambda", ast.IfExp: "a condition (if ... else)", ast.BoolOp: "a logical operation",
    ast.Not: "the word not", ast.Tuple: "a list of several values", ast.List: "a list",
    ast.Starred: "an asterisk before an argument",
}  # fmt: skip


def _what(node: ast.AST) -> str:
    if isinstance(node, ast.Constant):
        return f"the constant {node.value!r:.40}"
    kind = type(node.op) if isinstance(node, ast.UnaryOp | ast.BinOp) else type(node)
    return _WORDS.get(kind, f"Python's {kind.__name__}")


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
