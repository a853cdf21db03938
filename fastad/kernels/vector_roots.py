"""Hypotenuse and cube root for vectorised loops.

Theory of operation. The hypotenuse sums the squares as a pair and takes the root of the rounded sum.
The cube root takes out 2**(3 n), n rounded from a third of the exponent, which leaves m between 0.35 and 2.83.
A polynomial guesses m**(-1/3) to 2**-9.6, a step of fourth order improves that to 2**-34, and one
last step corrects the cube root itself by the exact difference of its cube from m. No division is needed.
"""

import math

from fastad.kernels.vector_logarithm import LARGEST, SMALLEST, mantissa
from fastad.kernels.vector_parts import (
    SHIFT,
    fast_two_sum,
    fma,
    inlined,
    polynomial,
    power_of_two,
    two_product,
    with_sign,
)

# A Remez fit of this project.
INVERSE_ROOT = (
    0.024551261219246855, -0.26842947525999905, 1.1972512575995866, -2.815200638430656, 3.789005398828614,
    -3.0517513068483533, 2.124871929482096,
)  # fmt: skip
CORRECTION = (0.1728395061728395, 0.2222222222222222, 0.3333333333333333)  # ((1 - e)**(-1/3) - 1) / e


@inlined
def fast_hypot(x, y):
    """sqrt(x**2 + y**2)."""
    large, large_low = two_product(max(abs(x), abs(y)), max(abs(x), abs(y)))
    small, small_low = two_product(min(abs(x), abs(y)), min(abs(x), abs(y)))
    total, low = fast_two_sum(large, small)
    return math.sqrt(total + (low + (large_low + small_low)))


@inlined
def fits_hypot(x, y):
    both = abs(x) + abs(y)
    return (both <= 1e150) & ((both >= 1e-130) | (both == 0.0))


@inlined
def fast_cbrt(x):
    """The cube root."""
    k, _, f = mantissa(abs(x))
    shifted = fma(k, 0.3333333333333333, SHIFT)
    third = shifted - SHIFT
    m = (1.0 + f) * power_of_two(SHIFT + fma(-3.0, third, k))
    inverse = polynomial(m, INVERSE_ROOT)
    error = fma(-m * inverse, inverse * inverse, 1.0)
    inverse = fma(inverse * error, polynomial(error, CORRECTION), inverse)
    square = inverse * inverse
    root = m * square
    power, power_low = two_product(root, root)
    missing = fma(-power, root, m) - power_low * root
    root = fma(square * 0.3333333333333333, missing, root)
    return x if x == 0.0 else with_sign(root * power_of_two(shifted), x)


@inlined
def fits_cbrt(x):
    return ((abs(x) >= SMALLEST) & (abs(x) <= LARGEST)) | (x == 0.0)
