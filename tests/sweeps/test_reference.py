"""Every row of the table, in every layout of its operands: compiled sweeps against the reference interpreter.

The interpreter (`fastad.testing`) is the definition. It calls NumPy's functions where kernels call the
machine's, so results may differ by their rounding; the rest of the arithmetic is the same.
"""

from __future__ import annotations

from functools import cached_property

import numpy as np
import pytest

from fastad import testing
from fastad.ops import ELEMENTALS, SLOPES, Op
from fastad.program import Program
from fastad.tape import Tape
from tests.sweeps.programs import Case, array_cases, elementwise_cases

ROUNDING, EPSILON = 4e-15, np.finfo(float).eps
LANES = (3, 16, 17)
SLOPE_CODES = frozenset(op.code for op in SLOPES)

every_row = pytest.mark.parametrize("op", ELEMENTALS, ids=[op.name for op in ELEMENTALS])


def assert_close(actual: np.ndarray, expected: np.ndarray, sizes: np.ndarray, what: str, terms: int = 1) -> None:
    """Equal up to rounding of sums of so many terms of the given sizes; infinities and nans in the same places."""
    with np.errstate(all="ignore"):
        same = (actual == expected) | (np.isnan(actual) & np.isnan(expected))
        unit = max(ROUNDING, EPSILON * terms)
        close = np.abs(actual - expected) <= unit * np.maximum(np.abs(expected), sizes) + 1e-320
        close &= np.isfinite(expected)
    bad = np.flatnonzero(~(same | close))
    assert bad.size == 0, f"{what}: entry {bad[0]} is {actual.flat[bad[0]]!r}, not {expected.flat[bad[0]]!r}"


class Sizes(testing.Reference):
    """The same sums of contributions with all signs positive: what rounding is measured by."""

    def __init__(self, reference: testing.Reference) -> None:
        self.__dict__.update(reference.__dict__)
        self.slopes = [np.abs(slopes) for slopes in reference.slopes]
        self.terms = max(map(len, self.slopes))

    @cached_property
    def curves(self) -> list[dict[testing.Pair, float]]:
        return [{pair: abs(d) for pair, d in curves.items()} for curves in super().curves]


def directions(count: int, k: int = 1) -> np.ndarray:
    return np.random.default_rng(count + k).uniform(0.5, 1.5, (k, count)) * np.where(np.arange(count) % 3, 1.0, -1.0)


def second_order(tape: Tape, x: np.ndarray, weights: np.ndarray, seeds: np.ndarray) -> np.ndarray:
    return tape.second.products(x, weights, seeds)[0]


def states_second_partials(program: Program) -> bool:
    """Not so of slopes, whose second partials are third ones."""
    return not any(code in SLOPE_CODES for _, code, _ in program.instructions())


def check_against_reference(case: Case, is_sum: bool = False) -> None:
    """Primal, tangent, adjoint and, of rows that state second partials, second order with one direction."""
    (layout, program, x), tape = case, case.tape
    program.check()
    reference = testing.Reference(program, x)
    sizes = Sizes(reference)
    seed, weight = directions(program.inputs)[0], directions(program.outputs.size)[0]
    positive = np.abs(seed), np.abs(weight)
    outputs, inputs = program.outputs, slice(program.inputs)
    value_sizes = sizes.tangent(np.abs(x))[outputs] if is_sum else np.zeros(program.outputs.size)
    assert_close(tape.evaluate(x)[0], reference.values[outputs], value_sizes, f"{layout}, primal", sizes.terms)
    dots = reference.tangent(seed)[outputs]
    assert_close(tape.tangent(x, seed), dots, sizes.tangent(positive[0])[outputs], f"{layout}, tangent", sizes.terms)
    bars, bar_sizes = reference.adjoint(weight)[inputs], sizes.adjoint(positive[1])[inputs]
    assert_close(tape.adjoint(x, weight), bars, bar_sizes, f"{layout}, adjoint", sizes.terms)
    if not states_second_partials(program):
        return
    bends = reference.second_order(weight, seed)[1][inputs]
    bend_sizes = sizes.second_order(positive[1], positive[0])[1][inputs]
    assert_close(
        second_order(tape, x, weight, seed[None, :])[0], bends, bend_sizes, f"{layout}, second order", sizes.terms
    )


def check_lanes(case: Case) -> None:
    """Many directions at once give what each gives alone; sums may be taken in another order."""
    (layout, program, x), tape = case, case.tape
    n, m = program.inputs, program.outputs.size
    sizes = Sizes(testing.Reference(program, x))
    dot_sizes, bar_sizes = sizes.tangent(np.full(n, 1.5))[program.outputs], sizes.adjoint(np.full(m, 1.5))[:n]
    for k in LANES:
        seeds, weights = directions(n, k), directions(m, k)
        together, alone = tape.tangent(x, seeds), np.array([tape.tangent(x, seed) for seed in seeds])
        assert_close(together, alone, dot_sizes, f"{layout}, {k} tangents", sizes.terms)
        together, alone = tape.adjoint(x, weights), np.array([tape.adjoint(x, weight) for weight in weights])
        assert_close(together, alone, bar_sizes, f"{layout}, {k} adjoints", sizes.terms)
        if not states_second_partials(program):
            continue
        bend_sizes = sizes.second_order(np.full(m, 1.5), np.full(n, 1.5))[1][:n]
        together = second_order(tape, x, weights[0], seeds)
        alone = np.array([second_order(tape, x, weights[0], seed[None, :])[0] for seed in seeds])
        assert_close(together, alone, bend_sizes, f"{layout}, {k} second orders", sizes.terms)


def assert_same(actual: np.ndarray, expected: object, what: str) -> None:
    np.testing.assert_array_equal(actual, np.array(expected), err_msg=what)


@every_row
def test_rows(op: Op) -> None:
    for case in elementwise_cases(op):
        check_against_reference(case)


@pytest.mark.parametrize("op", {op.linearity: op for op in ELEMENTALS}.values(), ids=lambda op: op.name)
def test_many_directions(op: Op) -> None:
    """One row of each kind: the sweeps see partials and which operands are active, and no opcode."""
    for case in elementwise_cases(op):
        check_lanes(case)


def test_array_instructions() -> None:
    for case in array_cases():
        check_against_reference(case, is_sum=True)


def test_many_directions_of_array_instructions() -> None:
    for case in array_cases():
        check_lanes(case)


@every_row
def test_edges(op: Op) -> None:
    """The conventions at kinks and edges, in every layout and mode."""
    for operands, partials in op.edges:
        for case in elementwise_cases(op, [operands]):
            if case.layout in ("scalar stream", "short block", "contiguous"):
                check_edge(case, partials)


def check_edge(case: Case, partials: tuple[float, ...]) -> None:
    program, x, tape = case.program, case.x, case.tape
    m, expected = program.outputs.size, np.repeat(partials, program.outputs.size)
    assert_same(tape.adjoint(x, np.ones(m)), expected, f"{case.layout}, adjoint")
    for k, partial in enumerate(partials):
        seed = np.zeros(x.size)
        seed[k * m : (k + 1) * m] = 1.0
        assert_same(tape.tangent(x, seed), np.full(m, partial), f"{case.layout}, tangent")


@every_row
def test_zero_seeds_and_weights_give_exact_zeros(op: Op) -> None:
    """Whatever the partials are: points include edges, infinities and nan."""
    specials = [(x,) * op.arity for x in (0.0, -1.0, np.inf, -np.inf, np.nan)]
    points = [*op.points, *(operands for operands, _ in op.edges), *specials]
    for case in elementwise_cases(op, points):
        (layout, program, x), tape = case, case.tape
        n, m = program.inputs, program.outputs.size
        assert_same(tape.tangent(x, np.zeros((2, n))), np.zeros((2, m)), f"{layout}, tangent")
        assert_same(tape.adjoint(x, np.zeros((2, m))), np.zeros((2, n)), f"{layout}, adjoint")
        products = second_order(tape, x, np.zeros(m), directions(n, 2))
        assert_same(products, np.zeros((2, n)), f"{layout}, second order")
        check_against_reference(case)
