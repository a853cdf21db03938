"""What recorded code sees in place of `math`, whose functions cannot compute with traced values.

Values are `math`'s own, and so are its errors outside the domain. Where the user's code may catch such an error (there
is a `try` among the callers), being inside the domain is a branch that was taken: the replay is guarded.
"""

from __future__ import annotations

import builtins
import math
from collections.abc import Callable
from typing import Any

import numpy as np

from fastad.ops import BY_NAME, Op
from fastad.record.builder import is_tried
from fastad.record.elementwise import elementwise, on_scalar, power
from fastad.record.traced import TracedArray, TracedScalar, is_traced, plain, scalar_of

_MATH_ROWS = {
    "acos": "arccos", "acosh": "arccosh", "asin": "arcsin", "asinh": "arcsinh", "atan": "arctan", "atan2": "arctan2",
    "atanh": "arctanh", "cbrt": "cbrt", "copysign": "copysign", "cos": "cos", "cosh": "cosh", "erf": "erf",
    "erfc": "erfc", "exp": "exp", "exp2": "exp2", "expm1": "expm1", "fabs": "absolute", "fmod": "fmod",
    "log10": "log10", "log1p": "log1p", "log2": "log2", "sin": "sin", "sinh": "sinh", "sqrt": "sqrt", "tan": "tan",
    "tanh": "tanh",
}  # fmt: skip


def _number(x: Any) -> Any:
    """A traced array of one element as a traced number, as `math` takes it."""
    return x.reshape(-1)[0] if type(x) is TracedArray and x.size == 1 else x


_NEVER_RAISE = {"atan", "asinh", "tanh", "erf", "erfc", "fabs", "copysign", "cbrt", "atan2"}


def _guard_domain(op: Op, args: tuple[Any, ...]) -> None:
    """Guard that the function raises an error in the replay if and only if it does here."""
    with np.errstate(all="ignore"):
        finite = elementwise(BY_NAME["isfinite"], elementwise(op, *args))
    finite.builder.guard(finite.slot, finite.value)


def _math_function(name: str, row: str) -> Callable[..., Any]:
    original, op = getattr(math, name), BY_NAME[row]

    def call(*args: Any) -> Any:
        if not builtins.any(map(is_traced, args)):
            return original(*map(plain, args))
        args = tuple(map(_number, args))
        if name not in _NEVER_RAISE and is_tried():
            _guard_domain(op, args)
        if len(args) == 1 and type(args[0]) is TracedScalar:
            return on_scalar(op, args[0], original(args[0].value))
        value = original(*map(plain, args))  # math's own value, and its own error outside the domain
        result = elementwise(op, *args)
        return scalar_of(result.builder, result.slot, value)

    return call


def _math_pow(x: Any, y: Any) -> Any:
    if not (is_traced(x) or is_traced(y)):
        return math.pow(plain(x), plain(y))
    x, y = _number(x), _number(y)
    if is_tried():
        _guard_domain(BY_NAME["power"], (x, y))
    math.pow(plain(x), plain(y))  # its own error
    return power(x, y)


def _math_log(x: Any, *base: Any) -> Any:
    logarithm = MATH_LOG(x)
    return logarithm / MATH_LOG(base[0]) if base else logarithm


def _math_hypot(*parts: Any) -> Any:
    if len(parts) == 2 and (is_traced(parts[0]) or is_traced(parts[1])):
        return elementwise(BY_NAME["hypot"], *map(_number, parts))
    if builtins.any(map(is_traced, parts)):
        return np.sqrt(builtins.sum(_number(p) * _number(p) for p in parts))
    return math.hypot(*map(plain, parts))


def _math_dist(p: Any, q: Any) -> Any:
    return _math_hypot(*(a - b for a, b in zip(p, q, strict=True)))


def _math_fsum(items: Any) -> Any:
    items = list(items)
    return builtins.sum(items) if builtins.any(map(is_traced, items)) else math.fsum(map(plain, items))


def _math_prod(items: Any, *, start: Any = 1) -> Any:
    for item in items:
        start = start * item
    return start


def _truth(name: str) -> Callable[[Any], bool]:
    def call(x: Any) -> bool:
        return bool(getattr(np, name)(_number(x))) if is_traced(x) else getattr(math, name)(plain(x))

    return call


def _whole(name: str) -> Callable[[Any], int]:
    original = getattr(math, name)
    return lambda x: original(_number(x))


def _special(name: str, of_scipy: str) -> Callable[[Any], Any]:
    original = getattr(math, name)

    def call(x: Any) -> Any:
        if not is_traced(x):
            return original(plain(x))
        import scipy.special

        original(plain(x))  # math's own errors, at poles say
        return getattr(scipy.special, of_scipy)(_number(x))

    return call


MATH_LOG = _math_function("log", "log")
MATH: list[tuple[Any, Any]] = [
    *((getattr(math, name), _math_function(name, row)) for name, row in _MATH_ROWS.items()),
    (math.pow, _math_pow), (math.log, _math_log), (math.hypot, _math_hypot), (math.dist, _math_dist),
    (math.fsum, _math_fsum), (math.prod, _math_prod), (math.degrees, lambda x: np.degrees(_number(x))),
    (math.gamma, _special("gamma", "gamma")), (math.lgamma, _special("lgamma", "gammaln")),
    (math.radians, lambda x: np.radians(_number(x))),
    *((getattr(math, name), _truth(name)) for name in ("isnan", "isinf", "isfinite")),
    *((getattr(math, name), _whole(name)) for name in ("floor", "ceil", "trunc")),
]  # fmt: skip
