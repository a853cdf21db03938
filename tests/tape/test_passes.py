"""Passes keep values and derivatives to the bit, fold what is exact, and never what is not."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import fastad as ad
from fastad import testing
from fastad.kernels import layout as at
from fastad.ops import BY_NAME
from fastad.passes import dependence, drop_dead, optimise, share
from fastad.program import Address, Block, Program, Run
from fastad.schedule import unroll
from fastad.tape import Tape
from tests.tape.randomly import INPUTS, random_point, random_program

PASSES = {"share": share, "drop_dead": drop_dead, "optimise": optimise, "unroll": unroll,
          "optimise twice": lambda p: optimise(optimise(p))}  # fmt: skip


def tape_of(program: Program) -> Tape:
    shape = ("array", (program.outputs.size,))
    return Tape(program, (tuple, (tuple, ("array", (program.inputs,))), (dict, ())), shape)


def everything(program: Program, x: np.ndarray) -> list[np.ndarray]:
    """Outputs, guards' values and all derivatives."""
    tape, m = tape_of(program), program.outputs.size
    seeds = np.random.default_rng(7).normal(size=(3, program.inputs))
    second, _ = tape.second.products(x, np.linspace(1.0, 2.0, m), seeds)
    guarded = testing.interpret(program, x)[[guard.slot for guard in program.guards]]
    first = [sweep(tape, x, task, rows) for task, rows in ((at.TANGENTS, seeds), (at.ADJOINTS, np.eye(m)))]
    return [tape.evaluate(x)[0], guarded, *first, second]


def sweep(tape: Tape, x: np.ndarray, task: int, rows: np.ndarray) -> np.ndarray:
    with tape.linearized(x, task, len(rows)) as point:
        return point.sweep(task, rows)


@pytest.mark.parametrize("name", PASSES)
def test_values_stay_the_same_to_the_bit(name):
    for seed in range(60):
        program = random_program(seed)
        program.check()
        after = PASSES[name](program)
        after.check()
        assert [g.where for g in after.guards] == [g.where for g in program.guards]
        for x in (random_point(seed), np.zeros(INPUTS), np.array([np.inf, -np.inf, np.nan, 1.0, -0.0, 1e308])):
            before, now = everything(program, x)[:2], everything(after, x)[:2]
            for a, b in zip(before, now, strict=True):
                assert np.array_equal(a.view(np.int64)[a == a], b.view(np.int64)[b == b]), seed  # signs of zeros, too
                assert np.array_equal(a != a, b != b), seed


@pytest.mark.parametrize("name", PASSES)
def test_derivatives_stay_the_same(name):
    """The order in which contributions meet may change where instructions are shared, so rounding may differ."""
    for seed in range(60):
        program = random_program(seed)
        after, x = PASSES[name](program), random_point(seed)
        for a, b in zip(everything(program, x), everything(after, x), strict=True):
            scale = np.max(np.abs(a), initial=1.0, where=np.isfinite(a))
            np.testing.assert_allclose(b, a, rtol=1e-13, atol=1e-13 * scale)


@pytest.mark.parametrize("name", ["drop_dead", "unroll"])
def test_what_only_renumbers_keeps_derivatives(name):
    for seed in range(60):
        program, x = random_program(seed), random_point(seed)
        for a, b in zip(everything(program, x), everything(PASSES[name](program), x), strict=True):
            scale = np.max(np.abs(a), initial=1.0, where=np.isfinite(a))
            np.testing.assert_allclose(b, a, rtol=1e-14, atol=0.0 if name == "drop_dead" else 1e-14 * scale)


def test_passes_come_to_an_end():
    for seed in range(60):
        once = optimise(random_program(seed))
        twice = optimise(once)
        assert (twice.opcode.size, len(twice.segments)) == (once.opcode.size, len(once.segments))
        assert twice.slots == once.slots


# --- what is shared -----------------------------------------------------------------------------------
def instructions(f, *args) -> int:
    return ad.record(f, *args).instructions


def test_equal_operations_are_one():
    assert instructions(lambda x: np.sin(x) * np.sin(x), 0.5) == 2
    assert instructions(lambda x, y: x * y + y * x, 2.0, 3.0) == 2
    assert instructions(lambda x, y: (x - y) * (y - x), 2.0, 3.0) == 3  # subtraction does not commute
    assert instructions(lambda x: np.sum(np.exp(x)) + np.sum(np.exp(x)), np.ones(40)) == 3
    assert instructions(lambda x: np.sum(np.exp(x[::2]) + np.exp(x[::2])), np.ones(80)) == 3
    assert instructions(lambda x: np.sum(np.exp(x[::2]) + np.exp(x[1::2])), np.ones(80)) == 4
    assert instructions(lambda x: (x @ x.T) + (x @ x.T), np.ones((4, 5))) == 2
    # A scalar instruction, and the same operation as an element of a block, are two.
    assert instructions(lambda x: x[0] * x[1] + (x * x[1])[0], np.ones(3)) == 3


def test_chains_of_equal_operations_are_one():
    def f(x):
        a = np.cos(x) * 2.0 + 1.0
        b = 1.0 + 2.0 * np.cos(x)
        return a * b

    assert instructions(f, 0.5) == 4


def test_constants_are_shared_by_their_bits():
    program = ad.record(lambda x: (x * 2.0 + 2.0) / 2.0 + 0.0 + -0.0 * x, 1.0).program
    bits = program.constants.view(np.int64)
    assert len(set(bits.tolist())) == bits.size
    assert np.array_equal(np.sort(np.signbit(program.constants[program.constants == 0.0])), [False, True])


def test_dead_code_is_dropped():
    def f(x):
        np.exp(x), np.sum(x**3), x @ x  # used by nothing
        return x[0] * 2.0

    tape = ad.record(f, np.ones(30))
    assert tape.instructions == 1
    assert tape.program.constants.tolist() == [2.0]
    assert tape.inputs == 30, "inputs stay, used or not"


def test_what_guards_need_is_alive():
    def f(x):
        return x * 2.0 if np.sin(x) > 0.0 else x

    tape = ad.record(f, 1.0)
    assert tape.instructions == 3
    assert len(tape.program.guards) == 1


# --- what is folded -----------------------------------------------------------------------------------
FOLDED = {
    "x * 1": lambda x: x * 1.0, "1 * x": lambda x: 1.0 * x, "x / 1": lambda x: x / 1.0,
    "x - (+0)": lambda x: x - 0.0, "x + (-0)": lambda x: x + -0.0, "(-0) + x": lambda x: -0.0 + x,
    "+x": lambda x: +x, "x ** 1": lambda x: x**1.0,
}  # fmt: skip
KEPT = {
    "x * 0": lambda x: x * 0.0, "x - x": lambda x: x - x, "x / x": lambda x: x / x, "x + (+0)": lambda x: x + 0.0,
    "x - (-0)": lambda x: x - -0.0, "0 - x": lambda x: 0.0 - x, "1 / x": lambda x: 1.0 / x,
    "x * -1": lambda x: x * -1.0,
    "x ** 0": lambda x: x**0.0, "0 * x": lambda x: 0.0 * x, "x * 1.0000000000000002": lambda x: x * 1.0000000000000002,
    "0 + x": lambda x: 0.0 + x, "x + 5e-324": lambda x: x + 5e-324,
}  # fmt: skip
SPECIALS = [1.5, -2.0, 0.0, -0.0, np.inf, -np.inf, np.nan, 5e-324]


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("shape", [(), (3,), (40,), (4, 30)])
@pytest.mark.parametrize("name", [*FOLDED, *KEPT])
def test_folding(name, shape):
    f = (FOLDED | KEPT)[name]
    tape = ad.record(f, np.full(shape, 1.5) if shape else 1.5)
    assert tape.instructions == (0 if name in FOLDED else 1)
    for special in SPECIALS:
        x = np.full(shape, special)
        expected = f(x if shape else np.float64(special))
        found = np.asarray(tape.primal(x if shape else special))
        assert np.array_equal(found, expected, equal_nan=True)
        assert np.array_equal(np.signbit(found), np.signbit(expected)) or special != special


def test_arrays_of_ones_and_zeros_fold_too():
    x = np.linspace(1.0, 2.0, 40)
    assert instructions(lambda x: x * np.ones(40), x) == 0
    assert instructions(lambda x: np.ones((3, 40)) * x, x) == 0
    assert instructions(lambda x: x - np.zeros(40), x) == 0
    assert instructions(lambda x: x + np.zeros(40), x) == 1
    assert instructions(lambda x: x * np.r_[np.ones(39), 2.0], x) == 1


def test_an_operand_that_is_an_input_is_not_a_constant():
    """x * y at y = 1 is not x."""
    tape = ad.record(lambda x, y: x * y, 2.0, 1.0)
    assert tape.instructions == 1
    assert tape.primal(2.0, 3.0) == 6.0


def test_results_of_folded_instructions_are_shared():
    """What stands for a folded result is seen by later instructions, scalars and blocks alike."""
    assert instructions(lambda x: np.sin(x * 1.0) + np.sin(x), 0.5) == 2
    assert instructions(lambda x: np.sin(x * 1.0) + np.sin(x), np.ones(40)) == 2
    assert instructions(lambda x: (x * 1.0) @ (x / 1.0), np.ones((6, 6))) == 1


def test_an_output_may_be_an_input_or_a_constant():
    x = np.array([2.0, 3.0])
    tape = ad.record(lambda x: (x * 1.0, 7.0, x[0] - 0.0), x)
    value = tape.primal(x)
    assert value[0].tolist() == [2.0, 3.0] and value[1:] == (7.0, 2.0)
    assert tape.tangent(x, np.array([1.0, 10.0])).tolist() == [1.0, 10.0, 0.0, 1.0]
    assert tape.adjoint(x, np.array([1.0, 2.0, 4.0, 8.0])).tolist() == [9.0, 2.0]


# --- unrolling ------------------------------------------------------------------------------------------
def test_short_blocks_become_scalar_instructions():
    short, long, three = (ad.record(f, np.ones(n)).program for f, n in (
        (np.sin, 16), (np.sin, 17), (lambda x: np.where(x > 0.0, x, -x), 4)))  # fmt: skip
    assert unroll(short).opcode.tolist() == [BY_NAME["sin"].code] * 16
    assert [type(s) for s in unroll(short).segments] == [Run]
    assert [type(s) for s in unroll(long).segments] == [Block]
    assert Block in [type(s) for s in unroll(three).segments], "operations with three operands stay blocks"


def test_unrolled_operands_are_those_of_the_block():
    op = BY_NAME["subtract"]
    block = Block(op.code, 6, 6, (Address(5, 6, 6, -1), Address(0, 6, 2, 1, 2)))
    empty = np.empty(0, np.int32)
    program = Program(6, np.ones(6, bool), np.empty(0), np.empty(0, np.uint8), empty, empty, (block,), np.arange(6, 12))
    flat = unroll(program)
    assert flat.left.tolist() == [5, 4, 3, 2, 1, 0] and flat.right.tolist() == [0, 1, 2, 3, 4, 5]


# --- activity -------------------------------------------------------------------------------------------
def test_activity_follows_active_inputs_only():
    program = ad.record(lambda x, y: (x * 2.0, y * 3.0, x * y), 2.0, 3.0).program
    found = dependence(replace(program, active=np.array([True, False])))
    assert found.of(program.outputs).tolist() == [True, False, True]


def test_activity_of_blocks_ends_at_steps():
    program = ad.record(lambda x: (np.floor(x), np.sin(x), np.where(np.floor(x) > 0, 1.0, x)), np.ones(30)).program
    found = dependence(program)
    assert np.array_equal(found.of(program.outputs), np.repeat([False, True, True], 30))
    bits = {segment.name: bits for segment, bits in zip(program.segments, found.bits, strict=True)}
    assert bits == {"floor": 0, "greater": 0, "sin": 1, "where": 0b100}
