"""Logarithms and powers for vectorised loops.

Theory of operation. u = 2**k m with sqrt(1/2) <= m < sqrt(2), read off the bits; f = m - 1 is exact. With
s = f / (2 + f), log(1 + f) = 2 atanh(s) = f - (f**2 / 2 - s (f**2 / 2 + R(s**2))); R has the coefficients
of fdlibm's e_log.c. log u = k ln 2 + log(1 + f) is summed as a pair, k times the high part of ln 2 being exact.
log1p carries the rounding error of 1 + x along as the low part of u, divided by 2**k. The other bases multiply the
pair by the base's factor.

A power needs log a to 2**-66, because the exponent b magnifies its error: atanh's series is summed in
pairs down to its third power (`wide_log`), multiplied by b, and raised by `exp_of_pair`.
"""

from fastad.kernels.vector_exponential import exp_of_pair
from fastad.kernels.vector_parts import (
    EXPONENT,
    ONE_WORD,
    SHIFT,
    SHIFT_WORD,
    SIGN_WORD,
    double,
    fast_two_sum,
    fma,
    inlined,
    polynomial,
    quotient,
    rounded,
    two_product,
    two_sum,
    word,
)

SQRT_HALF_WORD = 0x3FE6A09E667F3BCD
SMALLEST, LARGEST = 2.2250738585072014e-308, 1.7976931348623157e308
# ln 2 and log10 2 with 41 bits in the high part: times k they are exact.
LN2_SHORT, LN2_REST = 0.693147180559663, 2.8235290563031577e-13
LOG10_2_SHORT, LOG10_2_REST = 0.30102999566361177, 3.694239077158931e-13
PER_LN2, PER_LN2_LOW = 1.4426950408889634, 2.0355273740931033e-17
PER_LN10, PER_LN10_LOW = 0.4342944819032518, 1.098319650216765e-17
LOG = (
    1.479819860511658591e-01, 1.531383769920937332e-01, 1.818357216161805012e-01, 2.222219843214978396e-01,
    2.857142874366239149e-01, 3.999999999940941908e-01, 6.666666666666735130e-01,
)  # fmt: skip
# atanh(s) / s = 1 + s**2 (1/3 + s**2 / 2 TAIL): a Remez fit of this project, error 2**-63.
TAIL = (
    0.1301941173914682, 0.13276135388446167, 0.15385920611039222, 0.18181802549622608, 0.22222222314437168,
    0.28571428571214685, 0.40000000000000085,
)  # fmt: skip
TWO_THIRDS, TWO_THIRDS_LOW = 0.6666666666666666, 3.700743415417188e-17


@inlined
def mantissa(x):
    """(k, 2**-k as the difference of words, f): x = 2**k (1 + f)."""
    bits = word(x)
    exponent = (bits - SQRT_HALF_WORD) >> EXPONENT
    f = double(bits - (exponent << EXPONENT)) - 1.0
    return double(SHIFT_WORD + exponent) - SHIFT, exponent << EXPONENT, f


@inlined
def bend(f):
    """(log(1 + f) - f, s): what the series adds to its first term."""
    s = f / (2.0 + f)
    square, half = s * s, 0.5 * f * f
    return fma(s, fma(square, polynomial(square, LOG), half), -half), s


@inlined
def fast_log(x):
    """The natural logarithm."""
    k, _, f = mantissa(x)
    rest, _ = bend(f)
    high, low = fast_two_sum(k * LN2_SHORT, f)
    return high + (low + fma(k, LN2_REST, rest))


@inlined
def fits_log(x):
    return (x >= SMALLEST) & (x <= LARGEST)


fits_log2 = fits_log10 = fits_log


@inlined
def log_of_pair(u, u_low):
    """The natural logarithm of a sum; u_low is below an ulp of u."""
    k, scale, f = mantissa(u)
    rest, s = bend(f)
    # u_low / u = 2**-k u_low / (1 + f), and 1 / (1 + f) = (1 - s) / (1 + s).
    low = u_low * double(ONE_WORD - scale) * fma(2.0 * s, s - 1.0, 1.0)
    high, small = fast_two_sum(k * LN2_SHORT, f)
    return high + (small + (fma(k, LN2_REST, rest) + low))


@inlined
def fast_log1p(x):
    """log(1 + x)."""
    u, u_low = two_sum(1.0, x)
    return x if x == 0.0 else log_of_pair(u, u_low)


@inlined
def fits_log1p(x):
    return (x > -1.0) & (x <= 1e300)


@inlined
def in_base(f, factor, factor_low, turns, turns_low):
    """factor * log(1 + f) + turns + turns_low."""
    rest, _ = bend(f)
    high, low = fast_two_sum(f, rest)
    product, product_low = two_product(high, factor)
    product_low += fma(low, factor, high * factor_low)
    high, low = fast_two_sum(turns, product)
    return high + (low + (product_low + turns_low))


@inlined
def fast_log2(x):
    """The logarithm to base 2."""
    k, _, f = mantissa(x)
    return in_base(f, PER_LN2, PER_LN2_LOW, k, 0.0)


@inlined
def fast_log10(x):
    """The logarithm to base 10."""
    k, _, f = mantissa(x)
    return in_base(f, PER_LN10, PER_LN10_LOW, k * LOG10_2_SHORT, k * LOG10_2_REST)


@inlined
def wide_log(x):
    """The natural logarithm as a pair that is good to 2**-66."""
    k, _, f = mantissa(x)
    below, below_low = fast_two_sum(2.0, f)
    s, s_low = quotient(f, 0.0, below, below_low)
    square, square_low = two_product(s, s)
    square_low = fma(2.0 * s, s_low, square_low)
    inner, inner_low = fast_two_sum(TWO_THIRDS, square * polynomial(square, TAIL))
    inner_low += TWO_THIRDS_LOW
    third, third_low = two_product(square, inner)
    third_low += fma(square, inner_low, square_low * inner)
    cube, cube_low = two_product(s, third)
    cube_low += fma(s, third_low, s_low * third)
    high, low = fast_two_sum(k * LN2_SHORT, 2.0 * s)
    high, small = fast_two_sum(high, cube)
    return fast_two_sum(high, (low + small) + fma(2.0, s_low, cube_low) + k * LN2_REST)


@inlined
def base_of_power(a):
    """|a|, or 1 for 0, whose powers need no logarithm."""
    return 1.0 if a == 0.0 else abs(a)


@inlined
def fast_power(a, b):
    """a**b; a negative base has an integer exponent, 0 one that is not negative."""
    high, low = wide_log(base_of_power(a))
    product, product_low = two_product(b, high)
    value = exp_of_pair(product, fma(b, low, product_low))
    value = 0.0 if (a == 0.0) & (b != 0.0) else value
    odd = abs(fma(-2.0, rounded(0.5 * b), b)) == 1.0
    return double(word(value) | (word(a) & (SIGN_WORD if odd else 0)))


@inlined
def fits_power(a, b):
    # |b log2 a| < 1020, by the exponent of a: the result is a normal number.
    k, _, _ = mantissa(base_of_power(a))
    usual = (abs(a) >= SMALLEST) & (abs(a) <= LARGEST) & ((a > 0.0) | (rounded(b) == b))
    zero = (a == 0.0) & (b >= 0.0)
    return (abs(b) * (abs(k) + 0.5) < 1020.0) & (usual | zero)
