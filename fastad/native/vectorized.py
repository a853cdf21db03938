"""Functions that Numba has vectorised (`@vectorize`): a loop over elements around the function of numbers."""

from __future__ import annotations

from typing import Any

from numba import njit
from numba.extending import overload
from numba.np.ufunc.dufunc import DUFunc

from fastad.native.creation import allocator
from fastad.native.library.registry import has_active
from fastad.native.loops import mapped, rank
from fastad.native.memory import outlined
from fastad.native.types import ActiveType

_known: dict[tuple[int, ActiveType | None], tuple[Any, Any]] = {}  # by id, with what keeps the id


def is_vectorised(function: Any) -> bool:
    return isinstance(function, DUFunc)


def as_dispatcher(function: Any) -> Any:
    """A compiled function that calls a vectorised one, made once."""
    if (id(function), None) not in _known:
        names = ", ".join(f"a{k}" for k in range(function.nin))
        scope: dict[str, Any] = {"function": function}
        exec(f"def calling({names}):\n    return function({names})", scope)
        scope["calling"].__name__ = scope["calling"].__qualname__ = function.__name__
        _known[id(function), None] = function, njit(error_model="numpy")(scope["calling"])
    return _known[id(function), None][1]


def active_form(function: Any, kind: ActiveType, version_of: Any) -> Any:
    """What stands in the place of a vectorised function for a kind of active numbers, made once."""
    if (id(function), kind) in _known:
        return _known[id(function), kind][1]
    names = ", ".join(f"a{k}" for k in range(function.nin))
    version = version_of(njit(function._dispatcher.py_func), kind)
    scope: dict[str, Any] = {"function": function, "version": version}

    def choose(*arguments: Any) -> Any:
        if has_active(*arguments) and any(map(rank, arguments)):
            each = outlined(mapped(version, allocator(kind), arguments))
            return eval(f"lambda {names}: each({names})", {"each": each})
        return eval(f"lambda {names}: {'version' if has_active(*arguments) else 'function'}({names})", scope)

    scope["choose"] = choose
    exec(f"def stub({names}):\n    raise NotImplementedError\ndef typed({names}):\n    return choose({names})", scope)
    overload(scope["stub"])(scope["typed"])
    _known[id(function), kind] = function, scope["stub"]
    return scope["stub"]
