"""What `kernels/pointers.py` has not: memory, the place of the stack, and entering a room by address."""

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from fastad.kernels.pointers import DOUBLES

ENTER_ARGUMENTS = (types.int64, DOUBLES, DOUBLES, DOUBLES, DOUBLES)
_I64 = ir.IntType(64)


def _call(result, argument_types):
    """Code generation of a call by address (the first argument) that returns something."""

    def codegen(context, builder, signature, arguments):
        kinds = [context.get_value_type(kind) for kind in argument_types]
        function = ir.FunctionType(context.get_value_type(result), kinds).as_pointer()
        return builder.call(builder.inttoptr(arguments[0], function), arguments[1:])

    return result(types.int64, *argument_types), codegen


@intrinsic
def call_malloc(typing_context, address, size):
    """The address of so many bytes, or 0."""
    return _call(types.int64, (types.int64,))


@intrinsic
def call_free(typing_context, address, memory):
    """Give memory back."""

    def codegen(context, builder, signature, arguments):
        function = ir.FunctionType(ir.VoidType(), [_I64]).as_pointer()
        builder.call(builder.inttoptr(arguments[0], function), arguments[1:])
        return context.get_dummy_value()

    return types.none(types.int64, types.int64), codegen


@intrinsic
def call_enter(typing_context, address, room, x, seed, out, derivative):
    """Run `tape_entry.enter`."""
    return _call(types.int64, ENTER_ARGUMENTS)


@intrinsic
def stack_address(typing_context):
    """About where the stack of this thread stands."""

    def codegen(context, builder, signature, arguments):
        return builder.ptrtoint(cgutils.alloca_once(builder, _I64), _I64)

    return types.int64(), codegen


@intrinsic
def stack_numbers(typing_context):
    """Two numbers on the stack."""

    def codegen(context, builder, signature, arguments):
        return cgutils.alloca_once(builder, ir.DoubleType(), 2)

    return DOUBLES(), codegen


@intrinsic
def call_state(typing_context, address):
    """A C function without arguments that returns an address."""
    return _call(types.int64, ())


@intrinsic
def call_flag(typing_context, address):
    """A C function without arguments that returns an int."""
    return _call(types.int32, ())


@intrinsic
def call_heard(typing_context, address, room):
    """Run `tape_entry.heard`."""
    return _call(types.int64, (types.int64,))
