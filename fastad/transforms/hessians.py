"""Second derivatives of scalar functions: forward over reverse, several directions at a time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from fastad import derive
from fastad.containers import pack_like, split, unflatten
from fastad.kernels import layout as at
from fastad.record.builder import current
from fastad.replay import Call, normal_argnums
from fastad.tape import Tape, require_scalar
from fastad.transforms.base import Argnums, Transform, per_leaf
from fastad.transforms.jacobians import assemble_jacobian


class Hessian(Transform):
    """See `hessian`."""

    def plain(self, call: Call) -> Any:
        n = int(call.active.sum())

        def action(tape: Tape) -> tuple[np.ndarray, int]:
            require_scalar(tape.out_structure)
            seeds = np.zeros((n, call.x.size))
            seeds[np.arange(n), np.flatnonzero(call.active)] = 1.0
            with tape.linearized(call.x, at.SECOND_ORDER, n) as point:
                return point.second_order(np.ones(1), seeds)[1], point.failed

        products = np.zeros((call.x.size, call.x.size))
        products[call.active] = self.replayer.run(call, action)
        return self._blocks(call, 0.5 * (products + products.T))

    def _blocks(self, call: Call, matrix: np.ndarray) -> Any:
        rows = []
        for number, structure in zip(call.argnums, call.arg_structures, strict=True):
            part = matrix[call.parts[number]]
            row = assemble_jacobian(part, structure, lambda p, lead: self.per_argument(call, per_leaf(call, p, lead)))
            rows.append(row)
        return self.per_argument(call, rows)

    def nested(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        results = derive.hessians(self.function, args, kwargs, self.argnums)
        return results[0][0] if isinstance(self.argnums, int | np.integer) else results


def hessian(function: Callable[..., Any], argnums: Argnums = 0) -> Hessian:
    """The matrix of second derivatives of a scalar-valued function, by forward-over-reverse sweeps.

    Parameters
    ----------
    function : callable
        A NumPy function that returns one number.
    argnums : int or tuple of int
        Which positional arguments to differentiate with respect to.

    Returns
    -------
    callable
        Takes the function's arguments and returns an array of shape ``in.shape + in.shape`` (float64),
        symmetric to the bit; for a tuple `argnums`, a tuple of tuples of blocks.

    Raises
    ------
    NonScalarOutput, ArgumentIndexError, UnsupportedFunction, UnsupportedDtype, DerivativeCut, ChangedConstant

    Examples
    --------
    >>> import numpy as np, fastad as ad
    >>> ad.hessian(lambda x: x[0] ** 2 * x[1])(np.array([1.0, 3.0])).tolist()
    [[6.0, 2.0], [2.0, 0.0]]

    References
    ----------
    Griewank & Walther, Evaluating Derivatives (2008), section 5.1.
    """
    return Hessian(function, argnums)


class HessianProduct(Transform):
    """See `hvp`."""

    def __call__(self, x: Any, v: Any, *rest: Any, **kwargs: Any) -> Any:
        if not isinstance(self.argnums, int | np.integer):
            raise TypeError("hvp needs an int argnums: one argument and one direction")
        (number,) = normal_argnums(self.argnums, len(rest) + 1)
        args = [*rest[:number], x, *rest[number:]]
        if current() is not None:
            return derive.hessian_product(self.function, tuple(args), kwargs, number, v)
        call = Call(tuple(args), kwargs, number)
        structure = call.arg_structures[0]
        seed = np.zeros((1, call.x.size))
        seed[0, call.parts[number]] = pack_like(v, structure, "the direction of a Hessian product")

        def action(tape: Tape) -> tuple[np.ndarray, int]:
            require_scalar(tape.out_structure)
            with tape.linearized(call.x, at.SECOND_ORDER, 1) as point:
                return point.second_order(np.ones(1), seed)[1][0], point.failed

        product = self.replayer.run(call, action)
        return unflatten(structure, split(product[call.parts[number]], structure))


def hvp(function: Callable[..., Any], argnums: int = 0) -> HessianProduct:
    """Hessian-vector products of a scalar-valued function, ``H(x) @ v``, without the Hessian.

    Parameters
    ----------
    function : callable
        A NumPy function that returns one number.
    argnums : int
        Which positional argument to differentiate with respect to.

    Returns
    -------
    callable
        ``hvp(f)(x, v, *rest)``, with `v` in the structure and shapes of `x` and `rest` the function's
        other arguments; returns the product in the structure of `x` (float64).

    Raises
    ------
    NonScalarOutput, ShapeMismatch, UnsupportedFunction, UnsupportedDtype, DerivativeCut, ChangedConstant

    Examples
    --------
    >>> import numpy as np, fastad as ad
    >>> ad.hvp(lambda x: np.sum(x**3))(np.array([1.0, 2.0]), np.array([1.0, 1.0])).tolist()
    [6.0, 12.0]

    References
    ----------
    Pearlmutter, Fast exact multiplication by the Hessian (1994); Griewank & Walther, section 5.1.
    """
    return HessianProduct(function, argnums)
