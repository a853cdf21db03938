"""Evaluation traces as the textbook writes them: primal, tangent, adjoint.

The independents are v_{1-n} ... v_0 and the elementals v_1, v_2, ... in the order of the tape; array
instructions are taken apart into elementals with one result. Values come from the reference
interpreter (`fastad.testing`), so a trace is independent of the compiled sweeps. `v_3'` is the
tangent and `v_3_bar` the adjoint of v_3.
"""

from __future__ import annotations

import html
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from fastad.errors import ShapeMismatch, TapeTooLarge
from fastad.ops import BY_CODE, Op
from fastad.program import Block, Program
from fastad.testing import Reference

if TYPE_CHECKING:
    from fastad.tape import Tape

MOST_ELEMENTALS = 20_000  # taken apart at all
MOST_ROWS = 200  # shown; the middle of longer traces is left out


class Trace:
    """A trace as a table of text cells.

    Attributes
    ----------
    title : str
    columns : tuple of str
    rows : list of tuple of str
    values : ndarray of float64, shape (m,)
        The function's results.
    tangents : ndarray of float64, shape (m,), or None
        Tangents of the results, in a tangent trace.
    adjoints : ndarray of float64, shape (n,), or None
        Adjoints of the independents, in an adjoint trace.
    """

    def __init__(self, title: str, columns: tuple[str, ...], rows: list[tuple[str, ...]], values: np.ndarray) -> None:
        self.title, self.columns, self.values = title, columns, values
        self.rows = rows
        self.tangents: np.ndarray | None = None
        self.adjoints: np.ndarray | None = None

    @property
    def shown(self) -> list[tuple[str, ...]]:
        """The rows, without the middle of a long trace."""
        if len(self.rows) <= MOST_ROWS:
            return self.rows
        half, left_out = MOST_ROWS // 2, len(self.rows) - MOST_ROWS
        gap = (f"... {left_out} rows ...", *("" for _ in self.columns[1:]))
        return [*self.rows[:half], gap, *self.rows[-half:]]

    def __str__(self) -> str:
        """An aligned table of plain text."""
        table = [self.columns, *self.shown]
        widths = [max(len(row[i]) for row in table) for i in range(len(self.columns))]
        lines = [
            "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in table
        ]
        rule = "-" * max(len(line) for line in [self.title, *lines])
        return "\n".join([self.title, rule, lines[0], rule, *lines[1:], rule])

    __repr__ = __str__

    def to_markdown(self) -> str:
        """A Markdown table under its title."""
        rows = [self.columns, tuple("---" for _ in self.columns), *self.shown]
        return f"**{self.title}**\n\n" + "\n".join(
            "| " + " | ".join(cell.replace("|", "\\|").replace("*", "\\*") for cell in row) + " |" for row in rows
        )

    def to_html(self) -> str:
        """An HTML table."""
        head = "".join(f"<th>{html.escape(column)}</th>" for column in self.columns)
        body = "\n".join(
            "<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in row) + "</tr>" for row in self.shown
        )
        caption = f"<caption>{html.escape(self.title)}</caption>"
        return f"<table>\n{caption}\n<thead><tr>{head}</tr></thead>\n<tbody>\n{body}\n</tbody>\n</table>"

    _repr_html_ = to_html


def trace(tape: Tape, x: np.ndarray, mode: str, seed: Any = None, weight: Any = None) -> Trace:
    """The trace of a tape at the point x (n,); see `Tape.trace`."""
    if mode not in ("primal", "tangent", "adjoint"):
        raise ValueError(f"mode={mode!r}: 'primal', 'tangent' or 'adjoint' is needed")
    size = tape.program.slots - tape.program.first_result
    if size > MOST_ELEMENTALS:
        raise TapeTooLarge(f"the tape has {size} elementals, and a trace takes apart at most {MOST_ELEMENTALS}")
    names = _Names(tape.program, x)
    if mode == "primal":
        return _primal_trace(names)
    if mode == "tangent":
        return _tangent_trace(names, _direction(seed, tape.inputs, "the seed"))
    return _adjoint_trace(names, _direction(weight, tape.outputs, "the weight"))


def _direction(given: Any, size: int, what: str) -> np.ndarray:
    """A seed or weight as an array; the first unit vector where none is given."""
    if given is None:
        return np.eye(1, size)[0]
    values = np.atleast_1d(np.asarray(given, np.float64))
    if values.shape != (size,):
        raise ShapeMismatch(f"{what} has shape {values.shape}, but ({size},) is needed")
    return values


class _Names:
    """A program at a point, with the textbook's names for its slots."""

    def __init__(self, program: Program, x: np.ndarray) -> None:
        self.program, self.reference = program, Reference(program, x)
        self.values = self.reference.values

    def name(self, slot: int) -> str:
        """`v_2`, or the number where the slot is a constant."""
        program = self.program
        if slot < program.inputs:
            return f"v_{slot - program.inputs + 1}"
        if slot < program.first_result:
            return f"{program.constants[slot - program.inputs]:g}"
        return f"v_{slot - program.first_result + 1}"

    def is_constant(self, slot: int) -> bool:
        return self.program.inputs <= slot < self.program.first_result

    def formulas(self) -> Iterator[str]:
        """The elementals' right-hand sides, in the order of `Reference.elementals`."""
        for _, code, operands in self.program.instructions():
            op, block = BY_CODE[code], operands[0]
            if not isinstance(op, Op):
                yield from self._array_formulas(block)
            elif isinstance(block, Block):
                for slots in zip(*(operand.slots().tolist() for operand in block.operands), strict=True):
                    yield op.synopsis(*map(self.name, slots))
            else:
                yield op.synopsis(*map(self.name, operands))

    def _array_formulas(self, block: Block) -> Iterator[str]:
        for elemental in self.reference.elementals[self._first(block) :][: block.length]:
            names = [self.name(slot) for slot in elemental.operands]
            if block.name == "matmul":
                half = len(names) // 2
                names = [f"{a} * {b}" for a, b in zip(names[:half], names[half:], strict=True)]
            yield _sum(names)

    def _first(self, block: Block) -> int:
        return block.first - self.program.first_result


def _sum(terms: list[str], most: int = 6) -> str:
    """The terms with plus signs between them; the middle of a long sum is left out."""
    return " + ".join(terms if len(terms) <= most else [*terms[: most - 2], "...", terms[-1]])


def _number(value: float) -> str:
    return f"{value:.6g}"


def _independent_rows(names: _Names) -> list[tuple[str, str, str]]:
    n = names.program.inputs
    return [(names.name(i), f"x{i + 1}", _number(names.values[i])) for i in range(n)]


def _result_rows(names: _Names, numbers: np.ndarray) -> list[tuple[str, str, str]]:
    outputs = names.program.outputs
    labels = ["y"] if outputs.size == 1 else [f"y{i + 1}" for i in range(outputs.size)]
    return [
        (label, names.name(int(slot)), _number(number))
        for label, slot, number in zip(labels, outputs, numbers, strict=True)
    ]


def _primal_trace(names: _Names) -> Trace:
    rows = _independent_rows(names)
    for elemental, formula in zip(names.reference.elementals, names.formulas(), strict=True):
        rows.append((names.name(elemental.result), formula, _number(names.values[elemental.result])))
    values = names.values[names.program.outputs]
    rows += _result_rows(names, values)
    return Trace("Forward primal trace", ("v", "elemental", "value"), rows, values)  # type: ignore[arg-type]


def _tangent_trace(names: _Names, seed: np.ndarray) -> Trace:
    primal = _primal_trace(names)
    dots = names.reference.tangent(seed)
    n = names.program.inputs
    right = [(f"{names.name(i)}'", f"x{i + 1}'", _number(dots[i])) for i in range(n)]
    for elemental, slopes in zip(names.reference.elementals, names.reference.slopes, strict=True):
        pairs = zip(elemental.operands, slopes, strict=True)
        terms = [f"{_number(float(d))} * {names.name(slot)}'" for slot, d in pairs if not names.is_constant(slot)]
        right.append((f"{names.name(elemental.result)}'", _sum(terms) or "0", _number(dots[elemental.result])))
    tangents = dots[names.program.outputs]
    right += [(f"{a}'", f"{b}'", c) for a, b, c in _result_rows(names, tangents)]
    rows = [(*left, *more) for left, more in zip(primal.rows, right, strict=True)]
    title = f"Forward tangent trace, seed ({', '.join(map(_number, seed))})"
    result = Trace(title, (*primal.columns, "v'", "tangent", "value"), rows, primal.values)
    result.tangents = tangents
    return result


def _adjoint_trace(names: _Names, weight: np.ndarray) -> Trace:
    program, reference = names.program, names.reference
    bars, rows = np.zeros(program.slots), []
    for slot, w in zip(program.outputs, weight, strict=True):
        bars[slot] += w
        rows.append((f"{names.name(int(slot))}_bar", "weight of the result", _number(bars[slot])))
    formulas = list(names.formulas())
    for k in range(len(reference.elementals) - 1, -1, -1):
        elemental, slopes = reference.elementals[k], reference.slopes[k]
        g, name = bars[elemental.result], names.name(elemental.result)
        for slot, d in zip(elemental.operands, slopes, strict=True):
            if not names.is_constant(slot):
                bars[slot] += 0.0 if d == 0.0 or g == 0.0 else d * g
                text = f"+= {name}_bar * {_number(float(d))}   ({name} = {formulas[k]})"
                rows.append((f"{names.name(slot)}_bar", text, _number(bars[slot])))
    rows += [(f"x{i + 1}_bar", f"{names.name(i)}_bar", _number(bars[i])) for i in range(program.inputs)]
    title = f"Reverse adjoint trace, weight ({', '.join(map(_number, weight))})"
    result = Trace(title, ("v_bar", "contribution", "value"), rows, names.values[program.outputs])  # type: ignore[arg-type]
    result.adjoints = bars[: program.inputs].copy()
    return result
