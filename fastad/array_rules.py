"""Recorded adjoints of whole-array instructions: what `derive` adds to the operands' adjoints."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from fastad.ops import BY_NAME
from fastad.record.builder import Entry
from fastad.record.elementwise import elementwise
from fastad.record.products import products


def product_parts(entry: Entry, g: Any, depends: Callable[[Any], bool]) -> list[tuple[Any, Any]]:
    """(factor, contribution) of a batch of matrix products: g y' and x' g."""
    m, p, n = entry.sizes
    x, y = entry.operands
    weight = np.reshape(g, (-1, m, n))
    parts = []
    if depends(x):
        transposed = np.swapaxes(np.reshape(y, (-1, p, n)), 1, 2)
        parts.append((x, np.ravel(products(weight, transposed))))
    if depends(y):
        transposed = np.swapaxes(np.reshape(x, (-1, m, p)), 1, 2)
        parts.append((y, np.ravel(products(transposed, weight))))
    return parts


def extremum_part(entry: Entry, g: Any) -> Any:
    """The adjoint, divided evenly among the elements that reach the extremum; nan for all where it is nan."""
    inner = entry.sizes[0]
    reached = elementwise(BY_NAME["equal"], np.ravel(entry.operands[0]), np.repeat(np.ravel(entry.result), inner))
    with np.errstate(all="ignore"):
        share = reached / np.repeat(np.sum(np.reshape(reached, (-1, inner)), axis=1), inner)
    return elementwise(BY_NAME["absolute_zero_multiply"], share, np.repeat(np.ravel(g), inner))
