"""Many points of one tape beside as many single ones: every row and array instruction, places that are used again."""

from __future__ import annotations

import numpy as np
import pytest

import fastad as ad
from fastad import points as points_module
from fastad.kernels import layout as at
from fastad.ops import ARRAY_BY_NAME, BY_NAME, ELEMENTALS
from fastad.point_packing import PointPacking
from fastad.program import Block, Program, Run
from fastad.threads import settings
from tests.sweeps.programs import Case, array_cases, contiguous, elementwise_cases, one_block

COUNT = at.LANES + 3
EXACT = ("scalar stream", "short block", "contiguous")  # each operand is used once


@pytest.fixture(autouse=True)
def lanes_always(monkeypatch):
    monkeypatch.setattr(points_module.Points, "takes_lanes", lambda self, count: True)
    yield


def weighted_sum(case: Case) -> Case:
    """The case's results times powers of two, added up: one number."""
    program = case.program
    n, m = program.inputs, program.outputs.size
    weights = np.resize([1.0, -2.0, 0.5], m)
    (segment,) = program.segments
    if isinstance(segment, Run):
        moved: Run | Block = Run(0, m, n + m)
    else:
        moved = Block(segment.code, n + m, m, segment.operands, segment.sizes, segment.index)
    scaled = Block(BY_NAME["multiply"].code, n + 2 * m, m, (contiguous(n, m), contiguous(n + m, m)))
    total = Block(ARRAY_BY_NAME["sum"].code, n + 3 * m, 1, (contiguous(n + 2 * m, m),), (m,))
    whole = Program(n, program.active, weights, program.opcode, program.left, program.right, (moved, scaled, total),
                    np.array([n + 3 * m]))  # fmt: skip
    return Case(case.layout, whole, case.x)


def rows_of(x: np.ndarray, columns: int) -> np.ndarray:
    """Points with the numbers of one moved around: operand k stays among the points of operand k."""
    split = x.reshape(columns, -1)
    return np.array([np.roll(split, i, axis=1).ravel() for i in range(COUNT)])


def compare(case: Case, rows: np.ndarray) -> None:
    tape, single = weighted_sum(case).tape, case.tape
    with np.errstate(all="ignore"):
        expected = np.array([tape.gradient(x)[1] for x in rows])
        _, gradient, failed = tape.schedule.points(at.GRADIENT).run(rows)
        values = single.schedule.points(at.PRIMAL).run(rows)[0]
        singly = np.array([single.evaluate(x)[0] for x in rows])
    assert not failed.any()
    if case.layout in EXACT:
        assert_ulps(gradient, expected, case.layout)
        assert_ulps(values, singly, case.layout)
    else:
        # Terms that cancel leave the rounding of their magnitudes, which is another in another order.
        room = 1e-13 + 1e-15 * np.array([magnitudes(case, x) for x in rows])
        with np.errstate(all="ignore"):
            away = np.abs(gradient - expected) - 1e-12 * np.abs(expected) - room
        np.testing.assert_array_equal(np.isfinite(gradient), np.isfinite(expected), err_msg=case.layout)
        assert not np.any(away > 0), case.layout
        np.testing.assert_allclose(values, singly, rtol=1e-12, atol=1e-13, err_msg=case.layout)


def magnitudes(case: Case, x: np.ndarray) -> np.ndarray:
    """For each input, the magnitudes of what its readings contribute to the gradient, added up."""
    (block,) = case.program.segments
    if block.code >= 128 or not block.length:
        return np.zeros(x.size)
    slots, count = np.concatenate([operand.slots() for operand in block.operands]), block.length
    apart = [contiguous(k * count, count) for k in range(len(block.operands))]
    with np.errstate(all="ignore"):
        parts = weighted_sum(Case("", one_block(block.code, slots.size, count, apart), x)).tape.gradient(x[slots])[1]
        return np.bincount(slots, np.abs(parts), x.size)


def assert_ulps(found: np.ndarray, expected: np.ndarray, what: str, most: int = 4) -> None:
    finite = np.isfinite(expected) & np.isfinite(found)
    np.testing.assert_array_equal(found[~finite], expected[~finite], err_msg=what)
    with np.errstate(all="ignore"):
        away = np.abs(found[finite] - expected[finite]) / np.spacing(np.abs(expected[finite]))
    assert np.max(away, initial=0.0) <= most, what


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("op", ELEMENTALS, ids=lambda op: op.name)
def test_every_row(op):
    for case in elementwise_cases(op):
        compare(case, rows_of(case.x, op.arity))


def test_every_array_instruction():
    for case in array_cases():
        draw = np.random.default_rng(case.x.size)
        compare(case, case.x * draw.uniform(0.5, 1.5, (COUNT, case.x.size)))


# --- scalar programs: places used again -------------------------------------------------------------
BINARY = [np.add, np.subtract, np.multiply, np.divide, np.hypot, np.maximum, np.arctan2, np.fmod]
UNARY = [np.sin, np.tanh, np.exp, np.sqrt, np.square, np.negative, np.abs, np.log1p, np.sign, np.reciprocal, np.expm1]


def random_function(seed):
    """A scalar function of four numbers, its operands near ones and far ones, now and then the same twice."""

    def f(x):
        draw = np.random.default_rng(seed)
        known = [x[0], x[1], x[2], x[3]]
        for _ in range(300):
            a, b = (known[-1 - min(int(draw.geometric(0.3)), len(known) - 1)] for _ in range(2))
            b = a if draw.random() < 0.1 else b
            if draw.random() < 0.3:
                b = float(draw.normal())
            op = draw.choice(len(BINARY) + len(UNARY))
            value = BINARY[op](a, b) if op < len(BINARY) else UNARY[op - len(BINARY)](a)
            known.append(1.5 + np.sin(value))
        return known[-1] * known[-2] + known[150] + known[7] * x[3]

    return f


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("seed", range(30))
def test_random_scalar_programs(seed):
    rows = np.random.default_rng(seed).uniform(0.2, 1.5, (COUNT, 4))
    tape = ad.record(random_function(seed), rows[0])
    out, gradient, _ = tape.schedule.points(at.GRADIENT).run(rows)
    alone = tape.schedule.points(at.PRIMAL).run(rows)[0]
    for i, x in enumerate(rows):
        value, expected, _ = tape.gradient(x)
        np.testing.assert_allclose([out[i, 0], alone[i, 0]], value, rtol=1e-11)
        np.testing.assert_allclose(gradient[i], expected, rtol=1e-8, atol=1e-10 * np.max(np.abs(expected)))


def test_arithmetic_is_the_single_point_s_to_the_bit():
    def f(x):
        a, b = x[0], x[1]
        for k in range(100):
            a, b = a * b - a / (b + 2.0), 0.3 * (a + b) - (-a) * 0.1 + b * b * 1e-3 * k
        return a - b

    rows = np.random.default_rng(0).uniform(0.1, 0.9, (COUNT, 2))
    tape = ad.record(f, rows[0])
    out, gradient, _ = tape.schedule.points(at.GRADIENT).run(rows)
    for i, x in enumerate(rows):
        value, expected, _ = tape.gradient(x)
        assert out[i, 0] == value
        np.testing.assert_array_equal(gradient[i], expected)


def test_long_programs_need_few_places():
    """Adjoints of a loop take the places of as many numbers as the loop carries; values only those that are read again."""

    def f(x):
        a, b = x[0], x[1]
        for _ in range(1000):
            a, b = a + 0.01 * b, b - 0.01 * np.sin(a)
        return a * b

    program = ad.record(f, np.ones(2)).schedule.program
    both, values = PointPacking(program, True), PointPacking(program, False)
    assert both.bar_places < 20 and values.places < 20
    assert both.places < 0.5 * program.slots  # two partials of each sine


OUTPUTS = {
    "an input": lambda x: x[1],
    "a constant": lambda x: 3.0 + 0.0 * x[0],
    "a sum": lambda x: np.sum(x * x),
    "an output used again": lambda x: (lambda y: y)(x[0] * x[1]),
    "one term twice": lambda x: x[0] + x[0],
    "nothing left": lambda x: x[0] - x[0],
    "stopped": lambda x: ad.stop_gradient(x[0]) * x[1],
    "steps": lambda x: np.floor(x[0]) + np.sign(x[1]) * x[0],
    "mixed": lambda x: np.sin(np.sum(np.tanh(x[0] * np.arange(40.0)))) * x[1] + np.sum(np.outer(x, x) @ x),
}


@pytest.mark.parametrize("name", OUTPUTS)
def test_outputs_of_every_kind(name):
    rows = np.random.default_rng(1).uniform(0.2, 1.5, (COUNT, 2))
    tape = ad.record(OUTPUTS[name], rows[0])
    out, gradient, _ = tape.schedule.points(at.GRADIENT).run(rows)
    for i, x in enumerate(rows):
        value, expected, _ = tape.gradient(x)
        np.testing.assert_allclose(out[i, 0], value, rtol=1e-13)
        np.testing.assert_allclose(gradient[i], expected, rtol=1e-12, atol=1e-14)


def test_absolute_zero():
    """Where a root of 0 is not taken, its infinite slope does not show."""

    def f(x):
        return np.where(x[0] > 0.5, np.sqrt(x[1]), x[1] * x[0]) + 0.0 * np.sqrt(x[1])

    rows = np.array([[0.0, 0.0], [1.0, 4.0], [0.25, 0.0], [1.0, 0.0]])
    gradient = ad.record(f, rows[1]).schedule.points(at.GRADIENT).run(rows)[1]
    np.testing.assert_array_equal(gradient[:3], [[0.0, 0.0], [0.0, 0.25], [0.0, 0.25]])


# --- threads ----------------------------------------------------------------------------------------
@pytest.fixture
def many_threads(monkeypatch):
    count, audit = settings.threads, settings.audit
    settings.audit = "never"
    monkeypatch.setattr(points_module, "WORTH_THREADS", 0.0)
    yield
    settings.threads, settings.audit = count, audit


@pytest.mark.usefixtures("many_threads")
@pytest.mark.parametrize("lanes", [True, False])
@pytest.mark.parametrize("count", [1, 17, 65, 1000])
def test_results_do_not_depend_on_the_number_of_threads(monkeypatch, lanes, count):
    monkeypatch.setattr(points_module.Points, "takes_lanes", lambda self, count: lanes)
    rows = np.random.default_rng(count).uniform(0.1, 1.0, (count, 30))
    tape = ad.record(lambda x: np.sum(np.exp(-x) * np.sin(x)) * x[0] ** x[1], rows[0])
    points = tape.schedule.points(at.GRADIENT)
    settings.threads = 1
    expected = points.run(rows)
    for settings.threads in (2, 3, 0, 8):
        for found, wanted in zip(points.run(rows), expected, strict=True):
            np.testing.assert_array_equal(found, wanted)


@pytest.mark.usefixtures("many_threads")
def test_an_error_in_a_thread_reaches_the_caller():
    def fail(part):
        raise IndexError(f"part {part}")

    from fastad.threads import helpers

    with pytest.raises(IndexError, match="part"):
        helpers.share(range(20), fail, 4)
