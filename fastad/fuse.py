"""Which element-wise instructions run together, and which results need no slot.

Theory of operation. A group is a set of element-wise blocks (and sums over all their elements) of one
length. An instruction joins the last group of its length if everything it reads either stands in
memory before that group or is, element for element, another result of it; so instructions in between
that have nothing to do with it do not part a group. A result that nobody outside reads gets no slot:
`place` says where the slots of the program stand in memory once those are left out.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from fastad.makers import Makers
from fastad.ops import ARRAY_BY_NAME, BY_CODE, Op
from fastad.passes import activity
from fastad.places import Gaps, Places
from fastad.program import Address, Block, Program, Run

SUM, MATMUL = ARRAY_BY_NAME["sum"].code, ARRAY_BY_NAME["matmul"].code
MATVEC = 64  # fewest rows of a matrix of data whose product with a vector joins a group
WIDTH = 4096  # longest such rows
ROW = 256  # longest rows that are summed in a group
SHORT = 64  # longest sum that is no group of its own
MEMBERS = 128  # of one group, so that its registers stay in cache


@dataclass(eq=False)
class Member:
    """An instruction of a group; `active` has bit k for operand k, if the adjoint of the result is asked for."""

    block: Block
    active: int
    stored: bool = False

    @property
    def is_sum(self) -> bool:
        return self.block.code == SUM

    @property
    def is_matvec(self) -> bool:
        return self.block.code == MATMUL

    @property
    def row(self) -> int:
        """Elements that a sum adds up if it has several results, else 0."""
        return self.block.sizes[0] if self.is_sum and self.block.length > 1 else 0


@dataclass(eq=False)
class Group:
    """Instructions of one length that run together; `by_first` says whose result begins at a slot.

    Where there are sums of rows, all rows have `row` elements, and blocks hold whole rows.
    """

    length: int
    row: int = 0
    members: list[Member] = field(default_factory=list)
    by_first: dict[int, int] = field(default_factory=dict)

    def add(self, member: Member) -> None:
        if not member.is_sum:
            self.by_first[member.block.first] = len(self.members)
        self.row = member.row or self.row
        self.members.append(member)

    def inner(self, operand: Address) -> int | None:
        """The member that an operand repeats element for element, if any."""
        if operand.is_run and operand.count == self.length:
            return self.by_first.get(operand.start)
        return None


@dataclass(eq=False)
class Single:
    """A segment that runs by itself."""

    segment: Run | Block
    active: int


@dataclass(eq=False)
class Layout:
    """The steps of a program in the order in which they run, and where its slots stand in memory.

    Attributes
    ----------
    steps : list of Group and Single
    place : Places
        A slot's position in memory; meaningless for results without a slot.
    kept : int
        Numbers in memory behind the slots: partials that a group keeps for its adjoint.
    """

    program: Program
    steps: list[Group | Single]
    place: Places
    kept: int = 0
    operands: dict[int, Any] = field(default_factory=dict)  # of groups by identity, once they are made

    @property
    def size(self) -> int:
        """Slots in memory."""
        return self.place.size


def group_length(segment: Run | Block, active: int, inputs: int) -> int:
    """The number of elements of an instruction that may join a group, or 0.

    A matrix of data times a vector joins, so that its rows are read once for the product and its adjoint.
    """
    if isinstance(segment, Run):
        return 0
    if segment.code == MATMUL:
        m, p, n = segment.sizes
        fits = n == 1 and m == segment.length >= MATVEC and 2 <= p <= WIDTH and not active & 1
        return m if fits and all(_stands_together(operand, inputs) for operand in segment.operands) else 0
    if segment.code == SUM:
        return segment.sizes[0] * segment.length if segment.length == 1 or segment.sizes[0] <= ROW else 0
    return segment.length if isinstance(BY_CODE[segment.code], Op) else 0


def _stands_together(operand: Address, inputs: int) -> bool:
    """Whether the slots are consecutive in memory, also where the inputs stand in the caller's array."""
    return operand.is_run and (operand.start >= inputs or operand.start + operand.count <= inputs)


class _Grouping:
    """Puts segments into steps, one after the other."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.steps: list[Group | Single] = []
        self.makers = Makers(program)
        self.step_of = [-1] * len(program.segments)
        self.members: dict[int, Member] = {}  # by the number of the segment
        self.open: dict[int, int] = {}

    def add(self, number: int, segment: Run | Block, active: int) -> None:
        length = group_length(segment, active, self.program.inputs)
        if length == 0:
            self.step_of[number] = len(self.steps)
            self.steps.append(Single(segment, active))
            return
        assert isinstance(segment, Block)
        at = self.open.get(length)
        if at is None or not self._may_join(segment, at):
            at = self.open[length] = len(self.steps)
            self.steps.append(Group(length))
        group = self.steps[at]
        assert isinstance(group, Group)
        self.members[number] = Member(segment, active)
        group.add(self.members[number])
        self.step_of[number] = at

    def _may_join(self, block: Block, at: int) -> bool:
        group = self.steps[at]
        assert isinstance(group, Group)
        if len(group.members) >= MEMBERS or Member(block, 0).row not in (0, group.row or Member(block, 0).row):
            return False
        whole = block.code == MATMUL
        return all(
            (not whole and group.inner(operand) is not None) or self._made_by(operand) < at
            for operand in block.operands
        )

    def _made_by(self, operand: Address) -> int:
        """The last step that makes an element of an operand, or -1."""
        return max([self.step_of[number] for number in self.makers.of_address(operand)], default=-1)


def fuse(program: Program) -> Layout:
    """The program's steps, with groups as large as the order of the data allows."""
    grouping = _Grouping(program)
    for number, (segment, bits) in enumerate(zip(program.segments, activity(program), strict=True)):
        grouping.add(number, segment, bits)
    grouping.steps = list(map(_alone, grouping.steps))
    read = _read_outside(program, grouping)
    gaps = Gaps()
    for number, member in grouping.members.items():
        member.stored = member.is_sum or number in read
        if not member.stored:
            gaps.whole(member.block.first, member.block.length)
    for step in grouping.steps:
        if isinstance(step, Group):
            _drop_unasked(step)
    return Layout(program, grouping.steps, gaps.places(program.slots))


def _drop_unasked(group: Group) -> None:
    """Make inactive what only steps and the like read (a sign, a comparison): no adjoint ever comes to it."""
    asked: set[int] = set()
    for k in range(len(group.members) - 1, -1, -1):
        member = group.members[k]
        if not (member.stored or k in asked):
            member.active = 0
        for number, operand in enumerate(() if member.is_matvec else member.block.operands):
            inner = group.inner(operand)
            if member.active >> number & 1 and inner is not None:
                asked.add(inner)


def _alone(step: Group | Single) -> Group | Single:
    """A short sum that nothing has joined runs by itself: its list of steps would cost more than it."""
    if isinstance(step, Group) and len(step.members) == 1 and step.members[0].is_sum and step.length <= SHORT:
        return Single(step.members[0].block, step.members[0].active)
    return step


def _read_outside(program: Program, grouping: _Grouping) -> set[int]:
    """The numbers of the segments whose results somebody outside of their group reads."""
    makers = grouping.makers
    slots = [program.outputs, np.array([guard.slot for guard in program.guards], np.int64)]
    read = set(makers.of(np.concatenate([makers.results(part) for part in slots])).tolist())
    for step in grouping.steps:
        segments = [m.block for m in step.members] if isinstance(step, Group) else [step.segment]
        for block in segments:
            if isinstance(block, Run):
                read.update(makers.of(makers.outside(block, program)).tolist())
                continue
            for operand in block.operands:
                if block.code == MATMUL or not (isinstance(step, Group) and step.inner(operand) is not None):
                    read.update(makers.of_address(operand))
    return read
