"""The table of `docs/explanation/nonsmooth.md`: each row in every mode."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

import fastad as ad

PAGE = Path(__file__).parents[2] / "docs" / "explanation" / "nonsmooth.md"


def rows() -> list[tuple[str, list[float], list[float]]]:
    """(expression, point, gradient) for each row of the last table."""
    table = PAGE.read_text().partition("## Every case, in every mode")[2]
    found = re.findall(r"^\| `(.+)` \| ([^|]+) \| ([^|]+) \|$", table, re.MULTILINE)
    return [(text, *([float(v) for v in part.split(",")] for part in numbers)) for text, *numbers in found]


def function(text: str):
    scope = {"np": np}
    exec(f"def f(x):\n    return {text}", scope)
    return scope["f"]


def modes(f, x):
    """The gradient at x by each way there is."""
    n, units = x.size, np.eye(x.size)
    yield "reverse", ad.grad(f)(x)
    yield "forward", np.array([ad.jvp(f, (x,), (e,))[1] for e in units])
    yield "jacobian forward", ad.jacobian(f, mode="forward")(x)
    yield "jacobian reverse", ad.jacobian(f, mode="reverse")(x)
    yield "adjoint of a tape", ad.record(f, x).adjoint(x, [1.0])
    yield "all directions at once", ad.record(f, x).tangent(x, units)[:, 0]
    yield "many points", ad.vmap(ad.grad(f))(np.stack([x] * 20))[7]
    yield "inside a recording", ad.record(lambda x: 1.0 * ad.grad(f)(x), x).primal(x)
    numbers = ad.grad(lambda *p: f(np.array(p)), tuple(range(n)))
    yield "number by number", np.array(numbers(*x.tolist()))


def test_the_table_is_read():
    assert len(rows()) > 50


@pytest.mark.parametrize(("text", "point", "gradient"), rows(), ids=lambda part: part if type(part) is str else "")
def test_every_mode(text, point, gradient):
    x = np.array(point)
    with np.errstate(all="ignore"):
        for mode, found in modes(function(text), x):
            np.testing.assert_array_equal(found, gradient, err_msg=f"{text} at {point}, {mode}")
