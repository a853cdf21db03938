"""A compiler for functions that are recorded: Numba's own, with one more pass.

Theory of operation. The pass runs before types are inferred, in functions that are called with active arguments. It
makes two changes. A compiled function that is called is replaced by one that this compiler compiles, so that the
recording follows the calls. And what makes arrays (`np.zeros` and its kin) gets the first active argument as one more
argument and makes arrays that can hold active numbers.
"""

from __future__ import annotations

from types import ModuleType
from typing import Any
from weakref import WeakKeyDictionary

from numba import njit
from numba.core import ir
from numba.core.compiler import CompilerBase, DefaultPassBuilder
from numba.core.compiler_machinery import FunctionPass, register_pass
from numba.core.dispatcher import Dispatcher
from numba.core.untyped_passes import DeadBranchPrune

from fastad.native.arrays import holds_active
from fastad.native.creation import CREATORS

_ABSENT = object()
_versions: WeakKeyDictionary[Any, Any] = WeakKeyDictionary()


def is_compiled(function: Any) -> bool:
    """Whether Numba has compiled it (`@njit`)."""
    return isinstance(function, Dispatcher)


def active_version(dispatcher: Any) -> Any:
    """The same function, compiled by this compiler."""
    known = _versions.get(dispatcher)
    if known is None:
        known = njit(pipeline_class=ActiveCompiler, error_model="numpy", nogil=True)(dispatcher.py_func)
        _versions[dispatcher] = known
    return known


@register_pass(mutates_CFG=False, analysis_only=False)
class _MakeActive(FunctionPass):
    _name = "fastad_make_active"

    def __init__(self) -> None:
        FunctionPass.__init__(self)

    def run_pass(self, state: Any) -> bool:
        anchor = next((k for k, kind in enumerate(state.args) if holds_active(kind)), None)
        if anchor is None:
            return False
        return _Rewriting(state.func_ir, anchor).run()


class _Rewriting:
    """What is known of a function's variables before types are."""

    def __init__(self, func_ir: Any, anchor: int) -> None:
        self.func_ir, self.anchor = func_ir, anchor
        self.anchor_var: Any = None

    def run(self) -> bool:
        changed = False
        for block in self.func_ir.blocks.values():
            for statement in list(block.body):
                if isinstance(statement, ir.Assign):
                    changed |= self._assignment(statement)
        return changed

    def _assignment(self, statement: Any) -> bool:
        value = self._object(statement.value)
        if isinstance(value, Dispatcher):
            statement.value = ir.Global("fastad_active", active_version(value), statement.loc)
            return True
        expression = statement.value
        if isinstance(expression, ir.Expr) and expression.op == "call":
            maker = CREATORS.get(_hashable(self._object(expression.func)))
            if maker is not None:
                self._call(expression, maker)
                return True
        return False

    def _call(self, expression: Any, maker: Any) -> None:
        scope, loc = expression.func.scope, expression.loc
        name = scope.redefine("fastad_maker", loc)
        block = next(b for b in self.func_ir.blocks.values() if any(_calls(s, expression) for s in b.body))
        at = next(i for i, s in enumerate(block.body) if _calls(s, expression))
        block.body.insert(at, ir.Assign(ir.Global("fastad_maker", maker, loc), name, loc))
        self.func_ir._definitions[name.name].append(ir.Global("fastad_maker", maker, loc))
        expression.func = name
        expression.args = [self._anchor_variable(scope, loc), *expression.args]

    def _anchor_variable(self, scope: Any, loc: Any) -> Any:
        if self.anchor_var is None:
            self.anchor_var = scope.redefine("fastad_anchor", loc)
            value = ir.Arg(self.func_ir.arg_names[self.anchor], self.anchor, loc)
            first = self.func_ir.blocks[min(self.func_ir.blocks)]
            first.body.insert(0, ir.Assign(value, self.anchor_var, loc))
            self.func_ir._definitions[self.anchor_var.name].append(value)
        return self.anchor_var

    def _object(self, value: Any) -> Any:
        """The Python object that a variable or expression is known to be."""
        if isinstance(value, ir.Var):
            definitions = self.func_ir._definitions[value.name]
            return self._object(definitions[0]) if len(definitions) == 1 else _ABSENT
        if isinstance(value, ir.Global | ir.FreeVar):
            return value.value
        if isinstance(value, ir.Expr) and value.op == "getattr":
            owner = self._object(value.value)
            return getattr(owner, value.attr, _ABSENT) if isinstance(owner, ModuleType) else _ABSENT
        return _ABSENT


def _calls(statement: Any, expression: Any) -> bool:
    return isinstance(statement, ir.Assign) and statement.value is expression


def _hashable(value: Any) -> Any:
    try:
        hash(value)
    except TypeError:
        return _ABSENT
    return value


class ActiveCompiler(CompilerBase):
    """Numba's compiler with the pass above."""

    def define_pipelines(self) -> list[Any]:
        manager = DefaultPassBuilder.define_nopython_pipeline(self.state)
        manager.add_pass_after(_MakeActive, DeadBranchPrune)
        manager.finalize()
        return [manager]
