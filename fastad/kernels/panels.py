"""Products of narrow matrices, which BLAS does at a fraction of the processor's speed: 16 columns at a time.

Theory of operation. Four rows of the result are four vectors of PANEL numbers that stay in registers while k runs:
row i of the result += x[i, k] times row k of y. A row of y is read PANEL numbers wide even where it is narrower:
what lies behind it only reaches columns of the vectors that are not stored. Vectors are asked for by name, as in
`lanes`. The last rows are computed along with some before them if their number is no multiple of four.
"""

from llvmlite import ir
from numba import njit, types
from numba.core.cgutils import get_or_insert_function
from numba.extending import intrinsic

kernel = njit(error_model="numpy", nogil=True, no_cpython_wrapper=True, no_cfunc_wrapper=True)

PANEL = 16  # columns
ROWS = 4
_I64, _DOUBLE = ir.IntType(64), ir.DoubleType()
_VECTOR = ir.VectorType(_DOUBLE, PANEL)
_INDICES = ir.VectorType(_I64, PANEL)
_MASK = ir.VectorType(ir.IntType(1), PANEL)
_FIRST = ir.Constant(ir.VectorType(ir.IntType(32), PANEL), [0] * PANEL)


def _repeated(builder, number, vector):
    """A number in all places of a vector."""
    undefined = ir.Constant(vector, ir.Undefined)
    one = builder.insert_element(undefined, number, ir.Constant(ir.IntType(32), 0))
    return builder.shuffle_vector(one, undefined, _FIRST)


def _vector_at(builder, work, offset):
    return builder.bitcast(builder.gep(work, [offset]), _VECTOR.as_pointer())


def _sums(builder, work, x, x_row, x_step, y, y_step, count):
    """The four vectors: a loop over k, of which there is at least one."""
    before, loop = builder.block, builder.append_basic_block("panel")
    after = builder.append_basic_block("panel.end")
    zero = ir.Constant(_VECTOR, [ir.Constant(_DOUBLE, 0.0)] * PANEL)
    fused = get_or_insert_function(builder.module, ir.FunctionType(_VECTOR, [_VECTOR] * 3), f"llvm.fmuladd.v{PANEL}f64")
    builder.branch(loop)
    builder.position_at_end(loop)
    k, at_x, at_y = (builder.phi(_I64) for _ in range(3))
    sums = [builder.phi(_VECTOR) for _ in range(ROWS)]
    row = builder.load(_vector_at(builder, work, at_y), align=8)
    place, totals = at_x, []
    for total in sums:
        factor = _repeated(builder, builder.load(builder.gep(work, [place])), _VECTOR)
        totals.append(builder.call(fused, [factor, row, total]))
        place = builder.add(place, x_row)
    following = builder.add(k, ir.Constant(_I64, 1))
    steps = [(k, ir.Constant(_I64, 0), following)]
    steps += [(at_x, x, builder.add(at_x, x_step)), (at_y, y, builder.add(at_y, y_step))]
    steps += [(phi, zero, total) for phi, total in zip(sums, totals, strict=True)]
    for phi, first, then in steps:
        phi.add_incoming(first, before)
        phi.add_incoming(then, loop)
    builder.cbranch(builder.icmp_signed("<", following, count), loop, after)
    builder.position_at_end(after)
    return totals


def _store_some(builder, total, work, out, width):
    """The first `width` numbers of a vector."""
    mask = builder.icmp_signed("<", ir.Constant(_INDICES, list(range(PANEL))), _repeated(builder, width, _INDICES))
    kinds = [_VECTOR, _VECTOR.as_pointer(), ir.IntType(32), _MASK]
    store = get_or_insert_function(
        builder.module, ir.FunctionType(ir.VoidType(), kinds), f"llvm.masked.store.v{PANEL}f64.p0"
    )
    builder.call(store, [total, _vector_at(builder, work, out), ir.Constant(ir.IntType(32), 8), mask])


@intrinsic
def fill_row(typing_context, work, out, number, width):
    """out (width,) = number, at most PANEL times."""

    def codegen(context, builder, signature, arguments):
        work, out, number, width = arguments
        _store_some(builder, _repeated(builder, number, _VECTOR), work, out, width)
        return context.get_dummy_value()

    return types.none(types.CPointer(types.float64), types.int64, types.float64, types.int64), codegen


@intrinsic
def four_rows(typing_context, work, x, x_row, x_step, y, y_step, count, out, width):
    """out (4, width) = sum over k < count of x[i * x_row + k * x_step] times y[k * y_step + j]."""

    def codegen(context, builder, signature, arguments):
        work, x, x_row, x_step, y, y_step, count, out, width = arguments
        totals = _sums(builder, work, x, x_row, x_step, y, y_step, count)
        for total in totals:
            _store_some(builder, total, work, out, width)
            out = builder.add(out, width)
        return context.get_dummy_value()

    return types.none(types.CPointer(types.float64), *(types.int64,) * 8), codegen


@kernel
def suits(m, p, n):
    """Whether a result of m rows and n columns, each a sum of p products, is computed here."""
    return m >= ROWS and 2 <= n <= PANEL and m * p * n >= 64 and p > 0


@kernel
def panel_product(work, x, x_row, x_step, y, m, p, n, out):
    """out (m, n) = the matrix at x, its elements `x_row` and `x_step` apart, times y (p, n)."""
    for i in range(0, m, ROWS):
        row = min(i, m - ROWS)
        four_rows(work, x + row * x_row, x_row, x_step, y, n, p, out + row * n, n)
