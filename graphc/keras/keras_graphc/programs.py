"""What a model computes, as Graphs: predictions, and a step of training with all state as inputs and outputs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import graphc as tf
import numpy as np
from graphc.api.function.pure import pure_graph
from graphc.errors import UsageError
from graphc.ir.graph import Graph
from graphc.ir.node import Node, symbol
from keras.src import losses, tree
from keras.src.backend.common.keras_tensor import KerasTensor
from keras.src.export.export_utils import get_input_signature, make_input_spec
from keras.src.models import Functional, Sequential

_BATCH = "batch"


class Step(NamedTuple):
    """A step of training.

    Attributes:
        graph: inputs, targets and state go in; the logs and the new state come out, this under the same names.
        state: the values of the state now, by name.
    """

    graph: Graph
    state: dict[str, np.ndarray]


def prediction(model, input_signature=None) -> Graph:
    """The outputs of a built model for its inputs, with its weights as constants.

    Args:
        input_signature: the positional arguments of the model: InputSpecs, KerasTensors, TensorSpecs or tensors, nested
            as the model takes them; None for those that it was built with. Batches have any size.

    Raises:
        TypeError, ValueError: the model is not built, or the signature describes no tensors.
        UsageError: it does what no graph can do that stands alone.
    """
    signature = input_signature_of(model, input_signature)

    def run(*args):
        return model(*args, training=False) if model._call_has_training_arg else model(*args)

    return _traced(model.name, run, signature, lambda answer: _output_names(model, answer))


def training_step(model, input_signature=None, target_signature=None) -> Step:
    """One step of the training that a compiled model is compiled for.

    Args:
        input_signature: as for ``prediction``.
        target_signature: the same of what it learns; None for what follows from outputs and losses: integers of one
            axis less for a sparse loss, else numbers of the shape of an output.

    Raises:
        TypeError, ValueError, UsageError: as ``prediction``; or the model is not compiled.
    """
    if not model.compiled or model.optimizer is None:
        raise UsageError(f"{model.name} is not compiled: model.compile(optimizer=..., loss=...) says how it is trained")
    signature = input_signature_of(model, input_signature)
    targets = _targets(model) if target_signature is None else tree.map_structure(tensor_spec, target_signature)
    asked = [signature] if targets is None else [signature, targets]

    def batch(signature, targets=None):
        x = signature[0] if len(signature) == 1 else tuple(signature)
        return (x,) if targets is None else (x, targets)

    def symbolic(spec):
        return KerasTensor(tuple(spec.shape), spec.dtype.name)

    model._symbolic_build(data_batch=tree.map_structure(symbolic, batch(*asked)))
    found: list = []
    graph = _traced(
        f"{model.name}_train", lambda *args: model.train_step(batch(*args)), asked, _named_after_keys, found, True
    )
    places = graph.inputs[len(tree.flatten(asked)) :]
    return Step(graph, {x.attr("name"): np.asarray(v.numpy()) for x, v in zip(places, found[0].variables)})


def input_signature_of(model, input_signature=None) -> list:
    """TensorSpecs of the positional arguments of a model, nested as it takes them; batches have any size.

    Raises:
        TypeError, ValueError: the model is not built, or the signature describes no tensors.
    """
    if input_signature is not None:
        given = list(input_signature) if isinstance(input_signature, (list, tuple)) else [input_signature]
        return tree.map_structure(tensor_spec, given)
    specs = tree.map_structure(tensor_spec, list(get_input_signature(model)))
    if not isinstance(model, (Functional, Sequential)):
        return specs
    named = [tf.TensorSpec(s.shape, s.dtype, name) for s, name in zip(tree.flatten(specs), _layers_of(model.inputs))]
    return tree.pack_sequence_as(specs, named)


def tensor_spec(x) -> tf.TensorSpec:
    """What describes a tensor, for graphc.

    Raises:
        TypeError, ValueError: it does not.
    """
    if isinstance(x, tf.TensorSpec):
        return x
    spec = make_input_spec(x)
    return tf.TensorSpec(spec.shape, spec.dtype, spec.name)


def _layers_of(tensors: Sequence[KerasTensor]) -> list[str]:
    """The names of the layers that answer with tensors of a functional model."""
    return [x._keras_history.operation.name for x in tensors]


def _targets(model):
    """TensorSpecs of what a model learns, in the structure of its losses; None where it has no losses."""
    if model.loss is None:
        return None
    if not isinstance(model, (Functional, Sequential)):
        raise UsageError(f"{model.name} is no functional model: say by target_signature what it learns")
    outputs, wanted = model._outputs_struct if isinstance(model, Functional) else model.outputs[0], model.loss
    if not tree.is_nested(outputs):
        return _target(outputs, wanted[0] if isinstance(wanted, list) else wanted, "y")
    flat, names = tree.flatten(outputs), _layers_of(tree.flatten(outputs))
    if isinstance(wanted, dict):
        named = outputs if isinstance(outputs, dict) else dict(zip(names, flat))
        return {name: _target(named[name], loss, f"y_{name}") for name, loss in wanted.items()}
    each = tree.flatten(wanted) if tree.is_nested(wanted) else [wanted] * len(flat)
    specs = [_target(x, loss, f"y_{name}") for x, loss, name in zip(flat, each, names)]
    return tree.pack_sequence_as(outputs, specs)


def _target(output: KerasTensor, loss, name: str) -> tf.TensorSpec:
    loss = losses.get(loss)
    if isinstance(loss, losses.SparseCategoricalCrossentropy) or loss is losses.sparse_categorical_crossentropy:
        return tf.TensorSpec(output.shape[:-1], "int32", name)
    return tf.TensorSpec(output.shape, output.dtype, name)


def _traced(name: str, function: Callable, signature, names_of: Callable, found: list | None = None,
            keeps_state: bool = False) -> Graph:  # fmt: skip
    """The Graph of a function of what the signature describes.

    Args:
        names_of: the names of the tensors of an answer.
        found: takes the concrete function.
    """
    specs, named = tree.flatten(signature), []

    def flat(*tensors):
        answer = function(*tree.pack_sequence_as(signature, list(tensors)))
        named.extend(names_of(answer))
        return tree.flatten(answer)

    concrete = tf.function(flat, autograph=False).get_concrete_function(*specs)
    arguments = concrete.traced.graph.inputs[: len(specs)]
    batches = {x.shape[0]: symbol(_BATCH) for x in arguments if x.shape and isinstance(x.shape[0], Node)}
    inputs = [spec.name or ("x" if len(specs) == 1 else f"x_{k}") for k, spec in enumerate(specs)]
    if found is not None:
        found.append(concrete)
    whole = {"keeps_state": True} if keeps_state else {"drops_unseen": True}
    return pure_graph(concrete, name, inputs, named, sizes=batches, **whole)


def _output_names(model, answer) -> list[str]:
    flat = tree.flatten(answer)
    if isinstance(model, (Functional, Sequential)) and len(model.outputs) == len(flat):
        return _layers_of(model.outputs)
    return _named_after_keys(answer) if isinstance(answer, dict) else [f"output_{k}" for k in range(len(flat))]


def _named_after_keys(answer: dict) -> list[str]:
    """The keys that lead to each tensor."""
    return ["/".join(map(str, path)) for path, _ in tree.flatten_with_path(answer)]
