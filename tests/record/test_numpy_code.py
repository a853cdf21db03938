"""Functions as people write them: value as NumPy's, gradient as differences say, at the recorded point and after.

Each function is differentiated at one point and then at another one, where its tape is replayed (or
recorded again, where a branch has changed). Truth is the plain function: its value, and central
differences extrapolated once, whose error is far below the tolerance for these smooth functions.
"""

from __future__ import annotations

import copy
import functools
import gc
import itertools
import math
from math import exp as plain_exp

import numpy as np
import pytest
import scipy.optimize
import scipy.special
from numba import njit
from numpy import sin as plain_sin
from numpy import zeros as plain_zeros

import fastad as ad

RNG = np.random.default_rng(7)
A = RNG.normal(size=(4, 4))
X, Y = np.array([0.7, -1.3, 0.4, 2.1]), np.array([-0.6, 0.9, 1.7, -0.2])
POINTS = {"vector": (X, Y), "matrix": (RNG.normal(size=(3, 4)), RNG.normal(size=(3, 4))), "number": (0.7, 1.9)}


def differences(f, x):
    """The gradient by central differences, extrapolated from two steps."""
    x = np.asarray(x, float)
    out = np.zeros(x.size)
    for i in range(x.size):
        slopes = []
        for h in (1e-3, 5e-4):
            step = np.zeros(x.size)
            step[i] = h
            ends = [float(np.reshape(f(rebuilt(x, sign * step)), -1)[0]) for sign in (1, -1)]
            slopes.append((ends[0] - ends[1]) / (2 * h))
        out[i] = (4 * slopes[1] - slopes[0]) / 3
    return out.reshape(x.shape)


def rebuilt(x, step):
    moved = (x.ravel() + step).reshape(x.shape)
    return float(moved) if moved.ndim == 0 else moved


class Network:
    def __init__(self, weights):
        self.weights, self.scale = weights, 0.5

    def layer(self, x):
        out = np.zeros(len(self.weights))
        for i, row in enumerate(self.weights):
            out[i] = np.tanh(row @ x)
        return out

    def __call__(self, x):
        return self.scale * np.sum(self.layer(self.layer(x)) ** 2)

    @property
    def doubled(self):
        return lambda x: 2 * self(x)


def loop_into_zeros(x):
    y = np.zeros(4)
    for i in range(4):
        y[i] = x[i] ** 2 * math.sin(x[i])
    return y.sum()


def imported_names(x):
    y = plain_zeros(3)
    y[0] = plain_sin(x[0])
    y[1] = plain_exp(x[1])
    return y @ np.array([1.0, 2.0, 3.0])


def import_inside(x):
    import numpy as inner

    y = inner.ones_like(x)
    y[1:] = x[:-1] * x[1:]
    return inner.sum(y**2)


def newton_iteration(x):
    target, root = x[0] ** 2 + 1.0, 1.0
    while abs(root * root - target) > 1e-12:
        root = 0.5 * (root + target / root)
    return root * x[1]


def heat_equation(x):
    u = np.zeros((6, 6))
    u[1:5, 1:5] = np.outer(x, x)
    for _ in range(3):
        u[1:-1, 1:-1] = u[1:-1, 1:-1] + 0.1 * (
            u[2:, 1:-1] + u[:-2, 1:-1] + u[1:-1, 2:] + u[1:-1, :-2] - 4 * u[1:-1, 1:-1]
        )
    return np.sum(u**2)


def in_place(x):
    x = x.copy()
    x *= 2
    x[1:] += x[:-1]
    x[x < 0] = 0.1
    return np.sum(x**2)


def through_views(x):
    y = x.copy()
    view = y[1:3]
    view[0] = y[0] * y[3]
    view *= 3.0
    return y[1] * y[2] + np.sum(y)


def through_views_of_results(x):
    y = np.outer(x, x) * 2.0
    before, column = y[1:, ::2], y.T[3]
    column[:2] = x[:2] * x[3]
    y[2, 2] = x[0]
    return np.sum(before**2) + y[0, 3] * column[1] + np.sum(np.ravel(y.T) * np.arange(16.0))


def views_of_orders(x):
    y = np.outer(x, np.array([1.0, 2.0])).T * 3.0
    row = y[1]
    row *= x
    return np.sum(y[:, 1:] * y[:, :-1]) + np.sum(y.reshape(-1)[::3]) + np.sum((y > 2.0)[1] * row)


def views_of_zeros(x):
    y = np.zeros((2, 4))
    row = y[1]
    row[:2] = x[:2]
    y.T[3] = x[3]
    return np.sum(y * y) + row[0] * y[1, 1]


def augmented_columns(x):
    m = np.outer(x, np.ones(3))
    m[:, 1] *= x
    m[0] -= m[2]
    m[[1, 3], 2] += 5 * x[0]
    return np.sum(m**2)


def recursive(x, depth=4):
    return np.sum(x) if depth == 0 else recursive(np.sin(x) * x[0], depth - 1)


def polygon_area(x):
    points = [(x[i], x[(i + 1) % 4]) for i in range(4)]
    return 0.5 * sum(a * d - b * c for (a, b), (c, d) in zip(points, points[1:] + points[:1], strict=True))


def kepler(x):
    anomaly = mean = abs(x[0]) + 0.2
    for _ in range(6):
        anomaly = anomaly - (anomaly - 0.3 * np.sin(anomaly) - mean) / (1 - 0.3 * np.cos(anomaly))
    return anomaly * x[1]


def runge_kutta(x):
    def rate(state):
        prey, hunters = state
        return np.array([prey * (1.1 - 0.4 * hunters), hunters * (0.1 * prey - 0.4)])

    state = np.abs(x[:2]) + 1.0
    for _ in range(5):
        k1 = rate(state)
        k2 = rate(state + 0.05 * k1)
        state = state + 0.1 * k2
    return state @ state


def minors(m):
    if len(m) == 1:
        return m[0][0]
    return sum(
        (-1) ** j * m[0][j] * minors([[row[k] for k in range(len(m)) if k != j] for row in m[1:]])
        for j in range(len(m))
    )


VECTOR = {
    "loop into zeros": loop_into_zeros,
    "imported names": imported_names,
    "import inside": import_inside,
    "newton": newton_iteration,
    "heat equation": heat_equation,
    "in place": in_place,
    "through views": through_views,
    "through views of results": through_views_of_results,
    "views of orders": views_of_orders,
    "views of zeros": views_of_zeros,
    "augmented columns": augmented_columns,
    "recursive": recursive,
    "polygon": polygon_area,
    "kepler": kepler,
    "runge kutta": runge_kutta,
    "method": Network(A).layer and Network(A),
    "bound method": Network(A).__call__,
    "property": Network(A).doubled,
    "partial": functools.partial(recursive, depth=2),
    "rosen": scipy.optimize.rosen,
    "array of numbers": lambda x: np.array([x[0], 1.0, x[1] * x[2]]).dot(np.arange(3.0)),
    "nested lists": lambda x: np.sum(np.array([[x[0], 2.0], [x[1], x[2] * x[3]]]) ** 2),
    "asarray": lambda x: np.sum(np.asarray(x, dtype=float) ** 2) + np.atleast_1d(x)[0],
    "generator": lambda x: np.array([v * v for v in iter(x)]).sum(),
    "A.dot": lambda x: A.dot(x).dot(x),
    "A @ x": lambda x: (A @ x) @ (x @ A),
    "A += x": lambda x: np.sum(functools.reduce(lambda a, b: a * b, [x, A[0] + x, x])),
    "branch": lambda x: x[0] ** 2 if x[0] > x[1] else np.exp(x[1]) * x[2],
    "chain of branches": lambda x: 1.0 * x[0] if x[1] > 2 else (x[0] * x[1] if x[1] > 0 else x[1] ** 3),
    "where": lambda x: np.sum(np.where(x > 0, np.sqrt(np.abs(x)), x**3)),
    "where with a constant mask": lambda x: np.sum(np.where([True, False, True, False], x**2, x[::-1])),
    "select by mask": lambda x: np.sum(x[x > 0] ** 3),
    "integer index": lambda x: np.sum(x[[0, 0, 1, -1]] * x[[1, 2, 3, 3]] ** 2),
    "newaxis and ellipsis": lambda x: np.sum((x[:, None] - x[None, ...]) ** 4),
    "negative step": lambda x: np.sum(x[::-2] * x[::2]),
    "softmax": lambda x: np.log(np.sum(np.exp(x - np.max(x)))) + np.max(x),
    "norms": lambda x: np.linalg.norm(x) + np.linalg.norm(x, 1) + np.linalg.norm(x, np.inf) + np.linalg.norm(x, 3),
    "statistics": lambda x: np.std(x) + np.var(x, ddof=1) + x.mean() + np.ptp(x),
    "prod": lambda x: np.prod(x) + x.prod(),
    "sort": lambda x: np.sort(x) @ np.arange(4.0),
    "argsort": lambda x: np.sum(x[np.argsort(x)] * np.array([4.0, 3.0, 2.0, 1.0])),
    "argmax": lambda x: x[np.argmax(x)] ** 2 * x[np.argmin(x)],
    "cumulative": lambda x: np.cumsum(x) @ np.cumprod(x),
    "clip": lambda x: np.clip(x, -0.5, 0.5).sum() + np.maximum(x, 0).sum() + np.fmin(x, 0.2).sum(),
    "outer": lambda x: np.sum(np.outer(x, x) * A),
    "diff": lambda x: np.sum(np.diff(x) ** 2) + np.sum(np.diff(x, n=2) ** 3),
    "roll, flip, tile, repeat": lambda x: np.roll(x, 1) @ np.flip(x) + np.tile(x, 2) @ np.repeat(x, 2),
    "concatenate": lambda x: np.sum(np.concatenate([x, x**2, [1.0]]) ** 2) + np.append(x, 3.0).sum(),
    "stacks": lambda x: np.sum(np.stack([x, x**2]) ** 2) + np.vstack([x, x]).sum() + np.column_stack((x, x * x))[1, 1],
    "split": lambda x: np.split(x, 2)[0] @ np.split(x**2, 2)[1],
    "meshgrid": lambda x: np.sum(np.meshgrid(x, x)[0] * np.meshgrid(x, x)[1] ** 2),
    "diag": lambda x: np.sum(np.diag(x) @ A @ np.diag(x)) + np.trace(np.outer(x, x)),
    "triangles": lambda x: np.sum(np.tril(np.outer(x, x)) ** 2) - np.sum(np.triu(np.outer(x, x), 1)),
    "pad": lambda x: np.sum(np.pad(x, 1)[1:] * np.pad(x, (0, 1))),
    "reshape in Fortran order": lambda x: np.sum(x.reshape(2, 2, order="F") @ x.reshape(2, 2)),
    "moveaxis": lambda x: np.sum(np.moveaxis(np.multiply.outer(x, A), 0, 2)[0] ** 2),
    "builtins": lambda x: max(x[0], x[1], x[2]) * min(x[2], x[3]) + abs(x[0]) + sum(v**2 for v in x),
    "sorted": lambda x: sorted(x)[0] * sorted(x, reverse=True)[0],
    "sum of a list": lambda x: np.sum([v * 2 for v in x]) + np.mean([x[0], 1.0]),
    "exp of a list": lambda x: np.sum(np.exp([x[0], 1.0, x[1]])),
    "rounding": lambda x: x[0] * round(x[3]) + np.floor(x[1]) * x[2] + int(x[3]) * x[3],
    "math": lambda x: math.exp(x[0]) + math.hypot(x[1], x[2]) + math.atan2(x[1], x[3]) + math.log(x[3] ** 2 + 1, 2),
    "more math": lambda x: math.pow(x[0] ** 2, 1.5) + math.degrees(x[1]) + math.fabs(x[2]) + math.floor(x[3]),
    "scalars on the left": lambda x: np.sum(np.float64(2) * x + np.int64(3) ** x - 1 / (2.0 + x**2)),
    "powers": lambda x: np.sum(np.abs(x) ** np.array([1.0, 2.0, 3.0, 0.5])) + np.sum((x**2 + 1) ** x) + x[0] ** 3,
    "remainder": lambda x: np.sum(x % 0.97) + np.sum(np.fmod(x, 0.97)) + x[0] // 0.31,
    "polyval": lambda x: np.polyval(x, 1.5) + np.polyval([1.0, 2.0], x[0]),
    "trapezoid": lambda x: np.trapezoid(x**2) + np.trapezoid(x, dx=0.5) + np.trapezoid([1.0, 2.0, 3.0, 4.0], x),
    "linspace": lambda x: np.sum(np.linspace(x[0], x[1], 5) ** 2),
    "full": lambda x: np.sum(np.full((2, 3), x[0]) * np.ones((2, 3))) * np.full_like(x, 2.0)[0],
    "ufunc methods": lambda x: np.add.reduce(x) * np.multiply.accumulate(x)[2] + np.sum(np.subtract.outer(x, x) ** 2),
    "out": lambda x: np.sum(np.multiply(x, x, out=np.zeros(4))) + np.add(x, 1.0, np.empty(4))[1],
    "special functions": lambda x: np.sum(scipy.special.erf(x) + scipy.special.expit(x) + scipy.special.erfc(x)),
    "logaddexp": lambda x: (
        np.logaddexp(x[0], x[1]) + np.logaddexp.reduce([0.1, 0.2]) + np.sum(np.log1p(np.expm1(x) ** 2))
    ),
    "average": lambda x: np.average(x, weights=[1.0, 2.0, 3.0, 4.0]) + np.average(x),
    "tensordot": lambda x: np.tensordot(A, np.outer(x, x), 2) + np.inner(x, x) + np.vdot(x, A[0]),
    "batched matmul": lambda x: np.sum(np.matmul(np.stack([A, A * x]), x[:, None]) ** 2),
    "object array": lambda x: np.sum(np.array([x[0], x[1]], dtype=object) * 2.0),
    "vectorize": lambda x: np.sum(np.vectorize(lambda v: v * v + 1.0)(x)),
    "itertools": lambda x: sum(a * b for a, b in itertools.combinations(x, 2)),
    "enumerate and zip": lambda x: sum(i * v * w for i, (v, w) in enumerate(zip(x, A[0], strict=True))),
    "unpacking": lambda x: (lambda a, b, *rest: a * b + rest[0] ** 2)(*x),
    "deepcopy": lambda x: np.sum(copy.deepcopy(x) * copy.copy(x)),
    "tolist and item": lambda x: sum(v * v for v in x.tolist()) + x[:1].item() ** 3,
    "copyto": lambda x: (lambda y: (np.copyto(y, x * x), y.sum())[1])(np.empty(4)),
    "flat": lambda x: np.sum(np.outer(x, x).flat[3:7] ** 2) + np.outer(x, x).flatten()[5],
    "isinstance": lambda x: np.sum(x) * (isinstance(x, np.ndarray) + isinstance(x[0], float)),
    "formatting": lambda x: np.sum(x**2) * len(f"{x[0]:.1f}"[-2:]) * bool(str(x)),
    "dimensionless result": lambda x: np.array(np.sum(x**2)),
    "result of shape (1,)": lambda x: x[:1] ** 2,
    "shapes": lambda x: np.sum(x) * x.shape[0] * x.size * x.ndim * len(x) * np.shape(x)[0],
    "error state": lambda x: (lambda: np.sum(np.sqrt(x * x + 1)))(),
    "isfinite": lambda x: np.sum(x**2) if np.all(np.isfinite(x)) else np.nan,
    "any": lambda x: np.sum(x**2) if np.any(x > 1.0) else np.sum(x**3),
    "isclose": lambda x: np.sum(x) if np.allclose(x, x * 1.0) else 0.0,
}
MATRIX = {
    "x @ x.T": lambda x: np.sum((x @ x.T) ** 2) + np.trace(x @ x.T),
    "axes": lambda x: np.sum(x.sum(axis=0) ** 2) + np.sum(x.mean(axis=1, keepdims=True) * x) + np.sum(x, (0, 1)) ** 2,
    "max along axes": lambda x: np.sum(np.max(x, axis=0) ** 2) + np.min(x, axis=1) @ np.arange(3.0) + np.max(x, (0, 1)),
    "prod along axes": lambda x: np.sum(np.prod(x, axis=0)) + np.prod(x, axis=(0, 1)),
    "std along axes": lambda x: np.sum(np.std(x, axis=1)) + np.sum(np.var(x, axis=0, keepdims=True)),
    "transposed": lambda x: np.sum(x.T @ A[:3] * 2) + np.sum(x.transpose(1, 0)[1:] ** 2),
    "strided": lambda x: np.sum(x.reshape(4, 3)[::2, 1:] ** 2) + x.ravel()[5] * x[2, -1],
    "broadcast": lambda x: np.sum((x - x.mean(axis=0)) ** 2 / (1 + x[0] ** 2)),
    "sort along an axis": lambda x: np.sum(np.sort(x, axis=0) * np.arange(12.0).reshape(3, 4)),
    "cumsum along an axis": lambda x: np.sum(np.cumsum(x, axis=1) ** 2),
    "loops over rows": lambda x: sum(row @ row[::-1] for row in x),
    "ix": lambda x: np.sum(x[np.ix_([0, 2], [1, 3])] ** 2),
    "minors": lambda x: minors([[x[i, j] for j in range(3)] for i in range(3)]),
    "assign a block": lambda x: (lambda y: (y.__setitem__((slice(0, 2), slice(1, 3)), x[:2, :2] ** 2), y.sum())[1])(
        x.copy()
    ),
    "rot90 and swapaxes": lambda x: np.sum(np.rot90(x) * np.swapaxes(x, 0, 1)[::-1] ** 2),
    "take along an axis": lambda x: np.sum(np.take_along_axis(x, np.argsort(x, axis=1), axis=1)[:, 0] ** 2),
}
NUMBER = {
    "exp": lambda t: math.exp(t) * t**3,
    "array of one number": lambda t: np.sum(np.array([t, t**2, 1.0]) ** 2),
    "where of a number": lambda t: np.where(t > 1.0, t**2, -t),
    "zeros of a number": lambda t: (lambda y: (y.__setitem__(1, t), y @ y)[1])(np.zeros(3)),
}
CASES = [
    pytest.param(f, *POINTS[kind], id=name)
    for kind, functions in (("vector", VECTOR), ("matrix", MATRIX), ("number", NUMBER))
    for name, f in functions.items()
]


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize(("f", "x", "y"), CASES)
def test_value_and_gradient(f, x, y) -> None:
    transform = ad.value_and_grad(f)
    for point in (x, y, x):
        before = copy.deepcopy(point)
        value, gradient = transform(point)
        assert value == pytest.approx(float(np.reshape(f(copy.deepcopy(point)), -1)[0]), rel=1e-13, abs=1e-13)
        expected = differences(f, point)
        assert np.max(np.abs(gradient - expected) / np.maximum(1.0, np.abs(expected))) < 1e-7
        assert np.array_equal(point, before), "the argument was written to"


SMOOTH = [
    "through views",
    "heat equation",
    "runge kutta",
    "integer index",
    "outer",
    "tensordot",
    "norms",
    "special functions",
]


@pytest.mark.parametrize("name", SMOOTH)
def test_hessian_product_is_the_derivative_of_the_gradient(name) -> None:
    f, direction = VECTOR[name], np.array([1.0, -2.0, 0.5, 0.3])
    gradient = ad.grad(f)
    h = 1e-4
    slopes = [(gradient(X + s * direction) - gradient(X - s * direction)) / (2 * s) for s in (h, h / 2)]
    expected = (4 * slopes[1] - slopes[0]) / 3
    product = ad.hvp(f)(X, direction)
    assert np.max(np.abs(product - expected) / np.maximum(1.0, np.abs(expected))) < 1e-7
    assert ad.jvp(ad.grad(f), (X,), (direction,))[1] == pytest.approx(product, rel=1e-11, abs=1e-11)


@pytest.mark.parametrize("name", ["loop into zeros", "outer", "cumulative", "A.dot"])
def test_a_function_without_branches_is_recorded_once(name) -> None:
    transform = ad.value_and_grad(VECTOR[name])
    for point in (X, Y, 2 * X, Y - 1):
        transform(point)
    assert transform.replayer.recordings == 1


def test_a_captured_matrix_is_on_the_tape_once() -> None:
    matrix = np.ones((50, 50))

    def loop(x):
        for _ in range(20):
            x = np.tanh(matrix @ x)
        return np.sum(x)

    assert ad.record(loop, np.ones(50)).stats()["constants"] <= matrix.size


REFUSED = {
    "kolmogi": (lambda x: np.sum(scipy.special.kolmogi(x)), ad.errors.UnsupportedFunction, "scipy.special.kolmogi"),
    "float": (lambda x: float(x[0]), ad.errors.DerivativeCut, r"float\(x\)"),
    "complex": (lambda x: complex(x[0]), ad.errors.DerivativeCut, r"complex\(x\)"),
    "astype": (lambda x: np.sum(x.astype(int)), ad.errors.DerivativeCut, "astype"),
    "dtype": (lambda x: np.sum(np.array(x, dtype=np.float32)), ad.errors.DerivativeCut, "float32"),
    "into a captured array": (lambda x: A.copy().__setitem__((0, 0), x[0]), ad.errors.DerivativeCut, r"float\(x\)"),
    "index": (lambda x: A[0][x[0]], (ad.errors.DerivativeCut, IndexError), None),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_differentiated_is_refused_with_the_line(name) -> None:
    f, kind, text = REFUSED[name]
    with pytest.raises(kind, match=text) as caught:
        ad.grad(f)(X)
    if text is not None:
        assert f"test_numpy_code.py:{f.__code__.co_firstlineno}" in str(caught.value)


@njit
def compiled_square(t):
    return t * t


@njit
def compiled_sum(v):
    return v.sum()


def test_compiled_functions_run_on_plain_values() -> None:
    def f(x):
        made = np.zeros(3)
        made[:] = 2.0
        return compiled_square(3.0) * x[0] + compiled_sum(made) * x[1] + compiled_sum(A[0]) * x[2]

    assert ad.grad(f)(X) == pytest.approx([9.0, 6.0, A[0].sum(), 0.0])
    assert ad.grad(lambda x: compiled_square.py_func(x[0]))(X)[0] == pytest.approx(2 * X[0])


def test_compiled_functions_on_traced_values_are_one_instruction() -> None:
    tape = ad.record(lambda x: compiled_sum(x) * compiled_square(x[0]), X)
    assert tape.instructions == 3
    np.testing.assert_allclose(ad.grad(lambda x: compiled_sum(x) * compiled_square(x[0]))(X),
                               X[0] ** 2 + np.where(np.arange(4) == 0, 2 * X[0] * X.sum(), 0.0), rtol=1e-14)  # fmt: skip


def test_collection_is_on_again_after_a_recording() -> None:
    assert gc.isenabled()
    with pytest.raises(ZeroDivisionError):
        ad.grad(lambda x: x[0] * (1 // 0))(X)
    assert gc.isenabled()
    gc.disable()
    try:
        ad.grad(lambda x: x[0])(X)
        assert not gc.isenabled()
    finally:
        gc.enable()


def test_an_exception_inside_leaves_no_state() -> None:
    def fails(x):
        y = np.zeros(4)
        y[0] = x[0]
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        ad.grad(fails)(X)
    assert type(np.zeros(2)) is np.ndarray
    assert ad.grad(loop_into_zeros)(X) == pytest.approx(differences(loop_into_zeros, X), rel=1e-8)


def test_containers_come_back_as_they_were_given() -> None:
    def f(p):
        return np.sum(p["a"] * p["b"][0]) + p["b"][1] ** 2

    gradient = ad.grad(f)({"a": np.ones(3), "b": (np.arange(3.0), 4.0)})
    assert gradient["a"].tolist() == [0.0, 1.0, 2.0] and gradient["b"][1] == 8.0
    assert type(gradient["b"]) is tuple and gradient["b"][0].tolist() == [1.0, 1.0, 1.0]
