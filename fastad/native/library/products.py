"""Products of vectors and matrices, as loops: arrays in compiled functions are small, or they are written as loops."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np
from numba import types
from numba.extending import overload

from fastad.native.creation import allocator, is_known
from fastad.native.elementals import lift_to
from fastad.native.library.registry import function, has_active
from fastad.native.memory import outlined
from fastad.native.types import is_array, kind_of


def _operands(a: Any, b: Any, ranks: tuple[int, ...] = (1, 2)) -> bool:
    arrays = isinstance(a, types.Array) and isinstance(b, types.Array)
    return arrays and is_known(a) and is_known(b) and a.ndim in ranks and b.ndim in ranks and has_active(a, b)


def inner_product(a, b, start):
    """The sum of products of two arrays of one axis."""
    if a.size != b.size:
        raise ValueError("shapes of the operands of a product do not match")
    s = start
    for i in range(a.size):
        s = s + a[i] * b[i]
    return s


inner_product = outlined(inner_product)

_FORMS = {
    (1, 1): "return inner(a, b, lift(0.0))",
    (2, 1): """out = allocate(a.shape[0])
for i in range(a.shape[0]):
    out[i] = inner(a[i], b, lift(0.0))
return out""",
    (1, 2): """out = allocate(b.shape[1])
for j in range(b.shape[1]):
    out[j] = inner(a, b[:, j], lift(0.0))
return out""",
    (2, 2): """out = allocate((a.shape[0], b.shape[1]))
for i in range(a.shape[0]):
    for j in range(b.shape[1]):
        out[i, j] = inner(a[i], b[:, j], lift(0.0))
return out""",
}


def _product(a: Any, b: Any) -> Any:
    if not _operands(a, b):
        return None
    kind = kind_of(a, b)
    assert kind is not None
    return (_FORMS[a.ndim, b.ndim], {"inner": inner_product, "lift": lift_to(kind), "allocate": allocator(kind)})


@function(np.dot, np.matmul, method="dot")
def dot(a, b):
    if not isinstance(a, types.Array) or not isinstance(b, types.Array):
        return ("return a * b", {})
    return _product(a, b)


@overload(operator.matmul)
def _matmul(a, b):
    found = _product(a, b)
    if found is None:
        return None
    body, scope = found
    lines = "\n".join("    " + line for line in body.splitlines())
    exec(f"def form(a, b):\n{lines}", scope)
    return scope["form"]


@function(np.vdot)
def vdot(a, b):
    kind = kind_of(a, b)
    scope = {"inner": inner_product, "lift": lift_to(kind)}  # type: ignore[arg-type]
    return ("return inner(a.ravel(), b.ravel(), lift(0.0))", scope)


@function(np.inner)
def inner(a, b):
    return ("return a @ b.T", {}) if _operands(a, b) else None


@function(np.outer)
def outer(a, b):
    return ("return a.copy().reshape((a.size, 1)) * b.copy().reshape((1, b.size))", {})


@function(np.kron)
def kron(a, b):
    if not _operands(a, b, (2,)):
        return None
    lines = [
        "out = allocate((a.shape[0] * b.shape[0], a.shape[1] * b.shape[1]))", "for i, j in np.ndindex(a.shape):",
        "    for k, l in np.ndindex(b.shape):",
        "        out[i * b.shape[0] + k, j * b.shape[1] + l] = a[i, j] * b[k, l]", "return out",
    ]  # fmt: skip
    return ("\n".join(lines), {"allocate": allocator(kind_of(a, b))})  # type: ignore[arg-type]


@function(np.cross)
def cross(a, b):
    if not _operands(a, b, (1,)):
        return None
    lines = ["out = allocate(3)", "for i in range(3):", "    j, k = (i + 1) % 3, (i + 2) % 3",
             "    out[i] = a[j] * b[k] - a[k] * b[j]", "return out"]  # fmt: skip
    return ("\n".join(lines), {"allocate": allocator(kind_of(a, b))})  # type: ignore[arg-type]


@function(np.trace, method="trace")
def trace(a):
    if not is_array(a) or a.ndim != 2:
        return None
    return ("s = a[0, 0]\nfor i in range(1, min(a.shape)):\n    s = s + a[i, i]\nreturn s", {})


@function(np.convolve)
def convolve(a, v):
    if not _operands(a, v, (1,)):
        return None
    lines = ["out = allocate(a.size + v.size - 1)", "for i in range(a.size):", "    for j in range(v.size):",
             "        out[i + j] = out[i + j] + a[i] * v[j]", "return out"]  # fmt: skip
    return ("\n".join(lines), {"allocate": allocator(kind_of(a, v))})  # type: ignore[arg-type]


@function(np.polyval)
def polyval(p, x):
    return ("y = 0.0 * x + p[0]\nfor i in range(1, len(p)):\n    y = y * x + p[i]\nreturn y", {})
