"""The lists of steps of a group: forward, forward keeping costly partials, backward, and both at once.

Theory of operation. A list is written over virtual registers, one for each value, partial and adjoint of
the group's instructions; a scan over the list then gives each a real register from its first to its
last mention. `backward` computes again only those values that adjoints need and that do not stand in
memory. Places and actions are those of `kernels/layout.py`.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from fastad.fuse import Group, Layout, Member
from fastad.group_operands import Cluster, Operand, Span, clusters_of, operands_of, repeated_row
from fastad.kernels import layout as at
from fastad.program import Address, Block
from fastad.pullback import PASS, PULL, STORED, stores_partials, values_needed, way
from fastad.registers import Register, Step, Word, allocate

_OPERANDS = ("a", "b", "c")
KEPT = 65536  # elements up to which a partial comes from memory sooner than it is computed again
Key = int | tuple[str, int]  # a member, or something that the group reads


@dataclass(eq=False)
class Lists:
    """What a group needs besides its steps: slots of its sums and of single operands, and so on."""

    forward: list[Step] = field(default_factory=list)
    keeping: list[Step] = field(default_factory=list)
    backward: list[Step] = field(default_factory=list)
    both: list[Step] = field(default_factory=list)
    sums: list[int] = field(default_factory=list)
    singles: list[int] = field(default_factory=list)
    spans: list[Span] = field(default_factory=list)
    clusters: list[Cluster] = field(default_factory=list)
    registers: int = 0
    serial: bool = False


class _Writer:
    """Writes the lists of one group."""

    def __init__(self, group: Group, layout: Layout, seeds: dict[int, float]) -> None:
        self.group, self.layout, self.seeds = group, layout, seeds
        group.row = group.row or repeated_row(group)
        self.operands = operands_of(group, layout)
        self.lists = Lists(clusters=clusters_of(self.operands))
        self.lists.sums = [int(layout.place[m.block.first]) for m in group.members if m.is_sum and not m.row]
        singles = [k for k, o in enumerate(self.operands.all) if o.active and o.is_single]
        self.lists.singles = [self.operands.all[k].address.start for k in singles]
        self.single_number = {k: i for i, k in enumerate(singles)}
        self.lists.serial = any(o.meets_itself for o in self.operands.all)
        active = [o.address for o in self.operands.all if o.active and o.is_private]
        self.spans = {id(address): _span(address) for address in active}
        for member in group.members:
            if member.is_matvec and member.active:
                vector = member.block.operands[1].moved(layout.place)
                self.spans[id(member)] = Span(vector.start, vector.count)
        self.lists.spans = list(self.spans.values())
        self.kept: dict[int, tuple[int, ...]] = {}

    def write(self) -> Lists:
        everything = set(range(len(self.group.members)))
        self._start()
        self._forward(everything, partials=False)
        self.lists.forward = self._finish()
        if any(member.active for member in self.group.members):
            self._keep_partials()
            self._start()
            self._forward(everything, partials=True, keep=True)
            self.lists.keeping = self._finish()
            self._start()
            self._forward(self._needed_again(), partials=True)
            self._backward(known_seeds=False)
            self.lists.backward = self._finish()
        if self.is_seeded:
            self._start()
            self._forward(everything, partials=True)
            self._backward(known_seeds=True)
            self.lists.both = self._finish()
        return self.lists

    @property
    def is_seeded(self) -> bool:
        """Whether the adjoints of all that leaves the group are known before it runs."""
        leaving = [m for m in self.group.members if m.stored and m.active]
        return bool(leaving) and all(m.is_sum and m.block.first in self.seeds for m in leaving)

    def _start(self) -> None:
        self.steps: list[Step] = []
        self.values: dict[Key, Register] = {}
        self.bars: dict[Key, Word] = {}
        self.borrowed: set[Key] = set()
        self.seed_registers: dict[int, Register] = {}
        self.partials: dict[int, tuple[Word, ...]] = dict(self.kept)

    def _finish(self) -> list[Step]:
        self.lists.registers = max(self.lists.registers, allocate(self.steps))
        return self.steps

    def _keep_partials(self) -> None:
        """Costly partials go to memory for the adjoint, where it is near enough to be read back sooner."""
        for k, member in enumerate(self.group.members):
            if self.group.length <= KEPT and not self.is_seeded and self._stores_partials(member):
                count = len(member.block.operands)
                first = self.layout.size + self.layout.kept
                self.kept[k] = tuple(first + i * self.group.length for i in range(count))
                self.layout.kept += count * self.group.length

    def _stores_partials(self, member: Member) -> bool:
        special = member.is_sum or member.is_matvec
        return bool(member.active) and not special and stores_partials(member.block.code)

    # --- values ---------------------------------------------------------------------------------
    def _forward(self, wanted: set[int], partials: bool, keep: bool = False) -> None:
        """Values of the members; with `partials` those too, with `keep` only those that are kept."""
        cell = 0
        for k, member in enumerate(self.group.members):
            block = member.block
            if member.row:
                if k in wanted:
                    slot = int(self.layout.place[block.first])
                    self.steps.append(Step(at.SUM_ROWS, member.row, self._value(block.operands[0]), z=slot))
            elif member.is_sum:
                if k in wanted:
                    self.steps.append(Step(at.TOTAL, x=self._value(block.operands[0]), targets=(cell,)))
                cell += 1
            elif member.is_matvec:
                if k in wanted:
                    self._matvec(k)
            elif k in wanted:
                self._apply(k, partials and self._stores_partials(member) and (k in self.kept) == keep)

    def _apply(self, k: int, partials: bool) -> None:
        block = self.group.members[k].block
        x, y, w = self._operand_values(k)
        targets: tuple[Word, ...] = ()
        if partials:
            targets = self.partials[k] = self.kept.get(k) or tuple(Register() for _ in block.operands)
        action = at.LINEARIZED if partials else at.APPLY
        self.steps.append(Step(action, block.code, x, y, w, self._result(k), targets=targets))

    def _matvec(self, k: int) -> None:
        block = self.group.members[k].block
        matrix, vector = (int(self.layout.place[operand.start]) for operand in block.operands)
        self.steps.append(Step(at.MATVEC, x=matrix, y=vector, w=block.sizes[1], z=self._result(k)))

    def _result(self, k: int) -> Word:
        member = self.group.members[k]
        if member.stored:
            return int(self.layout.place[member.block.first])
        return self.values.setdefault(k, Register())

    def _operand_values(self, k: int) -> list[Word]:
        """Where the three operands stand; a missing one repeats the first."""
        found = [self._value(operand) for operand in self.group.members[k].block.operands]
        return found + found[:1] * (3 - len(found))

    def _value(self, operand: Address) -> Word:
        inner = self.group.inner(operand)
        if inner is not None:
            return self._result(inner)
        number = self.operands.number(operand)
        found = self.operands.all[number]
        if found.is_run:
            return found.address.start
        key = ("operand", number)
        if key not in self.values:
            self.values[key] = Register()
            action, x = (at.LOAD_TILES, found.tiles) if found.tiles else (at.LOAD, found.address)
            self.steps.append(Step(action, int(found.direct), x=x, z=self.values[key], when=int(found.is_single)))
        return self.values[key]

    def _needed_again(self) -> set[int]:
        """Members whose values or partials the adjoint needs and that do not stand in memory."""
        wanted: set[int] = set()
        for k, member in enumerate(self.group.members):
            if member.is_sum or not member.active:
                continue
            if self._stores_partials(member) and k not in self.kept:
                wanted.add(k)
            for operand in range(0 if member.is_matvec else len(member.block.operands)):
                if member.active >> operand & 1:
                    self._want_values(k, values_needed(member.block.code, operand), wanted)
        for k in sorted(range(len(self.group.members)), reverse=True):
            if k in wanted and not self.group.members[k].is_matvec:
                self._want_values(k, set(_OPERANDS), wanted)
        return wanted

    def _want_values(self, k: int, names: set[str] | frozenset[str], wanted: set[int]) -> None:
        members, operands = self.group.members, self.group.members[k].block.operands
        needed = [self.group.inner(operands[_OPERANDS.index(n)]) for n in names
                  if n != "v" and _OPERANDS.index(n) < len(operands)]  # fmt: skip
        needed += [k] if "v" in names else []
        wanted |= {i for i in needed if i is not None and not members[i].stored}

    # --- adjoints -------------------------------------------------------------------------------
    def _backward(self, known_seeds: bool) -> None:
        for number in range(len(self.lists.clusters)):
            self.steps.append(Step(at.OPEN, x=self.lists.clusters[number]))
        for k in range(len(self.group.members) - 1, -1, -1):
            member = self.group.members[k]
            if member.active and member.is_sum:
                self._seed(member.block, known_seeds)
            elif member.active:
                self._pull(k)
        for number, operand in enumerate(self.operands.all):
            if ("operand", number) in self.bars:
                self._flush(number, operand)

    def _seed(self, block: Block, known_seeds: bool) -> None:
        """The adjoint of a sum goes to all elements of what it adds up."""
        slot = int(self.layout.place[block.first])
        if block.length > 1:
            target, first = self._bar(block.operands[0])
            self.steps.append(Step(at.SEED_ROWS, block.sizes[0], slot, targets=(target,), at_once=first))
            return
        if slot not in self.seed_registers:
            self.seed_registers[slot] = register = Register()
            bits = int(np.float64(self.seeds[block.first]).view(np.int64)) if known_seeds else 0
            action, x = (at.SEED_CONSTANT, bits) if known_seeds else (at.SEED_SLOT, slot)
            self.steps.append(Step(action, x=x, targets=(register,), when=1))
        self._pass(block.operands[0], self.seed_registers[slot], 1)

    def _key(self, operand: Address) -> Key:
        inner = self.group.inner(operand)
        return ("operand", self.operands.number(operand)) if inner is None else inner

    def _pass(self, operand: Address, g: Word, sign: int) -> None:
        """An adjoint that goes on as it is needs no register of its own until something is added to it."""
        key = self._key(operand)
        if sign == 1 and key not in self.bars and not self._is_stored(key):
            self.bars[key] = g
            self.borrowed.add(key)
        else:
            target, at_once = self._bar(operand)
            self.steps.append(Step(at.PASS, x=sign, g=g, targets=(target,), at_once=at_once))

    def _is_stored(self, key: Key) -> bool:
        return isinstance(key, int) and self.group.members[key].stored

    def _bar(self, operand: Address) -> tuple[Word, int]:
        """The register of an operand's adjoint, and 1 if this is its first mention."""
        key = self._key(operand)
        if key not in self.bars:
            if not self._is_stored(key):
                self.bars[key] = Register()
                return self.bars[key], 1
            self.bars[key] = self._stored_bar(key)
        if key in self.borrowed:
            lent, self.bars[key] = self.bars[key], Register()
            self.borrowed.discard(key)
            self.steps.append(Step(at.PASS, x=1, g=lent, targets=(self.bars[key],), at_once=1))
        return self.bars[key], 0

    def _stored_bar(self, key: Key) -> Word:
        """The adjoint of a stored result stays in memory, where others have begun it."""
        assert isinstance(key, int)
        return int(self.layout.place[self.group.members[key].block.first])

    def _pull(self, k: int) -> None:
        """The adjoints of a member's operands from its own."""
        member = self.group.members[k]
        if k not in self.bars and member.stored:
            self.bars[k] = self._stored_bar(k)
        if member.is_matvec:
            matrix = int(self.layout.place[member.block.operands[0].start])
            span = self.spans[id(member)]
            self.steps.append(Step(at.PULL_MATVEC, x=matrix, y=span, w=span.size, g=self.bars[k]))
            return
        later: dict[int, tuple[Word, int]] = {}
        for number, operand in enumerate(member.block.operands):
            if member.active >> number & 1:
                kind, detail = way(member.block.code, number)
                if kind == PASS:
                    self._pass(operand, self.bars[k], int(detail))
                elif kind == PULL:
                    later[number] = self._bar(operand)
                else:
                    factor = self.partials[k][number] if kind == STORED else self._named(k, detail)
                    target, at_once = self._bar(operand)
                    step = Step(at.SCALE, x=factor, g=self.bars[k], targets=(target,), at_once=at_once)
                    self.steps.append(step)
        if later:
            self._pull_by_kernel(k, later)

    def _pull_by_kernel(self, k: int, targets: dict[int, tuple[Word, int]]) -> None:
        block = self.group.members[k].block
        needed = frozenset().union(*(values_needed(block.code, number) for number in targets))
        # A value that the adjoint does not read may be gone; any place will do for it.
        places = [self._named(k, name) if name in needed else self.bars[k] for name in (*_OPERANDS, "v")]
        registers = tuple(targets[i][0] if i in targets else at.NOWHERE for i in range(3))
        at_once = sum(first << number for number, (_, first) in targets.items())
        x, y, w, z = places
        self.steps.append(Step(at.PULL, block.code, x, y, w, z, self.bars[k], registers, at_once))

    def _named(self, k: int, name: str) -> Word:
        """Where the value that a formula calls `a`, `b`, `c` or `v` stands."""
        if name == "v":
            return self._result(k)
        return self._value(self.group.members[k].block.operands[_OPERANDS.index(name)])

    def _flush(self, number: int, operand: Operand) -> None:
        g = self.bars["operand", number]
        if operand.is_run:
            start = operand.address.start
            cluster = next(c for c in self.lists.clusters if c.lowest <= start <= c.highest)
            self.steps.append(Step(at.FLUSH_RUN, x=start, y=cluster, g=g))
        elif operand.is_single:
            cell = len(self.lists.sums) + self.single_number[number]
            self.steps.append(Step(at.FLUSH_SINGLE, g=g, targets=(cell,)))
        elif operand.is_private and operand.tiles is not None:
            span = self.spans[id(operand.address)]
            self.steps.append(Step(at.FLUSH_TILES, x=operand.tiles, y=span, g=g, targets=(Register(),)))
        elif operand.is_private:
            self.steps.append(Step(at.FLUSH_SPAN, x=operand.address, y=self.spans[id(operand.address)], g=g))
        else:
            self.steps.append(Step(at.FLUSH_ANY, int(operand.direct), x=operand.address, g=g))


def _span(address: Address) -> Span:
    low, high = address.bounds()
    return Span(low, high - low + 1)


def lists_of(group: Group, layout: Layout, seeds: dict[int, float]) -> Lists:
    """The lists of a group; `seeds` are the adjoints of sums that are known beforehand, by slot."""
    return _Writer(group, layout, seeds).write()
