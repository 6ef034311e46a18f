"""Host steps with effects: printing and run-time assertions. Each takes a token first and answers with the next one."""

from __future__ import annotations

import sys

import numpy as np

from graphc.errors import DtypeError, InvalidArgumentError, Location, explain, here
from graphc.ir import dtype as dt
from graphc.ir.node import Node
from graphc.ir.type import Type
from graphc.prims.running import once
from graphc.prims.table import Prim, apply, declare

_TOKEN = np.zeros(0, np.uint8)


def _print_type(token: Type, *values: Type, template: str, summarize: int, end: str, stream: str) -> Type:
    return token


def _print_array(token, *values, template, summarize, end, stream):
    once(f"print {template}", lambda: _write(template, values, summarize, end, stream))
    return _TOKEN


def _write(template, values, summarize, end, stream) -> None:
    target = {"stdout": sys.stdout, "stderr": sys.stderr}.get(stream)
    alone = template == "{}" and values[0].dtype == object and not values[0].ndim  # one string, without quotes
    text = (_element(values[0][()]) if alone else template.format(*[shown(v, summarize) for v in values])) + end
    if target is None:
        with open(stream, "a", encoding="utf-8") as file:
            file.write(text)
    else:
        target.write(text)
        target.flush()


def shown(value: np.ndarray, summarize: int) -> str:
    """A value as TensorFlow prints it: the first and last ``summarize`` elements of every axis; -1 for all."""
    if isinstance(value, (bytes, str)):
        return f'"{_element(value)}"'
    if not value.ndim:
        return shown(value[()], summarize) if value.dtype == object else _element(value[()])
    if 0 <= 2 * summarize < len(value):
        head, tail = ([shown(v, summarize) for v in part] for part in (value[:summarize], value[len(value) - summarize :]))
        parts = [*head, "...", *tail]
    else:
        parts = [shown(v, summarize) for v in value]
    if value.ndim == 1:
        return f"[{' '.join(parts)}]"
    return "[" + ("\n" * (value.ndim - 1) + " ").join(p.replace("\n ", "\n  ") for p in parts) + "]"


def _element(value) -> str:
    if isinstance(value, (bytes, str)):
        text = value.decode("utf-8", "replace") if isinstance(value, bytes) else value
        return text
    kind = np.asarray(value).dtype.kind
    if kind == "b":
        return "1" if value else "0"
    if kind in "iu":
        return str(int(value))
    if kind == "c":
        return f"{complex(value)}"
    size = np.asarray(value).itemsize
    few, many = (9, 9) if size == 2 else (15, 17) if size == 8 else (6, 9)
    text = f"{float(value):.{few}g}"  # fewer digits where they say it all
    return text if np.asarray(float(text)).astype(value.dtype) == value or value != value else f"{float(value):.{many}g}"


declare(Prim("print", _print_type, _print_array, native=False))


def print_(token: Node, *values: Node, template: str, summarize: int = 3, end: str = "\n", stream: str = "stderr") -> Node:
    """Write ``template`` with the values in place of its ``{}`` to stdout, stderr or the end of a file."""
    return apply("print", token, *values, template=template, summarize=summarize, end=end, stream=stream)


def _line() -> str:
    """The user's line as an attribute: an equal check on another line is another Node, whose error names that line."""
    location = here()
    return "" if location is None else f"{location.file}:{location.line}"


def _location(line: str) -> Location | None:
    file, _, number = line.rpartition(":")
    return Location(file, int(number)) if file else None


def _check_type(token: Type, condition: Type, *values: Type, message: str, summarize: int, line: str = "") -> Type:
    if condition.dtype is not dt.b1:
        raise DtypeError(f"check: the condition must be bool, not {condition}")
    return token


def _check_array(token, condition, *values, message, summarize, line=""):
    if not np.all(condition):
        data = "".join(f"\n  {shown(v, summarize)}" for v in values)
        raise InvalidArgumentError(explain(f"{message}{data}", (), _location(line)))
    return _TOKEN


declare(Prim("check", _check_type, _check_array, native=False))


def check(token: Node, condition: Node, *values: Node, message: str, summarize: int = 3) -> Node:
    """Raise InvalidArgumentError with the message and the values unless all of ``condition`` is true."""
    return apply("check", token, condition, *values, message=message, summarize=summarize, line=_line())


def _numerics_type(x: Type, message: str, line: str = "") -> Type:
    if not x.dtype.is_inexact:
        raise DtypeError(f"check_numerics: needs floating values, not {x}")
    return x


def _numerics_array(x, message, line=""):
    found = not_finite(x)
    if found:
        raise InvalidArgumentError(explain(f"{message}: {found}", (), _location(line)))
    return x


def not_finite(x: np.ndarray) -> str:
    """What is said of an array with values that are no finite numbers; empty where there are none."""
    if np.isfinite(x).all():
        return ""
    kinds = [(word, int(np.count_nonzero(test))) for word, test in (("NaN", np.isnan(x)), ("Inf", np.isinf(x)))]
    words = " and ".join(word for word, count in kinds if count)
    counts = ", ".join(f"{count} {word}" for word, count in kinds if count)
    place = tuple(int(k) for k in np.argwhere(~np.isfinite(x))[0])
    return f"tensor had {words} values, the first at {place} ({counts} of {x.size})"


declare(Prim("check_numerics", _numerics_type, _numerics_array, lambda g, out, x, message, line="": (g,), native=False))


def check_numerics(x: Node, message: str) -> Node:
    """``x``; raises InvalidArgumentError where it is NaN or infinite."""
    return apply("check_numerics", x, message=message, line=_line())
