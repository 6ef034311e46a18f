"""Writing tensor bundles, so that at every moment the old or the new checkpoint can be read."""

from __future__ import annotations

import os

import numpy as np

from graphc.errors import GraphcError, UsageError, explain
from graphc.formats import atomic, crc32c, protos, string_data, table
from graphc.formats.atomic import NewFile, told
from graphc.formats.bundle import VERSION, BundleReader, data_file, index_file
from graphc.formats.slices import Slice, slice_key
from graphc.ir import dtype as dt

_CHUNK = 1 << 20  # bytes that stay in the processor's cache while they are copied, summed and written


class BundleWriter:
    """A checkpoint that is being written, to be used in a ``with`` block, at whose end it takes its name.

    Args:
        prefix: its name; the folder is made if missing.
        alignment: the tensors begin at multiples of this.

    Raises:
        ResourceExhaustedError: the disk is full. PermissionDeniedError, NotFoundError, StateError: it cannot be
            written. What was there before is unchanged then, and no other file is left.
    """

    def __init__(self, prefix, alignment: int = 1):
        self.prefix, self._alignment = os.fspath(prefix), alignment
        self._entries: dict[bytes, object] = {}
        self._buffer = np.empty(_CHUNK, np.uint8)
        with told("save", self.prefix):
            os.makedirs(os.path.dirname(self.prefix) or ".", exist_ok=True)
            atomic.remove_abandoned(self.prefix)
            self._data = NewFile(data_file(self.prefix))

    def add(self, name: str, array, part: Slice | None = None, full_shape: tuple[int, ...] = ()) -> None:
        """Write a tensor.

        Args:
            array: of any dtype that exists here; strings as an array of objects.
            part: the tensor is this part of one of ``full_shape``.

        Raises:
            UsageError: the name was given already. DtypeError: the dtype does not exist here.
        """
        key = name.encode()
        if part is not None:
            whole = self._entries.setdefault(key, _entry(array, full_shape))
            extents = [{"start": s, "length": n} if n >= 0 else {} for s, n in zip(part.starts, part.lengths)]
            whole.slices.add(extent=[protos.TensorSliceProto.Extent(**e) for e in extents])
            key = slice_key(name, part)
        if not key or key in self._entries:
            raise UsageError(explain(f"save: the name {name!r} is empty or given twice"))
        entry = self._entries[key] = _entry(array, array.shape)
        with told("save", self.prefix):
            self._data.write(bytes(-self._data.size % self._alignment))
            entry.offset = self._data.size
            entry.crc32c = crc32c.mask(self._strings(name, array) if entry.dtype == _STRING else self._numbers(array))
            entry.size = self._data.size - entry.offset

    def _strings(self, name: str, array: np.ndarray) -> int:
        data, crc = string_data.encode(name, array)
        self._data.write(data)
        return crc

    def _numbers(self, array: np.ndarray) -> int:
        """Write an array piece by piece; its check sum.

        A piece is copied first, so that what is summed is what is written even while another thread changes the array.
        """
        flat, crc = np.ascontiguousarray(array).reshape(-1).view(np.uint8), 0
        for at in range(0, len(flat), _CHUNK):
            piece = self._buffer[: min(_CHUNK, len(flat) - at)]
            np.copyto(piece, flat[at : at + _CHUNK])
            crc = crc32c.extend(crc, piece)
            self._data.write(piece)
        return crc

    def finish(self) -> None:
        """Make it the checkpoint of that name."""
        with told("save", self.prefix):
            self._data.finish()
            old = _shards_of(self.prefix)
            if old == 1:
                self._replace()
            else:
                self._data.commit()
                atomic.sync_folder(self.prefix)
                self._write_index(1)
                for shard in range(old):
                    atomic.remove(data_file(self.prefix, shard, old))

    def _replace(self) -> None:
        """Take the place of a checkpoint whose data file has the name that ours shall have.

        The data comes first under another name, to which a first index refers; a second name for it replaces the old
        data only after that, and a second index refers to that name.
        """
        final, other = data_file(self.prefix), data_file(self.prefix, 0, 2)
        self._data.commit(other)
        try:
            atomic.sync_folder(self.prefix)
            self._write_index(2)
        except BaseException:
            if _shards_of(self.prefix) != 2:
                atomic.remove(other)
            raise
        beside = f"{self._data.temporary}-link"
        try:
            os.link(other, beside)
        except OSError:  # a file system without second names: the checkpoint stays as it is
            atomic.remove(final)
            return
        os.replace(beside, final)
        atomic.remove(beside)  # still there where both were names of one file, as beside another thread
        atomic.sync_folder(self.prefix)
        self._write_index(1)
        atomic.remove(other)

    def _write_index(self, shards: int) -> None:
        header = protos.BundleHeaderProto(num_shards=shards)
        header.version.producer = VERSION
        items = [(b"", header)] + sorted(self._entries.items())
        content = table.encode((key, message.SerializeToString(deterministic=True)) for key, message in items)
        atomic.write_file(index_file(self.prefix), content)

    def __enter__(self) -> BundleWriter:
        return self

    def __exit__(self, kind, error, trace) -> None:
        try:
            if kind is None:
                self.finish()
        finally:
            self._data.discard()


_STRING = dt.string.as_datatype_enum


def _entry(array: np.ndarray, shape):
    entry = protos.BundleEntryProto(dtype=dt.as_dtype(array.dtype).as_datatype_enum)
    entry.shape.SetInParent()
    for size in shape:
        entry.shape.dim.add(size=size)
    return entry


def _shards_of(prefix: str) -> int:
    """How many data files the checkpoint has that is there now; 0 if there is none that can be read."""
    try:
        return BundleReader(prefix).shards
    except GraphcError:
        return 0
