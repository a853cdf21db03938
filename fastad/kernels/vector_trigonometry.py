"""Sine, cosine and tangent for vectorised loops.

Theory of operation. x = k pi / 2 + r (Cody and Waite, with a fused product). pi / 2 is the sum of three
parts. The product of k with the first is subtracted exactly, because the difference is smaller than the
first part and no finer than its last bit. The second part has 33 bits, so its product with k < 2**20 is exact
and the difference travels as a pair. The third is within 2**-140, and no double below 2**20 is so close
to a multiple of pi / 2 that more would show.

sin r and cos r are fdlibm's polynomials (k_sin.c, k_cos.c) with its corrections for the low part of r;
the two low bits of k choose between them and set the sign.
"""

from fastad.kernels.vector_parts import (
    SHIFT,
    double,
    fast_two_sum,
    fma,
    inlined,
    polynomial,
    quotient,
    two_sum,
    word,
)

TWO_OVER_PI = 0.6366197723675814
PIO2_1, PIO2_2, PIO2_3 = 1.5707963267948966, 6.12323399538461e-17, 3.5215598651832e-27
SIN = (
    1.58969099521155010221e-10, -2.50507602534068634195e-08, 2.75573137070700676789e-06,
    -1.98412698298579493134e-04, 8.33333333332248946124e-03,
)  # fmt: skip
SIN_CUBE = -1.66666666666666324348e-01
COS = (
    -1.13596475577881948265e-11, 2.08757232129817482790e-09, -2.75573143513906633035e-07,
    2.48015872894767294178e-05, -1.38888888888741095749e-03, 4.16666666666666019037e-02,
)  # fmt: skip


@inlined
def reduced(x):
    """(k + SHIFT, r, low): x = k pi / 2 + r + low."""
    shifted = fma(x, TWO_OVER_PI, SHIFT)
    k = shifted - SHIFT
    high, low = two_sum(fma(-k, PIO2_1, x), -(k * PIO2_2))
    r, low = fast_two_sum(high, fma(-k, PIO2_3, low))
    return shifted, r, low


@inlined
def sine(r, low):
    """sin(r + low) - r."""
    square = r * r
    return fma(square * r, fma(square, polynomial(square, SIN), SIN_CUBE), fma(-0.5 * square, low, low))


@inlined
def cosine(r, low):
    """cos(r + low) as a pair."""
    square = r * r
    high, small = fast_two_sum(1.0, -0.5 * square)
    return high, small + fma(square * square, polynomial(square, COS), -r * low)


@inlined
def turned(s, c, quadrant):
    """sin of the angle in the quadrant whose number has the low bits of `quadrant`."""
    chosen = c if quadrant & 1 else s
    return double(word(chosen) ^ ((quadrant & 2) << 62))


@inlined
def fast_sin(x):
    """The sine."""
    shifted, r, low = reduced(x)
    cos_high, cos_low = cosine(r, low)
    value = turned(r + sine(r, low), cos_high + cos_low, word(shifted))
    return x if x == 0.0 else value


@inlined
def fits_sin(x):
    return abs(x) <= 1e6


fits_cos = fits_tan = fits_sin


@inlined
def fast_cos(x):
    """The cosine."""
    shifted, r, low = reduced(x)
    cos_high, cos_low = cosine(r, low)
    return turned(r + sine(r, low), cos_high + cos_low, word(shifted) + 1)


@inlined
def fast_tan(x):
    """The tangent: sin / cos, or -cos / sin where k is odd."""
    shifted, r, low = reduced(x)
    cos_high, cos_low = cosine(r, low)
    cos_high, cos_low = fast_two_sum(cos_high, cos_low)
    sin_high, sin_low = fast_two_sum(r, sine(r, low))
    odd = (word(shifted) & 1) != 0
    above, above_low = cos_high if odd else sin_high, cos_low if odd else sin_low
    below, below_low = -sin_high if odd else cos_high, -sin_low if odd else cos_low
    high, low = quotient(above, above_low, below, below_low)
    return x if x == 0.0 else high + low
