"""Differences, integrals and grids.

Nearly all of them are NumPy's own code, recorded. `sinc` is not: the quotient sin(y) / y loses the digits of
its derivatives where y is small, so there its series is taken.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from fastad.record.library import from_numpy
from fastad.record.products import factor

_SMALL = 1.25  # below, the series; above, the quotient, whose derivative loses less than two bits there
_SERIES = [(-1.0) ** k / math.factorial(2 * k + 1) for k in range(11, -1, -1)]


def sinc(x: Any) -> Any:
    """sin(pi x) / (pi x), 1 at 0."""
    y = np.pi * factor(x)
    small = np.abs(y) < _SMALL
    near = np.square(np.where(small, y, 0.0))
    series: Any = _SERIES[0]
    for coefficient in _SERIES[1:]:
        series = series * near + coefficient
    far = np.where(small, 1.0, y)
    return np.where(small, series, np.sin(far) / far)[()]


_FROM_NUMPY = """gradient diff ediff1d trapezoid trapz unwrap angle vander linspace logspace geomspace
    apply_along_axis apply_over_axes""".split()
FUNCTIONS: dict[Any, Any] = {
    **{getattr(np, name): from_numpy(getattr(np, name)) for name in _FROM_NUMPY if hasattr(np, name)},
    np.sinc: sinc,
}
