"""Values and gradients at many points: LANES of them are the lanes of one pass over a program.

Theory of operation. What a single point pays for each scalar instruction (dispatch, operands, the instruction itself)
is paid once for LANES points, which are then a few vector instructions. The steps (`places`) say where everything
stands; the commonest operations are carried out here, all others by the dispatch kernels, called by address on the
lanes as if they were an array. The last points share a slice with copies of the last one.

Where a program consists of long arrays, one point fills the vectors already; such programs are run point by point.
"""

from numba import njit

from fastad.kernels.lanes import (
    lanes_add,
    lanes_copy,
    lanes_divide,
    lanes_minus,
    lanes_multiply,
    lanes_negative,
    lanes_plus,
    lanes_plus_scaled,
    lanes_plus_scaled_twice,
    lanes_scale,
    lanes_scale_twice,
    lanes_subtract,
)  # fmt: skip
from fastad.kernels.layout import (
    ACTIVE,
    AT_BACKWARD,
    AT_CLEARS,
    AT_FORWARD,
    AT_GUARDS,
    AT_OUTPUTS,
    AT_SEGMENTS,
    B_NEGATE,
    B_PASS,
    B_PULL,
    B_SCALE,
    BACKWARD_FROM,
    BACKWARD_TO,
    BAR_PLACES,
    BAR_WORDS,
    BAR_WORDS_LONG,
    BLOCK_ADJOINT,
    BLOCK_LINEARIZE,
    BLOCK_PRIMAL,
    BUFFER,
    CLEARS,
    FORWARD_FROM,
    FORWARD_TO,
    GRADIENT,
    GUARDS,
    INPUTS,
    KIND,
    LANES,
    OUTPUTS,
    PERFORM,
    ROW,
    SCALAR_RUN,
    SEED,
    SEGMENTS,
    SLOTS,
    V_ADD,
    V_DIVIDE,
    V_LINEARIZE,
    V_MULTIPLY,
    V_NEGATIVE,
    V_SUBTRACT,
    VALUE_WORDS,
    VALUE_WORDS_LONG,
)  # fmt: skip
from fastad.kernels.operands import clear
from fastad.kernels.point_blocks import pull_block, value_block
from fastad.kernels.pointers import call_adjoint, call_block, call_perform, doubles, kernel_for, pointer, shifted, table

kernel = njit(error_model="numpy", nogil=True, no_cpython_wrapper=True, no_cfunc_wrapper=True)
entry = njit(error_model="numpy", nogil=True, no_cfunc_wrapper=True)


# --- values -----------------------------------------------------------------------------------------
@kernel
def value_by_kernel(code, work, steps, at, x, y, z):
    """A step whose opcode the dispatch kernels know; with its partials if they are to be stored."""
    which = BLOCK_LINEARIZE if steps[at] == V_LINEARIZE else BLOCK_PRIMAL
    first, second = steps[at + 5] * LANES, steps[at + 6] * LANES
    address = kernel_for(code, which, steps[at + 4])
    call_block(address, steps[at + 4], work, x, y, x, z, LANES, first, second, second)


@kernel
def value_steps(code, work, row):
    """Values of a run of the scalar stream."""
    steps = table(shifted(code, code[AT_FORWARD]))
    at, stop = code[row + FORWARD_FROM], code[row + FORWARD_TO]
    while at < stop:
        action = steps[at]
        x, y, z = steps[at + 1] * LANES, steps[at + 2] * LANES, steps[at + 3] * LANES
        if action == V_MULTIPLY:
            lanes_multiply(work, x, y, z)
        elif action == V_ADD:
            lanes_add(work, x, y, z)
        elif action == V_SUBTRACT:
            lanes_subtract(work, x, y, z)
        elif action == V_DIVIDE:
            lanes_divide(work, x, y, z)
        elif action == V_NEGATIVE:
            lanes_negative(work, x, z)
        else:
            value_by_kernel(code, work, steps, at, x, y, z)
            at += VALUE_WORDS_LONG - VALUE_WORDS
        at += VALUE_WORDS


@kernel
def value_pass(code, work, scratch, room):
    for segment in range(code[SEGMENTS]):
        row = code[AT_SEGMENTS] + segment * ROW
        if code[row + KIND] == SCALAR_RUN:
            value_steps(code, work, row)
        else:
            value_block(code, work, row, scratch, room)


# --- adjoints ---------------------------------------------------------------------------------------
@kernel
def bar_by_kernel(code, work, steps, at, bars):
    """A step whose partials are computed now."""
    x, y, z = steps[at + 4] * LANES, steps[at + 5] * LANES, steps[at + 6] * LANES
    first = bars + steps[at + 7] * LANES if steps[at + 7] >= 0 else -1
    second = bars + steps[at + 8] * LANES if steps[at + 8] >= 0 else -1
    g, at_once = bars + steps[at + 2] * LANES, steps[at + 3]
    address = kernel_for(code, BLOCK_ADJOINT, steps[at + 1])
    call_adjoint(address, steps[at + 1], work, x, y, x, z, LANES, first, second, -1, g, at_once)


@kernel
def simple_bar(work, kind, d, g, t):
    """A step with at most one factor; an odd kind writes the target, an even one adds to it."""
    if kind == 2 * B_SCALE:
        lanes_plus_scaled(work, d, g, t)
    elif kind == 2 * B_SCALE + 1:
        lanes_scale(work, d, g, t)
    elif kind == 2 * B_PASS:
        lanes_plus(work, g, t)
    elif kind == 2 * B_PASS + 1:
        lanes_copy(work, g, t)
    elif kind == 2 * B_NEGATE:
        lanes_minus(work, g, t)
    elif kind == 2 * B_NEGATE + 1:
        lanes_negative(work, g, t)
    elif kind % 2 == 1:
        lanes_scale_twice(work, d, g, t)
    else:
        lanes_plus_scaled_twice(work, d, g, t)


@kernel
def bar_steps(code, work, row, bars):
    """Adjoints of a run of the scalar stream."""
    steps = table(shifted(code, code[AT_BACKWARD]))
    at, stop = code[row + BACKWARD_FROM], code[row + BACKWARD_TO]
    while at < stop:
        kind = steps[at]
        if kind == 2 * B_PULL:
            bar_by_kernel(code, work, steps, at, bars)
            at += BAR_WORDS_LONG
        else:
            d, g, t = steps[at + 1] * LANES, bars + steps[at + 2] * LANES, bars + steps[at + 3] * LANES
            simple_bar(work, kind, d, g, t)
            at += BAR_WORDS


@kernel
def bar_pass(code, work, bars, scratch, room):
    at = code[AT_CLEARS]
    for part in range(at, at + 2 * code[CLEARS], 2):
        clear(work, bars + code[part] * LANES, (code[part + 1] - code[part]) * LANES)
    if code[SEED] >= 0:
        for lane in range(LANES):
            work[bars + code[SEED] * LANES + lane] = 1.0
    for segment in range(code[SEGMENTS] - 1, -1, -1):
        row = code[AT_SEGMENTS] + segment * ROW
        if code[row + KIND] == SCALAR_RUN:
            bar_steps(code, work, row, bars)
        elif code[row + ACTIVE] != 0:
            pull_block(code, work, row, bars, scratch, room)


# --- points in and out ------------------------------------------------------------------------------
@kernel
def load_points(code, work, low, count, x):
    """Points low .. low + count, x (points, n), into the lanes of the inputs."""
    n = code[INPUTS]
    for i in range(n):
        for lane in range(LANES):
            work[i * LANES + lane] = x[(low + min(lane, count - 1)) * n + i]


@kernel
def store_points(code, work, low, count, out, failed):
    """Outputs (points, m), and which points took another path."""
    at, m = code[AT_OUTPUTS], code[OUTPUTS]
    for i in range(m):
        for lane in range(count):
            out[(low + lane) * m + i] = work[code[at + i] * LANES + lane]
    at, guards = code[AT_GUARDS], code[GUARDS]
    expected = doubles(shifted(code, at + guards))
    for lane in range(count):
        failed[low + lane] = 0
    for i in range(guards):
        for lane in range(count):
            failed[low + lane] |= work[code[at + i] * LANES + lane] != expected[i]


@kernel
def store_gradients(code, work, low, count, bars, gradient):
    n = code[INPUTS]
    for i in range(n):
        for lane in range(count):
            gradient[(low + lane) * n + i] = work[bars + i * LANES + lane]


@entry
def run_points(task, program, workspace, low, high, x, out, gradient, failed):
    """Points low .. high, in slices of LANES.

    x (points, n), out (points, m), gradient (points, n; untouched unless the task is GRADIENT) are flat; failed
    (points,) is 1 where a guard fails.
    """
    code, work = pointer(program), pointer(workspace)
    bars, room = code[SLOTS] * LANES, code[BUFFER] * LANES
    scratch = bars + code[BAR_PLACES] * LANES
    for start in range(low, high, LANES):
        count = min(LANES, high - start)
        load_points(code, work, start, count, pointer(x))
        value_pass(code, work, scratch, room)
        store_points(code, work, start, count, pointer(out), failed)
        if task == GRADIENT:
            bar_pass(code, work, bars, scratch, room)
            store_gradients(code, work, start, count, bars, pointer(gradient))


@entry
def run_one_by_one(task, program, workspace, low, high, x, out, gradient, failed):
    """The same by the ordinary task, point by point."""
    code, work, size = pointer(program), pointer(workspace), workspace.size
    n, m = code[INPUTS], code[OUTPUTS]
    for i in range(low, high):
        target = shifted(pointer(gradient), i * n) if task == GRADIENT else shifted(pointer(out), i * m)
        call_perform(code[PERFORM], task, 1, code, work, size, shifted(pointer(x), i * n), target)
        if task == GRADIENT:
            out[i] = work[code[code[AT_OUTPUTS]]]
        failed[i] = work[size - 1] >= 0.0
