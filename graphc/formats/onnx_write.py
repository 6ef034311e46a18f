"""Writes ONNX models: arrays as TensorProtos, a file that appears whole, large values in a second file beside it."""

from __future__ import annotations

import os
import secrets
from contextlib import suppress

import numpy as np

from graphc.errors import DtypeError, FormatError, UsageError, explain
from graphc.formats import onnx_protos
from graphc.formats.atomic import TEMPORARY, NewFile, remove, sync_folder, told
from graphc.formats.onnx_elements import element_of, pack
from graphc.formats.onnx_file import OnnxFile, tensors

_SMALLEST = 1024  # bytes of values that go to the second file
_PAGE = 4096  # where values begin in it, so that they can be mapped
_MOST = (1 << 31) - (1 << 16)  # bytes of one message


def tensor_proto(array, name: str = ""):
    """A TensorProto with the values of an array.

    Args:
        array: of any type that ONNX has an element type for; text as ``str`` or ``bytes`` objects.
        name: of the tensor.

    Raises:
        UnavailableError: ONNX has no such element type. DtypeError: an element of an array of objects is no text.
    """
    array = np.asarray(array)
    kind = element_of(array.dtype)
    made = onnx_protos.TensorProto(name=name, dims=array.shape, data_type=kind.number)
    flat = np.ascontiguousarray(array).reshape(-1)
    if kind.name == "string":
        made.string_data.extend(_encoded(v) for v in flat.tolist())
    elif kind.bits < 8:
        made.raw_data = pack(flat.view(np.uint8), kind.bits).tobytes()
    else:
        made.raw_data = flat.astype(flat.dtype.newbyteorder("<"), copy=False).tobytes()
    return made


def _encoded(value) -> bytes:
    if isinstance(value, (str, bytes)):
        return value.encode() if isinstance(value, str) else value
    raise DtypeError(explain(f"a tensor of strings cannot hold {type(value).__name__}"))


def write_model(model, path, external: str | None = None) -> list[str]:
    """Write a model; what was there before stays until all of it is written.

    Args:
        model: a ModelProto, or an OnnxFile.
        path: of the file.
        external: name of a second file in the same folder for the values of initialisers. By default there is none,
            unless the model does not fit into one message of 2 GiB: then it is called ``path`` with ``.data``.

    Returns:
        The paths of the files.

    Raises:
        GraphcError: a file cannot be written. UsageError: ``external`` is no plain name.
    """
    path = os.fsdecode(path)
    if external in ("", ".", "..") or (external and (os.path.basename(external) != external or "\\" in external)):
        raise UsageError(explain(f"external must be the name of a file beside the model, not {external!r}"))
    lean, large = _apart(model)
    size = lean.ByteSize() + sum(len(values) + 64 for _, values in large)
    if external is None and size > _MOST:
        external = f"{os.path.basename(path)}.data"
    with told("writing an ONNX model", path):
        if external is None:
            for tensor, values in large:
                tensor.raw_data = bytes(values)
            return _write([(path, [lean.SerializeToString()])])
        if external == os.path.basename(path):
            raise UsageError(explain(f"external must not be the name of the model itself, {external!r}"))
        parts, at = [], 0
        for tensor, values in large:
            parts += [bytes(-at % _PAGE), values]
            at += -at % _PAGE
            tensor.data_location = onnx_protos.TensorProto.EXTERNAL
            for key, value in (("location", external), ("offset", at), ("length", len(values))):
                tensor.external_data.add(key=key, value=str(value))
            at += len(values)
        if lean.ByteSize() > _MOST:
            raise FormatError(explain(f"{path}: the graph takes more than 2 GiB besides its initialisers"))
        beside = os.path.join(os.path.dirname(path), external)
        return _write([(beside, parts), (path, [lean.SerializeToString()])])[::-1]


def _apart(model) -> tuple[object, list[tuple[object, memoryview]]]:
    """A copy of a model without the values of its large initialisers; these tensors of the copy, and their values."""
    file = model if isinstance(model, OnnxFile) else None
    source = file.model if file is not None else model
    if not isinstance(source, onnx_protos.ModelProto):
        raise UsageError(explain(f"a ModelProto is needed, not {type(source).__name__}"))
    lean, large = onnx_protos.ModelProto(), []
    _copy(source, lean, skip="graph")
    _copy(source.graph, lean.graph, skip="initializer")
    for tensor in source.graph.initializer:
        made, values = lean.graph.initializer.add(), _values(tensor, file)
        if values is None or len(values) < _SMALLEST:
            made.CopyFrom(tensor)
        else:
            _copy(tensor, made, skip="raw_data")
            _without_place(made)
            large.append((made, values))
    for tensor in tensors(lean) if file is not None else ():
        if tensor.HasField("payload") or tensor.data_location == onnx_protos.TensorProto.EXTERNAL:
            tensor.raw_data = bytes(_values(tensor, file))
            _without_place(tensor)
    return lean, large


def _copy(source, made, skip: str) -> None:
    """All fields of a message but one."""
    for field, value in source.ListFields():
        if field.name == skip:
            continue
        if field.is_repeated:
            getattr(made, field.name).extend(value)
        elif field.message_type is not None:
            getattr(made, field.name).CopyFrom(value)
        else:
            setattr(made, field.name, value)


def _values(tensor, file: OnnxFile | None):
    """The bytes of a tensor's values; None where it lists them one by one, or where they are in a file of its own."""
    stored = file.stored(tensor, file.name) if file is not None else None
    if stored is not None:
        return stored[0]
    return tensor.raw_data if tensor.HasField("raw_data") else None


def _without_place(tensor) -> None:
    """Forget where the values of a tensor were."""
    for name in ("payload", "data_location", "external_data"):
        tensor.ClearField(name)


def _write(files: list[tuple[str, list]]) -> list[str]:
    """Write all of some files, or leave what was there."""
    made, kept = [], []
    try:
        for path, parts in files:
            made.append(NewFile(path))
            for part in parts:
                made[-1].write(part)
            made[-1].finish()
        for file in made[:-1]:
            kept.append((file.path, _kept(file.path)))
            file.commit()
        made[-1].commit()
    except BaseException:
        for file in made:
            file.discard()
        for path, old in kept:
            if old is not None:
                os.replace(old, path)
            else:
                remove(path)
        raise
    for _, old in kept:
        if old is not None:
            remove(old)
    sync_folder(files[-1][0])
    return [path for path, _ in files]


def _kept(path: str) -> str | None:
    """A second name for a file that is to be replaced; None if there is no such file."""
    second = os.path.join(os.path.dirname(path), f"{TEMPORARY}{secrets.token_hex(8)}")
    with suppress(FileNotFoundError):
        os.link(path, second)
        return second
    return None
