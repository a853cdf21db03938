"""What people see while kernels compile for the first time."""

import re

import pytest

import fastad as ad
from fastad import kernels


class Absent(kernels._Kernel):
    """A kernel that is in no cache and compiles at once."""

    cached = property(lambda self: self._ready)

    def _compile(self, disk):
        self.compiled = True


def first():
    return 0.0


def second():
    return 1.0


@pytest.fixture
def absent(monkeypatch):
    pair = (Absent(first), Absent(second))
    monkeypatch.setattr(kernels, "ALL", pair)
    monkeypatch.setattr(kernels, "_spent", [])
    return pair


def test_each_kernel_is_announced_with_how_many_there_are(absent, capsys):
    assert kernels.missing() == ["first", "second"]
    assert ad.warmup() < 10.0
    lines = capsys.readouterr().err.splitlines()
    assert re.fullmatch(r"fastad: compiling kernel 1 of 2, once on this machine: first \.\.\. \d+\.\d s", lines[0])
    assert re.fullmatch(r"fastad: compiling kernel 2 of 2, once on this machine: second \.\.\. \d+\.\d s", lines[1])
    assert re.fullmatch(r"fastad: all kernels are compiled, \d+ s in all", lines[2])
    assert kernels.missing() == []


def test_nothing_is_said_of_kernels_that_are_there(absent, capsys):
    ad.warmup()
    capsys.readouterr()
    ad.warmup()
    assert capsys.readouterr().err == ""


def test_without_stderr(absent, monkeypatch):
    monkeypatch.setattr("sys.stderr", None)
    ad.warmup()
    assert all(kernel.compiled for kernel in absent)
