"""Value, gradient and Hessian products of one function, for solvers that ask for them one by one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from fastad.transforms.gradients import value_and_grad
from fastad.transforms.hessians import Hessian
from fastad.transforms.second_products import HessianProduct


class Objective:
    """See `objective`."""

    def __init__(self, function: Callable[[Any], Any]) -> None:
        self.function = function
        self._both, self._product, self._hessian = value_and_grad(function), HessianProduct(function), Hessian(function)
        self._product.replayer = self._hessian.replayer = self._both.replayer  # one tape for all
        self._last: tuple[bytes, float, np.ndarray] | None = None

    def _at(self, x: Any) -> tuple[bytes, float, np.ndarray]:
        x = np.ascontiguousarray(x, np.float64)
        key, last = x.tobytes(), self._last
        if last is None or last[0] != key or last[2].shape != x.shape:
            value, gradient = self._both(x)
            self._last = last = (key, float(value), gradient)
        return last

    def value(self, x: Any) -> float:
        """f(x)."""
        return self._at(x)[1]

    def gradient(self, x: Any) -> np.ndarray:
        """df/dx, float64, shaped as x."""
        return self._at(x)[2].copy()

    def value_and_gradient(self, x: Any) -> tuple[float, np.ndarray]:
        """f(x) and df/dx."""
        _, value, gradient = self._at(x)
        return value, gradient.copy()

    def hvp(self, x: Any, v: Any) -> np.ndarray:
        """H(x) @ v, float64, shaped as x, one gradient of the derivative along v."""
        return self._product(np.asarray(x, np.float64), v)

    def hessian(self, x: Any) -> np.ndarray:
        """H(x), float64, shape x.shape + x.shape."""
        return self._hessian(np.asarray(x, np.float64))


def objective(function: Callable[[Any], Any]) -> Objective:
    """Value, gradient and Hessian products of a scalar function of one array, sharing the work at each point.

    Solvers such as SciPy's ask for them in separate calls. The value's call already takes the gradient,
    which a call at the same point then finds.

    Parameters
    ----------
    function : callable
        A NumPy function of one array that returns one number.

    Returns
    -------
    Objective
        Its methods are ``value(x)``, ``gradient(x)``, ``value_and_gradient(x)``, ``hvp(x, v)`` and
        ``hessian(x)``.

    Raises
    ------
    NonScalarOutput, ShapeMismatch, UnsupportedFunction, UnsupportedDtype, DerivativeCut, ChangedConstant

    Examples
    --------
    >>> import numpy as np, fastad as ad
    >>> from scipy.optimize import minimize, rosen
    >>> f = ad.objective(rosen)
    >>> found = minimize(f.value, np.zeros(3), jac=f.gradient, hessp=f.hvp, method="trust-ncg")
    >>> bool(found.success), found.x.round(6).tolist()
    (True, [1.0, 1.0, 1.0])
    """
    return Objective(function)
