"""A program in register notation: one synopsis line an instruction, `r5 = r3 * r4   # multiply`.

Registers are slots: independents first, then constants (shown as numbers), then results.

>>> import numpy as np
>>> import fastad as ad
>>> print(ad.record(lambda x, y: np.sin(x) * y + 2.5, 2.0, 3.0).show())
r3 = sin(r0)   # sin
r4 = r1 * r3   # multiply
r5 = 2.5 + r4   # add
outputs: r5
"""

from __future__ import annotations

from collections.abc import Callable

from fastad.ops import BY_CODE, Op
from fastad.program import Address, Block, Program, Run


def listing(program: Program) -> str:
    """The instructions, outputs and guards as text."""
    lines = []
    for segment in program.segments:
        lines += _run_lines(program, segment) if isinstance(segment, Run) else [_block_line(program, segment)]
    lines.append("outputs: " + _joined(program.outputs.tolist(), lambda slot: operand_name(program, slot)))
    lines += [f"guard: r{guard.slot} == {guard.expected:g}   # {guard.where}" for guard in program.guards]
    return "\n".join(lines)


def operand_name(program: Program, slot: int) -> str:
    """`r7`, or the number where the slot is a constant."""
    if program.inputs <= slot < program.first_result:
        return f"{program.constants[slot - program.inputs]:g}"
    return f"r{slot}"


def _run_lines(program: Program, run: Run) -> list[str]:
    lines = []
    for i in range(run.start, run.stop):
        op = BY_CODE[int(program.opcode[i])]
        assert isinstance(op, Op)
        names = [operand_name(program, int(column[i])) for column in (program.left, program.right)]
        lines.append(f"r{run.first + i - run.start} = {op.synopsis(*names)}   # {op.name}")
    return lines


def range_name(program: Program, address: Address, name: Callable[[int], str], most: int = 6) -> str:
    """The slots of an operand, each called what `name` says: `r3`, `r10:r19`, `constants[4]`, `(r0, r2, r4)`."""
    slots = address.slots()
    if slots.size and (address.is_single or slots.size == 1):
        return name(int(slots[0]))
    if slots.size and program.inputs <= slots.min() and slots.max() < program.first_result:
        return f"constants[{address.count}]"
    if address.is_run:
        return f"{name(int(slots[0]))}:{name(int(slots[-1]))}" if slots.size else "()"
    return "(" + _joined(slots.tolist(), name, most) + ")"


def _joined(slots: list[int], name: Callable[[int], str], most: int = 6) -> str:
    """The names with commas between them; the middle of a long list is left out."""
    if len(slots) <= most:
        return ", ".join(map(name, slots))
    return ", ".join([*map(name, slots[: most - 1]), "...", name(slots[-1])])


def _block_line(program: Program, block: Block) -> str:
    op = BY_CODE[block.code]
    names = [range_name(program, operand, lambda slot: operand_name(program, slot)) for operand in block.operands]
    result = f"r{block.first}" if block.length == 1 else f"r{block.first}:r{block.first + block.length - 1}"
    if block.name == "call":
        return f"{result} = {called(program, block)}({', '.join(n for n in names if n != '()')})   # {_results(block)}"
    what = op.synopsis(*names) if isinstance(op, Op) else f"{op.name}({', '.join(names)})"
    sizes = f", sizes {block.sizes}" if block.sizes else ""
    return f"{result} = {what}   # {op.name}, {_results(block)}{sizes}"


def _results(block: Block) -> str:
    return f"{block.length} result{'s' * (block.length > 1)}"


def called(program: Program, block: Block) -> str:
    """The name of the primitive that a block calls."""
    return program.calls[block.sizes[0]].primitive.name
