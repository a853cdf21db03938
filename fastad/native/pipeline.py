"""A compiler for functions on active numbers: Numba's own, with one more pass.

Theory of operation. The pass runs before types are inferred. A compiled function that is called is replaced by its
version for the same kind of active number, so that the derivatives follow the calls. Calls of NumPy's functions that
make arrays get the ones that can hold active numbers, and other functions those of `fastad.native.library`, which take
active numbers or leave the call to NumPy. Float items of lists become active; and where a variable's elements are
assigned, a fresh array of floats that it is bound to is made active. Array expressions are not fused: Numba's rewriting
of them knows only the numbers of NumPy.
"""

from __future__ import annotations

from types import ModuleType
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
from numba import njit
from numba.core import ir
from numba.core.compiler import CompilerBase, DefaultPassBuilder
from numba.core.compiler_machinery import FunctionPass, register_pass
from numba.core.dispatcher import Dispatcher
from numba.core.typed_passes import NopythonRewrites
from numba.core.untyped_passes import LiteralUnroll

from fastad.native.arrays import ASSIGNING
from fastad.native.creation import creators
from fastad.native.effects import ABSENT, assigned_variables, held_object
from fastad.native.library import FUNCTIONS, METHODS
from fastad.native.types import ActiveType
from fastad.native.vectorized import active_form, is_vectorised

# what makes a new array, of floats perhaps
_FRESH = frozenset(
    {np.linspace, np.eye, np.identity, np.diag, np.arange, np.copy, np.ascontiguousarray, np.repeat, np.concatenate,
     np.hstack, np.vstack, np.stack, np.column_stack, np.tril, np.triu, np.outer, np.kron, np.dot}
)  # fmt: skip
_versions: WeakKeyDictionary[Any, dict[ActiveType, Any]] = WeakKeyDictionary()
_compilers: dict[ActiveType, Any] = {}


def is_compiled(function: Any) -> bool:
    """Whether Numba has compiled it (`@njit`)."""
    return isinstance(function, Dispatcher)


def active_version(dispatcher: Any, kind: ActiveType) -> Any:
    """The same function, compiled for a kind of active numbers."""
    known = _versions.setdefault(dispatcher, {})
    if kind not in known:
        options = {k: v for k, v in dispatcher.targetoptions.items() if k in ("boundscheck", "_nrt")}
        compiler: Any = njit
        known[kind] = compiler(
            pipeline_class=compiler_for(kind), error_model="numpy", nogil=True, no_cpython_wrapper=True,
            no_cfunc_wrapper=True, **options,
        )(dispatcher.py_func)  # fmt: skip
    return known[kind]


def compiler_for(kind: ActiveType) -> Any:
    """The compiler class of a kind."""
    if kind not in _compilers:

        @register_pass(mutates_CFG=False, analysis_only=False)
        class MakeActive(FunctionPass):
            _name = f"fastad_make_active_{kind}"

            def __init__(self) -> None:
                FunctionPass.__init__(self)

            def run_pass(self, state: Any) -> bool:
                rewriting = _Rewriting(state.func_ir, kind, state.typingctx.refresh)
                state.typingctx.refresh()  # it knows what is registered at this point, and creators have been made
                return rewriting.run()

        class Compiler(CompilerBase):
            """Numba's compiler with the pass above."""

            def define_pipelines(self) -> list[Any]:
                manager = DefaultPassBuilder.define_nopython_pipeline(self.state)
                manager.passes = [one for one in manager.passes if one[0] is not NopythonRewrites]
                manager.add_pass_after(MakeActive, LiteralUnroll)
                manager.finalize()
                return [manager]

        _compilers[kind] = Compiler
    return _compilers[kind]


class _Rewriting:
    """What is known of a function's variables before types are."""

    def __init__(self, func_ir: Any, kind: ActiveType, refresh: Any) -> None:
        self.func_ir, self.kind, self.creators, self.refresh = func_ir, kind, creators(kind), refresh
        self.assigned = {self._source_name(name) for name in assigned_variables(func_ir)}

    def run(self) -> bool:
        for block in self.func_ir.blocks.values():
            self.body: list[Any] = []
            for statement in block.body:
                if isinstance(statement, ir.Assign):
                    self._assignment(statement)
                else:
                    self.body.append(statement)
            block.body = self.body
        return True

    def _source_name(self, name: str) -> str:
        """The variable that another one only repeats."""
        definitions = self.func_ir._definitions[name]
        while len(definitions) == 1 and isinstance(definitions[0], ir.Var):
            name = definitions[0].name
            definitions = self.func_ir._definitions[name]
        return name

    def _assignment(self, statement: Any) -> None:
        value = statement.value
        if isinstance(value, ir.Global | ir.FreeVar | ir.Expr):
            held = self._object(value)
            if isinstance(held, Dispatcher):
                statement.value = ir.Global("fastad_version", active_version(held, self.kind), statement.loc)
            elif isinstance(held, tuple) and held and all(isinstance(part, Dispatcher) for part in held):
                versions = tuple(active_version(part, self.kind) for part in held)
                statement.value = ir.Global("fastad_versions", versions, statement.loc)
        fresh = False
        if isinstance(value, ir.Expr) and value.op == "call":
            fresh = self._call(value)
        elif isinstance(value, ir.Expr) and value.op == "build_list":
            value.items = [self._called("lift_item", [item], value.loc, item.scope) for item in value.items]
        elif isinstance(value, ir.Expr) and value.op == "inplace_binop":
            function = self._constant(ASSIGNING.get(value.fn, value.fn), value.lhs.scope, value.loc)
            statement.value = ir.Expr.call(function, [value.lhs, value.rhs], (), value.loc)
        elif isinstance(value, ir.Expr):
            fresh = value.op in ("binop", "unary")
        if fresh and self._is_assigned(statement.target.name):
            self._converted(statement)
        else:
            self.body.append(statement)

    def _is_assigned(self, name: str) -> bool:
        if name in self.assigned:
            return True
        return any(
            any(isinstance(d, ir.Var) and d.name == name for d in self.func_ir._definitions[other])
            for other in self.assigned
        )

    def _converted(self, statement: Any) -> None:
        scope, loc = statement.target.scope, statement.loc
        plain = scope.redefine("fastad_plain", loc)
        self._define(plain, statement.value, loc)
        function = self._constant(self.creators["to_active"], scope, loc)
        statement.value = ir.Expr.call(function, [plain], (), loc)
        self.body.append(statement)

    def _call(self, expression: Any) -> bool:
        """Put another function in place of the one that is called; whether the result is a new array."""
        called = _hashable(self._object(expression.func))
        scope, loc = expression.func.scope, expression.loc
        instead = self.creators.get(called, FUNCTIONS.get(called))
        if is_vectorised(called):
            instead = active_form(called, self.kind, active_version)
            self.refresh()
        if instead is not None:
            expression.func = self._constant(instead, scope, loc)
        if called is ABSENT:
            return self._method(expression)
        return called in _FRESH

    def _method(self, expression: Any) -> bool:
        definitions = self.func_ir._definitions[expression.func.name]
        if len(definitions) != 1 or not isinstance(definitions[0], ir.Expr) or definitions[0].op != "getattr":
            return False
        owner, name = definitions[0].value, definitions[0].attr
        if name in METHODS and not isinstance(self._object(owner), ModuleType):
            expression.func = self._constant(METHODS[name], expression.func.scope, expression.loc)
            expression.args = [owner, *expression.args]
        return name in ("copy", "astype")

    def _called(self, creator: str, arguments: list[Any], loc: Any, scope: Any) -> Any:
        result = scope.redefine("fastad_result", loc)
        function = self._constant(self.creators[creator], scope, loc)
        self._define(result, ir.Expr.call(function, arguments, (), loc), loc)
        return result

    def _constant(self, value: Any, scope: Any, loc: Any) -> Any:
        name = scope.redefine("fastad_function", loc)
        self._define(name, ir.Global("fastad_function", value, loc), loc)
        return name

    def _define(self, name: Any, value: Any, loc: Any) -> None:
        self.body.append(ir.Assign(value, name, loc))
        self.func_ir._definitions[name.name].append(value)

    def _object(self, value: Any) -> Any:
        return held_object(self.func_ir, value)


def _hashable(value: Any) -> Any:
    try:
        hash(value)
    except TypeError:
        return ABSENT
    return value
