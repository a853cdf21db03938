"""`ad.vmap`: batches beside single calls, lanes that take another branch, containers, axes, errors, nesting."""

from __future__ import annotations

import threading
from collections import namedtuple

import numpy as np
import pytest

import fastad as ad
from fastad.errors import (
    ArgumentIndexError,
    ChangedConstant,
    NonScalarOutput,
    ShapeMismatch,
    StructureMismatch,
    UnsupportedDtype,
)  # fmt: skip

SIZES = [0, 1, 7, 64, 65, 1000]
Pair = namedtuple("Pair", "left right")


def rosenbrock(x):
    return np.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1.0 - x[:-1]) ** 2)


def spiral(x):
    a, b = x[0], x[1]
    for _ in range(20):
        a, b = a + 0.1 * b * a, b - 0.1 * np.sin(a)
    return a * b + x[2]


def draw(*shape, seed=0):
    return np.random.default_rng(seed).uniform(-1.5, 1.5, shape)


def close(found, expected):
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-12)


# --- sizes ------------------------------------------------------------------------------------------
@pytest.mark.parametrize("count", SIZES)
@pytest.mark.parametrize("f", [rosenbrock, spiral, lambda x: np.sum(np.tanh(np.outer(x, np.arange(500.0))))])
def test_batches_of_every_size(f, count):
    points, value_and_grad = draw(count, 3), ad.value_and_grad(f)
    singly = [value_and_grad(x) for x in points]
    values, gradients = ad.vmap(ad.value_and_grad(f))(points)
    assert values.shape == (count,) and gradients.shape == (count, 3)
    close(values, [value for value, _ in singly])
    close(gradients, np.reshape([gradient for _, gradient in singly], (count, 3)))
    assert np.array_equal(ad.vmap(ad.grad(f))(points), gradients)
    close(ad.vmap(f)(points), values)


def test_batches_of_changing_size_and_layout():
    batched, one = ad.vmap(ad.grad(rosenbrock)), ad.grad(rosenbrock)
    for call, count in enumerate([5, 64, 1, 0, 65, 64, 3, 17, 33] * 3):
        points = draw(count, 4, seed=call)
        points = [points, points[:, ::-1], np.asfortranarray(points), points.astype(np.float32)][call % 4]
        close(batched(points), np.reshape([one(x) for x in points], (count, 4)))
    assert batched(draw(8, 3)).shape == (8, 3)  # another shape of the points


def test_a_point_does_not_depend_on_its_neighbours():
    points = draw(40, 3)
    batched = ad.vmap(ad.grad(spiral))
    whole = batched(points)
    spoilt = points.copy()
    spoilt[::2] = np.nan
    found = batched(spoilt)
    close(found[1::2], whole[1::2])  # not to the bit: lanes outside the fast range take all to the library's sine
    assert np.isnan(found[::2]).any(axis=1).all()


def test_arguments_and_results_are_not_shared():
    points = draw(20, 3)
    before, batched = points.copy(), ad.vmap(ad.grad(spiral))
    first = batched(points)
    kept = first.copy()
    batched(points + 1.0)
    assert np.array_equal(points, before) and np.array_equal(first, kept)


# --- branches ---------------------------------------------------------------------------------------
def branching(x):
    if x[0] > 0.0:
        return x[0] ** 2 * x[1] if x[1] > 0.5 else np.sin(x[0]) * x[1]
    return np.sum(x) * 3.0


@pytest.mark.parametrize("count", [1, 7, 64, 1000])
def test_lanes_of_different_branches(count):
    points, transform = draw(count, 2), ad.value_and_grad(branching)
    batched = ad.vmap(transform)
    singly = [ad.value_and_grad(branching)(x) for x in points]
    for _ in range(3):
        values, gradients = batched(points)
        close(values, [value for value, _ in singly])
        close(gradients, [gradient for _, gradient in singly])
    assert transform.replayer.recordings <= 3
    close(ad.vmap(branching)(points), values)


def test_more_paths_than_are_kept():
    def steps(x):
        total = x * 1.0
        for _ in range(int(np.floor(x))):
            total = total * x
        return total

    points = np.arange(20.0) + 0.5
    expected = np.floor(points + 1.0) * points ** np.floor(points)
    batched = ad.vmap(ad.grad(steps))
    for _ in range(2):
        close(batched(points), expected)


def test_branches_with_results_of_different_shapes():
    def f(x):
        return x[:1] if x[0] > 0.0 else x

    with pytest.raises(ShapeMismatch, match="points 0 and 1 take different branches"):
        ad.vmap(f)(np.array([[1.0, 2.0], [-1.0, 2.0]]))


def test_ties_are_recorded_once():
    def f(x):
        return x * 2.0 if x > 0.0 else x * 3.0

    assert ad.vmap(ad.grad(f))(np.array([0.0, 1.0, -1.0, 0.0])).tolist() == [3.0, 2.0, 3.0, 3.0]


# --- audits -----------------------------------------------------------------------------------------
@pytest.mark.parametrize("make", [ad.vmap, lambda f: ad.vmap(ad.grad(f))])
def test_changed_constants_are_found(make):
    factor = np.array([1.0, 2.0])
    batched, points = make(lambda x: np.sum(x * factor)), draw(30, 2)
    for _ in range(4):
        batched(points)
    factor[0] = 5.0
    with pytest.raises(ChangedConstant):
        for _ in range(40):
            batched(points)
    close(batched(points), points @ factor if make is ad.vmap else np.tile(factor, (30, 1)))


def test_tapes_are_shared_with_single_calls():
    transform = ad.grad(rosenbrock)
    transform(np.ones(3))
    ad.vmap(transform)(draw(9, 3))
    assert transform.replayer.recordings == 1


# --- axes and containers ----------------------------------------------------------------------------
def test_in_axes():
    a, b = draw(5, 3, seed=1), draw(3, 6, seed=2)

    def f(x, y, scale=1.0):
        return np.sum(x * y) * scale

    wanted = np.array([[ad.grad(f)(x, b[:, 0], scale=2.0)] for x in a])[:, 0]
    close(ad.vmap(ad.grad(f), in_axes=(0, None))(a, b[:, 0], scale=2.0), wanted)
    close(ad.vmap(ad.grad(f, argnums=1), in_axes=(None, 1))(a[0], b), np.tile(a[0], (6, 1)))
    close(ad.vmap(f, in_axes=1)(b, b), np.sum(b * b, axis=0))
    close(ad.vmap(f, in_axes=[-1, None])(b, a[0]), a[0] @ b)
    close(ad.vmap(np.sin)(a), np.sin(a))


def test_argnums():
    def f(x, y):
        return np.sum(x**2) * y

    x, y = draw(10, 4), draw(10)
    value, (by_x, by_y) = ad.vmap(ad.value_and_grad(f, argnums=(0, 1)))(x, y)
    close(value, np.sum(x**2, axis=1) * y)
    close(by_x, 2.0 * x * y[:, None])
    close(by_y, np.sum(x**2, axis=1))
    (alone,) = ad.vmap(ad.grad(f, argnums=(1,)))(x, y)
    close(alone, by_y)
    close(ad.vmap(ad.grad(f, argnums=-1))(x, y), by_y)


def test_containers():
    def f(p, c):
        return np.sum(p["w"] * c[0]) * p["b"][0] + c[1].left * c[1].right

    w, b, c0, left, right = draw(8, 2, 3), draw(8), draw(8, 3), draw(8), draw(8)
    p, c = {"w": w, "b": [b]}, (c0, Pair(left, right))
    (value, gradient) = ad.vmap(ad.value_and_grad(f, argnums=(0, 1)))(p, c)
    dp, dc = gradient
    close(value, np.sum(w * c0[:, None, :], axis=(1, 2)) * b + left * right)
    assert set(dp) == {"w", "b"} and isinstance(dp["b"], list) and isinstance(dc[1], Pair)
    close(dp["w"], np.broadcast_to(c0[:, None, :], w.shape) * b[:, None, None])
    close(dc[1].left, right)
    structured = ad.vmap(lambda q: {"sum": np.sum(q["w"]), "both": (q["w"].T, q["b"][0])})(p)
    close(structured["sum"], np.sum(w, axis=(1, 2)))
    assert structured["both"][0].shape == (8, 3, 2) and structured["both"][1].shape == (8,)


def test_numbers_as_points():
    x = draw(12)
    close(ad.vmap(ad.grad(np.sin))(x), np.cos(x))
    close(ad.vmap(lambda x: x * x)(x), x * x)
    values = ad.vmap(lambda x: (x > 0.0, x))(x)
    close(values[0], x > 0.0)


def test_integers():
    points = np.arange(6).reshape(3, 2)
    close(ad.vmap(ad.grad(lambda x: np.sum(x**2)))(points), 2.0 * points)
    close(ad.vmap(lambda x, n: x * n)(np.ones(3), np.arange(3)), np.arange(3.0))
    close(ad.vmap(ad.grad(lambda x, n: x**n))(np.full(3, 2.0), np.array([1, 2, 3])), [1.0, 4.0, 12.0])


# --- whatever has no lanes --------------------------------------------------------------------------
def test_other_transforms():
    points, vectors = draw(6, 3), draw(6, 3, seed=1)
    close(ad.vmap(ad.hessian(spiral))(points), [ad.hessian(spiral)(x) for x in points])
    close(ad.vmap(ad.jacobian(np.sin))(points), [np.diag(np.cos(x)) for x in points])
    expected = [ad.hvp(spiral)(x, v) for x, v in zip(points, vectors, strict=True)]
    close(ad.vmap(ad.hvp(spiral))(points, vectors), expected)
    close(ad.vmap(ad.vmap(ad.grad(np.sin)))(points), np.cos(points))
    close(ad.vmap(lambda x, v: ad.jvp(spiral, (x,), (v,))[1])(points, vectors),
          [ad.jvp(spiral, (x,), (v,))[1] for x, v in zip(points, vectors, strict=True)])  # fmt: skip


def test_functions_that_cannot_be_recorded():
    batched = ad.vmap(lambda x: float(x[0]) + len(str(float(x[1]))) * 0.0)
    close(batched(draw(4, 2)), draw(4, 2)[:, 0])


def test_methods():
    class Model:
        factor = 2.0

        def value(self, x):
            return np.sum(x) * self.factor

    points = draw(20, 3)
    close(ad.vmap(Model().value)(points), 2.0 * np.sum(points, axis=1))
    close(ad.vmap(ad.grad(Model().value))(points), np.full((20, 3), 2.0))


def test_many_threads():
    points, failures = draw(200, 3), []
    batched = ad.vmap(ad.value_and_grad(branching))
    batched(points)
    expected = batched(points)

    def work():
        for _ in range(50):
            for found, wanted in zip(batched(points), expected, strict=True):
                if not np.array_equal(found, wanted):
                    failures.append(found)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures


# --- inside a recording -----------------------------------------------------------------------------
def test_inside_a_gradient():
    weights, points = draw(3), draw(5, 3, seed=1)

    def model(w, x):
        return np.tanh(w @ x)

    def loss(w):
        return np.mean(ad.vmap(model, in_axes=(None, 0))(w, points) ** 2)

    def plain(w):
        return np.mean(np.tanh(points @ w) ** 2)

    close(ad.grad(loss)(weights), ad.grad(plain)(weights))

    def slopes(w):
        return np.sum(ad.vmap(ad.grad(model), in_axes=(None, 0))(w, points) ** 2)

    close(ad.grad(slopes)(weights), ad.grad(lambda w: sum(np.sum(ad.grad(model)(w, x) ** 2) for x in points))(weights))


def test_batches_of_traced_values():
    x = draw(4, 3)

    def f(x):
        value, gradient = ad.vmap(ad.value_and_grad(lambda row: np.sum(np.sin(row) ** 2)), in_axes=1)(x)
        return np.sum(value**2) + np.sum(gradient)

    wanted = ad.grad(lambda x: np.sum(np.sum(np.sin(x) ** 2, axis=0) ** 2) + np.sum(2.0 * np.sin(x) * np.cos(x)))(x)
    close(ad.grad(f)(x), wanted)


# --- errors -----------------------------------------------------------------------------------------
def error_of(kind, match, function, *args, in_axes=0):
    with pytest.raises(kind, match=match):
        ad.vmap(function, in_axes=in_axes)(*args)


def test_errors():
    f = ad.grad(lambda x, y=1.0: np.sum(x) * np.sum(y))
    error_of(ShapeMismatch, "argument 0 has 4 points .* argument 1 has 5", f, draw(4, 2), draw(5, 2))
    error_of(ShapeMismatch, r"argument 0\['a'\] has 4 points .* argument 0\['b'\] has 3", ad.grad(lambda p: np.sum(p["a"])),
             {"a": draw(4), "b": draw(3)})  # fmt: skip
    error_of(ShapeMismatch, r"argument 0 has shape \(4, 2\): it has no axis 2", f, draw(4, 2), in_axes=2)
    error_of(ShapeMismatch, r"shape \(\): it has no axis 0", f, np.array(1.0))
    error_of(ShapeMismatch, "nothing is batched", f, draw(4), in_axes=None)
    error_of(ShapeMismatch, "nothing is batched", f)
    error_of(ArgumentIndexError, "in_axes=.* has 1 entries for 2 arguments", f, draw(4), draw(4), in_axes=(0,))
    error_of(StructureMismatch, "argument 1 is 2.0, which has no axis", f, draw(4, 2), 2.0)
    error_of(NonScalarOutput, "scalar", ad.grad(np.sin), draw(4, 2))
    error_of(UnsupportedDtype, "complex", f, draw(4, 2) + 1j)
    error_of(StructureMismatch, "None", lambda x: None, draw(4, 2))
    error_of(ShapeMismatch, "point 1 returned", lambda x, n: np.full(n, x), np.ones(2), np.array([1, 2]))
    with pytest.raises(TypeError, match="in_axes='x'"):
        ad.vmap(f, in_axes="x")
    with pytest.raises(TypeError, match="a function is needed"):
        ad.vmap(3.0)
