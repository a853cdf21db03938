"""The dependency graph of a program: which slots each slot depends on, and where second partials are not zero.

Theory of operation. Read off the table: a partial whose formula is 0 is no dependence, a second partial whose formula
is 0 no interaction, so a product contributes its cross term alone and a sum nothing. Nodes have two operands at most.
What passes its operand on by a factor needs none of its own; sums and the like are trees of unions; of a matrix
product, rows share the union of the rows of one factor and columns that of the other, so that a product with a full
matrix costs what the matrix does. Zeros among the constants of a factor are no dependence. Calls of primitives that
do not work element by element depend on all they are given, in every way.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

from fastad import kernels
from fastad.kernels.patterns import LEFT_LEFT, LEFT_RIGHT, ON_LEFT, ON_RIGHT, RIGHT_RIGHT
from fastad.ops import BY_CODE, Op
from fastad.primitives import Call, Elementwise
from fastad.program import Address, Block, Program, Run

BOTH = ON_LEFT | ON_RIGHT
SECOND = LEFT_LEFT | LEFT_RIGHT | RIGHT_RIGHT
EXPANDED = 1 << 24  # entries of a matrix of constants times columns, up to which its zeros are looked at


class DependencyGraph:
    """Nodes 0 (nothing), 1 .. p (the active inputs), and one for each row of the columns.

    Attributes
    ----------
    inputs : int
        p, the number of active inputs.
    left, right : ndarray of int32, flags : ndarray of uint8, shape (nodes,)
    outputs : ndarray of int32, shape (m,)
    useful : ndarray of uint8, shape (1 + p + nodes,)
        Whether derivatives of the outputs depend on a node.
    """

    def __init__(self, program: Program) -> None:
        self.program = program
        active = np.flatnonzero(program.active)
        self.inputs = active.size
        self._columns: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []
        self._next = 1 + self.inputs
        self._always: list[int] = []  # nodes that only say what interacts
        self.node_of = np.zeros(program.slots, np.int32)
        self.node_of[active] = 1 + np.arange(self.inputs)
        for segment in program.segments:
            if isinstance(segment, Run):
                self._run(segment)
            elif segment.length:
                results = slice(segment.first, segment.first + segment.length)
                self.node_of[results] = self._results(segment)
        self._finish()

    def _finish(self) -> None:
        none = np.empty(0, np.int32), np.empty(0, np.int32), np.empty(0, np.uint8)
        columns = zip(none, *self._columns, strict=True)
        self.left, self.right, self.flags = (np.concatenate(parts) for parts in columns)
        self.outputs = self.node_of[self.program.outputs]
        self.useful = np.zeros(self._next, np.uint8)
        self.useful[self.outputs] = 1
        self.useful[self._always] = 1
        kernels.mark_useful(self.inputs, self.left, self.right, self.flags, self.useful)
        del self._columns, self.node_of

    def _nodes(self, left: np.ndarray, right: np.ndarray, flags: Any) -> np.ndarray:
        """New nodes, one for each pair of operands."""
        columns = left.astype(np.int32), right.astype(np.int32), np.broadcast_to(np.uint8(flags), left.shape)
        self._columns.append(tuple(np.ascontiguousarray(column.reshape(-1)) for column in columns))  # type: ignore[arg-type]
        first = self._next
        self._next += left.size
        return np.arange(first, self._next, dtype=np.int32).reshape(left.shape)

    # --- instructions -------------------------------------------------------------------------------
    def _run(self, run: Run) -> None:
        program, part = self.program, slice(run.start, run.stop)
        self.node_of[run.first : run.first + run.length] = np.arange(self._next, self._next + run.length)
        left, right = (self.node_of[column[part]] for column in (program.left, program.right))
        self._nodes(left, right, _flags()[program.opcode[part]])

    def _of(self, operand: Address) -> np.ndarray:
        return self.node_of[operand.slots()]

    def _results(self, block: Block) -> np.ndarray:
        """The nodes of a block's results."""
        op = BY_CODE[block.code]
        nodes = [self._of(operand) for operand in block.operands]
        if isinstance(op, Op):
            return self._elementwise(op, nodes)
        if not any(part.any() for part in nodes):
            return np.zeros(block.length, np.int32)
        if block.name == "matmul":
            return self._product(block, *nodes)
        if block.name == "call":
            return self._call(self.program.calls[block.sizes[0]], nodes)
        groups = np.repeat(np.arange(block.length), block.sizes[0]) if block.index is None else block.index
        return self._unions(nodes[0], groups, block.length)

    def _elementwise(self, op: Op, nodes: list[np.ndarray]) -> np.ndarray:
        parts = [(k, part) for k, part in enumerate(nodes) if op.partials[k] != "0" and part.any()]
        if not parts:
            return np.zeros(nodes[0].shape, np.int32)
        flags = int(_flags()[op.code])
        if op.arity == 3:  # whose second partials are zero
            parts, flags = [(0, parts[0][1]), (1, parts[-1][1])], BOTH
        if len(parts) == 1 and not flags & (LEFT_LEFT, RIGHT_RIGHT)[parts[0][0]]:
            return parts[0][1]
        left = nodes[0] if op.arity < 3 else parts[0][1]
        right = parts[-1][1] if op.arity == 3 else nodes[op.arity - 1]
        return self._nodes(left, right, flags)

    def _unions(self, nodes: np.ndarray, groups: np.ndarray, count: int) -> np.ndarray:
        """For each group, the union of its nodes; by pairs, so that as many steps do as the largest has halvings."""
        order = np.argsort(groups[nodes != 0], kind="stable")
        nodes, groups = nodes[nodes != 0][order], groups[nodes != 0][order]
        while (same := groups[1:] == groups[:-1]).any():
            starts = np.flatnonzero(np.concatenate([[True], ~same]))
            rank = np.arange(groups.size) - np.repeat(starts, np.diff(np.append(starts, groups.size)))
            paired = np.append(same, False) & (rank % 2 == 0)
            first = np.flatnonzero(paired)
            nodes = nodes.copy()
            nodes[first] = self._nodes(nodes[first], nodes[first + 1], BOTH)
            kept = rank % 2 == 0
            nodes, groups = nodes[kept], groups[kept]
        result = np.zeros(count, np.int32)
        result[groups] = nodes
        return result

    def _product(self, block: Block, left: np.ndarray, right: np.ndarray) -> np.ndarray:
        m, p, n = block.sizes
        x, y = left.reshape(-1, m, p), right.reshape(-1, p, n)
        if not x.any() or not y.any():
            return self._product_with_constants(block, x, y)
        rows = self._unions(left, np.arange(left.size) // p, left.size // p).reshape(-1, m, 1)
        turned = np.swapaxes(y, 1, 2).reshape(-1)
        columns = self._unions(turned, np.arange(turned.size) // p, turned.size // p).reshape(-1, 1, n)
        self._cross(x, y)
        both = np.broadcast_arrays(rows, columns)
        return self._nodes(both[0].reshape(-1), both[1].reshape(-1), BOTH)

    def _cross(self, x: np.ndarray, y: np.ndarray) -> None:
        """Each column of the left factors interacts with the row of the right ones that it meets."""
        (batch, m, p), n = x.shape, y.shape[2]
        columns = self._unions(np.swapaxes(x, 1, 2).reshape(-1), np.arange(x.size) // m, batch * p)
        rows = self._unions(y.reshape(-1), np.arange(y.size) // n, batch * p)
        self._always += self._nodes(columns, rows, LEFT_RIGHT).tolist()

    def _product_with_constants(self, block: Block, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """A product of which one factor depends on nothing; entries of it that are the constant 0 count for nothing."""
        (batch, m, p), n = x.shape, y.shape[2]
        if x.any():  # (x y)' = y' x'
            turned = np.swapaxes(y, 1, 2), np.swapaxes(x, 1, 2)
            result = self._times_columns(self._is_zero(block.operands[1]).reshape(-1, p, n).swapaxes(1, 2), turned[1])
            return result.reshape(batch, n, m).swapaxes(1, 2).reshape(-1)
        return self._times_columns(self._is_zero(block.operands[0]).reshape(-1, m, p), y).reshape(-1)

    def _times_columns(self, zero: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Nodes (b, m, n) of a matrix with zeros (b, m, p) times columns y (b, p, n)."""
        (batch, m, p), n = zero.shape, y.shape[2]
        if zero.any() and (~zero).sum() * n <= EXPANDED:
            b, i, k = np.nonzero(~zero)
            groups = ((b * m + i) * n)[:, None] + np.arange(n)
            return self._unions(y[b, k].reshape(-1), groups.reshape(-1), batch * m * n)
        turned = np.swapaxes(y, 1, 2).reshape(-1)
        columns = self._unions(turned, np.arange(turned.size) // p, batch * n)
        return np.broadcast_to(columns.reshape(batch, 1, n), (batch, m, n)).copy()

    def _is_zero(self, operand: Address) -> np.ndarray:
        """Which elements are the constant 0."""
        at = operand.slots() - self.program.inputs
        known = (at >= 0) & (at < self.program.constants.size)
        zero = np.zeros(at.size, bool)
        zero[known] = self.program.constants[at[known]] == 0.0
        return zero

    def _call(self, call: Call, nodes: list[np.ndarray]) -> np.ndarray:
        args = [part for k, part in enumerate(call.arguments(nodes)) if k not in call.primitive.steps]
        if works_element_by_element(call):
            result = np.zeros(call.length, np.int32)
            for part in args:
                part = np.broadcast_to(part, call.results[0]).reshape(-1)
                result = self._nodes(result, part, BOTH) if result.any() else part
            return self._nodes(result, result, ON_LEFT | LEFT_LEFT)
        flat = np.concatenate([part.reshape(-1) for part in args]) if args else np.empty(0, np.int32)
        whole = self._unions(flat, np.zeros(flat.size, np.int64), 1)
        return np.repeat(self._nodes(whole, whole, ON_LEFT | LEFT_LEFT), call.length)


def works_element_by_element(call: Call) -> bool:
    """Whether each result of a call depends on the elements of the arguments in its place alone."""
    from fastad.elementwise_primitives import ElementwisePrimitive

    return call.single and isinstance(call.primitive, Elementwise | ElementwisePrimitive)


@cache
def _flags() -> np.ndarray:
    """What the table says of each opcode, uint8, shape (256,)."""
    table = np.zeros(256, np.uint8)
    for op in BY_CODE.values():
        if isinstance(op, Op) and op.arity < 3:
            names = (ON_LEFT, ON_RIGHT)[: op.arity]
            seconds = (LEFT_LEFT,) if op.arity == 1 else (LEFT_LEFT, LEFT_RIGHT, RIGHT_RIGHT)
            second = op.second or tuple(a for k, a in enumerate(op.partials) for _ in range(k, op.arity))
            pairs = [*zip(op.partials, names, strict=True), *zip(second, seconds, strict=True)]
            table[op.code] = sum(flag for text, flag in pairs if text != "0")
    return table
