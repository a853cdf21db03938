"""One thread for the matrix products of a sweep.

Theory of operation. Kernels call the BLAS that SciPy brings. Its threads wait for each other by spinning, and
NumPy's own copy of the library has threads that do the same; where both want the processors, or another
process does, a product of 0.1 ms takes 10. Products that are not large therefore run on one thread while
a sweep lasts, and chunks of groups keep the other processors busy.
"""

from __future__ import annotations

import math
import threading
from functools import cached_property
from typing import Any

from fastad.program import Block, Program

SMALL, LARGE = 1 << 10, 1 << 24  # multiply-adds between which a product is BLAS's, but better done by one thread


def wants_one_thread(program: Program) -> bool:
    """Whether a program has products for BLAS, and none that is large; or calls, whose rules use NumPy's threads."""
    if program.calls:
        return True
    blocks = (segment for segment in program.segments if isinstance(segment, Block))
    sizes = [math.prod(block.sizes) for block in blocks if block.name == "matmul"]
    return any(size > SMALL for size in sizes) and max(sizes) < LARGE


class _Blas:
    """SciPy's BLAS, its own or the only one there is, if its threads can be counted; else nothing happens."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.users, self.usual = 0, 0

    @cached_property
    def library(self) -> Any:
        from scipy.linalg import cython_blas  # noqa: F401  (loads the library)
        from threadpoolctl import ThreadpoolController

        found = ThreadpoolController().select(user_api="blas").lib_controllers
        own = [library for library in found if "scipy.libs" in library.filepath]
        return own[0] if own else found[0] if len(found) == 1 else None

    def __enter__(self) -> None:
        if self.library is None:
            return
        with self.lock:
            if self.users == 0:
                self.usual = self.library.get_num_threads()
                if self.usual > 1:
                    self.library.set_num_threads(1)
            self.users += 1

    def __exit__(self, *_: object) -> None:
        if self.library is None:
            return
        with self.lock:
            self.users -= 1
            if self.users == 0 and self.usual > 1:
                self.library.set_num_threads(self.usual)


one_thread = _Blas()
