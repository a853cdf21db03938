"""No stale kernel answers: the disk cache follows the text of every kernel source, callees included.

Numba's own rule (the time stamp and size of the one file that defines a kernel) is defeated here on
purpose: sources are changed without changing their size, and their time stamps are put back.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import fastad

CALLEE = "from numba import njit\n\n\n@njit\ndef factor(x):\n    return 2.0 * x\n"
KERNEL = """from numba import njit

from fastad.kernels.callee import factor


@njit
def scaled(x):
    return factor(x) + 1.0
"""
PROGRAM = """
from numba import types
from fastad import kernels
from fastad.kernels import scaling
entry = kernels._Entry(scaling.scaled, types.float64(types.float64))
print(entry(10.0), "cached" if entry.dispatcher.stats.cache_hits else "compiled")
"""


@pytest.fixture
def package(tmp_path) -> Path:
    """A copy of the package with a small kernel and its callee in two files of their own."""
    copy = tmp_path / "fastad"
    shutil.copytree(Path(fastad.__file__).parent, copy, ignore=shutil.ignore_patterns("__pycache__"))
    (copy / "kernels" / "callee.py").write_text(CALLEE)
    (copy / "kernels" / "scaling.py").write_text(KERNEL)
    return copy


def answer(package: Path) -> str:
    environment = {**os.environ, "PYTHONPATH": str(package.parent), "NUMBA_CACHE_DIR": str(package.parent / "cache")}
    command = [sys.executable, "-c", PROGRAM]
    result = subprocess.run(
        command, capture_output=True, text=True, env=environment, cwd=package.parent, check=True, timeout=300
    )
    return result.stdout.strip()


def change(path: Path, old: str, new: str) -> None:
    """Another text of the same size, with the same time stamp."""
    stamp = path.stat()
    text = path.read_text()
    assert old in text and len(old) == len(new)
    path.write_text(text.replace(old, new))
    os.utime(path, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))


def test_an_unchanged_kernel_comes_from_the_cache(package) -> None:
    assert answer(package) == "21.0 compiled"
    assert answer(package) == "21.0 cached"


@pytest.mark.parametrize(
    ("file", "old", "new", "expected"),
    [("scaling.py", "+ 1.0", "+ 5.0", "25.0"), ("callee.py", "2.0 * x", "3.0 * x", "31.0")],
    ids=["the kernel's own source", "a callee in another file"],
)
def test_a_changed_source_is_compiled_anew(package, file, old, new, expected) -> None:
    assert answer(package) == "21.0 compiled"
    change(package / "kernels" / file, old, new)
    assert answer(package) == f"{expected} compiled"


def test_the_generated_formulas_count_too(package) -> None:
    assert answer(package) == "21.0 compiled"
    change(package / "kernels" / "dispatch.py", "v = a + b", "v = a - b")
    assert answer(package) == "21.0 compiled"
