"""from_generator: elements that a Python generator yields, one at a time and not before they are asked for."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from graphc.api.data.block import Block
from graphc.api.data.element import (
    dims_of, from_signature, is_nested, leaves, mapped, pack, same_outline, value_of,
)  # fmt: skip
from graphc.api.data.flow import Flow
from graphc.api.data.functions import told
from graphc.api.data.stage import Run, Stage
from graphc.api.eager import EAGER
from graphc.api.operators import Composed, Operators
from graphc.api.recorder import RECORDERS
from graphc.api.shape import TensorShape
from graphc.api.spec import TensorSpec
from graphc.errors import DtypeError, InvalidArgumentError, ShapeError, UsageError, explain
from graphc.ir import dtype as dt


class Generated(Stage):
    """Elements of ``generator(*args)``.

    Args:
        element_spec: what every element must fit.
        args: tensors, which the generator gets as arrays.
    """

    kind, method = "_FlatMapDataset", "from_generator"
    is_silent = False

    def __init__(self, generator: Callable, element_spec, args: tuple = ()):
        if not callable(generator):
            raise UsageError(explain(f"from_generator: generator must be a function, got {generator!r}"))
        super().__init__(element_spec)
        self.generator = generator
        self.args = tuple([value_of(a, self.method).numpy() for a in args])

    def open(self, run: Run) -> Flow:
        return _Generating(self)

    def row(self, value) -> tuple:
        """An element that was yielded, as components.

        Raises:
            InvalidArgumentError: it has not the structure. DtypeError, ShapeError: a part of it does not fit.
        """
        spec = self.element_spec
        if isinstance(value, list) and isinstance(spec, tuple):
            value = tuple(value)
        if not same_outline(spec, _as_spec(value, spec)):
            what = "the generator yielded an element that does not match the expected structure"
            raise InvalidArgumentError(self.explain(what, (("expected", str(spec)), ("yielded", repr(value)))))
        found = leaves(_as_spec(value, spec))
        return tuple([self._component(s, v) for s, v in zip(leaves(spec), found)])

    def _component(self, spec, value):
        if not isinstance(spec, TensorSpec):
            value = value_of(value)
            if not hasattr(value, "dtype") or not spec.is_compatible_with(value):
                raise InvalidArgumentError(self.explain(f"the generator yielded {value!r} where {spec} was expected"))
            return value
        array = self._array(spec, value)
        dims = dims_of(spec)
        if dims is not None and (len(dims) != array.ndim or any(d not in (None, n) for d, n in zip(dims, array.shape))):
            shape = TensorShape(dims)
            what = f"the generator yielded an element of shape {array.shape} where an element of shape {shape}"
            what += " was expected"
            raise ShapeError(self.explain(what))
        return array

    def _array(self, spec: TensorSpec, value) -> np.ndarray:
        if isinstance(value, (Operators, Composed)):
            value = value_of(value).array
        try:
            if spec.dtype is dt.string:
                return value_of(np.array(value, dtype=object) if isinstance(value, list) else value).array
            given = np.asarray(value)
            if given.dtype == object or given.dtype.kind in "SU":
                raise ValueError("not a number")
            return np.array(given, dtype=spec.dtype.numpy, order="C")
        except (ValueError, TypeError, OverflowError) as error:
            what = "the generator yielded an element that could not be converted to the expected type"
            operands = (("expected", spec.dtype.name), ("yielded", repr(value)))
            raise DtypeError(self.explain(what, operands)) from error


def _as_spec(value, spec):
    """A yielded value with lists as tuples where the spec has tuples."""
    if isinstance(spec, Mapping) and isinstance(value, Mapping):
        return {key: _as_spec(part, spec[key]) if key in spec else part for key, part in value.items()}
    if is_nested(spec) and isinstance(value, (tuple, list)) and len(value) == len(spec):
        return tuple([_as_spec(part, inner) for part, inner in zip(value, spec)])
    return value if not is_nested(value) or is_nested(spec) else _Several(value)


class _Several(list):
    """A tuple where one value was expected: a tensor, like a list."""


class _Generating(Flow):
    def __init__(self, stage: Generated):
        self._stage, self._iterator, self._is_over = stage, None, False

    def pull(self, most: int) -> Block | None:
        if self._is_over:
            return None
        stage = self._stage
        with RECORDERS.entering(EAGER):
            try:
                if self._iterator is None:
                    self._iterator = iter(stage.generator(*stage.args))
                value = next(self._iterator)
            except StopIteration:
                self._is_over = True
                return None
            except Exception as error:  # a user's generator may raise anything
                self._is_over = True
                raise told(error, stage.explain) from error
            row = stage.row(value)
        return Block.of_row(row)

    def close(self) -> None:
        self._is_over = True
        close = getattr(self._iterator, "close", None)
        if close is not None:
            try:
                close()
            except ValueError:  # it is running in another thread, and will not be asked again
                pass


def generated(generator, output_types, output_shapes, args, output_signature) -> Generated:
    """``from_generator`` of either form of arguments.

    Raises:
        UsageError: both forms or none are given.
    """
    if output_signature is not None:
        if output_types is not None or output_shapes is not None:
            what = "from_generator: output_types and output_shapes must not be given beside output_signature"
            raise UsageError(explain(what))
        spec = from_signature(output_signature)
    elif output_types is None:
        raise UsageError(explain("from_generator: needs output_signature (or output_types)"))
    else:
        types = _typed(output_types)
        shapes = [None] * len(leaves(types)) if output_shapes is None else _shapes(types, output_shapes)
        spec = pack(types, iter([TensorSpec(TensorShape(s), d) for d, s in zip(leaves(types), shapes)]))
    if args is not None and not isinstance(args, (tuple, list)):
        raise UsageError(explain(f"from_generator: args must be a tuple, got {args!r}"))
    return Generated(generator, spec, tuple(args or ()))


def _typed(output_types):
    if isinstance(output_types, list):
        output_types = tuple(output_types)
    return mapped(dt.as_dtype, output_types)


def _shapes(types, shapes) -> list:
    if isinstance(types, Mapping):
        return [s for key in sorted(types) for s in _shapes(types[key], shapes[key])]
    if is_nested(types):
        if not isinstance(shapes, (tuple, list)) or len(shapes) != len(types):
            raise UsageError(
                explain(f"from_generator: output_shapes {shapes!r} have not the structure of output_types")
            )
        return [s for a, b in zip(types, shapes) for s in _shapes(a, b)]
    return [shapes]
