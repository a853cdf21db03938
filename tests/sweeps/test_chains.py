"""Chains of groups and matrix products: the plain form's gradients, the same for any number of threads, and no more joined than may."""

from __future__ import annotations

import numpy as np
import pytest

import fastad as ad
from fastad.fused_packing import FusedPacking
from tests.sweeps.test_fused_rows import agree

random = np.random.default_rng(0)


def normal(*shape):
    return random.normal(size=shape)


def chains(f, *args):
    """(steps, products of a chunk, products) of each chain."""
    packing = FusedPacking(ad.record(f, *args).schedule.program)
    return [(chain.count, chain.items, chain.batch) for chain in dict.fromkeys(packing.chains.values())]


def centred(x, means, factors, scale):
    """As a Gaussian mixture does it."""
    c = x[None] - means[:, None, :]
    z = scale[:, None, :] * c + c @ np.swapaxes(factors, 1, 2)
    return np.sum(np.log(1.0 + np.sum(z**2, axis=2)))


def layers(x, a, b, c):
    """As a network of three layers does it."""
    return np.sum(np.tanh(np.tanh(x @ a + c[0]) @ b) ** 2)


def steps(x, y, s):
    """Elements of the result in another order, and a sum that everything needs."""
    z = np.sin(x) @ y
    return np.log(np.sum(np.exp(s * z))) + np.sum(np.cos(z[::-1]) * z)


MIXTURES = [(25, 1000, 10), (7, 300, 17), (40, 200, 4), (3, 5000, 5), (300, 60, 3)]


@pytest.mark.parametrize(("k", "n", "d"), MIXTURES)
def test_mixtures(k, n, d):
    args = normal(n, d), normal(k, d), normal(k, d, d), normal(k, d)
    agree(centred, *args)
    agree(lambda *others: centred(args[0], *others), *args[1:])
    assert chains(lambda *others: centred(args[0], *others), *args[1:])[0][0] == 3


@pytest.mark.parametrize(
    ("m", "p", "q", "n"), [(256, 64, 64, 64), (257, 63, 65, 70), (1001, 40, 30, 30), (2000, 50, 16, 9)]
)
def test_layers(m, p, q, n):
    args = normal(m, p), normal(p, q), normal(q, n), normal(2, 1)
    agree(layers, *args, tolerance=1e-10)
    agree(lambda *others: layers(args[0], *others), *args[1:], tolerance=1e-10)


@pytest.mark.parametrize(("b", "m", "p", "n"), [(30, 40, 20, 25), (5, 200, 33, 7), (400, 8, 8, 8)])
def test_what_is_read_in_another_order_does_not_join(b, m, p, n):
    agree(steps, normal(b, m, p), normal(b, p, n), normal(n), tolerance=1e-10)
    assert all(count == 2 for count, _, _ in chains(steps, normal(b, m, p), normal(b, p, n), normal(n)))


@pytest.mark.parametrize("threads", [2, 3])
def test_the_same_for_any_number_of_threads(threads):
    mixture = normal(200, 5), normal(30, 5), normal(30, 5, 5), normal(30, 5)
    network = normal(256, 64), normal(64, 64), normal(64, 64), normal(2, 1)
    usual = ad.settings.threads
    for f, args in ((centred, mixture), (layers, network)):
        assert chains(f, *args)
        both, results = ad.value_and_grad(f, tuple(range(len(args)))), []
        try:
            for ad.settings.threads in (threads, 1):
                results.append([both(*args) for _ in range(8)])
        finally:
            ad.settings.threads = usual
        for value, gradients in results[0] + results[1]:
            assert value == results[1][0][0]
            assert all(map(np.array_equal, gradients, results[1][0][1]))


def test_kept_partials_and_adjoints_that_stay_in_memory():
    """The result of the first group is read by the products, by a group of the chain and by one behind it."""

    def f(x, y):
        h = np.tanh(x)
        z = np.sin(h @ y) * h
        return np.log(np.sum(z**2)) + np.sum(h * h) ** 0.5

    agree(f, normal(12, 50, 6), normal(12, 6, 6), tolerance=1e-11)
    agree(f, normal(300, 64), normal(64, 64), tolerance=1e-11)
