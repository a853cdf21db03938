"""NumPy functions that are written in Python, run as NumPy wrote them.

`np.gradient`, `np.polyfit` and many more are code like a user's: a copy of such a function, whose globals
show fastad's replacements where NumPy has creation functions and functions of lists, records what it does.
Values are then NumPy's own to the bit, and so are its options and its errors. The copies are made once,
at the first use of a function, because NumPy's modules do not change.
Classes of NumPy's that are written so are answered by subclasses whose methods are such copies.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from inspect import signature
from types import FunctionType, ModuleType
from typing import Any

import numpy as np
from numpy._core import _multiarray_umath  # type: ignore[attr-defined]
from numpy.polynomial import polyutils

from fastad.errors import UnsupportedFunction
from fastad.record.builder import user_line
from fastad.record.traced import TracedScalar, plain


def from_numpy(function: Any) -> Callable[..., Any]:
    """What records a NumPy function that is written in Python."""

    def call(*args: Any, **kwargs: Any) -> Any:
        return library().function(function)(*args, **kwargs)

    return call


def named_first(function: Any, ours: Callable[..., Any]) -> Callable[..., Any]:
    """Ours, whose first argument may be given by the name that it has in NumPy."""

    def call(*args: Any, **kwargs: Any) -> Any:
        if args:
            return ours(*args, **kwargs)
        name = next(iter(signature(function).parameters))
        return ours(kwargs.pop(name), **kwargs) if name in kwargs else function(**kwargs)  # NumPy's own error

    return call


@cache
def library() -> Library:
    """The copies, which all recordings share."""
    from fastad.record.creation import replacements

    return Library(replacements())


class _Module:
    """A NumPy module as its copied functions see it."""

    def __init__(self, module: ModuleType, see: Callable[[Any], Any]) -> None:
        self._module, self._see = module, see

    def __getattr__(self, name: str) -> Any:
        seen = self._see(getattr(self._module, name))
        setattr(self, name, seen)
        return seen


class _Converter:
    """NumPy's compiled helper that turns arguments into arrays, and results into what the arguments were."""

    def __init__(self, *args: Any) -> None:
        from fastad.record.products import factor

        self._arrays = tuple(map(factor, args))
        self.scalar_input = tuple(np.ndim(plain(x)) == 0 for x in args)

    def as_arrays(self, subok: bool = True, pyscalars: Any = None) -> tuple[Any, ...]:
        return self._arrays

    def result_type(self, extra_dtype: Any = None, ensure_inexact: bool = False) -> np.dtype:
        return np.dtype(np.float64)

    def wrap(self, array: Any, to_scalar: Any = None) -> Any:
        return array[()] if to_scalar else array

    def __getitem__(self, position: int) -> Any:
        return self._arrays[position]


def _stand_in(cls: type) -> type:
    """A class of which instances of the original are instances too."""
    kind = type(cls.__name__, (type(cls),), {"__instancecheck__": lambda _, value: isinstance(value, cls)})
    return kind(cls.__name__, (cls,), {"__module__": cls.__module__, "__doc__": cls.__doc__})


def _keeping_traced(trim: Callable[..., Any], front: bool) -> Callable[..., Any]:
    """A function that leaves out zeros at the ends of coefficients, where none of them is traced.

    What is left out has no derivative any more, whatever it is multiplied with.
    """

    def call(coefficients: Any, **options: Any) -> Any:
        kept = trim(coefficients, **options)
        count = len(coefficients) - len(kept)
        places = range(count) if front else range(len(kept), len(coefficients))
        if any(type(coefficients[i]) is TracedScalar for i in places):
            raise UnsupportedFunction(
                f"a polynomial at {user_line()} has a traced coefficient that is exactly 0, which NumPy leaves out, "
                "and its derivative with it: use np.polyval or np.polynomial.polynomial.polyval on the coefficients"
            )
        return kept

    return call


CLASSES: tuple[Any, ...] = (
    np.vectorize,
    np.poly1d,
    *(getattr(np.polynomial, name) for name in np.polynomial.__all__ if name[0].isupper()),
)
_COMPILED = {"_array_converter": _Converter}


class Library:
    """NumPy's Python functions over globals in which the originals of `pairs` are replaced."""

    def __init__(self, pairs: list[tuple[Any, Any]]) -> None:
        self._seen: dict[int, tuple[Any, Any]] = {id(original): (original, ours) for original, ours in pairs}
        for compiled, ours in _COMPILED.items():
            if (original := getattr(_multiarray_umath, compiled, None)) is not None:
                self._seen[id(original)] = original, ours
        self._names: dict[int, dict[str, Any]] = {}
        self._copies: dict[int, FunctionType] = {}
        self._seen |= {id(cls): (cls, _stand_in(cls)) for cls in CLASSES}
        self._keep_traced()
        for cls, copy in self.classes():
            self._fill(cls, copy)

    def classes(self) -> list[tuple[type, type]]:
        """(class of NumPy's, the one with copied methods)."""
        return [self._seen[id(cls)] for cls in CLASSES]

    def _keep_traced(self) -> None:
        """What trims polynomials is to leave traced coefficients alone."""
        trimmed = _keeping_traced(self.function(polyutils.trimseq), front=False)
        self._seen[id(polyutils.trimseq)] = polyutils.trimseq, trimmed
        self._globals(polyutils.trimseq.__globals__)["trimseq"] = trimmed
        names = self._globals(np.poly1d.__init__.__globals__)
        names["trim_zeros"] = _keeping_traced(self.function(np.trim_zeros), front=True)

    def _fill(self, cls: type, copy: Any) -> None:
        """Give the stand-in of a class copies of its methods, inherited ones too."""
        for base in reversed(cls.__mro__[:-1]):
            for name, member in vars(base).items():
                if type(member) is FunctionType:
                    setattr(copy, name, self.function(member))
                elif type(member) in (staticmethod, classmethod) and type(member.__func__) is FunctionType:
                    setattr(copy, name, type(member)(self.function(member.__func__)))

    def function(self, function: Any) -> FunctionType:
        """The copy of a function, or of what a dispatching function carries out."""
        original = getattr(function, "_implementation", function)
        if id(original) not in self._copies:
            names = self._globals(original.__globals__)
            copy = FunctionType(
                original.__code__, names, original.__name__, original.__defaults__, original.__closure__
            )
            copy.__kwdefaults__ = original.__kwdefaults__
            self._copies[id(original)] = copy
        return self._copies[id(original)]

    def _globals(self, names: dict[str, Any]) -> dict[str, Any]:
        if id(names) not in self._names:
            seen = self._names[id(names)] = dict(names)
            seen.update({name: self._see(value) for name, value in names.items() if name != "__builtins__"})
        return self._names[id(names)]

    def _see(self, value: Any) -> Any:
        if id(value) in self._seen:
            return self._seen[id(value)][1]
        if type(value) is FunctionType and _is_numpys(value.__module__):
            return self.function(value)
        if type(value) is ModuleType and _is_numpys(value.__name__):
            self._seen[id(value)] = value, _Module(value, self._see)
            return self._seen[id(value)][1]
        return value


def _is_numpys(name: Any) -> bool:
    return type(name) is str and f"{name}.".startswith("numpy.")
