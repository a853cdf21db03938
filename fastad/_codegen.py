"""Writes `kernels/dispatch.py` from the table of operations: `python -m fastad._codegen [--check]`.

Theory of operation. Opcodes are dispatched only where a formula is evaluated: the value alone
(primal), and value and partials (linearize), each for the scalar stream (a chain over opcodes that LLVM
turns into one jump table) and for a block of elements of the block stream (the same chain around short
loops). The rows of slopes, which only second derivatives need, have kernels of their own, so that first
derivatives do not wait for their compilation. The text is committed because kernels made by `exec` cannot
be cached on disk and lose their source lines.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from fastad import formula
from fastad.kernels.vector_math import FAST
from fastad.ops import ELEMENTALS, OPS, SLOPES, Op
from fastad.pullback import PULL, setup_for, stores_partials, used_names, way

TARGET = Path(__file__).parent / "kernels" / "dispatch.py"
HEADER = '''"""GENERATED from fastad/ops.py by `python -m fastad._codegen`: edit the row, not this file.

The kernels in which an opcode means a formula. Each is compiled on its own and called by address
(`fastad.kernels`), with raw pointers: `values` are the slots, `work` a workspace in which x, y, w, z
and the targets are offsets.
"""

import math

import numpy as np

from fastad.kernels.vector_math import (
    {names}
)
'''


def _names(op: Op) -> frozenset[str]:
    return frozenset((*op.operands, "v", *(name for name, _ in op.setup)))


def _statements(op: Op, targets: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Assignments (name, formula) that evaluate `targets` (name, formula), the setup rows they need in between.

    Where the result is not among the targets, `v` is there already.
    """
    setup = setup_for(op, [text for _, text in targets])
    after: list[tuple[str, str]] = []
    for name, text in setup if targets[0][0] == "v" else ():
        if used_names(text) & {"v", *(n for n, _ in after)}:
            after.append((name, text))
    before = [row for row in setup if row not in after]
    steps = [*before, *targets[:1], *after, *targets[1:]]
    return steps


def _lines(op: Op, statements: list[tuple[str, str]]) -> list[str]:
    return [f"{name} = {formula.kernel_text(text, _names(op))}" for name, text in statements]


def _targets(op: Op, primal: bool, partials: bool) -> list[tuple[str, str]]:
    rows = [("v", op.primal)] if primal else []
    return rows + list(zip(("da", "db", "dc"), op.partials, strict=False)) if partials else rows


def _chain(bodies: list[tuple[Op, list[str]]], indent: str, last: list[str]) -> list[str]:
    """One branch a distinct body; rows that need the same statements share it."""
    shared: dict[tuple[str, ...], list[Op]] = {}
    for op, body in bodies:
        shared.setdefault(tuple(body), []).append(op)
    lines: list[str] = []
    for statements, ops in shared.items():
        if list(statements) == last:
            continue
        test = " or ".join(f"op == {op.code}" for op in ops)
        names = ", ".join(op.name for op in ops)
        lines.append(f"{indent}{'el' if lines else ''}if {test}:  # {names}")
        lines += [f"{indent}    {text}" for text in statements]
    return [*lines, f"{indent}else:", *(f"{indent}    {text}" for text in last)]


def _scalar_kernel(name: str, ops: Sequence[Op], places: dict[str, str], **wanted: bool) -> list[str]:
    """One pass over the instructions start..stop of the scalar stream."""
    lines = ["", "", f"def {name}(opcode, left, right, start, stop, first, values, target):"]
    lines += ["    for i in range(start, stop):", "        op = opcode[i]"]
    lines += ["        a = values[left[i]]", "        b = values[right[i]]"]
    bodies = []
    for op in (row for row in ops if row.arity <= 2):
        targets = _targets(op, **wanted)
        missing = [f"{target} = 0.0" for target in places if target not in dict(targets)]
        bodies.append((op, _lines(op, _statements(op, targets)) + missing))
    lines += _chain(bodies, " " * 8, [f"{target} = np.nan" for target in places])
    return lines + [f"        {place} = {target}" for target, place in places.items()]


def _block_body(op: Op, statements: list[tuple[str, str]], stores: list[str]) -> list[str]:
    """The loop that carries out `statements` and `stores` for each element.

    Where it calls costly functions there are two: one that LLVM vectorises, and if an element does not
    fit, the same once more with the library's functions.
    """
    texts = dict(statements)
    used = set().union(*map(used_names, texts.values())) - texts.keys()
    loads = [("a", "x"), ("b", "y"), ("c", "w"), ("v", "z")]
    loaded = [f"{name} = work[{array} + j]" for name, array in loads if name in used]
    slow = ["for j in range(n):", *(f"    {text}" for text in [*loaded, *_lines(op, statements), *stores])]
    quick, checks = _fast(texts, _names(op))
    if not checks:
        return slow
    assert not any("+=" in store for store in stores), "a loop that is done again must not add to anything"
    counted = [f"misfits += 0 if {check} else 1" for check in checks]
    loop = [f"    {text}" for text in [*loaded, *quick, *counted, *stores]]
    return ["misfits = 0", "for j in range(n):", *loop, "if misfits > 0:", *(f"    {line}" for line in slow)]


def _fast(texts: dict[str, str], names: frozenset[str]) -> tuple[list[str], list[str]]:
    """The same assignments with vectorisable functions, and what each element must satisfy."""
    lines: list[str] = []
    checks: list[str] = []
    for name, text in texts.items():
        statements, conditions = formula.fast_statements(name, text, names)
        lines += statements
        checks += conditions
    return lines, list(dict.fromkeys(checks))


def _block_kernel(name: str, ops: Sequence[Op], places: dict[str, str], **wanted: bool) -> list[str]:
    """One operation over n elements; operands and results are contiguous."""
    lines = ["", "", f"def {name}(op, work, x, y, w, z, n, first, second, third):"]
    bodies = []
    for op in ops:
        statements = _statements(op, [row for row in _targets(op, **wanted) if row[0] in places])
        # A partial that no operand has is not read.
        own = dict(list(places.items())[: op.arity + wanted["primal"]])
        known = {name for name, _ in statements}
        stores = [f"work[{place} + j] = {name if name in known else '0.0'}" for name, place in own.items()]
        bodies.append((op, _block_body(op, statements, stores)))
    zero = "np.nan" if wanted["primal"] else "0.0"
    nothing = ["for j in range(n):", *(f"    work[{place} + j] = {zero}" for place in places.values())]
    return lines + _chain(bodies, " " * 4, nothing)


def _adjoint_kernel(name: str, ops: Sequence[Op]) -> list[str]:
    """Partials times the adjoints of the result (`seeds`), added to the adjoints of the operands that have a place."""
    lines = ["", "", f"def {name}(op, work, x, y, w, z, n, first, second, third, seeds, at_once):"]
    product = "0.0 if slope == 0.0 or bar == 0.0 else slope * bar"
    bodies = []
    for op in ops:
        body: list[str] = []
        for k, place in enumerate(("first", "second", "third")[: op.arity]):
            if way(op.code, k)[0] == PULL and op.partials[k] != "0":
                statements = _statements(op, [("slope", op.partials[k])])
                for test, store in ((f"{place} >= 0 and at_once & {1 << k}", "="), (f"{place} >= 0", "+=")):
                    stores = ["bar = work[seeds + j]", f"work[{place} + j] {store} {product}"]
                    body += [f"{'el' * (store == '+=')}if {test}:"]
                    body += [f"    {line}" for line in _block_body(op, statements, stores)]
        if body:
            bodies.append((op, body))
    return lines + _chain(bodies, " " * 4, ["return"])


def generate() -> str:
    """The whole text of `kernels/dispatch.py`."""
    result = {"v": "values[first + i - start]"}
    slopes = {"da": "target[2 * i]", "db": "target[2 * i + 1]"}
    places = {"da": "first", "db": "second", "dc": "third"}
    lines: list[str] = []
    for name, ops in (("scalar", OPS), ("scalar_and_slope", ELEMENTALS)):
        lines += _scalar_kernel(f"{name}_primal", ops, result, primal=True, partials=False)
        lines += _scalar_kernel(f"{name}_linearize", ops, result | slopes, primal=True, partials=True)
    for name, ops in (("block", OPS), ("slope", SLOPES)):
        costly = [op for op in ops if stores_partials(op.code)]
        lines += _block_kernel(f"{name}_primal", ops, {"v": "z"}, primal=True, partials=False)
        lines += _block_kernel(f"{name}_linearize", costly, {"v": "z"} | places, primal=True, partials=True)
        lines += _adjoint_kernel(f"{name}_adjoint", ops)
        lines += _block_kernel(f"{name}_partials", ops, places, primal=False, partials=True)
    text = "\n".join(lines) + "\n"
    imported = [f"{prefix}_{suffix}" for prefix in ("fast", "fits") for suffix in FAST.values()]
    names = [name for name in sorted(imported) if f"{name}(" in text]
    return HEADER.format(names=",\n    ".join([*names, "sech"])) + text


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m fastad._codegen", description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="only say whether the committed file is fresh")
    check = parser.parse_args(arguments).check
    text = generate()
    fresh = TARGET.exists() and TARGET.read_text() == text
    if check:
        print(f"{TARGET.name} is {'fresh' if fresh else 'STALE: run python -m fastad._codegen'}")
        return 0 if fresh else 1
    if not fresh:
        TARGET.write_text(text)
    print(f"{TARGET.name}: {len(ELEMENTALS)} rows, {text.count(chr(10))} lines{'' if not fresh else ', unchanged'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
