"""Derivatives of compiled functions, as Markdown: `python -m bench.native`.

Theory of operation. Five codes are differentiated as they are by fastad, and in JAX, if it is installed, as they must
be rewritten; the gradients are compared before anything is timed. How many lines of a code a rewriting changes is
counted by difflib. Then come the figures of the recorder: what recording, sweeping and forward tangents cost beside
the plain function, memory an operation (in a process of its own), and a gradient from inside compiled code. With
`--write` the report goes between the markers of docs/performance-native.md.
"""

from __future__ import annotations

import argparse
import difflib
import inspect
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numba import njit

import fastad as ad
from bench.measure import best_seconds, machine
from bench.native import codes

PAGE = Path(__file__).resolve().parents[2] / "docs" / "performance-native.md"
START, END = "<!-- start of the run -->", "<!-- end of the run -->"
LORENZ_OPERATIONS = 10_000 * 90  # additions, subtractions, multiplications of active numbers
TITLES = {
    "lorenz": "Lorenz, 10^4 RK4 steps", "n_body": "N-body, 8 bodies, 100 steps", "pendulum": "pendulum with contact",
    "heat": "heat equation, in-place stencil", "kalman": "Kalman filter, 500 steps",
}  # fmt: skip


def source_of(functions: Sequence[Any]) -> list[str]:
    """The statements of some functions, without blank lines, decorators and docstrings."""
    lines: list[str] = []
    for function in functions:
        plain = getattr(function, "py_func", function)
        text = inspect.getsource(plain).replace(f'    """{plain.__doc__}"""\n', "")
        lines += [line.rstrip() for line in text.splitlines() if line.strip() and not line.startswith("@")]
    return lines


def lines_changed(ours: Sequence[Any], theirs: Sequence[Any]) -> tuple[int, int]:
    """Lines of the first source that are not in the second one, and all of them."""
    old, new = source_of(ours), source_of(theirs)
    kept = sum(block.size for block in difflib.SequenceMatcher(None, old, new, autojunk=False).get_matching_blocks())
    return len(old) - kept, len(old)


def timed(call: Callable[[], Any]) -> tuple[float, Any]:
    """Seconds of one call, and its result."""
    started = time.perf_counter()
    result = call()
    return time.perf_counter() - started, result


def of_jax(name: str, x: np.ndarray, expected: np.ndarray, budget: float) -> tuple[str, str, str, float]:
    """JAX's cells: lines changed, first call, microseconds; and its seconds."""
    try:
        import jax

        from bench.native import codes_jax
    except ImportError:
        return "", "", "", float("nan")
    gradient = jax.jit(jax.grad(codes_jax.CODES[name][-1]))
    first, found = timed(lambda: np.asarray(gradient(x)))
    np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-9 * np.abs(expected).max())
    seconds = best_seconds(lambda: gradient(x).block_until_ready(), budget)
    changed, lines = lines_changed(codes.CODES[name], codes_jax.CODES[name])
    return f"{changed} of {lines}", f"{first:.2f}", f"{seconds * 1e6:,.0f}", seconds


def table_of_codes(budget: float) -> str:
    """One row a code."""
    rows = [
        "| code | inputs | plain Numba, us | fastad: lines changed | first call, s | gradient, us | / plain | "
        "JAX: lines changed | first call, s | gradient, us | fastad / JAX |",
        "|---" * 11 + "|",
    ]
    for name, functions in codes.CODES.items():
        function, x = functions[-1], codes.POINTS[name]
        function(x)
        plain, gradient = best_seconds(lambda f=function, x=x: f(x), budget), ad.grad(function)
        first, found = timed(lambda g=gradient, x=x: g(x))
        seconds = best_seconds(lambda g=gradient, x=x: g(x), budget)
        changed, first_jax, time_jax, jax_seconds = of_jax(name, x, found, budget)
        rows.append(
            f"| {TITLES[name]} | {x.size} | {plain * 1e6:,.0f} | 0 | {first:.2f} | {seconds * 1e6:,.0f} | "
            f"{seconds / plain:.1f} | {changed} | {first_jax} | {time_jax} | {seconds / jax_seconds:.2f} |"
        )
    return "\n".join(rows)


# --- figures of the recorder -----------------------------------------------------------------------------------
@njit
def five_operations(x):
    return x[0] * np.sin(x[1]) + x[2] * x[0] - x[1]


@njit
def five_of_numbers(a, b, c):
    return a * np.sin(b) + c * a - b


def gradients_inside() -> tuple[float, float]:
    """Nanoseconds of a gradient of five operations inside a compiled loop: of an array, of three numbers."""
    of_array, of_numbers = ad.njit_grad(five_operations), ad.njit_grad(five_of_numbers, (0, 1, 2))

    @njit
    def with_array(x, count):
        total = 0.0
        for _ in range(count):
            total += of_array(x)[0]
            x[0] += 1e-9
        return total

    @njit
    def with_numbers(a, count):
        total = 0.0
        for _ in range(count):
            total += of_numbers(a, 2.0, 3.0)[0]
            a += 1e-9
        return total

    x, count = np.array([1.0, 2.0, 3.0]), 100_000
    return (
        best_seconds(lambda: with_array(x.copy(), count)) / count * 1e9,
        best_seconds(lambda: with_numbers(1.0, count)) / count * 1e9,
    )


def recording_seconds() -> float:
    """Seconds of recording the Lorenz code without a sweep."""
    from fastad.native.derivatives import derivatives_of

    return best_seconds(lambda: derivatives_of(codes.lorenz).recorded_edges((0,), (codes.POINTS["lorenz"],)))


MEMORY = """
import re, numpy as np, fastad as ad
from numba import njit
@njit
def long(x, n):
    s = x[0]
    for _ in range(n):
        s = s * x[1] + x[0]
    return s
gradient, x = ad.grad(long, mode="reverse"), np.array([0.3, 0.5])
gradient(x, 10)
def peak():
    return int(re.search(r"VmHWM:\\s+(\\d+) kB", open("/proc/self/status").read()).group(1)) * 1024
before = peak()
gradient(x, 5_000_000)
print((peak() - before) / 1e7)
"""


def bytes_an_operation() -> float:
    """Resident bytes an operation of a recording of 10^7 operations with its adjoints, in a process of its own.

    nan where the system does not tell a process's peak.
    """
    if not Path("/proc/self/status").exists():
        return float("nan")
    done = subprocess.run([sys.executable, "-c", MEMORY], capture_output=True, text=True, check=True)
    return float(done.stdout)


def table_of_figures() -> str:
    """What the recorder costs."""
    x = codes.POINTS["lorenz"]
    plain = best_seconds(lambda: codes.lorenz(x))
    reverse, forward = (ad.value_and_grad(codes.lorenz, mode=mode) for mode in ("reverse", "forward"))
    both, tangents = best_seconds(lambda: reverse(x)), best_seconds(lambda: forward(x))
    of_array, of_numbers = gradients_inside()
    recording = recording_seconds()
    rows = [
        ("Lorenz: record + adjoint / plain", f"{both / plain:.1f}", "13"),
        ("Lorenz: recording, ns an operation", f"{recording / LORENZ_OPERATIONS * 1e9:.2f}", "1"),
        ("Lorenz: tangents of six inputs / plain", f"{tangents / plain:.1f}", "5"),
        ("gradient inside @njit, 5 operations of an array, ns", f"{of_array:.0f}", "150"),
        ("gradient inside @njit, 5 operations of numbers, ns", f"{of_numbers:.0f}", "150"),
        ("10^7 operations: resident bytes an operation", f"{bytes_an_operation():.0f}", "60"),
    ]
    lines = ["| figure | measured | at most |", "|---|---|---|"]
    return "\n".join(lines + [f"| {title} | {value} | {bar} |" for title, value, bar in rows])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--write", action="store_true", help="write the report into docs/performance-native.md")
    parser.add_argument("--quick", action="store_true", help="short repetitions")
    options = parser.parse_args()
    report = f"{machine()}.\n\n{table_of_codes(0.05 if options.quick else 0.5)}\n\n{table_of_figures()}\n"
    print(report)
    if options.write:
        text = PAGE.read_text()
        before, after = text.split(START)[0], text.split(END)[1]
        PAGE.write_text(f"{before}{START}\n\n{report}\n{END}{after}")


if __name__ == "__main__":
    main()
