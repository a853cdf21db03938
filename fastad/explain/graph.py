"""The computation graph of a tape: elementals as nodes, operands as arrows; DOT, Mermaid and SVG.

The SVG needs no other program: nodes stand in levels by their depth (the longest way from an
independent), are ordered within a level by the barycentre of their neighbours, and are joined by curves.
"""

from __future__ import annotations

import html
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from fastad.errors import TapeTooLarge
from fastad.explain.listing import operand_name
from fastad.ops import BY_CODE, Op
from fastad.program import Block, Program

if TYPE_CHECKING:
    from fastad.tape import Tape

MOST_NODES = 400
_COLOURS = {"independent": "#d7e8fa", "constant": "#eeeeee", "elemental": "#ffffff", "dependent": "#fbe3c8"}
_ROW, _GAP, _HEIGHT = 78, 26, 34


@dataclass
class Node:
    """A node: what it shows, what kind it is, and the nodes that it reads."""

    key: int
    label: str
    kind: str
    reads: list[int] = field(default_factory=list)
    level: int = 0
    x: float = 0.0

    @property
    def width(self) -> float:
        return max(44.0, 7.4 * len(self.label) + 18.0)


class Graph:
    """The computation graph of a tape; see `Tape.graph`."""

    def __init__(self, tape: Tape) -> None:
        self.nodes = _nodes(tape.program)
        if len(self.nodes) > MOST_NODES:
            raise TapeTooLarge(f"the graph has {len(self.nodes)} nodes, and at most {MOST_NODES} can be drawn")

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
        levels = _place(self.nodes)
        width = max((node.x + node.width / 2 for node in self.nodes.values()), default=0.0) + _GAP
        height = len(levels) * _ROW + _GAP
        parts = [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height}" '
            f'width="{width:.0f}" height="{height}" font-family="Helvetica, Arial, sans-serif" font-size="13">',
            '<defs><marker id="arrow" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" '
            'orient="auto"><path d="M0,0 L8,4 L0,8 z" fill="#555"/></marker></defs>',
            '<rect width="100%" height="100%" fill="#ffffff"/>',
        ]
        parts += [_curve(self.nodes[a], self.nodes[b]) for a, b in self.edges]
        parts += [_shape(node) for node in self.nodes.values()]
        return "\n".join([*parts, "</svg>"])

    def save(self, path: str | Path) -> None:
        """Write the graph; the ending says how: .svg, .dot or .mmd."""
        writers = {".svg": self.to_svg, ".dot": self.to_dot, ".gv": self.to_dot, ".mmd": self.to_mermaid}
        writer = writers.get(Path(path).suffix.lower())
        if writer is None:
            raise ValueError(f"cannot write a graph to {str(path)!r}: the ending must be one of {', '.join(writers)}")
        Path(path).write_text(writer() + "\n", encoding="utf-8")

    def _repr_svg_(self) -> str:
        return self.to_svg()


# --- nodes ------------------------------------------------------------------------------------------
def _nodes(program: Program) -> dict[int, Node]:
    """Nodes by key: independents, constants in use, instructions, results; a block is one node."""
    nodes = {i: Node(i, f"x{i + 1}", "independent") for i in range(program.inputs)}
    block_of: dict[int, int] = {}
    for first, code, operands in program.instructions():
        op, block = BY_CODE[code], operands[0]
        if isinstance(block, Block):
            slots = sorted({int(slot) for operand in block.operands for slot in operand.slots()})
            block_of.update(dict.fromkeys(range(block.first, block.first + block.length), first))
            label = f"{block.name} [{block.length}]" if block.length > 1 else block.name
        else:
            slots = list(operands)
            label = (op.symbol if isinstance(op, Op) and op.symbol else op.name) + _exponent(program, op.name, slots)
        reads = list(dict.fromkeys(block_of.get(s, s) for s in slots)) if isinstance(block, Block) else slots
        reads = [block_of.get(slot, slot) for slot in reads]
        for slot in reads:
            if program.inputs <= slot < program.first_result:
                nodes.setdefault(slot, Node(slot, operand_name(program, slot), "constant"))
        nodes[first] = Node(first, label, "elemental", reads)
        if len(nodes) > 4 * MOST_NODES:
            break
    return _with_results(program, nodes, block_of)


def _exponent(program: Program, name: str, slots: list[int]) -> str:
    return "" if name != "power_constant" else f" {operand_name(program, slots[1])}"


def _with_results(program: Program, nodes: dict[int, Node], block_of: dict[int, int]) -> dict[int, Node]:
    sources = list(dict.fromkeys(block_of.get(int(slot), int(slot)) for slot in program.outputs))
    for k, source in enumerate(sources):
        if program.inputs <= source < program.first_result:
            nodes.setdefault(source, Node(source, operand_name(program, source), "constant"))
        label = "y" if len(sources) == 1 else f"y{k + 1}"
        nodes[program.slots + k] = Node(program.slots + k, label, "dependent", [source] if source in nodes else [])
    return nodes


# --- layout -----------------------------------------------------------------------------------------
def _place(nodes: dict[int, Node]) -> list[list[Node]]:
    """Levels from top to bottom, each in its order, with the nodes' coordinates set."""
    for node in nodes.values():
        node.level = 1 + max((nodes[operand].level for operand in node.reads), default=-1)
    readers: dict[int, list[Node]] = {key: [] for key in nodes}
    for node in nodes.values():
        for operand in node.reads:
            readers[operand].append(node)
    for node in nodes.values():
        if node.kind == "constant" and readers[node.key]:
            node.level = min(reader.level for reader in readers[node.key]) - 1
    levels: list[list[Node]] = [[] for _ in range(1 + max((n.level for n in nodes.values()), default=-1))]
    for node in nodes.values():
        levels[node.level].append(node)
    for _ in range(6):
        for level in levels:
            _spread(level)
        for level in levels[1:]:
            level.sort(key=lambda n: _mean([nodes[operand].x for operand in n.reads], n.x))
            _spread(level)
        for level in reversed(levels[:-1]):
            level.sort(key=lambda n: _mean([reader.x for reader in readers[n.key]], n.x))
    widest = max((_extent(level) for level in levels), default=0.0)
    for level in levels:
        _spread(level, (widest - _extent(level)) / 2)
    return levels


def _mean(values: list[float], otherwise: float) -> float:
    return sum(values) / len(values) if values else otherwise


def _extent(level: list[Node]) -> float:
    return sum(node.width + _GAP for node in level)


def _spread(level: list[Node], left: float = 0.0) -> None:
    x = left + _GAP
    for node in level:
        node.x = x + node.width / 2
        x += node.width + _GAP


def _y(node: Node) -> float:
    return _GAP + node.level * _ROW + _HEIGHT / 2


def _curve(a: Node, b: Node) -> str:
    top, bottom = _y(a) + _HEIGHT / 2, _y(b) - _HEIGHT / 2
    bend = (bottom - top) / 2
    path = f"M{a.x:.1f},{top:.1f} C{a.x:.1f},{top + bend:.1f} {b.x:.1f},{bottom - bend:.1f} {b.x:.1f},{bottom:.1f}"
    return f'<path d="{path}" fill="none" stroke="#555" marker-end="url(#arrow)"/>'


def _shape(node: Node) -> str:
    radius = _HEIGHT / 2 if node.kind == "elemental" else 3
    return (
        f'<rect x="{node.x - node.width / 2:.1f}" y="{_y(node) - _HEIGHT / 2:.1f}" width="{node.width:.1f}" '
        f'height="{_HEIGHT}" rx="{radius}" fill="{_COLOURS[node.kind]}" stroke="#333"/>'
        f'<text x="{node.x:.1f}" y="{_y(node) + 4.5:.1f}" text-anchor="middle">{html.escape(node.label)}</text>'
    )
