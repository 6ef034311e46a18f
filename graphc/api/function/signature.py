"""``input_signature``: what a function takes, said beforehand."""

from __future__ import annotations

import inspect
from collections.abc import Sequence

from graphc.api.eager import EAGER
from graphc.api.operators import Composed, Operators
from graphc.api.recorder import RECORDERS
from graphc.api.spec import TensorSpec, TypeSpec
from graphc.api.structure import leaves, pack
from graphc.errors import DtypeError, GraphcError, ShapeError, UsageError, explain


def expect_specs(name: str, specs) -> None:
    """Refuse what is no ``input_signature``.

    Raises:
        UsageError: it is no list or tuple of TensorSpecs and structures of them.
    """
    if specs is None:
        return
    if not isinstance(specs, (list, tuple)):
        raise UsageError(explain(f"{name}: input_signature must be a list or a tuple of TensorSpecs, got {specs!r}"))
    for spec in leaves(list(specs)):
        if not hasattr(spec, "is_compatible_with"):
            raise UsageError(explain(f"{name}: input_signature must hold TensorSpecs, got {spec!r}"))


class InputSignature:
    """The descriptions of a function's arguments.

    Args:
        name: of the function. specs: a TensorSpec, or a structure of them, for each of the first arguments.

    Raises:
        UsageError: there are more than the function has arguments, or an argument without a default has none.
    """

    def __init__(self, name: str, signature: inspect.Signature, specs: Sequence):
        self.name, self.specs = name, tuple(specs)
        parameters = list(signature.parameters.values())
        fixed = [p for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
        self.rest = next((p.name for p in parameters if p.kind is p.VAR_POSITIONAL), None)
        missing = [p.name for p in fixed[len(self.specs) :] if p.default is p.empty]
        if (len(self.specs) > len(fixed) and self.rest is None) or missing:
            names = ", ".join(p.name for p in fixed)
            lacks = f"; {missing[0]} has none and no default" if missing else ""
            what = f"input_signature has {len(self.specs)} entries for the arguments ({names}){lacks}"
            raise UsageError(explain(f"{name}: {what}"))
        self.names = [p.name for p in fixed][: len(self.specs)]

    def applied(self, arguments: dict) -> tuple[dict, dict]:
        """The arguments with tensors of the described dtypes, and the specifications in the same places.

        Raises:
            DtypeError, ShapeError, UsageError: an argument does not fit; the message has both.
        """
        values, specs = dict(arguments), dict(arguments)
        for name, spec in zip(self.names, self.specs):
            values[name], specs[name] = self._fitting(name, arguments[name], spec)
        if self.rest is not None and len(self.specs) > len(self.names):
            more = self.specs[len(self.names) :]
            given = arguments.get(self.rest, ())
            if len(given) != len(more):
                raise UsageError(explain(f"{self.name}: takes {len(self.specs)} arguments by its input_signature"))
            pairs = [self._fitting(f"{self.rest}[{k}]", v, s) for k, (v, s) in enumerate(zip(given, more))]
            values[self.rest], specs[self.rest] = tuple(v for v, _ in pairs), tuple(s for _, s in pairs)
        return values, specs

    def _fitting(self, name: str, value, spec):
        if isinstance(spec, TensorSpec):
            return self._tensor(name, value, spec), spec
        if isinstance(spec, TypeSpec) and isinstance(value, Composed) and spec.is_compatible_with(value):
            return value, value
        flat, wanted = leaves(value), leaves(spec)
        if len(flat) != len(wanted):
            raise UsageError(explain(f"{self.name}: {name} must be {spec!r} by input_signature, got {value!r}"))
        tensors = [self._tensor(name, v, s) for v, s in zip(flat, wanted)]
        return pack(value, tensors), pack(value, wanted)

    def _tensor(self, name: str, value, spec: TensorSpec):
        if isinstance(value, TensorSpec):
            tensor = value
        else:
            top = RECORDERS.top
            recorder = top if top is not None and top.captures else EAGER
            try:
                tensor = recorder.convert(value, None if isinstance(value, Operators) else spec.dtype)
            except GraphcError as error:
                what = f"{self.name}: {name} must be {spec!r} by input_signature, got {value!r}"
                raise type(error)(explain(what)) from error
        if not spec.is_compatible_with(tensor):
            kind = DtypeError if tensor.dtype is not spec.dtype else ShapeError
            got = f"{tensor.dtype.name} of shape {tensor.shape}"
            raise kind(explain(f"{self.name}: {name} must be {spec!r} by input_signature, got {got}"))
        return tensor
