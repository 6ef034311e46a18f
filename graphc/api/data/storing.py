"""Elements in files: ``cache(filename)``, ``snapshot``, ``save`` and ``load``.

A file is one of TFRecords: the spec of the elements as JSON, then a TensorProto for each tensor of each element, and an
empty record at the end, without which the file is not complete.
"""

from __future__ import annotations

import json
import os
from collections import namedtuple
from collections.abc import Iterator, Mapping

import numpy as np

from graphc.api.data.block import Block
from graphc.api.data.element import NoneTensorSpec, dims_of, is_nested, leaves, same_outline, with_shape
from graphc.api.data.flow import Flow, OfRows
from graphc.api.data.stage import UNKNOWN, Run, Stage
from graphc.api.ragged import RaggedTensor, RaggedTensorSpec
from graphc.api.shape import TensorShape
from graphc.api.sparse import SparseTensor, SparseTensorSpec
from graphc.api.spec import TensorSpec
from graphc.errors import DataLossError, DtypeError, NotFoundError, explain
from graphc.formats.atomic import NewFile, sync_folder, told
from graphc.formats.records import framed, records
from graphc.formats.tensors import array_of_bytes, tensor_proto
from graphc.ir import dtype as dt

_VERSION = 1
_FILE = "elements.tfrecord"


class FileCache(Stage):
    """``cache`` with a file, and ``snapshot``: read if it is there, else written by the first complete iteration."""

    kind, method = "_CacheDataset", "cache"

    def __init__(self, source: Stage, name: str):
        super().__init__(source.element_spec, (source,))
        self.path = f"{name}.{_FILE}"

    def size(self) -> int:
        return self.inputs[0].size()

    def open(self, run: Run) -> Flow:
        if os.path.exists(self.path):
            rows = read(self.method, self.path, self.element_spec)
            return OfRows(rows, rows.close)
        return _Writing(self, self.inputs[0].open(run))


class _Writing(Flow):
    def __init__(self, stage: FileCache, source: Flow):
        self._source, self._is_over = source, False
        self._file = Writer(stage.method, stage.path, stage.element_spec)

    def pull(self, most: int) -> Block | None:
        block = self._source.pull(most)
        if not self._is_over:
            if block is None:
                self._is_over = True
                self._file.finish()
            else:
                for row in block.rows():
                    self._file.write(row)
        return block

    def close(self) -> None:
        self._source.close()
        if not self._is_over:
            self._is_over = True
            self._file.discard()


class Saved(Stage):
    """``load``: what ``save`` wrote.

    Raises:
        NotFoundError: nothing is there. DtypeError: it has another spec than ``element_spec``.
    """

    kind, method = "_LoadDataset", "load"

    def __init__(self, path, element_spec=None):
        self.path = os.path.join(os.fspath(path), _FILE)
        if not os.path.exists(self.path):
            raise NotFoundError(explain(f"load: there is no saved dataset at {os.fspath(path)}"))
        found = _spec_at("load", self.path, _first(self.path))
        if element_spec is not None and (
            not same_outline(found, element_spec) or leaves(found) != leaves(element_spec)
        ):
            operands = (("saved", str(found)), ("asked for", str(element_spec)))
            raise DtypeError(explain("load: the saved dataset has another element_spec", operands))
        super().__init__(found)

    def size(self) -> int:
        return UNKNOWN

    def open(self, run: Run) -> Flow:
        rows = read(self.method, self.path, self.element_spec)
        return OfRows(rows, rows.close)


def save(stage: Stage, path, run: Run) -> None:
    """Write all elements; the file appears when it is complete."""
    file = Writer("save", os.path.join(os.fspath(path), _FILE), stage.element_spec)
    flow = stage.open(run)
    try:
        while (block := flow.pull(256 if stage.is_silent else 1)) is not None:
            for row in block.rows():
                file.write(row)
        file.finish()
    finally:
        run.closed.set()
        flow.close()
        file.discard()


# ----------------------------------------------------------------------------------------------- files


class Writer:
    """Writes elements; nothing is at ``path`` before ``finish``."""

    def __init__(self, op: str, path: str, element_spec):
        header = framed(json.dumps({"version": _VERSION, "spec": _spec_as_json(op, element_spec)}).encode())
        self._op, self._path, self._file = op, path, None
        with told(op, path):
            os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
            self._file = NewFile(path)
            self._file.write(header)

    def write(self, row: tuple) -> None:
        """Add an element."""
        for value in row:
            for array in (
                [] if value is None else [value] if isinstance(value, np.ndarray) else [t.array for t in value.parts]
            ):
                self._file.write(framed(tensor_proto(array).SerializeToString()))

    def finish(self) -> None:
        """All are written: the file is there now."""
        with told(self._op, self._path):
            self._file.write(framed(b""))
            self._file.finish()
            self._file.commit()
            sync_folder(self._path)
        self._file = None

    def discard(self) -> None:
        """Give up what is not finished."""
        if self._file is not None:
            self._file.discard()
            self._file = None


def _first(path: str) -> bytes:
    found = records(path)
    try:
        return next(found)
    except StopIteration:
        raise DataLossError(explain(f"{path}: a saved dataset is empty")) from None
    finally:
        found.close()


def read(op: str, path: str, element_spec) -> Iterator[tuple]:
    """The elements in a file.

    Raises:
        DataLossError: it is damaged or incomplete. DtypeError: it holds elements of another spec.
    """
    found = records(path)
    header = next(found, b"")
    if leaves(_spec_at(op, path, header)) != leaves(element_spec):
        what = f"{op}: {path} holds elements of another spec; delete it to have it written anew"
        raise DtypeError(explain(what, (("file", str(_spec_at(op, path, header))), ("here", str(element_spec)))))
    specs = leaves(element_spec)
    while True:
        row = []
        for spec in specs:
            arrays = []
            for _ in range(_parts(spec)):
                record = next(found, None)
                if not record:
                    if record is None or row or arrays:
                        raise DataLossError(explain(f"{op}: {path} is not complete"))
                    return
                arrays.append(array_of_bytes(record))
            row.append(_joined(spec, arrays))
        yield tuple(row)


def _parts(spec) -> int:
    if isinstance(spec, NoneTensorSpec):
        return 0
    return (
        3 if isinstance(spec, SparseTensorSpec) else 1 + spec.ragged_rank if isinstance(spec, RaggedTensorSpec) else 1
    )


def _joined(spec, arrays: list):
    if not arrays:
        return None
    if isinstance(spec, SparseTensorSpec):
        return SparseTensor(*arrays)
    if isinstance(spec, RaggedTensorSpec) and spec.ragged_rank:
        return RaggedTensor.from_nested_row_splits(arrays[0], arrays[1:])
    return arrays[0]


# ------------------------------------------------------------------------------------------------ specs


def _spec_as_json(op: str, spec):
    if isinstance(spec, Mapping):
        return {"dict": [[str(key), _spec_as_json(op, part)] for key, part in spec.items()]}
    if is_nested(spec):
        parts = [_spec_as_json(op, part) for part in spec]
        if hasattr(spec, "_fields"):
            return {"named": type(spec).__name__, "fields": list(spec._fields), "parts": parts}
        return {"tuple": parts}
    if isinstance(spec, NoneTensorSpec):
        return {"none": True}
    if isinstance(spec, RaggedTensorSpec):
        return {"ragged": [spec.dtype.name, dims_of(spec), spec.ragged_rank, spec.row_splits_dtype.name]}
    if isinstance(spec, (TensorSpec, SparseTensorSpec)):
        return {"sparse" if isinstance(spec, SparseTensorSpec) else "tensor": [spec.dtype.name, dims_of(spec)]}
    raise DtypeError(explain(f"{op}: elements of {spec} cannot be written"))


def _spec_at(op: str, path: str, header: bytes):
    try:
        found = json.loads(header)
        if found["version"] != _VERSION:
            raise ValueError(f"version {found['version']}")
        return _spec_of(found["spec"])
    except (ValueError, LookupError, TypeError) as error:
        raise DataLossError(explain(f"{op}: {path} is not a saved dataset of this version: {error}")) from None


def _spec_of(found: dict):
    if "dict" in found:
        return {key: _spec_of(part) for key, part in found["dict"]}
    if "tuple" in found:
        return tuple([_spec_of(part) for part in found["tuple"]])
    if "named" in found:
        return namedtuple(found["named"], found["fields"])(*[_spec_of(part) for part in found["parts"]])
    if "none" in found:
        return NoneTensorSpec()
    if "ragged" in found:
        kind, dims, rank, splits = found["ragged"]
        return RaggedTensorSpec(TensorShape(dims), dt.as_dtype(kind), rank, dt.as_dtype(splits))
    kind, dims = found["tensor" if "tensor" in found else "sparse"]
    made = TensorSpec(TensorShape(dims), dt.as_dtype(kind))
    return made if "tensor" in found else with_shape(SparseTensorSpec(TensorShape(None), made.dtype), dims)
