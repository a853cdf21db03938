"""Hessians of scalar functions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from fastad import derive
from fastad.replay import Call
from fastad.tape import Tape, require_scalar
from fastad.transforms.base import Argnums, Transform, per_leaf
from fastad.transforms.jacobians import assemble_jacobian


class Hessian(Transform):
    """See `hessian`."""

    def plain(self, call: Call) -> Any:
        def action(tape: Tape) -> tuple[np.ndarray, int]:
            require_scalar(tape.out_structure)
            return tape.full_hessian.matrix(call.x)

        matrix = self.replayer.run(call, action)
        if call.active.all():
            if self.argnums == 0 and call.arg_structures[0][0] == "array":
                return matrix.reshape(2 * call.arg_structures[0][1])
            return self._blocks(call, matrix)
        whole, active = np.zeros((call.x.size, call.x.size)), np.flatnonzero(call.active)
        whole[active[:, None], active] = matrix
        return self._blocks(call, whole)

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
    """The matrix of second derivatives of a scalar-valued function, exact and symmetric to the bit.

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
