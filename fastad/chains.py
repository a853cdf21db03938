"""Which groups run chunk by chunk with a batch of matrix products, or with the rows of one (`kernels/chains.py`).

A group joins the batch behind or before it if it has a share of elements for each product (or row), and if what
passes between them is read element for element: then a chunk of the one needs only the same chunk of the other, in
both directions. One batch makes a chain; neither a group whose chunks meet in memory nor one whose seed is known joins.
"""

from __future__ import annotations

from dataclasses import dataclass

from fastad.blas import LARGE
from fastad.fuse import MATMUL, Group, Layout, Single
from fastad.fused_steps import Lists
from fastad.program import Block

CHUNK = 16384  # elements of a chunk, if there are products as small
LARGEST = 1 << 17  # elements of one product's share that still stay in cache
ROWS = 1 << 18  # multiply-adds of a chunk of a single product
ROW_CHUNKS = 4  # at most, because each has an adjoint of the right factor to itself


@dataclass(eq=False)
class Chain:
    """Steps first .. first + count of a layout, whose chunks are `items` of `batch` products (or rows) each.

    `cells` counts what its groups put aside, as they are packed.
    """

    first: int
    count: int
    batch: int
    items: int
    cells: int = 0

    @property
    def chunks(self) -> int:
        return -(-self.batch // self.items)

    def elements(self, group: Group) -> int:
        """Elements of a group's chunk."""
        return group.length // self.batch * self.items


def chains_of(layout: Layout, lists: dict[int, Lists], fresh_products: set[int]) -> dict[int, Chain]:
    """The chain of each step that is in one, by the step's identity."""
    found: dict[int, Chain] = {}
    for number, step in enumerate(layout.steps):
        chunks = _most_chunks(step, fresh_products)
        if chunks > 1:
            chain = _Growth(layout, lists, found, number, chunks).chain()
            if chain is not None:
                found |= {id(s): chain for s in layout.steps[chain.first : chain.first + chain.count]}
    return found


def _most_chunks(step: Group | Single, fresh_products: set[int]) -> int:
    """Into how many chunks products can be cut, if they can be in a chain, else 0."""
    if not isinstance(step, Single) or not isinstance(step.segment, Block) or step.segment.code != MATMUL:
        return 0
    (m, p, n), batch = step.segment.sizes, step.segment.batch
    if m * p * n >= LARGE or (step.active & 1 and id(step) not in fresh_products):
        return 0
    if batch == 1:
        return min(ROW_CHUNKS, m, m * p * n // ROWS) if n > 1 else 0
    return batch if max(m * p, m * n) <= LARGEST else 0


class _Growth:
    """A chain that grows from its products outwards."""

    def __init__(
        self, layout: Layout, lists: dict[int, Lists], found: dict[int, Chain], number: int, chunks: int
    ) -> None:
        self.steps, self.lists, self.found, self.chunks = layout.steps, lists, found, chunks
        (products,) = _blocks(layout.steps[number])
        self.batch = products.batch if products.batch > 1 else products.sizes[0]
        self.first, self.stop = number, number + 1

    def chain(self) -> Chain | None:
        while self.stop < len(self.steps) and self._may_join(self.stop, self.first, self.stop + 1):
            self.stop += 1
        while self.first > 0 and self._may_join(self.first - 1, self.first - 1, self.stop):
            self.first -= 1
        largest = max(_share(step, self.batch) for step in self.steps[self.first : self.stop])
        items = min(
            self.batch, max(-(-self.batch // self.chunks), CHUNK // largest if self.chunks == self.batch else 1)
        )
        chain = Chain(self.first, self.stop - self.first, self.batch, items)
        fits = (
            chain.count > 1 and chain.chunks > 1 and all(map(self._carries_fit, [chain] * chain.count, self._range()))
        )
        return chain if fits else None

    def _range(self) -> range:
        return range(self.first, self.stop)

    def _may_join(self, number: int, first: int, stop: int) -> bool:
        step = self.steps[number]
        if not isinstance(step, Group) or step.length % self.batch or step.length == 0 or id(step) in self.found:
            return False
        lists, share = self.lists[id(step)], step.length // self.batch
        if lists.serial or lists.both or share > LARGEST or any(member.is_matvec for member in step.members):
            return False
        return not (step.row and share % step.row) and self._is_aligned(first, stop)

    def _is_aligned(self, first: int, stop: int) -> bool:
        """Whether the steps read one another element for element, each of them some other."""
        made: list[Block] = []
        linked = 0
        for step in self.steps[first:stop]:
            links = [_link(step, k, block, made) for block in _blocks(step) for k in range(len(block.operands))]
            if None in links:
                return False
            linked += any(links)
            made += _blocks(step)
        return linked == stop - first - 1

    def _carries_fit(self, chain: Chain, number: int) -> bool:
        """Whether what a chunk leaves for others reaches no further than into the chunk before."""
        step = self.steps[number]
        clusters = self.lists[id(step)].clusters if isinstance(step, Group) else []
        return all(c.highest - c.lowest <= chain.elements(step) for c in clusters if isinstance(step, Group))


def _share(step: Group | Single, batch: int) -> int:
    """Elements that belong to one product or row."""
    if isinstance(step, Group):
        return step.length // batch
    (products,) = _blocks(step)
    m, p, n = products.sizes
    return max(p, n) * (m if products.batch > 1 else 1)


def _blocks(step: Group | Single) -> list[Block]:
    if isinstance(step, Group):
        return [member.block for member in step.members]
    return [step.segment] if isinstance(step.segment, Block) else []


def _link(step: Group | Single, k: int, block: Block, made: list[Block]) -> bool | None:
    """Whether operand k of a block is what an earlier step of the chain made; None where it reads it otherwise."""
    operand = block.operands[k]
    if isinstance(step, Group) and step.inner(operand) is not None:
        return False
    low, high = operand.bounds()
    for other in made:
        if low < other.first + other.length and high >= other.first:
            whole = operand.is_run and operand.start == other.first and operand.count == other.length
            left = isinstance(step, Group) or k == 0
            return True if whole and left and operand.count > 1 else None
    return False
