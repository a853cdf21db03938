"""The parts of which the vectorisable elementary functions are made.

Theory of operation. LLVM vectorises a loop only if everything in it is inlined and free of branches.
`inlined` makes both happen: LLVM's `alwaysinline` inlines late, so that Numba types each function once
and not once a call, and the conditional expressions, whose sides cost nothing and cannot fail, become
selects. Integers and doubles trade bits through `word` and `double`, and rounding to an integer is done
by adding 1.5 * 2**52 (`SHIFT`): the integer then stands in the low bits of the sum, and no conversion is
needed, which AVX2 lacks for 64-bit integers.

Nothing here may be contracted or reordered: a fused multiplication is written as `fma`, so that the
error-free sums and products hold and a value does not depend on the kernel that it is computed in.
Where a result needs more than 53 bits on the way, it travels as a pair: `high`, the rounded number, and
`low`, what is missing.
"""

import functools

from llvmlite import ir
from numba import njit, types
from numba.extending import intrinsic

# Nothing calls these by address; every wrapper left out is time saved when kernels are compiled.
inlined = njit(forceinline=True, error_model="numpy", no_cfunc_wrapper=True)

SHIFT = 6755399441055744.0  # 1.5 * 2**52
SHIFT_WORD = 0x4338000000000000
ONE_WORD = 0x3FF0000000000000
SIGN_WORD = -(2**63)
EXPONENT = 52  # the place of the exponent in the word of a double


@intrinsic
def fma(typing_context, a, b, c):
    """a * b + c, rounded once."""

    def codegen(context, builder, signature, arguments):
        return builder.fma(*arguments)

    return types.float64(types.float64, types.float64, types.float64), codegen


@intrinsic
def polynomial(typing_context, x, coefficients):
    """The polynomial with the given tuple of coefficients, the one of the highest power first."""

    def codegen(context, builder, signature, arguments):
        x, values = arguments
        terms = [builder.extract_value(values, place) for place in range(len(coefficients))]

        def horner(argument, terms):
            return functools.reduce(lambda value, term: builder.fma(value, argument, term), terms)

        if len(terms) < 7:
            return horner(x, terms)
        # Even and odd powers apart: two chains of half the length hide each other's latency.
        square = builder.fmul(x, x)
        return builder.fma(horner(square, terms[-2::-2][::-1]), x, horner(square, terms[::-2][::-1]))

    return types.float64(types.float64, coefficients), codegen


@intrinsic
def word(typing_context, x):
    """The bits of a double as an integer."""

    def codegen(context, builder, signature, arguments):
        return builder.bitcast(arguments[0], ir.IntType(64))

    return types.int64(types.float64), codegen


@intrinsic
def double(typing_context, bits):
    """The double that has the given bits."""

    def codegen(context, builder, signature, arguments):
        return builder.bitcast(arguments[0], ir.DoubleType())

    return types.float64(types.int64), codegen


@inlined
def rounded(x):
    """The nearest integer, ties to even; |x| < 2**51."""
    return (x + SHIFT) - SHIFT


@inlined
def with_sign(magnitude, x):
    """A number that is not negative, with the sign of x."""
    return double(word(magnitude) | (word(x) & SIGN_WORD))


@inlined
def power_of_two(shifted):
    """2**k, normal, of k + SHIFT."""
    return double(ONE_WORD + (word(shifted) << EXPONENT))


@inlined
def two_sum(a, b):
    """a + b as a pair."""
    high = a + b
    rest = high - a
    return high, (a - (high - rest)) + (b - rest)


@inlined
def fast_two_sum(a, b):
    """a + b as a pair; |a| >= |b|, or a = 0."""
    high = a + b
    return high, (a - high) + b


@inlined
def two_product(a, b):
    """a * b as a pair."""
    high = a * b
    return high, fma(a, b, -high)


@inlined
def quotient(a, a_low, b, b_low):
    """The quotient of two pairs as a pair."""
    inverse = 1.0 / b
    high = a * inverse
    return high, inverse * ((fma(-high, b, a) + a_low) - high * b_low)
