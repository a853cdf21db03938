"""Primitives that users define, against the same functions written in NumPy."""

import ctypes
import ctypes.util
import pickle
import threading

import numpy as np
import pytest
from numba import njit

import fastad as ad
from fastad import errors
from fastad.primitives import Primitive

X, K = np.array([0.3, 0.5, -0.2]), 1.3
FAR = np.array([-1.1, 0.7, 2.5])


@ad.primitive
def waves(x, k, options, *, scale=2.0):
    return scale * np.sin(k * x) * options["a"], np.sum(x)


@waves.vjp
def _(weight, result, x, k, options, *, scale):
    slopes, s = np.cos(k * x) * options["a"], scale * weight[0]
    da = np.sum(np.sin(k * x) * s)
    return k * slopes * s + weight[1], np.sum(x * slopes * s), {"a": da, "label": None}


@ad.primitive
def cube(x):
    return x**3


@cube.jvp
def _(tangents, y, x):
    return 3.0 * x**2 * tangents[0]


both = ad.primitive(
    lambda m, b: np.linalg.solve(m, b),
    vjp=lambda w, x, m, b: (lambda u: (-np.outer(u, x), u))(both(m.T, w)),
    jvp=lambda t, x, m, b: both(m, t[1] - t[0] @ x),
    name="tests.both",
)


@njit
def ratio(a, b):
    return a / b if a > 0 else a * b


@njit
def ratio_a(a, b):
    return 1 / b if a > 0 else b


@njit
def ratio_b(a, b):
    return -a / b**2 if a > 0 else a


@njit
def ratio_aa(a, b):
    return 0


@njit
def ratio_ab(a, b):
    return -1 / b**2 if a > 0 else 1.0


@njit
def ratio_bb(a, b):
    return 2 * a / b**3 if a > 0 else 0.0


decay = ad.primitive("a * exp(-b)", partials=("exp(-b)", "-v"), name="tests.decay")
ratios = ad.primitive(ratio, partials=(ratio_a, ratio_b), second=((ratio_aa, ratio_ab), (ratio_ab, ratio_bb)))
first_only = ad.primitive(ratio, partials=(ratio_a, ratio_b), name="tests.first_only")
slope = ad.primitive("1 / (1 + a * a)", partials=("-2 * a * v * v",), name="tests.slope")
angle = ad.primitive("arctan(a)", partials=(slope,), name="tests.angle")
plainly = ad.primitive(lambda a: np.tanh(a), partials=[lambda a: 1.0 / np.cosh(a) ** 2], name="tests.plainly")
MATRIX = np.array([[3.0, 0.4, 0.1], [0.2, 2.0, -0.3], [0.0, 0.5, 4.0]])


def by_waves(x, k):
    a, b = waves(x, k, {"a": k * 2.0, "label": "text"}, scale=3.0)
    return np.sum(a * a) * b


def plain_waves(x, k):
    return np.sum((3.0 * np.sin(k * x) * (k * 2.0)) ** 2) * np.sum(x)


CASES = (
    ("containers, several results, options", by_waves, plain_waves),
    ("jvp only", lambda x, k: np.sum(np.cos(cube(k * x))), lambda x, k: np.sum(np.cos((k * x) ** 3))),
    (
        "both rules",
        lambda x, k: np.sum(np.sin(both(MATRIX * k, x * x))),
        lambda x, k: np.sum(np.sin(np.linalg.inv(MATRIX) @ (x * x) / k)),
    ),
    ("formula", lambda x, k: np.sum(np.sin(decay(x, k))), lambda x, k: np.sum(np.sin(x * np.exp(-k)))),
    (
        "formula, broadcast",
        lambda x, k: np.sum(decay(x[:, None], np.sin(k * x)) ** 2),
        lambda x, k: np.sum((x[:, None] * np.exp(-np.sin(k * x))) ** 2),
    ),
    ("formula on numbers", lambda x, k: decay(x[0], k) * k, lambda x, k: x[0] * np.exp(-k) * k),
    (
        "compiled",
        lambda x, k: np.sum(np.sin(ratios(x, k))),
        lambda x, k: np.sum(np.sin(np.where(x > 0, x / k, x * k))),
    ),
    (
        "partials that are primitives",
        lambda x, k: np.sum(angle(k * x) ** 2),
        lambda x, k: np.sum(np.arctan(k * x) ** 2),
    ),
    ("NumPy partials", lambda x, k: np.sum(plainly(k * x) ** 2), lambda x, k: np.sum(np.tanh(k * x) ** 2)),
)


def results(f, x, k):
    """All modes and orders, flat."""
    points = np.stack([x, 0.5 * x, -x])
    parts = [
        f(x, k), *ad.grad(f, (0, 1))(x, k), *ad.jvp(f, (x, k), (x, 1.0)), ad.jacobian(f, mode="forward")(x, k),
        ad.hessian(f)(x, k), ad.hvp(f)(x, x, k), ad.grad(ad.grad(f, 1), 1)(x, k),
        ad.grad(lambda y: np.sum(ad.grad(f)(y, k) ** 2))(x), ad.vmap(ad.grad(f), (0, None))(points, k),
    ]  # fmt: skip
    return np.concatenate([np.ravel(part) for part in parts])


@pytest.mark.parametrize(("_", "f", "reference"), CASES)
def test_every_mode_and_order(_, f, reference):
    for x, k in ((X, K), (FAR, 0.7)):
        np.testing.assert_allclose(results(f, x, k), results(reference, x, k), rtol=2e-13, atol=1e-13)
    gradient = ad.grad(f)
    for x in (X, FAR, X[::-1].copy()):  # replays
        np.testing.assert_allclose(gradient(x, K), ad.grad(reference)(x, K), rtol=1e-13, atol=1e-14)
    ad.testing.check_derivatives(f, X, K)


def test_check_compares_the_rules():
    waves.check(X, K, {"a": 2.0, "label": "text"}, scale=3.0, order=2)
    ratios.check(X, K, order=2)
    cube.check(X, order=2)
    wrong = ad.primitive(np.sin, vjp=lambda w, y, x: w * np.cos(x), jvp=lambda t, y, x: t[0] * np.sin(x), name="wrong")
    with pytest.raises(errors.DerivativeCheckFailed):
        wrong.check(X)


def test_plain_calls_are_plain():
    assert type(decay(2.0, 0.0)) is float and decay(2.0, 0.0) == 2.0
    assert type(cube(2.0)) is float and cube(2.0) == 8.0
    assert type(cube(X)) is np.ndarray and ratios([1.0, 2.0], 2).tolist() == [0.5, 1.0]
    assert decay(np.zeros((0, 2)), 1.0).shape == (0, 2)
    assert ad.grad(lambda x: np.sum(decay(x, 1.0)) + np.sum(cube(x)))(np.zeros(0)).shape == (0,)


def test_code_in_c():
    libm = ctypes.CDLL(ctypes.util.find_library("m"))
    libm.j0.restype = libm.j1.restype = ctypes.c_double
    libm.j0.argtypes = libm.j1.argtypes = [ctypes.c_double]
    bessel = ad.primitive(lambda x: libm.j0(x), vjp=lambda w, y, x: -w * libm.j1(x), name="tests.bessel")
    assert ad.grad(bessel)(1.5) == -libm.j1(1.5)
    for second in (lambda: ad.grad(ad.grad(bessel))(1.5), lambda: ad.hessian(bessel)(1.5)):
        with pytest.raises(errors.NoSecondDerivative, match=r"test_primitive.*vjp of the primitive tests\.bessel"):
            second()


def test_second_derivatives_without_rules_are_errors():
    declared = ad.primitive(np.sin, vjp=lambda w, y, x: w * np.cos(x), differentiable_rules=False, name="declared")
    cut = ad.primitive(np.sin, vjp=lambda w, y, x: np.array([1.0, 2.0, 3.0]), name="cut")
    for f in (declared, cut, lambda x: first_only(x, 2.0)):
        with pytest.raises(errors.NoSecondDerivative):
            ad.hvp(lambda x, f=f: np.sum(np.exp(f(x))))(X, X)
    np.testing.assert_allclose(ad.grad(lambda x: np.sum(declared(x)))(X), np.cos(X), rtol=1e-15)


def bad(rule, value=np.sin, kind="vjp"):
    return ad.primitive(value, **{kind: rule}, name=f"bad {np.random.rand()}")


MISTAKES = (
    (errors.RuleMismatch, bad(lambda w, y, x: w[:2])),
    (errors.RuleMismatch, bad(lambda w, y, x: (w, w))),
    (errors.RuleMismatch, bad(lambda t, y, x: t[0][:2], kind="jvp")),
    (errors.UnsupportedDtype, bad(lambda w, y, x: w * 1j)),
    (errors.UnsupportedDtype, bad(lambda w, y, x: w, lambda x: x * 1j)),
    (errors.UnsupportedDtype, bad(lambda w, y, x: w, lambda x: None)),
    (ZeroDivisionError, bad(lambda w, y, x: w / 0 if 1 // 0 else w)),
    (errors.MissingRule, ad.primitive(np.sin, name="no rule")),
)


@pytest.mark.parametrize(("error", "f"), MISTAKES)
def test_mistakes_of_rules(error, f):
    with pytest.raises(error):
        ad.grad(lambda x: np.sum(f(x) * x))(X)


def test_mistakes_of_definitions_and_calls():
    with pytest.raises(errors.InvalidExpression, match="operands are called a"):
        ad.primitive("sin(x)", partials=("cos(x)",))
    with pytest.raises(TypeError, match="partials"):
        ad.primitive("sin(a)")
    shipped = Primitive("tests.shipped", np.sin, lambda *_, **__: None)
    with pytest.raises(ValueError, match="own primitives"):
        ad.primitive(np.sin, name=shipped.name)
    with pytest.raises(TypeError, match="takes 2 arguments"):
        decay(1.0)
    with pytest.raises(errors.DerivativeCut, match="keyword"):
        ad.grad(lambda k: np.sum(waves(X, 1.0, {"a": 1.0}, scale=k)[0]))(2.0)
    with pytest.raises(errors.DerivativeCut, match="pass it as an argument"):
        ad.grad(lambda k: ad.primitive(lambda x: k * x, vjp=lambda w, y, x: w * x, name="inner")(2.0 * k))(2.0)


@njit
def guarded_root(a):
    if a < 0:
        raise ValueError("negative")
    return np.sqrt(a)


def test_exceptions_of_compiled_rules():
    f = ad.primitive(guarded_root, partials=("0.5 / v",), name="tests.root")
    g = ad.grad(lambda x: np.sum(f(x)))
    np.testing.assert_allclose(g(np.array([1.0, 4.0])), [0.5, 0.25], rtol=1e-15)
    with pytest.raises(ValueError, match="negative"):
        g(np.array([-1.0, 4.0]))
    np.testing.assert_allclose(g(np.array([4.0, 1.0])), [0.25, 0.5], rtol=1e-15)
    raising = ad.primitive("sqrt(abs(a))", partials=(guarded_root,), name="tests.raising")
    with pytest.raises(ValueError, match="negative"):
        ad.grad(raising)(-1.0)


def test_helpers_see_plain_arrays():
    """What a primitive calls runs outside of the recording: objects of the user, and transforms of fastad."""

    class Solver:
        def matrix(self):
            return np.zeros((2, 2))

    solver = Solver()
    seen = []

    def value(x):
        seen.append(type(solver.matrix()))
        return ad.grad(lambda y: y**3)(x)

    f = ad.primitive(value, vjp=lambda w, y, x: 6.0 * x * w, name="tests.inner")
    assert ad.grad(lambda x: f(x) + np.sum(solver.matrix()))(2.0) == 12.0
    assert ad.grad(ad.grad(lambda x: f(x) * x))(2.0) == 36.0
    assert set(seen) == {np.ndarray}


def test_primitives_defined_in_recorded_code():
    def f(x):
        once = ad.primitive(ratio, partials=(ratio_a, ratio_b))
        return np.sum(once(x, 2.0))

    np.testing.assert_array_equal(ad.grad(f)(X), np.where(X > 0, 0.5, 2.0))


def test_conversions_in_rules():
    f = ad.primitive(np.sin, vjp=lambda w, y, x: w * np.cos(float(x)), name="tests.converted")
    assert ad.grad(f)(0.5) == np.cos(0.5)
    with pytest.raises(errors.NoSecondDerivative, match="DerivativeCut"):
        ad.grad(ad.grad(f))(0.5)


def test_truth_values_are_guarded():
    pick = ad.primitive(lambda x, mask, flag: np.where(mask, x, 2 * x) * (3 if flag else 1),
                        vjp=lambda w, y, x, mask, flag: (w * np.where(mask, 1, 2) * (3 if flag else 1), None, None),
                        name="tests.pick")  # fmt: skip
    gradient = ad.grad(lambda x: np.sum(pick(x, x > 0, x[0] > 1)))
    for x in (X, FAR, X + 1.0, X):
        np.testing.assert_array_equal(gradient(x), np.where(x > 0, 1, 2) * (3 if x[0] > 1 else 1))


def test_methods():
    class Scaled:
        factor = 2.0

        @ad.primitive
        def apply(self, x):
            return self.factor * x

        @apply.vjp
        def _(weight, y, self, x):
            return None, self.factor * weight

    np.testing.assert_array_equal(ad.grad(lambda x: np.sum(Scaled().apply(x)))(X), np.full(3, 2.0))


def test_random_primitives():
    f = ad.primitive(lambda x: x * np.random.random(), vjp=lambda w, y, x: w, name="tests.random")
    with pytest.raises(errors.RecordingMismatch, match=r"tests\.random"):
        ad.grad(lambda x: f(x) * x)(0.5)


def test_nan_and_the_absolute_zero():
    f = ad.primitive("log(a)", partials=("1 / a",), name="tests.log")
    assert ad.grad(lambda x: np.where(x > 0, f(x), 0.0))(-1.0) == 0.0
    assert ad.grad(lambda x: np.where(x > 0, f(x), 0.0))(0.0) == 0.0
    assert np.isnan(ad.grad(lambda x: f(x) * x)(np.nan))


def test_pickles_and_files(tmp_path):
    tape = ad.record(by_waves, X, K)
    saved = ad.record(lambda x: np.sum(waves(x, 2.0, {"a": 1.0, "label": "t"})[0]) + np.sum(decay(x, x)), X)
    assert pickle.loads(pickle.dumps(tape)).primal(FAR, 2.0) == tape.primal(FAR, 2.0)
    saved.save(tmp_path / "tape")
    loaded = ad.Tape.load(tmp_path / "tape")
    assert loaded.primal(FAR) == saved.primal(FAR)
    np.testing.assert_array_equal(loaded.adjoint(FAR, weights=[1.0]), saved.adjoint(FAR, weights=[1.0]))
    local = ad.primitive(lambda x: x, vjp=lambda w, y, x: w)
    with pytest.raises(errors.UnsupportedDtype, match="cannot be saved"):
        pickle.dumps(ad.record(local, X))


def test_threads():
    gradient, expected, failures = ad.grad(by_waves), ad.grad(plain_waves)(X, K), []
    fails = ad.grad(lambda x: np.sum(both(np.outer(x, x), x)))

    def work():
        for _ in range(20):
            if not np.allclose(gradient(X, K), expected, rtol=1e-13):
                failures.append("value")
            try:
                fails(np.array([1.0, 0.0, 0.0]))
                failures.append("no error")
            except np.linalg.LinAlgError:
                pass

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
