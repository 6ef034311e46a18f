"""Conditions over the numbers of a summary, such as ``kernels > 12 and arena < 1e9``: read and answered, never executed."""

from __future__ import annotations

import ast
import operator

from graphc.errors import UsageError
from graphc.inspect.near import unknown

_COMPARE = {
    ast.Lt: operator.lt, ast.LtE: operator.le, ast.Gt: operator.gt, ast.GtE: operator.ge, ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
}  # fmt: skip


def holds(text: str, numbers: dict[str, int | float]) -> bool:
    """Whether a condition is true: comparisons of names and numbers, with ``and``, ``or``, ``not`` and brackets.

    Raises:
        UsageError: it is something else, or uses a name that is none of ``numbers``.
    """
    try:
        tree = ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise _refusal(text, "it cannot be read") from None
    _check(tree, text, numbers)
    return _truth(tree, numbers)


def _refusal(text: str, why: str) -> UsageError:
    return UsageError(f'--fail-if "{text}": {why}; write a comparison of names and numbers, such as "kernels > 12 or arena >= 1e6"')


def _check(tree: ast.expr, text: str, numbers: dict) -> None:
    """Look at all of a condition, what ``and`` and ``or`` would leave out too."""
    match tree:
        case ast.BoolOp(values=parts):
            for part in parts:
                _check(part, text, numbers)
        case ast.UnaryOp(op=ast.Not(), operand=part):
            _check(part, text, numbers)
        case ast.Compare(left=left, ops=ops, comparators=others) if all(type(op) in _COMPARE for op in ops):
            for part in (left, *others):
                _check_value(part, text, numbers)
        case _:
            raise _refusal(text, f"{ast.unparse(tree)} is no comparison")


def _check_value(tree: ast.expr, text: str, numbers: dict) -> None:
    match tree:
        case ast.Name(id=name):
            if name not in numbers:
                raise UsageError(f'--fail-if "{text}": {unknown("number", name, numbers, "the summary has")}')
        case ast.Constant(value=value) if type(value) in (int, float):
            pass
        case _:
            raise _refusal(text, f"{ast.unparse(tree)} is neither a name nor a number")


def _truth(tree: ast.expr, numbers: dict) -> bool:
    match tree:
        case ast.BoolOp(op=ast.And(), values=parts):
            return all(_truth(part, numbers) for part in parts)
        case ast.BoolOp(values=parts):
            return any(_truth(part, numbers) for part in parts)
        case ast.UnaryOp(operand=part):
            return not _truth(part, numbers)
    values = [numbers[x.id] if isinstance(x, ast.Name) else x.value for x in (tree.left, *tree.comparators)]
    return all(_COMPARE[type(op)](a, b) for op, a, b in zip(tree.ops, values, values[1:]))
