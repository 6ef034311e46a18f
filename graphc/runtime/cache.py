"""The disk cache of compiled programs: one container file per entry, shared by all processes of a user."""

from __future__ import annotations

import hashlib
import os
import threading
import time
import warnings
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from graphc.errors import FormatError, GraphcWarning, UsageError
from graphc.runtime.container import TEMPORARY, Container, Writer

_SUFFIX = ".gc"
_PARTS = "key"  # the section that says what an entry was made from
_DEFAULT_LIMIT = 512 << 20
_ABANDONED = 3600  # seconds after which an unfinished file of a killed process is removed
_COMPARED = 64  # entries that a miss is compared with, the newest first
_LARGE, _SELDOM = 64, 16  # room is made after entries of a 64th of the limit, and after every 16th of the others
_LONGEST = 120  # characters of a key part kept as they are


@dataclass(frozen=True)
class CacheStats:
    """What the cache holds, and what this process has had from it."""

    path: str | None
    entries: int
    bytes: int
    limit: int
    hits: int
    misses: int
    writes: int
    damaged: int


class DiskCache:
    """Entries found by a digest that the caller computes from everything that the result depends on.

    Nothing here ever fails a compilation: what cannot be read is a miss, and what cannot be written is not kept, with
    one warning per process.

    Args:
        path: the folder, made if missing; None for a cache that is off.
        limit: bytes; the entries not used for longest are removed beyond it.
    """

    def __init__(self, path: str | os.PathLike | None, limit: int = _DEFAULT_LIMIT):
        self.path = None if path is None else Path(path)
        self.limit = limit
        self._counts = {"hits": 0, "misses": 0, "writes": 0, "damaged": 0}
        self._lock = threading.Lock()
        self._warned = False

    def get(self, digest: str) -> Container | None:
        """The verified entry of this digest, or None. A damaged one is removed and counts as missing."""
        if self.path is None:
            return None
        path = self._entry_path(digest)
        try:
            self._check_owner(path)
            entry = Container.open(path)
        except FileNotFoundError:
            return self._count("misses")
        except FormatError:
            self._count("damaged")
            _remove(path)
            return self._count("misses")
        except OSError as error:
            self._warn("read", error)
            return self._count("misses")
        _touch(path)
        self._count("hits")
        return entry

    def find(self, digest: str) -> Path | None:
        """The file of this digest, where there is one; it is neither read nor counted."""
        path = None if self.path is None else self._entry_path(digest)
        return path if path is not None and path.is_file() else None

    def put(self, digest: str, sections: dict[str, object], parts: dict[str, str]) -> bool:
        """Keep an entry; answers whether it was kept.

        Args:
            parts: what the digest was made from, by name; stored so that ``explain`` can compare.
        """
        with self.draft(digest, parts) as draft:
            draft.begin(sections)
            for value in sections.values():
                draft.add(value)
            return draft.keep()

    def draft(self, digest: str, parts: dict[str, str]) -> "Draft":
        """An entry to be, whose sections are added one by one while others are still being made."""
        return Draft(self, digest, parts)

    def explain(self, parts: dict[str, str]) -> str:
        """Why there is no entry for these key parts: how they differ from the entry that is most like them."""
        if self.path is None:
            return "the cache is off"
        wanted = _shortened(parts)
        nearest, nearest_different = None, None
        for path, _, _ in sorted(self._list(), key=lambda item: item[1], reverse=True)[:_COMPARED]:
            try:
                known = Container.open(path, only=_PARTS).json(_PARTS)
            except (FormatError, OSError):
                continue
            if not isinstance(known, dict):
                continue
            different = sorted(name for name in wanted.keys() | known.keys() if wanted.get(name) != known.get(name))
            if nearest is None or len(different) < len(nearest_different):
                nearest, nearest_different = known, different
        if nearest is None:
            return f"there is no entry to compare with in {self.path}"
        if not nearest_different:
            return "an entry with these very key parts exists"
        changes = [f"{name}: {nearest.get(name, 'absent')} there, {wanted.get(name, 'absent')} here" for name in nearest_different]
        return "the nearest entry differs in " + "; ".join(changes)

    def stats(self) -> CacheStats:
        """Sizes from the folder as it is now, counts of this process."""
        entries = self._list()
        path = None if self.path is None else str(self.path)
        return CacheStats(path, len(entries), sum(size for _, _, size in entries), self.limit, **self._counts)

    def clear(self) -> None:
        """Remove every entry."""
        for path, _, _ in self._list():
            _remove(path)

    def _entry_path(self, digest: str) -> Path:
        if not digest.isalnum() or not digest.isascii():
            raise UsageError(f"cache: a digest has letters and digits only, not {digest!r}")
        return self.path / (digest + _SUFFIX)

    def _check_owner(self, path: Path) -> None:
        """Entries are code that will run, so only those of this user, or of the system, are taken."""
        if hasattr(os, "getuid"):
            for part in (path, self.path):
                if os.stat(part).st_uid not in (os.getuid(), 0):
                    raise PermissionError(1, f"{part} belongs to another user")

    def _list(self) -> list[tuple[Path, float, int]]:
        """(path, time of last use, bytes) of every entry; removes what killed writers left behind."""
        found = []
        try:
            with os.scandir(self.path) if self.path is not None else _Nothing() as folder:
                for item in folder:
                    try:
                        status = item.stat(follow_symlinks=False)
                    except OSError:
                        continue  # another process removed it meanwhile
                    if item.name.endswith(_SUFFIX):
                        found.append((Path(item.path), status.st_mtime, status.st_size))
                    elif item.name.startswith(TEMPORARY) and status.st_mtime < time.time() - _ABANDONED:
                        _remove(Path(item.path))
        except OSError:
            pass
        return found

    def _shrink(self, newest: Path) -> None:
        entries = sorted(self._list(), key=lambda item: item[1])
        total = sum(size for _, _, size in entries)
        for path, _, size in entries:
            if total <= self.limit:
                break
            if path != newest:
                _remove(path)
                total -= size

    def _count(self, what: str) -> None:
        with self._lock:
            self._counts[what] += 1

    def _warn(self, verb: str, error: OSError) -> None:
        with self._lock:
            first, self._warned = not self._warned, True
        if first:
            warnings.warn(
                f"cannot {verb} the cache of compiled programs in {self.path} ({error.strerror or error}); programs are "
                "compiled anew in each process. Set GRAPHC_CACHE_DIR to a folder that can be written, or GRAPHC_CACHE=off.",
                GraphcWarning,
                stacklevel=3,
            )


class Draft:
    """An entry that is being written. What cannot be written is given up with a warning, and the rest is ignored.

    Made by ``DiskCache.draft``; used in a ``with`` statement, at whose end there is the entry or nothing.
    """

    def __init__(self, cache: DiskCache, digest: str, parts: dict[str, str]):
        self._cache, self._digest, self._parts = cache, digest, parts
        self._writer: Writer | None = None

    def __enter__(self) -> "Draft":
        return self

    def __exit__(self, *_) -> None:
        self._abandon()

    def begin(self, names: Iterable[str]) -> None:
        """Make the file, for sections of these names in their order."""
        cache, names = self._cache, (_PARTS, *names)
        if _PARTS in names[1:]:
            raise UsageError(f"cache: the section name {_PARTS!r} belongs to the cache itself")
        if cache.path is None:
            return
        path = cache._entry_path(self._digest)
        try:
            cache.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._writer = Writer(path, names, durable=False)  # a damaged entry is found, and made again
        except OSError as error:
            cache._warn("write", error)
        self.add(_shortened(self._parts))

    def add(self, value) -> None:
        """The content of the next section."""
        if self._writer is not None:
            try:
                self._writer.add(value)
            except OSError as error:
                self._cache._warn("write", error)
                self._abandon()

    def keep(self) -> bool:
        """The file becomes the entry; answers whether it did."""
        if self._writer is None:
            return False
        cache, writer = self._cache, self._writer
        self._writer = None
        path = cache._entry_path(self._digest)
        try:
            size = writer.close()
            if size > cache.limit:
                _remove(path)
                return False
            if size * _LARGE > cache.limit or sum(self._digest.encode()) % _SELDOM == 0:  # listing a folder takes time
                cache._shrink(path)
        except OSError as error:
            cache._warn("write", error)
            return False
        cache._count("writes")
        return True

    def kept(self) -> Container | None:
        """The entry that ``keep`` made, not read again; None where it is gone already."""
        try:
            return Container.open(self._cache._entry_path(self._digest), verify=False)
        except (FormatError, OSError):
            return None

    def _abandon(self) -> None:
        if self._writer is not None:
            self._writer.abandon()
            self._writer = None


class _Nothing:
    """An empty folder."""

    def __enter__(self):
        return ()

    def __exit__(self, *_):
        return None


def digest_of(parts: dict[str, str]) -> str:
    """The digest of named key parts: any change of any name or value gives another one."""
    state = hashlib.sha256()
    for name, value in sorted(parts.items()):
        for text in (name.encode(), value.encode()):
            state.update(len(text).to_bytes(8, "little") + text)
    return state.hexdigest()


_default: dict[tuple, DiskCache] = {}
_default_lock = threading.Lock()


def default_cache() -> DiskCache:
    """The cache that the environment asks for: GRAPHC_CACHE, GRAPHC_CACHE_DIR, GRAPHC_CACHE_LIMIT, XDG_CACHE_HOME."""
    path, limit = _folder_from_environment(), _limit_from_environment()
    with _default_lock:
        return _default.setdefault((path, limit), DiskCache(path, limit))


def _folder_from_environment() -> str | None:
    if os.environ.get("GRAPHC_CACHE", "").strip().lower() in ("off", "0", "no", "false"):
        return None
    folder = os.environ.get("GRAPHC_CACHE_DIR")
    if folder:
        return folder
    home = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    return os.path.join(home, "graphc") if os.path.isabs(home) else None


def _limit_from_environment() -> int:
    text = os.environ.get("GRAPHC_CACHE_LIMIT", "").strip()
    if not text:
        return _DEFAULT_LIMIT
    number, unit = text.rstrip("KMGkmg"), text[-1].upper()
    if not number.isdecimal():
        raise UsageError(f"GRAPHC_CACHE_LIMIT={text}: must be a number of bytes, or a number with K, M or G such as 512M")
    return int(number) << {"K": 10, "M": 20, "G": 30}.get(unit, 0)


def _shortened(parts: dict[str, str]) -> dict[str, str]:
    """Key parts as they are stored: long ones by their digest."""
    return {
        name: value if len(value) <= _LONGEST else f"sha256 {hashlib.sha256(value.encode()).hexdigest()[:32]} of {len(value)} characters"
        for name, value in parts.items()
    }


def _touch(path: Path) -> None:
    """Note the use, so that `_shrink` removes what was not used for longest."""
    try:
        os.utime(path)
    except OSError:
        pass  # a folder that is shared read-only


def _remove(path: Path) -> None:
    try:
        os.unlink(path)
    except OSError:
        pass  # another process was faster, or it cannot be removed: both are no reason to fail
