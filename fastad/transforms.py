"""The transforms: a function in, a function that returns derivatives out.

Each transform flattens its arguments, lets a `Replayer` find or record the tape, runs sweeps on flat
arrays and puts the results back into containers. Called while another function is being recorded, a
transform records its derivative into that recording instead (`fastad.derive`), so transforms nest.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from fastad import derive, kernels
from fastad.containers import (
    Structure, leaf_shapes, leaf_size, pack_like, split, split_rows, total_size, unflatten,
)  # fmt: skip
from fastad.errors import ShapeMismatch
from fastad.kernels import layout as at
from fastad.passes import optimise
from fastad.record.recorder import record_function
from fastad.record.builder import current, open_recordings
from fastad.record.traced import elementwise, is_traced
from fastad.ops import BY_NAME
from fastad.replay import Call, Replayer
from fastad.tape import Tape, require_scalar

Argnums = int | tuple[int, ...]
_FLOAT64 = np.dtype(np.float64)


class Transform:
    """A derivative of a function; keeps the function's tapes.

    Attributes
    ----------
    replayer : Replayer
        The tapes by signature and path; ``replayer.clear()`` forgets them.
    """

    def __init__(self, function: Callable[..., Any], argnums: Argnums = 0) -> None:
        if not callable(function):
            raise TypeError(f"a function is needed, not {type(function).__name__}")
        functools.update_wrapper(self, function, updated=())
        self.function, self.argnums = function, argnums
        self.replayer = Replayer(function)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if current() is not None:
            return self.nested(args, kwargs)
        return self.plain(Call(args, kwargs, self.argnums))

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        return self if instance is None else functools.partial(self, instance)

    def plain(self, call: Call) -> Any:
        """The result at a point, by a tape."""
        raise NotImplementedError

    def nested(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """The result while another function is being recorded."""
        raise NotImplementedError

    def per_argument(self, call: Call, results: list[Any]) -> Any:
        """One result for an int `argnums`, a tuple for a tuple."""
        return results[0] if isinstance(self.argnums, int | np.integer) else tuple(results)


def _per_leaf(call: Call, rows: np.ndarray, leading: tuple[int, ...]) -> list[Any]:
    """For each differentiated argument, its container with leaves of shape leading + leaf shape."""
    results = []
    for number, structure in zip(call.argnums, call.arg_structures, strict=True):
        part = rows[..., call.parts[number]]
        leaves = split_rows(part, structure, leading) if leading else split(part, structure)
        results.append(unflatten(structure, leaves))
    return results


# --- gradients --------------------------------------------------------------------------------------
class _Fast:
    """What a repeated call with one contiguous float64 array needs, and no more."""

    __slots__ = ("code", "flat", "guarded", "pool", "run", "schedule", "shape", "size")

    def __init__(self, tape: Tape, shape: tuple[int, ...]) -> None:
        schedule = tape.schedule
        kernels.run.load()
        self.run, self.code, self.pool, self.schedule = kernels.run.dispatcher, schedule.code, schedule._pool, schedule
        self.shape, self.flat, self.guarded = shape, len(shape) == 1, bool(tape.program.guards)
        self.size = schedule.workspace_size(at.GRADIENT, 1)


class ValueAndGrad(Transform):
    """See `value_and_grad`."""

    def __init__(self, function: Callable[..., Any], argnums: Argnums = 0) -> None:
        super().__init__(function, argnums)
        self._fast: _Fast | None = None
        self._countdown = 0

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        fast = self._fast
        if fast is not None and len(args) == 1 and not kwargs and not open_recordings:
            x = args[0]
            if type(x) is np.ndarray and x.shape == fast.shape and x.dtype is _FLOAT64 and x.flags.carray:
                self._countdown -= 1
                if self._countdown:
                    result = self._replay(fast, x)
                    if result is not None:
                        return result
        return super().__call__(*args, **kwargs)

    def _replay(self, fast: _Fast, x: np.ndarray) -> tuple[float, np.ndarray] | None:
        pool = fast.pool
        work = pool.pop() if pool else fast.schedule.new_workspace(fast.size)
        if work.size < fast.size:
            return None
        gradient = np.empty(fast.shape)
        if fast.flat:
            value = fast.run(0, 1, fast.code, work, x, gradient)
        else:
            value = fast.run(0, 1, fast.code, work, x.reshape(-1), gradient.reshape(-1))
        if fast.guarded and work[-1] >= 0.0:
            return None
        pool.append(work)
        return value, gradient

    def plain(self, call: Call) -> Any:
        used: list[Tape] = []

        def action(tape: Tape) -> tuple[tuple[float, np.ndarray], int]:
            require_scalar(tape.out_structure)
            used[:] = [tape]
            value, gradient, failed = tape.gradient(call.x)
            return (value, gradient), failed

        value, gradient = self.replayer.run(call, action)
        self._remember(call, used[0])
        return value, self.per_argument(call, _per_leaf(call, gradient, ()))

    def _remember(self, call: Call, tape: Tape) -> None:
        """Take the short way next time, until the next audit is due."""
        structure = call.structure[1]
        simple = len(structure) == 2 and structure[1][0] == "array" and call.structure[2] == (dict, ())
        if not simple or not isinstance(self.argnums, int) or call.x.size == 0:
            return
        self._fast = _Fast(tape, structure[1][1])
        calls = self.replayer.calls.setdefault(call.key, 1)
        self._countdown = self.replayer.skip_to_audit(call.key, calls)

    def nested(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        value, gradients = derive.value_and_gradients(self.function, args, kwargs, self.argnums)
        return value, gradients[0] if isinstance(self.argnums, int | np.integer) else tuple(gradients)


class Grad(ValueAndGrad):
    """See `grad`."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return super().__call__(*args, **kwargs)[1]


def value_and_grad(function: Callable[..., Any], argnums: Argnums = 0) -> ValueAndGrad:
    """The value and the gradient of a scalar-valued function, by one forward and one reverse sweep.

    Parameters
    ----------
    function : callable
        A NumPy function that returns one number.
    argnums : int or tuple of int
        Which positional arguments to differentiate with respect to.

    Returns
    -------
    callable
        Takes the function's arguments and returns ``(value, gradient)``: a float, and the partial
        derivatives df/dx in the structure, shapes and order of the argument (float64); a tuple of them
        for a tuple `argnums`.

    Raises
    ------
    NonScalarOutput, ArgumentIndexError, UnsupportedFunction, UnsupportedDtype, DerivativeCut, ChangedConstant

    Examples
    --------
    >>> import numpy as np, fastad as ad
    >>> value, gradient = ad.value_and_grad(lambda x: np.sum(x**2))(np.array([1.0, 2.0]))
    >>> value, gradient.tolist()
    (5.0, [2.0, 4.0])

    References
    ----------
    Griewank & Walther, Evaluating Derivatives (2008), section 3.2; the cheap gradient principle.
    """
    return ValueAndGrad(function, argnums)


def grad(function: Callable[..., Any], argnums: Argnums = 0) -> Grad:
    """The gradient of a scalar-valued function, by one reverse sweep.

    Parameters
    ----------
    function : callable
        A NumPy function that returns one number.
    argnums : int or tuple of int
        Which positional arguments to differentiate with respect to.

    Returns
    -------
    callable
        Takes the function's arguments and returns the partial derivatives df/dx in the structure and
        shapes of the argument (float64); a tuple of them for a tuple `argnums`.

    Raises
    ------
    NonScalarOutput, ArgumentIndexError, UnsupportedFunction, UnsupportedDtype, DerivativeCut, ChangedConstant

    Examples
    --------
    >>> import numpy as np, fastad as ad
    >>> ad.grad(np.sin)(0.0)
    1.0

    References
    ----------
    Griewank & Walther, Evaluating Derivatives (2008), section 3.2.
    """
    return Grad(function, argnums)


# --- Jacobians --------------------------------------------------------------------------------------
class Jacobian(Transform):
    """See `jacobian`."""

    def __init__(self, function: Callable[..., Any], argnums: Argnums = 0, mode: str = "auto") -> None:
        super().__init__(function, argnums)
        if mode not in ("auto", "forward", "reverse"):
            raise ValueError(f"mode={mode!r}: 'auto', 'forward' or 'reverse' is needed")
        self.mode = mode

    def plain(self, call: Call) -> Any:
        def action(tape: Tape) -> tuple[tuple[np.ndarray, Structure], int]:
            rows, failed = dense_jacobian(tape, call.x, call.active, self.mode)
            return (rows, tape.out_structure), failed

        rows, out_structure = self.replayer.run(call, action)
        return assemble_jacobian(rows, out_structure, lambda part, lead: self.per_argument(call, _per_leaf(call, part, lead)))

    def nested(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        results = derive.jacobians(self.function, args, kwargs, self.argnums)
        return results[0] if isinstance(self.argnums, int | np.integer) else tuple(results)


def dense_jacobian(tape: Tape, x: np.ndarray, active: np.ndarray, mode: str) -> tuple[np.ndarray, int]:
    """J (m, n) with zero columns for passive inputs, and the first failed guard or -1."""
    n, m = int(active.sum()), tape.outputs
    forward = mode == "forward" or (mode == "auto" and n <= m)
    task, count = (at.TANGENTS, n) if forward else (at.ADJOINTS, m)
    with tape.linearized(x, task, count) as point:
        if not forward:
            return point.sweep(task, np.eye(m)), point.failed
        jacobian = np.zeros((m, x.size))
        seeds = np.zeros((n, x.size))
        seeds[np.arange(n), np.flatnonzero(active)] = 1.0
        jacobian[:, active] = point.sweep(task, seeds).T
        return jacobian, point.failed


def is_vector_like(structure: Structure) -> bool:
    """A list or tuple of plain numbers, which NumPy's users mean as a vector."""
    return structure[0] in (list, tuple) and len(structure) > 1 and all(child == ("float",) for child in structure[1:])


def assemble_jacobian(rows: np.ndarray, out: Structure, place: Callable[[np.ndarray, tuple[int, ...]], Any]) -> Any:
    """Rows (m, ...) in the structure of the output; `place` builds what stands at each leaf."""
    if is_vector_like(out):
        return place(rows, (len(rows),))
    leaves, start = [], 0
    for shape in leaf_shapes(out):
        size = leaf_size(shape)
        part = rows[start : start + size]
        leaves.append(place(part.reshape((shape or ()) + rows.shape[1:]), shape or ()))
        start += size
    return unflatten(out, iter(leaves))


def jacobian(function: Callable[..., Any], argnums: Argnums = 0, mode: str = "auto") -> Jacobian:
    """The Jacobian of a function, by forward sweeps with unit seeds or reverse sweeps with unit weights.

    Parameters
    ----------
    function : callable
        A NumPy function that returns numbers or arrays, in containers or not; a list or tuple of
        numbers counts as a vector.
    argnums : int or tuple of int
        Which positional arguments to differentiate with respect to.
    mode : "auto", "forward" or "reverse"
        Forward needs as many directions as inputs, reverse as many as outputs; "auto" takes the
        smaller number (forward for equal ones).

    Returns
    -------
    callable
        Takes the function's arguments and returns an array of shape ``out.shape + in.shape``
        (float64), with entry ``d out[i] / d in[j]``.

    Raises
    ------
    ArgumentIndexError, UnsupportedFunction, UnsupportedDtype, DerivativeCut, ChangedConstant

    Examples
    --------
    >>> import numpy as np, fastad as ad
    >>> ad.jacobian(lambda x: np.array([x[0] * x[1], x[0]]))(np.array([2.0, 3.0])).tolist()
    [[3.0, 2.0], [1.0, 0.0]]

    References
    ----------
    Griewank & Walther, Evaluating Derivatives (2008), sections 3.1-3.3.
    """
    return Jacobian(function, argnums, mode)


# --- second order -----------------------------------------------------------------------------------
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
            row = assemble_jacobian(part, structure, lambda p, lead: self.per_argument(call, _per_leaf(call, p, lead)))
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
        args = list(rest)
        args.insert(int(self.argnums), x)
        if current() is not None:
            return derive.hessian_product(self.function, tuple(args), kwargs, self.argnums, v)
        call = Call(tuple(args), kwargs, self.argnums)
        number, structure = call.argnums[0], call.arg_structures[0]
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


# --- products with one direction --------------------------------------------------------------------
def _replayer(function: Callable[..., Any]) -> Replayer:
    """The tapes of a function, for transforms that are called with the function each time."""
    try:
        found = function.__dict__.get("__fastad_replayer__")
    except AttributeError:
        return Replayer(function)
    if found is None or found.function is not function:
        found = function.__dict__["__fastad_replayer__"] = Replayer(function)
    return found


def _checked_tuple(name: str, values: Any) -> tuple[Any, ...]:
    if not isinstance(values, tuple | list):
        raise TypeError(f"{name} must be a tuple with one entry an argument, not {type(values).__name__}")
    return tuple(values)


def jvp(function: Callable[..., Any], primals: tuple[Any, ...], tangents: tuple[Any, ...]) -> tuple[Any, Any]:
    """The value of a function and its derivative along given tangents, by one forward sweep.

    Parameters
    ----------
    function : callable
        A NumPy function.
    primals : tuple
        The function's arguments.
    tangents : tuple
        One tangent an argument, in its structure and shapes.

    Returns
    -------
    value, tangent
        Both in the structure of the function's result (floats and float64 arrays): f(x) and J(x) @ x_dot.

    Raises
    ------
    ShapeMismatch, StructureMismatch, UnsupportedFunction, UnsupportedDtype, DerivativeCut, ChangedConstant

    Examples
    --------
    >>> import fastad as ad
    >>> ad.jvp(lambda x, y: x * y, (2.0, 3.0), (1.0, 10.0))
    (6.0, 23.0)

    References
    ----------
    Griewank & Walther, Evaluating Derivatives (2008), section 3.1.
    """
    primals, tangents = _checked_tuple("primals", primals), _checked_tuple("tangents", tangents)
    if len(primals) != len(tangents):
        raise ShapeMismatch(f"{len(tangents)} tangents were given for {len(primals)} primals")
    if current() is not None:
        return derive.jvp(function, primals, tangents)
    call = Call(primals, {}, tuple(range(len(primals))))
    parts = [pack_like(t, s, f"tangent {i}") for i, (t, s) in enumerate(zip(tangents, call.arg_structures, strict=True))]
    seed = np.concatenate(parts)[None, :]

    def action(tape: Tape) -> tuple[tuple[np.ndarray, np.ndarray, Structure], int]:
        with tape.linearized(call.x, at.TANGENTS, 1) as point:
            return (point.value, point.sweep(at.TANGENTS, seed)[0], tape.out_structure), point.failed

    value, tangent, out = _replayer(function).run(call, action)
    return unflatten(out, split(value, out)), unflatten(out, split(tangent, out))


def vjp(function: Callable[..., Any], *primals: Any) -> tuple[Any, Callable[[Any], tuple[Any, ...]]]:
    """The value of a function, and the pullback of weights to adjoints, by one reverse sweep each.

    Parameters
    ----------
    function : callable
        A NumPy function.
    *primals
        The function's arguments.

    Returns
    -------
    value
        The function's result.
    pullback : callable
        ``pullback(weight)``, with a weight in the structure of the result, returns a tuple with one
        adjoint an argument, ``weight @ J``, in its structure and shapes (float64).

    Raises
    ------
    ShapeMismatch, StructureMismatch, UnsupportedFunction, UnsupportedDtype, DerivativeCut, ChangedConstant

    Examples
    --------
    >>> import fastad as ad
    >>> value, pullback = ad.vjp(lambda x, y: x * y, 2.0, 3.0)
    >>> value, pullback(1.0)
    (6.0, (3.0, 2.0))

    References
    ----------
    Griewank & Walther, Evaluating Derivatives (2008), section 3.2.
    """
    if current() is not None:
        return derive.vjp(function, primals)
    call = Call(primals, {}, tuple(range(len(primals))))

    def action(tape: Tape) -> tuple[tuple[np.ndarray, Tape], int]:
        value, failed = tape.evaluate(call.x)
        return (value, tape), failed

    value, tape = _replayer(function).run(call, action)
    out = tape.out_structure

    def pullback(weight: Any) -> tuple[Any, ...]:
        if total_size(out) == 1 and np.ndim(weight) == 0 and not isinstance(weight, dict):
            weights = np.array([[float(weight)]])
        else:
            weights = pack_like(weight, out, "the weight")[None, :]
        with tape.linearized(call.x, at.ADJOINTS, 1) as point:
            adjoint = point.sweep(at.ADJOINTS, weights)[0]
        return tuple(_per_leaf(call, adjoint, ()))

    return unflatten(out, split(value, out)), pullback


def directional_derivative(
    function: Callable[..., Any], x: Any, direction: Any, normalize: bool = True
) -> Any:
    """The derivative of a function along a direction, by one forward sweep.

    Parameters
    ----------
    function : callable
        A NumPy function of one argument.
    x : float, array of float64 or container of them
        The point.
    direction : like x
    normalize : bool
        Scale the direction to a unit vector first (Euclidean norm), so that the result is the slope a
        unit of length.

    Returns
    -------
    In the structure of the function's result: ``J(x) @ u``, for scalar functions ``grad f(x) . u``.

    Raises
    ------
    ShapeMismatch
        The direction is not shaped like `x`, or is zero and cannot be scaled.

    Examples
    --------
    >>> import numpy as np, fastad as ad
    >>> ad.directional_derivative(lambda x: np.sum(x**2), np.array([3.0, 4.0]), np.array([3.0, 4.0]))
    10.0

    References
    ----------
    Griewank & Walther, Evaluating Derivatives (2008), section 3.1.
    """
    if current() is not None:
        return derive.directional(function, x, direction, normalize)
    call = Call((x,), {}, 0)
    flat = pack_like(direction, call.arg_structures[0], "the direction")
    length = float(np.linalg.norm(flat))
    if normalize and not length:
        raise ShapeMismatch("the direction is zero, so it cannot be scaled to a unit vector")
    seed = flat / length if normalize else flat
    structure = call.arg_structures[0]
    return jvp(function, (x,), (unflatten(structure, split(seed, structure)),))[1]


def stop_gradient(x: Any) -> Any:
    """The argument itself, with zero derivative.

    Parameters
    ----------
    x : float or array of float64

    Returns
    -------
    The same value; while a function is differentiated, one that counts as a constant.

    Examples
    --------
    >>> import fastad as ad
    >>> ad.grad(lambda x: x * ad.stop_gradient(x))(3.0)
    3.0
    """
    return elementwise(BY_NAME["stop_gradient"], x) if is_traced(x) else x


def record(function: Callable[..., Any], *args: Any) -> Tape:
    """Record a function at a point.

    Parameters
    ----------
    function : callable
        A NumPy function.
    *args
        Its arguments: floats and float arrays become independents; the rest is static.

    Returns
    -------
    Tape
        Valid wherever the recorded comparisons come out as they did here.

    Raises
    ------
    UnsupportedFunction, UnsupportedDtype, DerivativeCut

    Examples
    --------
    >>> import fastad as ad
    >>> tape = ad.record(lambda x, y: x * y, 2.0, 3.0)
    >>> tape.primal(4.0, 5.0)
    20.0

    References
    ----------
    Griewank & Walther, Evaluating Derivatives (2008), section 2.2 (evaluation procedures).
    """
    call = Call(args, {}, None)
    call.active[:] = True
    recording = record_function(function, call.structure, list(split(call.x, call.structure)), call.active)
    return Tape(optimise(recording.program), call.structure, recording.out_structure)


def warmup() -> float:
    """Compile, or load from the cache, every kernel.

    Returns
    -------
    float
        Seconds that it took.
    """
    import time

    started = time.perf_counter()
    for kernel in kernels.ALL:
        kernel.load()
    return time.perf_counter() - started

