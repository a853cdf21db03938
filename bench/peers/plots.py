"""Time of a value and gradient against n, one line a tool, logarithmic axes: what grows, and what is overhead."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

from matplotlib.figure import Figure

from bench.peers.measure import measure
from bench.peers.works import LARGE, Work

SIZES = tuple(10**k for k in range(1, 7))
CASADI_LIMIT = 10**4
TITLES = {"rosenbrock": "Rosenbrock", "mixture": "mixture of exp, sin, log, tanh"}
STYLES = {
    "NumPy": ("0.55", "--"),
    "fastad": ("tab:red", "-"),
    "JAX": ("tab:blue", "-"),
    "PyTorch": ("tab:orange", "-"),
    "autograd": ("tab:green", "-"),
    "CasADi": ("tab:purple", "-"),
    "by hand": ("black", ":"),
}


def measured(objective: str, modules: list[ModuleType], rounds: int) -> dict[str, dict[int, float]]:
    """Seconds by tool and n."""
    lines: dict[str, dict[int, float]] = {}
    for n in SIZES:
        left_out = {"CasADi": LARGE} if n > CASADI_LIMIT else {}
        result = measure(Work(f"{objective}, n = {n}", objective, (n,), left_out=left_out), modules, rounds)
        for tool, seconds in result.best.items():
            lines.setdefault(tool, {})[n] = seconds
    return lines


def draw(objective: str, lines: dict[str, dict[int, float]], path: Path) -> None:
    figure = Figure(figsize=(7.0, 4.5), layout="constrained")
    axes = figure.subplots()
    for tool, points in lines.items():
        colour, style = STYLES[tool]
        label = "NumPy, value only" if tool == "NumPy" else tool
        width = 2.2 if tool == "fastad" else 1.4
        microseconds = [1e6 * seconds for seconds in points.values()]
        axes.loglog(list(points), microseconds, style, color=colour, label=label, lw=width, marker=".")
    axes.set(xlabel="n", ylabel="value and gradient, microseconds", title=TITLES[objective])
    axes.grid(True, which="major", alpha=0.3)
    axes.legend(fontsize="small")
    figure.savefig(path, dpi=110, metadata={"Software": None})


def write(folder: Path, modules: list[ModuleType], rounds: int) -> list[Path]:
    """Measure and draw both functions; the files written."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for objective in TITLES:
        paths.append(folder / f"peers-{objective}.png")
        draw(objective, measured(objective, modules, rounds), paths[-1])
    return paths
