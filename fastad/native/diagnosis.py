"""What Numba cannot compile for active values, in words: the function, the line, and what to do.

Theory of operation. Numba's error is a text that goes from the outermost call to the innermost and back. The innermost
function without an implementation is what is missing; the first place behind it that is the user's is where.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from numba.core.errors import NumbaError

from fastad.errors import FastADError, NonScalarOutput, UnsupportedFunction
from fastad.native.results import NOT_SCALAR

_FRAME = re.compile(
    r"Failed in|^During|No implementation|^>>>|^There |^- Of which|^Intrinsic in|^With arg|^Rejected|^raised"
)
OURS = str(Path(__file__).parent)


def explains_errors(compiled: Any, function: Any) -> Any:
    """A compiled derivative of a function, whose errors of compiling say what the function does that has no rule.

    Wherever it is compiled from: a call from Python, or compiled code that calls it.
    """
    compile_plainly = compiled.compile

    def compile(signature: Any) -> Any:
        try:
            return compile_plainly(signature)
        except NumbaError as error:
            raise explained(function, error) from None

    compiled.compile = compile
    return compiled


def explained(function: Any, error: NumbaError) -> FastADError:
    """One of Numba's errors in words; the flag `assigns` says that giving arrays active elements may help."""
    if NOT_SCALAR in str(error):
        return NonScalarOutput(
            f"{function.__name__} returns no single number, and a gradient is of one: use jacobian, or sum the result"
        )
    found = unsupported(function, error)
    found.assigns_plain_array = assigns_plain_array(error)  # type: ignore[attr-defined]
    return found


def unsupported(function: Any, error: Exception) -> UnsupportedFunction:
    """The error that stands for one of Numba's."""
    text = re.sub(r"\x1b\[[0-9;]*m", "", str(error))
    return UnsupportedFunction(
        f"the compiled function {function.__name__} cannot be differentiated as it is: {_construct(text)} at "
        f"{_place(text, function)} has no rule for active values; write it with operations on numbers and arrays "
        f"(loops cost nothing here), or differentiate the Python function, {function.__name__}.py_func"
    )


def _construct(text: str) -> str:
    found = re.findall(r"No implementation of function (.*?) found for signature:\s*>>> (.*)", text)
    found = [row for row in found if "_guarded_call" not in row[0]]
    if found:
        return f"the call {_in_words(found[-1][1].strip())}"
    attribute = re.findall(r"Unknown attribute '(\w+)' of type (.*)", text)
    if attribute:
        return f"the attribute {attribute[-1][0]!r} of {_in_words(attribute[-1][1])}"
    lines = [line.strip() for line in text.splitlines()]
    reasons = [re.sub(r"^\w+Error: ", "", line) for line in lines if line and not _FRAME.search(line)]
    reason = next((line for line in reasons if "annot" in line), reasons[0] if reasons else "unknown to Numba")
    return f"a construct ({_in_words(reason)[:160]})"


def assigns_plain_array(error: Exception) -> bool:
    """Whether what failed is the assignment of an active number to an element of an array of floats."""
    return re.search(r">>> setitem\(array\(float\d+, .*(?:Edges|Dual|Tape)", str(error)) is not None


def _in_words(text: str) -> str:
    """Numba's names of active types as a reader understands them."""
    kind = r"(?:Edges|Dual)\[(?:[^\[\]]|\[[^\[\]]*\])*\]|Tape"
    text = re.sub(rf"array\((?:{kind}), (\d)d, \w\)", r"active array (\1-d)", text)
    return re.sub(kind, "active number", text)


def _place(text: str, function: Any) -> str:
    found = re.findall(r"typing of .*? at ([^\n(]+) \((\d+)\)", text) or re.findall(r'File "([^"]+)", line (\d+)', text)
    for path, line in found:
        if not path.startswith((OURS, "<")) and "numba" not in Path(path).parts:
            return f"{path}:{line}"
    code = function.py_func.__code__
    return f"{code.co_filename}:{code.co_firstlineno}"
