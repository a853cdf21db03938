"""Discrete Fourier transforms of traced values; spectra are `TracedComplex`.

All transforms are linear, so two primitives over real arrays suffice, each the other's adjoint up to the weights of
the half spectrum, and one over pairs (real, imaginary) whose adjoint is itself with the other sign. Transforms of
several axes are transforms of one axis after the other.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from fastad.primitives import Primitive
from fastad.record.calls import call
from fastad.record.complex_numbers import TracedComplex, as_complex
from fastad.record.products import factor
from fastad.record.traced import as_array, is_traced


def _pair(z: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return np.ascontiguousarray(z.real), np.ascontiguousarray(z.imag)


def _weights(n: int) -> np.ndarray:
    """How often each entry of the half spectrum stands in the whole one."""
    weights = np.full(n // 2 + 1, 2.0)
    weights[0] = 1.0
    if n % 2 == 0:
        weights[-1] = 1.0
    return weights


def _zero(x: Any, like: Any) -> Any:
    return np.zeros(np.shape(like)) if x is None else x


# Transforms of the last axis, of n numbers, without a factor (IRFFT: with 1 / n).
def _rfft_pull(y: Any, args: Any, weight: Any, wanted: Any) -> list[Any]:
    n = args[0].shape[-1]
    c = _weights(n)
    return [n * call(IRFFT, weight[0] / c, weight[1] / c, n=n)]


def _irfft_pull(x: Any, args: Any, weight: Any, wanted: Any, *, n: int) -> list[Any]:
    real, imag = call(RFFT, weight)
    c = _weights(n) / n
    return [c * real, c * imag]


def _irfft_push(x: Any, args: Any, dots: Any, *, n: int) -> Any:
    return call(IRFFT, _zero(dots[0], args[0]), _zero(dots[1], args[1]), n=n)


def _fft_value(real: Any, imag: Any, *, inverse: bool) -> Any:
    z = real + 1j * imag
    return _pair(np.fft.ifft(z, norm="forward") if inverse else np.fft.fft(z))


RFFT: Primitive = Primitive(
    "numpy.fft.rfft", lambda x: _pair(np.fft.rfft(x)), _rfft_pull, lambda y, args, dots: call(RFFT, dots[0])
)
IRFFT: Primitive = Primitive(
    "numpy.fft.irfft", lambda real, imag, *, n: np.fft.irfft(real + 1j * imag, n), _irfft_pull, _irfft_push
)
FFT: Primitive = Primitive(
    "numpy.fft.fft",
    _fft_value,
    lambda y, args, w, wanted, *, inverse: list(call(FFT, *w, inverse=not inverse)),
    lambda y, args, dots, *, inverse: call(FFT, *map(_zero, dots, args), inverse=inverse),
)


# --- NumPy's functions ------------------------------------------------------------------------------
def _scale(n: int, norm: str | None, inverse: bool) -> float:
    """The factor of a transform of n numbers that has none."""
    if norm not in (None, "backward", "ortho", "forward"):
        raise ValueError(f'Invalid norm value {norm}; should be "backward", "ortho" or "forward".')
    if norm == "ortho":
        return 1.0 / np.sqrt(n)
    return 1.0 / n if inverse == (norm in (None, "backward")) else 1.0


def _fitted(x: Any, n: int) -> Any:
    """The last axis cut or filled up with zeros to n."""
    if n < 1:
        raise ValueError(f"Invalid number of FFT data points ({n}) specified.")
    size = x.shape[-1]
    if n <= size:
        return x[..., :n]
    return np.concatenate([x, np.zeros((*x.shape[:-1], n - size))], axis=-1)


def _last(x: Any, axis: int) -> Any:
    return np.moveaxis(x, axis, -1)


def _complex(inverse: bool) -> Any:
    def transform(a: Any, n: int | None = None, axis: int = -1, norm: str | None = None, out: Any = None) -> Any:
        z = a if type(a) is TracedComplex else as_complex(_array(a))
        size = z.shape[axis] if n is None else n
        parts = [_fitted(_last(_array(part), axis), size) for part in (z.real, z.imag)]
        real, imag = call(FFT, *parts, inverse=inverse)
        scale = _scale(size, norm, inverse)
        return TracedComplex(*(np.moveaxis(part if scale == 1.0 else part * scale, -1, axis) for part in (real, imag)))

    return transform


def _array(x: Any) -> Any:
    return as_array(x) if is_traced(x) else factor(x)


fft, ifft = _complex(False), _complex(True)


def rfft(a: Any, n: int | None = None, axis: int = -1, norm: str | None = None, out: Any = None) -> Any:
    x = _last(_array(a), axis)
    size = x.shape[-1] if n is None else n
    real, imag = call(RFFT, _fitted(x, size))
    scale = _scale(size, norm, False)
    return TracedComplex(*(np.moveaxis(part if scale == 1.0 else part * scale, -1, axis) for part in (real, imag)))


def irfft(a: Any, n: int | None = None, axis: int = -1, norm: str | None = None, out: Any = None) -> Any:
    z = as_complex(a)
    size = 2 * (z.shape[axis] - 1) if n is None else n
    parts = [_fitted(_last(_array(part), axis), size // 2 + 1) for part in (z.real, z.imag)]
    x = call(IRFFT, *parts, n=size)
    scale = _scale(size, norm, True) * size
    return np.moveaxis(x if scale == 1.0 else x * scale, -1, axis)


def _several(one: Any, first: Any, default: Any) -> Any:
    """A transform of several axes: `first` of the last one, `one` of the others (the other way round if inverse)."""

    def transform(a: Any, s: Any = None, axes: Any = default, norm: str | None = None, out: Any = None) -> Any:
        ndim = np.ndim(a) if type(a) is not TracedComplex else a.ndim
        if axes is None:
            axes = tuple(range(ndim)) if s is None else tuple(range(-len(s), 0))
        sizes = [None] * len(axes) if s is None else [None if k == -1 else k for k in s]
        steps = list(zip(axes, sizes, strict=True))[::-1]
        if first is irfft:
            steps = steps[:0:-1] + steps[:1]
        for axis, size in steps:
            a = (first if axis == axes[-1] else one)(a, size, axis, norm)
        return a

    return transform


fftn, ifftn = _several(fft, fft, None), _several(ifft, ifft, None)
fft2, ifft2 = _several(fft, fft, (-2, -1)), _several(ifft, ifft, (-2, -1))
rfftn, rfft2 = _several(fft, rfft, None), _several(fft, rfft, (-2, -1))
irfftn, irfft2 = _several(ifft, irfft, None), _several(ifft, irfft, (-2, -1))


def fftshift(x: Any, axes: Any = None) -> Any:
    return _shifted(x, axes, 1)


def ifftshift(x: Any, axes: Any = None) -> Any:
    return _shifted(x, axes, -1)


def _shifted(x: Any, axes: Any, sign: int) -> Any:
    x = _array(x)
    axes = tuple(range(x.ndim)) if axes is None else (axes,) if np.ndim(axes) == 0 else tuple(axes)
    return np.roll(x, [sign * (x.shape[a] // 2) if sign > 0 else -(x.shape[a] // 2) for a in axes], axes)


_NAMES = "fft ifft rfft irfft fft2 ifft2 fftn ifftn rfft2 irfft2 rfftn irfftn fftshift ifftshift".split()
FUNCTIONS: dict[Any, Any] = {getattr(np.fft, name): globals()[name] for name in _NAMES}
OF_SCIPY: dict[str, Any] = {name: globals()[name] for name in _NAMES}
