"""The error function and its complement for vectorised loops.

Theory of operation. Below 3/4, erf x = x + x q(x**2), q a polynomial, and erfc x = (1 - x) - x q, the first
difference a pair. Above, erfc x = e**(-x**2) G / (1 + 2 x): G is between 1.12 and 1.28 for all x, smooth in
t = (x - 3.5) / (x + 3.5) (Shepherd and Laframboise, Mathematics of Computation 36, 1981), and flat enough
that t may be rounded. x**2, the exponential and the quotient are pairs, because the exponential magnifies
the error of its argument by up to 700. erf x = 1 - erfc x there. One division serves both quotients. The polynomials
are Remez fits of this project, with errors of 2**-60.
"""

from fastad.kernels.vector_exponential import exp_parts, raised
from fastad.kernels.vector_parts import fast_two_sum, fma, inlined, polynomial, two_product, with_sign

ERF = (
    1.1494918346625858e-08, -1.5946613758715382e-07, 1.6431502058810916e-06, -1.4924253353870802e-05,
    0.0001205529199947193, -0.0008548326253931455, 0.005223977616508077, -0.026866170644536443,
    0.11283791670953174, -0.3761263890318373, 0.1283791670955126,
)  # fmt: skip
SCALED = (
    9.797739162761109e-09, 1.481064642558617e-09, -9.216737274513246e-08, -9.774908613516137e-09,
    5.998755037120211e-07, -4.264718012670656e-08, -3.8145675462748195e-06, 2.3275475851271353e-06,
    2.4261123878940465e-05, -4.278200928059514e-05, -0.00012151249440845204, 0.0005643843773752093,
    -0.0003022678626834144, -0.004215019903327709, 0.019099330940776645, -0.048823325828182634,
    0.08798315382495815, -0.11508959816018316, 0.0975190951532563, -0.010555596332218392, -0.1400091801376194,
)  # fmt: skip
SCALED_0, SCALED_0_LOW = 1.2423492448711544, -1.038071228058817e-17
BORDER, END = 0.75, 26.5


@inlined
def near(x):
    """erf(x) / x - 1 for |x| <= 3/4."""
    return polynomial(min(x * x, BORDER * BORDER), ERF)


@inlined
def tail(size):
    """erfc(size) for size between 3/4 and 26.5."""
    twice, twice_low = fast_two_sum(2.0 * size, 1.0)
    inverse = 1.0 / ((size + 3.5) * twice)
    t = (size - 3.5) * (twice * inverse)
    g, g_low = fast_two_sum(SCALED_0, t * polynomial(t, SCALED))
    inverse *= size + 3.5
    high = g * inverse
    low = inverse * ((fma(-high, twice, g) + (g_low + SCALED_0_LOW)) - high * twice_low)
    square, square_low = two_product(size, size)
    exponential, exponential_low, shifted = exp_parts(-square, -square_low)
    value, rest = two_product(exponential, high)
    return raised(value + (rest + fma(exponential, low, exponential_low * high)), shifted)


@inlined
def fast_erf(x):
    """The error function."""
    size = abs(x)
    far = with_sign(1.0 - tail(max(min(size, END), BORDER)), x)
    return fma(x, near(x), x) if size < BORDER else far


@inlined
def fits_erf(x):
    return abs(x) <= 1e300


@inlined
def fast_erfc(x):
    """The complement of the error function, 1 - erf x."""
    size = abs(x)
    high, low = fast_two_sum(1.0, -x)
    beyond = tail(max(min(size, END), BORDER))
    far = 2.0 - beyond if x < 0.0 else beyond
    return high + fma(-x, near(x), low) if size < BORDER else far


@inlined
def fits_erfc(x):
    return (x >= -1e300) & (x <= END)
