"""New processes: import, first gradient, and the compilation of all kernels into an empty cache."""

import os
import subprocess
import sys
import tempfile
import time

FIRST = "import numpy, fastad; fastad.grad(numpy.sum)(numpy.ones(3))"
ALL = "import fastad; fastad.warmup()"


def seconds(program, cache=None):
    """How long a new process takes."""
    environment = os.environ | ({"NUMBA_CACHE_DIR": cache} if cache else {})
    started = time.perf_counter()
    subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, env=environment)
    return time.perf_counter() - started


class Warm:
    """A process whose kernels are in the cache."""

    timeout = 600

    def setup(self):
        seconds(FIRST)

    def track_import(self):
        return min(seconds("import fastad") for _ in range(3))

    track_import.unit = "seconds"

    def track_first_gradient(self):
        return min(seconds(FIRST) for _ in range(3))

    track_first_gradient.unit = "seconds"


class Cold:
    """A machine that has compiled nothing."""

    timeout = 1200

    def track_compile_all_kernels(self):
        with tempfile.TemporaryDirectory() as cache:
            return seconds(ALL, cache)

    track_compile_all_kernels.unit = "seconds"
