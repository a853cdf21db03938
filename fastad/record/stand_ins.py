"""What recorded code holds in place of its globals, its modules and the attributes of its classes.

A `Namespace` is the globals of a copied function, a `ModuleProxy` stands for a module, a `Cover` lies over
an attribute of a class. Each asks the view of the thread that uses it what to show; where there is
none, in other threads or after the recording, it shows the originals.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping
from contextlib import suppress
from functools import partialmethod
from types import MemberDescriptorType, ModuleType
from typing import Any

ABSENT: Any = object()
_UNCHANGING = ("numpy", "math")  # modules whose attributes nobody sets during a recording
_RAW = ("__builtins__", "__import__", "__name__")
# Read past whatever a metaclass defines.
class_vars, class_mro, class_flags = (type.__dict__[name].__get__ for name in ("__dict__", "__mro__", "__flags__"))
LOCK = threading.RLock()  # re-entrant: setting a class attribute may run finalizers, hence user code


class Originals:
    """The view of a thread that is not recording."""

    see = unsee = staticmethod(lambda value: value)
    flush = staticmethod(lambda: None)


class _Current(threading.local):
    view: Any = Originals()


CURRENT = _Current()


class Namespace(dict):
    """Globals and builtins of copies. Raw, it holds what makes functions and imports, and receives stores."""

    __slots__ = ("builtins", "module", "recent")

    def __init__(self, module: dict[str, Any], builtins: dict[str, Any]):
        self.module, self.builtins = module, builtins
        # name -> (value, the view that saw it, what it saw): a loop asks for the same names over and over
        self.recent: dict[str, tuple[object, object, object]] = {}
        # Class bodies read globals raw, then ask the builtins by item: being both serves them too.
        dict.__init__(self, zip(_RAW, (self, self._import, module.get("__name__")), strict=True))

    def __getitem__(self, name: str) -> object:
        if dict.__len__(self) > len(_RAW):
            self.flush()
        value, view = self.module.get(name, ABSENT), CURRENT.view
        if value is ABSENT:
            value = self._import if name == "__import__" else self.builtins[name]
        known = self.recent.get(name)
        if known is not None and known[0] is value and known[1] is view:
            return known[2]
        seen = view.see(value)
        self.recent[name] = (value, view, seen)
        return seen

    def __setitem__(self, name: str, value: object) -> None:
        self.module[name] = CURRENT.view.unsee(value)

    def __contains__(self, name: object) -> bool:
        self.flush()
        return name in self.module

    get = Mapping.get  # type: ignore[assignment]

    def flush(self) -> None:
        """Pass the stores on to the module."""
        if dict.__len__(self) > len(_RAW):
            for name in set(dict.__iter__(self)).difference(_RAW):
                self[name] = dict.pop(self, name)

    def _import(self, name, globals=None, locals=None, fromlist=(), level=0):  # type: ignore[no-untyped-def]
        return CURRENT.view.see(self.builtins["__import__"](name, self.module, locals, fromlist, level))


class ModuleProxy(ModuleType):
    __slots__ = ("_fastad_module", "_fastad_recent")

    def __getattribute__(self, name: str) -> object:
        view, recent = CURRENT.view, RECENT(self)
        known = recent.get(name)
        if known is not None and known[0] is view:
            return known[1]
        view.flush()
        module = PROXIED.__get__(self)
        seen = view.see(getattr(module, name))
        if module.__name__.partition(".")[0] in _UNCHANGING:
            recent[name] = (view, seen)
        return seen

    def __setattr__(self, name: str, value: object) -> None:
        CURRENT.view.flush()
        setattr(PROXIED.__get__(self), name, CURRENT.view.unsee(value))

    def __delattr__(self, name: str) -> None:
        delattr(PROXIED.__get__(self), name)


PROXIED: Any = vars(ModuleProxy)["_fastad_module"]
RECENT: Any = vars(ModuleProxy)["_fastad_recent"].__get__


def new_proxy(module: ModuleType) -> ModuleType:
    proxy = ModuleType.__new__(ModuleProxy)
    PROXIED.__set__(proxy, module)
    vars(ModuleProxy)["_fastad_recent"].__set__(proxy, {})
    return proxy


class Cover:
    """Lies over an attribute of a class, or of its instances, while views change the value."""

    def __init__(self, owner: type, name: str):
        self.owner, self.name, self.users = owner, name, 0
        self.original = class_vars(owner).get(name, ABSENT)
        self.default = next((class_vars(base)[name] for base in class_mro(owner) if name in class_vars(base)), ABSENT)
        type.__setattr__(owner, name, self)

    def __get__(self, instance: object, owner: type | None = None) -> Any:
        view, kind = CURRENT.view, type(self.default)
        view.see(instance)
        if not hasattr(kind, "__set__") and self.name in (held := instance_dict(instance)):
            return view.see(held[self.name])
        if self.default is ABSENT:
            raise AttributeError(f"{self.owner.__name__!r} object has no attribute {self.name!r}")
        value = view.see(self.default)
        bound = kind.__get__(value, instance, owner) if hasattr(kind, "__get__") else value
        return view.see(bound) if kind is MemberDescriptorType else bound

    def _change(self, operation: str, instance: object, *value: object) -> None:
        if (change := getattr(type(self.default), operation, None)) is not None:
            change(CURRENT.view.see(self.default), instance, *value)
        elif value:
            object.__getattribute__(instance, "__dict__")[self.name] = value[0]
        elif instance_dict(instance).pop(self.name, ABSENT) is ABSENT:
            raise AttributeError(self.name)

    __set__ = partialmethod(_change, "__set__")
    __delete__ = partialmethod(_change, "__delete__")

    def release(self) -> None:
        self.users -= 1
        if self.users == 0 and class_vars(self.owner).get(self.name) is self:  # the user may have set it anew
            if self.original is ABSENT:
                type.__delattr__(self.owner, self.name)
            else:
                type.__setattr__(self.owner, self.name, self.original)


def instance_dict(instance: object) -> dict[str, Any]:
    with suppress(Exception):  # only slots, or a property of that name
        if type(found := object.__getattribute__(instance, "__dict__")) is dict:
            return found
    return {}


def attributes(owner: type, value: object) -> Iterable[tuple[str, Any]]:
    """Those of a class, where it is itself the value, or of an instance: without running user code."""
    with LOCK:
        held = dict(class_vars(value) if owner is value else instance_dict(value))
    yield from ((name, part.default if type(part) is Cover else part) for name, part in held.items())
    for base in class_mro(owner) if owner is not value and not held else ():
        for name, slot in attributes(base, base):
            with suppress(AttributeError):
                if type(slot) is MemberDescriptorType:
                    yield name, slot.__get__(value)
