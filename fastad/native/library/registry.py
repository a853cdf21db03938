"""How NumPy's functions get forms of our own for active numbers.

Theory of operation. A form is chosen by the types of a call's arguments, as an overload is, and stands behind a name of
our own, which the compiler of active functions (`native/pipeline.py`) puts in place of NumPy's. So what Numba itself
knows of NumPy's functions is neither in the way nor changed. A call without active arguments goes to NumPy's function,
with the arguments that were given.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np
from numba import types
from numba.extending import overload

from fastad.native.memory import outlined
from fastad.native.types import is_active, is_array, members

FUNCTIONS: dict[Any, Any] = {}
METHODS: dict[str, Any] = {}


def has_active(*arguments: Any) -> bool:
    """Whether there are active numbers in some argument types."""
    return any(map(_has_active, arguments))


def _has_active(x: Any) -> bool:
    if isinstance(x, types.BaseTuple):
        return has_active(*members(x))
    if isinstance(x, types.List | types.ListType):
        return has_active(x.dtype)
    return is_active(x) or is_array(x)


def is_given(x: Any) -> bool:
    """Whether an optional argument was given."""
    return x is not None and not isinstance(x, types.Omitted | types.NoneType)


def function(*replaced: Any, method: str | None = None, arrays_only: bool = False) -> Callable[[Any], Any]:
    """What makes of a chooser of forms the function that stands in place of others, and of a method of arrays."""

    def register(choose: Callable[..., Any]) -> Callable[..., Any]:
        for target in replaced:
            FUNCTIONS[target] = _stub(choose, lambda given, target=target: ("target", {"target": target}))
        if method is not None:
            METHODS[method] = _stub(choose, lambda given: (None, {"method": method}), owner=True)
        return choose

    return register


def _stub(choose: Callable[..., Any], callee: Any, owner: bool = False) -> Any:
    signature = inspect.signature(choose)
    names = list(signature.parameters)
    text = ", ".join(n if p.default is p.empty else f"{n}=None" for n, p in signature.parameters.items())
    scope: dict[str, Any] = {"choose": _chosen(choose, callee, names, text, owner)}
    exec(
        f"def stub({text}):\n    raise NotImplementedError\ndef typed({text}):\n    return choose({', '.join(names)})",
        scope,
    )
    scope["stub"].__name__ = scope["stub"].__qualname__ = choose.__name__
    overload(scope["stub"], prefer_literal=True)(scope["typed"])
    return scope["stub"]


def _chosen(choose: Any, callee: Any, names: list[str], text: str, owner: bool) -> Any:
    """The typing function: a form for active arguments, or the call of what was replaced."""

    def chosen(*arguments: Any) -> Any:
        array = not owner or isinstance(arguments[0], types.Array)
        if array and has_active(*arguments):
            form = choose(*arguments)
            if form is not None:
                body, more = (None, {}) if callable(form) else form
                return _renamed(form, names, text) if body is None else _compiled(body, more, text)
            return None
        target, scope = callee(arguments)
        given = [(n, a) for n, a in zip(names, arguments, strict=True) if is_given(a)]
        if owner:
            call = f"{names[0]}.{scope.pop('method')}({', '.join(n for n, _ in given[1:])})"
        else:
            call = f"{target}({', '.join(n for n, _ in given)})"
        return _compiled(f"return {call}", scope, text)

    return chosen


def _renamed(form: Any, names: list[str], text: str) -> Any:
    """A form with the parameters of the function that it stands for."""
    if list(inspect.signature(form).parameters) == names:
        return form
    inner = outlined(form)
    scope: dict[str, Any] = {"inner": inner}
    exec(f"def form({text}):\n    return inner({', '.join(names)})", scope)
    return scope["form"]


def _compiled(body: str, scope: dict[str, Any], parameters: str) -> Any:
    """A form given as the text of its body."""
    scope = {"np": np, **scope}
    lines = "\n".join("    " + line for line in body.splitlines())
    exec(f"def form({parameters}):\n{lines}", scope)
    return scope["form"]
