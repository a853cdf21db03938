"""Elementary functions written so that LLVM vectorises the loop around them.

Theory of operation. Numba's mathematical functions are calls of a library, one an element; a loop with
such a call is not vectorised. `fast_<name>` is branch-free arithmetic instead, within 1 ulp of the truth,
and `fits_<name>`, with the same arguments, says whether it holds there: never for nan or an infinity,
and not where a function overflows or leaves its domain. So a loop computes both, and if any element does not fit,
the caller repeats the loop with the library. In a loop, join what fits with `&`, or count
what does not, because `and` is a branch. Without a fused multiplication in hardware the functions are as
good, but slower than the library.

`FAST` maps the functions of the formula language, "power" (a ** b) and "sech" (1 / cosh) to the
names used here. The functions live in the modules beside this one, by kinship; `vector_parts` says how
they are built.
"""

import math

from fastad.kernels.vector_error import fast_erf, fast_erfc, fits_erf, fits_erfc
from fastad.kernels.vector_exponential import (
    fast_cosh,
    fast_exp,
    fast_exp2,
    fast_expm1,
    fast_sech,
    fast_sinh,
    fast_tanh,
    fits_cosh,
    fits_exp,
    fits_exp2,
    fits_expm1,
    fits_sech,
    fits_sinh,
    fits_tanh,
)
from fastad.kernels.vector_inverse import (
    fast_arccos,
    fast_arccosh,
    fast_arcsin,
    fast_arcsinh,
    fast_arctan,
    fast_arctan2,
    fast_arctanh,
    fits_arccos,
    fits_arccosh,
    fits_arcsin,
    fits_arcsinh,
    fits_arctan,
    fits_arctan2,
    fits_arctanh,
)
from fastad.kernels.vector_logarithm import (
    fast_log,
    fast_log1p,
    fast_log2,
    fast_log10,
    fast_power,
    fits_log,
    fits_log1p,
    fits_log2,
    fits_log10,
    fits_power,
)
from fastad.kernels.vector_parts import inlined
from fastad.kernels.vector_roots import fast_cbrt, fast_hypot, fits_cbrt, fits_hypot
from fastad.kernels.vector_trigonometry import fast_cos, fast_sin, fast_tan, fits_cos, fits_sin, fits_tan

__all__ = [
    "FAST",
    "fast_arccos", "fast_arccosh", "fast_arcsin", "fast_arcsinh", "fast_arctan", "fast_arctan2",
    "fast_arctanh", "fast_cbrt", "fast_cos", "fast_cosh", "fast_erf", "fast_erfc", "fast_exp", "fast_exp2",
    "fast_expm1", "fast_hypot", "fast_log", "fast_log1p", "fast_log2", "fast_log10", "fast_power",
    "fast_sech", "fast_sin", "fast_sinh", "fast_tan", "fast_tanh",
    "fits_arccos", "fits_arccosh", "fits_arcsin", "fits_arcsinh", "fits_arctan", "fits_arctan2",
    "fits_arctanh", "fits_cbrt", "fits_cos", "fits_cosh", "fits_erf", "fits_erfc", "fits_exp", "fits_exp2",
    "fits_expm1", "fits_hypot", "fits_log", "fits_log1p", "fits_log2", "fits_log10", "fits_power",
    "fits_sech", "fits_sin", "fits_sinh", "fits_tan", "fits_tanh", "sech",
]  # fmt: skip

FAST: dict[str, str] = {
    name: name
    for name in (
        "arccos", "arccosh", "arcsin", "arcsinh", "arctan", "arctan2", "arctanh", "cbrt", "cos", "cosh",
        "erf", "erfc", "exp", "exp2", "expm1", "hypot", "log", "log1p", "log2", "log10", "power", "sech",
        "sin", "sinh", "tan", "tanh",
    )
}  # fmt: skip


@inlined
def sech(x):
    """1 / cosh(x), by the library."""
    return 1.0 / math.cosh(x)
