"""`python -m fastad demo`: a fit to real data, what exact derivatives change in it, and what they cost.

Theory of operation. The model is a ratio of cubics with seven parameters from 1e-7 to 1, fitted to 236
measurements of the thermal expansion of copper, whose least-squares solution NIST has certified to
eleven digits. SciPy's Levenberg-Marquardt method runs twice from the same start: with the Jacobian from
fastad and with its own finite differences. Then one value and gradient of the sum of squares is timed
beside the function alone and beside finite differences, all in one run.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

import fastad as ad
from fastad import kernels
from fastad.nist import DataSet, load

PICTURE = "fastad-demo.png"
CERTIFIED_DIGITS = 11
ENOUGH_DIGITS = 6


def model(b: Any, x: np.ndarray) -> Any:
    """The ratio of two cubics; b (7,), x (m,)."""
    return (b[0] + b[1] * x + b[2] * x**2 + b[3] * x**3) / (1 + b[4] * x + b[5] * x**2 + b[6] * x**3)


def fit(data: DataSet, start: np.ndarray, exact: bool) -> tuple[Any, int]:
    """SciPy's result of the least-squares fit, and how often it has evaluated the residuals."""
    from scipy.optimize import least_squares

    evaluations = 0

    def residuals(b: Any) -> Any:
        return model(b, data.x) - data.y

    def counted(b: Any) -> Any:
        nonlocal evaluations
        evaluations += 1
        return residuals(b)

    jacobian = ad.jacobian(residuals) if exact else "2-point"
    tight = {"xtol": 1e-15, "ftol": 1e-15, "gtol": 1e-15}
    result = least_squares(counted, start, jac=jacobian, method="lm", x_scale="jac", **tight)
    return result, evaluations


def agreeing_digits(found: np.ndarray, certified: np.ndarray) -> np.ndarray:
    """Digits that agree: minus the logarithm of the relative error, at most what is certified."""
    with np.errstate(divide="ignore"):
        return np.clip(-np.log10(np.abs(found - certified) / np.abs(certified)), 0.0, CERTIFIED_DIGITS)


# --- the report -------------------------------------------------------------------------------------
def print_fits(data: DataSet, exact: Any, differences: Any) -> float:
    """The certified parameters beside those found; the digits that all of the exact fit's agree in."""
    digits = [agreeing_digits(result.x, data.certified) for result in (exact, differences)]
    print(f"\n{'':10}{'certified':>19}{'with fastad':>24}{'digits':>8}{'with differences':>24}{'digits':>8}")
    for k, name in enumerate(data.parameters):
        row = f"{name:10}{data.certified[k]:19.10e}"
        print(row + "".join(f"{r.x[k]:24.15e}{d[k]:8.1f}" for r, d in zip((exact, differences), digits, strict=True)))
    sums = f"{data.residual_sum_of_squares:19.10e}{2 * exact.cost:24.15e}{'':8}{2 * differences.cost:24.15e}"
    print(f"{'sum':10}{sums}\n{'worst':10}{'':43}{digits[0].min():8.1f}{'':24}{digits[1].min():8.1f}")
    return float(digits[0].min())


def seconds_per_call(call: Callable[[], Any], budget: float) -> float:
    """The best of five rounds, each of as many calls as fit into its share of the budget (seconds)."""
    call()
    started = time.perf_counter()
    call()
    calls = max(1, int(budget / 5 / max(time.perf_counter() - started, 1e-7)))
    rounds = []
    for _ in range(5):
        started = time.perf_counter()
        for _ in range(calls):
            call()
        rounds.append((time.perf_counter() - started) / calls)
    return min(rounds)


def print_times(data: DataSet, b: np.ndarray, budget: float) -> None:
    """One value and gradient of the sum of squares beside the function and beside differences."""
    from scipy.optimize import approx_fprime

    def sum_of_squares(b: Any) -> Any:
        return np.sum((model(b, data.x) - data.y) ** 2)

    both = ad.value_and_grad(sum_of_squares)
    alone = seconds_per_call(lambda: sum_of_squares(b), budget)
    rows = [
        ("the NumPy function alone", alone),
        ("fastad, value and gradient", seconds_per_call(lambda: both(b), budget)),
        ("finite differences, gradient", seconds_per_call(lambda: approx_fprime(b, sum_of_squares), budget)),
    ]
    print(f"\nThe sum of the {data.y.size} squares, a function of {b.size} parameters:")
    for name, seconds in rows:
        print(f"  {name:32}{1e6 * seconds:10.1f} us{seconds / alone:10.2f} x")


def draw(data: DataSet, b: np.ndarray, path: Path) -> str:
    """Data, fitted curve and residuals as a picture; what became of it, for people."""
    try:
        from matplotlib.figure import Figure
    except ImportError:
        return "No plot was drawn, because matplotlib is not installed: python -m pip install matplotlib"
    figure = Figure(figsize=(8, 6), layout="constrained")
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=(3, 1))
    line = np.linspace(data.x.min(), data.x.max(), 500)
    upper.plot(data.x, data.y, "o", markersize=4, alpha=0.5, color="tab:blue", label="measured (NIST)")
    upper.plot(line, model(b, line), color="tab:red", label="fitted: ratio of two cubics")
    upper.set(ylabel="coefficient of thermal expansion", title="Thermal expansion of copper")
    upper.legend(loc="lower right")
    lower.axhline(0.0, color="tab:red", linewidth=1)
    lower.plot(data.x, data.y - model(b, data.x), "o", markersize=3, alpha=0.5, color="tab:blue")
    lower.set(xlabel="temperature (K)", ylabel="residual")
    try:
        figure.savefig(path, dpi=120)
    except OSError as error:
        return f"No plot was written: {error}"
    return f"Plot: {path}"


def prepare() -> None:
    """Get the kernels, with a word about how long it takes where they must be compiled."""
    missing = len(kernels.missing())
    if missing:
        print(f"{missing} kernels are compiled now: one to two minutes, once on this machine.", flush=True)
    print(f"Kernels ready in {ad.warmup():.1f} s.", flush=True)


def main(argv: list[str] | None = None) -> int:
    """Run the demo; 0 if the fit agrees with the certified parameters, 1 if not."""
    parser = argparse.ArgumentParser(prog="python -m fastad demo", description="Fit a model to real data.")
    parser.add_argument("--start", type=int, choices=(1, 2), default=2, help="NIST's far (1) or near (2) start")
    parser.add_argument("--seconds", type=float, default=0.5, help="how long to measure each of the three times")
    parser.add_argument("--folder", type=Path, default=Path(), help=f"where to write {PICTURE}")
    options = parser.parse_args(argv)
    data = load("Hahn1")
    print(f"fastad {ad.__version__}: {data.y.size} measurements of copper's thermal expansion (NIST StRD, {data.name})")
    print("y = (b1 + b2 x + b3 x^2 + b4 x^3) / (1 + b5 x + b6 x^2 + b7 x^3), by scipy.optimize.least_squares")
    prepare()
    start = data.starts[options.start - 1]
    exact, evaluations = fit(data, start, exact=True)
    differences, many = fit(data, start, exact=False)
    digits = print_fits(data, exact, differences)
    print(
        f"\nEvaluations of the residuals: {evaluations} and {exact.njev} Jacobians with fastad; {many} with differences"
    )
    print_times(data, exact.x, options.seconds)
    print("\n" + draw(data, exact.x, options.folder / PICTURE))
    return 0 if digits >= ENOUGH_DIGITS else 1


if __name__ == "__main__":
    sys.exit(main())
