"""ONNX model files: protobuf parses their graphs, the values of large tensors stay where they are and are mapped."""

from __future__ import annotations

import hashlib
import importlib
import math
import os
from collections.abc import Iterator

import numpy as np

from graphc.errors import FormatError, UsageError, explain
from graphc.ir.digest import digest_of_bytes
from graphc.formats import onnx_protos
from graphc.formats.onnx_cut import Piece, cut
from graphc.formats.onnx_damage import damage, guess, other_kind
from graphc.formats.onnx_elements import element
from graphc.formats.onnx_external import Folder, map_file
from graphc.formats.onnx_tensor import array_of, dense_of, sizes

_MOST_PARSED = (1 << 31) - 1  # bytes that protobuf takes


class OnnxFile:
    """A model that was read.

    Attributes:
        model: its ModelProto. Tensors of 4 KiB and more have no values in it; ``array`` knows where these are.
        name: what errors call it: the path, or ``the model``.
    """

    def __init__(self, model, name: str, data: memoryview, pieces: list[Piece], folder: Folder, has_external: bool):
        self.model, self.name = model, name
        self._data, self._pieces, self._folder, self._has_external = data, pieces, folder, has_external

    def __reduce__(self):
        return _read_bytes, (bytes(self._data), self.name, self._folder.roots)

    def array(self, tensor) -> np.ndarray:
        """The values of a TensorProto of the model, or of a SparseTensorProto with its zeros.

        Returns:
            An array that must not be written: a view of the file where it can be. Elements of 2, 4 and 6 bits take a
            byte each, strings are ``bytes`` objects.

        Raises:
            FormatError: type, dimensions and data do not fit together, or a file is named outside of the folder.
            OSError: a file that holds the values is not there.
        """
        make = dense_of if tensor.DESCRIPTOR.name == "SparseTensorProto" else array_of
        return make(tensor, self.stored, self.name)

    def digest(self) -> str | None:
        """A digest of all that the model is made of: the file, and the files with values that it names.

        Returns:
            Text; None where one of these files cannot be read, which ``array`` says.
        """
        found, named = [digest_of_bytes(self._data)], {}
        for tensor in tensors(self.model) if self._has_external else ():
            if tensor.data_location == onnx_protos.TensorProto.EXTERNAL:
                named |= {e.value: None for e in tensor.external_data if e.key == "location"}
        try:
            for location in named:
                found.append(digest_of_bytes(self._folder.map(location, self.name)))
        except (FormatError, OSError):
            return None
        return hashlib.sha256(b"".join(found)).hexdigest()

    def stored(self, tensor, what: str) -> tuple[memoryview, str] | None:
        """The bytes of a tensor's values that its message does not hold, and the field that they are of; else None."""
        if tensor.HasField("payload"):
            if tensor.payload >= len(self._pieces):
                raise FormatError(explain(f"{what}: is of another file"))
            piece = self._pieces[tensor.payload]
            return self._data[piece.offset : piece.offset + piece.size], piece.field
        if tensor.data_location == onnx_protos.TensorProto.EXTERNAL:
            return self._external(tensor, what), "raw_data"
        return None

    def _external(self, tensor, what: str) -> memoryview:
        said = {entry.key: entry.value for entry in tensor.external_data}
        if "location" not in said:
            raise FormatError(explain(f"{what}: its values are external, but external_data has no location"))
        data = self._folder.map(said["location"], what)
        offset = _number(said.get("offset", "0"), "offset", what)
        length = _number(said["length"], "length", what) if "length" in said else _bytes_of(tensor, what)
        if offset + length > len(data):
            have = f"bytes {offset} to {offset + length} of {said['location']!r}, which has {len(data)}"
            raise FormatError(explain(f"{what}: its values are {have}"))
        return data[offset : offset + length]


def read_model(source, folder: str | os.PathLike | None = None) -> OnnxFile:
    """Read an ONNX model.

    Args:
        source: the path of a file, the bytes of one, or a ModelProto (also one of the ``onnx`` package).
        folder: where files with values lie; by default beside the model, if that is a file.

    Raises:
        FormatError: it is no ONNX model, or a damaged one.
        OSError: the file cannot be read.
        UsageError: ``source`` is nothing of these.
    """
    if isinstance(source, (bytes, bytearray, memoryview)):
        data, name = memoryview(source).cast("B"), "the model"
    elif hasattr(source, "SerializeToString"):
        data, name = memoryview(_serialised(source)), "the model"
    elif isinstance(source, (str, os.PathLike)):
        name = os.fsdecode(source)
        data = map_file(name)
        folder = os.path.dirname(name) or "." if folder is None else folder
    else:
        raise UsageError(explain(f"an ONNX model is a path, bytes or a ModelProto, not {type(source).__name__}"))
    beside = Folder(()) if folder is None else Folder.of(os.path.join(os.fsdecode(folder), os.path.basename(name)))
    kind = other_kind(data)
    if kind is not None:
        raise FormatError(explain(f"{name}: no ONNX model: it is {kind}"))
    return _read_bytes(data, name, beside)


def _read_bytes(data, name: str, folder: Folder | tuple[str, ...]) -> OnnxFile:
    """The model in some bytes; ``folder`` may be given as its roots."""
    data = memoryview(data)
    rest, pieces = cut(data, name)
    beside = folder if isinstance(folder, Folder) else Folder(folder)
    return OnnxFile(_parsed(rest, name), name, data, pieces, beside, b"location" in rest)


def _serialised(message) -> bytes:
    kind = message.DESCRIPTOR.full_name
    if kind != "onnx.ModelProto":
        raise UsageError(explain(f"an ONNX model is a path, bytes or a ModelProto, not a message {kind}"))
    try:
        return message.SerializeToString()
    except Exception as error:  # protobuf says it in several ways, none of which has a class of its own
        what = f"the model cannot be given as one message ({error}): save it with its tensors in a file beside it"
        raise FormatError(explain(what)) from error


def _parsed(data: bytes, name: str):
    if len(data) > _MOST_PARSED:
        raise FormatError(explain(f"{name}: holds more than 2 GiB besides the values of its large tensors"))
    broken = importlib.import_module("google.protobuf.message").DecodeError
    try:
        model = onnx_protos.ModelProto.FromString(data)
    except (broken, RecursionError) as error:
        why = f"the model is damaged, or it is {guess(data)}"
        raise FormatError(explain(f"{name}: no ONNX model: {why} {damage(data)}")) from error
    if not model.HasField("graph"):
        raise FormatError(explain(f"{name}: no ONNX model: it has no graph; {guess(data)}"))
    return model


def tensors(model) -> Iterator:
    """All TensorProtos of a ModelProto, also those in attributes, graphs inside of nodes, and functions."""
    graphs, nodes = [model.graph], [n for f in model.functions for n in f.node]
    graphs += [g for t in model.training_info for g in (t.initialization, t.algorithm)]
    while graphs or nodes:
        while graphs:
            graph = graphs.pop()
            yield from graph.initializer
            yield from (t for s in graph.sparse_initializer for t in (s.values, s.indices))
            nodes.extend(graph.node)
        for attribute in nodes.pop().attribute if nodes else ():
            if attribute.HasField("t"):
                yield attribute.t
            yield from attribute.tensors
            for sparse in (attribute.sparse_tensor, *attribute.sparse_tensors):
                yield from (sparse.values, sparse.indices)
            graphs.extend(attribute.graphs)
            if attribute.HasField("g"):
                graphs.append(attribute.g)


def _bytes_of(tensor, what: str) -> int:
    return element(tensor.data_type, what).bytes(math.prod(sizes(tensor.dims, what)))


def _number(text: str, key: str, what: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 18):
        raise FormatError(explain(f"{what}: the {key} {text[:40]!r} of its external data is no number"))
    return int(text)
