"""Two ways to be sure of a derivative: a slow interpreter of tapes, and a comparison of all modes.

The reference interpreter is the definition that every sweep must agree with. It takes an instruction apart
into elementals with one result each (a sum, or an entry of a matrix product, is one too) and evaluates the
formulas of the table (`fastad.ops`) on NumPy's float64 scalars, with the rule that a factor which is exactly
0 contributes exactly 0. Nothing is compiled, batched or skipped.

`check_derivatives` takes a user's function, computes its derivatives by every transform there is, and
compares them with one another and with extrapolated differences.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache, cached_property, partial
from typing import Any, NamedTuple

import numpy as np

from fastad.derivative_check import CheckReport as CheckReport
from fastad.derivative_check import check_derivatives as check_derivatives
from fastad.formula import Formulas, numpy_functions
from fastad.ops import BY_CODE, Op
from fastad.primitives import Call
from fastad.program import Block, Program

Pair = tuple[int, int]


# --- one row of the table -----------------------------------------------------------------------------
class _Row:
    """A row on NumPy's scalars."""

    def __init__(self, op: Op) -> None:
        self.op, self.formulas = op, Formulas(op, numpy_functions())

    def _known(self, operands: list[np.float64]) -> dict[str, Any]:
        return dict(zip(self.op.operands, operands, strict=True))

    def value(self, operands: list[np.float64]) -> np.float64:
        return np.float64(self.formulas.evaluate(self.op.primal, self._known(operands)))

    def partials(self, operands: list[np.float64]) -> list[np.float64]:
        known = self._known(operands)
        return [np.float64(self.formulas.evaluate(text, known)) for text in self.op.partials]

    def second(self, operands: list[np.float64]) -> dict[Pair, np.float64]:
        """Second partials by pairs of operands, both orders of a mixed one."""
        known, n = self._known(operands), self.op.arity
        if not self.op.second:
            return {(i, j): _tangent_of_partial(self.op, i, j, operands) for i in range(n) for j in range(n)}
        upper = zip(((i, j) for i in range(n) for j in range(i, n)), self.op.second, strict=True)
        return {
            place: np.float64(self.formulas.evaluate(text, known))
            for (i, j), text in upper
            for place in ((i, j), (j, i))
        }


def _tangent_of_partial(op: Op, i: int, j: int, operands: list[np.float64]) -> np.float64:
    """A second partial of a row that does not state it: the formula of the partial, recorded and interpreted."""
    from fastad.transforms.recording import record

    row = Formulas(op, numpy_functions(), on_arrays=True)
    tape = record(
        lambda *x: row.evaluate(op.partials[i], dict(zip(op.operands, x, strict=True))), *map(float, operands)
    )
    seed = np.arange(len(operands)) == j
    return interpret_tangent(tape.program, operands, seed)[tape.program.outputs[0]]


@cache
def _row(op: Op) -> _Row:
    return _Row(op)


# --- elementals with one result -----------------------------------------------------------------------
class Elemental(NamedTuple):
    """result = phi(operands): slots, and phi with its derivatives as functions of the operands' values."""

    result: int
    operands: list[int]
    value: Callable[[list[np.float64]], Any]
    partials: Callable[[list[np.float64]], Any]
    second: Callable[[list[np.float64]], dict[Pair, Any]]


def elementals(program: Program) -> Iterator[Elemental]:
    """The instructions of a program taken apart, in order."""
    for first, code, operands in program.instructions():
        op = BY_CODE[code]
        if isinstance(op, Op):
            row, (block, *_) = _row(op), operands
            columns = block.operands if isinstance(block, Block) else ()
            places = zip(*(column.slots().tolist() for column in columns), strict=True) if columns else [operands]
            for i, slots in enumerate(places):
                yield Elemental(first + i, list(slots), row.value, row.partials, row.second)
        else:
            yield from _array_elementals(operands[0], program)


def _array_elementals(block: Block, program: Program) -> Iterator[Elemental]:
    slots = [operand.slots() for operand in block.operands]
    match block.name:
        case "sum":
            for i, terms in enumerate(slots[0].reshape(block.length, -1)):
                yield _sum(block.first + i, terms)
        case "scatter_sum":
            assert block.index is not None
            for i in range(block.length):
                yield _sum(block.first + i, slots[0][block.index == i])
        case "call":
            yield from _call_elementals(block, program.calls[block.sizes[0]], slots)
        case "matmul":
            m, p, n = block.sizes
            x, y = slots[0].reshape(-1, m, p), slots[1].reshape(-1, p, n)
            for i, (t, row, column) in enumerate(np.ndindex(block.batch, m, n)):
                yield Elemental(
                    block.first + i, [*x[t, row].tolist(), *y[t, :, column].tolist()], _inner, _swapped, _ones
                )
        case "max" | "min":
            best = np.max if block.name == "max" else np.min
            for i, elements in enumerate(slots[0].reshape(block.length, -1).tolist()):
                yield Elemental(block.first + i, elements, best, partial(_shares, best), lambda operands: {})


def _call_elementals(block: Block, call: Call, slots: list[np.ndarray]) -> Iterator[Elemental]:
    """Each result of a call is a function of all its operands, which its own rules differentiate."""
    operands = np.concatenate(slots).tolist()
    splits = np.cumsum(call.operand_counts)[:-1]

    def value(k: int) -> Callable[[list[np.float64]], Any]:
        return lambda x: call.value(np.split(np.array(x, np.float64), splits))[k]

    def partials(k: int) -> Callable[[list[np.float64]], Any]:
        def of(x: list[np.float64]) -> Any:
            parts = np.split(np.array(x, np.float64), splits)
            bars = call.pull(call.value(parts), parts, np.eye(1, call.length, k)[0], 7)
            return np.concatenate([np.zeros(p.size) if b is None else b for b, p in zip(bars, parts, strict=True)])

        return of

    for k in range(block.length):
        yield Elemental(block.first + k, operands, value(k), partials(k), _no_second)


def _no_second(operands: list[np.float64]) -> dict[Pair, Any]:
    raise NotImplementedError("the reference interpreter knows no second derivatives of calls")


def _sum(result: int, terms: np.ndarray) -> Elemental:
    return Elemental(result, terms.tolist(), np.sum, np.ones_like, lambda operands: {})


def _shares(best: Callable[..., Any], operands: list[np.float64]) -> Any:
    """One, divided evenly among the elements that are the best; nan for all if there is a nan."""
    reached = np.equal(operands, best(operands))
    return reached / np.sum(reached) if reached.any() else np.full(reached.shape, np.nan)


def _inner(operands: list[np.float64]) -> Any:
    """The inner product of the first half of the operands with the second."""
    half = len(operands) // 2
    return np.dot(operands[:half], operands[half:])


def _swapped(operands: list[np.float64]) -> list[np.float64]:
    half = len(operands) // 2
    return operands[half:] + operands[:half]


def _ones(operands: list[np.float64]) -> dict[Pair, float]:
    half = len(operands) // 2
    return {pair: 1.0 for k in range(half) for pair in ((k, k + half), (k + half, k))}


def _product(d: Any, t: Any) -> Any:
    """d * t under the absolute-zero rule."""
    return 0.0 if d == 0.0 or t == 0.0 else d * t


# --- the sweeps ---------------------------------------------------------------------------------------
def interpret(program: Program, x: Any, own_functions: bool = False) -> np.ndarray:
    """The values of all slots, one elemental after the other; guards are not looked at.

    Parameters
    ----------
    program : Program
    x : array of float64, shape (n,)
        Values of the inputs.
    own_functions : bool
        Whether whole instructions are computed by the functions of NumPy and SciPy that they stand for,
        so that rounding is theirs, instead of the table's formulas.

    Returns
    -------
    ndarray of float64, shape (slots,)

    Examples
    --------
    >>> import fastad as ad
    >>> tape = ad.record(lambda x, y: x * y + x, 2.0, 3.0)
    >>> interpret(tape.program, [2.0, 3.0]).tolist()
    [2.0, 3.0, 6.0, 8.0]

    References
    ----------
    Griewank & Walther, Evaluating Derivatives (2008), table 2.2 (general evaluation procedure).
    """
    values = np.empty(program.slots)
    values[: program.inputs] = np.asarray(x, np.float64).reshape(-1)
    values[program.inputs : program.first_result] = program.constants
    with np.errstate(all="ignore"):
        if own_functions:
            _by_own_functions(program, values)
        else:
            for e in elementals(program):
                values[e.result] = e.value([values[slot] for slot in e.operands])
    return values


def _by_own_functions(program: Program, values: np.ndarray) -> None:
    from fastad.record.elementwise import numpy_value

    result: Any
    for first, code, operands in program.instructions():
        op: Any = BY_CODE[code]
        block = operands[0]
        if not isinstance(block, Block):
            values[first] = numpy_value(op)(*(values[slot] for slot in operands))
            continue
        parts = [values[operand.slots()] for operand in block.operands]
        if block.name == "call":
            result = program.calls[block.sizes[0]].value(parts)
        else:
            result = numpy_value(op)(*parts) if isinstance(op, Op) else own_value(block, parts)
        values[first : first + block.length] = result


def own_value(block: Block, parts: list[np.ndarray]) -> np.ndarray:
    """The results of an array instruction by NumPy's function, from flat operands."""
    match block.name:
        case "sum":
            return np.sum(parts[0].reshape(block.length, -1), axis=1)
        case "scatter_sum":
            return np.bincount(block.index, parts[0], block.length)  # type: ignore[arg-type]  # never None here
        case "max" | "min":
            return getattr(np, block.name)(parts[0].reshape(block.length, -1), axis=1)
    m, p, n = block.sizes
    return np.matmul(parts[0].reshape(-1, m, p), parts[1].reshape(-1, p, n)).ravel()


class Reference:
    """A program at a point, ready for sweeps: elementals, values of all slots, partials.

    The methods take and return the same as the functions below, which make one of these each.
    """

    def __init__(self, program: Program, x: Any) -> None:
        self.program, self.values = program, interpret(program, x)
        self.elementals = list(elementals(program))
        self.operands = [[self.values[slot] for slot in e.operands] for e in self.elementals]
        with np.errstate(all="ignore"):
            self.slopes = [e.partials(v) for e, v in zip(self.elementals, self.operands, strict=True)]

    @cached_property
    def curves(self) -> list[dict[Pair, Any]]:
        with np.errstate(all="ignore"):
            return [e.second(v) for e, v in zip(self.elementals, self.operands, strict=True)]

    def rounding(self) -> np.ndarray:
        """Bounds, to first order, on the rounding errors of the outputs, however sums are ordered."""
        unit, errors = np.finfo(float).eps, np.zeros(self.program.slots)
        with np.errstate(all="ignore"):
            for e, slopes, operands in zip(self.elementals, self.slopes, self.operands, strict=True):
                passed = [abs(_product(d, errors[slot])) for d, slot in zip(slopes, e.operands, strict=True)]
                terms = [abs(_product(d, x)) for d, x in zip(slopes, operands, strict=True)]
                own = len(terms) * np.sum(terms) if len(terms) > 2 else 0.0
                errors[e.result] = np.sum(passed) + unit * (2.0 * abs(self.values[e.result]) + own)
        return errors[self.program.outputs]

    def tangent(self, seed: Any) -> np.ndarray:
        dots = np.zeros(self.program.slots)
        dots[: self.program.inputs] = np.asarray(seed, np.float64).reshape(-1)
        with np.errstate(all="ignore"):
            for e, slopes in zip(self.elementals, self.slopes, strict=True):
                dots[e.result] = np.sum([_product(d, dots[slot]) for d, slot in zip(slopes, e.operands, strict=True)])
        return dots

    def adjoint(self, weights: Any) -> np.ndarray:
        bars = np.zeros(self.program.slots)
        np.add.at(bars, self.program.outputs, np.asarray(weights, np.float64).reshape(-1))
        with np.errstate(all="ignore"):
            for e, slopes in zip(reversed(self.elementals), reversed(self.slopes), strict=True):
                for d, slot in zip(slopes, e.operands, strict=True):
                    bars[slot] += _product(d, bars[e.result])
        return bars

    def second_order(self, weights: Any, seed: Any) -> tuple[np.ndarray, np.ndarray]:
        """Adjoints, and their derivatives along the seed."""
        dots, bars, bar_dots = self.tangent(seed), self.adjoint(weights), np.zeros(self.program.slots)
        rows = list(zip(self.elementals, self.slopes, self.curves, strict=True))
        with np.errstate(all="ignore"):
            for e, slopes, curves in reversed(rows):
                g, g_dot, bends = bars[e.result], bar_dots[e.result], [0.0] * len(slopes)
                for (k, other), d in curves.items():
                    bends[k] += _product(d, dots[e.operands[other]])
                for slot, d, bend in zip(e.operands, slopes, bends, strict=True):
                    bar_dots[slot] += _product(d, g_dot) + _product(g, bend)
        return bars, bar_dots


def interpret_tangent(program: Program, x: Any, seed: Any) -> np.ndarray:
    """The tangents of all slots: for each elemental, ``v_dot = sum_k phi_k * operand_dot_k``.

    Parameters
    ----------
    program : Program
    x, seed : array of float64, shape (n,)
        Values and tangents of the inputs.

    Returns
    -------
    ndarray of float64, shape (slots,)

    Examples
    --------
    >>> import fastad as ad
    >>> tape = ad.record(lambda x, y: x * y + x, 2.0, 3.0)
    >>> interpret_tangent(tape.program, [2.0, 3.0], [1.0, 0.0]).tolist()
    [1.0, 0.0, 3.0, 4.0]

    References
    ----------
    Griewank & Walther, Evaluating Derivatives (2008), table 3.3 (tangent recursion).
    """
    return Reference(program, x).tangent(seed)


def interpret_adjoint(program: Program, x: Any, weights: Any) -> np.ndarray:
    """The adjoints of all slots, elementals in reverse order: ``operand_bar_k += phi_k * v_bar``.

    Parameters
    ----------
    program : Program
    x : array of float64, shape (n,)
        Values of the inputs.
    weights : array of float64, shape (m,)
        Adjoints of the outputs.

    Returns
    -------
    ndarray of float64, shape (slots,)

    Examples
    --------
    >>> import fastad as ad
    >>> tape = ad.record(lambda x, y: x * y + x, 2.0, 3.0)
    >>> interpret_adjoint(tape.program, [2.0, 3.0], [1.0]).tolist()
    [4.0, 2.0, 1.0, 1.0]

    References
    ----------
    Griewank & Walther, Evaluating Derivatives (2008), table 3.5 (incremental adjoint recursion).
    """
    return Reference(program, x).adjoint(weights)


def interpret_second_order(program: Program, x: Any, weights: Any, seed: Any) -> np.ndarray:
    """The derivatives of the adjoints of all slots along a seed: forward over reverse.

    Parameters
    ----------
    program : Program
    x, seed : array of float64, shape (n,)
        Values and tangents of the inputs.
    weights : array of float64, shape (m,)
        Adjoints of the outputs.

    Returns
    -------
    ndarray of float64, shape (slots,)
        The first n are the product of the Hessian of ``weights @ f`` with the seed.

    Examples
    --------
    >>> import fastad as ad
    >>> tape = ad.record(lambda x, y: x * y + x, 2.0, 3.0)
    >>> interpret_second_order(tape.program, [2.0, 3.0], [1.0], [1.0, 0.0])[:2].tolist()
    [0.0, 1.0]

    References
    ----------
    Griewank & Walther, Evaluating Derivatives (2008), table 5.7 (second-order adjoints).
    """
    return Reference(program, x).second_order(weights, seed)[1]
