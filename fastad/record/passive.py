"""Calls in which nothing is traced: NumPy's own function, on the plain values."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

import numpy as np

from fastad.record.indexing import _view_root
from fastad.record.traced import TracedArray, is_traced, plain


def wrap_passive(value: Any, source: TracedArray | None = None) -> Any:
    """Results of a function of passive arrays: float arrays may take traced values later."""
    if isinstance(value, list | tuple) and type(value) in (list, tuple):
        return type(value)(wrap_passive(v, source) for v in value)
    if type(value) is np.ndarray and value.dtype == np.float64 and value.ndim:
        return TracedArray(value, root=_view_root(source, value) if source is not None else None)
    return value


def any_traced(parts: Any) -> bool:
    """Whether a traced value stands among the parts, or in lists and tuples among them."""
    return any(is_traced(x) or (type(x) in (list, tuple) and any_traced(x)) for x in parts)


def plain_parts(x: Any) -> Any:
    """What was given without traced values, lists and tuples element by element."""
    if type(x) in (list, tuple):
        return type(x)(map(plain_parts, x))
    return plain(x)


def unless_passive(original: Callable[..., Any]) -> Callable[..., Any]:
    """Decorate the recorded form of a NumPy function: where nothing is traced, the original answers."""

    def decorate(ours: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(ours)
        def call(*args: Any, **options: Any) -> Any:
            if any_traced(args) or any_traced(options.values()):
                return ours(*args, **options)
            out = options.pop("out", None)
            result = wrap_passive(original(*map(plain_parts, args), **{k: plain_parts(v) for k, v in options.items()}))
            return result if out is None else into(out, result)

        return call

    return decorate


def into(out: Any, result: Any) -> Any:
    """Put a result where `out=` says; a plain array cannot hold traced values, and refuses."""
    out = out[0] if type(out) is tuple else out
    out[...] = result
    return out
