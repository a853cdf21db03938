"""The compiled functions that Python calls: whole sweeps over one packed program.

One function carries out all tasks, because every compiled function carries its own copy of what it
calls; the entries are thin and call it by address.
`work` is a caller's workspace, laid out values | partials | directions | scratch | report; it is the
only memory that a call writes besides its results, so any number of threads may run one program, each
with a workspace of its own. Constants stand in `values` from the workspace's making. `source` and
`target` are flat arrays; `layout` says what they hold for each task.
"""

from numba import njit

from fastad.kernels import groups
from fastad.kernels.layout import (
    ADJOINTS,
    AT_BARS,
    AT_CELLS,
    AT_CLEARS,
    AT_COPIES,
    AT_OUTPUTS,
    AT_REGISTERS,
    BUFFER,
    BUFFERS,
    CELLS,
    CLEARS,
    CONTROL,
    COPIES,
    DIRECT,
    FAILED,
    GRADIENT,
    GUARDS,
    INPUT_BARS,
    INPUT_VALUES,
    INPUTS,
    LINEARIZE,
    OUTPUTS,
    PERFORM,
    PRIMAL,
    SCALARS,
    SLOTS,
    STACK,
    TANGENTS,
)  # fmt: skip
from fastad.kernels.matrices import control
from fastad.kernels.operands import clear
from fastad.kernels.pointers import call_perform, distance, doubles, integers, pointer, shifted, words_at
from fastad.kernels.sweeps import adjoint_sweep, first_failed_guard, primal_sweep, tangent_sweep

kernel = njit(error_model="numpy", nogil=True, no_cpython_wrapper=True, no_cfunc_wrapper=True)
entry = njit(error_model="numpy", nogil=True, no_cfunc_wrapper=True)


@kernel
def evaluate(code, work, task, x, out, scratch, room):
    """The outputs at x; unless the task is PRIMAL, `work` is ready for the sweeps that follow."""
    at = code[AT_COPIES]
    for part in range(at, at + 2 * code[COPIES], 2):
        for i in range(code[part], code[part + 1]):
            work[i] = x[i]
    primal_sweep(code, work, task, code[SLOTS], scratch, room)
    if task != GRADIENT:
        at = code[AT_OUTPUTS]
        for i in range(code[OUTPUTS]):
            out[i] = work[code[at + i]]


@kernel
def seed_inputs(code, work, seeds, lanes, dots):
    n = code[INPUTS]
    clear(work, dots, code[SLOTS] * lanes)
    for lane in range(lanes):
        for i in range(n):
            work[dots + i * lanes + lane] = seeds[lane * n + i]


@kernel
def seed_outputs(code, work, weights, lanes, bars):
    at, m = code[AT_OUTPUTS], code[OUTPUTS]
    clear(work, bars, code[SLOTS] * lanes)
    for lane in range(lanes):
        for i in range(m):
            work[bars + code[at + i] * lanes + lane] += weights[lane * m + i]


@kernel
def read_inputs(code, work, lanes, source, out):
    """out (lanes, n) from the lanes of the input slots."""
    n = code[INPUTS]
    for i in range(n):
        for lane in range(lanes):
            out[lane * n + i] = work[source + i * lanes + lane]


@kernel
def read_outputs(code, work, lanes, source, out):
    """out (lanes, m) from the lanes of the output slots."""
    at, m = code[AT_OUTPUTS], code[OUTPUTS]
    for i in range(m):
        for lane in range(lanes):
            out[lane * m + i] = work[source + code[at + i] * lanes + lane]


@kernel
def prepare_groups(code, work, env, task, source, target, free):
    """Say where groups find inputs and adjoints, and clear the adjoints that nobody writes first.

    Groups run in values and gradients only; then the inputs are in the caller's array, and so is the
    gradient if nobody else touches the adjoints of the inputs, and if the two arrays are not one.
    """
    apart = task == PRIMAL or abs(distance(target, source)) >= code[INPUTS]
    env[INPUT_VALUES], env[AT_BARS] = distance(source, work) if apart else 0, free
    env[INPUT_BARS] = distance(target, work) if code[DIRECT] == 1 and apart else free
    if not apart:
        for i in range(code[INPUTS]):
            work[i] = source[i]
    env[AT_CELLS] = free + code[SLOTS]
    env[AT_REGISTERS] = (env[AT_CELLS] + code[CELLS] + STACK + 7) // 8 * 8  # whole lines of the cache
    if task == GRADIENT:
        at = code[AT_CLEARS]
        for part in range(at, at + 2 * code[CLEARS], 2):
            start, stop = code[part], code[part + 1]
            inputs = min(stop, code[INPUTS])
            if start < inputs:
                clear(work, env[INPUT_BARS] + start, inputs - start)
            start = max(start, inputs)
            clear(work, free + start, stop - start)


@kernel
def first_order(code, work, task, lanes, source, target, free, scratch, room):
    """Tangents, adjoints, or the adjoint of the one output with weight 1."""
    partials = code[SLOTS]
    if task == TANGENTS:
        seed_inputs(code, work, source, lanes, free)
        tangent_sweep(code, work, partials, lanes, free, scratch, room)
        read_outputs(code, work, lanes, free, target)
    else:
        if task == ADJOINTS:
            seed_outputs(code, work, source, lanes, free)
        else:
            work[free + code[code[AT_OUTPUTS]]] = 1.0
        adjoint_sweep(code, work, partials, lanes, free, scratch, room)
        if task == ADJOINTS or control(work, scratch, room)[INPUT_BARS] == free:
            read_inputs(code, work, lanes, free, target)


def perform(task, lanes, code, work, size, source, target):
    """Carry out a task on a workspace of `size` numbers.

    The last of them gets the index of the first failed guard, or -1; the number of guards where a call failed.
    """
    room, last = code[BUFFER] * lanes, size - 1
    scratch, free = last - CONTROL - BUFFERS * room, code[SLOTS] + 2 * code[SCALARS]
    env = control(work, scratch, room)
    if task <= LINEARIZE:
        env[FAILED] = 0
    if task <= PRIMAL:
        prepare_groups(code, work, env, task, source, target, free)
    if task <= LINEARIZE:
        evaluate(code, work, task, source, target, scratch, room)
        work[last] = first_failed_guard(code, work)
    if task == GRADIENT or task == TANGENTS or task == ADJOINTS:
        first_order(code, work, task, lanes, source, target, free, scratch, room)
    if task <= LINEARIZE and env[FAILED] != 0:
        work[last] = code[GUARDS]


@kernel
def first_output(code, work):
    return work[code[code[AT_OUTPUTS]]] if code[OUTPUTS] > 0 else 0.0


@entry
def run(task, lanes, program, workspace, from_array, to_array):
    """Carry out a task; returns the first output's value.

    The last word of the workspace gets the index of the first failed guard, or -1.
    """
    code, work, size = pointer(program), pointer(workspace), workspace.size
    call_perform(code[PERFORM], task, lanes, code, work, size, pointer(from_array), pointer(to_array))
    return first_output(code, work)


@entry
def gradient(room, from_array, to_array):
    """The task GRADIENT in the room at an address: three words, the addresses of a program and a workspace and
    the workspace's size. Each argument that is an array costs as much as all the rest of a short call."""
    words = words_at(room)
    code, work = words_at(words[0]), doubles(words_at(words[1]))
    call_perform(code[PERFORM], GRADIENT, 1, code, work, words[2], pointer(from_array), pointer(to_array))
    return first_output(code, work)


@entry
def assist(program, workspace, helper):
    """Help with the groups of a call that another thread has begun, or is about to; returns when idle."""
    code, work = pointer(program), pointer(workspace)
    groups.assist(code, work, integers(shifted(work, workspace.size - 1 - CONTROL)), helper)
