"""One class a situation, all under `FastADError`; each message says what was found, where, and what to do."""

from __future__ import annotations


class FastADError(Exception):
    """Base class of everything fastad raises on purpose."""


class NonScalarOutput(FastADError, TypeError):
    """`grad`, `value_and_grad`, `hessian` and `hvp` need a function with one number as its result."""


class ArgumentIndexError(FastADError, ValueError):
    """`argnums` names an argument that the call does not have, or names one twice."""


class ShapeMismatch(FastADError, ValueError):
    """A seed, weight, tangent, direction or argument does not have the shape that the tape needs."""


class StructureMismatch(FastADError, TypeError):
    """Containers (tuples, lists, dicts) do not have the structure of what they stand for."""


class UnsupportedFunction(FastADError, TypeError):
    """A function without a derivative rule was called on a traced value."""


class UnsupportedDtype(FastADError, TypeError):
    """Values that are not real floating-point numbers (complex, object, datetime, text)."""


class DerivativeCut(FastADError, TypeError):
    """A conversion (`float(x)`, a cast, a plain array) would have dropped the derivative."""


class StaleValue(FastADError, RuntimeError):
    """A traced value was used after its recording ended, or inside another recording."""


class BranchChanged(FastADError, RuntimeError):
    """A tape was replayed at a point where a recorded comparison comes out otherwise (a flip)."""


class ChangedConstant(FastADError, RuntimeError):
    """The audit found that the function depends on something its arguments do not show."""


class RecordingMismatch(FastADError, RuntimeError):
    """The recorded value differs from what the function returns in plain NumPy."""


class ManyBranches(FastADError, UserWarning):
    """A function takes a new branch at every call, so that its tapes never serve again."""


class NanFound(FastADError, FloatingPointError):
    """While `debug_nans` is on: an instruction has produced a nan (or, if asked for, an infinity)."""


class RuleMismatch(FastADError, ValueError):
    """A derivative rule of a primitive returned arrays of other shapes than it must."""


class MissingRule(FastADError, TypeError):
    """A derivative was asked for of a primitive that has no rule for it."""


class NoSecondDerivative(FastADError, TypeError):
    """A derivative rule of a primitive would have to be differentiated itself, and cannot be."""


class NotConverged(FastADError, RuntimeError):
    """The solver of `root`, `fixed_point` or `argmin` found no solution."""


class SingularJacobian(FastADError, ArithmeticError):
    """At a solution the implicit function theorem does not hold: the Jacobian there has no inverse."""


class InvalidTape(FastADError, ValueError):
    """A tape (loaded, or built by hand) breaks one of its invariants."""


class InvalidExpression(FastADError, ValueError):
    """A formula given as text is not an expression of the known functions and names."""


class InvalidDataFile(FastADError, ValueError):
    """A data file is not of the form that its reader needs, or disagrees with itself."""


class DerivativeCheckFailed(FastADError, AssertionError):
    """Derivatives of one function, computed in different ways, do not agree."""


class TapeTooLarge(FastADError, ValueError):
    """A tape has too many instructions to be shown one by one."""


class OrderError(FastADError, ValueError):
    """An order of derivatives that is not a whole number of at least 1."""


class SparsityError(FastADError, ValueError):
    """A sparsity pattern, a colouring or an order that does not fit, or a matrix that is not sparse."""
