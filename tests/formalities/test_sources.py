"""The sources agree with one another: generated files, opcodes, docstrings, doctests, sizes of files."""

from __future__ import annotations

import ast
import doctest
import importlib
import inspect
import pkgutil
from pathlib import Path

import pytest

import fastad as ad
from fastad import _codegen
from fastad.kernels import tape_passes
from fastad.ops import BY_NAME

PACKAGE = Path(ad.__file__).parent
MODULES = [name for _, name, _ in pkgutil.walk_packages([str(PACKAGE)], "fastad.") if not name.endswith("__main__")]
PUBLIC = [name for name, value in vars(ad).items() if not name.startswith("_") and callable(value)]


def test_the_generated_kernels_are_fresh() -> None:
    assert _codegen.main(["--check"]) == 0


@pytest.mark.parametrize("name", ["add", "subtract", "multiply", "divide", "copy"])
def test_opcodes_that_a_kernel_spells_out_are_the_table_s(name) -> None:
    assert getattr(tape_passes, name.upper()) == BY_NAME[name].code


@pytest.mark.parametrize("name", PUBLIC)
def test_public_names_have_full_docstrings(name) -> None:
    value = getattr(ad, name)
    text = inspect.getdoc(value) or ""
    assert text.splitlines()[0].endswith(".") or len(text.splitlines()[0]) > 20
    if inspect.isfunction(value) and inspect.signature(value).parameters:
        assert "Parameters\n" in text and "Returns\n" in text and "Examples\n" in text


@pytest.mark.parametrize("name", ["primal", "tangent", "adjoint", "trace"])
def test_methods_of_tapes_state_shapes(name) -> None:
    text = inspect.getdoc(getattr(ad.Tape, name))
    assert "Parameters\n" in text and "Returns\n" in text


def test_every_error_is_documented_and_under_one_base() -> None:
    classes = [value for value in vars(ad.errors).values() if inspect.isclass(value)]
    assert all(issubclass(cls, ad.errors.FastADError) and cls.__doc__ for cls in classes)


@pytest.mark.parametrize("name", MODULES)
def test_doctests(name) -> None:
    module = importlib.import_module(name)
    result = doctest.testmod(module)
    assert result.failed == 0


def test_kernels_import_nothing_of_the_package_but_kernels() -> None:
    for path in (PACKAGE / "kernels").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("fastad"):
                assert node.module.startswith("fastad.kernels"), f"{path.name} imports {node.module}"


def test_kernels_are_compiled_with_the_same_options() -> None:
    lines = {
        line.strip()
        for path in (PACKAGE / "kernels").glob("*.py")
        for line in path.read_text().splitlines()
        if line.startswith("kernel = njit(")
    }
    assert len(lines) == 1
    assert "fastmath" not in lines.pop()


def test_hand_written_files_stay_readable() -> None:
    sizes = {path: len(path.read_text().splitlines()) for path in PACKAGE.rglob("*.py") if path.name != "dispatch.py"}
    assert max(sizes.values()) <= 400, max(sizes, key=sizes.get)
