"""`np.einsum`: a chain of products of two operands, each one an instruction or two.

The operands come together in the order of `np.einsum_path`. A pair that sums over something is a matrix
product, whose rows are the labels of the left operand alone and whose columns are those of the right one
alone; labels that both have and that stay are its batch. A pair that sums over nothing is an element-wise
product. Sums over what one operand alone has come first.
"""

from __future__ import annotations

import math
import string
from typing import Any

import numpy as np

from fastad.errors import DerivativeCut
from fastad.record.builder import user_line
from fastad.record.products import factor, matmul
from fastad.record.reductions import finish, total
from fastad.record.traced import plain

_NUMBERED = string.ascii_uppercase + string.ascii_lowercase  # in the order in which NumPy sorts labels
_BROADCAST = [chr(0x100 + i) for i in range(64)]  # labels of the axes that an ellipsis stands for


def einsum(
    *operands: Any, out: Any = None, optimize: Any = False, dtype: Any = None, order: str = "K", casting: str = "safe"
) -> Any:  # fmt: skip
    """Sum of products over the labels that the output does not have."""
    if dtype is not None and np.dtype(dtype) != np.float64:
        raise DerivativeCut(f"np.einsum with dtype={np.dtype(dtype)} at {user_line()}: fastad computes in float64")
    text, given = _as_text(operands)
    arrays = [factor(x) for x in given]
    labels, target = _labels(text, arrays)
    terms = [_own(x, own) for x, own in zip(arrays, labels, strict=True)]
    _check(text, arrays, terms)
    for places in _path(text, arrays, optimize):
        chosen = [terms.pop(i) for i in sorted(places, reverse=True)]
        while len(chosen) > 1:
            second, first = chosen.pop(), chosen.pop()
            wanted = set(target).union(*(own for _, own in (*terms, *chosen)))
            chosen.append(_pair(*second, *first, wanted))
        terms += chosen
    x, own = _summed(*terms[0], set(target))
    return finish(np.transpose(x, [own.index(c) for c in target])[()] if own != target else x, out)


# --- subscripts -------------------------------------------------------------------------------------
def _as_text(operands: tuple[Any, ...]) -> tuple[str, list[Any]]:
    """Subscripts as text, and the operands, of either form of call."""
    if not operands:
        raise ValueError("must specify the einstein sum subscripts string and at least one operand")
    if isinstance(operands[0], str):
        return operands[0].replace(" ", ""), list(operands[1:])
    arrays, lists = list(operands[0:-1:2]), list(operands[1::2])
    text = ",".join(_letters(part) for part in lists)
    return (f"{text}->{_letters(operands[-1])}" if len(operands) % 2 else text), arrays


def _letters(numbers: Any) -> str:
    return "".join("..." if i is Ellipsis else _NUMBERED[i] for i in numbers)


def _labels(text: str, arrays: list[Any]) -> tuple[list[str], str]:
    """The labels of the operands and of the result, where an ellipsis has labels of its own."""
    inputs, arrow, target = text.partition("->")
    parts = inputs.split(",")
    hidden = [x.ndim - len(own.replace("...", "")) for x, own in zip(arrays, parts, strict=False)]
    fits = len(parts) == len(arrays) and all(
        n >= 0 if "..." in own else n == 0 for n, own in zip(hidden, parts, strict=True)
    )
    if not fits or "." in text.replace("...", ""):
        _refuse(text, arrays)
    most = max([n for n, own in zip(hidden, parts, strict=True) if "..." in own], default=0)
    labels = [own.replace("...", "".join(_BROADCAST[most - n : most])) for own, n in zip(parts, hidden, strict=True)]
    if not arrow:
        single = sorted(c for c in set(inputs) - set(".,") if inputs.count(c) == 1)
        target = "..." * (most > 0) + "".join(single)
    if most and "..." not in target:
        _refuse(text, arrays)
    target = target.replace("...", "".join(_BROADCAST[:most]))
    if len(set(target)) < len(target) or not set(target) <= set("".join(labels)):
        _refuse(text, arrays)
    return labels, target


def _refuse(text: str, arrays: list[Any]) -> None:
    np.einsum(text, *map(plain, arrays))  # NumPy's own error
    raise ValueError(f"np.einsum({text!r}) at {user_line()}: the subscripts do not fit the operands")


def _check(text: str, arrays: list[Any], terms: list[tuple[Any, str]]) -> None:
    """Lengths of axes with the same label must agree, or be 1."""
    known: dict[str, int] = {}
    for x, own in terms:
        for label, n in zip(own, x.shape, strict=True):
            if known.setdefault(label, n) != n and n != 1:
                if known[label] != 1:
                    _refuse(text, arrays)
                known[label] = n


def _path(text: str, arrays: list[Any], optimize: Any) -> list[tuple[int, ...]]:
    """Which operands come together, step by step."""
    if len(arrays) <= 2:
        return [tuple(range(len(arrays)))]
    shapes = [np.broadcast_to(0.0, x.shape) for x in arrays]
    return np.einsum_path(text, *shapes, optimize=optimize or "greedy")[0][1:]


# --- operands ---------------------------------------------------------------------------------------
def _own(x: Any, labels: str) -> tuple[Any, str]:
    """An operand as a diagonal along labels that it has twice."""
    for label in dict.fromkeys(labels):
        while labels.count(label) > 1:
            i, j = labels.index(label), labels.rindex(label)
            if x.shape[i] != x.shape[j]:
                raise ValueError(
                    f"dimensions in single operand for collapsing index {label!r} don't match "
                    f"({x.shape[i]} != {x.shape[j]})"
                )
            x = np.diagonal(x, 0, i, j)
            labels = labels[:i] + labels[i + 1 : j] + labels[j + 1 :] + label
    return x, labels


def _summed(x: Any, labels: str, wanted: set[str]) -> tuple[Any, str]:
    axes = tuple(i for i, label in enumerate(labels) if label not in wanted)
    return (total(x, axes) if axes else x), "".join(label for label in labels if label in wanted)


def _pair(x: Any, a: str, y: Any, b: str, wanted: set[str]) -> tuple[Any, str]:
    """The product of two operands, summed over the labels that nothing later has."""
    x, a = _summed(x, a, wanted | set(b))
    y, b = _summed(y, b, wanted | set(a))
    x, a = _without_ones(x, a, y, b)
    y, b = _without_ones(y, b, x, a)
    shared = [c for c in a if c in b]
    batch, over = [c for c in shared if c in wanted], [c for c in shared if c not in wanted]
    left, right = [c for c in a if c not in shared], [c for c in b if c not in shared]
    if not over or (batch and not (left and right)):
        return _element_wise(x, a, y, b, over)
    sizes = _sizes(x, a) | _sizes(y, b)

    def matrices(z: Any, own: str, *groups: list[str]) -> Any:
        z = np.transpose(z, [own.index(c) for group in (batch, *groups) for c in group])
        return np.reshape(z, [sizes[c] for c in batch] + [math.prod(sizes[c] for c in group) for group in groups])

    result, labels = matmul(matrices(x, a, left, over), matrices(y, b, over, right)), batch + left + right
    return np.reshape(result, [sizes[c] for c in labels]), "".join(labels)


def _sizes(x: Any, labels: str) -> dict[str, int]:
    return dict(zip(labels, np.shape(plain(x)), strict=True))


def _without_ones(x: Any, a: str, y: Any, b: str) -> tuple[Any, str]:
    """x without the axes of length 1 that are broadcast against y."""
    longer = _sizes(y, b)
    axes = tuple(i for i, c in enumerate(a) if np.shape(plain(x))[i] == 1 and longer.get(c, 1) != 1)
    return (np.squeeze(x, axes), "".join(c for i, c in enumerate(a) if i not in axes)) if axes else (x, a)


def _element_wise(x: Any, a: str, y: Any, b: str, over: list[str]) -> tuple[Any, str]:
    """The product of elements, summed over some labels of both."""
    labels = a + "".join(c for c in b if c not in a)
    product = _spread(x, a, labels) * _spread(y, b, labels)
    return _summed(product, labels, set(labels).difference(over))


def _spread(x: Any, own: str, labels: str) -> Any:
    """The axes of an operand in the order of all labels, with length 1 where it has none."""
    if not own:
        return x
    x = np.transpose(x, sorted(range(len(own)), key=lambda i: labels.index(own[i])))
    return x[tuple(slice(None) if c in own else None for c in labels)]


def _einsum_path(*operands: Any, **options: Any) -> Any:
    text, given = _as_text(operands)
    return np.einsum_path(text, *(plain(factor(x)) for x in given), **options)


FUNCTIONS: dict[Any, Any] = {np.einsum: einsum, np.einsum_path: _einsum_path}
