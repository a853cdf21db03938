"""Random programs, built instruction by instruction; shared by the tests in this folder."""

from __future__ import annotations

import numpy as np

from fastad.ops import ARRAY_BY_NAME, OPS
from fastad.program import Address, Block, Guard, Program, Run

INPUTS = 6
CONSTANTS = np.array([1.0, 0.0, -0.0, 2.0, -1.5, 1.0])
# Defined, and with defined derivatives, for all operands or nearly so: chains of them stay finite.
_NAMES = """add subtract multiply divide negative copy absolute square sin cos tanh arctan hypot maximum minimum expit
    erf where arcsinh less greater logaddexp sign stop_gradient arctan2 fmin absolute_zero_multiply"""
TAME = [op for op in OPS if op.name in _NAMES.split()]


def random_program(seed: int, instructions: int = 60) -> Program:
    """Scalar runs, element-wise blocks, sums, products and scattered sums on operands from anywhere before."""
    draw = np.random.default_rng(seed)
    opcode, left, right, segments = [], [], [], []
    following, run_start = INPUTS + CONSTANTS.size, 0

    def close_run():
        if len(opcode) > run_start:
            segments.append(Run(run_start, len(opcode), following - (len(opcode) - run_start)))

    while len(opcode) + len(segments) < instructions:
        if draw.random() < 0.7:
            op = TAME[draw.integers(len(TAME))]
            if op.arity > 2:
                continue
            a, b = (int(s) for s in draw.integers(0, following, 2))
            opcode.append(op.code), left.append(a), right.append(b if op.arity == 2 else a)
            following += 1
        else:
            close_run()
            run_start = len(opcode)
            segments.append(_random_block(draw, following))
            following += segments[-1].length
    close_run()
    outputs = draw.integers(following // 2, following, 4)
    guards = tuple(Guard(int(s), 0.0, "here:1") for s in draw.integers(0, following, 2))
    return Program(
        INPUTS, np.ones(INPUTS, bool), CONSTANTS, np.array(opcode, np.uint8), np.array(left, np.int32),
        np.array(right, np.int32), tuple(segments), outputs, guards,
    )  # fmt: skip


def _random_block(draw: np.random.Generator, first: int) -> Block:
    kind = draw.integers(6)
    if kind < 3:
        op, n = TAME[draw.integers(len(TAME))], int(draw.choice([3, 20]))
        return Block(op.code, first, n, tuple(_random_address(draw, n, first) for _ in range(op.arity)))
    if kind == 3:
        rows, inner = (int(n) for n in draw.integers(1, 5, 2))
        name = str(draw.choice(["sum", "max", "min"]))
        return Block(ARRAY_BY_NAME[name].code, first, rows, (_random_address(draw, rows * inner, first),), (inner,))
    if kind == 4:
        m, p, n = (int(n) for n in draw.integers(1, 4, 3))
        b = int(draw.choice([1, 1, 3]))
        factors = (_random_address(draw, b * m * p, first), _random_address(draw, b * p * n, first))
        return Block(ARRAY_BY_NAME["matmul"].code, first, b * m * n, factors, (m, p, n))
    count = int(draw.integers(1, 9))
    index = draw.integers(0, 3, count).astype(np.int32)
    operand = _random_address(draw, count, first)
    return Block(ARRAY_BY_NAME["scatter_sum"].code, first, 3, (operand,), (count,), index)


def _random_address(draw: np.random.Generator, count: int, stop: int) -> Address:
    """One slot, a run where there is room, rows, or an index table."""
    kind = draw.integers(4)
    if kind == 0:
        return Address(int(draw.integers(stop)), count, count, 0)
    if kind == 1 and count <= stop:
        return Address(int(draw.integers(stop - count + 1)), count, count)
    if kind == 2 and count % 2 == 0 and count // 2 + 2 <= stop:
        return Address(int(draw.integers(stop - count // 2 - 1)), count, count // 2, 1, 2)
    return Address(0, count, 1, table=draw.integers(0, stop, count).astype(np.int32))


def random_point(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).uniform(-2.0, 2.0, INPUTS)
