"""Raw pointers for kernels: no bounds, no negative indices, no reference counts, one view of any type.

`code` (the packed program) and `work` (the workspace) enter a compiled call as arrays and travel inside
as pointers; everything else is an offset. Dispatch kernels are called by the address that stands in
the program's header, so that each is compiled and cached once, apart from the sweeps.
"""

from llvmlite import ir
from llvmlite.binding import get_default_triple
from numba import njit, types
from numba.core.cgutils import get_or_insert_function
from numba.extending import intrinsic

from fastad.kernels.layout import FIRST_SLOPE, OF_SLOPES

DOUBLES, WORDS = types.CPointer(types.float64), types.CPointer(types.int64)
BYTES, INDICES, TABLE = types.CPointer(types.uint8), types.CPointer(types.uint32), types.CPointer(types.int32)
_I64, _DOUBLE = ir.IntType(64), ir.DoubleType()


def _cast(target):
    """An intrinsic that reads a pointer as a pointer to another type."""

    def typed(typing_context, pointer):
        def codegen(context, builder, signature, arguments):
            return builder.bitcast(arguments[0], context.get_value_type(target))

        return target(pointer), codegen

    return typed


@intrinsic
def pointer(typing_context, array):
    """The address of an array's data."""
    target = types.CPointer(array.dtype)

    def codegen(context, builder, signature, arguments):
        return context.make_array(array)(context, builder, arguments[0]).data

    return target(array), codegen


@intrinsic
def shifted(typing_context, base, count):
    """The pointer `count` elements on."""

    def codegen(context, builder, signature, arguments):
        return builder.gep(arguments[0], [arguments[1]])

    return base(base, types.int64), codegen


@intrinsic
def doubles(typing_context, base):
    """A pointer read as one to float64."""
    return _cast(DOUBLES)(typing_context, base)


@intrinsic
def byte_codes(typing_context, base):
    """A pointer read as one to unsigned bytes."""
    return _cast(BYTES)(typing_context, base)


@intrinsic
def indices(typing_context, base):
    """A pointer read as one to unsigned 32-bit slots."""
    return _cast(INDICES)(typing_context, base)


@intrinsic
def table(typing_context, base):
    """A pointer read as one to 32-bit indices."""
    return _cast(TABLE)(typing_context, base)


@intrinsic
def integers(typing_context, base):
    """A pointer read as one to 64-bit integers."""
    return _cast(WORDS)(typing_context, base)


@intrinsic
def distance(typing_context, there, here):
    """How many elements `there` lies behind `here`, whatever arrays they point into."""

    def codegen(context, builder, signature, arguments):
        there, here = (builder.ptrtoint(argument, _I64) for argument in arguments)
        return builder.sdiv(builder.sub(there, here), ir.Constant(_I64, 8))

    return types.int64(there, here), codegen


def _call(argument_types):
    """Code generation of a call by address (the first argument)."""

    def codegen(context, builder, signature, arguments):
        kinds = [context.get_value_type(kind) for kind in argument_types]
        function = ir.FunctionType(ir.VoidType(), kinds).as_pointer()
        builder.call(builder.inttoptr(arguments[0], function), arguments[1:])
        return context.get_dummy_value()

    return types.none(types.int64, *argument_types), codegen


SCALAR_ARGUMENTS = (BYTES, INDICES, INDICES, types.int64, types.int64, types.int64, DOUBLES, DOUBLES)
BLOCK_ARGUMENTS = (types.int64, DOUBLES, *(types.int64,) * 8)
ADJOINT_ARGUMENTS = (*BLOCK_ARGUMENTS, types.int64, types.int64)
TASK_ARGUMENTS = (types.int64, types.int64, WORDS, DOUBLES, types.int64, DOUBLES, DOUBLES)
OUTSIDE_ARGUMENTS = (*(types.int64,) * 4, DOUBLES, WORDS, *(types.int64,) * 8)
CHUNK_ARGUMENTS = (WORDS, DOUBLES, WORDS, *(types.int64,) * 4)
ROW_ARGUMENTS = (WORDS, DOUBLES, *(types.int64,) * 5)
GATHER_ARGUMENTS = (WORDS, DOUBLES, *(types.int64,) * 6)


@intrinsic
def call_scalar(typing_context, address, opcode, left, right, start, stop, first, values, target):
    """Run a dispatch kernel of the scalar stream."""
    return _call(SCALAR_ARGUMENTS)


@intrinsic
def call_block(typing_context, address, op, work, x, y, w, z, n, first, second, third):
    """Run a dispatch kernel of the block stream."""
    return _call(BLOCK_ARGUMENTS)


@njit(error_model="numpy", nogil=True, no_cpython_wrapper=True, no_cfunc_wrapper=True)
def kernel_for(code, which, op):
    """The address of the dispatch kernel of a block of some opcode."""
    return code[which + OF_SLOPES] if op >= FIRST_SLOPE else code[which]


@intrinsic
def call_adjoint(typing_context, address, op, work, x, y, w, z, n, first, second, third, g, at_once):
    """Run the dispatch kernel that adds to the adjoints of the operands."""
    return _call(ADJOINT_ARGUMENTS)


@intrinsic
def words_at(typing_context, address):
    """The integers at an address."""

    def codegen(context, builder, signature, arguments):
        return builder.inttoptr(arguments[0], context.get_value_type(WORDS))

    return WORDS(types.int64), codegen


@intrinsic
def call_perform(typing_context, address, task, lanes, code, work, size, source, target):
    """Carry out a task."""
    return _call(TASK_ARGUMENTS)


@intrinsic
def call_chunk(typing_context, address, code, work, env, row, steps, chunk, scratch):
    """Run a group's list of steps on one chunk."""
    return _call(CHUNK_ARGUMENTS)


@intrinsic
def call_rows(typing_context, address, code, work, row, lanes, target, scratch, room):
    """Tangents or adjoints of a block instruction."""
    return _call(ROW_ARGUMENTS)


@intrinsic
def call_gather(typing_context, address, code, work, at, low, size, lanes, source, buffer):
    """Read the elements of an operand into a buffer, or add a buffer to them."""
    return _call(GATHER_ARGUMENTS)


@intrinsic
def call_outside(typing_context, address, handle, task, active, lanes, work, failed, x0, x1, x2, y, a0, a1, a2, b):
    """Carry out a task of a call: offsets of its operands, its results, and the other arrays of the task."""
    return _call(OUTSIDE_ARGUMENTS)


# --- threads ----------------------------------------------------------------------------------------
@intrinsic
def atomic_load(typing_context, place):
    """The integer at a place, as the last thread left it."""

    def codegen(context, builder, signature, arguments):
        return builder.load_atomic(arguments[0], "seq_cst", 8)

    return types.int64(place), codegen


@intrinsic
def atomic_store(typing_context, place, value):
    """Write an integer so that other threads see it, and all that was written before."""

    def codegen(context, builder, signature, arguments):
        place, value = arguments
        builder.store_atomic(context.cast(builder, value, signature.args[1], types.int64), place, "seq_cst", 8)
        return context.get_dummy_value()

    return types.none(place, value), codegen


@intrinsic
def atomic_add(typing_context, place, value):
    """Add to an integer that other threads add to as well; returns what it was."""

    def codegen(context, builder, signature, arguments):
        place, value = arguments
        value = context.cast(builder, value, signature.args[1], types.int64)
        return builder.atomic_rmw("add", place, value, "seq_cst")

    return types.int64(place, value), codegen


@intrinsic
def atomic_exchange(typing_context, place, expected, value):
    """Write `value` if the place holds `expected`; whether it did."""

    def codegen(context, builder, signature, arguments):
        place, expected, value = arguments
        return builder.extract_value(builder.cmpxchg(place, expected, value, "seq_cst", "seq_cst"), 1)

    return types.boolean(place, types.int64, types.int64), codegen


@intrinsic
def pause(typing_context):
    """Tell the processor that this is a loop of waiting."""

    def codegen(context, builder, signature, arguments):
        if get_default_triple().startswith(("x86", "i686")):
            function = ir.FunctionType(ir.VoidType(), [])
            builder.call(get_or_insert_function(builder.module, function, "llvm.x86.sse2.pause"), [])
        return context.get_dummy_value()

    return types.none(), codegen
