"""Replays of one tape as C functions: what nopython code and C libraries call, without Python and its lock.

Theory of operation. A tape is known by the address of its *room*, 64-bit integers (`tape_room.py` writes them):
where its packed program stands, how large a workspace is, what to compute. The rest of a room are *seats*, a line of
the cache each: a word that says whether a thread is inside, and the workspace that the first one made there. A thread
begins to look at a seat that follows from where its stack stands, so that threads meet rarely and a loop always gets
the same workspace. Where all seats are taken, a workspace lasts for the one call. One compiled function serves all
tapes: a new one compiles nothing.
"""

from numba import njit

from fastad.kernels.entries import first_output
from fastad.kernels.layout import (
    CONTROL,
    FAILED,
    GRADIENT,
    GUARDS,
    LINEARIZE,
    NEXT_CHUNK,
    PERFORM,
    TANGENTS,
)  # fmt: skip
from fastad.kernels.pointers import (
    atomic_add,
    atomic_exchange,
    atomic_load,
    atomic_store,
    call_perform,
    doubles,
    integers,
    shifted,
    words_at,
)  # fmt: skip
from fastad.native.tape_pointers import call_flag, call_free, call_malloc, call_state, stack_address, stack_numbers

kernel = njit(error_model="numpy", nogil=True, no_cpython_wrapper=True, no_cfunc_wrapper=True)

# --- words of a room --------------------------------------------------------------------------------
CODE = 0  # address of the packed program
SIZE = 1  # numbers in a workspace
TASK = 2
INPUTS = 3
OUTPUTS = 4
COMPONENT = 5  # of the gradient, for C functions of one result; -1: the value
CONSTANTS = 6  # address of the constants, how many there are; they stand behind the inputs
CONSTANT_COUNT = 7
MALLOC = 8  # addresses of functions
FREE = 9
ENTER = 10
HEARD = 11  # address of `heard`
THREAD_STATE = 12  # addresses of functions of Python, and of OpenMP (0: none)
IN_PARALLEL = 13
FAILURES = 14  # points at which there was nan to return
SEATS = 16  # where the seats begin
# --- a seat ----------------------------------------------------------------------------------------
TAKEN = 0
MEMORY = 1
LINE = 8  # words
SEAT_COUNT = 64
ROOM = SEATS + SEAT_COUNT * LINE

DONE, NO_MEMORY, RAISED = -1, -2, -3  # what `enter` returns, if not the index of a guard that failed


@kernel
def aligned(memory):
    """Workspaces begin where lines of the cache do."""
    return (memory + 63) & -64


@kernel
def make_memory(words):
    """A workspace, and room for a gradient behind it; 0 if there is no memory."""
    size = words[SIZE]
    memory = call_malloc(words[MALLOC], 8 * (size + words[INPUTS]) + 64)
    if memory == 0:
        return memory
    work = doubles(words_at(aligned(memory)))
    control = integers(shifted(work, size - 1 - CONTROL))
    for i in range(CONTROL):
        control[i] = 0
    control[NEXT_CHUNK] = -1
    constants, first = doubles(words_at(words[CONSTANTS])), words[INPUTS]
    for i in range(words[CONSTANT_COUNT]):
        work[first + i] = constants[i]
    return memory


@kernel
def take_seat(words):
    """A seat where no other thread is; -1 if there is none."""
    first = ((stack_address() >> 14) * 0x9E3779B1 >> 16) & (SEAT_COUNT - 1)
    for k in range(SEAT_COUNT):
        seat = SEATS + ((first + k) & (SEAT_COUNT - 1)) * LINE
        if atomic_load(shifted(words, seat + TAKEN)) == 0 and atomic_exchange(shifted(words, seat + TAKEN), 0, 1):
            return seat
    return -1


@kernel
def replay(words, memory, x, seed, out, derivative):
    """Carry out the task in a workspace; the index of a failed guard, or -1."""
    code, work, size = words_at(words[CODE]), doubles(words_at(aligned(memory))), words[SIZE]
    task, component = words[TASK], words[COMPONENT]
    target = shifted(work, size) if component >= 0 else derivative
    if task == GRADIENT:
        call_perform(code[PERFORM], task, 1, code, work, size, x, target)
    else:
        call_perform(code[PERFORM], LINEARIZE if task == TANGENTS else task, 1, code, work, size, x, out)
    failed = int(work[size - 1])
    if failed >= 0:
        return RAISED if failed == code[GUARDS] else failed
    if task == TANGENTS:
        call_perform(code[PERFORM], task, 1, code, work, size, seed, derivative)
        if integers(shifted(work, size - 1 - CONTROL))[FAILED] != 0:
            return RAISED
    elif task == GRADIENT:
        out[0] = target[component] if component >= 0 else first_output(code, work)
    return failed


@kernel
def run_room(words, x, seed, out, derivative):
    seat = take_seat(words)
    memory = words[seat + MEMORY] if seat >= 0 else 0
    if memory == 0:
        memory = make_memory(words)
        if seat >= 0:
            words[seat + MEMORY] = memory
    status = NO_MEMORY if memory == 0 else replay(words, memory, x, seed, out, derivative)
    if seat >= 0:
        atomic_store(shifted(words, seat + TAKEN), 0)
    elif memory != 0:
        call_free(words[FREE], memory)
    return status


def enter(room, x, seed, out, derivative):
    """The task of a room at x (n,): -1, or the index of the guard that failed.

    Writes, for a value: out (m,). For a gradient: out (1,), derivative (n,). For a tangent, from a seed (n,): out (m,),
    derivative (m,).
    """
    return run_room(words_at(room), x, seed, out, derivative)


def integrand(n, x, room):
    """One number at x (n,), and nan where there is none: as SciPy's `double (int, double *, void *)`."""
    words = words_at(room)
    out = stack_numbers()
    if n == words[INPUTS] and run_room(words, x, x, out, out) == DONE:
        return out[0]
    atomic_add(shifted(words, FAILURES), 1)
    return float("nan")


def heard(room):
    """Whether an exception that this thread raises reaches a caller; 0 is counted as a failure.

    Numba loses those of the threads of a parallel loop: they are unknown to Python, or inside a region of OpenMP.
    """
    words = words_at(room)
    known = call_state(words[THREAD_STATE]) != 0
    if known and (words[IN_PARALLEL] == 0 or call_flag(words[IN_PARALLEL]) == 0):
        return 1
    atomic_add(shifted(words, FAILURES), 1)
    return 0


def refuse(handle, task, active, lanes, work, failed, x0, x1, x2, y, a0, a1, a2, b):
    """In place of the interpreted call to which a compiled primitive leaves what it cannot do: the sweep has failed."""
    failed[0] = 1
