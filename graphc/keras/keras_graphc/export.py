"""What ``model.export`` and ``keras.export.ExportArchive`` write: SavedModels, ONNX models, and compiled programs."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import graphc as tf
from graphc.aot import Entry, check_path, entry_files, write_files
from graphc.errors import UsageError
from graphc.keras.keras_graphc import programs
from graphc.options import INEXACT, Options
from keras.src import layers, tree
from keras.src.backend.common import KerasVariable
from keras.src.saving import register_keras_serializable
from keras.src.utils import io_utils

FORMAT = "graphc"
PREDICT, TRAIN = "predict", "train"
register_keras_serializable("graphc")(tf.TensorShape)  # sizes of a tensor in the config of a layer


class _Artefact:
    """What a SavedModel is written from: its attributes are endpoints and lists of variables."""

    def __init__(self):
        self.variables, self.trainable_variables, self.non_trainable_variables = [], [], []


class GraphcExportArchive:
    """Functions of a model, with the variables that they use, for a SavedModel."""

    def __init__(self):
        self._artefact, self._tracked, self._signatures = _Artefact(), [], {}

    variables = property(lambda self: self._artefact.variables)
    trainable_variables = property(lambda self: self._artefact.trainable_variables)
    non_trainable_variables = property(lambda self: self._artefact.non_trainable_variables)

    def track(self, resource):
        if isinstance(resource, layers.Layer):
            if not resource.built:
                raise ValueError("The layer provided has not yet been built. It must be built before export.")
            self._take(resource.trainable_variables, resource.non_trainable_variables)
        elif hasattr(resource, "trainable_variables"):
            self._take(resource.trainable_variables, getattr(resource, "non_trainable_variables", ()))
        elif not hasattr(resource, "__dict__"):
            raise ValueError(
                "Invalid resource type. Expected a Keras `Layer` or `Model`, or an object of graphc with variables or "
                f"tables. Received object {resource} of type '{type(resource)}'."
            )
        self._tracked.append(resource)

    def _take(self, trainable, others) -> None:
        own = self._artefact
        for found, kept in ((trainable, own.trainable_variables), (others, own.non_trainable_variables)):
            values = [v.__graphc_variable__ if isinstance(v, KerasVariable) else v for v in found]
            kept += [v for v in values if not any(v is known for known in own.variables)]
            own.variables = own.trainable_variables + own.non_trainable_variables

    def add_endpoint(self, name, fn, input_signature=None, **kwargs):
        if name in self._signatures:
            raise ValueError(f"Endpoint name '{name}' is already taken.")
        if kwargs:
            raise ValueError(f"{', '.join(map(repr, kwargs))} are only for other backends. Current backend: graphc")
        if input_signature is None:
            function, concrete = fn, _first_trace(fn)
        else:
            signature = [tree.map_structure(programs.tensor_spec, part) for part in input_signature]
            function = tf.function(_of_arguments(fn, len(signature)), input_signature=signature, autograph=False)
            concrete = function.get_concrete_function()
        self._take(concrete.trainable_variables, [v for v in concrete.variables if not v.trainable])
        self._signatures[name] = concrete
        setattr(self._artefact, name, function)
        return function

    def track_and_add_endpoint(self, name, resource, input_signature, **kwargs):
        self.track(resource)
        return self.add_endpoint(name, resource.__call__, input_signature, **kwargs)

    def add_variable_collection(self, name, variables):
        if not isinstance(variables, (list, tuple, set)):
            raise ValueError(
                "Expected `variables` to be a list/tuple/set. "
                f"Received instead object of type '{type(variables)}'."
            )
        wrong = sorted({type(v).__name__ for v in variables if not isinstance(v, (tf.Variable, KerasVariable))})
        if wrong:
            raise ValueError(
                "Expected all elements in `variables` to be `keras.Variable` instances. "
                f"Found instead the following types: {wrong}"
            )
        setattr(self._artefact, name, [v.__graphc_variable__ if isinstance(v, KerasVariable) else v for v in variables])

    def write_out(self, filepath, options=None, verbose=True):
        if not self._signatures:
            raise ValueError("No endpoints have been set yet. Call add_endpoint().")
        self._artefact._tracked = self._tracked_tables()
        served = {"serving_default": next(iter(self._signatures.values()))} | self._signatures
        tf.saved_model.save(self._artefact, str(filepath), signatures=served, options=options)
        if verbose:
            made = self._signatures.items()
            shown = "\n\n".join([f"* Endpoint '{name}'\n  {c.pretty_printed_signature()}" for name, c in made])
            io_utils.print_msg(f"Saved artifact at '{filepath}'. The following endpoints are available:\n\n{shown}")

    def _tracked_tables(self) -> list:
        """What was tracked and is no layer: objects of graphc."""
        return [x for x in self._tracked if not isinstance(x, layers.Layer)]


def _first_trace(fn):
    """The first trace of a function of graphc.

    Raises:
        ValueError: it is none, or has none.
    """
    if not hasattr(fn, "get_concrete_function"):
        raise ValueError(
            "If the `fn` argument provided is not a `tf.function` of graphc, you must provide an `input_signature` "
            "argument to specify the shape and dtype of the function arguments."
        )
    if not fn.concrete_functions:
        raise ValueError(
            f"The provided tf.function '{fn}' has never been called. To specify the expected shape and dtype of the "
            "function's arguments, you must either provide a function that has been called at least once, or "
            "alternatively pass an `input_signature` argument in `add_endpoint()`."
        )
    return fn.concrete_functions[0]


def _of_arguments(fn: Callable, many: int) -> Callable:
    """``fn`` with only its first arguments, under their names."""
    found = [p for p in inspect.signature(fn).parameters.values() if p.kind is p.POSITIONAL_OR_KEYWORD][:many]
    names = [p.name for p in found] + [f"args_{k}" for k in range(len(found), many)]

    def endpoint(*args):
        return fn(*args)

    kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
    endpoint.__signature__ = inspect.Signature([inspect.Parameter(name, kind) for name in names])
    return endpoint


def write_onnx(model, filepath, input_signature, opset_version=None) -> None:
    """The predictions of a model as an ONNX model, through graphc's own exporter."""
    given = {} if opset_version is None else {"opset": opset_version}
    tf.onnx.export(programs.prediction(model, input_signature), str(filepath), **given)


def write_programs(model, filepath, options: Options = Options(), training: bool | None = None, input_signature=None,
                   target_signature=None, **for_c: bool) -> tuple[list[Path], str]:  # fmt: skip
    """Compile what a model computes ahead of time: ``NAME.gc`` predicts; ``NAME_train.gc`` is a step of its training.

    Beside each are ``.o``, ``.a``, ``.so`` and ``.h`` for programs without Python; ``NAME_train.npz`` holds the state of the
    model and its optimizer that the first step is given.

    Args:
        filepath: ``NAME.gc``; or a folder, in which the files are named after the model.
        training: write the step; None: if the model is compiled and what it learns can be told.
        input_signature, target_signature: as for ``programs.training_step``.
        for_c: ``threads`` and ``separate_weights``, as for ``graphc.export``.

    Returns:
        The files, and why there is no step if that was not asked for.

    Raises:
        TypeError, ValueError, UsageError: as ``programs.prediction`` and ``programs.training_step``.
        CompileError, OSError: the files cannot be written.
    """
    path = container_path(filepath, model.name)
    check_path(path)
    entries, why = entries_of(model, options, training, input_signature, target_signature)
    files = entry_files({"": entries.pop(PREDICT)}, path, **for_c)
    for name, entry in entries.items():
        files |= entry_files({name: entry}, path, **for_c)
    return write_files(files), why


def entries_of(model, options: Options, training: bool | None = None, input_signature=None, target_signature=None) -> tuple[dict[str, Entry], str]:
    """What a model computes, for files: ``predict`` and, as ``write_programs`` says, ``train``; and why there is no ``train``.

    Raises:
        As ``write_programs``, but for what it writes.
    """
    step, why = None, ""
    try:
        if training or (training is None and model.compiled):
            step = programs.training_step(model, input_signature, target_signature)
    except UsageError as error:
        if training:
            raise
        why = str(error)
    predicts = replace(options, allow=options.allow or INEXACT)  # the weights do not change any more
    entries = {PREDICT: Entry(programs.prediction(model, input_signature), predicts)}
    return entries | ({TRAIN: Entry(step.graph, options, step.state)} if step is not None else {}), why


def container_path(filepath, name: str) -> Path:
    """Where the container of a model goes: ``filepath`` if it has a suffix, else a file in this folder."""
    path = Path(filepath)
    if path.suffix and not path.is_dir():
        return path
    path.mkdir(parents=True, exist_ok=True)
    return path / f"{name}.gc"


def exporting(keras_export: Callable) -> Callable:
    """Keras' ``Model.export`` with the format ``graphc``, which takes the arguments of ``write_programs``."""

    @functools.wraps(keras_export)
    def export(self, filepath, format="tf_saved_model", verbose=None, input_signature=None, **kwargs):
        if format != FORMAT:
            return keras_export(self, filepath, format, verbose, input_signature, **kwargs)
        written, why = write_programs(self, filepath, input_signature=input_signature, **kwargs)
        if verbose is None or verbose:
            for path in written:
                io_utils.print_msg(f"Saved artifact at '{path}'.")
            if why:
                io_utils.print_msg(f"No training step: {why}")
        return None

    return export
