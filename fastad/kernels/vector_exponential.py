"""Exponential and hyperbolic functions for vectorised loops.

Theory of operation. x = k ln 2 + r with |r| <= ln(2) / 2, so e**x = 2**k e**r. The first step of the
reduction is exact, because the fused product is subtracted from a number of nearly its size; the second
leaves the pair (r, low). e**r = 1 + r + r**2 Q(r) with Q a minimax polynomial of degree 9 (relative error
2**-58), summed from the small end. 2**k is added to the exponent of the result.

The hyperbolic functions take e**r apart into cosh r and sinh r, polynomials in r**2, and put
cosh x = A cosh r + B sinh r and sinh x = B cosh r + A sinh r together as pairs, A and B = (2**k +- 2**-k) / 2.
So sinh loses nothing near 0, tanh is one corrected quotient, sech the same with another numerator,
and the two share all but the last steps when a loop needs both.

The polynomials are Remez fits of this project.
"""

from fastad.kernels.vector_parts import (
    EXPONENT,
    SHIFT,
    double,
    fast_two_sum,
    fma,
    inlined,
    polynomial,
    power_of_two,
    quotient,
    two_product,
    with_sign,
    word,
)

LOG2E = 1.4426950408889634
LN2_HIGH, LN2_LOW = 0.6931471805599453, 2.3190468138462996e-17
EXP = (
    2.5117980001777013e-08, 2.763141331659174e-07, 2.755721592961607e-06, 2.480148959211455e-05,
    0.00019841269917793367, 0.001388888894732948, 0.00833333333330702, 0.04166666666651433,
    0.166666666666667, 0.5000000000000013,
)  # fmt: skip
EXP2 = (
    4.457203933079223e-10, 7.073842438002407e-09, 1.0178048010560162e-07, 1.3215434933600376e-06,
    1.525273386253453e-05, 0.00015403530457807892, 0.0013333558146386675, 0.009618129107593593,
    0.05550410866482169, 0.24022650695910133,
)  # fmt: skip
COSH = (
    2.092448473784562e-09, 2.755724164684427e-07, 2.480158736358487e-05, 0.0013888888888863853,
    0.04166666666666671, 0.5,
)  # fmt: skip
SINH = (
    2.5109115058651718e-08, 2.7557244012691003e-06, 0.0001984126988628985, 0.008333333333321582, 0.16666666666666677,
)  # fmt: skip


@inlined
def reduced(x):
    """(k + SHIFT, r, low): x = k ln 2 + r + low."""
    shifted = fma(x, LOG2E, SHIFT)
    k = shifted - SHIFT
    exact = fma(-k, LN2_HIGH, x)
    r = fma(-k, LN2_LOW, exact)
    return shifted, r, fma(-k, LN2_LOW, exact - r)


@inlined
def raised(x, shifted):
    """2**k x, both normal."""
    return double(word(x) + (word(shifted) << EXPONENT))


@inlined
def raised_low(x, shifted, low):
    """2**k x, where `low` says that it may be subnormal."""
    # One rounding: 200 powers of two are held back until the number is complete.
    return raised(x, shifted + (200.0 if low else 0.0)) * (6.223015277861142e-61 if low else 1.0)


@inlined
def fast_exp(x):
    """e**x."""
    shifted, r, low = reduced(max(x, -750.0))
    rest = fma(r * r, polynomial(r, EXP), low)
    return raised_low(1.0 + (r + rest), shifted, x < -700.0)


@inlined
def fits_exp(x):
    return (x >= -1e300) & (x <= 709.78)


@inlined
def exp_parts(x, x_low):
    """(high, low, k + SHIFT): e**(x + x_low) = 2**k (high + low)."""
    shifted, r, low = reduced(x)
    high, small = fast_two_sum(1.0, r)
    bend = r * r * polynomial(r, EXP)
    high, low = fast_two_sum(high, small + fma(low + x_low, high + bend, bend))
    return high, low, shifted


@inlined
def exp_of_pair(x, x_low):
    """e**(x + x_low), a normal number."""
    high, _, shifted = exp_parts(x, x_low)
    return raised(high, shifted)


@inlined
def fast_exp2(x):
    """2**x."""
    bounded = max(x, -1100.0)
    shifted = bounded + SHIFT
    r = bounded - (shifted - SHIFT)
    rest = fma(r, LN2_LOW, r * r * polynomial(r, EXP2))
    return raised_low(1.0 + fma(r, LN2_HIGH, rest), shifted, x < -1000.0)


@inlined
def fits_exp2(x):
    return (x >= -1e300) & (x <= 1023.999)


@inlined
def fast_expm1(x):
    """e**x - 1 = (2**k - 1) + 2**k r + 2**k (e**r - 1 - r)."""
    shifted, r, low = reduced(max(x, -750.0))
    scale = 0.0 if x < -700.0 else power_of_two(shifted)
    high, small = fast_two_sum(scale - 1.0, scale * r)
    rest = small + scale * fma(r * r, polynomial(r, EXP), low)
    return x if x == 0.0 else high + rest


@inlined
def fits_expm1(x):
    return (x >= -1e300) & (x <= 709.0)


@inlined
def hyperbolic(x):
    """(cosh, its low part, sinh, its low part) of |x|, bounded by 708."""
    shifted, r, low = reduced(min(abs(x), 708.0))
    half, half_inverse = 0.5 * power_of_two(shifted), 0.5 * power_of_two(SHIFT - (shifted - SHIFT))
    a, a_low = fast_two_sum(half, half_inverse)
    b, b_low = fast_two_sum(half, -half_inverse)
    square = r * r
    c = square * polynomial(square, COSH)
    s = fma(square * r, polynomial(square, SINH), low)
    product, product_low = two_product(b, r)
    cosh, cosh_low = fast_two_sum(a, product)
    cosh_low += a_low + (fma(b_low, r, product_low) + fma(a, c, b * s))
    product, product_low = two_product(a, r)
    sinh, sinh_low = fast_two_sum(b, product)
    sinh_low += b_low + (fma(a_low, r, product_low) + fma(b, c, a * s))
    cosh, cosh_low = fast_two_sum(cosh, cosh_low)
    sinh, sinh_low = fast_two_sum(sinh, sinh_low)
    return cosh, cosh_low, sinh, sinh_low


@inlined
def fast_cosh(x):
    """The hyperbolic cosine."""
    cosh, _, _, _ = hyperbolic(x)
    return cosh


@inlined
def fits_cosh(x):
    return abs(x) <= 708.0


fits_sinh = fits_sech = fits_cosh


@inlined
def fast_sinh(x):
    """The hyperbolic sine."""
    _, _, sinh, _ = hyperbolic(x)
    return with_sign(sinh, x)


@inlined
def fast_tanh(x):
    """The hyperbolic tangent."""
    cosh, cosh_low, sinh, sinh_low = hyperbolic(x)
    high, low = quotient(sinh, sinh_low, cosh, cosh_low)
    return with_sign(high + low, x)


@inlined
def fits_tanh(x):
    return abs(x) <= 1e300


@inlined
def fast_sech(x):
    """1 / cosh x."""
    cosh, cosh_low, _, _ = hyperbolic(x)
    inverse = 1.0 / cosh
    return fma(inverse, fma(-inverse, cosh, 1.0) - inverse * cosh_low, inverse)
