"""NumPy's functions on active numbers and arrays, written as loops."""

from fastad.native.library import linalg, order, products, reductions, scalars  # noqa: F401  # each fills the registry
from fastad.native.library.registry import FUNCTIONS, METHODS

__all__ = ["FUNCTIONS", "METHODS"]
