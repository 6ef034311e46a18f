"""Models that are objects of a program, as Graphs: tensors of TensorFlow 1, functions, Keras models."""

from __future__ import annotations

import importlib
import sys
import traceback
from collections.abc import Callable
from pathlib import Path

from graphc import v1
from graphc.api.function.concrete import ConcreteFunction
from graphc.api.function.function import Function
from graphc.api.function.pure import pure_graph, result_names
from graphc.errors import GraphcError, Location, UsageError, located
from graphc.ir.graph import Graph

_TENSORS = (v1.Tensor, v1.Operation)
_FUNCTIONS = (ConcreteFunction, Function)


def keras_command():
    """What reads files of Keras models, imported when there is one: Keras is no part of graphc."""
    return importlib.import_module("graphc.keras.command")


def is_keras(model) -> bool:
    """Whether it is a Keras model, without importing Keras."""
    keras = sys.modules.get("keras")
    return keras is not None and isinstance(model, keras.Model)


def is_model(value) -> bool:
    """Whether something is a model by itself; functions of Python may answer with one."""
    return isinstance(value, (Graph, *_TENSORS, *_FUNCTIONS)) or is_keras(value)


def tensors_of(model) -> list | None:
    """The v1 tensors and operations that something is, or holds as a list or dict; None if it is something else."""
    found = list(model.values()) if isinstance(model, dict) else list(model) if isinstance(model, (list, tuple)) else [model]
    return found if found and all(isinstance(t, _TENSORS) for t in found) else None


def as_graph(model, name: str, path: str = "") -> Graph:
    """A Graph from anything that is a model.

    * A Graph is what it is.
    * v1 tensors, as a list or dict or alone: with the initial values of the variables. With an operation among them, such
      as a training step, variables become inputs, and their new values outputs.
    * A function of graphc with an input signature, or that was traced once, or a concrete function: variables that it
      assigns become inputs, and their new values outputs; others are constants.
    * A Keras model: what it predicts.
    * A function of Python without arguments: what it answers with.

    Args:
        name: of the graph. path: the file that ``model`` is from, for messages.

    Raises:
        UsageError: it is something else, or the user's function failed.
    """
    if callable(model) and not is_model(model):
        model = guarded(model, path)
    if isinstance(model, Graph):
        return model
    if isinstance(model, _FUNCTIONS):
        return _of_function(model, name, path)
    if is_keras(model):
        return keras_command().graph_of_model(model, "")
    tensors = tensors_of(model)
    if tensors is not None:
        with located(None):  # not the line of this program
            is_step = any(isinstance(t, v1.Operation) for t in tensors)
            return v1.step_graph(tensors, name=name) if is_step else v1.freeze_initial(model, name=name)
    raise UsageError(
        f"{name} is a {type(model).__name__}; a model is a Graph, v1 tensors and operations, a graphc.function, a Keras model, "
        "or a function without arguments that returns one of them"
    )


def _of_function(model: Function | ConcreteFunction, name: str, path: str) -> Graph:
    concrete = model if isinstance(model, ConcreteFunction) else guarded(lambda: _concrete(model, name), path)
    inputs = [x.attr("name") for x in concrete.traced.graph.inputs[: concrete.traced.arguments]]
    with located(None):
        return pure_graph(concrete, name, inputs, result_names(concrete))


def _concrete(function: Function, name: str) -> ConcreteFunction:
    """The one trace that is meant."""
    traced = function.concrete_functions
    if function.input_signature is None and len(traced) == 1:
        return traced[0]
    takes = [p.name for p in function.python_signature.parameters.values() if p.default is p.empty]
    if function.input_signature is None and takes:
        many = f"was traced {len(traced)} times" if traced else "was not traced yet"
        raise UsageError(f"{name} has no input_signature and {many}: say what it takes, as @graphc.function(input_signature=[...])")
    found = function.get_concrete_function()
    if not isinstance(found, ConcreteFunction):
        raise UsageError(f"{name} takes a tensor of unknown rank; its input_signature must say the rank")
    return found


def guarded(call: Callable, path: str):
    """What the user's code in a file answers, whose errors become errors with a message."""
    if not path:
        return call()
    try:
        return call()
    except GraphcError:
        raise
    except (Exception, SystemExit) as error:
        raise UsageError(f"{path} stopped with {type(error).__name__}: {error}{_where(error, path)}") from None


def _where(error: BaseException, path: str) -> str:
    """The last line of the user's file that led to an error."""
    if isinstance(error, SyntaxError):
        return ""
    lines = [f.lineno for f in traceback.extract_tb(error.__traceback__) if Path(f.filename) == Path(path)]
    return f"\n  at {Location(path, lines[-1])}: {Location(path, lines[-1]).source}" if lines else ""
