"""`check_derivatives`: every way to a derivative, compared with every other and with differences.

Theory of operation. The function is seen in two ways: as it is, with its containers, by the transforms that
take containers; and as a function of one flat array z of all numbers that are differentiated, flat(z) =
concatenated outputs. The flat function has a matrix J, computed forward and in reverse, against which
everything of first order is compared; and, weighted to a single number phi = w @ flat(z), a Hessian H,
against which everything of second order is compared. Modes agree up to rounding.

Differences are central along scaled directions, with step halved again and again, extrapolated to step
zero in Ridders' table; the entry of the table that its neighbours confirm best is taken and the
disagreement is its error. Where the table does not settle (a kink, a domain's edge, noise) the entry is
left out and counted, so that differences never contradict without being sure.

References: C. J. F. Ridders, Accurate computation of F'(x) and F'(x) F''(x), Advances in Engineering
Software 4 (1982) 75-76; Griewank & Walther, Evaluating Derivatives (2008), sections 3.1-3.2 and 5.1.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from fastad.containers import flatten, leaf_shapes, leaf_size, pack, split, total_size, unflatten
from fastad.errors import DerivativeCheckFailed, NonScalarOutput
from fastad.record.recorder import normal_output, output_leaves
from fastad.record.stand_ins import CURRENT
from fastad.record.traced import plain
from fastad.replay import normal_argnums
from fastad.transforms.gradients import grad, value_and_grad
from fastad.transforms.hessians import hessian
from fastad.transforms.jacobians import jacobian
from fastad.transforms.products import jvp, vjp
from fastad.transforms.second_products import hvp

DIRECTIONS = 16  # more inputs than that are differenced along random directions
LEVELS, SHRINK, FIRST_STEP = 14, 2.0, 0.1
SURE = 1e-4  # largest error of a difference, relative to the derivative's scale, that can contradict
SAFETY = 100.0


@dataclass
class CheckReport:
    """What was compared.

    Attributes
    ----------
    inputs, outputs : int
        Numbers that were differentiated, and numbers that the function returned.
    modes : dict of str to float
        For each comparison of two modes, the largest disagreement relative to the scale of the entries.
    differences : dict of str to float
        For each comparison with differences, likewise.
    unsure : int
        Entries whose difference did not settle, so that it could not contradict.
    """

    inputs: int
    outputs: int
    modes: dict[str, float] = field(default_factory=dict)
    differences: dict[str, float] = field(default_factory=dict)
    unsure: int = 0

    def __str__(self) -> str:
        lines = [f"derivatives of {self.outputs} outputs by {self.inputs} inputs agree"]
        lines += [f"  {error:8.1e}  {name}" for name, error in (self.modes | self.differences).items()]
        return "\n".join([*lines, f"  {self.unsure} entries without a sure difference"])


def check_derivatives(
    f: Callable[..., Any],
    *args: Any,
    order: int = 2,
    argnums: int | tuple[int, ...] | None = None,
    rtol: float = 1e-11,
    difference_rtol: float = 1e-7,
    seed: int = 0,
) -> CheckReport:
    """Compare all ways to the derivatives of a function with one another and with differences.

    First order: `jacobian` forward and in reverse, `jvp`, `vjp`, for scalar functions `grad` and
    `value_and_grad`, against extrapolated central differences of f. Second order, of f or of a random
    combination of its outputs: `hessian`, `hvp`, and `grad`, `jvp` and `jacobian` of a `grad`, against
    differences of exact gradients.

    Parameters
    ----------
    f : callable
        A NumPy function that returns numbers or arrays, in containers or not.
    *args
        Its arguments. Those with floats or float arrays in them are differentiated.
    order : 1 or 2
    argnums : int or tuple of int, optional
        Which arguments to differentiate with respect to, if not all that hold floats.
    rtol : float
        Largest disagreement of two modes, relative to the sizes of the two entries and of the largest
        entry of its row.
    difference_rtol : float
        Likewise for differences, in addition to their own estimated error.
    seed : int
        Of the random directions and weights.

    Returns
    -------
    CheckReport
        Prints as a table of what was compared and how closely it agreed.

    Raises
    ------
    DerivativeCheckFailed
        Two of them disagree; the message names both, the worst entry and its two values.

    Examples
    --------
    >>> import numpy as np, fastad as ad
    >>> report = ad.testing.check_derivatives(lambda x: np.sum(np.sin(x) * x), np.array([0.5, 2.0]))
    >>> report.inputs, report.outputs, max(report.modes.values()) < 1e-14
    (2, 1, True)

    References
    ----------
    Ridders, Advances in Engineering Software 4 (1982) 75-76; Griewank & Walther, Evaluating Derivatives
    (2008), sections 3.1, 3.2 and 5.1.
    """
    if order not in (1, 2):
        raise ValueError(f"order={order!r}: 1 or 2 is needed")
    subject = _Subject(f, args, argnums)
    check = _Comparison(subject, rtol, difference_rtol, np.random.default_rng(seed))
    with np.errstate(all="ignore"):
        check.first_order()
        if order == 2 and subject.outputs:
            check.second_order()
    return check.report


class _Subject:
    """The function, as a function of those arguments that are differentiated and of one flat array."""

    def __init__(self, f: Callable[..., Any], args: tuple[Any, ...], argnums: Any) -> None:
        self.f, self.args = f, args
        if argnums is None:
            argnums = tuple(number for number, arg in enumerate(args) if total_size(flatten(arg, [])))
        self.argnums = normal_argnums(argnums, len(args))
        leaves: list[Any] = []
        self.structures = [flatten(args[number], leaves, numbers=True) for number in self.argnums]
        self.z = pack(leaves)
        self.selected = self.unflattened(self.z)
        self.value, self.out_structure = self.flat_value(self.section(*self.unflattened(self.z.copy())))
        self.outputs = self.value.size

    def section(self, *selected: Any) -> Any:
        """f with the other arguments fixed; as the recording sees f, because this file is not the user's."""
        args = list(self.args)
        for number, arg in zip(self.argnums, selected, strict=True):
            args[number] = arg
        return CURRENT.view.see(self.f)(*args)

    def unflattened(self, z: Any) -> tuple[Any, ...]:
        """The differentiated arguments that a flat array holds; as traced as it is."""
        found, start = [], 0
        for structure in self.structures:
            leaves = []
            for shape in leaf_shapes(structure):
                stop = start + leaf_size(shape)
                leaves.append(z[start] if shape is None else z[start:stop].reshape(shape))
                start = stop
            found.append(unflatten(structure, iter(leaves)))
        return tuple(found)

    @staticmethod
    def flat_value(result: Any) -> tuple[np.ndarray, Any]:
        leaves, structure = output_leaves(normal_output(result))
        return pack([plain(leaf) for leaf in leaves]), structure

    def flat(self, z: Any) -> Any:
        """All outputs (m,) as a function of all inputs (n,)."""
        leaves, _ = output_leaves(normal_output(self.section(*self.unflattened(z))))
        return np.concatenate([np.reshape(leaf, -1) for leaf in leaves])

    def plain(self, z: np.ndarray) -> np.ndarray:
        return self.flat_value(self.section(*self.unflattened(z.copy())))[0]

    def containers(self, z: np.ndarray) -> tuple[Any, ...]:
        """Floats and arrays in the arguments' structures, from a flat array."""
        leaves = split(z, (tuple, *self.structures))
        return tuple(unflatten(structure, leaves) for structure in self.structures)

    def gathered(self, tree: Any) -> np.ndarray:
        """Flat array of what a transform returned."""
        leaves: list[Any] = []
        flatten(tree, leaves, numbers=True)
        return pack(leaves)


class _Comparison:
    def __init__(self, subject: _Subject, rtol: float, difference_rtol: float, draw: np.random.Generator) -> None:
        self.subject, self.rtol, self.difference_rtol, self.draw = subject, rtol, difference_rtol, draw
        self.report = CheckReport(subject.z.size, subject.outputs)

    # --- first order --------------------------------------------------------------------------------
    def first_order(self) -> None:
        s = self.subject
        forward = jacobian(s.flat, mode="forward")(s.z).reshape(s.outputs, s.z.size)
        reverse = jacobian(s.flat, mode="reverse")(s.z).reshape(s.outputs, s.z.size)
        self.modes("jacobian, forward", forward, "jacobian, reverse", reverse)
        seed, weight = self.draw.uniform(0.5, 1.5, s.z.size), self.draw.uniform(0.5, 1.5, s.outputs)
        value, tangent = jvp(s.section, s.selected, s.containers(seed))
        self.modes("value of jvp", s.gathered(value), "f", s.value)
        self.modes("jvp", s.gathered(tangent), "jacobian, forward", *_products(forward, seed))
        value, pullback = vjp(s.section, *s.selected)
        adjoints = pullback(unflatten(s.out_structure, split(weight, s.out_structure)))
        self.modes("value of vjp", s.gathered(value), "f", s.value)
        self.modes("vjp", s.gathered(adjoints), "jacobian, forward", *_products(forward.T, weight))
        self.scalar_gradient(forward)
        self.differences("jacobian, forward", s.plain, forward)

    def scalar_gradient(self, matrix: np.ndarray) -> None:
        s, numbers = self.subject, tuple(range(len(self.subject.argnums)))
        try:
            value, gradients = value_and_grad(s.section, numbers)(*s.selected)
        except NonScalarOutput:
            return
        self.modes("value of value_and_grad", np.array([value]), "f", s.value)
        self.modes("value_and_grad", s.gathered(gradients), "jacobian, forward", matrix[0])
        self.modes("grad", s.gathered(grad(s.section, numbers)(*s.selected)), "jacobian, forward", matrix[0])

    # --- second order -------------------------------------------------------------------------------
    def second_order(self) -> None:
        s = self.subject
        weight = np.ones(1) if s.outputs == 1 else self.draw.uniform(0.5, 1.5, s.outputs)

        def phi(z: Any) -> Any:
            return np.sum(weight * s.flat(z))

        gradient, seed = grad(phi), self.draw.uniform(0.5, 1.5, s.z.size)
        matrix = hessian(phi)(s.z)
        product, scale = _products(matrix, seed)
        self.modes("hvp", hvp(phi)(s.z, seed), "hessian", product, scale)
        nested = grad(lambda z: np.sum(gradient(z) * seed))(s.z)
        self.modes("grad of grad", nested, "hessian", product, scale)
        self.modes("jvp of grad", jvp(gradient, (s.z,), (seed,))[1], "hessian", product, scale)
        self.modes("jacobian of grad", jacobian(gradient)(s.z), "hessian", matrix)
        self.differences("hessian", lambda z: gradient(z.copy()), matrix)

    # --- comparing ----------------------------------------------------------------------------------
    def modes(self, name: str, a: Any, other: str, b: Any, scale: Any = None) -> None:
        """Two results that differ by rounding only; `scale` holds the sizes of what they were summed from."""
        a, b = (np.asarray(x, np.float64) for x in (a, b))
        scale = _row_scale(b) if scale is None else scale
        error, allowed = _distance(a, b), self.rtol * (np.abs(a) + np.abs(b) + scale)
        self.require(name, a, other, b, error, np.where(np.isfinite(allowed), allowed, 0.0))
        self.report.modes[f"{name} = {other}"] = _largest(error, np.abs(b) + scale)

    def differences(self, name: str, function: Callable[[np.ndarray], np.ndarray], matrix: np.ndarray) -> None:
        """The matrix (m, n) times scaled directions against differences of the function along them."""
        z = self.subject.z
        scales = np.where(z == 0.0, 1.0, np.abs(z))
        if z.size <= DIRECTIONS:
            directions, units, what = np.diag(scales), scales, "differences"
        else:
            directions = scales * self.draw.choice([-1.0, 1.0], (DIRECTIONS, z.size))
            units, what = np.ones(DIRECTIONS), "differences along random directions"
        exact = _product(matrix, directions.T)
        found, noise = np.empty_like(exact), np.empty_like(exact)
        for j, direction in enumerate(directions):
            found[:, j], noise[:, j] = extrapolated_difference(function, z, direction)
        scale = np.maximum(_row_scale(exact), _row_scale(found))
        sure = noise <= SURE * np.maximum(scale, np.abs(function(z))[:, None])
        self.report.unsure += int(np.sum(~sure))
        error = np.where(sure, _distance(exact, found), 0.0)
        allowed = SAFETY * np.where(sure, noise, 0.0) + self.difference_rtol * scale
        self.require(name, exact, what, found, error, allowed, units)
        self.report.differences[f"{name} = {what}"] = _largest(error, np.max(scale, initial=0.0))

    def require(self, name: str, a: np.ndarray, other: str, b: np.ndarray, error: np.ndarray, allowed: np.ndarray,
                units: Any = 1.0) -> None:  # fmt: skip
        bad = ~(error <= allowed)
        if not bad.any():
            return
        excess = np.where(bad, np.where(np.isfinite(error), error, np.inf), -1.0)
        at = np.unravel_index(int(np.argmax(excess)), excess.shape)
        values = [float((x / units)[at]) for x in (a, b)]
        place = ", ".join(map(str, at))
        raise DerivativeCheckFailed(
            f"{name} and {other} disagree in {int(bad.sum())} of {bad.size} entries; the worst is [{place}]: "
            f"{values[0]!r} against {values[1]!r}"
        )


def _distance(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """|a - b|; equal infinities and two nans are no distance apart."""
    if a.shape != b.shape:
        raise DerivativeCheckFailed(f"results of shapes {a.shape} and {b.shape} should have one shape")
    same = (a == b) | ((a != a) & (b != b))
    distance = np.abs(a - b)
    return np.where(same, 0.0, np.where(np.isnan(distance), np.inf, distance))


def _row_scale(a: np.ndarray) -> np.ndarray:
    """The largest finite size in each row, as a column."""
    return np.max(np.where(np.isfinite(a), np.abs(a), 0.0), axis=-1, keepdims=True, initial=0.0)


def _product(matrix: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """matrix @ columns, in which a factor that is exactly 0 contributes exactly 0."""
    left, right = matrix[:, :, None], columns[None, :, :]
    return np.sum(np.where((left == 0.0) | (right == 0.0), 0.0, left * right), axis=1)


def _products(matrix: np.ndarray, vector: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """matrix @ vector, and the sum of the sizes of its terms."""
    return _product(matrix, vector[:, None])[:, 0], _product(np.abs(matrix), np.abs(vector)[:, None])[:, 0]


def _largest(error: np.ndarray, scale: np.ndarray) -> float:
    return float(np.max(np.where(error > 0.0, error / np.where(scale > 0.0, scale, 1.0), 0.0), initial=0.0))


def extrapolated_difference(
    function: Callable[[np.ndarray], np.ndarray], z: np.ndarray, direction: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The derivative of a function along a direction by central differences, and its estimated error.

    Parameters
    ----------
    function : callable
        From an array (n,) to an array (m,).
    z, direction : ndarray of float64, shape (n,)

    Returns
    -------
    derivative, error : ndarray of float64, shape (m,)
        The error is inf where no difference is finite.

    Examples
    --------
    >>> derivative, error = extrapolated_difference(np.exp, np.array([1.0]), np.array([1.0]))
    >>> bool(abs(derivative[0] - np.e) < 1e-10), bool(error[0] < 1e-9)
    (True, True)

    References
    ----------
    Ridders, Advances in Engineering Software 4 (1982) 75-76.
    """
    best = error = None
    row: list[np.ndarray] = []
    for level in range(LEVELS):
        step = FIRST_STEP / SHRINK**level
        high, low = (np.asarray(function(z + sign * step * direction)) for sign in (1.0, -1.0))
        rounding = 4.0 * np.finfo(float).eps * np.maximum(np.abs(high), np.abs(low)) / step
        before, row = row, [(high - low) / (2.0 * step)]
        if best is None or error is None:
            best, error = np.full(row[0].shape, np.nan), np.full(row[0].shape, np.inf)
        for k, coarser in enumerate(before):
            power = SHRINK ** (2 * (k + 1))
            finer = row[k]
            row.append((power * finer - coarser) / (power - 1.0))
            guess = np.maximum(np.abs(row[-1] - finer), np.abs(row[-1] - coarser)) + rounding
            better = guess < error  # false for nan
            best, error = np.where(better, row[-1], best), np.where(better, guess, error)
    assert best is not None and error is not None
    return best, error
