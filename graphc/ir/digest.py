"""The digest of bytes that may be many: SHA-256 over the SHA-256 of their pieces, which threads compute side by side."""

from __future__ import annotations

import hashlib
import os
import threading

import numpy as np

PIECE = 1 << 20
_WORTH_THREADS = 2 << 20  # bytes, more than a millisecond of work
_MOST_THREADS = 4


class Digest:
    """A digest of bytes that come one chunk after the other: ``digest_of_bytes`` of them joined."""

    def __init__(self):
        self._pieces: list[bytes] = []
        self._open, self._space = hashlib.sha256(), PIECE

    def update(self, chunk) -> None:
        view = memoryview(chunk).cast("B")
        while len(view):
            if not self._space:
                self._pieces.append(self._open.digest())
                self._open, self._space = hashlib.sha256(), PIECE
            part = view[: self._space]
            self._open.update(part)
            self._space -= len(part)
            view = view[len(part) :]

    def digest(self) -> bytes:
        return _joined([*self._pieces, self._open.digest()])


def digest_of_bytes(content, copy: np.ndarray | None = None) -> bytes:
    """32 bytes that name the content: plain SHA-256 of up to a MiB, else SHA-256 of the digests of all MiBs in order.

    Args:
        copy: as many bytes, which the content is copied to; what is named is what they are then.
    """
    view = np.frombuffer(content, np.uint8)
    starts = range(0, max(len(view), 1), PIECE)
    found: list = [None] * len(starts)

    def work(first: int, step: int) -> None:
        for k in range(first, len(starts), step):
            piece = view[starts[k] : starts[k] + PIECE]
            if copy is not None:
                copy[starts[k] : starts[k] + PIECE] = piece
                piece = copy[starts[k] : starts[k] + PIECE]
            found[k] = hashlib.sha256(piece).digest()

    count = min(_cpus(), _MOST_THREADS) if len(view) >= _WORTH_THREADS else 1
    others = [threading.Thread(target=work, args=(k, count), name="graphc-digest") for k in range(1, count)]
    for thread in others:
        thread.start()
    work(0, count)
    for thread in others:
        thread.join()
    return _joined(found)


def _joined(pieces: list[bytes]) -> bytes:
    return pieces[0] if len(pieces) == 1 else hashlib.sha256(b"".join(pieces)).digest()


def _cpus() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
