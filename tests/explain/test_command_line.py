"""`python -m fastad trace`: the textbook's numbers from a formula given as text, and one clear line otherwise."""

from __future__ import annotations

import math
import subprocess
import sys

import pytest

from fastad.__main__ import main
from fastad.errors import InvalidExpression
from fastad.explain.expression import parse_expression

FORMULA = ["trace", "log(x1) + x1*x2 - sin(x2)", "x1=2", "x2=5"]


def test_all_three_traces_by_default(capsys) -> None:
    assert main(FORMULA) == 0
    out = capsys.readouterr().out
    assert out.index("primal trace") < out.index("tangent trace") < out.index("adjoint trace")
    assert "value = 11.652071455223" in out and "gradient = (5.5, 1.7163378145367" in out


@pytest.mark.parametrize(
    ("options", "expected", "absent"),
    [
        (["--seed", "0,1"], "tangent = 1.7163378145367", "adjoint"),
        (["--direction", "2,1"], "directional derivative = 5.686919155631", "adjoint"),
        (["--adjoint"], "gradient = (5.5, 1.7163378145367", "tangent trace"),
        (["--primal"], "value = 11.6520714552", "tangent trace"),
        (["--format", "markdown"], "| v_-1 | x1 | 2 |", "-----\n"),
        (["--format", "html"], "<table>", "gradient ="),
    ],
)
def test_options_choose_what_is_printed(capsys, options, expected, absent) -> None:
    assert main([*FORMULA, *options]) == 0
    out = capsys.readouterr().out
    assert expected in out and absent not in out


def test_a_leading_minus_sign_is_no_option(capsys) -> None:
    assert main(["trace", "-x1**2", "x1=-3", "--seed", "-1"]) == 0
    assert "tangent = -6\n" in capsys.readouterr().out


def test_the_graph_is_written(tmp_path, capsys) -> None:
    assert main([*FORMULA, "--graph", str(tmp_path / "g.svg")]) == 0
    assert (tmp_path / "g.svg").read_text().startswith("<svg")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["x1^2", "x1=2"], "write **"),
        (["foo(x1)", "x1=2"], "unknown function foo"),
        (["x1.real", "x1=2"], "attribute"),
        (["sin(x1", "x1=2"], "column 4"),
        (["__import__('os').system('true')", "x1=2"], "attribute"),
        (["__import__('os')", "x1=2"], "unknown function __import__"),
        (["sin(x1, 2)", "x1=2"], "takes 1 argument"),
        (["x1 + x3", "x1=2"], "x3=..."),
        (["", "x1=2"], "empty"),
        (["x1[0]", "x1=2"], "index"),
        (["sin", "x1=2"], "needs arguments"),
        (["lambda: 1", "x1=2"], "lambda"),
        (["'a' * x1", "x1=2"], "not part of a formula"),
        (["(" * 3000 + "x1" + ")" * 3000, "x1=2"], "cannot read"),
        (["+".join(["x1"] * 500), "x1=2"], "deep"),
        (["x1", "x1=abc"], "not a number"),
        (["x1", "x1"], "name=value"),
        (["x1", "x1=2", "x2=3"], "no variable x2"),
        (["x1*x2", "x1=2", "x2=3", "--seed", "1"], "1 number, but there are 2"),
        (["x1*x2", "x1=2", "x2=3", "--direction", "0,0"], "zero"),
        (["x1*x2", "x1=2", "x2=3", "--direction", "nan,1"], "not finite"),
        (["x1*x2", "x1=2", "x2=3", "--direction", "1,2,3"], "3 numbers"),
        (["x1*x2", "x1=2", "x2=3", "--seed", "1,b"], "'b' is not a number"),
        (["x1", "x1=2", "x1=3"], "two values for x1"),
        (["1" * 5000 + "*x1", "x1=2"], "too many digits"),
        (["x1)+(x1", "x1=2"], "unmatched ')' at column 3"),
        (["0" + "-" * 3000 + "x1", "x1=2"], "cannot read"),
        (["x1\0", "x1=2"], "null"),
        (["x1", "x1=2", "--graph", "/nowhere/g.png"], "ending"),
    ],
)
def test_a_bad_call_gets_one_clear_line(capsys, arguments, message) -> None:
    assert main(["trace", *arguments]) == 2
    captured = capsys.readouterr()
    assert message in captured.err and captured.err.count("\n") == 1 and captured.out == ""


@pytest.mark.parametrize(
    ("text", "column"),
    [
        ("x1^2", 3),
        ("  x1 ^ 2", 6),
        ("é ^ 2", 3),
        ("(é) ^ (2)", 5),
        ("x + foo(x)", 5),
        ("  x.y", 3),
        ("1 + $", 5),
        ("x 2", 3),
    ],
)
def test_a_message_points_at_the_column(text, column) -> None:
    with pytest.raises(InvalidExpression, match=rf"column {column}\b"):
        parse_expression(text)


def test_towers_of_powers_take_no_time() -> None:
    assert parse_expression("10**10**10")() == math.inf
    assert parse_expression("9**9**9**9 * x")(x=-1.0) == -math.inf


def test_a_missing_value_is_named() -> None:
    with pytest.raises(InvalidExpression, match="no value for y"):
        parse_expression("x + y")(x=1.0)


def test_variables_have_the_order_of_the_command_line(capsys) -> None:
    assert main(["trace", "x1 / x2", "x2=4", "x1=2", "--adjoint"]) == 0
    assert "gradient = (-0.125, 0.25) with respect to (x2, x1)" in capsys.readouterr().out


def test_the_length_of_a_direction_neither_overflows_nor_vanishes(capsys) -> None:
    for size in ("1e-300,1e-300", "1e300,1e300"):
        assert main(["trace", "x1*x2", "x1=1", "x2=2", "--direction", size]) == 0
        assert "directional derivative = 2.1213203435596" in capsys.readouterr().out


def test_a_closed_pipe_ends_quietly() -> None:
    command = f"{sys.executable} -m fastad trace 'x1*x2' x1=1 x2=2 | true"
    result = subprocess.run(["bash", "-c", command], capture_output=True, text=True, timeout=120, check=False)
    assert result.stderr == ""


def test_exit_code_of_the_process() -> None:
    command = [sys.executable, "-m", "fastad", "trace", "x1 +", "x1=2"]
    result = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert result.returncode == 2 and "Traceback" not in result.stderr


def test_expressions_evaluate_like_python_where_both_can() -> None:
    texts = ["-x**2 + 3*x/(1 - x)", "2**x % 3 // 1", "atan2(x, 2) + ln(x) * e - pi", "max(x, 1) ** -abs(x)"]
    names = {"x": 0.3, "atan2": math.atan2, "ln": math.log, "e": math.e, "pi": math.pi, "max": max, "abs": abs}
    for text in texts:
        assert parse_expression(text)(x=0.3) == pytest.approx(eval(text, {}, names), rel=1e-14)


def test_variables_are_found_and_constants_are_not() -> None:
    assert parse_expression("sin(b) + pi*a + e").variables == ["a", "b"]
    with pytest.raises(InvalidExpression):
        parse_expression("x if x else 1")


def test_info_names_versions(capsys) -> None:
    assert main(["info"]) == 0
    assert "numba" in capsys.readouterr().out
