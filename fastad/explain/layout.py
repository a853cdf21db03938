"""Boxes in levels, joined from top to bottom: where a layered drawing of a graph puts them.

Theory of operation (Sugiyama's method, small). A box stands one level below the lowest of the boxes above
it. An edge that crosses levels gets a way point in each, so that it is led between the boxes and not
behind them; the edges that leave one box share their way points. Then the levels are swept down and up:
each is sorted by the mean place of its neighbours in the level before, and its boxes are moved as near to
these means as their widths allow, in the sense of least squares (isotonic regression).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

GAP = 26.0
_SORTED_ROUNDS, _ROUNDS = 8, 20
_WAY_WIDTH = 4.0


@dataclass(eq=False)
class Box:
    """A box, or the way point of an edge, with its neighbours in the levels above and below."""

    width: float = _WAY_WIDTH
    level: int = 0
    x: float = 0.0
    above: list[Box] = field(default_factory=list, repr=False)
    below: list[Box] = field(default_factory=list, repr=False)


Edge = tuple[Box, Box]


def place(boxes: Sequence[Box], edges: Sequence[Edge], sinking: Sequence[Box] = ()) -> list[list[Box]]:
    """Set level and x of all boxes, and return for each edge the boxes and way points that it passes.

    Parameters
    ----------
    boxes : sequence of Box
        Operands before results.
    edges : sequence of (Box, Box)
        From the upper to the lower one.
    sinking : sequence of Box
        Boxes with nothing above them that shall stand as near to what is below them as they can.

    Returns
    -------
    list of list of Box, as long as `edges`
    """
    _set_levels(boxes, edges, sinking)
    ways: dict[tuple[int, int], Box] = {}
    routes = [_route(a, b, ways) for a, b in edges]
    for box in (*boxes, *ways.values()):
        box.above, box.below = [], []
    for a, b in dict.fromkeys(pair for route in routes for pair in pairwise(route)):
        a.below.append(b)
        b.above.append(a)
    _arrange(_by_level([*boxes, *ways.values()]))
    return routes


def _set_levels(boxes: Sequence[Box], edges: Sequence[Edge], sinking: Sequence[Box]) -> None:
    for box in boxes:
        box.above, box.below = [], []
    for a, b in edges:
        a.below.append(b)
        b.above.append(a)
    for box in boxes:
        box.level = 1 + max((upper.level for upper in box.above), default=-1)
    for box in sinking:
        box.level = min((lower.level for lower in box.below), default=1) - 1


def _route(a: Box, b: Box, ways: dict[tuple[int, int], Box]) -> list[Box]:
    between = [ways.setdefault((id(a), level), Box(level=level)) for level in range(a.level + 1, b.level)]
    return [a, *between, b]


def _by_level(boxes: Sequence[Box]) -> list[list[Box]]:
    levels: list[list[Box]] = [[] for _ in range(1 + max((box.level for box in boxes), default=-1))]
    for box in boxes:
        levels[box.level].append(box)
    return levels


def _arrange(levels: list[list[Box]]) -> None:
    for level in levels:
        _spread(level, [0.0] * len(level))
    for turn in range(_ROUNDS):
        for level in levels[1:]:
            _move(level, [_mean(box.above, box.x) for box in level], turn < _SORTED_ROUNDS)
        for level in reversed(levels[:-1]):
            _move(level, [_mean(box.below, box.x) for box in level], turn < _SORTED_ROUNDS)
    for level in levels:
        _move(level, [_mean(box.above + box.below, box.x) for box in level], False)
    left = min((box.x - box.width / 2 for level in levels for box in level), default=0.0) - GAP
    for level in levels:
        for box in level:
            box.x -= left


def _mean(boxes: list[Box], otherwise: float) -> float:
    return sum(box.x for box in boxes) / len(boxes) if boxes else otherwise


def _move(level: list[Box], wanted: list[float], sort: bool) -> None:
    if sort:
        order = sorted(range(len(level)), key=wanted.__getitem__)
        level[:], wanted = [level[i] for i in order], [wanted[i] for i in order]
    _spread(level, wanted)


def _spread(level: list[Box], wanted: list[float]) -> None:
    """Places nearest to the wanted ones at which no two boxes of the level come closer than the gap."""
    offsets, offset = [], 0.0
    for i, box in enumerate(level):
        offset += (level[i - 1].width + box.width) / 2 + GAP if i else 0.0
        offsets.append(offset)
    pools: list[tuple[float, int]] = []  # (sum of wanted - offset, how many): boxes that touch
    for want, offset in zip(wanted, offsets, strict=True):
        total, count = want - offset, 1
        while pools and pools[-1][0] / pools[-1][1] > total / count:
            more, others = pools.pop()
            total, count = total + more, count + others
        pools.append((total, count))
    places = [total / count for total, count in pools for _ in range(count)]
    for box, at, offset in zip(level, places, offsets, strict=True):
        box.x = at + offset
