"""The native support library of this process: the thread pool and the fast call path, loaded once."""

from __future__ import annotations

import ctypes
import functools
import os
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from graphc.ir.target import TARGETS, X86_64, Target
from graphc.runtime import call_layout, call_test
from graphc.runtime.assembled import assembled
from graphc.runtime.cache import default_cache, digest_of
from graphc.runtime.host import host_target
from graphc.runtime.library import Library
from graphc.runtime.pool import default_threads, pool_text

_CALL_FILES = ("call", "call_turn", "call_memory", "call_arguments", "call_results", "call_aligned", "call_box", "buffer")
_EXPORTS = [
    "gc_parallel",
    "gc_pool_configure",
    "gc_pool_started",
    "gc_pool_reset_after_fork",
    "gc_call",
    "gc_call_exact",
    "gc_call_boxed",
    "gc_call_gated",
    "gc_call_alone",
    "gc_call_configure",
    "gc_handler",
    "gc_turn_enter",
    "gc_turn_leave",
    "gc_turn_after_fork",
    "gc_memory_new",
    "gc_memory_free",
    "gc_probe",
    "gc_probe_arena",
    "gc_probe_shapes",
    "gc_buffer_configure",
    "gc_buffer_get",
]
_FORMAT = "7"  # raised when the compiler, the linker or the order of exports changes


@dataclass(frozen=True)
class Support:
    """The loaded support library.

    Attributes:
        native_calls: whether the fast call path works here; where it does not, programs are called through ctypes.
        reason: why it does not, for people; empty where it does.
    """

    library: Library
    native_calls: bool
    reason: str

    def set_threads(self, count: int) -> None:
        """Use up to ``count`` threads from now on, the calling one included."""
        _void(self.library, "gc_pool_configure", ctypes.c_int32)(count)

    @property
    def workers(self) -> int:
        """How many threads of the pool exist; 0 before the first run that was split."""
        return ctypes.CFUNCTYPE(ctypes.c_int32)(self.library.address("gc_pool_started"))()


_support: Support | None = None
_made: dict[str, bytes] = {}  # libraries by digest, for where there is no cache
_lock = threading.Lock()


def load_support(made: Mapping[str, bytes] | None = None) -> Support:
    """The support library of this process, loaded (and where needed compiled) by the first call.

    Args:
        made: what ``support_file`` made somewhere else, by digest; used where the cache has no such library.

    Raises:
        DeviceUnavailable, CompileError: no code can be made for this machine.
    """
    global _support
    if _support is None:
        with _lock:
            if _support is None:
                _support = _load(made or {})
    return _support


def _load(made: Mapping[str, bytes]) -> Support:
    library = Library(support_file(host_target(), made)[1], shared=True)
    reset = _void(library, "gc_pool_reset_after_fork")
    support = Support(library, False, "")
    support.set_threads(default_threads())
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=reset)
    reason = call_layout.why_unusable()
    if not reason:
        addresses = call_layout.python_addresses(library.address("gc_handler"))
        _void(library, "gc_call_configure", ctypes.c_void_p)(addresses.ctypes.data)
        reason = call_test.why_wrong(library)
    return Support(library, not reason, reason)


def support_file(target: Target, made: Mapping[str, bytes] | None = None) -> tuple[str, bytes]:
    """The digest and the content of the library for a target: from the cache, from ``made``, else compiled now."""
    source = source_for(target)
    content = _found(source, made or {})
    if content is None:
        from graphc.runtime.jit import compile_object  # the compiler is loaded only where there is something to compile

        provide(source, compile_object(*source.module))
        content = _made[source.digest]
    return source.digest, content


@dataclass(frozen=True)
class Source:
    """What the library is made of, and the digest by which it is kept."""

    text: str
    target: Target
    digest: str
    parts: Mapping[str, str]

    @functools.cached_property
    def module(self) -> tuple[str, Target, bool]:
        """What the compiler is given: text, target, and whether it is as people wrote it."""
        here = self.target.triple == host_target().triple  # LLVM is prepared to read no other machine's assembly
        finished = assembled(self.target, self.digest) if here else None
        return finished or self.text, self.target, finished is None


def missing() -> Source | None:
    """What must be compiled before the first call in this process, so that it can be while something else is.

    None where the library is loaded, or in the cache.
    """
    if _support is not None:
        return None
    source = source_for(host_target())
    return source if _found(source, {}) is None else None


def provide(source: Source, content: bytes) -> None:
    """Link and keep the object that ``source`` became."""
    from graphc.runtime.elf import link_shared

    library = _made[source.digest] = link_shared([content], _EXPORTS)
    default_cache().put(source.digest, {"library": library}, dict(source.parts))


def source_for(target: Target) -> Source:
    """What the library for a target is made of."""
    target = _least(target)
    text = support_text(target)
    parts = {"what": "support", "format": _FORMAT, "target": target.name, "text": text}
    return Source(text, target, digest_of(parts), parts)


def _found(source: Source, made: Mapping[str, bytes]) -> bytes | None:
    entry = default_cache().get(source.digest)
    if entry is not None and "library" in entry:
        return bytes(entry["library"])
    found = made.get(source.digest, _made.get(source.digest))
    return None if found is None else bytes(found)


def _least(target: Target) -> Target:
    """Nothing here profits from a newer processor, so one file serves all of a family."""
    return X86_64 if target.triple == X86_64.triple else TARGETS[target.name]


def support_text(target: Target) -> str:
    """The module as text: the pool and the call path."""
    folder = Path(__file__).parent
    calls = [(folder / f"{name}.ll").read_text(encoding="utf-8") for name in _CALL_FILES]
    return "\n".join([pool_text(target), *calls])


def _void(library: Library, name: str, *arguments):
    return ctypes.CFUNCTYPE(None, *arguments)(library.address(name))
