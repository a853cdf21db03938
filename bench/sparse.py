"""Second derivatives and sparse matrices beside their targets: `python -m bench.sparse [--quick | --write]`.

Theory of operation. Every figure is a ratio within one run: products and Hessians to value and gradient of the same
function, sparse Jacobians to the function in plain NumPy, Taylor coefficients to nested tangents. Results are compared
with one another before anything is timed. Set-up (recording, pattern, colouring, packing) is the first call.
"""

from __future__ import annotations

import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from scipy import sparse

import fastad as ad
from bench.measure import best_seconds, machine, run_program, table
from bench.objectives.rosenbrock import objective as rosenbrock
from fastad.sparsity.detection import hessian_rows, jacobian_rows

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "performance-sparse.md"
COLUMNS = ("figure", "measured", "target", "reached")
KERNEL = np.exp(-((np.arange(100)[:, None] - np.arange(100)) ** 2) / 50)
GRID = 200


# --- the functions that are differentiated ----------------------------------------------------------
def loop(x):
    """The chained Rosenbrock function, number by number."""
    total = 0.0
    for i in range(len(x) - 1):
        total = total + 100.0 * (x[i + 1] - x[i] ** 2) ** 2 + (1.0 - x[i]) ** 2
    return total


def mixed(x):
    """Dense second derivatives by sums."""
    return np.sum(np.exp(0.1 * x)) * np.sum(np.sin(x) * x[::-1])


def network(x):
    """Dense second derivatives by a matrix."""
    return np.sum(np.tanh(KERNEL @ x) ** 2) + np.exp(-x @ x / 100)


def molecule(q):
    """Coulomb's energy of points in space, pair by pair."""
    energy, points = 0.0, q.reshape(-1, 3)
    for i in range(len(points)):
        for j in range(i):
            energy = energy + 1.0 / np.sqrt(np.sum((points[i] - points[j]) ** 2))
    return energy


def brusselator(y, n=GRID):
    """Reaction and diffusion of two substances on a grid with periodic edges."""
    u, v = y.reshape(2, n, n)

    def spread(w):
        return np.roll(w, 1, 0) + np.roll(w, -1, 0) + np.roll(w, 1, 1) + np.roll(w, -1, 1) - 4.0 * w

    reaction = u * u * v
    return np.concatenate(
        [(1.0 + reaction - 4.4 * u + 0.1 * spread(u)).ravel(), (3.4 * u - reaction + 0.1 * spread(v)).ravel()]
    )


def lorenz(u, steps=72_000):
    """Euler steps of the Lorenz system: about a million scalar instructions."""
    x, y, z = u[0], u[1], u[2]
    for _ in range(steps):
        dx, dy, dz = 10.0 * (y - x), x * (28.0 - z) - y, x * y - 2.5 * z
        x, y, z = x + 0.001 * dx, y + 0.001 * dy, z + 0.001 * dz
    return np.array([x, y, z])


# --- rows -------------------------------------------------------------------------------------------
def row(name: str, value: float, unit: str, target: float | None = None) -> tuple[str, ...]:
    shown = f"{value:.3g} {unit}".strip()
    if target is None:
        return name, shown, "", ""
    return name, shown, f"<= {target:g} {unit}".strip(), "yes" if value <= target else "NO"


def point(n: int) -> np.ndarray:
    return np.random.default_rng(n).normal(size=n) * 0.3


def first_call(call: Callable[[], Any]) -> tuple[Any, float]:
    started = time.perf_counter()
    result = call()
    return result, time.perf_counter() - started


def products(quick: bool) -> list[tuple[str, ...]]:
    """One product beside one value and gradient."""
    rows = []
    for name, f, n in (
        ("Rosenbrock", rosenbrock, 10), ("Rosenbrock", rosenbrock, 1000), ("Rosenbrock", rosenbrock, 100_000),
        ("Rosenbrock as a loop", loop, 1000), ("sums", mixed, 1000), ("matrix", network, 100),
        ("molecule", molecule, 90),
    ):  # fmt: skip
        if quick and n > 1000:
            continue
        x, v = point(n), np.random.default_rng(1).normal(size=n)
        both, product = ad.value_and_grad(f), ad.hvp(f)
        step = 1e-5
        differences = (both(x + step * v)[1] - both(x - step * v)[1]) / (2 * step)
        np.testing.assert_allclose(product(x, v), differences, rtol=1e-4, atol=1e-4 * np.max(np.abs(differences)))
        ratio = best_seconds(lambda: product(x, v)) / best_seconds(lambda: both(x))
        rows.append(row(f"H v, {name}, n = {n:,}", ratio, "x value and gradient", 3.0))
    return rows


def dense() -> list[tuple[str, ...]]:
    """Hessians of a hundred variables beside products."""
    rows, n = [], 100
    for name, f in (("Rosenbrock", rosenbrock), ("Rosenbrock as a loop", loop), ("sums", mixed), ("matrix", network)):
        x, v = point(n), np.random.default_rng(1).normal(size=n)
        product, hessian = ad.hvp(f), ad.hessian(f)
        matrix = hessian(x)
        assert np.array_equal(matrix, matrix.T)
        np.testing.assert_allclose(matrix @ v, product(x, v), rtol=1e-9, atol=1e-9)
        ratio = best_seconds(lambda: hessian(x)) / best_seconds(lambda: product(x, v))
        rows.append(row(f"Hessian, {name}, n = 100", ratio, "x H v", 25.0))
    return rows


def sparse_matrices(quick: bool) -> list[tuple[str, ...]]:
    """Sparse derivatives after their set-up, and the set-up."""
    n, grid = (2000, 30) if quick else (100_000, GRID)
    rows, x, v = [], point(n), np.random.default_rng(1).normal(size=n)
    both, hessian = ad.value_and_grad(rosenbrock), ad.sparse_hessian(rosenbrock)
    tracemalloc.start()
    found, seconds = first_call(lambda: hessian(x))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    np.testing.assert_allclose(found @ v, ad.hvp(rosenbrock)(x, v), rtol=1e-9, atol=1e-8)
    ratio = best_seconds(lambda: hessian(x)) / best_seconds(lambda: both(x))
    rows += [
        row(f"sparse Hessian, Rosenbrock, n = {n:,}", ratio, "x value and gradient", 12.0),
        row("... its set-up", seconds, "s", 5.0),
        row("... bytes a nonzero, at most, set-up included", peak / found.nnz, "bytes"),
    ]
    y = np.random.default_rng(2).normal(size=2 * grid * grid)
    jacobian = ad.sparse_jacobian(brusselator)
    found, seconds = first_call(lambda: jacobian(y, grid))
    w = np.random.default_rng(3).normal(size=y.size)
    np.testing.assert_allclose(found @ w, ad.jvp(lambda y: brusselator(y, grid), (y,), (w,))[1], rtol=1e-9, atol=1e-9)
    ratio = best_seconds(lambda: jacobian(y, grid)) / best_seconds(lambda: brusselator(y, grid))
    colors = ad.sparsity.color_columns(ad.sparsity.jacobian_pattern(brusselator, y, grid)).count
    rows += [
        row(f"sparse Jacobian, Brusselator, {grid} x {grid}", ratio, "x the function in NumPy", 15.0),
        row(f"... its set-up ({colors} colours)", seconds, "s"),
    ]
    tape = ad.record(lambda u: lorenz(u, 1000 if quick else 72_000), np.ones(3))
    _, first = first_call(lambda: jacobian_rows(tape.program))
    _, second = first_call(lambda: hessian_rows(tape.program))
    rows.append(row(f"patterns of {tape.instructions:,} scalar instructions", first + second, "s", 5.0))
    return rows


def stencil(n: int, dimensions: int, corners: bool) -> Any:
    """The matrix of a grid: of neighbours along the axes, or of all that touch."""
    line = sparse.diags_array([np.ones(n - 1), np.ones(n), np.ones(n - 1)], offsets=[-1, 0, 1])
    whole = line
    for _ in range(dimensions - 1):
        one, other = sparse.eye_array(whole.shape[0]), sparse.eye_array(n)
        whole = sparse.kron(whole, line) if corners else sparse.kron(whole, other) + sparse.kron(one, line)
    return sparse.csr_array(whole)


def band(n: int, half: int) -> Any:
    offsets = list(range(-half, half + 1))
    return sparse.csr_array(sparse.diags_array([np.ones(n - abs(k)) for k in offsets], offsets=offsets))


def arrow(n: int) -> Any:
    matrix = sparse.lil_array(sparse.eye_array(n))
    matrix[0, :], matrix[:, 0] = 1.0, 1.0
    return sparse.csr_array(matrix)


def colors(quick: bool) -> list[tuple[str, ...]]:
    """Colours of known matrices; no colouring of columns has fewer than the fullest row has entries."""
    n = 50 if quick else 300
    rows = []
    for name, matrix in (
        (f"arrow, n = {n}", arrow(n)), ("band, b = 1", band(n * n, 1)), ("band, b = 5", band(n * n, 5)),
        (f"5 points, {n} x {n}", stencil(n, 2, False)), (f"9 points, {n} x {n}", stencil(n, 2, True)),
        (f"7 points, {n // 8}^3", stencil(n // 8, 3, False)), (f"27 points, {n // 8}^3", stencil(n // 8, 3, True)),
    ):  # fmt: skip
        counts = [ad.sparsity.color_columns(matrix).count]
        counts += [ad.sparsity.color_symmetric(matrix, method).count for method in ("star", "acyclic")]
        seconds = best_seconds(lambda: ad.sparsity.color_symmetric(matrix, "star", "smallest-last"), 0.2, 2)
        fullest = int(np.max(np.diff(matrix.indptr)))
        rows.append((name, f"{matrix.nnz:,}", str(fullest), *map(str, counts), f"{1e3 * seconds:.3g} ms"))
    return rows


def series(quick: bool) -> list[tuple[str, ...]]:
    """Taylor coefficients beside tangents of tangents."""
    rows, n = [], 1000

    def f(x):
        return np.sum(np.tanh(x) * np.exp(-(x**2)) / (1.0 + np.sin(x) ** 2))

    x, v = point(n), np.ones(n)
    for order in (1, 2, 3) if quick else (1, 2, 3, 5, 10, 20):
        seconds = best_seconds(lambda: ad.taylor(f, x, v, order))
        nested = f
        for _ in range(order if order <= 5 else 0):
            nested = lambda x, g=nested: ad.jvp(g, (x,), (v,))[1]  # noqa: E731
        beside = best_seconds(lambda: nested(x)) if order <= 5 else 0.0
        rows.append((str(order), f"{1e3 * seconds:.3g} ms", f"{1e3 * beside:.3g} ms" if beside else ""))
    return rows


def report(quick: bool) -> None:
    """Measure and print everything."""
    ad.warmup()
    print(f"{machine()}\n")
    table("Products with the Hessian", COLUMNS, products(quick))
    table("Dense Hessians", COLUMNS, dense())
    table("Sparse matrices", COLUMNS, sparse_matrices(quick))
    columns = ("matrix", "nonzeros", "fullest row", "columns", "star", "acyclic", "a star colouring")
    table("Colours", columns, colors(quick))
    table("Taylor coefficients, n = 1,000", ("order", "ad.taylor", "nested ad.jvp"), series(quick))


def main(argv: list[str] | None = None) -> int:
    return run_program("bench.sparse", str(__doc__), PAGE, report, argv)


if __name__ == "__main__":
    raise SystemExit(main())
