"""SciPy's special functions: every row in every mode, and nothing of the namespace without an answer.

A case is a name, the constant arguments that stand before the variable ones (as SciPy takes them), and the variables at two points, one row each.
"""

import mpmath
import numpy as np
import pytest
import scipy.special as sp

import fastad as ad
from fastad.record.special import OF_SCIPY, SEVERAL
from fastad.record.special_table import ROWS
from tests.record.every_mode import check_every_mode

ANY, POSITIVE, UNIT = (
    ([-1.3, 0.2, 2.1], [0.4, -0.7, 1.1]),
    ([0.3, 1.4, 3.2], [0.8, 2.1, 5.3]),
    ([0.2, 0.5, 0.7], [0.6, 0.3, 0.85]),
)
OF_ONE = {
    **dict.fromkeys(
        "erf erfc erfcx erfi ndtr log_ndtr log_expit exprel cosm1 exp2 exp10 expm1 sindg cosdg tandg j0 j1 i0 i1 dawsn wrightomega".split(), ANY
    ),
    **dict.fromkeys(
        "entr log1p cbrt gamma gammaln loggamma rgamma psi digamma y0 y1 k0 k1 i0e i1e k0e k1e exp1 expi spence cotdg".split(), POSITIVE
    ),
    **dict.fromkeys("erfinv erfcinv ndtri logit ellipk ellipkm1 ellipe lambertw".split(), UNIT),
    "ndtri_exp": ([-2.0, -0.3, -5.0], [-1.0, -0.1, -0.6]),
}  # fmt: skip
# The last argument alone varies.
OF_LAST = {
    "zeta": ((2.5,), POSITIVE), "jv": ((1.5,), POSITIVE), "jn": ((2,), POSITIVE), "yv": ((0.5,), POSITIVE),
    "yn": ((1,), POSITIVE), "iv": ((1.5,), POSITIVE), "kv": ((0.7,), POSITIVE), "kn": ((2,), POSITIVE),
    "ive": ((1.5,), POSITIVE), "kve": ((0.7,), POSITIVE), "spherical_jn": ((2,), POSITIVE),
    "spherical_in": ((0,), POSITIVE), "expn": ((3,), POSITIVE), "hyp0f1": ((1.5,), ANY),
    "hyp1f1": ((0.5, 1.5), ANY), "hyp2f1": ((0.5, 1.2, 2.2), UNIT), "hyperu": ((0.5, 1.2), POSITIVE),
    "eval_legendre": ((3,), ANY), "eval_chebyt": ((4,), ANY), "eval_chebyu": ((3,), ANY),
    "eval_gegenbauer": ((3, 0.7), ANY), "eval_hermite": ((3,), ANY), "eval_hermitenorm": ((4,), ANY),
    **{f"eval_{name}": ((3,), ANY) for name in "sh_legendre sh_chebyt sh_chebyu chebyc chebys".split()},
    "spherical_yn": ((2,), POSITIVE), "spherical_kn": ((0,), POSITIVE), "struve": ((1.5,), POSITIVE),
    "eval_laguerre": ((3,), ANY), "eval_genlaguerre": ((3, 0.5), ANY), "eval_jacobi": ((3, 0.5, 1.5), ANY),
    "gammainc": ((2.5,), POSITIVE), "betainc": ((1.5, 2.5), UNIT), "stdtr": ((3.5,), ANY), "stdtrit": ((3.5,), UNIT),
    "chdtr": ((3.0,), POSITIVE), "pdtr": ((3,), POSITIVE), "pdtrc": ((3,), POSITIVE), "gammaincinv": ((2.5,), UNIT),
    "betaincinv": ((1.5, 2.5), UNIT), "huber": ((1.0,), ANY), "gdtr": ((1.5, 2.5), POSITIVE), "betaincc": ((1.5, 2.5), UNIT),
    "gammaincc": ((2.5,), POSITIVE), "gammainccinv": ((2.5,), UNIT), "gdtrc": ((1.5, 2.5), POSITIVE), "chdtrc": ((3.0,), POSITIVE),
}  # fmt: skip
# All arguments vary, one number each: second order too.
OF_ALL = {
    "owens_t": ([0.7, 1.2], [-0.4, 0.5]), "xlogy": ([0.7, 1.2], [2.0, 0.5]), "xlog1py": ([0.7, 1.2], [2.0, -0.5]),
    "rel_entr": ([0.7, 1.2], [2.0, 0.5]), "kl_div": ([0.7, 1.2], [2.0, 0.5]), "pseudo_huber": ([0.7, 1.2], [2.0, -0.5]),
    "boxcox": ([0.7, 1.2], [2.0, -0.5]), "boxcox1p": ([0.7, 1.2], [2.0, -0.5]), "inv_boxcox": ([0.7, 1.2], [0.3, 0.5]),
    "inv_boxcox1p": ([0.7, 1.2], [0.3, 0.5]), "powm1": ([0.7, 1.2], [2.0, -0.5]), "beta": ([0.7, 1.2], [2.0, 0.5]),
    "betaln": ([0.7, 1.2], [2.0, 0.5]), "poch": ([0.7, 1.2], [2.0, 0.5]), "binom": ([4.7, 1.2], [6.0, 2.5]),
}  # fmt: skip
# First derivatives in every argument, shape parameters too.
SHAPES = {
    "betainccinv": ([1.5, 2.5, 0.3], [1.5, 0.6, 0.8]),
    "gammainc": ([2.5, 1.2], [2.5, 4.0], [40.0, 35.0], [0.3, 0.01]), "gammaincc": ([2.5, 1.2], [2.5, 4.0]),
    "gammaincinv": ([2.5, 0.3], [0.8, 0.9]), "gammainccinv": ([2.5, 0.3], [0.8, 0.9]),
    "betainc": ([1.5, 2.5, 0.3], [1.5, 0.6, 0.8], [30.0, 20.0, 0.55]), "betaincc": ([1.5, 2.5, 0.3], [1.5, 0.6, 0.8]),
    "betaincinv": ([1.5, 2.5, 0.3], [1.5, 0.6, 0.8]), "gdtr": ([1.5, 2.5, 2.0], [0.5, 1.0, 2.0]),
    "gdtrc": ([1.5, 2.5, 2.0], [0.5, 1.0, 2.0]), "chdtr": ([3.0, 2.0], [5.0, 9.0]), "chdtrc": ([3.0, 2.0], [5.0, 9.0]),
    "fdtr": ([3.0, 5.0, 0.7], [7.0, 2.0, 3.0]), "fdtrc": ([3.0, 5.0, 0.7], [7.0, 2.0, 3.0]),
    "fdtri": ([3.0, 5.0, 0.7], [7.0, 2.0, 0.3]), "chdtri": ([3.0, 0.7], [7.0, 0.3]),
    "stdtr": ([3.5, 0.7], [6.0, -2.0]), "stdtrit": ([3.5, 0.7], [6.0, 0.2]),
}  # fmt: skip


def plain(name):
    """What SciPy computes; Lambert's function on its real branch."""
    return (lambda x: np.real(sp.lambertw(x))) if name == "lambertw" else getattr(sp, name)


@pytest.mark.parametrize("name", sorted(OF_ONE))
def test_one_argument(name):
    f = plain(name)
    check_every_mode(lambda x: f(x), *map(np.array, OF_ONE[name]))


@pytest.mark.parametrize("name", sorted(OF_LAST))
def test_last_argument(name):
    constants, points = OF_LAST[name]
    f = getattr(sp, name)
    check_every_mode(lambda x: f(*constants, x), *map(np.array, points))


@pytest.mark.parametrize("name", sorted(OF_ALL))
def test_all_arguments(name):
    f = getattr(sp, name)
    check_every_mode(lambda x: f(*x), *map(np.array, OF_ALL[name]))


@pytest.mark.parametrize("name", sorted(SHAPES))
def test_shape_parameters(name):
    f = getattr(sp, name)
    for point in SHAPES[name]:
        x = np.array(point)
        gradient = ad.grad(lambda x: f(*x))(x)
        for k, unit in enumerate(np.eye(x.size)):
            h = 2e-3 * min(x[k], 1.0)
            slope = sum(c * (f(*(x + s * h * unit)) - f(*(x - s * h * unit))) for s, c in ((1, 45), (2, -9), (3, 1)))
            np.testing.assert_allclose(
                gradient[k], slope / (60 * h), rtol=2e-8, atol=1e-10, err_msg=f"{name} {point} {k}"
            )


def test_several_results():
    for name, count in SEVERAL.items():
        f = getattr(sp, name)
        for i in range(count):
            check_every_mode(lambda x, i=i: f(x)[i], np.array([0.3, 1.4]), np.array([0.8, 2.1]))


def test_functions_written_in_python():
    x, y = np.array([0.3, 2.0, -1.0]), np.array([1.3, -2.0, 0.4])
    weights = np.array([0.5, 2.0, 1.0])
    cases = [
        lambda t: sp.logsumexp(t), lambda t: sp.logsumexp(t, b=weights, keepdims=True), lambda t: sp.softmax(t),
        lambda t: sp.log_softmax(t), lambda t: sp.logsumexp(t, b=-weights, return_sign=True)[0],
        lambda t: sp.logsumexp(np.outer(t, weights), axis=1), lambda t: sp.softmax(np.outer(t, weights), axis=0),
        lambda t: sp.sinc(t), lambda t: sp.polygamma(1, t * t + 1), lambda t: sp.multigammaln(t[0] + 4, 3),
        lambda t: sp.comb(t[0] + 4, 2), lambda t: sp.polygamma(2, t * t + 1), lambda t: sp.zeta(3.0, t * t + 1),
    ]  # fmt: skip
    for f in cases:
        check_every_mode(f, x, y)
    assert ad.grad(sp.logsumexp)(np.array([1e4, 1e4, -np.inf])).tolist() == [0.5, 0.5, 0.0]
    assert ad.grad(lambda t: sp.logsumexp(t))(np.array([-800.0, -800.0])).tolist() == [0.5, 0.5]


def test_tails():
    cases = [
        (sp.log_ndtr, lambda x: mpmath.npdf(x) / mpmath.ncdf(x), (-1e5, -300.0, -30.0, -1.0, 5.0, 30.0)),
        (sp.ndtr, mpmath.npdf, (-37.0, -20.3, 0.1, 30.7)),
        (
            sp.ndtri,
            lambda p: mpmath.sqrt(2 * mpmath.pi) * mpmath.exp(mpmath.erfinv(2 * p - 1) ** 2),
            (1e-30, 1e-5, 0.3),
        ),
        (sp.erfcx, lambda x: mpmath.diff(lambda t: mpmath.exp(t * t) * mpmath.erfc(t), x), (-2.0, 0.5, 1.5, 30.0, 1e4)),
        (sp.log_expit, lambda x: 1 / (1 + mpmath.exp(x)), (-700.0, -3.0, 40.0, 700.0)),
        (sp.exprel, lambda x: mpmath.exp(x) / x - (mpmath.exp(x) - 1) / x**2, (1e-9, 0.3, 20.0)),
        (sp.ellipk, lambda m: mpmath.diff(mpmath.ellipk, m), (1e-9, 0.5, 0.999)),
    ]
    with mpmath.workdps(120):
        for f, truth, points in cases:
            for x in points:
                np.testing.assert_array_max_ulp(ad.grad(f)(x), float(truth(mpmath.mpf(x))), 8)


def test_what_is_missing_says_so():
    with pytest.raises(ad.errors.UnsupportedFunction, match="no derivative in its argument 0"):
        ad.grad(lambda a: sp.hyp1f1(a, 2.0, 0.5))(1.5)
    assert np.isfinite(ad.grad(sp.hyp1f1, argnums=2)(1.5, 2.0, 0.5))  # passive parameters
    for f in (sp.voigt_profile, sp.mathieu_a, sp.smirnov):
        with pytest.raises(ad.errors.UnsupportedFunction, match=f.__name__):
            ad.grad(lambda x, f=f: f(*[x] * f.nin))(0.7)
    with pytest.raises(ad.errors.UnsupportedFunction, match="lpmv"):
        ad.grad(lambda x: sp.lpmv(1, 2, x))(0.7)


def test_every_function_has_a_case():
    cases = {*OF_ONE, *OF_LAST, *OF_ALL, *SHAPES, "expit", "ellipkinc", "ellipeinc", "gammasgn", "round"}
    public = {name for name in ROWS if hasattr(sp, name)}
    assert public <= cases, public - cases
    assert all(hasattr(sp, name) for name in OF_SCIPY)


def test_whatever_has_no_rule_says_so():
    known = {*ROWS, *SEVERAL, *OF_SCIPY, "test", "errstate", "seterr", "geterr"}
    for name, f in vars(sp).items():
        if name.startswith("_") or name in known or not callable(f) or isinstance(f, type):
            continue
        count = (
            f.nin if isinstance(f, np.ufunc) else 2 + ("sph" in name) + ("assoc_legendre_p" in name) + ("harm" in name)
        )
        first = () if isinstance(f, np.ufunc) else (2,) * (count - 1)
        with pytest.raises(ad.errors.FastADError):
            ad.grad(lambda x, f=f, n=count, first=first: np.sum(f(*(first or [x] * (n - 1)), x)))(0.7)


def test_integers_pass():
    nodes = ad.grad(
        lambda x: np.sum(sp.roots_legendre(4)[0] ** 2 * x) + sp.factorial(3) * x + sp.comb(5, 2, exact=True)
    )
    assert abs(nodes(1.0) - (6.0 + np.sum(sp.roots_legendre(4)[0] ** 2))) < 1e-14


def test_shape_derivatives_are_as_exact_as_the_docs_say():
    with mpmath.workdps(60):
        step = mpmath.mpf(10) ** -15
        for a, x in ((0.5, 0.2), (3.0, 2.0), (30.0, 29.0), (2.5, 4.0), (30.0, 50.0), (0.1, 3.0)):
            upper = lambda s, x=x: mpmath.gammainc(s, x, mpmath.inf, regularized=True)  # noqa: E731
            truth = (upper(a + step) - upper(a - step)) / (2 * step)
            assert abs(ad.grad(sp.gammaincc)(a, x) / truth - 1) < 1e-13
        for a, b, x in ((0.5, 2.0, 0.2), (8.0, 0.3, 0.7), (20.0, 30.0, 0.45)):
            lower = lambda s, b=b, x=x: mpmath.betainc(s, b, 0, x, regularized=True)  # noqa: E731
            truth = (lower(a + step) - lower(a - step)) / (2 * step)
            assert abs(ad.grad(sp.betainc)(a, b, x) / truth - 1) < 1e-13


ORDERS = [(0.0, 0.3), (0.5, 2.0), (1.0, 0.05), (2.5, 7.0), (7.0, 0.4), (7.3, 25.0), (20.0, 60.0), (3.0, 60.0)]


@pytest.mark.parametrize("name", ["jv", "yv", "iv", "kv"])
def test_bessel_functions_in_their_order(name):
    """Against mpmath's differences in the order with 30 digits; and mixed second derivatives."""
    f, g = getattr(sp, name), getattr(mpmath, f"bessel{name[0]}")
    gradient, tolerance = ad.grad(lambda n, x: f(n, x)), {"kv": 1e-14}.get(name, 1e-12)
    for order, x in ORDERS:
        with mpmath.workdps(30):
            truth = float(mpmath.diff(lambda n, x=x: g(n, x), order))
        scale = max(abs(truth), abs(f(order, x)))
        assert abs(gradient(order, x) - truth) <= tolerance * scale, (order, x, gradient(order, x), truth)
    mixed = ad.grad(lambda x: ad.grad(lambda n: f(n, x))(2.5))
    step = 1e-4
    slope = (ad.grad(f)(2.5, 3.0 + step) - ad.grad(f)(2.5, 3.0 - step)) / (2 * step)
    assert mixed(3.0) == pytest.approx(slope, rel=1e-6)
    with pytest.raises(ad.errors.UnsupportedFunction, match="argument 0"):
        ad.hessian(lambda n: f(n, 1.5))(2.5)
