"""SciPy's functions in recorded code: what stands for those that are written in Python and ask for plain arrays.

A module of fastad has a table of functions by the name that they have in SciPy. Recorded code sees them in place of
the originals (which are then imported already), so that it needs no change; `fastad.scipy` shows them by name.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import cache, wraps
from importlib import import_module
from types import FunctionType
from typing import Any

from fastad.errors import UnsupportedFunction
from fastad.record.builder import user_line
from fastad.record.calls import tried
from fastad.record.passive import any_traced, plain_parts
from fastad.record.stand_ins import CURRENT

TABLES = {
    "scipy.fft": "fastad.record.fourier",
    "scipy.linalg": "fastad.record.scipy_linalg",
    "scipy.special": "fastad.record.special",
}
METHODS = {"scipy.sparse": "fastad.record.scipy_sparse"}  # classes whose methods are replaced


@cache
def _by_original(module: str) -> dict[int, tuple[Any, Any]]:
    """(original, ours) by the identity of the original, for the public functions of a module of SciPy."""
    names = vars(sys.modules[module])
    public = {name: f for name, f in names.items() if _is_function(f) and not name.startswith("_")}
    ours = import_module(TABLES[module]).OF_SCIPY if module in TABLES else {}
    return {id(f): (f, dispatching(module, name, f, ours.get(name))) for name, f in public.items()}


# Past whatever a metaclass defines.
_name, _module = type.__dict__["__name__"].__get__, type.__dict__["__module__"].__get__


def _is_function(value: Any) -> bool:
    return type(value) is FunctionType or is_dispatched(type(value))


def is_dispatched(kind: type) -> bool:
    """Whether values of a type are functions that SciPy dispatches on their arguments."""
    return _name(kind) == "_Function" and _module(kind) == "uarray"


@cache
def _methods(module: str) -> dict[int, Any]:
    return {id(original): ours for original, ours in import_module(METHODS[module]).methods()}


def of_scipy(function: FunctionType) -> Any:
    """What recorded code sees in place of a function of SciPy; None for any other."""
    module = function.__module__ or ""  # a function made from text has none
    if not module.startswith("scipy."):
        return None
    public = ".".join(module.split(".")[:2])
    if public in METHODS and function.__name__ in ("_matmul_dispatch", "transpose"):
        return _methods(public).get(id(function))
    if public not in (*TABLES, *METHODS) or public not in sys.modules:
        return None
    known = _by_original(public).get(id(function))
    return known[1] if known is not None else None


def dispatching(module: str, name: str, original: Callable[..., Any], ours: Callable[..., Any] | None) -> Any:
    """The original where nothing is traced, else ours; an error if there is none."""

    @wraps(original)
    def call(*args: Any, **options: Any) -> Any:
        if not any_traced(args) and not any_traced(options.values()):
            options = {key: plain_parts(value) for key, value in options.items()}
            return _met(original(*map(plain_parts, args), **options))
        if ours is None:
            raise UnsupportedFunction(
                f"{module}.{name} was called on a traced value at {user_line()}, and fastad has no rule for it: see "
                f"fastad.{module} for those it has, or define one with ad.primitive"
            )
        return tried(original, ours)(*args, **options)

    return call


def _met(result: Any) -> Any:
    """What a library returned, as recorded code sees it."""
    return result if CURRENT.view is None else CURRENT.view.see(result)


def mirror(module: str) -> dict[str, Callable[..., Any]]:
    """A module's functions that have rules, by name."""
    originals = vars(import_module(module))
    ours = import_module(TABLES[module]).OF_SCIPY
    return {name: dispatching(module, name, originals[name], f) for name, f in ours.items() if name in originals}
