"""``export``: a function, model or Graph as an ONNX model, in a file or as a message."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace

from graphc.errors import FormatError, UnavailableError, UsageError, explain, located
from graphc.formats.onnx_write import write_model
from graphc.onnx.export.build import OPSETS, model_of
from graphc.onnx.export.emitter import Settings
from graphc.onnx.export.source import Source, source_of

DEFAULT_OPSET = 18


def export(subject, path=None, opset: int = DEFAULT_OPSET, inputs=None, names=None, *, external_data=False,
           exact: bool = True, check: bool = False):  # fmt: skip
    """Write a function, model or Graph as an ONNX model.

    Variables that a function reads become initialisers with their names. Those that it changes become inputs, and
    outputs ``NAME:next`` with their new values; the metadata entry ``graphc.state`` pairs them.

    Args:
        subject: a Graph; a function, or a Python function of tensors; a ConcreteFunction; an object with a Graph as its
            attribute ``graph``, such as a loaded model.
        path: of the file; None writes none.
        opset: of the operators, 13 to 26.
        inputs: what a function takes, where it has no ``input_signature``: TensorSpecs or arrays, as a sequence or by
            name.
        names: names of the outputs, in order; or a dict from present names of inputs and outputs to those wanted.
        external_data: put large initialisers into a second file beside the model: True, or its name.
        exact: give graphc's results also where ONNX leaves them open: NaN in maxima, minima and sorting, and floats
            that no integer holds, which takes more nodes.
        check: let the ``onnx`` package check the model.

    Returns:
        The ModelProto.

    Raises:
        UnimplementedError: parts have no meaning in ONNX; the message lists all of them, and nothing is written.
        UsageError: a wrong argument. UnavailableError: ``check`` without the package. FormatError: ``check`` found
            something. GraphcError: the file cannot be written.
    """
    if not isinstance(opset, int) or opset not in OPSETS:
        raise UsageError(explain(f"onnx.export: opset must be {OPSETS[0]} to {OPSETS[-1]}, got {opset!r}"))
    if external_data and path is None:
        raise UsageError(explain("onnx.export: external_data needs a path"))
    checker = _checker() if check else None
    source = _renamed(source_of(subject, inputs), names)
    with located(None):
        model = model_of(source, Settings(opset, bool(exact), source.drawn))
    if checker is not None:
        _check(checker, model)
    if path is not None:
        beside = external_data if isinstance(external_data, str) else f"{os.path.basename(os.fsdecode(path))}.data"
        write_model(model, path, external=beside if external_data else None)
    return model


def _renamed(source: Source, names) -> Source:
    """The source with other names of inputs and outputs."""
    if names is None:
        return source
    if not isinstance(names, Mapping):
        if isinstance(names, str) or not isinstance(names, Sequence):
            raise UsageError(explain(f"onnx.export: names must be a list of outputs' names or a dict, got {names!r}"))
        results = [name for _, name in source.outputs]
        if len(names) > len(results):
            raise UsageError(explain(f"onnx.export: {len(names)} names for {len(results)} outputs"))
        names = dict(zip(results, names))
    known = {name for _, name in (*source.inputs, *source.outputs)}
    unknown = [str(name) for name in names if name not in known]
    if unknown:
        what = f"onnx.export: there is no input or output {', '.join(unknown)}; there are {', '.join(sorted(known))}"
        raise UsageError(explain(what))

    def pairs(items):
        return tuple([(node, names.get(name, name)) for node, name in items])

    state = tuple([(names.get(a, a), names.get(b, b)) for a, b in source.state])
    return replace(source, inputs=pairs(source.inputs), outputs=pairs(source.outputs), state=state)


def _checker():
    try:
        import onnx  # the package, which only checks need
    except ImportError as error:
        what = f"onnx.export: check=True needs the onnx package: pip install 'graphc[onnx]' ({error})"
        raise UnavailableError(explain(what)) from error
    return onnx


def _check(onnx, model) -> None:
    """Let the onnx package look at the model.

    Raises:
        FormatError: it does not hold with it.
    """
    try:
        onnx.checker.check_model(onnx.load_model_from_string(model.SerializeToString()), full_check=True)
    except (onnx.checker.ValidationError, onnx.shape_inference.InferenceError) as error:
        raise FormatError(explain(f"onnx.export: the onnx package refuses the model: {error}")) from error
