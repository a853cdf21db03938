"""Evaluation traces as the textbook writes them: primal, tangent, adjoint.

The independents are v_{1-n} ... v_0 and the elementals v_1, v_2, ... in the order of the tape; array
instructions are taken apart into elementals with one result. Values come from the reference
interpreter (`fastad.testing`), so a trace is independent of the compiled sweeps. `v_3'` is the
tangent and `v_3_bar` the adjoint of v_3. Where that makes too many rows, an array instruction has one row
(one an operand in the adjoint trace), in which `v_1:v_300` is a range and of the values only the first are
shown.

>>> import fastad as ad
>>> print(ad.record(lambda x, y: x * y + x, 2.0, 3.0).trace(2.0, 3.0, mode="adjoint"))
Reverse adjoint trace, weight (1)
----------------------------------------------------
v_bar     contribution                         value
----------------------------------------------------
v_2_bar   weight of the result                 1
v_-1_bar  += v_2_bar * 1   (v_2 = v_-1 + v_1)  1
v_1_bar   += v_2_bar * 1   (v_2 = v_-1 + v_1)  1
v_-1_bar  += v_1_bar * 3   (v_1 = v_-1 * v_0)  4
v_0_bar   += v_1_bar * 2   (v_1 = v_-1 * v_0)  2
x1_bar    v_-1_bar                             4
x2_bar    v_0_bar                              2
----------------------------------------------------
"""

from __future__ import annotations

import html
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from fastad.errors import BranchChanged, ShapeMismatch, TapeTooLarge, UnsupportedDtype
from fastad.explain.steps import EXTREMA, Names, Step, Values, applied, sum_of
from fastad.ops import BY_CODE, Op

if TYPE_CHECKING:
    from fastad.tape import Tape

MOST_ELEMENTALS = 20_000  # taken apart at all
MOST_ELEMENTS = 3  # of an array that gets a row an element in a long trace
MOST_ROWS = 200  # with array instructions taken apart, and shown; the middle of longer traces is left out


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
    directions = _direction(seed, tape.inputs, "the seed"), _direction(weight, tape.outputs, "the weight")
    _, failed = tape.evaluate(x)
    if failed >= 0:
        raise BranchChanged(tape.explain_guard(failed, x))
    names = Names(tape.program, x)
    whole = _trace(names, mode, *directions)
    if len(whole.rows) <= MOST_ROWS:
        return whole
    names.most_elements = MOST_ELEMENTS
    return _trace(names, mode, *directions)


def _trace(names: Names, mode: str, seed: np.ndarray, weight: np.ndarray) -> Trace:
    if mode == "primal":
        return _primal_trace(names)
    return _tangent_trace(names, seed) if mode == "tangent" else _adjoint_trace(names, weight)


def _direction(given: Any, size: int, what: str) -> np.ndarray:
    """A seed or weight as an array; the first unit vector where none is given."""
    if given is None:
        return np.eye(1, size)[0]
    try:
        values = np.atleast_1d(np.asarray(given))
    except ValueError:
        raise ShapeMismatch(f"{what} has rows of different lengths, but ({size},) is needed") from None
    if values.dtype.kind not in "fiub":
        raise UnsupportedDtype(f"{what} has dtype {values.dtype}: real numbers are needed")
    if values.shape != (size,):
        raise ShapeMismatch(f"{what} has shape {values.shape}, but ({size},) is needed")
    return values.astype(np.float64)


def _numbers(values: Any) -> str:
    """A number; of an array the first ones, and how many there are."""
    values = np.atleast_1d(values)
    if values.size > 1 and np.all(values == values[0]):
        return f"{values[0]:.6g} [{values.size}]"
    shown = ", ".join(f"{value:.6g}" for value in values[:2])
    return f"{shown}, ... [{values.size}]" if values.size > 2 else shown


# --- the three traces ---------------------------------------------------------------------------------
def _primal_trace(names: Names) -> Trace:
    v = names.values
    rows = [(x.name, label, _numbers(v[x.slots])) for x, label in names.independents]
    rows += [(step.result.name, step.formula, _numbers(v[step.result.slots])) for step in names.steps()]
    rows += [(label, y.name, _numbers(v[y.slots])) for y, label in names.dependents]
    return Trace("Forward primal trace", ("v", "elemental", "value"), rows, v[names.program.outputs])  # type: ignore[arg-type]


def _tangent_trace(names: Names, seed: np.ndarray) -> Trace:
    primal, dots = _primal_trace(names), names.reference.tangent(seed)
    right = [(x.marked("'"), _marked(label, "'"), _numbers(dots[x.slots])) for x, label in names.independents]
    for step in names.steps():
        right.append((step.result.marked("'"), _tangent_formula(names, step), _numbers(dots[step.result.slots])))
    right += [(_marked(label, "'"), y.marked("'"), _numbers(dots[y.slots])) for y, label in names.dependents]
    rows = [(*left, *more) for left, more in zip(primal.rows, right, strict=True)]
    title = f"Forward tangent trace, seed ({_listed(seed)})"
    result = Trace(title, (*primal.columns, "v'", "tangent", "value"), rows, primal.values)
    result.tangents = dots[names.program.outputs]
    return result


def _marked(label: str, mark: str) -> str:
    return Values(label, np.empty(0)).marked(mark)


def _listed(direction: np.ndarray) -> str:
    return ", ".join(f"{value:.6g}" for value in direction) if direction.size <= 12 else _numbers(direction)


def _tangent_formula(names: Names, step: Step) -> str:
    active = [(j, operand) for j, operand in enumerate(step.operands) if not operand.is_constant]
    op = BY_CODE[step.block.code] if step.block else None
    if op is None or isinstance(op, Op):
        return sum_of([_times(names.slopes(step, j), operand.marked("'")) for j, operand in active])
    if op.name == "call":
        return f"push({', '.join(operand.marked(chr(39)) for _, operand in active)})"
    if op.name in EXTREMA:
        return f"shares * {step.operands[0].marked(chr(39))}"
    plain = [operand.name for operand in step.operands]
    return sum_of([applied(op, [*plain[:j], operand.marked("'"), *plain[j + 1 :]]) for j, operand in active])


def _times(slopes: np.ndarray, name: str) -> str:
    return f"{_partials(slopes)} * {name}"


def _partials(slopes: np.ndarray) -> str:
    return f"{slopes[0]:.6g}" if np.all(slopes == slopes[0]) else f"({slopes[0]:.6g}, ...)"


def _adjoint_trace(names: Names, weight: np.ndarray) -> Trace:
    program, bars = names.program, np.zeros(names.program.slots)
    rows: list[tuple[str, ...]] = []
    for k, slot in enumerate(program.outputs.tolist()):
        bars[slot] += weight[k]
        if program.outputs.size <= names.most_elements:
            rows.append((f"{names.name(slot)}_bar", "weight of the result", _numbers(bars[slot])))
    if not rows:
        rows = [(y.marked("_bar"), "weights of the results", _numbers(bars[y.slots])) for y, _ in names.dependents]
    with np.errstate(all="ignore"):
        for step in reversed(list(names.steps())):
            rows += _contributions(names, step, bars)
    rows += [(_marked(label, "_bar"), x.marked("_bar"), _numbers(bars[x.slots])) for x, label in names.independents]
    title = f"Reverse adjoint trace, weight ({_listed(weight)})"
    result = Trace(title, ("v_bar", "contribution", "value"), rows, names.values[program.outputs])
    result.adjoints = bars[: program.inputs].copy()
    return result


def _contributions(names: Names, step: Step, bars: np.ndarray) -> Iterator[tuple[str, str, str]]:
    """Add what a step contributes to its operands' adjoints; a row for each operand, with the sum so far."""
    for j, operand in enumerate(step.operands):
        if operand.is_constant:
            continue
        for k in reversed(step.parts):
            elemental, slopes = names.reference.elementals[k], names.reference.slopes[k]
            for slot, d in list(zip(elemental.operands, slopes, strict=True))[_span(step, j, len(slopes))]:
                bars[slot] += _product(d, bars[elemental.result])
        text = f"+= {_adjoint_formula(names, step, j)}   ({step.result.name} = {step.formula})"
        yield operand.marked("_bar"), text, _numbers(bars[operand.slots])


def _span(step: Step, j: int, slopes: int) -> slice:
    """Which of an elemental's slopes belong to operand j of its step."""
    if step.block is not None and step.block.name == "call":
        start = sum(operand.count for operand in step.block.operands[:j])
        return slice(start, start + step.block.operands[j].count)
    per = slopes // len(step.operands)  # one but for sums and products of matrices
    return slice(j * per, (j + 1) * per)


def _product(d: Any, g: Any) -> Any:
    return 0.0 if d == 0.0 or g == 0.0 else d * g


def _adjoint_formula(names: Names, step: Step, j: int) -> str:
    bar = step.result.marked("_bar")
    op = BY_CODE[step.block.code] if step.block else None
    if op is not None and not isinstance(op, Op):
        if op.name == "call":
            return f"pull({bar})"
        if len(step.operands) == 1:
            return f"{bar} * {'shares' if op.name in EXTREMA else 1}"
        other = _marked(step.operands[1 - j].name, "^T")
        return applied(op, [bar, other] if j == 0 else [other, bar])
    return f"{bar} * {_partials(names.slopes(step, j))}"
