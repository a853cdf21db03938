"""Every way in which Python looks at a value: recorded at one point, right at another where it comes out otherwise."""

from __future__ import annotations

import bisect
import math

import numpy as np
import pytest

import fastad as ad
from fastad.errors import ChangedConstant, RecordingMismatch

HERE, THERE = np.array([0.7, 2.3, -0.4]), np.array([3.6, 1.2, 0.9])

LOOKS = {
    "if": lambda x: x[0] ** 2 if x[0] < x[1] else x[0] * x[1] ** 3,
    "bool": lambda x: x[1] * (2.0 if bool(np.maximum(x[2], 0.0)) else 5.0),
    "not": lambda x: x[1] if not x[2] > 0.0 else x[0] ** 3,
    "and, or": lambda x: x[0] if (x[2] < 0 and x[0] < 1) or x[1] > 9 else x[1] ** 2,
    "chained": lambda x: x[0] if 0.0 < x[0] < 1.0 else x[1] ** 2,
    "int": lambda x: x[1] * int(x[0] * 3.0),
    "round": lambda x: x[1] * round(x[0]),
    "floor": lambda x: x[1] * math.floor(x[0]) + x[2] * math.ceil(x[1]),
    "len of a mask": lambda x: np.sum(x) * len(x[x > 0.0]),
    "range": lambda x: sum(x[1] ** k for k in range(int(x[0]) + 1)),
    "index": lambda x: x[int(x[0] > 1.0)] ** 2,
    "index of a list": lambda x: [x[0], x[1] ** 2, x[2], x[0] * x[1]][int(x[0])],
    "while": lambda x: _halved(x[0] * 10.0),
    "equal": lambda x: x[1] if round(x[0]) == 1 else x[1] ** 2,
    "in": lambda x: x[1] if 1.0 in np.round(x[:1]) else x[1] ** 2,
    "any": lambda x: np.sum(x) if (x < 0.0).any() else np.prod(x),
    "all": lambda x: np.sum(x) if np.all(x > 0.0) else np.prod(x),
    "built-in any": lambda x: x[0] if any(v < 0 for v in x) else x[1] ** 2,
    "max": lambda x: max(x) ** 2 + min(x[0], x[1]),
    "max by key": lambda x: max(x, key=lambda v: (v - 1.0) ** 2) ** 2,
    "sorted": lambda x: sorted(x)[1] ** 2 + sorted(x, reverse=True)[0],
    "argmax": lambda x: x[np.argmax(x)] ** 2 * x[np.argmin(x)],
    "argsort": lambda x: np.sum(np.argsort(x) * x**2),
    "sort": lambda x: np.sort(x) @ np.array([1.0, 10.0, 100.0]),
    "median": lambda x: np.median(x) ** 2,
    "nonzero": lambda x: np.sum(x[np.nonzero(x > 1.0)] ** 2),
    "where of one argument": lambda x: np.sum(x[np.where(x > 1.0)[0]] ** 2),
    "count_nonzero": lambda x: x[1] * np.count_nonzero(x > 1.0),
    "mask": lambda x: np.sum(x[x > 1.0] ** 2) - np.sum(x[~(x > 1.0)]),
    "assignment by a mask": lambda x: _clipped(x) @ np.array([1.0, 2.0, 3.0]),
    "searchsorted": lambda x: x[1] * np.searchsorted([0.0, 1.0, 2.0], x[0]),
    "bisect": lambda x: x[1] * bisect.bisect([0.0, 1.0, 2.0], x[0]),
    "isclose": lambda x: x[0] if np.isclose(x[0], 0.7, atol=0.5) else x[1] ** 2,
    "filter": lambda x: sum(v**2 for v in x if v > 1.0),
    "dict of truth": lambda x: {True: x[0], False: x[1] ** 2}[bool(x[2] < 0.0)],
    "divmod": lambda x: divmod(x[0], 1.0)[1] * x[1] + divmod(x[0], 1.0)[0] * x[2],
    "enumerate and break": lambda x: next(i * v for i, v in enumerate(x, 1) if v > 0.8),
    "try": lambda x: _tried(x),
    "try a logarithm in a helper": lambda x: _logarithm(x[2], x[0]) * x[1],
    "try a power": lambda x: _power(x[2]) * x[1],
    "try a factorisation": lambda x: _factorised(x),
    "assert": lambda x: _asserted(x),
    "np.select": lambda x: np.sum(np.select([x > 2.0, x > 0.0], [x**3, x**2], x)),
    "str of a branch": lambda x: {"up": x[0], "down": x[1] ** 2}["up" if x[0] < 1.0 else "down"],
}


def _halved(v):
    steps = 0
    while v > 1.0:
        v, steps = v / 2.0, steps + 1
    return v * steps


def _clipped(x):
    y = x.copy()
    y[y < 0.0] = 0.0
    y[y > 2.0] = y[y > 2.0] * 0.1
    return y


def _tried(x):
    try:
        return math.sqrt(x[2]) * x[1]
    except ValueError:
        return x[0] ** 2


def _logarithm(v, otherwise):
    def helper():
        return math.log(v + 0.0) + 1.0

    try:
        return helper()
    except ValueError:
        return otherwise**2


def _power(v):
    try:
        return math.pow(v, 0.5)
    except ValueError:
        return 3.0 * v


def _factorised(x):
    try:
        return np.sum(np.linalg.cholesky(np.diag(x + 0.5) + x[2] * np.ones((3, 3))))
    except np.linalg.LinAlgError:
        return x[0] ** 2 * x[1]


def _asserted(x):
    assert x[1] > 0.0
    return x[0] ** 2 if x[2] < 0.0 else x[1]


def differences(f, x):
    step = 1e-4
    return np.array([(f(x + step * e) - f(x - step * e)) / (2.0 * step) for e in np.eye(x.size)])


@pytest.mark.parametrize("name", LOOKS)
def test_the_other_side(name):
    """Each point's gradient, in an order in which every replay would be wrong without a guard."""
    f = LOOKS[name]
    run, lanes = ad.value_and_grad(f), ad.vmap(ad.grad(f))
    for x in (HERE, THERE, HERE, THERE + 0.01, HERE + 0.01):
        value, gradient = run(x)
        assert value == pytest.approx(f(x), rel=1e-14)
        np.testing.assert_allclose(gradient, differences(f, x), rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(lanes(np.stack([HERE, THERE])), [run(HERE)[1], run(THERE)[1]], rtol=1e-14)
    assert run.replayer.recordings <= 2


class _Model:
    factor = 2.0


FACTOR = 2.0


def _changes():
    """(function, what changes something that it uses besides its arguments)."""
    array, model, box, closed = np.ones(3), _Model(), {"k": [2.0]}, [2.0]

    def change_global():
        global FACTOR
        FACTOR += 1.0

    return {
        "an array": (lambda x: np.sum(array * x**2), lambda: array.__iadd__(1.0)),
        "an attribute": (lambda x: model.factor * np.sum(x**2), lambda: setattr(model, "factor", 5.0)),
        "a dict of lists": (lambda x: box["k"][0] * np.sum(x**2), lambda: box.update(k=[7.0])),
        "a list": (lambda x: closed[0] * np.sum(x**2), lambda: closed.__setitem__(0, 3.0)),
        "a global": (lambda x: FACTOR * np.sum(x**2), change_global),
    }


@pytest.mark.parametrize("name", _changes())
def test_what_changes_behind_the_function_is_found(name):
    """At the next audit: an error that says so, and a new recording afterwards."""
    f, change = _changes()[name]
    g = ad.grad(f)
    before = g(HERE)
    change()
    with pytest.raises(ChangedConstant, match="not among its arguments"):
        for _ in range(40):
            assert np.array_equal(g(HERE), before)
    assert not np.array_equal(g(HERE), before)


def test_hidden_state_is_found_at_once():
    count = []

    def f(x):
        count.append(1)
        return len(count) * np.sum(x**2)

    with pytest.raises(RecordingMismatch, match="state that changes"):
        ad.grad(f)(HERE)
