"""fastad beside JAX, PyTorch, autograd, CasADi and gradients by hand, as Markdown: `python -m bench.peers`.

Theory of operation. Each work is prepared for every tool that is installed, all in this process and on the same
inputs; the results are checked against one another; then the times are taken by turns. A tool that is missing, fails
or differs is a printed line and an empty cell. With `--write` the report goes between the markers of
docs/performance-peers.md, and the plots of time against n into docs/images.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType

import fastad as ad
from bench.measure import machine
from bench.peers import batches, table
from bench.peers.measure import QUICK_ROUNDS, ROUNDS, Result, measure, tools
from bench.peers.works import Work, chosen

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "performance-peers.md"
IMAGES = ROOT / "docs" / "images"
START, END = "<!-- start of the run -->", "<!-- end of the run -->"
PACKAGES = ("jax", "torch", "autograd", "casadi")


def versions() -> str:
    """Versions of the tools that are installed."""
    found = []
    for package in PACKAGES:
        try:
            found.append(f"{package} {importlib.metadata.version(package)}")
        except importlib.metadata.PackageNotFoundError:
            continue
    return ", ".join(found) or "no other tool"


def load() -> float:
    """Processes that wanted to run in the last minute, on average; nan where the system does not tell."""
    return os.getloadavg()[0] if hasattr(os, "getloadavg") else float("nan")


def run(works: Sequence[Work], modules: list[ModuleType], rounds: int) -> list[Result]:
    """Measure all works, with a line on the error stream for each."""
    results = []
    for work in works:
        print(f"{work.title} ...", file=sys.stderr, flush=True)
        results.append(measure(work, modules, rounds))
    return results


def report(results: Sequence[Result], several: str, busy: str) -> str:
    """The whole run as Markdown."""
    parts = [
        f"{machine()}; {versions()}. {busy}",
        "### Value and gradient, microseconds",
        table.times(results),
        table.reasons([result.work for result in results]),
        "### First call, milliseconds",
        table.first_calls(results),
    ]
    if several:
        parts += ["### Several at once", several]
    return "\n\n".join(part for part in parts if part)


def write_page(text: str) -> None:
    """Put a report between the page's markers."""
    before, _, rest = PAGE.read_text().partition(START)
    after = rest.partition(END)[2]
    PAGE.write_text(f"{before}{START}\n\n{text}\n\n{END}{after}")
    print(f"written into {PAGE.relative_to(ROOT)}")


def write_plots(modules: list[ModuleType]) -> None:
    try:
        from bench.peers import plots
    except ImportError as error:
        print(f"no plots: {error}")
        return
    for path in plots.write(IMAGES, modules, QUICK_ROUNDS):
        print(f"written {path.relative_to(ROOT)}")


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.peers", description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="fewer rounds")
    parser.add_argument("--only", nargs="+", metavar="NAME", help="some works only (lstm, mixture-1000)")
    parser.add_argument("--write", action="store_true", help="write the page and the plots of a whole run")
    options = parser.parse_args(argv)
    if options.write and options.only:
        parser.error("--write takes a whole run, without --only")
    works = chosen(options.only)
    if not works:
        parser.error(f"no work has such a name; there are {', '.join(work.key for work in chosen(None))}")
    ad.warmup()
    modules, rounds = tools(), QUICK_ROUNDS if options.quick else ROUNDS
    before = load()
    results = run(works, modules, rounds)
    busy = f"Load average before the run {before:.1f}, after the works {load():.1f} (the run itself makes 1 to 2)."
    text = report(results, "" if options.only else batches.report(rounds), busy)
    print(f"\n{text}")
    if options.write:
        write_page(text)
        write_plots(modules)
    return 0


if __name__ == "__main__":
    sys.exit(main())
