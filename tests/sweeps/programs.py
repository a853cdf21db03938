"""Programs of one instruction, its operands laid out in every way there is."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from fastad.ops import ARRAY_BY_NAME, Op
from fastad.program import Address, Block, Program, Run
from fastad.tape import Tape

LONG = 2 * 512 + 5  # more than two blocks of the block stream
MEDIUM = 512 + 7
SHORT = 5  # so short that it is unrolled into the scalar stream


class Case(NamedTuple):
    """A program and a point to run it at."""

    layout: str
    program: Program
    x: np.ndarray

    @property
    def tape(self) -> Tape:
        """A tape of one array in and one array out."""
        n, m = self.program.inputs, self.program.outputs.size
        return Tape(self.program, (tuple, (tuple, ("array", (n,))), (dict, ())), ("array", (m,)))


def one_block(code: int, inputs: int, length: int, operands: list[Address], sizes=(), index=None) -> Program:
    """A program whose only instruction is a block."""
    block = Block(code, inputs, length, tuple(operands), sizes, index)
    empty = np.empty(0, np.int32)
    return Program(inputs, np.ones(inputs, bool), np.empty(0), np.empty(0, np.uint8), empty, empty, (block,),
                   np.arange(inputs, inputs + length))  # fmt: skip


def scalar_stream(op: Op, count: int, inputs: int, slots: list[np.ndarray]) -> Program:
    """A program of `count` scalar instructions."""
    left, right = (slots[k].astype(np.int32) for k in (0, -1))
    return Program(inputs, np.ones(inputs, bool), np.empty(0), np.full(count, op.code, np.uint8), left, right,
                   (Run(0, count, inputs),), np.arange(inputs, inputs + count))  # fmt: skip


def pool(op: Op, count: int, points: list[tuple[float, ...]] | None = None) -> np.ndarray:
    """Operands of a row, (arity, count): its points over and over."""
    columns = np.array(points or op.points, np.float64).T
    return np.ascontiguousarray(np.tile(columns, -(-count // columns.shape[1]))[:, :count])


def contiguous(start: int, count: int) -> Address:
    return Address(start, count, max(count, 1))


def _layouts(count: int) -> dict[str, list[Address]]:
    """Addresses of `count` elements among `count` slots from 0 on, by name; the last operands repeat one."""
    rows = count // 7 * 7
    draw = np.random.default_rng(0)
    return {
        "contiguous": [contiguous(0, count)],
        "broadcast first": [Address(2, count, count, 0), contiguous(0, count)],
        "broadcast last": [contiguous(0, count), Address(1, count, count, 0)],
        "reversed": [Address(count - 1, count, count, -1), contiguous(0, count)],
        "strided": [Address(1, count // 3, max(count // 3, 1), 3)],
        "rows repeated": [Address(0, rows, 7, 1, 0), contiguous(0, rows)],
        "columns repeated": [contiguous(0, rows), Address(0, rows, 7, 0, 1)],
        "transposed": [Address(0, rows, rows // 7, 7, 1), Address(0, rows, 7, 1, 7)],
        "index table": [Address(0, count, 1, table=draw.integers(0, count, count).astype(np.int32))],
    }


def elementwise_cases(op: Op, points: list[tuple[float, ...]] | None = None) -> Iterator[Case]:
    """An element-wise instruction in the scalar stream, unrolled, and as a block with each layout of operands."""
    few = pool(op, SHORT, points)
    if op.arity <= 2:
        slots = [np.arange(SHORT) + k * SHORT for k in range(op.arity)]
        yield Case("scalar stream", scalar_stream(op, SHORT, few.size, slots), few.ravel())
    short = [contiguous(k * SHORT, SHORT) for k in range(op.arity)]
    yield Case("short block", one_block(op.code, few.size, SHORT, short), few.ravel())
    for name in _layouts(0):
        size = LONG if name == "contiguous" else MEDIUM
        many, addresses = pool(op, size, points), _layouts(size)[name]
        operands = [_shifted(addresses[min(k, len(addresses) - 1)], k * size) for k in range(op.arity)]
        yield Case(name, one_block(op.code, many.size, operands[0].count, operands), many.ravel())


def _shifted(address: Address, by: int) -> Address:
    table = None if address.table is None else address.table + np.int32(by)
    return Address(address.start + by, address.count, address.inner, address.step, address.outer, table)


def _spread(count: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).uniform(-2.0, 2.0, count)


def array_cases() -> Iterator[Case]:
    """Sums, matrix products, extrema and scattered sums, operands contiguous and not."""
    total, product, scatter = (ARRAY_BY_NAME[name].code for name in ("sum", "matmul", "scatter_sum"))
    for rows, inner in ((1, 3), (1, 1000), (4, 7), (3, 200), (300, 2), (1, 1)):
        n = rows * inner
        for layout, operand in _of_matrix(rows, inner):
            yield Case(f"sum {rows}x{inner} {layout}", one_block(total, n, rows, [operand], (inner,)), _spread(n, n))
    for m, p, n in ((1, 3, 1), (2, 3, 4), (1, 40, 40), (40, 40, 1), (33, 40, 35), (1, 2000, 1), (40, 1, 40)):
        sizes = m * p + p * n
        for layout, left in _of_matrix(m, p):
            right = contiguous(m * p, p * n)
            program = one_block(product, sizes, m * n, [left, right], (m, p, n))
            yield Case(f"matmul {m}x{p}x{n} {layout}", program, _spread(sizes, m + p + n))
    for b, m, p, n in ((2, 1, 3, 1), (5, 2, 3, 4), (3, 40, 10, 9), (2, 1, 40, 40), (4, 40, 40, 1), (30, 3, 3, 3)):
        sizes = b * (m * p + p * n)
        for layout, left in _of_matrix(b * m, p):
            right = (
                Address(b * m * p, b * p * n, p * n, 1, 0) if layout == "one slot" else contiguous(b * m * p, b * p * n)
            )
            program = one_block(product, sizes, b * m * n, [left, right], (m, p, n))
            yield Case(f"{b} matmuls {m}x{p}x{n} {layout}", program, _spread(sizes, m + p + n))
    for name, (rows, inner) in itertools.product(("max", "min"), ((1, 1), (1, 1000), (7, 3), (5, 33), (300, 2))):
        n, code = rows * inner, ARRAY_BY_NAME[name].code
        for layout, operand in _of_matrix(rows, inner):
            program = one_block(code, n, rows, [operand], (inner,))
            yield Case(f"{name} {rows}x{inner} {layout}", program, _spread(n, n))
            yield Case(f"{name} {rows}x{inner} {layout} tied", program, np.round(_spread(n, n)))
    for count, groups in ((1, 1), (10, 4), (700, 9), (30, 600)):
        index = np.random.default_rng(count).integers(0, groups, count).astype(np.int32)
        for layout, operand in _of_matrix(1, count):
            program = one_block(scatter, count, groups, [operand], (count,), index)
            yield Case(f"scatter_sum {count}->{groups} {layout}", program, _spread(count, count))


def _of_matrix(rows: int, inner: int) -> list[tuple[str, Address]]:
    """Addresses of a matrix of slots from 0 on: as it is, with its elements read in other orders, one slot."""
    n = rows * inner
    table = np.random.default_rng(n).integers(0, n, n).astype(np.int32)
    return [
        ("contiguous", contiguous(0, n)),
        ("transposed", Address(0, n, inner, rows, 1)),
        ("reversed", Address(n - 1, n, n, -1)),
        ("one slot", Address(n // 2, n, n, 0)),
        ("index table", Address(0, n, 1, table=table)),
    ]
