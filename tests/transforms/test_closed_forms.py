"""Every transform on functions whose derivatives are known in closed form."""

from __future__ import annotations

import collections
import functools
import inspect
import math

import numpy as np
import pytest

import fastad as ad
from fastad.errors import ArgumentIndexError, ShapeMismatch, StructureMismatch

A = np.array([[2.0, 1.0, 0.0], [1.0, 3.0, -1.0], [0.5, -1.0, 4.0]])
X, V = np.array([1.0, -2.0, 0.5]), np.array([0.5, 1.0, -1.0])
CLOSE = {"rtol": 1e-14, "atol": 1e-14}


def quadratic(x):
    return x @ A @ x


def vector(x):
    return np.array([x[0] * x[1], np.sin(x[2]), x[0] ** 2, 1.0])


VECTOR_JACOBIAN = np.array([[-2.0, 1.0, 0.0], [0.0, 0.0, math.cos(0.5)], [2.0, 0.0, 0.0], [0.0, 0.0, 0.0]])
SYMMETRIC = A + A.T


# --- one array ----------------------------------------------------------------------------------------
def test_grad_and_value():
    value, gradient = ad.value_and_grad(quadratic)(X)
    assert type(value) is float and value == pytest.approx(X @ A @ X, rel=1e-15)
    np.testing.assert_allclose(gradient, SYMMETRIC @ X, **CLOSE)
    np.testing.assert_array_equal(ad.grad(quadratic)(X), gradient)
    assert gradient.dtype == np.float64 and gradient.shape == (3,)


@pytest.mark.parametrize("mode", ["auto", "forward", "reverse"])
def test_jacobian(mode):
    np.testing.assert_allclose(ad.jacobian(vector, mode=mode)(X), VECTOR_JACOBIAN, **CLOSE)
    np.testing.assert_allclose(ad.jacobian(quadratic, mode=mode)(X), SYMMETRIC @ X, **CLOSE)
    wide = ad.jacobian(lambda x: np.outer(x, x), mode=mode)(X)
    assert wide.shape == (3, 3, 3)
    np.testing.assert_array_equal(wide, np.einsum("ik,j->ijk", np.eye(3), X) + np.einsum("jk,i->ijk", np.eye(3), X))
    assert ad.jacobian(lambda x: np.sin(x), mode=mode)(0.0) == 1.0


def test_jacobian_refuses_other_modes():
    with pytest.raises(ValueError, match="mode='sideways'"):
        ad.jacobian(vector, mode="sideways")


def test_second_order():
    np.testing.assert_allclose(ad.hessian(quadratic)(X), SYMMETRIC, **CLOSE)
    np.testing.assert_allclose(ad.hvp(quadratic)(X, V), SYMMETRIC @ V, **CLOSE)
    hessian = ad.hessian(lambda x: np.prod(np.sin(x)))(X)
    np.testing.assert_array_equal(hessian, hessian.T)
    matrix = ad.hessian(lambda m: np.sum(m @ m @ m))(A)
    assert matrix.shape == (3, 3, 3, 3)
    np.testing.assert_allclose(
        np.einsum("ijkl,kl->ij", matrix, A), ad.hvp(lambda m: np.sum(m @ m @ m))(A, A), rtol=1e-13
    )


def test_products():
    value, tangent = ad.jvp(vector, (X,), (V,))
    np.testing.assert_array_equal(value, vector(X))
    np.testing.assert_allclose(tangent, VECTOR_JACOBIAN @ V, **CLOSE)
    value, pullback = ad.vjp(vector, X)
    np.testing.assert_array_equal(value, vector(X))
    for weight in np.eye(4):
        (adjoint,) = pullback(weight)
        np.testing.assert_allclose(adjoint, weight @ VECTOR_JACOBIAN, **CLOSE)


def test_directional_derivative():
    slope = (SYMMETRIC @ X) @ V
    assert ad.directional_derivative(quadratic, X, V, normalize=False) == pytest.approx(slope, rel=1e-14)
    assert ad.directional_derivative(quadratic, X, V) == pytest.approx(slope / np.linalg.norm(V), rel=1e-14)
    np.testing.assert_allclose(ad.directional_derivative(vector, X, V, normalize=False), VECTOR_JACOBIAN @ V, **CLOSE)
    found = ad.directional_derivative(lambda p: p["a"] * p["b"], {"a": 2.0, "b": 3.0}, {"a": 3.0, "b": 4.0})
    assert found == pytest.approx((3.0 * 3.0 + 4.0 * 2.0) / 5.0, rel=1e-15)
    with pytest.raises(ShapeMismatch, match="zero"):
        ad.directional_derivative(quadratic, X, np.zeros(3))
    assert ad.directional_derivative(quadratic, X, np.zeros(3), normalize=False) == 0.0


def test_stop_gradient():
    assert ad.grad(lambda x: x * ad.stop_gradient(x))(3.0) == 3.0
    assert ad.stop_gradient(3.0) == 3.0
    x = np.array([1.0, 2.0])
    assert ad.stop_gradient(x) is x
    np.testing.assert_array_equal(ad.grad(lambda x: np.sum(ad.stop_gradient(x) * x**2))(x), 2.0 * x**2)
    np.testing.assert_array_equal(ad.hessian(lambda x: np.sum(ad.stop_gradient(x) * x**2))(x), np.diag(2.0 * x))
    assert ad.jvp(ad.stop_gradient, (2.0,), (1.0,)) == (2.0, 0.0)


def test_numbers():
    assert ad.grad(math.sin)(0.0) == 1.0
    assert ad.grad(np.sin)(np.float64(0.0)) == 1.0
    assert ad.value_and_grad(lambda x: x**3)(2.0) == (8.0, 12.0)
    assert ad.hessian(lambda x: x**3)(2.0) == 12.0
    assert ad.hvp(lambda x: x**3)(2.0, 10.0) == 120.0
    assert ad.vjp(lambda x: x**3, 2.0)[1](1.0) == (12.0,)
    assert np.shape(ad.grad(lambda x: x**3)(2.0)) == ()


# --- several arguments --------------------------------------------------------------------------------
def three(x, y, z):
    return x * y**2 * np.sin(z)


POINT = (2.0, 3.0, 0.5)
PARTIALS = (9.0 * math.sin(0.5), 12.0 * math.sin(0.5), 18.0 * math.cos(0.5))


@pytest.mark.parametrize("argnums", [0, 1, 2, -1, -3, (0,), (2, 0), (0, 1, 2), (-1, 1)])
def test_argnums(argnums):
    one = isinstance(argnums, int)
    expected = PARTIALS[argnums] if one else tuple(PARTIALS[k] for k in argnums)
    value, gradient = ad.value_and_grad(three, argnums)(*POINT)
    assert value == pytest.approx(three(*POINT), rel=1e-15)
    for found in (gradient, ad.grad(three, argnums)(*POINT), ad.jacobian(three, argnums)(*POINT)):
        assert type(found) is (float if one else tuple) or np.ndim(found) == 0
        assert found == pytest.approx(expected, rel=1e-15)
    hessian = ad.hessian(three, argnums)(*POINT)
    if one:
        assert np.shape(hessian) == ()
        assert hessian == pytest.approx([0.0, 4.0 * math.sin(0.5), -18.0 * math.sin(0.5)][argnums], rel=1e-15)
        assert ad.hvp(three, argnums)(*_first(argnums, 2.0)) == pytest.approx(2.0 * hessian, rel=1e-15)
    else:
        mixed = {(0, 1): 6 * math.sin(0.5), (0, 2): 9 * math.cos(0.5), (1, 2): 12 * math.cos(0.5)}
        for i, a in enumerate(argnums):
            for j, b in enumerate(argnums):
                pair = tuple(sorted((a % 3, b % 3)))
                if pair in mixed:
                    assert hessian[i][j] == pytest.approx(mixed[pair], rel=1e-15)


def _first(argnum, v):
    """Arguments of an hvp: the differentiated one, the direction, the rest."""
    rest = list(POINT)
    return (rest.pop(argnum % 3), v, *rest)


@pytest.mark.parametrize("argnums", [3, -4, (0, 3), (0, 0), (0, -3), (), 1.5, "0", None, (0, "1"), 10**20])
def test_wrong_argnums(argnums):
    for transform in (ad.grad, ad.value_and_grad, ad.jacobian, ad.hessian):
        with pytest.raises(ArgumentIndexError, match="argnums="):
            transform(three, argnums)(*POINT)


def test_argnums_of_truth_values_are_refused():
    with pytest.raises(ArgumentIndexError):
        ad.grad(three, True)(*POINT)


def test_argnums_without_arguments():
    with pytest.raises(ArgumentIndexError, match="0 positional"):
        ad.grad(lambda: 1.0)()
    with pytest.raises(ArgumentIndexError, match="0 positional"):
        ad.grad(lambda x=1.0: x)(x=2.0)


def test_hvp_takes_one_argument_number():
    with pytest.raises(TypeError, match="int argnums"):
        ad.hvp(three, (0, 1))(*_first(0, 1.0))
    with pytest.raises(ArgumentIndexError):
        ad.hvp(three, 3)(*_first(0, 1.0))


def test_several_arrays():
    def f(x, w, b):
        return np.sum(np.tanh(w @ x + b) ** 2)

    x, w, b = np.array([1.0, -2.0]), np.array([[1.0, 2.0], [0.5, -1.0], [0.0, 1.0]]), np.array([0.1, 0.2, 0.3])
    t = np.tanh(w @ x + b)
    g = 2.0 * t * (1.0 - t**2)
    found = ad.grad(f, (0, 1, 2))(x, w, b)
    for part, expected in zip(found, (w.T @ g, np.outer(g, x), g), strict=True):
        np.testing.assert_allclose(part, expected, **CLOSE)
    blocks = ad.jacobian(lambda x, w: w @ x, (0, 1))(x, w)
    np.testing.assert_array_equal(blocks[0], w)
    np.testing.assert_array_equal(blocks[1], np.einsum("ik,j->ikj", np.eye(3), x))
    rows = ad.hessian(lambda x, y: x @ w.T @ y, (0, 1))(x, b)
    np.testing.assert_array_equal(rows[0][1], w.T)
    np.testing.assert_array_equal(rows[1][0], w)
    assert not rows[0][0].any() and not rows[1][1].any()


# --- containers ---------------------------------------------------------------------------------------
Pair = collections.namedtuple("Pair", "low high")


def test_containers_in_arguments():
    def f(p):
        return p["a"] * np.sum(p["b"][0] * p["b"][1][0]) + p["c"].low ** 2

    p = {"a": 2.0, "b": (np.array([1.0, 2.0]), [np.array([3.0, 4.0]), 7.0]), "c": Pair(5.0, [])}
    value, g = ad.value_and_grad(f)(p)
    assert value == 2.0 * 11.0 + 25.0
    assert list(g) == ["a", "b", "c"] and type(g["b"]) is tuple and type(g["b"][1]) is list and type(g["c"]) is Pair
    assert g["a"] == 11.0 and g["c"] == Pair(10.0, []) and g["b"][1][1] == 0.0
    np.testing.assert_array_equal(g["b"][0], [6.0, 8.0])
    np.testing.assert_array_equal(g["b"][1][0], [2.0, 4.0])
    product = ad.hvp(f)(p, {"a": 1.0, "b": (np.zeros(2), [np.zeros(2), 0.0]), "c": Pair(1.0, [])})
    np.testing.assert_array_equal(product["b"][0], [3.0, 4.0])
    assert product["c"].low == 2.0
    hessian = ad.hessian(f)(p)
    np.testing.assert_array_equal(hessian["b"][0]["b"][1][0], 2.0 * np.eye(2))
    assert hessian["c"].low["c"].low == 2.0 and hessian["a"]["a"] == 0.0
    np.testing.assert_array_equal(hessian["a"]["b"][0], [3.0, 4.0])


def test_containers_in_results():
    def f(x):
        return {"sum": np.sum(x), "parts": (x[:2] ** 2, [x[0]]), "pair": Pair(x[1], x[2] * x[0])}

    jacobian = ad.jacobian(f)(X)
    np.testing.assert_array_equal(jacobian["sum"], np.ones(3))
    np.testing.assert_array_equal(jacobian["parts"][0], [[2.0, 0.0, 0.0], [0.0, -4.0, 0.0]])
    np.testing.assert_array_equal(jacobian["parts"][1][0], [1.0, 0.0, 0.0])
    np.testing.assert_array_equal(jacobian["pair"].high, [0.5, 0.0, 1.0])
    value, tangent = ad.jvp(f, (X,), (V,))
    assert value["pair"] == Pair(-2.0, 0.5) and tangent["pair"].high == 0.5 * 0.5 - 1.0
    value, pullback = ad.vjp(f, X)
    weight = {"sum": 1.0, "parts": (np.array([1.0, 0.0]), [2.0]), "pair": Pair(0.0, 1.0)}
    np.testing.assert_array_equal(pullback(weight)[0], [1.0 + 2.0 + 2.0 + 0.5, 1.0, 2.0])


def test_a_list_of_numbers_is_a_vector():
    np.testing.assert_array_equal(ad.jacobian(lambda x: [x[0] * x[1], x[2]])(X), [[-2.0, 1.0, 0.0], [0.0, 0.0, 1.0]])
    found = ad.jacobian(lambda x: [x[0] * x[1], x[0]])([2.0, 3.0])
    np.testing.assert_array_equal(np.array(found), [[3.0, 1.0], [2.0, 0.0]])
    assert ad.grad(lambda x: x[0] * x[1])([2.0, 3.0]) == [3.0, 2.0]
    assert ad.grad(lambda x: x[0] * x[1])((2.0, 3)) == (3.0, 2.0)


def test_entries_of_dicts_are_matched_by_key():
    """A tangent or a weight whose keys stand in another order means the same."""

    def f(p):
        return {"u": p["a"] * 10.0 + p["b"], "v": p["a"] * p["b"]}

    p = {"a": 2.0, "b": 3.0}
    assert ad.jvp(f, (p,), ({"b": 0.0, "a": 1.0},))[1] == {"u": 10.0, "v": 3.0}
    assert ad.vjp(f, p)[1]({"v": 0.0, "u": 1.0}) == ({"a": 10.0, "b": 1.0},)
    assert ad.hvp(lambda p: f(p)["v"])(p, {"b": 0.0, "a": 1.0}) == {"a": 0.0, "b": 1.0}
    found = ad.grad(lambda s: ad.jvp(f, (p,), ({"b": 0.0, "a": s},))[1]["u"])(1.0)
    assert found == 10.0, "inside a function being differentiated, too"
    assert ad.grad(lambda s: ad.vjp(f, {"a": s, "b": 3.0})[1]({"v": 1.0, "u": 0.0})[0]["b"])(2.0) == 1.0
    for wrong in ({"a": 1.0}, {"a": 1.0, "c": 1.0}, (1.0, 1.0), 1.0):
        with pytest.raises(StructureMismatch, match="tangent 0"):
            ad.jvp(f, (p,), (wrong,))


def test_empty_containers_and_arrays():
    assert ad.grad(lambda p: 3.0)([]) == []
    assert ad.grad(lambda p: np.sum(p[0]) + p[1])((np.empty((0, 2)), 1.0))[0].shape == (0, 2)
    assert ad.jacobian(lambda x: x[:0])(X).shape == (0, 3)
    assert ad.hessian(lambda x: 1.0)(np.empty(0)).shape == (0, 0)


# --- what a transform looks like ------------------------------------------------------------------------
def test_transforms_wrap_their_function():
    def named(x):
        """What it does."""
        return x

    for transform in (ad.grad, ad.value_and_grad, ad.jacobian, ad.hessian, ad.hvp):
        made = transform(named)
        assert made.__name__ == "named" and made.__doc__ == "What it does." and made.__wrapped__ is named
        assert callable(made) and "x" in inspect.signature(made).parameters


@pytest.mark.parametrize("wrong", [3.0, None, "sin", np.zeros(2)])
def test_only_functions_are_transformed(wrong):
    for transform in (ad.grad, ad.value_and_grad, ad.jacobian, ad.hessian, ad.hvp):
        with pytest.raises(TypeError, match=f"a function is needed, not {type(wrong).__name__}"):
            transform(wrong)


class Model:
    def __init__(self, scale):
        self.scale = scale

    def loss(self, x):
        return self.scale * np.sum(x**2)

    @ad.grad
    def slope(self, x):
        return 0.0

    def __call__(self, x):
        return self.loss(x)

    @staticmethod
    def still(x):
        return np.sum(x**2)

    @classmethod
    def made(cls, x):
        return cls(2.0).loss(x)


def test_callables_of_every_kind():
    x = np.array([1.0, 2.0])
    model = Model(3.0)
    callables = [(model.loss, 3), (model, 3), (Model.still, 1), (model.still, 1), (Model.made, 2),
                 (functools.partial(lambda k, x: k * np.sum(x**2), 4), 4),
                 (functools.partial(Model.loss, model), 3), (np.sum, 0)]  # fmt: skip
    for f, factor in callables:
        expected = 2.0 * factor * x if factor else np.ones(2)
        np.testing.assert_array_equal(ad.grad(f)(x), expected)
        np.testing.assert_array_equal(ad.vjp(f, x)[1](1.0)[0], expected)


def test_decorated_methods_take_the_instance():
    class Bowl:
        depth = 2.0

        @functools.partial(ad.grad, argnums=1)
        def slope(self, x):
            return self.depth * x**2

    assert Bowl().slope(3.0) == 12.0


def test_keywords():
    def f(x, *, power=2.0, scale=1.0, name="f"):
        return scale * x**power if name == "f" else 0.0 * x

    assert ad.grad(f)(3.0) == 6.0
    assert ad.grad(f)(3.0, scale=2.0) == 12.0
    assert ad.grad(f)(3.0, power=3.0) == 27.0
    assert ad.grad(f)(3.0, name="g") == 0.0
    assert ad.hvp(f)(3.0, 1.0, scale=5.0) == 10.0
    assert ad.hessian(f)(3.0, scale=5.0) == 10.0
