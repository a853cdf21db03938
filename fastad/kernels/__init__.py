"""Numba kernels, compiled once a machine: `kernels.run(task, lanes, code, work, source, target)`.

Theory of operation. `run` holds the sweeps; the dispatch kernels, in which opcodes become formulas,
are compiled apart and called by address, so that neither is compiled twice and a tape loads only
those it needs.

Numba's disk cache compares one source file's time stamp and size, so a change in a callee, or a
package update that keeps both, would leave a stale and wrong kernel. Here the stamp of every cached
kernel is the digest of all files in this folder: whatever changes, no old cache answers. A kernel
compiles (or loads) for its one signature when it is first used, and never for another: arguments of a
wrong type are a TypeError, not a minute of silence.
"""

from __future__ import annotations

import hashlib
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from functools import cache
from pathlib import Path
from typing import Any

from numba import types
from numba.core.caching import CompileResultCacheImpl, FunctionCache
from numba.core.ccallback import CFunc

from fastad.kernels import (
    chunks,
    coloring,
    dispatch,
    entries,
    layout,
    operands,
    patterns,
    places,
    points,
    series,
    sweeps,
    tape_passes,
)
from fastad.kernels.pointers import (
    ADJOINT_ARGUMENTS,
    BLOCK_ARGUMENTS,
    CHUNK_ARGUMENTS,
    GATHER_ARGUMENTS,
    ROW_ARGUMENTS,
    SCALAR_ARGUMENTS,
    TASK_ARGUMENTS,
)

_lock = threading.RLock()


@cache
def source_digest(folder: Path = Path(__file__).parent) -> str:
    """SHA-256 over the names and texts of all kernel sources."""
    digest = hashlib.sha256()
    for path in sorted(folder.glob("*.py")):
        digest.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()


class _DigestStamp(CompileResultCacheImpl):
    """Numba's own cache location, stamped with the digest of all kernel sources."""

    def __init__(self, function: Callable[..., Any]) -> None:
        super().__init__(function)
        self.locator.get_source_stamp = source_digest


class _KernelCache(FunctionCache):
    _impl_class = _DigestStamp


class _Kernel:
    """One compiled function: loads from the cache or compiles when it is first needed."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self.function, self.name, self._ready = function, function.__name__, False

    def load(self) -> None:
        """Make the compiled function ready, saying so if it must be compiled."""
        with _lock:
            if not self._ready:
                with nullcontext() if self.cached else _progress(self.name):
                    self._compile(_KernelCache(self.function))
                self._ready = True

    @property
    def cached(self) -> bool:
        """Whether it need not be compiled."""
        return self._ready or bool(_KernelCache(self.function)._cache_file._load_index())

    def _compile(self, disk: FunctionCache) -> None:
        raise NotImplementedError


class _Entry(_Kernel):
    """A function that Python calls."""

    def __init__(self, dispatcher: Any, signature: Any) -> None:
        super().__init__(dispatcher.py_func)
        self.dispatcher, self.signature = dispatcher, signature

    def _compile(self, disk: FunctionCache) -> None:
        self.dispatcher._cache = disk
        self.dispatcher.compile(self.signature)
        self.dispatcher.disable_compile()

    def __call__(self, *arguments: Any) -> Any:
        self.load()
        return self.dispatcher(*arguments)


class _Dispatch(_Kernel):
    """A function that kernels call by its address, which stands in the word `word` of a program."""

    def __init__(self, function: Callable[..., Any], arguments: tuple[Any, ...], word: int) -> None:
        super().__init__(function)
        self.word = word
        self.compiled = CFunc(function, (arguments, types.void), locals={}, options={"error_model": "numpy"})

    def _compile(self, disk: FunctionCache) -> None:
        self.compiled._cache = disk
        self.compiled.compile()

    @property
    def address(self) -> int:
        self.load()
        return self.compiled.address


def missing() -> list[str]:
    """Names of the kernels that this machine has yet to compile."""
    return [kernel.name for kernel in ALL if not kernel.cached]


_spent: list[float] = []  # seconds of each compilation in this process


@contextmanager
def _progress(name: str) -> Iterator[None]:
    """Say which kernel is compiled, how many there are, and how long it took."""
    left, started = len(missing()), time.perf_counter()
    _say(f"fastad: compiling kernel {len(ALL) - left + 1} of {len(ALL)}, once on this machine: {name} ...")
    yield
    _spent.append(time.perf_counter() - started)
    _say(f" {_spent[-1]:.1f} s\n")
    if left == 1:
        _say(f"fastad: all kernels are compiled, {sum(_spent):.0f} s in all\n")


def _say(text: str) -> None:
    if sys.stderr is not None:
        sys.stderr.write(text)
        sys.stderr.flush()


_FLAT, _CODE = types.float64[::1], types.int64[::1]
run = _Entry(entries.run, types.float64(types.int64, types.int64, _CODE, _FLAT, _FLAT, _FLAT))
gradient = _Entry(entries.gradient, types.float64(types.int64, _FLAT, _FLAT))
assist = _Entry(entries.assist, types.void(_CODE, _FLAT, types.int64))
_BYTES, _INT32 = types.uint8[::1], types.int32[::1]
_POINTS = types.void(types.int64, _CODE, _FLAT, types.int64, types.int64, _FLAT, _FLAT, _FLAT, _BYTES)
run_points = _Entry(points.run_points, _POINTS)
run_one_by_one = _Entry(points.run_one_by_one, _POINTS)
DISPATCH = (
    _Dispatch(entries.perform, TASK_ARGUMENTS, layout.PERFORM),
    _Dispatch(dispatch.scalar_primal, SCALAR_ARGUMENTS, layout.SCALAR_PRIMAL),
    _Dispatch(dispatch.scalar_linearize, SCALAR_ARGUMENTS, layout.SCALAR_LINEARIZE),
    _Dispatch(dispatch.block_primal, BLOCK_ARGUMENTS, layout.BLOCK_PRIMAL),
    _Dispatch(dispatch.block_linearize, BLOCK_ARGUMENTS, layout.BLOCK_LINEARIZE),
    _Dispatch(dispatch.block_adjoint, ADJOINT_ARGUMENTS, layout.BLOCK_ADJOINT),
    _Dispatch(chunks.run_chunk, CHUNK_ARGUMENTS, layout.RUN_CHUNK),
    _Dispatch(sweeps.tangent_block, ROW_ARGUMENTS, layout.TANGENT_BLOCK),
    _Dispatch(sweeps.adjoint_block, ROW_ARGUMENTS, layout.ADJOINT_BLOCK),
    _Dispatch(operands.gather_apart, GATHER_ARGUMENTS, layout.GATHER),
    _Dispatch(operands.accumulate_apart, GATHER_ARGUMENTS, layout.ACCUMULATE),
    _Dispatch(dispatch.block_partials, BLOCK_ARGUMENTS, layout.BLOCK_PARTIALS),
)
# What programs with slopes need instead (the scalar stream), and besides.
SLOPE_DISPATCH = (
    _Dispatch(dispatch.scalar_and_slope_primal, SCALAR_ARGUMENTS, layout.SCALAR_PRIMAL),
    _Dispatch(dispatch.scalar_and_slope_linearize, SCALAR_ARGUMENTS, layout.SCALAR_LINEARIZE),
    _Dispatch(dispatch.slope_primal, BLOCK_ARGUMENTS, layout.BLOCK_PRIMAL + layout.OF_SLOPES),
    _Dispatch(dispatch.slope_linearize, BLOCK_ARGUMENTS, layout.BLOCK_LINEARIZE + layout.OF_SLOPES),
    _Dispatch(dispatch.slope_adjoint, ADJOINT_ARGUMENTS, layout.BLOCK_ADJOINT + layout.OF_SLOPES),
    _Dispatch(dispatch.slope_partials, BLOCK_ARGUMENTS, layout.BLOCK_PARTIALS + layout.OF_SLOPES),
)


def dispatch_kernels(slopes: bool) -> dict[int, _Dispatch]:
    """The dispatch kernels of a program, with or without slopes, by the words in which they stand."""
    return {kernel.word: kernel for kernel in (*DISPATCH, *(SLOPE_DISPATCH if slopes else ()))}


share_run = _Entry(tape_passes.share_run, types.void(_CODE, _BYTES, _CODE, _CODE, _CODE, _FLAT, _BYTES, _CODE, _CODE))
mark_live = _Entry(tape_passes.mark_live, types.void(_CODE, _INT32, _INT32, _BYTES))
mark_dependent = _Entry(tape_passes.mark_dependent, types.void(_CODE, _INT32, _INT32, _BYTES))
renumber = _Entry(tape_passes.renumber, types.void(_CODE, types.int64, types.int64, types.int64))
describe = _Entry(tape_passes.describe, types.boolean(_CODE, _CODE))
_STREAM = (types.int64, _BYTES, _INT32, _INT32, _CODE, _CODE)
place_values = _Entry(places.place_values, types.int64(*_STREAM, _BYTES, _CODE, _CODE, _INT32, _CODE))
place_adjoints = _Entry(places.place_adjoints, types.int64(*_STREAM, _BYTES, _CODE, _CODE, _CODE, _INT32, _CODE))
_BITS = types.uint64[::1]
_GRAPH = (types.int64, _INT32, _INT32, _BYTES)
_SETS = (_BYTES, _INT32, _INT32, _INT32)
mark_useful = _Entry(patterns.mark_useful, types.void(*_GRAPH, _BYTES))
unite = _Entry(
    patterns.unite,
    types.int64(types.int64, *_GRAPH, _BYTES, _INT32, *_SETS, _CODE, _INT32, _INT32, _CODE, _INT32, _INT32),
)
write_sets = _Entry(patterns.write_sets, types.int64(types.int64, types.int64, _INT32, *_SETS, _CODE, _INT32, _INT32))
partners_of_rows = _Entry(
    patterns.partners_of_rows, types.void(types.boolean, _INT32, _INT32, _INT32, _INT32, _CODE, _INT32)
)
rows_of_pairs = _Entry(
    patterns.rows_of_pairs,
    types.void(types.boolean, _INT32, _INT32, _INT32, _INT32, _CODE, _INT32, _CODE, _INT32),
)
_WORDS = (types.int64, types.int64, _INT32, _INT32, _BYTES)
spread_bits = _Entry(patterns.spread_bits, types.void(*_WORDS, _BITS))
bend_bits = _Entry(patterns.bend_bits, types.void(*_WORDS, _BYTES, _BITS, _BITS))
read_bits = _Entry(patterns.read_bits, types.int64(types.int64, _INT32, _BITS, types.int64, _CODE, _INT32))
PATTERNS = (mark_useful, unite, write_sets, partners_of_rows, rows_of_pairs, spread_bits, bend_bits, read_bits)
_ROWS = (_CODE, _INT32)
smallest_last = _Entry(coloring.smallest_last, types.void(*_ROWS, _CODE))
color_distance_two = _Entry(coloring.color_distance_two, types.int64(*_ROWS, *_ROWS, _CODE, _INT32))
number_edges = _Entry(coloring.number_edges, types.int64(*_ROWS, _INT32))
_GREEDY = types.int64(*_ROWS, _INT32, types.int64, _CODE, _INT32)
color_star = _Entry(coloring.color_star, _GREEDY)
color_acyclic = _Entry(coloring.color_acyclic, _GREEDY)
count_met = _Entry(coloring.count_met, types.void(*_ROWS, _INT32, _CODE))
plan_substitution = _Entry(coloring.plan_substitution, types.int64(*_ROWS, _CODE, _INT32, _CODE, _CODE))
substitute = _Entry(coloring.substitute, types.void(_CODE, _FLAT, _FLAT))
COLORING = (
    smallest_last, color_distance_two, number_edges, color_star, color_acyclic, count_met, plan_substitution,
    substitute,
)  # fmt: skip
run_series = _Entry(
    series.run_series,
    types.void(
        types.int64, types.int64[:, ::1], _CODE, _CODE, types.int32[:, ::1], _CODE, _CODE, _FLAT,
        types.float64[:, ::1], types.float64[:, ::1],
    ),
)  # fmt: skip
ALL = (
    run_series, run, gradient, assist, run_points, run_one_by_one, share_run, mark_live, mark_dependent, renumber,
    describe, place_values, place_adjoints, *PATTERNS, *COLORING, *DISPATCH, *SLOPE_DISPATCH,
)  # fmt: skip
