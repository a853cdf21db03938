"""`ad.primitive`: operations that users define."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from fastad.elementwise_primitives import ElementwisePrimitive
from fastad.record.stand_ins import CURRENT
from fastad.user_primitives import VectorPrimitive


def primitive(
    function: Any = None, *, vjp: Callable[..., Any] | None = None, jvp: Callable[..., Any] | None = None,
    partials: Sequence[Any] | None = None, second: Sequence[Sequence[Any]] | None = None, name: str | None = None,
    differentiable_rules: bool = True,
) -> Any:  # fmt: skip
    """An operation with derivative rules of its own: one instruction on the tape, whatever it does inside.

    Parameters
    ----------
    function : callable or str
        Any Python code: plain values in, a number, an array (float64) or a container of them out. It must depend on
        its arguments alone. With `partials`, a function of numbers that is applied element by element: a formula of
        the operands ``a``, ``b``, ``c``, a function compiled by Numba, or a function of NumPy arrays.
    vjp : callable, optional
        ``vjp(weight, result, *args, **options)`` returns a tuple of adjoints, weight @ J, one a positional argument,
        in its structure (the adjoint itself will do for one argument; None for none). Or by the decorator ``.vjp``.
    jvp : callable, optional
        ``jvp(tangents, result, *args, **options)`` returns the tangent, J @ tangents, in the structure of the result;
        `tangents` has one entry a positional argument (zeros included). Or by the decorator ``.jvp``. Of the two, the
        missing one follows from the other, at the cost of one call for each number of the result (of the arguments).
    partials : sequence, optional
        Makes the operation element-wise: the derivative in each operand, as a formula, which may use the result
        ``v``, a compiled function, a NumPy function or another element-wise primitive.
    second : sequence of sequences, optional
        ``second[k][j]``: the derivative of partial k in operand j, for partials that are compiled functions.
    name : str, optional
        By which pickled and saved tapes find it; otherwise module and qualified name of the function.
    differentiable_rules : bool
        False says that rules cannot be differentiated themselves: second derivatives are an error at once.

    Returns
    -------
    callable
        Called like the function; its rules get what the signature makes of a call, defaults included. Strings, truth
        values, integers and other objects among the arguments, and keyword-only ones, are static: the rules get them
        as they were given, and they have no derivative.
        ``.check(*args)`` compares the rules with finite differences.

    Raises
    ------
    MissingRule
        When called on a traced value without a rule.
    NoSecondDerivative
        When a further derivative is asked for, and a rule calls compiled code or converts to plain numbers.
    RuleMismatch
        A rule returned something of another shape than it must.
    InvalidExpression
        A formula uses what is outside the language of `fastad.formula`.

    Notes
    -----
    Formulas and compiled functions of up to three operands run as native code, compiled once a process, without the
    interpreter's lock. Other rules take it.

    Examples
    --------
    >>> import numpy as np, fastad as ad
    >>> @ad.primitive
    ... def solve(matrix, b):
    ...     return np.linalg.solve(matrix, b)
    >>> @solve.vjp
    ... def _(weight, x, matrix, b):
    ...     u = solve(matrix.T, weight)
    ...     return -np.outer(u, x), u
    >>> ad.grad(lambda b: np.sum(solve(2.0 * np.eye(2), b)))(np.array([1.0, 3.0])).tolist()
    [0.5, 0.5]
    >>> decay = ad.primitive("a * exp(-b)", partials=("exp(-b)", "-v"))
    >>> ad.grad(decay, argnums=1)(2.0, 0.0)
    -2.0
    """
    if function is None:
        return lambda f: primitive(
            f, vjp=vjp, jvp=jvp, partials=partials, second=second, name=name, differentiable_rules=differentiable_rules
        )
    # Where recorded code defines a primitive, it holds stand-ins of its functions.
    function, vjp, jvp = map(CURRENT.view.unsee, (function, vjp, jvp))
    if partials is not None:
        if vjp is not None or jvp is not None:
            raise TypeError("partials make a primitive element-wise: vjp and jvp follow from them")
        partials = tuple(map(CURRENT.view.unsee, partials))
        second = None if second is None else tuple(tuple(map(CURRENT.view.unsee, row)) for row in second)
        return ElementwisePrimitive(function, partials, second, name, differentiable_rules)
    if isinstance(function, str):
        raise TypeError(f"the formula {function!r} needs its partials: partials=(...)")
    if not callable(function):
        raise TypeError(f"a function or a formula is needed, not {type(function).__name__}")
    return VectorPrimitive(function, vjp, jvp, name, differentiable_rules)
