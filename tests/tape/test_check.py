"""`Program.check` and `Tape.check` find every kind of corruption, and say where."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import fastad as ad
from fastad.errors import InvalidTape
from fastad.program import Address, Block, Guard, Program, Run
from fastad.tape import Tape


def function(x):
    """Scalars, a guard, a product, an element-wise block, a sum; recorded at 1.0, 1.1, ..."""
    y = x[0] * x[1] if x[0] > 0.5 else x[1]
    long = np.sin(x) * y
    return np.sum(long.reshape(4, 5) @ long.reshape(5, 4)) + np.sum(long[::2])


POINT = np.linspace(1.0, 2.0, 20)


@pytest.fixture(scope="module")
def program():
    return ad.record(function, POINT).program


def blocks(program: Program) -> list[int]:
    return [i for i, segment in enumerate(program.segments) if isinstance(segment, Block)]


def runs(program: Program) -> list[int]:
    return [i for i, segment in enumerate(program.segments) if isinstance(segment, Run)]


def with_segment(program: Program, number: int, **changes) -> Program:
    segments = list(program.segments)
    segments[number] = replace(segments[number], **changes)
    return replace(program, segments=tuple(segments))


def named(program: Program, name: str) -> int:
    return next(i for i in blocks(program) if program.segments[i].name == name)


def changed(array: np.ndarray, at: int, value) -> np.ndarray:
    copy = array.copy()
    copy[at] = value
    return copy


def test_a_recorded_program_is_valid(program):
    program.check()
    assert {program.segments[i].name for i in blocks(program)} >= {"sin", "multiply", "matmul", "sum"}
    assert runs(program) and program.guards and program.constants.size


@pytest.mark.parametrize("column", ["active", "constants", "opcode", "left", "right", "outputs"])
def test_columns_have_their_type(program, column):
    array = getattr(program, column)
    for wrong in (array.astype(np.complex128), array.reshape(1, -1), array.tolist()):
        with pytest.raises(InvalidTape, match=f"'{column}'"):
            replace(program, **{column: wrong}).check()


COLUMN_FAULTS = {
    "one activity flag": lambda p: replace(p, active=p.active[:-1]),
    "differ in length": lambda p: replace(p, left=p.left[:-1]),
    "has an unknown opcode": lambda p: replace(p, opcode=changed(p.opcode, 0, 127)),
    "instruction 0 has an unknown opcode": lambda p: replace(p, opcode=changed(p.opcode, 0, 44)),  # three operands
    "the left operand of instruction 0": lambda p: replace(p, left=changed(p.left, 0, p.slots)),
    "the right operand of instruction 0": lambda p: replace(p, right=changed(p.right, 0, -1)),
    "has one operand, but names two": lambda p: replace(p, opcode=changed(p.opcode, 0, 23)),
    "the output in slot": lambda p: replace(p, outputs=np.array([p.slots])),
    "the guard in slot": lambda p: replace(p, guards=(Guard(-1, 1.0, "here"),)),
    "starts at slot": lambda p: replace(p, constants=p.constants[:-1]),
    "left over": lambda p: replace(p, segments=p.segments[: runs(p)[-1]]),
}


@pytest.mark.parametrize("message", COLUMN_FAULTS)
def test_faults_of_columns(program, message):
    with pytest.raises(InvalidTape, match=message):
        COLUMN_FAULTS[message](program).check()


def test_an_instruction_may_not_read_its_own_result(program):
    run = program.segments[runs(program)[0]]
    for slot in (run.first, run.first + 1):
        with pytest.raises(InvalidTape, match="the left operand of instruction 0 does not come before it"):
            replace(program, left=changed(program.left, run.start, slot)).check()


@pytest.mark.parametrize("change", [{"start": 1}, {"stop": 10**6}, {"stop": 0}, {"first": 3}, {"start": -1}])
def test_faults_of_runs(program, change):
    with pytest.raises(InvalidTape, match=f"segment {runs(program)[0]}"):
        with_segment(program, runs(program)[0], **change).check()


@pytest.mark.parametrize("name", ["sin", "multiply", "matmul", "sum"])
def test_faults_of_blocks(program, name):
    at = named(program, name)
    block = program.segments[at]
    faults = [
        {"code": 127}, {"first": 0}, {"length": -1}, {"length": block.length + 1}, {"operands": ()},
        {"operands": block.operands * 2}, {"sizes": (-1, *block.sizes)},
        {"sizes": tuple(-n for n in block.sizes) or (1,)},
    ]  # fmt: skip
    for fault in faults:
        with pytest.raises(InvalidTape, match=f"segment {at}"):
            with_segment(program, at, **fault).check()


@pytest.mark.parametrize("name", ["sin", "multiply", "matmul", "sum"])
def test_faults_of_addresses(program, name):
    at = named(program, name)
    block = program.segments[at]
    for k, operand in enumerate(block.operands):
        n = operand.count
        outside = np.arange(n, dtype=np.int32)
        outside[-1] = block.first
        faults = [
            replace(operand, count=n + 1), replace(operand, count=-1), replace(operand, start=-1),
            replace(operand, start=block.first), replace(operand, start=block.first - n + 1, inner=n, step=1),
            replace(operand, start=0, inner=n, step=-1), replace(operand, inner=0), replace(operand, inner=n - 1),
            Address(0, n, 2, 1, 10**6), Address(0, n, 2, 1, -1), Address(0, n, 1, table=outside),
            Address(0, n, 1, table=outside[:-1]), Address(0, n, 1, table=-outside),
        ]  # fmt: skip
        for fault in faults:
            operands = tuple(fault if i == k else o for i, o in enumerate(block.operands))
            with pytest.raises(InvalidTape, match=f"operand {k} of segment {at}"):
                with_segment(program, at, operands=operands).check()


def test_faults_of_scatter_sums():
    index = np.arange(30) % 4
    tape = ad.record(lambda x: ad.grad(lambda x: np.sum(x[index] ** 2))(x), np.ones(6))
    program, at = tape.program, named(tape.program, "scatter_sum")
    block = program.segments[at]
    for wrong in (None, block.index[:-1], block.index + block.length, block.index - 1, block.index.reshape(1, -1)):
        with pytest.raises(InvalidTape, match=f"segment {at} .scatter_sum"):
            with_segment(program, at, index=wrong).check()


def test_a_tape_fits_its_structures(program):
    tape = ad.record(function, POINT)
    tape.check()
    for arguments, result in ((("array", (19,)), ("float",)), (("array", (20,)), ("array", (2,)))):
        wrong = Tape(program, (tuple, (tuple, arguments), (dict, ())), result)
        with pytest.raises(InvalidTape, match="20 inputs and 1 outputs"):
            wrong.check()
