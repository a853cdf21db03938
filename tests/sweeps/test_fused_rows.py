"""Rows in fused groups: their sums, one number for each, one for all, matrices of data, kept partials, chunks of products.

Truth is the plain form of the program (`tape.adjoint`), whose sweeps know no groups, and closed forms.
"""

from __future__ import annotations

import numpy as np
import pytest

import fastad as ad
from fastad.blas import one_thread
from fastad.kernels import layout as at

random = np.random.default_rng(0)
SHAPES = [
    (2, 2),
    (7, 3),
    (64, 8),
    (65, 10),
    (300, 2),
    (100, 128),
    (50, 129),
    (30, 256),
    (10, 257),
    (5000, 7),
    (9000, 25),
]


def agree(f, *args, tolerance=1e-12):
    """Gradients of the fused and of the plain form, and the value beside NumPy's."""
    tape = ad.record(f, *args)
    x = np.concatenate([np.ravel(a) for a in args]).astype(float)
    for _ in range(2):
        for work in tape.schedule._pool:  # whatever a call left behind must not matter
            kept = tape.schedule.program.first_result
            work[kept : -1 - at.CONTROL] = np.nan
        value, gradient, _ = tape.gradient(x)
        assert value == pytest.approx(f(*args), rel=tolerance, nan_ok=True)
        plain = tape.adjoint(*args, weights=np.ones(1))
        np.testing.assert_allclose(gradient, plain, rtol=tolerance, atol=tolerance * np.nanmax(np.abs(plain)))
    return gradient


@pytest.mark.parametrize("shape", SHAPES)
def test_softmax_like_rows(shape):
    def f(x):
        e = np.exp(x - np.max(x, axis=1, keepdims=True))
        p = e / np.sum(e, axis=1, keepdims=True)
        return np.sum(p**2) + np.sum(np.log(np.sum(e, axis=1)))

    agree(f, random.normal(size=shape))


@pytest.mark.parametrize("shape", SHAPES)
def test_rows_and_columns_that_repeat(shape):
    rows, columns = shape
    x, bias, scale = random.normal(size=shape), random.normal(size=columns), random.normal(size=(rows, 1))
    agree(lambda x, b, s: np.sum(np.tanh((x + b) * s) ** 2), x, bias, scale)
    agree(lambda x, b, s: np.sum(np.sum(np.sin(x * b), axis=1) * s[:, 0]), x, bias, scale)


@pytest.mark.parametrize(("k", "n", "d"), [(3, 50, 4), (25, 400, 10), (2, 9000, 3)])
def test_differences_of_all_pairs(k, n, d):
    x, means = random.normal(size=(n, d)), random.normal(size=(k, d))
    gradient = agree(lambda m: np.sum(np.exp(-np.sum((x[None] - m[:, None, :]) ** 2, axis=2))), means)
    inner = np.exp(-np.sum((x[None] - means[:, None]) ** 2, axis=2))
    closed = 2 * np.einsum("kn,knd->kd", inner, x[None] - means[:, None])
    np.testing.assert_allclose(gradient.reshape(k, d), closed, rtol=1e-11, atol=1e-11 * np.abs(closed).max())


def test_index_tables_with_repeats():
    index = random.integers(0, 30, 70_000)
    x = random.normal(size=30)
    gradient = agree(lambda x: np.sum(np.sin(x[index]) * np.arange(index.size)), x)
    closed = np.cos(x) * np.bincount(index, weights=np.arange(index.size), minlength=30)
    np.testing.assert_allclose(gradient, closed, rtol=1e-10, atol=1e-10 * np.abs(closed).max())


@pytest.mark.parametrize(
    ("rows", "width"), [(64, 2), (65, 3), (1000, 17), (513, 50), (20_000, 50), (100, 4096), (70, 4097)]
)
def test_matrices_of_data(rows, width):
    data, target = random.normal(size=(rows, width)), random.integers(0, 2, rows)

    def loss(w):
        z = data @ w
        return np.sum(np.log1p(np.exp(z)) - target * z)

    w = random.normal(size=width) / np.sqrt(width)
    gradient = agree(loss, w)
    closed = data.T @ (1 / (1 + np.exp(-(data @ w))) - target)
    np.testing.assert_allclose(gradient, closed, rtol=1e-9, atol=1e-11 * rows)


def test_matrices_of_data_obey_absolute_zero():
    data = random.normal(size=(100, 5))
    data[3, 2] = 0.0
    data[7] = [np.inf, np.nan, 1.0, 0.0, 0.0]
    chosen = np.ones(100)
    chosen[7] = 0.0
    gradient = agree(lambda w: np.sum(np.where(chosen > 0, data @ w, 0.0) ** 2), np.ones(5))
    assert np.all(np.isfinite(gradient))
    whole = np.repeat(data[:4], 20, axis=0)
    gradient = agree(lambda w: np.sum(np.sqrt(np.abs(whole @ (w - 1.0)))), np.ones(5))
    np.testing.assert_array_equal(gradient, np.zeros(5))


def test_a_vector_that_is_computed_and_a_matrix_that_is_an_argument():
    data = random.normal(size=(200, 30))
    agree(lambda w: np.sum(np.tanh(data @ np.sin(w))), random.normal(size=30))
    agree(lambda w: np.sum(np.tanh(data[:, :29] @ w[1:])), random.normal(size=30))
    both = ad.value_and_grad(lambda w, a: np.sum((a @ w) ** 2))
    for _ in range(5):
        w = random.normal(size=30)
        np.testing.assert_allclose(both(w, data)[1], 2 * data.T @ (data @ w), rtol=1e-11, atol=1e-9)


@pytest.mark.parametrize("n", [20, 512, 513, 65_536, 65_537])
def test_kept_and_recomputed_partials(n):
    """The seed of the first group is known only after its sum."""
    agree(lambda x: np.log(np.sum(np.tanh(x) * np.sin(x * x))), random.uniform(0.5, 1.5, n))


@pytest.mark.parametrize("threads", [1, 2, 3])
@pytest.mark.parametrize(("m", "p", "n"), [(256, 64, 64), (64, 256, 64), (1000, 30, 40), (3, 600, 600), (257, 63, 65)])
def test_products_by_chunks(m, p, n, threads):
    a, b, usual = random.normal(size=(m, p)), random.normal(size=(p, n)), ad.settings.threads
    both = ad.value_and_grad(lambda a, b: np.sum(np.tanh(a @ b)), (0, 1))
    results = []
    try:
        for ad.settings.threads in (threads, 1):
            results.append([both(a, b) for _ in range(4)][-1])
    finally:
        ad.settings.threads = usual
    (value, (da, db)), (other, (ea, eb)) = results
    assert value == other and np.array_equal(da, ea) and np.array_equal(db, eb)
    g = 1 - np.tanh(a @ b) ** 2
    np.testing.assert_allclose(da, g @ b.T, rtol=1e-9, atol=1e-11 * np.abs(g @ b.T).max())
    np.testing.assert_allclose(db, a.T @ g, rtol=1e-9, atol=1e-11 * np.abs(a.T @ g).max())


def test_the_threads_of_blas_are_given_back():
    library = one_thread.library
    if library is None:
        pytest.skip("a BLAS whose threads cannot be counted")
    before = library.get_num_threads()
    with pytest.raises(ZeroDivisionError), one_thread, one_thread:
        assert library.get_num_threads() == 1
        raise ZeroDivisionError
    assert library.get_num_threads() == before
