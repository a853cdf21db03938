"""Products with second derivatives: H v, (w . H) v and J' J v, each for the cost of about two gradients.

Solvers ask for such products again and again, so each transform keeps a short way for arrays, as gradients do
(`transforms/repeated.py`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from fastad import derive
from fastad.containers import pack, pack_like, split, unflatten, weight_leaves
from fastad.record.builder import current
from fastad.replay import Call, normal_argnums
from fastad.tape import Tape, require_scalar
from fastad.transforms.base import Transform
from fastad.transforms.repeated import count_replays, derived_gradient, has_short_way, never


class SecondProduct(Transform):
    """What the products have in common: called with a point, what it is multiplied by, and other arguments."""

    given = 1  # arguments between the point and the others

    def __init__(self, function: Callable[..., Any], argnums: int = 0) -> None:
        super().__init__(function, argnums)
        self._again: Callable[[Any], Any] = never
        self._short: tuple[Tape, int] | None = None

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if not kwargs:
            result = self._again(args)
            if result is not None:
                return result
        return self.the_long_way(*args, **kwargs)

    def the_long_way(self, x: Any, *rest: Any, **kwargs: Any) -> Any:
        """The product, with the arguments looked at and the tape found anew."""
        count_replays(self._short, self._again)
        self._again, self._short = never, None
        if not isinstance(self.argnums, int | np.integer):
            raise TypeError(f"{type(self).__name__} needs an int argnums: one argument and one direction")
        if len(rest) < self.given:
            raise TypeError(
                f"{len(rest) + 1} arguments: a point and what it is multiplied by are needed ({self.given} more)"
            )
        given, others = rest[: self.given], rest[self.given :]
        (number,) = normal_argnums(self.argnums, len(others) + 1)
        args = (*others[:number], x, *others[number:])
        if current() is not None:
            return self.recorded(args, kwargs, number, given)
        return self._by_tape(Call(args, kwargs, number), number, given)

    def _by_tape(self, call: Call, number: int, given: tuple[Any, ...]) -> Any:
        structure, used = call.arg_structures[0], list[Tape]()
        seed = np.zeros((1, call.x.size))
        seed[0, call.parts[number]] = pack_like(given[-1], structure, "the direction")

        def action(tape: Tape) -> tuple[np.ndarray, int]:
            used[:] = [tape]
            rows, failed = self.products(tape, call.x, seed, given)
            return rows[0], failed

        product = self.replayer.run(call, action)
        if self.replayer.keeps_tapes and has_short_way(call) and not call.structure[2][1]:
            self._remember(call, used[0], number)
        return unflatten(structure, split(product[call.parts[number]], structure))

    def _remember(self, call: Call, tape: Tape, number: int) -> None:
        """Take the short way next time, until the next audit is due."""
        derived = self.derived(tape)
        if derived is None:
            return
        calls = self.replayer.skip_to_audit(call.key, self.replayer.calls.setdefault(call.key, 1))
        self._short = tape, calls
        self._again = derived_gradient(*derived, call, number, calls)

    def products(self, tape: Tape, x: np.ndarray, seed: np.ndarray, given: tuple[Any, ...]) -> tuple[np.ndarray, int]:
        """The product (1, n) with the direction `seed` (1, n), and the first failed guard or -1."""
        raise NotImplementedError

    def derived(self, tape: Tape) -> tuple[Tape, int] | None:
        """The tape whose gradient the product is, and where in the gradient; None if there is no short way."""
        raise NotImplementedError

    def recorded(self, args: tuple[Any, ...], kwargs: dict[str, Any], number: int, given: tuple[Any, ...]) -> Any:
        """The product while another function is being recorded."""
        raise NotImplementedError


class HessianProduct(SecondProduct):
    """See `hvp`."""

    def products(self, tape: Tape, x: np.ndarray, seed: np.ndarray, given: tuple[Any, ...]) -> tuple[np.ndarray, int]:
        require_scalar(tape.out_structure)
        return tape.second.products(x, np.ones(1), seed)

    def derived(self, tape: Tape) -> tuple[Tape, int] | None:
        return None if tape.second.by_adjoints else (tape.second.bend, 0)

    def recorded(self, args: tuple[Any, ...], kwargs: dict[str, Any], number: int, given: tuple[Any, ...]) -> Any:
        return derive.hessian_product(self.function, args, kwargs, number, given[0])


class WeightedHessianProduct(SecondProduct):
    """See `vhp`."""

    given = 2

    def products(self, tape: Tape, x: np.ndarray, seed: np.ndarray, given: tuple[Any, ...]) -> tuple[np.ndarray, int]:
        weights = pack(weight_leaves(given[0], tape.out_structure))
        return tape.second.products(x, weights, seed)

    def derived(self, tape: Tape) -> tuple[Tape, int] | None:
        return None  # weights come in the structure of the result, which has to be looked at

    def recorded(self, args: tuple[Any, ...], kwargs: dict[str, Any], number: int, given: tuple[Any, ...]) -> Any:
        return derive.hessian_product(self.function, args, kwargs, number, given[1], given[0])


class NormalProduct(SecondProduct):
    """See `gauss_newton_product`."""

    def products(self, tape: Tape, x: np.ndarray, seed: np.ndarray, given: tuple[Any, ...]) -> tuple[np.ndarray, int]:
        return tape.second.normal_products(x, seed)

    def derived(self, tape: Tape) -> tuple[Tape, int] | None:
        return None if tape.second.by_adjoints else (tape.second.stretch, tape.inputs)

    def recorded(self, args: tuple[Any, ...], kwargs: dict[str, Any], number: int, given: tuple[Any, ...]) -> Any:
        return derive.normal_product(self.function, args, kwargs, number, given[0])


def hvp(function: Callable[..., Any], argnums: int = 0) -> HessianProduct:
    """Hessian-vector products of a scalar-valued function, ``H(x) @ v``, without the Hessian.

    Parameters
    ----------
    function : callable
        A NumPy function, or one compiled by Numba, that returns one number.
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


def vhp(function: Callable[..., Any], argnums: int = 0) -> WeightedHessianProduct:
    """Products with the weighted sum of the Hessians of all outputs, ``sum_i w_i H_i(x) @ v``.

    Parameters
    ----------
    function : callable
        A NumPy function, or one compiled by Numba, of any result.
    argnums : int
        Which positional argument to differentiate with respect to.

    Returns
    -------
    callable
        ``vhp(f)(x, w, v, *rest)``, with `w` in the structure and shapes of the result, `v` in those of `x`, and `rest`
        the function's other arguments; returns the product in the structure of `x` (float64).

    Raises
    ------
    ShapeMismatch, StructureMismatch, UnsupportedFunction, UnsupportedDtype, DerivativeCut, ChangedConstant

    Examples
    --------
    >>> import numpy as np, fastad as ad
    >>> weights, direction = np.array([1.0, 10.0]), np.array([1.0, 1.0])
    >>> ad.vhp(lambda x: x**2)(np.array([3.0, 4.0]), weights, direction).tolist()
    [2.0, 20.0]

    References
    ----------
    Griewank & Walther, Evaluating Derivatives (2008), section 5.1 (second-order adjoints).
    """
    return WeightedHessianProduct(function, argnums)


def gauss_newton_product(function: Callable[..., Any], argnums: int = 0) -> NormalProduct:
    """Products with the Gauss-Newton matrix, ``J(x).T @ (J(x) @ v)``, without the Jacobian.

    Parameters
    ----------
    function : callable
        A NumPy function, or one compiled by Numba, of any result: the residuals.
    argnums : int
        Which positional argument to differentiate with respect to.

    Returns
    -------
    callable
        ``gauss_newton_product(f)(x, v, *rest)``, with `v` in the structure and shapes of `x` and `rest` the function's
        other arguments; returns the product in the structure of `x` (float64).

    Raises
    ------
    ShapeMismatch, StructureMismatch, UnsupportedFunction, UnsupportedDtype, DerivativeCut, ChangedConstant

    Examples
    --------
    >>> import numpy as np, fastad as ad
    >>> product = ad.gauss_newton_product(lambda x: np.array([x[0] * x[1], x[1]]))
    >>> product(np.array([2.0, 3.0]), np.array([1.0, 0.0])).tolist()
    [9.0, 6.0]

    References
    ----------
    Schraudolph, Fast curvature matrix-vector products for second-order gradient descent (2002).
    """
    return NormalProduct(function, argnums)
