"""Every benchmark of every asv suite runs once, with its first parameters, so that none can rot."""

from __future__ import annotations

import importlib
import inspect
import itertools
import json
from pathlib import Path

import pytest

FOLDER = Path(__file__).resolve().parents[2] / "bench"
KINDS = ("time_", "track_", "peakmem_", "mem_")
# These measure the compilation of all kernels, which the tests have done once; their helper is tested instead.
SLOW = {"track_compile_all_kernels"}


def benchmarks() -> list[tuple[type, str]]:
    found = []
    for path in sorted((FOLDER / "suites").glob("[a-z]*.py")):
        module = importlib.import_module(f"bench.suites.{path.stem}")
        for _, suite in inspect.getmembers(module, inspect.isclass):
            if suite.__module__ == module.__name__:
                found += [(suite, name) for name in dir(suite) if name.startswith(KINDS)]
    return found


@pytest.mark.parametrize(("suite", "name"), benchmarks(), ids=lambda value: getattr(value, "__name__", value))
def test_benchmark_runs(suite: type, name: str) -> None:
    if name in SLOW:
        return
    instance = suite()
    params = getattr(suite, "params", [])
    first = [p[0] for p in params] if params and isinstance(params[0], list) else params[:1]
    try:
        getattr(instance, "setup", lambda *_: None)(*first)
    except NotImplementedError:
        pytest.skip("not in this version")
    try:
        result = getattr(instance, name)(*first)
        assert not name.startswith("track_") or result > 0
    finally:
        getattr(instance, "teardown", lambda *_: None)(*first)


def test_every_theme_has_benchmarks() -> None:
    themes = {suite.__module__.rpartition(".")[2] for suite, _ in benchmarks()}
    assert themes == {
        "compiled", "control", "gradients", "lanes", "memory", "objectives", "recording", "second_order", "sparse",
        "starting", "sweeps",
    }  # fmt: skip


def test_parameters_are_the_arguments() -> None:
    for suite, name in benchmarks():
        params, names = getattr(suite, "params", []), getattr(suite, "param_names", [])
        axes = len(params) if params and isinstance(params[0], list) else min(1, len(params))
        assert len(names) == axes
        assert len(inspect.signature(getattr(suite, name)).parameters) == axes + 1
        assert len(list(itertools.chain(params))) >= axes


def test_new_processes_are_timed(tmp_path: Path) -> None:
    starting = importlib.import_module("bench.suites.starting")
    assert starting.seconds("pass", str(tmp_path)) > 0.0
    with pytest.raises(Exception, match="non-zero exit"):
        starting.seconds("raise SystemExit(1)")


def test_configuration_names_what_is_there() -> None:
    configuration = json.loads((FOLDER / "asv.conf.json").read_text())
    assert (FOLDER / configuration["benchmark_dir"]).is_dir()
    assert (FOLDER / configuration["repo"] / "pyproject.toml").is_file()
