"""Functions of loaded SavedModels as parts of one that is written."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from graphc.api.node_def.attrs import attr_of
from graphc.api.operators import Operators
from graphc.api.saved_model.constants import DEFAULT_SERVING_SIGNATURE_DEF_KEY
from graphc.api.saved_model.function import ConcreteFunction, Function, Signatures
from graphc.api.saved_model.objects import Asset
from graphc.api.saved_model.structured import message_of
from graphc.api.saved_model.written_objects import ObjectGraph
from graphc.api.spec import TensorSpec
from graphc.api.structure import leaves
from graphc.api.tensor import EagerTensor
from graphc.api.variable import Variable
from graphc.errors import UsageError, explain
from graphc.formats import protos
from graphc.ir.dtype import as_dtype

_ARGUMENTS = ("args", "varargs", "varkw", "defaults", "kwonlyargs", "kwonlydefaults", "annotations")


class FunctionWriter:
    """Adds functions to the GraphDef and the objects of a MetaGraphDef."""

    def __init__(self, meta, objects: ObjectGraph):
        self.meta, self.objects = meta, objects
        self._written: dict[str, bytes] = {}

    def add_function(self, at: int, function: Function) -> None:
        """Tell object ``at`` to be this function."""
        saved = self.meta.object_graph_def.nodes[at].function
        saved.function_spec.CopyFrom(function.spec_message or protos.FunctionSpec())
        for k, concrete in enumerate(function.concrete_functions):
            saved.concrete_functions.append(concrete.name)
            self.objects.child(at, f"trace_{k}", concrete)

    def add_concrete(self, at: int, function: ConcreteFunction) -> None:
        """Tell object ``at`` to be this function for arguments of known types."""
        bare = self.meta.object_graph_def.nodes[at].bare_concrete_function
        bare.concrete_function_name = function.name
        bare.argument_keywords.extend(function.keywords)
        bare.allowed_positional_arguments = function.positional
        bare.function_spec.CopyFrom(function.spec_message or _by_name(function.keywords))
        bound = [self._captured(at, k, value) for k, value in enumerate(function.captured_inputs)]
        if function.name in self.meta.object_graph_def.concrete_functions:
            return
        saved = self.meta.object_graph_def.concrete_functions[function.name]
        saved.bound_inputs.extend(bound)
        saved.canonicalized_input_signature.CopyFrom(message_of(function.structured_input_signature))
        saved.output_signature.CopyFrom(message_of(function.structured_outputs))
        self._copy(function)

    def _captured(self, at: int, k: int, value) -> int:
        if isinstance(value, (Variable, EagerTensor, Asset)):
            return self.objects.child(at, f"capture_{k}", value)
        name = self.objects.objects[at].name
        what = f"saved_model.save: function {name!r} uses a table of the model that it was loaded from"
        raise UsageError(
            explain(f"{what}; such functions cannot be saved again, delete the attribute to save the rest")
        )

    def _copy(self, function: ConcreteFunction) -> None:
        """The function and those that it calls."""
        waiting = [(function.name, function.definition())]
        while waiting:
            name, definition = waiting.pop()
            data = definition.SerializeToString(deterministic=True)
            known = self._written.setdefault(name, data)
            if known != data:
                what = f"saved_model.save: functions of two loaded models are called {name!r}; save them apart"
                raise UsageError(explain(what))
            if any(f.signature.name == name for f in self.meta.graph_def.library.function):
                continue
            self.meta.graph_def.library.function.add().ParseFromString(data)
            for node in definition.node_def:
                waiting += [(n, function.library.function_def(n)) for n in sorted(function.library.called(node))]


def _by_name(keywords):
    """The FunctionSpec of a signature."""
    spec = protos.FunctionSpec()
    named = spec.fullargspec.named_tuple_value
    named.name = "FullArgSpec"
    told = {name: None for name in _ARGUMENTS} | {"args": [], "kwonlyargs": list(keywords), "annotations": {}}
    for key, value in told.items():
        named.values.add(key=key).value.CopyFrom(message_of(value))
    spec.input_signature.none_value.SetInParent()
    return spec


def add_constant(meta, value: np.ndarray) -> str:
    """A Const node with this value; its name."""
    taken = {n.name for n in meta.graph_def.node}
    name = next(n for n in (f"Const_{k}" if k else "Const" for k in range(len(taken) + 1)) if n not in taken)
    node = meta.graph_def.node.add(name=name, op="Const")
    node.attr["dtype"].CopyFrom(attr_of(as_dtype(value.dtype)))
    node.attr["value"].CopyFrom(attr_of(value))
    return name


def signatures_of(given, root) -> Signatures:
    """What is saved as signatures: those that are given, or those that a loaded object has.

    Raises:
        UsageError: something is no function of a loaded SavedModel.
    """
    if given is None:
        own = getattr(root, "signatures", None)
        given = own if isinstance(own, Signatures) else {}
    if not isinstance(given, Mapping):
        given = {DEFAULT_SERVING_SIGNATURE_DEF_KEY: given}
    return Signatures({key: _signature(key, f) for key, f in given.items()})


def _signature(key: str, function) -> ConcreteFunction:
    if isinstance(function, Function):
        function = function.get_concrete_function()
    if not isinstance(function, ConcreteFunction) or function.library is None:
        what = f"saved_model.save: signature {key!r} is {function!r}"
        hint = "graphs with signatures are written by graphc.v1's tf.saved_model.simple_save"
        raise UsageError(explain(f"{what}; only functions of a SavedModel that was loaded can be saved here; {hint}"))
    _, kwargs = function.structured_input_signature
    outputs = function.structured_outputs
    is_flat = isinstance(outputs, Mapping) and all(isinstance(s, TensorSpec) for s in outputs.values())
    if (
        not function.structured_input_signature[0]
        and is_flat
        and all(isinstance(s, TensorSpec) for s in kwargs.values())
    ):
        return function
    return _wrapped(key, function, is_flat)


def _wrapped(key: str, function: ConcreteFunction, is_flat: bool) -> ConcreteFunction:
    """The same function with inputs by name and a dict for an answer."""
    order = sorted(range(len(function.inputs)), key=lambda k: function.keywords[k])
    specs = {function.keywords[k]: function.inputs[k] for k in order}
    if len(specs) < len(function.inputs):
        raise UsageError(explain(f"saved_model.save: the inputs of signature {key!r} need different names"))
    found = leaves(function.structured_outputs)
    if any(not isinstance(s, TensorSpec) for s in found):
        raise UsageError(explain(f"saved_model.save: signature {key!r} must answer with tensors only"))
    outputs = function.structured_outputs if is_flat else {f"output_{k}": s for k, s in enumerate(found)}
    if not is_flat and list(outputs) != sorted(outputs):
        raise UsageError(
            explain(f"saved_model.save: signature {key!r} must answer with a dict, it has {len(found)} outputs")
        )
    return function.reordered(f"__inference_signature_wrapper_{key}", order, specs, outputs)


def is_constant(value) -> bool:
    """Whether it is a tensor with a value that is no variable."""
    return isinstance(value, Operators) and not isinstance(value, Variable)
