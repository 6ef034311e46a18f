"""Python's operators on tensors and variables, each recorded like the function of the same meaning."""

from __future__ import annotations

import numpy as np

from graphc.api.attributes import OF_ARRAYS, Guessing
from graphc.api.call import Call
from graphc.api.recorder import RECORDERS, recorder_for
from graphc.errors import SymbolicError, UsageError, explain
from graphc.ir import dtype as dt
from graphc.ir.node import Node
from graphc.lib import bits, index, linalg, math, select, strings


def _recorder(*operands):
    if not RECORDERS.entered:
        found = None
        for x in operands:
            if isinstance(x, Operators):
                graph = x.graph
                if not graph.is_eager:
                    return graph
                found = found or graph
        return found
    tensors = [x for x in operands if isinstance(x, Operators)]
    return recorder_for(tensors, None)


class Composed:
    """What is made of several tensors; see ``graphc.api.composite``."""

    __slots__ = ()


def _forward(name: str, kind: str, function):
    def operator(self, other):
        if isinstance(other, Composed):
            return NotImplemented
        return _recorder(self, other).call(kind, name, function, (self, other), "xy")

    return operator


def _swapped(name: str, kind: str, function):
    def operator(self, other):
        return _recorder(self, other).call(kind, name, function, (other, self), "xy")

    return operator


def _unary(name: str, kind: str, function):
    def operator(self):
        return _recorder(self).call(kind, name, function, (self,), "x")

    return operator


def _logical_or_bits(logical, bitwise):
    """A function of booleans, or of the bits of integers."""

    def function(*values):
        like = next(v for v in values if isinstance(v, Node))
        return (bitwise if like.dtype.is_integer else logical)(*values)

    function.key = logical, bitwise
    return function


def _sum_or_joined(x, y) -> Node:
    """The sum of numbers, or strings one behind the other."""
    if any(isinstance(v, Node) and v.dtype is dt.string for v in (x, y)):
        return strings.join([x, y])
    return math.add(x, y)


_sum_or_joined.key = math.add, strings.join


_AND = _logical_or_bits(math.logical_and, bits.bitwise_and)
_OR = _logical_or_bits(math.logical_or, bits.bitwise_or)
_XOR = _logical_or_bits(math.logical_xor, bits.bitwise_xor)
_NOT = _logical_or_bits(math.logical_not, bits.invert)


class Operators(Guessing):
    """What Tensor and Variable have in common; ``graph`` and ``name`` are theirs."""

    __slots__ = ()
    INSTEAD = OF_ARRAYS
    __array_priority__ = 100  # a NumPy operand on the left leaves the operation to us

    __add__, __radd__ = _forward("add", "Add", _sum_or_joined), _swapped("add", "Add", _sum_or_joined)
    __sub__, __rsub__ = _forward("sub", "Sub", math.subtract), _swapped("sub", "Sub", math.subtract)
    __mul__, __rmul__ = _forward("mul", "Mul", math.multiply), _swapped("mul", "Mul", math.multiply)
    __truediv__ = _forward("truediv", "RealDiv", math.truediv)
    __rtruediv__ = _swapped("truediv", "RealDiv", math.truediv)
    __floordiv__ = _forward("floordiv", "FloorDiv", math.floordiv)
    __rfloordiv__ = _swapped("floordiv", "FloorDiv", math.floordiv)
    __mod__, __rmod__ = _forward("mod", "FloorMod", math.floormod), _swapped("mod", "FloorMod", math.floormod)
    __pow__, __rpow__ = _forward("pow", "Pow", math.pow), _swapped("pow", "Pow", math.pow)
    __matmul__ = _forward("matmul", "MatMul", linalg.matmul)
    __rmatmul__ = _swapped("matmul", "MatMul", linalg.matmul)
    __and__, __rand__ = _forward("and", "LogicalAnd", _AND), _swapped("and", "LogicalAnd", _AND)
    __or__, __ror__ = _forward("or", "LogicalOr", _OR), _swapped("or", "LogicalOr", _OR)
    __xor__, __rxor__ = _forward("xor", "LogicalXor", _XOR), _swapped("xor", "LogicalXor", _XOR)
    __lt__, __le__ = _forward("Less", "Less", math.less), _forward("LessEqual", "LessEqual", math.less_equal)
    __gt__ = _forward("Greater", "Greater", math.greater)
    __ge__ = _forward("GreaterEqual", "GreaterEqual", math.greater_equal)
    __neg__, __abs__ = _unary("Neg", "Neg", math.negative), _unary("Abs", "Abs", math.abs)
    __invert__ = _unary("LogicalNot", "LogicalNot", _NOT)

    def __getitem__(self, key):
        return strided_slice(self, key)

    def described(self) -> tuple:
        """What it is and the Location that made it (or None), for messages."""
        return "is a tensor", None

    def __delitem__(self, key):
        advice = "tf.boolean_mask and slices make a smaller one"
        raise TypeError(explain(f"elements of a tensor cannot be deleted; {advice}"))

    def __setitem__(self, key, value):
        advice = "tf.where and tf.tensor_scatter_nd_update make a new tensor"
        what = f"a tensor cannot be changed in place; {advice}; of a variable v, v[i].assign(x) changes a part"
        raise SymbolicError(explain(what))


# NumPy's function -> the operator that means the same, and the operators whose other side has another name.
_UFUNCS = {"add": "add", "subtract": "sub", "multiply": "mul", "divide": "truediv", "true_divide": "truediv",
           "floor_divide": "floordiv", "remainder": "mod", "power": "pow", "matmul": "matmul", "bitwise_and": "and",
           "bitwise_or": "or", "bitwise_xor": "xor", "less": "lt", "less_equal": "le", "greater": "gt",
           "greater_equal": "ge", "equal": "eq", "not_equal": "ne"}  # fmt: skip
_REFLECTED = {"lt": "gt", "le": "ge", "gt": "lt", "ge": "le", "eq": "eq", "ne": "ne"}


def _no_numpy(x, name: str) -> SymbolicError:
    advice = "use TensorFlow's function, or run the tensor in a session first"
    what = f"numpy.{name}: {x.name} is a tensor of a graph, which has no value yet; {advice}"
    return SymbolicError(explain(what, _made(x)))


def _made(x) -> list:
    """The tensor and its line, for a message about it."""
    text, location = x.described()
    return [(x.name, f"{text}   {location}")] if location is not None else []


_NO_VALUE = "a tensor has no value while the graph is being built"


class Symbolic(Operators):
    """A tensor that has no value before its graph runs."""

    __slots__ = ()
    INSTEAD = OF_ARRAYS | dict.fromkeys(("numpy", "item", "tolist"), "run it in a session, which answers with an array")

    def __array_ufunc__(self, ufunc, method, *inputs, **kwargs):
        """NumPy's operators with a NumPy value on the left; its other functions cannot be part of a graph."""
        name = _UFUNCS.get(ufunc.__name__)
        if name is None or method != "__call__" or kwargs or len(inputs) != 2:
            raise _no_numpy(self, ufunc.__name__)
        left, right = inputs
        if isinstance(left, Operators):
            return getattr(left, f"__{name}__")(right)
        return getattr(right, f"__{_REFLECTED.get(name, f'r{name}')}__")(left)

    def __array_function__(self, function, types, args, kwargs):
        raise _no_numpy(self, function.__name__)

    def __eq__(self, other):
        return self is other

    def __ne__(self, other):
        return self is not other

    def __hash__(self):
        return id(self)

    def __bool__(self):
        advice = "choose with tf.cond or use tf.where, or run it in a session first"
        raise self._refusal(f"{_NO_VALUE}, so it cannot be used as a bool in 'if', 'and', 'while' or 'max'; {advice}")

    def _refusal(self, what: str) -> SymbolicError:
        return SymbolicError(explain(f"{self.name}: {what}", _made(self)))

    def __float__(self):
        raise self._refusal(f"{_NO_VALUE}; run it in a session first: value = sess.run(x)")

    __int__ = __index__ = __complex__ = __float__

    def __round__(self, digits=None):
        raise self._refusal(f"{_NO_VALUE}; use tf.round, or run it in a session first")

    def __format__(self, spec: str):
        if spec:
            raise self._refusal(f"{_NO_VALUE}, so there is no number to format; run it in a session first")
        return str(self)

    def __contains__(self, value):
        raise self._refusal(f"{_NO_VALUE}; use tf.reduce_any(tf.equal(x, value)), or run it in a session first")

    def __array__(self, dtype=None, copy=None):
        raise self._refusal("a tensor cannot become a NumPy array; run it in a session first: array = sess.run(x)")

    def __len__(self):
        raise self._refusal("a tensor has no len; use its shape, x.shape[0], or tf.shape(x)[0]")

    def __iter__(self):
        shape = self.shape
        if shape.ndims is None or (shape.ndims and shape.as_list()[0] is None):
            advice = "use tf.map_fn, tf.unstack(x, num), or run it in a session first"
            raise self._refusal(f"a tensor of unknown length cannot be iterated; {advice}")
        if not shape.ndims:
            raise self._refusal("a scalar cannot be iterated; run it in a session first")
        return iter([self[k] for k in range(shape.as_list()[0])])


def getitem(nodes, template) -> Node:
    """``x[key]`` for Nodes: ``x`` and those in the key.

    Args:
        template: for each part of the key whether it is a slice, and its fields: the number of a Node and None, or None
            and a value.
    """
    keys = []
    for is_slice, places in template:
        values = [field if at is None else nodes[at] for at, field in places]
        keys.append(slice(*values) if is_slice else values[0])
    return index.getitem(nodes[0], tuple(keys))


def _is_mask(key) -> bool:
    """Whether an index is a tensor or array of bools, which picks elements."""
    if isinstance(key, Operators):
        return key.dtype is dt.b1 and bool(key.shape.rank)
    return isinstance(key, np.ndarray) and key.dtype == bool and key.ndim > 0


def _check_index(field) -> None:
    """Refuse what is no index and no bound of a slice."""
    if isinstance(field, Operators):
        fits = field.dtype.is_integer and not field.shape.rank
    elif isinstance(field, (np.ndarray, np.generic)):
        fits = field.dtype.kind in "iu" and not field.ndim
    else:
        fits = field is Ellipsis or hasattr(type(field), "__index__")
    if not fits:
        text = f"a tensor of {field.type}" if isinstance(field, Operators) else f"{field!r}"
        advice = "tf.gather(x, indices) picks rows, x[mask] with a bool tensor as long as x those where it is true"
        what = "only integers, slices (`:`), ellipsis (`...`), tf.newaxis (`None`) and scalar integer tensors are valid"
        raise IndexKindError(explain(f"{what} indices, got {text}; {advice}"))


class IndexKindError(UsageError, TypeError):
    """An index is of a kind that no tensor has."""


def index_parts(key) -> tuple[list, tuple]:
    """The tensors in the key of ``x[key]``, and its template for ``getitem`` where they come behind ``x``.

    Raises:
        IndexKindError: a part is no index.
    """
    inside, template = [], []
    for part in key if isinstance(key, (tuple, list)) else (key,):
        fields = (part.start, part.stop, part.step) if isinstance(part, slice) else (part,)
        places = []
        for field in fields:
            if type(field) is not int and field is not None:
                _check_index(field)
            if isinstance(field, Operators):
                inside.append(field)
                places.append((len(inside), None))
            else:
                places.append((None, field))
        template.append((isinstance(part, slice), tuple(places)))
    return inside, tuple(template)


def strided_slice(x, key):
    """``x[key]``: tensors in the key become operands."""
    if _is_mask(key):
        return _recorder(x, key).call("BooleanMask", "boolean_mask", select.boolean_mask, (x, key), ("tensor", "mask"),
                                      alike=False)  # fmt: skip
    inside, template = index_parts(key)
    operands = (x, *inside)

    def build(*nodes):
        return getitem(nodes, template)

    build.call = Call(getitem, {"nodes": list(range(len(operands)))}, {"template": template})
    labels = ("input", *["index"] * len(inside))
    return _recorder(*operands).call("StridedSlice", "strided_slice", build, operands, labels, alike=False)
