"""The compiled functions of `tape_entry`, from Numba's disk cache or compiled when first needed.

As the kernels', the cache's stamp is a digest of all sources that end up in the compiled code.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

from numba import types
from numba.core.caching import CompileResultCacheImpl, FunctionCache
from numba.core.ccallback import CFunc

from fastad import kernels
from fastad.kernels.pointers import DOUBLES, OUTSIDE_ARGUMENTS
from fastad.native import tape_entry
from fastad.native.tape_pointers import ENTER_ARGUMENTS


@cache
def source_digest() -> str:
    """SHA-256 over the kernels' sources and those of this folder that are compiled here."""
    digest = hashlib.sha256(kernels.source_digest().encode())
    for name in ("tape_entry.py", "tape_pointers.py"):
        digest.update((Path(__file__).parent / name).read_bytes() + b"\0")
    return digest.hexdigest()


class _Stamped(CompileResultCacheImpl):
    def __init__(self, function: Callable[..., Any]) -> None:
        super().__init__(function)
        self.locator.get_source_stamp = source_digest


class _Cache(FunctionCache):
    _impl_class = _Stamped


class NativeFunction:
    """A function that is called by its address."""

    def __init__(self, function: Callable[..., Any], signature: Any) -> None:
        self._function, self._ready = function, False
        options = {"error_model": "numpy"}
        self._compiled = CFunc(function, (signature.args, signature.return_type), locals={}, options=options)

    def load(self) -> None:
        """Compile it, or load it from the cache."""
        with kernels._lock:
            if not self._ready:
                self._compiled._cache = _Cache(self._function)
                self._compiled.compile()
                self._ready = True

    @property
    def address(self) -> int:
        self.load()
        return int(self._compiled.address)


enter = NativeFunction(tape_entry.enter, types.int64(*ENTER_ARGUMENTS))
integrand = NativeFunction(tape_entry.integrand, types.float64(types.intc, DOUBLES, types.int64))
heard = NativeFunction(tape_entry.heard, types.int64(types.int64))
refuse = NativeFunction(tape_entry.refuse, types.void(*OUTSIDE_ARGUMENTS))
ALL = (enter, integrand, heard, refuse)
