"""Signatures: which tensors of a graph are the inputs and outputs of a use of it."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping

from graphc.api.saved_model.constants import (
    CLASSIFY_INPUTS, CLASSIFY_METHOD_NAME, CLASSIFY_OUTPUT_CLASSES, CLASSIFY_OUTPUT_SCORES, PREDICT_METHOD_NAME,
    REGRESS_INPUTS, REGRESS_METHOD_NAME, REGRESS_OUTPUTS, SAVED_MODEL_FILENAME_PB, SAVED_MODEL_FILENAME_PBTXT,
)  # fmt: skip
from graphc.api.saved_model.folder import meta_graph_with, read_saved_model, tag_set, text_of_path
from graphc.api.operators import Operators
from graphc.errors import DtypeError, UsageError, explain
from graphc.formats import protos
from graphc.formats.atomic import told
from graphc.formats.message_files import write_message
from graphc.formats.tensors import tensor_proto
from graphc.ir import dtype as dt
from graphc.ir.dtype import NUMBERS
from graphc.lib.promote import literal_array
from graphc.v1.saved_model.tensor_info import build_tensor_info

_STRING, _FLOAT = NUMBERS[dt.string], NUMBERS[dt.f32]


def build_signature_def(inputs=None, outputs=None, method_name=None, defaults=None):
    """A SignatureDef.

    Args:
        inputs, outputs: names that callers use -> TensorInfo. method_name: what it is for.
        defaults: names of inputs -> values that are used where a caller gives none.

    Raises:
        UsageError: something is no dict of TensorInfos, or a default is for no input.
    """
    made = protos.SignatureDef()
    for what, target, given in (("inputs", made.inputs, inputs), ("outputs", made.outputs, outputs)):
        if given is not None and not isinstance(given, Mapping):
            raise UsageError(
                explain(f"build_signature_def: {what} must be a dict from names to TensorInfos, got {given!r}")
            )
        for name, info in (given or {}).items():
            if getattr(getattr(info, "DESCRIPTOR", None), "full_name", "") != "tensorflow.TensorInfo":
                hint = "; use build_tensor_info" if isinstance(info, Operators) else ""
                raise UsageError(
                    explain(f"build_signature_def: {what}[{name!r}] must be a TensorInfo, got {info!r}{hint}")
                )
            target[name].ParseFromString(info.SerializeToString())
    if method_name is not None:
        made.method_name = method_name
    for name, value in (defaults or {}).items():
        if name not in made.inputs:
            raise UsageError(explain(f"build_signature_def: a default for {name!r}, which is no input"))
        if getattr(getattr(value, "DESCRIPTOR", None), "full_name", "") == "tensorflow.TensorProto":
            made.defaults[name].ParseFromString(value.SerializeToString())
        else:
            array = literal_array(value, dt.as_dtype(made.inputs[name].dtype))
            made.defaults[name].CopyFrom(tensor_proto(array))
    return made


def predict_signature_def(inputs, outputs):
    """A signature from any tensors to any tensors.

    Args:
        inputs, outputs: names that callers use -> tensors.

    Raises:
        UsageError: there are none, or something is no tensor.
    """
    for what, given in (("inputs", inputs), ("outputs", outputs)):
        if not isinstance(given, Mapping) or not given:
            raise UsageError(
                explain(f"predict_signature_def: {what} must be a dict from names to tensors, got {given!r}")
            )
    infos = [{name: build_tensor_info(tensor) for name, tensor in given.items()} for given in (inputs, outputs)]
    return build_signature_def(*infos, PREDICT_METHOD_NAME)


def regression_signature_def(examples, predictions):
    """A signature from serialized Examples (strings) to numbers (float32).

    Raises:
        UsageError, DtypeError: something is no such tensor.
    """
    _need("regression_signature_def", examples=examples, predictions=predictions)
    inputs = {REGRESS_INPUTS: _info("regression_signature_def", "examples", examples, dt.string)}
    outputs = {REGRESS_OUTPUTS: _info("regression_signature_def", "predictions", predictions, dt.f32)}
    return build_signature_def(inputs, outputs, REGRESS_METHOD_NAME)


def classification_signature_def(examples, classes, scores):
    """A signature from serialized Examples (strings) to classes (strings) or scores (float32) or both.

    Raises:
        UsageError, DtypeError: something is no such tensor, or there are neither classes nor scores.
    """
    op = "classification_signature_def"
    _need(op, examples=examples)
    if classes is None and scores is None:
        raise UsageError(explain(f"{op}: needs classes or scores, and got neither"))
    inputs = {CLASSIFY_INPUTS: _info(op, "examples", examples, dt.string)}
    outputs = {}
    if classes is not None:
        outputs[CLASSIFY_OUTPUT_CLASSES] = _info(op, "classes", classes, dt.string)
    if scores is not None:
        outputs[CLASSIFY_OUTPUT_SCORES] = _info(op, "scores", scores, dt.f32)
    return build_signature_def(inputs, outputs, CLASSIFY_METHOD_NAME)


def _need(op: str, **given) -> None:
    for name, value in given.items():
        if not isinstance(value, Operators):
            raise UsageError(explain(f"{op}: {name} must be a tensor, got {value!r}"))


def _info(op: str, name: str, tensor, kind: dt.DType):
    _need(op, **{name: tensor})
    if tensor.dtype is not kind:
        raise DtypeError(explain(f"{op}: {name} must be {kind.name}, but {tensor.name} is {tensor.dtype.name}"))
    return build_tensor_info(tensor)


def is_valid_signature(signature_def) -> bool:
    """Whether a SignatureDef has what the services of its method need."""
    check = _CHECKS.get(getattr(signature_def, "method_name", None))
    return check is not None and check(signature_def)


def _is_regression(s) -> bool:
    return _has(s.inputs, {REGRESS_INPUTS: _STRING}, {REGRESS_INPUTS}) and _has(
        s.outputs, {REGRESS_OUTPUTS: _FLOAT}, {REGRESS_OUTPUTS})  # fmt: skip


def _is_classification(s) -> bool:
    kinds = {CLASSIFY_OUTPUT_CLASSES: _STRING, CLASSIFY_OUTPUT_SCORES: _FLOAT}
    return (
        _has(s.inputs, {CLASSIFY_INPUTS: _STRING}, {CLASSIFY_INPUTS})
        and bool(s.outputs)
        and _has(s.outputs, kinds, set())
    )


def _has(given, kinds: dict, needed: set) -> bool:
    """Whether there are only things of these kinds, and those that are needed."""
    return needed <= set(given) and all(kinds.get(name) == info.dtype for name, info in given.items())


_CHECKS: dict[str, Callable] = {
    REGRESS_METHOD_NAME: _is_regression,
    CLASSIFY_METHOD_NAME: _is_classification,
    PREDICT_METHOD_NAME: lambda s: bool(s.inputs) and bool(s.outputs),
}


class MethodNameUpdater:
    """Changes what signatures of a SavedModel are for.

    Args:
        export_dir: its folder.

    Raises:
        MissingSavedModelError, DataLossError: there is none that can be read.
    """

    def __init__(self, export_dir):
        self._folder = text_of_path("MethodNameUpdater", export_dir)
        self._model = read_saved_model("MethodNameUpdater", export_dir)

    def replace_method_name(self, signature_key, method_name, tags=None) -> None:
        """Give a signature another method, in all graphs or in the one with these tags.

        Raises:
            UsageError: an argument is empty, or no graph has that signature. NoSuchTagsError: no graph has the tags.
        """
        if not signature_key or not method_name:
            raise UsageError(explain("replace_method_name: needs a signature_key and a method_name"))
        if tags:
            metas = [
                meta_graph_with("replace_method_name", self._model, tag_set("replace_method_name", tags), self._folder)
            ]
        else:
            metas = list(self._model.meta_graphs)
        found = [m for m in metas if signature_key in m.signature_def]
        if not found:
            known = sorted({key for m in metas for key in m.signature_def})
            raise UsageError(
                explain(f"replace_method_name: there is no signature {signature_key!r}; there are {known}")
            )
        for meta in found:
            meta.signature_def[signature_key].method_name = method_name

    def save(self, new_export_dir=None) -> None:
        """Write the changed file, into another folder if one is given.

        Raises:
            PermissionDeniedError, ResourceExhaustedError, ...: it cannot be written; what was there is unchanged.
        """
        folder = self._folder if new_export_dir is None else text_of_path("MethodNameUpdater", new_export_dir)
        as_text = not os.path.isfile(os.path.join(self._folder, SAVED_MODEL_FILENAME_PB))
        name = SAVED_MODEL_FILENAME_PBTXT if as_text else SAVED_MODEL_FILENAME_PB
        with told("MethodNameUpdater", folder):
            os.makedirs(folder, exist_ok=True)
        write_message("MethodNameUpdater", self._model, os.path.join(folder, name), as_text)
