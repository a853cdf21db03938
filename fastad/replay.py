"""Record once, replay afterwards: the tapes of one function, and the checks that keep replays honest.

A tape is kept for each signature (structure, shapes, static values) and, within it, for each path
through the function's branches. A replay whose guards hold is the function's value; where one fails,
the other tapes of the signature are tried and then a new one is recorded.

Two checks guard against what guards cannot see. A recording is compared with a plain run of the
function at the same point. And now and then (calls 2, 4, 8, ...) a replay is audited in the same way:
a captured array that has changed, random numbers or hidden state end in an error that says so.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np

from fastad.collector import without_collector
from fastad.containers import Structure, flatten, leaf_size, pack, split, unflatten
from fastad.errors import ArgumentIndexError, ChangedConstant, ManyBranches, RecordingMismatch, UnsupportedDtype
from fastad.passes import optimise
from fastad.primitives import raise_pending
from fastad.program import Program, Run
from fastad.record.recorder import normal_output, output_leaves, record_function
from fastad.schedule import Recorded
from fastad.tape import Tape
from fastad.threads import settings

Result = TypeVar("Result")
LOST = 16  # calls in a row without a tape that holds, after which only the last one is tried
EXAMINED = 2_000_000  # multiplications in a program whose rounding is looked into: some ten seconds
TOLERANCE = 1e-9  # of a plain run's value; larger differences are looked into


def checked_argnums(argnums: int | tuple[int, ...]) -> tuple[int, ...]:
    """The argument numbers as given; an error where they are none."""
    wanted = tuple(argnums) if isinstance(argnums, tuple | list) else (argnums,)
    if not wanted or not all(isinstance(k, int | np.integer) and not isinstance(k, bool) for k in wanted):
        raise ArgumentIndexError(f"argnums={argnums!r}: an int or a tuple of one or more is needed")
    return wanted


def normal_argnums(argnums: int | tuple[int, ...], count: int) -> tuple[int, ...]:
    """The named arguments as non-negative indices."""
    wanted = checked_argnums(argnums)
    if not all(-count <= number < count for number in wanted):
        raise ArgumentIndexError(f"argnums={argnums!r}, but the function was called with {count} positional arguments")
    normal = tuple(int(number) % count for number in wanted)
    if len(set(normal)) < len(normal):
        raise ArgumentIndexError(f"argnums={argnums!r} names an argument twice")
    return normal


class Call:
    """The arguments of one call: their structure, flat values, and which of them are active."""

    forward = False  # whether derivatives are by tangents for sure

    def __init__(self, args: tuple[Any, ...], kwargs: dict[str, Any], argnums: int | tuple[int, ...] | None) -> None:
        count = len(args)
        self.argnums = tuple(range(count)) if argnums is None else normal_argnums(argnums, count)
        leaves: list[Any] = []
        structures, self.parts, start = [], [], 0
        for number, arg in enumerate(args):
            known = len(leaves)
            wanted = argnums is not None and number in self.argnums
            structures.append(flatten(arg, leaves, numbers=wanted))
            if wanted and structures[-1][0] == "static":
                raise UnsupportedDtype(f"argument {number} is {arg!r}: a float or an array of floats is needed")
            stop = start + sum(
                leaf_size(np.shape(leaf) if isinstance(leaf, np.ndarray) else None) for leaf in leaves[known:]
            )
            self.parts.append(slice(start, stop))
            start = stop
        keywords = flatten(kwargs, leaves)
        self.structure: Structure = (tuple, (tuple, *structures), keywords)
        self.leaves = leaves
        self.x = pack(leaves)
        self.active = np.zeros(self.x.size, bool)
        for number in self.argnums:
            self.active[self.parts[number]] = True
        self.key = (self.structure, self.argnums)

    @property
    def arg_structures(self) -> list[Structure]:
        """Structures of the differentiated arguments."""
        return [self.structure[1][1 + number] for number in self.argnums]

    def plain(self) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """The arguments rebuilt from copies, so that the function may write into them.

        Numbers are NumPy's, whose arithmetic is the recorded one: 1 / 0 is inf and (-8) ** (1 / 3) is nan,
        where Python's floats raise an error or turn complex.
        """
        return unflatten(self.structure, split(self.x.copy(), self.structure, np.float64))


def new_tape(function: Callable[..., Any], call: Call) -> tuple[Tape, np.ndarray]:
    """A tape of the function at the point of a call, and the recorded value (m,).

    The form of it that is compiled first must come to the recorded value, before it is used.
    """
    with without_collector():
        recording = record_function(function, call.structure, list(split(call.x, call.structure)), call.active)
        value, out_structure = recording.value, recording.out_structure
        program = optimise(recording.program)
        del recording  # the passes have made another program of it
        tape = Tape(program, call.structure, out_structure)
        tape.schedule.recorded = Recorded(call.x, lambda computed: _verify(function, tape, call.x, value, computed))
    return tape, value


def _verify(function: Callable[..., Any], tape: Tape, x: np.ndarray, value: np.ndarray, computed: np.ndarray) -> None:
    """An error unless a tape computes what was recorded.

    Where it does not, rounding may have been amplified; the reference interpreter, which computes with NumPy's own
    functions, decides.
    """
    if _agree(computed, value):
        return
    from fastad.testing import interpret

    values = interpret(tape.program, x, own_functions=True)[tape.program.outputs]
    if not (_agree(values, value) or _is_rounding(tape, x, values, value)):
        raise RecordingMismatch(
            f"the tape of {_name(function)} computes {_short(values)}, but {_short(value)} was "
            f"recorded{_suspects(tape.program) or ': this is a bug in fastad, please report it with the function'}"
        )


class Replayer:
    """The tapes of one function, by signature and path."""

    keeps_tapes = True  # that serve further points
    examine: Any = None  # what looks at results while `debug_nans` is on

    def __init__(self, function: Callable[..., Any]) -> None:
        self.function = function
        self.tapes: dict[Any, list[Tape]] = {}
        self.calls: dict[Any, int] = {}
        self.misses: dict[Any, int] = {}  # calls in a row at which no tape held
        self.changed_constants = 0
        self.recordings = 0

    def clear(self) -> None:
        """Forget all tapes."""
        self.tapes.clear()
        self.calls.clear()
        self.misses.clear()

    def run(self, call: Call, action: Callable[[Tape], tuple[Result, int]]) -> Result:
        """Carry out an action on the tape of the path that the function takes at this point.

        `action(tape)` returns a result and the index of the first failed guard or -1.
        """
        result = self._run(call, action)
        if self.examine is not None:
            self.examine(call, result)
        return result

    def _run(self, call: Call, action: Callable[[Tape], tuple[Result, int]]) -> Result:
        known = self.tapes.get(call.key, ())
        if self.misses.get(call.key, 0) >= LOST:
            known = known[:1]
        for number, tape in enumerate(known):
            result, failed = action(tape)
            if failed >= 0:
                raise_pending(values_too=False)
            else:
                if number:
                    self.keep(call, tape)
                self.misses[call.key] = 0
                tape.counters["replays"] += 1
                self._audit(call, tape)
                return result
        if known:
            self._missed(call, known[0])
        tape = self.record(call)
        # At the point of its own recording the path is right even where rounding flips a tie.
        result, failed = action(tape)
        if failed >= 0:
            raise_pending()
        self.keep(call, tape)
        return result

    def _missed(self, call: Call, tape: Tape) -> None:
        """No tape of the signature holds at this point."""
        tape.count_failure(call.x)
        misses = self.misses[call.key] = self.misses.get(call.key, 0) + 1
        if misses == LOST:
            warnings.warn(
                f"{_name(self.function)} took a branch that no tape has at {LOST} calls in a row, so it is recorded at "
                "each call from here on: np.where instead of if, or a fixed number of steps, would let tapes serve",
                ManyBranches,
                stacklevel=2,
            )

    def record(self, call: Call) -> Tape:
        """A new tape at this point, checked against a plain run."""
        self.recordings += 1
        tape, value = new_tape(self.function, call)
        plain = self._plain_value(call)
        if not (_agree(value, plain) or _is_rounding(tape, call.x, value, plain)):
            raise RecordingMismatch(
                f"{_name(self.function)} returned {_short(plain)} in plain NumPy and {_short(value)} while it was "
                "recorded: random numbers, state that changes from call to call, or an array that is written to "
                f"under two names{_suspects(tape.program)}"
            )
        return tape

    def _plain_value(self, call: Call) -> np.ndarray:
        args, kwargs = call.plain()
        leaves, _ = output_leaves(normal_output(self.function(*args, **kwargs)))
        return pack(leaves)

    def _audit(self, call: Call, tape: Tape) -> None:
        if self.audit_due(call.key):
            self.audit(call, tape)

    def audit_due(self, key: Any) -> bool:
        """Count a call, and say whether it is to be audited."""
        if settings.audit == "never":
            return False
        count = self.calls[key] = self.calls.get(key, 1) + 1
        return settings.audit == "always" or count & (count - 1) == 0

    def keep(self, call: Call, tape: Tape) -> None:
        """Put a tape first among those of its signature."""
        known = self.tapes.get(call.key, ())
        self.tapes[call.key] = [tape, *(other for other in known if other is not tape)][: max(1, settings.paths)]

    def skip_to_audit(self, key: Any, calls: int) -> int:
        """How many calls may go unseen before an audit is due; they are counted in advance."""
        if settings.audit == "always":
            return 1
        following = 1 << 62 if settings.audit == "never" else 1 << max(1, calls.bit_length())
        self.calls[key] = following - 1
        return following - calls

    def audit(self, call: Call, tape: Tape) -> None:
        """Compare a replay with a plain run; an error where something other than rounding differs."""
        plain = self._plain_value(call)
        replayed, _ = tape.evaluate(call.x)
        if _agree(replayed, plain):
            return
        fresh = self.record(call)
        if same_program(fresh.program, tape.program):
            return  # the same computation: rounding, amplified
        self.clear()
        self.changed_constants += 1
        raise ChangedConstant(
            f"changed constant: {_name(self.function)} returned {_short(plain)}, but its tape says {_short(replayed)}. "
            "Something that the function uses and that is not among its arguments has changed since it was recorded "
            "(an array, a global, an attribute): pass it as an argument. The stale tape has been dropped"
        )


def same_program(a: Program, b: Program) -> bool:
    """Whether two programs are the same computation with the same constants."""
    columns = ("constants", "opcode", "left", "right", "outputs")
    if not all(np.array_equal(getattr(a, name), getattr(b, name), equal_nan=name == "constants") for name in columns):
        return False
    if [call.key for call in a.calls] != [call.key for call in b.calls]:
        return False
    return [_segment_key(s) for s in a.segments] == [_segment_key(s) for s in b.segments]


def _segment_key(segment: Any) -> Any:
    if isinstance(segment, Run):
        return segment
    index = None if segment.index is None else segment.index.tobytes()
    return (segment.code, segment.first, segment.length, segment.sizes, index, *(o.key for o in segment.operands))


def _agree(a: np.ndarray, b: np.ndarray) -> bool:
    if a.shape != b.shape:
        return False
    with np.errstate(all="ignore"):
        scale = np.max(np.abs(b), initial=0.0, where=np.isfinite(b))
        return bool(
            np.all(
                (np.abs(a - b) <= TOLERANCE * np.maximum(np.abs(b), 1e-3 * scale)) | (a == b) | ((a != a) & (b != b))
            )
        )


def _suspects(program: Program) -> str:
    """The primitives of the user that may be to blame."""
    names = sorted({call.primitive.name for call in program.calls if call.primitive.is_user_defined})
    return f"; is the primitive {', '.join(names)} random, or does it depend on more than its arguments?" * bool(names)


def _is_rounding(tape: Tape, x: np.ndarray, a: np.ndarray, b: np.ndarray) -> bool:
    """Whether values differ by no more than rounding explains: those of a residual at a solution do, wholly."""
    from fastad.testing import Reference

    if a.shape != b.shape or not np.all(np.isfinite(a) & np.isfinite(b)):
        return False
    program = tape.program
    products = [math.prod(s.sizes) for s in program.segments if not isinstance(s, Run) and s.name == "matmul"]
    if program.slots + sum(products) > EXAMINED:
        return False
    reference = Reference(program, x)
    most = TOLERANCE * np.max(np.abs(reference.values), initial=0.0, where=np.isfinite(reference.values))
    return bool(np.all(np.abs(a - b) <= np.minimum(reference.rounding(), most)))


def _name(function: Any) -> str:
    return getattr(function, "__qualname__", None) or type(function).__name__


def _short(values: np.ndarray) -> str:
    return f"{float(values[0])!r}" if values.size == 1 else np.array2string(values, threshold=6, edgeitems=2)
