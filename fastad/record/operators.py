"""The operators of traced scalars and arrays, made by a loop over the table.

Code that works number by number spends its recording time here, so the four operations of traced scalars
with one another and with numbers append to the tape themselves; everything else goes through
`elementwise`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from fastad.ops import BY_NAME, Op
from fastad.record.elementwise import apply_operator, elementwise
from fastad.record.traced import TracedArray, TracedScalar

_PASSIVE_OPERANDS = (float, int, bool, complex, np.generic, np.ndarray, list, tuple)


def _array_operator(op: Op, reflected: bool) -> Callable[..., Any]:
    def operator(self: Any, other: Any) -> Any:
        if not isinstance(other, _PASSIVE_OPERANDS):
            return NotImplemented
        if isinstance(other, list | tuple) or (type(other) is np.ndarray and other.dtype == object):
            from fastad.record.creation import gather_objects

            other = gather_objects(other)
        return apply_operator(op, other, self) if reflected else apply_operator(op, self, other)

    return operator


def _in_place(op: Op) -> Callable[..., Any]:
    def operator(self: Any, other: Any) -> Any:
        self[...] = apply_operator(op, self, other)
        return self

    return operator


def _quick(op: Op, value: Callable[[float, float], float], slow: Callable[..., Any]) -> Callable[..., Any]:
    """The operator of a traced scalar: floats and traced scalars here, everything else the slow way."""
    code = op.code

    def operator(self: TracedScalar, other: Any) -> Any:
        builder, kind = self.builder, type(other)
        if builder.log is not None or type(self.value) is bool:
            return slow(self, other)
        if kind is TracedScalar:
            if other.builder is not builder or type(other.value) is bool:
                return slow(self, other)
            right, y = other.slot, other.value
        elif kind is float or kind is int:
            right, y = builder._scalars.get(other) or builder.constant(float(other)), other
        else:
            return slow(self, other)
        try:
            result = value(self.value, y)
        except ArithmeticError:
            return slow(self, other)
        builder.opcode.append(code)
        builder.left.append(self.slot)
        builder.right.append(right)
        slot = builder.next
        builder.next = slot + 1
        return TracedScalar(builder, slot, result)

    return operator


def _quick_reflected(op: Op, value: Callable[[float, float], float], slow: Callable[..., Any]) -> Callable[..., Any]:
    code = op.code

    def operator(self: TracedScalar, other: Any) -> Any:
        builder, kind = self.builder, type(other)
        if (kind is not float and kind is not int) or builder.log is not None or type(self.value) is bool:
            return slow(self, other)
        try:
            result = value(other, self.value)
        except ArithmeticError:
            return slow(self, other)
        left = builder._scalars.get(other) or builder.constant(float(other))
        return TracedScalar(builder, builder.scalar(code, left, self.slot), result)

    return operator


def install_operators() -> None:
    import operator as o

    arithmetic = {"add": o.add, "sub": o.sub, "mul": o.mul, "truediv": o.truediv}
    names = {
        "add": "add", "sub": "subtract", "mul": "multiply", "truediv": "divide", "floordiv": "floor_divide",
        "mod": "remainder", "pow": "power", "and": "logical_and", "or": "logical_or", "xor": "logical_xor",
    }  # fmt: skip
    for python_name, row in names.items():
        op = BY_NAME[row]
        for cls in (TracedScalar, TracedArray):
            setattr(cls, f"__{python_name}__", _array_operator(op, False))
            setattr(cls, f"__r{python_name}__", _array_operator(op, True))
        setattr(TracedArray, f"__i{python_name}__", _in_place(op))
        if python_name in arithmetic:
            value = arithmetic[python_name]
            slow = TracedScalar.__dict__
            setattr(TracedScalar, f"__{python_name}__", _quick(op, value, slow[f"__{python_name}__"]))
            setattr(TracedScalar, f"__r{python_name}__", _quick_reflected(op, value, slow[f"__r{python_name}__"]))
    comparisons = {
        "lt": "less",
        "le": "less_equal",
        "gt": "greater",
        "ge": "greater_equal",
        "eq": "equal",
        "ne": "not_equal",
    }
    for python_name, row in comparisons.items():
        for cls in (TracedScalar, TracedArray):
            setattr(cls, f"__{python_name}__", _array_operator(BY_NAME[row], False))
    for cls in (TracedScalar, TracedArray):
        cls.__neg__ = lambda self: elementwise(BY_NAME["negative"], self)
        cls.__pos__ = lambda self: elementwise(BY_NAME["copy"], self)
        cls.__abs__ = lambda self: elementwise(BY_NAME["absolute"], self)
        cls.__invert__ = lambda self: elementwise(BY_NAME["logical_not"], self)
        cls.__divmod__ = lambda self, other: (self // other, self % other)
        cls.__rdivmod__ = lambda self, other: (other // self, other % self)
        cls.__matmul__ = lambda self, other: np.matmul(self, other)
        cls.__rmatmul__ = lambda self, other: np.matmul(other, self)
    TracedArray.__imatmul__ = lambda self, other: np.matmul(self, other, out=self)


install_operators()
