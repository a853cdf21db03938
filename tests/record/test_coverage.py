"""Every public function of NumPy is supported, takes no array of numbers, or refuses traced values by name.

A function that is none of the three would see arrays of objects, or plain numbers: that is how derivatives get lost.
"""

from __future__ import annotations

import io
from types import ModuleType

import numpy as np
import pytest

import fastad as ad
from fastad.record import functions
from fastad.record.creation import replacements

# What takes shapes, indices, texts, files, types or settings, or other arguments than the calls below have.
PASSES_THROUGH = set(
    """
    astype bartlett base_repr binary_repr bincount bitwise_left_shift bitwise_right_shift blackman broadcast_shapes
    busday_count busday_offset datetime_as_string datetime_data diag_indices format_float_positional
    format_float_scientific from_dlpack fromfile fromfunction frompyfunc fromregex fromstring gcd genfromtxt get_include
    get_printoptions getbufsize geterr geterrcall hamming hanning in1d indices info interp is_busday isdtype isfortran
    isnat isscalar issubdtype iterable kaiser lcm left_shift load loadtxt mask_indices mintypecode nested_iters packbits
    piecewise place printoptions promote_types put_along_axis putmask ravel_multi_index right_shift select
    set_printoptions setbufsize seterr seterrcall show_config show_runtime test tril_indices triu_indices typename
    unpackbits unravel_index row_stack tensorinv fftfreq rfftfreq bitwise_count isneginf
""".split()
)
X = np.array([0.7, -1.3, 0.4])
M = np.array([[2.0, 0.1, 0.3], [0.1, 3.0, 0.2], [0.3, 0.2, 4.0]])
CALLS = [(X,), (M,), (X, X), (M, X), (X, 2), (2, X), (X, np.sort(X)), (io.BytesIO(), X)]
SUPPORTED = {id(original) for original, _ in replacements() if not isinstance(original, np.ufunc)}
SUPPORTED |= set(map(id, (*functions.UFUNCS, *functions._COMPOSED, *functions._LOGICAL)))


def public_functions():
    for module in (np, np.linalg, np.fft, np.lib.stride_tricks):
        for name in sorted(dir(module)):
            function = getattr(module, name)
            if hasattr(function, "__name__") and name[0] != "_" and not isinstance(function, type | ModuleType):
                yield pytest.param(function, id=f"{module.__name__}.{name}")


def with_traced(call):
    """The last array of a call, and the arguments with another one in its place."""
    position = max(i for i, part in enumerate(call) if isinstance(part, np.ndarray))
    return call[position], lambda x: (*call[:position], x, *call[position + 1 :])


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("function", public_functions())
def test_every_function_is_supported_passes_through_or_refuses(function) -> None:
    if function.__name__ in PASSES_THROUGH or id(function) in SUPPORTED:
        return
    answers = []
    for call in CALLS[: 2 if getattr(function, "nin", 2) == 1 else None]:
        try:
            if function(*call) is None and "save" not in function.__name__:
                continue
        except Exception:
            continue
        point, arguments = with_traced(call)
        try:
            ad.record(lambda x: np.sum(function(*arguments(x))), point)
            answers.append("works")
        except ad.errors.FastADError as error:
            assert "test_coverage.py" in str(error)
            answers.append("refuses")
    assert answers, "it takes no array of numbers: say so above"
