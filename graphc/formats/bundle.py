"""Reading tensor bundles, TensorFlow's checkpoints: ``prefix.index`` and ``prefix.data-00000-of-00001``.

The index is a table (see ``table.py``) from the tensors' names to messages that say type, shape, place and check sum of
each; the empty name has the header.
"""

from __future__ import annotations

import math
import mmap
import os
from dataclasses import dataclass

import numpy as np

from graphc.errors import DataLossError, DtypeError, FormatError, NotFoundError, ShapeError, UsageError, explain
from graphc.formats import crc32c, protos, string_data, table
from graphc.formats.atomic import told
from graphc.formats.slices import Slice, slice_key
from graphc.ir import dtype as dt
from graphc.ir.dtype import DType

VERSION = 1  # of the format, as producer and as the least that a reader must know
_CHUNK = 1 << 22  # bytes summed at a time
_MOST_SHARDS = 99999


def index_file(prefix: str) -> str:
    """The name of the index of a checkpoint."""
    return f"{prefix}.index"


def data_file(prefix: str, shard: int = 0, count: int = 1) -> str:
    """The name of one of the ``count`` data files of a checkpoint."""
    return f"{prefix}.data-{shard:05d}-of-{count:05d}"


class MissingCheckpointError(NotFoundError, ValueError):
    """There is no checkpoint of that name."""


@dataclass(frozen=True)
class Entry:
    """What the index says about a tensor, or about a part of one.

    Attributes:
        number: TensorFlow's number of the dtype.
        slices: the parts that hold the content, none for a tensor that is stored whole.
    """

    number: int
    shape: tuple[int, ...]
    shard: int
    offset: int
    size: int
    crc: int
    slices: tuple[Slice, ...] = ()

    @property
    def dtype(self) -> DType:
        """The dtype.

        Raises:
            DtypeError: there is none here with that number.
        """
        try:
            return dt.as_dtype(self.number)
        except DtypeError:
            kinds = protos.DataType
            name = kinds.Name(self.number) if self.number in kinds.values() else self.number
            raise DtypeError(explain(f"a tensor of TensorFlow's type {name} is not supported")) from None

    @property
    def count(self) -> int:
        """How many elements the tensor has."""
        return math.prod(self.shape)


class BundleReader:
    """The tensors of a checkpoint. The index is verified at once, a tensor when it is read.

    Args:
        prefix: the name of the checkpoint, without ``.index``.

    Attributes:
        entries: name -> Entry, sorted by name; parts of tensors are in ``parts`` under their keys.

    Raises:
        MissingCheckpointError: there is no such checkpoint. UsageError: ``prefix`` is the name of one of its files.
        DataLossError: the index is damaged. FormatError: it is of another version.
    """

    def __init__(self, prefix):
        self.prefix = checked_prefix(prefix)
        self.index = index_file(self.prefix)
        with told("checkpoint", self.index), open(self.index, "rb") as file:
            content = table.decode(file.read(), self.index)
        self.shards = self._header(content.pop(b"", None))
        self.entries: dict[str, Entry] = {}
        self.parts: dict[bytes, Entry] = {}
        for key, value in content.items():
            entry = self._entry(key, value)
            if key.startswith(b"\0"):
                self.parts[key] = entry
            else:
                self.entries[key.decode("utf-8", "backslashreplace")] = entry
        self._maps: dict[int, np.ndarray] = {}

    def read(self, name: str) -> np.ndarray:
        """A tensor as an array of its own, verified.

        Raises:
            NotFoundError: it is not in the checkpoint. DataLossError: it is damaged. DtypeError: of an unknown type.
        """
        self.verify(name)
        entry = self.entry(name)
        out = np.empty(entry.shape, entry.dtype.numpy)
        self.copy_to(name, out)
        return out

    def entry(self, name: str) -> Entry:
        """What the index says about a tensor.

        Raises:
            NotFoundError: it is not in the checkpoint.
        """
        found = self.entries.get(name)
        if found is None:
            raise NotFoundError(explain(f"{self.prefix}: there is no tensor {name!r} in the checkpoint"))
        return found

    def verify(self, name: str) -> None:
        """Refuse a tensor of which a byte is not as it was written.

        Raises:
            DataLossError: the message names the tensor, the file and the place.
        """
        for entry, _ in self._stored(name):
            if entry.dtype is dt.string:
                self._strings(name, entry)
                continue
            crc, data = 0, self._bytes(name, entry)
            for at in range(0, len(data), _CHUNK):
                crc = crc32c.extend(crc, data[at : at + _CHUNK])
            if crc32c.mask(crc) != entry.crc:
                raise self._damaged(name, entry, "the check sum is wrong")

    def copy_to(self, name: str, out: np.ndarray, part: Slice | None = None) -> None:
        """Write a tensor that was verified over an array.

        Args:
            out: of the dtype of the tensor, and of its shape or that of ``part`` of it.

        Raises:
            ShapeError: the array does not fit.
        """
        entry = self.entry(name)
        box = _whole(entry.shape) if part is None else part.place(entry.shape)
        if box is None or _sizes(box) != out.shape or out.dtype != entry.dtype.numpy:
            raise ShapeError(explain(f"{name}: {out.dtype}{list(out.shape)} does not fit into what the checkpoint has"))
        for stored, place in self._stored(name):
            shared = _meeting(box, place)
            if shared is not None:
                source, target = shared
                out[target] = self._array(name, stored)[source]

    def _stored(self, name: str) -> list[tuple[Entry, tuple[slice, ...]]]:
        """The places with content of a tensor, and where each belongs in it."""
        entry = self.entry(name)
        if not entry.slices:
            return [(entry, _whole(entry.shape))]
        found = []
        for part in entry.slices:
            stored, place = self.parts.get(slice_key(name, part)), part.place(entry.shape)
            if stored is None or place is None or stored.shape != _sizes(place) or stored.number != entry.number:
                what = f"{self.index}: the part {part} of tensor {name!r} is missing or does not fit"
                raise DataLossError(explain(what))
            found.append((stored, place))
        if sum(stored.count for stored, _ in found) < entry.count:
            raise DataLossError(explain(f"{self.prefix}: tensor {name!r} is stored in parts, and some are missing"))
        return found

    def _array(self, name: str, entry: Entry) -> np.ndarray:
        if entry.dtype is dt.string:
            out = np.empty(entry.count, object)
            out[:] = self._strings(name, entry)
            return out.reshape(entry.shape)
        return self._bytes(name, entry).view(entry.dtype.numpy).reshape(entry.shape)

    def _strings(self, name: str, entry: Entry) -> list[bytes]:
        found = string_data.decode(self._bytes(name, entry), entry.count)
        if found is None or crc32c.mask(found[1]) != entry.crc:
            raise self._damaged(name, entry, "its strings or their check sums are changed")
        return found[0]

    def _bytes(self, name: str, entry: Entry) -> np.ndarray:
        """The bytes of a tensor, of the right length but not verified."""
        if entry.dtype is not dt.string and entry.size != entry.count * entry.dtype.size:
            raise self._damaged(name, entry, f"{entry.dtype.name}{list(entry.shape)} does not have {entry.size} bytes")
        data = self._shard(entry.shard)
        if entry.offset + entry.size > len(data):
            raise self._damaged(name, entry, f"the file ends at byte {len(data)}")
        return data[entry.offset : entry.offset + entry.size]

    def _shard(self, shard: int) -> np.ndarray:
        """The bytes of a data file, mapped into memory."""
        found = self._maps.get(shard)
        if found is None:
            path = data_file(self.prefix, shard, self.shards)
            with told("checkpoint", path), open(path, "rb") as file:
                size = os.fstat(file.fileno()).st_size
                mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) if size else b""
            found = self._maps[shard] = np.frombuffer(mapped, np.uint8)
        return found

    def _header(self, content: bytes | None) -> int:
        """How many data files there are."""
        header = _parsed(protos.BundleHeaderProto, content)
        if header is None or not 0 < header.num_shards <= _MOST_SHARDS:
            raise DataLossError(explain(f"{self.index}: the file is damaged: it has no header"))
        if header.endianness != 0:
            what = f"{self.index}: the checkpoint is of a big-endian machine, which is not supported"
            raise FormatError(explain(what))
        if header.version.min_consumer > VERSION:
            what = f"{self.index}: the checkpoint is of version {header.version.producer}, too new for this program"
            raise FormatError(explain(what))
        return header.num_shards

    def _entry(self, key: bytes, content: bytes) -> Entry:
        proto = _parsed(protos.BundleEntryProto, content)
        shape = None if proto is None else tuple(d.size for d in proto.shape.dim)
        if proto is None or any(d < 0 for d in shape) or min(proto.offset, proto.size) < 0:
            raise DataLossError(explain(f"{self.index}: the file is damaged: the entry of {key!r} cannot be read"))
        if not 0 <= proto.shard_id < self.shards:
            raise DataLossError(explain(f"{self.index}: the file is damaged: {key!r} is in data file {proto.shard_id}"))
        slices = tuple(_slice(s) for s in proto.slices)
        return Entry(proto.dtype, shape, proto.shard_id, proto.offset, proto.size, proto.crc32c, slices)

    def _damaged(self, name: str, entry: Entry, what: str) -> DataLossError:
        file = data_file(self.prefix, entry.shard, self.shards)
        place = f"{entry.size} bytes from byte {entry.offset}"
        return DataLossError(explain(f"{file}: tensor {name!r} ({place}) is damaged: {what}"))


def checked_prefix(prefix) -> str:
    """The name of a checkpoint.

    Raises:
        UsageError: it is the name of one of its files, or of a folder.
        MissingCheckpointError: there is no such checkpoint.
    """
    try:
        prefix = os.fspath(prefix)
        prefix = prefix.decode() if isinstance(prefix, bytes) else prefix
    except TypeError:
        raise UsageError(explain(f"checkpoint: its name must be a string, got {prefix!r}")) from None
    if os.path.isfile(index_file(prefix)):
        return prefix
    stem = prefix_of(prefix)
    if stem != prefix:
        what = f"checkpoint: pass the prefix {stem!r}, not the file {os.path.basename(prefix)!r}"
        missing = "" if os.path.isfile(index_file(stem)) else "; but there is no such checkpoint"
        raise UsageError(explain(what + missing))
    if os.path.isdir(prefix):
        what = f"checkpoint: {prefix!r} is a folder; pass a prefix, such as that of latest_checkpoint({prefix!r})"
        raise UsageError(explain(what))
    if os.path.isfile(prefix):
        what = f"checkpoint: {prefix!r} is a single file and not a prefix; checkpoints of version 1 are not supported"
        raise UsageError(explain(what))
    beside = _beside(prefix)
    hint = f"; in that folder there are: {', '.join(beside)}" if beside else ""
    what = f"checkpoint: there is no checkpoint {prefix!r} (no file {index_file(prefix)}){hint}"
    raise MissingCheckpointError(explain(what))


def prefix_of(path: str) -> str:
    """The prefix of the checkpoint that a file belongs to; the path itself, if it is none of its files."""
    head, _, tail = path.rpartition(".")
    is_part = tail in ("index", "meta") or (tail.startswith("data-") and "-of-" in tail)
    return head if head and is_part else path


def _beside(prefix: str) -> list[str]:
    """Names of some checkpoints in the folder of ``prefix``."""
    try:
        names = sorted(os.listdir(os.path.dirname(prefix) or "."))
    except OSError:
        return []
    return [n.removesuffix(".index") for n in names if n.endswith(".index")][:8]


def _parsed(kind, content: bytes | None):
    """A message, or None where the bytes are none."""
    message = kind()
    try:
        message.ParseFromString(content)
    except Exception:  # protobuf has an error class of its own for damaged bytes, and TypeError for None
        return None
    return message


def _slice(proto) -> Slice:
    starts = tuple(e.start for e in proto.extent)
    return Slice(starts, tuple(e.length if e.HasField("length") else -1 for e in proto.extent))


def _whole(shape) -> tuple[slice, ...]:
    return tuple(slice(0, d) for d in shape)


def _sizes(box) -> tuple[int, ...]:
    return tuple(s.stop - s.start for s in box)


def _meeting(box, place) -> tuple[tuple[slice, ...], tuple[slice, ...]] | None:
    """What two boxes have in common: as an index into the second, and as one into the first; None for nothing."""
    source, target = [], []
    for a, b in zip(box, place):
        start, stop = max(a.start, b.start), min(a.stop, b.stop)
        if start > stop or (start == stop and a.start < a.stop and b.start < b.stop):
            return None
        source.append(slice(start - b.start, stop - b.start))
        target.append(slice(start - a.start, stop - a.start))
    return tuple(source), tuple(target)
