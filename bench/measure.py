"""What the bench programs share: best times, the machine's control loop, tables.

A figure is the best of several repetitions, because other work on a machine only ever makes a
program slower. Every program prints the time of one plain loop beside its figures, so that runs on
different machines can be compared by their ratio to it.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import os
import platform
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numba import njit

L1_ELEMENTS = 1024  # three arrays of them, 24 KB, stay in the first-level cache


def best_seconds(call: Callable[[], object], budget: float = 0.5, rounds: int = 7) -> float:
    """Seconds a call: the best of `rounds` rounds, each as many calls as fit into its share of the budget."""
    call()
    started = time.perf_counter()
    call()
    once = max(time.perf_counter() - started, 1e-7)
    calls = max(1, int(budget / rounds / once))
    best = float("inf")
    for _ in range(rounds):
        started = time.perf_counter()
        for _ in range(calls):
            call()
        best = min(best, (time.perf_counter() - started) / calls)
    return best


@njit(error_model="numpy")
def _products(a, b, c, passes):
    n = a.size
    for i in range(passes):
        for j in range(n):
            a[j] = b[j] * c[j]
        # Each pass reads what the last one wrote, so no pass can be left out or joined with another.
        b[i % n] = a[(7 * i) % n]


def plain_loop_seconds() -> float:
    """Seconds an element of a compiled `a[i] = b[i] * c[i]` over data in the first-level cache."""
    a, b, c = (np.ones(L1_ELEMENTS) for _ in range(3))
    passes = 2000
    return best_seconds(lambda: _products(a, b, c, passes)) / (passes * L1_ELEMENTS)


def machine() -> str:
    """One line about the machine and the versions."""
    import llvmlite
    import numba
    import scipy

    name = platform.processor() or platform.machine()
    if os.path.exists("/proc/cpuinfo"):
        with open("/proc/cpuinfo") as lines:
            name = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), name)
    versions = (
        f"NumPy {np.__version__}, SciPy {scipy.__version__}, Numba {numba.__version__}, llvmlite {llvmlite.__version__}"
    )
    return f"{name}, {os.cpu_count()} cores, {platform.system()}; Python {platform.python_version()}, {versions}"


def table(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a Markdown table, columns aligned."""
    widths = [max(len(str(row[k])) for row in (columns, *rows)) for k in range(len(columns))]

    def line(cells: Sequence[str]) -> str:
        return "| " + " | ".join(str(cell).ljust(width) for cell, width in zip(cells, widths, strict=True)) + " |"

    print(f"### {title}\n", line(columns), "|" + "|".join("-" * (width + 2) for width in widths) + "|", sep="\n")
    print("\n".join(map(line, rows)), end="\n\n", flush=True)


def write_page(page: Path, report: Callable[[bool], None]) -> None:
    """Put a whole report into a page, between its two headings."""
    text = io.StringIO()
    with contextlib.redirect_stdout(text):
        report(False)
    before, heading, rest = page.read_text().partition("## A run\n")
    after = rest.partition("## What is measured\n")[1:]
    page.write_text(f"{before}{heading}\n{text.getvalue()}{''.join(after)}")
    print(f"written into docs/{page.name}")


def run_program(name: str, about: str, page: Path, report: Callable[[bool], None], argv: list[str] | None) -> int:
    """The command line of a program whose report stands on a page."""
    parser = argparse.ArgumentParser(prog=f"python -m {name}", description=about.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="leave out what takes long")
    parser.add_argument("--write", action="store_true", help=f"write the whole report into docs/{page.name}")
    options = parser.parse_args(argv)
    write_page(page, report) if options.write else report(options.quick)
    return 0
