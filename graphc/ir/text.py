"""Text of the smallest parts of the IR: names, constant elements, attribute values, rank-0 expressions."""

from __future__ import annotations

import json
import re
import struct

import numpy as np

from graphc.ir import dtype as dt
from graphc.ir.dtype import DType

_PLAIN_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.]*").fullmatch
_WORDS = ("true", "false", "none", "if", "and", "or", "in", "for", "let", "alloc", "barrier")
_RESERVED = frozenset(_WORDS) | {d.short for d in dt.ALL}

#: Infix operators of rank-0 expressions: op -> (sign, precedence). ``and`` and ``or`` are infix for b1 only.
INFIX = {"or": ("or", 1), "and": ("and", 2),
         "lt": ("<", 4), "le": ("<=", 4), "eq": ("==", 4), "ne": ("!=", 4),
         "add": ("+", 5), "sub": ("-", 5),
         "mul": ("*", 6), "div": ("/", 6), "floordiv": ("//", 6), "mod": ("%", 6)}  # fmt: skip
_COMPARISON = 4
_TIGHT = ("mul", "div", "floordiv")  # never "%": "n %m" would read as the value %m
_LOWEST = -(2**63)


def name_text(name: str) -> str:
    """A variable, symbol, array or buffer name: bare where that reads back, otherwise ``$"..."``."""
    if _PLAIN_NAME(name) and name not in _RESERVED:
        return name
    return "$" + json.dumps(name)


def label_text(name: str) -> str:
    """A name as it follows ``%`` or ``@``: bare where that reads back, otherwise quoted."""
    return name if _PLAIN_NAME(name) else json.dumps(name)


def _bits(dtype: DType, array) -> str:
    return f"{dtype.short}'0x{array.tobytes()[::-1].hex()}"


def _float_element(array, dtype: DType) -> str:
    number = float(array)
    if number != number or number in (float("inf"), float("-inf")):
        return _bits(dtype, array)
    short = str(array[()])  # "0.1" where the float32 next to it is meant, if that reads back to the same bits
    if float(np.asarray(float(short)).astype(dtype.numpy)) != number:
        short = repr(number)
    return f"{dtype.short}({short})"


def literal(value, dtype: DType) -> str:
    """A constant element as text: bare for i64 and b1, else ``f32(1.5)``; by its bits where digits are not exact."""
    if dtype is dt.i64:
        return str(int(value))
    if dtype is dt.b1:
        return "true" if value else "false"
    if dtype.kind == "s":
        quoted = "b" + json.dumps(value.decode("latin-1")) if isinstance(value, bytes) else json.dumps(str(value))
        return f"string({quoted})"
    array = np.asarray(value).astype(dtype.numpy)
    if dtype.kind == "f":
        return _float_element(array, dtype)
    if dtype.kind in "ce":
        return _bits(dtype, array)
    return f"{dtype.short}({int(array)})"


def dim_text(dim) -> str:
    """A dimension: an int or a rank-0 i64 Node."""
    if isinstance(dim, (int, np.integer)):
        return str(int(dim))
    if dim.op == "const":
        return f"i64({scalar_text(dim)})"  # a Node is not an int, so it must not read back as one
    return scalar_text(dim)


def attr_text(value, special=str) -> str:
    """An attribute value; ``special(value)`` writes what is neither a number, string, dtype, dimension nor tuple."""
    kind = type(value)
    if kind is int:
        return str(value)
    if kind is bool or kind is np.bool_:
        return "true" if value else "false"
    if kind is str:
        return json.dumps(value)
    if isinstance(value, (int, np.integer)):
        return str(int(value))
    if kind is tuple:
        inside = ", ".join([attr_text(v, special) for v in value])
        return f"({inside},)" if len(value) == 1 else f"({inside})"
    if isinstance(value, float):
        number = float(value)
        if number - number == 0.0:
            return repr(number)
        return f"f64'0x{struct.pack('>d', number).hex()}"
    if value is None:
        return "none"
    if kind is DType:
        return value.short
    if hasattr(value, "op"):
        return dim_text(value)
    return special(value)


def natural_dtype(op: str, inputs, attrs) -> DType | None:
    """The dtype that a scalar op of these operands has unless its text says otherwise; None without operands."""
    if op in ("cast", "bitcast"):
        return dict(attrs).get("dtype")
    if not inputs:
        return None
    if op in ("eq", "ne", "lt", "le", "isfinite"):
        return dt.b1
    if op == "select" and len(inputs) == 3:
        return inputs[1].dtype
    return inputs[0].dtype


def scalar_text(node, precedence: int = 0, names=None) -> str:
    """Infix text of a rank-0 expression, as kernels and dimensions are printed.

    ``names`` maps Nodes to text that stands for them.
    """
    if names and node in names:
        return names[node]
    op = node.op
    if op == "symbol" or op == "var":
        return name_text(node.attrs[0][1])
    if op == "const":
        return literal(node.attrs[0][1].array[()], node.dtype)
    if op in INFIX and _reads_infix(node):
        text = _infix_text(node, names) if names else _kept_infix_text(node)
        return f"({text})" if INFIX[op][1] < precedence else text
    if op == "load":
        return f"{name_text(node.attr('buffer'))}[{_list_text(node.inputs, names)}]"
    if op == "load_if":
        guard, *index = node.inputs
        inside = f"{_list_text(index, names)} if " if index else "if "
        return f"{name_text(node.attr('buffer'))}[{inside}{scalar_text(guard, 0, names)}]"
    return _function_text(node, names)


def _list_text(nodes, names) -> str:
    return ", ".join([scalar_text(x, 0, names) for x in nodes])


def _is_index(node) -> bool:
    return node.dtype is dt.i64 and not node.shape


def _constant(node) -> int | None:
    return int(node.attrs[0][1].array) if node.op == "const" and _is_index(node) else None


def _reads_infix(node) -> bool:
    if len(node.inputs) != 2 or node.attrs:
        return False
    x, y = node.inputs
    if x.dtype is not y.dtype or node.dtype is not natural_dtype(node.op, node.inputs, ()):
        return False
    if node.op in ("and", "or"):
        return node.dtype is dt.b1
    return not (node.op == "sub" and _is_index(node))  # there "x - y" means x + y*-1, the normal form


def _kept_infix_text(node) -> str:
    """The text of an expression, which is asked for again and again where sums are put in order."""
    if node._text is None:
        node._text = _infix_text(node, None)
    return node._text


def _infix_text(node, names) -> str:
    sign, own = INFIX[node.op]
    x, y = node.inputs
    left = scalar_text(x, own + 1 if own == _COMPARISON else own, names)
    taken = _subtracted(y, names) if node.op == "add" and _is_index(node) else None
    if taken is not None:
        return f"{left} - {taken}"
    space = "" if node.op in _TIGHT and _is_index(node) else " "
    return f"{left}{space}{sign}{space}{scalar_text(y, own + 1, names)}"


def _subtracted(y, names) -> str | None:
    """The text of ``-y`` for the ``y`` of ``x + y`` where ``x - text`` reads back as ``x + y``; otherwise None."""
    if names and y in names:
        return None
    value = _constant(y)
    if value is not None:
        return str(-value) if _LOWEST < value < 0 else None
    if y.op != "mul" or y.attrs or len(y.inputs) != 2:
        return None
    factor, value = y.inputs[0], _constant(y.inputs[1])
    if value is None or not _LOWEST < value < 0 or _constant(factor) is not None:
        return None
    if value < -1:
        return f"{scalar_text(factor, 6, names)}*{-value}"
    if factor.op == "mul" and _constant(factor.inputs[1]) is not None:
        return None
    return scalar_text(factor, 6, names)


def _function_text(node, names) -> str:
    op, attrs = node.op, node.attrs
    if op == "fold" and not node.inputs and len(attrs) == 2:
        return f"fold({name_text(node.attr('buffer'))}, {node.attr('combine')})"
    if op == "item":  # one result of a loop or of a host step, which is no expression
        return f"item({node.inputs[0].op}, {node.attr('index')})"
    parts = [scalar_text(x, 0, names) for x in node.inputs]
    if op in ("cast", "bitcast") and len(attrs) == 1:
        parts.append(attrs[0][1].short)
    else:
        parts += [f"{key}={attr_text(value)}" for key, value in attrs]
    suffix = "" if node.dtype is natural_dtype(op, node.inputs, attrs) else f":{node.dtype.short}"
    return f"{op}({', '.join(parts)}){suffix}"
