"""The ``.gc`` container: named sections of bytes in one file, where any changed byte is noticed.

Layout, little-endian. Header, 64 bytes: magic (8), version u32, section count u32, file size u64, table size u64,
SHA-256 (32) over the header up to here and the table. Then the table, one entry a section: name size u16, name in
UTF-8, offset u64, size u64, digest of the content (``ir.digest``: SHA-256 over those of its MiBs). Then the sections in
the order of the table, each at the next multiple of 64 bytes; the bytes between are zero, and the file ends with its
last section.
"""

from __future__ import annotations

import hashlib
import json
import mmap
import os
import secrets
import struct
from dataclasses import dataclass

from graphc.errors import FormatError, UsageError
from graphc.ir.digest import Digest, digest_of_bytes

MAGIC = b"\x89gc\r\n\x1a\n\0"
VERSION = 2
ALIGN = 64
TEMPORARY = ".tmp-"  # how the names of files begin that are not complete yet

_START = struct.Struct("<8sIIQQ")
_ENTRY = struct.Struct("<QQ32s")
_HEADER_SIZE = 64
_LARGEST_NAME = 255


@dataclass(frozen=True)
class _Entry:
    name: str
    offset: int
    size: int
    digest: bytes


class Writer:
    """A container file that grows section by section; whoever reads sees nothing of it before ``close``, and then all.
    A ``with`` statement leaves nothing behind of a file that was not closed.

    Args:
        path: where the file will be. names: of the sections, in the order in which they will be added.
        durable: the file is whole even if the machine stops right after ``close``. Without it, which is much faster for
            large files, it may then be damaged, which every reader notices.
    """

    def __init__(self, path, names, durable: bool = True):
        self._path, self._durable = os.fspath(path), durable
        self._names = [_encoded(name) for name in names]
        self._table: list[bytes] = []
        self._end = _HEADER_SIZE + _table_size(self._names)
        self._temporary = os.path.join(os.path.dirname(self._path), f"{TEMPORARY}{os.getpid()}-{secrets.token_hex(8)}")
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_CLOEXEC", 0)
        self._file = os.fdopen(os.open(self._temporary, flags, 0o666), "wb")

    def __enter__(self) -> "Writer":
        return self

    def __exit__(self, *_) -> None:
        self.abandon()

    def add(self, value) -> None:
        """The content of the next section, see ``encode``."""
        offset, digest, size = _up(self._end), Digest(), 0
        self._file.seek(offset)
        for chunk in value.chunks() if hasattr(value, "chunks") else (_content(value),):
            digest.update(chunk)
            size += self._file.write(chunk)
        self._table.append(_row(self._names[len(self._table)], offset, size, digest.digest()))
        self._end = offset + size

    def close(self) -> int:
        """Put the finished file into its place; answers its bytes."""
        try:
            self._file.truncate(self._end)
            self._file.seek(0)
            for piece in _header(self._table, self._end):
                self._file.write(piece)
            self._file.flush()
            if self._durable:
                os.fsync(self._file.fileno())
            self._file.close()
            os.replace(self._temporary, self._path)
        except BaseException:
            self.abandon()
            raise
        return self._end

    def abandon(self) -> None:
        """Leave nothing behind of a file that was not closed."""
        self._file.close()
        try:
            os.unlink(self._temporary)
        except FileNotFoundError:
            pass  # it is in its place


def encode(sections: dict[str, object]) -> list:
    """The pieces of a container file, in order; ``b"".join`` of them is the file.

    Args:
        sections: name to content: bytes-like, a Blob, ``str`` (stored as UTF-8), or anything JSON can say.
    """
    names = [_encoded(name) for name in sections]
    end = _HEADER_SIZE + _table_size(names)
    table, body = [], []
    for name, content in zip(names, map(_content, sections.values())):
        offset = _up(end)
        body += [bytes(offset - end), content]
        table.append(_row(name, offset, len(content), digest_of_bytes(content)))
        end = offset + len(content)
    return [*_header(table, end), *body]


def _encoded(name: str) -> bytes:
    raw = name.encode()
    if not 0 < len(raw) <= _LARGEST_NAME:
        raise UsageError(f"container: section name {name!r} must have 1 to {_LARGEST_NAME} bytes")
    return raw


def _table_size(names: list[bytes]) -> int:
    return sum(2 + len(name) + _ENTRY.size for name in names)


def _row(name: bytes, offset: int, size: int, digest: bytes) -> bytes:
    return struct.pack("<H", len(name)) + name + _ENTRY.pack(offset, size, digest)


def _header(rows: list[bytes], size: int) -> list[bytes]:
    table = b"".join(rows)
    start = _START.pack(MAGIC, VERSION, len(rows), size, len(table))
    return [start, hashlib.sha256(start + table).digest(), table]


def _content(value) -> memoryview:
    if hasattr(value, "chunks"):
        value = value.view
    if isinstance(value, str):
        value = value.encode()
    elif isinstance(value, (dict, list)):
        value = json.dumps(value, sort_keys=True, indent=1).encode()
    return memoryview(value).cast("B")


def _up(offset: int) -> int:
    return -(-offset // ALIGN) * ALIGN


class Container:
    """An opened container. Sections are views of the mapped file, so weights cost no memory until they are read.

    A view keeps the mapping alive; nothing has to be closed.
    """

    def __init__(self, data, source: str):
        """Use ``Container.open`` or ``Container.parse``."""
        self._view = memoryview(data).toreadonly().cast("B")
        self._source = source
        self._entries = {entry.name: entry for entry in self._read_table()}

    @classmethod
    def open(cls, path, only: str | None = None, verify: bool = True) -> "Container":
        """Open a container file and verify all of it.

        Args:
            only: verify this section alone, and hold no other.
            verify: False for a file that this process has just written: the contents are not read.

        Raises:
            FormatError: the file is no container, of another version, or any byte of it is not as it was written.
            OSError: the file cannot be read.
        """
        with open(path, "rb") as file:
            if os.fstat(file.fileno()).st_size == 0:
                raise FormatError(f"{os.fspath(path)}: the file is empty; no .gc container")
            data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        return cls.parse(data, os.fspath(path), only) if verify else cls(data, os.fspath(path))

    @classmethod
    def parse(cls, data, source: str = "container", only: str | None = None) -> "Container":
        """Like ``open`` for bytes that are already in memory; ``source`` names them in messages."""
        container = cls(data, source)
        if only is not None:
            container._entries = {only: container._entry(only)}
        else:
            container._verify_padding()
        for entry in container._entries.values():
            container._verify(entry)
        return container

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self._entries)

    @property
    def size(self) -> int:
        """Bytes of the whole file."""
        return len(self._view)

    def __contains__(self, name: str) -> bool:
        return name in self._entries

    def __getitem__(self, name: str) -> memoryview:
        """The content of a section, read-only and not copied; its start is a multiple of 64 bytes in the file.

        Raises:
            FormatError: there is no such section.
        """
        entry = self._entry(name)
        return self._view[entry.offset : entry.offset + entry.size]

    def text(self, name: str) -> str:
        """A section as text."""
        try:
            return str(self[name], "utf-8")
        except UnicodeDecodeError as error:
            raise self.error(f"section {name!r} is not text: {error}") from None

    def json(self, name: str):
        """A section that holds JSON, as Python data."""
        try:
            return json.loads(self.text(name))
        except ValueError as error:
            raise self.error(f"section {name!r} is not JSON: {error}") from None
        except RecursionError:
            raise self.error(f"section {name!r} is nested too deeply") from None

    def error(self, what: str) -> FormatError:
        """The error that says what is wrong with this container, and which it is."""
        return FormatError(f"{self._source}: {what}")

    def _entry(self, name: str) -> _Entry:
        if name not in self._entries:
            raise self.error(f"there is no section {name!r}; it has {', '.join(self._entries) or 'none'}")
        return self._entries[name]

    def _read_table(self) -> list[_Entry]:
        view, size = self._view, len(self._view)
        if size < _HEADER_SIZE:
            raise self.error(f"{size} bytes are too few for a .gc container, which starts with a header of {_HEADER_SIZE}")
        magic, version, count, stated, table_size = _START.unpack_from(view)
        if magic != MAGIC:
            raise self.error(f"this is no .gc container: it starts with {bytes(magic)!r}")
        if version != VERSION:
            made = "a newer version of graphc wrote it: read it with that one, or write it" if version > VERSION else "write the file"
            raise self.error(f"container version {version} cannot be read here, only {VERSION}; {made} again with this version of graphc")
        if stated != size:
            raise self.error(f"the file has {size} bytes but says {stated}: it is cut off or damaged")
        if table_size > size - _HEADER_SIZE or count * (2 + 1 + _ENTRY.size) > table_size:
            raise self.error(f"a table of {count} sections in {table_size} bytes does not fit the file of {size} bytes")
        table = bytes(view[_HEADER_SIZE : _HEADER_SIZE + table_size])
        if hashlib.sha256(bytes(view[: _START.size]) + table).digest() != view[_START.size : _HEADER_SIZE]:
            raise self.error("header and table do not match their checksum: the file is damaged")
        return self._parse_table(table, count, _HEADER_SIZE + table_size)

    def _parse_table(self, table: bytes, count: int, end: int) -> list[_Entry]:
        """The entries of a table that has passed its checksum; still nothing in it is believed unchecked."""
        entries, at = {}, 0
        try:
            for _ in range(count):
                (name_size,) = struct.unpack_from("<H", table, at)
                name = table[at + 2 : at + 2 + name_size].decode()
                offset, size, digest = _ENTRY.unpack_from(table, at + 2 + name_size)
                at += 2 + name_size + _ENTRY.size
                if offset != _up(end) or size > len(self._view) - offset or name in entries:
                    total = len(self._view)
                    raise self.error(f"section {name!r} of {size} bytes at {offset} does not lie where it must in a file of {total} bytes")
                end = offset + size
                entries[name] = _Entry(name, offset, size, digest)
        except (struct.error, UnicodeDecodeError) as error:
            raise self.error(f"the section table is damaged: {error}") from None
        if at != len(table) or end != len(self._view):
            spare = len(table) - at, len(self._view) - end
            raise self.error(f"{spare[0]} bytes of the table and {spare[1]} of the file belong to no section")
        return list(entries.values())

    def _verify_padding(self) -> None:
        table_size = _START.unpack_from(self._view)[4]
        end = _HEADER_SIZE + table_size
        for entry in self._entries.values():
            if any(self._view[end : entry.offset]):
                raise self.error(f"the bytes between sections before {entry.name!r} are not zero: the file is damaged")
            end = entry.offset + entry.size

    def _verify(self, entry: _Entry) -> None:
        if digest_of_bytes(self._view[entry.offset : entry.offset + entry.size]) != entry.digest:
            raise self.error(f"section {entry.name!r} does not match its checksum: the file is damaged")
