"""Arithmetic on values, partials and tangents, whatever they are made of.

Theory of operation. The rules of all kinds of active numbers need few operations: a product in which a factor that is
exactly 0 gives exactly 0 (`times`), a sum (`plus`), and the number 1. They are defined here for numbers, for lanes (a
vector of tangents), and for duals, whose partials are duals themselves.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from fastad.native.memory import inlined, rule
from fastad.native.types import FLOAT, ActiveType, DualType, LanesType


def maker(kind: ActiveType) -> Any:
    """The intrinsic that makes an active number of its fields."""
    names, fields = zip(*kind.fields, strict=True)
    scope: dict[str, Any] = {}
    exec(f"def define(make):\n    return lambda typing_context, {', '.join(names)}: make()", scope)

    def make() -> Any:
        def codegen(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            new = cgutils.create_struct_proxy(kind)(context, builder)
            for name, argument in zip(names, arguments, strict=True):
                setattr(new, name, argument)
            return new._getvalue()

        return kind(*fields), codegen

    return intrinsic(scope["define"](make))


_makers: dict[ActiveType, Any] = {}


def make_of(kind: ActiveType) -> Any:
    """`maker` of a kind, made once."""
    if kind not in _makers:
        _makers[kind] = maker(kind)
    return _makers[kind]


# --- lanes --------------------------------------------------------------------------------------------------
def _splat(builder: Any, number: Any, lanes: int) -> Any:
    undefined = ir.Constant(ir.VectorType(number.type, lanes), ir.Undefined)
    one = builder.insert_element(undefined, number, ir.Constant(ir.IntType(32), 0))
    mask = ir.Constant(ir.VectorType(ir.IntType(32), lanes), None)
    return builder.shuffle_vector(one, undefined, mask)


@intrinsic
def _lanes_times(typing_context, t, d):
    """Tangents times a number. Only a number that is 0, infinite or nan needs a look at each factor."""

    def codegen(context, builder, signature, arguments):
        tangents, number = arguments
        zero, nothing = ir.Constant(number.type, 0.0), ir.Constant(tangents.type, None)
        product = builder.fmul(tangents, _splat(builder, number, t.lanes))
        is_zero = builder.fcmp_unordered("==", number, zero)
        not_finite = builder.fcmp_unordered("!=", builder.fsub(number, number), zero)
        before = builder.block
        with builder.if_then(builder.or_(is_zero, not_finite), likely=False):
            none = builder.fcmp_ordered("==", number, zero)
            careful = builder.select(builder.fcmp_ordered("==", tangents, nothing), nothing, product)
            careful = builder.select(none, nothing, careful)
            inside = builder.block
        result = builder.phi(product.type)
        result.add_incoming(product, before)
        result.add_incoming(careful, inside)
        return result

    return t(t, types.float64), codegen


@intrinsic
def _lanes_plus(typing_context, s, t):
    def codegen(context, builder, signature, arguments):
        return builder.fadd(*arguments)

    return t(t, t), codegen


@intrinsic
def _lane(typing_context, t, k):
    def codegen(context, builder, signature, arguments):
        return builder.extract_element(arguments[0], builder.trunc(arguments[1], ir.IntType(32)))

    return types.float64(t, types.int64), codegen


@intrinsic
def _with_lane(typing_context, t, k, number):
    def codegen(context, builder, signature, arguments):
        t, k, number = arguments
        return builder.insert_element(t, number, builder.trunc(k, ir.IntType(32)))

    return t(t, types.int64, types.float64), codegen


lanes_times: Any = _lanes_times
lanes_plus: Any = _lanes_plus
lane: Any = _lane
with_lane: Any = _with_lane


def zero_of(kind: types.Type) -> Any:
    """The compiled function () -> the number 0 of a type (all bits zero)."""

    @intrinsic
    def zero(typing_context):
        def codegen(context, builder, signature, arguments):
            return ir.Constant(context.get_value_type(kind), None)

        return kind(), codegen

    return zero


def one_of(kind: types.Type) -> Any:
    """The compiled function () -> the number 1 of a component type."""
    if kind is FLOAT:
        return inlined(lambda: 1.0)
    assert isinstance(kind, DualType)
    make, one, zero = make_of(kind), one_of(kind.component), zero_of(kind.tangents)
    return inlined(lambda: make(one(), zero()))


# --- products and sums --------------------------------------------------------------------------------------
def times(t, d):
    """t * d, where a factor that is exactly 0 gives exactly 0."""
    raise NotImplementedError


def plus(s, t):
    """s + t."""
    raise NotImplementedError


@rule(times)
def _times(t, d):
    if isinstance(t, LanesType):
        return lambda t, d: lanes_times(t, d)
    if isinstance(t, DualType):
        make = make_of(t)
        return lambda t, d: make(
            times(t._value, d._value), plus(times(t._tangent, d._value), times(d._tangent, t._value))
        )
    return lambda t, d: 0.0 if t == 0.0 or d == 0.0 else t * d


@rule(plus)
def _plus(s, t):
    if isinstance(t, LanesType):
        return lambda s, t: lanes_plus(s, t)
    if isinstance(t, DualType):
        make = make_of(t)
        return lambda s, t: make(plus(s._value, t._value), plus(s._tangent, t._tangent))
    return lambda s, t: s + t
