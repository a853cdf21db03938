"""What Numba cannot compile for active values, in words: the function, the line, and what to do."""

from __future__ import annotations

import re
from typing import Any

from fastad.errors import UnsupportedFunction


def unsupported(function: Any, error: Exception) -> UnsupportedFunction:
    """The error that stands for one of Numba's."""
    text = re.sub(r"\x1b\[[0-9;]*m", "", str(error))
    return UnsupportedFunction(
        f"the compiled function {function.__name__} cannot be differentiated as it is: {_construct(text)} at "
        f"{_place(text, function)} has no rule for active values; write it with operations on numbers and arrays "
        f"(loops cost nothing here), or differentiate the Python function, {function.__name__}.py_func"
    )


def _construct(text: str) -> str:
    found = re.findall(r"No implementation of function (.*?) found for signature", text, re.S)
    if found:
        name = re.search(r"(?:built-in function|function|ufunc|class) '?([\w.]+)", found[-1])
        return f"the call of {name.group(1) if name else found[-1].strip()}"
    found = re.findall(r"Unknown attribute '(\w+)'", text)
    if found:
        return f"the attribute {found[-1]!r} of an active value"
    lines = [line.strip() for line in text.splitlines() if line.strip() and not line.startswith("Failed in")]
    return f"a construct ({lines[0][:120]})" if lines else "a construct"


def _place(text: str, function: Any) -> str:
    found = [place for place in re.findall(r'File "([^"]+)", line (\d+)', text) if "fastad/native" not in place[0]
             and "<entry" not in place[0]]  # fmt: skip
    if found:
        return f"{found[-1][0]}:{found[-1][1]}"
    code = function.py_func.__code__
    return f"{code.co_filename}:{code.co_firstlineno}"
