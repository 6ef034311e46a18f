"""Names of devices, and what several of them say together."""

from __future__ import annotations

import functools
import re

from graphc.errors import GraphError, explain

_FORM = re.compile(
    r"(?:/job:(\w+))?(?:/replica:(\w+))?(?:/task:(\w+))?(?:/job:(\w+))?"
    r"(?:/?(?:device:)?(cpu|gpu|CPU|GPU|XLA_CPU|XLA_GPU|TPU|tpu)?(?::(\d+|\*))?)"
)
_PARTS = ("job", "replica", "task")


@functools.lru_cache(256)
def _parts(name: str) -> tuple | None:
    """Job, replica, task, kind, number, each None where the name does not say; None where it names no device."""
    found = _FORM.fullmatch(name)
    if not found:
        return None
    job, replica, task, late_job, kind, number = found.groups()
    return job or late_job, replica, task, kind and kind.upper(), number if number != "*" or kind else None


def canonical_device(name: str) -> str:
    """``/cpu:0`` and ``/device:CPU:0`` as ``/device:CPU:0``; jobs, replicas and tasks stay in front.

    Raises:
        GraphError: it names no device.
    """
    parts = _parts(name) if isinstance(name, str) else None
    if parts is None:
        raise GraphError(explain(f"{name!r} is not a device; names look like '/cpu:0' or '/device:GPU:0'"))
    *where, kind, number = parts
    return _text((*where, kind, (number or "0") if kind else None))


def merged_device(outer: str, inner: str) -> str:
    """The device that two canonical names say together; the inner one counts where both say something."""
    if not inner or not outer:
        return inner or outer
    a, b = _parts(outer), _parts(inner)
    device = b[3:] if b[3] else a[3:]
    return _text((*(y if y is not None else x for x, y in zip(a[:3], b[:3])), *device))


def _text(parts: tuple) -> str:
    where = "".join(f"/{label}:{value}" for label, value in zip(_PARTS, parts) if value is not None)
    return f"{where}/device:{parts[3]}:{parts[4]}" if parts[3] else where
