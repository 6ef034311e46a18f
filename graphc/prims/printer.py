"""TensorFlow 1's way of printing values: all of them on one line of stderr, a limited number of times."""

from __future__ import annotations

import json
import sys
import threading

import numpy as np

from graphc.prims.effects import shown


class Printer:
    """Prints a message and the first ``summarize`` elements of values (all if negative), at most ``first_n`` times."""

    def __init__(self, name: str, message: str, first_n: int | None, summarize: int):
        self.name, self._message, self._left, self._limit = name, message, first_n, summarize
        self._lock = threading.Lock()

    def show(self, *values) -> tuple:
        """Print them."""
        with self._lock:
            if self._left is not None:
                if self._left <= 0:
                    return ()
                self._left -= 1
        sys.stderr.write(self._message + "".join([f"[{summary(v, self._limit)}]" for v in values]) + "\n")
        sys.stderr.flush()
        return ()

    def gives_way(self, method: str, arguments) -> bool:
        """True: printing is not waited for."""
        return True

    def cancel(self) -> None:
        """Nothing waits for it."""


def summary(value: np.ndarray, limit: int) -> str:
    """The first ``limit`` elements in row-major order, in the brackets of their axes but the first."""
    limit = value.size if limit < 0 else limit
    flat, width = value.reshape(-1)[:limit], value.shape[-1] if value.ndim else 1
    if not value.ndim:
        return _element(value[()])
    parts, blocks = [], np.cumprod(value.shape[:0:-1]).tolist()  # sizes of the inner axes, innermost first
    for k, element in enumerate(flat):
        opened = sum(k % block == 0 for block in blocks)
        parts.append("]" * (opened if k else 0) + "[" * opened + (" " if k and not opened else "") + _element(element))
    inside = "".join(parts)
    if len(flat) and blocks:
        cut = "..." if len(flat) < value.size and len(flat) % width else ""
        inside += cut + "]" * len(blocks)
    return inside + ("..." if len(flat) < value.size else "")


def _element(value) -> str:
    if isinstance(value, (bytes, str)):
        return value.decode("utf-8", "replace") if isinstance(value, bytes) else value
    return shown(np.asarray(value), -1)


def definition_of(name: str, message: str, first_n: int | None, summarize: int) -> str:
    """A Printer as text, from which it can be made."""
    return json.dumps(["Print", name, message, first_n, summarize])


def made(definition: str) -> Printer:
    """The Printer that a text defines, which has not printed yet."""
    return Printer(*json.loads(definition)[1:])
