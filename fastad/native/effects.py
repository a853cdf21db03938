"""Whether a compiled function assigns elements of its arguments.

Theory of operation. Numba's own front end gives the function's instructions. A variable whose elements are assigned is
followed back through names, parts, views and calls that may return them; if it gets to an argument, the function writes
to it. Functions that it calls are looked into as well.
"""

from __future__ import annotations

from types import ModuleType
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
from numba.core import ir
from numba.core.compiler import run_frontend
from numba.core.dispatcher import Dispatcher

ABSENT = object()
VIEWS = frozenset({np.reshape, np.ravel, np.transpose, np.asarray, np.ascontiguousarray, np.broadcast_to, np.flip})
IN_PLACE_METHODS = frozenset({"fill", "sort", "partition", "put"})
_known: WeakKeyDictionary[Any, bool] = WeakKeyDictionary()


def writes_to_arguments(dispatcher: Any) -> bool:
    """Whether a function, or one that it calls, may assign elements of its arguments."""
    function = dispatcher.py_func
    if function not in _known:
        _known[function] = False  # what a function that calls itself finds
        _known[function] = _Variables(run_frontend(function, inline_closures=True)).writes()
    return _known[function]


def held_object(func_ir: Any, value: Any) -> Any:
    """The Python object that a variable or an expression is known to be; ABSENT if none."""
    if isinstance(value, ir.Var):
        definitions = func_ir._definitions[value.name]
        return held_object(func_ir, definitions[0]) if len(definitions) == 1 else ABSENT
    if isinstance(value, ir.Global | ir.FreeVar):
        return value.value
    if isinstance(value, ir.Expr) and value.op == "getattr":
        owner = held_object(func_ir, value.value)
        return getattr(owner, value.attr, ABSENT) if isinstance(owner, ModuleType) else ABSENT
    return ABSENT


def assigned_variables(func_ir: Any) -> set[str]:
    """The variables whose elements are assigned somewhere."""
    names: set[str] = set()
    for block in func_ir.blocks.values():
        for statement in block.body:
            if isinstance(statement, ir.SetItem | ir.StaticSetItem):
                names.add(statement.target.name)
            value = getattr(statement, "value", None)
            if isinstance(value, ir.Expr) and value.op == "inplace_binop":
                names.add(value.lhs.name)
    return names


class _Variables:
    """A function's variables and where they come from."""

    def __init__(self, func_ir: Any) -> None:
        self.func_ir = func_ir

    def writes(self) -> bool:
        names = assigned_variables(self.func_ir)
        for block in self.func_ir.blocks.values():
            for statement in block.body:
                value = getattr(statement, "value", None)
                if isinstance(value, ir.Expr) and value.op == "call":
                    names |= self._written_by(value)
        return any(map(self._is_of_argument, names))

    def _written_by(self, call: Any) -> set[str]:
        """The variables that a call may write to."""
        called = held_object(self.func_ir, call.func)
        arguments = {v.name for v in call.list_vars()} - {call.func.name}
        if isinstance(called, Dispatcher):
            return arguments if writes_to_arguments(called) else set()
        definitions = self.func_ir._definitions[call.func.name]
        if called is ABSENT and len(definitions) == 1 and isinstance(definitions[0], ir.Expr):
            method = definitions[0]
            if method.op == "getattr":
                return {method.value.name} if method.attr in IN_PLACE_METHODS else set()
        if called is ABSENT:  # a function among the arguments
            return arguments
        return arguments if called in (np.copyto, np.fill_diagonal) else set()

    def _is_of_argument(self, name: str) -> bool:
        """Whether a variable is an argument, or may be a part or a view of one."""
        seen, names = set(), [name]
        while names:
            name = names.pop()
            if name in seen:
                continue
            seen.add(name)
            for definition in self.func_ir._definitions[name]:
                if isinstance(definition, ir.Arg):
                    return True
                if isinstance(definition, ir.Var):
                    names.append(definition.name)
                elif isinstance(definition, ir.Expr):
                    names += self._shared_with(definition)
        return False

    def _shared_with(self, expression: Any) -> list[str]:
        """The variables whose memory the result of an expression may share."""
        if expression.op in ("binop", "unary"):
            return []
        if expression.op == "inplace_binop":
            return [expression.lhs.name]
        if expression.op == "call":
            called = held_object(self.func_ir, expression.func)
            module = getattr(called, "__module__", None) or ""
            if module.startswith(("numpy", "math", "builtins")) and called not in VIEWS:
                return []
        return [v.name for v in expression.list_vars()]
