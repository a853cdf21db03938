"""`scipy.linalg` for values that are differentiated: the functions that have rules, by SciPy's names.

In a function that is differentiated, SciPy's own functions are seen as these; to call them by name works too, and on
plain arrays they are SciPy's.

Examples
--------
>>> import numpy as np, fastad as ad, fastad.scipy.linalg as linalg
>>> ad.grad(lambda x: np.sum(linalg.expm(x)))(np.zeros((2, 2))).tolist()
[[1.0, 1.0], [1.0, 1.0]]
"""

from __future__ import annotations

from typing import Any

from fastad.record.libraries import mirror

_functions = mirror("scipy.linalg")
__all__ = sorted(_functions)


def __getattr__(name: str) -> Any:
    if name in _functions:
        return _functions[name]
    raise AttributeError(f"fastad.scipy.linalg has no {name!r}: fastad has no rule for scipy.linalg.{name}")


def __dir__() -> list[str]:
    return __all__
