"""Threads that help with large groups, and with many points.

Theory of operation. A call that has enough work invites helpers before it starts, and then takes chunks
of work itself as they do (`kernels/fused.py`), so that it never waits for a helper that has not come.
Helpers sleep in a queue; once called they look for chunks and go away when there have been none for a
moment. They run compiled code without Python's lock.
"""

from __future__ import annotations

import os
import queue
import threading
from collections import deque
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any, TypeVar

import numpy as np

from fastad import kernels
from fastad.kernels import layout as at

MOST_HELPERS = 64
Part = TypeVar("Part")


def available() -> int:
    """Processors that this process may use."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:
        return os.cpu_count() or 1


class Settings:
    """Process-wide settings.

    Attributes
    ----------
    audit : "doubling" (calls 2, 4, 8, ...), "always" or "never"
    paths : int
        How many tapes a transform keeps for one signature (types, shapes, static arguments), one for each path through
        the function's branches; the ones used most recently are kept.
    threads : int
        How many threads may work on one large gradient (less than 1 counts as 1); the results do not depend on
        it. At first the processors that the process may use, or the environment's FASTAD_THREADS.
    """

    audit = "doubling"
    paths = 8

    def __init__(self) -> None:
        self.threads = int(os.environ.get("FASTAD_THREADS") or available())


settings = Settings()


class Pool:
    """Helpers, started when first needed; each has registers of its own in every workspace."""

    def __init__(self) -> None:
        self.calls: list[queue.SimpleQueue[tuple[np.ndarray, np.ndarray]]] = []
        self.lock = threading.Lock()

    def invite(self, code: np.ndarray, work: np.ndarray, count: int) -> None:
        """Ask `count` helpers to look at a workspace, in place of any that they have yet to look at."""
        while len(self.calls) < count:
            self._start()
        work[-1 - at.CONTROL : -1].view(np.int64)[at.HELPERS] = count
        for calls in self.calls[:count]:
            with suppress(queue.Empty):
                calls.get_nowait()
            calls.put((code, work))

    def _start(self) -> None:
        kernels.assist.load()
        with self.lock:
            helper = len(self.calls) + 1
            calls: queue.SimpleQueue[tuple[np.ndarray, np.ndarray]] = queue.SimpleQueue()
            threading.Thread(target=_help, args=(helper, calls), name=f"fastad-{helper}", daemon=True).start()
            self.calls.append(calls)


def _help(helper: int, calls: queue.SimpleQueue[tuple[np.ndarray, np.ndarray]]) -> None:
    """A helper's life; its number says which registers of a workspace are its own."""
    assist: Any = kernels.assist.dispatcher
    while True:
        code, work = calls.get()
        assist(code, work, helper)
        del code, work  # a sleeping helper keeps no memory


class Helpers:
    """Threads that take parts of a work as the calling thread does, which never waits for one that has not begun."""

    def __init__(self) -> None:
        self.executor: ThreadPoolExecutor | None = None

    def share(self, parts: Iterable[Part], carry_out: Callable[[Part], None], threads: int) -> None:
        """Carry out all parts, each by one of so many threads."""
        if self.executor is None:
            self.executor = ThreadPoolExecutor(MOST_HELPERS, thread_name_prefix="fastad-points")
        left = deque(parts)

        def work() -> None:
            while left:
                try:
                    part = left.popleft()
                except IndexError:  # another thread was faster
                    return
                carry_out(part)

        others = [self.executor.submit(work) for _ in range(min(threads - 1, len(left) - 1, MOST_HELPERS))]
        try:
            work()
        finally:
            for other in others:
                if not other.cancel():
                    other.result()


pool, helpers = Pool(), Helpers()


def _renew() -> None:
    """A forked child has none of its parent's threads."""
    for threads in (pool, helpers):
        threads.__init__()  # type: ignore[misc]


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew)
