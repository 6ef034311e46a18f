"""Tensors and literals beside each other: which dtype the literals take, and which values are known early."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from graphc.api.operators import Operators
from graphc.errors import DtypeError, explain
from graphc.ir.dtype import DType

SMALL = 64  # elements of an integer operand whose value may decide a shape


def _with_cause(error: DtypeError, literal, group: list) -> DtypeError:
    """The error of a literal that does not fit, and the tensor that decides its dtype."""
    of = next((x for x, _ in group if isinstance(x, Operators)), None)
    first, *rest = str(error).split("\n")
    if of is None or isinstance(literal, Operators) or not first.startswith("expected "):
        return error
    text, location = of.described()
    beside = [("beside it", f"{text} of {of.dtype.name}" + (f"   {location}" if location is not None else ""))]
    advice = "a literal takes the dtype of the tensor beside it, tf.cast converts that"
    return type(error)(explain(f"{first}; {advice}", beside))


def holds_tensor(value) -> bool:
    """True for a tensor, a variable, or nested lists with one in them."""
    if isinstance(value, (list, tuple)):
        return any(holds_tensor(v) for v in value)
    return isinstance(value, Operators)


def dtype_within(value) -> DType | None:
    """The dtype of the first tensor in nested lists, which the literals beside it take; None if there is none."""
    waiting = [value]
    while waiting:
        found = waiting.pop()
        if isinstance(found, Operators):
            return found.dtype
        if isinstance(found, (list, tuple)):
            waiting.extend(reversed(found))
    return None


def giver(value) -> Callable | None:
    """The method by which an object gives a tensor for itself.

    ``__graphc_tensor__`` says the same as TensorFlow's ``__tf_tensor__``, for objects that meet both libraries.
    """
    kind = type(value)
    return getattr(kind, "__graphc_tensor__", None) or getattr(kind, "__tf_tensor__", None)


def own_tensor(value, dtype: DType | None):
    """The tensor that an object gives for itself; None for others, as TensorFlow's own tensors are."""
    give = giver(value)
    own = None if give is None else give(value, dtype, None)
    return own if isinstance(own, Operators) else None


def adopted(operands: Sequence, convert: Callable, alike: bool = True, groups: Sequence | None = None) -> list:
    """All operands as tensors.

    Within a group a literal takes the dtype of the first tensor; where there is none, that of the first literal.

    Args:
        convert: makes a tensor of an operand and a dtype, or None where it may choose.
        alike: whether all operands are one group; otherwise each is its own.
        groups: for each operand which group it is in, if it is neither.
    """
    groups = groups or ([0] * len(operands) if alike else range(len(operands)))
    dtypes: dict[object, DType] = {}
    for x, g in zip(operands, groups):
        if isinstance(x, Operators):
            dtypes.setdefault(g, x.dtype)
    tensors = []
    for x, g in zip(operands, groups):
        try:
            tensors.append(convert(x, dtypes.get(g)))
        except DtypeError as error:
            raise _with_cause(error, x, [(o, h) for o, h in zip(operands, groups) if h == g]) from None
        dtypes.setdefault(g, tensors[-1].dtype)
    return tensors
