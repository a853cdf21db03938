"""The results as Markdown: times by tool with the bars beside them, first calls, and who is left out of what."""

from __future__ import annotations

from collections.abc import Sequence

from bench.peers.measure import Result
from bench.peers.works import FIRST_CALL_BAR, Work

TOOLS = ("NumPy", "fastad", "JAX", "PyTorch", "autograd", "CasADi", "by hand")


def markdown(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table, columns aligned."""
    widths = [max(len(row[k]) for row in (columns, *rows)) for k in range(len(columns))]

    def line(cells: Sequence[str]) -> str:
        return "| " + " | ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)) + " |"

    rule = "|" + "|".join("-" * (width + 2) for width in widths) + "|"
    return "\n".join([line(columns), rule, *map(line, rows)])


def verdict(value: float, bar: float | None, unit: str = "") -> str:
    """A figure, and whether its bar is met."""
    if bar is None:
        return f"{value:.2f}{unit}"
    return f"{value:.2f}{unit} <= {bar:.3g}: {'met' if value <= bar else 'MISSED'}"


def microseconds(seconds: float | None) -> str:
    return "" if seconds is None else f"{1e6 * seconds:,.{1 if seconds < 1e-4 else 0}f}"


def ratio(result: Result, other: str) -> str:
    """fastad's time beside another's, with its bar."""
    if "fastad" not in result.best or other not in result.best:
        return ""
    return verdict(result.best["fastad"] / result.best[other], result.work.ratios.get(other))


def other_bars(result: Result) -> str:
    """Bars against tools that have no column of ratios, and absolute ones."""
    others = [other for other in result.work.ratios if other not in ("NumPy", "JAX")]
    cells = [f"{other} {ratio(result, other)}" for other in others if ratio(result, other)]
    if result.work.microseconds and "fastad" in result.best:
        cells.append(verdict(1e6 * result.best["fastad"], result.work.microseconds, " us"))
    return "; ".join(cells)


def times(results: Sequence[Result]) -> str:
    """Microseconds of a value and gradient, and fastad's ratios with their bars."""
    columns = ("work", *TOOLS, "fastad / NumPy", "fastad / JAX", "fastad / others")
    rows = []
    for result in results:
        cells = [microseconds(result.best.get(tool)) for tool in TOOLS]
        rows.append((result.work.title, *cells, ratio(result, "NumPy"), ratio(result, "JAX"), other_bars(result)))
    return markdown(columns, rows)


def first_calls(results: Sequence[Result]) -> str:
    """Milliseconds to a first gradient: recording or compilation, and the run."""
    tools = TOOLS[1:6]
    rows = []
    for result in results:
        first = result.first
        cells = [f"{1e3 * first[tool]:,.1f}" if tool in first else "" for tool in tools]
        both = "fastad" in first and "JAX" in first
        compared = verdict(first["fastad"] / first["JAX"], FIRST_CALL_BAR) if both else ""
        rows.append((result.work.title, *cells, compared))
    return markdown(("work", *tools, "fastad / JAX"), rows)


def reasons(works: Sequence[Work]) -> str:
    """Which tools are left out of which work, and why."""
    lines = [f"- {work.title}: {tool} {why}." for work in works for tool, why in work.left_out.items()]
    return "\n".join(lines)
