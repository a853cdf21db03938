"""The computation graph of a tape: elementals as nodes, operands as arrows; DOT, Mermaid and SVG.

A block is one node, and so are the independents where there are many and the constants that a block reads
as an array. The SVG needs no other program: `fastad.explain.layout` says where the nodes stand.

>>> import fastad as ad
>>> graph = ad.record(lambda x, y: x * y + x, 2.0, 3.0).graph()
>>> print(graph.to_mermaid())
flowchart TB
  n0["x1"]
  n1["x2"]
  n2(["*"])
  n3(["+"])
  n4["y"]
  n0 --> n2
  n1 --> n2
  n0 --> n3
  n2 --> n3
  n3 --> n4
"""

from __future__ import annotations

import html
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from fastad.errors import TapeTooLarge
from fastad.explain.layout import GAP, Box, place
from fastad.explain.listing import called, operand_name
from fastad.ops import BY_CODE
from fastad.program import Block, Program

if TYPE_CHECKING:
    from fastad.tape import Tape

MOST_NODES = 400
MOST_INPUTS = 24  # drawn one by one
MOST_CONSTANTS = 6  # of one operand of a block, drawn one by one
_COLOURS = {"independent": "#d7e8fa", "constant": "#eeeeee", "elemental": "#ffffff", "dependent": "#fbe3c8"}
_ROW, _HEIGHT = 74, 34


@dataclass(eq=False)
class Node(Box):
    """A node: what it shows, what kind it is, and the keys of the nodes that it reads."""

    key: int = 0
    label: str = ""
    kind: str = "elemental"
    reads: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.width = max(44.0, 7.4 * len(self.label) + 18.0)


class Graph:
    """The computation graph of a tape; see `Tape.graph`."""

    def __init__(self, tape: Tape) -> None:
        if tape.instructions > MOST_NODES:
            raise _too_large("tape", tape.instructions, "instructions")
        self.nodes = _Builder(tape.program).nodes
        if len(self.nodes) > MOST_NODES:
            raise _too_large("graph", len(self.nodes), "nodes")

    @property
    def edges(self) -> list[tuple[int, int]]:
        """(operand, result) by node keys, in order; an operand used twice gives two edges."""
        return [(operand, node.key) for node in self.nodes.values() for operand in node.reads]

    def to_dot(self) -> str:
        """The graph in the DOT language of Graphviz."""
        lines = ["digraph tape {", "  rankdir=TB;", '  node [fontname="Helvetica"];']
        for node in self.nodes.values():
            shape = "ellipse" if node.kind == "elemental" else "box"
            label = node.label.replace("\\", "\\\\").replace('"', '\\"')
            style = f'shape={shape}, style=filled, fillcolor="{_COLOURS[node.kind]}"'
            lines.append(f'  n{node.key} [label="{label}", {style}];')
        lines += [f"  n{a} -> n{b};" for a, b in self.edges]
        return "\n".join([*lines, "}"])

    def to_mermaid(self) -> str:
        """The graph as a Mermaid flowchart."""
        lines = ["flowchart TB"]
        for node in self.nodes.values():
            label = html.escape(node.label).replace("&#x27;", "'")
            left, right = ('(["', '"])') if node.kind == "elemental" else ('["', '"]')
            lines.append(f"  n{node.key}{left}{label}{right}")
        return "\n".join([*lines, *(f"  n{a} --> n{b}" for a, b in self.edges)])

    def to_svg(self) -> str:
        """The graph as an SVG picture."""
        nodes = list(self.nodes.values())
        edges = [(self.nodes[a], self.nodes[b]) for a, b in dict.fromkeys(self.edges)]
        routes = place(nodes, edges, [node for node in nodes if node.kind == "constant"])
        width = max((box.x + box.width / 2 for box in [*nodes, *(b for r in routes for b in r)]), default=0.0) + GAP
        height = max((_top(node) + _HEIGHT for node in nodes), default=0.0) + GAP
        parts = [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height:.0f}" '
            f'width="{width:.0f}" height="{height:.0f}" font-family="Helvetica, Arial, sans-serif" font-size="13">',
            '<defs><marker id="arrow" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" '
            'orient="auto"><path d="M0,0 L8,4 L0,8 z" fill="#555"/></marker></defs>',
            '<rect width="100%" height="100%" fill="#ffffff"/>',
        ]
        return "\n".join([*parts, *map(_curve, routes), *map(_shape, nodes), "</svg>"])

    def save(self, path: str | Path) -> None:
        """Write the graph; the ending says how: .svg, .dot or .mmd."""
        writers = {".svg": self.to_svg, ".dot": self.to_dot, ".gv": self.to_dot, ".mmd": self.to_mermaid}
        writer = writers.get(Path(path).suffix.lower())
        if writer is None:
            raise ValueError(f"cannot write a graph to {str(path)!r}: the ending must be one of {', '.join(writers)}")
        Path(path).write_text(writer() + "\n", encoding="utf-8")

    def _repr_svg_(self) -> str:
        return self.to_svg()


def _too_large(what: str, count: int, units: str) -> TapeTooLarge:
    return TapeTooLarge(
        f"the {what} has {count} {units}, and at most {MOST_NODES} can be drawn; tape.show() lists them as text"
    )


# --- nodes ------------------------------------------------------------------------------------------
class _Builder:
    """Nodes by key, operands before results: independents, constants in use, instructions, dependents."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.nodes: dict[int, Node] = {}
        self.key_of: dict[int, int] = {}  # of the slots whose node has another number
        self.arrays: dict[bytes, int] = {}  # nodes of arrays of constants
        self._add_independents()
        for first, code, operands in program.instructions():
            if isinstance(operands[0], Block):
                self._add_block(operands[0])
            else:
                self._add_scalar(first, BY_CODE[code], operands)
        self._add_dependents()

    def _add(self, key: int, label: str, kind: str, reads: list[int] | None = None) -> int:
        self.nodes[key] = Node(key=key, label=label, kind=kind, reads=reads or [])
        return key

    def _add_independents(self) -> None:
        n = self.program.inputs
        if n > MOST_INPUTS:
            self.key_of.update(dict.fromkeys(range(n), self._add(0, f"x1 ... x{n}", "independent")))
        else:
            for i in range(n):
                self._add(i, f"x{i + 1}", "independent")

    def _is_constant(self, slot: int) -> bool:
        return self.program.inputs <= slot < self.program.first_result

    def _key(self, slot: int) -> int:
        """The node that holds a slot; that of a constant is made here."""
        if self._is_constant(slot) and slot not in self.nodes:
            self._add(slot, operand_name(self.program, slot), "constant")
        return self.key_of.get(slot, slot)

    def _after_results(self) -> int:
        """The first key that is neither a slot nor a result's."""
        return self.program.slots + self.program.outputs.size

    def _add_scalar(self, slot: int, op: Any, operands: tuple[int, ...]) -> None:
        label = op.symbol if op.symbol and op.arity == 2 else op.name
        if op.name == "power_constant" and self._is_constant(operands[1]):
            label, operands = f"** {operand_name(self.program, operands[1])}", operands[:1]
        self._add(slot, label, "elemental", [self._key(operand) for operand in operands])

    def _add_block(self, block: Block) -> None:
        reads = [key for operand in block.operands for key in self._keys(operand.slots())]
        self.key_of.update(dict.fromkeys(range(block.first, block.first + block.length), block.first))
        name = called(self.program, block) if block.name == "call" else block.name
        label = f"{name} [{block.length}]" if block.length > 1 else name
        self._add(block.first, label, "elemental", list(dict.fromkeys(reads)))

    def _keys(self, slots: np.ndarray) -> list[int]:
        """The nodes that an operand of a block reads; many constants are one node."""
        slots = np.unique(slots)
        constant = (slots >= self.program.inputs) & (slots < self.program.first_result)
        array = slots[constant]
        if array.size <= MOST_CONSTANTS:
            return [self._key(slot) for slot in slots.tolist()]
        key = self.arrays.setdefault(array.tobytes(), self._after_results() + len(self.arrays))
        if key not in self.nodes:
            self._add(key, f"constants [{array.size}]", "constant")
        return [key, *(self._key(slot) for slot in slots[~constant].tolist())]

    def _add_dependents(self) -> None:
        sources: dict[int, list[int]] = {}
        for k, slot in enumerate(self.program.outputs.tolist()):
            sources.setdefault(self._key(slot), []).append(k + 1)
        for source, numbers in sources.items():
            label = "y" if self.program.outputs.size == 1 else _numbered(numbers)
            self._add(self.program.slots + numbers[0] - 1, label, "dependent", [source])


def _numbered(numbers: list[int]) -> str:
    """`y3`, or `y1 ... y5`; the results that come from one node."""
    if len(numbers) <= 2:
        return ", ".join(f"y{k}" for k in numbers)
    return f"y{numbers[0]} ... y{numbers[-1]}" if numbers[-1] - numbers[0] < len(numbers) else f"{len(numbers)} results"


# --- drawing ----------------------------------------------------------------------------------------
def _top(box: Box) -> float:
    return GAP + box.level * _ROW


def _curve(route: list[Box]) -> str:
    """An arrow from the bottom of the first box to the top of the last, upright at every level."""
    x, y = route[0].x, _top(route[0]) + _HEIGHT
    path = f"M{x:.1f},{y:.1f}"
    for box in route[1:]:
        top = _top(box)
        middle = (y + top) / 2
        path += f" C{x:.1f},{middle:.1f} {box.x:.1f},{middle:.1f} {box.x:.1f},{top:.1f}"
        x, y = box.x, top + _HEIGHT
        path += f" V{y:.1f}" if box is not route[-1] else ""
    return f'<path d="{path}" fill="none" stroke="#555" marker-end="url(#arrow)"/>'


def _shape(node: Node) -> str:
    radius = _HEIGHT / 2 if node.kind == "elemental" else 3
    return (
        f'<rect x="{node.x - node.width / 2:.1f}" y="{_top(node):.1f}" width="{node.width:.1f}" '
        f'height="{_HEIGHT}" rx="{radius}" fill="{_COLOURS[node.kind]}" stroke="#333"/>'
        f'<text x="{node.x:.1f}" y="{_top(node) + _HEIGHT / 2 + 4.5:.1f}" text-anchor="middle">'
        f"{html.escape(node.label)}</text>"
    )
