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


def test_extrema_are_named_and_share_their_adjoints() -> None:
    x = np.array([1.0, 3.0, 3.0])
    tape = ad.record(lambda x: np.max(x) * 2.0, x)
    assert "max(v_-2, v_-1, v_0)" in str(tape.trace(x))
    assert tape.trace(x, mode="adjoint").adjoints.tolist() == [0.0, 1.0, 1.0]
    many = np.linspace(-1.0, 1.0, 2000)
    tape = ad.record(lambda x: np.min(np.sin(x).reshape(40, 50), axis=1) @ np.arange(40.0), many)
    for mode in ("tangent", "adjoint"):
        assert "shares" in str(
            tape.trace(many, mode=mode, seed=many) if mode == "tangent" else tape.trace(many, mode=mode)
        )


def many_arrays(x):
    return np.sum(np.exp(x) * x[::-1] * 2.0) + np.sum(np.tanh(MATRIX @ x) ** 2) + x @ x + x[0] * x[1]


def gradient_of_many_arrays(x):
    hidden = np.tanh(MATRIX @ x)
    gradient = 2 * np.exp(x) * x[::-1] + 2 * np.exp(x)[::-1] + 2 * x + 2 * (hidden * (1 - hidden**2)) @ MATRIX
    gradient[:2] += x[1], x[0]
    return gradient


MATRIX = np.linspace(-1.0, 1.0, 1200).reshape(4, 300)


@pytest.mark.parametrize("mode", ["primal", "tangent", "adjoint"])
def test_in_a_long_trace_an_array_instruction_is_one_row(mode) -> None:
    x, seed = np.linspace(0.0, 1.0, 300), np.cos(np.arange(300.0))
    trace = ad.record(many_arrays, x).trace(x, mode=mode, seed=seed)
    assert len(trace.rows) < 40
    assert trace.values == pytest.approx([many_arrays(x)], rel=1e-14)
    if mode == "primal":
        assert ("v_1:v_300", "exp(v_-299:v_0)", "1, 1.00335, ... [300]") in trace.rows
    if mode == "tangent":
        assert trace.tangents == pytest.approx([gradient_of_many_arrays(x) @ seed], rel=1e-12)
    if mode == "adjoint":
        assert trace.adjoints == pytest.approx(gradient_of_many_arrays(x), rel=1e-13)


def test_running_values_of_whole_arrays_grow_operand_by_operand() -> None:
    x = np.linspace(1.0, 2.0, 300)
    trace = ad.record(lambda x: x @ x, x).trace(x, mode="adjoint")
    first, second = (row[2] for row in trace.rows if row[1].startswith("+="))
    assert first.startswith("1, ") and second.startswith("2, ")


def test_long_traces_of_scalars_leave_out_their_middle() -> None:
    def steps(x):
        for _ in range(500):
            x = np.sin(x)
        return x

    trace = ad.record(steps, 1.0).trace(1.0)
    assert len(trace.rows) == 502 and len(str(trace).splitlines()) < 220 and "302 rows ..." in str(trace)


def test_an_adjoint_of_zero_contributes_zero() -> None:
    tape = ad.record(lambda x: np.where(x > 0, np.sqrt(x), 0.0), -1.0)
    assert tape.trace(-1.0, mode="adjoint").adjoints.tolist() == [0.0]
    assert tape.trace(-1.0, mode="tangent").tangents.tolist() == [0.0]


def test_a_point_on_another_branch_is_refused() -> None:
    tape = ad.record(lambda x: x if x > 1 else -x, 2.0)
    for mode in ("primal", "tangent", "adjoint"):
        with pytest.raises(ad.errors.BranchChanged, match="flip"):
            tape.trace(-3.0, mode=mode)


def test_pipes_and_angles_are_escaped() -> None:
    trace = ad.record(lambda x: x * (x > 1), 2.0).trace(2.0)
    assert "&gt; 1" in trace.to_html() and "> 1" not in trace.to_html()
    trace.rows.append(("a|b", "", ""))
    assert "a\\|b" in trace.to_markdown()


def test_wrong_calls_say_what_is_needed(tape) -> None:
    with pytest.raises(ValueError, match="'primal', 'tangent' or 'adjoint'"):
        tape.trace(2.0, 5.0, mode="backward")
    with pytest.raises(ad.errors.ShapeMismatch, match=r"seed has shape \(3,\)"):
        tape.trace(2.0, 5.0, mode="tangent", seed=[1, 2, 3])
    with pytest.raises(ad.errors.ShapeMismatch, match=r"weight has shape \(2,\)"):
        tape.trace(2.0, 5.0, mode="adjoint", weight=[1, 2])
    with pytest.raises(ad.errors.ShapeMismatch, match="different lengths"):
        tape.trace(2.0, 5.0, mode="tangent", seed=[[1, 2], [3]])
    with pytest.raises(ad.errors.UnsupportedDtype, match="complex"):
        tape.trace(2.0, 5.0, mode="tangent", seed=[1j, 2])
    with pytest.raises(ad.errors.TapeTooLarge, match="elementals"):
        ad.record(lambda x: np.sum(x * x), np.ones(30_000)).trace(np.ones(30_000))
