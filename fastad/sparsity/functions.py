"""Patterns and compressed matrices of functions: the steps of a sparse derivative, one by one."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from fastad.errors import SparsityError
from fastad.kernels import layout as at
from fastad.replay import Call
from fastad.sparsity import plans
from fastad.sparsity.coloring import ROWS, Coloring
from fastad.tape import require_scalar
from fastad.transforms.base import replayer_of

if TYPE_CHECKING:
    from scipy.sparse import csr_array


def jacobian_pattern(function: Callable[..., Any], *args: Any, argnums: int = 0) -> csr_array:
    """Where the Jacobian of a function may differ from zero, on the path that it takes at a point.

    Parameters
    ----------
    function : callable
        A NumPy function, or one compiled by Numba, of any result.
    *args
        Its arguments.
    argnums : int
        Which of them the columns are.

    Returns
    -------
    scipy.sparse.csr_array of bool, shape (m, n)

    Examples
    --------
    >>> import numpy as np, fastad as ad
    >>> ad.sparsity.jacobian_pattern(lambda x: x[1:] * x[:-1], np.ones(3)).toarray().astype(int).tolist()
    [[1, 1, 0], [0, 1, 1]]
    """
    return _at_point(function, args, argnums, lambda tape, _: plans.jacobian_pattern(tape.program).matrix())


def hessian_pattern(function: Callable[..., Any], *args: Any, argnums: int = 0) -> csr_array:
    """Where the Hessian of a scalar-valued function may differ from zero, on the path that it takes at a point.

    Parameters
    ----------
    function : callable
        A NumPy function, or one compiled by Numba, that returns one number.
    *args
        Its arguments.
    argnums : int
        Which of them the columns are.

    Returns
    -------
    scipy.sparse.csr_array of bool, shape (n, n)

    Examples
    --------
    >>> import numpy as np, fastad as ad
    >>> ad.sparsity.hessian_pattern(lambda x: x[0] * x[1] + x[2] ** 2, np.ones(3)).toarray().astype(int).tolist()
    [[0, 1, 0], [1, 0, 0], [0, 0, 1]]
    """

    def pattern(tape: Any, _: Call) -> csr_array:
        require_scalar(tape.out_structure)
        return plans.hessian_pattern(tape.program).matrix()

    return _at_point(function, args, argnums, pattern)


def compressed_jacobian(function: Callable[..., Any], coloring: Coloring, *args: Any, argnums: int = 0) -> np.ndarray:
    """The sums of the columns, or rows, of each colour of a Jacobian.

    Parameters
    ----------
    function : callable
    coloring : Coloring
        Of the columns, by `color_columns`, or of the rows, by `color_rows`.
    *args
        The function's arguments.
    argnums : int
        Which of them the columns are.

    Returns
    -------
    ndarray of float64, shape (count, m) for columns, (count, n) for rows

    Examples
    --------
    >>> import numpy as np, fastad as ad
    >>> f, x = lambda x: x[1:] * x[:-1], np.array([1.0, 2.0, 3.0])
    >>> colors = ad.sparsity.color_columns(ad.sparsity.jacobian_pattern(f, x))
    >>> ad.sparsity.compressed_jacobian(f, colors, x).tolist()
    [[2.0, 2.0], [1.0, 3.0]]
    """
    reverse = coloring.kind == ROWS

    def product(tape: Any, call: Call) -> np.ndarray:
        task, columns = (
            (at.ADJOINTS, np.arange(tape.outputs)) if reverse else (at.TANGENTS, np.flatnonzero(call.active))
        )
        directions = np.zeros((coloring.count, tape.outputs if reverse else call.x.size))
        directions[:, columns] = _seeds(coloring, columns.size)
        with tape.linearized(call.x, task, coloring.count) as point:
            found = point.sweep(task, directions)
        return found[:, call.active] if reverse else found

    return _at_point(function, args, argnums, product)


def compressed_hessian(function: Callable[..., Any], coloring: Coloring, *args: Any, argnums: int = 0) -> np.ndarray:
    """The sums of the columns of each colour of a Hessian.

    Parameters
    ----------
    function : callable
    coloring : Coloring
        Of the variables, by `color_symmetric` (or `color_columns`).
    *args
        The function's arguments.
    argnums : int
        Which of them the columns are.

    Returns
    -------
    ndarray of float64, shape (count, n)

    Examples
    --------
    >>> import numpy as np, fastad as ad
    >>> f, x = lambda x: np.sum(x[1:] * x[:-1] ** 2), np.array([1.0, 2.0, 3.0])
    >>> colors = ad.sparsity.color_symmetric(ad.sparsity.hessian_pattern(f, x))
    >>> ad.sparsity.Recovery(ad.sparsity.hessian_pattern(f, x), colors).recover(
    ...     ad.sparsity.compressed_hessian(f, colors, x)).tolist()
    [4.0, 2.0, 2.0, 6.0, 4.0, 4.0]
    """

    def product(tape: Any, call: Call) -> np.ndarray:
        require_scalar(tape.out_structure)
        seeds = np.zeros((coloring.count, call.x.size))
        seeds[:, call.active] = _seeds(coloring, int(call.active.sum()))
        return tape.second.products(call.x, np.ones(1), seeds)[0][:, call.active]

    return _at_point(function, args, argnums, product)


def _seeds(coloring: Coloring, size: int) -> np.ndarray:
    if coloring.colors.size != size:
        raise SparsityError(f"a colouring of {coloring.colors.size} was given, but {size} have to be told apart")
    return coloring.seeds()


def _at_point(
    function: Callable[..., Any], args: tuple[Any, ...], argnums: int, result: Callable[[Any, Call], Any]
) -> Any:  # fmt: skip
    call = Call(args, {}, argnums)
    return replayer_of(function).run(call, lambda tape: (result(tape, call), -1))
