"""Fourier transforms and other complex intermediates of real functions."""

from __future__ import annotations

import numpy as np
import pytest

import fastad as ad
from fastad.errors import DerivativeCut, UnsupportedDtype, UnsupportedFunction
from tests.record.every_mode import check_every_mode

RNG = np.random.default_rng(4)
FILTER, K = RNG.normal(size=8) + 1j * RNG.normal(size=8), 2.0 * np.pi * np.fft.fftfreq(8)
SEVEN, EIGHT, GRID = (7,), (8,), (3, 4)
F = np.fft


def hand_written_dft(x):
    n = len(x)
    return [abs(sum(x[j] * np.exp(-2j * np.pi * j * m / n) for j in range(n))) ** 2 for m in range(n)]


CASES = {
    "power spectrum": (lambda x: np.abs(F.rfft(x)) ** 2, SEVEN),
    "amplitudes": (lambda x: np.abs(F.fft(x)), EIGHT),
    "real and imaginary parts": (lambda x: F.fft(x).real - F.rfft(x, 14).imag[1:], SEVEN),
    "filter": (lambda x: F.irfft(F.rfft(x) * FILTER[:4], 7), SEVEN),
    "filter, even": (lambda x: F.irfft(F.rfft(x) * FILTER[:5]), EIGHT),
    "norms and lengths": (lambda x: np.abs(F.rfft(x, n=10, norm="ortho"))[:5] + F.ifft(x, 5, norm="forward").real, SEVEN),
    "convolution": (lambda x: np.real(F.ifft(F.fft(x) * F.fft(x[::-1]))), EIGHT),
    "spectral derivative": (lambda x: np.real(F.ifft(1j * K * F.fft(x))), EIGHT),
    "angles": (lambda x: np.angle(F.fft(x + 3.0 * np.arange(7)))[1:], SEVEN),
    "shift": (lambda x: F.fftshift(F.fft(x)).real * F.ifftshift(x), SEVEN),
    "irfft of real numbers": (lambda x: F.irfft(x, n=9), SEVEN),
    "fft2": (lambda x: np.abs(F.fft2(x)) ** 2, GRID),
    "ifft2": (lambda x: F.ifft2(F.fft2(x) * FILTER[:4]).real, GRID),
    "rfft2": (lambda x: np.abs(F.rfft2(x)) ** 2, GRID),
    "irfft2": (lambda x: F.irfft2(F.rfft2(x) * (1 + 2j), s=(3, 4)), GRID),
    "rfftn": (lambda x: F.irfftn(F.rfftn(x, axes=(0, 1)) * 2, s=(3, 4), axes=(0, 1)), GRID),
    "an axis": (lambda x: np.abs(F.fftn(x, axes=(0,))) ** 2 + np.abs(F.fft(x, axis=0)) ** 2, GRID),
    "exponentials": (lambda x: np.abs(np.exp(1j * x) + x) ** 2 + np.real(x * np.exp(2j * x)), SEVEN),
    "numbers": (lambda x: abs(x[0] + 1j * x[1]) + ((x[0] + 1j * x[2]) ** 3).imag + ((2 + 1j) / (x[0] - 1j * x[3])).real, SEVEN),
    "roots and logarithms": (lambda x: (np.sqrt(x[0] + 1j * x[1]) * np.log(x[2] + 1j * x[3])).real, SEVEN),
    "products of matrices": (lambda x: np.abs(np.outer(x, 1j * x) @ (x + 1j)), SEVEN),
    "a transform written by hand": (lambda x: np.array(hand_written_dft(x)), SEVEN),
    "sums and slices": (lambda x: (F.fft(x)[1:4] * np.conj(F.fft(x)[2:5])).sum().imag * abs(F.fft(x).mean()), SEVEN),
    "Parseval": (lambda x: np.linalg.norm(F.fft(x, norm="ortho")) - np.linalg.norm(x) + np.sum(x**3), SEVEN),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_every_mode(name):
    f, shape = CASES[name]
    rng = np.random.default_rng(len(name))
    check_every_mode(f, rng.normal(size=shape) + 0.3, rng.normal(size=shape) - 0.2)


def test_the_energy_of_a_signal():
    """By Parseval's theorem the gradient of the sum of |X_k|^2 is 2 n x."""
    x = RNG.normal(size=16)
    np.testing.assert_allclose(ad.grad(lambda x: np.sum(np.abs(F.fft(x)) ** 2))(x), 32.0 * x, rtol=1e-12)


def test_a_transform_is_one_instruction():
    tape = ad.record(lambda x: np.sum(np.abs(F.rfft(x))), np.ones(4096))
    assert tape.instructions <= 4


REFUSED = {
    "a complex result": (lambda x: F.fft(x)[0], UnsupportedDtype, "not real numbers"),
    "float": (lambda x: float(F.fft(x)[1]), DerivativeCut, r"float\(z\).*test_fourier"),
    "astype": (lambda x: F.fft(x).astype(float)[0], DerivativeCut, "astype"),
    "order": (lambda x: np.sort(F.fft(x))[0].real, UnsupportedFunction, "numpy.sort of a traced complex value"),
    "tan": (lambda x: np.tan(F.fft(x))[0].real, UnsupportedFunction, "np.tan of a traced complex value"),
    "hfft": (lambda x: np.sum(F.hfft(x)), UnsupportedFunction, "numpy.fft.hfft"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_refused(name):
    f, error, message = REFUSED[name]
    with pytest.raises(error, match=message):
        ad.grad(f)(RNG.normal(size=7))
