"""Products of vectors and matrices, contractions and norms, through every mode."""

from __future__ import annotations

import math
import zlib

import mpmath
import numpy as np
import pytest

import fastad as ad
from tests.record.every_mode import check_every_mode

RNG = np.random.default_rng(11)


def random(*shape: int) -> np.ndarray:
    return RNG.normal(size=shape)


BIG = random(5, 40)
A, B, C, V, T = random(3, 4), random(4, 2), random(4, 4), random(4), random(2, 3, 4)
L = np.linalg


def points(name: str, shape: tuple[int, ...]) -> list[np.ndarray]:
    """Two points whose numbers are far from one another, in size too, and from zero."""
    rng, n = np.random.default_rng(zlib.crc32(name.encode())), math.prod(shape)
    sizes = (0.4 + np.arange(n) * 0.31) / (1 + n / 20)
    return [(rng.permutation(sizes) * rng.choice([-1.0, 1.0], n)).reshape(shape) for _ in range(2)]


class Holder:
    def __init__(self):
        self.matrix, self.weights = random(4, 4), {"w": random(4, 4)}


HOLDER = Holder()

# name: (function, shape of the argument)
CASES = {
    "dot matrix": (lambda x: np.dot(A, x), (4, 2)),
    "dot vector": (lambda x: np.dot(x, A), (3,)),
    "dot of more axes": (lambda x: np.dot(x, random_fixed), (2, 3, 4)),
    "dot number": (lambda x: np.dot(x, 2.0) + np.dot(V, x[0]), (4,)),
    "dot of itself": (lambda x: x @ x, (4,)),
    "method dot": (lambda x: x.dot(V) * x, (4,)),
    "method dot, plain left": (lambda x: A.dot(x) * 2, (4,)),
    "method dot, plain vector": (lambda x: V.dot(x) * np.sin(V.dot(x[::-1])) * A[:, :1].dot(x[:1]), (4,)),
    "method dot, plain left, more axes": (lambda x: T.dot(x), (2, 4, 3)),
    "method dot of integers": (lambda x: np.arange(12).reshape(3, 4).dot(x**2).dot(B[:2]), (4, 2)),
    "method dot, attribute": (lambda x: HOLDER.matrix.dot(HOLDER.matrix.dot(x)) + HOLDER.weights["w"].dot(x), (4,)),
    "operator, plain left": (lambda x: A @ x, (4,)),
    "operator, plain right": (lambda x: x @ A, (3,)),
    "transposed": (lambda x: x.T @ x, (3, 2)),
    "strided": (lambda x: x[::2] @ B[:, ::-1], (4, 4)),
    "batched": (lambda x: x @ B, (2, 3, 4)),
    "batched both": (lambda x: np.matmul(T, x), (2, 4, 2)),
    "batch broadcast": (lambda x: np.matmul(x, x.swapaxes(-1, -2)), (2, 1, 3)),
    "batched vector": (lambda x: np.matmul(T, x), (4,)),
    "vector batched": (lambda x: np.matmul(x, T), (3,)),
    "inner": (lambda x: np.inner(x, T), (3, 4)),
    "outer": (lambda x: np.outer(x, x[::-1]), (2, 2)),
    "vdot": (lambda x: np.vdot(x, A), (3, 4)),
    "vecdot": (lambda x: np.vecdot(x, T), (3, 4)),
    "vecdot axis": (lambda x: L.vecdot(x, T, axis=-2), (3, 4)),
    "tensordot": (lambda x: np.tensordot(T, x, axes=([1, 2], [0, 1])), (3, 4, 2)),
    "tensordot 1": (lambda x: np.tensordot(x, B, 1), (2, 3, 4)),
    "tensordot 0": (lambda x: np.tensordot(x, V, 0), (2, 2)),
    "kron": (lambda x: np.kron(x, A), (2, 3)),
    "kron of vectors": (lambda x: np.kron(x[:2], x), (3,)),
    "kron of unlike": (lambda x: np.kron(x, T), (2, 2)),
    "cross": (lambda x: np.cross(x, A[:, 0]), (3,)),
    "cross rows": (lambda x: np.cross(x, x[::-1]), (4, 3)),
    "cross axes": (lambda x: np.cross(x, A, axisa=0, axisb=0, axisc=0), (3, 4)),
    "cross axis": (lambda x: L.cross(x, A, axis=0), (3, 4)),
    "multi_dot": (lambda x: L.multi_dot([V, x, C, B]), (4, 4)),
    "matrix_power": (lambda x: L.matrix_power(x, 5), (3, 3)),
    "matrix_power 0": (lambda x: L.matrix_power(x, 0) + x, (3, 3)),
    "convolve": (lambda x: np.convolve(x, V), (6,)),
    "convolve same": (lambda x: np.convolve(V, x, "same"), (6,)),
    "convolve valid": (lambda x: np.convolve(x[:2], x, mode="valid"), (6,)),
    "correlate": (lambda x: np.correlate(x, V), (6,)),
    "correlate same": (lambda x: np.correlate(V, x, "same"), (5,)),
    "correlate full": (lambda x: np.correlate(x[:3], x, "full"), (6,)),
    "trace": (lambda x: np.trace(x, 1) * x[0, 0], (3, 4)),
    "linalg": (lambda x: L.trace(x)[0] * L.matmul(L.matrix_transpose(x), L.outer(x[0, 0], x[1, 2])), (2, 3, 3)),
    "linalg more": (lambda x: L.tensordot(x, V, axes=1) * L.diagonal(x)[:, 0], (3, 3, 4)),
    "norm": (lambda x: L.norm(x), (4,)),
    "norm rows": (lambda x: L.norm(x, axis=1, keepdims=True), (3, 4)),
    "norm of all": (lambda x: L.norm(x, keepdims=True), (2, 3, 4)),
    "norm fro": (lambda x: L.norm(x, "fro", axis=(0, 2)), (2, 3, 4)),
    "norm 3": (lambda x: L.norm(x, 3), (4,)),
    "norm 1.5 rows": (lambda x: L.norm(x, 1.5, axis=-1), (3, 4)),
    "norm -1": (lambda x: L.norm(x, -1), (4,)),
    "norm 1": (lambda x: L.norm(x, 1) * L.norm(x, 0), (4,)),
    "norm inf": (lambda x: L.norm(x, np.inf) * L.norm(x, -np.inf), (4,)),
    "matrix norms": (lambda x: L.norm(x, 1) * L.norm(x, -1) * L.norm(x, np.inf) * L.norm(x, -np.inf), (3, 4)),
    "vector_norm": (lambda x: L.vector_norm(x) * L.vector_norm(x, axis=(0, 2), ord=3), (2, 3, 4)),
    "matrix_norm": (lambda x: L.matrix_norm(x) * L.matrix_norm(x, ord=1, keepdims=True)[..., 0, 0], (2, 3, 4)),
    "in place": (lambda x: in_place(x), (4, 4)),
    "out": (lambda x: with_out(x), (4, 2)),
}
random_fixed = random(2, 4, 3)


def in_place(x):
    y = x * 1.0
    view = y[:]
    y @= C
    return view


def with_out(x):
    out = np.zeros((3, 2))
    returned = np.matmul(A, x, out=out)
    np.einsum("ij,jk->ik", A, returned[[0, 1, 2, 0]], out=out)
    return out * 2


@pytest.mark.parametrize("name", CASES)
def test_products(name) -> None:
    f, shape = CASES[name]
    check_every_mode(f, *points(name, shape))


EINSUM = [
    ("ij,jk->ik", A, B), ("ij,jk", A, B), ("ij,kj->ik", A, C), ("ii->i", C), ("ii", C), ("iij->ji", random(3, 3, 2)),
    ("ij->ji", A), ("ji", A), ("ij->", A), ("i,j->ij", V, random(3)), ("i,i", V, V), ("ij,ij->i", A, A),
    ("...ij,...jk->...ik", T, B), ("...ij,...jk", T, random(2, 4, 2)), ("i...,i...", A, A), ("...i->...", T),
    ("bij,bj->bi", T, random(2, 4)), ("bij,bjk->bik", T, random(2, 4, 2)), ("bhqd,bhkd->bhqk", T[None], T[None]),
    ("ij,jk,kl->il", A, C, B), ("i,i,i->i", V, V, V), ("ijk,ilm,njm,nlk->", T, T[:, :, :3], random(5, 3, 3), random(5, 3, 4)),
    ("ij,jk", random(1, 4), B), ("ij,ij->j", random(1, 4), A), ("ij,ij", A[:2], random(1, 4)), (",ij", random(), A),
    ("iji,j->i", random(3, 2, 3), random(2)), ("ij...,jk...->ik...", random(2, 3, 2), random(3, 4, 2)),
    ("kij,ij,kj->k", T, A, random(2, 4)), ("ij,ij,ij->", A, A, A), ("ij,kl->", A, B), (" i j , j -> i ", A, V),
    ("jk,ij->", random(0, 2), random(3, 0)),
]  # fmt: skip


@pytest.mark.parametrize("case", EINSUM, ids=lambda case: case[0])
def test_einsum(case) -> None:
    text, *operands = case
    for k, operand in enumerate(operands):
        rest = lambda x: np.einsum(text, *operands[:k], x, *operands[k + 1 :])  # noqa: E731
        other = random(*operand.shape)
        points = (np.einsum(text, *map(np.abs, [*operands[:k], x, *operands[k + 1 :]])) for x in (operand, other))
        check_every_mode(rest, np.array(operand), other, second=False, magnitude=max(map(np.max, points)))
    squared = lambda x: np.einsum(text, *([x] + [x[..., :1, :] * 2.0] * (text.count(",")))[: len(operands)])  # noqa: E731
    if text == "ij,ij->i":
        check_every_mode(squared, A, random(3, 4))


FORMS = [
    lambda x: np.einsum(x, [0, 1], A, [0, 1], [0]),
    lambda x: np.einsum(x, [1, 0], A, [1, 0]),
    lambda x: np.einsum(x, [30, 2]),
    lambda x: np.einsum(x, [0, ...], A, [0, ...], [...]),
    lambda x: np.einsum("ij,ij,ij->i", x, A, x, optimize=["einsum_path", (0, 1), (0, 1)]),
    lambda x: np.einsum("ij,ij,kj->ik", x, A, x, optimize="optimal"),
    lambda x: np.einsum("ij->i", [[x[0, 0], 1.0], [x[0, 1], x[1, 1]]]),
]


@pytest.mark.parametrize("f", FORMS)
def test_forms_of_einsum(f) -> None:
    check_every_mode(f, random(3, 4), random(3, 4))


WRONG = [
    lambda x: np.einsum("ij,jk->iz", x, B),
    lambda x: np.einsum("ij", x, B),
    lambda x: np.einsum("i,ij", x, x),
    lambda x: np.einsum("ij,ji", x, x),
    lambda x: np.einsum("ii,ij", x, x),
    lambda x: np.einsum("ij,ij->ii", x, x),
    lambda x: x @ x,
    lambda x: np.matmul(x, 2.0),
    lambda x: np.matmul(T, np.stack([x, x, x])),
    lambda x: np.dot(x, x),
    lambda x: np.tensordot(x, x, 1),
    lambda x: np.vecdot(x, x[:, :1]),
    lambda x: np.convolve(x, V),
    lambda x: np.convolve(x[0], V, "some"),
    lambda x: np.convolve(x[0, :0], V),
    lambda x: L.norm(x, 7),
    lambda x: L.norm(x, axis=2),
    lambda x: L.norm(x[0], "fro"),
    lambda x: np.cross(x, x),
    lambda x: L.matrix_power(x, 2),
]


@pytest.mark.parametrize("f", WRONG)
def test_errors_are_those_of_numpy(f) -> None:
    x = random(3, 4)
    with pytest.raises(Exception) as plain:
        f(x)
    with pytest.raises(type(plain.value)):
        ad.record(f, x)


@pytest.mark.parametrize(("order", "axis"), [(None, None), (2, -1), (3, -1), (2.5, None), (1, None), (np.inf, None)])
def test_the_norm_of_the_zero_vector_has_derivative_zero(order, axis) -> None:
    f = lambda x: np.sum(L.norm(x, order, axis=axis)) + L.norm(x) + L.vector_norm(x)  # noqa: E731
    zero, direction = np.zeros(3), np.array([1.0, -2.0, 3.0])
    for transform in (ad.grad(f), lambda x: ad.hvp(f)(x, direction), ad.grad(lambda x: direction @ ad.grad(f)(x))):
        assert np.array_equal(transform(zero), zero)
    assert ad.jvp(f, (zero,), (direction,)) == (0.0, 0.0)


@pytest.mark.filterwarnings("ignore:overflow")
def test_norms_of_large_and_small_numbers_have_finite_gradients() -> None:
    for size in (1e200, 1e-200, 1e150, 1e-150):
        assert np.all(np.isfinite(ad.grad(L.norm)(np.array([size, -size]))))
    assert ad.grad(L.norm)(np.array([3e150, 4e150])) == pytest.approx([0.6, 0.8], rel=1e-15)


def test_a_norm_against_high_precision() -> None:
    x = random(5)
    expected = [mpmath.diff(lambda t: mpmath.norm([*x[:2], t, *x[3:]], 3), float(x[2]))]
    assert ad.grad(lambda v: L.norm(v, 3))(x)[2] == pytest.approx(float(expected[0]), rel=1e-14)


def test_products_are_few_instructions() -> None:
    x = random(40)
    for f, most in (
        (lambda t: np.convolve(t, V), 1),
        (lambda t: np.einsum("i,ij,j", t, np.outer(x, x), t), 2),
        (lambda t: BIG.dot(np.exp(t)), 6),
        (lambda t: np.cross(t[:39].reshape(13, 3), x[:39].reshape(13, 3)), 9),
    ):
        assert sum(1 if hasattr(s, "code") else s.stop - s.start for s in ad.record(f, x).program.segments) <= most
