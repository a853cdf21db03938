"""Sparse Jacobians and Hessians: pattern and colours once a tape, then a few directions at each point.

Pattern, colouring and recovery (`fastad/sparsity`) belong to a tape, that is to a path through the function's branches;
another path has a tape and a plan of its own. What was worked out is held against a product with a random direction at
its first use; a pattern that the user has given, now and then later on too.
"""

from __future__ import annotations

import hashlib
import weakref
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from fastad.errors import SparsityError, UnsupportedFunction
from fastad.kernels import layout as at
from fastad.program import Block, Program
from fastad.record.builder import user_line
from fastad.replay import Call, normal_argnums
from fastad.sparsity.coloring import ACYCLIC, ORDERS, STAR, Order, as_pattern, require_symmetric
from fastad.sparsity.plans import HessianPlan, JacobianPlan, Plan, hessian_pattern, jacobian_pattern
from fastad.tape import require_scalar
from fastad.transforms.base import Transform

if TYPE_CHECKING:
    from scipy.sparse import csr_array

KEPT = 16  # plans of compiled functions, whose tapes are not kept
AGREES = 1e-7  # of the sum of sizes, up to which a product and its probe differ by rounding


class SparseTransform(Transform):
    """What sparse Jacobians and Hessians have in common."""

    what = ""

    def __init__(self, function: Callable[..., Any], argnums: int, pattern: Any, order: Order, probe: bool) -> None:
        super().__init__(function, argnums)
        if not isinstance(argnums, int | np.integer) or isinstance(argnums, bool):
            raise TypeError(f"argnums={argnums!r}: a sparse matrix has the columns of one argument, named by an int")
        if isinstance(order, str) and order not in ("best", *ORDERS):
            raise SparsityError(
                f"order={order!r}: one of 'best', {', '.join(map(repr, ORDERS))} or a permutation is needed"
            )
        self.order, self.probe = order, probe
        self.given = None if pattern is None else as_pattern(pattern)
        self._plans: Any = weakref.WeakKeyDictionary()
        self._compiled: dict[bytes, Plan] = {}
        self._draw = np.random.default_rng(20)

    def plain(self, call: Call) -> csr_array:
        normal_argnums(self.argnums, len(call.structure[1]) - 1)

        def action(tape: Any) -> tuple[tuple[Plan, np.ndarray], int]:
            plan = self._plan(tape, call)
            data, failed = plan.entries(tape, call.x)
            if failed < 0 and self._probe_is_due(plan):
                self._require_agreement(plan, tape, call, data)
            return (plan, data), failed

        plan, data = self.replayer.run(call, action)
        from scipy.sparse import csr_array

        return csr_array((data, plan.pattern.indices.copy(), plan.pattern.starts.copy()), shape=plan.pattern.shape)

    def nested(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        raise UnsupportedFunction(
            f"a sparse {self.what} inside a function being differentiated, at {user_line()}: SciPy's sparse arrays "
            f"hold plain numbers; use ad.{self.what} there"
        )

    # --- plans --------------------------------------------------------------------------------------
    def _plan(self, tape: Any, call: Call) -> Plan:
        if self.replayer.keeps_tapes:
            if tape not in self._plans:
                self._plans[tape] = self._new_plan(tape, tape.program)
            return self._plans[tape]
        program = tape.whole().program
        key = _digest(program)
        if key not in self._compiled:
            while len(self._compiled) >= KEPT:
                del self._compiled[next(iter(self._compiled))]
            self._compiled[key] = self._new_plan(tape, program)
        return self._compiled[key]

    def _new_plan(self, tape: Any, program: Program) -> Plan:
        shape = self._shape(tape, program)
        if self.given is not None and self.given.shape != shape:
            raise SparsityError(f"the pattern has shape {self.given.shape}, but the {self.what} has shape {shape}")
        return self._made(program)

    def _shape(self, tape: Any, program: Program) -> tuple[int, int]:
        return program.outputs.size, int(program.active.sum())

    def _made(self, program: Program) -> Plan:
        raise NotImplementedError

    # --- probes -------------------------------------------------------------------------------------
    def _probe_is_due(self, plan: Plan) -> bool:
        """At the first call; with a pattern of the user's also at calls 2, 4, 8, ..."""
        plan.calls += 1
        first, again = plan.calls == 1, plan.calls & (plan.calls - 1) == 0
        return self.probe and (first or (again and self.given is not None))

    def _require_agreement(self, plan: Plan, tape: Any, call: Call, data: np.ndarray) -> None:
        """An error unless the matrix times a random direction is what a sweep gives."""
        direction = np.zeros(call.x.size)
        direction[call.active] = self._draw.uniform(0.5, 1.5, int(call.active.sum()))
        with np.errstate(all="ignore"):
            expected = self._product(tape, call, direction)
            matrix = plan.pattern.matrix(data)
            found, scale = matrix @ direction[call.active], abs(matrix) @ direction[call.active] + abs(expected)
            wrong = abs(found - expected) > AGREES * scale
        wrong &= np.isfinite(expected) & np.isfinite(found)
        if wrong.any():
            row = int(np.argmax(wrong))
            source = (
                "the pattern that was given" if self.given is not None else "the pattern of the tape (a bug in fastad)"
            )
            raise SparsityError(
                f"{source} misses a nonzero of row {row} of the {self.what.capitalize()}: row {row} times a random "
                f"direction is {expected[row]:.6g}, but {found[row]:.6g} by the entries of the pattern"
            )

    def _product(self, tape: Any, call: Call, direction: np.ndarray) -> np.ndarray:
        raise NotImplementedError


def _digest(program: Program) -> bytes:
    """What the pattern depends on, in short."""
    made = hashlib.blake2b(digest_size=16)
    for column in (program.opcode, program.left, program.right, program.outputs, program.active, program.constants):
        made.update(np.ascontiguousarray(column).view(np.uint8).data if column.size else b"")
    for segment in program.segments:
        kept = (segment.code, *(x.key for x in segment.operands)) if isinstance(segment, Block) else (segment.start,)
        made.update(repr((segment.first, segment.length, kept)).encode())
    return made.digest()


class SparseJacobian(SparseTransform):
    """See `sparse_jacobian`."""

    what = "jacobian"

    def __init__(
        self, function: Callable[..., Any], argnums: int, pattern: Any, mode: str, order: Order, probe: bool
    ) -> None:  # fmt: skip
        super().__init__(function, argnums, pattern, order, probe)
        if mode not in ("auto", "forward", "reverse"):
            raise ValueError(f"mode={mode!r}: 'auto', 'forward' or 'reverse' is needed")
        self.mode = mode

    def _made(self, program: Program) -> JacobianPlan:
        return JacobianPlan(program, self.given or jacobian_pattern(program), self.mode, self.order)

    def _product(self, tape: Any, call: Call, direction: np.ndarray) -> np.ndarray:
        with tape.linearized(call.x, at.TANGENTS, 1) as point:
            return point.sweep(at.TANGENTS, direction[None, :])[0]


class SparseHessian(SparseTransform):
    """See `sparse_hessian`."""

    what = "hessian"

    def __init__(
        self, function: Callable[..., Any], argnums: int, pattern: Any, method: str, order: Order, probe: bool
    ) -> None:  # fmt: skip
        super().__init__(function, argnums, pattern, order, probe)
        if method not in ("auto", STAR, ACYCLIC):
            raise SparsityError(f"method={method!r}: 'auto', 'star' or 'acyclic' is needed")
        if self.given is not None:
            require_symmetric(self.given)
        self.method = method

    def _shape(self, tape: Any, program: Program) -> tuple[int, int]:
        require_scalar(tape.out_structure)
        return (int(program.active.sum()),) * 2

    def _made(self, program: Program) -> HessianPlan:
        return HessianPlan(program, self.given or hessian_pattern(program), self.method, self.order)

    def _product(self, tape: Any, call: Call, direction: np.ndarray) -> np.ndarray:
        return tape.second.products(call.x, np.ones(1), direction[None, :])[0][0][call.active]


def sparse_jacobian(
    function: Callable[..., Any],
    argnums: int = 0,
    *,
    pattern: Any = None,
    mode: str = "auto",
    order: Order = "best",
    probe: bool = True,
) -> SparseJacobian:
    """The Jacobian of a function as a sparse matrix, by as many directions as its pattern has colours.

    The pattern is detected on the tape (for each path through the function's branches) and kept between calls with the
    colouring; columns (or rows) that have no row (or column) in common share a direction.

    Parameters
    ----------
    function : callable
        A NumPy function, or one compiled by Numba, of any result.
    argnums : int
        Which positional argument to differentiate with respect to.
    pattern : sparse matrix or array, shape (m, n), optional
        Where entries may differ from zero, if you know better than what is detected.
    mode : "auto", "forward" or "reverse"
        Tangents for colours of columns, or adjoints for colours of rows; "auto" takes what costs less.
    order : "best", "natural", "largest-first", "smallest-last" or array of int
        In which the greedy colouring goes; "best" tries all and keeps the fewest colours.
    probe : bool
        Hold the matrix against a product with a random direction, at the first call and, with a pattern of yours, at
        calls 2, 4, 8, ...

    Returns
    -------
    callable
        Takes the function's arguments and returns a ``scipy.sparse.csr_array`` of float64, shape (m, n): a row for each
        number of the result, a column for each number of the argument, in their order. Entries of the pattern that
        happen to be zero are stored.

    Raises
    ------
    SparsityError
        A pattern of the wrong shape, or one that misses a nonzero; a matrix too full for a sparse one.
    ArgumentIndexError, UnsupportedFunction, UnsupportedDtype, DerivativeCut, ChangedConstant

    Examples
    --------
    >>> import numpy as np, fastad as ad
    >>> jacobian = ad.sparse_jacobian(lambda x: x[1:] * x[:-1])
    >>> jacobian(np.array([1.0, 2.0, 3.0])).toarray().tolist()
    [[2.0, 1.0, 0.0], [0.0, 3.0, 2.0]]

    References
    ----------
    Curtis, Powell & Reid, On the estimation of sparse Jacobian matrices (1974); Griewank & Walther, chapters 7 and 8.
    """
    return SparseJacobian(function, argnums, pattern, mode, order, probe)


def sparse_hessian(
    function: Callable[..., Any],
    argnums: int = 0,
    *,
    pattern: Any = None,
    method: str = "auto",
    order: Order = "best",
    probe: bool = True,
) -> SparseHessian:
    """The Hessian of a scalar-valued function as a sparse matrix, by as many products as its pattern has colours.

    The pattern is detected on the tape (for each path through the function's branches) and kept between calls with the
    colouring.

    Parameters
    ----------
    function : callable
        A NumPy function, or one compiled by Numba, that returns one number.
    argnums : int
        Which positional argument to differentiate with respect to.
    pattern : sparse matrix or array, shape (n, n), optional
        Where entries may differ from zero, if you know better than what is detected; symmetric.
    method : "auto", "star" or "acyclic"
        Whether entries are read off the products, or found by substitution, which takes fewer products; "auto"
        substitutes where that saves many.
    order, probe : as of `sparse_jacobian`

    Returns
    -------
    callable
        Takes the function's arguments and returns a ``scipy.sparse.csr_array`` of float64, shape (n, n), symmetric to
        the bit. Entries of the pattern that happen to be zero are stored.

    Raises
    ------
    SparsityError
        A pattern of the wrong shape, or one that misses a nonzero; a matrix too full for a sparse one.
    NonScalarOutput, ArgumentIndexError, UnsupportedFunction, UnsupportedDtype, DerivativeCut, ChangedConstant

    Examples
    --------
    >>> import numpy as np, fastad as ad
    >>> hessian = ad.sparse_hessian(lambda x: np.sum(x[1:] * x[:-1] ** 2))
    >>> hessian(np.array([1.0, 2.0, 3.0])).toarray().tolist()
    [[4.0, 2.0, 0.0], [2.0, 6.0, 4.0], [0.0, 4.0, 0.0]]

    References
    ----------
    Gebremedhin, Tarafdar, Pothen & Walther, Efficient computation of sparse Hessians using coloring and automatic
    differentiation (2009).
    """
    return SparseHessian(function, argnums, pattern, method, order, probe)
