"""SciPy's special functions on traced values: the table's rows as primitives, and what SciPy writes in Python.

Theory of operation. A ufunc of `scipy.special` arrives through NumPy's protocol and is looked up here by its name
(`of_ufunc`); functions written in Python are substituted in recorded code (`fastad.record.libraries`). An order that is
given as an integer stays one, because SciPy computes otherwise with it. Which derivative nobody has written is known
when it is asked for, so passive arguments may stand there.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np

from fastad.errors import UnsupportedFunction
from fastad.ops import BY_NAME
from fastad.primitives import Elementwise
from fastad.record import bessel_orders
from fastad.record import special_rules as rules
from fastad.record.builder import user_line
from fastad.record.calls import call
from fastad.record.creation import gather_objects
from fastad.record.elementwise import elementwise, numeric
from fastad.record.special_table import ROWS
from fastad.record.traced import is_traced, plain

SEVERAL = {"sici": 2, "shichi": 2, "fresnel": 2, "airy": 4}
_NUMPY = ("exp log log1p expm1 sin cos cosh sqrt square power abs sign minimum maximum where hypot floor").split()


class Special(Elementwise):
    """A row of the table."""

    def __init__(self, name: str) -> None:
        texts = ROWS[name]
        partials = tuple(None if text == "0" else _partial(name, k) for k, text in enumerate(texts))
        super().__init__(f"scipy.special.{name}", _value_of(name), partials)

    def _pull(self, result: Any, args: list[Any], weight: Any, wanted: list[bool], **options: Any) -> list[Any]:
        wanted = [w and not options["fixed"] >> k & 1 for k, w in enumerate(wanted)]
        return _summed(super()._pull(result, args, weight, wanted, **options), args)

    def _push(self, result: Any, args: list[Any], tangents: list[Any], **options: Any) -> Any:
        tangents = [None if options["fixed"] >> k & 1 else dot for k, dot in enumerate(tangents)]
        return super()._push(result, args, tangents, **options)


def _summed(bars: list[Any], args: list[Any]) -> list[Any]:
    """Adjoints of arguments that were broadcast."""
    return [bar if bar is None else _to_shape(bar, np.shape(plain(x))) for bar, x in zip(bars, args, strict=True)]


def _to_shape(bar: Any, shape: tuple[int, ...]) -> Any:
    if np.shape(plain(bar)) == shape:
        return bar
    extra = len(np.shape(plain(bar))) - len(shape)
    axes = tuple(i for i, n in enumerate(np.shape(plain(bar))) if i < extra or (shape[i - extra] == 1 and n != 1))
    return np.reshape(np.sum(bar, axis=axes), shape)


def _constants(args: Any, fixed: int, whole: int) -> list[Any]:
    """The arguments, those that are constants (a bit each) plain, and as integers where they were integers."""
    args = [plain(x) if fixed >> k & 1 else x for k, x in enumerate(args)]
    return [np.asarray(x).astype(np.int64) if whole >> k & 1 else x for k, x in enumerate(args)]


def _value_of(name: str) -> Callable[..., Any]:
    def value(*args: Any, fixed: int = 0, whole: int = 0) -> Any:
        with np.errstate(all="ignore"):
            return np.asarray(original(name)(*_constants(args, fixed, whole)), np.float64)[()]

    return value


@cache
def original(name: str) -> Callable[..., Any]:
    """The function of plain arrays that a row stands for."""
    import scipy.special

    for helpers in (rules, bessel_orders):
        if hasattr(helpers, name):
            return getattr(helpers, name)
    if name == "lambertw":
        return _real_lambertw
    if name.startswith("spherical"):
        return lambda n, x: getattr(scipy.special, name)(np.asarray(n).astype(np.int64), x)
    head, bracket, rest = name.partition("[")
    function = getattr(scipy.special._ufuncs if head[0] == "_" else scipy.special, head)
    return (lambda x: function(x)[int(rest[:-1])]) if bracket else function


def _real_lambertw(x: Any, k: Any) -> Any:
    from scipy.special import lambertw as complex_lambertw

    w = complex_lambertw(x, np.asarray(k).astype(np.int64))
    return np.where(np.imag(w) == 0, np.real(w), np.nan)


def _partial(name: str, k: int) -> Callable[..., Any]:
    def partial(v: Any, *args: Any, fixed: int = 0, whole: int = 0) -> Any:
        code = _compiled(name, k)
        if code is None:
            raise UnsupportedFunction(
                f"scipy.special.{name} has no derivative in its argument {k} (counted from 0) in fastad: pass it as a "
                "constant, or define the function with ad.primitive"
            )
        names = dict(zip("abcd", _constants(args, fixed, whole), strict=False))
        return eval(code, _names(), names | {"v": v})  # the texts are the table's own

    return partial


@cache
def _compiled(name: str, k: int) -> Any:
    text = ROWS[name][k]
    return compile(text, f"<derivative of {name}>", "eval") if text else None


@cache
def _names() -> dict[str, Any]:
    """What formulas may name."""
    own = {name.replace("[", "_").rstrip("]"): function(name) for name in ROWS}
    return own | {name: getattr(np, name) for name in _NUMPY} | rules.CONSTANTS


PRIMITIVES = {name: Special(name) for name in ROWS}


def function(name: str) -> Callable[..., Any]:
    """A row on plain or traced values."""

    def apply(*args: Any) -> Any:
        if len(args) != len(ROWS[name]):
            raise TypeError(f"scipy.special.{name} takes {len(ROWS[name])} arguments, {len(args)} were given")
        fixed = sum(1 << k for k, x in enumerate(args) if not is_traced(x))
        whole = sum(
            1 << k
            for k, x in enumerate(args)
            if fixed >> k & 1 and ROWS[name][k] == "" and numeric(x).dtype.kind in "iu"
        )
        return call(PRIMITIVES[name], *args, fixed=fixed, whole=whole)

    return apply


def of_ufunc(ufunc: Any) -> Callable[..., Any] | None:
    """What answers for a ufunc of SciPy on traced values."""
    special = sys.modules.get("scipy.special")
    name = ufunc.__name__
    if special is None or ufunc not in (getattr(special, name, None), getattr(special._ufuncs, name, None)):
        return None
    if name in SEVERAL:
        parts = [function(f"{name}[{i}]") for i in range(SEVERAL[name])]
        return lambda x: tuple(part(x) for part in parts)
    return function(name) if name in ROWS else None


# --- functions that SciPy writes in Python ------------------------------------------------------------
def polygamma(n: Any, x: Any) -> Any:
    from scipy.special import gamma

    if is_traced(n):
        raise UnsupportedFunction(
            f"scipy.special.polygamma of a traced order at {user_line()}: the order is a constant"
        )
    n = np.asarray(n)
    if np.all(n == 0):
        return function("psi")(x)
    if np.any(n == 0):
        raise UnsupportedFunction(f"scipy.special.polygamma of orders 0 and others at {user_line()}: one by one")
    return np.where(n % 2 == 1, 1.0, -1.0) * gamma(n + 1.0) * function("zeta")(n + 1.0, x)


def zeta(x: Any, q: Any = None, out: Any = None) -> Any:
    return function("zeta")(x, 1.0 if q is None else q)


def multigammaln(a: Any, d: Any) -> Any:
    total = d * (d - 1) * 0.25 * np.log(np.pi)
    for j in range(1, d + 1):
        total = total + function("gammaln")(a - (j - 1) / 2)
    return total


def comb(N: Any, k: Any, *, exact: bool = False, repetition: bool = False) -> Any:
    if exact:
        raise UnsupportedFunction(f"scipy.special.comb with exact=True at {user_line()}: it is a function of integers")
    return function("binom")(N + k - 1 if repetition else N, k)


def lambertw(z: Any, k: Any = 0, tol: float = 1e-8) -> Any:
    return function("lambertw")(z, k)


def _spherical(name: str, before: float, after: float) -> Callable[..., Any]:
    def apply(n: Any, z: Any, derivative: bool = False) -> Any:
        f = function(name)
        if not derivative:
            return f(n, z)
        n = np.asarray(plain(n))
        return (before * n * f(np.maximum(n - 1, 0), z) + after * (n + 1) * f(n + 1, z)) / (2 * n + 1)

    apply.__name__ = name
    return apply


spherical_jn, spherical_yn = _spherical("spherical_jn", 1, -1), _spherical("spherical_yn", 1, -1)
spherical_in, spherical_kn = _spherical("spherical_in", 1, 1), _spherical("spherical_kn", -1, -1)


def factorial(n: Any, exact: bool = False, extend: str = "zero") -> Any:
    if exact or extend != "zero":
        raise UnsupportedFunction(
            f"scipy.special.factorial with exact=True or extend={extend!r} at {user_line()} is not supported"
        )
    return function("gamma")(n + 1)


def perm(N: Any, k: Any, exact: bool = False) -> Any:
    if exact:
        raise UnsupportedFunction(f"scipy.special.perm with exact=True at {user_line()}: it is a function of integers")
    return function("poch")(N - k + 1, k)


def sinc(x: Any) -> Any:
    return np.sinc(x)


def softplus(x: Any, **options: Any) -> Any:
    return np.logaddexp(0.0, x)


def logsumexp(a: Any, axis: Any = None, b: Any = None, keepdims: bool = False, return_sign: bool = False) -> Any:
    """As SciPy computes it: the largest terms apart, so that a sum close to 1 keeps the digits of its logarithm."""
    a, b = gather_objects(a), gather_objects(b)
    if b is not None:
        a, b = np.broadcast_arrays(a, b)
        a = np.where(b == 0, -np.inf, a)
    top, shift = _shift(a, axis)
    terms = np.exp(a - shift) if b is None else b * np.exp(a - shift)
    largest = np.sum(np.where(a == top, terms, 0.0), axis=axis, keepdims=True)
    rest = np.sum(np.where(a == top, 0.0, terms), axis=axis, keepdims=True)
    ratio = np.where(rest == 0, rest, rest / largest)
    sign = np.sign(ratio + 1) * np.sign(largest)
    value = np.log1p(np.where(ratio < -1, -ratio - 2, ratio)) + np.log(np.abs(largest)) + shift
    if return_sign:
        return _dropped(value, axis, keepdims), _dropped(sign, axis, keepdims)
    return _dropped(value if b is None else np.where(sign < 0, np.nan, value), axis, keepdims)


def _shift(a: Any, axis: Any) -> tuple[Any, Any]:
    """The maxima, and what is subtracted; constants of the derivative, because the result does not depend on them."""
    top = elementwise(BY_NAME["stop_gradient"], np.max(a, axis=axis, keepdims=True))
    return top, np.where(np.isfinite(top), top, 0.0)


def _dropped(x: Any, axis: Any, keepdims: bool) -> Any:
    return x if keepdims else np.squeeze(x, axis=axis)[()]


def softmax(x: Any, axis: Any = None) -> Any:
    x = gather_objects(x)
    terms = np.exp(x - _shift(x, axis)[0])
    return terms / np.sum(terms, axis=axis, keepdims=True)


def log_softmax(x: Any, axis: Any = None) -> Any:
    x = gather_objects(x)
    shifted = x - _shift(x, axis)[1]
    return shifted - np.log(np.sum(np.exp(shifted), axis=axis, keepdims=True))


OF_SCIPY: dict[str, Callable[..., Any]] = {
    f.__name__: f
    for f in (
        comb, factorial, lambertw, log_softmax, logsumexp, multigammaln, perm, polygamma, sinc, softmax, softplus,
        spherical_in, spherical_jn, spherical_kn, spherical_yn, zeta,
    )
}  # fmt: skip
