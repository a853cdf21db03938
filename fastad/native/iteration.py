"""Loops over the elements of an active array: `for v in x`, and so `enumerate` and `zip`."""

from __future__ import annotations

from typing import Any

from numba import types
from numba.core import cgutils
from numba.core.imputils import RefType, impl_ret_new_ref, iternext_impl, lower_builtin
from numba.extending import models, register_model

from fastad.native.types import ActiveArrayType, ActiveIteratorType


@register_model(ActiveIteratorType)
class _IteratorModel(models.StructModel):
    def __init__(self, manager: Any, kind: ActiveIteratorType) -> None:
        super().__init__(manager, kind, [("index", types.EphemeralPointer(types.intp)), ("array", kind.array)])


@lower_builtin("getiter", ActiveArrayType)
def _getiter(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
    iterator = cgutils.create_struct_proxy(signature.return_type)(context, builder)
    iterator.index = cgutils.alloca_once_value(builder, context.get_constant(types.intp, 0))
    iterator.array = arguments[0]
    context.nrt.incref(builder, signature.args[0], arguments[0])
    return impl_ret_new_ref(context, builder, signature.return_type, iterator._getvalue())


def _length(array):  # type: ignore[no-untyped-def]
    return len(array)


def _element(array, index):  # type: ignore[no-untyped-def]
    return array[index]


@lower_builtin("iternext", ActiveIteratorType)
@iternext_impl(RefType.BORROWED)
def _iternext(context: Any, builder: Any, signature: Any, arguments: Any, result: Any) -> None:
    kind = signature.args[0]
    iterator = cgutils.create_struct_proxy(kind)(context, builder, arguments[0])
    index, array = builder.load(iterator.index), iterator.array
    count = context.compile_internal(builder, _length, types.intp(kind.array), (array,))
    valid = builder.icmp_signed("<", index, count)
    result.set_valid(valid)
    with builder.if_then(valid):
        one = kind.yield_type(kind.array, types.intp)
        result.yield_(context.compile_internal(builder, _element, one, (array, index)))
        builder.store(cgutils.increment_index(builder, index), iterator.index)
