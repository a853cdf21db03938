"""Bad input ends in an error of its own class that says what, where and what to do: never in a wrong number."""

from __future__ import annotations

import copy
import datetime
import decimal
import fractions
import linecache
import math
import pickle
import sys
import traceback
from pathlib import Path

import numpy as np
import pytest
import scipy.special

import fastad as ad
from fastad.errors import (
    DerivativeCut,
    FastADError,
    NonScalarOutput,
    RecordingMismatch,
    ShapeMismatch,
    StaleValue,
    StructureMismatch,
    UnsupportedDtype,
    UnsupportedFunction,
)

HERE = Path(__file__).name
X = np.array([0.5, 1.5, 2.5])


def failing(error: type[Exception], call, *arguments) -> str:
    """The message of the error, after a look at where it came from: no error may pass through Numba."""
    with pytest.raises(error) as caught:
        call(*arguments)
    assert isinstance(caught.value, FastADError)
    frames = traceback.extract_tb(caught.value.__traceback__)
    assert not any("numba" in frame.filename for frame in frames)
    return str(caught.value)


def named_line(message: str) -> str:
    """The text of the user's line that a message names."""
    number = int(message.split(HERE + ":")[1].split()[0].rstrip(":,;.)"))
    return linecache.getline(__file__, number)


# --- non-scalar output ----------------------------------------------------------------------------------
NOT_SCALAR = {
    "array": (lambda x: x * 2.0, "(3,)"),
    "matrix": (lambda x: np.outer(x, x), "(3, 3)"),
    "tuple": (lambda x: (x[0], x[1]), "leaves"),
    "empty": (lambda x: x[:0], "(0,)"),
    "dict": (lambda x: {"a": x[0], "b": x}, "leaves"),
}


@pytest.mark.parametrize("name", NOT_SCALAR)
def test_a_scalar_is_needed(name):
    f, shape = NOT_SCALAR[name]
    for transform in (ad.grad, ad.value_and_grad, ad.hessian):
        made = transform(f)
        for _ in range(2):  # a replay says the same as the first call
            message = failing(NonScalarOutput, made, X)
            assert shape in message and "ad.jacobian" in message
    assert shape in failing(NonScalarOutput, ad.hvp(f), X, X)
    failing(NonScalarOutput, ad.grad(lambda x: np.sum(ad.grad(f)(x))), X)


def test_one_number_in_an_array_is_a_scalar():
    several = [
        lambda x: x[:1],
        lambda x: np.sum(x, keepdims=True),
        lambda x: np.array([[x[0] * 1.0]]),
        lambda x: [x[0]],
    ]
    for f in several:
        assert ad.grad(f)(X).shape == (3,)


NO_NUMBERS = [None, "text", 1j, np.array([1j]), np.array(["a"]), object(), datetime.date(2000, 1, 1), {1, 2}, b"b",
              np.datetime64("2000"), decimal.Decimal(1), fractions.Fraction(1, 2)]  # fmt: skip


@pytest.mark.parametrize("result", NO_NUMBERS)
def test_results_must_be_numbers(result):
    message = failing(UnsupportedDtype, ad.grad(lambda x: result), X)
    assert "None" not in message or "return" in message
    failing(UnsupportedDtype, ad.jacobian(lambda x: (x[0], result if result is not None else "")), X)


# --- arguments ------------------------------------------------------------------------------------------
BAD_ARGUMENTS = {
    "complex array": X * 1j, "complex": 1j, "objects": X.astype(object), "text": "x", "texts": np.array(["a"]),
    "dates": np.array(["2000-01-01"], "datetime64[D]"), "spans": np.array([1], "timedelta64[s]"),
    "truth values": np.array([True]), "truth": True, "set": {1.0}, "function": math.sin,
    "record": np.zeros(2, [("a", float)]), "long double": X.astype(np.longdouble), "bytes": b"1",
    "masked": np.ma.masked_array([1.0]), "decimal": decimal.Decimal(1), "date": datetime.datetime(2000, 1, 1),
    "text in a list": [1.0, "a"], "complex in a dict": {"a": 1j},
}  # fmt: skip


@pytest.mark.parametrize("name", BAD_ARGUMENTS)
def test_arguments_must_be_real_numbers(name):
    argument = BAD_ARGUMENTS[name]
    f = lambda x: 1.0  # noqa: E731
    calls = [
        ad.grad(f), ad.jacobian(f), ad.hessian(f), lambda x: ad.vjp(f, x), lambda x: ad.jvp(f, (x,), (x,)),
        lambda x: ad.hvp(f)(x, x), lambda x: ad.directional_derivative(f, x, x),
    ]  # fmt: skip
    for call in calls:
        message = failing(UnsupportedDtype, call, argument)
        assert any(word in message for word in ("dtype", "type ", "longdouble"))


def test_complex_passive_arguments_are_refused():
    failing(UnsupportedDtype, ad.grad(lambda x, a: x), 1.0, X * 1j)


ODD = {
    "int": np.arange(1, 4), "int8": np.arange(1, 4, dtype=np.int8), "unsigned": np.arange(1, 4, dtype="u2"),
    "float32": np.array([0.1, 0.2, 0.3], np.float32), "float16": np.array([0.1, 0.2], np.float16),
    "big-endian": X.astype(">f8"), "zero axes": np.array(2.0), "empty": np.empty(0), "empty matrix": np.empty((0, 3)),
    "strided": np.arange(10.0)[::3], "reversed": X[::-1], "Fortran": np.asfortranarray(np.arange(6.0).reshape(2, 3)),
    "transposed": np.arange(6.0).reshape(2, 3).T, "one element": np.array([3.0]), "a column": X[:, None],
    "repeated": np.broadcast_to(2.0, (3, 2)),
    "unaligned": np.frombuffer(b"0" + X.tobytes(), np.uint8)[1:].view(np.float64),
}  # fmt: skip


@pytest.mark.parametrize("name", ODD)
def test_odd_arrays_are_numbers_all_the_same(name):
    x = ODD[name]
    x.setflags(write=False)
    before = x.copy()
    expected = 3.0 * np.asarray(x, float) ** 2

    def f(x):
        return np.sum(x**3)

    made, bends, rows = ad.grad(f), ad.hvp(f), ad.jacobian(lambda x: x**3)
    for _ in range(3):
        gradient = made(x)
        np.testing.assert_allclose(gradient, expected, rtol=1e-15)
        assert gradient.shape == x.shape and gradient.dtype == np.float64
        np.testing.assert_allclose(bends(x, np.ones(x.shape)), 6.0 * np.asarray(x, float), rtol=1e-15)
        assert rows(x).shape == x.shape + x.shape
        np.testing.assert_array_equal(x, before)
    value, pullback = ad.vjp(f, x)
    np.testing.assert_allclose(pullback(1)[0], expected, rtol=1e-15)
    assert ad.jvp(f, (x,), (np.ones(x.shape, int),))[1] == pytest.approx(np.sum(expected))
    assert ad.record(f, x).primal(x) == value


def test_lists_and_tuples():
    def f(x):
        return np.sum(np.asarray(x) ** 2)

    assert ad.grad(f)([1.0, 2.0]) == [2.0, 4.0]
    assert ad.grad(f)((1, 2.0)) == (2.0, 4.0)
    assert ad.hvp(f)([1.0, 2.0], [1.0, 0.0]) == [2.0, 0.0]
    assert ad.hvp(f)(np.array([1.0, 2.0]), [1, 0]).tolist() == [2.0, 0.0], "a list of numbers for an array"
    np.testing.assert_array_equal(np.array(ad.hessian(f)([1.0, 2.0])), 2.0 * np.eye(2))


def test_the_value_is_the_function_s_own():
    several = [np.sum, lambda x: 7, lambda x: True, lambda x: np.float32(0.5), lambda x: x[1], lambda x: -0.0]
    for f in several:
        value, gradient = ad.value_and_grad(f)(X)
        assert value == f(X) and type(value) is float and math.copysign(1, value) == math.copysign(1, f(X))
        assert gradient.shape == (3,)


def test_a_constant_function_has_zero_derivatives():
    f = lambda x: 5.0  # noqa: E731
    for x in (X, 2.0, np.ones((2, 2))):
        zero = np.zeros(np.shape(x))
        np.testing.assert_array_equal(ad.grad(f)(x), zero)
        np.testing.assert_array_equal(ad.hvp(f)(x, x), zero)
        assert not np.any(ad.hessian(f)(x)) and not np.any(ad.jacobian(f)(x))
        assert ad.jvp(f, (x,), (x,)) == (5.0, 0.0)
        np.testing.assert_array_equal(ad.vjp(f, x)[1](1.0)[0], zero)
    np.testing.assert_array_equal(ad.jacobian(lambda x: np.ones((2, 2)))(X), np.zeros((2, 2, 3)))


# --- shapes of directions -------------------------------------------------------------------------------
WRONG_DIRECTIONS = {
    "tangent": lambda wrong: ad.jvp(lambda x: x, (X,), (wrong,)),
    "weight": lambda wrong: ad.vjp(lambda x: x * 1.0, X)[1](wrong),
    "direction of a Hessian product": lambda wrong: ad.hvp(np.sum)(X, wrong),
    "direction": lambda wrong: ad.directional_derivative(lambda x: x, X, wrong),
    "tangent inside": lambda wrong: ad.grad(lambda s: np.sum(ad.jvp(lambda x: s * x, (X,), (wrong,))[1]))(1.0),
    "weight inside": lambda wrong: ad.grad(lambda s: np.sum(ad.vjp(lambda x: s * x, X)[1](wrong)[0]))(1.0),
    "direction inside": lambda wrong: ad.grad(lambda s: np.sum(ad.hvp(lambda x: s * np.sum(x**2))(X, wrong)))(1.0),
}


@pytest.mark.parametrize("name", WRONG_DIRECTIONS)
def test_directions_must_fit(name):
    for wrong in (np.ones(2), np.ones((3, 1)), np.ones((1, 3)), np.ones(4), [1.0, 2.0], 1.0):
        message = failing(ShapeMismatch, WRONG_DIRECTIONS[name], wrong)
        assert "(3,)" in message and any(word in message for word in ("tangent", "weight", "direction"))
    for wrong in ({"a": 1.0}, None):
        failing(StructureMismatch, WRONG_DIRECTIONS[name], wrong)
    for wrong in (X * 1j, "abc", X.astype(object), np.array([True, False, True])):
        failing(UnsupportedDtype, WRONG_DIRECTIONS[name], wrong)


def test_counts_of_primals_and_tangents():
    f = lambda x, y: x * y  # noqa: E731
    assert "1 tangents were given for 2 primals" in failing(ShapeMismatch, ad.jvp, f, (1.0, 2.0), (1.0,))
    for primals, tangents in ((1.0, (1.0,)), ((1.0,), 1.0), (np.ones(1), (1.0,))):
        with pytest.raises(TypeError, match="must be a tuple"):
            ad.jvp(lambda x: x, primals, tangents)


# --- unsupported functions ------------------------------------------------------------------------------
UNSUPPORTED = {
    "numpy.fft.hfft": lambda x: np.sum(np.fft.hfft(x)),
    "scipy.special.smirnovi": lambda x: np.sum(scipy.special.smirnovi(2, x)),
    "np.spacing": lambda x: np.sum(np.spacing(x)),
    "np.nextafter": lambda x: np.sum(np.nextafter(x, 1.0)),
    "np.divmod.outer": lambda x: np.sum(np.divmod.outer(x, x)[0]),
    "numpy.packbits": lambda x: np.packbits(x)[0],
    "np.frexp": lambda x: np.frexp(x)[0][0],
}


@pytest.mark.parametrize("name", UNSUPPORTED)
def test_unsupported_functions_are_named_with_the_line(name):
    for call in (ad.grad(UNSUPPORTED[name]), lambda x: ad.record(UNSUPPORTED[name], x),
                 ad.grad(lambda x: np.sum(ad.grad(UNSUPPORTED[name])(x)))):  # fmt: skip
        message = failing(UnsupportedFunction, call, X)
        assert name in message and "no derivative" in message
        assert name.rpartition(".")[2] in named_line(message)


# --- derivatives that would be cut ------------------------------------------------------------------------
CUTS = {
    "float(x)": lambda x: float(x[0]) * 2.0,
    "complex(x)": lambda x: complex(x[0]).real,
    "int32": lambda x: np.sum(x.astype(np.int32)),
    "float32": lambda x: np.sum(np.array(x, np.float32)),
    "float16": lambda x: np.sum(np.asarray(x, dtype=np.float16)),
    "int64": lambda x: np.sum(np.array([x[0], x[1]], dtype=int)),
    "pickling": lambda x: pickle.loads(pickle.dumps(x[0])),
    "index": lambda x: x[x[0]],
}


@pytest.mark.parametrize("name", CUTS)
def test_cuts_name_the_conversion_and_the_line(name):
    for call in (ad.grad(CUTS[name]), ad.jacobian(CUTS[name])):
        message = failing(DerivativeCut, call, X)
        assert name.split(" of ")[0] in message
        assert named_line(message).strip()


@pytest.mark.parametrize("dtype", [int, np.int8, bool])
def test_integers_made_from_values_are_guarded(dtype):
    """An array of integers takes whole numbers, as in NumPy; where they change, so does the path."""

    def f(x):
        y = np.zeros(3, dtype)
        y[0] = x[0]
        return y[0] * x[1] + int(x[2])

    made = ad.grad(f)
    for x in (X, X + 1.0, X + 2.0, X):
        assert made(x).tolist() == [0.0, dtype(x[0]), 0.0]


def test_numbers_that_python_asks_for():
    """What needs a Python number, or an array of them, is refused and never given a wrong one."""
    for f in (lambda x: math.factorial(x[0]), lambda x: "%.3f" % x[0], lambda x: [1, 2, 3][x[0]], lambda x: hash(x[0]),  # noqa: UP031
              lambda x: {x[0]: 1}, lambda x: range(x[0]), lambda x: np.array(x, dtype="datetime64[D]"),
              lambda x: decimal.Decimal(x[0]), lambda x: memoryview(x), lambda x: len(x[0])):  # fmt: skip
        with pytest.raises(Exception) as caught:
            ad.grad(f)(X)
        assert isinstance(caught.value, FastADError | TypeError | ValueError | AttributeError)
        assert not any("numba" in frame.filename for frame in traceback.extract_tb(caught.value.__traceback__))


# --- stale values -----------------------------------------------------------------------------------------
def test_values_of_another_recording():
    kept = []
    ad.grad(lambda x: kept.append(x) or np.sum(x))(X)
    old = kept[0]
    for f in (lambda x: np.sum(x * old), lambda x: np.sum(np.concatenate([x, old])), lambda x: x[0] * old[0],
              lambda x: np.sum(np.where(x > 0, x, old)), lambda x: np.dot(x, old)):  # fmt: skip
        message = failing(StaleValue, ad.grad(f), X)
        assert "recording" in message


def test_returning_a_value_of_another_recording():
    kept = []
    ad.grad(lambda x: kept.append(x) or np.sum(x))(X)
    failing(StaleValue, ad.grad(lambda x: kept[0][0]), X)


def test_storing_a_traced_value_outside():
    """A global array that is filled during the recording: objects, not numbers, so later use is an error."""
    store = {}

    def f(x):
        store["x"] = x[0]
        return np.sum(x**2)

    np.testing.assert_array_equal(ad.grad(f)(X), 2.0 * X)
    assert not isinstance(copy.copy(store["x"]), list)


# --- the function's own errors ----------------------------------------------------------------------------
@pytest.mark.parametrize("error", [ValueError, KeyError, ZeroDivisionError, StopIteration, KeyboardInterrupt])
def test_the_user_s_exceptions_pass_through(error):
    def f(x):
        raise error("mine")

    calls = [ad.grad(f), ad.jacobian(f), ad.hessian(f), lambda x: ad.record(f, x), ad.grad(lambda x: ad.grad(f)(x)[0])]
    for call in calls:
        with pytest.raises(error, match="mine") as caught:
            call(X)
        assert traceback.extract_tb(caught.value.__traceback__)[-1].name == "f"


def test_numpy_s_own_errors_pass_through():
    for f, error in ((lambda x: x[5], IndexError), (lambda x: np.sum(x + np.ones(2)), ValueError),
                     (lambda x: np.sum(x, axis=3), np.exceptions.AxisError), (lambda x: x @ np.ones(4), ValueError),
                     (lambda x: x.reshape(5, 5), ValueError), (lambda x: x.nothing, AttributeError),
                     (lambda x: np.concatenate([x, np.ones((2, 2))]), ValueError), (lambda x: math.sqrt(-x[0]), ValueError),
                     (lambda x: math.log(x[0] - 0.5), ValueError)):  # fmt: skip
        with pytest.raises(error):
            ad.grad(f)(X)


def test_too_deep_recursion_is_python_s_error():
    def f(x):
        return f(x)

    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(300)
    try:
        with pytest.raises(RecursionError):
            ad.grad(f)(X)
    finally:
        sys.setrecursionlimit(limit)
    assert ad.grad(np.sum)(X).tolist() == [1.0, 1.0, 1.0]


def test_a_recorded_value_that_differs_is_an_error():
    """An array under two names: the recording cannot see a write through a plain NumPy view."""
    calls = [0]

    def f(x):
        calls[0] += 1
        return np.sum(x) * (1.0 if calls[0] % 2 else 2.0)

    assert "plain NumPy" in failing(RecordingMismatch, ad.grad(f), X)


# --- IEEE results -------------------------------------------------------------------------------------------
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_domain_errors_give_ieee_results():
    assert math.isnan(ad.grad(np.log)(-1.0)) and ad.grad(np.log)(0.0) == math.inf
    assert math.isnan(ad.grad(np.sqrt)(-1.0)) and ad.grad(np.sqrt)(0.0) == math.inf
    assert ad.value_and_grad(lambda x: 1.0 / x)(0.0) == (math.inf, -math.inf)
    assert math.isnan(ad.grad(lambda x: x ** (1 / 3))(-8.0))
    assert ad.grad(lambda x: x**-2.0)(0.0) == -math.inf
    assert math.isnan(ad.grad(np.arccosh)(0.5)) and math.isnan(ad.grad(np.arctanh)(2.0))
    value, gradient = ad.value_and_grad(lambda x: np.sum(np.log(x)))(np.array([-1.0, 0.0, 2.0]))
    assert math.isnan(value) and math.isnan(gradient[0]) and gradient[1:].tolist() == [math.inf, 0.5]


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("special", [math.nan, math.inf, -math.inf, 1e308, -1e308, 5e-324, 0.0, -0.0])
def test_special_values_pass_through(special):
    """Points at which everything over- or underflows are points like others."""
    f = lambda x: np.sum(np.exp(x) * x**2 - np.tanh(x) / x)  # noqa: E731
    for x in (special, np.full(3, special), np.full(40, special)):
        value, gradient = ad.value_and_grad(f)(x)
        with np.errstate(all="ignore"):
            assert np.array_equal(value, f(np.asarray(x)), equal_nan=True)
        assert np.shape(gradient) == np.shape(x)
        ad.hessian(f)(x), ad.hvp(f)(x, x), ad.jvp(f, (x,), (x,))
