"""Reads types, constants, attribute values and rank-0 expressions from a line of IR text."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from graphc.ir import dtype as dt
from graphc.ir.dtype import DType
from graphc.ir.lines import Line
from graphc.ir.data import Data, Named
from graphc.ir.node import BOOL, INDEX, Node, const, make, symbol
from graphc.ir.text import INFIX, natural_dtype
from graphc.ir.type import TupleType, Type

_DTYPES = {d.short: d for d in dt.ALL}
_SIGNS = {sign: (op, precedence) for op, (sign, precedence) in INFIX.items()}
_BLOB = re.compile(r"#([a-z][a-z0-9]*)\[([0-9,]*)\]:[0-9a-f]+").fullmatch
_SHORT = 19  # digits of a number that surely fits i64
_DEPTH = 100  # brackets inside brackets
_WORDS = {"true": True, "false": False, "none": None}


@dataclass
class Scope:
    """What names mean at one place of a text.

    Attributes:
        symbols: names that are symbolic dimensions; None where every unknown name is one.
        vars: variables of a kernel.
        arrays: element types of a kernel's arrays.
        values: parts of expressions, ``%t0``.
        graphs: graphs read before, by label.
        blobs: {digest: array} for large constants.
        named: constants that are not among the blobs are known by name only.
        groups: text of what stands in parentheses -> what it means; None where its names may mean another thing later.
    """

    graphs: dict = field(default_factory=dict)
    blobs: dict = field(default_factory=dict)
    named: bool = False
    symbols: set | None = None
    vars: dict[str, Node] = field(default_factory=dict)
    arrays: dict[str, DType] = field(default_factory=dict)
    values: dict[str, Node] = field(default_factory=dict)
    groups: dict[str, Node] | None = None


# --------------------------------------------------------------------------------------------- types


def read_dtype(line: Line) -> DType:
    """An element type such as ``f32``."""
    found = _DTYPES.get(line.next)
    if found is None:
        line.fail("an element type such as f32")
    line.at += 1
    return found


def read_box(line: Line, scope: Scope) -> tuple | None:
    """What a copy of the copy engine takes of an array, where that follows."""
    if not line.accept("box"):
        return None
    line.expect("(")
    return tuple(line.separated(")", lambda: read_dim(line, scope)))


def read_type(line: Line, scope: Scope) -> Type:
    """A tensor's type such as ``f32[n,10]``."""
    dtype = read_dtype(line)
    line.expect("[")
    return Type(dtype, tuple(line.separated("]", lambda: read_dim(line, scope, 0))))


def read_result_type(line: Line, scope: Scope) -> Type | TupleType:
    """A tensor's type, or several in parentheses."""
    if line.accept("("):
        return TupleType(tuple(line.separated(")", lambda: read_type(line, scope))))
    return read_type(line, scope)


def read_dim(line: Line, scope: Scope, lowest: int | None = None) -> int | Node:
    """A dimension: an int, or an expression over symbols; ``lowest`` is the least int that is allowed."""
    start = line.at
    signed = line.next == "-"
    if line.kinds[start + signed] == "number" and line.texts[start + 1 + signed] not in _SIGNS:
        value = line.integer("an integer")
        if lowest is not None and value < lowest or abs(value) >= 2**63:
            line.fail("a dimension", start)
        return value
    node = read_expression(line, scope)
    if node.type != INDEX:
        line.fail("an expression of type i64", start)
    return node


# ----------------------------------------------------------------------------------------- constants


def read_element(line: Line) -> tuple[DType, object]:
    """One constant element such as ``3``, ``true``, ``f32(0.5)`` or ``f32'0x7fc00000``: its type, and a 0-d array."""
    start, text, kind = line.at, line.next, line.kinds[line.at]
    if kind == "number" or text == "-":
        return dt.i64, _integer_element(line, dt.i64)
    if text in ("true", "false"):
        line.at += 1
        return dt.b1, np.asarray(text == "true")
    if kind == "bits":
        line.at += 1
        short, digits = text.split("'0x")
        dtype = _DTYPES.get(short)
        if dtype is None or dtype.kind not in "fce" or len(digits) != 2 * dtype.size:
            line.fail("the bits of a number such as f32'0x7fc00000", start)
        return dtype, np.frombuffer(bytes.fromhex(digits)[::-1], dtype.numpy)[0]
    dtype = read_dtype(line)
    line.expect("(")
    if dtype.kind == "s":
        value = _string_element(line)
    elif dtype.kind == "f":
        value = _float_element(line, dtype)
    elif dtype.kind in "iu":
        value = _integer_element(line, dtype)
    else:
        line.fail("a constant", start)
    line.expect(")")
    return dtype, value


def _integer_element(line: Line, dtype: DType):
    start = line.at
    value, limits = line.integer("an integer"), np.iinfo(dtype.numpy)
    if not limits.min <= value <= limits.max:
        line.fail(f"a value of {dtype.short}", start)
    return np.asarray(value, dtype.numpy)


def _float_element(line: Line, dtype: DType):
    start = line.at
    negative = line.accept("-")
    number = float(line.number_value())
    with np.errstate(over="ignore"):
        value = np.asarray(-number if negative else number).astype(dtype.numpy)
    if not np.isfinite(float(value)):
        line.fail(f"a value of {dtype.short}", start)
    return value


def _string_element(line: Line):
    if not line.accept("b"):
        return np.array(line.string("a quoted text"), dtype=object)
    text = line.string("a quoted text")
    if any(ord(c) > 255 for c in text):
        line.fail("characters of one byte", line.at - 1)
    return np.array(text.encode("latin-1"), dtype=object)


def read_constant(line: Line, type: Type, scope: Scope) -> Node:
    """What stands between the parentheses of ``const(...)``: one element for all, a list, or a blob."""
    start = line.at
    if line.kinds[start] == "blob":
        data = read_blob(line, scope)
        if data.array.dtype != type.dtype.numpy or data.array.shape != type.shape:
            line.refuse(f"the blob {line.texts[start]} is not of type {type}")
        return const(data, type)
    elif line.accept("["):
        if not type.is_static:
            line.fail("one element, as the shape is not known", start)
        elements = line.separated("]", lambda: _typed_element(line, type.dtype))
        array = np.empty(len(elements), type.dtype.numpy)
        for k, element in enumerate(elements):
            array[k] = element[()]
        if array.size != type.size:
            line.refuse(f"{array.size} elements for {type}")
        array = array.reshape(type.shape)
    else:
        array = _typed_element(line, type.dtype)
    return const(array, type)


def _typed_element(line: Line, dtype: DType):
    start = line.at
    found, value = read_element(line)
    if found is not dtype:
        line.fail(f"an element of {dtype.short}", start)
    return value


def read_blob(line: Line, scope: Scope) -> Data:
    """A reference such as ``#f32[3,4]:0123456789abcdef`` to an array among the blobs."""
    text = line.take("blob", "a blob")
    digest = text.lstrip("#").rpartition(":")[2]
    array = scope.blobs.get(digest)
    if array is None:
        found = _BLOB(text) if scope.named else None
        if found is None or found[1] not in _DTYPES:
            line.refuse(f"the constant {text} is not among the blobs given")
        return Named(_DTYPES[found[1]].numpy, tuple([int(d) for d in found[2].split(",") if d]), digest)
    data = Data(array)
    if data.digest != digest:
        line.refuse(f"the blob {digest} has another content than its digest says")
    return data


# ---------------------------------------------------------------------------------------- attributes


def read_attr(line: Line, scope: Scope, depth: int = 0):
    """An attribute's value."""
    kind, text = line.kinds[line.at], line.next
    if kind == "string":
        return line.string("a quoted text")
    if kind == "label":
        label = line.label()
        if label not in scope.graphs:
            line.fail("a graph that stands before", line.at - 1)
        return scope.graphs[label]
    if kind == "blob":
        return read_blob(line, scope)
    if text in _WORDS:
        line.at += 1
        return _WORDS[text]
    if text == "(" and _is_tuple(line):
        if depth > _DEPTH:
            line.fail("less nesting")
        line.at += 1
        return _tuple(line, lambda: read_attr(line, scope, depth + 1))
    if kind == "bits":
        dtype, value = read_element(line)
        if dtype is not dt.f64:
            line.fail("a number of f64", line.at - 1)
        return float(value)
    if text in _DTYPES and line.texts[line.at + 1] != "(":
        return read_type(line, scope) if line.texts[line.at + 1] == "[" else read_dtype(line)
    if text == "tuple" and line.texts[line.at + 1] == "(":
        line.at += 1
        return read_result_type(line, scope)
    return _number_attr(line, scope)


def _number_attr(line: Line, scope: Scope):
    """A float, an int of any size, or a dimension."""
    start = line.at
    signed = line.next == "-"
    if line.kinds[start + signed] == "number" and line.texts[start + 1 + signed] not in _SIGNS:
        line.at += signed
        value = line.number_value()
        return -value if signed else value
    return read_dim(line, scope)


def _tuple(line: Line, item: Callable) -> tuple:
    """Values up to ``)``; a comma may stand behind the last."""
    found = []
    while not line.accept(")"):
        found.append(item())
        if not line.accept(",") and line.next != ")":
            line.fail("',' or ')'")
    return tuple(found)


def _is_tuple(line: Line) -> bool:
    """True where the next parenthesis belongs to a tuple: it is empty or there is a comma directly inside."""
    depth = 0
    for at in range(line.at, len(line.texts)):
        text = line.texts[at]
        if text in ("(", "["):
            depth += 1
        elif text in (")", "]"):
            depth -= 1
            if depth == 0:
                return at == line.at + 1
        elif text == "," and depth == 1:
            return True
    return True


# --------------------------------------------------------------------------------------- expressions


def read_expression(line: Line, scope: Scope, lowest: int = 0, depth: int = 0) -> Node:
    """A rank-0 expression; infix operators of at least precedence ``lowest`` belong to it."""
    if depth > _DEPTH:
        line.fail("less nesting")
    left = _operand(line, scope, depth)
    while True:
        found = _SIGNS.get(line.next)
        if found is None or found[1] < lowest:
            return left
        start = line.at
        line.at += 1
        right = read_expression(line, scope, found[1] + 1, depth + 1)
        left = _infix(line, found[0], left, right, start)


def _infix(line: Line, op: str, x: Node, y: Node, at: int) -> Node:
    if x.dtype is not y.dtype:
        line.refuse(f"the operands of {line.texts[at]!r} are {x.dtype.short} and {y.dtype.short}")
    if op == "sub" and x.type == INDEX:  # there is no sub in the normal form: x - 3 is x + -3, x - y*3 is x + y*-3
        if y.op == "const":
            return make("add", (x, const(-_value(y), INDEX)), (), INDEX)
        if y.op == "mul" and y.inputs[1].op == "const" and _value(y.inputs[1]) > 1:
            factor, value = y.inputs[0], -_value(y.inputs[1])
        else:
            factor, value = y, -1
        return make("add", (x, make("mul", (factor, const(value, INDEX)), (), INDEX)), (), INDEX)
    type = BOOL if natural_dtype(op, (x, y), ()) is dt.b1 else x.type
    return make(op, (x, y), (), type)


def _value(node: Node) -> int:
    return int(node.attrs[0][1].array)


def _operand(line: Line, scope: Scope, depth: int) -> Node:
    kind, text = line.kinds[line.at], line.next
    if kind == "name" and text not in ("true", "false"):
        following = line.texts[line.at + 1]
        if following == "[" and text not in _DTYPES:
            return _load(line, scope, depth)
        if following == "(" and text not in _DTYPES:
            return _function(line, scope, depth)
        if text not in _DTYPES:
            return _variable(line, scope)
    if kind == "value":
        name = line.value()
        if name not in scope.values:
            line.fail("a part named before", line.at - 1)
        return scope.values[name]
    if text == "(":
        return _group(line, scope, depth)
    if kind == "number" and text.isdigit() and len(text) < _SHORT:
        line.at += 1
        return const(int(text), INDEX)
    if kind in ("number", "bits", "name") or text == "-":
        dtype, value = read_element(line)
        return const(value, Type(dtype, ()))
    line.fail("an expression")


def _group(line: Line, scope: Scope, depth: int) -> Node:
    """An expression in parentheses. Sizes of buffers consist of the same few again and again."""
    groups, start = scope.groups, line.at
    end = line.closing(start) if groups is not None else None
    text = " ".join(line.texts[start:end]) if end is not None else ""
    text = "" if "%" in text else text
    found = groups.get(text) if text else None
    if found is not None:
        line.at = end + 1
        return found
    line.at += 1
    inside = read_expression(line, scope, 0, depth + 1)
    line.expect(")")
    if text:
        groups[text] = inside
    return inside


def _variable(line: Line, scope: Scope) -> Node:
    name = line.name("a variable")
    found = scope.vars.get(name)
    if found is not None:
        return found
    if scope.symbols is not None and name not in scope.symbols:
        line.fail("a variable or dimension that is declared before", line.at - 1)
    return symbol(name)


def _load(line: Line, scope: Scope, depth: int) -> Node:
    name = line.name("an array")
    dtype = scope.arrays.get(name)
    if dtype is None:
        line.fail("an array that is declared before", line.at - 1)
    index, guard = read_index(line, scope, depth)
    if guard is None:
        return make("load", index, (("buffer", name),), Type(dtype, ()))
    return make("load_if", (guard, *index), (("buffer", name),), Type(dtype, ()))


def read_index(line: Line, scope: Scope, depth: int = 0) -> tuple[tuple, Node | None]:
    """``[i, j]`` or ``[i, j if guard]``: the indices and the guard."""
    line.expect("[")
    index = []
    while line.next not in ("]", "if"):
        index.append(read_expression(line, scope, 0, depth + 1))
        if not line.accept(",") and line.next not in ("]", "if"):
            line.fail("',', ']' or 'if'")
    guard = read_expression(line, scope, 0, depth + 1) if line.accept("if") else None
    line.expect("]")
    return tuple(index), guard


def _function(line: Line, scope: Scope, depth: int) -> Node:
    op = line.name("an operation")
    line.expect("(")
    if op == "fold":
        return _fold(line, scope)
    inputs, attrs = [], []

    def argument():
        if line.kinds[line.at] == "name" and line.texts[line.at + 1] == "=":
            key = line.name("an attribute")
            line.expect("=")
            attrs.append((key, read_attr(line, scope, depth + 1)))
        elif op in ("cast", "bitcast") and inputs and not attrs:
            attrs.append(("dtype", read_dtype(line)))
        else:
            inputs.append(read_expression(line, scope, 0, depth + 1))

    line.separated(")", argument)
    dtype = read_dtype(line) if line.accept(":") else natural_dtype(op, inputs, tuple(attrs))
    if not isinstance(dtype, DType):
        line.fail("':' and the element type of the result")
    return make(op, tuple(inputs), tuple(attrs), Type(dtype, ()))


def _fold(line: Line, scope: Scope) -> Node:
    name = line.name("an array")
    if name not in scope.arrays:
        line.fail("an array that is declared before", line.at - 1)
    line.expect(",")
    combine = line.name("an operation")
    line.expect(")")
    return make("fold", (), (("buffer", name), ("combine", combine)), Type(scope.arrays[name], ()))
