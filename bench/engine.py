"""The engine's figures beside their targets, as Markdown: `python -m bench.engine [--quick | --write]`.

Theory of operation. One run measures everything, so that each figure can be read as a ratio to the
plain loop at the top. The scalar stream is measured on a tape of 0.7 million instructions: ten thousand
Runge-Kutta steps of the Lorenz system, recorded from plain Python. Start-up times are those of new
processes; the first use on a fresh machine is a process with an empty folder as Numba's cache.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
import tracemalloc
from pathlib import Path

import numpy as np

import fastad as ad
from bench.measure import best_seconds, machine, plain_loop_seconds, run_program, table
from bench.objectives.lorenz import objective as lorenz
from bench.objectives.rosenbrock import objective as rosenbrock
from fastad import kernels
from fastad.containers import split
from fastad.kernels import layout as at
from fastad.passes import optimise
from fastad.record.recorder import record_function
from fastad.replay import Call

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "performance.md"
STEPS = 10_000
LORENZ_OPERATIONS = 71  # a step
LORENZ_START = np.array([10.0, 28.0, 8.0 / 3.0, 1.0, 1.0, 1.0])
COLUMNS = ("figure", "measured", "beside the plain loop", "target", "reached")


# --- the functions that are differentiated ----------------------------------------------------------
def array_chain(x, rounds):
    """Four array operations a round."""
    y = x
    for _ in range(rounds):
        y = np.sin(y) * 0.5 + x[::-1] * y
    return np.sum(y)


def waves(x):
    """Element-wise code of six operations and a sum."""
    return np.sum(np.sin(x) * x + np.exp(-x * x))


# --- rows -------------------------------------------------------------------------------------------
def row(name: str, value: float, unit: str, target: float | None, control: float | None = None) -> tuple[str, ...]:
    """One line of a table; `control` is the plain loop's seconds an element, for values in nanoseconds."""
    ratio = f"{value * 1e-9 / control:.1f} x" if control else ""
    if target is None:
        return name, f"{value:.3g} {unit}", ratio, "", ""
    return name, f"{value:.3g} {unit}", ratio, f"<= {target:g} {unit}", "yes" if value <= target else "NO"


def scalar_stream(tape: ad.Tape, control: float) -> list[tuple[str, ...]]:
    """Sweeps over a long scalar tape, in nanoseconds an instruction."""
    n, x, m = tape.instructions, LORENZ_START, tape.outputs
    schedule = tape.schedule
    work = schedule.new_workspace(max(schedule.workspace_size(task, 1) for task in (at.PRIMAL, at.TANGENTS)))
    value, weight, seed = np.empty(m), np.ones(m), np.ones(tape.inputs)
    adjoint = np.empty(tape.inputs)

    def products() -> None:
        tape.second.products(x, np.ones(1), seed[None, :])

    def nanoseconds(task: int, source: np.ndarray, target: np.ndarray) -> float:
        code = schedule.code_for(at.LINEARIZE if task != at.PRIMAL else at.PRIMAL)
        return 1e9 * best_seconds(lambda: kernels.run(task, 1, code, work, source, target)) / n

    return [
        row("primal", nanoseconds(at.PRIMAL, x, value), "ns", None, control),
        row("primal + partials", nanoseconds(at.LINEARIZE, x, value), "ns", 2.2, control),
        row("adjoint, one weight", nanoseconds(at.ADJOINTS, weight, adjoint), "ns", 2.6, control),
        row("tangent, one seed", nanoseconds(at.TANGENTS, seed, value), "ns", None, control),
        row("Hessian times a direction", 1e9 * best_seconds(products) / n, "ns", None, control),
        row("value and gradient", 1e9 * best_seconds(lambda: tape.gradient(x)) / n, "ns", None, control),
    ]


def many_directions(tape: ad.Tape, control: float) -> list[tuple[str, ...]]:
    """The same tape with several seeds at once, in nanoseconds an instruction and a direction."""
    rows, n = [], tape.instructions
    for lanes in (4, 16):
        seeds = np.ones((lanes, tape.inputs))
        with tape.linearized(LORENZ_START, at.TANGENTS, lanes) as point:
            seconds = best_seconds(lambda p=point, s=seeds: p.sweep(at.TANGENTS, s))
        rows.append(row(f"tangent, {lanes} seeds: each", 1e9 * seconds / n / lanes, "ns", None, control))
    return rows


def memory(steps: int) -> list[tuple[str, ...]]:
    """Bytes an instruction: what the tape says, and what Python's allocators saw."""
    tracemalloc.start()
    tape = ad.record(lorenz, LORENZ_START, steps)
    _, recording_peak = tracemalloc.get_traced_memory()
    tracemalloc.reset_peak()
    tape.gradient(LORENZ_START)
    held, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    n, told = tape.instructions, tape.stats()["bytes"]
    rows = [row(f"by purpose: {name}", size / n, "bytes", None) for name, size in told.items()]
    return [
        *rows,
        row("by purpose: all", sum(told.values()) / n, "bytes", 60),
        row("held after a gradient (tracemalloc)", held / n, "bytes", 60),
        row("peak of making the schedule and a gradient", peak / n, "bytes", None),
        row("peak while recording", recording_peak / n, "bytes", None),
    ]


def recording(steps: int) -> list[tuple[str, ...]]:
    """Microseconds an operation of `ad.record`: running the function on traced values, and the passes."""
    x, rounds = np.linspace(0.1, 1.0, 100), 500
    scalar, array = (lorenz, LORENZ_START, steps), (array_chain, x, rounds)
    rows = []
    for name, arguments, operations, target in (
        ("a scalar operation", scalar, LORENZ_OPERATIONS * steps, 1.5),
        ("an array operation, 100 elements", array, 4 * rounds, 15),
    ):
        function, point, count = arguments
        program = record_function(*_prepared(*arguments)).program
        calls = {
            name: lambda a=arguments: ad.record(*a),
            "... of which the function on traced values": lambda a=arguments: record_function(*_prepared(*a)),
            "... of which the passes": lambda p=program: optimise(p),
            "... the function alone": lambda f=function, p=point, c=count: f(p, c),
        }
        for what, call in calls.items():
            seconds = best_seconds(call, rounds=3) / operations
            rows.append(row(what, 1e6 * seconds, "us", target if what == name else None))
    return rows


def _prepared(function, *args):
    """The arguments of `record_function` for a call."""
    call = Call(args, {}, 0)
    return function, call.structure, list(split(call.x, call.structure)), call.active


def beside_numpy() -> list[tuple[str, ...]]:
    """Value and gradient of NumPy functions beside the functions alone."""
    rows = []
    cases = [("Rosenbrock, n = 10", rosenbrock, np.linspace(-1.0, 2.0, 10), "< 0.5")]
    for n in (10, 1000, 100_000, 1_000_000):
        cases.append((f"sin(x) x + exp(-x^2), n = {n:,}", waves, np.linspace(-3.0, 3.0, n), ""))
    for name, function, x, target in cases:
        both = ad.value_and_grad(function)
        alone, together = best_seconds(lambda f=function, x=x: f(x)), best_seconds(lambda f=both, x=x: f(x))
        ratio = together / alone
        reached = ("yes" if ratio < 0.5 else "NO") if target else ""
        rows.append((name, f"{1e6 * alone:.4g} us", f"{1e6 * together:.4g} us", f"{ratio:.2f}", target, reached))
    return rows


# --- new processes ----------------------------------------------------------------------------------
IMPORT = """
import time
started = time.perf_counter(); import numba; middle = time.perf_counter(); import fastad; ended = time.perf_counter()
print(middle - started, ended - middle)
"""
FIRST_GRADIENT = """
import numpy as np, fastad as ad
print(ad.grad(lambda x: np.sum(np.sin(x) * x))(np.ones(3))[0])
"""
WARMUP = "import fastad as ad; print(ad.warmup())"


def process(program: str, **environment: str) -> tuple[float, list[float]]:
    """Seconds of a whole Python process, and the numbers that it printed."""
    started = time.perf_counter()
    command, options = [sys.executable, "-c", program], {"capture_output": True, "text": True, "check": True}
    done = subprocess.run(command, cwd=ROOT, env=os.environ | environment, **options)
    return time.perf_counter() - started, [float(word) for word in done.stdout.split()]


def start_up(repeats: int) -> list[tuple[str, ...]]:
    """Seconds of imports and of a whole process, on a warm cache."""
    process(FIRST_GRADIENT)
    imports = [process(IMPORT)[1] for _ in range(repeats)]
    whole = min(process(FIRST_GRADIENT)[0] for _ in range(repeats))
    return [
        row("import numba", min(i[0] for i in imports), "s", None),
        row("import fastad, after numba", min(i[1] for i in imports), "s", 0.3),
        row("whole process: import and first gradient", whole, "s", 1.2),
    ]


def first_use() -> list[tuple[str, ...]]:
    """Seconds to compile every kernel into an empty cache, and to load them all again."""
    with tempfile.TemporaryDirectory() as folder:
        compiled = process(WARMUP, NUMBA_CACHE_DIR=folder)[1][0]
        loaded = process(WARMUP, NUMBA_CACHE_DIR=folder)[1][0]
    return [row("compile all kernels", compiled, "s", 60), row("load all kernels", loaded, "s", None)]


def report(quick: bool) -> None:
    """Measure and print everything."""
    ad.warmup()
    control, tape = plain_loop_seconds(), ad.record(lorenz, LORENZ_START, STEPS)
    print(f"{machine()}\n")
    print(f"Plain loop `a[i] = b[i] * c[i]`: {1e9 * control:.3f} ns an element. ", end="")
    print(f"Scalar tape: {tape.instructions:,} instructions.\n")
    sweeps = scalar_stream(tape, control) + many_directions(tape, control)
    table("Sweeps over the scalar stream, an instruction", COLUMNS, sweeps)
    table("Recording, an operation", COLUMNS, recording(STEPS))
    columns = ("function", "NumPy", "value and gradient", "ratio", "target", "reached")
    table("Value and gradient beside the NumPy function", columns, beside_numpy())
    table("Memory, an instruction", COLUMNS, memory(STEPS))
    if not quick:
        table("New processes, warm cache", COLUMNS, start_up(5))
        table("First use, empty cache", COLUMNS, first_use())


def main(argv: list[str] | None = None) -> int:
    return run_program("bench.engine", str(__doc__), PAGE, report, argv)


if __name__ == "__main__":
    sys.exit(main())
