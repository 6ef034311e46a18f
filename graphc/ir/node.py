"""Nodes: immutable, hash-consed tensor values. Equal means identical.

A scalar is a rank-0 tensor, so symbolic dimensions, index arithmetic and kernel bodies are Nodes too. Rank-0 i64
arithmetic is put into a normal form as it is built (sums of multiples of atoms), which is exact for wrapping integers and makes
equal index expressions identical.
"""

from __future__ import annotations

import functools
import struct
import threading
import weakref

import numpy as np

from graphc.errors import DtypeError, Location, ShapeError, explain, here
from graphc.ir import dtype as dt
from graphc.ir.data import Data
from graphc.ir.dtype import DType
from graphc.ir.origin import origins
from graphc.ir.text import scalar_text
from graphc.ir.type import Type


def _attr_key(value):
    """A key under which only really equal attributes meet: 1 is not True, 0.0 is not -0.0, NaN is NaN."""
    kind = type(value)
    if kind is int or kind is str or kind is DType:
        return value
    if kind is tuple:
        return tuple([_attr_key(v) for v in value])
    if isinstance(value, float):
        return (float, struct.pack("<d", value))
    if kind is bool or kind is np.bool_:
        return (bool, bool(value))  # the tag is a class, so that no tuple of attribute values can be equal to it
    return value


class Node:
    """One value: an operation applied to values. Made by ``make``; never by calling the class.

    Attributes:
        op: name of the primitive.
        inputs: operand Nodes.
        attrs: pairs (name, value); values are ints, floats, strings, bools, dtypes, Data, Graphs, dimension Nodes, tuples.
        type: a Type, or a TupleType for operations with several results.
        location: the user's line that first made it; no part of its identity.
    """

    __slots__ = ("op", "inputs", "attrs", "type", "location", "_linear", "_measured", "_text", "_order", "_bounds", "__weakref__")

    op: str
    inputs: tuple["Node", ...]
    attrs: tuple
    type: Type
    location: Location | None

    def attr(self, name: str):
        """The value of one attribute; KeyError if the node has none of that name."""
        for key, value in self.attrs:
            if key == name:
                return value
        raise KeyError(name)

    @property
    def dtype(self) -> DType:
        return self.type.dtype

    @property
    def shape(self) -> tuple:
        return self.type.shape

    def __str__(self) -> str:
        return scalar_text(self) if is_index(self) else f"{self.op}:{self.type}"

    __repr__ = __str__

    def __copy__(self):
        return self

    def __deepcopy__(self, memo):
        return self

    def __add__(self, other):
        return binary("add", self, other)

    def __radd__(self, other):
        return binary("add", other, self)

    def __sub__(self, other):
        return binary("sub", self, other)

    def __rsub__(self, other):
        return binary("sub", other, self)

    def __mul__(self, other):
        return binary("mul", self, other)

    def __rmul__(self, other):
        return binary("mul", other, self)

    def __truediv__(self, other):
        return binary("div", self, other)

    def __rtruediv__(self, other):
        return binary("div", other, self)

    def __floordiv__(self, other):
        return binary("floordiv", self, other)

    def __rfloordiv__(self, other):
        return binary("floordiv", other, self)

    def __mod__(self, other):
        return binary("mod", self, other)

    def __rmod__(self, other):
        return binary("mod", other, self)

    def __neg__(self):
        return binary("mul", self, -1) if is_index(self) else make("neg", (self,), (), self.type)

    def __lt__(self, other):
        return compare("lt", self, other)

    def __le__(self, other):
        return compare("le", self, other)

    def __gt__(self, other):
        return compare("lt", other, self)

    def __ge__(self, other):
        return compare("le", other, self)


_live: weakref.WeakValueDictionary = weakref.WeakValueDictionary()
_making = threading.RLock()  # two threads must not make one Node twice; a finaliser may make some meanwhile


def make(op: str, inputs: tuple, attrs: tuple, type, location: Location | None = None) -> Node:
    """The one Node with this op, inputs, attributes and type; no type rule is applied here."""
    key = (op, inputs, _attr_key(attrs) if attrs else (), type)
    found = _live.get(key)
    if found is not None:
        if found.location is None:  # read from a file, or made by a pass, before a user's line made it too
            found.location = location if location is not None else here()
        return found
    node = Node.__new__(Node)
    node.op, node.inputs, node.attrs, node.type = op, inputs, attrs, type
    node.location = location if location is not None else here()
    node._linear = None
    node._measured = None
    node._text = None
    node._order = None
    node._bounds = None
    with _making:
        return _live.setdefault(key, node)


def live_nodes() -> int:
    """How many Nodes exist now; for tests that memory does not grow."""
    return len(_live)


# ---------------------------------------------------------------------------------------------- leaves


INDEX = Type(dt.i64, ())
BOOL = Type(dt.b1, ())


def symbol(name: str) -> Node:
    """A symbolic dimension, at least 0."""
    return make("symbol", (), (("name", name),), INDEX)


def symbol_name(dim) -> str | None:
    """The name of a plain symbol, which its text has in quotes where it is no identifier; None for an int or an expression."""
    return dim.attr("name") if isinstance(dim, Node) and dim.op == "symbol" else None


def var(name: str, type: Type = INDEX, extent: int | None = None) -> Node:
    """A variable of a kernel: a loop index (0 <= index < extent, where that is known) or a Let."""
    attrs = (("name", name),) if extent is None else (("name", name), ("extent", extent))
    return make("var", (), attrs, type)


def const(value, type: Type | None = None) -> Node:
    """A constant. With ``type``: ``value`` is one element for the whole shape, or an array of that shape.

    Raises:
        ShapeError: the array has another shape than ``type``.
    """
    if value.__class__ is int and type is INDEX:
        return _index_constant(value)
    if isinstance(value, Data):
        data = value
    else:
        dtype = type.dtype if type is not None else dt.as_dtype(np.asarray(value).dtype)
        if dtype is dt.string:  # as objects at once: NumPy's own strings drop trailing zero bytes
            data = Data(np.array(value, dtype=object))
        else:
            data = Data(np.asarray(value).astype(dtype.numpy, casting="unsafe", copy=False))
    if type is None:
        type = Type(dt.as_dtype(data.array.dtype), data.array.shape)
    if data.array.ndim and data.array.shape != type.shape:
        raise ShapeError(explain(f"const: value of shape {data.array.shape} for {type}"))
    if data.array.ndim and data.array.size and data.array.dtype != object:
        data = data.shortened()
    return make("const", (), (("value", data),), type)


@functools.lru_cache(4096)
def _index_constant(value: int) -> Node:
    return make("const", (), (("value", Data(np.int64(value))),), INDEX)


def const_value(node) -> object | None:
    """The Python number of an int or of a splat constant Node; None for everything else."""
    if isinstance(node, (int, float)):
        return node
    if node.op == "const":
        data = node.attrs[0][1]
        if data.is_splat and data.array.dtype != object:
            return data.array.item()
    return None


# ------------------------------------------------------------------------------------------ arithmetic


def is_index(node) -> bool:
    """True for a rank-0 i64 Node: a dimension or an index."""
    return node.type == INDEX


def lift_scalar(value, like: Node) -> Node:
    """A Python or NumPy number as a constant of ``like``'s type; a Node stays as it is."""
    if isinstance(value, Node):
        return value
    return const(value, like.type)


def _same_type(op: str, x: Node, y: Node) -> Type:
    if x.type == y.type:
        return x.type
    if x.dtype is not y.dtype:
        raise DtypeError(explain(f"{op}: operands differ in dtype, {x.type} and {y.type}", origins(x=x, y=y)))
    raise ShapeError(explain(f"{op}: operands differ in shape, {x.type} and {y.type}", origins(x=x, y=y)))


def binary(op: str, x, y) -> Node:
    """``x op y`` for Nodes of one type, or a Node and a number; rank-0 i64 is simplified on the way."""
    like = x if isinstance(x, Node) else y
    if like.type == INDEX and op in _INDEX_OPS and _is_index_like(x) and _is_index_like(y):
        result = _INDEX_OPS[op](x, y)
        return result if isinstance(result, Node) else const(result, INDEX)
    x, y = lift_scalar(x, like), lift_scalar(y, like)
    return make(op, (x, y), (), _same_type(op, x, y))


def compare(op: str, x, y) -> Node:
    """``x op y`` with a b1 result of the same shape."""
    like = x if isinstance(x, Node) else y
    x, y = lift_scalar(x, like), lift_scalar(y, like)
    return make(op, (x, y), (), _same_type(op, x, y).with_dtype(dt.b1))


def _is_index_like(x) -> bool:
    return isinstance(x, (int, np.integer)) or (isinstance(x, Node) and x.type == INDEX)


def _linear(x) -> tuple[dict, int]:
    """``x`` as ({atom: coefficient}, constant)."""
    if not isinstance(x, Node):
        return {}, int(x)
    if x._linear is None:
        if x.op == "const":
            x._linear = ({}, int(x.attrs[0][1].array))
        elif x.op == "add":
            a, b = x.inputs
            x._linear = _combine(_linear(a), _linear(b), 1)
        elif x.op == "mul" and x.inputs[1].op == "const":
            x._linear = _scaled(_linear(x.inputs[0]), int(x.inputs[1].attrs[0][1].array))
        else:
            return {x: 1}, 0  # not kept: a Node that holds itself would live until the next garbage collection
    return x._linear


def linear_form(x: Node) -> tuple[dict, int]:
    """A rank-0 i64 Node as a sum: ({atom: coefficient}, constant). Atoms are Nodes that are no sums themselves."""
    return _linear(x)


def _combine(a, b, sign: int):
    terms = dict(a[0])
    for atom, c in b[0].items():
        total = terms.get(atom, 0) + sign * c
        if total:
            terms[atom] = total
        else:
            terms.pop(atom, None)
    return terms, a[1] + sign * b[1]


def _scaled(a, factor: int):
    if factor == 0:
        return {}, 0
    return {atom: c * factor for atom, c in a[0].items()}, a[1] * factor


def _wrapped(value: int) -> int:
    return value if -(2**63) <= value < 2**63 else (value + 2**63) % 2**64 - 2**63


def _order_text(atom: Node) -> str:
    """What atoms are sorted by: their text, but only the name of the operation where they are computed from tensors."""
    if atom._order is None:
        atom._order = scalar_text(atom) if _is_of_scalars(atom) else atom.op
    return atom._order


def _is_of_scalars(atom: Node) -> bool:
    stack, seen = [atom], {atom}
    while stack:
        x = stack.pop()
        if not isinstance(x.type, Type) or x.type.shape:
            return False
        stack.extend(y for y in x.inputs if y not in seen)
        seen.update(x.inputs)
    return True


def _from_linear(form):
    """The one Node (or int) for a linear form: what is added before what is subtracted, by text; the constant last."""
    terms, constant = form
    constant = _wrapped(constant)
    terms = {atom: _wrapped(c) for atom, c in terms.items() if c % 2**64}
    if not terms:
        return constant
    if len(terms) > 1:
        terms = {atom: terms[atom] for atom in sorted(terms, key=lambda a: (terms[a] < 0, _order_text(a)))}
    total = None
    for atom, c in terms.items():
        term = atom if c == 1 else make("mul", (atom, const(c, INDEX)), (), INDEX)
        total = term if total is None else make("add", (total, term), (), INDEX)
    if constant:
        total = make("add", (total, const(constant, INDEX)), (), INDEX)
    if total._linear is None and total not in terms:
        total._linear = terms, constant
    return total


def _index_mul(x, y):
    a, b = _linear(x), _linear(y)
    if not a[0]:
        return _from_linear(_scaled(b, a[1]))
    if not b[0]:
        return _from_linear(_scaled(a, b[1]))
    out = ({}, a[1] * b[1])
    out = _combine(out, _scaled((a[0], 0), b[1]), 1)
    out = _combine(out, _scaled((b[0], 0), a[1]), 1)
    for p, c in a[0].items():
        for q, d in b[0].items():
            factors = sorted(_factors(p) + _factors(q), key=scalar_text)
            product = factors[0]
            for f in factors[1:]:
                product = make("mul", (product, f), (), INDEX)
            out = _combine(out, ({product: c * d}, 0), 1)
    return _from_linear(out)


def _factors(atom: Node) -> list:
    if atom.op == "mul":
        return _factors(atom.inputs[0]) + _factors(atom.inputs[1])
    return [atom]


def _index_divmod(x, y):
    """Split ``x`` by the divisor: (x // y, x % y) as far as it can be told, None for what cannot."""
    if not isinstance(y, Node) or y.op == "const":
        d = const_value(y)
        if d == 0:
            return None
        terms, constant = _linear(x)
        whole = {a: c // d for a, c in terms.items() if c % d == 0}
        rest = {a: c for a, c in terms.items() if c % d}
        remainder = (rest, constant % d)
        low, high = bounds(_from_linear(remainder))
        if low is not None and high is not None and (0 <= low <= high < d or d < low <= high <= 0):
            return _from_linear((whole, constant // d)), _from_linear(remainder)
        if whole or constant // d:
            rest_node = _from_linear(remainder)
            q = make("floordiv", (rest_node, const(d, INDEX)), (), INDEX)
            m = make("mod", (rest_node, const(d, INDEX)), (), INDEX)
            return binary("add", _as_node(_from_linear((whole, constant // d))), q), m
        return None
    terms, constant = _linear(x)
    measure, offset = _linear(y)
    if len(measure) != 1 or offset:
        return None
    ((product, d),) = measure.items()
    whole = {}
    for atom, c in terms.items():  # x = n*k + r with 0 <= r < n cannot be told without bounds; exact multiples can
        factors = _factors(atom)
        for f in _factors(product):
            if f not in factors:
                return None
            factors.remove(f)
        if c % d:
            return None
        c //= d
        quotient = factors[0] if factors else None
        for f in factors[1:]:
            quotient = make("mul", (quotient, f), (), INDEX)
        if quotient is None:
            constant_part = c
            whole[None] = whole.get(None, 0) + constant_part
        else:
            whole[quotient] = whole.get(quotient, 0) + c
    if constant:
        return None
    base = whole.pop(None, 0)
    return _from_linear((whole, base)), 0


def _as_node(x) -> Node:
    return x if isinstance(x, Node) else const(x, INDEX)


_MEASURES = ("const", "symbol", "var")


def _is_measure(x) -> bool:
    """True for arithmetic over sizes and loop variables alone: it stays far from the limits of i64, no divisor is 0.

    Nothing of the kind is known about data, so quotients and extremes of data are left as they are.
    """
    if not isinstance(x, Node):
        return True
    if x._measured is None:
        x._measured = x.op in _MEASURES or (x.op in _INDEX_OPS and all(map(_is_measure, x.inputs)))
    return x._measured


def _index_floordiv(x, y):
    if const_value(y) == 1:
        return x
    split = _index_divmod(x, y) if _is_measure(x) and _is_measure(y) else None
    return split[0] if split else make("floordiv", (_as_node(x), _as_node(y)), (), INDEX)


def _index_mod(x, y):
    if const_value(y) == 1:
        return 0
    split = _index_divmod(x, y) if _is_measure(x) and _is_measure(y) else None
    return split[1] if split else make("mod", (_as_node(x), _as_node(y)), (), INDEX)


def _extreme(op: str):
    def build(x, y):
        if not (_is_measure(x) and _is_measure(y)):
            return make(op, (_as_node(x), _as_node(y)), (), INDEX)
        low, high = bounds(_as_node(binary("sub", _as_node(x), y)))
        if low is not None and low >= 0:
            return x if op == "max" else y
        if high is not None and high <= 0:
            return y if op == "max" else x
        return make(op, (_as_node(x), _as_node(y)), (), INDEX)

    return build


_INDEX_OPS = {
    "add": lambda x, y: _from_linear(_combine(_linear(x), _linear(y), 1)),
    "sub": lambda x, y: _from_linear(_combine(_linear(x), _linear(y), -1)),
    "mul": _index_mul,
    "floordiv": _index_floordiv,
    "mod": _index_mod,
    "min": _extreme("min"),
    "max": _extreme("max"),
}


def simplified(x):
    """A dimension in its smallest form: an int where the Node is a constant."""
    value = const_value(x)
    return int(value) if value is not None else x


def bounds(x) -> tuple[int | None, int | None]:
    """Smallest and largest value of an index expression, None where unknown.

    Symbols are at least 0; loop variables lie below their extent.
    """
    if not isinstance(x, Node):
        return int(x), int(x)
    if x.op == "const":
        value = int(x.attrs[0][1].array)
        return value, value
    if x.op == "symbol":
        return 0, None
    if x.op == "var":
        extent = dict(x.attrs).get("extent")
        return (0, extent - 1) if type(extent) is int else (None, None) if extent is None else (0, None)
    if x.op not in _BOUNDS:
        return None, None
    if x._bounds is None:
        x._bounds = _BOUNDS[x.op](bounds(x.inputs[0]), bounds(x.inputs[1]))
    return x._bounds


def _bounds_mul(a, b):
    if None not in a and None not in b:
        corners = [p * q for p in a for q in b]
        return min(corners), max(corners)
    if a[0] is not None and b[0] is not None and a[0] >= 0 and b[0] >= 0:
        return a[0] * b[0], None
    return None, None


def _bounds_floordiv(a, b):
    if b[0] is None or b[0] <= 0 or a[0] is None or a[0] < 0:
        return None, None
    return (a[0] // b[1] if b[1] is not None else 0), (a[1] // b[0] if a[1] is not None else None)


def _bounds_mod(a, b):
    if b[0] is None or b[0] <= 0:
        return None, None
    top = b[1] - 1 if b[1] is not None else None
    if a[0] is not None and a[0] >= 0 and a[1] is not None:
        top = a[1] if top is None else min(top, a[1])
    return 0, top


def _known(pick, *values):
    return pick(values) if None not in values else None


_BOUNDS = {
    "add": lambda a, b: (_known(sum, a[0], b[0]), _known(sum, a[1], b[1])),
    "mul": _bounds_mul,
    "floordiv": _bounds_floordiv,
    "mod": _bounds_mod,
    "min": lambda a, b: (
        _known(min, a[0], b[0]),
        min((v for v in (a[1], b[1]) if v is not None), default=None),
    ),
    "max": lambda a, b: (
        max((v for v in (a[0], b[0]) if v is not None), default=None),
        _known(max, a[1], b[1]),
    ),
}
