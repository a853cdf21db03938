"""Run a user's functions with some names meaning something else, without rebinding any name.

A recorded function runs as a copy whose globals are a `Namespace`, a dict subclass that CPython's look-ups
of global names ask item by item. It reads the user's module live and passes what it finds through
`View.see`, which answers with a replacement (by identity), a proxy (for a module) or such a copy (for a
Python function): so the substitution follows the calls. Methods are reached through objects, not names:
classes that are met get a `_Cover` over the attributes concerned until the last recording that uses them
ends. Namespaces, proxies and covers act by the view of the thread that uses them; where there is none, other
threads included, they show the originals.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, suppress
from functools import partial
from itertools import islice
from operator import is_
from types import CellType, CodeType, FunctionType, MethodType, ModuleType
from typing import Any, Self

from fastad.record.libraries import is_dispatched
from fastad.record.stand_ins import (
    ABSENT,
    CURRENT,
    LOCK,
    PROXIED,
    Cover,
    ModuleProxy,
    Namespace,
    attributes,
    class_flags,
    class_mro,
    class_vars,
    new_proxy,
)  # fmt: skip

_LIBRARIES = ("numpy", "numba", "llvmlite", "fastad")
_AS_THEY_ARE = ("scipy.sparse",)  # functions that are not copied, though some methods are replaced
_WRAPPERS = ("contextlib", "functools")  # their functions run the user's that they wrap
_DEPTH, _WIDTH, _MET = 4, 64, 1000  # bounds of the search for objects behind an object
_ANNOTATIONS = "__annotate__" if sys.version_info >= (3, 14) else "__annotations__"  # stay unevaluated
_CARRIED = ("__qualname__", "__module__", "__doc__", "__dict__", _ANNOTATIONS)
_UNTOUCHED = {"__new__", "__init_subclass__", "__class_getitem__", "__set_name__", "__del__"}
_HEAP_TYPE = 1 << 9
_name = type.__dict__["__name__"].__get__  # past whatever a metaclass defines


def _content(cell: CellType) -> object:
    with suppress(ValueError):
        return cell.cell_contents
    return ABSENT


# Objects that consist of others: how to take them apart, and how to make another one.
_Wholes = dict[type, tuple[Callable[[Any], Iterable[object]], Callable[..., object]]]
_WHOLES: _Wholes = {
    tuple: (tuple, lambda whole, *parts: parts),
    partial: (
        lambda whole: (whole.func, whole.args, *whole.keywords.values()),
        lambda whole, f, args, *rest: partial(f, *args, **dict(zip(whole.keywords, rest, strict=True))),
    ),
    MethodType: (
        lambda whole: (whole.__func__, whole.__self__),
        lambda whole, f, _: MethodType(f, whole.__self__),
    ),
    staticmethod: (lambda whole: (whole.__func__,), lambda whole, function: staticmethod(function)),
    classmethod: (lambda whole: (whole.__func__,), lambda whole, function: classmethod(function)),
    property: (lambda whole: (whole.fget, whole.fset, whole.fdel), lambda whole, *parts: property(*parts)),
}
# Objects to be searched for further ones.
_CONTAINERS: dict[type, Callable[[Any], Iterable[object]]] = {
    list: list.__iter__, tuple: tuple.__iter__, dict: dict.values
}  # fmt: skip


class View:
    """What one recording, in one thread, sees instead of the originals."""

    def __init__(self, substitution: Substitution):
        self._substitution, self._looks = substitution, substitution.looks.copy()
        self._seen: dict[int, tuple[Any, Any]] = substitution.seen.copy()
        self._originals = substitution.originals.copy()
        self._met: dict[int, object] = {}
        self._cells: dict[int, list[Any]] = {}  # the original, the one used, and what each held at first
        self._covers: list[Cover] = []
        self._copies: list[tuple[Any, Any, list[object]]] = []  # of containers: the original, the copy, what it held

    def __enter__(self) -> Self:
        self._outer = CURRENT.view
        # Shared with outer recordings, because the copies they made stay in use, and store, in this one.
        self._namespaces: dict[int, Namespace] = getattr(self._outer, "_namespaces", {})
        CURRENT.view = self
        return self

    def __exit__(self, *exception: object) -> None:
        try:
            self.flush()
            self._write_back()
            for cell, used, _, seen in self._cells.values():
                if (content := _content(used)) is not seen and content is not ABSENT:
                    cell.cell_contents = self.unsee(content)
        finally:
            CURRENT.view = self._outer
            with LOCK:
                for cover in self._covers:
                    cover.release()
            self._seen, self._met, self._cells, self._covers, self._copies = {}, {}, {}, [], []

    def flush(self) -> None:
        for namespace in self._namespaces.values():
            namespace.flush()

    def see(self, value: object) -> Any:
        """What stands for a value while this view lasts."""
        if (look := self._look(type(value))) is None:
            return value
        known = self._seen.get(id(value))
        return look(self, value) if known is None else known[1]

    def see_arguments(self, args: tuple, kwargs: dict[str, Any]) -> tuple[tuple, dict[str, Any]]:
        return tuple(map(self.see, args)), {name: self.see(value) for name, value in kwargs.items()}

    def unsee(self, value: object) -> object:
        """The original of what was seen: what the user's data are to hold."""
        if type(value) is ModuleProxy:
            return PROXIED.__get__(value)
        return self._originals[id(value)] if id(value) in self._originals else self._outer.unsee(value)

    def _look(self, kind: type) -> _Look | None:
        if id(kind) not in self._looks:
            self._met[-id(kind)] = kind  # lives on, for its id to stay its own
            self._looks[id(kind)] = self._substitution.look(kind)
        return self._looks[id(kind)]

    def _changes(self, value: Any, depth: int = _DEPTH) -> bool:
        """Whether `see` answers with another object. It makes none, hence ends on what refers to itself."""
        if (look := self._look(type(value))) is None:
            return False
        if id(value) in self._seen:
            return self._seen[id(value)][1] is not value
        if look is View._see_function:
            return self._substitution.changes(value)
        if look is View._see_module:
            return self._substitution.shows(value)
        parts: Iterable[object] = ()
        if look is View._see_whole and depth:
            parts = self._substitution.wholes[type(value)][0](value)
        elif look is View._see_container and depth:
            parts = _CONTAINERS[type(value)](value)
        return any(self._changes(part, depth - 1) for part in islice(parts, _WIDTH))

    def _see_module(self, module: ModuleType) -> ModuleType:
        if not self._substitution.shows(module):
            return module
        proxy = new_proxy(module)
        self._seen[id(module)] = module, proxy
        return proxy

    def _see_function(self, function: FunctionType) -> FunctionType:
        if (ours := self._substitution.late(function)) is not None:
            self._seen[id(function)], self._originals[id(ours)] = (function, ours), function
            return ours
        if not self._substitution.changes(function):
            return function
        cells = function.__closure__ or ()
        code, names = self._substitution.twin(function.__code__), self._names(function)
        copy = FunctionType(code, names, function.__name__, None, tuple(map(self._cell, cells)))
        self._seen[id(function)], self._originals[id(copy)] = (function, copy), function
        for name in _CARRIED:
            setattr(copy, name, getattr(function, name))
        copy.__defaults__ = self.see(function.__defaults__)
        copy.__kwdefaults__ = self.see_arguments((), function.__kwdefaults__ or {})[1] or None
        for entry in [self._cells[id(cell)] for cell in cells]:
            self._fill(entry)
        return copy

    def _see_dispatched(self, function: Any) -> Any:
        ours = self._substitution.late(function)
        if ours is None:
            return function
        self._seen[id(function)], self._originals[id(ours)] = (function, ours), function
        return ours

    def _names(self, function: FunctionType) -> dict[str, Any]:
        names = function.__globals__
        if self._substitution.opaque(names.get("__name__")):
            return names
        if id(names) not in self._namespaces:
            self._namespaces[id(names)] = Namespace(names, function.__builtins__)  # type: ignore[attr-defined]
        return self._namespaces[id(names)]

    def _cell(self, cell: CellType) -> CellType:
        """The cell itself, which keeps `nonlocal` variables common, unless its content needs another one."""
        if id(cell) not in self._cells:
            content = _content(cell)
            self._cells[id(cell)] = [cell, CellType() if self._changes(content) else cell, content, ABSENT]
        return self._cells[id(cell)][1]

    def _fill(self, entry: list[Any]) -> None:
        cell, used, content, seen = entry
        if seen is ABSENT and content is not ABSENT:
            entry[3] = seen = self.see(content)
            if used is not cell:
                used.cell_contents = seen

    def _see_compiled(self, dispatcher: object) -> object:
        seen = self._substitution.compiled(dispatcher)
        self._seen[id(dispatcher)], self._originals[id(seen)] = (dispatcher, seen), dispatcher
        return seen

    def _see_whole(self, whole: object) -> object:
        take_apart, join = self._substitution.wholes[type(whole)]
        parts = tuple(take_apart(whole))
        seen = tuple(map(self.see, parts))
        if all(map(is_, parts, seen)):
            return whole
        joined = join(whole, *seen)
        if type(whole) is not MethodType:  # made anew at each use
            self._seen[id(whole)] = whole, joined
        return joined

    def _see_object(self, value: Any, depth: int = _DEPTH) -> object:
        """Cover what changes among the attributes of an object, its classes and the objects behind it."""
        kind = type(value)
        if id(value) in self._met or not (kind is tuple or self._look(kind) in _SEARCHED):
            return value
        is_class = issubclass(kind, type)
        if is_class or len(self._met) < _MET:
            self._met[id(value)] = value
            self._search(value, value if is_class else kind, depth)
        for cls in (*(class_mro(value) if is_class else ()), kind):
            self._see_object(cls)
        return value

    def _see_container(self, value: Any) -> object:
        """A list or dict, or a copy of one that holds functions; what is stored in the copy is passed on at the end."""
        self._see_object(value)
        if not self._changes(value):
            return value
        copy = type(value)()
        self._seen[id(value)], self._originals[id(copy)] = (value, copy), value
        if type(value) is list:
            copy.extend(map(self.see, value))
        else:
            copy.update((key, self.see(part)) for key, part in list(value.items()))
        self._copies.append((value, copy, _contents(copy)))
        return copy

    def _write_back(self) -> None:
        for original, copy, at_first in self._copies:
            now = _contents(copy)
            if len(now) != len(at_first) or not all(map(is_, now, at_first)):
                seen = [self.unsee(part) for part in now]
                original.clear()
                if type(original) is list:
                    original.extend(seen)
                else:
                    original.update(zip(seen[::2], seen[1::2], strict=True))

    def _search(self, value: Any, owner: type, depth: int) -> None:
        for name, part in attributes(owner, value) if self._substitution.is_user_class(owner) else ():
            if name not in _UNTOUCHED and self._changes(part):
                self._cover(owner, name)
            elif depth:
                self._see_object(part, depth - 1)
        for base, elements in _CONTAINERS.items() if depth else ():
            for part in tuple(islice(elements(value), _WIDTH)) if issubclass(type(value), base) else ():
                self._see_object(part, depth - 1)

    def _cover(self, owner: type, name: str) -> None:
        with LOCK, suppress(TypeError, AttributeError):  # a class that refuses is left alone
            present = class_vars(owner).get(name)
            cover = present if type(present) is Cover else Cover(owner, name)
            cover.users += 1
            self._covers.append(cover)


_Look = Callable[[View, Any], Any]
_SEARCHED = (View._see_object, View._see_container)


def _contents(container: list[Any] | dict[Any, Any]) -> list[object]:
    return [part for item in container.items() for part in item] if isinstance(container, dict) else list(container)


def _see_same(view: View, value: object) -> object:
    return value


class Substitution:
    """What is to be seen in place of what; made once, for many recordings."""

    def __init__(
        self,
        replacements: Iterable[tuple[object, object]],
        opaque: Iterable[str] = (),
        compiled: Callable[[Any], object] = lambda dispatcher: dispatcher,
        wholes: _Wholes | None = None,
        late: Callable[[FunctionType], Any] = lambda function: None,
    ):
        self.wholes = _WHOLES | (wholes or {})  # further types of objects that consist of others
        self.late = late  # what is to be seen in place of functions whose module may be imported later
        self.compiled = compiled  # what is to be seen in place of a function compiled by Numba
        self.seen = {id(original): (original, replacement) for original, replacement in replacements}
        self.originals = {id(replacement): original for original, replacement in self.seen.values()}
        kinds = {type(original) for original, _ in self.seen.values() if not isinstance(original, type)}
        self.looks: dict[int, _Look | None] = {id(kind): _see_same for kind in kinds}
        self.looks |= {id(kind): View._see_whole for kind in self.wholes}
        self.looks |= {id(list): View._see_container, id(dict): View._see_container, id(type): View._see_object}
        self.looks |= {id(FunctionType): View._see_function, id(ModuleType): View._see_module}
        self._libraries = tuple(f"{name}." for name in (*_LIBRARIES, *opaque))
        self._opaque: dict[str, bool] = {}
        self._known: dict[int, tuple[object, Any]] = {}  # by id, with what keeps the id

    def recording(self) -> AbstractContextManager[View]:
        return View(self)

    def look(self, kind: type) -> _Look | None:
        """How values of a type are seen; None if as they are."""
        if issubclass(kind, ModuleType) and kind is not ModuleProxy:
            return View._see_module
        if _name(kind) == "CPUDispatcher" and str(class_vars(kind).get("__module__")).startswith("numba."):
            return View._see_compiled
        if is_dispatched(kind):
            return View._see_dispatched
        return View._see_object if issubclass(kind, type) or self.is_user_class(kind) else None

    def is_user_class(self, kind: type) -> bool:
        return bool(class_flags(kind) & _HEAP_TYPE) and not self.opaque(class_vars(kind).get("__module__"))

    def opaque(self, name: object) -> bool:
        """Whether what a module defines is left as it is. A user's own may bear a name of the stdlib."""
        if type(name) is not str:
            return False
        if name not in self._opaque:
            package = name.partition(".")[0]
            file = getattr(sys.modules.get(package), "__file__", None) or os.__file__
            stdlib = package in sys.stdlib_module_names and file.startswith(os.path.dirname(os.__file__))
            self._opaque[name] = stdlib or f"{name}.".startswith(self._libraries)
        return self._opaque[name]

    def changes(self, function: FunctionType) -> bool:
        """Whether a function is copied: the user's are, and those of the stdlib that wrap a user's."""
        if self.late(function) is not None:
            return True
        names: Any = function.__globals__
        if type(names) is Namespace or not self.opaque(name := names.get("__name__")):
            return type(names) is not Namespace and not str(names.get("__name__")).startswith(_AS_THEY_ARE)
        inner = function.__dict__.get("__wrapped__") if name in _WRAPPERS else None
        return type(inner) is FunctionType and not self.opaque(inner.__globals__.get("__name__"))

    def shows(self, module: ModuleType) -> bool:
        """Whether a module is seen through a proxy: the user's are, and those that hold what is replaced."""
        if id(module) not in self._known:
            name, held = vars(module).get("__name__"), list(vars(module).values())
            below = [v for v in held if type(v) is ModuleType and v.__name__.startswith(f"{name}.")]
            found = not self.opaque(name) or any(id(value) in self.seen for value in held)
            self._known[id(module)] = module, not callable(module) and (found or any(map(self.shows, below)))
        return self._known[id(module)][1]

    def twin(self, code: CodeType) -> CodeType:
        """A copy of a code object, whose inline caches then serve one kind of globals only."""
        if id(code) not in self._known:
            parts = (self.twin(part) if type(part) is CodeType else part for part in code.co_consts)
            self._known[id(code)] = code, code.replace(co_consts=tuple(parts))
        return self._known[id(code)][1]
