"""The command line: `python -m fastad {demo,trace,warmup,info}`."""

from __future__ import annotations

import argparse
import math
import os
import platform
import sys
import unicodedata
from collections.abc import Callable
from typing import Any

from fastad.errors import FastADError, InvalidExpression


def main(argv: list[str] | None = None) -> int:
    """Run a command; the exit code (0, or 2 for a bad call)."""
    parser = _parser()
    options, rest = parser.parse_known_args([*map(_not_an_option, sys.argv[1:] if argv is None else argv)])
    if rest and options.command != "demo":
        parser.error(f"unrecognized arguments: {' '.join(rest)}")
    try:
        code = _run(options, rest)
        sys.stdout.flush()  # so that a closed pipe is noticed here
        return code
    except FastADError as error:
        print(f"fastad {options.command}: {error}", file=sys.stderr)
        return 2
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1


def _run(options: argparse.Namespace, rest: list[str]) -> int:
    if options.command == "demo":
        from fastad import demo

        return demo.main(rest)
    commands = {"trace": _trace, "warmup": _warmup, "info": _info}
    return commands[options.command](options)


def _not_an_option(argument: str) -> str:
    """A formula or a list of numbers may start with a minus sign; a space keeps it from being an option."""
    is_option = argument.startswith("--") or argument in ("-", "-h")
    return f" {argument}" if argument.startswith("-") and not is_option else argument


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m fastad", description="Exact derivatives of NumPy functions.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="{demo,trace,warmup,info}")
    commands.add_parser("demo", help="fit a model to real data with certified results", add_help=False)
    trace = commands.add_parser("trace", help="print the evaluation traces of a formula, as a textbook does")
    trace.add_argument("expression", help='such as "log(x1) + x1*x2 - sin(x2)"')
    trace.add_argument("assignments", nargs="*", metavar="name=value", help="the point; its order is the variables'")
    which = trace.add_mutually_exclusive_group()
    which.add_argument("--primal", action="store_true", help="only the primal trace")
    which.add_argument("--tangent", action="store_true", help="only the tangent trace, for the first unit seed")
    which.add_argument("--seed", metavar="A,B,...", help="only the tangent trace, for this seed")
    which.add_argument("--direction", metavar="A,B,...", help="the tangent trace along a direction, made a unit vector")
    which.add_argument("--adjoint", action="store_true", help="only the adjoint trace")
    trace.add_argument("--format", choices=("text", "markdown", "html"), default="text")
    trace.add_argument("--graph", metavar="FILE", help="also write the computation graph (.svg, .dot or .mmd)")
    commands.add_parser("warmup", help="compile all kernels now")
    commands.add_parser("info", help="versions and the state of the kernel cache")
    return parser


# --- trace ------------------------------------------------------------------------------------------
def _trace(options: argparse.Namespace) -> int:
    import fastad as ad
    from fastad.explain.expression import parse_expression

    expression = parse_expression(options.expression)
    point = _point(options.assignments, expression.variables)

    def function(*values: Any) -> Any:
        return expression(**dict(zip(point, values, strict=True)))

    tape = ad.record(function, *point.values())
    if options.graph:
        _save_graph(tape, options.graph)
    traces = _wanted_traces(tape, list(point.values()), options)
    texts: dict[str, Callable[[Any], str]] = {
        "text": str, "markdown": lambda t: t.to_markdown(), "html": lambda t: t.to_html(),
    }  # fmt: skip
    print("\n\n".join(texts[options.format](trace) for trace in traces))
    if options.format == "text":
        print("\n" + _summary(traces, list(point), options))
    return 0


def _save_graph(tape: Any, path: str) -> None:
    try:
        tape.graph().save(path)
    except (ValueError, OSError) as error:
        raise InvalidExpression(str(error)) from None


def _point(assignments: list[str], variables: list[str]) -> dict[str, float]:
    """The variables and their values, in the order of the command line."""
    point: dict[str, float] = {}
    for text in assignments:
        name, equals, number = text.partition("=")
        name = unicodedata.normalize("NFKC", name.strip())  # as Python's parser does
        if not equals or not name.isidentifier():
            raise InvalidExpression(f"{text!r} is not of the form name=value")
        if name in point:
            raise InvalidExpression(f"two values for {name}")
        point[name] = _float(number)
    missing, unused = [v for v in variables if v not in point], [v for v in point if v not in variables]
    if missing:
        raise InvalidExpression(f"no value for {', '.join(missing)}: add {' '.join(f'{v}=...' for v in missing)}")
    if unused:
        raise InvalidExpression(f"the expression has no variable {', '.join(unused)}")
    if not point:
        raise InvalidExpression("the expression has no variables")
    return point


def _float(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise InvalidExpression(f"{text!r} is not a number") from None


def _numbers(text: str, count: int, what: str) -> list[float]:
    numbers = [_float(part) for part in text.split(",")]
    if not all(map(math.isfinite, numbers)):
        raise InvalidExpression(f"the {what} {text.strip()!r} has a number that is not finite")
    if len(numbers) != count:
        raise InvalidExpression(
            f"the {what} has {len(numbers)} number{'s' * (len(numbers) != 1)}, but there "
            f"{'is 1 variable' if count == 1 else f'are {count} variables'}"
        )
    return numbers


def _wanted_traces(tape: Any, x: list[float], options: argparse.Namespace) -> list[Any]:
    import numpy as np

    if options.seed is not None:
        return [tape.trace(*x, mode="tangent", seed=_numbers(options.seed, len(x), "seed"))]
    if options.direction is not None:
        direction = np.array(_numbers(options.direction, len(x), "direction"))
        if not np.any(direction):
            raise InvalidExpression("the direction is zero, so it cannot be made a unit vector")
        direction /= np.abs(direction).max()  # its square may neither overflow nor vanish
        return [tape.trace(*x, mode="tangent", seed=direction / np.linalg.norm(direction))]
    modes = [mode for mode in ("primal", "tangent", "adjoint") if getattr(options, mode)]
    return [tape.trace(*x, mode=mode) for mode in modes or ("primal", "tangent", "adjoint")]


def _summary(traces: list[Any], names: list[str], options: argparse.Namespace) -> str:
    lines = [f"value = {traces[0].values[0]:.15g}"]
    for trace in traces:
        if trace.adjoints is not None:
            gradient = ", ".join(f"{g:.15g}" for g in trace.adjoints)
            passes = f"{len(names)} forward pass{'es' * (len(names) > 1)}, one a variable"
            lines.append(f"gradient = ({gradient}) with respect to ({', '.join(names)})")
            lines.append(f"by 1 reverse pass; with tangents it would be {passes}")
        elif trace.tangents is not None:
            what = "directional derivative" if options.direction is not None else "tangent"
            lines.append(f"{what} = {trace.tangents[0]:.15g}")
    return "\n".join(lines)


# --- the rest ---------------------------------------------------------------------------------------
def _warmup(options: argparse.Namespace) -> int:
    import fastad as ad

    print(f"all kernels are ready; it took {ad.warmup():.1f} s")
    return 0


def _info(options: argparse.Namespace) -> int:
    import numba
    import numpy
    import scipy

    import fastad
    from fastad import kernels

    cached = [kernel.name for kernel in kernels.ALL if kernel.cached]
    rows = {
        "fastad": fastad.__version__, "python": platform.python_version(), "numpy": numpy.__version__,
        "scipy": scipy.__version__, "numba": numba.__version__,
        "machine": f"{platform.machine()}, {os.cpu_count()} CPUs",
        "kernels compiled": f"{len(cached)} of {len(kernels.ALL)}", "kernel sources": kernels.source_digest()[:16],
    }  # fmt: skip
    print("\n".join(f"{name:<18}{value}" for name, value in rows.items()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
