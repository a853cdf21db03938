"""Recording a tape by hand, stopping derivatives, and getting the kernels ready."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np
from numba.core.dispatcher import Dispatcher

from fastad import kernels
from fastad.ops import BY_NAME
from fastad.record.elementwise import elementwise
from fastad.record.traced import is_traced
from fastad.replay import Call, new_tape
from fastad.tape import Tape
from fastad.transforms.base import replayer_of


def stop_gradient(x: Any) -> Any:
    """The argument itself, with zero derivative.

    Parameters
    ----------
    x : float or array of float64

    Returns
    -------
    The same value; while a function is differentiated, one that counts as a constant.

    Examples
    --------
    >>> import fastad as ad
    >>> ad.grad(lambda x: x * ad.stop_gradient(x))(3.0)
    3.0
    """
    return elementwise(BY_NAME["stop_gradient"], x) if is_traced(x) else x


def record(function: Callable[..., Any], *args: Any) -> Tape:
    """Record a function at a point.

    Parameters
    ----------
    function : callable
        A NumPy function.
    *args
        Its arguments: floats and float arrays become independents; the rest is static.

    Returns
    -------
    Tape
        Valid wherever the recorded comparisons come out as they did here.

    Raises
    ------
    UnsupportedFunction, UnsupportedDtype, DerivativeCut

    Examples
    --------
    >>> import fastad as ad
    >>> tape = ad.record(lambda x, y: x * y, 2.0, 3.0)
    >>> tape.primal(4.0, 5.0)
    20.0

    References
    ----------
    Griewank & Walther, Evaluating Derivatives (2008), section 2.2 (evaluation procedures).
    """
    if isinstance(function, Dispatcher):
        return _of_compiled(function, args)
    call = Call(args, {}, None)
    call.active[:] = True
    return new_tape(function, call)[0]


def _of_compiled(function: Any, args: tuple[Any, ...]) -> Tape:
    """The tape of a function that Numba has compiled, which holds at this point only."""
    replayer = replayer_of(function)
    numbers = tuple(k for k, arg in enumerate(args) if isinstance(arg, float | np.floating | np.ndarray | tuple))
    return replayer.run(Call(args, {}, numbers), lambda tape: (tape.whole(), -1))  # type: ignore[attr-defined]


def warmup() -> float:
    """Compile, or load from the cache, every kernel.

    Returns
    -------
    float
        Seconds that it took.
    """
    from fastad.native import tape_code

    started = time.perf_counter()
    for kernel in (*kernels.ALL, *tape_code.ALL):
        kernel.load()
    return time.perf_counter() - started
