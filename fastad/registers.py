"""Steps of a group over virtual registers, and the real registers that they get.

A list of steps is written as if there were a register for every value; a scan then gives each a real
one from its first to its last mention, so that a handful serve a long list and stay in cache.
"""

from __future__ import annotations

from dataclasses import dataclass

from fastad.group_operands import Cluster, Span, Tiles
from fastad.kernels import layout as at
from fastad.program import Address

PINNED = 12  # registers that may keep what is the same in all blocks


@dataclass(eq=False)
class Register:
    """A virtual register; `number` is the real one once it has been given."""

    number: int = -1


# A number, a register, or something whose word offset is known when the group is packed.
Word = int | Register | Address | Cluster | Span | Tiles


@dataclass(eq=False)
class Step:
    """One step; words that are registers or word offsets still to be known are objects."""

    action: int
    opcode: int = 0
    x: Word = 0
    y: Word = 0
    w: Word = 0
    z: Word = at.NOWHERE
    g: Word = at.NOWHERE
    targets: tuple[Word, ...] = ()
    at_once: int = 0
    when: int = 0

    def words(self) -> list[Word]:
        targets = (*self.targets, *(at.NOWHERE,) * (3 - len(self.targets)))
        return [self.action, self.opcode, self.x, self.y, self.w, self.z, self.g, *targets, self.at_once, self.when]


def allocate(steps: list[Step]) -> int:
    """Give every virtual register a real one; returns how many are needed.

    What is made once a chunk keeps its register, as long as there are few of them.
    """
    mentioned = [[word for word in step.words() if type(word) is Register] for step in steps]
    last = {word: i for i, words in enumerate(mentioned) for word in words}
    kept = [i for i, step in enumerate(steps) if step.when]
    for i in kept[PINNED:]:
        steps[i].when = 0
    last |= {word: len(steps) for i in kept[:PINNED] for word in mentioned[i]}
    free: list[int] = []
    count = 0
    for i, words in enumerate(mentioned):
        for word in words:
            if word.number < 0:
                if last[word] == len(steps) or not free:
                    free.append(count)
                    count += 1
                word.number = free.pop()
        free += [word.number for word in dict.fromkeys(words) if last[word] == i]
    return count
