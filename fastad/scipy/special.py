"""`scipy.special` for values that are differentiated: the functions that have rules, by SciPy's names.

In a function that is differentiated, SciPy's own functions are seen as these; to call them by name works too, and on
plain arrays they are SciPy's.

Examples
--------
>>> import numpy as np, fastad as ad, fastad.scipy.special as special
>>> ad.grad(special.logsumexp)(np.zeros(4)).tolist()
[0.25, 0.25, 0.25, 0.25]
"""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.special

from fastad.record.libraries import mirror
from fastad.record.special import ROWS, SEVERAL

_functions = mirror("scipy.special") | {
    name: getattr(scipy.special, name)
    for name in (*ROWS, *SEVERAL)
    if isinstance(vars(scipy.special).get(name), np.ufunc)
}
__all__ = sorted(_functions)


def __getattr__(name: str) -> Any:
    if name in _functions:
        return _functions[name]
    raise AttributeError(f"fastad.scipy.special has no {name!r}: fastad has no rule for scipy.special.{name}")


def __dir__() -> list[str]:
    return __all__
