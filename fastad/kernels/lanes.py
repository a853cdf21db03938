"""Arithmetic on the lanes of places: LANES consecutive numbers of the workspace by one instruction or a few.

LLVM's vectors are asked for by name, so that nothing is left to a vectoriser, which would look for overlaps at each
of these short stretches. All loads of an operation come before its store: operands and result may be one place.
"""

from collections.abc import Callable

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from fastad.kernels.layout import LANES

_VECTOR = ir.VectorType(ir.DoubleType(), LANES)
_ZEROS = ir.Constant(_VECTOR, [ir.Constant(ir.DoubleType(), 0.0)] * LANES)
_TWOS = ir.Constant(_VECTOR, [ir.Constant(ir.DoubleType(), 2.0)] * LANES)


def _place(builder, work, offset):
    return builder.bitcast(builder.gep(work, [offset]), _VECTOR.as_pointer())


def _load(builder, work, offset):
    return builder.load(_place(builder, work, offset), align=8)


def _store(builder, work, offset, value):
    builder.store(value, _place(builder, work, offset), align=8)


def _product(builder, d, g):
    """d * g, where a factor that is exactly 0 gives exactly 0."""
    zero = builder.or_(builder.fcmp_ordered("==", d, _ZEROS), builder.fcmp_ordered("==", g, _ZEROS))
    return builder.select(zero, _ZEROS, builder.fmul(d, g))


def _operation(compute: Callable):
    """Code generation of target = compute(the operands at the other offsets); the target is the last of them."""

    def codegen(context, builder, signature, arguments):
        work, *operands, target = arguments
        values = [_load(builder, work, offset) for offset in operands]
        _store(builder, work, target, compute(builder, work, target, *values))
        return context.get_dummy_value()

    return codegen


def _two(compute: Callable):
    return types.none(types.CPointer(types.float64), types.int64, types.int64), _operation(compute)


def _three(compute: Callable):
    return types.none(types.CPointer(types.float64), *(types.int64,) * 3), _operation(compute)


# --- values -----------------------------------------------------------------------------------------
@intrinsic
def lanes_add(typing_context, work, x, y, z):
    """z = x + y"""
    return _three(lambda builder, work, target, a, b: builder.fadd(a, b))


@intrinsic
def lanes_subtract(typing_context, work, x, y, z):
    """z = x - y"""
    return _three(lambda builder, work, target, a, b: builder.fsub(a, b))


@intrinsic
def lanes_multiply(typing_context, work, x, y, z):
    """z = x * y"""
    return _three(lambda builder, work, target, a, b: builder.fmul(a, b))


@intrinsic
def lanes_divide(typing_context, work, x, y, z):
    """z = x / y"""
    return _three(lambda builder, work, target, a, b: builder.fdiv(a, b))


@intrinsic
def lanes_negative(typing_context, work, x, z):
    """z = -x"""
    return _two(lambda builder, work, target, a: builder.fneg(a))


@intrinsic
def lanes_multiply_add(typing_context, work, x, y, z):
    """z += x * y, rounded twice"""

    def compute(builder, work, target, a, b):
        return builder.fadd(_load(builder, work, target), builder.fmul(a, b))

    return _three(compute)


# --- adjoints ---------------------------------------------------------------------------------------
@intrinsic
def lanes_copy(typing_context, work, x, z):
    """z = x"""
    return _two(lambda builder, work, target, a: a)


@intrinsic
def lanes_plus(typing_context, work, x, z):
    """z += x"""
    return _two(lambda builder, work, target, a: builder.fadd(_load(builder, work, target), a))


@intrinsic
def lanes_minus(typing_context, work, x, z):
    """z -= x"""
    return _two(lambda builder, work, target, a: builder.fsub(_load(builder, work, target), a))


@intrinsic
def lanes_scale(typing_context, work, d, g, z):
    """z = d * g, zeros absolute"""
    return _three(lambda builder, work, target, d, g: _product(builder, d, g))


@intrinsic
def lanes_plus_scaled(typing_context, work, d, g, z):
    """z += d * g, zeros absolute"""

    def compute(builder, work, target, d, g):
        return builder.fadd(_load(builder, work, target), _product(builder, d, g))

    return _three(compute)


@intrinsic
def lanes_scale_twice(typing_context, work, d, g, z):
    """z = 2 d * g, zeros absolute"""
    return _three(lambda builder, work, target, d, g: _product(builder, builder.fmul(_TWOS, d), g))


@intrinsic
def lanes_plus_scaled_twice(typing_context, work, d, g, z):
    """z += 2 d * g, zeros absolute"""

    def compute(builder, work, target, d, g):
        return builder.fadd(_load(builder, work, target), _product(builder, builder.fmul(_TWOS, d), g))

    return _three(compute)
