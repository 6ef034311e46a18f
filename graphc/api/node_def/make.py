"""Nodes of TensorFlow's graphs made as calls of the catalogue, in whatever records operations at the moment."""

from __future__ import annotations

import ast
import functools
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from graphc.api.namespaces import PUBLIC
from graphc.api.node_def import calls
from graphc.api.node_def.attrs import value_of
from graphc.api.node_def.static import numbers
from graphc.api.node_def.table import CALLS
from graphc.errors import UsageError, explain
from graphc.ir.dtype import as_dtype

_DTYPES = ("int32", "int64", "float32")


@dataclass(frozen=True)
class Entry:
    """A node type: the function, and its arguments as the table has them (keyword or None, text)."""

    function: str
    arguments: tuple[tuple[str | None, str], ...]


@functools.lru_cache(None)
def entries() -> dict[str, Entry]:
    """Node type -> what the table says."""
    found = {}
    for line in re.sub(r"\n\s+", " ", CALLS.strip()).splitlines():
        types, _, call = line.partition(": ")
        function, _, arguments = call.rstrip(")").partition("(")
        parts = tuple(_argument(a) for a in arguments.split(", "))
        for kind in types.split():
            found[kind] = Entry(function.replace("*", _snake(kind)), parts)
    return found


def _argument(text: str) -> tuple[str | None, str]:
    keyword = re.match(r"(\w+)=(?=[@#!*\d])", text)
    return (keyword[1], text[keyword.end() :]) if keyword else (None, text)


def _snake(kind: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", kind).lower()


def is_known(kind: str) -> bool:
    """Whether nodes of this type can be made."""
    return kind in entries()


def make(kind: str, inputs: Sequence, attrs: Mapping, name: str) -> list:
    """The outputs of a node.

    Args:
        inputs: tensors. attrs: name -> AttrValue.
        name: the operation's, as its function takes it; in a graph with a slash at the end it is taken as it is.

    Raises:
        UsageError: what must be constant is not, or an attribute is missing. ShapeError, DtypeError: the inputs do not
            fit.
    """
    entry = entries()[kind]
    args, named = [], {}
    for keyword, text in entry.arguments:
        value = _value(text, inputs, attrs, f"{name.rstrip('/')} ({kind})")
        if keyword:
            named[keyword] = value
        else:
            args.append(value)
    own = entry.function.startswith(".")
    function = getattr(calls, entry.function[1:]) if own else PUBLIC.get(entry.function)
    answer = function(*args, **named, name=name)
    return list(answer) if isinstance(answer, (list, tuple)) else [answer]


def _value(text: str, inputs: Sequence, attrs: Mapping, what: str):
    mark, rest = text[0], text[1:]
    try:
        if mark == "@":
            return _attribute(rest, attrs, what)
        if mark == "*":
            start, _, stop = rest.partition(":")
            return list(inputs[int(start or 0) : int(stop) if stop else None])
        if mark in "#!":
            return known(inputs[int(rest)], what if mark == "!" else None)
        return inputs[int(text)]
    except IndexError:
        raise UsageError(explain(f"{what} has {len(inputs)} inputs, which are too few")) from None


def known(tensor, what: str | None = None):
    """The value of a tensor that is known before running, as Python lists; else the tensor itself.

    Raises:
        UsageError: it is not known, and ``what`` needs it.
    """
    value = PUBLIC.get("get_static_value")(tensor)
    if value is None and getattr(tensor, "node", None) is not None:
        value = numbers(tensor.node)
    if value is None:
        if what is not None:
            raise UsageError(explain(f"{what}: {tensor.name} must be a constant"))
        return tensor
    array = np.asarray(value)
    return (
        array.tolist()
        if array.dtype != object
        else [v.decode() for v in array.ravel()]
        if array.ndim
        else array[()].decode()
    )


def _attribute(text: str, attrs: Mapping, what: str):
    name, _, default = text.partition("|")
    value = value_of(attrs[name]) if name in attrs else None
    if value is None:
        if not default:
            raise UsageError(explain(f"{what}: attribute {name} is missing"))
        return as_dtype(default) if default in _DTYPES else ast.literal_eval(default)
    return value.decode() if isinstance(value, bytes) else value
