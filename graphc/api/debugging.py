"""Printing and assertions that run with the program, under TensorFlow's names."""

from __future__ import annotations

import pprint
import re
import sys
from collections.abc import Callable, Iterable

import numpy as np

from graphc.api.body import Body
from graphc.api.eager import EAGER, eager
from graphc.api.effect import EFFECT
from graphc.api.lift import construct, tensors_in
from graphc.api.operators import Composed, Operators
from graphc.api.recorder import recorder_for
from graphc.api.spelling import respelled
from graphc.api.structure import leaves, pack
from graphc.errors import DtypeError, InvalidArgumentError, UsageError, explain
from graphc.ir import dtype as dt
from graphc.ir.order import toposort
from graphc.ir.origin import origins
from graphc.lib import math, reduction, shape
from graphc.lib.promote import as_node, shape_text
from graphc.prims.effects import check, print_, shown

_STREAMS = {"stdout": "stdout", "stderr": "stderr"}


def print(*inputs, output_stream=None, summarize=3, sep=" ", end="\n", name=None):  # noqa: A001  TensorFlow's name
    """Write values, when the program comes to this place; tensors show ``summarize`` elements at both ends of an axis.

    Args:
        output_stream: ``sys.stderr`` (the default), ``sys.stdout``, or ``"file://path"`` to append to a file.

    Raises:
        UsageError: any other stream.
    """
    if output_stream in (None, sys.stderr):
        stream = "stderr"
    elif output_stream is sys.stdout:
        stream = "stdout"
    elif isinstance(output_stream, str) and output_stream.startswith("file://"):
        stream = output_stream.removeprefix("file://")
    else:
        raise UsageError(explain(f"print: cannot write to {output_stream!r}; use sys.stdout, sys.stderr or file://..."))
    template, tensors = _template(inputs, sep)

    def written(token, **values):
        nodes = [as_node(values[key]) for key in sorted(values)]
        return print_(token, *nodes, template=template, summarize=summarize or -1, end=end, stream=stream), None

    return _effect("PrintV2", "print", written, tensors, name)


def _template(inputs, sep: str) -> tuple[str, list]:
    """The text with ``{}`` for every tensor, and the tensors."""
    parts = [_part(value) for value in inputs]
    text = _escaped(sep).join(text for text, _ in parts)
    return text, [t for _, tensors in parts for t in tensors]


def _part(value) -> tuple[str, list]:
    """The same for one value."""
    if not any(isinstance(v, Operators) for v in leaves(value)):
        return _escaped(value if isinstance(value, str) else pprint.pformat(value, width=sys.maxsize)), []
    places = [_Place(v) for v in leaves(value, composites=False)]
    found = {repr(p): p.tensors for p in places if p.tensors}
    text = _escaped(pprint.pformat(pack(value, places, composites=False), width=sys.maxsize))
    tensors = [t for mark in _MARK.findall(text) for t in found[mark]]
    return _MARK.sub(lambda mark: _braces(found[mark[0]]), text), tensors


def _escaped(text: str) -> str:
    return text.replace("{", "{{").replace("}", "}}")


_MARK = re.compile("\x00[0-9]+\x00")


class _Place:
    """A leaf of a structure that is printed: of tensors only the place, which is filled later."""

    def __init__(self, leaf):
        self.leaf, self.tensors = leaf, [v for v in leaves(leaf) if isinstance(v, Operators)]
        if hasattr(leaf, "nested_row_splits") and leaf.graph.is_eager:
            self.leaf, self.tensors = leaf.to_list(), []

    def __repr__(self):
        return f"\0{id(self)}\0" if self.tensors else repr(self.leaf)


def _braces(tensors: list) -> str:
    if len(tensors) == 3:
        return "'SparseTensor(indices={}, values={}, shape={})'"
    return "{}" if len(tensors) == 1 else f"[{', '.join('{}' for _ in tensors)}]"


def _effect(kind: str, label: str, function: Callable, tensors: list, name):
    """Record a function of a token and tensors, which are its arguments v000, v001, ..."""
    arguments = {f"v{k:03}": t for k, t in enumerate(tensors)}
    groups = {key: key for key in arguments}
    recorder = recorder_for(tensors_in(tensors), eager)
    return construct(recorder, kind, label, function, arguments, groups, (), name, EFFECT)


def Assert(condition, data, summarize=None, name=None):  # noqa: N802  TensorFlow's name
    """Raise InvalidArgumentError with ``data`` where ``condition`` (a bool, or all of a tensor) does not hold."""
    return _asserted("Assert", condition, list(data), "assertion failed", summarize, name)


def _asserted(label: str, condition, data: list, message: str, summarize, name):
    _refuse_known(condition, data, message, summarize)

    def checked(token, **values):
        first, *rest = [as_node(values[key]) for key in sorted(values)]
        return check(token, reduction.reduce_all(first), *rest, message=message, summarize=summarize or 3), None

    return _effect("Assert", label, checked, [condition, *data], name)


def _refuse_known(condition, data: list, message: str, summarize) -> None:
    """Fail at once where a function is traced and what is asserted does not depend on what it is called with."""
    recorder = recorder_for(tensors_in([condition, *data]), eager)
    if not isinstance(recorder, Body):
        return
    nodes = [recorder.convert(x).node for x in (condition, *data)]
    if any(n.op in _OPEN for n in toposort(nodes)):
        return
    holds, *values = EAGER.evaluate(nodes)
    if not np.all(holds):
        told = "".join(f"\n  {shown(v, summarize or 3)}" for v in values)
        raise InvalidArgumentError(explain(f"{message}{told}"))


_OPEN = ("input", "symbol")  # what only a run knows


def _comparison(label: str, function: Callable, words: str) -> Callable:
    def assertion(x, y, message=None, summarize=None, name=None):
        recorder = recorder_for(tensors_in([x, y]), eager)
        condition = recorder.call(label, label, function, (x, y), "xy")
        what = f"{message + ': ' if message else ''}{label}: {words} does not hold for all elements; x and y:"
        return _asserted(label, condition, [x, y], what, summarize, name)

    assertion.__name__ = assertion.__qualname__ = label
    assertion.__doc__ = f"Raise InvalidArgumentError unless {words} for all elements, when the program comes here."
    return assertion


def _sign(label: str, function: Callable, words: str) -> Callable:
    def assertion(x, message=None, summarize=None, name=None):
        recorder = recorder_for(tensors_in([x]), eager)
        condition = recorder.call(label, label, lambda v: function(v, shape.zeros_like(v)), (x,), "x")
        what = f"{message + ': ' if message else ''}{label}: {words} does not hold for all elements; x:"
        return _asserted(label, condition, [x], what, summarize, name)

    assertion.__name__ = assertion.__qualname__ = label
    assertion.__doc__ = f"Raise InvalidArgumentError unless {words} for all elements, when the program comes here."
    return assertion


assert_equal = _comparison("assert_equal", math.equal, "x == y")
assert_none_equal = respelled(
    _comparison("assert_none_equal", math.not_equal, "x != y"), "x y summarize message name"
)
assert_less = _comparison("assert_less", math.less, "x < y")
assert_less_equal = _comparison("assert_less_equal", math.less_equal, "x <= y")
assert_greater = _comparison("assert_greater", math.greater, "x > y")
assert_greater_equal = _comparison("assert_greater_equal", math.greater_equal, "x >= y")
assert_positive = _sign("assert_positive", math.greater, "x > 0")
assert_negative = _sign("assert_negative", math.less, "x < 0")
assert_non_negative = _sign("assert_non_negative", math.greater_equal, "x >= 0")
assert_non_positive = _sign("assert_non_positive", math.less_equal, "x <= 0")


def assert_near(x, y, rtol=None, atol=None, message=None, summarize=None, name=None):
    """Raise InvalidArgumentError unless ``|x - y| <= atol + rtol * |y|``; ten times the dtype's precision by default.

    Raises:
        DtypeError: the values are not floating.
    """
    recorder = recorder_for(tensors_in([x, y]), eager)

    def near(x, y):
        if not x.dtype.is_float:
            what = f"assert_near: needs floating values, not {x.type} and {y.type}; assert_equal compares others"
            raise DtypeError(explain(what, origins(x=x, y=y)))
        precision = {dt.f64: 2.0**-52, dt.f32: 2.0**-23, dt.f16: 2.0**-10, dt.bf16: 2.0**-7}[x.dtype] * 10
        bound = math.add(precision if atol is None else atol, math.multiply(precision if rtol is None else rtol, math.abs(y)))
        return math.less_equal(math.abs(math.subtract(x, y)), bound)

    condition = recorder.call("assert_near", "assert_near", near, (x, y), "xy")
    what = f"{message + ': ' if message else ''}assert_near: x and y differ; x and y:"
    return _asserted("assert_near", condition, [x, y], what, summarize, name)


def _static(label: str, test: Callable, words: str, arguments: str, kind=UsageError) -> Callable:
    """An assertion about types, decided at once where the type is known."""
    needs = "=wanted" in arguments

    def assertion(x, wanted=None, message=None, summarize=None, name=None):
        recorder = recorder_for(tensors_in([x]), eager)
        tensor = recorder.convert(x)
        if needs and wanted is None:
            raise UsageError(explain(f"{label}: what the tensor's type is compared with is missing"))
        if tensor.type is not None and not test(tensor, *([wanted] if needs else [])):
            what = f"{message + ': ' if message else ''}{label}: {tensor.type} {words} {wanted if needs else ''}"
            raise kind(explain(what.rstrip()))
        return recorder.create("NoOp", recorder.unique_name(name or label)) if hasattr(recorder, "create") else None

    assertion.__name__ = assertion.__qualname__ = label
    assertion.__doc__ = f"Raise {kind.__name__} if the tensor's type {words} what is given."
    return respelled(assertion, arguments)


def _rank(x) -> int:
    return len(x.type.shape)


assert_rank = _static("assert_rank", lambda x, rank: _rank(x) == int(rank), "is not of rank",
                      "x rank=wanted message name summarize")  # fmt: skip
assert_rank_at_least = _static("assert_rank_at_least", lambda x, rank: _rank(x) >= int(rank), "is below rank",
                               "x rank=wanted message name summarize")  # fmt: skip
assert_rank_in = _static("assert_rank_in", lambda x, ranks: _rank(x) in [int(r) for r in ranks],
                         "is of none of the ranks", "x ranks=wanted message name summarize")  # fmt: skip
assert_scalar = _static("assert_scalar", lambda x: _rank(x) == 0, "is no scalar", "tensor=x message name")
assert_type = _static("assert_type", lambda x, kind: x.dtype is dt.as_dtype(kind), "is not of",
                      "tensor=x tf_type=wanted message name", DtypeError)  # fmt: skip
assert_integer = _static("assert_integer", lambda x: x.dtype.is_integer, "is not of an integer type", "x message name",
                         DtypeError)  # fmt: skip


def assert_proper_iterable(values) -> None:
    """Raise DtypeError unless it is an iterable of several things: no tensor, array or string."""
    found = type(values).__name__
    if isinstance(values, (Operators, Composed, np.ndarray, str, bytes)):
        raise DtypeError(explain(f"assert_proper_iterable: a {found} is one value; put it into a list"))
    if not isinstance(values, Iterable):
        raise DtypeError(explain(f"assert_proper_iterable: a {found} is not iterable"))


def assert_same_float_dtype(tensors=None, dtype=None) -> dt.DType:
    """The one floating dtype of all tensors (and ``dtype``); float32 where nothing is given.

    Raises:
        DtypeError: they differ, or are not floating.
    """
    wanted = None if dtype is None else dt.as_dtype(dtype)
    for tensor in tensors or ():
        found = dt.as_dtype(tensor.dtype) if hasattr(tensor, "dtype") else as_node(tensor).dtype
        if wanted is not None and found is not wanted:
            what = f"assert_same_float_dtype: {found.name} of shape {np.shape(tensor)} is not {wanted.name}"
            raise DtypeError(explain(what))
        wanted = found
    if wanted is not None and not wanted.is_float:
        raise DtypeError(explain(f"assert_same_float_dtype: {wanted.name} is not a floating type"))
    return wanted or dt.f32


def assert_shapes(shapes, data=None, summarize=None, message=None, name=None) -> None:
    """Raise UsageError unless tensors have the given shapes; equal letters stand for equal sizes.

    Args:
        shapes: pairs of a tensor and a shape of ints, letters, None (any size) or ``"*"`` first (any axes).
    """
    sizes: dict = {}
    for x, wanted in shapes.items() if isinstance(shapes, dict) else shapes:
        tensor = recorder_for(tensors_in([x]), eager).convert(x)
        found, wanted = tensor.type.shape, tuple(wanted)
        if wanted[:1] in (("*",), (...,)):
            wanted = wanted[1:]
            found = found[len(found) - len(wanted) :]
        fits = len(found) == len(wanted)
        for have, want in zip(found, wanted) if fits else ():
            if want is None or type(have) is not int or want == ".":
                continue
            fits = fits and have == (sizes.setdefault(want, have) if isinstance(want, str) else want)
        if not fits:
            what = f"assert_shapes: {tensor.type} is not of shape {shape_text(wanted)} {sizes or ''}"
            raise UsageError(explain(f"{message}: {what}" if message else what))


def is_numeric_tensor(tensor) -> bool:
    """Whether it is a tensor of numbers."""
    return isinstance(tensor, Operators) and tensor.dtype.kind in "iufc"
