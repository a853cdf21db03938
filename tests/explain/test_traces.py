"""The traces of f(x1, x2) = ln x1 + x1 x2 - sin x2 at (2, 5), against the numbers that textbooks print."""

from __future__ import annotations

import math
from html.parser import HTMLParser

import numpy as np
import pytest

import fastad as ad


def textbook(x1: float, x2: float) -> float:
    return np.log(x1) + x1 * x2 - np.sin(x2)


@pytest.fixture(scope="module")
def tape() -> ad.Tape:
    return ad.record(textbook, 2.0, 5.0)


def values_by_name(trace) -> dict[str, float]:
    return {row[0]: float(row[-1]) for row in trace.rows}


def test_primal_trace_has_the_elementals_and_their_values(tape) -> None:
    trace = tape.trace(2.0, 5.0)
    found = values_by_name(trace)
    expected = {"v_-1": 2.0, "v_0": 5.0, "v_1": math.log(2), "v_2": 10.0, "v_3": math.log(2) + 10, "v_4": math.sin(5)}
    for name, value in expected.items():
        assert found[name] == pytest.approx(value, rel=1e-5)
    assert [row[1] for row in trace.rows[2:7]] == ["log(v_-1)", "v_-1 * v_0", "v_1 + v_2", "sin(v_0)", "v_3 - v_4"]
    assert trace.values[0] == pytest.approx(11.652071455223084, rel=1e-15)


@pytest.mark.parametrize(("seed", "slope"), [((1, 0), 5.5), ((0, 1), 2 - math.cos(5))])
def test_tangent_trace_ends_with_the_partial_of_its_seed(tape, seed, slope) -> None:
    trace = tape.trace(2.0, 5.0, mode="tangent", seed=seed)
    assert trace.tangents[0] == pytest.approx(slope, rel=1e-15)
    assert values_by_name(trace)["y"] == pytest.approx(slope, rel=1e-5)


def test_adjoint_trace_adds_each_contribution_in_reverse_order(tape) -> None:
    trace = tape.trace(2.0, 5.0, mode="adjoint")
    assert trace.adjoints == pytest.approx([5.5, 2 - math.cos(5)], rel=1e-15)
    names = [row[0] for row in trace.rows]
    assert names[0] == "v_5_bar" and names[-2:] == ["x1_bar", "x2_bar"]
    assert names.count("v_-1_bar") == 2 and names.count("v_0_bar") == 2  # x1 and x2 are used twice each
    running = [float(row[2]) for row in trace.rows if row[0] == "v_-1_bar"]
    assert running == pytest.approx([5.0, 5.5])


def test_weights_scale_the_adjoints(tape) -> None:
    assert tape.trace(2.0, 5.0, mode="adjoint", weight=[2.0]).adjoints[0] == pytest.approx(11.0)


def test_text_is_aligned_and_names_no_column_twice_as_wide(tape) -> None:
    lines = str(tape.trace(2.0, 5.0)).splitlines()
    column = lines[2].index("value")
    assert all(line[column - 2 : column] == "  " and line[column] != " " for line in lines[4:-1])


def test_markdown_has_one_cell_a_column(tape) -> None:
    table = tape.trace(2.0, 5.0, mode="tangent").to_markdown().splitlines()[2:]
    assert all(line.count(" | ") == 5 for line in table)


class _Balance(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.cells = 0

    def handle_starttag(self, tag, attrs) -> None:
        self.open.append(tag)
        self.cells += tag == "td"

    def handle_endtag(self, tag) -> None:
        assert self.open.pop() == tag


def test_html_is_balanced_and_complete(tape) -> None:
    trace = tape.trace(2.0, 5.0)
    parser = _Balance()
    parser.feed(trace.to_html())
    assert not parser.open and parser.cells == 3 * len(trace.rows)
    assert trace._repr_html_() == trace.to_html()


def test_array_instructions_are_taken_apart() -> None:
    x = np.array([1.0, 2.0, 3.0])
    tape = ad.record(lambda x: np.sum(np.exp(x)) + x @ x, x)
    trace = tape.trace(x, mode="adjoint")
    assert trace.adjoints == pytest.approx(np.exp(x) + 2 * x, rel=1e-14)
    assert trace.values[0] == pytest.approx(np.sum(np.exp(x)) + 14.0)


def test_long_traces_leave_out_their_middle() -> None:
    x = np.linspace(0.0, 1.0, 300)
    trace = ad.record(lambda x: np.sum(x * x), x).trace(x)
    assert len(trace.rows) > 600 and len(str(trace).splitlines()) < 220 and "rows ..." in str(trace)


def test_wrong_calls_say_what_is_needed(tape) -> None:
    with pytest.raises(ValueError, match="'primal', 'tangent' or 'adjoint'"):
        tape.trace(2.0, 5.0, mode="backward")
    with pytest.raises(ad.errors.ShapeMismatch, match=r"seed has shape \(3,\)"):
        tape.trace(2.0, 5.0, mode="tangent", seed=[1, 2, 3])
    with pytest.raises(ad.errors.TapeTooLarge, match="elementals"):
        ad.record(lambda x: np.sum(x * x), np.ones(30_000)).trace(np.ones(30_000))
