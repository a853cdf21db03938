"""Inverse trigonometric and hyperbolic functions for vectorised loops.

Theory of operation. An arc tangent is taken of a quotient above / below in [0, 1]; beyond tan(pi / 8) the angle
is pi / 4 and the arc tangent of (above - below) / (above + below). The quotient is a pair, so one division costs
no accuracy. The remaining octants only count multiples of pi / 4 and turn a sign. Arc sine and arc cosine
use the series up to 1/2 and, beyond, 2 arcsin(sqrt((1 - |x|) / 2)), the root being corrected; again
multiples of pi / 4 are added. The polynomials, in the square, are Remez fits of this project.

The inverse hyperbolic functions are logarithms of a pair: |x| + sqrt(x**2 + 1), x + sqrt(x**2 - 1) and
(1 + |x|) / (1 - |x|). A pair is good to 2**-104, so even at |x| = 2**-28, where the argument is
hardly more than 1, nothing is lost; below, x is the answer.
"""

import math

from fastad.kernels.vector_logarithm import log_of_pair
from fastad.kernels.vector_parts import (
    fast_two_sum,
    fma,
    inlined,
    polynomial,
    quotient,
    two_product,
    two_sum,
    with_sign,
)

# pi / 4 with 50 bits in the high part: its multiples up to pi are exact.
QUARTER, QUARTER_LOW = 0.7853981633974483, 3.061616997868383e-17
TAN_EIGHTH = 0.41421356237309503
ARCTAN = (
    -0.01798689909334547, 0.03814224415062011, -0.0504258535962145, 0.05848675317806089, -0.06663221549824136,
    0.07692071566456879, -0.09090898467354325, 0.11111110811375188, -0.14285714280843892, 0.1999999999996133,
    -0.3333333333333323,
)  # fmt: skip
ARCSIN = (
    0.03248713936010435, -0.02075972380660798, 0.02152765558342357, 0.0037854094603274276, 0.010757743504028049,
    0.011403268561815375, 0.01398023746572424, 0.017351665912268596, 0.022372211612133104, 0.03038194284530366,
    0.0446428571712266, 0.07499999999975178, 0.16666666666666738,
)  # fmt: skip
LINEAR = 2.0**-28  # up to here, the odd functions are x in double precision


@inlined
def angle(above, below):
    """(octants, high, low): arctan(above / below) = octants * pi / 4 + high + low; 0 <= above <= below."""
    steep = above > TAN_EIGHTH * below
    difference, difference_low = fast_two_sum(-below, above)
    total, total_low = fast_two_sum(below, above)
    tangent, low = quotient(
        difference if steep else above, difference_low if steep else 0.0,
        total if steep else below, total_low if steep else 0.0,
    )  # fmt: skip
    square = tangent * tangent
    rest = fma(tangent * square, polynomial(square, ARCTAN), fma(-square, low, low))
    return 1.0 if steep else 0.0, tangent, rest


@inlined
def joined(octants, factor, high, low):
    """octants * pi / 4 + factor * (high + low)."""
    value, rest = fast_two_sum(octants * QUARTER, factor * high)
    return value + (rest + fma(factor, low, octants * QUARTER_LOW))


@inlined
def fast_arctan(x):
    """The arc tangent."""
    size = abs(x)
    octants, high, low = angle(min(size, 1.0), max(size, 1.0))
    over = size > 1.0
    return with_sign(joined(2.0 - octants if over else octants, -1.0 if over else 1.0, high, low), x)


@inlined
def fits_arctan(x):
    return abs(x) <= 1e300


@inlined
def fast_arctan2(y, x):
    """The angle of the point (x, y)."""
    height, width = abs(y), abs(x)
    octants, high, low = angle(min(height, width), max(height, width))
    over, behind = height > width, x < 0.0
    octants = 2.0 - octants if over else octants
    octants = 4.0 - octants if behind else octants
    return with_sign(joined(octants, -1.0 if over ^ behind else 1.0, high, low), y)


@inlined
def fits_arctan2(y, x):
    small, both = min(abs(x), abs(y)), abs(x) + abs(y)
    return (both <= 1e150) & (both >= 1e-150) & ((small >= 1e-150) | (small == 0.0))


@inlined
def arc(x):
    """(whether |x| > 1/2, high, low): the arc sine of |x|, or of sqrt((1 - |x|) / 2)."""
    size = abs(x)
    far = size > 0.5
    square = 0.5 - 0.5 * size if far else size * size
    root = math.sqrt(square) if far else size
    missing = fma(-root, root, square) / max(2.0 * root, 1e-300) if far else 0.0
    return far, root, fma(root * square, polynomial(square, ARCSIN), fma(0.5 * square, missing, missing))


@inlined
def fast_arcsin(x):
    """The arc sine."""
    far, high, low = arc(x)
    return with_sign(joined(2.0 if far else 0.0, -2.0 if far else 1.0, high, low), x)


@inlined
def fits_arcsin(x):
    return abs(x) <= 1.0


fits_arccos = fits_arcsin


@inlined
def fast_arccos(x):
    """The arc cosine."""
    far, high, low = arc(x)
    left = x < 0.0
    octants = (4.0 if left else 0.0) if far else 2.0
    factor = (2.0 if far else -1.0) * (-1.0 if left else 1.0)
    return joined(octants, factor, high, low)


@inlined
def log_with_root(x, square, square_low):
    """log(x + sqrt(square)) for a square that is a pair; the root is the larger, or x >= 1."""
    root = math.sqrt(square)
    missing = (fma(-root, root, square) + square_low) * (0.5 / max(root, 1e-300))
    u, u_low = two_sum(x, root)
    u, u_low = fast_two_sum(u, u_low + missing)
    return log_of_pair(u, u_low)


@inlined
def fast_arcsinh(x):
    """The inverse hyperbolic sine."""
    size = abs(x)
    square, square_low = two_product(size, size)
    total, total_low = two_sum(1.0, square)
    total, total_low = fast_two_sum(total, total_low + square_low)
    value = with_sign(log_with_root(size, total, total_low), x)
    return x if size < LINEAR else value


@inlined
def fits_arcsinh(x):
    return abs(x) <= 1e150


@inlined
def fast_arccosh(x):
    """The inverse hyperbolic cosine."""
    square, square_low = two_product(x, x)
    total, total_low = fast_two_sum(square, -1.0)
    total, total_low = fast_two_sum(total, total_low + square_low)
    return log_with_root(x, total, total_low)


@inlined
def fits_arccosh(x):
    return (x >= 1.0) & (x <= 1e150)


@inlined
def fast_arctanh(x):
    """The inverse hyperbolic tangent."""
    size = abs(x)
    above, above_low = fast_two_sum(1.0, size)
    below, below_low = fast_two_sum(1.0, -size)
    ratio, ratio_low = quotient(above, above_low, below, below_low)
    ratio, ratio_low = fast_two_sum(ratio, ratio_low)
    value = with_sign(0.5 * log_of_pair(ratio, ratio_low), x)
    return x if size < LINEAR else value


@inlined
def fits_arctanh(x):
    return abs(x) < 1.0
