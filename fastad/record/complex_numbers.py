"""Complex intermediates: a pair of traced arrays, the real and the imaginary part.

Fastad differentiates real functions of real numbers; in between, values may be complex. A `TracedComplex` comes
from a Fourier transform or from a complex constant that meets a traced value, and goes back to real numbers by
`.real`, `.imag`, `abs` or `np.angle`. Linear functions are applied to both parts; the others stand in `_UFUNCS` and
`_FUNCTIONS`, and whatever stands in neither is refused by name.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from fastad.errors import DerivativeCut, UnsupportedFunction
from fastad.record.builder import user_line
from fastad.record.traced import TracedArray, TracedScalar, as_array, is_traced, plain

_PLAIN = (int, float, complex, np.generic, np.ndarray, list, tuple)


class TracedComplex:
    """A complex array (or number) whose parts are traced, or plain arrays of floats."""

    __slots__ = ("imag", "real")
    __array_priority__ = 2000.0
    __hash__ = None  # type: ignore[assignment]

    def __init__(self, real: Any, imag: Any) -> None:
        shape = np.broadcast_shapes(np.shape(plain(real)), np.shape(plain(imag)))
        self.real, self.imag = _shaped(real, shape), _shaped(imag, shape)

    dtype = np.dtype(np.complex128)
    shape = property(lambda self: np.shape(plain(self.real)))
    ndim = property(lambda self: len(self.shape))
    size = property(lambda self: int(np.prod(self.shape)))
    T = property(lambda self: _both(np.transpose, self))

    @property
    def __class__(self) -> type:  # isinstance(z, np.ndarray) holds
        return np.ndarray if self.shape else np.complex128

    @property
    def value(self) -> Any:
        return plain(self.real) + 1j * plain(self.imag)

    def __len__(self) -> int:
        return len(plain(self.real))

    def __iter__(self) -> Any:
        return (self[i] for i in range(len(self)))

    def __getitem__(self, key: Any) -> TracedComplex:
        return TracedComplex(self.real[key], self.imag[key])

    def __setitem__(self, key: Any, value: Any) -> None:
        value = as_complex(value)
        self.real, self.imag = _writable(self.real), _writable(self.imag)
        self.real[key], self.imag[key] = value.real, value.imag

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **options: Any) -> Any:
        if method != "__call__" or any(value is not None for value in options.values()):
            raise _unsupported(f"np.{ufunc.__name__}.{method}")
        return elementwise_complex(ufunc.__name__, *inputs)

    def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any) -> Any:
        if function in _FUNCTIONS:
            return _FUNCTIONS[function](*args, **kwargs)
        if function in _LINEAR:
            return _both(function, *args, **kwargs)
        if function in _of_fourier():
            return _of_fourier()[function](*args, **kwargs)
        raise _unsupported(f"{function.__module__}.{function.__name__}")

    def __array__(self, dtype: Any = None, copy: Any = None) -> np.ndarray:
        raise _cut("a conversion to a plain array")

    def __complex__(self) -> complex:
        raise _cut("complex(z)")

    def __float__(self) -> float:
        raise _cut("float(z)")

    def __abs__(self) -> Any:
        return elementwise_complex("absolute", self)

    def __neg__(self) -> TracedComplex:
        return TracedComplex(-self.real, -self.imag)

    def __pos__(self) -> TracedComplex:
        return self

    def __eq__(self, other: object) -> Any:
        other = as_complex(other)
        return (self.real == other.real) & (self.imag == other.imag)

    def conj(self) -> TracedComplex:
        return TracedComplex(self.real, -self.imag)

    conjugate = conj

    def __getattr__(self, name: str) -> Any:
        if name in _METHODS:
            return lambda *args, **options: getattr(np, name)(self, *args, **options)
        if name == "reshape":
            return lambda *shape, **o: np.reshape(self, shape[0] if len(shape) == 1 else shape, **o)
        if name in ("copy", "flatten"):
            return lambda *_: _both(np.copy if name == "copy" else np.ravel, self)
        if name == "astype":
            return self._astype
        raise AttributeError(f"a traced complex value has no attribute {name!r}")

    def _astype(self, dtype: Any, *_: Any, **__: Any) -> TracedComplex:
        if np.dtype(dtype).kind != "c":
            raise _cut(f".astype({np.dtype(dtype)})")
        return self

    def __repr__(self) -> str:
        return f"traced({self.value!r})"


_METHODS = "sum mean transpose ravel swapaxes squeeze cumsum dot repeat take trace diagonal prod".split()


def _shaped(part: Any, shape: tuple[int, ...]) -> Any:
    if np.shape(plain(part)) == shape:
        return part if is_traced(part) or shape == () else np.asarray(plain(part), float)
    return np.broadcast_to(as_array(part) if is_traced(part) else np.asarray(part, float), shape)


def _writable(part: Any) -> Any:
    return part if type(part) is TracedArray else TracedArray(np.array(part, float))


def _cut(what: str) -> DerivativeCut:
    return DerivativeCut(
        f"{what} at {user_line()} would cut the derivative of a traced complex value: take .real, .imag or abs first"
    )


def _unsupported(name: str) -> UnsupportedFunction:
    return UnsupportedFunction(f"{name} of a traced complex value at {user_line()} is not supported")


def is_complex(x: Any) -> bool:
    """Whether an operand is complex, traced or not."""
    kind = type(x)
    if kind is TracedComplex or kind is complex:
        return True
    return kind not in (TracedArray, TracedScalar, float, int) and getattr(x, "dtype", np.dtype(float)).kind == "c"


def as_complex(x: Any) -> TracedComplex:
    if type(x) is TracedComplex:
        return x
    if is_traced(x):
        return TracedComplex(x, np.zeros(np.shape(plain(x))) if np.ndim(plain(x)) else 0.0)
    value = np.asarray(plain(x))
    return TracedComplex(value.real[()], value.imag[()])


# --- element by element -----------------------------------------------------------------------------
def _product(x: TracedComplex, y: TracedComplex) -> TracedComplex:
    return TracedComplex(x.real * y.real - x.imag * y.imag, x.real * y.imag + x.imag * y.real)


def _quotient(x: TracedComplex, y: TracedComplex) -> TracedComplex:
    size = y.real * y.real + y.imag * y.imag
    return TracedComplex((x.real * y.real + x.imag * y.imag) / size, (x.imag * y.real - x.real * y.imag) / size)


def _polar(size: Any, angle: Any) -> TracedComplex:
    return TracedComplex(size * np.cos(angle), size * np.sin(angle))


def _log(z: TracedComplex) -> TracedComplex:
    return TracedComplex(np.log(np.hypot(z.real, z.imag)), np.arctan2(z.imag, z.real))


def _power(x: TracedComplex, y: TracedComplex) -> TracedComplex:
    exponent = y.value
    if np.ndim(exponent) == 0 and exponent.imag == 0 and exponent.real == int(exponent.real) and abs(exponent) <= 64:
        return _whole_power(x, int(exponent.real))
    logarithm = _product(y, _log(x))
    return _polar(np.exp(logarithm.real), logarithm.imag)


def _whole_power(x: TracedComplex, n: int) -> TracedComplex:
    if n < 0:
        return _quotient(as_complex(1.0), _whole_power(x, -n))
    result = as_complex(1.0) if n % 2 == 0 else x
    if n > 1:
        half = _whole_power(x, n // 2)
        square = _product(half, half)
        result = square if n % 2 == 0 else _product(square, x)
    return result


_UFUNCS: dict[str, Callable[..., Any]] = {
    "add": lambda x, y: TracedComplex(x.real + y.real, x.imag + y.imag),
    "subtract": lambda x, y: TracedComplex(x.real - y.real, x.imag - y.imag),
    "multiply": _product,
    "divide": _quotient,
    "true_divide": _quotient,
    "power": _power,
    "power_constant": _power,
    "float_power": _power,
    "matmul": lambda x, y: _bilinear(np.matmul, x, y),
    "negative": lambda z: -z,
    "positive": lambda z: z,
    "copy": lambda z: z,
    "conjugate": lambda z: z.conj(),
    "absolute": lambda z: np.hypot(z.real, z.imag),
    "square": lambda z: _product(z, z),
    "reciprocal": lambda z: _quotient(as_complex(1.0), z),
    "exp": lambda z: _polar(np.exp(z.real), z.imag),
    "log": _log,
    "sqrt": lambda z: _polar(np.sqrt(np.hypot(z.real, z.imag)), 0.5 * np.arctan2(z.imag, z.real)),
    "sin": lambda z: TracedComplex(np.sin(z.real) * np.cosh(z.imag), np.cos(z.real) * np.sinh(z.imag)),
    "cos": lambda z: TracedComplex(np.cos(z.real) * np.cosh(z.imag), -np.sin(z.real) * np.sinh(z.imag)),
    "isfinite": lambda z: np.isfinite(z.real) & np.isfinite(z.imag),
    "isnan": lambda z: np.isnan(z.real) | np.isnan(z.imag),
}


def elementwise_complex(name: str, *operands: Any) -> Any:
    """A ufunc, or a row of the table, on complex operands."""
    if name not in _UFUNCS:
        raise _unsupported(f"np.{name}")
    return _UFUNCS[name](*map(as_complex, operands))


def _operator(name: str, reflected: bool) -> Callable[..., Any]:
    def operator(self: TracedComplex, other: Any) -> Any:
        if not isinstance(other, _PLAIN):
            return NotImplemented
        return elementwise_complex(name, *((other, self) if reflected else (self, other)))

    return operator


for _name, _symbol in (
    ("add", "add"), ("subtract", "sub"), ("multiply", "mul"), ("divide", "truediv"), ("power", "pow"),
    ("matmul", "matmul"),
):  # fmt: skip
    setattr(TracedComplex, f"__{_symbol}__", _operator(_name, False))
    setattr(TracedComplex, f"__r{_symbol}__", _operator(_name, True))


# --- functions --------------------------------------------------------------------------------------
def _both(function: Any, *args: Any, **options: Any) -> TracedComplex:
    """A linear function, applied to the real and to the imaginary part of its first argument."""
    first, *rest = args
    parts = [
        function([getattr(as_complex(z), part) for z in first], *rest, **options)
        if isinstance(first, list | tuple)
        else function(getattr(as_complex(first), part), *rest, **options)
        for part in ("real", "imag")
    ]
    return TracedComplex(*parts)


def _bilinear(function: Any, x: Any, y: Any, *args: Any) -> TracedComplex:
    x, y = as_complex(x), as_complex(y)
    real = function(x.real, y.real, *args) - function(x.imag, y.imag, *args)
    return TracedComplex(real, function(x.real, y.imag, *args) + function(x.imag, y.real, *args))


def _product_of_all(z: Any, axis: Any = None, **_: Any) -> Any:
    rows = _both(np.moveaxis, z, axis, 0) if axis is not None else _both(np.ravel, z)
    result = as_complex(1.0)
    for row in rows:
        result = _product(result, row)
    return result


_LINEAR = {
    getattr(np, name)
    for name in """sum mean reshape ravel transpose moveaxis swapaxes roll flip fliplr flipud concatenate stack vstack
        hstack take diff cumsum squeeze expand_dims broadcast_to tile repeat trace diagonal diag tril triu copy
        atleast_1d atleast_2d pad rot90 append insert delete trapezoid""".split()
} | {np.fft.fftshift, np.fft.ifftshift}


def _of_fourier() -> dict[Any, Callable[..., Any]]:
    from fastad.record.fourier import FUNCTIONS

    return FUNCTIONS


_FUNCTIONS: dict[Any, Callable[..., Any]] = {
    np.real: lambda z: z.real,
    np.imag: lambda z: z.imag,
    np.angle: lambda z, deg=False: np.arctan2(z.imag, z.real) * (180.0 / np.pi if deg else 1.0),
    np.dot: lambda x, y, out=None: _bilinear(np.dot, x, y),
    np.inner: lambda x, y: _bilinear(np.inner, x, y),
    np.outer: lambda x, y, out=None: _bilinear(np.outer, x, y),
    np.kron: lambda x, y: _bilinear(np.kron, x, y),
    np.tensordot: lambda x, y, axes=2: _bilinear(np.tensordot, x, y, axes),
    np.convolve: lambda x, y, mode="full": _bilinear(np.convolve, x, y, mode),
    np.vdot: lambda x, y: _bilinear(np.vdot, as_complex(x).conj(), y),
    np.prod: _product_of_all,
    np.where: lambda mask, x, y: TracedComplex(
        np.where(mask, as_complex(x).real, as_complex(y).real), np.where(mask, as_complex(x).imag, as_complex(y).imag)
    ),
    np.linalg.norm: lambda z, *args, **options: np.linalg.norm(np.hypot(z.real, z.imag), *args, **options),
    np.iscomplexobj: lambda z: True,
    np.isrealobj: lambda z: False,
    np.shape: lambda z: z.shape,
    np.ndim: lambda z: z.ndim,
    np.size: lambda z, axis=None: z.size if axis is None else z.shape[axis],
    np.zeros_like: lambda z, dtype=None, **_: _both(np.zeros_like, z),
    np.ones_like: lambda z, dtype=None, **_: as_complex(np.ones(z.shape, complex)),
}
