"""A program in register notation: one synopsis line an instruction, `r5 = r3 * r4   # multiply`."""

from __future__ import annotations

from fastad.ops import BY_CODE, Op
from fastad.program import Address, Block, Program, Run


def listing(program: Program) -> str:
    """The instructions, outputs and guards as text."""
    lines = []
    for segment in program.segments:
        lines += _run_lines(program, segment) if isinstance(segment, Run) else [_block_line(program, segment)]
    lines.append("outputs: " + _joined([operand_name(program, int(slot)) for slot in program.outputs]))
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


def _range_name(program: Program, address: Address) -> str:
    if address.is_single:
        return operand_name(program, address.start)
    slots = address.slots()
    if address.is_run and program.inputs <= address.start < program.first_result:
        return f"constants[{address.count}]"
    if address.is_run:
        return f"r{slots[0]}:r{slots[-1]}"
    return "(" + _joined([operand_name(program, int(slot)) for slot in slots]) + ")"


def _joined(names: list[str], most: int = 6) -> str:
    return ", ".join(names if len(names) <= most else [*names[: most - 1], "...", names[-1]])


def _block_line(program: Program, block: Block) -> str:
    op = BY_CODE[block.code]
    names = [_range_name(program, operand) for operand in block.operands]
    result = f"r{block.first}" if block.length == 1 else f"r{block.first}:r{block.first + block.length - 1}"
    what = op.synopsis(*names) if isinstance(op, Op) else f"{op.name}({', '.join(names)})"
    sizes = f", sizes {block.sizes}" if block.sizes else ""
    return f"{result} = {what}   # {op.name}, {block.length} result{'s' * (block.length > 1)}{sizes}"
