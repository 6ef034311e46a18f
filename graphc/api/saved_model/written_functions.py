"""Functions as parts of a SavedModel that is written, and which of them are its signatures."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from graphc.api.function.concrete import ConcreteFunction as Trace
from graphc.api.function.function import Function as TracedFunction
from graphc.api.node_def.attrs import attr_of
from graphc.api.operators import Operators
from graphc.api.saved_model.constants import DEFAULT_SERVING_SIGNATURE_DEF_KEY
from graphc.api.saved_model.exported import Exporter, full_arg_spec, is_flat, traces_of
from graphc.api.saved_model.function import ConcreteFunction, Function, Signatures
from graphc.api.saved_model.objects import Asset
from graphc.api.saved_model.signature_wrapper import wrapper
from graphc.api.saved_model.structured import message_of
from graphc.api.saved_model.written_objects import ObjectGraph
from graphc.api.spec import TensorSpec
from graphc.api.structure import leaves
from graphc.api.tensor import EagerTensor
from graphc.api.variable import Variable
from graphc.errors import UsageError, explain
from graphc.formats import protos
from graphc.ir.dtype import as_dtype


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
    told = dict.fromkeys(("varargs", "varkw", "defaults", "kwonlydefaults"))
    told |= {"args": [], "kwonlyargs": list(keywords), "annotations": {}}
    return full_arg_spec({key: message_of(value) for key, value in told.items()})


def add_constant(meta, value: np.ndarray) -> str:
    """A Const node with this value; its name."""
    taken = {n.name for n in meta.graph_def.node}
    name = next(n for n in (f"Const_{k}" if k else "Const" for k in range(len(taken) + 1)) if n not in taken)
    node = meta.graph_def.node.add(name=name, op="Const")
    node.attr["dtype"].CopyFrom(attr_of(as_dtype(value.dtype)))
    node.attr["value"].CopyFrom(attr_of(value))
    return name


def signatures_of(given, root, functions: Mapping, exporter: Exporter) -> Signatures:
    """What is saved as signatures: those that are given, or those that a loaded object has, or the only function.

    Args:
        functions: what the object has for functions, by name.

    Raises:
        UsageError: something is no function with known arguments, or its answer has no names.
    """
    if given is None:
        own = getattr(root, "signatures", None)
        given = own if isinstance(own, Signatures) else _only(functions)
    if not isinstance(given, Mapping):
        given = {DEFAULT_SERVING_SIGNATURE_DEF_KEY: given}
    return Signatures({key: _signature(key, f, exporter) for key, f in given.items()})


def _only(functions: Mapping) -> dict:
    """The function of an object as its signature, if there is no other one, and it can be."""
    if len(functions) != 1:
        return {}
    (function,) = functions.values()
    described = isinstance(function, Trace) or getattr(function, "input_signature", None) is not None
    traces = [function] if isinstance(function, Trace) else traces_of(function) if described else []
    if len(traces) != 1:
        return {}
    found = leaves(traces[0].structured_outputs)
    named = _output_names(traces[0].structured_outputs) is not None and all(isinstance(s, TensorSpec) for s in found)
    return {DEFAULT_SERVING_SIGNATURE_DEF_KEY: traces[0]} if named else {}


def _signature(key: str, function, exporter: Exporter) -> ConcreteFunction:
    if isinstance(function, TracedFunction):
        traces = traces_of(function) if function.input_signature is not None else ()
        if not traces:
            what = f"saved_model.save: signature {key!r} is {function!r}, whose arguments are not known"
            advice = "give it an input_signature, or pass function.get_concrete_function(tf.TensorSpec(...))"
            raise UsageError(explain(f"{what}; {advice}"))
        function = traces[0]
    if isinstance(function, Trace):
        function = exporter.concrete(function)
    if isinstance(function, Function):
        function = function.get_concrete_function()
    if not isinstance(function, ConcreteFunction) or function.library is None:
        what = f"saved_model.save: signature {key!r} is {function!r}"
        hint = "graphs with signatures are written by graphc.v1's tf.saved_model.simple_save"
        raise UsageError(explain(f"{what}; it must be a tf.function or one of its concrete functions; {hint}"))
    args, kwargs = function.structured_input_signature
    flat = is_flat(function.structured_outputs) and all(isinstance(s, TensorSpec) for s in kwargs.values())
    return function if not args and flat and function.keywords == list(kwargs) else _wrapped(key, function, exporter)


def _output_names(outputs) -> list[str] | None:
    """What the results of a signature are called; None where they can have no names."""
    if is_flat(outputs):
        return sorted(outputs)
    found = [outputs] if isinstance(outputs, TensorSpec) else outputs
    if not isinstance(found, (list, tuple)) or not all(isinstance(s, TensorSpec) for s in found):
        return [] if outputs is None else None
    return [f"output_{k}" for k in range(len(found))]


def _wrapped(key: str, function: ConcreteFunction, exporter: Exporter) -> ConcreteFunction:
    """A function with inputs by name and a dict for an answer, which calls this one."""
    names = _output_names(function.structured_outputs)
    if names is None:
        what = f"saved_model.save: signature {key!r} answers with {function.structured_outputs!r}"
        raise UsageError(explain(f"{what}; it must be a tensor, a list of tensors, or a dict from names to tensors"))
    if len(set(function.keywords)) < len(function.inputs):
        raise UsageError(explain(f"saved_model.save: the inputs of signature {key!r} need different names"))
    outputs = dict(zip(names, leaves(function.structured_outputs)))
    return wrapper(exporter.name(f"__inference_signature_wrapper_{key}"), function, outputs)


def is_constant(value) -> bool:
    """Whether it is a tensor with a value that is no variable."""
    return isinstance(value, Operators) and not isinstance(value, Variable)
