"""The formula language of the operation table.

Theory of operation. A formula is a Python expression over the operands `a`, `b`, `c`, the result `v`,
names set up by the row, numbers, arithmetic, comparisons, one-line conditionals and the functions
listed in `FUNCTIONS`. It is parsed once with `ast`, checked against that whitelist, and rendered for
whoever needs it: as text for the generated kernels, as a Python function on NumPy scalars (the
reference interpreter), as a function on whole arrays or traced arrays (conditionals become `where`).
Tests render it for SymPy and mpmath with the same `compile_formula`.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from fastad.kernels.vector_math import FAST

if TYPE_CHECKING:
    from fastad.ops import Op

# formula name -> the spelling in a Numba kernel
FUNCTIONS: dict[str, str] = {
    "abs": "abs",
    "arccos": "math.acos",
    "arccosh": "math.acosh",
    "arcsin": "math.asin",
    "arcsinh": "math.asinh",
    "arctan": "math.atan",
    "arctan2": "math.atan2",
    "arctanh": "math.atanh",
    "cbrt": "np.cbrt",
    "ceil": "np.ceil",
    "copysign": "math.copysign",
    "cos": "math.cos",
    "cosh": "math.cosh",
    "erf": "math.erf",
    "erfc": "math.erfc",
    "exp": "math.exp",
    "exp2": "np.exp2",
    "expm1": "math.expm1",
    "floor": "np.floor",
    "fmod": "np.fmod",
    "hypot": "math.hypot",
    "log": "math.log",
    "log10": "math.log10",
    "log1p": "math.log1p",
    "log2": "np.log2",
    "rint": "np.rint",
    "sech": "sech",
    "sign": "np.sign",
    "sin": "math.sin",
    "sinh": "math.sinh",
    "sqrt": "math.sqrt",
    "tan": "math.tan",
    "tanh": "math.tanh",
    "trunc": "np.trunc",
}
CONSTANTS: dict[str, float] = {
    "inf": float("inf"),
    "nan": float("nan"),
    "LN2": 0.6931471805599453,
    "LN10": 2.302585092994046,
    "TWO_OVER_SQRT_PI": 1.1283791670955126,
}
_NODES = (
    ast.Expression, ast.BinOp, ast.UnaryOp, ast.Compare, ast.IfExp, ast.BoolOp, ast.Call, ast.Name,
    ast.Constant, ast.Load, ast.Add, ast.Sub, ast.Mult, ast.Div, ast.Pow, ast.USub, ast.And, ast.Or,
    ast.Lt, ast.LtE, ast.Gt, ast.GtE, ast.Eq, ast.NotEq,
)  # fmt: skip


def parse(text: str, names: frozenset[str]) -> ast.Expression:
    """The syntax tree of a formula, or ValueError naming what is outside the language."""
    tree = ast.parse(text, mode="eval")
    called = {id(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    for node in ast.walk(tree):
        if not isinstance(node, _NODES):
            raise ValueError(f"formula {text!r} uses {type(node).__name__}, which is outside the language")
        if isinstance(node, ast.Name):
            known = FUNCTIONS if id(node) in called else CONSTANTS
            if node.id not in known and (id(node) in called or node.id not in names):
                raise ValueError(f"formula {text!r} uses the unknown name {node.id!r}")
    return tree


class _KernelText(ast.NodeTransformer):
    """Spells functions and constants the way a Numba kernel needs them."""

    def visit_Call(self, node: ast.Call) -> ast.AST:
        assert isinstance(node.func, ast.Name)
        spelled = ast.parse(FUNCTIONS[node.func.id], mode="eval").body
        return ast.Call(spelled, [self.visit(argument) for argument in node.args], [])

    def visit_Name(self, node: ast.Name) -> ast.AST:
        if node.id in ("inf", "nan"):
            return ast.parse(f"np.{node.id}", mode="eval").body
        return ast.Constant(CONSTANTS[node.id]) if node.id in CONSTANTS else node

    def visit_Constant(self, node: ast.Constant) -> ast.AST:
        assert isinstance(node.value, int | float)
        return ast.Constant(float(node.value))


class _FastText(_KernelText):
    """Spells costly functions as vectorisable ones, each call a statement of its own.

    A conditional in which one side raises to a power and the other does not is there for rare operands:
    the fast form has the other side only, and the rare operands do not fit.
    """

    def __init__(self, stem: str) -> None:
        self.stem = stem
        self.lines: list[str] = []
        self.checks: list[str] = []

    def _call(self, name: str, arguments: list[ast.expr]) -> ast.AST:
        names = []
        for argument in arguments:
            names.append(f"{self.stem}{len(self.lines)}")
            self.lines.append(f"{names[-1]} = {ast.unparse(argument)}")
        self.checks.append(f"fits_{FAST[name]}({', '.join(names)})")
        result = f"{self.stem}{len(self.lines)}"
        self.lines.append(f"{result} = fast_{FAST[name]}({', '.join(names)})")
        return ast.Name(result, ast.Load())

    def visit_Call(self, node: ast.Call) -> ast.AST:
        assert isinstance(node.func, ast.Name)
        if node.func.id not in FAST:
            return super().visit_Call(node)
        return self._call(node.func.id, [self.visit(argument) for argument in node.args])

    def visit_BinOp(self, node: ast.BinOp) -> ast.AST:
        left, right = self.visit(node.left), self.visit(node.right)
        if isinstance(node.op, ast.Pow):
            return self._call("power", [left, right])
        return ast.BinOp(left, node.op, right)

    def visit_IfExp(self, node: ast.IfExp) -> ast.AST:
        if _raises(node.orelse) and not _raises(node.body):
            self.checks.append(ast.unparse(_KernelText().visit(node.test)))
            return self.visit(node.body)
        return self.generic_visit(node)


def _raises(tree: ast.AST) -> bool:
    return any(isinstance(node, ast.Pow) for node in ast.walk(tree))


def fast_statements(name: str, text: str, names: frozenset[str]) -> tuple[list[str], list[str]]:
    """The assignments `name = formula` in vectorisable functions, and the conditions under which they hold."""
    form = _FastText(f"{name}_")
    tree = ast.fix_missing_locations(form.visit(parse(text, names)))
    return [*form.lines, f"{name} = {ast.unparse(tree)}"], form.checks


def kernel_text(text: str, names: frozenset[str]) -> str:
    """The formula as it stands in a generated kernel."""
    return ast.unparse(ast.fix_missing_locations(_KernelText().visit(parse(text, names))))


class _ArrayForm(ast.NodeTransformer):
    """Turns conditionals into `where` and `and`/`or` into masks, so that the formula runs on arrays."""

    def visit_IfExp(self, node: ast.IfExp) -> ast.AST:
        test, body, orelse = [self.visit(part) for part in (node.test, node.body, node.orelse)]
        if isinstance(orelse, ast.Name) and orelse.id == "nan":  # a factor, so that derivatives are nan as well
            factor = ast.Call(ast.Name("where", ast.Load()), [test, ast.Constant(1.0), orelse], [])
            return ast.BinOp(body, ast.Mult(), factor)
        return ast.Call(ast.Name("where", ast.Load()), [test, body, orelse], [])

    def visit_BoolOp(self, node: ast.BoolOp) -> ast.AST:
        joined, *rest = [self.visit(value) for value in node.values]
        operator = ast.BitAnd() if isinstance(node.op, ast.And) else ast.BitOr()
        for value in rest:
            joined = ast.BinOp(joined, operator, value)
        return joined


def compile_formula(
    text: str, names: tuple[str, ...], functions: Mapping[str, Any], on_arrays: bool = False
) -> Callable[..., Any]:
    """A Python function of `names` that evaluates the formula with the given functions.

    `functions` maps every name of `FUNCTIONS` (and, with `on_arrays`, `where`) and of `CONSTANTS` to
    what stands for it.
    """
    tree = parse(text, frozenset(names))
    if on_arrays:
        tree = _ArrayForm().visit(tree)
    arguments = ast.arguments([], [ast.arg(name) for name in names], None, [], [], None, [])
    function = ast.Expression(ast.Lambda(arguments, tree.body))
    code = compile(ast.fix_missing_locations(function), f"<formula {text}>", "eval")
    return eval(code, dict(functions))


class Formulas:
    """The formulas of a row with a given meaning of the functions; each name is evaluated when it is asked for."""

    def __init__(self, op: Op, functions: Mapping[str, Any], on_arrays: bool = False) -> None:
        self.functions, self.on_arrays = functions, on_arrays
        self.texts = {"v": op.primal, **dict(op.setup)}
        self.names = (*op.operands, *self.texts)
        self._compiled: dict[str, tuple[Callable[..., Any], list[str]]] = {}

    def evaluate(self, text: str, known: dict[str, Any]) -> Any:
        """A formula, after the names that it uses; `known` starts with the operands and grows."""
        if text not in self._compiled:
            used = [node.id for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Name)]
            compiled = compile_formula(text, self.names, self.functions, self.on_arrays)
            self._compiled[text] = compiled, [name for name in used if name in self.texts]
        compiled, used = self._compiled[text]
        for name in used:
            if name not in known:
                known[name] = self.evaluate(self.texts[name], known)
        return compiled(*(known.get(name) for name in self.names))


def numpy_functions() -> dict[str, Any]:
    """What the formula's names mean on NumPy scalars, arrays and traced arrays."""
    special = {"erf": _special("erf"), "erfc": _special("erfc"), "where": np.where, "sech": _sech}
    return {name: special.get(name) or getattr(np, name) for name in FUNCTIONS} | special | CONSTANTS


def _special(name: str) -> Callable[..., Any]:
    def call(x: Any) -> Any:
        import scipy.special

        return getattr(scipy.special, name)(x)

    return call


def _sech(x: Any) -> Any:
    return 1.0 / np.cosh(x)
