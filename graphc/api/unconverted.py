"""What a message adds where Python itself asks for a tensor's value: the construct, and why it was not converted."""

from __future__ import annotations

import re
import sys

from graphc.errors import here, is_own

OPERATORS_NAME = "ag__"  # converted code has a variable of this name around it
_WHY: dict[tuple, str] = {}  # file, line and name of a function -> why it was not converted
_KEPT = 4096
_STARTS = {"if": "`if`", "elif": "`elif`", "while": "`while`", "assert": "`assert`", "for": "`for`"}
_LEFT = (
    (r"^\s*(match|case)\b", "`match` on a Tensor is not converted; use `if` and `elif`"),
    (r":=", "an expression with `:=` is not converted; give the name its value on a line before"),
    (r"\bin\b", "`in` on a Tensor is not converted; use tf.reduce_any(tf.equal(values, x))"),
)  # parts of lines that stay Python in functions that are converted, and what to do instead
_FUNCTION = "the function is not converted: call it from a tf.function (autograph=True), or use tf.cond or tf.while_loop"


def note(code, why: str) -> None:
    """Remember why the function of this code stays as it is."""
    if len(_WHY) >= _KEPT:
        _WHY.clear()
    _WHY[_place(code)] = why


def advice(unknown: str = "a Tensor as a Python bool or number") -> str:
    """The construct of the user's line, ``unknown`` if that cannot be told, and why Python carries it out."""
    location = here()
    construct = _construct(location.source if location is not None else "") or unknown
    if construct.startswith("a compr"):
        return f"{construct}: conditions in it are not converted; use a `for` statement, tf.boolean_mask or tf.where"
    frame = sys._getframe(1)
    while frame is not None and is_own(frame.f_code.co_filename):
        frame = frame.f_back
    if frame is None:
        return f"{construct}: {_FUNCTION}"
    code = frame.f_code
    if OPERATORS_NAME in code.co_freevars:
        return _within(construct, location.source if location is not None else "")
    why = _WHY.get(_place(code))
    return f"{construct}: {_FUNCTION}" if why is None else f"{construct}: the function was not converted, as {why}"


def _within(construct: str, source: str) -> str:
    """What is not converted in a function that is."""
    for pattern, what in _LEFT:
        if re.search(pattern, source):
            return what
    return f"{construct}: this is not converted, as it is neither a statement nor a conditional expression of its own"


def _place(code) -> tuple:
    return code.co_filename, code.co_firstlineno, code.co_name


def _construct(source: str) -> str:
    first = re.match(r"\w*", source.strip())[0]
    if first in _STARTS:
        return f"{_STARTS[first]} on a Tensor"
    if re.search(r"[\[({].*\bfor\b", source):
        return "a comprehension on a Tensor"
    if re.search(r"\bif\b.*\belse\b", source):
        return "a conditional expression on a Tensor"
    return ""
